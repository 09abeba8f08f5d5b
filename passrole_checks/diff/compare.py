"""Compare the access of two versions of infrastructure code by meaning, per principal.

Both directions are one comparison: access in NEW that OLD did not grant is new or widened; access in OLD that NEW does
not grant is removed or narrowed. A statement is widened or narrowed if it has a counterpart in the other version, among
those of the same principal. :mod:`passrole_checks.iam.grants.access_comparison` compares access.
"""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import field, replace
from functools import partial
from pathlib import Path

from passrole_checks.access.access_change import policy_key
from passrole_checks.access.access_model import serves_many_accounts
from passrole_checks.access.principals import Principals, unknown_attachments
from passrole_checks.aws.service_principals import known_services
from passrole_checks.diff.blame import CauseFinder
from passrole_checks.diff.boundary_changes import narrowing_boundary
from passrole_checks.diff.change import AccessDifference, GrantChange, StatementKey, TrustChange
from passrole_checks.diff.changed_without_instance import absent_folders, granted_by_absent_module, newly_granted
from passrole_checks.diff.context import context_of
from passrole_checks.diff.deployed_access import Deployed, compare_with_account
from passrole_checks.diff.further_examples import separate_repeated_access
from passrole_checks.diff.moved_resources import match_modules
from passrole_checks.diff.moved_statements import CARRIED, with_moved_statements
from passrole_checks.diff.plans import RootPlan, with_plans
from passrole_checks.diff.read_versions import Side, VersionReader, changed_left_out
from passrole_checks.diff.renames import (
    match_by_content,
    match_by_name,
    relabel_policy,
    rename_policy,
    update_role_names,
)
from passrole_checks.diff.reread import AffectedUnits
from passrole_checks.diff.statements import StatementVersion, group_by_holder, pair_statements
from passrole_checks.diff.trusted_suppressions import with_trusted_suppressions
from passrole_checks.diff.units import AS_BEFORE, UnitPair, Versions, read_and_pair
from passrole_checks.diff.value_file_variants import add_changes
from passrole_checks.files.gc_pause import gc_paused
from passrole_checks.findings import Confidence, Finding
from passrole_checks.iam import deadline
from passrole_checks.iam.documents.policy import parse_document
from passrole_checks.iam.documents.trust_comparison import newly_trusted
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.grants.grant import PassRoleGrant
from passrole_checks.iam.grants.spared_roles import spares
from passrole_checks.iam.grants.subtract_denials import grants_of
from passrole_checks.iam.partial_values import Position
from passrole_checks.iam.path_conditions import PathCondition
from passrole_checks.iam.roles import arn
from passrole_checks.iam.roles.arn import Scope
from passrole_checks.iam.roles.role_union import RoleSet
from passrole_checks.scan.account_context import with_account_details, with_account_documents
from passrole_checks.scan.analyze import unknown_policy_note, unreadable_in
from passrole_checks.scan.merge_variants import with_findings_of
from passrole_checks.scan.missing_sources import dependent_policies, has_unknown_actions, with_counts
from passrole_checks.scan.result import DependentPolicy, LocatedGrant
from passrole_checks.scan.scanner import Analysis, ScanOptions, ScanResult, findings_of_change, merge_analyses
from passrole_checks.scan.scanner import analyze_or_fault as judged_unit
from passrole_checks.sources.model.configuration import (
    AttachedPolicy,
    Configuration,
    HandedTo,
    Inputs,
    NoteKind,
    PolicyKind,
    Unreadable,
    recording_faults,
)
from passrole_checks.sources.model.principal_names import align_principal_names

_PASSES = 2  # passes over each version: as the new and as the old one


def compare_paths(old: Path, new: Path, options: ScanOptions, jobs: int | None = 1) -> AccessDifference:
    """Compare two files or two folders. Never raises: unreadable files are in ``unreadable``, and neither they nor
    their counterparts are compared. ``jobs``: as for :func:`compare_versions`.
    """
    return compare_versions(_side(old, options.inputs), _side(new, options.inputs), options, jobs=jobs)


