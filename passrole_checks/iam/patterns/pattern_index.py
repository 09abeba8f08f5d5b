"""Index of many patterns: find those that may match a string without comparing each of them."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property

from passrole_checks.iam import deadline


class PatternIndex:
    """Patterns indexed by their literal text.

    ``is_open`` matches a non-literal character, in patterns and in strings.
    """

    def __init__(self, patterns: Sequence[str], is_open: re.Pattern[str]) -> None:
        self._open = is_open
        self._literals: dict[str, list[int]] = {}
        self._wild: list[tuple[str, int]] = []
        self._count = len(patterns)
        for position, pattern in enumerate(patterns):
            if is_open.search(pattern) is None:
                self._literals.setdefault(pattern, []).append(position)
            else:
                self._wild.append((pattern, position))

    def near(self, text: str) -> list[int]:
        """Return the positions of a superset of the patterns that may match ``text``, in their order.

        A pattern and a string can match only if their literal prefixes and suffixes agree as far as both extend.
        """
        head, tail = self._ends(text)
        if head == text:
            literal = self._literals.get(text, [])
        else:
            ordered = (self._literal_heads, self._literal_tails)
            literal = min(
                (prefixes.extending(end) for prefixes, end in zip(ordered, (head, tail), strict=True)), key=len
            )
        heads, tails, without_head = self._wild_ends
        wild = min((prefixes.compatible(end) for prefixes, end in ((heads, head), (tails, tail))), key=len)
        return sorted((*literal, *wild, *without_head.compatible(tail)))

    def contained_in(self, text: str) -> list[int]:
        """Return the positions of a superset of the patterns whose literal text occurs in ``text``, in their order.

        These are all patterns that match ``text`` if it is literal, or if its open characters are taken literally.
        """
        return sorted((*self._literals.get(text, ()), *self._pieces.within(text)))

    def within(self, text: str) -> Iterable[int]:
        """Return the positions of a superset of the patterns that ``text``, itself a pattern, includes.

        A pattern can be included only if its literal text contains that of ``text``. Patterns without literal text are
        always returned.
        """
        pieces = [piece for piece in self._open.split(text) if piece]
        if not pieces:
            return range(self._count)
        rare = (pieces[0], pieces[-1], max(pieces, key=len))
        return {*self._without_text, *min((self._suffixes.extending(piece[:_MAX_SUFFIX]) for piece in rare), key=len)}

    def _ends(self, text: str) -> tuple[str, str]:
        """Return the literal prefix of a string, and its literal suffix reversed."""
        first = self._open.search(text)
        if first is None:
            return text, text[::-1]
        turned = text[::-1]
        last = self._open.search(turned)
        return text[: first.start()], turned[: last.start()] if last is not None else turned

    @cached_property
    def _wild_ends(self) -> tuple[_Prefixes, _Prefixes, _Prefixes]:
        """The prefixes and suffixes of the patterns that have a literal prefix, and the suffixes of the others."""
        ends = [(*self._ends(pattern), position) for pattern, position in self._wild]
        return (
            _Prefixes((head, position) for head, _, position in ends if head),
            _Prefixes((tail, position) for head, tail, position in ends if head),
            _Prefixes((tail, position) for head, tail, position in ends if not head),
        )

    @cached_property
    def _pieces(self) -> _Substrings:
        return _Substrings([(self._open.split(pattern), position) for pattern, position in self._wild])

    @cached_property
    def _without_text(self) -> list[int]:
        return [position for pattern, position in self._wild if not any(self._open.split(pattern))]

    @cached_property
    def _suffixes(self) -> _Prefixes:
        """The suffixes of all literal texts of the patterns, each as far as it is compared."""
        literals = ((pattern, position) for pattern, positions in self._literals.items() for position in positions)
        return _Prefixes(
            (piece[start : start + _MAX_SUFFIX], position)
            for pattern, position in (*literals, *self._wild)
            for piece in self._open.split(pattern)
            for start in range(len(piece))
        )

    @cached_property
    def _literal_heads(self) -> _Prefixes:
        return _Prefixes((pattern, position) for pattern, positions in self._literals.items() for position in positions)

    @cached_property
    def _literal_tails(self) -> _Prefixes:
        return _Prefixes(
            (pattern[::-1], position) for pattern, positions in self._literals.items() for position in positions
        )


_LAST = "\U0010ffff"  # sorts after every character
_MAX_SUFFIX = 12  # characters: few literal texts agree in more


class _Prefixes:
    """Numbered strings, searchable by prefix."""

    def __init__(self, texts: Iterable[tuple[str, int]]) -> None:
        ordered = sorted(texts)
        self._texts = [text for text, _ in ordered]
        self._numbers = [number for _, number in ordered]
        self._lengths = sorted({len(text) for text in self._texts})

    def extending(self, start: str) -> list[int]:
        """Return the numbers of the strings that begin with ``start``."""
        return self._numbers[bisect_left(self._texts, start) : bisect_right(self._texts, start + _LAST)]

    def compatible(self, text: str) -> list[int]:
        """Return the numbers of the strings that are a prefix of ``text``, or have it as a prefix."""
        numbers = self.extending(text)
        for length in self._lengths:
            if length >= len(text):
                break
            start = text[:length]
            numbers += self._numbers[bisect_left(self._texts, start) : bisect_right(self._texts, start)]
        return numbers


_MAX_LENGTH = 4  # characters: longer pieces hardly narrow the result and cost more look-ups


class _Substrings:
    """Numbered lists of literal strings, searchable by a substring that few of the lists contain."""

    def __init__(self, lists: Iterable[tuple[Iterable[str], int]]) -> None:
        pieces = [
            (frozenset(piece for text in texts for piece in _substrings_of(text)), number) for texts, number in lists
        ]
        often = Counter(piece for own, _ in pieces for piece in own)
        self._numbers: dict[str, list[int]] = {}
        for own, number in pieces:
            rarest = min(own, key=lambda piece: (often[piece], piece), default="")
            self._numbers.setdefault(rarest, []).append(number)
        self._lengths = {len(piece) for piece in self._numbers}

    def within(self, text: str) -> Iterator[int]:
        """Return the numbers of a superset of the lists whose strings all occur in ``text``."""
        deadline.check()
        for length in self._lengths:
            for piece in {text[start : start + length] for start in range(len(text) - length + 1)}:
                yield from self._numbers.get(piece, ())


def _substrings_of(text: str) -> Iterator[str]:
    if text:
        yield from (text[start : start + _MAX_LENGTH] for start in range(max(1, len(text) - _MAX_LENGTH + 1)))
