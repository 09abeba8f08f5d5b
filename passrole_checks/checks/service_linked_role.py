"""PASSROLE_006."""

from __future__ import annotations

from collections.abc import Iterator

from passrole_checks.checks.base.check import Check, Element, Example, allow, passed_to
from passrole_checks.checks.base.grant_context import GrantContext
from passrole_checks.checks.base.grants import Special, is_scoped
from passrole_checks.findings import Severity, Verdict
from passrole_checks.iam.grants.grant import RoleScope
from passrole_checks.iam.identity_cache import cached_by_identity
from passrole_checks.iam.roles import arn
from passrole_checks.iam.values.nodes import Ternary

_CONDITION = passed_to("autoscaling.amazonaws.com")
_LINKED = "arn:aws:iam::111122223333:role/aws-service-role"


class ServiceLinkedRole(Check):
    """A wildcard covers service-linked roles.

    A service uses its service-linked role on its own. PassRole is needed only if a request names such a role (an Auto
    Scaling group with a chosen role), so a wildcard over them grants more than any caller needs.

    Name the one service-linked role that you pass, or exclude them. Sources: IAM User Guide, "Grant a user permissions
    to pass a role to an AWS service" and "Create a service-linked role".
    """

    id = "PASSROLE_006"
    name = "service-linked-role"
    title = "Ensure that no wildcard of iam:PassRole covers service-linked roles"
    severity = Severity.LOW
    accepts = frozenset({Special.OTHER_ACCOUNT})
    independent_of = frozenset({Element.SERVICES})
    flagged = (Example("all service-linked roles", (allow("iam:PassRole", f"{_LINKED}/*", _CONDITION),)),)
    clean = (
        Example(
            "one service-linked role",
            (
                allow(
                    "iam:PassRole", f"{_LINKED}/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling_app", _CONDITION
                ),
            ),
        ),
    )

    def evaluate(self, context: GrantContext) -> Iterator[Verdict]:
        grant = context.grant
        if not is_scoped(grant) or grant.complement:
            return
        covering = _covering(grant.roles, grant.statement.variables)
        if covering:
            yield Verdict(
                Severity.LOW,
                f"{', '.join(covering[:3])} covers service-linked roles, which services use without PassRole.",
                "Name the one service-linked role that your requests name, or exclude these roles.",
            )


@cached_by_identity(64)
def _covering(roles: tuple[RoleScope, ...], variables: bool) -> tuple[str, ...]:
    """Return the patterns that cover service-linked roles."""
    covers = arn.covers_service_linked
    return tuple(str(role.pattern) for role in roles if covers(role.pattern, variables=variables) is Ternary.YES)
