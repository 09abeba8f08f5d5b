"""Quoted names of attributes, as Terraform before 0.12 accepts them."""

from __future__ import annotations

import pytest

from passrole_checks.sources.terraform.reading.reader_tree_sitter import read
from passrole_checks.sources.terraform.reading.source import SourceText

TEXT = """\
resource "aws_vpc" "v" {
  tags {
    "kubernetes.io/role/elb" = "${var.name}"
    "Name"                   = "x"
  }
}
resource "aws_iam_role_policy" "p" {
  "role" = "deployer"
  policy = jsonencode({ "iam:PassedToService" = "x" })
}
"""


def test_quoted_names_are_names() -> None:
    """A quoted name is the name, at its place; the blocks around it are read."""
    parsed = read(SourceText.of("main.tf", TEXT.encode()))
    assert parsed.problems == ()
    tags, policy = parsed.body.blocks[0].body.blocks[0], parsed.body.blocks[1]
    assert [attribute.name for attribute in tags.body.attributes][1] == "Name"
    assert [(attribute.name, attribute.span.line) for attribute in policy.body.attributes] == [
        ("role", 8),
        ("policy", 9),
    ]
    assert "iam:PassedToService" in TEXT.splitlines()[policy.body.attributes[1].span.line - 1]


@pytest.mark.parametrize("line", ['"role" "deployer"', '"role" == "deployer"', '"ro${x}le" = "deployer"'])
def test_other_quoted_text_is_an_error(line: str) -> None:
    """Only a quoted name before an equals sign is one."""
    parsed = read(SourceText.of("main.tf", TEXT.replace('"role" = "deployer"', line).encode()))
    assert [problem.line for problem in parsed.problems] == [8]


def test_a_mistake_beside_quoted_names_is_reported() -> None:
    """The rest of the file is parsed as strictly as any other."""
    parsed = read(SourceText.of("main.tf", f'{TEXT}resource "a" "b" {{\n  c = \n}}\n'.encode()))
    assert [problem.line for problem in parsed.problems] == [12]
