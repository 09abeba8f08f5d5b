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
    alternation,
    assertion,
    capture_group,
    character,
    is_word_character,
    repeat,
    sequence,
)

_MAX_REPEATS = 1_000  # Go's own limit
_MAX_DEPTH = 40


class BadPattern(ValueError):
    """A pattern that Go refuses."""


@dataclass
class _Flags:
    ignore_case: bool = False  # i
    multi_line: bool = False  # m
    dot_all: bool = False  # s
    ungreedy: bool = False  # U


_CLASSES: dict[str, Test] = {
    "d": lambda letter: "0" <= letter <= "9",
    "w": is_word_character,
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
    "word": is_word_character,
    "xdigit": lambda letter: letter in "0123456789abcdefABCDEF",
}
_ESCAPED = {"a": "\a", "f": "\f", "t": "\t", "n": "\n", "r": "\r", "v": "\v"}


def compile_go(pattern: str) -> Regexp:
    """Compile a pattern. Raises :class:`BadPattern` for what Go refuses, :class:`Unsupported` for what is not read."""
    reader = _PatternParser(pattern)
    node = reader.parse_alternation(0)
    if reader.position < len(reader.pattern):
        raise BadPattern("a parenthesis that was not opened")
    program: list[Instruction] = []
    node(program)
    program.append(Instruction("match"))
    return Regexp(program, reader.names)


