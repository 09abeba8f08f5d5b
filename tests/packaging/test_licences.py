"""The list of licences is that of what is installed."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from readme_examples import ROOT


def checked(root: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, root / ".ci" / "licences.py", *options], capture_output=True, text=True, check=False
    )


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """What the script reads and writes, in a folder of its own."""
    (tmp_path / ".ci").mkdir()
    for name in ("THIRD_PARTY.md", "pyproject.toml", ".ci/licences.py", ".ci/requirements-bot.txt"):
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def test_the_page_is_in_step() -> None:
    """THIRD_PARTY.md names every package that is installed, with the licence that its metadata tell."""
    pytest.importorskip("checkov")
    done = checked(ROOT, "--check")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("old", "new"),
    [("| click | BSD-3-Clause |", "| click | MIT |"), ("| rich | MIT |", "| poor | MIT |")],
    ids=["another licence", "a package that is missing"],
)
def test_a_difference_would_be_found(copied: Path, old: str, new: str) -> None:
    """A licence that is another one, and a package that is missing, are found, and written as they are."""
    page = copied / "THIRD_PARTY.md"
    right = page.read_text("utf-8")
    assert old in right
    page.write_text(right.replace(old, new), "utf-8")
    assert checked(copied, "--check").returncode == 1
    assert checked(copied).returncode == 0
    assert old in page.read_text("utf-8")


def test_what_is_neither_installed_nor_listed_is_named(copied: Path) -> None:
    """A package that nothing is known of ends the script with its name."""
    project = copied / "pyproject.toml"
    project.write_text(project.read_text("utf-8").replace('"python-hcl2>=8.1"', '"no-such-package>=1"'), "utf-8")
    done = checked(copied)
    assert (done.returncode, done.stderr) == (1, "no-such-package: not installed here, and not on the page\n")
