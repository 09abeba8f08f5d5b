"""The fixture of the tests that review real repositories."""

from __future__ import annotations

from pathlib import Path

import pytest
from reviews_of_tests import Reviews, made


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Reviews:
    """An empty repository as the working directory, outside of any pipeline."""
    return made(tmp_path / "repository", monkeypatch, capsys)
