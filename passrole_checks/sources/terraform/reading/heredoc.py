"""Find the interpolations and directives of a template, for a reader that leaves a heredoc as one token.

Source: HCL Native Syntax Specification, "Template Expressions".
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.lazy_regex import lazy_regex

_OPEN = lazy_regex(r"\$\$\{?|%%\{?|\$\{|%\{")  # HCL reads the signs in pairs: ``$$${x}`` is ``$$`` and ``${x}``
_WORD = lazy_regex(r"\s*(if|else|endif|for|endfor)\b\s*")
_FOR = lazy_regex(r"\s*([^\W\d][\w-]*)\s*(?:,\s*([^\W\d][\w-]*)\s*)?in\b\s*")
_INSIDE = lazy_regex(r'["{}#]|//|/\*|<<-?[A-Za-z_]')
_STRING = lazy_regex(r'\\.|\$\$\{|%%\{|\$\{|%\{|"', re.DOTALL)


@dataclass(frozen=True, slots=True)
class TemplateSequence:
    """A ``${ ... }`` or ``%{ ... }`` with the offsets of its expression (an empty range if it has none).

    ``word``: keyword of a directive, ``?`` if unknown, empty for an interpolation. ``key`` and ``value``: variables of
    ``for``.
    """

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
    """Yield the template sequences between two offsets, in order, up to the first unclosed one."""
    offset = start
    while (match := _OPEN.search(text, offset, end)) is not None:
        offset = match.end()
        if match.group()[:2] in ("$$", "%%"):
            continue
        close = _find_closing_brace(text, offset, end)
        if close is None:
            return
        yield _sequence(text, match.start(), offset, close, directive=match.group() == "%{")
        offset = close + 1


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


def _find_closing_brace(text: str, start: int, end: int) -> int | None:
    """Return the offset of the brace that closes an expression, skipping strings and comments; None if unclosed."""
    depth = 0
    offset = start
    while (match := _INSIDE.search(text, offset, end)) is not None:
        token, offset = match.group(), match.end()
        if token == "{":
            depth += 1
        elif token == "}":
            if not depth:
                return match.start()
            depth -= 1
        elif token == '"':
            after = _find_string_end(text, offset, end)
            if after is None:
                return None
            offset = after
        elif token in ("#", "//"):
            newline = text.find("\n", offset, end)
            if newline < 0:
                return None
            offset = newline
        elif token == "/*":
            comment_end = text.find("*/", offset, end)
            if comment_end < 0:
                return None
            offset = comment_end + 2
    return None


def _find_string_end(text: str, start: int, end: int) -> int | None:
    """Return the offset after the closing quote of a string, skipping its interpolations; None if unclosed."""
    interpolations = 0
    offset = start
    while (match := _STRING.search(text, offset, end)) is not None:
        token, offset = match.group(), match.end()
        if token == '"':
            return offset
        if token in ("${", "%{"):
            interpolations += 1
            if interpolations > 1000:
                return None
            close = _find_closing_brace(text, offset, end)
            if close is None:
                return None
            offset = close + 1
    return None
