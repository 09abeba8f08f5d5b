"""The GitHub API calls of a review in one repository, and the fields that it needs from the responses.

Sources: GitHub Docs, REST API: "Users" (the authenticated user), "Pull requests", "Commits" (pull requests of a
commit), "Issue comments", "Pull request reviews", "Pull request review comments" (``subject_type``; replies); GraphQL
API: queries ``viewer`` and ``reviewThreads``, mutations ``resolveReviewThread`` and ``minimizeComment``. Fields that a
response lacks are empty: its shape is not trusted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import quote

from passrole_checks.files.decoded_json import as_list, get_nested, number_of, text_of
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.review.graphql import data_of, pages_of
from passrole_checks.review.http import Client, ForgeError, Pace
from passrole_checks.review.repository_api import PullRequest, RepositoryApi, pull_request

API_VERSION = "2022-11-28"
ACTIONS_LOGIN = "github-actions[bot]"  # the owner of a workflow's GITHUB_TOKEN

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


@dataclass(frozen=True, slots=True)
class ReviewComment:
    """A comment on a line or file. ``reply_to``: the id of the first comment of its thread, 0 for that comment."""

    id: int
    node_id: str
    author: str
    body: str
    path: str
    reply_to: int


@dataclass(frozen=True, slots=True)
class GitHubThread:
    """A review thread in GraphQL. ``first``: the ``node_id`` of its first comment."""

    id: str
    is_resolved: bool
    first: str


def client(api: str, token: str, *, pace: Pace | None = None, dry_run: Callable[[str], None] | None = None) -> Client:
    """Return a client of GitHub's API at ``api`` (``GITHUB_API_URL``)."""
    headers = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": API_VERSION}
    secret = ("Authorization", f"Bearer {token}") if token else None
    return Client(api, headers, secret, pace=pace, dry_run=dry_run)


