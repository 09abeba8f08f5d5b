"""Wildcard patterns for actions and resources: matching and intersection, with unresolved parts.

In a pattern ``*`` is any run of characters and ``?`` one character (IAM User Guide, "IAM JSON policy elements: Action"
and "Resource"). A pattern is matched against a *request*: a string whose parts can be open in one of two ways.

- *Any text*: the request represents all strings, so that only a ``*`` matches it. A set of requests is decided by its
  representative: what holds for it holds for all members except those that other patterns single out.
- *Unresolved*: one unknown string. The same unresolved part on both sides is the same string; anything else may match.

:func:`surely` answers for all values of the unresolved parts, :func:`possibly` for at least one value.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Sequence
from functools import cached_property, lru_cache

from passrole_checks.iam import deadline
from passrole_checks.iam.partial_values import Unresolved, UnresolvedKind
from passrole_checks.iam.patterns.pattern_index import PatternIndex

RUN, ONE = "\x00", "\x01"  # in a pattern: ``*`` and ``?``
ANY, SOME = "\x02", "\x03"  # in a request: any string, any one character
_NAME_RUN = "\x04"  # the values of an unresolved name
_HOLES, _NAMES, _END = "\U000f0000", "\U00100000", "\U0010fffd"  # unresolved parts are private-use characters
_MOST_HOLES = 60_000
_FEW = 8  # patterns compared without an index
_OWN = re.compile("[\x00-\x04\U000f0000-\U0010ffff]")
_OPEN = "\x02\U000f0000-\U0010fffd"  # represents a string, not a single character
_GAP = re.compile(f"([{RUN}{ONE}]*{RUN}[{RUN}{ONE}]*)")
_HOLE = re.compile("[\U000f0000-\U0010fffd]")
_ACCOUNT = re.compile(f"[0-9{RUN}{ONE}{ANY}{SOME}\U00100000-\U0010fffd]*")  # can be an account id
_HOLE_OF_ANY_TEXT = re.compile("[\U000f0000-\U000fffff]")
_HOLE_OF_A_NAME = re.compile("[\U00100000-\U0010fffd]")

_letters: dict[tuple[bool, str], str] = {}


def letter(hole: Unresolved, words: str = "") -> str:
    """Return the symbol (one private-use character) of an unresolved part: the same for the same expression or
    ``words``."""
    name = hole.kind in (
        UnresolvedKind.NAME,
        UnresolvedKind.ACCOUNT_ID,
        UnresolvedKind.REGION,
        UnresolvedKind.PARTITION,
    )
    key = (name, words or hole.expression)
    found = _letters.get(key)
    if found is None:
        if len(_letters) >= _MOST_HOLES:
            return _END  # shared by all that get no symbol of their own; never equal to itself
        found = _letters[key] = chr(ord(_NAMES if name else _HOLES) + len(_letters))
    return found


def is_unnamed(pattern: str) -> bool:
    """True if an unresolved part of a pattern has no symbol of its own, so that it never equals another one."""
    return _END in pattern


def words_of(pattern: str) -> str:
    """Return a pattern or a request in policy syntax."""
    spelled = {found: _spelled(words) for (_, words), found in _letters.items()} if _HOLE.search(pattern) else {}
    wild = {RUN: "*", ANY: "*", ONE: "?", SOME: "?"}
    return "".join(wild.get(char) or spelled.get(char, char) for char in pattern)


def _spelled(words: str) -> str:
    """Return the placeholder of an expression; of a policy variable, the variable without its owner."""
    place = words.find("${")
    return words[place:] if place >= 0 else f"${{{words}}}"


def literal(text: str) -> str:
    """Escape a string so that every character matches itself."""
    return _OWN.sub("\ufffd", text)


def pattern(text: str) -> str:
    """Return a string as a pattern, in which ``*`` and ``?`` are wildcards."""
    return literal(text).replace("*", RUN).replace("?", ONE)


def request(glob: str) -> str:
    """Return the representative of a pattern: any text for each ``*``, any character for each ``?``."""
    return glob.replace(RUN, ANY).replace(ONE, SOME) if RUN in glob or ONE in glob else glob


def as_pattern(general: str) -> str:
    """Return the pattern whose representative a request is."""
    return general.replace(ANY, RUN).replace(SOME, ONE) if ANY in general or SOME in general else general


def surely(glob: str, text: str) -> bool:
    """True if a pattern matches a request for all values of the unresolved parts of both."""
    if glob == RUN:
        return True
    if RUN not in glob:
        return _END not in glob and (glob == text if ONE not in glob else _fixed(glob).fullmatch(text) is not None)
    segments, gaps = _segments(glob)
    first, last = segments[0], segments[-1]
    begin = _fixed(first).match(text) if ONE in first else text.startswith(first)
    end = len(text) - len(last)
    if not begin or _END in glob or end < len(first):
        return False
    if not (_fixed(last).fullmatch(text, end) if ONE in last else text.endswith(last)):
        return False
    place = len(first)
    for gap, segment in zip(gaps, segments[1:-1], strict=False):
        place = _after(text, place, gap)
        found = _fixed(segment).search(text, place, end) if place <= end else None
        if found is None:
            return False
        place = found.end()
    return _after(text, place, gaps[-1]) <= end


def possibly(glob: str, text: str) -> bool:
    """True if a pattern matches a request for some value of the unresolved parts of both."""
    if surely(glob, text):
        return True
    if not _HOLE.search(glob) and not _HOLE.search(text):
        return False
    return _overlap(_widened(glob), _widened(text))


class Patterns:
    """A union of patterns."""

    def __init__(self, patterns: Sequence[str]) -> None:
        self.patterns = tuple(patterns)

    def surely(self, text: str) -> bool:
        """True if one of the patterns matches a request for all values of unresolved parts."""
        return any(surely(one, text) for one in self.near(text))

    def possibly(self, text: str) -> bool:
        """True if one of the patterns matches a request for some value of unresolved parts."""
        return any(possibly(one, text) for one in self.near(text))

    def near(self, text: str) -> Iterable[str]:
        """Return a superset of the patterns that may match a request, in their order."""
        if len(self.patterns) <= _FEW:
            return self.patterns
        return (self.patterns[place] for place in self._index.near(text))

    @cached_property
    def _index(self) -> PatternIndex:
        return index_of(self.patterns)


def index_of(patterns: Sequence[str]) -> PatternIndex:
    """Return an index of patterns for look-ups by request."""
    return PatternIndex(patterns, _OWN)


def meeting(first: str, second: str) -> str | None:
    """Return the representative of the intersection of two patterns, None if it is surely empty.

    An intersection can have several representatives (``*ab*`` and ``*ba*``); this is the shortest. Two ARNs are
    intersected field by field: Region and account of a resource contain no colon.
    """
    if second == RUN or first == second:
        return request(first)
    if first == RUN:
        return request(second)
    for one, other in ((first, second), (second, first)):
        if RUN not in one and ONE not in one:
            return one if surely(other, one) else None
    fields = _by_field(first, second)
    if fields is None:
        return _meeting(first, second)
    common = [meeting(one, other) for one, other in fields]
    return ":".join(part for part in common if part is not None) if None not in common else None


def may_meet(first: str, second: str) -> bool:
    """True if two patterns intersect for some value of their unresolved parts."""
    if RUN in (first, second) or first == second:
        return True
    fields = _by_field(first, second)
    if fields is not None:
        return all(may_meet(one, other) for one, other in fields)
    return _overlap(_widened(first), _widened(second))


def _by_field(first: str, second: str) -> list[tuple[str, str]] | None:
    """Return the six fields of two ARNs in pairs; None if one of them does not have exactly six fields."""
    fields = [pattern.split(":", 5) for pattern in (first, second)]
    if all(len(found) == 6 and found[0] == "arn" and _ACCOUNT.fullmatch(found[4]) for found in fields):
        return list(zip(*fields, strict=True))
    return None


def _widened(glob: str) -> str:
    return _HOLE_OF_A_NAME.sub(_NAME_RUN, _HOLE_OF_ANY_TEXT.sub(RUN, glob))


@lru_cache(maxsize=16384)
def _segments(glob: str) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """Return the segments between the runs of a pattern, and the minimum length of each run."""
    pieces = _GAP.split(glob)
    return tuple(pieces[::2]), tuple(gap.count(ONE) for gap in pieces[1::2])


@lru_cache(maxsize=16384)
def _fixed(segment: str) -> re.Pattern[str]:
    return re.compile("".join(f"[^{_OPEN}]" if char == ONE else re.escape(char) for char in segment), re.DOTALL)


def _after(text: str, place: int, count: int) -> int:
    """Return the first position after at least ``count`` characters; beyond the end if there are fewer."""
    while count:
        if place >= len(text):
            return len(text) + 1
        count -= not _is_open(text[place])
        place += 1
    return place


def _is_open(char: str) -> bool:
    return char == ANY or char >= _HOLES


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
        if x in (RUN, _NAME_RUN) and x:
            steps += [(i + 1, j), *([(i, j + 1)] if _takes(x, y) else [])]
        if y in (RUN, _NAME_RUN) and y:
            steps += [(i, j + 1), *([(i + 1, j)] if _takes(y, x) else [])]
        if not steps and x and y and (x == y or (ONE in (x, y) and ANY not in (x, y))):
            steps.append((i + 1, j + 1))
        for step in steps:
            if step not in seen:
                seen.add(step)
                pending.append(step)
    return False


def _takes(run: str, char: str) -> bool:
    if not char or char in (RUN, _NAME_RUN):
        return False
    return run == RUN or char not in ("/", ":", ANY)


@lru_cache(maxsize=16384)
def _meeting(first: str, second: str) -> str | None:
    """Return the shortest representative of an intersection: breadth first by its length; two aligned runs give any
    text."""
    found: dict[tuple[int, int], str] = {}
    pending = deque([(0, 0, "")])
    while pending:
        deadline.check()
        i, j, text = pending.popleft()
        if (i, j) in found:
            continue
        found[i, j] = text
        x, y = first[i : i + 1], second[j : j + 1]
        if not x and not y:
            return text
        if x == RUN and y == RUN:
            text = text if text.endswith(ANY) else text + ANY
        if x == RUN:
            pending.appendleft((i + 1, j, text))
        if y == RUN:
            pending.appendleft((i, j + 1, text))
        if x == RUN and y and y != RUN:
            pending.append((i, j + 1, text + request(y)))
        elif y == RUN and x and x != RUN:
            pending.append((i + 1, j, text + request(x)))
        elif x and y and RUN not in (x, y) and (x == y or (ONE in (x, y) and not _is_open(x) and not _is_open(y))):
            pending.append((i + 1, j + 1, text + request(y if x == ONE else x)))
    return None
