"""Read a statement in a Terraform file: an object, a block, or JSON in a heredoc.

Sources: HCL Native Syntax Specification; provider ``hashicorp/aws``, data source ``aws_iam_policy_document``.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import lru_cache

from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.sources.terraform.reading.readers import reader
from passrole_checks.sources.terraform.reading.source import NotText, SourceText
from passrole_checks.sources.terraform.reading.syntax import (
    Block,
    Body,
    Call,
    Conditional,
    Expression,
    For,
    ForDirective,
    Fragment,
    GetAttribute,
    IfDirective,
    Index,
    Literal,
    Name,
    Object,
    Span,
    Splat,
    TemplateExpression,
    TemplatePart,
    Tuple,
)
from passrole_checks.sources.terraform.resources.blocks import iterator_name
from passrole_checks.suggest.edits.syntax_tree import Field, NotEditableError, SyntaxForm, WrittenNode

_TRANSPARENT = frozenset({
    "jsonencode", "yamlencode", "concat", "flatten", "compact", "coalesce", "try", "tolist", "distinct",
})  # fmt: skip
_STRINGS = frozenset({
    "format", "join", "lower", "replace", "trimprefix", "trimspace", "trimsuffix", "upper",
})  # fmt: skip
_INDIRECT = frozenset({"var", "local", "each", "count", "module", "self", "path", "data"})


@dataclass(frozen=True)
class StatementNode:
    """The node at a position: a ``block`` or an ``expression``; ``constant``: True if references are not
    allowed there. ``iterators``: the variables of the ``dynamic`` blocks around it.
    """

    block: Block | None = None
    expression: Expression | None = None
    constant: bool = False
    iterators: tuple[str, ...] = ()


class HclFile:
    """An HCL file with character offsets. Raises :class:`NotEditableError` if it is not text."""

    def __init__(self, file: str, text: str) -> None:
        self.text = text
        self.shift = 1 if text.startswith("\ufeff") else 0  # positions exclude a byte order mark
        try:
            self.source = SourceText.of(file, text.encode("utf-8", "surrogatepass"))
        except NotText as error:
            raise NotEditableError(f"the file cannot be read: {error.reason}") from None
        self.body = reader().read(self.source).body
        self._ascii = self.source.data.isascii()

    @classmethod
    @lru_cache(maxsize=32)  # a file of many statements is read for each of them
    def of(cls, file: str, text: str) -> HclFile:
        """Return a file, which is parsed once. Raises :class:`NotEditableError` if it is not text."""
        return cls(file, text)

    def offset(self, line: int, column: int) -> int:
        """Return the offset, in characters, of a position."""
        offset = self.source.offset(line, column)
        return (offset if self._ascii else len(self.source.data[:offset].decode("utf-8", "replace"))) + self.shift

    def bounds(self, span: Span) -> tuple[int, int]:
        """Return the offsets of a span, without trailing blanks that a reader includes."""
        start, end = self.offset(span.line, span.column), self.offset(span.end_line, span.end_column)
        return start, start + len(self.text[start:end].rstrip())

    def words(self, span: Span) -> str:
        """Return the text of a span."""
        start, end = self.bounds(span)
        return self.text[start:end]

    def find(self, line: int, column: int) -> StatementNode:
        """Return the statement that starts at a position. Raises :class:`NotEditableError` if none can be edited."""
        found = _in_body(self.body, (line, column), ())
        if found is not None:
            node = found.block or found.expression
            names = "|".join(map(re.escape, found.iterators))
            words = self.words(node.span) if node is not None and names else ""
            if re.search(rf"(?<![\w.-])(?:{names})\s*[.\[]", words):
                raise NotEditableError("a dynamic block generates it")
            return found
        value = self.attribute_value(line, column)
        for one in walk_expressions(value) if value is not None else ():
            if (one.span.line, one.span.column) == (line, column) and _root(one) is not None:
                words = self.words(one.span)
                raise NotEditableError(f"its text is not in this configuration: it is {words}")
        raise NotEditableError("its position in the file is unknown")

    # values

    def written(self, node: Expression) -> WrittenNode:
        """Return the syntax tree of an expression."""
        start, end = self.bounds(node.span)
        if isinstance(node, Object):
            fields = tuple(
                Field(self.key(key), *self.bounds(key.span), self.written(value)) for key, value in node.items
            )
            return WrittenNode(SyntaxForm.MAPPING, start, end, fields)
        if isinstance(node, Tuple):
            return WrittenNode(SyntaxForm.LIST, start, end, items=tuple(self.written(item) for item in node.items))
        if isinstance(node, TemplateExpression):
            if node.heredoc:
                return WrittenNode(SyntaxForm.OTHER, start, end, why="it is a heredoc")
            return WrittenNode(SyntaxForm.TEXT, start, end, text=_literal(node))
        if isinstance(node, Literal):
            return WrittenNode(SyntaxForm.TEXT, start, end, text="" if node.value is None else None)
        if isinstance(node, Call) and node.name in _STRINGS:
            return WrittenNode(SyntaxForm.TEXT, start, end)  # a string computed in place
        words = " ".join(self.text[start:end].split())
        words = words if len(words) <= 60 else words[:59] + "…"
        root = _root(node)
        if root is not None and root not in _INDIRECT:
            return WrittenNode(SyntaxForm.TEXT, start, end)  # an attribute of a resource
        if root is not None:
            line = self._line_of(node)
            return WrittenNode(SyntaxForm.TEXT, start, end, why=f"it is {words}, defined {line or 'elsewhere'}")
        return WrittenNode(SyntaxForm.OTHER, start, end, why=f"it is computed by {words}")

    def _line_of(self, node: Expression) -> str:
        """Return the line of the variable or local that a reference starts with, as a phrase, if it is in this file;
        else "".
        """
        while isinstance(node, (GetAttribute, Index)):
            if isinstance(node, GetAttribute) and isinstance(node.target, Name):
                kind, name = node.target.name, node.name
                blocks = self.body.all("variable") if kind == "var" else ()
                lines = [one.span.line for one in blocks if one.labels == (name,)]
                for block in self.body.all("locals") if kind == "local" else ():
                    lines += [one.span.line for one in block.body.attributes if one.name == name]
                return f"in line {lines[0]}" if lines else ""
            node = node.target
        return ""

    @staticmethod
    def key(key: Expression) -> str | None:
        """Return the name of an entry of an object; None if it is computed."""
        name = key.value if isinstance(key, Literal) else _literal(key) if isinstance(key, TemplateExpression) else None
        return name if isinstance(name, str) else None

    def attribute_value(self, line: int, column: int) -> Expression | None:
        """Return the value of the attribute around a position."""
        body = self.body
        while (block := _block_around(body, (line, column))) is not None:
            body = block.body
        return next((one.value for one in body.attributes if _contains(one.span, (line, column))), None)

    def variable_type(self, line: int, column: int) -> tuple[str, str]:
        """Return the name and the type, as written, of the variable around a position; "" for none."""
        for block in self.body.all("variable"):
            type_ = block.body.get("type") if _contains(block.span, (line, column)) else None
            if type_ is not None:
                return "".join(block.labels[:1]), self.words(type_.value.span)
        return "", ""

    def block(self, block: Block) -> WrittenNode:
        """Return a block as a mapping of its attributes."""
        fields = []
        for one in block.body.attributes:
            begin = self.offset(one.span.line, one.span.column)
            fields.append(Field(one.name, begin, begin + len(one.name), self.written(one.value)))
        return WrittenNode(SyntaxForm.MAPPING, *self.bounds(block.span), tuple(fields))

    def labels(self, kind: str, type_: str) -> list[str]:
        """Return the names of the blocks ``kind "type" "name"`` of the file."""
        return [one.labels[1] for one in self.body.all(kind) if len(one.labels) == 2 and one.labels[0] == type_]


def is_in_a_loop(parts: Iterable[TemplatePart], position: tuple[int, int]) -> bool:
    """True if a position in a template is inside a ``%{ for }``."""
    for part in parts:
        if isinstance(part, ForDirective) and _contains(part.span, position):
            return True
        if isinstance(part, IfDirective) and is_in_a_loop((*part.then, *part.otherwise), position):
            return True
    return False


def _literal(node: TemplateExpression) -> str | None:
    if not node.parts:
        return ""
    only = node.parts[0]
    return only.value if len(node.parts) == 1 and isinstance(only, Fragment) else None


def _root(node: Expression) -> str | None:
    """Return the first name of a reference; None for other expressions."""
    while isinstance(node, (GetAttribute, Index)):
        node = node.target
    return node.name if isinstance(node, Name) else None


def _contains(span: Span, position: tuple[int, int]) -> bool:
    return (span.line, span.column) <= position < (span.end_line, span.end_column)


def _block_around(body: Body, position: tuple[int, int]) -> Block | None:
    """Return the block of a body, in the order of the file, that a position is in."""
    behind = bisect_right(body.blocks, position, key=lambda block: (block.span.line, block.span.column))
    block = body.blocks[behind - 1] if behind else None
    return block if block is not None and _contains(block.span, position) else None


def _in_body(body: Body, position: tuple[int, int], path: tuple[Block, ...]) -> StatementNode | None:
    block = _block_around(body, position)
    if block is not None:
        if (block.span.line, block.span.column) == position:
            return StatementNode(block=block, iterators=_iterators(path))
        return _in_body(block.body, position, (*path, block))
    for attribute in body.attributes:
        if _contains(attribute.span, position):
            constant = not path or path[0].type == "variable"
            found = _in_expression(attribute.value, position, constant)
            return replace(found, iterators=_iterators(path)) if found is not None else None
    return None


def _iterators(path: Iterable[Block]) -> tuple[str, ...]:
    """Return the variables of the ``dynamic`` blocks among some blocks."""
    return tuple(iterator_name(one) for one in path if one.type == "dynamic" and one.labels)


def _in_expression(node: Expression, position: tuple[int, int], constant: bool) -> StatementNode | None:
    while True:
        if isinstance(node, TemplateExpression) and _contains(node.span, position):
            return StatementNode(expression=node, constant=constant)
        if (node.span.line, node.span.column) == position and isinstance(node, Object):
            return StatementNode(expression=node, constant=constant)
        inner = next((one for one in _subexpressions(node) if _contains(one.span, position)), None)
        if isinstance(node, Call) and (node.span.line, node.span.column) == position:
            raise NotEditableError(f"{node.name}() computes it")
        if inner is None:
            return None
        if isinstance(node, For):
            raise NotEditableError("a loop generates it")
        if isinstance(node, Call) and node.name not in _TRANSPARENT:
            raise NotEditableError(f"{node.name}() computes it")
        node = inner


def walk_expressions(node: Expression) -> Iterator[Expression]:
    """Yield an expression and all expressions in it."""
    pending = [node]
    while pending:
        current = pending.pop()
        yield current
        pending += _subexpressions(current)


def _subexpressions(node: Expression) -> Iterator[Expression]:
    if isinstance(node, Tuple):
        yield from node.items
    elif isinstance(node, Object):
        for key, value in node.items:
            yield from (key, value)
    elif isinstance(node, Call):
        yield from node.arguments
    elif isinstance(node, Conditional):
        yield from (node.condition, node.then, node.otherwise)
    elif isinstance(node, (GetAttribute, Index, Splat)):
        yield node.target
    elif isinstance(node, For):
        yield from (one for one in (node.collection, node.result_key, node.result, node.condition) if one is not None)
