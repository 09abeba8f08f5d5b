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
    alike,
    choice,
    map_choices,
    one_hole,
    restrict,
    under,
)
from passrole_checks.sources.terraform.evaluation.symbolic_values import (
    MAX_ITEMS,
    Failure,
    Reference,
    ReferenceScope,
    Repeated,
    UnknownTail,
    Unordered,
    could_be,
    failure,
    hole,
    hole_from,
    literal,
    whole,
)

MAX_OUTCOMES = 32  # different values under one key that is not known
_PLACES = 64  # alternatives that are followed to find an element


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
    such; see :func:`one_of`.
    """
    if isinstance(step, str):
        if not isinstance(value, Choice):
            return _attribute(value, step, words, at)
        return map_choices(lambda known: _attribute(known, step, words, at), value)

    def index(known: Node, key: Node) -> Node:
        if isinstance(known, (ObjectNode, ListNode)) and literal(key) is None:
            return one_of(known, key, words, at, named(key) if named is not None else None, otherwise)
        return _index(known, key, words, at, otherwise)

    return map_choices(index, value, step)


def _attribute(value: Node, name: str, words: str, at: Position) -> Node:
    if isinstance(value, UnknownTail) and value.of is not None and not value.of.attribute:
        value = value.of
    if isinstance(value, ObjectNode):
        return _entry(value, name, words, at)
    if isinstance(value, Reference):
        return (
            value.module.attribute(value, name, at)
            if value.module is not None and not value.attribute
            else (hole(words, at))
        )
    if isinstance(value, StringNode) and value.only_hole is not None:
        return _deeper(value, f".{name}", at)
    return failure(words, at, f"no attribute {name}")


def _deeper(value: StringNode, step: str, at: Position) -> StringNode:
    inner = value.only_hole
    assert inner is not None
    kind = Failure if isinstance(value, Failure) else StringNode  # what fails here fails with all that follows
    return kind((Unresolved(f"{inner.expression}{step}", reason=inner.reason),), at, defaults=value.defaults)


def _entry(value: ObjectNode, name: str, words: str, at: Position) -> Node:
    found: Node | None = None
    for entry in value.entries:
        key = entry.key.literal
        if key == name:
            found = entry.value
        elif key is None:
            inner = entry.value
            maybe = hole(f'{entry.key.holes[0].expression}["{name}"]', inner.at)
            if found is None:
                found = maybe
            else:
                text = f'{entry.key.holes[0].expression} holds "{name}"'
                found = Choice(text, (("true", maybe), ("false", found)), inner.at)
    return found if found is not None else failure(words, at, f'no key "{name}"')


def _index(value: Node, key: Node, words: str, at: Position, otherwise: Node | None) -> Node:
    name = literal(key)
    if isinstance(value, ObjectNode) and name is not None:
        return _entry(value, name, words, at)
    if isinstance(value, ListNode):
        place = whole(key)
        return failure(words, at, "no whole number") if place is None else item_at(value, place, words, at, otherwise)
    if isinstance(value, Reference):
        if value.module is not None and not value.attribute:
            return _perhaps(value.module.indexed(value, key, at), value.module, otherwise)
        return hole_from(words, at, value, key)
    if isinstance(value, StringNode) and value.only_hole is not None:
        step = f'["{name}"]' if isinstance(key, StringNode) else f"[{name}]"
        return _deeper(value, step, at) if name is not None else hole_from(words, at, value, key)
    return failure(words, at, "not a collection")


def _perhaps(found: Node, module: ReferenceScope, otherwise: Node | None) -> Node:
    """An instance; where an error can be caught also what stands in its place where it does not exist."""
    if otherwise is None or not isinstance(found, Reference) or found.attribute:
        return found
    when = module.existence(found)
    return _without(under(when, found), otherwise, drop=False) if when else found


def one_of(
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
    reason = hole_from(words, at, key).holes[0].reason
    found = _candidates(value, key)
    if found is None:
        return hole(words, at, reason)
    if not found and otherwise is None:
        return failure(words, at, "no such key" if isinstance(value, ObjectNode) else "no such element")
    groups: list[tuple[list[str], Node]] = []
    for name, node in found:
        same = next((names for names, other in groups if alike(node, other)), None)
        if same is not None:
            same.append(name)
        elif len(groups) >= MAX_OUTCOMES:
            named = None
            break
        else:
            groups.append(([name], node))
    if named is None:
        nodes = [node for _, node in found]
        return one_hole([*nodes, otherwise] if otherwise is not None else nodes, words, at, reason)
    options = []
    for names, node in groups:
        outcome = path_conditions.one_of(names)
        options.append((outcome, restrict(node, named, outcome)))
    if otherwise is not None:
        rest = path_conditions.none_of(name for name, _ in found) if found else "true"
        options.append((rest, restrict(otherwise, named, rest)))
    return choice(named, options, at)


def _candidates(value: ObjectNode | ListNode, key: Node) -> list[tuple[str, Node]] | None:
    """The outcomes that a key can have, with the values that they give; None where they are not known."""
    if isinstance(value, ListNode):
        if isinstance(value, Unordered) or not all(certain(item) for item in value.items):
            return None
        return [(str(place), item) for place, item in enumerate(value.items)]
    last: dict[str, Node] = {}
    for entry in value.entries:
        name = literal(entry.key)
        if name is None:
            return None
        last[name] = entry.value
    fits = [name for name in last if not isinstance(key, StringNode) or could_be(key, name)]
    return [(path_conditions.quoted(name), last[name]) for name in fits]


def item_at(value: ListNode, place: int, words: str, at: Position, otherwise: Node | None = None) -> Node:
    """The element at a place: one, or where it depends on conditions which elements there are, each that it may be.

    ``otherwise`` is the value where there is no such element. Without it that is not considered, because Terraform
    stops with an error then.
    """
    if isinstance(value, Unordered):
        return hole(words, at, "the order of the elements is not known")
    found = _item(value.items, place, words, at, [_PLACES]) if place >= 0 else None
    nothing = otherwise if otherwise is not None else failure(words, at, f"no element {place}")
    return _without(found, nothing, drop=otherwise is None) if found is not None else nothing


def _item(items: Sequence[Node], place: int, words: str, at: Position, budget: list[int]) -> Node | None:
    """The element at a place, absent where there is none; None where there surely is none."""
    for number_, item in enumerate(items):
        after = items[number_ + 1 :]
        if isinstance(item, UnknownTail):
            if place > 0:
                return hole(words, at)
            there = item.of or StringNode(item.parts, item.at, defaults=item.defaults)
            name = name_of_run(item)
            other = _item(after, 0, words, at, budget)
            return choice(f"{name} is not empty", [("true", there), ("false", other or Absent(at))], at)
        if isinstance(item, Absent):
            continue
        if isinstance(item, Repeated) and place > 0:
            return hole(words, at)
        if not certain(item):
            assert isinstance(item, Choice)
            budget[0] -= len(item.options)
            if budget[0] < 0:
                return hole(words, at, "too many alternatives")
            options = []
            for outcome, option in item.options:
                rest = [restrict(one, item.condition, outcome) for one in after]
                options.append((outcome, _item([option, *rest], place, words, at, budget) or Absent(at)))
            return choice(item.condition, options, at)
        if place == 0:
            return item
        place -= 1
    return None


def name_of_run(item: UnknownTail) -> str:
    """What elements that are not known one by one are elements of."""
    name = item.holes[0].expression if item.holes else str(item)
    return name.removesuffix(f".{item.of.attribute}") if item.of is not None else name


def _without(node: Node, nothing: Node, *, drop: bool) -> Node:
    """A node with another in the place of what is absent. ``drop``: rather without that alternative, if others are."""
    if isinstance(node, Absent):
        return nothing
    if not isinstance(node, Choice):
        return node
    options = [(outcome, _without(option, nothing, drop=drop)) for outcome, option in node.options]
    there = [item for item in options if item[1] is not nothing] if drop else options
    return choice(node.condition, there, node.at) if there else nothing


def certain(item: Node) -> bool:
    """Whether an element of a list is exactly one element."""
    if isinstance(item, Choice):
        return not isinstance(item, Repeated) and all(certain(option) for _, option in item.options)
    return not isinstance(item, (UnknownTail, Absent))


def key_text(node: Node) -> StringNode:
    """A value as the key of an object."""
    if isinstance(node, StringNode):
        return node
    value = literal(node)
    return StringNode((value,), node.at) if value is not None else hole("…", node.at, "a key that is not known")


def limited(node: Node, words: str, at: Position) -> Node:
    """The node, or a hole where a collection has become too large."""
    if isinstance(node, ListNode) and len(node.items) > MAX_ITEMS:
        return hole(words, at, "too many elements")
    if isinstance(node, ObjectNode) and len(node.entries) > MAX_ITEMS:
        return hole(words, at, "too many entries")
    return node
