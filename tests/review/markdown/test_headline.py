"""The headline of a review, and its explanation."""

from __future__ import annotations

from dataclasses import replace

import pytest
from reports_of_tests import ALL_KINDS, EMPTY, NEW, WIDENED

from passrole_checks.findings import Severity
from passrole_checks.review.markdown.headline import explanation, headline
from passrole_checks.review.report import ReportNote, ReviewReport

NOTE = (ReportNote("a.tf", 1, "no"),)
FIXED = replace(EMPTY, fixed=ALL_KINDS.fixed)
MORE = replace(FIXED, more=ALL_KINDS.more)


@pytest.mark.parametrize(
    ("report", "had_summary", "expected"),
    [
        (EMPTY, False, "nothing new"),
        (EMPTY, True, "all fixed"),
        (FIXED, False, "nothing new, 1 finding fixed"),
        (FIXED, True, "all fixed"),
        (MORE, False, "nothing flagged, though 1 statement grants more than before"),
        (replace(MORE, more=MORE.more * 2), False, "nothing flagged, though 2 statements grant more than before"),
        (replace(MORE, items=(NEW,)), False, "1 new problem"),
        (MORE, True, "all fixed"),
        (replace(EMPTY, items=(NEW,)), True, "1 new problem"),
        (replace(EMPTY, items=(WIDENED, WIDENED)), False, "2 problems got worse"),
        (ALL_KINDS, False, "2 new problems, 1 problem got worse"),
        (replace(EMPTY, items=(NEW,), unreadable=NOTE), False, "1 new problem, 1 file could not be read"),
        (replace(EMPTY, unreadable=NOTE * 2), True, "result incomplete, 1 file could not be read"),
        (
            replace(EMPTY, unreadable=(ReportNote("", 0, "no"),)),
            False,
            "result incomplete, some input could not be read",
        ),
        (replace(FIXED, unreadable=NOTE), False, "result incomplete, 1 file could not be read"),
        (replace(EMPTY, not_evaluated=NOTE), False, "nothing new found, 1 item not evaluated"),
        (replace(EMPTY, not_evaluated=NOTE), True, "no remaining problems found, 1 item not evaluated"),
    ],
)
def test_headline(report: ReviewReport, had_summary: bool, expected: str) -> None:
    """The headline counts new and worse items; unread or skipped input is never called clean or fixed."""
    assert headline(report, had_summary=had_summary) == f"iam:PassRole: {expected}"


@pytest.mark.parametrize(
    ("severities", "fail_on", "expected"),
    [
        ([Severity.HIGH], Severity.MEDIUM, "**This fails the check** (medium or more)."),
        ([Severity.HIGH] * 2, Severity.HIGH, "**These fail the check** (high)."),
        ([Severity.HIGH, Severity.LOW], Severity.HIGH, "**1 of these fails the check** (high)."),
        ([Severity.HIGH] * 2 + [Severity.LOW], Severity.LOW, "**These fail the check** (low or more)."),
        ([Severity.HIGH] * 2 + [Severity.LOW], Severity.MEDIUM, "**2 of these fail the check** (medium or more)."),
        ([Severity.LOW], Severity.MEDIUM, "The check does not fail: its threshold is medium or more."),
        ([Severity.HIGH], None, "The check does not fail."),
    ],
)
def test_failing_items_are_counted(severities: list[Severity], fail_on: Severity | None, expected: str) -> None:
    """The explanation counts the failing items and names the threshold."""
    items = tuple(replace(NEW, severity=severity, replacement=None) for severity in severities)
    words = " ".join(explanation(replace(EMPTY, items=items, fail_on=fail_on)))
    assert expected in words


@pytest.mark.parametrize(
    ("with_one", "without", "expected"),
    [
        (1, 0, "A suggested change is below."),
        (2, 0, "Suggested changes are below."),
        (1, 1, "For 1 of them a suggested change is below."),
        (0, 2, "through that service."),
    ],
)
def test_suggested_changes_are_counted(with_one: int, without: int, expected: str) -> None:
    """The explanation counts the items with a suggested change."""
    items = (NEW,) * with_one + (replace(NEW, replacement=None),) * without
    assert next(iter(explanation(replace(EMPTY, items=items)))).endswith(expected)
