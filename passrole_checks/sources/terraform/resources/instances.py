"""Instances of a block with ``count`` or ``for_each``.

Source: Terraform language documentation, "The count Meta-Argument" and "The for_each Meta-Argument".
"""

from __future__ import annotations

from dataclasses import replace

from passrole_checks.iam.documents.policy import alternatives_of
from passrole_checks.iam.fast_dataclass import dataclass
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
    text,
)
from passrole_checks.iam.path_conditions import Assumption, PathCondition, simplify
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
from passrole_checks.sources.terraform.resources.blocks import each_object

MAX_INSTANCES = 100  # more are evaluated as a single instance with an unresolved key


@dataclass(frozen=True)
class Instances:
    """The instances of a block. ``counted``: it has ``count`` or ``for_each``. ``known``: ``items`` is complete."""

    items: tuple[Instance, ...]
    counted: bool = False
    known: bool = False
    at: Position | None = None
    address: str = ""

    @property
    def cover_unknown_keys(self) -> bool:
        """True if all instances under unknown keys are one instance without a key."""
        return self.counted and any(not instance.suffix for instance in self.items)

    def unknown(self) -> Instance:
        """Return an instance whose key and values are unknown."""
        for instance in self.items:
            if not instance.suffix:
                return instance
        return replace(_unknown_instance(self.at or Position("", 1)), label=f"{self.address}[*]")


_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def suffix_of(key: str) -> str:
    """Return the address suffix of an instance key: ``["key"]``, quoted as in HCL."""
    return '["' + "".join(map(_escape, key)) + '"]'


def _escape(character: str) -> str:
    return _ESCAPES.get(character) or (character if character >= " " else f"\\u{ord(character):04x}")


def expand_instances(block: Block, scope: EvaluationScope) -> Instances:
    """Return the instances of a block, those of all outcomes if ``count`` or ``for_each`` is conditional."""
    instances = _expand_block(block, scope)
    address = ".".join(block.labels if block.type == "resource" else (block.type, *block.labels))
    items = tuple(
        Instance(one.suffix, one.key, one.variables, f"{address}{one.suffix or '[*]'}", one.when)
        for one in instances.items
    )
    return Instances(items, instances.counted, instances.known, instances.at, address)


def _expand_block(block: Block, scope: EvaluationScope) -> Instances:
    count, for_each = block.body.get("count"), block.body.get("for_each")
    at = scope.position(block.span)
    if count is not None:
        value = evaluate(count.value, scope.in_source(count.source))
        amount = _max_count(value)
        if amount is None or amount > MAX_INSTANCES:
            return Instances((_unknown_instance(at),), True, False, at)
        readings = [(when, _max_count(option) or 0) for when, option in alternatives_of(value)]
        counted = []
        for index in range(max(amount, 0)):
            when = _united_condition([reading for reading, number_ in readings if number_ > index])
            counted.append(replace(_counted_instance(index, at), when=when))
        return Instances(tuple(counted), True, True, at)
    if for_each is not None:
        return _expand_for_each(evaluate(for_each.value, scope.in_source(for_each.source)), at)
    lifecycle = next((inner for inner in block.body.blocks if inner.type == "lifecycle"), None)
    enabled = lifecycle.body.get("enabled") if lifecycle is not None else None
    if enabled is not None and known_bool(evaluate(enabled.value, scope.in_source(enabled.source))) is False:
        return Instances((), True, True, at)  # OpenTofu documentation, "The enabled meta-argument"
    return Instances((Instance(),), False, True, at)


def _counted_instance(index: int, at: Position) -> Instance:
    entry = ObjectEntry(text("index", at), Const(index, at))
    return Instance(f"[{index}]", str(index), {"count": ObjectNode((entry,), at)})


def _united_condition(readings: list[PathCondition]) -> PathCondition:
    """Return the condition under which one of the variants exists; empty if it is not a single conjunction."""
    united = simplify(readings)
    return united[0] if len(united) == 1 else ()


def _max_count(value: Node) -> int | None:
    """Return the largest number that a value can be; None if it has no known limit."""
    if isinstance(value, Choice):
        maxima = [_max_count(option) for _, option in value.options]
        known = [amount for amount in maxima if amount is not None]
        return max(known) if len(known) == len(maxima) else None
    if isinstance(value, Const) and isinstance(value.value, bool):
        return int(value.value)
    amount = known_number(value)
    return int(amount) if amount is not None and abs(amount) < 1e18 else None


