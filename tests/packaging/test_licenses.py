"""THIRD_PARTY.md lists the installed packages with their licenses."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from readme_examples import ROOT


def checked(root: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, root / ".ci" / "licenses.py", *options], capture_output=True, text=True, check=False
    )


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """A copy of the files that the script reads and writes."""
    (tmp_path / ".ci").mkdir()
    for name in ("THIRD_PARTY.md", "pyproject.toml", ".ci/licenses.py", ".ci/requirements-bot.txt"):
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def test_the_page_is_in_step() -> None:
    """THIRD_PARTY.md names every package that is installed, with the license in its metadata."""
    pytest.importorskip("checkov")
    done = checked(ROOT, "--check")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("old", "new"),
    [("| click | BSD-3-Clause |", "| click | MIT |"), ("| rich | MIT |", "| poor | MIT |")],
    ids=["another license", "a package that is missing"],
)
def test_a_difference_would_be_found(copied: Path, old: str, new: str) -> None:
    """A wrong license and a missing package are detected by --check, and corrected without it."""
    page = copied / "THIRD_PARTY.md"
    right = page.read_text("utf-8")
    assert old in right
    page.write_text(right.replace(old, new), "utf-8")
    assert checked(copied, "--check").returncode == 1
    assert checked(copied).returncode == 0
    assert old in page.read_text("utf-8")


def test_what_is_neither_installed_nor_listed_is_named(copied: Path) -> None:
    """A package that is neither installed nor listed ends the script with its name."""
    project = copied / "pyproject.toml"
    project.write_text(project.read_text("utf-8").replace('"python-hcl2>=8.1"', '"no-such-package>=1"'), "utf-8")
    done = checked(copied)
    assert (done.returncode, done.stderr) == (1, "no-such-package: neither installed nor on the page\n")
