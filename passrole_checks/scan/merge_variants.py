"""Add to the analysis of a unit what only its variants have: the same unit with the values of a file."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import field, replace

from passrole_checks.findings import Confidence, Finding
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.path_conditions import PathCondition
from passrole_checks.scan.result import Analysis, LocatedGrant, ScannedUnit
from passrole_checks.sources.model.configuration import Suppression, Unreadable
from passrole_checks.sources.value_files.model import MAX_NAMES, SUBJECT, ValueFile, with_values_of


@dataclass
class _Added:
    """A finding or grant of a variant, and the labels of the files that add it."""

    item: Finding
    labels: list[str] = field(default_factory=list)


def with_variants(base: Analysis, variants: Sequence[tuple[ValueFile, ScannedUnit]]) -> Analysis:
    """Return an analysis with the findings and grants that its variants add, one for each statement."""
    analyses = [(file.label, scanned.analysis) for file, scanned in variants if scanned.analysis is not None]
    unused = [set(analysis.unused_suppressions) for _, analysis in analyses]
    read = (str(file.path) for file, scanned in variants if scanned.analysis is not None)
    problems = [problem for file, scanned in variants for problem in _problems(base, file, scanned)]
    return replace(
        base,
        findings=(*base.findings, *_added_findings(base, analyses)),
        grants=(*base.grants, *_added_grants(base, analyses)),
        unreadable=(*base.unreadable, *(problem for problem in problems if problem.fault)),
        not_evaluated=(*base.not_evaluated, *(problem for problem in problems if not problem.fault)),
        unused_suppressions=_unused_in_all(base.unused_suppressions, unused),
        files=tuple(dict.fromkeys((*base.files, *read))),
    )


def with_findings_of(base: Analysis, variants: Sequence[tuple[str, Analysis]]) -> Analysis:
    """Return an analysis with the findings that its variants add. ``variants``: with the label of the file of each."""
    return replace(base, findings=(*base.findings, *_added_findings(base, variants)))


def applies_with_value_file(finding: Finding) -> bool:
    """True if a finding applies only with the values of a file that no option names."""
    return any(assumption.subject == SUBJECT for when in finding.when for assumption in when)


def _unused_in_all(own: Iterable[Suppression], others: Sequence[set[Suppression]]) -> tuple[Suppression, ...]:
    return tuple(suppression for suppression in own if all(suppression in unused for unused in others))


def _problems(base: Analysis, file: ValueFile, scanned: ScannedUnit) -> Iterator[Unreadable]:
    """Yield what cannot be read with the values of a file; faults of this package as they are."""
    analysis = scanned.analysis
    found = [scanned.unreadable] if scanned.unreadable is not None else []
    found += [entry for entry in analysis.unreadable if entry not in base.unreadable] if analysis is not None else []
    for entry in found:
        yield entry if entry.fault else problem_with(file, entry)


def problem_with(file: ValueFile, problem: Unreadable) -> Unreadable:
    """Return the note on what cannot be read with the values of a file."""
    return replace(problem, reason=f"with the values of {file.label}: {problem.reason}")


def _added_findings(base: Analysis, variants: Iterable[tuple[str, Analysis]]) -> Iterator[Finding]:
    """Yield the findings that are missing, or less severe, without the variants: one for each check and statement."""
    known: dict[Hashable, int] = {}
    principals: dict[Hashable, set[str]] = {}
    for finding in base.findings:
        key = _key(finding)
        known[key] = max(known.get(key, 0), finding.severity.rank)
        principals.setdefault(key, set()).update(finding.who)
    added: dict[Hashable, _Added] = {}
    for label, analysis in variants:
        for finding in analysis.findings:
            key = _key(finding)
            if finding.severity.rank <= known.get(key, 0) and principals.get(key, set()).issuperset(finding.who):
                continue
            entry = added.setdefault(key, _Added(finding))
            if finding.severity.rank > entry.item.severity.rank:
                entry.item = finding
            if label not in entry.labels:
                entry.labels.append(label)
    yield from map(_finding_of, added.values())


def _key(finding: Finding) -> Hashable:
    """Return what is equal for the findings of one check on one statement."""
    within = finding.grant.statement.path if finding.grant is not None else ""
    return finding.check_id, finding.at, finding.managed or within, finding.suppressed is None


def _finding_of(entry: _Added) -> Finding:
    """Return the finding of a variant, which names the files. That one of them is deployed is not certain."""
    finding, labels = entry.item, entry.labels
    names = ", ".join(f"`{label}`" for label in labels[:MAX_NAMES])
    more = f" and {len(labels) - MAX_NAMES} more" if len(labels) > MAX_NAMES else ""
    confidence = finding.confidence if finding.confidence is Confidence.LOW else Confidence.MEDIUM
    return replace(
        finding,
        message=f"{finding.message} Applies with the values of {names}{more}.",
        confidence=confidence,
        when=with_files(finding.when, labels),
    )


def with_files(alternatives: tuple[PathCondition, ...], labels: Sequence[str]) -> tuple[PathCondition, ...]:
    """Return path conditions under which something applies only with the values of one of the files."""
    files = with_values_of(labels)
    return tuple((*when, files) for when in alternatives or ((),))


def _added_grants(base: Analysis, variants: Iterable[tuple[str, Analysis]]) -> Iterator[LocatedGrant]:
    """Yield the grants that differ from those without the variants in roles, services, principals or effect."""
    known = {_grant_key(located) for located in base.grants}
    added: dict[Hashable, tuple[LocatedGrant, list[str]]] = {}
    for label, analysis in variants:
        for located in analysis.grants:
            key = _grant_key(located)
            if key not in known:
                labels = added.setdefault(key, (located, []))[1]
                if label not in labels:
                    labels.append(label)
    for located, labels in added.values():
        yield replace(located, when=with_files(located.when, labels))


def _grant_key(located: LocatedGrant) -> Hashable:
    grant, address, effect = located.grant, located.resource.address, located.effect_on_passrole
    return grant.at, address, located.statement_path, located.principals, effect, grant.meaning
