"""Functions on lists. Source: Terraform language documentation, "Functions", "Collection Functions"."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from passrole_checks.iam import path_conditions
from passrole_checks.iam.partial_values import Absent, Choice, Const, ListNode, Node, ObjectNode, StringNode, Unresolved
from passrole_checks.sources.terraform.evaluation.conditional_values import guard, map_choices, repeat, variants_of
from passrole_checks.sources.terraform.evaluation.get_path import (
    get_by_unknown_key,
    get_element,
    get_path,
    is_single_element,
)
from passrole_checks.sources.terraform.evaluation.operators import are_equal
from passrole_checks.sources.terraform.evaluation.scope import key_text
from passrole_checks.sources.terraform.evaluation.symbolic_values import (
    MAX_ITEMS,
    Reference,
    Repeated,
    UnknownTail,
    Unordered,
    is_null,
    known_bool,
    known_integer,
    known_number,
    known_string,
    unresolved,
)
from passrole_checks.sources.terraform.functions.signature import FunctionCall, declare, open_ended

_DEEP = 30
_OPEN = 4  # elements that may be missing, in a list whose length is asked for
_LONGEST_RANGE = 1024  # Terraform's own limit
_MOST_COMPARED = 200_000  # pairs of elements, one by one


def elements(value: Node) -> list[Node]:
    """The elements of a list; what is not known stands as one :class:`UnknownTail`, alternatives element by element."""
    if isinstance(value, ListNode):
        return list(value.items)
    if isinstance(value, Choice):
        found: list[Node] = []
        for outcome, option in value.options:
            found.extend(guard(((value.condition, outcome),), item) for item in elements(option))
        return found
    if isinstance(value, Reference) and value.module is not None and not value.attribute:
        instances = value.module.instances_of(value)
        return [item for _, item in instances] if instances is not None else [rest(value)]
    if isinstance(value, StringNode) and value.holes:
        return [rest(value)]
    return []


def rest(value: StringNode) -> UnknownTail:
    """Any number of elements of a list that is not known."""
    of = value if isinstance(value, Reference) and not value.attribute else None
    return UnknownTail(value.parts, value.at, defaults=value.defaults, of=of)


def listed(found: list[Node], call: FunctionCall, *sources: Node, exact: bool = True) -> ListNode:
    """The list of these elements; its places are known as well as those of the lists that it comes from."""
    loose = not exact or any(isinstance(source, Unordered) for source in sources)
    return Unordered(tuple(found), call.at) if loose else ListNode(tuple(found), call.at)


def settled(value: Node) -> bool:
    """Whether a value is a list of which the number and the places of the elements are known."""
    return isinstance(value, ListNode) and not isinstance(value, Unordered) and all(map(is_single_element, value.items))


def concat(call: FunctionCall, arguments: list[Node]) -> Node | None:
    """``concat``: all elements in turn; an argument that is not known is an unknown run of them."""
    return listed([item for argument in arguments for item in elements(argument)], call, *arguments)


def flatten(call: FunctionCall, arguments: list[Node]) -> Node | None:
    """``flatten``: the elements of lists inside of lists, those of unknown lists as unknown runs."""
    found: list[Node] = []
    for item in elements(arguments[0]):
        _flatten(item, found, 0)
    return listed(found, call, arguments[0], *elements(arguments[0]))


def _flatten(item: Node, found: list[Node], depth: int) -> None:
    if depth > _DEEP or len(found) > MAX_ITEMS:
        found.append(unresolved("…", item.at, "nested too deeply"))
    elif isinstance(item, ListNode):
        for inner in item.items:
            if len(found) > MAX_ITEMS:
                return
            _flatten(inner, found, depth + 1)
    elif isinstance(item, Choice) and any(isinstance(reading, ListNode) for reading in variants_of(item)):
        there = repeat if isinstance(item, Repeated) else guard
        for outcome, option in item.options:
            inside: list[Node] = []
            _flatten(option, inside, depth + 1)
            found.extend(there(((item.condition, outcome),), one) for one in inside if not isinstance(one, Absent))
    elif type(item) is StringNode and open_ended(item):
        found.append(rest(item))
    else:
        found.append(item)


def compact(call: FunctionCall, arguments: list[Node]) -> Node | None:
    """``compact``: without nulls and empty strings; where that is not known, the element is kept."""
    found: list[Node] = []
    for item in elements(arguments[0]):
        kept = _filled(item)
        if not isinstance(kept, Absent):
            found.append(kept)
    return listed(found, call, arguments[0])


def _filled(item: Node) -> Node:
    """The element, or nothing where it is null or an empty string."""
    if isinstance(item, Choice):
        options = tuple((outcome, _filled(option)) for outcome, option in item.options)
        return Choice(item.condition, options, item.at)
    return Absent(item.at) if is_null(item) or known_string(item) == "" else item


def distinct(call: FunctionCall, arguments: list[Node]) -> Node | None:
    """``distinct``: each element once; what is not known may be a repetition, so that places are not known then."""
    found, exact = without_repeats(elements(arguments[0]))
    return listed(found, call, arguments[0], exact=exact)


def without_repeats(items: list[Node]) -> tuple[list[Node], bool]:
    """The elements without those that surely stand before, and whether no other can be a repetition."""
    found: list[Node] = []
    seen: set[tuple[type, str]] = set()
    for item in items:
        value = known_string(item)
        if value is not None:
            key = (type(item), value)
            if key in seen:
                continue
            seen.add(key)
        elif any(other == item for other in found[:200]):
            continue
        found.append(item)
    return found, len(found) < 2 or all(known_string(item) is not None for item in found)


def to_list(call: FunctionCall, arguments: list[Node]) -> Node | None:
    """``tolist``: a list or a set as it is."""
    return arguments[0]


def length(call: FunctionCall, arguments: list[Node]) -> Node | None:
    """``length`` of a collection; one number for each condition where elements may be missing."""
    value = arguments[0]
    if isinstance(value, ListNode):
        return _count(value.items, call) if not isinstance(value, Unordered) else None
    if isinstance(value, ObjectNode) and all(entry.key.literal is not None for entry in value.entries):
        return Const(len({entry.key.literal for entry in value.entries}), call.at)
    if isinstance(value, Reference) and value.module is not None and not value.attribute:
        found = value.module.instances_of(value)
        return _count([item for _, item in found], call) if found is not None else None
    return None


def _count(items: Sequence[Node], call: FunctionCall) -> Node | None:
    """How many elements are there, by the conditions of those that may be missing."""
    open_ = [item for item in items if not is_single_element(item)]
    if len(open_) > _OPEN or any(isinstance(item, (UnknownTail, Repeated)) for item in open_):
        return None
    sure = len(items) - len(open_)

    def count(*found: Node) -> Node:
        if any(isinstance(item, UnknownTail) for item in found):
            return call.hole()
        return Const(sure + sum(not isinstance(item, Absent) for item in found), call.at)

    return map_choices(count, *open_)


def element(call: FunctionCall, arguments: list[Node]) -> Node | None:
    """``element``: an index beyond the end begins anew."""
    value, place = arguments[0], known_integer(arguments[1])
    if known_number(arguments[1]) is not None and place is None:
        return call.fail("an index is a whole number")
    if isinstance(value, ListNode) and place is not None:
        if settled(value):
            return value.items[place % len(value.items)] if value.items else call.fail("no elements")
        missing = call.fail("no such element") if call.scope.trying else None
        return get_element(value, place, call.words, call.at, missing) if place >= 0 else None
    if isinstance(value, StringNode) and place is not None:
        return get_path(value, arguments[1], call.words, call.at)
    if isinstance(value, ListNode) and settled(value) and value.items:  # an index beyond the end begins anew
        named = f"{key_text(arguments[1], call.scope)} % {len(value.items)}"
        return get_by_unknown_key(value, arguments[1], call.words, call.at, named)
    return None


def one(call: FunctionCall, arguments: list[Node]) -> Node | None:
    """``one``: the only element, or null where there is none; an error where there are more."""
    value = arguments[0]
    if not isinstance(value, ListNode):
        return None
    if not value.items:
        return Const(None, call.at)
    if len(value.items) == 1:
        item = value.items[0]
        if isinstance(item, UnknownTail) and (item.of is not None or any(part.role for part in item.holes)):
            return get_element(value, 0, call.words, call.at, Const(None, call.at))
        if isinstance(item, UnknownTail):
            return item.of or StringNode(item.parts, item.at, defaults=item.defaults)
        return _or_null(item)
    return (
        call.fail("more than one element") if sum(map(is_single_element, value.items)) > 1 and settled(value) else None
    )


def _or_null(item: Node) -> Node:
    """An element that may be missing, which is null where it is."""
    if isinstance(item, Absent):
        return Const(None, item.at)
    if isinstance(item, UnknownTail):
        return item.of or StringNode(item.parts, item.at, defaults=item.defaults)
    if isinstance(item, Choice):
        return Choice(item.condition, tuple((o, _or_null(option)) for o, option in item.options), item.at)
    return item


def contains(call: FunctionCall, arguments: list[Node]) -> Node | None:
    """``contains``: true where one element is surely the same, false where none can be."""
    if isinstance(arguments[0], ObjectNode):
        return call.fail("argument 1 is not a list or a set")
    if not isinstance(arguments[0], ListNode):
        return None
    answers = [are_equal(item, arguments[1]) if is_single_element(item) else None for item in arguments[0].items]
    if True in answers:
        return Const(True, call.at)
    return None if None in answers else Const(False, call.at)


def index(call: FunctionCall, arguments: list[Node]) -> Node | None:
    """``index``: the place of the first element that is the same; nothing where an earlier one may be."""
    if not isinstance(arguments[0], ListNode):
        return None
    if not settled(arguments[0]):
        return None
    for place, item in enumerate(arguments[0].items):
        same = are_equal(item, arguments[1])
        if same is None:
            return None
        if same:
            return Const(place, call.at)
    return call.fail("no such element")


def reverse(call: FunctionCall, arguments: list[Node]) -> Node | None:
    """``reverse``: the elements, the last one first."""
    if not isinstance(arguments[0], ListNode):
        return None
    return listed(list(arguments[0].items[::-1]), call, arguments[0])


def sort(call: FunctionCall, arguments: list[Node]) -> Node | None:
    """``sort``: strings by their code points."""
    return listed(*in_order(elements(arguments[0]), call))


def in_order(items: list[Node], call: FunctionCall) -> tuple[list[Node], FunctionCall, Node]:
    """Strings as Terraform sorts them, by their code points; what is not known stands at the end, and makes it loose.

    The last of the results stands for how well the places are known.
    """
    known = all(known_string(item) is not None for item in items)
    order = sorted(items, key=lambda item: (known_string(item) is None, known_string(item) or ""))
    return order, call, ListNode((), call.at) if known or len(items) < 2 else Unordered((), call.at)


def slice_(call: FunctionCall, arguments: list[Node]) -> Node | None:
    """``slice``: the elements from one place up to, but without, another."""
    value, start, end = arguments[0], known_integer(arguments[1]), known_integer(arguments[2])
    if not isinstance(value, ListNode) or isinstance(value, Unordered) or start is None or end is None:
        return None
    if start < 0 or start > end or (settled(value) and end > len(value.items)):
        return call.fail("the range is not within the list")
    if end <= len(value.items) and all(map(is_single_element, value.items[:end])):
        return ListNode(value.items[start:end], call.at)
    return None


def range_(call: FunctionCall, arguments: list[Node]) -> Node | None:
    """Numbers from the first argument (or 0) up to, or down to, but without the second, by steps of the third."""
    numbers = [known_number(argument) for argument in arguments]
    known = [value for value in numbers if value is not None]
    if len(known) != len(numbers):
        return None
    start, end = (0, known[0]) if len(known) == 1 else known[:2]
    step = known[2] if len(known) == 3 else -1 if end < start else 1
    if not step or (step > 0 and end < start) or (step < 0 and end > start):
        return call.fail("the step leads away from the end")
    count = max(0, -int(-(end - start) // step)) if end != start else 0
    if count > _LONGEST_RANGE:
        return call.fail(f"more than {_LONGEST_RANGE} elements")
    return ListNode(tuple(Const(start + place * step, call.at) for place in range(count)), call.at)


def all_true(call: FunctionCall, arguments: list[Node]) -> Node | None:
    """``alltrue`` and ``anytrue``; null counts as false."""
    if not isinstance(arguments[0], ListNode):
        return None
    decisive = call.name == "anytrue"
    answers = [False if is_null(item) and is_single_element(item) else known_bool(item) for item in arguments[0].items]
    if any(
        answer is decisive and is_single_element(item) for answer, item in zip(answers, arguments[0].items, strict=True)
    ):
        return Const(decisive, call.at)
    return None if None in answers else Const(not decisive, call.at)


def chunk_list(call: FunctionCall, arguments: list[Node]) -> Node | None:
    """``chunklist``: lists of at most so many elements; 0 is one list of all."""
    value, size = arguments[0], known_integer(arguments[1])
    if not isinstance(value, ListNode) or size is None or not settled(value):
        return None
    if size < 0:
        return call.fail("a negative size")
    step = size or max(len(value.items), 1)
    chunks = (ListNode(value.items[start : start + step], call.at) for start in range(0, len(value.items), step))
    return ListNode(tuple(chunks), call.at)


def coalesce_list(call: FunctionCall, arguments: list[Node]) -> Node | None:
    """``coalescelist``: the first list that surely has elements, nothing where an earlier one may have some."""
    for argument in arguments:
        if is_null(argument):
            continue
        if not isinstance(argument, ListNode):
            return None
        if any(map(is_single_element, argument.items)):
            return argument
        if argument.items:
            return None
    return call.fail("no list with elements")


def match_keys(call: FunctionCall, arguments: list[Node]) -> Node | None:
    """The elements of the first list at whose places the second one holds one of the third."""
    given, keys, wanted = arguments
    if not (isinstance(given, ListNode) and isinstance(keys, ListNode) and isinstance(wanted, ListNode)):
        return None
    if not (settled(given) and settled(keys)):
        return None
    if len(given.items) != len(keys.items):
        return call.fail("lists of different lengths")
    names = {known_string(one) for one in wanted.items if is_single_element(one)} - {None}
    others = [one for one in wanted.items if not is_single_element(one) or known_string(one) is None]
    if sum(len(others if known_string(key) is not None else wanted.items) for key in keys.items) > _MOST_COMPARED:
        return call.hole("too much to evaluate")
    found: list[Node] = []
    for item, key in zip(given.items, keys.items, strict=True):
        against = others if known_string(key) is not None else wanted.items
        answers = [_same(key, one) if is_single_element(one) else None for one in against]
        if known_string(key) in names or True in answers:
            found.append(item)
        elif None in answers:
            name = known_string(key)
            words = path_conditions.quoted(name) if name is not None else str(key)
            found.append(guard(((call.scope.condition(f"{call.words} looks for {words}"), "true"),), item))
    return ListNode(tuple(found), call.at)


def _same(first: Node, second: Node) -> bool | None:
    """Whether two values are the same once both are strings."""
    one_, other = known_string(first), known_string(second)
    return one_ == other if one_ is not None and other is not None else are_equal(first, second)


def sum_(call: FunctionCall, arguments: list[Node]) -> Node | None:
    """``sum`` of numbers that are all known."""
    if not isinstance(arguments[0], ListNode):
        return None
    if not arguments[0].items:
        return call.fail("no numbers")
    return _of_numbers(sum, call, list(arguments[0].items)) if settled(arguments[0]) else None


def extreme(call: FunctionCall, arguments: list[Node]) -> Node | None:
    """``max`` and ``min``."""
    if not arguments:
        return call.fail("no numbers")
    return _of_numbers(max if call.name == "max" else min, call, arguments)


def _of_numbers(
    function: Callable[[list[int | float]], int | float], call: FunctionCall, given: list[Node]
) -> Node | None:
    amounts = [known_number(value) for value in given]
    found = [amount for amount in amounts if amount is not None]
    return Const(function(found), call.at) if len(found) == len(amounts) else None


def same(call: FunctionCall, arguments: list[Node]) -> Node | None:
    """``sensitive``, ``nonsensitive``: the value itself."""
    return arguments[0]


def as_null(call: FunctionCall, arguments: list[Node]) -> Node | None:
    """``ephemeralasnull``: null where the value is ephemeral, which what is written out in a configuration is not."""
    value = arguments[0]
    unknown = isinstance(value, StringNode) and any(isinstance(part, Unresolved) for part in value.parts)
    return None if unknown and isinstance(value, StringNode) and open_ended(value) else value


COLLECTION = declare({
    "concat": (concat, "l*"), "flatten": (flatten, "l"), "compact": (compact, "l"), "distinct": (distinct, "l"),
    "tolist": (to_list, "L"), "length": (length, "x"), "element": (element, "ln"), "one": (one, "l"),
    "contains": (contains, "ca"), "index": (index, "la"), "reverse": (reverse, "l"), "sort": (sort, "l"),
    "slice": (slice_, "lnn"), "range": (range_, "nn?n?"), "alltrue": (all_true, "l"), "anytrue": (all_true, "l"),
    "chunklist": (chunk_list, "ln"), "coalescelist": (coalesce_list, "L*"), "matchkeys": (match_keys, "lll"),
    "sum": (sum_, "l"), "max": (extreme, "n*"), "min": (extreme, "n*"), "sensitive": (same, "A"),
    "nonsensitive": (same, "A"), "ephemeralasnull": (as_null, "A"),
})  # fmt: skip
