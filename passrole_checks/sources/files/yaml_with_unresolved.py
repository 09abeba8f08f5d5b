"""Parse YAML texts with unresolved parts, which keep their places.

Each unresolved part is replaced by a placeholder word while the text is parsed, made of characters that no text
contains (Unicode, "Private-use characters"), and is restored afterwards. No object is constructed: YAML nodes become
values.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

import yaml

from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.iam.values.nodes import (
    Choice,
    ListNode,
    Node,
    ObjectEntry,
    ObjectNode,
    Part,
    StringNode,
    Unresolved,
    at_position,
    join,
    map_strings,
)
from passrole_checks.sources.files.yaml_loader import Loader

MAX_LENGTH = 1_000_000
_NODES = 50_000  # including those added by aliases
_DEPTH = 60
_WORD = lazy_regex("\ue000(\\d{1,9})\ue001")
_PRIVATE = lazy_regex("[\ue000\ue001]")


def insert_placeholders(text: StringNode) -> tuple[str, list[Part | Node]]:
    """Replace each unresolved part of a text by a placeholder; return the text and the parts by number."""
    pieces: list[str] = []
    parts: list[Part | Node] = []
    for part in text.parts:
        if isinstance(part, str):
            pieces.append(_PRIVATE.sub("\ufffd", part))
        else:
            pieces.append(placeholder(len(parts)))
            parts.append(part)
    return "".join(pieces), parts


def placeholder(number: int) -> str:
    """Return the placeholder with a number."""
    return f"\ue000{number}\ue001"


def restore_placeholders(node: Node, originals: Sequence[Part | Node]) -> Node:
    """Restore the placeholders in a value. A text that is a single placeholder becomes the value itself."""
    return map_strings(node, lambda string: _restore_text(string, originals), keys=True)


def _restore_text(node: StringNode, originals: Sequence[Part | Node]) -> Node:
    """Restore the placeholders in a string."""
    if not any("\ue000" in (part if isinstance(part, str) else part.expression) for part in node.parts):
        return node
    parts: list[Part] = []
    for part in node.parts:
        if isinstance(part, Unresolved):  # its expression may contain placeholders
            expression = _WORD.sub(lambda match: _expression_of(_original(match, originals)), part.expression)
            parts.append(replace(part, expression=expression))
            continue
        done = 0
        for match in _WORD.finditer(part):
            original = _original(match, originals)
            if not isinstance(original, (str, Unresolved)):
                if part == match[0] and len(node.parts) == 1:
                    return at_position(original, node.at) if isinstance(original, StringNode) else original
                original = Unresolved(_expression_of(original))
            parts += [part[done : match.start()], original]
            done = match.end()
        parts.append(part[done:])
    return replace(at_position(node, node.at), parts=join(parts))


def _original(match: re.Match[str], originals: Sequence[Part | Node]) -> Part | Node:
    """Return the original of a placeholder; the text itself if it is not ours, since YAML can spell any character."""
    number = int(match[1])
    return originals[number] if number < len(originals) else match[0]


def _expression_of(part: Part | Node) -> str:
    """Return an original as an expression, for use inside another text."""
    if isinstance(part, str):
        return part
    if isinstance(part, Unresolved):
        return part.expression
    return str(part) if isinstance(part, StringNode) else part.condition if isinstance(part, Choice) else "…"


def parse_yaml(text: StringNode) -> ListNode | ObjectNode | None:
    """Parse a text as a YAML list or object; None if it is neither, is invalid, or is too large.

    All nodes have the position of the text.
    """
    if sum(len(part) for part in text.parts if isinstance(part, str)) > MAX_LENGTH:
        return None
    content, originals = insert_placeholders(text)
    try:
        root = yaml.compose(content, Loader=Loader)
    except (yaml.YAMLError, UnicodeError, RecursionError, ValueError):
        return None
    if not isinstance(root, yaml.CollectionNode):
        return None
    try:
        value = restore_placeholders(_to_value(root, text, iter(range(_NODES)), 0), originals)
    except _TooLarge:
        return None
    return value if isinstance(value, (ListNode, ObjectNode)) else None


class _TooLarge(Exception):
    """More nodes, or deeper nesting, than the limits allow."""


def _to_value(node: yaml.Node, text: StringNode, budget: Iterator[int], depth: int) -> Node:
    """Convert a YAML node. Raises :class:`_TooLarge`."""
    if depth > _DEPTH or next(budget, None) is None:
        raise _TooLarge
    if isinstance(node, yaml.SequenceNode):
        return ListNode(tuple(_to_value(item, text, budget, depth + 1) for item in node.value), text.at)
    if isinstance(node, yaml.MappingNode):
        last = {key.value: value for key, value in node.value if isinstance(key, yaml.ScalarNode)}
        entries = ((_scalar(key, text), _to_value(value, text, budget, depth + 1)) for key, value in last.items())
        return ObjectNode(tuple(ObjectEntry(key, value) for key, value in entries), text.at)
    return _scalar(str(node.value), text)


def _scalar(written: str, text: StringNode) -> StringNode:
    return StringNode((written,), text.at, defaults=text.defaults)
