"""The command ``mcp`` without its extra."""

from __future__ import annotations

import sys

import pytest

from passrole_checks.cli import main


def test_without_the_sdk_the_command_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "mcp.server.lowlevel", None)
    monkeypatch.delitem(sys.modules, "passrole_checks.mcp_server.server", raising=False)
    assert main(["mcp"]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and "-I -m pip install 'mcp>=2.0'" in error
