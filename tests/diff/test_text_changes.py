"""The pieces in which two texts differ can be taken back, one by one or all."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passrole_checks.diff.text_changes import ChangedFile, ChangedLines, changed_file

LINES = st.lists(st.sampled_from(["a\n", "b\n", "  b\n", "# c\n", "\n", "d\r\n", "e"]), max_size=12)


def between(folder: Path, old: str, new: str) -> ChangedFile | None:
    for name, text in (("old", old), ("new", new)):
        (folder / name).write_bytes(text.encode())
    return changed_file("old", "new", folder / "old", folder / "new")


@given(LINES, LINES)
def test_reverting_all_pieces_gives_the_old_text(
    tmp_path_factory: pytest.TempPathFactory, old: list[str], new: list[str]
) -> None:
    """Without all pieces a text is the old one, without none the new one; and where layout alone differs, or comments
    do, there is nothing to take back."""
    before, after = "".join(old), "".join(new)
    found = between(tmp_path_factory.mktemp("texts"), before, after)
    if found is None:
        said = [
            [words for line in text.splitlines() if (words := line.strip()) and not words.startswith("#")]
            for text in (before, after)
        ]
        assert said[0] == said[1]
    else:
        assert found.without(()) == after
        assert found.without(range(len(found.pieces))) == before


def test_lines_are_pieces_of_their_own(tmp_path: Path) -> None:
    """Lines that stand for each other are pieces one by one, and can be taken back so."""
    found = between(tmp_path, "a\nb\nc\n", "a\nx\ny\n")
    assert found is not None
    assert found.pieces == (ChangedLines((1, 2), (1, 2), True), ChangedLines((2, 3), (2, 3), True))
    assert found.without({1}) == "a\nx\nc\n"
    assert [found.line_of(piece) for piece in found.pieces] == [(2, False), (3, False)]


def test_removed_lines_are_reported_at_their_old_position(tmp_path: Path) -> None:
    """A piece that is only gone has its line in the old text; comments in it are passed over."""
    found = between(tmp_path, "a\n# b\nc\nd\n", "a\nd\n")
    assert found is not None
    (piece,) = found.pieces
    assert found.line_of(piece) == (3, True)
    assert [piece.is_within(*lines) for lines in ((1, 2), (1, 1), (2, 2))] == [True, False, False]
    assert [piece.is_within(*lines, old=True) for lines in ((2, 3), (1, 1), (4, 4))] == [True, False, False]


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"\x00" * 6_000_000], ids=["no text", "large"])
def test_binary_file_is_not_compared(tmp_path: Path, content: bytes) -> None:
    """A file that is no text, or a very large one, has no pieces."""
    (tmp_path / "old").write_bytes(b"a\n")
    (tmp_path / "new").write_bytes(content)
    assert changed_file("old", "new", tmp_path / "old", tmp_path / "new") is None


def test_many_lines_are_one_piece(tmp_path: Path) -> None:
    """Thousands of different lines are not compared line by line."""
    old, new = ("".join(f"{word}{number}\n" for number in range(4000)) for word in ("a", "b"))
    found = between(tmp_path, f"first\n{old}last\n", f"first\n{new}last\n")
    assert found is not None
    assert found.pieces == (ChangedLines((1, 4001), (1, 4001), True),)


def test_lines_are_those_of_git(tmp_path: Path) -> None:
    """A line ends at a line feed alone, so that numbers are those of git; other characters that end one for Python are
    a part of it."""
    found = between(tmp_path, "# a\u2028b\x0cc\x85d\re\nroles = 1\n", "# a\u2028b\x0cc\x85d\re\nroles = 2\n")
    assert found is not None
    (piece,) = found.pieces
    assert (piece.new, found.line_of(piece), len(found.new)) == ((1, 2), (2, False), 2)
