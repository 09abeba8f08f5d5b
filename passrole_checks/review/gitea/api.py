"""The adapter of :class:`passrole_checks.review.forge.Forge` for Gitea and Forgejo: the calls that they have beside
those of GitHub, and the fields that a review needs from them.

Their comments on lines belong to reviews; a thread is the comments on one line. They have no comments on whole files
(such a comment is at the first line of the file), no suggestions to apply, and no check runs. They accept any line. The
comments of a review that failed half-way stay pending, to be published with the next review of the same user: they are
deleted.

Sources: Gitea's API description (version 1.27) and Forgejo's (version 15): "repository" (reviews: ``new_position`` is a
line of HEAD; replies since Gitea 1.27, resolving since 1.26; Forgejo adds comments to a review and deletes them),
"user", "miscellaneous"; Gitea Docs, "API usage", sections on pagination (``limit``, ``X-Total-Count``) and
authentication, "Actions job token permissions", "Access token scopes"; Forgejo Docs, "Automatic token". Fields that a
response lacks are empty: its shape is not trusted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from passrole_checks.files.decoded_json import as_list, get_nested, number_of, text_of
from passrole_checks.git_versions.forge_links import GITEA
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.review.ci_context import GITEA_TOKENS, Context, PostOptions
from passrole_checks.review.forge import (
    Comment,
    DiffPosition,
    DraftThread,
    ForgeThread,
    ForgeTraits,
    ThreadState,
    positioned_comments,
)
from passrole_checks.review.http import Client, ForgeError, RateLimited, Response, at_page
from passrole_checks.review.markdown.markers import INLINE, CommentMarker, parse_marker, without_marker
from passrole_checks.review.markdown.summary import BUDGET
from passrole_checks.review.report import Anchor
from passrole_checks.review.repository_api import RepositoryApi
from passrole_checks.review.summary_comment import folded

if TYPE_CHECKING:
    import requests

_PENDING = "PENDING"
_MAX_REVIEW_COMMENTS = 30  # Gitea runs git for each
_GITEA_LOGIN, _FORGEJO_LOGIN = "gitea-actions", "forgejo-actions"  # the owners of a job's token
_VERSION = lazy_regex(r"(\d{1,6})\.(\d{1,6})")
_PAGE = lazy_regex(r"[?&]page=(\d{1,9})(?:&|$)")


@dataclass(frozen=True, slots=True)
class Server:
    """The software of a server. ``can_reply`` and ``can_resolve``: its API has these calls for review comments."""

    is_forgejo: bool = False
    can_reply: bool = False
    can_resolve: bool = False


@dataclass(frozen=True, slots=True)
class Review:
    """``state``: ``PENDING`` if only its author sees it. ``has_comments``: on lines."""

    id: int
    author: str
    state: str
    has_comments: bool


@dataclass(frozen=True, slots=True)
class CodeComment(Comment):
    """A comment on a line. ``line``: of HEAD; negative for a line of BASE."""

    path: str
    line: int
    review: int
    is_resolved: bool


@dataclass(frozen=True, slots=True)
class _Thread(ForgeThread):
    """``line`` and ``review``: of the first comment."""

    line: int = 0
    review: int = 0


class _Client(Client):
    """Follows pages by their number: some lists have no ``Link``, and others a server's configured address in it."""

    page_size: ClassVar[Mapping[str, str | int]] = {"limit": 50}

    def _answer(self, response: requests.Response, url: str, call: str) -> Response:
        response.headers.pop("link", None)
        answer = super()._answer(response, url, call)
        total, size = response.headers.get("x-total-count", ""), len(as_list(answer.document))
        match = _PAGE.search(url)
        page = int(match[1]) if match is not None else 1
        if not (total.isascii() and total.isdigit()) or not size or (page == 1 and size >= int(total)):
            return answer  # a list without a total has no pages; a server may have smaller pages than requested
        return replace(answer, next_url=at_page(url, page + 1))


