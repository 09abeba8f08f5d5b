"""Render a review as text: each item with its findings, cause and fix; then the other results."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from functools import partial

from passrole_checks.escaping.shorten import listed
from passrole_checks.escaping.terminal import sanitize
from passrole_checks.findings import Confidence, Severity
from passrole_checks.iam.roles.arn import Scope
from passrole_checks.output.counts import count_noun
from passrole_checks.output.findings_text import (
    Line,
    StyledText,
    excluded_spans,
    finding_heading,
    one_line,
    unread_summary,
)
from passrole_checks.review.code_excerpt import ADDED, REMOVED, dedent_statement, diff_lines
from passrole_checks.review.report import (
    ACCEPT,
    Fixed,
    GrantedAccess,
    IncreasedAccess,
    Item,
    Location,
    ReducedAccess,
    Remark,
    Replacement,
    ReportNote,
    ReviewReport,
    ReviewVerdict,
)

_MAX_LINES = 10  # per section of one-line results
_MAX_NOTES = 3  # on what the change adds and is not evaluated
_MOST = 5  # names per row of access
_INDENT = " " * 10
_STYLES = {REMOVED: "quiet", ADDED: "good"}
_CHANGES = {"new": "new access", "widened": "wider access"}


def review_lines(report: ReviewReport, *, width: int, quiet: bool = False, verbose: bool = False) -> Iterator[Line]:
    """Yield the items, worst first; then, unless ``quiet``, fixed findings, other access changes, notes, and a
    summary. ``verbose``: name each note and change."""
    for item in (*report.open, *report.accepted):
        yield from _item_lines(item, width)
        if report.owners and item.accepted is None and item.short_key:
            yield (StyledText(f"{_INDENT}Owners accept with: {ACCEPT} {item.short_key} REASON", "quiet"),)
        yield ()
    if quiet:
        return
    others = [*_other_lines(report, verbose=verbose)]
    yield from others
    if others:
        yield ()
    yield (*_summary_line(report), *excluded_spans(report.read.excluded))


def _item_lines(item: Item, width: int) -> Iterator[Line]:
    spans = [
        StyledText(f"{'+' if item.group == 'new' else '!'} ", "high"),
        StyledText(_location(item.at), "place"),
        StyledText("  "),
    ]
    spans.append(StyledText(sanitize(item.resource)))
    if item.sid:
        spans.append(StyledText(f"  {sanitize(item.sid)}", "quiet"))
    group = item.group if item.change in ("", item.group) else f"{item.group}, {_CHANGES.get(item.change, '')}"
    if item.accepted is None:
        yield [*spans, StyledText(f"  {group}", "high")]
    else:
        yield [*spans, StyledText(f"  {group}, accepted", "good")]
        yield from _wrapped(f"by {item.accepted.by}: {item.accepted.reason}", width, "Accepted ")
    others = [use for use in item.uses if use != item.resource]
    if others:
        more = f" and {len(others) - 3} more" if len(others) > 3 else ""
        yield (StyledText("  also "), StyledText(sanitize(", ".join(others[:3])) + more, "quiet"))
    yield from _access_lines(item.access, item.before)
    if item.cause is not None:
        removed = "  (removed)" if item.cause_removed else ""
        yield (StyledText(f"    {'cause':<11}"), StyledText(f"{_location(item.cause)}{removed}"))
    for remark in item.remarks:
        yield from _remark_lines(remark, width)
    replacement = item.replacement
    if replacement is not None:
        yield from _suggestion_lines(replacement, width)
    elif item.advice:
        advice, _, statement = item.advice.partition("\n")
        yield from _wrapped(advice, width, "Instead: ")
        for line in dedent_statement(statement).split("\n") if statement else ():
            yield (StyledText(f"{_INDENT}  {sanitize(line)}", "good"),)


def _suggestion_lines(replacement: Replacement, width: int) -> Iterator[Line]:
    """Yield the location of a replacement, its effect, and its diff."""
    where = f"{sanitize(replacement.file)}:{replacement.line}"
    if replacement.end_line > replacement.line:
        where += f"-{replacement.end_line}"
    effect = sanitize(" ".join(replacement.says.split()))
    first: Line = (
        StyledText(_INDENT),
        StyledText("Suggestion for ", "good"),
        StyledText(where, "place"),
        StyledText(":"),
    )
    if len(_INDENT) + len(f"Suggestion for {where}: {effect}") <= width:
        yield (*first, StyledText(f" {effect[:1].lower()}{effect[1:]}"))
    else:
        yield first
        yield from _wrapped(effect, width)
    for mark, line in diff_lines(replacement):
        yield (StyledText(f"{_INDENT}  {mark} {sanitize(line)}".rstrip(), _STYLES.get(mark, "")),)


def _remark_lines(remark: Remark, width: int) -> Iterator[Line]:
    if not remark.primary:
        yield one_line(remark)
        return
    yield finding_heading(remark.check_id, remark.name, remark.severity, remark.confidence)
    yield from _wrapped(remark.message, width)


def _access_lines(access: GrantedAccess | None, before: GrantedAccess | None) -> Iterator[Line]:
    if access is None:
        return
    new = dict(_access_rows(access))
    old = dict(_access_rows(before)) if before is not None else {}
    for label, value in new.items():
        if before is None or old.get(label) == value:
            yield (StyledText(f"    {label:<10}"), StyledText(sanitize(value)))
            continue
        if label in old:
            yield (StyledText(f"  - {label:<10}", "quiet"), StyledText(sanitize(old[label]), "quiet"))
        yield (StyledText(f"  + {label:<10}"), StyledText(sanitize(value)))
    for label, value in old.items():
        if label not in new:
            yield (StyledText(f"  - {label:<10}", "quiet"), StyledText(sanitize(value), "quiet"))


def _access_rows(access: GrantedAccess) -> Iterator[tuple[str, str]]:
    if access.principals:
        yield "who", listed(access.principals, _MOST)
    note = " (any role)" if access.scope == Scope.ANY_ROLE.value and not access.complement else ""
    yield "all but" if access.complement else "roles", listed(access.roles, _MOST) + note
    without_services = {"unresolved": "unresolved", "never": "none"}.get(access.constraint, "any service")
    yield "services", listed(access.services, _MOST) if access.services else without_services
    if access.conditions:
        yield "if", listed(access.conditions, _MOST)
    if access.when:
        yield "when", access.when


def _other_lines(report: ReviewReport, *, verbose: bool) -> Iterator[Line]:
    limited = partial(_limited, verbose=verbose)
    yield from limited(list(map(_fixed_line, report.fixed)), "fixed")
    if report.more:
        yield (StyledText("Wider access that no check flags:"),)
        yield from limited(list(map(_increased_line, report.more)), "of these")
    yield from limited(list(dict.fromkeys(map(_reduced_line, report.less))), "with less access")
    yield from limited([_note_line(note, "moved: ") for note in report.moved], "moved")
    yield from limited(
        [_note_line(note, "not evaluated: ") for note in report.not_evaluated], "not evaluated", most=_MAX_NOTES
    )
    yield from limited([_note_line(note, "") for note in report.notes], "notes")
    if report.unreadable:
        yield (StyledText("note: correct what could not be read, or leave it out with --exclude", "quiet"),)


def _limited(lines: Sequence[Line], what: str, *, verbose: bool, most: int = _MAX_LINES) -> Iterator[Line]:
    shown = lines if verbose else lines[:most]
    yield from shown
    if len(lines) > len(shown):
        yield (StyledText(f"{len(lines) - len(shown)} more {what} (--verbose lists them)", "quiet"),)


def _fixed_line(fixed: Fixed) -> Line:
    return (
        StyledText("- ", "good"),
        StyledText(_location(fixed.at), "place"),
        StyledText(f"  {sanitize(fixed.resource)}  {fixed.check_id} {fixed.name}  fixed"),
    )


def _reduced_line(reduced: ReducedAccess) -> Line:
    return (
        StyledText("- ", "good"),
        StyledText(_location(reduced.at), "place"),
        StyledText(f"  {_statement(reduced)}  {reduced.change}{_because(reduced.cause)}"),
    )


def _increased_line(increased: IncreasedAccess) -> Line:
    """Return the access that grows, on one line: ``services a -> a, b``."""
    old = dict(_access_rows(increased.before)) if increased.before is not None else {}
    changes = [
        f"{label} {f'{old[label]} -> ' if label in old else ''}{value}"
        for label, value in _access_rows(increased.access)
        if old.get(label) != value
    ]
    if increased.trusted:
        changes = [f"can now also be assumed by {', '.join(increased.trusted)}"]
    because = _because(increased.cause, removed=increased.cause_removed)
    return (
        StyledText("  "),
        StyledText(_location(increased.at), "place"),
        StyledText(f"  {_statement(increased)}  {sanitize('; '.join(changes)) or increased.change}{because}"),
        StyledText("  (low confidence)" if increased.confidence is Confidence.LOW else "", "quiet"),
    )


def _because(cause: Location | None, *, removed: bool = False) -> str:
    return f"  because of {_location(cause)}{' (removed)' if removed else ''}" if cause is not None else ""


def _statement(change: ReducedAccess | IncreasedAccess) -> str:
    return sanitize(change.resource) + (f"  {sanitize(change.sid)}" if change.sid else "")


def _note_line(note: ReportNote, prefix: str) -> Line:
    location = sanitize(note.file) + (f":{note.line}" if note.line else "") + ": " if note.file else ""
    return (StyledText(f"{location}note: ", "quiet"), StyledText(sanitize(prefix + note.reason)))


def _summary_line(report: ReviewReport) -> Line:
    groups = [(sum(item.group == group for item in report.open), group) for group in ("new", "worse")]
    counts = [*groups, (len(report.accepted), "accepted"), (len(report.fixed), "fixed"), (len(report.moved), "moved")]
    result = ", ".join(f"{count} {group}" for count, group in counts if count)
    if report.verdict is ReviewVerdict.UNDETERMINED:
        problems = unread_summary({entry.file for entry in report.unreadable}, report.faults)
        return (
            StyledText(f"ERROR: {problems}; results are incomplete; ", "high"),
            StyledText(f"{result or '0 new'}; {_unchanged(report)}", "place"),
        )
    if report.more and not report.items:
        result = f"{result}, nothing new to flag" if result else "nothing new to flag"
    first = StyledText(result or "nothing new", "place" if report.open else "good")
    unchanged = StyledText(f"; {_unchanged(report)}")
    if not report.failing:
        return (first, unchanged)
    minimum = report.fail_on.value if report.fail_on is not None else ""
    threshold = f"{minimum} or more" if minimum != Severity.HIGH.value else minimum
    number = len(report.failing)
    return (first, unchanged, StyledText(f"; {number} {'fails' if number == 1 else 'fail'} ({threshold})", "high"))


def _unchanged(report: ReviewReport) -> str:
    affected = f" in {count_noun(report.read.files, 'affected file')}" if report.read.only_affected else ""
    return f"{report.unchanged} unchanged{affected}"


def _location(at: Location) -> str:
    return f"{sanitize(at.file)}:{at.line}"


def _wrapped(text: str, width: int, label: str = "") -> Iterator[Line]:
    paragraph = label + sanitize(" ".join(text.split()))
    wrapped = textwrap.wrap(paragraph, width - len(_INDENT), break_long_words=False, break_on_hyphens=False)
    for number, line in enumerate(wrapped):
        if number == 0 and label:
            yield (StyledText(_INDENT), StyledText(label.rstrip(), "good"), StyledText(line[len(label) - 1 :]))
        else:
            yield (StyledText(_INDENT), StyledText(line))
