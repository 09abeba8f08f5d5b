"""Findings, notes and problems of a file as diagnostics of the protocol.

As in all output for people, findings with one cause are one item, shown at the most severe of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from lsprotocol import types

from passrole_checks.escaping.terminal import sanitize
from passrole_checks.findings import GUIDE, Finding, Severity, check_page_url
from passrole_checks.iam.values.nodes import Position
from passrole_checks.lsp.judged import Judged
from passrole_checks.lsp.positions import TextPositions
from passrole_checks.output.finding_items import FindingItem, label_of, others_in_short, statements_of
from passrole_checks.scan import suppressions

SOURCE = "passrole-checks"
_LEVELS = {
    Severity.HIGH: types.DiagnosticSeverity.Error,
    Severity.MEDIUM: types.DiagnosticSeverity.Warning,
    Severity.LOW: types.DiagnosticSeverity.Information,
    Severity.INFO: types.DiagnosticSeverity.Hint,
}
_MOST_NOTES = 100  # of one file

PositionsOf = Callable[[str], TextPositions]
"""Returns the positions in a file by its path."""
UriOf = Callable[[str], str]


def page_of(check_id: str) -> str:
    """Return the address of a check's page, or that of AWS's page while the documentation is not published."""
    return check_page_url(check_id) or GUIDE


def diagnostics_by_file(
    judged: Judged, positions: PositionsOf, uri: UriOf, *, with_related: bool
) -> dict[str, list[types.Diagnostic]]:
    """Return the diagnostics of a result by file. ``with_related``: the client shows related information."""
    found: dict[str, list[types.Diagnostic]] = {}
    open_findings = [finding for finding in judged.result.findings if finding.suppressed is None]
    for statement in statements_of(open_findings):
        for item in statement.items:
            at = item.primary.at
            one = _of_item(item, positions(at.file).range_of(at))
            if with_related:
                one.related_information = list(_related(judged, item.primary, positions, uri)) or None
            found.setdefault(at.file, []).append(one)
    for file, one in (*_of_suppressions(judged, positions), *_of_entries(judged, positions)):
        found.setdefault(file, []).append(one)
    for several in found.values():
        several.sort(key=lambda one: (one.range.start.line, one.range.start.character, one.severity or 0))
    return found


def _of_item(item: FindingItem, span: types.Range) -> types.Diagnostic:
    primary = item.primary
    lines = [
        f"{primary.name}: {_one_line(primary.message)}",
        f"Instead: {_one_line(primary.remediation)}",
        *(f"+ {_one_line(label)}: {_one_line(words)}" for label, words in others_in_short(item)),
    ]
    return types.Diagnostic(
        span,
        "\n".join(lines),
        severity=_LEVELS[primary.severity],
        code=primary.check_id,
        code_description=types.CodeDescription(page_of(primary.check_id)),
        source=SOURCE,
        data={"checks": sorted({one.check_id for one in (primary, *item.others)})},
    )


def _related(
    judged: Judged, finding: Finding, positions: PositionsOf, uri: UriOf
) -> Iterator[types.DiagnosticRelatedInformation]:
    for at, words in judged.related(finding):
        location = types.Location(uri(at.file), positions(at.file).range_of(at))
        yield types.DiagnosticRelatedInformation(location, _one_line(words))


def _of_suppressions(judged: Judged, positions: PositionsOf) -> Iterator[tuple[str, types.Diagnostic]]:
    """Yield suppressed findings, so that no comment hides one, and what is wrong with suppressions."""
    result = judged.result
    for finding in result.findings:
        if finding.suppressed is not None:
            words = f"suppressed, {_one_line(finding.suppressed.reason) or 'without a reason'}: {label_of(finding)}"
            span = positions(finding.at.file).range_of(finding.at)
            yield finding.at.file, _note(span, words, types.DiagnosticSeverity.Hint, finding.check_id)
    for at, words in suppressions.notes(result.findings, result.unused_suppressions):
        yield at.file, _note(positions(at.file).range_of(at), words, types.DiagnosticSeverity.Warning, "suppression")


def _of_entries(judged: Judged, positions: PositionsOf) -> Iterator[tuple[str, types.Diagnostic]]:
    """Yield what could not be read, as errors, and what was not evaluated, as hints."""
    for entry in judged.result.unreadable:
        span = positions(entry.file).range_of(Position(entry.file, entry.line or 1))
        words = f"internal error: {entry.reason}" if entry.fault else f"cannot be read: {entry.reason}"
        yield entry.file, _note(span, words, types.DiagnosticSeverity.Error, "unreadable")
    for entry in judged.result.not_evaluated[:_MOST_NOTES]:
        if entry.line:
            span = positions(entry.file).range_of(Position(entry.file, entry.line))
            words = f"not evaluated: {entry.reason}"
            yield entry.file, _note(span, words, types.DiagnosticSeverity.Hint, "not-evaluated")


def _note(span: types.Range, words: str, severity: types.DiagnosticSeverity, code: str) -> types.Diagnostic:
    return types.Diagnostic(span, _one_line(words), severity=severity, code=code, source=SOURCE)


def _one_line(words: str) -> str:
    return sanitize(" ".join(words.split()))
