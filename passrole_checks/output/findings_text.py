"""What people see first: findings and grants as text.

The same lines serve a terminal and a pipe. A line is a sequence of :class:`StyledText`; only where they go to a
terminal do the spans' styles become colours, and only then is the terminal library imported.
"""

from __future__ import annotations

import shutil
import textwrap
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple, Protocol

from passrole_checks.escaping.markup import truncate
from passrole_checks.escaping.terminal import display_path, sanitize
from passrole_checks.findings import Confidence, Finding, Severity
from passrole_checks.output.excerpt import excerpt_lines
from passrole_checks.output.excluded_files import excluded_summary
from passrole_checks.scan import suppressions
from passrole_checks.sources.model.configuration import faults_in
from passrole_checks.sources.recognize import NOTHING_HERE

if TYPE_CHECKING:
    from passrole_checks.iam.grants.grant import PassRoleGrant
    from passrole_checks.scan.baseline import Applied
    from passrole_checks.scan.result import LocatedGrant, ScanResult
    from passrole_checks.sources.model.configuration import ResourceDefinition, Unreadable

NARROW, WIDE = 60, 100
PIPED = 80
_MOST_NAMES = 50  # of the roles, principals or services of one statement
_LONGEST_NAME = 1_000  # no ARN of a role has more than 700 characters
_MOST_NOTES = 10  # of a kind; a repository of many roots names hundreds of modules that are not there
_COLORS = {
    "place": "bold",
    "quiet": "dim",
    "code": "cyan",
    "high": "bold red",
    "medium": "bold yellow",
    "low": "bold blue",
    "info": "bold",
    "good": "green",
}


class StyledText(NamedTuple):
    """A piece of a line and what it is."""

    text: str
    style: str = ""


Line = Sequence[StyledText]


class _HasFile(Protocol):
    """What is said of a file."""

    @property
    def file(self) -> str: ...


def text_width(terminal: bool) -> int:
    """How wide to wrap prose: the terminal's width within limits, or a fixed one, so that piped output is stable."""
    return min(max(shutil.get_terminal_size((PIPED, 24)).columns, NARROW), WIDE) if terminal else PIPED


def to_plain_text(lines: Iterable[Line]) -> str:
    """The lines without their styles."""
    return "".join("".join(span.text for span in line).rstrip() + "\n" for line in lines)


def to_colored_text(lines: Iterable[Line]) -> str:
    """The lines with the colours that the terminal at standard output has."""
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False, markup=False, emoji=False)
    with console.capture() as capture:
        for line in lines:
            console.print(Text.assemble(*((span.text, _COLORS.get(span.style, "")) for span in line)), soft_wrap=True)
    return capture.get()


def scan_lines(
    result: ScanResult,
    *,
    not_shown: Sequence[Finding] = (),
    baseline: Applied | None = None,
    width: int = PIPED,
    quiet: bool = False,
) -> Iterator[Line]:
    """The findings of ``result``, statement by statement; then, unless ``quiet``, notes and a summary.

    Suppressed findings, ``not_shown`` (left out on request) and those that the ``baseline`` accepts are only counted.
    """
    open_findings = [finding for finding in result.findings if not finding.suppressed]
    for _, group in groupby(open_findings, key=lambda finding: (*_place(finding), finding.statement_path)):
        yield from _statement(list(group), width)
        yield ()
    if quiet:
        return
    notes = [*_notes(result), *_baseline_notes(baseline)]
    yield from notes
    if notes:
        yield ()
    yield scan_summary(result, not_shown, baseline)


def grants_lines(result: ScanResult, grants: Sequence[LocatedGrant], *, quiet: bool = False) -> Iterator[Line]:
    """The inventory: each statement with what it lets through and for whom; then, unless ``quiet``, a summary."""
    for located in grants:
        grant = located.grant
        yield _header(grant.at.file, grant.at.line, located.resource, grant.sid)
        effect = ""
        if grant.denied:
            effect = "  (denied: a Deny or a permissions boundary takes it away)"
        elif located.effect_on_passrole == "none":
            effect = "  (no effect on PassRole here)"
        yield (
            StyledText("  "),
            StyledText(sanitize(f"{grant.effect} {grant.granted_by}"), "code"),
            StyledText(effect, "quiet"),
        )
        yield from grant_rows(grant, _MOST_NAMES)
        if located.principals:
            yield labeled_row("who", located.principals)
        yield ()
    if not quiet:
        counts = Counter(located.effect_on_passrole for located in grants)
        words = [_count(counts["allow"], "PassRole grant")]
        words += [f"{counts['deny']} denied"] if counts["deny"] else []
        words += [f"{counts['none']} without effect"] if counts["none"] else []
        if grants:
            error = error_summary(result.unreadable, result.files, anything=True)
            words_of_error = [StyledText(f"{error}; ", "high")] if error else []
            counted = f"{', '.join(words)} in {_count(len(result.files), 'file')}"
            yield (*words_of_error, StyledText(counted), *excluded_spans(result.excluded))
        else:
            yield (*_no_grants(result), *excluded_spans(result.excluded))