def _side(path: Path, inputs: Inputs) -> Side:
    """Return one version; exclusion patterns are relative to it if it is a folder."""
    if os.path.isdir(path):
        inputs = replace(inputs, exclusions=replace(inputs.exclusions, roots=((os.path.realpath(path), ""),)))
    return Side(path, inputs)


@gc_paused()
@deadline.pooled()
def compare_versions(
    old: Side,
    new: Side,
    options: ScanOptions,
    *,
    renames: Mapping[str, str] | None = None,
    changed: Iterable[tuple[str | None, str | None]] | None = None,
    trusted: bool = True,
    with_scans: bool = False,
    plans: Sequence[RootPlan] = (),
    jobs: int | None = 1,
) -> AccessDifference:
    """Compare two versions like :func:`compare_paths`; input values come from each side, not from ``options``.

    ``renames``: old file paths mapped to new ones. ``changed``: the files that differ, under their names in both (None
    if only in one). Without it they are computed; with it, unreadable parts of an unchanged unit are only notes. Unless
    the new version is ``trusted``, its suppressions count only if the old one has them too. ``with_scans``: also scan
    both; units that cannot be read in the old version only then count as new. ``plans``: compared in place of their
    roots. ``jobs``: how many processes read units; None: as many as pay. The result does not depend on it.
    """
    known_changes = list(changed) if changed is not None else None
    reader = VersionReader(old, new, options, jobs, analyzes=with_scans)
    versions = with_plans(read_and_pair(old, new, reader, renames, new_if_unreadable=with_scans), plans, (old, new))
    roots = old.path, new.path
    if not trusted:
        versions = _with_trusted_suppressions(versions, roots, renames or {}, with_scans=with_scans)
    versions, deployed = _with_deployed(versions, options)
    units, seconds = _compare_units(versions.pairs, options, moves=deployed is None)
    if deployed is not None:
        _keep_only_deployed(units, deployed)
    analyses = _analyze_both(versions.pairs, reader, options) if with_scans else None
    _name_causes(units, (old, new), known_changes, options, seconds)  # uses the remaining time
    variants = [(label, _ComparedUnit(pair, options)) for label, pair in versions.variants]
    add_changes({unit.pair.place: unit for unit in units}, variants)
    if analyses is not None:
        _add_variant_findings(analyses, versions.pairs, variants, reader, options)
    unreadable, idle = _unreadable_entries(units, reader, analyses or (), may_be_idle=known_changes is not None)
    left_out = changed_left_out((old, new), known_changes or ())
    difference = _difference(
        units,
        [*versions.unreadable, *unreadable],
        [
            *_notes(versions, idle, reader, options, with_scans=with_scans),
            *_granted_by_absent_modules(units, reader, options, _files_in(new, known_changes)),
        ],
        versions.files,
        (merge_analyses(analyses[0], options), merge_analyses(analyses[1], options)) if analyses is not None else None,
    )
    if deployed is not None:
        difference = replace(difference, renamed=tuple(sorted({*difference.renamed, *deployed.inferred})))
    return replace(
        difference,
        left_out=len(left_out),
        left_out_files=left_out,
        excluded=versions.excluded,
        unused_values=versions.unused_values,
        touched=_affected_units(versions, units, (old, new), options, renames or {}) if with_scans else None,
    )


def _with_trusted_suppressions(
    versions: Versions, roots: tuple[Path, Path], renames: Mapping[str, str], *, with_scans: bool
) -> Versions:
    pairs = (with_trusted_suppressions(pair, roots, renames, with_scans=with_scans) for pair in versions.pairs)
    variants = ((label, with_trusted_suppressions(pair, roots, renames)) for label, pair in versions.variants)
    return replace(versions, pairs=tuple(pairs), variants=tuple(variants))


