"""The hooks for pre-commit, run as git runs hooks."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys

import pytest
import yaml
from git_repositories import Repository
from pipelines import BASE, HEAD
from readme_examples import ROOT

HOOKS = {hook["id"]: hook for hook in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text("utf-8"))}


def installed(repository: Repository, hook: str) -> None:
    """Make the entry of a hook the repository's own hook, by the Python of the tests."""
    program, *arguments = shlex.split(HOOKS[hook]["entry"])
    assert program == "passrole-checks"
    command = shlex.join([sys.executable, "-m", "passrole_checks", *arguments])
    script = repository.folder / ".git" / "hooks" / "pre-commit"
    script.parent.mkdir(exist_ok=True)
    script.write_text(f"#!/bin/sh\nPYTHONPATH={shlex.quote(str(ROOT))} exec {command}\n", "utf-8")
    script.chmod(0o755)


def committed(repository: Repository, *arguments: str) -> tuple[int, str]:
    done = subprocess.run(
        ["git", "commit", "--quiet", "--message", "change", *arguments],
        cwd=repository.folder,
        env=dict(os.environ),
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("arguments", [(), ("--all",), ("infra/variables.tf",)], ids=["staged", "all", "paths"])
def test_a_commit_that_widens_access_is_stopped(repository: Repository, arguments: tuple[str, ...]) -> None:
    """The staged version is compared with HEAD, also if git keeps it in a temporary index."""
    repository.commit(dict(BASE))
    installed(repository, "passrole-checks-diff")
    repository.put(HEAD)
    if not arguments:
        repository.git("add", "--all")
    status, said = committed(repository, *arguments)
    assert status == 1
    assert "aws_iam_policy.deploy" in said and "because of infra/variables.tf:3" in said


def test_a_commit_that_widens_nothing_goes_through(repository: Repository) -> None:
    """Unstaged changes, a repository without infrastructure code and its first commit give no findings."""
    installed(repository, "passrole-checks-diff")
    repository.put({"README.md": "nothing yet\n"})
    repository.git("add", "--all")
    assert committed(repository)[0] == 0
    repository.put(BASE)
    repository.git("add", "--all")
    repository.put(HEAD)
    assert committed(repository)[0] == 0


def test_the_hook_looks_at_every_kind_of_file_that_can_change_access() -> None:
    """pre-commit starts the hook only where a file of these kinds is part of the commit."""
    files = re.compile(HOOKS["passrole-checks-diff"]["files"])
    for name in (
        "a.tf",
        "a.tofu",
        "a.tf.json",
        "prod.tfvars",
        "prod.auto.tfvars.json",
        "t.yaml",
        "t.yml",
        "t.template",
    ):
        assert files.search(name), name
    assert files.search("policies/pass.json.tftpl") and not files.search("main.py")
