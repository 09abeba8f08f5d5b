"""How the data files beside this module are opened, and the short forms that they have in common."""

from __future__ import annotations

import json
import lzma
from importlib import resources
from typing import Any

SUFFIX = ".amazonaws.com"

# The one letter for each in the data files.
CONFIDENCE = {"d": "documented", "c": "corroborated", "h": "hint"}


def read_json(name: str) -> Any:
    """The content of the JSON file called `name` in this package; with the extension ``.xz`` it is compressed."""
    data = resources.files("passrole_checks.aws").joinpath(name).read_bytes()
    return json.loads(lzma.decompress(data) if name.endswith(".xz") else data)


def principals(short: str) -> tuple[str, ...]:
    """The service principals of a list in short form: ``"ec2,monitoring.rds"`` is ``ec2.amazonaws.com`` and
    ``monitoring.rds.amazonaws.com``, ``""`` is none."""
    return tuple(f"{name}{SUFFIX}" for name in short.split(",") if name)
