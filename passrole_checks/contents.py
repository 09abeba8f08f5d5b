"""The content of a file of which nothing is known before it is opened."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

from passrole_checks.iam import deadline

_PIECE = 1_000_000
_MOST_SHOWN = 200  # characters of what a link leads to


def content_of(path: str | Path, most: int, *, pipes: bool = False) -> bytes:
    """The bytes of a file, at most ``most`` of them.

    What a repository holds may be a symbolic link to a pipe, which nobody ever writes to, or to ``/dev/zero``, which
    never ends, and a file may become one after it was looked at: so it is opened without waiting, and looked at then.
    ``pipes``: whoever runs the program has named it, and waits for what comes (``<(…)``).

    Raises an :class:`OSError` where it cannot be opened, is no regular file, or holds more.
    """
    waiting = 0 if pipes else getattr(os, "O_NONBLOCK", 0)
    with open(path, "rb", opener=lambda name, flags: os.open(name, flags | waiting)) as stream:
        status = os.fstat(stream.fileno())
        if not (pipes or stat.S_ISREG(status.st_mode)):
            raise OSError(errno.EINVAL, "is no regular file", str(path))
        pieces, left = [stream.read(min(status.st_size, most) + 1)], most
        while pieces[-1]:
            left -= len(pieces[-1])
            if left < 0:
                raise OSError(errno.EFBIG, f"larger than {most / 1_000_000:g} MB", str(path))
            pieces.append(stream.read(min(_PIECE, left + 1)))  # room for what is asked for is made at once
    content = b"".join(pieces)
    deadline.grant(len(content))
    return content


def why_not(path: str | Path, error: Exception) -> str:
    """Why a file cannot be opened, in words; of a symbolic link that leads to nothing, where it leads."""
    if isinstance(error, FileNotFoundError):
        try:
            return f"a symbolic link to {os.readlink(path)[:_MOST_SHOWN]}, which leads to nothing"
        except (OSError, ValueError):
            pass
    return f"cannot be opened: {getattr(error, 'strerror', None) or error}"
