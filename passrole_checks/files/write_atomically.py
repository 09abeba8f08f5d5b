"""Write files atomically, and never through a symbolic link that a pull request may have planted."""

from __future__ import annotations

import errno
import os
import re
import secrets
import stat
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

_DESCRIPTOR = re.compile(r"/(?:dev/fd|proc/self/fd)/(?P<number>\d{1,9})")
_STANDARD = {"/dev/stdout": 1, "/dev/stderr": 2}
_WINDOWS_DEVICES = frozenset({"NUL", "CON"})
_MOST_LINKS = 40  # as Linux has it
_NAME_SURROGATE = 0x20000000  # Windows: a reparse point that stands for another path, as links and junctions do
_AT_FOLDERS = {os.open, os.stat, os.unlink, os.rename} <= os.supports_dir_fd


def _flags(*names: str) -> int:
    return sum(getattr(os, name, 0) for name in names)


# With O_PATH a folder needs no read permission, as with ordinary paths. O_NOFOLLOW is added below guarded folders.
_FOLDER = _flags("O_DIRECTORY", "O_CLOEXEC", "O_PATH")
_SAFE = _flags("O_NOFOLLOW", "O_CLOEXEC", "O_BINARY", "O_NOCTTY")


def guarded_folders(paths: Iterable[str | Path]) -> tuple[Path, ...]:
    """Return the folders in which no symbolic link is trusted: the working directory, the folders of ``paths``, and
    the repository around each. The root of the file system is guarded only where ``paths`` name it."""
    given = [Path(os.path.realpath(path)) for path in paths if os.path.exists(path)]
    folders = [path if path.is_dir() else path.parent for path in given]
    here = Path.cwd()
    for folder in (here, *folders):
        repository = repository_around(folder)
        folders += [repository] if repository is not None else []
    folders += [here] if here != here.parent else []
    return tuple(dict.fromkeys(folders))


def repository_around(folder: Path) -> Path | None:
    """Return the nearest folder at or above ``folder`` that contains ``.git``; None where there is none."""
    return next((one for one in (folder, *folder.parents) if os.path.lexists(one / ".git")), None)


def replace_file(
    path: str | Path,
    data: bytes,
    *,
    guarded: Collection[Path],
    contained: bool = False,
    expected: bytes | None = None,
) -> None:
    """Write ``data`` to ``path``, whole or not at all, and leave nothing behind where that fails or is interrupted.

    A new file appears, or the old one is replaced, by renaming a temporary file in the same folder. The mode of an old
    file is kept, and its owner where the system allows it; a new one gets the mode that the umask gives.

    In and below the folders ``guarded`` no symbolic link is followed, in no component of ``path``; links above them
    and elsewhere are. ``contained``: ``path`` must lie below one of these folders. ``expected``: ``path`` must be a
    regular file with this content, up to the moment of the replacement.

    Without ``expected``, devices, pipes and descriptors (``/dev/null``, ``/dev/stdout``, ``/dev/fd/3``, a FIFO) are
    written in place; that a reader of a pipe has gone away is no error.

    Raises an :class:`OSError` whose ``strerror`` says why nothing was written, in words that follow a file's name.
    """
    if expected is None and (descriptor := _descriptor(str(path))) is not None:
        with suppress(BrokenPipeError), os.fdopen(descriptor(), "wb") as stream:
            stream.write(data)
        return
    with _opened(path, guarded, contained=contained) as place:
        there = _writable(place)
        if there is None or stat.S_ISREG(there.st_mode):
            _replace(place, data, there, expected)
        elif expected is None:
            _write_in_place(place, data)
        else:
            raise OSError(errno.EINVAL, "is no regular file", str(path))


def check_file(path: str | Path, *, guarded: Collection[Path]) -> None:
    """Raise the :class:`OSError` that :func:`replace_file` would raise, as far as that can be known without writing."""
    if _descriptor(str(path)) is None:
        with _opened(path, guarded) as place:
            _writable(place)


def check_folder(path: str | Path, *, guarded: Collection[Path]) -> None:
    """Raise an :class:`OSError` if a symbolic link in or below a guarded folder is part of ``path``, a folder that may
    be missing as yet."""
    with suppress(FileNotFoundError):
        _resolved(str(path), guarded)


def append_to_file(path: str | Path, data: bytes, *, guarded: Collection[Path]) -> None:
    """Append ``data`` to a regular file, or to a new one, with the same rules for symbolic links as
    :func:`replace_file`. Raises an :class:`OSError`."""
    with _opened(path, guarded) as place:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | _flags("O_NONBLOCK") | _SAFE
        with os.fdopen(os.open(place.name, flags, 0o666, dir_fd=place.folder), "ab") as stream:
            if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
                raise OSError(errno.EINVAL, "is no regular file", str(path))
            stream.write(data)


# -- where a path leads


@dataclass(frozen=True, slots=True)
class _Place:
    """A file by its ``name`` in an open ``folder``; None where the platform knows no names in open folders, and
    ``name`` is a whole path then."""

    folder: int | None
    name: str

    def sibling(self, name: str) -> str:
        """The name of another file in the same folder."""
        return name if self.folder is not None else os.path.join(os.path.dirname(self.name), name)


@contextmanager
def _opened(path: str | Path, guarded: Collection[Path], *, contained: bool = False) -> Iterator[_Place]:
    """The place that a path leads to. Its folder is opened component by component without following links below a
    guarded folder, so that a link which appears meanwhile is not followed either."""
    top, steps, trusted = _resolved(str(path), guarded)
    if contained and trusted > len(steps) - 1:
        raise OSError(errno.EPERM, "lies outside of the repository or folder", str(path))
    if not _AT_FOLDERS:
        yield _Place(None, os.path.join(top, *steps))
        return
    folder = os.open(os.path.join(top, *steps[:-1][:trusted]), os.O_RDONLY | _FOLDER)
    try:
        for step in steps[:-1][trusted:]:
            inner = os.open(step, os.O_RDONLY | _FOLDER | _flags("O_NOFOLLOW"), dir_fd=folder)
            os.close(folder)
            folder = inner
        yield _Place(folder, steps[-1])
    finally:
        os.close(folder)


