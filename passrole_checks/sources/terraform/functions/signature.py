"""What a function is told, which arguments it takes, and what can be said of arguments that hold holes.

Source for the kinds of arguments: Terraform language documentation, "Functions" (each function's page), and "Type
Conversion" in "Types and Values": numbers and booleans become strings by themselves, strings that look like them
numbers and booleans, nothing becomes a list or a map.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass

from passrole_checks.iam.partial_values import (
    Absent,
    Choice,
    Const,
    ListNode,
    Node,
    ObjectNode,
    Part,
    Position,
    StringNode,
    Unresolved,
    UnresolvedKind,
    join,
)
from passrole_checks.sources.terraform.evaluation.scope import EvaluationScope
from passrole_checks.sources.terraform.evaluation.symbolic_values import (
    NUMBER,
    Encoded,
    Reference,
    UnknownTail,
    encode_json,
    failure,
    is_null,
    known_string,
    unresolved,
)


@dataclass(frozen=True)
class FunctionCall:
    """A call: its name, its own words and place, and where it is evaluated."""

    name: str
    words: str
    at: Position
    scope: EvaluationScope

    def hole(self, reason: str = "", kind: UnresolvedKind = UnresolvedKind.ANYTHING) -> StringNode:
        """The call as a hole with its own words."""
        return unresolved(self.words, self.at, reason, kind)

    def fail(self, reason: str) -> StringNode:
        """The call as what Terraform would call an error; ``try`` and ``can`` catch it."""
        return failure(self.words, self.at, reason)


Function = Callable[[FunctionCall, list[Node]], Node | None]
"""Takes a call and its arguments; None where nothing can be said, which makes the call a hole with its own text."""

_NAMES = {"s": "a string", "n": "a number", "b": "a bool", "l": "a list or a set", "m": "a map or an object",
          "c": "a collection", "x": "a string or a collection"}  # fmt: skip


def declare(entries: dict[str, tuple[Function, str]]) -> dict[str, Function]:
    """Functions that are only called with arguments that they take; others are what Terraform calls an error.

    A signature has one letter an argument: ``s`` string, ``n`` number, ``b`` bool, ``l`` list or set, ``m`` map or
    object, ``c`` any of these collections, ``x`` collection or string, ``a`` anything; a capital letter where null
    is allowed; ``?`` behind an argument that can be left out, ``*`` behind one that may stand any number of times.
    """
    return {name: _checked(function, signature) for name, (function, signature) in entries.items()}


def _checked(function: Function, signature: str) -> Function:
    letters = re.findall(r"([a-zA-Z])([?*]?)", signature)
    least = sum(not mark for _, mark in letters)
    most = math.inf if any(mark == "*" for _, mark in letters) else len(letters)

    def run(call: FunctionCall, arguments: list[Node]) -> Node | None:
        if not any(isinstance(argument, UnknownTail) for argument in arguments):
            if not least <= len(arguments) <= most:
                return call.fail("wrong number of arguments")
            for place, argument in enumerate(arguments):
                letter = letters[min(place, len(letters) - 1)][0]
                if why := mismatch(letter, argument):
                    return call.fail(f"argument {place + 1} {why}")
        return function(call, arguments)

    return run


def mismatch(letter: str, value: Node) -> str:
    """Why a value can certainly not be an argument of this kind; empty where it can be one."""
    kind = letter.lower()
    if isinstance(value, (Choice, UnknownTail, Absent)):
        return ""
    if is_null(value):
        return "" if letter.isupper() else "is null"
    fits = True
    if isinstance(value, StringNode):
        fits = kind in "sax" or open_ended(value) or (kind in "nb" and _converts(kind, known_string(value)))
    elif isinstance(value, Const):
        boolean = isinstance(value.value, bool)
        fits = kind in "sax" if kind not in "nb" else boolean is (kind == "b")
        fits = fits and kind != "x"
    elif isinstance(value, ListNode):
        fits = kind in "lcxa"
    elif isinstance(value, ObjectNode):
        fits = kind in "mcxa"
    return "" if fits else f"is not {_NAMES[kind]}"


def _converts(kind: str, value: str | None) -> bool:
    if value is None:
        return True
    return bool(NUMBER.fullmatch(value)) if kind == "n" else value in ("true", "false")


def open_ended(value: StringNode) -> bool:
    """Whether a text may stand for a value of any type."""
    only = value.only_hole
    if only is None or isinstance(value, Encoded):
        return False
    if isinstance(value, Reference) and not value.attribute:
        return True
    return only.kind is UnresolvedKind.ANYTHING and not (only.role or only.known)


def weight(node: Node, most: int = 10_000) -> int:
    """How much there is to look through in a value, up to ``most`` nodes: what it costs to work with it."""
    found = 0
    pending = [node]
    while pending and found < most:
        current = pending.pop()
        found += 1
        if isinstance(current, StringNode):
            if isinstance(current, Encoded) and current.value is not None:
                pending.append(current.value)
                continue
            parts = current.parts
            if len(parts) == 1:
                found += len(parts[0]) // 50 if isinstance(parts[0], str) else 0
            else:
                found += sum(len(part) for part in parts if isinstance(part, str)) // 50 + len(parts) - 1
        elif isinstance(current, ListNode):
            pending.extend(current.items[:most])
        elif isinstance(current, ObjectNode):
            pending.extend([entry.value for entry in current.entries[:most]])
        elif isinstance(current, Choice):
            pending.extend(option for _, option in current.options)
    return min(found, 10 * most)


def spelled(value: StringNode) -> StringNode:
    """The text with every hole of which something is known replaced by what is known (the ARN of a role)."""
    if isinstance(value, Encoded):
        return encode_json(value)
    return StringNode(join(_spelled(value.parts, 0)), value.at, defaults=value.defaults)


def _spelled(parts: tuple[Part, ...], depth: int) -> list[Part]:
    found: list[Part] = []
    for part in parts:
        if isinstance(part, Unresolved) and part.known and depth < 5 and part.reason != "a path":
            found.extend(_spelled(part.known, depth + 1))
        else:
            found.append(part)
    return found


_LOWER = "abcdefghijklmnopqrstuvwxyz"
_ALPHABETS = {
    UnresolvedKind.ACCOUNT_ID: frozenset("0123456789"),
    UnresolvedKind.PARTITION: frozenset(_LOWER + "-"),
    UnresolvedKind.REGION: frozenset(_LOWER + "0123456789-"),
}


def can_hold(part: Unresolved, characters: str) -> bool:
    """Whether the value of a hole may hold one of these characters."""
    if part.kind is UnresolvedKind.NAME:
        return any(character not in "*?:/" and not character.isspace() for character in characters)
    alphabet = _ALPHABETS.get(part.kind)
    return alphabet is None or any(character in alphabet for character in characters)


def filled(part: Unresolved) -> bool:
    """Whether the value of a hole is certainly not empty."""
    return part.kind in (
        UnresolvedKind.NAME,
        UnresolvedKind.ACCOUNT_ID,
        UnresolvedKind.PARTITION,
        UnresolvedKind.REGION,
    ) or bool(part.role or part.known)


def exact(value: Node) -> str | None:
    """The text of a value, character by character; None also for a data document, whose layout is not kept."""
    if isinstance(value, Encoded) and not str(value).startswith(("${jsonencode(", "${core::jsonencode(")):
        return None
    return known_string(value)
