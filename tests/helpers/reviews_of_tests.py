"""Reviews of real repositories by the command line."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from git_repositories import Repository, git_alone

from passrole_checks import cli
from passrole_checks.review.report import ReviewReport
from passrole_checks.review.report_json import read_bundle

SERVICE = 'Condition = { StringEquals = { "iam:PassedToService" = "lambda.amazonaws.com" } }'
APP = f'{{ Effect = "Allow", Action = "iam:PassRole", Resource = "arn:aws:iam::111122223333:role/app-*", {SERVICE} }}'
ANY = f'{{ Effect = "Allow", Action = "iam:PassRole", Resource = "*", {SERVICE} }}'
OPEN = '{ Effect = "Allow", Action = "iam:PassRole", Resource = "arn:aws:iam::111122223333:role/app-*" }'
START = '{ Effect = "Allow", Action = ["lambda:CreateFunction", "lambda:InvokeFunction"], Resource = "*" }'
VARIABLE = 'variable "roles" {\n  type    = string\n  default = "%s"\n}\n'
OPEN_VARIABLE = '{ Effect = "Allow", Action = "iam:PassRole", Resource = var.roles }'
FROM_VARIABLE = f'{{ Effect = "Allow", Action = "iam:PassRole", Resource = var.roles, {SERVICE} }}'


def policy(*statements: str, name: str = "pass", role: str = "deployer", before: str = "") -> str:
    """Return a policy of the role "deployer" with one statement per line, from line 5."""
    said = ",\n".join(f"      {one}" for one in statements)
    return f"""\
{before}resource "aws_iam_role_policy" "{name}" {{
  role = "{role}"
  policy = jsonencode({{
    Version = "2012-10-17", Statement = [
{said}
    ]
  }})
}}
"""


class ReviewResult(NamedTuple):
    """The result of a review. ``report``: read from its JSON like any bundle."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.out)
        return document

    @property
    def report(self) -> ReviewReport:
        return read_bundle(self.out.encode())

    @property
    def items(self) -> list[tuple[str, str, str, list[str]]]:
        """Return the group, access change, file and line, and checks of each item."""
        return [
            (item.group, item.change, f"{item.at.file}:{item.at.line}", [one.check_id[-3:] for one in item.remarks])
            for item in self.report.items
        ]

    @property
    def counts(self) -> tuple[int, int, int]:
        """Return the numbers of items, fixed findings, and findings in both versions."""
        report = self.report
        return len(report.items), len(report.fixed), report.unchanged


class Reviews(Repository):
    """A repository, and the command ``review`` in it."""

    def review(self, *arguments: str, text: bool = False) -> ReviewResult:
        status = cli.main(["review", *([] if text else ["--format", "json"]), *arguments])
        out, err = self._capture.readouterr()
        return ReviewResult(status, out, err)

    def between(
        self, before: Mapping[str, str | None], after: Mapping[str, str | None], *arguments: str, text: bool = False
    ) -> ReviewResult:
        """Review a commit that changes ``before`` to ``after``."""
        self.commit(before)
        self.commit(after)
        return self.review("HEAD^", "HEAD", *arguments, text=text)


def made(folder: Path, monkeypatch: pytest.MonkeyPatch, capture: pytest.CaptureFixture[str]) -> Reviews:
    """Create an empty repository as the working directory, outside of any pipeline; git has only its own
    configuration."""
    for name in list(os.environ):
        if name.startswith(("GITHUB_", "CI_", "GITLAB_", "PASSROLE_")):
            monkeypatch.delenv(name)
    git_alone(monkeypatch)
    repository = Reviews(folder, capture)
    monkeypatch.chdir(folder)
    return repository
