"""Values that one root passes to another: which roots are meant, and what is seen of a value."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from passrole_checks.iam.values.nodes import Choice, StringNode, UnresolvedKind, nodes_in
from passrole_checks.scan.result import ScannedUnit
from passrole_checks.scan.scanner import ScanOptions, read_paths, scan_paths, scan_unit
from passrole_checks.sources import detect
from passrole_checks.sources.links import connect_roots, follow_links
from passrole_checks.sources.model.configuration import NO_INPUTS
from passrole_checks.sources.model.links import Link, LinkSurface
from passrole_checks.sources.unit import Unit

ROLE = "arn:aws:iam::111122223333:role/handed-over"
BACKEND = 'terraform {\n  backend "%s" {\n%s\n  }\n}\n'
OUTPUT = f'output "role" {{\n  value = "{ROLE}"\n}}\n'
READ = 'data "terraform_remote_state" "s" {\n  backend = "%s"\n  config = {\n%s\n  }\n}\n'
PASS = """\
resource "aws_iam_user_policy" "p" {
  user = "u"
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "iam:PassRole", Resource = %s }]
  })
}
"""
OUTPUT_ROLE = PASS % "data.terraform_remote_state.s.outputs.role"
IMPORT = """\
Resources:
  P:
    Type: AWS::IAM::ManagedPolicy
    Properties:
      PolicyDocument:
        Statement: {Effect: Allow, Action: iam:PassRole, Resource: %s}