@dataclass(frozen=True)
class _ForEachElement:
    """An element of ``for_each``. ``key`` is None if it is unknown."""

    key: str | None
    each_key: Node
    each_value: Node
    when: PathCondition = ()


def _expand_for_each(value: Node, at: Position) -> Instances:
    elements, known = _elements_by_suffix(value, at, MAX_INSTANCES)
    if len(elements) > MAX_INSTANCES or (not elements and not known):
        return Instances((_unknown_instance(at),), True, False, at)
    items = tuple(_instance_of(suffix, element, at) for suffix, element in elements.items())
    return Instances(items, True, known, at)


def _elements_by_suffix(value: Node, at: Position, remaining: int) -> tuple[dict[str, _ForEachElement], bool]:
    """Return the elements of a collection by their address suffix, and true if these are all of them.

    An element with different values in several alternatives keeps all of them as a choice.
    """
    if not isinstance(value, Choice):
        return _elements_of_variant(value, at)
    merged: dict[str, list[tuple[Assumption, _ForEachElement]]] = {}
    known = remaining > 0
    for outcome, option in value.options if known else ():
        inner, inner_known = _elements_by_suffix(option, at, remaining - 1)
        known = known and inner_known
        for suffix, element in inner.items():
            merged.setdefault(suffix, []).append((outcome, element))
    elements: dict[str, _ForEachElement] = {}
    for suffix, readings in merged.items():
        options = [(outcome, element.each_value) for outcome, element in readings]
        when = _united_condition([(outcome, *element.when) for outcome, element in readings])
        if len(readings) == len(value.options) and not any(element.when for _, element in readings):
            when = ()
        elements[suffix] = replace(readings[0][1], each_value=make_choice(options, value.at), when=when)
    return elements, known


def _elements_of_variant(value: Node, at: Position) -> tuple[dict[str, _ForEachElement], bool]:
    rounds = iterations_of(value)
    if rounds is None:
        return {}, isinstance(value, (Const, Absent))
    elements: dict[str, _ForEachElement] = {}
    known = True
    for round_ in rounds:
        is_map = not isinstance(value, ListNode)
        for key, each_value in _key_variants(round_.key if is_map else round_.value, round_.value, is_map):
            name = None if round_.repeated else known_string(key)
            if name is not None:
                elements[suffix_of(name)] = _ForEachElement(name, StringNode((name,), at), each_value, round_.when)
                continue
            known = False
            key_text = str(key) if isinstance(key, StringNode) else "…"
            suffix = _unused_suffix(elements, suffix_of(key_text) if not round_.repeated or "" in elements else "")
            elements[suffix] = _ForEachElement(None, unresolved("each.key", at) if round_.repeated else key, each_value)
    return elements, known


def _key_variants(key: Node, value: Node, is_map: bool) -> list[tuple[Node, Node]]:
    """Return an element under each alternative of its key. Elements of a set are their own keys."""
    if not isinstance(key, Choice):
        return [(key, value if is_map else key)]
    variants: list[tuple[Node, Node]] = []
    for _, option in key.options:
        if not isinstance(option, Absent):
            variants.extend(_key_variants(option, value, is_map))
    return variants


def _unused_suffix(elements: dict[str, _ForEachElement], suffix: str) -> str:
    """Return a suffix that no other element has: two unresolved keys may have the same text."""
    number_, candidate = 2, suffix
    while candidate in elements:
        candidate = f"{suffix[:-2]} {number_}{suffix[-2:]}"
        number_ += 1
    return candidate


def _instance_of(suffix: str, element: _ForEachElement, at: Position) -> Instance:
    each = each_object(element.each_key, element.each_value, at)
    return Instance(suffix, element.key or "", {"each": each}, when=element.when)


def _unknown_instance(at: Position) -> Instance:
    key, value, index = (StringNode((Unresolved(name),), at) for name in ("each.key", "each.value", "count.index"))
    count = ObjectNode((ObjectEntry(text("index", at), index),), at)
    return Instance("", "", {"each": each_object(key, value, at), "count": count})
