"""PASSROLE_002."""

from __future__ import annotations

from collections.abc import Iterator

from passrole_checks.access.severity import PassedAccess, Services, severity_of
from passrole_checks.checks.base.bounded_roles import BOUNDED, creates_only_bounded
from passrole_checks.checks.base.check import TO_LAMBDA, Check, Element, Example, allow, passed_to
from passrole_checks.checks.base.context_wording import matching_roles
from passrole_checks.checks.base.grant_context import GrantContext
from passrole_checks.checks.base.grants import is_scoped, least_scope, roles_of
from passrole_checks.checks.base.wording import (
    MAY_BE_NONE,
    beside,
    condition_on,
    how_granted,
    if_any_role,
    only_by,
    roles_in_words,
)
from passrole_checks.escaping.shorten import listed
from passrole_checks.findings import Confidence, Severity, Verdict
from passrole_checks.iam.conditions.passed_to_service import Constraint
from passrole_checks.iam.documents.trust import service_of_linked_role
from passrole_checks.iam.roles.arn import Scope

_ROLE = "arn:aws:iam::111122223333:role/app-worker"


class AnyService(Check):
    """The roles are restricted, but not the service that they can be passed to.

    A role that several services can assume, or whose trust policy is widened later, can then be passed to a service
    that nobody intended: a batch role to a function whose code the principal writes.

    Add a condition: `StringEquals` on `iam:PassedToService` with the service that uses the role. If every role in scope
    is defined here and trusts one service only, the trust policy already restricts it: severity info. The same goes
    for service-linked roles, and for principals that only services that never run caller code can assume.

    Source: IAM User Guide, "Grant a user permissions to pass a role to an AWS service".
    """

    id = "PASSROLE_002"
    name = "any-service"
    title = "Ensure that iam:PassRole has an iam:PassedToService condition"
    severity = Severity.MEDIUM
    independent_of = frozenset({Element.ROLES})
    flagged = (
        Example("a name pattern, to any service", (allow("iam:PassRole", "arn:aws:iam::111122223333:role/app-*"),)),
        Example("one role, to any service (low)", (allow("iam:PassRole", _ROLE),)),
        Example(
            "a condition that is about something else",
            (allow("iam:PassRole", _ROLE, {"Bool": {"aws:MultiFactorAuthPresent": "true"}}),),
        ),
    )
    clean = (
        Example("one role, to one service", (allow("iam:PassRole", _ROLE, TO_LAMBDA),)),
        Example(
            "a Deny names the service",
            (
                allow("iam:PassRole", _ROLE),
                {
                    "Effect": "Deny",
                    "Action": "iam:PassRole",
                    "Resource": "*",
                    "Condition": passed_to("lambda.amazonaws.com", operator="StringNotEquals"),
                },
            ),
        ),
    )

    def evaluate(self, context: GrantContext) -> Iterator[Verdict]:
        grant = context.grant
        if grant.condition.constraint is not Constraint.ABSENT:
            return
        excluded = grant.open_to_other_services
        if grant.services.constraint is not Constraint.ABSENT and not excluded:
            return  # a Deny restricts the service
        if not is_scoped(grant) and grant.scope is not Scope.UNRESOLVED:
            return
        service, services = self._only_service(context), context.services_to_name()
        trusted = ""
        linked = list(filter(None, (service_of_linked_role(role.pattern) for role in grant.roles)))
        roles = grant.roles  # to name: of a service-linked role the service is known
        if linked and len(linked) < len(grant.roles) and not grant.complement:
            roles = tuple(role for role in roles if not service_of_linked_role(role.pattern))
        elif linked and not grant.complement:
            one = len(linked) == 1 and grant.scope is not Scope.PREFIX
            words = "As a service-linked role it" if one else "As service-linked roles they"
            trusted = f" {words} can be assumed by {listed(sorted({*linked}))} only."
        elif service is not None:
            trusted = f" Its trust policy allows {service} only, which restricts it for now."
        services_in_scope = Services.CALLER_CODE if trusted else Services.ANY  # the trust policies decide
        may_be_none = all(map(context.limit_may_exclude_all, context.holders))
        confidence = Confidence.MEDIUM if grant.scope is Scope.UNRESOLVED else Confidence.HIGH
        confidence = Confidence.LOW if may_be_none else confidence
        limited = MAY_BE_NONE if may_be_none else ""
        trust = context.least_restricted
        patterns, when = [role.pattern for role in grant.roles], grant.statement.when
        are_bounded = not grant.complement and all(
            creates_only_bounded(holder, patterns, when) for holder in context.holders
        )
        limited += BOUNDED if are_bounded else ""
        yield Verdict(
            severity_of(
                PassedAccess(
                    roles_of(least_scope(grant)),
                    services_in_scope,
                    holder=trust.holder,
                    confidence=confidence,
                    may_be_none=may_be_none,
                    are_bounded=are_bounded,
                )
            ),
            f"{roles_in_words(grant, roles)} can be passed to any service"
            + (" except those that a Deny excludes." if excluded else " (missing `iam:PassedToService` condition).")
            + f"{how_granted(grant)}{trusted}{limited}{beside(grant)}"
            + f"{if_any_role(grant, context.module)}{only_by(trust)}{matching_roles(context)}",
            ("Add " if grant.explicit else "Grant iam:PassRole in its own statement, with ")
            + condition_on(grant, services or ("SERVICE.amazonaws.com",))
            + ("." if services else ", naming the service that uses the role."),
            confidence,
        )

    @staticmethod
    def _only_service(context: GrantContext) -> str | None:
        """Return the only service that all roles in scope trust, if all of them are defined here."""
        roles = [context.known_role(role.pattern) for role in context.grant.roles if not context.grant.complement]
        trusts = {role.trusted if role is not None else None for role in roles}
        trusted = trusts.pop() if len(trusts) == 1 else None
        return next(iter(trusted)) if trusted is not None and len(trusted) == 1 else None
