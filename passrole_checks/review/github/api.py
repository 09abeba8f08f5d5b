"""The calls of GitHub's API that a review makes, for one repository, and what of the answers it needs.

Sources: GitHub Docs, REST API: "Users" (the authenticated user), "Pull requests", "Commits" (pull requests of a
commit), "Issue comments", "Pull request reviews", "Pull request review comments" (``subject_type``; replies); GraphQL
API: queries ``viewer`` and ``reviewThreads``, mutations ``resolveReviewThread`` and ``minimizeComment``. What an answer
lacks is taken as empty: nothing here trusts its shape.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from passrole_checks.review.api_fields import items_of, number_of, text_of, within
from passrole_checks.review.http import Client, ForgeError, Pace

API_VERSION = "2022-11-28"
ACTIONS_LOGIN = "github-actions[bot]"  # whom the token of a workflow belongs to

_THREADS = """
query($owner: String!, $name: String!, $number: Int!, $after: String) {
  repository(owner: $owner, name: $name) {
    pullRequest(number: $number) {
      reviewThreads(first: 100, after: $after) {
        pageInfo { hasNextPage endCursor }
        nodes { id isResolved comments(first: 1) { nodes { id } } }
      }
    }
  }
}
"""
_VIEWER = "query { viewer { login } }"
_RESOLVE = "mutation($id: ID!) { resolveReviewThread(input: {threadId: $id}) { thread { id isResolved } } }"
_MINIMIZE = """
mutation($id: ID!) {
  minimizeComment(input: {subjectId: $id, classifier: OUTDATED}) { minimizedComment { isMinimized } }
}
"""
_MOST_THREAD_PAGES = 50


@dataclass(frozen=True, slots=True)
class PullRequest:
    """``head_repository``: "" where it was deleted."""

    number: int
    is_open: bool
    head_sha: str
    head_repository: str
    base_repository: str


@dataclass(frozen=True, slots=True)
class IssueComment:
    """Of the conversation of a pull request."""

    id: int
    node_id: str
    author: str
    body: str


@dataclass(frozen=True, slots=True)
class ReviewComment:
    """At a line, or at a file. ``reply_to``: the id of the first comment of the thread, 0 for that one itself."""

    id: int
    node_id: str
    author: str
    body: str
    path: str
    reply_to: int


@dataclass(frozen=True, slots=True)
class GitHubThread:
    """``first``: the ``node_id`` of its first comment."""

    id: str
    is_resolved: bool
    first: str


def client(api: str, token: str, *, pace: Pace | None = None, dry_run: Callable[[str], None] | None = None) -> Client:
    """A client of GitHub's API at ``api`` (``GITHUB_API_URL``)."""
    headers = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": API_VERSION}
    secret = ("Authorization", f"Bearer {token}") if token else None
    return Client(api, headers, secret, pace=pace, dry_run=dry_run)


