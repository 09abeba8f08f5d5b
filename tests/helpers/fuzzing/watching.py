"""Limits of processor time and memory of one sample, on any machine."""

from __future__ import annotations

import gc
import resource
import signal
import sys
import time
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from passrole_checks.aws.managed_policies import managed_policies

SECONDS = 20.0  # of the processor, for any input below 100 kB
WAITING = 120.0  # seconds, should something wait for what never comes
MOST_MEMORY = 1_000_000_000  # bytes of the whole process
BYTES, BYTES_FOR_EACH = 60_000_000, 4_000  # at once; and for each byte of the sample


class TooLong(BaseException):
    """Raised in the middle of what takes too long; no ``except Exception`` of the program stops it."""


class TooMuch(AssertionError):
    """More memory than a sample of that size may take."""


def processor_time() -> float:
    """Seconds that this process and the programs it has started have used the processor for."""
    others = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + others.ru_utime + others.ru_stime


@contextmanager
def in_time(seconds: float = SECONDS, waiting: float = WAITING) -> Iterator[None]:
    """Limit processor time and waiting time of the body.

    Raises :class:`TooLong`. Only in the main thread.
    """

    def stop(number: int, _frame: object) -> None:
        raise TooLong(
            f"more than {seconds:g} s of the processor" if number == signal.SIGPROF else f"no end after {waiting:g} s"
        )

    before = {number: signal.signal(number, stop) for number in (signal.SIGPROF, signal.SIGALRM)}
    began = processor_time()
    signal.setitimer(signal.ITIMER_PROF, seconds, 1)  # again and again, should a library swallow it
    signal.setitimer(signal.ITIMER_REAL, waiting, 1)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in before.items():
            signal.signal(number, handler)
    took = processor_time() - began  # also of C code, which no signal stops, and of other programs
    if took > seconds:
        raise TooLong(f"{took:.1f} s of the processor")


@contextmanager
def in_memory(size: int) -> Iterator[None]:
    """Limit Python's memory in the body to that allowed for a sample of ``size`` bytes."""
    managed_policies()  # shipped data, which the first sample that needs it would load
    gc.collect()
    tracemalloc.start()
    try:
        yield
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    if peak > BYTES + BYTES_FOR_EACH * size:
        raise TooMuch(f"{peak:,} bytes of memory for a sample of {size:,} bytes")


@contextmanager
def in_process_memory(most: int = MOST_MEMORY) -> Iterator[None]:
    """Limit the memory of the process in the body, C libraries included. Raises :class:`TooMuch`.

    Only on Linux, which reports the peak since a reset; see proc(5), clear_refs and VmHWM.
    """
    if sys.platform != "linux":
        yield
        return
    Path("/proc/self/clear_refs").write_text("5")
    yield
    peak = peak_memory()
    if peak > most:
        raise TooMuch(f"the process held {peak:,} bytes")


def peak_memory() -> int:
    """The most bytes that the process held since the peak was forgotten last; 0 where the platform cannot tell."""
    if sys.platform != "linux":
        return 0
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))
