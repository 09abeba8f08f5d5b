"""Templates that give JSON, read as a tree while their pieces are still known.

A loop over something that is not known gives its body once, between two marks; an encoded value is carried as the value
that it is. Where the text is JSON, what stands between the marks becomes optional elements of a list, and a carried
value takes its place with the positions of its own. Where it is not, the marks give way to holes, the values to text.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from passrole_checks.iam.documents.json_document import MalformedDocument, parse_json
from passrole_checks.iam.partial_values import (
    Const,
    ListNode,
    Node,
    ObjectEntry,
    ObjectNode,
    Part,
    StringNode,
    Unresolved,
    join,
)
from passrole_checks.iam.path_conditions import PathCondition
from passrole_checks.sources.terraform.evaluation.conditional_values import guard
from passrole_checks.sources.terraform.evaluation.symbolic_values import Encoded, UnknownTail, encode_json


@dataclass(frozen=True, slots=True)
class LoopMarker(Unresolved):
    """Where the body of a loop begins (``opens``) or ends: it is there ``when``, or ``repeated`` times."""

    opens: bool = False
    repeated: bool = False
    when: PathCondition = ()


@dataclass(frozen=True, slots=True)
class EmbeddedJson(Unresolved):
    """An encoded value inside a text."""

    node: Encoded | None = None


class _Misplaced(Exception):
    """A mark or a value at a place that says nothing of its structure: inside a string, or as a key."""


def has_markers(parts: tuple[Part, ...] | list[Part]) -> bool:
    """Whether a text holds marks or carried values, and so has to be read by :func:`structured`."""
    return any(isinstance(part, (LoopMarker, EmbeddedJson)) for part in parts)


def parse_structure(text: StringNode, words: str) -> StringNode:
    """The JSON text as a tree, or as a plain text where it is none."""
    try:
        reader = _MarkerResolver()
        tree = reader.resolved(parse_json(text))
        if reader.seen == sum(isinstance(part, (LoopMarker, EmbeddedJson)) for part in text.parts):
            return Encoded((Unresolved(words),), text.at, value=tree, defaults=text.defaults)
    except (MalformedDocument, _Misplaced):
        pass
    return flatten(text)


class _MarkerResolver:
    def __init__(self) -> None:
        self.seen = 0

    def resolved(self, node: Node) -> Node:
        if isinstance(node, StringNode):
            only = node.only_hole
            if isinstance(only, EmbeddedJson) and only.node is not None and only.node.value is not None:
                self.seen += 1
                return only.node.value
            if has_markers(node.parts):
                raise _Misplaced
            return node
        if isinstance(node, ListNode):
            return ListNode(tuple(self.elements(node)), node.at)
        if isinstance(node, ObjectNode):
            if any(has_markers(entry.key.parts) for entry in node.entries):
                raise _Misplaced
            return ObjectNode(
                tuple(ObjectEntry(entry.key, self.resolved(entry.value)) for entry in node.entries), node.at
            )
        return node

    def elements(self, node: ListNode) -> list[Node]:
        found: list[Node] = []
        around: list[LoopMarker] = []
        for item in node.items:
            mark = item.only_hole if isinstance(item, StringNode) else None
            if isinstance(mark, LoopMarker):
                self.seen += 1
                if mark.opens:
                    around.append(mark)
                elif not around or around.pop().expression != mark.expression:
                    raise _Misplaced
                continue
            found.append(_optional_element(self.resolved(item), around))
        if around:
            raise _Misplaced
        return found


def _optional_element(node: Node, around: list[LoopMarker]) -> Node:
    """An element inside loops."""
    if any(mark.repeated for mark in around) and isinstance(node, StringNode) and not isinstance(node, Encoded):
        return UnknownTail(node.parts, node.at, defaults=node.defaults)
    if isinstance(node, Const) and around and node.value is None:
        return node
    for mark in reversed(around):
        node = guard(mark.when, node)
    return node


def flatten(text: StringNode) -> StringNode:
    """The same text without structure: a loop is one hole, an encoded value its text."""
    parts: list[Part] = []
    starts: list[tuple[int, int]] = []
    depth = 0
    for place, part in enumerate(text.parts):
        pieces: tuple[Part, ...] = (part,)
        if isinstance(part, LoopMarker):
            depth += 1 if part.opens else -1
            last = Unresolved(part.expression, reason="a loop over something that is not known")
            pieces = (last,) if not part.opens and not depth else ()
        elif depth:
            pieces = ()
        elif isinstance(part, EmbeddedJson) and part.node is not None:
            pieces = encode_json(part.node).parts
        parts.extend(pieces)
        starts.extend([text.starts[place] if text.starts else (0, 0)] * len(pieces))
    if not text.starts:
        return replace(text, parts=join(parts))
    return replace(text, parts=tuple(parts) or ("",), starts=tuple(starts) or ((text.at.line, text.at.column),))
