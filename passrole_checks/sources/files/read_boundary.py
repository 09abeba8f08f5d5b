"""The folders that bound what is read because the scanned tree names it.

A module call, a link named like a Terraform file, a file of values, an included template: each can lead anywhere on
this machine. So each is resolved first, and read where the result lies inside the repository, or the folders that were
given to the scan. What the user names on the command line is read as it is given, unless it is in a repository by its
name and a symbolic link leads out of that (:func:`check_given`).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from passrole_checks.files import write_atomically
from passrole_checks.files.safe_read import check_inside, opened, read_bounded
from passrole_checks.sources.files.access_log import at_file, at_lead


@dataclass(frozen=True, slots=True)
class Boundary:
    """``folders``: those that files may be read in and below, symbolic links resolved; None for every file."""

    folders: tuple[str, ...] | None

    @classmethod
    def around(cls, *folders: Path) -> Boundary:
        """Return the boundary of some folders."""
        return cls(tuple(dict.fromkeys(os.path.realpath(folder) for folder in folders)))

    def contains(self, real: str) -> bool:
        """Return True for a path without symbolic links in or below one of the folders."""
        return self.folders is None or any(
            real == folder or real.startswith(os.path.join(folder, "")) for folder in self.folders
        )

    def check(self, path: str | Path) -> None:
        """Raise :class:`OutsideError` where a path leads outside, and another :class:`OSError` where no file can have
        it."""
        at_lead(path)
        check_inside(path, self.contains)

    def allows(self, path: str | Path) -> bool:
        """Return True where a path leads inside."""
        try:
            self.check(path)
        except OSError:
            return False
        return True

    def read(self, path: str | Path, most: int) -> bytes:
        """Return the bytes of a file, at most ``most``. Raises :class:`OutsideError`, or another :class:`OSError`."""
        self.check(path)
        at_file(path)
        return read_bounded(path, most, self.contains)

    def open(self, path: str | Path) -> BinaryIO:
        """Return a regular file, opened for reading. Raises :class:`OutsideError`, or another :class:`OSError`."""
        self.check(path)
        at_file(path)
        return opened(path, self.contains)


UNBOUNDED = Boundary(None)
"""No boundary: for what the user names, and for folders that are all ours."""

_now: ContextVar[Boundary] = ContextVar("boundary", default=UNBOUNDED)


@contextmanager
def within(boundary: Boundary) -> Iterator[None]:
    """Bound what :func:`current` returns in this context."""
    token = _now.set(boundary)
    try:
        yield
    finally:
        _now.reset(token)


def current() -> Boundary:
    """Return the boundary of what is being read now."""
    return _now.get()


def repository_around(folder: Path) -> Path | None:
    """Return what :func:`file_replacement.repository_around` returns, and log where it looked."""
    found = write_atomically.repository_around(folder)
    for parent in (folder, *folder.parents):
        at_file(parent / ".git")
        if parent == found:
            break
    return found


def check_given(path: str | Path) -> None:
    """Raise :class:`OutsideError` for a path of the command line that a symbolic link of its repository leads out of.

    The user has seen the name; what it leads to may have come with a pull request.
    """
    top = repository_around(Path(os.path.abspath(path)).parent)
    if top is not None:
        Boundary.around(top).check(path)
