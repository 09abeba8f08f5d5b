"""A made account whose escalation paths are known is reported exactly."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from made_accounts import MadeAccount, made_account

from passrole_checks.findings import Outcome
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
        for escalation in finding.escalations
        if escalation.outcome is Outcome.ADMINISTRATOR
        for role in escalation.roles or ("",)
    }


@pytest.mark.parametrize(
    ("seed", "roles", "policies", "width"),
    [(1, 200, 50, 12), pytest.param(2, 2000, 500, 100, marks=pytest.mark.slow)],
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
