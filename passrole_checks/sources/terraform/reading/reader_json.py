"""Parse Terraform's JSON syntax (``.tf.json``) into the syntax tree of HCL.

Source: Terraform language documentation, "JSON Configuration Syntax": strings are templates; a block is an object, or a
list of objects, below one key for its type and one for each label; a few arguments are references,
type constraints or literal values instead of templates ("Block-type-specific Exceptions").
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from passrole_checks.iam.documents.json_document import NOT_JSON, MalformedDocument, parse_json
from passrole_checks.iam.values.nodes import Const, ListNode, Node, ObjectEntry, ObjectNode, Position, StringNode
from passrole_checks.sources.terraform.reading.readers import reader
from passrole_checks.sources.terraform.reading.source import SourceText
from passrole_checks.sources.terraform.reading.syntax import (
    Attribute,
    Block,
    Body,
    Expression,
    Fragment,
    Interpolation,
    Literal,
    Object,
    ParsedFile,
    Span,
    SyntaxProblem,
    TemplateExpression,
    Tuple,
    Unparsed,
)

_LABELS = {
    "resource": 2, "data": 2, "ephemeral": 2, "action": 2, "variable": 1, "output": 1, "module": 1, "provider": 1,
    "check": 1, "locals": 0, "terraform": 0, "moved": 0, "import": 0, "removed": 0,
}  # fmt: skip
# The schema of a resource type decides which keys of a body are blocks. This reader has no schemas, and the evaluator
# accepts most nested blocks as attributes too; these it looks up as blocks only.
_NESTED_BLOCKS = frozenset({
    "statement", "condition", "principals", "not_principals", "inline_policy", "dynamic", "content", "lifecycle",
    "provisioner",
})  # fmt: skip
_LABELED_BLOCKS = frozenset({"dynamic", "provisioner"})
_BLOCK_PARENTS = frozenset({"resource", "data", "ephemeral", *_NESTED_BLOCKS})
# by block type: arguments whose strings are expressions, and arguments whose strings are literal
_EXPRESSIONS = {
    "variable": {"type"}, "dynamic": {"iterator"}, "resource": {"provider", "depends_on"},
    "data": {"provider", "depends_on"}, "module": {"providers", "depends_on"}, "output": {"depends_on"},
    "lifecycle": {"ignore_changes", "replace_triggered_by"},
}  # fmt: skip
_LITERAL = {"variable": {"default", "description"}, "module": {"source", "version"}, "output": {"description"}}


def read(source: SourceText, *, values: bool = False) -> ParsedFile:
    """Parse a file in Terraform's JSON syntax, or with ``values``, values of variables whatever the name of the file.
    Never raises for invalid content."""
    text, values = source.data.decode("utf-8"), values or source.file.endswith(".tfvars.json")
    end = source.line_column(len(source.data))
    try:
        tree = parse_json(StringNode((text,), Position(source.file, 1, 1, *end), ((1, 1),)))
    except MalformedDocument as error:
        reason = str(error.reason).removeprefix(NOT_JSON)
        return ParsedFile(source, Body(), (SyntaxProblem(error.at.line, f"not JSON: {reason}"),))
    bodies = tree.items if isinstance(tree, ListNode) and not values else (tree,)
    wrong = next((body for body in bodies if not isinstance(body, ObjectNode)), None)
    if wrong is not None:
        return ParsedFile(source, Body(), (SyntaxProblem(wrong.at.line, "not Terraform JSON: expected an object"),))
    if values and isinstance(tree, ObjectNode):
        return ParsedFile(source, Body(tuple(_value_attributes(source, tree))), ())
    problems: list[SyntaxProblem] = []
    blocks: list[Block] = []
    for entry in (entry for body in bodies if isinstance(body, ObjectNode) for entry in body.entries):
        kind = entry.key.literal or ""
        if kind in _LABELS:
            blocks.extend(_blocks(source, kind, entry, _LABELS[kind], problems))
    return ParsedFile(source, Body((), tuple(blocks)), tuple(problems))


def value_attribute(name: str, value: Node) -> Attribute:
    """Return the attribute that would assign a value to a variable."""
    source = SourceText(value.at.file, b"")
    return Attribute(name, _span(value), source, partial(_build_expression, source, value, False))


def _value_attributes(source: SourceText, tree: ObjectNode) -> Iterator[Attribute]:
    """Yield the variable values of a file. Its strings are literals, not templates."""
    for entry in tree.entries:
        span = Span(*_span(entry.key)[:2], *_span(entry.value)[2:])
        yield Attribute(entry.key.literal or "", span, source, partial(_build_expression, source, entry.value, False))


def _blocks(
    source: SourceText, kind: str, entry: ObjectEntry, labels: int, problems: list[SyntaxProblem] | None = None
) -> Iterator[Block]:
    """Yield the blocks below a key: nested labels, then an object or a list of objects.

    Any other value is added to ``problems``.
    """
    pending: list[tuple[tuple[str, ...], StringNode, Node]] = [((), entry.key, entry.value)]
    while pending:
        names, key, node = pending.pop()
        if isinstance(node, ListNode):
            pending.extend((names, key, item) for item in reversed(node.items))
        elif isinstance(node, ObjectNode) and len(names) < labels:
            pending.extend(
                ((*names, label.key.literal or ""), label.key, label.value) for label in reversed(node.entries)
            )
        elif isinstance(node, ObjectNode):
            at = _span(node) if not names else Span(*_span(key)[:2], *_span(node)[2:])
            yield Block(kind, names, at, source, partial(_body, source, kind, node), literal=False)
        elif not (isinstance(node, Const) and node.value is None) and key.literal != "//" and problems is not None:
            address = ".".join((kind, *names))
            problems.append(SyntaxProblem(_span(node).line, f"not Terraform JSON: {address} is not an object"))


def _body(source: SourceText, kind: str, node: ObjectNode) -> Body:
    attributes: list[Attribute] = []
    blocks: list[Block] = []
    for entry in node.entries:
        name = entry.key.literal or ""
        if name in _NESTED_BLOCKS and kind in _BLOCK_PARENTS and isinstance(entry.value, (ObjectNode, ListNode)):
            blocks.extend(_blocks(source, name, entry, 1 if name in _LABELED_BLOCKS else 0))
        elif name != "//":  # Terraform's notation for a comment
            span = Span(*_span(entry.key)[:2], *_span(entry.value)[2:])
            if name in _EXPRESSIONS.get(kind, ()):
                build = partial(_build_unquoted, source, entry.value)
            else:
                build = partial(_build_expression, source, entry.value, name not in _LITERAL.get(kind, ()))
            attributes.append(Attribute(name, span, source, build))
    return Body(tuple(attributes), tuple(blocks))


def _build_unquoted(source: SourceText, node: Node) -> Expression:
    """Build a value whose strings are expressions: references and type constraints."""
    if isinstance(node, StringNode):
        text = node.literal or ""
        return _build_template(source, text if text.startswith("${") else f"${{{text}}}", _span(node))
    if isinstance(node, ListNode):
        return Tuple(tuple([_build_unquoted(source, item) for item in node.items]), _span(node))
    if isinstance(node, ObjectNode):
        entries = [
            (_build_expression(source, entry.key, False), _build_unquoted(source, entry.value))
            for entry in node.entries
        ]
        return Object(_span(node), lambda: entries)
    return _build_expression(source, node)


def _build_expression(source: SourceText, node: Node, templates: bool = True) -> Expression:
    span = _span(node)
    if isinstance(node, Const):
        return Literal(node.value, span)
    if isinstance(node, ListNode):
        return Tuple(tuple([_build_expression(source, item, templates) for item in node.items]), span)
    if isinstance(node, ObjectNode):
        items = [
            (_build_expression(source, entry.key, templates), _build_expression(source, entry.value, templates))
            for entry in node.entries
        ]
        return Object(span, lambda: items)
    if isinstance(node, StringNode):
        text = node.literal or ""
        literal = TemplateExpression(_single_fragment(text, span), span)
        return _build_template(source, text, span) if templates else literal
    return Unparsed("unsupported value", span)


def _build_template(source: SourceText, text: str, span: Span) -> Expression:
    """Build a string as a template. JSON keeps it on one line, so every part gets the position of the string."""
    if "${" not in text and "%{" not in text:
        return TemplateExpression(_single_fragment(text, span), span)
    inner = SourceText(source.file, text.encode("utf-8", "replace"), span.line, span.column + 1)
    template = reader().read_template(inner)
    if not isinstance(template, TemplateExpression):
        return Unparsed(template.reason, span) if isinstance(template, Unparsed) else template
    if len(template.parts) == 1 and isinstance(template.parts[0], Interpolation):
        return template.parts[0].expression
    parts = tuple(
        Fragment(part.value, span.line, span.column, exact=False) if isinstance(part, Fragment) else part
        for part in template.parts
    )
    return TemplateExpression(parts, span)


def _single_fragment(text: str, span: Span) -> tuple[Fragment, ...]:
    return (Fragment(text, span.line, span.column, exact=False),) if text else ()


def _span(node: Node) -> Span:
    at = node.at
    return Span(at.line, at.column, at.end_line, at.end_column)
