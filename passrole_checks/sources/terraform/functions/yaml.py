"""``yamldecode`` and ``yamlencode``.

YAML is read with its places, where the text stands letter for letter in a file, and with holes, each of which stands
where its text would. Source: Terraform language documentation, "Functions", "yamldecode" (YAML 1.2, its core schema
and merge keys).
"""

from __future__ import annotations

import re
from bisect import bisect_right

import yaml

from passrole_checks.iam.partial_values import (
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
)
from passrole_checks.sources.terraform.evaluation.symbolic_values import (
    Encoded,
    defaults_of,
    fill_known_parts,
    parts_of,
    unresolved,
)
from passrole_checks.sources.terraform.functions.signature import FunctionCall, declare

_DEPTH = 40
_LONGEST = 200_000
_MOST_NODES = 20_000
_MARK = 0xE000  # the first of the characters that stand for holes
_MOST_HOLES = 4_000
_MARKS = re.compile("[\ue000-\uf8ff]")
_NUMBER = re.compile(r"[-+]?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?")


def yaml_decode(call: FunctionCall, arguments: list[Node]) -> Node | None:
    """``yamldecode``: the tree of a YAML text, with holes where it has some."""
    value = arguments[0]
    if isinstance(value, Encoded):
        return value.value
    if not isinstance(value, StringNode) or (value.only_hole is not None and not value.only_hole.known):
        return None
    return _Reader(value if value.starts else fill_known_parts(value), call).read()


def yaml_encode(call: FunctionCall, arguments: list[Node]) -> Node | None:
    """The YAML text of a value, kept as a tree; as text it is JSON, which is YAML too."""
    value = arguments[0]
    return Encoded((Unresolved(call.words),), call.at, value=value, defaults=defaults_of([value]))


class _TooLarge(Exception):
    """More nodes than can be walked, by references to references."""


class _Reader:
    def __init__(self, source: StringNode, call: FunctionCall) -> None:
        self.source, self.call = source, call
        self.holes = source.holes
        self.offsets: list[int] = []
        pieces: list[str] = []
        length = number = 0
        for part in source.parts:
            self.offsets.append(length)
            if isinstance(part, Unresolved):
                part, number = chr(_MARK + number), number + 1
            pieces.append(part)
            length += len(part)
        self.text = "".join(pieces)
        self.left = _MOST_NODES

    def read(self) -> Node:
        if len(self.text) > _LONGEST or len(self.holes) > _MOST_HOLES:
            return self.call.hole("too large")
        if len(_MARKS.findall(self.text)) != len(self.holes):
            return self.call.hole("characters for private use")
        try:
            tree = yaml.compose(self.text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
            return self.node(tree, 0) if tree is not None else Const(None, self.call.at)
        except _TooLarge:
            return self.call.hole("too large")
        except (yaml.YAMLError, RecursionError, ValueError) as error:
            if isinstance(error, RecursionError) or "nesting depth" in str(error):
                return self.call.hole("nested too deeply")
            return self.call.hole("not YAML as far as it is known") if self.holes else self.call.fail("not YAML")

    def node(self, tree: yaml.Node, depth: int) -> Node:
        self.left -= 1
        if self.left < 0:
            raise _TooLarge
        at = self.position(tree)
        if depth > _DEPTH:
            return unresolved(self.call.words, at, "nested too deeply")
        if isinstance(tree, yaml.SequenceNode):
            return ListNode(tuple([self.node(item, depth + 1) for item in tree.value]), at)
        if isinstance(tree, yaml.MappingNode):
            return ObjectNode(tuple(self.entries(tree, depth)), at)
        return self.scalar(tree, at) if isinstance(tree, yaml.ScalarNode) else self.call.hole()

    def entries(self, tree: yaml.MappingNode, depth: int) -> list[ObjectEntry]:
        own: list[ObjectEntry] = []
        merged: list[ObjectEntry] = []
        for key, value in tree.value:
            if isinstance(key, yaml.ScalarNode) and key.value == "<<" and not key.style:
                found = self.node(value, depth + 1)
                for one in found.items if isinstance(found, ListNode) else (found,):
                    merged.extend(one.entries if isinstance(one, ObjectNode) else ())
                continue
            at = self.position(key)
            name = (
                StringNode(self.parts(str(key.value)), at) if isinstance(key, yaml.ScalarNode) else unresolved("…", at)
            )
            own.append(ObjectEntry(name, self.node(value, depth + 1)))
        names = {entry.key.parts for entry in own}
        for entry in merged:
            if entry.key.parts not in names:
                names.add(entry.key.parts)
                own.append(entry)
        return own

    def scalar(self, tree: yaml.ScalarNode, at: Position) -> Node:
        value = str(tree.value)
        if not tree.style and not _MARKS.search(value):
            if value in ("", "~", "null", "Null", "NULL"):
                return Const(None, at)
            if value in ("true", "True", "TRUE", "false", "False", "FALSE"):
                return Const(value.lower() == "true", at)
            if _NUMBER.fullmatch(value) and len(value) < 300:
                return Const(float(value) if set(value) & set(".eE") else int(value), at)
        parts = self.parts(value)
        if (
            tree.style
            and len(parts) == 1
            and isinstance(parts[0], Unresolved)
            and parts[0].kind is UnresolvedKind.ANYTHING
        ):
            return StringNode(
                ("", *parts), at, defaults=self.source.defaults
            )  # in quotes it is a string, whatever it holds
        return StringNode(parts, at, defaults=self.source.defaults)

    def parts(self, value: str) -> tuple[Part, ...]:
        if not self.holes:
            return (value,)
        found: list[Part] = []
        for piece in re.split("([\ue000-\uf8ff])", value):
            mark = ord(piece) - _MARK if len(piece) == 1 and _MARKS.match(piece) else -1
            found.extend(parts_of(StringNode((self.holes[mark],), self.call.at)) if mark >= 0 else (piece,))
        return join(found)

    def position(self, tree: yaml.Node) -> Position:
        """The place of a node in the file where the text stands letter for letter, else that of the text."""
        if not self.source.starts:
            return self.call.at
        line, column = self.place(tree.start_mark)
        end_line, end_column = self.place(tree.end_mark)
        return Position(self.source.at.file, line, column, end_line, end_column)

    def place(self, mark: yaml.Mark) -> tuple[int, int]:
        offset = min(int(mark.index), len(self.text))
        index = max(bisect_right(self.offsets, offset) - 1, 0)
        line, column = self.source.starts[min(index, len(self.source.starts) - 1)]
        before = self.text[self.offsets[index] : offset]
        if isinstance(self.source.parts[index], Unresolved) or "\n" not in before:
            return line, column + len(before)
        return line + before.count("\n"), len(before) - before.rfind("\n") + self.source.indent


YAML = declare({"yamldecode": (yaml_decode, "s"), "yamlencode": (yaml_encode, "A")})
