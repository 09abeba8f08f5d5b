"""The content of a file of which nothing is known before it is opened."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from passrole_checks.iam import deadline

# Why a file that the configuration names (`file("policy.json")`) has no content, as the reason of a hole.
NO_SUCH_FILE = "no such file"
OUTSIDE = "a file outside the scanned folder"
TOO_LARGE = "a file too large to read"
CANNOT_BE_READ = "a file that cannot be read"
NO_TEXT = "a file that is no text"
WITHOUT_CONTENT = frozenset({NO_SUCH_FILE, OUTSIDE, TOO_LARGE, CANNOT_BE_READ, NO_TEXT})

_PIECE = 1_000_000
_MOST_SHOWN = 200  # characters of what a link leads to
_SCANNED = "the scanned repository or folder"


class RefusedError(OSError):
    """A file that could be opened and is not read; ``strerror`` says why, in words that can follow its name."""


class OutsideError(RefusedError):
    """A path that leads out of the folders that may be read."""


def opened(path: str | Path, inside: Callable[[str], bool] | None = None, *, pipes: bool = False) -> BinaryIO:
    """Return a regular file, opened for reading without waiting.

    What a repository holds may be a symbolic link to a pipe, which nobody ever writes to, or to ``/dev/zero``, which
    never ends, and a file may become one after it was looked at: so it is opened without waiting, and looked at then.

    Args:
        path: the file; symbolic links are followed.
        inside: returns True for a path without symbolic links that may be read. Links are resolved first, and the
            result is opened without following any, so that a link planted in between is refused.
        pipes: whoever runs the program has named the file, and waits for what comes (``<(…)``).

    Raises:
        OutsideError: the file is not ``inside``.
        OSError: it cannot be opened, or is no regular file.
    """
    flags = os.O_RDONLY | _flags("O_BINARY", "O_CLOEXEC") | (0 if pipes else _flags("O_NONBLOCK"))
    real = os.fspath(path)
    if inside is not None:
        real = _inside(path, inside)
        flags |= _flags("O_NOFOLLOW", "O_NOFOLLOW_ANY")  # the second one is of macOS, for all components
    try:
        handle = os.open(real, flags)
    except ValueError as error:  # a name that no file can have
        raise OSError(errno.EINVAL, str(error), str(path)) from None
    try:
        if inside is not None and not inside(_path_of(handle) or real):
            raise _outside(path)
        if not (pipes or stat.S_ISREG(os.fstat(handle).st_mode)):
            raise RefusedError(errno.EINVAL, "is no regular file", str(path))
        return os.fdopen(handle, "rb")
    except BaseException:
        os.close(handle)
        raise


def read_bounded(
    path: str | Path, most: int, inside: Callable[[str], bool] | None = None, *, pipes: bool = False
) -> bytes:
    """Return the bytes of a file, at most ``most`` of them, opened as :func:`opened` says.

    Raises an :class:`OSError` where it cannot be opened or read, is no regular file, or holds more.
    """
    with opened(path, inside, pipes=pipes) as stream:
        status = os.fstat(stream.fileno())
        pieces, left = [read_from(stream, min(status.st_size, most) + 1)], most
        while pieces[-1]:
            left -= len(pieces[-1])
            if left < 0:
                raise RefusedError(errno.EFBIG, f"larger than {most / 1_000_000:g} MB", str(path))
            pieces.append(read_from(stream, min(_PIECE, left + 1)))  # room for what is asked for is made at once
    content = b"".join(pieces)
    deadline.grant(len(content))
    return content


def check_inside(path: str | Path, inside: Callable[[str], bool]) -> None:
    """Raise :class:`OutsideError` where a path, symbolic links resolved, is not ``inside``."""
    _inside(path, inside)


def _inside(path: str | Path, inside: Callable[[str], bool]) -> str:
    """Return the path with symbolic links resolved. Raises :class:`OutsideError` where that is not ``inside``."""
    try:
        real = os.path.realpath(path)
    except ValueError as error:  # a name that no file can have
        raise OSError(errno.EINVAL, str(error), str(path)) from None
    if not inside(real):
        raise _outside(path)
    return real


def _outside(path: str | Path) -> OutsideError:
    """Return the error about a path that leads out; it names the link's target and quotes nothing of that."""
    with suppress(OSError):
        target = os.readlink(path)[:_MOST_SHOWN]
        return OutsideError(errno.EACCES, f"is a symbolic link to {target}, which leads out of {_SCANNED}", str(path))
    real = os.path.realpath(path)
    if os.path.abspath(path) != real:
        reason = f"leads through a symbolic link to {real[:_MOST_SHOWN]}, out of {_SCANNED}"
        return OutsideError(errno.EACCES, reason, str(path))
    return OutsideError(errno.EACCES, f"is outside of {_SCANNED}", str(path))


def _path_of(handle: int) -> str | None:
    """Return the path that was really opened, where the platform tells it."""
    try:
        path = os.readlink(f"/proc/self/fd/{handle}")
    except OSError:
        return None
    return path if os.path.isabs(path) else None


def _flags(*names: str) -> int:
    return sum(getattr(os, name, 0) for name in names)


def read_from(stream: BinaryIO, count: int) -> bytes:
    """Read at most ``count`` bytes of a file that was opened without waiting.

    Raises a :class:`BlockingIOError` where there is nothing to read yet, as of ``/proc/kmsg``: such files say that they
    are regular, and ``read`` then returns None.
    """
    data: bytes | None = stream.read(count)
    if data is None:
        raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
    return data


def why_not(path: str | Path, error: Exception) -> str:
    """Why a file cannot be opened, in words; of a symbolic link that leads to nothing, where it leads."""
    if isinstance(error, RefusedError):
        return str(error.strerror)
    if isinstance(error, FileNotFoundError):
        try:
            return f"a symbolic link to {os.readlink(path)[:_MOST_SHOWN]}, which leads to nothing"
        except (OSError, ValueError):
            pass
    return f"cannot be opened: {getattr(error, 'strerror', None) or error}"
