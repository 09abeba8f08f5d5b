"""Join groups of findings at several positions that have one cause.

These are the causes that :func:`~passrole_checks.scan.merge_attachments.cause_of_finding` names; copies of a statement
in sibling folders; one role that several principals reach by one statement, or what one statement lets several
principals do; a role that can pass any role and that only
those can use who pass it to CloudFormation, beside the finding on them; and access that another finding on the same
principals includes.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence

from passrole_checks.findings import Finding
from passrole_checks.scan.included_access import ACCESS_CHECKS, find_wider
from passrole_checks.scan.merge_attachments import cause_of_finding, is_of_statements
from passrole_checks.scan.statement_copies import keys_of_copies


def join_groups(
    findings: Sequence[Finding], primaries: Mapping[int, Finding], rank: Callable[[Finding], tuple[int, ...]]
) -> dict[int, Finding]:
    """Return the primary finding of each finding, by its id, once groups of one cause are joined.

    ``primaries``: the same before. ``rank``: a sort key that begins with severity and confidence; of the primaries of a
    joined group the first is primary, and of equal ones the first of ``findings``; of two of one severity, the one on
    those who pass a role to CloudFormation before the one on that role. Access that another finding includes
    is in its group alone, and joins no others by their causes.
    """
    heads = list({id(primary): primary for primary in map(primaries.__getitem__, map(id, findings))}.values())
    wider = _wider_heads(findings, primaries, heads, rank)
    groups = {id(head): [number] for number, head in enumerate(heads) if id(head) not in wider}

    def group_of(head: Finding) -> list[int]:
        return groups[id(wider.get(id(head), head))]

    def join(one: Finding, other: Finding) -> None:
        smaller, larger = sorted((group_of(one), group_of(other)), key=len)
        if smaller is not larger:
            larger += smaller
            groups.update((id(heads[number]), larger) for number in smaller)

    firsts: dict[Hashable, Finding] = {}
    for head in heads:
        for key in _causes(head) if id(head) not in wider else ():
            join(firsts.setdefault(key, head), head)
    for finding in findings:
        head = primaries[id(finding)]
        if is_of_statements(finding) and finding.severity is head.severity and id(head) not in wider:
            join(firsts.setdefault(cause_of_finding(finding), head), head)
    reaching: dict[str, Finding] = {}
    reached: set[int] = set()
    for finding in findings:
        if finding.suppressed is None:
            for role in finding.details.reaches:
                reaching.setdefault(role, primaries[id(finding)])
    for head in heads:
        roles = head.details.reached_as if head.suppressed is None and id(head) not in wider else ()
        if roles and all(role in reaching for role in roles):
            join(reaching[roles[0]], head)
            reached.add(id(head))

    def order(number: int) -> tuple[object, ...]:
        severity, *others = rank(heads[number])
        return severity, id(heads[number]) in reached, others, number

    best = {
        id(numbers): heads[min(numbers, key=order)]
        for numbers in {id(numbers): numbers for numbers in groups.values()}.values()
    }
    return {id(finding): best[id(group_of(primaries[id(finding)]))] for finding in findings}


def _wider_heads(
    findings: Sequence[Finding],
    primaries: Mapping[int, Finding],
    heads: Sequence[Finding],
    rank: Callable[[Finding], tuple[int, ...]],
) -> dict[int, Finding]:
    """Return for each primary finding that others include, by its id, one of these that no other includes."""
    members: dict[int, list[Finding]] = {}
    for finding in findings:
        members.setdefault(id(primaries[id(finding)]), []).append(finding)
    return find_wider(heads, members, rank)


def _causes(head: Finding) -> Iterator[Hashable]:
    """Yield keys of which primary findings of one cause share one."""
    yield cause_of_finding(head)
    yield from keys_of_copies(head)
    if head.suppressed is None:
        yield from ((head.at, head.details.managed, head.statement_path, role) for role in head.details.reaches)
    if head.suppressed is None and head.check_id in ACCESS_CHECKS:
        yield "statement", head.at, head.details.managed, head.statement_path
