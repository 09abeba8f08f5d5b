"""Progress on a terminal."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from passrole_checks.cli import main
from passrole_checks.cli import progress as progress_module

TEMPLATE = "Resources:\n  R:\n    Type: AWS::IAM::Role\n    Properties: {AssumeRolePolicyDocument: {}}\n"
BEGIN = "\r\x1b[K"  # of a line that takes the place of the one before


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Create three templates, and remove the delay before the first progress line."""
    for name in "abc":
        (tmp_path / f"{name}.yaml").write_text(TEMPLATE)
    monkeypatch.setattr(progress_module, "_DELAY", 0)
    monkeypatch.setattr(progress_module, "_INTERVAL", 0)
    return tmp_path


def progress_lines(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str, terminal: bool = True
) -> list[str]:
    """Return the progress lines of a command."""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal)
    assert main([*arguments]) == 0
    return capsys.readouterr().err.split(BEGIN)


@pytest.mark.parametrize("cache", [(), ("--no-cache",)])
@pytest.mark.parametrize("command", ["scan", "grants"])
def test_units_are_counted(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: str, cache: tuple[str]
) -> None:
    """A terminal shows the number of finished units, in one line that is removed at the end."""
    lines = progress_lines(monkeypatch, capsys, command, "--jobs", "1", *cache, str(folder))
    counted = [f"{number} of 3 templates, plans and root modules" for number in (1, 2, 3)]
    assert lines == ["", *counted, ""]


@pytest.mark.parametrize("option", ["--no-progress", "--quiet"])
def test_progress_can_be_disabled(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], option: str
) -> None:
    """--no-progress and --quiet disable the line in every command that reads code."""
    for command in ("scan", "grants", "required", "suggest", "fix"):
        assert progress_lines(monkeypatch, capsys, command, option, str(folder)) == [""]
    assert progress_lines(monkeypatch, capsys, "diff", option, str(folder), str(folder)) == [""]


def test_no_progress_without_a_terminal(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A log contains no progress line."""
    assert progress_lines(monkeypatch, capsys, "scan", str(folder), terminal=False) == [""]


def test_short_scan_shows_no_progress(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A scan that ends before the delay writes no progress line."""
    monkeypatch.setattr(progress_module, "_DELAY", 60)
    assert progress_lines(monkeypatch, capsys, "scan", str(folder)) == [""]
