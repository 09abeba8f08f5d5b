"""``format`` and ``formatlist``. Source: Terraform language documentation, "Functions", "format" and "formatlist"."""

from __future__ import annotations

import re

from passrole_checks.iam.partial_values import ListNode, Node, ObjectNode, Part, StringNode, Unresolved, join, text
from passrole_checks.sources.terraform.evaluation.conditional_values import map_choices, variants_of
from passrole_checks.sources.terraform.evaluation.get_path import is_single_element
from passrole_checks.sources.terraform.evaluation.symbolic_values import (
    Encoded,
    UnknownTail,
    Unordered,
    defaults_of,
    is_null,
    is_too_long,
    known_bool,
    known_integer,
    known_number,
    known_string,
    parts_of,
)
from passrole_checks.sources.terraform.functions.collection import listed, settled
from passrole_checks.sources.terraform.functions.signature import FunctionCall, declare, open_ended
from passrole_checks.sources.terraform.functions.text import graphemes

_VERB = re.compile(r"%(?:(%)|([-+ #0]*)(\d*)(?:\.(\d+))?(?:\[(\d+)\])?(.)?)", re.DOTALL)
_WIDEST = 1_000


class _Impossible(ValueError):
    """An argument that a verb cannot show."""


def format_(call: FunctionCall, arguments: list[Node]) -> Node | None:
    """``format``: each verb replaced, holes kept in their places; an error where verbs and arguments do not fit."""
    pattern = known_string(arguments[0])
    if pattern is None:
        return None
    parts: list[Part] = []
    place = after = highest = 0
    for match in _VERB.finditer(pattern):
        parts.append(pattern[after : match.start()])
        after = match.end()
        if match.group(1):
            parts.append("%")
            continue
        index = int(match.group(5)[:6]) - 1 if match.group(5) else place
        place = index + 1
        highest = max(highest, place)
        if index < 0 or index + 1 >= len(arguments):
            return call.fail("too few arguments")
        if len(match.group(3)) > 6 or max(int(match.group(3) or 0), int((match.group(4) or "0")[:7])) > _WIDEST:
            return call.hole(f"wider than {_WIDEST} characters")
        try:
            parts.extend(_formatted(call, arguments[index + 1], match))
        except _Impossible as error:
            return call.fail(str(error))
        if is_too_long(parts):
            return call.hole("too long")
    if highest < len(arguments) - 1:
        return call.fail("too many arguments")
    parts.append(pattern[after:])
    return StringNode(join(parts), call.at, defaults=defaults_of(arguments))


def _formatted(call: FunctionCall, value: Node, match: re.Match[str]) -> tuple[Part, ...]:
    _, flags, width, precision, _, verb = match.groups()
    if not verb or verb not in "vtbdoxXeEfgGsq":
        raise _Impossible(f"'{match.group()}' is not a verb")
    if verb != "v" and is_null(value):
        raise _Impossible("a null value")
    if verb == "v" and ("#" in flags or is_null(value) or isinstance(value, (ListNode, ObjectNode))):
        return _padded(parts_of(Encoded((Unresolved(call.words),), value.at, value=value)), flags, width, call)
    if isinstance(value, (ListNode, ObjectNode)):
        raise _Impossible("a collection")
    if verb in "sv":
        return _padded(_cut(parts_of(value), precision, call), flags, width, call)
    if verb == "q":
        found = known_string(value)
        if found is None:
            return ('"', *parts_of(value), '"') if not width else (Unresolved(call.words),)
        return _padded(parts_of(Encoded((Unresolved("…"),), value.at, value=text(found, value.at))), flags, width, call)
    if verb == "t":
        decided = known_bool(value)
        if decided is None and known_string(value) is not None:
            raise _Impossible("not a bool")
        return (_unknown(call, value),) if decided is None else ("true" if decided else "false",)
    if known_number(value) is None:
        if known_string(value) is not None:
            raise _Impossible("not a number")
        return (_unknown(call, value),)
    return (_number(value, flags.replace("#", ""), width, precision, verb),)


