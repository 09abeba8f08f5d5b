"""Signatures of functions, the call that they receive, and what partially known arguments can be.

Source for the kinds of arguments: Terraform language documentation, "Functions" (each function's page), and "Type
Conversion" in "Types and Values": numbers and booleans convert to strings, strings of the right form to numbers and
booleans; nothing converts to a list or a map.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable

from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.values.nodes import (
    Absent,
    Choice,
    Const,
    ListNode,
    Node,
    ObjectNode,
    Part,
    Position,
    StringNode,
    UnknownTail,
    Unresolved,
    UnresolvedKind,
    failure,
    join,
    unresolved,
)
from passrole_checks.sources.terraform.evaluation.deferred_entries import evaluated_values
from passrole_checks.sources.terraform.evaluation.scope import EvaluationScope
from passrole_checks.sources.terraform.evaluation.symbolic_values import (
    NUMBER,
    Encoded,
    Reference,
    encode_json,
    is_null,
    known_string,
)


@dataclass(frozen=True)
class FunctionCall:
    """A function call: its name and position, the scope that it is evaluated in, and a function that returns its source
    text."""

    name: str
    at: Position
    scope: EvaluationScope
    source_text: Callable[[], str]

    @property
    def text(self) -> str:
        """The source text of the call."""
        return self.source_text()

    def unresolved(self, reason: str = "") -> StringNode:
        """Return the call as an unresolved value that keeps its source text."""
        return unresolved(self.text, self.at, reason)

    def fail(self, reason: str) -> StringNode:
        """Return the call as an evaluation error of Terraform, which ``try`` and ``can`` catch."""
        return failure(self.text, self.at, reason)


Function = Callable[[FunctionCall, list[Node]], Node | None]
"""Takes a call and its arguments; returns None if it cannot compute a result, so that the call is unresolved."""

_TYPE_NAMES = {"s": "a string", "n": "a number", "b": "a bool", "l": "a list or a set", "m": "a map or an object",
          "c": "a collection", "x": "a string or a collection"}  # fmt: skip


def declare(entries: dict[str, tuple[Function, str]]) -> dict[str, Function]:
    """Return the functions wrapped so that they only receive arguments of the declared types; other calls fail.

    A signature has one letter per argument: ``s`` string, ``n`` number, ``b`` bool, ``l`` list or set, ``m`` map or
    object, ``c`` any of these collections, ``x`` collection or string, ``a`` anything. An upper-case letter also allows
    null; ``?`` marks an optional argument, ``*`` one that may repeat.
    """
    return {name: _with_type_check(function, signature) for name, (function, signature) in entries.items()}


def _with_type_check(function: Function, signature: str) -> Function:
    parameters = re.findall(r"([a-zA-Z])([?*]?)", signature)
    minimum = sum(not mark for _, mark in parameters)
    maximum = math.inf if any(mark == "*" for _, mark in parameters) else len(parameters)

    def run(call: FunctionCall, arguments: list[Node]) -> Node | None:
        if not any(isinstance(argument, UnknownTail) for argument in arguments):
            if not minimum <= len(arguments) <= maximum:
                return call.fail("wrong number of arguments")
            for index, argument in enumerate(arguments):
                type_letter = parameters[min(index, len(parameters) - 1)][0]
                if why := type_mismatch(type_letter, argument):
                    return call.fail(f"argument {index + 1} {why}")
        return function(call, arguments)

    return run


def type_mismatch(type_letter: str, value: Node) -> str:
    """Return why a value cannot be an argument of this type; empty if it can."""
    kind = type_letter.lower()
    if isinstance(value, (Choice, UnknownTail, Absent)):
        return ""
    if is_null(value):
        return "" if type_letter.isupper() else "is null"
    fits = True
    if isinstance(value, StringNode):
        known = known_string(value) if kind in "nb" else None
        converts = known is None or (bool(NUMBER.fullmatch(known)) if kind == "n" else known in ("true", "false"))
        fits = kind in "sax" or is_untyped(value) or (kind in "nb" and converts)
    elif isinstance(value, Const):
        boolean = isinstance(value.value, bool)
        fits = kind in "sax" if kind not in "nb" else boolean is (kind == "b")
        fits = fits and kind != "x"
    elif isinstance(value, ListNode):
        fits = kind in "lcxa"
    elif isinstance(value, ObjectNode):
        fits = kind in "mcxa"
    return "" if fits else f"is not {_TYPE_NAMES[kind]}"


def is_untyped(value: StringNode) -> bool:
    """True if an unresolved string may turn out to be a value of another type."""
    only = value.only_unresolved
    if only is None or isinstance(value, Encoded):
        return False
    if isinstance(value, Reference) and not value.attribute:
        return True
    return only.kind is UnresolvedKind.ANYTHING and not (only.role or only.known)


def evaluation_cost(node: Node, most: int = 10_000) -> int:
    """Estimate the cost of working with a value from its nodes and string lengths, up to ``10 * most``."""
    cost = 0
    pending = [node]
    while pending and cost < most:
        current = pending.pop()
        cost += 1
        if isinstance(current, StringNode):
            if isinstance(current, Encoded) and current.value is not None:
                pending.append(current.value)
                continue
            parts = current.parts
            if len(parts) == 1:
                cost += len(parts[0]) // 50 if isinstance(parts[0], str) else 0
            else:
                cost += sum(len(part) for part in parts if isinstance(part, str)) // 50 + len(parts) - 1
        elif isinstance(current, ListNode):
            pending.extend(current.items[:most])
        elif isinstance(current, ObjectNode):
            pending.extend(evaluated_values(current)[:most])
        elif isinstance(current, Choice):
            pending.extend(option for _, option in current.options)
    return min(cost, 10 * most)


def expand_known(value: StringNode) -> StringNode:
    """Return the string with each unresolved part replaced by the parts that are known of it (the ARN of a role)."""
    if isinstance(value, Encoded):
        return encode_json(value)
    return StringNode(join(_expand_parts(value.parts, 0)), value.at, defaults=value.defaults)


def _expand_parts(parts: tuple[Part, ...], depth: int) -> list[Part]:
    result: list[Part] = []
    for part in parts:
        if isinstance(part, Unresolved) and part.known and depth < 5 and part.reason != "a path":
            result.extend(_expand_parts(part.known, depth + 1))
        else:
            result.append(part)
    return result


_LOWER = "abcdefghijklmnopqrstuvwxyz"
_ALPHABETS = {
    UnresolvedKind.ACCOUNT_ID: frozenset("0123456789"),
    UnresolvedKind.PARTITION: frozenset(_LOWER + "-"),
    UnresolvedKind.REGION: frozenset(_LOWER + "0123456789-"),
}


def may_contain(part: Unresolved, characters: str) -> bool:
    """True if the value of an unresolved part may contain one of these characters."""
    if part.kind is UnresolvedKind.NAME:
        return any(character not in "*?:/" and not character.isspace() for character in characters)
    alphabet = _ALPHABETS.get(part.kind)
    return alphabet is None or any(character in alphabet for character in characters)


def is_nonempty(part: Unresolved) -> bool:
    """True if the value of an unresolved part is certainly not empty."""
    return part.kind is UnresolvedKind.NAME or part.kind in _ALPHABETS or bool(part.role or part.known)


def exact_text(value: Node) -> str | None:
    """Return the string that a value certainly is; None also for an encoded document, whose layout is not kept."""
    if isinstance(value, Encoded) and not str(value).startswith(("${jsonencode(", "${core::jsonencode(")):
        return None
    return known_string(value)