def _notes(
    versions: Versions, idle: Iterable[Unreadable], reader: VersionReader, options: ScanOptions, *, with_scans: bool
) -> Iterator[Unreadable]:
    """Yield the notes of both versions. ``idle``: what cannot be read and no change affects."""
    yield from versions.notes
    yield from (replace(entry, reason=f"{AS_BEFORE}: {entry.reason}") for entry in idle)
    for pair in versions.pairs:
        yield from _in_both(reader, pair, _unit_notes(pair))
        if not pair.is_same:
            yield from newly_granted(reader.moved(pair.old.not_evaluated), pair.new.not_evaluated)
        yield from _account_notes(pair, options, only_changed=not with_scans)


def _files_in(side: Side, changed: Sequence[tuple[str | None, str | None]] | None) -> list[str] | None:
    """Return the changed files of the new version; None if these are not known."""
    top = os.path.realpath(side.path)
    return [os.path.join(top, name) for _, name in changed if name is not None] if changed is not None else None


def _granted_by_absent_modules(
    units: Sequence[_ComparedUnit], reader: VersionReader, options: ScanOptions, changed: Collection[str] | None
) -> Iterator[Unreadable]:
    """Yield notes on the policies in modules without an instance that grant more than in the old version: such a module
    is compared as a root of its own. ``changed``: the changed files of the new version, if known."""
    reported = {change.grant.grant.at for unit in units for change in (*unit.new, *unit.widened)}
    pairs = [unit.pair for unit in units]
    # such a module is not evaluated, so that its unit may be the same
    sides = (reader.moved(pair.old.not_evaluated) if pair.is_same else pair.new.not_evaluated for pair in pairs)
    notes = (note for side in sides for note in side)
    modules = {note.subject: note for note in notes if note.kind is NoteKind.NO_INSTANCE and note.subject}
    for folder, module in modules.items():
        folders = tuple(f"{name}{os.sep}" for name in absent_folders(module, frozenset()))
        if changed is not None and not any(name.startswith(folders) for name in changed):
            continue
        old, new = reader.alone(folder)
        if old is None or new is None:
            continue
        compared = _ComparedUnit(UnitPair(old, new), options)
        yield from newly_granted(reader.moved(old.not_evaluated), new.not_evaluated)
        for change in (*compared.new, *compared.widened):
            located = change.grant
            if located.grant.at not in reported:  # by another call of the module
                yield granted_by_absent_module(module, located.resource.address, located.grant.at, change.message)


def _name_causes(
    units: Iterable[_ComparedUnit],
    sides: tuple[Side, Side],
    changed: Sequence[tuple[str | None, str | None]] | None,
    options: ScanOptions,
    seconds: float,
) -> None:
    """Add the causes to the changes of units. ``seconds``: the longest time of one comparison."""
    with CauseFinder(*sides, changed, lambda pair: _ComparedUnit(pair, options, only_gains=True), seconds) as causes:
        for unit in units:
            with unit.isolated():
                if unit.pair.readable is not None:
                    unit.new, unit.widened = causes.named(unit.pair.readable, unit.new, unit.widened)


def _affected_units(
    versions: Versions,
    units: Sequence[_ComparedUnit],
    sides: tuple[Side, Side],
    options: ScanOptions,
    renames: Mapping[str, str],
) -> AffectedUnits:
    differing = [one for pair in versions.pairs if not pair.is_same and (one := pair.readable) is not None]
    has_new = any(not pair.old.files for pair in differing)
    same = [unit for unit in units if unit.pair.is_same] if has_new else []
    again = partial(_compare_again, options=options, files=versions.files, same=same)
    return AffectedUnits(differing, versions.variants, sides, options, renames, again)


def _with_deployed(versions: Versions, options: ScanOptions) -> tuple[Versions, Deployed | None]:
    """Return the versions with other pairs if one of them is the IAM entities of an account, and the other is code."""
    sides: tuple[dict[str, Configuration], ...] = ({}, {})
    for pair in versions.pairs:
        for side, unit in zip(sides, (pair.old, pair.new), strict=True):
            side.update({f"{pair.place} {len(side)}": unit} if unit.files else {})
    deployed = compare_with_account(sides, options.account)
    if deployed is None:
        return versions, None
    unreadable, notes = (*versions.unreadable, *deployed.unreadable), (*versions.notes, *deployed.notes)
    return replace(versions, pairs=deployed.pairs, unreadable=unreadable, notes=notes, variants=()), deployed


