"""Positions of the protocol: three encodings, three line ends."""

from __future__ import annotations

import os

import pytest

if not os.environ.get("NEED_LSP"):
    pytest.importorskip("lsprotocol")

from lsprotocol.types import Position, PositionEncodingKind, Range

from passrole_checks.iam.values.nodes import Position as At
from passrole_checks.lsp.positions import TextPositions

TEXT = "a\r\né🚀b\nc\rd"


@pytest.mark.parametrize(
    ("encoding", "character"),
    [(PositionEncodingKind.Utf8, 6), (PositionEncodingKind.Utf16, 3), (PositionEncodingKind.Utf32, 2)],
)
def test_characters_count_units_of_the_encoding(encoding: PositionEncodingKind, character: int) -> None:
    positions = TextPositions(TEXT, encoding)
    assert positions.at_offset(TEXT.index("b")) == Position(1, character)
    assert positions.offset(Position(1, character)) == TEXT.index("b")


def test_each_line_end_ends_a_line() -> None:
    positions = TextPositions(TEXT)
    assert [positions.at_offset(TEXT.index(word)) for word in "acd"] == [Position(0, 0), Position(2, 0), Position(3, 0)]


def test_positions_behind_the_end_are_the_end() -> None:
    positions = TextPositions(TEXT)
    assert positions.offset(Position(0, 99)) == 1
    assert positions.offset(Position(99, 0)) == len(TEXT)
    assert positions.at_offset(99) == Position(3, 1)


def test_spans_of_the_scanner() -> None:
    """Its lines end with line feeds only; without an end, a span is the rest of its line."""
    positions = TextPositions(TEXT)
    assert positions.range_of(At("f", 2, 2, 2, 3)) == Range(Position(1, 1), Position(1, 3))
    assert positions.range_of(At("f", 2)) == Range(Position(1, 0), Position(1, 4))
    assert positions.range_of(At("f", 99)) == Range(Position(3, 1), Position(3, 1))
