"""Terraform's JSON syntax (``.tf.json``) as the same tree.

Source: Terraform language documentation, "JSON Configuration Syntax": strings are templates; a block is an object, or a
list of objects, below one key for its type and one for each label.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from passrole_checks.iam.json_document import MalformedDocument, parse_json
from passrole_checks.iam.values import Const, Entry, Items, Mapping, Node, Position, Text
from passrole_checks.sources.terraform.readers import reader
from passrole_checks.sources.terraform.source import SourceText
from passrole_checks.sources.terraform.syntax import (
    Attribute,
    Block,
    Body,
    Expression,
    Fragment,
    Interpolation,
    Literal,
    Object,
    ParsedFile,
    Problem,
    Span,
    Template,
    Tuple,
    Unparsed,
)

_LABELS = {"resource": 2, "data": 2, "variable": 1, "output": 1, "module": 1, "provider": 1, "locals": 0}
_NESTED = frozenset({
    "statement", "condition", "principals", "not_principals", "inline_policy", "dynamic", "content", "lifecycle",
})  # fmt: skip


def read(source: SourceText) -> ParsedFile:
    """Read a file of Terraform's JSON syntax. Never raises for what is in it."""
    text = source.data.decode("utf-8")
    end = source.place(len(source.data))
    try:
        tree = parse_json(Text((text,), Position(source.file, 1, 1, *end), ((1, 1),)))
    except MalformedDocument as error:
        reason = str(error.reason).removeprefix("the policy document is not JSON: ")
        return ParsedFile(source, Body(), (Problem(error.at.line, f"not JSON: {reason}"),))
    if not isinstance(tree, Mapping):
        return ParsedFile(source, Body(), (Problem(1, "not Terraform: the file is not a JSON object"),))
    if source.file.endswith(".tfvars.json"):
        return ParsedFile(source, Body(tuple(_values(source, tree))), ())
    return ParsedFile(source, Body((), tuple(_top_blocks(source, tree))), ())


def _values(source: SourceText, tree: Mapping) -> Iterator[Attribute]:
    """Values of variables: the strings of such a file are no templates."""
    for entry in tree.entries:
        span = Span(*_span(entry.key)[:2], *_span(entry.value)[2:])
        yield Attribute(entry.key.literal or "", span, source, partial(_expression, source, entry.value, False))


def _top_blocks(source: SourceText, tree: Mapping) -> Iterator[Block]:
    for entry in tree.entries:
        kind = entry.key.literal or ""
        if kind in _LABELS:
            yield from _blocks(source, kind, entry, _LABELS[kind])


def _blocks(source: SourceText, kind: str, entry: Entry, labels: int) -> Iterator[Block]:
    """The blocks below a key: labels first, then one object or a list of them."""
    pending: list[tuple[tuple[str, ...], Node]] = [((), entry.value)]
    while pending:
        names, node = pending.pop(0)
        if isinstance(node, Items):
            pending[:0] = [(names, item) for item in node.items]
        elif isinstance(node, Mapping) and len(names) < labels:
            pending[:0] = [((*names, inner.key.literal or ""), inner.value) for inner in node.entries]
        elif isinstance(node, Mapping):
            yield Block(kind, names, _span(node), source, partial(_body, source, node))


def _body(source: SourceText, node: Mapping) -> Body:
    attributes: list[Attribute] = []
    blocks: list[Block] = []
    for entry in node.entries:
        name = entry.key.literal or ""
        if name in _NESTED and isinstance(entry.value, (Mapping, Items)):
            blocks.extend(_blocks(source, name, entry, 1 if name == "dynamic" else 0))
        elif name != "//":  # Terraform's notation for a comment
            span = Span(*_span(entry.key)[:2], *_span(entry.value)[2:])
            attributes.append(Attribute(name, span, source, partial(_expression, source, entry.value)))
    return Body(tuple(attributes), tuple(blocks))


def _expression(source: SourceText, node: Node, templates: bool = True) -> Expression:
    span = _span(node)
    if isinstance(node, Const):
        return Literal(node.value, span)
    if isinstance(node, Items):
        return Tuple(tuple([_expression(source, item, templates) for item in node.items]), span)
    if isinstance(node, Mapping):
        items = [
            (_expression(source, entry.key, templates), _expression(source, entry.value, templates))
            for entry in node.entries
        ]
        return Object(tuple(items), span)
    if isinstance(node, Text):
        text = node.literal or ""
        return _template(source, text, span) if templates else Template(_whole(text, span), span)
    return Unparsed("a value that is not understood", span)


def _template(source: SourceText, text: str, span: Span) -> Expression:
    """A string, which is a template: its text stands on one line, so all of it has the place of the string."""
    if "${" not in text and "%{" not in text:
        return Template(_whole(text, span), span)
    inner = SourceText(source.file, text.encode("utf-8", "replace"), span.line, span.column + 1)
    found = reader().read_template(inner)
    if not isinstance(found, Template):
        return Unparsed(found.reason, span) if isinstance(found, Unparsed) else found
    if len(found.parts) == 1 and isinstance(found.parts[0], Interpolation):
        return found.parts[0].expression
    parts = tuple(
        Fragment(part.value, span.line, span.column, exact=False) if isinstance(part, Fragment) else part
        for part in found.parts
    )
    return Template(parts, span)


def _whole(text: str, span: Span) -> tuple[Fragment, ...]:
    return (Fragment(text, span.line, span.column, exact=False),) if text else ()


def _span(node: Node) -> Span:
    at = node.at
    return Span(at.line, at.column, at.end_line, at.end_column)
