"""Read JSON with offsets, starting at an offset of a file; also in a template with ``${...}`` in strings.

Source: RFC 8259; HCL Native Syntax Specification, "Template Expressions"; AWS CloudFormation Template Reference,
"Fn::Sub".
"""

from __future__ import annotations

import json
import re

from passrole_checks.sources.terraform.reading.heredoc import scan_sequences
from passrole_checks.suggest.edits.syntax_tree import Field, NotEditableError, SyntaxForm, WrittenNode

_BLANK = re.compile(r"[ \t\r\n\ufeff]*")
_STRING = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_BARE = re.compile(r"[^\s,\]}\[{\":]+")
_DEPTH = 60
_FUNCTIONS = frozenset({"Fn::GetAtt", "Fn::Sub", "Fn::Join", "Ref"})


def read_json(
    text: str, start: int, *, end: int | None = None, template: bool = False, functions: bool = True
) -> WrittenNode:
    """Return the value that starts at ``start``. ``template``: it is in an HCL template. ``functions``: treat an object
    with the name of an intrinsic function as one. Raises :class:`NotEditableError` if it is not JSON.
    """
    return _Reader(text, len(text) if end is None else end, template, functions).value(start, 0)


class _Reader:
    def __init__(self, text: str, end: int, template: bool, functions: bool) -> None:
        self.text, self.end, self.functions = text, end, functions
        self.masked = text
        self.template = template

    def mask(self, start: int) -> None:
        """Mask interpolations, whose quotes and braces are not JSON."""
        pieces, done = [self.text[:start]], start
        for sequence in scan_sequences(self.text, start, self.end):
            pieces += [self.text[done : sequence.start], "\ue000" * (sequence.end - sequence.start)]
            done = sequence.end
        self.masked = "".join([*pieces, self.text[done:]])

    def value(self, start: int, depth: int) -> WrittenNode:
        if depth == 0 and self.template:
            self.mask(start)
        if depth > _DEPTH:
            raise NotEditableError("the document is nested too deeply")
        char = self.masked[start : min(start + 1, self.end)]
        if char == "{":
            return self.mapping(start, depth)
        if char == "[":
            return self.items(start, depth)
        if char == '"':
            return self.string(start)
        found = _BARE.match(self.masked, start, self.end)
        if found is None:
            raise NotEditableError("the statement is not valid JSON as written")
        if "\ue000" in found[0]:
            return WrittenNode(SyntaxForm.OTHER, start, found.end(), why="it is computed by an expression")
        return WrittenNode(SyntaxForm.TEXT, start, found.end(), text="" if found[0] == "null" else None)

    def mapping(self, start: int, depth: int) -> WrittenNode:
        entries: list[Field] = []
        offset = self.blank(start + 1)
        while self.masked[offset : offset + 1] != "}":
            key = self.string(offset) if self.masked[offset : offset + 1] == '"' else None
            if key is None:
                raise NotEditableError("the statement is not valid JSON as written")
            colon = self.blank(key.end)
            if self.masked[colon : colon + 1] != ":":
                raise NotEditableError("the statement is not valid JSON as written")
            value = self.value(self.blank(colon + 1), depth + 1)
            entries.append(Field(key.text, offset, key.end, value))
            offset = self.after(value.end, "}")
        name = entries[0].key or "" if len(entries) == 1 else ""
        if self.functions and (name == "Ref" or name.startswith("Fn::")):
            return WrittenNode(SyntaxForm.TEXT, start, offset + 1, why=why_not_replaceable(name, entries[0].value.text))
        return WrittenNode(SyntaxForm.MAPPING, start, offset + 1, tuple(entries))

    def items(self, start: int, depth: int) -> WrittenNode:
        items: list[WrittenNode] = []
        offset = self.blank(start + 1)
        while self.masked[offset : offset + 1] != "]":
            items.append(self.value(offset, depth + 1))
            offset = self.after(items[-1].end, "]")
        return WrittenNode(SyntaxForm.LIST, start, offset + 1, items=tuple(items))

    def after(self, offset: int, closing: str) -> int:
        offset = self.blank(offset)
        char = self.masked[offset : offset + 1]
        if char == ",":
            return self.blank(offset + 1)
        if char != closing or offset >= self.end:
            raise NotEditableError("the statement is not valid JSON as written")
        return offset

    def string(self, start: int) -> WrittenNode:
        found = _STRING.match(self.masked, start, self.end)
        if found is None:
            raise NotEditableError("the statement is not valid JSON as written")
        value_text: str | None = None
        if "\ue000" not in found[0]:
            try:
                value_text = str(json.loads(found[0], strict=False))
            except ValueError:
                raise NotEditableError("the statement is not valid JSON as written") from None
        return WrittenNode(SyntaxForm.TEXT, start, found.end(), text=value_text)

    def blank(self, offset: int) -> int:
        found = _BLANK.match(self.masked, offset, self.end)
        return found.end() if found else offset


def why_not_replaceable(function: str, argument: str | None) -> str:
    """Return why the value of an intrinsic function cannot be replaced; "" if it can."""
    if function == "Ref":
        return f"it is the parameter or resource {argument}" if argument and not argument.startswith("AWS::") else ""
    if function in _FUNCTIONS:
        return ""
    return f"it is computed by {function}"
