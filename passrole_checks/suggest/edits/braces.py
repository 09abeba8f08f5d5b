"""Edits between braces and brackets: objects of HCL, JSON, and YAML flow style."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.suggest.edits.syntax_changes import (
    Add,
    KeptValue,
    ListValue,
    MappingValue,
    Remove,
    SetKey,
    SetValue,
    Value,
)
from passrole_checks.suggest.edits.syntax_tree import (
    NotEditableError,
    SyntaxForm,
    WrittenNode,
    indentation,
    is_first,
    line_end,
    line_start,
    newline,
    next_line,
    previous_line_end,
)
from passrole_checks.suggest.suggestion import TargetRole

Span = tuple[int, int, str]
"""A replacement: start, end, new text."""

_LONG = 100  # maximum length of a list on one line


@dataclass(frozen=True, slots=True)
class BraceSyntax:
    """Syntax of a language between braces.

    ``comment`` matches one comment; ``line_breaks``: True if line breaks alone may separate entries of a mapping.
    ``role`` writes a role, ``quote`` a string, ``key`` a key.
    """

    comment: re.Pattern[str] | None
    line_breaks: bool
    role: Callable[[TargetRole], str]
    quote: Callable[[str], str]
    key: Callable[[str], str]
    separator: str  # between a key and its value
    padded: bool  # ``{ a }`` instead of ``{a}``
    comma: str = ", "  # between members on one line
    padded_lists: bool = False  # ``[ a ]`` instead of ``[a]``
    short_lists: bool = True  # lists on one line even if the statement has none


class Braces:
    """Converts changes into edits of ``text``."""

    def __init__(self, text: str, language: BraceSyntax, statement: WrittenNode) -> None:
        self.text, self.language = text, language
        self.newline = newline(text, statement.start)
        self.unit = _indent_unit(text, statement)
        lists = [field.value for field in statement.entries if field.value.items]
        on_one_line = any("\n" not in text[one.start : one.end] for one in lists)
        self.short_lists = language.short_lists or on_one_line

    def set_value(self, change: SetValue) -> Iterator[Span]:
        written = change.written
        indent = indentation(self.text, written.start)
        flat = isinstance(change.value, (ListValue, MappingValue)) and self._on_a_shared_line(written)
        if isinstance(change.value, str) and self.text[written.start : written.start + 1] == "'":  # in YAML
            doubled = change.value.replace("'", "''")
            yield written.start, written.end, f"'{doubled}'"
            return
        yield written.start, written.end, self.write(change.value, indent, flat=flat)

    def _on_a_shared_line(self, written: WrittenNode) -> bool:
        """True if the line of a value has more content than its key and the value."""
        line = self.text[line_start(self.text, written.start) : written.start].strip(" \t-")
        return bool(re.search(r"[{\[,]", line)) or "}" in self.text[written.end : line_end(self.text, written.end)]

    def set_key(self, change: SetKey) -> Iterator[Span]:
        yield change.field.start, change.field.key_end, self.language.key(change.key)

    def write(self, value: Value, indent: str, *, flat: bool) -> str:
        """Return a value; its further lines are indented by at least ``indent``."""
        if isinstance(value, KeptValue):
            return self.text[value.written.start : value.written.end]
        if isinstance(value, str):
            return self.language.quote(value)
        if isinstance(value, TargetRole):
            return self.language.role(value)
        inner = indent + self.unit
        if isinstance(value, ListValue):
            items = [self.write(item, inner, flat=flat) for item in value.values]
            blank = " " if self.language.padded_lists else ""
            line = f"[{blank}{self.language.comma.join(items)}{blank}]"
            if flat or (len(line) + len(indent) <= _LONG and self.short_lists):
                return line
            opening, closing = "[", "]"
        else:
            items = [self.entry(key, item, inner, flat=flat) for key, item in value.entries]
            pad = " " if self.language.padded else ""
            if flat:
                return f"{{{pad}{self.language.comma.join(items)}{pad}}}"
            opening, closing = "{", "}"
        comma = "" if self.language.line_breaks and closing == "}" else ","
        last = "," if self.language.line_breaks and closing == "]" else ""
        lines = f"{comma}{self.newline}".join(f"{inner}{item}" for item in items)
        return f"{opening}{self.newline}{lines}{last}{self.newline}{indent}{closing}"

    def entry(self, key: str, value: Value, indent: str, *, flat: bool) -> str:
        return f"{self.language.key(key)}{self.language.separator}{self.write(value, indent, flat=flat)}"

    # members that come

    def add(self, change: Add) -> Iterator[Span]:
        container = change.container
        members = container.members
        if not members:
            indent = indentation(self.text, container.start)
            value = (
                MappingValue(tuple(zip(change.keys, change.values, strict=True)))
                if change.keys
                else ListValue(change.values)
            )
            yield container.start, container.end, self.write(value, indent, flat=self._on_a_shared_line(container))
            return
        after, last = self._end_of_aligned(change), len(members) - 1
        start, end = members[after]
        comma = self.comma(container, after)
        rest = end if comma is None else comma + 1
        own_line = is_first(self.text, start) and not self._shares(members, after)
        if own_line:
            indent = indentation(self.text, start)
            beside = start if container.form is SyntaxForm.LIST else container.entries[after].value.start
            flat = self.text[beside] == "{" and "\n" not in self.text[beside:end]
            new = [self._member(change, number, indent, flat=flat) for number in range(len(change.values))]
            bare = comma is None and self._by_line_breaks(container)
            between = ("" if bare else ",") + self.newline + indent
            ending = "," if comma is not None else ""
            if comma is None and not bare:
                yield end, end, ","
            offset = line_end(self.text, rest) if self._is_blank_until_line_end(rest) else rest
            yield offset, offset, self.newline + indent + between.join(new) + ending
            return
        new = [
            self._member(change, number, indentation(self.text, start), flat=True)
            for number in range(len(change.values))
        ]
        first = self.comma(container, 0)
        is_tight = first is not None and self.text[first + 1 : first + 2].strip() != ""  # no blank follows the commas
        lead = "," if is_tight else ", "
        if comma is None and after != last and self.language.line_breaks:
            lead = ", "
        yield end, end, "".join(lead + one for one in new)

    def _end_of_aligned(self, change: Add) -> int:
        """Return the member after which to add; in HCL, an object follows entries that are aligned with each
        other.
        """
        after, members = change.after, change.container.members
        own_line = is_first(self.text, members[after][0])
        if own_line and self.language.line_breaks and isinstance(change.values[0], MappingValue):
            while after + 1 < len(members):
                text = self.text[members[after][0] : members[after + 1][1]]
                if text.count("\n") != 1 or not is_first(self.text, members[after + 1][0]):
                    break
                after += 1
        return after

    def _member(self, change: Add, number: int, indent: str, *, flat: bool) -> str:
        value = change.values[number]
        if not change.keys:
            return self.write(value, indent, flat=flat)
        return self.entry(change.keys[number], value, indent, flat=flat)

    def _shares(self, members: tuple[tuple[int, int], ...], number: int) -> bool:
        """True if the next member starts on the line on which a member ends."""
        return number + 1 < len(members) and members[number + 1][0] <= line_end(self.text, members[number][1])

    def _by_line_breaks(self, container: WrittenNode) -> bool:
        """True if the entries of an object are on separate lines without commas."""
        if not self.language.line_breaks or container.form is not SyntaxForm.MAPPING:
            return False
        count = len(container.members)
        return count == 1 or any(self.comma(container, number) is None for number in range(count - 1))

    def _is_blank_until_line_end(self, offset: int) -> bool:
        """True if only blanks and a comment that ends with the line follow."""
        end = line_end(self.text, offset)
        offset = self._skip(offset, end)
        return offset >= end and "\n" not in self.text[end:offset]

    # members that go

    def remove(self, change: Remove) -> Iterator[Span]:
        container, members = change.container, change.container.members
        kept = [number for number in range(len(members)) if number not in change.numbers]
        if not kept:
            yield container.start, container.end, "{}" if container.form is SyntaxForm.MAPPING else "[]"
            return
        last = len(members) - 1
        found: list[tuple[int, int]] = []
        for start, end, _ in sorted(span for number in change.numbers for span in self._without(container, number)):
            if found and start <= found[-1][1]:
                found[-1] = (found[-1][0], max(end, found[-1][1]))
            else:
                found.append((start, end))
        for start, end in found:
            if end == members[-1][1] and self._ends_lines(members[kept[-1]][1], start):
                start = previous_line_end(self.text, start)  # the closing bracket follows on the line
            while start == members[0][0] and not is_first(self.text, start) and self.text[end] in " \t":
                end += 1  # keep the blanks after the bracket
            yield start, end, ""
        if last in change.numbers and self.comma(container, last) is None:
            comma = self.comma(container, kept[-1])
            if comma is not None:
                yield comma, comma + 1, ""

    def _without(self, container: WrittenNode, number: int) -> Iterator[Span]:
        members = container.members
        start, end = members[number]
        comma = self.comma(container, number)
        if comma is not None and self.text[end:comma].strip(" \t"):
            yield comma, comma + 1, ""  # it is after a comment
        elif comma is not None:
            end = comma + 1
        own_line = is_first(self.text, start) and not self._shares(members, number)
        if own_line and self._is_blank_until_line_end(end):
            yield line_start(self.text, start), next_line(self.text, end), ""
            return
        before = start
        while before > container.start + 1 and self.text[before - 1] in " \t":
            before -= 1
        if number and self._ends_lines(members[number - 1][1], start) and end == members[-1][1]:
            before = previous_line_end(self.text, start)  # the closing bracket follows on the line
        elif before in (start, container.start + 1) or is_first(self.text, start):
            while end < len(self.text) and self.text[end] in " \t":
                end += 1
            before = start
        yield before, end, ""

    def _ends_lines(self, end: int, start: int) -> bool:
        """True if only a comma and line breaks separate two members."""
        return "\n" in self.text[end:start] and self.text[end:start].strip() == ","

    # separators between members

    def comma(self, container: WrittenNode, number: int) -> int | None:
        """Return the offset of the comma after a member, or None. Raises :class:`NotEditableError` if there is
        unknown content.
        """
        members = container.members
        offset = members[number][1]
        end = members[number + 1][0] if number < len(members) - 1 else container.end - 1
        found: int | None = None
        while (offset := self._skip(offset, end)) < end:
            if self.text[offset] != "," or found is not None:
                raise NotEditableError("unknown brackets or characters surround an element")
            found, offset = offset, offset + 1
        return found

    def _skip(self, offset: int, end: int) -> int:
        """Return the offset after blanks and comments."""
        while offset < end:
            if self.text[offset] in " \t\r\n":
                offset += 1
                continue
            found = self.language.comment.match(self.text, offset) if self.language.comment else None
            if found is None:
                return offset
            offset = found.end()
        return offset


def _indent_unit(text: str, statement: WrittenNode) -> str:
    """Return the indentation of the members of a list or mapping in a statement, or else of the statement itself; by
    default two blanks.
    """
    for field in statement.entries:
        outer = indentation(text, field.start)
        for start, _ in field.value.members[:1] if is_first(text, field.start) else ():
            inner = indentation(text, start)
            if is_first(text, start) and inner.startswith(outer) and len(inner) > len(outer):
                return inner[len(outer) :]
    outer = indentation(text, statement.start)
    if not text[statement.start + 1 : line_end(text, statement.start)].strip():  # members are not aligned with others
        for start, _ in statement.members:
            inner = indentation(text, start)
            if is_first(text, start) and inner.startswith(outer) and len(inner) > len(outer):
                return inner[len(outer) :]
    return "\t" if outer.startswith("\t") else "  "
