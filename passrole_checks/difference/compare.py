"""The access of two versions of infrastructure code, compared by meaning, principal by principal.

Both directions are one comparison: what NEW gives that OLD did not is new or widened; what OLD gave that NEW does not
is removed or narrowed. A statement is widened or narrowed where it has a counterpart in the other version, among those
of the same principal. Access is compared as :mod:`passrole_checks.iam.passing.access` does it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path

from passrole_checks.collector import held_back
from passrole_checks.difference.again import Touched
from passrole_checks.difference.causes import Causes
from passrole_checks.difference.change import Change, Difference
from passrole_checks.difference.moved import take_moved
from passrole_checks.difference.reading import Readings, Side, left_out_of
from passrole_checks.difference.renames import called_anew, holding_alike, named_alike, relabelled, renamed
from passrole_checks.difference.statements import Written, by_holder, key_of, pairs_of
from passrole_checks.difference.units import AS_BEFORE, Pair, versions_of
from passrole_checks.difference.wishes import with_old_wishes
from passrole_checks.findings import Finding
from passrole_checks.iam import deadline
from passrole_checks.iam.documents.policy import parse_document
from passrole_checks.iam.passing.passrole import PassRoleGrant, grants_of
from passrole_checks.iam.values import Position
from passrole_checks.judge import unreadable_in
from passrole_checks.knowledge.service_principals import known_services
from passrole_checks.scan import Judged, ScanOptions, ScanResult, findings_of_change, together
from passrole_checks.scan import judged as judged_unit
from passrole_checks.sources.policy_attributes import MANY_ACCOUNTS
from passrole_checks.sources.principal_names import told_apart_in_both
from passrole_checks.sources.resource import (
    AttachedPolicy,
    Configuration,
    Inputs,
    PolicyKind,
    Unreadable,
    noting_faults,
)

_JUDGED = 2  # times that a version is judged: for what is new in it, and as what is gone from the other one


def difference_of(old: Path, new: Path, options: ScanOptions) -> Difference:
    """Compare two files or two folders. Never raises: what cannot be read is in ``unreadable``, and neither it nor its
    counterpart is compared."""
    return difference_between(_side(old, options.inputs), _side(new, options.inputs), options)


def _side(path: Path, inputs: Inputs) -> Side:
    """One version; patterns of exclusions are relative to it if it is a folder."""
    if os.path.isdir(path):
        inputs = replace(inputs, exclusions=replace(inputs.exclusions, roots=((os.path.realpath(path), ""),)))
    return Side(path, inputs)


@held_back()
@deadline.pooled()
def difference_between(
    old: Side,
    new: Side,
    options: ScanOptions,
    *,
    renames: Mapping[str, str] | None = None,
    changed: Iterable[tuple[str | None, str | None]] | None = None,
    trusted: bool = True,
    judged: bool = False,
) -> Difference:
    """Compare two versions, as :func:`difference_of` does; the values are those of each side and not of ``options``.

    ``renames``: files of the old folder with their names in the new one. ``changed``: the files that differ, under
    their names in both (None where it is in one only); without it they are looked for, and with it, what cannot be read
    of a unit of which nothing has changed is only a note. Unless the new version is ``trusted``, its suppressions count
    only where the old one has them too. ``judged``: also scan both.
    """
    told = list(changed) if changed is not None else None
    readings = Readings(old, new, replace(options, unchanged=True))
    versions = versions_of(old, new, readings, renames)
    if not trusted:
        roots = old.path, new.path
        pairs = (with_old_wishes(pair, roots, renames or {}, judged=judged) for pair in versions.pairs)
        versions = replace(versions, pairs=tuple(pairs))
    compared: list[_Compared] = []
    seconds = 0.0  # of the longest comparison
    for pair in versions.pairs:
        start = time.process_time()
        compared.append(_Compared(pair, options))
        seconds = max(seconds, time.process_time() - start)
    units = _judged(versions.pairs, readings, options) if judged else None
    # last, since causes are looked for in what time is left
    with Causes(old, new, told, lambda pair: _Compared(pair, options, only_gains=True), seconds) as causes:
        for one in compared:
            with one.isolated():
                one.new, one.widened = causes.named(one.pair, one.new, one.widened)

    def in_both(pair: Pair, entries: Sequence[Unreadable]) -> tuple[Unreadable, ...]:
        """What is said of a unit, in both versions where it was read once for both."""
        return (*entries, *readings.moved(tuple(entries))) if pair.is_same else tuple(entries)

    unreadable = [
        (told is not None and one.pair.is_idle and not entry.fault, entry)
        for one in compared
        for entry in in_both(one.pair, one.unreadable)
    ]
    unreadable += [(False, entry) for side in units or () for entry in _cut_short(side)]
    as_before = [replace(entry, reason=f"{AS_BEFORE}: {entry.reason}") for idle, entry in unreadable if idle]
    notes = [note for pair in versions.pairs for note in in_both(pair, _notes(pair))]

    left_out = left_out_of((old, new), told or ())

    def settled(pairs: Sequence[Pair], before: Sequence[Judged]) -> Difference:
        """What differs between units that are read again. What of them cannot be read counts as it stands."""
        units = [_Compared(pair, options) for pair in pairs]
        after = [judged_unit(pair.new, options) for pair in pairs]
        return _difference(
            units,
            [
                *(entry for one in units for entry in one.unreadable),
                *_cut_short((*before, *after)),
            ],
            (note for pair in pairs for note in _notes(pair)),
            versions.files,
            (together(before, options), together(after, options)),
        )

    differing = [pair for pair in versions.pairs if not pair.is_same]
    found = _difference(
        compared,
        [*versions.unreadable, *(entry for idle, entry in unreadable if not idle)],
        [*versions.notes, *as_before, *notes],
        versions.files,
        (together(units[0], options), together(units[1], options)) if units is not None else None,
    )
    return replace(
        found,
        left_out=len(left_out),
        left_out_files=left_out,
        excluded=versions.excluded,
        touched=Touched(differing, (old, new), options, renames or {}, settled) if judged else None,
    )


def _judged(pairs: Sequence[Pair], readings: Readings, options: ScanOptions) -> tuple[list[Judged], list[Judged]]:
    """Return what the checks say of each unit, of the old version and of the new one."""
    before = [judged_unit(pair.old, options) for pair in pairs]
    after = [
        readings.moved(was) if pair.is_same else judged_unit(pair.new, options)
        for pair, was in zip(pairs, before, strict=True)
    ]
    return before, after


def _cut_short(units: Iterable[Judged]) -> Iterator[Unreadable]:
    """What is said of units that were not judged to their end."""
    return (entry for unit in units if not unit.is_complete for entry in unit.unreadable)


def _difference(
    units: Sequence[_Compared],
    unreadable: Iterable[Unreadable],
    notes: Iterable[Unreadable],
    files: tuple[tuple[str, ...], tuple[str, ...]],
    scans: tuple[ScanResult, ScanResult] | None,
) -> Difference:
    """What units tell together."""

    moved = tuple(sorted(take_moved(units), key=_order))

    def in_order(name: str) -> tuple[Change, ...]:
        return tuple(sorted((change for one in units for change in getattr(one, name)), key=_order))

    return Difference(
        in_order("new"),
        in_order("widened"),
        in_order("narrowed"),
        in_order("removed"),
        sum(one.unchanged for one in units),
        tuple(sorted({entry for one in units for entry in one.renamed})),
        _sorted(unreadable),
        _sorted(notes),
        files,
        scans=scans,
        moved=moved,
    )


def _order(change: Change) -> tuple[str, int, int, str, str]:
    located = change.grant
    return (
        located.grant.at.file, located.grant.at.line, located.grant.at.column, located.resource.address,
        located.statement_path,
    )  # fmt: skip


def _notes(pair: Pair) -> tuple[Unreadable, ...]:
    return pair.old.not_evaluated if pair.is_same else (*pair.old.not_evaluated, *pair.new.not_evaluated)


def _sorted(entries: Iterable[Unreadable]) -> tuple[Unreadable, ...]:
    return tuple(sorted(set(entries), key=lambda entry: (entry.file, entry.line or 0, entry.reason)))


@dataclass(eq=False)
class _Compared:
    """One unit in its two versions. ``only_gains``: find what is new or widened, not how severe that is, and nothing
    else."""

    pair: Pair
    options: ScanOptions
    only_gains: bool = False
    new: list[Change] = field(default_factory=list)
    widened: list[Change] = field(default_factory=list)
    narrowed: list[Change] = field(default_factory=list)
    removed: list[Change] = field(default_factory=list)
    unchanged: int = 0
    renamed: list[tuple[str, str]] = field(default_factory=list)
    unreadable: list[Unreadable] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._before: list[Written] = []
        self._told: list[Written] = []
        self.is_complete = True  # the time was enough
        sides = self.pair.old, self.pair.new
        seconds = sum(one.seconds_left for one in sides if one.seconds_left is not None) or deadline.SECONDS
        with self.isolated(), deadline.limited(seconds):
            try:
                self._compare()
            except deadline.OutOfTimeError:
                self.is_complete = False
                place = next(iter(self.pair.new.files or self.pair.old.files), self.pair.place)
                self.unreadable.append(Unreadable(place, "not compared to its end: that takes too long"))

    def isolated(self) -> AbstractContextManager[None]:
        """A fault of this package in the comparison of one unit is named, and costs nothing of the others."""
        return noting_faults(next(iter(self.pair.new.files or self.pair.old.files), self.pair.place), self.unreadable)

    def _compare(self) -> None:
        if self.pair.is_same:
            self._as_before(self.pair.new)
            return
        old, new = told_apart_in_both(self.pair.old, self.pair.new)
        names = named_alike(old, new)
        written = [*old.policies, *old.unchanged]
        same = called_anew([renamed(policy, names) for policy in written], old, new, names)
        alike = holding_alike(old, same, new, names)
        same = [relabelled(policy, alike) for policy in same]
        both = {**names, **alike}
        self.renamed = list(both.items())
        self._old_names = {after: before for before, after in both.items()}
        now = [*new.policies, *new.unchanged]
        self._before = self._statements(old, written, same)
        self._after = self._statements(new, now, now)
        self._match()
        stood = _renamed(old, both)
        self._gained(_change(new, now, stood, same), self._after, self.new, self.widened, forward=True)
        if self.only_gains:
            return
        self._gained(_change(stood, same, new, now), self._before, self.removed, self.narrowed, forward=False)
        touched = {id(item) for item in self._told}
        self.unchanged = sum(item.grants and id(item) not in touched for item in self._after)

    def old_statements(self) -> Sequence[Written]:
        """The statements of the old version."""
        return () if self.pair.is_same else self._before

    def _as_before(self, side: Configuration) -> None:
        """Count what is in both, and tell what cannot be read of it."""
        policies = [*side.policies, *side.unchanged]
        self.unchanged = sum(item.grants for item in self._statements(side, policies, policies))
        self.unreadable += side.unreadable
        for policy in policies:
            if policy.kind is PolicyKind.IDENTITY:
                self.unreadable += unreadable_in(policy, parse_document(policy.document))

    def _statements(
        self, side: Configuration, written: Sequence[AttachedPolicy], same: Sequence[AttachedPolicy]
    ) -> list[Written]:
        services: dict[str, Collection[str]] = {name: known_services(name) for name in ("aws", "aws-cn")}
        found = []
        for policy, names in zip(written, same, strict=True):
            if policy.kind is not PolicyKind.IDENTITY:
                continue
            many = policy.resource.type in MANY_ACCOUNTS or policy.resource.type == "AWS::SSO::PermissionSet"
            account = None if many else self.options.account or side.account
            readings: dict[tuple[Position, str], list[PassRoleGrant]] = {}
            for grant in grants_of(parse_document(names.document).statements, services, account):
                readings.setdefault((grant.at, grant.statement.path), []).append(grant)
            for (_, below), grants in readings.items():
                path = "/".join(part for part in (policy.path, below) if part)
                found.append(Written(policy, names, path, tuple(grants)))
        return found

    # -- counterparts

    def _match(self) -> None:
        """Find each statement's counterpart among those of the same holder: the same words first, then the same place
        or Sid, then the only one that is left."""
        self._counterparts: dict[tuple[str, int], Written] = {}
        before, after = by_holder(self._before), by_holder(self._after)
        for holder in before.keys() & after.keys():
            for effect in ("Allow", "Deny"):
                first = [item for item in before[holder] if item.readings[0].effect == effect]
                second = [item for item in after[holder] if item.readings[0].effect == effect]
                for one, other in pairs_of(first, second):
                    self._counterparts[holder, id(one)] = other
                    self._counterparts[holder, id(other)] = one

    def _counterpart(self, holder: str, item: Written) -> Written | None:
        return self._counterparts.get((key_of(holder, item), id(item)))

    # -- changes

    def _gained(
        self,
        change: Configuration,
        statements: Sequence[Written],
        alone: list[Change],
        paired: list[Change],
        *,
        forward: bool,
    ) -> None:
        """Sort what one version gives that the other does not into statements with a counterpart and those without."""
        by_place = {item.place: item for item in statements}
        worst: dict[tuple[int, str], Finding] = {}
        findings, unreadable, is_complete = findings_of_change(change, self.options, weighing=not self.only_gains)
        self.unreadable += unreadable
        self.is_complete &= is_complete
        for finding in findings:
            item = by_place.get((finding.resource.address, finding.statement_path, finding.at))
            for holder in finding.gainers if item is not None else ():
                known = worst.get((id(item), holder))
                if known is None or _rank(finding) > _rank(known):
                    worst[id(item), holder] = finding
        groups: dict[tuple[int, int | None], list[tuple[str, Finding]]] = {}
        items = {id(item): item for item in statements}
        for (number, holder), finding in worst.items():
            other = self._counterpart(holder, items[number])
            groups.setdefault((number, id(other) if other is not None else None), []).append((holder, finding))
        for (number, _), gains in groups.items():
            item = items[number]
            other = self._counterpart(gains[0][0], item)
            holders = [holder for holder, _ in gains]
            said = max((finding for _, finding in gains), key=_rank)
            self._told += [item] if forward or other is None else [other]
            (alone if other is None else paired).append(self._change(item, other, holders, said, forward=forward))

    def _change(
        self, item: Written, other: Written | None, holders: Sequence[str], said: Finding, *, forward: bool
    ) -> Change:
        here = item.located(holders, {} if forward else self._old_names)
        there = other.located(holders, self._old_names if forward else {}) if other is not None else None
        now, before = (here, there) if forward or there is None else (there, here)
        cause, gone = None, False
        if other is not None and other.identity == item.identity:
            cause, gone = self._cause(holders, forward=forward)
        suppressed = said.suppressed is not None
        return Change(now, before, cause, said.severity, said.confidence, said.message, suppressed, gone)

    def _cause(self, holders: Collection[str], *, forward: bool) -> tuple[Position | None, bool]:
        """The Deny that is gone (or, the other way round, has come) and took access away from one of the holders; and
        whether it is gone."""
        with_it = self._before if forward else self._after
        for item in with_it:
            for holder in item.holders():
                if holder not in holders or item.readings[0].effect != "Deny":
                    continue
                other = self._counterpart(holder, item)
                if other is None:
                    return item.readings[0].at, forward
                if other.identity != item.identity:
                    return (other if forward else item).readings[0].at, False
        return None, False


def _change(
    side: Configuration, now: Sequence[AttachedPolicy], other: Configuration, before: Iterable[AttachedPolicy]
) -> Configuration:
    """A version as the change that makes it of the other one; both bear the names of the new version."""
    stood = tuple(policy for policy in before if policy.kind in (PolicyKind.IDENTITY, PolicyKind.BOUNDARY))
    return replace(
        side,
        policies=tuple(now),
        unchanged=(),
        before=stood,
        members_before=other.members,
        boundaries_before=other.boundaries,
        boundary_names_before=other.boundary_names,
        attachments_before=other.attachments,
        seconds_left=side.seconds_left / _JUDGED if side.seconds_left is not None else None,
    )


def _renamed(side: Configuration, names: Mapping[str, str]) -> Configuration:
    """The principals of a version with the names of the new one, in groups and with their boundaries."""
    members = tuple((names.get(group, group), names.get(user, user)) for group, user in side.members)
    boundaries = tuple((names.get(principal, principal), policy) for principal, policy in side.boundaries)
    unheld = tuple((names.get(principal, principal), name) for principal, name in side.boundary_names)
    attached = tuple(replace(one, holder=names.get(one.holder, one.holder)) for one in side.attachments)
    return replace(side, members=members, boundaries=boundaries, boundary_names=unheld, attachments=attached)


def _rank(finding: Finding) -> tuple[bool, int, int]:
    return finding.suppressed is None, finding.severity.rank, finding.confidence.rank
