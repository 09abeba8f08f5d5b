"""The command ``trail --sql``: validate its options, and print a view for a table of logs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import click
from click.core import ParameterSource

from passrole_checks.cli.cloudtrail_logs import time_bounds
from passrole_checks.cli.options import destinations
from passrole_checks.cli.write_outputs import CLEAN

DIALECTS = ("athena", "spark")
TABLE, VIEW = "cloudtrail_logs", "passed_roles"
# Options for reading logs, and for reporting on them.
_INCOMPATIBLE = (
    "against", "var_file", "var", "parameters", "source", "events", "allow_empty", "format", "principal", "role",
)  # fmt: skip


def _validate_name(_context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    if value is not None and not re.fullmatch(r"[\w-]+(\.[\w-]+){0,2}", value):
        raise click.BadParameter(f"{value!r} is not a table name ([[CATALOG.]DATABASE.]TABLE)")
    return value


OPTIONS = (
    click.option("--sql", type=click.Choice(DIALECTS), help="Print an equivalent SQL view instead of reading logs."),
    click.option(
        "--table",
        metavar="NAME",
        callback=_validate_name,
        help=f"With --sql: name of the table of events.  [default: {TABLE}]",
    ),
    click.option(
        "--view", metavar="NAME", callback=_validate_name, help=f"With --sql: name of the view.  [default: {VIEW}]"
    ),
)


def check_options(context: click.Context, paths: Sequence[str], options: dict[str, Any]) -> None:
    """Validate the combination of options and arguments.

    Raises:
        click.UsageError: options do not go together, or an argument is missing.
    """
    if options["sql"] is None:
        for name in ("table", "view"):
            if options[name] is not None:
                raise click.UsageError(f"--{name} requires --sql")
        if not paths:
            path = next(parameter for parameter in context.command.params if parameter.name == "paths")
            raise click.MissingParameter(ctx=context, param=path)
        return
    if paths:
        raise click.UsageError("--sql reads no logs and takes no PATH")
    for name in _INCOMPATIBLE:
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            hint = ": filter the rows of the view instead" if name in ("principal", "role") else ""
            raise click.UsageError(f"--{name.replace('_', '-')} cannot be used with --sql{hint}")
    if len(options["output"]) > 1:
        raise click.UsageError("--sql prints one statement: give at most one --output")


def print_view(context: click.Context, options: dict[str, Any]) -> int:
    """Write the SQL statement and return the exit status."""
    from passrole_checks.cloudtrail import Bounds
    from passrole_checks.cloudtrail.sql import view_statement
    from passrole_checks.output.destination import write

    bounds = Bounds(*time_bounds(options), frozenset(options["account"]))
    ((_, destination),) = destinations(context, {**options, "format": ["sql"]})
    write(destination, view_statement(options["sql"], options["table"] or TABLE, options["view"] or VIEW, bounds))
    return CLEAN
