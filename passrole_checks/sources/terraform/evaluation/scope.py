"""Where an expression is evaluated, what that may cost, and the one entry to evaluation.

Each kind of expression has its room (expressions, loops, templates, functions), which registers how it is evaluated.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol, TypeVar

from passrole_checks.iam import deadline, path_conditions
from passrole_checks.iam.partial_values import Choice, Node, Position, StringNode
from passrole_checks.sources.terraform.evaluation.conditional_values import restrict
from passrole_checks.sources.terraform.evaluation.symbolic_values import Failure, Reference, ReferenceScope, unresolved
from passrole_checks.sources.terraform.reading import syntax
from passrole_checks.sources.terraform.reading.files import Files
from passrole_checks.sources.terraform.reading.source import SourceText

_MAX_DEPTH = 90  # expressions inside expressions, references followed
_MAX_STEPS = 400_000  # expressions evaluated for one root module


class ModuleScope(ReferenceScope, Protocol):
    """What an expression asks of the module that it stands in."""

    @property
    def address(self) -> str: ...

    @property
    def root_folder(self) -> str: ...

    def is_bool(self, variable: str) -> bool:
        """Whether a variable is declared as a bool."""
        ...

    def resolve(self, name: str, steps: list[str | Node], words: str, at: Position) -> tuple[Node, int]: ...


@dataclass
class EvaluationBudget:
    """What one root module may cost; past it everything is a hole that says so."""

    steps: int = _MAX_STEPS
    depth: int = 0
    cut: int = 0  # how often something was left unevaluated for its cost


@dataclass(frozen=True)
class EvaluationScope:
    """Where an expression is evaluated: its module, its file, and the variables of loops around it.

    ``labels`` tell one round of a loop from another in the text of a condition: pairs of the variable that the loop
    gives, and the words that say which value it has.
    """

    module: ModuleScope
    source: SourceText
    files: Files
    budget: EvaluationBudget
    variables: Mapping[str, Node] = field(default_factory=dict)
    labels: tuple[tuple[str, str], ...] = ()
    assumptions: Mapping[str, str] = field(default_factory=dict)  # conditions in a branch of which this stands
    only_variables: bool = False  # inside a template file nothing else can be named
    trying: bool = False  # within ``try`` or ``can``, which catch an error

    def in_source(self, source: SourceText) -> EvaluationScope:
        """The same scope for an expression of another file."""
        return self if source is self.source else replace(self, source=source)

    def with_variables(self, variables: dict[str, Node], labels: dict[str, str]) -> EvaluationScope:
        """The scope with the variables of one round of a loop; ``labels`` say which values they have."""
        return replace(self, variables={**self.variables, **variables}, labels=(*self.labels, *labels.items()))

    def with_assumption(self, condition: str, outcome: str) -> EvaluationScope:
        """The scope within the branch in which a condition has that outcome."""
        return replace(self, assumptions={**self.assumptions, condition: outcome})

    def known_outcome(self, condition: str) -> bool | None:
        """Whether a condition holds in the branch in which this stands, None where both may be."""
        facts = tuple(self.assumptions.items())
        can_hold, can_fail = (path_conditions.consistent(facts, condition, outcome) for outcome in ("true", "false"))
        return None if can_hold and can_fail else can_hold

    def position(self, span: syntax.Span) -> Position:
        """Where an expression stands in its file."""
        return self.source.position(span)

    def words(self, span: syntax.Span) -> str:
        """The text of an expression on one line, shortened where it is long."""
        return self.source.words(*span)

    def unique_text(self, span: syntax.Span) -> str:
        """The words of an expression, with their place where they are too long to be told from others."""
        words = self.words(span)
        return f"{words} at {Path(self.source.file).name}:{span.line}:{span.column}" if words.endswith("…") else words

    def condition(self, words: str) -> str:
        """A condition's text, made its own where the same words mean something else elsewhere.

        Of the loops around it those are named whose variables it mentions, or whose variables these depend on.
        """
        named: list[str] = []
        mentioned = words
        for name, value in reversed(self.labels):
            if "…" in mentioned or re.search(rf"(?<![\w.-]){re.escape(name)}(?![\w-])", mentioned):
                named.append(f"{name} = {value}")
                mentioned += f" {value}"
        marks = ", ".join(part for part in (self.module.address, *reversed(named)) if part)
        return f"{words} ({marks})" if marks and not words.endswith(f"({marks})") else words


_E = TypeVar("_E", bound=syntax.Expression)
_HANDLERS: dict[type[object], Callable[..., Node]] = {}


def evaluator_for(
    *kinds: type[_E],
) -> Callable[[Callable[[_E, EvaluationScope], Node]], Callable[[_E, EvaluationScope], Node]]:
    """Register how expressions of some kinds are evaluated."""

    def register(handler: Callable[[_E, EvaluationScope], Node]) -> Callable[[_E, EvaluationScope], Node]:
        for kind in kinds:
            _HANDLERS[kind] = handler
        return handler

    return register


def evaluate(expression: syntax.Expression, scope: EvaluationScope) -> Node:
    """The value of an expression. Never raises; what cannot be known is a hole."""
    deadline.check()
    budget = scope.budget
    budget.steps -= 1
    if budget.steps < 0 or budget.depth >= _MAX_DEPTH:
        budget.cut += 1
        reason = "too much to evaluate" if budget.steps < 0 else "nested too deeply"
        return unresolved(scope.words(expression.span), scope.position(expression.span), reason)
    budget.depth += 1
    try:
        value = _HANDLERS[type(expression)](expression, scope)
        if isinstance(expression, _COMPUTED):
            value = _qualify(value, expression, scope)
        if isinstance(value, Choice):
            for condition, outcome in scope.assumptions.items():
                value = restrict(value, condition, outcome)
        return value
    except RecursionError:  # the depth is counted in expressions, and some of them take many frames
        budget.cut += 1
        return unresolved(scope.words(expression.span), scope.position(expression.span), "nested too deeply")
    finally:
        budget.depth -= 1


_COMPUTED = (syntax.Unary, syntax.Binary, syntax.Call, syntax.Conditional, syntax.For, syntax.Splat)


def _qualify(value: Node, expression: syntax.Expression, scope: EvaluationScope) -> Node:
    """A hole that is named by the words of its expression, named so that the same words elsewhere are another one."""
    if isinstance(value, Choice):
        options = tuple((outcome, _qualify(option, expression, scope)) for outcome, option in value.options)
        return replace(value, options=options)
    if type(value) in (StringNode, Failure) and isinstance(value, StringNode) and value.only_hole is not None:
        only = value.only_hole
        if only.expression == scope.words(expression.span):
            return replace(
                value, parts=(replace(only, expression=scope.condition(scope.unique_text(expression.span))),)
            )
    return value


def condition_text(node: Node, words: str, scope: EvaluationScope) -> str:
    """The text that names an unknown condition: the hole that it comes from, where it is one."""
    if isinstance(node, StringNode) and node.only_hole is not None and not isinstance(node, Reference):
        only = node.only_hole.expression
        words = words if "…" in only else only  # what was left out may be something else elsewhere
    return scope.condition(words)


def key_text(key: Node, scope: EvaluationScope) -> str:
    """The text that names a key or an index that is not known."""
    if not isinstance(key, StringNode):
        return scope.condition("…")
    return scope.condition(key.only_hole.expression if key.only_hole is not None else path_conditions.quoted(str(key)))
