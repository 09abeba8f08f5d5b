"""Reading around what is broken: a file that does not parse is read in pieces, so that one broken block hides no other.

A piece begins where a block begins and ends behind it. Both are told from the layout alone, since in a broken file
nothing else can be relied on. A piece counts only when it parses without any error; one that never does is named once,
at the line where a person would look, and reading starts again at the next line that begins like a block.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from passrole_checks.sources.terraform.reading.diagnose import (
    LONE_RETURN,
    STRAY_BRACKET,
    diagnose,
    find_lone_return,
    is_incomplete,
)
from passrole_checks.sources.terraform.reading.source import SourceText
from passrole_checks.sources.terraform.reading.syntax import Attribute, Block, Body, ParsedFile, SyntaxProblem

_LABEL = rb'[ \t]+(?:"[^"\n]*"|[A-Za-z_\x80-\xff][\w\x80-\xff-]*)'
_TYPES = (
    "resource", "data", "ephemeral", "module", "variable", "output", "provider", "check", "locals", "terraform",
    "moved", "import", "removed",
)  # fmt: skip
_HEADER = re.compile(
    rb"^(?:[A-Za-z_][\w-]*(?:" + _LABEL + rb")*"
    # the blocks of Terraform itself are known by their labels, wherever they are indented to
    rb"|[ \t]+(?:(?:resource|data|ephemeral)" + _LABEL + _LABEL +
    rb"|(?:module|variable|output|provider|check)" + _LABEL +
    rb"|locals|terraform|moved|import|removed))[ \t]*\{",
    re.MULTILINE,
)  # fmt: skip
_TOP_LEVEL = re.compile(rb"[ \t]*(?:" + "|".join(_TYPES).encode() + rb")\b")
_ATTRIBUTE = re.compile(rb"^[A-Za-z_][\w-]*[ \t]*=(?!=)", re.MULTILINE)
_END = re.compile(rb"^(?=[^\s#/]).*[}\])][ \t]*(?:(?:#|//).*)?\r?\n", re.MULTILINE)
_COMMENT = re.compile(rb"^[ \t]*/\*.*?\*/", re.MULTILINE | re.DOTALL)
_WORD = re.compile(rb"\S")
_CONFLICT = re.compile(rb"^(?:<{7}|>{7})(?:[ \t][^\n]*)?\r?$", re.MULTILINE)
_CONFLICT_LINE = re.compile(rb"^(?:<{7}|>{7}|\|{7}|={7})(?:[ \t][^\n]*)?\r?$", re.MULTILINE)

_MAX_PROBLEMS = 100  # that are named in one file
_MAX_ENDS = 6  # places at which a piece is tried to end
_WINDOW = 200_000  # bytes in which a block that ends at none of them is looked for
_MAX_EFFORT = 4  # bytes parsed in all, for each byte of the file, and a million in any case

Item = Attribute | Block


@dataclass(frozen=True, slots=True)
class PartialParse:
    """What a parser made of a piece: the items before the first error, each with the offset behind it, and that
    error's offset, or None where there is no error."""

    items: tuple[tuple[Item, int], ...]
    error: int | None = None


Parse = Callable[[SourceText, int, int], PartialParse]