def _keep_only_deployed(units: Sequence[_ComparedUnit], deployed: Deployed) -> None:
    """Drop, of the access that an account gives and one unit does not, what other units give."""
    alone, paired = ("removed", "narrowed") if deployed.number == 0 else ("new", "widened")
    kept = deployed.only_deployed([[*getattr(unit, alone), *getattr(unit, paired)] for unit in units])
    for unit, changes in zip(units, kept, strict=True):
        for name in (alone, paired):
            setattr(unit, name, [change for change in getattr(unit, name) if change in changes])


def _compare_units(
    pairs: Iterable[UnitPair], options: ScanOptions, *, moves: bool = True, same: Sequence[_ComparedUnit] = ()
) -> tuple[list[_ComparedUnit], float]:
    """Compare units; return also the longest time of one comparison, in seconds. ``moves``: statements may have moved
    from one to another. ``same``: unchanged units, whose access others may repeat."""
    units: list[_ComparedUnit] = []
    seconds = 0.0
    for pair in pairs:
        start = time.process_time()
        units.append(_ComparedUnit(pair, options))
        seconds = max(seconds, time.process_time() - start)
    if not moves:
        return units, seconds
    units = with_moved_statements(units, lambda pair: _ComparedUnit(pair, options))
    separate_repeated_access(units, same)
    return units, seconds


def _compare_again(
    pairs: Sequence[UnitPair],
    before: Sequence[Analysis],
    *,
    options: ScanOptions,
    files: tuple[tuple[str, ...], tuple[str, ...]],
    same: Sequence[_ComparedUnit],
) -> AccessDifference:
    """Return the difference between units that were read again. Everything unreadable in them counts. ``same``: the
    unchanged units, which were not."""
    units, _ = _compare_units(pairs, options, same=same)
    after = [judged_unit(pair.new, options) for pair in pairs]
    return _difference(
        units,
        [*(entry for unit in units for entry in unit.unreadable), *_incomplete_entries((*before, *after))],
        (note for pair in pairs for note in _unit_notes(pair)),
        files,
        (merge_analyses(before, options), merge_analyses(after, options)),
    )


def _in_both(reader: VersionReader, pair: UnitPair, entries: Sequence[Unreadable]) -> tuple[Unreadable, ...]:
    """Return the entries of a unit, for both versions if it was read once for both."""
    return (*entries, *reader.moved(tuple(entries))) if pair.is_same else tuple(entries)


def _unreadable_entries(
    units: Iterable[_ComparedUnit],
    reader: VersionReader,
    analyses: Iterable[Iterable[Analysis]],
    *,
    may_be_idle: bool,
) -> tuple[list[Unreadable], list[Unreadable]]:
    """Return what cannot be read in units or analyzed, and separately what is in units that no change affects."""
    counting: list[Unreadable] = []
    idle: list[Unreadable] = []
    for unit in units:
        for entry in _in_both(reader, unit.pair, unit.unreadable):
            (idle if may_be_idle and unit.pair.is_idle and not entry.fault else counting).append(entry)
    return [*counting, *(entry for side in analyses for entry in _incomplete_entries(side))], idle


def _analyze_both(
    pairs: Sequence[UnitPair], reader: VersionReader, options: ScanOptions
) -> tuple[list[Analysis], list[Analysis]]:
    """Return the analysis of each unit in the old and in the new version."""
    before = [reader.analysis(pair.old) or judged_unit(pair.old, options) for pair in pairs]
    after = [
        reader.moved(was) if pair.is_same else judged_unit(pair.new, options)
        for pair, was in zip(pairs, before, strict=True)
    ]
    return before, after


