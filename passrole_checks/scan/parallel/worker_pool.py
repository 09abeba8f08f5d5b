"""A pool of processes, each with a connection of its own to this one.

The standard library's ``ProcessPoolExecutor`` lacks four things. If one process is killed it gives up all batches, and
does not say which process had which. A process that is killed while it sends a result blocks the pool for ever, since
all write into one pipe, which it keeps open itself. Its threads rule out another fork, such as that of a scan within
this one. And its processes outlive this one if that is killed. Here the end of a process is the end of its connection,
and nothing else. A process that does not answer in time is killed.

An interrupt from the terminal reaches all processes, and is left to this one, which kills busy workers. If this process
dies, the others end after their current batch.

Source: Python's documentation of ``multiprocessing`` (connections, start methods) and ``signal``.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import time
import traceback
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection, wait
from typing import TYPE_CHECKING, Any, TypeVar

from passrole_checks.errors import internal_error
from passrole_checks.files.gc_pause import collect_rarely
from passrole_checks.iam import deadline
from passrole_checks.scan.parallel.any_executor import run_batch
from passrole_checks.sources.unit_tasks import ENDED

if TYPE_CHECKING:
    from passrole_checks.scan.parallel.batches import Batch
    from passrole_checks.sources.unit_tasks import UnitTask

SECONDS = 600.0  # for a batch: ``deadline`` ends what only takes long, after some seconds of processor time
SECONDS_PER_MEGABYTE = 300.0
_SECONDS_TO_END = 5
_SAFE_PATH = "PYTHONSAFEPATH"

_Answer = TypeVar("_Answer")


class _Worker:
    """A process as this one sees it. ``batch``: its current batch, which is to end before ``overdue``."""

    def __init__(self, method: str, task: UnitTask[object], others: Sequence[_Worker]) -> None:
        context: Any = multiprocessing.get_context(method)  # its classes differ by method
        self.connection, there = context.Pipe()
        # what is forked has all that is open here, and would keep the others' connections open with it
        inherited = [worker.connection for worker in (self, *others)] if method == "fork" else []
        self.process = context.Process(target=_serve_batches, args=(there, inherited, task), daemon=True)
        with there:
            self.process.start()
        self.batch: Batch | None = None
        self.overdue = 0.0

    def send(self, batch: Batch) -> None:
        self.batch = batch
        self.overdue = time.monotonic() + SECONDS + SECONDS_PER_MEGABYTE * batch.weight / 1_000_000
        with suppress(OSError):  # it has ended, and is heard of as one that has
            self.connection.send(batch.units)

    def receive(self) -> tuple[Any, str]:
        """Return its answers, or the exception that the task raised, with its traceback. None if it has ended."""
        try:
            message: tuple[Any, str] = self.connection.recv()
        except (EOFError, OSError):
            return None, ""
        return message

    def end(self) -> None:
        self.connection.close()
        if self.batch is None:  # it waits for more, and sees that there is none
            self.process.join(_SECONDS_TO_END)
        self.process.kill()
        self.process.join()


def results_of_processes(
    method: str, task: UnitTask[_Answer], waiting: deque[Batch], count: float
) -> Iterator[tuple[Batch, Sequence[_Answer] | str]]:
    """Yield the batches as ``count`` processes finish them, each with its answers, or the reason why it has none.

    ``method``: how processes start. Raises what the task raises. If no process can start, this one does its work.
    """
    workers: list[_Worker] = []
    try:
        idle = _start(workers, int(min(count, len(waiting))), method, task)
        busy: dict[Any, _Worker] = {}  # by their connections
        while waiting or busy:
            while waiting and idle:
                worker = idle.pop()
                worker.send(waiting.popleft())
                busy[worker.connection] = worker
            if not busy:
                batch = waiting.popleft()
                yield batch, run_batch(batch.units, task)
                continue
            ready = wait(busy, max(0.0, min(worker.overdue for worker in busy.values()) - time.monotonic()))
            overdue = [connection for connection, worker in busy.items() if worker.overdue <= time.monotonic()]
            for connection in ready or overdue:
                worker = busy.pop(connection)
                assert worker.batch is not None
                batch, (answer, trace) = worker.batch, worker.receive() if ready else (None, "")
                if isinstance(answer, Exception):
                    raise answer from RuntimeError(trace)
                if answer is None:
                    workers.remove(worker)
                    worker.end()
                    idle += _start(workers, min(1, len(waiting)), method, task)
                    answer = ENDED if ready else "its scan did not end in time"
                else:
                    worker.batch = None
                    idle.append(worker)
                yield batch, answer
    finally:
        for worker in workers:
            if worker.batch is not None:
                worker.process.kill()  # all of them, before the first is waited for
        for worker in workers:
            worker.end()


def _start(workers: list[_Worker], count: int, method: str, task: UnitTask[object]) -> list[_Worker]:
    """Add new workers to ``workers``, and return those that have begun."""
    before = len(workers)
    with _process_start_guard(), suppress(OSError):  # no memory, too many processes or open files
        for _ in range(count):
            workers.append(_Worker(method, task, workers))
    return [worker for worker in workers[before:] if worker.receive()[0] is not None]


@contextmanager
def _process_start_guard() -> Iterator[None]:
    """Start processes without interrupts and without the working directory in their import path.

    An interrupt would end them with a traceback before they ignore it.
    """
    before = {name: os.environ[name] for name in os.environ.keys() & {_SAFE_PATH}}
    blocked = None
    if sys.platform != "win32":
        blocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    os.environ[_SAFE_PATH] = "1"
    try:
        yield
    finally:
        del os.environ[_SAFE_PATH]
        os.environ.update(before)
        if sys.platform != "win32" and blocked is not None:
            signal.pthread_sigmask(signal.SIG_SETMASK, blocked)


@deadline.pooled()
def _serve_batches(connection: Connection, inherited: Sequence[Connection], task: UnitTask[object]) -> None:
    """Do the task for batches of units until the connection ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    collect_rarely()
    for other in inherited:
        other.close()
    with suppress(EOFError, OSError):
        connection.send(("begun", ""))
        while True:
            units = connection.recv()
            try:
                message: tuple[object, str] = run_batch(units, task), ""
            except Exception as error:
                message = error, traceback.format_exc()
            try:
                connection.send(message)
            except OSError:
                raise
            except Exception as error:  # it cannot be handed back: too deep, say
                connection.send((tuple(task.lost(unit, internal_error(error), fault=True) for unit in units), ""))
