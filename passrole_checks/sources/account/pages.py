"""Read the output of ``aws iam get-account-authorization-details`` piece by piece.

Accepted are one page, several after each other, or a list of them, as paginated calls write. Elements of the lists are
decoded one at a time: a file of 500 MB needs no more memory than its largest element.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from passrole_checks.files.json_window import JsonWindow, TooLargeValueError
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.sources.files.json_positions import Json, syntax_error_reason

KINDS = {"UserDetailList": "user", "GroupDetailList": "group", "RoleDetailList": "role", "Policies": "policy"}
"""The lists of a page, with the kind of their entities."""


class BrokenPagesError(ValueError):
    """Raised for text that is not JSON, or that is no page. ``line``: where; ``reason``: a phrase."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(reason)
        self.line, self.reason = line, reason


@dataclass(frozen=True, slots=True)
class Value:
    """A value of a page: an element of one of its lists, or the value of another key.

    ``page``: its number, from 1. ``is_list``: the list itself, before its elements; it has no value. ``text``: as
    written, for elements only.
    """

    page: int
    key: str
    value: Json
    text: str
    line: int
    column: int
    is_list: bool = False


class Pages:
    """The values of all pages in a file."""

    def __init__(self, pieces: Iterator[str]) -> None:
        self._window, self._page_number = JsonWindow(pieces), 0

    def values(self) -> Iterator[Value]:
        """Yield the values in the order of the file. Raises :class:`BrokenPagesError` after the last one that can be
        read."""
        try:
            yield from self._values()
        except UnicodeDecodeError:
            raise BrokenPagesError(self._line(), "not UTF-8 text") from None

    def _values(self) -> Iterator[Value]:
        window = self._window
        in_list = window.peek() == "["
        window.at += in_list
        while (char := window.peek()) and not (in_list and char == "]"):
            if char != "{":
                raise self._error("an object is expected")
            yield from self._page()
            if in_list and window.peek() != "]":
                self._skip(",", "a comma or ']' is expected")
        if in_list:
            self._skip("]", "a comma or ']' is expected")
            if window.peek():
                raise self._error("more text after the end of the list")

    def _page(self) -> Iterator[Value]:
        """Yield the values of the page at the current place."""
        window = self._window
        self._page_number += 1
        window.at += 1
        if window.peek() == "}":
            window.at += 1
            return
        while True:
            if window.peek() != '"':
                raise self._error("a key in double quotes is expected")
            key = str(self._decode())
            window.peek()
            self._skip(":", "a colon is expected")
            opening = window.peek()
            if key in KINDS and opening == "[":
                at = window.line_and_column(window.at)
                yield Value(self._page_number, key, None, "", *at, is_list=True)
                yield from self._elements(key)
            else:
                yield self._value(key, with_text=False)
            if window.peek() == "}":
                window.at += 1
                return
            self._skip(",", "a comma or '}' is expected")

    def _elements(self, key: str) -> Iterator[Value]:
        """Yield the elements of the list at the current place."""
        window = self._window
        window.at += 1
        if window.peek() != "]":
            yield self._value(key, with_text=True)
            while window.peek() != "]":
                self._skip(",", "a comma or ']' is expected")
                window.peek()
                yield self._value(key, with_text=True)
        window.at += 1

    def _value(self, key: str, *, with_text: bool) -> Value:
        window, value = self._window, self._decode()
        text = window.text[window.start : window.at] if with_text else ""
        return Value(self._page_number, key, value, text, *window.line_and_column(window.start))

    def _skip(self, char: str, reason: str) -> None:
        if self._window.peek() != char:
            raise self._error(reason)
        self._window.at += 1

    def _decode(self) -> Json:
        window = self._window
        try:
            return window.decode()
        except json.JSONDecodeError as error:
            reason = syntax_error_reason(window.text, error.pos, error.msg)
            window.at = error.pos
            raise BrokenPagesError(self._line(), reason) from None
        except TooLargeValueError:
            raise BrokenPagesError(self._line(), "a value larger than 16 MB, or not JSON") from None
        except RecursionError:
            raise BrokenPagesError(self._line(), "nested too deeply") from None
        except UnicodeDecodeError:
            raise
        except ValueError:  # an integer with more digits than Python accepts
            raise BrokenPagesError(self._line(), "a number is too long") from None

    def _error(self, reason: str) -> BrokenPagesError:
        window = self._window
        return BrokenPagesError(self._line(), syntax_error_reason(window.text, window.at, reason))

    def _line(self) -> int:
        return self._window.line_and_column(self._window.at)[0]
