"""Read an untrusted file: bounded, never blocking on pipes or devices."""

from __future__ import annotations

import errno
import io
import os
import stat
from collections.abc import Callable, Hashable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from passrole_checks.files.access_log import record_access
from passrole_checks.files.unsaved_texts import unsaved_text
from passrole_checks.iam import deadline

# Reasons of unresolved values for files that the configuration names (`file("policy.json")`) and that have no content.
NO_SUCH_FILE = "file not found"
OUTSIDE = "file outside the scanned folder"
TOO_LARGE = "file too large to read"
CANNOT_BE_READ = "unreadable file"
NO_TEXT = "binary file"
CREATED_LATER = "created during deployment"
WITHOUT_CONTENT = frozenset({NO_SUCH_FILE, OUTSIDE, TOO_LARGE, CANNOT_BE_READ, NO_TEXT})

NOT_REGULAR = "is not a regular file"  # follows the name of a file
_PIECE = 1_000_000
_MOST_FOLDERS = 100  # of a path that are resolved one by one
_HANDLES = "/proc/self/fd"
# True if a link that replaces a folder is noticed when a file is opened, see open_regular
_IS_CHECKED = os.path.isdir(_HANDLES) or hasattr(os, "O_NOFOLLOW_ANY")
_MOST_SHOWN = 200  # characters of a link's target
_SCANNED = "the scanned repository or folder"


class RefusedError(OSError):
    """A file that could be opened but must not be read; ``strerror`` is the reason, a phrase that can follow the file
    name."""


class OutsideError(RefusedError):
    """A path that leads out of the readable folders."""


def content_version(path: str) -> Hashable:
    """Return a value that changes with the content of a file: its text if it is not saved yet, else its status."""
    record_access("files", path)
    if (text := unsaved_text(path)) is not None:
        return text
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return None
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def open_regular(
    path: str | Path,
    inside: Callable[[str], bool] | None = None,
    *,
    pipes: bool = False,
    real: str | None = None,
    buffered: bool = True,
) -> BinaryIO:
    """Open a regular file for reading, without blocking.

    A repository may contain a symbolic link to a pipe that is never written to, or to the endless ``/dev/zero``, and a
    file may become one after a check. The file is therefore opened in non-blocking mode and checked afterwards. A text
    that is not saved yet (:mod:`unsaved_texts`) is read instead of its file.

    Args:
        path: the file; symbolic links are followed.
        inside: returns True for a path without symbolic links that may be read. Links are resolved first, and the
            result is opened without following any, so that a link planted in between is refused.
        pipes: allow pipes that the user has named (``<(…)``), and wait for their data.
        real: the path as :func:`resolve_inside` has just returned it.
        buffered: False if all of it is read at once.

    Raises:
        OutsideError: the file is not ``inside``.
        OSError: it cannot be opened, or is not a regular file.
    """
    flags = os.O_RDONLY | open_flags("O_BINARY", "O_CLOEXEC") | (0 if pipes else open_flags("O_NONBLOCK"))
    if inside is None:
        real = os.fspath(path)
    else:
        real = real or resolve_inside(path, inside)
        flags |= open_flags("O_NOFOLLOW", "O_NOFOLLOW_ANY")  # O_NOFOLLOW_ANY: macOS, for all components
    if (text := unsaved_text(real)) is not None:
        return io.BytesIO(text)
    try:
        handle = os.open(real, flags)
    except ValueError as error:  # an invalid name
        raise OSError(errno.EINVAL, str(error), str(path)) from None
    try:
        if inside is not None and not inside(_path_of(handle) or real):
            raise _outside_error(path)
        if not (pipes or stat.S_ISREG(os.fstat(handle).st_mode)):
            raise RefusedError(errno.EINVAL, NOT_REGULAR, str(path))
        return os.fdopen(handle, "rb", -1 if buffered else 0)
    except BaseException:
        os.close(handle)
        raise


