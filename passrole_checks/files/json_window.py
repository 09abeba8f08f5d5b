"""Decode the values of a JSON text one by one while it is read, in bounded memory."""

from __future__ import annotations

import codecs
import json
from collections.abc import Callable, Iterator
from typing import Any

PIECE = 1 << 20
LARGEST_VALUE = 16 << 20  # characters

_DECODER = json.JSONDecoder()
_BLANKS = " \t\r\n"


class TooLargeValueError(ValueError):
    """A value of more than :data:`LARGEST_VALUE` characters, or a text that is not JSON from there on."""


def decoded_pieces(read: Callable[[int], bytes], errors: str = "strict") -> Iterator[str]:
    """Yield a text in UTF-8 piece by piece, without its byte order mark.

    Raises UnicodeDecodeError, after all text before the error, unless ``errors`` is another handler of codecs; and what
    ``read`` raises.
    """
    decoder = codecs.getincrementaldecoder("utf-8-sig")(errors)
    while data := read(PIECE):
        try:
            yield decoder.decode(data)
        except UnicodeDecodeError as error:
            yield error.object[: error.start].decode("utf-8-sig", "replace")
            raise
    yield decoder.decode(b"", final=True)


class JsonWindow:
    """The part of a text that was read and not yet decoded.

    ``text`` is that part, ``at`` the offset of the next value in it, ``start`` the offset of the last decoded value.
    """

    def __init__(self, pieces: Iterator[str]) -> None:
        self._pieces = pieces
        self.text, self.at, self.start, self.ended = "", 0, 0, False
        self._mark, self._line, self._column = 0, 1, 1  # of the last position asked for

    def more(self) -> bool:
        """Read more text and drop what is before ``at``; False at the end."""
        if self.ended:
            return False
        piece = next(filter(None, self._pieces), "")
        self.line_and_column(self.at)
        self.ended = not piece
        self.text = self.text[self.at :] + piece
        self._mark = self.at = 0
        return True

    def peek(self, blanks: str = _BLANKS) -> str:
        """Move ``at`` to the next character that is not blank, and return it; "" at the end."""
        while True:
            text, at = self.text, self.at
            while at < len(text) and text[at] in blanks:
                at += 1
            self.at = at
            if at < len(text):
                return text[at]
            if not self.more():
                return ""

    def decode(self) -> Any:
        """Return the value at ``at``, and move behind it.

        Raises json.JSONDecodeError with an offset in ``text``, another ValueError for a number that is too long,
        :class:`TooLargeValueError`, or RecursionError.
        """
        while True:
            try:
                value, end = _DECODER.raw_decode(self.text, self.at)
            except ValueError:
                if len(self.text) - self.at > LARGEST_VALUE:
                    raise TooLargeValueError from None
                if not self.more():
                    raise
                continue
            if end < len(self.text) or not self.more():  # else a number may go on
                self.start, self.at = self.at, end
                return value

    def line_and_column(self, offset: int) -> tuple[int, int]:
        """Return line and column, 1-based, of an offset in ``text``; not before the last one asked for."""
        count = self.text.count("\n", self._mark, offset)
        if count:
            self._line += count
            self._column = offset - self.text.rindex("\n", self._mark, offset)
        else:
            self._column += offset - self._mark
        self._mark = offset
        return self._line, self._column
