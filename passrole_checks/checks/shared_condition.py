"""PASSROLE_017."""

from __future__ import annotations

from collections.abc import Iterator

from passrole_checks.checks.base.check import TO_LAMBDA, Check, Element, Example, allow, passed_to
from passrole_checks.checks.base.grant_context import GrantContext
from passrole_checks.checks.base.grants import Special
from passrole_checks.findings import Severity, Verdict
from passrole_checks.iam.roles.arn import Scope

_ROLE = "arn:aws:iam::111122223333:role/app-worker"


class SharedCondition(Check):
    """A statement with other actions has a condition that only PassRole requests can meet.

    `iam:PassedToService` and `iam:AssociatedResourceArn` are part of PassRole requests only. For every other action of
    the statement the key is missing, the condition does not match, and the action is not allowed.

    Move iam:PassRole to its own statement, and the other actions to one without the condition. Sources: IAM User
    Guide, "IAM and AWS STS condition context keys" and "IAM JSON policy elements: Condition operators".
    """

    id = "PASSROLE_017"
    name = "shared-condition"
    title = "Ensure that a statement with an iam:PassedToService condition has no other actions"
    severity = Severity.LOW
    accepts = frozenset({Special.DENIED, Special.NEVER_MATCHES, Special.OTHER_ACCOUNT})
    independent_of = frozenset({Element.ROLES})
    flagged = (Example("GetRole under the condition", (allow(["iam:GetRole", "iam:PassRole"], _ROLE, TO_LAMBDA),)),)
    clean = (
        Example("two statements", (allow("iam:GetRole", _ROLE), allow("iam:PassRole", _ROLE, TO_LAMBDA))),
        Example(
            "an operator that a missing key meets",
            (
                allow(
                    ["iam:GetRole", "iam:PassRole"],
                    _ROLE,
                    passed_to("lambda.amazonaws.com", operator="StringEqualsIfExists"),
                ),
            ),
        ),
    )

    def evaluate(self, context: GrantContext) -> Iterator[Verdict]:
        grant = context.grant
        if not grant.other_actions:
            return
        if grant.scope is Scope.NOT_A_ROLE:
            return  # nothing can be passed
        if grant.condition.shared:
            names = " and ".join(f"`{key}`" for key in dict.fromkeys(grant.condition.shared))
            yield Verdict(
                Severity.LOW,
                f"Only iam:PassRole requests contain {names}, so this statement does not allow its other actions.",
                "Move iam:PassRole to its own statement, and the other actions to one without this condition.",
            )
