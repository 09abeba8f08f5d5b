"""How long one thread may compute for one configuration, looked at by whatever may take long.

Code that could compute for hours on a hostile input calls :func:`check` in its loops. Time is processor time of the
thread, so that other work on the machine makes no difference. Outside of :func:`limited` nothing is limited.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

_EVERY = 64  # calls of check for one look at the clock


class OutOfTimeError(BaseException):
    """The time is over. Raised by :func:`check`.

    No :class:`Exception`: code that isolates faults must let it through to where the limit was set.
    """


class Deadline:
    """``seconds`` of processor time from now; reading a file adds some."""

    def __init__(self, seconds: float, per_megabyte: float = 0) -> None:
        self._start = time.thread_time()
        self._look = time.monotonic() + seconds
        self._per_byte = per_megabyte / 1_000_000
        self.seconds = seconds
        self.calls = 0

    @property
    def left(self) -> float:
        """The seconds that are left."""
        return self.seconds - (time.thread_time() - self._start)

    @property
    def is_over(self) -> bool:
        """Whether the time is over. No thread takes more processor time than passes, and a look at that is slow."""
        now = time.monotonic()
        if now < self._look:
            return False
        left = self.left
        self._look = now + max(left, 0.0)
        return left < 0

    def grant(self, size: int) -> None:
        """Allow for a file of ``size`` bytes."""
        self.seconds += size * self._per_byte


class _Current(threading.local):
    deadline: Deadline | None = None


_current = _Current()


@contextmanager
def limited(seconds: float, per_megabyte: float = 0) -> Iterator[Deadline]:
    """Within it, :func:`check` raises once the seconds are over; a limit inside of another one replaces it."""
    before = _current.deadline
    _current.deadline = deadline = Deadline(seconds, per_megabyte)
    try:
        yield deadline
    finally:
        _current.deadline = before


def check() -> None:
    """Raise an :class:`OutOfTimeError` where the time is over. Cheap enough for inner loops."""
    deadline = _current.deadline
    if deadline is not None:
        deadline.calls += 1
        if not deadline.calls % _EVERY and deadline.is_over:
            raise OutOfTimeError


def grant(size: int) -> None:
    """Allow for a file of ``size`` bytes that is read."""
    if _current.deadline is not None:
        _current.deadline.grant(size)
