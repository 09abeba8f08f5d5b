"""Symbolic evaluation of expressions: what can be known is known, and each hole stays a hole with its expression."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Mapping as MappingType
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from passrole_checks.iam.values import (
    Absent,
    Choice,
    Const,
    Entry,
    Hole,
    Items,
    Kind,
    Mapping,
    Node,
    Position,
    Text,
)
from passrole_checks.sources.terraform import syntax
from passrole_checks.sources.terraform.operators import binary, unary
from passrole_checks.sources.terraform.source import SourceText
from passrole_checks.sources.terraform.symbols import (
    MAX_ITEMS,
    Reference,
    Rest,
    When,
    choice,
    distribute,
    failure,
    hole,
    is_null,
    is_unknown,
    literal,
    number,
    truth,
    under,
)

if TYPE_CHECKING:
    from passrole_checks.sources.terraform.files import Files
    from passrole_checks.sources.terraform.module import Module

_DEPTH = 90  # expressions inside expressions, references followed
_STEPS = 400_000  # expressions evaluated for one root module


@dataclass
class Budget:
    """What one root module may cost; past it everything is a hole that says so."""

    steps: int = _STEPS
    depth: int = 0
    cut: int = 0  # how often something was left unevaluated for its cost


@dataclass(frozen=True)
class Scope:
    """Where an expression is evaluated: its module, its file, and the variables of loops around it.

    ``label`` tells one round of a loop from another, in the text of a condition.
    """

    module: Module
    source: SourceText
    files: Files
    budget: Budget
    variables: MappingType[str, Node] = field(default_factory=dict)
    label: str = ""
    only_variables: bool = False  # inside a template file nothing else can be named

    def inside(self, source: SourceText) -> Scope:
        return self if source is self.source else replace(self, source=source)

    def having(self, variables: dict[str, Node], label: str = "") -> Scope:
        joined = ", ".join(part for part in (self.label, label) if part)
        return replace(self, variables={**self.variables, **variables}, label=joined)

    def position(self, span: syntax.Span) -> Position:
        return self.source.position(span)

    def words(self, span: syntax.Span) -> str:
        return self.source.words(*span)

    def condition(self, words: str) -> str:
        """A condition's text, made its own where the same words mean something else elsewhere."""
        marks = ", ".join(part for part in (self.module.address, self.label) if part)
        return f"{words} ({marks})" if marks else words


def evaluate(expression: syntax.Expression, scope: Scope) -> Node:
    """The value of an expression. Never raises; what cannot be known is a hole."""
    budget = scope.budget
    budget.steps -= 1
    if budget.steps < 0 or budget.depth >= _DEPTH:
        budget.cut += 1
        reason = "too much to evaluate" if budget.steps < 0 else "nested too deeply"
        return hole(scope.words(expression.span), scope.position(expression.span), reason)
    budget.depth += 1
    try:
        return _EVALUATE[type(expression)](expression, scope)
    except RecursionError:  # the depth is counted in expressions, and some of them take many frames
        budget.cut += 1
        return hole(scope.words(expression.span), scope.position(expression.span), "nested too deeply")
    finally:
        budget.depth -= 1


def condition_of(node: Node, words: str, scope: Scope) -> str:
    """The text that names an unknown condition: the hole that it comes from, where it is one."""
    if isinstance(node, Text) and node.only_hole is not None and not isinstance(node, Reference):
        words = node.only_hole.expression
    return scope.condition(words)


def _literal(expression: syntax.Literal, scope: Scope) -> Node:
    if isinstance(expression.value, str):
        return Text((expression.value,), scope.position(expression.span))
    return Const(expression.value, scope.position(expression.span))


def _unparsed(expression: syntax.Unparsed, scope: Scope) -> Node:
    return hole(scope.words(expression.span), scope.position(expression.span), expression.reason)


def _template(expression: syntax.Template, scope: Scope) -> Node:
    from passrole_checks.sources.terraform.templates import evaluate_template

    return evaluate_template(expression, scope)


def _tuple(expression: syntax.Tuple, scope: Scope) -> Node:
    items: list[Node] = []
    for item in expression.items:
        items.append(evaluate(item, scope))
    return Items(tuple(items), scope.position(expression.span))


def _object(expression: syntax.Object, scope: Scope) -> Node:
    entries: list[Entry] = []
    for key, value in expression.items:
        entries.append(Entry(key_text(evaluate(key, scope)), evaluate(value, scope)))
    return Mapping(tuple(entries), scope.position(expression.span))


