"""Add to the analysis of a unit what only its variants have: the same unit with the values of a file."""

from __future__ import annotations

from collections.abc import Container, Hashable, Iterable, Iterator, Sequence
from dataclasses import replace

from passrole_checks.findings import Confidence, Finding
from passrole_checks.scan.result import Analysis, LocatedGrant
from passrole_checks.sources.model.configuration import Unreadable, faults_in, without_faults
from passrole_checks.sources.value_file import MAX_NAMES, SUBJECT, ValueFile, added_by_files, with_files


def with_variants(base: Analysis, variants: Sequence[tuple[ValueFile, Analysis]]) -> Analysis:
    """Return an analysis with the findings and grants that its variants add, one for each statement.

    A variant that could not be read has no files.
    """
    if not variants:
        return base
    read = [(file, analysis) for file, analysis in variants if analysis.files]
    analyses = [(file.label, analysis) for file, analysis in read]
    problems = [
        problem for file, found in variants for problem in problems_with(file, found.unreadable, base.unreadable)
    ]
    return replace(
        with_findings_of(base, analyses),
        grants=tuple(_with_added_grants(base, analyses)),
        unreadable=(*base.unreadable, *faults_in(problems)),
        not_evaluated=(*base.not_evaluated, *without_faults(problems)),
        unused_suppressions=tuple(
            suppression
            for suppression in base.unused_suppressions
            if all(suppression in analysis.unused_suppressions for _, analysis in read)
        ),
        files=tuple(dict.fromkeys((*base.files, *(file.path for file, _ in read)))),
    )


def _with_added_grants(base: Analysis, variants: Iterable[tuple[str, Analysis]]) -> Iterator[LocatedGrant]:
    """Yield the grants of an analysis, and those that its variants add or switch on instead."""
    known = set(map(_grant_key, base.grants))
    switched_on = {_grant_key(grant) for grant in base.grants if not grant.off_by_default}
    new = (
        (label, [one for one in found.grants if _grant_key(one) not in (known if one.off_by_default else switched_on)])
        for label, found in variants
    )
    added = list(added_by_files((), new, _grant_key))
    in_files = {_grant_key(same[0]) for same, _ in added}
    yield from (grant for grant in base.grants if not (grant.off_by_default and _grant_key(grant) in in_files))
    yield from (replace(same[0], when=with_files(same[0].when, labels)) for same, labels in added)


def with_findings_of(base: Analysis, variants: Sequence[tuple[str, Analysis]]) -> Analysis:
    """Return an analysis with the findings that its variants add. ``variants``: with the label of the file of each."""
    added = list(_added_findings(base, variants))
    in_files = set(map(_key, added))
    kept = (one for one in base.findings if not (one.off_by_default and _key(one) in in_files))
    return replace(base, findings=(*kept, *added))


def applies_with_value_file(finding: Finding) -> bool:
    """True if a finding applies only with the values of a file that no option names."""
    return any(assumption.subject == SUBJECT for when in finding.when for assumption in when)


def problems_with(file: ValueFile, entries: Iterable[Unreadable], known: Container[Unreadable]) -> Iterator[Unreadable]:
    """Yield a note on what cannot be read with the values of a file only; faults of this package as they are."""
    for entry in entries:
        if entry not in known:
            reason = f"with the values of {file.label}: {entry.reason}"
            yield entry if entry.fault else replace(entry, reason=reason)


def _added_findings(base: Analysis, variants: Iterable[tuple[str, Analysis]]) -> Iterator[Finding]:
    """Yield the findings that are missing, or less severe, without the variants: one for each check and statement."""
    known: dict[Hashable, int] = {}
    principals: dict[Hashable, set[str]] = {}
    for finding in base.findings:
        key = _key(finding)
        known[key] = max(known.get(key, 0), finding.severity.rank)
        principals.setdefault(key, set()).update(finding.details.who)

    def is_new(finding: Finding) -> bool:
        key = _key(finding)
        return finding.severity.rank > known.get(key, 0) or not principals.get(key, set()).issuperset(
            finding.details.who
        )

    found = ((label, filter(is_new, analysis.findings)) for label, analysis in variants)
    for same, labels in added_by_files((), found, _key):
        yield _finding_of(max(same, key=lambda finding: finding.severity.rank), labels)


def _key(finding: Finding) -> Hashable:
    """Return what is equal for the findings of one check on one statement."""
    within = finding.grant.statement.path if finding.grant is not None else ""
    return finding.check_id, finding.at, finding.details.managed or within, finding.suppressed is None


def _finding_of(finding: Finding, labels: Sequence[str]) -> Finding:
    """Return the finding of a variant, which names the files. That one of them is deployed is not certain."""
    names = ", ".join(f"`{label}`" for label in labels[:MAX_NAMES])
    more = f" and {len(labels) - MAX_NAMES} more" if len(labels) > MAX_NAMES else ""
    confidence = finding.confidence if finding.confidence is Confidence.LOW else Confidence.MEDIUM
    return replace(
        finding,
        message=f"{finding.message} Applies with the values of {names}{more}.",
        confidence=confidence,
        when=with_files(finding.when, labels),
    )


def _grant_key(located: LocatedGrant) -> Hashable:
    grant, address, effect = located.grant, located.resource.address, located.effect_on_passrole
    return grant.at, address, located.statement_path, located.principals, effect, grant.meaning