"""
EXPORT = "Resources: {T: {Type: AWS::SNS::Topic}}\nOutputs:\n  R: {Value: %s, Export: {Name: %s}}\n"


@pytest.fixture
def top(tmp_path: Path) -> Path:
    (tmp_path / ".git").mkdir()
    return tmp_path


def write(top: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).write_text(text, encoding="utf-8")


def links(top: Path, files: Mapping[str, str] = {}) -> dict[str, tuple[Link, ...]]:
    """Write files, and return the links of each root that has any."""
    write(top, files)
    units = connect_roots.connect_roots(detect.discover([top]).units, NO_INPUTS)
    return {unit.path.relative_to(top).as_posix(): unit.links for unit in units if unit.links}


def roles(top: Path, files: Mapping[str, str] = {}) -> list[str]:
    """Write files, and return the roles that their statements name, by scanning both ways around."""
    write(top, files)
    found, paths = [], sorted(path for path in top.iterdir() if path.name != ".git")
    for order in (paths, paths[::-1]):
        result = scan_paths(order, ScanOptions())
        assert not result.unreadable
        found.append([str(role.pattern) for grant in result.grants for role in grant.grant.roles])
    assert found[0] == found[1]
    return found[0]


@pytest.mark.parametrize(
    ("kind", "backend", "config"),
    [
        ("s3", 'bucket = "b"\nkey = "k"', 'bucket = "b"\nkey = "k"'),
        ("s3", 'bucket = "b"\nkey = "x/key.tfstate"\nregion = "r"', 'bucket = "b"\nkey = "${local.x}/key.tfstate"'),
        (
            "s3",
            'bucket = "b"\nkey = "x/key.tfstate"',
            'bucket = "b"\nkey = "env:/${terraform.workspace}/x/key.tfstate"',
        ),
        ("gcs", 'bucket = "b"\nprefix = "p/q"', 'bucket = "b"\nprefix = "p/q"'),
        ("http", 'address = "https://e.test/s"', 'address = "https://e.test/s"'),
        ("local", 'path = "state/x.tfstate"', 'path = "../a/state/x.tfstate"'),
        (
            "azurerm",
            'storage_account_name = "s"\ncontainer_name = "c"\nkey = "k.tfstate"',
            'storage_account_name = "s"\ncontainer_name = "c"\nkey = "k.tfstate"\nresource_group_name = "g"',
        ),
        (
            "remote",
            'organization = "o"\nworkspaces {\n name = "w"\n}',
            'organization = "o"\nworkspaces = {\n name = "w"\n}',
        ),
    ],
)
def test_state_of_a_backend(kind: str, backend: str, config: str, top: Path) -> None:
    """The outputs are those of the root with the same location of its state."""
    reader = 'locals {\n  x = "x"\n}\n' + READ % (kind, config) + OUTPUT_ROLE
    files = {"a/main.tf": BACKEND % (kind, backend) + OUTPUT, "b/main.tf": reader}
    assert roles(top, files) == [ROLE]


def test_state_without_a_backend_block_is_a_local_file(top: Path) -> None:
    reader = READ % ("local", 'path = "${path.module}/../a/terraform.tfstate"') + OUTPUT_ROLE
    assert roles(top, {"a/main.tf": OUTPUT, "b/main.tf": reader}) == [ROLE]


@pytest.mark.parametrize(
    "backend",
    ["", 'bucket = "b"', 'bucket = "b"\nkey = "other"', 'bucket = "other"\nkey = "some/key"', "dynamodb_table = var.x"],
)
def test_state_of_another_or_an_unknown_location_stays_unresolved(backend: str, top: Path) -> None:
    reader = READ % ("s3", 'bucket = "b"\nkey = "some/key"') + OUTPUT_ROLE
    files = {"a/main.tf": BACKEND % ("s3", backend) + OUTPUT, "b/main.tf": reader}
    assert roles(top, files) == ["${data.terraform_remote_state.s.outputs.role}"]


def test_backends_given_in_parts_are_variants(top: Path) -> None:
    """Two roots leave out the bucket of the same key; one has another key."""
    reader = READ % ("s3", 'bucket = "b"\nkey = "some/key"') + OUTPUT_ROLE
    roots = {f"{name}/main.tf": BACKEND % ("s3", 'key = "some/key"') + OUTPUT.replace("over", name) for name in "ac"}
    other = BACKEND % ("s3", 'key = "other"') + OUTPUT
    found = links(top, {**roots, "other/main.tf": other, "reader/main.tf": reader})
    assert [link.root for link in found["reader"]] == ["a", "c"]
    configuration = dict(read_paths([top / "reader", top / "a", top / "c"], ScanOptions()).units)[top / "reader"]
    choices = [node for node in nodes_in(configuration.policies[0].document) if isinstance(node, Choice)]
    outcomes = [outcome.otherwise for choice in choices for outcome, _ in choice.options]
    assert outcomes == [False, False, True]


def test_values_are_followed_through_several_roots(top: Path) -> None:
    """An output of a state, stored as an SSM parameter, exported by a template."""
    parameter = 'resource "aws_ssm_parameter" "p" {\n  name = "/p"\n  value = %s\n}\n'
    files = {
        "a/main.tf": BACKEND % ("s3", 'bucket = "b"\nkey = "some/key"') + OUTPUT,
        "b/main.tf": READ % ("s3", 'bucket = "b"\nkey = "some/key"')
        + parameter % "data.terraform_remote_state.s.outputs.role",
        "c.yaml": EXPORT % ("'{{resolve:ssm:/p}}'", "e"),
        "d.yaml": IMPORT % "!ImportValue e",
    }
    assert roles(top, files) == [ROLE]


def test_values_in_a_circle_are_unresolved(top: Path) -> None:
    """Each export contains the other one."""
    files = {
        "a.yaml": EXPORT % ("{'Fn::Sub': ['a-${x}', {x: !ImportValue b}]}", "a"),
        "b.yaml": EXPORT % ("{'Fn::Sub': ['b-${x}', {x: !ImportValue a}]}", "b"),
        "c.yaml": IMPORT % "!ImportValue a",
    }
    assert roles(top, files) == ["${Fn::ImportValue a}"]


@pytest.mark.parametrize(
    ("name", "exported", "is_found"),
    [
        ("shared", "shared", True),
        ("shared", "Shared", False),
        ("prod-role", "!Sub '${AWS::StackName}-role'", True),
        ("prod-role", "!Sub '${AWS::StackName}-other'", False),
        ("!Sub '${Stack}-role'", "prod-role", True),
        ("!Sub '${Stack}-role'", "!Sub '${AWS::StackName}-role'", True),
        ("!Sub '${Stack}-x-role'", "!Sub '${AWS::StackName}-role'", True),
        ("!Sub '${Stack}-x'", "!Sub '${AWS::StackName}-role'", False),
        ("!Sub 'team-${Stack}'", "!Sub '${AWS::StackName}-role'", False),
        ("!Ref Stack", "shared", False),
    ],
)
def test_names_of_exports(name: str, exported: str, is_found: bool, top: Path) -> None:
    """Names with the name of a stack match as patterns; a name of which nothing is known matches none."""
    reader = "Parameters: {Stack: {Type: String}}\n" + IMPORT % f"{{'Fn::ImportValue': {name}}}"
    assert (roles(top, {"a.yaml": EXPORT % (ROLE, exported), "b.yaml": reader}) == [ROLE]) is is_found


@pytest.mark.parametrize(
    ("exported", "limits"),
    [(["p-denied"], True), (["!Sub '${AWS::StackName}-denied'"], False), (["p-denied", "p-denied"], False)],
)
def test_an_inferred_export_takes_nothing_away(exported: list[str], limits: bool, top: Path) -> None:
    """A Deny of an export counts if its name and its value are certain."""
    statements = (
        "[{Effect: Allow, Action: iam:PassRole, Resource: '*'},"
        " {Effect: Deny, Action: iam:PassRole, Resource: !ImportValue p-denied}]"
    )
    values = ("'*'", "'arn:aws:iam::*:role/*'")
    exports = {f"{n}.yaml": EXPORT % (values[n], name) for n, name in enumerate(exported)}
    reader = (IMPORT % "'*'").split("        Statement")[0] + f"        Statement: {statements}\n"
    write(top, {**exports, "reader.yaml": reader})
    result = scan_paths([top], ScanOptions())
    assert [one.check_id for one in result.findings] == ([] if limits else ["PASSROLE_001"])


def test_exact_names_win_over_patterns(top: Path) -> None:
    files = {
        "a.yaml": EXPORT % (ROLE, "prod-role"),
        "b.yaml": EXPORT % ("arn:aws:iam::*:role/*", "!Sub '${AWS::StackName}-role'"),
        "c.yaml": IMPORT % "!ImportValue prod-role",
    }
    assert roles(top, files) == [ROLE]


def test_too_many_roots_for_one_name_stay_unresolved(top: Path) -> None:
    exports = {f"x{number}.yaml": EXPORT % (f"{ROLE}{number}", "!Sub '${AWS::StackName}-r-1'") for number in range(9)}
    assert roles(top, {**exports, "r.yaml": IMPORT % "!ImportValue p-r-1"}) == ["${Fn::ImportValue p-r-1}"]


def test_names_of_the_other_root_are_not_those_of_the_reader(top: Path) -> None:
    """Both have a role of this address; the reader passes that of the other root."""
    role = 'resource "aws_iam_role" "x" {\n  name = "%s"\n  assume_role_policy = "{}"\n}\n'
    files = {
        "a/main.tf": BACKEND % ("s3", 'bucket = "b"\nkey = "some/key"')
        + role % "of-a"
        + 'output "role" {\n  value = aws_iam_role.x.arn\n}\n',
        "b/main.tf": READ % ("s3", 'bucket = "b"\nkey = "some/key"') + role % "of-b" + OUTPUT_ROLE,
    }
    assert roles(top, files) == ["arn:${partition}:iam::${account id}:role/of-a"]


def test_values_of_another_account(top: Path) -> None:
    """Stacks of two accounts share no parameter; a state is read across accounts, and keeps its account."""
    provider = 'provider "aws" {\n  allowed_account_ids = ["%s"]\n}\n'
    mine, other = provider % "111122223333", provider % "444455556666"
    written = 'resource "aws_ssm_parameter" "p" {\n  name = "/p"\n  value = aws_iam_role.x.arn\n}\n'
    role = 'resource "aws_iam_role" "x" {\n  name = "x"\n  assume_role_policy = "{}"\n}\n'
    output = 'output "role" {\n  value = aws_iam_role.x.arn\n}\n'
    backend = BACKEND % ("s3", 'bucket = "b"\nkey = "some/key"')
    read = READ % ("s3", 'bucket = "b"\nkey = "some/key"') + 'data "aws_ssm_parameter" "p" {\n  name = "/p"\n}\n'
    statement = PASS % "[data.terraform_remote_state.s.outputs.role, data.aws_ssm_parameter.p.value]"
    files = {"a/main.tf": other + backend + written + role + output, "b/main.tf": mine + read + statement}
    assert roles(top, files) == ["arn:${partition}:iam::444455556666:role/x", "${data.aws_ssm_parameter.p.value}"]
    files = {"a/main.tf": files["a/main.tf"].replace("444455556666", "111122223333")}
    assert roles(top, files) == ["arn:${partition}:iam::${account id}:role/x"] * 2
    link = next(iter(links(top)["b"]))
    assert isinstance(link.value, StringNode)
    assert UnresolvedKind.ACCOUNT_ID in {part.kind for part in link.value.unresolved_parts}


def test_data_source_in_a_module(top: Path) -> None:
    """A module reads the state at the location that its caller gives; the output is named in the module."""
    files = {
        "a/main.tf": BACKEND % ("s3", 'bucket = "b"\nkey = "some/key"') + OUTPUT,
        "b/main.tf": 'module "m" {\n  source = "./m"\n  key = "some/key"\n}\n',
        "b/m/main.tf": 'variable "key" {}\n' + READ % ("s3", 'bucket = "b"\nkey = var.key') + OUTPUT_ROLE,
    }
    assert roles(top, files) == [ROLE]


def test_policy_documents_are_handed_over(top: Path) -> None:
    """The document of an output is checked where it is attached, at the line that attaches it."""
    document = '{ Statement = [{ Effect = "Allow", Action = "iam:PassRole", Resource = "*" }] }'
    attach = 'resource "aws_iam_user_policy" "p" {\n  user = "u"\n  policy = %s\n}\n'
    write(
        top,
        {
            "a/main.tf": BACKEND % ("s3", 'bucket = "b"\nkey = "some/key"')
            + f'output "d" {{\n  value = jsonencode({document})\n}}\n',
            "b/main.tf": READ % ("s3", 'bucket = "b"\nkey = "some/key"')
            + attach % "data.terraform_remote_state.s.outputs.d",
        },
    )
    findings = [one for one in scan_paths([top], ScanOptions()).findings if one.resource.type == "aws_iam_user_policy"]
    assert [(one.check_id, one.at.line) for one in findings] == [("PASSROLE_001", 10)]


def test_nothing_is_evaluated_without_a_counterpart(top: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Texts tell that no root passes what others read, or that none reads what is passed."""
    monkeypatch.setattr(connect_roots, "LinkFollower", None)
    reader = READ % ("s3", 'bucket = "b"\nkey = "some/key"') + OUTPUT_ROLE
    assert links(top, {"a/main.tf": reader, "b.yaml": EXPORT % (ROLE, "e"), "c/main.tf": PASS % '"*"'}) == {}


