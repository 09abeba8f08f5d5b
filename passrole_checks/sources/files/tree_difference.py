"""Differences between two versions of a tree, compared with what was accessed in one of them."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterable, Iterator

from passrole_checks.files.access_log import KINDS, FileAccessLog, Kind
from passrole_checks.sources.files.path_states import PathStates


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
        files = frozenset(map(_normalized, (*log.files, *log.lookups)))
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
    states = PathStates()

    def is_same(kind: Kind, path: str) -> bool:
        target = _relocated(path, old, new)
        if target == path or (kind == "files" and _is_one_file(path, target)):
            return True
        state = states.of(kind, path)
        if state is None:
            return False
        return states.of(kind, target) == (_relocated(state, old, new) if kind == "links" else state)

    return all(is_same(kind, path) for kind in KINDS for path in map(os.path.normpath, log.of(kind)))


def _is_one_file(path: str, other: str) -> bool:
    try:
        return os.path.samefile(path, other)
    except (OSError, ValueError):
        return False


def _relocated(path: str, old: str, new: str) -> str:
    """Return a path below ``old`` as the same path below ``new``; any other path unchanged."""
    return new + path[len(old) :] if path == old or path.startswith(f"{old}{os.sep}") else path


def _normalized(path: str) -> str:
    """Return a path in one spelling, for file systems on which several spellings are the same file."""
    path = os.path.normpath(path)
    return path if path.isascii() and path.islower() else unicodedata.normalize("NFC", path).casefold()


def _parents(path: str) -> Iterator[str]:
    while (parent := os.path.dirname(path)) != path:
        yield parent
        path = parent
