"""What stands in the template of a stack as the configuration around it sees it: values, principals and places."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from passrole_checks.iam import partial_values
from passrole_checks.iam.partial_values import (
    Choice,
    ListNode,
    Node,
    ObjectEntry,
    Part,
    Position,
    StringNode,
    Unresolved,
    moved,
)
from passrole_checks.sources.cloudformation.stack_values import brought_up, name_above
from passrole_checks.sources.files.yaml_with_unresolved import restore_placeholders
from passrole_checks.sources.model.principal_names import bare_name, rename_principal

_STACK_NAME = "AWS::StackName"
_OUTER = re.compile(r"\$\{\.\./([^}]+)\}|\.\./(.+)")
_PARAMETER = re.compile(r"\$\{([A-Za-z0-9.]+)\}")


@dataclass(frozen=True)
class Around:
    """``stack`` is the address of the stack, ``body`` its template as it is given, ``outer`` what the words in it stand
    for, as the template sees it, and ``name`` its name, where that is told."""

    stack: str
    body: Node
    outer: Sequence[Part | Node]
    name: StringNode | None = None

    def value(self, node: Node) -> Node:
        """A value of the template."""
        found = brought_up(restore_placeholders(node, self.outer), self.stack)
        return found if self.name is None else _named(found, f"{self.stack}.{_STACK_NAME}", self.name)

    def text(self, node: Node | None) -> StringNode | None:
        """The same where it is a text."""
        found = self.value(node) if node is not None else None
        return found if isinstance(found, StringNode) else None

    def principal(self, name: str, own: Collection[str]) -> str:
        """Somebody who is given a policy: one of the template's ``own`` resources, one of the configuration around it,
        or one that stands elsewhere, who has the same name everywhere."""
        inner = bare_name(name)
        if inner in own:
            return rename_principal(name, lambda known: name_above(known, self.stack))
        outer = _OUTER.fullmatch(inner)
        if outer is not None and outer[2]:
            return outer[2]
        if outer is not None:
            return rename_principal(name, lambda _: f"${{{outer[1]}}}")
        parameter = _PARAMETER.fullmatch(inner)
        if parameter is not None:
            return rename_principal(name, lambda _: f"${{{name_above(parameter[1], self.stack)}}}")
        found = self.value(StringNode((inner,), self.body.at))
        hole = found.only_hole if isinstance(found, StringNode) else None
        return hole.role if hole is not None and hole.role else rename_principal(name, lambda _: str(found))

    # places

    @cached_property
    def _layout(self) -> tuple[int, int, int] | None:
        """Of a template that stands letter for letter in a file: the lines before it, the columns before its first line
        and before the others."""
        body = self.body
        if not isinstance(body, StringNode) or not body.starts:
            return None
        (line, column), exact = body.starts[0], len(body.parts) == 1
        return line - 1, column - 1 if exact else -1, body.indent if exact else -1

    def place(self, at: Position) -> Position:
        """A place of the template: the same one in the file, else that of the whole template."""
        layout = self._layout
        if layout is None or not self.body.at.covers(layout[0] + at.line):
            return self.body.at
        before, first, others = layout
        end = max(at.line, at.end_line)
        if first < 0:  # what is filled in moves the rest of its line
            return Position(self.body.at.file, before + at.line, 1, before + end, 0)
        start_column, end_column = (first if line == 1 else others for line in (at.line, end))
        last = at.end_column + end_column if at.end_column else 0
        return Position(self.body.at.file, before + at.line, at.column + start_column, before + end, last)

    def placed(self, node: Node, path: str = "") -> Node:
        """A value of the template with its places. ``path`` leads to it from the top of the template, for one that
        Terraform makes of an object, whose parts have places of their own."""
        if isinstance(self.body, partial_values.ObjectNode):
            return _like(node, _at(self.body, path.split("/")))
        return self._placed(node)

    def _placed(self, node: Node) -> Node:
        at = self.place(node.at)
        if isinstance(node, StringNode):
            return moved(node, at)
        if isinstance(node, ListNode):
            return ListNode(tuple(map(self._placed, node.items)), at)
        if isinstance(node, partial_values.ObjectNode):
            entries = (
                ObjectEntry(moved(one.key, self.place(one.key.at)), self._placed(one.value)) for one in node.entries
            )
            return partial_values.ObjectNode(tuple(entries), at)
        if isinstance(node, Choice):
            return replace(node, options=tuple((outcome, self._placed(one)) for outcome, one in node.options), at=at)
        return replace(node, at=at)


def _at(node: Node, steps: Sequence[str]) -> Node:
    """What stands at the end of a path, as far as it leads."""
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


def _like(node: Node, other: Node) -> Node:
    """A value with the places of another one of the same shape; what has no counterpart stands where that does."""
    if isinstance(node, StringNode):
        return moved(node, other.at)
    if isinstance(node, ListNode):
        counterparts = other.items if isinstance(other, ListNode) and len(other.items) == len(node.items) else ()
        pairs = zip(node.items, counterparts or [other] * len(node.items), strict=True)
        return ListNode(tuple(_like(item, one) for item, one in pairs), other.at)
    if isinstance(node, partial_values.ObjectNode):
        entries = []
        for entry in node.entries:
            found = other.get(str(entry.key)) if isinstance(other, partial_values.ObjectNode) else None
            entries.append(ObjectEntry(moved(entry.key, other.at), _like(entry.value, found or other)))
        return partial_values.ObjectNode(tuple(entries), other.at)
    if isinstance(node, Choice):
        return replace(node, options=tuple((outcome, _like(one, other)) for outcome, one in node.options), at=other.at)
    return replace(node, at=other.at)


def _named(node: Node, expression: str, name: StringNode) -> Node:
    """A value with the name of the stack in the place of the pseudo parameter for it."""
    if isinstance(node, StringNode):
        if not any(isinstance(part, Unresolved) and part.expression == expression for part in node.parts):
            return node
        parts = (
            inner
            for part in node.parts
            for inner in (name.parts if isinstance(part, Unresolved) and part.expression == expression else (part,))
        )
        return StringNode(partial_values.join(list(parts)), node.at, defaults=node.defaults)
    if isinstance(node, ListNode):
        return replace(node, items=tuple(_named(item, expression, name) for item in node.items))
    if isinstance(node, partial_values.ObjectNode):
        entries = (ObjectEntry(one.key, _named(one.value, expression, name)) for one in node.entries)
        return replace(node, entries=tuple(entries))
    if isinstance(node, Choice):
        options = tuple((outcome, _named(option, expression, name)) for outcome, option in node.options)
        return replace(node, options=options)
    return node
