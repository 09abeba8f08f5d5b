"""PASSROLE_005."""

from __future__ import annotations

from collections.abc import Iterator

from passrole_checks.checks.base.check import TO_LAMBDA, Check, Element, Example, allow
from passrole_checks.checks.base.grant_context import GrantContext
from passrole_checks.checks.base.grants import Special
from passrole_checks.findings import Severity, Verdict
from passrole_checks.iam.roles.arn import Scope


class CrossAccount(Check):
    """The statement names a role of another account, which cannot be passed.

    A role can be passed only to a service in its own account. The statement grants nothing, although its author
    expects otherwise, or copied it from another account.

    Name the role of the account that you deploy to; to act in another account, assume a role there. The check needs
    the account: `--account`, or one that the configuration states. Source: IAM User Guide, "Grant a user permissions
    to pass a role to an AWS service".
    """

    id = "PASSROLE_005"
    name = "cross-account"
    title = "Ensure that iam:PassRole names roles of the account deployed to"
    severity = Severity.LOW
    accepts = frozenset({Special.OTHER_ACCOUNT})
    independent_of = frozenset({Element.SERVICES})
    flagged = (
        Example(
            "a role of another account",
            (allow("iam:PassRole", "arn:aws:iam::444455556666:role/app-worker", TO_LAMBDA),),
            account="111122223333",
        ),
    )
    clean = (
        Example(
            "a role of this account",
            (allow("iam:PassRole", "arn:aws:iam::111122223333:role/app-worker", TO_LAMBDA),),
            account="111122223333",
        ),
        Example(
            "any account, which means this one",
            (allow("iam:PassRole", "arn:aws:iam::*:role/app-worker", TO_LAMBDA),),
            account="111122223333",
        ),
    )

    def evaluate(self, context: GrantContext) -> Iterator[Verdict]:
        grant = context.grant
        if grant.complement:
            return
        foreign = [
            str(role.pattern)
            for role in grant.roles
            if role.scope is not Scope.NOT_A_ROLE and context.is_foreign(role.pattern)
        ]
        if foreign:
            account = context.model.account
            yield Verdict(
                Severity.LOW,
                f"{', '.join(foreign[:3])} is not in account {account}, which is deployed to. Roles can be passed only "
                "within their account, so this grants nothing.",
                f"Name the role of account {account}, or assume a role in the other account instead.",
            )
