"""The adapter of :class:`passrole_checks.review.forge.Forge` for GitHub.

Line comments are written as one review, without losing an item where GitHub refuses a position: three writes in the
normal case (review, summary, status).

Sources: GitHub Docs, "Permissions required for GitHub Apps" (the permission each call needs), "Workflow syntax",
``permissions``, "REST API endpoints for pull request reviews" (``comments``, ``event``), "REST API endpoints for pull
request review comments" (``side``, ``start_line`` only for several lines, ``subject_type: file``), "REST API endpoints
for issue comments", GraphQL API, "minimizeComment". GitHub refuses a whole review (422) for one line outside its diff,
and fails above 32 comments (https://github.com/reviewdog/reviewdog/issues/355).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from passrole_checks.git_versions.forge_links import GITHUB
from passrole_checks.review.acceptance import accept_items, with_unknown_acceptance
from passrole_checks.review.annotations import check_run_annotations
from passrole_checks.review.ci_context import GITHUB_TOKEN, Context, PostOptions
from passrole_checks.review.commit_status import post_status
from passrole_checks.review.forge import DiffPosition, DraftThread, ForgeThread, ForgeTraits, Target, ThreadState
from passrole_checks.review.github.api import ReviewComment, client
from passrole_checks.review.github.check_run import post_check_run
from passrole_checks.review.github.discussion import GitHubDiscussions
from passrole_checks.review.http import Client, ForgeError, Pace
from passrole_checks.review.markdown.summary import BUDGET, summary
from passrole_checks.review.posting import Posted, links_of, post_obstacle, post_review
from passrole_checks.review.pull_request import find_pull_request, is_current
from passrole_checks.review.report import Anchor, ReviewReport
from passrole_checks.review.repository_api import IssueComment

MAX_REVIEW_COMMENTS = 30

_TRAITS = ForgeTraits(
    kind=GITHUB,
    name="GitHub",
    request="pull request",
    summary_budget=BUDGET,
    refusals=(400, 422),
    repeated_refusals=(),
    permission_statuses=(403, 404),
    comment_permission="pull-requests: write",
    resolve_permission="`contents: write`",
)
_STATUSES, _CHECKS = "statuses: write", "checks: write"


def post(
    report: ReviewReport,
    context: Context,
    options: PostOptions,
    notify: Callable[[str], None],
    *,
    pace: Pace | None = None,
    out: Callable[[str], None] = print,
) -> Posted:
    """Post ``report`` on GitHub, as far as ``context`` and its token allow, and report by ``notify``, in sentences,
    what was done and what failed. Raises nothing for errors of GitHub.

    ``out`` receives each call of a dry run as one line of JSON.
    """
    if obstacle := post_obstacle(report, context, options, GITHUB_TOKEN):
        notify(f"Nothing posted on GitHub: {obstacle}")
        return Posted()
    calls = client(context.api_url, context.token, pace=pace, dry_run=out if options.dry_run else None)
    return post_review(_GitHubForge(calls, context, options), report, context, options, notify)


def accept(
    report: ReviewReport,
    context: Context,
    options: PostOptions,
    *,
    pace: Pace | None = None,
) -> ReviewReport:
    """Return ``report`` with the items that owners have accepted in the pull request, or in the one that a merge queue
    is about to merge. Raises nothing for errors of GitHub."""
    if not (context.can_be_commented or context.queued):
        return with_unknown_acceptance(report, "this run is not about a pull request")
    if obstacle := post_obstacle(report, context, replace(options, dry_run=False), GITHUB_TOKEN):
        return with_unknown_acceptance(report, obstacle.rstrip("."))
    calls = client(context.api_url, context.token, pace=pace)
    forge = (_QueuedForge if context.queued else _GitHubForge)(calls, context, options)
    return accept_items(report, forge, options.key, options.author)


class _GitHubForge(GitHubDiscussions):
    """A pull request. Each call raises a :class:`~passrole_checks.review.http.ForgeError`."""

    traits = _TRAITS

    def __init__(self, client: Client, context: Context, options: PostOptions) -> None:
        super().__init__(client, context.api_url, context.repository)
        self._context, self._options = context, options
        self._node_ids: dict[int, str] = {}  # GraphQL ids of the comments that were listed

    def find_request(self) -> Target:
        target = find_pull_request(self, self._context)
        self.number = target.number
        return target

    def is_current(self) -> bool:
        return is_current(self, self._context)

    # -- the conversation

    def comments(self) -> list[IssueComment]:
        comments = super().comments()
        self._node_ids |= {comment.id: comment.node_id for comment in comments}
        return comments

    def hide_comment(self, id: int) -> None:
        self.minimize(self._node_ids[id])

    # -- line comments

    def threads(self) -> list[ForgeThread]:
        comments = self.review_comments()
        threads: dict[int, list[ReviewComment]] = {
            comment.id: [comment] for comment in comments if not comment.reply_to
        }
        for comment in comments:
            if comment.reply_to in threads:
                threads[comment.reply_to].append(comment)
        return [ForgeThread(thread[0].node_id, thread[0].path, thread) for thread in threads.values()]

    def positions(self, anchors: Sequence[Anchor]) -> list[DiffPosition | None]:
        return [_position(anchor) if anchor.line else None for anchor in anchors]

    def batches(self, drafts: Sequence[DraftThread]) -> list[list[DraftThread]]:
        at_lines = [draft for draft in drafts if draft.position is not None]
        at_files = [draft for draft in drafts if draft.position is None]
        reviews = [
            at_lines[start : start + MAX_REVIEW_COMMENTS] for start in range(0, len(at_lines), MAX_REVIEW_COMMENTS)
        ]
        return [*reviews, *([draft] for draft in at_files)]

    def start_threads(self, drafts: Sequence[DraftThread], *, at_position: bool) -> None:
        head = self._context.head_sha
        if at_position:
            comments = [_review_comment(draft) for draft in drafts]
            self.create_review(head, comments)
        else:
            for draft in drafts:
                body = draft.body(at_position=False)
                comment = {"path": draft.file, "subject_type": "file", "body": body}
                self.create_review_comment(head, comment)

    def delete_thread(self, thread: ForgeThread) -> None:
        self.delete_review_comment(thread.comments[0].id)

    def thread_states(self, threads: Sequence[ForgeThread]) -> Mapping[str, ThreadState]:
        return {thread.first: ThreadState(thread.id, thread.is_resolved) for thread in self.graphql_threads()}

    def reply(self, thread: ForgeThread, body: str) -> None:
        self.reply_to(thread.comments[0].id, body)

    # -- the commit

    def publish_verdict(self, report: ReviewReport, on_error: Callable[[str, str, ForgeError], None]) -> None:
        context = self._context
        if self._options.status:
            try:
                post_status(self, report, context, self._options)
            except ForgeError as error:
                on_error("the commit status", _STATUSES, error)
        if self._options.check_run:
            text, annotations = summary(report, links_of(report, context)), check_run_annotations(report)
            try:
                post_check_run(self, report, context, self._options, text, annotations)
            except ForgeError as error:
                on_error("the check run", _CHECKS, error)

    def permission_warning(self, missing: Mapping[str, Sequence[str]], refusal: str) -> str:
        needed = "; ".join(f"{permission} (for {' and '.join(uses)})" for permission, uses in missing.items())
        warning = f"warning: the token lacks permissions: {needed}. GitHub answered {refusal}."
        if self._context.event == "pull_request":
            warning += " In pull requests from forks and by Dependabot the token is read-only: the documentation of"
            warning += " GitHub has workflows for them."
        return warning


class _QueuedForge(_GitHubForge):
    """The pull request that a merge queue is about to merge: its head is another commit than the one reviewed."""

    def find_request(self) -> Target:
        self.number = self._context.queued
        pull = self.pull(self.number)
        return Target(self.number) if pull is not None and pull.is_open else Target(0, "the pull request is not open")


def _position(anchor: Anchor) -> DiffPosition:
    fields: dict[str, Any] = {"path": anchor.file, "line": anchor.end_line, "side": "RIGHT"}
    if anchor.end_line > anchor.line:  # GitHub refuses a range of one line
        fields |= {"start_line": anchor.line, "start_side": "RIGHT"}
    return DiffPosition(anchor.end_line, fields)


def _review_comment(draft: DraftThread) -> dict[str, Any]:
    position = draft.position.fields if draft.position is not None else {}
    return {**position, "body": draft.body(at_position=True)}
