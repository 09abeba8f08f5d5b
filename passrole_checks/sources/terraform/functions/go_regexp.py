"""Regular expressions in the syntax of Go's package ``regexp``, translated for the package ``regex``.

Each part of a pattern is parsed as Go does, and written in a form that has only one meaning: characters by number, sets
as ranges, no flags. Go matches in linear time, a backtracking engine can run practically forever: searches are limited.
Source: package regexp/syntax of Go, "Syntax"; package regexp, ``FindAll``.
"""

from __future__ import annotations

import functools
import re
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from passrole_checks.iam import deadline
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.lazy_regex import lazy_regex

if TYPE_CHECKING:
    import regex

SECONDS = 1.0  # CPU time of all searches in one text
_MAX_LENGTH = 4_000  # characters of a pattern
_MAX_REPEATS = 1_000  # Go's own limit
_MAX_DEPTH = 40

_CHARACTER = (
    r"(?:\\(?:0[0-7]{0,2}|[1-7][0-7]{1,2}|x(?:[0-9A-Fa-f]{2}|\{[0-9A-Fa-f]+\})|[afnrtv]|[^0-9A-Za-z\x80-\U0010ffff])"
    r"|[^\\])"
)
_CLASS = r"\\(?P<class>[dDsSwW])|\\(?P<unicode>[pP](?:\{[^}]*\}|[^{]))"
_TOKEN = lazy_regex(
    r"\((?P<open>\?(?:P?<(?P<name>[0-9A-Za-z_]+)>|(?P<on>[imsU]*)(?:-(?P<off>[imsU]+))?(?P<head>[:)]))|(?!\?))"
    r"|(?P<bound>[*+?]|\{(?P<least>0|[1-9][0-9]*)(?:(?P<comma>,)(?P<most>0|[1-9][0-9]*)?)?\})(?P<lazy>\??)"
    r"|(?P<mark>[|)])|(?P<position>[\^$]|\\[AzbB])|(?P<dot>\.)|(?P<set>\[\^?)|\\Q(?P<quoted>.*?)(?:\\E|\Z)"
    rf"|{_CLASS}|(?!\()(?P<character>{_CHARACTER})",
    re.DOTALL,
)
_MEMBER = lazy_regex(
    rf"\[:(?P<posix>.*?):\]|{_CLASS}|(?P<low>{_CHARACTER})(?:-(?!\])(?P<high>{_CHARACTER})|(?!-[^\]]))", re.DOTALL
)
_ESCAPES = {"a": "\a", "f": "\f", "t": "\t", "n": "\n", "r": "\r", "v": "\v"}
_FOLDED = {"k": "\N{KELVIN SIGN}", "s": "\N{LATIN SMALL LETTER LONG S}"}
_POSITIONS = {"^": r"\A", "$": r"\Z", r"\A": r"\A", r"\z": r"\Z", r"\b": r"\b", r"\B": r"\B"}
_RANGES = {
    "d": "09",
    "s": "\t\n\f\r  ",
    "w": "09AZ__az",
    "alnum": "09AZaz",
    "alpha": "AZaz",
    "ascii": "\0\x7f",
    "blank": "\t\t  ",
    "cntrl": "\0\x1f\x7f\x7f",
    "digit": "09",
    "graph": "!~",
    "lower": "az",
    "print": " ~",
    "punct": "!/:@[`{~",
    "space": "\t\r  ",
    "upper": "AZ",
    "word": "09AZ__az",
    "xdigit": "09AFaf",
}  # the first and the last character of each range


class BadPattern(ValueError):
    """Raised for a pattern that Go rejects."""


class Unsupported(ValueError):
    """Raised for a pattern that is not supported, and for a search that takes too long."""


@dataclass(frozen=True)
class Regexp:
    """A compiled pattern. ``names`` contains the name of each group, None for unnamed groups."""

    pattern: regex.Pattern[str]
    names: tuple[str | None, ...]

    def matches(self, text: str) -> Iterator[regex.Match[str]]:
        """Yield all non-overlapping matches; an empty match right after another one is skipped.

        Raises :class:`Unsupported` if they cannot be found in :data:`SECONDS`.
        """
        end = time.thread_time() + SECONDS
        position, last = 0, -1
        while position <= len(text):
            deadline.check()
            try:
                match = self.pattern.search(text, position, timeout=max(end - time.thread_time(), 0.0))
            except TimeoutError:
                raise Unsupported("the text is too long for a regular expression") from None
            if match is None:
                return
            accepted = not match.start() == match.end() == last
            last = match.end()
            position = last if last > position else position + 1
            if accepted:
                yield match


