"""What ``trail`` does, for the command line: which logs, which passes, what is written, and the exit status.

As in the command line itself, only click and the standard library are imported before it is needed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from passrole_checks.cli import help_sections, trail_sql
from passrole_checks.cli.cloudtrail_logs import bounds_of, nothing_in, progress, since_and_until
from passrole_checks.cli.help_sections import DocumentedCommand
from passrole_checks.cli.options import HOW_EVALUATED, HOW_WRITTEN, destinations, scan_options, where_written
from passrole_checks.cli.write_outputs import (
    CLEAN,
    UNUSABLE,
    complain,
    nothing_to_scan,
    unusable,
    write_each,
    write_lines,
)

if TYPE_CHECKING:
    from passrole_checks.cloudtrail.report import UsageReport
    from passrole_checks.output.destination import Destination
    from passrole_checks.scan.result import ScanResult

_Function = TypeVar("_Function", bound=Callable[..., Any])

FORMATS = ("text", "json", "markdown", "html")


def options(function: _Function) -> _Function:
    """The arguments and options of ``trail``."""
    for option in reversed(
        (
            click.argument("paths", metavar="PATH...", nargs=-1, shell_complete=help_sections.files),
            *since_and_until(),
            click.option(
                "--account",
                metavar="ID",
                multiple=True,
                callback=_accounts,
                help="Only events of this account, twelve digits. Repeatable.",
            ),
            click.option(
                "--principal",
                metavar="PATTERN",
                multiple=True,
                help="Only what this user or role passed: its ARN or name, or its source identity. * and ? stand for"
                " any text and any character. Repeatable.",
            ),
            click.option(
                "--role",
                metavar="PATTERN",
                multiple=True,
                help="Only passes of this role or instance profile: its ARN or name. Repeatable.",
            ),
            click.option(
                "--against",
                metavar="PATH",
                multiple=True,
                help="Hold it against what this configuration grants: Terraform, templates, plans. Repeatable.",
                shell_complete=help_sections.files,
            ),
            *HOW_EVALUATED,
            click.option("--events", is_flag=True, help="In json, also each pass by itself."),
            click.option("--allow-empty", is_flag=True, help="It is no error if there are no logs."),
            *trail_sql.OPTIONS,
            *where_written(FORMATS),
            *HOW_WRITTEN,
        )
    ):
        function = option(function)
    return function


def _told(paths: Sequence[str], given: dict[str, Any], chosen: Sequence[tuple[str, Destination]]) -> int:
    """Read the logs and write what they tell; the exit status. ``chosen``: formats with their destinations."""
    from passrole_checks.cloudtrail import Bounds, UsageQuery
    from passrole_checks.cloudtrail.report import read_usage
    from passrole_checks.escaping.terminal import shown

    since, until = bounds_of(given)
    for name in ("var_file", "var", "parameters", "source", "exclude"):
        if given[name] and not given["against"]:
            raise click.UsageError(
                f"--{name.replace('_', '-')} is for the configuration of --against, which is not given"
            )
    wanted = UsageQuery(Bounds(since, until, frozenset(given["account"])), given["principal"], given["role"])
    with progress(given) as tell:
        report = read_usage([Path(path) for path in paths], wanted, one_by_one=given["events"], progress=tell)
    result = None
    if given["against"]:
        drawn = any(output_format in ("markdown", "html") for output_format, _ in chosen)
        report, result = _against(report, given, drawn=drawn)
    written = write_each(chosen, lambda name, destination: _write(report, result, name, destination, given))
    status = max(written, unusable(report.unknown))
    if status:
        return status
    if not report.reading.files and not given["allow_empty"]:
        names = ", ".join(map(shown, paths))
        complain(f"{names}: {nothing_in(given)} (--allow-empty accepts that)")
        return UNUSABLE
    return CLEAN


def _against(report: UsageReport, given: dict[str, Any], *, drawn: bool) -> tuple[UsageReport, ScanResult | None]:
    """The report with what it says of the configuration; and what a scan of that gives, where it is ``drawn``."""
    from passrole_checks.cloudtrail.grant_usage import match_grants
    from passrole_checks.scan.analyze import unreadable_of
    from passrole_checks.scan.scanner import isolated, read_paths, scan_configurations
    from passrole_checks.sources.model.configuration import Unreadable

    account = given["account"][0] if len(given["account"]) == 1 else None
    options = scan_options({**given, "account": account, "unchanged": True}, given["against"])
    read = read_paths([Path(path) for path in given["against"]], options)
    configurations = [configuration for _, configuration in read.units]
    against, faults = isolated(read, lambda units: match_grants(report.edges, units, account))
    found = (*read.unreadable, *(one for unit in configurations for one in unreadable_of(unit)), *faults)
    unreadable = list(dict.fromkeys(found))  # what is given for several roots is told once
    if not configurations:
        names = ", ".join(given["against"])
        unreadable.append(Unreadable(names, nothing_to_scan(read.excluded)))
    skipped = (*(one for unit in configurations for one in unit.not_evaluated), *read.notes)
    result = None
    if drawn:
        result = scan_configurations(configurations, options)
        missing = [one for one in unreadable if one not in result.unreadable]
        result = replace(result, unreadable=(*missing, *result.unreadable))
        unreadable += result.faults
    skipped = tuple(dict.fromkeys(skipped))
    report = replace(
        report,
        against=against,
        unreadable=tuple(dict.fromkeys(unreadable)),
        not_evaluated=skipped,
        excluded=read.excluded,
    )
    return report, result


def _write(
    report: UsageReport, result: ScanResult | None, output_format: str, destination: Destination, given: dict[str, Any]
) -> None:
    from passrole_checks.output import cloudtrail as output
    from passrole_checks.output.destination import write

    if output_format == "json":
        write(destination, output.trail_json(report))
    elif output_format == "markdown":
        from passrole_checks.output.cloudtrail_markdown import trail_markdown

        write(destination, trail_markdown(report, result))
    elif output_format == "html" and report.against is not None and result is not None:
        from passrole_checks.output.cloudtrail_page import trail_page

        write(destination, trail_page(report, report.against, result))
    elif output_format == "html":
        from passrole_checks.output.cloudtrail_html import trail_html

        write(destination, trail_html(report))
    else:
        write_lines(destination, output.trail_lines(report, quiet=given["quiet"]), given)


def _accounts(_context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
    for value in values:
        if not (len(value) == 12 and value.isascii() and value.isdigit()):
            raise click.BadParameter(f"{value!r} is not an account id of twelve digits")
    return values


@click.command(cls=DocumentedCommand)
@options
@click.pass_context
def trail(context: click.Context, /, paths: tuple[str, ...], **options: Any) -> int:
    """Tell from CloudTrail which roles were passed.

    Passing a role leaves no event of its own; the events that made or changed what received it tell of it: who, which
    role, to which service, for which resource, when, from where, and whether it was denied.

    With --against it also tells what of a configuration was used, and what never was; as html on the page of grants.

    Files are logs as CloudTrail delivers them, in folders or one by one, packed or not, and exports of CloudTrail Lake
    and Athena as CSV or Parquet. Needs DuckDB: pip install 'passrole-checks[trail]'.

    Of logs that are too many for one machine, --sql prints a view for Athena or Spark that tells the same.
    """
    trail_sql.checked(context, paths, options)
    if options["sql"] is not None:
        return trail_sql.printed(context, options)
    return _told(paths, options, destinations(context, options))
