"""Operations on partly resolved strings: join, split, ``${...}``, dynamic references, placeholders of other
tools; and calls and names of a template as text.

Sources: AWS CloudFormation Template Reference, "Intrinsic function reference"; AWS CloudFormation User Guide, "Get
values stored in other services using dynamic references". Results beyond the limits are unresolved.

Placeholders: Serverless Framework, "Variables" (``${self:custom.role}``, ``${file(./x.yml)}``, ``${aws:accountId}``),
and the README of its plugin serverless-pseudo-parameters (``#{AWS::AccountId}``); Jinja, "Template Designer
Documentation" (``{{ account }}``), as Ansible and Sceptre use it. ``{{resolve:…}}`` is CloudFormation's own.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence

import yaml

from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.iam.values.nodes import (
    Const,
    Node,
    Part,
    Position,
    StringNode,
    Unresolved,
    UnresolvedKind,
    join,
    unresolved,
)
from passrole_checks.sources.cloudformation.template import entries, intrinsic_call, scalar
from passrole_checks.sources.model.missing_sources import DYNAMIC_REFERENCE

MAX_PARTS = 5_000
MAX_CHARACTERS = 1_000_000

_PLACEHOLDER = lazy_regex(r"\$\{([^${}]*)\}")
_REFERENCE = lazy_regex(r"[A-Za-z0-9]+(?:::[A-Za-z0-9]+)*(?:\.[A-Za-z0-9_.:-]+)?")
_DYNAMIC = "{{resolve:"
_OUTSIDE_NAMES = frozenset(":/|; \n")
MAX_EXPRESSION = 120
_WORD = lazy_regex(r"[\w*]")
_SERVERLESS = (
    r"\$\{(?:(?:self|opt|env|param|sls|cf|s3|ssm|custom|output|terraform|git|strToBool)(?:\([^{}()]*\))?:[^{}]*"
    r"|file\([^{}]*|aws:(?:accountId|region)(?:,[^{}]*)?)\}"
)
_PSEUDO = r"#\{AWS::\w+\}"
_JINJA = r"\{\{(?!resolve:)[^{}\n]*\}\}"
_FOREIGN = lazy_regex(rf"{_SERVERLESS}|{_PSEUDO}|{_JINJA}")
_ACCOUNT = lazy_regex(r"\$\{aws:accountId\}|#\{AWS::AccountId\}")


@dataclass(frozen=True, slots=True)
class SubPiece:
    """A piece of an ``Fn::Sub`` text: literal text, or (``reference``) the name inside ``${...}``; its offset."""

    value: str
    offset: int
    reference: bool = False


def parse_sub(text: str) -> Iterator[SubPiece]:
    """Split the text of ``Fn::Sub`` into pieces.

    ``${!Literal}`` yields the literal ``${Literal}``. Text that cannot be a reference (``${aws:username}``) stays
    literal: CloudFormation rejects it, and it is meant as an IAM policy variable. A policy variable is a piece of its
    own or inside one piece, never across two.
    """
    done = 0
    for match in _PLACEHOLDER.finditer(text):
        name = match.group(1)
        if name.startswith("!"):
            yield SubPiece(text[done : match.start()], done)
            yield SubPiece("${" + name[1:] + "}", match.start())
        elif _REFERENCE.fullmatch(name.strip()):
            yield SubPiece(text[done : match.start()], done)
            yield SubPiece(name.strip(), match.start(), reference=True)
        else:
            continue
        done = match.end()
    yield SubPiece(text[done:], done)


def as_text(node: Node) -> StringNode | None:
    """Return a scalar as the string that CloudFormation inserts; None for lists, objects and variants."""
    if isinstance(node, StringNode):
        return node
    if isinstance(node, Const) and node.value is not None:
        value = str(node.value).lower() if isinstance(node.value, bool) else str(node.value)
        return StringNode((value,), node.at)
    return None


def concatenate(
    texts: Sequence[StringNode],
    at: Position,
    starts: Sequence[tuple[int, int]] = (),
    indent: int = 0,
    expression: str = "",
) -> StringNode:
    """Return the concatenated strings. With ``starts`` (one per string) the parts stay separate and keep their
    positions."""
    parts: list[Part] = []
    places: list[tuple[int, int]] = []
    defaults: dict[str, None] = {}
    for number, text in enumerate(texts):
        for part in text.parts:
            if part != "":
                parts.append(part)
                if starts:
                    places.append(starts[number])
        defaults.update(dict.fromkeys(text.defaults))
    if len(parts) > MAX_PARTS or sum(len(part) for part in parts if isinstance(part, str)) > MAX_CHARACTERS:
        return unresolved(expression or "text", at, "too long")
    if not starts:
        return mark_dynamic_references(StringNode(join(parts), at, defaults=tuple(defaults)))
    return mark_dynamic_references(
        StringNode(tuple(parts) or ("",), at, tuple(places) or (starts[0],), indent, tuple(defaults))
    )


def mark_dynamic_references(text: StringNode) -> StringNode:
    """Return the string with each dynamic reference ``{{resolve:service:…}}`` as an unresolved part.

    Source: AWS CloudFormation User Guide, "Get values stored in other services using dynamic references".
    """
    if not any(_DYNAMIC in part for part in text.parts if isinstance(part, str)):
        return text
    parts: list[Part] = []
    places: list[tuple[int, int]] = []
    open_words: list[str] = []  # parts of the current expression
    place = (0, 0)
    for number, part in enumerate(text.parts):
        start = text.starts[number] if text.starts else (0, 0)
        if isinstance(part, Unresolved):
            if open_words:
                open_words.append(part.written)
            else:
                parts.append(part)
                places.append(start)
            continue
        done = 0
        while done < len(part):
            if open_words:
                end = part.find("}}", done)
                stop = len(part) if end < 0 else end + 2
                open_words.append(part[done:stop])
                if end >= 0:
                    parts.append(Unresolved("".join(open_words), reason=DYNAMIC_REFERENCE))
                    places.append(place)
                    open_words = []
            else:
                begin = part.find(_DYNAMIC, done)
                stop = len(part) if begin < 0 else begin
                if stop > done:
                    parts.append(part[done:stop])
                    places.append(advance(part, done, start, text.indent))
                if begin >= 0:
                    place = advance(part, begin, start, text.indent)
                    open_words = [_DYNAMIC]
                    stop = begin + len(_DYNAMIC)
            done = stop
    if open_words:  # unclosed: literal text
        return text
    return StringNode(tuple(parts), text.at, tuple(places) if text.starts else (), text.indent, text.defaults)


def advance(text: str, offset: int, start: tuple[int, int], indent: int) -> tuple[int, int]:
    """Return the (line, column) of a character of a text that begins at ``start``."""
    line, column = start
    breaks = text.count("\n", 0, offset)
    if not breaks:
        return line, column + offset
    return line + breaks, indent + offset - text.rfind("\n", 0, offset)


def split(text: StringNode, delimiter: str) -> list[StringNode] | None:
    """Return the strings between the delimiters; None if an unresolved part may contain a delimiter."""
    parts: list[Part] = []
    for part in text.parts:
        if isinstance(part, Unresolved) and part.known is not None and part.kind is UnresolvedKind.ANYTHING:
            parts.extend(part.known)
        else:
            parts.append(part)
    rows: list[list[Part]] = [[]]
    for part in join(parts):
        if isinstance(part, Unresolved):
            # Names, ids, Regions and partitions contain no such delimiter, but may contain "-" or a letter.
            if part.kind is UnresolvedKind.ANYTHING or delimiter[:1] not in _OUTSIDE_NAMES:
                return None
            rows[-1].append(part)
            continue
        first, *others = part.split(delimiter)
        rows[-1].append(first)
        rows.extend([other] for other in others)
    return [StringNode(join(row), text.at, defaults=text.defaults) for row in rows]


def plain_text(node: yaml.Node | None) -> str | None:
    """Return the string that CloudFormation uses for a plain scalar that is not an intrinsic function, else None.

    YAML 1.1 parses unquoted ``Yes``, ``No``, ``on`` and ``off`` as booleans, which CloudFormation writes as ``true``
    and ``false``, and ``1.10`` as a number. An integer with a leading zero stays as written, since it is meant as an
    account id.
    """
    word = scalar(node)
    if word is None or node is None:
        return None
    kind = node.tag.rsplit(":", 1)[-1]
    if kind == "bool":
        return boolean_text(word)
    number = parse_number(word, kind) if kind in ("int", "float") and not (kind == "int" and word[:1] == "0") else None
    return word if number is None else str(number)


def boolean_text(word: str) -> str | None:
    """Return ``true`` or ``false`` for a word that YAML 1.1 parses as a boolean; None for any other."""
    return (
        "true" if word.lower() in ("true", "yes", "on") else "false" if word.lower() in ("false", "no", "off") else None
    )


def parse_number(value: str, kind: str) -> int | float | None:
    """Return the value of a scalar with YAML tag ``int`` or ``float``; None if it is not a finite number."""
    digits = value.replace("_", "")
    try:
        if kind == "int" and len(digits) <= 1000:
            bare = digits.lstrip("+-").lower()
            sign = -1 if digits.startswith("-") else 1
            if bare.startswith(("0x", "0b")):
                return sign * int(bare, 0)
            # In YAML 1.1 a leading zero means octal.
            return sign * (int(bare, 8) if bare.startswith("0") and len(bare) > 1 else int(bare))
        number = float(digits)
        return number if math.isfinite(number) else None
    except ValueError:
        return None


def format_call(name: str, argument: yaml.Node) -> str:
    """Return a function call on one line, truncated if it is long."""
    text = f"{name} {format_node(argument)}".strip()
    return text if len(text) <= MAX_EXPRESSION else text[: MAX_EXPRESSION - 1] + "…"


def format_node(node: yaml.Node, depth: int = 0) -> str:
    """Return a node as text: references as ``${Name}``, other functions by their names."""
    function = intrinsic_call(node)
    if depth > 5:
        return "…"
    if function:
        name, argument = function
        words = format_node(argument, depth + 1)
        if name == "Ref":
            return f"${{{words}}}"
        if name == "Fn::Sub" and isinstance(argument, yaml.ScalarNode):
            return words
        if name == "Fn::GetAtt":
            return "${" + words.replace(", ", ".") + "}"
        return f"{name} {words}"
    if isinstance(node, yaml.ScalarNode):
        words = " ".join(node.value[: 2 * MAX_EXPRESSION].split())
        return words if _WORD.search(words) else f'"{words}"'
    if isinstance(node, yaml.SequenceNode):
        return ", ".join(format_node(item, depth + 1) for item in node.value[:20])
    return ", ".join(f"{key.value}: {format_node(value, depth + 1)}" for key, value in entries(node)[:20])


def written_name(node: yaml.Node | None, unknown: Unresolved, at: Position) -> StringNode | None:
    """Return the name that a property has, with ``unknown`` for its unknown parts; None if nothing of it is known."""
    parts = join(list(_written_parts(node, unknown))) if node is not None else ()
    return StringNode(parts, at) if any(isinstance(part, str) and part for part in parts) else None


def _written_parts(node: yaml.Node, unknown: Unresolved) -> Iterator[Part]:
    text, call = scalar(node), intrinsic_call(node)
    name, argument = call if call is not None else ("", node)
    listed = argument.value if isinstance(argument, yaml.SequenceNode) else []
    written = scalar(listed[0] if listed else argument)
    if text is not None:
        yield text
    elif name == "Fn::Sub" and written is not None:
        yield from (unknown if piece.reference else piece.value for piece in parse_sub(written))
    elif name == "Fn::Join" and written is not None and len(listed) == 2 and isinstance(listed[1], yaml.SequenceNode):
        for number, item in enumerate(listed[1].value):
            yield from ([written] if number else [])
            yield from _written_parts(item, unknown)
    else:
        yield unknown


def mark_foreign_placeholders(text: StringNode, placeholders: Mapping[str, StringNode]) -> StringNode:
    """Return a text of one literal part with each placeholder of another tool as an unresolved part.

    ``placeholders``: the values of ``${Name}`` and ``&{Name}`` that CloudFormation inserts into any text.
    """
    literal = text.parts[0]
    assert isinstance(literal, str)
    if "{" not in literal:
        return text
    pattern = _FOREIGN
    if placeholders:
        names = "|".join(map(re.escape, sorted(placeholders)))
        pattern = re.compile(rf"{_FOREIGN.pattern}|[$&]\{{(?P<name>{names})\}}")
    parts: list[Part] = []
    starts: list[tuple[int, int]] = []
    defaults = dict.fromkeys(text.defaults)
    done = 0

    def add(part: Part, offset: int) -> None:
        if part != "":
            parts.append(part)
            if text.starts:
                starts.append(advance(literal, offset, text.starts[0], text.indent))

    for match in pattern.finditer(literal):
        add(literal[done : match.start()], done)
        inserted = placeholders.get(match["name"]) if placeholders else None
        for part in inserted.parts if inserted is not None else (_unresolved(match.group()),):
            add(part, match.start())
        defaults.update(dict.fromkeys(inserted.defaults if inserted is not None else ()))
        done = match.end()
    if not parts:
        return text
    add(literal[done:], done)
    return StringNode(tuple(parts) if starts else join(parts), text.at, tuple(starts), text.indent, tuple(defaults))


def _unresolved(words: str) -> Unresolved:
    """Return the unresolved part for a placeholder."""
    if words.startswith("{{changeSet:"):
        return Unresolved(words, reason="known after the change set is executed")
    kind = UnresolvedKind.ACCOUNT_ID if _ACCOUNT.fullmatch(words) else UnresolvedKind.ANYTHING
    expression = words[2:-1] if words.startswith(("$", "#")) else words
    return Unresolved(expression, kind, reason="placeholder of another tool")
