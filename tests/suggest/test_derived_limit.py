"""Limits to the services that the holders of a statement can pass roles to.

Source: IAM User Guide, "Grant a user permissions to pass a role to an AWS service".
"""

from __future__ import annotations

from pathlib import Path

import pytest
from suggesting import allow, graded, only, policy, role, session

from passrole_checks.findings import Severity
from passrole_checks.suggest.edits import apply_edits
from passrole_checks.suggest.grade import Grade

APP = '"arn:aws:iam::111122223333:role/app-*"'


def other(*actions: str) -> str:
    """A statement that allows other actions."""
    return allow(action=f"[{', '.join(f'{chr(34)}{one}{chr(34)}' for one in actions)}]")


def held_by(name: str, *statements: str) -> str:
    """A policy of a role instead of a user."""
    own = policy(*statements).replace('"aws_iam_user_policy"', '"aws_iam_role_policy"')
    return own.replace('user   = "bot"', f"role   = {name}")


def test_six_services_are_written_on_request_only(tmp_path: Path) -> None:
    """A longer list is shown, and made only if it is asked for."""
    actions = ("lambda:CreateFunction", "states:CreateStateMachine", "glue:CreateJob", "ec2:RunInstances")
    found = session(tmp_path, {"main.tf": policy(allow(APP), other(*actions, "ecs:RunTask"))})
    one = only(found)
    assert one.statement.count(".amazonaws.com") == 6 and one.on_request
    assert found.combine(on_request=False).made == ()
    assert found.combine().made == (one,)


@pytest.mark.parametrize(
    "attached_policy", ["aws_iam_policy.more.arn", '"arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"']
)
@pytest.mark.parametrize("default", ["true", "false"])
def test_variable_may_attach_policies(tmp_path: Path, default: str, attached_policy: str) -> None:
    """An attachment that does not exist by default counts with what it allows."""
    statement = 'Effect = "Allow", Action = "s3:GetObject", Resource = "*"'
    attached = (
        f'variable "on" {{\n  default = {default}\n}}\nresource "aws_iam_policy" "more" {{\n'
        f"  policy = jsonencode({{ Statement = [{{ {statement} }}] }})\n}}\n"
        'resource "aws_iam_role_policy_attachment" "more" {\n  count = var.on ? 1 : 0\n'
        f"  role = aws_iam_role.ci.name\n  policy_arn = {attached_policy}\n}}\n"
    )
    text = held_by("aws_iam_role.ci.id", allow(APP), other("lambda:CreateFunction")) + role("ci", "codebuild")
    assert only(session(tmp_path, {"main.tf": text + attached})).edits


@pytest.mark.parametrize("default", ["[1]", "[]"])
def test_variable_may_allow_other_actions(tmp_path: Path, default: str) -> None:
    """The services of a dynamic block without instances by default are kept."""
    text = f"""\
variable "more" {{
  default = {default}
}}
data "aws_iam_policy_document" "all" {{
  statement {{
    actions   = ["iam:PassRole"]
    resources = [{APP}]
  }}
  statement {{
    actions   = ["lambda:CreateFunction"]
    resources = ["*"]
  }}
  dynamic "statement" {{
    for_each = var.more
    content {{
      actions   = ["glue:CreateJob"]
      resources = ["*"]
    }}
  }}
}}
resource "aws_iam_user_policy" "all" {{
  user   = "bot"
  policy = data.aws_iam_policy_document.all.json
}}
"""
    found = session(tmp_path, {"main.tf": text})
    assert '["glue.amazonaws.com", "lambda.amazonaws.com"]' in only(found).statement


def test_role_without_a_known_name_is_not_named(tmp_path: Path) -> None:
    """A policy file cannot refer to a role with a generated name: a draft has a placeholder for it."""
    document = '{"Statement": [\n  {"Effect": "Allow", "Action": "iam:PassRole", "Resource": "*"},\n' + (
        '  {"Effect": "Allow", "Action": "glue:CreateJob", "Resource": "*"}\n]}\n'
    )
    text = policy().replace("jsonencode({", 'file("${path.module}/pass.json")\n}\n/*').replace("})\n}", "*/")
    files = {"main.tf": text + role("etl", "glue").replace('name = "etl"', 'name_prefix = "e"'), "pass.json": document}
    found = session(tmp_path, files)
    assert [one.grade for one in found.suggestions if one.edits] == [Grade.EQUIVALENT]
    (left,) = (one for one in found.suggestions if not one.edits)
    assert "<ARN of aws_iam_role.etl>" in left.statement


def test_repaired_condition_adds_access(tmp_path: Path) -> None:
    """A dead condition allows nothing, so that to correct it adds access, which the description names."""
    dead = '{ StringEquals = { "iam:PassedToService" = "lambda" } }'
    found = session(tmp_path, {"main.tf": policy(allow(APP, dead))})
    one = graded(found, Grade.REPAIRING)
    assert "Adds iam:PassRole on arn:aws:iam::111122223333:role/app-* to lambda.amazonaws.com." in one.says
    assert found.combine(grades=[Grade.EQUIVALENT, Grade.NARROWED]).made == ()


def test_get_role_is_added_only_if_asked_for(tmp_path: Path) -> None:
    """At severity info all findings are shown; the permission is a change that only its own check asks for."""
    text = policy(allow(APP), other("lambda:CreateFunction"))
    found = session(tmp_path, {"main.tf": text}, Severity.INFO)
    for one in found.suggestions:
        new = apply_edits(text, one.edits)
        assert ("iam:GetRole" in new) is (one.grade is Grade.REPAIRING)
    assert {one.grade for one in found.suggestions if one.edits} >= {Grade.EQUIVALENT}
