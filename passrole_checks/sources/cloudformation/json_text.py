"""Compose JSON text into the nodes that PyYAML returns, for JSON that YAML rejects.

YAML rejects some valid JSON: tabs (in the pure loader), surrogate pairs, keys of more than 1,024 characters. Such
templates are composed here, with positions.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Sequence

import yaml

from passrole_checks.iam.documents.json_parser import JsonParser
from passrole_checks.iam.lazy_regex import lazy_regex

_NUMBER = lazy_regex(r"-?(?:0|[1-9]\d*)(?P<fraction>\.\d+)?(?P<exponent>[eE][-+]?\d+)?")
_WORDS = {"true": "bool", "false": "bool", "null": "null"}
_TAG = "tag:yaml.org,2002:"


class _Composer(JsonParser[yaml.Node]):
    max_depth = 400

    def __init__(self, text: str, name: str) -> None:
        super().__init__(text)
        self.name = name
        self.breaks = [found.end() for found in re.finditer(r"\r\n|\r|\n", text)]

    def marks(self, start: int) -> tuple[yaml.Mark, yaml.Mark]:
        return self.mark(start), self.mark(self.place)

    def mark(self, index: int) -> yaml.Mark:
        line = bisect_right(self.breaks, index)
        return yaml.Mark(self.name, index, line, index - (self.breaks[line - 1] if line else 0), None, 0)

    def build_object(self, entries: Sequence[tuple[yaml.Node, yaml.Node]], start: int) -> yaml.Node:
        return yaml.MappingNode(f"{_TAG}map", list(entries), *self.marks(start), flow_style=True)

    def build_list(self, items: Sequence[yaml.Node], start: int) -> yaml.Node:
        return yaml.SequenceNode(f"{_TAG}seq", list(items), *self.marks(start), flow_style=True)

    def build_string(self, written: str, start: int) -> yaml.Node:
        return yaml.ScalarNode(f"{_TAG}str", self.decode(written, start), *self.marks(start), '"')

    def build_bare(self, word: str, start: int) -> yaml.Node:
        number = _NUMBER.fullmatch(word)
        if number is None and word not in _WORDS:
            raise self.error("expected a value", start)
        kind = _WORDS[word] if number is None else "float" if any(number.groups()) else "int"
        return yaml.ScalarNode(f"{_TAG}{kind}", word, *self.marks(start))

    def error(self, reason: str, offset: int | None = None) -> json.JSONDecodeError:
        return json.JSONDecodeError(reason, self.text, self.place if offset is None else offset)


def compose_json(text: str, name: str = "") -> yaml.Node:
    """Return the root node of a JSON text with PyYAML's marks. ``name``: the file name for the marks.

    Raises ``json.JSONDecodeError`` if the text is not JSON or is nested too deeply.
    """
    return _Composer(text, name).document()
