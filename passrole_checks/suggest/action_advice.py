"""Advice on the actions of a statement: name iam:PassRole, or free the actions that share its condition.

Source: IAM User Guide, "IAM JSON policy elements: Condition operators": if a request does not contain the key of a
condition, the condition does not match. Only requests that pass a role contain ``iam:PassedToService``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from passrole_checks.iam.documents.action import matches_only_pass_role
from passrole_checks.scan.analyze import AnalyzedConfiguration
from passrole_checks.scan.result import LocatedGrant
from passrole_checks.suggest.advice import Advice, listed_names
from passrole_checks.suggest.not_editable import why_not_editable
from passrole_checks.suggest.suggestion import StatementChange

IMPLICIT, SHARED = "PASSROLE_007", "PASSROLE_017"
ACTION_CHECKS = frozenset({IMPLICIT, SHARED})
"""The checks whose findings a change of the actions resolves."""


def action_advice(analyzed: AnalyzedConfiguration, located: LocatedGrant, checks: Collection[str]) -> Iterator[Advice]:
    """Yield the advice for a statement that these checks flag; none if it cannot be edited or is not flagged by them.

    Roles and services stay as written.
    """
    grant = located.grant
    if why_not_editable(analyzed, located, keeps_roles=True):
        return
    if IMPLICIT in checks and not grant.explicit:
        says = f"Names iam:PassRole instead of `{grant.granted_by}`, which matches no other action."
        yield Advice(StatementChange(name_action=True), says, targets=frozenset({IMPLICIT}))
    if SHARED in checks:
        others = [str(name) for name in grant.statement.actions or () if not matches_only_pass_role(str(name))]
        says = (
            "Moves iam:PassRole with its condition to a separate statement, so that the condition no longer disables"
            f" {listed_names(others)}."
        )
        change = StatementChange(separate=True, free_others=True)
        yield Advice(change, says, targets=frozenset({SHARED}), new_statement=True)
