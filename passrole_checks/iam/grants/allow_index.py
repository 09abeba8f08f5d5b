"""Index of the statements that allow one action, for look-ups of many role patterns.

One Allow has to match by itself: statements do not merge (IAM User Guide, "Policy evaluation logic").
"""

from __future__ import annotations

from collections.abc import Iterable

from passrole_checks.iam.documents.policy import Statement
from passrole_checks.iam.partial_values import StringNode, Ternary
from passrole_checks.iam.roles import arn
from passrole_checks.iam.roles.arn_bounds import bounds_of
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
        bounds = bounds_of(role.parts, self.variables)
        if role.parts in self.named.texts or self.named.covering(bounds):
            return True
        exceeds = arn.surely_exceeds(role, self.named, variables=self.variables)
        near = [] if exceeds else self.named.near(bounds)
        sets = {id(entry.set): entry.set.patterns for entry in near}
        if self.named.sets and not (exceeds or near or bounds.exact):
            # it may match no role, and then every set covers it
            sets = {0: self.named.sets[0].patterns}
        return any(
            arn.included(role, patterns, variables=self.variables) is Ternary.YES for patterns in sets.values()
        ) or any(
            all(arn.overlaps(role, pattern, variables=self.variables) is Ternary.NO for pattern in left_out)
            for left_out in self.left_out
        )
