"""Inputs of the mutators: the sample templates, and infrastructure code in the source of the tests.

A tree is a small folder: names, with forward slashes, and their contents.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
Tree = dict[str, bytes]

_LARGEST = 60_000  # bytes of one tree
_MOST_FILES = 12
_INFRASTRUCTURE = re.compile(
    r'^ *(?:resource|data|module|variable|locals)\b[^\n]*\{|Resources"?:|"?planned_values"', re.M
)
_ASSIGNED = re.compile(r"^\s*[\w-]+\s*=(?!=)", re.M)
FORMATS = ("hcl", "json", "yaml")


def format_of(name: str) -> str:
    """The format that a file of this name is mutated as: one of :data:`FORMATS`."""
    if name.endswith((".tf", ".tofu", ".tfvars", ".hcl", ".tftpl", ".toml")):
        return "hcl"
    return "json" if name.endswith((".json", ".policy", ".state", ".tfstate")) else "yaml"


@cache
def trees() -> tuple[Tree, ...]:
    """All small folders: each file of the samples alone, each folder of them whole, each text of the tests."""
    found: dict[tuple[tuple[str, bytes], ...], None] = {}
    for tree in (*_samples(), *_texts()):
        found.setdefault(tuple(sorted(tree.items())))
    return tuple(dict(items) for items in found)


@cache
def pieces(kind: str) -> tuple[bytes, ...]:
    """The contents of all files of one of :data:`FORMATS`, to take parts from."""
    found: dict[bytes, None] = {}
    for tree in trees():
        found.update({content: None for name, content in tree.items() if format_of(name) == kind})
    return tuple(found)


def files_named(ending: str) -> tuple[bytes, ...]:
    """The contents of all files whose name ends so."""
    return tuple({content: None for tree in trees() for name, content in tree.items() if name.endswith(ending)})


def _samples() -> Iterator[Tree]:
    folders = [ROOT / "sample_templates", ROOT / "tests" / "unreadable"]
    for top in folders:
        for folder in sorted(path for path in top.rglob("*") if path.is_dir()):
            files = [path for path in sorted(folder.rglob("*")) if path.is_file() and not _is_expected(path)]
            tree = {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}
            if 1 < len(tree) <= _MOST_FILES and sum(map(len, tree.values())) <= _LARGEST:
                yield tree
            direct = {path.name: path.read_bytes() for path in files if path.parent == folder}
            yield from ({name: content} for name, content in direct.items() if len(content) <= _LARGEST)


def _is_expected(path: Path) -> bool:
    return path.name.startswith("expected") or path.suffix == ".md"


def _texts() -> Iterator[Tree]:
    """The constants of the tests that look like a file of ours; those made up of parts are left out."""
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and 60 < len(node.value) <= _LARGEST:
                name = _name_for(node.value)
                if name is not None:
                    yield {name: node.value.encode("utf-8", "surrogatepass")}


def _name_for(text: str) -> str | None:
    if not _INFRASTRUCTURE.search(text):
        return None
    if text.lstrip().startswith("{"):
        return "template.json"
    return "template.yaml" if "Resources:" in text and not _ASSIGNED.search(text) else "main.tf"
