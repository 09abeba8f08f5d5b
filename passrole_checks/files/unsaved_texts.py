"""Texts of files that are not saved yet, such as those of an editor: they are read instead of the files on the disk.

Within :func:`reading_texts`, all that reads or lists untrusted files sees the texts as if they had been saved: in place
of the file, or as a new file, whose folder may be new as well.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import field
from itertools import islice
from pathlib import Path

from passrole_checks.files.access_log import record_access
from passrole_checks.iam.fast_dataclass import dataclass


@dataclass(frozen=True)
class _Texts:
    """``files``: the contents by path without symbolic links. ``folders``: by folder, the names of these files and of
    the folders that contain them."""

    files: Mapping[str, bytes] = field(default_factory=dict)
    folders: Mapping[str, frozenset[str]] = field(default_factory=dict)


_NONE = _Texts()
_now: ContextVar[_Texts] = ContextVar("unsaved_texts", default=_NONE)


@contextmanager
def reading_texts(texts: Mapping[str, str]) -> Iterator[None]:
    """Let the ``texts``, by path, be read instead of the files, and in addition to those of an outer context. Symbolic
    links in the paths are resolved now.

    Raises a :class:`ValueError` for a path that cannot name a file.
    """
    outer = _now.get()
    files = dict(outer.files)
    folders = {folder: set(names) for folder, names in outer.folders.items()}
    for path, text in texts.items():
        real = os.path.realpath(path)
        files[real] = text.encode("utf-8", "surrogatepass")  # which no file can contain: not UTF-8, and reported
        folder, name = os.path.split(real)
        folders.setdefault(folder, set()).add(name)
        while not os.path.isdir(folder) and os.path.dirname(folder) != folder:
            folder, name = os.path.split(folder)
            folders.setdefault(folder, set()).add(name)
    frozen = {folder: frozenset(names) for folder, names in folders.items()}
    token = _now.set(_Texts(files, frozen) if files else _NONE)
    try:
        yield
    finally:
        _now.reset(token)


def unsaved_text(path: str | os.PathLike[str]) -> bytes | None:
    """Return the content that is read instead of a file; None for most files."""
    files = _now.get().files
    if not files:
        return None
    try:
        return files.get(os.path.realpath(path))
    except ValueError:  # an invalid name
        return None


def unsaved_names(folder: str | os.PathLike[str]) -> frozenset[str]:
    """Return the names of files and folders with unsaved texts that a listing of ``folder`` contains."""
    folders = _now.get().folders
    if not folders:
        return frozenset()
    try:
        return folders.get(os.path.realpath(folder), frozenset())
    except ValueError:  # an invalid name
        return frozenset()


def is_unsaved(path: str | os.PathLike[str]) -> bool:
    """True if a path leads to an unsaved text, or to a folder that contains one."""
    return unsaved_text(path) is not None or bool(unsaved_names(path))


def is_file(path: str | os.PathLike[str]) -> bool:
    """True if a path leads to a regular file or an unsaved text, as ``os.path.isfile``."""
    record_access("lookups", path)
    return unsaved_text(path) is not None or os.path.isfile(path)


def is_folder(path: str | os.PathLike[str]) -> bool:
    """True if a path leads to a folder, or to one that contains an unsaved text, as ``os.path.isdir``."""
    record_access("lookups", path)
    return bool(unsaved_names(path)) or os.path.isdir(path)


def mode_of(path: Path) -> int:
    """Return the type and mode bits of a path, as ``os.stat``. Raises an :class:`OSError`."""
    record_access("lookups", path)
    if unsaved_text(path) is not None:
        return stat.S_IFREG
    try:
        return path.stat().st_mode
    except FileNotFoundError:
        if unsaved_names(path):
            return stat.S_IFDIR
        raise


@dataclass(frozen=True, slots=True)
class UnsavedEntry:
    """A file or folder in the listing of a folder that exists only in unsaved texts, as ``os.DirEntry``."""

    name: str
    path: str

    def is_dir(self, *, follow_symlinks: bool = True) -> bool:
        """True for a folder."""
        return not self.is_file()

    def is_file(self, *, follow_symlinks: bool = True) -> bool:
        """True for a file."""
        return unsaved_text(self.path) is not None

    def is_symlink(self) -> bool:
        """False: a link exists."""
        return False


FolderEntry = os.DirEntry[str] | UnsavedEntry


def entries_in(folder: str | os.PathLike[str], most: int | None = None) -> list[FolderEntry]:
    """Return the entries of a folder, at most ``most``, with those of unsaved texts. Raises an :class:`OSError`."""
    record_access("folders", folder)
    return _entries(folder, most)


def _entries(folder: str | os.PathLike[str], most: int | None = None) -> list[FolderEntry]:
    unsaved, entries = unsaved_names(folder), list[FolderEntry]()
    try:
        with os.scandir(folder) as listing:
            entries.extend(islice(listing, most))
    except FileNotFoundError:
        if not unsaved:
            raise
    if not unsaved:
        return entries
    links = {entry.name for entry in entries if entry.is_symlink()}
    saved = [entry for entry in entries if entry.name in links or entry.name not in unsaved]
    return [*saved, *(UnsavedEntry(name, os.path.join(folder, name)) for name in sorted(unsaved - links))]


def names_in(folder: str | os.PathLike[str]) -> list[str]:
    """Return the sorted names of :func:`entries_in`. Raises an :class:`OSError`."""
    return sorted(entry.name for entry in entries_in(folder))


def files_below(folder: str | os.PathLike[str]) -> Iterator[tuple[str, list[str]]]:
    """Yield a folder and each one below it, with the sorted names of its regular files and unsaved texts. Links to
    folders are not followed; a folder that cannot be listed is empty."""
    record_access("trees", folder)
    pending = [os.fspath(folder)]
    while pending:
        current = pending.pop()
        try:
            entries = _entries(current)
        except OSError:
            continue
        yield (
            current,
            sorted(
                entry.name for entry in entries if unsaved_text(entry.path) is not None or os.path.isfile(entry.path)
            ),
        )
        pending += sorted((entry.path for entry in entries if entry.is_dir(follow_symlinks=False)), reverse=True)
