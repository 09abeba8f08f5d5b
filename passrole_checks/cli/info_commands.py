"""The commands that tell of this program itself: ``explain``, ``where`` and ``doctor``.

As everywhere in the command line, only click and the standard library are imported before it is needed.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from passrole_checks.cli import help_sections
from passrole_checks.cli.help_sections import DocumentedCommand
from passrole_checks.cli.pyproject_defaults import configurable
from passrole_checks.cli.write_outputs import CLEAN, FINDINGS, write_lines
from passrole_checks.errors import ConfigurationError

LEAVES = {"checkov": "checkov_checks", "cfn-lint": "cfnlint_rules"}


@click.command(cls=DocumentedCommand)
@click.argument("check", metavar="[ID]", required=False, shell_complete=help_sections.checks)
def explain(check: str | None) -> None:
    """Print the page of a check.

    What is wrong, what follows from it, how to mend it, and examples. The check is named by id, number or name
    (PASSROLE_001, 001, any-role); without one, all checks are listed.
    """
    from passrole_checks.output import check_pages as pages
    from passrole_checks.output.destination import STANDARD_OUTPUT, write

    write(STANDARD_OUTPUT, pages.overview() if check is None else pages.page(pages.find(check)))


@click.command(cls=DocumentedCommand)
@click.argument("host", type=click.Choice(list(LEAVES)))
def where(host: str) -> None:
    """Print the folder with our checks for a host.

    checkov takes it as --external-checks-dir, cfn-lint as --append-rules, where passrole-checks is installed beside
    them; doctor tells whether they load it.
    """
    click.echo(Path(__file__).resolve().parent.parent / LEAVES[host])


@click.command(cls=DocumentedCommand)
@click.option(
    "--format", type=click.Choice(["text", "json"]), default="text", show_default=True, help="How it is written."
)
@click.option("--no-color", is_flag=True, help="No colours; so does NO_COLOR in the environment.")
@click.pass_context
def doctor(context: click.Context, /, **options: Any) -> int:
    """Tell what is installed here, and what does not work.

    Versions, whether checkov and cfn-lint load our checks, which of two packages owns the module hcl2, and the
    configuration that holds here. It changes nothing, and imports nothing from the working directory.
    """
    from passrole_checks.doctor.diagnosis import Trouble, examined
    from passrole_checks.doctor.report import doctor_json, doctor_lines
    from passrole_checks.output.destination import STANDARD_OUTPUT, write
    from passrole_checks.scan import settings

    found = examined()
    configured: tuple[str, ...] = ()
    here = Path.cwd()
    try:
        configured = tuple(sorted(settings.checked(settings.load(here), configurable(context), here)))
    except ConfigurationError as error:
        what = str(error).removeprefix(f"{settings.FILE}: ")
        trouble = Trouble(settings.FILE, what, "mend it: until then no command that reads files works here")
        found = replace(found, problems=(*found.problems, trouble))
    if options["format"] == "json":
        write(STANDARD_OUTPUT, doctor_json(found, configured))
    else:
        write_lines(STANDARD_OUTPUT, doctor_lines(found, configured), options)
    return FINDINGS if found.problems else CLEAN
