"""Source excerpts of a statement: the lines of its file that determine what it grants."""

from __future__ import annotations

import codecs
import json
import re
import textwrap
from array import array
from bisect import bisect_right
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache, partial
from itertools import chain
from typing import TYPE_CHECKING, BinaryIO

from passrole_checks.escaping.shorten import truncate
from passrole_checks.escaping.terminal import sanitize
from passrole_checks.files.safe_read import content_version, open_regular, read_bounded, read_from, size_of
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.sources.recognize import LARGEST_TEMPLATE

if TYPE_CHECKING:
    from passrole_checks.iam.grants.grant import PassRoleGrant
    from passrole_checks.iam.values.nodes import Position

MAX_LINES = 12
MAX_COLUMNS = 160
_CUT = "…"
_JOINED = 100  # columns of a list on one line
_AROUND = 40  # columns of the beginning of a line that is cut in the middle
_PIECE = 1 << 16  # bytes
_CONTINUATIONS = bytes(range(0x80, 0xC0))  # the bytes of a character in UTF-8 after its first one
_DEPTH = 12  # levels of indentation that are distinguished
_MOST, _LONGEST = 5_000, 20_000  # lines and columns to choose from; no policy that AWS accepts has more

# Comments, unset attributes of a plan, the Sid (shown above the excerpt), and the default "Effect: Allow".
_NOISE = lazy_regex(
    r"""\s*|\s*(?:\#|//).*
    |\s*"(?-i:[a-z_]+)":\s*(?:null|\[\]|\{\}|""),?
    |\s*(?:-\s*)?["']?sid["']?\s*[:=].*|\s*(?:-\s*)?["']?effect["']?\s*[:=]\s*["']?allow["']?,?""",
    re.IGNORECASE | re.VERBOSE,
)
_WRAPPER = lazy_regex(r"[\[{(]+|(?:statement|content)\s*\{")
_CLOSING = lazy_regex(r"\s*([\]})])[\]})]*[,;]?")
_BRACKETS = {"[": "]", "{": "}", "(": ")"}
_KEY = lazy_regex(
    r"""^\s*(?:-\s*)?["']?(?:effect|(?:not_?)?(?:action|resource)s?|condition|test|variable|values)["']?\s*[:={]""",
    re.IGNORECASE,
)
_ACCESS = lazy_regex(r"""^\s*["']?(?:not_?)?(?:action|resource)s?\b""", re.IGNORECASE)
_RELEVANT = lazy_regex(rf"iam:|role|\*|amazonaws|{_KEY.pattern}", re.IGNORECASE)
_FLAGGED_KEYS = lazy_regex("PassedToService|ResourceTag/|AssociatedResourceArn", re.IGNORECASE)
_VALUE = lazy_regex(r"[^\s\"',\[\]]+")


def excerpt_lines(at: Position, grant: PassRoleGrant | None = None, messages: str = "") -> list[str]:
    """Return the relevant lines of the statement at ``at``, dedented, at most :data:`MAX_LINES`; omitted lines become
    ``…``. Of long lists, what the ``messages`` of findings name is preferred.

    If the file no longer exists, or has the statement on one line that is too long to read (a plan, a minified
    template), a description of ``grant`` is returned instead; without a grant, nothing.
    """
    lines = _read_statement(at)
    if len(lines) == 1 and len(lines[0]) > MAX_COLUMNS and grant is not None:
        lines = []
    if not lines:
        return [] if grant is None else [truncate(sanitize(_describe_grant(grant)), MAX_COLUMNS)]
    return [truncate(sanitize(line), MAX_COLUMNS) for line in _relevant_lines(lines, grant, messages)]


def statement_lines(at: Position, grant: PassRoleGrant, most: int, columns: int) -> list[str]:
    """Return the whole statement at ``at``, dedented, at most ``most`` lines of ``columns``; omitted parts become
    ``…``.

    Falls back to a description of ``grant`` as :func:`excerpt_lines` does.
    """
    lines = _read_statement(at)
    if not lines or (len(lines) == 1 and len(lines[0]) > columns):
        lines = [_describe_grant(grant)]
    shortened = lines if len(lines) <= most else [*lines[: most - 1], "…"]
    return [truncate(sanitize(line), columns) for line in shortened]


