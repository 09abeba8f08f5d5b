"""Operations on values that depend on unknown conditions (:class:`Choice`), for all of their variants."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence

from passrole_checks.iam import deadline
from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.iam.values.nodes import (
    Absent,
    Choice,
    Const,
    Failure,
    ListNode,
    Node,
    ObjectNode,
    Position,
    StringNode,
    UnknownTail,
    Unresolved,
    UnresolvedKind,
    children_of,
    failure,
    join,
    unresolved,
)
from passrole_checks.iam.values.path_conditions import Assumption, PathCondition, consistent, extend, negate

MAX_VARIANTS = 64
"""Maximum number of combinations of independent conditions in one value or one statement."""

_MAX_ELEMENTS = 10_000  # nodes of one list or object
_MAX_CALLS = 4 * MAX_VARIANTS  # of one function: a single argument may have more variants, as from a long map
_ACCOUNT = lazy_regex(r"\d{12}")
_NAME = lazy_regex(r"[\w+=,.@-]+", re.ASCII)


def map_variants(
    function: Callable[..., Node], *arguments: Node, excess: Callable[[Choice], Node] | None = None
) -> Node:
    """Apply a function to every combination of the variants of its arguments.

    A condition has the same outcome in all arguments, and equal results of all outcomes are one. ``excess`` returns a
    value in place of an argument that would raise the number of combinations above :data:`MAX_VARIANTS`; by default
    that is :func:`summarize`.
    """
    for argument in arguments:
        if isinstance(argument, Choice):
            return _map_options(function, _limit(arguments, excess or summarize), (), [_MAX_CALLS])
    return function(*arguments)


def _map_options(function: Callable[..., Node], arguments: list[Node], when: PathCondition, calls: list[int]) -> Node:
    for index, argument in enumerate(arguments):
        if not isinstance(argument, Choice):
            continue
        if calls[0] <= 0:
            return unresolved(_label(argument), argument.at, _TOO_MANY)
        options = [
            (outcome, _map_options(function, [*arguments[:index], option, *arguments[index + 1 :]], deeper, calls))
            for outcome, option, deeper in _consistent_options(argument, when)
        ]
        if len(argument.options) == 1 and options:  # exists under a condition only
            return Choice(tuple(options), argument.at)
        return make_choice(options, argument.at) if options else _no_variant(argument)
    deadline.check()
    calls[0] -= 1
    return function(*arguments)


def _consistent_options(choice: Choice, when: PathCondition) -> list[tuple[Assumption, Node, PathCondition]]:
    """Return the options that are possible under ``when``, each with its path condition."""
    return [(outcome, option, extend(when, outcome)) for outcome, option in choice.options if consistent(when, outcome)]


def _no_variant(choice: Choice) -> Failure:
    """Return the value of a choice of which no option is possible: Terraform, for example, stops with an error."""
    return failure(choice.condition, choice.at, "no value under these conditions")


_TOO_MANY = "too many alternatives"


def _limit(arguments: Sequence[Node], excess: Callable[[Choice], Node]) -> list[Node]:
    """Return the arguments, with the result of ``excess`` for each one that would cause too many combinations."""
    if sum(isinstance(argument, Choice) for argument in arguments) < 2:
        return list(arguments)
    combinations, conditions = 1, set[str]()
    limited: list[Node] = []
    for argument in arguments:
        if isinstance(argument, Choice):
            own, count = _conditions(argument)
            factor = 1 if own <= conditions else count
            if combinations * factor > MAX_VARIANTS:
                argument = excess(argument)
            else:
                combinations, conditions = combinations * factor, conditions | own
        limited.append(argument)
    return limited


def _conditions(choice: Choice) -> tuple[set[str], int]:
    """Return the conditions of a choice, nested ones included, and the number of its variants."""
    conditions, count = set[str](), 0
    pending: list[Node] = [choice]
    while pending:
        current = pending.pop()
        if isinstance(current, Choice):
            conditions.add(current.condition)
            pending.extend(option for _, option in current.options)
        else:
            count += 1
    return conditions, count


def variants_of(node: Node, when: PathCondition = ()) -> list[tuple[PathCondition, Node]]:
    """Return the variants of a node whose outermost layers are choices, each with its path condition.

    What contradicts ``when`` is left out. A node of another type is its only variant.
    """
    variants: list[tuple[PathCondition, Node]] = []
    pending = [(when, node)]
    while pending:
        path, current = pending.pop()
        if isinstance(current, Choice):
            pending.extend((deeper, option) for _, option, deeper in reversed(_consistent_options(current, path)))
        else:
            variants.append((path, current))
    return variants


def restrict(node: Node, when: PathCondition) -> Node:
    """Return a node without the options of its outermost choices that contradict a path condition."""
    if not isinstance(node, Choice):
        return node
    options = [(outcome, restrict(option, deeper)) for outcome, option, deeper in _consistent_options(node, when)]
    if not options:
        return _no_variant(node)
    if len(options) == len(node.options) and all(
        new is old for (_, new), (_, old) in zip(options, node.options, strict=True)
    ):
        return node
    return make_choice(options, node.at)


def drop_options(node: Node, is_dropped: Callable[[Node], bool]) -> Node | None:
    """Return a node without the variants that ``is_dropped``; None if none remains."""
    if not isinstance(node, Choice):
        return None if is_dropped(node) else node
    options = [(outcome, drop_options(option, is_dropped)) for outcome, option in node.options]
    remaining = [(outcome, option) for outcome, option in options if option is not None]
    return make_choice(remaining, node.at) if remaining else None


def make_choice(options: Sequence[tuple[Assumption, Node]], at: Position) -> Node:
    """Return a :class:`Choice`, or the common value if all options are the same."""
    first = options[0][1]
    if all(same_value(option, first) for _, option in options[1:]):
        return first
    return Choice(tuple(options), at)


def choose(condition: Assumption, then: Node, otherwise: Node, at: Position) -> Node:
    """Return ``then`` if an assumption holds, else ``otherwise``."""
    return make_choice([(condition, then), (negate(condition), otherwise)], at)


def guard(when: PathCondition, node: Node) -> Node:
    """Return a node that exists only under conditions, and is absent otherwise."""
    for assumption in reversed(when):
        pair = [(assumption, node), (negate(assumption), Absent(node.at))]
        if assumption.negated:
            pair.reverse()
        node = Choice(tuple(pair), node.at)
    return node


def same_value(first: Node, second: Node) -> bool:
    """True if two nodes are equal apart from their positions."""
    if first is second:
        return True
    if type(first) is not type(second):
        return False
    if isinstance(first, StringNode) and isinstance(second, StringNode):
        return first.has_value_of(second)
    if isinstance(first, Const) and isinstance(second, Const):
        return first.value == second.value and type(first.value) is type(second.value)
    if isinstance(first, ObjectNode) and isinstance(second, ObjectNode):
        return len(first.entries) == len(second.entries) and all(
            same_value(one.key, other.key) and same_value(one.value, other.value)
            for one, other in zip(first.entries, second.entries, strict=True)
        )
    if isinstance(first, Choice) and isinstance(second, Choice) and _outcomes(first) != _outcomes(second):
        return False
    children, others = children_of(first), children_of(second)
    return len(children) == len(others) and all(map(same_value, children, others))


def _outcomes(choice: Choice) -> list[Assumption]:
    return [outcome for outcome, _ in choice.options]


def _label(choice: Choice) -> str:
    """Return the expression of a choice as one unresolved value."""
    return f"{choice.condition} ? … : …"


def summarize(choice: Choice) -> StringNode:
    """Return a choice as one unresolved value between the common prefix and suffix of its variants; if it may be
    absent, as any number of elements."""
    variants = [variant for _, variant in variants_of(choice)]
    value = generalize(variants, _label(choice), choice.at, _TOO_MANY)
    if not any(isinstance(variant, Absent) for variant in variants):
        return value
    return UnknownTail(value.parts, value.at, defaults=value.defaults)


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
        return StringNode((Unresolved(expression, kind, reason=reason),), at, defaults=names)
    prefix = _common_prefix(texts)
    suffix = _common_prefix([text[len(prefix) :][::-1] for text in texts])[::-1]
    kind = _common_kind([text[len(prefix) : len(text) - len(suffix)] for text in texts])
    return StringNode(join((prefix, Unresolved(expression, kind, reason=reason), suffix)), at, defaults=names)


def defaults_of(nodes: Iterable[Node]) -> tuple[str, ...]:
    """Return the variables whose defaults are part of these strings, without duplicates."""
    return tuple(dict.fromkeys(name for node in nodes if isinstance(node, StringNode) for name in node.defaults))


def _common_prefix(texts: Sequence[str]) -> str:
    """Return the longest common prefix of the texts."""
    first, last = min(texts), max(texts)  # all others sort between the two
    return first[: next((index for index, character in enumerate(first) if character != last[index]), len(first))]


def _common_kind(texts: Sequence[str]) -> UnresolvedKind:
    if all(_ACCOUNT.fullmatch(text) for text in texts):
        return UnresolvedKind.ACCOUNT_ID
    return UnresolvedKind.NAME if all(_NAME.fullmatch(text) for text in texts) else UnresolvedKind.ANYTHING


def flatten_variants(value: Node | None, when: PathCondition = ()) -> Iterator[tuple[PathCondition, Node]]:
    """Yield the elements of a list or an object, at any depth, each with its path condition.

    Shared elements are yielded once for each place, so that there may be any number: those above the limit are one
    unresolved value.
    """
    pending = [(when, value)] if value is not None else []
    visited = 0
    while pending:
        deadline.check()
        path, node = pending.pop(0)
        visited += 1
        if visited > _MAX_ELEMENTS:
            yield when, unresolved("…", node.at, "too large")
            return
        if isinstance(node, ListNode):
            pending[:0] = [(path, item) for item in node.items]
        elif isinstance(node, ObjectNode):
            pending[:0] = [(path, entry.value) for entry in node.entries]
        elif isinstance(node, Choice):
            pending[:0] = [
                (extend(path, outcome), option) for outcome, option in node.options if consistent(path, outcome)
            ]
        elif not isinstance(node, Absent):
            yield path, node


def value_variants(value: Node | None, when: PathCondition = ()) -> list[tuple[PathCondition, Node]]:
    """Return the variants of a string, absence included, each with its path condition; none for a list or an object."""
    if isinstance(value, Choice):
        return [
            variant
            for outcome, option in value.options
            if consistent(when, outcome)
            for variant in value_variants(option, extend(when, outcome))
        ]
    if isinstance(value, Const) and value.value is None:
        value = Absent(value.at)
    return [(when, value)] if isinstance(value, (StringNode, Absent)) else []
