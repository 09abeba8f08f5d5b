"""Scan with any executor of the standard library's interface.

Source: Python's documentation of ``concurrent.futures``.
"""

from __future__ import annotations

import pickle
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from passrole_checks.iam import deadline
from passrole_checks.scan.parallel.batches import Batch, ScanTask, batches, in_order, retried
from passrole_checks.scan.scanner import ScannedUnit, ScanOptions, UnitScanner
from passrole_checks.sources.unit_tasks import ENDED, UnitTask

if TYPE_CHECKING:
    from passrole_checks.sources.detect import Unit

_Answer = TypeVar("_Answer")


def scan_with(executor: Executor) -> UnitScanner:
    """Return a scanner that uses a :class:`concurrent.futures.Executor`: threads, processes, a cluster.

    The caller shuts ``executor`` down. Its workers need this package in the same version, and must see the same files
    under the same paths. Workers of a process pool that are not forked start in the working directory and import from
    there: if it contains untrusted code, set ``PYTHONSAFEPATH``.

    The scanner raises what the executor raises, such as :class:`concurrent.futures.BrokenExecutor` if a process of its
    pool ended. ``--jobs`` (:func:`passrole_checks.scan.parallel.processes.processes`) recovers from that.
    """

    def scanner(units: Sequence[Unit], options: ScanOptions) -> Iterator[ScannedUnit]:
        task = ScanTask(options)

        def submit(batch: Batch) -> Future[tuple[ScannedUnit, ...]]:
            return executor.submit(run_batch, batch.units, task)

        return in_order(retried(partial(results_as_completed, submit), batches(units), task))

    return scanner


@deadline.pooled()
def run_batch(units: Sequence[Unit], task: UnitTask[_Answer]) -> tuple[_Answer, ...]:
    """Return the answers for units in a worker. Raises what the task raises, in a form that can be sent back."""
    try:
        return tuple(map(task, units))
    except Exception as error:
        told = picklable_error(error)
        if told is error:
            raise
        raise told from None


def picklable_error(error: Exception) -> Exception:
    """Return the error, or one with its message if it cannot be sent back as it is."""
    try:
        if type(pickle.loads(pickle.dumps(error))) is type(error):
            return error
    except Exception:  # classes of errors may raise anything when they are made again
        pass
    return RuntimeError(f"{type(error).__name__}: {error}")


def results_as_completed(
    submit: Callable[[Batch], Future[_Answer]],
    waiting: deque[Batch],
    at_once: float,
    lost: tuple[type[BaseException], ...] = (),
) -> Iterator[tuple[Batch, _Answer | str]]:
    """Yield the batches with their results, as they finish, or with the reason if one of the errors ``lost`` ended it.

    Batches are taken from ``waiting`` and passed to ``submit``, ``at_once`` at a time. Those that have not begun are
    canceled if the caller stops iterating.
    """
    running: dict[Future[_Answer], Batch] = {}
    try:
        while waiting or running:
            while waiting and len(running) < at_once:
                batch = waiting.popleft()
                running[submit(batch)] = batch
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                batch = running.pop(future)
                try:
                    answer: _Answer | str = future.result()
                except lost:
                    answer = ENDED
                yield batch, answer
    finally:
        for future in running:
            future.cancel()
