"""Terraform's functions, on arguments of which only a part may be known.

A function that cannot say anything answers None, and the call becomes a hole with its own text. Functions that read the
clock or chance, and those of providers, are always holes.
Source: Terraform language documentation, "Built-in Functions".
"""

from __future__ import annotations

from passrole_checks.iam.values import Choice, Const, Items, Kind, Node, Text
from passrole_checks.sources.terraform import syntax
from passrole_checks.sources.terraform.access import limited
from passrole_checks.sources.terraform.function import Call, Function
from passrole_checks.sources.terraform.functions_collection import COLLECTION
from passrole_checks.sources.terraform.functions_files import FILES
from passrole_checks.sources.terraform.functions_text import TEXT
from passrole_checks.sources.terraform.functions_yaml import YAML
from passrole_checks.sources.terraform.scope import Scope, evaluate, evaluates
from passrole_checks.sources.terraform.symbols import (
    Failure,
    Reference,
    Rest,
    choice,
    distribute,
    hole,
    hole_from,
    is_null,
    literal,
    never_empty,
)

_FUNCTIONS: dict[str, Function] = {**TEXT, **COLLECTION, **FILES, **YAML}
_WHOLE = frozenset({"concat", "merge", "flatten", "compact", "distinct", "toset", "tolist", "setunion", "jsonencode"})
_GENERATED = {"uuid": Kind.NAME, "uuidv5": Kind.NAME, "timestamp": Kind.ANYTHING}


@evaluates(syntax.Call)
def call(expression: syntax.Call, scope: Scope) -> Node:
    """The value of a function call."""
    words, at = scope.words(expression.span), scope.position(expression.span)
    name = expression.name.removeprefix("core::")
    if name in ("try", "can", "coalesce"):
        return _first_that_holds(name, expression, scope)
    function = _FUNCTIONS.get(name)
    if function is None:
        return hole(words, at, "not known before deployment", _GENERATED.get(name, Kind.ANYTHING))
    arguments: list[Node] = []
    for place, argument in enumerate(expression.arguments):
        value = evaluate(argument, scope)
        if expression.expand and place == len(expression.arguments) - 1:
            arguments.extend(_spread(value))
        else:
            arguments.append(value)
    failed = next((argument for argument in arguments if isinstance(argument, Failure)), None)
    if failed is not None:
        return failed
    info = Call(name, words, at, scope)
    if name in _WHOLE:
        found = function(info, arguments)
    elif any(isinstance(argument, Rest) for argument in arguments):
        found = None
    else:
        found = distribute(lambda *values: function(info, list(values)) or hole_from(words, at, *values), *arguments)
    return limited(found, words, at) if found is not None else hole_from(words, at, *arguments)


def _spread(value: Node) -> list[Node]:
    """The arguments that ``value...`` stands for."""
    if isinstance(value, Items):
        return list(value.items)
    if isinstance(value, Text) and value.holes:
        return [Rest(value.parts, value.at, defaults=value.defaults)]
    if isinstance(value, Choice) and all(isinstance(option, Items) for _, option in value.options):
        lists = [option.items for _, option in value.options if isinstance(option, Items)]
        if len({len(items) for items in lists}) == 1:
            outcomes = [outcome for outcome, _ in value.options]
            return [
                choice(value.condition, list(zip(outcomes, row, strict=True)), value.at)
                for row in zip(*lists, strict=True)
            ]
    return [Rest(hole("…", value.at).parts, value.at)]


def _first_that_holds(name: str, expression: syntax.Call, scope: Scope) -> Node:
    """``try``, ``can`` and ``coalesce``: arguments in turn; where it is not known whether one holds, both ways."""
    words, at = scope.words(expression.span), scope.position(expression.span)
    values: list[tuple[Node, str]] = []
    for place, argument in enumerate(expression.arguments):
        value = evaluate(argument, scope)
        if expression.expand and place == len(expression.arguments) - 1:
            values.extend((one, words) for one in _spread(value))
        else:
            values.append((value, scope.words(argument.span)))
        if name != "coalesce" and _holds(name, value) is True:
            break
    result: Node | None = None
    for value, text in reversed(values):
        result = _or_else(name, value, text, result, scope)
    if name == "can":
        held = [_holds("try", value) for value, _ in values]
        return Const(held[0], at) if held and held[0] is not None else hole(words, at)
    return result if result is not None else hole(words, at)


def _or_else(name: str, value: Node, words: str, otherwise: Node | None, scope: Scope) -> Node:
    def decide(known: Node) -> Node:
        held = _holds(name, known)
        if held is True or otherwise is None:
            return known
        if held is False:
            return otherwise
        verb = "is set" if name == "coalesce" else "can be evaluated"
        return choice(scope.condition(f"{words} {verb}"), [("true", known), ("false", otherwise)], known.at)

    return distribute(decide, value)


def _holds(name: str, value: Node) -> bool | None:
    """Whether an argument is taken, None where it cannot be told."""
    if isinstance(value, Failure):
        return False
    if isinstance(value, Choice):
        held = {_holds(name, option) for _, option in value.options}
        return held.pop() if len(held) == 1 else None
    if isinstance(value, Rest):
        return None
    if name == "coalesce":
        if is_null(value) or literal(value) == "":
            return False
        return True if not isinstance(value, Text) or never_empty(value) else None
    if isinstance(value, Text) and value.only_hole is not None and not isinstance(value, Reference):
        plain_reference = value.only_hole.expression.startswith(("var.", "each.", "count.")) and (
            value.only_hole.expression.count(".") == 1 and "[" not in value.only_hole.expression
        )
        return True if plain_reference or type(value) is not Text else None
    return True
