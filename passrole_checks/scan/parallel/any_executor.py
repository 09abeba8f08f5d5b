"""Scanning with an executor of the standard library's interface.

Source: Python's documentation of ``concurrent.futures``.
"""

from __future__ import annotations

import math
import pickle
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from typing import TYPE_CHECKING, TypeVar

from passrole_checks.iam import deadline
from passrole_checks.scan.parallel.batches import Batch, batches, in_order
from passrole_checks.scan.scanner import ScannedUnit, ScanOptions, UnitScanner, scan_unit

if TYPE_CHECKING:
    from passrole_checks.sources.detect import Unit

_Answer = TypeVar("_Answer")


def scan_with(executor: Executor) -> UnitScanner:
    """Scan with any :class:`concurrent.futures.Executor`: of threads, of processes, of a cluster.

    ``executor`` stays the caller's, who shuts it down; its workers need this package, in the same version, and must see
    the same files under the same paths. Workers of a process pool that are not forked start in the working directory,
    and import what lies there: where that is code of strangers, set ``PYTHONSAFEPATH``.

    The scanner raises what the executor raises, as :class:`concurrent.futures.BrokenExecutor` where a process of its
    pool has ended. ``--jobs`` (:func:`passrole_checks.scan.parallel.processes.processes`) mends that.
    """

    def scanner(units: Sequence[Unit], options: ScanOptions) -> Iterator[ScannedUnit]:
        def submit(batch: Batch) -> Future[tuple[ScannedUnit, ...]]:
            return executor.submit(scan_batch, batch.units, options)

        answers = finished(submit, deque(batches(units)))
        return in_order((batch, answer) for batch, answer in answers if answer is not None)

    return scanner


@deadline.pooled()
def scan_batch(units: Sequence[Unit], options: ScanOptions) -> tuple[ScannedUnit, ...]:
    """Scan some units, in the place that they were handed over to. Raises what their scan raises, in a form that can
    be handed back."""
    try:
        return tuple(scan_unit(unit, options) for unit in units)
    except Exception as error:
        told = portable(error)
        if told is error:
            raise
        raise told from None


def portable(error: Exception) -> Exception:
    """The error, or one with its words where it could not be handed back as it is."""
    try:
        if type(pickle.loads(pickle.dumps(error))) is type(error):
            return error
    except Exception:
        pass
    return RuntimeError(f"{type(error).__name__}: {error}")


def finished(
    submit: Callable[[Batch], Future[_Answer]],
    waiting: deque[Batch],
    at_once: float = math.inf,
    lost: tuple[type[BaseException], ...] = (),
) -> Iterator[tuple[Batch, _Answer | None]]:
    """The batches with their answers, as they are finished.

    They are taken from ``waiting`` and handed to ``submit``, ``at_once`` at a time. None: the place that a batch was
    handed to has ended with one of the errors ``lost``. What has not begun is called off when nobody asks any more.
    """
    running: dict[Future[_Answer], Batch] = {}
    try:
        while waiting or running:
            while waiting and len(running) < at_once:
                running[submit(waiting[0])] = waiting[0]
                waiting.popleft()
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                batch = running.pop(future)
                try:
                    answer = future.result()
                except lost:
                    yield batch, None
                else:
                    yield batch, answer
    finally:
        for future in running:
            future.cancel()
