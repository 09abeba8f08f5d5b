"""The command line. It parses options, calls the scan, and hands the result to an output; it decides nothing else.

Only the standard library and click are imported here: everything else where it is used, so that ``--version`` and
mistakes in the options are answered at once.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from passrole_checks import __version__, cli_evidence, cli_help, cli_review, cli_sql, cli_trail
from passrole_checks.cli_help import DocumentedCommand, DocumentedGroup
from passrole_checks.cli_options import (
    applied_baseline,
    baseline,
    cached,
    confidence,
    destinations,
    fail_on,
    ids,
    scan_options,
    severity,
    severity_that_fails,
    shared_options,
    some_checks,
    store,
    two_at_most,
    unit_scanner,
    where_it_scans,
    which_findings,
)
from passrole_checks.cli_writing import (
    CLEAN,
    FINDINGS,
    INTERRUPTED,
    OUR_FAULT,
    UNUSABLE,
    complain,
    that_matter,
    unusable,
    write_grants,
    write_lines,
    write_scan,
)
from passrole_checks.errors import ConfigurationError, PassRoleChecksError

if TYPE_CHECKING:
    from passrole_checks.check import Check
    from passrole_checks.findings import Severity
    from passrole_checks.scanned import ScanResult

PROGRAM = "passrole-checks"
LEAVES = {"checkov": "checkov_checks", "cfn-lint": "cfnlint_rules"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line with ``arguments`` (without the program's name) and return its exit status."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # a terminal without UTF-8 is no reason to stop
    arguments = sys.argv[1:] if arguments is None else arguments
    try:
        status = cli.main(args=list(arguments) or ["--help"], prog_name=PROGRAM, standalone_mode=False)
    except click.ClickException as error:
        complain(_usage(error))
        return UNUSABLE
    except PassRoleChecksError as error:
        complain(str(error))
        return UNUSABLE
    except (KeyboardInterrupt, click.Abort):
        complain(f"{PROGRAM}: interrupted")
        return INTERRUPTED
    except Exception as error:  # the last line of defence: a traceback is of no use to whoever scans
        if os.environ.get("PASSROLE_CHECKS_DEBUG"):
            raise
        complain(
            f"{PROGRAM}: internal error: {type(error).__name__}: {error}"
            " (please report it, with what PASSROLE_CHECKS_DEBUG=1 in the environment adds)"
        )
        return OUR_FAULT
    return int(status or CLEAN)


def _usage(error: click.ClickException) -> str:
    message = error.format_message().strip().rstrip(".")
    context = getattr(error, "ctx", None)
    parameter = getattr(error, "param", None)
    if context is None:
        return f"{PROGRAM}: {message}"
    if parameter is not None and context.get_parameter_source(parameter.name) is ParameterSource.DEFAULT_MAP:
        return f"pyproject.toml: [tool.passrole_checks] {parameter.name}: {message}"
    return f"{context.command_path}: {message} ({context.command_path} --help)"


class ConfiguredCommand(DocumentedCommand):
    """A command whose options take their defaults from the working directory's ``pyproject.toml``."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        from passrole_checks import configuration

        if extra.get("resilient_parsing"):  # a shell completes the command line
            return super().make_context(info_name, args, parent, **extra)
        known = configurable()
        try:
            table = self.table(info_name, list(args), parent, extra)
        except OSError as error:
            raise ConfigurationError(f"the working directory cannot be used: {error.strerror}") from None
        values = configuration.checked(table, known)
        own = set(_options(self)) - (set() if self is scan else {"format", "output"})  # a report's, not an inventory's
        extra["default_map"] = {name: value for name, value in values.items() if name in own}
        return super().make_context(info_name, args, parent, **extra)

    def table(
        self, info_name: str | None, args: list[str], parent: click.Context | None, extra: dict[str, Any]
    ) -> dict[str, Any]:
        """The configuration that this command goes by. Raises what :func:`configuration.load` raises, and OSError."""
        from passrole_checks import configuration

        return configuration.load(Path.cwd())


