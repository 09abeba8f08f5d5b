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
from passrole_checks.scan.cache.file_state import Disk, Looks, union
from passrole_checks.scan.cache.keys import about_paths, about_unit
from passrole_checks.scan.cache.store import ResultStore

if TYPE_CHECKING:
    from passrole_checks.scan.result import ScannedUnit, ScanOptions, ScanResult
    from passrole_checks.scan.scanner import UnitScanner
    from passrole_checks.sources.detect import Unit

_Kept = tuple[Looks, str, memoryview]
# Of a ScannedUnit.
_PARTS = (
    "framework", "judged", "unreadable", "nested", "stacks", "parameters", "parameters_read", "folders", "excluded",
)  # fmt: skip


def scan_remembered(
    paths: Sequence[Path], options: ScanOptions, store: ResultStore, scanner: UnitScanner | None = None
) -> ScanResult:
    """Return what :func:`~passrole_checks.scan.scanner.scan_paths` does, from the cache if possible.

    ``scanner`` scans the units that are not cached.
    """
    disk, name = Disk(options.inputs.exclusions), about_paths(paths, options)
    known = _known(store, disk, name)
    if known is not None:
        result = _result(known[2])
        if result is not None:
            return result
        store.drop(name)
    from passrole_checks.scan.scanner import one_after_another, scan_paths
    from passrole_checks.sources.files.access_log import recording_accesses
    from passrole_checks.sources.files.fingerprints import FileFingerprints

    units = Remembering(store, disk, scanner or one_after_another)
    looked = FileFingerprints()
    with recording_accesses(looked):
        result = scan_paths(paths, options, units)
    if not any(_is_in(store.folder, path) for path in paths):  # else the scan changes what it looks at
        _sound(lambda: units.keep_all(name, disk.stamp(looked), result))
    _sound(store.tidy)
    return result


class Remembering:
    """A scanner that returns cached results, and scans and caches other units with ``scanner``."""

    def __init__(self, store: ResultStore, disk: Disk, scanner: UnitScanner) -> None:
        self._store, self._disk, self._scanner = store, disk, scanner
        self._told: list[tuple[Looks, str]] = []
        self._complete = True

    def __call__(self, units: Sequence[Unit], options: ScanOptions) -> Iterator[ScannedUnit]:
        """Yield the result of each unit, in order."""
        names = [about_unit(unit, options) for unit in units]
        known = [self._known(unit, name) for unit, name in zip(units, names, strict=True)]
        others = [unit for unit, found in zip(units, known, strict=True) if found is None]
        scanned = iter(self._scanner(others, options) if others else ())
        for name, found in zip(names, known, strict=True):
            yield self._kept(name, next(scanned)) if found is None else found

    def keep_all(self, name: str, own: tuple[Looks, str] | None, result: ScanResult) -> None:
        """Cache the whole scan, if everything that its units and discovery accessed is unchanged."""
        if own is None or not self._complete or result.faults:
            return
        if not all(self._disk.is_same(*told) for told in self._told):
            return
        _keep(self._store, self._disk, name, union([own[0], *(looks for looks, _ in self._told)]), result)

    def _known(self, unit: Unit, name: str | None) -> ScannedUnit | None:
        kept = None if name is None else _known(self._store, self._disk, name)
        found = None if kept is None else _unit(kept[2], unit)
        if kept is not None and found is not None:
            self._told.append(kept[:2])
        return found

    def _kept(self, name: str | None, found: ScannedUnit) -> ScannedUnit:
        stamp = None
        if name is not None and found.looked is not None and found.is_complete:
            stamp = _sound(partial(self._disk.stamp, found.looked))
        if name is None or stamp is None:
            self._complete = False
            return found
        self._told.append(stamp)
        _keep(self._store, self._disk, name, stamp[0], tuple(getattr(found, part) for part in _PARTS))
        return found


_Answer = TypeVar("_Answer")


def _sound(ask: Callable[[], _Answer]) -> _Answer | None:
    """Return what a function of the cache returns; None if this package fails there, so that the unit is scanned."""
    try:
        return ask()
    except Exception as error:
        internal_error(error)
        return None


def _known(store: ResultStore, disk: Disk, name: str) -> _Kept | None:
    """Return a valid entry, if there is one."""
    return _sound(partial(_read, store, disk, name))


def _read(store: ResultStore, disk: Disk, name: str) -> _Kept | None:
    data = store.read(name)
    if data is None:
        return None
    size = int.from_bytes(data[:8], "big")
    try:
        looks, told = from_bytes(data[8 : 8 + size])
        looks = Looks(*(tuple(map(_text, paths)) for paths in looks))
    except (NotSerializable, TypeError, ValueError):
        store.drop(name)
        return None
    return (looks, told, data[8 + size :]) if isinstance(told, str) and disk.is_same(looks, told) else None


def _text(path: object) -> str:
    if not isinstance(path, str):
        raise TypeError
    return path


def _keep(store: ResultStore, disk: Disk, name: str, looks: Looks, value: object) -> None:
    _sound(partial(_write, store, disk, name, looks, value))


def _write(store: ResultStore, disk: Disk, name: str, looks: Looks, value: object) -> None:
    told = disk.told(looks)
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
