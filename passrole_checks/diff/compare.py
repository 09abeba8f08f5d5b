"""Compare the access of two versions of infrastructure code by meaning, per principal.

Both directions are one comparison: access in NEW that OLD did not grant is new or widened; access in OLD that NEW does
not grant is removed or narrowed. A statement is widened or narrowed if it has a counterpart in the other version, among
those of the same principal. :mod:`passrole_checks.iam.grants.access_comparison` compares access.
"""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

from passrole_checks.access.principals import unknown_attachments
from passrole_checks.aws.service_principals import known_services
from passrole_checks.diff.blame import CauseFinder
from passrole_checks.diff.change import AccessDifference, GrantChange
from passrole_checks.diff.changed_without_instance import absent_folders, granted_by_absent_module, newly_granted
from passrole_checks.diff.compared_unit import ComparedUnit
from passrole_checks.diff.deployed_access import Deployed, compare_with_account
from passrole_checks.diff.further_examples import separate_repeated_access
from passrole_checks.diff.moved_statements import with_moved_statements
from passrole_checks.diff.plans import RootPlan, with_plans
from passrole_checks.diff.read_versions import Side, VersionReader, changed_left_out
from passrole_checks.diff.trusted_suppressions import with_trusted_suppressions
from passrole_checks.diff.units import AS_BEFORE, UnitPair, Versions, read_and_pair, read_in
from passrole_checks.errors import InputError, internal_error
from passrole_checks.files.gc_pause import gc_paused
from passrole_checks.files.relocate_paths import relocate
from passrole_checks.findings import Confidence
from passrole_checks.iam import deadline
from passrole_checks.iam.documents.policy import parse_document
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.grants.subtract_denials import grants_of
from passrole_checks.scan.account_context import with_account_details
from passrole_checks.scan.analyze import unknown_policy_note
from passrole_checks.scan.merge_variants import with_findings_of
from passrole_checks.scan.missing_sources import dependent_policies, has_unknown_actions, with_counts
from passrole_checks.scan.result import DependentPolicy
from passrole_checks.scan.scanner import Analysis, ReadPaths, ScanOptions, ScanResult, merge_analyses
from passrole_checks.scan.scanner import analyze_or_fault as judged_unit
from passrole_checks.sources.files.read_boundary import Boundary
from passrole_checks.sources.model.configuration import Configuration, Inputs, NoteKind, PolicyKind, Unreadable
from passrole_checks.sources.value_file import added_by_files, with_files


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
    reader = VersionReader(old, new, options, jobs, analyzes=with_scans)
    known_changes = list(changed) if changed is not None else None
    comparison = _Comparison((old, new), options, reader, renames or {}, known_changes, with_scans)
    versions = with_plans(read_and_pair(old, new, reader, renames, new_if_unreadable=with_scans), plans, (old, new))
    if not trusted:
        trust = partial(with_trusted_suppressions, roots=(old.path, new.path), renames=renames or {})
        pairs = tuple(trust(pair, with_scans=with_scans) for pair in versions.pairs)
        variants = tuple((label, trust(pair)) for label, pair in versions.variants)
        versions = replace(versions, pairs=pairs, variants=variants)
    return comparison.difference(versions)


