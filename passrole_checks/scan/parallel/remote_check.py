"""Digests of the files that a scan read, to verify that another computer read the same ones."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from passrole_checks.files.safe_read import read_bounded
from passrole_checks.iam import deadline
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.scan.parallel.any_executor import picklable_error
from passrole_checks.scan.scanner import ScannedUnit, ScanOptions, scan_unit
from passrole_checks.sources.files.access_log import FileAccessLog
from passrole_checks.sources.recognize import LARGEST_PLAN

if TYPE_CHECKING:
    from passrole_checks.sources.detect import Unit


@dataclass(frozen=True, slots=True)
class FileDigests:
    """Digests by path.

    ``leads``: link targets. ``files``: file contents. ``folders``: names in listed folders. ``trees``: all names in
    walked folders.
    """

    leads: tuple[tuple[str, str], ...]
    files: tuple[tuple[str, str], ...]
    folders: tuple[tuple[str, str], ...]
    trees: tuple[tuple[str, str], ...]


@deadline.pooled()
def scan_with_digests(units: Sequence[Unit], options: ScanOptions) -> tuple[tuple[ScannedUnit, FileDigests], ...]:
    """Scan units, and return each with the digests of what it read.

    Raises as :func:`passrole_checks.scan.parallel.any_executor.run_batch` does.
    """
    found = []
    try:
        for unit in units:
            scanned = scan_unit(unit, options)
            found.append((scanned, digests_of(scanned.accesses or FileAccessLog())))
    except Exception as error:
        raise picklable_error(error) from None
    return tuple(found)


def digests_of(accesses: FileAccessLog) -> FileDigests:
    """Return the digests of everything that was accessed."""
    return FileDigests(
        tuple(_digests(accesses.links, _where)),
        tuple(_digests(accesses.files, _content)),
        tuple(_digests(accesses.folders, _listed)),
        tuple(_digests(accesses.trees, _walked)),
    )


def first_difference(there: FileDigests) -> str | None:
    """Return the first path whose content here differs from the digests; None if all are the same."""
    # where paths lead comes first: a symbolic link that is here only may lead to what must not be opened
    kinds = ((there.leads, _where), (there.files, _content), (there.folders, _listed), (there.trees, _walked))
    for paths, digest in kinds:
        for path, known in paths:
            if _digest(path, digest) != known:
                return path
    return None


def _digests(paths: Iterable[str], digest: Callable[[str], bytes]) -> Iterator[tuple[str, str]]:
    return ((path, _digest(path, digest)) for path in sorted(paths))


def _digest(path: str, digest: Callable[[str], bytes]) -> str:
    try:
        return hashlib.blake2b(digest(path), digest_size=16).hexdigest()
    except FileNotFoundError:
        return "nothing"
    except ValueError:  # a name that no file can have
        return "no name"
    except OSError as error:
        return f"error {error.errno}"


def _where(path: str) -> bytes:
    return os.fsencode(os.path.realpath(path))


def _content(path: str) -> bytes:
    return read_bounded(path, LARGEST_PLAN)


def _listed(path: str) -> bytes:
    with os.scandir(path) as entries:
        return repr(sorted((entry.name, entry.is_dir()) for entry in entries)).encode("utf-8", "surrogateescape")


def _walked(path: str) -> bytes:
    if not os.path.isdir(path):
        raise FileNotFoundError(path)
    found = sorted((os.path.relpath(folder, path), *sorted(names)) for folder, _, names in os.walk(path))
    return repr(found).encode("utf-8", "surrogateescape")
