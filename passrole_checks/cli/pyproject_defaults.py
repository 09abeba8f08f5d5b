"""Commands whose options take their defaults from ``pyproject.toml``.

As in all of the command line, modules other than click and the standard library are imported where they are used.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from passrole_checks.cli.help_sections import DocumentedCommand
from passrole_checks.cli.input_paths import naming_files_as_typed, reading_standard_input
from passrole_checks.cli.options import CONFIDENCES, SEVERITIES, check_ids, minimum_severity, reporting_checks
from passrole_checks.cli.write_outputs import print_error
from passrole_checks.errors import ConfigurationError

if TYPE_CHECKING:
    from passrole_checks.sources.model.configuration import Unreadable


CONFIGURATION_ONLY = "passrole_checks.configuration_only"
"""Key of ``click.Context.meta``: the values of the keys below that the configuration has."""

# Keys of the configuration that are no options, with the types of their values.
_CONFIGURATION_ONLY: dict[str, type] = {"accept_owners": list}


class ConfiguredCommand(DocumentedCommand):
    """A command whose options take their defaults from the working directory's ``pyproject.toml``."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        from passrole_checks.scan import settings

        if extra.get("resilient_parsing"):  # shell completion
            return super().make_context(info_name, args, parent, **extra)
        options = configurable_options(parent)
        try:
            table = self.load_table(info_name, list(args), parent, extra)
        except OSError as error:
            raise ConfigurationError(f"the working directory cannot be used: {error.strerror}") from None
        values = settings.checked(table, options, Path.cwd())
        own = set(_options(self)) - (set() if self.name == "scan" else {"format"})  # formats differ between commands
        extra["default_map"] = {name: value for name, value in values.items() if name in own}
        context = super().make_context(info_name, args, parent, **extra)
        context.meta[CONFIGURATION_ONLY] = {name: values[name] for name in _CONFIGURATION_ONLY if name in values}
        if context.get_parameter_source("exclude") is ParameterSource.COMMANDLINE:
            # appended to those of the configuration: the last matching pattern wins
            context.params["exclude"] = (*values.get("exclude", ()), *context.params["exclude"])
        return context

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command after printing notes on what the configuration hides. Only ``--quiet`` on the command line
        suppresses them."""
        if not (ctx.params.get("quiet") and ctx.get_parameter_source("quiet") is ParameterSource.COMMANDLINE):
            for note in configuration_notes(ctx):
                print_error(f"{note.file}: note: {note.reason}")
        with reading_standard_input(ctx) as renamed, naming_files_as_typed(ctx, renamed):
            return super().invoke(ctx)

    def load_table(
        self, info_name: str | None, args: list[str], parent: click.Context | None, extra: dict[str, Any]
    ) -> dict[str, Any]:
        """Return the configuration table for this command. Raises what :func:`settings.load` raises, and OSError."""
        from passrole_checks.scan import settings

        return settings.load(Path.cwd())


def configurable_options(context: click.Context | None) -> dict[str, type]:
    """Return the options that ``pyproject.toml`` can set, those of ``scan`` and ``grants``, and the keys that are no
    options, with their value types.

    ``context``: the context of the program or of one of its commands.
    """
    from passrole_checks.scan.settings import COMMAND_LINE_ONLY

    program = context.find_root().command if context is not None else None
    commands = program.commands if isinstance(program, click.Group) else {}
    options = {name: kind for command in ("scan", "grants") for name, kind in _options(commands[command]).items()}
    return {name: kind for name, kind in options.items() if name not in COMMAND_LINE_ONLY} | _CONFIGURATION_ONLY


def configuration_notes(context: click.Context) -> list[Unreadable]:
    """Return notes on what the configuration, not the command line, hides.

    These are disabled checks, findings that are not reported or do not fail, and other settings that hide problems.
    """
    configured = {
        name: value
        for name, value in context.params.items()
        if context.get_parameter_source(name) is ParameterSource.DEFAULT_MAP
    }
    if not configured:
        return []
    from passrole_checks.scan import settings
    from passrole_checks.sources.model.configuration import Unreadable

    notes = [*_disabled_checks(context, configured), *_reduced_reporting(configured)]
    return [Unreadable(settings.FILE, f"[{settings.TABLE}] {words}") for words in notes]


def _disabled_checks(context: click.Context, configured: dict[str, Any]) -> Iterator[str]:
    """Yield a note naming the checks that report nothing only because of the configuration."""
    if not configured.keys() & {"check", "skip_check", "severity"}:
        return
    defaults = {"check": (), "skip_check": (), "severity": "low"}
    effective = {name: context.params.get(name, value) for name, value in defaults.items()}
    unconfigured = {name: defaults[name] if name in configured else value for name, value in effective.items()}
    enabled, enabled_by_default = (
        reporting_checks(
            minimum_severity(context, options), check_ids(options["check"]), check_ids(options["skip_check"])
        )
        for options in (effective, unconfigured)
    )
    if disabled := [f"{check.id} ({check.name})" for check in enabled_by_default if check not in enabled]:
        yield f"disables {', '.join(disabled)}"


def _reduced_reporting(configured: dict[str, Any]) -> Iterator[str]:
    """Yield notes on configured thresholds, baseline and flags that hide problems."""
    severity, confidence, fail_on = (configured.get(name) for name in ("severity", "confidence", "fail_on"))
    if severity in SEVERITIES[SEVERITIES.index("low") + 1 :]:
        yield f"severity = {severity}: findings below {severity} are not reported"
    if confidence in CONFIDENCES[1:]:
        yield f"confidence = {confidence}: findings below {confidence} confidence are not reported"
    if fail_on == "never":
        yield "fail_on = never: findings never cause exit status 1"
    elif fail_on in SEVERITIES[SEVERITIES.index("medium") + 1 :]:
        yield f"fail_on = {fail_on}: findings below {fail_on} do not cause exit status 1"
    if baseline := configured.get("baseline"):
        yield f"baseline = {baseline}: findings listed there are accepted"
    if details := configured.get("account_details"):
        yield f"account_details = {', '.join(details)}: what these files say of the account is believed"
    if inventory := configured.get("inventory"):
        yield f"inventory = {', '.join(inventory)}: what these files say of other repositories is believed"
    if configured.get("allow_empty"):
        yield "allow_empty = true: files without infrastructure code are not reported as errors"
    if configured.get("quiet"):
        yield "quiet = true: notes and summary are suppressed"


def _options(command: click.Command) -> dict[str, type]:
    return {
        option.name: list if option.multiple else bool if option.is_flag else str
        for option in command.params
        if isinstance(option, click.Option) and option.name
    }
