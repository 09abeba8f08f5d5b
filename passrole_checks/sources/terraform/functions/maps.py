"""Functions on maps and objects.

Source: Terraform language documentation, "Functions", "Collection Functions" and "Type Conversion Functions".
"""

from __future__ import annotations

from passrole_checks.iam.values.nodes import (
    Const,
    ListNode,
    Node,
    ObjectEntry,
    ObjectNode,
    StringNode,
    UnknownTail,
    Unresolved,
    text,
)
from passrole_checks.iam.values.path_conditions import Predicate
from passrole_checks.iam.values.variants import choose, map_variants
from passrole_checks.sources.terraform.evaluation.get_path import get_path, to_key
from passrole_checks.sources.terraform.evaluation.scope import key_text
from passrole_checks.sources.terraform.evaluation.statement_position import at_actions
from passrole_checks.sources.terraform.evaluation.symbolic_values import (
    Reference,
    instances_of,
    is_null,
    known_string,
    sorted_entries,
)
from passrole_checks.sources.terraform.functions.collection import (
    build_list,
    elements,
    is_definite,
    unchanged,
    unknown_tail,
)
from passrole_checks.sources.terraform.functions.signature import FunctionCall, declare, is_untyped


def merge(call: FunctionCall, arguments: list[Node]) -> Node | None:
    """Evaluate ``merge``: later maps win; the entries of an unresolved map are added as one unresolved entry."""
    if arguments and all(map(is_null, arguments)):
        return Const(None, call.at)

    def run(*maps: Node) -> Node:
        entries: dict[tuple[object, ...], ObjectEntry] = {}
        for map_ in maps:
            if isinstance(map_, ObjectNode):
                for entry in map_.entries:
                    entries.pop(entry.key.parts, None)
                    entries[entry.key.parts] = entry
            elif isinstance(map_, StringNode) and map_.unresolved_parts:
                entries[map_.parts] = ObjectEntry(unknown_tail(map_), map_)
        merged = ObjectNode(tuple(entries.values()), call.at)
        kept = set(map(id, merged.entries))
        whole = (one for one in maps if isinstance(one, ObjectNode) and kept.issuperset(map(id, one.entries)))
        return at_actions(merged, whole)  # not at one of which another one replaces entries

    return map_variants(run, *arguments)


def keys(call: FunctionCall, arguments: list[Node]) -> Node | None:
    """Evaluate ``keys``: sorted; for an unresolved value, an unknown number of elements."""
    value = arguments[0]
    instances = instances_of(value)
    if instances is not None:
        return ListNode(tuple(StringNode((key,), call.at) for key in sorted(key for key, _ in instances)), call.at)
    if not isinstance(value, ObjectNode):
        return ListNode((unknown_tail(call.unresolved()),), call.at)
    entries = sorted_entries(value)
    items = [entry.key if entry.key.literal is not None else unknown_tail(entry.key) for entry in entries]
    return build_list(list(items), call, exact=_has_known_keys(value))


def values(call: FunctionCall, arguments: list[Node]) -> Node | None:
    """Evaluate ``values``: in the order of the keys; for an unresolved value, an unknown number of elements."""
    value = arguments[0]
    if isinstance(value, ObjectNode):
        items = [
            unknown_tail(entry.value)
            if isinstance(entry.key, UnknownTail) and isinstance(entry.value, StringNode)
            else entry.value
            for entry in sorted_entries(value)
        ]
        return build_list(items, call, exact=_has_known_keys(value))
    if isinstance(value, Reference):
        return ListNode(tuple(elements(value)), call.at)
    return ListNode((unknown_tail(call.unresolved()),), call.at)


def _has_known_keys(value: ObjectNode) -> bool:
    return all(entry.key.literal is not None for entry in value.entries) or len(value.entries) < 2


def lookup(call: FunctionCall, arguments: list[Node]) -> Node | None:
    """Evaluate ``lookup``: the entry of a key or the default; a choice of both if the map may lack the key."""
    value, name = arguments[0], known_string(arguments[1])
    default = arguments[2] if len(arguments) > 2 else None
    if name is None:
        missing = default if default is not None or not call.scope.trying else call.fail("no such key")
        return get_path(value, arguments[1], call.text, call.at, lambda key: key_text(key, call.scope), missing)
    if isinstance(value, ObjectNode):
        entry_value = value.get(name)
        if all(entry.key.literal is not None for entry in value.entries):
            entry_value = default if entry_value is None else entry_value
            return entry_value if entry_value is not None else call.fail(f'no key "{name}"')
        inner = get_path(value, StringNode((name,), call.at), call.text, call.at)
        if entry_value is not None or default is None:
            return inner
        unknown_key = next(entry.key for entry in value.entries if entry.key.literal is None)
        return _entry_or_default(unknown_key, name, inner, default, call)
    if isinstance(value, StringNode) and value.only_unresolved is not None:
        inner = get_path(value, StringNode((name,), call.at), call.text, call.at)
        if default is None or isinstance(value, Reference):
            return inner
        return _entry_or_default(value, name, inner, default, call)
    return None


def _entry_or_default(unknown: StringNode, name: str, entry: Node, default: Node, call: FunctionCall) -> Node:
    has_key = call.scope.assume(unknown.unresolved_parts[0].expression, Predicate.CONTAINS, name)
    return choose(has_key, entry, default, call.at)


def zipmap(call: FunctionCall, arguments: list[Node]) -> Node | None:
    """Evaluate ``zipmap``: keys from the first list, values from the second; None unless both are completely known."""
    first, second = arguments
    if not (
        isinstance(first, ListNode) and isinstance(second, ListNode) and is_definite(first) and is_definite(second)
    ):
        return None
    if len(first.items) != len(second.items):
        return call.fail("lists of different lengths")
    pairs = zip(first.items, second.items, strict=True)
    return ObjectNode(tuple(ObjectEntry(to_key(key), value) for key, value in pairs), call.at)


def transpose(call: FunctionCall, arguments: list[Node]) -> Node | None:
    """Evaluate ``transpose``: map each string in the lists to the keys of the lists that contain it."""
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
    entries = (
        ObjectEntry(text(name, call.at), ListNode(tuple(text(key, call.at) for key in sorted(keys)), call.at))
        for name, keys in sorted(turned.items())
    )
    return ObjectNode(tuple(entries), call.at)


def unknown_entries(value: StringNode, names: set[str]) -> dict[str, Node]:
    """Return an entry for each name in an unresolved map; empty if the value cannot be a map."""
    only = value.only_unresolved
    if only is None or not is_untyped(value):
        return {}
    entries = {name: Unresolved(f"{only.expression}.{name}", reason=only.reason) for name in names}
    return {name: StringNode((entry,), value.at, defaults=value.defaults) for name, entry in entries.items()}


MAPS = declare({
    "merge": (merge, "M*"), "keys": (keys, "m"), "values": (values, "m"), "lookup": (lookup, "msA?"),
    "zipmap": (zipmap, "ll"), "tomap": (unchanged, "M"), "transpose": (transpose, "m"),
})  # fmt: skip
