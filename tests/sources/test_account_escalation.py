"""A made account whose escalation paths are known is reported exactly."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from random import Random

import pytest
from made_accounts import LAUNCHES, MadeAccount, allow, arn, document, made_account

from passrole_checks.access.role_privilege import can_do_everything
from passrole_checks.checks.base.grant_context import GrantContext
from passrole_checks.findings import Outcome, Verdict
from passrole_checks.iam.permissions.principal import Principal
from passrole_checks.scan.scanner import ScanOptions, ScanResult, scan_paths


def scan(account: MadeAccount, folder: Path) -> ScanResult:
    (folder / "account.json").write_text(json.dumps(account.details, indent=4))
    return scan_paths([folder / "account.json"], ScanOptions())


def administrators(result: ScanResult, check: str) -> set[tuple[str, str]]:
    """Return the principals that a check reports as administrators, each with the roles that it passes for that."""
    return {
        (escalation.principal, role)
        for finding in result.findings
        if finding.check_id == check
        for escalation in finding.details.escalations
        if escalation.outcome is Outcome.ADMINISTRATOR
        for role in escalation.roles or ("",)
    }


@pytest.mark.parametrize(
    ("seed", "roles", "policies", "width"), [(1, 200, 50, 12), pytest.param(2, 2000, 500, 100, marks=pytest.mark.slow)]
)
def test_escalation_paths_of_an_account_are_reported_exactly(
    seed: int, roles: int, policies: int, width: int, tmp_path: Path
) -> None:
    """None is missed and none is false: 008 for the paths, 009 where nothing is launched, 001 for administrators."""
    account = made_account(seed, roles, policies, width=width)
    assert len(account.details["RoleDetailList"]) == roles
    assert len(account.details["Policies"]) == policies
    result = scan(account, tmp_path)
    assert not result.unreadable
    assert administrators(result, "PASSROLE_008") == account.paths
    assert administrators(result, "PASSROLE_009") == account.passes
    assert administrators(result, "PASSROLE_001") == {(who, "") for who in account.administrators}


def _each_alone(context: GrantContext, judge: Callable[[Principal], Iterable[Verdict]]) -> Iterator[Verdict]:
    """The reference of `verdicts_on_holders`: each holder is judged."""
    for holder in context.holders:
        if not can_do_everything(holder, context.grant.statement.when):
            yield from judge(holder)


@pytest.mark.parametrize("seed", range(4))
def test_principals_with_equal_permissions_have_the_verdicts_of_each_alone(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Users of the same groups are judged once; findings, causes and escalations name each of them."""
    account = made_account(seed, 60, 20)
    random = Random(seed)
    roles = [role["Arn"] for role in account.details["RoleDetailList"]]
    for number in range(4):
        passing = random.choice(["*", arn("role", "*"), arn("role", "app-*"), random.sample(roles, 3)])
        statements = [allow("iam:PassRole", passing), allow([*random.choice([*LAUNCHES.values()]), "s3:Get*"])]
        inline = [{"PolicyName": "own", "PolicyDocument": document(*statements)}]
        group = {"GroupName": f"g{number}", "Arn": arn("group", f"g{number}"), "GroupPolicyList": inline}
        account.details["GroupDetailList"].append({**group, "AttachedManagedPolicies": []})
    for number in range(30):
        groups = [f"g{group}" for group in range(4) if random.random() < 0.5]
        own = [allow("sqs:*")] if number % 7 == 0 else []
        user = {"UserName": f"u{number}", "Arn": arn("user", f"u{number}"), "GroupList": groups}
        inline = [{"PolicyName": "own", "PolicyDocument": document(*own)}] if own else []
        account.details["UserDetailList"].append({**user, "UserPolicyList": inline, "AttachedManagedPolicies": []})
    together = scan(account, tmp_path)
    for check in ("privilege_escalation", "stronger_role"):
        monkeypatch.setattr(f"passrole_checks.checks.{check}.verdicts_on_holders", _each_alone)
    alone = scan(account, tmp_path)
    assert together.findings == alone.findings
    assert any(len(finding.details.who) > 5 for finding in together.findings)
