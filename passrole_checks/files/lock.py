"""Let one process at a time change a file. The lock is a file beside it, which stays."""

from __future__ import annotations

import errno
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from passrole_checks.files.safe_read import open_flags

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

_MOST_SECONDS = 60.0
_PAUSE = 0.05  # seconds


@contextmanager
def locked(path: str) -> Iterator[None]:
    """Hold the lock of a file within this context; wait up to a minute for another process that has it.

    Raises an :class:`OSError` whose ``strerror`` says why there is no lock, a phrase that follows the file name.
    """
    flags = os.O_RDWR | os.O_CREAT | open_flags("O_NOFOLLOW", "O_CLOEXEC", "O_NONBLOCK")
    handle = os.open(f"{path}.lock", flags, 0o666)
    try:
        until = time.monotonic() + _MOST_SECONDS
        while not _lock(handle):
            if time.monotonic() > until:
                raise OSError(errno.EAGAIN, "is locked by another process", path)
            time.sleep(_PAUSE)
        yield
    finally:
        os.close(handle)  # which releases the lock


def _lock(handle: int) -> bool:
    try:
        if sys.platform == "win32":
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EAGAIN, errno.EACCES, errno.EDEADLK):
            return False
        raise
    return True
