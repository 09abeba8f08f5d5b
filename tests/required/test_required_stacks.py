"""Roles in the templates of CloudFormation stacks that Terraform, a plan or another template describes.

Sources: Terraform documentation, ``aws_cloudformation_stack`` and ``aws_cloudformation_stack_set``; AWS CloudFormation
User Guide, "CloudFormation service role" and "Grant self-managed permissions" (who acts on the resources of a stack and
of a stack set).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from path_conditions_of_tests import pairs

from passrole_checks.output.required_policy import policies_json
from passrole_checks.required.required_grants import Required, compute_required
from passrole_checks.scan.scanner import ScanOptions, read_paths

A = "arn:aws:iam::111122223333:role/"
TEMPLATE = """\
Parameters:
  Given: {Type: String}
Resources:
  Own:
    Type: AWS::IAM::Role
    Properties: {AssumeRolePolicyDocument: {}}
  Named:
    Type: AWS::IAM::Role
    Properties:
      RoleName: !Sub "${AWS::StackName}-named"
      AssumeRolePolicyDocument: {}
  A:
    Type: AWS::Lambda::Function
    Properties: {Role: !GetAtt Own.Arn}
  B:
    Type: AWS::Lambda::Function
    Properties: {Role: !Ref Given}
  C:
    Type: AWS::Lambda::Function
    Properties: {Role: !GetAtt Named.Arn}
  P:
    Type: AWS::IAM::InstanceProfile
    Properties: {Roles: [!Ref Own]}
  I:
    Type: AWS::EC2::Instance
    Properties: {IamInstanceProfile: !Ref P}
