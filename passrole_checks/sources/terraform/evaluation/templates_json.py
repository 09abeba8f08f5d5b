"""Parse templates that produce JSON into a tree while the values of their parts are known.

A loop over an unknown collection yields its body once, between two markers; a JSON-encoded value is embedded as a
value. If the text is JSON, the elements between the markers become optional list elements, and an embedded value
becomes part of the tree with its own positions. Otherwise, markers become unresolved values, and embedded values text.
"""

from __future__ import annotations

from dataclasses import replace

from passrole_checks.iam.documents.json_document import MalformedDocument, parse_json
from passrole_checks.iam.fast_dataclass import dataclass
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

LOOP_OVER_UNKNOWN = "a loop over an unknown collection"


@dataclass(frozen=True, slots=True)
class LoopMarker(Unresolved):
    """Start (``opens``) or end of the body of a loop, which exists under ``when``, or is ``repeated``."""

    opens: bool = False
    repeated: bool = False
    when: PathCondition = ()


@dataclass(frozen=True, slots=True)
class EmbeddedJson(Unresolved):
    """A JSON-encoded value inside a string."""

    node: Encoded | None = None


class _Misplaced(Exception):
    """Raised for a marker or embedded value inside a JSON string or a key."""


def has_markers(parts: tuple[Part, ...] | list[Part]) -> bool:
    """True if a string contains markers or embedded values, so that :func:`parse_structure` applies."""
    return any(isinstance(part, (LoopMarker, EmbeddedJson)) for part in parts)


def parse_structure(text: StringNode, source_text: str) -> StringNode:
    """Parse a string with markers: JSON becomes a tree, any other text an ordinary string."""
    try:
        resolver = _MarkerResolver()
        tree = resolver.resolve(parse_json(text))
        if resolver.resolved == sum(isinstance(part, (LoopMarker, EmbeddedJson)) for part in text.parts):
            return Encoded((Unresolved(source_text),), text.at, value=tree, defaults=text.defaults)
    except (MalformedDocument, _Misplaced):
        pass
    return flatten(text)


class _MarkerResolver:
    """Replace markers and embedded values in a parsed tree; counts them in ``resolved``."""

    def __init__(self) -> None:
        self.resolved = 0

    def resolve(self, node: Node) -> Node:
        if isinstance(node, StringNode):
            only = node.only_unresolved
            if isinstance(only, EmbeddedJson) and only.node is not None and only.node.value is not None:
                self.resolved += 1
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
                tuple(ObjectEntry(entry.key, self.resolve(entry.value)) for entry in node.entries), node.at
            )
        return node

    def elements(self, node: ListNode) -> list[Node]:
        elements: list[Node] = []
        loops: list[LoopMarker] = []
        for item in node.items:
            marker = item.only_unresolved if isinstance(item, StringNode) else None
            if isinstance(marker, LoopMarker):
                self.resolved += 1
                if marker.opens:
                    loops.append(marker)
                elif not loops or loops.pop().expression != marker.expression:
                    raise _Misplaced
                continue
            elements.append(_optional_element(self.resolve(item), loops))
        if loops:
            raise _Misplaced
        return elements


def _optional_element(node: Node, loops: list[LoopMarker]) -> Node:
    """Return an element as it is inside the loops of some markers."""
    if any(marker.repeated for marker in loops) and isinstance(node, StringNode) and not isinstance(node, Encoded):
        return UnknownTail(node.parts, node.at, defaults=node.defaults)
    if isinstance(node, Const) and loops and node.value is None:
        return node
    for marker in reversed(loops):
        node = guard(marker.when, node)
    return node


def flatten(text: StringNode) -> StringNode:
    """Return a string without markers: a loop becomes one unresolved value, an embedded value its text."""
    parts: list[Part] = []
    starts: list[tuple[int, int]] = []
    depth = 0
    for index, part in enumerate(text.parts):
        pieces: tuple[Part, ...] = (part,)
        if isinstance(part, LoopMarker):
            depth += 1 if part.opens else -1
            last = Unresolved(part.expression, reason=LOOP_OVER_UNKNOWN)
            pieces = (last,) if not part.opens and not depth else ()
        elif depth:
            pieces = ()
        elif isinstance(part, EmbeddedJson) and part.node is not None:
            pieces = encode_json(part.node).parts
        parts.extend(pieces)
        starts.extend([text.starts[index] if text.starts else (0, 0)] * len(pieces))
    if not text.starts:
        return replace(text, parts=join(parts))
    return replace(text, parts=tuple(parts) or ("",), starts=tuple(starts) or ((text.at.line, text.at.column),))
