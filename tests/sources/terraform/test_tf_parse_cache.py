"""A file that several ask for is parsed once, as long as it stays the same and there is not too much of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from passrole_checks.scan.scanner import ScanOptions, scan_paths
from passrole_checks.sources.detect import discover
from passrole_checks.sources.terraform.reading import parse_cache
from passrole_checks.sources.terraform.reading.files import parse_bytes, parse_file

STATEMENT = '{ Effect = "Allow", Action = "iam:PassRole", Resource = "*" }'
POLICY = f'resource "aws_iam_policy" "p" {{\n  policy = jsonencode({{ Statement = [{STATEMENT}] }})\n}}\n'
CALL = 'module "m" {\n  source = "../module"\n}\n'


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name, text in {"one/main.tf": CALL, "two/main.tf": CALL, "module/main.tf": POLICY}.items():
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path.resolve()


def is_kept(file: Path) -> bool:
    """Whether a file was kept; it is not any more."""
    return parse_cache.pop(str(file), file.read_bytes()) is not None


def test_what_the_search_for_roots_has_parsed_is_kept_for_the_roots(tree: Path) -> None:
    """Files that call modules are parsed to find the roots, and each is then handed on once."""
    discover([tree])
    assert is_kept(tree / "one/main.tf")
    assert not is_kept(tree / "one/main.tf")
    assert not is_kept(tree / "module/main.tf")


def test_a_module_is_kept_until_its_last_caller_has_it(tree: Path) -> None:
    """A module of two roots is kept from the first one to the second one, and nothing is when all are read."""
    parse_cache.expect_reads({str(tree / "module"): 2})
    parse_bytes.cache_clear()
    (tree / ".git").mkdir()
    scan_paths([tree / "one"], ScanOptions())
    assert is_kept(tree / "module/main.tf")
    scan_paths([tree], ScanOptions())
    assert not any(map(is_kept, tree.rglob("*.tf")))


def test_each_file_is_parsed_once(tree: Path) -> None:
    """A scan of all parses as many files as there are."""
    parse_bytes.cache_clear()
    found = scan_paths([tree], ScanOptions())
    assert len(found.grants) == 1
    assert parse_bytes.cache_info().misses == 3


def test_a_file_that_has_changed_is_parsed_again(tree: Path) -> None:
    """What is kept counts only for the same bytes."""
    file = tree / "one/main.tf"
    parse_cache.store(parse_file(file))
    file.write_text(POLICY, encoding="utf-8")
    assert not is_kept(file)
    assert [block.type for block in parse_file(file).body.blocks] == ["resource"]


def test_the_oldest_go_first(tmp_path: Path) -> None:
    """So much is kept and no more."""
    for name in "abc":
        (tmp_path / f"{name}.tf").write_text(f"# {name}" + "x" * 250_000 + "\n", encoding="utf-8")
        parse_cache.store(parse_file(tmp_path / f"{name}.tf"))
    assert [is_kept(tmp_path / f"{name}.tf") for name in "abc"] == [False, True, True]