@dataclass(frozen=True)
class _Part:
    """A translated part of a pattern: its text, and what a repetition of it must respect."""

    text: str
    may_be_empty: bool = False
    repeats: int = 1  # the product of nested repetition counts


@functools.lru_cache(maxsize=256)
def compile_go(pattern: str) -> Regexp:
    """Compile a pattern.

    Raises :class:`BadPattern` if Go rejects it, :class:`Unsupported` if it is not supported here.
    """
    if len(pattern) > _MAX_LENGTH:
        raise Unsupported("the regular expression is too large")
    reader = _Translator(pattern)
    text = reader.alternation(frozenset(), 0).text
    try:
        import regex  # slow to import, and rarely needed; a clone beside a host may not have it

        return Regexp(regex.compile(text, regex.VERSION1 | regex.ASCII), tuple(reader.names))
    except ImportError:
        raise Unsupported("the package regex is not installed") from None
    except regex.error:
        raise Unsupported("unsupported regular expression") from None


class _Translator:
    """Parse a pattern as Go does, part by part."""

    def __init__(self, pattern: str) -> None:
        self.pattern, self.position = pattern, 0
        self.names: list[str | None] = []

    def next(self, tokens: re.Pattern[str], error: str) -> re.Match[str]:
        token = tokens.match(self.pattern, self.position)
        if token is None:
            raise BadPattern(error)
        self.position = token.end()
        return token

    def alternation(self, flags: frozenset[str], depth: int) -> _Part:
        """Parse up to the parenthesis that closes the group, or at depth 0 to the end."""
        if depth > _MAX_DEPTH:
            raise Unsupported("the regular expression is nested too deeply")
        branches: list[list[_Part]] = [[]]
        closed = repeated = False
        while self.position < len(self.pattern) and not closed:
            is_group = self.pattern[self.position] == "("
            token = self.next(_TOKEN, "invalid group syntax" if is_group else "invalid escape sequence")
            parts = branches[-1]
            if token["bound"]:
                if repeated or not parts:
                    raise BadPattern("nothing to repeat")
                parts[-1] = _repeat(parts[-1], token, ungreedy="U" in flags)
            elif token["mark"] == "|":
                branches.append([])
            elif token["mark"]:
                closed = True
            elif token["head"] == ")":
                flags = flags.union(token["on"]).difference(token["off"] or "")
            elif token["quoted"] is not None:
                parts.extend(_character_part(character, flags) for character in token["quoted"])
            else:
                parts.append(self.atom(token, flags, depth))
            repeated = bool(token["bound"])
        if closed is (depth == 0):
            raise BadPattern("unmatched parenthesis")
        return _joined([_joined(parts, "", all) for parts in branches], "|", any)

    def group(self, token: re.Match[str], flags: frozenset[str], depth: int) -> _Part:
        if token["head"]:
            inner = self.alternation(flags.union(token["on"]).difference(token["off"] or ""), depth + 1)
            return _Part(f"(?:{inner.text})", inner.may_be_empty, inner.repeats)
        if token["name"] in self.names and token["name"]:
            raise Unsupported("groups of the same name in a regular expression")
        self.names.append(token["name"])
        inner = self.alternation(flags, depth + 1)
        return _Part(f"({inner.text})", inner.may_be_empty, inner.repeats)

    def atom(self, token: re.Match[str], flags: frozenset[str], depth: int) -> _Part:
        if token["open"] is not None:
            return self.group(token, flags, depth)
        if position := token["position"]:
            in_lines = position in "^$" and "m" in flags
            return _Part(f"(?m:{position})" if in_lines else _POSITIONS[position], may_be_empty=True)
        if token["dot"]:
            return _Part(_set([(0, sys.maxunicode)] if "s" in flags else _complement([(10, 10)])))
        if token["set"]:
            return _Part(_set(self.members(flags, negated=token["set"] == "[^")))
        if token["character"]:
            return _character_part(_character(token["character"]), flags)
        return _Part(_set(_character_class(token, flags)))

    def members(self, flags: frozenset[str], *, negated: bool) -> list[tuple[int, int]]:
        """Parse a set after its opening bracket."""
        ranges: list[tuple[int, int]] = []
        is_first = True
        while is_first or self.pattern[self.position : self.position + 1] != "]":
            is_first = False
            token = self.next(_MEMBER, "invalid character class")
            if token["low"] is None:
                ranges += _character_class(token, flags)
                continue
            low, high = _character(token["low"]), _character(token["high"] or token["low"])
            if high < low:
                raise BadPattern("invalid character range")
            ranges += _folded([(ord(low), ord(high))], flags)
        self.position += 1
        return _complement(ranges) if negated else ranges


