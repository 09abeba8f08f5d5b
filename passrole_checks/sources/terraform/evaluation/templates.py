"""Evaluation of templates: strings with interpolation and directives, heredocs, template files.

Source: Terraform language documentation, "Strings and Templates".
"""

from __future__ import annotations

from dataclasses import replace

from passrole_checks.iam.partial_values import (
    Absent,
    Choice,
    Const,
    ListNode,
    Node,
    ObjectNode,
    Part,
    Position,
    StringNode,
    join,
)
from passrole_checks.sources.terraform.evaluation.conditional_values import guard, make_choice, map_choices
from passrole_checks.sources.terraform.evaluation.loops import Iteration, iterations_of
from passrole_checks.sources.terraform.evaluation.scope import EvaluationScope, condition_text, evaluate, evaluator_for
from passrole_checks.sources.terraform.evaluation.symbolic_values import (
    MAX_PARTS,
    Encoded,
    Failure,
    as_bool,
    defaults_of,
    is_too_long,
    parts_of,
    unresolved,
)
from passrole_checks.sources.terraform.evaluation.templates_json import (
    EmbeddedJson,
    LoopMarker,
    has_markers,
    parse_structure,
)
from passrole_checks.sources.terraform.reading import syntax


@evaluator_for(syntax.TemplateExpression)
def evaluate_template(template: syntax.TemplateExpression, scope: EvaluationScope) -> Node:
    """The text of a template. A template that is one interpolation is that value, of whatever type."""
    parts = template.parts
    at = scope.position(template.span)
    if len(parts) == 1 and not template.heredoc:
        only = parts[0]
        if isinstance(only, syntax.Interpolation):
            return evaluate(only.expression, scope)
        if isinstance(only, syntax.Fragment) and "{" not in only.value:
            return StringNode((only.value,), at)
    layout = template.heredoc or _may_be_json(template)
    return _TemplateBuilder(scope, at, template.indent, _may_be_json(template), scope.words(template.span), layout).run(
        parts
    )


def _may_be_json(template: syntax.TemplateExpression) -> bool:
    """Whether a text may be JSON, so that its structure is of interest."""
    for part in template.parts:
        if not isinstance(part, syntax.Fragment):
            return template.heredoc
        if part.value.strip():
            return part.value.lstrip()[0] in "{["
    return False


