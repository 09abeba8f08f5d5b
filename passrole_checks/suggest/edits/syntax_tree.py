"""Syntax tree of a statement in any language, with character offsets.

Offsets count the characters of the file's text; ends are exclusive. Readers of HCL, JSON and YAML build this tree of
one statement; changes are computed on it.
"""

from __future__ import annotations

from enum import Enum

from passrole_checks.iam.fast_dataclass import dataclass


class NotEditableError(Exception):
    """Raised if an edit cannot be made safely; the message is the reason and starts in lower case."""


class SyntaxForm(Enum):
    """Form of a node."""

    MAPPING = "mapping"
    LIST = "list"
    TEXT = "text"  # a scalar, or an expression for one string: a reference to a role, a join, a substitution
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class WrittenNode:
    """A value. ``text``: its value if it is a string without references; "" for null. ``block``: True for YAML block
    style.

    ``why``: why it cannot be replaced (``it is var.roles, defined elsewhere``); "" if it can.
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
        """Return the offsets of each element or entry."""
        if self.form is SyntaxForm.MAPPING:
            return tuple((entry.start, entry.value.end) for entry in self.entries)
        return tuple((item.start, item.end) for item in self.items)

    def get(self, name: str) -> Field | None:
        """Return the entry with this name."""
        return next((entry for entry in self.entries if entry.key == name), None)


@dataclass(frozen=True, slots=True)
class Field:
    """An entry of a mapping. ``key`` is None if it is not a literal."""

    key: str | None
    start: int
    key_end: int
    value: WrittenNode


def line_start(text: str, offset: int) -> int:
    """Return the offset of the start of a line."""
    return text.rfind("\n", 0, offset) + 1


def line_end(text: str, offset: int) -> int:
    """Return the offset of the end of a line, before its line break."""
    end = text.find("\n", offset)
    if end < 0:
        return len(text)
    return end - 1 if end > offset and text[end - 1] == "\r" else end


def next_line(text: str, offset: int) -> int:
    """Return the offset of the start of the next line."""
    end = text.find("\n", offset)
    return len(text) if end < 0 else end + 1


def previous_line_end(text: str, offset: int) -> int:
    """Return the offset of the end of the previous line, before its line break."""
    end = max(line_start(text, offset) - 1, 0)
    return end - 1 if text[end - 1 : end + 1] == "\r\n" else end


def indentation(text: str, offset: int) -> str:
    """Return the indentation of the line."""
    start = line_start(text, offset)
    end = start
    while end < len(text) and text[end] in " \t\ufeff":
        end += 1
    return text[start:end].replace("\ufeff", "")


def is_first(text: str, offset: int) -> bool:
    """True if only blanks precede an offset on its line."""
    return not text[line_start(text, offset) : offset].strip(" \t\ufeff")


def newline(text: str, offset: int) -> str:
    """Return the line break used around an offset."""
    end = text.find("\n", offset)
    if end < 0:
        end = text.rfind("\n", 0, offset)
    return "\r\n" if end > 0 and text[end - 1] == "\r" else "\n"
