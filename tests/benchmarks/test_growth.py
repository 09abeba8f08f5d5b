"""How the work grows with a configuration: ratios within one run, and no times.

Counted is work (questions that machines had to answer, functions that were called), which is the same on every machine;
a test fails where twice as much input takes far more than twice the work.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from account_files import account_file, arn
from account_files import role as account_role
from adversarial import allow, document, passing
from work import calls_of

from passrole_checks.access.passable_roles import PassableRoles
from passrole_checks.checks import privilege_escalation
from passrole_checks.checks.base.grant_context import GrantContext
from passrole_checks.findings import Severity, Verdict
from passrole_checks.iam.conditions import passed_to_service
from passrole_checks.iam.grants import grant
from passrole_checks.iam.permissions.principal import Principal
from passrole_checks.iam.roles import arn as role_arn
from passrole_checks.iam.roles import role_set_query
from passrole_checks.scan.scanner import ScanOptions, scan_paths

ROLE = "arn:aws:iam::111122223333:role/"
SERVICES = ["lambda.amazonaws.com", "ec2.amazonaws.com", "states.amazonaws.com", "glue.amazonaws.com"]
_MOST = 2.7  # twice the input, and what is sorted or looked up besides


def work(of: Callable[[], object]) -> int:
    """How many functions are called, with nothing remembered from before."""
    for room in (role_arn, role_set_query):
        for function in vars(room).values():
            if hasattr(function, "cache_clear"):
                function.cache_clear()
    passed_to_service._effects_by_content.clear()
    grant._allow_indexes.clear()
    return calls_of(of)


def policy(statements: list[dict[str, Any]]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def statements(count: int, kind: str, *, more: bool) -> Iterator[dict[str, Any]]:
    """Statements of eleven patterns each, and with ``more`` of twelve."""
    for number in range(count):
        names = [_name(kind, number, place) for place in range(11)] + ([f"new-{number}"] if more else [])
        found: dict[str, Any] = {
            "Effect": "Allow",
            "Action": "iam:PassRole",
            "Resource": [ROLE + name for name in names],
        }
        if kind == "conditions":
            found["Condition"] = {"StringEquals": {"iam:PassedToService": SERVICES[number % len(SERVICES)]}}
        yield found
        if kind == "denials" and number % 5 == 0:
            yield {
                "Effect": "Deny",
                "Action": "iam:PassRole",
                "Resource": [ROLE + f"app-{number}-0", ROLE + f"x-{number}-*"],
            }


def _name(kind: str, number: int, place: int) -> str:
    if kind == "wildcards":
        return [f"app-{number}-{place}-*", f"team-{number}/{place}/*", f"{number}-{place}-?"][place % 3]
    if kind == "variables":
        return f"app-{number}-{place}/${{aws:username}}"
    return f"app-{number}-{place}"


def plan(folder: Path, count: int, kind: str, holders: int = 1) -> Path:
    """A plan that adds a pattern to each statement of each of ``holders`` roles."""
    changes = []
    for holder in range(holders):
        values = {"name": f"policy-{holder}", "role": f"role-{holder}", "id": f"role-{holder}:policy-{holder}"}
        before, after = (policy(list(statements(count, kind, more=more))) for more in (False, True))
        changes.append({
            "address": f"aws_iam_role_policy.p{holder}", "mode": "managed", "type": "aws_iam_role_policy",
            "name": f"p{holder}", "provider_name": "registry.terraform.io/hashicorp/aws",
            "change": {
                "actions": ["update"], "before": {**values, "policy": before}, "after": {**values, "policy": after},
                "after_unknown": {},
            },
        })  # fmt: skip
    path = folder / f"{kind}-{count}-{holders}.json"
    path.write_text(json.dumps({"format_version": "1.2", "resource_changes": changes}))
    return path


def scanned(path: Path) -> int:
    """How many findings of 015 a scan gives."""
    options = ScanOptions(checks=frozenset({"PASSROLE_015"}), minimum_severity=Severity.INFO)
    return len(scan_paths([path], options).findings)


@pytest.mark.parametrize("kind", ["plain", "wildcards", "variables", "conditions", "denials"])
def test_twice_the_statements_of_one_principal_are_twice_the_work(tmp_path: Path, kind: str) -> None:
    """Finding new access of a principal takes work in proportion to its statements, whatever their form."""
    small, large = plan(tmp_path, 25, kind), plan(tmp_path, 50, kind)
    assert (scanned(small), scanned(large)) == (25, 50)
    assert work(lambda: scanned(large)) < _MOST * work(lambda: scanned(small))


def test_twice_the_principals_are_twice_the_work(tmp_path: Path) -> None:
    """Finding new access of many principals takes work in proportion to their number."""
    small, large = plan(tmp_path, 2, "conditions", 15), plan(tmp_path, 2, "conditions", 30)
    assert (scanned(small), scanned(large)) == (30, 60)
    assert work(lambda: scanned(large)) < _MOST * work(lambda: scanned(small))


@pytest.mark.parametrize("kind", ["plain", "wildcards", "variables"])
def test_plain_patterns_need_no_machine(tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of sixty statements with eleven patterns, before and after, hardly one question comes to the machines."""
    asked: list[object] = []

    def counted(*question: Any) -> bool | None:
        asked.append(question)
        return slow(*question)

    slow = role_set_query._exists
    monkeypatch.setattr(role_set_query, "_exists", counted)
    scanned(plan(tmp_path, 60, kind))
    assert len(asked) < 10