def _resolved(path: str, guarded: Collection[Path]) -> tuple[str, list[str], int]:
    """The top of the file system, the real components of a path below it, and how many of them lead to the outermost
    guarded folder (more than there are folders where the path is in none)."""
    known = frozenset(name for folder in guarded for name in (_identity(folder), os.path.realpath(folder)) if name)
    path = os.path.join(os.getcwd(), path)
    top, pending, done = _top(path), _steps(path), list[str]()
    links = 0
    while pending:
        step = pending.pop()
        if step == os.pardir:
            del done[-1:]
            continue
        place = os.path.join(top, *done, step)
        try:
            status = os.lstat(place)
        except FileNotFoundError:
            if pending:
                raise
            return top, [*done, step], _outermost(top, done, known)
        except ValueError:  # a NUL in the name
            raise OSError(errno.EINVAL, "is no valid path", path) from None
        if not _is_link(status):
            done.append(step)
            continue
        if _outermost(top, done, known) <= len(done):
            through = "is a symbolic link" if not pending else f"leads through a symbolic link ({place})"
            raise OSError(errno.ELOOP, f"{through}, which is not followed here", path)
        links += 1
        if links > _MOST_LINKS:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)
        target = os.readlink(place)
        if os.path.isabs(target):
            top, done = _top(target), []
        pending += _steps(target)
    if not done:
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
    return top, done, _outermost(top, done[:-1], known)


def _top(path: str) -> str:
    """The root of the file system, or of the drive, that an absolute path begins with."""
    return os.path.splitdrive(path)[0] + os.sep


def _steps(path: str) -> list[str]:
    """The components of a path, the last one first."""
    names = os.path.splitdrive(path)[1].replace(os.altsep or os.sep, os.sep).split(os.sep)
    return [name for name in reversed(names) if name not in ("", os.curdir)]


def _outermost(top: str, steps: list[str], known: Collection[tuple[int, int] | str]) -> int:
    """How many steps lead to the first of the known folders; one more than there are where none is among them."""
    for number in range(len(steps) + 1):
        path = os.path.join(top, *steps[:number])
        if path in known or _identity(path) in known:
            return number
    return len(steps) + 1


def _identity(folder: str | Path) -> tuple[int, int] | None:
    """What a folder is known by, however its path is spelled (which not every file system has)."""
    try:
        status = os.stat(folder)
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _is_link(status: os.stat_result) -> bool:
    return stat.S_ISLNK(status.st_mode) or bool(getattr(status, "st_reparse_tag", 0) & _NAME_SURROGATE)


# -- what is written


def _descriptor(path: str) -> Callable[[], int] | None:
    """What opens a descriptor of our own for the one that a path names; None where the path names none."""
    if os.name == "nt":
        return partial(os.open, path, os.O_WRONLY | _SAFE) if path.upper() in _WINDOWS_DEVICES else None
    named = _DESCRIPTOR.fullmatch(path)
    number = int(named["number"]) if named else _STANDARD.get(path)
    return partial(os.dup, number) if number is not None else None


def _writable(place: _Place) -> os.stat_result | None:
    """What is there, None for nothing. Raises an :class:`OSError` for a link, a folder and what is read-only."""
    try:
        status = os.stat(place.name, dir_fd=place.folder, follow_symlinks=False)
    except FileNotFoundError:
        return None
    if _is_link(status):
        raise OSError(errno.ELOOP, "is a symbolic link, which is not followed here", place.name)
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), place.name)
    if not status.st_mode & (stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH):
        raise OSError(errno.EACCES, "is read-only", place.name)
    return status


def _write_in_place(place: _Place, data: bytes) -> None:
    """Write to a device or a pipe."""
    handle = os.open(place.name, os.O_WRONLY | _SAFE, dir_fd=place.folder)
    with suppress(BrokenPipeError), os.fdopen(handle, "wb") as stream:
        if stat.S_ISREG(os.fstat(handle).st_mode):  # another file has taken its place
            raise OSError(errno.ESTALE, "was changed meanwhile", place.name)
        stream.write(data)


def _replace(place: _Place, data: bytes, there: os.stat_result | None, expected: bytes | None) -> None:
    unfinished = place.sibling(f".passrole-checks-{secrets.token_hex(8)}.tmp")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _SAFE
    try:
        handle = os.open(unfinished, flags, 0o666 if there is None else 0o600, dir_fd=place.folder)
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            if there is not None and os.name != "nt":
                with suppress(OSError):
                    os.fchown(handle, there.st_uid, there.st_gid)
                os.fchmod(handle, there.st_mode & 0o777)
        if expected is not None and _content(place) != expected:
            raise OSError(errno.ESTALE, "was changed since it was read", place.name)
        os.replace(unfinished, place.name, src_dir_fd=place.folder, dst_dir_fd=place.folder)
    except BaseException:
        with suppress(OSError):
            os.unlink(unfinished, dir_fd=place.folder)
        raise


def _content(place: _Place) -> bytes:
    handle = os.open(place.name, os.O_RDONLY | _flags("O_NONBLOCK") | _SAFE, dir_fd=place.folder)
    with os.fdopen(handle, "rb") as stream:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise OSError(errno.EINVAL, "is no regular file", place.name)
        return stream.read()
