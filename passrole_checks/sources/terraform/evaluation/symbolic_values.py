"""Values that exist only during the evaluation of Terraform.

Every value is a node of :mod:`passrole_checks.iam.values.nodes`. Four kinds of string nodes carry extra
information during the evaluation. Their string parts are unresolved values, so that nothing is lost if one leaks.
:mod:`to_plain` converts them to ordinary nodes at the end.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import field, replace
from typing import Protocol

from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.lazy_regex import lazy_regex
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
    UnknownTail,
    Unresolved,
    UnresolvedKind,
    children_of,
    join,
    map_children,
    unresolved,
)
from passrole_checks.iam.values.path_conditions import PathCondition
from passrole_checks.iam.values.variants import defaults_of, guard, same_value
from passrole_checks.sources.terraform.evaluation.deferred_entries import evaluated_values
from passrole_checks.sources.terraform.reading.syntax import Block

MAX_TEXT = 1_000_000  # characters of one string
MAX_PARTS = 5_000  # literals and unresolved values of one string
MAX_ITEMS = 10_000  # elements of one collection
MAX_NODES = 50_000  # nodes of one value
_MAX_SEARCHED = 100  # nodes searched for the reason of an unresolved value
NUMBER = lazy_regex(r"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?")  # as a string
_LONGEST_NUMBER = 300
KNOWN_AFTER_APPLY = "known after apply"  # reason of an unresolved attribute of a resource

_UNSAFE = str.maketrans({sign: f"\\u{ord(sign):04x}" for sign in "<>&\u2028\u2029"})
_FORMS = {
    UnresolvedKind.ACCOUNT_ID: r"\d{12}",
    UnresolvedKind.NAME: r"[^*?:/]+",
    UnresolvedKind.PARTITION: r"[a-z0-9-]+",
    UnresolvedKind.REGION: r"[a-z0-9-]+",
}


@dataclass(frozen=True, slots=True)
class Repeated(Choice):
    """List element: any number of elements, each with these options; absent if there are none."""


@dataclass(frozen=True, slots=True)
class Unordered(ListNode):
    """A list whose elements are known, but not their order and number (sorted, distinct)."""


@dataclass(frozen=True, slots=True)
class PartlyKnownObject(ObjectNode):
    """An object of which other keys may exist; ``rest`` is the object as an unresolved value."""

    rest: StringNode | None = None


@dataclass(frozen=True, slots=True)
class Encoded(StringNode):
    """The JSON text of ``value`` (``jsonencode``, a policy document data source), kept as a tree until used as text."""

    value: Node | None = None

    def has_value_of(self, other: StringNode) -> bool:
        """True if another one encodes an equal value."""
        if self.value is None or not isinstance(other, Encoded) or other.value is None:
            return StringNode.has_value_of(self, other)
        return self.defaults == other.defaults and same_value(self.value, other.value)


@dataclass(frozen=True)
class Instance:
    """One instance of a block: the suffix of its address, and the values of ``each`` and ``count``."""

    suffix: str = ""
    key: str = ""
    variables: dict[str, Node] = field(default_factory=dict)
    label: str = ""  # instance and block, for the text of conditions
    when: PathCondition = ()  # conditions under which it exists


class ReferenceScope(Protocol):
    """Module in which a reference is resolved."""

    def attribute(self, value: Reference, name: str, at: Position) -> Node:
        """Return an attribute of a resource or data source, or an output of a module."""

    def instance(self, value: Reference, key: Node, at: Position) -> Node:
        """Return one instance of a block with ``count`` or ``for_each``."""

    def instances_of(self, value: Reference) -> list[tuple[str, Node]] | None:
        """Return keys and instances; None if they are unknown, or for a single instance without a key."""

    def existence_condition(self, value: Reference) -> PathCondition:
        """Return the conditions under which an instance, or any instance of a block, exists; empty if it always
        does."""


@dataclass(frozen=True, slots=True)
class Reference(StringNode):
    """A resource or data source, or (with ``attribute``) one of its attributes, as an unresolved value."""

    address: str = ""
    type: str = ""
    attribute: str = ""
    block: Block | None = field(default=None, compare=False, repr=False)
    module: ReferenceScope | None = field(default=None, compare=False, repr=False)
    instance: Instance | None = field(default=None, compare=False, repr=False)

    def has_value_of(self, other: StringNode) -> bool:
        """True if another one refers to the same attribute of the same resource."""
        return replace(self, at=other.at) == other


def repeat(when: PathCondition, node: Node) -> Repeated:
    """Return any number of elements of this form, at least one under ``when``. Raises ValueError if that is empty."""
    guarded = guard(when, node)
    if not when or not isinstance(guarded, Choice):
        raise ValueError("no condition")
    return Repeated(guarded.options, guarded.at)


def instances_of(value: Node) -> list[tuple[str, Node]] | None:
    """Return keys and instances of a resource or data source with ``count`` or ``for_each``; None for another value and
    if they are unknown."""
    if isinstance(value, Reference) and value.module is not None and not value.attribute:
        return value.module.instances_of(value)
    return None


def unresolved_from(expression: str, at: Position, *operands: Node) -> StringNode:
    """Return an unresolved value that depends on other unresolved values; it gets the first of their reasons."""
    return unresolved(expression, at, next(filter(None, map(_first_reason, operands)), ""))


def _first_reason(operand: Node) -> str:
    """Return the reason of the first unresolved part of a value; empty if it has none."""
    pending, after_apply, left = [operand], "", _MAX_SEARCHED
    while pending and left:
        current, left = pending.pop(), left - 1
        if isinstance(current, Encoded) and current.value is not None:
            pending.append(current.value)
        elif isinstance(current, StringNode):
            reason = next((part.reason for part in current.unresolved_parts if part.reason), "")
            if reason:
                return reason
            if isinstance(current, Reference) and current.attribute:
                after_apply = KNOWN_AFTER_APPLY
        elif isinstance(current, ObjectNode):
            pending.extend(node for entry in reversed(current.entries) for node in (entry.value, entry.key))
        else:
            pending.extend(reversed(children_of(current)))
    return after_apply


def known_string(node: Node) -> str | None:
    """Return the string that a node is known to be, numbers and booleans converted as Terraform does; else None."""
    if isinstance(node, StringNode):
        if len(node.parts) == 1 and isinstance(node.parts[0], str) and not isinstance(node, Encoded):
            return node.parts[0]  # most strings
        return fill_known_parts(node).literal
    if isinstance(node, Const) and node.value is not None:
        return number_text(node.value)
    return None


def number_text(value: int | float | bool) -> str:
    """Format a number or a bool as Terraform does in a string."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return str(value)


