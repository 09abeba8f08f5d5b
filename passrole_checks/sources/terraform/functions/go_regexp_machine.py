"""Programs of Go regular expressions, and the backtracking machine that runs them.

The machine follows RE2's bit-state matcher: each pair of instruction and text position is visited once, so that the run
time is bounded by the product of the two sizes. The leftmost match wins, then the first alternative.
Source: Russ Cox, "Regular Expression Matching in the Wild"; package ``regexp`` of Go.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import field

from passrole_checks.iam import deadline
from passrole_checks.iam.fast_dataclass import dataclass

MAX_STEPS = 400_000  # per text
_MAX_INSTRUCTIONS = 4_000

Test = Callable[[str], bool]


class Unsupported(ValueError):
    """Raised for a pattern or a text that exceeds the limits or uses unsupported syntax."""


@dataclass
class Instruction:
    """An instruction: ``char``, ``split`` (prefers ``first``), ``jump``, ``save``, ``assert`` or ``match``."""

    kind: str
    test: Test | None = None
    first: int = 0
    second: int = 0
    word: str = ""


@dataclass(frozen=True)
class Match:
    """The start and end offsets of the match and of each group (-1 for a group that did not participate)."""

    text: str
    slots: tuple[int, ...]

    @property
    def start(self) -> int:
        """The offset of the first character."""
        return self.slots[0]

    @property
    def end(self) -> int:
        """The offset after the last character."""
        return self.slots[1]

    def group(self, number: int) -> str | None:
        """Return the text of a group; None if it did not participate in the match."""
        start, end = self.slots[2 * number], self.slots[2 * number + 1]
        return self.text[start:end] if start >= 0 else None


@dataclass
class Regexp:
    """A compiled pattern. ``names`` contains the name of each group, None for unnamed groups."""

    program: list[Instruction]
    names: list[str | None] = field(default_factory=list)

    def matches(self, text: str, budget: list[int] | None = None) -> Iterator[Match]:
        """Yield all non-overlapping matches; an empty match right after another one is skipped.

        ``budget`` is a list of one number, the steps that may be taken; it is reduced by those that were taken. Raises
        :class:`Unsupported` if they do not suffice.
        """
        position, last = 0, -1
        budget = budget if budget is not None else [MAX_STEPS]
        while position <= len(text):
            match = self.search(text, position, budget)
            if match is None:
                return
            accepted = not (match.end == match.start == last)
            position = match.end if match.end > position else position + 1
            last = match.end
            if accepted:
                yield match

    def search(self, text: str, position: int = 0, budget: list[int] | None = None) -> Match | None:
        """Return the first match at or after a position. Raises :class:`Unsupported` if the budget does not suffice."""
        budget = budget if budget is not None else [MAX_STEPS]
        seen: set[int] = set()
        for start in range(position, len(text) + 1):
            slots = self._run(text, start, seen, budget)
            if slots is not None:
                return Match(text, tuple(slots))
        return None

    def _run(self, text: str, start: int, seen: set[int], budget: list[int]) -> list[int] | None:
        slots = [-1] * (2 * len(self.names) + 2)
        pending: list[tuple[int, int, int]] = [(0, start, -1)]  # an instruction and a position, or a slot to restore
        while pending:
            deadline.check()
            counter, position, slot = pending.pop()
            if slot >= 0:
                slots[slot] = position
                continue
            while (key := counter * (len(text) + 1) + position) not in seen:
                budget[0] -= 1
                if budget[0] < 0:
                    raise Unsupported("the text is too long for a regular expression")
                seen.add(key)
                instruction = self.program[counter]
                if instruction.kind == "match":
                    slots[0], slots[1] = start, position
                    return slots
                if instruction.kind == "char":
                    if position >= len(text) or instruction.test is None or not instruction.test(text[position]):
                        break
                    counter, position = counter + 1, position + 1
                elif instruction.kind == "split":
                    pending.append((instruction.second, position, -1))
                    counter = instruction.first
                elif instruction.kind == "jump":
                    counter = instruction.first
                elif instruction.kind == "save":
                    pending.append((0, slots[instruction.first], instruction.first))
                    slots[instruction.first] = position
                    counter += 1
                elif _assertion_matches(instruction.word, text, position):
                    counter += 1
                else:
                    break
        return None


def _assertion_matches(word: str, text: str, position: int) -> bool:
    if word == "begin":
        return position == 0
    if word == "end":
        return position == len(text)
    if word == "line begin":
        return position == 0 or text[position - 1] == "\n"
    if word == "line end":
        return position == len(text) or text[position] == "\n"
    before = position > 0 and is_word_character(text[position - 1])
    after = position < len(text) and is_word_character(text[position])
    return (before is not after) is (word == "border")


def is_word_character(character: str) -> bool:
    """True for ``\\w``: an ASCII letter, a digit or an underscore."""
    return character.isascii() and (character.isalnum() or character == "_")


Writer = Callable[[list[Instruction]], None]
"""Appends the instructions of a subpattern to a program; raises :class:`Unsupported` if it grows too large."""


def _append(program: list[Instruction], step: Instruction) -> Instruction:
    if len(program) > _MAX_INSTRUCTIONS:
        raise Unsupported("the regular expression is too large")
    program.append(step)
    return step


def match_character(test: Test) -> Writer:
    """Match one character that a test accepts."""

    def write(program: list[Instruction]) -> None:
        _append(program, Instruction("char", test))

    return write


def assertion(word: str) -> Writer:
    """Match at ``begin``, ``end``, ``line begin``, ``line end``, a word ``border``, or any other position
    (``inside``)."""

    def write(program: list[Instruction]) -> None:
        _append(program, Instruction("assert", word=word))

    return write


def sequence(nodes: list[Writer]) -> Writer:
    """Match subpatterns one after the other."""

    def write(program: list[Instruction]) -> None:
        for node in nodes:
            node(program)

    return write


def capture_group(node: Writer, number: int) -> Writer:
    """Match a subpattern and save its offsets as those of a group."""

    def write(program: list[Instruction]) -> None:
        _append(program, Instruction("save", first=2 * number))
        node(program)
        _append(program, Instruction("save", first=2 * number + 1))

    return write


def alternation(branches: list[Writer]) -> Writer:
    """Match the first branch with which the whole pattern matches."""
    if len(branches) == 1:
        return branches[0]

    def write(program: list[Instruction]) -> None:
        jumps: list[Instruction] = []
        for node in branches[:-1]:
            step = _append(program, Instruction("split", first=len(program) + 1))
            node(program)
            jumps.append(_append(program, Instruction("jump")))
            step.second = len(program)
        branches[-1](program)
        for jump in jumps:
            jump.first = len(program)

    return write


def repeat(node: Writer, least: int, most: int | None, lazy: bool) -> Writer:
    """Match a subpattern ``least`` to ``most`` times (None: unlimited), greedily unless ``lazy``."""

    def fork(program: list[Instruction]) -> Instruction:
        return _append(program, Instruction("split", first=len(program) + 1, second=len(program) + 1))

    def leave(step: Instruction, target: int) -> None:
        if lazy:
            step.first = target
        else:
            step.second = target

    def write(program: list[Instruction]) -> None:
        for _ in range(least):
            start = len(program)
            node(program)
            if len(program) == start:
                break  # an empty subpattern
        if most is None:
            first = fork(program) if not least else None
            if first is not None:
                start = len(program)
                node(program)
            again = _append(program, Instruction("split", first=start, second=start))
            leave(again, len(program))
            if first is not None:
                leave(first, len(program))
            return
        forks: list[Instruction] = []
        for _ in range(most - least):
            forks.append(fork(program))
            node(program)
        for step in forks:
            leave(step, len(program))

    return write
