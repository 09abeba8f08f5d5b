"""The files of the pages below docs/, and a workbench that runs the commands of a pipeline like its service.

Commands run unchanged. Fakes on PATH stand for what a service or the network provides: ``python3`` and ``pip`` install
the program of this environment, and accept the command lines of the pages only; ``terraform``, ``terragrunt`` and
``npx`` write what the real programs write, from the samples.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from documentation_pages import CodeBlock, code_blocks
from git_repositories import Repository
from pipelines import BASE, HEAD, HOSTILE
from readme_examples import REPOSITORY, ROOT, TAG

from passrole_checks.distribution import NAME

DOCS = ROOT / "docs"
REQUIREMENT = f"{NAME} @ git+{REPOSITORY}@{TAG}"
CONFIGURATION = '[tool.passrole_checks]\nfail_on = "never"\nskip_check = ["any-role", "new-access"]\n'
LINKS = ("passrole-reports", "test-results")
_SAMPLES = ROOT / "sample_templates"
_OUTSIDE = re.compile(r"(?<![\w.])/(?=(?:etc|opt|tmp|usr/local)/)")


def files_of(page: str) -> dict[str, CodeBlock]:
    """Return the code blocks of a page below docs/ by name, or by language if they have none."""
    blocks = list(code_blocks((DOCS / f"{page}.md").read_text("utf-8")))
    files = {block.name or block.language: block for block in blocks}
    assert len(files) == len(blocks), f"two blocks of {page} have the same name"
    return files


_PYTHON = """\
[ $# = 4 ] && [ "$1 $2 $3" = "-I -m venv" ] || exit 64
mkdir -p "$4/bin"
ln -s "$FAKES/pip" "$4/bin/pip"
ln -s "$FAKES/program" "$4/bin/passrole-checks"
"""
_PIP = f"""\
[ "$*" = "install --quiet {REQUIREMENT}" ] || exit 65
: > "$FAKES/installed"
"""
_TERRAFORM = """\
for word; do
  case $word in
    -out=*) : > "${word#-out=}" ;;
    show) [ -f "${!#}" ] && cat "$SAMPLE" || exit 66 ;;
  esac
done
"""
_TERRAGRUNT = """\
case "$*" in *" -- plan"*) ;; *) exit 67 ;; esac
while [ $# -gt 0 ]; do
  if [ "$1" = --json-out-dir ]; then
    mkdir -p "$2/live/deployer"
    cp "$SAMPLE" "$2/live/deployer/tfplan.json"
  fi
  shift
done
"""
_NPX = """\
case "$1 $2 $3 $4" in
  "cdk synth --quiet --output") cp -R "$SAMPLE" "$5" ;;
  "cdk deploy --all --app") [ -d "$5" ] && : > "$FAKES/went-on" ;;
  *) exit 68 ;;
esac
"""
_FAKES = {"python3": _PYTHON, "pip": _PIP, "terraform": _TERRAFORM, "terragrunt": _TERRAGRUNT, "npx": _NPX}


@dataclass(frozen=True)
class Done:
    """Result of a pipeline: the exit status, and what it printed."""

    status: int
    output: str


class Workbench:
    """A clone with code that is ``flagged`` or clean, and what a pipeline finds around it."""

    def __init__(self, folder: Path, origin: Repository, flagged: bool) -> None:
        self.folder, self.origin, self.flagged = folder, origin, flagged
        self.clone, self.fakes, self.foreign = folder / "clone", folder / "fakes", folder / "foreign"
        self.foreign.mkdir(parents=True)
        self.fakes.mkdir()
        for name, text in _FAKES.items():
            self._add_program(name, text)
        (self.fakes / "program").symlink_to(Path(sys.executable).with_name("passrole-checks"))

    def _add_program(self, name: str, text: str) -> None:
        path = self.fakes / name
        path.write_text(f"#!/bin/bash\nset -eu\n{text}", "utf-8")
        path.chmod(0o755)

    def add_installed_program(self) -> None:
        """Add the program to PATH, for services whose image contains it."""
        (self.fakes / "passrole-checks").symlink_to("program")

    def check_out(self, *, pull_request: bool) -> None:
        """Clone a commit of ``main``, or a pull request that also disables the checks in ``pyproject.toml``.

        Both contain modules named like those of Python, and links in place of the folders of reports.
        """
        self.origin.commit(dict(BASE))
        if pull_request:
            self.origin.git("checkout", "--quiet", "-b", "change")
        for name in LINKS:
            (self.origin.folder / name).symlink_to(self.foreign)
        configuration = {"pyproject.toml": CONFIGURATION} if pull_request else {}
        self.origin.commit({**HOSTILE, **configuration, **(HEAD if self.flagged else {})})
        self.origin.git("clone", "--quiet", "--branch", "change" if pull_request else "main", ".", str(self.clone))

    def check_out_project(self, sample: str) -> None:
        """Create the folder of a pull request that disables the checks; the fakes write a sample.

        ``sample``: "plan" (JSON of a plan) or "assembly" (cloud assembly).
        """
        self.add_installed_program()
        self.clone.mkdir()
        (self.clone / "pyproject.toml").write_text(CONFIGURATION, "utf-8")
        if sample == "plan":
            shutil.copy(_SAMPLES / "001-any-role/plan" / f"{'flagged' if self.flagged else 'clean'}.json", self._sample)
        elif self.flagged:
            shutil.copytree(_SAMPLES / "cdk/cloudformation/cdk.out", self._sample)
        else:
            self._sample.mkdir()
            shutil.copy(_SAMPLES / "001-any-role/cloudformation/clean.json", self._sample / "Stack.template.json")

    @property
    def _sample(self) -> Path:
        return self.folder / "sample"

    def run(self, script: str, variables: Mapping[str, str] | None = None) -> Done:
        """Run commands by bash in the clone; absolute paths of a page are below the workbench."""
        for name in ("etc/passrole", "opt", "tmp", "usr/local/bin"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        environment = {
            **{name: value for name, value in os.environ.items() if name.startswith("GIT_")},
            "PATH": f"{self.fakes}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(self.folder),
            "TMPDIR": str(self.folder / "tmp"),
            "PASSROLE_CHECKS_CACHE_DIR": "",
            "TRAP": str(self.folder / "trap"),
            "FAKES": str(self.fakes),
            "SAMPLE": str(self._sample),
            **(variables or {}),
        }
        script = _OUTSIDE.sub(f"{self.folder}/", script)
        command = ["bash", "-e", "-c", script]
        done = subprocess.run(command, cwd=self.clone, env=environment, capture_output=True, text=True, check=False)
        return Done(done.returncode, done.stdout + done.stderr)

    @property
    def installed(self) -> bool:
        """True if the commands installed the program."""
        return (self.fakes / "installed").exists()

    @property
    def went_on(self) -> bool:
        """True if the step after the check ran."""
        return (self.fakes / "went-on").exists()

    def assert_untouched(self) -> None:
        """Assert that nothing of the repository ran, and that no report was written through its links."""
        assert not (self.folder / "trap").exists()
        assert not list(self.foreign.iterdir())
