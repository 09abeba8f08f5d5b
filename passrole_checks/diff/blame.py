"""Find the changed line that causes a difference if the statement's own lines are unchanged.

It is found by trial: changes are reverted in a copy of the new version until a minimal set remains without which the
difference disappears. This works however a line takes effect (a default, a local, a module argument, a parameter, a
mapping, a value file, an attachment), and never names a line without effect.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path

from passrole_checks.diff.change import GrantChange
from passrole_checks.diff.compared_unit import ComparedUnit
from passrole_checks.diff.moved_resources import names_in_code
from passrole_checks.diff.read_versions import Side, difference_at
from passrole_checks.diff.text_changes import ChangedFile, changed_file
from passrole_checks.diff.units import UnitPair, read_in
from passrole_checks.errors import InputError
from passrole_checks.iam.values.nodes import Position, unresolved_in
from passrole_checks.scan.scanner import ScanOptions
from passrole_checks.sources.files.trial_copy import TrialCopy
from passrole_checks.sources.files.walk import walk
from passrole_checks.sources.model.configuration import Configuration, faults_in
from passrole_checks.sources.model.links import Link

_MOST_TRIALS = 300
_MOST_WORK = 20_000_000  # bytes of files read in all trials, as a measure of evaluation work
_LEAST_WORK = 10_000  # minimum work counted per trial
_MOST_SECONDS = 5.0  # processor time, because work is only an estimate
_FEW = 16  # up to this many changes are tried one by one

_Atom = tuple[int, int]  # the index of a file, and of a changed piece in it
_Trial = tuple[frozenset[_Atom], tuple[Link, ...] | None]  # what is reverted, and the values of other roots
_ChangeKeys = frozenset[tuple[str, str, Hashable]]  # principal, resource, statement


class CauseFinder:
    """Context manager that finds causes, using a temporary folder for trials. It names none if there are too many
    changes, or if the cause is not in the text of the two versions.
    """

    def __init__(
        self,
        old: Side,
        new: Side,
        changed: Iterable[tuple[str | None, str | None]] | None,
        options: ScanOptions,
        seconds: float = 0.0,
    ) -> None:
        self._old, self._new = old, new
        self._changed = changed
        self._options = options
        self._files: list[ChangedFile] | None = None
        self._copy = TrialCopy(new.path, link=new.sealed)
        self._trials = self._work = 0
        self._deadline = 0.0
        self._longest = seconds  # the longest trial so far
        self._is_spent = False

    def __enter__(self) -> CauseFinder:
        return self

    def __exit__(self, *_: object) -> None:
        self._copy.delete()

    def named(
        self, pair: UnitPair, new: Sequence[GrantChange], widened: Sequence[GrantChange]
    ) -> tuple[list[GrantChange], list[GrantChange]]:
        """Return the new and widened changes of a unit, with causes for those whose cause is elsewhere."""
        if not any(self._is_elsewhere(change) for change in (*new, *widened)):
            return list(new), list(widened)
        unit = _Unit(pair, {})
        return [self._with_cause(unit, one) for one in new], [self._with_cause(unit, one) for one in widened]

    def _is_elsewhere(self, change: GrantChange) -> bool:
        """True if the lines of the statement itself are unchanged."""
        if change.cause is not None:
            return False
        before = change.before
        return not (
            self._touches(change.grant.grant.at) or (before is not None and self._touches(before.grant.at, old=True))
        )

    def _touches(self, at: Position, *, old: bool = False) -> bool:
        self._changed_files()
        file = self._by_place.get((old, os.path.realpath(at.file)))
        end = max(at.line, at.end_line)
        return file is not None and any(
            piece.is_meaningful and piece.is_within(at.line, end, old=old) for piece in file.pieces
        )

    def _with_cause(self, unit: _Unit, change: GrantChange) -> GrantChange:
        if not self._is_elsewhere(change):
            return change
        wanted = _change_keys([change])
        seen_by_others = self._link_that_causes(unit, wanted, names_in_code(change.grant.principals))
        if seen_by_others is not None:
            return replace(change, cause=seen_by_others[0], cause_removed=seen_by_others[1])

        def is_gone_without(atoms: Collection[_Atom]) -> bool:
            found = self._try_without(unit, frozenset(atoms))
            return found is not None and not found & wanted

        every = self._atoms(unit)
        own = [atom for atom in every if self._is_of(unit, atom)]
        if not every or not (self._try_without(unit, frozenset()) or frozenset()) & wanted:
            return change
        start = next((atoms for atoms in (own, every) if atoms and is_gone_without(atoms)), None)
        if start is None:
            return change
        fewest = _minimize(start, is_gone_without)
        if self._is_spent and len(fewest) > 1:
            return change  # some of them may have no effect
        place = [self._position(atom, names_in_code(change.grant.principals)) for atom in fewest]
        position, gone = min(place, key=lambda one: (one[1], one[0].file, one[0].line))
        return replace(change, cause=position, cause_removed=gone)

    def _link_that_causes(
        self, unit: _Unit, wanted: _ChangeKeys, names: Collection[str]
    ) -> tuple[Position, bool] | None:
        """Return the changed line at which another root passes a value without whose change the difference
        disappears, and if it is one of the old version; None if there is none."""
        old, new = unit.pair.old.surroundings.links, unit.pair.new.surroundings.links
        for link in new if old != new else ():
            atom = self._atom_at(link.at) if link not in old else None
            if atom is not None:
                others = (one for one in new if one.slot != link.slot)
                reverted = (*others, *(one for one in old if one.slot == link.slot))
                found = self._try_without(unit, frozenset(), reverted)
                if found is not None and not found & wanted:
                    return self._position(atom, names)
        return None

    def _atom_at(self, at: Position) -> _Atom | None:
        """Return the first meaningful change within a position in the new version; None if there is none."""
        for number, file in enumerate(self._changed_files()):
            if os.path.realpath(self._place(self._new, file.new_name)) == os.path.realpath(at.file):
                for piece, changed in enumerate(file.pieces):
                    end = max(at.line, at.end_line)
                    if changed.is_meaningful and changed.is_within(at.line, end, old=False):
                        return number, piece
        return None

    # -- what differs

    def _changed_files(self) -> list[ChangedFile]:
        if self._files is None:
            found = (
                changed_file(
                    old or "", new or "",
                    self._place(self._old, old) if old is not None else None,
                    self._place(self._new, new) if new is not None else None,
                )
                for old, new in (self._changed if self._changed is not None else self._differing())
            )  # fmt: skip
            self._files = [one for one in found if one is not None]
            self._by_place = {
                (old, os.path.realpath(self._place(side, file.old_name if old else file.new_name))): file
                for file in self._files
                for old, side in ((False, self._new), (True, self._old))
            }
        return self._files

    def _differing(self) -> Iterator[tuple[str | None, str | None]]:
        roots = [side.path for side in (self._old, self._new)]
        if not all(map(os.path.isdir, roots)):
            if all(map(os.path.isfile, roots)):
                yield "", ""
            return
        there, here = ({os.path.relpath(file, root) for file in walk(root, lambda *_: None)} for root in roots)
        for name in sorted(there | here):
            yield name if name in there else None, name if name in here else None

    @staticmethod
    def _place(side: Side, name: str) -> Path:
        return side.path / name if name else side.path

    def _atoms(self, unit: _Unit) -> list[_Atom]:
        """Return the changes that may have an effect, those in the unit's own files first."""
        found = [
            (number, piece)
            for number, file in enumerate(self._changed_files())
            if self._matters(unit, file)
            for piece in range(len(file.pieces))
            if file.pieces[piece].is_meaningful
        ]
        return sorted(found, key=lambda atom: (not self._is_of(unit, atom), atom))

    def _matters(self, unit: _Unit, file: ChangedFile) -> bool:
        """True if reading either version accessed the file."""
        if not file.old_name and not file.new_name:
            return True  # two files are compared
        names = [(file.old_name or None, file.new_name or None)]
        return any(
            accesses is not None and difference_at(os.path.realpath(side.path), names).concerns(accesses)
            for side, accesses in zip((self._old, self._new), unit.pair.accesses, strict=True)
        )

    def _is_of(self, unit: _Unit, atom: _Atom) -> bool:
        file = self._changed_files()[atom[0]]
        places = (self._place(self._old, file.old_name), self._place(self._new, file.new_name))
        return any(os.path.realpath(place) in unit.files for place in places)

    def _position(self, atom: _Atom, names: Collection[str]) -> tuple[Position, bool]:
        file = self._changed_files()[atom[0]]
        line, gone = file.line_of(file.pieces[atom[1]], names)
        place = self._place(self._old, file.old_name) if gone else self._place(self._new, file.new_name)
        return Position(str(place), line), gone

    # -- trials

    def _try_without(
        self, unit: _Unit, atoms: frozenset[_Atom], links: tuple[Link, ...] | None = None
    ) -> _ChangeKeys | None:
        """Return the new and widened access without these changes; None if it cannot be read or time is up.

        ``links``: the values that other roots pass instead of those of the new version.
        """
        if (atoms, links) not in unit.known:
            if self._trials == 0:
                self._deadline = time.process_time() + _MOST_SECONDS
            self._trials += 1
            self._work += unit.work
            start = time.process_time()
            if self._trials > _MOST_TRIALS or self._work > _MOST_WORK or start + self._longest > self._deadline:
                self._is_spent = True
                return None
            unit.known[atoms, links] = self._scan_without(unit, atoms, links)
            self._longest = max(self._longest, time.process_time() - start)
        return unit.known[atoms, links]

    def _scan_without(self, unit: _Unit, atoms: frozenset[_Atom], links: tuple[Link, ...] | None) -> _ChangeKeys | None:
        pair, files = unit.pair, self._changed_files()
        if links is not None:
            pair = replace(pair, new=replace(pair.new, surroundings=replace(pair.new.surroundings, links=links)))
        texts: dict[str, str | None] = {}
        for number in {number for number, _ in atoms}:
            text = files[number].without({piece for file, piece in atoms if file == number})
            # an empty file may differ from a missing one
            name = files[number].new_name or files[number].old_name
            texts[name] = text if text or not files[number].is_new else None
        try:
            with self._copy.with_texts(texts) as top:
                other = read_in(pair, self._new, top)
        except (InputError, OSError):
            return None
        reasons = sorted(entry.reason for entry in pair.new.notes.unreadable)
        if sorted(entry.reason for entry in other.notes.unreadable) != reasons:
            return None
        if not _unresolved_expressions(other) <= unit.unknown:
            return None  # it refers to something that was reverted
        trial = replace(pair, new=replace(other, notes=replace(other.notes, suppressions=())))
        compared = ComparedUnit(trial, self._options, only_gains=True)
        if not compared.is_complete or faults_in(compared.unreadable):
            return None
        return _change_keys([*compared.new, *compared.widened])