def test_roots_without_links_are_the_same_objects(top: Path) -> None:
    write(top, {"a.yaml": EXPORT % (ROLE, "e"), "b.yaml": IMPORT % "!ImportValue other", "c.yaml": IMPORT % "'*'"})
    units = detect.discover([top]).units
    connected = connect_roots.connect_roots(units, NO_INPUTS)
    assert all(one is other for one, other in zip(units, connected, strict=True))


NAMED_ROLE = """\
resource "aws_iam_role" "r" {
  name = "%s"
  assume_role_policy = "{}"
}
resource "aws_iam_role_policy" "r" {
  role = aws_iam_role.r.id
  policy = jsonencode({ Statement = [{ Effect = "Allow", Action = %s, Resource = "*" }] })
}
"""
PASS_NAMED = """\
resource "aws_iam_role_policy" "p" {
  role = "deployer"
  policy = jsonencode({ Statement = [{
    Effect = "Allow", Action = "iam:PassRole", Resource = %s
    Condition = { StringEquals = { "iam:PassedToService" = "lambda.amazonaws.com" } }
  }] })
}
"""


def escalations(top: Path, files: Mapping[str, str]) -> list[str]:
    """Write files, and return the files with a statement by which a principal can escalate."""
    write(top, files)
    return [
        Path(one.at.file).parent.name
        for one in scan_paths([top], ScanOptions(checks=frozenset({"PASSROLE_008"}))).findings
    ]


