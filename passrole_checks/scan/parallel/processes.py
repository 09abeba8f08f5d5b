"""Scanning with several processes of this machine, where that pays.

How they begin: on Linux they are forked, as long as this process has no other threads; that takes hundredths of a
second. Elsewhere (macOS's own libraries do not bear a fork) each is a new Python, which takes some tenths. A new Python
looks for the modules of the standard library in the working directory first, where code of strangers may lie, unless
``PYTHONSAFEPATH`` forbids it; before Python 3.11 nothing does, and then there is one process only.

:mod:`passrole_checks.scan.parallel.worker_pool` has the processes themselves.

Sources: Python's documentation of ``multiprocessing`` ("Contexts and start methods") and of ``PYTHONSAFEPATH``; the
Linux kernel's page "Control Group v2" (cpu.max).
"""

from __future__ import annotations

import math
import os
import sys
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from passrole_checks.scan.parallel.batches import MOST, Batch, batches, in_order, lost_unit, weight
from passrole_checks.scan.scanner import ScannedUnit, ScanOptions, UnitScanner, one_after_another

if TYPE_CHECKING:
    from passrole_checks.sources.detect import Unit

FORK, SPAWN = "fork", "spawn"
_PAYS = {FORK: 500_000, SPAWN: 2_000_000}  # bytes of infrastructure code for each process, by how it begins
_MOST_PROCESSES = 61  # more cannot be waited for on Windows
_BATCHES_EACH = 4
_QUOTA = Path("/sys/fs/cgroup/cpu.max")


def processes(jobs: int | None = None, method: str | None = None) -> UnitScanner:
    """Scan with ``jobs`` processes; None: with as many as pay, which for little code is this one alone.

    ``method``: how they begin, ``fork`` or ``spawn`` (default: what is safe here; another one is used as it is asked
    for). Where none can begin, the units are scanned in this process. One that is killed loses nothing: what it had in
    hand is scanned once more, each unit by itself, and a unit that ends its process again is unreadable.
    """

    def scanner(units: Sequence[Unit], options: ScanOptions) -> Iterator[ScannedUnit]:
        begin = method or start_method()
        total = sum(map(weight, units)) if jobs != 1 else 0
        count = min(jobs or paying(total, begin), len(units), _MOST_PROCESSES)
        if count < 2 or begin is None or not may_have_children():
            return one_after_another(units, options)
        work = batches(units, min(MOST, total // (count * _BATCHES_EACH)))  # so that all are busy until the end
        return in_order(_scanned(work, options, count, begin))

    return scanner


def start_method() -> str | None:
    """How processes can begin here without harm; None: not at all."""
    if sys.platform == "linux" and threading.active_count() == 1:
        return FORK
    return SPAWN if sys.version_info >= (3, 11) else None


def may_have_children() -> bool:
    """Whether :mod:`multiprocessing` lets this process start others: its own daemons may not."""
    import multiprocessing  # takes a while, and little code does without it

    return not multiprocessing.current_process().daemon


def paying(total: int, method: str | None) -> int:
    """How many processes pay for so many bytes of infrastructure code, where they begin by ``method``."""
    return min(processors(), total // _PAYS[method]) if method else 1


def processors() -> int:
    """How many processors this process may use: those of the machine, or fewer where the system says so."""
    if sys.platform != "linux":
        return os.cpu_count() or 1
    count = len(os.sched_getaffinity(0))
    try:
        quota, period = _QUOTA.read_text("ascii").split()  # of a container; "max" where there is none
        return max(1, min(count, math.ceil(int(quota) / int(period))))
    except (OSError, ValueError, ZeroDivisionError):
        return count


def _scanned(
    work: Sequence[Batch], options: ScanOptions, count: int, method: str
) -> Iterator[tuple[Batch, Sequence[ScannedUnit]]]:
    from passrole_checks.scan.parallel.worker_pool import WorkerPool

    again: list[Batch] = []
    with WorkerPool(method, options) as crew:
        for batch, answer in crew.answers(deque(work), count):
            if answer is None:
                again.extend(batch.single())
            else:
                yield batch, answer
    if again:  # one by one, so that each has the memory for itself
        with WorkerPool(method, options) as crew:
            for batch, answer in crew.answers(deque(again), 1):
                yield batch, [lost_unit(batch.units[0])] if answer is None else answer
