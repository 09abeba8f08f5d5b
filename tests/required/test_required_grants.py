"""PassRole permissions for a deployment: minimal statements, clean and sufficient by our own engine.

Source: IAM User Guide, "Grant a user permissions to pass a role to an AWS service".
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from path_conditions_of_tests import pairs

from passrole_checks.cli import main
from passrole_checks.findings import Severity
from passrole_checks.iam.documents.policy import parse_document
from passrole_checks.iam.grants.grant import PassRoleGrant
from passrole_checks.iam.grants.subtract_denials import grants_of
from passrole_checks.iam.partial_values import Position, StringNode, Ternary, text
from passrole_checks.iam.roles.arn import matches
from passrole_checks.output.required import required_json
from passrole_checks.output.required_policy import statements_json, to_hcl, to_yaml
from passrole_checks.required.required_grants import Required, compute_required
from passrole_checks.scan.scanner import ScanOptions, read_paths, scan_paths

AT = Position("policy.json", 1)
A = "arn:aws:iam::111122223333:role/"
SAMPLES = Path(__file__).resolve().parents[2] / "sample_templates" / "required"


def required(folder: Path, account: str | None = "111122223333") -> Required:
    read = read_paths([folder], ScanOptions())
    assert read.unreadable == ()
    return compute_required([configuration for _, configuration in read.units], account)


def of(tmp_path: Path, content: str, name: str = "main.tf", account: str | None = "111122223333") -> Required:
    (tmp_path / name).write_text(content, encoding="utf-8")
    return required(tmp_path, account)


def rows(found: Required) -> list[tuple[str, str, str, int, tuple[str, ...], str]]:
    """Return role, resource, attribute, line, services, and how each role is passed."""
    return [
        (
            one.label,
            one.received.resource.address,
            one.received.attribute,
            one.received.at.line,
            tuple(name.removesuffix(".amazonaws.com") for name in one.services),
            one.how,
        )
        for one in found.received
    ]


def passes(found: Required) -> dict[str, list[str]]:
    """The resources of each PassRole statement by its services."""
    return {
        str(one["Condition"]["StringEquals"]["iam:PassedToService"]): one["Resource"]
        for one in statements_json(found)
        if one["Action"] == "iam:PassRole"
    }


def grants(document: str) -> tuple[PassRoleGrant, ...]:
    services = {"aws": frozenset({"ec2.amazonaws.com", "lambda.amazonaws.com"})}
    return tuple(grants_of(parse_document(text(document, AT)).statements, services, "111122223333"))


FUNCTION = """
resource "aws_iam_role" "app" {
  name               = "app"
  assume_role_policy = "{}"
}

resource "aws_lambda_function" "app" {
  function_name = "app"
  role          = aws_iam_role.app.arn
}
"""


# statements


def test_the_statements_are_the_smallest(tmp_path: Path) -> None:
    """One function needs its role, passed to Lambda alone, and iam:GetRole on it; nothing else."""
    assert statements_json(of(tmp_path, FUNCTION)) == [
        {
            "Sid": "PassRolesToLambda",
            "Effect": "Allow",
            "Action": "iam:PassRole",
            "Resource": [f"{A}app"],
            "Condition": {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}},
        },
        {"Sid": "ReadPassedRoles", "Effect": "Allow", "Action": "iam:GetRole", "Resource": [f"{A}app"]},
    ]


def test_services_that_are_passed_the_same_roles_share_a_statement(tmp_path: Path) -> None:
    """A role that goes to a function and to a state machine is passed by one statement with both services."""
    more = 'resource "aws_sfn_state_machine" "app" {\n  role_arn = aws_iam_role.app.arn\n}\n'
    found = statements_json(of(tmp_path, FUNCTION + more))
    assert [one["Sid"] for one in found] == ["PassRolesToLambdaAndStates", "ReadPassedRoles"]
    services = ["lambda.amazonaws.com", "states.amazonaws.com"]
    assert found[0]["Condition"] == {"StringEquals": {"iam:PassedToService": services}}


def test_services_with_roles_of_their_own_have_statements_of_their_own(tmp_path: Path) -> None:
    """No role may be passed to a service that none of the resources hands it to."""
    more = """
resource "aws_iam_role" "flow" {
  name               = "flow"
  assume_role_policy = "{}"
}