@pytest.mark.parametrize("role", ['"arn:aws:iam::*:role/admin"', "data.aws_iam_role.r.arn"])
def test_roles_of_another_root_by_name(role: str, top: Path) -> None:
    """The holder of the policy has a policy in another root, and the role that it passes is declared in a third."""
    lookup = 'data "aws_iam_role" "r" {\n  name = "admin"\n}\n'
    files = {
        "deployers/main.tf": NAMED_ROLE % ("deployer", '["lambda:CreateFunction", "lambda:InvokeFunction"]'),
        "admins/main.tf": (NAMED_ROLE % ("admin", '"iam:*"')).replace('"{}"', TRUST),
        "reader/main.tf": lookup + PASS_NAMED % role,
    }
    assert escalations(top, files) == ["reader"]


TRUST = (
    'jsonencode({ Statement = [{ Effect = "Allow", Action = "sts:AssumeRole",'
    ' Principal = { Service = "lambda.amazonaws.com" } }] })'
)


def test_managed_policies_of_another_root_by_name(top: Path) -> None:
    """A template attaches the managed policy that another one declares, by its ARN."""
    statement = '{Effect: Allow, Action: "%s", Resource: "*"}'
    shared = "Resources:\n  P:\n    Type: AWS::IAM::ManagedPolicy\n    Properties:\n      ManagedPolicyName: shared\n"
    shared += "      PolicyDocument: {Statement: [%s, %s]}\n"
    reader = "Resources:\n  R:\n    Type: AWS::IAM::Role\n    Properties:\n      AssumeRolePolicyDocument: {}\n"
    reader += '      ManagedPolicyArns: [!Sub "arn:${AWS::Partition}:iam::${AWS::AccountId}:policy/shared"]\n'
    reader += "      Policies: [{PolicyName: p, PolicyDocument: {Statement: %s}}]\n"
    files = {
        "shared/t.yaml": shared % (statement % "lambda:CreateFunction", statement % "lambda:InvokeFunction"),
        "reader/t.yaml": reader % (statement % "iam:PassRole"),
    }
    assert escalations(top, {"reader/t.yaml": files["reader/t.yaml"]}) == []
    assert escalations(top, files) == ["reader"]


