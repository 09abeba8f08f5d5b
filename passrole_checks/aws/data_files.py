"""Load the data files of this package, and expand the short forms that they share."""

from __future__ import annotations

import json
import lzma
from importlib import resources
from typing import Any

SUFFIX = ".amazonaws.com"

# Letters of the data files.
CONFIDENCE = {"d": "documented", "c": "corroborated", "h": "hint"}


def read_json(name: str) -> Any:
    """Return the content of a JSON file in this package; a file with the extension ``.xz`` is decompressed."""
    data = resources.files("passrole_checks.aws").joinpath(name).read_bytes()
    return json.loads(lzma.decompress(data) if name.endswith(".xz") else data)


def expand_principals(short: str) -> tuple[str, ...]:
    """Expand a list of service principals: ``"ec2,monitoring.rds"`` to ``ec2.amazonaws.com`` and
    ``monitoring.rds.amazonaws.com``, ``""`` to none."""
    return tuple(f"{name}{SUFFIX}" for name in short.split(",") if name)
