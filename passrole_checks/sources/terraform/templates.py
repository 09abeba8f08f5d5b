"""Evaluation of templates: strings with interpolation and directives, heredocs, template files."""

from __future__ import annotations

from passrole_checks.iam.values import Choice, Node, Part, Position, Text, join
from passrole_checks.sources.terraform import syntax
from passrole_checks.sources.terraform.loops import rounds_of
from passrole_checks.sources.terraform.scope import Scope, condition_of, evaluate, evaluates
from passrole_checks.sources.terraform.symbols import (
    MAX_PARTS,
    choice,
    defaults_of,
    distribute,
    hole,
    parts_of,
    too_long,
    truth,
)


@evaluates(syntax.Template)
def evaluate_template(template: syntax.Template, scope: Scope) -> Node:
    """The text of a template. A template that is one interpolation is that value, of whatever type."""
    parts = template.parts
    at = scope.position(template.span)
    if len(parts) == 1 and not template.heredoc:
        only = parts[0]
        if isinstance(only, syntax.Interpolation):
            return evaluate(only.expression, scope)
        if isinstance(only, syntax.Fragment) and "{" not in only.value:
            return Text((only.value,), at)
    return _Assembly(scope, at, template.indent, _looks_like_document(template)).run(parts)


def _looks_like_document(template: syntax.Template) -> bool:
    """Whether positions inside the text can be of interest: it may be JSON."""
    first = template.parts[0] if template.parts else None
    return isinstance(first, syntax.Fragment) and (template.heredoc or first.value.lstrip()[:1] in ("{", "["))


class _Assembly:
    """One text in the making: values of its pieces in order, each with the place where it begins."""

    def __init__(self, scope: Scope, at: Position, indent: int, layout: bool) -> None:
        self.scope, self.at, self.indent, self.layout = scope, at, indent, layout
        self.values: list[Node] = []
        self.starts: list[tuple[int, int]] = []
        self.exact = True

    def run(self, parts: tuple[syntax.TemplatePart, ...]) -> Node:
        self.add(parts, self.scope)
        if len(self.values) > MAX_PARTS:
            return hole(self.scope.words(_span(self.at)), self.at, "too long")
        return distribute(self.join, *self.values)

    def add(self, parts: tuple[syntax.TemplatePart, ...], scope: Scope) -> None:
        for part in parts:
            if len(self.values) > MAX_PARTS:
                return
            if isinstance(part, syntax.Fragment):
                self.exact = self.exact and part.exact
                self.put(Text((part.value,), self.at), part.line, part.column)
            elif isinstance(part, syntax.Interpolation):
                self.put(evaluate(part.expression, scope), part.span.line, part.span.column)
            elif isinstance(part, syntax.IfDirective):
                self.add_if(part, scope)
            else:
                self.add_for(part, scope)

    def put(self, value: Node, line: int, column: int) -> None:
        self.values.append(value)
        self.starts.append((line, column))

    def add_if(self, part: syntax.IfDirective, scope: Scope) -> None:
        condition = evaluate(part.condition, scope)
        decided = None if isinstance(condition, Choice) else truth(condition)
        if decided is not None:
            self.add(part.then if decided else part.otherwise, scope)
            return
        words = scope.identity(part.condition.span)

        def decide(value: Node) -> Node:
            known = truth(value)
            if known is not None:
                return self.nested(part.then if known else part.otherwise, scope)
            options = [("true", self.nested(part.then, scope)), ("false", self.nested(part.otherwise, scope))]
            return choice(condition_of(value, words, scope), options, self.at)

        self.put(distribute(decide, condition), part.span.line, part.span.column)

    def nested(self, parts: tuple[syntax.TemplatePart, ...], scope: Scope) -> Node:
        return _Assembly(scope, self.at, self.indent, False).run(parts)

    def add_for(self, part: syntax.ForDirective, scope: Scope) -> None:
        collection = evaluate(part.collection, scope)
        rounds = None if isinstance(collection, Choice) else rounds_of(collection)
        if rounds is None or any(one.many or one.when for one in rounds):
            value = hole(scope.words(part.collection.span), self.at, "a loop over something that is not known")
            self.put(value, part.span.line, part.span.column)
            return
        for one in rounds:
            variables = {part.value: one.value}
            if part.key is not None:
                variables[part.key] = one.key
            named = one.labels(part.key, part.value, scope.identity(part.collection.span))
            self.add(part.body, scope.having(variables, named))

    def join(self, *values: Node) -> Node:
        parts: list[Part] = []
        starts: list[tuple[int, int]] = []
        for value, start in zip(values, self.starts, strict=True):
            for part in parts_of(value):
                pieces: list[Part] = [part]
                if isinstance(part, str) and self.layout and "\n" in part and value.at is not self.at:
                    pieces = list(part.splitlines(keepends=True))  # what comes from elsewhere keeps one place
                parts.extend(pieces)
                starts.extend([start] * len(pieces))
            if len(parts) > MAX_PARTS:
                break
        if too_long(parts):
            return hole(self.scope.words(_span(self.at)), self.at, "too long")
        defaults = defaults_of(values)
        if not (self.layout and self.exact) or not parts:
            return Text(join(parts), self.at, defaults=defaults)
        kept = [(part, start) for part, start in zip(parts, starts, strict=True) if part != ""]
        if not kept:
            return Text(("",), self.at, defaults=defaults)
        return Text(tuple(part for part, _ in kept), self.at, tuple(start for _, start in kept), self.indent, defaults)


def _span(at: Position) -> syntax.Span:
    return syntax.Span(at.line, at.column, at.end_line, at.end_column)


def whole_text(text: str, file: str) -> Text:
    """The text of a file that was read: it stands there letter for letter."""
    lines = text.count("\n") + 1
    return Text((text,), Position(file, 1, 1, lines, len(text) - text.rfind("\n")), ((1, 1),))
