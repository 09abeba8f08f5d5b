"""Policies that leave a Terraform configuration, and policies that are attached to no principal."""

from __future__ import annotations

from pathlib import Path

import pytest

from passrole_checks.scan.scanner import ScanOptions, ScanResult, scan_paths
from passrole_checks.sources.model.configuration import HandedTo
from passrole_checks.sources.terraform import load

STATEMENT = '{ Effect = "Allow", Action = "iam:PassRole", Resource = "*" }'
ENCODED = f'jsonencode({{ Version = "2012-10-17", Statement = [{STATEMENT}] }})'
DATA = """\
data "aws_iam_policy_document" "d" {
  statement {
    actions   = ["iam:PassRole"]
    resources = ["*"]
  }
}
"""


def scan(folder: Path, text: str, **files: str) -> ScanResult:
    (folder / "main.tf").write_text(text)
    for name, content in files.items():
        path = folder / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.with_suffix(".tf").write_text(content)
    return scan_paths([folder], ScanOptions())


@pytest.mark.parametrize(
    ("policy", "read"),
    [
        ("data.aws_iam_policy_document.d.json", set()),
        ('var.a == "y" ? data.aws_iam_policy_document.d.json : ""', {"a"}),
    ],
)
def test_only_conditionals_that_decide_what_is_used_are_evaluated(tmp_path: Path, policy: str, read: set[str]) -> None:
    """A conditional about another local says nothing about a document, and no policy depends on its variables."""
    (tmp_path / "main.tf").write_text(
        f'variable "a" {{ default = "x" }}\nvariable "b" {{ default = "y" }}\nlocals {{ n = "z" }}\n{DATA}'
        f'resource "aws_iam_policy" "p" {{\n  count = 1\n  policy = {policy}\n}}\n'
        'resource "aws_sqs_queue" "q" {\n  name = var.b == "y" ? local.n : "o"\n}\n'
    )
    configuration = load(tmp_path)
    assert configuration.provisioning.parameters_read == read
    assert [note.line for note in configuration.notes.not_evaluated] == ([4] if read else [])


@pytest.mark.parametrize(
    "value", ["{ a = local.l%d, b = local.l%d }", "[local.l%d, local.l%d]", "merge(local.l%d, local.l%d)"]
)
def test_long_chain_of_locals_ends_nothing(tmp_path: Path, value: str) -> None:
    """Each of 300 locals refers twice to the one before; the document elsewhere is found."""
    chain = [f"  l{number} = {value % (number - 1, number - 1)}\n" for number in range(1, 300)]
    text = "locals {\n  l0 = { a = 1 }\n" + "".join(chain) + '}\noutput "x" {\n  value = local.l299\n}\n'
    result = scan(tmp_path, f'{text}output "r" {{\n  value = {ENCODED}\n}}\n')
    assert not result.unreadable
    assert [found.handed_to for found in result.grants] == [HandedTo.OUTPUT]
