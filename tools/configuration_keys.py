"""The documentation's table of the keys of ``[tool.passrole_checks]``, made from the options that they set."""

from __future__ import annotations

import re

import click

from passrole_checks.cli import cli
from passrole_checks.cli.pyproject_defaults import configurable_options

_TYPES = {str: "text", bool: "true or false", list: "list", int: "number"}
_NOT_OF_KEYS = re.compile(r" Repeatable\.|  \[default: \w+\]")
_NO_OPTION = {"accept_owners": "Logins and teams that may accept findings of `review` by comment."}


def keys_table() -> str:
    """Return a row for each key: its name, the type of its value, and the help text of its option."""
    kinds = configurable_options(click.Context(cli))
    words = {**_help_texts(), **_NO_OPTION}
    return "".join(f"| `{key}` | {_TYPES[kinds[key]]} | {words[key]} |\n" for key in sorted(kinds))


def _help_texts() -> dict[str, str]:
    return {
        parameter.name or "": _NOT_OF_KEYS.sub("", parameter.help or "").replace("|", "\\|")
        for name in ("review", "grants", "scan")  # the last one's text counts
        for parameter in cli.commands[name].params
        if isinstance(parameter, click.Option)
    }
