"""A pool of processes, each with a connection of its own to this one.

The standard library's pool lacks three things: if one process is killed it gives up all batches, and does not say which
process had which; a process that is killed while it sends a result can block the pool for ever, since all write into
one pipe, which it keeps open itself; and its threads rule out another fork. Here the end of a process is the end of its
connection, and nothing else.

An interrupt from the terminal reaches all processes, and is left to this one, which kills busy workers. If this process
dies, the others end after their current batch.

Source: Python's documentation of ``multiprocessing`` (connections, start methods) and ``signal``.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
import traceback
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from passrole_checks.errors import internal_error
from passrole_checks.files.gc_pause import collect_rarely
from passrole_checks.iam import deadline
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.scan.parallel.any_executor import picklable_error, run_batch

if TYPE_CHECKING:
    from passrole_checks.scan.parallel.batches import Batch
    from passrole_checks.sources.unit_tasks import UnitTask

_SECONDS_TO_END = 5
_SAFE_PATH = "PYTHONSAFEPATH"

_Answer = TypeVar("_Answer")


@dataclass(frozen=True, slots=True)
class _Started:
    """The first message of a process."""


@dataclass(frozen=True, slots=True)
class _Failure:
    """The exception that the task raised for a batch, and its traceback."""

    error: Exception
    trace: str


class _Worker:
    """A process as this one sees it. ``batch``: its current batch. ``has_begun``: it has sent its first message."""

    def __init__(self, process: BaseProcess, connection: Connection) -> None:
        self.process, self.connection = process, connection
        self.batch: Batch | None = None
        self.has_begun = False

    def send(self, batch: Batch) -> None:
        self.batch = batch
        with suppress(OSError):  # it has ended, and is heard of as one that has
            self.connection.send(batch.units)

    def receive(self) -> object:
        """Return its next message; None if it has ended."""
        try:
            return self.connection.recv()
        except (EOFError, OSError):
            return None

    def done(self) -> Batch:
        """Return the batch that it has finished."""
        batch, self.batch = self.batch, None
        assert batch is not None
        return batch

    def end(self) -> None:
        self.connection.close()
        if self.batch is None:  # it waits for more, and sees that there is none
            self.process.join(_SECONDS_TO_END)
        self.process.kill()
        self.process.join()


class WorkerPool(Generic[_Answer]):
    """Processes that start when they are needed, by the start ``method``, and end with the ``with`` block.

    ``task``: what they do with each unit.
    """

    def __init__(self, method: str, task: UnitTask[_Answer]) -> None:
        self._context: Any = multiprocessing.get_context(method)  # its classes differ by method
        self._forks = method == "fork"
        self._task = task
        self._workers: list[_Worker] = []
        self._can_begin = True

    def __enter__(self) -> WorkerPool[_Answer]:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._workers:
            if worker.batch is not None:
                worker.process.kill()  # all of them, before the first is waited for
        while self._workers:
            self._workers.pop().end()

    def answers(self, waiting: deque[Batch], count: int) -> Iterator[tuple[Batch, Sequence[_Answer] | None]]:
        """Yield the batches as ``count`` processes finish them, each with its answers; None if its process ended.

        Raises what the task raises. If no process can start, this one does its work.
        """
        idle: list[_Worker] = []
        busy: dict[object, _Worker] = {}  # by their connections
        while waiting or busy:
            while waiting and len(busy) < count and (worker := idle.pop() if idle else self._another()):
                busy[worker.connection] = worker
                worker.send(waiting.popleft())
            if not busy:
                batch = waiting.popleft()
                yield batch, run_batch(batch.units, self._task)
                continue
            for connection in wait([worker.connection for worker in busy.values()]):
                worker = busy[connection]
                told = worker.receive()
                if isinstance(told, _Started):
                    worker.has_begun = True
                    continue
                if isinstance(told, _Failure):
                    raise told.error from RuntimeError(told.trace)
                del busy[connection]
                batch = worker.done()
                if told is not None:
                    idle.append(worker)
                    yield batch, cast("tuple[_Answer, ...]", told)
                    continue
                self._workers.remove(worker)
                worker.end()
                if worker.has_begun:
                    yield batch, None
                else:  # nor would another one
                    self._can_begin = False
                    waiting.appendleft(batch)

    def _another(self) -> _Worker | None:
        """Return a new process; None if none can start."""
        if not self._can_begin:
            return None
        try:
            with _process_start_guard():
                here, there = self._context.Pipe()
                # what is forked has all that is open here, and would keep the others' connections open with it
                not_its_own = (here, *(worker.connection for worker in self._workers)) if self._forks else ()
                arguments = (there, not_its_own, self._task)
                process = self._context.Process(target=_serve_batches, args=arguments, daemon=True)
                try:
                    process.start()
                except BaseException:
                    here.close()
                    raise
                finally:
                    there.close()
                worker = _Worker(process, here)
                self._workers.append(worker)
                return worker
        except OSError:  # no memory, too many processes or open files
            self._can_begin = False
            return None


@contextmanager
def _process_start_guard() -> Iterator[None]:
    """Start a process without interrupts and without the working directory in its import path.

    An interrupt would end it with a traceback before it ignores them.
    """
    before = os.environ.get(_SAFE_PATH)
    blocked = None
    if sys.platform != "win32" and threading.current_thread() is threading.main_thread():
        blocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    os.environ[_SAFE_PATH] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[_SAFE_PATH]
        else:
            os.environ[_SAFE_PATH] = before
        if sys.platform != "win32" and blocked is not None:
            signal.pthread_sigmask(signal.SIG_SETMASK, blocked)


@deadline.pooled()
def _serve_batches(connection: Connection, not_its_own: Sequence[Connection], task: UnitTask[object]) -> None:
    """Do the task for batches of units until the connection ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    collect_rarely()
    for other in not_its_own:
        other.close()
    with suppress(EOFError, OSError):
        connection.send(_Started())
        while True:
            units = connection.recv()
            try:
                told: object = run_batch(units, task)
            except Exception as error:
                told = _Failure(picklable_error(error), traceback.format_exc())
            try:
                connection.send(told)
            except OSError:
                raise
            except Exception as error:  # it cannot be handed back: too deep, say
                connection.send(tuple(task.lost(unit, internal_error(error), fault=True) for unit in units))
