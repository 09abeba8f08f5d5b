"""CPU-time limits for the evaluation of one configuration.

Code that could run for hours on hostile input calls :func:`check` in its loops. Time is CPU time of the thread, so that
other load on the machine does not matter. Outside :func:`limited` there is no limit. :func:`pooled` limits the total of
many units. :func:`cancellable` lets another thread end them at once.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

_CALLS_PER_CLOCK_READ = 64  # calls of check per look at the clock


class OutOfTimeError(BaseException):
    """Raised by :func:`check` when the time limit is exceeded.

    Not an :class:`Exception`: code that isolates faults must let it propagate to where the limit was set.
    """


class Pool:
    """CPU time shared by all limits of one run: :data:`SECONDS`, plus an allowance for each file read.

    A run of many units that each nearly exhaust their own limit takes little more time than one of them. Once the pool
    is empty, a unit still gets what a typical one needs, until :data:`_OVERDRAFT` is used up as well.
    """

    def __init__(self) -> None:
        self.seconds = SECONDS

    @property
    def share(self) -> float:
        """Seconds available to one limit."""
        return max(self.seconds, min(_MIN_SHARE, self.seconds + _OVERDRAFT), 0.0)


# CPU time to read and evaluate one unit, and all units of a run. All real code measured takes less than a tenth of it.
SECONDS = 13.0
SECONDS_PER_MEGABYTE = 30.0
_MIN_SHARE = 0.2  # per unit once the pool is empty; real units take a few hundredths
_OVERDRAFT = 1.0  # for all units


class Deadline:
    """A limit of ``seconds`` of CPU time from now, capped by the share of ``pool``; reading a file extends both."""

    def __init__(self, seconds: float, per_megabyte: float = 0, pool: Pool | None = None) -> None:
        self._start = time.thread_time()
        self._own, self._per_megabyte, self._pool = seconds, per_megabyte, pool
        self.within = 0.0  # seconds used by nested limits
        self._next_clock_read = time.monotonic() + self.seconds
        self.calls = 0

    @property
    def seconds(self) -> float:
        """The seconds allowed in total."""
        return self._own if self._pool is None else min(self._own, self._pool.share + self.within)

    @property
    def taken(self) -> float:
        """The seconds used so far."""
        return time.thread_time() - self._start

    @property
    def left(self) -> float:
        """The seconds remaining."""
        return self.seconds - self.taken

    @property
    def is_over(self) -> bool:
        """True if the limit is exceeded, or the work was cancelled. Thread time never exceeds elapsed time, and
        reading it is slow."""
        if _current.cancelled is not None and _current.cancelled.is_set():
            return True
        now = time.monotonic()
        if now < self._next_clock_read:
            return False
        left = self.left
        self._next_clock_read = now + max(left, 0.0)
        return left <= 0

    def grant(self, size: int) -> None:
        """Extend the limit for a file of ``size`` bytes."""
        self._own += size / 1_000_000 * self._per_megabyte

    def end(self, around: Deadline | None) -> None:
        """Charge the seconds used to the pool, except those that nested limits have charged already."""
        taken = self.taken
        if self._pool is not None:
            self._pool.seconds -= max(taken - self.within, 0.0)
        if around is not None:
            around.within += taken


class _Current(threading.local):
    deadline: Deadline | None = None
    pool: Pool | None = None
    cancelled: threading.Event | None = None


_current = _Current()


@contextmanager
def pooled(pool: Pool | None = None) -> Iterator[None]:
    """Share one :class:`Pool` among all limits that this thread sets within; no effect if nested.

    ``pool``: one that earlier calls have used (default: a new one). Also usable as a decorator: each call has its own
    pool then.
    """
    if _current.pool is not None:
        yield
        return
    _current.pool = Pool() if pool is None else pool
    try:
        yield
    finally:
        _current.pool = None


@contextmanager
def limited(seconds: float, per_megabyte: float = 0) -> Iterator[Deadline]:
    """Limit the CPU time within; a nested limit replaces the outer one."""
    before = _current.deadline
    _current.deadline = deadline = Deadline(seconds, per_megabyte, _current.pool)
    try:
        yield deadline
    finally:
        _current.deadline = before
        deadline.end(before)


@contextmanager
def cancellable(cancelled: threading.Event) -> Iterator[None]:
    """Let all limits within be exceeded as soon as ``cancelled`` is set."""
    before = _current.cancelled
    _current.cancelled = cancelled
    try:
        yield
    finally:
        _current.cancelled = before


def check() -> None:
    """Raise :class:`OutOfTimeError` if the limit is exceeded. Cheap enough for inner loops."""
    deadline = _current.deadline
    if deadline is not None:
        deadline.calls += 1
        if not deadline.calls % _CALLS_PER_CLOCK_READ and deadline.is_over:
            raise OutOfTimeError


def grant(size: int) -> None:
    """Extend the current limit and pool for a file of ``size`` bytes."""
    if _current.pool is not None:
        _current.pool.seconds += size / 1_000_000 * SECONDS_PER_MEGABYTE
    if _current.deadline is not None:
        _current.deadline.grant(size)
