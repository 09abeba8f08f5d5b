"""Parse a file with syntax errors in pieces, so that one broken block does not hide the others.

A piece spans one or more blocks. Its boundaries come from the layout alone, because nothing else is reliable in a
broken file. A piece is used only if it parses without errors. A broken piece is reported once, at the line to fix, and
parsing resumes at the next line that starts like a block.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import field, replace

from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.sources.terraform.reading.diagnose import (
    LONE_RETURN,
    STRAY_BRACKET,
    diagnose,
    find_lone_return,
    is_incomplete,
    without_quoted_names,
)
from passrole_checks.sources.terraform.reading.source import SourceText
from passrole_checks.sources.terraform.reading.syntax import Attribute, Block, Body, ParsedFile, SyntaxProblem

_LABEL = rb'[ \t]+(?:"[^"\n]*"|[A-Za-z_\x80-\xff][\w\x80-\xff-]*)'
_TYPES = (
    "resource", "data", "ephemeral", "module", "variable", "output", "provider", "check", "locals", "terraform",
    "moved", "import", "removed",
)  # fmt: skip
_HEADER = lazy_regex(
    rb"^(?:[A-Za-z_][\w-]*(?:" + _LABEL + rb")*"
    # top-level block types of Terraform are recognized by their labels at any indentation
    rb"|[ \t]+(?:(?:resource|data|ephemeral)" + _LABEL + _LABEL +
    rb"|(?:module|variable|output|provider|check)" + _LABEL +
    rb"|locals|terraform|moved|import|removed))[ \t]*\{",
    re.MULTILINE,
)  # fmt: skip
_TOP_LEVEL = lazy_regex(rb"[ \t]*(?:" + "|".join(_TYPES).encode() + rb")\b")
_ATTRIBUTE = lazy_regex(rb"^[A-Za-z_][\w-]*[ \t]*=(?!=)", re.MULTILINE)
_END = lazy_regex(rb"^(?=[^\s#/]).*[}\])][ \t]*(?:(?:#|//).*)?\r?\n", re.MULTILINE)
_COMMENT = lazy_regex(rb"^[ \t]*/\*.*?\*/", re.MULTILINE | re.DOTALL)
_WORD = lazy_regex(rb"\S")
_CONFLICT = lazy_regex(rb"^(?:<{7}|>{7})(?:[ \t][^\n]*)?\r?$", re.MULTILINE)
_CONFLICT_LINE = lazy_regex(rb"^(?:<{7}|>{7}|\|{7}|={7})(?:[ \t][^\n]*)?\r?$", re.MULTILINE)

_MAX_PROBLEMS = 100  # reported for one file
_MAX_ENDS = 6  # end offsets tried for one piece
_WINDOW = 200_000  # bytes parsed to find a block that ends at none of them
_MAX_EFFORT = 4  # bytes parsed in total per byte of the file, plus one million

Item = Attribute | Block


@dataclass(frozen=True, slots=True)
class PartialParse:
    """Parse result of a piece.

    ``items``: items before the first error, each with its end offset. ``error``: offset of that error, or None.
    """

    items: tuple[tuple[Item, int], ...]
    error: int | None = None


Parse = Callable[[SourceText, int, int], PartialParse]


def parse_partial(source: SourceText, parse: Parse) -> ParsedFile:
    """Parse a file as a whole, or in pieces if it has errors.

    ``parse`` parses the bytes between two offsets. Never raises for invalid content; errors are in ``problems``.
    """
    whole = parse(source, 0, len(source.data))
    if whole.error is not None and (plain := without_quoted_names(source)) is not None:
        source, whole = plain, parse(plain, 0, len(plain.data))
    if whole.error is None:
        offset = find_lone_return(source)
        problems = [] if offset is None else [_syntax_error(source, offset, LONE_RETURN)]
        return _parsed_file(source, [item for item, _ in whole.items], problems)
    conflicts = _find_conflicts(source.data)
    reader = _PartialReader(_blank_markers(source) if conflicts else source, parse, conflicts)
    if not conflicts:
        reader.last = 0, len(source.data), whole
    reader.read()
    reader.problems.extend(
        SyntaxProblem(source.line_column(start)[0], "merge conflict markers") for start, _ in conflicts
    )
    return _parsed_file(source, reader.items, sorted(reader.problems, key=lambda problem: problem.line))


def _parsed_file(source: SourceText, items: list[Item], problems: list[SyntaxProblem]) -> ParsedFile:
    attributes = tuple(item for item in items if isinstance(item, Attribute))
    return ParsedFile(
        source, Body(attributes, tuple(item for item in items if isinstance(item, Block))), tuple(problems)
    )


@dataclass
class _PartialReader:
    source: SourceText
    parse: Parse
    conflicts: list[tuple[int, int]]
    items: list[Item] = field(default_factory=list)
    problems: list[SyntaxProblem] = field(default_factory=list)
    last: tuple[int, int, PartialParse] | None = None
    spent: int = 0  # bytes parsed
    first_unreported: int = 0  # offset of the first error beyond the limit
    after_error: bool = False  # no top-level block was read since the last problem

    def read(self) -> None:
        data = self.source.data
        headers, ends = _find_boundaries(self.source)
        budget, start, broken = _MAX_EFFORT * len(data) + 1_000_000, 0, False
        while start < len(data):
            if self.spent > budget:
                self.problems.append(
                    SyntaxProblem(self.source.line_column(start)[0], "too many errors; rest of the file not read")
                )
                return
            error, after = self.read_piece(start, ends)
            if after is not None:
                start, broken = after, False
                continue
            word = _WORD.search(data, start)
            first = word.start() if word is not None else len(data)
            number = bisect_right(headers, first)
            end = headers[number] if number < len(headers) else len(data)
            # text after a broken block that starts no top-level block belongs to the same mistake
            if not broken or (_TOP_LEVEL if _contains_blocks(self.source) else _ATTRIBUTE).match(data, first):
                self.report(start, end, error)
            start, broken = end, True
        if self.first_unreported:
            self.problems.append(
                SyntaxProblem(self.source.line_column(self.first_unreported)[0], "more errors follow, not listed")
            )

    def read_piece(self, start: int, ends: list[int]) -> tuple[int, int | None]:
        """Parse the piece at ``start``. Returns the offsets of the first error and of the end, None if unreadable."""
        size, number = len(self.source.data), bisect_right(ends, start)
        tries = ends[number : number + _MAX_ENDS]
        window = min(size, start + _WINDOW)
        error = start
        for end in tries if window in tries else [*tries, window]:
            attempt = self.attempt(start, end)
            if attempt.error is None and end in tries:
                self.keep(item for item, _ in attempt.items)
                return error, end
            if end == window and attempt.items:
                self.keep(item for item, _ in attempt.items[:1])
                return error, attempt.items[0][1]
            error = max(error, attempt.error or start)
            if not is_incomplete(self.source, start, end):
                break
        return error, None

    def attempt(self, start: int, end: int) -> PartialParse:
        if self.last is None or self.last[:2] != (start, end):
            self.spent += end - start
            self.last = start, end, self.parse(self.source, start, end)
        return self.last[2]

    def keep(self, items: Iterator[Item]) -> None:
        """Keep parsed items, except blocks that contain a merge conflict marker: either half may apply."""
        for item in items:
            begin, end = (self.source.offset(*item.span[index : index + 2]) for index in (0, 2))
            if not any(begin <= mark < end for region in self.conflicts for mark in region):
                self.items.append(item)
                self.after_error = self.after_error and not (isinstance(item, Block) and item.type in _TYPES)

    def report(self, start: int, end: int, error: int) -> None:
        if any(start <= last and first < end for first, last in self.conflicts):
            return  # reported as a merge conflict
        if len(self.problems) >= _MAX_PROBLEMS:
            self.first_unreported = self.first_unreported or start
            return
        offset, reason = diagnose(
            self.source, start, end, error, lambda first, last: self.parse(self.source, first, last).error
        )
        if reason != STRAY_BRACKET or not self.after_error:  # a bracket left over from the previous mistake is no error
            self.problems.append(_syntax_error(self.source, offset, reason))
        self.after_error = True


def _syntax_error(source: SourceText, offset: int, reason: str) -> SyntaxProblem:
    """Return a problem; ``reason`` is the end of its message (see :func:`diagnose`)."""
    return SyntaxProblem(source.line_column(offset)[0], f"invalid HCL{reason}")


def _contains_blocks(source: SourceText) -> bool:
    """True if the file name is that of configuration; any other file contains values of variables."""
    return source.file.endswith((".tf", ".tofu"))


def _find_boundaries(source: SourceText) -> tuple[list[int], list[int]]:
    """Return the offsets where blocks seem to start, and where pieces may end (the former, and after closing lines)."""
    data = source.data
    comments = [match.span() for match in _COMMENT.finditer(data)] if b"/*" in data else []
    starts = [start for start, _ in comments]

    def outside(offset: int) -> bool:
        number = bisect_right(starts, offset) - 1
        return number < 0 or offset >= comments[number][1]

    header = _HEADER if _contains_blocks(source) else _ATTRIBUTE
    headers = [match.start() for match in header.finditer(data) if outside(match.start())]
    closed = [match.end() for match in _END.finditer(data) if outside(match.start())]
    ends: list[int] = []
    for offset in sorted({*headers, *closed, len(data)}):
        if not ends or data[ends[-1] : offset].strip():  # ends separated by whitespace only are one
            ends.append(offset)
        else:
            ends[-1] = offset
    return headers, ends


def _find_conflicts(data: bytes) -> list[tuple[int, int]]:
    """Return the offsets of the first and last marker of each merge conflict."""
    conflicts: list[tuple[int, int]] = []
    begin: int | None = None
    for match in _CONFLICT.finditer(data):
        if match.group().startswith(b"<"):
            if begin is not None:
                conflicts.append((begin, begin))
            begin = match.start()
        else:
            conflicts.append((match.start() if begin is None else begin, match.start()))
            begin = None
    return conflicts if begin is None else [*conflicts, (begin, begin)]


def _blank_markers(source: SourceText) -> SourceText:
    """Return the text with conflict markers replaced by blanks, so that offsets stay valid."""
    return replace(source, data=_CONFLICT_LINE.sub(lambda match: b" " * len(match.group()), source.data))
