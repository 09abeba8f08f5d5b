"""Which changed line makes a difference where the statement's own lines are as they were.

It is found by trial: changes are taken back in a copy of the new version until the fewest are left without which the
difference is not there. So it does not matter by which way a line has its effect (a default, a local, an argument of a
module, a parameter, a mapping, a file of values, an attachment), and no line is named that makes no difference.
"""

from __future__ import annotations

import os
import stat
import tempfile
import time
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Protocol

from passrole_checks.contents import content_of
from passrole_checks.difference.change import Change
from passrole_checks.difference.reading import Side, difference_at
from passrole_checks.difference.text_changes import ChangedFile, changed_file
from passrole_checks.difference.units import Pair
from passrole_checks.errors import InputError
from passrole_checks.iam.values import Position, holes_in
from passrole_checks.sources.resource import Configuration, Framework, Inputs, Unreadable, faults_in
from passrole_checks.sources.walk import walk

_MOST_TRIALS = 300
_MOST_WORK = 20_000_000  # bytes of files that all trials read; in them is what evaluating takes
_LEAST_WORK = 10_000  # of one trial
_MOST_SECONDS = 5.0  # of processor time, for what the work does not tell
_FEW = 16  # changes that are tried one by one
_LARGEST = 50_000_000

_Atom = tuple[int, int]  # the number of a file, and that of a piece in it
_Found = frozenset[tuple[str, str, Hashable]]  # who has something new, in which resource, by which statement


class Compared(Protocol):
    """What the comparison of a unit says; ``unreadable`` with its faults. ``is_complete``: the time was enough."""

    unreadable: list[Unreadable]
    is_complete: bool
    new: list[Change]
    widened: list[Change]


