"""Functions on partially known strings.

A part that an unresolved value cannot affect stays known: ``arn:aws:iam::${id}:role/x`` starts with ``arn:`` in every
account. An unresolved part that a function changes is named after the function and that part.
Source: Terraform language documentation, "Functions", "String Functions".
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import replace

from passrole_checks.iam.values.nodes import (
    Absent,
    Const,
    ListNode,
    Node,
    ObjectNode,
    Part,
    StringNode,
    UnknownTail,
    Unresolved,
    UnresolvedKind,
    join,
    text,
)
from passrole_checks.iam.values.path_conditions import quoted
from passrole_checks.iam.values.variants import defaults_of, map_variants
from passrole_checks.sources.terraform.evaluation.get_path import get_element, is_single_element
from passrole_checks.sources.terraform.evaluation.symbolic_values import (
    MAX_ITEMS,
    Encoded,
    Unordered,
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
from passrole_checks.sources.terraform.functions.pattern import replace_pattern
from passrole_checks.sources.terraform.functions.signature import (
    Function,
    FunctionCall,
    declare,
    exact_text,
    expand_known,
    is_nonempty,
    may_contain,
)

_MAX_EXPRESSION = 10_000  # characters of the expression of an unresolved value
_BLANKS = " \t\n\v\f\r\x85\xa0"
_MAX_WIDTH = 1_000


def as_string(value: Node) -> StringNode | None:
    """Return the value as a string, with everything that is known of its unresolved parts; None for other types."""
    if isinstance(value, StringNode):
        return expand_known(value)
    string = known_string(value)
    return text(string, value.at) if string is not None else None


def build_string(parts: list[Part] | tuple[Part, ...], call: FunctionCall, *arguments: Node) -> Node:
    """Return a string of these parts, with the defaults of the arguments; unresolved if it would be too long."""
    if is_too_long(parts):
        return call.unresolved("too long")
    return StringNode(join(tuple(parts)), call.at, defaults=defaults_of(arguments))


def join_(call: FunctionCall, arguments: list[Node]) -> Node | None:
    """Evaluate ``join``: known elements stay known.

    Separators next to an unknown number of elements are unresolved.
    """
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
            present = [value for value in values if not isinstance(value, Absent)]
            return join_values(_interleave(present, separator), call.at)
        for value in values:
            if is_single_element(value):
                pieces.extend([separator, value] if pieces else [value])
        if len(pieces) == 1 and isinstance(pieces[0], Encoded):
            return pieces[0]  # modules return their optional document this way
        return join_values(pieces, call.at)

    only = items[0] if len(items) == 1 and known_string(separator) == "" else None
    if isinstance(only, UnknownTail) and any(part.role is not None for part in only.unresolved_parts):
        # modules return their optional role this way
        return get_element(ListNode((only,), call.at), 0, call.text, call.at, text("", call.at))
    return map_variants(run, *items)


def _interleave(items: Iterable[Node], separator: Node) -> list[Node]:
    """Put separators between known elements; none next to an unknown number of elements, which contain their own."""
    pieces: list[Node] = []
    for item in items:
        if pieces and not isinstance(item, UnknownTail) and not isinstance(pieces[-1], UnknownTail):
            pieces.append(separator)
        pieces.append(_joined_tail(item) if isinstance(item, UnknownTail) else item)
    return pieces


def _joined_tail(item: UnknownTail) -> UnknownTail:
    """Return an unknown number of elements, joined, as one unresolved part."""
    only = item.only_unresolved
    expression, reason = (only.expression, only.reason) if only is not None else (str(item), "")
    return UnknownTail((Unresolved(f"{expression}, joined", reason=reason),), item.at, defaults=item.defaults)


def _case_function(change: Callable[[str], str]) -> Function:
    def run(call: FunctionCall, arguments: list[Node]) -> Node | None:
        value = arguments[0]
        if not isinstance(value, StringNode):
            string = known_string(value)
            return text(change(string), call.at) if string is not None else None
        return build_string(_changed(known_parts(value), call.name, change), call, value)

    return run


def known_parts(value: StringNode) -> tuple[Part, ...]:
    """Return the parts of a string, with names of roles and the like inserted if they are known completely."""
    string = known_string(value)
    return (string,) if string is not None else (expand_known(value) if isinstance(value, Encoded) else value).parts


def _change_case(part: Unresolved, name: str, change: Callable[[str], str]) -> Unresolved:
    """Return an unresolved part after a change of case.

    Account ids have no case; partitions and Regions are lower-case.
    """
    is_lower = name == "lower" and part.kind in (UnresolvedKind.PARTITION, UnresolvedKind.REGION)
    if part.kind is UnresolvedKind.ACCOUNT_ID or is_lower:
        return part
    known = _changed(part.known or (), name, change)
    is_name = part.kind is UnresolvedKind.NAME or (is_nonempty(part) and not known)
    kind = UnresolvedKind.NAME if is_name else UnresolvedKind.ANYTHING
    return Unresolved(f"{name}({part.expression})", kind, known=join(known) if known else None, reason=part.reason)


def _changed(parts: tuple[Part, ...], name: str, change: Callable[[str], str]) -> list[Part]:
    return [change(part) if isinstance(part, str) else _change_case(part, name, change) for part in parts]


def replace_(call: FunctionCall, arguments: list[Node]) -> Node | None:
    """Evaluate ``replace`` of a substring or, between slashes, a pattern.

    An unresolved part that cannot match is unchanged.
    """
    old = known_string(arguments[1])
    value = as_string(arguments[0])
    if value is None or old is None:
        return None
    if len(old) > 1 and old.startswith("/") and old.endswith("/"):
        return replace_pattern(call, arguments, value, old[1:-1])
    new = parts_of(arguments[2])
    result: list[Part] = []
    for index, part in enumerate(value.parts):
        if isinstance(part, str):
            pieces = part.split(old) if old else ["", *part, ""]
            if len(pieces) * max(len(new), 1) > 10_000 or not _is_isolated(value.parts, index, old):
                return None if len(pieces) < 10_000 else call.unresolved("too long")
            result.append(pieces[0])
            for piece in pieces[1:]:
                result.extend((*new, piece))
        else:
            replaced = _replaced(part, old, arguments[2], call) if _may_match(part, old) else part
            if len(replaced.expression) > _MAX_EXPRESSION:
                return call.unresolved("too long")
            result.append(replaced)
    return build_string(result, call, *arguments)


def _is_isolated(parts: tuple[Part, ...], index: int, old: str) -> bool:
    """True if no match can extend from this literal into an adjacent unresolved part."""
    part = parts[index]
    if not isinstance(part, str) or len(old) < 2:
        return bool(old) or len(parts) == 1
    before, after = (parts[index - 1] if index else None), (parts[index + 1] if index + 1 < len(parts) else None)
    reach = range(1, len(old))
    if isinstance(after, Unresolved) and any(
        part.endswith(old[:n]) and _may_continue(after, old[n:], 0) for n in reach
    ):
        return False
    if isinstance(before, Unresolved) and any(
        part.startswith(old[n:]) and _may_continue(before, old[:n], -1) for n in reach
    ):
        return False
    return not (isinstance(before, Unresolved) and isinstance(after, Unresolved) and part in old[1:-1])


def _may_match(part: Unresolved, inner: str) -> bool:
    """True if an unresolved part may contain a whole match."""
    return all(may_contain(part, character) for character in inner)


def _may_continue(part: Unresolved, rest: str, end: int) -> bool:
    """True if an unresolved part may start (or end) with the rest of a match, or be empty."""
    return not is_nonempty(part) or may_contain(part, rest[end])


def _replaced(part: Unresolved, old: str, new: Node, call: FunctionCall) -> Unresolved:
    replacement = known_string(new)
    shown = quoted(replacement) if replacement is not None else str(new)
    expression = f"{call.name}({part.expression}, {quoted(old)}, {shown})"
    kind = _kind_of((part, replacement)) if replacement else UnresolvedKind.ANYTHING
    return Unresolved(expression, kind, reason=part.reason)


def _kind_of(parts: Iterable[Part]) -> UnresolvedKind:
    """Return the kind of a string made of these parts: a name, if all are."""
    are_names = (not set("*?:/") & set(p) if isinstance(p, str) else p.kind is UnresolvedKind.NAME for p in parts)
    return UnresolvedKind.NAME if all(are_names) else UnresolvedKind.ANYTHING


def split(call: FunctionCall, arguments: list[Node]) -> Node | None:
    """Evaluate ``split``: pieces up to the first unresolved part that may contain the separator.

    An unknown number of pieces follows.
    """
    separator, value = known_string(arguments[0]), as_string(arguments[1])
    if separator is None or value is None:
        return None
    groups: list[list[Part]] = [[]]
    for index, part in enumerate(value.parts):
        if isinstance(part, Unresolved):
            if _may_match(part, separator):
                return _pieces_and_tail(groups, call, value)
            groups[-1].append(part)
            continue
        if not separator:
            groups = [*groups[:-1], *[list[Part]([character]) for character in graphemes(part) or []]]
            continue
        if not _is_isolated(value.parts, index, separator):
            return _pieces_and_tail(groups, call, value)
        if part.count(separator) > MAX_ITEMS:
            return call.unresolved("too many elements")
        first, *others = part.split(separator)
        groups[-1].append(first)
        groups.extend([other] for other in others)
    return ListNode(tuple(StringNode(join(group), call.at, defaults=value.defaults) for group in groups), call.at)


def _pieces_and_tail(groups: list[list[Part]], call: FunctionCall, value: StringNode) -> Node:
    """Return all pieces but the last, followed by an unknown number of others."""
    pieces: list[Node] = [StringNode(join(group), call.at, defaults=value.defaults) for group in groups[:-1]]
    reason = next((part.reason for part in value.unresolved_parts if part.reason), "")
    pieces.append(UnknownTail((Unresolved(f"{call.text}[*]", reason=reason),), call.at, defaults=value.defaults))
    return ListNode(tuple(pieces), call.at)


def graphemes(value: str) -> list[str] | None:
    """Return the characters as Terraform counts them; None if code points do not determine them."""
    if value.isascii():
        return re.findall(r"\r\n|.", value, re.DOTALL)
    value = unicodedata.normalize("NFC", value)
    return list(value) if "\r\n" not in value and all(map(_is_single_grapheme, value)) else None


def _is_single_grapheme(character: str) -> bool:
    """True if a code point is a character of its own in every context: no accent, no emoji."""
    code, category = ord(character), unicodedata.category(character)
    return (
        code < 128 or (category[0] in "LNPZ" and not 0x1100 <= code <= 0x11FF) or (category == "So" and code < 0x1F000)
    )


def substr(call: FunctionCall, arguments: list[Node]) -> Node | None:
    """Evaluate ``substr`` within a known beginning or end; a result that includes unresolved parts is unresolved."""
    value, start, size = as_string(arguments[0]), known_integer(arguments[1]), known_integer(arguments[2])
    if value is None or start is None or size is None or (start < 0 and not size):
        return None
    if not size:
        return text("", call.at)
    first, literal = value.parts[0], value.literal
    if literal is not None or start < 0:
        known = literal if literal is not None else value.parts[-1]
        characters = graphemes(known) if isinstance(known, str) else None
        if characters is None or (literal is None and len(characters) < -start):
            return None
        begin = start if start >= 0 else max(len(characters) + start, 0)
        return build_string(["".join(characters[begin : None if size < 0 else begin + size])], call, *arguments)
    characters = graphemes(first) if isinstance(first, str) else []
    if characters is None or len(characters) < start:
        return None
    if size < 0:
        return build_string(["".join(characters[start:]), *value.parts[bool(characters) :]], call, *arguments)
    prefix = "".join(characters[start : start + size])
    if start + size <= len(characters):
        return build_string([prefix], call, *arguments)
    reason = next((part.reason for part in value.unresolved_parts if part.reason), "")
    rest = Unresolved(call.text, _kind_of(value.parts[bool(characters) :]), reason=reason)
    return build_string([prefix, rest], call, *arguments)


def title(call: FunctionCall, arguments: list[Node]) -> Node | None:
    """Evaluate ``title``: the first letter of each word in upper case. Letters, digits and underscores form words."""
    string = exact_text(arguments[0])
    if string is None:
        return None
    characters: list[str] = []
    before = " "
    for character in string:
        separate = not (before.isalnum() or before == "_") if before.isascii() else before.isspace()
        characters.append(character.upper() if separate and len(character.upper()) == 1 else character)
        before = character
    return build_string(["".join(characters)], call, arguments[0])


def reverse_string(call: FunctionCall, arguments: list[Node]) -> Node | None:
    """Evaluate ``strrev`` for a known string."""
    string = exact_text(arguments[0])
    characters = graphemes(string) if string is not None else None
    return build_string(["".join(reversed(characters))], call, arguments[0]) if characters is not None else None


def size(call: FunctionCall, arguments: list[Node]) -> Node | None:
    """Evaluate ``length``, of strings too."""
    string = exact_text(arguments[0]) if isinstance(arguments[0], StringNode) else None
    if string is not None and string.isascii():
        return Const(len(string) - string.count("\r\n"), call.at)
    if string is not None:
        characters = graphemes(string)
        return Const(len(characters), call.at) if characters is not None else None
    return length(call, arguments)


def to_string(call: FunctionCall, arguments: list[Node]) -> Node | None:
    """Evaluate ``tostring``; null stays null."""
    value = arguments[0]
    if isinstance(value, StringNode) or is_null(value):
        return value
    return text(number_text(value.value), call.at) if isinstance(value, Const) and value.value is not None else None


def to_number(call: FunctionCall, arguments: list[Node]) -> Node | None:
    """Evaluate ``tonumber`` for a known value; null stays null."""
    amount = known_number(arguments[0])
    return Const(amount, call.at) if amount is not None else arguments[0] if is_null(arguments[0]) else None


def to_bool(call: FunctionCall, arguments: list[Node]) -> Node | None:
    """Evaluate ``tobool`` for a known value; null stays null."""
    decided = known_bool(arguments[0])
    return Const(decided, call.at) if decided is not None else arguments[0] if is_null(arguments[0]) else None


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
    unknown = [part for part in parts if isinstance(part, Unresolved)]
    return None if any(not is_nonempty(part) or may_contain(part, inner) for part in unknown) else False


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
    parts: list[Part] = []
    for part in known_parts(value):
        if isinstance(part, str):
            parts.append(part.replace("\n", "\n" + " " * spaces))
        elif part.kind is not UnresolvedKind.ANYTHING or part.known:
            parts.append(part)
        else:
            parts.append(replace(part, expression=f"indent({part.expression})"))
    return build_string(parts, call, value)


TEXT = declare({
    "join": (join_, "sl*"), "lower": (_case_function(str.lower), "s"), "upper": (_case_function(str.upper), "s"),
    "replace": (replace_, "sss"), "split": (split, "ss"), "substr": (substr, "snn"), "title": (title, "s"),
    "strrev": (reverse_string, "s"), "length": (size, "x"), "tostring": (to_string, "S"), "tonumber": (to_number, "N"),
    "tobool": (to_bool, "B"),
    "trimprefix": (trim_affix, "ss"), "trimsuffix": (trim_affix, "ss"), "trimspace": (trim_space, "s"),
    "chomp": (trim_space, "s"), "trim": (trim, "ss"), "indent": (indent, "ns"),
    "startswith": (_string_test(starts_with), "ss"), "endswith": (_string_test(ends_with), "ss"),
    "strcontains": (_string_test(contains_text), "ss"),
})  # fmt: skip