def fill_known_parts(text: StringNode) -> StringNode:
    """Replace unresolved values whose content is fully known (the name of a role)."""
    if isinstance(text, Encoded):
        return encode_json(text)
    if not any(isinstance(part, Unresolved) and part.known for part in text.parts):
        return text
    parts: list[Part] = []
    for part in text.parts:
        if isinstance(part, Unresolved) and part.known and all(isinstance(piece, str) for piece in part.known):
            parts.append("".join(piece for piece in part.known if isinstance(piece, str)))
        else:
            parts.append(part)
    return StringNode(join(parts), text.at, defaults=text.defaults)


def is_null(node: Node) -> bool:
    """True if a value is known to be null or absent."""
    return isinstance(node, Absent) or (isinstance(node, Const) and node.value is None)


def is_unknown(node: Node) -> bool:
    """True if nothing is known of a value, not even its type."""
    return (
        isinstance(node, StringNode) and node.only_unresolved is not None and not isinstance(node, (Encoded, Reference))
    )


def is_never_empty(text: StringNode) -> bool:
    """True if a string is known to contain at least one character."""
    return any(
        (part != "")
        if isinstance(part, str)
        else (part.kind is not UnresolvedKind.ANYTHING or bool(part.role or part.known))
        for part in text.parts
    )


def may_equal(text: StringNode, value: str) -> bool:
    """True if a string may equal ``value``, by its known parts and the kinds of its unresolved values."""
    return re.fullmatch("".join(map(_regex_for, text.parts)), value, re.DOTALL) is not None


def _regex_for(part: Part) -> str:
    if isinstance(part, str):
        return re.escape(part)
    if part.known:
        return "".join(map(_regex_for, part.known))
    return _FORMS.get(part.kind, ".*")


def known_bool(node: Node) -> bool | None:
    """Return the value of a condition, None if unknown."""
    value = known_string(node)
    return {"true": True, "false": False}.get(value) if value is not None else None


def known_number(node: Node) -> int | float | None:
    """Return the finite number that a value is known to be, else None."""
    if isinstance(node, Const):
        value = node.value
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return None
        return value if isinstance(value, int) or math.isfinite(value) else None
    text = known_string(node) if isinstance(node, StringNode) else None
    if text is None or len(text) > _LONGEST_NUMBER or not NUMBER.fullmatch(text):
        return None
    amount = int(text) if re.fullmatch(r"-?\d+", text) else float(text)
    return amount if isinstance(amount, int) or math.isfinite(amount) else None


def known_integer(node: Node) -> int | None:
    """Return the integer that a value is known to be, else None."""
    amount = known_number(node)
    return int(amount) if amount is not None and amount == int(amount) else None


def join_values(values: Iterable[Node], at: Position) -> StringNode:
    """Join values to one string. A value that is no string becomes unresolved."""
    pieces = list(values)
    parts: list[Part] = []
    for value in pieces:
        parts.extend(parts_of(value))
        if len(parts) > MAX_PARTS:
            break
    if is_too_long(parts):
        return unresolved("…", at, "too long")
    return StringNode(join(parts), at, defaults=defaults_of(pieces))


