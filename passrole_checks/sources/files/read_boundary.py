"""Restrict the files that are read because the scanned tree names them.

A module call, a link named like a Terraform file, a variable file or an included template can lead anywhere on this
machine. Each path is therefore resolved first, and read only inside the repository or the folders given to the scan.
Paths named on the command line are read as given, unless they lie in a repository by name and a symbolic link leads out
of it (:func:`check_given_path`).
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import field
from pathlib import Path
from typing import BinaryIO

from passrole_checks.errors import InputError
from passrole_checks.files import write_atomically
from passrole_checks.files.access_log import record_access
from passrole_checks.files.safe_read import RefusedError, open_regular, read_bounded, resolve_inside
from passrole_checks.files.unsaved_texts import is_unsaved
from passrole_checks.iam.fast_dataclass import dataclass

_FEW = 4  # folders that are compared with a path one by one


@dataclass(frozen=True, slots=True)
class Boundary:
    """Folders in and below which files may be read, symbolic links resolved; None for every file."""

    folders: tuple[str, ...] | None
    _many: frozenset[str] = field(default=frozenset(), compare=False, repr=False)  # the folders, if they are many
    _resolved: dict[str, str] = field(default_factory=dict, compare=False, repr=False)  # see resolve_inside

    @classmethod
    def around(cls, *folders: Path) -> Boundary:
        """Return the boundary that allows the given folders."""
        found = tuple(dict.fromkeys(os.path.realpath(folder) for folder in folders))
        return cls(found, frozenset(found) if len(found) > _FEW else frozenset())

    def contains(self, real: str) -> bool:
        """True if a path without symbolic links is in or below one of the folders."""
        inside = _is_below(real, self._many) if self._many else _contains(self.folders, real)
        return inside and _contains(_confinement.get(), real)

    def check(self, path: str | Path) -> str:
        """Return a path with symbolic links resolved.

        Raises :class:`OutsideError` if it leads outside, or another :class:`OSError` if it is invalid.
        """
        record_access("links", path)
        # a boundary around folders lasts for one unit, the one of every file for ever
        return resolve_inside(path, self.contains, None if self.folders is None else self._resolved)

    def allows(self, path: str | Path) -> bool:
        """True if a path leads inside."""
        try:
            self.check(path)
        except OSError:
            return False
        return True

    def read(self, path: str | Path, most: int) -> bytes:
        """Return the bytes of a file, at most ``most``. Raises :class:`OutsideError` or another :class:`OSError`."""
        real = self.check(path)
        record_access("files", path)
        return read_bounded(path, most, self.contains, real=real)

    def open(self, path: str | Path) -> BinaryIO:
        """Open a regular file for reading. Raises :class:`OutsideError` or another :class:`OSError`."""
        real = self.check(path)
        record_access("files", path)
        return open_regular(path, self.contains, real=real)


def _is_below(real: str, folders: frozenset[str]) -> bool:
    """True if a path, or a folder around it, is one of many folders."""
    while real not in folders:
        parent = os.path.dirname(real)
        if parent == real:
            return False
        real = parent
    return True


def _contains(folders: tuple[str, ...] | None, real: str) -> bool:
    return folders is None or any(real == folder or real.startswith(os.path.join(folder, "")) for folder in folders)


_confinement: ContextVar[tuple[str, ...] | None] = ContextVar("confinement", default=None)


@contextmanager
def confined_to(folders: Sequence[str]) -> Iterator[None]:
    """Let every boundary within this context allow only what is in or below one of ``folders``, too.

    The folders are paths without symbolic links. Those of a client of a server may be smaller than the repository
    around them.
    """
    token = _confinement.set(tuple(folders))
    try:
        yield
    finally:
        _confinement.reset(token)


UNBOUNDED = Boundary(None)
"""No boundary: for paths that the user names, and for our own folders."""

_now: ContextVar[Boundary] = ContextVar("boundary", default=UNBOUNDED)


@contextmanager
def boundary_of_context(boundary: Boundary) -> Iterator[None]:
    """Set the boundary that :func:`current_boundary` returns within this context."""
    token = _now.set(boundary)
    try:
        yield
    finally:
        _now.reset(token)


def current_boundary() -> Boundary:
    """Return the boundary of the current context."""
    return _now.get()


def read_text(path: Path, most: int, kind: str) -> str:
    """Return the text of a file that another one names.

    Raises :class:`InputError` if it is no text or longer than ``most`` bytes, too large for ``kind``, and OSError.
    """
    try:
        return decoded(path, current_boundary().read(path, most))
    except RefusedError as error:
        if error.errno == errno.EFBIG:
            raise InputError(str(path), f"too large for {kind}") from None
        raise


def decoded(path: str | Path, data: bytes) -> str:
    """Return the text of a file. Raises :class:`InputError` if it is not UTF-8."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(str(path), "not UTF-8 text", data.count(b"\n", 0, error.start) + 1) from None


def repository_around(folder: Path) -> Path | None:
    """Return the repository around a folder, see :func:`write_atomically.repository_around`, and record the
    look-ups."""
    repository = write_atomically.repository_around(folder)
    for parent in (folder, *folder.parents):
        record_access("lookups", parent / ".git")
        if parent == repository:
            break
    return repository


def resolve_given_path(path: Path) -> Path:
    """Return a given path with symbolic links resolved. Raises an :class:`OSError` as :func:`check_given_path`, also if
    nothing exists there, and a :class:`RuntimeError` or :class:`ValueError` if it is invalid."""
    given = os.path.abspath(path)
    record_access("lookups", given)
    record_access("links", given)
    resolved = path.resolve(strict=not is_unsaved(path))
    check_given_path(path)
    return resolved


def check_given_path(path: str | Path) -> None:
    """Raise :class:`OutsideError` if a symbolic link in its repository leads a given path out of the repository.

    The user has seen the name; its target may come from a pull request.
    """
    top = repository_around(Path(os.path.abspath(path)).parent)
    if top is not None:
        Boundary.around(top).check(path)
