"""Findings and grants as text, for terminals and pipes.

A line is a sequence of :class:`StyledText`. Styles become colors only on a terminal, and only then is the terminal
library imported.
"""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence, Set
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

from passrole_checks.escaping.shorten import listed, truncate
from passrole_checks.escaping.terminal import sanitize, typed_path
from passrole_checks.findings import Confidence, Finding, Severity
from passrole_checks.output.counts import count_noun, excluded_summary
from passrole_checks.output.excerpt import excerpt_lines
from passrole_checks.output.finding_items import (
    BY_FILE,
    FindingItem,
    Labeled,
    StatementItems,
    in_short,
    label_of,
    others_in_short,
    sections_of,
    worst_statements,
)
from passrole_checks.output.not_evaluated_text import not_evaluated_in_words
from passrole_checks.scan import suppressions
from passrole_checks.scan.condition_words import condition_text
from passrole_checks.scan.group_findings import findings_by_statement
from passrole_checks.scan.result import statements_by_effect
from passrole_checks.sources.model.configuration import faults_in
from passrole_checks.sources.recognize import NOTHING_HERE

if TYPE_CHECKING:
    from passrole_checks.iam.grants.grant import PassRoleGrant
    from passrole_checks.iam.values.nodes import Position
    from passrole_checks.scan.baseline import Applied
    from passrole_checks.scan.result import LocatedGrant, ScanResult
    from passrole_checks.sources.model.configuration import Unreadable

NARROW, WIDE = 60, 100
PIPED = 80
_MOST_NAMES = 50  # of the roles, principals or services of one statement
_LONGEST_NAME = 1_000  # role ARNs have at most 700 characters
_MOST_NOTES = 10  # of a kind; a repository with many roots may lack hundreds of modules
_MOST_WORST = 3  # statements that are named again above the summary
_ONE_LINE = 160  # columns of a finding in one line
_NOTHING_CHECKED = "nothing was checked"
_BESIDE = f"{' ' * 10}+ "
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
    """A piece of a line and its style, a key of ``_COLORS``."""

    text: str
    style: str = ""


Line = Sequence[StyledText]


def text_width(terminal: bool) -> int:
    """Return the width to wrap prose at: the terminal's width within limits, or a constant, so that piped output is
    stable."""
    if not terminal:
        return PIPED
    from shutil import get_terminal_size  # slow to import

    return min(max(get_terminal_size((PIPED, 24)).columns, NARROW), WIDE)


def to_plain_text(lines: Iterable[Line]) -> str:
    """Return the lines without styles."""
    return "".join("".join(span.text for span in line).rstrip() + "\n" for line in lines)


def to_colored_text(lines: Iterable[Line]) -> str:
    """Return the lines with the colors that the terminal at standard output supports."""
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
    verbose: bool = False,
    group_by: str = BY_FILE,
) -> Iterator[Line]:
    """Return the findings of ``result``, worst first, by statement; unless ``quiet``, then notes, the worst statements,
    and a summary.

    Suppressed findings, ``not_shown`` (below ``--severity``) and those accepted by the ``baseline`` are only counted.
    ``verbose``: name every note. ``group_by``: one of
    :data:`~passrole_checks.output.finding_items.GROUPINGS`.
    """
    open_findings = [finding for finding in result.findings if not finding.suppressed]
    sections = sections_of(open_findings, group_by)
    previous: Finding | None = None
    for section in sections:
        if section.heading:
            count = count_noun(len(section.statements), "statement")
            yield (StyledText(section.heading, "place"), StyledText(f": {count}"))
            yield ()
        for _, statements in groupby(
            section.statements, key=lambda statement: (statement.first.at.file, statement.text)
        ):
            group = list(statements)
            yield from _statements(group, width, previous)
            previous = group[0].items[-1].primary
            yield ()
    if quiet:
        return
    unused = suppressions.notes(result.findings, result.unused_suppressions)
    notes = [note_line(words, at.file, at.line) for at, words in unused]
    notes += [*not_evaluated_notes(result.not_evaluated, verbose=verbose), *_baseline_notes(baseline, verbose=verbose)]
    yield from notes
    if notes:
        yield ()
    if sum(len(section.statements) for section in sections) > _MOST_WORST:
        yield (StyledText("Worst statements:"),)
        for statement in worst_statements(open_findings, _MOST_WORST):
            yield _worst_row(statement)
        yield ()
    yield scan_summary(result, not_shown, baseline)


