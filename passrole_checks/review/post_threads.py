"""Start, deduplicate and close the threads of review comments, so that no item is lost and none is repeated."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from passrole_checks.review.forge import DraftThread, Forge
from passrole_checks.review.http import ForgeError, Uncertain, repeat_if_uncertain
from passrole_checks.review.threads import ReviewThread, reported_keys, review_threads


class ThreadPoster:
    """Writes threads of the review ``key`` as ``author``."""

    def __init__(self, forge: Forge, key: str, author: str) -> None:
        self._forge, self._key, self._author = forge, key, author
        self._is_known_current = False

    def list_threads(self) -> list[ReviewThread]:
        """List the threads that this review started."""
        return review_threads(self._forge.threads(), self._key, self._author)

    # -- starting

    def start(self, drafts: Sequence[DraftThread]) -> tuple[list[DraftThread], ForgeError | None]:
        """Start threads. Return the drafts that could not be written, and the error that stopped the writing, if any.

        Where the forge refuses a position, the thread is started at the file or outside the diff instead.
        """
        lost: list[DraftThread] = []
        batches = self._forge.batches(drafts)
        for number, batch in enumerate(batches):
            try:
                lost += self._write(batch, at_position=batch[0].position is not None)
            except ForgeError as error:
                return [*lost, *self._unwritten([draft for rest in batches[number:] for draft in rest])], error
        return lost, None

    def _write(
        self, drafts: Sequence[DraftThread], *, at_position: bool, is_retry: bool = False
    ) -> Sequence[DraftThread]:
        """Write drafts in one request. Where the forge refuses it, write each half; in the end only the drafts with bad
        positions are written without them. Return the drafts that the forge refused."""
        traits = self._forge.traits
        try:
            self._forge.start_threads(drafts, at_position=at_position)
        except Uncertain as error:
            missing = self._missing(drafts)
            if not missing:
                return []
            if not is_retry:
                return self._write(missing, at_position=at_position, is_retry=True)
            if not at_position or error.status not in traits.repeated_refusals:
                raise
            return self._write_otherwise(drafts, error)
        except ForgeError as error:
            if error.status not in traits.refusals:
                raise
            return self._write_otherwise(drafts, error) if at_position else drafts
        return []

    def _write_otherwise(self, drafts: Sequence[DraftThread], refusal: ForgeError) -> Sequence[DraftThread]:
        """Write each half of drafts that were refused at their positions; a single one without its position."""
        self._stop_if_outdated(refusal)
        if len(drafts) == 1:
            return self._write(drafts, at_position=False)
        middle = len(drafts) // 2
        return [*self._write(drafts[:middle], at_position=True), *self._write(drafts[middle:], at_position=True)]

    def _stop_if_outdated(self, error: ForgeError) -> None:
        """Raise if the request has a newer commit: the forge then refuses every position."""
        if not self._is_known_current:
            if not self._forge.is_current():
                reason = f"the {self._forge.traits.request} has a newer commit"
                raise ForgeError(error.call, error.status, reason) from error
            self._is_known_current = True

    def _unwritten(self, drafts: Sequence[DraftThread]) -> Sequence[DraftThread]:
        """Return the drafts that were not written before an error; all of them if that cannot be determined."""
        try:
            return self._missing(drafts)
        except ForgeError:
            return drafts

    def _missing(self, drafts: Sequence[DraftThread]) -> list[DraftThread]:
        """Return the drafts that no thread reports, by listing the threads again."""
        reported = reported_keys(self.list_threads())
        return [draft for draft in drafts if not draft.keys <= reported]

    # -- deduplicating

    def delete_duplicates(self, known: Collection[str], run: int) -> int:
        """Delete threads of this ``run`` whose items an older thread reports too: a concurrent run started that one,
        and found none before either. ``known``: the ids of threads from before this run. Return their number."""
        reported: set[str] = set()
        deleted = 0
        for each in self.list_threads():
            if each.is_answered:
                continue
            is_alone = len(each.thread.comments) == 1
            if each.keys <= reported and each.run == run and each.thread.id not in known and is_alone:
                self._forge.delete_thread(each.thread)
                deleted += 1
            reported |= each.keys
        return deleted

    # -- closing

    def close(self, threads: Sequence[ReviewThread], body: str) -> tuple[int, ForgeError | None]:
        """Reply ``body`` in each thread and resolve it. Return the number of replies, and why threads could not be
        resolved, or None. Raise a :class:`~passrole_checks.review.http.ForgeError` if a reply cannot be written.

        Threads that are resolved already are skipped. The reply comes first: some tokens may reply but not resolve
        (GitHub requires ``contents: write`` for it), and then one reply remains.
        """
        refusal: ForgeError | None = None
        try:
            states = self._forge.thread_states([each.thread for each in threads])
        except ForgeError as error:
            states, refusal = {}, error
        replied = 0
        for each in threads:
            state = states.get(each.thread.id)
            if (state is not None and state.is_resolved) or not self._reply(each, body):
                continue
            replied += 1
            if state is not None and refusal is None:
                try:
                    repeat_if_uncertain(self._forge.resolve_thread, state.id)
                except ForgeError as error:
                    refusal = error
        return replied, refusal

    def _reply(self, each: ReviewThread, body: str) -> bool:
        """Reply in a thread, once. False if the thread was deleted."""
        try:
            self._forge.reply(each.thread, body)
        except Uncertain:
            again = [other for other in self.list_threads() if other.thread.id == each.thread.id]
            if not any(other.is_answered for other in again):
                self._forge.reply(each.thread, body)
        except ForgeError as error:
            if error.status != 404:
                raise
            return False
        return True
