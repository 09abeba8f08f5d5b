"""Invariants of comments on Gitea and Forgejo under any order of events."""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path
from typing import Any

from any_order import MOST, AnyOrder
from gitea_fake import BOT, CodeComment, GiteaFake
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule, run_state_machine_as_test
from profiles import examples
from reviews_on_gitea import Poster, report
from reviews_on_github import item

from passrole_checks.review.markdown.markers import INLINE, parse_marker
from passrole_checks.review.report import Item

# Two on one line, two on one file, and one on a file that breaks a review.
ITEMS = [
    *(item(number, line) for number, line in enumerate((10, 30, 50, 70), start=1)),
    item(5, 10, rule="PASSROLE_001"),
    item(6, 0, file="b.tf"),
    item(7, 0, file="b.tf"),
    item(8, 10, file="broken.tf"),
]
FAULTS: list[dict[str, Any]] = [
    {"status": 502},
    {"status": 502, "after_effect": True},
    {"status": 403},
    {"status": 422},
]
WRITES = [
    ("POST", "/reviews$"),
    ("POST", "/issues/7/comments$"),
    ("PATCH", "/issues/comments/"),
    ("POST", "/replies$"),
    ("POST", "/reviews/[0-9]+/comments$"),
    ("POST", "/resolve$"),
    ("DELETE", "/reviews/"),
]


class Conversations(AnyOrder):
    """Pushes, runs (also of an older head), people who comment, resolve and quote, and server errors."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory()
        self.gitea = GiteaFake()
        self.gitea.broken_paths = {"broken.tf"}
        self.gitea.page_size = 3
        self.gitea.start()
        post = Poster(self.gitea, Path(self._folder.name))
        super().__init__(post, partial(report, self.gitea), ITEMS, lambda: self.gitea.push({}), self._everything)

    def _everything(self) -> list[tuple[int, str, bool]]:
        comments = [*self.gitea.comments, *self.gitea.code_comments()]
        return sorted((each.id, each.body, each.user == BOT) for each in comments)

    def teardown(self) -> None:
        self.gitea.stop()
        assert self.gitea.violations == []
        self._folder.cleanup()

    @initialize(version=st.sampled_from(["1.27.3", "1.25.5", "15.0.1+gitea-1.22.0"]))
    def start(self, version: str) -> None:
        self.gitea.version = version

    @rule(
        found=st.lists(st.sampled_from(ITEMS), unique_by=lambda one: one.key),
        failing=st.lists(st.tuples(st.sampled_from(WRITES), st.sampled_from(FAULTS)), max_size=2),
    )
    def run(self, found: list[Item], failing: list[tuple[tuple[str, str], dict[str, Any]]]) -> None:
        """A run reports each item on its line or in the summary, or says that it could not, while some of its writes
        fail."""
        for write, fault in failing:
            self.gitea.fault(*write, **fault)
        posted = self.post.items(*found, max_inline=MOST)
        self.gitea.forget_faults()
        self.check_run(found, posted)

    @rule(number=st.integers(0, 20), is_resolved=st.booleans())
    def person(self, number: int, is_resolved: bool) -> None:
        """A person comments on the line of a thread, or resolves it."""
        if comments := self.gitea.code_comments():
            comment = comments[number % len(comments)]
            if is_resolved:
                comment.resolver = self.gitea.tokens["personal"].user
            else:
                self._remember(self.gitea.code_comment(comment.path, comment.line, "But why?"))

    @rule(number=st.integers(0, 20))
    def quote(self, number: int) -> None:
        """A person quotes a comment of ours with its marker."""
        for comment in self.gitea.comments[number : number + 1]:
            made = self.gitea.comment(comment.body)
            self.theirs.append((made.id, made.body))
        for one in self.gitea.code_comments()[number : number + 1]:
            self._remember(self.gitea.code_comment(one.path, one.line, one.body))

    @invariant()
    def nothing_twice(self) -> None:
        """No item is in two open threads, and no thread is closed twice."""
        threads: list[tuple[tuple[str, int], int, tuple[str, ...]]] = []  # place, review and items of the open ones
        for review in self.gitea.reviews:
            for comment in review.comments if review.state != "PENDING" else ():
                marker = parse_marker(comment.body) if comment.user == BOT else None
                place = comment.path, comment.line
                if marker is not None and marker.kind == INLINE:
                    threads.append((place, review.id, marker.items))
                elif marker is not None:
                    here = [each for each in threads if each[0] == place]
                    closed = [each for each in here if each[1] == review.id or each[2] == marker.items]
                    assert closed, "closed twice"
                    threads.remove(closed[0])
        keys = [key for *_, items in threads for key in items]
        assert len(keys) == len(set(keys))

    @invariant()
    def nothing_pending(self) -> None:
        """A review that failed half-way does not appear with a later one."""
        assert not any(call.path.endswith("/reviews") and len(call.json["comments"]) > MOST for call in self._posts())

    def _posts(self) -> list[Any]:
        return [call for call in self.gitea.calls("POST", "/reviews$") if call.json]

    def _remember(self, comment: CodeComment) -> None:
        self.theirs.append((comment.id, comment.body))


def test_invariants_hold_in_any_order() -> None:
    """In any order of runs, pushes, people and errors: one summary, nothing duplicated, lost or overwritten."""
    run_state_machine_as_test(
        Conversations,
        settings=settings(max_examples=examples(12), stateful_step_count=8, suppress_health_check=list(HealthCheck)),
    )
