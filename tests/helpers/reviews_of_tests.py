"""Reviews of real repositories, by the command line."""

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
FROM_VARIABLE = f'{{ Effect = "Allow", Action = "iam:PassRole", Resource = var.roles, {SERVICE} }}'


def policy(*statements: str, name: str = "pass", role: str = "deployer", before: str = "") -> str:
    """A policy of the role "deployer", each statement on a line of its own; the first one is on line 5."""
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


class Told(NamedTuple):
    """What a review says. ``report`` is read from its JSON, as any bundle is."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.out)
        return found

    @property
    def report(self) -> ReviewReport:
        return read_bundle(self.out.encode())

    @property
    def items(self) -> list[tuple[str, str, str, list[str]]]:
        """Of each item: its group, the change of access, its file and line, and the checks."""
        return [
            (item.group, item.change, f"{item.at.file}:{item.at.line}", [one.check_id[-3:] for one in item.remarks])
            for item in self.report.items
        ]

    @property
    def counts(self) -> tuple[int, int, int]:
        """How many items, findings that are fixed, and findings that both versions have."""
        report = self.report
        return len(report.items), len(report.fixed), report.unchanged


class Reviews(Repository):
    """A repository, with the command ``review`` in it."""

    def review(self, *arguments: str, text: bool = False) -> Told:
        status = cli.main(["review", *([] if text else ["--format", "json"]), *arguments])
        out, err = self._capture.readouterr()
        return Told(status, out, err)

    def between(
        self, before: Mapping[str, str | None], after: Mapping[str, str | None], *arguments: str, text: bool = False
    ) -> Told:
        """The review of one commit that makes ``after`` of ``before``."""
        self.commit(before)
        self.commit(after)
        return self.review("HEAD^", "HEAD", *arguments, text=text)


def made(folder: Path, monkeypatch: pytest.MonkeyPatch, capture: pytest.CaptureFixture[str]) -> Reviews:
    """An empty repository, which is the working directory, outside of any pipeline; git has no configuration but its
    own."""
    for name in list(os.environ):
        if name.startswith(("GITHUB_", "CI_", "GITLAB_", "PASSROLE_")):
            monkeypatch.delenv(name)
    git_alone(monkeypatch)
    repository = Reviews(folder, capture)
    monkeypatch.chdir(folder)
    return repository
