"""Convert positions between files as read here and the protocol.

Source: Language Server Protocol 3.17, "Position" (a line ends with a line feed, a carriage return, or both; a character
offset counts the units of the negotiated encoding, UTF-16 by default).
"""

from __future__ import annotations

from bisect import bisect_right
from functools import cached_property

from lsprotocol import types

from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.iam.values.nodes import Position
from passrole_checks.suggest.verify import offset_of

_LINE_END = lazy_regex(r"\r\n|\n|\r")


class TextPositions:
    """The positions in one text. ``encoding``: what the client counts characters in."""

    def __init__(self, text: str, encoding: str = types.PositionEncodingKind.Utf16) -> None:
        self.text, self.encoding = text, encoding

    @cached_property
    def _starts(self) -> list[int]:
        return [0, *(match.end() for match in _LINE_END.finditer(self.text))]

    @cached_property
    def _is_ascii(self) -> bool:
        return self.text.isascii()

    def _units(self, text: str) -> int:
        """Return the length of a text in units of the encoding."""
        if self._is_ascii or self.encoding == types.PositionEncodingKind.Utf32:
            return len(text)
        if self.encoding == types.PositionEncodingKind.Utf8:
            return len(text.encode("utf-8", "surrogatepass"))
        return len(text) + sum(character > "\uffff" for character in text)

    def at_offset(self, offset: int) -> types.Position:
        """Return the position of an offset in characters."""
        offset = min(max(offset, 0), len(self.text))
        line = bisect_right(self._starts, offset) - 1
        return types.Position(line, self._units(self.text[self._starts[line] : offset]))

    def offset(self, position: types.Position) -> int:
        """Return the offset of a position; one behind the end of a line or of the text is that end."""
        number: int = position.line
        wanted: int = position.character
        if number >= len(self._starts):
            return len(self.text)
        start = self._starts[number]
        last = number + 1 == len(self._starts)
        line = self.text[start:] if last else self.text[start : self._starts[number + 1]].rstrip("\r\n")
        if self._is_ascii or self.encoding == types.PositionEncodingKind.Utf32:
            return start + min(wanted, len(line))
        units = 0
        for index, character in enumerate(line):
            if units >= wanted:
                return start + index
            units += self._units(character)
        return start + len(line)

    def range(self, start: int, end: int) -> types.Range:
        """Return the range between two offsets."""
        return types.Range(self.at_offset(start), self.at_offset(end))

    def span(self, at: Position) -> tuple[int, int]:
        """Return the offsets of a position of a file as read here; without an end, to the end of its line."""
        start = min(offset_of(self.text, max(at.line, 1), max(at.column, 1)), len(self.text))
        if at.end_line and (at.end_line, at.end_column) > (at.line, at.column):
            return start, max(min(offset_of(self.text, at.end_line, max(at.end_column, 1)), len(self.text)), start)
        end = self.text.find("\n", start)
        line = self.text[start : end if end >= 0 else len(self.text)]
        return start, start + len(line.rstrip())

    def range_of(self, at: Position) -> types.Range:
        """Return the range of a position of a file as read here."""
        return self.range(*self.span(at))
