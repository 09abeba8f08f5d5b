"""Findings as GitHub Actions workflow commands, which become annotations of a run and of a pull request.

GitHub Docs, "Workflow commands for GitHub Actions" (``::error file=…,line=…,endLine=…,title=…::message``); escaping as
in ``@actions/core``. GitHub shows ten annotations of each kind per step.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from passrole_checks.escaping.markup import command_data, command_property
from passrole_checks.escaping.terminal import path_below
from passrole_checks.findings import Finding, Severity
from passrole_checks.scan.scanner import ScanResult
from passrole_checks.sources.model.configuration import Unreadable

MOST = 10  # annotations of each kind that GitHub shows per step
_COMMANDS = {Severity.HIGH: "error", Severity.MEDIUM: "warning", Severity.LOW: "notice", Severity.INFO: "notice"}


def scan_github(result: ScanResult, root: str | None = None) -> str:
    """Return one command per line: unreadable files, then findings, most severe first, ten of each kind; then a line
    that counts the others.

    Suppressed findings are omitted. ``root``: the folder of the repository.
    """
    return "".join(f"{line}\n" for line in _lines(result, root))


def _lines(result: ScanResult, root: str | None) -> Iterator[str]:
    findings = [finding for finding in result.findings if not finding.suppressed]
    written: Counter[str] = Counter()
    left_out: Counter[str] = Counter()
    for unreadable in result.unreadable:
        written["error"] += 1
        if written["error"] <= MOST:
            yield _unreadable(unreadable, root)
        else:
            left_out[_problem_title(unreadable)] += 1
    # primaries first: each cause is annotated before the other findings on it; stable within a severity
    for finding in sorted(findings, key=lambda finding: (-finding.severity.rank, not finding.primary)):
        command = _COMMANDS[finding.severity]
        written[command] += 1
        if written[command] <= MOST:
            yield _finding(finding, command, root)
        else:
            left_out[finding.severity.value] += 1
    if left_out:
        counts = ", ".join(f"{number} {title}" for title, number in left_out.items())
        yield f"{sum(left_out.values())} more without an annotation: {counts}"


def _finding(finding: Finding, command: str, root: str | None) -> str:
    at = finding.at
    lines = f"line={at.line}" + (f",endLine={at.end_line}" if at.end_line > at.line else "")
    file = command_property(path_below(at.file, root))
    title = command_property(f"{finding.check_id} {finding.name} ({finding.severity.value})")
    message = f"{finding.resource.address}: {finding.message}\nInstead: {finding.remediation}"
    return f"::{command} file={file},{lines},title={title}::{command_data(message)}"


def _unreadable(entry: Unreadable, root: str | None) -> str:
    line = f",line={entry.line}" if entry.line else ""
    file = command_property(path_below(entry.file, root))
    return f"::error file={file}{line},title={_problem_title(entry)}::{command_data(entry.reason)}"


def _problem_title(entry: Unreadable) -> str:
    return "internal error" if entry.fault else "could not be read"
