"""Evaluate calls of Terraform's functions on arguments that may be partially known.

A function that cannot compute a result returns None; the call then becomes an unresolved value that keeps its source
text. Functions that read the clock or a random source, and those of most providers, are always unresolved.
Source: Terraform language documentation, "Built-in Functions" and "Provider-defined Functions"; OpenTofu documentation,
"Functions".
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.iam.values.nodes import (
    Choice,
    Const,
    Failure,
    ListNode,
    Node,
    ObjectEntry,
    ObjectNode,
    StringNode,
    UnknownTail,
    UnresolvedKind,
    unresolved,
)
from passrole_checks.iam.values.path_conditions import Predicate
from passrole_checks.iam.values.variants import choose, make_choice, map_variants
from passrole_checks.sources.terraform.evaluation.get_path import limit_items, to_key
from passrole_checks.sources.terraform.evaluation.scope import EvaluationScope, evaluate, evaluator_for
from passrole_checks.sources.terraform.evaluation.symbolic_values import (
    Encoded,
    Reference,
    is_never_empty,
    is_null,
    known_string,
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
from passrole_checks.sources.terraform.functions.signature import Function, FunctionCall, declare, evaluation_cost
from passrole_checks.sources.terraform.functions.text import TEXT
from passrole_checks.sources.terraform.functions.time import TIME
from passrole_checks.sources.terraform.functions.yaml import YAML
from passrole_checks.sources.terraform.reading import syntax


def _list(call: FunctionCall, arguments: list[Node]) -> Node | None:
    """Evaluate ``list``, which Terraform had until 0.14."""
    return ListNode(tuple(arguments), call.at)


def _map(call: FunctionCall, arguments: list[Node]) -> Node | None:
    """Evaluate ``map``, which Terraform had until 0.14: keys and values alternate."""
    if len(arguments) % 2:
        return call.fail("a key without a value")
    pairs = zip(arguments[::2], arguments[1::2], strict=True)
    return ObjectNode(tuple(ObjectEntry(to_key(key), value) for key, value in pairs), call.at)


_FUNCTIONS: dict[str, Function] = {
    **COLLECTION, **MAPS, **TEXT, **FORMAT, **ENCODING, **NUMBER, **PATTERN, **TIME, **FILES, **YAML,
    **declare({"list": (_list, "A*"), "map": (_map, "A*")}),
    **{f"provider::aws::{name}": function for name, function in AWS.items()},
}  # fmt: skip
_SPECIAL = frozenset({"try", "can", "coalesce", "convert"})  # functions that evaluate their own arguments
NOT_EVALUATED = {
    **dict.fromkeys(("timestamp", "plantimestamp", "uuid", "bcrypt"), "known at apply only"),
    **dict.fromkeys(("cidrhost", "cidrnetmask", "cidrsubnet", "cidrsubnets", "cidrcontains"),
                    "CIDR functions are not evaluated"),
    **dict.fromkeys(("issensitive", "flip_sensitive"), "sensitivity is not tracked"),
    "rsadecrypt": "a secret", "base64gzip": "the bytes depend on the compressor",
    "type": "available in the console only",
}  # fmt: skip
"""Functions that are always unresolved, with the reason. `docs/inputs/terraform.md` lists them."""

BUILTIN_NAMES = frozenset(name for name in (*_FUNCTIONS, *_SPECIAL, *NOT_EVALUATED) if ":" not in name)
"""The names of all built-in functions of Terraform and OpenTofu."""

_NODES_PER_STEP = 2  # nodes that a function visits in the time of one evaluated expression
_CHOICE_AWARE = frozenset({
    "concat", "merge", "flatten", "compact", "distinct", "toset", "tolist", "setunion", "jsonencode", "yamlencode",
    "list", "map",
})  # fmt: skip
"""Functions that receive conditional arguments as such; all others are called once per alternative."""


@evaluator_for(syntax.Call)
def call(expression: syntax.Call, scope: EvaluationScope) -> Node:
    """Evaluate a function call."""
    at = scope.position(expression.span)
    name = expression.name.removeprefix("core::")
    if name in ("try", "can", "coalesce"):
        return _first_usable(name, expression, scope)
    if name == "convert" and len(expression.arguments) == 2:
        return convert(evaluate(expression.arguments[0], scope), expression.arguments[1], scope)
    function = _FUNCTIONS.get(name)
    if function is None:
        kind = UnresolvedKind.NAME if name == "uuid" else UnresolvedKind.ANYTHING
        what = f"{name} is a provider function" if name.startswith("provider::") else f"unknown function {name}"
        return unresolved(scope.source_text(expression.span), at, NOT_EVALUATED.get(name, what), kind)
    arguments: list[Node] = []
    for index, argument in enumerate(expression.arguments):
        value = evaluate(argument, scope)
        if expression.expand and index == len(expression.arguments) - 1:
            arguments.extend(_expand_argument(value))
        else:
            arguments.append(value)
    failed = next((argument for argument in arguments if isinstance(argument, Failure)), None)
    if failed is not None and (scope.trying or failed.only_unresolved is not None):
        return failed
    function_call = FunctionCall(name, at, scope, partial(scope.source_text, expression.span))
    scope.budget.steps -= sum(map(evaluation_cost, arguments)) // _NODES_PER_STEP
    if name in _CHOICE_AWARE:
        result = function(function_call, arguments)
    elif any(isinstance(argument, UnknownTail) for argument in arguments):
        result = None
    else:

        def apply(*values: Node) -> Node:
            # one alternative may be an unknown number of arguments
            rest = any(isinstance(value, UnknownTail) for value in values)
            computed = None if rest else function(function_call, list(values))
            return computed or unresolved_from(function_call.text, at, *values)

        result = map_variants(apply, *arguments)
    if result is None:
        return unresolved_from(function_call.text, at, *arguments)
    scope.budget.steps -= evaluation_cost(result) // _NODES_PER_STEP
    return limit_items(result, function_call.source_text, at)


def _expand_argument(value: Node) -> list[Node]:
    """Return the arguments that ``value...`` expands to."""
    if isinstance(value, ListNode):
        return list(value.items)
    if isinstance(value, StringNode) and value.unresolved_parts:
        return [UnknownTail(value.parts, value.at, defaults=value.defaults)]
    if isinstance(value, Choice) and all(isinstance(option, ListNode) for _, option in value.options):
        lists = [option.items for _, option in value.options if isinstance(option, ListNode)]
        if len({len(items) for items in lists}) == 1:
            outcomes = [outcome for outcome, _ in value.options]
            return [make_choice(list(zip(outcomes, row, strict=True)), value.at) for row in zip(*lists, strict=True)]
    return [UnknownTail(unresolved("…", value.at).parts, value.at)]


# References that always evaluate: a whole variable, and the account, partition and Region of a data source
_WHOLE_VARIABLE = lazy_regex(r"(?:var|each|count)\.[^.\[]+")
_ALWAYS_KNOWN_KINDS = (UnresolvedKind.ACCOUNT_ID, UnresolvedKind.PARTITION, UnresolvedKind.REGION)


def _first_usable(name: str, expression: syntax.Call, scope: EvaluationScope) -> Node:
    """Evaluate ``try``, ``can`` or ``coalesce``: the first usable argument, or a choice where that is undecidable."""
    source_text, at = scope.source_text(expression.span), scope.position(expression.span)
    values: list[tuple[Node, str]] = []
    inner = scope if name == "coalesce" else replace(scope, trying=True)
    for index, argument in enumerate(expression.arguments):
        value = evaluate(argument, inner)
        if expression.expand and index == len(expression.arguments) - 1:
            values.extend((argument_value, source_text) for argument_value in _expand_argument(value))
        else:
            values.append((value, scope.source_text(argument.span)))
        if name != "coalesce" and _is_usable(name, value, {}) is True:
            break
    result: Node | None = None
    for value, text in reversed(values):
        result = _value_or_next(name, value, text, result, scope)
    if name == "can":

        def to_bool(value: Node) -> Node:
            usable = _is_usable("try", value, {})
            return Const(usable, at) if usable is not None else unresolved_from(source_text, at, value)

        return map_variants(to_bool, values[0][0]) if values else unresolved(source_text, at)
    return result if result is not None else unresolved(source_text, at)


def _value_or_next(name: str, value: Node, source_text: str, otherwise: Node | None, scope: EvaluationScope) -> Node:
    """Return ``value`` where it is usable, else ``otherwise``; a choice of both where that is undecidable."""

    def decide(option: Node) -> Node:
        usable = _is_usable(name, option, {})
        if usable is True or otherwise is None:
            return option
        if usable is False:
            return otherwise
        predicate = Predicate.SET if name == "coalesce" else Predicate.EVALUABLE
        return choose(scope.assume(source_text, predicate), option, otherwise, option.at)

    return map_variants(decide, value)


def _is_usable(name: str, value: Node, known: dict[int, bool | None]) -> bool | None:
    """True if ``try``, ``can`` or ``coalesce`` takes this argument; None if that is undecidable.

    ``known``: results for parts of the argument, by identity: variants share parts, each of which is decided once.
    """
    if isinstance(value, Failure) or any(isinstance(inner, Failure) for inner in _certain_values(value)):
        return False
    if isinstance(value, Choice):
        if id(value) not in known:
            answers = {_is_usable(name, option, known) for _, option in value.options}
            known[id(value)] = answers.pop() if len(answers) == 1 else None
        return known[id(value)]
    if isinstance(value, UnknownTail):
        return None
    if name == "coalesce":
        if is_null(value) or known_string(value) == "":
            return False
        return True if not isinstance(value, StringNode) or is_never_empty(value) else None
    if isinstance(value, StringNode) and value.only_unresolved is not None and not isinstance(value, Reference):
        only = value.only_unresolved
        is_evaluable = only.kind in _ALWAYS_KNOWN_KINDS or _WHOLE_VARIABLE.fullmatch(only.expression) is not None
        return True if is_evaluable or type(value) is not StringNode else None
    return True


def _certain_values(value: Node) -> Iterator[Node]:
    """Yield a value and all values nested in it that exist in every case."""
    pending: list[Node | ObjectEntry] = [value]
    while pending:
        current = pending.pop()
        if isinstance(current, ObjectEntry):  # evaluated one after the other
            current = current.value
        yield current
        if isinstance(current, Encoded) and current.value is not None:
            pending.append(current.value)
        elif isinstance(current, ListNode):
            pending.extend(current.items)
        elif isinstance(current, ObjectNode):
            pending.extend(current.entries)
