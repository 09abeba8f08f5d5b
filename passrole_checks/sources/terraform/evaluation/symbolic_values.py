"""Values that live only while Terraform is evaluated.

Everything is a node of :mod:`passrole_checks.iam.partial_values`. Four kinds of text carry something more on their way;
read as plain texts they are holes, so that nothing is lost where one leaks; :mod:`finished` makes them ordinary at the
end.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from passrole_checks.iam.partial_values import (
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
    Unresolved,
    UnresolvedKind,
    join,
)
from passrole_checks.iam.path_conditions import PathCondition
from passrole_checks.sources.terraform.reading.syntax import Block

MAX_TEXT = 1_000_000  # characters of one text
MAX_PARTS = 5_000  # literals and holes of one text
MAX_ITEMS = 10_000  # elements of one collection
_MAX_NODES = 50_000  # nodes of one value
_MAX_SEARCHED = 100  # nodes that are searched for the reason of a hole
NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?")  # as a text
_LONGEST_NUMBER = 300
KNOWN_AFTER_APPLY = "known when it is deployed"  # why an attribute of a resource is not known

_FORMS = {
    UnresolvedKind.ACCOUNT_ID: r"\d{12}",
    UnresolvedKind.NAME: r"[^*?:/]+",
    UnresolvedKind.PARTITION: r"[a-z0-9-]+",
    UnresolvedKind.REGION: r"[a-z0-9-]+",
}


@dataclass(frozen=True, slots=True)
class UnknownTail(StringNode):
    """In a list or as a key: any number of elements that are not known one by one, each of this form.

    ``of``: the resource of which they are the instances, or the attribute that they are of all of its instances.
    """

    of: Reference | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Repeated(Choice):
    """In a list: any number of elements of which something is known, the same of each; absent where there is none."""


@dataclass(frozen=True, slots=True)
class Unordered(ListNode):
    """A list whose elements are known, but not the place of each, nor how often it stands there (sorted, distinct)."""


@dataclass(frozen=True, slots=True)
class Failure(StringNode):
    """What Terraform would report as an error here: ``try`` goes on to its next argument."""


@dataclass(frozen=True, slots=True)
class Encoded(StringNode):
    """The JSON text of ``value`` (``jsonencode``, a data document), kept as a tree until it is needed as text."""

    value: Node | None = None


@dataclass(frozen=True)
class Instance:
    """One instance of a block: the suffix of its address, and what ``each`` and ``count`` are in it."""

    suffix: str = ""
    key: str = ""
    variables: dict[str, Node] = field(default_factory=dict)

    label: str = ""  # which instance of which block this is, in words
    when: PathCondition = ()  # the conditions under which it exists


class ReferenceScope(Protocol):
    """The module that a reference is looked up in."""

    def attribute(self, value: Reference, name: str, at: Position) -> Node:
        """An attribute of a resource or data source, an output of a module."""
        ...

    def instance(self, value: Reference, key: Node, at: Position) -> Node:
        """One instance of a block with ``count`` or ``for_each``."""
        ...

    def instances_of(self, value: Reference) -> list[tuple[str, Node]] | None:
        """The instances by key, None where they are not known (or there is just one, without a key)."""
        ...

    def existence_condition(self, value: Reference) -> PathCondition:
        """The conditions under which an instance, or any instance of a block, exists; none where it surely does."""
        ...


@dataclass(frozen=True, slots=True)
class Reference(StringNode):
    """A resource, a data source or (with ``attribute``) one of its attributes, of which the value is a hole."""

    address: str = ""
    type: str = ""
    attribute: str = ""
    block: Block | None = field(default=None, compare=False, repr=False)
    module: ReferenceScope | None = field(default=None, compare=False, repr=False)
    instance: Instance | None = field(default=None, compare=False, repr=False)


def unresolved(
    expression: str, at: Position, reason: str = "", kind: UnresolvedKind = UnresolvedKind.ANYTHING
) -> StringNode:
    """A value of which only the expression is known."""
    return StringNode((Unresolved(expression, kind, reason=reason),), at)


def unresolved_from(expression: str, at: Position, *operands: Node) -> StringNode:
    """A value that depends on others that are not known: the reason is that of the first that has one."""
    return unresolved(expression, at, next(filter(None, map(_first_reason, operands)), ""))


def _first_reason(operand: Node) -> str:
    """Why a value, or a part of it, is not known; empty where that is not known either."""
    pending, later, left = [operand], "", _MAX_SEARCHED
    while pending and left:
        current, left = pending.pop(), left - 1
        if isinstance(current, Encoded) and current.value is not None:
            pending.append(current.value)
        elif isinstance(current, StringNode):
            found = next((part.reason for part in current.holes if part.reason), "")
            if found:
                return found
            if isinstance(current, Reference) and current.attribute:
                later = KNOWN_AFTER_APPLY
        elif isinstance(current, ListNode):
            pending.extend(reversed(current.items))
        elif isinstance(current, ObjectNode):
            pending.extend(node for entry in reversed(current.entries) for node in (entry.value, entry.key))
        elif isinstance(current, Choice):
            pending.extend(option for _, option in reversed(current.options))
    return later


def failure(expression: str, at: Position, reason: str) -> Failure:
    """A value that Terraform would refuse to evaluate: a hole for all but ``try``, ``can`` and the like."""
    return Failure((Unresolved(expression, reason=reason),), at)


def as_string(node: Node) -> str | None:
    """The string that a node certainly is, numbers and booleans converted as Terraform does."""
    if isinstance(node, StringNode):
        return fill_known_parts(node).literal
    if isinstance(node, Const) and node.value is not None:
        return number_text(node.value)
    return None


def number_text(value: int | float | bool) -> str:
    """A number or a bool as Terraform writes it in a string."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return str(value)


