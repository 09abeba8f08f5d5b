"""Broken files: valid blocks are parsed, and the mistake is reported once, at the line to fix."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from profiles import examples

from passrole_checks.sources.terraform import load
from passrole_checks.sources.terraform.reading import reader_python_hcl2, reader_tree_sitter
from passrole_checks.sources.terraform.reading.source import SourceText
from passrole_checks.sources.terraform.reading.syntax import ParsedFile

READERS = [
    pytest.param(reader_tree_sitter.read, id="tree-sitter"),
    pytest.param(reader_python_hcl2.read, id="python-hcl2", marks=pytest.mark.second_reader),
]
Read = Callable[[SourceText], ParsedFile]

ROLE = 'resource "aws_iam_role" "good" {\n  name = "r"\n}\n'  # 3 lines
MODULE = 'module "after" {\n  source = "./m"\n}\n'


def names(found: ParsedFile) -> list[str]:
    return [f"{block.labels[-1] if block.labels else block.type}:{block.span.line}" for block in found.body.blocks]


def problems(found: ParsedFile) -> list[tuple[int, str]]:
    return [(problem.line, problem.reason) for problem in found.problems]


def block(*lines: str) -> str:
    return 'resource "aws_iam_policy" "bad" {\n' + "".join(f"  {line}\n" for line in lines) + "}\n"


# name, broken block (starts in line 4), reported line, part of the reason
BROKEN = [
    ("an attribute without a value", block('name = "a"', "policy =", 'path = "/"'), 6, "without a value"),
    ("nothing behind it either", block("policy = "), 5, "without a value"),
    ("a comment for a value", block("policy = # to do"), 5, "without a value"),
    ("a word", block('name = "a"', "pol"), 6, "near 'pol'"),
    ("a colon", block("name: 1"), 5, "near 'name: 1'"),
    ("half a reference", block("policy = data."), 5, "near 'policy = data.'"),
    ("half a conditional", block("policy = a ? b", 'path = "/"'), 5, "invalid HCL"),
    ("half a string", block('policy = "abc', 'path = "/"'), 5, "unclosed string"),
    ("half an interpolation", block('policy = "a${b"'), 5, "unclosed string"),
    ("half a list", block("policy = [", '  "a",'), 5, "unclosed '['"),
    ("half a call", block("policy = jsonencode({", "  a = 1", "}"), 5, "unclosed '('"),
    ("half an operation", block("count = 1 +", "path = 2"), 5, "invalid HCL"),
    ("half a nested block", block("statement {", "  a = 1"), 5, "unclosed '{'"),
    ("a heredoc without its end", block("policy = <<EOT", "{}"), 5, "its end marker 'EOT'"),
    ("a comment without its end", block("policy = 1 /* why"), 5, "unclosed comment"),
    ("half a header", 'resource "aws_iam_policy"\n', 4, "near 'resource"),
    ("a quote too few in the header", 'resource "aws_iam_policy" "bad {\n  a = 1\n}\n', 4, "invalid HCL"),
    ("a quote too many in the header", 'resource "aws_iam_policy" bad" {\n  a = 1\n}\n', 4, "invalid HCL"),
    ("a header over two lines", 'resource\n"aws_iam_policy" "bad" {\n}\n', 4, "near 'resource'"),
    ("no brace in the header", 'resource "aws_iam_policy" "bad"\n  a = 1\n}\n', 4, "near 'resource"),
    ("a block that does not end", 'resource "aws_iam_policy" "bad" {\n  a = 1\n', 4, "unclosed '{'"),
    ("a bracket too many", "}\n", 4, "unmatched closing bracket"),
    ("a bracket that does not fit", block("a = [1)"), 5, "invalid HCL"),
    ("prose", "and now for something\ncompletely different\n", 4, "near 'and now for something'"),
    ("conflict markers", block("<<<<<<< HEAD".strip()).replace("  <", "<"), 5, "merge conflict markers"),
]


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize(("text", "line", "reason"), [row[1:] for row in BROKEN], ids=[row[0] for row in BROKEN])
@pytest.mark.parametrize("form", ["as written", "CRLF", "blank lines", "comments"])
def test_one_mistake_is_reported_once_and_hides_nothing(
    read: Read, text: str, line: int, reason: str, form: str
) -> None:
    """The blocks around the broken one are parsed, and its line is reported once."""
    between = {"blank lines": "\n", "comments": "# a { comment\n"}.get(form, "")
    whole = ROLE + between + text + between + MODULE
    if form == "CRLF":
        whole = whole.replace("\n", "\r\n")
    found = read(SourceText.of("m.tf", whole.encode()))
    extra = len(between) > 0
    assert names(found) == ["good:1", f"after:{4 + text.count(chr(10)) + 2 * extra}"]
    assert len(found.problems) == 1
    assert found.problems[0].line == line + extra
    assert reason in found.problems[0].reason


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize(
    ("text", "line", "reason"), [row[1:] for row in BROKEN[:13]], ids=[row[0] for row in BROKEN[:13]]
)
def test_indented_blocks_are_parsed(read: Read, text: str, line: int, reason: str) -> None:
    """A file with every line indented is parsed like any other."""
    whole = "".join(f"    {part}" for part in (ROLE + text + MODULE).splitlines(keepends=True))
    found = read(SourceText.of("m.tf", whole.encode()))
    assert names(found) == ["good:1", f"after:{4 + text.count(chr(10))}"]
    assert [problem.line for problem in found.problems] == [line]


@pytest.mark.parametrize("read", READERS)
def test_mistake_in_a_long_file_hides_nothing(read: Read) -> None:
    """Two hundred blocks around a broken one are all parsed."""
    many = [f'resource "aws_iam_role" "r{number}" {{\n  name = "r"\n}}\n' for number in range(200)]
    many[100] = many[100].replace('"r"\n', '"r\n')
    found = read(SourceText.of("m.tf", "\n".join(many).encode()))
    assert len(found.body.blocks) == 199
    assert problems(found) == [(402, "invalid HCL: unclosed string")]


def test_number_of_reported_mistakes_is_limited() -> None:
    """Of a thousand broken blocks, a hundred are reported; every valid block is parsed."""
    bad = 'resource "aws_iam_role" "bad" {\n  name = [\n}\n'
    found = reader_tree_sitter.read(SourceText.of("m.tf", ((bad + ROLE) * 1000).encode()))
    assert len(found.body.blocks) == 1000
    assert len(found.problems) == 101
    assert found.problems[-1].reason == "more errors follow, not listed"


@pytest.mark.parametrize("read", READERS)
def test_mistake_in_code_without_indentation_is_reported_once(read: Read) -> None:
    """A mistake in a nested block is reported once, even if nested blocks start in the first column."""
    bad = block("lifecycle {", "  ignore_changes = [", "}", "tags {", "  a = 1", "}")
    whole = "".join(line.lstrip() for line in (ROLE + bad + MODULE).splitlines(keepends=True))
    found = read(SourceText.of("m.tf", whole.encode()))
    assert {"good:1", "after:12"} <= set(names(found))
    assert problems(found) == [(6, "invalid HCL: unclosed '['")] or len(found.problems) == 1


@pytest.mark.parametrize("read", READERS)
def test_blocks_in_comments_and_heredocs_are_ignored(read: Read) -> None:
    """In a file with a mistake, commented blocks and blocks in heredocs are still no blocks."""
    text = (
        f"/*\n{ROLE}{MODULE}*/\n"
        f'resource "local_file" "f" {{\n  content = <<EOT\n{ROLE}EOT\n}}\n'
        + block("policy = [")
        + MODULE
    )  # fmt: skip
    found = read(SourceText.of("m.tf", text.encode()))
    assert names(found) == ["f:9", "after:19"]
    assert [problem.line for problem in found.problems] == [17]


@pytest.mark.parametrize("read", READERS)
def test_both_sides_of_a_merge_conflict_are_parsed(read: Read) -> None:
    """Whole blocks between markers are parsed; the conflict is reported at its first line."""
    text = f"{ROLE}<<<<<<< HEAD\n{MODULE}=======\n{MODULE}>>>>>>> other\n{ROLE}"
    found = read(SourceText.of("m.tf", text.encode()))
    assert names(found) == ["good:1", "after:5", "after:9", "good:13"]
    assert problems(found) == [(4, "merge conflict markers")]


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize(
    "inside",
    [
        "<<<<<<< HEAD\n  a = 1\n=======\n  a = 2\n>>>>>>> other\n}\n",
        "<<<<<<< HEAD\n  a = 1\n}\n=======\n  a = 2\n}\n>>>>>>> other\n",
        "<<<<<<< HEAD\n  a = {\n||||||| base\n  a = 0\n=======\n  a = [\n>>>>>>> other\n}\n",
    ],
    ids=["attributes", "ends", "three ways, unbalanced"],
)
def test_block_with_a_merge_conflict_is_not_parsed(read: Read, inside: str) -> None:
    """Either half may apply; the blocks around it are parsed, and the conflict is reported once."""
    text = f'{ROLE}resource "aws_iam_role" "bad" {{\n{inside}{MODULE}'
    found = read(SourceText.of("m.tf", text.encode()))
    assert names(found) == ["good:1", f"after:{5 + inside.count(chr(10))}"]
    assert problems(found) == [(5, "merge conflict markers")]


@pytest.mark.parametrize("read", READERS)
def test_broken_variable_value_hides_no_other(read: Read) -> None:
    """In a file of variable values, parsing resumes at each line that starts a value."""
    found = read(SourceText.of("terraform.tfvars", b'a = 1\nb = [\n  "x",\nc = "y\nd = {\n  e = 1\n}\n'))
    assert [attribute.name for attribute in found.body.attributes] == ["a", "d"]
    assert [line for line, _ in problems(found)] == [2, 4]


GOOD = [
    'variable "env" {\n  type    = object({ a = optional(string, "x"), b = list(string) })\n  default = { b = ["y"] }\n'
    "}\n",
    'locals {\n  policy = <<-EOT\n    {\n      "Statement": [{"Resource": "${var.account}:role/${k}"}]\n    }\n'
    "  EOT\n}\n",
    'data "aws_iam_policy_document" "d" {\n  source_policy_documents = [local.policy]\n  dynamic "statement" {\n'
    '    for_each = var.on ? toset(["a"]) : []\n    content {\n      actions = ["iam:${statement.key}"] # é\n'
    "      resources = concat([r[0].arn], r[*].arn)\n    }\n  }\n}\n",
    'resource "aws_iam_role" "r" {\n  name = "r-${count.index}"\n'
    '  tags = { for s in ["a"] : s => { b = 1 } if s != "" }\n}\n',
    'resource "aws_iam_policy" "p" {\n  policy = <<EOF\n{"Statement": [\n  {"Effect": "Allow"}\n]\n}\nEOF\n}\n',
    'module "m" {\n  source = "./m"\n}\n',
]
_HEADER = re.compile(r'(\w+)((?: "\w+")*)')


@pytest.mark.parametrize("read", READERS)
def test_one_changed_character_breaks_no_other_block(read: Read) -> None:
    """Deleting or inserting any character in one block leaves every other block parsed in place; the file has one
    problem, or the block parses."""

    @settings(max_examples=examples(300 if read is reader_tree_sitter.read else 60), database=None)
    @given(
        blocks=st.permutations(GOOD),
        broken=st.integers(0, len(GOOD) - 1),
        at=st.integers(0, 400),
        put=st.sampled_from(["", "", *'"{}[]()=\n$%<#\\*é~:,.- a0']),
        between=st.sampled_from(["", "\n", "\n# a comment {\n"]),
    )
    def holds(blocks: list[str], broken: int, at: int, put: str, between: str) -> None:
        old = blocks[broken]
        at = at % (len(old) - 1)  # all but the last line break, which parts it from the next block
        texts = list(blocks)
        texts[broken] = old[:at] + put + old[at + (not put) :]
        wanted, line = set(), 1
        for number, text in enumerate(texts):
            header = _HEADER.match(text)
            if number != broken and header is not None:
                wanted.add((header[1], tuple(re.findall(r'"(\w+)"', header[2])), line))
            line += (text + between).count("\n")
        found = read(SourceText.of("m.tf", "".join(text + between for text in texts).encode()))
        assert wanted <= {(one.type, one.labels, one.span.line) for one in found.body.blocks}
        items = (*found.body.blocks, *found.body.attributes)  # `locals ={` begins an attribute
        assert len(found.problems) == 1 or (not found.problems and len(items) >= len(GOOD))

    holds()


def test_argument_outside_of_a_block_is_unreadable(tmp_path: Path) -> None:
    """``locals = {…}`` is an argument, which Terraform rejects: its values are not those of locals."""
    (tmp_path / "main.tf").write_text('locals = {\n  a = 1\n}\nresource "aws_iam_role" "r" {}\n', "utf-8")
    (problem,) = load(tmp_path).notes.unreadable
    assert (problem.line, problem.reason) == (1, "argument locals outside of a block")
