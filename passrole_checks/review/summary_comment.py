"""Keep one summary comment in the conversation of a pull or merge request, identified by its marker and author."""

from __future__ import annotations

from collections.abc import Callable

from passrole_checks.review.forge import Comment, Forge
from passrole_checks.review.http import ForgeError, Uncertain, repeat_if_uncertain
from passrole_checks.review.markdown.markers import CommentMarker, is_same_text, parse_marker

POSTED, POSTED_NOT_HIDDEN = "posted", "posted; the previous one could not be hidden"
UNCHANGED, NOT_NEEDED, SUPERSEDED = "unchanged", "not needed", "skipped, a newer run has posted one"


_OUTDATED = "<details><summary>Outdated: superseded by a later run</summary>"


def post_summary(
    forge: Forge, render: Callable[[bool], str], marker: CommentMarker, author: str, mode: str, *, is_wanted: bool
) -> str:
    """Post a summary by ``mode`` (``update``, ``new``, ``hide-and-new``). Return the outcome, one of the constants
    above. Raise a :class:`~passrole_checks.review.http.ForgeError`.

    ``render`` returns the text; its argument is True if there is an earlier summary. ``marker`` is that of the comment.
    A comment is ours if its first line is a marker of the same review and ``author`` wrote it. ``is_wanted``: create a
    first comment if there is none; an existing one is always updated.
    """
    return _Summary(forge, render, marker, author, mode).post(is_wanted=is_wanted)


class _Summary:
    def __init__(
        self, forge: Forge, render: Callable[[bool], str], marker: CommentMarker, author: str, mode: str
    ) -> None:
        self._forge, self._render, self._marker, self._author = forge, render, marker, author
        self._mode = mode

    def post(self, *, is_wanted: bool) -> str:
        ours = self._ours()
        if not ours and not is_wanted:
            return NOT_NEEDED
        body = self._marker.prepend_to(self._render(bool(ours)))
        if not ours:
            self._create(body)
            return POSTED
        present = ours[0] if self._mode == "update" else ours[-1]
        if self._is_newer(present):
            return SUPERSEDED
        if is_same_text(present.body, body):
            return UNCHANGED
        if self._mode == "update":
            self._edit(present, body)
            return POSTED
        self._create(body)
        if self._mode == "hide-and-new":  # older ones were hidden when this one was posted
            try:
                self._forge.hide_comment(present.id)
            except ForgeError:
                return POSTED_NOT_HIDDEN
        return POSTED

    def _ours(self) -> list[Comment]:
        return [
            comment
            for comment in self._forge.comments()
            if comment.author.lower() == self._author.lower()
            and (marker := parse_marker(comment.body)) is not None
            and marker.is_same_comment(self._marker)
        ]

    def _is_newer(self, comment: Comment) -> bool:
        """True if a later run wrote the comment, about the same commit. A comment about another commit is older, since
        this run's commit is the head."""
        theirs, ours = parse_marker(comment.body), self._marker
        return theirs is not None and theirs.head == ours.head and bool(ours.run) and theirs.order > ours.order

    def _edit(self, comment: Comment, body: str) -> None:
        try:
            repeat_if_uncertain(self._forge.edit_comment, comment.id, body)
        except ForgeError as error:
            if error.status != 404 or any(each.id == comment.id for each in self._ours()):
                raise
            self._create(body)  # a person has deleted it meanwhile

    def _create(self, body: str) -> None:
        before = {comment.id for comment in self._ours()} if self._mode != "update" else set()
        try:
            created = self._forge.create_comment(body)
        except Uncertain:
            equal = [c for c in self._ours() if c.id not in before and is_same_text(c.body, body)]
            created = equal[-1].id if equal else self._forge.create_comment(body)
        if self._mode == "update" and not self._forge.is_dry:
            self._yield_to_oldest(created, body)

    def _yield_to_oldest(self, created: int, body: str) -> None:
        """Delete the ``created`` comment if there is an older one: two concurrent runs have both found none."""
        ours = self._ours()
        if not ours or created <= ours[0].id or not any(comment.id == created for comment in ours):
            return
        self._forge.delete_comment(created)
        if not self._is_newer(ours[0]) and not is_same_text(ours[0].body, body):
            self._edit(ours[0], body)


def folded(body: str) -> str | None:
    """Return an outdated comment folded below its first line, the marker, for forges that cannot hide comments; None
    if it has no text."""
    first, _, rest = body.partition("\n")
    return f"{first}\n{_OUTDATED}\n\n{rest.strip()}\n\n</details>" if rest else None
