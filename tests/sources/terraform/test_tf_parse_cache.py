"""A text that is read several times is parsed once, while the cache has space."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from passrole_checks.iam.values.nodes import Position
from passrole_checks.scan.scanner import ScanOptions, scan_paths
from passrole_checks.sources.terraform.reading.files import parse_bytes, parse_file

STATEMENT = '{ Effect = "Allow", Action = "iam:PassRole", Resource = "*" }'
POLICY = f'resource "aws_iam_policy" "p" {{\n  policy = jsonencode({{ Statement = [{STATEMENT}] }})\n}}\n'
CALL = 'module "m" {\n  source = "../module"\n}\n'


@pytest.fixture(autouse=True)
def empty_cache() -> Iterator[None]:
    parse_bytes.clear()
    yield
    parse_bytes.clear()


def write(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    return root.resolve()


def test_each_text_is_parsed_once(tmp_path: Path) -> None:
    """A module of two roots, and two files with the same text, are parsed once."""
    tree = write(tmp_path, {"one/main.tf": CALL, "two/main.tf": CALL, "module/main.tf": POLICY})
    found = scan_paths([tree], ScanOptions())
    assert len(found.grants) == 1
    assert parse_bytes.parsed == 2


def test_same_text_in_two_files_has_the_positions_of_each(tmp_path: Path) -> None:
    """Statements of equal files are reported in each of them, nested blocks and values too."""
    statement = 'data "aws_iam_policy_document" "d" {\n  statement {\n    actions = ["iam:PassRole"]\n'
    text = statement + '    resources = ["*"]\n  }\n}\n' + POLICY
    attached = 'resource "aws_iam_policy" "q" {\n  policy = data.aws_iam_policy_document.d.json\n}\n'
    names = ("one/main.tf", "two/main.tf", "two/copy/main.tf")
    tree = write(tmp_path, dict.fromkeys(names, text + attached))
    found = scan_paths([tree], ScanOptions())
    places = sorted((grant.grant.at.file, grant.grant.at.line) for grant in found.grants)
    lines = (2, 8)
    assert places == sorted((str(tree / name), line) for name in names for line in lines)
    assert parse_bytes.parsed == 1


def test_files_with_the_same_text_share_expressions() -> None:
    """The expressions of equal files are the same objects; their blocks and attributes have the file's positions."""
    first, second = parse_bytes("a.tf", POLICY.encode()), parse_bytes("b.tf", POLICY.encode())
    one, other = (parsed.body.blocks[0].body.attributes[0] for parsed in (first, second))
    assert one.value is other.value
    assert other.source.position(other.span) == Position("b.tf", *other.span)
    assert second.source.file == "b.tf"


def test_errors_of_equal_files_are_those_of_each(tmp_path: Path) -> None:
    """A syntax error is reported in each file with it."""
    tree = write(tmp_path, {"one/main.tf": "a = [\n", "two/main.tf": "a = [\n"})
    found = scan_paths([tree], ScanOptions())
    files = {str(tree / name) for name in ("one/main.tf", "two/main.tf")}
    assert {note.file for note in found.unreadable} == files


def test_configuration_and_values_with_the_same_text_differ() -> None:
    """Errors are found by the lines that start blocks, which files of values do not have."""
    broken = b'a = [\n\nresource "x" "y" {}\n'
    configuration, values = parse_bytes("a.tf", broken), parse_bytes("a.tfvars", broken)
    assert (len(configuration.body.blocks), len(values.body.blocks)) == (1, 0)


def test_changed_file_is_parsed_again(tmp_path: Path) -> None:
    """A cached file is used only for the same content."""
    file = write(tmp_path, {"main.tf": CALL}) / "main.tf"
    parse_file(file)
    file.write_text(POLICY, encoding="utf-8")
    assert [block.type for block in parse_file(file).body.blocks] == ["resource"]


def test_texts_read_long_ago_are_evicted_first() -> None:
    """The size of the cache is limited; what was read last stays."""
    texts = {f"{name}.tf": f"# {name}{'x' * 400_000}\n".encode() for name in "abc"}
    for name in ("a.tf", "b.tf", "a.tf", "c.tf"):
        parse_bytes(name, texts[name])
    assert [file in parse_bytes for file in texts.items()] == [True, False, True]


def test_thousands_of_short_texts_are_not_all_kept() -> None:
    """A short text counts for more than its bytes, since its syntax tree takes more than those of long ones."""
    texts = [(f"{number}.tf", b"a = %d\n" % number) for number in range(6_000)]
    for name, data in texts:
        parse_bytes(name, data)
    assert texts[-1] in parse_bytes
    assert sum(text in parse_bytes for text in texts) < 5_000
