"""Values that depend on unknown conditions (:class:`Choice`), and operations on their variants."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.iam.values.nodes import (
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
from passrole_checks.iam.values.path_conditions import Assumption, PathCondition, compatible, negate
from passrole_checks.sources.terraform.evaluation.symbolic_values import (
    Encoded,
    Reference,
    Repeated,
    UnknownTail,
    defaults_of,
    failure,
    unresolved,
)

_MAX_COMBINATIONS = 32  # variants of one operation on several conditional arguments
_MAX_CALLS = 256  # calls of the function in total
_ACCOUNT = lazy_regex(r"\d{12}")
_NAME = lazy_regex(r"[\w+=,.@-]+", re.ASCII)


def map_choices(function: Callable[..., Node], *arguments: Node) -> Node:
    """Apply a function to every variant of its conditional arguments.

    A condition has the same outcome in all arguments. Arguments that would raise the number of variants above
    :data:`_MAX_COMBINATIONS` become one unresolved value each.
    """
    for argument in arguments:
        if isinstance(argument, Choice):
            break
    else:
        return function(*arguments)
    return _map_options(function, _limit_variants(arguments), [_MAX_CALLS])


def _map_options(function: Callable[..., Node], arguments: list[Node], budget: list[int]) -> Node:
    for index, argument in enumerate(arguments):
        if not isinstance(argument, Choice):
            continue
        if budget[0] <= 0:
            return unresolved(_label(argument), argument.at, "too many alternatives")
        options: list[tuple[Assumption, Node]] = []
        for outcome, option in argument.options:
            variant = [option if index == other else restrict(value, outcome) for other, value in enumerate(arguments)]
            options.append((outcome, _map_options(function, variant, budget)))
        return make_choice(options, argument.at)
    budget[0] -= 1
    return function(*arguments)


def _limit_variants(arguments: Sequence[Node]) -> list[Node]:
    """Return the arguments; each one that would cause too many variants becomes one unresolved value."""
    if sum(isinstance(argument, Choice) for argument in arguments) < 2:
        return list(arguments)
    variants, conditions = 1, set[str]()
    limited: list[Node] = []
    for argument in arguments:
        if isinstance(argument, Choice):
            own_conditions = _conditions(argument)
            factor = 1 if own_conditions <= conditions else _count_variants(argument)
            if variants * factor > _MAX_COMBINATIONS:
                argument = _collapse_optional(argument)
            else:
                variants, conditions = variants * factor, conditions | own_conditions
        limited.append(argument)
    return limited


def _count_variants(node: Node) -> int:
    """Count the variants of a node, stopping above the limit."""
    if not isinstance(node, Choice):
        return 1
    count = 0
    for _, option in node.options:
        count += _count_variants(option)
        if count > _MAX_COMBINATIONS:
            break
    return count


def _conditions(node: Node) -> set[str]:
    conditions: set[str] = set()
    pending = [node]
    while pending:
        current = pending.pop()
        if isinstance(current, Choice):
            conditions.add(current.condition)
            pending.extend(option for _, option in current.options)
    return conditions


def _label(node: Choice) -> str:
    """Return the expression of a conditional value as one unresolved value."""
    return f"{node.condition} ? … : …"


def _collapse_optional(node: Choice) -> StringNode:
    """Return a conditional value as one unresolved value between the common prefix and suffix of its variants; if it
    may be absent, as any number of elements."""
    variants = variants_of(node)
    value = generalize(variants, _label(node), node.at, "too many alternatives")
    if not any(isinstance(variant, Absent) for variant in variants):
        return value
    return UnknownTail(value.parts, value.at, defaults=value.defaults)


def variants_of(node: Node) -> list[Node]:
    """Return the variants of a node, nested ones included."""
    variants: list[Node] = []
    pending = [node]
    while pending:
        current = pending.pop()
        if isinstance(current, Choice):
            pending.extend(option for _, option in reversed(current.options))
        else:
            variants.append(current)
    return variants


def generalize(values: Sequence[Node], expression: str, at: Position, reason: str = "") -> StringNode:
    """Return one string for several possible values: their common prefix and suffix around an unresolved value.

    The unresolved value gets the kind that all values share (account id, name).
    """
    literals = [value.literal if type(value) is StringNode else None for value in values]
    texts = [text for text in literals if text is not None]
    if not texts or len(texts) != len(values):
        return unresolved(expression, at, reason)
    names = defaults_of(values)
    kind = _common_kind(texts)
    if kind is not UnresolvedKind.ANYTHING:
        return replace(unresolved(expression, at, reason, kind), defaults=names)
    prefix = _common_prefix(texts)
    suffix = _common_prefix([text[len(prefix) :][::-1] for text in texts])[::-1]
    kind = _common_kind([text[len(prefix) : len(text) - len(suffix)] for text in texts])
    return StringNode(join((prefix, Unresolved(expression, kind, reason=reason), suffix)), at, defaults=names)


def _common_prefix(texts: Sequence[str]) -> str:
    """Return the longest common prefix of the texts."""
    first, last = min(texts), max(texts)  # all others sort between the two
    return first[: next((index for index, character in enumerate(first) if character != last[index]), len(first))]


def _common_kind(texts: Sequence[str]) -> UnresolvedKind:
    if all(_ACCOUNT.fullmatch(text) for text in texts):
        return UnresolvedKind.ACCOUNT_ID
    return UnresolvedKind.NAME if all(_NAME.fullmatch(text) for text in texts) else UnresolvedKind.ANYTHING


def make_choice(options: Sequence[tuple[Assumption, Node]], at: Position) -> Node:
    """Return a :class:`Choice`, or the common value if all options are the same."""
    first = options[0][1]
    if all(same_value(option, first) for _, option in options[1:]):
        return first
    return Choice(tuple(options), at)


def choose(condition: Assumption, then: Node, otherwise: Node, at: Position) -> Node:
    """Return ``then`` if an assumption holds, else ``otherwise``."""
    return make_choice([(condition, then), (negate(condition), otherwise)], at)


def same_value(first: Node, second: Node) -> bool:
    """True if two nodes are equal apart from their positions."""
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
            same_value(a.key, b.key) and same_value(a.value, b.value)
            for a, b in zip(first.entries, second.entries, strict=True)
        )
    if isinstance(first, Choice) and isinstance(second, Choice):
        return len(first.options) == len(second.options) and all(
            a[0] == b[0] and same_value(a[1], b[1]) for a, b in zip(first.options, second.options, strict=True)
        )
    if isinstance(first, Const) and isinstance(second, Const):
        return first.value == second.value and type(first.value) is type(second.value)
    return isinstance(first, Absent)


def guard(when: PathCondition, node: Node) -> Node:
    """Return a node that exists only under conditions, and is absent otherwise."""
    for assumption in reversed(when):
        pair = [(assumption, node), (negate(assumption), Absent(node.at))]
        if assumption.negated:
            pair.reverse()
        node = Choice(tuple(pair), node.at)
    return node


def repeat(when: PathCondition, node: Node) -> Repeated:
    """Return any number of elements of this form, at least one under ``when``. Raises ValueError if that is empty."""
    guarded = guard(when, node)
    if not when or not isinstance(guarded, Choice):
        raise ValueError("no condition")
    return Repeated(guarded.options, guarded.at)


def restrict(node: Node, assumption: Assumption) -> Node:
    """Return the node under an assumption (outermost choices only)."""
    while isinstance(node, Choice):
        options = [option for option in node.options if compatible(assumption, option[0])]
        if len(options) == len(node.options):
            break
        if not options:  # Terraform stops with an error first
            return failure(node.condition, node.at, "no value under these conditions")
        if len(options) > 1:
            return make_choice(options, node.at)
        node = options[0][1]
    return node
