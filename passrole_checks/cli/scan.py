"""The commands ``scan`` and ``grants``.

As in all of the command line, modules other than click and the standard library are imported where they are used.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from passrole_checks.cli import help_sections
from passrole_checks.cli.options import (
    apply_baseline,
    baseline,
    cache_option,
    check_ids,
    check_selection,
    confidence,
    destination_of_option,
    destinations,
    execution_options,
    fail_on,
    failing_severity,
    lower_severity,
    minimum_severity,
    reporting_checks,
    result_store,
    scan_options,
    severity,
    shared_options,
    unit_scanner,
)
from passrole_checks.cli.page_heading import page_heading
from passrole_checks.cli.progress import progress_writer, with_progress
from passrole_checks.cli.pyproject_defaults import ConfiguredCommand, configuration_notes
from passrole_checks.cli.write_outputs import (
    CLEAN,
    FINDINGS,
    print_error,
    problems_to_report,
    report_problems,
    write_each,
    write_grants,
    write_scan,
)

if TYPE_CHECKING:
    from passrole_checks.findings import Finding, Severity
    from passrole_checks.output.destination import Destination
    from passrole_checks.output.scan_formats import ScanReport
    from passrole_checks.scan.result import ScannedUnit, ScanOptions, ScanResult
    from passrole_checks.sources.detect import Unit

_WITH_POSITIONS = ("json", "sarif", "junit", "github", "gitlab")  # formats whose readers follow each position


@click.command(cls=ConfiguredCommand)
@shared_options(["text", "json", "jsonl", "sarif", "junit", "github", "gitlab", "markdown"])
@severity("Minimum severity to report.")
@confidence("Minimum confidence to report; low includes findings that cannot be decided before deployment.")
@fail_on("Exit 1 on findings at or above this severity.")
@check_selection
@baseline("Ignore findings listed in this baseline, except in the summary.")
@click.option(
    "--write-baseline",
    metavar="FILE",
    help="Write all current findings to FILE as accepted; keeps reasons and dates added by hand.",
    shell_complete=help_sections.complete_files,
)
@click.option(
    "--update-inventory",
    is_flag=True,
    help="Record in --inventory what the scanned repository declares and passes to others, for scans of others.",
)
@click.option(
    "--group-by",
    type=click.Choice(["file", "check", "severity"]),
    default="file",
    show_default=True,
    help="Order of the statements in text: by file, or below a heading for each check or severity; worst first.",
)
@execution_options
@cache_option
@click.pass_context
def scan(context: click.Context, /, paths: tuple[str, ...], **options: Any) -> int:
    """Report overly permissive iam:PassRole grants.

    Recognizes files by content, and searches folders recursively. A Terraform root module is evaluated as a whole, with
    the modules that it calls; for a single file of it, only findings in that file are reported.

    Formats: jsonl for many repositories (JSON lines, written while the scan runs), sarif for code scanning, junit for
    test reports, github for annotations (workflow commands), gitlab for Code Quality, markdown for comments and step
    summaries.
    """
    from passrole_checks.findings import Confidence, Severity
    from passrole_checks.output.scan_formats import ScanReport
    from passrole_checks.scan.merge_attachments import merge_attachments

    chosen, baseline_to_write = destinations(context, options), destination_of_option(context, "write_baseline")
    inventory = _inventory_to_update(options)
    checks, skip_checks = check_ids(options["check"]), check_ids(options["skip_check"])
    shown = minimum_severity(context, options)
    failing = failing_severity(options)
    least = lower_severity(shown, failing)
    sure = Confidence(options["confidence"])
    with_baseline = options["baseline"] or baseline_to_write is not None
    if "jsonl" in options["format"]:
        if len(chosen) > 1 or with_baseline or inventory is not None:
            raise click.UsageError(
                "--format jsonl excludes other formats, --baseline, --write-baseline and --update-inventory"
            )
        return _stream(context, chosen[0][1], paths, shown, failing, minimum_severity=least, minimum_confidence=sure,
                       checks=checks, skip_checks=skip_checks)  # fmt: skip
    result = _scan(
        paths,
        options,
        checks=checks,
        skip_checks=skip_checks,
        minimum_severity=Severity.INFO if with_baseline else least,  # a baseline covers all findings
        minimum_confidence=Confidence.LOW if with_baseline else sure,
    )
    if inventory is not None:
        _update_inventory(inventory, paths, options, result)
    accepted = None
    if with_baseline:
        applied = apply_baseline(result, paths, checks, skip_checks, options["baseline"], baseline_to_write)
        reported = [one for one in applied.open if one.severity.rank >= least.rank and one.confidence.rank >= sure.rank]
        result = replace(result, findings=tuple(reported))
        accepted = applied.restricted(shown, sure)
    reporting = reporting_checks(shown, checks, skip_checks) if "junit" in dict(chosen) else None
    report = ScanReport(result, (), accepted, reporting, configuration_notes(context))
    by_position = _with_findings(report, result.findings, shown)
    merged = replace(by_position, result=replace(result, findings=merge_attachments(by_position.result.findings)))
    written = write_each(
        chosen,
        lambda name, destination: write_scan(
            by_position if name in _WITH_POSITIONS else merged, name, destination, options
        ),
    )
    failed = failing is not None and _is_failing(result, failing)
    return max(written, report_problems(result.unreadable)) or (FINDINGS if failed else CLEAN)


def _stream(
    context: click.Context,
    destination: Destination,
    paths: Sequence[str],
    shown: Severity,
    failing: Severity | None,
    **fields: Any,
) -> int:
    """Write the findings of each repository as soon as it is scanned. ``fields``: as of :func:`_scan`."""
    from passrole_checks import api
    from passrole_checks.output.destination import OutputStream
    from passrole_checks.output.json_lines import JsonLines
    from passrole_checks.output.scan_formats import ScanReport

    options = context.params
    lines, statuses = JsonLines(), [CLEAN]
    scan_settings, cache = scan_options(options, paths, **fields), result_store(paths, options)
    with OutputStream(destination) as stream, progress_writer(options) as progress:

        def report(result: ScanResult) -> None:
            """Write the result of a repository."""
            part = _with_findings(ScanReport(result), result.findings, shown)
            unreadable = problems_to_report(result.unreadable, result.files or paths, paths, options)
            stream.write(lines.of_result(replace(part.result, unreadable=unreadable), part.not_shown))
            failed = failing is not None and _is_failing(result, failing)
            statuses.append(report_problems(unreadable) or (FINDINGS if failed else CLEAN))

        def scanner(units: Sequence[Unit], how: ScanOptions) -> Iterable[ScannedUnit]:
            """Scan what the cache does not contain."""
            return with_progress(unit_scanner(options), progress)(units, how)

        rest = api.scan_each(paths, report, scan_settings, scanner=scanner, cache=cache, jobs=options["jobs"])
        read = (*rest.files, *(paths if max(statuses) > FINDINGS else ()))  # what is unreadable is there all the same
        unreadable = problems_to_report(rest.unreadable, read, paths, options, rest.excluded)
        stream.write(lines.of_rest(replace(rest, unreadable=unreadable), configuration_notes(context)))
    if cache is not None and cache.problem and not options["quiet"]:
        print_error(cache.problem)
    return max(*statuses, report_problems(unreadable))


def _is_failing(result: ScanResult, failing: Severity) -> bool:
    return any(one.severity.rank >= failing.rank for one in result.findings if not one.suppressed)


def _inventory_to_update(options: dict[str, Any]) -> str | None:
    """Return the inventory to update; a file that does not exist yet is not read first.

    Raises:
        click.UsageError: there is not exactly one.
    """
    if not options["update_inventory"]:
        return None
    if len(options["inventory"]) != 1:
        raise click.UsageError("--update-inventory requires one --inventory")
    path: str = options["inventory"][0]
    if not os.path.lexists(path):
        options["inventory"] = ()
    return path


def _update_inventory(path: str, paths: Sequence[str], options: dict[str, Any], result: ScanResult) -> None:
    """Record what the scanned paths pass to others.

    Raises:
        ConfigurationError: the inventory cannot be read or written.
    """
    from passrole_checks.escaping.terminal import display_path
    from passrole_checks.output.counts import count_noun
    from passrole_checks.scan.other_repositories import update_inventory

    unreadable = [entry.file for entry in result.unreadable]
    for recorded in update_inventory(path, list(map(Path, paths)), scan_options(options, paths), unreadable):
        if not options["quiet"]:
            roots = count_noun(recorded.roots, "root")
            print_error(f"{display_path(recorded.file)}: note: {roots} of repository {recorded.repository} recorded")


def _with_findings(report: ScanReport, findings: Sequence[Finding], shown: Severity) -> ScanReport:
    """Return a report on these findings, which shows those at or above a severity."""
    from passrole_checks.scan.group_findings import group_findings

    return replace(
        report,
        result=replace(
            report.result,
            findings=group_findings(
                (one for one in findings if one.severity.rank >= shown.rank), across_positions=True
            ),
        ),
        not_shown=group_findings(one for one in findings if one.severity.rank < shown.rank),
    )


@click.command(cls=ConfiguredCommand)
@shared_options(["text", "tree", "json", "html", "markdown"])
@click.option("--all", is_flag=True, help="Include statements that cannot grant PassRole, such as trust policies.")
@execution_options
@cache_option
@click.pass_context
def grants(context: click.Context, /, paths: tuple[str, ...], **options: Any) -> int:
    """List which roles each principal may pass, and to which services.

    Lists every statement that grants or denies PassRole, flagged or not, with its roles, services and principals.
    Format tree shows principals, below them the roles that they may pass, and below those the services, worst first;
    html is a page with a searchable graph, and who can become administrator; markdown is a Mermaid diagram. These
    include findings.
    """
    from passrole_checks.api import inventory

    chosen = destinations(context, options)
    result = _scan(paths, options)
    listed = inventory(result, without_effect=options["all"])
    written = write_each(
        chosen,
        lambda name, destination: write_grants(
            name, destination, result, listed, options, lambda: page_heading(paths, result, options["account"], options)
        ),
    )
    return max(written, report_problems(result.unreadable))


def _scan(paths: Sequence[str], options: dict[str, Any], **fields: Any) -> ScanResult:
    """Scan ``paths`` with the shared options; ``fields`` are further fields of :class:`ScanOptions`."""
    from passrole_checks import api

    scan_settings, cache = scan_options(options, paths, **fields), result_store(paths, options)
    with progress_writer(options) as report:

        def scanner(units: Sequence[Unit], how: ScanOptions) -> Iterable[ScannedUnit]:
            """Scan what the cache does not contain; only this imports the scanner."""
            return with_progress(unit_scanner(options), report)(units, how)

        result = api.scan(paths, scan_settings, scanner=scanner, cache=cache, jobs=options["jobs"])
    if cache is not None and cache.problem and not options["quiet"]:
        print_error(cache.problem)
    return replace(
        result, unreadable=problems_to_report(result.unreadable, result.files, paths, options, result.excluded)
    )
