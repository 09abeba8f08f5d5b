"""PASSROLE_001 for principals whose other policies, boundary or SCPs limit what the statement allows."""

from __future__ import annotations

from dataclasses import replace

import pytest
from principals_of_tests import AT, allow, configuration, deny, findings

from passrole_checks.findings import Confidence, Severity
from passrole_checks.iam.partial_values import StringNode, Unresolved
from passrole_checks.scan.scanner import ScanOptions, scan_configurations
from passrole_checks.sources.model.configuration import BoundaryUse

ID = "PASSROLE_001"
APP = "arn:aws:iam::111122223333:role/app-*"
ONE = "arn:aws:iam::111122223333:role/app"
ANY = [allow("iam:PassRole")]


@pytest.mark.parametrize(("resource", "severity"), [(APP, Severity.MEDIUM), (ONE, Severity.LOW), ("*", Severity.HIGH)])
def test_boundary_limits_the_severity(resource: str, severity: Severity) -> None:
    """Within a boundary the severity is that of the roles which it leaves; the statement stays visible."""
    (found,) = findings(ID, [ANY], boundary=[allow("iam:PassRole", resource), allow("s3:*")])
    assert found.severity is severity and found.confidence is Confidence.HIGH
    assert (resource in found.message) is (resource != "*")


def test_deny_in_another_policy_limits_the_severity() -> None:
    """A Deny with NotResource in another policy leaves the roles that it names."""
    rest = {**{key: value for key, value in deny("iam:PassRole").items() if key != "Resource"}, "NotResource": APP}
    (found,) = findings(ID, [ANY, [rest]])
    assert found.severity is Severity.MEDIUM and APP in found.message


def test_boundary_of_unknown_content_lowers_the_confidence() -> None:
    """An unknown boundary may exclude any role, or none."""
    whole = configuration([ANY])
    use = BoundaryUse("deployer", StringNode((Unresolved("var.boundary"),), AT))
    whole = replace(whole, attached=replace(whole.attached, boundaries=(use,)))
    (found,) = scan_configurations([whole], ScanOptions(checks=frozenset({ID}))).findings
    assert (found.severity, found.confidence) == (Severity.HIGH, Confidence.MEDIUM)


def test_one_unlimited_principal_decides() -> None:
    """A policy of two principals, one of them within a boundary, allows the other one any role."""
    whole = configuration([ANY], boundary=[allow("iam:PassRole", APP)])
    whole = replace(whole, policies=tuple(replace(one, principals=("deployer", "other")) for one in whole.policies))
    (found,) = scan_configurations([whole], ScanOptions(checks=frozenset({ID}))).findings
    assert (found.severity, found.confidence) == (Severity.HIGH, Confidence.HIGH)


@pytest.mark.parametrize(
    ("operator", "is_lowered"), [("StringEquals", True), ("StringEqualsIfExists", False), ("StringNotEquals", False)]
)
def test_condition_on_a_key_of_other_actions(operator: str, is_lowered: bool) -> None:
    """A positive test of a key that PassRole requests do not carry fails (Service Authorization Reference, "Actions
    defined by IAM"): low, and still visible."""
    condition = {operator: {"iam:PermissionsBoundary": "arn:aws:iam::111122223333:policy/limit"}}
    (found,) = findings(ID, [[allow(["iam:PassRole", "iam:CreateRole"], "*", condition)]])
    expected = (Severity.LOW, Confidence.LOW) if is_lowered else (Severity.HIGH, Confidence.HIGH)
    assert (found.severity, found.confidence) == expected


def test_boundary_that_limits_the_services() -> None:
    """Any role to one service is medium, whether the statement or a boundary names the service."""
    named = allow("iam:PassRole", "*", {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}})
    (found,) = findings(ID, [ANY], boundary=[named])
    (equal,) = findings(ID, [[named]])
    assert found.severity is equal.severity is Severity.MEDIUM


@pytest.mark.parametrize("check", [ID, "PASSROLE_008"])
def test_roles_that_a_deny_excludes_are_named(check: str) -> None:
    """A Deny on some roles leaves infinitely many: the severity stays, the message names these, and nothing that is no
    role."""
    other = "arn:aws:s3:::bucket"
    start = allow("lambda:*")
    (found,) = findings(check, [ANY, [start, deny("*", [ONE, other])]])
    assert found.severity is Severity.HIGH and f"`{ONE}`" in found.message and other not in found.message
    (found,) = findings(check, [ANY, [start, deny("*", other)]])
    assert "Deny" not in found.message
