"""Commands whose options take their defaults from ``pyproject.toml``.

As everywhere in the command line, only click and the standard library are imported before it is needed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from passrole_checks.cli.manual import DocumentedCommand
from passrole_checks.errors import ConfigurationError


class ConfiguredCommand(DocumentedCommand):
    """A command whose options take their defaults from the working directory's ``pyproject.toml``."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        from passrole_checks import configuration

        if extra.get("resilient_parsing"):  # a shell completes the command line
            return super().make_context(info_name, args, parent, **extra)
        known = configurable(parent)
        try:
            table = self.table(info_name, list(args), parent, extra)
        except OSError as error:
            raise ConfigurationError(f"the working directory cannot be used: {error.strerror}") from None
        values = configuration.checked(table, known)
        a_report = self.name == "scan"  # whose formats are not an inventory's
        own = set(_options(self)) - (set() if a_report else {"format", "output"})
        extra["default_map"] = {name: value for name, value in values.items() if name in own}
        context = super().make_context(info_name, args, parent, **extra)
        if context.get_parameter_source("exclude") is ParameterSource.COMMANDLINE:
            # added to those of the configuration, over which they win: of several patterns the last one counts
            context.params["exclude"] = (*values.get("exclude", ()), *context.params["exclude"])
        return context

    def table(
        self, info_name: str | None, args: list[str], parent: click.Context | None, extra: dict[str, Any]
    ) -> dict[str, Any]:
        """The configuration that this command goes by. Raises what :func:`configuration.load` raises, and OSError."""
        from passrole_checks import configuration

        return configuration.load(Path.cwd())


def configurable(context: click.Context | None) -> dict[str, type]:
    """The options that ``pyproject.toml`` can set: those of ``scan`` and ``grants``, with the type of each one's value
    there. ``context`` is the program's, or within it."""
    program = context.find_root().command if context is not None else None
    commands = program.commands if isinstance(program, click.Group) else {}
    known = {name: kind for command in ("scan", "grants") for name, kind in _options(commands[command]).items()}
    del known["write_baseline"]  # done once, by somebody who looks at what it writes
    del known["executor"]  # whose answers are trusted: no scanned repository names one
    del known["no_cache"]  # what is scanned has no say in how
    return known


def _options(command: click.Command) -> dict[str, type]:
    return {
        option.name: list if option.multiple else bool if option.is_flag else str
        for option in command.params
        if isinstance(option, click.Option) and option.name
    }
