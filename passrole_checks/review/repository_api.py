"""The calls that the APIs of GitHub and Gitea have in common, and the fields that a review needs from the responses.

Sources: GitHub Docs, REST API: "Pull requests", "Issue comments", "Commit statuses"; Gitea's API description:
"repository" and "issue". Fields that a response lacks are empty: its shape is not trusted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from passrole_checks.files.decoded_json import get_nested, number_of, text_of
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.review.http import Client


@dataclass(frozen=True, slots=True)
class PullRequest:
    """``head_repository``: "" if it was deleted."""

    number: int
    is_open: bool
    head_sha: str
    head_repository: str
    base_repository: str


@dataclass(frozen=True, slots=True)
class IssueComment:
    """A comment in the conversation of a pull request. ``node_id``: GitHub's id for GraphQL."""

    id: int
    node_id: str
    author: str
    body: str


class RepositoryApi:
    """The API calls for ``repository`` (``owner/name``) and its pull request ``number``; each raises a
    :class:`~passrole_checks.review.http.ForgeError`."""

    def __init__(self, client: Client, repository: str) -> None:
        self.client = client
        self.number = 0  # set it before calls about a pull request
        self._repository = f"/repos/{repository}"

    @property
    def is_dry(self) -> bool:
        return self.client.is_dry

    # -- pull requests

    def pull(self, number: int) -> PullRequest | None:
        """Return the pull request; None in a dry run without a token."""
        document = self.client.get(f"{self._repository}/pulls/{number}").document
        return pull_request(document) if document is not None else None

    def pulls_with(self, sha: str, head: str) -> Iterator[PullRequest]:
        """Yield pull requests that may have the commit ``sha`` as their head: all open ones. ``head``: where it is, as
        ``owner:branch``, or ""."""
        yield from map(pull_request, self.client.pages(f"{self._repository}/pulls", {"state": "open"}))

    # -- the conversation

    def comments(self) -> list[IssueComment]:
        """List the comments in the conversation, oldest first."""
        comments = self.client.pages(f"{self._repository}/issues/{self.number}/comments")
        return sorted(map(_comment, comments), key=lambda comment: comment.id)

    def create_comment(self, body: str) -> int:
        """Create a comment and return its id; 0 in a dry run."""
        answer = self.client.write("POST", f"{self._repository}/issues/{self.number}/comments", {"body": body})
        return number_of(answer.document, "id")

    def edit_comment(self, id: int, body: str) -> None:
        self.client.write("PATCH", f"{self._repository}/issues/comments/{id}", {"body": body})

    def delete_comment(self, id: int) -> None:
        self.client.write("DELETE", f"{self._repository}/issues/comments/{id}")

    # -- line comments

    def create_review(self, sha: str, comments: Sequence[Mapping[str, Any]]) -> None:
        document = {"commit_id": sha, "event": "COMMENT", "body": "", "comments": list(comments)}
        self.client.write("POST", f"{self._repository}/pulls/{self.number}/reviews", document)

    # -- the commit

    def create_status(self, sha: str, document: Mapping[str, str]) -> None:
        self.client.write("POST", f"{self._repository}/statuses/{sha}", document)


def pull_request(document: object) -> PullRequest:
    """Return the pull request of a response."""
    return PullRequest(
        number_of(document, "number"),
        text_of(document, "state") == "open",
        text_of(get_nested(document, "head"), "sha"),
        text_of(get_nested(document, "head", "repo"), "full_name"),
        text_of(get_nested(document, "base", "repo"), "full_name"),
    )


def _comment(document: object) -> IssueComment:
    author = text_of(get_nested(document, "user"), "login")
    return IssueComment(number_of(document, "id"), text_of(document, "node_id"), author, text_of(document, "body"))
