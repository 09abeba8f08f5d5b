"""Values as JSON, which an inventory contains, and back.

A literal string, a number, a boolean and a list are themselves; of others, an object has the kind as key::

    {"text": ["arn:aws:iam::", {"unresolved": "AWS::AccountId", "kind": "an account id"}, ":role/app"]}
    {"object": {"Effect": "Allow", "Action": "iam:PassRole"}}
    {"object": [[{"text": [{"unresolved": "var.operator"}]}, {"object": {}}]]}
    {"choice": [[{"subject": "var.env", "values": ["prod"]}, "a"], [{"subject": "var.env", "negated": true}, "b"]]}
    {"absent": true}, {"null": true}

``from`` names the variables whose defaults a text contains, and the roots that it is from. An inventory is untrusted:
each value is checked while it is read. Positions are those of the inventory: nothing that it says leads to a file.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from enum import Enum
from typing import Any, TypeVar

from passrole_checks.iam.values.nodes import (
    Absent,
    Choice,
    Const,
    ListNode,
    Node,
    ObjectEntry,
    ObjectNode,
    Part,
    Position,
    StringNode,
    Unresolved,
    UnresolvedKind,
    join,
)
from passrole_checks.iam.values.path_conditions import Assumption, PathCondition, Predicate

_DEEPEST = 100  # levels of a value
_LONGEST = 100_000  # characters of a text

_Kind = TypeVar("_Kind", bound=Enum)
_Element = TypeVar("_Element")


class MalformedInventoryError(ValueError):
    """A value that is none of an inventory; its text says what is wrong."""


# -- writing


def value_to_json(node: Node | None) -> Any:
    """Return a value as JSON; None as null."""
    if node is None:
        return None
    if isinstance(node, StringNode):
        return _text_to_json(node)
    if isinstance(node, Const):
        return {"null": True} if node.value is None else node.value
    if isinstance(node, ListNode):
        return list(map(value_to_json, node.items))
    if isinstance(node, ObjectNode):
        return {"object": _entries_to_json(node), **({"block": True} if node.block else {})}
    if isinstance(node, Choice):
        return {"choice": [[_assumption_to_json(when), value_to_json(option)] for when, option in node.options]}
    return {"absent": True}


def _entries_to_json(node: ObjectNode) -> Any:
    """Return an object, or pairs if a key is not literal or occurs twice."""
    entries = [(value_to_json(entry.key), value_to_json(entry.value)) for entry in node.entries]
    names = {name for name, _ in entries if isinstance(name, str)}
    return dict(entries) if len(names) == len(entries) else list(map(list, entries))


def _text_to_json(text: StringNode) -> Any:
    if text.literal is not None and not text.defaults and not text.optional:
        return text.literal
    found: dict[str, Any] = {"text": list(map(_part_to_json, text.parts))}
    found.update({"from": list(text.defaults)} if text.defaults else {})
    return found | ({"optional": True} if text.optional else {})


def _part_to_json(part: Part) -> Any:
    if isinstance(part, str):
        return part
    found: dict[str, Any] = {"unresolved": part.expression}
    found.update({"kind": part.kind.value} if part.kind is not UnresolvedKind.ANYTHING else {})
    found.update({"known": list(map(_part_to_json, part.known))} if part.known else {})
    return found | ({"reason": part.reason} if part.reason else {})


def conditions_to_json(when: PathCondition) -> list[Any]:
    """Return a path condition as JSON."""
    return list(map(_assumption_to_json, when))


def _assumption_to_json(assumption: Assumption) -> dict[str, Any]:
    found: dict[str, Any] = {"subject": assumption.subject}
    found.update({"values": sorted(assumption.values)} if assumption.values else {})
    found.update({"negated": True} if assumption.negated else {})
    found.update({"predicate": assumption.predicate.name.lower()} if assumption.predicate else {})
    found.update({"otherwise": True} if assumption.otherwise else {})
    found.update({"off_by_default": True} if assumption.off_by_default else {})
    return found | ({"written": assumption.written} if assumption.written else {})


# -- reading


def value_from_json(value: Any, at: Position, depth: int = 0) -> Node:
    """Return a value at a position. Raises :class:`MalformedInventoryError`."""
    if depth > _DEEPEST:
        raise MalformedInventoryError("a value of too many levels")
    if isinstance(value, str):
        return StringNode((text_from_json(value),), at)
    if isinstance(value, bool) or (isinstance(value, (int, float)) and math.isfinite(value)):
        return Const(value, at)
    if isinstance(value, list):
        return ListNode(tuple(value_from_json(item, at, depth + 1) for item in value), at)
    if isinstance(value, dict):
        return _object_from_json(value, at, depth + 1)
    raise MalformedInventoryError("a value of no known kind")


def _object_from_json(value: dict[str, Any], at: Position, depth: int) -> Node:
    if "text" in value:
        parts = list_from_json(value["text"], lambda part: _part_from_json(part, depth))
        sources = list_from_json(value.get("from", []), text_from_json)
        return StringNode(join(list(parts)), at, defaults=sources, optional=value.get("optional") is True)
    if "object" in value:
        found = value["object"]
        pairs = list(map(list, found.items())) if isinstance(found, dict) else found
        entries = list_from_json(pairs, lambda entry: _entry_from_json(entry, at, depth))
        return ObjectNode(entries, at, block=value.get("block") is True)
    if "choice" in value:
        options = list_from_json(value["choice"], lambda option: _option_from_json(option, at, depth))
        if not options:
            raise MalformedInventoryError("a choice without options")
        return Choice(options, at)
    if value.get("null") is True or value.get("absent") is True:
        return Const(None, at) if "null" in value else Absent(at)
    raise MalformedInventoryError("a value of no known kind")


def _entry_from_json(entry: Any, at: Position, depth: int) -> ObjectEntry:
    key, value = _pair(entry)
    name = value_from_json(key, at, depth)
    if not isinstance(name, StringNode):
        raise MalformedInventoryError("a key that is not a text")
    return ObjectEntry(name, value_from_json(value, at, depth))


def _option_from_json(option: Any, at: Position, depth: int) -> tuple[Assumption, Node]:
    when, value = _pair(option)
    return _assumption_from_json(when), value_from_json(value, at, depth)


def _part_from_json(part: Any, depth: int) -> Part:
    if isinstance(part, str):
        return text_from_json(part)
    if depth > _DEEPEST:
        raise MalformedInventoryError("a value of too many levels")
    found = object_from_json(part)
    known = list_from_json(found.get("known", []), lambda inner: _part_from_json(inner, depth + 1))
    return Unresolved(
        text_from_json(found.get("unresolved")),
        member_from_json(UnresolvedKind, found.get("kind", UnresolvedKind.ANYTHING.value)),
        known=known or None,
        reason=text_from_json(found.get("reason", "")),
    )


def conditions_from_json(value: Any) -> PathCondition:
    """Return a path condition. Raises :class:`MalformedInventoryError`."""
    return list_from_json(value, _assumption_from_json)


def _assumption_from_json(value: Any) -> Assumption:
    found = object_from_json(value)
    predicate, values = found.get("predicate"), list_from_json(found.get("values", []), text_from_json)
    names = {member.name.lower(): member for member in Predicate}
    if predicate is not None and (not isinstance(predicate, str) or predicate not in names):
        raise MalformedInventoryError("an unknown predicate")
    known = names[predicate] if predicate is not None else None
    if known is not None and len(values) != known.value.count("{}"):
        raise MalformedInventoryError("a predicate with another number of values")
    written = text_from_json(found.get("written", ""))
    subject = text_from_json(found.get("subject"))
    flags = {name: found.get(name) is True for name in ("negated", "otherwise", "off_by_default")}
    return Assumption(subject, frozenset(values), predicate=known, written=written, **flags)


def member_from_json(kinds: type[_Kind], value: Any) -> _Kind:
    """Return a member of an enumeration by its value. Raises :class:`MalformedInventoryError`."""
    try:
        return kinds(value)
    except ValueError:
        raise MalformedInventoryError(f"an unknown kind {str(value)[:60]!r}") from None


def text_from_json(value: Any) -> str:
    """Return a text. Raises :class:`MalformedInventoryError`."""
    if not isinstance(value, str):
        raise MalformedInventoryError("a name that is not a text")
    if len(value) > _LONGEST or "\0" in value:
        raise MalformedInventoryError(f"a text of more than {_LONGEST} characters, or with a NUL")
    return value


def object_from_json(value: Any) -> dict[str, Any]:
    """Return an object. Raises :class:`MalformedInventoryError`."""
    if not isinstance(value, dict):
        raise MalformedInventoryError("not an object")
    return value


def list_from_json(value: Any, convert: Callable[[Any], _Element]) -> tuple[_Element, ...]:
    """Return the converted elements of a list. Raises :class:`MalformedInventoryError`."""
    if not isinstance(value, list):
        raise MalformedInventoryError("not a list")
    return tuple(map(convert, value))


def _pair(value: Any) -> tuple[Any, Any]:
    if not isinstance(value, list) or len(value) != 2:
        raise MalformedInventoryError("not a pair")
    return value[0], value[1]
