"""From python-hcl2's trees to our nodes: bodies, expressions and templates."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from passrole_checks.sources.terraform.reading.heredoc import scan_sequences
from passrole_checks.sources.terraform.reading.source import SourceText
from passrole_checks.sources.terraform.reading.syntax import (
    MAX_DEPTH,
    Attribute,
    Binary,
    Block,
    Body,
    Call,
    Conditional,
    Expression,
    For,
    GetAttribute,
    Index,
    Literal,
    Name,
    Object,
    Span,
    Splat,
    TemplateExpression,
    Tuple,
    Unary,
    Unparsed,
)
from passrole_checks.sources.terraform.reading.template import BadTemplate, Piece, Raw, TemplateMarker, build_parts

_HEREDOC = re.compile(r"<<(-?)([A-Za-z][\w.-]*)\r?\n")
_WORDS = frozenset({"identifier", "keyword", "literal_value"})
_STEPS = frozenset({"index_expr_term", "get_attr_expr_term", "attr_splat_expr_term", "full_splat_expr_term"})
_MARKERS = {
    "interpolation": "", "template_if_start": "if", "template_else": "else", "template_endif": "endif",
    "template_for_start": "for", "template_endfor": "endfor",
}  # fmt: skip

ParseTree = Callable[[str], Any]  # raises one of lark's many errors


class TextOffsets:
    """The text of a file, and the lines and columns of its characters."""

    def __init__(self, source: SourceText) -> None:
        self.source, self.text = source, source.data.decode("utf-8")
        self.ascii = source.data.isascii()

    def at(self, offset: int) -> tuple[int, int]:
        return self.source.line_column(offset if self.ascii else len(self.text[:offset].encode("utf-8")))

    def characters(self, offset: int) -> int:
        """The offset in characters of an offset in bytes."""
        return offset if self.ascii else len(self.source.text(0, offset))


class LarkTreeBuilder:
    """Builds our nodes from lark's; ``base`` is added to the offsets of the tree."""

    def __init__(self, parse: ParseTree, places: TextOffsets, base: int) -> None:
        self.parse, self.places, self.base = parse, places, base

    def bounds(self, node: Any) -> tuple[int, int]:
        """Offsets of a node, without the line breaks and comments that lark counts in at its end."""
        start = int(node.start_pos if hasattr(node, "start_pos") else node.meta.start_pos)
        last = node
        while not hasattr(last, "end_pos"):
            inner = [child for child in last.children if _kind(child) != "new_line_or_comment"]
            if not inner:
                break
            last = inner[-1]
        end = int(last.end_pos if hasattr(last, "end_pos") else last.meta.end_pos)
        text = self.places.text[start + self.base : end + self.base]
        return start + self.base, start + self.base + len(text.rstrip())

    def span(self, node: Any) -> Span:
        start, end = self.bounds(node)
        return Span(*self.places.at(start), *self.places.at(end))

    def words(self, node: Any) -> str:
        start, end = self.bounds(node)
        return self.places.text[start:end]

    def body(self, node: Any) -> Body:
        attributes: list[Attribute] = []
        blocks: list[Block] = []
        for child in node.children:
            kind = _kind(child)
            if kind == "attribute":
                attributes.append(self.attribute(child))
            elif kind == "block":
                blocks.append(self.block(child))
        return Body(tuple(attributes), tuple(blocks))

    def attribute(self, node: Any) -> Attribute:
        value = node.children[-1]
        return Attribute(
            self.words(node.children[0]), self.span(node), self.places.source, lambda: self.expression(value, 0)
        )

    def block(self, node: Any) -> Block:
        names: list[str] = []
        body: Any = None
        for child in node.children:
            kind = _kind(child)
            if kind in _WORDS:
                names.append(self.words(child))
            elif kind == "string":
                names.append(self.words(child)[1:-1])
            elif kind == "body":
                body = child
        build = Body if body is None else lambda: self.body(body)
        return Block(names[0], tuple(names[1:]), self.span(node), self.places.source, build)

    # expressions

    def expression(self, node: Any, depth: int) -> Expression:
        while _kind(node) == "expr_term":
            inner = [child for child in node.children if _kind(child) not in ("new_line_or_comment", "LPAR", "RPAR")]
            if len(inner) != 1:
                break
            node = inner[0]
        if depth > MAX_DEPTH:
            return Unparsed(f"nested more than {MAX_DEPTH} deep", self.span(node))
        kind = _kind(node)
        if kind in _STEPS:
            return self.steps(node, depth + 1)
        build = getattr(self, f"on_{kind}", None)
        if build is None:
            return Unparsed("an expression that is not understood", self.span(node))
        found: Expression = build(node, depth + 1)
        return found

    def on_identifier(self, node: Any, depth: int) -> Expression:
        return Name(self.words(node), self.span(node))

    def on_literal_value(self, node: Any, depth: int) -> Expression:
        return Literal({"true": True, "false": False}.get(self.words(node)), self.span(node))

    def on_int_lit(self, node: Any, depth: int) -> Expression:
        words, span = self.words(node), self.span(node)
        if words.startswith("-"):  # ``-12`` is one token here, ``-1`` two
            inner = Span(span.line, span.column + 1, span.end_line, span.end_column)
            return Unary("-", Literal(_number(words[1:]), inner), span)
        return Literal(_number(words), span)

    on_float_lit = on_int_lit

    def on_unary_op(self, node: Any, depth: int) -> Expression:
        return Unary(str(node.children[0]), self.expression(node.children[-1], depth), self.span(node))

    def on_binary_op(self, node: Any, depth: int) -> Expression:
        left_node, term = node.children[0], node.children[1]
        operator = self.words(term.children[0])
        right_node = term.children[-1]
        left, right = self.expression(left_node, depth), self.expression(right_node, depth)
        start, end = self.bounds(left_node)[0], self.bounds(right_node)[1]
        return Binary(operator, left, right, Span(*self.places.at(start), *self.places.at(end)))

    def on_conditional(self, node: Any, depth: int) -> Expression:
        parts = [child for child in node.children if _kind(child) not in ("QMARK", "COLON", "new_line_or_comment")]
        condition, then, otherwise = (self.expression(child, depth) for child in parts)
        return Conditional(condition, then, otherwise, self.span(node))

    def on_tuple(self, node: Any, depth: int) -> Expression:
        items = [self.expression(child, depth) for child in node.children if _is_value(child)]
        return Tuple(tuple(items), self.span(node))

    def on_object(self, node: Any, depth: int) -> Expression:
        items: list[tuple[Expression, Expression]] = []
        for child in node.children:
            if _kind(child) == "object_elem":
                items.append((self.key(child.children[0], depth), self.expression(child.children[-1], depth)))
        return Object(tuple(items), self.span(node))

    def key(self, node: Any, depth: int) -> Expression:
        inner = node.children[0]
        if _kind(inner) == "keyword" or (
            _kind(inner) == "expr_term"
            and len(inner.children) == 1
            and _kind(inner.children[0]) in ("identifier", "literal_value", "int_lit", "float_lit", "keyword")
        ):
            return Literal(self.words(inner), self.span(inner))
        return self.expression(inner, depth)

    def on_function_call(self, node: Any, depth: int) -> Expression:
        name = "::".join(self.words(child) for child in node.children if _kind(child) == "identifier")
        arguments: list[Expression] = []
        expand = False
        for child in node.children:
            if _kind(child) == "arguments":
                arguments.extend(self.expression(inner, depth) for inner in child.children if _is_value(inner))
                expand = any(_kind(inner) == "ELLIPSIS" for inner in child.children)
        return Call(name, tuple(arguments), expand, self.span(node))

    def on_for_tuple_expr(self, node: Any, depth: int) -> Expression:
        intro = next(child for child in node.children if _kind(child) == "for_intro")
        names = [self.words(child) for child in intro.children if _kind(child) == "identifier"]
        inside = [child for child in intro.children if _is_value(child) and _kind(child) != "identifier"]
        values = [child for child in node.children if _is_value(child)]
        results = [child for child in values if _kind(child) not in ("for_intro", "for_cond")]
        limit = next((child for child in node.children if _kind(child) == "for_cond"), None)
        objects = _kind(node) == "for_object_expr"
        return For(
            names[0] if len(names) > 1 else None,
            names[-1],
            self.expression(inside[0], depth),
            self.expression(results[0], depth) if objects else None,
            self.expression(results[-1], depth),
            self.expression(limit.children[-1], depth) if limit is not None else None,
            any(_kind(child) == "ELLIPSIS" for child in node.children),
            self.span(node),
        )

    on_for_object_expr = on_for_tuple_expr

    def steps(self, node: Any, depth: int) -> Expression:
        """A value followed by attributes, indexes and splats, which lark nests from the right."""
        chain: list[Any] = []
        while _kind(node) in _STEPS or (_kind(node) == "expr_term" and len(node.children) == 1):
            if _kind(node) in _STEPS:
                chain.append(node.children[1])
            node = node.children[0]
        value = self.expression(node, depth)
        for number, step in enumerate(reversed(chain)):
            if number > MAX_DEPTH:
                return Unparsed("too many steps", value.span)
            value = self.step(value, step, depth)
        return value

    def step(self, value: Expression, node: Any, depth: int) -> Expression:
        kind = _kind(node)
        span = Span(value.span.line, value.span.column, *self.places.at(self.bounds(node)[1]))
        if kind == "get_attr":
            return GetAttribute(value, self.words(node.children[-1]), span)
        if kind in ("braces_index", "short_index"):
            return Index(value, self.index(node, depth), span)
        full = kind == "full_splat"
        each: list[str | Expression] = []
        rest = list(node.children[1:])
        last = node.children[0]
        while rest and (full or _kind(rest[0]) == "get_attr"):
            last = rest.pop(0)
            each.append(self.words(last.children[-1]) if _kind(last) == "get_attr" else self.index(last, depth))
        end = self.places.at(self.bounds(last)[1])
        found: Expression = Splat(value, tuple(each), full, Span(span.line, span.column, *end))
        for step in rest:  # after ``.*`` only attributes belong to each element
            found = self.step(found, step, depth)
        return found

    def index(self, node: Any, depth: int) -> Expression:
        if _kind(node) == "short_index":
            return Literal(_number(self.words(node.children[-1])), self.span(node))
        return self.expression(next(child for child in node.children if _is_value(child)), depth)

    # templates

    def on_string(self, node: Any, depth: int) -> Expression:
        start, end = self.bounds(node)
        place = start + 1
        pieces: list[Piece] = []
        for part in node.children:
            inner = part.children[0] if _kind(part) == "string_part" else part
            word = _MARKERS.get(_kind(inner))
            if word is None:
                continue
            first, after = self.bounds(inner)
            if first > place:
                pieces.append(self.raw(place, first))
            pieces.append(self.marker(inner, word, depth))
            place = after
        if end - 1 > place:
            pieces.append(self.raw(place, end - 1))
        return self.template(pieces, self.span(node), heredoc=False, flush=False)

    def marker(self, node: Any, word: str, depth: int) -> TemplateMarker:
        names = [self.words(child) for child in node.children if _kind(child) == "identifier"]
        values = [child for child in node.children if _is_value(child) and _kind(child) != "identifier"]
        kinds = [_kind(child) for child in node.children]
        return TemplateMarker(
            word,
            self.span(node),
            self.expression(values[-1], depth) if values else None,
            names[0] if len(names) > 1 else None,
            names[-1] if names else "",
            trim_left=kinds[1:2] == ["STRIP_MARKER"],
            trim_right=len(kinds) > 2 and kinds[-2] == "STRIP_MARKER",
        )

    def raw(self, start: int, end: int) -> Raw:
        return Raw(self.places.text[start:end], *self.places.at(start))

    def template(self, pieces: list[Piece], span: Span, *, heredoc: bool, flush: bool) -> Expression:
        try:
            parts, indent = build_parts(pieces, heredoc=heredoc, flush=flush)
        except BadTemplate as error:
            return Unparsed(str(error), span)
        return TemplateExpression(parts, span, heredoc, indent)

    def on_heredoc_template(self, node: Any, depth: int) -> Expression:
        start, end = self.bounds(node)
        text = self.places.text
        match = _HEREDOC.match(text, start)
        if match is None:
            return Unparsed("a heredoc that is not understood", self.span(node))
        last = max(text.rfind("\n", 0, end) + 1, match.end())
        return self.heredoc_parts(match.end(), last, self.span(node), flush=bool(match[1]), depth=depth)

    on_heredoc_template_trim = on_heredoc_template

    def heredoc_parts(self, start: int, end: int, span: Span, *, flush: bool, depth: int) -> Expression:
        """The parts of a heredoc, which python-hcl2 hands out as one token."""
        if depth > MAX_DEPTH:
            return Unparsed(f"nested more than {MAX_DEPTH} deep", span)
        pieces: list[Piece] = []
        place = start
        for found in scan_sequences(self.places.text, start, end):
            if found.start > place:
                pieces.append(self.raw(place, found.start))
            expression: Expression | None = None
            if found.expression_start < found.expression_end:
                expression = self.inner(found.expression_start, found.expression_end, depth)
            pieces.append(
                TemplateMarker(
                    found.word,
                    Span(*self.places.at(found.start), *self.places.at(found.end)),
                    expression,
                    found.key,
                    found.value,
                    found.trim_left,
                    found.trim_right,
                )
            )
            place = found.end
        if end > place:
            pieces.append(self.raw(place, end))
        return self.template(pieces, span, heredoc=True, flush=flush)

    def inner(self, start: int, end: int, depth: int) -> Expression:
        """An expression inside a heredoc, parsed by itself."""
        head = "x = ("
        try:
            tree = self.parse(f"{head}{self.places.text[start:end]})")
        except Exception:  # lark has a family of errors, and the postlexer raises its own
            return Unparsed("not HCL", Span(*self.places.at(start), *self.places.at(end)))
        builder = LarkTreeBuilder(self.parse, self.places, start - len(head))
        return builder.expression(tree.children[0].children[0].children[-1], depth + 1)


def _kind(node: Any) -> str:
    """The rule of a tree, or the terminal of a token."""
    return str(getattr(node, "type", None) or getattr(node, "data", ""))


def _is_value(node: Any) -> bool:
    return not hasattr(node, "type") and _kind(node) != "new_line_or_comment"


def _number(words: str) -> int | float | None:
    try:
        return int(words)
    except ValueError:
        pass
    try:
        return float(words)
    except ValueError:
        return None
