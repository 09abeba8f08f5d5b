"""Read the units of two versions; a unit that no change affects is read and evaluated once for both.

Reading depends only on the unit's files, the files that it looks for, and the input values, so identical inputs give an
identical result. :mod:`passrole_checks.files.access_log` records which files these are; they are compared on
disk, regardless of any list of changes.
"""

from __future__ import annotations

import os
from collections.abc import Hashable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

from passrole_checks.errors import InputError, WorkerEndedError
from passrole_checks.files.access_log import KINDS, FileAccessLog, Kind, recording_accesses
from passrole_checks.files.relocate_paths import relocate
from passrole_checks.git_versions.selection import Selection
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.scan.parallel.processes import in_processes
from passrole_checks.scan.parallel.read_units import ReadTask, ReadUnit
from passrole_checks.scan.scan_linked import connected
from passrole_checks.scan.scanner import Analysis, ReadPaths, ScanOptions, read_paths
from passrole_checks.sources.files.tree_difference import TreeDifference, same_below
from passrole_checks.sources.model.configuration import Configuration, Inputs, Unreadable
from passrole_checks.sources.unit_tasks import UnitTask

if TYPE_CHECKING:
    from passrole_checks.sources.detect import Discovery, Unit

_Value = TypeVar("_Value")


class Provide(Protocol):
    """Writes the file or folder at a path, for a folder ``below`` with all of its subfolders."""

    def __call__(self, path: str, *, below: bool = False) -> None: ...


class IsProvided(Protocol):
    """True if :class:`Provide` has nothing to write."""

    def __call__(self, path: str, *, below: bool = False) -> bool: ...


Changed = Sequence[tuple[str | None, str | None]]
"""The files that differ, under their names in both versions; None where a file is in one of them only."""


@dataclass(frozen=True, slots=True)
class Side:
    """One version: a file or a folder, and its input values.

    ``unreadable``: files that could not be provided; ``missing``: files left out deliberately; neither they nor their
    counterparts are compared. ``sealed``: a folder written for the comparison, without symbolic links. ``selection``:
    the units to read, None for all; then ``provide`` writes a file or a folder of ``path`` before it is read.
    ``is_provided``: what it has written.
    """

    path: Path
    inputs: Inputs
    unreadable: tuple[Unreadable, ...] = ()
    missing: tuple[Unreadable, ...] = ()
    sealed: bool = False
    selection: Selection | None = None
    provide: Provide | None = None
    is_provided: IsProvided | None = None


class _ProvidingLog(FileAccessLog):
    """A log that has each path written before it is read."""

    def __init__(self, provide: Provide) -> None:
        super().__init__()
        self._provide = provide

    def sight(self, kind: Kind, path: str) -> None:
        """Have a path written."""
        if kind != "links":
            self._provide(path, below=kind == "trees")


def providing_files(side: Side) -> AbstractContextManager[FileAccessLog]:
    """Return a context that records file accesses, and in which the files of a version are written before they are
    read."""
    return recording_accesses(_ProvidingLog(side.provide) if side.provide is not None else None)


