"""Path conditions in words, for messages and reports."""

from __future__ import annotations

from collections.abc import Sequence

from passrole_checks.escaping.shorten import condition_in_short, shortened
from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.iam.values.path_conditions import Assumption, PathCondition, Predicate, quoted, simplify

_MOST = 2  # assumptions of one path condition, and alternatives, that are written out


def condition_text(alternatives: Sequence[PathCondition]) -> str:
    """Return path conditions, one of which must hold, in words; "" if one of them is empty."""
    return when_in_words(alternatives).removeprefix("when ")


def when_in_words(alternatives: Sequence[PathCondition]) -> str:
    """Return ``when`` and the path conditions, one of which must hold; "" if one of them is empty."""
    readings = simplify(alternatives)
    if not readings or () in readings:
        return ""
    cases = list(dict.fromkeys(_in_short(when) for when in readings))
    more = len(cases) - _MOST
    return f"when {', or '.join(cases[:_MOST])}" + (
        f", and in {'one more case' if more == 1 else f'{more} more cases'}" if more > 0 else ""
    )


def condition_in_words(when: PathCondition) -> str:
    """Return a whole path condition in words; "" if it is empty."""
    return " and ".join(_assumption_in_words(assumption, short=False) for assumption in when)


def _in_short(when: PathCondition) -> str:
    """Return the first assumptions of a path condition in words, shortened, and the number of others."""
    words = " and ".join(_assumption_in_words(assumption, short=True) for assumption in when[:_MOST])
    more = len(when) - _MOST
    if more <= 0:
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
    Predicate.POSITIVE: "is not positive",
}


_JOINED = lazy_regex(r'^Fn::Join "[^"]*", \$\{([\w:.]+)\}$')
_INTRINSIC = lazy_regex(r"\bFn::\w")


def _assumption_in_words(assumption: Assumption, short: bool) -> str:
    values, cut = sorted(assumption.values), shortened if short else str
    if assumption.predicate is not None:
        phrase = _NEGATED[assumption.predicate] if assumption.negated else assumption.predicate.value
        return f"{cut(assumption.subject)} {phrase.format(*map(cut, values))}"
    subject, is_empty = assumption.subject, short and values == [""]
    if is_empty:
        subject = _JOINED.sub(r"\1", subject)  # joined elements are empty only if the list is
    subject = condition_in_short(subject) if short else subject
    if short and _INTRINSIC.search(subject) and "`" not in subject:
        subject = f"`{subject}`"
    if is_empty:
        return f"{subject} is {'not ' if assumption.negated else ''}empty"
    if not values:
        return f"{subject} is {'false' if assumption.negated else 'true'}"
    values = list(map(quoted, values))
    if not assumption.negated:
        return f"{subject} {'=' if short and len(values) == 1 else 'is'} {' or '.join(values)}"
    return f"{subject} is {f'not {values[0]}' if len(values) == 1 else 'neither ' + ' nor '.join(values)}"
