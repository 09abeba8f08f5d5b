"""Many statements that allow one action, laid out so that each of many role patterns is quickly looked up in them.

One Allow has to match by itself: statements do not merge (IAM User Guide, "Policy evaluation logic").
"""

from __future__ import annotations

from collections.abc import Iterable

from passrole_checks.iam.documents.policy import Statement
from passrole_checks.iam.roles import arn
from passrole_checks.iam.roles.role_shape import shape_of
from passrole_checks.iam.roles.role_union import RoleSet, RoleUnion
from passrole_checks.iam.values import Text, Tri


class Allowing:
    """Statements that allow one action, with ``variables`` those in which ``${...}`` is a policy variable."""

    def __init__(self, statements: Iterable[Statement], variables: bool) -> None:
        self.variables = variables
        found = [statement for statement in statements if statement.variables is variables]
        self.left_out = [statement.not_resources or () for statement in found if statement.resources is None]
        self.named = RoleUnion(RoleSet(item.resources, variables) for item in found if item.resources is not None)

    def covers(self, role: Text) -> bool:
        """Whether one of the statements names every role of a pattern."""
        shape = shape_of(role.parts, self.variables)
        if role.parts in self.named.texts or self.named.covering(shape):
            return True
        exceeds = arn.surely_exceeds(role, self.named, variables=self.variables)
        near = [] if exceeds else self.named.near(shape)
        sets = {id(entry.set): entry.set.patterns for entry in near}
        if self.named.sets and not (exceeds or near or shape.exact):
            # it may be no role at all, and then every set covers it
            sets = {0: self.named.sets[0].patterns}
        return any(
            arn.included(role, patterns, variables=self.variables) is Tri.YES for patterns in sets.values()
        ) or any(
            all(arn.overlaps(role, item, variables=self.variables) is Tri.NO for item in left_out)
            for left_out in self.left_out
        )
