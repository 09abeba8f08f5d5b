"""Text of one file: decoding, and conversion between offsets and positions."""

from __future__ import annotations

import re
from bisect import bisect_right
from functools import cached_property
from itertools import accumulate

from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.values.nodes import Node, Position

_BOM = b"\xef\xbb\xbf"
_ARCHIVE = b"PK\x03\x04"  # what ``terraform plan -out`` writes is a ZIP archive
_GIT_CRYPT = b"\0GITCRYPT\0"
_ENCODINGS = (
    (re.compile(rb"\xff\xfe\0\0|\0\0\xfe\xff"), "UTF-32"),
    (re.compile(rb"\xff\xfe|\xfe\xff|[^\0]\0[^\0]\0|\0[^\0]\0[^\0]"), "UTF-16"),
)


class NotText(ValueError):
    """Raised for content that is not UTF-8 text. ``line``: line of the first invalid byte."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(reason)
        self.line, self.reason = line, reason


@dataclass(frozen=True)
class SourceText:
    """Content of a file (valid UTF-8 without NUL bytes) and the file name used in positions.

    ``first_line`` and ``first_column`` shift every position, for text that is part of a larger file.
    """

    file: str
    data: bytes
    first_line: int = 1
    first_column: int = 1

    @staticmethod
    def of(file: str, data: bytes) -> SourceText:
        """Return the text of a file without its byte order mark. Raises :class:`NotText`."""
        if data.startswith(_BOM):
            data = data[len(_BOM) :]
        if data.startswith(_ARCHIVE):
            raise NotText(1, "ZIP archive; convert a plan with `terraform show -json`")
        if data.startswith(_GIT_CRYPT):
            raise NotText(1, "encrypted with git-crypt; run `git-crypt unlock`")
        for beginning, name in _ENCODINGS:
            if beginning.match(data):
                raise NotText(1, f"not UTF-8 text but {name}")
        nul = data.find(b"\0")
        if nul >= 0:
            raise NotText(data.count(b"\n", 0, nul) + 1, "not a text file: contains a NUL byte")
        try:
            data.decode("utf-8")
        except UnicodeDecodeError as error:
            raise NotText(data.count(b"\n", 0, error.start) + 1, "not UTF-8 text") from None
        return SourceText(file, data)

    def of_file(self, file: str) -> SourceText:
        """Return the same text as that of another file."""
        other = SourceText(file, self.data, self.first_line, self.first_column)
        shared = {name: value for name, value in vars(self).items() if name in ("_ascii", "_line_starts", "_excerpts")}
        vars(other).update(shared)
        return other

    @cached_property
    def _ascii(self) -> bool:
        return self.data.isascii()

    @property
    def plain(self) -> bool:
        """True if byte offsets equal character offsets and no position is shifted."""
        return self._ascii and (self.first_line, self.first_column) == (1, 1)

    @cached_property
    def _line_starts(self) -> list[int]:
        ends = enumerate(accumulate(map(len, self.data.split(b"\n"))), 1)
        return [0, *(length + number for number, length in ends)][:-1]

    def line_column(self, offset: int) -> tuple[int, int]:
        """Return the line and column, in characters, of a byte offset."""
        line = bisect_right(self._line_starts, offset)
        start = self._line_starts[line - 1]
        before = offset - start if self._ascii else len(self.data[start:offset].decode("utf-8", "replace"))
        column = before + 1
        return line + self.first_line - 1, column + self.first_column - 1 if line == 1 else column

    def span(self, start: int, end: int) -> tuple[int, int, int, int]:
        """Return the lines and columns of two byte offsets; ``end`` must not be less than ``start``."""
        if not self.plain:
            return *self.line_column(start), *self.line_column(end)
        starts = self._line_starts
        line = bisect_right(starts, start)
        end_line = bisect_right(starts, end, line - 1)
        return line, start - starts[line - 1] + 1, end_line, end - starts[end_line - 1] + 1

    def text(self, start: int, end: int) -> str:
        """Return the text between two byte offsets."""
        return self.data[start:end].decode("utf-8", "replace")

    def excerpt(self, line: int, column: int, end_line: int, end_column: int, limit: int = 120) -> str:
        """Return the text between two positions on one line, whitespace collapsed, cut to ``limit`` characters."""
        key = (line, column, end_line, end_column, limit)
        if key not in self._excerpts:
            start, end = self.offset(line, column), self.offset(end_line, end_column)
            text = " ".join(self.text(start, min(end, start + 8 * limit)).split())
            self._excerpts[key] = text if len(text) <= limit else text[: limit - 1] + "…"
        return self._excerpts[key]

    @cached_property
    def _excerpts(self) -> dict[tuple[int, int, int, int, int], str]:
        return {}

    def offset(self, line: int, column: int) -> int:
        """Return the byte offset of a line and column."""
        line -= self.first_line - 1
        if line == 1:
            column -= self.first_column - 1
        starts = self._line_starts
        if not 1 <= line <= len(starts):
            return len(self.data)
        start = starts[line - 1]
        if self._ascii:
            return min(start + column - 1, len(self.data))
        end = starts[line] if line < len(starts) else len(self.data)
        return start + len(self.data[start:end].decode("utf-8", "replace")[: column - 1].encode())

    def place(self, span: tuple[int, int, int, int]) -> slice:
        """Return the byte offsets of a span."""
        line, column, end_line, end_column = span
        return slice(self.offset(line, column), self.offset(end_line, end_column))

    def position(self, span: tuple[int, int, int, int]) -> Position:
        """Return the position of a span of this file."""
        position = self._positions.get(span)
        if position is None:
            position = self._positions[span] = Position(self.file, *self._clip(span))
        return position

    def _clip(self, span: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
        """Return the part of a span that lies in this text. A reader may wrap the text in lines of its own."""
        line, column, end_line, end_column = span
        last = self.first_line + len(self._line_starts) - 1
        if line < self.first_line:
            line, column = self.first_line, self.first_column
        if end_line > last:
            end_line, end_column = self.line_column(len(self.data))
        return min(line, end_line), column, end_line, end_column

    @cached_property
    def literals(self) -> dict[int, tuple[object, Node]]:
        """The literals of this text that were evaluated, with their values, by the identity of their expressions."""
        return {}

    @cached_property
    def _positions(self) -> dict[tuple[int, int, int, int], Position]:
        return {}
