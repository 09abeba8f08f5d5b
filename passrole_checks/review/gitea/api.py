"""The calls of a review that Gitea and Forgejo have beside those of GitHub, and the fields that it needs from them.

Sources: Gitea's API description (version 1.27) and Forgejo's (version 15): "repository" (reviews; replies since Gitea
1.27, resolving since 1.26; Forgejo adds comments to a review and deletes them), "user", "miscellaneous"; Gitea Docs,
"API usage", sections on pagination (``limit``, ``X-Total-Count``) and authentication. Fields that a response lacks are
empty: its shape is not trusted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from passrole_checks.files.decoded_json import as_list, get_nested, number_of, text_of
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.review.http import Client, ForgeError, Pace, Response, at_page
from passrole_checks.review.repository_api import RepositoryApi
from passrole_checks.review.summary_comment import folded

if TYPE_CHECKING:
    import requests

PENDING = "PENDING"
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
    """``state``: :data:`PENDING` if only its author sees it. ``has_comments``: on lines."""

    id: int
    author: str
    state: str
    has_comments: bool


@dataclass(frozen=True, slots=True)
class CodeComment:
    """A comment on a line. ``line``: of HEAD; negative for a line of BASE."""

    id: int
    author: str
    body: str
    path: str
    line: int
    review: int
    is_resolved: bool


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


def client(api: str, token: str, *, pace: Pace | None = None, dry_run: Callable[[str], None] | None = None) -> Client:
    """Return a client of the API at ``api``, which ends in ``/api/v1``."""
    return _Client(api, {}, ("Authorization", f"token {token}") if token else None, pace=pace, dry_run=dry_run)


class Gitea(RepositoryApi):
    """The API calls for ``repository`` (``owner/name``) and its pull request ``number``; each raises a
    :class:`ForgeError`."""

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
        body = text_of(self.client.get(f"{self._repository}/issues/comments/{id}").document, "body")
        if (text := folded(body)) is not None:
            self.edit_comment(id, text)

    # -- reviews

    def reviews(self) -> list[Review]:
        """List the reviews, oldest first."""
        reviews = self.client.pages(f"{self._pull}/reviews")
        return sorted(map(_review, reviews), key=lambda review: review.id)

    def code_comments(self, review: int) -> list[CodeComment]:
        """List the comments of a review, oldest first."""
        comments = self.client.pages(f"{self._pull}/reviews/{review}/comments")
        return sorted(map(_code_comment, comments), key=lambda comment: comment.id)

    def delete_review(self, id: int) -> None:
        self.client.write("DELETE", f"{self._pull}/reviews/{id}")

    def delete_code_comment(self, review: int, id: int) -> None:
        """Delete one of several comments of a review (Forgejo)."""
        self.client.write("DELETE", f"{self._pull}/reviews/{review}/comments/{id}")

    def add_to_review(self, review: int, comment: Mapping[str, Any]) -> None:
        """Add a comment to a review (Forgejo)."""
        self.client.write("POST", f"{self._pull}/reviews/{review}/comments", comment)

    def reply_to(self, comment: int, body: str) -> None:
        """Reply to a comment on a line (Gitea 1.27)."""
        self.client.write("POST", f"{self._pull}/comments/{comment}/replies", {"body": body})

    def resolve(self, comment: int) -> None:
        """Resolve the thread of a comment on a line (Gitea 1.26)."""
        self.client.write("POST", f"{self._repository}/pulls/comments/{comment}/resolve")

    @property
    def _pull(self) -> str:
        return f"{self._repository}/pulls/{self.number}"


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
