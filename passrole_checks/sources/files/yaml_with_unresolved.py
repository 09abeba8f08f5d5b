"""Texts with holes that hold YAML: the holes stay in their places.

Each hole is a word of its own while the text is read, of characters that no text has (Unicode, "Private-use
characters"), and a hole again afterwards. Nothing is constructed: YAML gives nodes, and these become values.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

import yaml

from passrole_checks.iam.partial_values import (
    Choice,
    ListNode,
    Node,
    ObjectEntry,
    ObjectNode,
    Part,
    StringNode,
    Unresolved,
    join,
    moved,
)
from passrole_checks.sources.files.yaml_loader import Loader

MAX_LENGTH = 1_000_000
_NODES = 50_000  # aliases make more of them than are written
_DEPTH = 60
_WORD = re.compile("\ue000(\\d{1,9})\ue001")
_PRIVATE = re.compile("[\ue000\ue001]")


def without_holes(text: StringNode) -> tuple[str, list[Part | Node]]:
    """A text in which each hole is a word, and what the words stand for, by number."""
    written: list[str] = []
    meant: list[Part | Node] = []
    for part in text.parts:
        if isinstance(part, str):
            written.append(_PRIVATE.sub("\ufffd", part))
        else:
            written.append(word(len(meant)))
            meant.append(part)
    return "".join(written), meant


def word(number: int) -> str:
    """What stands for the hole, or the value, of a number."""
    return f"\ue000{number}\ue001"


def restored(node: Node, meant: Sequence[Part | Node]) -> Node:
    """A value with what the words in it stand for. A text that is nothing but one word is the value behind it."""
    if isinstance(node, StringNode):
        return _text(node, meant)
    if isinstance(node, ListNode):
        return replace(node, items=tuple(restored(item, meant) for item in node.items))
    if isinstance(node, ObjectNode):
        entries = []
        for entry in node.entries:
            key = restored(entry.key, meant)
            entries.append(ObjectEntry(key if isinstance(key, StringNode) else entry.key, restored(entry.value, meant)))
        return replace(node, entries=tuple(entries))
    if isinstance(node, Choice):
        return replace(node, options=tuple((outcome, restored(option, meant)) for outcome, option in node.options))
    return node


def _text(node: StringNode, meant: Sequence[Part | Node]) -> Node:
    if not any("\ue000" in (part if isinstance(part, str) else part.expression) for part in node.parts):
        return node
    parts: list[Part] = []
    for part in node.parts:
        if isinstance(part, Unresolved):  # in whose words others may stand
            expression = _WORD.sub(lambda found: _in_words(_behind(found, meant)), part.expression)
            parts.append(replace(part, expression=expression))
            continue
        done = 0
        for found in _WORD.finditer(part):
            behind = _behind(found, meant)
            if not isinstance(behind, (str, Unresolved)):
                if part == found[0] and len(node.parts) == 1:
                    return moved(behind, node.at) if isinstance(behind, StringNode) else behind
                behind = Unresolved(_in_words(behind))
            parts += [part[done : found.start()], behind]
            done = found.end()
        parts.append(part[done:])
    return replace(moved(node, node.at), parts=join(parts))


def _behind(found: re.Match[str], meant: Sequence[Part | Node]) -> Part | Node:
    """What a word stands for; itself where it is none of ours: YAML can spell any character."""
    number = int(found[1])
    return meant[number] if number < len(meant) else found[0]


def _in_words(part: Part | Node) -> str:
    if isinstance(part, str):
        return part
    if isinstance(part, Unresolved):
        return part.expression
    return str(part) if isinstance(part, StringNode) else part.condition if isinstance(part, Choice) else "…"


def parse_yaml(text: StringNode) -> ListNode | ObjectNode | None:
    """A text as the list or the object that it is in YAML, all of it at the place of the text; None if it is none, is
    not valid, or is too large."""
    if sum(len(part) for part in text.parts if isinstance(part, str)) > MAX_LENGTH:
        return None
    written, meant = without_holes(text)
    try:
        root = yaml.compose(written, Loader=Loader)
    except (yaml.YAMLError, UnicodeError, RecursionError, ValueError):
        return None
    if not isinstance(root, yaml.CollectionNode):
        return None
    try:
        found = restored(_node(root, text, iter(range(_NODES)), 0), meant)
    except _TooLarge:
        return None
    return found if isinstance(found, (ListNode, ObjectNode)) else None


class _TooLarge(Exception):
    """More nodes, or deeper ones, than are gone through."""


def _node(node: yaml.Node, text: StringNode, left: Iterator[int], depth: int) -> Node:
    if depth > _DEPTH or next(left, None) is None:
        raise _TooLarge
    if isinstance(node, yaml.SequenceNode):
        return ListNode(tuple(_node(item, text, left, depth + 1) for item in node.value), text.at)
    if isinstance(node, yaml.MappingNode):
        last = {key.value: value for key, value in node.value if isinstance(key, yaml.ScalarNode)}
        inside = ((_scalar(key, text), _node(value, text, left, depth + 1)) for key, value in last.items())
        return ObjectNode(tuple(ObjectEntry(key, value) for key, value in inside), text.at)
    return _scalar(str(node.value), text)


def _scalar(written: str, text: StringNode) -> StringNode:
    return StringNode((written,), text.at, defaults=text.defaults)