class DiffCommand(ConfiguredCommand):
    """A command that takes its defaults from BASE where it compares two versions of a repository."""

    def table(
        self, info_name: str | None, args: list[str], parent: click.Context | None, extra: dict[str, Any]
    ) -> dict[str, Any]:
        from passrole_checks import cli_diff

        given = click.Command.make_context(self, info_name, args, parent, **extra).params
        if not given["versions"] and not given["staged"]:
            raise click.UsageError("name what to compare: BASE HEAD, BASE, --staged, or two paths")
        extra["obj"] = cli_diff.asked_for(given["versions"], given["staged"])
        return cli_diff.table_of(extra["obj"])


class ReviewCommand(ConfiguredCommand):
    """A command that takes its defaults from BASE, which the environment may tell."""

    def table(
        self, info_name: str | None, args: list[str], parent: click.Context | None, extra: dict[str, Any]
    ) -> dict[str, Any]:
        given = click.Command.make_context(self, info_name, args, parent, **extra).params
        extra["obj"] = cli_review.asked_for(given)
        return cli_review.table_of(extra["obj"])


def configurable() -> dict[str, type]:
    """The options that ``pyproject.toml`` can set, with the type of each one's value there."""
    known = {**_options(scan), **_options(grants)}
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


@click.group(cls=DocumentedGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name=PROGRAM, message="%(prog)s %(version)s")
def cli() -> None:
    """Who would be able to pass which IAM role to which AWS service, and is that more than it should be?

    Reads Terraform and OpenTofu, their plans and states (JSON), CloudFormation, its change sets, and SAM. Nothing that
    is read is run, nothing is downloaded, and no account is asked. passrole-checks COMMAND --help tells all of a
    command.
    """


@cli.command(cls=ConfiguredCommand)
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
    shell_complete=cli_help.files,
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
    from passrole_checks.output.scan import Report

    chosen = destinations(context, options)
    checks, skip_checks = ids(options["check"]), ids(options["skip_check"])
    shown = Severity(options["severity"])
    if checks and context.get_parameter_source("severity") is ParameterSource.DEFAULT:
        shown = Severity.INFO  # whoever names a check wants to hear of it
    failing = severity_that_fails(options)
    least = shown if failing is None or shown.rank < failing.rank else failing
    sure = Confidence(options["confidence"])
    with_baseline = options["baseline"] or options["write_baseline"]
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
        applied = applied_baseline(result, paths, checks, skip_checks, options)
        told = [one for one in applied.open if one.severity.rank >= least.rank and one.confidence.rank >= sure.rank]
        result = replace(result, findings=tuple(told))
        accepted = applied.restricted(shown, sure)
    hidden = tuple(finding for finding in result.findings if finding.severity.rank < shown.rank)
    visible = replace(result, findings=tuple(one for one in result.findings if one.severity.rank >= shown.rank))
    report = Report(visible, hidden, accepted, _able(shown, checks, skip_checks) if "junit" in dict(chosen) else None)
    for output_format, destination in chosen:
        write_scan(report, output_format, destination, options)
    failed = failing is not None and any(
        finding.severity.rank >= failing.rank for finding in result.findings if not finding.suppressed
    )
    status = unusable(result.unreadable, bool(result.files), paths, options["allow_empty"])
    return status or (FINDINGS if failed else CLEAN)


@cli.command(cls=ConfiguredCommand)
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
    for output_format, destination in chosen:
        write_grants(output_format, destination, result, listed, options)
    return unusable(result.unreadable, bool(result.files), paths, options["allow_empty"])