class GitHub(RepositoryApi):
    """The API calls for ``repository`` (``owner/name``) and its pull request ``number``; each raises a
    :class:`ForgeError`."""

    def __init__(self, client: Client, api: str, repository: str) -> None:
        super().__init__(client, repository)
        self._owner, _, self._name = repository.partition("/")
        # https://docs.github.com/en/enterprise-server, "Forming calls with GraphQL": beside /api/v3, not below it
        self._graphql = f"{api.removesuffix('/v3')}/graphql" if api.endswith("/api/v3") else "/graphql"

    @property
    def _names(self) -> dict[str, str]:
        """The variables of GraphQL queries about the repository."""
        return {"owner": self._owner, "name": self._name}

    # -- user and pull requests

    def viewer(self) -> str:
        """Return the login that the token belongs to. An installation token may not read ``/user``; GraphQL's
        ``viewer`` answers instead. If neither answers, it is taken to be the token of a workflow."""
        for query in (self._user, self._graphql_viewer):
            try:
                if login := query():
                    return login
            except ForgeError as error:
                if error.status in (0, 401, 429) or error.status >= 500:
                    raise
        return ACTIONS_LOGIN

    def _user(self) -> str:
        return text_of(self.client.get("/user").document, "login")

    def _graphql_viewer(self) -> str:
        return text_of(self._query(_VIEWER, {}).get("viewer"), "login")

    def pulls_with(self, sha: str, head: str) -> Iterator[PullRequest]:
        """Yield pull requests that may have the commit ``sha`` as their head. First those that GitHub associates with
        it; then the open ones of ``head`` (``owner:branch``, or ""), since it does not associate all commits of
        forks."""
        try:
            yield from map(pull_request, self.client.pages(f"{self._repository}/commits/{sha}/pulls"))
        except ForgeError as error:
            if error.status not in (403, 404, 409, 422):
                raise
        if head:
            yield from map(
                pull_request, self.client.pages(f"{self._repository}/pulls", {"state": "open", "head": head})
            )

    # -- the conversation

    def minimize(self, node_id: str) -> None:
        """Hide a comment as outdated."""
        self._mutate(_MINIMIZE, {"id": node_id})

    # -- labels

    def labels(self) -> list[str]:
        """Return the names of the labels."""
        labels = self.client.pages(f"{self._repository}/issues/{self.number}/labels")
        return [text_of(label, "name") for label in labels]

    def add_label(self, name: str) -> None:
        """Add a label; GitHub creates it if the repository has none of that name."""
        self.client.write("POST", f"{self._repository}/issues/{self.number}/labels", {"labels": [name]})

    def remove_label(self, name: str) -> None:
        self.client.write("DELETE", f"{self._repository}/issues/{self.number}/labels/{quote(name, safe='')}")

    # -- line comments

    def review_comments(self) -> list[ReviewComment]:
        """List the comments on lines and files, oldest first."""
        comments = self.client.pages(f"{self._repository}/pulls/{self.number}/comments")
        return sorted(map(_review_comment, comments), key=lambda comment: comment.id)

    def create_review_comment(self, sha: str, comment: Mapping[str, Any]) -> None:
        document = {"commit_id": sha, **comment}
        self.client.write("POST", f"{self._repository}/pulls/{self.number}/comments", document)

    def delete_review_comment(self, id: int) -> None:
        self.client.write("DELETE", f"{self._repository}/pulls/comments/{id}")

    def reply_to(self, id: int, body: str) -> None:
        """Reply in the thread of the review comment ``id``."""
        self.client.write("POST", f"{self._repository}/pulls/{self.number}/comments/{id}/replies", {"body": body})

    def graphql_threads(self) -> list[GitHubThread]:
        """List the review threads, which the REST API does not have."""
        pages = self.pages_of(_THREADS, "reviewThreads") if not self.client.skips_reads else ()
        return [_thread(node) for page in pages for node in page["reviewThreads"]["nodes"]]

    def resolve_thread(self, id: str) -> None:
        self._mutate(_RESOLVE, {"id": id})

    # -- the commit

    def check_runs(self, sha: str, name: str) -> list[Mapping[str, Any]]:
        """List the check runs of a commit with this name, newest first, as GitHub returns them."""
        query = {"check_name": name, "filter": "all"}  # the latest may be a job with the same name
        runs = self.client.pages(f"{self._repository}/commits/{sha}/check-runs", query, within="check_runs")
        return [run for run in runs if isinstance(run, dict)]

    def create_check_run(self, document: Mapping[str, Any]) -> int:
        answer = self.client.write("POST", f"{self._repository}/check-runs", document)
        return number_of(answer.document, "id")

    def update_check_run(self, id: int, document: Mapping[str, Any]) -> None:
        self.client.write("PATCH", f"{self._repository}/check-runs/{id}", document)

    # -- GraphQL

    def _query(self, query: str, variables: Mapping[str, Any]) -> Mapping[str, Any]:
        return data_of(self.client.query(self._graphql, {"query": query, "variables": dict(variables)}))

    def pages_of(self, query: str, connection: str) -> Iterator[Mapping[str, Any]]:
        """Yield the pull request in each page of a connection. Raise an error if it cannot be read in full."""

        def ask(page: Mapping[str, Any]) -> Mapping[str, Any]:
            return self._query(query, {**self._names, "number": self.number, **page})

        return pages_of(ask, ("repository", "pullRequest"), connection)

    def _mutate(self, query: str, variables: Mapping[str, Any]) -> None:
        data_of(self.client.write("POST", self._graphql, {"query": query, "variables": dict(variables)}))


def _review_comment(document: object) -> ReviewComment:
    return ReviewComment(
        number_of(document, "id"),
        text_of(document, "node_id"),
        text_of(get_nested(document, "user"), "login"),
        text_of(document, "body"),
        text_of(document, "path"),
        number_of(document, "in_reply_to_id"),
    )


def _thread(document: object) -> GitHubThread:
    first = as_list(get_nested(document, "comments", "nodes"))[:1]
    first_id = text_of(first[0], "id") if first else ""
    return GitHubThread(text_of(document, "id"), get_nested(document, "isResolved") is True, first_id)
