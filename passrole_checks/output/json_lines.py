"""JSON lines of ``scan``: one object on each line, written while the scan runs. The keys are a stable interface.

``type`` says what an object is. The last one is the summary; output without it is incomplete.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from passrole_checks.escaping.markup import json_line
from passrole_checks.findings import Finding, Severity
from passrole_checks.output.excluded_files import excluded_paths
from passrole_checks.output.json_output import (
    VERSION,
    finding_entry,
    not_evaluated_entries,
    problem_entries,
    suppression_entry,
)
from passrole_checks.scan.group_findings import findings_by_statement
from passrole_checks.scan.result import statements_by_effect
from passrole_checks.sources.model.configuration import without_faults

if TYPE_CHECKING:
    from passrole_checks.scan.result import ScanResult
    from passrole_checks.sources.model.configuration import Unreadable


class JsonLines:
    """The lines of a scan, result by result, and the numbers for its summary."""

    def __init__(self) -> None:
        self._numbers = Counter[str]()
        self._severities = Counter[Severity]()

    def of_result(self, result: ScanResult, not_shown: Sequence[Finding] = ()) -> str:
        """Return the lines for a part of what was scanned. Findings ``not_shown`` (below ``--severity``) are only
        counted."""
        open_findings = [finding for finding in result.findings if not finding.suppressed]
        self._severities.update(finding.severity for finding in open_findings)
        self._numbers.update(
            files=len(result.files),
            grants=statements_by_effect(result.grants)["allow"],
            findings=len(open_findings),
            statements=len(findings_by_statement(open_findings)),
            groups=len({finding.group for finding in open_findings}),
            suppressed=len(result.findings) - len(open_findings),
            not_shown=len(not_shown),
        )
        return "".join(_lines(result))

    def of_rest(self, result: ScanResult, configuration: Sequence[Unreadable] = ()) -> str:
        """Return the lines for what concerns the whole scan, and the summary. ``configuration``: notes on what the
        configuration hides."""
        names = ("files", "grants", "findings", "statements", "groups", "suppressed", "not_shown", "in_baseline")
        summary = {
            "version": VERSION,
            **{name: self._numbers[name] for name in names},
            "by_severity": {severity.value: self._severities[severity] for severity in reversed(Severity)},
        }
        lines = [*_lines(result), *_typed("note", problem_entries(configuration)), *_typed("summary", [summary])]
        return "".join(lines)


def _lines(result: ScanResult) -> Iterator[str]:
    yield from _typed("finding", map(finding_entry, result.findings))
    yield from _typed("unreadable", problem_entries(without_faults(result.unreadable)))
    yield from _typed("fault", problem_entries(result.faults))
    yield from _typed("not_evaluated", not_evaluated_entries(result.not_evaluated))
    yield from _typed("excluded", ({"file": path} for path in excluded_paths(result.excluded)))
    yield from _typed("unused_suppression", map(suppression_entry, result.unused_suppressions))


def _typed(kind: str, entries: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    return (json_line({"type": kind, **entry}) for entry in entries)