@cli.command(cls=DiffCommand)
@shared_options(
    ["text", "json"],
    (
        click.argument(
            "versions", metavar="BASE [HEAD]", nargs=-1, callback=two_at_most, shell_complete=cli_help.versions
        ),
    ),
)
@click.option("--staged", is_flag=True, help="Compare BASE, or else HEAD, with what is staged for the next commit.")
@fail_on("The least severity of new or widened access that makes the exit status 1.")
@click.pass_context
def diff(context: click.Context, /, versions: tuple[str, ...], staged: bool, **options: Any) -> int:
    """Compare who may pass what in two versions.

    BASE and HEAD are commits, tags or branches of the git repository around the working directory; A...B compares the
    merge base of both with B, and BASE alone is compared with the working tree. Or they are two files or two folders:
    templates, Terraform roots, plans, change sets. A path that exists wins.

    Versions are read in full from git's objects: nothing is checked out, run or followed. Configuration and
    suppressions are those of BASE.

    New and widened access is as severe as the check new-access finds it: high where any-role, any-service,
    ineffective-condition or privilege-escalation flag it as well, else info.
    """
    from passrole_checks import cli_diff

    chosen = destinations(context, options)
    compared = context.obj
    found = cli_diff.difference(compared, versions, options)
    found = replace(found, unreadable=that_matter(found.unreadable, options))
    for output_format, destination in chosen:
        if output_format == "json":
            from passrole_checks.output.destination import write
            from passrole_checks.output.json_output import diff_json

            write(destination, diff_json(found, compared))
        else:
            from passrole_checks.output.difference import diff_lines

            write_lines(destination, diff_lines(found, compared, quiet=options["quiet"]), options)
    failing = severity_that_fails(options)
    failed = failing is not None and any(
        change.severity.rank >= failing.rank for change in (*found.new, *found.widened) if not change.suppressed
    )
    # a version without infrastructure code is one before there was any; a path without it is a mistake
    empty = [] if compared else [path for path, files in zip(versions, found.files, strict=True) if not files]
    status = unusable(found.unreadable, not empty, empty, options["allow_empty"])
    return status or (FINDINGS if failed else CLEAN)


@cli.command(cls=ReviewCommand)
@cli_review.options
@click.pass_context
def review(context: click.Context, /, **options: Any) -> int:
    """Tell what a pull request changes.

    What is new is told once, where it can be mended, with what to write instead.

    BASE and HEAD are versions as for diff. Without them it is the pull request or merge request whose pipeline this
    runs in, and there the result is also written on the forge, as far as the token allows: one comment that is kept up
    to date, comments at the lines that differ, and a status.

    Both versions are scanned in full. New is what HEAD has and BASE has not; suppressions, the baseline and the
    configuration are those of BASE. sarif and gitlab hold all findings of HEAD, the other formats what is new.
    """
    return cli_review.review(context.obj, options, destinations(context, options), complain)


@cli.command(cls=ConfiguredCommand)
@shared_options(["text", "json", "hcl", "yaml"])
@click.pass_context
def required(context: click.Context, /, paths: tuple[str, ...], **options: Any) -> int:
    """Tell which roles whoever deploys this must pass.

    Each resource that is given a role, with the role and the service that it goes to; then the smallest
    PassRole statements for all of them, as text, as JSON, as a Terraform data document (hcl) or as a CloudFormation
    template (yaml).
    """
    from passrole_checks.advise.required import required_by
    from passrole_checks.output import required as output
    from passrole_checks.output import required_policy
    from passrole_checks.output.destination import write
    from passrole_checks.scan import read_paths

    chosen = destinations(context, options)
    read = read_paths([Path(path) for path in paths], scan_options(options))
    configurations = [configuration for _, configuration in read.units]
    found = required_by(configurations, options["account"])
    unreadable = that_matter([*read.unreadable, *(one for unit in configurations for one in unit.unreadable)], options)
    skipped = tuple(dict.fromkeys([*(one for unit in configurations for one in unit.not_evaluated), *read.notes]))
    files = {file for configuration in configurations for file in configuration.files}
    for output_format, destination in chosen:
        if output_format == "json":
            write(destination, output.required_json(found, unreadable, skipped))
        elif output_format == "hcl":
            write(destination, required_policy.hcl(found))
        elif output_format == "yaml":
            write(destination, required_policy.yaml(found))
        else:
            lines = output.required_lines(found, len(files), skipped, quiet=options["quiet"])
            write_lines(destination, lines, options)
    return unusable(unreadable, bool(files), paths, options["allow_empty"])


