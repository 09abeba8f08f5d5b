"""Whole pages, as people see them, beside this file.

``python -m tools.regenerate`` writes them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from reports_of_tests import ALL_KINDS, EMPTY, LINKS, NEW, UNKNOWN, WIDENED

from passrole_checks.git_versions.forge_links import Links
from passrole_checks.review.markdown.inline import comment_text, group_items
from passrole_checks.review.markdown.summary import summary
from passrole_checks.review.report import ReportNote

HERE = Path(__file__).resolve().parent
UNREAD = (ReportNote("broken.tf", 3, "a } is missing"), ReportNote("broken.tf", 9, "a } is missing"))


def inline_page() -> str:
    """Return all line comments of the large report."""
    parts = [
        f"{anchor.file}:{anchor.line}-{anchor.end_line}\n\n{comment_text(items, ALL_KINDS, LINKS, anchor)[0]}"
        for anchor, items in group_items(ALL_KINDS.items)
    ]
    return "\n\n---\n\n".join(parts) + "\n"


PAGES: dict[str, Callable[[], str]] = {
    "everything.md": lambda: summary(ALL_KINDS, LINKS),
    "one_problem_locally.md": lambda: summary(
        replace(EMPTY, items=(WIDENED,), base="", head="", base_name="HEAD", head_name="the working tree"), Links()
    ),
    "all_fixed.md": lambda: summary(EMPTY, LINKS, had_summary=True),
    "cannot_be_told.md": lambda: summary(replace(EMPTY, unreadable=UNREAD), LINKS, had_summary=True),
    "some_without_a_comment.md": lambda: summary(
        replace(EMPTY, items=(NEW, UNKNOWN), fail_on=None), LINKS, not_inline=[NEW.key]
    ),
    "comments_at_lines.md": inline_page,
}


@pytest.mark.parametrize("name", PAGES)
def test_page_is_unchanged(name: str) -> None:
    """The page equals the reviewed one."""
    assert PAGES[name]() == (HERE / name).read_text("utf-8")


def outputs() -> Iterator[tuple[Path, str]]:
    """Yield the files beside this one, with the pages that are rendered now."""
    for name, render in PAGES.items():
        yield HERE / name, render()
