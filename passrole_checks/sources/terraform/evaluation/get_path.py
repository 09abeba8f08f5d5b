"""Steps into values: attributes, indexes, elements.

Source: Terraform language documentation, "References to Named Values" (attributes and indexes) and "Types and Values".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from passrole_checks.iam import path_conditions
from passrole_checks.iam.partial_values import (
    Absent,
    Choice,
    ListNode,
    Node,
    ObjectNode,
    Position,
    StringNode,
    Unresolved,
)
from passrole_checks.sources.terraform.evaluation.conditional_values import (
    generalize,
    guard,
    make_choice,
    map_choices,
    restrict,
    same_value,
)
from passrole_checks.sources.terraform.evaluation.symbolic_values import (
    MAX_ITEMS,
    Failure,
    Reference,
    ReferenceScope,
    Repeated,
    UnknownTail,
    Unordered,
    as_integer,
    as_string,
    failure,
    may_equal,
    unresolved,
    unresolved_from,
)

MAX_OUTCOMES = 32  # different values under one key that is not known
_MAX_ALTERNATIVES = 64  # alternatives that are followed to find an element


def get_path(
    value: Node,
    step: str | Node,
    words: str,
    at: Position,
    named: Callable[[Node], str] | None = None,
    otherwise: Node | None = None,
) -> Node:
    """One step into a value: an attribute (a string) or an index.

    ``named`` gives the text of an index that is not known, and ``otherwise`` the value where the collection has none
    such; see :func:`get_by_unknown_key`.
    """
    if isinstance(step, str):
        if not isinstance(value, Choice):
            return _get_attribute(value, step, words, at)
        return map_choices(lambda known: _get_attribute(known, step, words, at), value)

    def index(known: Node, key: Node) -> Node:
        if isinstance(known, (ObjectNode, ListNode)) and as_string(key) is None:
            return get_by_unknown_key(known, key, words, at, named(key) if named is not None else None, otherwise)
        return _get_index(known, key, words, at, otherwise)

    return map_choices(index, value, step)


def _get_attribute(value: Node, name: str, words: str, at: Position) -> Node:
    if isinstance(value, UnknownTail) and value.of is not None and not value.of.attribute:
        value = value.of
    if isinstance(value, ObjectNode):
        return _get_entry(value, name, words, at)
    if isinstance(value, Reference):
        return (
            value.module.attribute(value, name, at)
            if value.module is not None and not value.attribute
            else (unresolved(words, at))
        )
    if isinstance(value, StringNode) and value.only_hole is not None:
        return _extend_expression(value, f".{name}", at)
    return failure(words, at, f"no attribute {name}")


def _extend_expression(value: StringNode, step: str, at: Position) -> StringNode:
    inner = value.only_hole
    assert inner is not None
    kind = Failure if isinstance(value, Failure) else StringNode  # what fails here fails with all that follows
    return kind((Unresolved(f"{inner.expression}{step}", reason=inner.reason),), at, defaults=value.defaults)


def _get_entry(value: ObjectNode, name: str, words: str, at: Position) -> Node:
    found: Node | None = None
    for entry in value.entries:
        key = entry.key.literal
        if key == name:
            found = entry.value
        elif key is None:
            inner = entry.value
            maybe = unresolved(f'{entry.key.holes[0].expression}["{name}"]', inner.at)
            if found is None:
                found = maybe
            else:
                text = f'{entry.key.holes[0].expression} holds "{name}"'
                found = Choice(text, (("true", maybe), ("false", found)), inner.at)
    return found if found is not None else failure(words, at, f'no key "{name}"')


def _get_index(value: Node, key: Node, words: str, at: Position, otherwise: Node | None) -> Node:
    name = as_string(key)
    if isinstance(value, ObjectNode) and name is not None:
        return _get_entry(value, name, words, at)
    if isinstance(value, ListNode):
        place = as_integer(key)
        return (
            failure(words, at, "no whole number") if place is None else get_element(value, place, words, at, otherwise)
        )
    if isinstance(value, Reference):
        if value.module is not None and not value.attribute:
            return _or_if_missing(value.module.instance(value, key, at), value.module, otherwise)
        return unresolved_from(words, at, value, key)
    if isinstance(value, StringNode) and value.only_hole is not None:
        step = f'["{name}"]' if isinstance(key, StringNode) else f"[{name}]"
        return _extend_expression(value, step, at) if name is not None else unresolved_from(words, at, value, key)
    return failure(words, at, "not a collection")


def _or_if_missing(found: Node, module: ReferenceScope, otherwise: Node | None) -> Node:
    """An instance; where an error can be caught also what stands in its place where it does not exist."""
    if otherwise is None or not isinstance(found, Reference) or found.attribute:
        return found
    when = module.existence_condition(found)
    return _replace_absent(guard(when, found), otherwise, drop=False) if when else found


def get_by_unknown_key(
    value: ObjectNode | ListNode,
    key: Node,
    words: str,
    at: Position,
    named: str | None = None,
    otherwise: Node | None = None,
) -> Node:
    """The entry under a key, or the element at an index, that is not known: each that it may be.

    ``named`` is the text of the key, unique in the configuration: the condition of the alternatives. Without it, where
    some keys are not known themselves, and where there are too many different values, a hole that says what all have in
    common. ``otherwise`` is the value under every other key (``lookup``; a failure that ``try`` can catch).
    """
    reason = unresolved_from(words, at, key).holes[0].reason
    found = _candidates(value, key)
    if found is None:
        return unresolved(words, at, reason)
    if not found and otherwise is None:
        return failure(words, at, "no such key" if isinstance(value, ObjectNode) else "no such element")
    groups: list[tuple[list[str], Node]] = []
    for name, node in found:
        same = next((names for names, other in groups if same_value(node, other)), None)
        if same is not None:
            same.append(name)
        elif len(groups) >= MAX_OUTCOMES:
            named = None
            break
        else:
            groups.append(([name], node))
    if named is None:
        nodes = [node for _, node in found]
        return generalize([*nodes, otherwise] if otherwise is not None else nodes, words, at, reason)
    options = []
    for names, node in groups:
        outcome = path_conditions.one_of(names)
        options.append((outcome, restrict(node, named, outcome)))
    if otherwise is not None:
        rest = path_conditions.none_of(name for name, _ in found) if found else "true"
        options.append((rest, restrict(otherwise, named, rest)))
    return make_choice(named, options, at)


def _candidates(value: ObjectNode | ListNode, key: Node) -> list[tuple[str, Node]] | None:
    """The outcomes that a key can have, with the values that they give; None where they are not known."""
    if isinstance(value, ListNode):
        if isinstance(value, Unordered) or not all(is_single_element(item) for item in value.items):
            return None
        return [(str(place), item) for place, item in enumerate(value.items)]
    last: dict[str, Node] = {}
    for entry in value.entries:
        name = as_string(entry.key)
        if name is None:
            return None
        last[name] = entry.value
    fits = [name for name in last if not isinstance(key, StringNode) or may_equal(key, name)]
    return [(path_conditions.quoted(name), last[name]) for name in fits]


def get_element(value: ListNode, place: int, words: str, at: Position, otherwise: Node | None = None) -> Node:
    """The element at a place: one, or where it depends on conditions which elements there are, each that it may be.

    ``otherwise`` is the value where there is no such element. Without it that is not considered, because Terraform
    stops with an error then.
    """
    if isinstance(value, Unordered):
        return unresolved(words, at, "the order of the elements is not known")
    found = _find_element(value.items, place, words, at, [_MAX_ALTERNATIVES]) if place >= 0 else None
    nothing = otherwise if otherwise is not None else failure(words, at, f"no element {place}")
    return _replace_absent(found, nothing, drop=otherwise is None) if found is not None else nothing


def _find_element(items: Sequence[Node], place: int, words: str, at: Position, budget: list[int]) -> Node | None:
    """The element at a place, absent where there is none; None where there surely is none."""
    for number_, item in enumerate(items):
        after = items[number_ + 1 :]
        if isinstance(item, UnknownTail):
            if place > 0:
                return unresolved(words, at)
            there = item.of or StringNode(item.parts, item.at, defaults=item.defaults)
            name = collection_name(item)
            other = _find_element(after, 0, words, at, budget)
            return make_choice(f"{name} is not empty", [("true", there), ("false", other or Absent(at))], at)
        if isinstance(item, Absent):
            continue
        if isinstance(item, Repeated) and place > 0:
            return unresolved(words, at)
        if not is_single_element(item):
            assert isinstance(item, Choice)
            budget[0] -= len(item.options)
            if budget[0] < 0:
                return unresolved(words, at, "too many alternatives")
            options = []
            for outcome, option in item.options:
                rest = [restrict(one, item.condition, outcome) for one in after]
                options.append((outcome, _find_element([option, *rest], place, words, at, budget) or Absent(at)))
            return make_choice(item.condition, options, at)
        if place == 0:
            return item
        place -= 1
    return None


def collection_name(item: UnknownTail) -> str:
    """What elements that are not known one by one are elements of."""
    name = item.holes[0].expression if item.holes else str(item)
    return name.removesuffix(f".{item.of.attribute}") if item.of is not None else name


def _replace_absent(node: Node, nothing: Node, *, drop: bool) -> Node:
    """A node with another in the place of what is absent. ``drop``: rather without that alternative, if others are."""
    if isinstance(node, Absent):
        return nothing
    if not isinstance(node, Choice):
        return node
    options = [(outcome, _replace_absent(option, nothing, drop=drop)) for outcome, option in node.options]
    there = [item for item in options if item[1] is not nothing] if drop else options
    return make_choice(node.condition, there, node.at) if there else nothing


def is_single_element(item: Node) -> bool:
    """Whether an element of a list is exactly one element."""
    if isinstance(item, Choice):
        return not isinstance(item, Repeated) and all(is_single_element(option) for _, option in item.options)
    return not isinstance(item, (UnknownTail, Absent))


def to_key(node: Node) -> StringNode:
    """A value as the key of an object."""
    if isinstance(node, StringNode):
        return node
    value = as_string(node)
    return StringNode((value,), node.at) if value is not None else unresolved("…", node.at, "a key that is not known")


def limit_items(node: Node, words: str, at: Position) -> Node:
    """The node, or a hole where a collection has become too large."""
    if isinstance(node, ListNode) and len(node.items) > MAX_ITEMS:
        return unresolved(words, at, "too many elements")
    if isinstance(node, ObjectNode) and len(node.entries) > MAX_ITEMS:
        return unresolved(words, at, "too many entries")
    return node
