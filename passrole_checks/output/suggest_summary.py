"""The summary of ``suggest`` and ``fix``: how many findings each grade of edits fixes, and how many need manual
review.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from passrole_checks.escaping.terminal import sanitize
from passrole_checks.output.counts import count_noun
from passrole_checks.output.findings_text import Line, StyledText, excluded_spans, not_evaluated_notes, note_line
from passrole_checks.sources.model.configuration import Unreadable
from passrole_checks.suggest.grade import Grade
from passrole_checks.suggest.suggestion import Suggestion

_FIX = "passrole-checks fix"
_WRITTEN_UNASKED = (Grade.EQUIVALENT, Grade.OBSERVED)


def notes_and_summary(
    summary: Sequence[Line],
    notes: Sequence[str] = (),
    *,
    error: str = "",
    not_evaluated: Sequence[Unreadable] = (),
    excluded: Sequence[str] = (),
    verbose: bool = False,
) -> Iterator[Line]:
    """Return notes, then the summary.

    Args:
        error: a summary of what was not read or checked.
        verbose: name each item that was not evaluated.
    """
    yield from map(note_line, notes)
    yield from not_evaluated_notes(not_evaluated, verbose=verbose)
    first, *others = summary
    lines: list[Line] = [_prefix_error(first, error), *others]
    lines[-1] = (*lines[-1], *excluded_spans(excluded))
    yield from lines


def suggest_summary(suggestions: Sequence[Suggestion]) -> list[Line]:
    """Return how many findings edits of each grade can fix, and how many need manual review."""
    lines = [*_open_counts(suggestions), *_usage_counts(suggestions, suggestions, "can be narrowed")]
    return lines or [(StyledText("nothing to suggest", "good"),)]


def fix_summary(fixed: Sequence[Suggestion], remaining: Sequence[Suggestion], *, dry_run: bool) -> list[Line]:
    """Return how many findings were fixed, how many other edits can fix, and how many need manual review."""
    lines: list[Line] = []
    number = len(_finding_ids(fixed))
    if number:
        files = len({edit.file for suggestion in fixed for edit in suggestion.edits})
        verb = "would be fixed" if dry_run else "fixed"
        where = StyledText(f" in {count_noun(files, 'file')}")
        lines.append((StyledText(f"{count_noun(number, 'finding')} {verb}", "place"), where))
    less_severe = {id(finding) for suggestion in fixed for finding in suggestion.less_severe}
    if less_severe:
        verb = "would become" if dry_run else "became"
        lines.append((StyledText(f"{count_noun(len(less_severe), 'finding')} {verb} less severe", "place"),))
    lines += _added(fixed)
    lines += _open_counts(remaining)
    lines += _usage_counts(fixed, remaining, "would be narrowed" if dry_run else "narrowed")
    return lines or [(StyledText("nothing to fix", "good"),)]


def _prefix_error(summary: Line, error: str) -> Line:
    if not error:
        return summary
    if summary[0].style == "good":
        return (StyledText(error, "high"),)
    return (StyledText(f"{error}; ", "high"), *summary)


def _open_counts(suggestions: Sequence[Suggestion]) -> Iterator[Line]:
    """Yield the number of findings that edits of each grade can fix or make less severe, without those that edits of a
    safer grade do, and the number of those that need manual review.
    """
    counted, counted_less = set[int](), set[int]()
    for grades, on_request, command in _COMMANDS:
        own = [one for one in suggestions if one.edits and one.grade in grades and one.on_request == on_request]
        new = _finding_ids(own) - counted
        counted |= new
        if new:
            yield _can_be(f"{count_noun(len(new), 'finding')} can be fixed", command)
        less_severe = {id(finding) for one in own for finding in one.less_severe} - counted - counted_less
        counted_less |= less_severe
        if less_severe:
            yield _can_be(f"{count_noun(len(less_severe), 'finding')} can become less severe", command)
        yield from _added(own)
    others = _finding_ids(one for one in suggestions if not one.edits) - counted
    if others:
        verb = "needs" if len(others) == 1 else "need"
        yield (StyledText(f"{count_noun(len(others), 'finding')} {verb} manual review", "place"),)


_COMMANDS = (
    ((Grade.EQUIVALENT,), False, _FIX),
    ((Grade.OBSERVED,), False, f"{_FIX} --evidence LOGS"),
    (_WRITTEN_UNASKED, True, f"{_FIX} --interactive"),
    *(((grade,), False, f"{_FIX} --grade {grade.value}") for grade in Grade if grade not in _WRITTEN_UNASKED),
)


def _can_be(text: str, command: str) -> Line:
    return (StyledText(text, "place"), StyledText(f" ({command})"))


def _added(suggestions: Iterable[Suggestion]) -> Iterator[Line]:
    """Yield each permission that edits add."""
    for permission in dict.fromkeys(permission for one in suggestions for permission in one.added):
        yield (StyledText("  adds "), StyledText(sanitize(permission), "code"))


def _finding_ids(suggestions: Iterable[Suggestion]) -> set[int]:
    return {id(finding) for suggestion in suggestions for finding in suggestion.findings}


def _usage_counts(able: Sequence[Suggestion], others: Sequence[Suggestion], verb: str) -> Iterator[Line]:
    """Yield how many statements without findings are broader than observed use, and how many are unused."""
    wider = sum(
        bool(one.edits) and not one.findings and not one.less_severe and one.evidence is not None for one in able
    )
    unused = sum(suggestion.is_unused for suggestion in others)
    if wider:
        yield (StyledText(f"{count_noun(wider, 'statement')} broader than observed use {verb}", "place"),)
    if unused:
        yield (StyledText(count_noun(unused, "unused statement"), "place"),)
