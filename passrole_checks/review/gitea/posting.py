"""The adapter of :class:`passrole_checks.review.forge.Forge` for Gitea and Forgejo.

Their comments on lines belong to reviews; a thread is the comments on one line. They have no comments on whole files
(such a comment is at the first line of the file), no suggestions to apply, and no check runs. They accept any line. The
comments of a review that failed half-way stay pending, to be published with the next review of the same user: they are
deleted.

Sources: Gitea's API description, CreatePullReviewOptions and CreatePullReviewComment (``new_position``: a line of
HEAD); Gitea Docs, "Actions job token permissions" and "Access token scopes"; Forgejo Docs, "Automatic token".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property

from passrole_checks.git_versions.forge_links import GITEA
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.review.ci_context import GITEA_TOKENS, Context, PostOptions
from passrole_checks.review.commit_status import post_status
from passrole_checks.review.forge import DiffPosition, DraftThread, ForgeThread, ForgeTraits, Target, ThreadState
from passrole_checks.review.gitea.api import PENDING, CodeComment, Gitea, client
from passrole_checks.review.http import Client, ForgeError, Pace, RateLimited
from passrole_checks.review.markdown.markers import INLINE, CommentMarker, parse_marker, without_marker
from passrole_checks.review.markdown.summary import BUDGET
from passrole_checks.review.posting import Posted, post_obstacle, post_review
from passrole_checks.review.pull_request import find_pull_request, is_current
from passrole_checks.review.report import Anchor, ReviewReport

_MAX_REVIEW_COMMENTS = 30  # Gitea runs git for each
_TRAITS = ForgeTraits(
    kind=GITEA,
    name="Gitea",
    request="pull request",
    summary_budget=BUDGET,
    refusals=(400, 422),
    repeated_refusals=(500,),
    permission_statuses=(401, 403, 404),
    comment_permission="pull-requests: write (access token: write:issue, write:repository)",
    resolve_permission="write access to the pull requests",
    has_suggestions=False,
)
_STATUSES = "contents: write (access token: write:repository)"


def post(
    report: ReviewReport,
    context: Context,
    options: PostOptions,
    notify: Callable[[str], None],
    *,
    pace: Pace | None = None,
    out: Callable[[str], None] = print,
) -> Posted:
    """Post ``report`` on Gitea or Forgejo, as far as ``context`` and its token allow, and report by ``notify``, in
    sentences, what was done and what failed. Raises nothing for errors of the forge.

    ``out`` receives each call of a dry run as one line of JSON.
    """
    forge_name = "Forgejo" if context.is_forgejo else "Gitea"
    if options.check_run:
        notify(f"{forge_name} has no check runs: the commit status is the verdict.")
    if obstacle := post_obstacle(report, context, options, " or ".join(GITEA_TOKENS)):
        notify(f"Nothing posted on {forge_name}: {obstacle}")
        return Posted()
    calls = client(context.api_url, context.token, pace=pace, dry_run=out if options.dry_run else None)
    return post_review(_GiteaForge(calls, context, options, forge_name), report, context, options, notify)


@dataclass(frozen=True, slots=True)
class _Thread(ForgeThread):
    """``line`` and ``review``: of the first comment."""

    line: int = 0
    review: int = 0


class _GiteaForge(Gitea):
    """A pull request. Each call raises a :class:`~passrole_checks.review.http.ForgeError`."""

    def __init__(self, client: Client, context: Context, options: PostOptions, name: str) -> None:
        super().__init__(client, context.repository)
        self.traits = replace(_TRAITS, name=name)
        self._context, self._options = context, options
        self._has_pending = False  # a review that an earlier run may have left

    def find_request(self) -> Target:
        target = find_pull_request(self, self._context)
        self.number = target.number
        return target

    def is_current(self) -> bool:
        return is_current(self, self._context)

    @cached_property
    def _author(self) -> str:
        return (self._options.author or self.viewer()).lower()

    # -- line comments

    def threads(self) -> list[ForgeThread]:
        reviews = self.reviews()
        self._has_pending = any(review.state == PENDING for review in reviews)
        published = [review.id for review in reviews if review.has_comments and review.state != PENDING]
        comments = [comment for review in published for comment in self.code_comments(review)]
        threads: dict[tuple[str, int], list[list[CodeComment]]] = {}
        for comment in sorted(comments, key=lambda comment: comment.id):
            on_line = threads.setdefault((comment.path, comment.line), [])
            thread = None if self._starts_thread(comment) else self._thread_of(comment, on_line)
            if thread is None:
                on_line.append([comment])
            else:
                thread.append(comment)
        found = [thread for on_line in threads.values() for thread in on_line]
        return sorted(map(_thread, found), key=lambda thread: thread.comments[0].id)

    def _starts_thread(self, comment: CodeComment) -> bool:
        """True for a line comment of this tool, on a line that may have an earlier thread."""
        marker = self._marker(comment)
        return marker is not None and marker.kind == INLINE

    def _thread_of(self, comment: CodeComment, on_line: Sequence[list[CodeComment]]) -> list[CodeComment] | None:
        """Return the thread on a line that a comment belongs to: that of its review; else the one with the items that
        our reply names; else the last one."""
        marker = self._marker(comment)
        items = marker.items if marker is not None else ()
        for thread in reversed(on_line):
            first = self._marker(thread[0])
            if thread[0].review == comment.review or (items and first is not None and first.items == items):
                return thread
        return on_line[-1] if on_line else None

    def _marker(self, comment: CodeComment) -> CommentMarker | None:
        return parse_marker(comment.body) if comment.author.lower() == self._author else None

    def positions(self, anchors: Sequence[Anchor]) -> list[DiffPosition | None]:
        return [
            DiffPosition(anchor.end_line, {"path": anchor.file, "new_position": anchor.end_line or 1})
            for anchor in anchors
        ]

    def batches(self, drafts: Sequence[DraftThread]) -> list[list[DraftThread]]:
        starts = range(0, len(drafts), _MAX_REVIEW_COMMENTS)
        return [list(drafts[start : start + _MAX_REVIEW_COMMENTS]) for start in starts]

    def start_threads(self, drafts: Sequence[DraftThread], *, at_position: bool) -> None:
        if not at_position:
            raise ForgeError("POST reviews", 422, "there are no comments outside of lines")
        comments = [
            {**draft.position.fields, "body": draft.body(at_position=True)}
            for draft in drafts
            if draft.position is not None
        ]
        if self._has_pending:
            self._delete_pending()
        try:
            self.create_review(self._context.head_sha, comments)
        except ForgeError:
            self._delete_pending()
            raise

    def _delete_pending(self) -> None:
        """Delete the remains of a review that failed half-way; no review with a comment of a person. An error of this
        is none of a position, and no write may follow it, since that would publish them."""
        try:
            self._delete_own_pending()
        except RateLimited:
            raise
        except ForgeError as error:
            status = error.status if error.status in self.traits.permission_statuses else 0
            raise ForgeError(error.call, status, f"a pending review is in the way: {error.reason}") from error
        self._has_pending = False

    def _delete_own_pending(self) -> None:
        for review in self.reviews():
            if review.state == PENDING and review.author.lower() == self._author:
                comments = self.code_comments(review.id)
                if comments and all(map(self._starts_thread, comments)):
                    self.delete_review(review.id)

    def delete_thread(self, thread: ForgeThread) -> None:
        assert isinstance(thread, _Thread)
        if len(self.code_comments(thread.review)) == 1:
            self.delete_review(thread.review)
        elif self.server.is_forgejo:
            self.delete_code_comment(thread.review, thread.comments[0].id)
        else:
            raise ForgeError("DELETE reviews", 422, "one of several comments of a review cannot be deleted")

    def thread_states(self, threads: Sequence[ForgeThread]) -> Mapping[str, ThreadState]:
        return {
            thread.id: ThreadState(thread.id, thread.is_resolved)
            for thread in threads
            if thread.is_resolved or self.server.can_resolve
        }

    def reply(self, thread: ForgeThread, body: str) -> None:
        assert isinstance(thread, _Thread)
        position = {"old_position": -thread.line} if thread.line < 0 else {"new_position": thread.line}
        comment = {"path": thread.file, **position, "body": body}
        if self.server.can_reply:
            self.reply_to(thread.comments[0].id, body)
        elif self.server.is_forgejo:
            self.add_to_review(thread.review, comment)
        else:
            self.create_review(self._context.head_sha, [{**comment, "body": _naming_items_of(thread, body)}])

    def resolve_thread(self, id: str) -> None:
        self.resolve(int(id))

    # -- the commit

    def publish_verdict(self, report: ReviewReport, on_error: Callable[[str, str, ForgeError], None]) -> None:
        if self._options.status:
            try:
                post_status(self, report, self._context, self._options)
            except ForgeError as error:
                on_error("the commit status", _STATUSES, error)

    def permission_warning(self, missing: Mapping[str, Sequence[str]], refusal: str) -> str:
        needed = "; ".join(f"{permission} for {' and '.join(uses)}" for permission, uses in missing.items())
        return (
            f"warning: the token lacks permissions: {needed}. {self.traits.name} answered {refusal}. In pull requests"
            " from forks the job's token is read-only."
        )


def _thread(comments: Sequence[CodeComment]) -> _Thread:
    first = comments[0]
    return _Thread(str(first.id), first.path, comments, first.is_resolved, first.line, first.review)


def _naming_items_of(thread: ForgeThread, body: str) -> str:
    """Return a reply that names the items of its thread: on the line there may be others."""
    first, reply = parse_marker(thread.comments[0].body), parse_marker(body)
    if first is None or reply is None:
        return body
    return replace(reply, items=first.items).prepend_to(without_marker(body))
