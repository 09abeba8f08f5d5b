"""Read a statement in a CloudFormation YAML template, from PyYAML's composed nodes.

Sources: YAML 1.1, "Alias nodes", "Merge key"; AWS CloudFormation Template Reference, "Intrinsic functions".
"""

from __future__ import annotations

import re
from functools import lru_cache

import yaml

from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.sources.cloudformation.compose_yaml import children_of
from passrole_checks.sources.cloudformation.json_text import compose_json
from passrole_checks.sources.cloudformation.template import child, entries, intrinsic_call, scalar
from passrole_checks.suggest.edits.json_nodes import why_not_replaceable
from passrole_checks.suggest.edits.syntax_tree import Field, NotEditableError, SyntaxForm, WrittenNode

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_AFTER_KEY = lazy_regex(r"[ \t]*:[ \t]*(?:#[^\n]*)?\s*(\*[^\s,\]}]+)")
_AFTER_ITEM = lazy_regex(r"(?:[\s,-]|#[^\n]*\n)*(\*[^\s,\]}]+)")


class YamlFile:
    """A template in YAML or JSON. Raises :class:`NotEditableError` if it is neither."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.shift = 1 if text.startswith("\ufeff") else 0
        root = _composed(text[self.shift :])
        if not isinstance(root, yaml.CollectionNode):
            raise NotEditableError("the template cannot be read")
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
        self.resources = self.names("Resources")

    def names(self, section: str) -> frozenset[str]:
        """Return the keys of a section of the template."""
        return frozenset(key.value for key, _ in entries(child(self.root, section)))

    def find(self, line: int, column: int) -> yaml.MappingNode | None:
        """Return the statement that starts at a position (1-based); None if no mapping does."""
        for node in self.nodes:
            mark = node.start_mark
            if isinstance(node, yaml.CollectionNode) and (mark.line + 1, mark.column + 1) == (line, column):
                self._refuse_loops(node)
                function = intrinsic_call(node)
                if function is not None:
                    raise NotEditableError(f"the policy document is a string computed by {function[0]}")
                if isinstance(node, yaml.MappingNode):
                    return node
        return None

    def conditional_element(self, line: int, column: int) -> tuple[int, int] | None:
        """Return the offsets of the list element that is ``Fn::If`` with the statement at a position as one branch and
        ``AWS::NoValue`` as the other; None if the statement is no branch.

        Raises :class:`NotEditableError` for other branches.
        """
        node = self.find(line, column)
        arguments = self.parents.get(id(node)) if node is not None else None
        if not isinstance(arguments, yaml.SequenceNode) or node not in arguments.value[1:3]:
            return None
        condition = arguments if _is_if(arguments) else self.parents.get(id(arguments))
        if condition is None or not _is_if(condition):
            return None
        outer = self.parents.get(id(condition))
        other = intrinsic_call(arguments.value[3 - arguments.value.index(node)]) if len(arguments.value) == 3 else None
        around = self.parents.get(id(outer)) if outer is not None else None
        is_listed = isinstance(outer, yaml.SequenceNode) and not (
            _is_if(outer) or (around is not None and _is_if(around))
        )
        if not is_listed or other is None or other[0] != "Ref" or scalar(other[1]) != "AWS::NoValue":
            raise NotEditableError(
                "the statement is a branch of Fn::If: write iam:PassRole in a separate Fn::If, with AWS::NoValue as the"
                " other branch"
            )
        start, end = self.bounds(condition)
        if isinstance(condition, yaml.CollectionNode) and not condition.flow_style:
            end = self._plain(condition).end
        return start, end

    def scalar_around(self, offset: int) -> tuple[yaml.ScalarNode, bool] | None:
        """Return the block scalar around an offset, and True if it is an argument of ``Fn::Sub``."""
        offset -= self.shift
        for node in self.nodes:
            if isinstance(node, yaml.ScalarNode) and node.start_mark.index <= offset < node.end_mark.index:
                self._refuse_loops(node)
                return node, self._is_substituted(node)
        return None

    @property
    def dashes(self) -> int:
        """Return the indentation of list dashes from their key, in columns: as in the first list, or two."""
        for node in self.nodes:
            if isinstance(node, yaml.MappingNode) and not node.flow_style:
                for key, value in node.value:
                    if isinstance(value, yaml.SequenceNode) and not value.flow_style and value.tag.endswith(":seq"):
                        return max(0, int(value.start_mark.column - key.start_mark.column))
        return 2

    def unit(self, node: yaml.Node) -> int:
        """Return the indentation of a mapping from its key, in columns, as in the nearest one around a node."""
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
        """Raise :class:`NotEditableError` if the text is used several times."""
        around: yaml.Node | None = node
        while around is not None:
            if self.uses.get(id(around), 0) > 1:
                raise NotEditableError("an alias reuses it in several places of the template")
            outer = self.parents.get(id(around))
            if isinstance(outer, yaml.MappingNode):
                keys = (str(key.value) for key, value in outer.value if value is around)
                if any(key.startswith("Fn::ForEach") for key in keys):
                    raise NotEditableError("a loop generates it")
            around = outer

    # what is written

    def statement(self, node: yaml.MappingNode) -> WrittenNode:
        """Return the syntax tree of the statement."""
        if any(key.tag.endswith(":merge") for key, _ in node.value):
            raise NotEditableError("a merge key (<<) includes a part from elsewhere")
        pending: list[yaml.Node] = [node]
        while pending:
            for inner in children_of(pending.pop()):
                if self.uses[id(inner)] > 1 and inner.start_mark.index >= node.start_mark.index:
                    raise NotEditableError("an alias reuses a part of it in other places of the template")
                pending.append(inner)
        return self.mapping(node)

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

    def value(self, node: yaml.Node, offset_after: int, alias: re.Pattern[str]) -> WrittenNode:
        """Return a value at or after ``offset_after``; ``alias`` matches it there if it is an alias."""
        start, end = self.bounds(node)
        if start < offset_after:
            found = alias.match(self.text, offset_after)
            if found is None:
                raise NotEditableError("it contains an alias")
            return WrittenNode(
                SyntaxForm.OTHER, found.start(1), found.end(1), why="it is an alias of a value elsewhere"
            )
        function = intrinsic_call(node)
        if function is not None:
            why = why_not_replaceable(function[0], scalar(function[1]), self.resources)
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
        offset_after = start
        for item in node.value:
            items.append(self.value(item, offset_after, _AFTER_ITEM))
            offset_after = items[-1].end
        block = not getattr(node, "flow_style", False)
        return WrittenNode(
            SyntaxForm.LIST, start, items[-1].end if block and items else end, items=tuple(items), block=block
        )

    def bounds(self, node: yaml.Node) -> tuple[int, int]:
        """Return the offsets of a node; a block scalar ends with its last non-empty line."""
        start, end = node.start_mark.index + self.shift, node.end_mark.index + self.shift
        if isinstance(node, yaml.ScalarNode) and node.style in ("|", ">"):
            end = start + len(self.text[start:end].rstrip())
        return start, end


@lru_cache(maxsize=2)
def read_yaml(text: str) -> YamlFile:
    """Return a template in YAML or JSON. Raises :class:`NotEditableError` if it is neither."""
    return YamlFile(text)


def _is_if(node: yaml.Node) -> bool:
    function = intrinsic_call(node)
    return function is not None and function[0] == "Fn::If"


def _composed(text: str) -> yaml.Node | None:
    """Return the root of a template, trying YAML and JSON in the order of the source."""
    try:
        found: yaml.Node | None = yaml.compose(text, Loader=_LOADER)
        return found
    except (yaml.YAMLError, UnicodeError, RecursionError, ValueError):
        pass
    try:
        return compose_json(text) if text.lstrip().startswith("{") else None
    except (ValueError, RecursionError):
        return None
