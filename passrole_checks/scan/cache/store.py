"""Cache entries on disk: one file each, in a folder for each program.

Files, and no database: a write is complete or has not begun (a file is renamed into place), so that any number of scans
can read and write at once without locks, also on network disks; a broken entry affects only itself; and the oldest
entries are dropped by deleting them. A reader verifies the checksum of an entry first, and ignores odd ones.

Treat the cache folder as trusted: writers can alter results. So the folder is created for its owner alone; a folder or
an entry that belongs to another user, or that others may write to, is not used.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import time
from collections.abc import Collection, Mapping
from contextlib import suppress
from pathlib import Path

from passrole_checks.files.safe_read import RefusedError, open_flags
from passrole_checks.files.write_atomically import UNFINISHED, check_folder, replace_file
from passrole_checks.iam.fast_dataclass import dataclass

ENVIRONMENT = "PASSROLE_CHECKS_CACHE_DIR"
MOST_BYTES = 256_000_000

_MARK = b"passrole-checks 1\n"
_SUM = 32
_SUFFIX = ".kept"
_LARGEST = 64_000_000  # bytes of one entry
_STALE = 3600  # seconds, after which what was not finished never will be
_NOT_OURS = frozenset({errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOENT, errno.ENOTDIR})  # no home to write to
_TOUCHED = 3600  # seconds, within which a use need not be written down again
_TAG = (
    "Signature: 8a477f597d28d172789f06886806bc55\n"
    "# This folder is a cache of passrole-checks (https://bford.info/cachedir/): it can be deleted at any time.\n"
)


@dataclass(frozen=True, slots=True)
class CacheStats:
    """The number of entries and their size in bytes; ``current``: entries of one program."""

    entries: int = 0
    size: int = 0
    current: int = 0


def store_of(
    program: str, environment: Mapping[str, str] = os.environ, guarded: Collection[Path] = ()
) -> ResultStore | None:
    """Return the store for a program; None if caching is off, or there is no folder for it.

    The folder is ``PASSROLE_CHECKS_CACHE_DIR`` (no cache if empty), else the platform's cache folder. Symbolic links to
    it in the scanned folders ``guarded`` are not followed.
    """
    named = environment.get(ENVIRONMENT)
    if named == "" or not program:
        return None
    if named is not None:
        return ResultStore(os.path.abspath(named), program, guarded=guarded)
    from platformdirs import user_cache_dir

    found = user_cache_dir("passrole-checks", appauthor=False)
    if not os.path.isabs(found):  # without a home it is no whole path
        return None
    return ResultStore(found, program, chosen=False, guarded=guarded)


class ResultStore:
    """The entries of one ``program`` in a folder, which is created on the first write.

    It never raises: an unreadable entry does not exist. ``trouble`` explains why caching is off, unless the default
    folder simply could not be created (``chosen``: the folder is not the default).
    """

    def __init__(self, folder: str, program: str, *, chosen: bool = True, guarded: Collection[Path] = ()) -> None:
        self.folder = folder
        self._guarded = guarded
        self._chosen = chosen
        self._own = os.path.join(folder, program)
        self.problem = ""
        self._full = False
        self._written = 0
        self._usable: bool | None = None

    def read(self, name: str) -> memoryview | None:
        """Return an entry, None if there is none."""
        if not self._is_usable():
            return None
        path = self._place(name)
        try:
            handle = os.open(path, os.O_RDONLY | open_flags("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC", "O_BINARY"))
        except OSError:
            return None
        try:
            with os.fdopen(handle, "rb") as stream:
                status = os.fstat(handle)
                if not stat.S_ISREG(status.st_mode) or status.st_size > _LARGEST or _is_writable_by_others(status):
                    return None
                data = memoryview(stream.read(status.st_size))  # room for all that is asked for is made at once
        except OSError:
            return None
        start = len(_MARK) + _SUM
        if data[: len(_MARK)] != _MARK or data[len(_MARK) : start] != _sum(data[start:]):
            self.drop(name)
            return None
        if status.st_mtime < time.time() - _TOUCHED:
            with suppress(OSError):
                os.utime(path)  # so that it is thrown away later
        return data[start:]

    def write(self, name: str, data: bytes) -> None:
        """Write an entry, replacing an older one."""
        if len(data) > _LARGEST - len(_MARK) - _SUM or self._full or not self._is_usable(make=True):
            return
        try:
            os.makedirs(self._own, mode=0o700, exist_ok=True)
            replace_file(self._place(name), _MARK + _sum(data) + data, guarded=self._guarded, private=True)
        except OSError as error:
            self._cannot(error)
        else:
            self._written += 1

    def drop(self, name: str) -> None:
        """Delete an entry."""
        with suppress(OSError):
            os.unlink(self._place(name))

    def tidy(self, most: int = MOST_BYTES) -> None:
        """Delete the least recently used entries above ``most`` bytes, if something was written."""
        if not self._written:
            return
        self._written = 0
        found = _files(self.folder)
        left, now = sum(size for _, _, size in found), time.time()
        for used, path, size in sorted(found):
            if left > most if path.endswith(_SUFFIX) else used < now - _STALE:
                with suppress(OSError):
                    os.unlink(path)
                    left -= size

    def stats(self) -> CacheStats:
        """Return the statistics of all entries, also those of other programs."""
        if not self._is_usable():
            return CacheStats()
        found = [(path, size) for _, path, size in _files(self.folder) if path.endswith(_SUFFIX)]
        own = sum(path.startswith(f"{self._own}{os.sep}") for path, _ in found)
        return CacheStats(len(found), sum(size for _, size in found), own)

    def _place(self, name: str) -> str:
        return os.path.join(self._own, f"{name}{_SUFFIX}")

    def _is_usable(self, *, make: bool = False) -> bool:
        """True if the folder exists and only its owner can write to it."""
        if self._usable is None or (make and not self._usable):
            self._usable = False
            try:
                check_folder(self._own, guarded=self._guarded)
                if make:
                    os.makedirs(self.folder, mode=0o700, exist_ok=True)
                status = os.stat(self.folder)
                if not stat.S_ISDIR(status.st_mode):
                    raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
                if _is_writable_by_others(status):
                    raise RefusedError(errno.EINVAL, "others than its owner may write to it")
                if make:
                    _tag(self.folder)
                self._usable = True
            except (OSError, ValueError) as error:
                if make or not isinstance(error, FileNotFoundError):
                    self._cannot(error)
        return self._usable

    def _cannot(self, error: OSError | ValueError) -> None:
        """Stop writing after a failure."""
        self._full = True
        if self._chosen or getattr(error, "errno", None) not in _NOT_OURS:
            why = getattr(error, "strerror", None) or error
            self.problem = self.problem or f"{self.folder}: nothing can be kept there: {why}"


def _tag(folder: str) -> None:
    """Mark the folder as a cache, which backups leave out ("Cache Directory Tagging Specification")."""
    path = os.path.join(folder, "CACHEDIR.TAG")
    if not os.path.lexists(path):
        with suppress(FileExistsError), open(path, "x", encoding="ascii") as stream:  # another scan was faster
            stream.write(_TAG)


def _is_writable_by_others(status: os.stat_result) -> bool:
    """True if another user owns it or may write to it."""
    if not hasattr(os, "getuid"):
        return False
    return status.st_uid != os.getuid() or bool(status.st_mode & (stat.S_IWGRP | stat.S_IWOTH))


def _sum(data: bytes | memoryview) -> bytes:
    return hashlib.blake2b(data, digest_size=_SUM).digest()


def _files(folder: str) -> list[tuple[float, str, int]]:
    """Return the files of entries, also unfinished ones: time of last use, path, size."""
    found: list[tuple[float, str, int]] = []
    for current, below, names in os.walk(folder):
        if current != folder:
            below.clear()
            for name in names:
                if name.endswith(_SUFFIX) or name.startswith(UNFINISHED):
                    with suppress(OSError):
                        status = os.lstat(path := os.path.join(current, name))
                        found.append((status.st_mtime, path, status.st_size))
    return found
