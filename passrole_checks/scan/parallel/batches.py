"""Group units into batches, so that sending them costs little and long ones begin first."""

from __future__ import annotations

import math
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.scan.scanner import ScannedUnit, ScanOptions, scan_unit
from passrole_checks.sources.files.file_types import is_terraform_file
from passrole_checks.sources.model.configuration import Framework, Unreadable
from passrole_checks.sources.unit_tasks import UnitTask

if TYPE_CHECKING:
    from passrole_checks.sources.detect import Unit

MOST = 100_000  # bytes of infrastructure code: some tenths of a second, so that sending costs next to nothing
AT_ONCE = 10_000_000
BATCHES_EACH = 4  # for each worker, so that all are busy until the end
_AT_LEAST = 1_000  # even an empty unit takes a while

_Answer = TypeVar("_Answer")


@dataclass(frozen=True, slots=True)
class ScanTask:
    """The task of a scan."""

    options: ScanOptions

    def __call__(self, unit: Unit) -> ScannedUnit:
        """Return the result for a unit."""
        return scan_unit(unit, self.options)

    def lost(self, unit: Unit, reason: str, *, fault: bool = False) -> ScannedUnit:
        """Return the result for a unit without one."""
        path = unit.only or unit.path
        return ScannedUnit(path, unit.framework, unreadable=Unreadable(str(path), reason, fault=fault))


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch of ``units``: their positions among all (``numbers``), and their approximate size in bytes
    (``weight``)."""

    numbers: tuple[int, ...]
    units: tuple[Unit, ...]
    weight: int


def batches(units: Sequence[Unit], least: int = 1, at_once: int = AT_ONCE) -> list[Batch]:
    """Return about ``least`` batches or more, of at most about ``MOST`` bytes, the largest first. A larger unit is a
    batch of its own.

    Of more than ``at_once`` bytes, those of the first units come first: the results of later ones would have to wait
    in memory for theirs.
    """
    weights = [weight(unit) for unit in units]
    most = min(MOST, sum(weights) // least)
    found: list[Batch] = []
    for part in _parts(weights, at_once):
        numbers: list[int] = []
        total = 0
        for number in sorted(part, key=lambda number: (-weights[number], number)):
            if numbers and total + weights[number] > most:
                found.append(_batch(numbers, units, total))
                numbers, total = [], 0
            numbers.append(number)
            total += weights[number]
        found.append(_batch(numbers, units, total))
    return found


def _parts(weights: Sequence[int], most: int) -> Iterator[range]:
    """Yield the numbers of consecutive weights of about ``most`` in total."""
    begin = total = 0
    for number, one in enumerate(weights):
        if number > begin and total + one > most:
            yield range(begin, number)
            begin, total = number, 0
        total += one
    if weights:
        yield range(begin, len(weights))


def _batch(numbers: Sequence[int], units: Sequence[Unit], total: int) -> Batch:
    return Batch(tuple(numbers), tuple(units[number] for number in numbers), total)


def weight(unit: Unit) -> int:
    """Return about how many bytes are read for a unit, without called modules. Never raises."""
    if unit.content is not None:
        return max(_AT_LEAST, len(unit.content))
    try:
        if unit.framework is not Framework.TERRAFORM:
            return max(_AT_LEAST, os.stat(unit.path).st_size)
        with os.scandir(unit.path) as entries:
            return max(_AT_LEAST, sum(entry.stat().st_size for entry in entries if is_terraform_file(Path(entry.path))))
    except (OSError, ValueError):  # the reader reports the error
        return _AT_LEAST


def retried(
    results: Callable[[deque[Batch], float], Iterator[tuple[Batch, Sequence[_Answer] | str]]],
    work: Iterable[Batch],
    task: UnitTask[_Answer],
    at_once: float = math.inf,
) -> Iterator[tuple[Batch, Sequence[_Answer]]]:
    """Yield batches with their answers, as they finish. A unit whose worker ended is tried once more, alone; if its
    worker ends again, it is lost.

    ``results``: takes batches, so many at once, and yields them with their answers, or the reason why there are none.
    """
    again = deque[Batch]()
    for batch, answers in results(deque(work), at_once):
        if isinstance(answers, str):
            alone = zip(batch.numbers, batch.units, strict=True)
            again.extend(Batch((number,), (unit,), batch.weight) for number, unit in alone)
        else:
            yield batch, answers
    for batch, answers in results(again, 1):  # so that each has the memory for itself
        yield batch, [task.lost(batch.units[0], answers)] if isinstance(answers, str) else answers


def in_order(answers: Iterable[tuple[Batch, Sequence[_Answer]]]) -> Iterator[_Answer]:
    """Yield the answers in the order of the units, each as soon as all before it are available."""
    there: dict[int, _Answer] = {}
    following = 0
    for batch, answered in answers:
        there.update(zip(batch.numbers, answered, strict=True))
        while following in there:
            yield there.pop(following)
            following += 1
