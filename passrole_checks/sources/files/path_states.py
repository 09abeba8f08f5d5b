"""The states of accessed paths: whether any differs later, on another computer, or in another version of a tree."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import time
from collections.abc import Hashable, Iterable, Iterator
from dataclasses import field

from passrole_checks.files.access_log import KINDS, FileAccessLog, Kind
from passrole_checks.files.safe_read import open_flags, resolve
from passrole_checks.iam.fast_dataclass import dataclass

States = dict[Kind, dict[str, str | None]]
"""The state of each path by the kind of access. None: it is not known, and equal to no other."""

Fingerprint = tuple[int, ...]
"""For a regular file: device, inode, size, times of modification and status change, as in git's index; otherwise one
number for the kind, or for the error."""

_MOST_ENTRIES = 50_000  # in one tree
_FINE, _COARSE = 100_000_000, 2_000_000_000  # nanoseconds
_PIECE = 1 << 20  # bytes
_SIZE = 16  # bytes of a digest


def fingerprint(path: str) -> Fingerprint:
    """Return the fingerprint of a path without opening it."""
    try:
        return _fingerprint_of(os.stat(path))
    except ValueError:  # a name that no file can have
        return (-1,)
    except OSError as error:
        return (-(error.errno or 0) - 2,)


def _fingerprint_of(found: os.stat_result) -> Fingerprint:
    if not stat.S_ISREG(found.st_mode):
        return (stat.S_IFMT(found.st_mode),)
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def is_settled(found: Fingerprint, when: int) -> bool:
    """True if a later change of a path is visible in its fingerprint, which was taken at a time (:func:`time.time_ns`).

    Two changes within one clock tick leave the same times (git's technical documentation, "Use of index and Racy Git
    problem"). A clock with a resolution of one or two seconds is detected. What a pipe contains is never visible.
    """
    if len(found) == 1:
        return found[0] < 0 or stat.S_ISDIR(found[0])
    last = max(found[3:])
    return last + (_COARSE if last % 1_000_000_000 == 0 else _FINE) < when


@dataclass
class FileFingerprints(FileAccessLog):
    """File accesses with the fingerprint of each file, and the state of everything else. ``began``: when recording
    began."""

    began: int = field(default_factory=time.time_ns)

    def sight(self, kind: Kind, path: str) -> Hashable:
        return fingerprint(path) if kind == "files" else PathStates().of(kind, path)


class PathStates:
    """The states of paths at one moment; after :meth:`refresh`, at a later one. A file is read once while its status is
    the same."""

    def __init__(self) -> None:
        self._contents: dict[tuple[str, Fingerprint], str] = {}
        self.refresh()

    def refresh(self) -> None:
        """Look at everything anew from now on."""
        self._states: dict[tuple[Kind, str], str | None] = {}
        self._fingerprints: dict[str, Fingerprint] = {}
        self._resolved: dict[str, str] = {}

    def of(self, kind: Kind, path: str) -> str | None:
        """Return the state of a path: where its links lead, its type, the names and types in a folder or tree, or the
        content of a file."""
        key = kind, path
        if key not in self._states:
            self._states[key] = self._look(kind, path)
        return self._states[key]

    def all_of(self, log: FileAccessLog) -> States:
        """Return the states of all accessed paths."""
        return {kind: {path: self.of(kind, path) for path in sorted(log.of(kind))} for kind in KINDS}

    def unchanged(self, log: FileFingerprints) -> States | None:
        """Return the states of all accessed paths; None if one may have changed since its access, or just before."""
        self.refresh()
        for kind in KINDS:
            for path, seen in log.of(kind).items():
                now: Hashable = self.of(kind, path)
                if kind == "files" and now is not None:
                    now = self._fingerprints[path]
                    if not is_settled(now, log.began):
                        return None
                if now is None or now != seen:
                    return None
        return self.all_of(log)

    def first_difference(self, states: States) -> str | None:
        """Return the first path with another state now; None if there is none."""
        for kind in KINDS:
            for path, known in states[kind].items():
                if known is None or self.of(kind, path) != known:
                    return path
        return None

    def _look(self, kind: Kind, path: str) -> str | None:
        try:
            if kind == "files":
                return self._file(path)
            if kind == "links":
                return resolve(path, self._resolved)
            if kind == "lookups":
                return _type(path)
            return _digest(_names(path) if kind == "folders" else _tree(path))
        except ValueError:  # a name that no file can have
            return "no name"
        except OSError as error:
            return None if error.errno in (errno.EFBIG, errno.ESTALE) else f"error {error.errno}"

    def _file(self, path: str) -> str:
        found = self._fingerprints[path] = fingerprint(path)
        if len(found) == 1:
            return _type(path)
        key = path, found
        if key in self._contents:
            return self._contents[key]
        now, digest = time.time_ns(), _content(path, found)
        if is_settled(found, now):
            self._contents[key] = digest
        return digest


def _type(path: str) -> str:
    """Return the type of a path, or the error; for a symbolic link also that it is there."""
    found = fingerprint(path)
    known = "file" if len(found) > 1 else str(found[0])
    return f"link {known}" if os.path.islink(path) else known


def _names(path: str) -> Iterator[str]:
    """Return the sorted names in a folder, with their types. Raises OSError."""
    with os.scandir(path) as entries:
        return iter(sorted(f"{entry.name}\0{_entry_type(entry)}" for entry in entries))


def _entry_type(entry: os.DirEntry[str]) -> str:
    if entry.is_symlink():
        return _type(entry.path)
    return "folder" if entry.is_dir() else "file" if entry.is_file() else "other"


def _tree(path: str) -> Iterator[str]:
    """Yield the names in a folder and its subfolders at any depth, without following symbolic links. Raises OSError."""
    pending, left = [path], _MOST_ENTRIES
    while pending:
        current = pending.pop()
        yield os.path.relpath(current, path)
        for name in _names(current):
            left -= 1
            yield name
            if name.endswith("\0folder"):
                pending.append(os.path.join(current, name.partition("\0")[0]))
        if left < 0:
            raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), path)


def _digest(words: Iterable[str]) -> str:
    text = "\0\n".join(words)
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=_SIZE).hexdigest()


def _content(path: str, seen: Fingerprint) -> str:
    """Return the digest of a regular file. Raises OSError, also if it was replaced meanwhile (``ESTALE``)."""
    handle = os.open(path, os.O_RDONLY | open_flags("O_NONBLOCK", "O_BINARY", "O_CLOEXEC"))
    try:
        if _fingerprint_of(os.fstat(handle)) != seen:
            raise OSError(errno.ESTALE, os.strerror(errno.ESTALE), path)
        digest = hashlib.blake2b(digest_size=_SIZE)
        while piece := os.read(handle, _PIECE):
            digest.update(piece)
        return digest.hexdigest()
    finally:
        os.close(handle)
