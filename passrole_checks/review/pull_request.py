"""Find the pull request to comment on, by asking the forge and not by data from the pull request.

Sources: GitHub Docs, "Events that trigger workflows" (workflow_run), "REST API endpoints for commits" (pull requests
of a commit), "REST API endpoints for pull requests" (``head``).
"""

from __future__ import annotations

from collections.abc import Iterator

from passrole_checks.review.ci_context import Context
from passrole_checks.review.forge import Target
from passrole_checks.review.repository_api import PullRequest, RepositoryApi


def find_pull_request(api: RepositoryApi, context: Context) -> Target:
    """Find the open pull request whose head is still the reviewed commit. Raise a
    :class:`~passrole_checks.review.http.ForgeError`.

    If the event names none (``workflow_run``), it is the pull request with the head commit and head repository of the
    run according to the forge.
    """
    if not context.head_sha:
        return Target(0, "the reviewed commit is unknown")
    if not context.number:
        return _find_by_commit(api, context)
    pull = api.pull(context.number)
    if pull is None:  # dry run without a token
        return Target(context.number)
    if not pull.is_open:
        return Target(0, "the pull request is closed")
    if pull.head_sha != context.head_sha:
        return Target(0, f"the pull request has a newer commit than {context.head_sha[:12]}; a later run posts")
    return Target(pull.number)


def is_current(api: RepositoryApi, context: Context) -> bool:
    """True if the reviewed commit is still the head of the pull request."""
    pull = api.pull(api.number)
    return pull is None or (pull.is_open and pull.head_sha == context.head_sha)


def _find_by_commit(api: RepositoryApi, context: Context) -> Target:
    numbers = sorted({pull.number for pull in _candidate_pull_requests(api, context)})
    if len(numbers) == 1:
        return Target(numbers[0])
    if numbers:
        listed = ", ".join(map(str, numbers))
        return Target(0, f"several open pull requests ({listed}) have the reviewed commit as their head")
    return Target(0, f"no open pull request has commit {context.head_sha[:12]} as its head")


def _candidate_pull_requests(api: RepositoryApi, context: Context) -> Iterator[PullRequest]:
    owner = context.head_repository.partition("/")[0]
    head = f"{owner}:{context.head_branch}" if owner and context.head_branch else ""
    for pull in api.pulls_with(context.head_sha, head):
        has_base = pull.base_repository.lower() == context.repository.lower()
        has_head = pull.head_repository.lower() == context.head_repository.lower()
        if has_base and has_head and pull.is_open and pull.head_sha == context.head_sha:
            yield pull
