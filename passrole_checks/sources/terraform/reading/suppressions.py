"""Comments that silence a check: ``# checkov:skip=PASSROLE_001:reason`` and ``# passrole:skip=PASSROLE_001 reason``.

Source: checkov's documentation, "Suppressing and Skipping Policies".
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from passrole_checks.iam.partial_values import Position
from passrole_checks.sources.model.configuration import Suppression
from passrole_checks.sources.terraform.reading.syntax import Block, ParsedFile

_COMMENT = re.compile(
    rb"(?:#|//|/\*)[ \t]*(?P<origin>checkov|passrole):skip=[ \t]*"
    rb"(?P<ids>PASSROLE_\d{3}(?:[ \t]*,[ \t]*PASSROLE_\d{3})*)[ \t]*:?(?P<reason>[^\r\n]*)",
    re.IGNORECASE,
)
_ADDRESS_PREFIXES = {"resource": "", "data": "data.", "module": "module."}


def suppressions_in(parsed: ParsedFile) -> Iterator[Suppression]:
    """The suppressions of a file.

    One inside a resource, a data source or a module block is for that; one inside another block (``locals``) for the
    statements that stand in it, and one outside of all blocks for the file.
    """
    data = parsed.source.data
    if b":skip=" not in data.lower():
        return
    for match in _COMMENT.finditer(data):
        line, column = parsed.source.line_column(match.start())
        if _inside_string(data, match.start()):
            continue
        block = _enclosing_block(parsed, line)
        reason = match["reason"].decode("utf-8", "replace").strip().removesuffix("*/").strip()
        end = parsed.source.line_column(match.end())
        for check in re.findall(r"PASSROLE_\d{3}", match["ids"].decode().upper()):
            yield Suppression(
                check,
                reason,
                Position(parsed.source.file, line, column, *end),
                match["origin"].decode().lower(),
                block_address(block) if block is not None and block.type in _ADDRESS_PREFIXES else None,
                parsed.source.position(block.span) if block is not None else None,
            )


def block_address(block: Block) -> str:
    """The address of a block within its module."""
    return _ADDRESS_PREFIXES[block.type] + ".".join(block.labels)


def _enclosing_block(parsed: ParsedFile, line: int) -> Block | None:
    for block in parsed.body.blocks:
        if block.span.line <= line <= block.span.end_line:
            return block
    return None


def _inside_string(data: bytes, place: int) -> bool:
    """Whether a place on its line lies behind an opening quote."""
    start = data.rfind(b"\n", 0, place) + 1
    quoted = False
    escaped = False
    for byte in data[start:place]:
        if escaped:
            escaped = False
        elif byte == 0x5C:
            escaped = quoted
        elif byte == 0x22:
            quoted = not quoted
    return quoted
