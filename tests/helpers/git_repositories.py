"""Real repositories, made by the tests."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from passrole_checks import cli

APP = "arn:aws:iam::111122223333:role/app-*"
ANY = "*"


def terraform(roles: str, name: str = "pass", service: str = "lambda.amazonaws.com") -> str:
    """A policy of one role, "deployer", that lets ``roles`` be passed."""
    return f"""\
resource "aws_iam_role_policy" "{name}" {{
  role   = "deployer"
  policy = jsonencode({{
    Version = "2012-10-17"
    Statement = [{{
      Effect = "Allow", Action = "iam:PassRole", Resource = "{roles}"
      Condition = {{ StringEquals = {{ "iam:PassedToService" = "{service}" }} }}
    }}]
  }})
}}
"""


def template(roles: str) -> str:
    """The same as a template of CloudFormation."""
    return f"""\
Resources:
  Pass:
    Type: AWS::IAM::Policy
    Properties:
      PolicyName: pass
      Roles: [deployer]
      PolicyDocument:
        Version: "2012-10-17"
        Statement:
          - Effect: Allow
            Action: iam:PassRole
            Resource: "{roles}"
            Condition: {{StringEquals: {{"iam:PassedToService": lambda.amazonaws.com}}}}
"""


class Said(NamedTuple):
    status: int
    out: str
    err: str

    @property
    def changes(self) -> dict[str, list[str]]:
        """The groups that are not empty, each with the files and resources of its entries."""
        found = json.loads(self.out)
        return {
            name: [f"{entry['file']} {entry['resource']}" for entry in found[name]]
            for name in ("new", "widened", "narrowed", "removed")
            if found[name]
        }

    @property
    def json(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.out)
        return found


class Repository:
    """A repository in ``folder``, with the branch ``main``."""

    def __init__(self, folder: Path, capture: pytest.CaptureFixture[str]) -> None:
        self.folder, self._capture = folder, capture
        folder.mkdir(parents=True, exist_ok=True)
        self.git("init", "--quiet", "--initial-branch=main", ".")

    def git(self, *arguments: str | bytes, given: bytes | None = None, env: Mapping[str, str] | None = None) -> str:
        done = subprocess.run(
            ["git", "-c", "maintenance.auto=false", *arguments],  # no process more after each commit
            cwd=self.folder,
            input=given,
            capture_output=True,
            env={**os.environ, **(env or {})},
            check=False,
        )
        assert done.returncode == 0, done.stderr.decode()
        return os.fsdecode(done.stdout).strip()

    def put(self, files: Mapping[str, str | None]) -> None:
        """Write files, and remove those whose content is None."""
        for name, content in files.items():
            path = self.folder / name
            if content is None:
                path.unlink()
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode())

    def commit(self, files: Mapping[str, str | None] | None = None) -> str:
        self.put(files or {})
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", "change")
        return self.git("rev-parse", "HEAD")

    def state(self) -> tuple[str, str, str]:
        """Return git's status of working tree and index, and the files on disk."""
        on_disk = [
            f"{path.relative_to(self.folder)} {path.read_bytes() if path.is_file() else ''!r}"
            for path in sorted(self.folder.rglob("*"))
            if ".git" not in path.parts
        ]
        index = (self.folder / ".git" / "index").read_bytes().hex()
        return self.git("status", "--porcelain"), index, "\n".join(on_disk)

    def diff(self, *arguments: str, text: bool = False) -> Said:
        """``passrole-checks diff`` in this repository (or wherever the test is)."""
        status = cli.main(["diff", *([] if text else ["--format", "json"]), *arguments])
        out, err = self._capture.readouterr()
        return Said(status, out, err)


def git_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """From here on git has no configuration but its own, and knows who commits."""
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    for who in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{who}_NAME", "someone")
        monkeypatch.setenv(f"GIT_{who}_EMAIL", "someone@example.com")


def empty_repository(folder: Path, monkeypatch: pytest.MonkeyPatch, capture: pytest.CaptureFixture[str]) -> Repository:
    """An empty repository, which is the working directory; git has no configuration but its own."""
    git_alone(monkeypatch)
    made = Repository(folder, capture)
    monkeypatch.chdir(made.folder)
    return made
