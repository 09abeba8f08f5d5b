"""Work on each of several units, which a caller may have other processes do."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from typing import Generic, Protocol, TypeVar

from passrole_checks.errors import WorkerEndedError
from passrole_checks.files.access_log import FileAccessLog, current_log, recording_accesses
from passrole_checks.iam.deadline import OutOfTimeError
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.sources.unit import Unit

ENDED = "its scan ended the process (out of memory?)"

_Answer = TypeVar("_Answer")
_Answer_co = TypeVar("_Answer_co", covariant=True)


class UnitTask(Protocol[_Answer_co]):
    """The work on each unit. It is sent to a worker, and its answers are sent back: both are plain data."""

    def __call__(self, unit: Unit) -> _Answer_co:
        """Return the answer for a unit."""

    def lost(self, unit: Unit, reason: str, *, fault: bool = False) -> _Answer_co:
        """Return the answer for a unit that ended its worker twice, or (``fault``) whose answer could not be sent."""


class Distribute(Protocol):
    """Has other processes do a task for units."""

    def __call__(self, units: Sequence[Unit], task: UnitTask[_Answer]) -> Iterator[_Answer] | None:
        """Return the answers in the order of the units; None if this process is to do the work."""


@dataclass(frozen=True, slots=True)
class _Reply(Generic[_Answer]):
    """An answer of another process, the seconds of processor time that it took, and what was accessed for it."""

    answer: _Answer
    seconds: float
    accesses: FileAccessLog | None


@dataclass(frozen=True, slots=True)
class _LoggedTask(Generic[_Answer]):
    """A task whose answers come with what was accessed, in a log of the kind ``logs``."""

    ask: Callable[[Unit], _Answer]
    logs: type[FileAccessLog] | None

    def __call__(self, unit: Unit) -> _Reply[_Answer]:
        """Return the answer for a unit."""
        began = time.thread_time()
        with recording_accesses(self.logs()) if self.logs is not None else nullcontext() as accesses:
            answer = self.ask(unit)
        return _Reply(answer, time.thread_time() - began, accesses)

    def lost(self, unit: Unit, reason: str, *, fault: bool = False) -> WorkerEndedError | None:
        """Return an error for a unit that ended its workers: it must not end this process too."""
        return None if fault else WorkerEndedError(f"{unit.only or unit.path}: {reason}")


def answers_of(
    units: Sequence[Unit], ask: Callable[[Unit], _Answer], distribute: Distribute | None, seconds: float
) -> Iterator[_Answer]:
    """Yield the answer for each unit, in their order, as if ``ask`` was called here: accesses are recorded in this
    context's log.

    ``ask`` can be pickled. Raises :class:`OutOfTimeError` if other processes take more than so many ``seconds`` in
    total, and :class:`WorkerEndedError` for a unit that ends them.
    """
    log = current_log()
    task = _LoggedTask(ask, None if log is None else type(log))
    replies = distribute(units, task) if distribute is not None and len(units) > 1 else None
    if replies is None:
        yield from map(ask, units)
        return
    for unit, reply in zip(units, replies, strict=True):
        if isinstance(reply, WorkerEndedError):
            raise reply
        if reply is None:  # it cannot be sent
            yield ask(unit)
            continue
        if log is not None and reply.accesses is not None:
            log.include(reply.accesses)
        seconds -= reply.seconds
        if seconds < 0:
            raise OutOfTimeError
        yield reply.answer
