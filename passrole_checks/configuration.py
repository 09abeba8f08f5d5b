"""The table ``[tool.passrole_checks]`` of the working directory's ``pyproject.toml``."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from passrole_checks.contents import content_of
from passrole_checks.errors import ConfigurationError

FILE = "pyproject.toml"
TABLE = "tool.passrole_checks"

_LARGEST = 5_000_000  # bytes


def load(folder: Path) -> dict[str, Any]:
    """The table in ``folder``'s ``pyproject.toml``; empty where the file or the table is missing.

    Raises:
        ConfigurationError: the file cannot be read, or the table is none.
    """
    path = folder / FILE
    try:
        content = content_of(path, _LARGEST)
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise ConfigurationError(f"{FILE}: {error.strerror}") from error
    return table_in(content)


def table_in(content: bytes) -> dict[str, Any]:
    """The table in the content of a ``pyproject.toml``; empty where it has none.

    Raises:
        ConfigurationError: it is not valid TOML, or the table is none.
    """
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        document = tomllib.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:  # no TOML, no UTF-8, a number of too many digits
        raise ConfigurationError(f"{FILE}: not valid TOML: {error}") from error
    tool = document.get("tool", {})
    table = tool.get("passrole_checks", {}) if isinstance(tool, dict) else {}
    if not isinstance(table, dict):
        raise ConfigurationError(f"{FILE}: [{TABLE}] must be a table")
    return table


def checked(table: Mapping[str, Any], options: Mapping[str, type]) -> dict[str, Any]:
    """``table`` with each value in the shape that its option takes: ``bool``, ``str`` or ``list`` (of texts).

    A single text may stand for a list of one.

    Raises:
        ConfigurationError: no option has this name, or its value has another type.
    """
    values: dict[str, Any] = {}
    for key, value in table.items():
        wanted = options.get(key)
        if wanted is None:
            shown = key if len(key) <= 60 else key[:59] + "…"
            raise ConfigurationError(f"{FILE}: [{TABLE}] knows no option {shown!r}")
        if wanted is list:
            value = [value] if isinstance(value, str) else value
            fits = isinstance(value, list) and all(isinstance(item, str) for item in value)
        else:
            fits = isinstance(value, wanted)
        if not fits:
            name = {bool: "true or false", str: "a text in quotes", list: "a text or a list of texts"}[wanted]
            raise ConfigurationError(f"{FILE}: [{TABLE}] {key} must be {name}")
        values[key] = value
    return values
