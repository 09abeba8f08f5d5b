"""What ``diff`` compares: two paths, or two versions of a git repository.

As in the command line itself, only the standard library is imported before it is needed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from passrole_checks.cli import help_sections
from passrole_checks.cli.options import (
    destinations,
    fail_on,
    scan_options,
    severity_that_fails,
    shared_options,
    two_at_most,
)
from passrole_checks.cli.pyproject_defaults import ConfiguredCommand
from passrole_checks.cli.write_outputs import CLEAN, FINDINGS, that_matter, unusable, write_each, write_lines
from passrole_checks.scan import settings

if TYPE_CHECKING:
    from passrole_checks.diff import AccessDifference
    from passrole_checks.diff.repository import Find, InputsOf
    from passrole_checks.git_versions import VersionPair
    from passrole_checks.output.destination import Destination
    from passrole_checks.scan.scanner import ScanOptions
    from passrole_checks.sources.model.configuration import Inputs


def asked_for(names: Sequence[str], staged: bool) -> VersionPair | None:
    """The versions that the arguments name; None where they are two paths."""
    from passrole_checks import git_versions as snapshots

    return snapshots.resolve_versions(names, staged=staged, folder=Path.cwd())


def table_of(asked: VersionPair | None) -> dict[str, Any]:
    """The configuration to go by: the working directory's, or, where versions are compared, that of BASE alone.

    Whoever proposes a change must not be able to change what it is judged by. Raises a
    :class:`~passrole_checks.errors.ConfigurationError` where it cannot be read.
    """
    if asked is None:
        return settings.load(Path.cwd())
    content = asked.base_file(settings.FILE)
    return {} if content is None else settings.table_in(content)


def difference(asked: VersionPair | None, names: Sequence[str], options: dict[str, Any]) -> AccessDifference:
    """The difference between two paths or two versions; files of versions are named from the top of the repository."""
    from passrole_checks.diff import compare_paths

    if asked is None:
        return compare_paths(Path(names[0]), Path(names[1]), scan_options(options, names))
    from passrole_checks.diff import repository

    with asked.snapshots() as snapshots:
        sides = repository.versions_with_inputs(asked, snapshots, inputs_of(options))
        found = repository.drop_repeated_notes(
            repository.compare_snapshots(sides, snapshots, judging(options)), snapshots
        )
        notes = repository.note_changed_configuration(asked, snapshots)
        return repository.relocate_to_repository(
            replace(found, not_evaluated=(*notes, *found.not_evaluated)), snapshots
        )


def judging(options: dict[str, Any], **how: Any) -> ScanOptions:
    """What the shared options ask of the comparison of two versions, without the values of either."""
    return scan_options({**options, "var_file": (), "parameters": (), "source": None, "baseline": None}, **how)


def inputs_of(options: dict[str, Any]) -> InputsOf:
    """How the values of the shared options are made for one version."""

    def made(find: Find) -> Inputs:
        given = {
            **options,
            "var_file": tuple(path for name in options["var_file"] if (path := find(name)) is not None),
            "parameters": tuple(path for name in options["parameters"] if (path := find(name)) is not None),
            "source": find(options["source"], folder=True) if options["source"] is not None else None,
            "baseline": None,
        }
        return scan_options(given).inputs

    return made


class DiffCommand(ConfiguredCommand):
    """A command that takes its defaults from BASE where it compares two versions of a repository."""

    def table(
        self, info_name: str | None, args: list[str], parent: click.Context | None, extra: dict[str, Any]
    ) -> dict[str, Any]:
        given = click.Command.make_context(self, info_name, args, parent, **extra).params
        if not given["versions"] and not given["staged"]:
            raise click.UsageError("name what to compare: BASE HEAD, BASE, --staged, or two paths")
        extra["obj"] = asked_for(given["versions"], given["staged"])
        return table_of(extra["obj"])


@click.command(cls=DiffCommand)
@shared_options(
    ["text", "json"],
    (
        click.argument(
            "versions", metavar="BASE [HEAD]", nargs=-1, callback=two_at_most, shell_complete=help_sections.versions
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
    chosen = destinations(context, options)
    compared = context.obj
    found = difference(compared, versions, options)
    # a version without infrastructure code is one before there was any; a path without it is a mistake
    empty = [] if compared else [path for path, files in zip(versions, found.files, strict=True) if not files]
    unreadable = that_matter(found.unreadable, () if empty else ("",), empty, options, found.excluded)
    found = replace(found, unreadable=unreadable)

    def write_one(output_format: str, destination: Destination) -> None:
        if output_format == "json":
            from passrole_checks.output.destination import write
            from passrole_checks.output.json_output import diff_json

            write(destination, diff_json(found, compared))
        else:
            from passrole_checks.output.diff import diff_lines

            write_lines(destination, diff_lines(found, compared, quiet=options["quiet"]), options)

    written = write_each(chosen, write_one)
    failing = severity_that_fails(options)
    failed = failing is not None and any(
        change.severity.rank >= failing.rank for change in (*found.new, *found.widened) if not change.suppressed
    )
    return max(written, unusable(unreadable)) or (FINDINGS if failed else CLEAN)