@cli.command(cls=ConfiguredCommand)
@shared_options(["text", "json", "patch"])
@which_findings
@cli_evidence.options
@click.pass_context
def suggest(context: click.Context, /, paths: tuple[str, ...], **options: Any) -> int:
    """Show what can be written instead of what is found.

    A change is shown only if with it that finding is gone, and nothing new is found. Where nobody here can know which
    roles or which service are meant, it says what a person has to fill in. Nothing is written: patch is for git apply
    and patch -p1, and the command fix writes.

    With --evidence a statement names the roles that logs of CloudTrail show it to have let be passed, each with the
    services that it was passed to, and nothing else; all that they show is allowed still. Of what nothing was passed
    by, that is told.
    """
    from passrole_checks import cli_suggest
    from passrole_checks.output import text
    from passrole_checks.output.destination import is_terminal, write

    chosen = destinations(context, options)
    logs = cli_evidence.read(options)
    found = cli_suggest.suggested(paths, options, _severity_asked_for(context, options), logs)
    for output_format, destination in chosen:
        if output_format == "text":
            width = text.width_for(is_terminal(destination))
            write_lines(destination, cli_suggest.lines(found, width=width, quiet=options["quiet"]), options)
        else:
            write(destination, cli_suggest.rendered(found, output_format, terminal=is_terminal(destination)))
    status = unusable(that_matter(found.unreadable, options), bool(found.files), paths, options["allow_empty"])
    status = max(status, logs.complain() if logs is not None else CLEAN)
    return status or (FINDINGS if found.findings or any(one.edits for one in found.suggestions) else CLEAN)


@cli.command(cls=ConfiguredCommand)
@shared_options(["text"])
@which_findings
@cli_evidence.options
@fail_on("The least severity that, if it is left, makes the exit status 1.")
@click.option("--dry-run", is_flag=True, help="Write nothing, and tell what would be written.")
@click.pass_context
def fix(context: click.Context, /, paths: tuple[str, ...], **options: Any) -> int:
    """Write what suggest shows into the files.

    Comments, layout and all that is not about the finding stay as they are. Where a person has to decide, nothing is
    written, and it is told. A file that is a symbolic link, or that was changed meanwhile, is not written.

    With --evidence nothing is written if one of the logs cannot be read: it may hold what is needed.
    """
    from passrole_checks import cli_suggest
    from passrole_checks.output import text
    from passrole_checks.output.destination import is_terminal

    chosen = destinations(context, options)
    failing = severity_that_fails(options)
    shown = _severity_asked_for(context, options)
    least = shown if failing is None or shown.rank < failing.rank else failing
    logs = cli_evidence.read(options)
    if logs is not None and not logs.is_whole:
        return logs.complain()
    found = cli_suggest.suggested(paths, options, shown, logs)
    written = cli_suggest.fix_all(found, paths, options, shown, logs, dry_run=options["dry_run"])
    for _, destination in chosen:
        width = text.width_for(is_terminal(destination))
        dry_run, quiet = options["dry_run"], options["quiet"]
        lines = cli_suggest.fixed_lines(written, found.notes, dry_run=dry_run, width=width, quiet=quiet)
        write_lines(destination, lines, options)
    for file, reason in written.refused:
        complain(f"{text.located(file, None)}: {reason}")
    left = cli_suggest.left_after(paths, options, least, written if options["dry_run"] else None)
    status = unusable(that_matter(found.unreadable, options), bool(found.files), paths, options["allow_empty"])
    failed = failing is not None and any(one.severity.rank >= failing.rank for one in left)
    return max(status, UNUSABLE if written.refused else CLEAN) or (FINDINGS if failed else CLEAN)


