"""Unreadable files are reported in one line each, and everything else is checked.

Each folder of ``tests/unreadable`` contains valid and invalid code: ``expected.txt`` is the standard error of the
command line, ``expected.json`` has check, file and line of its findings. They are not sample templates, because their
exit status is 2.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "tests" / "unreadable"
CASES = sorted(path.name for path in FOLDER.iterdir() if path.is_dir())


def scan(case: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "passrole_checks", "scan", case, "--format", "json"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=FOLDER, env=environment, capture_output=True, text=True, check=False)


def rows(done: subprocess.CompletedProcess[str]) -> list[list[object]]:
    """Return check, file and line of each finding, sorted."""
    return sorted(
        [finding["check_id"], finding["file"], finding["line"]] for finding in json.loads(done.stdout)["findings"]
    )


@pytest.mark.parametrize("case", CASES)
def test_unreadable_files_are_reported_and_the_rest_is_checked(case: str) -> None:
    """A folder with bad files gives exit status 2, one line for each bad place, and the findings of all good blocks."""
    done = scan(case)
    assert rows(done) == json.loads((FOLDER / case / "expected.json").read_text("utf-8"))
    assert done.stderr == (FOLDER / case / "expected.txt").read_text("utf-8")
    assert done.returncode == 2


@pytest.mark.parametrize("case", CASES)
def test_each_error_starts_with_an_existing_file(case: str) -> None:
    """Each error starts with the file, and the folder has findings in other files."""
    said = (FOLDER / case / "expected.txt").read_text("utf-8").splitlines()
    assert said and all((FOLDER / line.partition(":")[0]).is_file() for line in said)
    assert json.loads((FOLDER / case / "expected.json").read_text("utf-8"))


def outputs() -> Iterator[tuple[Path, str]]:
    """Yield the files beside the cases, with the errors and the findings that the command prints now."""
    for case in CASES:
        done = scan(case)
        yield FOLDER / case / "expected.txt", done.stderr
        lines = ",\n".join(f"  {json.dumps(row)}" for row in rows(done))
        yield FOLDER / case / "expected.json", f"[\n{lines}\n]\n"
