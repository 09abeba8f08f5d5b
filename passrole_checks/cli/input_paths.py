"""The paths that a command reads: standard input for ``-``, and names in outputs as they were typed.

As in all of the command line, modules other than click and the standard library are imported where they are used.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType

import click

from passrole_checks.cli.write_outputs import print_error

STANDARD_INPUT = "-"
_NAME = "<stdin>"
_OPTIONS = ("paths", "versions", "against", "evidence", "var_file")
_PIECE = 1_000_000


@contextmanager
def naming_files_as_typed(context: click.Context, renamed: Mapping[str, str] = MappingProxyType({})) -> Iterator[None]:
    """Let text outputs name files as the arguments and options of a command do. ``renamed``: names to show instead of
    paths, in all outputs."""
    from passrole_checks.escaping.given_paths import using_given_paths

    options = context.params
    names = _OPTIONS if context.obj is None else ()  # else two versions of a repository are compared
    typed = [path for name in names for path in options.get(name) or () if path not in renamed]
    typed += filter(None, (options.get("source"), options.get("baseline")))
    with using_given_paths(typed, renamed):
        yield


@contextmanager
def reading_standard_input(context: click.Context) -> Iterator[Mapping[str, str]]:
    """Replace ``-`` among the paths of a command by a file with standard input. Yields the name of that file and of its
    folder.

    Raises:
        ConfigurationError: standard input cannot be read, or is too large.
    """
    options = context.params
    paths = options.get("paths", ())
    if STANDARD_INPUT not in paths:
        yield {}
        return
    from tempfile import TemporaryDirectory  # slow to import, and needed only here

    if sys.stdin is not None and not sys.stdin.closed and sys.stdin.isatty() and not options["quiet"]:
        print_error(f"{_NAME}: note: reading from the terminal (end with Ctrl-{'Z' if os.name == 'nt' else 'D'})")
    with TemporaryDirectory(prefix="passrole-checks-") as temporary:
        folder = os.path.realpath(temporary)
        file = str(_write_standard_input(Path(folder)))
        options["paths"] = tuple(dict.fromkeys(file if path == STANDARD_INPUT else path for path in paths))
        options["no_cache"] = True  # the same path never has the same content again
        yield {folder: _NAME, file: _NAME}


def _write_standard_input(folder: Path) -> Path:
    """Write standard input to a file, and return it; only Terraform code is recognized by its name."""
    from passrole_checks.errors import ConfigurationError
    from passrole_checks.sources.recognize import LARGEST_PLAN, LARGEST_TEMPLATE, terraform_suffix

    file, remaining = folder / "stdin", LARGEST_PLAN
    try:
        stream = sys.stdin.buffer
        with file.open("wb") as written:
            while piece := stream.read(_PIECE):
                remaining -= written.write(piece)
                if remaining < 0:
                    raise ConfigurationError(f"{_NAME}: larger than {LARGEST_PLAN // 1_000_000} MB")
    except (OSError, ValueError, AttributeError) as error:  # not readable; closed; closed before the program started
        raise ConfigurationError(f"{_NAME}: cannot be read: {getattr(error, 'strerror', None) or 'closed'}") from None
    with file.open("rb") as written:
        beginning = written.read(LARGEST_TEMPLATE)
    suffix = terraform_suffix(beginning.decode("utf-8-sig", "replace"))
    return file if suffix is None else file.rename(folder / f"main{suffix}")