def is_too_long(parts: Sequence[Part]) -> bool:
    """True if a string exceeds the limits of parts or characters."""
    return len(parts) > MAX_PARTS or sum(len(part) for part in parts if isinstance(part, str)) > MAX_TEXT


def parts_of(value: Node) -> tuple[Part, ...]:
    """Return the parts of a value inside a template."""
    if isinstance(value, Encoded):
        return encode_json(value).parts
    if isinstance(value, StringNode):
        return value.parts
    if isinstance(value, Const) and value.value is not None:
        return (number_text(value.value),)
    return (Unresolved("…", reason="not a string"),)


def encode_json(encoded: Encoded) -> StringNode:
    """Return the JSON text of a value. An unresolved value of unknown type is not quoted, one that is a string is."""
    parts: list[Part] = []
    if encoded.value is not None:
        _write_json(encoded.value, parts)
    large = len(parts) > MAX_NODES
    if large or sum(len(part) for part in parts if isinstance(part, str)) > MAX_TEXT:  # JSON in JSON in JSON doubles
        first = encoded.parts[0]
        source_text = first if isinstance(first, str) else first.expression
        return unresolved(source_text, encoded.at, "too large" if large else "too long")
    return StringNode(join(parts), encoded.at, defaults=encoded.defaults)


def limit_size(node: Node, source_text: str) -> Node:
    """Return the node, or an unresolved value if it has too many nodes."""
    size = count_nodes(node)
    return node if size is not None and size <= MAX_NODES else unresolved(source_text, node.at, "too large")


def count_nodes(node: Node, container: ObjectEntry | None = None) -> int | None:
    """Count the evaluated nodes of a value, stopping above the limit; None if the value contains ``container``."""
    if isinstance(node, Const) or (isinstance(node, StringNode) and not isinstance(node, Encoded)):
        return 1
    count = 0
    pending: list[Node] = [node]
    while pending and count <= MAX_NODES:
        current = pending.pop()
        count += 1
        if isinstance(current, StringNode):  # inline: the most frequent walk
            if isinstance(current, Encoded) and current.value is not None:
                pending.append(current.value)
        elif isinstance(current, ListNode):
            pending.extend(current.items)
        elif isinstance(current, ObjectNode):
            if container is not None and any(entry is container for entry in current.entries):
                return None
            pending.extend(evaluated_values(current))
        elif isinstance(current, Choice):
            pending.extend([option for _, option in current.options])
    return count


def _write_json(node: Node, parts: list[Part]) -> None:
    """Append the JSON text of a node to ``parts``."""
    if len(parts) > MAX_NODES:
        return
    if isinstance(node, UnknownTail):
        parts.append(node.unresolved_parts[0] if node.unresolved_parts else Unresolved("…"))
    elif isinstance(node, StringNode):
        _write_json_string(node, parts)
    elif isinstance(node, Const):
        parts.append("null" if node.value is None else number_text(node.value))
    elif isinstance(node, ListNode):
        parts.append("[")
        for index, item in enumerate(item for item in node.items if not isinstance(item, Absent)):
            parts.append("," if index else "")
            _write_json(item, parts)
        parts.append("]")
    elif isinstance(node, ObjectNode):
        parts.append("{")
        for index, entry in enumerate(sorted_entries(node)):
            parts.append("," if index else "")
            if entry.key.literal is None and entry.key.only_unresolved is not None:
                parts.append(entry.key.only_unresolved)
                continue
            _write_json(StringNode(entry.key.parts, entry.key.at), parts)
            parts.append(":")
            _write_json(entry.value, parts)
        parts.append("}")
    elif isinstance(node, Choice):
        parts.append(Unresolved(node.condition, reason="depends on a condition"))
    else:
        parts.append("null")


def _write_json_string(node: StringNode, parts: list[Part]) -> None:
    only = node.only_unresolved
    is_untyped = only is not None and only.kind is UnresolvedKind.ANYTHING and not (only.role or only.known)
    if only is not None and is_untyped and type(node) is StringNode:
        parts.append(only)
        return
    parts.append('"')
    for part in encode_json(node).parts if isinstance(node, Encoded) else node.parts:
        # ``jsonencode`` escapes HTML's special characters
        parts.append(json.dumps(part, ensure_ascii=False)[1:-1].translate(_UNSAFE) if isinstance(part, str) else part)
    parts.append('"')


def sorted_entries(node: ObjectNode) -> list[ObjectEntry]:
    """Return the entries sorted by key, entries with unknown keys last; of duplicate keys, the last entry."""
    last = {entry.key.parts: entry for entry in node.entries}
    return sorted(last.values(), key=lambda entry: (entry.key.literal is None, entry.key.literal or ""))


def mark_default(node: Node, name: str) -> Node:
    """Mark every string of a node as coming from the default of a variable."""
    if isinstance(node, StringNode):
        return node if name in node.defaults else replace(node, defaults=(*node.defaults, name))
    return map_children(node, lambda child: mark_default(child, name))