def fill_known_parts(text: StringNode) -> StringNode:
    """The text with the holes filled of which everything is known (the name of a role)."""
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
    """Whether a value certainly is null or not there."""
    return isinstance(node, Absent) or (isinstance(node, Const) and node.value is None)


def is_unknown(node: Node) -> bool:
    """Whether nothing is known of a value, not even its type."""
    return isinstance(node, StringNode) and node.only_hole is not None and not isinstance(node, (Encoded, Reference))


def is_never_empty(text: StringNode) -> bool:
    """Whether a text certainly holds at least one character."""
    return any(
        (part != "")
        if isinstance(part, str)
        else (part.kind is not UnresolvedKind.ANYTHING or bool(part.role or part.known))
        for part in text.parts
    )


def may_equal(text: StringNode, value: str) -> bool:
    """Whether a text can be this value, as far as its known parts and the kinds of its holes say."""
    return re.fullmatch("".join(map(_regex_for, text.parts)), value, re.DOTALL) is not None


def _regex_for(part: Part) -> str:
    if isinstance(part, str):
        return re.escape(part)
    if part.known:
        return "".join(map(_regex_for, part.known))
    return _FORMS.get(part.kind, ".*")


def as_bool(node: Node) -> bool | None:
    """The truth of a condition, None where it cannot be told."""
    value = as_string(node)
    return {"true": True, "false": False}.get(value) if value is not None else None


def as_number(node: Node) -> int | float | None:
    """The finite number that a value certainly is."""
    if isinstance(node, Const):
        found = node.value
        if isinstance(found, bool) or not isinstance(found, (int, float)):
            return None
        return found if isinstance(found, int) or math.isfinite(found) else None
    text = as_string(node) if isinstance(node, StringNode) else None
    if text is None or len(text) > _LONGEST_NUMBER or not NUMBER.fullmatch(text):
        return None
    amount = int(text) if re.fullmatch(r"-?\d+", text) else float(text)
    return amount if isinstance(amount, int) or math.isfinite(amount) else None


def as_integer(node: Node) -> int | None:
    """The whole number that a value certainly is."""
    amount = as_number(node)
    return int(amount) if amount is not None and amount == int(amount) else None


def defaults_of(nodes: Iterable[Node]) -> tuple[str, ...]:
    """The variables whose defaults went into these texts."""
    return tuple(dict.fromkeys(name for node in nodes if isinstance(node, StringNode) for name in node.defaults))


def join_values(values: Iterable[Node], at: Position) -> StringNode:
    """Values joined to one text; what is no text becomes a hole."""
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
    """Whether a text has grown too large."""
    return len(parts) > MAX_PARTS or sum(len(part) for part in parts if isinstance(part, str)) > MAX_TEXT


def parts_of(value: Node) -> tuple[Part, ...]:
    """The parts of a value inside a template."""
    if isinstance(value, Encoded):
        return encode_json(value).parts
    if isinstance(value, StringNode):
        return value.parts
    if isinstance(value, Const) and value.value is not None:
        return (number_text(value.value),)
    return (Unresolved("…", reason="not a string"),)


