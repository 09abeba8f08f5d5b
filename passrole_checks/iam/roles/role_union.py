"""Many sets of roles as one, laid out so that the patterns near a given one are found without going through all."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from passrole_checks.iam.partial_values import Part, StringNode
from passrole_checks.iam.roles.arn_bounds import ArnBounds, meet, shape_of
from passrole_checks.iam.roles.arn_pattern import expand

Pattern = tuple[tuple[Part, ...], bool]  # a Resource text, spelled out, and whether ${...} in it are policy variables


@dataclass(frozen=True)
class RoleSet:
    """The roles that ``patterns`` match, or with ``complement`` every other role.

    ``variables``: whether ``${aws:...}`` in them are policy variables (Version 2012-10-17).
    """

    patterns: tuple[StringNode, ...]
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
        return tuple((expand(item.parts), self.variables) for item in self.patterns)

    @cached_property
    def shapes(self) -> tuple[ArnBounds, ...]:
        """The shapes of the patterns."""
        return tuple(shape_of(item.parts, self.variables) for item in self.patterns)

    def only(self, patterns: Iterable[StringNode]) -> RoleSet:
        """Just these patterns of it, as a set of the roles that they match."""
        return RoleSet(tuple(patterns), self.variables)


@dataclass(frozen=True, slots=True)
class UnionPattern:
    """One pattern of a union: as written, spelled out, its shape, and the set that it belongs to."""

    text: StringNode
    pattern: Pattern
    shape: ArnBounds
    set: RoleSet


class RoleUnion:
    """The union of sets of roles. ``complements`` are those of them that are complements."""

    def __init__(self, sets: Iterable[RoleSet]) -> None:
        self.sets = tuple(sets)
        self.complements = tuple(item for item in self.sets if item.complement)
        self.covered: dict[object, bool] = {}  # what is known of sets that lie within it, for those who ask again

    @cached_property
    def entries(self) -> tuple[UnionPattern, ...]:
        """The patterns of the sets that are no complements, in order."""
        return tuple(
            UnionPattern(text, (expand(text.parts), item.variables), shape_of(text.parts, item.variables), item)
            for item in self.sets
            if not item.complement
            for text in item.patterns
        )

    @cached_property
    def written(self) -> frozenset[Pattern]:
        """The patterns themselves."""
        return frozenset(entry.pattern for entry in self.entries)

    def near(self, shape: ArnBounds) -> list[UnionPattern]:
        """The patterns that may have a role in common with one of this shape, in order; all others surely have none."""
        entries = self.entries
        if len(entries) <= _FEW:
            return [entry for entry in entries if meet(entry.shape, shape)]
        return [entries[index] for index in sorted(self._index.alike(shape)) if meet(entries[index].shape, shape)]

    @cached_property
    def _index(self) -> _Index:
        return _Index([entry.shape for entry in self.entries])


_FEW = 4  # not worth an index


class _Index:
    """Shapes by how their names begin and end. A name that begins with a wildcard is found by its end."""

    def __init__(self, shapes: Sequence[ArnBounds]) -> None:
        numbered = list(enumerate(shapes))
        self._by_beginning = _Beginnings((shape.beginning, index) for index, shape in numbered if shape.beginning)
        self._by_end = _Beginnings((shape.end[::-1], index) for index, shape in numbered if shape.beginning)
        self._open = _Beginnings((shape.end[::-1], index) for index, shape in numbered if not shape.beginning)

    def alike(self, shape: ArnBounds) -> Iterator[int]:
        """The numbers of the shapes that begin and end in a way that this one may too."""
        yield from self._open.alike(shape.end[::-1], shape.literal)
        if shape.beginning:
            yield from self._by_beginning.alike(shape.beginning, shape.literal)
        else:
            yield from self._by_end.alike(shape.end[::-1], shape.literal)


class _Beginnings:
    """Texts with numbers: those that begin with a given text, or that it begins with."""

    def __init__(self, numbered: Iterable[tuple[str, int]]) -> None:
        self._sorted = sorted(numbered)
        self._texts = [text for text, _ in self._sorted]
        self._equal: dict[str, list[int]] = {}
        for text, number in self._sorted:
            self._equal.setdefault(text, []).append(number)

    def alike(self, text: str, whole: bool) -> Iterator[int]:
        """``whole``: nothing follows the text, so that it is only asked what it begins with."""
        for length in range(len(text) + whole):
            yield from self._equal.get(text[:length], ())
        if whole:
            return
        place = bisect_left(self._texts, text)
        while place < len(self._texts) and self._texts[place].startswith(text):
            yield self._sorted[place][1]
            place += 1
