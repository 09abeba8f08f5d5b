"""Jobs that review a request to merge with real commits, on the fake of any forge."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from forges_of_tests import ForgeOfTests, GitHubOfTests, GitLabOfTests
from git_repositories import Repository
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
_PACE = http.Pace


def policy(roles: str = APP, service: str = "lambda.amazonaws.com") -> str:
    """Return a policy that lets the role "deployer" pass ``roles`` to ``service``."""
    return POLICY % (roles, service)


def owned_by(*owners: str) -> str:
    """Return a ``pyproject.toml`` that names owners."""
    return f"[tool.passrole_checks]\naccept_owners = {json.dumps(owners)}\n"


class Jobs:
    """Jobs of one request on a forge, each with a greater run number. ``base``: the files of the target branch."""

    def __init__(
        self,
        forge: ForgeOfTests,
        repository: Repository,
        folder: Path,
        monkeypatch: pytest.MonkeyPatch,
        base: Mapping[str, str],
    ) -> None:
        self.forge, self.repository, self.folder, self._monkeypatch = forge, repository, folder, monkeypatch
        self.runs = 0
        self.result: dict[str, Any] = {}
        folder.mkdir(exist_ok=True)
        monkeypatch.setattr(http, "Pace", lambda: _PACE(clock=forge.clock.now, sleep=forge.clock.sleep))
        forge.start_request(base, repository.commit(dict(base)))
        repository.git("checkout", "--quiet", "-b", "change")

    def push(self, files: Mapping[str, str]) -> None:
        """Commit these files, all files of the tree, as the new head."""
        self.forge.push(files, self.repository.commit(dict(files)))

    def review(self, *arguments: str, token: str | None = None) -> int:
        """Review the present head; ``result`` is then the JSON. ``token``: a name in the fake's ``tokens``, "" for
        none."""
        self.runs += 1
        self.forge.forget_calls()
        for name, value in self.environment(token).items():
            self._monkeypatch.setenv(name, value)
        output = self.folder / "result.json"
        formats = ["--format", "text", "--output", "-", "--format", "json", f"--output={output}"]
        status = cli.main(["review", *arguments, *formats])
        self.result = json.loads(output.read_text())
        return status

    def environment(self, token: str | None) -> Mapping[str, str]:
        """Return the variables of the present job."""
        return self.forge.environment(self.runs, token)

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

    @property
    def summary(self) -> str:
        """The only comment outside of threads."""
        (body,) = self.forge.comments()
        return body


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
        super().__init__(GitHubOfTests(github, folder), repository, folder, monkeypatch, base)
        self.github = github
        github.commit("contributor")


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
        super().__init__(GitLabOfTests(gitlab), repository, folder, monkeypatch, base)
        self.gitlab = gitlab
        gitlab.commit(gitlab.request.author)
