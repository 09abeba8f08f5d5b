"""Suggestions that name the roles of an account file: what a statement covers is narrowed to what the account has."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from account_files import PASS_APPS, account_file, arn, role
from suggesting import allow, policy

from passrole_checks.api import SuggestResult, suggest
from passrole_checks.scan.analyze import analyze
from passrole_checks.scan.scanner import ScanOptions
from passrole_checks.sources.model.configuration import Configuration
from passrole_checks.suggest.grade import Grade
from passrole_checks.suggest.observed_use import Evidence

APPS = f'"{arn("role", "app-*")}"'
TO_LAMBDA = '{ StringEquals = { "iam:PassedToService" = "lambda.amazonaws.com" } }'


def suggested(folder: Path, text: str, *roles: dict[str, Any]) -> SuggestResult:
    code = folder / "code"
    code.mkdir()
    (code / "main.tf").write_text(text, encoding="utf-8")
    details = account_file(folder / "account.json", RoleDetailList=list(roles))
    return suggest(code, ScanOptions(account_details=(details,)), grades=[Grade.NARROWED])


def changed(result: SuggestResult) -> str:
    return "".join(result.changed.values())


def test_the_roles_that_match_a_pattern_are_named(tmp_path: Path) -> None:
    """By their exact ARNs, and with the services that they trust; roles that no service can assume are left out."""
    others = role("app-b", service="ec2.amazonaws.com"), role("web"), role("app-people", service="")
    result = suggested(tmp_path, policy(allow(resource=APPS)), role("app-a"), *others)
    assert [one.grade for one in result.suggestions if one.edits] == [Grade.NARROWED]
    text = changed(result)
    assert arn("role", "app-a") in text and arn("role", "app-b") in text
    assert "ec2.amazonaws.com" in text and "lambda.amazonaws.com" in text
    assert "role/web" not in text and "app-people" not in text and "app-*" not in text
    assert not result.unreadable


def test_any_role_to_one_service_is_narrowed_to_the_roles_that_trust_it(tmp_path: Path) -> None:
    statement = allow(condition=TO_LAMBDA)
    result = suggested(tmp_path, policy(statement), role("app-a"), role("app-b", service="ec2.amazonaws.com"))
    assert arn("role", "app-a") in changed(result) and arn("role", "app-b") not in changed(result)


def test_a_role_of_the_account_has_no_address(tmp_path: Path) -> None:
    """A role that the code only names literally is no resource of the code: it is written as an ARN."""
    text = policy(allow(resource=APPS)).replace("aws_iam_user_policy", "aws_iam_role_policy")
    text = text.replace('user   = "bot"', 'role = "app-a"')
    found = changed(suggested(tmp_path, text, role("app-a"), role("app-b")))
    assert "aws_iam_role." not in found and "role/app-b" in found


@pytest.mark.parametrize("count", [21, 60])
def test_many_roles_are_listed_for_manual_review(count: int, tmp_path: Path) -> None:
    """More roles than a statement should name are counted, and nothing is edited."""
    roles = [role(f"app-{number:02}") for number in range(count)]
    result = suggested(tmp_path, policy(allow(resource=APPS)), *roles)
    assert not changed(result)
    points = [point for one in result.suggestions for point in one.missing]
    assert any(f"app-00, app-01, app-02 and {count - 3} more" in point for point in points)


def test_an_account_file_in_a_folder_gets_no_suggestions(tmp_path: Path) -> None:
    """It is the context of the code beside it, which gets its own; a note counts the findings in the file."""
    (tmp_path / "main.tf").write_text(policy(allow(resource=APPS)), encoding="utf-8")
    details = str(account_file(tmp_path / "account.json", RoleDetailList=[role("deployer", PASS_APPS), role("app-a")]))
    result = suggest(tmp_path)
    assert {finding.at.file for finding in result.findings} == {str(tmp_path / "main.tf"), details}
    assert {one.at.file for one in result.suggestions} == {str(tmp_path / "main.tf")}
    assert details in [note.file for note in result.not_evaluated]


def test_an_account_file_that_is_named_gets_suggestions(tmp_path: Path) -> None:
    """They have no edits: no tool deploys from the file."""
    details = account_file(tmp_path / "account.json", RoleDetailList=[role("deployer", PASS_APPS)])
    result = suggest([tmp_path, details])
    assert {one.at.file for one in result.suggestions} == {str(details)}
    assert not any(one.edits for one in result.suggestions)
    assert not result.not_evaluated


@pytest.mark.parametrize("is_named", [True, False])
def test_observed_use_narrows_statements_of_an_account_file_only_if_it_is_named(tmp_path: Path, is_named: bool) -> None:
    """A statement without findings is unused according to the logs."""
    to_lambda = {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}}
    clean = {**PASS_APPS, "Resource": arn("role", "app-a"), "Condition": to_lambda}
    details = account_file(tmp_path / "account.json", RoleDetailList=[role("deployer", clean)])

    def unused(units: Sequence[Configuration]) -> Evidence:
        statements = [grant for unit in units for grant in analyze(unit, ScanOptions()).statements]
        used = {(one.grant.at, one.resource.address, one.statement_path): () for one in statements}
        return Evidence("2026-03-01T00:00:00Z", "2026-05-01T00:00:00Z", used)

    suggestions = suggest([details if is_named else tmp_path], observe=unused).suggestions
    assert {one.at.file for one in suggestions} == ({str(details)} if is_named else set())
