"""Which pull request a review is written on, asked of GitHub and of nothing that came from the pull request.

Sources: GitHub Docs, "Events that trigger workflows" (workflow_run), "REST API endpoints for commits" (pull requests
of a commit), "REST API endpoints for pull requests" (``head``).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from passrole_checks.review.ci_context import Context
from passrole_checks.review.github.api import GitHub, PullRequest


@dataclass(frozen=True, slots=True)
class Target:
    """``number``: of the pull request to write on; 0 where there is none, and then ``why``, a sentence."""

    number: int
    why: str = ""


def target(github: GitHub, context: Context) -> Target:
    """The open pull request whose head is the commit that was reviewed, still. Raises a
    :class:`~passrole_checks.review.http.ForgeError`.

    Where the event names none (``workflow_run``), it is the one with the head commit and the head repository that
    GitHub itself tells of the run.
    """
    if not context.head_sha:
        return Target(0, "It is not known which commit was reviewed.")
    if not context.number:
        return _found(github, context)
    pull = github.pull(context.number)
    if pull is None:  # a dry run that asks nothing
        return Target(context.number)
    if not pull.is_open:
        return Target(0, "The pull request is closed.")
    if pull.head_sha != context.head_sha:
        return Target(0, f"The pull request has a newer commit than {context.head_sha[:12]}, which is for a later run.")
    return Target(pull.number)


def is_current(github: GitHub, number: int, context: Context) -> bool:
    """Whether the commit that was reviewed is still the head of the pull request."""
    pull = github.pull(number)
    return pull is None or (pull.is_open and pull.head_sha == context.head_sha)


def _found(github: GitHub, context: Context) -> Target:
    numbers = sorted({pull.number for pull in _candidates(github, context)})
    if len(numbers) == 1:
        return Target(numbers[0])
    if numbers:
        named = ", ".join(map(str, numbers))
        return Target(0, f"Several open pull requests ({named}) have the commit that was reviewed.")
    return Target(0, f"No open pull request has the commit {context.head_sha[:12]} as its head.")


def _candidates(github: GitHub, context: Context) -> Iterator[PullRequest]:
    owner = context.head_repository.partition("/")[0]
    head = f"{owner}:{context.head_branch}" if owner and context.head_branch else ""
    for pull in github.pulls_with(context.head_sha, head):
        here = pull.base_repository.lower() == context.repository.lower()
        same = pull.head_repository.lower() == context.head_repository.lower()
        if here and same and pull.is_open and pull.head_sha == context.head_sha:
            yield pull
