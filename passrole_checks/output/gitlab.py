"""Findings as a Code Quality report, which GitLab shows in merge requests.

GitLab Docs, "Code Quality", section "Code Quality report format": the keys, and the severities from info to blocker.
"""

from __future__ import annotations

from typing import Any

from passrole_checks.escaping.markup import json_text
from passrole_checks.escaping.terminal import below, harmless
from passrole_checks.findings import Finding, Severity
from passrole_checks.scan.fingerprint import digest
from passrole_checks.scan.scanner import ScanResult
from passrole_checks.sources.model.configuration import Unreadable

_SEVERITY = {Severity.HIGH: "critical", Severity.MEDIUM: "major", Severity.LOW: "minor", Severity.INFO: "info"}


def scan_gitlab(result: ScanResult, root: str | None = None) -> str:
    """A JSON list: files that could not be read, since a report without them would pass for a clean one, then the
    findings that are not suppressed. ``root``: the folder of the repository, which paths are relative to.

    GitLab takes entries of one fingerprint for one, so no two have the same.
    """
    findings = [finding for finding in result.findings if not finding.suppressed]
    entries = [_unreadable(entry, root) for entry in result.unreadable]
    entries += [_finding(finding, root) for finding in findings]
    return json_text(entries)


def _finding(finding: Finding, root: str | None) -> dict[str, Any]:
    words = f"{finding.resource.address}: {finding.message} Instead: {finding.remediation}"
    return {
        "description": harmless(" ".join(words.split())),
        "check_name": f"{finding.check_id} {finding.name}",
        "fingerprint": finding.fingerprint,
        "severity": _SEVERITY[finding.severity],
        "location": _location(finding.at.file, finding.at.line, root),
    }


def _unreadable(entry: Unreadable, root: str | None) -> dict[str, Any]:
    path = below(entry.file, root)
    kind, words = ("internal-error", "Not judged") if entry.fault else ("unreadable", "Could not be read")
    return {
        "description": harmless(f"{words}: {entry.reason}"),
        "check_name": kind,
        "fingerprint": digest(kind, path, str(entry.line), entry.reason),
        "severity": "blocker",
        "location": _location(entry.file, entry.line or 1, root),
    }


def _location(file: str, line: int, root: str | None) -> dict[str, Any]:
    return {"path": below(file, root), "lines": {"begin": line}}
