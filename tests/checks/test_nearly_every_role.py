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
        ([f"{A}{letter}*" for letter in ascii_lowercase], True),
        ([f"{A}{letter}*" for letter in ascii_lowercase.upper()], True),
        ([f"{A}?{letter}*" for letter in ascii_lowercase], True),
        ([f"{A}{letter}*" for letter in ascii_lowercase[:12]], False),
        (f"{A}*-role", False),
        (f"{A}app-*", False),
        (f"{A}*app*", False),
        (f"{A}team/*-*", False),
        (f"{A}?-*", False),
        ([f"{A}app-{number}-*" for number in range(30)], False),
        ([f"{A}web-*", "arn:aws:iam::111122223333:instance-profile/*-*"], False),
        (f"{A}${{aws:username}}*", False),
        (f"{A}???*", True),
        (f"{A}*?????", True),
        (f"{A}????????????????????????*", False),
        (f"{A}?", False),
        ("arn:aws:iam::111122223333:r?le/x*", False),
    ],
)
def test_patterns_that_select_no_roles(resource: Any, expected: bool) -> None:
    """Nearly every name matches, so the patterns are no restriction, although some names do not match."""
    found = any_role(resource, to("lambda.amazonaws.com"))
    assert [(finding.severity, finding.confidence) for finding in found] == (
        [(Severity.MEDIUM, Confidence.LOW)] if expected else []
    )


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("${aws:PrincipalTag/team}*", True),
        ("*${aws:PrincipalTag/team}", True),
        ("${aws:PrincipalTag/a}${aws:PrincipalTag/b}*", True),
        ("${aws:principaltag/team, 'web'}*", True),  # the tag may be there, and empty
        ("${aws:username, ''}*", True),  # for a role
        ("${aws:RequestTag/team}???*", True),
        ("${saml:sub}*", True),
        ("${aws:UserAgent}", True),  # chosen by the caller
        ("${aws:SourceIdentity}*", True),
        ("*-${aws:PrincipalTag/team}*", True),
        ("${aws:PrincipalTag/team}", False),  # one role, not every
        ("${aws:PrincipalTag/team}-*", False),
        ("${aws:PrincipalTag/team}/*", False),
        ("${aws:username}${aws:PrincipalTag/team}*", False),
        ("${aws:username, 'web'}*", False),
        ("${aws:userid}*", False),
        ("${aws:PrincipalAccount}*", False),
        ("${*}*", False),
    ],
)
def test_a_policy_variable_that_may_be_empty_leaves_every_role(name: str, expected: bool) -> None:
    """Tags may have empty values (IAM User Guide, "Tags for AWS Identity and Access Management resources")."""
    found = any_role(A + name)
    assert [(one.severity, one.confidence) for one in found] == [(Severity.HIGH, Confidence.MEDIUM)] * expected
    assert all("${" in one.message for one in found)


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ([None] * 5, True),
        ([to("lambda.amazonaws.com")] * 5, True),
        ([to("lambda.amazonaws.com")] + [None] * 4, True),
        ([to(f"{name}.amazonaws.com") for name in ("lambda", "ec2", "states", "events", "glue")], False),
    ],
)
@pytest.mark.parametrize("apart", [True, False])
def test_patterns_of_several_statements_select_no_roles_together(
    conditions: list[Any], expected: bool, apart: bool
) -> None:
    """In one policy or in several of one principal; each statement that has a part in it is reported."""
    statements = [allow("iam:PassRole", f"{A}*{c}*", when) for c, when in zip("eaiot", conditions, strict=True)]
    policies = [[one] for one in statements] if apart else [statements]
    found = scan_configurations([configuration(policies)], ScanOptions()).findings
    wide = [finding for finding in found if finding.check_id == "PASSROLE_001"]
    assert bool(wide) is expected
    assert {one.confidence for one in wide} <= {Confidence.LOW}


def test_nearly_every_role_of_another_account() -> None:
    """Roles of another account cannot be passed: PASSROLE_005 reports them."""
    assert not any_role(f"{A}*-*", account="444455556666")


def test_names_are_those_that_iam_accepts() -> None:
    """Role names have up to 64 characters of a small alphabet, and differ."""
    names = common_role_names()
    assert len(names) > 600 and len(set(names)) == len(names)
    assert all(len(name) <= 64 and not set(name) - set(ascii_letters + "0123456789+=,.@_-") for name in names)


def test_statements_of_other_principals_and_denied_ones_are_not_counted() -> None:
    vowels = [allow("iam:PassRole", f"{A}*{letter}*") for letter in "eaio"]
    denial = {"Effect": "Deny", "Action": "iam:PassRole", "Resource": [f"{A}*{letter}*" for letter in "aio"]}
    found = scan_configurations([configuration([vowels, [denial]])], ScanOptions()).findings
    assert not [finding for finding in found if finding.check_id == "PASSROLE_001"]
