"""A scan as JUnit XML, in the form that Jenkins and GitLab read.

Each file is a suite with one case per check: a check with findings fails; suppressed findings are skipped. Elements and
attributes follow the schema of Jenkins' xUnit plugin (``junit-10.xsd``). GitLab ("Unit test reports") shows
``classname`` as the suite, ignores a second case of the same ``classname`` and ``name``, and shows a failure's text.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from xml.etree import ElementTree

from passrole_checks.checks.base.check import Check
from passrole_checks.escaping.markup import xml
from passrole_checks.escaping.terminal import display_path
from passrole_checks.findings import Finding
from passrole_checks.iam.grouped import grouped
from passrole_checks.scan.scanner import ScanResult
from passrole_checks.sources.model.configuration import Unreadable, without_faults

_KINDS = ("failure", "error", "skipped")


def scan_junit(
    result: ScanResult,
    checks: Iterable[type[Check]],
    accepted: Collection[Finding] = (),
    not_shown: Collection[Finding] = (),
    configuration: Sequence[Unreadable] = (),
) -> str:
    """Return one XML document. ``checks``: the checks that can report findings.

    Findings ``accepted`` by the baseline, ``not_shown`` (below ``--severity``) or suppressed are skipped. A file
    without PassRole grants has one case, and an unreadable file an error. Items that were not evaluated, and notes on
    what the ``configuration`` hides, are skipped cases.
    """
    names = {check.id: check.name for check in checks}
    silent = {finding.fingerprint: "in the baseline" for finding in accepted}
    silent |= {finding.fingerprint: "below --severity" for finding in not_shown}
    findings = grouped((display_path(one.at.file), one) for one in (*result.findings, *accepted, *not_shown))
    checked = {display_path(located.grant.at.file) for located in result.grants}
    unreadable, faults = _by_file(without_faults(result.unreadable)), _by_file(result.faults)
    primaries = {finding.group: finding for finding in result.findings if finding.primary}
    not_evaluated = _by_file([*result.not_evaluated, *configuration])
    root = ElementTree.Element("testsuites", name="passrole_checks")
    for file in sorted({*map(display_path, result.files), *findings, *checked, *unreadable, *faults, *not_evaluated}):
        suite = ElementTree.SubElement(root, "testsuite", name=xml(file))
        if file in unreadable:
            _add_notes(_case(suite, "can be read"), "error", unreadable[file])
        if file in faults:
            _add_notes(_case(suite, "is checked without an internal error"), "error", faults[file])
        if file in not_evaluated:
            _add_notes(_case(suite, "is evaluated"), "skipped", not_evaluated[file])
        by_check = grouped((finding.check_id, finding) for finding in findings.get(file, ()))
        none: dict[str, list[Finding]] = {check: [] for check in names} if file in checked else {}
        for check, check_findings in sorted((none | by_check).items()):
            name = check_findings[0].name if check_findings else names[check]
            _add_verdict(_case(suite, f"{check} {name}"), check_findings, silent, primaries)
        if not len(suite):
            _case(suite, "no PassRole grants")
        _set_suite_counts(suite)
    _set_total_counts(root)
    ElementTree.indent(root)
    # ASCII with character references is valid in every encoding
    document: bytes = ElementTree.tostring(root, encoding="us-ascii", xml_declaration=True)
    return document.decode("ascii").replace("##[", "#&#35;[") + "\n"  # must not become a workflow command


def _by_file(entries: Iterable[Unreadable]) -> dict[str, list[Unreadable]]:
    return grouped((display_path(entry.file), entry) for entry in entries)


def _case(suite: ElementTree.Element, name: str) -> ElementTree.Element:
    return ElementTree.SubElement(suite, "testcase", classname=suite.attrib["name"], name=name, time="0")


def _add_notes(case: ElementTree.Element, kind: str, entries: Sequence[Unreadable]) -> None:
    lines = [f"line {entry.line}: {entry.reason}" if entry.line else entry.reason for entry in entries]
    ElementTree.SubElement(case, kind, message=xml(lines[0].split("\n")[0])).text = xml("\n".join(lines))


def _add_verdict(
    case: ElementTree.Element, findings: Sequence[Finding], silent: Mapping[str, str], primaries: Mapping[str, Finding]
) -> None:
    """Fail or skip a case by the findings of one check in one file. ``silent`` maps fingerprints that must not fail it
    to reasons. ``primaries``: the primary findings by their groups.

    Adds one failure for all findings, since some readers accept only one per case.
    """
    failing = [finding for finding in findings if not finding.suppressed and finding.fingerprint not in silent]
    if failing:
        worst = max(failing, key=lambda finding: finding.severity.rank)
        more = f" (and {len(failing) - 1} more)" if len(failing) > 1 else ""
        message = xml(f"{' '.join(worst.message.split())}{more}")
        failure = ElementTree.SubElement(case, "failure", type=worst.severity.value, message=message)
        failure.text = xml("\n\n".join(_describe_finding(one, primaries) for one in failing))
    elif findings:
        suppressed = {finding.fingerprint: finding.suppressed.reason for finding in findings if finding.suppressed}
        reasons = [suppressed.get(finding.fingerprint, silent.get(finding.fingerprint, "")) for finding in findings]
        words = "; ".join(dict.fromkeys(reason or "suppressed without a reason" for reason in reasons))
        ElementTree.SubElement(case, "skipped", message=xml(" ".join(words.split())))


def _describe_finding(finding: Finding, primaries: Mapping[str, Finding]) -> str:
    location = f"{display_path(finding.at.file)}:{finding.at.line}"
    sid = f" {finding.sid}" if finding.sid else ""
    confidence = f"{finding.severity.value}, {finding.confidence.value} confidence"
    primary = primaries.get(finding.group, finding)
    cause = "" if finding.primary else f"\nSame cause as {primary.check_id} {primary.name}."
    return (
        f"{location} {finding.resource.address}{sid} ({confidence})\n{' '.join(finding.message.split())}\n"
        f"Instead: {' '.join(finding.remediation.split())}{cause}"
    )


def _set_suite_counts(suite: ElementTree.Element) -> None:
    failures, errors, skipped = (len(suite.findall(f"testcase/{kind}")) for kind in _KINDS)
    counts = {"tests": len(suite), "failures": failures, "errors": errors, "skipped": skipped}
    suite.attrib.update({name: str(number) for name, number in counts.items()})


def _set_total_counts(root: ElementTree.Element) -> None:
    """Set the counts of all suites; the schema has no ``skipped`` here."""
    for name in ("tests", "failures", "errors"):
        root.set(name, str(sum(int(suite.attrib[name]) for suite in root)))
