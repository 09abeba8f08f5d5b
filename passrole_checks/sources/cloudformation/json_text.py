"""Compose JSON text into the nodes that PyYAML returns, for JSON that YAML rejects.

YAML rejects some valid JSON: tabs (in the pure loader), surrogate pairs, keys of more than 1,024 characters. Such
templates are composed here, with positions.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right

import yaml

_BLANK = re.compile(r"[ \t\n\r]*")
_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?")
_WORDS = {"true": "bool", "false": "bool", "null": "null"}
_TAG = "tag:yaml.org,2002:"
MAX_DEPTH = 400
_STRINGS = json.JSONDecoder(strict=False)


class _Composer:
    """A recursive descent parser for JSON; each method returns a node and the offset behind it."""

    def __init__(self, text: str, name: str) -> None:
        self.text = text
        self.name = name
        self.breaks = [found.end() for found in re.finditer(r"\r\n|\r|\n", text)]

    def mark(self, index: int) -> yaml.Mark:
        line = bisect_right(self.breaks, index)
        return yaml.Mark(self.name, index, line, index - (self.breaks[line - 1] if line else 0), None, 0)

    def fail(self, reason: str, index: int) -> json.JSONDecodeError:
        return json.JSONDecodeError(reason, self.text, min(index, len(self.text)))

    def skip(self, index: int) -> int:
        match = _BLANK.match(self.text, index)
        return match.end() if match else index

    def char(self, index: int) -> str:
        return self.text[index : index + 1]

    def value(self, index: int, depth: int) -> tuple[yaml.Node, int]:
        if depth > MAX_DEPTH:
            raise self.fail("nested too deeply", index)
        first = self.char(index)
        if first == "{":
            return self.mapping(index, depth)
        if first == "[":
            return self.sequence(index, depth)
        if first == '"':
            return self.string(index)
        for word, kind in _WORDS.items():
            if self.text.startswith(word, index):
                return self.scalar(kind, word, index, index + len(word)), index + len(word)
        number = _NUMBER.match(self.text, index)
        if number is None:
            raise self.fail("expecting a value", index)
        kind = "int" if number.group().lstrip("-").isdigit() else "float"
        return self.scalar(kind, number.group(), index, number.end()), number.end()

    def scalar(self, kind: str, value: str, start: int, end: int, style: str | None = None) -> yaml.ScalarNode:
        return yaml.ScalarNode(_TAG + kind, value, self.mark(start), self.mark(end), style)

    def string(self, index: int) -> tuple[yaml.ScalarNode, int]:
        if self.char(index) != '"':
            raise self.fail("expecting a name in double quotes", index)
        value, end = _STRINGS.raw_decode(self.text, index)
        return self.scalar("str", value, index, end, '"'), end

    def mapping(self, start: int, depth: int) -> tuple[yaml.Node, int]:
        entries: list[tuple[yaml.Node, yaml.Node]] = []
        index = self.skip(start + 1)
        while self.char(index) != "}" or entries:
            key, index = self.string(index)
            index = self.skip(index)
            if self.char(index) != ":":
                raise self.fail("expecting ':'", index)
            value, index = self.value(self.skip(index + 1), depth + 1)
            entries.append((key, value))
            index = self.skip(index)
            if self.char(index) == "}":
                break
            if self.char(index) != ",":
                raise self.fail("expecting ',' or '}'", index)
            index = self.skip(index + 1)
        node = yaml.MappingNode(_TAG + "map", entries, self.mark(start), self.mark(index + 1), flow_style=True)
        return node, index + 1

    def sequence(self, start: int, depth: int) -> tuple[yaml.Node, int]:
        items: list[yaml.Node] = []
        index = self.skip(start + 1)
        while self.char(index) != "]" or items:
            value, index = self.value(index, depth + 1)
            items.append(value)
            index = self.skip(index)
            if self.char(index) == "]":
                break
            if self.char(index) != ",":
                raise self.fail("expecting ',' or ']'", index)
            index = self.skip(index + 1)
        node = yaml.SequenceNode(_TAG + "seq", items, self.mark(start), self.mark(index + 1), flow_style=True)
        return node, index + 1


def compose_json(text: str, name: str = "") -> yaml.Node:
    """Return the root node of a JSON text with PyYAML's marks. ``name``: the file name for the marks.

    Raises ``json.JSONDecodeError`` if the text is not JSON or is nested deeper than ``MAX_DEPTH``.
    """
    composer = _Composer(text, name)
    node, index = composer.value(composer.skip(0), 0)
    index = composer.skip(index)
    if index != len(text):
        raise composer.fail("extra text after the value", index)
    return node
