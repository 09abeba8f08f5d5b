"""Functions on sets, which are kept as lists without repetitions, in the order that Terraform walks them in.

Source: Terraform language documentation, "Functions", "Collection Functions" and "Type Conversion Functions".
"""

from __future__ import annotations

from passrole_checks.iam import path_conditions
from passrole_checks.iam.partial_values import Choice, Const, ListNode, Node, StringNode
from passrole_checks.sources.terraform.evaluation.conditional_values import guard
from passrole_checks.sources.terraform.evaluation.get_path import is_single_element
from passrole_checks.sources.terraform.evaluation.loops import Iteration, iterations_of
from passrole_checks.sources.terraform.evaluation.operators import are_equal
from passrole_checks.sources.terraform.evaluation.symbolic_values import UnknownTail, known_number, known_string
from passrole_checks.sources.terraform.functions.collection import concat, elements, in_order, listed, without_repeats
from passrole_checks.sources.terraform.functions.signature import FunctionCall, declare

_MOST_ROWS = 2_000


def to_set(call: FunctionCall, arguments: list[Node]) -> Node | None:
    """``toset``: each element once and in order, in every reading."""
    value = arguments[0]
    if isinstance(value, Choice):
        return Choice(
            value.condition, tuple((o, to_set(call, [one]) or call.hole()) for o, one in value.options), value.at
        )
    return as_set(value, call) if isinstance(value, ListNode) else value


def as_set(value: ListNode, call: FunctionCall) -> ListNode:
    """The elements once each, strings and numbers in their order."""
    found, exact = without_repeats(list(value.items))
    if all(isinstance(item, Const) and known_number(item) is not None for item in found):
        found.sort(key=lambda item: known_number(item) or 0)
    elif all(
        known_string(item) is not None or not is_single_element(item) or isinstance(item, StringNode) for item in found
    ):
        found, _, places = in_order(found, call)
        return listed(found, call, value, places, exact=exact)
    return listed(found, call, value, exact=exact)


def set_union(call: FunctionCall, arguments: list[Node]) -> Node | None:
    """``setunion``: the elements of all sets once each."""
    joined = concat(call, arguments)
    return as_set(joined, call) if isinstance(joined, ListNode) else None


def set_kept(call: FunctionCall, arguments: list[Node]) -> Node | None:
    """``setintersection`` and ``setsubtract``: an element of which it cannot be told is there under a condition."""
    wanted = call.name == "setintersection"
    sets = list(arguments)
    if wanted:  # the order makes no difference; that of which most is known is looked through
        sets.sort(
            key=lambda one: (
                not (isinstance(one, ListNode) and all(known_string(item) is not None for item in one.items))
            )
        )
    found: list[Node] = []
    for item in elements(sets[0]):
        answers = [_within(item, other) for other in sets[1:]]
        if (not wanted) in answers:
            continue
        if None not in answers or isinstance(item, UnknownTail):
            found.append(item)
            continue
        name = known_string(item)
        words = path_conditions.quoted(name) if name is not None else str(item) if isinstance(item, StringNode) else "…"
        found.append(guard(((call.scope.condition(f"{call.words} holds {words}"), "true"),), item))
    return as_set(ListNode(tuple(found), call.at), call)


def _within(item: Node, other: Node) -> bool | None:
    """Whether a set holds an element, None where it cannot be told."""
    answers = [
        are_equal(one, item) if is_single_element(one) and is_single_element(item) else None for one in elements(other)
    ]
    return True if True in answers else None if None in answers else False


def set_product(call: FunctionCall, arguments: list[Node]) -> Node | None:
    """All combinations; one with an element that may be missing, or stand for several, is there under a condition."""
    rows: list[tuple[tuple[Node, ...], tuple[tuple[str, str], ...]]] = [((), ())]
    for argument in arguments:
        rounds = iterations_of(argument)
        if rounds is None:
            return call.fail("an argument is not a list or a set")
        if len(rows) * len(rounds) > _MOST_ROWS:
            return call.hole("too many elements")
        several = [(one.value, one.when or _some(one, call)) for one in rounds]
        rows = [((*row, value), (*when, *more)) for row, when in rows for value, more in several]
    found = [guard(when, ListNode(row, call.at)) for row, when in rows]
    return listed(found, call, *arguments)


def _some(one: Iteration, call: FunctionCall) -> tuple[tuple[str, str], ...]:
    """The condition under which there are any of the elements that a round stands for."""
    return ((call.scope.condition(f"{one.value} is not empty"), "true"),) if one.repeated else ()


SETS = declare({
    "toset": (to_set, "L"), "setunion": (set_union, "l*"), "setintersection": (set_kept, "ll*"),
    "setsubtract": (set_kept, "ll"), "setproduct": (set_product, "l*"),
})  # fmt: skip
