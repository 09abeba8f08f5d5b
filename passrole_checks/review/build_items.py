"""What is new about each statement of HEAD, in one item: findings and access that BASE does not have."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from passrole_checks.diff import AccessDifference, GrantChange
from passrole_checks.findings import Confidence, Finding, Severity
from passrole_checks.iam.grants.grant import PassRoleGrant
from passrole_checks.iam.partial_values import Position
from passrole_checks.review.matching import Names, is_still_said, matched, were_at
from passrole_checks.review.report import Fixed, GrantedAccess, Item, Less, Location, More, Remark
from passrole_checks.scan.fingerprint import digest
from passrole_checks.sources.model.configuration import Framework, ResourceDefinition, Unreadable, faults_in

NEW_ACCESS = "PASSROLE_015"
UNRESOLVED = "PASSROLE_014"
_KEY = "passroleItem/1"
_ASK = "Make sure that this is wanted. If it is not, leave the access as it was."
_Where = tuple[Position, str]


@dataclass(frozen=True, slots=True)
class Thresholds:
    """What is asked for: the least ``severity`` and ``confidence`` of what is told, and whether access that is new is
    (``new_access``). ``silenced``: fingerprints that a baseline accepts, of BASE and of HEAD."""

    severity: Severity = Severity.LOW
    confidence: Confidence = Confidence.LOW
    new_access: bool = True
    silenced: tuple[frozenset[str], frozenset[str]] = (frozenset(), frozenset())

    def shows(self, severity: Severity, confidence: Confidence) -> bool:
        return severity.rank >= self.severity.rank and confidence.rank >= self.confidence.rank


@dataclass(frozen=True, slots=True)
class Told:
    """An item, with what it is made of, in the files as they are laid out. ``findings``: all of the statement that are
    not silenced, those that BASE has too included. ``before``: where it stood in BASE. ``shares_place``: others stand
    in the same place, as in a JSON text whose layout is not known. ``mark``: what its key is made of."""

    item: Item
    findings: tuple[Finding, ...]
    at: Position
    before: Position | None
    shares_place: bool = False
    mark: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ReviewState:
    """``told`` are the items, worst first. ``states``: for the fingerprints of HEAD's findings ``new``, ``updated``
    (there before, in a statement that is written otherwise now, or less severe) or ``unchanged``; ``gone``: BASE's
    findings that HEAD does not have. ``more``: access that grows in statements that are no items."""

    told: tuple[Told, ...]
    fixed: tuple[Fixed, ...]
    less: tuple[Less, ...]
    unchanged: int
    states: Mapping[str, str]
    gone: tuple[Finding, ...]
    more: tuple[More, ...] = ()

    @property
    def marks(self) -> Counter[tuple[str, ...]]:
        """How often something is wrong with a statement, told apart from others as far as that is sure to stay."""
        return Counter(one.mark for one in self.told)


def judged(
    difference: AccessDifference,
    asked: Thresholds,
    name: Callable[[str], str],
    renames: Mapping[str, str],
    is_old: Callable[[Unreadable], bool],
) -> ReviewState:
    """What of a difference (with its ``scans``) is to be told. ``name``: how a file that is laid out is called in its
    version; ``renames``: the names that files of BASE have in HEAD, where they differ; ``is_old``: whether what cannot
    be read is of BASE."""
    assert difference.scans is not None
    names = Names(lambda file: renames.get(name(file), name(file)), name, dict(difference.renamed))
    return _Judging(difference, asked, name, names, is_old).result()


class _Judging:
    def __init__(
        self,
        difference: AccessDifference,
        asked: Thresholds,
        name: Callable[[str], str],
        names: Names,
        is_old: Callable[[Unreadable], bool],
    ) -> None:
        assert difference.scans is not None
        self._unreadable_before = [entry for entry in difference.unreadable if is_old(entry)]
        self._difference, self._asked, self._name, self._names = difference, asked, name, names
        self._old, self._new = difference.scans
        self._changes: dict[_Where, list[tuple[str, GrantChange]]] = {}
        for group, changes in (("new", difference.new), ("widened", difference.widened)):
            for change in changes:
                self._changes.setdefault((change.grant.grant.at, change.grant.statement_path), []).append(
                    (group, change)
                )
        self._before = self._counterparts()
        open_before = [one for one in self._old.findings if self._is_open(one, 0)]
        self._open = [one for one in self._new.findings if self._is_open(one, 1)]
        self._matched = matched(open_before, self._open, names, self._counterpart, self._has_grown)
        self._told_gone = [one for one in self._matched.gone if self._shows(one)]
        self._groups = [self._group_of(number, finding) for number, finding in enumerate(self._open)]

    def _is_open(self, finding: Finding, side: int) -> bool:
        return finding.suppressed is None and finding.fingerprint not in self._asked.silenced[side]

    def _counterparts(self) -> dict[_Where, _Where]:
        found: dict[_Where, _Where] = {}
        changes = self._difference
        for change in (*changes.new, *changes.widened, *changes.narrowed, *changes.moved):
            if change.before is not None:
                now = change.grant.grant.at, change.grant.statement_path
                found.setdefault(now, (change.before.grant.at, change.before.statement_path))
        return found

    def _counterpart(self, finding: Finding) -> _Where | None:
        return self._before.get((finding.at, finding.statement_path))

    def _has_grown(self, finding: Finding) -> bool:
        return (finding.at, finding.statement_path) in self._changes

    # -- the result

    def result(self) -> ReviewState:
        statements = [(one, self._told(one)) for one in self._statements()]
        more = [self._more(statement) for statement, item in statements if item is None]
        told = [item for _, item in statements if item is not None]
        told = sorted(_with_keys(told, self._name), key=_order)
        counted = sum(
            self._shows(finding) and not group for finding, group in zip(self._open, self._groups, strict=True)
        )
        gone = [one for one in self._matched.gone if not self._is_hidden(one.at, one.framework)]
        fixed = [
            self._fixed(one)
            for one in gone
            if self._shows(one) and not is_still_said(one, self._open, self._names, self._counterpart)
        ]
        less = [
            self._less(group, change)
            for group, changes in (("narrowed", self._difference.narrowed), ("removed", self._difference.removed))
            for change in changes
            if not self._is_hidden((change.before or change.grant).grant.at, change.grant.resource.framework)
        ]
        less = [one for one in less if one.after != one.before]  # a role of another name: there is nothing to show
        return ReviewState(
            tuple(told), tuple(fixed), tuple(less), counted, self._states(), tuple(gone), _in_order(more)
        )

    def _shows(self, finding: Finding) -> bool:
        return self._asked.shows(finding.severity, finding.confidence)

    def _group_of(self, number: int, finding: Finding) -> str:
        """``new`` or ``worse``, or nothing where the finding was there before."""
        found = self._matched
        if number in found.pairs:
            return "worse" if finding.severity.rank > found.pairs[number].severity.rank else ""
        if number in found.unsaid:
            return ""
        return "worse" if were_at(self._told_gone, finding, self._names, self._counterpart) else "new"

    def _is_hidden(self, at: Position, framework: Framework, unreadable: Sequence[Unreadable] | None = None) -> bool:
        """Whether something may only seem to be gone, because a file that it may stand in cannot be read, or was not
        judged in full."""
        unreadable = self._difference.unreadable if unreadable is None else unreadable
        files = {self._name(entry.file) for entry in unreadable}
        if not files:
            return False
        if faults_in(unreadable):
            return True
        file = self._names.old(at.file)
        return file in files or (
            framework is Framework.TERRAFORM and any(".tf" in one or ".tofu" in one for one in files)
        )

    def _states(self) -> dict[str, str]:
        """Silenced findings have their states too: those that they would have without that."""
        states = {}
        for number, finding in enumerate(self._open):
            group = self._groups[number]
            stood = number in self._matched.pairs or number in self._matched.unsaid
            updated = bool(group) or number in self._matched.reworded or number in self._matched.unsaid
            states[finding.fingerprint] = "new" if not stood else "updated" if updated else "unchanged"
        silenced = [one for one in self._new.findings if one.fingerprint not in states]
        if silenced:
            others = matched(self._old.findings, silenced, self._names, self._counterpart, self._has_grown)
            for number, finding in enumerate(silenced):
                was = "updated" if number in others.reworded else "unchanged"
                states[finding.fingerprint] = was if number in others.pairs else "new"
        return states

    # -- statements

    def _statements(self) -> Iterator[_Statement]:
        """All statements of HEAD of which something is found or that give more than before."""
        numbered = [(number, finding) for number, finding in enumerate(self._open)]
        changes = [(where, group, change) for where, listed in self._changes.items() for group, change in listed]
        shared = _shared(
            [
                *((one.at, one.statement_path, one.grant) for _, one in numbered if not one.managed),
                *((where[0], where[1], change.grant.grant) for where, _, change in changes),
            ]
        )
        found: dict[Hashable, _Statement] = {}
        for number, finding in numbered:
            within = finding.managed or (finding.statement_path if finding.at in shared else "")
            statement = found.setdefault((finding.at, within), _Statement(finding.at))
            statement.findings.append((number, finding))
        for where, group, change in changes:
            within = where[1] if where[0] in shared else ""
            found.setdefault((where[0], within), _Statement(where[0])).changes.append((group, change))
        for statement in found.values():
            statement.shares_place = statement.at in shared
            yield statement

    def _told(self, statement: _Statement) -> Told | None:
        groups = {number: self._groups[number] for number, _ in statement.findings}
        stood = any(groups[number] != "new" and self._shows(finding) for number, finding in statement.findings)
        remarks = [
            ("worse" if stood else groups[number], _remark(finding))
            for number, finding in statement.findings
            if groups[number] and self._shows(finding)
        ]
        changes = [(group, change) for group, change in statement.changes if not change.suppressed]
        for _, change in sorted(changes, key=lambda one: -one[1].severity.rank)[:1]:
            if self._asked.new_access and self._asked.shows(change.severity, change.confidence):
                remark = Remark(NEW_ACCESS, "new-access", change.severity, change.confidence, change.message, _ASK)
                remarks = [
                    one for one in remarks if one[1].check_id != NEW_ACCESS
                ]  # what a plan says of its own change
                remarks.append(("worse" if stood else "new", remark))
        if self._is_hidden(statement.at, statement.resource[0].framework):
            remarks = [one for one in remarks if one[1].check_id != UNRESOLVED]  # what is not known stands in that file
        if not remarks:
            return None
        said = tuple(remark for _, remark in sorted(remarks, key=lambda one: (-one[1].severity.rank, one[1].check_id)))
        resource, sid = statement.resource
        uses = [use for _, finding in statement.findings for use in finding.uses]
        uses += [change.grant.resource.address for _, change in changes]
        cause = next((change for _, change in changes if change.cause is not None), None)
        access, before = self._access(statement, changes)
        item = Item(
            key="",
            group="worse" if any(group == "worse" for group, _ in remarks) else "new",
            change="" if not changes else "widened" if all(group == "widened" for group, _ in changes) else "new",
            severity=max((one.severity for one in said), key=lambda one: one.rank),
            confidence=max((one.confidence for one in said), key=lambda one: one.rank),
            at=self._place(statement.at),
            framework=resource.framework.value,
            resource=resource.address,
            uses=tuple(dict.fromkeys([resource.address, *uses])),
            sid=sid or "",
            remarks=said,
            access=access,
            before=before,
            cause=self._place(cause.cause) if cause is not None and cause.cause is not None else None,
            cause_removed=cause is not None and cause.cause_removed,
        )
        before_at = next((change.before.grant.at for _, change in changes if change.before is not None), None)
        for number, _ in statement.findings:
            other = self._matched.pairs.get(number)
            before_at = before_at or (other.at if other is not None else None)
        findings = tuple(finding for _, finding in statement.findings)
        return Told(item, findings, statement.at, before_at, statement.shares_place)

    def _access(
        self, statement: _Statement, changes: Sequence[tuple[str, GrantChange]]
    ) -> tuple[GrantedAccess | None, GrantedAccess | None]:
        if changes:
            who = [name for _, change in changes for name in change.grant.principals]
            first = changes[0][1]
            befores = [change.before for _, change in changes]
            told = [one for one in befores if one is not None]
            before = _access_of(told[0].grant, told[0].principals) if len(told) == len(befores) else None
            return _access_of(first.grant.grant, who), before
        for number, finding in statement.findings:
            if finding.grant is not None:
                other = self._matched.pairs.get(number)
                was = other.grant if other is not None else None
                return (
                    _access_of(finding.grant, finding.principals),
                    _access_of(was, other.principals) if was is not None and other is not None else None,
                )
        return None, None

    def _more(self, statement: _Statement) -> More | None:
        """More access of which nothing is as severe as what is to be told."""
        changes = [(group, change) for group, change in statement.changes if not change.suppressed]
        resource, sid = statement.resource
        if not changes or not self._asked.new_access:
            return None
        if self._is_hidden(statement.at, resource.framework, self._unreadable_before):
            return None  # it may have been there
        access, before = self._access(statement, changes)
        if access is None or access == before:
            return None
        what = "widened" if all(group == "widened" for group, _ in changes) else "new"
        sure = max((change.confidence for _, change in changes), key=lambda one: one.rank)
        return More(what, sure, self._place(statement.at), resource.address, sid or "", access, before)

    # -- what is gone

    def _fixed(self, finding: Finding) -> Fixed:
        return Fixed(
            finding.fingerprint,
            finding.check_id,
            finding.name,
            finding.severity,
            self._place(finding.at),
            finding.resource.address,
        )

    def _less(self, group: str, change: GrantChange) -> Less:
        now, before = change.grant, change.before or change.grant
        after = _access_of(now.grant, now.principals) if group == "narrowed" else None
        place, sid = self._place(now.grant.at), now.grant.sid or ""
        return Less(group, place, now.resource.address, sid, _access_of(before.grant, before.principals), after)

    def _place(self, at: Position) -> Location:
        return Location(self._name(at.file), at.line, max(at.line, at.end_line))


class _Statement:
    def __init__(self, at: Position) -> None:
        self.at = at
        self.shares_place = False
        self.findings: list[tuple[int, Finding]] = []
        self.changes: list[tuple[str, GrantChange]] = []

    @property
    def resource(self) -> tuple[ResourceDefinition, str | None]:
        for _, change in self.changes:
            return change.grant.resource, change.grant.grant.sid
        _, finding = self.findings[0]
        return finding.resource, finding.sid


def _shared(statements: Iterable[tuple[Position, str, PassRoleGrant | None]]) -> set[Position]:
    """The places at which more than one statement stands, as in a JSON text whose layout is not known."""
    seen: dict[Position, tuple[str, Hashable]] = {}
    shared = set()
    for at, path, grant in statements:
        identity = grant.statement.identity if grant is not None else None
        first = seen.setdefault(at, (path, identity))
        if first[0] != path and first[1] != identity:
            shared.add(at)
    return shared


def _remark(finding: Finding) -> Remark:
    return Remark(
        finding.check_id, finding.name, finding.severity, finding.confidence, finding.message, finding.remediation
    )


def _access_of(grant: PassRoleGrant, principals: Iterable[str]) -> GrantedAccess:
    return GrantedAccess(
        principals=tuple(dict.fromkeys(principals)),
        roles=tuple(str(role.pattern) for role in grant.roles),
        scope=grant.scope.value,
        complement=grant.complement,
        constraint=grant.services.constraint.value,
        services=tuple(grant.services.values),
        conditions=tuple(grant.other_conditions),
    )


def _in_order(more: Iterable[More | None]) -> tuple[More, ...]:
    found = [one for one in more if one is not None]
    return tuple(sorted(found, key=lambda one: (one.at.file, one.at.line, one.resource)))


def _order(told: Told) -> tuple[int, int, str, int, str]:
    item = told.item
    return -item.severity.rank, -item.confidence.rank, item.at.file, item.at.line, item.key


def _with_keys(told: Sequence[Told], name: Callable[[str], str]) -> Iterator[Told]:
    """The items with keys that differ: by what is wrong with which statement of which resource and unit. Statements
    without Sids that have all of that in common are told apart by what they say, and at last by their order."""
    marks = [_mark(one, name) for one in told]
    alike = Counter(marks)
    counts = Counter[tuple[str, ...]]()
    keys: dict[int, str] = {}
    for number in sorted(range(len(told)), key=lambda number: (told[number].at.file, told[number].at.line, number)):
        words = marks[number]
        if alike[words] > 1:
            words = *words, *_said(told[number].item.access)
        counts[words] += 1
        keys[number] = digest(*words) if counts[words] == 1 else digest(*words, str(counts[words]))
    for number, one in enumerate(told):
        yield replace(one, item=replace(one.item, key=keys[number]), mark=marks[number])


def _mark(told: Told, name: Callable[[str], str]) -> tuple[str, ...]:
    """What is wrong with which statement, the same while its lines are moved or its words are changed. A template is a
    unit of its own, and so is a folder of Terraform, in which files may be renamed."""
    item = told.item
    path = told.findings[0].statement_path if told.findings else ""
    statement = item.sid or re.sub(r"/\d+(?=/|$)", "", path)
    file = name(told.at.file)
    unit = os.path.dirname(file) if item.framework == Framework.TERRAFORM.value else file
    return _KEY, item.framework, item.resource, unit, statement, *sorted(remark.check_id for remark in item.remarks)


def _said(access: GrantedAccess | None) -> tuple[str, ...]:
    return () if access is None else (*access.roles, "", *access.services, "", *access.conditions)


__all__ = ["NEW_ACCESS", "ReviewState", "Thresholds", "Told", "judged"]
