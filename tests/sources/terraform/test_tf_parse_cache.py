"""A file that is read several times is parsed once, while its content stays the same and the cache has space."""

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


def pop_from_cache(file: Path) -> bool:
    """Remove a file from the cache; True if it was there."""
    return parse_cache.pop(str(file), file.read_bytes()) is not None


def test_files_parsed_to_find_roots_are_cached(tree: Path) -> None:
    """Files that call modules are parsed to find the root modules, and each is then used once."""
    discover([tree])
    assert pop_from_cache(tree / "one/main.tf")
    assert not pop_from_cache(tree / "one/main.tf")
    assert not pop_from_cache(tree / "module/main.tf")


def test_module_is_cached_until_its_last_caller_read_it(tree: Path) -> None:
    """A module of two root modules stays cached between them; afterwards nothing is cached."""
    parse_cache.expect_reads({str(tree / "module"): 2})
    parse_bytes.cache_clear()
    (tree / ".git").mkdir()
    scan_paths([tree / "one"], ScanOptions())
    assert pop_from_cache(tree / "module/main.tf")
    scan_paths([tree], ScanOptions())
    assert not any(map(pop_from_cache, tree.rglob("*.tf")))


def test_each_file_is_parsed_once(tree: Path) -> None:
    """A scan parses each file once."""
    parse_bytes.cache_clear()
    found = scan_paths([tree], ScanOptions())
    assert len(found.grants) == 1
    assert parse_bytes.cache_info().misses == 3


def test_changed_file_is_parsed_again(tree: Path) -> None:
    """A cached file is used only for the same content."""
    file = tree / "one/main.tf"
    parse_cache.store(parse_file(file))
    file.write_text(POLICY, encoding="utf-8")
    assert not pop_from_cache(file)
    assert [block.type for block in parse_file(file).body.blocks] == ["resource"]


def test_oldest_files_are_evicted_first(tmp_path: Path) -> None:
    """The size of the cache is limited."""
    for name in "abc":
        (tmp_path / f"{name}.tf").write_text(f"# {name}" + "x" * 250_000 + "\n", encoding="utf-8")
        parse_cache.store(parse_file(tmp_path / f"{name}.tf"))
    assert [pop_from_cache(tmp_path / f"{name}.tf") for name in "abc"] == [False, True, True]
