"""A template's text as nodes with places: YAML and JSON, aliases and merge keys, within fixed budgets.

Stands on PyYAML's composed nodes; no object is ever constructed. Source: AWS CloudFormation User Guide, "Template
anatomy" and "CloudFormation template formats".
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import yaml

from passrole_checks.errors import InputError
from passrole_checks.iam.values import Position
from passrole_checks.sources.cloudformation.json_text import compose_json

MAX_NODES = 500_000  # a template may have 1 MB; only aliases make more nodes than that
MAX_DEPTH = 100

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_BREAK = re.compile("\r\n|[\r\n\x85\u2028\u2029]")
_STANDARD = "tag:yaml.org,2002:"
_MERGE = _STANDARD + "merge"


def untagged(node: yaml.Node) -> yaml.Node:
    """The argument of a short form: ``!Sub text`` without its tag."""
    if isinstance(node, yaml.ScalarNode):
        return yaml.ScalarNode(_STANDARD + "str", node.value, node.start_mark, node.end_mark, node.style)
    if isinstance(node, yaml.SequenceNode):
        return yaml.SequenceNode(_STANDARD + "seq", node.value, node.start_mark, node.end_mark, node.flow_style)
    flow = getattr(node, "flow_style", None)
    return yaml.MappingNode(_STANDARD + "map", node.value, node.start_mark, node.end_mark, flow)


def call(node: yaml.Node) -> tuple[str, yaml.Node] | None:
    """The long name and the argument of an intrinsic function, or None where the node is none.

    ``!GetAtt x`` and ``{"Fn::GetAtt": x}`` are the same; a tag that is not CloudFormation's gives its name as well.
    """
    if not node.tag.startswith(_STANDARD):
        name = node.tag.lstrip("!").removeprefix("Fn::")
        return (name if name in {"Ref", "Condition"} else f"Fn::{name}"), untagged(node)
    if isinstance(node, yaml.MappingNode) and len(node.value) == 1:
        key, value = node.value[0]
        if isinstance(key, yaml.ScalarNode) and (key.value == "Ref" or key.value.startswith("Fn::")):
            return key.value, value
    return None


def scalar(node: yaml.Node | None) -> str | None:
    """The text of a plain scalar that is no intrinsic function, else None."""
    if isinstance(node, yaml.ScalarNode) and node.tag.startswith(_STANDARD) and not node.tag.endswith(":null"):
        return str(node.value)
    return None


def entries(node: yaml.Node | None) -> list[tuple[yaml.ScalarNode, yaml.Node]]:
    """The entries of a mapping in the order of the file, merge keys (``<<``) expanded; nothing for another node.

    Duplicates are kept, but what a merge brings in is left out where the mapping states it itself.
    """
    if not isinstance(node, yaml.MappingNode):
        return []
    own: list[tuple[yaml.ScalarNode, yaml.Node]] = []
    merged: list[tuple[yaml.ScalarNode, yaml.Node]] = []
    for key, value in node.value:
        if key.tag == _MERGE:
            for source in value.value if isinstance(value, yaml.SequenceNode) else [value]:
                taken = {entry.value for entry, _ in merged}
                merged += [entry for entry in entries(source) if entry[0].value not in taken]
        elif isinstance(key, yaml.ScalarNode):
            own.append((key, value))
    stated = {key.value for key, _ in own}
    return [entry for entry in merged if entry[0].value not in stated] + own


def child(node: yaml.Node | None, *keys: str) -> yaml.Node | None:
    """The value below a path of keys (of equal keys the last), or None."""
    for name in keys:
        values = [value for key, value in entries(node) if key.value == name]
        if not values:
            return None
        node = values[-1]
    return node


def type_of(resource: yaml.Node | None) -> str | None:
    """The type of a resource, None where it is no text; a folded text ends in a line break."""
    written = scalar(child(resource, "Type"))
    return written.strip() if written is not None else None


def _children(node: yaml.Node) -> Iterator[yaml.Node]:
    if isinstance(node, yaml.SequenceNode):
        yield from node.value
    elif isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield key
            yield value


class Template:
    """A template: its root mapping, its lines, the place of every node.

    Raises :class:`InputError` where the text is no YAML or JSON mapping, is nested deeper than ``MAX_DEPTH``, or
    grows by its aliases beyond ``MAX_NODES``.
    """

    def __init__(self, file: str, content: str) -> None:
        self.file = file
        text = content.removeprefix("\ufeff")
        self.lines = _BREAK.split(text)
        root = self._compose(text)
        if root is None:
            raise InputError(file, "the template is empty", 1)
        if not isinstance(root, yaml.MappingNode):
            raise InputError(file, "the template is not a mapping", root.start_mark.line + 1)
        self.root = root
        self._measure()
        self.parameters = self._section("Parameters")
        self.mappings = self._section("Mappings")
        self.resources = self._section("Resources")
        self.keys = {key.value: key for key, _ in entries(child(root, "Resources"))}

    def _section(self, name: str) -> dict[str, yaml.Node]:
        return {key.value: value for key, value in entries(child(self.root, name))}

    def _compose(self, text: str) -> yaml.Node | None:
        try:
            node: yaml.Node | None = yaml.compose(text, Loader=_LOADER)
        except (yaml.YAMLError, UnicodeError, RecursionError, ValueError) as error:
            if text.lstrip().startswith("{"):
                try:
                    return compose_json(text)
                except json.JSONDecodeError as json_error:
                    if self.file.endswith(".json"):
                        raise InputError(self.file, f"not valid JSON: {json_error.msg}", json_error.lineno) from None
            raise self._not_yaml(text, error) from None
        return node

    def _not_yaml(self, text: str, error: Exception) -> InputError:
        if isinstance(error, yaml.MarkedYAMLError):
            mark = error.problem_mark or error.context_mark
            reason = (error.problem or error.context or "cannot be parsed").strip()
            if reason.startswith("but found another"):
                reason = "more than one document"
            return InputError(self.file, f"not valid YAML: {reason}", mark.line + 1 if mark else None)
        if isinstance(error, yaml.reader.ReaderError):
            place = text.find(chr(error.character)) if isinstance(error.character, int) else -1
            line = len(_BREAK.findall(text[:place])) + 1 if place >= 0 else None
            return InputError(self.file, "not valid YAML: a control character", line)
        if isinstance(error, RecursionError):
            return InputError(self.file, "nested too deeply")
        return InputError(self.file, "not valid YAML: characters that are no text")

    def _measure(self) -> None:
        """Refuse what is too deep, too large or without end, before anything walks it."""
        sizes: dict[int, tuple[int, int]] = {}
        open_nodes: set[int] = set()
        stack: list[tuple[yaml.Node, bool]] = [(self.root, False)]
        while stack:
            node, done = stack.pop()
            number = id(node)
            if done:
                open_nodes.discard(number)
                below = [sizes[id(item)] for item in _children(node)]
                size, depth = 1 + sum(item[0] for item in below), 1 + max((item[1] for item in below), default=0)
                sizes[number] = size, depth
                if depth > MAX_DEPTH:
                    raise InputError(self.file, "nested too deeply", node.start_mark.line + 1)
                if size > MAX_NODES:
                    raise InputError(self.file, "aliases make it too large", node.start_mark.line + 1)
            elif number in open_nodes:
                raise InputError(self.file, "an alias holds itself", node.start_mark.line + 1)
            elif number not in sizes:
                open_nodes.add(number)
                stack.append((node, True))
                stack.extend((item, False) for item in _children(node) if id(item) not in sizes)
                for item in _children(node):
                    if id(item) in open_nodes:
                        raise InputError(self.file, "an alias holds itself", item.start_mark.line + 1)

    def _end(self, node: yaml.Node) -> tuple[int, int]:
        """Where a node's own text ends; PyYAML ends a block at the next token, which may be far below."""
        while isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
            last = node.value[-1]
            key, value = last if isinstance(last, tuple) else (None, last)
            if node.start_mark.index <= value.start_mark.index and value.end_mark.index <= node.end_mark.index:
                node = value
            elif key is not None and key.start_mark.index >= node.start_mark.index:
                node = key  # the value is an alias: its text stands elsewhere
            else:
                return node.start_mark.line, node.start_mark.column
        line, column = node.end_mark.line, node.end_mark.column
        if isinstance(node, yaml.ScalarNode) and node.style in ("|", ">"):
            line = min(line, len(self.lines) - 1)
            if not self.lines[line][:column].strip():
                line -= 1
                while line > node.start_mark.line and not self.lines[line].strip():
                    line -= 1
                column = len(self.lines[line])
        return line, column

    def position(self, node: yaml.Node, start: yaml.Node | None = None) -> Position:
        """The place of a node, or from the beginning of ``start`` (its key) to its end."""
        mark = (start or node).start_mark
        line, column = self._end(node)
        if (line, column) < (mark.line, mark.column):
            line, column = ((start or node).end_mark.line, (start or node).end_mark.column)
        return Position(self.file, mark.line + 1, mark.column + 1, line + 1, column + 1)

    def layout(self, node: yaml.ScalarNode) -> tuple[int, int, int] | None:
        """Line and column (1-based) of a scalar's first character and the indentation of its further lines.

        None where it does not stand letter for letter in the file: escapes, folded lines.
        """
        line, column = node.start_mark.line, node.start_mark.column
        limit = min(node.end_mark.line, len(self.lines) - 1)
        while line <= limit:  # the tag and the anchor stand before the text
            rest = self.lines[line][column:]
            blank = len(rest) - len(rest.lstrip())
            if blank == len(rest) or (rest[blank] == "#" and (blank or not column)):
                line, column = line + 1, 0
            elif rest[blank] in "!&":
                column += blank + len(rest.lstrip().split(None, 1)[0])
            else:
                column += blank
                break
        if line > limit:
            return None
        if node.style in ("|", ">"):
            return self._block_layout(node, line + 1)
        if node.end_mark.line != line:
            return None
        quote = 1 if node.style in ('"', "'") else 0
        if self.lines[line][column + quote : node.end_mark.column - quote] != node.value:
            return None
        return line + 1, column + quote + 1, 0

    def _block_layout(self, node: yaml.ScalarNode, first: int) -> tuple[int, int, int] | None:
        indent: int | None = None
        for number, text in enumerate(node.value.split("\n"), first):
            if not text.strip():
                continue
            source = self.lines[number] if number < len(self.lines) else ""
            if indent is None:
                indent = max(0, len(source) - len(source.lstrip(" ")) - (len(text) - len(text.lstrip(" "))))
            if source[indent:] != text:
                return None
        return None if indent is None else (first + 1, indent + 1, indent)