class _LargeFile:
    """The text of a large file, which is read when it is asked for: only the offsets of its lines are kept, and how
    many characters come before each piece of it."""

    def __init__(self, file: str, stream: BinaryIO) -> None:
        self._file, self._starts, self._characters = file, array("Q", [0]), array("Q", [0])
        offset = 0
        while piece := read_from(stream, _PIECE):
            self._starts.extend(offset + found.end() for found in re.finditer(b"\n", piece))
            self._characters.append(self._characters[-1] + _count(piece))
            offset += len(piece)
            if offset == len(piece) and piece.startswith(codecs.BOM_UTF8):
                self._starts[0] = len(codecs.BOM_UTF8)
        self._starts.append(offset)

    def between(self, first: int, last: int) -> Sequence[str]:
        """Return the lines with indexes from ``first`` to ``last``, exclusive."""
        last = min(last, len(self._starts) - 1)
        if first >= last:
            return ()
        return _split(self._read(self._starts[first], self._starts[last]))[: last - first]

    def part(self, line: int, start: int, end: int | None) -> str:
        """Return the characters of a line with indexes from ``start`` to ``end``, exclusive; None: to its end."""
        if line >= len(self._starts) - 1:
            return ""
        first, behind = self._starts[line], self._starts[line + 1]
        piece = first // _PIECE
        before = self._characters[piece] + _count(self._read(piece * _PIECE, first))
        last = behind if end is None else min(self._offset(before + end), behind)
        return self._read(self._offset(before + start), last).decode("utf-8", "replace")

    def _offset(self, character: int) -> int:
        """Return the offset of a character of the file."""
        piece = bisect_right(self._characters, character) - 1
        data = self._read(piece * _PIECE, (piece + 1) * _PIECE)
        begun = len(data) - len(data.lstrip(_CONTINUATIONS))  # by the piece before
        text = data[begun:].decode("utf-8", "ignore")
        return piece * _PIECE + begun + len(text[: character - self._characters[piece]].encode())

    def _read(self, start: int, end: int) -> bytes:
        with open_regular(self._file) as stream:
            stream.seek(start)
            return read_from(stream, max(min(end - start, LARGEST_TEMPLATE), 0))


class _SmallFile:
    """The lines of a file that are all kept."""

    def __init__(self, lines: tuple[str, ...]) -> None:
        self._lines = lines

    def between(self, first: int, last: int) -> Sequence[str]:
        """Return the lines with indexes from ``first`` to ``last``, exclusive."""
        return self._lines[first:last]

    def part(self, line: int, start: int, end: int | None) -> str:
        """Return the characters of a line with indexes from ``start`` to ``end``, exclusive; None: to its end."""
        return self._lines[line][start:end] if line < len(self._lines) else ""


def _count(data: bytes) -> int:
    """Return the number of characters that begin in a part of a text in UTF-8."""
    return len(data) if data.isascii() else len(data.translate(None, _CONTINUATIONS))


def _split(data: bytes) -> tuple[str, ...]:
    # Not splitlines(): parsers count line feeds only, not form feeds and the like.
    return tuple(line.rstrip("\r") for line in data.decode("utf-8-sig", "replace").split("\n"))


@lru_cache(maxsize=4)
def _source(file: str, _version: Hashable) -> _LargeFile | _SmallFile:
    """Read a file; ``_version`` is that of its content, since a server reads it again after each edit."""
    try:
        with open_regular(file) as stream:
            if size_of(stream) > LARGEST_TEMPLATE:
                return _LargeFile(file, stream)
        return _SmallFile(_split(read_bounded(file, LARGEST_TEMPLATE)))
    except OSError:
        return _SmallFile(())


def _read_statement(at: Position) -> list[str]:
    """Return the lines at a position, without the escapes of a policy document that is a string in JSON."""
    end = at.end_column - 1 if at.end_line >= at.line and at.end_column > 0 else None
    try:
        source = _source(at.file, content_version(at.file))
        if at.end_line <= at.line:  # a plan is one line of up to 100 MB
            part = source.part(at.line - 1, at.column - 1, end).strip()
            return _unescape(part) if part else []
        lines = list(source.between(at.line - 1, at.end_line))
    except OSError:  # a large file that is gone
        return []
    if not lines:
        return []
    lines[-1] = lines[-1][:end]
    lines[0] = lines[0][at.column - 1 :]
    rest = textwrap.dedent("\n".join(lines[1:])).split("\n")
    return [line.rstrip() for line in (lines[0].lstrip(), *rest)]


