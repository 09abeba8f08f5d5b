"""How far a scan is, on a terminal."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from passrole_checks.cli import main
from passrole_checks.cli import progress as room

TEMPLATE = "Resources:\n  R:\n    Type: AWS::IAM::Role\n    Properties: {AssumeRolePolicyDocument: {}}\n"
BEGIN = "\r\x1b[K"  # of a line that takes the place of the one before


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three templates, and no time that has to pass before something is told."""
    for name in "abc":
        (tmp_path / f"{name}.yaml").write_text(TEMPLATE)
    monkeypatch.setattr(room, "_FIRST", 0)
    monkeypatch.setattr(room, "_EACH", 0)
    return tmp_path


def told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str, terminal: bool = True
) -> list[str]:
    """The lines of progress of a command."""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal)
    assert main([*arguments]) == 0
    return capsys.readouterr().err.split(BEGIN)


@pytest.mark.parametrize("cache", [(), ("--no-cache",)])
@pytest.mark.parametrize("command", ["scan", "grants"])
def test_units_are_counted(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: str, cache: tuple[str]
) -> None:
    """A terminal is told how many units are done, in one line that is taken away at the end."""
    lines = told(monkeypatch, capsys, command, "--jobs", "1", *cache, str(folder))
    counted = [f"{number} of 3 templates, plans and root modules" for number in (1, 2, 3)]
    assert lines == ["", *counted, ""]


@pytest.mark.parametrize("option", ["--no-progress", "--quiet"])
def test_nothing_is_told_where_nobody_wants_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], option: str
) -> None:
    """With --no-progress or --quiet there is no such line, and every command that reads code takes both."""
    for command in ("scan", "grants", "required", "suggest", "fix"):
        assert told(monkeypatch, capsys, command, option, str(folder)) == [""]
    assert told(monkeypatch, capsys, "diff", option, str(folder), str(folder)) == [""]


def test_nothing_is_told_without_a_terminal(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A log gets no such line."""
    assert told(monkeypatch, capsys, "scan", str(folder), terminal=False) == [""]


def test_what_is_done_at_once_needs_no_line(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A short scan writes nothing that would have to be taken away."""
    monkeypatch.setattr(room, "_FIRST", 60)
    assert told(monkeypatch, capsys, "scan", str(folder)) == [""]
