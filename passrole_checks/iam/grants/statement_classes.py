"""Equivalence classes of statements: statements that differ only in their roles.

A principal has many statements and few conditions. Questions about two statements that do not depend on their roles
(which services each allows, whether one applies whenever the other does) are answered once per pair of classes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import field
from functools import cached_property

from passrole_checks.iam.conditions.condition_block import PASSED_TO_SERVICE
from passrole_checks.iam.conditions.condition_implication import implies
from passrole_checks.iam.conditions.condition_operators import Family, example_service, parse_operator, read_pattern
from passrole_checks.iam.conditions.passed_to_service import (
    NO_KEY,
    UNKNOWN_SERVICE,
    ConditionEffect,
    allowed_services,
    evaluate,
    union_of,
    without_positions,
)
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.grants.access_set import Permission
from passrole_checks.iam.grouped import grouped
from passrole_checks.iam.values import nodes, path_conditions
from passrole_checks.iam.values.nodes import StringNode, Ternary


@dataclass(eq=False)
class StatementClass:
    """Statements that are equal except for their roles; ``sample`` is one of them."""

    number: int
    sample: Permission
    universe: Collection[str]  # the services for which its condition is evaluated

    @property
    def certain(self) -> bool:
        """As :attr:`Permission.certain`."""
        return self.sample.certain

    @cached_property
    def _effect(self) -> ConditionEffect:
        statement = self.sample.statement
        return evaluate(statement.condition, self.universe, variables=statement.variables)

    @property
    def surely(self) -> frozenset[str]:
        """The services that the condition surely allows."""
        return allowed_services(self._effect, surely=True)

    @property
    def possible(self) -> frozenset[str]:
        """The services that the condition possibly allows."""
        return allowed_services(self._effect, surely=False)


@dataclass
class StatementClasses:
    """The classes of all statements of a comparison. ``known``: the existing service principals."""

    permissions: Iterable[Permission]
    known: frozenset[str]
    universe: frozenset[str] = field(default=frozenset(), init=False)
    _by_words: dict[object, StatementClass] = field(default_factory=dict, init=False)
    _by_id: dict[int, tuple[Permission, StatementClass]] = field(default_factory=dict, init=False)
    _pairs: dict[tuple[str, int, int], bool] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        for permission in self.permissions:
            self.of(permission)
        self._first = tuple(self._by_words.values())
        self.written: Mapping[str, str] = {
            example: written for kind in self._first for example, written in _services_named(kind.sample)
        }
        self.universe = union_of(self.known, frozenset(self.written.keys() - {UNKNOWN_SERVICE, NO_KEY}))
        for kind in self._first:
            kind.universe = self.universe

    def of(self, item: Permission) -> StatementClass:
        """Return the class of a statement."""
        cached = self._by_id.get(id(item))
        if cached is None:
            kind = self._by_words.setdefault(
                _content_without_roles(item), StatementClass(len(self._by_words), item, self.universe)
            )
            cached = self._by_id[id(item)] = (item, kind)
        return cached[1]

    @cached_property
    def classes(self) -> list[frozenset[str]]:
        """The services, grouped where no statement distinguishes them."""
        marks: dict[str, list[int]] = {service: [] for service in sorted(self.universe | {UNKNOWN_SERVICE, NO_KEY})}
        for mark, services in enumerate({let for kind in self._first for let in (kind.surely, kind.possible)}):
            for service in services:
                marks[service].append(mark)
        classes = grouped((tuple(same), service) for service, same in marks.items())
        return [union_of(frozenset(services)) for services in classes.values()]

    def together(self, item: StatementClass, mine: StatementClass) -> bool:
        """True if two statements can both apply, given their path conditions."""
        key = ("together", item.number, mine.number)
        if key not in self._pairs:
            both = path_conditions.conjoin(item.sample.statement.when, mine.sample.statement.when)
            self._pairs[key] = both is not None
        return self._pairs[key]

    def under(self, item: StatementClass, mine: StatementClass) -> bool:
        """True if ``item`` applies whenever ``mine`` does."""
        return path_conditions.implies_all(mine.sample.statement.when, item.sample.statement.when)

    def surely_applies(self, item: StatementClass, mine: StatementClass, service: str) -> bool:
        """True if ``item`` surely matches every request to the service that ``mine`` matches, roles aside."""
        if not self._applies("limits", item, mine):
            return False
        return service in item.surely or self._applies("tests", item, mine)

    def _applies(self, which: str, item: StatementClass, mine: StatementClass) -> bool:
        key = (which, item.number, mine.number)
        cached = self._pairs.get(key)
        if cached is None:
            one, other = mine.sample, item.sample
            if which == "tests":
                cached = implies(one.tests, other.tests)[0] is Ternary.YES
            else:
                cached = (
                    (item.certain or _same_content(other, one))
                    and self.under(item, mine)
                    and implies(one.limits, other.limits)[0] is Ternary.YES
                )
            self._pairs[key] = cached
        return cached


def _content_without_roles(item: Permission) -> object:
    """Return all of a statement except its roles."""
    statement = item.statement
    actions = _texts(statement.actions), _texts(statement.not_actions)
    condition = without_positions(statement.condition)
    return item.effect, item.certain, statement.when, statement.variables, actions, condition


def _texts(texts: tuple[StringNode, ...] | None) -> frozenset[str] | None:
    return frozenset(map(str, texts)) if texts is not None else None


def _same_content(item: Permission, mine: Permission) -> bool:
    """True if two statements have equal effects, actions and tests, including unresolved parts."""
    ours, theirs = mine.statement, item.statement
    return (
        ours.effect == theirs.effect
        and _texts(ours.actions) == _texts(theirs.actions)
        and _texts(ours.not_actions) == _texts(theirs.not_actions)
        and mine.tests == item.tests
    )


def _services_named(item: Permission) -> Iterator[tuple[str, str]]:
    """Yield the services that a condition names, or one example per value that is not literal, each with the value as
    written."""
    condition = item.statement.condition
    for entry in condition.entries if isinstance(condition, nodes.ObjectNode) else ():
        operator = parse_operator(str(entry.key))
        if operator is None or operator.family is not Family.STRING:
            continue
        for pair in entry.value.entries if isinstance(entry.value, nodes.ObjectNode) else ():
            if str(pair.key).lower() != PASSED_TO_SERVICE.lower():
                continue
            for value in nodes.strings_in(pair.value):
                pattern = read_pattern(
                    value,
                    wildcards=operator.wildcards,
                    ignores_case=operator.ignores_case,
                    variables=item.statement.variables,
                )
                example = example_service(pattern)
                if example is not None:
                    yield example, str(value)
