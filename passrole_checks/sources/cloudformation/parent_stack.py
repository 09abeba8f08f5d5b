"""Map values, principals and positions of an embedded template to the configuration around it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from functools import cached_property

from passrole_checks.iam import partial_values
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.iam.partial_values import (
    Choice,
    ListNode,
    Node,
    ObjectEntry,
    Part,
    Position,
    StringNode,
    Unresolved,
    at_position,
)
from passrole_checks.sources.cloudformation.stack_values import parent_name, to_parent
from passrole_checks.sources.files.yaml_with_unresolved import restore_placeholders
from passrole_checks.sources.model.principal_names import bare_name, rename_principal

_STACK_NAME = "AWS::StackName"
_OUTER = lazy_regex(r"\$\{\.\./([^}]+)\}|\.\./(.+)")
_PARAMETER = lazy_regex(r"\$\{([A-Za-z0-9.]+)\}")


@dataclass(frozen=True)
class ParentStack:
    """The stack of an embedded template, as a part of the configuration around it.

    ``stack`` is its address, ``body`` the template as given, ``outer`` the originals of the placeholders in it, as the
    template sees them, and ``name`` the stack name, if known.
    """

    stack: str
    body: Node
    outer: Sequence[Part | Node]
    name: StringNode | None = None

    def value(self, node: Node) -> Node:
        """Return a value of the template as the configuration sees it."""
        value = to_parent(restore_placeholders(node, self.outer), self.stack)
        return value if self.name is None else _with_stack_name(value, f"{self.stack}.{_STACK_NAME}", self.name)

    def text(self, node: Node | None) -> StringNode | None:
        """Return a string of the template as the configuration sees it; None for other values."""
        value = self.value(node) if node is not None else None
        return value if isinstance(value, StringNode) else None

    def principal(self, name: str, own: Collection[str]) -> str:
        """Return the name of a principal in the configuration.

        It is one of the template's ``own`` resources, a principal of the configuration, or one defined elsewhere, which
        keeps its name.
        """
        inner = bare_name(name)
        if inner in own:
            return rename_principal(name, lambda known: parent_name(known, self.stack))
        outer = _OUTER.fullmatch(inner)
        if outer is not None and outer[2]:
            return outer[2]
        if outer is not None:
            return rename_principal(name, lambda _: f"${{{outer[1]}}}")
        parameter = _PARAMETER.fullmatch(inner)
        if parameter is not None:
            return rename_principal(name, lambda _: f"${{{parent_name(parameter[1], self.stack)}}}")
        value = self.value(StringNode((inner,), self.body.at))
        unresolved = value.only_unresolved if isinstance(value, StringNode) else None
        return (
            unresolved.role
            if unresolved is not None and unresolved.role
            else rename_principal(name, lambda _: str(value))
        )

    # positions

    @cached_property
    def _layout(self) -> tuple[int, int, int] | None:
        """For a template stored verbatim in a file: the lines before it, and the columns before its first and other
        lines."""
        body = self.body
        if not isinstance(body, StringNode) or not body.starts:
            return None
        (line, column), exact = body.starts[0], len(body.parts) == 1
        return line - 1, column - 1 if exact else -1, body.indent if exact else -1

    def position(self, at: Position) -> Position:
        """Return the position in the file of a position in the template; that of the whole template if it is
        unknown."""
        layout = self._layout
        if layout is None or not self.body.at.covers(layout[0] + at.line):
            return self.body.at
        before, first, others = layout
        end = max(at.line, at.end_line)
        if first < 0:  # inserted values move the rest of the line
            return Position(self.body.at.file, before + at.line, 1, before + end, 0)
        start_column, end_column = (first if line == 1 else others for line in (at.line, end))
        last = at.end_column + end_column if at.end_column else 0
        return Position(self.body.at.file, before + at.line, at.column + start_column, before + end, last)

    def with_positions(self, node: Node, path: str = "") -> Node:
        """Return a value of the template with positions in the file.

        ``path`` leads to it from the top of the template; it is used for a template that Terraform builds from an
        object, whose parts have their own positions.
        """
        if isinstance(self.body, partial_values.ObjectNode):
            return _with_positions_of(node, _node_at(self.body, path.split("/")))
        return self._shifted(node)

    def _shifted(self, node: Node) -> Node:
        """Return a value of a verbatim template with positions in the file."""
        at = self.position(node.at)
        if isinstance(node, StringNode):
            return at_position(node, at)
        node = partial_values.map_children(node, self._shifted)
        if isinstance(node, partial_values.ObjectNode):
            keys = (at_position(entry.key, self.position(entry.key.at)) for entry in node.entries)
            entries = tuple(ObjectEntry(key, entry.value) for key, entry in zip(keys, node.entries, strict=True))
            return replace(node, entries=entries, at=at)
        return replace(node, at=at)


def _node_at(node: Node, steps: Sequence[str]) -> Node:
    """Return the node at a path, or the deepest one on the way."""
    for step in steps:
        inner: Node | None = None
        if isinstance(node, partial_values.ObjectNode):
            inner = node.get(step)
        elif isinstance(node, ListNode) and step.isdecimal() and int(step) < len(node.items):
            inner = node.items[int(step)]
        if inner is None:
            break
        node = inner
    return node


def _with_positions_of(node: Node, other: Node) -> Node:
    """Return a value with the positions of another one of the same shape; parts without a counterpart get the position
    around them."""
    if isinstance(node, StringNode):
        return at_position(node, other.at)
    if isinstance(node, ListNode):
        counterparts = other.items if isinstance(other, ListNode) and len(other.items) == len(node.items) else ()
        pairs = zip(node.items, counterparts or [other] * len(node.items), strict=True)
        return ListNode(tuple(_with_positions_of(item, counterpart) for item, counterpart in pairs), other.at)
    if isinstance(node, partial_values.ObjectNode):
        entries = []
        for entry in node.entries:
            inner = other.get(str(entry.key)) if isinstance(other, partial_values.ObjectNode) else None
            entries.append(
                ObjectEntry(at_position(entry.key, other.at), _with_positions_of(entry.value, inner or other))
            )
        return partial_values.ObjectNode(tuple(entries), other.at)
    if isinstance(node, Choice):
        return replace(
            node,
            options=tuple((outcome, _with_positions_of(counterpart, other)) for outcome, counterpart in node.options),
            at=other.at,
        )
    return replace(node, at=other.at)


def _with_stack_name(node: Node, expression: str, name: StringNode) -> Node:
    """Return a value with the pseudo parameter for the stack's name replaced by the name."""

    def insert(string: StringNode) -> StringNode:
        if not any(isinstance(part, Unresolved) and part.expression == expression for part in string.parts):
            return string
        parts = (
            inner
            for part in string.parts
            for inner in (name.parts if isinstance(part, Unresolved) and part.expression == expression else (part,))
        )
        return StringNode(partial_values.join(list(parts)), string.at, defaults=string.defaults)

    return partial_values.map_strings(node, insert)