class _PatternParser:
    """Reads a pattern into functions that write its program."""

    def __init__(self, pattern: str) -> None:
        self.pattern, self.position, self.flags = pattern, 0, _Flags()
        self.names: list[str | None] = []

    def peek(self, size: int = 1) -> str:
        return self.pattern[self.position : self.position + size]

    def parse_alternation(self, depth: int) -> Writer:
        if depth > _MAX_DEPTH:
            raise Unsupported("a regular expression nested too deeply")
        branches = [self.parse_sequence(depth)]
        while self.peek() == "|":
            self.position += 1
            branches.append(self.parse_sequence(depth))
        return alternation(branches)

    def parse_sequence(self, depth: int) -> Writer:
        found: list[Writer] = []
        while self.peek() not in ("", "|", ")"):
            node = self.parse_atom(depth)
            if node is not None:
                found.append(self.parse_repetition(node))
        return sequence(found)

    def parse_repetition(self, node: Writer) -> Writer:
        bounds = self.parse_bounds()
        if bounds is None:
            return node
        least, most = bounds
        lazy = self.peek() == "?"
        self.position += lazy
        if self.parse_bounds() is not None:
            raise BadPattern("a repetition of a repetition")
        return repeat(node, least, most, lazy is not self.flags.ungreedy)

    def parse_bounds(self) -> tuple[int, int | None] | None:
        sign = self.peek()
        if sign in ("*", "+", "?") and sign:
            self.position += 1
            return {"*": (0, None), "+": (1, None), "?": (0, 1)}[sign]
        if sign != "{":
            return None
        end = self.pattern.find("}", self.position)
        least, comma, most = self.pattern[self.position + 1 : end].partition(",")
        if end < 0 or not least.isdecimal() or (most and not most.isdecimal()):
            return None  # a brace that stands for itself
        self.position = end + 1
        low, high = int(least[:6]), int(most[:6]) if most else None if comma else int(least[:6])
        if low > _MAX_REPEATS or (high is not None and (high > _MAX_REPEATS or high < low)):
            raise BadPattern("a repetition out of range")
        return low, high

    def parse_atom(self, depth: int) -> Writer | None:
        letter = self.peek()
        self.position += 1
        if letter == "(":
            return self.parse_group(depth)
        if letter == "[":
            return character(self.parse_class())
        if letter == ".":
            return character((lambda _: True) if self.flags.dot_all else (lambda one: one != "\n"))
        if letter == "^":
            return assertion("line begin" if self.flags.multi_line else "begin")
        if letter == "$":
            return assertion("line end" if self.flags.multi_line else "end")
        if letter in ("*", "+", "?"):
            raise BadPattern("a repetition of nothing")
        if letter == "\\" and self.peek() == "Q":
            self.unquote()
            return None
        if letter == "\\":
            return self.parse_escape()
        return character(self.character_test(letter))

    def character_test(self, letter: str) -> Test:
        if self.flags.ignore_case:
            if not letter.isascii():
                raise Unsupported("a regular expression that ignores the case of letters that are not ASCII")
            both = {letter.lower(), letter.upper()}
            return lambda one: one in both
        return lambda one: one == letter

    def unquote(self) -> None:
        """Text up to ``\\E`` that stands for itself: written out, so that a repetition is one of its last letter."""
        end = self.pattern.find("\\E", self.position)
        inner = self.pattern[self.position + 1 : end if end >= 0 else None]
        plain = "".join(f"\\{one}" if one.isascii() and not one.isalnum() else one for one in inner)
        self.pattern = plain + (self.pattern[end + 2 :] if end >= 0 else "")
        self.position = 0

    def parse_escape(self) -> Writer:
        letter = self.peek()
        if not letter:
            raise BadPattern("a backslash at the end")
        if letter in "AzbB":
            self.position += 1
            return assertion({"A": "begin", "z": "end", "b": "border", "B": "inside"}[letter])
        return character(self.parse_escaped_test())

    def parse_escaped_test(self) -> Test:
        """What a backslash and the letters behind it stand for."""
        letter = self.peek()
        self.position += 1
        if letter.lower() in _CLASSES and letter:
            test = _CLASSES[letter.lower()]
            return test if letter.islower() else lambda one: not test(one)
        if letter in ("p", "P"):
            raise Unsupported("a class of Unicode in a regular expression")
        return self.character_test(self.parse_character(letter))

    def parse_character(self, letter: str) -> str:
        if letter in _ESCAPED:
            return _ESCAPED[letter]
        if letter == "x":
            end = self.pattern.find("}", self.position) if self.peek() == "{" else self.position + 2
            digits = self.pattern[self.position : end].lstrip("{")
            self.position = end + (self.peek() == "{")
            if end < 0 or not digits or any(one not in "0123456789abcdefABCDEF" for one in digits) or len(digits) > 6:
                raise BadPattern("a code that is no number")
            return chr(min(int(digits, 16), 0x10FFFF))
        if not letter or letter.isalnum() or not letter.isascii():
            raise BadPattern("a backslash before a letter that it does not go with")
        return letter

    def parse_class(self) -> Test:
        tests: list[Test] = []
        negated = self.peek() == "^"
        self.position += negated
        first = True
        while first or self.peek() != "]":
            first = False
            if not self.peek():
                raise BadPattern("a class that does not end")
            if self.peek(2) == "[:" and (end := self.pattern.find(":]", self.position)) > 0:
                tests.append(self.posix_test(self.pattern[self.position + 2 : end]))
                self.position = end + 2
                continue
            if self.peek() == "\\" and self.peek(2)[1:].lower() in ("d", "w", "s", "p"):
                self.position += 1
                tests.append(self.parse_escaped_test())
                continue
            low = self.parse_class_member()
            high = low
            if self.peek() == "-" and self.peek(2)[1:] not in ("]", ""):
                self.position += 1
                high = self.parse_class_member()
                if high < low:
                    raise BadPattern("a range that ends before it begins")
            tests.append(self.range_test(low, high))
        self.position += 1
        return lambda one: any(test(one) for test in tests) is not negated

    def parse_class_member(self) -> str:
        letter = self.peek()
        self.position += 1
        if letter != "\\":
            return letter
        letter = self.peek()
        self.position += 1
        return self.parse_character(letter)

    def range_test(self, low: str, high: str) -> Test:
        if not self.flags.ignore_case:
            return lambda one: low <= one <= high
        if not (low + high).isascii():
            raise Unsupported("a regular expression that ignores the case of letters that are not ASCII")
        return lambda one: low <= one <= high or (one.isascii() and low <= one.swapcase() <= high)

    def posix_test(self, name: str) -> Test:
        test = _POSIX.get(name.removeprefix("^"))
        if test is None:
            raise BadPattern("a class of that name does not exist")
        return (lambda one: not test(one)) if name.startswith("^") else test

    def parse_group(self, depth: int) -> Writer | None:
        number, before = None, self.flags
        if self.peek() == "?":
            end = next((n for n in range(self.position, len(self.pattern)) if self.pattern[n] in ":)>"), None)
            if end is None:
                raise BadPattern("a group that does not end")
            head = self.pattern[self.position + 1 : end + 1]
            self.position = end + 1
            if head.startswith(("P<", "<")) and head.endswith(">") and head[:2] not in ("<=", "<!"):
                number = self.add_group(head.removeprefix("P")[1:-1])
            else:
                self.flags = self.parse_flags(head[:-1])
                if head.endswith(")"):
                    return None
                if not head.endswith(":"):
                    raise BadPattern("a group of a kind that does not exist")
        else:
            number = self.add_group(None)
        inner = self.parse_alternation(depth + 1)
        if self.peek() != ")":
            raise BadPattern("a parenthesis that does not close")
        self.position += 1
        self.flags = before
        return inner if number is None else capture_group(inner, number)

    def add_group(self, name: str | None) -> int:
        if name is not None and (not name or not all(map(is_word_character, name)) or name in self.names):
            raise BadPattern("a name that a group cannot have")
        self.names.append(name)
        return len(self.names)

    def parse_flags(self, letters: str) -> _Flags:
        found = _Flags(self.flags.ignore_case, self.flags.multi_line, self.flags.dot_all, self.flags.ungreedy)
        value = True
        for letter in letters:
            if letter == "-" and value:
                value = False
            elif letter in "imsU":
                setattr(found, {"i": "ignore_case", "m": "multi_line", "s": "dot_all", "U": "ungreedy"}[letter], value)
            else:
                raise BadPattern("a group of a kind that does not exist")
        return found
