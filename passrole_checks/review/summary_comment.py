"""The one summary in the conversation of a request to merge, found again by its marker and its author.

It knows no forge: whatever gives the calls of :class:`Conversation` can hold the summary.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from passrole_checks.review.http import ForgeError, Uncertain
from passrole_checks.review.markdown.markers import CommentMarker, parse, says_the_same

WRITTEN, WRITTEN_NOT_HIDDEN = "written", "written, and the one before could not be hidden"
AS_IT_WAS, NOT_NEEDED, LEFT_TO_NEWER = "as it was", "not needed", "left to a newer run"


class Comment(Protocol):
    """A comment; later ones have greater numbers. ``author``: the name by which the forge tells users apart."""

    @property
    def id(self) -> int: ...

    @property
    def author(self) -> str: ...

    @property
    def body(self) -> str: ...


class Conversation(Protocol):
    """What is said about one request. Each call raises a :class:`~passrole_checks.review.http.ForgeError`."""

    @property
    def is_dry(self) -> bool:
        """Whether nothing is really written."""

    def comments(self) -> Sequence[Comment]:
        """All of them, oldest first."""

    def create_comment(self, body: str) -> int:
        """Gives its number."""

    def edit_comment(self, id: int, body: str) -> None: ...

    def delete_comment(self, id: int) -> None: ...

    def hide_comment(self, id: int) -> None:
        """Makes it small, as one that is outdated."""


def post_summary(
    conversation: Conversation,
    told: Callable[[bool], str],
    marker: CommentMarker,
    author: str,
    mode: str,
    *,
    is_wanted: bool,
) -> str:
    """Brings a summary into the conversation, by ``mode`` (``update``, ``new``, ``hide-and-new``). Gives what was done,
    one of the words above; raises a :class:`~passrole_checks.review.http.ForgeError`.

    ``told`` gives its text, when it is told whether there was one before. ``marker`` is the comment's own. A comment is
    ours if its first line is a marker of the same review and ``author`` wrote it. ``is_wanted``: whether there is
    anything to begin a comment for; one that is there is always kept true.
    """
    return _Summary(conversation, told, marker, author, mode).brought(is_wanted=is_wanted)


class _Summary:
    def __init__(
        self, conversation: Conversation, told: Callable[[bool], str], marker: CommentMarker, author: str, mode: str
    ) -> None:
        self._conversation, self._told, self._marker, self._author = conversation, told, marker, author
        self._mode = mode

    def brought(self, *, is_wanted: bool) -> str:
        ours = self._ours()
        if not ours and not is_wanted:
            return NOT_NEEDED
        body = self._marker.on(self._told(bool(ours)))
        if not ours:
            self._create(body)
            return WRITTEN
        present = ours[0] if self._mode == "update" else ours[-1]
        if self._is_newer(present):
            return LEFT_TO_NEWER
        if says_the_same(present.body, body):
            return AS_IT_WAS
        if self._mode == "update":
            self._edit(present, body)
            return WRITTEN
        self._create(body)
        if self._mode == "hide-and-new":  # those before it were hidden when it came
            try:
                self._conversation.hide_comment(present.id)
            except ForgeError:
                return WRITTEN_NOT_HIDDEN
        return WRITTEN

    def _ours(self) -> list[Comment]:
        return [
            comment
            for comment in self._conversation.comments()
            if comment.author.lower() == self._author.lower()
            and (found := parse(comment.body)) is not None
            and found.is_one_with(self._marker)
        ]

    def _is_newer(self, comment: Comment) -> bool:
        """Whether a later run wrote it, about the same commit. A comment about another commit is older: this run's is
        the head."""
        found, marker = parse(comment.body), self._marker
        return found is not None and found.head == marker.head and bool(marker.run) and found.order > marker.order

    def _edit(self, comment: Comment, body: str) -> None:
        try:
            try:
                self._conversation.edit_comment(comment.id, body)
            except Uncertain:
                self._conversation.edit_comment(comment.id, body)  # the same twice is the same
        except ForgeError as error:
            if error.status != 404 or any(each.id == comment.id for each in self._ours()):
                raise
            self._create(body)  # somebody has deleted it meanwhile

    def _create(self, body: str) -> None:
        before = {comment.id for comment in self._ours()} if self._mode != "update" else set()
        try:
            created = self._conversation.create_comment(body)
        except Uncertain:
            came = [comment for comment in self._ours() if comment.id not in before]
            mine = [comment for comment in came if says_the_same(comment.body, body)]
            created = mine[-1].id if mine else self._conversation.create_comment(body)
        if self._mode == "update" and not self._conversation.is_dry:
            self._yield_to_oldest(created, body)

    def _yield_to_oldest(self, created: int, body: str) -> None:
        """Two runs at the same time have both found no comment: the oldest one stays, and the other run takes its
        away."""
        ours = self._ours()
        if not ours or created <= ours[0].id or not any(comment.id == created for comment in ours):
            return
        self._conversation.delete_comment(created)
        if not self._is_newer(ours[0]) and not says_the_same(ours[0].body, body):
            self._edit(ours[0], body)
