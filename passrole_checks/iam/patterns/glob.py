"""Patterns of any action and of any resource: what they match, and what two of them have in common.

In a pattern ``*`` is any run of characters and ``?`` one character (IAM User Guide, "IAM JSON policy elements: Action"
and "Resource"). What is looked for with a pattern is a *request*: a text of which parts may be open in one of two ways.

- *Any text*: the request stands for all texts, so that only a ``*`` takes it. A set of requests is decided by such
  general members of it: what holds for one of them holds for all but those that other patterns single out.
- *A hole*: one text that is not known. The same hole on both sides is the same text; everything else may match it.

The function :func:`surely` is the answer whatever the holes hold, :func:`possibly` the answer for some of their values.
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
ANY, SOME = "\x02", "\x03"  # in a request: any text at all, any one character
_NAME_RUN = "\x04"  # what a hole that is a name may hold
_HOLES, _NAMES, _END = "\U000f0000", "\U00100000", "\U0010fffd"  # holes are letters of the private planes
_MOST_HOLES = 60_000
_FEW = 8  # patterns that are compared one by one
_OWN = re.compile("[\x00-\x04\U000f0000-\U0010ffff]")
_OPEN = "\x02\U000f0000-\U0010fffd"  # what stands for a text and not for a character
_GAP = re.compile(f"([{RUN}{ONE}]*{RUN}[{RUN}{ONE}]*)")
_HOLE = re.compile("[\U000f0000-\U0010fffd]")
_ACCOUNT = re.compile(f"[0-9{RUN}{ONE}{ANY}{SOME}\U00100000-\U0010fffd]*")  # what may stand for an account id
_HOLE_OF_ANY_TEXT = re.compile("[\U000f0000-\U000fffff]")
_HOLE_OF_A_NAME = re.compile("[\U00100000-\U0010fffd]")

_letters: dict[tuple[bool, str], str] = {}


def letter(hole: Unresolved, words: str = "") -> str:
    """The letter that stands for a hole: the same for the same words. ``words``: instead of its expression."""
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
            return _END  # one for all that there is no letter for, which is never the same as itself
        found = _letters[key] = chr(ord(_NAMES if name else _HOLES) + len(_letters))
    return found


def is_unnamed(pattern: str) -> bool:
    """Whether a hole of a pattern has no letter of its own, so that it is never the same as another one."""
    return _END in pattern


def words_of(pattern: str) -> str:
    """A pattern or a request as people write it."""
    spelled = {found: _spelled(words) for (_, words), found in _letters.items()} if _HOLE.search(pattern) else {}
    wild = {RUN: "*", ANY: "*", ONE: "?", SOME: "?"}
    return "".join(wild.get(char) or spelled.get(char, char) for char in pattern)


def _spelled(words: str) -> str:
    """The words of a hole; those of a policy variable bring their brackets, and whose it is before them."""
    place = words.find("${")
    return words[place:] if place >= 0 else f"${{{words}}}"


def literal(text: str) -> str:
    """A text of which every character stands for itself."""
    return _OWN.sub("\ufffd", text)


def pattern(text: str) -> str:
    """A text in which ``*`` and ``?`` are wildcards."""
    return literal(text).replace("*", RUN).replace("?", ONE)


def request(glob: str) -> str:
    """The general member of a pattern: any text for each ``*``, any character for each ``?``."""
    return glob.replace(RUN, ANY).replace(ONE, SOME) if RUN in glob or ONE in glob else glob


def as_pattern(general: str) -> str:
    """The pattern that a request is the general member of."""
    return general.replace(ANY, RUN).replace(SOME, ONE) if ANY in general or SOME in general else general


def surely(glob: str, text: str) -> bool:
    """Whether a pattern takes a request, whatever the holes of both hold."""
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
    """Whether a pattern takes a request for some value of the holes of both."""
    if surely(glob, text):
        return True
    if not _HOLE.search(glob) and not _HOLE.search(text):
        return False
    return _overlap(_widened(glob), _widened(text))


class Patterns:
    """Patterns of which one is enough."""

    def __init__(self, patterns: Sequence[str]) -> None:
        self.patterns = tuple(patterns)

    def surely(self, text: str) -> bool:
        """Whether one of them takes a request, whatever the holes of both hold."""
        return any(surely(one, text) for one in self.near(text))

    def possibly(self, text: str) -> bool:
        """Whether one of them takes a request for some value of the holes of both."""
        return any(possibly(one, text) for one in self.near(text))

    def near(self, text: str) -> Iterable[str]:
        """The patterns that may match a request, and some others, in their order."""
        if len(self.patterns) <= _FEW:
            return self.patterns
        return (self.patterns[place] for place in self._index.near(text))

    @cached_property
    def _index(self) -> PatternIndex:
        return index_of(self.patterns)


def index_of(patterns: Sequence[str]) -> PatternIndex:
    """Patterns, to be found by a request."""
    return PatternIndex(patterns, _OWN)


def meeting(first: str, second: str) -> str | None:
    """The general member of what both patterns surely take, None where there is nothing.

    Two patterns can meet in several ways (``*ab*`` and ``*ba*``); this is the shortest. Of two ARNs it is one whose
    fields are fields of both: the Region and the account of a resource hold no colon.
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
    """Whether two patterns have something in common for some value of their holes."""
    if RUN in (first, second) or first == second:
        return True
    fields = _by_field(first, second)
    if fields is not None:
        return all(may_meet(one, other) for one, other in fields)
    return _overlap(_widened(first), _widened(second))


def _by_field(first: str, second: str) -> list[tuple[str, str]] | None:
    """The six fields of two ARNs, each with its counterpart; None where one may not be written in six fields."""
    fields = [pattern.split(":", 5) for pattern in (first, second)]
    if all(len(found) == 6 and found[0] == "arn" and _ACCOUNT.fullmatch(found[4]) for found in fields):
        return list(zip(*fields, strict=True))
    return None


def _widened(glob: str) -> str:
    return _HOLE_OF_A_NAME.sub(_NAME_RUN, _HOLE_OF_ANY_TEXT.sub(RUN, glob))


@lru_cache(maxsize=16384)
def _segments(glob: str) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """What stands between the runs of a pattern, and how many characters each run has at least."""
    pieces = _GAP.split(glob)
    return tuple(pieces[::2]), tuple(gap.count(ONE) for gap in pieces[1::2])


@lru_cache(maxsize=16384)
def _fixed(segment: str) -> re.Pattern[str]:
    return re.compile("".join(f"[^{_OPEN}]" if char == ONE else re.escape(char) for char in segment), re.DOTALL)


def _after(text: str, place: int, count: int) -> int:
    """The first place behind at least ``count`` characters; beyond the end where there are not so many."""
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
    """Whether two patterns without holes have a text in common."""
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
    """Breadth first, by what has to be written; where both are in a run any text is."""
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
