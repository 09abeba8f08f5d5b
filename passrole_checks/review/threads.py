"""What threads at lines have in common on every forge: which items they tell, and when they are to be ended."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from passrole_checks.review.report import Item, ReviewReport
from passrole_checks.scan.fingerprint import digest

_DIGITS = 12  # of the digest of a file's name: few enough for a marker, many enough for the files of a pull request


@dataclass(frozen=True, slots=True)
class Posted:
    """What stands on a forge now. ``number``: of the request to merge, 0 where nothing was written on one.
    ``at_lines``: the keys of items that are told at lines or files, by this run or an earlier one; ``lost``: of those
    that should have been and could not. ``summary``: whether there is one, and it tells this report."""

    number: int = 0
    at_lines: frozenset[str] = frozenset()
    lost: frozenset[str] = frozenset()
    summary: bool = False


class Said(Protocol):
    """A thread whose first comment is ours."""

    @property
    def keys(self) -> frozenset[str]:
        """Of the items that it is about."""

    @property
    def is_answered(self) -> bool:
        """Whether we have said in it that all of them are fixed."""

    @property
    def file(self) -> str:
        """Where it stands; "" for nowhere."""

    @property
    def about(self) -> frozenset[str]:
        """:func:`file_mark` of each file that its items stand in, as far as its marker tells."""


Thread = TypeVar("Thread", bound=Said)


def keys_said(found: Iterable[Said]) -> frozenset[str]:
    """The keys of items that a thread tells already: also where a person has resolved it, or its lines are outdated.
    What comes back after we had said that it is fixed is told anew."""
    return frozenset(key for each in found if not each.is_answered for key in each.keys)


def fixed_ones(found: Sequence[Thread], report: ReviewReport) -> list[Thread]:
    """The threads that are to be ended: nothing that they are about is wrong any more.

    None where HEAD could not be read in full, or a whole file of it was not evaluated: what cannot be seen is not
    fixed, and it may have been moved there. Where something in a file was not evaluated, those stay that stand in that
    file, or are about a statement in it (a thread may stand at the cause, in another file), or do not tell.
    """
    if report.unknown or any(note.file and not note.line for note in report.not_evaluated):
        return []
    present = {item.key for item in report.items}
    unknown = {note.file for note in report.not_evaluated} - {""}
    marks = frozenset(map(file_mark, unknown))

    def may_still_be(thread: Thread) -> bool:
        return bool(thread.keys & present or thread.about & marks) or thread.file in unknown

    def tells_where(thread: Thread) -> bool:
        return bool(thread.file and thread.about) or not unknown

    return [
        each for each in found if each.keys and not each.is_answered and not may_still_be(each) and tells_where(each)
    ]


def file_marks(items: Iterable[Item]) -> tuple[str, ...]:
    """What a marker tells of the files that the statements of ``items`` stand in."""
    return tuple(dict.fromkeys(file_mark(item.at.file) for item in items))


def file_mark(file: str) -> str:
    """A short word for a file, of the same length however long its name is."""
    return digest("file", file)[:_DIGITS]
