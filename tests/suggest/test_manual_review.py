"""Suggestions that need manual review, and their level of detail."""

from __future__ import annotations

import json
from pathlib import Path

from suggesting import USED, allow, left_for_a_person, only, policy, role, session, task


def many(number: int) -> str:
    """So many roles that are each handed to a task."""
    return "".join(role(f"r{place:02}", "ecs-tasks") + task(f"r{place:02}") for place in range(number))


def test_dozens_of_roles_request_a_common_path(tmp_path: Path) -> None:
    """For dozens of passed roles, a common path or prefix is requested instead of a list."""
    one = only(session(tmp_path, {"main.tf": policy(allow()) + many(30)}))
    assert one.missing == ("a path or prefix that the 30 roles passed here share",)
    assert "<ARN with the path or prefix of the 30 roles>" in one.statement
    assert "aws_iam_role.r" not in one.statement and "ecs-tasks.amazonaws.com" in one.statement


def test_description_shortens_many_names(tmp_path: Path) -> None:
    """The description names the first roles and the number of the rest."""
    one = only(session(tmp_path, {"main.tf": policy(allow()) + many(9)}))
    assert one.statement.count("aws_iam_role.r") == 9
    assert "the 9 roles that this configuration passes to ecs-tasks.amazonaws.com (aws_iam_role.r00, " in one.says
    assert " more)" in one.says and "aws_iam_role.r08" not in one.says


def test_a_permission_set_gets_no_role_of_this_account(tmp_path: Path) -> None:
    """A permission set passes roles of other accounts (IAM User Guide, "Grant a user permissions to pass a role to an
    AWS service": role and service are in one account), so that roles of this account are not named.
    """
    text = policy(allow()).replace("aws_iam_user_policy", "aws_ssoadmin_permission_set_inline_policy")
    text = text.replace("policy = json", "inline_policy = json").replace('user   = "bot"', "permission_set_arn = var.p")
    asked, _ = left_for_a_person(session(tmp_path, {"main.tf": text + USED}))
    assert asked.startswith("the roles in the accounts that the permission set is provisioned into")


def test_draft_names_only_roles_that_other_actions_can_pass(tmp_path: Path) -> None:
    """A draft names only passed roles that the other actions can pass; if there are none, only the services."""
    trail = role("trail", "cloudtrail") + (
        'resource "aws_cloudtrail" "all" {\n  name = "all"\n  s3_bucket_name = "logs"\n'
        "  cloud_watch_logs_role_arn = aws_iam_role.trail.arn\n}\n"
    )
    other = policy(allow(action='["ecs:RunTask", "iam:PassRole"]'))
    (one,) = (one for one in session(tmp_path, {"main.tf": other + trail}).suggestions if not one.edits)
    assert one.missing[0].endswith("which roles this principal passes to ecs-tasks.amazonaws.com and ecs.amazonaws.com")
    assert "trail" not in one.statement and '"ecs-tasks.amazonaws.com"' in one.statement
    unknown = task("app").replace("aws_iam_role.app.arn", 'var.stage == "live" ? aws_iam_role.app.arn : ""')
    text = other + trail + role("app", "ecs-tasks") + unknown + 'variable "stage" {\n  default = "live"\n}\n'
    (one,) = (one for one in session(tmp_path, {"main.tf": text}).suggestions if not one.edits)
    assert "Resource = aws_iam_role.app.arn\n" in one.statement and "trail" not in one.statement


def test_draft_for_a_plan_uses_the_configuration_language(tmp_path: Path) -> None:
    """A plan is JSON, and what is to be changed is HCL: an object, or a block where a data document is read."""
    given = {"Statement": [{"Effect": "Allow", "Action": "iam:PassRole", "Resource": "arn:aws:iam::*:role/app-*"}]}
    after = {"name": "p", "user": "bot", "policy": json.dumps(given)}
    change = {"actions": ["create"], "before": None, "after": after, "after_unknown": {}}
    entry = {"address": "aws_iam_user_policy.p", "mode": "managed", "type": "aws_iam_user_policy", "name": "p"}
    plan = {"format_version": "1.2", "resource_changes": [{**entry, "change": change}]}
    one = only(session(tmp_path, {"plan.json": json.dumps(plan, indent=1)}))
    assert one.statement.startswith('Condition = { StringEquals = { "iam:PassedToService" = ')
