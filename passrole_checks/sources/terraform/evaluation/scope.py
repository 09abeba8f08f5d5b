"""Scope and budget of an evaluation, and its entry point :func:`evaluate`.

The modules expressions, loops, templates and functions register the evaluators of their kinds of expressions.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import field, replace
from pathlib import Path
from typing import Protocol, TypeVar

from passrole_checks.iam import deadline
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.values.nodes import Choice, Failure, Node, ObjectEntry, Position, StringNode, unresolved
from passrole_checks.iam.values.path_conditions import Assumption, PathCondition, Predicate, consistent, negate, quoted
from passrole_checks.iam.values.variants import restrict
from passrole_checks.sources.terraform.evaluation.deferred_entries import DeferredEntry
from passrole_checks.sources.terraform.evaluation.symbolic_values import (
    MAX_NODES,
    Reference,
    ReferenceScope,
    count_nodes,
)
from passrole_checks.sources.terraform.reading import syntax
from passrole_checks.sources.terraform.reading.files import Files
from passrole_checks.sources.terraform.reading.source import SourceText

_MAX_DEPTH = 90  # nested expressions, followed references included
_MAX_STEPS = 400_000  # expressions evaluated for one root module
_NODES_PER_STEP = 10  # of a deferred value


class ModuleScope(ReferenceScope, Protocol):
    """Module of an expression."""

    @property
    def address(self) -> str: ...

    @property
    def root_folder(self) -> str: ...

    def creates(self, path: str) -> bool:
        """True if a resource of the module, or Terraform itself, creates the file with this normalized path."""

    def written_content(self, path: str, at: Position) -> tuple[str, Node] | None:
        """Return the address of the resource of the module that writes a file, and its content; None if unknown."""

    def is_bool(self, variable: str) -> bool:
        """True if a variable is declared as a bool."""

    def is_ephemeral(self, expression: str) -> bool | None:
        """Return whether the value of an expression, given as text, is ephemeral; None if it may be, as a whole or in
        part."""

    def resolve(self, name: str, steps: list[str | Node], source_text: str, at: Position) -> tuple[Node, int]:
        """Resolve a reference that starts with ``name``. Returns the value and the number of steps used."""

    def without_defaults(self, attribute: syntax.Attribute) -> Iterator[ModuleScope]:
        """Yield the module without the defaults that an argument may depend on: at first those of variables that switch
        something off, then all."""

    def known_value(self, kind: str, name: str) -> Node | None:
        """Return the value of a variable or local (``kind``: "var" or "local") if it was evaluated before."""


@dataclass
class EvaluationBudget:
    """Evaluation budget of one root module. Once it is exhausted, every value is unresolved."""

    steps: int = _MAX_STEPS
    depth: int = 0
    cut: int = 0  # number of expressions skipped because of the budget


@dataclass(frozen=True)
class EvaluationScope:
    """Scope of an expression: its module, its file, and the variables of the loops around it.

    ``labels``: pairs of a loop variable and the text of its value. They distinguish iterations in texts of conditions.
    """

    module: ModuleScope
    source: SourceText
    files: Files
    budget: EvaluationBudget
    variables: Mapping[str, Node] = field(default_factory=dict)
    labels: tuple[tuple[str, str], ...] = ()
    assumptions: PathCondition = ()  # those of the current branch
    only_variables: bool = False  # in a template file, no other names are visible
    trying: bool = False  # inside ``try`` or ``can``, which catch errors

    def in_source(self, source: SourceText) -> EvaluationScope:
        """Return the scope for an expression of another file."""
        return self if source is self.source else replace(self, source=source)

    def with_variables(self, variables: dict[str, Node], labels: dict[str, str]) -> EvaluationScope:
        """Return the scope of one iteration of a loop. ``labels``: texts of the values, by variable."""
        return replace(self, variables={**self.variables, **variables}, labels=(*self.labels, *labels.items()))

    def under(self, assumption: Assumption) -> EvaluationScope:
        """Return the scope of the branch in which an assumption holds."""
        return replace(self, assumptions=(*self.assumptions, assumption))

    def decided(self, assumption: Assumption) -> bool | None:
        """True if an assumption holds in the current branch, None if that is open."""
        can_hold, can_fail = (consistent(self.assumptions, one) for one in (assumption, negate(assumption)))
        return None if can_hold and can_fail else can_hold

    def position(self, span: syntax.Span) -> Position:
        """Return the position of an expression."""
        return self.source.position(span)

    def source_text(self, span: syntax.Span) -> str:
        """Return the text of an expression on one line, shortened if it is long."""
        return self.source.excerpt(*span)

    def unique_text(self, span: syntax.Span) -> str:
        """Return the text of an expression, with its position if the text was shortened and thus may be ambiguous."""
        source_text = self.source_text(span)
        place = f" at {Path(self.source.file).name}:{span.line}:{span.column}" if source_text.endswith("…") else ""
        return source_text + place

    def condition(self, source_text: str, *values: str) -> str:
        """Return the text of a condition, unique in the configuration.

        Adds the module address, and the values of the loop variables that the text, or one of the ``values`` that it is
        compared with, mentions or depends on.
        """
        named: list[str] = []
        mentioned = " ".join((source_text, *values))
        for name, value in reversed(self.labels):
            if "…" in mentioned or re.search(rf"(?<![\w.-]){re.escape(name)}(?![\w-])", mentioned):
                named.append(f"{name} = {value}")
                mentioned += f" {value}"
        marks = ", ".join(part for part in (self.module.address, *reversed(named)) if part)
        return f"{source_text} ({marks})" if marks and f"({marks})" not in source_text else source_text

    def assume(self, source_text: str, predicate: Predicate, *values: str) -> Assumption:
        """Return the assumption that a predicate holds for an expression."""
        return Assumption(self.condition(source_text, *values), frozenset(values), predicate=predicate)


_E = TypeVar("_E", bound=syntax.Expression)
_HANDLERS: dict[type[object], Callable[..., Node]] = {}


def evaluator_for(
    *kinds: type[_E],
) -> Callable[[Callable[[_E, EvaluationScope], Node]], Callable[[_E, EvaluationScope], Node]]:
    """Register the decorated function as the evaluator of some kinds of expressions."""

    def register(handler: Callable[[_E, EvaluationScope], Node]) -> Callable[[_E, EvaluationScope], Node]:
        for kind in kinds:
            _HANDLERS[kind] = handler
        return handler

    return register


def evaluate(expression: syntax.Expression, scope: EvaluationScope) -> Node:
    """Evaluate an expression. Unknown parts are unresolved values; raises only if the deadline has passed."""
    budget = scope.budget
    budget.steps -= 1
    if budget.steps < 0 or budget.depth >= _MAX_DEPTH:
        budget.cut += 1
        reason = "too much to evaluate" if budget.steps < 0 else "nested too deeply"
        return unresolved(scope.source_text(expression.span), scope.position(expression.span), reason)
    kind = type(expression)
    if kind in _LITERALS and is_literal(expression):
        known = scope.source.literals.get(id(expression))
        if known is None:
            known = scope.source.literals[id(expression)] = expression, _HANDLERS[kind](expression, scope)
        return known[1]
    deadline.check()
    budget.depth += 1
    try:
        value = _HANDLERS[kind](expression, scope)
        if kind in _COMPUTED:
            value = _qualify(value, expression, scope)
        return restrict(value, tuple(scope.assumptions)) if isinstance(value, Choice) else value
    except RecursionError:  # depth counts expressions, and some use many stack frames
        budget.cut += 1
        return unresolved(scope.source_text(expression.span), scope.position(expression.span), "nested too deeply")
    finally:
        budget.depth -= 1


def is_literal(expression: syntax.Expression) -> bool:
    """True for a number, a boolean, null, and a quoted string without interpolations."""
    if isinstance(expression, syntax.TemplateExpression):
        parts = expression.parts
        return len(parts) == 1 and isinstance(parts[0], syntax.Fragment) and not expression.heredoc
    return isinstance(expression, syntax.Literal)


def defer(
    key: StringNode, build: Callable[[], Node], source_text: Callable[[], str], budget: EvaluationBudget
) -> DeferredEntry:
    """Return an entry of an object whose value ``build`` evaluates on first access.

    It is nested as deeply as its object at least. A large value counts as steps: unlike other values, it may be part of
    larger ones of which no size is known. ``source_text``: returns the expression of a value that is unresolved.
    """
    object_depth = budget.depth

    def build_limited(entry: ObjectEntry) -> Node:
        depth = budget.depth
        budget.depth = max(depth, object_depth)
        try:
            value = build()
        finally:
            budget.depth = depth
        size = count_nodes(value, entry)
        if size is None:
            return unresolved(source_text(), value.at, "refers to itself")
        budget.steps -= size // _NODES_PER_STEP
        return value if size <= MAX_NODES else unresolved(source_text(), value.at, "too large")

    return DeferredEntry(key, build_limited, budget)


_LITERALS = frozenset((syntax.Literal, syntax.TemplateExpression))
_COMPUTED = frozenset((syntax.Unary, syntax.Binary, syntax.Call, syntax.Conditional, syntax.For, syntax.Splat))


def _qualify(
    value: Node, expression: syntax.Expression, scope: EvaluationScope, known: dict[int, Node] | None = None
) -> Node:
    """Qualify an unresolved value named by its expression, so that the same text elsewhere is a different value.

    ``known``: results for parts of the value, by identity: variants share parts, and do so in the result.
    """
    if isinstance(value, Choice):
        known = {} if known is None else known
        if id(value) not in known:
            options = tuple((outcome, _qualify(option, expression, scope, known)) for outcome, option in value.options)
            known[id(value)] = replace(value, options=options)
        return known[id(value)]
    if type(value) in (StringNode, Failure) and isinstance(value, StringNode) and value.only_unresolved is not None:
        only = value.only_unresolved
        if only.expression == scope.source_text(expression.span):
            qualified = scope.condition(scope.unique_text(expression.span))
            return replace(value, parts=(replace(only, expression=qualified),))
    return value


def assumption_of(node: Node, source_text: str, scope: EvaluationScope) -> Assumption:
    """Return the assumption under which an unknown boolean is true: about what it compares, or about the unresolved
    value that it depends on, else about ``source_text``."""
    if isinstance(node, StringNode) and node.only_unresolved is not None and not isinstance(node, Reference):
        only = node.only_unresolved
        if "…" not in only.expression:  # the elided part may differ elsewhere
            text = scope.condition(only.expression)
            if only.true_when is None:
                return Assumption(text)
            return only.true_when if only.true_when.written == text else replace(only.true_when, written=text)
    return Assumption(scope.condition(source_text))


def key_text(key: Node, scope: EvaluationScope) -> str:
    """Return the text of an unknown key or index."""
    if not isinstance(key, StringNode):
        return scope.condition("…")
    return scope.condition(key.only_unresolved.expression if key.only_unresolved is not None else quoted(str(key)))
