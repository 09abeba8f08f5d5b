"""The calls that GitHub and Gitea have in common, and the fields that a review needs from the responses.

The pull request to comment on is found by asking the forge and not by data from the pull request.

Sources: GitHub Docs, "Events that trigger workflows" (workflow_run), REST API: "Commits" (pull requests of a commit),
"Pull requests" (``head``), "Issue comments", "Commit statuses"; Gitea's API description: "repository" and "issue".
Fields that a response lacks are empty: its shape is not trusted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from passrole_checks.files.decoded_json import get_nested, number_of, text_of
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.review.ci_context import Context, PostOptions
from passrole_checks.review.commit_status import status_document
from passrole_checks.review.forge import Comment, ForgeTraits, Target
from passrole_checks.review.http import Client, ForgeError, repeat_if_uncertain
from passrole_checks.review.posting import is_report_of
from passrole_checks.review.report import ReviewReport


@dataclass(frozen=True, slots=True)
class PullRequest:
    """``head_repository``: "" if it was deleted."""

    number: int
    is_open: bool
    head_sha: str
    head_repository: str
    base_repository: str


@dataclass(frozen=True, slots=True)
class IssueComment(Comment):
    """A comment in the conversation of a pull request. ``node_id``: GitHub's id for GraphQL."""

    node_id: str


class RepositoryApi:
    """The repository and the pull request ``number`` of a context; each call raises a
    :class:`~passrole_checks.review.http.ForgeError`. ``path``: of the API of the repository. ``tokens``: the names of
    the variables that the token is from."""

    traits: ForgeTraits
    tokens = ""

    def __init__(self, client: Client, context: Context, options: PostOptions) -> None:
        self.client, self.context, self.options = client, context, options
        self.number = 0  # set it before calls about a pull request
        self.path = f"/repos/{context.repository}"

    @property
    def is_dry(self) -> bool:
        return self.client.is_dry

    def obstacle(self, report: ReviewReport) -> str:
        if not (self.context.has_token or self.is_dry):
            return f"no token ({self.tokens})."
        if not (self.context.repository and self.context.api_url):
            return "unknown repository (GITHUB_REPOSITORY)."
        if not is_report_of(report, self.context):
            return "the report is about another commit than this run."
        return ""

    # -- pull requests

    def find_request(self) -> Target:
        """Find the open pull request whose head is still the reviewed commit. If the event names none
        (``workflow_run``), it is the pull request with the head commit and head repository of the run according to the
        forge."""
        context = self.context
        if not context.head_sha:
            return Target(0, "the reviewed commit is unknown")
        if not context.number:
            return self._find_by_commit()
        pull = self.pull(context.number)
        if pull is not None and not pull.is_open:
            return Target(0, "the pull request is closed")
        if pull is not None and pull.head_sha != context.head_sha:
            return Target(0, f"the pull request has a newer commit than {context.head_sha[:12]}; a later run posts")
        self.number = context.number
        return Target(context.number)

    def _find_by_commit(self) -> Target:
        context = self.context
        owner = context.head_repository.partition("/")[0]
        head = f"{owner}:{context.head_branch}" if owner and context.head_branch else ""
        expected = (True, context.head_sha, context.head_repository.lower(), context.repository.lower())
        numbers = sorted({
            pull.number
            for pull in self.pulls_with(context.head_sha, head)
            if (pull.is_open, pull.head_sha, pull.head_repository.lower(), pull.base_repository.lower()) == expected
        })  # fmt: skip
        if len(numbers) == 1:
            self.number = numbers[0]
            return Target(self.number)
        if numbers:
            listed = ", ".join(map(str, numbers))
            return Target(0, f"several open pull requests ({listed}) have the reviewed commit as their head")
        return Target(0, f"no open pull request has commit {context.head_sha[:12]} as its head")

    def is_current(self) -> bool:
        pull = self.pull(self.number)
        return pull is None or (pull.is_open and pull.head_sha == self.context.head_sha)

    def pull(self, number: int) -> PullRequest | None:
        """Return the pull request; None in a dry run without a token."""
        document = self.client.get(f"{self.path}/pulls/{number}").document
        return pull_request(document) if document is not None else None

    def pulls_with(self, sha: str, head: str) -> Iterator[PullRequest]:
        """Yield pull requests that may have the commit ``sha`` as their head: all open ones. ``head``: where it is, as
        ``owner:branch``, or ""."""
        yield from map(pull_request, self.client.pages(f"{self.path}/pulls", {"state": "open"}))

    # -- the conversation

    def comments(self) -> Sequence[IssueComment]:
        """List the comments in the conversation, oldest first."""
        comments = self.client.pages(f"{self.path}/issues/{self.number}/comments")
        return sorted(map(_comment, comments), key=lambda comment: comment.id)

    def create_comment(self, body: str) -> int:
        answer = self.client.write("POST", f"{self.path}/issues/{self.number}/comments", {"body": body})
        return number_of(answer.document, "id")

    def edit_comment(self, id: int, body: str) -> None:
        self.client.write("PATCH", f"{self.path}/issues/comments/{id}", {"body": body})

    def delete_comment(self, id: int) -> None:
        self.client.write("DELETE", f"{self.path}/issues/comments/{id}")

    # -- line comments

    def create_review(self, comments: Sequence[Mapping[str, Any]]) -> None:
        document = {"commit_id": self.context.head_sha, "event": "COMMENT", "body": "", "comments": list(comments)}
        self.client.write("POST", f"{self.path}/pulls/{self.number}/reviews", document)

    # -- the commit

    def publish_verdict(self, report: ReviewReport, on_error: Callable[[str, str, ForgeError], None]) -> None:
        if self.options.status:
            document = status_document(report, self.context, self.options)
            try:
                repeat_if_uncertain(
                    self.client.write, "POST", f"{self.path}/statuses/{self.context.head_sha}", document
                )
            except ForgeError as error:
                on_error("the commit status", self.traits.status_permission, error)


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
    return IssueComment(number_of(document, "id"), author, text_of(document, "body"), text_of(document, "node_id"))
