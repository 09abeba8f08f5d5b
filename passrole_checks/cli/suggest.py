"""The commands ``suggest`` and ``fix``; `suggesting` has what they do.

As everywhere in the command line, only click and the standard library are imported before it is needed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from passrole_checks.cli import observed_use
from passrole_checks.cli.options import (
    destinations,
    fail_on,
    least_severity,
    severity_that_fails,
    shared_options,
    which_findings,
)
from passrole_checks.cli.pyproject_defaults import ConfiguredCommand
from passrole_checks.cli.write_outputs import (
    CLEAN,
    FINDINGS,
    UNUSABLE,
    complain,
    unusable,
    write_each,
    write_lines,
)

if TYPE_CHECKING:
    from passrole_checks.findings import Severity
    from passrole_checks.output.destination import Destination


@click.command(cls=ConfiguredCommand)
@shared_options(["text", "json", "patch"])
@which_findings
@observed_use.options
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
    from passrole_checks.cli import suggest_runner
    from passrole_checks.output import findings_text
    from passrole_checks.output.destination import is_terminal, write

    chosen = destinations(context, options)
    logs = observed_use.read(options)
    found = suggest_runner.suggested(paths, options, _severity_asked_for(context, options), logs)

    def write_one(output_format: str, destination: Destination) -> None:
        if output_format == "text":
            width = findings_text.width_for(is_terminal(destination))
            write_lines(destination, suggest_runner.lines(found, width=width, quiet=options["quiet"]), options)
        else:
            write(destination, suggest_runner.rendered(found, output_format, terminal=is_terminal(destination)))

    status = max(write_each(chosen, write_one), unusable(found.unreadable))
    status = max(status, logs.complain() if logs is not None else CLEAN)
    return status or (FINDINGS if found.findings or any(one.edits for one in found.suggestions) else CLEAN)


@click.command(cls=ConfiguredCommand)
@shared_options(["text"])
@which_findings
@observed_use.options
@fail_on("The least severity that, if it is left, makes the exit status 1.")
@click.option("--dry-run", is_flag=True, help="Write nothing, and tell what would be written.")
@click.pass_context
def fix(context: click.Context, /, paths: tuple[str, ...], **options: Any) -> int:
    """Write what suggest shows into the files.

    Comments, layout and all that is not about the finding stay as they are. Where a person has to decide, nothing is
    written, and it is told. A file that is reached through a symbolic link, that another tool generates, or that was
    changed meanwhile, is not written.

    With --evidence nothing is written if one of the logs cannot be read: it may hold what is needed.
    """
    from passrole_checks.cli import suggest_runner
    from passrole_checks.output import findings_text
    from passrole_checks.output.destination import is_terminal

    chosen = destinations(context, options)
    failing = severity_that_fails(options)
    shown = _severity_asked_for(context, options)
    least = shown if failing is None or shown.rank < failing.rank else failing
    logs = observed_use.read(options)
    if logs is not None and not logs.is_whole:
        return logs.complain()
    found = suggest_runner.suggested(paths, options, shown, logs)
    written = suggest_runner.fix_all(found, paths, options, shown, logs, dry_run=options["dry_run"])

    def write_one(_: str, destination: Destination) -> None:
        width = findings_text.width_for(is_terminal(destination))
        dry_run, quiet = options["dry_run"], options["quiet"]
        lines = suggest_runner.fixed_lines(written, found, dry_run=dry_run, width=width, quiet=quiet)
        write_lines(destination, lines, options)

    status = write_each(chosen, write_one)
    for file, reason in written.refused:
        complain(f"{findings_text.located(file, None)}: {reason}")
    left = suggest_runner.left_after(paths, options, least, written if options["dry_run"] else None)
    status = max(status, unusable(found.unreadable))
    failed = failing is not None and any(one.severity.rank >= failing.rank for one in left)
    return max(status, UNUSABLE if written.refused else CLEAN) or (FINDINGS if failed else CLEAN)


def _severity_asked_for(context: click.Context, options: dict[str, Any]) -> Severity:
    """The least severity to look at."""
    explicit = context.get_parameter_source("severity") is not ParameterSource.DEFAULT
    return least_severity(options, explicit=explicit)