"""
ROLE = 'resource "aws_iam_role" "outer" {\n  name = "outer"\n  assume_role_policy = "{}"\n}\n'


def of(folder: Path) -> Required:
    units = read_paths([folder], ScanOptions()).units
    return compute_required([configuration for _, configuration in units], "111122223333")


def rows(found: Required) -> list[tuple[str, str, int, str]]:
    return [(one.label, one.received.attribute, one.received.at.line, one.how) for one in found.received]


def passes(found: Required) -> dict[str, list[str]]:
    return {
        statement["Condition"]["StringEquals"]["iam:PassedToService"]: statement["Resource"]
        for policy in policies_json(found)
        for statement in policy["Statement"]
        if "Condition" in statement
    }


def in_heredoc(template: str) -> str:
    return "<<EOT\n" + template.replace("${", "$${") + "EOT\n"


def stack(body: str, more: str = "", type_: str = "aws_cloudformation_stack") -> str:
    return (
        f'{ROLE}resource "{type_}" "app" {{\n  name = "app"\n  parameters = {{ Given = aws_iam_role.outer.arn }}\n'
        f"{more}  template_body = {body}\n}}\n"
    )


ROWS = [
    ("aws_cloudformation_stack.app.Own", "template_body/Resources/A/Properties/Role"),
    ("aws_iam_role.outer", "template_body/Resources/B/Properties/Role"),
    ("aws_cloudformation_stack.app.Named", "template_body/Resources/C/Properties/Role"),
    ("aws_cloudformation_stack.app.Own", "template_body/Resources/P/Properties/Roles/0"),
    ("aws_cloudformation_stack.app.Own", "template_body/Resources/I/Properties/IamInstanceProfile"),
]
PASSES = {
    "ec2.amazonaws.com": [f"{A}app-Own-*"],
    "lambda.amazonaws.com": [f"{A}app-Own-*", f"{A}app-named", f"{A}outer"],
}


def test_a_stack_in_terraform_passes_the_roles_of_its_template(tmp_path: Path) -> None:
    """Roles of the template are named below the stack and by its name, and a parameter is the role that it is given;
    each stands at its own line of the heredoc."""
    (tmp_path / "main.tf").write_text(stack(in_heredoc(TEMPLATE)), encoding="utf-8")
    found = of(tmp_path)
    assert rows(found) == [(*row, line, "passed") for row, line in zip(ROWS, (22, 25, 28, 31, 34), strict=True)]
    assert passes(found) == PASSES


def test_a_stack_in_a_plan_passes_the_same(tmp_path: Path) -> None:
    """A plan has the text of the template, and the references of the parameters."""
    after: dict[str, Any] = {"name": "app", "parameters": {}, "template_body": TEMPLATE, "iam_role_arn": None}
    plan = {
        "format_version": "1.2",
        "resource_changes": [
            _change("aws_iam_role.outer", {"name": "outer", "path": "/", "assume_role_policy": "{}"}, {"arn": True}),
            _change("aws_cloudformation_stack.app", after, {"parameters": {"Given": True}}),
        ],
        "configuration": {
            "root_module": {
                "resources": [
                    {
                        "address": "aws_cloudformation_stack.app",
                        "type": "aws_cloudformation_stack",
                        "name": "app",
                        "expressions": {"parameters": {"references": ["aws_iam_role.outer.arn", "aws_iam_role.outer"]}},
                    }
                ]
            }
        },
    }
    (tmp_path / "plan.json").write_text(json.dumps(plan), encoding="utf-8")
    found = of(tmp_path)
    assert [row[:2] for row in rows(found)] == sorted(ROWS, key=lambda row: row[1])
    assert {row[3] for row in rows(found)} == {"passed"}
    assert passes(found) == PASSES


def _change(address: str, after: dict[str, Any], unknown: dict[str, Any]) -> dict[str, Any]:
    type_, name = address.split(".")
    change = {"actions": ["create"], "before": None, "after": after, "after_unknown": unknown}
    return {"address": address, "mode": "managed", "type": type_, "name": name, "change": change}


def test_an_expression_inside_a_template_stays_what_it_is(tmp_path: Path) -> None:
    """``${aws_iam_role.outer.arn}`` in a heredoc, or in an object that becomes JSON, is that role."""
    function = "Resources:\n  F:\n    Type: AWS::Lambda::Function\n    Properties: {Role: %s}\n"
    (tmp_path / "main.tf").write_text(
        stack("<<EOT\n" + function % '"${aws_iam_role.outer.arn}"' + "EOT\n")
        + 'resource "aws_cloudformation_stack" "json" {\n  name = "json"\n  template_body = jsonencode({\n'
        '    Resources = { F = { Type = "AWS::Lambda::Function", Properties = {\n'
        '      Role = var.x ? aws_iam_role.outer.arn : "other"\n'
        "    } } }\n  })\n}\n"
        'variable "x" {}\n',
        encoding="utf-8",
    )
    found = of(tmp_path)
    assert [(one.label, pairs(one.when)) for one in found.received] == [
        ("aws_iam_role.outer", ()),
        ("aws_iam_role.outer", (("var.x", "true"),)),
        ("other", (("var.x", "false"),)),
    ]
    assert passes(found) == {"lambda.amazonaws.com": [f"{A}other", f"{A}outer"]}


@pytest.mark.parametrize(
    ("type_", "more"),
    [("aws_cloudformation_stack", "  iam_role_arn = aws_iam_role.outer.arn\n"), ("aws_cloudformation_stack_set", "")],
)
def test_a_service_role_passes_the_roles_of_its_stack(tmp_path: Path, type_: str, more: str) -> None:
    """With a service role, and in a stack set, the principal that deploys passes no role of the template."""
    (tmp_path / "main.tf").write_text(stack(in_heredoc(TEMPLATE), more, type_), encoding="utf-8")
    found = of(tmp_path)
    inside = [row for row in rows(found) if row[1].startswith("template_body")]
    assert (len(inside), {row[3] for row in inside}) == (5, {"later"})
    assert passes(found) == ({"cloudformation.amazonaws.com": [f"{A}outer"]} if more else {})


def test_stack_set_in_a_template_passes_nothing_at_deployment(tmp_path: Path) -> None:
    """The roles that a stack set's template passes are listed below the stack set."""
    body = "".join(f"        {line}\n" for line in TEMPLATE.splitlines())
    (tmp_path / "template.yaml").write_text(
        "Resources:\n  Set:\n    Type: AWS::CloudFormation::StackSet\n    Properties:\n      StackSetName: app\n"
        f"      PermissionModel: SELF_MANAGED\n      TemplateBody: |\n{body}",
        encoding="utf-8",
    )
    found = of(tmp_path)
    assert rows(found) == [
        ("Set.Own", "TemplateBody/Resources/A/Properties/Role", 21, "later"),
        ("Set.Given", "TemplateBody/Resources/B/Properties/Role", 24, "later"),
        ("Set.Named", "TemplateBody/Resources/C/Properties/Role", 27, "later"),
        ("Set.Own", "TemplateBody/Resources/P/Properties/Roles/0", 30, "later"),
        ("Set.Own", "TemplateBody/Resources/I/Properties/IamInstanceProfile", 33, "later"),
    ]
    assert passes(found) == {}


@pytest.mark.parametrize("body", ['"no template"', "var.unknown", '"{"', "null", "jsonencode([1])"])
def test_text_that_is_not_a_template_is_skipped(tmp_path: Path, body: str) -> None:
    """An unknown or unreadable body passes no roles; a note still says that its policies are not read."""
    (tmp_path / "main.tf").write_text(stack(body), encoding="utf-8")
    assert of(tmp_path).received == ()


