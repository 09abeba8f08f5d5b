"""Group the findings of several checks on one statement and principal: one cause is one item.

The most severe finding of a group is its primary, which outputs for people show in full; the others are listed in it.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import replace

from passrole_checks.findings import Finding
from passrole_checks.scan.join_groups import join_groups
from passrole_checks.scan.merge_findings import part_of, shared_among

_CHECKS = tuple(
    f"PASSROLE_{number}" for number in ("001", "013", "008", "009", "016", "002", "003", "004", "006", "007", "014")
)
"""The checks whose findings are grouped; of equally severe and certain ones, the first names the cause best."""


def group_findings(findings: Iterable[Finding], *, across_positions: bool = False) -> tuple[Finding, ...]:
    """Return the findings with ``group`` and ``primary``, in their order; those that they had do not count.

    Call it again where some of them are left out, so that each group has its primary among those that are shown.
    ``across_positions``: join groups of one cause at several positions.
    """
    findings = list(findings)
    primaries: dict[int, Finding] = {}
    for statement in findings_by_statement(findings):
        for group in _groups(statement):
            primary = min(group, key=_rank)
            primaries.update((id(finding), primary) for finding in group)
    if across_positions:
        primaries = join_groups(findings, primaries, _by_badness)
    return tuple(
        replace(finding, group=primaries[id(finding)].fingerprint, primary=primaries[id(finding)] is finding)
        for finding in findings
    )


def findings_by_statement(findings: Sequence[Finding]) -> list[list[Finding]]:
    """Return the findings of each statement, both in order."""
    shared = shared_among(findings)
    statements: dict[Hashable, list[Finding]] = {}
    for finding in findings:
        statements.setdefault((finding.at, part_of(finding, shared), finding.framework), []).append(finding)
    return list(statements.values())


def by_rank(group: Iterable[Finding]) -> list[Finding]:
    """Return the findings of a group, its primary first, then the most severe ones."""
    return sorted(group, key=lambda finding: (not finding.primary, _rank(finding)))


def _groups(statement: Iterable[Finding]) -> Iterator[list[Finding]]:
    """Yield the groups of the findings of one statement: those that share principals, directly or through others.

    A finding without principals is about all of them. Suppressed findings are apart, as are those of other checks.
    """
    alike: dict[bool, list[Finding]] = {True: [], False: []}
    for finding in statement:
        if finding.check_id in _CHECKS:
            alike[finding.suppressed is None].append(finding)
        else:
            yield [finding]
    for findings in alike.values():
        groups: list[tuple[set[str], list[Finding]]] = []
        for finding in findings:
            names, members = set(finding.principals), [finding]
            apart = []
            for known, others in groups:
                if names and known and names.isdisjoint(known):
                    apart.append((known, others))
                else:
                    names, members = (names | known) if names and known else set(), others + members
            groups = [*apart, (names, members)]
        yield from (members for _, members in groups)


def _rank(finding: Finding) -> tuple[tuple[int, ...], str]:
    """Return a sort key: the first finding of a group in this order is its primary."""
    return _by_badness(finding), finding.fingerprint


def _by_badness(finding: Finding) -> tuple[int, ...]:
    order = _CHECKS.index(finding.check_id) if finding.check_id in _CHECKS else len(_CHECKS)
    return -finding.severity.rank, -finding.confidence.rank, order
