"""Commands about the program itself: ``explain``, ``where`` and ``doctor``.

As in all of the command line, modules other than click and the standard library are imported where they are used.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from passrole_checks.cli import help_sections
from passrole_checks.cli.help_sections import DocumentedCommand
from passrole_checks.cli.pyproject_defaults import configurable_options
from passrole_checks.cli.write_outputs import CLEAN, FINDINGS, write_lines
from passrole_checks.errors import ConfigurationError

ADAPTER_FOLDERS = {"checkov": "checkov_checks", "cfn-lint": "cfnlint_rules"}


@click.command(cls=DocumentedCommand)
@click.argument("check", metavar="[ID]", required=False, shell_complete=help_sections.complete_checks)
def explain(check: str | None) -> None:
    """Explain a check.

    Prints the problem, the risk, the fix, and examples. ID is an id, number or name (PASSROLE_001, 1, any-role);
    without it, all checks are listed.
    """
    from passrole_checks import api
    from passrole_checks.output.check_pages import list_checks
    from passrole_checks.output.destination import STANDARD_OUTPUT, write

    write(STANDARD_OUTPUT, list_checks() if check is None else api.explain(check))


@click.command(cls=DocumentedCommand)
@click.argument("host", type=click.Choice(list(ADAPTER_FOLDERS)))
def where(host: str) -> None:
    """Print the folder of the checks for checkov or cfn-lint.

    Pass it to checkov as --external-checks-dir, or to cfn-lint as --append-rules. Needs the same environment as the
    host; doctor verifies that the host loads the checks.
    """
    click.echo(Path(__file__).resolve().parent.parent / ADAPTER_FOLDERS[host])


@click.command(cls=DocumentedCommand)
@click.option("--format", type=click.Choice(["text", "json"]), default="text", show_default=True, help="Output format.")
@click.option("--no-color", is_flag=True, help="Disable colored output.")
@click.pass_context
def doctor(context: click.Context, /, **options: Any) -> int:
    """Diagnose the installation.

    Shows versions, whether checkov and cfn-lint load our checks, which package owns the module hcl2, and the
    configuration in effect. Changes nothing, and imports nothing from the working directory.
    """
    from passrole_checks.doctor.diagnosis import Trouble, examine
    from passrole_checks.doctor.report import doctor_json, doctor_lines
    from passrole_checks.output.destination import STANDARD_OUTPUT, write
    from passrole_checks.scan import settings

    diagnosis = examine()
    configured: tuple[str, ...] = ()
    folder = Path.cwd()
    try:
        configured = tuple(sorted(settings.checked(settings.load(folder), configurable_options(context), folder)))
    except ConfigurationError as error:
        problem = str(error).removeprefix(f"{settings.FILE}: ")
        trouble = Trouble(settings.FILE, problem, "fix it; until then, no command that reads files works here")
        diagnosis = replace(diagnosis, problems=(*diagnosis.problems, trouble))
    if options["format"] == "json":
        write(STANDARD_OUTPUT, doctor_json(diagnosis, configured))
    else:
        write_lines(STANDARD_OUTPUT, doctor_lines(diagnosis, configured), options)
    return FINDINGS if diagnosis.problems else CLEAN
