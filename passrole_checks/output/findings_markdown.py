"""Findings as Markdown, short enough for a comment: a table by severity, then the findings, most severe first.

GitHub accepts comments of at most 65,536 characters; the documentation does not say whether these are code points or
UTF-16 units, so both are kept below :data:`BUDGET`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from passrole_checks.findings import Finding, Severity
from passrole_checks.output.counts import count_noun
from passrole_checks.output.finding_items import items_of
from passrole_checks.output.findings_text import scan_summary, to_plain_text
from passrole_checks.output.markdown_items import emphasize, finding_item, note_item
from passrole_checks.scan.baseline import Applied
from passrole_checks.scan.scanner import ScanResult
from passrole_checks.sources.model.configuration import Unreadable, without_faults

BUDGET = 60_000
_LIST_BUDGET = 8_000  # of it, for each list of notes and problems
_RESERVE = 200  # of it, for the lines that count omitted items


def scan_markdown(
    result: ScanResult,
    not_shown: Sequence[Finding] = (),
    baseline: Applied | None = None,
    configuration: Sequence[Unreadable] = (),
    *,
    quiet: bool = False,
    budget: int = BUDGET,
) -> str:
    """Return a Markdown page of at most ``budget`` characters, cut between findings, with a line that counts the
    others.

    Suppressed findings, ``not_shown`` (below ``--severity``) and those accepted by the ``baseline`` are only counted.
    ``configuration``: notes on what the configuration hides. ``quiet``: omit other notes.
    """
    findings = [finding for finding in result.findings if not finding.suppressed]
    head = [
        f"## {_title(findings, whole=not result.unreadable)}",
        "",
        *_table(findings),
        to_plain_text([scan_summary(result, not_shown, baseline)]),
    ]
    unread = [
        *_section("### Internal errors", result.faults),
        *_section("### Could not be read", without_faults(result.unreadable)),
    ]
    notes = _section("### Configuration", configuration)
    if not quiet:
        entries = [] if baseline is None else [Unreadable(baseline.path, words) for words in baseline.notes()]
        notes += _section("### Baseline", entries)
        notes += _section("### Not evaluated", result.not_evaluated)
    remaining = budget - sum(map(_utf16_length, (*head, *unread, *notes))) - _RESERVE
    return "\n".join((*head, *unread, *_findings(findings, remaining), *notes)).rstrip("\n") + "\n"


def _title(findings: Sequence[Finding], *, whole: bool) -> str:
    words = [count_noun(len(findings), "finding")] if findings else ["no findings"] if whole else []
    return f"iam:PassRole: {', '.join([*words, *([] if whole else ['scan incomplete'])])}"


def _table(findings: Sequence[Finding]) -> Iterator[str]:
    severities = Counter(finding.severity for finding in findings)
    if severities:
        yield from ("| severity | findings |", "|---|---|")
        yield from (
            f"| {emphasize(severity)} | {severities[severity]} |"
            for severity in reversed(Severity)
            if severities[severity]
        )
        yield ""


def _findings(findings: Sequence[Finding], remaining: int) -> Iterator[str]:
    """Yield one item per group by severity, most severe first, as many as fit."""
    items = items_of(findings)
    omitted: Counter[Severity] = Counter()
    for severity in reversed(Severity):
        heading = f"### {severity.value.capitalize()}"
        for item in (item for item in items if item.primary.severity is severity):
            lines = [heading, "", finding_item(item)] if heading else [finding_item(item)]
            size = sum(map(_utf16_length, lines))
            if size > remaining or omitted:  # omitted findings are never more severe than shown ones
                omitted.update(finding.severity for finding in (item.primary, *item.others))
                continue
            yield from lines
            heading, remaining = "", remaining - size
        if not heading:
            yield ""
    if omitted:
        words = ", ".join(
            f"{omitted[severity]} {severity.value}" for severity in reversed(Severity) if omitted[severity]
        )
        yield from (f"**{count_noun(sum(omitted.values()), 'more finding')}**: {words}.", "")


def _section(heading: str, entries: Sequence[Unreadable]) -> list[str]:
    if not entries:
        return []
    lines, budget = [heading, ""], _LIST_BUDGET
    for number, entry in enumerate(entries):
        line = note_item(entry)
        budget -= _utf16_length(line)
        if budget < 0:
            lines.append(f"- and {len(entries) - number} more")
            break
        lines.append(line)
    return [*lines, ""]


def _utf16_length(line: str) -> int:
    """Return the length of a line with its end in UTF-16 units, which is at least its number of code points."""
    return len(line.encode("utf-16-le", "surrogatepass")) // 2 + 1
