"""Known differences between the two readers, and between them and HCL: one row each.

The rows of the default reader are always tested, those of python-hcl2 if it is installed without checkov's fork of the
same name.
"""

from __future__ import annotations

import pytest

from passrole_checks.sources.terraform.reading import reader_python_hcl2, reader_tree_sitter
from passrole_checks.sources.terraform.reading.source import SourceText
from passrole_checks.sources.terraform.reading.syntax import (
    Body,
    Fragment,
    Literal,
    ParsedFile,
    TemplateExpression,
    Unary,
)

YES, NO = "accepted", "rejected"
UNPARSED = "unparsed"  # the file is parsed, but not the expression

# text, is it HCL, what tree-sitter-hcl makes of it, what python-hcl2 makes of it
TABLE = [
    # valid, and python-hcl2 rejects it
    ("a = !!b\n", True, YES, NO),
    ("a = --1\n", True, YES, NO),
    ("a = b -12\n", True, YES, NO),
    ('a = "${~ y ~}"\n', True, YES, NO),
    ('a = "${\nb}"\n', True, YES, NO),
    ('a = "${b\n}"\n', True, YES, NO),
    ("a = /* c */ 1\n", True, YES, NO),
    ("a /* c */ = 1\n", True, YES, NO),
    ("a = (x\n.b)\n", True, YES, NO),
    ("a = <<_E\nx\n_E\n", True, YES, NO),
    ("ä = 1\n", True, YES, NO),
    ("a = ä.b\n", True, YES, NO),
    ("a = b.ä\n", True, YES, NO),
    ("a = { ä = 1 }\n", True, YES, NO),
    ("a = f::g(1)\n", True, YES, NO),  # the names of providers' functions have three parts, which it reads
    ("a = <<E\n${ä}\nE\n", True, YES, UNPARSED),
    ("a = <<E\n${!!b}\nE\n", True, YES, UNPARSED),
    ('a = "$${"\n', True, YES, NO),
    ('a = "%%{"\n', True, YES, NO),
    # valid, and tree-sitter-hcl's grammar has no words for it: the reader brings it into another form first
    ("a = 1e3\n", True, YES, YES),
    # not valid, and one of them accepts it
    ("a =\n 1\n", False, YES, NO),
    ("a\n= 1\n", False, YES, NO),
    ("a = { b =\n1 }\n", False, YES, NO),
    ("a = # c\n 1\n", False, YES, NO),
    ("a = x\n.b\n", False, YES, NO),
    ("a = 0x1f\n", False, YES, NO),
    ('a = "${}"\n', False, UNPARSED, NO),
    ('a = "\\q"\n', False, NO, YES),
    ('a = "\\uZZZZ"\n', False, NO, YES),
    ("a = <<E\n${x\nE\n", False, NO, YES),
    ("a = <<E\nE", False, NO, YES),
    ("a = { for = 1 }\n", False, NO, YES),
    ('b "c"\n{\n}\n', False, NO, YES),
    ('a = "%{ if b }"\n', False, NO, UNPARSED),
    ('a = "%{ endif }"\n', False, NO, UNPARSED),
    ("a = <<E\n%{ if b }\nE\n", False, NO, UNPARSED),
    # not valid, and both accept it: more is read, nothing is lost
    ('a = "x\ny"\n', False, YES, YES),
    ("a = 1 b = 2\n", False, YES, YES),
    ("b {} c {}\n", False, YES, YES),
    ("a = 1\n+ 2\n", False, YES, YES),
    ("a = x\n? y\n: z\n", False, YES, YES),
    ("a = { b = 1 c = 2 }\n", False, YES, YES),
    # not valid, and neither accepts it
    ("a = f(x...,)\n", False, NO, NO),
    ("a = [1 2]\n", False, NO, NO),
    ("a = 'b'\n", False, NO, NO),
    ("a: 1\n", False, NO, NO),
    ("a = 1;\n", False, NO, NO),
    ("a = [for x,y,z in m : x]\n", False, NO, NO),
    ("a = {for x in y : x}\n", False, NO, NO),
]  # fmt: skip


def flat(body: Body) -> list[object]:
    """A body as plain values, everything built."""
    found: list[object] = [(one.name, one.span, one.value) for one in body.attributes]
    found.extend((block.type, block.labels, block.span, flat(block.body)) for block in body.blocks)
    return found


def outcome(found: ParsedFile) -> str:
    if found.problems:
        return NO
    return UNPARSED if "Unparsed(" in repr(flat(found.body)) else YES


@pytest.mark.parametrize(("text", "tree_sitter"), [(row[0], row[2]) for row in TABLE])
def test_default_reader_matches_its_column(text: str, tree_sitter: str) -> None:
    """The column of tree-sitter-hcl."""
    assert outcome(reader_tree_sitter.read(SourceText.of("m.tf", text.encode()))) == tree_sitter


@pytest.mark.second_reader
@pytest.mark.parametrize(("text", "tree_sitter", "python_hcl2"), [(row[0], *row[2:]) for row in TABLE])
def test_python_hcl2_matches_its_column(text: str, tree_sitter: str, python_hcl2: str) -> None:
    """The column of python-hcl2; text that both accept has the same tree."""
    source = SourceText.of("m.tf", text.encode())
    found = reader_python_hcl2.read(source)
    assert outcome(found) == python_hcl2
    if tree_sitter == python_hcl2 == YES:
        assert flat(found.body) == flat(reader_tree_sitter.read(source).body)


def test_no_valid_text_is_rejected_by_both() -> None:
    """Valid HCL is accepted by at least one reader, and always by the default one."""
    valid = [row for row in TABLE if row[1]]
    assert [text for text, _, first, second in valid if YES not in (first, second)] == []
    assert [text for text, _, first, _ in valid if first != YES] == []


@pytest.mark.second_reader
def test_doubled_signs_differ() -> None:
    """``$$${`` is two dollars and an interpolation in HCL; python-hcl2 reads the last two as an escape."""
    source = SourceText.of("m.tf", b'a = "$$${x}"\n')
    first, second = (
        reader.read(source).body.attributes[0].value for reader in (reader_tree_sitter, reader_python_hcl2)
    )
    assert isinstance(first, TemplateExpression)
    assert isinstance(second, TemplateExpression)
    assert len(first.parts) == 2
    assert second.parts == (Fragment("$${x}", 1, 6),)


@pytest.mark.second_reader
@pytest.mark.parametrize("text", ["$$${x}", "$$$${x}", "%%%{ if x }y%{ endif }", "$", "$$", "$${", "a$${x}${y}"])
def test_doubled_signs_in_heredocs_are_the_same(text: str) -> None:
    """This package splits heredocs itself, so both readers agree."""
    source = SourceText.of("m.tf", f"a = <<E\n{text}\nE\n".encode())
    assert flat(reader_tree_sitter.read(source).body) == flat(reader_python_hcl2.read(source).body)


@pytest.mark.second_reader
@pytest.mark.parametrize("text", ["a = -1\n", "a = -12\n", "a = -1.5\n", "a = - 12\n"])
def test_negative_numbers_are_the_same(text: str) -> None:
    """python-hcl2 has one token for some negative numbers and two for others; here a minus is always an operator."""
    source = SourceText.of("m.tf", text.encode())
    found = reader_python_hcl2.read(source).body.attributes[0].value
    assert isinstance(found, Unary)
    assert isinstance(found.operand, Literal)
    assert found == reader_tree_sitter.read(source).body.attributes[0].value
