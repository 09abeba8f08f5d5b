"""The command ``lsp``: without its extra, and its options."""

from __future__ import annotations

import sys

import pytest

from passrole_checks.cli import main


def test_without_the_extra_the_command_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in [name for name in sys.modules if name.startswith("passrole_checks.lsp.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "lsprotocol", None)
    assert main(["lsp"]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and "-I -m pip install 'pygls>=2.0'" in error


def test_invalid_options_are_refused_before_the_session(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lsp", "--account", "1"]) == 2
    assert "12-digit account ID" in capsys.readouterr().err
