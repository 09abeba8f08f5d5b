"""Boolean algebra of path conditions: which outcomes of unknown conditions can occur together.

An assumption is about one subject, an expression that is unknown before deployment: it is true, it has one of some
values, or a predicate holds for it, and all of these can be negated. ``var.env == "prod"``, a map's element under the
key ``var.env`` and ``Fn::Equals`` on a parameter are all assumptions about values, and are compared as sets of values.
Path conditions are data; ``scan.condition_words`` formats them for messages.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import field, replace
from enum import Enum

from passrole_checks.iam import deadline
from passrole_checks.iam.fast_dataclass import dataclass

_MAX_ALTERNATIVES = 200  # of one statement; longer lists are truncated


class Predicate(Enum):
    """A property of a subject other than its value, as a template for the arguments."""

    NOT_EMPTY = "is not empty"
    SET = "is set"
    EXISTS = "exists"
    EVALUABLE = "can be evaluated"
    CONTAINS = 'holds "{}"'
    SEARCHES = 'looks for "{}"'
    REPLACES = 'replaces the statement "{}"'
    LONGER = "has more than {} elements"
    POSITIVE = "is positive"

    __hash__ = object.__hash__  # members are singletons, and this hash is a hot path


_TRUE, _FALSE = frozenset({"true"}), frozenset({"false"})


@dataclass(frozen=True, slots=True)
class Assumption:
    """An assumption about an expression (``subject``), the opposite of it if ``negated``.

    Without ``values`` and ``predicate``: the subject is true. With ``values``: it has one of these values. With
    ``predicate``: that holds for the subject, with ``values`` as its arguments. ``written`` is the condition as the
    configuration writes it, where that is more than the subject (``var.env == "prod"``); it names values that depend on
    the condition. ``otherwise``: the other assumptions about the subject are inferred, and this is that none holds.
    ``off_by_default``: the defaults of variables contradict it.
    """

    subject: str
    values: frozenset[str] = frozenset()
    negated: bool = False
    predicate: Predicate | None = None
    written: str = field(default="", compare=False)
    otherwise: bool = field(default=False, compare=False)
    off_by_default: bool = field(default=False, compare=False)

    @property
    def condition(self) -> str:
        """The condition, as the configuration writes it or, with a predicate, in words."""
        if self.predicate is not None:
            return f"{self.subject} {self.predicate.value.format(*self.values)}"
        return self.written or self.subject

    @property
    def lists_values(self) -> bool:
        """True if this is about the value of the subject, and not about its truth or a predicate."""
        return self.predicate is None and bool(self.values)

    @property
    def question(self) -> tuple[object, ...]:
        """Key that is equal for assumptions about the same question, whose answers are compared as sets of values."""
        return (self.subject,) if self.predicate is None else (self.subject, self.predicate, self.values)

    @property
    def allowed(self) -> _Values:
        """The answers to the question that the assumption allows."""
        if self.lists_values:
            return _Values(self.values, self.negated)
        return _Values(_FALSE if self.negated else _TRUE)


PathCondition = tuple[Assumption, ...]  # a conjunction


@dataclass(frozen=True, slots=True)
class _Values:
    """A set of values: these or, if ``negated``, all except these."""

    values: frozenset[str]
    negated: bool = False

    def __and__(self, other: _Values) -> _Values:
        if self.negated and other.negated:
            return _Values(self.values | other.values, True)
        if self.negated or other.negated:
            listed, excluding = (other, self) if self.negated else (self, other)
            return _Values(listed.values - excluding.values)
        return _Values(self.values & other.values)

    def __or__(self, other: _Values) -> _Values:
        return ~(~self & ~other)

    def __invert__(self) -> _Values:
        return _Values(self.values, not self.negated)

    def __le__(self, other: _Values) -> bool:
        return (self & ~other).is_empty

    @property
    def is_empty(self) -> bool:
        return not self.negated and not self.values


def one_of(subject: str, values: Iterable[str]) -> Assumption:
    """Return the assumption that an expression has one of these values. Raises :class:`ValueError` for no values."""
    listed = frozenset(values)
    if not listed:
        raise ValueError(f"no values of {subject}")
    return Assumption(subject, listed)


def none_of(subject: str, values: Iterable[str]) -> Assumption:
    """Return the assumption that an expression has none of these values."""
    return negate(one_of(subject, values))


def quoted(value: str) -> str:
    """Quote a string as in an expression."""
    return json.dumps(value, ensure_ascii=False)


def negate(assumption: Assumption) -> Assumption:
    """Return the opposite assumption."""
    one = assumption
    return Assumption(one.subject, one.values, not one.negated, one.predicate, one.written)


def off_by_default(when: PathCondition) -> PathCondition:
    """Return a path condition that the defaults of variables contradict, marked as such."""
    return tuple(replace(assumption, off_by_default=True) for assumption in when)


def is_off_by_default(when: PathCondition) -> bool:
    """True if the defaults of variables contradict a path condition."""
    return any(assumption.off_by_default for assumption in when)


def compatible(first: Assumption, second: Assumption) -> bool:
    """True if two assumptions can hold together; assumptions about different expressions always can."""
    return first.question != second.question or not (first.allowed & second.allowed).is_empty


def implies(when: PathCondition, assumption: Assumption) -> bool:
    """True if an assumption follows from ``when``."""
    if assumption in when:
        return True
    allowed = _allowed_values(when, assumption)
    return allowed is not None and allowed <= assumption.allowed


def implies_all(when: PathCondition, assumptions: PathCondition) -> bool:
    """True if all assumptions follow from ``when``."""
    return all(implies(when, assumption) for assumption in assumptions)


def consistent(when: PathCondition, assumption: Assumption) -> bool:
    """True if an assumption can hold under ``when``."""
    allowed = _allowed_values(when, assumption)
    return allowed is None or not (allowed & assumption.allowed).is_empty


def _allowed_values(when: PathCondition, wanted: Assumption) -> _Values | None:
    """Return the answers to the question of ``wanted`` that ``when`` allows; None if it has no assumption about it."""
    allowed: _Values | None = None
    for assumption in when:
        if assumption.subject == wanted.subject and assumption.question == wanted.question:
            allowed = assumption.allowed if allowed is None else allowed & assumption.allowed
    return allowed


def extend(when: PathCondition, assumption: Assumption) -> PathCondition:
    """Return ``when`` with one more assumption, leaving out redundant ones."""
    if implies(when, assumption):
        return when
    return (*(known for known in when if not implies((assumption,), known)), assumption)


def conjoin(first: PathCondition, second: PathCondition) -> PathCondition | None:
    """Return the conjunction, or None if it is contradictory."""
    merged = first
    for assumption in second:
        if not consistent(merged, assumption):
            return None
        merged = extend(merged, assumption)
    return merged


def intersect(first: Sequence[PathCondition], second: Sequence[PathCondition]) -> tuple[PathCondition, ...]:
    """Return the pairwise conjunctions of two disjunctions; an empty disjunction means "always"."""
    if not first or not second:
        return tuple(first or second)
    conjunctions = (conjoin(left, right) for left in first[:_MAX_ALTERNATIVES] for right in second[:_MAX_ALTERNATIVES])
    return tuple(dict.fromkeys(condition for condition in conjunctions if condition is not None))


def any_compatible(readings: Sequence[PathCondition], when: PathCondition) -> bool:
    """True if one of the alternatives is compatible with ``when``; no alternatives mean "always"."""
    return not readings or any(conjoin(when, alternative) is not None for alternative in readings)


def and_not(when: PathCondition, assumptions: PathCondition) -> PathCondition | None:
    """Return ``when`` and not ``assumptions``; None if ``when`` implies all of them."""
    for assumption in assumptions:
        opposite = negate(assumption)
        if not implies(when, assumption) and consistent(when, opposite):
            return extend(when, opposite)
    return None


def simplify(readings: Sequence[PathCondition]) -> tuple[PathCondition, ...]:
    """Return an equivalent, shorter disjunction: what applies under both outcomes of a condition applies without it."""
    conditions = list(dict.fromkeys(tuple(sorted(reading, key=_order)) for reading in readings))[:_MAX_ALTERNATIVES]
    pair = _first_mergeable(conditions)
    while pair is not None:
        left, right, merged = pair
        conditions = [condition for condition in conditions if condition not in (left, right)]
        if merged not in conditions:
            conditions.insert(0, merged)
        pair = _first_mergeable(conditions)
    return tuple(conditions)


def disjunction_of(conditions: Sequence[PathCondition]) -> tuple[PathCondition, ...]:
    """Return an equivalent, shorter disjunction, empty if one of the path conditions always holds."""
    alternatives = simplify(conditions)
    return () if () in alternatives else alternatives


def _order(assumption: Assumption) -> tuple[str, str, bool, list[str]]:
    predicate = assumption.predicate.value if assumption.predicate is not None else ""
    return assumption.subject, predicate, assumption.negated, sorted(assumption.values)


def _first_mergeable(conditions: Sequence[PathCondition]) -> tuple[PathCondition, PathCondition, PathCondition] | None:
    for position, left in enumerate(conditions):
        deadline.check()
        for right in conditions[position + 1 :]:
            merged = _merge(left, right)
            if merged is not None:
                return left, right, merged
    return None


def _merge(one: PathCondition, other: PathCondition) -> PathCondition | None:
    """Return one path condition equivalent to either of two, or None if there is none."""
    if implies_all(one, other):
        return other
    if implies_all(other, one):
        return one
    mine, its = (
        [assumption for assumption in one if assumption not in other],
        [assumption for assumption in other if assumption not in one],
    )
    if len(mine) != 1 or len(its) != 1 or mine[0].question != its[0].question:
        return None
    shared = [assumption for assumption in one if assumption in other]
    if mine[0] == negate(its[0]):
        return tuple(shared)
    if not (mine[0].lists_values and its[0].lists_values):
        return None
    united = mine[0].allowed | its[0].allowed
    if united == _Values(frozenset(), True):
        return tuple(shared)
    either = Assumption(mine[0].subject, united.values, united.negated)
    return tuple(sorted([*shared, either], key=_order))
