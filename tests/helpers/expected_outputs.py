"""Output of the command line as the files beside the samples record it.

A test module that compares such files has a function ``outputs``, which yields each file with the content that the code
produces now; ``python -m tools.regenerate`` writes them.
"""

from __future__ import annotations

from pathlib import Path

from command_runs import run_command

ROOT = Path(__file__).resolve().parents[2]


def printed(*arguments: str, status: int | None = None) -> str:
    """Return the standard output of a command, run in the root of the repository.

    Asserts that it ends with the exit status ``status``, if one is given.
    """
    done = run_command(*arguments, cwd=ROOT)
    assert status in (None, done.returncode), f"{arguments}: exit status {done.returncode}: {done.stderr}"
    return done.stdout
