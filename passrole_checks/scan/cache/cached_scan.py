"""A cached scan: results are returned again if everything that the scan accessed is unchanged.

There are entries for whole scans, so that repeating one takes little more than reading the files, and for units, so
that a change causes a new scan only of the units that it concerns. An entry records what was accessed and its state; it
is valid only if that is the state now. What was, or may have been, changed during a scan is not cached.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from passrole_checks.errors import internal_error
from passrole_checks.scan.cache.codec import NotSerializable, from_bytes, to_bytes
from passrole_checks.scan.cache.file_state import AccessedPaths, DiskState, union
from passrole_checks.scan.cache.keys import paths_key, unit_key
from passrole_checks.scan.cache.store import ResultStore

if TYPE_CHECKING:
    from passrole_checks.scan.result import ScannedUnit, ScanOptions, ScanResult
    from passrole_checks.scan.scanner import UnitScanner
    from passrole_checks.sources.detect import Unit
    from passrole_checks.sources.unit_tasks import Distribute

_Entry = tuple[AccessedPaths, str, memoryview]
# Of a ScannedUnit.
_PARTS = (
    "framework", "analysis", "unreadable", "nested", "stacks", "parameters", "parameters_read", "folders", "excluded",
    "surface", "declared",
)  # fmt: skip


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
    disk, name = DiskState(options.inputs.exclusions), paths_key(paths, options)
    known = _find_entry(store, disk, name)
    if known is not None:
        result = _result(known[2])
        if result is not None:
            return result
        store.drop(name)
    from passrole_checks.scan.scanner import scan_paths, scan_sequentially
    from passrole_checks.sources.files.access_log import recording_accesses
    from passrole_checks.sources.files.fingerprints import FileFingerprints

    units = CachedScanner(store, disk, scanner or scan_sequentially)
    accesses = FileFingerprints()
    with recording_accesses(accesses):
        result = scan_paths(paths, options, units, distribute)
    if not any(_is_in(store.folder, path) for path in paths):  # else the scan changes what it looks at
        _none_on_fault(lambda: units.keep_all(name, disk.stamp(accesses), result))
    _none_on_fault(store.tidy)
    return result


def cached_scanner(options: ScanOptions, store: ResultStore, scanner: UnitScanner) -> UnitScanner:
    """Return a scanner that uses the cache for each unit, and keeps no results in memory."""
    return CachedScanner(store, DiskState(options.inputs.exclusions), scanner, streams=True)


class CachedScanner:
    """A scanner that returns cached results, and scans and caches other units with ``scanner``.

    ``streams``: nothing is kept in memory; the whole scan is not cached.
    """

    def __init__(self, store: ResultStore, disk: DiskState, scanner: UnitScanner, *, streams: bool = False) -> None:
        self._store, self._disk, self._scanner, self._streams = store, disk, scanner, streams
        self._told: list[tuple[AccessedPaths, str]] = []
        self._complete = True

    def __call__(self, units: Sequence[Unit], options: ScanOptions) -> Iterator[ScannedUnit]:
        """Yield the result of each unit, in order."""
        names = [unit_key(unit, options) for unit in units]
        if self._streams:
            yield from self._stream(units, names, options)
            return
        known = [self._known(unit, name) for unit, name in zip(units, names, strict=True)]
        others = [unit for unit, found in zip(units, known, strict=True) if found is None]
        scanned = iter(self._scanner(others, options) if others else ())
        for name, found in zip(names, known, strict=True):
            yield self._kept(name, next(scanned)) if found is None else found

    def _stream(
        self, units: Sequence[Unit], names: Sequence[str | None], options: ScanOptions
    ) -> Iterator[ScannedUnit]:
        """Yield the result of each unit. What is cached is read twice: kept, it would fill the memory."""
        valid = [name is not None and _find_entry(self._store, self._disk, name) is not None for name in names]
        others = [unit for unit, is_known in zip(units, valid, strict=True) if not is_known]
        scanned = iter(self._scanner(others, options) if others else ())
        for unit, name, is_known in zip(units, names, valid, strict=True):
            found = self._known(unit, name) if is_known else self._kept(name, next(scanned))
            self._told.clear()
            yield next(iter(self._scanner([unit], options))) if found is None else found

    def keep_all(self, name: str, own: tuple[AccessedPaths, str] | None, result: ScanResult) -> None:
        """Cache the whole scan, if everything that its units and discovery accessed is unchanged."""
        if own is None or not self._complete or result.faults:
            return
        if not all(self._disk.is_same(*told) for told in self._told):
            return
        _store_entry(self._store, self._disk, name, union([own[0], *(looks for looks, _ in self._told)]), result)

    def _known(self, unit: Unit, name: str | None) -> ScannedUnit | None:
        kept = None if name is None else _find_entry(self._store, self._disk, name)
        found = None if kept is None else _unit(kept[2], unit)
        if kept is not None and found is not None:
            self._told.append(kept[:2])
        return found

    def _kept(self, name: str | None, found: ScannedUnit) -> ScannedUnit:
        stamp = None
        if name is not None and found.accesses is not None and found.is_complete:
            stamp = _none_on_fault(partial(self._disk.stamp, found.accesses))
        if name is None or stamp is None:
            self._complete = False
            return found
        self._told.append(stamp)
        _store_entry(self._store, self._disk, name, stamp[0], tuple(getattr(found, part) for part in _PARTS))
        return found


_Answer = TypeVar("_Answer")


def _none_on_fault(ask: Callable[[], _Answer]) -> _Answer | None:
    """Return what a function of the cache returns; None if this package fails there, so that the unit is scanned."""
    try:
        return ask()
    except Exception as error:
        internal_error(error)
        return None


def _find_entry(store: ResultStore, disk: DiskState, name: str) -> _Entry | None:
    """Return a valid entry, if there is one."""
    return _none_on_fault(partial(_read, store, disk, name))


def _read(store: ResultStore, disk: DiskState, name: str) -> _Entry | None:
    data = store.read(name)
    if data is None:
        return None
    size = int.from_bytes(data[:8], "big")
    try:
        looks, told = from_bytes(data[8 : 8 + size])
        looks = AccessedPaths(*(tuple(map(_text, paths)) for paths in looks))
    except (NotSerializable, TypeError, ValueError):
        store.drop(name)
        return None
    return (looks, told, data[8 + size :]) if isinstance(told, str) and disk.is_same(looks, told) else None


def _text(path: object) -> str:
    if not isinstance(path, str):
        raise TypeError
    return path


def _store_entry(store: ResultStore, disk: DiskState, name: str, looks: AccessedPaths, value: object) -> None:
    _none_on_fault(partial(_write, store, disk, name, looks, value))


def _write(store: ResultStore, disk: DiskState, name: str, looks: AccessedPaths, value: object) -> None:
    told = disk.digest_of(looks)
    if told is None:
        return
    try:
        head = to_bytes((tuple(looks), told))
        store.write(name, b"".join((len(head).to_bytes(8, "big"), head, to_bytes(value))))
    except NotSerializable:
        return


def _unit(data: memoryview, unit: Unit) -> ScannedUnit | None:
    from passrole_checks.scan.result import ScannedUnit

    try:
        parts = dict(zip(_PARTS, from_bytes(data), strict=True))
        return ScannedUnit(unit.only or unit.path, **parts)
    except (NotSerializable, TypeError, ValueError):
        return None


def _result(data: memoryview) -> ScanResult | None:
    from passrole_checks.scan.result import ScanResult

    try:
        found = from_bytes(data)
    except NotSerializable:
        return None
    return found if isinstance(found, ScanResult) else None


def _is_in(folder: str, path: Path) -> bool:
    real, around = os.path.realpath(folder), os.path.realpath(path)
    return real == around or real.startswith(os.path.join(around, ""))
