"""Record every file access while a unit is read: files opened or looked up, folders listed.

If none of these differ, another version of the same tree is read in the same way. The log must be complete: every file
access, including failed look-ups, is recorded here.
"""

from __future__ import annotations

import os
import stat
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import field
from pathlib import Path

from passrole_checks.iam.fast_dataclass import dataclass


@dataclass
class FileAccessLog:
    """Accessed paths, all absolute.

    ``files``: opened or looked up, whether they exist or not. ``folders``: their file names were listed. ``trees``:
    walked. ``links``: symbolic links on the path were resolved; so they were in the parent folders of all others.
    ``walks``: searched for files to scan.
    """

    files: set[str] = field(default_factory=set)
    folders: set[str] = field(default_factory=set)
    trees: set[str] = field(default_factory=set)
    links: set[str] = field(default_factory=set)
    walks: set[str] = field(default_factory=set)

    def include(self, other: FileAccessLog) -> None:
        """Record what another log has recorded."""
        for name in ("files", "folders", "trees", "links", "walks"):
            getattr(self, name).update(getattr(other, name))

    def at_file(self, path: str) -> None:
        """Record that a file is opened or looked up."""
        self.files.add(path)

    def at_folder(self, path: str) -> None:
        """Record that a folder is listed."""
        self.folders.add(path)

    def at_tree(self, path: str) -> None:
        """Record that a folder is walked."""
        self.trees.add(path)

    def at_walk(self, path: str, paths: Sequence[str] | None) -> None:
        """Record the files found below a folder and the paths excluded there; None if a folder could not be listed."""
        self.walks.add(path)


class TreeDifference:
    """Paths at which two versions of a tree differ.

    ``modified``: files with other content. ``others``: paths that exist in only one version, or are a file in one and
    something else in the other. All are absolute paths in one version's folder.
    """

    def __init__(self, modified: Iterable[str], others: Iterable[str]) -> None:
        self._others = frozenset(map(_normalized, others))
        self._all = self._others.union(map(_normalized, modified))

    def concerns(self, log: FileAccessLog) -> bool:
        """True if any accessed path differs in the other version."""
        return any(self._differences(log))

    def _differences(self, log: FileAccessLog) -> Iterator[bool]:
        """Yield True for each way in which an accessed path differs."""
        if not self._all:
            return
        files = frozenset(map(_normalized, log.files))
        folders = frozenset(map(_normalized, log.folders))
        trees = frozenset(map(_normalized, log.trees))
        affected = self._all.union(*map(_parents, self._all))  # a file may be where a folder was, and in a new folder
        yield not files.isdisjoint(affected)
        yield not trees.isdisjoint(affected)
        yield any(os.path.dirname(path) in folders for path in self._others)
        # what was looked for below a path that has become a file, or has been one
        yield any(not self._others.isdisjoint(_parents(path)) for path in (*files, *folders, *trees))


def same_below(log: FileAccessLog, old: str, new: str) -> bool:
    """True if the paths accessed below the folder ``old`` are equal below ``new``; paths elsewhere count as equal."""
    for path in map(os.path.normpath, log.links):  # first: links that lead outside must not be opened
        target = _relocated(path, old, new)
        if target != path and os.path.realpath(target) != _relocated(os.path.realpath(path), old, new):
            return False
    pairs = ((_same_entry, log.files), (_same_listing, log.folders), (_same_tree, log.trees))
    for is_equal, paths in pairs:
        for path in map(os.path.normpath, paths):
            if path == old or path.startswith(f"{old}{os.sep}"):
                try:
                    if not is_equal(path, new + path[len(old) :]):
                        return False
                except (OSError, ValueError):
                    return False
    return True


def _relocated(path: str, old: str, new: str) -> str:
    """Return a path below ``old`` as the same path below ``new``; any other path unchanged."""
    return new + path[len(old) :] if path == old or path.startswith(f"{old}{os.sep}") else path


def _same_entry(one: str, other: str) -> bool:
    """True if both paths are missing, folders, or files with equal content."""
    first, second = _status(one), _status(other)
    if first is None or second is None:
        return first is second
    if stat.S_IFMT(first.st_mode) != stat.S_IFMT(second.st_mode):
        return False
    if not stat.S_ISREG(first.st_mode) or os.path.samestat(first, second):
        return stat.S_ISREG(first.st_mode) or stat.S_ISDIR(first.st_mode)
    return first.st_size == second.st_size and Path(one).read_bytes() == Path(other).read_bytes()


def _status(path: str) -> os.stat_result | None:
    try:
        return os.stat(path)
    except (FileNotFoundError, NotADirectoryError, ValueError):  # ValueError: an invalid name
        return None


def _same_listing(one: str, other: str) -> bool:
    return _list_folder(one) == _list_folder(other)


def _list_folder(path: str) -> list[tuple[str, bool, bool]] | None:
    """Return the names in a folder, each with True if it is a folder and True if it is a symbolic link."""
    try:
        with os.scandir(path) as entries:
            return sorted((entry.name, entry.is_dir(), entry.is_symlink()) for entry in entries)
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None


def _same_tree(one: str, other: str) -> bool:
    """True if two folders contain the same names at any depth."""
    pending = [(one, other)]
    while pending:
        first, second = pending.pop()
        names = _list_folder(first)
        if names != _list_folder(second):
            return False
        below = [name for name, is_folder, is_link in names or () if is_folder and not is_link]
        pending += [(os.path.join(first, name), os.path.join(second, name)) for name in below]
    return True


_now: ContextVar[FileAccessLog | None] = ContextVar("looked_at", default=None)


@contextmanager
def recording_accesses(into: FileAccessLog | None = None) -> Iterator[FileAccessLog]:
    """Record accesses within this context in ``into`` or a new log, which it returns, and not in an outer log."""
    log = FileAccessLog() if into is None else into
    token = _now.set(log)
    try:
        yield log
    finally:
        _now.reset(token)


def current_log() -> FileAccessLog | None:
    """Return the log of this context; None if accesses are not recorded."""
    return _now.get()


def log_file(path: str | Path) -> None:
    """Record that a file is opened, or that a file or folder is looked up."""
    log = _now.get()
    if log is not None:
        log.at_file(str(path))


def log_folder(path: str | Path) -> None:
    """Record that the files in a folder are listed."""
    log = _now.get()
    if log is not None:
        log.at_folder(str(path))


def log_tree(path: str | Path) -> None:
    """Record that a folder is walked, or that its subfolders are listed."""
    log = _now.get()
    if log is not None:
        log.at_tree(str(path))


def log_walk(path: str | Path, paths: Sequence[str] | None) -> None:
    """Record a folder that was searched, the files to scan and the excluded paths; None if a folder could not be
    listed."""
    log = _now.get()
    if log is not None:
        log.at_walk(str(path), paths)


def log_links(path: str | Path) -> None:
    """Record that the symbolic links of a path are resolved."""
    log = _now.get()
    if log is not None:
        log.links.add(str(path))


def _normalized(path: str) -> str:
    """Return a path in one spelling, for file systems on which several spellings are the same file."""
    path = os.path.normpath(path)
    return path if path.isascii() and path.islower() else unicodedata.normalize("NFC", path).casefold()


def _parents(path: str) -> Iterator[str]:
    while (parent := os.path.dirname(path)) != path:
        yield parent
        path = parent