@dataclass(frozen=True)
class _Comparison:
    """State that the steps of a comparison of two versions share; fields as of :func:`compare_versions`."""

    sides: tuple[Side, Side]
    options: ScanOptions
    reader: VersionReader
    renames: Mapping[str, str]
    changed: Sequence[tuple[str | None, str | None]] | None
    with_scans: bool

    def difference(self, versions: Versions) -> AccessDifference:
        """Return the difference of versions that were read."""
        versions, deployed = _with_deployed(versions, self.options)
        units, seconds = _compare_units(versions.pairs, self.options, moves=deployed is None)
        if deployed is not None:
            _keep_only_deployed(units, deployed)
        analyses = self._analyses(versions.pairs) if self.with_scans else None
        self._name_causes(units, seconds)  # uses the remaining time
        variants = [(label, ComparedUnit(pair, self.options)) for label, pair in versions.variants]
        _add_variant_changes({unit.pair.place: unit for unit in units}, variants)
        if analyses is not None:
            self._add_variant_findings(analyses, versions.pairs, variants)
        unreadable, idle = self._unreadable_entries(units, analyses or ())
        left_out = changed_left_out(self.sides, self.changed or ())
        difference = _difference(
            units,
            [*versions.unreadable, *unreadable],
            [*self._notes(versions, idle), *self._granted_by_absent_modules(units)],
            versions.files,
            _merged(*analyses, self.options) if analyses is not None else None,
        )
        if deployed is not None:
            difference = replace(difference, renamed=tuple(sorted({*difference.renamed, *deployed.inferred})))
        return replace(
            difference,
            left_out=len(left_out),
            left_out_files=left_out,
            excluded=versions.excluded,
            unused_values=versions.unused_values,
            touched=_AffectedUnits(versions, units, self) if self.with_scans else None,
        )

    def _notes(self, versions: Versions, idle: Iterable[Unreadable]) -> Iterator[Unreadable]:
        """Yield the notes of both versions. ``idle``: what cannot be read and no change affects."""
        yield from versions.notes
        yield from (replace(entry, reason=f"{AS_BEFORE}: {entry.reason}") for entry in idle)
        for pair in versions.pairs:
            yield from _in_both(self.reader, pair, _unit_notes(pair))
            if not pair.is_same:
                yield from newly_granted(self.reader.moved(pair.old.notes.not_evaluated), pair.new.notes.not_evaluated)
            yield from _account_notes(pair, self.options, only_changed=not self.with_scans)

    def _granted_by_absent_modules(self, units: Sequence[ComparedUnit]) -> Iterator[Unreadable]:
        """Yield notes on the policies in modules without an instance that grant more than in the old version: such a
        module is compared as a root of its own."""
        reader, top = self.reader, os.path.realpath(self.sides[1].path)
        changed = [os.path.join(top, name) for _, name in self.changed or () if name is not None]
        reported = {change.grant.grant.at for unit in units for change in (*unit.new, *unit.widened)}
        for folder, module in self._absent_modules(unit.pair for unit in units).items():
            folders = tuple(f"{name}{os.sep}" for name in absent_folders(module, frozenset()))
            if self.changed is not None and not any(name.startswith(folders) for name in changed):
                continue
            old, new = reader.alone(folder)
            if old is None or new is None:
                continue
            compared = ComparedUnit(UnitPair(old, new), self.options)
            yield from newly_granted(reader.moved(old.notes.not_evaluated), new.notes.not_evaluated)
            for change in (*compared.new, *compared.widened):
                located = change.grant
                if located.grant.at not in reported:  # by another call of the module
                    yield granted_by_absent_module(module, located.resource.address, located.grant.at, change.message)

    def _absent_modules(self, pairs: Iterable[UnitPair]) -> dict[str, Unreadable]:
        """Return the note on each module without an instance. It is not evaluated, so that its unit may be the same."""
        moved = self.reader.moved
        sides = (
            moved(pair.old.notes.not_evaluated) if pair.is_same else pair.new.notes.not_evaluated for pair in pairs
        )
        notes = (note for side in sides for note in side)
        return {note.subject: note for note in notes if note.kind is NoteKind.NO_INSTANCE and note.subject}

    def _name_causes(self, units: Iterable[ComparedUnit], seconds: float) -> None:
        """Add the causes to the changes of units. ``seconds``: the longest time of one comparison."""
        with CauseFinder(*self.sides, self.changed, self.options, seconds) as causes:
            for unit in units:
                with unit.isolated():
                    if unit.pair.readable is not None:
                        unit.new, unit.widened = causes.named(unit.pair.readable, unit.new, unit.widened)

    def _unreadable_entries(
        self, units: Iterable[ComparedUnit], analyses: Iterable[Iterable[Analysis]]
    ) -> tuple[list[Unreadable], list[Unreadable]]:
        """Return what cannot be read in units or analyzed, and separately what is in units that no change affects."""
        counting: list[Unreadable] = []
        idle: list[Unreadable] = []
        for unit in units:
            for entry in _in_both(self.reader, unit.pair, unit.unreadable):
                is_idle = self.changed is not None and unit.pair.is_idle and not entry.fault
                (idle if is_idle else counting).append(entry)
        return [*counting, *(entry for side in analyses for entry in _incomplete_entries(side))], idle

    def _analyses(self, pairs: Sequence[UnitPair]) -> tuple[list[Analysis], list[Analysis]]:
        """Return the analysis of each unit in the old and in the new version."""
        before = [self._analysis(pair.old) for pair in pairs]
        after = [
            self.reader.moved(was) if pair.is_same else judged_unit(pair.new, self.options)
            for pair, was in zip(pairs, before, strict=True)
        ]
        return before, after

    def _analysis(self, old: Configuration) -> Analysis:
        return self.reader.analysis(old) or judged_unit(old, self.options)

    def _add_variant_findings(
        self,
        analyses: tuple[list[Analysis], list[Analysis]],
        pairs: Sequence[UnitPair],
        variants: Iterable[tuple[str, ComparedUnit]],
    ) -> None:
        """Add to the analysis of each unit what it reports with the values of a file only."""
        numbers = {pair.place: number for number, pair in enumerate(pairs)}
        added: tuple[dict[int, list[tuple[str, Analysis]]], ...] = ({}, {})
        for label, unit in variants:
            number, pair = numbers.get(unit.pair.place), unit.pair
            if number is None:
                continue
            before = self._analysis(pair.old) if pair.old.surroundings.values.path else None
            after = self.reader.moved(before) if pair.is_same and before is not None else None
            after = after or judged_unit(pair.new, self.options)
            for side, analysis in zip(added, (before, after), strict=True):
                if analysis is not None:
                    side.setdefault(number, []).append((label, analysis))
        for whole, side in zip(analyses, added, strict=True):
            for number, found in side.items():
                whole[number] = with_findings_of(whole[number], found)


