"""PASSROLE_001."""

from __future__ import annotations

from collections.abc import Iterator

from passrole_checks.checks.base.check import Check, Element, Example, allow
from passrole_checks.checks.base.grant_context import GrantContext
from passrole_checks.checks.base.grants import narrows_services
from passrole_checks.checks.base.wording import beside, how_granted, resource_of
from passrole_checks.findings import Confidence, Severity, Verdict
from passrole_checks.iam.conditions.passed_to_service import Constraint
from passrole_checks.iam.roles.arn import Scope


class AnyRole(Check):
    """An Allow lets any role of the account be passed.

    Whoever holds this policy picks the most powerful role of the account that some service can assume, hands it to
    that service (a function, an instance, a build), and acts with that role's permissions: the way from developer to
    administrator. It does not matter how the roles are spelled (`*`, `role/*`, a pattern of account numbers, a
    NotResource) or how PassRole is granted (by name, by `iam:*`, by a NotAction).

    Name the roles that are really passed in Resource, by ARN or by a path or prefix that only they share, and name
    the service in a condition on `iam:PassedToService`. Source: IAM User Guide, "Grant a user permissions to pass a
    role to an AWS service".
    """

    id = "PASSROLE_001"
    name = "any-role"
    title = "Ensure that no policy lets any role of the account be passed to a service"
    severity = Severity.HIGH
    independent_of = frozenset({Element.SERVICES})
    flagged = (
        Example("every role, by name of the action", (allow("iam:PassRole", "*"),)),
        Example("every role of one account", (allow("iam:Pass*", "arn:aws:iam::111122223333:role/*"),)),
        Example(
            "administrator but for S3", ({"Effect": "Allow", "NotAction": "s3:*", "Resource": "*"},)
        ),
        Example(
            "every role but one",
            ({"Effect": "Allow", "Action": "iam:PassRole", "NotResource": "arn:aws:iam::111122223333:role/admin"},),
        ),
        Example(
            "every role, to one service (medium)",
            (allow("iam:PassRole", "*", {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}}),),
        ),
    )  # fmt: skip
    clean = (
        Example("roles with a prefix", (allow("iam:PassRole", "arn:aws:iam::111122223333:role/app-*"),)),
        Example("no role at all", (allow("*", "arn:aws:s3:::*"),)),
        Example("everything but IAM", ({"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"},)),
        Example(
            "a Deny takes it away",
            (allow("*", "*"), {"Effect": "Deny", "Action": "iam:PassRole", "Resource": "*"}),
        ),
    )

    def evaluate(self, context: GrantContext) -> Iterator[Verdict]:
        grant = context.grant
        if grant.scope is not Scope.ANY_ROLE:
            return
        wide = [role.pattern for role in grant.roles if role.scope is Scope.ANY_ROLE]
        if wide and not grant.complement and all(context.is_foreign(pattern) for pattern in wide):
            return  # of an account whose roles cannot be passed here: PASSROLE_005
        unresolved = grant.services.constraint is Constraint.UNRESOLVED
        narrowed = narrows_services(grant) or unresolved
        services = ""
        if grant.open_to_other_services:
            services = " Some services are left out, every other one is let through."
        elif unresolved:
            services = " The condition on iam:PassedToService cannot be told before deployment."
        elif narrowed and grant.services.values:
            services = f" It is limited to {', '.join(grant.services.values)}."
        named = resource_of(grant)
        but = " but those that NotResource names" if grant.complement else ""
        yield Verdict(
            Severity.MEDIUM if narrowed else Severity.HIGH,
            f"Any role of the account{but} can be passed{how_granted(grant)}, also one that can do more than the "
            f"policy's holder.{services}{beside(grant)}",
            f"Name the roles that are passed in {named}"
            + ("." if narrowed else " and the service in a condition on iam:PassedToService.")
            if grant.explicit
            else "Take iam:PassRole out with a Deny, or list the actions that are needed and grant iam:PassRole in a "
            f"statement of its own: the roles in {named}, the service in a condition on iam:PassedToService.",
            Confidence.MEDIUM if unresolved or grant.statement.when else Confidence.HIGH,
        )
