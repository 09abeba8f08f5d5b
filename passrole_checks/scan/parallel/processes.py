"""Scan, or read, with several processes of this machine, if that pays.

On Linux they are forked, unless this process has other threads; that takes hundredths of a second. Elsewhere (a fork
breaks libraries of macOS) each is a new Python, which takes some tenths. A new Python first imports from the working
directory, which may contain untrusted code, unless ``PYTHONSAFEPATH`` forbids it; before Python 3.11 nothing does,
and then there is one process only.

:mod:`passrole_checks.scan.parallel.worker_pool` has the processes themselves.

Sources: Python's documentation of ``multiprocessing`` ("Contexts and start methods") and of ``PYTHONSAFEPATH``; the
Linux kernel's page "Control Group v2" (cpu.max).
"""

from __future__ import annotations

import math
import os
import sys
import threading
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from passrole_checks.scan.parallel.batches import BATCHES_EACH, ScanTask, batches, in_order, retried, weight
from passrole_checks.scan.scanner import ScannedUnit, ScanOptions, UnitScanner, scan_sequentially
from passrole_checks.sources.unit_tasks import UnitTask

if TYPE_CHECKING:
    from passrole_checks.sources.detect import Unit

FORK, SPAWN = "fork", "spawn"
_PAYS = {FORK: 500_000, SPAWN: 2_000_000}  # bytes of infrastructure code for each process, by how it begins
_MOST_PROCESSES = 61  # more cannot be waited for on Windows
_QUOTA = Path("/sys/fs/cgroup/cpu.max")

_Answer = TypeVar("_Answer")


def processes(jobs: int | None = None, method: str | None = None) -> UnitScanner:
    """Return a scanner with ``jobs`` processes; see :func:`in_processes`. A unit that ends or
    blocks its process twice is unreadable.
    """

    def scanner(units: Sequence[Unit], options: ScanOptions) -> Iterator[ScannedUnit]:
        found = in_processes(units, ScanTask(options), jobs, method)
        return scan_sequentially(units, options) if found is None else found

    return scanner


def in_processes(
    units: Sequence[Unit], task: UnitTask[_Answer], jobs: int | None = None, method: str | None = None
) -> Iterator[_Answer] | None:
    """Return the answers of a task for the units, in their order; None if this process alone is to do the work.

    ``jobs``: how many processes; None: as many as pay, which for little code is this one alone. ``method``: the start
    method, ``fork`` or ``spawn`` (default: what is safe here). The work begins with the first answer. If no process can
    start, this one does it. If a process is killed, or does not answer in time, each of its units is tried once more on
    its own; one that does the same again is lost.
    """
    begin = method or start_method()
    total = sum(map(weight, units)) if jobs != 1 else 0
    count = min(jobs or worthwhile_processes(total, begin), len(units), _MOST_PROCESSES)
    if count < 2 or begin is None or not may_start_processes():
        return None
    from passrole_checks.scan.parallel.worker_pool import results_of_processes

    work = batches(units, count * BATCHES_EACH)
    return in_order(retried(partial(results_of_processes, begin, task), work, task, count))


def start_method() -> str | None:
    """Return the safe start method for processes; None if there is none."""
    if sys.platform == "linux" and threading.active_count() == 1:
        return FORK
    return SPAWN if sys.version_info >= (3, 11) else None


def may_start_processes() -> bool:
    """True if :mod:`multiprocessing` lets this process start others, which its own daemons may not."""
    import multiprocessing  # takes a while, and little code does without it

    return not multiprocessing.current_process().daemon


def worthwhile_processes(total: int, method: str | None) -> int:
    """Return how many processes pay for so many bytes of infrastructure code with a start ``method``."""
    return min(count_processors(), total // _PAYS[method]) if method else 1


def count_processors() -> int:
    """Return how many processors this process may use."""
    if sys.platform != "linux":
        return os.cpu_count() or 1
    count = len(os.sched_getaffinity(0))
    try:
        quota, period = _QUOTA.read_text("ascii").split()  # of a container; "max" where there is none
        return max(1, min(count, math.ceil(int(quota) / int(period))))
    except (OSError, ValueError, ZeroDivisionError):
        return count
