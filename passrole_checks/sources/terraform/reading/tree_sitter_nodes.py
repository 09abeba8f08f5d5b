"""Convert the nodes of tree-sitter-hcl to the syntax tree: bodies, expressions and templates."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import tree_sitter

from passrole_checks.iam.lazy_regex import lazy_regex
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
    Fragment,
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
    nested_too_deeply,
    parse_number,
)
from passrole_checks.sources.terraform.reading.template import Piece, Raw, TemplateMarker, add_literals, build_template

_WRAPPERS = frozenset({
    "expression", "literal_value", "operation", "collection_value", "template_expr", "for_expr",
})  # fmt: skip
# text of most values: a string, a number, a keyword or a reference
_PLAIN = lazy_regex(rb'"([^"\\\n\r$%]*)"|(\d+)|(true|false|null)|([A-Za-z_][\w-]*(?:\.[A-Za-z_][\w-]*)*)')
_BARE_NAME = lazy_regex(rb"[A-Za-z_][\w-]*")
_KEYWORDS = {"true": True, "false": False, "null": None}
_DIRECTIVES = frozenset({"template_if", "template_for"})
_INTROS = {
    "template_if_intro": "if", "template_else_intro": "else", "template_if_end": "endif",
    "template_for_start": "for", "template_for_end": "endfor",
}  # fmt: skip


class TreeSitterBuilder:
    """Builder of syntax nodes from tree-sitter's nodes.

    ``base``: offset of the parsed slice in the file. ``content_end``: offset where the content of a heredoc ends.
    """

    def __init__(self, source: SourceText, base: int, content_end: int | None = None) -> None:
        self.source, self.base, self.content_end = source, base, content_end
        self.exact_positions = not base and source.plain

    def span(self, node: tree_sitter.Node) -> Span:
        if self.exact_positions:
            (line, column), (end_line, end_column) = node.start_point, node.end_point
            return Span(line + 1, column + 1, end_line + 1, end_column + 1)
        return Span(*self.source.span(node.start_byte + self.base, node.end_byte + self.base))

    def place(self, node: tree_sitter.Node) -> slice:
        return slice(node.start_byte + self.base, node.end_byte + self.base)

    def text(self, node: tree_sitter.Node) -> str:
        return self.source.text(node.start_byte + self.base, node.end_byte + self.base)

    def attribute(self, node: tree_sitter.Node) -> Attribute:
        children = node.children
        value: tree_sitter.Node | None = children[-1]
        if children[-1].type != "expression":
            value = next((child for child in reversed(children) if child.type == "expression"), None)
        span = self.span(node)

        def build() -> Expression:
            return self.expression(value, 0) if value is not None else Unparsed("no value", span)

        return Attribute(self.text(children[0]), span, self.source, build, self.place(node))

    def block(self, node: tree_sitter.Node) -> Block:
        type_, *rest = node.children
        labels: list[str] = []
        body: tree_sitter.Node | None = None
        for child in rest:
            kind = child.type
            if kind == "identifier":
                labels.append(self.text(child))
            elif kind == "string_lit":
                labels.append(self.text(child)[1:-1])
            elif kind == "body":
                body = child
        build, place = partial(self.body, body), self.place(node)
        return Block(self.text(type_), tuple(labels), self.span(node), self.source, build, place=place)

    def body(self, node: tree_sitter.Node | None) -> Body:
        attributes: list[Attribute] = []
        blocks: list[Block] = []
        for child in node.children if node is not None else ():
            kind = child.type
            if kind == "attribute":
                attributes.append(self.attribute(child))
            elif kind == "block":
                blocks.append(self.block(child))
        return Body(tuple(attributes), tuple(blocks))

    # expressions

    def expression(self, node: tree_sitter.Node, depth: int) -> Expression:
        """Build any node that is a value, inside wrapper nodes or not."""
        if self.exact_positions and depth <= MAX_DEPTH and (plain := self.plain(node)) is not None:
            return plain
        kind = node.type
        while kind in _WRAPPERS:
            only = node.child(0) if node.child_count == 1 else None
            if only is None or only.type == "comment":
                children = _without_comments(node)
                if len(children) != 1:
                    return self.steps(children, depth)
                only = children[0]
            node = only
            kind = node.type
        if depth > MAX_DEPTH:
            return nested_too_deeply(self.span(node))
        return self.unwrapped(node, kind, depth + 1)

    def plain(self, node: tree_sitter.Node) -> Expression | None:
        """Build a plain value from its text, without looking at the nodes below; None for any other."""
        start, end = node.start_byte, node.end_byte
        match = _PLAIN.fullmatch(self.source.data, start, end)
        if match is None:
            return None
        row, column = node.start_point
        line, column = row + 1, column + 1
        span, kind = Span(line, column, line, column + end - start), match.lastindex
        text = match[kind or 0].decode()
        if kind == 1:
            return TemplateExpression((Fragment(text, line, column + 1),) if text else (), span)
        if kind == 2:
            return Literal(parse_number(text), span)
        if kind == 3:
            return Literal(_KEYWORDS[text], span)
        first, *names = text.split(".")
        if first in _KEYWORDS or len(names) > MAX_DEPTH:
            return None
        after = column + len(first)
        value: Expression = Name(first, Span(line, column, line, after))
        for name in names:
            after += 1 + len(name)
            value = GetAttribute(value, name, Span(line, column, line, after))
        return value

    def unwrapped(self, node: tree_sitter.Node, kind: str, depth: int) -> Expression:
        if kind == "variable_expr":
            return Name(self.text(node), self.span(node))
        if kind in ("string_lit", "quoted_template"):
            return self.template(node, depth)
        if kind == "numeric_lit":
            return Literal(parse_number(self.text(node)), self.span(node))
        if kind == "bool_lit":
            return Literal(self.text(node) == "true", self.span(node))
        if kind == "null_lit":
            return Literal(None, self.span(node))
        children = _without_comments(node)
        if kind == "heredoc_template":
            return self.heredoc(node, children, depth)
        if kind == "object":
            return Object(self.span(node), partial(self.items, children, depth))
        if kind == "tuple":
            items = tuple(self.expression(child, depth) for child in children if child.type == "expression")
            return Tuple(items, self.span(node))
        if kind == "function_call":
            return self.call(node, children, depth)
        if kind == "conditional":
            return self.conditional(node, depth)
        if kind == "unary_operation" and len(children) >= 2:
            return Unary(self.text(children[0]), self.steps(children[1:], depth), self.span(node))
        if kind == "binary_operation":
            return self.binary(node, children, depth)
        if kind in ("for_tuple_expr", "for_object_expr"):
            return self.for_(node, children, depth)
        return Unparsed("unsupported expression", self.span(node))

    def conditional(self, node: tree_sitter.Node, depth: int) -> Expression:
        """Build ``a ? b : c ? d : e``, which tree-sitter-hcl groups from the left, and HCL from the right."""
        end = self.source.line_column(node.end_byte + self.base)
        pairs: list[tuple[tree_sitter.Node, tree_sitter.Node]] = []
        condition: tree_sitter.Node | None = node
        first = node
        while condition is not None:
            parts = [child for child in condition.children if child.type not in ("?", ":", "comment")]
            if len(parts) != 3:
                return Unparsed("unsupported condition", self.span(node))
            pairs.append((parts[1], parts[2]))
            first, condition = parts[0], _bare_conditional(parts[0])
        pairs.reverse()
        conditions = [first, *(otherwise for _, otherwise in pairs[:-1])]
        if len(pairs) > MAX_DEPTH:
            return nested_too_deeply(self.span(node))
        value = self.expression(pairs[-1][1], depth)
        for test, (then, _) in zip(reversed(conditions), reversed(pairs), strict=True):
            span = Span(*self.source.line_column(test.start_byte + self.base), *end)
            value = Conditional(self.expression(test, depth), self.expression(then, depth), value, span)
        return value

    def steps(self, children: list[tree_sitter.Node], depth: int) -> Expression:
        """Build a value, perhaps in parentheses, followed by attributes, indexes and splats."""
        if not children:
            return Unparsed("no value", Span(1, 1, 1, 1))
        if depth > MAX_DEPTH:
            return nested_too_deeply(self.span(children[0]))
        if children[0].type == "(":
            close = next((number for number, child in enumerate(children) if child.type == ")"), len(children))
            inner = children[1:close]
            value = self.steps(inner, depth + 1) if inner else Unparsed("empty parentheses", self.span(children[0]))
            rest = children[close + 1 :]
        else:
            value = self.expression(children[0], depth)
            rest = children[1:]
        for number, child in enumerate(rest):
            if number > MAX_DEPTH:
                return Unparsed("too many steps", value.span)
            value = self.step(value, child, depth)
        return value

    def step(self, value: Expression, child: tree_sitter.Node, depth: int) -> Expression:
        end = self.source.line_column(child.end_byte + self.base)
        span = Span(value.span.line, value.span.column, *end)
        if child.type == "get_attr":
            return GetAttribute(value, self.text(child.children[-1]), span)
        if child.type == "index":
            return Index(value, self.index(child, depth), span)
        if child.type != "splat":
            return Unparsed("unsupported expression", span)
        inner = child.children[0]
        full = inner.type == "full_splat"
        each: list[str | Expression] = []
        after: list[tree_sitter.Node] = []
        for step in inner.children[1:]:
            if after or (not full and step.type != "get_attr"):
                after.append(step)  # after ``.*``, attributes apply to each element, an index to the result
            elif step.type == "get_attr":
                each.append(self.text(step.children[-1]))
            elif step.type == "index":
                each.append(self.index(step, depth))
            else:
                after.append(step)
        last = inner.children[len(inner.children) - len(after) - 1]
        result: Expression = Splat(
            value, tuple(each), full, Span(span.line, span.column, *self.source.line_column(last.end_byte + self.base))
        )
        for step in after:
            result = self.step(result, step, depth)
        return result

    def index(self, node: tree_sitter.Node, depth: int) -> Expression:
        inner = node.children[0]
        for child in inner.children:
            if child.type == "expression":
                return self.expression(child, depth)
        return Literal(parse_number(self.text(inner).lstrip(".")), self.span(inner))

    def items(self, children: list[tree_sitter.Node], depth: int) -> Iterator[tuple[Expression, Expression]]:
        for child in children:
            if child.type == "object_elem":
                key, value = child.child_by_field_name("key"), child.child_by_field_name("val")
                if key is not None and value is not None:
                    yield self.key(key, depth), self.expression(value, depth)

    def key(self, node: tree_sitter.Node, depth: int) -> Expression:
        """Build an object key: a bare name is a literal, any other expression is evaluated."""
        if _BARE_NAME.fullmatch(self.source.data, node.start_byte + self.base, node.end_byte + self.base):
            return Literal(self.text(node), self.span(node))
        parts = _without_comments(node)
        kind = parts[0].type if len(parts) == 1 else ""
        if kind == "variable_expr" or (kind == "literal_value" and parts[0].children[0].type != "string_lit"):
            return Literal(self.text(node), self.span(node))
        return self.expression(node, depth)

    def call(self, node: tree_sitter.Node, children: list[tree_sitter.Node], depth: int) -> Expression:
        arguments: list[Expression] = []
        expand = False
        for child in children:
            if child.type == "function_arguments":
                for argument in child.children:
                    if argument.type == "expression":
                        arguments.append(self.expression(argument, depth))
                    elif argument.type == "ellipsis":
                        expand = True
        return Call("".join(self.text(children[0]).split()), tuple(arguments), expand, self.span(node))

    def binary(self, node: tree_sitter.Node, children: list[tree_sitter.Node], depth: int) -> Expression:
        index = next((n for n, child in enumerate(children) if not child.is_named and child.type not in "()"), None)
        if index is None:
            return Unparsed("unsupported operation", self.span(node))
        left, right = self.steps(children[:index], depth), self.steps(children[index + 1 :], depth)
        return Binary(children[index].type, left, right, self.span(node))

    def for_(self, node: tree_sitter.Node, children: list[tree_sitter.Node], depth: int) -> Expression:
        names: list[str] = []
        collection: Expression | None = None
        condition: Expression | None = None
        results: list[Expression] = []
        grouping = False
        for child in children:
            if child.type == "for_intro":
                for part in child.children:
                    if part.type == "identifier":
                        names.append(self.text(part))
                    elif part.type == "expression":
                        collection = self.expression(part, depth)
            elif child.type == "for_cond":
                condition = next((self.expression(p, depth) for p in child.children if p.type == "expression"), None)
            elif child.type == "expression":
                results.append(self.expression(child, depth))
            elif child.type == "ellipsis":
                grouping = True
        objects = node.type == "for_object_expr"
        if collection is None or not names or len(results) != (2 if objects else 1):
            return Unparsed("unsupported 'for' expression", self.span(node))
        return For(
            names[0] if len(names) > 1 else None,
            names[-1],
            collection,
            results[0] if objects else None,
            results[-1],
            condition,
            grouping,
            self.span(node),
        )

    # templates

    def template(self, node: tree_sitter.Node, depth: int) -> Expression:
        start, end = node.start_byte + 1, node.end_byte - 1
        children = _without_comments(node) if node.child_count > 3 or node.type != "string_lit" else []
        return build_template(self.pieces(children, start, end, depth), self.span(node), heredoc=False)

    def heredoc(self, node: tree_sitter.Node, children: list[tree_sitter.Node], depth: int) -> Expression:
        marks = [child for child in children if child.type == "heredoc_identifier"]
        if len(marks) < 2:
            return Unparsed("unclosed heredoc", self.span(node))
        data, after = self.source.data, marks[0].end_byte + self.base
        start = (data.find(b"\n", after) + 1 or len(data)) - self.base
        end = data.rfind(b"\n", 0, marks[-1].start_byte + self.base) + 1 - self.base
        if self.content_end is not None:
            end = self.content_end
        flush = self.text(children[0]).endswith("-")
        pieces = self.pieces(children, start, max(end, start), depth)
        return build_template(pieces, self.span(node), heredoc=True, flush=flush)

    def pieces(self, children: list[tree_sitter.Node], start: int, end: int, depth: int) -> list[Piece]:
        nodes = [child for child in children if child.type in ("template_interpolation", "template_directive")]
        markers = ((child.start_byte, child.end_byte, self.marker(child, depth)) for child in self.flatten(nodes))
        return add_literals(markers, start, end, self.raw)

    def raw(self, start: int, end: int) -> Raw:
        return Raw(self.source.text(start + self.base, end + self.base), *self.source.line_column(start + self.base))

    def flatten(self, nodes: list[tree_sitter.Node]) -> list[tree_sitter.Node]:
        """Return interpolations and the parts of directives (``if``, ``else``, ``endif``, …), in order, not nested."""
        flat: list[tree_sitter.Node] = []
        pending = list(reversed(nodes))
        while pending:
            node = pending.pop()
            if node.type == "template_interpolation" or node.type in _INTROS:
                flat.append(node)
            elif node.type in _DIRECTIVES or node.type == "template_directive":
                pending.extend(reversed(node.children))
        return flat

    def marker(self, node: tree_sitter.Node, depth: int) -> TemplateMarker:
        names: list[str] = []
        expression: Expression | None = None
        children = node.children
        for child in children:
            if child.type == "identifier":
                names.append(self.text(child))
            elif child.type == "expression":
                expression = self.expression(child, depth)
        return TemplateMarker(
            _INTROS.get(node.type, ""),
            self.span(node),
            expression,
            names[0] if len(names) > 1 else None,
            names[-1] if names else "",
            trim_left=len(children) > 1 and children[1].type == "strip_marker",
            trim_right=len(children) > 2 and children[-2].type == "strip_marker",
        )


def _without_comments(node: tree_sitter.Node) -> list[tree_sitter.Node]:
    return [child for child in node.children if child.type != "comment"]


def _bare_conditional(node: tree_sitter.Node) -> tree_sitter.Node | None:
    """Return the conditional inside wrapper nodes, or None; one in parentheses is none."""
    while node.type == "expression" and len(node.children) == 1:
        node = node.children[0]
    return node if node.type == "conditional" else None