def read_bounded(
    path: str | Path,
    most: int,
    inside: Callable[[str], bool] | None = None,
    *,
    pipes: bool = False,
    real: str | None = None,
) -> bytes:
    """Return the bytes of a file, at most ``most``, opened by :func:`open_regular`.

    Raises an :class:`OSError` if it cannot be opened or read, is not a regular file, or is larger.
    """
    with open_regular(path, inside, pipes=pipes, real=real, buffered=False) as stream:
        pieces, remaining = [read_from(stream, min(size_of(stream), most) + 1)], most
        while pieces[-1]:
            remaining -= len(pieces[-1])
            if remaining < 0:
                raise RefusedError(errno.EFBIG, f"larger than {most / 1_000_000:g} MB", str(path))
            pieces.append(read_from(stream, min(_PIECE, remaining + 1)))  # read() allocates the requested size at once
    content = b"".join(pieces)
    deadline.grant(len(content))
    return content


def real_path(path: str | Path) -> str:
    """Return a path with symbolic links resolved, as :func:`os.path.realpath`."""
    record_access("links", path)
    return os.path.realpath(path)


def resolve_inside(path: str | Path, inside: Callable[[str], bool], known: dict[str, str] | None = None) -> str:
    """Return the path with symbolic links resolved. Raises :class:`OutsideError` if it is not ``inside``.

    ``known``: folders, each with its path without symbolic links; gets those that are resolved here.
    """
    try:
        real = os.path.realpath(path) if known is None or not _IS_CHECKED else resolve(os.fspath(path), known)
    except ValueError as error:  # an invalid name
        raise OSError(errno.EINVAL, str(error), str(path)) from None
    if not inside(real):
        raise _outside_error(path)
    return real


def resolve(path: str, known: dict[str, str]) -> str:
    """Return a path with symbolic links resolved; the folders of ``known`` are not read again, see
    :func:`resolve_inside`."""
    if os.pardir in path.split(os.sep) and not os.path.exists(path):
        return os.path.realpath(path)  # which takes the parent of a link in a loop by its name
    folder, name = os.path.split(path)
    if not folder or name in ("", os.curdir, os.pardir) or "\0" in name or path.count(os.sep) > _MOST_FOLDERS:
        return os.path.realpath(path)
    if folder not in known:
        known[folder] = resolve(folder, known)
    real = os.path.join(known[folder], name)
    return os.path.realpath(real) if os.path.islink(real) else real


def _outside_error(path: str | Path) -> OutsideError:
    """Return the error for a path that leads outside; it names the link's target without reading it."""
    with suppress(OSError):
        target = os.readlink(path)[:_MOST_SHOWN]
        return OutsideError(errno.EACCES, f"is a symbolic link to {target}, which leads out of {_SCANNED}", str(path))
    real = os.path.realpath(path)
    if os.path.abspath(path) != real:
        reason = f"leads through a symbolic link to {real[:_MOST_SHOWN]}, out of {_SCANNED}"
        return OutsideError(errno.EACCES, reason, str(path))
    return OutsideError(errno.EACCES, f"is outside of {_SCANNED}", str(path))


def _path_of(handle: int) -> str | None:
    """Return the path of an open file, if the platform provides it."""
    try:
        path = os.readlink(f"{_HANDLES}/{handle}")
    except OSError:
        return None
    return path if os.path.isabs(path) else None


def open_flags(*names: str) -> int:
    """Return the flags of ``os.open`` of these names that the platform has."""
    return sum(getattr(os, name, 0) for name in names)


def size_of(stream: BinaryIO) -> int:
    """Return the size that a file opened by :func:`open_regular` claims to have."""
    return len(stream.getbuffer()) if isinstance(stream, io.BytesIO) else os.fstat(stream.fileno()).st_size


def read_from(stream: BinaryIO, count: int) -> bytes:
    """Read at most ``count`` bytes of a file opened in non-blocking mode.

    Raises a :class:`BlockingIOError` if no data is available, as for ``/proc/kmsg``, which claims to be a regular file
    and for which ``read`` returns None.
    """
    data: bytes | None = stream.read(count)
    if data is None:
        raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
    return data


def open_error_reason(path: str | Path, error: Exception) -> str:
    """Return why a file cannot be opened; for a dangling symbolic link, with its target."""
    if isinstance(error, RefusedError):
        return str(error.strerror)
    if isinstance(error, FileNotFoundError):
        try:
            return f"dangling symbolic link to {os.readlink(path)[:_MOST_SHOWN]}"
        except (OSError, ValueError):
            pass
    return f"cannot be opened: {getattr(error, 'strerror', None) or error}"
