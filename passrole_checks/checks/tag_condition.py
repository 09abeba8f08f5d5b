"""PASSROLE_004."""

from __future__ import annotations

from collections.abc import Iterator

from passrole_checks.checks.base.check import Check, Element, Example, allow
from passrole_checks.checks.base.grant_context import GrantContext
from passrole_checks.checks.base.grants import Special
from passrole_checks.checks.base.wording import resource_of
from passrole_checks.findings import Severity, Verdict
from passrole_checks.iam.roles.arn import Scope
from passrole_checks.iam.values.nodes import Ternary


class TagCondition(Check):
    """A condition on role tags restricts iam:PassRole, which AWS calls unreliable.

    AWS says not to control PassRole with `aws:ResourceTag` or `iam:ResourceTag`: the result is not reliable. Also, a
    principal that can tag roles decides which roles can be passed.

    Restrict the roles in `Resource`, by ARN, path or name prefix, and the service with `iam:PassedToService`. Source:
    IAM User Guide, "Grant a user permissions to pass a role to an AWS service".
    """

    id = "PASSROLE_004"
    name = "tag-condition"
    title = "Ensure that iam:PassRole does not rely on role tags"
    severity = Severity.MEDIUM
    accepts = frozenset({Special.DENY, Special.NEVER_MATCHES, Special.UNCERTAIN, Special.OTHER_ACCOUNT})
    independent_of = frozenset({Element.ROLES})
    flagged = (
        Example(
            "roles by tag",
            (
                allow(
                    "iam:PassRole",
                    "arn:aws:iam::111122223333:role/app-*",
                    {"StringEquals": {"iam:ResourceTag/team": "app", "iam:PassedToService": "lambda.amazonaws.com"}},
                ),
            ),
        ),
    )
    clean = (
        Example(
            "the holder's own tag",
            (
                allow(
                    "iam:PassRole",
                    "arn:aws:iam::111122223333:role/app-*",
                    {"StringEquals": {"aws:PrincipalTag/team": "app", "iam:PassedToService": "lambda.amazonaws.com"}},
                ),
            ),
        ),
    )

    def evaluate(self, context: GrantContext) -> Iterator[Verdict]:
        grant = context.grant
        if not grant.condition.tags or grant.scope is Scope.NOT_A_ROLE or grant.certain is Ternary.NO:
            return
        if grant.effect == "Deny" and not grant.explicit:
            return  # a Deny of all actions does not rely on the tag for PassRole
        names = ", ".join(dict.fromkeys(grant.condition.tags))
        yield Verdict(
            Severity.MEDIUM,
            f"This statement relies on role tags (`{names}`), which is not reliable for iam:PassRole.",
            f"Restrict the roles in `{resource_of(grant)}` instead, by ARN, path or name prefix.",
        )
