"""The threads that earlier runs began, and what has become of them; and new ones, none of which is lost.

GitLab refuses a position that it does not find in its difference (400; some versions fail with 500), and then the same
is said in a thread without a place. Source: GitLab Docs, "Discussions API" (resolving needs the role Developer).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass

from passrole_checks.review.gitlab.api import GitLab, GitLabThread
from passrole_checks.review.gitlab.positions import DiffPosition
from passrole_checks.review.http import ForgeError, Uncertain
from passrole_checks.review.markdown.markers import FIXED, INLINE, CommentMarker, parse
from passrole_checks.review.threads import keys_said

_REFUSED = (400, 413, 422)


@dataclass(frozen=True, slots=True)
class Ours:
    """A thread whose first note is ours. ``keys``: of the items that it is about; ``run``: the number of the run that
    began it; ``is_answered``: we have said in it that all of them are fixed. ``about``: the files that the items stand
    in, by their marks."""

    thread: GitLabThread
    keys: frozenset[str]
    run: int
    is_answered: bool
    about: frozenset[str] = frozenset()

    @property
    def file(self) -> str:
        """Where it stands; "" for nowhere."""
        return self.thread.file


@dataclass(frozen=True, slots=True)
class DraftThread:
    """A thread to be begun. ``marker`` holds the keys of its items. ``text``: what it says at its ``position``,
    ``text_elsewhere``: without one; both without the marker."""

    marker: CommentMarker
    position: DiffPosition | None
    text: str
    text_elsewhere: str

    @property
    def keys(self) -> frozenset[str]:
        return frozenset(self.marker.items)


def ours_of(threads: Sequence[GitLabThread], key: str, author: str) -> list[Ours]:
    """Those of the review ``key``, by their markers; only what ``author`` wrote counts."""

    def markers(thread: GitLabThread) -> Iterator[CommentMarker | None]:
        for note in thread.notes:
            yield parse(note.body) if note.author.lower() == author.lower() else None

    found = []
    for thread in threads:
        first, *others = markers(thread)
        if first is not None and (first.kind, first.key) == (INLINE, key):
            is_answered = any(one is not None and (one.kind, one.key) == (FIXED, key) for one in others)
            found.append(Ours(thread, frozenset(first.items), first.run, is_answered, frozenset(first.files)))
    return found


class Threads:
    """Writes threads on a merge request. ``is_current`` asks whether the commit that they are about is its head."""

    def __init__(self, gitlab: GitLab, key: str, author: str, is_current: Callable[[], bool]) -> None:
        self._gitlab, self._key, self._author, self._is_current = gitlab, key, author, is_current
        self._is_known_current = False

    def begin(self, drafts: Sequence[DraftThread]) -> tuple[list[DraftThread], ForgeError | None]:
        """Gives those that could not be begun, and the error that made an end of it, if one did."""
        lost: list[DraftThread] = []
        for number, draft in enumerate(drafts):
            try:
                if not self._begin(draft):
                    lost.append(draft)
            except ForgeError as error:
                return [*lost, *self._not_begun(drafts[number:])], error
        return lost, None

    def _begin(self, draft: DraftThread) -> bool:
        if draft.position is not None and self._at(draft, draft.position):
            return True
        return self._at(draft, None)

    def _at(self, draft: DraftThread, position: DiffPosition | None, *, is_again: bool = False) -> bool:
        """Whether it stands now; not where GitLab refuses the place."""
        text = draft.text if position is not None else draft.text_elsewhere
        try:
            self._gitlab.create_thread(draft.marker.on(text), position.fields if position is not None else None)
        except Uncertain as error:
            if draft.keys <= self._said():
                return True
            if not is_again:
                return self._at(draft, position, is_again=True)
            if position is not None and error.status == 500:
                return False
            raise
        except ForgeError as error:
            if error.status not in _REFUSED:
                raise
            self._end_if_stale(error)
            return False
        return True

    def _end_if_stale(self, error: ForgeError) -> None:
        """A commit pushed meanwhile is a reason for refusing every place: then none is tried any more."""
        if not self._is_known_current:
            if not self._is_current():
                raise ForgeError(error.call, error.status, "the merge request has a newer commit meanwhile") from error
            self._is_known_current = True

    def _not_begun(self, drafts: Sequence[DraftThread]) -> Sequence[DraftThread]:
        """Which of them are not there after an error came between; all, where that cannot be found out."""
        try:
            said = self._said()
        except ForgeError:
            return drafts
        return [draft for draft in drafts if not draft.keys <= said]

    def _said(self) -> frozenset[str]:
        return keys_said(self._ours())

    def _ours(self) -> list[Ours]:
        return ours_of(self._gitlab.threads(), self._key, self._author)

    def withdraw_repeated(self, known: Collection[str], run: int) -> int:
        """Takes away threads of this ``run`` whose items an older thread tells as well: another run has begun it at the
        same time, and found none before either. ``known``: the ids that were there before. Gives how many."""
        told: set[str] = set()
        withdrawn = 0
        for each in self._ours():
            if each.is_answered:
                continue
            is_alone = len(each.thread.notes) == 1
            if each.keys <= told and each.run == run and each.thread.id not in known and is_alone:
                self._gitlab.delete_comment(each.thread.notes[0].id)
                withdrawn += 1
            told |= each.keys
        return withdrawn

    def end(self, ended: Sequence[Ours], body: str) -> tuple[int, str]:
        """Replies ``body`` in each of them and resolves it; gives how many, and why some could not be resolved, or "".
        What somebody resolved is left alone. Raises a :class:`~passrole_checks.review.http.ForgeError` where not even a
        reply can be written."""
        refused = ""
        replied = 0
        for each in ended:
            if each.thread.is_resolved:
                continue
            if not self._reply(each, body):
                continue
            replied += 1
            if not refused:
                try:
                    self._resolve(each.thread.id)
                except ForgeError as error:
                    refused = error.reason
        return replied, refused

    def _reply(self, each: Ours, body: str) -> bool:
        try:
            self._gitlab.reply(each.thread.id, body)
        except Uncertain:
            again = [one for one in self._ours() if one.thread.id == each.thread.id]
            if not any(one.is_answered for one in again):
                self._gitlab.reply(each.thread.id, body)
        except ForgeError as error:
            if error.status != 404:
                raise
            return False  # somebody has deleted the thread
        return True

    def _resolve(self, thread: str) -> None:
        try:
            self._gitlab.resolve(thread)
        except Uncertain:
            self._gitlab.resolve(thread)  # the same twice is the same
