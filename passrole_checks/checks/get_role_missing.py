"""PASSROLE_012."""

from __future__ import annotations

from collections.abc import Iterator

from passrole_checks.checks.base.check import TO_LAMBDA, Check, Element, Example, allow
from passrole_checks.checks.base.grant_context import GrantContext
from passrole_checks.checks.base.grants import Special, is_scoped
from passrole_checks.checks.base.wording import roles_in_words
from passrole_checks.findings import Severity, Verdict
from passrole_checks.iam.grants.grant import allows_on
from passrole_checks.iam.roles.arn import Scope

_ROLE = "arn:aws:iam::111122223333:role/app-*"


class GetRoleMissing(Check):
    """iam:PassRole is allowed without iam:GetRole on the same roles.

    A principal that passes a role usually has to read it first: consoles and many tools call `iam:GetRole`, and fail
    without it. This is no risk, but it breaks workflows.

    Allow `iam:GetRole` on the same roles, in a statement without the `iam:PassedToService` condition (that key exists
    for PassRole only). Source: IAM User Guide, "Grant a user permissions to pass a role to an AWS service".
    """

    id = "PASSROLE_012"
    name = "get-role-missing"
    title = "Ensure that iam:GetRole is allowed on the roles that can be passed"
    severity = Severity.INFO
    accepts = frozenset({Special.OTHER_ACCOUNT})
    independent_of = frozenset({Element.SERVICES})
    flagged = (Example("PassRole alone", (allow("iam:PassRole", _ROLE, TO_LAMBDA),)),)
    clean = (
        Example("with GetRole beside it", (allow("iam:PassRole", _ROLE, TO_LAMBDA), allow("iam:GetRole", _ROLE))),
        Example("reading all of IAM", (allow("iam:PassRole", _ROLE, TO_LAMBDA), allow("iam:Get*", "*"))),
    )

    def evaluate(self, context: GrantContext) -> Iterator[Verdict]:
        grant = context.grant
        if not grant.explicit or not is_scoped(grant) or grant.complement:
            return
        passed = (role.pattern for role in grant.roles if role.scope is not Scope.NOT_A_ROLE)
        if all(allows_on(context.statements, "iam:GetRole", pattern) for pattern in passed):
            return
        yield Verdict(
            Severity.INFO,
            f"This policy does not allow iam:GetRole on {roles_in_words(grant)}, which passing a role usually needs.",
            "Allow iam:GetRole on the same roles, in a statement without the `iam:PassedToService` condition.",
        )
