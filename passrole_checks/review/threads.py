"""Threads of review comments that earlier runs started: the items they are about, and which of them are fixed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.review.forge import ForgeThread
from passrole_checks.review.markdown.markers import FIXED, INLINE, parse_marker
from passrole_checks.review.report import Item, ReviewReport
from passrole_checks.scan.fingerprint import digest

_DIGITS = 12  # of a file's digest: short enough for a marker, long enough to distinguish the files of a pull request


@dataclass(frozen=True, slots=True)
class ReviewThread:
    """A thread that this tool started, about items of a report. ``keys``: of these items. ``run``: the number of the
    run that started it. ``is_answered``: it has our reply that all of its items are fixed. ``file_marks``:
    :func:`file_mark` of the file of each item, as far as its marker has them."""

    thread: ForgeThread
    keys: frozenset[str]
    run: int
    is_answered: bool
    file_marks: frozenset[str] = frozenset()

    @property
    def file(self) -> str:
        return self.thread.file


def review_threads(threads: Iterable[ForgeThread], key: str, author: str) -> list[ReviewThread]:
    """Select the threads that the review ``key`` started, by their markers; only comments of ``author`` count."""
    selected = []
    for thread in threads:
        markers = [
            parse_marker(comment.body) if comment.author.lower() == author.lower() else None
            for comment in thread.comments
        ]
        first = markers[0]
        if first is not None and (first.kind, first.key) == (INLINE, key):
            is_answered = any(marker is not None and (marker.kind, marker.key) == (FIXED, key) for marker in markers)
            selected.append(
                ReviewThread(thread, frozenset(first.items), first.run, is_answered, frozenset(first.files))
            )
    return selected


def reported_keys(threads: Iterable[ReviewThread]) -> frozenset[str]:
    """Return the keys of items that threads report, including threads that a person resolved or whose lines are
    outdated. An item that returns after it was reported as fixed is new."""
    return frozenset(key for thread in threads if not thread.is_answered for key in thread.keys)


def fixed_threads(threads: Sequence[ReviewThread], report: ReviewReport) -> list[ReviewThread]:
    """Return the threads to close: all of their items are gone.

    None where HEAD could not be read in full, or a whole file of it was not evaluated: an item that cannot be seen is
    not fixed, and may have moved there. If part of a file was not evaluated, threads in that file stay open, threads
    about a statement in it (a thread may be at the cause, in another file), and threads that do not name their files.
    """
    if report.unknown or any(note.file and not note.line for note in report.not_evaluated):
        return []
    present = {item.key for item in report.items}
    unknown = {note.file for note in report.not_evaluated} - {""}
    unknown_marks = frozenset(map(file_mark, unknown))

    def is_fixed(thread: ReviewThread) -> bool:
        if not thread.keys or thread.is_answered or thread.keys & present:
            return False
        if not unknown:
            return True
        is_located = bool(thread.file and thread.file_marks)
        return is_located and not thread.file_marks & unknown_marks and thread.file not in unknown

    return [thread for thread in threads if is_fixed(thread)]


def file_marks(items: Iterable[Item]) -> tuple[str, ...]:
    """Return the marks of the files that contain the statements of ``items``, for a marker."""
    return tuple(dict.fromkeys(file_mark(item.at.file) for item in items))


def file_mark(file: str) -> str:
    """Return a short digest of a path, of constant length."""
    return digest("file", file)[:_DIGITS]
