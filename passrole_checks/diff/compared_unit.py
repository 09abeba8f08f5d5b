"""Compare the access of one unit, a root module or a template, in its two versions."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import field, replace

from passrole_checks.access.access_change import policy_key
from passrole_checks.access.access_model import serves_many_accounts
from passrole_checks.access.principals import Principals
from passrole_checks.aws.service_principals import known_services
from passrole_checks.diff.change import GrantChange, StatementKey, TrustChange
from passrole_checks.diff.context import context_of
from passrole_checks.diff.moved_resources import match_modules
from passrole_checks.diff.renames import (
    match_by_content,
    match_by_name,
    relabel_policy,
    rename_policy,
    update_role_names,
)
from passrole_checks.diff.statements import CARRIED, StatementVersion, group_by_holder, pair_statements
from passrole_checks.diff.units import UnitPair
from passrole_checks.findings import Confidence, Finding
from passrole_checks.iam import deadline
from passrole_checks.iam.documents.policy import parse_document
from passrole_checks.iam.documents.trust_comparison import newly_trusted
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.grants.spared_roles import spares
from passrole_checks.iam.grants.subtract_denials import grants_of
from passrole_checks.iam.grouped import grouped
from passrole_checks.iam.roles.arn import Scope
from passrole_checks.iam.roles.role_search import ANYWHERE
from passrole_checks.iam.roles.role_union import RoleSet
from passrole_checks.iam.values.nodes import Position
from passrole_checks.iam.values.path_conditions import PathCondition
from passrole_checks.scan.account_context import with_account_documents
from passrole_checks.scan.analyze import unreadable_in
from passrole_checks.scan.result import LocatedGrant
from passrole_checks.scan.scanner import ScanOptions, findings_of_change
from passrole_checks.sources.model.configuration import (
    AttachedPolicy,
    Attachments,
    BoundaryUse,
    Configuration,
    HandedTo,
    PolicyKind,
    Unreadable,
    recording_faults,
)
from passrole_checks.sources.model.principal_names import align_principal_names

_PASSES = 2  # passes over each version: as the new and as the old one


@dataclass(eq=False)
class ComparedUnit:
    """One unit in its two versions. ``only_gains``: find only new and widened access, without severity."""

    pair: UnitPair
    options: ScanOptions
    only_gains: bool = False
    new: list[GrantChange] = field(default_factory=list)
    widened: list[GrantChange] = field(default_factory=list)
    narrowed: list[GrantChange] = field(default_factory=list)
    removed: list[GrantChange] = field(default_factory=list)
    moved: list[GrantChange] = field(default_factory=list)
    unchanged: int = 0
    renamed: list[tuple[str, str]] = field(default_factory=list)
    unreadable: list[Unreadable] = field(default_factory=list)
    trusts: list[TrustChange] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._before: list[StatementVersion] = []
        self._after: list[StatementVersion] = []
        self._reported: list[StatementVersion] = []
        self.is_complete = True  # False if it ran out of time
        sides = self.pair.old, self.pair.new
        seconds = sum(side.seconds_left for side in sides if side.seconds_left is not None) or deadline.SECONDS
        with self.isolated(), deadline.limited(seconds):
            try:
                self._compare()
            except deadline.OutOfTimeError:
                self.is_complete = False
                place = next(iter(self.pair.new.files or self.pair.old.files), self.pair.place)
                self.unreadable.append(Unreadable(place, "comparison stopped: it takes too long"))

    def isolated(self) -> AbstractContextManager[None]:
        """Return a context that records an internal error in one unit, so that the others are unaffected."""
        return recording_faults(
            next(iter(self.pair.new.files or self.pair.old.files), self.pair.place), self.unreadable
        )

    def _compare(self) -> None:
        if self.pair.is_same:
            self._as_before(with_account_documents(self.pair.new, self.options))
            return
        old, new = align_principal_names(
            *(with_account_documents(side, self.options) for side in (self.pair.old, self.pair.new))
        )
        names = match_by_name(old, new)
        names = {**match_modules(old, new, names), **names}
        written = [*old.policies, *old.change.unchanged]
        same = update_role_names([rename_policy(policy, names) for policy in written], old, new, names)
        alike = match_by_content(old, same, new, names)
        same = [relabel_policy(policy, alike) for policy in same]
        both = {**names, **alike}
        managed = self._managed(old)
        self.renamed = list(both.items())
        self._old_names = {after: before for before, after in both.items()}
        now = [*new.policies, *new.change.unchanged]
        self._before = self._statements(
            old, [*written, *managed], [*same, *(relabel_policy(policy, both) for policy in managed)]
        )
        self._after = self._statements(new, [*now, *self._managed(new)])
        self._match()
        old_policies = replace(old, attached=old.attached.renamed(lambda name: both.get(name, name)))
        self._attachments = old_policies.attached, new.attached
        self._new, self._denials = new, [item for item in self._after if item.variants[0].effect == "Deny"]
        self._gained(_as_change(new, now, old_policies, same), self._after, self.new, self.widened, forward=True)
        if self.only_gains:
            return
        self._gained(_as_change(old_policies, same, new, now), self._before, self.removed, self.narrowed, forward=False)
        self.trusts += _trust_changes(old, new, both)
        touched = {id(item) for item in self._reported}
        self.unchanged = sum(item.grants and id(item) not in touched for item in self._after)

    def old_statements(self) -> Sequence[StatementVersion]:
        """Return the statements of the old version."""
        return () if self.pair.is_same else self._before

    def keeps(self, holder: str, item: StatementVersion) -> bool:
        """True if the new version has the same statement of the old one, for this principal."""
        other = self._counterpart(holder, item)
        return other is not None and other.identity == item.identity

    def counterpart_of(self, located: LocatedGrant) -> LocatedGrant | None:
        """Return the statement of the old version that one of the new version was."""
        place = located.resource.address, located.statement_path, located.grant.at
        for item in (item for item in self._after if item.place == place):
            for holder in located.principals or ("",):
                other = self._counterpart(holder, item)
                if other is not None:
                    return other.located(located.grant.statement.when, located.principals, self._old_names)
        return None

    def counterparts(self) -> Iterator[tuple[StatementKey, StatementKey]]:
        """Yield the statements of the new version that are in another resource or file than in the old one, each with
        that of the old one."""
        for item in () if self.pair.is_same else self._after:
            others = (self._counterpart(holder, item) for holder in item.names.principals or ("",))
            other = next(filter(None, others), None)
            if other is not None and item.grants and _differs_in_place(item, other):
                yield item.key, other.key

    def _as_before(self, side: Configuration) -> None:
        """Count the statements of an unchanged unit and record its unreadable policies."""
        policies = [*side.policies, *side.change.unchanged]
        self.unchanged = sum(item.grants for item in self._statements(side, [*policies, *self._managed(side)]))
        self.unreadable += side.notes.unreadable
        for policy in policies:
            if policy.kind is PolicyKind.IDENTITY:
                self.unreadable += unreadable_in(policy, parse_document(policy.document))

    def _managed(self, side: Configuration) -> tuple[AttachedPolicy, ...]:
        """Return the attached AWS managed policies about PassRole."""
        return Principals(side, self.options.account or side.account).managed

    def _statements(
        self, side: Configuration, written: Sequence[AttachedPolicy], renamed: Sequence[AttachedPolicy] | None = None
    ) -> list[StatementVersion]:
        """Return the statements of policies. ``renamed``: the same policies with the names of the new version."""
        services: dict[str, Collection[str]] = {name: known_services(name) for name in ("aws", "aws-cn")}
        principals = Principals(side, self.options.account or side.account)
        found = []
        for policy, names in zip(written, renamed or written, strict=True):
            if policy.kind is not PolicyKind.IDENTITY:
                continue
            account = None if serves_many_accounts(policy.resource) else principals.account
            statements, counts = parse_document(names.document).statements, principals.counts_denials(policy)
            variants = grants_of(statements, services, account, counts_denials=counts)
            for (_, below), grants in grouped(((one.at, one.statement.path), one) for one in variants).items():
                path = "/".join(part for part in (policy.path, below) if part)
                found.append(StatementVersion(policy, names, path, tuple(grants)))
        return found

    # -- counterparts

    def _match(self) -> None:
        """Find each statement's counterpart among those of the same holder: same content first, then same position or
        Sid, then the only remaining one.
        """
        self._counterparts: dict[tuple[str, int], StatementVersion] = {}
        before, after = group_by_holder(self._before), group_by_holder(self._after)
        for holder in before.keys() & after.keys():
            for effect in ("Allow", "Deny"):
                first = [item for item in before[holder] if item.variants[0].effect == effect]
                second = [item for item in after[holder] if item.variants[0].effect == effect]
                for one, other in pair_statements(first, second):
                    self._counterparts[holder, id(one)] = other
                    self._counterparts[holder, id(other)] = one

    def _counterpart(self, holder: str, item: StatementVersion) -> StatementVersion | None:
        return self._counterparts.get((holder or policy_key(item.names), id(item)))

    # -- changes

    def _gained(
        self,
        change: Configuration,
        statements: Sequence[StatementVersion],
        alone: list[GrantChange],
        paired: list[GrantChange],
        *,
        forward: bool,
    ) -> None:
        """Sort access that only one version grants into statements with and without a counterpart."""
        by_place = {statement.place: statement for statement in statements}
        worst: dict[tuple[int, PathCondition, str], Finding] = {}
        findings, unreadable, is_complete = findings_of_change(
            change, self.options, with_severity=not self.only_gains, is_reversed=not forward
        )
        self.unreadable += unreadable
        self.is_complete &= is_complete
        for finding in findings:
            if finding.grant is None:
                continue
            path = finding.statement_path
            if finding.details.managed:
                path = "/".join((path, finding.grant.statement.path))
            item = by_place.get((finding.resource.address, path, finding.at))
            for holder in finding.details.gainers if item is not None else ():
                key = id(item), finding.grant.statement.when, holder
                known = worst.get(key)
                if known is None or _rank(finding) > _rank(known):
                    worst[key] = finding
        groups: dict[tuple[int, PathCondition, int | None], list[tuple[str, Finding]]] = {}
        items = {id(statement): statement for statement in statements}
        for (number, when, holder), finding in worst.items():
            other = self._counterpart(holder, items[number])
            groups.setdefault((number, when, id(other) if other is not None else None), []).append((holder, finding))
        for (number, when, _), gains in groups.items():
            item = items[number]
            other = self._counterpart(gains[0][0], item)
            holders = [holder for holder, _ in gains]
            finding_of_change = max((finding for _, finding in gains), key=_rank)
            if not forward and self._is_beside_ineffective_denial(item, other, holders, finding_of_change):
                continue
            self._reported += [item] if forward or other is None else [other]
            (alone if other is None else paired).append(
                self._change(item, other, when, holders, finding_of_change, forward=forward)
            )

    def _change(
        self,
        item: StatementVersion,
        other: StatementVersion | None,
        when: PathCondition,
        holders: Sequence[str],
        finding_of_change: Finding,
        *,
        forward: bool,
    ) -> GrantChange:
        here = item.located(when, holders, {} if forward else self._old_names)
        there = other.located(when, holders, self._old_names if forward else {}) if other is not None else None
        now, before = (here, there) if forward or there is None else (there, here)
        cause, gone = None, False
        if other is not None and other.identity == item.identity:
            cause, gone = self._cause(item, holders, forward=forward)
        suppressed = finding_of_change.suppressed is not None
        return GrantChange(
            now,
            before,
            cause,
            finding_of_change.severity,
            finding_of_change.confidence,
            finding_of_change.message,
            suppressed,
            gone,
            context_of(self._new, self._denials, item, holders) if forward and not self.only_gains else (),
        )

    def _is_beside_ineffective_denial(
        self, item: StatementVersion, other: StatementVersion | None, holders: Collection[str], loss: Finding
    ) -> bool:
        """True if an unchanged Allow may be narrower only because of a Deny that excludes none of its roles, as far as
        is known."""
        is_unchanged = other is not None and other.identity == item.identity and loss.confidence is not Confidence.HIGH
        return (
            is_unchanged
            and any(_excludes_nothing(denial, item) for denial in self._after)
            and self._cause(item, holders, forward=False)[0] is None
        )

    def _cause(
        self, allow: StatementVersion, holders: Collection[str], *, forward: bool
    ) -> tuple[Position | None, bool]:
        """Return the Deny that was removed and limited one of the holders, and True if it was removed. In the other
        direction, return the Deny or the permissions boundary that limits one of them now.
        """
        with_it = self._before if forward else self._after
        for item in with_it:
            for holder in item.names.principals or ("",):
                if holder not in holders or item.variants[0].effect != "Deny":
                    continue
                if not forward and _excludes_nothing(item, allow):
                    continue
                other = self._counterpart(holder, item)
                if other is None:
                    return item.variants[0].at, forward
                if other.identity != item.identity:
                    return (other if forward else item).variants[0].at, False
        return (None if forward else _narrowing_boundary(*self._attachments, holders)), False


def _excludes_nothing(denial: StatementVersion, allow: StatementVersion) -> bool:
    """True for a Deny that excludes no role of an Allow, as far as is known."""
    roles = [
        RoleSet(tuple(role.pattern for role in one.roles), one.statement.variables, one.complement)
        for one in allow.variants
    ]
    return all(
        one.effect == "Deny"
        and (
            one.scope is Scope.NOT_A_ROLE
            or all(
                spares(one.statement.condition, each, variables=one.statement.variables, where=ANYWHERE)
                for each in roles
            )
        )
        for one in denial.variants
    )


def _trust_changes(old: Configuration, new: Configuration, names: Mapping[str, str]) -> Iterator[TrustChange]:
    """Yield the roles of both versions that more principals may assume. ``names``: old addresses mapped to new ones."""
    before = {names.get(role.resource.address, role.resource.address): role.trust for role in old.roles}
    for role in new.roles:
        address = role.resource.address
        trusted = newly_trusted(before[address], role.trust) if address in before else []
        if trusted:
            yield TrustChange(address, trusted[0].at, tuple(trusted))


def _as_change(
    side: Configuration, now: Sequence[AttachedPolicy], other: Configuration, before: Iterable[AttachedPolicy]
) -> Configuration:
    """Return a version as a change of the other one; both use the names of the new version."""
    old_policies = tuple(policy for policy in before if policy.kind in (PolicyKind.IDENTITY, PolicyKind.BOUNDARY))
    return replace(
        side,
        policies=tuple(now),
        seconds_left=side.seconds_left / _PASSES if side.seconds_left is not None else None,
        change=replace(
            side.change,
            unchanged=(),
            before=old_policies,
            handed_out_before=frozenset(HandedTo),
            attached_before=other.attached,
        ),
    )


def _differs_in_place(item: StatementVersion, other: StatementVersion) -> bool:
    is_carried = other.path.startswith(CARRIED)  # listed as moved, by its place in the other unit
    files = [os.path.basename(one.variants[0].at.file) for one in (item, other)]
    return not is_carried and (item.address, item.path, files[0]) != (other.address, other.path, files[1])


def _rank(finding: Finding) -> tuple[bool, int, int]:
    return finding.suppressed is None, finding.severity.rank, finding.confidence.rank


def _narrowing_boundary(old: Attachments, new: Attachments, holders: Collection[str]) -> Position | None:
    """Return the position of the first boundary of one of the holders that the old version does not have as it is.

    It is the first statement that differs, if the old version has the boundary with other statements.
    """
    before, after = old.boundaries_by_principal(), new.boundaries_by_principal()
    for holder in holders:
        old_policies = [use.policy for use in before.get(holder, ())]
        for use in after.get(holder, ()):
            position = _first_change(use, old_policies)
            if position is not None:
                return position
    return None


def _first_change(use: BoundaryUse, old_policies: Collection[object]) -> Position | None:
    policy = use.policy
    if policy is None:
        return None
    if not isinstance(policy, AttachedPolicy):
        is_known = any(not isinstance(old, AttachedPolicy) and old == policy for old in old_policies)
        return None if is_known or not policy.at.line else policy.at
    same = [
        old
        for old in old_policies
        if isinstance(old, AttachedPolicy) and old.resource.address == policy.resource.address
    ]
    if not same:
        return policy.resource.at
    known = {statement.identity for old in same for statement in parse_document(old.document).statements}
    statements = parse_document(policy.document).statements
    changed = next((statement.at for statement in statements if statement.identity not in known), None)
    if changed is None and {statement.identity for statement in statements} == known:
        return None
    return changed or policy.resource.at
