"""Align equals signs and trailing comments in edited HCL, as ``terraform fmt`` does.

Source: hashicorp/hcl, ``hclwrite/format.go`` (``linesForFormat``, ``formatCells``): the equals signs of consecutive
lines are in one column, except where the value continues on the next line; so are the comments of consecutive lines.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.suggest.edits.json_nodes import masked
from passrole_checks.suggest.edits.syntax_tree import line_end, line_start
from passrole_checks.suggest.suggestion import Edit, apply_edits

_TOKEN = lazy_regex(r'"(?:[^"\\\n]|\\.)*"|#[^\n]*|//[^\n]*|/\*|<<|=>|[=!<>]=|[={}\[\]()]|[^\s"#/<=!>{}\[\]()]+|\S')
_DEPTH = {"{": 1, "[": 1, "(": 1, "}": -1, "]": -1, ")": -1}


@dataclass(frozen=True, slots=True)
class _Line:
    """A line by offsets: ends of its lead, of its assignment (the equals sign and the value) and of its comment, each
    without blanks. An assignment or a comment that starts at -1 is missing.
    """

    start: int
    lead_end: int
    equals: int
    assign_end: int
    comment: int


def with_alignment(text: str, edits: Sequence[Edit], start: int, end: int) -> tuple[Edit, ...]:
    """Return the edits of a statement, and those that align the lines around them; no more if the statement is not
    aligned as ``terraform fmt`` does.

    Args:
        text: the file.
        edits: all within ``start`` and ``end``, the offsets of the statement.
    """
    first, last = line_start(text, start), line_end(text, end)
    edits = sorted(edits, key=lambda one: (one.start, one.end))
    if not edits or _read_lines(text, first, last) is None or list(_misaligned(text, first, last)):
        return tuple(edits)
    after = apply_edits(text, edits)
    made = list(edits)
    for begin, stop, width in sorted(_misaligned(after, first, last + len(after) - len(text))):
        if not _replace_range(made, edits, begin, stop, " " * width):
            return tuple(edits)
    return tuple(sorted(made, key=lambda one: (one.start, one.end)))


def _replace_range(made: list[Edit], edits: Sequence[Edit], begin: int, stop: int, new: str) -> bool:
    """Change the edits ``made`` so that they also replace a range of the text after ``edits``; False if they cannot.

    ``made`` has these edits in the same order, with earlier ranges replaced, then new ones.
    """
    shift = 0
    for number, edit in enumerate(edits):
        new_start, new_end = edit.start + shift, edit.start + shift + len(edit.text)
        if stop < new_start or begin < new_start == stop:
            break
        if begin < new_start:
            return False
        if begin <= new_end:
            old = made[number]
            moved = len(old.text) - len(edit.text)
            text = old.text[: begin - new_start + moved] + new + old.text[min(stop, new_end) - new_start + moved :]
            made[number] = Edit(old.file, old.start, old.end + max(stop - new_end, 0), text)
            return True
        shift = new_end - edit.end
    made.append(Edit(edits[0].file, begin - shift, stop - shift, new))
    return True


def _misaligned(text: str, first: int, last: int) -> Iterator[tuple[int, int, int]]:
    """Yield the ranges of blanks between two offsets that need another width, with that width."""
    lines = _read_lines(text, first, last)
    if lines is None:
        return
    widths: dict[int, int] = {}  # of the part before the comment, by line
    for chain in _chains(lines, lambda line: line.equals >= 0):
        column = max(line.lead_end - line.start for line in chain) + 1
        for line in chain:
            widths[line.start] = column + line.assign_end - line.equals
            if line.start + column != line.equals:
                yield line.lead_end, line.equals, column - (line.lead_end - line.start)
    for chain in _chains(lines, lambda line: line.comment >= 0):
        before = [widths.get(line.start, line.lead_end - line.start) for line in chain]
        for line, width in zip(chain, before, strict=True):
            end = line.assign_end if line.equals >= 0 else line.lead_end
            if line.comment - end != max(before) + 1 - width:
                yield end, line.comment, max(before) + 1 - width


def _chains(lines: Sequence[_Line], belongs: Callable[[_Line], bool]) -> Iterator[list[_Line]]:
    """Yield the runs of consecutive lines that have a part."""
    chain: list[_Line] = []
    for line in lines:
        if belongs(line):
            chain.append(line)
        elif chain:
            yield chain
            chain = []
    if chain:
        yield chain


def _read_lines(text: str, first: int, last: int) -> list[_Line] | None:
    """Return the lines between two offsets; None if tokens extend over several of them, or blanks are missing."""
    text = masked(text, first, last, "_")[: last - first]
    lines: list[_Line] = []
    for found in re.finditer(r"[^\n]*\n|[^\n]+", text):
        tokens = list(_TOKEN.finditer(found[0]))
        signs = (token.span() for token in tokens if token[0] == "=")
        around = [found[0][start - 1 : start] + found[0][end : end + 1] for start, end in signs]
        is_spaced = all(len(blanks) == 2 and blanks.isspace() for blanks in around)
        if not is_spaced or any(token[0] in ("/*", "<<", '"') for token in tokens):
            return None
        lines.append(_line(tokens, first + found.start()))
    return lines


def _line(tokens: list[re.Match[str]], start: int) -> _Line:
    comment = -1
    if len(tokens) > 1 and tokens[-1][0].startswith(("#", "//")):
        comment = start + tokens.pop().start()
    end = start + tokens[-1].end() if tokens else start
    words = [token[0] for token in tokens]
    number = words.index("=", 1) if "=" in words[1:] else 0
    if not number or sum(_DEPTH.get(word, 0) for word in words[number:]) != 0:
        return _Line(start, end, -1, end, comment)
    return _Line(start, start + tokens[number - 1].end(), start + tokens[number].start(), end, comment)
