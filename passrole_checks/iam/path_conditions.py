"""Boolean algebra of path conditions: which outcomes of unknown conditions can occur together.

An assumption pairs a condition (an expression) with its outcome: ``true``, ``false``, a value (``"prod"``, ``2``),
several values (``"dev" or "test"``), or all except some (``not "dev" or "test"``). ``var.env == "prod"`` with outcome
``false`` and ``var.env`` with outcome ``"dev"`` are about the same expression, and are compared as the sets of values
that they allow for it. An outcome of any other form is compatible only with itself.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from passrole_checks.iam import deadline

Assumption = tuple[str, str]  # (condition, outcome)
PathCondition = tuple[Assumption, ...]  # a conjunction

_VALUE = r'(?:"(?:[^"\\]|\\.)*"|-?\d+)'
_VALUES = re.compile(rf"(?P<not>not )?(?P<values>{_VALUE}(?: or {_VALUE})*)")
_EQUALITY = re.compile(rf"(?P<subject>.+) (?P<operator>[!=]=) (?P<value>{_VALUE})(?P<marks> \(.*\))?", re.DOTALL)
_NEGATION = re.compile(r"!(?P<subject>[^\s!()]+)(?P<marks> \(.*\))?", re.DOTALL)
_MAX_ALTERNATIVES = 200  # of one statement; longer lists are truncated


@dataclass(frozen=True, slots=True)
class _Values:
    """The values that ``subject`` can have: ``values`` or, if ``negated``, all except these."""

    subject: str
    values: frozenset[str]
    negated: bool = False

    def overlaps(self, other: _Values) -> bool:
        if self.negated and other.negated:
            return True
        if self.negated or other.negated:
            listed, excluding = (other, self) if self.negated else (self, other)
            return not listed.values <= excluding.values
        return bool(self.values & other.values)

    def intersection(self, other: _Values) -> _Values:
        """Return the intersection."""
        if self.negated and other.negated:
            return _Values(self.subject, self.values | other.values, True)
        if self.negated or other.negated:
            listed, excluding = (other, self) if self.negated else (self, other)
            return _Values(self.subject, listed.values - excluding.values)
        return _Values(self.subject, self.values & other.values)

    def is_subset_of(self, other: _Values) -> bool:
        if self.negated:
            return other.negated and other.values <= self.values
        return not self.values & other.values if other.negated else self.values <= other.values


def one_of(values: Iterable[str]) -> str:
    """Return the outcome "one of these values", each in Terraform syntax (quoted, or a number)."""
    return " or ".join(dict.fromkeys(values))


def none_of(values: Iterable[str]) -> str:
    """Return the outcome "none of these values"."""
    return f"not {one_of(values)}"


def quoted(value: str) -> str:
    """Quote a string as it appears in an outcome."""
    return json.dumps(value, ensure_ascii=False)


def negate(outcome: str) -> str:
    """Return the complementary outcome."""
    if outcome in ("true", "false"):
        return "false" if outcome == "true" else "true"
    return outcome.removeprefix("not ") if outcome.startswith("not ") else f"not {outcome}"


def compatible(first: Assumption, second: Assumption) -> bool:
    """True if two assumptions can hold together; assumptions about different expressions always can."""
    if first[0] == second[0] and first[1] == second[1]:
        return True
    a, b = _values_of(first), _values_of(second)
    if a is not None and b is not None and a.subject == b.subject:
        return a.overlaps(b)
    if first[0] != second[0]:
        return True
    return first[1] != negate(second[1]) and (_is_negated(first[1]) or _is_negated(second[1]))


def implies(when: PathCondition, fact: Assumption) -> bool:
    """True if ``fact`` follows from ``when``."""
    if fact in when:
        return True
    wanted = _values_of(fact)
    allowed = _allowed_values(when, wanted.subject) if wanted is not None else None
    return wanted is not None and allowed is not None and allowed.is_subset_of(wanted)


def consistent(when: PathCondition, condition: str, outcome: str) -> bool:
    """True if a condition can have an outcome under ``when``, checked against each assumption and their conjunction."""
    assumption = (condition, outcome)
    if not all(compatible(known, assumption) for known in when):
        return False
    wanted = _values_of(assumption)
    allowed = _allowed_values(when, wanted.subject) if wanted is not None else None
    return wanted is None or allowed is None or allowed.overlaps(wanted)


def _allowed_values(when: PathCondition, subject: str) -> _Values | None:
    """Return the values that the assumptions allow for ``subject``; None if none of them is about it."""
    allowed: _Values | None = None
    for assumption in when:
        values = _values_of(assumption)
        if values is not None and values.subject == subject:
            allowed = values if allowed is None else allowed.intersection(values)
    return allowed


def extend(when: PathCondition, condition: str, outcome: str) -> PathCondition:
    """Return ``when`` with one more assumption, leaving out redundant ones."""
    assumption = (condition, outcome)
    if implies(when, assumption):
        return when
    return (*(known for known in when if not implies((assumption,), known)), assumption)


def conjoin(first: PathCondition, second: PathCondition) -> PathCondition | None:
    """Return the conjunction, or None if it is contradictory."""
    merged = first
    for condition, outcome in second:
        if not consistent(merged, condition, outcome):
            return None
        merged = extend(merged, condition, outcome)
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


def and_not(when: PathCondition, facts: PathCondition) -> PathCondition | None:
    """Return ``when`` and not ``facts``; None if ``when`` implies all of ``facts``."""
    for condition, outcome in facts:
        opposite = negate(outcome)
        if not implies(when, (condition, outcome)) and consistent(when, condition, opposite):
            return extend(when, condition, opposite)
    return None


def simplify(readings: Sequence[PathCondition]) -> tuple[PathCondition, ...]:
    """Return an equivalent, shorter disjunction: what applies under both outcomes of a condition applies without it."""
    conditions = list(dict.fromkeys(tuple(sorted(reading)) for reading in readings))[:_MAX_ALTERNATIVES]
    pair = _first_mergeable(conditions)
    while pair is not None:
        left, right, merged = pair
        conditions = [condition for condition in conditions if condition not in (left, right)]
        if merged not in conditions:
            conditions.insert(0, merged)
        pair = _first_mergeable(conditions)
    return tuple(conditions)


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
    if all(implies(one, assumption) for assumption in other):
        return other
    if all(implies(other, assumption) for assumption in one):
        return one
    mine, its = (
        [assumption for assumption in one if assumption not in other],
        [assumption for assumption in other if assumption not in one],
    )
    if len(mine) != 1 or len(its) != 1 or mine[0][0] != its[0][0]:
        return None
    shared = [assumption for assumption in one if assumption in other]
    condition = mine[0][0]
    if mine[0][1] == negate(its[0][1]):
        return tuple(shared)
    first, second = _values_of(mine[0]), _values_of(its[0])
    if first is None or second is None:
        return None
    if first.negated or second.negated:
        many, few = (first, second) if first.negated else (second, first)
        left = many.values & few.values if few.negated else many.values - few.values
        if not left:
            return tuple(shared)
        return tuple(sorted([*shared, (condition, none_of(sorted(left)))]))
    return tuple(sorted([*shared, (condition, one_of(sorted(first.values | second.values)))]))


@lru_cache(maxsize=10_000)
def _values_of(assumption: Assumption) -> _Values | None:
    """Return the values that an assumption allows for its subject; None if the outcome has another form."""
    condition, outcome = assumption
    if outcome in ("true", "false"):
        negated = _NEGATION.fullmatch(condition)
        if negated is not None:
            return _values_of((negated["subject"] + (negated["marks"] or ""), negate(outcome)))
        equality = _EQUALITY.fullmatch(condition)
        if equality is None:
            return _Values(condition, frozenset({quoted(outcome)}))
        subject = equality["subject"] + (equality["marks"] or "")
        return _Values(subject, frozenset({equality["value"]}), (outcome == "true") is (equality["operator"] == "!="))
    values = _VALUES.fullmatch(outcome)
    if values is None:
        return None
    return _Values(condition, frozenset(re.findall(_VALUE, values["values"])), values["not"] is not None)


def _is_negated(outcome: str) -> bool:
    return outcome.startswith("not ")
