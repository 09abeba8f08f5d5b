"""``yamldecode`` and ``yamlencode``.

Nodes keep their positions if the text is copied verbatim from a file. Unresolved parts are replaced by private-use
characters while the text is parsed.
Source: Terraform language documentation, "Functions", "yamldecode" (YAML 1.2, its core schema and merge keys).
"""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import TYPE_CHECKING

from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.iam.values.nodes import (
    Const,
    ListNode,
    Node,
    ObjectEntry,
    ObjectNode,
    Part,
    Position,
    StringNode,
    Unresolved,
    UnresolvedKind,
    join,
    unresolved,
)
from passrole_checks.sources.terraform.evaluation.symbolic_values import Encoded, fill_known_parts, parts_of
from passrole_checks.sources.terraform.functions.encoding import json_encode
from passrole_checks.sources.terraform.functions.signature import FunctionCall, declare

if TYPE_CHECKING:
    import yaml

_MAX_DEPTH = 40
_MAX_LENGTH = 200_000
_MAX_NODES = 20_000
_FIRST_MARK = 0xE000  # the first of the characters that replace unresolved parts
_MAX_UNRESOLVED = 4_000
_MARKS = lazy_regex("[\ue000-\uf8ff]")
_NUMBER = lazy_regex(r"[-+]?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?")


def yaml_decode(call: FunctionCall, arguments: list[Node]) -> Node | None:
    """Evaluate ``yamldecode``: the tree of a YAML text, unresolved parts included."""
    value = arguments[0]
    if isinstance(value, Encoded):
        return value.value
    if not isinstance(value, StringNode) or (value.only_unresolved is not None and not value.only_unresolved.known):
        return None
    return _YamlReader(value if value.starts else fill_known_parts(value), call).read()


class _TooLarge(Exception):
    """Raised if anchors and aliases expand to more nodes than the limit."""


class _YamlReader:
    """Parse one YAML text into nodes."""

    def __init__(self, source: StringNode, call: FunctionCall) -> None:
        self.source, self.call = source, call
        self.unresolved_parts = source.unresolved_parts
        self.offsets: list[int] = []
        pieces: list[str] = []
        length = number = 0
        for part in source.parts:
            self.offsets.append(length)
            if isinstance(part, Unresolved):
                part, number = chr(_FIRST_MARK + number), number + 1
            pieces.append(part)
            length += len(part)
        self.text = "".join(pieces)
        self.nodes_left = _MAX_NODES

    def read(self) -> Node:
        import yaml  # slow to import, and seldom needed

        if len(self.text) > _MAX_LENGTH or len(self.unresolved_parts) > _MAX_UNRESOLVED:
            return self.call.unresolved("too large")
        if len(_MARKS.findall(self.text)) != len(self.unresolved_parts):
            return self.call.unresolved("the text contains private-use characters")
        try:
            tree = yaml.compose(self.text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
            return self.to_node(tree, 0) if tree is not None else Const(None, self.call.at)
        except _TooLarge:
            return self.call.unresolved("too large")
        except (yaml.YAMLError, RecursionError, ValueError) as error:
            if isinstance(error, RecursionError) or "nesting depth" in str(error):
                return self.call.unresolved("nested too deeply")
            return (
                self.call.unresolved("the known part is not YAML")
                if self.unresolved_parts
                else self.call.fail("not YAML")
            )

    def to_node(self, tree: yaml.Node, depth: int) -> Node:
        import yaml  # slow to import, and seldom needed

        self.nodes_left -= 1
        if self.nodes_left < 0:
            raise _TooLarge
        at = self.position(tree)
        if depth > _MAX_DEPTH:
            return unresolved(self.call.text, at, "nested too deeply")
        if isinstance(tree, yaml.SequenceNode):
            return ListNode(tuple([self.to_node(item, depth + 1) for item in tree.value]), at)
        if isinstance(tree, yaml.MappingNode):
            return ObjectNode(tuple(self.to_entries(tree, depth)), at)
        return self.to_scalar(tree, at) if isinstance(tree, yaml.ScalarNode) else self.call.unresolved()

    def to_entries(self, tree: yaml.MappingNode, depth: int) -> list[ObjectEntry]:
        import yaml  # slow to import, and seldom needed

        entries: list[ObjectEntry] = []
        merged: list[ObjectEntry] = []
        for key, value in tree.value:
            if isinstance(key, yaml.ScalarNode) and key.value == "<<" and not key.style:
                merged_value = self.to_node(value, depth + 1)
                for source in merged_value.items if isinstance(merged_value, ListNode) else (merged_value,):
                    merged.extend(source.entries if isinstance(source, ObjectNode) else ())
                continue
            at = self.position(key)
            name = (
                StringNode(self.restore_unresolved(str(key.value)), at)
                if isinstance(key, yaml.ScalarNode)
                else unresolved("…", at)
            )
            entries.append(ObjectEntry(name, self.to_node(value, depth + 1)))
        names = {entry.key.parts for entry in entries}
        for entry in merged:
            if entry.key.parts not in names:
                names.add(entry.key.parts)
                entries.append(entry)
        return entries

    def to_scalar(self, tree: yaml.ScalarNode, at: Position) -> Node:
        value = str(tree.value)
        if not tree.style and not _MARKS.search(value):
            if value in ("", "~", "null", "Null", "NULL"):
                return Const(None, at)
            if value in ("true", "True", "TRUE", "false", "False", "FALSE"):
                return Const(value.lower() == "true", at)
            if _NUMBER.fullmatch(value) and len(value) < 300:
                return Const(float(value) if set(value) & set(".eE") else int(value), at)
        parts = self.restore_unresolved(value)
        only = parts[0] if len(parts) == 1 else None
        if tree.style and isinstance(only, Unresolved) and only.kind is UnresolvedKind.ANYTHING:
            parts = ("", *parts)  # a quoted scalar is a string, whatever its value
        return StringNode(parts, at, defaults=self.source.defaults)

    def restore_unresolved(self, value: str) -> tuple[Part, ...]:
        if not self.unresolved_parts:
            return (value,)
        parts: list[Part] = []
        for piece in re.split("([\ue000-\uf8ff])", value):
            mark = ord(piece) - _FIRST_MARK if len(piece) == 1 and _MARKS.match(piece) else -1
            parts.extend(parts_of(StringNode((self.unresolved_parts[mark],), self.call.at)) if mark >= 0 else (piece,))
        return join(parts)

    def position(self, tree: yaml.Node) -> Position:
        """Return the position of a node in the file that contains the text; else the position of the call."""
        if not self.source.starts:
            return self.call.at
        line, column = self.line_and_column(tree.start_mark)
        end_line, end_column = self.line_and_column(tree.end_mark)
        return Position(self.source.at.file, line, column, end_line, end_column)

    def line_and_column(self, mark: yaml.Mark) -> tuple[int, int]:
        offset = min(int(mark.index), len(self.text))
        index = max(bisect_right(self.offsets, offset) - 1, 0)
        line, column = self.source.starts[min(index, len(self.source.starts) - 1)]
        before = self.text[self.offsets[index] : offset]
        if isinstance(self.source.parts[index], Unresolved) or "\n" not in before:
            return line, column + len(before)
        return line + before.count("\n"), len(before) - before.rfind("\n") + self.source.indent


YAML = declare({"yamldecode": (yaml_decode, "s"), "yamlencode": (json_encode, "A")})
