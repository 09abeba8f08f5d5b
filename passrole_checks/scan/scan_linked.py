"""Scan units with the values that they pass to each other.

The first scan of a unit also returns what it reads of others, and the names of what it passes to them; these tell which
values are evaluated. Units that get some are scanned again. A unit that names roles or policies of others is scanned
after these.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from passrole_checks.errors import WorkerEndedError
from passrole_checks.iam import deadline
from passrole_checks.scan.other_repositories import outdated_notes, recorded_roots
from passrole_checks.scan.result import ScannedUnit, ScanOptions
from passrole_checks.sources.model.configuration import NamedEntities, Unreadable, recording_faults
from passrole_checks.sources.model.links import Link, LinkSurface

if TYPE_CHECKING:
    from passrole_checks.sources.detect import Discovery
    from passrole_checks.sources.links.connect_roots import ConnectedRoots
    from passrole_checks.sources.links.root_texts import LinkTexts
    from passrole_checks.sources.unit import Unit
    from passrole_checks.sources.unit_tasks import Distribute

_Scanner = Callable[[Sequence["Unit"], ScanOptions], Iterable[ScannedUnit]]


def connected(
    discovery: Discovery,
    options: ScanOptions,
    distribute: Distribute | None = None,
    texts: LinkTexts | None = None,
    scan: LinkedScan | None = None,
) -> Discovery:
    """Return what was found, with the values that the units pass to each other. A fault of this package is recorded.

    ``distribute``: as of :func:`~passrole_checks.scan.scanner.scan_paths`. ``texts``: of the folders that were read so
    far. ``scan``: scans the units; otherwise, only these values are evaluated.
    """
    from passrole_checks.sources.links.connect_roots import ConnectedRoots
    from passrole_checks.sources.links.root_texts import LinkTexts

    units, notes, faults = discovery.units, [*discovery.not_evaluated], list[Unreadable]()
    first = str(units[0].path) if units else "."
    roots = None
    with recording_faults(first, faults):
        recorded = recorded_roots(options, units)
        roots = ConnectedRoots(units, options.inputs, texts or LinkTexts(options.inputs), recorded)
    if scan is not None:
        scan.scan_all(roots)
    with recording_faults(first, faults):
        try:
            if roots is not None:
                units = scan.follow_links(roots, distribute) if scan is not None else roots.connected(units, distribute)
        except WorkerEndedError as error:
            file, _, reason = str(error).rpartition(": ")
            faults.append(Unreadable(file, f"values of other roots are not followed: {reason}"))
        except deadline.OutOfTimeError:
            notes.append(Unreadable(first, "values of other roots are not followed: time limit exceeded"))
        notes += outdated_notes(units, options)
    return replace(discovery, units=units, unreadable=(*discovery.unreadable, *faults), not_evaluated=tuple(notes))


class LinkedScan:
    """A scan of units, some of them again with what others pass to them. ``scanner``: scans units."""

    def __init__(self, units: Sequence[Unit], options: ScanOptions, scanner: _Scanner) -> None:
        self.units = list(units)
        self._options, self._scanner = options, scanner
        self._roots: ConnectedRoots | None = None
        self._scanned: dict[int, ScannedUnit] = {}
        # what units declare, with the links that they were scanned with: it does not depend on their entities
        self._declared: dict[int, tuple[tuple[Link, ...], Sequence[NamedEntities | None]]] = {}

    def results(self) -> list[ScannedUnit]:
        """Return the results, in the order of the units."""
        return [self._scanned[number] for number in range(len(self.units))]

    def scan_all(self, roots: ConnectedRoots | None) -> None:
        """Scan the units, those that name entities of others after these."""
        self._roots = roots
        for number, request in roots.requests.items() if roots is not None else ():
            self.units[number] = replace(self.units[number], request=request)
        for numbers in self._in_stages():
            self._add_entities(numbers)
            self._scan(numbers)

    def follow_links(self, roots: ConnectedRoots, distribute: Distribute | None) -> tuple[Unit, ...]:
        """Scan the units again that get values or entities of others, until nothing changes, and return them."""
        if roots.requests:
            try:
                roots.with_links(self.units, self._surfaces(self._scanned), self._scan_again, distribute)
            finally:
                self._scan_again({})  # with what was declared at last
        return tuple(self.units)

    def _scan_again(self, units: Mapping[int, Unit]) -> dict[int, LinkSurface]:
        """Scan units with their links, and those whose entities have changed; return what these have for others."""
        before = list(self.units)
        for number, unit in units.items():
            self.units[number] = replace(self.units[number], links=unit.links)
        self._add_entities(range(len(before)))
        changed = [number for number, unit in enumerate(self.units) if unit is not before[number]]
        self._scan(changed)
        return self._surfaces(changed)

    def _surfaces(self, numbers: Iterable[int]) -> dict[int, LinkSurface]:
        """Return what the configurations of units have for others, of those that were asked."""
        found = ((number, self._scanned[number]) for number in numbers)
        surfaces = ((number, LinkSurface() if one.analysis is None else one.surface) for number, one in found)
        return {number: surface for number, surface in surfaces if surface is not None}

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
