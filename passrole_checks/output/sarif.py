"""SARIF 2.1.0, as code scanning services read it (OASIS, "Static Analysis Results Interchange Format")."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from passrole_checks import __version__
from passrole_checks.checks.base.check import Check
from passrole_checks.escaping.markup import json_text
from passrole_checks.escaping.terminal import sanitize, to_uri
from passrole_checks.findings import GUIDE, Finding, Severity, check_page_url
from passrole_checks.iam.values.nodes import Position
from passrole_checks.scan.baseline import Applied, BaselineEntry
from passrole_checks.scan.scanner import ScanResult
from passrole_checks.sources.model.configuration import Suppression, Unreadable

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
BASE = "SRCROOT"
CATEGORY = "passrole-checks/"  # the slash ends the category; a run's name may follow
FINGERPRINT = "passroleFinding/v1"
_LEVEL = {Severity.HIGH: "error", Severity.MEDIUM: "warning", Severity.LOW: "note", Severity.INFO: "note"}
# Code scanning services rank by this score: high from 7.0, medium from 4.0, otherwise low.
_SECURITY_SEVERITY = {Severity.HIGH: "8.0", Severity.MEDIUM: "5.0", Severity.LOW: "3.0", Severity.INFO: "1.0"}


def scan_sarif(
    result: ScanResult,
    checks: Iterable[type[Check]],
    baseline: Applied | None = None,
    configuration: Iterable[Unreadable] = (),
) -> str:
    """Return the findings of ``result`` as one SARIF run; ``checks`` become its rules.

    Suppressed findings are included with their suppression. With a ``baseline``, accepted findings are included as
    unchanged and suppressed externally, and all others are new. Unreadable files and internal errors are notifications
    of level ``error``, and the run is then unsuccessful. Missing modules and nested stacks, excluded paths, baseline
    entries that need attention, and notes on what the ``configuration`` hides are notifications of level ``note``.
    """
    rules, index = _rules(checks)
    notes = [*configuration]
    notes += [] if baseline is None else [Unreadable(baseline.path, words) for words in baseline.notes()]
    results = [_result(finding, index, "" if baseline is None else "new") for finding in result.findings]
    results += [_accepted(finding, entry, index) for finding, entry in baseline.accepted] if baseline else []
    return _log(result, rules, results, notes)


def review_sarif(
    result: ScanResult,
    checks: Iterable[type[Check]],
    states: Mapping[str, str],
    gone: Iterable[Finding],
    accepted: Iterable[tuple[Finding, BaselineEntry]],
    justified: Mapping[str, str] | None = None,
) -> str:
    """Return the findings of HEAD as one SARIF run, compared with BASE.

    ``states`` maps fingerprints to new, updated or unchanged. Findings of BASE that are ``gone`` are absent.
    ``accepted``: findings of HEAD accepted by a baseline, which are suppressed externally. ``justified`` maps the
    fingerprints of findings that an owner has accepted to who did and why; they are suppressed externally too.
    """
    rules, index = _rules(checks)
    results = [_result(finding, index, states.get(finding.fingerprint, "new")) for finding in result.findings]
    for finding, written in zip(result.findings, results, strict=True):
        if words := (justified or {}).get(finding.fingerprint):
            written["suppressions"] = [*written["suppressions"], _external_suppression(words)]
    for finding, entry in accepted:
        state = states.get(finding.fingerprint, "unchanged")
        results.append({**_accepted(finding, entry, index), "baselineState": state})
    current = {result["partialFingerprints"][FINGERPRINT] for result in results}
    results += [_result(finding, index, "absent") for finding in gone if finding.fingerprint not in current]
    return _log(result, rules, results, [])


def _rules(checks: Iterable[type[Check]]) -> tuple[list[dict[str, Any]], dict[str, int]]:
    rules = [_rule(check) for check in checks]
    return rules, {rule["id"]: number for number, rule in enumerate(rules)}


def _log(
    result: ScanResult, rules: Sequence[dict[str, Any]], results: Sequence[dict[str, Any]], notes: Sequence[Unreadable]
) -> str:
    excluded = (Unreadable(path, "excluded by --exclude or the configuration") for path in result.excluded)
    run = {
        "tool": {"driver": {"name": "passrole_checks", "semanticVersion": __version__, "rules": rules}},
        "automationDetails": {"id": CATEGORY},
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {BASE: {"description": {"text": "Working directory of passrole-checks."}}},
        "invocations": [
            {
                "executionSuccessful": not result.unreadable,
                **({"exitCode": 3 if result.faults else 2} if result.unreadable else {}),
                "toolExecutionNotifications": [
                    *_notifications(result.unreadable, "error"),
                    *_notifications([*result.not_evaluated, *notes, *excluded], "note"),
                ],
            }
        ],
        "results": results,
    }
    return json_text({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]})


def _rule(check: type[Check]) -> dict[str, Any]:
    page = check.documentation()
    return {
        "id": check.id,
        "name": "".join(word.capitalize() for word in check.name.split("-")),
        "shortDescription": {"text": check.title},
        "fullDescription": {"text": " ".join(page.split("\n\n")[0].split())},
        "help": {"text": page, "markdown": page},
        "helpUri": check_page_url(check.id) or GUIDE,
        "defaultConfiguration": {"level": _LEVEL[check.severity]},
        "properties": {"security-severity": _SECURITY_SEVERITY[check.severity], "tags": ["security", "aws", "iam"]},
    }


def _accepted(finding: Finding, entry: BaselineEntry, index: dict[str, int]) -> dict[str, Any]:
    words = f"In the baseline: {entry.reason}" if entry.reason else "In the baseline."
    return {**_result(finding, index, "unchanged"), "suppressions": [_external_suppression(words)]}


def _external_suppression(words: str) -> dict[str, str]:
    return {"kind": "external", "justification": sanitize(words)}


def _result(finding: Finding, index: dict[str, int], state: str = "") -> dict[str, Any]:
    rule = {"ruleIndex": index[finding.check_id]} if finding.check_id in index else {}
    return {
        "ruleId": finding.check_id,
        **rule,
        "level": _LEVEL[finding.severity],
        **({"baselineState": state} if state else {}),
        "message": {"text": _plain_message(f"{finding.message} Instead: {finding.remediation}")},
        "locations": [
            {
                **_location(finding.at),
                "logicalLocations": [{"fullyQualifiedName": use, "kind": "resource"} for use in finding.uses],
            }
        ],
        "partialFingerprints": {FINGERPRINT: finding.fingerprint},
        "suppressions": [_suppression(finding.suppressed)] if finding.suppressed else [],
        "properties": {
            "security-severity": _SECURITY_SEVERITY[finding.severity],
            "severity": finding.severity.value,
            "confidence": finding.confidence.value,
            "group": finding.group,
            "primary": finding.primary,
        },
    }


def _plain_message(words: str) -> str:
    """Return a message in which scanned text cannot form a link: ``[text](target)`` would be one (SARIF 2.1.0, 3.11.6
    "Messages with embedded links")."""
    return sanitize(" ".join(words.split())).replace("](", "] (")


def _location(at: Position) -> dict[str, Any]:
    region: dict[str, int] = {"startLine": at.line, "startColumn": at.column}
    if at.end_line >= at.line and at.end_column > 0:
        region |= {"endLine": at.end_line, "endColumn": at.end_column}
    return {"physicalLocation": {"artifactLocation": _artifact(at.file), "region": region}}


def _artifact(file: str) -> dict[str, Any]:
    address, relative = to_uri(file)
    return {"uri": address, "uriBaseId": BASE} if relative else {"uri": address}


def _suppression(suppression: Suppression) -> dict[str, Any]:
    return {
        "kind": "inSource",
        **({"justification": suppression.reason} if suppression.reason else {}),
        "location": _location(suppression.at),
    }


def _notifications(entries: Sequence[Unreadable], level: str) -> list[dict[str, Any]]:
    return [
        {
            "level": level,
            "message": {"text": _plain_message(entry.reason)},
            "locations": [
                {
                    "physicalLocation": {
                        "artifactLocation": _artifact(entry.file),
                        **({"region": {"startLine": entry.line}} if entry.line else {}),
                    }
                }
            ],
        }
        for entry in entries
    ]
