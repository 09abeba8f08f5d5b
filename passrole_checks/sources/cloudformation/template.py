"""A template's text as nodes with places: YAML and JSON, aliases and merge keys, within fixed budgets.

Stands on PyYAML's composed nodes; no object is ever constructed. Source: AWS CloudFormation User Guide, "Template
anatomy" and "CloudFormation template formats".
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator, Mapping

import yaml

from passrole_checks.errors import InputError
from passrole_checks.iam.values import Position
from passrole_checks.sources.cloudformation.json_text import compose_json
from passrole_checks.sources.cloudformation.scopes import Call

MAX_NODES = 500_000  # a template may have 1 MB; only aliases make more nodes than that
MAX_DEPTH = 100

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_BREAK = re.compile("\r\n|[\r\n\x85\u2028\u2029]")
_TAB = re.compile(r" *\t\s*$")  # what an error stands at
_FILLED_IN = re.compile(r"\{%.*?%\}|\{\{(?!\s*resolve:).*?\}\}")
_BLANK, _WORD = re.compile(r"\s*"), re.compile(r"\S*")
_STANDARD = "tag:yaml.org,2002:"
_MERGE = _STANDARD + "merge"


class Filled(yaml.ScalarNode):
    """A scalar in which a loop's variable has been filled in; ``written`` is what stands in the file, ``defaults`` are
    the parameters whose defaults the loop's collection is."""

    written: str = ""
    defaults: tuple[str, ...] = ()


def written(node: yaml.ScalarNode) -> str:
    """The text of a scalar as it stands in its file."""
    return node.written if isinstance(node, Filled) else str(node.value)


def loop_defaults(node: yaml.Node) -> tuple[str, ...]:
    """The parameters whose defaults a loop has filled into a scalar."""
    return node.defaults if isinstance(node, Filled) else ()


class _Named(io.StringIO):
    """A text with the name that the marks of its nodes carry."""

    def __init__(self, text: str, name: str) -> None:
        super().__init__(text)
        self.name = name


def untagged(node: yaml.Node) -> yaml.Node:
    """The argument of a short form: ``!Sub text`` without its tag."""
    if isinstance(node, yaml.ScalarNode):
        if not isinstance(node, Filled):
            return yaml.ScalarNode(_STANDARD + "str", node.value, node.start_mark, node.end_mark, node.style)
        bare = Filled(_STANDARD + "str", node.value, node.start_mark, node.end_mark, node.style)
        bare.written, bare.defaults = node.written, node.defaults
        return bare
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
        if key.tag == _MERGE and len(merged := entries(node)) == 1:
            key, value = merged[0]
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

    Duplicates are kept, but what a merge brings in is left out where the mapping states it itself; so are copies: of
    equal keys with equal values CloudFormation takes the last (aws-cloudformation/cfn-language-discussion, issue 96).
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
    stated = {key.value: value for key, value in own}
    if len(stated) != len(own):
        own = [(key, value) for key, value in own if stated[key.value] is value or not same(stated[key.value], value)]
    return [entry for entry in merged if entry[0].value not in stated] + own


def child(node: yaml.Node | None, *keys: str) -> yaml.Node | None:
    """The value below a path of keys (of equal keys the last), or None."""
    for name in keys:
        values = [value for key, value in entries(node) if key.value == name]
        if not values:
            return None
        node = values[-1]
    return node


def same(one: yaml.Node, other: yaml.Node) -> bool:
    """Whether two nodes say the same, wherever they stand."""
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


def type_of(resource: yaml.Node | None) -> str | None:
    """The type of a resource, None where it is no text; a folded text ends in a line break."""
    written = scalar(child(resource, "Type"))
    return written.strip() if written is not None else None


def _skip(pattern: re.Pattern[str], text: str, start: int) -> int:
    """The place after what a pattern matches, which may be nothing."""
    found = pattern.match(text, start)
    return found.end() if found else start


