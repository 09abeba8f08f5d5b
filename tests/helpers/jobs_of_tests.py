"""Jobs that review a pull or merge request with real commits, on the fakes of GitHub, GitLab and Gitea."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from git_repositories import Repository
from gitea_fake import GiteaFake
from github_fake import GitHubFake
from gitlab_fake import GitLabFake

from passrole_checks import cli
from passrole_checks.review import http

POLICY = """\
resource "aws_iam_role_policy" "deploy" {
  role = "deployer"
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect   = "Allow"
      Action   = "iam:PassRole"
      Resource = "%s"
      Condition = { StringEquals = { "iam:PassedToService" = "%s" } }
    }]
  })
}
"""
APP = "arn:aws:iam::111122223333:role/app-1"


def policy(roles: str = APP, service: str = "lambda.amazonaws.com") -> str:
    """Return a policy that lets the role "deployer" pass ``roles`` to ``service``."""
    return POLICY % (roles, service)


def owned_by(*owners: str) -> str:
    """Return a ``pyproject.toml`` that names owners."""
    return f"[tool.passrole_checks]\naccept_owners = {json.dumps(owners)}\n"


class Jobs:
    """Jobs of one request, each with a greater run number. ``token``: a name in the fake's ``tokens``, "" for none."""

    def __init__(self, repository: Repository, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.repository, self.folder, self._monkeypatch = repository, folder, monkeypatch
        self.runs = 0
        self.result: dict[str, Any] = {}

    def review(self, *arguments: str, token: str) -> int:
        """Review the present head; ``result`` is then the JSON."""
        self.runs += 1
        for name, value in self.environment(token).items():
            self._monkeypatch.setenv(name, value)
        output = self.folder / "result.json"
        status = cli.main(
            ["review", *arguments, "--format", "text", "--output", "-", "--format", "json", f"--output={output}"]
        )
        self.result = json.loads(output.read_text())
        return status

    def environment(self, token: str) -> dict[str, str]:
        raise NotImplementedError

    @property
    def accepted(self) -> list[tuple[str, str]]:
        """Return who accepted items, and why."""
        return [
            (item["accepted"]["by"], item["accepted"]["reason"]) for item in self.result["items"] if item["accepted"]
        ]

    @property
    def short_keys(self) -> list[str]:
        """Return the short keys of the items."""
        return [f"{item['key'][:8]}-{item['fingerprint'][:20]}" for item in self.result["items"]]

    @property
    def notes(self) -> str:
        return "\n".join(note["reason"] for note in self.result["notes"])


class GitHubJobs(Jobs):
    """Jobs of pull request 7 by ``contributor``."""

    def __init__(
        self,
        github: GitHubFake,
        repository: Repository,
        folder: Path,
        monkeypatch: pytest.MonkeyPatch,
        base: Mapping[str, str],
    ) -> None:
        super().__init__(repository, folder, monkeypatch)
        self.github = github
        pace = http.Pace
        monkeypatch.setattr(http, "Pace", lambda: pace(clock=github.clock.now, sleep=github.clock.sleep))
        github.pull.base_files, github.pull.base_sha = dict(base), repository.commit(dict(base))
        repository.git("checkout", "--quiet", "-b", "change")
        github.commit("contributor")

    def push(self, files: Mapping[str, str]) -> None:
        """Commit these files, all files of the tree, as the new head."""
        self.github.push(self.github.pull, files, sha=self.repository.commit(dict(files)), forced=not self.runs)

    def review(self, *arguments: str, token: str = "bot") -> int:
        self.github.forget_calls()
        return super().review(*arguments, token=token)

    def environment(self, token: str) -> dict[str, str]:
        job = self.github.environment(self.github.pull, self.folder, "pull_request", run_number=self.runs)
        return {**job, "GITHUB_TOKEN": self.github.tokens[token].value if token else ""}

    @property
    def summary(self) -> str:
        (comment,) = self.github.comments()
        return comment.body


class GitLabJobs(Jobs):
    """Jobs of merge request 7 by ``contributor``."""

    def __init__(
        self,
        gitlab: GitLabFake,
        repository: Repository,
        folder: Path,
        monkeypatch: pytest.MonkeyPatch,
        base: Mapping[str, str],
    ) -> None:
        super().__init__(repository, folder, monkeypatch)
        folder.mkdir(exist_ok=True)
        self.gitlab = gitlab
        pace = http.Pace
        monkeypatch.setattr(http, "Pace", lambda: pace(clock=gitlab.clock.now, sleep=gitlab.clock.sleep))
        gitlab.request.base_files, gitlab.request.base_sha = dict(base), repository.commit(dict(base))
        repository.git("checkout", "--quiet", "-b", "change")
        gitlab.commit(gitlab.request.author)

    def push(self, files: Mapping[str, str]) -> None:
        """Commit these files, all files of the tree, as the new head."""
        self.gitlab.push(dict(files), self.repository.commit(dict(files)))

    def review(self, *arguments: str, token: str = "project") -> int:
        self.gitlab.forget_calls()
        return super().review(*arguments, token=token)

    def environment(self, token: str) -> dict[str, str]:
        job = self.gitlab.environment(run_number=self.runs)
        return {**job, "PASSROLE_GITLAB_TOKEN": self.gitlab.tokens[token].value if token else ""}

    @property
    def summary(self) -> str:
        (note,) = self.gitlab.notes()
        return note.body


class GiteaJobs(Jobs):
    """Jobs of a pull request."""

    def __init__(
        self,
        gitea: GiteaFake,
        repository: Repository,
        folder: Path,
        monkeypatch: pytest.MonkeyPatch,
        base: Mapping[str, str],
    ) -> None:
        super().__init__(repository, folder, monkeypatch)
        self.gitea = gitea
        pace = http.Pace
        monkeypatch.setattr(http, "Pace", lambda: pace(clock=gitea.clock.now, sleep=gitea.clock.sleep))
        gitea.pull.base_sha = repository.commit(dict(base))
        repository.git("checkout", "--quiet", "-b", "change")

    def push(self, files: Mapping[str, str]) -> None:
        """Commit these files, all files of the tree, as the new head."""
        self.gitea.push(dict(files), self.repository.commit(dict(files)))

    def review(self, *arguments: str, token: str = "job") -> int:
        return super().review(*arguments, token=token)

    def environment(self, token: str) -> dict[str, str]:
        job = self.gitea.environment(self.folder, run_number=self.runs)
        return {**job, "GITEA_TOKEN": self.gitea.tokens[token].value if token else ""}
