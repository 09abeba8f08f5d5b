"""Index of the statements that allow one action, for look-ups of many role patterns.

One Allow has to match by itself: statements do not merge (IAM User Guide, "Policy evaluation logic").
"""

from __future__ import annotations

from collections.abc import Iterable

from passrole_checks.iam.documents.policy import Statement
from passrole_checks.iam.partial_values import StringNode, Ternary
from passrole_checks.iam.roles import arn
from passrole_checks.iam.roles.role_intersection import included_in_one_set
from passrole_checks.iam.roles.role_union import RoleSet, RoleUnion


class AllowIndex:
    """Statements that allow one action, restricted to those with, or without, policy ``variables``."""

    def __init__(self, statements: Iterable[Statement], variables: bool) -> None:
        self.variables = variables
        found = [statement for statement in statements if statement.variables is variables]
        self.left_out = [statement.not_resources or () for statement in found if statement.resources is None]
        self.named = RoleUnion(RoleSet(item.resources, variables) for item in found if item.resources is not None)

    def covers(self, role: StringNode) -> bool:
        """True if one of the statements covers every role of a pattern."""
        return included_in_one_set(role, self.named, variables=self.variables) or any(
            all(arn.overlaps(role, pattern, variables=self.variables) is Ternary.NO for pattern in left_out)
            for left_out in self.left_out
        )
