"""Values that are built from their text equal those that are built from the nodes of the parser."""

from __future__ import annotations

from pathlib import Path

import pytest

from passrole_checks.sources.terraform.reading.files import parse_bytes
from passrole_checks.sources.terraform.reading.syntax import Body
from passrole_checks.sources.terraform.reading.tree_sitter_nodes import TreeSitterBuilder

SAMPLES = sorted((Path(__file__).parents[3] / "sample_templates").rglob("*.tf"))
VALUES = (
    '""', '"a"', '"a.b[0]"', '"a$b%c"', '"$${a}"', '"${a}"', '"a\\nb"', '"{"', "1", "01", "1.5", "1e3", "-1", "true",
    "false", "null", "true.a", "null[0]", "trueish", "a", "a-b", "a_b.c-d", "a.b.c", "a.0", "a.b[0].c", "a.*.b",
    "a[*].b", "a . b", "a.b # c", "(a)", "{ a = b, \"c\" = d.e, 1 = f, (g) = h, true = i, a.b = j }", "[a, \"b\", 1]",
    "f(a.b, \"c\")", "[for a in b.c : a.d]", "a.b ? c.d : \"e\"",
)  # fmt: skip


def built(body: Body) -> list[object]:
    found: list[object] = [(attribute.name, attribute.span, attribute.value) for attribute in body.attributes]
    for block in body.blocks:
        found += (block.type, block.labels, block.span, *built(block.body))
    return found


def values_of(data: bytes, monkeypatch: pytest.MonkeyPatch) -> tuple[list[object], list[object]]:
    """Return the values of a file as they are built, and from nodes only."""
    found = []
    for is_short in (True, False):
        parse_bytes.clear()
        if not is_short:
            monkeypatch.setattr(TreeSitterBuilder, "plain", lambda self, node: None)
        found.append(built(parse_bytes("a.tf", data).body))
    parse_bytes.clear()
    monkeypatch.undo()
    return found[0], found[1]


@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize("comment", ["", "# ä\n"])
def test_value_is_the_same(value: str, comment: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Alone, and after a character of two bytes."""
    short, from_nodes = values_of(f"{comment}locals {{\n  x = {value}\n}}\n".encode(), monkeypatch)
    assert short == from_nodes


def test_values_of_samples_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """All values of all samples."""
    for file in SAMPLES:
        short, from_nodes = values_of(file.read_bytes(), monkeypatch)
        assert short == from_nodes, file
