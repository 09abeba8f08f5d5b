"""``format`` and ``formatlist``. Source: Terraform language documentation, "Functions", "format" and "formatlist"."""

from __future__ import annotations

import re

from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.iam.values.nodes import (
    ListNode,
    Node,
    ObjectNode,
    Part,
    StringNode,
    UnknownTail,
    Unresolved,
    join,
    text,
)
from passrole_checks.iam.values.variants import defaults_of, map_variants, variants_of
from passrole_checks.sources.terraform.evaluation.get_path import is_single_element
from passrole_checks.sources.terraform.evaluation.symbolic_values import (
    Encoded,
    Unordered,
    is_null,
    is_too_long,
    known_bool,
    known_integer,
    known_number,
    known_string,
    parts_of,
)
from passrole_checks.sources.terraform.functions.collection import build_list, is_definite
from passrole_checks.sources.terraform.functions.signature import FunctionCall, declare, is_untyped
from passrole_checks.sources.terraform.functions.text import graphemes

_VERB = lazy_regex(r"%(?:(%)|([-+ #0]*)(\d*)(?:\.(\d+))?(?:\[(\d+)\])?(.)?)", re.DOTALL)
_MAX_WIDTH = 1_000


class _BadArgument(ValueError):
    """Raised if a verb cannot format its argument."""


def format_(call: FunctionCall, arguments: list[Node]) -> Node | None:
    """Evaluate ``format``: unresolved arguments stay in place; an error if verbs and arguments do not match."""
    pattern = known_string(arguments[0])
    if pattern is None:
        return None
    parts: list[Part] = []
    next_index = after = highest = 0
    for match in _VERB.finditer(pattern):
        parts.append(pattern[after : match.start()])
        after = match.end()
        if match.group(1):
            parts.append("%")
            continue
        index = int(match.group(5)[:6]) - 1 if match.group(5) else next_index
        next_index = index + 1
        highest = max(highest, next_index)
        if index < 0 or index + 1 >= len(arguments):
            return call.fail("too few arguments")
        if len(match.group(3)) > 6 or max(int(match.group(3) or 0), int((match.group(4) or "0")[:7])) > _MAX_WIDTH:
            return call.unresolved(f"wider than {_MAX_WIDTH} characters")
        try:
            parts.extend(_format_verb(call, arguments[index + 1], match))
        except _BadArgument as error:
            return call.fail(str(error))
        if is_too_long(parts):
            return call.unresolved("too long")
    if highest < len(arguments) - 1:
        return call.fail("too many arguments")
    parts.append(pattern[after:])
    return StringNode(join(parts), call.at, defaults=defaults_of(arguments))


def _format_verb(call: FunctionCall, value: Node, match: re.Match[str]) -> tuple[Part, ...]:
    _, flags, width, precision, _, verb = match.groups()
    if not verb or verb not in "vtbdoxXeEfgGsq":
        raise _BadArgument(f"'{match.group()}' is not a verb")
    if verb != "v" and is_null(value):
        raise _BadArgument("an argument is null")
    if verb == "v" and ("#" in flags or is_null(value) or isinstance(value, (ListNode, ObjectNode))):
        return _pad(parts_of(Encoded((Unresolved(call.text),), value.at, value=value)), flags, width, call)
    if isinstance(value, (ListNode, ObjectNode)):
        raise _BadArgument("an argument is a collection")
    if verb in "sv":
        return _pad(_truncate(parts_of(value), precision, call), flags, width, call)
    if verb == "q":
        string = known_string(value)
        if string is None:
            return ('"', *parts_of(value), '"') if not width else (Unresolved(call.text),)
        return _pad(parts_of(Encoded((Unresolved("…"),), value.at, value=text(string, value.at))), flags, width, call)
    converted = known_bool(value) if verb == "t" else known_number(value)
    if converted is None and known_string(value) is not None:
        raise _BadArgument("not a bool" if verb == "t" else "not a number")
    if converted is None:  # named after the value if possible
        return ((value.only_unresolved if isinstance(value, StringNode) else None) or Unresolved(call.text),)
    if verb == "t":
        return ("true" if converted else "false",)
    return (_format_number(value, flags.replace("#", ""), width, precision, verb),)


def _format_number(value: Node, flags: str, width: str, precision: str | None, verb: str) -> str:
    amount = known_number(value) or 0
    if verb in "bdoxX":
        integer = known_integer(value)
        if integer is None:
            raise _BadArgument("not a whole number")
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
        raise _BadArgument("the number is too large") from None


def _truncate(parts: tuple[Part, ...], precision: str | None, call: FunctionCall) -> tuple[Part, ...]:
    """Return the first ``precision`` characters; all of them if it is zero."""
    if not precision or not int(precision):
        return parts
    first = parts[0]
    characters = graphemes(first) if isinstance(first, str) else None
    if characters is not None and (len(parts) == 1 or len(characters) >= int(precision)):
        return ("".join(characters[: int(precision)]),)
    return (Unresolved(call.text),)


def _pad(parts: tuple[Part, ...], flags: str, width: str, call: FunctionCall) -> tuple[Part, ...]:
    if not width:
        return parts
    string = "".join(part for part in parts if isinstance(part, str))
    characters = graphemes(string)
    if characters is not None and len(characters) >= int(width):
        return parts
    if characters is None or any(isinstance(part, Unresolved) for part in parts):
        return (Unresolved(call.text),)
    pad = ("0" if "0" in flags else " ") * (int(width) - len(characters))
    return (string + pad,) if "-" in flags else (pad + string,)


def format_list(call: FunctionCall, arguments: list[Node]) -> Node | None:
    """Evaluate ``formatlist``: one string per element; arguments that are not lists are repeated."""
    operands = arguments[1:]
    lists = [argument for argument in operands if isinstance(argument, ListNode)]
    if not lists:
        string = format_(call, arguments)
        if type(string) is not StringNode:
            return string
        if any(isinstance(value, StringNode) and is_untyped(value) for value in operands):
            string = UnknownTail(string.parts, call.at, defaults=string.defaults)
        return ListNode((string,), call.at)
    if len({len(list_.items) for list_ in lists}) != 1:
        return call.fail("lists of different lengths") if all(map(is_definite, lists)) else None
    if len(lists) > 1 and any(isinstance(list_, Unordered) for list_ in lists):
        return None
    rows: list[Node] = []
    for index in range(len(lists[0].items)):
        row = [value.items[index] if isinstance(value, ListNode) else value for value in arguments]
        if len(lists) > 1 and any(
            isinstance(reading, UnknownTail) for value in row for _, reading in variants_of(value)
        ):
            return None
        rows.append(map_variants(lambda *values: _format_row(call, list(values)), *row))
    return build_list(rows, call, *lists)


def _format_row(call: FunctionCall, row: list[Node]) -> Node:
    """Return the string of one row; the absent element if the row has one."""
    missing = next(
        (value for value in row if not is_single_element(value) and not isinstance(value, UnknownTail)), None
    )
    if missing is not None:
        return missing
    string = format_(call, row) or call.unresolved()
    if isinstance(string, StringNode) and any(isinstance(value, UnknownTail) for value in row):
        return UnknownTail(string.parts, string.at, defaults=string.defaults)
    return string


FORMAT = declare({"format": (format_, "sA*"), "formatlist": (format_list, "sA*")})
