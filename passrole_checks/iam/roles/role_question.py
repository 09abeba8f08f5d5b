"""One question of sets of roles: is there a role that is in all of these and in none of those?

What a glance tells (`role_shape`) is not looked for; for the rest the patterns of all sets are
run side by side (`automaton`), as few of them as can make a difference.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import islice, product

from passrole_checks.iam import deadline
from passrole_checks.iam.roles.arn_pattern import Reading, fields_of, machine
from passrole_checks.iam.roles.automaton import Machine, OverBudgetError
from passrole_checks.iam.roles.role_search import Deployment, some_role
from passrole_checks.iam.roles.role_shape import (
    ANY_NAME,
    ROLE,
    Role,
    Shape,
    covers,
    example_name,
    meet,
    name_in_both,
    shape_of,
)
from passrole_checks.iam.roles.role_union import Entry, Pattern, RoleSet, RoleUnion
from passrole_checks.iam.values import Hole, Kind, Part, Tri, join

# their text is bound by where the policy stands, which is the same on both sides
PLACES = (Kind.ACCOUNT_ID, Kind.PARTITION)

_Parts = tuple[Part, ...]
_Unions = tuple[tuple[tuple[Pattern, ...], Reading], ...]
_Term = tuple[_Unions, bool]  # patterns with their readings, and whether the term is what they do not match
_MOST_EXAMPLES = 100
_NOBODYS = "000000000000"  # an account that no policy names


def some_role_in(
    within: Sequence[RoleSet],
    *,
    over: Sequence[bool],
    but: Sequence[RoleUnion],
    but_over: bool = False,
    where: Deployment,
) -> bool:
    """Whether a role is in all of ``within`` and in none of ``but``; over the budget, the careful answer.

    ``over``/``but_over``: whether the holes of a set are read as wide as they may be, or as narrow.
    """
    question = _Question(tuple(zip(within, over, strict=True)), tuple(but), but_over, where)
    answer = question.at_a_glance()
    if answer is not None:
        return answer
    found = _exists(question.terms(), where)
    # over the budget: of a search for what may be, perhaps there is one; for what surely is, perhaps not
    return not but_over if found is None else found


def covered_at_a_glance(inner: RoleSet, outer: RoleUnion, where: Deployment) -> Tri | None:
    """Whether every role of ``inner``, however wide its holes are read, surely is in ``outer``; NO where one surely is
    not. None where machines have to tell."""
    if all(shape.exact for shape in inner.shapes) and _Question(((inner, False),), (outer,), True, where).has_example():
        return Tri.NO
    return Tri.YES if _Question(((inner, True),), (outer,), False, where).has_nothing() else None


def exceeds_at_a_glance(inner: RoleSet, outer: RoleUnion, where: Deployment, ignored: Collection[Entry] = ()) -> bool:
    """True if some role that ``inner`` may match, its holes read as wide as they may be, surely is not in ``outer``,
    whatever the holes of that hold and whichever optional patterns it has; False where a glance does not tell.

    ``ignored``: patterns of ``outer`` that do not count.
    """
    return _Question(((inner, True),), (outer,), True, where, frozenset(map(id, ignored))).has_example()


def overlap_at_a_glance(first: RoleSet, second: RoleSet, where: Deployment) -> Tri | None:
    """Whether a role surely is in both sets; NO where surely none is. None where machines have to tell."""
    found = _Question(((first, True), (second, True)), (), False, where).at_a_glance()
    if found is False:
        return Tri.NO
    return Tri.YES if found and all(shape.exact for shape in (*first.shapes, *second.shapes)) else None


@dataclass
class _Question:
    within: tuple[tuple[RoleSet, bool], ...]  # each with whether its holes are read wide
    but: tuple[RoleUnion, ...]
    but_over: bool
    where: Deployment
    ignored: frozenset[int] = frozenset()  # entries of ``but`` that do not count, by their ids

    def __post_init__(self) -> None:
        self.plain = [(roles, wide) for roles, wide in self.within if not roles.complement]
        self.left_out = [roles for roles, _ in self.within if roles.complement]
        self.limits = [roles for union in self.but for roles in union.complements]

    def terms(self) -> tuple[_Term, ...]:
        """The question for the machines."""
        terms = [_term(roles, wide) for roles, wide in self.within]
        if self.excluded:
            reading = Reading.OVERLAP if self.but_over else Reading.DENIED
            terms.append((((tuple(entry.pattern for entry in self.excluded), reading),), True))
        for roles in self.limits:
            unions, inverted = _term(roles, self.but_over)
            terms.append((unions, not inverted))
        return tuple(terms)

    @cached_property
    def excluded(self) -> list[Entry]:
        """The patterns of ``but`` that may match a role that is in all of ``within``."""
        if not self.plain:
            return self._there(entry for union in self.but for entry in union.entries)
        (first, _), *others = self.plain
        near = {id(entry): entry for union in self.but for shape in first.shapes for entry in union.near(shape)}
        return self._there(
            entry
            for entry in near.values()
            if all(any(meet(entry.shape, shape) for shape in roles.shapes) for roles, _ in others)
        )

    def _there(self, entries: Iterable[Entry]) -> list[Entry]:
        return [
            entry for entry in entries if (self.but_over or not entry.text.optional) and id(entry) not in self.ignored
        ]

    # -- what a glance tells

    def at_a_glance(self) -> bool | None:
        """The answer where no machine has to be run, else None."""
        if self.has_nothing():
            return False
        return True if self.has_example() else None

    def has_nothing(self) -> bool:
        """True if there surely is no such role; False where a glance does not tell."""
        return any(self._nothing_left(roles, wide) for roles, wide in self.plain)

    def has_example(self) -> bool:
        """True if there surely is such a role; False where a glance does not tell."""
        return any(self._is_one(role, source) for role, source in islice(self._examples(), _MOST_EXAMPLES))

    def _nothing_left(self, roles: RoleSet, wide: bool) -> bool:
        """Whether each pattern of a set is surely left out."""
        return all(
            self._gone(roles, shape)
            for text, shape in zip(roles.patterns, roles.shapes, strict=True)
            if wide or not text.optional
        )

    def _gone(self, roles: RoleSet, shape: Shape) -> bool:
        deadline.check()
        return (
            not shape.may_stand(self.where)
            or any(not any(meet(shape, own) for own in other.shapes) for other, _ in self.plain if other is not roles)
            or any(not any(meet(shape, own) for own in limit.shapes) for limit in self.limits)
            or any(covers(own, shape) for other in self.left_out for own in _sure_shapes(other))
            or any(self._there(union.covering(shape)) for union in self.but)
        )

    def _examples(self) -> Iterator[tuple[Role, RoleSet | None]]:
        """Roles that may be one, each with the set of ``within`` that surely holds it."""
        limits = [item for limit in self.limits for item in zip(limit.written(), limit.shapes, strict=True)]
        near = [shape for roles, _ in self.plain[1:] for shape in roles.shapes] + [shape for _, shape in limits]
        for roles, wide in self.plain:
            for parts, variables in roles.written() if wide else map(_one_role, roles.written(optional=False)):
                name = example_name(parts, variables, wide)
                yield from self._in_places(name, shape_of(parts, variables), near, roles)
        for shape in self.plain[0][0].shapes[:1] if self.plain else ():
            for other in near:
                yield from self._in_places(name_in_both(shape, other), shape, near)
        if not self.plain:
            yield from self._in_places(ANY_NAME, _ANYWHERE, near)
        for (parts, variables), shape in limits:
            if shape.exact:
                yield from self._in_places(example_name(parts, variables, True), shape, near)

    def _in_places(
        self, name: str | None, shape: Shape, near: Sequence[Shape], source: RoleSet | None = None
    ) -> Iterator[tuple[Role, RoleSet | None]]:
        """Roles of this name, in the places that a shape and what is near it leave."""
        if name is None:
            return
        accounts = [shape.account or self.where.account or _NOBODYS]
        if not shape.account and self.where.account is None:
            accounts += sorted({item.account for item in near if item.account})[:2]
        partitions = (shape.partition,) if shape.partition else self.where.partitions
        for partition, account in product(partitions, accounts):
            yield Role(partition, account, name), source

    def _is_one(self, role: Role, source: RoleSet | None) -> bool:
        """Whether a role surely is in all of ``within`` and in none of ``but``. ``source``: a set that holds it."""
        if role.partition not in self.where.partitions or self.where.account not in (None, role.account):
            return False
        only = role.shape
        return (
            all(
                roles is source
                or any(own.exact and own.holds(role) for own in (roles.shapes if wide else _sure_shapes(roles)))
                for roles, wide in self.plain
            )
            and not any(own.holds(role) for other in self.left_out for own in other.shapes)
            and all(_holds(_sure_shapes(limit), role) for limit in self.limits)
            and not any(self._there(union.near(only)) for union in self.but)
        )


_ANYWHERE = shape_of(("*",), True)


def _holds(shapes: Iterable[Shape], role: Role) -> bool:
    """Whether one of the shapes surely is that of a pattern which matches a role."""
    return any(shape.exact and shape.holds(role) for shape in shapes)


def _sure_shapes(roles: RoleSet) -> Iterator[Shape]:
    """The shapes of the patterns that are there in any case."""
    return (shape for text, shape in zip(roles.patterns, roles.shapes, strict=True) if not text.optional)


def _term(roles: RoleSet, wide: bool) -> _Term:
    if roles.complement:
        return ((roles.written(optional=not wide), Reading.DENIED if wide else Reading.OVERLAP),), True
    if wide:
        return ((roles.written(), Reading.OVERLAP),), False
    sure = tuple(_one_role(pattern) for pattern in roles.written(optional=False))
    named = tuple(item for item in sure if _only_names(item[0]))
    others = tuple(item for item in sure if item not in named)
    return ((named, Reading.MAYBE), (others, Reading.SURE)), False


@lru_cache(maxsize=8192)
def _exists(terms: tuple[_Term, ...], where: Deployment) -> bool | None:
    """Whether there is a role that all terms hold for; None where that takes too much to decide."""
    machines = [_machine(unions) for unions, _ in terms]

    def wanted(found: tuple[bool, ...]) -> bool:
        return all(accepted is not inverted for accepted, (_, inverted) in zip(found, terms, strict=True))

    try:
        return some_role(machines, wanted, where)
    except OverBudgetError:
        return None


@lru_cache(maxsize=512)
def _machine(unions: _Unions) -> Machine:
    """The machine of patterns with different readings; what it has learned is kept with it."""
    return Machine(
        tuple(
            sequence
            for patterns, reading in unions
            for variables in (True, False)
            for sequence in machine(
                tuple(parts for parts, flag in patterns if flag is variables), variables, reading
            ).sequences
        )
    )


def _only_names(parts: _Parts) -> bool:
    """Whether every hole is a name, or bound by its place: then the text is one pattern, whatever the names are.

    Not where a wildcard may have to run past colons: whether it does is not known.
    """
    if 1 < len(fields_of(parts)) < 6:
        return False
    return all(part.kind is not Kind.ANYTHING for part in parts if isinstance(part, Hole))


def _one_role(pattern: Pattern) -> Pattern:
    """A reference to a role of this configuration of which nothing more is known is the ARN of one role."""
    parts, variables = pattern
    hole = parts[0] if len(parts) == 1 else None
    if not isinstance(hole, Hole) or hole.role is None or hole.kind is Kind.NAME:
        return pattern
    name = Hole(hole.expression, Kind.NAME)
    account, partition = (Hole("", kind) for kind in PLACES)
    return join(["arn:", partition, ":iam::", account, ROLE, name]), variables