class Causes:
    """Looks for causes, as a context, since it needs a folder to try in. Names none where none can be told: too many
    changes, or what makes the difference is in no text of these two versions."""

    def __init__(
        self,
        old: Side,
        new: Side,
        changed: Iterable[tuple[str | None, str | None]] | None,
        compare: Callable[[Pair], Compared],
        seconds: float = 0.0,
    ) -> None:
        self._old, self._new = old, new
        self._told = changed
        self._compare = compare
        self._files: list[ChangedFile] | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._trials = self._work = 0
        self._until = 0.0
        self._longest = seconds  # that one trial may take
        self._is_spent = False

    def __enter__(self) -> Causes:
        return self

    def __exit__(self, *_: object) -> None:
        if self._folder is not None:
            self._folder.cleanup()

    def named(self, pair: Pair, new: Sequence[Change], widened: Sequence[Change]) -> tuple[list[Change], list[Change]]:
        """The changes of a unit, with their causes where they are elsewhere."""
        if not any(self._is_elsewhere(change) for change in (*new, *widened)):
            return list(new), list(widened)
        unit = _Unit(pair, {})
        return [self._with_cause(unit, one) for one in new], [self._with_cause(unit, one) for one in widened]

    def _is_elsewhere(self, change: Change) -> bool:
        """Whether the lines of the statement itself are as they were."""
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
            piece.says_something and piece.is_within(at.line, end, old=old) for piece in file.pieces
        )

    def _with_cause(self, unit: _Unit, change: Change) -> Change:
        if not self._is_elsewhere(change):
            return change
        wanted = _who_by_what([change])

        def gone_without(atoms: Collection[_Atom]) -> bool:
            found = self._trial(unit, frozenset(atoms))
            return found is not None and not found & wanted

        every = self._atoms(unit)
        own = [atom for atom in every if self._is_of(unit, atom)]
        if not every or not self._still_there(unit, wanted):
            return change
        start = next((atoms for atoms in (own, every) if atoms and gone_without(atoms)), None)
        if start is None:
            return change
        fewest = _fewest(start, gone_without)
        if self._is_spent and len(fewest) > 1:
            return change  # some of them may make no difference
        place = [self._position(atom) for atom in fewest]
        position, gone = min(place, key=lambda one: (one[1], one[0].file, one[0].line))
        return replace(change, cause=position, cause_removed=gone)

    # -- what differs

    def _changed_files(self) -> list[ChangedFile]:
        if self._files is None:
            found = (
                changed_file(
                    old or "", new or "",
                    self._place(self._old, old) if old is not None else None,
                    self._place(self._new, new) if new is not None else None,
                )
                for old, new in (self._told if self._told is not None else self._differing())
            )  # fmt: skip
            self._files = [one for one in found if one is not None]
            self._by_place = {
                (old, os.path.realpath(self._place(side, one.old_name if old else one.new_name))): one
                for one in self._files
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
        """The changes that may have an effect, those in the unit's own files first."""
        found = [
            (number, piece)
            for number, file in enumerate(self._changed_files())
            if self._matters(unit, file)
            for piece in range(len(file.pieces))
            if file.pieces[piece].says_something
        ]
        return sorted(found, key=lambda atom: (not self._is_of(unit, atom), atom))

    def _matters(self, unit: _Unit, file: ChangedFile) -> bool:
        """Whether the reading of either version has looked at a file."""
        if not file.old_name and not file.new_name:
            return True  # two files are compared
        names = [(file.old_name or None, file.new_name or None)]
        return any(
            looked is not None and difference_at(os.path.realpath(side.path), names).concerns(looked)
            for side, looked in zip((self._old, self._new), unit.pair.looked_at, strict=True)
        )

    def _is_of(self, unit: _Unit, atom: _Atom) -> bool:
        file = self._changed_files()[atom[0]]
        places = (self._place(self._old, file.old_name), self._place(self._new, file.new_name))
        return any(os.path.realpath(place) in unit.files for place in places)

    def _position(self, atom: _Atom) -> tuple[Position, bool]:
        file = self._changed_files()[atom[0]]
        line, gone = file.line_of(file.pieces[atom[1]])
        place = self._place(self._old, file.old_name) if gone else self._place(self._new, file.new_name)
        return Position(str(place), line), gone

    # -- trials

    def _still_there(self, unit: _Unit, wanted: _Found) -> bool:
        """Whether the copy shows the difference at all: it has not everything that the version itself has beside it."""
        found = self._trial(unit, frozenset())
        return found is not None and bool(found & wanted)

    def _trial(self, unit: _Unit, atoms: frozenset[_Atom]) -> _Found | None:
        """What is new or widened without these changes; None where that cannot be read, or there is no time left."""
        if atoms not in unit.known:
            if self._trials == 0:
                self._until = time.process_time() + _MOST_SECONDS
            self._trials += 1
            self._work += unit.work
            start = time.process_time()
            if self._trials > _MOST_TRIALS or self._work > _MOST_WORK or start + self._longest > self._until:
                self._is_spent = True
                return None
            unit.known[atoms] = self._tried(unit, atoms)
            self._longest = max(self._longest, time.process_time() - start)
        return unit.known[atoms]

    def _tried(self, unit: _Unit, atoms: frozenset[_Atom]) -> _Found | None:
        pair, files = unit.pair, self._changed_files()
        top = self._copy()
        touched = {number for number, _ in atoms}
        try:
            for number in touched:
                text = files[number].without({piece for file, piece in atoms if file == number})
                _put(top, files[number].new_name or files[number].old_name, text)
                if not text and files[number].is_new:
                    (top / files[number].new_name).unlink()  # an empty file is not always as good as none
            other = self._read(pair, top)
        except (InputError, OSError):
            return None
        finally:
            for number in touched:
                name = files[number].new_name
                if name or not files[number].old_name:
                    _put(top, name, "".join(files[number].new))
                else:
                    (top / files[number].old_name).unlink(missing_ok=True)
        reasons = sorted(entry.reason for entry in pair.new.unreadable)
        if sorted(entry.reason for entry in other.unreadable) != reasons:
            return None
        if not _unknown(other) <= unit.unknown:
            return None  # it refers to what was taken back
        compared = self._compare(replace(pair, new=replace(other, suppressions=())))
        if not compared.is_complete or faults_in(compared.unreadable):
            return None
        return _who_by_what([*compared.new, *compared.widened])

    def _read(self, pair: Pair, top: Path) -> Configuration:
        from passrole_checks.sources import detect  # the readers are heavy

        place = top / pair.place if pair.place not in ("", ".") else top
        if pair.new.framework is Framework.TERRAFORM and not place.is_dir():
            raise InputError(str(place), "one file of a Terraform folder")
        boundary = top if top.is_dir() else top.parent
        unit = detect.Unit(pair.new.framework, place, boundary=boundary)
        return detect.load(unit, unchanged=True, inputs=self._inputs(top))

    def _inputs(self, top: Path) -> Inputs:
        root = Path(os.path.realpath(self._new.path))

        def there(path: Path) -> Path:
            real = Path(os.path.realpath(path))
            return top / real.relative_to(root) if real.is_relative_to(root) else path

        inputs = self._new.inputs
        source = there(inputs.source) if inputs.source is not None else None
        exclusions = inputs.exclusions.moved(str(root), str(top))
        return replace(inputs, var_files=tuple(map(there, inputs.var_files)), source=source, exclusions=exclusions)

    def _copy(self) -> Path:
        """The new version once more, to change it."""
        root = self._new.path
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="passrole-checks-")
            top = Path(os.path.realpath(self._folder.name))
            (top / ".git").mkdir()  # the sources read no file beyond it
            if not root.is_dir():
                (top / root.name).write_bytes(root.read_bytes())
            for file in walk(root, lambda *_: None) if root.is_dir() else ():
                if file.stat().st_size <= _LARGEST:
                    place = top / os.path.relpath(file, root)
                    place.parent.mkdir(parents=True, exist_ok=True)
                    _copied(file, place, link=self._new.sealed)
        top = Path(os.path.realpath(self._folder.name))
        return top if root.is_dir() else top / root.name


