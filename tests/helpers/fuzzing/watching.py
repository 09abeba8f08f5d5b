"""What one sample may cost, in processor time and in memory, on any machine."""

from __future__ import annotations

import gc
import signal
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager

SECONDS = 30.0  # of the processor: what is read in milliseconds ends in time on the slowest machine
BYTES, BYTES_FOR_EACH = 60_000_000, 4_000  # at once; and for each byte of the sample


class TooLong(BaseException):
    """Raised in the middle of what takes too long; no ``except Exception`` of the program stops it."""


class TooMuch(AssertionError):
    """More memory than a sample of that size may take."""


@contextmanager
def in_time(seconds: float = SECONDS) -> Iterator[None]:
    """What runs within it may use the processor for so long. Raises :class:`TooLong`. Only in the main thread."""

    def stop(_number: int, _frame: object) -> None:
        raise TooLong(f"more than {seconds:g} s of the processor")

    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds, 1)  # again and again, should a library swallow it
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


@contextmanager
def in_memory(size: int) -> Iterator[None]:
    """What runs within it may hold so much of Python's memory as a sample of ``size`` bytes may take."""
    gc.collect()
    tracemalloc.start()
    try:
        yield
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    if peak > BYTES + BYTES_FOR_EACH * size:
        raise TooMuch(f"{peak:,} bytes of memory for a sample of {size:,} bytes")
