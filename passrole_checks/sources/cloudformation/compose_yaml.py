"""Compose the text of a template, or of a file that it includes, into YAML nodes with positions.

No object is constructed. Documents that are too deep, too large or infinite are refused before they are traversed.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Iterator
from itertools import chain

import yaml

from passrole_checks.errors import ForeignTemplateError, InputError
from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.sources.cloudformation.json_text import compose_json
from passrole_checks.sources.files.yaml_loader import Loader

MAX_NODES = 500_000  # more than 1 MB, a template's maximum, can have without aliases
MAX_DEPTH = 100

_BREAK = lazy_regex("\r\n|[\r\n\x85\u2028\u2029]")
_RARE_BREAK = lazy_regex("[\r\x85\u2028\u2029]")
_TAB = lazy_regex(r" *\t\s*$")  # before the position of an error
_PLACEHOLDER = lazy_regex(r"\{%.*?%\}|\{\{(?!\s*resolve:).*?\}\}")


class _NamedText(io.StringIO):
    """A text with a name, which the marks of its nodes contain."""

    def __init__(self, text: str, name: str) -> None:
        super().__init__(text)
        self.name = name


def split_lines(text: str) -> list[str]:
    """Split a text into lines as YAML does."""
    if "\r" in text if text.isascii() else _RARE_BREAK.search(text):
        return _BREAK.split(text)
    return text.split("\n")


def children_of(node: yaml.Node) -> Iterable[yaml.Node]:
    """Return the direct children of a node, keys included."""
    if isinstance(node, yaml.MappingNode):
        return chain.from_iterable(node.value)
    children: list[yaml.Node] = node.value if isinstance(node, yaml.SequenceNode) else []
    return children


def nodes_below(root: yaml.Node) -> Iterator[yaml.Node]:
    """Yield a node and the nodes below it, keys included. Aliases are visited once."""
    pending, seen = [root], set[int]()
    while pending:
        node = pending.pop()
        if id(node) not in seen:
            seen.add(id(node))
            yield node
            pending.extend(children_of(node))


def compose(file: str, text: str, name: str = "") -> yaml.Node | None:
    """Compose a text; return its root node, None if it is empty. ``name``: the file name for the marks.

    Raises :class:`InputError` if the text is neither YAML nor JSON.
    """
    try:
        node: yaml.Node | None = yaml.compose(_NamedText(text, name) if name else text, Loader=Loader)
    except (yaml.YAMLError, UnicodeError, RecursionError, ValueError) as error:
        if text.lstrip().startswith("{"):
            try:
                return compose_json(text, name)
            except json.JSONDecodeError as json_error:
                if file.endswith(".json"):
                    raise InputError(file, f"not valid JSON: {json_error.msg}", json_error.lineno) from None
        raise _yaml_error(file, text, error) from None
    return node


def _yaml_error(file: str, text: str, error: Exception) -> InputError:
    """Return an error with line and reason for a failure of PyYAML."""
    if isinstance(error, yaml.MarkedYAMLError):
        lines = split_lines(text)
        mark = error.problem_mark or error.context_mark
        reason = (error.problem or error.context or "cannot be parsed").strip()
        if reason.startswith("but found another"):
            reason = "more than one document"
        if reason == "could not find expected ':'" and error.context_mark:
            mark = error.context_mark  # the start of the key; the scanner is one line further
        line = lines[mark.line] if mark and mark.line < len(lines) else ""
        placeholder = _PLACEHOLDER.search(line)
        if placeholder:
            shown = placeholder[0] if len(placeholder[0]) <= 40 else placeholder[0][:39] + "…"
            reason = f"not valid YAML: {shown} is a placeholder of another tool"
            return ForeignTemplateError(file, reason, mark.line + 1 if mark else None)
        if mark and reason == "found character that cannot start any token":
            reason = f"a value cannot begin with {line[mark.column : mark.column + 1]}"
        if mark and _TAB.match(line[: mark.column + 1]):
            reason = "tab in the indentation (YAML allows only spaces)"
        # at the end of the text libyaml counts one line more
        return InputError(file, f"not valid YAML: {reason}", min(mark.line + 1, len(lines)) if mark else None)
    if isinstance(error, yaml.reader.ReaderError):
        place = text.find(chr(error.character)) if isinstance(error.character, int) else -1
        number = len(_BREAK.findall(text[:place])) + 1 if place >= 0 else None
        return InputError(file, "not valid YAML: control character", number)
    if isinstance(error, RecursionError):
        return InputError(file, "nested too deeply")
    return InputError(file, "not valid YAML: invalid characters")


def check_size(file: str, root: yaml.Node) -> None:
    """Raise :class:`InputError`, with the line, if a tree is too deep, too large or infinite."""
    if not _is_small(root):
        _raise_too_large(file, root)


def _is_small(root: yaml.Node) -> bool:
    """True if a tree, with aliases expanded, is finite and neither too deep nor too large."""
    level, size = [root], 1
    for _ in range(MAX_DEPTH):
        below: list[yaml.Node] = []
        for node in level:
            if isinstance(node, yaml.CollectionNode):
                mapping = isinstance(node, yaml.MappingNode)
                size += len(node.value) * (2 if mapping else 1)
                if size > MAX_NODES:
                    return False
                below.extend(chain.from_iterable(node.value) if mapping else node.value)
        if not below:
            return True
        level = below
    return False


def _raise_too_large(file: str, root: yaml.Node) -> None:
    """Raise :class:`InputError` at the node where a tree is too deep, too large or infinite."""
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
                raise InputError(file, "nested too deeply", node.start_mark.line + 1)
            if size > MAX_NODES:
                raise InputError(file, "too large after expanding aliases", node.start_mark.line + 1)
        elif number in open_nodes:
            raise InputError(file, "an alias contains itself", node.start_mark.line + 1)
        elif number not in sizes:
            open_nodes.add(number)
            stack.append((node, True))
            stack.extend((item, False) for item in children_of(node) if id(item) not in sizes)
            for item in children_of(node):
                if id(item) in open_nodes:
                    raise InputError(file, "an alias contains itself", item.start_mark.line + 1)