def encode_json(encoded: Encoded) -> StringNode:
    """The JSON text of a value. A hole that may be anything stands bare, one that is a string in quotes."""
    parts: list[Part] = []
    if encoded.value is not None:
        _write_json(encoded.value, parts)
    large = len(parts) > _MAX_NODES
    if large or sum(len(part) for part in parts if isinstance(part, str)) > MAX_TEXT:  # JSON in JSON in JSON doubles
        first = encoded.parts[0]
        words = first if isinstance(first, str) else first.expression
        return unresolved(words, encoded.at, "too large" if large else "too long")
    return StringNode(join(parts), encoded.at, defaults=encoded.defaults)


def limit_size(node: Node, words: str) -> Node:
    """The node, or a hole where it has grown too large for those who walk it."""
    left = _MAX_NODES
    pending = [node]
    while pending:
        current = pending.pop()
        left -= 1
        if left < 0:
            return unresolved(words, node.at, "too large")
        if isinstance(current, StringNode):
            if isinstance(current, Encoded) and current.value is not None:
                pending.append(current.value)
        elif isinstance(current, ListNode):
            pending.extend(current.items)
        elif isinstance(current, ObjectNode):
            pending.extend([entry.value for entry in current.entries])
        elif isinstance(current, Choice):
            pending.extend(option for _, option in current.options)
    return node


def _write_json(node: Node, parts: list[Part]) -> None:
    if len(parts) > _MAX_NODES:
        return
    if isinstance(node, UnknownTail):
        parts.append(node.holes[0] if node.holes else Unresolved("…"))
    elif isinstance(node, StringNode):
        only = node.only_hole
        if (
            only is not None
            and only.kind is UnresolvedKind.ANYTHING
            and not (only.role or only.known)
            and type(node) is StringNode
        ):
            parts.append(only)
            return
        parts.append('"')
        for part in encode_json(node).parts if isinstance(node, Encoded) else node.parts:
            parts.append(_escape_json(part) if isinstance(part, str) else part)
        parts.append('"')
    elif isinstance(node, Const):
        parts.append("null" if node.value is None else number_text(node.value))
    elif isinstance(node, ListNode):
        items = [item for item in node.items if not isinstance(item, Absent)]
        parts.append("[")
        for place, item in enumerate(items):
            parts.append("," if place else "")
            _write_json(item, parts)
        parts.append("]")
    elif isinstance(node, ObjectNode):
        parts.append("{")
        for place, entry in enumerate(_sorted_entries(node)):
            parts.append("," if place else "")
            if entry.key.literal is None and entry.key.only_hole is not None:
                parts.append(entry.key.only_hole)
                continue
            _write_json(StringNode(entry.key.parts, entry.key.at), parts)
            parts.append(":")
            _write_json(entry.value, parts)
        parts.append("}")
    elif isinstance(node, Choice):
        parts.append(Unresolved(node.condition, reason="depends on a condition"))
    else:
        parts.append("null")


_UNSAFE = str.maketrans({sign: f"\\u{ord(sign):04x}" for sign in "<>&\u2028\u2029"})


def _escape_json(text: str) -> str:
    """The inside of a JSON string as ``jsonencode`` writes it, with what HTML gives a meaning escaped."""
    return json.dumps(text, ensure_ascii=False)[1:-1].translate(_UNSAFE)


def _sorted_entries(node: ObjectNode) -> list[ObjectEntry]:
    """The entries in the order of their keys, of two with the same key the last; those without a known key behind."""
    last = {entry.key.parts: entry for entry in node.entries}
    return sorted(last.values(), key=lambda entry: (entry.key.literal is None, entry.key.literal or ""))


def mark_default(node: Node, name: str) -> Node:
    """The node with every text in it marked as coming from the default of a variable."""
    if isinstance(node, StringNode):
        return node if name in node.defaults else replace(node, defaults=(*node.defaults, name))
    if isinstance(node, ListNode):
        return ListNode(tuple(mark_default(item, name) for item in node.items), node.at)
    if isinstance(node, ObjectNode):
        entries = tuple(ObjectEntry(entry.key, mark_default(entry.value, name)) for entry in node.entries)
        return ObjectNode(entries, node.at, node.block)
    if isinstance(node, Choice):
        return Choice(node.condition, tuple((o, mark_default(n, name)) for o, n in node.options), node.at)
    return node
