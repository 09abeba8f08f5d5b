"""Union of many sets of roles, indexed to find the patterns near a given one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import NamedTuple

from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.patterns.pattern_index import PatternIndex
from passrole_checks.iam.roles.arn_bounds import WILDCARD, ArnBounds, bounds_of, covers, may_intersect
from passrole_checks.iam.roles.arn_pattern import expand
from passrole_checks.iam.values.nodes import Part, StringNode

Pattern = tuple[tuple[Part, ...], bool]  # (expanded Resource string, ${...} are policy variables)


@dataclass(frozen=True)
class RoleSet:
    """The roles that ``patterns`` match or, with ``complement``, every other role.

    ``variables``: ``${aws:...}`` in them are policy variables (Version 2012-10-17).
    """

    patterns: tuple[StringNode, ...]
    variables: bool = True
    complement: bool = False

    def written(self, *, optional: bool = True) -> tuple[Pattern, ...]:
        """Return the patterns expanded for the automata; without ``optional``, only those that are not optional."""
        if optional or not any(item.optional for item in self.patterns):
            return self._written
        sure = zip(self.patterns, self._written, strict=True)
        return tuple(pattern for item, pattern in sure if not item.optional)

    @cached_property
    def _written(self) -> tuple[Pattern, ...]:
        return tuple((expand(pattern.parts), self.variables) for pattern in self.patterns)

    @cached_property
    def bounds(self) -> tuple[ArnBounds, ...]:
        """The bounds of the patterns."""
        return tuple(bounds_of(pattern.parts, self.variables) for pattern in self.patterns)

    def only(self, patterns: Iterable[StringNode]) -> RoleSet:
        """Return the set of the roles that these patterns match."""
        return RoleSet(tuple(patterns), self.variables)


@dataclass(frozen=True, slots=True)
class UnionPattern:
    """One pattern of a union: as written, expanded, its bounds, and the set that it belongs to."""

    text: StringNode
    pattern: Pattern
    bounds: ArnBounds
    set: RoleSet


class RoleUnion:
    """The union of sets of roles. ``complements`` are the sets that are complements."""

    def __init__(self, sets: Iterable[RoleSet]) -> None:
        self.sets = tuple(sets)
        self.complements = tuple(roles for roles in self.sets if roles.complement)
        self.covered: dict[object, bool] = {}  # a cache: which sets are included in it

    @cached_property
    def entries(self) -> tuple[UnionPattern, ...]:
        """The patterns of the sets that are not complements, in order."""
        return tuple(
            UnionPattern(text, (expand(text.parts), roles.variables), bounds_of(text.parts, roles.variables), roles)
            for roles in self.sets
            if not roles.complement
            for text in roles.patterns
        )

    @cached_property
    def written(self) -> frozenset[Pattern]:
        """The expanded patterns."""
        return frozenset(entry.pattern for entry in self.entries)

    @cached_property
    def texts(self) -> frozenset[tuple[Part, ...]]:
        """The patterns as written."""
        return frozenset(entry.text.parts for entry in self.entries)

    def near(self, bounds: ArnBounds) -> list[UnionPattern]:
        """Return the patterns that may have a role in common with one of these bounds, in order; all others surely have
        none."""
        return [self.entries[number] for number in self.indexes_near(bounds)]

    def indexes_near(self, bounds: ArnBounds) -> list[int]:
        """Return their indexes in ``entries``."""
        return sorted(self.find_near(bounds))

    def find_near(self, bounds: ArnBounds) -> Iterator[int]:
        """Yield the same indexes in any order, each as soon as it is found."""
        if len(self.entries) <= _FEW:
            return (number for number, entry in enumerate(self.entries) if may_intersect(entry.bounds, bounds))
        return self._index.near(bounds)

    def covering(self, bounds: ArnBounds) -> list[UnionPattern]:
        """Return the patterns each of which surely matches all roles within these bounds, in order."""
        return [self.entries[number] for number in self.indexes_covering(bounds)]

    def indexes_covering(self, bounds: ArnBounds) -> list[int]:
        """Return their indexes in ``entries``."""
        near = range(len(self.entries)) if len(self.entries) <= _FEW else self._index.contained_in(bounds)
        return [number for number in near if covers(self.entries[number].bounds, bounds)]

    def indexes_within(self, bounds: ArnBounds) -> Iterable[int]:
        """Return the indexes of a superset of the patterns that a pattern with these bounds includes."""
        return range(len(self.entries)) if len(self.entries) <= _FEW else self._index.within(bounds)

    @cached_property
    def _index(self) -> _Index:
        return _Index([entry.bounds for entry in self.entries])


_FEW = 4  # patterns below which an index does not pay off


class _Group(NamedTuple):
    """Bounds that intersect the same bounds with wildcards: the first of them, and the indexes of all."""

    place: tuple[str, str]
    literal: bool
    first: ArnBounds
    numbers: list[int]


class _Index:
    """Bounds indexed by name."""

    def __init__(self, all_bounds: Sequence[ArnBounds]) -> None:
        self._bounds = all_bounds
        groups: dict[tuple[str, str, str, str, bool], _Group] = {}
        for number, bounds in enumerate(all_bounds):
            location, literal = (bounds.partition, bounds.account), bounds.literal
            key = (*location, bounds.beginning, bounds.end, literal)
            groups.setdefault(key, _Group(location, literal, bounds, [])).numbers.append(number)
        self._groups = list(groups.values())
        self._places = {group.place: group.first._replace(name="*", beginning="", end="") for group in self._groups}
        self._groups_by_name = PatternIndex([group.first.name for group in self._groups], WILDCARD)
        self._by_name = PatternIndex([bounds.name for bounds in all_bounds], WILDCARD)

    def near(self, bounds: ArnBounds) -> Iterator[int]:
        """Yield the indexes of the bounds that may have a role in common with ``bounds``."""
        if bounds.literal:
            yield from (number for number in self.contained_in(bounds) if may_intersect(self._bounds[number], bounds))
            return
        locations = {location for location, anything in self._places.items() if may_intersect(anything, bounds)}
        compared = not (bounds.beginning and bounds.end)  # of names with wildcards the index has compared the other end
        for group in map(self._groups.__getitem__, self._groups_by_name.near(bounds.name)):
            if group.place in locations and ((compared and not group.literal) or may_intersect(group.first, bounds)):
                yield from group.numbers

    def contained_in(self, bounds: ArnBounds) -> list[int]:
        """Return the indexes of the bounds whose literal name text occurs in the name of ``bounds``."""
        return self._by_name.contained_in(bounds.name)

    def within(self, bounds: ArnBounds) -> Iterable[int]:
        """Return the indexes of the bounds whose literal name text contains that of ``bounds``, and of all without."""
        return self._by_name.within(bounds.name)
