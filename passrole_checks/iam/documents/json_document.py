"""Parser for JSON policy text with unresolved parts, as in heredocs, ``Fn::Sub`` and plans."""

from __future__ import annotations

import json
import re
from bisect import bisect_left, bisect_right
from collections.abc import Sequence

from passrole_checks.iam.documents.json_parser import PLACEHOLDER, JsonParser
from passrole_checks.iam.values.nodes import (
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
    return _NodeParser(source).document()


def json_or_none(source: StringNode) -> Node | None:
    """Parse JSON text as :func:`parse_json`; None if it is not valid JSON."""
    try:
        return parse_json(source)
    except MalformedDocument:
        return None


class _NodeParser(JsonParser[Node]):
    templates = True

    def __init__(self, source: StringNode) -> None:
        self.source = source
        self.unresolved_parts: dict[int, Unresolved] = {}
        pieces: list[str] = []
        self.offsets: list[int] = []
        length = 0
        for part in source.parts:
            self.offsets.append(length)
            if isinstance(part, Unresolved):
                self.unresolved_parts[length] = part
                part = PLACEHOLDER
            elif PLACEHOLDER in part:
                part = part.replace(PLACEHOLDER, "?")
            pieces.append(part)
            length += len(part)
        super().__init__("".join(pieces))
        self.breaks = [match.start() for match in re.finditer("\n", self.text)]
        self.is_literal = len(pieces) == 1 and not self.unresolved_parts

    def build_object(self, entries: Sequence[tuple[Node, Node]], start: int) -> ObjectNode:
        return ObjectNode(tuple(ObjectEntry(_as_text(key), value) for key, value in entries), self.position(start))

    def build_list(self, items: Sequence[Node], start: int) -> ListNode:
        return ListNode(tuple(items), self.position(start))

    def build_string(self, written: str, start: int) -> StringNode:
        if self.is_literal:
            return StringNode((self.decode(written, start),), self.position(start), defaults=self.source.defaults)
        parts: list[Part] = []
        position = start + 1
        for piece in re.split(f"({PLACEHOLDER})", written):
            parts.append(self.unresolved_parts[position] if piece == PLACEHOLDER else self.decode(piece, start))
            position += len(piece)
        return StringNode(join(parts), self.position(start), defaults=self.source.defaults)

    def build_bare(self, word: str, start: int) -> Node:
        at = self.position(start)
        if PLACEHOLDER in word:
            unresolved_parts = [
                unresolved
                for offset, unresolved in sorted(self.unresolved_parts.items())
                if start <= offset < self.place
            ]
            if len(unresolved_parts) == 1 and word == PLACEHOLDER:
                return StringNode((unresolved_parts[0],), at)
            return StringNode(
                (Unresolved("".join(f"${{{unresolved.expression}}}" for unresolved in unresolved_parts)),), at
            )
        try:
            value = json.loads(word)
        except ValueError:
            raise self.error(f"'{word[:40]}' is not a JSON value", start) from None
        return Const(value, at)

    def position(self, start: int, end: int | None = None) -> Position:
        if not self.source.starts:
            return self.source.at
        end = self.place if end is None else end
        line, column = self.line_and_column(start)
        if self.is_literal and self.text.find("\n", start, end) < 0:  # on one line
            return Position(self.source.at.file, line, column, line, column + end - start)
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
