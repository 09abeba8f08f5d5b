"""Functions on lists, sets and maps."""

from __future__ import annotations

from passrole_checks.iam.values import Absent, Choice, Const, Entry, Items, Mapping, Node, Text
from passrole_checks.sources.terraform.access import certain, item_at, key_text, take
from passrole_checks.sources.terraform.function import Call, Function
from passrole_checks.sources.terraform.operators import equal
from passrole_checks.sources.terraform.symbols import (
    MAX_ITEMS,
    Reference,
    Rest,
    distribute,
    hole,
    is_null,
    literal,
    number,
    truth,
    under,
)

_DEEP = 30


def elements(value: Node) -> list[Node]:
    """The elements of a list; what is not known stands as one :class:`Rest`, alternatives element by element."""
    if isinstance(value, Items):
        return list(value.items)
    if isinstance(value, Choice):
        found: list[Node] = []
        for outcome, option in value.options:
            if outcome in ("true", "false"):
                found.extend(under(((value.condition, outcome),), item) for item in elements(option))
        return found
    if isinstance(value, Reference) and value.module is not None and not value.attribute:
        instances = value.module.instances_of(value)
        return [item for _, item in instances] if instances is not None else [_rest(value)]
    if isinstance(value, Text) and value.holes:
        return [_rest(value)]
    return []


def _rest(value: Text) -> Rest:
    return Rest(value.parts, value.at, defaults=value.defaults)


def concat(call: Call, arguments: list[Node]) -> Node | None:
    return Items(tuple(item for argument in arguments for item in elements(argument)), call.at)


def flatten(call: Call, arguments: list[Node]) -> Node | None:
    found: list[Node] = []
    for item in elements(arguments[0]):
        _flatten(item, found, 0)
    return Items(tuple(found), call.at)


def _flatten(item: Node, found: list[Node], depth: int) -> None:
    if depth > _DEEP or len(found) > MAX_ITEMS:
        found.append(hole("…", item.at, "nested too deeply"))
    elif isinstance(item, Items):
        for inner in item.items:
            if len(found) > MAX_ITEMS:
                return
            _flatten(inner, found, depth + 1)
    elif isinstance(item, Choice) and any(isinstance(option, Items) for _, option in item.options):
        for outcome, option in item.options:
            inside: list[Node] = []
            _flatten(option, inside, depth + 1)
            found.extend(under(((item.condition, outcome),), one) for one in inside if not isinstance(one, Absent))
    elif type(item) is Text and item.only_hole is not None and item.only_hole.kind.name == "ANYTHING":
        found.append(item if item.only_hole.role or item.only_hole.known else _rest(item))
    else:
        found.append(item)


def compact(call: Call, arguments: list[Node]) -> Node | None:
    found: list[Node] = []
    for item in elements(arguments[0]):
        if isinstance(item, Choice):
            options = tuple(
                (outcome, Absent(item.at) if is_null(option) or literal(option) == "" else option)
                for outcome, option in item.options
            )
            found.append(Choice(item.condition, options, item.at))
        elif not is_null(item) and literal(item) != "":
            found.append(item)
    return Items(tuple(found), call.at)


def distinct(call: Call, arguments: list[Node]) -> Node | None:
    found: list[Node] = []
    seen: set[str] = set()
    for item in elements(arguments[0]):
        value = literal(item)
        if value is not None:
            if value in seen:
                continue
            seen.add(value)
        elif any(other == item for other in found[:200]):
            continue
        found.append(item)
    return Items(tuple(found), call.at)


def set_union(call: Call, arguments: list[Node]) -> Node | None:
    joined = concat(call, arguments)
    return distinct(call, [joined]) if joined is not None else None


def to_list(call: Call, arguments: list[Node]) -> Node | None:
    value = arguments[0]
    return value if isinstance(value, (Items, Choice, Text)) else Const(None, call.at) if is_null(value) else None


def to_set(call: Call, arguments: list[Node]) -> Node | None:
    value = arguments[0]
    if isinstance(value, Items):
        return distinct(call, [value])
    return value if isinstance(value, (Choice, Text, Mapping)) or is_null(value) else None


def merge(call: Call, arguments: list[Node]) -> Node | None:
    """Maps in turn, the later one winning; what an unknown one may hold is kept beside the rest."""

    def run(*maps: Node) -> Node:
        entries: dict[tuple[object, ...], Entry] = {}
        for one in maps:
            if isinstance(one, Mapping):
                for entry in one.entries:
                    entries.pop(entry.key.parts, None)
                    entries[entry.key.parts] = entry
            elif isinstance(one, Text) and one.holes:
                entries[one.parts] = Entry(_rest(one), one)
        return Mapping(tuple(entries.values()), call.at)

    return distribute(run, *arguments)


