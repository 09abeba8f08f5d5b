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
_MOST_READINGS = 200  # of one statement; longer lists are truncated


@dataclass(frozen=True, slots=True)
class _Set:
    """The values that ``subject`` can have: ``values`` or, if ``without``, all except these."""

    subject: str
    values: frozenset[str]
    without: bool = False

    def meets(self, other: _Set) -> bool:
        if self.without and other.without:
            return True
        if self.without or other.without:
            few, many = (other, self) if self.without else (self, other)
            return not few.values <= many.values
        return bool(self.values & other.values)

    def also(self, other: _Set) -> _Set:
        """Return the intersection."""
        if self.without and other.without:
            return _Set(self.subject, self.values | other.values, True)
        if self.without or other.without:
            few, many = (other, self) if self.without else (self, other)
            return _Set(self.subject, few.values - many.values)
        return _Set(self.subject, self.values & other.values)

    def within(self, other: _Set) -> bool:
        if self.without:
            return other.without and other.values <= self.values
        return not self.values & other.values if other.without else self.values <= other.values


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
    a, b = _set_of(first), _set_of(second)
    if a is not None and b is not None and a.subject == b.subject:
        return a.meets(b)
    if first[0] != second[0]:
        return True
    return first[1] != negate(second[1]) and (_is_negated(first[1]) or _is_negated(second[1]))


def implies(when: PathCondition, fact: Assumption) -> bool:
    """True if ``fact`` follows from ``when``."""
    if fact in when:
        return True
    wanted = _set_of(fact)
    known = _left(when, wanted.subject) if wanted is not None else None
    return wanted is not None and known is not None and known.within(wanted)


def consistent(when: PathCondition, condition: str, outcome: str) -> bool:
    """True if a condition can have an outcome under ``when``, checked against each assumption and their conjunction."""
    fact = (condition, outcome)
    if not all(compatible(one, fact) for one in when):
        return False
    wanted = _set_of(fact)
    known = _left(when, wanted.subject) if wanted is not None else None
    return wanted is None or known is None or known.meets(wanted)


def _left(when: PathCondition, subject: str) -> _Set | None:
    """Return the values that the assumptions allow for ``subject``; None if none of them is about it."""
    left: _Set | None = None
    for fact in when:
        known = _set_of(fact)
        if known is not None and known.subject == subject:
            left = known if left is None else left.also(known)
    return left


def extend(when: PathCondition, condition: str, outcome: str) -> PathCondition:
    """Return ``when`` with one more assumption, leaving out redundant ones."""
    fact = (condition, outcome)
    if implies(when, fact):
        return when
    return (*(one for one in when if not implies((fact,), one)), fact)


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
    merged = (conjoin(one, other) for one in first[:_MOST_READINGS] for other in second[:_MOST_READINGS])
    return tuple(dict.fromkeys(one for one in merged if one is not None))


def may_hold(readings: Sequence[PathCondition], when: PathCondition) -> bool:
    """True if one of the alternatives is compatible with ``when``; no alternatives mean "always"."""
    return not readings or any(conjoin(when, one) is not None for one in readings)


def and_not(when: PathCondition, facts: PathCondition) -> PathCondition | None:
    """Return ``when`` and not ``facts``; None if ``when`` implies all of ``facts``."""
    for condition, outcome in facts:
        opposite = negate(outcome)
        if not implies(when, (condition, outcome)) and consistent(when, condition, opposite):
            return extend(when, condition, opposite)
    return None


def simplify(readings: Sequence[PathCondition]) -> tuple[PathCondition, ...]:
    """Return an equivalent, shorter disjunction: what applies under both outcomes of a condition applies without it."""
    found = list(dict.fromkeys(tuple(sorted(reading)) for reading in readings))[:_MOST_READINGS]
    pair = _first_pair(found)
    while pair is not None:
        one, other, merged = pair
        found = [item for item in found if item not in (one, other)]
        if merged not in found:
            found.insert(0, merged)
        pair = _first_pair(found)
    return tuple(found)


def _first_pair(found: Sequence[PathCondition]) -> tuple[PathCondition, PathCondition, PathCondition] | None:
    for place, one in enumerate(found):
        deadline.check()
        for other in found[place + 1 :]:
            merged = _united(one, other)
            if merged is not None:
                return one, other, merged
    return None


def _united(one: PathCondition, other: PathCondition) -> PathCondition | None:
    """Return one path condition equivalent to either of two, or None if there is none."""
    if all(implies(one, fact) for fact in other):
        return other
    if all(implies(other, fact) for fact in one):
        return one
    mine, its = [fact for fact in one if fact not in other], [fact for fact in other if fact not in one]
    if len(mine) != 1 or len(its) != 1 or mine[0][0] != its[0][0]:
        return None
    shared = [fact for fact in one if fact in other]
    condition = mine[0][0]
    if mine[0][1] == negate(its[0][1]):
        return tuple(shared)
    first, second = _set_of(mine[0]), _set_of(its[0])
    if first is None or second is None:
        return None
    if first.without or second.without:
        many, few = (first, second) if first.without else (second, first)
        left = many.values & few.values if few.without else many.values - few.values
        if not left:
            return tuple(shared)
        return tuple(sorted([*shared, (condition, none_of(sorted(left)))]))
    return tuple(sorted([*shared, (condition, one_of(sorted(first.values | second.values)))]))


@lru_cache(maxsize=10_000)
def _set_of(fact: Assumption) -> _Set | None:
    """Return the values that an assumption allows for its subject; None if the outcome has another form."""
    condition, outcome = fact
    if outcome in ("true", "false"):
        negated = _NEGATION.fullmatch(condition)
        if negated is not None:
            return _set_of((negated["subject"] + (negated["marks"] or ""), negate(outcome)))
        found = _EQUALITY.fullmatch(condition)
        if found is None:
            return _Set(condition, frozenset({quoted(outcome)}))
        subject = found["subject"] + (found["marks"] or "")
        return _Set(subject, frozenset({found["value"]}), (outcome == "true") is (found["operator"] == "!="))
    values = _VALUES.fullmatch(outcome)
    if values is None:
        return None
    return _Set(condition, frozenset(re.findall(_VALUE, values["values"])), values["not"] is not None)


def _is_negated(outcome: str) -> bool:
    return outcome.startswith("not ")
