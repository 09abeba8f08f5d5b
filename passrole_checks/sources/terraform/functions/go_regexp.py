"""Regular expressions as Go's package ``regexp`` writes them, read into programs of our own machine.

Python's engine differs from Go's in syntax and in what it takes: a pattern can make it run for ever.
Source: package regexp/syntax of Go, "Syntax".
"""

from __future__ import annotations

from dataclasses import dataclass

from passrole_checks.sources.terraform.functions.go_regexp_machine import (
    Instruction,
    Regexp,
    Test,
    Unsupported,
    Writer,
    check,
    either,
    in_turn,
    is_word,
    one_letter,
    repeat,
    saved,
)

_MOST_REPEATS = 1_000  # Go's own limit
_DEPTH = 40


class BadPattern(ValueError):
    """A pattern that Go refuses."""


@dataclass
class _Flags:
    fold: bool = False  # i
    lines: bool = False  # m
    dot: bool = False  # s
    lazy: bool = False  # U


_CLASSES: dict[str, Test] = {
    "d": lambda letter: "0" <= letter <= "9",
    "w": is_word,
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
    "word": is_word,
    "xdigit": lambda letter: letter in "0123456789abcdefABCDEF",
}
_ESCAPED = {"a": "\a", "f": "\f", "t": "\t", "n": "\n", "r": "\r", "v": "\v"}


def compile_go(pattern: str) -> Regexp:
    """Compile a pattern. Raises :class:`BadPattern` for what Go refuses, :class:`Unsupported` for what is not read."""
    reader = _Reader(pattern)
    node = reader.alternatives(0)
    if reader.place < len(reader.pattern):
        raise BadPattern("a parenthesis that was not opened")
    program: list[Instruction] = []
    node(program)
    program.append(Instruction("match"))
    return Regexp(program, reader.names)


class _Reader:
    """Reads a pattern into functions that write its program."""

    def __init__(self, pattern: str) -> None:
        self.pattern, self.place, self.flags = pattern, 0, _Flags()
        self.names: list[str | None] = []

    def peek(self, size: int = 1) -> str:
        return self.pattern[self.place : self.place + size]

    def alternatives(self, depth: int) -> Writer:
        if depth > _DEPTH:
            raise Unsupported("a regular expression nested too deeply")
        branches = [self.sequence(depth)]
        while self.peek() == "|":
            self.place += 1
            branches.append(self.sequence(depth))
        return either(branches)

    def sequence(self, depth: int) -> Writer:
        found: list[Writer] = []
        while self.peek() not in ("", "|", ")"):
            node = self.atom(depth)
            if node is not None:
                found.append(self.repeated(node))
        return in_turn(found)

    def repeated(self, node: Writer) -> Writer:
        bounds = self.bounds()
        if bounds is None:
            return node
        least, most = bounds
        lazy = self.peek() == "?"
        self.place += lazy
        if self.bounds() is not None:
            raise BadPattern("a repetition of a repetition")
        return repeat(node, least, most, lazy is not self.flags.lazy)

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

    def atom(self, depth: int) -> Writer | None:
        letter = self.peek()
        self.place += 1
        if letter == "(":
            return self.group(depth)
        if letter == "[":
            return one_letter(self.bracket())
        if letter == ".":
            return one_letter((lambda _: True) if self.flags.dot else (lambda one: one != "\n"))
        if letter == "^":
            return check("line begin" if self.flags.lines else "begin")
        if letter == "$":
            return check("line end" if self.flags.lines else "end")
        if letter in ("*", "+", "?"):
            raise BadPattern("a repetition of nothing")
        if letter == "\\" and self.peek() == "Q":
            self.quoted()
            return None
        if letter == "\\":
            return self.escape()
        return one_letter(self.letter(letter))

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

    def escape(self) -> Writer:
        letter = self.peek()
        if not letter:
            raise BadPattern("a backslash at the end")
        if letter in "AzbB":
            self.place += 1
            return check({"A": "begin", "z": "end", "b": "border", "B": "inside"}[letter])
        return one_letter(self.escaped())

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

    def group(self, depth: int) -> Writer | None:
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
        return inner if number is None else saved(inner, number)

    def capture(self, name: str | None) -> int:
        if name is not None and (not name or not all(map(is_word, name)) or name in self.names):
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
