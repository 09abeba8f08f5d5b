"""Access into values: attributes, indexes, elements.

Source: Terraform language documentation, "References to Named Values" (attributes and indexes) and "Types and Values".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from passrole_checks.iam.values.nodes import (
    Absent,
    Choice,
    Failure,
    ListNode,
    Node,
    ObjectNode,
    Position,
    StringNode,
    UnknownTail,
    Unresolved,
    failure,
    moved_to,
    unresolved,
)
from passrole_checks.iam.values.path_conditions import Assumption, Predicate, none_of, one_of
from passrole_checks.iam.values.variants import (
    choose,
    drop_options,
    generalize,
    guard,
    make_choice,
    map_variants,
    restrict,
    same_value,
)
from passrole_checks.sources.terraform.evaluation.symbolic_values import (
    MAX_ITEMS,
    PartlyKnownObject,
    Reference,
    Repeated,
    Unordered,
    known_integer,
    known_string,
    may_equal,
    unresolved_from,
)

MAX_OUTCOMES = 32  # different values under one unknown key
_MAX_ALTERNATIVES = 64  # options followed to find one element


def get_path(
    value: Node,
    step: str | Node,
    source_text: str,
    at: Position,
    named: Callable[[Node], str] | None = None,
    otherwise: Node | None = None,
) -> Node:
    """Return an attribute (``step`` is a string) or an element (``step`` is an index) of a value.

    ``named``: returns the text of an unknown index. ``otherwise``: value if the collection has no such element; see
    :func:`get_by_unknown_key`.
    """
    if isinstance(step, str):
        if not isinstance(value, Choice):
            return _get_attribute(value, step, source_text, at)
        return map_variants(lambda known: _get_attribute(known, step, source_text, at), value)

    def index(known: Node, key: Node) -> Node:
        if isinstance(known, (ObjectNode, ListNode)) and known_string(key) is None:
            return get_by_unknown_key(known, key, source_text, at, named(key) if named is not None else None, otherwise)
        return _get_index(known, key, source_text, at, otherwise)

    return map_variants(index, value, step)


def _get_attribute(value: Node, name: str, source_text: str, at: Position) -> Node:
    if isinstance(value, UnknownTail) and isinstance(value.of, Reference) and not value.of.attribute:
        value = value.of
    if isinstance(value, ObjectNode):
        return _get_entry(value, name, source_text, at)
    if isinstance(value, Reference):
        module = value.module if not value.attribute else None
        return module.attribute(value, name, at) if module is not None else unresolved(source_text, at)
    if isinstance(value, StringNode) and value.only_unresolved is not None:
        return _extend_expression(value, f".{name}", at)
    return failure(source_text, at, f"no attribute {name}")


def _extend_expression(value: StringNode, step: str, at: Position) -> StringNode:
    inner = value.only_unresolved
    assert inner is not None
    kind = Failure if isinstance(value, Failure) else StringNode  # further steps after an error are errors too
    return kind((Unresolved(f"{inner.expression}{step}", reason=inner.reason),), at, defaults=value.defaults)


def known_entry(value: Node, name: str) -> Node | None:
    """Return the value of a key of an object; None if it is no object, has no such key, or may have another value."""
    if type(value) is ObjectNode:
        for entry in reversed(value.entries):
            parts = entry.key.parts
            key = parts[0] if len(parts) == 1 else entry.key.literal
            if key == name:
                return entry.value
            if not isinstance(key, str):
                break  # the key may be the same
    return None


def _get_entry(value: ObjectNode, name: str, source_text: str, at: Position) -> Node:
    result = known_entry(value, name)
    if result is not None:
        return result
    for entry in value.entries:
        key = entry.key.literal
        if key == name:
            result = entry.value
        elif key is None:
            expression, inner = entry.key.unresolved_parts[0].expression, entry.value
            maybe = unresolved(f'{expression}["{name}"]', inner.at)
            has_key = Assumption(expression, frozenset({name}), predicate=Predicate.CONTAINS)
            result = choose(has_key, maybe, result, inner.at) if result is not None else maybe
    if isinstance(value, PartlyKnownObject) and value.rest is not None:
        return moved_to(result, at) if result is not None else _extend_expression(value.rest, f".{name}", at)
    return result if result is not None else failure(source_text, at, f'no key "{name}"')


def _get_index(value: Node, key: Node, source_text: str, at: Position, otherwise: Node | None) -> Node:
    name = known_string(key)
    if isinstance(value, ObjectNode) and name is not None:
        return _get_entry(value, name, source_text, at)
    if isinstance(value, ListNode):
        index = known_integer(key)
        if index is None:
            return failure(source_text, at, "the index is no integer")
        return get_element(value, index, source_text, at, otherwise)
    if isinstance(value, Reference):
        if value.module is None or value.attribute:
            return unresolved_from(source_text, at, value, key)
        instance = value.module.instance(value, key, at)
        if otherwise is None or not isinstance(instance, Reference) or instance.attribute:
            return instance
        when = value.module.existence_condition(instance)
        return _replace_absent(guard(when, instance), otherwise) if when else instance
    if isinstance(value, StringNode) and value.only_unresolved is not None:
        step = f'["{name}"]' if isinstance(key, StringNode) else f"[{name}]"
        return _extend_expression(value, step, at) if name is not None else unresolved_from(source_text, at, value, key)
    return failure(source_text, at, "not a collection")


def get_by_unknown_key(
    value: ObjectNode | ListNode,
    key: Node,
    source_text: str,
    at: Position,
    named: str | None = None,
    otherwise: Node | None = None,
) -> Node:
    """Return the entry or element under an unknown key or index: a :class:`Choice` of all candidates.

    ``named``: text of the key, unique in the configuration, used as the condition. Without it, if keys of ``value`` are
    unknown, or if there are too many different values, the result is one unresolved value with what all candidates
    have in common. ``otherwise``: value under every other key (``lookup``; a failure that ``try`` can catch).
    """
    reason = unresolved_from(source_text, at, key).unresolved_parts[0].reason
    candidates = _candidates(value, key)
    if candidates is None:
        return unresolved(source_text, at, reason)
    if not candidates:
        missing = "no such key" if isinstance(value, ObjectNode) else "no such element"
        return failure(source_text, at, missing) if otherwise is None else otherwise
    groups: list[tuple[list[str], Node]] = []
    for name, node in candidates:
        same = next((names for names, other in groups if same_value(node, other)), None)
        if same is not None:
            same.append(name)
        elif len(groups) >= MAX_OUTCOMES:
            named = None
            break
        else:
            groups.append(([name], node))
    if named is None:
        nodes = [node for _, node in candidates]
        return generalize([*nodes, otherwise] if otherwise is not None else nodes, source_text, at, reason)
    options = [(one_of(named, names), node) for names, node in groups]
    if otherwise is not None:
        options.append((none_of(named, (name for name, _ in candidates)), otherwise))
    return make_choice([(outcome, restrict(node, (outcome,))) for outcome, node in options], at)


def _candidates(value: ObjectNode | ListNode, key: Node) -> list[tuple[str, Node]] | None:
    """Return the possible keys with their values, None if unknown."""
    if isinstance(value, ListNode):
        if isinstance(value, Unordered) or not all(is_single_element(item) for item in value.items):
            return None
        return [(str(index), item) for index, item in enumerate(value.items)]
    last: dict[str, Node] = {}
    for entry in value.entries:
        name = known_string(entry.key)
        if name is None:
            return None
        last[name] = entry.value
    return [(name, last[name]) for name in last if not isinstance(key, StringNode) or may_equal(key, name)]


def get_element(value: ListNode, index: int, source_text: str, at: Position, otherwise: Node | None = None) -> Node:
    """Return the element at an index; a :class:`Choice` if conditions decide which elements exist.

    ``otherwise``: value if there is no such element. Without it, that case is ignored, because Terraform stops with an
    error.
    """
    if isinstance(value, Unordered):
        return unresolved(source_text, at, "the order of the elements is unknown")
    element = _find_element(value.items, index, source_text, at, [_MAX_ALTERNATIVES]) if index >= 0 else None
    if otherwise is not None:
        return _replace_absent(element, otherwise) if element is not None else otherwise
    present = drop_options(element, lambda option: isinstance(option, Absent)) if element is not None else None
    return present or failure(source_text, at, f"no element {index}")


def _find_element(items: Sequence[Node], index: int, source_text: str, at: Position, budget: list[int]) -> Node | None:
    """Return the element at an index, absent under conditions without one; None if there never is one."""
    for position, item in enumerate(items):
        after = items[position + 1 :]
        if isinstance(item, UnknownTail):
            if index > 0:
                return unresolved(source_text, at)
            not_empty = Assumption(collection_name(item), predicate=Predicate.NOT_EMPTY)
            other = _find_element(after, 0, source_text, at, budget)
            return choose(not_empty, item.element, other or Absent(at), at)
        if isinstance(item, Absent):
            continue
        if isinstance(item, Repeated) and index > 0:
            return unresolved(source_text, at)
        if not is_single_element(item):
            assert isinstance(item, Choice)
            budget[0] -= len(item.options)
            if budget[0] < 0:
                return unresolved(source_text, at, "too many alternatives")
            options = []
            for outcome, option in item.options:
                rest = [restrict(other, (outcome,)) for other in after]
                options.append((outcome, _find_element([option, *rest], index, source_text, at, budget) or Absent(at)))
            return make_choice(options, at)
        if index == 0:
            return item
        index -= 1
    return None


def collection_name(item: UnknownTail) -> str:
    """Return the expression of the collection of unknown elements."""
    name = item.unresolved_parts[0].expression if item.unresolved_parts else str(item)
    return name.removesuffix(f".{item.of.attribute}") if isinstance(item.of, Reference) else name


def _replace_absent(node: Node, replacement: Node) -> Node:
    if isinstance(node, Absent):
        return replacement
    if not isinstance(node, Choice):
        return node
    return make_choice([(outcome, _replace_absent(option, replacement)) for outcome, option in node.options], node.at)


def is_single_element(item: Node) -> bool:
    """True if a list item is exactly one element."""
    if isinstance(item, Choice):
        return not isinstance(item, Repeated) and all(is_single_element(option) for _, option in item.options)
    return not isinstance(item, (UnknownTail, Absent))


def to_key(node: Node) -> StringNode:
    """Convert a value to an object key."""
    if isinstance(node, StringNode):
        return node
    value = known_string(node)
    return StringNode((value,), node.at) if value is not None else unresolved("…", node.at, "unknown key")


def limit_items(node: Node, source_text: Callable[[], str], at: Position) -> Node:
    """Return the node, or an unresolved value if it is a collection with too many elements."""
    if isinstance(node, ListNode) and len(node.items) > MAX_ITEMS:
        return unresolved(source_text(), at, "too many elements")
    if isinstance(node, ObjectNode) and len(node.entries) > MAX_ITEMS:
        return unresolved(source_text(), at, "too many entries")
    return node
