"""Many patterns, of which those are found that may match a text, without comparing each of them."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from functools import cached_property


class PatternIndex:
    """Patterns, arranged by the literal text that they begin and end with.

    A pattern and a text can only match if their literal beginnings and ends agree as far as both go. ``is_open``
    matches a character that is no literal one, in patterns and in texts.
    """

    def __init__(self, patterns: Sequence[str], is_open: re.Pattern[str]) -> None:
        self._open = is_open
        self._literals: dict[str, list[int]] = {}
        wild: list[tuple[str, str, int]] = []
        for place, one in enumerate(patterns):
            if is_open.search(one) is None:
                self._literals.setdefault(one, []).append(place)
            else:
                wild.append((*self._ends(one), place))
        self._heads = _Beginnings((head, place) for head, _, place in wild)
        self._tails = _Beginnings((tail, place) for _, tail, place in wild)

    def near(self, text: str) -> list[int]:
        """The places of all patterns that may match a text, and of some others, in their order."""
        head, tail = self._ends(text)
        if head == text:
            literal = self._literals.get(text, [])
        else:
            ordered = (self._literal_heads, self._literal_tails)
            literal = min((one.longer(end) for one, end in zip(ordered, (head, tail), strict=True)), key=len)
        wild = min((one.agreeing(end) for one, end in ((self._heads, head), (self._tails, tail))), key=len)
        return sorted((*literal, *wild))

    def _ends(self, text: str) -> tuple[str, str]:
        """The literal beginning of a text, and its literal end written backwards."""
        first = self._open.search(text)
        if first is None:
            return text, text[::-1]
        turned = text[::-1]
        last = self._open.search(turned)
        return text[: first.start()], turned[: last.start()] if last is not None else turned

    @cached_property
    def _literal_heads(self) -> _Beginnings:
        return _Beginnings((one, place) for one, places in self._literals.items() for place in places)

    @cached_property
    def _literal_tails(self) -> _Beginnings:
        return _Beginnings((one[::-1], place) for one, places in self._literals.items() for place in places)


_LAST = "\U0010ffff"  # sorts behind every character of a text


class _Beginnings:
    """Texts, each with a number, to be found by what they begin with."""

    def __init__(self, texts: Iterable[tuple[str, int]]) -> None:
        ordered = sorted(texts)
        self._texts = [text for text, _ in ordered]
        self._numbers = [number for _, number in ordered]
        self._lengths = sorted({len(text) for text in self._texts})

    def longer(self, start: str) -> list[int]:
        """The numbers of the texts that begin with ``start``."""
        return self._numbers[bisect_left(self._texts, start) : bisect_right(self._texts, start + _LAST)]

    def agreeing(self, text: str) -> list[int]:
        """The numbers of the texts that begin with ``text``, and of those that ``text`` begins with."""
        found = self.longer(text)
        for length in self._lengths:
            if length >= len(text):
                break
            start = text[:length]
            found += self._numbers[bisect_left(self._texts, start) : bisect_right(self._texts, start)]
        return found
