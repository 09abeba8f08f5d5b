"""Reviews that tests post on the fake of GitLab."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

from gitlab_fake import Discussion, GitLabFake
from reports_of_tests import EMPTY
from reviews_on_github import item

from passrole_checks.review.ci_context import Context, PostOptions, read_context
from passrole_checks.review.gitlab import post
from passrole_checks.review.http import Pace
from passrole_checks.review.markdown.markers import parse_marker
from passrole_checks.review.posting import Posted
from passrole_checks.review.report import Item, ReviewReport

BOT = "project_42_bot"
CHANGED = (10, 30, 50, 70, 90)  # each within a hunk of its own, with three lines around it
_OLD = [f"old {number}\n" for number in range(1, 101)]

__all__ = ["BOT", "CHANGED", "Poster", "give_files", "item", "keys", "places", "report"]


def give_files(gitlab: GitLabFake) -> None:
    """Let the merge request add two lines at the top of ``a.tf`` and ``b.tf``, and change their lines CHANGED, by the
    new numbers; ``new.tf`` is new, and ``here.tf`` is renamed from ``there.tf``."""
    new = [text.replace("old", "new") if number + 2 in CHANGED else text for number, text in enumerate(_OLD, start=1)]
    text = "".join(["first\n", "second\n", *new])
    old = "".join(_OLD)
    gitlab.request.base_files = {"a.tf": old, "b.tf": old, "there.tf": old}
    gitlab.request.renamed = {"here.tf": "there.tf"}
    gitlab.push({"a.tf": text, "b.tf": text, "new.tf": "one\ntwo\n", "here.tf": old.replace("old 40\n", "new 40\n")})


def report(gitlab: GitLabFake, *items: Item, **changes: Any) -> ReviewReport:
    """Return a report about the present head of the merge request."""
    made = replace(EMPTY, items=items, head=gitlab.request.head_sha, base=gitlab.request.base_sha)
    return replace(made, **changes)


def places(gitlab: GitLabFake) -> list[tuple[str, int | None, int | None] | None]:
    """Return the path, old line and new line of each thread; None for one without a position."""
    positions = [thread.notes[0].position for thread in gitlab.threads()]
    return [one and (one["new_path"], one.get("old_line"), one.get("new_line")) for one in positions]


def keys(thread: Discussion) -> tuple[str, ...]:
    marker = parse_marker(thread.notes[0].body)
    return marker.items if marker is not None else ()


class Poster:
    """Posts as a job of GitLab CI does. Each job is of a later pipeline, unless a number is given."""

    def __init__(self, gitlab: GitLabFake) -> None:
        self.gitlab, self._numbers = gitlab, itertools.count(1)
        self.messages: list[str] = []
        self.printed: list[str] = []

    def context(self, *, token: str = "project", run: int = 0, is_fork: bool = False) -> Context:
        """Return the context. ``token``: a name in ``gitlab.tokens``, "" for none."""
        found = read_context(self.gitlab.environment(run_number=run or next(self._numbers), is_fork=is_fork))
        return replace(found, token=self.gitlab.tokens[token].value if token else "")

    def __call__(self, reviewed: ReviewReport, *, context: Context | None = None, **options: Any) -> Posted:
        pace = Pace(clock=self.gitlab.clock.now, sleep=self.gitlab.clock.sleep)
        del self.messages[:], self.printed[:]
        asked = PostOptions(**options)
        return post(
            reviewed, context or self.context(), asked, self.messages.append, pace=pace, out=self.printed.append
        )

    def items(self, *items: Item, context: Context | None = None, **options: Any) -> Posted:
        return self(report(self.gitlab, *items), context=context, **options)