class _Unit:
    """A pair, its files, and what the trials with it have said."""

    def __init__(self, pair: Pair, known: dict[frozenset[_Atom], _Found | None]) -> None:
        self.pair, self.known = pair, known
        self.files = {os.path.realpath(file) for file in (*pair.old.files, *pair.new.files)}
        looked = pair.looked_at[1]
        self.work = max(_LEAST_WORK, sum(map(_size, looked.files if looked is not None else pair.new.files)))

    @cached_property
    def unknown(self) -> frozenset[str]:
        """Return the expressions that are not known in the policies of either version."""
        return _unknown(self.pair.old) | _unknown(self.pair.new)


def _size(file: str) -> int:
    try:
        status = os.stat(file)
    except (OSError, ValueError):
        return 0
    return status.st_size if stat.S_ISREG(status.st_mode) else 0


def _who_by_what(changes: Iterable[Change]) -> _Found:
    """A statement is told by its place and by its words as well, since the one before it may be taken back."""
    return frozenset(
        (who, change.grant.resource.address, what)
        for change in changes
        for what in (change.grant.statement_path, change.grant.grant.statement.identity)
        for who in change.grant.principals or ("",)
    )


def _unknown(side: Configuration) -> frozenset[str]:
    """The expressions that are not known in the policies of a version."""
    policies = (*side.policies, *side.unchanged)
    return frozenset(hole.expression for policy in policies for hole in holes_in(policy.document))


def _copied(file: Path, place: Path, *, link: bool) -> None:
    """Copy a file; as a ``link`` to it where it is a temporary one like the copy."""
    if link:
        try:
            os.link(file, place)
            return
        except OSError:
            pass
    with suppress(OSError):  # it could not be read before either
        place.write_bytes(content_of(file, _LARGEST))


def _put(top: Path, name: str, text: str) -> None:
    place = top / name if name else top
    place.parent.mkdir(parents=True, exist_ok=True)
    place.unlink(missing_ok=True)  # it may be a link to the version itself
    place.write_bytes(text.encode("utf-8"))


def _fewest(atoms: Sequence[_Atom], gone_without: Callable[[Collection[_Atom]], bool]) -> Sequence[_Atom]:
    """A part of ``atoms`` of which none can be left out: halves first, then, of a few, each alone, and what is left
    when they are left out one by one."""
    while len(atoms) > 1:
        middle = len(atoms) // 2
        half = next((part for part in (atoms[:middle], atoms[middle:]) if gone_without(part)), None)
        if half is None:
            break
        atoms = half
    size = len(atoms) // 4
    while len(atoms) > _FEW and size:  # what counts together may be far apart
        at = 0
        while at < len(atoms):
            rest = [*atoms[:at], *atoms[at + size :]]
            if rest and gone_without(rest):
                atoms = rest
            else:
                at += size
        size //= 2
    few = atoms if 1 < len(atoms) <= _FEW else ()
    alone = next((atom for atom in few if gone_without([atom])), None)  # half of them may not stand without the others
    if alone is not None:
        return [alone]
    for atom in few:
        rest = [one for one in atoms if one != atom]
        if rest and gone_without(rest):
            atoms = rest
    return atoms
