"""Reviews that tests post on the fake of Gitea."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path
from typing import Any

from gitea_fake import GiteaFake
from reports_of_tests import EMPTY

from passrole_checks.review.ci_context import Context, PostOptions, read_context
from passrole_checks.review.gitea import post
from passrole_checks.review.http import Pace
from passrole_checks.review.posting import Posted
from passrole_checks.review.report import Item, ReviewReport


def report(gitea: GiteaFake, *items: Item, **changes: Any) -> ReviewReport:
    """Return a report about the present head of the pull request."""
    made = replace(EMPTY, items=items, head=gitea.pull.head_sha, base=gitea.pull.base_sha)
    return replace(made, **changes)


def places(gitea: GiteaFake) -> list[tuple[str, int]]:
    """Return path and line of each comment on a line."""
    return [(comment.path, comment.line) for comment in gitea.code_comments()]


class Poster:
    """Posts as a job of Gitea Actions does. Each job has a greater run number, unless one is given."""

    def __init__(self, gitea: GiteaFake, folder: Path) -> None:
        self.gitea, self._folder, self._numbers = gitea, folder, itertools.count(1)
        self.messages: list[str] = []
        self.printed: list[str] = []

    def context(self, *, token: str = "job", run: int = 0) -> Context:
        """Return the context. ``token``: a name in ``gitea.tokens``, "" for none."""
        environment = self.gitea.environment(self._folder, run_number=run or next(self._numbers))
        secret = self.gitea.tokens[token].value if token else ""
        return read_context({**environment, "GITEA_TOKEN": secret})

    def __call__(self, reviewed: ReviewReport, *, context: Context | None = None, **options: Any) -> Posted:
        pace = Pace(clock=self.gitea.clock.now, sleep=self.gitea.clock.sleep)
        del self.messages[:], self.printed[:]
        asked = PostOptions(**options)
        return post(
            reviewed, context or self.context(), asked, self.messages.append, pace=pace, out=self.printed.append
        )

    def items(self, *items: Item, context: Context | None = None, **options: Any) -> Posted:
        return self(report(self.gitea, *items), context=context, **options)
