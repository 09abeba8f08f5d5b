"""PASSROLE_015: how severe, how sure, and in which words."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from passrole_checks.access.access_change import Beneficiary
from passrole_checks.access.access_model import AccessModel
from passrole_checks.aws.service_principals import known_services
from passrole_checks.checks.base.check import Check
from passrole_checks.checks.base.grant_context import GrantContext
from passrole_checks.checks.new_access import NewAccess
from passrole_checks.findings import Confidence, Severity, Verdict
from passrole_checks.iam.documents.policy import Statement, parse_document
from passrole_checks.iam.grants.access_comparison import AccessComparison
from passrole_checks.iam.grants.access_set import access_of
from passrole_checks.iam.grants.grant import PassRoleGrant
from passrole_checks.iam.grants.subtract_denials import grants_of
from passrole_checks.iam.values.nodes import Position, StringNode, Unresolved, text
from passrole_checks.output.check_pages import check_page
from passrole_checks.scan.run_checks import evaluate
from passrole_checks.sources.model.configuration import AttachedPolicy, Configuration, Framework, ResourceDefinition

ROLE = "arn:aws:iam::111122223333:role/"
SERVICES = {name: known_services(name) for name in ("aws", "aws-cn")}
LAMBDA, EC2 = "lambda.amazonaws.com", "ec2.amazonaws.com"


def allow(*roles: str, **conditions: Any) -> dict[str, Any]:
    found: dict[str, Any] = {"Effect": "Allow", "Action": "iam:PassRole", "Resource": list(roles)}
    return {**found, "Condition": conditions} if conditions else found


def to(*services: str) -> dict[str, Any]:
    return {"iam:PassedToService": list(services)}


def parsed(*statements: dict[str, Any]) -> tuple[Statement, ...]:
    document = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
    return parse_document(text(document, Position("policy.json", 1))).statements


def verdict(
    before: dict[str, Any] | None,
    after: dict[str, Any],
    *,
    who: tuple[str, ...] = ("aws_iam_role.dev",),
    others: Mapping[str, Severity] = {},
    account: str | None = None,
) -> Verdict | None:
    """Return the verdict about a policy that changes from ``before`` to ``after``, attached to ``who``."""
    earlier, later = parsed(*([before] if before else [])), parsed(after)
    gain = AccessComparison(access_of(earlier, SERVICES), access_of(later, SERVICES), SERVICES).gain_of(later[0])
    gainers = tuple(Beneficiary(name, gain) for name in who) if gain else ()
    (grant,) = grants_of(later, SERVICES)
    found = evaluated(grant, later, gainers, account, others)
    assert len(found) <= 1
    return found[0] if found else None


def evaluated(
    grant: PassRoleGrant,
    statements: tuple[Statement, ...],
    beneficiaries: tuple[Beneficiary, ...],
    account: str | None = None,
    others: Mapping[str, Severity] = {},
) -> list[Verdict]:
    """Return the verdicts of the check on a grant that is new for some principals."""
    at = Position("policy.json", 1)
    resource = ResourceDefinition("aws_iam_policy.p", "aws_iam_policy", Framework.TERRAFORM, at)
    policy = AttachedPolicy(resource, "policy", text("{}", at))
    model = AccessModel(Configuration(Framework.TERRAFORM, (), (resource,), (policy,), ()), account)
    context = GrantContext(grant, policy, statements, model, (), beneficiaries, others)
    return [item.verdict for item in evaluate(NewAccess, context, unexpected)]


def unexpected(check: type[Check], error: Exception) -> None:
    raise error


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        (None, allow(ROLE + "a"), f"had no PassRole access, and can now pass {ROLE}a to any service."),
        (allow(ROLE + "a"), allow("*"), f"could pass {ROLE}a to any service, and now any role in the account."),
        (allow(ROLE + "a"), allow(ROLE + "a", ROLE + "b"), f"can now also pass {ROLE}b to any service."),
        (
            allow(ROLE + "a", StringEquals=to(LAMBDA)),
            allow(ROLE + "a"),
            f"could pass {ROLE}a to {LAMBDA}, and now also to any other service.",
        ),
        (
            allow(ROLE + "a", StringEquals=to(LAMBDA)),
            allow(ROLE + "a", StringEqualsIfExists=to(LAMBDA)),
            f"could pass {ROLE}a to {LAMBDA}, and now also to a service that does not send iam:PassedToService.",
        ),
        (
            allow(ROLE + "a", StringEquals=to(LAMBDA)),
            allow(ROLE + "a", StringNotEquals=to(EC2)),
            f"could pass {ROLE}a to {LAMBDA}, and now also to any other service except {EC2}.",
        ),
        (
            allow(ROLE + "a", Bool={"aws:MultiFactorAuthPresent": "true"}),
            allow(ROLE + "a"),
            f"could pass {ROLE}a to any service only under a condition on aws:MultiFactorAuthPresent, "
            "which was removed.",
        ),
        (
            allow(ROLE + "a"),
            {"Effect": "Allow", "Action": "iam:PassRole", "NotResource": ROLE + "admin"},
            f"could pass {ROLE}a to any service, and now every role except {ROLE}admin.",
        ),
    ],
)
def test_the_difference_in_words(before: dict[str, Any] | None, after: dict[str, Any], words: str) -> None:
    """The message says what could be passed before, and what more can be passed now."""
    found = verdict(before, after)
    assert found is not None and found.message == f"aws_iam_role.dev {words}"
    assert found.confidence is Confidence.HIGH


def test_changed_condition_has_medium_confidence() -> None:
    """A changed list of IP addresses may allow more: medium confidence, and the message names the key."""
    found = verdict(
        allow("*", IpAddress={"aws:SourceIp": "198.51.100.0/24"}),
        allow("*", IpAddress={"aws:SourceIp": "203.0.113.0/24"}),
        others={"PASSROLE_001": Severity.HIGH},
    )
    assert found is not None and (found.severity, found.confidence) == (Severity.HIGH, Confidence.MEDIUM)
    assert "aws:SourceIp" in found.message


def test_unresolved_role_is_reported_at_low_confidence() -> None:
    """An unresolved role that may have been passable before is reported as info, at low confidence."""
    earlier = parsed(allow(ROLE + "a"))
    parts = json.dumps({"Version": "2012-10-17", "Statement": [allow("HOLE")]}).split("HOLE")
    document = StringNode((parts[0], Unresolved("var.role"), parts[1]), Position("policy.json", 1))
    later = parse_document(document).statements
    gain = AccessComparison(access_of(earlier, SERVICES), access_of(later, SERVICES), SERVICES).gain_of(later[0])
    assert gain is not None
    (grant,) = grants_of(later, SERVICES)
    (found,) = evaluated(grant, later, (Beneficiary("dev", gain),))
    assert (found.severity, found.confidence) == (Severity.INFO, Confidence.LOW)
    assert "dev can pass ${var.role} to any service" in found.message


def test_severity_follows_the_other_checks() -> None:
    """The severity of the worst other check on the same grant, if one of open access is at least medium."""
    low, medium, high = Severity.LOW, Severity.MEDIUM, Severity.HIGH
    for others, severity in [
        ({}, Severity.INFO),
        ({"PASSROLE_001": high}, high),
        ({"PASSROLE_001": medium, "PASSROLE_002": low}, medium),
        ({"PASSROLE_002": low}, Severity.INFO),
        ({"PASSROLE_002": medium, "PASSROLE_009": high}, high),
        ({"PASSROLE_002": low, "PASSROLE_009": high}, Severity.INFO),
    ]:
        found = verdict(None, allow("*"), others=others)
        assert found is not None and found.severity is severity


def test_at_most_three_principals_are_named() -> None:
    """The message names three principals that gain access and counts the others; without any, every principal with
    the policy."""
    many = verdict(None, allow("*"), who=tuple(f"aws_iam_role.r{number}" for number in range(5)))
    assert many is not None
    assert many.message.startswith("aws_iam_role.r0, aws_iam_role.r1, aws_iam_role.r2 and 2 more had no PassRole")
    nobody = verdict(None, allow("*"), who=("",))
    assert nobody is not None and nobody.message.startswith("Every principal with this policy had no PassRole access")


def test_role_of_another_account_is_no_new_access() -> None:
    """A role of another account cannot be passed, so it is no new access: PASSROLE_005 reports it."""
    assert verdict(None, allow(ROLE + "a"), account="444455556666") is None
    assert verdict(None, allow(ROLE + "a"), account="111122223333") is not None


def test_the_page_shows_what_stood_before() -> None:
    """The examples of a check that compares show both sides."""
    assert check_page(NewAccess).count("\n  before:\n") == len(NewAccess.flagged) + len(NewAccess.clean)