class Gitea(RepositoryApi):
    """A pull request. Each call raises a :class:`ForgeError`."""

    tokens = " or ".join(GITEA_TOKENS)

    def __init__(self, context: Context, options: PostOptions, **how: Any) -> None:
        token = context.token
        secret = ("Authorization", f"token {token}") if token else None
        super().__init__(_Client(context.api_url, {}, secret, **how), context, options)
        self.traits = ForgeTraits(
            kind=GITEA,
            name="Forgejo" if context.is_forgejo else "Gitea",
            request="pull request",
            summary_budget=BUDGET,
            refusals=(400, 422),
            repeated_refusals=(500,),
            permission_statuses=(401, 403, 404),
            comment_permission="pull-requests: write (access token: write:issue, write:repository)",
            resolve_permission="write access to the pull requests",
            status_permission="contents: write (access token: write:repository)",
            has_suggestions=False,
        )
        self._has_pending = False  # a review that an earlier run may have left

    # -- server and user

    @cached_property
    def server(self) -> Server:
        version = text_of(self.client.get("/version").document, "version")
        is_forgejo = "+gitea-" in version  # Forgejo adds the version of Gitea that it is compatible with
        match = _VERSION.match(version)
        numbers = (int(match[1]), int(match[2])) if match is not None else (0, 0)
        is_gitea = not is_forgejo
        return Server(is_forgejo, is_gitea and numbers >= (1, 27), is_gitea and numbers >= (1, 26))

    def viewer(self) -> str:
        """Return the login that the token belongs to. If the token may not ask, it is taken to be that of a job."""
        try:
            return text_of(self.client.get("/user").document, "login")
        except ForgeError as error:
            if error.status not in (403, 404):
                raise
        return _FORGEJO_LOGIN if self.server.is_forgejo else _GITEA_LOGIN

    # -- the conversation

    def hide_comment(self, id: int) -> None:
        """Fold a comment, since Gitea cannot hide it. Its first line, the marker, stays."""
        body = text_of(self.client.get(f"{self.path}/issues/comments/{id}").document, "body")
        if (text := folded(body)) is not None:
            self.edit_comment(id, text)

    # -- reviews

    @property
    def _pull(self) -> str:
        return f"{self.path}/pulls/{self.number}"

    def reviews(self) -> list[Review]:
        """List the reviews, oldest first."""
        reviews = self.client.pages(f"{self._pull}/reviews")
        return sorted(map(_review, reviews), key=lambda review: review.id)

    def code_comments(self, review: int) -> list[CodeComment]:
        """List the comments of a review, oldest first."""
        comments = self.client.pages(f"{self._pull}/reviews/{review}/comments")
        return sorted(map(_code_comment, comments), key=lambda comment: comment.id)

    @cached_property
    def _author(self) -> str:
        return (self.options.author or self.viewer()).lower()

    # -- line comments

    def threads(self) -> list[ForgeThread]:
        reviews = self.reviews()
        self._has_pending = any(review.state == _PENDING for review in reviews)
        published = [review.id for review in reviews if review.has_comments and review.state != _PENDING]
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
        if self._has_pending:
            self._delete_pending()
        try:
            self.create_review(positioned_comments(drafts))
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
            if review.state == _PENDING and review.author.lower() == self._author:
                comments = self.code_comments(review.id)
                if comments and all(map(self._starts_thread, comments)):
                    self.client.write("DELETE", f"{self._pull}/reviews/{review.id}")

    def delete_thread(self, thread: ForgeThread) -> None:
        assert isinstance(thread, _Thread)
        review = f"{self._pull}/reviews/{thread.review}"
        if len(self.code_comments(thread.review)) == 1:
            self.client.write("DELETE", review)
        elif self.server.is_forgejo:
            self.client.write("DELETE", f"{review}/comments/{thread.comments[0].id}")
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
            self.client.write("POST", f"{self._pull}/comments/{thread.comments[0].id}/replies", {"body": body})
        elif self.server.is_forgejo:
            self.client.write("POST", f"{self._pull}/reviews/{thread.review}/comments", comment)
        else:
            self.create_review([{**comment, "body": _naming_items_of(thread, body)}])

    def resolve_thread(self, id: str) -> None:
        self.client.write("POST", f"{self.path}/pulls/comments/{id}/resolve")

    def permission_warning(self, missing: Mapping[str, Sequence[str]], refusal: str) -> str:
        needed = "; ".join(f"{permission} for {' and '.join(uses)}" for permission, uses in missing.items())
        return (
            f"warning: the token lacks permissions: {needed}. {self.traits.name} answered {refusal}. In pull requests"
            " from forks the job's token is read-only."
        )


def _review(document: object) -> Review:
    author = text_of(get_nested(document, "user"), "login")
    has_comments = get_nested(document, "comments_count") != 0
    return Review(number_of(document, "id"), author, text_of(document, "state"), has_comments)


def _code_comment(document: object) -> CodeComment:
    return CodeComment(
        number_of(document, "id"),
        text_of(get_nested(document, "user"), "login"),
        text_of(document, "body"),
        text_of(document, "path"),
        number_of(document, "position") or -number_of(document, "original_position"),
        number_of(document, "pull_request_review_id"),
        isinstance(get_nested(document, "resolver"), dict),
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
