"""A review as text: each item with what is wrong, because of what, and what to write instead; then the rest."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

from passrole_checks.escaping.terminal import sanitize
from passrole_checks.findings import Confidence, Severity
from passrole_checks.iam.roles.arn import Scope
from passrole_checks.output.findings_text import Line, StyledText, excluded_spans, finding_heading, unread_summary
from passrole_checks.review.code_excerpt import CAME, GONE, aligned, changed_lines
from passrole_checks.review.report import (
    GrantedAccess,
    Item,
    Less,
    Location,
    More,
    Remark,
    Replacement,
    ReportNote,
    ReviewReport,
    ReviewVerdict,
)

_MOST = 10  # of a kind, where one line each is enough
_INDENT = " " * 10
_STYLES = {GONE: "quiet", CAME: "good"}
_CHANGES = {"new": "new access", "widened": "wider access"}


def review_lines(report: ReviewReport, *, width: int, quiet: bool = False) -> Iterator[Line]:
    """The items, worst first; then, unless ``quiet``, what is fixed, less, not evaluated and noted, and a summary."""
    for item in report.items:
        yield from _item(item, width)
        yield ()
    if quiet:
        return
    told = [*_short(report)]
    yield from told
    if told:
        yield ()
    yield (*_summary(report), *excluded_spans(report.excluded))


def _item(item: Item, width: int) -> Iterator[Line]:
    spans = [
        StyledText(f"{'+' if item.group == 'new' else '!'} ", "high"),
        StyledText(_at(item.at), "place"),
        StyledText("  "),
    ]
    spans.append(StyledText(sanitize(item.resource)))
    if item.sid:
        spans.append(StyledText(f"  {sanitize(item.sid)}", "quiet"))
    said = item.group if item.change in ("", item.group) else f"{item.group}, {_CHANGES.get(item.change, '')}"
    yield [*spans, StyledText(f"  {said}", "high")]
    others = [use for use in item.uses if use != item.resource]
    if others:
        more = f" and {len(others) - 3} more" if len(others) > 3 else ""
        yield (StyledText("  also "), StyledText(sanitize(", ".join(others[:3])) + more, "quiet"))
    yield from _access(item.access, item.before)
    if item.cause is not None:
        gone = "  (removed)" if item.cause_removed else ""
        yield (StyledText(f"    {'because of':<11}"), StyledText(f"{_at(item.cause)}{gone}"))
    for remark in item.remarks:
        yield from _remark(remark, width)
    replacement = item.replacement
    if replacement is not None:
        yield from _suggestion(replacement, width)
    elif item.advice:
        words, _, statement = item.advice.partition("\n")
        yield from _prose(words, width, "Instead: ")
        for line in aligned(statement).split("\n") if statement else ():
            yield (StyledText(f"{_INDENT}  {sanitize(line)}", "good"),)


def _suggestion(replacement: Replacement, width: int) -> Iterator[Line]:
    """What it does, behind where, and the lines as a small difference."""
    where = f"{sanitize(replacement.file)}:{replacement.line}"
    if replacement.end_line > replacement.line:
        where += f"-{replacement.end_line}"
    words = sanitize(" ".join(replacement.says.split()))
    first: Line = (
        StyledText(_INDENT),
        StyledText("Suggestion for ", "good"),
        StyledText(where, "place"),
        StyledText(":"),
    )
    if len(_INDENT) + len(f"Suggestion for {where}: {words}") <= width:
        yield (*first, StyledText(f" {words[:1].lower()}{words[1:]}"))
    else:
        yield first
        yield from _prose(words, width)
    for mark, line in changed_lines(replacement):
        yield (StyledText(f"{_INDENT}  {mark} {sanitize(line)}".rstrip(), _STYLES.get(mark, "")),)


def _remark(remark: Remark, width: int) -> Iterator[Line]:
    yield finding_heading(remark.check_id, remark.name, remark.severity, remark.confidence)
    yield from _prose(remark.message, width)


def _access(access: GrantedAccess | None, before: GrantedAccess | None) -> Iterator[Line]:
    if access is None:
        return
    now, was = (dict(_rows(one)) if one is not None else {} for one in (access, before))
    for label, words in now.items():
        if before is None or was.get(label) == words:
            yield (StyledText(f"    {label:<10}"), StyledText(sanitize(words)))
            continue
        if label in was:
            yield (StyledText(f"  - {label:<10}", "quiet"), StyledText(sanitize(was[label]), "quiet"))
        yield (StyledText(f"  + {label:<10}"), StyledText(sanitize(words)))
    for label, words in was.items():
        if label not in now:
            yield (StyledText(f"  - {label:<10}", "quiet"), StyledText(sanitize(words), "quiet"))


def _rows(access: GrantedAccess) -> Iterator[tuple[str, str]]:
    if access.principals:
        yield "who", _listed(access.principals)
    every = " (any role)" if access.scope == Scope.ANY_ROLE.value and not access.complement else ""
    yield "all but" if access.complement else "roles", _listed(access.roles) + every
    none = "cannot be told" if access.constraint == "unresolved" else "any service"
    yield "services", _listed(access.services) if access.services else none
    if access.conditions:
        yield "if", _listed(access.conditions)


def _listed(words: Sequence[str], most: int = 5) -> str:
    return ", ".join(words[:most]) + (f" and {len(words) - most} more" if len(words) > most else "")


def _short(report: ReviewReport) -> Iterator[Line]:
    yield from _some([_fixed(one.at, f"{one.check_id} {one.name}", one.resource) for one in report.fixed], "fixed")
    if report.more:
        yield (StyledText("Also gives more, none of it flagged:"),)
        yield from _some([_more(one) for one in report.more], "of these")
    yield from _some([_less(one) for one in report.less], "with less access")
    yield from _some([_note(one, "not evaluated: ") for one in report.not_evaluated], "not evaluated")
    yield from _some([_note(one, "") for one in report.notes], "to be known")


def _some(lines: Sequence[Line], what: str) -> Iterator[Line]:
    yield from lines[:_MOST]
    if len(lines) > _MOST:
        yield (StyledText(f"{len(lines) - _MOST} more {what} (--format json names them all)", "quiet"),)


def _fixed(at: Location, check: str, resource: str) -> Line:
    return (
        StyledText("- ", "good"),
        StyledText(_at(at), "place"),
        StyledText(f"  {sanitize(resource)}  {check}  fixed"),
    )


def _less(one: Less) -> Line:
    sid = f"  {sanitize(one.sid)}" if one.sid else ""
    return (
        StyledText("- ", "good"),
        StyledText(_at(one.at), "place"),
        StyledText(f"  {sanitize(one.resource)}{sid}  {one.change}"),
    )


def _more(one: More) -> Line:
    """What it gives more, on one line: ``services a -> a, b``."""
    sid = f"  {sanitize(one.sid)}" if one.sid else ""
    was = dict(_rows(one.before)) if one.before is not None else {}
    told = [
        f"{label} {f'{was[label]} -> ' if label in was else ''}{words}"
        for label, words in _rows(one.access)
        if was.get(label) != words
    ]
    sure = "  (not sure)" if one.confidence is Confidence.LOW else ""
    words = f"  {sanitize(one.resource)}{sid}  {sanitize('; '.join(told))}"
    return (StyledText("  "), StyledText(_at(one.at), "place"), StyledText(words), StyledText(sure, "quiet"))


def _note(one: ReportNote, before: str) -> Line:
    where = sanitize(one.file) + (f":{one.line}" if one.line else "") + ": " if one.file else ""
    return (StyledText(f"{where}note: ", "quiet"), StyledText(sanitize(before + one.reason)))


def _summary(report: ReviewReport) -> Line:
    groups = [(sum(item.group == group for item in report.items), group) for group in ("new", "worse")]
    counts = [*groups, (len(report.fixed), "fixed")]
    words = ", ".join(f"{count} {what}" for count, what in counts if count)
    if report.verdict is ReviewVerdict.CANNOT_TELL:
        could = f"{unread_summary(report.unreadable, report.faults)}, so that this is not all"
        return (
            StyledText(f"ERROR: {could}; ", "high"),
            StyledText(f"{words or '0 new'}; {report.unchanged} unchanged", "place"),
        )
    if report.more and not report.items:
        words = f"{words}, nothing new to flag" if words else "nothing new to flag"
    rest = StyledText(f"; {report.unchanged} unchanged")
    first = StyledText(words or "nothing new", "place" if report.items else "good")
    if not report.failing:
        return (first, rest)
    least = report.fail_on.value if report.fail_on is not None else ""
    degree = f"{least} or more" if least != Severity.HIGH.value else least
    number = len(report.failing)
    return (first, rest, StyledText(f"; {number} {'fails' if number == 1 else 'fail'} ({degree})", "high"))


def _at(at: Location) -> str:
    return f"{sanitize(at.file)}:{at.line}"


def _prose(text: str, width: int, label: str = "") -> Iterator[Line]:
    words = label + sanitize(" ".join(text.split()))
    wrapped = textwrap.wrap(words, width - len(_INDENT), break_long_words=False, break_on_hyphens=False)
    for number, line in enumerate(wrapped):
        if number == 0 and label:
            yield (StyledText(_INDENT), StyledText(label.rstrip(), "good"), StyledText(line[len(label) - 1 :]))
        else:
            yield (StyledText(_INDENT), StyledText(line))
