"""The command ``mcp``.

As in all of the command line, modules other than click and the standard library are imported where they are used.
"""

from __future__ import annotations

import click

from passrole_checks.cli import help_sections
from passrole_checks.cli.help_sections import DocumentedCommand


@click.command("mcp", cls=DocumentedCommand)
@click.argument(
    "folders",
    cls=help_sections.DocumentedArgument,
    metavar="[FOLDER]...",
    nargs=-1,
    words="Folder that a client without roots may ask about.  [default: .]",
    shell_complete=help_sections.complete_folders,
)
def mcp(folders: tuple[str, ...]) -> None:
    """Serve code assistants (Model Context Protocol).

    Reads requests from standard input, and writes answers to standard output. The tools scan, grants, required, suggest
    and explain take files and folders in the roots of the client (the folders open in it), or text that is not saved
    yet. Nothing is written or executed, and no configuration of the folders is read.
    """
    from passrole_checks.errors import ConfigurationError

    try:
        from passrole_checks.mcp_server.server import run
    except ModuleNotFoundError as error:
        from passrole_checks.distribution import pip_install

        raise ConfigurationError(f"mcp: {error.name} is not installed: {pip_install('mcp')}") from None
    run(folders or (".",))
