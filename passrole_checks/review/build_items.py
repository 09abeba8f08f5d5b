"""Build one item per statement of HEAD with all that is new about it: findings and access that BASE does not have."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from passrole_checks.diff import AccessDifference, GrantChange
from passrole_checks.findings import Confidence, Finding, Severity
from passrole_checks.iam.documents.policy import Statement
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.grants.grant import PassRoleGrant, RoleScope
from passrole_checks.iam.roles.arn import Scope
from passrole_checks.iam.values.nodes import Position, strings_in
from passrole_checks.iam.values.path_conditions import PathCondition
from passrole_checks.review.matching import Names, findings_at_statement, is_still_reported, match_findings
from passrole_checks.review.report import Fixed, GrantedAccess, IncreasedAccess, Item, Location, ReducedAccess, Remark
from passrole_checks.scan.condition_words import condition_text
from passrole_checks.scan.fingerprint import digest
from passrole_checks.scan.group_findings import group_findings
from passrole_checks.scan.result import LocatedGrant
from passrole_checks.sources.model.configuration import Framework, NoteKind, ResourceDefinition, Unreadable, faults_in

NEW_ACCESS = "PASSROLE_015"
UNRESOLVED = "PASSROLE_014"
_ACCESS_CHECKS = frozenset({"PASSROLE_001", "PASSROLE_002", "PASSROLE_008", "PASSROLE_009", "PASSROLE_016"})
_KEY = "passroleItem/1"
_STATEMENT_PARTS = 5  # of a mark
_NEW_ACCESS_REMEDIATION = "Confirm the change is intended; otherwise revert it."
_StatementKey = tuple[Position, str]


@dataclass(frozen=True, slots=True)
class Thresholds:
    """The minimum ``severity`` and ``confidence`` to report, and whether to report new access. ``silenced``: the
    fingerprints that a baseline accepts, of BASE and of HEAD."""

    severity: Severity = Severity.LOW
    confidence: Confidence = Confidence.LOW
    new_access: bool = True
    silenced: tuple[frozenset[str], frozenset[str]] = (frozenset(), frozenset())

    def includes(self, severity: Severity, confidence: Confidence) -> bool:
        return severity.rank >= self.severity.rank and confidence.rank >= self.confidence.rank


@dataclass(frozen=True, slots=True)
class TracedItem:
    """An item with its sources, as positions in the checkouts.

    ``findings``: all findings of the statement that are not silenced, including those that BASE has too. ``before``:
    the position of the statement in BASE. ``shares_place``: other statements have the same position, as in a JSON text
    whose layout is unknown. ``mark``: the parts of its key. ``state``: the parts of its fingerprint.
    """

    item: Item
    findings: tuple[Finding, ...]
    at: Position
    before: Position | None
    shares_place: bool = False
    mark: tuple[str, ...] = ()
    state: tuple[tuple[str, ...], ...] = ()

    @property
    def statement_mark(self) -> tuple[str, ...]:
        """The parts of its key that identify the statement, without those that say what is wrong with it."""
        return self.mark[:_STATEMENT_PARTS]


@dataclass(frozen=True, slots=True)
class ReviewState:
    """The comparison of two versions.

    ``items``: worst first. ``unchanged``: the number of findings in both. ``states``: of the findings of HEAD by
    fingerprint: ``new``, ``updated`` (in BASE too, in a statement that was edited, or less severe now) or
    ``unchanged``. ``gone``: findings of BASE that HEAD does not have. ``more``: access that grows in statements without
    an item.
    """

    items: tuple[TracedItem, ...]
    fixed: tuple[Fixed, ...]
    less: tuple[ReducedAccess, ...]
    unchanged: int
    states: Mapping[str, str]
    gone: tuple[Finding, ...]
    more: tuple[IncreasedAccess, ...] = ()

    @property
    def marks(self) -> Counter[tuple[str, ...]]:
        """The number of items per mark. Marks distinguish statements by what is stable across edits."""
        return Counter(traced.mark for traced in self.items)


def build_items(
    difference: AccessDifference,
    thresholds: Thresholds,
    name: Callable[[str], str],
    renames: Mapping[str, str],
    is_old: Callable[[Unreadable], bool],
) -> ReviewState:
    """Build the items of a difference (with its ``scans``).

    ``name`` returns the path of a checked-out file in its version; ``renames`` maps paths of BASE to those of HEAD
    where they differ; ``is_old`` is True for unreadable entries of BASE.
    """
    assert difference.scans is not None
    names = Names(lambda file: renames.get(name(file), name(file)), name, dict(difference.renamed))
    return _ItemBuilder(difference, thresholds, name, names, is_old).build()


class _ItemBuilder:
    """One run of :func:`build_items`."""

    def __init__(
        self,
        difference: AccessDifference,
        thresholds: Thresholds,
        name: Callable[[str], str],
        names: Names,
        is_old: Callable[[Unreadable], bool],
    ) -> None:
        assert difference.scans is not None
        self._unreadable_before = [entry for entry in difference.unreadable if is_old(entry)]
        self._moved_out = _with_new_missing_parts(difference.not_evaluated, name, names.old, is_old)
        self._difference, self._thresholds, self._name, self._names = difference, thresholds, name, names
        self._old, self._new = difference.scans
        self._changes: dict[_StatementKey, list[tuple[str, GrantChange]]] = {}
        for group, changes in (("new", difference.new), ("widened", difference.widened)):
            for change in changes:
                key = _key_of(change.grant)
                self._changes.setdefault(key, []).append((group, change))
        self._before = self._counterparts()
        self._open_before = [finding for finding in self._old.findings if self._is_open(finding, 0)]
        self._open = [finding for finding in self._new.findings if self._is_open(finding, 1)]
        self._matched = match_findings(self._open_before, self._open, names, self._counterpart, self._growth)
        self._reported_gone = [finding for finding in self._matched.gone if self._is_reported(finding)]
        self._groups = [self._group_of(number, finding) for number, finding in enumerate(self._open)]

    def _is_open(self, finding: Finding, side: int) -> bool:
        return finding.suppressed is None and finding.fingerprint not in self._thresholds.silenced[side]

    def _counterparts(self) -> dict[_StatementKey, _StatementKey]:
        """Map statements of HEAD to their counterparts in BASE."""
        counterparts: dict[_StatementKey, _StatementKey] = {}
        changes = self._difference
        for change in (*changes.new, *changes.widened, *changes.narrowed, *changes.moved):
            if change.before is not None:
                counterparts.setdefault(_key_of(change.grant), _key_of(change.before))
        for new, old in changes.counterparts:
            counterparts.setdefault(new, old)
        return counterparts

    def _counterpart(self, finding: Finding) -> _StatementKey | None:
        return self._before.get((finding.at, finding.statement_path))

    def _growth(self, finding: Finding) -> str:
        """Return "new" or "widened" if the statement grants more than in BASE, else ""."""
        groups = {group for group, _ in self._changes.get((finding.at, finding.statement_path), ())}
        return "" if not groups else "new" if groups == {"new"} else "widened"

    # -- the result

    def build(self) -> ReviewState:
        statements = [(statement, self._item(statement)) for statement in self._statements()]
        more = [more for statement, item in statements if item is None for more in self._increased(statement)]
        more += self._assumable()
        items = [item for _, item in statements if item is not None]
        unchanged = sum(
            self._is_reported(finding) and not group for finding, group in zip(self._open, self._groups, strict=True)
        )
        gone = [finding for finding in self._matched.gone if not self._may_be_elsewhere(finding.at, finding.framework)]
        places = {self._place_of(finding) for finding in self._open}  # of equal statements, one may remain
        fixed = [
            self._fixed(finding)
            for finding in gone
            if self._is_reported(finding)
            and not is_still_reported(finding, self._open, self._names, self._counterpart)
            and self._place_of(finding, old=True) not in places
        ]
        reduced = [
            self._reduced(group, change)
            for group, changes in (
                ("narrowed", self._difference.narrowed),
                ("removed", _with_all_variants(self._difference.removed)),
            )
            for change in changes
            if not self._may_be_elsewhere((change.before or change.grant).grant.at, change.grant.resource.framework)
        ]
        return ReviewState(
            items=tuple(sorted(_with_unique_keys(items, self._name), key=_severity_order)),
            fixed=tuple(fixed),
            less=tuple(dict.fromkeys(one for one in reduced if one.after != one.before or one.cause is not None)),
            unchanged=unchanged,
            states=self._states(),
            gone=tuple(gone),
            more=_sorted_by_position(dict.fromkeys(more)),
        )

    def _place_of(self, finding: Finding, *, old: bool = False) -> tuple[str, str]:
        names = self._names
        return names.match_key(finding, old=old), (names.old if old else names.new)(finding.at.file)

    def _is_reported(self, finding: Finding) -> bool:
        return self._thresholds.includes(finding.severity, finding.confidence)

    def _group_of(self, number: int, finding: Finding) -> str:
        """Return ``new`` or ``worse``, or "" if BASE has the finding."""
        matched = self._matched
        if number in matched.pairs:
            return "worse" if finding.severity.rank > matched.pairs[number].severity.rank else ""
        if number in matched.implied_before:
            return ""
        gone = findings_at_statement(self._reported_gone, finding, self._names, self._counterpart)
        if not gone:
            return "new"
        # a narrower statement may have an issue that a wider one implied, such as that of an administrator
        is_implied = finding.check_id in _ACCESS_CHECKS and not self._growth(finding)
        return "" if is_implied and max(one.severity.rank for one in gone) >= finding.severity.rank else "worse"

    def _may_be_elsewhere(self, at: Position, framework: Framework) -> bool:
        """True if a statement of BASE may be in a file that cannot be read, or in a nested template that HEAD newly has
        and that is not available."""
        is_template = framework is not Framework.TERRAFORM
        return self._may_be_hidden(at, framework) or (is_template and self._names.old(at.file) in self._moved_out)

    def _may_be_hidden(
        self, at: Position, framework: Framework, unreadable: Sequence[Unreadable] | None = None
    ) -> bool:
        """True if something may only seem to be gone, because a file that may contain it cannot be read or was not
        evaluated in full."""
        unreadable = self._difference.unreadable if unreadable is None else unreadable
        files = {self._name(entry.file) for entry in unreadable}
        if not files:
            return False
        if faults_in(unreadable):
            return True
        file = self._names.old(at.file)
        return file in files or (
            framework is Framework.TERRAFORM and any(".tf" in other or ".tofu" in other for other in files)
        )

    def _states(self) -> dict[str, str]:
        """Return the states of the findings of HEAD; silenced ones have the state that they would have otherwise."""
        matched, states = self._matched, {}
        for number, finding in enumerate(self._open):
            is_updated = bool(self._groups[number]) or number in matched.reworded or number in matched.implied_before
            was_there = number in matched.pairs or number in matched.implied_before
            states[finding.fingerprint] = "new" if not was_there else "updated" if is_updated else "unchanged"
        silenced = [finding for finding in self._new.findings if finding.fingerprint not in states]
        if silenced:
            matched = match_findings(self._old.findings, silenced, self._names, self._counterpart, self._growth)
            for number, finding in enumerate(silenced):
                state = "updated" if number in matched.reworded else "unchanged"
                states[finding.fingerprint] = state if number in matched.pairs else "new"
        return states

    # -- statements

    def _statements(self) -> Iterator[_StatementNews]:
        """Yield the statements of HEAD that have findings or grant more than before."""
        numbered = [(number, finding) for number, finding in enumerate(self._open)]
        changes = [(key, group, change) for key, listed in self._changes.items() for group, change in listed]
        shared = _shared_positions(
            [
                *(
                    (finding.at, finding.statement_path, finding.grant)
                    for _, finding in numbered
                    if not finding.details.managed
                ),
                *((key[0], key[1], change.grant.grant) for key, _, change in changes if not change.grant.managed),
            ]
        )
        statements: dict[Hashable, _StatementNews] = {}
        for number, finding in numbered:
            part = finding.details.managed or (finding.statement_path if finding.at in shared else "")
            statement = statements.setdefault((finding.at, part), _StatementNews(finding.at))
            statement.findings.append((number, finding))
        for (at, path), group, change in changes:
            part = change.grant.managed or (path if at in shared else "")
            statements.setdefault((at, part), _StatementNews(at)).changes.append((group, change))
        for statement in statements.values():
            statement.shares_place = statement.at in shared
            yield statement

    def _item(self, statement: _StatementNews) -> TracedItem | None:
        """Return the item of a statement; None if nothing about it is to be reported."""
        changes = statement.unsuppressed_changes
        remarks = self._remarks(statement, changes)
        if not remarks:
            return None
        sorted_remarks = tuple(
            sorted(
                (remark for _, remark in remarks),
                key=lambda remark: (not remark.primary, -remark.severity.rank, remark.check_id),
            )
        )
        resource, sid = statement.resource
        uses = [use for _, finding in statement.findings for use in finding.uses]
        uses += [change.grant.resource.address for _, change in changes]
        cause, cause_removed = self._cause(changes)
        all_changes = changes or statement.changes  # new access whose check is suppressed is new all the same
        access, before = self._access(statement, all_changes)
        item = Item(
            key="",
            group="worse" if any(group == "worse" for group, _ in remarks) else "new",
            change=_change_of(all_changes),
            severity=max((remark.severity for remark in sorted_remarks), key=lambda severity: severity.rank),
            confidence=max((remark.confidence for remark in sorted_remarks), key=lambda confidence: confidence.rank),
            at=self._location(statement.at),
            framework=resource.framework.value,
            resource=resource.address,
            uses=tuple(dict.fromkeys([resource.address, *uses])),
            sid=sid or "",
            remarks=sorted_remarks,
            access=access,
            before=before,
            cause=cause,
            cause_removed=cause_removed,
        )
        before_at = next((change.before.grant.at for _, change in changes if change.before is not None), None)
        for number, _ in statement.findings:
            earlier = self._matched.pairs.get(number)
            before_at = before_at or (earlier.at if earlier is not None else None)
        findings = tuple(finding for _, finding in statement.findings)
        state = self._state_of(sorted_remarks, statement, statement.changes)
        return TracedItem(item, findings, statement.at, before_at, statement.shares_place, state=state)

    def _state_of(
        self, remarks: Sequence[Remark], statement: _StatementNews, changes: Sequence[tuple[str, GrantChange]]
    ) -> tuple[tuple[str, ...], ...]:
        """Return everything that an acceptance of the item depends on, in HEAD: what the checks say, and which
        principals get which access by which statement, in which context."""
        parts: list[tuple[str, ...]] = [
            (remark.check_id, remark.severity.value, remark.confidence.value, remark.message) for remark in remarks
        ]
        for _, finding in statement.findings:
            if self._is_reported(finding):
                grant, principals = finding.grant, sorted(finding.principals)
                access = _granted_access(grant, principals) if grant is not None else None
                when = condition_text(finding.when) if finding.when else ""
                reached = (name.rpartition(" ")[2] for name in finding.details.reaches)  # without the file
                names = "\n".join(sorted({*finding.uses, *finding.principals, *reached}))
                key = self._names.match_key(finding)  # the number in a fingerprint counts findings elsewhere
                parts.append((key, finding.severity.value, when, names, *_all_texts(access)))
        for _, change in changes:
            located = change.grant
            identity = digest(*located.grant.statement.identity)
            access = _access_of(located, sorted(located.principals))
            known = _known_values(located.grant.statement)
            parts.append((located.resource.address, identity, *_all_texts(access), *known, "", *change.context))
        return tuple(parts)

    def _cause(self, changes: Sequence[tuple[str, GrantChange]]) -> tuple[Location | None, bool]:
        """Return the first known cause of the changes, and True if it was removed."""
        for _, change in changes:
            if change.cause is not None:
                return self._location(change.cause), change.cause_removed
        return None, False

    def _remarks(
        self, statement: _StatementNews, changes: Sequence[tuple[str, GrantChange]]
    ) -> list[tuple[str, Remark]]:
        """Return what is new about a statement, each with its group."""
        groups = self._groups
        is_partial = self._may_be_hidden(statement.at, statement.resource[0].framework)
        numbers = [
            number
            for number, finding in statement.findings
            if groups[number]
            and self._is_reported(finding)
            and not (is_partial and finding.check_id == UNRESOLVED)  # the unreadable file may resolve it
        ]
        reported = zip(numbers, group_findings(self._open[number] for number in numbers), strict=True)
        existed = any(groups[number] != "new" and self._is_reported(finding) for number, finding in statement.findings)
        remarks = [("worse" if existed else groups[number], _remark_of(finding)) for number, finding in reported]
        for _, change in sorted(changes, key=lambda pair: -pair[1].severity.rank)[:1]:
            if self._thresholds.new_access and self._thresholds.includes(change.severity, change.confidence):
                # replaces the finding of a plan about its own change
                remarks = [pair for pair in remarks if pair[1].check_id != NEW_ACCESS]
                new_access = Remark(
                    NEW_ACCESS,
                    "new-access",
                    change.severity,
                    change.confidence,
                    change.message,
                    _NEW_ACCESS_REMEDIATION,
                )
                remarks.append(("worse" if existed else "new", new_access))
        return remarks

    def _access(
        self, statement: _StatementNews, changes: Sequence[tuple[str, GrantChange]]
    ) -> tuple[GrantedAccess | None, GrantedAccess | None]:
        """Return the access that a statement grants in HEAD and in BASE; of several variants that change, the one with
        the most severe change, then the widest."""
        if changes:
            worst = min(changes, key=lambda pair: (-pair[1].severity.rank, pair[1].grant.grant.scope.width))
            changes = [(group, change) for group, change in changes if change.grant.when == worst[1].grant.when]
            befores = [change.before for _, change in changes if change.before is not None]
            before = _access_of_all(befores) if len(befores) == len(changes) else None
            return _access_of_all([change.grant for _, change in changes]), before
        for number, finding in statement.findings:
            if finding.grant is not None:
                earlier = self._matched.pairs.get(number)
                before = None
                if earlier is not None and earlier.grant is not None:
                    before = _granted_access(earlier.grant, earlier.principals)
                return _granted_access(finding.grant, finding.principals), before
        return None, None

    def _increased(self, statement: _StatementNews) -> Iterator[IncreasedAccess]:
        """Yield the access that a statement without an item gains, for each variant that gains any."""
        resource, sid = statement.resource
        if not self._thresholds.new_access:
            return
        if self._may_be_hidden(statement.at, resource.framework, self._unreadable_before):
            return  # BASE may have granted it
        variants: dict[tuple[PathCondition, ...], list[tuple[str, GrantChange]]] = {}
        for group, change in statement.unsuppressed_changes:
            variants.setdefault(change.grant.when, []).append((group, change))
        for changes in variants.values():
            access, before = self._access(statement, changes)
            if access is None:
                continue
            confidence = max((change.confidence for _, change in changes), key=lambda confidence: confidence.rank)
            at = self._location(statement.at)
            cause, removed = self._cause(changes)
            yield IncreasedAccess(
                _change_of(changes), confidence, at, resource.address, sid or "", access, before, cause, removed
            )

    def _assumable(self) -> Iterator[IncreasedAccess]:
        """Yield the access of roles that more principals may assume."""
        for change in self._difference.trusts if self._thresholds.new_access else ():
            grants = [
                located
                for located in self._new.grants
                if change.role in located.principals and located.effect_on_passrole == "allow"
            ]
            if not grants:
                continue
            widest = min(grants, key=lambda located: located.grant.scope.width)
            access = _access_of(widest, (change.role,))
            trusted = tuple(
                f"{one.name} (without the condition on {', '.join(one.limits)})" if one.limits else one.name
                for one in change.trusted
            )
            yield IncreasedAccess(
                "widened",
                Confidence.HIGH if all(one.is_known for one in change.trusted) else Confidence.MEDIUM,
                self._location(change.at),
                change.role,
                "",
                access,
                access,
                trusted=trusted,
            )

    # -- what is gone

    def _fixed(self, finding: Finding) -> Fixed:
        return Fixed(
            finding.fingerprint,
            finding.check_id,
            finding.name,
            finding.severity,
            self._location(finding.at),
            finding.resource.address,
        )

    def _reduced(self, group: str, change: GrantChange) -> ReducedAccess:
        now, before = change.grant, change.before or change.grant
        after = _access_of(now, now.principals) if group == "narrowed" else None
        return ReducedAccess(
            group,
            self._location(now.grant.at),
            now.resource.address,
            now.grant.sid or "",
            _access_of(before, before.principals),
            after,
            self._location(change.cause) if change.cause is not None else None,
        )

    def _location(self, at: Position) -> Location:
        return Location(self._name(at.file), at.line, max(at.line, at.end_line))


class _StatementNews:
    """A statement with its findings (by their numbers) and the changes of its access (by their groups)."""

    def __init__(self, at: Position) -> None:
        self.at = at
        self.shares_place = False
        self.findings: list[tuple[int, Finding]] = []
        self.changes: list[tuple[str, GrantChange]] = []

    @property
    def unsuppressed_changes(self) -> list[tuple[str, GrantChange]]:
        return [(group, change) for group, change in self.changes if not change.suppressed]

    @property
    def resource(self) -> tuple[ResourceDefinition, str | None]:
        """The resource that contains the statement, and its Sid."""
        for _, change in self.changes:
            return change.grant.resource, change.grant.grant.sid
        _, finding = self.findings[0]
        return finding.resource, finding.sid


def _with_new_missing_parts(
    notes: Iterable[Unreadable],
    name: Callable[[str], str],
    old_name: Callable[[str], str],
    is_old: Callable[[Unreadable], bool],
) -> frozenset[str]:
    """Return the files, as in HEAD, that refer to more policies and templates outside of the code than in BASE."""
    counts = Counter[str]()
    for note in notes:
        if note.kind is NoteKind.DEFINED_ELSEWHERE:
            counts[old_name(note.file) if is_old(note) else name(note.file)] += -1 if is_old(note) else 1
    return frozenset(file for file, count in counts.items() if count > 0)


def _change_of(changes: Sequence[tuple[str, GrantChange]]) -> str:
    return "" if not changes else "widened" if all(group == "widened" for group, _ in changes) else "new"


def _with_all_variants(changes: Iterable[GrantChange]) -> Iterator[GrantChange]:
    """Yield removed statements, those that differ only in their path conditions as one."""
    variants: dict[Hashable, list[GrantChange]] = {}
    for change in changes:
        now = change.grant
        key = now.grant.at, now.resource.address, now.statement_path, now.principals, _access_of(now, ())
        variants.setdefault((*key[:4], replace(key[4], when="")), []).append(change)
    for first, *others in variants.values():
        whens = [one.grant.when for one in (first, *others)]
        when = tuple(when for each in whens for when in each) if all(whens) else ()
        yield replace(first, grant=replace(first.grant, when=when)) if others else first


def _shared_positions(statements: Iterable[tuple[Position, str, PassRoleGrant | None]]) -> set[Position]:
    """Return the positions of more than one statement, as in a JSON text whose layout is unknown."""
    seen: dict[Position, tuple[str, Hashable]] = {}
    shared = set()
    for at, path, grant in statements:
        identity = grant.statement.identity if grant is not None else None
        first = seen.setdefault(at, (path, identity))
        if first[0] != path and first[1] != identity:
            shared.add(at)
    return shared


def _remark_of(finding: Finding) -> Remark:
    return Remark(
        finding.check_id,
        finding.name,
        finding.severity,
        finding.confidence,
        finding.message,
        finding.remediation,
        finding.primary,
    )


def _key_of(located: LocatedGrant) -> _StatementKey:
    """Return the position and the path of a statement as in its findings.

    All statements of an AWS managed policy count as one.
    """
    path = located.statement_path
    return located.grant.at, path.removesuffix(f"/{located.grant.statement.path}") if located.managed else path


def _access_of(located: LocatedGrant, principals: Iterable[str]) -> GrantedAccess:
    return _granted_access(located.grant, principals, located.when)


def _access_of_all(grants: Sequence[LocatedGrant]) -> GrantedAccess:
    """Return the access of a statement with the principals and roles of all its grants, such as those of the instances
    of a module."""
    each = [_access_of(located, located.principals) for located in grants]
    principals = dict.fromkeys(name for access in each for name in access.principals)
    roles = dict.fromkeys(role for access in each for role in access.roles)
    return replace(each[0], principals=tuple(principals), roles=tuple(roles))


def _granted_access(
    grant: PassRoleGrant, principals: Iterable[str], when: Sequence[PathCondition] = ()
) -> GrantedAccess:
    roles: Sequence[RoleScope] = grant.roles
    if not grant.complement:
        roles = [role for role in roles if role.scope is not Scope.NOT_A_ROLE] or roles
    return GrantedAccess(
        principals=tuple(dict.fromkeys(principals)),
        roles=tuple(str(role.pattern) for role in roles),
        scope=grant.scope.value,
        complement=grant.complement,
        constraint=grant.services.constraint.value,
        services=tuple(grant.services.values),
        conditions=tuple(grant.other_conditions),
        when=condition_text(when) if when else "",
    )


def _sorted_by_position(increases: Iterable[IncreasedAccess]) -> tuple[IncreasedAccess, ...]:
    return tuple(sorted(increases, key=lambda increase: (increase.at.file, increase.at.line, increase.resource)))


def _severity_order(traced: TracedItem) -> tuple[int, int, str, int, str]:
    item = traced.item
    return -item.severity.rank, -item.confidence.rank, item.at.file, item.at.line, item.key


def _with_unique_keys(items: Sequence[TracedItem], name: Callable[[str], str]) -> Iterator[TracedItem]:
    """Yield the items with unique keys, from what is wrong with which statement of which resource and unit. Statements
    without Sids that have all of that in common are distinguished by their access, and then by their order."""
    marks = [_mark(traced, name) for traced in items]
    mark_counts = Counter(marks)
    counts = Counter[tuple[str, ...]]()
    keys: dict[int, str] = {}
    for number in sorted(range(len(items)), key=lambda number: (items[number].at.file, items[number].at.line, number)):
        parts = marks[number]
        if mark_counts[parts] > 1:
            parts = *parts, *_access_texts(items[number].item.access)
        counts[parts] += 1
        keys[number] = digest(*parts) if counts[parts] == 1 else digest(*parts, str(counts[parts]))
    for number, traced in enumerate(items):
        yield replace(traced, item=replace(traced.item, key=keys[number]), mark=marks[number])


def _mark(traced: TracedItem, name: Callable[[str], str]) -> tuple[str, ...]:
    """Return what is wrong with which statement, stable while its lines move or its text is edited. The unit is a
    template, or for Terraform a folder, in which files may be renamed."""
    item = traced.item
    path = traced.findings[0].statement_path if traced.findings else ""
    statement = item.sid or re.sub(r"/\d+(?=/|$)", "", path)
    file = name(traced.at.file)
    unit = os.path.dirname(file) if item.framework == Framework.TERRAFORM.value else file
    return _KEY, item.framework, item.resource, unit, statement, *sorted(remark.check_id for remark in item.remarks)


def _all_texts(access: GrantedAccess | None) -> tuple[str, ...]:
    """Return all of an access as strings, lists separated by empty ones."""
    if access is None:
        return ()
    lists = (access.principals, access.roles, access.services, access.conditions)
    parts = [text for texts in lists for text in (*texts, "")]
    return *parts, access.scope, access.constraint, str(access.complement), access.when


def _known_values(statement: Statement) -> Iterator[str]:
    """Yield what is known of unresolved values, such as the name of the role in the ARN of a data source."""
    condition = strings_in(statement.condition) if statement.condition is not None else ()
    for string in (*(statement.resources or ()), *(statement.not_resources or ()), *condition):
        for part in string.unresolved_parts:
            yield from (known if isinstance(known, str) else known.written for known in part.known or ())


def _access_texts(access: GrantedAccess | None) -> tuple[str, ...]:
    return () if access is None else (*access.roles, "", *access.services, "", *access.conditions)


__all__ = ["NEW_ACCESS", "ReviewState", "Thresholds", "TracedItem", "build_items"]
