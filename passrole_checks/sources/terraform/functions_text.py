"""Functions on strings of which only parts may be known.

A part that a hole cannot change stays. A hole that a function changes is named after the function and the hole.
Source: Terraform language documentation, "Functions", "String Functions".
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import replace

from passrole_checks.iam import outcomes
from passrole_checks.iam.values import Absent, Const, Hole, Items, Kind, Mapping, Node, Part, Text, join, text
from passrole_checks.sources.terraform.access import certain, item_at
from passrole_checks.sources.terraform.alternatives import distribute
from passrole_checks.sources.terraform.function import (
    Call,
    Function,
    can_hold,
    declare,
    exact,
    filled,
    number,
    spelled,
    whole,
)
from passrole_checks.sources.terraform.functions_collection import elements, length
from passrole_checks.sources.terraform.functions_pattern import replaced
from passrole_checks.sources.terraform.symbols import (
    Encoded,
    Loose,
    Rest,
    defaults_of,
    is_null,
    joined,
    literal,
    number_text,
    parts_of,
    too_long,
    truth,
)

_BLANKS = " \t\n\v\f\r\x85\xa0"
_WIDEST = 1_000


def _text(value: Node) -> Text | None:
    """The value as a string, with all that is known of its holes."""
    if isinstance(value, Text):
        return spelled(value)
    found = literal(value)
    return text(found, value.at) if found is not None else None


def _of(parts: list[Part] | tuple[Part, ...], call: Call, *arguments: Node) -> Node:
    if too_long(parts):
        return call.hole("too long")
    return Text(join(tuple(parts)), call.at, defaults=defaults_of(arguments))


def join_(call: Call, arguments: list[Node]) -> Node | None:
    items = [item for argument in arguments[1:] for item in elements(argument)]
    separator = arguments[0]
    if any(isinstance(item, (Items, Mapping)) for item in items):
        return call.fail("an element is not a string")
    if any(is_null(item) and certain(item) for item in items):
        return call.fail("an element is null")
    if any(isinstance(argument, Loose) for argument in arguments[1:]) and len(items) > 1:
        return None

    def run(*values: Node) -> Node:
        pieces: list[Node] = []
        if any(isinstance(value, Rest) for value in values):
            return joined(_with_separators([one for one in values if not isinstance(one, Absent)], separator), call.at)
        for value in values:
            if certain(value):
                pieces.extend([separator, value] if pieces else [value])
        return joined(pieces, call.at)

    if len(items) == 1 and literal(separator) == "" and isinstance(items[0], Rest) and items[0].holes[0].role:
        # how modules give the one role that there is, if any
        return item_at(Items((items[0],), call.at), 0, call.words, call.at, text("", call.at))
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


def _cased(change: Callable[[str], str]) -> Function:
    def run(call: Call, arguments: list[Node]) -> Node | None:
        value = arguments[0]
        if not isinstance(value, Text):
            found = literal(value)
            return text(change(found), call.at) if found is not None else None
        parts = [change(part) if isinstance(part, str) else _changed(part, call.name, change) for part in _ours(value)]
        return _of(parts, call, value)

    return run


def _ours(value: Text) -> tuple[Part, ...]:
    """The parts, known names of roles and the like filled in where they are known to the end."""
    found = literal(value)
    return (found,) if found is not None else (spelled(value) if isinstance(value, Encoded) else value).parts


def _changed(part: Hole, name: str, change: Callable[[str], str]) -> Hole:
    """A hole after a change of case. An account id has none, and names of partitions and Regions are in lower case."""
    if part.kind is Kind.ACCOUNT_ID or (name == "lower" and part.kind in (Kind.PARTITION, Kind.REGION)):
        return part
    known = tuple(change(one) if isinstance(one, str) else _changed(one, name, change) for one in part.known or ())
    kind = part.kind if part.kind is Kind.NAME else Kind.NAME if filled(part) and not part.known else Kind.ANYTHING
    return Hole(f"{name}({part.expression})", kind, known=join(known) if known else None, reason=part.reason)


def replace_(call: Call, arguments: list[Node]) -> Node | None:
    old = literal(arguments[1])
    value = _text(arguments[0])
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
    return _of(found, call, *arguments)


def _alone(parts: tuple[Part, ...], place: int, old: str) -> bool:
    """Whether no match can reach from this literal into a hole beside it."""
    part = parts[place]
    if not isinstance(part, str) or len(old) < 2:
        return bool(old) or len(parts) == 1
    before, after = (parts[place - 1] if place else None), (parts[place + 1] if place + 1 < len(parts) else None)
    reach = range(1, len(old))
    if isinstance(after, Hole) and any(part.endswith(old[:n]) and _meets(after, old[n:], 0) for n in reach):
        return False
    if isinstance(before, Hole) and any(part.startswith(old[n:]) and _meets(before, old[:n], -1) for n in reach):
        return False
    return not (isinstance(before, Hole) and isinstance(after, Hole) and part in old[1:-1])


def _may_contain(part: Hole, inner: str) -> bool:
    """Whether a hole may hold a whole match."""
    return all(can_hold(part, letter) for letter in inner)


def _meets(part: Hole, rest: str, end: int) -> bool:
    """Whether a hole may begin (or end) with what is left of a match, or be empty."""
    return not filled(part) or can_hold(part, rest[end])


def _without(part: Hole, old: str, new: Node, call: Call) -> Hole:
    words = literal(new)
    keeps = part.kind is Kind.NAME and words is not None and words != "" and not set("*?:/") & set(words)
    shown = outcomes.quoted(words) if words is not None else str(new)
    expression = f"{call.name}({part.expression}, {outcomes.quoted(old)}, {shown})"
    return Hole(expression, Kind.NAME if keeps else Kind.ANYTHING, reason=part.reason)


def split(call: Call, arguments: list[Node]) -> Node | None:
    separator, value = literal(arguments[0]), _text(arguments[1])
    if separator is None or value is None:
        return None
    groups: list[list[Part]] = [[]]
    for place, part in enumerate(value.parts):
        if isinstance(part, Hole):
            if _may_contain(part, separator):
                return _cut_off(groups, call, value)
            groups[-1].append(part)
            continue
        if not separator:
            groups = [*groups[:-1], *[list[Part]([letter]) for letter in graphemes(part) or []]]
            continue
        if not _alone(value.parts, place, separator):
            return _cut_off(groups, call, value)
        first, *others = part.split(separator)
        groups[-1].append(first)
        groups.extend([other] for other in others)
    return Items(tuple(Text(join(group), call.at, defaults=value.defaults) for group in groups), call.at)


def _cut_off(groups: list[list[Part]], call: Call, value: Text) -> Node:
    """The pieces up to one that is not known to its end, and behind it any number of others."""
    found: list[Node] = [Text(join(group), call.at, defaults=value.defaults) for group in groups[:-1]]
    reason = next((part.reason for part in value.holes if part.reason), "")
    found.append(Rest((Hole(f"{call.words}[*]", reason=reason),), call.at, defaults=value.defaults))
    return Items(tuple(found), call.at)


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


def substr(call: Call, arguments: list[Node]) -> Node | None:
    value, start, size = _text(arguments[0]), whole(arguments[1]), whole(arguments[2])
    if value is None or start is None or size is None or (start < 0 and not size):
        return None
    if not size:
        return text("", call.at)
    if value.literal is not None:
        letters = graphemes(value.literal)
        if letters is None:
            return None
        begin = start if start >= 0 else max(len(letters) + start, 0)
        return _of(["".join(letters[begin : None if size < 0 else begin + size])], call, *arguments)
    first, last = value.parts[0], value.parts[-1]
    if start < 0:
        letters = graphemes(last) if isinstance(last, str) else None
        if letters is None or len(letters) < -start:
            return None
        begin = len(letters) + start
        return _of(["".join(letters[begin : None if size < 0 else begin + size])], call, *arguments)
    letters = graphemes(first) if isinstance(first, str) else []
    if letters is None or len(letters) < start:
        return None
    if size < 0:
        return _of(["".join(letters[start:]), *value.parts[bool(letters) :]], call, *arguments)
    kept = "".join(letters[start : start + size])
    if start + size <= len(letters):
        return _of([kept], call, *arguments)
    others = value.parts[bool(letters) :]
    named = all(part.kind is Kind.NAME for part in others if isinstance(part, Hole)) and not set("*?:/") & set(
        "".join(part for part in others if isinstance(part, str))
    )
    reason = next((part.reason for part in value.holes if part.reason), "")
    return _of([kept, Hole(call.words, Kind.NAME if named else Kind.ANYTHING, reason=reason)], call, *arguments)


def begins(parts: tuple[Part, ...], prefix: str) -> bool | None:
    """Whether a text begins with ``prefix``, None where it cannot be told."""
    left = prefix
    for part in parts:
        if not left:
            return True
        if isinstance(part, str):
            if not part.startswith(left[: len(part)]):
                return False
            left = left[len(part) :]
        else:
            return False if filled(part) and not can_hold(part, left[0]) else None
    return not left


def ends(parts: tuple[Part, ...], suffix: str) -> bool | None:
    """Whether a text ends with ``suffix``, None where it cannot be told."""
    left = suffix
    for part in reversed(parts):
        if not left:
            return True
        if isinstance(part, str):
            if not part.endswith(left[-len(part) :]):
                return False
            left = left[: -len(part)]
        else:
            return False if filled(part) and not can_hold(part, left[-1]) else None
    return not left


def holds(parts: tuple[Part, ...], inner: str) -> bool | None:
    """Whether a text contains ``inner``, None where it cannot be told."""
    if any(isinstance(part, str) and inner in part for part in parts) or not inner:
        return True
    return (
        None if any(isinstance(part, Hole) and (not filled(part) or can_hold(part, inner)) for part in parts) else False
    )


def _asked(test: Callable[[tuple[Part, ...], str], bool | None]) -> Function:
    def run(call: Call, arguments: list[Node]) -> Node | None:
        value, wanted = _text(arguments[0]), literal(arguments[1])
        answer = test(value.parts, wanted) if value is not None and wanted is not None else None
        return Const(answer, call.at) if answer is not None else None

    return run


def trim_prefix(call: Call, arguments: list[Node]) -> Node | None:
    value, prefix = _text(arguments[0]), literal(arguments[1])
    if value is None or prefix is None:
        return None
    held = begins(value.parts, prefix)
    if not held:
        return None if held is None else arguments[0]
    left = len(prefix)
    parts: list[Part] = []
    for part in value.parts:
        if isinstance(part, str):
            parts.append(part[left:])
            left = max(0, left - len(part))
        else:
            parts.append(part)
    return _of(parts, call, value)


def trim_suffix(call: Call, arguments: list[Node]) -> Node | None:
    value, suffix = _text(arguments[0]), literal(arguments[1])
    if value is None or suffix is None:
        return None
    held = ends(value.parts, suffix)
    if not held:
        return None if held is None else arguments[0]
    left = len(suffix)
    parts: list[Part] = []
    for part in reversed(value.parts):
        if isinstance(part, str):
            parts.insert(0, part[: len(part) - left] if left < len(part) else "")
            left = max(0, left - len(part))
        else:
            parts.insert(0, part)
    return _of(parts, call, value)


def _stripped(value: Text, cut: str, call: Call, *, left: bool = True, right: bool = True) -> Text | None:
    """The text without these characters at its ends, None where a hole may hold some of them there."""
    parts = list(_ours(value))
    for wanted, place in ((left, 0), (right, -1)):
        if not wanted:
            continue
        while parts:
            part = parts[place]
            if isinstance(part, Hole):
                if not can_hold(part, cut) and filled(part):
                    break
                beside = parts[1 if not place else -2] if len(parts) > 1 else "x"
                if cut != _BLANKS or not isinstance(beside, str) or beside != beside.strip(cut):
                    return None
                parts[place] = Hole(f"{call.name}({part.expression})", reason=part.reason)
                break
            kept = part.strip(cut) if len(parts) == 1 else part.lstrip(cut) if not place else part.rstrip(cut)
            if kept:
                parts[place] = kept
                break
            parts.pop(place)
    return Text(join(tuple(parts)), call.at, defaults=value.defaults)


def trim_space(call: Call, arguments: list[Node]) -> Node | None:
    """``trimspace`` and ``chomp``. JSON, for which blanks around it make no difference, keeps its places."""
    value = arguments[0]
    if isinstance(value, Encoded):
        return value
    if not isinstance(value, Text):
        return text(literal(value) or "", call.at)
    first = value.parts[0]
    if isinstance(first, str) and first.lstrip()[:1] in ("{", "["):
        last = value.parts[-1]
        if value.starts and isinstance(last, str) and last.strip():
            return replace(value, parts=(*value.parts[:-1], last.rstrip()))
        if value.starts:
            return value
    cut = _BLANKS if call.name == "trimspace" else "\r\n"
    return _stripped(value, cut, call, left=call.name == "trimspace")


def trim(call: Call, arguments: list[Node]) -> Node | None:
    value, cut = arguments[0], literal(arguments[1])
    found = value if isinstance(value, Text) else _text(value)
    return _stripped(found, cut, call) if found is not None and cut is not None else None


def indent(call: Call, arguments: list[Node]) -> Node | None:
    spaces, value = whole(arguments[0]), arguments[1]
    if spaces is None or isinstance(value, Encoded) or not isinstance(value, Text):
        return value
    if spaces < 0:
        return call.fail("a negative number of spaces")
    if spaces > _WIDEST:
        return call.hole("too wide")
    first = value.parts[0]
    if value.starts and isinstance(first, str) and first.lstrip()[:1] in ("{", "["):
        return value  # blanks make no difference to JSON, and the places in the file are kept
    pad = "\n" + " " * spaces
    parts = [part.replace("\n", pad) if isinstance(part, str) else _indented(part, call) for part in _ours(value)]
    return _of(parts, call, value)


def _indented(part: Hole, call: Call) -> Hole:
    return (
        part if part.kind is not Kind.ANYTHING or part.known else replace(part, expression=f"indent({part.expression})")
    )


def title(call: Call, arguments: list[Node]) -> Node | None:
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
    return _of(["".join(letters)], call, arguments[0])


def reversed_(call: Call, arguments: list[Node]) -> Node | None:
    found = exact(arguments[0])
    letters = graphemes(found) if found is not None else None
    return _of(["".join(reversed(letters))], call, arguments[0]) if letters is not None else None


def size(call: Call, arguments: list[Node]) -> Node | None:
    """``length``, of strings too."""
    value = arguments[0]
    found = exact(value) if isinstance(value, Text) else None
    if found is not None and found.isascii():
        return Const(len(found) - found.count("\r\n"), call.at)
    if found is not None:
        letters = graphemes(found)
        return Const(len(letters), call.at) if letters is not None else None
    return length(call, arguments)


def to_string(call: Call, arguments: list[Node]) -> Node | None:
    value = arguments[0]
    if isinstance(value, Text) or is_null(value):
        return value
    return text(number_text(value.value), call.at) if isinstance(value, Const) and value.value is not None else None


def to_number(call: Call, arguments: list[Node]) -> Node | None:
    amount = number(arguments[0])
    return Const(amount, call.at) if amount is not None else arguments[0] if is_null(arguments[0]) else None


def to_bool(call: Call, arguments: list[Node]) -> Node | None:
    decided = truth(arguments[0])
    return Const(decided, call.at) if decided is not None else arguments[0] if is_null(arguments[0]) else None


TEXT = declare({
    "join": (join_, "sl*"), "lower": (_cased(str.lower), "s"), "upper": (_cased(str.upper), "s"),
    "replace": (replace_, "sss"), "split": (split, "ss"), "substr": (substr, "snn"),
    "trimprefix": (trim_prefix, "ss"), "trimsuffix": (trim_suffix, "ss"), "trimspace": (trim_space, "s"),
    "chomp": (trim_space, "s"), "trim": (trim, "ss"), "indent": (indent, "ns"), "title": (title, "s"),
    "strrev": (reversed_, "s"), "startswith": (_asked(begins), "ss"), "endswith": (_asked(ends), "ss"),
    "strcontains": (_asked(holds), "ss"), "length": (size, "x"), "tostring": (to_string, "S"),
    "tonumber": (to_number, "N"), "tobool": (to_bool, "B"),
})  # fmt: skip
