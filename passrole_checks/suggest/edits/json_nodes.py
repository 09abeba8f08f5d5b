"""Read JSON with offsets, starting at an offset of a file; also in a template with ``${...}`` in strings.

Source: RFC 8259; HCL Native Syntax Specification, "Template Expressions"; AWS CloudFormation Template Reference,
"Fn::Sub".
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from passrole_checks.iam.documents.json_parser import PLACEHOLDER, JsonParser
from passrole_checks.sources.terraform.reading.heredoc import scan_sequences
from passrole_checks.suggest.edits.syntax_tree import Field, NotEditableError, SyntaxForm, WrittenNode

_FUNCTIONS = frozenset({"Fn::GetAtt", "Fn::Sub", "Fn::Join", "Ref"})


def read_json(
    text: str,
    start: int,
    *,
    end: int | None = None,
    template: bool = False,
    functions: bool = True,
    resources: Collection[str] = (),
) -> WrittenNode:
    """Return the value that starts at ``start``.

    Args:
        template: it is in an HCL template.
        functions: treat an object with the name of an intrinsic function as one.
        resources: those of the template.

    Raises :class:`NotEditableError` if it is not JSON.
    """
    return _Reader(text, start, len(text) if end is None else end, template, functions, resources).value(0)


class _Reader(JsonParser[WrittenNode]):
    def __init__(
        self, text: str, start: int, end: int, template: bool, functions: bool, resources: Collection[str]
    ) -> None:
        super().__init__(text[:start] + masked(text, start, end, PLACEHOLDER) if template else text, start, end)
        self.functions, self.resources = functions, resources

    def build_object(self, entries: Sequence[tuple[WrittenNode, WrittenNode]], start: int) -> WrittenNode:
        name = entries[0][0].text or "" if len(entries) == 1 else ""
        if self.functions and (name == "Ref" or name.startswith("Fn::")):
            why = why_not_replaceable(name, entries[0][1].text, self.resources)
            return WrittenNode(SyntaxForm.TEXT, start, self.place, why=why)
        fields = tuple(Field(key.text, key.start, key.end, value) for key, value in entries)
        return WrittenNode(SyntaxForm.MAPPING, start, self.place, fields)

    def build_list(self, items: Sequence[WrittenNode], start: int) -> WrittenNode:
        return WrittenNode(SyntaxForm.LIST, start, self.place, items=tuple(items))

    def build_string(self, written: str, start: int) -> WrittenNode:
        text = None if PLACEHOLDER in written else self.decode(written, start)
        return WrittenNode(SyntaxForm.TEXT, start, self.place, text=text)

    def build_bare(self, word: str, start: int) -> WrittenNode:
        if PLACEHOLDER in word:
            return WrittenNode(SyntaxForm.OTHER, start, self.place, why="it is computed by an expression")
        return WrittenNode(SyntaxForm.TEXT, start, self.place, text="" if word == "null" else None)

    def error(self, reason: str, offset: int | None = None) -> NotEditableError:
        return NotEditableError("the statement is not valid JSON as written")


def masked(text: str, start: int, end: int, filler: str) -> str:
    """Return a text from an offset on, with the interpolations before ``end`` masked: their quotes and braces are not
    those of the text."""
    pieces, done = list[str](), start
    for sequence in scan_sequences(text, start, end):
        pieces += [text[done : sequence.start], filler * (sequence.end - sequence.start)]
        done = sequence.end
    return "".join([*pieces, text[done:]])


def why_not_replaceable(function: str, argument: str | None, resources: Collection[str]) -> str:
    """Return why the value of an intrinsic function cannot be replaced; "" if it can. ``resources``: those of the
    template.
    """
    if function == "Ref":
        is_parameter = argument and not argument.startswith("AWS::") and argument not in resources
        return f"it is the parameter {argument}" if is_parameter else ""
    if function in _FUNCTIONS:
        return ""
    return f"it is computed by {function}"
