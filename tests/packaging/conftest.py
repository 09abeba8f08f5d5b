"""The programs that look at pipelines, which `.ci/pipelines.sh` installs apart: some of them do not go with checkov."""

from __future__ import annotations

import compileall
import os
import py_compile
import shutil
import subprocess
import sys
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
    """This repository as a released commit of it is, of what pipelines use; compiled, so that no job has to do it."""
    folder = release(tmp_path_factory.mktemp("released"))
    compileall.compile_dir(folder, quiet=1, invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
    return folder


@pytest.fixture(scope="session")
def prepared_python(tmp_path_factory: pytest.TempPathFactory, released: Path) -> Path:
    """A folder with a ``python3`` whose new environments contain what pipelines install into them."""
    folder = tmp_path_factory.mktemp("python")
    environment, python = folder / "environment", folder / "python3"
    requirements = released / ".ci" / "requirements-bot.txt"
    install = ["-m", "pip", "install", "--quiet", "--require-hashes", "--only-binary", ":all:", "-r", requirements]
    subprocess.run([sys.executable, "-I", "-m", "venv", environment], check=True)
    subprocess.run([environment / "bin" / "python", "-I", *install], check=True)
    python.write_text(
        f"""#!/bin/sh
case "$*" in
  "-I -m venv "*) exec cp -R '{environment}' "$4" ;;
  *) exec '{sys.executable}' "$@" ;;
esac
"""
    )
    python.chmod(0o755)
    return folder
