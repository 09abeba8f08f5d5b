"""The command ``required``.

As everywhere in the command line, only click and the standard library are imported before it is needed.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from passrole_checks.cli.options import destinations, scan_options, shared_options
from passrole_checks.cli.pyproject_defaults import ConfiguredCommand
from passrole_checks.cli.write_outputs import that_matter, unusable, write_each, write_lines

if TYPE_CHECKING:
    from passrole_checks.output.destination import Destination


@click.command(cls=ConfiguredCommand)
@shared_options(["text", "json", "hcl", "yaml"])
@click.pass_context
def required(context: click.Context, /, paths: tuple[str, ...], **options: Any) -> int:
    """Tell which roles whoever deploys this must pass.

    Each resource that is given a role, with the role and the service that it goes to; then the smallest
    PassRole statements for all of them, as text, as JSON, as a Terraform data document (hcl) or as a CloudFormation
    template (yaml).
    """
    from passrole_checks.output import required as output
    from passrole_checks.output import required_policy
    from passrole_checks.output.destination import write
    from passrole_checks.output.findings_text import error_in_words
    from passrole_checks.required.required_grants import compute_required
    from passrole_checks.scan.analyze import unreadable_of
    from passrole_checks.scan.scanner import isolated, read_paths

    chosen = destinations(context, options)
    read = read_paths([Path(path) for path in paths], scan_options(options, paths))
    configurations = [configuration for _, configuration in read.units]
    found, faults = isolated(read, lambda units: compute_required(units, options["account"]))
    malformed = dict.fromkeys(one for unit in configurations for one in unreadable_of(unit))
    files = {file for configuration in configurations for file in configuration.files}
    unreadable = that_matter([*read.unreadable, *malformed, *faults], files, paths, options, read.excluded)
    skipped = tuple(dict.fromkeys([*(one for unit in configurations for one in unit.not_evaluated), *read.notes]))

    error = error_in_words(unreadable, files, anything=bool(found.received))

    def write_one(output_format: str, destination: Destination) -> None:
        if output_format == "json":
            write(destination, output.required_json(found, unreadable, skipped, read.excluded))
        elif output_format == "hcl":
            write(destination, required_policy.hcl(found, error))
        elif output_format == "yaml":
            write(destination, required_policy.yaml(found, error))
        else:
            lines = output.required_lines(found, len(files), error, skipped, read.excluded, quiet=options["quiet"])
            write_lines(destination, lines, options)

    return max(write_each(chosen, write_one), unusable(unreadable))
