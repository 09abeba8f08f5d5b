"""Write files atomically, and never through a symbolic link that a pull request may have planted."""

from __future__ import annotations

import errno
import os
import stat
import sys
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import IO

from passrole_checks.files.safe_read import open_flags
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.lazy_regex import lazy_regex

UNFINISHED = ".passrole-checks-"
"""The beginning of the names of temporary files."""

_DESCRIPTOR = lazy_regex(r"/(?:dev/fd|proc/self/fd)/(?P<number>\d{1,9})")
_STANDARD = {"/dev/stdout": 1, "/dev/stderr": 2}
_WINDOWS_DEVICES = frozenset({"NUL", "CON"})
_MOST_LINKS = 40  # as on Linux
_NAME_SURROGATE = 0x20000000  # Windows: a reparse point that redirects to another path, such as a link or a junction
_AT_FOLDERS = {os.open, os.stat, os.unlink, os.rename} <= os.supports_dir_fd

# With O_PATH a folder needs no read permission, as with ordinary paths. O_NOFOLLOW is added below guarded folders.
_FOLDER = open_flags("O_DIRECTORY", "O_CLOEXEC", "O_PATH")
_SAFE = open_flags("O_NOFOLLOW", "O_CLOEXEC", "O_BINARY", "O_NOCTTY")


def guarded_folders(paths: Iterable[str | Path]) -> tuple[Path, ...]:
    """Return the folders in which no symbolic link is trusted: the working directory, the folders of ``paths``, and the
    repository around each. The root of the file system is guarded only if ``paths`` name it."""
    real_paths = [Path(os.path.realpath(path)) for path in paths if os.path.exists(path)]
    folders = [path if path.is_dir() else path.parent for path in real_paths]
    here = Path.cwd()
    for folder in (here, *folders):
        repository = repository_around(folder)
        folders += [repository] if repository is not None else []
    folders += [here] if here != here.parent else []
    return tuple(dict.fromkeys(folders))


def repository_around(folder: Path) -> Path | None:
    """Return the nearest folder at or above ``folder`` that contains ``.git``; None if there is none."""
    return next((parent for parent in (folder, *folder.parents) if os.path.lexists(parent / ".git")), None)


def replace_file(
    path: str | Path,
    data: bytes | IO[bytes],
    *,
    guarded: Collection[Path],
    contained: bool = False,
    expected: bytes | None = None,
    private: bool = False,
) -> None:
    """Write ``data``, or the rest of a file, to ``path`` completely or not at all; a failure or an interruption leaves
    nothing behind.

    The data is written to a temporary file in the same folder, which is renamed. An existing file keeps its mode, and
    its owner if the system allows; a new file gets the mode of the umask. ``private``: it is for its owner alone.

    In and below the ``guarded`` folders no symbolic link is followed, in no component of ``path``; links above them and
    elsewhere are. ``contained``: ``path`` must be below one of these folders. ``expected``: ``path`` must be a regular
    file with this content until it is replaced.

    Without ``expected``, devices, pipes and descriptors (``/dev/null``, ``/dev/stdout``, ``/dev/fd/3``, a FIFO) are
    written in place; a closed pipe is not an error.

    Raises an :class:`OSError` whose ``strerror`` says why nothing was written, a phrase that follows the file name.
    """
    if expected is None and (descriptor := _descriptor_opener(str(path))) is not None:
        with suppress(BrokenPipeError), os.fdopen(descriptor(), "wb") as stream:
            _write(stream, data)
        return
    with _open_location(path, guarded, contained=contained) as place:
        there = _check_writable(place)
        if there is None or stat.S_ISREG(there.st_mode):
            _replace(place, data, None if private else there, expected, 0o600 if private or there else 0o666)
        elif expected is None:
            _write_in_place(place, data)
        else:
            raise OSError(errno.EINVAL, "is not a regular file", str(path))


def check_file(path: str | Path, *, guarded: Collection[Path]) -> None:
    """Raise the :class:`OSError` that :func:`replace_file` would raise, as far as is known without writing."""
    if _descriptor_opener(str(path)) is None:
        with _open_location(path, guarded) as place:
            _check_writable(place)


def check_folder(path: str | Path, *, guarded: Collection[Path]) -> None:
    """Raise an :class:`OSError` if ``path``, a folder that may not exist yet, contains a symbolic link in or below a
    guarded folder."""
    with suppress(FileNotFoundError):
        _resolve(str(path), guarded)


def append_to_file(path: str | Path, data: bytes, *, guarded: Collection[Path]) -> None:
    """Append ``data`` to a regular or new file, with the rules for symbolic links of :func:`replace_file`. Raises an
    :class:`OSError`."""
    with _open_location(path, guarded) as place:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | open_flags("O_NONBLOCK") | _SAFE
        with os.fdopen(os.open(place.name, flags, 0o666, dir_fd=place.folder), "ab") as stream:
            if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
                raise OSError(errno.EINVAL, "is not a regular file", str(path))
            stream.write(data)


# -- resolving paths


@dataclass(frozen=True, slots=True)
class _OpenLocation:
    """A file by its ``name`` in an open ``folder``. If the platform cannot open names relative to a folder, ``folder``
    is None and ``name`` is an absolute path."""

    folder: int | None
    name: str

    def sibling(self, name: str) -> str:
        """Return the name of another file in the same folder."""
        return name if self.folder is not None else os.path.join(os.path.dirname(self.name), name)


