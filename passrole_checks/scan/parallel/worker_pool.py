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
import threading
import traceback
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import TYPE_CHECKING, Any, cast

from passrole_checks.errors import internal_error
from passrole_checks.iam import deadline
from passrole_checks.scan.parallel.any_executor import picklable_error, scan_batch
from passrole_checks.scan.parallel.batches import lost_unit
from passrole_checks.scan.scanner import ScannedUnit, ScanOptions

if TYPE_CHECKING:
    from passrole_checks.scan.parallel.batches import Batch

_SECONDS_TO_END = 5
_SAFE_PATH = "PYTHONSAFEPATH"


@dataclass(frozen=True, slots=True)
class _Started:
    """The first message of a process."""


@dataclass(frozen=True, slots=True)
class _Failure:
    """The exception that the scan of a batch raised, and its traceback."""

    error: Exception
    trace: str


class _Worker:
    """A process as this one sees it. ``batch``: its current batch. ``has_begun``: it has sent its first message."""

    def __init__(self, process: BaseProcess, connection: Connection) -> None:
        self.process, self.connection = process, connection
        self.batch: Batch | None = None
        self.has_begun = False

    def send(self, batch: Batch, options: ScanOptions) -> None:
        self.batch = batch
        with suppress(OSError):  # it has ended, and is heard of as one that has
            self.connection.send((batch.units, options))

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


class WorkerPool:
    """Processes that start when they are needed, by the start ``method``, and end with the ``with`` block."""

    def __init__(self, method: str, options: ScanOptions) -> None:
        self._context: Any = multiprocessing.get_context(method)  # its classes differ by method
        self._forks = method == "fork"
        self._options = options
        self._workers: list[_Worker] = []
        self._can_begin = True

    def __enter__(self) -> WorkerPool:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._workers:
            if worker.batch is not None:
                worker.process.kill()  # all of them, before the first is waited for
        while self._workers:
            self._workers.pop().end()

    def answers(self, waiting: deque[Batch], count: int) -> Iterator[tuple[Batch, Sequence[ScannedUnit] | None]]:
        """Yield the batches as ``count`` processes finish them, each with its results; None if its process ended.

        Raises what a scan raises. If no process can start, this one scans.
        """
        idle: list[_Worker] = []
        busy: dict[object, _Worker] = {}  # by their connections
        while waiting or busy:
            while waiting and len(busy) < count and (worker := idle.pop() if idle else self._another()):
                busy[worker.connection] = worker
                worker.send(waiting.popleft(), self._options)
            if not busy:
                batch = waiting.popleft()
                yield batch, scan_batch(batch.units, self._options)
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
                    yield batch, cast("tuple[ScannedUnit, ...]", told)
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
                process = self._context.Process(target=_serve_batches, args=(there, not_its_own), daemon=True)
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
    blocks = hasattr(signal, "pthread_sigmask") and threading.current_thread() is threading.main_thread()
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT}) if blocks else None
    os.environ[_SAFE_PATH] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[_SAFE_PATH]
        else:
            os.environ[_SAFE_PATH] = before
        if blocked is not None:
            signal.pthread_sigmask(signal.SIG_SETMASK, blocked)


@deadline.pooled()
def _serve_batches(connection: Connection, not_its_own: Sequence[Connection]) -> None:
    """Scan batches until the connection ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for other in not_its_own:
        other.close()
    with suppress(EOFError, OSError):
        connection.send(_Started())
        while True:
            units, options = connection.recv()
            try:
                told: object = scan_batch(units, options)
            except Exception as error:
                told = _Failure(picklable_error(error), traceback.format_exc())
            try:
                connection.send(told)
            except OSError:
                raise
            except Exception as error:  # it cannot be handed back: too deep, say
                connection.send(tuple(lost_unit(unit, internal_error(error), fault=True) for unit in units))
