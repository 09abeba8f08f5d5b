"""Convert values to the type constraints of variables, and add defaults of optional attributes.

Source: Terraform language documentation,
"Type Constraints" ("Conversion of Complex Types", "Optional Object Type Attributes"), "Types and Values" ("Type
Conversion"). A value that does not fit, which Terraform rejects, is not changed.
"""

from __future__ import annotations

from passrole_checks.iam.values.nodes import Choice, Const, ListNode, Node, ObjectEntry, ObjectNode, StringNode
from passrole_checks.iam.values.variants import map_variants
from passrole_checks.sources.terraform.evaluation.deferred_entries import is_pending
from passrole_checks.sources.terraform.evaluation.scope import EvaluationScope, defer, evaluate
from passrole_checks.sources.terraform.evaluation.symbolic_values import (
    Encoded,
    Reference,
    is_null,
    known_bool,
    known_number,
    known_string,
    number_text,
)
from passrole_checks.sources.terraform.reading.syntax import (
    Call,
    Expression,
    Literal,
    Name,
    Object,
    TemplateExpression,
    Tuple,
)

_MAX_DEPTH = 20


def convert(value: Node, constraint: Expression, scope: EvaluationScope, depth: int = 0) -> Node:
    """Convert a value to a type. Parts that the type does not constrain are not changed."""
    if depth > _MAX_DEPTH:
        return value
    if isinstance(value, Choice):
        return map_variants(lambda known: convert(known, constraint, scope, depth + 1), value)
    if isinstance(constraint, Name):
        return _convert_primitive(value, constraint.name)
    if not isinstance(constraint, Call) or not constraint.arguments:
        return value
    inner = constraint.arguments[0]
    if constraint.name == "optional":
        return convert(value, inner, scope, depth + 1)
    if constraint.name == "object" and isinstance(inner, Object) and isinstance(value, ObjectNode):
        return _convert_object(value, inner, scope, depth)
    if constraint.name in ("list", "set") and isinstance(value, ListNode):
        items = [convert(item, inner, scope, depth + 1) for item in value.items]
        return ListNode(tuple(_deduplicate(items) if constraint.name == "set" else items), value.at)
    if constraint.name == "map" and isinstance(value, ObjectNode):
        entries = [_convert_entry(entry, inner, scope, depth) for entry in value.entries]
        return ObjectNode(tuple(entries), value.at)
    if constraint.name == "tuple" and isinstance(inner, Tuple) and isinstance(value, ListNode):
        converted = [
            convert(item, type_, scope, depth + 1) for item, type_ in zip(value.items, inner.items, strict=False)
        ]
        return ListNode((*converted, *value.items[len(converted) :]), value.at)
    return value


def _convert_primitive(value: Node, type_: str) -> Node:
    """Convert between numbers, booleans and strings."""
    if type_ == "string" and isinstance(value, Const) and value.value is not None:
        return StringNode((number_text(value.value),), value.at)
    if isinstance(value, StringNode) and not isinstance(value, (Reference, Encoded)) and value.literal is not None:
        amount = known_number(value) if type_ == "number" else None
        if amount is not None:
            return Const(amount, value.at)
        decided = known_bool(value) if type_ == "bool" else None
        if decided is not None:
            return Const(decided, value.at)
    return value


def _deduplicate(items: list[Node]) -> list[Node]:
    """Return the elements of a set, without duplicates of known ones."""
    seen: set[str] = set()
    distinct: list[Node] = []
    for item in items:
        known = known_string(item) if isinstance(item, (StringNode, Const)) else None
        if known is None or known not in seen:
            distinct.append(item)
        if known is not None:
            seen.add(known)
    return distinct


def _convert_object(value: ObjectNode, constraint: Object, scope: EvaluationScope, depth: int) -> Node:
    """Return an object with the attributes of the type; a missing optional one gets its default, or null."""
    unknown = [entry for entry in value.entries if entry.key.literal is None]
    given = {entry.key.literal: entry for entry in value.entries}
    entries: list[ObjectEntry] = list(unknown)
    for key, type_ in constraint.items:
        name = _attribute_name(key)
        entry = given.get(name) if name is not None else None
        if entry is None and name is not None and isinstance(type_, Call) and type_.name == "optional" and not unknown:
            entry = ObjectEntry(StringNode((name,), value.at), Const(None, value.at))
        if entry is not None:
            entries.append(_convert_entry(entry, type_, scope, depth))
    return ObjectNode(tuple(entries), value.at)


def _convert_entry(entry: ObjectEntry, type_: Expression, scope: EvaluationScope, depth: int) -> ObjectEntry:
    """Return an entry with its value converted, on first access if it was not evaluated yet."""

    def build() -> Node:
        value = entry.value
        if isinstance(type_, Call) and type_.name == "optional" and len(type_.arguments) > 1:
            value = replace_null(value, evaluate(type_.arguments[1], scope))
        return convert(value, type_, scope, depth + 1)

    if is_pending(entry):
        return defer(entry.key, build, lambda: str(entry.key), scope.budget)
    return ObjectEntry(entry.key, build())


def replace_null(value: Node, default: Node) -> Node:
    """Replace null with the default, in each variant of a value."""
    return map_variants(lambda known: default if is_null(known) else known, value)


def _attribute_name(key: Expression) -> str | None:
    if isinstance(key, Literal):
        return str(key.value)
    if isinstance(key, TemplateExpression) and len(key.parts) == 1:
        return getattr(key.parts[0], "value", None)
    return None