class _TemplateBuilder:
    """One text in the making: values of its pieces in order, each with the place where it begins.

    ``document``: the text may be JSON. ``words``: what the whole template is called; None inside a directive.
    ``layout``: positions inside the text can be of interest.
    """

    def __init__(
        self, scope: EvaluationScope, at: Position, indent: int, document: bool, words: str | None, layout: bool = False
    ) -> None:
        self.scope, self.at, self.indent = scope, at, indent
        self.document, self.words, self.layout = document, words, layout
        self.values: list[Node] = []
        self.starts: list[tuple[int, int]] = []
        self.exact = True

    def run(self, parts: tuple[syntax.TemplatePart, ...]) -> Node:
        self.add(parts, self.scope)
        if len(self.values) > MAX_PARTS:
            return unresolved(self.scope.words(_span(self.at)), self.at, "too long")
        return map_choices(self.join, *self.values)

    def add(self, parts: tuple[syntax.TemplatePart, ...], scope: EvaluationScope) -> None:
        for part in parts:
            if len(self.values) > MAX_PARTS:
                return
            if isinstance(part, syntax.Fragment):
                self.exact = self.exact and part.exact
                self.put(StringNode((part.value,), self.at), part.line, part.column)
            elif isinstance(part, syntax.Interpolation):
                self.put(evaluate(part.expression, scope), part.span.line, part.span.column)
            elif isinstance(part, syntax.IfDirective):
                self.add_if(part, scope)
            else:
                self.add_for(part, scope)

    def put(self, value: Node, line: int, column: int) -> None:
        self.values.append(value)
        self.starts.append((line, column))

    def add_if(self, part: syntax.IfDirective, scope: EvaluationScope) -> None:
        condition = evaluate(part.condition, scope)
        decided = None if isinstance(condition, Choice) else as_bool(condition)
        if decided is not None:
            self.add(part.then if decided else part.otherwise, scope)
            return
        words = scope.unique_text(part.condition.span)

        def decide(value: Node) -> Node:
            known = as_bool(value)
            text = condition_text(value, words, scope)
            known = known if known is not None else scope.known_outcome(text)
            if known is not None:
                return self.nested(part.then if known else part.otherwise, scope)
            then = self.nested(part.then, scope.with_assumption(text, "true"))
            otherwise = self.nested(part.otherwise, scope.with_assumption(text, "false"))
            return make_choice(text, [("true", then), ("false", otherwise)], self.at)

        self.put(map_choices(decide, condition), part.span.line, part.span.column)

    def nested(self, parts: tuple[syntax.TemplatePart, ...], scope: EvaluationScope) -> Node:
        return _TemplateBuilder(scope, self.at, self.indent, self.document, None).run(parts)

    def add_for(self, part: syntax.ForDirective, scope: EvaluationScope) -> None:
        collection = evaluate(part.collection, scope)
        rounds = None if isinstance(collection, Choice) else iterations_of(collection)
        line, column = part.span.line, part.span.column
        if rounds is None:
            self.put(self.unknown_loop(part, scope), line, column)
            return
        for place, one in enumerate(rounds):
            scope.budget.steps -= 1
            if len(self.values) > MAX_PARTS or scope.budget.steps < 0:
                self.put(unresolved(scope.words(part.collection.span), self.at, "too much to evaluate"), line, column)
                return
            variables = {part.value: one.value}
            if part.key is not None:
                variables[part.key] = one.key
            named = one.labels(part.key, part.value, scope.unique_text(part.collection.span))
            inner = scope.with_variables(variables, named)
            if not (one.repeated or one.when):
                self.add(part.body, inner)
            elif self.document:
                mark = self.mark(part, scope, one, place)
                self.put(StringNode((mark, " "), self.at), line, column)
                self.add(part.body, inner)
                self.put(StringNode((" ", replace(mark, opens=False)), self.at), line, column)
            elif one.repeated:
                self.put(self.unknown_loop(part, scope), line, column)
            else:
                self.put(guard(one.when, self.nested(part.body, inner)), line, column)

    def mark(self, part: syntax.ForDirective, scope: EvaluationScope, one: Iteration, place: int) -> LoopMarker:
        """The beginning of a round that may not take place, or of any number of them."""
        words = scope.words(part.collection.span)
        when = one.when
        if one.repeated and not when:
            only = one.value.only_hole if isinstance(one.value, StringNode) else None
            subject = only.expression if only is not None else words
            when = ((scope.condition(f"{subject} is not empty"), "true"),)
        return LoopMarker(f"{words} [{place}]" if place else words, opens=True, repeated=one.repeated, when=when)

    def unknown_loop(self, part: syntax.ForDirective, scope: EvaluationScope) -> StringNode:
        return unresolved(scope.words(part.collection.span), self.at, "a loop over something that is not known")

    def join(self, *values: Node) -> Node:
        parts: list[Part] = []
        starts: list[tuple[int, int]] = []
        for value, start in zip(values, self.starts, strict=True):
            for part in self.parts_of(value):
                pieces: list[Part] = [part]
                if isinstance(part, str) and self.layout and "\n" in part and value.at is not self.at:
                    pieces = list(part.splitlines(keepends=True))  # what comes from elsewhere keeps one place
                parts.extend(pieces)
                starts.extend([start] * len(pieces))
            if len(parts) > MAX_PARTS:
                break
        if is_too_long(parts):
            return unresolved(self.scope.words(_span(self.at)), self.at, "too long")
        found = self.text(parts, starts, defaults_of(values))
        if self.words is not None and has_markers(found.parts):
            found = parse_structure(found, self.words)
        if any(_is_no_string(value) for value in values) and type(found) is StringNode:
            return Failure(found.parts, found.at, found.starts, found.indent, found.defaults)
        return found

    def parts_of(self, value: Node) -> tuple[Part, ...]:
        if isinstance(value, Absent):
            return ()
        if self.document and isinstance(value, Encoded) and value.value is not None:
            return (EmbeddedJson(str(value), node=value),)
        return parts_of(value)

    def text(self, parts: list[Part], starts: list[tuple[int, int]], defaults: tuple[str, ...]) -> StringNode:
        if not (self.layout and self.exact) or not parts:
            return StringNode(join(parts), self.at, defaults=defaults)
        kept = [(part, start) for part, start in zip(parts, starts, strict=True) if part != ""]
        if not kept:
            return StringNode(("",), self.at, defaults=defaults)
        return StringNode(
            tuple(part for part, _ in kept), self.at, tuple(start for _, start in kept), self.indent, defaults
        )


def _is_no_string(value: Node) -> bool:
    """Whether Terraform would not take a value into a string: an error, null, a collection."""
    return isinstance(value, (Failure, ListNode, ObjectNode)) or (isinstance(value, Const) and value.value is None)


def _span(at: Position) -> syntax.Span:
    return syntax.Span(at.line, at.column, at.end_line, at.end_column)


def file_text(text: str, file: str) -> StringNode:
    """The text of a file that was read: it stands there letter for letter."""
    lines = text.count("\n") + 1
    return StringNode((text,), Position(file, 1, 1, lines, len(text) - text.rfind("\n")), ((1, 1),))