def key_text(node: Node) -> Text:
    """A value as the key of an object."""
    if isinstance(node, Text):
        return node
    value = literal(node)
    return Text((value,), node.at) if value is not None else hole("…", node.at, "a key that is not known")


def _unary(expression: syntax.Unary, scope: Scope) -> Node:
    words, at = scope.words(expression.span), scope.position(expression.span)
    return distribute(lambda value: unary(expression.operator, value, words, at), evaluate(expression.operand, scope))


def _binary(expression: syntax.Binary, scope: Scope) -> Node:
    words, at = scope.words(expression.span), scope.position(expression.span)
    left, right = evaluate(expression.left, scope), evaluate(expression.right, scope)
    return distribute(lambda first, second: binary(expression.operator, first, second, words, at), left, right)


def _conditional(expression: syntax.Conditional, scope: Scope) -> Node:
    condition, then, otherwise = expression.condition, expression.then, expression.otherwise
    while True:  # "not a" and "a differs from b" have the outcomes of "a" and "a equals b", the other way round
        if isinstance(condition, syntax.Unary) and condition.operator == "!":
            condition, then, otherwise = condition.operand, otherwise, then
        elif isinstance(condition, syntax.Binary) and condition.operator == "!=":
            condition, then, otherwise = replace(condition, operator="=="), otherwise, then
        else:
            break
    value = evaluate(condition, scope)
    words = scope.words(condition.span)
    if isinstance(condition, syntax.Binary) and condition.operator == "==":
        words = f"{scope.words(condition.left.span)} == {scope.words(condition.right.span)}"
    at = scope.position(expression.span)

    def decide(known: Node) -> Node:
        decided = truth(known)
        if decided is not None:
            return evaluate(then if decided else otherwise, scope)
        first, second = evaluate(then, scope), evaluate(otherwise, scope)
        return choice(condition_of(known, words, scope), [("true", first), ("false", second)], at)

    return distribute(decide, value)


def _call(expression: syntax.Call, scope: Scope) -> Node:
    from passrole_checks.sources.terraform.functions import call

    return call(expression, scope)


def _for(expression: syntax.For, scope: Scope) -> Node:
    collection = evaluate(expression.collection, scope)
    return distribute(lambda known: _loop(expression, known, scope), collection)


def _loop(expression: syntax.For, collection: Node, scope: Scope) -> Node:
    at, words = scope.position(expression.span), scope.words(expression.span)
    rounds = rounds_of(collection)
    if rounds is None:
        return failure(words, at, "a 'for' over something that is no collection")
    items: list[Node] = []
    entries: list[Entry] = []
    for one in rounds:
        variables = {expression.value: one.value}
        if expression.key is not None:
            variables[expression.key] = one.key
        inner = scope.having(variables, f"{expression.value} = {one.label}")
        present: Node = Const(True, at) if expression.condition is None else evaluate(expression.condition, inner)
        if truth(present) is False:
            continue
        result = _perhaps(evaluate(expression.result, inner), present, expression, one, inner)
        if isinstance(result, Absent):
            continue
        if expression.result_key is None:
            items.append(result)
        else:
            key = key_text(evaluate(expression.result_key, inner))
            if one.many and key.literal is None:
                key = Rest(key.parts, key.at, defaults=key.defaults)
            entries.append(Entry(key, result))
    if expression.result_key is None:
        return Items(tuple(items), at)
    return Mapping(tuple(_grouped(entries, at) if expression.grouping else entries), at)


def _perhaps(result: Node, present: Node, expression: syntax.For, one: Round, scope: Scope) -> Node:
    """An element that is there under conditions only, or that stands for any number of its kind."""
    at = result.at

    def decide(condition: Node) -> Node:
        decided = truth(condition)
        if decided is not None:
            return result if decided else Absent(at)
        words = scope.words(expression.condition.span) if expression.condition is not None else ""
        return Choice(condition_of(condition, words, scope), (("true", result), ("false", Absent(at))), at)

    if one.many and isinstance(result, Text):
        return Rest(result.parts, at, defaults=result.defaults) if type(result) is Text else result
    kept = distribute(decide, present)
    return under(one.when, kept)


def _grouped(entries: list[Entry], at: Position) -> list[Entry]:
    groups: dict[tuple[object, ...], list[Entry]] = {}
    for entry in entries:
        groups.setdefault(entry.key.parts, []).append(entry)
    return [Entry(group[0].key, Items(tuple(entry.value for entry in group), at)) for group in groups.values()]


@dataclass(frozen=True)
class Round:
    """One round of a loop. ``many``: it stands for any number of rounds. ``when``: it may not take place."""

    key: Node
    value: Node
    label: str
    many: bool = False
    when: When = ()


