"""The commands ``scan`` and ``grants``.

As everywhere in the command line, only click and the standard library are imported before it is needed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from passrole_checks.cli import help_sections
from passrole_checks.cli.options import (
    able,
    applied_baseline,
    baseline,
    cached,
    confidence,
    destinations,
    fail_on,
    ids,
    least_severity,
    scan_options,
    severity,
    severity_that_fails,
    shared_options,
    some_checks,
    store,
    unit_scanner,
    where_it_scans,
    written_by,
)
from passrole_checks.cli.progress import telling, told
from passrole_checks.cli.pyproject_defaults import ConfiguredCommand, hidden_by_configuration
from passrole_checks.cli.write_outputs import (
    CLEAN,
    FINDINGS,
    complain,
    that_matter,
    unusable,
    write_each,
    write_grants,
    write_scan,
)

if TYPE_CHECKING:
    from passrole_checks.scan.result import ScanResult


@click.command(cls=ConfiguredCommand)
@shared_options(["text", "json", "sarif", "junit", "github", "gitlab", "markdown"])
@severity("The least severe findings to show.")
@confidence("The least certain findings to report; low are those that cannot be told before deployment.")
@fail_on("The least severity that makes the exit status 1.")
@some_checks
@baseline("Findings that are accepted: neither shown nor failing, but counted.")
@click.option(
    "--write-baseline",
    metavar="FILE",
    help="Accept all that is found now, and write it to FILE; what people added there stays.",
    shell_complete=help_sections.files,
)
@where_it_scans
@cached
@click.pass_context
def scan(context: click.Context, /, paths: tuple[str, ...], **options: Any) -> int:
    """Report what is wrong in files and folders.

    Files are told apart by their content, and folders are walked. A Terraform root module is evaluated as a whole, with
    the modules that it calls; of a file in one, the findings of that file are reported.

    Of the formats, sarif is for code scanning, junit for test reports, github for annotations (workflow commands),
    gitlab for Code Quality, markdown for a comment or a step summary.
    """
    from passrole_checks.findings import Confidence, Severity
    from passrole_checks.output.scan_formats import ScanReport

    chosen, baseline_to_write = destinations(context, options), written_by(context, "write_baseline")
    checks, skip_checks = ids(options["check"]), ids(options["skip_check"])
    explicit = context.get_parameter_source("severity") is not ParameterSource.DEFAULT
    shown = least_severity(options, explicit=explicit)
    failing = severity_that_fails(options)
    least = shown if failing is None or shown.rank < failing.rank else failing
    sure = Confidence(options["confidence"])
    with_baseline = options["baseline"] or baseline_to_write is not None
    result = _scanned(
        paths,
        options,
        checks=checks,
        skip_checks=skip_checks,
        minimum_severity=Severity.INFO if with_baseline else least,  # a baseline is about all that is found
        minimum_confidence=Confidence.LOW if with_baseline else sure,
    )
    accepted = None
    if with_baseline:
        applied = applied_baseline(result, paths, checks, skip_checks, options["baseline"], baseline_to_write)
        told = [one for one in applied.open if one.severity.rank >= least.rank and one.confidence.rank >= sure.rank]
        result = replace(result, findings=tuple(told))
        accepted = applied.restricted(shown, sure)
    hidden = tuple(finding for finding in result.findings if finding.severity.rank < shown.rank)
    visible = replace(result, findings=tuple(one for one in result.findings if one.severity.rank >= shown.rank))
    reporting = able(shown, checks, skip_checks) if "junit" in dict(chosen) else None
    report = ScanReport(visible, hidden, accepted, reporting, hidden_by_configuration(context))
    written = write_each(chosen, lambda name, destination: write_scan(report, name, destination, options))
    failed = failing is not None and any(
        finding.severity.rank >= failing.rank for finding in result.findings if not finding.suppressed
    )
    return max(written, unusable(result.unreadable)) or (FINDINGS if failed else CLEAN)


@click.command(cls=ConfiguredCommand)
@shared_options(["text", "json", "html", "markdown"])
@click.option("--all", is_flag=True, help="Also statements that grant no PassRole, such as those of trust policies.")
@where_it_scans
@cached
@click.pass_context
def grants(context: click.Context, /, paths: tuple[str, ...], **options: Any) -> int:
    """List who may pass which roles to which services.

    That is every statement that grants or denies PassRole, wrong or not, with its roles, its services and its holders.
    As html it is one page with a graph that can be searched, as markdown a Mermaid diagram; both tell the findings too.
    """
    chosen = destinations(context, options)
    result = _scanned(paths, options)
    listed = [one for one in result.grants if options["all"] or one.grant.denied or one.effect_on_passrole != "none"]
    written = write_each(chosen, lambda name, destination: write_grants(name, destination, result, listed, options))
    return max(written, unusable(result.unreadable))


def _scanned(paths: Sequence[str], options: dict[str, Any], **judging: Any) -> ScanResult:
    """Scan with the options that all commands share, and with what the findings are ``judging`` by."""
    where, asked, kept = [Path(path) for path in paths], scan_options(options, paths, **judging), store(paths, options)
    with told(options) as tell:
        if kept is None:
            from passrole_checks.scan.scanner import scan_paths

            result = scan_paths(where, asked, telling(unit_scanner(options), tell))
        else:
            from passrole_checks.scan.cache.cached_scan import scan_remembered

            # what scans is imported only if there is something to scan
            result = scan_remembered(
                where, asked, kept, lambda units, how: telling(unit_scanner(options), tell)(units, how)
            )
    if kept is not None and kept.trouble and not options["quiet"]:
        complain(kept.trouble)
    return replace(result, unreadable=that_matter(result.unreadable, result.files, paths, options, result.excluded))
