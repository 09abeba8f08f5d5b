"""Convert evaluated values to ordinary nodes, without the information used during the evaluation only."""

from __future__ import annotations

from passrole_checks.iam.values.nodes import (
    Absent,
    Choice,
    ListNode,
    Node,
    ObjectEntry,
    ObjectNode,
    StringNode,
    UnknownTail,
    unresolved,
)
from passrole_checks.iam.values.path_conditions import Assumption, Predicate, negate
from passrole_checks.sources.terraform.evaluation.symbolic_values import Encoded, encode_json, is_null

_MAX_DEPTH = 55  # nesting levels of a node; later stages walk nodes recursively


def to_plain(node: Node, depth: int = 0) -> Node:
    """Convert a value to ordinary nodes."""
    if depth > _MAX_DEPTH:
        return unresolved("…", node.at, "nested too deeply")
    if isinstance(node, Encoded):
        return to_plain_string(encode_json(node))
    if isinstance(node, StringNode):
        return to_plain_string(node)
    if isinstance(node, ListNode):
        return ListNode(tuple(to_plain(item, depth + 1) for item in node.items), node.at)
    if isinstance(node, ObjectNode):
        entries = (
            ObjectEntry(to_plain_string(entry.key), to_plain(entry.value, depth + 1))
            for entry in _effective_entries(node)
        )
        return ObjectNode(tuple(entries), node.at, node.block)
    if isinstance(node, Choice):
        options = tuple((outcome, to_plain(option, depth + 1)) for outcome, option in node.options)
        return Choice(options, node.at)
    return node


def _effective_entries(node: ObjectNode) -> list[ObjectEntry]:
    """Return the entries; of duplicate keys, the last entry. An unknown map merged over them adds a choice."""
    effective: dict[tuple[object, ...], ObjectEntry] = {}
    for entry in node.entries:
        if isinstance(entry.key, UnknownTail) and entry.key.only_unresolved is not None:
            expression = entry.key.unresolved_parts[0].expression
            for parts, earlier in effective.items():
                name = earlier.key.literal
                if name is not None:
                    maybe = unresolved(f'{expression}["{name}"]', entry.value.at, entry.key.unresolved_parts[0].reason)
                    has_key = Assumption(expression, frozenset({name}), predicate=Predicate.CONTAINS)
                    options = ((has_key, maybe), (negate(has_key), earlier.value))
                    effective[parts] = ObjectEntry(earlier.key, Choice(options, entry.value.at))
        effective.pop(entry.key.parts, None)
        effective[entry.key.parts] = entry
    return list(effective.values())


def to_plain_string(text: StringNode) -> StringNode:
    """Convert a string to an ordinary string node."""
    if type(text) is StringNode:
        return text
    if isinstance(text, Encoded):
        return encode_json(text)
    return StringNode(text.parts, text.at, text.starts, text.indent, text.defaults, text.optional)


def to_document(node: Node) -> Node:
    """Convert a value used as a policy: JSON text kept as a tree becomes that tree."""
    if isinstance(node, Encoded) and node.value is not None:
        return to_plain(node.value)
    if isinstance(node, Choice):
        options = tuple((outcome, to_document(option)) for outcome, option in node.options)
        return Choice(options, node.at)
    if is_null(node):
        return Absent(node.at)
    return to_plain(node)
