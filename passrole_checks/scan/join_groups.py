"""Join groups of findings at several positions that have one cause.

These are the causes that :func:`~passrole_checks.scan.merge_attachments.cause_of_finding` names; one role that several
principals reach by one statement; an administrator that only those can use who pass it to CloudFormation, beside the
finding on them; and access that another finding on the same principals includes.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence

from passrole_checks.findings import Finding
from passrole_checks.scan.included_access import find_included
from passrole_checks.scan.merge_attachments import cause_of_finding


def join_groups(
    findings: Sequence[Finding], primaries: Mapping[int, Finding], rank: Callable[[Finding], tuple[int, ...]]
) -> dict[int, Finding]:
    """Return the primary finding of each finding, by its id, once groups of one cause are joined.

    ``primaries``: the same before. ``rank``: a sort key that begins with severity and confidence; of the primaries of a
    joined group the first is primary, if severity and confidence are equal one that no other includes, and of equal
    ones the first of ``findings``.
    """
    heads = list({id(primary): primary for primary in map(primaries.__getitem__, map(id, findings))}.values())
    groups = {id(head): [number] for number, head in enumerate(heads)}

    def join(one: Finding, other: Finding) -> None:
        smaller, larger = sorted((groups[id(one)], groups[id(other)]), key=len)
        if smaller is not larger:
            larger += smaller
            groups.update((id(heads[number]), larger) for number in smaller)

    firsts: dict[Hashable, Finding] = {}
    for head in heads:
        for key in _causes(head):
            join(firsts.setdefault(key, head), head)
    reaching: dict[str, Finding] = {}
    for finding in findings:
        if finding.suppressed is None:
            for role in finding.reaches:
                reaching.setdefault(role, primaries[id(finding)])
    for head in heads:
        roles = head.reached_as if head.suppressed is None else ()
        if roles and all(role in reaching for role in roles):
            join(reaching[roles[0]], head)
    members: dict[int, list[Finding]] = {}
    for finding in findings:
        members.setdefault(id(primaries[id(finding)]), []).append(finding)
    included: set[int] = set()
    for wide, head in find_included(heads, members, rank):
        join(wide, head)
        included.add(id(head))

    def order(number: int) -> tuple[object, ...]:
        head = heads[number]
        return (*rank(head)[:2], id(head) in included, *rank(head)[2:], number)

    best = {id(numbers): heads[min(numbers, key=order)] for numbers in groups.values()}
    return {id(finding): best[id(groups[id(primaries[id(finding)])])] for finding in findings}


def _causes(head: Finding) -> Iterator[Hashable]:
    """Yield keys of which primary findings of one cause share one."""
    cause = cause_of_finding(head)
    if cause is not None:
        yield cause
    if head.suppressed is None:
        yield from ((head.at, head.managed, head.statement_path, role) for role in head.reaches)
