"""Output of the command line as the files beside the samples record it.

A test module that compares such files has a function ``outputs``, which yields each file with the content that the code
produces now; ``python -m tools.regenerate`` writes them.
"""

from __future__ import annotations

import contextlib
import io
import os
from pathlib import Path

from passrole_checks.cli import main

ROOT = Path(__file__).resolve().parents[2]


def printed(*arguments: str, status: int | None = None) -> str:
    """Return the standard output of a command, run in the root of the repository.

    Asserts that it ends with the exit status ``status``, if one is given.
    """
    output, folder = io.StringIO(), Path.cwd()
    os.chdir(ROOT)
    try:
        with contextlib.redirect_stdout(output):
            ended = main(list(arguments))
    finally:
        os.chdir(folder)
    assert status in (None, ended), f"{arguments}: exit status {ended}"
    return output.getvalue()