class _AffectedUnits:
    """The units that differ, to compare them again with another text in place of the new version's: what a line would
    change, without reading the others again. Paths are those of the two folders that were compared."""

    def __init__(self, versions: Versions, units: Sequence[ComparedUnit], comparison: _Comparison) -> None:
        self._sides, self._options, self._renames = comparison.sides, comparison.options, comparison.renames
        self._files, self._variants = versions.files, versions.variants
        self._pairs = [one for pair in versions.pairs if not pair.is_same and (one := pair.readable) is not None]
        has_new = any(not pair.old.files for pair in self._pairs)
        self._same = [unit for unit in units if unit.pair.is_same] if has_new else []
        self._before: list[Analysis] | None = None

    def __len__(self) -> int:
        return len(self._pairs)

    @property
    def read(self) -> ReadPaths:
        """Return the units of the new version, and those with the values of files."""
        top = self._sides[1].path
        units = {
            pair.place: (top / pair.place if pair.place not in ("", ".") else top, pair.new)
            for pair in self._pairs
            if pair.new.files
        }
        variants = ((units[pair.place][0], pair.new) for _, pair in self._variants if pair.place in units)
        return ReadPaths(tuple(units.values()), (), (), boundary=Boundary.around(top), variants=tuple(variants))

    def compare_with(self, top: Path) -> AccessDifference | None:
        """Compare these units with the folder ``top`` in place of the new version; paths are named as in the new
        version.

        None if one of them cannot be read any more. Causes are not searched.
        """
        if self._before is None:
            self._before = [judged_unit(pair.old, self._options) for pair in self._pairs]
        pairs = []
        for pair in self._pairs:
            try:
                other = read_in(pair, self._sides[1], top) if pair.new.files else pair.new
            except (InputError, OSError):
                return None
            except Exception as error:  # caused by the trial, not by either version
                internal_error(error)
                return None
            roots = self._sides[0].path, top
            pairs.append(with_trusted_suppressions(replace(pair, new=other), roots, self._renames, with_scans=True))
        units, _ = _compare_units(pairs, self._options, same=self._same)
        after = [judged_unit(pair.new, self._options) for pair in pairs]
        difference = _difference(
            units,
            [*(entry for unit in units for entry in unit.unreadable), *_incomplete_entries((*self._before, *after))],
            (note for pair in pairs for note in _unit_notes(pair)),
            self._files,
            _merged(self._before, after, self._options),
        )
        return relocate(difference, {str(top): str(self._sides[1].path)})


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


def _keep_only_deployed(units: Sequence[ComparedUnit], deployed: Deployed) -> None:
    """Drop, of the access that an account gives and one unit does not, what other units give."""
    alone, paired = ("removed", "narrowed") if deployed.number == 0 else ("new", "widened")
    kept = deployed.only_deployed([[*getattr(unit, alone), *getattr(unit, paired)] for unit in units])
    for unit, changes in zip(units, kept, strict=True):
        for name in (alone, paired):
            setattr(unit, name, [change for change in getattr(unit, name) if change in changes])