DECLARED = """\
resource "aws_iam_policy" "p" {
  name = "deploy"
  policy = jsonencode({ Statement = [{ Effect = "Allow", Action = "iam:PassRole", Resource = "*" }%s] })
}
"""
ATTACHES = 'resource "aws_iam_user_policy_attachment" "a" {\n  user = "ann"\n  policy_arn = %s\n}\n'
LOOKS_UP = 'data "aws_iam_policy" "d" {\n  name = "deploy"\n}\n'


@pytest.mark.parametrize(
    "text",
    [
        ATTACHES % '"arn:aws:iam::111122223333:policy/deploy"',
        ATTACHES % "data.aws_iam_policy.d.arn" + LOOKS_UP,
        'data "aws_caller_identity" "c" {}\n'
        + ATTACHES % '"arn:aws:iam::${data.aws_caller_identity.c.account_id}:policy/deploy"',
    ],
    ids=["literal", "looked up", "account id"],
)
def test_an_attached_policy_of_another_root_is_a_grant_at_the_attachment(text: str, top: Path) -> None:
    """With the principal, as if the document stood there; a Deny of a policy that may be of another account does not
    count."""
    denial = ', { Effect = "Deny", Action = "iam:PassRole", Resource = "*" }'
    write(top, {"policies/main.tf": DECLARED % "", "reader/main.tf": text})
    result = scan_paths([top], ScanOptions())
    assert {(Path(one.grant.at.file).parent.name, one.origin, one.principals) for one in result.grants} == {
        ("policies", "policy", ()),
        ("reader", "account_policy", ("ann",)),
    }
    reader = [one for one in result.findings if Path(one.at.file).parent.name == "reader"]
    assert [(one.check_id, one.principals) for one in reader] == [("PASSROLE_001", ("ann",))]
    assert not result.not_evaluated or "policy not found" not in str(result.not_evaluated)
    first, name, policy, last = (DECLARED % "").splitlines(keepends=True)
    write(top, {"policies/main.tf": first + policy + name + last})  # in another order
    assert {one.origin for one in scan_paths([top], ScanOptions()).grants} == {"policy", "account_policy"}
    if "111122223333" in text:
        write(top, {"policies/main.tf": DECLARED % denial})
        result = scan_paths([top], ScanOptions())
        assert [one.principals for one in result.findings] == [("ann",)]


def test_a_role_that_too_many_roots_declare_is_none_of_them(top: Path) -> None:
    """Ten are variants."""
    role = NAMED_ROLE % ("deployer", '["lambda:CreateFunction", "lambda:InvokeFunction"]')
    files = {f"root-{number}/main.tf": role for number in range(11)}
    assert escalations(top, {**files, "reader/main.tf": PASS_NAMED % '"*"'}) == []
    (top / "root-10" / "main.tf").unlink()
    assert escalations(top, {}) == ["reader"]