def _unescape(line: str) -> list[str]:
    """Return the original lines of a policy document that is embedded as a string in JSON."""
    if '\\"' not in line:
        return [line]
    try:
        text = str(json.loads(f'"{line}"'))
    except ValueError:
        return [line.replace('\\"', '"')]
    first, *rest = text.replace("\r\n", "\n").split("\n")
    return [first, *textwrap.dedent("\n".join(rest)).split("\n")] if rest else [first]


def _relevant_lines(lines: list[str], grant: PassRoleGrant | None, messages: str) -> list[str]:
    """Return the lines without noise, shortened in the mildest way that leaves at most :data:`MAX_LINES`."""
    lines = [truncate(line, _LONGEST) for line in lines[:_MOST]]
    parts = _parse([line for line in lines if not _NOISE.fullmatch(line)]) or (_Part(lines[0].strip()),)
    while len(parts) == 1 and parts[0].parts and _WRAPPER.fullmatch(parts[0].line):
        parts = parts[0].parts  # those in the brackets or the block of the statement
    is_flagged = partial(_is_flagged, granted_by=grant.granted_by if grant is not None else "", messages=messages)
    ways = chain(
        (parts, _without_irrelevant(parts)), (_first_flagged(parts, is_flagged, most) for most in (3, 2, 1, 0))
    )
    short: list[str] = []
    for shown in chain.from_iterable((way, _joined(way)) for way in ways):
        short = list(_lines_of(shown))
        if len(short) <= MAX_LINES:
            break
    short = short if len(short) <= MAX_LINES else [*short[: MAX_LINES - 1], _CUT]
    return [_shorten_line(line, is_flagged) for line in textwrap.dedent("\n".join(short)).split("\n")]


# -- the parts of a statement


@dataclass(frozen=True, slots=True)
class _Part:
    """A line, the ``parts`` that are indented below it, and the line with the brackets that ``end`` it."""

    line: str
    indent: int = 0
    parts: tuple[_Part, ...] = ()
    end: str = ""

    @property
    def is_cut(self) -> bool:
        """True if this replaces omitted lines."""
        return self.line == _CUT


def _parse(lines: Sequence[str], depth: int = 0) -> tuple[_Part, ...]:
    """Return lines as parts by their indentation, which formats with and without brackets have in common."""
    parts, number = [], 0
    while number < len(lines):
        line, indent = lines[number].strip(), _indent(lines[number])
        after = number + 1
        while after < len(lines) and depth < _DEPTH and _is_below(lines[after], line, indent):
            after += 1
        below = _parse(lines[number + 1 : after], depth + 1)
        number = after
        end = ""
        closing = _CLOSING.fullmatch(lines[number]) if number < len(lines) else None
        if closing is not None and closing[1] == _BRACKETS.get(line[-1:]):
            end, number = lines[number].strip(), number + 1
        parts.append(_Part(line, indent, below, end))
    return tuple(parts)


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _is_below(line: str, above: str, indent: int) -> bool:
    """True if a line belongs to the one ``above``; the items of a YAML list need not be indented."""
    is_item = line.lstrip().startswith("- ") and above.endswith(":") and not above.startswith("- ")
    return _indent(line) > indent or (is_item and _indent(line) == indent)


def _lines_of(parts: Iterable[_Part]) -> Iterator[str]:
    for part in parts:
        indent = " " * part.indent
        yield f"{indent}{part.line}"
        yield from _lines_of(part.parts)
        if part.end:
            yield f"{indent}{part.end}"


def _without_irrelevant(parts: Iterable[_Part]) -> tuple[_Part, ...]:
    """Replace each run of lines that are not about roles or services by one cut."""
    kept: list[_Part] = []
    for part in parts:
        inner = _without_irrelevant(part.parts)
        if _RELEVANT.search(part.line) or not all(one.is_cut for one in inner):
            kept.append(_collapsed(replace(part, parts=inner)))
        elif not kept or not kept[-1].is_cut:
            kept.append(_Part(_CUT, part.indent))
    return tuple(kept)