def _worst_row(statement: StatementItems) -> Line:
    """Return the location, resource and checks of a statement on one line."""
    first = statement.first
    checks = dict.fromkeys(f"{item.primary.check_id} {item.primary.name}" for item in statement.items)
    return (
        StyledText("  "),
        StyledText(f"{first.severity.value:<6}", first.severity.value),
        StyledText("  "),
        StyledText(file_and_line(first.at.file, first.at.line), "place"),
        StyledText(f"  {sanitize(first.resource.address)}  {', '.join(checks)}"),
    )


def grants_lines(
    result: ScanResult, grants: Sequence[LocatedGrant], *, quiet: bool = False, verbose: bool = False
) -> Iterator[Line]:
    """Return the inventory: each statement with its roles, services and principals; unless ``quiet``, then notes and a
    summary. ``verbose``: name each item that was not evaluated."""
    for located in grants:
        grant = located.grant
        yield statement_header(grant.at, located.resource.address, grant.sid, located.resource.construct)
        effect = ""
        if grant.denied:
            effect = "  (denied by a Deny statement or a permissions boundary)"
        elif located.effect_on_passrole == "none":
            effect = "  (no effect on PassRole)"
        yield (
            StyledText("  "),
            StyledText(sanitize(f"{grant.effect} {grant.granted_by}"), "code"),
            StyledText(effect, "quiet"),
        )
        yield from grant_rows(grant, _MOST_NAMES)
        if located.managed_in_words:
            yield labeled_row("policy", [located.managed_in_words])
        if located.principals:
            yield labeled_row("who", located.principals)
        if located.when:
            yield labeled_row("when", [condition_text(located.when)])
        yield ()
    if not quiet:
        yield from grants_summary(result, grants, verbose=verbose)


def grants_summary(result: ScanResult, grants: Sequence[LocatedGrant], *, verbose: bool = False) -> Iterator[Line]:
    """Return notes on what was not evaluated, and the number of statements."""
    if result.not_evaluated:
        yield from not_evaluated_notes(result.not_evaluated, verbose=verbose)
        yield ()
    counts = statements_by_effect(grants)
    words = [count_noun(counts["allow"], "PassRole grant")]
    words += [count_noun(counts["deny"], "Deny statement")] if counts["deny"] else []
    words += [f"{counts['none']} without effect"] if counts["none"] else []
    if grants:
        error = error_summary(result.unreadable, result.files, anything=True)
        counted = StyledText(f"{', '.join(words)} in {count_noun(len(result.files), 'file')}")
        yield (*after_error(error, (counted,)), *excluded_spans(result.excluded))
    else:
        yield (*_no_grants(result), *excluded_spans(result.excluded))


def grant_rows(grant: PassRoleGrant, most: int | None = None) -> Iterator[Line]:
    """Yield rows for the roles (the first ``most``), the services, and the other conditions of a grant."""
    label = "all but" if grant.complement else "roles"
    for role in grant.roles[:most]:
        yield (*labeled_row(label, [str(role.pattern)]), StyledText(f"  {role.scope.value}", "quiet"))
        label = ""
    if most is not None and len(grant.roles) > most:
        yield omitted_row(len(grant.roles) - most)
    constraint = grant.services.constraint.value
    if grant.services.values:
        words = "never matches" if grant.condition.dead else constraint
        yield (*labeled_row("services", grant.services.values), StyledText(f"  {words}", "quiet"))
    else:
        yield (
            StyledText(f"    {'services':<10}"),
            StyledText(_SERVICE_CONSTRAINTS.get(constraint, constraint), "quiet"),
        )
    if grant.other_conditions:
        yield labeled_row("if", grant.other_conditions)


def omitted_row(count: int) -> Line:
    """Return the row that replaces ``count`` others."""
    return (StyledText(f"    {'':<10}"), StyledText(f"and {count} more (--format json lists them all)", "quiet"))


_SERVICE_CONSTRAINTS = {
    "absent": "any service",
    "ineffective": "any service",
    "never": "none (the condition never matches)",
    "unresolved": "unknown",
}


def labeled_row(label: str, names: Sequence[str]) -> tuple[StyledText, ...]:
    """Return a row of names, truncated in number and length."""
    shown_names = [truncate(name, _LONGEST_NAME) for name in names[:_MOST_NAMES]]
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return (StyledText(f"    {label:<10}"), StyledText(sanitize(", ".join(shown_names) + more)))


