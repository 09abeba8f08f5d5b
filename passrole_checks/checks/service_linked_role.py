"""PASSROLE_006."""

from __future__ import annotations

from collections.abc import Iterator

from passrole_checks.checks.base.check import Check, Element, Example, allow
from passrole_checks.checks.base.grant_context import GrantContext
from passrole_checks.checks.base.grants import Special, is_scoped
from passrole_checks.findings import Severity, Verdict
from passrole_checks.iam.partial_values import Ternary
from passrole_checks.iam.roles import arn

_CONDITION = {"StringEquals": {"iam:PassedToService": "autoscaling.amazonaws.com"}}
_LINKED = "arn:aws:iam::111122223333:role/aws-service-role"


class ServiceLinkedRole(Check):
    """A wildcard covers service-linked roles.

    A service uses its service-linked role by itself. PassRole is needed only where such a role is named explicitly in
    a request (an Auto Scaling group with a role of its own choice), so a wildcard over them grants more than any
    caller needs.

    Name the one service-linked role that is passed, or leave them out. Sources: IAM User Guide, "Grant a user
    permissions to pass a role to an AWS service" and "Create a service-linked role".
    """

    id = "PASSROLE_006"
    name = "service-linked-role"
    title = "Ensure that iam:PassRole does not cover service-linked roles by a wildcard"
    severity = Severity.LOW
    accepts = frozenset({Special.OTHER_ACCOUNT})
    independent_of = frozenset({Element.SERVICES})
    flagged = (Example("all service-linked roles", (allow("iam:PassRole", f"{_LINKED}/*", _CONDITION),)),)
    clean = (
        Example(
            "one service-linked role",
            (
                allow(
                    "iam:PassRole",
                    f"{_LINKED}/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling_app",
                    _CONDITION,
                ),
            ),
        ),
    )

    def evaluate(self, context: GrantContext) -> Iterator[Verdict]:
        grant = context.grant
        if not is_scoped(grant) or grant.complement:
            return
        covering = [
            str(role.pattern)
            for role in grant.roles
            if arn.covers_service_linked(role.pattern, variables=grant.statement.variables) is Ternary.YES
        ]
        if covering:
            yield Verdict(
                Severity.LOW,
                f"{', '.join(covering[:3])} covers service-linked roles, which services use without being handed them.",
                "Name the one service-linked role that a request names explicitly, or leave them out.",
            )
