"""Locate the mistake in HCL that does not parse.

A parser stops where the text can no longer be valid, often far from the mistake. This module finds unclosed quotes,
brackets and heredocs, attributes without a value, and lines that start no item, by the layout alone. If the layout is
correct, it parses each attribute separately.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.sources.terraform.reading.source import SourceText

_CODE = lazy_regex(
    rb'\n|\r(?!\n)|"|#|//|/\*|<<-?(?P<mark>[A-Za-z_\x80-\xff][\w.\x80-\xff-]*)[ \t]*\r?\n|[{}()\[\]]'
    rb"|(?<![=!<>])=(?![=>])[ \t]*(?:(?:#|//)[^\n]*)?\r?(?P<bare>(?=\n)|$)"
)
_NAME = rb"[A-Za-z_\x80-\xff][\w\x80-\xff-]*"
_HEADER = lazy_regex(rb"[ \t]*" + _NAME + rb'(?:[ \t]+(?:"[^"\n]*"|' + _NAME + rb"))*[ \t]*")
_LINE = lazy_regex(
    rb"[ \t]*(?:" + _NAME + rb"[ \t]*(?P<equals>=)(?!=)|" + _HEADER.pattern + rb"\{|[}#]|//|/\*|\r?(?:\n|$))"
)
_STRING = lazy_regex(rb'\\.|\$\$\{|%%\{|\$\{|%\{|"|\n', re.DOTALL)
_PAIRS = {b")": b"(", b"]": b"[", b"}": b"{"}
_MAX_LINES = 2000  # of a part whose attributes are parsed separately
_MAX_QUOTED = 40  # characters of the text that a message quotes
_BLANKS = lazy_regex(rb"[ \t]*")
_LONE = lazy_regex(rb"\r(?!\n)")
_HIDDEN = lazy_regex(rb"\r[ \t]*[^\s]")

_QUOTED_NAME = lazy_regex(rb'"([^"\n$%\\]+)"(?=[ \t]*=(?!=))')
_MAX_QUOTED_NAMES = 100  # in one file

UNCLOSED_INTERPOLATION = ": unclosed interpolation"
STRAY_BRACKET = ": unmatched closing bracket"
LONE_RETURN = ": carriage return without a line feed"


def diagnose(
    source: SourceText, start: int, end: int, error: int, error_in: Callable[[int, int], int | None]
) -> tuple[int, str]:
    """Return the offset of the mistake between two offsets, and its description (the end of a message).

    ``error``: offset where the parser stopped. ``error_in``: returns the offset where the parser stops between two
    offsets, or None if they parse.
    """
    scanner = _LayoutScanner(source.data, start, end)
    problem = scanner.first_problem()
    if problem is not None and problem[1] != STRAY_BRACKET:
        return problem[0], problem[1] or nearby_text(source, problem[0])
    lines = scanner.lines if len(scanner.lines) <= _MAX_LINES else []
    for begin, after in pairwise([*lines, end if problem is None else problem[0]]):
        if begin in scanner.attributes and (offset := error_in(begin, after)) is not None:
            part = source.data[begin:after]
            if offset >= begin + len(part.rstrip()):  # the attribute ends too early
                offset = begin + len(part) - len(part.lstrip())
            return offset, nearby_text(source, offset)
    if problem is None or error < problem[0]:
        return error, nearby_text(source, error)
    return problem


def is_incomplete(source: SourceText, start: int, end: int) -> bool:
    """True if the only problem between two offsets is an unclosed item, which more text could fix."""
    scanner = _LayoutScanner(source.data, start, end)
    return scanner.first_problem() is not None and scanner.offset >= end


def without_quoted_names(source: SourceText) -> SourceText | None:
    """Return the text with plain names of attributes where they are quoted, at the same offsets; None if none are.

    Terraform before 0.12 accepts them (HCL 1, "Syntax": a key is an identifier or a string).
    """
    data = source.data
    for _ in range(_MAX_QUOTED_NAMES):
        problem = _LayoutScanner(data, 0, len(data)).first_problem()
        match = _QUOTED_NAME.match(data, problem[0]) if problem is not None else None
        if match is None:
            break
        data = data[: match.start()] + _plain_name(match[1]) + data[match.end() :]
    return replace(source, data=data) if data is not source.data else None


def _plain_name(name: bytes) -> bytes:
    """Return an attribute name of the length of a quoted one: the same name if it is valid."""
    if re.fullmatch(_NAME, name):
        return b" " + name + b" "
    return b"_" + re.sub(rb"[^\w-]", b"_", name) + b"_"


def find_lone_return(source: SourceText) -> int | None:
    """Return the offset of the first carriage return used as a line break, in a file that parses; None if none."""
    if b"\r" not in source.data or _LONE.search(source.data) is None:
        return None
    problem = _LayoutScanner(source.data, 0, len(source.data)).first_problem()
    return problem[0] if problem is not None and problem[1] == LONE_RETURN else None


class _LayoutScanner:
    """Scanner that recognizes only brackets, strings, heredocs and comments.

    A problem is an offset and a description; an empty description stands for the text at the offset.
    """

    def __init__(self, data: bytes, start: int, end: int) -> None:
        self.data, self.offset, self.end = data, start, end
        self.open: list[tuple[bytes, int, int]] = []  # bracket (``"`` for an interpolation), offset, indentation
        self.begin = start  # of the current line
        self.bodies: set[int] = set()  # offsets of braces that open the body of a block
        self.lines: list[int] = []  # offsets of lines in a body or at the top level
        self.attributes: set[int] = set()  # those that start an attribute
        self.suspect: int | None = None  # offset of a brace whose closing brace is indented less

    def first_problem(self) -> tuple[int, str] | None:
        problem = self.line(self.offset)
        if problem is not None:
            return problem
        while (match := _CODE.search(self.data, self.offset, self.end)) is not None:
            problem = self.token(match)
            if problem is not None:
                return problem
        if not self.open:
            return None
        offset = self.suspect if self.suspect is not None else self.open[-1][1]
        bracket = self.data[offset : offset + 1].decode()
        return offset, f": unclosed '{bracket}'" if bracket in "{[(" else UNCLOSED_INTERPOLATION

    def token(self, match: re.Match[bytes]) -> tuple[int, str] | None:
        token, begin, self.offset = match.group(), match.start(), match.end()
        if token == b"\n":
            return self.line(match.end())
        if token == b"\r":
            return begin, LONE_RETURN
        if token == b'"':
            return self.string(begin)
        if token in (b"#", b"//"):
            self.skip(b"\n", 0)
            lone = _HIDDEN.search(self.data, begin, self.offset)
            if lone is not None:  # it does not end the comment, which swallows the rest
                return lone.start(), LONE_RETURN
        elif token == b"/*":
            if self.data.find(b"*/", self.offset, self.end) < 0:
                self.offset = self.end
                return begin, ": unclosed comment"
            self.skip(b"*/", 2)
            self.begin = max(self.begin, self.data.rfind(b"\n", begin, self.offset) + 1)
        elif match["mark"]:
            closing = re.compile(rb"^[ \t]*" + re.escape(match["mark"]) + rb"[ \t]*\r?$", re.MULTILINE)
            last = closing.search(self.data, self.offset, self.end)
            if last is None:
                self.offset = self.end
                return (
                    begin,
                    f": heredoc without its end marker '{match['mark'].decode('utf-8', 'replace')[:_MAX_QUOTED]}'",
                )
            self.offset = last.end()
        elif match["bare"] is not None:
            if not self.open or self.open[-1][0] == b"{":
                return begin, ": attribute without a value"
        elif token in b"{[(":
            self.open.append((token, begin, self.indent()))
            if token == b"{" and _HEADER.fullmatch(self.data, self.begin, begin) is not None:
                self.bodies.add(begin)
        else:
            return self.close(token, begin)
        return None

    def line(self, begin: int) -> tuple[int, str] | None:
        """Record a line of a body. Returns a problem unless it starts an attribute or block, ends one, or is a
        comment."""
        self.begin = begin
        if self.open and self.open[-1][1] not in self.bodies:
            return None
        match = _LINE.match(self.data, begin, self.end)
        if match is None:
            return begin + self.indent(), ""
        self.lines.append(begin)
        if match["equals"]:
            self.attributes.add(begin)
        return None

    def skip(self, mark: bytes, length: int) -> None:
        offset = self.data.find(mark, self.offset, self.end)
        self.offset = self.end if offset < 0 else offset + length

    def close(self, token: bytes, begin: int) -> tuple[int, str] | None:
        if not self.open:
            return begin, STRAY_BRACKET
        kind, offset, indent = self.open.pop()
        if kind == b'"':  # end of an interpolation; its string continues
            return self.string(offset) if token == b"}" else (offset, UNCLOSED_INTERPOLATION)
        if kind != _PAIRS[token]:
            if token == b"}" or any(other == _PAIRS[token] for other, _, _ in self.open):
                return offset, f": unclosed '{kind.decode()}'"
            return begin, STRAY_BRACKET
        if token == b"}" and self.suspect is None and self.begin + self.indent() == begin and self.indent() < indent:
            self.suspect = offset
        return None

    def indent(self) -> int:
        match = _BLANKS.match(self.data, self.begin)
        return len(match.group()) if match is not None else 0

    def string(self, begin: int) -> tuple[int, str] | None:
        """Continue in the string that opened at ``begin``, to its end or into an interpolation."""
        while (match := _STRING.search(self.data, self.offset, self.end)) is not None:
            token, self.offset = match.group(), match.end()
            if token == b'"':
                return None
            if token in (b"${", b"%{"):
                self.open.append((b'"', begin, 0))
                return None
            if token == b"\n" or token == b"\\\n":
                break
        return begin, ": unclosed string"


def nearby_text(source: SourceText, offset: int) -> str:
    """Return the text at an offset as the end of a message; empty at the end of a line."""
    end = source.data.find(b"\n", offset)
    words = source.text(offset, min(end if end >= 0 else len(source.data), offset + 4 * _MAX_QUOTED)).split()
    return f" near '{' '.join(words)[:_MAX_QUOTED]}'" if words else ""