def test_trust_of_a_role_that_another_root_declares(top: Path) -> None:
    """It may be a role of this name in another account: that no service can use it is low."""
    role = (NAMED_ROLE % ("admin", '"iam:*"')).replace('"{}"', TRUST.replace("lambda", "ec2"))
    passing = PASS_NAMED % '"arn:aws:iam::*:role/admin"'
    write(top, {"a/main.tf": role, "reader/main.tf": passing})
    findings = scan_paths([top], ScanOptions(checks=frozenset({"PASSROLE_011"}))).findings
    assert {one.severity.value for one in findings} == {"low"}
    write(top, {"a/main.tf": role + passing})
    own = scan_paths([top / "a"], ScanOptions(checks=frozenset({"PASSROLE_011"}))).findings
    assert [one.severity.value for one in own] == ["medium"]


def test_resources_of_a_role_in_another_root_count_as_in_its_own(top: Path) -> None:
    """The ARN of a key is one resource, of which only the service is known."""
    key, worker, runner = (
        """  Key:
    Type: AWS::KMS::Key
    Properties: {KeyPolicy: {}}
""",
        """  Worker:
    Type: AWS::IAM::Role
    Properties:
      RoleName: worker
      AssumeRolePolicyDocument:
        Statement: [{Effect: Allow, Principal: {Service: ecs-tasks.amazonaws.com}, Action: sts:AssumeRole}]
      Policies:
        - PolicyName: keys
          PolicyDocument:
            Statement: [{Effect: Allow, Action: "kms:GenerateDataKey*", Resource: !GetAtt Key.Arn}]
""",
        """  Runner:
    Type: AWS::IAM::User
    Properties:
      Policies:
        - PolicyName: run
          PolicyDocument:
            Statement:
              - {Effect: Allow, Action: iam:PassRole, Resource: !Sub "arn:aws:iam::${AWS::AccountId}:role/worker"}
              - {Effect: Allow, Action: ["ecs:RunTask", "ecs:RegisterTaskDefinition"], Resource: "*"}
""",
    )
    write(top, {"own/all.yaml": f"Resources:\n{key}{worker}{runner}"})
    write(top, {"two/a.yaml": f"Resources:\n{key}{worker}", "two/b.yaml": f"Resources:\n{runner}"})
    own, two = (
        scan_paths([top / name], ScanOptions(checks=frozenset({"PASSROLE_008"}))).findings for name in ("own", "two")
    )
    assert [one.severity.value for one in own] == [one.severity.value for one in two] == ["low"]


PARAMETER = 'resource "aws_ssm_parameter" "p" {\n  name  = %s\n  type  = "%s"\n  value = "%s"\n}\n'
READ_PARAMETER = 'data "aws_ssm_parameter" "p" {\n  name = %s\n}\n' + PASS % "data.aws_ssm_parameter.p.value"


