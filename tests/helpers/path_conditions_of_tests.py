"""Path conditions and conditional values in a short notation: pairs of an expression and its outcome.

An outcome is ``true``, ``false``, ``"dev" or "test"``, or ``not "prod"``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from passrole_checks.iam.values.nodes import Choice, Node, Position
from passrole_checks.iam.values.path_conditions import Assumption, PathCondition


def assume(condition: str, outcome: str = "true") -> Assumption:
    """Return the assumption that a condition has an outcome."""
    if outcome in ("true", "false"):
        return Assumption(condition, negated=outcome == "false")
    values = (str(json.loads(value)) for value in outcome.removeprefix("not ").split(" or "))
    return Assumption(condition, frozenset(values), negated=outcome.startswith("not "))


def choice(condition: str, options: Iterable[tuple[str, Node]], at: Position) -> Choice:
    """Return alternatives under the outcomes of a condition."""
    return Choice(tuple((assume(condition, outcome), node) for outcome, node in options), at)


def outcome_of(assumption: Assumption) -> str:
    """Return the outcome of an assumption, in this notation."""
    if not assumption.lists_values:
        return "false" if assumption.negated else "true"
    values = " or ".join(json.dumps(value) for value in sorted(assumption.values))
    return f"not {values}" if assumption.negated else values


def expression_of(assumption: Assumption) -> str:
    """Return the subject of an assumption, with its predicate."""
    return assumption.subject if assumption.predicate is None else assumption.condition


def pairs(when: PathCondition) -> tuple[tuple[str, str], ...]:
    """Return a path condition in this notation."""
    return tuple((expression_of(one), outcome_of(one)) for one in when)
