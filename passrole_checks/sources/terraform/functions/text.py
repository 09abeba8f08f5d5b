"""Functions on strings of which only parts may be known.

A part that a hole cannot change stays. A hole that a function changes is named after the function and the hole.
Source: Terraform language documentation, "Functions", "String Functions".
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

from passrole_checks.iam import path_conditions
from passrole_checks.iam.partial_values import (
    Absent,
    Const,
    ListNode,
    Node,
    ObjectNode,
    Part,
    StringNode,
    Unresolved,
    UnresolvedKind,
    join,
    text,
)
from passrole_checks.sources.terraform.evaluation.conditional_values import map_choices
from passrole_checks.sources.terraform.evaluation.get_path import get_element, is_single_element
from passrole_checks.sources.terraform.evaluation.symbolic_values import (
    MAX_ITEMS,
    Encoded,
    UnknownTail,
    Unordered,
    defaults_of,
    is_null,
    is_too_long,
    join_values,
    known_bool,
    known_integer,
    known_number,
    known_string,
    number_text,
    parts_of,
)
from passrole_checks.sources.terraform.functions.collection import elements, length
from passrole_checks.sources.terraform.functions.pattern import replaced
from passrole_checks.sources.terraform.functions.signature import (
    Function,
    FunctionCall,
    can_hold,
    declare,
    exact,
    filled,
    spelled,
)


def as_text(value: Node) -> StringNode | None:
    """The value as a string, with all that is known of its holes."""
    if isinstance(value, StringNode):
        return spelled(value)
    found = known_string(value)
    return text(found, value.at) if found is not None else None


def made_of(parts: list[Part] | tuple[Part, ...], call: FunctionCall, *arguments: Node) -> Node:
    """A string of these parts, which stands by default where an argument does; a hole where it would be too long."""
    if is_too_long(parts):
        return call.hole("too long")
    return StringNode(join(tuple(parts)), call.at, defaults=defaults_of(arguments))


def join_(call: FunctionCall, arguments: list[Node]) -> Node | None:
    """``join``: known elements stay known around those that are not; an unknown run leaves its separators open."""
    items = [item for argument in arguments[1:] for item in elements(argument)]
    separator = arguments[0]
    if any(isinstance(item, (ListNode, ObjectNode)) for item in items):
        return call.fail("an element is not a string")
    if any(is_null(item) and is_single_element(item) for item in items):
        return call.fail("an element is null")
    if any(isinstance(argument, Unordered) for argument in arguments[1:]) and len(items) > 1:
        return None

    def run(*values: Node) -> Node:
        pieces: list[Node] = []
        if any(isinstance(value, UnknownTail) for value in values):
            return join_values(
                _with_separators([one for one in values if not isinstance(one, Absent)], separator), call.at
            )
        for value in values:
            if is_single_element(value):
                pieces.extend([separator, value] if pieces else [value])
        if len(pieces) == 1 and isinstance(pieces[0], Encoded):
            return pieces[0]  # how modules give the one document that there is, if any
        return join_values(pieces, call.at)

    if len(items) == 1 and known_string(separator) == "" and isinstance(items[0], UnknownTail) and _of_role(items[0]):
        # how modules give the one role that there is, if any
        return get_element(ListNode((items[0],), call.at), 0, call.words, call.at, text("", call.at))
    return map_choices(run, *items)


def _with_separators(items: list[Node], separator: Node) -> list[Node]:
    """Known elements around unknown runs, of which the separators are not known either."""
    pieces: list[Node] = []
    for item in items:
        if pieces and not isinstance(item, UnknownTail) and not isinstance(pieces[-1], UnknownTail):
            pieces.append(separator)
        pieces.append(_run_of(item) if isinstance(item, UnknownTail) else item)
    return pieces


def _of_role(item: UnknownTail) -> bool:
    return any(part.role is not None for part in item.holes)


def _run_of(item: UnknownTail) -> UnknownTail:
    """Any number of elements of a form, joined, as one hole."""
    only = item.only_hole
    words, why = (only.expression, only.reason) if only is not None else (str(item), "")
    return UnknownTail((Unresolved(f"{words}, joined", reason=why),), item.at, defaults=item.defaults)


def _cased(change: Callable[[str], str]) -> Function:
    def run(call: FunctionCall, arguments: list[Node]) -> Node | None:
        value = arguments[0]
        if not isinstance(value, StringNode):
            found = known_string(value)
            return text(change(found), call.at) if found is not None else None
        parts = [
            change(part) if isinstance(part, str) else _changed(part, call.name, change) for part in filled_in(value)
        ]
        return made_of(parts, call, value)

    return run


def filled_in(value: StringNode) -> tuple[Part, ...]:
    """The parts, known names of roles and the like filled in where they are known to the end."""
    found = known_string(value)
    return (found,) if found is not None else (spelled(value) if isinstance(value, Encoded) else value).parts


def _changed(part: Unresolved, name: str, change: Callable[[str], str]) -> Unresolved:
    """A hole after a change of case. An account id has none, and names of partitions and Regions are in lower case."""
    if part.kind is UnresolvedKind.ACCOUNT_ID or (
        name == "lower" and part.kind in (UnresolvedKind.PARTITION, UnresolvedKind.REGION)
    ):
        return part
    known = tuple(change(one) if isinstance(one, str) else _changed(one, name, change) for one in part.known or ())
    kind = (
        part.kind
        if part.kind is UnresolvedKind.NAME
        else UnresolvedKind.NAME
        if filled(part) and not part.known
        else UnresolvedKind.ANYTHING
    )
    return Unresolved(f"{name}({part.expression})", kind, known=join(known) if known else None, reason=part.reason)


def replace_(call: FunctionCall, arguments: list[Node]) -> Node | None:
    """``replace`` of a text or, between slashes, a pattern; a hole that cannot hold the text stays as it is."""
    old = known_string(arguments[1])
    value = as_text(arguments[0])
    if value is None or old is None:
        return None
    if len(old) > 1 and old.startswith("/") and old.endswith("/"):
        return replaced(call, arguments, value, old[1:-1])
    new = parts_of(arguments[2])
    found: list[Part] = []
    for place, part in enumerate(value.parts):
        if isinstance(part, str):
            pieces = part.split(old) if old else ["", *part, ""]
            if len(pieces) * max(len(new), 1) > 10_000 or not _alone(value.parts, place, old):
                return None if len(pieces) < 10_000 else call.hole("too long")
            found.append(pieces[0])
            for piece in pieces[1:]:
                found.extend((*new, piece))
        else:
            found.append(_without(part, old, arguments[2], call) if _may_contain(part, old) else part)
    return made_of(found, call, *arguments)


def _alone(parts: tuple[Part, ...], place: int, old: str) -> bool:
    """Whether no match can reach from this literal into a hole beside it."""
    part = parts[place]
    if not isinstance(part, str) or len(old) < 2:
        return bool(old) or len(parts) == 1
    before, after = (parts[place - 1] if place else None), (parts[place + 1] if place + 1 < len(parts) else None)
    reach = range(1, len(old))
    if isinstance(after, Unresolved) and any(part.endswith(old[:n]) and _meets(after, old[n:], 0) for n in reach):
        return False
    if isinstance(before, Unresolved) and any(part.startswith(old[n:]) and _meets(before, old[:n], -1) for n in reach):
        return False
    return not (isinstance(before, Unresolved) and isinstance(after, Unresolved) and part in old[1:-1])


def _may_contain(part: Unresolved, inner: str) -> bool:
    """Whether a hole may hold a whole match."""
    return all(can_hold(part, letter) for letter in inner)


def _meets(part: Unresolved, rest: str, end: int) -> bool:
    """Whether a hole may begin (or end) with what is left of a match, or be empty."""
    return not filled(part) or can_hold(part, rest[end])


def _without(part: Unresolved, old: str, new: Node, call: FunctionCall) -> Unresolved:
    words = known_string(new)
    keeps = part.kind is UnresolvedKind.NAME and words is not None and words != "" and not set("*?:/") & set(words)
    shown = path_conditions.quoted(words) if words is not None else str(new)
    expression = f"{call.name}({part.expression}, {path_conditions.quoted(old)}, {shown})"
    return Unresolved(expression, UnresolvedKind.NAME if keeps else UnresolvedKind.ANYTHING, reason=part.reason)


def split(call: FunctionCall, arguments: list[Node]) -> Node | None:
    """``split``: pieces up to a hole that may hold the separator, behind it an unknown run."""
    separator, value = known_string(arguments[0]), as_text(arguments[1])
    if separator is None or value is None:
        return None
    groups: list[list[Part]] = [[]]
    for place, part in enumerate(value.parts):
        if isinstance(part, Unresolved):
            if _may_contain(part, separator):
                return _cut_off(groups, call, value)
            groups[-1].append(part)
            continue
        if not separator:
            groups = [*groups[:-1], *[list[Part]([letter]) for letter in graphemes(part) or []]]
            continue
        if not _alone(value.parts, place, separator):
            return _cut_off(groups, call, value)
        if part.count(separator) > MAX_ITEMS:
            return call.hole("too many elements")
        first, *others = part.split(separator)
        groups[-1].append(first)
        groups.extend([other] for other in others)
    return ListNode(tuple(StringNode(join(group), call.at, defaults=value.defaults) for group in groups), call.at)


def _cut_off(groups: list[list[Part]], call: FunctionCall, value: StringNode) -> Node:
    """The pieces up to one that is not known to its end, and behind it any number of others."""
    found: list[Node] = [StringNode(join(group), call.at, defaults=value.defaults) for group in groups[:-1]]
    reason = next((part.reason for part in value.holes if part.reason), "")
    found.append(UnknownTail((Unresolved(f"{call.words}[*]", reason=reason),), call.at, defaults=value.defaults))
    return ListNode(tuple(found), call.at)


def graphemes(value: str) -> list[str] | None:
    """The characters as Terraform counts them; None where that takes more than looking at each code point."""
    if value.isascii():
        return re.findall(r"\r\n|.", value, re.DOTALL)
    value = unicodedata.normalize("NFC", value)
    return list(value) if "\r\n" not in value and all(map(_stands_alone, value)) else None


def _stands_alone(letter: str) -> bool:
    """Whether a code point is a character of its own, whatever stands beside it: no accent, no emoji."""
    code, category = ord(letter), unicodedata.category(letter)
    return (
        code < 128 or (category[0] in "LNPZ" and not 0x1100 <= code <= 0x11FF) or (category == "So" and code < 0x1F000)
    )


def substr(call: FunctionCall, arguments: list[Node]) -> Node | None:
    """``substr``: characters from the known beginning or end; a hole where it reaches into one."""
    value, start, size = as_text(arguments[0]), known_integer(arguments[1]), known_integer(arguments[2])
    if value is None or start is None or size is None or (start < 0 and not size):
        return None
    if not size:
        return text("", call.at)
    if value.literal is not None:
        letters = graphemes(value.literal)
        if letters is None:
            return None
        begin = start if start >= 0 else max(len(letters) + start, 0)
        return made_of(["".join(letters[begin : None if size < 0 else begin + size])], call, *arguments)
    first, last = value.parts[0], value.parts[-1]
    if start < 0:
        letters = graphemes(last) if isinstance(last, str) else None
        if letters is None or len(letters) < -start:
            return None
        begin = len(letters) + start
        return made_of(["".join(letters[begin : None if size < 0 else begin + size])], call, *arguments)
    letters = graphemes(first) if isinstance(first, str) else []
    if letters is None or len(letters) < start:
        return None
    if size < 0:
        return made_of(["".join(letters[start:]), *value.parts[bool(letters) :]], call, *arguments)
    kept = "".join(letters[start : start + size])
    if start + size <= len(letters):
        return made_of([kept], call, *arguments)
    others = value.parts[bool(letters) :]
    named = all(part.kind is UnresolvedKind.NAME for part in others if isinstance(part, Unresolved)) and not set(
        "*?:/"
    ) & set("".join(part for part in others if isinstance(part, str)))
    reason = next((part.reason for part in value.holes if part.reason), "")
    return made_of(
        [kept, Unresolved(call.words, UnresolvedKind.NAME if named else UnresolvedKind.ANYTHING, reason=reason)],
        call,
        *arguments,
    )


def title(call: FunctionCall, arguments: list[Node]) -> Node | None:
    """The first letter of each word in upper case; a word ends where neither letter, digit nor underscore stands."""
    found = exact(arguments[0])
    if found is None:
        return None
    letters: list[str] = []
    before = " "
    for letter in found:
        separate = not (before.isalnum() or before == "_") if before.isascii() else before.isspace()
        letters.append(letter.upper() if separate and len(letter.upper()) == 1 else letter)
        before = letter
    return made_of(["".join(letters)], call, arguments[0])


def reversed_(call: FunctionCall, arguments: list[Node]) -> Node | None:
    """``strrev`` of a text that is known."""
    found = exact(arguments[0])
    letters = graphemes(found) if found is not None else None
    return made_of(["".join(reversed(letters))], call, arguments[0]) if letters is not None else None


def size(call: FunctionCall, arguments: list[Node]) -> Node | None:
    """``length``, of strings too."""
    value = arguments[0]
    found = exact(value) if isinstance(value, StringNode) else None
    if found is not None and found.isascii():
        return Const(len(found) - found.count("\r\n"), call.at)
    if found is not None:
        letters = graphemes(found)
        return Const(len(letters), call.at) if letters is not None else None
    return length(call, arguments)


def to_string(call: FunctionCall, arguments: list[Node]) -> Node | None:
    """``tostring``; null stays null."""
    value = arguments[0]
    if isinstance(value, StringNode) or is_null(value):
        return value
    return text(number_text(value.value), call.at) if isinstance(value, Const) and value.value is not None else None


def to_number(call: FunctionCall, arguments: list[Node]) -> Node | None:
    """``tonumber`` of what is known; null stays null."""
    amount = known_number(arguments[0])
    return Const(amount, call.at) if amount is not None else arguments[0] if is_null(arguments[0]) else None


def to_bool(call: FunctionCall, arguments: list[Node]) -> Node | None:
    """``tobool`` of what is known; null stays null."""
    decided = known_bool(arguments[0])
    return Const(decided, call.at) if decided is not None else arguments[0] if is_null(arguments[0]) else None


TEXT = declare({
    "join": (join_, "sl*"), "lower": (_cased(str.lower), "s"), "upper": (_cased(str.upper), "s"),
    "replace": (replace_, "sss"), "split": (split, "ss"), "substr": (substr, "snn"), "title": (title, "s"),
    "strrev": (reversed_, "s"), "length": (size, "x"), "tostring": (to_string, "S"), "tonumber": (to_number, "N"),
    "tobool": (to_bool, "B"),
})  # fmt: skip