@cli.command()
@cli_trail.options
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
    cli_sql.checked(context, paths, options)
    if options["sql"] is not None:
        return cli_sql.printed(context, options)
    return cli_trail.trail(paths, options, destinations(context, options))


def _severity_asked_for(context: click.Context, options: dict[str, Any]) -> Severity:
    """The least severity to look at: whoever names a check wants to hear of it."""
    from passrole_checks.findings import Severity

    named = options["check"] and context.get_parameter_source("severity") is ParameterSource.DEFAULT
    return Severity.INFO if named else Severity(options["severity"])


@cli.command()
@click.argument("check", metavar="[ID]", required=False, shell_complete=cli_help.checks)
def explain(check: str | None) -> None:
    """Print the page of a check.

    What is wrong, what follows from it, how to mend it, and examples. The check is named by id, number or name
    (PASSROLE_001, 001, any-role); without one, all checks are listed.
    """
    from passrole_checks import explain as pages
    from passrole_checks.output.destination import STANDARD_OUTPUT, write

    write(STANDARD_OUTPUT, pages.overview() if check is None else pages.page(pages.find(check)))


@cli.command()
@click.argument("host", type=click.Choice(list(LEAVES)))
def where(host: str) -> None:
    """Print the folder with our checks for a host.

    checkov takes it as --external-checks-dir, cfn-lint as --append-rules, where passrole-checks is installed beside
    them; doctor tells whether they load it.
    """
    click.echo(Path(__file__).resolve().parent / LEAVES[host])


@cli.command()
@click.option(
    "--format", type=click.Choice(["text", "json"]), default="text", show_default=True, help="How it is written."
)
@click.option("--no-color", is_flag=True, help="No colours; so does NO_COLOR in the environment.")
def doctor(**options: Any) -> int:
    """Tell what is installed here, and what does not work.

    Versions, whether checkov and cfn-lint load our checks, which of two packages owns the module hcl2, and the
    configuration that holds here. It changes nothing, and imports nothing from the working directory.
    """
    from passrole_checks import configuration
    from passrole_checks.doctor import Trouble, examined
    from passrole_checks.output.destination import STANDARD_OUTPUT, write
    from passrole_checks.output.doctor import doctor_json, doctor_lines

    found = examined()
    configured: tuple[str, ...] = ()
    try:
        configured = tuple(sorted(configuration.checked(configuration.load(Path.cwd()), configurable())))
    except ConfigurationError as error:
        what = str(error).removeprefix(f"{configuration.FILE}: ")
        trouble = Trouble(configuration.FILE, what, "mend it: until then no command that reads files works here")
        found = replace(found, problems=(*found.problems, trouble))
    if options["format"] == "json":
        write(STANDARD_OUTPUT, doctor_json(found, configured))
    else:
        write_lines(STANDARD_OUTPUT, doctor_lines(found, configured), options)
    return FINDINGS if found.problems else CLEAN


def _able(shown: Severity, checks: Collection[str], skip_checks: Collection[str]) -> list[type[Check]]:
    """The checks that can have spoken."""
    from passrole_checks.checks import ALL

    able = (one for one in ALL if one.severity.rank >= shown.rank and one.id not in skip_checks)
    return [one for one in able if not checks or one.id in checks]


def _scanned(paths: Sequence[str], options: dict[str, Any], **judging: Any) -> ScanResult:
    """Scan with the options that all commands share, and with what the findings are ``judging`` by."""
    where, asked, kept = [Path(path) for path in paths], scan_options(options, **judging), store(options)
    if kept is None:
        from passrole_checks.scan import scan_paths

        result = scan_paths(where, asked, unit_scanner(options))
    else:
        from passrole_checks.cache.remembering import scan_remembered

        # what scans is imported only if there is something to scan
        result = scan_remembered(where, asked, kept, lambda units, how: unit_scanner(options)(units, how))
        if kept.trouble and not options["quiet"]:
            complain(kept.trouble)
    return replace(result, unreadable=that_matter(result.unreadable, options))