def _last(node: Node) -> str:
    """A key for sorting that puts what is not known at the end."""
    return literal(node) or "\U0010ffff"


def keys(call: Call, arguments: list[Node]) -> Node | None:
    if not isinstance(arguments[0], Mapping):
        return Items((_rest(call.hole()),), call.at)
    found = [_rest(entry.key) if entry.key.literal is None else entry.key for entry in arguments[0].entries]
    return Items(tuple(sorted(found, key=_last)), call.at)


def values(call: Call, arguments: list[Node]) -> Node | None:
    value = arguments[0]
    if isinstance(value, Mapping):
        entries = sorted(value.entries, key=lambda entry: _last(entry.key))
        return Items(
            tuple(
                _rest(entry.value) if isinstance(entry.key, Rest) and isinstance(entry.value, Text) else entry.value
                for entry in entries
            ),
            call.at,
        )
    if isinstance(value, Reference):
        return Items(tuple(elements(value)), call.at)
    return Items((_rest(call.hole()),), call.at)


def length(call: Call, arguments: list[Node]) -> Node | None:
    value = arguments[0]
    if isinstance(value, Items) and all(certain(item) for item in value.items):
        return Const(len(value.items), call.at)
    if isinstance(value, Mapping) and all(entry.key.literal is not None for entry in value.entries):
        return Const(len({entry.key.literal for entry in value.entries}), call.at)
    if isinstance(value, Reference) and value.module is not None and not value.attribute:
        found = value.module.instances_of(value)
        return Const(len(found), call.at) if found is not None else None
    found_text = literal(value) if isinstance(value, Text) else None
    return Const(len(found_text), call.at) if found_text is not None else None


def element(call: Call, arguments: list[Node]) -> Node | None:
    value, place = arguments[0], number(arguments[1])
    if isinstance(value, Items) and place is not None:
        if value.items and all(certain(item) for item in value.items):
            return value.items[int(place) % len(value.items)]
        return item_at(value, int(place), call.words, call.at)
    if isinstance(value, Text) and place is not None:
        return take(value, arguments[1], call.words, call.at)
    return None


def lookup(call: Call, arguments: list[Node]) -> Node | None:
    value, name = arguments[0], literal(arguments[1])
    if not isinstance(value, Mapping) or name is None:
        if isinstance(value, Text) and name is not None and len(arguments) < 3:
            return take(value, arguments[1], call.words, call.at)
        return None
    if any(entry.key.literal is None for entry in value.entries):
        return take(value, arguments[1], call.words, call.at) if value.get(name) is not None else None
    found = value.get(name)
    if found is not None:
        return found
    return arguments[2] if len(arguments) > 2 else call.fail(f'no key "{name}"')


def one(call: Call, arguments: list[Node]) -> Node | None:
    value = arguments[0]
    if isinstance(value, Items):
        if not value.items:
            return Const(None, call.at)
        if len(value.items) == 1:
            item = value.items[0]
            return Text(item.parts, item.at, defaults=item.defaults) if isinstance(item, Rest) else item
    return None


def contains(call: Call, arguments: list[Node]) -> Node | None:
    if not isinstance(arguments[0], Items):
        return None
    answers = [equal(item, arguments[1]) if certain(item) else None for item in arguments[0].items]
    if True in answers:
        return Const(True, call.at)
    return None if None in answers else Const(False, call.at)


def reverse(call: Call, arguments: list[Node]) -> Node | None:
    return Items(arguments[0].items[::-1], call.at) if isinstance(arguments[0], Items) else None


def sort(call: Call, arguments: list[Node]) -> Node | None:
    if not isinstance(arguments[0], Items):
        return None
    return Items(tuple(sorted(arguments[0].items, key=_last)), call.at)


def slice_(call: Call, arguments: list[Node]) -> Node | None:
    value, start, end = arguments[0], number(arguments[1]), number(arguments[2])
    if isinstance(value, Items) and start is not None and end is not None and all(map(certain, value.items)):
        return Items(value.items[int(start) : int(end)], call.at)
    return None


def zipmap(call: Call, arguments: list[Node]) -> Node | None:
    first, second = arguments
    if not (isinstance(first, Items) and isinstance(second, Items) and len(first.items) == len(second.items)):
        return None
    return Mapping(
        tuple(Entry(key_text(key), value) for key, value in zip(first.items, second.items, strict=True)), call.at
    )


