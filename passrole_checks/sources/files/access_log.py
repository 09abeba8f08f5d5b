"""What the reading of a unit has looked at: which files it has opened or looked for, and which folders it has listed.

Whoever knows it can tell whether another version of the same tree would be read in the same way: it is, where nothing
of that differs. It is worth as much as it is complete, so each place that asks the disk for something says so here, the
ways that lead nowhere included.
"""

from __future__ import annotations

import os
import stat
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class LookedAt:
    """``files``: what was opened or looked for, there or not. ``folders``: those of which the names of the files in
    them were listed, ``trees`` those that were walked. ``leads``: what was resolved, to see where symbolic links lead;
    the folders of all others were as well. ``walks``: where files to scan were looked for. All are whole paths."""

    files: set[str] = field(default_factory=set)
    folders: set[str] = field(default_factory=set)
    trees: set[str] = field(default_factory=set)
    leads: set[str] = field(default_factory=set)
    walks: set[str] = field(default_factory=set)

    def at_file(self, path: str) -> None:
        """A file is opened or looked for now."""
        self.files.add(path)

    def at_folder(self, path: str) -> None:
        """A folder is listed now."""
        self.folders.add(path)

    def at_tree(self, path: str) -> None:
        """A folder is walked now."""
        self.trees.add(path)

    def at_walk(self, path: str, paths: Sequence[str] | None) -> None:
        """Record the files found below a folder and what was excluded there; None if a folder could not be listed."""
        self.walks.add(path)


class TreeDifference:
    """Paths at which two versions of a tree differ: ``modified`` files, and ``others``, which are in one of them only,
    or are a file in one and something else in the other. Paths are whole ones, all in one version's place."""

    def __init__(self, modified: Iterable[str], others: Iterable[str]) -> None:
        self._others = frozenset(map(_spelled, others))
        self._all = self._others.union(map(_spelled, modified))

    def concerns(self, looked: LookedAt) -> bool:
        """Whether what was looked at is not the same in the other version."""
        return any(self._told(looked))

    def _told(self, looked: LookedAt) -> Iterator[bool]:
        if not self._all:
            return
        files = frozenset(map(_spelled, looked.files))
        folders = frozenset(map(_spelled, looked.folders))
        trees = frozenset(map(_spelled, looked.trees))
        wanted = self._all.union(*map(_parents, self._all))  # a file may be where a folder was, and in a new folder
        yield not files.isdisjoint(wanted)
        yield not trees.isdisjoint(wanted)
        yield any(os.path.dirname(path) in folders for path in self._others)
        # what was looked for below a path that has become a file, or has been one
        yield any(not self._others.isdisjoint(_parents(path)) for path in (*files, *folders, *trees))


def same_at(looked: LookedAt, old: str, new: str) -> bool:
    """Whether what was looked at below the folder ``old`` is the same below ``new``; what is elsewhere is."""
    for path in map(os.path.normpath, looked.leads):  # first: what leads elsewhere may be outside, and is not opened
        there = _moved(path, old, new)
        if there != path and os.path.realpath(there) != _moved(os.path.realpath(path), old, new):
            return False
    pairs = ((_alike, looked.files), (_list_alike, looked.folders), (_grown_alike, looked.trees))
    for alike, paths in pairs:
        for path in map(os.path.normpath, paths):
            if path == old or path.startswith(f"{old}{os.sep}"):
                try:
                    if not alike(path, new + path[len(old) :]):
                        return False
                except (OSError, ValueError):
                    return False
    return True


def _moved(path: str, old: str, new: str) -> str:
    """Return a path below ``old`` as one below ``new``, and any other as it is."""
    return new + path[len(old) :] if path == old or path.startswith(f"{old}{os.sep}") else path


def _alike(one: str, other: str) -> bool:
    """Whether two paths lead to nothing, to two folders, or to two files with the same content."""
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
    except (FileNotFoundError, NotADirectoryError, ValueError):  # the last one for a name that no file can have
        return None


def _list_alike(one: str, other: str) -> bool:
    return _listed(one) == _listed(other)


def _listed(path: str) -> list[tuple[str, bool, bool]] | None:
    """Return the names in a folder, for each whether it is a folder, and whether it is a symbolic link."""
    try:
        with os.scandir(path) as entries:
            return sorted((entry.name, entry.is_dir(), entry.is_symlink()) for entry in entries)
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None


def _grown_alike(one: str, other: str) -> bool:
    """Whether two folders hold the same names, at any depth."""
    pending = [(one, other)]
    while pending:
        first, second = pending.pop()
        names = _listed(first)
        if names != _listed(second):
            return False
        below = [name for name, is_folder, is_link in names or () if is_folder and not is_link]
        pending += [(os.path.join(first, name), os.path.join(second, name)) for name in below]
    return True


_now: ContextVar[LookedAt | None] = ContextVar("looked_at", default=None)


@contextmanager
def watched(into: LookedAt | None = None) -> Iterator[LookedAt]:
    """Within this context, what is looked at is told to ``into``, or to the object that it gives (and not to the one
    around it)."""
    found = LookedAt() if into is None else into
    token = _now.set(found)
    try:
        yield found
    finally:
        _now.reset(token)


def at_file(path: str | Path) -> None:
    """A file is opened, or it is asked whether there is one (or a folder)."""
    found = _now.get()
    if found is not None:
        found.at_file(str(path))


def at_folder(path: str | Path) -> None:
    """The files in a folder are listed."""
    found = _now.get()
    if found is not None:
        found.at_folder(str(path))


def at_tree(path: str | Path) -> None:
    """A folder is walked, or the folders in it are listed."""
    found = _now.get()
    if found is not None:
        found.at_tree(str(path))


def at_walk(path: str | Path, paths: Sequence[str] | None) -> None:
    """Record that a folder was walked, the files to scan and what was excluded; None if one could not be listed."""
    found = _now.get()
    if found is not None:
        found.at_walk(str(path), paths)


def at_lead(path: str | Path) -> None:
    """Symbolic links on the way to a path are resolved."""
    found = _now.get()
    if found is not None:
        found.leads.add(str(path))


def _spelled(path: str) -> str:
    """A path in one spelling, for disks on which several are the same file."""
    path = os.path.normpath(path)
    return path if path.isascii() and path.islower() else unicodedata.normalize("NFC", path).casefold()


def _parents(path: str) -> Iterator[str]:
    while (parent := os.path.dirname(path)) != path:
        yield parent
        path = parent
