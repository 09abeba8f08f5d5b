"""Evaluate literals, collections, operators, conditionals and references.

Source: Terraform language documentation, "Types and Values", "Conditional Expressions", "References to Named Values".
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from passrole_checks.iam.values.nodes import (
    Choice,
    Const,
    ListNode,
    Node,
    ObjectEntry,
    ObjectNode,
    Position,
    StringNode,
    failure,
    unresolved,
)
from passrole_checks.iam.values.path_conditions import Assumption, negate, quoted
from passrole_checks.iam.values.variants import choose, make_choice, map_variants
from passrole_checks.sources.terraform.evaluation.get_path import get_path, known_entry, to_key
from passrole_checks.sources.terraform.evaluation.operators import apply_binary, apply_unary
from passrole_checks.sources.terraform.evaluation.scope import (
    EvaluationScope,
    assumption_of,
    defer,
    evaluate,
    evaluator_for,
    is_literal,
    key_text,
)
from passrole_checks.sources.terraform.evaluation.symbolic_values import known_bool, known_string
from passrole_checks.sources.terraform.lazy_evaluation import skips_irrelevant
from passrole_checks.sources.terraform.reading import syntax


@evaluator_for(syntax.Literal)
def _literal(expression: syntax.Literal, scope: EvaluationScope) -> Node:
    if isinstance(expression.value, str):
        return StringNode((expression.value,), scope.position(expression.span))
    return Const(expression.value, scope.position(expression.span))


@evaluator_for(syntax.Unparsed)
def _unparsed(expression: syntax.Unparsed, scope: EvaluationScope) -> Node:
    return unresolved(scope.source_text(expression.span), scope.position(expression.span), expression.reason)


@evaluator_for(syntax.Tuple)
def _tuple(expression: syntax.Tuple, scope: EvaluationScope) -> Node:
    items: list[Node] = []
    for item in expression.items:
        items.append(evaluate(item, scope))
    return ListNode(tuple(items), scope.position(expression.span))


@evaluator_for(syntax.Object)
def _object(expression: syntax.Object, scope: EvaluationScope) -> Node:
    entries: list[ObjectEntry] = []
    defers = skips_irrelevant()
    for key, value in expression.items:
        name = to_key(evaluate(key, scope))
        if defers and not is_literal(value) and not isinstance(value, syntax.Unparsed):
            text = partial(scope.source_text, value.span)
            entries.append(defer(name, partial(evaluate, value, scope), text, scope.budget))
        else:
            entries.append(ObjectEntry(name, evaluate(value, scope)))
    return ObjectNode(tuple(entries), scope.position(expression.span))


@evaluator_for(syntax.Unary)
def _unary(expression: syntax.Unary, scope: EvaluationScope) -> Node:
    source_text, at = scope.source_text(expression.span), scope.position(expression.span)
    operand_text = scope.unique_text(expression.operand.span)

    def apply(operand: Node) -> Node:
        value = apply_unary(expression.operator, operand, source_text, at)
        if expression.operator == "!":
            return _true_when(value, negate(assumption_of(operand, operand_text, scope)))
        return value

    return map_variants(apply, evaluate(expression.operand, scope))


def _true_when(value: Node, assumption: Assumption) -> Node:
    """Return a boolean; if it is unknown, with the assumption under which it is true."""
    if isinstance(value, StringNode) and value.only_unresolved is not None:
        return replace(value, parts=(replace(value.only_unresolved, true_when=assumption),))
    return value


@evaluator_for(syntax.Binary)
def _binary(expression: syntax.Binary, scope: EvaluationScope) -> Node:
    source_text, at = scope.source_text(expression.span), scope.position(expression.span)
    left, right = evaluate(expression.left, scope), evaluate(expression.right, scope)

    def decide(first: Node, second: Node) -> Node:
        equality = expression.operator in ("==", "!=")
        for operand, other, side in ((first, second, expression.left), (second, first, expression.right)):
            if equality and _is_bool_variable(side, scope) and isinstance(other, Const):
                decided = known_bool(other)
                if decided is not None and isinstance(operand, StringNode) and operand.only_unresolved is not None:
                    if decided is (expression.operator == "=="):  # "x == true" equals x, "x == false" equals "!x"
                        return operand
                    text = operand.only_unresolved.expression
                    opposite = negate(assumption_of(operand, text, scope))
                    return _true_when(apply_unary("!", operand, f"!{text}", at), opposite)
        value = apply_binary(expression.operator, first, second, source_text, at)
        if equality and isinstance(value, StringNode) and value.only_unresolved is not None:
            subject, text = _operand_text(first, expression.left, scope), _operand_text(second, expression.right, scope)
            literal = second
            if _is_literal(subject) and not _is_literal(text):
                subject, text, literal = text, subject, first
            comparison = f"{subject} {expression.operator} {text}"
            condition = scope.condition(comparison)
            known = known_string(literal) if _is_literal(text) else None
            true_when = None
            if known is not None:
                unique = subject + condition.removeprefix(comparison)
                negated = expression.operator == "!="
                true_when = Assumption(unique, frozenset({known}), negated, written=condition)
            return replace(value, parts=(replace(value.only_unresolved, expression=condition, true_when=true_when),))
        return value

    return map_variants(decide, left, right)


def _is_bool_variable(expression: syntax.Expression, scope: EvaluationScope) -> bool:
    """True if an expression is a variable declared as a bool (``true`` is not equal to ``"true"``)."""
    return (
        isinstance(expression, syntax.GetAttribute)
        and isinstance(expression.target, syntax.Name)
        and expression.target.name == "var"
        and "var" not in scope.variables
        and scope.module.is_bool(expression.name)
    )


def _operand_text(value: Node, expression: syntax.Expression, scope: EvaluationScope) -> str:
    """Return the text of an operand: its literal, its unresolved value, else its expression."""
    text = known_string(value)
    if text is not None:
        return quoted(text) if isinstance(value, StringNode) else text
    if isinstance(value, StringNode) and value.only_unresolved is not None:
        return value.only_unresolved.expression
    return scope.unique_text(expression.span)


def _is_literal(source_text: str) -> bool:
    return source_text[0] in '"0123456789-'


@evaluator_for(syntax.Conditional)
def _conditional(expression: syntax.Conditional, scope: EvaluationScope) -> Node:
    condition, then, otherwise = expression.condition, expression.then, expression.otherwise
    while True:  # "!a" and "a != b" have the outcomes of "a" and "a == b", swapped
        if isinstance(condition, syntax.Unary) and condition.operator == "!":
            condition, then, otherwise = condition.operand, otherwise, then
        elif isinstance(condition, syntax.Binary) and condition.operator == "!=":
            condition, then, otherwise = replace(condition, operator="=="), otherwise, then
        else:
            break
    value, at = evaluate(condition, scope), scope.position(expression.span)
    return _choose_branch(value, syntax.Conditional(condition, then, otherwise, expression.span), at, scope)


def _choose_branch(condition: Node, branches: syntax.Conditional, at: Position, scope: EvaluationScope) -> Node:
    """Return the value of the branch that a condition chooses, or a choice of both."""
    if isinstance(condition, Choice):
        options = [
            (outcome, _choose_branch(option, branches, at, scope.under(outcome)))
            for outcome, option in condition.options
        ]
        return make_choice(options, at)
    decided = known_bool(condition)
    if decided is None:
        assumption = assumption_of(condition, scope.unique_text(branches.condition.span), scope)
        decided = scope.decided(assumption)
        if decided is None:
            first = evaluate(branches.then, scope.under(assumption))
            return choose(assumption, first, evaluate(branches.otherwise, scope.under(negate(assumption))), at)
    return evaluate(branches.then if decided else branches.otherwise, scope)


@evaluator_for(syntax.Name, syntax.GetAttribute, syntax.Index)
def _reference(expression: syntax.Expression, scope: EvaluationScope) -> Node:
    """Evaluate a chain of names, attributes and indexes at once: its first names are resolved together."""
    steps: list[str | Node] = []
    current = expression
    while isinstance(current, (syntax.GetAttribute, syntax.Index)):
        if isinstance(current, syntax.GetAttribute):
            steps.append(current.name)
        else:
            steps.append(evaluate(current.key, scope))
        current = current.target
    steps.reverse()
    value, used = _known_start(current, steps, scope)
    for step in steps[used:]:
        entry = known_entry(value, step) if value is not None and isinstance(step, str) else None
        if entry is None:
            break
        value, used = entry, used + 1
    if value is not None and used == len(steps):
        return value
    source_text, at = scope.source_text(expression.span), scope.position(expression.span)
    if value is None and isinstance(current, syntax.Name):
        if scope.only_variables:
            return failure(source_text, at, "not a variable of the template")
        value, used = scope.module.resolve(current.name, steps, source_text, at)
    elif value is None:
        value = evaluate(current, scope)
    missing = failure(source_text, at, "no such element") if scope.trying else None
    for step in steps[used:]:
        value = get_path(value, step, source_text, at, lambda key: key_text(key, scope), missing)
    return value


def _known_start(start: syntax.Expression, steps: list[str | Node], scope: EvaluationScope) -> tuple[Node | None, int]:
    """Return the value of the first names of a reference if it is known, and the number of steps used."""
    if not isinstance(start, syntax.Name):
        return None, 0
    value = scope.variables.get(start.name)
    if value is not None or scope.only_variables or start.name not in ("var", "local") or not steps:
        return value, 0
    first = steps[0]
    return (scope.module.known_value(start.name, first) if isinstance(first, str) else None), 1