class VersionReader:
    """Reads the units of an ``old`` and a ``new`` version, the old ones first. ``unit_reads`` counts units read.

    If both folders are sealed, a unit that is identical in both is read once. ``jobs``: how many processes read units;
    None: as many as pay. If these are several, they also analyze the old units, if asked to (``analyzes``).
    """

    def __init__(
        self, old: Side, new: Side, options: ScanOptions, jobs: int | None = 1, *, analyzes: bool = False
    ) -> None:
        self._sides = old, new
        self._options = replace(options, unchanged=True)
        self._jobs, self._analysis = jobs, (options if analyzes else None, None)
        self._ahead: dict[tuple[int, Unit], ReadUnit | WorkerEndedError] = {}
        self._analyses: dict[int, Analysis] = {}
        self._roots = str(Path(os.path.realpath(old.path))), str(Path(os.path.realpath(new.path)))
        folders = old.sealed and new.sealed and all(map(os.path.isdir, self._roots))
        self._shared = folders and self._values(0) == self._values(1)
        self._known: dict[Hashable, ReadUnit] = {}
        self._accesses: dict[int, FileAccessLog] = {}
        self._same: dict[int, bool] = {}  # by identity of the accesses in the old version
        self._discovered: dict[int, tuple[Unit, ...]] = {}  # of each version that parts are read of
        self._kept: list[Configuration] = []  # keeps ids unique while this object lives
        self.originals: dict[int, Configuration] = {}
        self.unit_reads = 0

    def read(self, number: int, path: Path | None = None) -> ReadPaths:
        """Read a version, or one path in it. A unit shared with the other version gets only its file names corrected;
        :meth:`whole` does the rest.
        """
        side = self._sides[number]
        options = replace(self._options, inputs=side.inputs)
        return read_paths(
            [path or side.path],
            options,
            lambda unit: self._load(number, unit, options),
            ahead=partial(self._read_ahead, number, options),
            narrow=partial(self._narrow, number, path) if path is not None or side.selection is not None else None,
            distribute=self._distribute if side.provide is None else None,
        )

    def alone(self, folder: str) -> tuple[Configuration | None, Configuration | None]:
        """Read a folder of the new version as a root of its own in both versions; None where that is not possible."""
        old = relocate(folder, {self._roots[1]: self._roots[0]})
        found = (self.read(number, Path(path)).units for number, path in enumerate((old, folder)))
        before, after = (units[0][1] if units else None for units in found)
        return before, self.whole(before, after) if before is not None and after is not None else after

    def _distribute(self, units: Sequence[Unit], task: UnitTask[_Value]) -> Iterator[_Value] | None:
        """Have several processes do a task, if that pays."""
        return in_processes(units, task, self._jobs) if self._jobs != 1 else None

    def _narrow(self, number: int, path: Path | None, discovery: Discovery) -> Discovery:
        """Return what was found at one path of a version, or the selected units and files with values, with the values
        that units of this version pass to others."""
        from passrole_checks.sources import detect  # the readers are heavy

        side = self._sides[number]
        boundary = Path(self._roots[number])
        own = tuple(replace(unit, boundary=boundary) for unit in discovery.units) if path is not None else ()
        if path is not None:
            if number not in self._discovered:  # among what is written already
                self._discovered[number] = detect.discover([side.path], side.inputs.exclusions).units
            others = (unit for unit in self._discovered[number] if unit not in own)
            discovery = replace(discovery, units=(*own, *others))
        with providing_files(side):
            discovery = connected(discovery, replace(self._options, inputs=side.inputs))
        if path is not None:
            return replace(discovery, units=discovery.units[: len(own)], value_files=())
        selection = side.selection
        assert selection is not None
        root = self._roots[number]
        return replace(
            discovery,
            units=tuple(unit for unit in discovery.units if os.path.relpath(unit.path, root) in selection.units),
            value_files=tuple(
                file for file in discovery.value_files if os.path.relpath(file, root) in selection.values
            ),
        )

    def whole(self, old: Configuration, new: Configuration) -> Configuration:
        """Return the new side of a pair: the old one itself if it was read for both."""
        original = self.originals.get(id(new))
        if original is None:
            return new
        return old if original is old else self.moved(original)

    def moved(self, value: _Value) -> _Value:
        """Relocate a value of the old version to the new one."""
        return relocate(value, {self._roots[0]: self._roots[1]})

    def accesses(self, configuration: Configuration) -> FileAccessLog | None:
        """Return the file accesses of reading a unit; None if it was not read."""
        return self._accesses.get(id(configuration))

    def analysis(self, old: Configuration) -> Analysis | None:
        """Return the analysis of a unit of the old version; None if it is not known."""
        return self._analyses.get(id(old))

    def is_unchanged(self, old: Configuration) -> bool:
        """True if all files accessed for a unit of the old version are identical in the new one."""
        accesses = self.accesses(old)
        return accesses is not None and self._is_same(accesses)

    def _is_same(self, accesses: FileAccessLog) -> bool:
        if id(accesses) not in self._same:
            self._provide(accesses)
            self._same[id(accesses)] = same_below(accesses, *self._roots)
        return self._same[id(accesses)]

    def _provide(self, accesses: FileAccessLog) -> None:
        """Have the paths that were accessed in the old version written in the new one."""
        provide = self._sides[1].provide
        if provide is not None:
            for path in (*accesses.files, *accesses.folders, *accesses.lookups):
                provide(self.moved(path))
            for path in accesses.trees:
                provide(self.moved(path), below=True)

    def _load(self, number: int, unit: Unit, options: ScanOptions) -> Configuration:
        known = self._as_before(number, unit)
        if known is not None:
            if isinstance(known.found, InputError):
                error = known.found
                raise InputError(self.moved(error.file), self.moved(error.reason), error.line)
            found = known.found
            alike = replace(
                found,
                files=self.moved(found.files),
                provisioning=replace(found.provisioning, nested=self.moved(found.provisioning.nested)),
                notes=replace(found.notes, excluded=self.moved(found.notes.excluded)),
                surroundings=replace(found.surroundings, values=self.moved(found.surroundings.values)),
            )
            self.originals[id(alike)] = known.found
            accesses = known.accesses
            moved = {kind: dict.fromkeys(map(self.moved, accesses.of(kind))) for kind in KINDS}
            return self._keep(alike, FileAccessLog(**moved))
        self.unit_reads += 1
        read = self._ahead.pop((number, unit), None) or self._read(number, unit, options)
        if isinstance(read, WorkerEndedError):
            raise read
        if number == 0:
            self._known[self._key(number, unit)] = read
        if isinstance(read.found, InputError):
            raise read.found
        if read.analysis is not None:
            self._analyses[id(read.found)] = read.analysis
        return self._keep(read.found, read.accesses)

    def _as_before(self, number: int, unit: Unit) -> ReadUnit | None:
        """Return the result for a unit of the new version that is the same in the old one; None if it is not."""
        known = self._known.get(self._key(number, unit)) if number == 1 and self._shared else None
        return known if known is not None and self._is_same(known.accesses) else None

    def _read(self, number: int, unit: Unit, options: ScanOptions) -> ReadUnit:
        from passrole_checks.sources import detect  # the readers are heavy

        with providing_files(self._sides[number]) as accesses:
            try:
                return ReadUnit(detect.load(unit, unchanged=options.unchanged, inputs=options.inputs), accesses)
            except InputError as error:
                return ReadUnit(error, accesses)

    def _read_ahead(self, number: int, options: ScanOptions, units: Sequence[Unit]) -> None:
        """Read units in several processes, if that pays."""
        others = [unit for unit in units if self._as_before(number, unit) is None] if self._jobs != 1 else []
        answers = in_processes(others, ReadTask(options, self._analysis[number]), self._jobs)
        if answers is None:
            return
        side = self._sides[number]
        if side.provide is not None and side.selection is not None:
            for folder in sorted(set(map(os.path.dirname, side.selection.paths))):
                side.provide(os.path.join(side.path, folder))
        read = [*zip(others, answers, strict=True)]  # all of them, before this process writes more
        for unit, answer in read:
            if isinstance(answer, WorkerEndedError) or (answer is not None and _saw_all(answer.accesses, side)):
                self._ahead[number, unit] = answer

    def _keep(self, configuration: Configuration, accesses: FileAccessLog) -> Configuration:
        self._kept.append(configuration)
        self._accesses[id(configuration)] = accesses
        return configuration

    def _key(self, number: int, unit: Unit) -> Hashable:
        pages = (page.path for page in unit.pages)
        values = Path(unit.values.path) if unit.values.path else None
        paths = unit.path, unit.only, unit.boundary, values, *unit.beside, *pages
        places = [self._below(number, path) for path in paths]
        return (unit.framework, *places, unit.values.part, unit.values.parameters, unit.links, unit.entities)

    def _values(self, number: int) -> Hashable:
        inputs = self._sides[number].inputs
        files = tuple(self._below(number, path) for path in inputs.var_files)
        source, exclusions = self._below(number, inputs.source), inputs.exclusions.relocated(self._roots[number], ".")
        return files, inputs.variables, source, inputs.values, inputs.parameters, exclusions

    def _below(self, number: int, path: Path | None) -> str | None:
        """Return a path relative to a version's top if inside it; else as it is."""
        if path is None:
            return None
        real, root = Path(os.path.realpath(path)), Path(self._roots[number])
        return os.path.join(".", real.relative_to(root)) if real.is_relative_to(root) else str(real)