def test_twice_the_statements_of_a_template_are_twice_the_work(tmp_path: Path) -> None:
    """All checks together take work in proportion to the statements of a document."""

    def template(count: int) -> Path:
        document = {"Version": "2012-10-17", "Statement": list(statements(count, "conditions", more=False))}
        path = tmp_path / f"template-{count}.json"
        properties = {"PolicyName": "pass", "Roles": ["deployer"], "PolicyDocument": document}
        path.write_text(json.dumps({"Resources": {"Pass": {"Type": "AWS::IAM::Policy", "Properties": properties}}}))
        return path

    def grants(path: Path) -> int:
        return len(scan_paths([path], ScanOptions(minimum_severity=Severity.INFO)).grants)

    small, large = template(25), template(50)
    assert (grants(small), grants(large)) == (25, 50)
    assert work(lambda: grants(large)) < _MOST * work(lambda: grants(small))


def test_twice_the_functions_of_a_sam_template_are_twice_the_work(tmp_path: Path) -> None:
    """Roles whose names are made at deployment are not asked about for each of the patterns that name other roles."""

    def template(count: int) -> Path:
        resources = {}
        for number, statement in enumerate(statements(count, "wildcards", more=False)):
            properties = {"Handler": "a.b", "Policies": [{"Version": "2012-10-17", "Statement": [statement]}]}
            resources[f"Function{number}"] = {"Type": "AWS::Serverless::Function", "Properties": properties}
        path = tmp_path / f"sam-{count}.json"
        path.write_text(json.dumps({"Transform": "AWS::Serverless-2016-10-31", "Resources": resources}))
        return path

    def grants(path: Path) -> int:
        return len(scan_paths([path], ScanOptions(minimum_severity=Severity.INFO)).grants)

    small, large = template(30), template(60)
    assert (grants(small), grants(large)) == (30, 60)
    assert work(lambda: grants(large)) < _MOST * work(lambda: grants(small))


def account(folder: Path, users: int, groups: int, roles: int) -> Path:
    """An account with users that are in each of some groups, which may pass roles and launch functions with them."""
    launch = allow(["lambda:CreateFunction", "lambda:InvokeFunction"], "*")
    lists = {
        "UserDetailList": [
            {"UserName": f"u{number}", "Arn": arn("user", f"u{number}"), "GroupList": [f"g{g}" for g in range(groups)]}
            for number in range(users)
        ],
        "GroupDetailList": [
            {"GroupName": f"g{number}", "Arn": arn("group", f"g{number}"), "GroupPolicyList": [
                {"PolicyName": "p", "PolicyDocument": document([passing(resource=f"{ROLE}app-{number}*"), launch])}]}
            for number in range(groups)
        ],
        "RoleDetailList": [
            account_role(f"app-{number}", allow(["kms:*", "s3:*", "iam:*"][number % 3], "*")) for number in range(roles)
        ],
    }  # fmt: skip
    return account_file(folder / f"account-{users}-{groups}-{roles}.json", **lists)


@pytest.mark.parametrize("larger", [(120, 4, 30), (60, 8, 30), (60, 4, 60)], ids=["users", "groups", "roles"])
def test_twice_the_entities_of_an_account_are_twice_the_work(tmp_path: Path, larger: tuple[int, int, int]) -> None:
    """Work does not grow with users times groups times roles, but with their number of memberships."""
    small, large = account(tmp_path, 60, 4, 30), account(tmp_path, *larger)
    options = ScanOptions(minimum_severity=Severity.INFO)
    checks = {finding.check_id for finding in scan_paths([small], options).findings}
    assert "PASSROLE_008" in checks
    assert work(lambda: scan_paths([large], options)) < 2.3 * work(lambda: scan_paths([small], options))


def test_users_of_one_group_are_judged_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Escalation paths of a thousand users with equal permissions are compared as those of ten."""
    judged: list[str] = []

    def recorded(context: GrantContext, reach: PassableRoles, holder: Principal) -> Iterator[Verdict]:
        judged.append(holder.name)
        return about(context, reach, holder)

    about = privilege_escalation._about
    monkeypatch.setattr(privilege_escalation, "_about", recorded)
    findings = scan_paths([account(tmp_path, 1000, 2, 10)], ScanOptions(minimum_severity=Severity.INFO)).findings
    assert max(len(finding.details.who) for finding in findings if finding.check_id == "PASSROLE_008") > 1000
    assert len(judged) == 4  # of each of two statements its group and one user
