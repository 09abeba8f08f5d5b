"""Settings: the table ``[tool.passrole_checks]`` of the working directory's ``pyproject.toml``."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from passrole_checks.errors import ConfigurationError, did_you_mean
from passrole_checks.files.safe_read import open_error_reason, read_bounded
from passrole_checks.files.write_atomically import repository_around

FILE = "pyproject.toml"
TABLE = "tool.passrole_checks"
# A scanned repository decides neither what is written where, nor who scans it and what is kept of that.
COMMAND_LINE_ONLY = frozenset(
    {"output", "write_baseline", "executor", "no_cache", "plan", "plan_before", "update_inventory", "repository"}
)

_LARGEST = 5_000_000  # bytes
_LONGEST = 60  # characters of a name or a path in a message
_NAME = "passrole_checks"
_PATHS = frozenset({"var_file", "parameters", "source", "baseline", "account_details", "inventory"})


def load(folder: Path) -> dict[str, Any]:
    """Return the table in the ``pyproject.toml`` of ``folder``; empty if the file or the table is missing.

    Raises:
        ConfigurationError: the file cannot be read, is a link that leads out of the repository, or the table is
        invalid.
    """
    path = folder / FILE
    if not os.path.lexists(path):
        return {}
    if _leads_out(path, folder):
        raise ConfigurationError(f"{FILE}: not read: it is a symbolic link that leads out of the repository")
    try:
        content = read_bounded(path, _LARGEST)
    except FileNotFoundError as error:
        raise ConfigurationError(f"{FILE}: {open_error_reason(path, error)}") from error
    except OSError as error:
        raise ConfigurationError(f"{FILE}: {error.strerror}") from error
    return table_in(content)


def table_in(content: bytes) -> dict[str, Any]:
    """Return the table in the content of a ``pyproject.toml``; empty if there is none.

    Raises:
        ConfigurationError: the content is invalid TOML, the table is invalid, or a table has a similar name.
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
    if not isinstance(tool, dict):
        raise ConfigurationError(f"{FILE}: [tool] must be a table")
    for name in (*(f"tool.{key}" for key in tool if key != _NAME), *document):
        if re.sub(r"[\W_]+", "_", name.removeprefix("tool.")).lower() == _NAME:
            raise ConfigurationError(f"{FILE}: [{_cut(name)}] is not used: the table must be called [{TABLE}]")
    table = tool.get(_NAME, {})
    if not isinstance(table, dict):
        raise ConfigurationError(f"{FILE}: [{TABLE}] must be a table")
    return table


def checked(table: Mapping[str, Any], options: Mapping[str, type], folder: Path) -> dict[str, Any]:
    """Return ``table`` with each value in the type of its option: ``bool``, ``str`` or ``list`` of strings.

    A single string is accepted for a list. ``folder``: the base of relative paths.

    Raises:
        ConfigurationError: the option does not exist, is only allowed on the command line, has a value of another type,
        or
            names a file outside of the repository around ``folder`` (outside of ``folder``, if there is none).
    """
    values: dict[str, Any] = {}
    for key, value in table.items():
        if key.replace("-", "_") in COMMAND_LINE_ONLY:
            option = f"--{key.replace('_', '-')}"
            raise ConfigurationError(f"{FILE}: [{TABLE}] {key} is accepted only on the command line ({option})")
        wanted = options.get(key)
        if wanted is None:
            raise ConfigurationError(f"{FILE}: [{TABLE}] knows no option {_cut(key)!r}{did_you_mean(key, options)}")
        if wanted is list:
            value = [value] if isinstance(value, str) else value
            fits = isinstance(value, list) and all(isinstance(item, str) for item in value)
        else:
            fits = isinstance(value, wanted)
        if not fits:
            name = {bool: "true or false", str: "a text in quotes", list: "a text or a list of texts"}[wanted]
            raise ConfigurationError(f"{FILE}: [{TABLE}] {key} must be {name}")
        for path in _files(key, value):
            if _leads_out(folder / path, folder):
                raise ConfigurationError(f"{FILE}: [{TABLE}] {key}: {_cut(str(path))!r} is outside of the repository")
        values[key] = value
    return values


def _files(key: str, value: Any) -> Iterator[Path]:
    """Yield the paths that an option names."""
    if key == "parameters":
        from passrole_checks.sources.cloudformation.parameter_values import parameter_file

        yield from (path for path in map(parameter_file, value) if path is not None)
    elif key in _PATHS:
        yield from map(Path, [value] if isinstance(value, str) else value)


def files_named_in(options: Mapping[str, Any]) -> Iterator[Path]:
    """Yield the paths that the options of a command name for reading."""
    for key, value in options.items():
        if value:
            yield from _files(key, value)


def _leads_out(path: Path, folder: Path) -> bool:
    """True if a path, its links followed, leads out of the repository around ``folder``."""
    try:
        top = os.path.realpath(repository_around(folder) or folder)
        return not Path(os.path.realpath(path)).is_relative_to(top)
    except (OSError, ValueError):  # a NUL in the path
        return True


def _cut(words: str) -> str:
    return words if len(words) <= _LONGEST else words[: _LONGEST - 1] + "…"
