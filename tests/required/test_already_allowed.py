"""Principals of an account file that already may pass what a deployment passes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from account_files import EVERYTHING, account_file, arn, role
from command_runs import run_command

from passrole_checks.api import RequiredResult, required
from passrole_checks.scan.scanner import ScanOptions

CODE = """\
resource "aws_iam_role" "fn" {
  name = "app-fn"
}
resource "aws_lambda_function" "fn" {
  role = aws_iam_role.fn.arn
}
resource "aws_instance" "web" {
  iam_instance_profile = "web"
}
"""
TO_LAMBDA = {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}}
PASS_TO_LAMBDA = {"Effect": "Allow", "Action": "iam:PassRole", "Resource": arn("role", "app-*"), "Condition": TO_LAMBDA}
DENY = {"Effect": "Deny", "Action": "iam:PassRole", "Resource": arn("role", "app-fn")}
WITH_MFA = PASS_TO_LAMBDA | {"Condition": {**TO_LAMBDA, "Bool": {"aws:MultiFactorAuthPresent": "true"}}}
PROFILE = {"InstanceProfileName": "web", "Arn": arn("instance-profile", "web")}


def run(folder: Path, **lists: list[dict[str, Any]]) -> RequiredResult:
    code = folder / "code"
    code.mkdir()
    (code / "main.tf").write_text(CODE, encoding="utf-8")
    return required(code, ScanOptions(account_details=(account_file(folder / "account.json", **lists),)))


def found(result: RequiredResult) -> dict[str, tuple[str, ...]]:
    assert result.already_allowed is not None and not result.unreadable
    return {one.principal: one.statements for one in result.already_allowed}


def test_principals_that_may_pass_the_roles_are_named(tmp_path: Path) -> None:
    """Those that may pass all roles come first; conditions on other keys and Deny statements count against them."""
    roles = [
        role("admin", EVERYTHING),
        role("deployer", PASS_TO_LAMBDA),
        role("denied", PASS_TO_LAMBDA, DENY),
        role("with-mfa", WITH_MFA),
        role("nothing"),
        role("inside", path="/web/", service="ec2.amazonaws.com", InstanceProfileList=[PROFILE]),
    ]
    result = run(tmp_path, RoleDetailList=roles)
    assert found(result) == {
        arn("role", "admin"): ("PassRolesToEc2", "PassRolesToLambda"),
        arn("role", "deployer"): ("PassRolesToLambda",),
    }


def test_instance_profiles_and_the_account_are_those_of_the_account(tmp_path: Path) -> None:
    """A profile that the code only names contains the role that it has in the account."""
    inside = role("inside", path="/web/", service="ec2.amazonaws.com", InstanceProfileList=[PROFILE])
    statements = run(tmp_path, RoleDetailList=[inside]).required.statements
    assert {one.sid: one.resources for one in statements}["PassRolesToEc2"] == ((arn("role", "web/inside"),),)
    assert {one.sid: one.resources for one in statements}["PassRolesToLambda"][0][-1].endswith(":role/app-fn")


def test_output_names_them(tmp_path: Path) -> None:
    (tmp_path / "main.tf").write_text(CODE, encoding="utf-8")
    details = account_file(tmp_path / "account.out", RoleDetailList=[role("admin", EVERYTHING)])
    arguments = ("required", "main.tf", "--account-details", details.name)
    assert "already_allowed" not in json.loads(run_command(*arguments[:2], "--format", "json", cwd=tmp_path).stdout)
    report = json.loads(run_command(*arguments, "--format", "json", cwd=tmp_path).stdout)
    assert [one["principal"] for one in report["already_allowed"]] == [arn("role", "admin")]
    assert f"{arn('role', 'admin')}  all" in run_command(*arguments, cwd=tmp_path).stdout
