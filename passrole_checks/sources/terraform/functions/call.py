"""Terraform's functions, on arguments of which only a part may be known.

A function that cannot say anything answers None, and the call becomes a hole with its own text. Functions that read the
clock or chance, and those of most providers, are always holes.
Source: Terraform language documentation, "Built-in Functions" and "Provider-defined Functions"; OpenTofu documentation,
"Functions".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from passrole_checks.iam.partial_values import (
    Choice,
    Const,
    ListNode,
    Node,
    ObjectEntry,
    ObjectNode,
    StringNode,
    UnresolvedKind,
)
from passrole_checks.sources.terraform.evaluation.conditional_values import make_choice, map_choices
from passrole_checks.sources.terraform.evaluation.get_path import limit_items, to_key
from passrole_checks.sources.terraform.evaluation.scope import EvaluationScope, evaluate, evaluator_for
from passrole_checks.sources.terraform.evaluation.symbolic_values import (
    Encoded,
    Failure,
    Reference,
    UnknownTail,
    is_never_empty,
    is_null,
    known_string,
    unresolved,
    unresolved_from,
)
from passrole_checks.sources.terraform.evaluation.types import convert
from passrole_checks.sources.terraform.functions.collection import COLLECTION
from passrole_checks.sources.terraform.functions.encoding import ENCODING
from passrole_checks.sources.terraform.functions.files import FILES
from passrole_checks.sources.terraform.functions.format import FORMAT
from passrole_checks.sources.terraform.functions.maps import MAPS
from passrole_checks.sources.terraform.functions.number import NUMBER
from passrole_checks.sources.terraform.functions.pattern import PATTERN
from passrole_checks.sources.terraform.functions.provider import AWS
from passrole_checks.sources.terraform.functions.sets import SETS
from passrole_checks.sources.terraform.functions.signature import Function, FunctionCall, declare, weight
from passrole_checks.sources.terraform.functions.text import TEXT
from passrole_checks.sources.terraform.functions.text_ends import ENDS
from passrole_checks.sources.terraform.functions.time import TIME
from passrole_checks.sources.terraform.functions.yaml import YAML
from passrole_checks.sources.terraform.reading import syntax


def _list(call: FunctionCall, arguments: list[Node]) -> Node | None:
    """``list``, which Terraform had until 0.14."""
    return ListNode(tuple(arguments), call.at)


def _map(call: FunctionCall, arguments: list[Node]) -> Node | None:
    """``map``, which Terraform had until 0.14: keys and values in turn."""
    if len(arguments) % 2:
        return call.fail("a key without a value")
    pairs = zip(arguments[::2], arguments[1::2], strict=True)
    return ObjectNode(tuple(ObjectEntry(to_key(key), value) for key, value in pairs), call.at)


_FUNCTIONS: dict[str, Function] = {
    **COLLECTION, **SETS, **MAPS, **TEXT, **ENDS, **FORMAT, **ENCODING, **NUMBER, **PATTERN, **TIME, **FILES, **YAML,
    **declare({"list": (_list, "A*"), "map": (_map, "A*")}),
}  # fmt: skip
_SPECIAL = frozenset({"try", "can", "coalesce", "convert"})  # their arguments are not simply evaluated first
NEVER = {
    **dict.fromkeys(("timestamp", "plantimestamp", "uuid", "bcrypt"), "known when it runs"),
    **dict.fromkeys(("cidrhost", "cidrnetmask", "cidrsubnet", "cidrsubnets", "cidrcontains"),
                    "network addresses are not worked out"),
    **dict.fromkeys(("issensitive", "flip_sensitive"), "what is sensitive is not kept"),
    "rsadecrypt": "a secret", "base64gzip": "the bytes depend on the program that compresses",
    "type": "only in the console",
}  # fmt: skip
"""Functions that are always holes, and why. README lists them."""

KNOWN = frozenset({*_FUNCTIONS, *_SPECIAL, *NEVER})
"""The names of all built-in functions of Terraform and OpenTofu."""

_CHEAP = 2  # nodes that a function looks through in the time in which an expression is evaluated
_WHOLE = frozenset({"concat", "merge", "flatten", "compact", "distinct", "toset", "tolist", "setunion", "jsonencode",
                    "yamlencode", "list", "map"})  # fmt: skip
"""Functions that see alternatives as such; the others are called for each of them."""


@evaluator_for(syntax.Call)
def call(expression: syntax.Call, scope: EvaluationScope) -> Node:
    """The value of a function call."""
    words, at = scope.source_text(expression.span), scope.position(expression.span)
    name = expression.name.removeprefix("core::")
    if name in ("try", "can", "coalesce"):
        return _first_that_holds(name, expression, scope)
    if name == "convert" and len(expression.arguments) == 2:
        return convert(evaluate(expression.arguments[0], scope), expression.arguments[1], scope)
    function = _FUNCTIONS.get(name) or _of_provider(name)
    if function is None:
        kind = UnresolvedKind.NAME if name == "uuid" else UnresolvedKind.ANYTHING
        return unresolved(words, at, _why_not(name), kind)
    arguments: list[Node] = []
    for place, argument in enumerate(expression.arguments):
        value = evaluate(argument, scope)
        if expression.expand and place == len(expression.arguments) - 1:
            arguments.extend(_spread(value))
        else:
            arguments.append(value)
    failed = next((argument for argument in arguments if isinstance(argument, Failure)), None)
    if failed is not None and (scope.trying or failed.only_hole is not None):
        return failed
    info = FunctionCall(name, words, at, scope)
    scope.budget.steps -= sum(map(weight, arguments)) // _CHEAP
    if name in _WHOLE:
        found = function(info, arguments)
    elif any(isinstance(argument, UnknownTail) for argument in arguments):
        found = None
    else:

        def applied(*values: Node) -> Node:
            # an alternative of an argument may be any number of arguments
            rest = any(isinstance(value, UnknownTail) for value in values)
            return (None if rest else function(info, list(values))) or unresolved_from(words, at, *values)

        found = map_choices(applied, *arguments)
    if found is None:
        return unresolved_from(words, at, *arguments)
    scope.budget.steps -= weight(found) // _CHEAP
    return limit_items(found, words, at)


def _of_provider(name: str) -> Function | None:
    return AWS.get(name.removeprefix("provider::aws::")) if name.startswith("provider::aws::") else None


def _why_not(name: str) -> str:
    if name.startswith("provider::"):
        return f"{name} is a function of a provider"
    return NEVER.get(name, f"no function {name}")


def _spread(value: Node) -> list[Node]:
    """The arguments that ``value...`` stands for."""
    if isinstance(value, ListNode):
        return list(value.items)
    if isinstance(value, StringNode) and value.holes:
        return [UnknownTail(value.parts, value.at, defaults=value.defaults)]
    if isinstance(value, Choice) and all(isinstance(option, ListNode) for _, option in value.options):
        lists = [option.items for _, option in value.options if isinstance(option, ListNode)]
        if len({len(items) for items in lists}) == 1:
            outcomes = [outcome for outcome, _ in value.options]
            return [
                make_choice(value.condition, list(zip(outcomes, row, strict=True)), value.at)
                for row in zip(*lists, strict=True)
            ]
    return [UnknownTail(unresolved("…", value.at).parts, value.at)]


# What can only be evaluated: a variable as a whole, and what a data source says of where it is asked
_PLAIN = re.compile(r"(?:var|each|count)\.[^.\[]+")
_TOLD = (UnresolvedKind.ACCOUNT_ID, UnresolvedKind.PARTITION, UnresolvedKind.REGION)


def _first_that_holds(name: str, expression: syntax.Call, scope: EvaluationScope) -> Node:
    """``try``, ``can`` and ``coalesce``: arguments in turn; where it is not known whether one holds, both ways."""
    words, at = scope.source_text(expression.span), scope.position(expression.span)
    values: list[tuple[Node, str]] = []
    inner = scope if name == "coalesce" else replace(scope, trying=True)
    for place, argument in enumerate(expression.arguments):
        value = evaluate(argument, inner)
        if expression.expand and place == len(expression.arguments) - 1:
            values.extend((one, words) for one in _spread(value))
        else:
            values.append((value, scope.source_text(argument.span)))
        if name != "coalesce" and _holds(name, value) is True:
            break
    result: Node | None = None
    for value, text in reversed(values):
        result = _or_else(name, value, text, result, scope)
    if name == "can":

        def known_to_hold(value: Node) -> Node:
            held = _holds("try", value)
            return Const(held, at) if held is not None else unresolved_from(words, at, value)

        return map_choices(known_to_hold, values[0][0]) if values else unresolved(words, at)
    return result if result is not None else unresolved(words, at)


def _or_else(name: str, value: Node, words: str, otherwise: Node | None, scope: EvaluationScope) -> Node:
    def decide(known: Node) -> Node:
        held = _holds(name, known)
        if held is True or otherwise is None:
            return known
        if held is False:
            return otherwise
        verb = "is set" if name == "coalesce" else "can be evaluated"
        return make_choice(scope.condition(f"{words} {verb}"), [("true", known), ("false", otherwise)], known.at)

    return map_choices(decide, value)


def _holds(name: str, value: Node) -> bool | None:
    """Whether an argument is taken, None where it cannot be told."""
    if isinstance(value, Failure) or any(isinstance(inner, Failure) for inner in _inside(value)):
        return False
    if isinstance(value, Choice):
        held = {_holds(name, option) for _, option in value.options}
        return held.pop() if len(held) == 1 else None
    if isinstance(value, UnknownTail):
        return None
    if name == "coalesce":
        if is_null(value) or known_string(value) == "":
            return False
        return True if not isinstance(value, StringNode) or is_never_empty(value) else None
    if isinstance(value, StringNode) and value.only_hole is not None and not isinstance(value, Reference):
        sure = _PLAIN.fullmatch(value.only_hole.expression) is not None or value.only_hole.kind in _TOLD
        return True if sure or type(value) is not StringNode else None
    return True


def _inside(value: Node) -> Iterator[Node]:
    """What stands inside a collection, as far as it is there in any case."""
    pending = [value]
    while pending:
        current = pending.pop()
        yield current
        if isinstance(current, Encoded) and current.value is not None:
            pending.append(current.value)
        elif isinstance(current, ListNode):
            pending.extend(current.items)
        elif isinstance(current, ObjectNode):
            pending.extend(entry.value for entry in current.entries)
