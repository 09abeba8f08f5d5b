"""Functions on sets, which are represented as lists without duplicates, in Terraform's iteration order.

Source: Terraform language documentation, "Functions", "Collection Functions" and "Type Conversion Functions".
"""

from __future__ import annotations

from passrole_checks.iam.partial_values import Choice, Const, ListNode, Node, StringNode
from passrole_checks.iam.path_conditions import PathCondition, Predicate
from passrole_checks.sources.terraform.evaluation.conditional_values import guard
from passrole_checks.sources.terraform.evaluation.get_path import is_single_element
from passrole_checks.sources.terraform.evaluation.loops import Iteration, iterations_of
from passrole_checks.sources.terraform.evaluation.operators import are_equal
from passrole_checks.sources.terraform.evaluation.symbolic_values import UnknownTail, known_number, known_string
from passrole_checks.sources.terraform.functions.collection import (
    build_list,
    concat,
    deduplicate,
    elements,
    sort_strings,
)
from passrole_checks.sources.terraform.functions.signature import FunctionCall, declare

_MAX_ROWS = 2_000


def to_set(call: FunctionCall, arguments: list[Node]) -> Node | None:
    """Evaluate ``toset`` in every alternative: sorted, without duplicates."""
    value = arguments[0]
    if isinstance(value, Choice):
        return Choice(
            tuple((o, to_set(call, [option]) or call.unresolved()) for o, option in value.options),
            value.at,
        )
    return as_set(value, call) if isinstance(value, ListNode) else value


def as_set(value: ListNode, call: FunctionCall) -> ListNode:
    """Return the elements without duplicates; strings and numbers are sorted."""
    items, exact = deduplicate(list(value.items))
    if all(isinstance(item, Const) and known_number(item) is not None for item in items):
        items.sort(key=lambda item: known_number(item) or 0)
    elif all(
        known_string(item) is not None or not is_single_element(item) or isinstance(item, StringNode) for item in items
    ):
        items, _, order = sort_strings(items, call)
        return build_list(items, call, value, order, exact=exact)
    return build_list(items, call, value, exact=exact)


def set_union(call: FunctionCall, arguments: list[Node]) -> Node | None:
    """Evaluate ``setunion``."""
    joined = concat(call, arguments)
    return as_set(joined, call) if isinstance(joined, ListNode) else None


def intersect_or_subtract(call: FunctionCall, arguments: list[Node]) -> Node | None:
    """Evaluate ``setintersection`` and ``setsubtract``: an element whose membership is undecidable is conditional."""
    keep_common = call.name == "setintersection"
    sets = list(arguments)
    if keep_common:  # the order does not matter; iterate over a completely known set
        sets.sort(
            key=lambda set_: (
                not (isinstance(set_, ListNode) and all(known_string(item) is not None for item in set_.items))
            )
        )
    result: list[Node] = []
    for item in elements(sets[0]):
        answers = [_contains(item, other) for other in sets[1:]]
        if (not keep_common) in answers:
            continue
        if None not in answers or isinstance(item, UnknownTail):
            result.append(item)
            continue
        name = known_string(item)
        shown = name if name is not None else str(item) if isinstance(item, StringNode) else "…"
        result.append(guard((call.scope.assume(call.text, Predicate.CONTAINS, shown),), item))
    return as_set(ListNode(tuple(result), call.at), call)


def _contains(item: Node, other: Node) -> bool | None:
    """True if a set contains an element; None if that is undecidable."""
    answers = [
        are_equal(element, item) if is_single_element(element) and is_single_element(item) else None
        for element in elements(other)
    ]
    return True if True in answers else None if None in answers else False


def set_product(call: FunctionCall, arguments: list[Node]) -> Node | None:
    """Evaluate ``setproduct``: a combination with an element that may be absent or repeated is conditional."""
    rows: list[tuple[tuple[Node, ...], PathCondition]] = [((), ())]
    for argument in arguments:
        rounds = iterations_of(argument)
        if rounds is None:
            return call.fail("an argument is not a list or a set")
        if len(rows) * len(rounds) > _MAX_ROWS:
            return call.unresolved("too many elements")
        options = [(round_.value, round_.when or _nonempty(round_, call)) for round_ in rounds]
        rows = [((*row, value), (*when, *further)) for row, when in rows for value, further in options]
    combinations = [guard(when, ListNode(row, call.at)) for row, when in rows]
    return build_list(combinations, call, *arguments)


def _nonempty(round_: Iteration, call: FunctionCall) -> PathCondition:
    """Return the condition under which a round of unknown length has any elements."""
    return (call.scope.assume(str(round_.value), Predicate.NOT_EMPTY),) if round_.repeated else ()


SETS = declare({
    "toset": (to_set, "L"), "setunion": (set_union, "l*"), "setintersection": (intersect_or_subtract, "ll*"),
    "setsubtract": (intersect_or_subtract, "ll"), "setproduct": (set_product, "l*"),
})  # fmt: skip
