"""Parser for JSON policy text with unresolved parts.

Heredocs, ``Fn::Sub`` and plans contain policies as text. The standard library's parser supports neither unresolved
parts nor positions, so this is a small parser of its own: RFC 8259, with two extensions that template languages need:
an unresolved part may replace a value, a key, or a run of elements, and a string may contain a line break.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_left, bisect_right

from passrole_checks.iam.partial_values import (
    Const,
    ListNode,
    Node,
    ObjectEntry,
    ObjectNode,
    Part,
    Position,
    StringNode,
    Unresolved,
    join,
)

NOT_JSON = "the policy document is not valid JSON: "
_MAX_DEPTH = 64
_BLANK = re.compile(r"[ \t\r\n\ufeff]*")
_STRING = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_BARE = re.compile(r"[^\s,\]}\[{\":]+")
_PLACEHOLDER = "\ue000"  # placeholder of an unresolved part in the joined text


class MalformedDocument(ValueError):
    """Raised for text that is not a policy document: ``at`` is the position, ``reason`` a phrase on a single line."""

    def __init__(self, at: Position, reason: str) -> None:
        reason = " ".join(reason.split())
        super().__init__(reason)
        self.at, self.reason = at, reason


def parse_json(source: StringNode) -> Node:
    """Parse JSON text to a tree.

    Positions are those in the file if ``source.starts`` is set, else the position of the whole text. Raises
    :class:`MalformedDocument` at the first syntax error.
    """
    return _JsonParser(source).document()


class _JsonParser:
    def __init__(self, source: StringNode) -> None:
        self.source = source
        self.holes: dict[int, Unresolved] = {}
        pieces: list[str] = []
        self.offsets: list[int] = []
        length = 0
        for part in source.parts:
            self.offsets.append(length)
            if isinstance(part, Unresolved):
                self.holes[length] = part
                part = _PLACEHOLDER
            elif _PLACEHOLDER in part:
                part = part.replace(_PLACEHOLDER, "?")
            pieces.append(part)
            length += len(part)
        self.text = "".join(pieces)
        self.breaks = [match.start() for match in re.finditer("\n", self.text)]
        self.place = 0

    def document(self) -> Node:
        value = self.value(0)
        self.blank()
        if self.place < len(self.text):
            raise self.error("unexpected text after the end of the document")
        return value

    def blank(self) -> None:
        match = _BLANK.match(self.text, self.place)
        assert match is not None  # the pattern matches the empty text
        self.place = match.end()

    def peek(self) -> str:
        self.blank()
        return self.text[self.place : self.place + 1]

    def value(self, depth: int) -> Node:
        if depth > _MAX_DEPTH:
            raise self.error(f"nested more than {_MAX_DEPTH} levels deep")
        char = self.peek()
        if char == "{":
            return self.mapping(depth)
        if char == "[":
            return self.items(depth)
        if char == '"':
            return self.string()
        return self.bare()

    def mapping(self, depth: int) -> ObjectNode:
        start, entries = self.place, []
        self.place += 1
        while (char := self.peek()) != "}":
            if char == _PLACEHOLDER:
                unresolved = self.bare()
                entries.append(ObjectEntry(_as_text(unresolved), unresolved))
                self.separator("}", required=False)
                continue
            if char != '"':
                raise self.error("expected a key in double quotes")
            key = self.string()
            if self.peek() != ":":
                raise self.error("expected a colon after the key")
            self.place += 1
            entries.append(ObjectEntry(key, self.value(depth + 1)))
            self.separator("}")
        self.place += 1
        return ObjectNode(tuple(entries), self.position(start, self.place))

    def items(self, depth: int) -> ListNode:
        start, items = self.place, []
        self.place += 1
        while (char := self.peek()) != "]":
            items.append(self.value(depth + 1))
            self.separator("]", required=char != _PLACEHOLDER)
        self.place += 1
        return ListNode(tuple(items), self.position(start, self.place))

    def separator(self, end: str, *, required: bool = True) -> None:
        char = self.peek()
        if char == ",":
            comma = self.place
            self.place += 1
            if self.peek() == end:
                self.place = comma
                raise self.error(f"trailing comma before '{end}'")
        elif char == _PLACEHOLDER:
            return  # an unresolved run of elements may include its own comma
        elif char != end and required:
            raise self.error(f"expected a comma or '{end}'" if char else f"unexpected end of text before '{end}'")

    def string(self) -> StringNode:
        match = _STRING.match(self.text, self.place)
        if match is None:
            raise self.error("a string has no closing quote")
        start, self.place = self.place, match.end()
        parts: list[Part] = []
        position = match.start(1)
        for piece in re.split(f"({_PLACEHOLDER})", match.group(1)):
            if piece == _PLACEHOLDER:
                parts.append(self.holes[position])
            elif "\\" in piece:
                try:
                    parts.append(str(json.loads(f'"{piece}"', strict=False)))
                except ValueError:
                    raise self.error("invalid escape sequence in a string", start) from None
            else:
                parts.append(piece)
            position += len(piece)
        return StringNode(join(parts), self.position(start, self.place), defaults=self.source.defaults)

    def bare(self) -> Node:
        match = _BARE.match(self.text, self.place)
        if match is None:
            raise self.error("expected a value" if self.place < len(self.text) else "unexpected end of text")
        start, self.place, word = self.place, match.end(), match.group()
        at = self.position(start, self.place)
        if _PLACEHOLDER in word:
            unresolved_parts = [
                unresolved for offset, unresolved in sorted(self.holes.items()) if start <= offset < self.place
            ]
            if len(unresolved_parts) == 1 and word == _PLACEHOLDER:
                return StringNode((unresolved_parts[0],), at)
            return StringNode(
                (Unresolved("".join(f"${{{unresolved.expression}}}" for unresolved in unresolved_parts)),), at
            )
        try:
            value = json.loads(word)
        except ValueError:
            raise self.error(f"'{word[:40]}' is not a JSON value", start) from None
        return Const(value, at)

    def position(self, start: int, end: int) -> Position:
        if not self.source.starts:
            return self.source.at
        line, column = self.line_and_column(start)
        end_line, end_column = self.line_and_column(end)
        return Position(self.source.at.file, line, column, end_line, end_column)

    def line_and_column(self, offset: int) -> tuple[int, int]:
        index = max(bisect_right(self.offsets, offset) - 1, 0)
        line, column = self.source.starts[min(index, len(self.source.starts) - 1)]
        first, last = bisect_left(self.breaks, self.offsets[index]), bisect_left(self.breaks, offset)
        if isinstance(self.source.parts[index], Unresolved) or first == last:
            return line, column + offset - self.offsets[index]
        return line + last - first, offset - self.breaks[last - 1] + self.source.indent

    def error(self, reason: str, offset: int | None = None) -> MalformedDocument:
        position = self.place if offset is None else offset
        return MalformedDocument(self.position(position, position + 1), NOT_JSON + reason)


def _as_text(node: Node) -> StringNode:
    return node if isinstance(node, StringNode) else StringNode((Unresolved("?"),), node.at)
