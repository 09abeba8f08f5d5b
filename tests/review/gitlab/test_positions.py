"""Positions in the diff of a merge request."""

from __future__ import annotations

import pytest
from gitlab_fake.world import MergeRequest, differences
from gitlab_fake.world import Version as Known
from hypothesis import given
from hypothesis import strategies as st

from passrole_checks.review.gitlab.positions import FileDiff, Positions, Version, diff_line_numbers
from passrole_checks.review.report import Anchor

VERSION = Version(3, "b" * 40, "c" * 40, "d" * 40)
DIFF = "@@ -1,4 +1,5 @@\n one\n-two\n+2\n+2b\n three\n four\n@@ -20,2 +21 @@ block {\n-x\n y\n"


@pytest.mark.parametrize(
    ("diff", "lines"),
    [
        ("", {}),
        (DIFF, {1: 1, 2: None, 3: None, 4: 3, 5: 4, 21: 21}),
        ("@@ -0,0 +1,2 @@\n+one\n+two\n", {1: None, 2: None}),
        ("@@ -1 +0,0 @@\n-one\n", {}),
        ("@@ -1 +1 @@\n-one\n\\ No newline at end of file\n+one\n", {1: None}),
        ("@@ -1,2 +1,3 @@\n one\r\n+++ two\r\n three\r\n", {1: 1, 2: None, 3: 2}),
        ("@@ -1,2 +1,2 @@\n--- a\n+@@ -9 +9 @@\n \x0cb\n", {1: None, 2: 2}),
        ("Binary files a/x and b/x differ\n", {}),
    ],
    ids=["none", "hunks", "new file", "deleted file", "no line feed at the end", "CRLF", "marks", "binary"],
)
def test_line_numbers_of_a_diff(diff: str, lines: dict[int, int | None]) -> None:
    """Each shown line of the new version has its number in the old one; added lines have none."""
    assert dict(diff_line_numbers(diff)) == lines


@pytest.mark.parametrize(
    ("anchor", "line", "old_line"),
    [
        (Anchor("new.tf", 2, 2), 2, None),
        (Anchor("new.tf", 1, 5), 3, None),
        (Anchor("new.tf", 4, 5), 5, 4),
        (Anchor("new.tf", 19, 21), 21, 21),
        (Anchor("new.tf", 10, 12), 0, None),
        (Anchor("new.tf", 0, 0), 0, None),
    ],
)
def test_position_prefers_added_lines(anchor: Anchor, line: int, old_line: int | None) -> None:
    """An added line takes precedence over an unchanged one; without a shown line the position is the file."""
    position = Positions(VERSION, [FileDiff("old.tf", "new.tf", DIFF, False)]).at(anchor)
    assert position is not None and position.line == line
    expected: dict[str, object] = {
        "position_type": "text" if line else "file",
        "base_sha": "b" * 40,
        "start_sha": "c" * 40,
        "head_sha": "d" * 40,
        "old_path": "old.tf",
        "new_path": "new.tf",
    }
    if line:
        expected["new_line"] = line
    if old_line:
        expected["old_line"] = old_line
    assert position.fields == expected


def test_file_outside_of_the_diff_has_no_position() -> None:
    """A file outside of the diff, or deleted, has no position."""
    positions = Positions(VERSION, [FileDiff("a.tf", "a.tf", DIFF, True)])
    assert positions.at(Anchor("a.tf", 1, 1)) is None
    assert positions.at(Anchor("b.tf", 1, 1)) is None


def test_file_without_hunks_has_a_file_position() -> None:
    """A file whose diff is too large for GitLab has a position on the whole file."""
    position = Positions(VERSION, [FileDiff("a.tf", "a.tf", "", False)]).at(Anchor("a.tf", 3, 4))
    assert position is not None and (position.line, position.fields["position_type"]) == (0, "file")


LINES = st.lists(st.sampled_from(["a", "b", "", "+", "-", " ", "@@ -1 +1 @@"]), max_size=30)


@given(LINES, LINES, st.integers(1, 32), st.integers(0, 5))
def test_every_position_is_valid_for_gitlab(before: list[str], after: list[str], line: int, more: int) -> None:
    """For any diff and lines the position is valid in the fake's own reading of the diff, and its line is one of those
    given."""
    files = [{"a.tf": "".join(f"{text}\n" for text in lines)} for lines in (before, after)]
    known = Known(1, "b" * 40, "c" * 40, "d" * 40, differences(MergeRequest(7, *files)))
    diffs = [FileDiff(each.old_path, each.new_path, each.diff, each.deleted_file) for each in known.files]
    position = Positions(VERSION, diffs).at(Anchor("a.tf", line, line + more))
    assert (position is None) == (before == after)
    if position is not None:
        known.check(dict(position.fields), knows_files=True)
        shown = {number for number in known.files[0].lines if line <= number <= line + more}
        assert position.line in (shown or {0})
