"""Compare a pattern with each pattern of an indexed union: inclusion in either direction, overlap, intersection.

No function compares all pairs: `role_union` finds the patterns that may give another answer than no.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence
from functools import cached_property

from passrole_checks.iam.grouped import grouped
from passrole_checks.iam.roles import arn
from passrole_checks.iam.roles.arn_bounds import bounds_of
from passrole_checks.iam.roles.role_search import ANYWHERE, Deployment
from passrole_checks.iam.roles.role_union import RoleUnion
from passrole_checks.iam.values.nodes import StringNode, Ternary


def included_in_one_set(role: StringNode, union: RoleUnion, *, variables: bool, where: Deployment = ANYWHERE) -> bool:
    """True if one of the sets of a union, by itself, surely includes every role of a pattern."""
    bounds = bounds_of(role.parts, variables)
    if role.parts in union.texts or union.covering(bounds):
        return True
    exceeds = arn.surely_exceeds(role, union, variables=variables, where=where)
    near = [] if exceeds else union.near(bounds)
    sets = {id(entry.set): entry.set.patterns for entry in near}
    if union.sets and not (exceeds or near or (bounds.exact and bounds.overlaps_deployment(where))):
        # it may match no role, and then every set includes it
        sets = {0: union.sets[0].patterns}
    return any(
        arn.included(role, patterns, variables=variables, where=where) is Ternary.YES for patterns in sets.values()
    )


def indexes_within(role: StringNode, union: RoleUnion, *, variables: bool, where: Deployment = ANYWHERE) -> list[int]:
    """Return the indexes of the entries of a union whose roles a pattern surely includes, without those that match no
    role."""
    return [
        number
        for number in sorted(union.indexes_within(bounds_of(role.parts, variables)))
        if arn.included(union.entries[number].text, [role], variables=variables, where=where) is Ternary.YES
        and arn.overlaps(union.entries[number].text, role, variables=variables, where=where) is not Ternary.NO
    ]


def overlapping(
    role: StringNode, union: RoleUnion, *, skip: Container[int] = (), variables: bool, where: Deployment = ANYWHERE
) -> Iterator[int]:
    """Yield the indexes of the entries of a union that may have a role in common with a pattern, in any order.

    Entries in ``skip`` are left out.
    """
    for number in union.find_near(bounds_of(role.parts, variables)):
        other = union.entries[number].text
        if number not in skip and arn.overlaps(role, other, variables=variables, where=where) is not Ternary.NO:
            yield number


class RoleLimit:
    """The roles to which something is limited: those of ``patterns``."""

    def __init__(self, patterns: Iterable[StringNode], variables: bool) -> None:
        self.patterns = tuple(patterns)
        self.variables = variables

    @cached_property
    def union(self) -> RoleUnion:
        """The index of all patterns."""
        return arn.union_of(self.patterns, variables=self.variables)

    @cached_property
    def _by_width(self) -> dict[int, tuple[list[int], RoleUnion]]:
        """The positions of the patterns, and their index, by the width of their scope."""
        groups = grouped((self._width(pattern), position) for position, pattern in enumerate(self.patterns))
        return {
            width: (group, arn.union_of([self.patterns[position] for position in group], variables=self.variables))
            for width, group in groups.items()
        }

    def _width(self, pattern: StringNode) -> int:
        return arn.resource_scope(pattern, variables=self.variables).width

    def intersection(self, patterns: Sequence[StringNode], where: Deployment) -> list[StringNode]:
        """Return the roles of ``patterns`` within the limit: patterns in their order, then those of the limit.

        Of two patterns that overlap, the one within the other represents the roles of both, else the narrower one.
        """
        kept: list[StringNode] = []
        narrower: dict[int, set[int]] = {width: set() for width in self._by_width}
        for pattern in patterns:
            inside = arn.included_in(pattern, self.union, variables=self.variables, where=where) is Ternary.YES
            if inside or self._crosses(pattern, narrower, where):
                kept.append(pattern)
        positions = [group[index] for width, (group, _) in self._by_width.items() for index in narrower[width]]
        return [*kept, *(self.patterns[position] for position in sorted(positions))]

    def _crosses(self, pattern: StringNode, narrower: dict[int, set[int]], where: Deployment) -> bool:
        """True if a pattern represents its roles within the limit; add the limit's patterns that represent others.

        ``narrower``: the indexes of those, by the width of their scope.
        """
        own, crosses = self._width(pattern), False
        for width, (group, union) in self._by_width.items():
            known = narrower[width]
            within = indexes_within(pattern, union, variables=self.variables, where=where)
            known.update(within)
            if width > own and len(known) < len(group):
                known.update(overlapping(pattern, union, skip=known, variables=self.variables, where=where))
            elif width <= own and not crosses:
                skip = frozenset(within)
                crosses = any(
                    True for _ in overlapping(pattern, union, skip=skip, variables=self.variables, where=where)
                )
        return crosses