def parse_partial(source: SourceText, parse: Parse) -> ParsedFile:
    """Read a file with a parser of the bytes between two offsets; the whole of it at once where that has no error.

    Never raises for what is in the file: what cannot be read is among the problems.
    """
    whole = parse(source, 0, len(source.data))
    if whole.error is None:
        lone = find_lone_return(source)
        problems = [] if lone is None else [SyntaxProblem(source.line_column(lone)[0], f"not HCL{LONE_RETURN}")]
        return _parsed_file(source, [item for item, _ in whole.items], problems)
    conflicts = _find_conflicts(source.data)
    reading = _PartialReader(_blank_markers(source) if conflicts else source, parse, conflicts)
    if not conflicts:
        reading.last = 0, len(source.data), whole
    reading.read()
    reading.problems.extend(
        SyntaxProblem(source.line_column(start)[0], "merge conflict markers") for start, _ in conflicts
    )
    return _parsed_file(source, reading.items, sorted(reading.problems, key=lambda problem: problem.line))


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
    spent: int = 0
    first_unreported: int = 0  # where the first error stands that is not named
    after_error: bool = False  # since the last problem no block of Terraform's own was read

    def read(self) -> None:
        data = self.source.data
        headers, ends = _find_boundaries(self.source)
        budget, start, broken = _MAX_EFFORT * len(data) + 1_000_000, 0, False
        while start < len(data):
            if self.spent > budget:
                self.problems.append(
                    SyntaxProblem(self.source.line_column(start)[0], "too many errors; the rest is not read")
                )
                return
            error, after = self.piece(start, ends)
            if after is not None:
                start, broken = after, False
                continue
            word = _WORD.search(data, start)
            first = word.start() if word is not None else len(data)
            number = bisect_right(headers, first)
            end = headers[number] if number < len(headers) else len(data)
            # what follows a broken block and begins no block of Terraform's own belongs to the same mistake
            if not broken or (_TOP_LEVEL if _contains_blocks(self.source) else _ATTRIBUTE).match(data, first):
                self.report(start, end, error)
            start, broken = end, True
        if self.first_unreported:
            self.problems.append(
                SyntaxProblem(self.source.line_column(self.first_unreported)[0], "more errors, which are not named")
            )

    def piece(self, start: int, ends: list[int]) -> tuple[int, int | None]:
        """The place of the first error at ``start``, and the place behind what could be read, or None."""
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
        """Take what was read, but for blocks that a merge conflict runs through: it is not known which half holds."""
        for item in items:
            begin, end = (self.source.offset(*item.span[place : place + 2]) for place in (0, 2))
            if not any(begin <= mark < end for region in self.conflicts for mark in region):
                self.items.append(item)
                self.after_error = self.after_error and not (isinstance(item, Block) and item.type in _TYPES)

    def report(self, start: int, end: int, error: int) -> None:
        if any(start <= last and first < end for first, last in self.conflicts):
            return  # named as the conflict that it is
        if len(self.problems) >= _MAX_PROBLEMS:
            self.first_unreported = self.first_unreported or start
            return
        place, reason = diagnose(
            self.source, start, end, error, lambda first, last: self.parse(self.source, first, last).error
        )
        if (
            reason != STRAY_BRACKET or not self.after_error
        ):  # a bracket left over from the mistake before is none of its own
            self.problems.append(SyntaxProblem(self.source.line_column(place)[0], f"not HCL{reason}"))
        self.after_error = True


def _contains_blocks(source: SourceText) -> bool:
    """Whether a file is named like configuration; any other holds values of variables."""
    return source.file.endswith((".tf", ".tofu"))


def _find_boundaries(source: SourceText) -> tuple[list[int], list[int]]:
    """Where blocks seem to begin, and where pieces may end: at those places, and behind lines that close a block."""
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
        if not ends or data[ends[-1] : offset].strip():  # two ends with nothing in between are one
            ends.append(offset)
        else:
            ends[-1] = offset
    return headers, ends


def _find_conflicts(data: bytes) -> list[tuple[int, int]]:
    """The merge conflicts of a file, each from its first marker to its last one."""
    found: list[tuple[int, int]] = []
    begin: int | None = None
    for match in _CONFLICT.finditer(data):
        if match.group().startswith(b"<"):
            if begin is not None:
                found.append((begin, begin))
            begin = match.start()
        else:
            found.append((match.start() if begin is None else begin, match.start()))
            begin = None
    return found if begin is None else [*found, (begin, begin)]


def _blank_markers(source: SourceText) -> SourceText:
    """The text with blanks in place of the markers, so that every place stays."""
    return replace(source, data=_CONFLICT_LINE.sub(lambda match: b" " * len(match.group()), source.data))