def _add_variant_findings(
    analyses: tuple[list[Analysis], list[Analysis]],
    pairs: Sequence[UnitPair],
    variants: Iterable[tuple[str, _ComparedUnit]],
    reader: VersionReader,
    options: ScanOptions,
) -> None:
    """Add to the analysis of each unit what it reports with the values of a file only."""
    numbers = {pair.place: number for number, pair in enumerate(pairs)}
    added: tuple[dict[int, list[tuple[str, Analysis]]], ...] = ({}, {})
    for label, unit in variants:
        number, pair = numbers.get(unit.pair.place), unit.pair
        if number is None:
            continue
        before = (reader.analysis(pair.old) or judged_unit(pair.old, options)) if pair.old.values.path else None
        after = reader.moved(before) if pair.is_same and before is not None else judged_unit(pair.new, options)
        for side, analysis in zip(added, (before, after), strict=True):
            if analysis is not None:
                side.setdefault(number, []).append((label, analysis))
    for whole, side in zip(analyses, added, strict=True):
        for number, found in side.items():
            whole[number] = with_findings_of(whole[number], found)


def _incomplete_entries(units: Iterable[Analysis]) -> Iterator[Unreadable]:
    """Return the entries of units whose analysis is incomplete."""
    return (entry for unit in units if not unit.is_complete for entry in unit.unreadable)


def _difference(
    units: Sequence[_ComparedUnit],
    unreadable: Iterable[Unreadable],
    notes: Iterable[Unreadable],
    files: tuple[tuple[str, ...], tuple[str, ...]],
    scans: tuple[ScanResult, ScanResult] | None,
) -> AccessDifference:
    """Merge the differences of units."""

    def in_order(name: str) -> tuple[GrantChange, ...]:
        return tuple(sorted((change for unit in units for change in getattr(unit, name)), key=_order))

    return AccessDifference(
        in_order("new"),
        in_order("widened"),
        in_order("narrowed"),
        in_order("removed"),
        sum(unit.unchanged for unit in units),
        tuple(sorted({entry for unit in units for entry in unit.renamed})),
        _sorted(unreadable),
        _sorted(notes),
        files,
        scans=scans,
        moved=in_order("moved"),
        counterparts=tuple(pair for unit in units for pair in unit.counterparts()),
        trusts=tuple(dict.fromkeys(change for unit in units for change in unit.trusts)),
    )


def _order(change: GrantChange) -> tuple[str, int, int, str, str]:
    located = change.grant
    return (
        located.grant.at.file, located.grant.at.line, located.grant.at.column, located.resource.address,
        located.statement_path,
    )  # fmt: skip


def _unit_notes(pair: UnitPair) -> tuple[Unreadable, ...]:
    """Return what is not evaluated, with the number of policies that depend on each missing source."""
    sides = (pair.new,) if pair.is_same else (pair.old, pair.new)
    notes = (note for side in sides for note in with_counts(side.not_evaluated, _dependents_in(side)))
    return (*notes, *_other_account(pair))


def _other_account(pair: UnitPair) -> Iterator[Unreadable]:
    """Yield a note if a root is deployed with other credentials, so that its access may be new to another account."""
    before, after = ([text for text, _ in side.credentials] for side in (pair.old, pair.new))
    if not (pair.old.files and pair.new.policies):
        return
    if after and before != after:
        text, at = next((entry for entry in pair.new.credentials if entry[0] not in before), pair.new.credentials[0])
        reason = (
            f"the provider has other credentials now ({text}): if they are of another account, all access is new there"
        )
        yield Unreadable(at.file, reason, at.line)
    elif before == after:
        yield from _other_providers(pair.old, pair.new)


def _other_providers(old: Configuration, new: Configuration) -> Iterator[Unreadable]:
    """Yield a note on each resource, or call of a module, whose own provider has other credentials."""
    before, after = ({address: text for address, text, _ in side.own_credentials} for side in (old, new))
    places, present = (
        {policy.resource.address: policy.resource.at for policy in (*side.policies, *side.unchanged)}
        | {role.resource.address: role.resource.at for role in side.roles}
        | {address: at for address, _, at in side.own_credentials}
        for side in (old, new)
    )
    for address in sorted({*before, *after} & places.keys() & present.keys()):
        text, at = after.get(address, "the default provider"), present[address]
        if before.get(address, "the default provider") != text:
            reason = (
                f"{address} has another provider now ({text}): if that is of another account, its access is new there"
            )
            yield Unreadable(at.file, reason, at.line)


