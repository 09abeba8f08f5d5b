"""Recursive descent over JSON text with the offset of every value; subclasses build the values.

The standard library's parser keeps no positions. Grammar: RFC 8259, but a string may contain a line break, and in
``templates`` an unresolved part may replace a value, a key, or a run of elements. A large text of which few positions
are needed is read by :mod:`passrole_checks.sources.files.json_positions` instead, with the standard library's scanner.
"""

from __future__ import annotations

import json
import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Generic, TypeVar

from passrole_checks.iam.lazy_regex import lazy_regex

PLACEHOLDER = "\ue000"
"""The character for an unresolved part in the text."""

_BLANKS = " \t\r\n\ufeff"
_NOT_BLANK = lazy_regex(f"[^{_BLANKS}]")
_STRING = lazy_regex(r'"([^"\\]*(?:\\.[^"\\]*)*)"', re.DOTALL)
_BARE = lazy_regex(r"[^\s,\]}\[{\":]+")
_Value = TypeVar("_Value")


class JsonParser(ABC, Generic[_Value]):
    """Parser of ``text`` from the offset ``place`` to ``end``. While a value is built, ``place`` is the offset of its
    end; offsets count characters.
    """

    max_depth = 64
    templates = False

    def __init__(self, text: str, place: int = 0, end: int | None = None) -> None:
        self.text, self.place, self.end = text, place, len(text) if end is None else end

    @abstractmethod
    def build_object(self, entries: Sequence[tuple[_Value, _Value]], start: int) -> _Value:
        """Return the object of these keys and values."""

    @abstractmethod
    def build_list(self, items: Sequence[_Value], start: int) -> _Value:
        """Return the list of these elements."""

    @abstractmethod
    def build_string(self, written: str, start: int) -> _Value:
        """Return the string that is written between quotes; :meth:`decode` resolves its escape sequences."""

    @abstractmethod
    def build_bare(self, word: str, start: int) -> _Value:
        """Return the number, boolean, null, or unresolved value."""

    @abstractmethod
    def error(self, reason: str, offset: int | None = None) -> Exception:
        """Return the error for a reason at an offset, by default the current one."""

    def document(self) -> _Value:
        """Return the value of the whole text. Raises ``self.error(…)`` for invalid text."""
        value = self.value(0)
        if self._peek():
            raise self.error("unexpected text after the end of the document")
        return value

    def value(self, depth: int) -> _Value:
        """Return the next value. ``depth``: the number of objects and lists around it.

        Raises ``self.error(…)`` for invalid text.
        """
        if depth > self.max_depth:
            raise self.error(f"nested more than {self.max_depth} levels deep")
        char = self._peek()
        if char == "{":
            return self._object(depth)
        if char == "[":
            return self._list(depth)
        return self._string() if char == '"' else self._bare()

    def decode(self, written: str, start: int) -> str:
        """Return the text of a string, or of a part of one, that starts at an offset.

        Raises ``self.error(…)`` for an invalid escape sequence.
        """
        if "\\" not in written:
            return written
        try:
            return str(json.loads(f'"{written}"', strict=False))
        except ValueError:
            raise self.error("invalid escape sequence in a string", start) from None

    def _peek(self) -> str:
        """Skip blanks, and return the next character; "" at the end."""
        if self.place < self.end and (char := self.text[self.place]) not in _BLANKS:
            return char
        match = _NOT_BLANK.search(self.text, self.place, self.end)
        self.place = match.start() if match else self.end
        return match[0] if match else ""

    def _object(self, depth: int) -> _Value:
        start, entries = self.place, list[tuple[_Value, _Value]]()
        self.place += 1
        while (char := self._peek()) != "}":
            if char == PLACEHOLDER and self.templates:
                unresolved = self._bare()
                entries.append((unresolved, unresolved))
                self._separator("}", required=False)
                continue
            if char != '"':
                raise self.error("expected a key in double quotes")
            key = self._string()
            if self._peek() != ":":
                raise self.error("expected a colon after the key")
            self.place += 1
            entries.append((key, self.value(depth + 1)))
            self._separator("}")
        self.place += 1
        return self.build_object(entries, start)

    def _list(self, depth: int) -> _Value:
        start, items = self.place, list[_Value]()
        self.place += 1
        while (char := self._peek()) != "]":
            items.append(self.value(depth + 1))
            self._separator("]", required=char != PLACEHOLDER or not self.templates)
        self.place += 1
        return self.build_list(items, start)

    def _separator(self, closing: str, *, required: bool = True) -> None:
        char = self._peek()
        if char == ",":
            comma = self.place
            self.place += 1
            if self._peek() == closing:
                self.place = comma
                raise self.error(f"trailing comma before '{closing}'")
        elif char == PLACEHOLDER and self.templates:
            return  # an unresolved run of elements may include its own comma
        elif char != closing and required:
            raise self.error(
                f"expected a comma or '{closing}'" if char else f"unexpected end of text before '{closing}'"
            )

    def _string(self) -> _Value:
        match = _STRING.match(self.text, self.place, self.end)
        if match is None:
            raise self.error("a string has no closing quote")
        start, self.place = self.place, match.end()
        return self.build_string(match[1], start)

    def _bare(self) -> _Value:
        match = _BARE.match(self.text, self.place, self.end)
        if match is None:
            raise self.error("expected a value" if self.place < self.end else "unexpected end of text")
        start, self.place = self.place, match.end()
        return self.build_bare(match[0], start)
