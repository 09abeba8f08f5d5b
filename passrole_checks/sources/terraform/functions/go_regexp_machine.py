"""The machine that runs a regular expression over a text, and the pieces that its programs are written with.

It follows RE2's bit-state machine: a place of the program and a place of the text are looked at once together, so that
the time grows with the two and no faster. The leftmost match wins, and of those the first by the order of the
alternatives. Source: Russ Cox, "Regular Expression Matching in the Wild"; package ``regexp`` of Go.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from passrole_checks.iam import deadline

MAX_STEPS = 400_000  # steps of the machine over one text
_MAX_INSTRUCTIONS = 4_000

Test = Callable[[str], bool]


class Unsupported(ValueError):
    """A pattern, or a text, that this engine does not take on."""


@dataclass
class Instruction:
    """A step: ``char``, ``split`` (two ways, the first preferred), ``jump``, ``save``, ``assert`` or ``match``."""

    kind: str
    test: Test | None = None
    first: int = 0
    second: int = 0
    word: str = ""


@dataclass(frozen=True)
class Match:
    """The places of the whole match and of each group (-1 where a group took no part)."""

    text: str
    slots: tuple[int, ...]

    @property
    def start(self) -> int:
        """The place of the first character."""
        return self.slots[0]

    @property
    def end(self) -> int:
        """The place behind the last character."""
        return self.slots[1]

    def group(self, number: int) -> str | None:
        """The text of a group, None where it took no part in the match."""
        start, end = self.slots[2 * number], self.slots[2 * number + 1]
        return self.text[start:end] if start >= 0 else None


@dataclass
class Regexp:
    """A compiled pattern. ``names`` holds the name of each group, None for those without one."""

    program: list[Instruction]
    names: list[str | None] = field(default_factory=list)

    def matches(self, text: str, budget: list[int] | None = None) -> Iterator[Match]:
        """All matches, none overlapping; an empty one right behind another is left out.

        ``budget`` holds the number of steps that may be taken, and what is left of it afterwards.
        Raises :class:`Unsupported` where they do not suffice.
        """
        place, last = 0, -1
        budget = budget if budget is not None else [MAX_STEPS]
        while place <= len(text):
            found = self.search(text, place, budget)
            if found is None:
                return
            accepted = not (found.end == found.start == last)
            place = found.end if found.end > place else place + 1
            last = found.end
            if accepted:
                yield found

    def search(self, text: str, place: int = 0, budget: list[int] | None = None) -> Match | None:
        """The first match at or behind a place. Raises :class:`Unsupported` where it would take too long."""
        budget = budget if budget is not None else [MAX_STEPS]
        seen: set[int] = set()
        for start in range(place, len(text) + 1):
            slots = self._run(text, start, seen, budget)
            if slots is not None:
                return Match(text, tuple(slots))
        return None

    def _run(self, text: str, start: int, seen: set[int], budget: list[int]) -> list[int] | None:
        slots = [-1] * (2 * len(self.names) + 2)
        pending: list[tuple[int, int, int]] = [(0, start, -1)]  # an instruction and a place, or a slot to put back
        while pending:
            deadline.check()
            counter, place, slot = pending.pop()
            if slot >= 0:
                slots[slot] = place
                continue
            while (key := counter * (len(text) + 1) + place) not in seen:
                budget[0] -= 1
                if budget[0] < 0:
                    raise Unsupported("a regular expression over a text too long")
                seen.add(key)
                step = self.program[counter]
                if step.kind == "match":
                    slots[0], slots[1] = start, place
                    return slots
                if step.kind == "char":
                    if place >= len(text) or step.test is None or not step.test(text[place]):
                        break
                    counter, place = counter + 1, place + 1
                elif step.kind == "split":
                    pending.append((step.second, place, -1))
                    counter = step.first
                elif step.kind == "jump":
                    counter = step.first
                elif step.kind == "save":
                    pending.append((0, slots[step.first], step.first))
                    slots[step.first] = place
                    counter += 1
                elif _assertion_matches(step.word, text, place):
                    counter += 1
                else:
                    break
        return None


def _assertion_matches(word: str, text: str, place: int) -> bool:
    if word == "begin":
        return place == 0
    if word == "end":
        return place == len(text)
    if word == "line begin":
        return place == 0 or text[place - 1] == "\n"
    if word == "line end":
        return place == len(text) or text[place] == "\n"
    before = place > 0 and is_word_character(text[place - 1])
    after = place < len(text) and is_word_character(text[place])
    return (before is not after) is (word == "border")


def is_word_character(letter: str) -> bool:
    """Whether a character is one of ``\\w``: an ASCII letter, a digit or an underscore."""
    return letter.isascii() and (letter.isalnum() or letter == "_")


Writer = Callable[[list[Instruction]], None]
"""Appends the instructions of a part of a pattern to a program; raises :class:`Unsupported` if it grows too large."""


def _append(program: list[Instruction], step: Instruction) -> Instruction:
    if len(program) > _MAX_INSTRUCTIONS:
        raise Unsupported("a regular expression too large")
    program.append(step)
    return step


def character(test: Test) -> Writer:
    """One character that a test accepts."""

    def write(program: list[Instruction]) -> None:
        _append(program, Instruction("char", test))

    return write


def assertion(word: str) -> Writer:
    """A place that must be ``begin`` or ``end`` (of text or ``line``), the ``border`` of a word, or ``inside`` one."""

    def write(program: list[Instruction]) -> None:
        _append(program, Instruction("assert", word=word))

    return write


def sequence(nodes: list[Writer]) -> Writer:
    """One part behind the other."""

    def write(program: list[Instruction]) -> None:
        for node in nodes:
            node(program)

    return write


def capture_group(node: Writer, number: int) -> Writer:
    """A part whose places are kept as those of a group."""

    def write(program: list[Instruction]) -> None:
        _append(program, Instruction("save", first=2 * number))
        node(program)
        _append(program, Instruction("save", first=2 * number + 1))

    return write


def alternation(branches: list[Writer]) -> Writer:
    """The first of the branches with which the whole matches."""
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
    """A part ``least`` to ``most`` times (None: any number), as often or, if ``lazy``, as seldom as possible."""

    def fork(program: list[Instruction]) -> Instruction:
        return _append(program, Instruction("split", first=len(program) + 1, second=len(program) + 1))

    def leave(step: Instruction, place: int) -> None:
        if lazy:
            step.first = place
        else:
            step.second = place

    def write(program: list[Instruction]) -> None:
        for _ in range(least):
            start = len(program)
            node(program)
            if len(program) == start:
                break  # nothing, however often
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
