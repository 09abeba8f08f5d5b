"""Statements in files that Terraform reads: policy documents, templates, and templates of CloudFormation."""

from __future__ import annotations

from pathlib import Path

import pytest
from edits_of_tests import Workshop, change

from passrole_checks.suggest.edits import apply_edits, edits_for

SERVICES = "services: ec2.amazonaws.com"
RENDERED = """\
data "aws_caller_identity" "current" {}

variable "many" {
  default = true
}

resource "aws_iam_policy" "deploy" {
  policy = templatefile("${path.module}/pass.json.tpl", {
    account_id       = data.aws_caller_identity.current.account_id
    other_account_id = data.aws_caller_identity.current.account_id
    names            = ["a", "b"]
    many             = var.many
  })
}
"""
TEMPLATE_FILE = """\
data "template_file" "pass" {
  template = file("${path.module}/pass.json.tpl")
  vars = {
    account_id = "111122223333"
  }
}

resource "aws_iam_policy" "deploy" {
  policy = data.template_file.pass.rendered
}
"""
STATEMENT = """\
{
  "Statement": [
    {
      "Effect": "Allow",
      "Action": ["iam:PassRole"],
      "Resource": "arn:aws:iam::${account_id}:role/*"
    }
  ]
}
"""


def edited(folder: Path, main: str, template: str, words: str) -> str:
    """Return the text of the template after the edits, or the reason why there are none."""
    workshop = Workshop(folder)
    workshop.write("main.tf", main)
    workshop.write("pass.json.tpl", template)
    edits = edits_for(workshop.located(), change(words), workshop.read)
    if isinstance(edits, str):
        return edits
    assert {Path(edit.file).name for edit in edits} == {"pass.json.tpl"}
    after = apply_edits(template, edits)
    workshop.write("pass.json.tpl", after)
    assert edits_for(workshop.located(), change(words), workshop.read) == ()
    return after


@pytest.mark.parametrize("main", [RENDERED, TEMPLATE_FILE])
def test_condition_is_added_in_a_template(main: str, tmp_path: Path) -> None:
    """Expressions beside what is edited stay as they are."""
    assert edited(tmp_path, main, STATEMENT, SERVICES) == STATEMENT.replace(
        'role/*"\n',
        """role/*",
      "Condition": {
        "StringEquals": {
          "iam:PassedToService": "ec2.amazonaws.com"
        }
      }
""",
    )


@pytest.mark.parametrize("wanted", ["arn:{partition}:iam::{account}:role/app", "arn:aws:iam::{account}:role/app"])
def test_role_is_written_with_the_account_of_another_arn(wanted: str, tmp_path: Path) -> None:
    """A template knows the variables that it is given, and nothing else."""
    after = STATEMENT.replace("role/*", "role/app")
    assert edited(tmp_path, RENDERED, STATEMENT, f"roles: {wanted}") == after


@pytest.mark.parametrize("resource", ["*", "arn:aws:iam::${other_account_id}:role/*"])
def test_role_without_a_known_account_is_refused(resource: str, tmp_path: Path) -> None:
    """No ARN of the file has the account, or only that of another one."""
    template = STATEMENT.replace("arn:aws:iam::${account_id}:role/*", resource)
    reason = edited(tmp_path, RENDERED, template, "roles: arn:aws:iam::{account}:role/app")
    assert reason == "its text cannot contain references"


def test_statement_beside_directives_is_edited(tmp_path: Path) -> None:
    """Loops and conditions around other statements do not matter."""
    other = '{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"},'
    template = STATEMENT.replace("[\n    {", f"[\n    %{{ if many }}{other}%{{ endif }}\n    {{", 1)
    after = edited(tmp_path, RENDERED, template, "roles: arn:aws:iam::{account}:role/app")
    assert after == template.replace("role/*", "role/app")


def test_statement_in_a_loop_is_refused(tmp_path: Path) -> None:
    """The text of a statement in a loop is rendered as several statements."""
    template = STATEMENT.replace("[\n    {", "[\n    %{ for name in names }{", 1).replace(
        "}\n  ]", "},%{ endfor }\n  ]"
    )
    template = template.replace("  ]", '{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}\n  ]')
    assert edited(tmp_path, RENDERED, template, SERVICES) == "a loop generates it"


def test_cloudformation_template_is_edited_as_such(tmp_path: Path) -> None:
    """Terraform deploys it as a stack; its roles are named as in a template."""
    template = """\
Resources:
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Statement: [{Effect: Allow, Principal: {Service: ec2.amazonaws.com}, Action: "sts:AssumeRole"}]
  Policy:
    Type: AWS::IAM::ManagedPolicy
    Properties:
      PolicyDocument:
        Statement:
          - Effect: Allow
            Action: iam:PassRole
            Resource: "*"
"""
    main = """\
resource "aws_cloudformation_stack" "deploy" {
  name          = "deploy"
  template_body = file("${path.module}/pass.json.tpl")
}
"""
    after = edited(tmp_path, main, template, f"roles: Role; {SERVICES}")
    assert after == template.replace(
        '            Resource: "*"\n',
        """\
            Resource: !GetAtt Role.Arn
            Condition:
              StringEquals:
                iam:PassedToService: ec2.amazonaws.com
""",
    )
