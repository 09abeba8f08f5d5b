"""PASSROLE_003."""

from __future__ import annotations

import re
from collections.abc import Iterator

from passrole_checks.checks.base.check import Check, Element, Example, allow
from passrole_checks.checks.base.grant_context import GrantContext
from passrole_checks.checks.base.grants import Special
from passrole_checks.checks.base.wording import equals
from passrole_checks.findings import Confidence, Severity, Verdict
from passrole_checks.iam.conditions.passed_to_service import Constraint
from passrole_checks.iam.grants.grant import PassRoleGrant
from passrole_checks.iam.partial_values import Ternary
from passrole_checks.iam.roles.arn import Scope

_SERVICE = re.compile(r"[a-z0-9.-]+\.amazonaws\.com(?:\.cn)?")
_ROLE = "arn:aws:iam::111122223333:role/app-worker"


class IneffectiveCondition(Check):
    """A condition on iam:PassedToService does not do what it seems to do.

    A wildcard over all services or a negated operator leaves the grant open: the reader believes that it is limited,
    and it is not. A value that no service has (`lambda`, `lambda.amazon.com`, an ARN) makes it dead: nobody can use
    it, until somebody "repairs" it by taking the condition out. `…IfExists` and `ForAllValues` also let a request
    without the key through, and some services do not send it.

    Write `StringEquals` with the full name of the service, such as `lambda.amazonaws.com`. Sources: IAM User Guide,
    "IAM JSON policy elements: Condition operators" and "Single-valued vs. multivalued context keys".
    """

    id = "PASSROLE_003"
    name = "ineffective-condition"
    title = "Ensure that a condition on iam:PassedToService really limits the services"
    severity = Severity.MEDIUM
    accepts = frozenset({Special.NEVER_MATCHES, Special.UNCERTAIN, Special.OTHER_ACCOUNT})
    independent_of = frozenset({Element.ROLES})
    flagged = (
        Example("every service", (allow("iam:PassRole", _ROLE, {"StringLike": {"iam:PassedToService": "*"}}),)),
        Example(
            "negation only",
            (allow("iam:PassRole", _ROLE, {"StringNotEquals": {"iam:PassedToService": "ec2.amazonaws.com"}}),),
        ),
        Example(
            "no service's name",
            (allow("iam:PassRole", _ROLE, {"StringEquals": {"iam:PassedToService": "lambda"}}),),
        ),
        Example(
            "without the key as well (low)",
            (allow("iam:PassRole", _ROLE, {"StringEqualsIfExists": {"iam:PassedToService": "ec2.amazonaws.com"}}),),
        ),
    )  # fmt: skip
    clean = (
        Example(
            "two services by name",
            (
                allow(
                    "iam:PassRole",
                    _ROLE,
                    {"StringEquals": {"iam:PassedToService": ["ec2.amazonaws.com", "lambda.amazonaws.com"]}},
                ),
            ),
        ),
        Example(
            "one service in two partitions",
            (allow("iam:PassRole", _ROLE, {"StringLike": {"iam:PassedToService": "ec2.amazonaws.com*"}}),),
        ),
    )

    def evaluate(self, context: GrantContext) -> Iterator[Verdict]:
        grant = context.grant
        if grant.certain is Ternary.NO or grant.scope is Scope.NOT_A_ROLE:
            return
        found = self._judge(grant)
        if found is None:
            return
        severity, message = found
        named = grant.services.values
        if grant.services.constraint is Constraint.EXACT_IF_PRESENT and all(map(_SERVICE.fullmatch, named)):
            remedy = f"Write {equals(grant, named)}, unless the service is one that does not send the key."
        else:
            written = equals(grant, ["SERVICE.amazonaws.com"])
            remedy = f"Write {written} with the full name of the service that uses the role."
        yield Verdict(
            severity,
            message,
            remedy,
            Confidence.HIGH if grant.certain is Ternary.YES else Confidence.MEDIUM,
        )

    @staticmethod
    def _judge(grant: PassRoleGrant) -> tuple[Severity, str] | None:
        condition, constraint = grant.condition, grant.services.constraint
        reasons = "; ".join(f'"{item.value}" {item.reason}' for item in condition.likely_typos)
        if condition.dead:
            return Severity.MEDIUM, "The condition on iam:PassedToService can never match, so the statement lets " + (
                f"nothing be passed ({reasons})." if reasons else "nothing be passed."
            )
        if constraint is Constraint.INEFFECTIVE and not condition.possible:
            return Severity.MEDIUM, (
                "The condition on iam:PassedToService lets only requests without the key through, so it names no "
                "service" + (f" ({reasons})." if reasons else ".")
            )
        if constraint is Constraint.INEFFECTIVE:
            return Severity.MEDIUM, "The condition on iam:PassedToService leaves no service out" + (
                f" ({reasons})." if reasons else "."
            )
        if constraint is Constraint.PATTERN and condition.negated_only and grant.open_to_other_services:
            return Severity.MEDIUM, (
                "The condition on iam:PassedToService only says what is left out "
                f"({', '.join(grant.services.values)}): every other service is let through, those to come included."
            )
        if reasons:
            return Severity.LOW, f"Part of the condition on iam:PassedToService can never match ({reasons})."
        patterns = constraint is condition.constraint is Constraint.PATTERN and not condition.negated_only
        if constraint is Constraint.EXACT_IF_PRESENT or (patterns and grant.services.without_key):
            return Severity.LOW, (
                "The condition on iam:PassedToService also lets a request without the key through, and some services "
                "do not send it."
            )
        return None
