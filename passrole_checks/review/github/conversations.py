"""The threads that earlier runs began at lines, and what has become of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from passrole_checks.review.github.api import GitHub, ReviewComment
from passrole_checks.review.http import ForgeError, Uncertain
from passrole_checks.review.markdown.markers import FIXED, INLINE, CommentMarker, parse


@dataclass(frozen=True, slots=True)
class ReviewThread:
    """A thread whose first comment is ours. ``keys``: of the items that it is about. ``run``: the number of the run
    that began it. ``is_answered``: we have said in it that all of them are fixed. ``about``: the files that the items
    stand in, by their marks."""

    first: ReviewComment
    keys: frozenset[str]
    run: int
    is_answered: bool
    about: frozenset[str] = frozenset()

    @property
    def file(self) -> str:
        """Where it stands."""
        return self.first.path


def conversations(comments: Sequence[ReviewComment], key: str, author: str) -> list[ReviewThread]:
    """Those of the review ``key``, by their markers; only what ``author`` wrote counts."""
    answered = {comment.reply_to for comment in comments if _marker(comment, FIXED, key, author) is not None}
    found = []
    for comment in comments:
        marker = _marker(comment, INLINE, key, author)
        if marker is not None and not comment.reply_to:
            keys, about = frozenset(marker.items), frozenset(marker.files)
            found.append(ReviewThread(comment, keys, marker.run, comment.id in answered, about))
    return found


def end(github: GitHub, number: int, ended: Sequence[ReviewThread], body: str, author: str) -> tuple[int, str]:
    """Replies ``body`` in each of them and resolves it; gives how many, and why some could not be resolved, or "".

    What somebody resolved is left alone. Replies go first: a token may be allowed to write them and not to resolve
    (GitHub asks for ``contents: write`` there), and then the reply alone stands, once. Raises a
    :class:`~passrole_checks.review.http.ForgeError` where not even a reply can be written.
    """
    if not ended:
        return 0, ""
    refused = ""
    try:
        threads = {thread.first: thread for thread in github.threads(number)}
    except ForgeError as error:
        threads, refused = {}, error.reason
    replied = 0
    for conversation in ended:
        thread = threads.get(conversation.first.node_id)
        if thread is not None and thread.is_resolved:
            continue
        _reply(github, number, conversation, body, author)
        replied += 1
        if thread is not None and not refused:
            try:
                _resolve(github, thread.id)
            except ForgeError as error:
                refused = error.reason
    return replied, refused


def _resolve(github: GitHub, thread: str) -> None:
    try:
        github.resolve(thread)
    except Uncertain:
        github.resolve(thread)  # the same twice is the same


def _reply(github: GitHub, number: int, conversation: ReviewThread, body: str, author: str) -> None:
    id = conversation.first.id
    try:
        github.reply(number, id, body)
    except Uncertain:
        marker = parse(body)
        key = marker.key if marker is not None else ""
        again = conversations(github.review_comments(number), key, author)
        if not any(each.first.id == id and each.is_answered for each in again):
            github.reply(number, id, body)
    except ForgeError as error:
        if error.status != 404:  # somebody has deleted the thread
            raise


def _marker(comment: ReviewComment, kind: str, key: str, author: str) -> CommentMarker | None:
    if comment.author.lower() != author.lower():
        return None
    marker = parse(comment.body)
    return marker if marker is not None and (marker.kind, marker.key) == (kind, key) else None
