"""Alternatives: values that are one or another, by conditions that are not known."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

from passrole_checks.iam.partial_values import (
    Absent,
    Choice,
    Const,
    ListNode,
    Node,
    ObjectNode,
    Position,
    StringNode,
    Unresolved,
    UnresolvedKind,
    join,
)
from passrole_checks.iam.path_conditions import PathCondition, compatible, negate
from passrole_checks.sources.terraform.evaluation.symbolic_values import (
    Encoded,
    Reference,
    Repeated,
    UnknownTail,
    defaults_of,
    failure,
    unresolved,
)

_MAX_COMBINATIONS = 32  # readings of one operation on several alternatives
_MAX_CALLS = 256  # readings of one operation in all
_ACCOUNT = re.compile(r"\d{12}")
_NAME = re.compile(r"[\w+=,.@-]+", re.ASCII)


def map_choices(function: Callable[..., Node], *arguments: Node) -> Node:
    """Apply a function to every reading of arguments that are alternatives.

    The same condition has the same outcome in all of them. Alternatives that would make more than a few dozen readings
    are taken as one unknown value, and the others are kept.
    """
    if not any(isinstance(argument, Choice) for argument in arguments):
        return function(*arguments)
    return _map_options(function, _limit_variants(arguments), [_MAX_CALLS])


def _map_options(function: Callable[..., Node], arguments: list[Node], budget: list[int]) -> Node:
    for number_, argument in enumerate(arguments):
        if not isinstance(argument, Choice):
            continue
        if budget[0] <= 0:
            return unresolved(_label(argument), argument.at, "too many alternatives")
        options: list[tuple[str, Node]] = []
        for outcome, option in argument.options:
            chosen = [
                option if number_ == other else restrict(value, argument.condition, outcome)
                for other, value in enumerate(arguments)
            ]
            options.append((outcome, _map_options(function, chosen, budget)))
        return make_choice(argument.condition, options, argument.at)
    budget[0] -= 1
    return function(*arguments)


def _limit_variants(arguments: Sequence[Node]) -> list[Node]:
    """The arguments; from the one on with which there would be too many readings, alternatives are one hole each."""
    if sum(isinstance(argument, Choice) for argument in arguments) < 2:
        return list(arguments)
    readings, followed = 1, set[str]()
    kept: list[Node] = []
    for argument in arguments:
        if isinstance(argument, Choice):
            leaves, conditions = _count_variants(argument), _conditions(argument)
            more = 1 if conditions <= followed else leaves
            if readings * more > _MAX_COMBINATIONS:
                argument = _collapse_optional(argument)
            else:
                readings, followed = readings * more, followed | conditions
        kept.append(argument)
    return kept


def _count_variants(node: Node) -> int:
    """How many readings a node has, up to more than can be followed."""
    if not isinstance(node, Choice):
        return 1
    found = 0
    for _, option in node.options:
        found += _count_variants(option)
        if found > _MAX_COMBINATIONS:
            break
    return found


def _conditions(node: Node) -> set[str]:
    found: set[str] = set()
    pending = [node]
    while pending:
        current = pending.pop()
        if isinstance(current, Choice):
            found.add(current.condition)
            pending.extend(option for _, option in current.options)
    return found


def _label(node: Choice) -> str:
    """What alternatives are called as one value; the value of the condition is another thing."""
    return f"{node.condition} ? … : …"


def _collapse_optional(node: Choice) -> StringNode:
    """Alternatives as one value that is not known; one that may be missing is there any number of times."""
    value = collapse(node)
    if not any(isinstance(reading, Absent) for reading in variants_of(node)):
        return value
    return UnknownTail(value.parts, value.at, defaults=value.defaults)


def collapse(node: Choice, words: str | None = None, reason: str = "too many alternatives") -> StringNode:
    """Alternatives as one value that is not known: the beginning and the end of all of them, and a hole between.

    ``words`` are the hole's expression, by default the condition with what it decides left open.
    """
    return generalize(variants_of(node), words if words is not None else _label(node), node.at, reason)


def variants_of(node: Node) -> list[Node]:
    """The readings of a node, alternatives inside alternatives too."""
    found: list[Node] = []
    pending = [node]
    while pending:
        current = pending.pop()
        if isinstance(current, Choice):
            pending.extend(option for _, option in reversed(current.options))
        else:
            found.append(current)
    return found


def generalize(values: Sequence[Node], words: str, at: Position, reason: str = "") -> StringNode:
    """One value of which only is known that it is one of these: what all have in common, and the kind of the rest."""
    texts = [value.literal if type(value) is StringNode else None for value in values]
    found = [item for item in texts if item is not None]
    if not found or len(found) != len(values):
        return unresolved(words, at, reason)
    names = defaults_of(values)
    kind = _common_kind(found)
    if kind is not UnresolvedKind.ANYTHING:
        return replace(unresolved(words, at, reason, kind), defaults=names)
    start = _common_prefix(found)
    end = _common_prefix([item[len(start) :][::-1] for item in found])[::-1]
    kind = _common_kind([item[len(start) : len(item) - len(end)] for item in found])
    return StringNode(join((start, Unresolved(words, kind, reason=reason), end)), at, defaults=names)


def _common_prefix(texts: Sequence[str]) -> str:
    """What all texts begin with."""
    first, last = min(texts), max(texts)  # the others lie between the two
    return first[: next((place for place, letter in enumerate(first) if letter != last[place]), len(first))]


def _common_kind(texts: Sequence[str]) -> UnresolvedKind:
    if all(_ACCOUNT.fullmatch(text) for text in texts):
        return UnresolvedKind.ACCOUNT_ID
    return UnresolvedKind.NAME if all(_NAME.fullmatch(text) for text in texts) else UnresolvedKind.ANYTHING


def make_choice(condition: str, options: Sequence[tuple[str, Node]], at: Position) -> Node:
    """Alternatives; one that makes no difference is none."""
    first = options[0][1]
    if all(same_value(option, first) for _, option in options[1:]):
        return first
    return Choice(condition, tuple(options), at)


def same_value(first: Node, second: Node) -> bool:
    """Whether two nodes say the same, wherever they stand."""
    if first is second:
        return True
    if type(first) is not type(second):
        return False
    if isinstance(first, Reference) and isinstance(second, Reference):
        return replace(first, at=second.at) == second
    if isinstance(first, Encoded) and isinstance(second, Encoded) and first.value is not None:
        return second.value is not None and first.defaults == second.defaults and same_value(first.value, second.value)
    if isinstance(first, StringNode) and isinstance(second, StringNode):
        return (first.parts, first.defaults) == (second.parts, second.defaults)
    if isinstance(first, ListNode) and isinstance(second, ListNode):
        return len(first.items) == len(second.items) and all(map(same_value, first.items, second.items))
    if isinstance(first, ObjectNode) and isinstance(second, ObjectNode):
        return len(first.entries) == len(second.entries) and all(
            same_value(one.key, other.key) and same_value(one.value, other.value)
            for one, other in zip(first.entries, second.entries, strict=True)
        )
    if isinstance(first, Choice) and isinstance(second, Choice):
        return (first.condition, len(first.options)) == (second.condition, len(second.options)) and all(
            one[0] == other[0] and same_value(one[1], other[1])
            for one, other in zip(first.options, second.options, strict=True)
        )
    if isinstance(first, Const) and isinstance(second, Const):
        return first.value == second.value and type(first.value) is type(second.value)
    return isinstance(first, Absent)


def guard(when: PathCondition, node: Node) -> Node:
    """A node that is there under conditions only."""
    for condition, outcome in reversed(when):
        pair = [(outcome, node), (negate(outcome), Absent(node.at))]
        if outcome == "false":
            pair.reverse()
        node = Choice(condition, tuple(pair), node.at)
    return node


def repeat(when: PathCondition, node: Node) -> Repeated:
    """Any number of elements of this form, at least one under these conditions. Raises ValueError without any."""
    whole = guard(when, node)
    if not when or not isinstance(whole, Choice):
        raise ValueError("no condition")
    return Repeated(whole.condition, whole.options, whole.at)


def restrict(node: Node, condition: str, outcome: str) -> Node:
    """The node as it reads where a condition has an outcome (outermost alternatives only)."""
    while isinstance(node, Choice):
        name = node.condition
        options = [item for item in node.options if compatible((condition, outcome), (name, item[0]))]
        if len(options) == len(node.options):
            break
        if not options:  # Terraform stops with an error before this can be
            return failure(name, node.at, "no value under these conditions")
        if len(options) > 1:
            return make_choice(name, options, node.at)
        node = options[0][1]
    return node
