"""JSON of ``scan``, ``grants`` and ``diff``. The keys are a stable interface: add keys, never rename any."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from passrole_checks.escaping.markup import json_text
from passrole_checks.escaping.terminal import display_path
from passrole_checks.findings import Finding, Severity
from passrole_checks.output.counts import excluded_paths
from passrole_checks.scan.condition_words import condition_text
from passrole_checks.scan.group_findings import findings_by_statement
from passrole_checks.scan.result import statements_by_effect
from passrole_checks.sources.model.configuration import faults_in, without_faults

if TYPE_CHECKING:
    from passrole_checks.diff import AccessDifference, GrantChange
    from passrole_checks.git_versions import VersionPair
    from passrole_checks.iam.grants.grant import PassRoleGrant
    from passrole_checks.iam.values.nodes import Position
    from passrole_checks.scan.baseline import Applied, BaselineEntry
    from passrole_checks.scan.result import LocatedGrant, ScanResult
    from passrole_checks.sources.model.configuration import ResourceDefinition, Suppression, Unreadable

VERSION = 1
_GRANTS_VERSION = 2  # 2: an entry for each variant of a statement and for AWS managed policies


def scan_json(
    result: ScanResult,
    not_shown: Sequence[Finding] = (),
    baseline: Applied | None = None,
    configuration: Sequence[Unreadable] = (),
) -> str:
    """Return findings, unreadable files and a summary as one JSON document.

    Findings ``not_shown`` (below ``--severity``) and those accepted by the ``baseline`` are only counted; baseline
    entries that need attention are listed. ``configuration``: notes on what the configuration hides.
    """
    numbers = count_findings(result, not_shown)
    numbers["in_baseline"] = 0 if baseline is None else len(baseline.accepted)
    document = {
        "version": VERSION,
        "findings": [finding_entry(finding) for finding in result.findings],
        **unread_entries(result.unreadable, result.not_evaluated, result.excluded),
        "unused_suppressions": [suppression_entry(suppression) for suppression in result.unused_suppressions],
        "notes": problem_entries(configuration),
        "baseline": None
        if baseline is None
        else {
            "file": display_path(baseline.path),
            "expired": [_entry(entry) for entry in baseline.expired],
            "worse": [_entry(entry) for _, entry in baseline.worse],
            "unused": [_entry(entry) for entry in baseline.unused],
        },
        "summary": summary_entry(numbers),
    }
    return json_text(document)


def count_findings(result: ScanResult, not_shown: Sequence[Finding]) -> Counter[str]:
    """Return the numbers of the summary of a result by their keys, and of its findings by severity."""
    findings = [finding for finding in result.findings if not finding.suppressed]
    return Counter(
        files=len(result.files),
        grants=statements_by_effect(result.grants)["allow"],
        findings=len(findings),
        statements=len(findings_by_statement(findings)),
        groups=len({finding.group for finding in findings}),
        suppressed=len(result.findings) - len(findings),
        not_shown=len(not_shown),
        **Counter(finding.severity.value for finding in findings),
    )


def summary_entry(numbers: Counter[str]) -> dict[str, Any]:
    """Return the summary of the numbers that :func:`count_findings` returns."""
    names = ("files", "grants", "findings", "statements", "groups", "suppressed", "not_shown", "in_baseline")
    severities = {severity.value: numbers[severity.value] for severity in reversed(Severity)}
    return {**{name: numbers[name] for name in names}, "by_severity": severities}


def _entry(entry: BaselineEntry) -> dict[str, Any]:
    return {
        "fingerprint": entry.fingerprint,
        "check_id": entry.check_id,
        "file": entry.file,
        "resource": entry.resource,
        "severity": entry.severity.value,
        "reason": entry.reason,
        "expires": entry.expires.isoformat() if entry.expires else None,
    }


def grants_json(result: ScanResult, grants: Sequence[LocatedGrant]) -> str:
    """Return the inventory as one JSON document: ``grants``, and the files of ``result`` that could not be read."""
    entries = [_grant_entry(located) for located in grants]
    unread = unread_entries(result.unreadable, result.not_evaluated, result.excluded)
    return json_text({"version": _GRANTS_VERSION, "grants": entries, **unread})


def diff_json(difference: AccessDifference, compared: VersionPair | None = None) -> str:
    """Return the changes by kind as one JSON document; files that could not be read are among the items not evaluated.

    ``compared``: the versions, if they are versions of a repository.
    """
    groups = ("new", "widened", "narrowed", "removed", "moved")
    versions: dict[str, Any] = {}
    if compared is not None:
        base, head = ({"name": side.name, "id": side.id} for side in (compared.base, compared.head))
        versions = {"base": base, "head": head, "notes": list(compared.notes)}
    not_evaluated = [*without_faults(difference.unreadable), *difference.not_evaluated, *difference.standing]
    document = {
        "version": VERSION,
        **{name: [_change(change, name) for change in getattr(difference, name)] for name in groups},
        "unchanged": difference.unchanged,
        "faults": problem_entries(faults_in(difference.unreadable)),
        "not_evaluated": not_evaluated_entries(not_evaluated),
        "excluded": excluded_paths(difference.excluded),
        **versions,
    }
    return json_text(document)


def _change(change: GrantChange, group: str) -> dict[str, Any]:
    entry: dict[str, Any] = _grant_entry(change.grant)
    if group in ("new", "widened"):
        entry["severity"], entry["confidence"] = change.severity.value, change.confidence.value
        entry["message"] = change.message
    if change.before is not None:
        entry["before"] = _grant_entry(change.before)
    if change.cause is not None:
        entry["cause"] = {"file": display_path(change.cause.file), "line": change.cause.line}
        if change.cause_removed:
            entry["cause"]["removed"] = True  # the line is in the old version
    return entry


def finding_entry(finding: Finding) -> dict[str, Any]:
    """Return the JSON entry of a finding."""
    return {
        "check_id": finding.check_id,
        "name": finding.name,
        "severity": finding.severity.value,
        "confidence": finding.confidence.value,
        "message": finding.message,
        **_location(finding.at),
        "framework": finding.framework.value,
        "resource": finding.resource.address,
        "construct": finding.resource.construct or None,
        "uses": list(finding.uses),
        "principal": finding.principals[0] if len(finding.principals) == 1 else None,
        "principals": list(finding.principals),
        "statement_path": finding.statement_path,
        "sid": finding.sid,
        "grant": None
        if finding.grant is None
        else grant_entry(finding.grant, finding.resource, finding.statement_path, finding.principals),
        "fingerprint": finding.fingerprint,
        "group": finding.group,
        "primary": finding.primary,
        "suppressed": suppression_entry(finding.suppressed) if finding.suppressed else None,
        "remediation": finding.remediation,
        "when": condition_text(finding.when) or None,
        "off_by_default": finding.off_by_default,
    }


def _grant_entry(located: LocatedGrant) -> dict[str, Any]:
    entry = grant_entry(located.grant, located.resource, located.statement_path, located.principals)
    return {
        **entry,
        "effect_on_passrole": located.effect_on_passrole,
        "origin": located.origin,
        "managed_policy": located.managed or None,
        "when": condition_text(located.when) or None,
        "off_by_default": located.off_by_default,
    }


def grant_entry(
    grant: PassRoleGrant, resource: ResourceDefinition, statement_path: str, principals: Sequence[str]
) -> dict[str, Any]:
    """Return the JSON entry of a statement."""
    return {
        **_location(grant.at),
        "framework": resource.framework.value,
        "resource": resource.address,
        "construct": resource.construct or None,
        "statement_path": statement_path,
        "sid": grant.sid,
        "effect": grant.effect,
        "granted_by": grant.granted_by,
        "principals": list(principals),
        "scope": grant.scope.value,
        "not_resource": grant.complement,
        "roles": [{"pattern": str(role.pattern), "scope": role.scope.value} for role in grant.roles],
        "services": {"constraint": grant.services.constraint.value, "values": list(grant.services.values)},
        "associated_resource_arn": grant.associated_resource_arn,
        "resource_tag": grant.resource_tag,
        "other_conditions": list(grant.other_conditions),
        "denied": grant.denied,
    }


def _location(at: Position) -> dict[str, Any]:
    return {"file": display_path(at.file), "line": at.line, "end_line": max(at.line, at.end_line)}


def suppression_entry(suppression: Suppression) -> dict[str, Any]:
    """Return the JSON entry of a suppression."""
    return {
        "check_id": suppression.check_id,
        "reason": suppression.reason,
        "file": display_path(suppression.at.file),
        "line": suppression.at.line,
        "origin": suppression.origin,
    }


def unread_entries(
    unreadable: Collection[Unreadable], not_evaluated: Iterable[Unreadable], excluded: Sequence[str]
) -> dict[str, Any]:
    """Return the JSON of what could not be read or was not evaluated, and of what was excluded, by key."""
    return {
        "unreadable": problem_entries(without_faults(unreadable)),
        "faults": problem_entries(faults_in(unreadable)),
        "not_evaluated": not_evaluated_entries(not_evaluated),
        "excluded": excluded_paths(excluded),
    }


def not_evaluated_entries(entries: Iterable[Unreadable]) -> list[dict[str, Any]]:
    """Return JSON entries of code that was not evaluated."""
    entries = list(entries)
    return [{**entry, "kind": of.kind.value} for entry, of in zip(problem_entries(entries), entries, strict=True)]


def problem_entries(entries: Iterable[Unreadable]) -> list[dict[str, Any]]:
    """Return JSON entries of files that could not be read."""
    return [{"file": display_path(entry.file), "line": entry.line or None, "reason": entry.reason} for entry in entries]
