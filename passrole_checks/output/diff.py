"""The difference between two versions as text: ``+`` new, ``~`` widened or narrowed, ``-`` removed,
``=`` moved to another unit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

from passrole_checks.diff import AccessDifference, GrantChange
from passrole_checks.escaping.terminal import sanitize
from passrole_checks.findings import Confidence
from passrole_checks.git_versions import VersionPair
from passrole_checks.output.findings_text import (
    Line,
    StyledText,
    error_summary,
    excluded_spans,
    file_and_line,
    grant_rows,
    labeled_row,
    omitted_row,
)
from passrole_checks.scan.merge_findings import when_in_words
from passrole_checks.scan.scanner import LocatedGrant

_GROUPS = (
    ("new", "+", "high"),
    ("widened", "~", "high"),
    ("narrowed", "~", "good"),
    ("removed", "-", "good"),
    ("moved", "=", "quiet"),
)
_MOST_NOTES = 10
_FIRST, _LAST = 10, 3  # rows about one statement; the last ones are about services and conditions


def diff_lines(
    difference: AccessDifference, compared: VersionPair | None = None, *, quiet: bool = False
) -> Iterator[Line]:
    """Each change with who, which roles and which services, before and after; then, unless ``quiet``, notes and a
    summary. ``compared``: the versions, where they are some of a repository."""
    for name, mark, style in _GROUPS:
        for change in getattr(difference, name):
            yield from _change(change, name, mark, style)
            yield ()
    if quiet:
        return
    notes = list(_notes(difference, compared.notes if compared is not None else ()))
    yield from notes
    if notes:
        yield ()
    yield _summary(difference)


def _change(change: GrantChange, group: str, mark: str, style: str) -> Iterator[Line]:
    now = change.grant
    place = StyledText(file_and_line(now.grant.at.file, now.grant.at.line), "place")
    spans = [StyledText(f"{mark} ", style), place, StyledText("  "), StyledText(sanitize(now.resource.address))]
    if now.grant.sid:
        spans.append(StyledText(f"  {sanitize(now.grant.sid)}", "quiet"))
    spans.append(StyledText(f"  {group}", style))
    if group in ("new", "widened"):
        sure = "" if change.confidence is Confidence.HIGH else f", {change.confidence.value} confidence"
        spans.append(
            StyledText(f"  ({change.severity.value}{sure}{', suppressed' if change.suppressed else ''})", "quiet")
        )
    yield spans
    if now.principals:
        yield labeled_row("who", now.principals)
    before = change.before
    words = _describe_grant(now)
    if before is None or (told := _describe_grant(before)) == words:
        yield from _abridge(words)
        if before is not None and group == "moved":
            yield (
                StyledText(f"    {'before':<10}", "quiet"),
                StyledText(file_and_line(before.grant.at.file, before.grant.at.line), "quiet"),
            )
        elif before is not None and change.cause is None:
            yield (StyledText("    the statement itself is the same", "quiet"),)
    else:
        at = before.grant.at
        yield from _diff_rows(told, words)
        yield (StyledText(f"    {'before':<10}", "quiet"), StyledText(file_and_line(at.file, at.line), "quiet"))
    if change.cause is not None:
        because = file_and_line(change.cause.file, change.cause.line)
        yield (
            StyledText(f"    {'because of':<11}"),
            StyledText(f"{because}{'  (removed)' if change.cause_removed else ''}"),
        )


def _diff_rows(told: Sequence[Line], words: Sequence[Line]) -> Iterator[Line]:
    """Two descriptions of a statement as one, each line that differs in its place."""
    first, second = (["".join(span.text for span in line) for line in rows] for rows in (told, words))
    for what, start, end, other, other_end in SequenceMatcher(None, first, second, autojunk=False).get_opcodes():
        if what == "equal":
            yield from _abridge(words[other:other_end])
            continue
        for sign, rows in (("-", told[start:end]), ("+", words[other:other_end])):
            yield from ((StyledText(f"  {sign} "), *_dedent(line)) for line in _abridge(rows))


def _abridge(rows: Sequence[Line]) -> Iterator[Line]:
    """Rows about one statement. Of many, which are mostly roles, some are left out and counted."""
    left_out = len(rows) - _FIRST - _LAST
    if left_out <= 1:
        yield from rows
        return
    yield from rows[:_FIRST]
    yield omitted_row(left_out)
    yield from rows[-_LAST:]


def _describe_grant(located: LocatedGrant) -> Sequence[Line]:
    when = when_in_words([located.grant.statement.when]).removeprefix("when ")
    return [
        *grant_rows(located.grant),
        *([(StyledText(f"    {'when':<10}"), StyledText(sanitize(when)))] if when else ()),
    ]


def _dedent(line: Line) -> Line:
    first, *rest = line
    return (StyledText(first.text.removeprefix("    "), first.style), *rest)


def _notes(difference: AccessDifference, about_versions: Sequence[str]) -> Iterator[Line]:
    for note in about_versions:
        yield (StyledText("note: ", "quiet"), StyledText(sanitize(note)))
    for old, new in difference.renamed:
        yield (StyledText("note: ", "quiet"), StyledText(sanitize(f"{new} is taken for what was {old} before")))
    for entry in difference.not_evaluated[:_MOST_NOTES]:
        words = f"not evaluated: {entry.reason}"
        yield (StyledText(f"{file_and_line(entry.file, entry.line)}: note: ", "quiet"), StyledText(sanitize(words)))
    more = len(difference.not_evaluated) - _MOST_NOTES
    if more > 0:
        yield (StyledText(f"note: {more} more like these are not evaluated (--format json names them all)", "quiet"),)
    if difference.standing:
        standing = f"note: {len(difference.standing)} not evaluated in both versions alike (--format json names all)"
        yield (StyledText(standing, "quiet"),)


def _summary(difference: AccessDifference) -> Line:
    counts = [(len(getattr(difference, name)), name) for name, _, _ in _GROUPS]
    files = (*difference.files[0], *difference.files[1])
    anything = bool(difference.unchanged or any(count for count, _ in counts))
    error = error_summary(difference.unreadable, files, anything=anything)
    none = "0 changes" if error else "no change seen" if difference.left_out else "no change of PassRole access"
    words = ", ".join(f"{count} {name}" for count, name in counts if count) or none
    spans = [StyledText(f"{error}; ", "high")] if error else []
    spans += [StyledText(words, "place"), StyledText(f"; {difference.unchanged} unchanged")]
    if difference.left_out:
        noun = "file" if difference.left_out == 1 else "files"
        spans.append(StyledText(f"; {difference.left_out} changed {noun} not evaluated", "high"))
    return [*spans, *excluded_spans(difference.excluded)]
