"""Runs of the command line within the process of the tests: what a process would print, without starting one."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
from pathlib import Path
from unittest import mock

from passrole_checks.cli import main


def run_command(*arguments: str, cwd: Path | None = None, stdin: str | bytes = b"") -> subprocess.CompletedProcess[str]:
    """Return exit status, standard output and standard error of a command, run in ``cwd`` with ``stdin`` as input."""
    output, error, folder = io.StringIO(), io.StringIO(), Path.cwd()
    given = io.TextIOWrapper(io.BytesIO(stdin.encode("utf-8") if isinstance(stdin, str) else stdin))
    os.chdir(cwd or folder)
    try:
        with (
            contextlib.redirect_stdout(output),
            contextlib.redirect_stderr(error),
            mock.patch.object(sys, "stdin", given),
        ):
            status = main(list(arguments))
    finally:
        os.chdir(folder)
    return subprocess.CompletedProcess(arguments, status, output.getvalue(), error.getvalue())
