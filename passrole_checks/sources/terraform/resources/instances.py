"""``count`` and ``for_each``: which instances a block has.

Source: Terraform language documentation, "The count Meta-Argument" and "The for_each Meta-Argument".
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from passrole_checks.iam.documents.policy import alternatives_of
from passrole_checks.iam.partial_values import (
    Absent,
    Choice,
    Const,
    ListNode,
    Node,
    ObjectEntry,
    ObjectNode,
    Position,
    StringNode,
    Unresolved,
)
from passrole_checks.iam.path_conditions import PathCondition, simplify
from passrole_checks.sources.terraform.evaluation.conditional_values import make_choice
from passrole_checks.sources.terraform.evaluation.loops import iterations_of
from passrole_checks.sources.terraform.evaluation.scope import EvaluationScope, evaluate
from passrole_checks.sources.terraform.evaluation.symbolic_values import (
    Instance,
    known_bool,
    known_number,
    known_string,
    unresolved,
)
from passrole_checks.sources.terraform.reading.syntax import Block

MAX_INSTANCES = 100  # more of them are evaluated as one, with holes for their keys


@dataclass(frozen=True)
class Instances:
    """``counted``: there is a ``count`` or ``for_each``. ``known``: these are all there can be."""

    items: tuple[Instance, ...]
    counted: bool = False
    known: bool = False
    at: Position | None = None
    address: str = ""

    def unknown(self) -> Instance:
        """An instance of which nothing is known, not even its key."""
        for one in self.items:
            if not one.suffix:
                return one
        return replace(_unknown_instance(self.at or Position("", 1)), label=f"{self.address}[*]")


_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def suffix_of(key: str) -> str:
    """Return what the key of an instance adds to an address: ``["key"]``, quoted as HCL quotes a string."""
    return '["' + "".join(_ESCAPES.get(one) or (one if one >= " " else f"\\u{ord(one):04x}") for one in key) + '"]'


def expand(block: Block, scope: EvaluationScope) -> Instances:
    """The instances of a block. Where ``count`` or ``for_each`` depend on a condition, those of all outcomes."""
    found = _expand(block, scope)
    address = ".".join(block.labels if block.type == "resource" else (block.type, *block.labels))
    items = tuple(replace(one, label=f"{address}{one.suffix or '[*]'}") for one in found.items)
    return replace(found, items=items, address=address)


def _expand(block: Block, scope: EvaluationScope) -> Instances:
    count, for_each = block.body.get("count"), block.body.get("for_each")
    at = scope.position(block.span)
    if count is not None:
        value = evaluate(count.value, scope.in_source(count.source))
        amount = _largest(value)
        if amount is None or amount > MAX_INSTANCES:
            return Instances((_unknown_instance(at),), True, False, at)
        readings = [(when, _largest(option) or 0) for when, option in alternatives_of(value)]
        found = []
        for index in range(max(amount, 0)):
            when = _under_all([reading for reading, number_ in readings if number_ > index])
            found.append(replace(_counted(index, at), when=when))
        return Instances(tuple(found), True, True, at)
    if for_each is not None:
        return _for_each(evaluate(for_each.value, scope.in_source(for_each.source)), at)
    lifecycle = next((inner for inner in block.body.blocks if inner.type == "lifecycle"), None)
    enabled = lifecycle.body.get("enabled") if lifecycle is not None else None
    if enabled is not None and known_bool(evaluate(enabled.value, scope.in_source(enabled.source))) is False:
        return Instances((), True, True, at)  # OpenTofu documentation, "The enabled meta-argument"
    return Instances((Instance(),), False, True, at)


def _counted(index: int, at: Position) -> Instance:
    entry = ObjectEntry(StringNode(("index",), at), Const(index, at))
    return Instance(f"[{index}]", str(index), {"count": ObjectNode((entry,), at)})


def _under_all(readings: list[PathCondition]) -> PathCondition:
    """The conditions under which one of the readings holds; none where they are no longer a few facts together."""
    united = simplify(readings)
    return united[0] if len(united) == 1 else ()


def _largest(value: Node) -> int | None:
    """The largest number that a value can be."""
    if isinstance(value, Choice):
        found = [_largest(option) for _, option in value.options]
        known = [amount for amount in found if amount is not None]
        return max(known) if len(known) == len(found) else None
    if isinstance(value, Const) and isinstance(value.value, bool):
        return int(value.value)
    amount = known_number(value)
    return int(amount) if amount is not None and abs(amount) < 1e18 else None


@dataclass(frozen=True)
class _Element:
    """One instance: ``key`` is None where it is not known."""

    key: str | None
    each_key: Node
    each_value: Node
    when: PathCondition = ()


def _for_each(value: Node, at: Position) -> Instances:
    found, known = _elements(value, at, MAX_INSTANCES)
    if len(found) > MAX_INSTANCES or (not found and not known):
        return Instances((_unknown_instance(at),), True, False, at)
    items = tuple(_each(suffix, one, at) for suffix, one in found.items())
    return Instances(items, True, known, at)


def _elements(value: Node, at: Position, left: int) -> tuple[dict[str, _Element], bool]:
    """The elements of a collection by the suffix that each gives an address, and whether these are all.

    An element that several alternatives hold under one key, with values that differ, has alternatives for its value:
    none of them is lost.
    """
    if not isinstance(value, Choice):
        return _of_reading(value, at)
    merged: dict[str, list[tuple[str, _Element]]] = {}
    known = left > 0
    for outcome, option in value.options if known else ():
        inner, inner_known = _elements(option, at, left - 1)
        known = known and inner_known
        for suffix, one in inner.items():
            merged.setdefault(suffix, []).append((outcome, one))
    found: dict[str, _Element] = {}
    for suffix, readings in merged.items():
        options = [(outcome, one.each_value) for outcome, one in readings]
        when = _under_all([((value.condition, outcome), *one.when) for outcome, one in readings])
        if len(readings) == len(value.options) and not any(one.when for _, one in readings):
            when = ()
        found[suffix] = replace(readings[0][1], each_value=make_choice(value.condition, options, value.at), when=when)
    return found, known


def _of_reading(value: Node, at: Position) -> tuple[dict[str, _Element], bool]:
    rounds = iterations_of(value)
    if rounds is None:
        return {}, isinstance(value, (Const, Absent))
    found: dict[str, _Element] = {}
    known = True
    for one in rounds:
        is_map = not isinstance(value, ListNode)
        for key, each_value in _keyed(one.key if is_map else one.value, one.value, is_map):
            name = None if one.repeated else known_string(key)
            if name is not None:
                found[suffix_of(name)] = _Element(name, StringNode((name,), at), each_value, one.when)
                continue
            known = False
            words = str(key) if isinstance(key, StringNode) else "…"
            suffix = _free(found, suffix_of(words) if not one.repeated or "" in found else "")
            found[suffix] = _Element(None, unresolved("each.key", at) if one.repeated else key, each_value)
    return found, known


def _keyed(key: Node, value: Node, is_map: bool) -> list[tuple[Node, Node]]:
    """An element under each reading of its key. The elements of a set are their own keys."""
    if not isinstance(key, Choice):
        return [(key, value if is_map else key)]
    found: list[tuple[Node, Node]] = []
    for _, option in key.options:
        if not isinstance(option, Absent):
            found.extend(_keyed(option, value, is_map))
    return found


def _free(found: dict[str, _Element], suffix: str) -> str:
    """A suffix that no other element has: two keys that are not known may read alike."""
    number_, free = 2, suffix
    while free in found:
        free = f"{suffix[:-2]} {number_}{suffix[-2:]}"
        number_ += 1
    return free


def _each(suffix: str, element: _Element, at: Position) -> Instance:
    entries = (
        ObjectEntry(StringNode(("key",), at), element.each_key),
        ObjectEntry(StringNode(("value",), at), element.each_value),
    )
    return Instance(suffix, element.key or "", {"each": ObjectNode(entries, at)}, when=element.when)


def _unknown_instance(at: Position) -> Instance:
    each = (
        ObjectEntry(StringNode(("key",), at), StringNode((Unresolved("each.key"),), at)),
        ObjectEntry(StringNode(("value",), at), StringNode((Unresolved("each.value"),), at)),
    )
    count = (ObjectEntry(StringNode(("index",), at), StringNode((Unresolved("count.index"),), at)),)
    return Instance("", "", {"each": ObjectNode(each, at), "count": ObjectNode(count, at)})
