"""Nested blocks, with ``dynamic`` blocks expanded, and instances of blocks with ``count`` or ``for_each``.

Source: Terraform language documentation, "dynamic Blocks", "The count Meta-Argument", "The for_each Meta-Argument" and
"The lifecycle meta-argument" (``ignore_changes``).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.values.nodes import (
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
    unresolved,
)
from passrole_checks.iam.values.path_conditions import Assumption, PathCondition, Predicate, off_by_default, simplify
from passrole_checks.iam.values.variants import make_choice, variants_of
from passrole_checks.sources.terraform.evaluation.loops import iterations_of
from passrole_checks.sources.terraform.evaluation.scope import EvaluationScope, evaluate
from passrole_checks.sources.terraform.evaluation.symbolic_values import (
    Instance,
    known_bool,
    known_number,
    known_string,
)
from passrole_checks.sources.terraform.reading.syntax import (
    Attribute,
    Block,
    Body,
    GetAttribute,
    Name,
    TemplateExpression,
    Tuple,
)

_MAX_BLOCKS = 200  # per dynamic block
_EVALUATED = frozenset({"statement", "inline_policy", "policies"})  # also if defaults switch them off
MAX_INSTANCES = 100  # more are evaluated as a single instance with an unresolved key


def blocks_of(body: Body, type_: str, scope: EvaluationScope) -> Iterator[tuple[PathCondition, Block, EvaluationScope]]:
    """Yield the blocks of a type as (path condition, block, scope), a ``dynamic`` block once per element.

    The path condition is empty for a block that exists in every case. A ``dynamic`` block over unknown elements is
    yielded once, with an unresolved element, under the condition that there are any.
    """
    for block in body.blocks:
        if block.type == type_:
            yield (), block, scope.in_source(block.source)
        elif block.type == "dynamic" and block.labels[:1] == (type_,):
            yield from expand_dynamic(block, scope.in_source(block.source))


def expand_dynamic(block: Block, scope: EvaluationScope) -> Iterator[tuple[PathCondition, Block, EvaluationScope]]:
    """Yield the blocks that a ``dynamic`` block generates.

    If it generates no statement, or no inline policy, because of the defaults of variables: those without these
    defaults, under conditions that are off by default.
    """
    contents = list(block.body.all("content"))
    for_each = block.body.get("for_each")
    if not contents or for_each is None:
        return
    blocks = list(_generated(block, contents[0], for_each, scope))
    for module in scope.module.without_defaults(for_each) if not blocks and block.labels[0] in _EVALUATED else ():
        generated = _generated(block, contents[0], for_each, replace(scope, module=module))
        blocks = blocks or [(off_by_default(when), inner, under) for when, inner, under in generated if when]
    yield from blocks


def _generated(
    block: Block, content: Block, for_each: Attribute, scope: EvaluationScope
) -> Iterator[tuple[PathCondition, Block, EvaluationScope]]:
    name = iterator_name(block)
    value = evaluate(for_each.value, scope.in_source(for_each.source))
    subject = scope.unique_text(for_each.value.span)
    for when, collection in variants_of(value):
        rounds = iterations_of(collection) or []
        for round_ in rounds[:_MAX_BLOCKS]:
            inner = scope.with_variables(
                {name: each_object(round_.key, round_.value, value.at)}, round_.labels(None, name, subject)
            )
            uncertain = round_.repeated and not round_.when
            nonempty = (scope.assume(subject, Predicate.NOT_EMPTY),) if uncertain else ()
            yield when + round_.when + nonempty, content, inner
        if len(rounds) > _MAX_BLOCKS:
            yield (*when, scope.assume(subject, Predicate.LONGER, str(_MAX_BLOCKS))), content, scope


def iterator_name(block: Block) -> str:
    """Return the name of the variable of a ``dynamic`` block."""
    iterator = block.body.get("iterator")
    return iterator.value.name if iterator is not None and isinstance(iterator.value, Name) else block.labels[0]


def each_object(key: Node, value: Node, at: Position) -> ObjectNode:
    """Return the object with ``key`` and ``value`` that ``each`` or the iterator of a dynamic block refers to."""
    return ObjectNode((ObjectEntry(text("key", at), key), ObjectEntry(text("value", at), value)), at)


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
    escaped = (_ESCAPES.get(sign) or (sign if sign >= " " else f"\\u{ord(sign):04x}") for sign in key)
    return f'["{"".join(escaped)}"]'


def expand_instances(block: Block, scope: EvaluationScope) -> Instances:
    """Return the instances of a block, those of all outcomes if ``count`` or ``for_each`` is conditional."""
    instances = _expand_block(block, scope)
    address = block.address
    items = tuple(
        Instance(each.suffix, each.key, each.variables, f"{address}{each.suffix or '[*]'}", each.when)
        for each in instances.items
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
        readings = [(when, _max_count(option) or 0) for when, option in variants_of(value)]
        counted = []
        for index in range(max(amount, 0)):
            when = _united_condition([reading for reading, most in readings if most > index])
            variables: dict[str, Node] = {"count": ObjectNode((ObjectEntry(text("index", at), Const(index, at)),), at)}
            counted.append(Instance(f"[{index}]", str(index), variables, when=when))
        return Instances(tuple(counted), True, True, at)
    if for_each is not None:
        value = evaluate(for_each.value, scope.in_source(for_each.source))
        elements, known = _elements_by_suffix(value, at, MAX_INSTANCES)
        if len(elements) > MAX_INSTANCES or (not elements and not known):
            return Instances((_unknown_instance(at),), True, False, at)
        items = (
            Instance(suffix, element.key or "", {"each": each_object(*element.each, at)}, when=element.when)
            for suffix, element in elements.items()
        )
        return Instances(tuple(items), True, known, at)
    lifecycle = next((inner for inner in block.body.blocks if inner.type == "lifecycle"), None)
    enabled = lifecycle.body.get("enabled") if lifecycle is not None else None
    if enabled is not None and known_bool(evaluate(enabled.value, scope.in_source(enabled.source))) is False:
        return Instances((), True, True, at)  # OpenTofu documentation, "The enabled meta-argument"
    return Instances((Instance(),), False, True, at)


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
    """An element of ``for_each``. ``key`` is None if it is unknown. ``each``: the values of ``each.key`` and
    ``each.value``."""

    key: str | None
    each: tuple[Node, Node]
    when: PathCondition = ()


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
        options = [(outcome, element.each[1]) for outcome, element in readings]
        when = _united_condition([(outcome, *element.when) for outcome, element in readings])
        if len(readings) == len(value.options) and not any(element.when for _, element in readings):
            when = ()
        first = readings[0][1]
        elements[suffix] = replace(first, each=(first.each[0], make_choice(options, value.at)), when=when)
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
                elements[suffix_of(name)] = _ForEachElement(name, (text(name, at), each_value), round_.when)
                continue
            known = False
            key_text = str(key) if isinstance(key, StringNode) else "…"
            suffix = unused = suffix_of(key_text) if not round_.repeated or "" in elements else ""
            number = 2
            while unused in elements:  # two unresolved keys may have the same text
                unused, number = f"{suffix[:-2]} {number}{suffix[-2:]}", number + 1
            each_key = unresolved("each.key", at) if round_.repeated else key
            elements[unused] = _ForEachElement(None, (each_key, each_value))
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


def _unknown_instance(at: Position) -> Instance:
    key, value, index = (StringNode((Unresolved(name),), at) for name in ("each.key", "each.value", "count.index"))
    count = ObjectNode((ObjectEntry(text("index", at), index),), at)
    return Instance("", "", {"each": each_object(key, value, at), "count": count})


def ignores_changes(block: Block, attribute: str) -> bool:
    """True if Terraform leaves the attribute of a deployed resource as it is (``ignore_changes``)."""
    written = block.source_bytes
    if written is not None and b"ignore_changes" not in written:
        return False
    for inner in block.body.blocks:
        ignored = inner.body.get("ignore_changes") if inner.type == "lifecycle" else None
        if ignored is None:
            continue
        items = ignored.value.items if isinstance(ignored.value, Tuple) else (ignored.value,)
        if any(_first_name(item) in ("all", attribute) for item in items):
            return True
    return False


def _first_name(expression: object) -> str:
    """Return the attribute that an element of ``ignore_changes`` names, in either form: ``policy``, ``"policy"``."""
    while isinstance(expression, GetAttribute):
        expression = expression.target
    if isinstance(expression, Name):
        return expression.name
    if isinstance(expression, TemplateExpression) and len(expression.parts) == 1:
        return str(getattr(expression.parts[0], "value", ""))
    return ""
