"""Finite automata for patterns: membership, and the basis for intersection and inclusion of pattern sets.

A pattern is a union of token sequences. Its automaton runs by subset construction over a finite alphabet: the
characters that the patterns mention, and one fresh character of each class that represents all others.
"""

from __future__ import annotations

import string
from collections.abc import Iterator, Sequence
from functools import lru_cache

from passrole_checks.iam import deadline
from passrole_checks.iam.fast_dataclass import dataclass

NAME_CHARACTERS = frozenset(string.ascii_letters + string.digits + "+=,.@_-")
_DIGITS = frozenset(string.digits)
# represents one unknown name; not valid in AWS role names, but a name character here
UNKNOWN_NAME = "\u03b6"
_MAX_POSITIONS = 400_000  # positions cached, some 50 MB
_PATH_ONLY = "!#%&()[]^|~<>;'\"{}$\\`"


@dataclass(frozen=True, slots=True)
class Token:
    """One step: one of ``chars`` (None: any except ``excluded``), once or, if ``repeated``, any number of times."""

    chars: frozenset[str] | None
    repeated: bool = False
    excluded: frozenset[str] = frozenset()

    def accepts(self, char: str) -> bool:
        """True if the token matches ``char``."""
        return char not in self.excluded if self.chars is None else char in self.chars

    def within(self, other: Token) -> bool:
        """True if the other token matches every character that this one matches."""
        if self.chars is not None:
            return all(map(other.accepts, self.chars))
        return other.chars is None and other.excluded <= self.excluded


Sequences = tuple[tuple[Token, ...], ...]
States = frozenset[tuple[int, int]]


@lru_cache(maxsize=1024)
def literal_tokens(text: str) -> tuple[Token, ...]:
    """Return one token for each character of ``text``."""
    return tuple(Token(frozenset(char)) for char in text)


class OverBudgetError(Exception):
    """Raised if deciding a pattern takes too much memory."""


class Machine:
    """The automaton of a union of token sequences; a state is a set of (sequence, position).

    Subset construction can explode: after ``_MAX_POSITIONS`` positions :class:`OverBudgetError` is raised.
    """

    def __init__(self, sequences: Sequences) -> None:
        self.sequences = sequences
        self._subsumed_from = tuple(map(_subsumption_starts, sequences))
        self.steps: dict[tuple[States, str], States] = {}
        self.memory = 0
        self.start = self._closure((index, 0) for index in range(len(sequences)))

    def _closure(self, positions: Iterator[tuple[int, int]]) -> States:
        states: set[tuple[int, int]] = set()
        last: dict[int, int] = {}  # the last run reached in each sequence
        for index, position in positions:
            tokens = self.sequences[index]
            states.add((index, position))
            while position < len(tokens) and tokens[position].repeated:
                last[index] = max(position, last.get(index, 0))
                position += 1
                states.add((index, position))
        if len(states) <= len(last) + 1:
            return frozenset(states)
        # everything that an earlier position could still match, such a run and its successors match
        return frozenset(
            (index, position)
            for index, position in states
            if index not in last or not self._subsumed_from[index][last[index]] <= position < last[index]
        )

    def step(self, states: States, char: str) -> States:
        """Return the states after one more character. Raises :class:`OverBudgetError`."""
        key = (states, char)
        cached = self.steps.get(key)
        if cached is None:
            deadline.check()
            cached = self.steps[key] = self._closure(self._after(states, char))
            self.memory += len(cached)
            if self.memory > _MAX_POSITIONS:
                self.steps.clear()
                raise OverBudgetError
        return cached

    def _after(self, states: States, char: str) -> Iterator[tuple[int, int]]:
        for index, position in states:
            tokens = self.sequences[index]
            if position < len(tokens) and tokens[position].accepts(char):
                yield index, position if tokens[position].repeated else position + 1

    def run(self, states: States, text: str) -> States:
        """Return the states after all characters of ``text``."""
        for char in text:
            states = self.step(states, char)
        return states

    def accepts(self, states: States) -> bool:
        """True if one of the sequences is complete."""
        return any(position == len(self.sequences[index]) for index, position in states)

    def matches(self, text: str) -> bool:
        """True if one of the sequences matches the whole of ``text``."""
        return self.accepts(self.run(self.start, text))

    def distinguished(self) -> set[str]:
        """Return the characters that this automaton distinguishes."""
        characters: set[str] = set()
        for tokens in self.sequences:
            for token in tokens:
                if token.chars is not None and len(token.chars) == 1:
                    characters |= token.chars
        return characters


def _subsumption_starts(tokens: tuple[Token, ...]) -> dict[int, int]:
    """Map the position of each run in a sequence to the first position from which the run subsumes everything in
    between."""
    starts: dict[int, int] = {}
    for position, token in enumerate(tokens):
        if not token.repeated:
            continue
        start = position
        while start and tokens[start - 1].within(token):
            start -= 1
            if tokens[start] == token:  # computed already
                start = starts[start]
                break
        starts[position] = start
    return starts


@dataclass(frozen=True, slots=True)
class Alphabet:
    """The characters to try: digits for account ids; name and path characters. ``fresh`` characters each represent all
    characters of their class that no pattern mentions."""

    digits: tuple[str, ...]
    name: tuple[str, ...]
    path_only: tuple[str, ...]
    fresh: frozenset[str]


def alphabet(machines: Sequence[Machine]) -> Alphabet:
    """Return the smallest alphabet that distinguishes the automata."""
    mentioned = set().union(*(machine.distinguished() for machine in machines)) if machines else set()
    digits = sorted(mentioned & set(string.digits))
    fresh_digit = next((char for char in string.digits if char not in mentioned), None)
    names = sorted(mentioned & (NAME_CHARACTERS | {UNKNOWN_NAME}))
    fresh_name = next((char for char in "qzjkxwQZJKXW" + string.printable
                       if char in NAME_CHARACTERS and char not in mentioned), None)  # fmt: skip
    # if a pattern uses digits as a class (an account id inside a name), names need a digit as well
    by_digit = any(
        token.chars is not None and len(token.chars) > 1 and token.chars <= _DIGITS
        for machine in machines
        for tokens in machine.sequences
        for token in tokens
    )
    digit_in_name = fresh_digit if by_digit else None
    paths = sorted(mentioned & set(_PATH_ONLY))
    fresh_path = next((char for char in _PATH_ONLY if char not in mentioned), None)
    return Alphabet(
        digits=(*digits, *([fresh_digit] if fresh_digit else [])),
        name=(*names, *(char for char in (digit_in_name, fresh_name) if char)),
        path_only=(*paths, *([fresh_path] if fresh_path else [])),
        fresh=frozenset(char for char in (digit_in_name, fresh_name, fresh_path) if char),
    )
