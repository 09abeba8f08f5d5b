"""Positions in large JSON texts.

Values are decoded by the standard library's C scanner, one member at a time: a file of 100 MB is read without a second
parse and without keeping unneeded parts in memory. Lines and columns are computed on demand.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Callable, Generator, Iterator, Sequence

from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.iam.values.nodes import Position

Json = object
"""A decoded value: dict, list, str, int, float, bool or None."""

Keys = tuple[str | int, ...]
"""The keys and indexes that lead from a document to a value in it."""

_DECODER = json.JSONDecoder()
_BLANK = lazy_regex(r"[ \t\r\n]*")
_BLOCK = 1 << 12


class NotJson(ValueError):
    """A text that is not JSON. ``offset``: where; ``reason``: a phrase."""

    def __init__(self, offset: int, reason: str) -> None:
        super().__init__(reason)
        self.offset, self.reason = offset, reason


@dataclass(frozen=True, slots=True)
class Member:
    """A value inside an object (``key``: its key) or a list (``key``: its index), and the offsets of its text.

    ``opened``: its members follow one by one; ``value`` and ``end`` are not set.
    """

    key: str | int
    value: Json
    start: int
    end: int
    opened: bool = False


def members(text: str, start: int = 0) -> Iterator[Member]:
    """Yield the members of the object or list at ``start``; none for a scalar.

    Raises :class:`NotJson` at the first syntax error, after the members before it.
    """
    place = _skip_blanks(text, start)
    if text[place : place + 1] in ("{", "[") and place < len(text):
        for _, member in _walk(text, place, _never):
            yield member


def _never(_path: Keys) -> bool:
    return False


def walk(text: str, enter: Callable[[Keys], bool]) -> Iterator[tuple[Keys, Member]]:
    """Yield the values of a document that is an object, in order, each with its path; none if it is not an object.

    Objects and lists at a path for which ``enter`` returns True are yielded as ``opened`` members without a value,
    followed by their members. Raises like :func:`members`, also for text after the end.
    """
    place = _skip_blanks(text, 0)
    if text[place : place + 1] != "{":
        _, place = _decode(text, place)
    else:
        place = yield from _walk(text, place, enter)
    if (place := _skip_blanks(text, place)) < len(text):
        raise _error(text, place, "more text after the end of the document")


def _walk(text: str, place: int, enter: Callable[[Keys], bool]) -> Generator[tuple[Keys, Member], None, int]:
    """Yield the members of the object or list at ``place``; return the offset of its end."""
    stack: list[tuple[Keys, str, int]] = []  # open collections: path, closing bracket, index of the next member
    path: Keys = ()
    closing, index = ("}" if text[place] == "{" else "]"), 0
    place = _skip_blanks(text, place + 1)
    empty = text[place : place + 1] == closing
    while True:
        if not empty:
            key: str | int = index
            if closing == "}":
                key, place = _read_key(text, place)
            inner = (*path, key)
            opening = text[place : place + 1]
            if opening in ("{", "[") and opening and enter(inner):
                yield inner, Member(key, None, place, place, opened=True)
                stack.append((path, closing, index))
                path, closing, index = inner, "}" if opening == "{" else "]", 0
                place = _skip_blanks(text, place + 1)
                empty = text[place : place + 1] == closing
                continue
            value, end = _decode(text, place)
            yield inner, Member(key, value, place, end)
            place = _skip_blanks(text, end)
        while (char := text[place : place + 1]) == closing:
            place += 1
            if not stack:
                return place
            path, closing, index = stack.pop()
            place = _skip_blanks(text, place)
        if char != ",":
            raise _error(text, place, f"a comma or '{closing}' is expected")
        place, index, empty = _skip_blanks(text, place + 1), index + 1, False


def _read_key(text: str, place: int) -> tuple[str, int]:
    """Return a key and the offset of its value."""
    if text[place : place + 1] != '"':
        raise _error(text, place, "a key in double quotes is expected")
    name, place = _decode(text, place)
    place = _skip_blanks(text, place)
    if text[place : place + 1] != ":":
        raise _error(text, place, "a colon is expected")
    return str(name), _skip_blanks(text, place + 1)


def decode_value(text: str, start: int) -> Member:
    """Return the value at an offset. Raises like :func:`members`."""
    value, end = _decode(text, start)
    return Member("", value, start, end)


def find_member(text: str, start: int, keys: Sequence[str | int]) -> Member | None:
    """Return the member at a path of keys below the value at ``start``; None if there is none.

    For a duplicate key in an object the last one counts, as for the decoded values.
    """
    member: Member | None = None
    for key in keys:
        matches = [member for member in members(text, start) if member.key == key]
        if not matches:
            return None
        member = matches[-1]
        start = member.start
    return member


def replace_lone_surrogates(text: str) -> str:
    r"""Return the text with unpaired surrogate escapes (``\ud800``) replaced by ``\ufffd``, at the same length.

    JSON allows an unpaired surrogate as an escape; as text it cannot be written to any file.
    """
    if not _SURROGATE.search(text):
        return text
    return _ESCAPE.sub(lambda match: "\\ufffd" if match.group(1) else match.group(), text)


_SURROGATE = lazy_regex(r"\\u[dD][89a-fA-F]")
_ESCAPE = lazy_regex(
    r"\\(?:u[dD][89abAB][\da-fA-F]{2}\\u[dD][c-fC-F][\da-fA-F]{2}|(u[dD][89a-fA-F][\da-fA-F]{2})|.)", re.S
)


class Lines:
    """Compute lines and columns of offsets in a text that may be one line of 100 MB.

    ``line`` and ``column`` are those of the start of the text in the file.
    """

    def __init__(self, file: str, text: str, line: int = 1, column: int = 1) -> None:
        self.file, self.text = file, text
        self._line, self._column = line, column
        self._starts: list[int] = []
        self._breaks: list[
            tuple[int, int]
        ] = []  # at the start of each block: line breaks before it, offset of the last one
        count, last = 0, -1
        for start in range(0, len(text) + 1, _BLOCK):
            self._starts.append(start)
            self._breaks.append((count, last))
            count += text.count("\n", start, start + _BLOCK)
            last = max(last, text.rfind("\n", start, start + _BLOCK))

    def line_and_column(self, offset: int) -> tuple[int, int]:
        """Return line and column, both 1-based."""
        block = bisect_right(self._starts, offset) - 1
        count, last = self._breaks[block]
        start = self._starts[block]
        count += self.text.count("\n", start, offset)
        last = max(last, self.text.rfind("\n", start, offset))
        return self._line + count, offset - last if last >= 0 else self._column + offset

    def position(self, start: int, end: int) -> Position:
        """Return the position of the text between two offsets."""
        line, column = self.line_and_column(start)
        end_line, end_column = self.line_and_column(end)
        return Position(self.file, line, column, end_line, end_column)


def _skip_blanks(text: str, place: int) -> int:
    match = _BLANK.match(text, place)
    return match.end() if match else place


def _decode(text: str, place: int) -> tuple[Json, int]:
    """Decode the value at an offset; return it and the offset of its end. Raises :class:`NotJson`."""
    try:
        return _DECODER.raw_decode(text, place)
    except json.JSONDecodeError as error:
        raise _error(text, error.pos, error.msg) from None
    except RecursionError:
        raise NotJson(place, "nested too deeply") from None
    except ValueError:  # an integer with more digits than Python accepts
        raise NotJson(place, "a number is too long") from None


def _error(text: str, place: int, reason: str) -> NotJson:
    return NotJson(min(place, len(text)), syntax_error_reason(text, place, reason))


def syntax_error_reason(text: str, place: int, reason: str) -> str:
    """Return why a text is not JSON: that it ends, or the reason of the error at an offset, such as that of the
    standard library."""
    reason = (reason[:1].lower() + reason[1:]).removesuffix(" at")
    if place >= len(text.rstrip()) or reason.startswith("unterminated string"):
        return "the file ends in the middle of the JSON text"
    return f"not JSON: {reason}"
