"""Load the data files of this package, and expand the short forms that they share."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

SUFFIX = ".amazonaws.com"

# Letters of the data files.
CONFIDENCE = {"d": "documented", "c": "corroborated", "h": "hint"}


def read_json(name: str) -> Any:
    """Return the content of a JSON file in this package; a file with the extension ``.xz`` is decompressed."""
    path = Path(__file__).with_name(name)
    if path.suffix != ".xz":
        return json.loads(path.read_bytes())
    import lzma  # slow to import, and rarely needed

    return json.loads(lzma.decompress(path.read_bytes()))


def read_lines(name: str) -> list[str]:
    """Return the lines of a text file in this package without empty ones and comments (``#``)."""
    lines = Path(__file__).with_name(name).read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def expand_principals(short: str) -> tuple[str, ...]:
    """Expand a list of service principals: ``"ec2,monitoring.rds"`` to ``ec2.amazonaws.com`` and
    ``monitoring.rds.amazonaws.com``, ``""`` to none."""
    return tuple(f"{name}{SUFFIX}" for name in short.split(",") if name)
