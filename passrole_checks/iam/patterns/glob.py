"""Wildcard patterns for actions and resources: matching and intersection, with unresolved parts.

In a pattern ``*`` is any run of characters and ``?`` one character (IAM User Guide, "IAM JSON policy elements: Action"
and "Resource"). A pattern is matched against a *request*: a string whose parts can be open in one of two ways.

- *Any text*: the request represents all strings, so that only a ``*`` matches it. A set of requests is decided by its
  representative: what holds for it holds for all members except those that other patterns single out.
- *Unresolved*: one unknown string. The same unresolved part on both sides is the same string; anything else may match.

:func:`must_match` answers for all values of the unresolved parts, :func:`may_match` for at least one value.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Sequence
from functools import cached_property, lru_cache

from passrole_checks.iam import deadline
from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.iam.patterns.pattern_index import PatternIndex
from passrole_checks.iam.values.nodes import Unresolved, UnresolvedKind

STAR, QUESTION = "\x00", "\x01"  # in a pattern: ``*`` and ``?``
ANY_TEXT, ANY_CHARACTER = "\x02", "\x03"  # in a request: any string, any one character
_NAME_STAR = "\x04"  # the values of an unresolved name
# unresolved parts are private-use characters
_UNRESOLVED, _NAMES, _ANONYMOUS = "\U000f0000", "\U00100000", "\U0010fffd"
_MAX_SYMBOLS = 60_000
_INDEX_ABOVE = 8  # patterns compared without an index
_SPECIAL = lazy_regex("[\x00-\x04\U000f0000-\U0010ffff]")
_STRING_SYMBOLS = "\x02\U000f0000-\U0010fffd"  # represents a string, not a single character
_GAP = lazy_regex(f"([{STAR}{QUESTION}]*{STAR}[{STAR}{QUESTION}]*)")
_UNRESOLVED_PART = lazy_regex("[\U000f0000-\U0010fffd]")
_ACCOUNT = lazy_regex(f"[0-9{STAR}{QUESTION}{ANY_TEXT}{ANY_CHARACTER}\U00100000-\U0010fffd]*")  # can be an account id
_UNRESOLVED_TEXT = lazy_regex("[\U000f0000-\U000fffff]")
_UNRESOLVED_NAME = lazy_regex("[\U00100000-\U0010fffd]")

_WILDCARDS = str.maketrans({STAR: "*", ANY_TEXT: "*", QUESTION: "?", ANY_CHARACTER: "?"})
_symbols: dict[tuple[bool, str], str] = {}
_expressions: dict[str, str] = {}  # of symbols


def symbol_for(hole: Unresolved, words: str = "") -> str:
    """Return the symbol (one private-use character) of an unresolved part: the same for the same expression or
    ``words``."""
    name = hole.kind in (
        UnresolvedKind.NAME,
        UnresolvedKind.ACCOUNT_ID,
        UnresolvedKind.REGION,
        UnresolvedKind.PARTITION,
    )
    key = (name, words or hole.expression)
    cached = _symbols.get(key)
    if cached is None:
        if len(_symbols) >= _MAX_SYMBOLS:
            return _ANONYMOUS  # shared by all that get no symbol of their own; never equal to itself
        cached = _symbols[key] = chr(ord(_NAMES if name else _UNRESOLVED) + len(_symbols))
        _expressions[cached] = key[1]
    return cached


def has_anonymous_part(pattern: str) -> bool:
    """True if an unresolved part of a pattern has no symbol of its own, so that it never equals another one."""
    return _ANONYMOUS in pattern


@lru_cache(maxsize=16384)
def to_text(pattern: str) -> str:
    """Return a pattern or a request in policy syntax."""
    return _UNRESOLVED_PART.sub(_placeholder, pattern.translate(_WILDCARDS))


def _placeholder(symbol: re.Match[str]) -> str:
    """Return the placeholder of an expression; of a policy variable, the variable without its owner."""
    words = _expressions.get(symbol[0])
    if words is None:
        return symbol[0]
    position = words.find("${")
    return words[position:] if position >= 0 else f"${{{words}}}"


def escape(text: str) -> str:
    """Escape a string so that every character matches itself."""
    return _SPECIAL.sub("\ufffd", text)


@lru_cache(maxsize=65536)
def from_text(text: str) -> str:
    """Return a string as a pattern, in which ``*`` and ``?`` are wildcards."""
    return escape(text).replace("*", STAR).replace("?", QUESTION)


def representative(glob: str) -> str:
    """Return the representative of a pattern: any text for each ``*``, any character for each ``?``."""
    return glob.replace(STAR, ANY_TEXT).replace(QUESTION, ANY_CHARACTER) if STAR in glob or QUESTION in glob else glob


def to_pattern(general: str) -> str:
    """Return the pattern whose representative a request is."""
    return (
        general.replace(ANY_TEXT, STAR).replace(ANY_CHARACTER, QUESTION)
        if ANY_TEXT in general or ANY_CHARACTER in general
        else general
    )


def must_match(glob: str, text: str) -> bool:
    """True if a pattern matches a request for all values of the unresolved parts of both.

    Each segment between two runs is found at its first match, which leaves the most for those after it.
    """
    if glob == STAR:
        return True
    if STAR not in glob:
        return _ANONYMOUS not in glob and (
            glob == text if QUESTION not in glob else _compile_segment(glob).fullmatch(text) is not None
        )
    segments, gaps = _segments(glob)
    first, last = segments[0], segments[-1]
    begin = _compile_segment(first).match(text) if QUESTION in first else text.startswith(first)
    end = len(text) - len(last)
    if not begin or _ANONYMOUS in glob or end < len(first):
        return False
    if not (_compile_segment(last).fullmatch(text, end) if QUESTION in last else text.endswith(last)):
        return False
    position = len(first)
    for gap, segment in zip(gaps, segments[1:-1], strict=False):
        position = _skip(text, position, gap)
        match = _compile_segment(segment).search(text, position, end) if position <= end else None
        if match is None:
            return False
        position = match.end()
    return _skip(text, position, gaps[-1]) <= end


def may_match(glob: str, text: str) -> bool:
    """True if a pattern matches a request for some value of the unresolved parts of both."""
    if must_match(glob, text):
        return True
    if not _UNRESOLVED_PART.search(glob) and not _UNRESOLVED_PART.search(text):
        return False
    return _overlap(_widen(glob), _widen(text))


def wildcard_match(pattern: str, text: str) -> bool:
    """True if a pattern with ``*`` and ``?`` matches the whole of a literal string."""
    return must_match(from_text(pattern), escape(text))


class Patterns:
    """A union of patterns."""

    def __init__(self, patterns: Sequence[str]) -> None:
        self.patterns = tuple(patterns)

    def must_match(self, text: str) -> bool:
        """True if one of the patterns matches a request for all values of unresolved parts."""
        return any(must_match(pattern, text) for pattern in self.near(text))

    def may_match(self, text: str) -> bool:
        """True if one of the patterns matches a request for some value of unresolved parts."""
        return any(may_match(pattern, text) for pattern in self.near(text))

    def near(self, text: str) -> Iterable[str]:
        """Return a superset of the patterns that may match a request, in their order."""
        if len(self.patterns) <= _INDEX_ABOVE:
            return self.patterns
        return (self.patterns[position] for position in self._index.near(text))

    @cached_property
    def _index(self) -> PatternIndex:
        return build_index(self.patterns)


def build_index(patterns: Sequence[str]) -> PatternIndex:
    """Return an index of patterns for look-ups by request."""
    return PatternIndex(patterns, _SPECIAL)


def intersect(first: str, second: str) -> str | None:
    """Return the representative of the intersection of two patterns, None if it is surely empty.

    An intersection can have several representatives (``*ab*`` and ``*ba*``); this is the shortest. Two ARNs are
    intersected field by field: Region and account of a resource contain no colon.
    """
    if second == STAR or first == second:
        return representative(first)
    if first == STAR:
        return representative(second)
    for one, other in ((first, second), (second, first)):
        if STAR not in one and QUESTION not in one:
            return one if must_match(other, one) else None
    fields = _paired_fields(first, second)
    if fields is None:
        return _intersect(first, second)
    common = [intersect(one, other) for one, other in fields]
    return ":".join(part for part in common if part is not None) if None not in common else None


def may_intersect(first: str, second: str) -> bool:
    """True if two patterns intersect for some value of their unresolved parts."""
    if STAR in (first, second) or first == second:
        return True
    fields = _paired_fields(first, second)
    if fields is not None:
        return all(may_intersect(one, other) for one, other in fields)
    return _overlap(_widen(first), _widen(second))


def _paired_fields(first: str, second: str) -> list[tuple[str, str]] | None:
    """Return the six fields of two ARNs in pairs; None if one of them does not have exactly six fields."""
    fields = [pattern.split(":", 5) for pattern in (first, second)]
    if all(len(parts) == 6 and parts[0] == "arn" and _ACCOUNT.fullmatch(parts[4]) for parts in fields):
        return list(zip(*fields, strict=True))
    return None


def _widen(glob: str) -> str:
    return _UNRESOLVED_NAME.sub(_NAME_STAR, _UNRESOLVED_TEXT.sub(STAR, glob))


@lru_cache(maxsize=16384)
def _segments(glob: str) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """Return the segments between the runs of a pattern, and the minimum length of each run."""
    pieces = _GAP.split(glob)
    return tuple(pieces[::2]), tuple(gap.count(QUESTION) for gap in pieces[1::2])


@lru_cache(maxsize=16384)
def _compile_segment(segment: str) -> re.Pattern[str]:
    return re.compile(
        "".join(f"[^{_STRING_SYMBOLS}]" if char == QUESTION else re.escape(char) for char in segment), re.DOTALL
    )


def _skip(text: str, position: int, count: int) -> int:
    """Return the first position after at least ``count`` characters; beyond the end if there are fewer."""
    while count:
        if position >= len(text):
            return len(text) + 1
        count -= not _is_open(text[position])
        position += 1
    return position


def _is_open(char: str) -> bool:
    return char == ANY_TEXT or char >= _UNRESOLVED


@lru_cache(maxsize=16384)
def _overlap(first: str, second: str) -> bool:
    """True if two patterns without unresolved parts have a string in common."""
    pending, seen = [(0, 0)], {(0, 0)}
    while pending:
        deadline.check()
        i, j = pending.pop()
        if i == len(first) and j == len(second):
            return True
        x, y = first[i : i + 1], second[j : j + 1]
        steps = []
        if x in (STAR, _NAME_STAR) and x:
            steps += [(i + 1, j), *([(i, j + 1)] if _run_matches(x, y) else [])]
        if y in (STAR, _NAME_STAR) and y:
            steps += [(i, j + 1), *([(i + 1, j)] if _run_matches(y, x) else [])]
        if not steps and x and y and (x == y or (QUESTION in (x, y) and ANY_TEXT not in (x, y))):
            steps.append((i + 1, j + 1))
        for step in steps:
            if step not in seen:
                seen.add(step)
                pending.append(step)
    return False


def _run_matches(run: str, char: str) -> bool:
    if not char or char in (STAR, _NAME_STAR):
        return False
    return run == STAR or char not in ("/", ":", ANY_TEXT)


@lru_cache(maxsize=16384)
def _intersect(first: str, second: str) -> str | None:
    """Return the shortest representative of an intersection: breadth first by its length; two aligned runs give any
    text."""
    seen: dict[tuple[int, int], str] = {}
    pending = deque([(0, 0, "")])
    while pending:
        deadline.check()
        i, j, text = pending.popleft()
        if (i, j) in seen:
            continue
        seen[i, j] = text
        x, y = first[i : i + 1], second[j : j + 1]
        if not x and not y:
            return text
        if x == STAR and y == STAR:
            text = text if text.endswith(ANY_TEXT) else text + ANY_TEXT
        if x == STAR:
            pending.appendleft((i + 1, j, text))
        if y == STAR:
            pending.appendleft((i, j + 1, text))
        if x == STAR and y and y != STAR:
            pending.append((i, j + 1, text + representative(y)))
        elif y == STAR and x and x != STAR:
            pending.append((i + 1, j, text + representative(x)))
        elif (
            x and y and STAR not in (x, y) and (x == y or (QUESTION in (x, y) and not _is_open(x) and not _is_open(y)))
        ):
            pending.append((i + 1, j + 1, text + representative(y if x == QUESTION else x)))
    return None
