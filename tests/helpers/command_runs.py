"""Runs of the command line within the process of the tests: what a process would print, without starting one."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
from pathlib import Path

from passrole_checks.cli import main


def run_command(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Return exit status, standard output and standard error of a command, run in ``cwd``."""
    output, error, folder = io.StringIO(), io.StringIO(), Path.cwd()
    os.chdir(cwd or folder)
    try:
        with contextlib.redirect_stdout(output), contextlib.redirect_stderr(error):
            status = main(list(arguments))
    finally:
        os.chdir(folder)
    return subprocess.CompletedProcess(arguments, status, output.getvalue(), error.getvalue())
