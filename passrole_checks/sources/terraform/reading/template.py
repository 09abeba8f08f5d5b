"""Build the parts of a template from the flat list of pieces that a reader finds.

This module implements HCL's rules for escapes, trims (``~``), the indentation of ``<<-`` and the nesting of directives.
Source: HCL Native Syntax Specification, "Templates"; where it is vague, HCL's parser (``parser_template.go``): a
heredoc is read line by line, so a trim ends at the end of its line.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.sources.terraform.reading.syntax import (
    MAX_DEPTH,
    Expression,
    ForDirective,
    Fragment,
    IfDirective,
    Interpolation,
    Span,
    TemplateExpression,
    TemplatePart,
    Unparsed,
)

_ESCAPE = lazy_regex(r"\\(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.))|([$%])\4\{", re.DOTALL)
_SIMPLE = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\"}
_DOUBLED = lazy_regex(r"([$%])\1\{")


@dataclass(frozen=True, slots=True)
class Raw:
    """Literal text as written in the file."""

    text: str
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class TemplateMarker:
    """``${ ... }`` or ``%{ ... }``. ``word`` is empty, ``if``, ``else``, ``endif``, ``for`` or ``endfor``."""

    word: str
    span: Span
    expression: Expression | None = None
    key: str | None = None
    value: str = ""
    trim_left: bool = False
    trim_right: bool = False


Piece = Raw | TemplateMarker


class BadTemplate(ValueError):
    """Raised for directives that are unbalanced or nested too deeply."""


def build_template(pieces: Sequence[Piece], span: Span, *, heredoc: bool, flush: bool = False) -> Expression:
    """Return the template made of the pieces, or :class:`Unparsed` if its directives are not balanced.

    ``flush``: remove the common indentation (``<<-``).
    """
    try:
        parts, indent = _build_parts(pieces, heredoc=heredoc, flush=flush)
    except BadTemplate as error:
        return Unparsed(str(error), span)
    return TemplateExpression(parts, span, heredoc, indent)


def add_literals(
    markers: Iterable[tuple[int, int, TemplateMarker]], start: int, end: int, raw: Callable[[int, int], Raw]
) -> list[Piece]:
    """Return the markers of a template with the literal text between them.

    ``markers``: offsets and marker, in order. ``start``, ``end``: offsets of the template. ``raw``: returns the text
    between two offsets.
    """
    pieces: list[Piece] = []
    offset = start
    for begin, after, marker in markers:
        if begin > offset:
            pieces.append(raw(offset, begin))
        pieces.append(marker)
        offset = after
    if end > offset:
        pieces.append(raw(offset, end))
    return pieces


def _build_parts(
    pieces: Sequence[Piece], *, heredoc: bool, flush: bool = False
) -> tuple[tuple[TemplatePart, ...], int]:
    """Return the parts of a template and the indentation removed. Raises :class:`BadTemplate`."""
    if len(pieces) == 1 and isinstance(pieces[0], Raw) and not heredoc:
        fragment = _fragment(pieces[0], heredoc=False)
        return ((fragment,) if fragment.value else ()), 0
    split = _split_lines(pieces) if heredoc else list(pieces)
    indent = 0
    if flush:
        split, indent = _remove_indent(split)
    if any(isinstance(piece, TemplateMarker) and (piece.trim_left or piece.trim_right) for piece in split):
        split = _apply_trims(split, heredoc=heredoc)
    return _DirectiveParser(_join_lines(split, indent), heredoc).parts(frozenset(), 0), indent


def _split_lines(pieces: Sequence[Piece]) -> list[Piece]:
    """Split literal text after each line break, as HCL's scanner does for a heredoc."""
    split: list[Piece] = []
    for piece in pieces:
        if isinstance(piece, TemplateMarker):
            split.append(piece)
            continue
        column = piece.column
        for number, text in enumerate(piece.text.split("\n")):
            last = number == piece.text.count("\n")
            if text or not last:
                split.append(Raw(text if last else text + "\n", piece.line + number, column))
            column = 1
    return split


def _remove_indent(pieces: list[Piece]) -> tuple[list[Piece], int]:
    """Remove the smallest indentation from every line that is not blank. Returns the pieces and the indentation."""
    smallest: int | None = None
    adjust: list[int] = []
    begins = True
    for number, piece in enumerate(pieces):
        if begins:
            begins = False
            spaces: int | None = 0
            if isinstance(piece, Raw):
                stripped = piece.text.lstrip()
                if not stripped and piece.text.endswith("\n"):
                    spaces = None
                else:
                    spaces = len(piece.text) - len(stripped)
                    adjust.append(number)
            if spaces is not None and (smallest is None or spaces < smallest):
                smallest = spaces
        if isinstance(piece, Raw) and piece.text.endswith("\n"):
            begins = True
    indent = smallest or 0
    flushed = list(pieces)
    for number in adjust if indent else ():
        piece = pieces[number]
        if isinstance(piece, Raw):
            flushed[number] = Raw(piece.text[indent:], piece.line, piece.column + indent)
    return flushed, indent


