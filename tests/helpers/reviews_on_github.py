"""Reviews that tests post on the fake of GitHub."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from github_fake import GitHubFake
from reports_of_tests import ANY_ROLE, APP, EMPTY

from passrole_checks.findings import Confidence, Severity
from passrole_checks.review.ci_context import Context, PostOptions, read_context
from passrole_checks.review.github import post
from passrole_checks.review.http import Pace
from passrole_checks.review.posting import Posted
from passrole_checks.review.report import Anchor, Item, Location, Remark, ReviewReport

BOT = "github-actions[bot]"
_OLD = [f"old {number}\n" for number in range(1, 101)]
CHANGED = (10, 30, 50, 70, 90)  # each within a hunk of its own, with three lines around it


def give_files(github: GitHubFake, folder: str = "") -> str:
    """Let the pull request change the lines CHANGED of ``a.tf`` and ``b.tf``; return its head."""
    new = [text.replace("old", "new") if number in CHANGED else text for number, text in enumerate(_OLD, start=1)]
    names = (f"{folder}a.tf", f"{folder}b.tf")
    github.pull.base_files = dict.fromkeys(names, "".join(_OLD))
    return github.push(github.pull, dict.fromkeys(names, "".join(new)), sha="a1" * 20, forced=True)


def item(number: int, line: int = 10, end_line: int = 0, file: str = "a.tf", *, rule: str = "") -> Item:
    """Return an item with its own check, and so its own comment, on lines of HEAD; ``line`` 0: on the file."""
    remark = Remark(
        rule or f"PASSROLE_{number:03}", "any-role", Severity.MEDIUM, Confidence.HIGH, f"Wrong {number}.", ""
    )
    last = end_line or line
    return Item(
        f"{number:032x}",
        "new",
        "new",
        Severity.MEDIUM,
        Confidence.HIGH,
        Location(file, line or 1, last or 1),
        "terraform",
        f"aws_iam_role_policy.p{number}",
        (),
        "",
        (remark,),
        access=replace(APP, principals=(f"aws_iam_role.r{number}",)),
        anchor=Anchor(file, line, last),
    )


ITEM = replace(item(1), remarks=(ANY_ROLE,))


def report(github: GitHubFake, *items: Item, **changes: Any) -> ReviewReport:
    """Return a report about the present head of the pull request."""
    made = replace(EMPTY, items=items, head=github.pull.head_sha, base=github.pull.base_sha)
    return replace(made, **changes)


@dataclass
class Poster:
    """Posts as a job of GitHub Actions does. Each job has a greater run number, unless one is given."""

    github: GitHubFake
    folder: Path
    numbers: itertools.count[int]
    messages: list[str]
    printed: list[str]

    @classmethod
    def on(cls, github: GitHubFake, folder: Path) -> Poster:
        return cls(github, folder, itertools.count(1), [], [])

    def context(self, event: str = "pull_request", *, token: str | None = None, run: int = 0) -> Context:
        """Return the context. ``token``: a name in ``github.tokens``, "" for none."""
        environment = self.github.environment(self.github.pull, self.folder, event)
        secret = self.github.token if token is None else self.github.tokens[token].value if token else ""
        found = read_context(environment)
        return replace(found, token=secret, run=replace(found.run, number=run or next(self.numbers)))

    def __call__(self, reviewed: ReviewReport, *, context: Context | None = None, **options: Any) -> Posted:
        pace = Pace(clock=self.github.clock.now, sleep=self.github.clock.sleep)
        del self.messages[:], self.printed[:]
        asked = PostOptions(**options)
        return post(
            reviewed, context or self.context(), asked, self.messages.append, pace=pace, out=self.printed.append
        )

    def items(self, *items: Item, context: Context | None = None, **options: Any) -> Posted:
        return self(report(self.github, *items), context=context, **options)