def grant_rows(grant: PassRoleGrant, most: int | None = None) -> Iterator[Line]:
    """Which roles (the first ``most``), to which services, and under which other conditions: a row each."""
    for label, role in zip(_labels("all but" if grant.complement else "roles"), grant.roles[:most], strict=False):
        yield (*labeled_row(label, [str(role.pattern)]), StyledText(f"  {role.scope.value}", "quiet"))
    if most is not None and len(grant.roles) > most:
        yield omitted_row(len(grant.roles) - most)
    constraint = grant.services.constraint.value
    if grant.services.values:
        yield (*labeled_row("services", grant.services.values), StyledText(f"  {constraint}", "quiet"))
    else:
        yield (
            StyledText(f"    {'services':<10}"),
            StyledText(_SERVICE_CONSTRAINTS.get(constraint, constraint), "quiet"),
        )
    if grant.other_conditions:
        yield labeled_row("if", grant.other_conditions)


def omitted_row(count: int) -> Line:
    """Return the row that takes the place of ``count`` others."""
    return (StyledText(f"    {'':<10}"), StyledText(f"and {count} more (--format json lists them all)", "quiet"))


_SERVICE_CONSTRAINTS = {"absent": "any service", "ineffective": "any service", "unresolved": "cannot be told"}


def _labels(label: str) -> Iterator[str]:
    yield label
    while True:
        yield ""


def labeled_row(label: str, names: Sequence[str]) -> tuple[StyledText, ...]:
    """Return a row of names: the first of them, each up to a length that no real one has."""
    shown_names = [truncate(name, _LONGEST_NAME) for name in names[:_MOST_NAMES]]
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return (StyledText(f"    {label:<10}"), StyledText(sanitize(", ".join(shown_names) + more)))


def _place(finding: Finding) -> tuple[str, int, str]:
    return finding.at.file, finding.at.line, finding.resource.address


def _header(file: str, line: int, resource: ResourceDefinition, sid: str | None) -> Line:
    spans = [
        StyledText(f"{sanitize(display_path(file))}:{line}", "place"),
        StyledText("  "),
        StyledText(sanitize(resource.address)),
    ]
    if resource.construct:
        spans.append(StyledText(f" ({sanitize(resource.construct)})", "quiet"))
    if sid:
        spans.append(StyledText(f"  {sanitize(sid)}", "quiet"))
    return spans


def _statement(findings: Sequence[Finding], width: int) -> Iterator[Line]:
    first = findings[0]
    yield _header(first.at.file, first.at.line, first.resource, first.sid)
    if len(first.uses) > 1:
        others = [use for use in first.uses if use != first.resource.address]
        listed = ", ".join(others[:3]) + (f" and {len(others) - 3} more" if len(others) > 3 else "")
        yield (StyledText("  also "), StyledText(sanitize(listed), "quiet"))
    for line in excerpt_lines(first.at, first.grant):
        yield (StyledText("  │ ", "quiet"), StyledText(line, "code"))
    for finding in findings:
        yield from _finding(finding, width)


def finding_heading(check_id: str, name: str, severity: Severity, confidence: Confidence) -> Line:
    """The line above what a check says."""
    sure = "" if confidence is Confidence.HIGH else f"  ({confidence.value} confidence)"
    return (
        StyledText("  "),
        StyledText(f"{severity.value:<6}", severity.value),
        StyledText(f"  {check_id} "),
        StyledText(name),
        StyledText(sure, "quiet"),
    )


def _finding(finding: Finding, width: int) -> Iterator[Line]:
    yield finding_heading(finding.check_id, finding.name, finding.severity, finding.confidence)
    yield from _prose(finding.message, width)
    yield from _prose(finding.remediation, width, "Instead: ")


def _prose(text: str, width: int, label: str = "") -> Iterator[Line]:
    indent = " " * 10
    wrapped = textwrap.wrap(
        label + sanitize(" ".join(text.split())),
        width - len(indent),
        break_long_words=False,
        break_on_hyphens=False,
    )
    for number, line in enumerate(wrapped):
        if number == 0 and label:
            yield (StyledText(indent), StyledText(label.rstrip(), "good"), StyledText(line[len(label) - 1 :]))
        else:
            yield (StyledText(indent), StyledText(line))


