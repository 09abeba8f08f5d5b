"""The fixture of all tests here."""

from __future__ import annotations

from pathlib import Path

import pytest
from git_repositories import Repository, empty_repository


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Repository:
    """An empty repository, which is the working directory; git has no configuration but its own."""
    return empty_repository(tmp_path / "repository", monkeypatch, capsys)
