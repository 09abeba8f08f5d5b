"""A file that a policy names and that has no content is unreadable, unless the deployment creates it."""

from __future__ import annotations

from pathlib import Path

from passrole_checks.scan.scanner import ScanOptions, ScanResult, scan_paths

POLICY = 'resource "aws_iam_policy" "p" {\n  policy = %s\n}\n'


def scan(folder: Path, text: str, check: str = "") -> ScanResult:
    (folder / "main.tf").write_text(text)
    return scan_paths([folder], ScanOptions(checks=frozenset({check} if check else ())))


def test_binary_file_is_unreadable(tmp_path: Path) -> None:
    (tmp_path / "p.json").write_bytes(b"\xff")
    assert scan(tmp_path, POLICY % 'file("p.json")').unreadable