def _character_part(character: str, flags: frozenset[str]) -> _Part:
    return _Part(_set(_folded([(ord(character), ord(character))], flags)))


def _character_class(token: re.Match[str], flags: frozenset[str]) -> list[tuple[int, int]]:
    if token["unicode"]:
        raise Unsupported("Unicode class in a regular expression")
    name = token["class"] or token["posix"].removeprefix("^")
    ends = _RANGES.get(name.lower() if token["class"] else name if len(name) > 1 else "")
    if ends is None:
        raise BadPattern("unknown character class")
    ranges = _folded([(ord(low), ord(high)) for low, high in zip(ends[::2], ends[1::2], strict=True)], flags)
    return _complement(ranges) if name.isupper() or name != (token["class"] or token["posix"]) else ranges


def _folded(ranges: list[tuple[int, int]], flags: frozenset[str]) -> list[tuple[int, int]]:
    """Add the other case of each letter if the flag ``i`` is set."""
    if "i" not in flags:
        return ranges
    if any(high > 127 for _, high in ranges):
        raise Unsupported("case-insensitive non-ASCII letters in a regular expression")
    letters = {chr(code) for low, high in ranges for code in range(low, high + 1)}
    others = {letter.swapcase() for letter in letters}
    others.update(_FOLDED[letter.lower()] for letter in letters if letter in "kKsS")
    return ranges + [(ord(letter), ord(letter)) for letter in others]


def _complement(ranges: list[tuple[int, int]]) -> list[tuple[int, int]]:
    result, start = [], 0
    for low, high in sorted(ranges):
        if low > start:
            result.append((start, low - 1))
        start = max(start, high + 1)
    return [*result, (start, sys.maxunicode)] if start <= sys.maxunicode else result


def _set(ranges: list[tuple[int, int]]) -> str:
    """Return the set as ``regex`` reads it. Not as the complement of another: alternatives of such sets match less."""
    return f"[{''.join(f'{chr(92)}U{low:08x}-{chr(92)}U{high:08x}' for low, high in ranges)}]" if ranges else "(?!)"


def _joined(parts: list[_Part], separator: str, quantifier: Callable[[Iterable[bool]], bool]) -> _Part:
    return _Part(
        separator.join(part.text for part in parts),
        quantifier(part.may_be_empty for part in parts),
        max((part.repeats for part in parts), default=1),
    )


def _repeat(part: _Part, token: re.Match[str], *, ungreedy: bool) -> _Part:
    least, most, repeats = 0, "", part.repeats
    if token["least"]:
        least, most = int(token["least"]), token["most"] or ("" if token["comma"] else token["least"])
        high = int(most or least)
        repeats *= high
        if max(least, high) > _MAX_REPEATS or high < least or (high > 1 and repeats > _MAX_REPEATS):
            raise BadPattern("repetition count out of range")
    elif token["bound"] == "+":
        least = 1
    elif token["bound"] == "?":
        most = "1"
    if part.may_be_empty and most != "1":
        raise Unsupported("repetition of an empty match in a regular expression")
    lazy = "?" if bool(token["lazy"]) is not ungreedy else ""
    return _Part(f"(?:{part.text}{{{least},{most}}}{lazy})", part.may_be_empty or not least, repeats)


def _character(text: str) -> str:
    """Return the character of a literal or an escape sequence: ``a``, ``\\n``, ``\\x41``."""
    if not text.startswith("\\"):
        return text
    text = text[1:]
    if not text[0].isdigit() and text[0] != "x":
        return _ESCAPES.get(text, text)
    code = int(text[1:].strip("{}"), 16) if text[0] == "x" else int(text, 8)
    if code > sys.maxunicode:
        raise BadPattern("invalid character code")
    return chr(code)
