"""The command ``diff``: compare two paths, or two versions of a git repository.

As in all of the command line, modules other than click and the standard library are imported where they are used.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from passrole_checks.cli import help_sections
from passrole_checks.cli.options import (
    at_most_two,
    destinations,
    fail_on,
    failing_severity,
    jobs,
    scan_options,
    shared_options,
)
from passrole_checks.cli.pyproject_defaults import ConfiguredCommand
from passrole_checks.cli.write_outputs import (
    CLEAN,
    FINDINGS,
    problems_to_report,
    report_problems,
    write_each,
    write_lines,
)
from passrole_checks.scan import settings

if TYPE_CHECKING:
    from passrole_checks.diff import AccessDifference
    from passrole_checks.diff.repository import Find, InputsOf
    from passrole_checks.git_versions import VersionPair
    from passrole_checks.output.destination import Destination
    from passrole_checks.scan.scanner import ScanOptions
    from passrole_checks.sources.model.configuration import Inputs


def versions_to_compare(names: Sequence[str], staged: bool) -> VersionPair | None:
    """Return the versions that the arguments name; None if they are two paths."""
    from passrole_checks import git_versions as snapshots

    return snapshots.resolve_versions(names, staged=staged, folder=Path.cwd())


def load_configuration(versions: VersionPair | None) -> dict[str, Any]:
    """Return the configuration table: the working directory's for paths, that of BASE for versions.

    The author of a change must not be able to change the settings that it is checked with.

    Raises:
        ConfigurationError: the configuration cannot be read.
    """
    if versions is None:
        return settings.load(Path.cwd())
    content = versions.base_file(settings.FILE)
    return {} if content is None else settings.table_in(content)


def compare(versions: VersionPair | None, names: Sequence[str], options: dict[str, Any]) -> AccessDifference:
    """Compare two paths or two versions. Files of versions are named relative to the repository's root."""
    if versions is None:
        from passrole_checks import api

        return api.diff(names[0], names[1], scan_options(options, names), jobs=options["jobs"])
    from passrole_checks.diff import repository

    with versions.snapshots() as snapshots:
        sides = repository.versions_with_inputs(versions, snapshots, inputs_factory(options))
        how = repository.with_details_of_base(comparison_options(options), versions, snapshots)
        difference = repository.drop_repeated_notes(
            repository.compare_snapshots(sides, snapshots, how, jobs=options["jobs"]), snapshots
        )
        notes = repository.note_changed_configuration(versions, snapshots)
        return repository.relocate_to_repository(
            replace(difference, not_evaluated=(*notes, *difference.not_evaluated)), snapshots
        )


def comparison_options(options: dict[str, Any], **how: Any) -> ScanOptions:
    """Return scan options for comparing two versions, without the value files of either version."""
    return scan_options({**options, "var_file": (), "parameters": (), "source": None, "baseline": None}, **how)


def inputs_factory(options: dict[str, Any]) -> InputsOf:
    """Return a function that resolves the value files named by the options in one version."""

    def inputs(find: Find) -> Inputs:
        resolved = {
            **options,
            "var_file": tuple(path for name in options["var_file"] if (path := find(name)) is not None),
            "parameters": tuple(path for name in options["parameters"] if (path := find(name)) is not None),
            "source": find(options["source"], folder=True) if options["source"] is not None else None,
            "baseline": None,
        }
        return scan_options(resolved).inputs

    return inputs


class DiffCommand(ConfiguredCommand):
    """A command that takes its defaults from BASE if it compares two versions of a repository."""

    def load_table(
        self, info_name: str | None, args: list[str], parent: click.Context | None, extra: dict[str, Any]
    ) -> dict[str, Any]:
        context = click.Command.make_context(self, info_name, args, parent, **extra)
        options = context.params
        if not options["versions"] and not options["staged"]:
            raise click.UsageError("expected BASE HEAD, BASE, --staged, or two paths", context)
        extra["obj"] = versions_to_compare(options["versions"], options["staged"])
        return load_configuration(extra["obj"])


@click.command(cls=DiffCommand)
@shared_options(
    ["text", "json"],
    (
        click.argument(
            "versions",
            metavar="BASE [HEAD]",
            nargs=-1,
            callback=at_most_two,
            shell_complete=help_sections.complete_versions,
        ),
    ),
)
@click.option("--staged", is_flag=True, help="Compare BASE (default: HEAD) with the staged changes.")
@fail_on("Exit 1 on new or widened access at or above this severity.")
@jobs
@click.pass_context
def diff(context: click.Context, /, versions: tuple[str, ...], staged: bool, **options: Any) -> int:
    """Compare PassRole access between two versions.

    BASE and HEAD are commits, tags or branches of the git repository in the working directory. A...B compares the merge
    base of both with B. BASE alone is compared with the working tree. Alternatively, give two files or two folders:
    templates, Terraform root modules, plans, change sets. Existing paths take precedence over versions.

    Versions are read from git objects; nothing is checked out or executed. Configuration and suppressions are read from
    BASE.

    New and widened access has the severity of the check new-access: high if any-role, any-service,
    ineffective-condition or privilege-escalation also flags it, otherwise info.
    """
    chosen = destinations(context, options)
    compared = context.obj
    difference = compare(compared, versions, options)
    # a version may predate all infrastructure code; a path without any is an error
    empty = [] if compared else [path for path, files in zip(versions, difference.files, strict=True) if not files]
    unreadable = problems_to_report(difference.unreadable, () if empty else ("",), empty, options, difference.excluded)
    difference = replace(difference, unreadable=unreadable)

    def write_one(output_format: str, destination: Destination) -> None:
        if output_format == "json":
            from passrole_checks.output.destination import write
            from passrole_checks.output.json_output import diff_json

            write(destination, diff_json(difference, compared))
        else:
            from passrole_checks.output.diff import diff_lines

            lines = diff_lines(difference, compared, quiet=options["quiet"], verbose=options["verbose"])
            write_lines(destination, lines, options)

    written = write_each(chosen, write_one)
    failing = failing_severity(options)
    failed = failing is not None and any(
        change.severity.rank >= failing.rank
        for change in (*difference.new, *difference.widened)
        if not change.suppressed
    )
    return max(written, report_problems(unreadable)) or (FINDINGS if failed else CLEAN)
