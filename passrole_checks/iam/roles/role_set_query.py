"""Emptiness test: is there a role in all of some sets and in none of others?

Bounds (`arn_bounds`) answer most queries; for the rest the automata of all sets run in parallel (`automaton`), with as
few patterns as can make a difference.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import cached_property, lru_cache
from itertools import islice, product

from passrole_checks.iam import deadline
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.patterns.automaton import Machine, OverBudgetError
from passrole_checks.iam.roles.arn_bounds import (
    ANY_NAME,
    ROLE,
    ArnBounds,
    Role,
    bounds_of,
    common_name,
    covers,
    example_name,
    may_intersect,
)
from passrole_checks.iam.roles.arn_pattern import UnresolvedPolicy, automaton_of, fields_of
from passrole_checks.iam.roles.role_search import Deployment, some_role
from passrole_checks.iam.roles.role_union import Pattern, RoleSet, RoleUnion, UnionPattern
from passrole_checks.iam.values.nodes import Part, Ternary, Unresolved, UnresolvedKind, join

# determined by the deployment, which is the same on both sides
LOCATION_KINDS = (UnresolvedKind.ACCOUNT_ID, UnresolvedKind.PARTITION)

_Parts = tuple[Part, ...]
_Unions = tuple[tuple[tuple[Pattern, ...], UnresolvedPolicy], ...]
_Term = tuple[_Unions, bool]  # (unions, inverted: roles that the unions do not match)
_MAX_EXAMPLES = 100
_UNUSED_ACCOUNT = "000000000000"  # an account that occurs in no policy


def some_role_in(
    within: Sequence[RoleSet],
    *,
    over: Sequence[bool],
    but: Sequence[RoleUnion],
    but_over: bool = False,
    where: Deployment,
) -> bool:
    """True if a role is in all of ``within`` and in none of ``but``; beyond the budget, the careful answer.

    ``over``/``but_over``: unresolved parts of a set count as wide as possible, else as narrow.
    """
    question = _RoleSetQuery(tuple(zip(within, over, strict=True)), tuple(but), but_over, where)
    answer = question.quick_answer()
    if answer is not None:
        return answer
    found = _exists(question.terms(), where)
    # beyond the budget: a possible role is assumed to exist, a certain one is not
    return not but_over if found is None else found


def fast_is_subset(inner: RoleSet, outer: RoleUnion, where: Deployment) -> Ternary | None:
    """Return whether every role of ``inner``, its unresolved parts as wide as possible, surely is in ``outer``.

    NO if one surely is not; None if automata have to decide.
    """
    if (
        all(bounds.exact for bounds in inner.bounds)
        and _RoleSetQuery(((inner, False),), (outer,), True, where).is_surely_not_empty()
    ):
        return Ternary.NO
    return Ternary.YES if _RoleSetQuery(((inner, True),), (outer,), False, where).is_surely_empty() else None


def fast_exceeds(inner: RoleSet, outer: RoleUnion, where: Deployment, ignored: Collection[UnionPattern] = ()) -> bool:
    """True if some role that ``inner`` may match surely is not in ``outer``; False if undecided.

    Unresolved parts of ``inner`` count as wide as possible; the answer holds for all values of those in ``outer``, and
    with or without its optional patterns. ``ignored``: patterns of ``outer`` that do not count.
    """
    return _RoleSetQuery(((inner, True),), (outer,), True, where, frozenset(map(id, ignored))).is_surely_not_empty()


def fast_overlap(first: RoleSet, second: RoleSet, where: Deployment) -> Ternary | None:
    """Return whether a role surely is in both sets; NO if surely none is; None if automata have to decide."""
    answer = _RoleSetQuery(((first, True), (second, True)), (), False, where).quick_answer()
    if answer is False:
        return Ternary.NO
    return Ternary.YES if answer and all(bounds.exact for bounds in (*first.bounds, *second.bounds)) else None


@dataclass
class _RoleSetQuery:
    """One query; arguments as in :func:`some_role_in`."""

    within: tuple[tuple[RoleSet, bool], ...]  # each with: unresolved parts as wide as possible
    but: tuple[RoleUnion, ...]
    but_over: bool
    where: Deployment
    ignored: frozenset[int] = frozenset()  # ids of the entries of ``but`` that do not count

    def __post_init__(self) -> None:
        self.plain = [(roles, wide) for roles, wide in self.within if not roles.complement]
        self.left_out = [roles for roles, _ in self.within if roles.complement]
        self.limits = [roles for union in self.but for roles in union.complements]

    def terms(self) -> tuple[_Term, ...]:
        """Return the query for the automata."""
        terms = [_term(roles, wide) for roles, wide in self.within]
        if self.excluded:
            reading = UnresolvedPolicy.OVERLAP if self.but_over else UnresolvedPolicy.DENIED
            terms.append((((tuple(entry.pattern for entry in self.excluded), reading),), True))
        for roles in self.limits:
            unions, inverted = _term(roles, self.but_over)
            terms.append((unions, not inverted))
        return tuple(terms)

    @cached_property
    def excluded(self) -> list[UnionPattern]:
        """The patterns of ``but`` that may match a role in all of ``within``."""
        if not self.plain:
            return self._counting(entry for union in self.but for entry in union.entries)
        (first, _), *others = self.plain
        near = {id(entry): entry for union in self.but for bounds in first.bounds for entry in union.near(bounds)}
        return self._counting(
            entry
            for entry in near.values()
            if all(any(may_intersect(entry.bounds, bounds) for bounds in roles.bounds) for roles, _ in others)
        )

    def _counting(self, entries: Iterable[UnionPattern]) -> list[UnionPattern]:
        return [
            entry for entry in entries if (self.but_over or not entry.text.optional) and id(entry) not in self.ignored
        ]

    # -- answers without automata

    def quick_answer(self) -> bool | None:
        """Return the answer if no automaton is needed, else None."""
        if self.is_surely_empty():
            return False
        return True if self.is_surely_not_empty() else None

    def is_surely_empty(self) -> bool:
        """True if there surely is no such role; False if undecided."""
        return any(self._is_excluded(roles, wide) for roles, wide in self.plain)

    def is_surely_not_empty(self) -> bool:
        """True if there surely is such a role; False if undecided."""
        return any(self._is_witness(role, source) for role, source in islice(self._examples(), _MAX_EXAMPLES))

    def _is_excluded(self, roles: RoleSet, wide: bool) -> bool:
        """True if each pattern of a set surely is excluded."""
        return all(
            self._is_pattern_excluded(roles, bounds)
            for text, bounds in zip(roles.patterns, roles.bounds, strict=True)
            if wide or not text.optional
        )

    def _is_pattern_excluded(self, roles: RoleSet, bounds: ArnBounds) -> bool:
        deadline.check()
        return (
            not bounds.overlaps_deployment(self.where)
            or any(
                not any(may_intersect(bounds, own) for own in other.bounds)
                for other, _ in self.plain
                if other is not roles
            )
            or any(not any(may_intersect(bounds, own) for own in limit.bounds) for limit in self.limits)
            or any(covers(own, bounds) for other in self.left_out for own in _sure_bounds(other))
            or any(self._counting(union.covering(bounds)) for union in self.but)
        )

    def _examples(self) -> Iterator[tuple[Role, RoleSet | None]]:
        """Yield candidate roles, each with the set of ``within`` that surely contains it."""
        limits = [item for limit in self.limits for item in zip(limit.written(), limit.bounds, strict=True)]
        near = [bounds for roles, _ in self.plain[1:] for bounds in roles.bounds] + [bounds for _, bounds in limits]
        for roles, wide in self.plain:
            for parts, variables in roles.written() if wide else map(_one_role, roles.written(optional=False)):
                name = example_name(parts, variables, wide)
                yield from self._in_locations(name, bounds_of(parts, variables), near, roles)
        for bounds in self.plain[0][0].bounds[:1] if self.plain else ():
            for other in near:
                yield from self._in_locations(common_name(bounds, other), bounds, near)
        if not self.plain:
            yield from self._in_locations(ANY_NAME, _ANYWHERE, near)
        for (parts, variables), bounds in limits:
            if bounds.exact:
                yield from self._in_locations(example_name(parts, variables, True), bounds, near)

    def _in_locations(
        self, name: str | None, around: ArnBounds, near: Sequence[ArnBounds], source: RoleSet | None = None
    ) -> Iterator[tuple[Role, RoleSet | None]]:
        """Yield roles of this name, in the locations within ``around`` and those near it."""
        if name is None:
            return
        accounts = [around.account or self.where.account or _UNUSED_ACCOUNT]
        if not around.account and self.where.account is None:
            accounts += sorted({bounds.account for bounds in near if bounds.account})[:2]
        partitions = (around.partition,) if around.partition else self.where.partitions
        for partition, account in product(partitions, accounts):
            yield Role(partition, account, name), source

    def _is_witness(self, role: Role, source: RoleSet | None) -> bool:
        """True if a role surely is in all of ``within`` and in none of ``but``. ``source``: a set that contains it."""
        if role.partition not in self.where.partitions or self.where.account not in (None, role.account):
            return False
        only = role.bounds
        return (
            all(
                roles is source
                or any(own.exact and own.contains(role) for own in (roles.bounds if wide else _sure_bounds(roles)))
                for roles, wide in self.plain
            )
            and not any(own.contains(role) for other in self.left_out for own in other.bounds)
            and all(_contain(_sure_bounds(limit), role) for limit in self.limits)
            and not any(self._counting(union.near(only)) for union in self.but)
        )


_ANYWHERE = bounds_of(("*",), True)


def _contain(all_bounds: Iterable[ArnBounds], role: Role) -> bool:
    """True if a pattern with one of these bounds surely matches a role."""
    return any(bounds.exact and bounds.contains(role) for bounds in all_bounds)


def _sure_bounds(roles: RoleSet) -> Iterator[ArnBounds]:
    """Yield the bounds of the patterns that are not optional."""
    return (bounds for text, bounds in zip(roles.patterns, roles.bounds, strict=True) if not text.optional)


def _term(roles: RoleSet, wide: bool) -> _Term:
    if roles.complement:
        return (
            (roles.written(optional=not wide), UnresolvedPolicy.DENIED if wide else UnresolvedPolicy.OVERLAP),
        ), True
    if wide:
        return ((roles.written(), UnresolvedPolicy.OVERLAP),), False
    sure = tuple(_one_role(pattern) for pattern in roles.written(optional=False))
    named = tuple(item for item in sure if _only_names(item[0]))
    others = tuple(item for item in sure if item not in named)
    return ((named, UnresolvedPolicy.MAYBE), (others, UnresolvedPolicy.SURE)), False


@lru_cache(maxsize=8192)
def _exists(terms: tuple[_Term, ...], where: Deployment) -> bool | None:
    """True if a role meets all terms; None if deciding takes too much."""
    machines = [_machine(unions) for unions, _ in terms]

    def wanted(found: tuple[bool, ...]) -> bool:
        return all(accepted is not inverted for accepted, (_, inverted) in zip(found, terms, strict=True))

    try:
        return some_role(machines, wanted, where)
    except OverBudgetError:
        return None


@lru_cache(maxsize=512)
def _machine(unions: _Unions) -> Machine:
    """Return the automaton of patterns with different policies; the cache keeps its computed states."""
    return Machine(
        tuple(
            sequence
            for patterns, reading in unions
            for variables in (True, False)
            for sequence in automaton_of(
                tuple(parts for parts, flag in patterns if flag is variables), variables, reading
            ).sequences
        )
    )


def _only_names(parts: _Parts) -> bool:
    """True if every unresolved part is a name, or determined by the deployment: then the string is one pattern for any
    names.

    False if a wildcard may have to cross colons, since it is unknown whether it does.
    """
    if 1 < len(fields_of(parts)) < 6:
        return False
    return all(part.kind is not UnresolvedKind.ANYTHING for part in parts if isinstance(part, Unresolved))


def _one_role(pattern: Pattern) -> Pattern:
    """Convert a reference to a role of this configuration, otherwise unknown, to the ARN of one role."""
    parts, variables = pattern
    unresolved = parts[0] if len(parts) == 1 else None
    if not isinstance(unresolved, Unresolved) or unresolved.role is None or unresolved.kind is UnresolvedKind.NAME:
        return pattern
    name = Unresolved(unresolved.expression, UnresolvedKind.NAME)
    account, partition = (Unresolved("", kind) for kind in LOCATION_KINDS)
    return join(["arn:", partition, ":iam::", account, ROLE, name]), variables