@contextmanager
def _open_location(path: str | Path, guarded: Collection[Path], *, contained: bool = False) -> Iterator[_OpenLocation]:
    """Open the folder of a path, component by component without following links below a guarded folder, so that a link
    that appears meanwhile is not followed either."""
    top, steps, trusted = _resolve(str(path), guarded)
    if contained and trusted > len(steps) - 1:
        raise OSError(errno.EPERM, "is outside of the repository or folder", str(path))
    if not _AT_FOLDERS:
        yield _OpenLocation(None, os.path.join(top, *steps))
        return
    folder = os.open(os.path.join(top, *steps[:-1][:trusted]), os.O_RDONLY | _FOLDER)
    try:
        for component in steps[:-1][trusted:]:
            next_folder = os.open(component, os.O_RDONLY | _FOLDER | open_flags("O_NOFOLLOW"), dir_fd=folder)
            os.close(folder)
            folder = next_folder
        yield _OpenLocation(folder, steps[-1])
    finally:
        os.close(folder)


def _resolve(path: str, guarded: Collection[Path]) -> tuple[str, list[str], int]:
    """Resolve a path: return the top of the file system, the real components below it, and how many of them lead to the
    outermost guarded folder (more than there are folders if the path is in none)."""
    guarded_identities = frozenset(
        name for folder in guarded for name in (_identity(folder), os.path.realpath(folder)) if name
    )
    path = os.path.join(os.getcwd(), path)
    top, pending, resolved = _top(path), _components(path), list[str]()
    links = 0
    while pending:
        step = pending.pop()
        if step == os.pardir:
            del resolved[-1:]
            continue
        location = os.path.join(top, *resolved, step)
        try:
            status = os.lstat(location)
        except FileNotFoundError:
            if pending:
                raise
            return top, [*resolved, step], _outermost(top, resolved, guarded_identities)
        except ValueError:  # a NUL in the name
            raise OSError(errno.EINVAL, "is not a valid path", path) from None
        if not _is_link(status):
            resolved.append(step)
            continue
        if _outermost(top, resolved, guarded_identities) <= len(resolved):
            through = "is a symbolic link" if not pending else f"leads through a symbolic link ({location})"
            raise OSError(errno.ELOOP, f"{through}, which is not followed here", path)
        links += 1
        if links > _MOST_LINKS:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)
        target = os.readlink(location)
        if os.path.isabs(target):
            top, resolved = _top(target), []
        pending += _components(target)
    if not resolved:
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
    return top, resolved, _outermost(top, resolved[:-1], guarded_identities)


def _top(path: str) -> str:
    """Return the root of the file system, or of the drive, of an absolute path."""
    return os.path.splitdrive(path)[0] + os.sep


def _components(path: str) -> list[str]:
    """Return the components of a path, the last one first."""
    names = os.path.splitdrive(path)[1].replace(os.altsep or os.sep, os.sep).split(os.sep)
    return [name for name in reversed(names) if name not in ("", os.curdir)]


def _outermost(top: str, steps: list[str], known: Collection[tuple[int, int] | str]) -> int:
    """Return how many components lead to the first known folder; one more than there are components if none does."""
    for number in range(len(steps) + 1):
        path = os.path.join(top, *steps[:number])
        if path in known or _identity(path) in known:
            return number
    return len(steps) + 1


def _identity(folder: str | Path) -> tuple[int, int] | None:
    """Return what identifies a folder however its path is spelled; None if it cannot be determined."""
    try:
        status = os.stat(folder)
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _is_link(status: os.stat_result) -> bool:
    return stat.S_ISLNK(status.st_mode) or bool(getattr(status, "st_reparse_tag", 0) & _NAME_SURROGATE)


# -- writing


def _descriptor_opener(path: str) -> Callable[[], int] | None:
    """Return a function that duplicates the descriptor a path names; None if the path names none."""
    if os.name == "nt":
        return partial(os.open, path, os.O_WRONLY | _SAFE) if path.upper() in _WINDOWS_DEVICES else None
    named = _DESCRIPTOR.fullmatch(path)
    number = int(named["number"]) if named else _STANDARD.get(path)
    return partial(os.dup, number) if number is not None else None


def _check_writable(place: _OpenLocation) -> os.stat_result | None:
    """Return the status of an existing file, None if there is none. Raises an :class:`OSError` for a link, a folder or
    a read-only file."""
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


def _write(stream: IO[bytes], data: bytes | IO[bytes]) -> None:
    if isinstance(data, bytes):
        stream.write(data)
    else:
        from shutil import copyfileobj  # slow to import

        copyfileobj(data, stream)


def _write_in_place(place: _OpenLocation, data: bytes | IO[bytes]) -> None:
    """Write to a device or a pipe."""
    handle = os.open(place.name, os.O_WRONLY | _SAFE, dir_fd=place.folder)
    with suppress(BrokenPipeError), os.fdopen(handle, "wb") as stream:
        if stat.S_ISREG(os.fstat(handle).st_mode):  # it was replaced by a file
            raise OSError(errno.ESTALE, "was changed concurrently", place.name)
        _write(stream, data)


def _replace(
    place: _OpenLocation, data: bytes | IO[bytes], there: os.stat_result | None, expected: bytes | None, mode: int
) -> None:
    """Write a temporary file beside the target and rename it."""
    unfinished = place.sibling(f"{UNFINISHED}{os.urandom(8).hex()}.tmp")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _SAFE
    try:
        handle = os.open(unfinished, flags, mode, dir_fd=place.folder)
        with os.fdopen(handle, "wb") as stream:
            _write(stream, data)
            if there is not None and sys.platform != "win32":
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


def _content(place: _OpenLocation) -> bytes:
    """Return the content of a regular file."""
    handle = os.open(place.name, os.O_RDONLY | open_flags("O_NONBLOCK") | _SAFE, dir_fd=place.folder)
    with os.fdopen(handle, "rb") as stream:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise OSError(errno.EINVAL, "is not a regular file", place.name)
        return stream.read()
