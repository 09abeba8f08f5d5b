"""Convert the trees of python-hcl2 to the syntax tree: bodies, expressions and templates."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.sources.terraform.reading.heredoc import TemplateSequence, scan_sequences
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
    Tuple,
    Unary,
    Unparsed,
    nested_too_deeply,
    parse_number,
)
from passrole_checks.sources.terraform.reading.template import Raw, TemplateMarker, add_literals, build_template

_HEREDOC = lazy_regex(r"<<(-?)([A-Za-z][\w.-]*)\r?\n")
_WORDS = frozenset({"identifier", "keyword", "literal_value"})
_STEPS = frozenset({"index_expr_term", "get_attr_expr_term", "attr_splat_expr_term", "full_splat_expr_term"})
_MARKERS = {
    "interpolation": "", "template_if_start": "if", "template_else": "else", "template_endif": "endif",
    "template_for_start": "for", "template_endfor": "endfor",
}  # fmt: skip

ParseTree = Callable[[str], Any]  # raises several types of errors of lark


class TextOffsets:
    """Text of a file, with conversion of character offsets to lines and columns."""

    def __init__(self, source: SourceText) -> None:
        self.source, self.text = source, source.data.decode("utf-8")
        self.ascii = source.data.isascii()

    def at(self, offset: int) -> tuple[int, int]:
        return self.source.line_column(offset if self.ascii else len(self.text[:offset].encode("utf-8")))

    def characters(self, offset: int) -> int:
        """Convert a byte offset to a character offset."""
        return offset if self.ascii else len(self.source.text(0, offset))


class LarkTreeBuilder:
    """Builder of syntax nodes from lark's nodes. ``base``: offset of the parsed text in the file."""

    def __init__(self, parse: ParseTree, offsets: TextOffsets, base: int) -> None:
        self.parse, self.offsets, self.base = parse, offsets, base

    def bounds(self, node: Any) -> tuple[int, int]:
        """Return the offsets of a node, without trailing line breaks and comments, which lark includes."""
        start = int(node.start_pos if hasattr(node, "start_pos") else node.meta.start_pos)
        last = node
        while not hasattr(last, "end_pos"):
            inner = [child for child in last.children if _kind(child) != "new_line_or_comment"]
            if not inner:
                break
            last = inner[-1]
        end = int(last.end_pos if hasattr(last, "end_pos") else last.meta.end_pos)
        text = self.offsets.text[start + self.base : end + self.base]
        return start + self.base, start + self.base + len(text.rstrip())

    def span(self, node: Any) -> Span:
        start, end = self.bounds(node)
        return Span(*self.offsets.at(start), *self.offsets.at(end))

    def text(self, node: Any) -> str:
        start, end = self.bounds(node)
        return self.offsets.text[start:end]

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
            self.text(node.children[0]), self.span(node), self.offsets.source, lambda: self.expression(value, 0)
        )

    def block(self, node: Any) -> Block:
        names: list[str] = []
        body: Any = None
        for child in node.children:
            kind = _kind(child)
            if kind in _WORDS:
                names.append(self.text(child))
            elif kind == "string":
                names.append(self.text(child)[1:-1])
            elif kind == "body":
                body = child
        build = Body if body is None else lambda: self.body(body)
        return Block(names[0], tuple(names[1:]), self.span(node), self.offsets.source, build)

    # expressions

    def expression(self, node: Any, depth: int) -> Expression:
        while _kind(node) == "expr_term":
            inner = [child for child in node.children if _kind(child) not in ("new_line_or_comment", "LPAR", "RPAR")]
            if len(inner) != 1:
                break
            node = inner[0]
        if depth > MAX_DEPTH:
            return nested_too_deeply(self.span(node))
        kind = _kind(node)
        if kind in _STEPS:
            return self.steps(node, depth + 1)
        build = getattr(self, f"on_{kind}", None)
        if build is None:
            return Unparsed("unsupported expression", self.span(node))
        expression: Expression = build(node, depth + 1)
        return expression

    def on_identifier(self, node: Any, depth: int) -> Expression:
        return Name(self.text(node), self.span(node))

    def on_literal_value(self, node: Any, depth: int) -> Expression:
        return Literal({"true": True, "false": False}.get(self.text(node)), self.span(node))

    def on_int_lit(self, node: Any, depth: int) -> Expression:
        text, span = self.text(node), self.span(node)
        if text.startswith("-"):  # ``-12`` is one token here, ``-1`` two
            inner = Span(span.line, span.column + 1, span.end_line, span.end_column)
            return Unary("-", Literal(parse_number(text[1:]), inner), span)
        return Literal(parse_number(text), span)

    on_float_lit = on_int_lit

    def on_unary_op(self, node: Any, depth: int) -> Expression:
        return Unary(str(node.children[0]), self.expression(node.children[-1], depth), self.span(node))

    def on_binary_op(self, node: Any, depth: int) -> Expression:
        left_node, term = node.children[0], node.children[1]
        operator = self.text(term.children[0])
        right_node = term.children[-1]
        left, right = self.expression(left_node, depth), self.expression(right_node, depth)
        start, end = self.bounds(left_node)[0], self.bounds(right_node)[1]
        return Binary(operator, left, right, Span(*self.offsets.at(start), *self.offsets.at(end)))

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
        return Object(self.span(node), lambda: items)

    def key(self, node: Any, depth: int) -> Expression:
        inner = node.children[0]
        if _kind(inner) == "keyword" or (
            _kind(inner) == "expr_term"
            and len(inner.children) == 1
            and _kind(inner.children[0]) in ("identifier", "literal_value", "int_lit", "float_lit", "keyword")
        ):
            return Literal(self.text(inner), self.span(inner))
        return self.expression(inner, depth)

    def on_function_call(self, node: Any, depth: int) -> Expression:
        name = "::".join(self.text(child) for child in node.children if _kind(child) == "identifier")
        arguments: list[Expression] = []
        expand = False
        for child in node.children:
            if _kind(child) == "arguments":
                arguments.extend(self.expression(inner, depth) for inner in child.children if _is_value(inner))
                expand = any(_kind(inner) == "ELLIPSIS" for inner in child.children)
        return Call(name, tuple(arguments), expand, self.span(node))

    def on_for_tuple_expr(self, node: Any, depth: int) -> Expression:
        intro = next(child for child in node.children if _kind(child) == "for_intro")
        names = [self.text(child) for child in intro.children if _kind(child) == "identifier"]
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
        """Build a value followed by attributes, indexes and splats, which lark nests from the right."""
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
        span = Span(value.span.line, value.span.column, *self.offsets.at(self.bounds(node)[1]))
        if kind == "get_attr":
            return GetAttribute(value, self.text(node.children[-1]), span)
        if kind in ("braces_index", "short_index"):
            return Index(value, self.index(node, depth), span)
        full = kind == "full_splat"
        each: list[str | Expression] = []
        rest = list(node.children[1:])
        last = node.children[0]
        while rest and (full or _kind(rest[0]) == "get_attr"):
            last = rest.pop(0)
            each.append(self.text(last.children[-1]) if _kind(last) == "get_attr" else self.index(last, depth))
        end = self.offsets.at(self.bounds(last)[1])
        result: Expression = Splat(value, tuple(each), full, Span(span.line, span.column, *end))
        for step in rest:  # after ``.*``, only attributes apply to each element
            result = self.step(result, step, depth)
        return result

    def index(self, node: Any, depth: int) -> Expression:
        if _kind(node) == "short_index":
            return Literal(parse_number(self.text(node.children[-1])), self.span(node))
        return self.expression(next(child for child in node.children if _is_value(child)), depth)

    # templates

    def on_string(self, node: Any, depth: int) -> Expression:
        start, end = self.bounds(node)
        pieces = add_literals(self.markers(node, depth), start + 1, end - 1, self.raw)
        return build_template(pieces, self.span(node), heredoc=False)

    def markers(self, node: Any, depth: int) -> Iterator[tuple[int, int, TemplateMarker]]:
        for part in node.children:
            inner = part.children[0] if _kind(part) == "string_part" else part
            word = _MARKERS.get(_kind(inner))
            if word is not None:
                yield (*self.bounds(inner), self.marker(inner, word, depth))

    def marker(self, node: Any, word: str, depth: int) -> TemplateMarker:
        names = [self.text(child) for child in node.children if _kind(child) == "identifier"]
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
        return Raw(self.offsets.text[start:end], *self.offsets.at(start))

    def on_heredoc_template(self, node: Any, depth: int) -> Expression:
        start, end = self.bounds(node)
        text = self.offsets.text
        match = _HEREDOC.match(text, start)
        if match is None:
            return Unparsed("unsupported heredoc", self.span(node))
        last = max(text.rfind("\n", 0, end) + 1, match.end())
        return self.heredoc_parts(match.end(), last, self.span(node), flush=bool(match[1]), depth=depth)

    on_heredoc_template_trim = on_heredoc_template

    def heredoc_parts(self, start: int, end: int, span: Span, *, flush: bool, depth: int) -> Expression:
        """Build the content of a heredoc, which python-hcl2 returns as one token."""
        if depth > MAX_DEPTH:
            return nested_too_deeply(span)
        sequences = scan_sequences(self.offsets.text, start, end)
        markers = ((sequence.start, sequence.end, self.sequence_marker(sequence, depth)) for sequence in sequences)
        return build_template(add_literals(markers, start, end, self.raw), span, heredoc=True, flush=flush)

    def sequence_marker(self, sequence: TemplateSequence, depth: int) -> TemplateMarker:
        expression: Expression | None = None
        if sequence.expression_start < sequence.expression_end:
            expression = self.inner(sequence.expression_start, sequence.expression_end, depth)
        return TemplateMarker(
            sequence.word,
            Span(*self.offsets.at(sequence.start), *self.offsets.at(sequence.end)),
            expression,
            sequence.key,
            sequence.value,
            sequence.trim_left,
            sequence.trim_right,
        )

    def inner(self, start: int, end: int, depth: int) -> Expression:
        """Parse an expression inside a heredoc separately."""
        head = "x = ("
        try:
            tree = self.parse(f"{head}{self.offsets.text[start:end]})")
        except Exception:  # lark raises several error types, and its postlexer others
            return Unparsed("invalid HCL", Span(*self.offsets.at(start), *self.offsets.at(end)))
        builder = LarkTreeBuilder(self.parse, self.offsets, start - len(head))
        return builder.expression(tree.children[0].children[0].children[-1], depth + 1)


def _kind(node: Any) -> str:
    """Return the rule of a tree, or the terminal of a token."""
    return str(getattr(node, "type", None) or getattr(node, "data", ""))


def _is_value(node: Any) -> bool:
    return not hasattr(node, "type") and _kind(node) != "new_line_or_comment"
