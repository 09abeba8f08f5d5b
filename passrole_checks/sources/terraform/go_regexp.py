"""Regular expressions as Go's package ``regexp`` reads them, in time that grows with the text and no faster.

Python's engine differs from it in syntax and in what it takes: a pattern can make it run for ever. This one follows
RE2's bit-state machine: a place of the program and a place of the text are looked at once together. The leftmost match
wins, and of those the first by the order of the alternatives. Source: package regexp/syntax of Go, "Syntax".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

_MOST_INSTRUCTIONS = 4_000
MOST_WORK = 400_000  # steps of the machine over one text
_MOST_REPEATS = 1_000  # Go's own limit
_DEPTH = 40

Test = Callable[[str], bool]


class BadPattern(ValueError):
    """A pattern that Go refuses."""


class Unsupported(ValueError):
    """A pattern, or a text, that this engine does not take on."""


@dataclass
class _Instruction:
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
        return self.slots[0]

    @property
    def end(self) -> int:
        return self.slots[1]

    def group(self, number: int) -> str | None:
        start, end = self.slots[2 * number], self.slots[2 * number + 1]
        return self.text[start:end] if start >= 0 else None


@dataclass
class Regexp:
    """A compiled pattern. ``names`` holds the name of each group, None for those without one."""

    program: list[_Instruction]
    names: list[str | None] = field(default_factory=list)

    def matches(self, text: str, budget: list[int] | None = None) -> Iterator[Match]:
        """All matches, none overlapping; an empty one right behind another is left out.

        ``budget`` holds the number of steps that may be taken, and what is left of it afterwards.
        Raises :class:`Unsupported` where they do not suffice.
        """
        place, last = 0, -1
        budget = budget if budget is not None else [MOST_WORK]
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
        budget = budget if budget is not None else [MOST_WORK]
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
                elif _holds(step.word, text, place):
                    counter += 1
                else:
                    break
        return None


def _holds(word: str, text: str, place: int) -> bool:
    if word == "begin":
        return place == 0
    if word == "end":
        return place == len(text)
    if word == "line begin":
        return place == 0 or text[place - 1] == "\n"
    if word == "line end":
        return place == len(text) or text[place] == "\n"
    before = place > 0 and _word(text[place - 1])
    after = place < len(text) and _word(text[place])
    return (before is not after) is (word == "border")


def _word(letter: str) -> bool:
    return letter.isascii() and (letter.isalnum() or letter == "_")


@dataclass
class _Flags:
    fold: bool = False  # i
    lines: bool = False  # m
    dot: bool = False  # s
    lazy: bool = False  # U


_CLASSES: dict[str, Test] = {
    "d": lambda letter: "0" <= letter <= "9",
    "w": _word,
    "s": lambda letter: letter in "\t\n\f\r ",
}
_POSIX: dict[str, Test] = {
    "alnum": lambda letter: letter.isascii() and letter.isalnum(),
    "alpha": lambda letter: letter.isascii() and letter.isalpha(),
    "ascii": str.isascii,
    "blank": lambda letter: letter in "\t ",
    "cntrl": lambda letter: letter < " " or letter == "\x7f",
    "digit": _CLASSES["d"],
    "graph": lambda letter: "!" <= letter <= "~",
    "lower": lambda letter: "a" <= letter <= "z",
    "print": lambda letter: " " <= letter <= "~",
    "punct": lambda letter: "!" <= letter <= "~" and not letter.isalnum(),
    "space": lambda letter: letter in "\t\n\v\f\r ",
    "upper": lambda letter: "A" <= letter <= "Z",
    "word": _word,
    "xdigit": lambda letter: letter in "0123456789abcdefABCDEF",
}
_ESCAPED = {"a": "\a", "f": "\f", "t": "\t", "n": "\n", "r": "\r", "v": "\v"}


def compile_go(pattern: str) -> Regexp:
    """Compile a pattern. Raises :class:`BadPattern` for what Go refuses, :class:`Unsupported` for what is not read."""
    reader = _Reader(pattern)
    node = reader.alternatives(0)
    if reader.place < len(reader.pattern):
        raise BadPattern("a parenthesis that was not opened")
    program: list[_Instruction] = []
    node(program)
    program.append(_Instruction("match"))
    return Regexp(program, reader.names)


_Node = Callable[[list[_Instruction]], None]


def _add(program: list[_Instruction], step: _Instruction) -> _Instruction:
    if len(program) > _MOST_INSTRUCTIONS:
        raise Unsupported("a regular expression too large")
    program.append(step)
    return step


class _Reader:
    """Reads a pattern into functions that write its program."""

    def __init__(self, pattern: str) -> None:
        self.pattern, self.place, self.flags = pattern, 0, _Flags()
        self.names: list[str | None] = []

    def peek(self, size: int = 1) -> str:
        return self.pattern[self.place : self.place + size]

    def alternatives(self, depth: int) -> _Node:
        if depth > _DEPTH:
            raise Unsupported("a regular expression nested too deeply")
        branches = [self.sequence(depth)]
        while self.peek() == "|":
            self.place += 1
            branches.append(self.sequence(depth))
        return _either(branches)

    def sequence(self, depth: int) -> _Node:
        found: list[_Node] = []
        while self.peek() not in ("", "|", ")"):
            node = self.atom(depth)
            if node is not None:
                found.append(self.repeated(node))
        return _all(found)

    def repeated(self, node: _Node) -> _Node:
        bounds = self.bounds()
        if bounds is None:
            return node
        least, most = bounds
        lazy = self.peek() == "?"
        self.place += lazy
        if self.bounds() is not None:
            raise BadPattern("a repetition of a repetition")
        return _repeat(node, least, most, lazy is not self.flags.lazy)

    def bounds(self) -> tuple[int, int | None] | None:
        sign = self.peek()
        if sign in ("*", "+", "?") and sign:
            self.place += 1
            return {"*": (0, None), "+": (1, None), "?": (0, 1)}[sign]
        if sign != "{":
            return None
        end = self.pattern.find("}", self.place)
        least, comma, most = self.pattern[self.place + 1 : end].partition(",")
        if end < 0 or not least.isdecimal() or (most and not most.isdecimal()):
            return None  # a brace that stands for itself
        self.place = end + 1
        low, high = int(least[:6]), int(most[:6]) if most else None if comma else int(least[:6])
        if low > _MOST_REPEATS or (high is not None and (high > _MOST_REPEATS or high < low)):
            raise BadPattern("a repetition out of range")
        return low, high

    def atom(self, depth: int) -> _Node | None:
        letter = self.peek()
        self.place += 1
        if letter == "(":
            return self.group(depth)
        if letter == "[":
            return _one(self.bracket())
        if letter == ".":
            return _one((lambda _: True) if self.flags.dot else (lambda one: one != "\n"))
        if letter == "^":
            return _check("line begin" if self.flags.lines else "begin")
        if letter == "$":
            return _check("line end" if self.flags.lines else "end")
        if letter in ("*", "+", "?"):
            raise BadPattern("a repetition of nothing")
        if letter == "\\" and self.peek() == "Q":
            self.quoted()
            return None
        if letter == "\\":
            return self.escape()
        return _one(self.letter(letter))

    def letter(self, letter: str) -> Test:
        if self.flags.fold:
            if not letter.isascii():
                raise Unsupported("a regular expression that ignores the case of letters that are not ASCII")
            both = {letter.lower(), letter.upper()}
            return lambda one: one in both
        return lambda one: one == letter

    def quoted(self) -> None:
        """Text up to ``\\E`` that stands for itself: written out, so that a repetition is one of its last letter."""
        end = self.pattern.find("\\E", self.place)
        inner = self.pattern[self.place + 1 : end if end >= 0 else None]
        plain = "".join(f"\\{one}" if one.isascii() and not one.isalnum() else one for one in inner)
        self.pattern = plain + (self.pattern[end + 2 :] if end >= 0 else "")
        self.place = 0

    def escape(self) -> _Node:
        letter = self.peek()
        if not letter:
            raise BadPattern("a backslash at the end")
        if letter in "AzbB":
            self.place += 1
            return _check({"A": "begin", "z": "end", "b": "border", "B": "inside"}[letter])
        return _one(self.escaped())

    def escaped(self) -> Test:
        """What a backslash and the letters behind it stand for."""
        letter = self.peek()
        self.place += 1
        if letter.lower() in _CLASSES and letter:
            test = _CLASSES[letter.lower()]
            return test if letter.islower() else lambda one: not test(one)
        if letter in ("p", "P"):
            raise Unsupported("a class of Unicode in a regular expression")
        return self.letter(self.character(letter))

    def character(self, letter: str) -> str:
        if letter in _ESCAPED:
            return _ESCAPED[letter]
        if letter == "x":
            end = self.pattern.find("}", self.place) if self.peek() == "{" else self.place + 2
            digits = self.pattern[self.place : end].lstrip("{")
            self.place = end + (self.peek() == "{")
            if end < 0 or not digits or any(one not in "0123456789abcdefABCDEF" for one in digits) or len(digits) > 6:
                raise BadPattern("a code that is no number")
            return chr(min(int(digits, 16), 0x10FFFF))
        if not letter or letter.isalnum() or not letter.isascii():
            raise BadPattern("a backslash before a letter that it does not go with")
        return letter

    def bracket(self) -> Test:
        tests: list[Test] = []
        negated = self.peek() == "^"
        self.place += negated
        first = True
        while first or self.peek() != "]":
            first = False
            if not self.peek():
                raise BadPattern("a class that does not end")
            if self.peek(2) == "[:" and (end := self.pattern.find(":]", self.place)) > 0:
                tests.append(self.posix(self.pattern[self.place + 2 : end]))
                self.place = end + 2
                continue
            if self.peek() == "\\" and self.peek(2)[1:].lower() in ("d", "w", "s", "p"):
                self.place += 1
                tests.append(self.escaped())
                continue
            low = self.member()
            high = low
            if self.peek() == "-" and self.peek(2)[1:] not in ("]", ""):
                self.place += 1
                high = self.member()
                if high < low:
                    raise BadPattern("a range that ends before it begins")
            tests.append(self.range(low, high))
        self.place += 1
        return lambda one: any(test(one) for test in tests) is not negated

    def member(self) -> str:
        letter = self.peek()
        self.place += 1
        if letter != "\\":
            return letter
        letter = self.peek()
        self.place += 1
        return self.character(letter)

    def range(self, low: str, high: str) -> Test:
        if not self.flags.fold:
            return lambda one: low <= one <= high
        if not (low + high).isascii():
            raise Unsupported("a regular expression that ignores the case of letters that are not ASCII")
        return lambda one: low <= one <= high or (one.isascii() and low <= one.swapcase() <= high)

    def posix(self, name: str) -> Test:
        test = _POSIX.get(name.removeprefix("^"))
        if test is None:
            raise BadPattern("a class of that name does not exist")
        return (lambda one: not test(one)) if name.startswith("^") else test

    def group(self, depth: int) -> _Node | None:
        number, before = None, self.flags
        if self.peek() == "?":
            end = next((n for n in range(self.place, len(self.pattern)) if self.pattern[n] in ":)>"), None)
            if end is None:
                raise BadPattern("a group that does not end")
            head = self.pattern[self.place + 1 : end + 1]
            self.place = end + 1
            if head.startswith(("P<", "<")) and head.endswith(">") and head[:2] not in ("<=", "<!"):
                number = self.capture(head.removeprefix("P")[1:-1])
            else:
                self.flags = self.changed(head[:-1])
                if head.endswith(")"):
                    return None
                if not head.endswith(":"):
                    raise BadPattern("a group of a kind that does not exist")
        else:
            number = self.capture(None)
        inner = self.alternatives(depth + 1)
        if self.peek() != ")":
            raise BadPattern("a parenthesis that does not close")
        self.place += 1
        self.flags = before
        return inner if number is None else _saved(inner, number)

    def capture(self, name: str | None) -> int:
        if name is not None and (not name or not all(map(_word, name)) or name in self.names):
            raise BadPattern("a name that a group cannot have")
        self.names.append(name)
        return len(self.names)

    def changed(self, letters: str) -> _Flags:
        found = _Flags(self.flags.fold, self.flags.lines, self.flags.dot, self.flags.lazy)
        value = True
        for letter in letters:
            if letter == "-" and value:
                value = False
            elif letter in "imsU":
                setattr(found, {"i": "fold", "m": "lines", "s": "dot", "U": "lazy"}[letter], value)
            else:
                raise BadPattern("a group of a kind that does not exist")
        return found


def _one(test: Test) -> _Node:
    def write(program: list[_Instruction]) -> None:
        _add(program, _Instruction("char", test))

    return write


def _check(word: str) -> _Node:
    def write(program: list[_Instruction]) -> None:
        _add(program, _Instruction("assert", word=word))

    return write


def _all(nodes: list[_Node]) -> _Node:
    def write(program: list[_Instruction]) -> None:
        for node in nodes:
            node(program)

    return write


def _saved(node: _Node, number: int) -> _Node:
    def write(program: list[_Instruction]) -> None:
        _add(program, _Instruction("save", first=2 * number))
        node(program)
        _add(program, _Instruction("save", first=2 * number + 1))

    return write


def _either(branches: list[_Node]) -> _Node:
    if len(branches) == 1:
        return branches[0]

    def write(program: list[_Instruction]) -> None:
        jumps: list[_Instruction] = []
        for node in branches[:-1]:
            step = _add(program, _Instruction("split", first=len(program) + 1))
            node(program)
            jumps.append(_add(program, _Instruction("jump")))
            step.second = len(program)
        branches[-1](program)
        for jump in jumps:
            jump.first = len(program)

    return write


def _repeat(node: _Node, least: int, most: int | None, lazy: bool) -> _Node:
    def fork(program: list[_Instruction]) -> _Instruction:
        return _add(program, _Instruction("split", first=len(program) + 1, second=len(program) + 1))

    def leave(step: _Instruction, place: int) -> None:
        if lazy:
            step.first = place
        else:
            step.second = place

    def write(program: list[_Instruction]) -> None:
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
            again = _add(program, _Instruction("split", first=start, second=start))
            leave(again, len(program))
            if first is not None:
                leave(first, len(program))
            return
        forks: list[_Instruction] = []
        for _ in range(most - least):
            forks.append(fork(program))
            node(program)
        for step in forks:
            leave(step, len(program))

    return write
