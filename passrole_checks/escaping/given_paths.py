"""The paths that the command line names, by which text outputs name files."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import field

from passrole_checks.iam.fast_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class GivenPaths:
    """The paths that the command line names.

    ``typed``: pairs of a path without symbolic links, and what was typed for it, the most specific first. ``absolute``:
    only absolute paths were typed. ``renamed``: names that all outputs show instead of a path, as for standard input.
    ``base``: the folder that paths are relative to in all outputs, None for the working directory, "" for none.
    """

    typed: tuple[tuple[str, str], ...] = ()
    absolute: bool = False
    renamed: Mapping[str, str] = field(default_factory=dict)
    base: str | None = None

    def typed_name(self, file: str) -> str | None:
        """Return a file as it was typed, with forward slashes: ``./infra/main.tf`` below ``./infra``.

        A file that is in none of the paths is absolute if all of them are, else None is returned.
        """
        path = os.path.abspath(file)
        for real, typed in self.typed:
            below = os.path.join(real, "")
            if path == real:
                return typed
            if path.startswith(below):
                name = _with_slashes(path[len(below) :])
                return name if os.path.normpath(typed) == os.curdir else f"{typed.rstrip('/')}/{name}"
        return _with_slashes(path) if self.absolute else None


_NONE = GivenPaths()
_given: ContextVar[GivenPaths] = ContextVar("given_paths", default=_NONE)


def given_paths() -> GivenPaths:
    """Return the paths that the running command was given; none outside of a command."""
    return _given.get()


@contextmanager
def using_given_paths(paths: Sequence[str], renamed: Mapping[str, str]) -> Iterator[None]:
    """Set what :func:`given_paths` returns: what was typed, and names that replace paths."""
    pairs = {pair: None for path in paths for pair in _pairs(path)}
    most_specific_first = sorted(pairs, key=lambda pair: -len(pair[0]))
    is_absolute = bool(paths) and all(map(os.path.isabs, paths))
    token = _given.set(GivenPaths(tuple(most_specific_first), is_absolute, renamed))
    try:
        yield
    finally:
        _given.reset(token)


@contextmanager
def naming_files_from(base: str) -> Iterator[None]:
    """Let outputs name files relative to the folder ``base``, not to the working directory; with "", by their absolute
    paths."""
    token = _given.set(GivenPaths(base=base))
    try:
        yield
    finally:
        _given.reset(token)


def _pairs(path: str) -> Iterator[tuple[str, str]]:
    """Yield a path without symbolic links, and as typed; for a file also its folder, which may contain more files."""
    typed = _with_slashes(path) or os.curdir
    try:
        real = os.path.realpath(path)
        yield real, typed
        if not os.path.isdir(real) and os.path.realpath(os.path.dirname(path)) == os.path.dirname(real):
            yield os.path.dirname(real), typed[: typed.rfind("/") + 1] or os.curdir
    except (OSError, ValueError):  # an invalid name, which is reported where it is read
        return


def _with_slashes(path: str) -> str:
    return path.replace(os.sep, "/")
