"""A statement in a CloudFormation template in YAML, on PyYAML's composed nodes.

Sources: YAML 1.1, "Alias nodes", "Merge key"; AWS CloudFormation Template Reference, "Intrinsic functions".
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import yaml

from passrole_checks.sources.cloudformation.compose_yaml import children_of
from passrole_checks.sources.cloudformation.json_text import compose_json
from passrole_checks.sources.cloudformation.template import child, entries, intrinsic_call, scalar
from passrole_checks.suggest.edits.json_nodes import elsewhere
from passrole_checks.suggest.edits.written import Field, Refused, SyntaxForm, WrittenNode

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_AFTER_KEY = re.compile(r"[ \t]*:[ \t]*(?:#[^\n]*)?\s*(\*[^\s,\]}]+)")
_AFTER_ITEM = re.compile(r"(?:[\s,-]|#[^\n]*\n)*(\*[^\s,\]}]+)")


class YamlFile:
    """A template in YAML, or in JSON. Raises :class:`Refused` where it is none."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.shift = 1 if text.startswith("\ufeff") else 0
        root = _composed(text[self.shift :])
        if not isinstance(root, yaml.MappingNode):
            raise Refused("the template cannot be read")
        self.root = root
        self.parents: dict[int, yaml.Node] = {}
        self.uses: dict[int, int] = {}
        self.nodes: list[yaml.Node] = []
        pending: list[yaml.Node] = [root]
        while pending:
            node = pending.pop()
            self.nodes.append(node)
            for inner in children_of(node):
                self.uses[id(inner)] = self.uses.get(id(inner), 0) + 1
                if id(inner) not in self.parents:
                    self.parents[id(inner)] = node
                    pending.append(inner)

    def names(self, section: str) -> frozenset[str]:
        """The keys of a section of the template."""
        return frozenset(key.value for key, _ in entries(child(self.root, section)))

    def find(self, line: int, column: int) -> yaml.MappingNode | None:
        """The statement that begins at a place (1-based), None where no mapping does."""
        for node in self.nodes:
            mark = node.start_mark
            if isinstance(node, yaml.CollectionNode) and (mark.line + 1, mark.column + 1) == (line, column):
                self._refuse_loops(node)
                function = intrinsic_call(node)
                if function is not None:
                    raise Refused(f"the policy document is a string that {function[0]} makes")
                if isinstance(node, yaml.MappingNode):
                    return node
        return None

    def scalar_around(self, offset: int) -> tuple[yaml.ScalarNode, bool] | None:
        """The block scalar in which an offset lies, and whether it is an argument of ``Fn::Sub``."""
        offset -= self.shift
        for node in self.nodes:
            if isinstance(node, yaml.ScalarNode) and node.start_mark.index <= offset < node.end_mark.index:
                self._refuse_loops(node)
                return node, self._is_substituted(node)
        return None

    @property
    def dashes(self) -> int:
        """By how many columns the dashes of lists are indented from their key: as in the first list, or by two."""
        for node in self.nodes:
            if isinstance(node, yaml.MappingNode) and not node.flow_style:
                for key, value in node.value:
                    if isinstance(value, yaml.SequenceNode) and not value.flow_style and value.tag.endswith(":seq"):
                        return max(0, int(value.start_mark.column - key.start_mark.column))
        return 2

    def unit(self, node: yaml.Node) -> int:
        """By how many columns a mapping is indented from its key, as in the nearest one around a node."""
        inner, outer = node, self.parents.get(id(node))
        while outer is not None:
            if isinstance(outer, yaml.MappingNode) and not outer.flow_style and isinstance(inner, yaml.MappingNode):
                key = next((key for key, value in outer.value if value is inner), None)
                if key is not None and inner.start_mark.line > key.start_mark.line:
                    return max(1, int(inner.start_mark.column - key.start_mark.column))
            inner, outer = outer, self.parents.get(id(outer))
        return 2

    def _is_substituted(self, node: yaml.Node) -> bool:
        if node.tag == "!Sub":
            return True
        parent = self.parents.get(id(node))
        if isinstance(parent, yaml.SequenceNode) and parent.value and parent.value[0] is node:
            if parent.tag == "!Sub":
                return True
            node, parent = parent, self.parents.get(id(parent))
        function = intrinsic_call(parent) if parent is not None else None
        return function is not None and function[0] == "Fn::Sub" and function[1] is node

    def _refuse_loops(self, node: yaml.Node) -> None:
        """Raise :class:`Refused` where what is written once stands for several things."""
        around: yaml.Node | None = node
        while around is not None:
            if self.uses.get(id(around), 0) > 1:
                raise Refused("an alias brings it to several places of the template")
            outer = self.parents.get(id(around))
            if isinstance(outer, yaml.MappingNode):
                keys = (str(key.value) for key, value in outer.value if value is around)
                if any(key.startswith("Fn::ForEach") for key in keys):
                    raise Refused("a loop makes it")
            around = outer

    # what is written

    def statement(self, node: yaml.MappingNode) -> WrittenNode:
        """The statement as it is written."""
        if any(key.tag.endswith(":merge") for key, _ in node.value):
            raise Refused("a merge key (<<) brings a part of it from elsewhere")
        inside = self._inside(node)
        if any(self.uses[id(one)] > 1 and one.start_mark.index >= node.start_mark.index for one in inside):
            raise Refused("an alias brings a part of it to other places of the template")
        return self.mapping(node)

    @staticmethod
    def _inside(node: yaml.Node) -> Iterator[yaml.Node]:
        pending = [node]
        while pending:
            for inner in children_of(pending.pop()):
                pending.append(inner)
                yield inner

    def mapping(self, node: yaml.MappingNode) -> WrittenNode:
        start, end = self.bounds(node)
        fields: list[Field] = []
        for key, value in node.value:
            name = key.value if isinstance(key, yaml.ScalarNode) and not key.tag.endswith(":merge") else None
            key_start, key_end = self.bounds(key)
            fields.append(Field(name, key_start, key_end, self.value(value, key_end, _AFTER_KEY)))
        block = not node.flow_style
        return WrittenNode(
            SyntaxForm.MAPPING, start, fields[-1].value.end if block and fields else end, tuple(fields), block=block
        )

    def value(self, node: yaml.Node, place: int, alias: re.Pattern[str]) -> WrittenNode:
        """A value that stands behind ``place``; ``alias`` finds it there if it is an alias."""
        start, end = self.bounds(node)
        if start < place:
            found = alias.match(self.text, place)
            if found is None:
                raise Refused("an alias stands in it")
            return WrittenNode(
                SyntaxForm.OTHER, found.start(1), found.end(1), why="it is an alias of what stands elsewhere"
            )
        function = intrinsic_call(node)
        if function is not None:
            why = elsewhere(function[0], scalar(function[1]))
            inner = self._plain(node) if isinstance(node, yaml.CollectionNode) else None
            return WrittenNode(SyntaxForm.TEXT, start, inner.end if inner else end, why=why)
        if isinstance(node, yaml.ScalarNode):
            empty = node.tag.endswith(":null")
            return WrittenNode(SyntaxForm.TEXT, start, end, text="" if empty else str(node.value))
        return self._plain(node)

    def _plain(self, node: yaml.Node) -> WrittenNode:
        if isinstance(node, yaml.MappingNode):
            return self.mapping(node)
        start, end = self.bounds(node)
        items: list[WrittenNode] = []
        place = start
        for item in node.value:
            items.append(self.value(item, place, _AFTER_ITEM))
            place = items[-1].end
        block = not getattr(node, "flow_style", False)
        return WrittenNode(
            SyntaxForm.LIST, start, items[-1].end if block and items else end, items=tuple(items), block=block
        )

    def bounds(self, node: yaml.Node) -> tuple[int, int]:
        """The offsets of a node; a block scalar ends with its last line that is not empty."""
        start, end = node.start_mark.index + self.shift, node.end_mark.index + self.shift
        if isinstance(node, yaml.ScalarNode) and node.style in ("|", ">"):
            end = start + len(self.text[start:end].rstrip())
        return start, end


def _composed(text: str) -> yaml.Node | None:
    """The root of a template, in the order in which the source tries both languages."""
    try:
        found: yaml.Node | None = yaml.compose(text, Loader=_LOADER)
        return found
    except (yaml.YAMLError, UnicodeError, RecursionError, ValueError):
        pass
    try:
        return compose_json(text) if text.lstrip().startswith("{") else None
    except (ValueError, RecursionError):
        return None
