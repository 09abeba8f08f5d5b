"""The command ``trail``: options, reading logs, comparing them with a configuration, and writing the report.

As in all of the command line, modules other than click and the standard library are imported where they are used.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from passrole_checks.cli import help_sections, trail_sql
from passrole_checks.cli.cloudtrail_logs import no_events_reason, reading_progress, time_bounds, time_options
from passrole_checks.cli.help_sections import DocumentedCommand
from passrole_checks.cli.input_paths import naming_files_as_typed
from passrole_checks.cli.options import (
    DISPLAY_OPTIONS,
    EVALUATION_OPTIONS,
    apply_options,
    destinations,
    output_options,
    repeatable,
    repeatable_files,
    scan_options,
    validate_accounts,
)
from passrole_checks.cli.page_heading import page_heading
from passrole_checks.cli.write_outputs import (
    CLEAN,
    UNUSABLE,
    nothing_to_scan_reason,
    print_error,
    report_problems,
    write_each,
    write_lines,
)

if TYPE_CHECKING:
    from passrole_checks.cloudtrail.report import UsageReport
    from passrole_checks.output.destination import Destination
    from passrole_checks.scan.result import ScanResult
    from passrole_checks.sources.model.configuration import Configuration

_Function = TypeVar("_Function", bound=Callable[..., Any])

FORMATS = ("text", "json", "markdown", "html")


def options(function: _Function) -> _Function:
    """Add the arguments and options of ``trail``."""
    return apply_options(
        function,
        (
            click.argument(
                "paths",
                cls=help_sections.DocumentedArgument,
                metavar="PATH...",
                nargs=-1,
                words="Log file, or folder of logs.",
                shell_complete=help_sections.complete_files,
            ),
            *time_options(),
            repeatable("--account", "ID", "Only events of this 12-digit account ID.", callback=validate_accounts),
            repeatable(
                "--principal",
                "PATTERN",
                "Only roles passed by this user or role (ARN, name or source identity; wildcards * and ?).",
            ),
            repeatable(
                "--role", "PATTERN", "Only this passed role or instance profile (ARN or name; wildcards * and ?)."
            ),
            repeatable_files(
                "--against", "PATH", "Compare with the grants of this configuration: Terraform, templates, plans."
            ),
            *EVALUATION_OPTIONS,
            click.option("--events", is_flag=True, help="Include each event in json output."),
            click.option("--allow-empty", is_flag=True, help="Do not fail if there are no logs."),
            *trail_sql.OPTIONS,
            *output_options(FORMATS),
            *DISPLAY_OPTIONS,
        ),
    )


def _run(paths: Sequence[str], options: dict[str, Any], chosen: Sequence[tuple[str, Destination]]) -> int:
    """Read the logs, write the report, and return the exit status. ``chosen``: formats with their destinations."""
    from passrole_checks.cloudtrail import Bounds, UsageQuery
    from passrole_checks.cloudtrail.report import read_usage
    from passrole_checks.escaping.terminal import display_path

    since, until = time_bounds(options)
    for name in ("var_file", "var", "parameters", "source", "account_details", "inventory", "repository", "exclude"):
        if options[name] and not options["against"]:
            raise click.UsageError(f"--{name.replace('_', '-')} requires --against")
    query = UsageQuery(Bounds(since, until, frozenset(options["account"])), options["principal"], options["role"])
    with reading_progress(options) as report_progress:
        report = read_usage(
            [Path(path) for path in paths], query, one_by_one=options["events"], progress=report_progress
        )
    result = None
    if options["against"] and (report.reading.files or options["allow_empty"]):  # without logs, nothing is unused
        drawn = any(output_format in ("markdown", "html") for output_format, _ in chosen)
        report, result = _compare_with_configuration(report, options, drawn=drawn)
    written = write_each(chosen, lambda name, destination: _write(report, result, name, destination, options))
    status = max(written, report_problems(report.unknown))
    if status:
        return status
    if not report.reading.files and not options["allow_empty"]:
        names = ", ".join(map(display_path, paths))
        print_error(f"{names}: {no_events_reason(options)} (--allow-empty accepts that)")
        return UNUSABLE
    return CLEAN


def _compare_with_configuration(
    report: UsageReport, options: dict[str, Any], *, drawn: bool
) -> tuple[UsageReport, ScanResult | None]:
    """Return the report with the usage of each grant, and the scan result of the configuration.

    The scan result, with findings, is computed only if it is ``drawn``; else it is None.
    """
    from passrole_checks.cloudtrail.grant_usage import match_grants
    from passrole_checks.scan.account_context import with_account_details
    from passrole_checks.scan.analyze import unreadable_of
    from passrole_checks.scan.scanner import distinct_notes, isolate_faults, read_paths, scan_read
    from passrole_checks.sources.model.configuration import Unreadable

    account = options["account"][0] if len(options["account"]) == 1 else None
    settings = scan_options({**options, "account": account, "unchanged": True}, options["against"])
    read = read_paths([Path(path) for path in options["against"]], settings)
    configurations = [configuration for _, configuration in read.units]

    def in_context(configuration: Configuration) -> Configuration:
        return with_account_details(configuration, settings)[0]

    against, faults = isolate_faults(
        read, lambda units: match_grants(report.edges, units, account, read.variants_of, in_context)
    )
    problems = (*read.unreadable, *(entry for unit in configurations for entry in unreadable_of(unit)), *faults)
    unreadable = list(dict.fromkeys(problems))  # report a file that several roots use once
    if not configurations and not unreadable:
        names = ", ".join(options["against"])
        unreadable.append(Unreadable(names, nothing_to_scan_reason(read.excluded)))
    skipped = (
        *(entry for unit in configurations for entry in unit.notes.not_evaluated),
        *read.notes,
        *read.value_notes,
    )
    result = None
    if drawn:
        result = scan_read(read, settings)
        missing = [entry for entry in unreadable if entry not in result.unreadable]
        result = replace(result, unreadable=(*missing, *result.unreadable))
        unreadable += result.faults
    skipped = distinct_notes(skipped)
    report = replace(
        report,
        against=against,
        unreadable=tuple(dict.fromkeys(unreadable)),
        not_evaluated=skipped,
        excluded=read.excluded,
    )
    return report, result


def _write(
    report: UsageReport,
    result: ScanResult | None,
    output_format: str,
    destination: Destination,
    options: dict[str, Any],
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

        account = options["account"][0] if len(options["account"]) == 1 else None
        heading = page_heading(options["against"], result, account, options)
        write(destination, trail_page(report, report.against, result, heading))
    elif output_format == "html":
        from passrole_checks.output.cloudtrail_html import trail_html

        write(destination, trail_html(report))
    else:
        lines = output.trail_lines(report, quiet=options["quiet"], verbose=options["verbose"])
        write_lines(destination, lines, options)


@click.command(cls=DocumentedCommand)
@options
@click.pass_context
def trail(context: click.Context, /, paths: tuple[str, ...], **options: Any) -> int:
    """Report passed roles from CloudTrail logs.

    Passing a role is not logged as an event of its own. It is derived from the events that created or changed the
    receiving resource: who passed which role to which service, for which resource, when, from where, and whether it was
    denied.

    With --against, also reports which grants of a configuration were used or never used; format html adds this to the
    page of grants.

    Reads logs as CloudTrail delivers them, in folders or single files, compressed or not, and CSV or Parquet exports of
    CloudTrail Lake and Athena. Requires DuckDB (the extra trail).

    For logs too large for one machine, --sql prints an equivalent view for Athena or Spark.
    """
    trail_sql.check_options(context, paths, options)
    if options["sql"] is not None:
        return trail_sql.print_view(context, options)
    with naming_files_as_typed(context):
        return _run(paths, options, destinations(context, options))