class GitHub:
    """The calls for ``repository`` (``owner/name``); each raises a :class:`ForgeError`."""

    def __init__(self, client: Client, api: str, repository: str) -> None:
        self.client = client
        self._owner, _, self._name = repository.partition("/")
        self._repository = f"/repos/{repository}"
        # https://docs.github.com/en/enterprise-server, "Forming calls with GraphQL": beside /api/v3, not below it
        self._graphql = f"{api.removesuffix('/v3')}/graphql" if api.endswith("/api/v3") else "/graphql"

    # -- who and what

    def viewer(self) -> str:
        """The login of whom the token belongs to. An installation's token may not ask for the user, and GraphQL's
        ``viewer`` answers where that is so; where neither does, it is taken to be the token of a workflow."""
        for asked in (self._user, self._graphql_viewer):
            try:
                if login := asked():
                    return login
            except ForgeError as error:
                if error.status in (0, 401) or error.status >= 500:
                    raise
        return ACTIONS_LOGIN

    def _user(self) -> str:
        return text_of(self.client.get("/user").document, "login")

    def _graphql_viewer(self) -> str:
        return text_of(self._query(_VIEWER, {}).get("viewer"), "login")

    def pull(self, number: int) -> PullRequest | None:
        """The pull request; None where nothing is asked (a dry run without a token)."""
        document = self.client.get(f"{self._repository}/pulls/{number}").document
        return _pull(document) if document is not None else None

    def pulls_with(self, sha: str, head: str) -> Iterator[PullRequest]:
        """Pull requests that may have the commit ``sha`` as their head: those that GitHub relates to it, then the open
        ones of ``head`` (``owner:branch``, if any), since commits of forks are not always related."""
        try:
            yield from map(_pull, self.client.pages(f"{self._repository}/commits/{sha}/pulls"))
        except ForgeError as error:
            if error.status not in (403, 404, 409, 422):
                raise
        if head:
            yield from map(_pull, self.client.pages(f"{self._repository}/pulls", {"state": "open", "head": head}))

    # -- the conversation

    def comments(self, number: int) -> list[IssueComment]:
        """All of them, oldest first."""
        listed = self.client.pages(f"{self._repository}/issues/{number}/comments")
        return sorted(map(_comment, listed), key=lambda comment: comment.id)

    def create_comment(self, number: int, body: str) -> int:
        """Gives its id; 0 in a dry run."""
        answer = self.client.write("POST", f"{self._repository}/issues/{number}/comments", {"body": body})
        return number_of(answer.document, "id")

    def edit_comment(self, id: int, body: str) -> None:
        self.client.write("PATCH", f"{self._repository}/issues/comments/{id}", {"body": body})

    def delete_comment(self, id: int) -> None:
        self.client.write("DELETE", f"{self._repository}/issues/comments/{id}")

    def minimize(self, node_id: str) -> None:
        """Hides a comment as outdated."""
        self._mutate(_MINIMIZE, {"id": node_id})

    # -- comments at lines

    def review_comments(self, number: int) -> list[ReviewComment]:
        listed = self.client.pages(f"{self._repository}/pulls/{number}/comments")
        return sorted(map(_review_comment, listed), key=lambda comment: comment.id)

    def create_review(self, number: int, sha: str, comments: Sequence[Mapping[str, Any]]) -> None:
        document = {"commit_id": sha, "event": "COMMENT", "body": "", "comments": list(comments)}
        self.client.write("POST", f"{self._repository}/pulls/{number}/reviews", document)

    def create_review_comment(self, number: int, sha: str, comment: Mapping[str, Any]) -> None:
        self.client.write("POST", f"{self._repository}/pulls/{number}/comments", {"commit_id": sha, **comment})

    def delete_review_comment(self, id: int) -> None:
        self.client.write("DELETE", f"{self._repository}/pulls/comments/{id}")

    def reply(self, number: int, id: int, body: str) -> None:
        self.client.write("POST", f"{self._repository}/pulls/{number}/comments/{id}/replies", {"body": body})

    def threads(self, number: int) -> list[GitHubThread]:
        found: list[GitHubThread] = []
        asked: dict[str, Any] = {"owner": self._owner, "name": self._name, "number": number, "after": None}
        for _ in range(_MOST_THREAD_PAGES):
            listed = within(self._query(_THREADS, asked), "repository", "pullRequest", "reviewThreads")
            found += map(_thread, items_of(within(listed, "nodes")))
            if not within(listed, "pageInfo", "hasNextPage"):
                break
            asked["after"] = within(listed, "pageInfo", "endCursor")
        return found

    def resolve(self, thread: str) -> None:
        self._mutate(_RESOLVE, {"id": thread})

    # -- the commit

    def create_status(self, sha: str, document: Mapping[str, str]) -> None:
        self.client.write("POST", f"{self._repository}/statuses/{sha}", document)

    def check_runs(self, sha: str, name: str) -> list[Mapping[str, Any]]:
        """The check runs of that name, newest first, as GitHub has them."""
        asked = {"check_name": name, "filter": "all"}  # the latest may be a job with the same name
        listed = self.client.pages(f"{self._repository}/commits/{sha}/check-runs", asked, within="check_runs")
        return [run for run in listed if isinstance(run, dict)]

    def create_check_run(self, document: Mapping[str, Any]) -> int:
        answer = self.client.write("POST", f"{self._repository}/check-runs", document)
        return number_of(answer.document, "id")

    def update_check_run(self, id: int, document: Mapping[str, Any]) -> None:
        self.client.write("PATCH", f"{self._repository}/check-runs/{id}", document)

    # -- GraphQL

    def _query(self, query: str, variables: Mapping[str, Any]) -> Mapping[str, Any]:
        return _data(self.client.ask(self._graphql, {"query": query, "variables": dict(variables)}).document)

    def _mutate(self, query: str, variables: Mapping[str, Any]) -> None:
        document = {"query": query, "variables": dict(variables)}
        _data(self.client.write("POST", self._graphql, document).document)


def _data(document: object) -> Mapping[str, Any]:
    """What GraphQL answers, which says of errors in the answer itself, with the status 200."""
    errors = items_of(within(document, "errors"))
    if errors:
        status = {"FORBIDDEN": 403, "NOT_FOUND": 404}.get(text_of(errors[0], "type"), 200)
        raise ForgeError("POST /graphql", status, text_of(errors[0], "message"))
    data = within(document, "data")
    return data if isinstance(data, dict) else {}


def _pull(document: object) -> PullRequest:
    return PullRequest(
        number_of(document, "number"),
        text_of(document, "state") == "open",
        text_of(within(document, "head"), "sha"),
        text_of(within(document, "head", "repo"), "full_name"),
        text_of(within(document, "base", "repo"), "full_name"),
    )


def _comment(document: object) -> IssueComment:
    author = text_of(within(document, "user"), "login")
    return IssueComment(number_of(document, "id"), text_of(document, "node_id"), author, text_of(document, "body"))


def _review_comment(document: object) -> ReviewComment:
    return ReviewComment(
        number_of(document, "id"),
        text_of(document, "node_id"),
        text_of(within(document, "user"), "login"),
        text_of(document, "body"),
        text_of(document, "path"),
        number_of(document, "in_reply_to_id"),
    )


def _thread(document: object) -> GitHubThread:
    first = items_of(within(document, "comments", "nodes"))[:1]
    first_id = text_of(first[0], "id") if first else ""
    return GitHubThread(text_of(document, "id"), within(document, "isResolved") is True, first_id)
