"""Statements that a suppression comment in a Terraform file covers."""

from __future__ import annotations

from pathlib import Path

from passrole_checks.scan.scanner import ScanOptions, scan_paths

STATEMENT = '{ Effect = "Allow", Action = ["iam:GetRole", "iam:PassRole"], Resource = "*" }'
COMMENT = "  # passrole:skip=PASSROLE_001 known\n"


def open_findings(root: Path, text: str, child: str = "") -> list[str]:
    """The addresses of the findings that nothing silences; every suppression is used."""
    (root / "main.tf").write_text(text, encoding="utf-8")
    if child:
        (root / "child").mkdir(exist_ok=True)
        (root / "child" / "main.tf").write_text(child, encoding="utf-8")
    result = scan_paths([root], ScanOptions())
    assert result.unused_suppressions == ()
    return [finding.resource.address for finding in result.findings if finding.suppressed is None]


def policy(name: str, statement: str, comment: str = "") -> str:
    return (
        f'resource "aws_iam_policy" "{name}" {{\n{comment}  policy = jsonencode({{ Statement = [{statement}] }})\n}}\n'
    )


def test_comment_in_a_resource_covers_that_resource(tmp_path: Path) -> None:
    """The same statement elsewhere stays a finding."""
    assert open_findings(tmp_path, policy("a", STATEMENT, COMMENT) + policy("b", STATEMENT)) == ["aws_iam_policy.b"]


def test_comment_in_locals_covers_their_statements(tmp_path: Path) -> None:
    """It covers the statements of the block, wherever they are used, and nothing else of the file."""
    text = f"locals {{\n{COMMENT}  s = {STATEMENT}\n}}\n" + policy("a", "local.s") + policy("b", STATEMENT)
    assert open_findings(tmp_path, text) == ["aws_iam_policy.b"]


def test_comment_outside_all_blocks_covers_the_file(tmp_path: Path) -> None:
    """The file has no open findings."""
    assert open_findings(tmp_path, COMMENT + policy("a", STATEMENT) + policy("b", STATEMENT)) == []


def test_comment_in_a_module_block_covers_that_call(tmp_path: Path) -> None:
    """It covers all instances of the call, but no other call of the same module."""
    call = 'module "a" {{\n{comment}  source = "./child"\n  {how}\n}}\n'
    text = call.format(comment=COMMENT, how='for_each = toset(["x", "y"])')
    text += call.format(comment="", how="").replace('"a"', '"b"')
    assert open_findings(tmp_path, text, policy("p", STATEMENT)) == ["module.b.aws_iam_policy.p"]
