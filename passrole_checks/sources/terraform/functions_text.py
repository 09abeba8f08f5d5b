"""Functions on strings and numbers."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Callable

from passrole_checks.iam.json_document import MalformedDocument, parse_json
from passrole_checks.iam.values import Absent, Const, Hole, Items, Kind, Mapping, Node, Part, Text, join, text
from passrole_checks.sources.terraform.access import certain
from passrole_checks.sources.terraform.function import Call, Function
from passrole_checks.sources.terraform.functions_collection import elements, table
from passrole_checks.sources.terraform.symbols import (
    Encoded,
    Rest,
    defaults_of,
    distribute,
    is_null,
    joined,
    known,
    literal,
    number,
    parts_of,
    too_long,
    truth,
)

_VERB = re.compile(r"%(?:(%)|(?:\[(\d+)\])?([-+ #0]*)(\d*)(?:\.(\d+))?([a-zA-Z]))")


def json_encode(call: Call, arguments: list[Node]) -> Node | None:
    value = arguments[0]
    return Encoded((Hole(call.words),), call.at, value=value, defaults=defaults_of([value]))


def json_decode(call: Call, arguments: list[Node]) -> Node | None:
    value = arguments[0]
    if isinstance(value, Encoded):
        return value.value
    if not isinstance(value, Text):
        return call.fail("not JSON")
    if value.only_hole is not None and not value.only_hole.known:
        return None
    try:
        return parse_json(value)
    except MalformedDocument as error:
        return call.fail(error.reason) if value.literal is not None else call.hole(error.reason)


def join_(call: Call, arguments: list[Node]) -> Node | None:
    items = [item for argument in arguments[1:] for item in elements(argument)]
    separator = arguments[0]
    if any(isinstance(item, (Items, Mapping)) for item in items):
        return None

    def run(*values: Node) -> Node:
        pieces: list[Node] = []
        for value in values:
            if not isinstance(value, Absent):
                pieces.extend([separator, value] if pieces else [value])
        return joined(pieces, call.at)

    if any(isinstance(item, Rest) for item in items):
        return joined(_with_separators(items, separator), call.at)
    return distribute(run, *items)


def _with_separators(items: list[Node], separator: Node) -> list[Node]:
    """Known elements around unknown runs, of which the separators are not known either."""
    pieces: list[Node] = []
    for item in items:
        if pieces and not isinstance(item, Rest) and not isinstance(pieces[-1], Rest):
            pieces.append(separator)
        pieces.append(Rest((Hole(str(item)),), item.at) if isinstance(item, Rest) else item)
    return pieces


def _each_part(call: Call, value: Node, change: Callable[[str], str]) -> Node | None:
    """A change that each literal part undergoes by itself; holes become "changed holes"."""
    if not isinstance(value, Text):
        found = literal(value)
        return text(change(found), call.at) if found is not None else None
    parts: list[Part] = []
    for part in known(value).parts:
        if isinstance(part, str):
            parts.append(change(part))
        else:
            parts.append(Hole(f"{call.name}({part.expression})", part.kind, reason=part.reason))
    return Text(join(parts), call.at, defaults=value.defaults)


def lower(call: Call, arguments: list[Node]) -> Node | None:
    return _each_part(call, arguments[0], str.lower)


def upper(call: Call, arguments: list[Node]) -> Node | None:
    return _each_part(call, arguments[0], str.upper)


def _on_literal(change: Callable[..., str]) -> Function:
    """A function of literals only."""

    def run(call: Call, arguments: list[Node]) -> Node | None:
        found = [literal(argument) for argument in arguments]
        if any(value is None for value in found):
            return None
        try:
            return Text((change(*found),), call.at, defaults=defaults_of(arguments))
        except (ValueError, binascii.Error, OverflowError):
            return call.fail("not possible for this text")

    return run


def _test(change: Callable[[str, str], bool]) -> Function:
    def run(call: Call, arguments: list[Node]) -> Node | None:
        first, second = literal(arguments[0]), literal(arguments[1])
        return Const(change(first, second), call.at) if first is not None and second is not None else None

    return run


def starts_with(call: Call, arguments: list[Node]) -> Node | None:
    value, prefix = arguments[0], literal(arguments[1])
    if not isinstance(value, Text) or prefix is None:
        return None
    first = known(value).parts[0]
    if isinstance(first, str):
        if first.startswith(prefix):
            return Const(True, call.at)
        if value.literal is not None or not prefix.startswith(first):
            return Const(False, call.at)
    return None


def replace_(call: Call, arguments: list[Node]) -> Node | None:
    value, old, new = (literal(argument) for argument in arguments)
    if value is None or old is None:
        return None
    if len(old) > 1 and old.startswith("/") and old.endswith("/"):
        return _replace_pattern(call, arguments, value, old[1:-1], new)
    pieces = value.split(old) if old else [value]
    if len(pieces) > 1000:
        return None
    parts: list[Part] = [pieces[0]]
    for piece in pieces[1:]:
        parts.extend((*parts_of(arguments[2]), piece))
    if too_long(parts):
        return call.hole("too long")
    return Text(join(parts), call.at, defaults=defaults_of(arguments))


def _replace_pattern(call: Call, arguments: list[Node], value: str, pattern: str, new: str | None) -> Node | None:
    """A regular expression of a form that Go's and Python's engines read alike, with little repetition."""
    if new is None or "$" in new or "\\" in new or not re.fullmatch(r"[\w\s,:;@=/.\[\]^$|+*-]{1,60}", pattern):
        return None
    if len(value) > 5_000 or pattern.count("*") + pattern.count("+") > 2:
        return None
    try:
        changed = re.sub(pattern, new, value)
    except re.error:
        return None
    return Text((changed,), call.at, defaults=defaults_of(arguments))


def split(call: Call, arguments: list[Node]) -> Node | None:
    separator, value = literal(arguments[0]), arguments[1]
    if separator is None or not isinstance(value, Text):
        return None
    whole = known(value)
    if whole.literal is not None:
        pieces = whole.literal.split(separator) if separator else list(whole.literal)
        found = [Text((piece,), call.at, defaults=value.defaults) for piece in pieces]
        return Items(tuple(found), call.at)
    if separator not in (":", "/") or any(hole.kind is Kind.ANYTHING for hole in whole.holes):
        return None
    groups: list[list[Part]] = [[]]
    for part in whole.parts:
        if isinstance(part, Hole):
            groups[-1].append(part)
            continue
        first, *others = part.split(separator)
        groups[-1].append(first)
        groups.extend([other] for other in others)
    return Items(tuple(Text(join(group), call.at, defaults=value.defaults) for group in groups), call.at)


def format_(call: Call, arguments: list[Node]) -> Node | None:
    pattern = literal(arguments[0])
    if pattern is None:
        return None
    parts: list[Part] = []
    place = after = 0
    for match in _VERB.finditer(pattern):
        parts.append(pattern[after : match.start()])
        after = match.end()
        if match.group(1):
            parts.append("%")
            continue
        index = int(match.group(2)) - 1 if match.group(2) else place
        place = index + 1
        if index + 1 >= len(arguments):
            return call.fail("too few arguments")
        parts.extend(_formatted(call, arguments[index + 1], match))
    parts.append(pattern[after:])
    if too_long(parts):
        return call.hole("too long")
    return Text(join(parts), call.at, defaults=defaults_of(arguments))


def _formatted(call: Call, value: Node, match: re.Match[str]) -> tuple[Part, ...]:
    _, _, flags, width, precision, verb = match.groups()
    if verb in "sv" and not flags and not width and precision is None:
        if isinstance(value, (Items, Mapping)):
            return parts_of(Encoded((Hole("…"),), value.at, value=value))
        return ("null",) if is_null(value) else parts_of(value)
    found, amount = literal(value), number(value)
    if int(width or 0) > 1000 or int(precision or 0) > 1000 or "#" in flags:
        return (Hole(call.words),)
    style = f"%{flags}{width}" + (f".{precision}" if precision else "")
    if verb == "d" and amount is not None:
        return (f"%{flags}{width}d" % int(amount),)
    if verb in "feg" and amount is not None:
        return ((style + verb) % amount,)
    if verb in "xXo" and amount is not None:
        return ((f"%{flags}{width}" + verb) % int(amount),)
    if verb in "sv" and found is not None:
        return ((style + "s") % found,)
    if verb == "q" and found is not None:
        return parts_of(Encoded((Hole("…"),), value.at, value=text(found, value.at)))
    if verb == "t" and truth(value) is not None:
        return ("true" if truth(value) else "false",)
    kind = Kind.ANYTHING
    return (Hole(value.holes[0].expression if isinstance(value, Text) and value.holes else call.words, kind),)


def format_list(call: Call, arguments: list[Node]) -> Node | None:
    lists = [argument for argument in arguments[1:] if isinstance(argument, Items)]
    if any(isinstance(argument, Text) and argument.only_hole and not isinstance(argument, Encoded)
           and not argument.only_hole.known and argument.only_hole.kind is Kind.ANYTHING
           for argument in arguments[1:]) and not lists:  # fmt: skip
        one = format_(call, arguments)
        return Items((Rest(one.parts, call.at, defaults=one.defaults),), call.at) if isinstance(one, Text) else None
    if not lists or len({len(found.items) for found in lists}) != 1:
        return None
    rows: list[Node] = []
    for place in range(len(lists[0].items)):
        row: list[Node] = [argument.items[place] if isinstance(argument, Items) else argument for argument in arguments]
        many = any(isinstance(value, Rest) for value in row)
        one = distribute(lambda *values: format_(call, list(values)) or call.hole(), *row)
        if any(not certain(value) for value in row) and not many:
            return None
        rows.append(Rest(one.parts, one.at, defaults=one.defaults) if many and isinstance(one, Text) else one)
    return Items(tuple(rows), call.at)


def substr(call: Call, arguments: list[Node]) -> Node | None:
    value, start, size = literal(arguments[0]), number(arguments[1]), number(arguments[2])
    if value is None or start is None or size is None:
        return None
    begin = int(start) if start >= 0 else len(value) + int(start)
    end = len(value) if size < 0 else begin + int(size)
    return Text((value[max(begin, 0) : end],), call.at, defaults=defaults_of(arguments))


def trim_prefix(call: Call, arguments: list[Node]) -> Node | None:
    value, prefix = arguments[0], literal(arguments[1])
    if not isinstance(value, Text) or prefix is None:
        return None
    first, *others = known(value).parts
    if not isinstance(first, str) or (len(first) < len(prefix) and others):
        return None
    return Text(join((first.removeprefix(prefix), *others)), call.at, defaults=value.defaults)


def trim_suffix(call: Call, arguments: list[Node]) -> Node | None:
    value, suffix = arguments[0], literal(arguments[1])
    if not isinstance(value, Text) or suffix is None:
        return None
    *others, last = known(value).parts
    if not isinstance(last, str) or (len(last) < len(suffix) and others):
        return None
    return Text(join((*others, last.removesuffix(suffix))), call.at, defaults=value.defaults)


def trim_space(call: Call, arguments: list[Node]) -> Node | None:
    value = arguments[0]
    if not isinstance(value, Text):
        return None
    if isinstance(value, Encoded):
        return value
    found = literal(value)
    return Text((found.strip(),), call.at, defaults=value.defaults) if found is not None else _as_written(value)


def _as_written(value: Text) -> Text | None:
    """A text with holes whose first and last parts have no blanks to take away, or JSON, which has none that count."""
    first, last = value.parts[0], value.parts[-1]
    if isinstance(first, str) and first.lstrip()[:1] in ("{", "["):
        return value
    blank = any(isinstance(part, str) and part != part.strip() for part in (first, last))
    return None if blank or isinstance(first, Hole) or isinstance(last, Hole) else value


def to_string(call: Call, arguments: list[Node]) -> Node | None:
    value = arguments[0]
    if isinstance(value, Text) or is_null(value):
        return value
    found = literal(value)
    return text(found, call.at) if found is not None else call.fail("not a string")


def to_number(call: Call, arguments: list[Node]) -> Node | None:
    amount = number(arguments[0])
    return Const(amount, call.at) if amount is not None else arguments[0] if is_null(arguments[0]) else None


def to_bool(call: Call, arguments: list[Node]) -> Node | None:
    decided = truth(arguments[0])
    return Const(decided, call.at) if decided is not None else arguments[0] if is_null(arguments[0]) else None


def extreme(call: Call, arguments: list[Node]) -> Node | None:
    """``max``, ``min`` and ``sum``."""
    given = elements(arguments[0]) if call.name == "sum" else arguments
    amounts = [number(value) for value in given]
    found = [amount for amount in amounts if amount is not None]
    if len(found) != len(amounts) or not found:
        return None
    if call.name == "sum":
        return Const(sum(found), call.at)
    return Const(max(found) if call.name == "max" else min(found), call.at)


def base64_decode(value: str) -> str:
    return base64.b64decode(value, validate=True).decode("utf-8")


TEXT = table({
    "jsonencode": (json_encode, 1, 1), "jsondecode": (json_decode, 1, 1), "join": (join_, 1, 1000),
    "lower": (lower, 1, 1), "upper": (upper, 1, 1), "replace": (replace_, 3, 3), "split": (split, 2, 2),
    "format": (format_, 1, 1000), "formatlist": (format_list, 1, 1000), "substr": (substr, 3, 3),
    "trimprefix": (trim_prefix, 2, 2), "trimsuffix": (trim_suffix, 2, 2), "trimspace": (trim_space, 1, 1),
    "chomp": (trim_space, 1, 1), "trim": (_on_literal(lambda value, cut: value.strip(cut)), 2, 2),
    "title": (_on_literal(lambda value: re.sub(r"(^|\s)(\S)", lambda m: m[1] + m[2].upper(), value)), 1, 1),
    "strrev": (_on_literal(lambda value: value[::-1]), 1, 1),
    "startswith": (starts_with, 2, 2), "endswith": (_test(lambda value, end: value.endswith(end)), 2, 2),
    "strcontains": (_test(lambda value, inner: inner in value), 2, 2), "tostring": (to_string, 1, 1),
    "tonumber": (to_number, 1, 1), "tobool": (to_bool, 1, 1), "max": (extreme, 1, 1000), "min": (extreme, 1, 1000),
    "sum": (extreme, 1, 1),
    "base64encode": (_on_literal(lambda value: base64.b64encode(value.encode()).decode()), 1, 1),
    "base64decode": (_on_literal(base64_decode), 1, 1),
    "md5": (_on_literal(lambda value: hashlib.md5(value.encode(), usedforsecurity=False).hexdigest()), 1, 1),
    "sha1": (_on_literal(lambda value: hashlib.sha1(value.encode(), usedforsecurity=False).hexdigest()), 1, 1),
    "sha256": (_on_literal(lambda value: hashlib.sha256(value.encode()).hexdigest()), 1, 1),
})  # fmt: skip