def _beside(item: yaml.Node | tuple[yaml.Node, yaml.Node], node: yaml.Node) -> bool:
    """Whether an element or an entry of a node stands in the node's own file, and was not included into it."""
    return all(part.start_mark.name == node.start_mark.name for part in (item if isinstance(item, tuple) else (item,)))


def children_of(node: yaml.Node) -> Iterator[yaml.Node]:
    """The nodes right below one, keys included."""
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

    _name = ""  # that the marks of the nodes carry, for a file that is included

    def __init__(
        self,
        file: str,
        content: str,
        given: Mapping[str, str] | None = None,
        called: Call | None = None,
    ) -> None:
        self.file = file
        self.given = given or {}  # values of parameters that whoever scans knows
        self.called = called  # by an outer stack, if it is the template of a nested one
        self.loop_variables: frozenset[str] = frozenset()  # of loops whose collection is not known
        text = content.removeprefix("\ufeff")
        self.lines = _BREAK.split(text)
        self._included: dict[str, list[str]] = {}  # the lines of each file that is included
        root = self._compose(text)
        if root is None:
            raise InputError(file, "the template is empty", 1)
        if not isinstance(root, yaml.MappingNode):
            raise InputError(file, "the template is not a mapping", root.start_mark.line + 1)
        self.replace(root)

    @property
    def files(self) -> tuple[str, ...]:
        """The template's file and those that it includes."""
        return (self.file, *self._included)

    def include(self, file: str, content: str) -> yaml.Node | None:
        """The nodes of another file, which keep their places there. Raises :class:`InputError`."""
        other = Template.__new__(Template)
        other.file = other._name = file
        text = content.removeprefix("\ufeff")
        other.lines = self._included[file] = _BREAK.split(text)
        node = other._compose(text)
        if node is not None:
            other._measure(node)
        return node

    def replace(self, root: yaml.MappingNode) -> None:
        """Take ``root`` as the template. Raises :class:`InputError` where it is too deep or too large."""
        self._measure(root)
        self.root = root
        self.conditions = self._section("Conditions")
        self.parameters = self._section("Parameters")
        self.mappings = self._section("Mappings")
        self.resources = self._section("Resources")
        self.keys = {key.value: key for key, _ in entries(child(root, "Resources"))}

    def _section(self, name: str) -> dict[str, yaml.Node]:
        return {key.value: value for key, value in entries(child(self.root, name))}

    def _compose(self, text: str) -> yaml.Node | None:
        try:
            node: yaml.Node | None = yaml.compose(_Named(text, self._name) if self._name else text, Loader=_LOADER)
        except (yaml.YAMLError, UnicodeError, RecursionError, ValueError) as error:
            if text.lstrip().startswith("{"):
                try:
                    return compose_json(text, self._name)
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
            if reason == "could not find expected ':'" and error.context_mark:
                mark = error.context_mark  # where the key begins; the scanner is a line further
            line = self.lines[mark.line] if mark and mark.line < len(self.lines) else ""
            filled_in = _FILLED_IN.search(line)
            if filled_in:
                shown = filled_in[0] if len(filled_in[0]) <= 40 else filled_in[0][:39] + "…"
                reason = f"{shown} stands for what another tool fills in"
            elif mark and reason == "found character that cannot start any token":
                reason = f"a value cannot begin with {line[mark.column : mark.column + 1]}"
            if mark and _TAB.match(line[: mark.column + 1]):
                reason = "a tab in the indentation, where YAML takes spaces only"
            # at its end libyaml begins a line that is not there
            return InputError(
                self.file, f"not valid YAML: {reason}", min(mark.line + 1, len(self.lines)) if mark else None
            )
        if isinstance(error, yaml.reader.ReaderError):
            place = text.find(chr(error.character)) if isinstance(error.character, int) else -1
            line = len(_BREAK.findall(text[:place])) + 1 if place >= 0 else None
            return InputError(self.file, "not valid YAML: a control character", line)
        if isinstance(error, RecursionError):
            return InputError(self.file, "nested too deeply")
        return InputError(self.file, "not valid YAML: characters that are no text")

    def _measure(self, root: yaml.Node) -> None:
        """Refuse what is too deep, too large or without end, before anything walks it."""
        sizes: dict[int, tuple[int, int]] = {}
        open_nodes: set[int] = set()
        stack: list[tuple[yaml.Node, bool]] = [(root, False)]
        while stack:
            node, done = stack.pop()
            number = id(node)
            if done:
                open_nodes.discard(number)
                below = [sizes[id(item)] for item in children_of(node)]
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
                stack.extend((item, False) for item in children_of(node) if id(item) not in sizes)
                for item in children_of(node):
                    if id(item) in open_nodes:
                        raise InputError(self.file, "an alias holds itself", item.start_mark.line + 1)

    def _end(self, node: yaml.Node) -> tuple[int, int]:
        """Where a node's own text ends; PyYAML ends a block at the next token, which may be far below."""
        while isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
            last = next((item for item in reversed(node.value) if _beside(item, node)), node.value[-1])
            key, value = last if isinstance(last, tuple) else (None, last)
            if node.start_mark.index <= value.start_mark.index and value.end_mark.index <= node.end_mark.index:
                node = value
            elif key is not None and key.start_mark.index >= node.start_mark.index:
                node = key  # the value is an alias: its text stands elsewhere
            else:
                return node.start_mark.line, node.start_mark.column
        line, column = node.end_mark.line, node.end_mark.column
        if isinstance(node, yaml.ScalarNode) and node.style in ("|", ">"):
            lines = self._lines_of(node)
            line = min(line, len(lines) - 1)
            if not lines[line][:column].strip():
                line -= 1
                while line > node.start_mark.line and not lines[line].strip():
                    line -= 1
                column = len(lines[line])
        return line, column

    def position(self, node: yaml.Node, start: yaml.Node | None = None) -> Position:
        """The place of a node, or from the beginning of ``start`` (its key) to its end."""
        mark = (start or node).start_mark
        line, column = self._end(node)
        if (line, column) < (mark.line, mark.column):
            line, column = ((start or node).end_mark.line, (start or node).end_mark.column)
        return Position(self.file_of(start or node), mark.line + 1, mark.column + 1, line + 1, column + 1)

    def file_of(self, node: yaml.Node) -> str:
        """The file that a node stands in."""
        name = str(node.start_mark.name)
        return name if name in self._included else self.file

    def _lines_of(self, node: yaml.Node) -> list[str]:
        return self._included.get(str(node.start_mark.name), self.lines)

    def mentions(self, word: str) -> bool:
        """Whether a word stands anywhere in the template, or in what it includes."""
        return any(word in line for lines in (self.lines, *self._included.values()) for line in lines)

    def layout(self, node: yaml.ScalarNode) -> tuple[int, int, int] | None:
        """Line and column (1-based) of a scalar's first character and the indentation of its further lines.

        None where it does not stand letter for letter in the file: escapes, folded lines.
        """
        line, column = node.start_mark.line, node.start_mark.column
        lines, value = self._lines_of(node), written(node)
        limit = min(node.end_mark.line, len(lines) - 1)
        while line <= limit:  # the tag and the anchor stand before the text
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
        quote = 1 if node.style in ('"', "'") else 0
        if lines[line][column + quote : node.end_mark.column - quote] != value:
            return None
        return line + 1, column + quote + 1, 0

    def _block_layout(self, node: yaml.ScalarNode, first: int) -> tuple[int, int, int] | None:
        indent: int | None = None
        lines = self._lines_of(node)
        for number, text in enumerate(written(node).split("\n"), first):
            if not text.strip():
                continue
            source = lines[number] if number < len(lines) else ""
            if indent is None:
                indent = max(0, len(source) - len(source.lstrip(" ")) - (len(text) - len(text.lstrip(" "))))
            if source[indent:] != text:
                return None
        return None if indent is None else (first + 1, indent + 1, indent)
