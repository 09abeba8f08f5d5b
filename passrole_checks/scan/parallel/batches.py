"""Group units into batches, so that sending them costs little and long ones begin first."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.scan.scanner import ScannedUnit, ScanOptions, scan_unit
from passrole_checks.sources.files.file_types import is_terraform_file
from passrole_checks.sources.model.configuration import Framework, Unreadable
from passrole_checks.sources.unit_tasks import ENDED

if TYPE_CHECKING:
    from passrole_checks.sources.detect import Unit

MOST = 100_000  # bytes of infrastructure code: some tenths of a second, so that sending costs next to nothing
AT_ONCE = 10_000_000
_AT_LEAST = 1_000  # even an empty unit takes a while

_Answer = TypeVar("_Answer")


@dataclass(frozen=True, slots=True)
class ScanTask:
    """The task of a scan."""

    options: ScanOptions

    def __call__(self, unit: Unit) -> ScannedUnit:
        """Return the result for a unit."""
        return scan_unit(unit, self.options)

    def lost(self, unit: Unit, reason: str = ENDED, *, fault: bool = False) -> ScannedUnit:
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

    def single(self) -> tuple[Batch, ...]:
        """Yield the units as batches of one."""
        alone = zip(self.numbers, self.units, strict=True)
        return tuple(Batch((number,), (unit,), self.weight) for number, unit in alone)


def batches(units: Sequence[Unit], most: int = MOST, at_once: int = AT_ONCE) -> list[Batch]:
    """Return batches of at most about ``most`` bytes, the largest first. A larger unit is a batch of its own.

    Of more than ``at_once`` bytes, those of the first units come first: the results of later ones would have to wait
    in memory for theirs.
    """
    weights = [weight(unit) for unit in units]
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


def in_order(answers: Iterable[tuple[Batch, Sequence[_Answer]]]) -> Iterator[_Answer]:
    """Yield the answers in the order of the units, each as soon as all before it are available."""
    there: dict[int, _Answer] = {}
    following = 0
    for batch, answered in answers:
        there.update(zip(batch.numbers, answered, strict=True))
        while following in there:
            yield there.pop(following)
            following += 1
