"""A template's text as nodes with positions: YAML and JSON, aliases and merge keys, within fixed limits.

Based on PyYAML's composed nodes; no object is constructed. Source: AWS CloudFormation User Guide, "Template anatomy"
and "CloudFormation template formats".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, TypeVar

import yaml

from passrole_checks.errors import InputError
from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.iam.values.nodes import Position, StringNode
from passrole_checks.sources.cloudformation.compose_yaml import MAX_NODES, check_size, children_of, compose, split_lines
from passrole_checks.sources.cloudformation.stack_values import NestedStackCall
from passrole_checks.sources.model.configuration import Unreadable
from passrole_checks.sources.model.iam_commands import note_on_commands

_ESCAPE = lazy_regex(r"\\[uUx\r\n]")  # of a letter, or of a line break in a word
_BLANK, _WORD = re.compile(r"\s*"), re.compile(r"\S*")
_BLOCKS, _QUOTES = frozenset({"|", ">"}), frozenset({'"', "'"})  # styles of a scalar
_STANDARD = "tag:yaml.org,2002:"
_MERGE = _STANDARD + "merge"
_Collection = TypeVar("_Collection", bound=yaml.CollectionNode)
_BY_KEY = "passrole_by_key"  # the attribute of a node with its values by key


class SubstitutedScalar(yaml.ScalarNode):
    """A scalar with a substituted loop variable.

    ``source_text`` is its text in the file; ``defaults`` are parameters whose defaults the loop's collection comes
    from.
    """

    source_text: str = ""
    defaults: tuple[str, ...] = ()


def source_text(node: yaml.ScalarNode) -> str:
    """Return the text of a scalar as in its file."""
    return node.source_text if isinstance(node, SubstitutedScalar) else str(node.value)


def loop_defaults(node: yaml.Node) -> tuple[str, ...]:
    """Return the parameters whose defaults a loop has substituted into a scalar."""
    return node.defaults if isinstance(node, SubstitutedScalar) else ()


def without_tag(node: yaml.Node) -> yaml.Node:
    """Return the argument of a short form: ``!Sub text`` without its tag."""
    if isinstance(node, yaml.ScalarNode):
        if not isinstance(node, SubstitutedScalar):
            return yaml.ScalarNode(_STANDARD + "str", node.value, node.start_mark, node.end_mark, node.style)
        bare = SubstitutedScalar(_STANDARD + "str", node.value, node.start_mark, node.end_mark, node.style)
        bare.source_text, bare.defaults = node.source_text, node.defaults
        return bare
    if isinstance(node, yaml.SequenceNode):
        return yaml.SequenceNode(_STANDARD + "seq", node.value, node.start_mark, node.end_mark, node.flow_style)
    flow = getattr(node, "flow_style", None)
    return yaml.MappingNode(_STANDARD + "map", node.value, node.start_mark, node.end_mark, flow)


def intrinsic_call(node: yaml.Node) -> tuple[str, yaml.Node] | None:
    """Return the full name and the argument of an intrinsic function; None for other nodes.

    ``!GetAtt x`` and ``{"Fn::GetAtt": x}`` are equal; unknown tags return their name as well.
    """
    if not node.tag.startswith(_STANDARD):
        name = node.tag.lstrip("!").removeprefix("Fn::")
        return (name if name in {"Ref", "Condition"} else f"Fn::{name}"), without_tag(node)
    if isinstance(node, yaml.MappingNode) and len(node.value) == 1:
        key, value = node.value[0]
        if key.tag == _MERGE and len(merged := entries(node)) == 1:
            key, value = merged[0]
        if isinstance(key, yaml.ScalarNode) and (key.value == "Ref" or key.value.startswith("Fn::")):
            return key.value, value
    return None


def scalar(node: yaml.Node | None) -> str | None:
    """Return the text of a scalar that is not an intrinsic function, else None."""
    if isinstance(node, yaml.ScalarNode) and node.tag.startswith(_STANDARD) and not node.tag.endswith(":null"):
        return str(node.value)
    return None


def entries(node: yaml.Node | None) -> list[tuple[yaml.ScalarNode, yaml.Node]]:
    """Return the entries of a mapping in file order, with merge keys (``<<``) expanded; none for other nodes.

    Of duplicate keys the last one counts, as in CloudFormation, for YAML and JSON alike
    (aws-cloudformation/cfn-language-discussion, issue 96; go-to-k/cdk-real-drift, issue 1074). A merged entry is
    omitted if the mapping has the key itself.
    """
    if not isinstance(node, yaml.MappingNode):
        return []
    pairs: list[tuple[yaml.ScalarNode, yaml.Node]] = node.value
    if has_unique_keys(node):
        return pairs.copy()
    own: dict[str, tuple[yaml.ScalarNode, yaml.Node]] = {}
    merged: list[tuple[yaml.ScalarNode, yaml.Node]] = []
    for key, value in pairs:
        if key.tag == _MERGE:
            for source in value.value if isinstance(value, yaml.SequenceNode) else [value]:
                taken = {entry.value for entry, _ in merged}
                merged += [entry for entry in entries(source) if entry[0].value not in taken]
        elif isinstance(key, yaml.ScalarNode):
            own[key.value] = key, value
    return [*(entry for entry in merged if entry[0].value not in own), *own.values()]


def replaced_entries(node: yaml.Node | None) -> Iterator[tuple[yaml.ScalarNode, yaml.ScalarNode]]:
    """Yield each key of a mapping that replaces a different value of an earlier equal key, with that key."""
    if has_unique_keys(node):
        return
    seen: dict[str, tuple[yaml.ScalarNode, yaml.Node]] = {}
    for key, value in node.value if node is not None else ():
        if isinstance(key, yaml.ScalarNode) and key.tag != _MERGE:
            earlier = seen.get(key.value)
            if earlier is not None and not same_content(earlier[1], value):
                yield key, earlier[0]
            seen[key.value] = key, value


def has_unique_keys(node: yaml.Node | None) -> bool:
    """True if all keys of a mapping are scalars, none is ``<<``, and none occurs twice; also for other nodes."""
    return not isinstance(node, yaml.MappingNode) or _by_key(node) is not None


def _by_key(node: yaml.MappingNode) -> dict[str, yaml.Node] | None:
    """Return the values of a mapping by their keys, made once; None if it has no unique keys."""
    attributes = node.__dict__
    if _BY_KEY not in attributes:
        try:
            known = {key.value: value for key, value in node.value}
        except TypeError:  # a key that is a list or a mapping
            known = {}
        attributes[_BY_KEY] = known if len(known) == len(node.value) and "<<" not in known else None
    found: dict[str, yaml.Node] | None = attributes[_BY_KEY]
    return found


def child(node: yaml.Node | None, *keys: str) -> yaml.Node | None:
    """Return the value at a path of keys (the last of equal keys), or None."""
    for name in keys:
        if not isinstance(node, yaml.MappingNode):
            return None
        known = _by_key(node)
        if known is None:
            known = {key.value: value for key, value in entries(node)}
        if name not in known:
            return None
        node = known[name]
    return node


def same_content(one: yaml.Node, other: yaml.Node) -> bool:
    """True if two nodes have equal content, whatever their positions."""
    pending, seen = [(one, other)], set[tuple[int, int]]()
    while pending:
        left, right = pending.pop()
        if left is right or (id(left), id(right)) in seen:
            continue
        seen.add((id(left), id(right)))
        if left.tag != right.tag or len(seen) > MAX_NODES:
            return False
        if isinstance(left, yaml.ScalarNode) or isinstance(right, yaml.ScalarNode):
            if left.value != right.value:
                return False
        elif type(left) is not type(right) or len(left.value) != len(right.value):
            return False
        pending.extend(zip(children_of(left), children_of(right), strict=True))
    return True


def with_content(node: _Collection, content: Sequence[Any]) -> _Collection:
    """Return a list or a mapping with other elements or entries; the same node if they are the same."""
    pairs = zip(content, node.value, strict=False)
    if len(content) == len(node.value) and all(
        new[0] is old[0] and new[1] is old[1] if isinstance(new, tuple) else new is old for new, old in pairs
    ):
        return node
    return type(node)(node.tag, list(content), node.start_mark, node.end_mark, node.flow_style)


def text_node(value: str, at: yaml.Node) -> yaml.ScalarNode:
    """Return a string at the position of a node."""
    return yaml.ScalarNode(_STANDARD + "str", value, at.start_mark, at.start_mark)


def sequence_node(items: Iterable[yaml.Node], at: yaml.Node, *, flow: bool = False) -> yaml.SequenceNode:
    """Return a list at the position of a node."""
    return yaml.SequenceNode(_STANDARD + "seq", list(items), at.start_mark, at.end_mark, flow)


def mapping_node(rows: Iterable[tuple[yaml.Node, yaml.Node]], at: yaml.Node, *, flow: bool = False) -> yaml.MappingNode:
    """Return a mapping at the position of a node."""
    return yaml.MappingNode(_STANDARD + "map", list(rows), at.start_mark, at.end_mark, flow)


def if_node(condition: yaml.Node, then: yaml.Node, otherwise: yaml.Node, at: yaml.Node) -> yaml.MappingNode:
    """Return an ``Fn::If`` at the position of a node."""
    branches = sequence_node([condition, then, otherwise], at, flow=True)
    return mapping_node([(text_node("Fn::If", at), branches)], at, flow=True)


def type_of(resource: yaml.Node | None) -> str | None:
    """Return the type of a resource; None if it is not a string. A folded string may end in a line break."""
    type_text = scalar(child(resource, "Type"))
    return type_text.strip() if type_text is not None else None


def _skip(pattern: re.Pattern[str], text: str, start: int) -> int:
    """Return the offset behind the match of a pattern, which may be empty."""
    match = pattern.match(text, start)
    return match.end() if match else start


def _is_in_file_of(item: yaml.Node | tuple[yaml.Node, yaml.Node], node: yaml.Node) -> bool:
    """True if an element or entry is in the file of its parent node, and not included from another file."""
    return all(part.start_mark.name == node.start_mark.name for part in (item if isinstance(item, tuple) else (item,)))


class Template:
    """A template: its root mapping, its lines, and the position of every node.

    ``at``: the position of the text, if those of its nodes in a file are not known.
    Raises :class:`InputError` if the text is not a YAML or JSON mapping, is nested too deeply, or becomes too large by
    its aliases.
    """

    def __init__(
        self,
        file: str,
        content: str,
        given: Mapping[str, str] | None = None,
        stack_call: NestedStackCall | None = None,
        at: Position | None = None,
    ) -> None:
        self.file = file
        self.at = at
        self.given = given or {}  # parameter values given by the user
        self.stack_call = stack_call  # arguments of the parent stack, if it is the template of a nested one
        self.placeholders: Mapping[str, StringNode] = {}  # values of `${Name}` that are inserted into the text
        self.text = text = content.removeprefix("\ufeff")
        self._included: dict[str, list[str]] = {}  # lines of each included file
        self._contained: dict[tuple[str, ...], bool] = {}
        root = compose(file, text)
        if root is None:
            raise InputError(file, "the template is empty", 1)
        if not isinstance(root, yaml.MappingNode):
            raise InputError(file, "the template is not a mapping", root.start_mark.line + 1)
        self._written_root = root
        self.replace(root)

    @cached_property
    def lines(self) -> list[str]:
        """Return the lines of the template's text."""
        return split_lines(self.text)

    @property
    def files(self) -> tuple[str, ...]:
        """Return the template's file and the included files."""
        return (self.file, *self._included)

    def lines_of_file(self, file: str) -> list[str]:
        """Return the lines of the template or of an included file."""
        return self._included.get(file, self.lines)

    def include(self, file: str, content: str) -> yaml.Node | None:
        """Return the root node of another file, with positions there. Raises :class:`InputError`."""
        text = content.removeprefix("\ufeff")
        self._included[file] = split_lines(text)
        node = compose(file, text, file)
        if node is not None:
            check_size(file, node)
        return node

    def replace(self, root: yaml.MappingNode) -> None:
        """Set the root node. Raises :class:`InputError` if it is too deep or too large."""
        check_size(self.file, root)
        self.root = root
        self.conditions = self._section("Conditions")
        self.parameters = self._section("Parameters")
        self.mappings = self._section("Mappings")
        self.resources = self._section("Resources")
        self.types = {logical_id: type_of(node) or "" for logical_id, node in self.resources.items()}

    def forget(self) -> None:
        """Release the nodes after reading: the readers are in reference cycles and would keep them alive for a
        while."""
        self._written_root = mapping_node([], self.root)
        self.replace(self._written_root)

    def _section(self, name: str) -> dict[str, yaml.Node]:
        return {key.value: value for key, value in entries(child(self.root, name))}

    def _end(self, node: yaml.Node) -> tuple[int, int]:
        """Return the end of a node's own text; PyYAML ends a block at the next token, which may be far below."""
        if isinstance(node, yaml.ScalarNode) and node.style not in _BLOCKS:
            return node.end_mark.line, node.end_mark.column
        while isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
            last = node.value[-1]
            if self._included:
                last = next((item for item in reversed(node.value) if _is_in_file_of(item, node)), last)
            key, value = last if isinstance(last, tuple) else (None, last)
            if node.start_mark.index <= value.start_mark.index and value.end_mark.index <= node.end_mark.index:
                node = value
            elif key is not None and key.start_mark.index >= node.start_mark.index:
                node = key  # the value is an alias: its text is elsewhere
            else:
                return node.start_mark.line, node.start_mark.column
        line, column = node.end_mark.line, node.end_mark.column
        if isinstance(node, yaml.ScalarNode) and node.style in _BLOCKS:
            lines = self._lines_of(node)
            line = min(line, len(lines) - 1)
            if not lines[line][:column].strip():
                line -= 1
                while line > node.start_mark.line and not lines[line].strip():
                    line -= 1
                column = len(lines[line])
        return line, column

    def position(self, node: yaml.Node, start: yaml.Node | None = None) -> Position:
        """Return the position of a node, or of the span from ``start`` (its key) to its end."""
        if self.at is not None:
            return self.at
        mark = (start or node).start_mark
        line, column = self._end(node)
        if (line, column) < (mark.line, mark.column) or self.file_of(node) != self.file_of(start or node):
            line, column = ((start or node).end_mark.line, (start or node).end_mark.column)
        return Position(self.file_of(start or node), mark.line + 1, mark.column + 1, line + 1, column + 1)

    def line_of(self, node: yaml.Node) -> int:
        """Return the first line of a node in its file."""
        return self.at.line if self.at is not None else int(node.start_mark.line) + 1

    def file_of(self, node: yaml.Node) -> str:
        """Return the file of a node."""
        if not self._included:
            return self.file
        name = str(node.start_mark.name)
        return name if name in self._included else self.file

    def _lines_of(self, node: yaml.Node) -> list[str]:
        return self._included.get(str(node.start_mark.name), self.lines) if self._included else self.lines

    def may_contain(self, words: tuple[str, ...], node: yaml.Node | None = None) -> bool:
        """True if a key or a scalar may contain one of some words: by the text, unless nodes are not from there.

        ``node``: only that node and those below it.
        """
        if words not in self._contained:
            self._contained[words] = not self._is_as_written or any(word in self.text for word in words)
        if node is None or not self._contained[words] or not self._is_as_written or "&" in self.text:  # an anchor
            return self._contained[words]
        start, end = node.start_mark.index, node.end_mark.index
        return any(self.text.find(word, start, end) >= 0 for word in words)

    @property
    def _is_as_written(self) -> bool:
        """True if all nodes are those of the text, which contains all of their words."""
        return self.root is self._written_root and not self._included and not self._has_escapes

    @cached_property
    def _has_escapes(self) -> bool:
        return _ESCAPE.search(self.text) is not None

    @property
    def may_deny(self) -> bool:
        """True if the word Deny occurs anywhere in the template or the included files."""
        return "Deny" in self.text or any("Deny" in line for lines in self._included.values() for line in lines)

    def notes_on_commands(self) -> Iterator[Unreadable]:
        """Yield a note on each file, of the template and the included ones, that contains commands of the AWS CLI."""
        for file in self.files:
            yield from note_on_commands(file, "\n".join(self.lines_of_file(file)))

    def layout(self, node: yaml.ScalarNode) -> tuple[int, int, int] | None:
        """Return line and column (1-based) of a scalar's first character, and the indentation of its further lines.

        None if it is not stored verbatim in the file, as with escapes and folded lines.
        """
        if self.at is not None:
            return None
        begin, end = node.start_mark, node.end_mark
        line, column = begin.line, begin.column
        lines, value = self._lines_of(node), source_text(node)
        quote = 1 if node.style in _QUOTES else 0
        if value and line == end.line < len(lines):
            text = lines[line]
            if text[column + quote : end.column - quote] == value and (not quote or text[column] == node.style):
                return line + 1, column + quote + 1, 0  # no tag or anchor before it
        limit = min(node.end_mark.line, len(lines) - 1)
        while line <= limit:  # the tag and anchor are before the text
            text = lines[line]
            first = _skip(_BLANK, text, column)
            if first == len(text) or (text[first] == "#" and (first > column or not column)):
                line, column = line + 1, 0
            elif text[first] in "!&":
                column = _skip(_WORD, text, first)
            else:
                column = first
                break
        if line > limit:
            return None
        if node.style in ("|", ">"):
            return self._block_layout(node, line + 1)
        if node.end_mark.line != line:
            return None
        if lines[line][column + quote : node.end_mark.column - quote] != value:
            return None
        return line + 1, column + quote + 1, 0

    def _block_layout(self, node: yaml.ScalarNode, first: int) -> tuple[int, int, int] | None:
        """Return the layout of a block scalar; None if it is folded or otherwise not verbatim."""
        indent: int | None = None
        lines = self._lines_of(node)
        for number, text in enumerate(source_text(node).split("\n"), first):
            if not text.strip():
                continue
            source = lines[number] if number < len(lines) else ""
            if indent is None:
                indent = max(0, len(source) - len(source.lstrip(" ")) - (len(text) - len(text.lstrip(" "))))
            if source[indent:] != text:
                return None
        return None if indent is None else (first + 1, indent + 1, indent)
