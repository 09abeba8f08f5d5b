"""The command line: parse options, call the scan, pass the result to an output module.

Only the standard library and click are imported here. Everything else is imported where it is used, each command when
it is called, so that ``--version`` and invalid options are answered at once.
"""

from __future__ import annotations

import atexit
import codecs
import os
import sys
import threading
from collections.abc import Sequence
from typing import NoReturn

import click
from click.core import ParameterSource

from passrole_checks import __version__
from passrole_checks.cli.help_sections import HELP_OPTIONS, DocumentedGroup, ImportedCommands
from passrole_checks.cli.write_outputs import CLEAN, INTERNAL_ERROR, INTERRUPTED, UNUSABLE, print_error
from passrole_checks.errors import PassRoleChecksError, did_you_mean, internal_error
from passrole_checks.files.gc_pause import collect_rarely

PROGRAM = "passrole-checks"
_SERVERS = frozenset({"lsp", "mcp"})  # commands that last
_SIGNS = {"…": "...", "│": "|", "→": "->"}  # those that the outputs use, in ASCII


def run() -> NoReturn:
    """Run the command line and end the process with its exit status.

    The operating system frees the memory: to free each object first takes as long as a tenth of a small scan.
    Functions of :mod:`atexit` are called, and while other threads run the process ends as usual.
    """
    if not _SERVERS.intersection(sys.argv[1:2]):
        collect_rarely()
    status = main()
    if threading.active_count() == 1 and None not in (sys.stdout, sys.stderr):
        atexit._run_exitfuncs()
        try:
            sys.stdout.flush()
            sys.stderr.flush()
        except (OSError, ValueError):
            sys.exit(status)
        os._exit(status)
    sys.exit(status)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line with ``arguments`` (without the program's name) and return its exit status."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            # An encoding without a character must not fail the run; a patch must keep its line ends on Windows.
            stream.reconfigure(errors=_spell_out.__name__, newline="\n")
    arguments = sys.argv[1:] if arguments is None else arguments
    try:
        status = cli.main(args=list(arguments) or ["--help"], prog_name=PROGRAM, standalone_mode=False)
    except click.ClickException as error:
        print_error(_usage(error))
        return UNUSABLE
    except PassRoleChecksError as error:
        print_error(str(error))
        return UNUSABLE
    except (KeyboardInterrupt, click.Abort):
        print_error(f"{PROGRAM}: interrupted")
        return INTERRUPTED
    except Exception as error:  # users get one line instead of a traceback
        print_error(f"{PROGRAM}: {internal_error(error)}")
        return INTERNAL_ERROR
    return int(status or CLEAN)


def _spell_out(error: UnicodeError) -> tuple[str, int]:
    """Return what is written for characters that an encoding lacks, and where encoding resumes (:mod:`codecs`, "Error
    handlers"): our own signs in ASCII, other characters as escape sequences."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end]
    spelled = (_SIGNS.get(one) or one.encode("ascii", "backslashreplace").decode("ascii") for one in lacking)
    return "".join(spelled), error.end


codecs.register_error(_spell_out.__name__, _spell_out)


def _usage(error: click.ClickException) -> str:
    message = " ".join(error.format_message().split()).rstrip(".")
    context = getattr(error, "ctx", None)
    parameter = getattr(error, "param", None)
    if isinstance(error, click.NoSuchOption) and context is not None:
        names = (name for option in context.command.params for name in (*option.opts, *option.secondary_opts))
        message = f"no such option: {error.option_name!r}{did_you_mean(error.option_name, names)}"
    if context is None:
        return f"{PROGRAM}: {message}"
    if parameter is not None and context.get_parameter_source(parameter.name) is ParameterSource.DEFAULT_MAP:
        return f"pyproject.toml: [tool.passrole_checks] {parameter.name}: {message}"
    return f"{context.command_path}: {message} ({context.command_path} --help)"


# In the order of the help; the modules in this package.
_COMMANDS = ImportedCommands(
    {
        "scan": "scan",
        "explain": "info_commands",
        "grants": "scan",
        "suggest": "suggest",
        "fix": "suggest",
        "required": "required",
        "diff": "diff",
        "review": "review",
        "trail": "trail",
        "mcp": "assistant_server",
        "where": "info_commands",
        "lsp": "lsp",
        "doctor": "info_commands",
    }
)


@click.group(
    cls=DocumentedGroup,
    commands=_COMMANDS,
    context_settings={"help_option_names": list(HELP_OPTIONS), "max_content_width": 100},
)
@click.version_option(__version__, prog_name=PROGRAM, message="%(prog)s %(version)s")
def cli() -> None:
    """Find overly permissive iam:PassRole access in infrastructure code.

    Reports which principal can pass which IAM role to which AWS service. Reads Terraform and OpenTofu code, plans and
    states (JSON), CloudFormation templates and change sets, and SAM. Makes no network calls and runs nothing that it
    reads.

    Run passrole-checks COMMAND --help for details on a command.
    """
