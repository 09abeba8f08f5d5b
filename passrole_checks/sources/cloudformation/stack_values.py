"""Values on their way between a stack and a stack nested in it.

A logical id, a parameter or a condition means something within its own template only. What a stack hands down to a
nested one is named from there, as a path is (``../Role``); what comes up again loses that mark, and what is the nested
stack's own is named below its logical id (``Network.Role``). So no name of one template is ever taken for one of
another, and a condition of the outer stack stays the same condition inside.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from passrole_checks.iam import partial_values
from passrole_checks.iam.partial_values import Choice, ListNode, Node, ObjectEntry, StringNode, Unresolved
from passrole_checks.iam.path_conditions import PathCondition

MAX_LENGTH = 4096  # of one text
MAX_SIZE = 20_000  # of a list, or of all alternatives

_OUTER = "../"
_NAME = re.compile(r"(?:\.\./)*(?:AWS::Stack(?:Name|Id)|[A-Za-z0-9]+(?:\.[\w.-]+)*)")
_EVERYWHERE = frozenset(
    {"AWS::AccountId", "AWS::NotificationARNs", "AWS::Partition", "AWS::Region", "AWS::URLSuffix"}
)  # the pseudo parameters that are the same in a nested stack


@dataclass(frozen=True, slots=True)
class ParameterArgument:
    """What a stack passes for a parameter: its value, and its value whatever the defaults of the outer stack are."""

    value: Node
    open: Node


@dataclass(frozen=True, slots=True)
class NestedStackCall:
    """How a nested stack is called: what it is passed, and whether that is all (its own defaults are then certain)."""

    passed: Mapping[str, ParameterArgument]
    complete: bool = True


def handed_down(node: Node) -> Node:
    """A value of the outer stack as the nested stack sees it."""
    return _renamed(node, lambda name: f"{_OUTER}{name}")


def brought_up(node: Node, stack: str) -> Node:
    """A value of the nested stack, whose logical id is ``stack``, as the outer stack sees it."""
    return _renamed(node, lambda name: name_above(name, stack))


def name_above(name: str, stack: str) -> str:
    """A name in the nested stack as the outer stack sees it."""
    return name.removeprefix(_OUTER) if name.startswith(_OUTER) else f"{stack}.{name}"


def facts_above(facts: PathCondition, stack: str) -> PathCondition:
    """Facts of the nested stack as the outer stack sees them."""
    return tuple((one if one in _EVERYWHERE else name_above(one, stack), outcome) for one, outcome in facts)


def bounded(node: Node, expression: str) -> Node:
    """A value that is small enough to be passed on; a hole in the place of one that is not.

    Source: AWS CloudFormation User Guide, "Understand CloudFormation quotas": the value of a parameter has at most
    4,096 bytes.
    """
    sizes = [
        sum(len(part) if isinstance(part, str) else 20 for part in text.parts) for text in partial_values.texts_in(node)
    ]
    if max(sizes, default=0) <= MAX_LENGTH and sum(sizes) + 20 * len(sizes) <= MAX_SIZE:
        return node
    return partial_values.unknown(expression, node.at, "too long to be passed between stacks")


_Rename = Callable[[str], str]


def _renamed(node: Node, rename: _Rename) -> Node:
    if isinstance(node, StringNode):
        parts = tuple(part if isinstance(part, str) else _hole(part, rename) for part in node.parts)
        defaults = tuple(name if name in _EVERYWHERE else rename(name) for name in node.defaults)
        return replace(node, parts=parts, defaults=defaults)
    if isinstance(node, ListNode):
        return replace(node, items=tuple(_renamed(item, rename) for item in node.items))
    if isinstance(node, partial_values.ObjectNode):
        entries = []
        for entry in node.entries:
            key = _renamed(entry.key, rename)
            entries.append(
                ObjectEntry(key if isinstance(key, StringNode) else entry.key, _renamed(entry.value, rename))
            )
        return replace(node, entries=tuple(entries))
    if isinstance(node, Choice):
        condition = node.condition if node.condition in _EVERYWHERE else rename(node.condition)
        options = tuple((outcome, _renamed(option, rename)) for outcome, option in node.options)
        return replace(node, condition=condition, options=options)
    return node


def _hole(hole: Unresolved, rename: _Rename) -> Unresolved:
    """Other expressions than names (a dynamic reference, an import) are the same words in each template."""
    named = hole.expression not in _EVERYWHERE and _NAME.fullmatch(hole.expression) is not None
    known = hole.known and tuple(part if isinstance(part, str) else _hole(part, rename) for part in hole.known)
    return replace(
        hole,
        expression=rename(hole.expression) if named else hole.expression,
        role=hole.role and rename(hole.role),
        known=known,
    )
