"""A file that a policy names and that has no content is unreadable, unless the deployment creates it."""

from __future__ import annotations

from pathlib import Path

import pytest

from passrole_checks.scan.scanner import ScanOptions, ScanResult, scan_paths

POLICY = 'resource "aws_iam_policy" "p" {\n  policy = %s\n}\n'
CREATED = 'resource "local_file" "f" {\n  filename = "${path.module}/made.json"\n  content = timestamp()\n}\n'


def scan(folder: Path, text: str, check: str = "") -> ScanResult:
    (folder / "main.tf").write_text(text)
    return scan_paths([folder], ScanOptions(checks=frozenset({check} if check else ())))


@pytest.mark.parametrize("value", ['file("nothere.json")', 'templatefile("${path.module}/nothere.tpl", {})'])
@pytest.mark.parametrize("check", ["PASSROLE_001", "PASSROLE_014"])
def test_missing_file_is_unreadable_whatever_checks_are_requested(tmp_path: Path, value: str, check: str) -> None:
    result = scan(tmp_path, POLICY % value, check)
    assert [(entry.line, entry.resource) for entry in result.unreadable] == [(2, "aws_iam_policy.p")]
    assert [finding.check_id for finding in result.findings] == (["PASSROLE_014"] if check == "PASSROLE_014" else [])


def test_binary_file_is_unreadable(tmp_path: Path) -> None:
    (tmp_path / "p.json").write_bytes(b"\xff")
    assert scan(tmp_path, POLICY % 'file("p.json")').unreadable


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", 'file(".terraform/made.json")'),
        ("", 'file("${path.root}/.terraform/made.json")'),
        (CREATED, 'file("made.json")'),
        (CREATED, 'templatefile("${path.module}/made.json", {})'),
        (
            'resource "local_file" "f" {\n  for_each = toset(["a", "b"])\n  filename = "${each.key}.json"\n}\n',
            'file("b.json")',
        ),
        ('data "archive_file" "f" {\n  output_path = "made.zip"\n}\n', 'file("made.zip")'),
        (
            'resource "local_file" "g" {\n  filename = file("name.txt")\n}\n' + CREATED,
            'file("made.json")',
        ),
    ],
)  # fmt: skip
def test_file_that_the_deployment_creates_is_an_unresolved_value(tmp_path: Path, text: str, value: str) -> None:
    result = scan(tmp_path, text + POLICY % value)
    assert not result.unreadable
    assert [finding.check_id for finding in result.findings] == ["PASSROLE_014"]


def test_suppression_of_014_accepts_a_missing_file(tmp_path: Path) -> None:
    suppressed = POLICY % 'file("made-by-the-build.json")\n  # passrole:skip=PASSROLE_014 the build writes it'
    assert not scan(tmp_path, suppressed).unreadable
    assert not scan(tmp_path, suppressed, "PASSROLE_001").unreadable


def test_value_that_does_not_depend_on_the_content_needs_no_file(tmp_path: Path) -> None:
    assert not scan(tmp_path, POLICY % 'try(file("nothere.json"), "{}")').unreadable
    assert not scan(tmp_path, 'locals {\n  hash = filemd5("nothere.zip")\n}\n').unreadable


def test_file_outside_of_the_scanned_folder_is_an_unresolved_value(tmp_path: Path) -> None:
    assert not scan(tmp_path, POLICY % 'file("/etc/acme/policy.json")').unreadable
