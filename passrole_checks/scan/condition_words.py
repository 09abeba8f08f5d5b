"""Path conditions in words, for messages and reports."""

from __future__ import annotations

from collections.abc import Sequence

from passrole_checks.escaping.shorten import condition_in_short, shortened
from passrole_checks.iam.path_conditions import Assumption, PathCondition, Predicate, quoted, simplify

_MOST = 2  # assumptions of one path condition, and alternatives, that are written out


def condition_text(alternatives: Sequence[PathCondition]) -> str:
    """Return path conditions, one of which must hold, in words; "" if one of them is empty."""
    return when_in_words(alternatives).removeprefix("when ")


def when_in_words(alternatives: Sequence[PathCondition]) -> str:
    """Return ``when`` and the path conditions, one of which must hold; "" if one of them is empty."""
    readings = simplify(alternatives)
    if not readings or () in readings:
        return ""
    cases = list(dict.fromkeys(condition_in_words(when, _MOST) for when in readings))
    more = len(cases) - _MOST
    return f"when {', or '.join(cases[:_MOST])}" + (
        f", and in {'one more case' if more == 1 else f'{more} more cases'}" if more > 0 else ""
    )


def condition_in_words(when: PathCondition, most: int | None = None) -> str:
    """Return a path condition in words, its first ``most`` assumptions and the number of others; "" if it is empty."""
    shown = when[:most]
    words = " and ".join(map(_assumption_in_words, shown))
    more = len(when) - len(shown)
    if not more:
        return words
    return words + (" and one more condition holds" if more == 1 else f" and {more} more conditions hold")


_NEGATED = {
    Predicate.NOT_EMPTY: "is empty",
    Predicate.SET: "is not set",
    Predicate.EXISTS: "does not exist",
    Predicate.EVALUABLE: "cannot be evaluated",
    Predicate.CONTAINS: 'does not hold "{}"',
    Predicate.SEARCHES: 'does not look for "{}"',
    Predicate.REPLACES: 'does not replace the statement "{}"',
    Predicate.LONGER: "has no more than {} elements",
}


def _assumption_in_words(assumption: Assumption) -> str:
    values = sorted(assumption.values)
    if assumption.predicate is not None:
        phrase = _NEGATED[assumption.predicate] if assumption.negated else assumption.predicate.value
        return f"{shortened(assumption.subject)} {phrase.format(*map(shortened, values))}"
    values = list(map(quoted, values))
    subject = condition_in_short(assumption.subject)
    if not values:
        return f"{subject} is {'false' if assumption.negated else 'true'}"
    if not assumption.negated:
        return f"{subject} = {values[0]}" if len(values) == 1 else f"{subject} is {' or '.join(values)}"
    return f"{subject} is {f'not {values[0]}' if len(values) == 1 else 'neither ' + ' nor '.join(values)}"
