"""The command ``required``.

As in all of the command line, modules other than click and the standard library are imported where they are used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from passrole_checks.cli.options import destinations, jobs, scan_options, shared_options
from passrole_checks.cli.pyproject_defaults import ConfiguredCommand
from passrole_checks.cli.write_outputs import problems_to_report, report_problems, write_each, write_lines

if TYPE_CHECKING:
    from passrole_checks.output.destination import Destination


@click.command(cls=ConfiguredCommand)
@shared_options(["text", "json", "hcl", "yaml"])
@jobs
@click.pass_context
def required(context: click.Context, /, paths: tuple[str, ...], **options: Any) -> int:
    """List the PassRole permissions needed to deploy this code.

    Lists each role that is passed to a resource, with the service and the resource; then the least-privilege PassRole
    statements for all of them. Formats of the statements: text, JSON, a Terraform policy document (hcl), or a
    CloudFormation template (yaml).
    """
    from passrole_checks import api
    from passrole_checks.output import required as output
    from passrole_checks.output import required_policy
    from passrole_checks.output.destination import write
    from passrole_checks.output.findings_text import error_summary

    chosen = destinations(context, options)
    result = api.required(paths, scan_options(options, paths), jobs=options["jobs"])
    unreadable = problems_to_report(result.unreadable, result.files, paths, options, result.excluded)
    error = error_summary(unreadable, result.files, anything=bool(result.required.received))

    def write_one(output_format: str, destination: Destination) -> None:
        if output_format == "json":
            document = output.required_json(
                result.required, unreadable, result.not_evaluated, result.excluded, result.already_allowed
            )
            write(destination, document)
        elif output_format == "hcl":
            write(destination, required_policy.to_hcl(result.required, error))
        elif output_format == "yaml":
            write(destination, required_policy.to_yaml(result.required, error))
        else:
            lines = output.required_lines(
                result.required,
                len(result.files),
                error,
                result.not_evaluated,
                result.excluded,
                result.already_allowed,
                quiet=options["quiet"],
                verbose=options["verbose"],
            )
            write_lines(destination, lines, options)

    return max(write_each(chosen, write_one), report_problems(unreadable))
