"""Record every file access while a unit is read: files opened or looked up, folders listed, links resolved.

If none of these differ, another version of the same tree is read in the same way. The log must be complete. So this
package and :mod:`passrole_checks.sources.files.read_boundary` record for all others: scanned files are read, looked up
and listed by functions of these alone.
"""

from __future__ import annotations

import os
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import field
from typing import Literal

from passrole_checks.iam.fast_dataclass import dataclass

Kind = Literal["links", "lookups", "files", "folders", "trees"]
KINDS: tuple[Kind, ...] = ("links", "lookups", "files", "folders", "trees")
"""The kinds of accesses, in the order in which they are compared: a file behind a link that leads elsewhere now must
not be opened. Files come before their folders, so that a difference is named by its file."""

Path = str | os.PathLike[str]


@dataclass
class FileAccessLog:
    """Accessed paths, all absolute, each with what :meth:`sight` returned at its first access.

    ``files``: opened, whether they exist or not. ``folders``: their file names were listed. ``trees``: walked.
    ``lookups``: asked whether a file or a folder is there. ``links``: symbolic links on the path were resolved; so they
    were on the paths of all other folders.
    """

    files: dict[str, Hashable] = field(default_factory=dict)
    folders: dict[str, Hashable] = field(default_factory=dict)
    trees: dict[str, Hashable] = field(default_factory=dict)
    links: dict[str, Hashable] = field(default_factory=dict)
    lookups: dict[str, Hashable] = field(default_factory=dict)

    def of(self, kind: Kind) -> dict[str, Hashable]:
        """Return the paths of one kind."""
        paths: dict[str, Hashable] = getattr(self, kind)
        return paths

    def sight(self, kind: Kind, path: str) -> Hashable:
        """Return the state of a path that is about to be accessed; None if it is not recorded."""

    def record(self, kind: Kind, path: str) -> None:
        """Record an access, before it happens."""
        paths = self.of(kind)
        if path not in paths:
            if kind != "links":
                self.record("links", path if kind in ("folders", "trees") else os.path.dirname(path))
            paths[path] = self.sight(kind, path)

    def include(self, other: FileAccessLog) -> None:
        """Record what another log has recorded."""
        for kind in KINDS:
            setattr(self, kind, other.of(kind) | self.of(kind))


_now: ContextVar[FileAccessLog | None] = ContextVar("access_log", default=None)


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


def record_access(kind: Kind, path: Path) -> None:
    """Record an access in the log of this context, if there is one."""
    log = _now.get()
    if log is not None:
        log.record(kind, os.fspath(path))
