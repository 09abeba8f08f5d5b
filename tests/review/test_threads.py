"""Threads of review comments: reported and fixed items."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
from reports_of_tests import EMPTY, NEW, WIDENED

from passrole_checks.review.report import ReportNote
from passrole_checks.review.threads import file_mark, file_marks, fixed_threads, reported_keys


@dataclass(frozen=True)
class Thread:
    keys: frozenset[str] = frozenset({WIDENED.key})
    is_answered: bool = False
    file: str = "variables.tf"  # the cause
    file_marks: frozenset[str] = frozenset(map(file_mark, ["main.tf"]))


@pytest.mark.parametrize(
    ("thread", "note", "is_fixed"),
    [
        (Thread(), None, True),
        (Thread(), ReportNote("main.tf", 7, "the module is not here"), False),
        (Thread(), ReportNote("variables.tf", 7, "no value"), False),
        (Thread(), ReportNote("other.tf", 7, "the module is not here"), True),
        (Thread(), ReportNote("other.tf", 0, "too large"), False),
        (Thread(), ReportNote("", 0, "of no file"), True),
        (Thread(file=""), None, True),
        (Thread(file=""), ReportNote("other.tf", 7, "the module is not here"), False),
        (Thread(file_marks=frozenset()), None, True),
        (Thread(file_marks=frozenset()), ReportNote("other.tf", 7, "the module is not here"), False),
        (Thread(is_answered=True), None, False),
        (Thread(keys=frozenset()), None, False),
        (Thread(keys=frozenset({NEW.key, WIDENED.key})), None, False),
    ],
)
def test_thread_is_fixed_if_all_its_items_are_gone(thread: Thread, note: ReportNote | None, is_fixed: bool) -> None:
    """A thread is fixed when all of its items are gone, and everything was evaluated that it may be about: its own file
    and those of its statements."""
    report = replace(EMPTY, items=(NEW,), not_evaluated=(note,) if note is not None else ())
    assert fixed_threads([thread], report) == [thread] * is_fixed


def test_no_thread_is_fixed_while_input_is_unreadable() -> None:
    """No thread is fixed while something cannot be read."""
    assert fixed_threads([Thread()], replace(EMPTY, unreadable=(ReportNote("other.tf", 1, "no HCL"),))) == []


def test_reported_keys() -> None:
    """The items of a thread are reported, unless it was answered as fixed."""
    assert reported_keys([Thread(), Thread(frozenset({NEW.key}), is_answered=True)]) == {WIDENED.key}


def test_file_marks() -> None:
    """Each file has one short mark, however long its name is."""
    here, there = file_mark("a" * 4_000), file_mark("b.tf")
    assert (len(here), len(there), here.isalnum(), here != there) == (12, 12, True, True)
    assert file_marks([WIDENED, NEW, WIDENED]) == (file_mark(WIDENED.at.file), file_mark(NEW.at.file))
