"""Parse the variables of the Serverless Framework: ``${self:custom.arn}``, ``${file(roles.yml):arn, '*'}``.

Sources: Serverless Framework, "Variables" (syntax, default values, nested variables); its resolver
``packages/sf-core/src/lib/resolvers/placeholders.js``.
"""

from __future__ import annotations

from collections.abc import Iterator

from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.lazy_regex import lazy_regex

MAX_NESTING = 20

_SOURCE = lazy_regex(r"[A-Za-z][\w-]*")
_OPENING, _CLOSING = frozenset("({["), frozenset(")}]")
_QUOTES = frozenset("\"'")


@dataclass(frozen=True, slots=True)
class Source:
    """Where a variable takes its value from: ``file(ARGUMENT):ADDRESS``. Both parts may contain variables."""

    name: str
    argument: Text
    address: Text


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable with its sources in order of precedence; a string is a literal value.

    ``written``: its text. ``start``: offset in the text around it.
    """

    written: str
    start: int
    alternatives: tuple[Source | str, ...]


Text = tuple[str | Variable, ...]
"""A text as literal parts and variables."""


def parse_variables(text: str, depth: int = 0) -> Text:
    """Return the literal parts and variables of a text.

    ``${AWS::Region}``, ``${Role.Arn}`` and ``${!Literal}`` are CloudFormation's, and ``\\${…}`` is escaped: both are
    literal.
    """
    parts: list[str | Variable] = []
    done = 0
    for start, end in _placeholders(text):
        variable = _parse_variable(text[start:end], start, depth)
        if variable is not None:
            parts.extend([text[done:start]] if start > done else [])
            parts.append(variable)
            done = end
    parts.extend([text[done:]] if done < len(text) else [])
    return tuple(parts)


def has_variables(text: str) -> bool:
    """True if a text contains variables."""
    return "${" in text and any(isinstance(part, Variable) for part in parse_variables(text))


def _placeholders(text: str) -> Iterator[tuple[int, int]]:
    """Yield start and end of each outermost ``${…}``."""
    at = text.find("${")
    while at >= 0:
        end = _closing(text, at + 1, "{}")
        if end is None:
            return
        if at == 0 or text[at - 1] != "\\":
            yield at, end + 1
        at = text.find("${", end)


def _parse_variable(written: str, start: int, depth: int) -> Variable | None:
    """Return the variable that a placeholder is; None if it is none."""
    if depth >= MAX_NESTING:
        return None
    alternatives: list[Source | str] = []
    for piece in _split(written[2:-1], ","):
        parsed = _parse_alternative(piece.strip(), depth + 1)
        if parsed is None or (not alternatives and isinstance(parsed, str)):
            return None
        alternatives.append(parsed)
    return Variable(written, start, tuple(alternatives))


def _parse_alternative(text: str, depth: int) -> Source | str | None:
    """Return a source, or a literal value; None if the text is neither."""
    if len(text) > 1 and text[0] in _QUOTES and text[-1] == text[0]:
        return text[1:-1]
    if text.startswith("${"):
        nested = parse_variables(text, depth)
        only = nested[0] if len(nested) == 1 else None
        return Source("", (), nested) if isinstance(only, Variable) else None
    name = _SOURCE.match(text)
    if name is None:
        return text
    rest = text[name.end() :]
    argument = ""
    if rest.startswith("("):
        end = _closing(rest, 0, "()")
        if end is None:
            return None
        argument, rest = rest[1:end], rest[end + 1 :]
    elif not rest.startswith(":"):
        return text
    if rest.startswith("::") or (rest and not rest.startswith(":")):
        return None
    return Source(name.group(), parse_variables(argument, depth), parse_variables(rest[1:], depth))


def _closing(text: str, start: int, pair: str) -> int | None:
    """Return the offset of the bracket that closes the one at ``start``; None if there is none."""
    nesting = 0
    for offset in range(start, len(text)):
        nesting += (text[offset] == pair[0]) - (text[offset] == pair[1])
        if not nesting:
            return offset
    return None


def _split(text: str, mark: str) -> Iterator[str]:
    """Yield the pieces between marks outside quotes, parentheses and braces."""
    nesting, quote, start = 0, "", 0
    for offset, letter in enumerate(text):
        if quote:
            quote = "" if letter == quote else quote
        elif letter in _QUOTES:
            quote = letter
        elif letter in _OPENING:
            nesting += 1
        elif letter in _CLOSING:
            nesting -= 1
        elif letter == mark and not nesting:
            yield text[start:offset]
            start = offset + 1
    yield text[start:]


def split_address(address: Text) -> Iterator[Text]:
    """Yield the keys of a dotted address, each with its variables: ``custom.${sls:stage}-roles.0``."""
    key: list[str | Variable] = []
    for part in address:
        if isinstance(part, Variable):
            key.append(part)
            continue
        first, *others = part.split(".")
        key.extend([first] if first else [])
        for other in others:
            yield tuple(key)
            key = [other] if other else []
    yield tuple(key)
