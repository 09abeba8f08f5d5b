"""How long one thread may compute for one configuration, looked at by whatever may take long.

Code that could compute for hours on a hostile input calls :func:`check` in its loops. Time is processor time of the
thread, so that other work on the machine makes no difference. Outside of :func:`limited` nothing is limited.
:func:`pooled` limits what many units take together.
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


class Pool:
    """Processor time that the limits of one run share: :data:`SECONDS`, and more for each file that is read.

    A run of many units that each take nearly their own limit ends in little more time than one of them. Once the pool
    is empty, a unit still gets what any real one needs, until :data:`_OVERDRAFT` is used up as well.
    """

    def __init__(self) -> None:
        self.seconds = SECONDS

    @property
    def share(self) -> float:
        """The seconds that one limit may take."""
        return max(self.seconds, min(_SHARE, self.seconds + _OVERDRAFT), 0.0)


# Of processor time, to read and to judge one unit, and all units of a run. All real code that is known takes less than
# a tenth of that.
SECONDS = 13.0
SECONDS_PER_MEGABYTE = 30.0
_SHARE = 0.2  # of one unit once the pool is empty; real ones take some hundredths
_OVERDRAFT = 1.0  # of all of them


class Deadline:
    """``seconds`` of processor time from now, of a ``pool`` at most its share; reading a file adds some to both."""

    def __init__(self, seconds: float, per_megabyte: float = 0, pool: Pool | None = None) -> None:
        self._start = time.thread_time()
        self._own, self._per_megabyte, self._pool = seconds, per_megabyte, pool
        self.within = 0.0  # seconds that limits inside of this one have taken
        self._look = time.monotonic() + self.seconds
        self.calls = 0

    @property
    def seconds(self) -> float:
        """All the seconds that it allows."""
        return self._own if self._pool is None else min(self._own, self._pool.share + self.within)

    @property
    def taken(self) -> float:
        """The seconds since it was set."""
        return time.thread_time() - self._start

    @property
    def left(self) -> float:
        """The seconds that are left."""
        return self.seconds - self.taken

    @property
    def is_over(self) -> bool:
        """Whether the time is over. No thread takes more processor time than passes, and a look at that is slow."""
        now = time.monotonic()
        if now < self._look:
            return False
        left = self.left
        self._look = now + max(left, 0.0)
        return left <= 0

    def grant(self, size: int) -> None:
        """Allow for a file of ``size`` bytes."""
        self._own += size / 1_000_000 * self._per_megabyte

    def end(self, around: Deadline | None) -> None:
        """Take its seconds from the pool, those apart that a limit inside of it has taken."""
        taken = self.taken
        if self._pool is not None:
            self._pool.seconds -= max(taken - self.within, 0.0)
        if around is not None:
            around.within += taken


class _Current(threading.local):
    deadline: Deadline | None = None
    pool: Pool | None = None


_current = _Current()


@contextmanager
def pooled() -> Iterator[None]:
    """Within it, all limits of this thread share one :class:`Pool`. Within another one it changes nothing.

    As a decorator it holds for each call.
    """
    if _current.pool is not None:
        yield
        return
    _current.pool = Pool()
    try:
        yield
    finally:
        _current.pool = None


@contextmanager
def limited(seconds: float, per_megabyte: float = 0) -> Iterator[Deadline]:
    """Within it, :func:`check` raises once the seconds are over; a limit inside of another one replaces it."""
    before = _current.deadline
    _current.deadline = deadline = Deadline(seconds, per_megabyte, _current.pool)
    try:
        yield deadline
    finally:
        _current.deadline = before
        deadline.end(before)


def check() -> None:
    """Raise an :class:`OutOfTimeError` where the time is over. Cheap enough for inner loops."""
    deadline = _current.deadline
    if deadline is not None:
        deadline.calls += 1
        if not deadline.calls % _EVERY and deadline.is_over:
            raise OutOfTimeError


def grant(size: int) -> None:
    """Allow for a file of ``size`` bytes that is read."""
    if _current.pool is not None:
        _current.pool.seconds += size / 1_000_000 * SECONDS_PER_MEGABYTE
    if _current.deadline is not None:
        _current.deadline.grant(size)
