"""Roles that published modules create for the policies that they get.

Source: ``iam.tf`` and ``variables.tf`` of ``terraform-aws-modules/lambda/aws``.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from suggesting import checks, graded, session

from passrole_checks.suggest.grade import Grade

STATEMENT = """\
  statement {
    actions   = [%s]
    resources = ["*"]
  }
"""


def document(*actions: str, name: str = "app") -> str:
    """A policy document of one statement."""
    quoted = ", ".join(f'"{one}"' for one in actions)
    return f'data "aws_iam_policy_document" "{name}" {{\n{STATEMENT % quoted}}}\n'


def module(*arguments: str, source: str = "terraform-aws-modules/lambda/aws") -> str:
    """A call of the module."""
    lines = "".join(f"  {one}\n" for one in arguments)
    return f'module "app" {{\n  source = "{source}"\n  function_name = "app"\n  create_package = false\n{lines}}}\n'


JSON = "policy_json = data.aws_iam_policy_document.app.json"
PASS = document("iam:PassRole", "scheduler:CreateSchedule")


@pytest.mark.parametrize(
    "source",
    [
        "terraform-aws-modules/lambda/aws",
        "git::https://github.com/terraform-aws-modules/terraform-aws-lambda.git?ref=v8.1.2",
    ],
)
def test_role_of_a_function_has_the_documents_of_its_module(tmp_path: Path, source: str) -> None:
    files = {"main.tf": PASS + module("attach_policy_json = true", JSON, source=source)}
    one = graded(session(tmp_path, files), Grade.EQUIVALENT)
    assert [finding.check_id for finding in one.less_severe] == ["PASSROLE_001"]
    assert "scheduler.amazonaws.com: scheduler:CreateSchedule" in one.says and "module.app" in one.says


def test_all_documents_of_the_module_count(tmp_path: Path) -> None:
    more = document("glue:CreateJob", name="more")
    both = "policy_jsons = [data.aws_iam_policy_document.app.json, data.aws_iam_policy_document.more.json]"
    found = session(tmp_path, {"main.tf": PASS + more + module("attach_policy_jsons = true", both)})
    statement = graded(found, Grade.EQUIVALENT).edits[-1].text
    assert '"glue.amazonaws.com"' in statement and '"scheduler.amazonaws.com"' in statement


@pytest.mark.parametrize(
    "argument",
    ['policies = ["arn:aws:iam::111122223333:policy/other"]', "create_role = false", "policy_jsons = var.documents"],
)
def test_module_with_policies_that_are_not_known_is_no_holder(tmp_path: Path, argument: str) -> None:
    variable = 'variable "documents" {\n  type = list(string)\n}\n'
    files = {"main.tf": PASS + variable + module(JSON, argument)}
    assert not any(one.edits for one in session(tmp_path, files).suggestions)


MANAGED = (
    'resource "aws_iam_policy" "%s" {\n%s  name = "%s"\n  policy = jsonencode({ Version = "2012-10-17", Statement = ['
    '{ Effect = "Allow", Action = [%s], Resource = "*" }] })\n}\n'
)
PASSING = MANAGED % ("app", "", "app", '"iam:PassRole"')
LISTED = "policies = local.arns"


def managed(name: str, action: str, count: str = "") -> str:
    """A managed policy."""
    return MANAGED % (name, f"  count = {count}\n" if count else "", name, f'"{action}"')


def arns(*names: str) -> str:
    """A local with the ARNs of managed policies."""
    return f"locals {{\n  arns = concat({', '.join(f'aws_iam_policy.{name}[*].arn' for name in names)})\n}}\n"


def test_managed_policies_of_the_module_count(tmp_path: Path) -> None:
    more = managed("more", "scheduler:CreateSchedule") + managed("idle", "rds:StartDBInstance", count="0")
    main = PASSING + more + arns("app", "more", "idle") + module(LISTED, "number_of_policies = length(local.arns)")
    one = graded(session(tmp_path, {"main.tf": main}), Grade.EQUIVALENT)
    assert "scheduler.amazonaws.com: scheduler:CreateSchedule" in one.says and "module.app" in one.says


@pytest.mark.parametrize(
    "more",
    [
        managed("idle", "glue:CreateJob", count="0") + arns("app", "idle") + module(LISTED),
        managed("idle", "*", count="0") + arns("app", "idle") + module(LISTED),
        arns("app") + module(LISTED) + 'output "arn" {\n  value = aws_iam_policy.app.arn\n}\n',
        arns("app") + module(LISTED) + 'output "arns" {\n  value = local.arns\n}\n',
        module('policies = [aws_iam_policy.app.arn, "arn:aws:iam::aws:policy/AmazonEC2FullAccess"]'),
        module("policies = [aws_iam_policy.app.arn]", source="example/lambda/aws"),
    ],
    ids=[
        "idle policy that passes roles",
        "idle policy of all actions",
        "output",
        "output of the list",
        "another ARN",
        "another module",
    ],
)
def test_managed_policy_with_holders_that_are_not_known(tmp_path: Path, more: str) -> None:
    files = {"main.tf": PASSING + managed("more", "scheduler:CreateSchedule") + more}
    assert not any(one.edits for one in session(tmp_path, files).suggestions)


def test_policy_attached_to_the_role_of_the_module_is_not_known(tmp_path: Path) -> None:
    attachment = (
        'resource "aws_iam_role_policy_attachment" "more" {\n  role = module.app.lambda_role_name\n'
        '  policy_arn = "arn:aws:iam::aws:policy/AmazonEC2FullAccess"\n}\n'
    )
    files = {"main.tf": PASS + module(JSON) + attachment}
    assert not any(one.edits for one in session(tmp_path, files).suggestions)


def test_other_module_is_no_holder(tmp_path: Path) -> None:
    found = session(tmp_path, {"main.tf": PASS + module(JSON, source="example/lambda/aws")})
    assert not any(one.edits for one in found.suggestions)
    assert any("001" in checks(one) for one in found.suggestions)


@pytest.mark.parametrize(
    ("actions", "is_known"),
    [
        ('["logs:PutLogEvents"]', True),
        ('["logs:PutLogEvents", "*"]', False),
        ('concat(["logs:PutLogEvents"], local.more)', False),
        ("[local.one]", False),
        ("var.actions", False),
    ],
)
def test_idle_policy_passes_no_role_only_if_all_of_its_actions_are_written(
    tmp_path: Path, actions: str, is_known: bool
) -> None:
    """A policy without an instance, whose actions may be others, leaves the permissions of the role unknown."""
    names = 'locals {\n  more = ["ec2:RunInstances"]\n  one = "ec2:RunInstances"\n}\nvariable "actions" {}\n'
    idle = managed("idle", "logs:PutLogEvents", "0").replace('["logs:PutLogEvents"]', actions)
    used = managed("app", "scheduler:CreateSchedule")
    files = {"main.tf": PASS + names + idle + used + arns("app", "idle") + module(JSON, LISTED)}
    found = session(tmp_path, files)
    assert any(one.grade is Grade.EQUIVALENT for one in found.suggestions) is is_known