def evaluated(top: Path, files: Mapping[str, str], monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the roots that are evaluated for what they read or pass."""
    found: list[str] = []
    evaluate = follow_links.surface_of

    def record(unit: Unit, *how: Any, **more: Any) -> LinkSurface:
        found.append(unit.path.name if how[2] is None else f"{unit.path.name}: {len(how[2])}")
        return evaluate(unit, *how, **more)

    monkeypatch.setattr(follow_links, "surface_of", record)
    links(top, files)
    return sorted(found)


def test_only_roots_with_matching_names_are_evaluated(top: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {
        "writer/main.tf": PARAMETER % ('"/app/role"', "String", ROLE),
        "other-writer/main.tf": PARAMETER % ('"/web/role"', "String", ROLE),
        "reader/main.tf": READ_PARAMETER % '"/app/role"',
        "other-reader/main.tf": READ_PARAMETER % '"/db/role"',
    }
    assert evaluated(top, files, monkeypatch) == ["reader", "writer", "writer: 1"]


def test_computed_names_are_evaluated_before_the_readers_are_chosen(top: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {
        "writer/main.tf": 'locals {\n  name = "/app/role"\n}\n' + PARAMETER % ("local.name", "String", ROLE),
        "reader/main.tf": READ_PARAMETER % '"/app/role"',
        "other-reader/main.tf": READ_PARAMETER % '"/db/role"',
    }
    assert evaluated(top, files, monkeypatch) == ["reader", "writer", "writer: 1"]


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ('"/app/role"', '"/app/role"'),
        ("local.name", '"/app/role"'),
        ('"/app/role"', "local.name"),
        ("local.name", "local.name"),
        ('"/app/${local.last}"', '"/${local.first}/role"'),
        ('"${local.name}"', '"/app/${local.last}"'),
    ],
)
def test_parameters_with_literal_and_computed_names(written: str, read: str, top: Path) -> None:
    values = 'locals {\n  name  = "/app/role"\n  first = "app"\n  last  = "role"\n}\n'
    files = {
        "writer/main.tf": values + PARAMETER % (written, "String", ROLE),
        "reader/main.tf": values + READ_PARAMETER % read,
    }
    assert roles(top, files) == [ROLE]


@pytest.mark.parametrize("name", ['"/app/role"', "local.name"])
def test_secrets_are_not_followed(name: str, top: Path) -> None:
    values = 'locals {\n  name = "/app/role"\n}\n'
    files = {
        "writer/main.tf": values + PARAMETER % (name, "SecureString", "correct horse"),
        "reader/main.tf": READ_PARAMETER % '"/app/role"',
    }
    assert links(top, files) == {}


def test_secret_beside_another_parameter_in_json(top: Path) -> None:
    written = {"s": {"name": "/app/password", "type": "SecureString", "value": "x"}}
    written["r"] = {"name": "/app/role", "type": "String", "value": ROLE}
    files = {
        "writer/main.tf.json": json.dumps({"resource": {"aws_ssm_parameter": written}}),
        "reader/main.tf": READ_PARAMETER % '"/app/role"',
    }
    assert roles(top, files) == [ROLE]


def test_files_that_are_given_by_name_are_linked(top: Path) -> None:
    """As their root module; of two files of one module, one passes its values."""
    state = 'bucket = "b"\nkey = "k"'
    role = 'resource "aws_iam_role" "r" {\n  name = "deployer"\n  assume_role_policy = "{}"\n}\n'
    own = PASS.replace("aws_iam_user_policy", "aws_iam_role_policy").replace('user = "u"', 'role = "deployer"')
    files = {
        "a/main.tf": BACKEND % ("s3", state) + OUTPUT,
        "a/roles.tf": role,
        "b/main.tf": READ % ("s3", state) + own % "data.terraform_remote_state.s.outputs.role",
    }
    write(top, files)
    paths = [top / name for name in files]
    units = connect_roots.connect_roots(detect.discover(paths).units, NO_INPUTS)
    assert [(unit.only and unit.only.name, len(unit.links), len(unit.entities)) for unit in units] == [
        ("main.tf", 0, 1),
        ("roles.tf", 0, 1),
        ("main.tf", 1, 1),
    ]
    result = scan_paths(paths, ScanOptions())
    assert [str(one.pattern) for grant in result.grants for one in grant.grant.roles] == [ROLE]


def scans(top: Path, files: Mapping[str, str]) -> list[str]:
    """Write files, and return the roots in the order in which they are scanned."""
    write(top, files)
    found: list[str] = []

    def record(units: Sequence[detect.Unit], options: ScanOptions) -> Iterable[ScannedUnit]:
        for unit in units:
            found.append(unit.path.name)
            yield scan_unit(unit, options)

    scan_paths([top], ScanOptions(), record)
    return found


def test_only_roots_that_use_a_value_are_scanned_again(top: Path) -> None:
    """A value that no policy depends on does not change the result of its reader."""
    unused = 'data "aws_ssm_parameter" "p" {\n  name = "/app/role"\n}\n' + PASS % '"*"'
    files = {
        "a/main.tf": READ_PARAMETER % '"/app/role"',
        "b/main.tf": unused,
        "c/main.tf": PARAMETER % ('"/app/role"', "String", ROLE),
    }
    assert scans(top, files) == ["a", "b", "c", "a"]


def test_roots_that_name_roles_are_scanned_once_after_those_that_declare_them(top: Path) -> None:
    files = {
        "a/main.tf": PASS_NAMED % '"arn:aws:iam::*:role/admin"',
        "b/main.tf": NAMED_ROLE % ("admin", '"iam:*"'),
        "c/main.tf": PASS % '"*"',
    }
    assert scans(top, files) == ["b", "c", "a"]


def test_roots_that_name_roles_of_each_other_are_scanned_again(top: Path) -> None:
    files = {
        "a/main.tf": NAMED_ROLE % ("deployer", '"s3:*"') + PASS_NAMED % '"arn:aws:iam::*:role/admin"',
        "b/main.tf": NAMED_ROLE % ("admin", '"iam:*"') + PASS_NAMED % '"arn:aws:iam::*:role/deployer"',
    }
    assert scans(top, files) == ["a", "b", "a", "b"]
