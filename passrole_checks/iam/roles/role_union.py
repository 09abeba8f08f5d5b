"""Many sets of roles as one, laid out so that the patterns near a given one are found without going through all."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from passrole_checks.iam.pattern_index import PatternIndex
from passrole_checks.iam.roles.arn_pattern import spelled_out
from passrole_checks.iam.roles.role_shape import WILDCARD, Shape, covers, meet, shape_of
from passrole_checks.iam.values import Part, Text

Pattern = tuple[tuple[Part, ...], bool]  # a Resource text, spelled out, and whether ${...} in it are policy variables


@dataclass(frozen=True)
class RoleSet:
    """The roles that ``patterns`` match, or with ``complement`` every other role.

    ``variables``: whether ``${aws:...}`` in them are policy variables (Version 2012-10-17).
    """

    patterns: tuple[Text, ...]
    variables: bool = True
    complement: bool = False

    def written(self, *, optional: bool = True) -> tuple[Pattern, ...]:
        """The patterns as the automata read them; without ``optional``, only those that are there in any case."""
        if optional or not any(item.optional for item in self.patterns):
            return self._written
        sure = zip(self.patterns, self._written, strict=True)
        return tuple(pattern for item, pattern in sure if not item.optional)

    @cached_property
    def _written(self) -> tuple[Pattern, ...]:
        return tuple((spelled_out(item.parts), self.variables) for item in self.patterns)

    @cached_property
    def shapes(self) -> tuple[Shape, ...]:
        """The shapes of the patterns."""
        return tuple(shape_of(item.parts, self.variables) for item in self.patterns)

    def only(self, patterns: Iterable[Text]) -> RoleSet:
        """Just these patterns of it, as a set of the roles that they match."""
        return RoleSet(tuple(patterns), self.variables)


@dataclass(frozen=True, slots=True)
class Entry:
    """One pattern of a union: as written, spelled out, its shape, and the set that it belongs to."""

    text: Text
    pattern: Pattern
    shape: Shape
    set: RoleSet


class RoleUnion:
    """The union of sets of roles. ``complements`` are those of them that are complements."""

    def __init__(self, sets: Iterable[RoleSet]) -> None:
        self.sets = tuple(sets)
        self.complements = tuple(item for item in self.sets if item.complement)
        self.covered: dict[object, bool] = {}  # what is known of sets that lie within it, for those who ask again

    @cached_property
    def entries(self) -> tuple[Entry, ...]:
        """The patterns of the sets that are no complements, in order."""
        return tuple(
            Entry(text, (spelled_out(text.parts), item.variables), shape_of(text.parts, item.variables), item)
            for item in self.sets
            if not item.complement
            for text in item.patterns
        )

    @cached_property
    def written(self) -> frozenset[Pattern]:
        """The patterns themselves."""
        return frozenset(entry.pattern for entry in self.entries)

    @cached_property
    def texts(self) -> frozenset[tuple[Part, ...]]:
        """The patterns as written."""
        return frozenset(entry.text.parts for entry in self.entries)

    def near(self, shape: Shape) -> list[Entry]:
        """The patterns that may have a role in common with one of this shape, in order; all others surely have none."""
        return [self.entries[number] for number in self.numbers_near(shape)]

    def numbers_near(self, shape: Shape) -> list[int]:
        """Return the places of these patterns in ``entries``."""
        if len(self.entries) <= _FEW:
            return [number for number, entry in enumerate(self.entries) if meet(entry.shape, shape)]
        return self._index.near(shape)

    def covering(self, shape: Shape) -> list[Entry]:
        """Return the patterns of which each surely matches all that one of this shape may match, in order."""
        return [self.entries[number] for number in self.numbers_covering(shape)]

    def numbers_covering(self, shape: Shape) -> list[int]:
        """Return the places of these patterns in ``entries``."""
        near = range(len(self.entries)) if len(self.entries) <= _FEW else self._index.spelled_in(shape)
        return [number for number in near if covers(self.entries[number].shape, shape)]

    @cached_property
    def _index(self) -> _Index:
        return _Index([entry.shape for entry in self.entries])


_FEW = 4  # not worth an index


class _Group(NamedTuple):
    """Shapes that meet the same shapes with wildcards: the first of them, and the numbers of all."""

    place: tuple[str, str]
    literal: bool
    first: Shape
    numbers: list[int]


class _Index:
    """Shapes, arranged by their names."""

    def __init__(self, shapes: Sequence[Shape]) -> None:
        self._shapes = shapes
        groups: dict[tuple[str, str, str, str, bool], _Group] = {}
        for number, shape in enumerate(shapes):
            place, literal = (shape.partition, shape.account), shape.literal
            key = (*place, shape.beginning, shape.end, literal)
            groups.setdefault(key, _Group(place, literal, shape, [])).numbers.append(number)
        self._groups = list(groups.values())
        self._places = {group.place: group.first._replace(name="*", beginning="", end="") for group in self._groups}
        self._of_groups = PatternIndex([group.first.name for group in self._groups], WILDCARD)
        self._of_shapes = PatternIndex([shape.name for shape in shapes], WILDCARD)

    def near(self, shape: Shape) -> list[int]:
        """Return the numbers of the shapes that may have a role in common with this one."""
        if shape.literal:
            return [number for number in self.spelled_in(shape) if meet(self._shapes[number], shape)]
        places = {place for place, anything in self._places.items() if meet(anything, shape)}
        compared = not (shape.beginning and shape.end)  # of names with wildcards the index has compared the other end
        found: list[int] = []
        for group in map(self._groups.__getitem__, self._of_groups.near(shape.name)):
            if group.place in places and ((compared and not group.literal) or meet(group.first, shape)):
                found += group.numbers
        return sorted(found)

    def spelled_in(self, shape: Shape) -> list[int]:
        """Return the numbers of the shapes of which the literal text of the name is in the name of this one."""
        return self._of_shapes.spelled_in(shape.name)
