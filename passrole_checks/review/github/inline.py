"""Comments at lines of the difference: one review of them, and no item lost where GitHub does not take a place.

Sources: GitHub Docs, "REST API endpoints for pull request reviews" (``comments``, ``event``), "REST API endpoints for
pull request review comments" (``side``, ``start_line`` only for several lines, ``subject_type: file``). GitHub refuses
a review as a whole (422) for one line that it does not have in its difference, and fails at more than 32 comments
(https://github.com/reviewdog/reviewdog/issues/355).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

from passrole_checks.review.github.api import GitHub
from passrole_checks.review.github.conversations import conversations
from passrole_checks.review.http import ForgeError, Uncertain
from passrole_checks.review.markdown.markers import CommentMarker
from passrole_checks.review.threads import keys_said

MOST_IN_A_REVIEW = 30
_UNPROCESSABLE = (400, 422)


@dataclass(frozen=True, slots=True)
class DraftComment:
    """A comment to be written. ``marker`` holds the keys of its items; ``line`` 0: at the file as a whole. ``text``,
    and ``text_of_file`` for where it cannot stand at its lines, are without the marker."""

    marker: CommentMarker
    path: str
    line: int
    end_line: int
    text: str
    text_of_file: str


class Inline:
    """Writes drafts on the pull request ``number``. ``head``: the commit that they are about; ``is_current`` asks
    whether that is still its head."""

    def __init__(self, github: GitHub, number: int, head: str, author: str, is_current: Callable[[], bool]) -> None:
        self._github, self._number, self._head, self._author = github, number, head, author
        self._is_current = is_current
        self._is_known_current = False

    def write(self, drafts: Sequence[DraftComment]) -> tuple[list[DraftComment], ForgeError | None]:
        """Gives those that could not be written, and the error that made an end of it, if one did."""
        at_lines = [draft for draft in drafts if draft.line]
        at_files = [draft for draft in drafts if not draft.line]
        lost: list[DraftComment] = []
        portions = [at_lines[at : at + MOST_IN_A_REVIEW] for at in range(0, len(at_lines), MOST_IN_A_REVIEW)]
        left = [*portions, *([draft] for draft in at_files)]
        while left:
            portion = left.pop(0)
            try:
                lost += self._portion(portion) if portion[0].line else self._at_file(portion[0])
            except ForgeError as error:
                unsure = [draft for each in (portion, *left) for draft in each]
                return [*lost, *self._unwritten(unsure)], error
        return lost, None

    def _unwritten(self, drafts: Sequence[DraftComment]) -> Sequence[DraftComment]:
        """Which of them are not there after an error came between; all, where that cannot be found out."""
        try:
            return self._missing(drafts)
        except ForgeError:
            return drafts

    def withdraw_repeated(self, known: Collection[int], run: int, key: str) -> int:
        """Takes away comments of this ``run`` whose items an older comment tells as well: another run has written it at
        the same time, and found none before either. ``known``: the ids that were there before. Gives how many."""
        comments = self._github.review_comments(self._number)
        answered = {comment.reply_to for comment in comments}
        told: set[str] = set()
        withdrawn = 0
        for each in conversations(comments, key, self._author):
            id = each.first.id
            if each.is_answered:
                continue
            if each.keys <= told and each.run == run and id not in known and id not in answered:
                self._github.delete_review_comment(id)
                withdrawn += 1
            told |= each.keys
        return withdrawn

    def _portion(self, drafts: Sequence[DraftComment], *, is_again: bool = False) -> list[DraftComment]:
        """One review of them; where GitHub refuses one of its places, two halves, and in the end the bad ones."""
        try:
            self._github.create_review(self._number, self._head, [_at_lines(draft) for draft in drafts])
        except Uncertain:
            missing = self._missing(drafts)
            if is_again and missing:
                raise
            return self._portion(missing, is_again=True) if missing else []
        except ForgeError as error:
            if error.status not in _UNPROCESSABLE:
                raise
            self._end_if_stale(error)
            if len(drafts) == 1:
                return self._at_file(drafts[0])
            middle = len(drafts) // 2
            return [*self._portion(drafts[:middle]), *self._portion(drafts[middle:])]
        return []

    def _end_if_stale(self, error: ForgeError) -> None:
        """A commit pushed meanwhile is a reason for refusing every place: then none is tried any more."""
        if not self._is_known_current:
            if not self._is_current():
                raise ForgeError(error.call, error.status, "the pull request has a newer commit meanwhile") from error
            self._is_known_current = True

    def _at_file(self, draft: DraftComment, *, is_again: bool = False) -> list[DraftComment]:
        comment = {"path": draft.path, "subject_type": "file", "body": draft.marker.on(draft.text_of_file)}
        try:
            self._github.create_review_comment(self._number, self._head, comment)
        except Uncertain:
            missing = self._missing([draft])
            if is_again and missing:
                raise
            return self._at_file(draft, is_again=True) if missing else []
        except ForgeError as error:
            if error.status not in _UNPROCESSABLE:
                raise
            return [draft]
        return []

    def _missing(self, drafts: Sequence[DraftComment]) -> list[DraftComment]:
        """Those that are not there, after a call of which nobody knows whether it was done."""
        said = self._said(drafts[0].marker.key)
        return [draft for draft in drafts if not _keys(draft) <= said]

    def _said(self, key: str) -> frozenset[str]:
        return keys_said(conversations(self._github.review_comments(self._number), key, self._author))


def _keys(draft: DraftComment) -> frozenset[str]:
    return frozenset(draft.marker.items)


def _at_lines(draft: DraftComment) -> dict[str, Any]:
    comment: dict[str, Any] = {
        "path": draft.path,
        "line": draft.end_line,
        "side": "RIGHT",
        "body": draft.marker.on(draft.text),
    }
    if draft.end_line > draft.line:  # GitHub refuses a range of one line
        comment |= {"start_line": draft.line, "start_side": "RIGHT"}
    return comment
