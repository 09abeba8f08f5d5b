"""Functions on lists, and on sets: lists without duplicates, in Terraform's iteration order.

Source: Terraform language documentation, "Functions", "Collection Functions" and "Type Conversion Functions".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from passrole_checks.iam.values.nodes import (
    Absent,
    Choice,
    Const,
    ListNode,
    Node,
    ObjectNode,
    StringNode,
    UnknownTail,
    unresolved,
)
from passrole_checks.iam.values.path_conditions import PathCondition, Predicate
from passrole_checks.iam.values.variants import guard, map_variants, variants_of
from passrole_checks.sources.model.secrets import hides_secrets
from passrole_checks.sources.terraform.evaluation.get_path import (
    get_by_unknown_key,
    get_element,
    get_path,
    is_single_element,
)
from passrole_checks.sources.terraform.evaluation.loops import iterations_of
from passrole_checks.sources.terraform.evaluation.operators import are_equal
from passrole_checks.sources.terraform.evaluation.scope import key_text
from passrole_checks.sources.terraform.evaluation.symbolic_values import (
    MAX_ITEMS,
    Reference,
    Repeated,
    Unordered,
    instances_of,
    is_null,
    known_bool,
    known_integer,
    known_number,
    known_string,
    repeat,
)
from passrole_checks.sources.terraform.functions.signature import FunctionCall, declare, is_untyped

_MAX_DEPTH = 30
_MAX_OPTIONAL = 4  # conditional elements in a list whose length is computed
_MAX_RANGE = 1024  # Terraform's limit
_MAX_COMPARISONS = 200_000  # pairs of elements
_MAX_ROWS = 2_000  # of a product of sets


def elements(value: Node) -> list[Node]:
    """Return the elements of a list, element by element in each alternative.

    An unresolved list is one :class:`UnknownTail`.
    """
    if isinstance(value, ListNode):
        return list(value.items)
    if isinstance(value, Choice):
        items: list[Node] = []
        for outcome, option in value.options:
            items.extend(guard((outcome,), item) for item in elements(option))
        return items
    instances = instances_of(value)
    if instances is not None:
        return [item for _, item in instances]
    if isinstance(value, StringNode) and value.unresolved_parts:
        return [unknown_tail(value)]
    return []


def unknown_tail(value: StringNode) -> UnknownTail:
    """Return an unknown number of elements of an unresolved list."""
    of = value if isinstance(value, Reference) and not value.attribute else None
    return UnknownTail(value.parts, value.at, defaults=value.defaults, of=of)


def build_list(items: list[Node], call: FunctionCall, *sources: Node, exact: bool = True) -> ListNode:
    """Return a list of these elements; unordered if ``exact`` is false or a source list is."""
    loose = not exact or any(isinstance(source, Unordered) for source in sources)
    return Unordered(tuple(items), call.at) if loose else ListNode(tuple(items), call.at)


def is_definite(value: Node) -> bool:
    """True if a value is a list with a known number of elements at known positions."""
    return isinstance(value, ListNode) and not isinstance(value, Unordered) and all(map(is_single_element, value.items))


def concat(call: FunctionCall, arguments: list[Node]) -> Node | None:
    """Evaluate ``concat``; an unresolved argument contributes an unknown number of elements."""
    return build_list([item for argument in arguments for item in elements(argument)], call, *arguments)


def flatten(call: FunctionCall, arguments: list[Node]) -> Node | None:
    """Evaluate ``flatten``; an unresolved inner list contributes an unknown number of elements."""
    result: list[Node] = []
    for item in elements(arguments[0]):
        _flatten(item, result, 0)
    return build_list(result, call, arguments[0], *elements(arguments[0]))


def _flatten(item: Node, result: list[Node], depth: int) -> None:
    if depth > _MAX_DEPTH or len(result) > MAX_ITEMS:
        result.append(unresolved("…", item.at, "nested too deeply"))
    elif isinstance(item, ListNode):
        for inner in item.items:
            if len(result) > MAX_ITEMS:
                return
            _flatten(inner, result, depth + 1)
    elif isinstance(item, Choice) and any(isinstance(reading, ListNode) for _, reading in variants_of(item)):
        conditional = repeat if isinstance(item, Repeated) else guard
        for outcome, option in item.options:
            inside: list[Node] = []
            _flatten(option, inside, depth + 1)
            result.extend(conditional((outcome,), element) for element in inside if not isinstance(element, Absent))
    elif type(item) is StringNode and is_untyped(item):
        result.append(unknown_tail(item))
    else:
        result.append(item)


def compact(call: FunctionCall, arguments: list[Node]) -> Node | None:
    """Evaluate ``compact``: drop null and empty strings; an element that may be either is kept."""
    result: list[Node] = []
    for item in elements(arguments[0]):
        remaining = _drop_empty(item)
        if not isinstance(remaining, Absent):
            result.append(remaining)
    return build_list(result, call, arguments[0])


def _drop_empty(item: Node) -> Node:
    """Return the element; Absent if it is null or an empty string."""
    if isinstance(item, Choice):
        options = tuple((outcome, _drop_empty(option)) for outcome, option in item.options)
        return Choice(options, item.at)
    return Absent(item.at) if is_null(item) or known_string(item) == "" else item


def distinct(call: FunctionCall, arguments: list[Node]) -> Node | None:
    """Evaluate ``distinct``; an unresolved element may be a duplicate, which makes the list unordered."""
    items, exact = deduplicate(elements(arguments[0]))
    return build_list(items, call, arguments[0], exact=exact)


def deduplicate(items: list[Node]) -> tuple[list[Node], bool]:
    """Return the elements without certain duplicates, and true if no other element can be a duplicate."""
    result: list[Node] = []
    seen: set[tuple[type, str]] = set()
    for item in items:
        value = known_string(item)
        if value is not None:
            key = (type(item), value)
            if key in seen:
                continue
            seen.add(key)
        elif any(other == item for other in result[:200]):
            continue
        result.append(item)
    return result, len(result) < 2 or all(known_string(item) is not None for item in result)


def length(call: FunctionCall, arguments: list[Node]) -> Node | None:
    """Evaluate ``length`` of a collection; a choice of numbers if elements are conditional."""
    value = arguments[0]
    if isinstance(value, ListNode):
        return _count_elements(value.items, call) if not isinstance(value, Unordered) else None
    if isinstance(value, ObjectNode) and all(entry.key.literal is not None for entry in value.entries):
        return Const(len({entry.key.literal for entry in value.entries}), call.at)
    instances = instances_of(value)
    return _count_elements([item for _, item in instances], call) if instances is not None else None


def _count_elements(items: Sequence[Node], call: FunctionCall) -> Node | None:
    """Return the number of elements, as a choice if some are conditional; None if too many are."""
    optional = [item for item in items if not is_single_element(item)]
    if len(optional) > _MAX_OPTIONAL or any(isinstance(item, (UnknownTail, Repeated)) for item in optional):
        return None
    certain_count = len(items) - len(optional)

    def count(*values: Node) -> Node:
        if any(isinstance(item, UnknownTail) for item in values):
            return call.unresolved()
        return Const(certain_count + sum(not isinstance(item, Absent) for item in values), call.at)

    return map_variants(count, *optional)


def element(call: FunctionCall, arguments: list[Node]) -> Node | None:
    """Evaluate ``element``: an index beyond the end wraps around."""
    value, position = arguments[0], known_integer(arguments[1])
    if known_number(arguments[1]) is not None and position is None:
        return call.fail("the index must be an integer")
    if isinstance(value, ListNode) and position is not None:
        if is_definite(value):
            return value.items[position % len(value.items)] if value.items else call.fail("no elements")
        missing = call.fail("no such element") if call.scope.trying else None
        return get_element(value, position, call.text, call.at, missing) if position >= 0 else None
    if isinstance(value, StringNode) and position is not None:
        return get_path(value, arguments[1], call.text, call.at)
    if isinstance(value, ListNode) and is_definite(value) and value.items:
        named = f"{key_text(arguments[1], call.scope)} % {len(value.items)}"
        return get_by_unknown_key(value, arguments[1], call.text, call.at, named)
    return None


def one(call: FunctionCall, arguments: list[Node]) -> Node | None:
    """Evaluate ``one``: the only element, null for an empty list, an error for more."""
    instances = instances_of(arguments[0])  # of a resource with `count`
    value = ListNode(tuple(item for _, item in instances), call.at) if instances is not None else arguments[0]
    if not isinstance(value, ListNode):
        return None
    if not value.items:
        return Const(None, call.at)
    if len(value.items) == 1:
        item = value.items[0]
        if isinstance(item, UnknownTail) and (item.of is not None or any(part.role for part in item.unresolved_parts)):
            return get_element(value, 0, call.text, call.at, Const(None, call.at))
        return _absent_as_null(item)
    return call.fail("more than one element") if is_definite(value) else None


def _absent_as_null(item: Node) -> Node:
    """Return an element that may be absent, with null for its absence."""
    if isinstance(item, Absent):
        return Const(None, item.at)
    if isinstance(item, UnknownTail):
        return item.element
    if isinstance(item, Choice):
        return Choice(tuple((o, _absent_as_null(option)) for o, option in item.options), item.at)
    return item


def contains(call: FunctionCall, arguments: list[Node]) -> Node | None:
    """Evaluate ``contains``: true if one element is certainly equal, false if none can be."""
    if isinstance(arguments[0], ObjectNode):
        return call.fail("argument 1 is not a list or a set")
    if not isinstance(arguments[0], ListNode):
        return None
    answers = [are_equal(item, arguments[1]) if is_single_element(item) else None for item in arguments[0].items]
    if True in answers:
        return Const(True, call.at)
    return None if None in answers else Const(False, call.at)


def index(call: FunctionCall, arguments: list[Node]) -> Node | None:
    """Evaluate ``index``: the index of the first equal element; None if an earlier one may be equal."""
    if not isinstance(arguments[0], ListNode) or not is_definite(arguments[0]):
        return None
    for position, item in enumerate(arguments[0].items):
        same = are_equal(item, arguments[1])
        if same is None:
            return None
        if same:
            return Const(position, call.at)
    return call.fail("no such element")


def reverse(call: FunctionCall, arguments: list[Node]) -> Node | None:
    """Evaluate ``reverse``."""
    if not isinstance(arguments[0], ListNode):
        return None
    return build_list(list(arguments[0].items[::-1]), call, arguments[0])


def sort(call: FunctionCall, arguments: list[Node]) -> Node | None:
    """Evaluate ``sort``: by code point."""
    return build_list(*sort_strings(elements(arguments[0]), call))


def sort_strings(items: list[Node], call: FunctionCall) -> tuple[list[Node], FunctionCall, Node]:
    """Return the arguments of :func:`build_list`: strings sorted by code point as Terraform does, unresolved ones last.

    The third one is an unordered list if an unresolved element makes positions unknown.
    """
    known = all(known_string(item) is not None for item in items)
    order = sorted(items, key=lambda item: (known_string(item) is None, known_string(item) or ""))
    return order, call, ListNode((), call.at) if known or len(items) < 2 else Unordered((), call.at)


def slice_(call: FunctionCall, arguments: list[Node]) -> Node | None:
    """Evaluate ``slice``: the elements from a start index up to, excluding, an end index."""
    value, start, end = arguments[0], known_integer(arguments[1]), known_integer(arguments[2])
    if not isinstance(value, ListNode) or isinstance(value, Unordered) or start is None or end is None:
        return None
    if start < 0 or start > end or (is_definite(value) and end > len(value.items)):
        return call.fail("the range exceeds the list")
    if end <= len(value.items) and all(map(is_single_element, value.items[:end])):
        return ListNode(value.items[start:end], call.at)
    return None


def range_(call: FunctionCall, arguments: list[Node]) -> Node | None:
    """Evaluate ``range``: numbers from the first argument (or 0) to, excluding, the second, by steps of the third."""
    numbers = [known_number(argument) for argument in arguments]
    bounds = [value for value in numbers if value is not None]
    if len(bounds) != len(numbers):
        return None
    start, end = (0, bounds[0]) if len(bounds) == 1 else bounds[:2]
    step = bounds[2] if len(bounds) == 3 else -1 if end < start else 1
    if not step or (step > 0 and end < start) or (step < 0 and end > start):
        return call.fail("the step has the wrong sign")
    count = max(0, -int(-(end - start) // step)) if end != start else 0
    if count > _MAX_RANGE:
        return call.fail(f"more than {_MAX_RANGE} elements")
    return ListNode(tuple(Const(start + position * step, call.at) for position in range(count)), call.at)


def all_or_any_true(call: FunctionCall, arguments: list[Node]) -> Node | None:
    """Evaluate ``alltrue`` and ``anytrue``; null counts as false."""
    if not isinstance(arguments[0], ListNode):
        return None
    decisive = call.name == "anytrue"
    answers = [False if is_null(item) and is_single_element(item) else known_bool(item) for item in arguments[0].items]
    pairs = zip(answers, arguments[0].items, strict=True)
    if any(answer is decisive and is_single_element(item) for answer, item in pairs):
        return Const(decisive, call.at)
    return None if None in answers else Const(not decisive, call.at)


def chunk_list(call: FunctionCall, arguments: list[Node]) -> Node | None:
    """Evaluate ``chunklist``: lists of at most ``size`` elements; 0 returns one list of all."""
    value, size = arguments[0], known_integer(arguments[1])
    if not isinstance(value, ListNode) or size is None or not is_definite(value):
        return None
    if size < 0:
        return call.fail("a negative size")
    step = size or max(len(value.items), 1)
    chunks = (ListNode(value.items[start : start + step], call.at) for start in range(0, len(value.items), step))
    return ListNode(tuple(chunks), call.at)


def coalesce_list(call: FunctionCall, arguments: list[Node]) -> Node | None:
    """Evaluate ``coalescelist``: the first list that certainly has elements; None if an earlier one may have some."""
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
    """Evaluate ``matchkeys``: elements of the first list whose key in the second list is in the third."""
    values, keys, searched = arguments
    if not (isinstance(values, ListNode) and isinstance(keys, ListNode) and isinstance(searched, ListNode)):
        return None
    if not (is_definite(values) and is_definite(keys)):
        return None
    if len(values.items) != len(keys.items):
        return call.fail("lists of different lengths")
    single = [(node, known_string(node) if is_single_element(node) else None) for node in searched.items]
    known_keys = {name for _, name in single} - {None}
    unknown_keys = [node for node, name in single if name is None]
    names = [known_string(key) for key in keys.items]
    if sum(len(unknown_keys if name is not None else single) for name in names) > _MAX_COMPARISONS:
        return call.unresolved("too much to evaluate")
    result: list[Node] = []
    for item, key, name in zip(values.items, keys.items, names, strict=True):
        candidates = unknown_keys if name is not None else searched.items
        answers = [_equal_as_strings(key, node) for node in candidates]
        if name in known_keys or True in answers:
            result.append(item)
        elif None in answers:
            condition = call.scope.assume(call.text, Predicate.SEARCHES, name if name is not None else str(key))
            result.append(guard((condition,), item))
    return ListNode(tuple(result), call.at)


def _equal_as_strings(first: Node, second: Node) -> bool | None:
    """True if an element equals a value after conversion to strings; None if that is undecidable."""
    if not is_single_element(second):
        return None
    first_text, second_text = known_string(first), known_string(second)
    return first_text == second_text if first_text is not None and second_text is not None else are_equal(first, second)


def sum_(call: FunctionCall, arguments: list[Node]) -> Node | None:
    """Evaluate ``sum`` for known numbers."""
    if not isinstance(arguments[0], ListNode):
        return None
    if not arguments[0].items:
        return call.fail("no numbers")
    return _aggregate(sum, call, list(arguments[0].items)) if is_definite(arguments[0]) else None


def max_or_min(call: FunctionCall, arguments: list[Node]) -> Node | None:
    """Evaluate ``max`` and ``min``."""
    if not arguments:
        return call.fail("no numbers")
    return _aggregate(max if call.name == "max" else min, call, arguments)


def _aggregate(
    function: Callable[[list[int | float]], int | float], call: FunctionCall, arguments: list[Node]
) -> Node | None:
    amounts = [known_number(value) for value in arguments]
    numbers = [amount for amount in amounts if amount is not None]
    return Const(function(numbers), call.at) if len(numbers) == len(amounts) else None


def unchanged(call: FunctionCall, arguments: list[Node]) -> Node | None:
    """Evaluate ``tolist``, ``tomap`` and ``nonsensitive``: return the value unchanged."""
    return arguments[0]


def sensitive(call: FunctionCall, arguments: list[Node]) -> Node | None:
    """Evaluate ``sensitive``: return the value unchanged, unless secrets are hidden."""
    return None if hides_secrets() else arguments[0]


def ephemeral_as_null(call: FunctionCall, arguments: list[Node]) -> Node | None:
    """Evaluate ``ephemeralasnull``: null for an ephemeral value, else the value; None if it may be ephemeral.

    Source: Terraform language documentation, "ephemeralasnull function".
    """
    is_ephemeral = call.scope.module.is_ephemeral(call.text.partition("(")[2].removesuffix(")").strip())
    if is_ephemeral:
        return Const(None, call.at)
    value = arguments[0]
    is_open = isinstance(value, StringNode) and value.only_unresolved is not None and is_untyped(value)
    return value if is_ephemeral is False and not is_open else None


def to_set(call: FunctionCall, arguments: list[Node]) -> Node | None:
    """Evaluate ``toset`` in every alternative: sorted, without duplicates."""
    value = arguments[0]
    if isinstance(value, Choice):
        return Choice(tuple((o, to_set(call, [option]) or call.unresolved()) for o, option in value.options), value.at)
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
        sets.sort(key=lambda set_: not isinstance(set_, ListNode) or None in map(known_string, set_.items))
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
        options: list[tuple[Node, PathCondition]] = []
        for round_ in rounds:
            nonempty = (call.scope.assume(str(round_.value), Predicate.NOT_EMPTY),) if round_.repeated else ()
            options.append((round_.value, round_.when or nonempty))
        rows = [((*row, value), (*when, *further)) for row, when in rows for value, further in options]
    combinations = [guard(when, ListNode(row, call.at)) for row, when in rows]
    return build_list(combinations, call, *arguments)


COLLECTION = declare({
    "concat": (concat, "l*"), "flatten": (flatten, "l"), "compact": (compact, "l"), "distinct": (distinct, "l"),
    "tolist": (unchanged, "L"), "length": (length, "x"), "element": (element, "ln"), "one": (one, "l"),
    "contains": (contains, "ca"), "index": (index, "la"), "reverse": (reverse, "l"), "sort": (sort, "l"),
    "slice": (slice_, "lnn"), "range": (range_, "nn?n?"), "alltrue": (all_or_any_true, "l"),
    "anytrue": (all_or_any_true, "l"),
    "chunklist": (chunk_list, "ln"), "coalescelist": (coalesce_list, "L*"), "matchkeys": (match_keys, "lll"),
    "sum": (sum_, "l"), "max": (max_or_min, "n*"), "min": (max_or_min, "n*"), "sensitive": (sensitive, "A"),
    "nonsensitive": (unchanged, "A"), "ephemeralasnull": (ephemeral_as_null, "A"),
    "toset": (to_set, "L"), "setunion": (set_union, "l*"), "setintersection": (intersect_or_subtract, "ll*"),
    "setsubtract": (intersect_or_subtract, "ll"), "setproduct": (set_product, "l*"),
})  # fmt: skip