def _first_flagged(
    parts: Sequence[_Part], is_flagged: Callable[[str], bool], most: int, *, top: bool = True
) -> tuple[_Part, ...]:
    """Keep ``most`` parts of each list, and all keys of the statement; one cut replaces each run of others, or all of
    them if ``most`` is below 2.

    Parts with something flagged are preferred. At least one of them stays, and one action and one resource.
    """
    keys = [number for number, part in enumerate(parts) if _KEY.search(part.line) and (most or top)]
    flagged = [number for number, part in enumerate(parts) if any(map(is_flagged, _lines_of([part])))]
    chosen = {*keys, *flagged[: max(most, 1)], *(() if flagged else range(most))}
    kept: list[_Part] = []
    for number, part in enumerate(parts):
        if number in chosen:
            within = max(most, 1) if top and _ACCESS.search(part.line) else most
            inner = _first_flagged(part.parts, is_flagged, within, top=False)
            kept.append(_collapsed(replace(part, parts=inner)))
        elif not any(one.is_cut for one in (kept[-1:] if most > 1 else kept)):
            kept.append(_Part(_CUT, part.indent))
    return tuple(kept)


def _collapsed(part: _Part) -> _Part:
    """Return a part of which everything is left out on one line: ``"ArnLike": { … },``."""
    if not part.parts or not all(one.is_cut for one in part.parts):
        return part
    return _Part(" ".join(filter(None, (part.line, _CUT, part.end))), part.indent)


def _joined(parts: Iterable[_Part]) -> tuple[_Part, ...]:
    """Put lists, and objects with one member, on one line if they are short: ``"Action": ["iam:PassRole"],``."""
    return tuple(_join(replace(part, parts=_joined(part.parts))) for part in parts)


def _join(part: _Part) -> _Part:
    is_list = part.line.endswith("[")
    if not part.end or not (is_list or (part.line.endswith("{") and len(part.parts) == 1)):
        return part
    first = part.parts[0] if len(part.parts) == 1 else None
    if first is not None and first.end and _WRAPPER.fullmatch(first.line):  # [ and { on lines of their own
        return replace(first, line=part.line + first.line, indent=part.indent, end=first.end.rstrip(",") + part.end)
    if any(one.parts for one in part.parts):
        return part
    words = " ".join(f"{one.line}," if one.is_cut and one is not part.parts[-1] else one.line for one in part.parts)
    line = f"{part.line}{words.rstrip(',')}{part.end}" if is_list else f"{part.line} {words} {part.end}"
    return _Part(line, part.indent) if len(line) <= _JOINED else part


def _is_flagged(line: str, granted_by: str, messages: str) -> bool:
    """True for the action that grants, and for a value that a message names."""
    if _FLAGGED_KEYS.search(line):
        return True
    values = [value for value in _VALUE.findall(line) if value]
    return any(value.lower() == granted_by.lower() or (len(value) > 2 and value in messages) for value in values)


def _shorten_line(line: str, is_flagged: Callable[[str], bool]) -> str:
    """Cut a long line around the first value that is flagged, and after :data:`MAX_COLUMNS`."""
    if len(line) <= MAX_COLUMNS:
        return line
    flagged = next((match for match in _VALUE.finditer(line) if is_flagged(match[0])), None)
    if flagged is None or flagged.end() < MAX_COLUMNS:
        return truncate(line, MAX_COLUMNS)
    beginning = line[:_AROUND].rpartition(" ")[0] or line[:_AROUND]
    start = flagged.start() - (line[flagged.start() - 1] in "\"'")
    return truncate(f"{beginning} {_CUT} {line[start:]}", MAX_COLUMNS)


def _describe_grant(grant: PassRoleGrant) -> str:
    roles = ", ".join(str(role.pattern) for role in grant.roles)
    services = ", ".join(grant.services.values)
    return f"{grant.effect} {grant.granted_by} on {roles or '…'}" + (f" to {services}" if services else "")