class _Unit:
    """A pair with its files and the results of its trials."""

    def __init__(self, pair: UnitPair, known: dict[_Trial, _ChangeKeys | None]) -> None:
        self.pair, self.known = pair, known
        self.files = {os.path.realpath(file) for file in (*pair.old.files, *pair.new.files)}
        accesses = pair.accesses[1]
        self.work = max(_LEAST_WORK, sum(map(_size, accesses.files if accesses is not None else pair.new.files)))

    @cached_property
    def unknown(self) -> frozenset[str]:
        """Return the unresolved expressions in the policies of either version."""
        return _unresolved_expressions(self.pair.old) | _unresolved_expressions(self.pair.new)


def _size(file: str) -> int:
    try:
        status = os.stat(file)
    except (OSError, ValueError):
        return 0
    return status.st_size if stat.S_ISREG(status.st_mode) else 0


def _change_keys(changes: Iterable[GrantChange]) -> _ChangeKeys:
    """Return the changes as (principal, resource, statement) keys. A statement is identified by path and by content,
    because a preceding one may be reverted.
    """
    return frozenset(
        (who, change.grant.resource.address, what)
        for change in changes
        for what in (change.grant.statement_path, change.grant.grant.statement.identity)
        for who in change.grant.principals or ("",)
    )