def _saw_all(accesses: FileAccessLog, side: Side) -> bool:
    """True if everything that was accessed is written, if it exists in the version."""
    is_provided = side.is_provided
    return is_provided is None or (
        all(map(is_provided, (*accesses.files, *accesses.folders, *accesses.lookups)))
        and all(is_provided(path, below=True) for path in accesses.trees)
    )


def difference_at(root: str, changed: Changed) -> TreeDifference:
    """Return the changes as paths in the version at ``root``, whether or not they exist there."""
    modified = [old for old, new in changed if old is not None and old == new]
    others = [name for names in changed if names[0] != names[1] for name in names if name is not None]
    return TreeDifference(
        (os.path.join(root, name) for name in modified), (os.path.join(root, name) for name in others)
    )


def changed_left_out(sides: Sequence[Side], changed: Changed) -> tuple[Unreadable, ...]:
    """Return ``missing`` entries of the versions that are among the changes: each path once, from the last version."""
    found: dict[str, Unreadable] = {}
    for number, side in enumerate(sides):
        touched = {names[number] for names in changed}
        for entry in side.missing:
            if Path(entry.file).is_relative_to(side.path):
                name = Path(entry.file).relative_to(side.path).as_posix()
                found.update({name: entry} if name in touched else {})
    return tuple(entry for _, entry in sorted(found.items()))
