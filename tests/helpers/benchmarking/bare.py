"""Minimum cost of reading: ``bare.py tree-sitter|libyaml FOLDER`` parses all files there and does nothing else."""

from __future__ import annotations

import sys
from pathlib import Path


def tree_sitter(folder: Path) -> None:
    """Parse each Terraform file with tree-sitter."""
    import tree_sitter_hcl
    from tree_sitter import Language, Parser

    parser = Parser(Language(tree_sitter_hcl.language()))
    for file in sorted(folder.rglob("*.tf")):
        parser.parse(file.read_bytes())


def libyaml(folder: Path) -> None:
    """Compose each template, YAML or JSON, with libyaml."""
    import yaml

    for file in sorted(folder.rglob("*.*")):
        yaml.compose(file.read_text("utf-8"), Loader=yaml.CSafeLoader)


if __name__ == "__main__":
    {"tree-sitter": tree_sitter, "libyaml": libyaml}[sys.argv[1]](Path(sys.argv[2]))
