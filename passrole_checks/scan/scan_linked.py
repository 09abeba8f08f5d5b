"""Scan units with the values that they pass to each other.

The first scan of a unit also returns what it reads of others, and the names of what it passes to them; these tell which
values are evaluated. Units that get some are scanned again. A unit that names roles or policies of others is scanned
after these.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from passrole_checks.errors import WorkerEndedError
from passrole_checks.iam import deadline
from passrole_checks.scan.other_repositories import outdated_notes, recorded_roots
from passrole_checks.scan.result import ScannedUnit, ScanOptions
from passrole_checks.sources.model.configuration import NamedEntities, Unreadable, recording_faults
from passrole_checks.sources.model.links import Link, LinkSurface

if TYPE_CHECKING:
    from passrole_checks.sources.connect_roots import ConnectedRoots
    from passrole_checks.sources.detect import Discovery
    from passrole_checks.sources.unit import Unit
    from passrole_checks.sources.unit_tasks import Distribute

_MAX_ROUNDS = 5  # values of values of values
_Scanner = Callable[[Sequence["Unit"], ScanOptions], Iterable[ScannedUnit]]


def scan_linked(
    paths: Sequence[Path], options: ScanOptions, scanner: _Scanner, distribute: Distribute | None
) -> tuple[Discovery, list[ScannedUnit]]:
    """Scan files and folders, and return what was found, with its links, and the results.

    ``distribute``: as of :func:`~passrole_checks.scan.scanner.scan_paths`. A fault of this package is recorded.
    """
    from passrole_checks.sources import detect
    from passrole_checks.sources.connect_roots import ConnectedRoots
    from passrole_checks.sources.root_texts import LinkTexts

    texts = LinkTexts(options.inputs)
    discovery = detect.discover(paths, options.inputs.exclusions, texts)
    faults: list[Unreadable] = []
    notes = list(discovery.not_evaluated)
    first = str(discovery.units[0].path) if discovery.units else "."
    roots = None
    with recording_faults(first, faults):
        recorded = recorded_roots(options, discovery.units)
        roots = ConnectedRoots(discovery.units, options.inputs, texts, recorded)
    scan = _LinkedScan(discovery.units, roots, options, scanner)
    scan.scan_all()
    with recording_faults(first, faults):
        try:
            scan.follow_links(distribute)
        except WorkerEndedError as error:
            faults.append(ended_worker(error))
        except deadline.OutOfTimeError:
            notes.append(out_of_time_note(first))
        notes += outdated_notes(scan.units, options)
    unreadable = (*discovery.unreadable, *faults)
    found = replace(discovery, units=tuple(scan.units), unreadable=unreadable, not_evaluated=tuple(notes))
    return found, scan.results()


def ended_worker(error: WorkerEndedError) -> Unreadable:
    """Return the entry for a unit whose evaluation ended a process."""
    file, _, reason = str(error).rpartition(": ")
    return Unreadable(file, f"values of other roots are not followed: {reason}")


def out_of_time_note(file: str) -> Unreadable:
    """Return the note that the values of others were not followed in time."""
    return Unreadable(file, "values of other roots are not followed: time limit exceeded")


class _LinkedScan:
    def __init__(
        self, units: Sequence[Unit], roots: ConnectedRoots | None, options: ScanOptions, scanner: _Scanner
    ) -> None:
        self.units = list(units)
        self._roots, self._options, self._scanner = roots, options, scanner
        self._scanned: dict[int, ScannedUnit] = {}
        # what units declare, with the links that they were scanned with: it does not depend on their entities
        self._declared: dict[int, tuple[tuple[Link, ...], Sequence[NamedEntities | None]]] = {}
        for number, request in roots.requests.items() if roots is not None else ():
            self.units[number] = replace(units[number], request=request)

    def results(self) -> list[ScannedUnit]:
        """Return the results, in the order of the units."""
        return [self._scanned[number] for number in range(len(self.units))]

    def scan_all(self) -> None:
        """Scan the units, those that name entities of others after these."""
        for numbers in self._in_stages():
            self._add_entities(numbers)
            self._scan(numbers)

    def follow_links(self, distribute: Distribute | None) -> None:
        """Scan the units again that get values or entities of others, until nothing changes."""
        for _ in range(_MAX_ROUNDS):
            if self._roots is None or not self._roots.requests:
                return
            before = list(self.units)
            surfaces = ((number, _surface(result)) for number, result in self._scanned.items())
            scanned = {number: surface for number, surface in surfaces if surface is not None}
            self.units[:] = self._roots.with_links(self.units, scanned, distribute)
            self._add_entities(range(len(self.units)))
            changed = [number for number, unit in enumerate(self.units) if unit is not before[number]]
            if not changed:
                return
            self._scan(changed)

    def _scan(self, numbers: Sequence[int]) -> None:
        results = self._scanner([self.units[number] for number in numbers], self._options) if numbers else ()
        for number, result in zip(numbers, results, strict=True):
            links = self.units[number].links
            if number not in self._declared or self._declared[number][0] != links:
                self._declared[number] = links, result.declared
            self._scanned[number] = replace(result, accesses=None)  # the cache has used them

    def _add_entities(self, numbers: Collection[int]) -> None:
        """Set the entities of some units, those that were returned so far."""
        if self._roots is not None and self._roots.naming:
            declared = {number: found for number, (_, found) in self._declared.items() if found}
            connected = self._roots.with_entities(self.units, declared)
            for number in numbers:
                self.units[number] = connected[number]

    def _in_stages(self) -> Iterator[list[int]]:
        """Yield all units, each after those whose entities it names, except in a circle."""
        naming = self._roots.naming if self._roots is not None else {}
        pending, done = list(range(len(self.units))), set[int]()
        while pending:
            ready = [number for number in pending if all(other in done for other, _ in naming.get(number, ()))]
            stage = ready or pending
            yield stage
            done.update(stage)
            pending = [number for number in pending if number not in done]


def _surface(result: ScannedUnit) -> LinkSurface | None:
    """Return what the configuration of a unit has for others; None if it was not asked."""
    return LinkSurface() if result.analysis is None else result.surface
