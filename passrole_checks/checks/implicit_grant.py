"""PASSROLE_007."""

from __future__ import annotations

from collections.abc import Iterator

from passrole_checks.checks.base.check import TO_LAMBDA, Check, Element, Example, allow
from passrole_checks.checks.base.grant_context import GrantContext
from passrole_checks.checks.base.grants import Special, is_scoped
from passrole_checks.checks.base.wording import roles_in_words
from passrole_checks.findings import Severity, Verdict

_ROLE = "arn:aws:iam::111122223333:role/app-*"


class ImplicitGrant(Check):
    """iam:PassRole is granted implicitly by a wildcard or NotAction.

    A reader of `iam:*` or `NotAction` on some roles does not see that they can be passed to a service, and a review
    that searches for PassRole does not find it.

    List the actions you need, and grant iam:PassRole by name in its own statement. Source: IAM User Guide, "Grant a
    user permissions to pass a role to an AWS service".
    """

    id = "PASSROLE_007"
    name = "implicit-grant"
    title = "Ensure that iam:PassRole is granted by name, not by a wildcard or NotAction"
    severity = Severity.LOW
    accepts = frozenset({Special.OTHER_ACCOUNT})
    independent_of = frozenset({Element.SERVICES})
    flagged = (
        Example("iam:* on some roles", (allow("iam:*", _ROLE),)),
        Example("a wildcard in the name", (allow("iam:Pass*", _ROLE, TO_LAMBDA),)),
    )
    clean = (Example("by its name", (allow("iam:PassRole", _ROLE, TO_LAMBDA),)),)

    def evaluate(self, context: GrantContext) -> Iterator[Verdict]:
        grant = context.grant
        if grant.explicit or not is_scoped(grant):
            return
        yield Verdict(
            Severity.LOW,
            f"`{grant.granted_by}` implicitly grants iam:PassRole on {roles_in_words(grant)}.",
            "List the actions you need, and grant iam:PassRole by name in its own statement, with an "
            "`iam:PassedToService` condition.",
        )
