"""Split the difference between two texts of a file into pieces that can be reverted one by one."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.lazy_regex import lazy_regex

_MOST_LINES = 3000  # in the part that differs, to be compared line by line
_LARGEST = 5_000_000
_INSIDE = frozenset(" \t)]}")  # how lines begin that do not begin a block
_LINE = lazy_regex(r"[^\n]*\n|[^\n]+")  # git's lines; str.splitlines also splits at U+2028 and others


@dataclass(frozen=True)
class ChangedLines:
    """Lines ``old[first:end]`` that became ``new[first:end]``; counted from 0, either may be empty.

    ``is_meaningful``: more than comments and layout differs.
    """

    old: tuple[int, int]
    new: tuple[int, int]
    is_meaningful: bool

    def is_within(self, line: int, end_line: int, *, old: bool = False) -> bool:
        """True if it changes lines ``line`` to ``end_line`` (counted from 1) of the new text, or of the ``old`` one."""
        first, end = self.old if old else self.new
        if first == end:
            return line <= first < end_line  # removed lines, with lines of the range on either side
        return first < end_line and end >= line


@dataclass(frozen=True)
class ChangedFile:
    """A file in both versions, with its name in each; a missing version has no name and no text."""

    old_name: str
    new_name: str
    old: Sequence[str]
    new: Sequence[str]
    pieces: tuple[ChangedLines, ...]

    @property
    def is_new(self) -> bool:
        """True if the old version does not have this file; two compared files have no names."""
        return bool(self.new_name) and not self.old_name

    def without(self, taken_back: Collection[int]) -> str:
        """Return the new text with the pieces of these numbers reverted."""
        text: list[str] = []
        at = 0
        for number, piece in enumerate(self.pieces):
            text += self.new[at : piece.new[0]]
            text += self.old[slice(*piece.old)] if number in taken_back else self.new[slice(*piece.new)]
            at = piece.new[1]
        return "".join([*text, *self.new[at:]])

    def line_of(self, piece: ChangedLines, names: Collection[str] = ()) -> tuple[int, bool]:
        """Return the line (counted from 1) to show for a piece, and True if it is in the old text: the first line of
        the block that contains one of ``names``, else the first line."""
        (first, end), lines, is_removed = piece.new, self.new, False
        if first == end or not any(map(_normalized, lines[first:end])):
            (first, end), lines, is_removed = piece.old, self.old, True
        relevant = [at for at in range(first, end) if _normalized(lines[at])]
        named = (at for at in relevant if any(re.search(rf"\b{re.escape(name)}\b", lines[at]) for name in names))
        at = next(named, relevant[0] if relevant else first)
        headers = [before for before in relevant if before <= at and lines[before][:1] not in _INSIDE]
        return (headers[-1] if headers else at) + 1, is_removed


def changed_file(old_name: str, new_name: str, old: Path | None, new: Path | None) -> ChangedFile | None:
    """Return a file with its changed pieces; None if it is not text, very large, or differs only in layout."""
    before, after = _lines(old), _lines(new)
    if before is None or after is None:
        return None
    pieces = tuple(_pieces(before, after))
    if not any(piece.is_meaningful for piece in pieces):
        return None
    return ChangedFile(old_name, new_name, before, after, pieces)


def _lines(path: Path | None) -> list[str] | None:
    if path is None:
        return []
    try:
        data = path.read_bytes() if path.stat().st_size <= _LARGEST else b"\xff"
        return _LINE.findall(data.decode("utf-8"))
    except (OSError, UnicodeDecodeError):
        return None


def _pieces(old: Sequence[str], new: Sequence[str]) -> Iterator[ChangedLines]:
    start = 0
    while start < min(len(old), len(new)) and old[start] == new[start]:
        start += 1
    left = 0
    while left < min(len(old), len(new)) - start and old[-1 - left] == new[-1 - left]:
        left += 1
    first, second = old[start : len(old) - left], new[start : len(new) - left]
    if max(len(first), len(second)) > _MOST_LINES:
        yield _piece(old, new, (start, len(old) - left), (start, len(new) - left))
        return
    for kind, a, b, c, d in difflib.SequenceMatcher(None, first, second, autojunk=False).get_opcodes():
        if kind == "equal":
            continue
        a, b, c, d = a + start, b + start, c + start, d + start
        if b - a == d - c:  # line for line
            yield from (_piece(old, new, (a + n, a + n + 1), (c + n, c + n + 1)) for n in range(b - a))
        else:
            yield _piece(old, new, (a, b), (c, d))


def _piece(old: Sequence[str], new: Sequence[str], before: tuple[int, int], after: tuple[int, int]) -> ChangedLines:
    meanings = [list(filter(None, map(_normalized, lines))) for lines in (old[slice(*before)], new[slice(*after)])]
    return ChangedLines(before, after, meanings[0] != meanings[1])


def _normalized(line: str) -> str:
    """Return a line without its layout; "" for a comment. A `#` within a line may be part of a string."""
    words = " ".join(line.split())
    return "" if words.startswith(("#", "//")) else words