def _number(value: Node, flags: str, width: str, precision: str | None, verb: str) -> str:
    amount = known_number(value) or 0
    if verb in "bdoxX":
        integer = known_integer(value)
        if integer is None:
            raise _Impossible("not a whole number")
        if verb == "b":
            sign = "-" if integer < 0 else "+" if "+" in flags else " " if " " in flags else ""
            digits = f"{abs(integer):b}"
            if "0" in flags and "-" not in flags:
                digits = digits.rjust(int(width or 0) - len(sign), "0")
            return (sign + digits).ljust(int(width or 0)) if "-" in flags else (sign + digits).rjust(int(width or 0))
        return f"%{flags}{width}{verb}" % integer
    if verb in "gG" and precision is None and amount == int(amount) and abs(amount) < 1e21:
        return f"%{flags}{width}d" % int(amount)
    try:
        return f"%{flags}{width}{'.' + precision if precision else ''}{verb}" % amount
    except OverflowError:
        raise _Impossible("a number too large") from None


def _unknown(call: FunctionCall, value: Node) -> Unresolved:
    """What a verb makes of a value that is not known: named by the value where there is one hole in it."""
    if isinstance(value, StringNode) and value.only_hole is not None:
        return value.only_hole
    return Unresolved(call.words)


def _cut(parts: tuple[Part, ...], precision: str | None, call: FunctionCall) -> tuple[Part, ...]:
    """The first characters only. Zero cuts nothing off."""
    if not precision or not int(precision):
        return parts
    first = parts[0]
    letters = graphemes(first) if isinstance(first, str) else None
    if letters is not None and (len(parts) == 1 or len(letters) >= int(precision)):
        return ("".join(letters[: int(precision)]),)
    return (Unresolved(call.words),)


def _padded(parts: tuple[Part, ...], flags: str, width: str, call: FunctionCall) -> tuple[Part, ...]:
    if not width:
        return parts
    whole_ = "".join(part for part in parts if isinstance(part, str))
    letters = graphemes(whole_)
    if letters is not None and len(letters) >= int(width):
        return parts
    if letters is None or any(isinstance(part, Unresolved) for part in parts):
        return (Unresolved(call.words),)
    pad = ("0" if "0" in flags else " ") * (int(width) - len(letters))
    return (whole_ + pad,) if "-" in flags else (pad + whole_,)


def format_list(call: FunctionCall, arguments: list[Node]) -> Node | None:
    """One text for each element; values that are no lists are the same in all."""
    given = arguments[1:]
    lists = [argument for argument in given if isinstance(argument, ListNode)]
    unknown = [one for one in given if isinstance(one, StringNode) and open_ended(one)]
    if unknown and not lists:
        one = format_(call, arguments)
        if type(one) is not StringNode:
            return one
        return ListNode((UnknownTail(one.parts, call.at, defaults=one.defaults),), call.at)
    if not lists:
        one = format_(call, arguments)
        return ListNode((one,), call.at) if type(one) is StringNode else one
    if len({len(found.items) for found in lists}) != 1:
        return call.fail("lists of different lengths") if all(map(settled, lists)) else None
    if len(lists) > 1 and any(isinstance(found, Unordered) for found in lists):
        return None
    rows: list[Node] = []
    for place in range(len(lists[0].items)):
        row: list[Node] = [
            argument.items[place] if isinstance(argument, ListNode) else argument for argument in arguments
        ]
        if len(lists) > 1 and any(isinstance(reading, UnknownTail) for value in row for reading in variants_of(value)):
            return None
        rows.append(map_choices(lambda *values: _row(call, list(values)), *row))
    return listed(rows, call, *lists)


def _row(call: FunctionCall, row: list[Node]) -> Node:
    """One text, nothing where its element is left out."""
    missing = next(
        (value for value in row if not is_single_element(value) and not isinstance(value, UnknownTail)), None
    )
    if missing is not None:
        return missing
    one = format_(call, row) or call.hole()
    if isinstance(one, StringNode) and any(isinstance(value, UnknownTail) for value in row):
        return UnknownTail(one.parts, one.at, defaults=one.defaults)
    return one


FORMAT = declare({"format": (format_, "sA*"), "formatlist": (format_list, "sA*")})
