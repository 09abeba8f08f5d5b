"""What ``trail --sql`` does, for the command line: which options go with it, and where the statement is written.

As in the command line itself, only click and the standard library are imported before it is needed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import click
from click.core import ParameterSource

from passrole_checks.cli.cloudtrail_logs import bounds_of
from passrole_checks.cli.options import destinations
from passrole_checks.cli.write_outputs import CLEAN

DIALECTS = ("athena", "spark")
TABLE, VIEW = "cloudtrail_logs", "passed_roles"
# What is about logs that are read here, and about the forms of what they tell.
_NOT_WITH_IT = (
    "against", "var_file", "var", "parameters", "source", "events", "allow_empty", "format", "principal", "role",
)  # fmt: skip


def _name(_context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    if value is not None and not re.fullmatch(r"[\w-]+(\.[\w-]+){0,2}", value):
        raise click.BadParameter(f"{value!r} is no name of a table, with or without its database and catalog")
    return value


OPTIONS = (
    click.option(
        "--sql",
        type=click.Choice(DIALECTS),
        help="Read no logs, but print a view that tells the same from a table of them, for Athena or for Spark.",
    ),
    click.option(
        "--table",
        metavar="NAME",
        callback=_name,
        help=f"With --sql: the table of events, as the comment in the statement says.  [default: {TABLE}]",
    ),
    click.option(
        "--view", metavar="NAME", callback=_name, help=f"With --sql: what the view is called.  [default: {VIEW}]"
    ),
)


def checked(context: click.Context, paths: Sequence[str], given: dict[str, Any]) -> None:
    """Whether what was given goes together. Raises a :class:`click.UsageError` that says what does not."""
    if given["sql"] is None:
        for name in ("table", "view"):
            if given[name] is not None:
                raise click.UsageError(f"--{name} goes with --sql only")
        if not paths:
            path = next(one for one in context.command.params if one.name == "paths")
            raise click.MissingParameter(ctx=context, param=path)
        return
    if paths:
        raise click.UsageError("--sql prints a view and reads no logs: no PATH goes with it")
    for name in _NOT_WITH_IT:
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            where = ": choose rows of the view by that" if name in ("principal", "role") else ""
            raise click.UsageError(f"--{name.replace('_', '-')} does not go with --sql{where}")
    if len(given["output"]) > 1:
        raise click.UsageError("--sql prints one statement: one --output at most goes with it")


def printed(context: click.Context, given: dict[str, Any]) -> int:
    """Write the statement; the exit status."""
    from passrole_checks.cloudtrail import Bounds
    from passrole_checks.cloudtrail.sql import view_statement
    from passrole_checks.output.destination import write

    bounds = Bounds(*bounds_of(given), frozenset(given["account"]))
    ((_, destination),) = destinations(context, {**given, "format": ["sql"]})
    write(destination, view_statement(given["sql"], given["table"] or TABLE, given["view"] or VIEW, bounds))
    return CLEAN
