"""The image: its Dockerfile is linted and read, and the commands that make it are run, without an engine for images."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from readme_examples import ROOT

from passrole_checks import __version__

DOCKERFILE, IGNORED = ROOT / "Dockerfile", ROOT / ".dockerignore"
Tool = Callable[[str], str]


class Instruction(NamedTuple):
    name: str
    words: str


def stages() -> list[list[Instruction]]:
    """The instructions of each stage, the stage's FROM first; what stands before the first stage is left out."""
    text = re.sub(r"^#.*\n", "", DOCKERFILE.read_text("utf-8"), flags=re.MULTILINE)
    lines = re.sub(r" *\\\n *", " ", text).splitlines()
    found: list[list[Instruction]] = []
    for line in filter(None, lines):
        name, _, words = line.partition(" ")
        if name == "FROM":
            found.append([])
        if found:
            found[-1].append(Instruction(name, words))
    return found


def test_hadolint_finds_nothing(tool: Tool) -> None:
    """hadolint, which hands the scripts within to ShellCheck, has nothing to say."""
    done = subprocess.run([tool("hadolint"), "--no-color", DOCKERFILE], capture_output=True, text=True, check=False)
    assert (done.stdout + done.stderr, done.returncode) == ("", 0)


def test_hadolint_would_find_something(tool: Tool, tmp_path: Path) -> None:
    """A base without a version and a variable without quotes are found."""
    wrong = tmp_path / "Dockerfile"
    text = DOCKERFILE.read_text("utf-8").replace("python:3.13-slim-bookworm", "python")
    wrong.write_text(text.replace('"$packages/"', "$packages/"))
    done = subprocess.run([tool("hadolint"), "--no-color", wrong], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert {"DL3006", "SC2086"} <= set(re.findall(r"\b(?:DL|SC)\d+\b", done.stdout))


def test_whatever_runs_is_an_ordinary_user_with_our_program() -> None:
    """Each stage that can be run ends as a numbered user that is not root, and starts the program; the last one is
    the small one."""
    base, build, program, with_git, last = stages()
    assert len(base) == 1
    assert [stage[0].words for stage in (program, with_git, last)] == [
        "base AS program", "program AS with-git", "program",
    ]  # fmt: skip
    for stage in (program, with_git):
        assert [one.words for one in stage if one.name == "USER"][-1] == "10001:10001"
    assert Instruction("ENTRYPOINT", '["passrole-checks"]') in program
    assert all(one.name != "RUN" for one in (*program, *last))
    assert not [one for one in build if one.name == "ADD"]


def test_what_is_installed_is_known_by_its_hash() -> None:
    """The only call of pip asks for hashes, and builds nothing from source."""
    calls = [one.words for stage in stages() for one in stage if one.name == "RUN" and "pip" in one.words]
    (call,) = calls
    assert call.count("install ") == 1
    assert "--require-hashes" in call and "--only-binary :all:" in call


def test_what_is_copied_is_there() -> None:
    """Copied files exist in the clone, and are the whole build context."""
    copied = [one.words.split()[0] for stage in stages() for one in stage if one.name == "COPY"]
    ours = sorted(path for path in copied if not path.startswith("--from"))
    patterns = [line for line in IGNORED.read_text("utf-8").splitlines() if line and not line.startswith("#")]
    assert patterns[0] == "*"
    assert sorted(line[1:] for line in patterns if line.startswith("!")) == ours
    assert all((ROOT / path).exists() for path in ours)


def test_the_build_stage_makes_a_program_that_scans(tool: Tool, tmp_path: Path) -> None:
    """The commands of the build stage, run in a folder in place of the root, give a program that finds what it should
    and takes nothing from the folder that it runs in."""
    tool("uv")  # needs a package index, as what is run there does
    (tmp_path / "build").mkdir()
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python").symlink_to(getattr(sys, "_base_executable", sys.executable))
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    environment["PATH"] = f"{tmp_path / 'bin'}{os.pathsep}{environment['PATH']}"
    for one in stages()[1]:
        words = re.sub(r"/(build|opt)\b", lambda match: f"{tmp_path}/{match[1]}", one.words)
        if one.name == "COPY":
            source, target = words.split()
            if (ROOT / source).is_dir():
                shutil.copytree(ROOT / source, target, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(ROOT / source, target)
        elif one.name == "RUN":
            done = subprocess.run(["sh", "-euc", words], env=environment, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr
    program = tmp_path / "opt" / "passrole" / "bin" / "passrole-checks"
    assert program.stat().st_mode & stat.S_IXOTH
    assert shlex.split(program.read_text().splitlines()[0])[-1] == "-I"
    here = tmp_path / "here"
    shutil.copytree(ROOT / "sample_templates" / "001-any-role" / "terraform" / "flagged", here)
    (here / "click.py").write_text("raise SystemExit('taken from the working directory')\n")
    done = subprocess.run(
        [program, "scan", "."], cwd=here, env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (1, "")
    assert "PASSROLE_001" in done.stdout
    version = subprocess.run(
        [program, "--version"], cwd=here, env=environment, capture_output=True, text=True, check=True
    )
    assert version.stdout == f"passrole-checks {__version__}\n"
