"""What is written in a file, in whichever language, with the offsets of its characters.

Offsets count the characters of the file's text; the end is exclusive. Readers of HCL, JSON and YAML make this tree of
one statement; what is to change is decided on it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Refused(Exception):
    """An edit that cannot be made surely: the message is the reason, for people, and begins in lower case."""


class SyntaxForm(Enum):
    """How something is written."""

    MAPPING = "mapping"
    LIST = "list"
    TEXT = "text"  # a scalar, or what gives a string at its own place: a reference to a role, a join, a substitution
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class WrittenNode:
    """A value. ``text`` is what it says, where it is a string without references; "" for null. ``block``: in YAML's
    block style.

    ``why``: why it cannot be replaced (``it is var.roles, which stands elsewhere``); "" where it can be.
    """

    form: SyntaxForm
    start: int
    end: int
    entries: tuple[Field, ...] = ()
    items: tuple[WrittenNode, ...] = ()
    text: str | None = None
    block: bool = False
    why: str = ""

    @property
    def members(self) -> tuple[tuple[int, int], ...]:
        """Where each element or entry stands."""
        if self.form is SyntaxForm.MAPPING:
            return tuple((entry.start, entry.value.end) for entry in self.entries)
        return tuple((item.start, item.end) for item in self.items)

    def get(self, name: str) -> Field | None:
        """The entry of this name."""
        return next((entry for entry in self.entries if entry.key == name), None)


@dataclass(frozen=True, slots=True)
class Field:
    """An entry of a mapping. ``key`` is None where it is not literal."""

    key: str | None
    start: int
    key_end: int
    value: WrittenNode


def line_start(text: str, offset: int) -> int:
    """Where the line of an offset begins."""
    return text.rfind("\n", 0, offset) + 1


def line_end(text: str, offset: int) -> int:
    """Where the line of an offset ends, before its line break."""
    end = text.find("\n", offset)
    if end < 0:
        return len(text)
    return end - 1 if end > offset and text[end - 1] == "\r" else end


def next_line(text: str, offset: int) -> int:
    """Where the line after that of an offset begins."""
    end = text.find("\n", offset)
    return len(text) if end < 0 else end + 1


def previous_line_end(text: str, offset: int) -> int:
    """Where the line before that of an offset ends, before its line break."""
    end = max(line_start(text, offset) - 1, 0)
    return end - 1 if text[end - 1 : end + 1] == "\r\n" else end


def indentation(text: str, offset: int) -> str:
    """The blanks at the beginning of the line of an offset."""
    start = line_start(text, offset)
    end = start
    while end < len(text) and text[end] in " \t\ufeff":
        end += 1
    return text[start:end].replace("\ufeff", "")


def is_first(text: str, offset: int) -> bool:
    """Whether nothing but blanks stands before an offset on its line."""
    return not text[line_start(text, offset) : offset].strip(" \t\ufeff")


def newline(text: str, offset: int) -> str:
    """The line break that the lines around an offset end in."""
    end = text.find("\n", offset)
    if end < 0:
        end = text.rfind("\n", 0, offset)
    return "\r\n" if end > 0 and text[end - 1] == "\r" else "\n"