def _unresolved_expressions(side: Configuration) -> frozenset[str]:
    """Return the unresolved expressions in the policies of a version."""
    policies = (*side.policies, *side.change.unchanged)
    return frozenset(unresolved.expression for policy in policies for unresolved in unresolved_in(policy.document))


def _minimize(atoms: Sequence[_Atom], is_gone_without: Callable[[Collection[_Atom]], bool]) -> Sequence[_Atom]:
    """Return a subset of ``atoms`` from which none can be left out.

    Try halves first; then, for a few, each alone and the rest without each.
    """
    while len(atoms) > 1:
        middle = len(atoms) // 2
        half = next((part for part in (atoms[:middle], atoms[middle:]) if is_gone_without(part)), None)
        if half is None:
            break
        atoms = half
    size = len(atoms) // 4
    while len(atoms) > _FEW and size:  # changes that act together may be far apart
        at = 0
        while at < len(atoms):
            rest = [*atoms[:at], *atoms[at + size :]]
            if rest and is_gone_without(rest):
                atoms = rest
            else:
                at += size
        size //= 2
    few = atoms if 1 < len(atoms) <= _FEW else ()
    alone = next((atom for atom in few if is_gone_without([atom])), None)  # a half may be invalid without the rest
    if alone is not None:
        return [alone]
    for atom in few:
        rest = [one for one in atoms if one != atom]
        if rest and is_gone_without(rest):
            atoms = rest
    return atoms