def statement_header(at: Position, address: str, sid: str | None, construct: str = "") -> Line:
    """Return the line above a statement: its place, the resource that contains it, and its Sid."""
    spans = [StyledText(file_and_line(at.file, at.line), "place"), StyledText("  "), StyledText(sanitize(address))]
    spans += [StyledText(f" ({sanitize(construct)})", "quiet")] if construct else []
    return [*spans, StyledText(f"  {sanitize(sid)}", "quiet")] if sid else spans


def _statements(statements: Sequence[StatementItems], width: int, previous: Finding | None) -> Iterator[Line]:
    """Yield statements of one file whose items say the same, then these items once.

    ``previous``: the finding that stands above these, if any.
    """
    for statement in statements:
        first = statement.first
        yield statement_header(first.at, first.resource.address, first.sid, first.resource.construct)
        others = statement.uses[1:]
        if others:
            yield (StyledText("  also "), StyledText(sanitize(listed(others)), "quiet"))
        messages = " ".join(item.primary.message for item in statement.items)
        for line in excerpt_lines(first.at, first.grant, messages):
            yield (StyledText("  │ ", "quiet"), StyledText(line, "code"))
    shown = statements[0]
    for item in shown.items:
        used = item.primary.uses
        about = listed(used) if len(used) < len(shown.uses) else ""
        yield from _item(item, about, width, previous)
        previous = item.primary


def finding_heading(check_id: str, name: str, severity: Severity, confidence: Confidence) -> Line:
    """Return the line above a finding: severity, check and confidence."""
    sure = "" if confidence is Confidence.HIGH else f"  ({confidence.value} confidence)"
    return (
        StyledText("  "),
        StyledText(f"{severity.value:<6}", severity.value),
        StyledText(f"  {check_id} "),
        StyledText(name),
        StyledText(sure, "quiet"),
    )


def _item(item: FindingItem, about: str, width: int, previous: Finding | None) -> Iterator[Line]:
    """Yield the primary finding in full, and the others of its group in one line each.

    ``about``: the resources, if the item is not about all that use the statement. ``previous``: the finding that stands
    above it, whose remediation is not repeated if both are of one file.
    """
    primary = item.primary
    heading = finding_heading(primary.check_id, primary.name, primary.severity, primary.confidence)
    if about:
        heading = (*heading, StyledText(f"  {sanitize(about)}", "quiet"))
    yield heading
    yield from wrap_prose(primary.message, width)
    is_repeated = previous is not None and (previous.at.file, previous.remediation) == (
        primary.at.file,
        primary.remediation,
    )
    yield from wrap_prose("as above." if is_repeated else primary.remediation, width, "Instead: ")
    for label, words in others_in_short(item, _ONE_LINE - len(_BESIDE) - len(": "), typed_path):
        yield _beside(label, words)


def one_line(finding: Labeled) -> Line:
    """Return a finding that is not primary, or the remark of a review, on one line."""
    label = label_of(finding)
    return _beside(label, in_short(finding, _ONE_LINE - len(f"{_BESIDE}{label}: ")))


def _beside(label: str, words: str) -> Line:
    return (StyledText(sanitize(f"{_BESIDE}{label}: ")), StyledText(sanitize(words), "quiet"))


def wrap_prose(text: str, width: int, label: str = "") -> Iterator[Line]:
    """Wrap and indent text to ``width`` columns; ``label`` begins its first line and is highlighted."""
    indent = " " * 10
    wrapped = textwrap.wrap(
        label + sanitize(" ".join(text.split())), width - len(indent), break_long_words=False, break_on_hyphens=False
    )
    for number, line in enumerate(wrapped):
        if number == 0 and label:
            yield (StyledText(indent), StyledText(label.rstrip(), "good"), StyledText(line[len(label) - 1 :]))
        else:
            yield (StyledText(indent), StyledText(line))


def not_evaluated_notes(entries: Sequence[Unreadable], *, verbose: bool) -> Iterator[Line]:
    """Yield notes on what was not evaluated: as :func:`not_evaluated_in_words`."""
    return (note_line(*note) for note in not_evaluated_in_words(entries, verbose=verbose))


def _baseline_notes(baseline: Applied | None, *, verbose: bool) -> Iterator[Line]:
    notes = () if baseline is None else baseline.notes()
    shown = notes if verbose else notes[:_MOST_NOTES]
    for words in shown:
        yield note_line(words, baseline.path if baseline else "")
    if len(notes) > len(shown):
        yield note_line(f"{len(notes) - len(shown)} more about the baseline (--verbose lists them)")


