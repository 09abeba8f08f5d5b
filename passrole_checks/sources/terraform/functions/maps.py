"""Functions on maps and objects.

Source: Terraform language documentation, "Functions", "Collection Functions" and "Type Conversion Functions".
"""

from __future__ import annotations

from passrole_checks.iam.partial_values import Const, ListNode, Node, ObjectEntry, ObjectNode, StringNode, Unresolved
from passrole_checks.sources.terraform.evaluation.conditional_values import make_choice, map_choices
from passrole_checks.sources.terraform.evaluation.get_path import get_path, to_key
from passrole_checks.sources.terraform.evaluation.scope import key_text
from passrole_checks.sources.terraform.evaluation.symbolic_values import (
    Reference,
    UnknownTail,
    Unordered,
    is_null,
    known_string,
)
from passrole_checks.sources.terraform.functions.collection import elements, listed, rest, settled
from passrole_checks.sources.terraform.functions.signature import FunctionCall, declare, open_ended


def merge(call: FunctionCall, arguments: list[Node]) -> Node | None:
    """Maps in turn, the later one winning; what an unknown one may hold is kept beside the rest."""
    if arguments and all(map(is_null, arguments)):
        return Const(None, call.at)

    def run(*maps: Node) -> Node:
        entries: dict[tuple[object, ...], ObjectEntry] = {}
        for one in maps:
            if isinstance(one, ObjectNode):
                for entry in one.entries:
                    entries.pop(entry.key.parts, None)
                    entries[entry.key.parts] = entry
            elif isinstance(one, StringNode) and one.holes:
                entries[one.parts] = ObjectEntry(rest(one), one)
        return ObjectNode(tuple(entries.values()), call.at)

    return map_choices(run, *arguments)


def keys(call: FunctionCall, arguments: list[Node]) -> Node | None:
    """``keys``: in order; of something that is not known, an unknown run."""
    value = arguments[0]
    if isinstance(value, Reference) and value.module is not None and not value.attribute:
        instances = value.module.instances_of(value)
        if instances is not None:
            return ListNode(tuple(StringNode((key,), call.at) for key in sorted(key for key, _ in instances)), call.at)
    if not isinstance(value, ObjectNode):
        return ListNode((rest(call.hole()),), call.at)
    entries = _by_key(value)
    found = [entry.key if entry.key.literal is not None else rest(entry.key) for entry in entries]
    return listed(list(found), call, exact=_known(value))


def values(call: FunctionCall, arguments: list[Node]) -> Node | None:
    """``values``: in the order of their keys; of something that is not known, an unknown run."""
    value = arguments[0]
    if isinstance(value, ObjectNode):
        found = [
            rest(entry.value)
            if isinstance(entry.key, UnknownTail) and isinstance(entry.value, StringNode)
            else entry.value
            for entry in _by_key(value)
        ]
        return listed(found, call, exact=_known(value))
    if isinstance(value, Reference):
        return ListNode(tuple(elements(value)), call.at)
    return ListNode((rest(call.hole()),), call.at)


def _by_key(value: ObjectNode) -> list[ObjectEntry]:
    """The entries by their keys, each key once, those that are not known at the end."""
    last: dict[tuple[object, ...], ObjectEntry] = {entry.key.parts: entry for entry in value.entries}
    return sorted(last.values(), key=lambda entry: (entry.key.literal is None, entry.key.literal or ""))


def _known(value: ObjectNode) -> bool:
    return all(entry.key.literal is not None for entry in value.entries) or len(value.entries) < 2


def lookup(call: FunctionCall, arguments: list[Node]) -> Node | None:
    """The entry under a key, or the default; both where it is not known whether the map has that key."""
    value, name = arguments[0], known_string(arguments[1])
    default = arguments[2] if len(arguments) > 2 else None
    if name is None:
        missing = default if default is not None or not call.scope.trying else call.fail("no such key")
        return get_path(value, arguments[1], call.words, call.at, lambda key: key_text(key, call.scope), missing)
    if isinstance(value, ObjectNode):
        found = value.get(name)
        if all(entry.key.literal is not None for entry in value.entries):
            return found if found is not None else default if default is not None else call.fail(f'no key "{name}"')
        inner = get_path(value, StringNode((name,), call.at), call.words, call.at)
        if found is not None or default is None:
            return inner
        holder = next(entry.key for entry in value.entries if entry.key.literal is None)
        return _or_default(holder, name, inner, default, call)
    if isinstance(value, StringNode) and value.only_hole is not None:
        inner = get_path(value, StringNode((name,), call.at), call.words, call.at)
        if default is None or isinstance(value, Reference):
            return inner
        return _or_default(value, name, inner, default, call)
    return None


def _or_default(holder: StringNode, name: str, found: Node, default: Node, call: FunctionCall) -> Node:
    condition = call.scope.condition(f'{holder.holes[0].expression} holds "{name}"')
    return make_choice(condition, [("true", found), ("false", default)], call.at)


def zipmap(call: FunctionCall, arguments: list[Node]) -> Node | None:
    """``zipmap``: keys of the first list, values of the second, both known to their ends."""
    first, second = arguments
    if not (isinstance(first, ListNode) and isinstance(second, ListNode)) or isinstance(first, Unordered):
        return None
    if not (settled(first) and settled(second)):
        return None
    if len(first.items) != len(second.items):
        return call.fail("lists of different lengths")
    pairs = zip(first.items, second.items, strict=True)
    return ObjectNode(tuple(ObjectEntry(to_key(key), value) for key, value in pairs), call.at)


def to_map(call: FunctionCall, arguments: list[Node]) -> Node | None:
    """``tomap``: a map or an object as it is."""
    return arguments[0]


def transpose(call: FunctionCall, arguments: list[Node]) -> Node | None:
    """A map of lists turned round: each string of a list with the keys under which it stands."""
    value = arguments[0]
    if not isinstance(value, ObjectNode):
        return None
    turned: dict[str, list[str]] = {}
    for entry in value.entries:
        key = entry.key.literal
        if key is None or not isinstance(entry.value, ListNode):
            return None
        for item in entry.value.items:
            name = known_string(item)
            if name is None:
                return None
            turned.setdefault(name, []).append(key)
    entries = [
        ObjectEntry(
            StringNode((name,), call.at), ListNode(tuple(StringNode((key,), call.at) for key in sorted(found)), call.at)
        )
        for name, found in sorted(turned.items())
    ]
    return ObjectNode(tuple(entries), call.at)


def unknown_entries(value: StringNode, names: set[str]) -> dict[str, Node]:
    """What a map that is not known holds under these names."""
    only = value.only_hole
    if only is None or not open_ended(value):
        return {}
    return {
        name: StringNode(
            (Unresolved(f"{only.expression}.{name}", reason=only.reason),), value.at, defaults=value.defaults
        )
        for name in names
    }


MAPS = declare({
    "merge": (merge, "M*"), "keys": (keys, "m"), "values": (values, "m"), "lookup": (lookup, "msA?"),
    "zipmap": (zipmap, "ll"), "tomap": (to_map, "M"), "transpose": (transpose, "m"),
})  # fmt: skip
