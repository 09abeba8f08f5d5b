"""The difference between two versions as text: ``+`` new, ``~`` widened or narrowed, ``-`` removed, ``=`` moved to
another unit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

from passrole_checks.diff import AccessDifference, GrantChange
from passrole_checks.escaping.terminal import sanitize
from passrole_checks.findings import Confidence
from passrole_checks.git_versions import VersionPair
from passrole_checks.output.counts import count_noun
from passrole_checks.output.findings_text import (
    Line,
    StyledText,
    error_summary,
    excluded_spans,
    file_and_line,
    grant_rows,
    labeled_row,
    not_evaluated_notes,
    note_line,
    omitted_row,
    statement_header,
)
from passrole_checks.scan.condition_words import condition_text
from passrole_checks.scan.scanner import LocatedGrant
from passrole_checks.sources.model.configuration import NoteKind

_GROUPS = (
    ("new", "+", "high"),
    ("widened", "~", "high"),
    ("narrowed", "~", "good"),
    ("removed", "-", "good"),
    ("moved", "=", "quiet"),
)
_FIRST, _LAST = 10, 3  # rows of one statement to show; the last ones are services and conditions


def diff_lines(
    difference: AccessDifference, compared: VersionPair | None = None, *, quiet: bool = False, verbose: bool = False
) -> Iterator[Line]:
    """Return each change with its principals, roles and services, before and after; unless ``quiet``, then notes and a
    summary.

    ``compared``: the versions, if they are versions of a repository. ``verbose``: name each item that was not
    evaluated.
    """
    for name, mark, style in _GROUPS:
        for change in getattr(difference, name):
            yield from _change(change, name, mark, style)
            yield ()
    if quiet:
        return
    notes = list(_notes(difference, compared.notes if compared is not None else (), verbose=verbose))
    yield from notes
    if notes:
        yield ()
    yield _summary(difference)


def _change(change: GrantChange, group: str, mark: str, style: str) -> Iterator[Line]:
    current = change.grant
    header = statement_header(current.grant.at, current.resource.address, current.grant.sid)
    spans = [StyledText(f"{mark} ", style), *header, StyledText(f"  {group}", style)]
    if group in ("new", "widened"):
        sure = "" if change.confidence is Confidence.HIGH else f", {change.confidence.value} confidence"
        spans.append(
            StyledText(f"  ({change.severity.value}{sure}{', suppressed' if change.suppressed else ''})", "quiet")
        )
    yield spans
    if current.principals:
        yield labeled_row("who", current.principals)
    before = change.before
    earlier = file_and_line(before.grant.at.file, before.grant.at.line) if before is not None else ""
    before_row = (StyledText(f"    {'before':<10}", "quiet"), StyledText(earlier, "quiet"))
    rows = _describe_grant(current)
    if before is None or (old_rows := _describe_grant(before)) == rows:
        yield from _abridge(rows)
        if group == "widened":
            yield (StyledText(f"    {'change':<10}"), StyledText(sanitize(change.message)))
        if change.repeats:
            yield labeled_row("as in", [change.repeats])
        elif before is not None and group == "moved":
            yield before_row
        elif before is not None and change.cause is None:
            yield (StyledText("    the statement itself is unchanged", "quiet"),)
    else:
        yield from _diff_rows(old_rows, rows)
        yield before_row
    if change.cause is not None:
        because = file_and_line(change.cause.file, change.cause.line) + "  (removed)" * change.cause_removed
        yield (StyledText(f"    {'because of':<11}"), StyledText(because))


def _diff_rows(old: Sequence[Line], new: Sequence[Line]) -> Iterator[Line]:
    """Merge the rows of the old and the new statement, marking each row that differs."""
    old_text, new_text = (["".join(span.text for span in line) for line in rows] for rows in (old, new))
    matcher = SequenceMatcher(None, old_text, new_text, autojunk=False)
    for operation, start, end, new_start, new_end in matcher.get_opcodes():
        if operation == "equal":
            yield from _abridge(new[new_start:new_end])
            continue
        for sign, rows in (("-", old[start:end]), ("+", new[new_start:new_end])):
            for first, *rest in _abridge(rows):
                yield (StyledText(f"  {sign} "), first._replace(text=first.text.removeprefix("    ")), *rest)


def _abridge(rows: Sequence[Line]) -> Iterator[Line]:
    """Return the rows of one statement; of many, which are mostly roles, omit and count some in the middle."""
    left_out = len(rows) - _FIRST - _LAST
    if left_out <= 1:
        yield from rows
        return
    yield from rows[:_FIRST]
    yield omitted_row(left_out)
    yield from rows[-_LAST:]


def _describe_grant(located: LocatedGrant) -> Sequence[Line]:
    when = condition_text(located.when)
    return [
        *grant_rows(located.grant),
        *([labeled_row("policy", [located.managed_in_words])] if located.managed_in_words else ()),
        *([(StyledText(f"    {'when':<10}"), StyledText(sanitize(when)))] if when else ()),
    ]


def _notes(difference: AccessDifference, version_notes: Sequence[str], *, verbose: bool) -> Iterator[Line]:
    yield from map(note_line, version_notes)
    for old, new in difference.renamed:
        is_deployed = old.startswith("arn:") or new.startswith("arn:")
        yield note_line(f"assuming that {old} {'is' if is_deployed else 'was renamed to'} {new}")
    changed = {entry for entry in difference.left_out_files if entry.kind is NoteKind.NO_INSTANCE}
    others = [entry for entry in difference.not_evaluated if entry not in changed]
    yield from not_evaluated_notes([entry for entry in difference.not_evaluated if entry in changed], verbose=True)
    yield from not_evaluated_notes(others, verbose=verbose)
    if verbose:
        for entry in difference.standing:
            yield note_line(f"not evaluated in either version: {entry.reason}", entry.file, entry.line)
    elif difference.standing:
        items = count_noun(len(difference.standing), "item")
        yield note_line(f"{items} could not be evaluated in either version (--verbose lists them)")


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