def rounds_of(collection: Node) -> list[Round] | None:
    """The rounds of a loop over a collection; None where it is no collection."""
    at = collection.at
    if isinstance(collection, Items):
        return [_item_round(number_, item) for number_, item in enumerate(collection.items)]
    if isinstance(collection, Mapping):
        return [
            Round(entry.key, entry.value, str(entry.key), many=isinstance(entry.key, Rest))
            for entry in collection.entries
        ]
    if isinstance(collection, Reference) and collection.module is not None and not collection.attribute:
        instances = collection.module.instances_of(collection)
        if instances is not None:
            return [Round(Text((key,), at), value, key) for key, value in instances]
    if isinstance(collection, Text) and collection.holes:
        return [_unknown_round(collection)]
    return None


def _item_round(place: int, item: Node) -> Round:
    key = Const(place, item.at)
    if isinstance(item, Rest):
        return Round(hole("…", item.at), Text(item.parts, item.at, defaults=item.defaults), str(item), many=True)
    if isinstance(item, Choice) and any(isinstance(option, Absent) for _, option in item.options):
        present = [(outcome, option) for outcome, option in item.options if not isinstance(option, Absent)]
        if len(present) == 1 and len(item.options) == 2:
            outcome, option = present[0]
            return Round(key, option, str(place), when=((item.condition, outcome),))
    value = literal(item)
    return Round(key, item, f'"{value}"' if value is not None else str(place))


def _unknown_round(collection: Text) -> Round:
    words = str(collection.only_hole.expression if collection.only_hole else collection)
    if isinstance(collection, Reference):
        return Round(hole(f"{words} key", collection.at), collection, words, many=True)
    value = Text((Hole(f"{words}[*]", reason=collection.holes[0].reason),), collection.at, defaults=collection.defaults)
    when = ((f"{words} is not empty", "true"),)
    return Round(hole(f"{words} key", collection.at), value, words, many=True, when=when)


def _reference(expression: syntax.Expression, scope: Scope) -> Node:
    """Names, attributes and indexes: the whole chain at once, because its first names are looked up together."""
    steps: list[str | Node] = []
    current = expression
    while isinstance(current, (syntax.GetAttribute, syntax.Index)):
        if isinstance(current, syntax.GetAttribute):
            steps.append(current.name)
        else:
            steps.append(evaluate(current.key, scope))
        current = current.target
    steps.reverse()
    words, at = scope.words(expression.span), scope.position(expression.span)
    if isinstance(current, syntax.Name) and current.name not in scope.variables:
        if scope.only_variables:
            return failure(words, at, "not given to the template")
        value, used = scope.module.lookup(current.name, steps, words, at, scope)
        steps = steps[used:]
    elif isinstance(current, syntax.Name):
        value = scope.variables[current.name]
    else:
        value = evaluate(current, scope)
    for step in steps:
        value = take(value, step, words, at)
    return value


def take(value: Node, step: str | Node, words: str, at: Position) -> Node:
    """One step into a value: an attribute (a string) or an index."""
    if isinstance(step, str):
        return distribute(lambda known: _attribute(known, step, words, at), value)
    return distribute(lambda known, key: _index(known, key, words, at), value, step)


def _attribute(value: Node, name: str, words: str, at: Position) -> Node:
    if isinstance(value, Mapping):
        return _entry(value, name, words, at)
    if isinstance(value, Reference):
        return (
            value.module.attribute(value, name, at)
            if value.module is not None and not value.attribute
            else (hole(words, at))
        )
    if isinstance(value, Text) and value.only_hole is not None:
        return _deeper(value, f".{name}", at)
    return failure(words, at, f"no attribute {name}")


def _deeper(value: Text, step: str, at: Position) -> Text:
    inner = value.only_hole
    assert inner is not None
    return Text((Hole(f"{inner.expression}{step}", reason=inner.reason),), at, defaults=value.defaults)


def _entry(value: Mapping, name: str, words: str, at: Position) -> Node:
    found: Node | None = None
    for entry in value.entries:
        if entry.key.literal == name:
            found = entry.value
        elif entry.key.literal is None:
            inner = entry.value
            maybe = hole(f'{entry.key.holes[0].expression}["{name}"]', inner.at)
            if found is None:
                found = maybe
            else:
                text = f'{entry.key.holes[0].expression} holds "{name}"'
                found = Choice(text, (("true", maybe), ("false", found)), inner.at)
    return found if found is not None else failure(words, at, f'no key "{name}"')


