"""Compile regular expressions in the syntax of Go's package ``regexp`` to programs of our own machine.

Python's engine differs from Go's in syntax, and a pattern can make it run practically forever.
Source: package regexp/syntax of Go, "Syntax".
"""

from __future__ import annotations

from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.sources.terraform.functions.go_regexp_machine import (
    Instruction,
    Regexp,
    Test,
    Unsupported,
    Writer,
    alternation,
    assertion,
    capture_group,
    is_word_character,
    match_character,
    repeat,
    sequence,
)

_MAX_REPEATS = 1_000  # Go's own limit
_MAX_DEPTH = 40


class BadPattern(ValueError):
    """Raised for a pattern that Go rejects."""


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
    """Compile a pattern.

    Raises :class:`BadPattern` if Go rejects it, :class:`Unsupported` if it is not supported here.
    """
    reader = _PatternParser(pattern)
    node = reader.parse_alternation(0)
    if reader.position < len(reader.pattern):
        raise BadPattern("unmatched closing parenthesis")
    program: list[Instruction] = []
    node(program)
    program.append(Instruction("match"))
    return Regexp(program, reader.names)


class _PatternParser:
    """Parse a pattern into writers of its program."""

    def __init__(self, pattern: str) -> None:
        self.pattern, self.position, self.flags = pattern, 0, _Flags()
        self.names: list[str | None] = []

    def peek(self, size: int = 1) -> str:
        return self.pattern[self.position : self.position + size]

    def parse_alternation(self, depth: int) -> Writer:
        if depth > _MAX_DEPTH:
            raise Unsupported("the regular expression is nested too deeply")
        branches = [self.parse_sequence(depth)]
        while self.peek() == "|":
            self.position += 1
            branches.append(self.parse_sequence(depth))
        return alternation(branches)

    def parse_sequence(self, depth: int) -> Writer:
        writers: list[Writer] = []
        while self.peek() not in ("", "|", ")"):
            node = self.parse_atom(depth)
            if node is not None:
                writers.append(self.parse_repetition(node))
        return sequence(writers)

    def parse_repetition(self, node: Writer) -> Writer:
        bounds = self.parse_bounds()
        if bounds is None:
            return node
        least, most = bounds
        lazy = self.peek() == "?"
        self.position += lazy
        if self.parse_bounds() is not None:
            raise BadPattern("nested repetition")
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
            return None  # a literal brace
        self.position = end + 1
        low, high = int(least[:6]), int(most[:6]) if most else None if comma else int(least[:6])
        if low > _MAX_REPEATS or (high is not None and (high > _MAX_REPEATS or high < low)):
            raise BadPattern("repetition count out of range")
        return low, high

    def parse_atom(self, depth: int) -> Writer | None:
        character = self.peek()
        self.position += 1
        if character == "(":
            return self.parse_group(depth)
        if character == "[":
            return match_character(self.parse_class())
        if character == ".":
            return match_character((lambda _: True) if self.flags.dot_all else (lambda candidate: candidate != "\n"))
        if character == "^":
            return assertion("line begin" if self.flags.multi_line else "begin")
        if character == "$":
            return assertion("line end" if self.flags.multi_line else "end")
        if character in ("*", "+", "?"):
            raise BadPattern("nothing to repeat")
        if character == "\\" and self.peek() == "Q":
            self.unquote()
            return None
        if character == "\\":
            return self.parse_escape()
        return match_character(self.character_test(character))

    def character_test(self, expected: str) -> Test:
        if self.flags.ignore_case:
            if not expected.isascii():
                raise Unsupported("case-insensitive non-ASCII letters in a regular expression")
            both = {expected.lower(), expected.upper()}
            return lambda candidate: candidate in both
        return lambda candidate: candidate == expected

    def unquote(self) -> None:
        """Escape the text up to ``\\E``, so that a repetition applies to its last character only."""
        end = self.pattern.find("\\E", self.position)
        inner = self.pattern[self.position + 1 : end if end >= 0 else None]
        plain = "".join(
            f"\\{character}" if character.isascii() and not character.isalnum() else character for character in inner
        )
        self.pattern = plain + (self.pattern[end + 2 :] if end >= 0 else "")
        self.position = 0

    def parse_escape(self) -> Writer:
        character = self.peek()
        if not character:
            raise BadPattern("trailing backslash")
        if character in "AzbB":
            self.position += 1
            return assertion({"A": "begin", "z": "end", "b": "border", "B": "inside"}[character])
        return match_character(self.parse_escaped_test())

    def parse_escaped_test(self) -> Test:
        """Parse the character or class after a backslash."""
        character = self.peek()
        self.position += 1
        if character.lower() in _CLASSES and character:
            test = _CLASSES[character.lower()]
            return test if character.islower() else lambda candidate: not test(candidate)
        if character in ("p", "P"):
            raise Unsupported("Unicode class in a regular expression")
        return self.character_test(self.parse_character(character))

    def parse_character(self, character: str) -> str:
        if character in _ESCAPED:
            return _ESCAPED[character]
        if character == "x":
            end = self.pattern.find("}", self.position) if self.peek() == "{" else self.position + 2
            digits = self.pattern[self.position : end].lstrip("{")
            self.position = end + (self.peek() == "{")
            if (
                end < 0
                or not digits
                or any(digit not in "0123456789abcdefABCDEF" for digit in digits)
                or len(digits) > 6
            ):
                raise BadPattern("invalid character code")
            return chr(min(int(digits, 16), 0x10FFFF))
        if not character or character.isalnum() or not character.isascii():
            raise BadPattern("invalid escape sequence")
        return character

    def parse_class(self) -> Test:
        tests: list[Test] = []
        negated = self.peek() == "^"
        self.position += negated
        first = True
        while first or self.peek() != "]":
            first = False
            if not self.peek():
                raise BadPattern("unterminated character class")
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
                    raise BadPattern("invalid character range")
            tests.append(self.range_test(low, high))
        self.position += 1
        return lambda candidate: any(test(candidate) for test in tests) is not negated

    def parse_class_member(self) -> str:
        character = self.peek()
        self.position += 1
        if character != "\\":
            return character
        character = self.peek()
        self.position += 1
        return self.parse_character(character)

    def range_test(self, low: str, high: str) -> Test:
        if not self.flags.ignore_case:
            return lambda candidate: low <= candidate <= high
        if not (low + high).isascii():
            raise Unsupported("case-insensitive non-ASCII letters in a regular expression")
        return lambda candidate: (
            low <= candidate <= high or (candidate.isascii() and low <= candidate.swapcase() <= high)
        )

    def posix_test(self, name: str) -> Test:
        test = _POSIX.get(name.removeprefix("^"))
        if test is None:
            raise BadPattern("unknown character class")
        return (lambda candidate: not test(candidate)) if name.startswith("^") else test

    def parse_group(self, depth: int) -> Writer | None:
        number, before = None, self.flags
        if self.peek() == "?":
            end = next((n for n in range(self.position, len(self.pattern)) if self.pattern[n] in ":)>"), None)
            if end is None:
                raise BadPattern("unterminated group")
            head = self.pattern[self.position + 1 : end + 1]
            self.position = end + 1
            if head.startswith(("P<", "<")) and head.endswith(">") and head[:2] not in ("<=", "<!"):
                number = self.add_group(head.removeprefix("P")[1:-1])
            else:
                self.flags = self.parse_flags(head[:-1])
                if head.endswith(")"):
                    return None
                if not head.endswith(":"):
                    raise BadPattern("invalid group syntax")
        else:
            number = self.add_group(None)
        inner = self.parse_alternation(depth + 1)
        if self.peek() != ")":
            raise BadPattern("unmatched opening parenthesis")
        self.position += 1
        self.flags = before
        return inner if number is None else capture_group(inner, number)

    def add_group(self, name: str | None) -> int:
        if name is not None and (not name or not all(map(is_word_character, name)) or name in self.names):
            raise BadPattern("invalid or duplicate group name")
        self.names.append(name)
        return len(self.names)

    def parse_flags(self, names: str) -> _Flags:
        flags = _Flags(self.flags.ignore_case, self.flags.multi_line, self.flags.dot_all, self.flags.ungreedy)
        value = True
        for flag in names:
            if flag == "-" and value:
                value = False
            elif flag in "imsU":
                setattr(flags, {"i": "ignore_case", "m": "multi_line", "s": "dot_all", "U": "ungreedy"}[flag], value)
            else:
                raise BadPattern("invalid group syntax")
        return flags
