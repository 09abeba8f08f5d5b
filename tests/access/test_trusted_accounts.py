"""Passed roles whose trust policy names unresolved accounts, users or roles: a service hardly assumes them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from role_templates import BUILD, allow, role

from passrole_checks.findings import Confidence, Severity
from passrole_checks.scan.scanner import ScanOptions, scan_paths

UNRESOLVED = {"Ref": "Trusted"}


@pytest.mark.parametrize(
    ("principal", "expected"),
    [
        ({"AWS": UNRESOLVED}, (Severity.MEDIUM, Confidence.LOW)),
        ({"AWS": [UNRESOLVED, "arn:aws:iam::111122223333:root"]}, (Severity.MEDIUM, Confidence.LOW)),
        ({"AWS": UNRESOLVED, "Service": "lambda.amazonaws.com"}, (Severity.HIGH, Confidence.HIGH)),
        ({"AWS": "arn:aws:iam::111122223333:root"}, None),
    ],
)
def test_administrator_that_accounts_can_assume(
    tmp_path: Path, principal: dict[str, Any], expected: tuple[Severity, Confidence] | None
) -> None:
    """A service can assume it only if the unresolved value is a wildcard: that is reported, at low confidence."""
    starts = allow(["lambda:CreateFunction", "lambda:InvokeFunction"])
    passes = allow("iam:PassRole", {"Fn::GetAtt": ["Admin", "Arn"]})
    content = {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Parameters": {"Trusted": {"Type": "String"}},
        "Resources": {"Builder": role(BUILD, starts, passes), "Admin": role(principal, allow("*"))},
    }
    (tmp_path / "t.json").write_text(json.dumps(content))
    options = ScanOptions(checks=frozenset({"PASSROLE_008"}), minimum_severity=Severity.INFO)
    found = [(one.severity, one.confidence) for one in scan_paths([tmp_path], options).findings]
    assert found == ([expected] if expected is not None else [])