def _index(value: Node, key: Node, words: str, at: Position) -> Node:
    if isinstance(value, Mapping):
        name = literal(key)
        return _entry(value, name, words, at) if name is not None else hole(words, at)
    if isinstance(value, Items):
        place = number(key)
        if place is None:
            return hole(words, at)
        return item_at(value, int(place), words, at)
    if isinstance(value, Reference):
        if value.module is not None and not value.attribute:
            return value.module.indexed(value, key, at)
        return hole(words, at)
    if isinstance(value, Text) and value.only_hole is not None:
        name = literal(key)
        step = f'["{name}"]' if isinstance(key, Text) else f"[{name}]"
        return _deeper(value, step, at) if name is not None else hole(words, at)
    return failure(words, at, "not a collection")


def item_at(value: Items, place: int, words: str, at: Position) -> Node:
    """The element at a place, if it is known which one that is."""
    if 0 <= place < len(value.items) and all(certain(item) for item in value.items[: place + 1]):
        return value.items[place]
    if all(certain(item) for item in value.items):
        return failure(words, at, f"no element {place}")
    single = [item for item in value.items if not certain(item)]
    if place == 0 and len(value.items) == 1 and isinstance(single[0], (Rest, Choice)):
        return _first(single[0], words, at)
    return hole(words, at)


def _first(item: Node, words: str, at: Position) -> Node:
    if isinstance(item, Choice):
        options = [
            (outcome, failure(words, at, "no element") if isinstance(option, Absent) else option)
            for outcome, option in item.options
        ]
        return choice(item.condition, options, item.at)
    assert isinstance(item, Text)
    return Text(item.parts, item.at, defaults=item.defaults)


def certain(item: Node) -> bool:
    """Whether an element of a list is exactly one element."""
    if isinstance(item, Choice):
        return all(certain(option) for _, option in item.options)
    return not isinstance(item, (Rest, Absent))


def _splat(expression: syntax.Splat, scope: Scope) -> Node:
    words, at = scope.words(expression.span), scope.position(expression.span)
    steps: list[str | Node] = []
    for step in expression.each:
        steps.append(step if isinstance(step, str) else evaluate(step, scope))

    def walk(target: Node) -> Node:
        if isinstance(target, Items):
            return Items(tuple(each(item) for item in target.items), at)
        if isinstance(target, Reference) and target.module is not None and not target.attribute:
            instances = target.module.instances_of(target)
            if instances is not None:
                return Items(tuple(each(value) for _, value in instances), at)
            return Items((each(target),), at)
        if is_null(target):
            return Items((), at)
        if is_unknown(target) and isinstance(target, Text) and target.only_hole is not None:
            suffix = "".join(f".{step}" if isinstance(step, str) else f"[{literal(step)}]" for step in steps)
            parts = (Hole(f"{target.only_hole.expression}[*]{suffix}", reason=target.only_hole.reason),)
            return Items((Rest(parts, at, defaults=target.defaults),), at)
        return Items((each(target),), at)

    def each(item: Node) -> Node:
        if isinstance(item, Absent):
            return item
        if isinstance(item, Choice):
            return choice(item.condition, [(outcome, each(option)) for outcome, option in item.options], item.at)
        value: Node = item
        for step in steps:
            value = take(value, step, words, at)
        if isinstance(item, Rest) and type(value) is Text:
            return Rest(value.parts, value.at, defaults=value.defaults)
        return value

    return distribute(walk, evaluate(expression.target, scope))


def limited(node: Node, words: str, at: Position) -> Node:
    """The node, or a hole where a collection has become too large."""
    if isinstance(node, Items) and len(node.items) > MAX_ITEMS:
        return hole(words, at, "too many elements")
    if isinstance(node, Mapping) and len(node.entries) > MAX_ITEMS:
        return hole(words, at, "too many entries")
    return node


_EVALUATE: dict[type[syntax.Expression], Callable[..., Node]] = {
    syntax.Literal: _literal,
    syntax.Template: _template,
    syntax.Name: _reference,
    syntax.GetAttribute: _reference,
    syntax.Index: _reference,
    syntax.Splat: _splat,
    syntax.Call: _call,
    syntax.Conditional: _conditional,
    syntax.Unary: _unary,
    syntax.Binary: _binary,
    syntax.Tuple: _tuple,
    syntax.Object: _object,
    syntax.For: _for,
    syntax.Unparsed: _unparsed,
}

__all__ = [
    "Budget", "Kind", "Round", "Scope", "certain", "condition_of", "evaluate", "item_at", "key_text", "limited",
    "rounds_of", "take",
]  # fmt: skip
