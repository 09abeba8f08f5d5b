"""Commands whose options take their defaults from ``pyproject.toml``.

As everywhere in the command line, only click and the standard library are imported before it is needed.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from passrole_checks.cli.help_sections import DocumentedCommand
from passrole_checks.cli.options import CONFIDENCES, SEVERITIES, able, ids, least_severity
from passrole_checks.cli.write_outputs import complain
from passrole_checks.errors import ConfigurationError

if TYPE_CHECKING:
    from passrole_checks.sources.model.configuration import Unreadable


class ConfiguredCommand(DocumentedCommand):
    """A command whose options take their defaults from the working directory's ``pyproject.toml``."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        from passrole_checks.scan import settings

        if extra.get("resilient_parsing"):  # a shell completes the command line
            return super().make_context(info_name, args, parent, **extra)
        known = configurable(parent)
        try:
            table = self.table(info_name, list(args), parent, extra)
        except OSError as error:
            raise ConfigurationError(f"the working directory cannot be used: {error.strerror}") from None
        values = settings.checked(table, known, Path.cwd())
        own = set(_options(self)) - (set() if self.name == "scan" else {"format"})  # a report's are no inventory's
        extra["default_map"] = {name: value for name, value in values.items() if name in own}
        context = super().make_context(info_name, args, parent, **extra)
        if context.get_parameter_source("exclude") is ParameterSource.COMMANDLINE:
            # added to those of the configuration, over which they win: of several patterns the last one counts
            context.params["exclude"] = (*values.get("exclude", ()), *context.params["exclude"])
        return context

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command, after notes on what the configuration hides. Only the command line silences them."""
        if not (ctx.params.get("quiet") and ctx.get_parameter_source("quiet") is ParameterSource.COMMANDLINE):
            for note in hidden_by_configuration(ctx):
                complain(f"{note.file}: note: {note.reason}")
        return super().invoke(ctx)

    def table(
        self, info_name: str | None, args: list[str], parent: click.Context | None, extra: dict[str, Any]
    ) -> dict[str, Any]:
        """The configuration that this command goes by. Raises what :func:`configuration.load` raises, and OSError."""
        from passrole_checks.scan import settings

        return settings.load(Path.cwd())


def configurable(context: click.Context | None) -> dict[str, type]:
    """The options that ``pyproject.toml`` can set: those of ``scan`` and ``grants``, with the type of each one's value
    there. ``context`` is the program's, or within it."""
    from passrole_checks.scan.settings import COMMAND_LINE_ONLY

    program = context.find_root().command if context is not None else None
    commands = program.commands if isinstance(program, click.Group) else {}
    known = {name: kind for command in ("scan", "grants") for name, kind in _options(commands[command]).items()}
    return {name: kind for name, kind in known.items() if name not in COMMAND_LINE_ONLY}


def hidden_by_configuration(context: click.Context) -> list[Unreadable]:
    """Notes on what the configuration, and not the command line, hides: checks that it switches off, findings that it
    does not report or that do not fail, and what else would make a run look better than it is."""
    set_there = {
        name: value
        for name, value in context.params.items()
        if context.get_parameter_source(name) is ParameterSource.DEFAULT_MAP
    }
    if not set_there:
        return []
    from passrole_checks.scan import settings
    from passrole_checks.sources.model.configuration import Unreadable

    notes = [*_checks_off(context, set_there), *_less_told(set_there)]
    return [Unreadable(settings.FILE, f"[{settings.TABLE}] {words}") for words in notes]


def _checks_off(context: click.Context, set_there: dict[str, Any]) -> Iterator[str]:
    """The checks that report nothing, and would report if the configuration did not say otherwise."""
    if not set_there.keys() & {"check", "skip_check", "severity"}:
        return
    defaults = {"check": (), "skip_check": (), "severity": "low"}
    given = {name: context.params.get(name, value) for name, value in defaults.items()}
    without = {name: defaults[name] if name in set_there else value for name, value in given.items()}
    explicit = context.get_parameter_source("severity") is not ParameterSource.DEFAULT
    now, then = (
        able(least_severity(one, explicit=explicit), ids(one["check"]), ids(one["skip_check"]))
        for one in (given, without)
    )
    if off := [f"{check.id} ({check.name})" for check in then if check not in now]:
        yield f"switches off {', '.join(off)}"


def _less_told(set_there: dict[str, Any]) -> Iterator[str]:
    severity, confidence, fail_on = (set_there.get(name) for name in ("severity", "confidence", "fail_on"))
    if severity in SEVERITIES[SEVERITIES.index("low") + 1 :]:
        yield f"severity = {severity}: less severe findings are not reported"
    if confidence in CONFIDENCES[1:]:
        yield f"confidence = {confidence}: less certain findings are not reported"
    if fail_on == "never":
        yield "fail_on = never: no finding makes the exit status 1"
    elif fail_on in SEVERITIES[SEVERITIES.index("medium") + 1 :]:
        yield f"fail_on = {fail_on}: less severe findings do not make the exit status 1"
    if baseline := set_there.get("baseline"):
        yield f"baseline = {baseline}: the findings that it lists do not count"
    if set_there.get("allow_empty"):
        yield "allow_empty = true: files that contain no infrastructure code are no error"
    if set_there.get("quiet"):
        yield "quiet = true: the notes and the summary are not written"


def _options(command: click.Command) -> dict[str, type]:
    return {
        option.name: list if option.multiple else bool if option.is_flag else str
        for option in command.params
        if isinstance(option, click.Option) and option.name
    }
