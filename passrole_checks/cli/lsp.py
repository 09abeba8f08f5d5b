"""The command ``lsp``: a language server for editors.

As in all of the command line, modules other than click and the standard library are imported where they are used.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import click

from passrole_checks.cli import options as shared
from passrole_checks.cli.help_sections import DocumentedCommand
from passrole_checks.errors import ConfigurationError


@click.command(cls=DocumentedCommand)
@partial(shared.apply_options, options=shared.CODE_OPTIONS)
@shared.severity("Minimum severity of findings to show.")
@shared.confidence("Minimum confidence of findings to show.")
@shared.check_selection
@click.option("--stdio", is_flag=True, hidden=True, help="Accepted for clients that pass it; there is no other way.")
@click.pass_context
def lsp(context: click.Context, /, **options: Any) -> int:
    """Serve an editor by the Language Server Protocol.

    Shows findings in Terraform files and in CloudFormation and SAM templates while they are edited, unsaved text
    included, what statements let principals pass, and edits for findings. The editor starts it, on standard input and
    output. Runs nothing, makes no network calls, writes no files, and uses no configuration of the workspace.
    """
    try:
        from passrole_checks.lsp.server import serve
    except ModuleNotFoundError as error:
        from passrole_checks.distribution import pip_install

        raise ConfigurationError(f"lsp: {error.name} is not installed: {pip_install('pygls')}") from None
    from passrole_checks.findings import Confidence

    asked = shared.scan_options(
        {**options, "source": None, "unchanged": False, "exclude": ()},
        checks=shared.check_ids(options["check"]),
        skip_checks=shared.check_ids(options["skip_check"]),
        minimum_severity=shared.minimum_severity(context, options),
        minimum_confidence=Confidence(options["confidence"]),
    )
    return serve(asked, options["exclude"])
