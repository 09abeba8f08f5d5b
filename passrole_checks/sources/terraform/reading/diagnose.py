"""Where a person would look in a piece of HCL that does not parse.

A parser stops where the text can no longer be right, often far from the mistake. Quotes, brackets and heredocs that do
not close, attributes without a value, and lines that begin nothing are found here by the layout; where all of that is
in order, each attribute is parsed by itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import pairwise

from passrole_checks.sources.terraform.reading.source import SourceText

_CODE = re.compile(
    rb'\n|\r(?!\n)|"|#|//|/\*|<<-?(?P<mark>[A-Za-z_\x80-\xff][\w.\x80-\xff-]*)[ \t]*\r?\n|[{}()\[\]]'
    rb"|(?<![=!<>])=(?![=>])[ \t]*(?:(?:#|//)[^\n]*)?\r?(?P<bare>(?=\n)|$)"
)
_NAME = rb"[A-Za-z_\x80-\xff][\w\x80-\xff-]*"
_HEADER = re.compile(rb"[ \t]*" + _NAME + rb'(?:[ \t]+(?:"[^"\n]*"|' + _NAME + rb"))*[ \t]*")
_LINE = re.compile(
    rb"[ \t]*(?:" + _NAME + rb"[ \t]*(?P<equals>=)(?!=)|" + _HEADER.pattern + rb"\{|[}#]|//|/\*|\r?(?:\n|$))"
)
_STRING = re.compile(rb'\\.|\$\$\{|%%\{|\$\{|%\{|"|\n', re.DOTALL)
_PAIRS = {b")": b"(", b"]": b"[", b"}": b"{"}
_MAX_LINES = 2000  # in which attributes are parsed one by one
_MAX_QUOTED = 40  # characters that are shown of the text at the place


_BLANKS = re.compile(rb"[ \t]*")
_LONE = re.compile(rb"\r(?!\n)")
_HIDDEN = re.compile(rb"\r[ \t]*[^\s]")

STRAY_BRACKET = ": a bracket that closes nothing"
LONE_RETURN = ": a carriage return without a line feed, which ends no line"


def diagnose(
    source: SourceText, start: int, end: int, error: int, error_in: Callable[[int, int], int | None]
) -> tuple[int, str]:
    """The offset and the description of what is wrong between two offsets.

    ``error`` is where the parser stopped; ``error_in`` gives the place where it stops in a part, or None.
    """
    scan = _LayoutScanner(source.data, start, end)
    found = scan.first()
    if found is not None and found[1] != STRAY_BRACKET:
        return found[0], found[1] or nearby_text(source, found[0])
    lines = scan.lines if len(scan.lines) <= _MAX_LINES else []
    for begin, after in pairwise([*lines, end if found is None else found[0]]):
        if begin in scan.attributes and (place := error_in(begin, after)) is not None:
            part = source.data[begin:after]
            if place >= begin + len(part.rstrip()):  # it ends too early
                place = begin + len(part) - len(part.lstrip())
            return place, nearby_text(source, place)
    if found is None or error < found[0]:
        return error, nearby_text(source, error)
    return found


def is_incomplete(source: SourceText, start: int, end: int) -> bool:
    """Whether more text could mend what is between two offsets: nothing is wrong but that something is not closed."""
    scan = _LayoutScanner(source.data, start, end)
    return scan.first() is not None and scan.place >= end


def find_lone_return(source: SourceText) -> int | None:
    """The offset of the first carriage return that stands where a line break is meant, in a file that does parse."""
    if b"\r" not in source.data or _LONE.search(source.data) is None:
        return None
    found = _LayoutScanner(source.data, 0, len(source.data)).first()
    return found[0] if found is not None and found[1] == LONE_RETURN else None


class _LayoutScanner:
    """A walk over tokens that knows brackets, strings, heredocs and comments, and nothing else."""

    def __init__(self, data: bytes, start: int, end: int) -> None:
        self.data, self.place, self.end = data, start, end
        self.open: list[tuple[bytes, int, int]] = []  # a bracket, or ``"`` around an interpolation; place, indentation
        self.begin = start  # of the line
        self.bodies: set[int] = set()  # the braces that open the body of a block
        self.lines: list[int] = []  # the lines that stand in a body, or in none
        self.attributes: set[int] = set()  # those of them that begin an attribute
        self.suspect: int | None = None  # a brace whose closing one stands further left than it should

    def first(self) -> tuple[int, str] | None:
        found = self.line(self.place)
        if found is not None:
            return found
        while (match := _CODE.search(self.data, self.place, self.end)) is not None:
            found = self.token(match)
            if found is not None:
                return found
        if not self.open:
            return None
        place = self.suspect if self.suspect is not None else self.open[-1][1]
        bracket = self.data[place : place + 1].decode()
        return place, f": '{bracket}' is not closed" if bracket in "{[(" else ": an interpolation that is not closed"

    def token(self, match: re.Match[bytes]) -> tuple[int, str] | None:
        token, begin, self.place = match.group(), match.start(), match.end()
        if token == b"\n":
            return self.line(match.end())
        if token == b"\r":
            return begin, LONE_RETURN
        if token == b'"':
            return self.string(begin)
        if token in (b"#", b"//"):
            self.skip(b"\n", 0)
            lone = _HIDDEN.search(self.data, begin, self.place)
            if lone is not None:  # it does not end the comment, which goes on over what follows
                return lone.start(), LONE_RETURN
        elif token == b"/*":
            if self.data.find(b"*/", self.place, self.end) < 0:
                self.place = self.end
                return begin, ": a comment that does not end"
            self.skip(b"*/", 2)
            self.begin = max(self.begin, self.data.rfind(b"\n", begin, self.place) + 1)
        elif match["mark"]:
            closing = re.compile(rb"^[ \t]*" + re.escape(match["mark"]) + rb"[ \t]*\r?$", re.MULTILINE)
            last = closing.search(self.data, self.place, self.end)
            if last is None:
                self.place = self.end
                return begin, f": a heredoc without its end '{match['mark'].decode('utf-8', 'replace')[:_MAX_QUOTED]}'"
            self.place = last.end()
        elif match["bare"] is not None:
            if not self.open or self.open[-1][0] == b"{":
                return begin, ": an attribute without a value"
        elif token in b"{[(":
            self.open.append((token, begin, self.indent()))
            if token == b"{" and _HEADER.fullmatch(self.data, self.begin, begin) is not None:
                self.bodies.add(begin)
        else:
            return self.close(token, begin)
        return None

    def line(self, begin: int) -> tuple[int, str] | None:
        """A line of a body begins an attribute or a block, ends a block, or holds comments only."""
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
        found = self.data.find(mark, self.place, self.end)
        self.place = self.end if found < 0 else found + length

    def close(self, token: bytes, begin: int) -> tuple[int, str] | None:
        if not self.open:
            return begin, STRAY_BRACKET
        kind, place, indent = self.open.pop()
        if kind == b'"':  # the end of an interpolation; its string goes on
            return self.string(place) if token == b"}" else (place, ": an interpolation that is not closed")
        if kind != _PAIRS[token]:
            if token == b"}" or any(other == _PAIRS[token] for other, _, _ in self.open):
                return place, f": '{kind.decode()}' is not closed"
            return begin, STRAY_BRACKET
        if token == b"}" and self.suspect is None and self.begin + self.indent() == begin and self.indent() < indent:
            self.suspect = place
        return None

    def indent(self) -> int:
        match = _BLANKS.match(self.data, self.begin)
        return len(match.group()) if match is not None else 0

    def string(self, begin: int) -> tuple[int, str] | None:
        """Go on inside of the string that opened at ``begin``, to its end or into an interpolation."""
        while (match := _STRING.search(self.data, self.place, self.end)) is not None:
            token, self.place = match.group(), match.end()
            if token == b'"':
                return None
            if token in (b"${", b"%{"):
                self.open.append((b'"', begin, 0))
                return None
            if token == b"\n" or token == b"\\\n":
                break
        return begin, ": a string without its closing quote"


def nearby_text(source: SourceText, place: int) -> str:
    """The words at a place, for the end of a message; empty where nothing follows."""
    end = source.data.find(b"\n", place)
    words = source.text(place, min(end if end >= 0 else len(source.data), place + 4 * _MAX_QUOTED)).split()
    return f" near '{' '.join(words)[:_MAX_QUOTED]}'" if words else ""
