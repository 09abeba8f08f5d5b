"""Invariants of comments under any order of events."""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path
from typing import Any

from any_order import MOST, AnyOrder
from github_fake import GitHubFake
from github_fake.world import Comment, ReviewComment
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule, run_state_machine_as_test
from profiles import examples
from reviews_on_github import BOT, CHANGED, Poster, give_files, item, report

from passrole_checks.review.markdown.markers import parse_marker
from passrole_checks.review.report import Item

# At lines of the difference, outside of it, in a file that is not in it, and at files.
ITEMS = [
    *(item(number, line) for number, line in enumerate(CHANGED, start=1)),
    item(6, 20),
    item(7, 10, file="gone.tf"),
    item(8, 0, file="b.tf"),
    item(9, 29, 31, rule="PASSROLE_001"),
    item(10, 30, rule="PASSROLE_001"),
]
FAULTS = [{"status": 502}, {"status": 502, "after_effect": True}, {"status": 403}, {"status": 422}]
WRITES = [
    ("POST", "/reviews$"),
    ("POST", "/issues/7/comments$"),
    ("POST", "/pulls/7/comments$"),
    ("PATCH", "/issues/comments/"),
    ("POST", "/replies$"),
    ("POST", "/graphql$"),
]


class Conversations(AnyOrder):
    """Pushes, runs (also of an older head), people who reply, resolve and quote, and server errors."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory()
        self.github = GitHubFake()
        self.github.start()
        give_files(self.github)
        post = Poster.on(self.github, Path(self._folder.name))
        super().__init__(post, partial(report, self.github), ITEMS, self._new_head, self._everything)

    def _new_head(self) -> None:
        number = len(self.github.pull.shas) + 1
        self.github.push(self.github.pull, self.github.pull.head_files, sha=f"{number:040x}")

    def _everything(self) -> list[tuple[int, str, bool]]:
        comments = [*self.github.comments(), *self.github.review_comments()]
        return sorted((each.id, each.body, each.user.login == BOT) for each in comments)

    def teardown(self) -> None:
        self.github.stop()
        self.github.assert_described()
        self._folder.cleanup()

    @rule(
        found=st.lists(st.sampled_from(ITEMS), unique_by=lambda one: one.key),
        may_resolve=st.booleans(),
        failing=st.lists(st.tuples(st.sampled_from(WRITES), st.sampled_from(FAULTS)), max_size=2),
    )
    def run(self, found: list[Item], may_resolve: bool, failing: list[tuple[tuple[str, str], dict[str, Any]]]) -> None:
        """A run reports each item on its lines or in the summary, or says that it could not, while some of its writes
        fail."""
        context = self.post.context(token="resolver" if may_resolve else "bot")
        faults = [self.github.fault(*write, **fault) for write, fault in failing]
        posted = self.post.items(*found, context=context, max_inline=MOST)
        for fault in faults:
            fault.times = 0
        self.check_run(found, posted)

    @rule(number=st.integers(0, 20), is_resolved=st.booleans())
    def person(self, number: int, is_resolved: bool) -> None:
        """A person replies in a thread, or resolves it."""
        if threads := self.github.threads():
            root = threads[number % len(threads)].root
            if is_resolved:
                self.github.resolve(root)
            else:
                self._remember(self.github.reply(root, "But why?"))

    @rule(number=st.integers(0, 20))
    def quote(self, number: int) -> None:
        """A person quotes a comment of ours with its marker."""
        for each in self.github.comments()[number : number + 1]:
            self._remember(self.github.comment(self.github.pull, each.body))
        for one in self.github.review_comments()[number : number + 1]:
            self._remember(self.github.review_comment(self.github.pull, "a.tf", 10, one.body))

    @invariant()
    def nothing_twice(self) -> None:
        """No item is in two open threads, and no thread is closed twice."""
        open_keys: list[str] = []
        for thread in self.github.threads():
            if thread.root.user.login != BOT:
                continue
            ends = [each for each in thread.comments[1:] if each.user.login == BOT]
            assert len(ends) <= 1
            marker = parse_marker(thread.root.body)
            assert marker is not None
            open_keys += () if ends else marker.items
        assert len(open_keys) == len(set(open_keys))

    @invariant()
    def not_too_many(self) -> None:
        assert all(len(call.json["comments"]) <= MOST for call in self.github.calls("POST", "/reviews$"))

    @invariant()
    def no_comment_of_a_thread_is_deleted(self) -> None:
        assert self.github.calls("DELETE", "/pulls/comments/") == []

    def _remember(self, comment: Comment | ReviewComment) -> None:
        self.theirs.append((comment.id, comment.body))


def test_invariants_hold_in_any_order() -> None:
    """In any order of runs, pushes, people and errors: one summary, nothing duplicated, lost or overwritten."""
    run_state_machine_as_test(
        Conversations,
        settings=settings(max_examples=examples(12), stateful_step_count=8, suppress_health_check=list(HealthCheck)),
    )
