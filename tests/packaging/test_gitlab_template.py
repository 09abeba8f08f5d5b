"""The template for GitLab, included as the page says, run by the GitLab emulator as a job of a merge request.

The emulator has no GitLab: it gets the variables of a merge request pipeline, has no token, and includes the file from
the clone instead of another project. It cannot compare two variables, as the rule for the default branch does.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from git_repositories import Repository
from pipelines import BASE, HEAD, HOSTILE
from readme_examples import TEMPLATE

Tool = Callable[[str], str]
REPORT, POLICY = "gl-code-quality-report.json", "infra/policy.tf"


@pytest.fixture
def source(repository: Repository, released: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Repository:
    """A repository with what is released, as PASSROLE_SOURCE names one."""
    copied = tmp_path / "source"
    shutil.copytree(released, copied)
    return Repository(copied, capsys)


def job(tool: Tool, repository: Repository, variables: dict[str, str], path: str = "") -> tuple[int, str]:
    """Run the job "passrole" in a clone, with ``path`` before the other folders of programs; its exit status and what
    it said."""
    shutil.copy(TEMPLATE, repository.folder / "template.yml")
    (repository.folder / ".gitlab-ci.yml").write_text("include:\n  - local: template.yml\n", "utf-8")
    command = [tool("gle"), "--ignore-docker"]
    for name, value in variables.items():
        command += ["--var", f"{name}={value}"]
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "CI_", "GITHUB_"))}
    environment = {**kept, "HOME": str(repository.folder.parent), "TRAP": str(repository.folder.parent / "trap")}
    environment["PATH"] = f"{path}:{environment['PATH']}" if path else environment["PATH"]
    done = subprocess.run(
        [*command, "passrole"], cwd=repository.folder, env=environment, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("planted", [False, True])
def test_a_merge_request_is_reviewed(
    tool: Tool, repository: Repository, source: Repository, prepared_python: Path, planted: bool
) -> None:
    """A widened default fails the job, and the Code Quality report of all findings of the head is there; a link that
    the merge request has ``planted`` in its place changes nothing."""
    commit = source.commit({})
    base = repository.commit(dict(BASE))
    repository.git("checkout", "--quiet", "-b", "change")
    foreign = repository.folder.parent / "foreign"
    foreign.write_text("foreign")
    if planted:
        (repository.folder / REPORT).symlink_to(foreign)
    head = repository.commit({**HEAD, **HOSTILE})
    variables = {
        "GITLAB_CI": "true",
        "CI_PIPELINE_SOURCE": "merge_request_event",
        "CI_MERGE_REQUEST_IID": "7",
        "CI_MERGE_REQUEST_DIFF_BASE_SHA": base,
        "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main",
        "CI_COMMIT_SHA": head,
        "PASSROLE_SOURCE": str(source.folder),
        "PASSROLE_COMMIT": commit,
    }
    status, said = job(tool, repository, variables, path=str(prepared_python))
    assert status == 1, said
    assert not (repository.folder.parent / "trap").exists()
    assert POLICY in said and "any-role" in said
    report = json.loads((repository.folder / REPORT).read_text("utf-8"))
    assert ("PASSROLE_001 any-role", "infra/policy.tf") in [
        (one["check_name"], one["location"]["path"]) for one in report
    ]
    assert foreign.read_text() == "foreign"


@pytest.mark.parametrize("missing", ["PASSROLE_SOURCE", "PASSROLE_COMMIT"])
def test_a_report_that_the_merge_request_brings_is_no_result(
    tool: Tool, repository: Repository, source: Repository, missing: str
) -> None:
    """GitLab takes the artifact also of a job that fails before it has written one."""
    variables = {
        "GITLAB_CI": "true",
        "CI_PIPELINE_SOURCE": "merge_request_event",
        "CI_COMMIT_SHA": repository.commit({**BASE, REPORT: "[]"}),
        "PASSROLE_SOURCE": str(source.folder),
        "PASSROLE_COMMIT": source.commit({}),
    }
    del variables[missing]
    status, said = job(tool, repository, variables)
    assert status != 0, said
    assert not (repository.folder / REPORT).exists()


def test_the_default_branch_gives_what_merge_requests_are_compared_with(
    tool: Tool, repository: Repository, source: Repository
) -> None:
    """There the report contains all findings too, and the project's options apply."""
    variables = {
        "GITLAB_CI": "true",
        "CI_PIPELINE_SOURCE": "push",
        "CI_COMMIT_BRANCH": "main",
        "CI_DEFAULT_BRANCH": "main",
        "CI_COMMIT_BEFORE_SHA": repository.commit(dict(BASE)),
        "CI_COMMIT_SHA": repository.commit(dict(HEAD)),
        "PASSROLE_SOURCE": str(source.folder),
        "PASSROLE_COMMIT": source.commit({}),
        "PASSROLE_OPTIONS": "--fail-on never --severity medium",
    }
    status, said = job(tool, repository, variables)
    assert status == 0, said
    report = json.loads((repository.folder / REPORT).read_text("utf-8"))
    assert [(one["check_name"], one["location"]["path"]) for one in report] == [("PASSROLE_001 any-role", POLICY)]


def test_a_commit_that_is_not_named_in_full_is_refused(tool: Tool, repository: Repository, source: Repository) -> None:
    """A branch would be something else tomorrow: the job ends before it installs anything."""
    source.commit({})
    variables = {"CI_PIPELINE_SOURCE": "merge_request_event", "PASSROLE_SOURCE": str(source.folder)}
    status, said = job(tool, repository, {**variables, "PASSROLE_COMMIT": "main"})
    assert status == 1
    assert "PASSROLE_COMMIT is not the full hash of a commit" in said
    status, said = job(tool, repository, variables)
    assert status == 1
    assert "PASSROLE_COMMIT: set it to the full hash of the commit" in said
