"""JSON lines of ``scan``: one object on each line, written while the scan runs. The keys are a stable interface.

``type`` says what an object is. The last one is the summary; output without it is incomplete.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from passrole_checks.escaping.markup import json_line
from passrole_checks.findings import Finding
from passrole_checks.output.counts import excluded_paths
from passrole_checks.output.json_output import (
    VERSION,
    count_findings,
    finding_entry,
    not_evaluated_entries,
    problem_entries,
    summary_entry,
    suppression_entry,
)
from passrole_checks.sources.model.configuration import without_faults

if TYPE_CHECKING:
    from passrole_checks.scan.result import ScanResult
    from passrole_checks.sources.model.configuration import Unreadable


class JsonLines:
    """The lines of a scan, result by result, and the numbers for its summary."""

    def __init__(self) -> None:
        self._numbers = Counter[str]()

    def of_result(self, result: ScanResult, not_shown: Sequence[Finding] = ()) -> str:
        """Return the lines for a part of what was scanned. Findings ``not_shown`` (below ``--severity``) are only
        counted."""
        self._numbers += count_findings(result, not_shown)
        return "".join(_lines(result))

    def of_rest(self, result: ScanResult, configuration: Sequence[Unreadable] = ()) -> str:
        """Return the lines for what concerns the whole scan, and the summary. ``configuration``: notes on what the
        configuration hides."""
        summary = {"version": VERSION, **summary_entry(self._numbers)}
        return "".join(
            [*_lines(result), *_typed("note", problem_entries(configuration)), *_typed("summary", [summary])]
        )


def _lines(result: ScanResult) -> Iterator[str]:
    yield from _typed("finding", map(finding_entry, result.findings))
    yield from _typed("unreadable", problem_entries(without_faults(result.unreadable)))
    yield from _typed("fault", problem_entries(result.faults))
    yield from _typed("not_evaluated", not_evaluated_entries(result.not_evaluated))
    yield from _typed("excluded", ({"file": path} for path in excluded_paths(result.excluded)))
    yield from _typed("unused_suppression", map(suppression_entry, result.unused_suppressions))


def _typed(kind: str, entries: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    return (json_line({"type": kind, **entry}) for entry in entries)