def to_map(call: Call, arguments: list[Node]) -> Node | None:
    return arguments[0]


def range_(call: Call, arguments: list[Node]) -> Node | None:
    numbers = [number(argument) for argument in arguments]
    known = [int(value) for value in numbers if value is not None]
    if len(known) != len(numbers) or not 1 <= len(known) <= 3 or (len(known) == 3 and not known[2]):
        return None
    found = range(*known)
    if len(found) > 1024:
        return None
    return Items(tuple(Const(value, call.at) for value in found), call.at)


def set_product(call: Call, arguments: list[Node]) -> Node | None:
    rows: list[tuple[Node, ...]] = [()]
    for argument in arguments:
        rows = [(*row, item) for row in rows for item in elements(argument)]
        if len(rows) > 1000:
            return None
    return Items(tuple(Items(row, call.at) for row in rows), call.at)


def set_kept(call: Call, arguments: list[Node]) -> Node | None:
    """``setintersection`` and ``setsubtract``, where all elements are known."""
    sets = [argument.items for argument in arguments if isinstance(argument, Items)]
    if len(sets) != len(arguments) or any(literal(item) is None for items in sets for item in items):
        return None
    others = [{literal(item) for item in items} for items in sets[1:]]
    wanted = call.name == "setintersection"
    return Items(
        tuple(item for item in sets[0] if all((literal(item) in other) is wanted for other in others)), call.at
    )


def all_true(call: Call, arguments: list[Node]) -> Node | None:
    """``alltrue`` and ``anytrue``."""
    if not isinstance(arguments[0], Items):
        return None
    answers = [truth(item) for item in arguments[0].items]
    decisive = call.name == "anytrue"
    if decisive in answers:
        return Const(decisive, call.at)
    return None if None in answers else Const(not decisive, call.at)


def chunk_list(call: Call, arguments: list[Node]) -> Node | None:
    value, size = arguments[0], number(arguments[1])
    if not isinstance(value, Items) or not size or size < 1 or not all(map(certain, value.items)):
        return None
    step = int(size)
    chunks = (Items(value.items[start : start + step], call.at) for start in range(0, len(value.items), step))
    return Items(tuple(chunks), call.at)


def coalesce_list(call: Call, arguments: list[Node]) -> Node | None:
    for argument in arguments:
        if not isinstance(argument, Items) or not all(map(certain, argument.items)):
            return None
        if argument.items:
            return argument
    return None


def same(call: Call, arguments: list[Node]) -> Node | None:
    """``sensitive``, ``nonsensitive``, ``ephemeralasnull``: the value itself."""
    return arguments[0]


def _checked(function: Function, least: int, most: int = 1_000_000) -> Function:
    def run(call: Call, arguments: list[Node]) -> Node | None:
        return function(call, arguments) if least <= len(arguments) <= most else call.fail("wrong number of arguments")

    return run


def table(entries: dict[str, tuple[Function, int, int]]) -> dict[str, Function]:
    """Functions that are only called with a number of arguments that they take."""
    return {name: _checked(function, least, most) for name, (function, least, most) in entries.items()}


COLLECTION = table({
    "concat": (concat, 0, 1000), "flatten": (flatten, 1, 1), "compact": (compact, 1, 1), "distinct": (distinct, 1, 1),
    "setunion": (set_union, 0, 1000), "tolist": (to_list, 1, 1), "list": (concat, 0, 0), "toset": (to_set, 1, 1),
    "merge": (merge, 0, 1000), "keys": (keys, 1, 1), "values": (values, 1, 1), "length": (length, 1, 1),
    "element": (element, 2, 2), "lookup": (lookup, 2, 3), "one": (one, 1, 1), "contains": (contains, 2, 2),
    "reverse": (reverse, 1, 1), "sort": (sort, 1, 1), "slice": (slice_, 3, 3), "zipmap": (zipmap, 2, 2),
    "tomap": (to_map, 1, 1), "range": (range_, 1, 3), "setproduct": (set_product, 1, 10),
    "setintersection": (set_kept, 1, 100), "setsubtract": (set_kept, 2, 2), "alltrue": (all_true, 1, 1),
    "anytrue": (all_true, 1, 1), "chunklist": (chunk_list, 2, 2), "coalescelist": (coalesce_list, 1, 100),
    "sensitive": (same, 1, 1), "nonsensitive": (same, 1, 1), "ephemeralasnull": (same, 1, 1),
})  # fmt: skip
