"""Suppression comments: ``# checkov:skip=PASSROLE_001:reason`` and ``# passrole:skip=PASSROLE_001 reason``.

Source: checkov's documentation, "Suppressing and Skipping Policies".
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.iam.values.nodes import Position
from passrole_checks.sources.model.configuration import Suppression
from passrole_checks.sources.terraform.reading.syntax import ParsedFile

_COMMENT = lazy_regex(
    rb"(?:#|//|/\*)[ \t]*(?P<origin>checkov|passrole):skip=[ \t]*"
    rb"(?P<ids>PASSROLE_\d{3}(?:[ \t]*,[ \t]*PASSROLE_\d{3})*)[ \t]*:?(?P<reason>[^\r\n]*)",
    re.IGNORECASE,
)
_ADDRESSED = frozenset({"resource", "data", "module"})


def suppressions_in(parsed: ParsedFile) -> Iterator[Suppression]:
    """Yield the suppressions of a file.

    A comment inside a resource, data source or module block applies to that block. Inside another block (``locals``),
    it applies to the statements of that block; outside all blocks, to the file.
    """
    data = parsed.source.data
    if b":skip=" not in data.lower():
        return
    for match in _COMMENT.finditer(data):
        line, column = parsed.source.line_column(match.start())
        if _inside_string(data, match.start()):
            continue
        block = next((each for each in parsed.body.blocks if each.span.line <= line <= each.span.end_line), None)
        reason = match["reason"].decode("utf-8", "replace").strip().removesuffix("*/").strip()
        end = parsed.source.line_column(match.end())
        for check in re.findall(r"PASSROLE_\d{3}", match["ids"].decode().upper()):
            yield Suppression(
                check,
                reason,
                Position(parsed.source.file, line, column, *end),
                match["origin"].decode().lower(),
                block.address if block is not None and block.type in _ADDRESSED else None,
                parsed.source.position(block.span) if block is not None else None,
            )


def _inside_string(data: bytes, offset: int) -> bool:
    """True if an offset follows an opening quote on its line."""
    start = data.rfind(b"\n", 0, offset) + 1
    quoted = escaped = False
    for byte in data[start:offset]:
        if escaped:
            escaped = False
        elif byte == 0x5C:
            escaped = quoted
        elif byte == 0x22:
            quoted = not quoted
    return quoted
