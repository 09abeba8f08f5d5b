"""Arithmetic, comparison and logic on values with unresolved parts.

Source: Terraform language documentation, "Arithmetic and Logical Operators".
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from operator import add, ge, gt, le, lt, mul, sub, truediv

from passrole_checks.iam.values.nodes import (
    Absent,
    Choice,
    Const,
    ListNode,
    Node,
    ObjectNode,
    Position,
    StringNode,
    UnknownTail,
    unresolved,
)
from passrole_checks.sources.terraform.evaluation.symbolic_values import (
    Encoded,
    Reference,
    Unordered,
    fill_known_parts,
    is_never_empty,
    is_null,
    known_bool,
    known_number,
    known_string,
    may_equal,
    unresolved_from,
)

_NEVER_NULL = ("", "arn", "id", "name")  # attributes of resources; "" is the resource itself
_COMPARISONS = {"<": lt, ">": gt, "<=": le, ">=": ge}
_ARITHMETIC: dict[str, Callable[[float, float], float]] = {
    "+": add, "-": sub, "*": mul, "/": truediv, "%": math.fmod,
}  # fmt: skip
_MAX_COMPARED = 2_000  # characters of a string compared with a partly unresolved one


def apply_unary(operator: str, value: Node, source_text: str, at: Position) -> Node:
    """Return ``!value`` or ``-value``."""
    if operator == "!":
        decided = known_bool(value)
        return unresolved_from(source_text, at, value) if decided is None else Const(not decided, at)
    amount = known_number(value)
    return unresolved_from(source_text, at, value) if amount is None else Const(-amount, at)


def apply_binary(operator: str, left: Node, right: Node, source_text: str, at: Position) -> Node:
    """Return ``left operator right``, unresolved if the result depends on an unresolved value."""
    if operator in ("&&", "||"):
        return _apply_logic(operator == "&&", left, right, source_text, at)
    if operator in ("==", "!="):
        same = are_equal(left, right)
        return unresolved_from(source_text, at, left, right) if same is None else Const(same is (operator == "=="), at)
    first, second = known_number(left), known_number(right)
    if first is None or second is None:
        return unresolved_from(source_text, at, left, right)
    if operator in _COMPARISONS:
        return Const(_COMPARISONS[operator](first, second), at)
    try:
        value = _ARITHMETIC[operator](first, second)
    except (ArithmeticError, ValueError):
        return unresolved(source_text, at, "no number")
    if (isinstance(value, float) and not math.isfinite(value)) or abs(value) > 1e300:
        return unresolved(source_text, at, "no number")
    return Const(int(value) if isinstance(value, float) and value.is_integer() else value, at)


def _apply_logic(both: bool, left: Node, right: Node, source_text: str, at: Position) -> Node:
    first, second = known_bool(left), known_bool(right)
    if both in (first, second) and first is second:
        return Const(both, at)
    if (not both) in (first, second):
        return Const(not both, at)
    if first is both:
        return right  # the other operand decides
    if second is both:
        return left
    return unresolved_from(source_text, at, left, right)


def are_equal(left: Node, right: Node) -> bool | None:
    """True if two values are equal, None if unknown."""
    if is_null(left) or is_null(right):
        return True if is_null(left) and is_null(right) else _equals_null(right if is_null(left) else left)
    if isinstance(left, StringNode) and isinstance(right, StringNode):
        return _equal_texts(fill_known_parts(left), fill_known_parts(right))
    if isinstance(left, StringNode) or isinstance(right, StringNode):
        text = left if isinstance(left, StringNode) else right
        return None if isinstance(text, StringNode) and text.only_unresolved is not None else False
    if isinstance(left, Const) and isinstance(right, Const):
        return isinstance(left.value, bool) is isinstance(right.value, bool) and left.value == right.value
    if isinstance(left, ListNode) and isinstance(right, ListNode):
        return _equal_lists(left, right)
    if isinstance(left, ObjectNode) and isinstance(right, ObjectNode):
        return _equal_objects(left, right)
    return None if isinstance(left, Choice) or isinstance(right, Choice) else False


def _equals_null(value: Node) -> bool | None:
    if (isinstance(value, Reference) and value.attribute in _NEVER_NULL) or isinstance(value, Encoded):
        return False
    if isinstance(value, StringNode):
        return False if is_never_empty(value) or value.literal is not None else None
    return None if isinstance(value, Choice) else False


def _equal_lists(left: ListNode, right: ListNode) -> bool | None:
    if isinstance(left, Unordered) or isinstance(right, Unordered):
        return _equal_unordered(left, right)
    if any(isinstance(item, (UnknownTail, Absent, Choice)) for item in (*left.items, *right.items)):
        return None
    if len(left.items) != len(right.items):
        return False
    return _all_true(are_equal(a, b) for a, b in zip(left.items, right.items, strict=True))


def _equal_texts(left: StringNode, right: StringNode) -> bool | None:
    if left.literal is not None and right.literal is not None:
        return left.literal == right.literal
    if (left.literal == "" and is_never_empty(right)) or (right.literal == "" and is_never_empty(left)):
        return False
    for literal, other in ((left.literal, right), (right.literal, left)):
        if literal is not None and len(literal) <= _MAX_COMPARED and not may_equal(other, literal):
            return False
    first, second = left.parts, right.parts
    if isinstance(first[0], str) and isinstance(second[0], str):
        length = min(len(first[0]), len(second[0]))
        if first[0][:length] != second[0][:length]:
            return False
    return True if first == second and not any(part.reason for part in left.unresolved_parts) else None


def _equal_unordered(left: ListNode, right: ListNode) -> bool | None:
    """Compare lists of which one has no known order: False if they have no element in common, else None."""
    if any(isinstance(item, UnknownTail) for item in (*left.items, *right.items)):
        return None
    first, second = ({known_string(item) for item in node.items} for node in (left, right))
    return None if None in first | second or first & second or not (first or second) else False


def _equal_objects(left: ObjectNode, right: ObjectNode) -> bool | None:
    keys = [entry.key.literal for entry in (*left.entries, *right.entries)]
    if None in keys:
        return None
    first, second = ({entry.key.literal: entry for entry in node.entries} for node in (left, right))
    if first.keys() != second.keys():
        return False
    return _all_true(are_equal(first[key].value, second[key].value) for key in first)


def _all_true(answers: Iterable[bool | None]) -> bool | None:
    distinct = set(answers)
    if False in distinct:
        return False
    return None if None in distinct else True