def _notes(result: ScanResult) -> Iterator[Line]:
    for at, words in suppressions.notes(result.findings, result.unused_suppressions):
        yield _note(at.file, at.line, words)
    for missing in result.not_evaluated[:_MOST_NOTES]:
        yield _note(missing.file, missing.line, f"not evaluated: {missing.reason}")
    more = len(result.not_evaluated) - _MOST_NOTES
    if more > 0:
        yield (StyledText(f"note: {more} more like these are not evaluated (--format json names them all)", "quiet"),)


def _baseline_notes(baseline: Applied | None) -> Iterator[Line]:
    notes = () if baseline is None else baseline.notes()
    for words in notes[:_MOST_NOTES]:
        yield _note(baseline.path if baseline else "", None, words)
    if len(notes) > _MOST_NOTES:
        yield (StyledText(f"note: {len(notes) - _MOST_NOTES} more like these (--format json names them all)", "quiet"),)


def _note(file: str, line: int | None, words: str) -> Line:
    return (StyledText(f"{file_and_line(file, line)}: note: ", "quiet"), StyledText(sanitize(words)))


def file_and_line(file: str, line: int | None) -> str:
    """``file:line``, or the file alone where no line is known, safe to print."""
    return sanitize(display_path(file)) + (f":{line}" if line else "")


def _no_grants(result: ScanResult) -> Line:
    files = _count(len(result.files), "file")
    error = error_summary(result.unreadable, result.files)
    if error:
        return (StyledText(error, "high"), StyledText(f"; 0 PassRole grants in {files}"))
    return (StyledText(f"no PassRole grants in {files}", "good"),)


def unread_summary(
    unreadable: Collection[_HasFile], faults: Collection[_HasFile] = (), files: Collection[str] | None = None
) -> str:
    """How often this package failed, and how many files could not be read (of these and the ``files`` that were)."""
    unread = {entry.file for entry in unreadable}
    words = [_count(len(faults), "internal error")] if faults else []
    if unread:
        of_all = f"{len(unread)} of " if files is not None else ""
        words.append(f"{of_all}{_count(len(unread.union(files or ())), 'file')} could not be read")
    return ", ".join(words)


def error_summary(entries: Sequence[Unreadable], files: Collection[str], *, anything: bool = False) -> str:
    """How a summary begins that is not about everything; "" where all was read and judged.

    ``files``: those that were read, which may be in part; ``anything``: something was found in them.
    """
    if not entries:
        return ""
    unreadable = [entry for entry in entries if not entry.fault and entry.subject != NOTHING_HERE]
    words = unread_summary(unreadable, faults_in(entries), files)
    nothing = not anything and set(files) <= {entry.file for entry in unreadable}
    return f"ERROR: {'; '.join(filter(None, (words, 'nothing was checked' if nothing else '')))}"


def scan_summary(result: ScanResult, not_shown: Sequence[Finding] = (), baseline: Applied | None = None) -> Line:
    """How many findings there are, and how many more were not shown, in one line."""
    findings = [finding for finding in result.findings if not finding.suppressed]
    accepted = 0 if baseline is None else len(baseline.accepted)
    files = _count(len(result.files), "file")
    grants = sum(grant.effect_on_passrole == "allow" for grant in result.grants)
    error = error_summary(result.unreadable, result.files, anything=bool(result.findings or grants or accepted))
    if findings:
        severities = Counter(finding.severity for finding in findings)
        spans = [StyledText(f"{_count(len(findings), 'finding')}: ", "place")]
        for severity in reversed(Severity):
            if severities[severity]:
                spans += [StyledText(f"{severities[severity]} {severity.value}", severity.value), StyledText(", ")]
        spans[-1] = StyledText(f"; {_count(grants, 'PassRole grant')} in {files}")
    elif error:
        spans = [StyledText(f"0 findings, {_count(grants, 'PassRole grant')} in {files}")]
    elif grants or not_shown or accepted:
        spans = [StyledText("no findings", "good"), StyledText(f"; {_count(grants, 'PassRole grant')} in {files}")]
    else:
        spans = [*_no_grants(result)]
    if error:
        spans = [StyledText(f"{error}; ", "high"), *spans]
    suppressed = sum(finding.suppressed is not None for finding in result.findings)
    for count, what in (
        (suppressed, "suppressed"),
        (accepted, "in the baseline, not shown"),
        (len(not_shown), "below --severity, not shown"),
    ):
        if count:
            spans.append(StyledText(f"; {count} {what}"))
    return [*spans, *excluded_spans(result.excluded)]


def excluded_spans(excluded: Sequence[str]) -> Sequence[StyledText]:
    """The end of a summary: how much was excluded."""
    return (StyledText(f"; {excluded_summary(excluded)}"),) if excluded else ()


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
