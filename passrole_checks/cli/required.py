"""The command ``required``.

As in all of the command line, modules other than click and the standard library are imported where they are used.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from passrole_checks.cli.options import destinations, scan_options, shared_options
from passrole_checks.cli.pyproject_defaults import ConfiguredCommand
from passrole_checks.cli.write_outputs import problems_to_report, report_problems, write_each, write_lines

if TYPE_CHECKING:
    from passrole_checks.output.destination import Destination


@click.command(cls=ConfiguredCommand)
@shared_options(["text", "json", "hcl", "yaml"])
@click.pass_context
def required(context: click.Context, /, paths: tuple[str, ...], **options: Any) -> int:
    """List the PassRole permissions needed to deploy this code.

    Lists each role that is passed to a resource, with the service and the resource; then the least-privilege PassRole
    statements for all of them. Formats of the statements: text, JSON, a Terraform policy document (hcl), or a
    CloudFormation template (yaml).
    """
    from passrole_checks.output import required as output
    from passrole_checks.output import required_policy
    from passrole_checks.output.destination import write
    from passrole_checks.output.findings_text import error_summary
    from passrole_checks.required.required_grants import compute_required
    from passrole_checks.scan.analyze import unreadable_of
    from passrole_checks.scan.scanner import isolated, read_paths

    chosen = destinations(context, options)
    read = read_paths([Path(path) for path in paths], scan_options(options, paths))
    configurations = [configuration for _, configuration in read.units]
    required_grants, faults = isolated(read, lambda units: compute_required(units, options["account"]))
    malformed = dict.fromkeys(entry for unit in configurations for entry in unreadable_of(unit))
    files = {file for configuration in configurations for file in configuration.files}
    unreadable = problems_to_report([*read.unreadable, *malformed, *faults], files, paths, options, read.excluded)
    skipped = tuple(dict.fromkeys([*(entry for unit in configurations for entry in unit.not_evaluated), *read.notes]))

    error = error_summary(unreadable, files, anything=bool(required_grants.received))

    def write_one(output_format: str, destination: Destination) -> None:
        if output_format == "json":
            write(destination, output.required_json(required_grants, unreadable, skipped, read.excluded))
        elif output_format == "hcl":
            write(destination, required_policy.to_hcl(required_grants, error))
        elif output_format == "yaml":
            write(destination, required_policy.to_yaml(required_grants, error))
        else:
            lines = output.required_lines(
                required_grants, len(files), error, skipped, read.excluded, quiet=options["quiet"]
            )
            write_lines(destination, lines, options)

    return max(write_each(chosen, write_one), report_problems(unreadable))
