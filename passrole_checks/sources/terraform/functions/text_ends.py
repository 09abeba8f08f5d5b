"""Functions that test or trim the beginning, the end or the content of a string.

The result is known wherever no unresolved part can change it: ``arn:aws:iam::${id}:role/x`` starts with ``arn:`` in
every account.
Source: Terraform language documentation, "Functions", "String Functions": startswith, endswith, strcontains, trim,
trimprefix, trimsuffix, trimspace, chomp, indent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from passrole_checks.iam.partial_values import Const, Node, Part, StringNode, Unresolved, UnresolvedKind, join, text
from passrole_checks.sources.terraform.evaluation.symbolic_values import Encoded, known_integer, known_string
from passrole_checks.sources.terraform.functions.signature import (
    Function,
    FunctionCall,
    declare,
    is_nonempty,
    may_contain,
)
from passrole_checks.sources.terraform.functions.text import as_string, build_string, known_parts

_BLANKS = " \t\n\v\f\r\x85\xa0"
_MAX_WIDTH = 1_000


def starts_with(parts: tuple[Part, ...], prefix: str) -> bool | None:
    """True if a string starts with ``prefix``; None if that is undecidable."""
    rest = prefix
    for part in parts:
        if not rest:
            return True
        if isinstance(part, str):
            if not part.startswith(rest[: len(part)]):
                return False
            rest = rest[len(part) :]
        else:
            return False if is_nonempty(part) and not may_contain(part, rest[0]) else None
    return not rest


def ends_with(parts: tuple[Part, ...], suffix: str) -> bool | None:
    """True if a string ends with ``suffix``; None if that is undecidable."""
    return starts_with(_mirrored(parts), suffix[::-1])


def _mirrored(parts: Iterable[Part]) -> tuple[Part, ...]:
    """Return the parts and the characters of each in reverse order."""
    return tuple(part[::-1] if isinstance(part, str) else part for part in parts)[::-1]


def contains_text(parts: tuple[Part, ...], inner: str) -> bool | None:
    """True if a string contains ``inner``; None if that is undecidable."""
    if any(isinstance(part, str) and inner in part for part in parts) or not inner:
        return True
    return (
        None
        if any(isinstance(part, Unresolved) and (not is_nonempty(part) or may_contain(part, inner)) for part in parts)
        else False
    )


def _string_test(test: Callable[[tuple[Part, ...], str], bool | None]) -> Function:
    def run(call: FunctionCall, arguments: list[Node]) -> Node | None:
        value, argument = as_string(arguments[0]), known_string(arguments[1])
        answer = test(value.parts, argument) if value is not None and argument is not None else None
        return Const(answer, call.at) if answer is not None else None

    return run


def trim_affix(call: FunctionCall, arguments: list[Node]) -> Node | None:
    """Evaluate ``trimprefix`` and ``trimsuffix``; None if the presence of the affix is undecidable."""
    value, affix = as_string(arguments[0]), known_string(arguments[1])
    if value is None or affix is None:
        return None
    at_end = call.name == "trimsuffix"
    present = (ends_with if at_end else starts_with)(value.parts, affix)
    if not present:
        return None if present is None else arguments[0]
    rest = len(affix)
    parts: list[Part] = []
    for part in _mirrored(value.parts) if at_end else value.parts:
        if isinstance(part, str):
            parts.append(part[rest:])
            rest = max(0, rest - len(part))
        else:
            parts.append(part)
    return build_string(_mirrored(parts) if at_end else parts, call, value)


def _strip(value: StringNode, cut: str, call: FunctionCall, *, left: bool = True) -> StringNode | None:
    """Return the string without these characters at its end, and at its beginning if ``left``.

    None if an unresolved part there may contain one of them.
    """
    parts = list(known_parts(value))
    for index in (0, -1) if left else (-1,):
        while parts:
            part = parts[index]
            if isinstance(part, Unresolved):
                if not may_contain(part, cut) and is_nonempty(part):
                    break
                neighbor = parts[1 if not index else -2] if len(parts) > 1 else "x"
                if cut != _BLANKS or not isinstance(neighbor, str) or neighbor != neighbor.strip(cut):
                    return None
                parts[index] = Unresolved(f"{call.name}({part.expression})", reason=part.reason)
                break
            stripped = part.strip(cut) if len(parts) == 1 else part.lstrip(cut) if not index else part.rstrip(cut)
            if stripped:
                parts[index] = stripped
                break
            parts.pop(index)
    return StringNode(join(tuple(parts)), call.at, defaults=value.defaults)


def trim_space(call: FunctionCall, arguments: list[Node]) -> Node | None:
    """Evaluate ``trimspace`` and ``chomp``. JSON keeps its positions, as surrounding whitespace does not change it."""
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
    return _strip(value, cut, call, left=call.name == "trimspace")


def trim(call: FunctionCall, arguments: list[Node]) -> Node | None:
    """Evaluate ``trim``; None if an unresolved part at an end may contain one of the characters."""
    value, characters = arguments[0], known_string(arguments[1])
    string = value if isinstance(value, StringNode) else as_string(value)
    return _strip(string, characters, call) if string is not None and characters is not None else None


def indent(call: FunctionCall, arguments: list[Node]) -> Node | None:
    """Evaluate ``indent``: spaces after each line break. JSON keeps its positions, as they do not change it."""
    spaces, value = known_integer(arguments[0]), arguments[1]
    if spaces is None or isinstance(value, Encoded) or not isinstance(value, StringNode):
        return value
    if spaces < 0:
        return call.fail("a negative number of spaces")
    if spaces > _MAX_WIDTH:
        return call.unresolved("too wide")
    first = value.parts[0]
    if value.starts and isinstance(first, str) and first.lstrip()[:1] in ("{", "["):
        return value  # whitespace does not change JSON: keep the positions in the file
    pad = "\n" + " " * spaces
    parts = [
        part.replace("\n", pad) if isinstance(part, str) else _indent_unresolved(part, call)
        for part in known_parts(value)
    ]
    return build_string(parts, call, value)


def _indent_unresolved(part: Unresolved, call: FunctionCall) -> Unresolved:
    return (
        part
        if part.kind is not UnresolvedKind.ANYTHING or part.known
        else replace(part, expression=f"indent({part.expression})")
    )


ENDS = declare({
    "trimprefix": (trim_affix, "ss"), "trimsuffix": (trim_affix, "ss"), "trimspace": (trim_space, "s"),
    "chomp": (trim_space, "s"), "trim": (trim, "ss"), "indent": (indent, "ns"),
    "startswith": (_string_test(starts_with), "ss"), "endswith": (_string_test(ends_with), "ss"),
    "strcontains": (_string_test(contains_text), "ss"),
})  # fmt: skip