def _compare_units(
    pairs: Iterable[UnitPair], options: ScanOptions, *, moves: bool = True, same: Sequence[ComparedUnit] = ()
) -> tuple[list[ComparedUnit], float]:
    """Compare units; return also the longest time of one comparison, in seconds. ``moves``: statements may have moved
    from one to another. ``same``: unchanged units, whose access others may repeat."""
    units: list[ComparedUnit] = []
    seconds = 0.0
    for pair in pairs:
        start = time.process_time()
        units.append(ComparedUnit(pair, options))
        seconds = max(seconds, time.process_time() - start)
    if not moves:
        return units, seconds
    units = with_moved_statements(units, options)
    separate_repeated_access(units, same)
    return units, seconds


def _in_both(reader: VersionReader, pair: UnitPair, entries: Sequence[Unreadable]) -> tuple[Unreadable, ...]:
    """Return the entries of a unit, for both versions if it was read once for both."""
    return (*entries, *reader.moved(tuple(entries))) if pair.is_same else tuple(entries)


def _merged(
    before: Sequence[Analysis], after: Sequence[Analysis], options: ScanOptions
) -> tuple[ScanResult, ScanResult]:
    return merge_analyses(before, options), merge_analyses(after, options)


def _add_variant_changes(units: Mapping[str, ComparedUnit], variants: Iterable[tuple[str, ComparedUnit]]) -> None:
    """Add to units the new and widened access that only their variants have, with the files as path condition.

    ``units``: by their paths. ``variants``: each with the label of its file.
    """
    bases = [(unit.pair.place, change) for unit in units.values() for change in (*unit.new, *unit.widened, *unit.moved)]
    changes = (
        (label, [(unit.pair.place, change, group) for group in ("new", "widened") for change in getattr(unit, group)])
        for label, unit in variants
    )
    known = {_key(*base, "") for base in bases}
    for ((place, change, group), *_), labels in added_by_files(known, changes, lambda added: _key(*added)):
        grant = replace(change.grant, when=with_files(change.grant.when, labels))
        confidence = change.confidence if change.confidence is Confidence.LOW else Confidence.MEDIUM
        getattr(units[place], group).append(replace(change, grant=grant, confidence=confidence))


def _key(place: str, change: GrantChange, _group: str) -> Hashable:
    located = change.grant
    at, address = located.grant.at, located.resource.address
    return place, at, address, located.statement_path, located.principals, located.grant.meaning


def _incomplete_entries(units: Iterable[Analysis]) -> Iterator[Unreadable]:
    """Return the entries of units whose analysis is incomplete."""
    return (entry for unit in units if not unit.is_complete for entry in unit.unreadable)


def _difference(
    units: Sequence[ComparedUnit],
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
    notes = (note for side in sides for note in with_counts(side.notes.not_evaluated, _dependents_in(side)))
    return (*notes, *_other_account(pair))


def _other_account(pair: UnitPair) -> Iterator[Unreadable]:
    """Yield a note if a root is deployed with other credentials, so that its access may be new to another account."""
    before, after = ([text for text, _ in side.provisioning.credentials] for side in (pair.old, pair.new))
    if not (pair.old.files and pair.new.policies):
        return
    if after and before != after:
        text, at = next(
            (entry for entry in pair.new.provisioning.credentials if entry[0] not in before),
            pair.new.provisioning.credentials[0],
        )
        reason = (
            f"the provider has other credentials now ({text}): if they are of another account, all access is new there"
        )
        yield Unreadable(at.file, reason, at.line)
    elif before == after:
        yield from _other_providers(pair.old, pair.new)


def _other_providers(old: Configuration, new: Configuration) -> Iterator[Unreadable]:
    """Yield a note on each resource, or call of a module, whose own provider has other credentials."""
    before, after = ({address: text for address, text, _ in side.provisioning.own_credentials} for side in (old, new))
    places, present = (
        {policy.resource.address: policy.resource.at for policy in (*side.policies, *side.change.unchanged)}
        | {role.resource.address: role.resource.at for role in side.roles}
        | {address: at for address, _, at in side.provisioning.own_credentials}
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
        own_notes = frozenset(side.notes.not_evaluated)
        limits = (note for note in joined.notes.not_evaluated if note.kind is NoteKind.LIMIT_NOT_COUNTED)
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
        for policy in (*side.policies, *side.change.unchanged):
            statements = parse_document(policy.document).statements if policy.kind is PolicyKind.IDENTITY else ()
            if has_unknown_actions(statements):
                yield from dependent_policies(side, policy, grants_of(statements, services))


def _sorted(entries: Iterable[Unreadable]) -> tuple[Unreadable, ...]:
    return tuple(sorted(set(entries), key=lambda entry: (entry.file, entry.line or 0, entry.reason)))