def _account_notes(pair: UnitPair, options: ScanOptions, *, only_changed: bool) -> Iterator[Unreadable]:
    """Yield a note on each attachment of a policy whose content is unknown, and on each limit of the account that the
    code removes, if the versions of the unit differ.

    ``only_changed``: leave out what both versions have.
    """
    notes: list[dict[str, Unreadable]] = []
    for side in () if pair.is_same else (pair.old, pair.new):
        joined = with_account_details(side, options)[0]
        own_notes = frozenset(side.not_evaluated)
        limits = (note for note in joined.not_evaluated if note.kind is NoteKind.LIMIT_NOT_COUNTED)
        notes.append({note.reason: note for note in limits if note not in own_notes})
        for attachment in unknown_attachments(joined):
            note = unknown_policy_note(attachment)
            subject = f"{note.subject} {attachment.holder}"
            notes[-1].setdefault(subject, replace(note, subject=subject))
    for own, other in zip(notes, reversed(notes), strict=True):
        yield from (note for subject, note in own.items() if not only_changed or subject not in other)


def _dependents_in(side: Configuration) -> Iterator[DependentPolicy]:
    services: dict[str, Collection[str]] = {name: known_services(name) for name in ("aws", "aws-cn")}
    with suppress(Exception):  # the comparison of the unit reports it
        for policy in (*side.policies, *side.unchanged):
            statements = parse_document(policy.document).statements if policy.kind is PolicyKind.IDENTITY else ()
            if has_unknown_actions(statements):
                yield from dependent_policies(side, policy, grants_of(statements, services))


def _sorted(entries: Iterable[Unreadable]) -> tuple[Unreadable, ...]:
    return tuple(sorted(set(entries), key=lambda entry: (entry.file, entry.line or 0, entry.reason)))


@dataclass(eq=False)
class _ComparedUnit:
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
        written = [*old.policies, *old.unchanged]
        same = update_role_names([rename_policy(policy, names) for policy in written], old, new, names)
        alike = match_by_content(old, same, new, names)
        same = [relabel_policy(policy, alike) for policy in same]
        both = {**names, **alike}
        managed = self._managed(old)
        self.renamed = list(both.items())
        self._old_names = {after: before for before, after in both.items()}
        now = [*new.policies, *new.unchanged]
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
        policies = [*side.policies, *side.unchanged]
        self.unchanged = sum(item.grants for item in self._statements(side, [*policies, *self._managed(side)]))
        self.unreadable += side.unreadable
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
            variants: dict[tuple[Position, str], list[PassRoleGrant]] = {}
            statements, counts = parse_document(names.document).statements, principals.counts_denials(policy)
            for grant in grants_of(statements, services, account, counts_denials=counts):
                variants.setdefault((grant.at, grant.statement.path), []).append(grant)
            for (_, below), grants in variants.items():
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
            if finding.managed:
                path = "/".join((path, finding.grant.statement.path))
            item = by_place.get((finding.resource.address, path, finding.at))
            for holder in finding.gainers if item is not None else ():
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
        return (None if forward else narrowing_boundary(*self._attachments, holders)), False


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
                spares(one.statement.condition, each, variables=one.statement.variables, where=arn.ANYWHERE)
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
        unchanged=(),
        before=old_policies,
        handed_out_before=frozenset(HandedTo),
        attached_before=other.attached,
        seconds_left=side.seconds_left / _PASSES if side.seconds_left is not None else None,
    )


def _differs_in_place(item: StatementVersion, other: StatementVersion) -> bool:
    is_carried = other.path.startswith(CARRIED)  # listed as moved, by its place in the other unit
    files = [os.path.basename(one.variants[0].at.file) for one in (item, other)]
    return not is_carried and (item.address, item.path, files[0]) != (other.address, other.path, files[1])


def _rank(finding: Finding) -> tuple[bool, int, int]:
    return finding.suppressed is None, finding.severity.rank, finding.confidence.rank