OSIS = """\
Resources:
  Role:
    Type: AWS::IAM::Role
    Properties: {RoleName: ingest, AssumeRolePolicyDocument: {}}
  Pipeline:
    Type: AWS::OSIS::Pipeline
    Properties:
      PipelineConfigurationBody: !Sub |
        version: "2"
        logs:
          sink:
            - opensearch:
                aws:
                  sts_role_arn: "${Role.Arn}"
"""


def test_yaml_inside_a_text_is_read(tmp_path: Path) -> None:
    """The role that a pipeline's configuration names in YAML is that role, whatever ``Fn::Sub`` puts in."""
    (tmp_path / "template.yaml").write_text(OSIS, encoding="utf-8")
    found = of(tmp_path)
    assert rows(found) == [("Role", "PipelineConfigurationBody/logs/sink/0/opensearch/aws/sts_role_arn", 8, "passed")]
    assert passes(found) == {"osis-pipelines.amazonaws.com": [f"{A}ingest"]}


def test_template_deployed_by_terraform_is_not_listed_twice(tmp_path: Path) -> None:
    """A template that ``file`` reads is listed once, as a stack; each location is in the template file."""
    (tmp_path / "app.yaml").write_text(TEMPLATE, encoding="utf-8")
    (tmp_path / "other.yaml").write_text(OSIS, encoding="utf-8")
    (tmp_path / "main.tf").write_text(stack('file("${path.module}/app.yaml")'), encoding="utf-8")
    found = of(tmp_path)
    assert sorted(row[:2] for row in rows(found)[:-1]) == sorted(ROWS)
    assert {Path(one.received.at.file).name for one in found.received} == {"app.yaml", "other.yaml"}
    assert passes(found) == {**PASSES, "osis-pipelines.amazonaws.com": [f"{A}ingest"]}


OBJECT = """\
jsonencode({
    Description = 7
    Resources = {
      Own = { Type = "AWS::IAM::Role", Properties = { AssumeRolePolicyDocument = {} } }
      P = { Type = "AWS::IAM::InstanceProfile", Properties = { Roles = [{ Ref = "Own" }] } }
      I = { Type = "AWS::EC2::Instance", Properties = { IamInstanceProfile = { Ref = "P" } } }
    }
  })"""


def test_of_alternatives_the_first_that_is_a_template(tmp_path: Path) -> None:
    """A body that a variable decides on is read in the first form that is a template; a name of a stack that is cut
    stands in the names that CloudFormation makes as far as it is kept."""
    long = stack(f'var.x ? "none" : {OBJECT}').replace('"app"\n', '"a-stack-with-a-name-that-is-much-too-long"\n')
    (tmp_path / "main.tf").write_text(long + 'variable "x" {}\n', encoding="utf-8")
    found = of(tmp_path)
    assert {row[1].partition("/Properties/")[2] for row in rows(found)} == {"Roles/0", "IamInstanceProfile"}
    assert passes(found) == {"ec2.amazonaws.com": [f"{A}a-stack-with-a-name-that*-Own-*"]}


def test_the_name_of_a_stack_in_alternatives(tmp_path: Path) -> None:
    """The name of the stack is put in wherever the template asks for it, in each alternative too."""
    body = """\
Parameters: {Stage: {Type: String}}
Conditions: {IsProd: !Equals [!Ref Stage, prod]}
Resources:
  F:
    Type: AWS::Lambda::Function
    Properties:
      Role: !If [IsProd, !Sub "arn:aws:iam::111122223333:role/${AWS::StackName}", "arn:aws:iam::111122223333:role/dev"]
"""
    (tmp_path / "main.tf").write_text(stack(in_heredoc(body)), encoding="utf-8")
    assert passes(of(tmp_path)) == {"lambda.amazonaws.com": [f"{A}app", f"{A}dev"]}


def test_values_that_name_no_role(tmp_path: Path) -> None:
    """An empty string, and a value that is neither a name nor an ARN, is no role. The role of a missing instance
    profile is unknown, and each element of a list is a value."""
    (tmp_path / "template.yaml").write_text(
        """\
Parameters: {Stage: {Type: String}}
Conditions: {IsProd: !Equals [!Ref Stage, prod]}
Resources:
  Empty: {Type: AWS::Lambda::Function, Properties: {Role: ""}}
  Odd: {Type: AWS::Lambda::Function, Properties: {Role: "app:x"}}
  Listed: {Type: AWS::Lambda::Function, Properties: {Role: !If [IsProd, [one, two], three]}}
  I: {Type: AWS::EC2::Instance, Properties: {IamInstanceProfile: !ImportValue profile}}
""",
        encoding="utf-8",
    )
    found = of(tmp_path)
    assert [(one.received.resource.address, one.label) for one in found.received] == [
        ("Listed", "one"),
        ("Listed", "two"),
        ("Listed", "three"),
        ("I", "the role in the instance profile Fn::ImportValue profile"),
    ]
