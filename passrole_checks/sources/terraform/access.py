"""Steps into values: attributes, indexes, elements."""

from __future__ import annotations

import re

from passrole_checks.iam.values import Absent, Choice, Hole, Items, Kind, Mapping, Node, Position, Text
from passrole_checks.sources.terraform.symbols import (
    MAX_ITEMS,
    Reference,
    Rest,
    choice,
    distribute,
    failure,
    hole,
    hole_from,
    literal,
    number,
)

_ACCOUNT = re.compile(r"\d{12}")
_NAME = re.compile(r"[\w+=,.@-]+", re.ASCII)


def take(value: Node, step: str | Node, words: str, at: Position) -> Node:
    """One step into a value: an attribute (a string) or an index."""
    if isinstance(step, str):
        return distribute(lambda known: _attribute(known, step, words, at), value)
    return distribute(lambda known, key: _index(known, key, words, at), value, step)


def _attribute(value: Node, name: str, words: str, at: Position) -> Node:
    if isinstance(value, Mapping):
        return _entry(value, name, words, at)
    if isinstance(value, Reference):
        return (
            value.module.attribute(value, name, at)
            if value.module is not None and not value.attribute
            else (hole(words, at))
        )
    if isinstance(value, Text) and value.only_hole is not None:
        return _deeper(value, f".{name}", at)
    return failure(words, at, f"no attribute {name}")


def _deeper(value: Text, step: str, at: Position) -> Text:
    inner = value.only_hole
    assert inner is not None
    return Text((Hole(f"{inner.expression}{step}", reason=inner.reason),), at, defaults=value.defaults)


def _entry(value: Mapping, name: str, words: str, at: Position) -> Node:
    found: Node | None = None
    for entry in value.entries:
        if entry.key.literal == name:
            found = entry.value
        elif entry.key.literal is None:
            inner = entry.value
            maybe = hole(f'{entry.key.holes[0].expression}["{name}"]', inner.at)
            if found is None:
                found = maybe
            else:
                text = f'{entry.key.holes[0].expression} holds "{name}"'
                found = Choice(text, (("true", maybe), ("false", found)), inner.at)
    return found if found is not None else failure(words, at, f'no key "{name}"')


def _index(value: Node, key: Node, words: str, at: Position) -> Node:
    if isinstance(value, Mapping):
        name = literal(key)
        return _entry(value, name, words, at) if name is not None else _one_of(value, key, words, at)
    if isinstance(value, Items):
        place = number(key)
        if place is None:
            return hole(words, at)
        return item_at(value, int(place), words, at)
    if isinstance(value, Reference):
        if value.module is not None and not value.attribute:
            return value.module.indexed(value, key, at)
        return hole(words, at)
    if isinstance(value, Text) and value.only_hole is not None:
        name = literal(key)
        step = f'["{name}"]' if isinstance(key, Text) else f"[{name}]"
        return _deeper(value, step, at) if name is not None else hole(words, at)
    return failure(words, at, "not a collection")


def _one_of(value: Mapping, key: Node, words: str, at: Position) -> Node:
    """The entry under a key that is not known: a hole of the kind that all entries are."""
    texts = [literal(entry.value) for entry in value.entries if isinstance(entry.value, Text)]
    found = [text for text in texts if text is not None]
    kind = Kind.ANYTHING
    if found and len(found) == len(value.entries):
        if all(_ACCOUNT.fullmatch(text) for text in found):
            kind = Kind.ACCOUNT_ID
        elif all(_NAME.fullmatch(text) for text in found):
            kind = Kind.NAME
    reason = hole_from(words, at, key).holes[0].reason
    return hole(words, at, reason, kind)


def item_at(value: Items, place: int, words: str, at: Position) -> Node:
    """The element at a place, if it is known which one that is."""
    if 0 <= place < len(value.items) and all(certain(item) for item in value.items[: place + 1]):
        return value.items[place]
    if all(certain(item) for item in value.items):
        return failure(words, at, f"no element {place}")
    single = [item for item in value.items if not certain(item)]
    if place == 0 and len(value.items) == 1 and isinstance(single[0], (Rest, Choice)):
        return _first(single[0], words, at)
    return hole(words, at)


def _first(item: Node, words: str, at: Position) -> Node:
    if isinstance(item, Choice):
        options = [
            (outcome, failure(words, at, "no element") if isinstance(option, Absent) else option)
            for outcome, option in item.options
        ]
        return choice(item.condition, options, item.at)
    assert isinstance(item, Text)
    return Text(item.parts, item.at, defaults=item.defaults)


def certain(item: Node) -> bool:
    """Whether an element of a list is exactly one element."""
    if isinstance(item, Choice):
        return all(certain(option) for _, option in item.options)
    return not isinstance(item, (Rest, Absent))


def key_text(node: Node) -> Text:
    """A value as the key of an object."""
    if isinstance(node, Text):
        return node
    value = literal(node)
    return Text((value,), node.at) if value is not None else hole("…", node.at, "a key that is not known")


def limited(node: Node, words: str, at: Position) -> Node:
    """The node, or a hole where a collection has become too large."""
    if isinstance(node, Items) and len(node.items) > MAX_ITEMS:
        return hole(words, at, "too many elements")
    if isinstance(node, Mapping) and len(node.entries) > MAX_ITEMS:
        return hole(words, at, "too many entries")
    return node
