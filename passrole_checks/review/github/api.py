"""The adapter of :class:`passrole_checks.review.forge.Forge` for GitHub: its API calls, and the fields that a review
needs from the responses.

Line comments are written as one review, without losing an item where GitHub refuses a position: three writes in the
normal case (review, summary, status).

Sources: GitHub Docs, "Permissions required for GitHub Apps" (the permission each call needs), "Workflow syntax",
``permissions``; REST API: "Users" (the authenticated user), "Pull requests", "Commits" (pull requests of a commit),
"Issue comments", "Pull request reviews" (``comments``, ``event``), "Pull request review comments" (``side``,
``start_line`` only for several lines, ``subject_type: file``; replies); GraphQL API: queries ``viewer`` and
``reviewThreads``, mutations ``resolveReviewThread`` and ``minimizeComment``. GitHub refuses a whole review (422) for
one line outside its diff, and fails above 32 comments (https://github.com/reviewdog/reviewdog/issues/355). Fields that
a response lacks are empty: its shape is not trusted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from passrole_checks.files.decoded_json import as_list, get_nested, number_of, text_of
from passrole_checks.git_versions.forge_links import GITHUB
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.review.annotations import check_run_annotations
from passrole_checks.review.ci_context import GITHUB_TOKEN, Context, PostOptions
from passrole_checks.review.forge import (
    Comment,
    DiffPosition,
    DraftThread,
    ForgeThread,
    ForgeTraits,
    Target,
    ThreadState,
    positioned_comments,
)
from passrole_checks.review.github.check_run import post_check_run
from passrole_checks.review.graphql import data_of, pages_of
from passrole_checks.review.http import Client, ForgeError
from passrole_checks.review.markdown.summary import BUDGET, summary
from passrole_checks.review.posting import links_of
from passrole_checks.review.report import Anchor, ReviewReport
from passrole_checks.review.repository_api import IssueComment, PullRequest, RepositoryApi, pull_request

API_VERSION = "2022-11-28"
ACTIONS_LOGIN = "github-actions[bot]"  # the owner of a workflow's GITHUB_TOKEN
_MAX_REVIEW_COMMENTS = 30

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
class ReviewComment(Comment):
    """A comment on a line or file. ``reply_to``: the id of the first comment of its thread, 0 for that comment."""

    node_id: str
    path: str
    reply_to: int


class GitHub(RepositoryApi):
    """A pull request. Each call raises a :class:`ForgeError`."""

    traits = ForgeTraits(
        kind=GITHUB,
        name="GitHub",
        request="pull request",
        summary_budget=BUDGET,
        refusals=(400, 422),
        repeated_refusals=(),
        permission_statuses=(403, 404),
        comment_permission="pull-requests: write",
        resolve_permission="`contents: write`",
        status_permission="statuses: write",
        has_check_runs=True,
    )
    tokens = GITHUB_TOKEN

    def __init__(self, context: Context, options: PostOptions, **how: Any) -> None:
        api, token = context.api_url, context.token
        headers = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": API_VERSION}
        secret = ("Authorization", f"Bearer {token}") if token else None
        super().__init__(Client(api, headers, secret, **how), context, options)
        # https://docs.github.com/en/enterprise-server, "Forming calls with GraphQL": beside /api/v3, not below it
        self._graphql = f"{api.removesuffix('/v3')}/graphql" if api.endswith("/api/v3") else "/graphql"
        self._node_ids: dict[int, str] = {}  # GraphQL ids of the comments that were listed

    # -- user and pull requests

    def viewer(self) -> str:
        """Return the login that the token belongs to. An installation token may not read ``/user``; GraphQL's
        ``viewer`` answers instead. If neither answers, it is taken to be the token of a workflow."""
        for is_graphql in (False, True):
            try:
                user = self._query(_VIEWER, {}).get("viewer") if is_graphql else self.client.get("/user").document
                if login := text_of(user, "login"):
                    return login
            except ForgeError as error:
                if error.status in (0, 401, 429) or error.status >= 500:
                    raise
        return ACTIONS_LOGIN

    def find_request(self) -> Target:
        """Find the pull request; for a merge queue the one that it is about to merge, whose head is another commit than
        the one reviewed."""
        if not self.context.queued:
            return super().find_request()
        self.number = self.context.queued
        pull = self.pull(self.number)
        return Target(self.number) if pull is not None and pull.is_open else Target(0, "the pull request is not open")

    def pulls_with(self, sha: str, head: str) -> Iterator[PullRequest]:
        """Yield pull requests that may have the commit ``sha`` as their head. First those that GitHub associates with
        it; then the open ones of ``head`` (``owner:branch``, or ""), since it does not associate all commits of
        forks."""
        try:
            yield from map(pull_request, self.client.pages(f"{self.path}/commits/{sha}/pulls"))
        except ForgeError as error:
            if error.status not in (403, 404, 409, 422):
                raise
        if head:
            yield from map(pull_request, self.client.pages(f"{self.path}/pulls", {"state": "open", "head": head}))

    # -- the conversation

    def comments(self) -> Sequence[IssueComment]:
        comments = super().comments()
        self._node_ids |= {comment.id: comment.node_id for comment in comments}
        return comments

    def hide_comment(self, id: int) -> None:
        self._mutate(_MINIMIZE, {"id": self._node_ids[id]})

    # -- labels

    def labels(self) -> list[str]:
        """Return the names of the labels."""
        labels = self.client.pages(f"{self.path}/issues/{self.number}/labels")
        return [text_of(label, "name") for label in labels]

    def add_label(self, name: str) -> None:
        """Add a label; GitHub creates it if the repository has none of that name."""
        self.client.write("POST", f"{self.path}/issues/{self.number}/labels", {"labels": [name]})

    def remove_label(self, name: str) -> None:
        self.client.write("DELETE", f"{self.path}/issues/{self.number}/labels/{quote(name, safe='')}")

    # -- line comments

    def threads(self) -> list[ForgeThread]:
        comments = sorted(
            map(_review_comment, self.client.pages(f"{self.path}/pulls/{self.number}/comments")),
            key=lambda comment: comment.id,
        )
        threads = {comment.id: [comment] for comment in comments if not comment.reply_to}
        for comment in comments:
            if comment.reply_to in threads:
                threads[comment.reply_to].append(comment)
        return [ForgeThread(thread[0].node_id, thread[0].path, thread) for thread in threads.values()]

    def positions(self, anchors: Sequence[Anchor]) -> list[DiffPosition | None]:
        return [_position(anchor) if anchor.line else None for anchor in anchors]

    def batches(self, drafts: Sequence[DraftThread]) -> list[list[DraftThread]]:
        at_lines = [draft for draft in drafts if draft.position is not None]
        starts = range(0, len(at_lines), _MAX_REVIEW_COMMENTS)
        reviews = [at_lines[start : start + _MAX_REVIEW_COMMENTS] for start in starts]
        return [*reviews, *([draft] for draft in drafts if draft.position is None)]

    def start_threads(self, drafts: Sequence[DraftThread], *, at_position: bool) -> None:
        if at_position:
            self.create_review(positioned_comments(drafts))
            return
        for draft in drafts:
            comment = {"path": draft.file, "subject_type": "file", "body": draft.body(at_position=False)}
            document = {"commit_id": self.context.head_sha, **comment}
            self.client.write("POST", f"{self.path}/pulls/{self.number}/comments", document)

    def delete_thread(self, thread: ForgeThread) -> None:
        self.client.write("DELETE", f"{self.path}/pulls/comments/{thread.comments[0].id}")

    def thread_states(self, threads: Sequence[ForgeThread]) -> Mapping[str, ThreadState]:
        """Return the states of the review threads, which only GraphQL has."""
        pages = self.pages_of(_THREADS, "reviewThreads") if not self.client.skips_reads else ()
        states: dict[str, ThreadState] = {}
        for node in (node for page in pages for node in page["reviewThreads"]["nodes"]):
            first = as_list(get_nested(node, "comments", "nodes"))[:1]
            state = ThreadState(text_of(node, "id"), get_nested(node, "isResolved") is True)
            states[text_of(first[0], "id") if first else ""] = state
        return states

    def reply(self, thread: ForgeThread, body: str) -> None:
        path = f"{self.path}/pulls/{self.number}/comments/{thread.comments[0].id}/replies"
        self.client.write("POST", path, {"body": body})

    def resolve_thread(self, id: str) -> None:
        self._mutate(_RESOLVE, {"id": id})

    # -- the commit

    def publish_verdict(self, report: ReviewReport, on_error: Callable[[str, str, ForgeError], None]) -> None:
        super().publish_verdict(report, on_error)
        if self.options.check_run:
            text = summary(report, links_of(report, self.context))
            try:
                post_check_run(self, report, text, check_run_annotations(report))
            except ForgeError as error:
                on_error("the check run", "checks: write", error)

    def permission_warning(self, missing: Mapping[str, Sequence[str]], refusal: str) -> str:
        needed = "; ".join(f"{permission} (for {' and '.join(uses)})" for permission, uses in missing.items())
        warning = f"warning: the token lacks permissions: {needed}. GitHub answered {refusal}."
        if self.context.event == "pull_request":
            warning += " In pull requests from forks and by Dependabot the token is read-only: the documentation of"
            warning += " GitHub has workflows for them."
        return warning

    # -- GraphQL

    def _query(self, query: str, variables: Mapping[str, Any]) -> Mapping[str, Any]:
        return data_of(self.client.query(self._graphql, {"query": query, "variables": dict(variables)}))

    def pages_of(self, query: str, connection: str) -> Iterator[Mapping[str, Any]]:
        """Yield the pull request in each page of a connection. Raise an error if it cannot be read in full."""

        owner, _, name = self.context.repository.partition("/")
        request = {"owner": owner, "name": name, "number": self.number}

        def ask(page: Mapping[str, Any]) -> Mapping[str, Any]:
            return self._query(query, {**request, **page})

        return pages_of(ask, ("repository", "pullRequest"), connection)

    def _mutate(self, query: str, variables: Mapping[str, Any]) -> None:
        data_of(self.client.write("POST", self._graphql, {"query": query, "variables": dict(variables)}))


def _review_comment(document: object) -> ReviewComment:
    return ReviewComment(
        number_of(document, "id"),
        text_of(get_nested(document, "user"), "login"),
        text_of(document, "body"),
        text_of(document, "node_id"),
        text_of(document, "path"),
        number_of(document, "in_reply_to_id"),
    )


def _position(anchor: Anchor) -> DiffPosition:
    fields: dict[str, Any] = {"path": anchor.file, "line": anchor.end_line, "side": "RIGHT"}
    if anchor.end_line > anchor.line:  # GitHub refuses a range of one line
        fields |= {"start_line": anchor.line, "start_side": "RIGHT"}
    return DiffPosition(anchor.end_line, fields)
