"""Translate values between a stack and its nested stacks.

A logical id, a parameter or a condition is meaningful only in its own template. A name passed down to a nested stack is
marked like a path (``../Role``). On the way up, a marked name loses the mark, and the nested stack's own names get its
logical id as a prefix (``Network.Role``). So names of different templates are never confused, and a condition of the
outer stack stays the same condition inside.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.iam.values import nodes
from passrole_checks.iam.values.nodes import Node, Part, StringNode, Unresolved
from passrole_checks.iam.values.path_conditions import PathCondition
from passrole_checks.sources.model.links import is_origin

MAX_LENGTH = 4096  # of one string
MAX_SIZE = 20_000  # of a list, or of all variants

_OUTER = "../"
_NAME = lazy_regex(r"(?:\.\./)*(?:AWS::Stack(?:Name|Id)|[A-Za-z0-9]+(?:\.[\w.-]+)*)")
_EVERYWHERE = frozenset(
    {"AWS::AccountId", "AWS::NotificationARNs", "AWS::Partition", "AWS::Region", "AWS::URLSuffix"}
)  # pseudo parameters with the same value in a nested stack


@dataclass(frozen=True, slots=True)
class ParameterArgument:
    """An argument of a parameter: its value, and its value with any value of the outer stack's parameters."""

    value: Node
    open: Node


@dataclass(frozen=True, slots=True)
class NestedStackCall:
    """The arguments of a nested stack. ``complete``: there are no others, so that defaults apply."""

    passed: Mapping[str, ParameterArgument]
    complete: bool = True


def to_nested(node: Node) -> Node:
    """Return a value of the outer stack as the nested stack sees it."""
    return _rename_references(node, lambda name: f"{_OUTER}{name}")


def to_parent(node: Node, stack: str) -> Node:
    """Return a value of the nested stack with logical id ``stack`` as the outer stack sees it."""
    return _rename_references(node, lambda name: parent_name(name, stack))


def parent_name(name: str, stack: str) -> str:
    """Return a name in the nested stack as the outer stack sees it."""
    return name.removeprefix(_OUTER) if name.startswith(_OUTER) else f"{stack}.{name}"


def parent_condition(when: PathCondition, stack: str) -> PathCondition:
    """Return a path condition of the nested stack as the outer stack sees it."""
    return tuple(
        assumption
        if assumption.subject in _EVERYWHERE
        else replace(assumption, subject=parent_name(assumption.subject, stack))
        for assumption in when
    )


def with_stack_name(node: Node, name: Sequence[Part], prefix: str = "") -> Node:
    """Return a value with the name of its stack, if that is known. ``prefix``: before the pseudo parameter."""

    def insert(string: StringNode) -> StringNode:
        if not any(isinstance(part, Unresolved) and part.expression == expression for part in string.parts):
            return string
        parts = [
            inner
            for part in string.parts
            for inner in (name if isinstance(part, Unresolved) and part.expression == expression else (part,))
        ]
        return StringNode(nodes.join(parts), string.at, defaults=string.defaults)

    expression = f"{prefix}AWS::StackName"
    return nodes.map_strings(node, insert) if name else node


def limit_size(node: Node, expression: str) -> Node:
    """Return a value that is small enough to be passed on; otherwise an unresolved value.

    Source: AWS CloudFormation User Guide, "Understand CloudFormation quotas": the value of a parameter has at most
    4,096 bytes.
    """
    sizes = [sum(len(part) if isinstance(part, str) else 20 for part in text.parts) for text in nodes.strings_in(node)]
    if max(sizes, default=0) <= MAX_LENGTH and sum(sizes) + 20 * len(sizes) <= MAX_SIZE:
        return node
    return nodes.unresolved(expression, node.at, "too long to pass between stacks")


_Rename = Callable[[str], str]


def _rename_references(node: Node, rename: _Rename) -> Node:
    """Rename the references in a value, its defaults and conditions; pseudo parameters shared by all stacks keep their
    names."""

    def rename_unless_shared(name: str) -> str:
        return name if name in _EVERYWHERE or is_origin(name) else rename(name)

    def change(string: StringNode) -> StringNode:
        parts = tuple(part if isinstance(part, str) else _rename_unresolved(part, rename) for part in string.parts)
        return replace(string, parts=parts, defaults=tuple(map(rename_unless_shared, string.defaults)))

    return nodes.map_strings(node, change, keys=True, subject=rename_unless_shared)


def _rename_unresolved(unresolved: Unresolved, rename: _Rename) -> Unresolved:
    """Rename the names in an unresolved part. Other expressions (dynamic references, imports) are equal in all
    templates."""
    named = unresolved.expression not in _EVERYWHERE and _NAME.fullmatch(unresolved.expression) is not None
    known = unresolved.known and tuple(
        part if isinstance(part, str) else _rename_unresolved(part, rename) for part in unresolved.known
    )
    return replace(
        unresolved,
        expression=rename(unresolved.expression) if named else unresolved.expression,
        role=unresolved.role and rename(unresolved.role),
        known=known,
    )
