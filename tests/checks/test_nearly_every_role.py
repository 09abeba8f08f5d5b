"""Patterns that match nearly every role name are reported as any role, at low confidence."""

from __future__ import annotations

from string import ascii_letters, ascii_lowercase
from typing import Any

import pytest
from principals_of_tests import allow, configuration, to

from passrole_checks.aws.role_names import common_role_names
from passrole_checks.findings import Confidence, Finding, Severity
from passrole_checks.scan.scanner import ScanOptions, scan_configurations

A = "arn:aws:iam::111122223333:role/"


def any_role(resource: Any, condition: Any = None, **options: Any) -> list[Finding]:
    """Return the findings of PASSROLE_001 of a statement."""
    found = scan_configurations(
        [configuration([[allow("iam:PassRole", resource, condition)]])], ScanOptions(**options)
    ).findings
    return [finding for finding in found if finding.check_id == "PASSROLE_001"]


@pytest.mark.parametrize(
    ("resource", "expected"),
    [
        (f"{A}*-*", True),
        (f"{A}*_*", True),
        ([f"{A}app", f"{A}*-*"], True),
        ([f"{A}{letter}*" for letter in ascii_letters], True),
        ([f"{A}*{letter}" for letter in ascii_letters] + [f"{A}*{digit}" for digit in range(10)], True),
        ([f"{A}*e*", f"{A}*o*", f"{A}*a*", f"{A}*i*"], True),
        ([f"{A}{letter}*" for letter in ascii_lowercase[:12]], False),
        (f"{A}*-role", False),
        (f"{A}app-*", False),
        (f"{A}*app*", False),
        (f"{A}team/*-*", False),
        (f"{A}?-*", False),
        ([f"{A}app-{number}-*" for number in range(30)], False),
        ([f"{A}web-*", "arn:aws:iam::111122223333:instance-profile/*-*"], False),
        (f"{A}${{aws:username}}*", False),
    ],
)
def test_patterns_that_select_no_roles(resource: Any, expected: bool) -> None:
    """Nearly every name matches, so the patterns are no restriction, although some names do not match."""
    found = any_role(resource, to("lambda.amazonaws.com"))
    assert [(finding.severity, finding.confidence) for finding in found] == (
        [(Severity.MEDIUM, Confidence.LOW)] if expected else []
    )


def test_nearly_every_role_of_another_account() -> None:
    """Roles of another account cannot be passed: PASSROLE_005 reports them."""
    assert not any_role(f"{A}*-*", account="444455556666")


def test_names_are_those_that_iam_accepts() -> None:
    """Role names have up to 64 characters of a small alphabet, and differ."""
    names = common_role_names()
    assert len(names) > 600 and len(set(names)) == len(names)
    assert all(len(name) <= 64 and not set(name) - set(ascii_letters + "0123456789+=,.@_-") for name in names)
