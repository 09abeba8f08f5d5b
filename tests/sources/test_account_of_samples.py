"""Samples as code, and as the account that they would be once deployed: the same principals become administrators."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from deployed_account import Deployment
from sample_folders import SAMPLES

from passrole_checks.findings import Outcome
from passrole_checks.scan.scanner import (
    ScanOptions,
    ScanResult,
    analyze_or_fault,
    merge_analyses,
    read_paths,
    scan_paths,
)

# accounts themselves, code with an account as context, logs, roots whose roles and policies other roots declare, and
# principals that only other values than the defaults name
_OTHERS = frozenset(
    {"account-details", "account-context", "evidence", "across-roots", "across-repositories", "off-by-default"}
)
FOLDERS = sorted(folder.name for folder in SAMPLES.iterdir() if folder.is_dir() and folder.name not in _OTHERS)


def administrators(result: ScanResult) -> set[str]:
    """Return the principals that are administrators, or can become one by passing a role."""
    return {
        escalation.principal
        for finding in result.findings
        for escalation in finding.details.escalations
        if escalation.outcome is Outcome.ADMINISTRATOR and escalation.principal
    }


@pytest.mark.parametrize("folder", FOLDERS)
def test_code_and_account_have_the_same_administrators(folder: str, tmp_path: Path) -> None:
    """Of users, groups and roles: an account file has no permission sets and no assignments of other services."""
    options = ScanOptions()
    formats = (path for path in (SAMPLES / folder).iterdir() if path.is_dir())  # which may have principals in common
    for place, configuration in (unit for path in formats for unit in read_paths([path], options).units):
        deployment = Deployment(configuration)
        (tmp_path / "account.json").write_text(json.dumps(deployment.details))
        declared = administrators(merge_analyses([analyze_or_fault(configuration, options)], options))
        deployed = administrators(scan_paths([tmp_path / "account.json"], options))
        assert {deployment.arns[one] for one in declared if one in deployment.arns} == deployed, place
