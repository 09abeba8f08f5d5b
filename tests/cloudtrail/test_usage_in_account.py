"""Observed use with the details of the account: who holds a policy that the code only declares."""

from __future__ import annotations

import json
from pathlib import Path

from account_files import PASS_APPS, account_file, attached, document, managed, role
from observing import ACCOUNT, ARN, edge

from passrole_checks.cloudtrail.grant_usage import UsageComparison, match_grants
from passrole_checks.scan.account_context import with_account_details
from passrole_checks.scan.scanner import ScanOptions, read_paths

DEPLOYER, STRANGER = f"{ARN}deployer", f"{ARN}stranger"


def compared(folder: Path, *files: Path) -> UsageComparison:
    code = folder / "code"
    code.mkdir(exist_ok=True)
    written = json.dumps(document(PASS_APPS))
    policy = f'resource "aws_iam_policy" "p" {{\n  name = "deploy"\n  policy = jsonencode({written})\n}}\n'
    (code / "main.tf").write_text(policy, encoding="utf-8")
    settings = ScanOptions(account=ACCOUNT, account_details=files)
    edges = [edge(f"{ARN}app-a", who=DEPLOYER), edge(f"{ARN}app-a", who=STRANGER)]
    units = [unit for _, unit in read_paths([code], settings).units]
    return match_grants(edges, units, ACCOUNT, in_context=lambda unit: with_account_details(unit, settings)[0])


def test_the_holders_of_a_policy_are_those_of_the_account(tmp_path: Path) -> None:
    """Without the account anyone may hold the policy, so that no use of it is certain."""
    roles = [role("deployer", AttachedManagedPolicies=attached("deploy")), role("stranger")]
    details = account_file(tmp_path / "account.json", RoleDetailList=roles, Policies=[managed("deploy")])
    unknown = compared(tmp_path)
    assert (len(unknown.used), len(unknown.perhaps)) == (0, 1)
    known = compared(tmp_path, details)
    assert [[one.principal for one in used.surely] for used in known.used] == [[DEPLOYER]]
    assert not known.perhaps


def test_principals_of_the_account_are_not_those_of_the_code(tmp_path: Path) -> None:
    """A pass by a role that only the account has is no pass by a principal of this configuration."""
    details = account_file(tmp_path / "account.json", RoleDetailList=[role("deployer"), role("stranger")])
    assert [one.principal for one in compared(tmp_path, details).strangers] == [
        one.principal for one in compared(tmp_path).strangers
    ]
