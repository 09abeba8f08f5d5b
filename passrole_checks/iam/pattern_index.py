"""Many patterns, of which those are found that may match a text, without comparing each of them."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property

from passrole_checks.iam import deadline


class PatternIndex:
    """Patterns, arranged by their literal text.

    ``is_open`` matches a character that is no literal one, in patterns and in texts.
    """

    def __init__(self, patterns: Sequence[str], is_open: re.Pattern[str]) -> None:
        self._open = is_open
        self._literals: dict[str, list[int]] = {}
        self._wild: list[tuple[str, int]] = []
        for place, one in enumerate(patterns):
            if is_open.search(one) is None:
                self._literals.setdefault(one, []).append(place)
            else:
                self._wild.append((one, place))

    def near(self, text: str) -> list[int]:
        """Return the places of all patterns that may match a text, and of some others, in their order.

        A pattern and a text can only match if their literal beginnings and ends agree as far as both go.
        """
        head, tail = self._ends(text)
        if head == text:
            literal = self._literals.get(text, [])
        else:
            ordered = (self._literal_heads, self._literal_tails)
            literal = min((one.longer(end) for one, end in zip(ordered, (head, tail), strict=True)), key=len)
        heads, tails, without_head = self._wild_ends
        wild = min((one.agreeing(end) for one, end in ((heads, head), (tails, tail))), key=len)
        return sorted((*literal, *wild, *without_head.agreeing(tail)))

    def spelled_in(self, text: str) -> list[int]:
        """Return the places of all patterns whose literal text is in ``text``, and of some others, in their order.

        These are all that match ``text`` if it is a literal one, or if the open characters in it are taken as they are.
        """
        return sorted((*self._literals.get(text, ()), *self._pieces.within(text)))

    def _ends(self, text: str) -> tuple[str, str]:
        """The literal beginning of a text, and its literal end written backwards."""
        first = self._open.search(text)
        if first is None:
            return text, text[::-1]
        turned = text[::-1]
        last = self._open.search(turned)
        return text[: first.start()], turned[: last.start()] if last is not None else turned

    @cached_property
    def _wild_ends(self) -> tuple[_Beginnings, _Beginnings, _Beginnings]:
        """The beginnings and the ends of the patterns that begin with literal text, and the ends of the others."""
        ends = [(*self._ends(one), place) for one, place in self._wild]
        return (
            _Beginnings((head, place) for head, _, place in ends if head),
            _Beginnings((tail, place) for head, tail, place in ends if head),
            _Beginnings((tail, place) for head, tail, place in ends if not head),
        )

    @cached_property
    def _pieces(self) -> _Pieces:
        return _Pieces([(self._open.split(one), place) for one, place in self._wild])

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


_LONGEST_PIECE = 4  # characters: more find hardly fewer patterns, and a text has more pieces to look up


class _Pieces:
    """Lists of literal texts, each with a number, to be found by a piece that few of the lists contain."""

    def __init__(self, lists: Iterable[tuple[Iterable[str], int]]) -> None:
        pieces = [(frozenset(piece for text in texts for piece in _pieces_of(text)), number) for texts, number in lists]
        often = Counter(piece for own, _ in pieces for piece in own)
        self._numbers: dict[str, list[int]] = {}
        for own, number in pieces:
            rarest = min(own, key=lambda piece: (often[piece], piece), default="")
            self._numbers.setdefault(rarest, []).append(number)
        self._lengths = {len(piece) for piece in self._numbers}

    def within(self, text: str) -> Iterator[int]:
        """Return the numbers of the lists whose texts are all in ``text``, and some others."""
        deadline.check()
        for length in self._lengths:
            for piece in {text[start : start + length] for start in range(len(text) - length + 1)}:
                yield from self._numbers.get(piece, ())


def _pieces_of(text: str) -> Iterator[str]:
    if text:
        yield from (text[start : start + _LONGEST_PIECE] for start in range(max(1, len(text) - _LONGEST_PIECE + 1)))