def note_line(words: str, file: str = "", line: int | None = None) -> Line:
    """Return a note, about a file or in general."""
    location = f"{file_and_line(file, line)}: " if file else ""
    return (StyledText(f"{location}note: ", "quiet"), StyledText(sanitize(words)))


def file_and_line(file: str, line: int | None) -> str:
    """Return ``file:line``, or the file alone if no line is known, as typed and safe to print."""
    return sanitize(typed_path(file)) + (f":{line}" if line else "")


def _no_grants(result: ScanResult) -> Line:
    files = count_noun(len(result.files), "file")
    error = error_summary(result.unreadable, result.files)
    if error:
        return after_error(error, (StyledText(f"0 PassRole grants in {files}"),))
    return (StyledText(f"no PassRole grants in {files}", "good"),)


def unread_summary(unread: Set[str], faults: Collection[object] = (), files: Collection[str] | None = None) -> str:
    """Return the number of internal errors, and of files that could not be read (of all, if the read ``files`` are
    given)."""
    words = [count_noun(len(faults), "internal error")] if faults else []
    if unread:
        of_all = f"{len(unread)} of " if files is not None else ""
        words.append(f"{of_all}{count_noun(len(unread | set(files or ())), 'file')} could not be read")
    return ", ".join(words)


def error_summary(entries: Sequence[Unreadable], files: Collection[str], *, anything: bool = False) -> str:
    """Return the start of a summary that does not cover everything; "" if everything was read and checked.

    ``files``: files that were read, at least in part; ``anything``: True if grants or findings were found in them.
    """
    if not entries:
        return ""
    unread = {entry.file for entry in entries if not entry.fault and entry.subject != NOTHING_HERE}
    problems = unread_summary(unread, faults_in(entries), files)
    nothing = not anything and set(files) <= unread
    empty = count_noun(sum(entry.subject == NOTHING_HERE for entry in entries), "path")
    rest = _NOTHING_CHECKED if nothing else f"{empty} without infrastructure code" if not problems else ""
    return f"ERROR: {'; '.join(filter(None, (problems, rest)))}"


def after_error(error: str, counts: Line) -> Line:
    """Return the counts of a summary after its error, see :func:`error_summary`; none if nothing was checked."""
    if not error:
        return counts
    if error.endswith(_NOTHING_CHECKED):
        return (StyledText(error, "high"),)
    return (StyledText(f"{error}; ", "high"), *counts)


def scan_summary(result: ScanResult, not_shown: Sequence[Finding] = (), baseline: Applied | None = None) -> Line:
    """Return one line with the number of findings, and of those not shown."""
    findings = [finding for finding in result.findings if not finding.suppressed]
    accepted = 0 if baseline is None else len(baseline.accepted)
    files = count_noun(len(result.files), "file")
    grants = statements_by_effect(result.grants)["allow"]
    error = error_summary(result.unreadable, result.files, anything=bool(result.findings or grants or accepted))
    if findings:
        severities = Counter(finding.severity for finding in findings)
        statements = count_noun(len(findings_by_statement(findings)), "statement")
        spans = [StyledText(f"{count_noun(len(findings), 'finding')} on {statements}: ", "place")]
        for severity in reversed(Severity):
            if severities[severity]:
                spans += [StyledText(f"{severities[severity]} {severity.value}", severity.value), StyledText(", ")]
        spans[-1] = StyledText(f"; {count_noun(grants, 'PassRole grant')} in {files}")
    elif error:
        spans = [StyledText(f"0 findings, {count_noun(grants, 'PassRole grant')} in {files}")]
    elif grants or not_shown or accepted:
        spans = [StyledText("no findings", "good"), StyledText(f"; {count_noun(grants, 'PassRole grant')} in {files}")]
    else:
        spans = [*_no_grants(result)]
    spans = [*after_error(error, spans)]
    suppressed = sum(finding.suppressed is not None for finding in result.findings)
    for count, description in (
        (suppressed, "suppressed"),
        (accepted, "in the baseline, not shown"),
        (len(not_shown), "below --severity, not shown"),
    ):
        if count:
            spans.append(StyledText(f"; {count} {description}"))
    return [*spans, *excluded_spans(result.excluded)]


def excluded_spans(excluded: Sequence[str]) -> Sequence[StyledText]:
    """Return the end of a summary: the number of excluded paths."""
    return (StyledText(f"; {excluded_summary(excluded)}"),) if excluded else ()
