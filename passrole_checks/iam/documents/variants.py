"""Variants of a statement that contains alternatives.

Elements with unrelated conditions are expanded separately. A statement allows (or denies) each of its actions on each
of its resources, so it is equivalent to several statements with a part of either list each: ten optional resources give
ten more variants, not two to the power of ten.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import TypeVar

from passrole_checks.iam.conditions.condition_operators import Family, parse_operator
from passrole_checks.iam.grouped import grouped
from passrole_checks.iam.values.nodes import (
    Absent,
    Choice,
    ListNode,
    Node,
    ObjectEntry,
    ObjectNode,
    StringNode,
    map_children,
    nodes_in,
)
from passrole_checks.iam.values.path_conditions import PathCondition, consistent, extend
from passrole_checks.iam.values.variants import MAX_VARIANTS, map_variants, summarize, variants_of

_MAX_SPLIT = 600  # variants of one statement in total, if its lists are split
_SPLITTABLE = ("Resource", "Action")  # elements that are equivalent to the union of their parts


_T = TypeVar("_T")


class _TooMany(Exception):
    """Raised if there are too many combinations."""


def statement_variants(statement: ObjectNode, when: PathCondition = ()) -> list[tuple[PathCondition, ObjectNode]]:
    """Return all variants of a statement, without alternatives, each with its path condition.

    ``when`` applies to all of them; what contradicts it is left out. If there are too many variants even after
    splitting, alternatives in a list become optional elements, and others become unresolved values.
    """
    parts = [_without_otherwise(statement)]
    for name in (None, *_SPLITTABLE, "Condition"):
        if name == "Condition":
            parts = [part for whole in parts for part in _split_values(whole)]
        elif name is not None:
            parts = [part for whole in parts for part in _split_list(whole, name)]
        variants = _expand(parts, when)
        if variants is not None:
            return variants
    return _expand([_flattened(statement)], when) or []


def _without_otherwise(statement: ObjectNode) -> ObjectNode:
    """Return an Allow with the inferred actions and resources alone: what it allows otherwise is unknown."""
    effect = statement.get("Effect")
    if not isinstance(effect, StringNode) or effect.literal != "Allow":
        return statement

    def inferred(node: Node) -> Node:
        if isinstance(node, ListNode) and {StringNode}.issuperset(map(type, node.items)):
            return node
        if not isinstance(node, Choice):
            return map_children(node, inferred)
        options = [(outcome, inferred(option)) for outcome, option in node.options if not outcome.otherwise]
        return options[0][1] if len(options) < min(len(node.options), 2) else Choice(tuple(options), node.at)

    return replace(
        statement,
        entries=tuple(
            replace(entry, value=inferred(entry.value)) if entry.key.literal in _SPLITTABLE else entry
            for entry in statement.entries
        ),
    )


def _expand(parts: Sequence[ObjectNode], when: PathCondition) -> list[tuple[PathCondition, ObjectNode]] | None:
    variants: list[tuple[PathCondition, ObjectNode]] = []
    for part in parts:
        try:
            for assumptions, reading in _checked(variants_of(_lift(part, when), when)):
                if isinstance(reading, ObjectNode) and (len(parts) == 1 or _has_all_lists(reading)):
                    variants.append((assumptions, reading))
        except _TooMany:
            return None
        if len(variants) > _MAX_SPLIT:
            return None
    return variants


def _has_all_lists(reading: ObjectNode) -> bool:
    """True if a part has elements in all lists that were split."""
    return all(
        not (isinstance(value, Absent) or (isinstance(value, ListNode) and not value.items))
        for name in _SPLITTABLE
        if (value := reading.get(name)) is not None
    ) and not any(isinstance(test.value, ListNode) and not test.value.items for _, test in _tests(reading))


def _tests(statement: ObjectNode) -> Iterator[tuple[ObjectEntry, ObjectEntry]]:
    """Yield the tests of a Condition block that one matching value satisfies: the operator's entry and the key's."""
    condition = statement.get("Condition")
    for entry in condition.entries if isinstance(condition, ObjectNode) else ():
        operator = parse_operator(entry.key.literal or "")
        if operator is None or operator.negated or operator.quantifier or operator.family is Family.NULL:
            continue
        if isinstance(entry.value, ObjectNode):
            yield from ((entry, test) for test in entry.value.entries)


def _split_values(statement: ObjectNode) -> Iterator[ObjectNode]:
    """Yield statements equivalent to ``statement``, each with a part of the values of one test."""
    condition = statement.get("Condition")
    for operator, test in _tests(statement):
        parts = list(_split_list(ObjectNode((test,), test.key.at), test.key.literal or ""))
        if len(parts) < 2 or not isinstance(condition, ObjectNode) or not isinstance(operator.value, ObjectNode):
            continue
        for part in parts:
            keys = tuple(part.entries[0] if entry is test else entry for entry in operator.value.entries)
            changed = ObjectEntry(operator.key, ObjectNode(keys, operator.value.at))
            block = ObjectNode(
                tuple(changed if entry is operator else entry for entry in condition.entries), condition.at
            )
            yield replace(
                statement,
                entries=tuple(
                    ObjectEntry(entry.key, block) if entry.value is condition else entry for entry in statement.entries
                ),
            )
        return
    yield statement


def _split_list(statement: ObjectNode, name: str) -> Iterator[ObjectNode]:
    """Yield equivalent statements, each with the part of a list that depends on the same conditions."""
    value = statement.get(name)
    items = _elements(value) if isinstance(value, ListNode) else []
    choices = ((choice.condition for choice in nodes_in(one) if isinstance(choice, Choice)) for one in items)
    groups = grouped(zip(map(frozenset, choices), items, strict=True))
    if not isinstance(value, ListNode) or len(groups) < 2:
        yield statement
        return
    for group in groups.values():
        part = ListNode(tuple(group), value.at)
        yield replace(
            statement,
            entries=tuple(
                ObjectEntry(entry.key, part) if entry.key.literal == name else entry for entry in statement.entries
            ),
        )


def _elements(value: ListNode) -> list[Node]:
    """Return the elements of a list, nested lists flattened."""
    elements: list[Node] = []
    pending: list[Node] = list(reversed(value.items))
    while pending:
        node = pending.pop()
        if isinstance(node, ListNode):
            pending.extend(reversed(node.items))
        else:
            elements.append(node)
    return elements


def _lift(node: Node, when: PathCondition = ()) -> Node:
    """Return a node with all alternatives at its top, without those that contradict ``when``. Raises _TooMany."""
    if isinstance(node, Choice):
        options = [
            (outcome, _lift(option, extend(when, outcome)))
            for outcome, option in node.options
            if consistent(when, outcome)
        ]
        return Choice(tuple(options), node.at) if options else Absent(node.at)
    lift = partial(_lift, when=when)
    if isinstance(node, ListNode):
        if not any(isinstance(element, Choice | ListNode | ObjectNode | Absent) for element in node.items):
            return node
        at = node.at
        return map_variants(lambda *items: ListNode(_present(items), at), *map(lift, node.items), excess=_refuse)
    if isinstance(node, ObjectNode):
        statement = node

        def build(*values: Node) -> Node:
            pairs = zip(statement.entries, values, strict=True)
            present = (ObjectEntry(entry.key, value) for entry, value in pairs if not isinstance(value, Absent))
            return ObjectNode(tuple(present), statement.at, statement.block)

        return map_variants(build, *(lift(entry.value) for entry in node.entries), excess=_refuse)
    return node


def _checked(variants: list[_T]) -> list[_T]:
    if len(variants) > MAX_VARIANTS:
        raise _TooMany
    return variants


def _present(items: Sequence[Node]) -> tuple[Node, ...]:
    return tuple(item for item in items if not isinstance(item, Absent))


def _refuse(choice: Choice) -> Node:
    raise _TooMany


def _flattened(node: ObjectNode) -> ObjectNode:
    """Return a statement without alternatives: those in a list become optional elements, others unresolved values."""
    entries: list[ObjectEntry] = []
    for entry in node.entries:
        value = entry.value
        if entry.key.literal in ("Action", "NotAction", "Resource", "NotResource"):
            wrapped = value if isinstance(value, ListNode) else ListNode((value,), value.at)
            elements = [string for element in _elements(wrapped) for string in _optional(element, False)]
            entries.append(ObjectEntry(entry.key, ListNode(tuple(elements), value.at)))
        else:
            entries.append(ObjectEntry(entry.key, _without_choices(value)))
    return ObjectNode(tuple(entries), node.at, node.block)


def _optional(node: Node, perhaps: bool) -> Iterator[Node]:
    if isinstance(node, Choice):
        for _, option in node.options:
            yield from _optional(option, True)
    elif isinstance(node, ListNode):
        for element in node.items:
            yield from _optional(element, perhaps)
    elif isinstance(node, StringNode):
        yield replace(node, optional=True) if perhaps else node
    elif not isinstance(node, Absent):
        yield node


def _without_choices(node: Node) -> Node:
    """Return a node with each choice replaced by an unresolved value."""
    return summarize(node) if isinstance(node, Choice) else map_children(node, _without_choices)
