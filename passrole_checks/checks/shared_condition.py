"""PASSROLE_017."""

from __future__ import annotations

from collections.abc import Iterator

from passrole_checks.checks.base.check import Check, Element, Example, allow
from passrole_checks.checks.base.grant_context import GrantContext
from passrole_checks.checks.base.grants import Special
from passrole_checks.findings import Severity, Verdict
from passrole_checks.iam.roles.arn import Scope

_ROLE = "arn:aws:iam::111122223333:role/app-worker"
_CONDITION = {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}}


class SharedCondition(Check):
    """A condition that only PassRole requests can meet stands in a statement with other actions.

    `iam:PassedToService` and `iam:AssociatedResourceArn` come with PassRole requests only. For every other action of
    the statement the key is missing, the condition is not met, and the action is not allowed.

    Give iam:PassRole a statement of its own, and the other actions one without the condition. Sources: IAM User Guide,
    "IAM and AWS STS condition context keys" and "IAM JSON policy elements: Condition operators".
    """

    id = "PASSROLE_017"
    name = "shared-condition"
    title = "Ensure that a condition on iam:PassedToService stands in a statement with iam:PassRole alone"
    severity = Severity.LOW
    accepts = frozenset({Special.DENIED, Special.NEVER_MATCHES, Special.OTHER_ACCOUNT})
    independent_of = frozenset({Element.ROLES})
    flagged = (Example("GetRole under the condition", (allow(["iam:GetRole", "iam:PassRole"], _ROLE, _CONDITION),)),)
    clean = (
        Example("two statements", (allow("iam:GetRole", _ROLE), allow("iam:PassRole", _ROLE, _CONDITION))),
        Example(
            "an operator that a missing key meets",
            (
                allow(
                    ["iam:GetRole", "iam:PassRole"],
                    _ROLE,
                    {"StringEqualsIfExists": {"iam:PassedToService": "lambda.amazonaws.com"}},
                ),
            ),
        ),
    )

    def evaluate(self, context: GrantContext) -> Iterator[Verdict]:
        grant = context.grant
        if not grant.other_actions:
            return
        if grant.scope is Scope.NOT_A_ROLE:
            return  # nothing is passed here at all
        if grant.condition.shared:
            names = " and ".join(dict.fromkeys(grant.condition.shared))
            yield Verdict(
                Severity.LOW,
                f"Only iam:PassRole requests carry {names}: the other actions of this statement are not allowed by it.",
                "Give iam:PassRole a statement of its own, and the other actions one without this condition.",
            )
