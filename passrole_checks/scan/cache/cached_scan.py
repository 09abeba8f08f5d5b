"""A cached scan: results are returned again if everything that the scan accessed is unchanged.

There are entries for whole scans, so that repeating one takes little more than reading the files, and for units, so
that a change causes a new scan only of the units that it concerns. An entry records what was accessed and its state; it
is valid only if that is the state now. What was, or may have been, changed during a scan is not cached.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from passrole_checks.errors import internal_error
from passrole_checks.files.access_log import KINDS, recording_accesses
from passrole_checks.scan.cache.codec import NotSerializable, from_bytes, to_bytes
from passrole_checks.scan.cache.keys import paths_key, unit_key
from passrole_checks.scan.cache.store import ResultStore
from passrole_checks.sources.files.path_states import FileFingerprints, PathStates, States

if TYPE_CHECKING:
    from passrole_checks.scan.result import ScannedUnit, ScanOptions, ScanResult
    from passrole_checks.scan.scanner import UnitScanner
    from passrole_checks.sources.detect import Unit
    from passrole_checks.sources.unit_tasks import Distribute

_WITHOUT = frozenset({"path", "accesses"})  # of a ScannedUnit


def scan_with_cache(
    paths: Sequence[Path],
    options: ScanOptions,
    store: ResultStore,
    scanner: UnitScanner | None = None,
    distribute: Distribute | None = None,
) -> ScanResult:
    """Return what :func:`~passrole_checks.scan.scanner.scan_paths` does, from the cache if possible.

    ``scanner`` scans the units that are not cached. ``distribute``: as of :func:`scan_paths`.
    """
    entries, name = _Entries(store), paths_key(paths, options)
    known = entries.read(name)
    if known is not None:
        return cast("ScanResult", known[1])
    from passrole_checks.scan.scanner import scan_paths, scan_sequentially

    units = CachedScanner(store, scanner or scan_sequentially, whole=True)
    accesses = FileFingerprints()
    with recording_accesses(accesses):
        result = scan_paths(paths, options, units, distribute)
    folder = Path(os.path.realpath(store.folder))
    if not any(
        folder.is_relative_to(os.path.realpath(path)) for path in paths
    ):  # else the scan changes what it looks at
        units.keep_all(name, accesses, result)
    with _without_faults():
        store.tidy()
    return result


@contextmanager
def _without_faults() -> Iterator[None]:
    """Let a function of the cache return None if this package fails there, so that the unit is scanned."""
    try:
        yield
    except Exception as error:
        internal_error(error)


class _Entries:
    """The entries of a store: what was accessed, with its states, and a result."""

    def __init__(self, store: ResultStore) -> None:
        self._store, self._paths = store, PathStates()

    @_without_faults()
    def find(self, name: str) -> tuple[States, memoryview] | None:
        """Return the states and the serialized result of an entry whose files are unchanged, if there is one."""
        data = self._store.read(name)
        if data is None:
            return None
        size = int.from_bytes(data[:8], "big")
        try:
            states: States = json.loads(bytes(data[8 : 8 + size]))
            return (states, data[8 + size :]) if self._paths.first_difference(states) is None else None
        except (AttributeError, LookupError, RecursionError, TypeError, ValueError):
            self._store.drop(name)
            return None

    @_without_faults()
    def read(self, name: str, unit: Unit | None = None) -> tuple[States, Any] | None:
        """Return the states and the result of such an entry: of a unit, or of a whole scan."""
        from passrole_checks.scan.result import ScannedUnit, ScanResult

        entry = self.find(name)
        if entry is None:
            return None
        try:
            value = from_bytes(entry[1])
            if unit is not None:
                return entry[0], ScannedUnit(unit.only or unit.path, **dict(zip(_parts(), value, strict=True)))
        except (NotSerializable, TypeError, ValueError):
            value = None
        if isinstance(value, ScanResult):
            return entry[0], value
        self._store.drop(name)
        return None

    @_without_faults()
    def unchanged(self, accesses: FileFingerprints) -> States | None:
        """Return the states of what was accessed; None if something has changed since."""
        return self._paths.unchanged(accesses)

    @_without_faults()
    def write(self, name: str, parts: Sequence[States], value: object) -> None:
        """Write an entry of what has accessed all ``parts``, if they are unchanged."""
        if all(self._paths.first_difference(part) is None for part in parts):
            states = {kind: {path: state for part in parts for path, state in part[kind].items()} for kind in KINDS}
            with suppress(NotSerializable):
                head = json.dumps(states, separators=(",", ":")).encode("ascii")
                self._store.write(name, b"".join((len(head).to_bytes(8, "big"), head, to_bytes(value))))

    def keep(self, name: str | None, found: ScannedUnit) -> States | None:
        """Write the entry of a unit, and return the states of what it accessed; None if it cannot be cached."""
        if name is None or found.accesses is None or not found.is_complete:
            return None
        states = self.unchanged(found.accesses)
        if states is not None:
            self.write(name, [states], tuple(getattr(found, part) for part in _parts()))
        return states


def _parts() -> list[str]:
    """Return the names of the fields of a unit's result that its entry contains."""
    from passrole_checks.scan.result import ScannedUnit

    return [part.name for part in fields(ScannedUnit) if part.name not in _WITHOUT]


class CachedScanner:
    """A scanner that returns cached results, and scans and caches other units with ``scanner``.

    ``whole``: :meth:`keep_all` is to cache the whole scan, too.
    """

    def __init__(self, store: ResultStore, scanner: UnitScanner, *, whole: bool = False) -> None:
        self._entries, self._scanner = _Entries(store), scanner
        self._states: list[States | None] | None = [] if whole else None

    def __call__(self, units: Sequence[Unit], options: ScanOptions) -> Iterator[ScannedUnit]:
        """Yield the result of each unit, in order. What is cached is read twice: kept, it would fill the memory."""
        names = [unit_key(unit, options) for unit in units]
        known = [name is not None and self._entries.find(name) is not None for name in names]
        others = [unit for unit, is_known in zip(units, known, strict=True) if not is_known]
        scanned = iter(self._scanner(others, options) if others else ())
        for unit, name, is_known in zip(units, names, known, strict=True):
            entry = self._entries.read(name, unit) if is_known and name is not None else None
            found = entry[1] if entry else next(iter(self._scanner([unit], options)) if is_known else scanned)
            states = entry[0] if entry else self._entries.keep(name, found)
            if self._states is not None:
                self._states.append(states)
            yield found

    def keep_all(self, name: str, accesses: FileFingerprints, result: ScanResult) -> None:
        """Cache the whole scan, if everything that its units and discovery accessed is unchanged."""
        states = [self._entries.unchanged(accesses), *(self._states or ())]
        if not result.faults and None not in states:
            self._entries.write(name, [part for part in states if part is not None], result)
