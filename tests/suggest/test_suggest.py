"""Suggestions for statements, and manual review. Source: IAM User Guide, "Grant a user permissions to pass a role to an
AWS service".
"""

from __future__ import annotations

from pathlib import Path

from suggesting import USED, allow, checks, only, policy, session

from passrole_checks import api
from passrole_checks.findings import Severity

ECS = '{ StringEquals = { "iam:PassedToService" = "ecs-tasks.amazonaws.com" } }'


def test_description_says_where_roles_come_from(tmp_path: Path) -> None:
    """A suggestion says which roles it names, and that others may be passed from elsewhere."""
    one = only(session(tmp_path, {"main.tf": policy(allow(condition=ECS)) + USED}))
    assert one.says == (
        "Names the role that this configuration passes to ecs-tasks.amazonaws.com (aws_iam_role.task); add roles"
        " that are passed manually or elsewhere."
    )
    assert checks(one) == ["001"]


def test_get_role_is_added_to_a_statement_without_condition(tmp_path: Path) -> None:
    """For 012 alone, where the service is unknown, iam:GetRole goes into the statement, as AWS writes it."""
    found = session(tmp_path, {"main.tf": policy(allow('"arn:aws:iam::111122223333:role/app"'))}, Severity.INFO)
    assert [checks(one) for one in found.suggestions] == [["002", "012"]]
    assert found.suggestions[0].edits == ()


def test_suggest_writes_no_files(tmp_path: Path) -> None:
    """Suggesting leaves the files and their folder as they are."""
    session(tmp_path, {"main.tf": policy(allow()) + USED})
    assert [path.name for path in tmp_path.iterdir()] == ["main.tf"]
    assert (tmp_path / "main.tf").read_text() == policy(allow()) + USED


def test_single_file_gets_the_suggestions_that_its_folder_gets(tmp_path: Path) -> None:
    """A role that another file passes counts."""
    (tmp_path / "roles.tf").write_text(
        'resource "aws_iam_role" "app" {\n  name = "app"\n}\n'
        'resource "aws_lambda_function" "f" {\n  role = aws_iam_role.app.arn\n}\n'
    )
    statement = '{ Effect = "Allow", Action = "iam:PassRole", Resource = "*" }'
    policy = tmp_path / "policy.tf"
    policy.write_text(
        'resource "aws_iam_user_policy" "p" {\n  user = "dev"\n'
        f"  policy = jsonencode({{ Statement = [{statement}] }})\n}}\n"
    )
    whole, single = api.suggest(tmp_path), api.suggest(policy)
    assert single.suggestions == whole.suggestions
    assert [one.grade for one in single.suggestions] == [api.Grade.NARROWED]
    assert api.required(policy).required.received == ()  # which are those of the file