def _apply_trims(pieces: list[Piece], *, heredoc: bool) -> list[Piece]:
    trimmed: list[Piece] = list(pieces)
    for number, piece in enumerate(pieces):
        if not isinstance(piece, TemplateMarker):
            continue
        if piece.trim_left and number:
            before = trimmed[number - 1]
            if isinstance(before, Raw):
                trimmed[number - 1] = replace(before, text=_rstrip(before.text, heredoc))
        if piece.trim_right and number + 1 < len(pieces):
            after = trimmed[number + 1]
            if isinstance(after, Raw):
                text = _lstrip(after.text, heredoc)
                removed = after.text[: len(after.text) - len(text)]
                column = after.column + len(removed) if "\n" not in removed else len(removed) - removed.rfind("\n")
                trimmed[number + 1] = Raw(text, after.line + removed.count("\n"), column)
    return trimmed


def _lstrip(text: str, heredoc: bool) -> str:
    if heredoc:
        return text.lstrip()
    while text[:1].isspace() or text[:2] in ("\\n", "\\r", "\\t"):  # escapes are resolved before the trim
        text = text[1:] if text[0] != "\\" else text[2:]
    return text


def _rstrip(text: str, heredoc: bool) -> str:
    if heredoc:
        return text.rstrip()
    while text[-1:].isspace() or re.search(r"(?<!\\)(?:\\\\)*\\[nrt]$", text):
        text = text[:-1] if text[-1].isspace() else text[:-2]
    return text


def _join_lines(pieces: list[Piece], indent: int) -> list[Piece]:
    """Join lines whose next line starts at the column of the indentation."""
    joined: list[Piece] = []
    for piece in pieces:
        last = joined[-1] if joined else None
        if isinstance(piece, Raw):
            if not piece.text:
                continue
            if isinstance(last, Raw) and last.text.endswith("\n") and piece.column in (1, indent + 1):
                lines = last.text.count("\n")
                if last.line + lines == piece.line:
                    joined[-1] = replace(last, text=last.text + piece.text)
                    continue
        joined.append(piece)
    return joined


class _DirectiveParser:
    """Nest the directives of a flat list of pieces."""

    def __init__(self, pieces: Sequence[Piece], heredoc: bool) -> None:
        self.pieces, self.heredoc, self.index = pieces, heredoc, 0
        self.end: TemplateMarker | None = None

    def parts(self, ends: frozenset[str], depth: int) -> tuple[TemplatePart, ...]:
        if depth > MAX_DEPTH:
            raise BadTemplate("directives nested too deeply")
        parts: list[TemplatePart] = []
        while self.index < len(self.pieces):
            piece = self.pieces[self.index]
            self.index += 1
            if isinstance(piece, Raw):
                fragment = _fragment(piece, self.heredoc)
                if fragment.value:
                    parts.append(fragment)
            elif piece.word in ends:
                self.end = piece
                return tuple(parts)
            else:
                parts.append(self.sequence(piece, depth))
        if ends:
            raise BadTemplate(f"directive without its {min(ends, key=len)}")
        return tuple(parts)

    def sequence(self, piece: TemplateMarker, depth: int) -> TemplatePart:
        if piece.word == "if" and piece.expression is not None:
            then = self.parts(frozenset({"else", "endif"}), depth + 1)
            otherwise: tuple[TemplatePart, ...] = ()
            if self.end is not None and self.end.word == "else":
                otherwise = self.parts(frozenset({"endif"}), depth + 1)
            return IfDirective(piece.expression, then, otherwise, self.span_to_end(piece.span))
        if piece.word == "for" and piece.expression is not None:
            body = self.parts(frozenset({"endfor"}), depth + 1)
            return ForDirective(piece.key, piece.value, piece.expression, body, self.span_to_end(piece.span))
        if piece.word == "" and piece.expression is not None:
            return Interpolation(piece.expression, piece.span)
        raise BadTemplate(f"unexpected '%{{ {piece.word} }}'")

    def span_to_end(self, start: Span) -> Span:
        end = self.end.span if self.end is not None else start
        return Span(start.line, start.column, end.end_line, end.end_column)


def _fragment(raw: Raw, heredoc: bool) -> Fragment:
    if heredoc:
        value = _DOUBLED.sub(r"\1{", raw.text) if "{" in raw.text else raw.text
        return Fragment(value, raw.line, raw.column)  # a doubled sign shifts columns of its own line only
    if "\\" not in raw.text and "{" not in raw.text:
        return Fragment(raw.text, raw.line, raw.column)
    value = _ESCAPE.sub(_unescape, raw.text)
    return Fragment(value, raw.line, raw.column, "\\" not in raw.text)


def _unescape(match: re.Match[str]) -> str:
    short, long, simple, sign = match.groups()
    if sign:
        return f"{sign}{{"
    if simple is not None:
        return _SIMPLE.get(simple, "\\" + simple)
    code = int(short or long, 16)
    return chr(code) if code <= 0x10FFFF and not 0xD800 <= code <= 0xDFFF else "\ufffd"
