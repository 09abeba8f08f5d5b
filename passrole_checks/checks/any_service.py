"""PASSROLE_002."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import takewhile

from passrole_checks.check import (
    Check,
    Element,
    Example,
    Subject,
    allow,
    beside,
    condition_on,
    how_granted,
    is_live,
    is_scoped,
    listed,
    roles_in_words,
)  # fmt: skip
from passrole_checks.findings import Confidence, Severity, Verdict
from passrole_checks.iam.conditions.condition import Constraint
from passrole_checks.iam.documents.trust import linked_service
from passrole_checks.iam.roles.arn import Scope
from passrole_checks.iam.values import Tri

_ROLE = "arn:aws:iam::111122223333:role/app-worker"


class AnyService(Check):
    """The roles are limited, but not the service that they may be passed to.

    A role that several services can assume, or whose trust policy is widened one day, can then be handed to a service
    that was never meant: a batch role to a function whose code the holder writes.

    Add a condition: `StringEquals`, `iam:PassedToService`, the service that uses the role. Where every role in scope
    is defined here and trusts one service only, the trust policy already decides, and this is information only; so it
    is for service-linked roles.
    Source: IAM User Guide, "Grant a user permissions to pass a role to an AWS service".
    """

    id = "PASSROLE_002"
    name = "any-service"
    title = "Ensure that iam:PassRole names the service in a condition on iam:PassedToService"
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
        Example(
            "one role, to one service",
            (allow("iam:PassRole", _ROLE, {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}}),),
        ),
        Example(
            "a Deny names the service",
            (
                allow("iam:PassRole", _ROLE),
                {
                    "Effect": "Deny",
                    "Action": "iam:PassRole",
                    "Resource": "*",
                    "Condition": {"StringNotEquals": {"iam:PassedToService": "lambda.amazonaws.com"}},
                },
            ),
        ),
    )

    def evaluate(self, subject: Subject) -> Iterator[Verdict]:
        grant = subject.grant
        if not is_live(grant) or grant.certain is not Tri.YES or grant.condition.constraint is not Constraint.ABSENT:
            return
        excluded = grant.open_to_other_services
        if grant.services.constraint is not Constraint.ABSENT and not excluded:
            return  # a Deny beside it names the service
        if not is_scoped(grant) and grant.scope is not Scope.UNRESOLVED:
            return
        if grant.roles and not grant.complement and all(subject.is_foreign(role.pattern) for role in grant.roles):
            return  # of an account whose roles cannot be passed here: PASSROLE_005
        severity = Severity.MEDIUM if grant.scope is Scope.PREFIX else Severity.LOW
        service, services = self._only_service(subject), subject.services_to_name()
        trusted = ""
        linked = list(takewhile(bool, (linked_service(role.pattern) for role in grant.roles)))
        if linked and len(linked) == len(grant.roles) and not grant.complement:
            severity = Severity.INFO
            one = len(linked) == 1 and grant.scope is not Scope.PREFIX
            words = "a service-linked role it" if one else "service-linked roles they"
            trusted = f" As {words} can be assumed by {listed(sorted({*linked}))} only."
        elif service is not None:
            severity = Severity.INFO
            trusted = f" Its trust policy names {service} only, which decides as long as it stays so."
        yield Verdict(
            severity,
            f"{roles_in_words(grant)} can be passed to any service{how_granted(grant)}"
            + (" but those that a Deny leaves out." if excluded else ": no condition on iam:PassedToService.")
            + f"{trusted}{beside(grant)}",
            ("Add " if grant.explicit else "Grant iam:PassRole in a statement of its own, with ")
            + condition_on(grant, services or ("SERVICE.amazonaws.com",))
            + ("." if services else " with the service that uses the role."),
            Confidence.MEDIUM if grant.scope is Scope.UNRESOLVED else Confidence.HIGH,
        )

    @staticmethod
    def _only_service(subject: Subject) -> str | None:
        """The one service that every role in scope trusts, where all of them are known here."""
        if subject.grant.complement:
            return None
        roles = [subject.known_role(role.pattern) for role in subject.grant.roles]
        trusted = {service for role in roles if role is not None and role.trusted for service in role.trusted}
        if None in roles or any(role is not None and not role.trusted for role in roles) or len(trusted) != 1:
            return None
        return trusted.pop()