resource "aws_sfn_state_machine" "app" {
  role_arn = aws_iam_role.flow.arn
}
"""
    assert passes(of(tmp_path, FUNCTION + more)) == {
        "lambda.amazonaws.com": [f"{A}app"],
        "states.amazonaws.com": [f"{A}flow"],
    }


def test_without_an_account_its_place_is_named(tmp_path: Path) -> None:
    """Neither the account nor the partition is ever a wildcard: what is not known is a placeholder, told in a note."""
    found = of(tmp_path, FUNCTION, account=None)
    assert passes(found) == {"lambda.amazonaws.com": ["arn:aws:iam::${AWS::AccountId}:role/app"]}
    assert json.loads(required_json(found, (), ()))["notes"] == [
        "${AWS::AccountId}: account ID that is deployed to (fill in with --account ID)",
        "arn:aws: partition assumed, since no ARN in the code shows it",
    ]


@pytest.mark.parametrize(
    ("name", "content", "resource"),
    [
        ("main.tf", FUNCTION, "arn:aws:iam::${data.aws_caller_identity.current.account_id}:role/app"),
        (
            "main.tf",
            'variable "role_arn" {}\nresource "aws_lambda_function" "f" {\n  role = var.role_arn\n}\n',
            "${var.role_arn}",
        ),
        (
            "t.yaml",
            "Resources: {F: {Type: AWS::Lambda::Function, Properties: {Role: 'arn:aws:iam::111122223333:role/app'}}}",
            "arn:aws:iam::111122223333:role/app",
        ),
        (
            "t.yaml",
            "Resources: {F: {Type: AWS::Lambda::Function, Properties: {"
            'Role: !Sub "arn:aws:iam::${AWS::AccountId}:role/app"}}}',
            "arn:aws:iam::${AWS::AccountId}:role/app",
        ),
        (
            "t.yaml",
            "Parameters: {RoleArn: {Type: String}}\n"
            "Resources: {F: {Type: AWS::Lambda::Function, Properties: {Role: !Ref RoleArn}}}",
            "${RoleArn}",
        ),
    ],
)
def test_text_has_the_placeholders_of_the_language(
    name: str, content: str, resource: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Statements are pasted beside the code: those for Terraform have Terraform expressions."""
    (tmp_path / name).write_text(content, encoding="utf-8")
    assert main(["required", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    assert f'"{resource}"' in printed
    assert ("AWS::" in printed) == ("AWS::" in resource)


def test_unresolved_values_are_placeholders(tmp_path: Path) -> None:
    """A variable without a value in a name, or as the whole role, is a blank with a name of its own, told in a note."""
    found = of(
        tmp_path,
        """
variable "stage" {}
variable "role_arn" {}

resource "aws_iam_role" "app" {
  name               = "app-${var.stage}"
  assume_role_policy = "{}"
}

resource "aws_lambda_function" "app" {
  role = aws_iam_role.app.arn
}

resource "aws_lambda_function" "other" {
  role = var.role_arn
}
""",
    )
    assert passes(found) == {"lambda.amazonaws.com": [f"{A}app-${{Stage}}", "${RoleArn}"]}
    assert json.loads(required_json(found, (), ()))["notes"] == [
        "Stage: the value of var.stage (no default)",
        "RoleArn: the role ARN var.role_arn (no default)",
        "arn:aws: partition assumed, since no ARN in the code shows it",
    ]


@pytest.mark.parametrize(
    ("name", "pattern"),
    [
        ('name_prefix = "app-"', "app-*"),
        ("", "terraform-*"),
        ('name_prefix = ""', "terraform-*"),
        ('name = ""', "terraform-*"),
        ('path = "/team/"', "team/terraform-*"),
    ],
)
def test_generated_name_is_passed_as_a_prefix(tmp_path: Path, name: str, pattern: str) -> None:
    """A role whose name Terraform makes is named by what its name begins with, and a note says so."""
    found = of(tmp_path, FUNCTION.replace('name               = "app"', name))
    assert passes(found) == {"lambda.amazonaws.com": [A + pattern]}
    assert found.notes == (
        "the name of aws_iam_role.app is generated at deployment: the statements contain its prefix",
    )


def test_awscc_generated_name_is_unknown(tmp_path: Path) -> None:
    """The provider ``awscc`` leaves the name of a role without one to AWS: it has to be filled in."""
    found = of(
        tmp_path,
        'resource "awscc_iam_role" "app" {\n  assume_role_policy_document = "{}"\n}\n'
        'resource "awscc_lambda_function" "app" {\n  role = awscc_iam_role.app.arn\n}\n',
    )
    assert passes(found) == {"lambda.amazonaws.com": [f"{A}${{RoleAppRoleName}}"]}


def test_in_china_both_names_of_ec2_are_allowed(tmp_path: Path) -> None:
    """EC2 sends another name when it launches an instance there than when a role is put into a profile
    (aws/karpenter-provider-aws#6843)."""
    found = of(
        tmp_path,
        'resource "aws_iam_instance_profile" "host" {\n  role = "host"\n}\n'
        'resource "aws_lambda_function" "f" {\n  role = "arn:aws-cn:iam::111122223333:role/f"\n}\n',
    )
    assert {one.sid: one.services for one in found.statements} == {
        "PassRolesToEc2AndEc2AmazonawsComCn": ("ec2.amazonaws.com", "ec2.amazonaws.com.cn"),
        "PassRolesToLambda": ("lambda.amazonaws.com",),
        "ReadPassedRoles": (),
    }


# which role


def test_a_role_is_known_by_its_name_and_by_its_arn(tmp_path: Path) -> None:
    """A literal name or ARN of a role of this configuration is that role; with another path it is another."""
    found = of(
        tmp_path,
        """
resource "aws_iam_role" "job" {
  name               = "job"
  path               = "/glue/"
  assume_role_policy = "{}"
}

resource "aws_glue_job" "name" {
  role_arn = "glue/job"
}

resource "aws_glue_job" "arn" {
  role_arn = "arn:aws:iam::111122223333:role/glue/job"
}

resource "aws_glue_job" "other" {
  role_arn = "arn:aws:iam::111122223333:role/job"
}
""",
    )
    assert [row[0] for row in rows(found)] == ["aws_iam_role.job", "aws_iam_role.job", f"{A}job"]


def test_both_alternatives_are_passed_with_their_condition(tmp_path: Path) -> None:
    """A conditional needs both roles, each with its condition."""
    found = of(
        tmp_path,
        FUNCTION.replace("aws_iam_role.app.arn", 'var.own ? aws_iam_role.app.arn : "arn:aws:iam::111122223333:role/x"')
        + 'variable "own" {}\n',
    )
    assert [(one.label, pairs(one.when)) for one in found.received] == [
        ("aws_iam_role.app", (("var.own", "true"),)),
        (f"{A}x", (("var.own", "false"),)),
    ]


def test_instances_with_one_role_are_listed_once(tmp_path: Path) -> None:
    """Three instances of a block with one role are listed once, under the address of the block."""
    found = of(tmp_path, FUNCTION.replace('function_name = "app"', "count = 3"))
    assert rows(found) == [("aws_iam_role.app", "aws_lambda_function.app", "role", 9, ("lambda",), "passed")]


def test_role_of_an_instance_profile_is_passed(tmp_path: Path) -> None:
    """An instance and the profile itself both need the role; a missing profile is reported as unknown."""
    found = of(
        tmp_path,
        """
resource "aws_iam_role" "host" {
  name               = "host"
  assume_role_policy = "{}"
}

resource "aws_iam_instance_profile" "host" {
  name = "host-profile"
  role = aws_iam_role.host.name
}

resource "aws_instance" "reference" {
  iam_instance_profile = aws_iam_instance_profile.host.id
}

resource "aws_instance" "name" {
  iam_instance_profile = "host-profile"
}

resource "aws_instance" "other" {
  iam_instance_profile = "other"
}
""",
    )
    assert [(row[0], row[1]) for row in rows(found)] == [
        ("aws_iam_role.host", "aws_iam_instance_profile.host"),
        ("aws_iam_role.host", "aws_instance.reference"),
        ("aws_iam_role.host", "aws_instance.name"),
        ("the role in the instance profile other", "aws_instance.other"),
    ]
    assert passes(found) == {"ec2.amazonaws.com": [f"{A}host", "${RoleInOther}"]}


def test_a_role_of_another_account_is_not_passed(tmp_path: Path) -> None:
    """A deployment passes no role of another account; without the account this is unknown."""
    content = 'resource "aws_lambda_function" "f" {\n  role = "arn:aws:iam::444455556666:role/f"\n}\n'
    found = of(tmp_path, content)
    assert [row[-1] for row in rows(found)] == ["assumed"]
    assert found.statements == ()
    assert [row[-1] for row in rows(of(tmp_path, content, account=None))] == ["passed"]


def test_a_service_linked_role_is_passed_where_it_is_named(tmp_path: Path) -> None:
    """A group that names its service-linked role needs that one role; a group that names none needs nothing."""
    role = f"{A}aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling_own"
    found = of(
        tmp_path,
        f'resource "aws_autoscaling_group" "own" {{\n  service_linked_role_arn = "{role}"\n}}\n'
        'resource "aws_autoscaling_group" "default" {}\n',
    )
    assert passes(found) == {"autoscaling.amazonaws.com": [role]}


def test_the_callers_own_credentials_are_no_role(tmp_path: Path) -> None:
    """API Gateway takes the ARN of any user for the caller's credentials (AWS::ApiGateway::Method, Integration)."""
    found = of(tmp_path, 'resource "aws_api_gateway_integration" "i" {\n  credentials = "arn:aws:iam::*:user/*"\n}\n')
    assert found.received == ()


def test_shared_module_is_listed_once(tmp_path: Path) -> None:
    """Two roots that call one module with the same values pass the same role, in one place."""
    for name in ("one", "two", "shared"):
        (tmp_path / name).mkdir()
    (tmp_path / "shared" / "main.tf").write_text(FUNCTION, encoding="utf-8")
    for name in ("one", "two"):
        (tmp_path / name / "main.tf").write_text('module "app" {\n  source = "../shared"\n}\n', encoding="utf-8")
    found = required(tmp_path)
    assert [row[:2] for row in rows(found)] == [("module.app.aws_iam_role.app", "module.app.aws_lambda_function.app")]


def test_same_expression_in_two_configurations_is_two_placeholders(tmp_path: Path) -> None:
    """Two stacks have two names: each blank says of which file it is."""
    for name in ("one", "two"):
        template = {
            "Resources": {
                "Role": {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": {}}},
                "F": {"Type": "AWS::Lambda::Function", "Properties": {"Role": {"Fn::GetAtt": ["Role", "Arn"]}}},
            }
        }
        (tmp_path / f"{name}.json").write_text(json.dumps(template), encoding="utf-8")
    found = required(tmp_path)
    assert passes(found) == {"lambda.amazonaws.com": [f"{A}${{StackName}}-Role-*", f"{A}${{StackName2}}-Role-*"]}
    assert {blank.words: Path(blank.file).name for blank in found.blanks} == {
        ("StackName",): "one.json",
        ("StackName", "2"): "two.json",
    }


# templates


def test_cloudformation_makes_names_of_the_stack_and_the_logical_id(tmp_path: Path) -> None:
    """The start of a generated name is known: 24 characters of a long logical id; the stack name is a placeholder."""
    found = of(
        tmp_path,
        json.dumps(
            {
                "Resources": {
                    **{
                        name: {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": {}}}
                        for name in ("Short", "TheExecutionRoleOfAVeryLongName")
                    },
                    **{
                        f"F{number}": {
                            "Type": "AWS::Lambda::Function",
                            "Properties": {"Role": {"Fn::GetAtt": [name, "Arn"]}},
                        }
                        for number, name in enumerate(("Short", "TheExecutionRoleOfAVeryLongName"))
                    },
                }
            }
        ),
        "app.json",
    )
    assert passes(found) == {
        "lambda.amazonaws.com": [f"{A}${{StackName}}-Short-*", f"{A}${{StackName}}-TheExecutionRoleOfAVeryL*"]
    }


def test_a_name_inside_an_arn_is_the_role(tmp_path: Path) -> None:
    """``Fn::Sub`` of an ARN with ``Ref`` of a role is that role, and so is the name that both spell alike."""
    found = of(
        tmp_path,
        """
Parameters:
  Stage: {Type: String, AllowedPattern: "[a-z]+"}
Resources:
  Own:
    Type: AWS::IAM::Role
    Properties: {RoleName: !Sub "${Stage}-own", AssumeRolePolicyDocument: {}}
  ByReference:
    Type: AWS::Lambda::Function
    Properties: {Role: !Sub "arn:aws:iam::${AWS::AccountId}:role/${Own}"}
  ByWords:
    Type: AWS::Lambda::Function
    Properties: {Role: !Sub "arn:aws:iam::${AWS::AccountId}:role/${Stage}-own"}
""",
        "app.yaml",
    )
    assert [row[:2] for row in rows(found)] == [("Own", "ByReference"), ("Own", "ByWords")]
    assert passes(found) == {"lambda.amazonaws.com": [f"{A}${{Stage}}-own"]}


def test_launch_template_role_is_passed_at_launch(tmp_path: Path) -> None:
    """A role in a launch template is passed at deployment where instances are launched there."""
    template = """
Resources:
  Template:
    Type: AWS::EC2::LaunchTemplate
    Properties: {LaunchTemplateData: {IamInstanceProfile: {Name: !Ref Profile}}}
  Profile:
    Type: AWS::IAM::InstanceProfile
    Properties: {Roles: [host]}
  Group:
    Type: AWS::AutoScaling::AutoScalingGroup
    Properties: {MinSize: "0", MaxSize: "1"}
"""
    found = of(tmp_path, template, "app.yaml")
    assert [(row[0], row[1], row[-1]) for row in rows(found)] == [
        ("host", "Template", "passed"),
        ("host", "Profile", "passed"),
    ]


# output


def test_json_follows_the_contract(tmp_path: Path) -> None:
    """An entry says where a resource receives which role for which service, and how sure that is."""
    found = of(tmp_path, FUNCTION)
    document = json.loads(required_json(found, (), ()))
    entry = document["required"][0]
    lists = ["required", "statements", "policies", "notes", "unreadable", "faults", "not_evaluated", "excluded"]
    assert list(document) == ["version", *lists]
    assert document["version"] == 1
    assert entry.pop("file").endswith("main.tf")
    assert entry.pop("confidence") in ("high", "medium")
    assert entry == {
        "line": 9,
        "framework": "terraform",
        "resource": "aws_lambda_function.app",
        "type": "aws_lambda_function",
        "attribute": "role",
        "role": "aws_iam_role.app",
        "arn": "arn:${AWS::Partition}:iam::${AWS::AccountId}:role/app",
        "instance_profile": None,
        "services": ["lambda.amazonaws.com"],
        "passed": True,
        "how": "passed",
        "when": None,
    }


def test_hcl_is_a_data_document(tmp_path: Path) -> None:
    """As HCL the statements are a data document; the account and the partition are data sources."""
    assert (
        to_hcl(of(tmp_path, FUNCTION, account=None))
        == """\
data "aws_partition" "current" {}

data "aws_caller_identity" "current" {}

data "aws_iam_policy_document" "pass_roles" {
  statement {
    sid       = "PassRolesToLambda"
    actions   = ["iam:PassRole"]
    resources = [
      "arn:${data.aws_partition.current.partition}:iam::${data.aws_caller_identity.current.account_id}:role/app",
    ]

    condition {
      test     = "StringEquals"
      variable = "iam:PassedToService"
      values   = ["lambda.amazonaws.com"]
    }
  }

  statement {
    sid       = "ReadPassedRoles"
    actions   = ["iam:GetRole"]
    resources = [
      "arn:${data.aws_partition.current.partition}:iam::${data.aws_caller_identity.current.account_id}:role/app",
    ]
  }
}
"""
    )


def test_yaml_is_a_template(tmp_path: Path) -> None:
    """As YAML the statements are a managed policy; the account and the partition are pseudo parameters, and what has
    to be filled in are parameters."""
    found = of(
        tmp_path,
        FUNCTION.replace('name               = "app"', 'name = "app-${var.stage}"') + 'variable "stage" {}\n',
        account=None,
    )
    assert (
        to_yaml(found)
        == """\
AWSTemplateFormatVersion: "2010-09-09"
Parameters:
  Stage:
    Type: String
    Description: "the value of var.stage (no default)"
Resources:
  PassRoles:
    Type: AWS::IAM::ManagedPolicy
    Properties:
      PolicyDocument:
        Version: "2012-10-17"
        Statement:
          - Sid: PassRolesToLambda
            Effect: Allow
            Action: iam:PassRole
            Resource:
              - !Sub "arn:${AWS::Partition}:iam::${AWS::AccountId}:role/app-${Stage}"
            Condition:
              StringEquals:
                iam:PassedToService:
                  - lambda.amazonaws.com
          - Sid: ReadPassedRoles
            Effect: Allow
            Action: iam:GetRole
            Resource:
              - !Sub "arn:${AWS::Partition}:iam::${AWS::AccountId}:role/app-${Stage}"
"""
    )


@pytest.mark.parametrize(("options", "status"), [([], 0), (["--format", "json"], 0), (["--format", "hcl"], 0)])
def test_the_command_exits_with_0(tmp_path: Path, options: list[str], status: int) -> None:
    """A requirement is not a finding."""
    (tmp_path / "main.tf").write_text(FUNCTION, encoding="utf-8")
    assert main(["required", str(tmp_path), *options]) == status


def test_command_exits_with_2_for_unreadable_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An unreadable file is reported, and the rest is still listed; no files at all is exit status 2 as well."""
    assert main(["required", str(tmp_path)]) == 2
    assert main(["required", str(tmp_path), "--allow-empty"]) == 0
    (tmp_path / "main.tf").write_text(FUNCTION, encoding="utf-8")
    (tmp_path / "broken.json").write_text('{"Resources": {"A": {"Type": "AWS::IAM::Role",}', encoding="utf-8")
    capsys.readouterr()
    assert main(["required", str(tmp_path)]) == 2
    printed = capsys.readouterr()
    assert "aws_lambda_function.app role" in printed.out
    assert "broken.json:1: " in printed.err
    malformed = 'resource "aws_iam_policy" "p" {\n  policy = jsonencode({ Statement = [{ Effect = "Maybe" }] })\n}\n'
    (tmp_path / "broken.json").write_text("{}", encoding="utf-8")
    (tmp_path / "policy.tf").write_text(malformed, encoding="utf-8")
    assert main(["required", str(tmp_path)]) == 2
    assert "policy.tf:2: aws_iam_policy.p: Effect is 'Maybe'; it must be Allow or Deny" in capsys.readouterr().err


def test_configuration_without_passed_roles_is_reported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a role that is passed there are no statements."""
    (tmp_path / "main.tf").write_text('resource "aws_sns_topic" "t" {}\n', encoding="utf-8")
    assert main(["required", str(tmp_path)]) == 0
    assert capsys.readouterr().out == "no roles are passed in 1 file\n"


# by our own engine


@pytest.mark.parametrize("sample", ["terraform", "plan", "cloudformation", "sam", "cdk"])
@pytest.mark.parametrize("form", ["main.tf", "policy.yaml"])
def test_the_statements_are_clean(tmp_path: Path, sample: str, form: str) -> None:
    """Our own checks find nothing in the statements, as HCL and as YAML, but a role that is wholly to be filled in."""
    found = required(SAMPLES / sample)
    if form == "main.tf":
        user = 'resource "aws_iam_policy" "p" {\n  policy = data.aws_iam_policy_document.pass_roles.json\n}\n'
        (tmp_path / form).write_text(to_hcl(found) + user, encoding="utf-8")
    else:
        (tmp_path / form).write_text(to_yaml(found), encoding="utf-8")
    result = scan_paths([tmp_path], ScanOptions(account="111122223333", minimum_severity=Severity.INFO))
    assert result.unreadable == ()
    assert len(result.grants) == sum(one.action == "iam:PassRole" for one in found.statements)
    unknown = any(len(pattern) == 1 and not isinstance(pattern[0], str) for pattern in _patterns(found))
    assert {finding.check_id for finding in result.findings} == ({"PASSROLE_014"} if unknown else set())


def _patterns(found: Required) -> list[tuple[Any, ...]]:
    return [pattern for one in found.statements for pattern in one.resources]


@pytest.mark.parametrize("sample", ["terraform", "plan", "cloudformation", "sam", "cdk"])
def test_the_statements_are_sufficient(sample: str) -> None:
    """Each role that is passed is let through to each of its services, whatever the generated part of its name is."""
    found = required(SAMPLES / sample)
    document = json.dumps({"Version": "2012-10-17", "Statement": statements_json(found)})
    document = re.sub(r"\$\{(\w+)\}", r"filled-in-\1", document)
    allowed = [
        ([role.pattern for role in grant.roles], grant.services.values)
        for grant in grants(document)
        if grant.effect == "Allow"
    ]
    passed = [one for one in found.received if one.how == "passed"]
    assert passed
    for one in passed:
        for service in one.services:
            arn = _concrete(one.arn)
            assert any(
                service in services and any(matches(pattern, arn) is Ternary.YES for pattern in patterns)
                for patterns, services in allowed
            ), (arn, service)


def _concrete(arn: StringNode | None) -> str:
    """Return the ARN with each unresolved value replaced by a concrete one, as the test fills in the blanks."""
    assert arn is not None
    values = {
        "AWS::AccountId": "111122223333", "account id": "111122223333", "the account id": "111122223333",
        "AWS::Partition": "aws", "partition": "aws", "generated": "ABC123", "AWS::StackName": "filled-in-StackName",
        "var.delivery_role_arn": "filled-in-DeliveryRoleArn", "PipelineRoleArn": "filled-in-PipelineRoleArn",
        "Stage": "filled-in-Stage", "data.aws_iam_role.execution.path": "filled-in-IamRoleExecutionPath",
    }  # fmt: skip
    return "".join(part if isinstance(part, str) else values[part.expression] for part in arn.parts)
