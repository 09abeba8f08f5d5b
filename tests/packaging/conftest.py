"""The programs that look at pipelines, which `.ci/pipelines.sh` installs apart: some of them do not go with checkov."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from git_repositories import Repository, empty_repository
from pipelines import release


@pytest.fixture(scope="session")
def tool() -> Callable[[str], str]:
    """The path of a program in the folder PIPELINE_TOOLS. Without it the test is skipped, or, where NEED_PIPELINES is
    set, fails."""

    def find(name: str) -> str:
        path = shutil.which(name, path=os.environ.get("PIPELINE_TOOLS", ""))
        if path is None:
            message = f"no {name} in PIPELINE_TOOLS; .ci/pipelines.sh installs it"
            if os.environ.get("NEED_PIPELINES"):
                pytest.fail(message)
            pytest.skip(message)
        return path

    return find


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Repository:
    """An empty repository, which is the working directory; git has no configuration but its own."""
    return empty_repository(tmp_path / "repository", monkeypatch, capsys)


@pytest.fixture(scope="session")
def released(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """This repository as a released commit of it is, of what pipelines use."""
    return release(tmp_path_factory.mktemp("released"))
