"""Evaluate templates: strings with interpolations and directives, heredocs, template files.

Templates that produce JSON are parsed into a tree while the values of their parts are known. A loop over an unknown
collection yields its body once, between two markers; a JSON-encoded value is embedded as a value. If the text is JSON,
the elements between the markers become optional list elements, and an embedded value becomes part of the tree with its
own positions. Otherwise, markers become unresolved values, and embedded values text.
Source: Terraform language documentation, "Strings and Templates".
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import field, replace

from passrole_checks.iam.documents.json_document import MalformedDocument, parse_json
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.values.nodes import (
    Absent,
    Choice,
    Const,
    Failure,
    ListNode,
    Node,
    ObjectEntry,
    ObjectNode,
    Part,
    Position,
    StringNode,
    UnknownTail,
    Unresolved,
    join,
    unresolved,
)
from passrole_checks.iam.values.path_conditions import PathCondition, Predicate, negate
from passrole_checks.iam.values.variants import choose, defaults_of, guard, map_variants
from passrole_checks.sources.terraform.evaluation.loops import Iteration, iterations_of
from passrole_checks.sources.terraform.evaluation.scope import EvaluationScope, assumption_of, evaluate, evaluator_for
from passrole_checks.sources.terraform.evaluation.symbolic_values import (
    MAX_PARTS,
    Encoded,
    encode_json,
    is_too_long,
    known_bool,
    parts_of,
)
from passrole_checks.sources.terraform.reading import syntax

_LOOP_OVER_UNKNOWN = "a loop over an unknown collection"


@dataclass(frozen=True, slots=True)
class _LoopMarker(Unresolved):
    """Start (``opens``) or end of the body of a loop, which exists under ``when``, or is ``repeated``."""

    opens: bool = False
    repeated: bool = False
    when: PathCondition = ()


@dataclass(frozen=True, slots=True)
class _EmbeddedJson(Unresolved):
    """A JSON-encoded value inside a string."""

    node: Encoded | None = None


@evaluator_for(syntax.TemplateExpression)
def evaluate_template(template: syntax.TemplateExpression, scope: EvaluationScope) -> Node:
    """Evaluate a template. One that consists of a single interpolation is that value, of any type."""
    parts = template.parts
    at = scope.position(template.span)
    if len(parts) == 1 and not template.heredoc:
        only = parts[0]
        if isinstance(only, syntax.Interpolation):
            return evaluate(only.expression, scope)
        if isinstance(only, syntax.Fragment) and "{" not in only.value:
            return StringNode((only.value,), at)
    document = _may_be_json(template)
    layout = template.heredoc or document
    return _TemplateBuilder(scope, at, template.indent, document, template.span, layout).build(parts)


def _may_be_json(template: syntax.TemplateExpression) -> bool:
    """True if a template may be JSON, so that its structure matters."""
    for part in template.parts:
        if not isinstance(part, syntax.Fragment):
            return template.heredoc
        if part.value.strip():
            return part.value.lstrip()[0] in "{["
    return False


@dataclass
class _TemplateBuilder:
    """Builder of the string of a template: values of its parts in order, each with its start position.

    ``document``: the string may be JSON. ``span``: that of the whole template; None inside a directive.
    ``layout``: positions inside the string may matter.
    """

    scope: EvaluationScope
    at: Position
    indent: int
    document: bool
    span: syntax.Span | None = None
    layout: bool = False
    values: list[Node] = field(default_factory=list)
    starts: list[tuple[int, int]] = field(default_factory=list)
    exact: bool = True

    def build(self, parts: tuple[syntax.TemplatePart, ...]) -> Node:
        self.add(parts, self.scope)
        if len(self.values) > MAX_PARTS:
            return self.too_long()
        return map_variants(self.join, *self.values)

    def add(self, parts: tuple[syntax.TemplatePart, ...], scope: EvaluationScope) -> None:
        for part in parts:
            if len(self.values) > MAX_PARTS:
                return
            if isinstance(part, syntax.Fragment):
                self.exact = self.exact and part.exact
                self.append(StringNode((part.value,), self.at), part.line, part.column)
            elif isinstance(part, syntax.Interpolation):
                self.append(evaluate(part.expression, scope), part.span.line, part.span.column)
            elif isinstance(part, syntax.IfDirective):
                self.add_if(part, scope)
            else:
                self.add_for(part, scope)

    def append(self, value: Node, line: int, column: int) -> None:
        self.values.append(value)
        self.starts.append((line, column))

    def add_if(self, part: syntax.IfDirective, scope: EvaluationScope) -> None:
        condition = evaluate(part.condition, scope)
        decided = None if isinstance(condition, Choice) else known_bool(condition)
        if decided is not None:
            self.add(part.then if decided else part.otherwise, scope)
            return
        source_text = scope.unique_text(part.condition.span)

        def decide(value: Node) -> Node:
            known = known_bool(value)
            assumption = assumption_of(value, source_text, scope)
            known = known if known is not None else scope.decided(assumption)
            if known is not None:
                return self.build_branch(part.then if known else part.otherwise, scope)
            then = self.build_branch(part.then, scope.under(assumption))
            return choose(assumption, then, self.build_branch(part.otherwise, scope.under(negate(assumption))), self.at)

        self.append(map_variants(decide, condition), part.span.line, part.span.column)

    def build_branch(self, parts: tuple[syntax.TemplatePart, ...], scope: EvaluationScope) -> Node:
        return _TemplateBuilder(scope, self.at, self.indent, self.document).build(parts)

    def add_for(self, part: syntax.ForDirective, scope: EvaluationScope) -> None:
        collection = evaluate(part.collection, scope)
        iterations = None if isinstance(collection, Choice) else iterations_of(collection)
        line, column = part.span.line, part.span.column
        if iterations is None:
            self.append(self.unknown_loop(part, scope), line, column)
            return
        for index, iteration in enumerate(iterations):
            scope.budget.steps -= 1
            if len(self.values) > MAX_PARTS or scope.budget.steps < 0:
                source_text = scope.source_text(part.collection.span)
                self.append(unresolved(source_text, self.at, "too much to evaluate"), line, column)
                return
            inner = iteration.scope(part, scope)
            if not (iteration.repeated or iteration.when):
                self.add(part.body, inner)
            elif self.document:
                marker = self.marker(part, scope, iteration, index)
                self.append(StringNode((marker, " "), self.at), line, column)
                self.add(part.body, inner)
                self.append(StringNode((" ", replace(marker, opens=False)), self.at), line, column)
            elif iteration.repeated:
                self.append(self.unknown_loop(part, scope), line, column)
            else:
                self.append(guard(iteration.when, self.build_branch(part.body, inner)), line, column)

    def marker(
        self, part: syntax.ForDirective, scope: EvaluationScope, iteration: Iteration, index: int
    ) -> _LoopMarker:
        """Return the start marker of an iteration that may not take place, or takes place any number of times."""
        source_text = scope.source_text(part.collection.span)
        when = iteration.when
        if iteration.repeated and not when:
            only = iteration.value.only_unresolved if isinstance(iteration.value, StringNode) else None
            subject = only.expression if only is not None else source_text
            when = (scope.assume(subject, Predicate.NOT_EMPTY),)
        name = f"{source_text} [{index}]" if index else source_text
        return _LoopMarker(name, opens=True, repeated=iteration.repeated, when=when)

    def unknown_loop(self, part: syntax.ForDirective, scope: EvaluationScope) -> StringNode:
        return unresolved(scope.source_text(part.collection.span), self.at, _LOOP_OVER_UNKNOWN)

    def join(self, *values: Node) -> Node:
        parts: list[Part] = []
        starts: list[tuple[int, int]] = []
        for value, start in zip(values, self.starts, strict=True):
            for part in self.parts_of(value):
                pieces: list[Part] = [part]
                if isinstance(part, str) and self.layout and "\n" in part and value.at is not self.at:
                    pieces = list(part.splitlines(keepends=True))  # text from elsewhere keeps one position
                parts.extend(pieces)
                starts.extend([start] * len(pieces))
            if len(parts) > MAX_PARTS:
                break
        if is_too_long(parts):
            return self.too_long()
        text = self.make_string(parts, starts, defaults_of(values))
        if self.span is not None and _has_markers(text.parts):
            text = _parse_structure(text, self.scope.source_text(self.span))
        if type(text) is StringNode and any(map(_is_no_string, values)):
            return Failure(text.parts, text.at, text.starts, text.indent, text.defaults)
        return text

    def too_long(self) -> StringNode:
        at = self.at
        span = syntax.Span(at.line, at.column, at.end_line, at.end_column)
        return unresolved(self.scope.source_text(span), at, "too long")

    def parts_of(self, value: Node) -> tuple[Part, ...]:
        if isinstance(value, Absent):
            return ()
        if self.document and isinstance(value, Encoded) and value.value is not None:
            return (_EmbeddedJson(str(value), node=value),)
        return parts_of(value)

    def make_string(self, parts: list[Part], starts: list[tuple[int, int]], defaults: tuple[str, ...]) -> StringNode:
        if not (self.layout and self.exact) or not parts:
            return StringNode(join(parts), self.at, defaults=defaults)
        nonempty = [(part, start) for part, start in zip(parts, starts, strict=True) if part != ""]
        if not nonempty:
            return StringNode(("",), self.at, defaults=defaults)
        texts, positions = zip(*nonempty, strict=True)
        return StringNode(texts, self.at, positions, self.indent, defaults)


def _is_no_string(value: Node) -> bool:
    """True if Terraform refuses a value in a string: an error, null, a collection."""
    return isinstance(value, (Failure, ListNode, ObjectNode)) or (isinstance(value, Const) and value.value is None)


def file_text(text: str, file: str) -> StringNode:
    """Return the content of a file as a string with positions in that file."""
    lines = text.count("\n") + 1
    return StringNode((text,), Position(file, 1, 1, lines, len(text) - text.rfind("\n")), ((1, 1),))


class _Misplaced(Exception):
    """Raised for a marker or embedded value inside a JSON string or a key."""


def _has_markers(parts: tuple[Part, ...]) -> bool:
    """True if a string contains markers or embedded values, so that :func:`_parse_structure` applies."""
    return any(isinstance(part, (_LoopMarker, _EmbeddedJson)) for part in parts)


def _parse_structure(text: StringNode, source_text: str) -> StringNode:
    """Parse a string with markers: JSON becomes a tree, any other text an ordinary string."""
    with suppress(MalformedDocument, _Misplaced):
        resolver = _MarkerResolver()
        tree = resolver.resolve(parse_json(text))
        if resolver.resolved == sum(isinstance(part, (_LoopMarker, _EmbeddedJson)) for part in text.parts):
            return Encoded((Unresolved(source_text),), text.at, value=tree, defaults=text.defaults)
    return _flatten(text)


class _MarkerResolver:
    """Replace markers and embedded values in a parsed tree; counts them in ``resolved``."""

    def __init__(self) -> None:
        self.resolved = 0

    def resolve(self, node: Node) -> Node:
        if isinstance(node, StringNode):
            only = node.only_unresolved
            if isinstance(only, _EmbeddedJson) and only.node is not None and only.node.value is not None:
                self.resolved += 1
                return only.node.value
            if _has_markers(node.parts):
                raise _Misplaced
            return node
        if isinstance(node, ListNode):
            return ListNode(tuple(self.elements(node)), node.at)
        if isinstance(node, ObjectNode):
            if any(_has_markers(entry.key.parts) for entry in node.entries):
                raise _Misplaced
            entries = (ObjectEntry(entry.key, self.resolve(entry.value)) for entry in node.entries)
            return ObjectNode(tuple(entries), node.at)
        return node

    def elements(self, node: ListNode) -> list[Node]:
        elements: list[Node] = []
        loops: list[_LoopMarker] = []
        for item in node.items:
            marker = item.only_unresolved if isinstance(item, StringNode) else None
            if isinstance(marker, _LoopMarker):
                self.resolved += 1
                if marker.opens:
                    loops.append(marker)
                elif not loops or loops.pop().expression != marker.expression:
                    raise _Misplaced
                continue
            elements.append(_optional_element(self.resolve(item), loops))
        if loops:
            raise _Misplaced
        return elements


def _optional_element(node: Node, loops: list[_LoopMarker]) -> Node:
    """Return an element as it is inside the loops of some markers."""
    if any(marker.repeated for marker in loops) and isinstance(node, StringNode) and not isinstance(node, Encoded):
        return UnknownTail(node.parts, node.at, defaults=node.defaults)
    if isinstance(node, Const) and loops and node.value is None:
        return node
    for marker in reversed(loops):
        node = guard(marker.when, node)
    return node


def _flatten(text: StringNode) -> StringNode:
    """Return a string without markers: a loop becomes one unresolved value, an embedded value its text."""
    parts: list[Part] = []
    starts: list[tuple[int, int]] = []
    depth = 0
    for index, part in enumerate(text.parts):
        pieces: tuple[Part, ...] = (part,)
        if isinstance(part, _LoopMarker):
            depth += 1 if part.opens else -1
            last = Unresolved(part.expression, reason=_LOOP_OVER_UNKNOWN)
            pieces = (last,) if not part.opens and not depth else ()
        elif depth:
            pieces = ()
        elif isinstance(part, _EmbeddedJson) and part.node is not None:
            pieces = encode_json(part.node).parts
        parts.extend(pieces)
        starts.extend([text.starts[index] if text.starts else (0, 0)] * len(pieces))
    if not text.starts:
        return replace(text, parts=join(parts))
    return replace(text, parts=tuple(parts) or ("",), starts=tuple(starts) or ((text.at.line, text.at.column),))
