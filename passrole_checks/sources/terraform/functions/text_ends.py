"""Functions that look at the beginning, the end and the inside of a string, or take something away there.

The answer is known wherever no hole can stand in its way: ``arn:aws:iam::${id}:role/x`` begins with ``arn:``, whatever
the account is. Source: Terraform language documentation, "Functions", "String Functions": startswith, endswith,
strcontains, trim, trimprefix, trimsuffix, trimspace, chomp, indent.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from passrole_checks.iam.partial_values import Const, Node, Part, StringNode, Unresolved, UnresolvedKind, join, text
from passrole_checks.sources.terraform.evaluation.symbolic_values import Encoded, known_integer, known_string
from passrole_checks.sources.terraform.functions.signature import Function, FunctionCall, can_hold, declare, filled
from passrole_checks.sources.terraform.functions.text import as_text, filled_in, made_of

_BLANKS = " \t\n\v\f\r\x85\xa0"
_WIDEST = 1_000


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
        None
        if any(isinstance(part, Unresolved) and (not filled(part) or can_hold(part, inner)) for part in parts)
        else False
    )


def _asked(test: Callable[[tuple[Part, ...], str], bool | None]) -> Function:
    def run(call: FunctionCall, arguments: list[Node]) -> Node | None:
        value, wanted = as_text(arguments[0]), known_string(arguments[1])
        answer = test(value.parts, wanted) if value is not None and wanted is not None else None
        return Const(answer, call.at) if answer is not None else None

    return run


def trim_prefix(call: FunctionCall, arguments: list[Node]) -> Node | None:
    """``trimprefix``: nothing where it cannot be told whether the text begins so."""
    value, prefix = as_text(arguments[0]), known_string(arguments[1])
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
    return made_of(parts, call, value)


def trim_suffix(call: FunctionCall, arguments: list[Node]) -> Node | None:
    """``trimsuffix``: nothing where it cannot be told whether the text ends so."""
    value, suffix = as_text(arguments[0]), known_string(arguments[1])
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
    return made_of(parts, call, value)


def _stripped(
    value: StringNode, cut: str, call: FunctionCall, *, left: bool = True, right: bool = True
) -> StringNode | None:
    """The text without these characters at its ends, None where a hole may hold some of them there."""
    parts = list(filled_in(value))
    for wanted, place in ((left, 0), (right, -1)):
        if not wanted:
            continue
        while parts:
            part = parts[place]
            if isinstance(part, Unresolved):
                if not can_hold(part, cut) and filled(part):
                    break
                beside = parts[1 if not place else -2] if len(parts) > 1 else "x"
                if cut != _BLANKS or not isinstance(beside, str) or beside != beside.strip(cut):
                    return None
                parts[place] = Unresolved(f"{call.name}({part.expression})", reason=part.reason)
                break
            kept = part.strip(cut) if len(parts) == 1 else part.lstrip(cut) if not place else part.rstrip(cut)
            if kept:
                parts[place] = kept
                break
            parts.pop(place)
    return StringNode(join(tuple(parts)), call.at, defaults=value.defaults)


def trim_space(call: FunctionCall, arguments: list[Node]) -> Node | None:
    """``trimspace`` and ``chomp``. JSON, for which blanks around it make no difference, keeps its places."""
    value = arguments[0]
    if isinstance(value, Encoded):
        return value
    if not isinstance(value, StringNode):
        return text(known_string(value) or "", call.at)
    first = value.parts[0]
    if isinstance(first, str) and first.lstrip()[:1] in ("{", "["):
        last = value.parts[-1]
        if value.starts and isinstance(last, str) and last.strip():
            return replace(value, parts=(*value.parts[:-1], last.rstrip()))
        if value.starts:
            return value
    cut = _BLANKS if call.name == "trimspace" else "\r\n"
    return _stripped(value, cut, call, left=call.name == "trimspace")


def trim(call: FunctionCall, arguments: list[Node]) -> Node | None:
    """``trim``: nothing where a hole may hold one of the characters at an end."""
    value, cut = arguments[0], known_string(arguments[1])
    found = value if isinstance(value, StringNode) else as_text(value)
    return _stripped(found, cut, call) if found is not None and cut is not None else None


def indent(call: FunctionCall, arguments: list[Node]) -> Node | None:
    """``indent``: spaces behind each line break; JSON, for which they mean nothing, keeps its places."""
    spaces, value = known_integer(arguments[0]), arguments[1]
    if spaces is None or isinstance(value, Encoded) or not isinstance(value, StringNode):
        return value
    if spaces < 0:
        return call.fail("a negative number of spaces")
    if spaces > _WIDEST:
        return call.hole("too wide")
    first = value.parts[0]
    if value.starts and isinstance(first, str) and first.lstrip()[:1] in ("{", "["):
        return value  # blanks make no difference to JSON, and the places in the file are kept
    pad = "\n" + " " * spaces
    parts = [part.replace("\n", pad) if isinstance(part, str) else _indented(part, call) for part in filled_in(value)]
    return made_of(parts, call, value)


def _indented(part: Unresolved, call: FunctionCall) -> Unresolved:
    return (
        part
        if part.kind is not UnresolvedKind.ANYTHING or part.known
        else replace(part, expression=f"indent({part.expression})")
    )


ENDS = declare({
    "trimprefix": (trim_prefix, "ss"), "trimsuffix": (trim_suffix, "ss"), "trimspace": (trim_space, "s"),
    "chomp": (trim_space, "s"), "trim": (trim, "ss"), "indent": (indent, "ns"),
    "startswith": (_asked(begins), "ss"), "endswith": (_asked(ends), "ss"), "strcontains": (_asked(holds), "ss"),
})  # fmt: skip
