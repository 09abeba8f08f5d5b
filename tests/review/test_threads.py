"""Threads of review comments: reported and fixed items."""

from __future__ import annotations

from dataclasses import replace

import pytest
from reports_of_tests import EMPTY, NEW, WIDENED

from passrole_checks.review.forge import ForgeThread
from passrole_checks.review.report import ReportNote
from passrole_checks.review.threads import ReviewThread, file_mark, file_marks, fixed_threads, reported_keys


def made(
    *keys: str, file: str = "variables.tf", marked: tuple[str, ...] = ("main.tf",), is_answered: bool = False
) -> ReviewThread:
    """Return a thread at a cause in ``file``, about statements in the ``marked`` files."""
    thread = ForgeThread("1", file, ())
    return ReviewThread(thread, frozenset(keys or {WIDENED.key}), 1, is_answered, frozenset(map(file_mark, marked)))


@pytest.mark.parametrize(
    ("thread", "note", "is_fixed"),
    [
        (made(), None, True),
        (made(), ReportNote("main.tf", 7, "the module is not here"), False),
        (made(), ReportNote("variables.tf", 7, "no value"), False),
        (made(), ReportNote("other.tf", 7, "the module is not here"), True),
        (made(), ReportNote("other.tf", 0, "too large"), False),
        (made(), ReportNote("", 0, "of no file"), True),
        (made(file=""), None, True),
        (made(file=""), ReportNote("other.tf", 7, "the module is not here"), False),
        (made(marked=()), None, True),
        (made(marked=()), ReportNote("other.tf", 7, "the module is not here"), False),
        (made(is_answered=True), None, False),
        (replace(made(), keys=frozenset()), None, False),
        (made(NEW.key, WIDENED.key), None, False),
    ],
)
def test_thread_is_fixed_if_its_items_are_gone(thread: ReviewThread, note: ReportNote | None, is_fixed: bool) -> None:
    """A thread is fixed when all of its items are gone, and everything was evaluated that it may be about: its own file
    and those of its statements."""
    report = replace(EMPTY, items=(NEW,), not_evaluated=(note,) if note is not None else ())
    assert fixed_threads([thread], report) == [thread] * is_fixed


def test_no_thread_is_fixed_while_input_is_unreadable() -> None:
    """No thread is fixed while something cannot be read."""
    assert fixed_threads([made()], replace(EMPTY, unreadable=(ReportNote("other.tf", 1, "no HCL"),))) == []


def test_reported_keys() -> None:
    """The items of a thread are reported, unless it was answered as fixed."""
    assert reported_keys([made(), made(NEW.key, is_answered=True)]) == {WIDENED.key}


def test_file_marks() -> None:
    """Each file has one short mark, however long its name is."""
    here, there = file_mark("a" * 4_000), file_mark("b.tf")
    assert (len(here), len(there), here.isalnum(), here != there) == (12, 12, True, True)
    assert file_marks([WIDENED, NEW, WIDENED]) == (file_mark(WIDENED.at.file), file_mark(NEW.at.file))
