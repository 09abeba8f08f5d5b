"""Rules and invariants of the comments on a request that hold on every forge, under any order of events."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from passrole_checks.review.markdown.markers import FIXED, INLINE, SUMMARY, parse_marker
from passrole_checks.review.posting import Posted
from passrole_checks.review.report import Item, ReportNote, ReviewReport

MOST = 4  # inline comments


class AnyOrder(RuleBasedStateMachine):
    """``post``: a ``Poster`` of the forge. ``report``: returns a report about the present head. ``items``: those that
    runs may report. ``push``: makes a new head. ``comments``: returns the id, the text, and True for each comment of
    ours."""

    def __init__(
        self,
        post: Any,
        report: Callable[..., ReviewReport],
        items: Sequence[Item],
        push: Callable[[], object],
        comments: Callable[[], list[tuple[int, str, bool]]],
    ) -> None:
        super().__init__()
        self.post, self._report, self._items, self._push, self._comments = post, report, items, push, comments
        self.theirs: list[tuple[int, str]] = []  # comments of people, which stay as they are

    def check_run(self, found: Collection[Item], posted: Posted) -> None:
        """Assert that a run has reported each item on its line or in the summary, or said that it could not."""
        keys = {one.key for one in found}
        assert posted.at_lines | posted.lost <= keys
        assert not posted.at_lines & posted.lost
        if posted.summary and found:
            (summary,) = self.ours(SUMMARY)
            assert all(f"aws_iam_role_policy.p{int(key, 16)}" in summary for key in keys)
        elif found:
            assert any("summary" in message or "comments on the pull" in message for message in self.post.messages)
        result = {
            key for body in self.ours(INLINE) if (marker := parse_marker(body)) is not None for key in marker.items
        }
        assert posted.at_lines <= result

    @rule(numbers=st.lists(st.integers(0, 7), max_size=3, unique=True))
    def run_of_an_older_head(self, numbers: list[int]) -> None:
        """A run whose head was replaced changes nothing."""
        context, result = self.post.context(), self._report(*(self._items[number] for number in numbers))
        self._push()
        before = self._comments()
        self.post(result, context=context, max_inline=MOST)
        assert self._comments() == before

    @rule()
    def run_that_cannot_read(self) -> None:
        """A run that could not read the head reports nothing as fixed."""
        before = self.ours(FIXED)
        self.post(self._report(unreadable=(ReportNote("a.tf", 1, "no HCL"),)), max_inline=MOST)
        assert self.ours(FIXED) == before

    @rule()
    def push(self) -> None:
        self._push()

    @invariant()
    def one_summary(self) -> None:
        assert len(self.ours(SUMMARY)) <= 1

    @invariant()
    def people_are_left_alone(self) -> None:
        comments = [(id, body) for id, body, _ in self._comments()]
        assert [each for each in comments if each in self.theirs] == sorted(self.theirs)

    def ours(self, kind: str) -> list[str]:
        """Return our comments with a marker of this kind."""
        bodies = [body for _, body, is_ours in self._comments() if is_ours]
        return [body for body in bodies if (marker := parse_marker(body)) is not None and marker.kind == kind]
