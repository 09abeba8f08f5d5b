"""Where the interpolations and directives of a template begin and end, for a reader that leaves them in one token.

Source: HCL Native Syntax Specification, "Template Expressions".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_OPEN = re.compile(r"\$\$\{?|%%\{?|\$\{|%\{")  # HCL takes signs in pairs: ``$$${x}`` is ``$$`` and ``${x}``
_WORD = re.compile(r"\s*(if|else|endif|for|endfor)\b\s*")
_FOR = re.compile(r"\s*([^\W\d][\w-]*)\s*(?:,\s*([^\W\d][\w-]*)\s*)?in\b\s*")
_INSIDE = re.compile(r'["{}#]|//|/\*|<<-?[A-Za-z_]')
_STRING = re.compile(r'\\.|\$\$\{|%%\{|\$\{|%\{|"', re.DOTALL)


@dataclass(frozen=True, slots=True)
class TemplateSequence:
    """A ``${ ... }`` or ``%{ ... }`` and where its expression stands (an empty range where it has none)."""

    start: int
    end: int
    word: str
    expression_start: int
    expression_end: int
    key: str | None
    value: str
    trim_left: bool
    trim_right: bool


def scan_sequences(text: str, start: int, end: int) -> Iterator[TemplateSequence]:
    """The sequences of a template, in order. One that does not close ends the scan."""
    place = start
    while (match := _OPEN.search(text, place, end)) is not None:
        place = match.end()
        if match.group()[:2] in ("$$", "%%"):
            continue
        close = _find_closing_brace(text, place, end)
        if close is None:
            return
        yield _sequence(text, match.start(), place, close, directive=match.group() == "%{")
        place = close + 1


def _sequence(text: str, start: int, inner: int, close: int, *, directive: bool) -> TemplateSequence:
    trim_left, trim_right = text[inner] == "~", close > inner and text[close - 1] == "~"
    first, last = inner + trim_left, close - trim_right
    word, key, value = "", None, ""
    if directive:
        match = _WORD.match(text, first, last)
        word = match.group(1) if match is not None else "?"
        first = match.end() if match is not None else first
        loop = _FOR.match(text, first, last) if word == "for" else None
        if loop is not None:
            key, value = (loop.group(1), loop.group(2)) if loop.group(2) else (None, loop.group(1))
            first = loop.end()
    if not text[first:last].strip():
        last = first
    return TemplateSequence(start, close + 1, word, first, last, key, value, trim_left, trim_right)


def _find_closing_brace(text: str, place: int, end: int) -> int | None:
    """The brace that closes an expression, strings and comments inside it passed over."""
    depth = 0
    while (match := _INSIDE.search(text, place, end)) is not None:
        found, place = match.group(), match.end()
        if found == "{":
            depth += 1
        elif found == "}":
            if not depth:
                return match.start()
            depth -= 1
        elif found == '"':
            after = _find_string_end(text, place, end)
            if after is None:
                return None
            place = after
        elif found in ("#", "//"):
            line = text.find("\n", place, end)
            if line < 0:
                return None
            place = line
        elif found == "/*":
            closed = text.find("*/", place, end)
            if closed < 0:
                return None
            place = closed + 2
    return None


def _find_string_end(text: str, place: int, end: int) -> int | None:
    """The place behind the quote that closes a string, interpolations inside it passed over."""
    pending = 0  # strings inside interpolations inside strings are few; each is followed by itself
    while (match := _STRING.search(text, place, end)) is not None:
        found, place = match.group(), match.end()
        if found == '"':
            return place
        if found in ("${", "%{"):
            pending += 1
            if pending > 1000:
                return None
            close = _find_closing_brace(text, place, end)
            if close is None:
                return None
            place = close + 1
    return None
