"""One request to merge on every forge, through five pushes: a finding is new, unchanged, moved, fixed, and back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from forges_of_tests import FORGES, Thread
from jobs_of_tests import Jobs
from reviews_of_tests import ANY, APP, Reviews, policy

from passrole_checks.review.markdown.markers import FIXED, INLINE


class Request(Jobs):
    """Jobs, one for each push."""

    def push_text(self, text: str, readme: str = "Infrastructure.\n") -> int:
        """Push ``main.tf``, and return the exit status of its job."""
        self.push({"main.tf": text, "README.md": readme})
        return self.review()

    @property
    def headline(self) -> str:
        return self.summary.split("\n", 2)[1].removeprefix("## iam:PassRole: ")


@pytest.fixture(params=sorted(FORGES))
def request_to_merge(
    request: pytest.FixtureRequest, repository: Reviews, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Request]:
    base = {"main.tf": policy(APP), "README.md": "Infrastructure.\n"}
    with FORGES[request.param](tmp_path / "job") as forge:
        yield Request(forge, repository, tmp_path / "job", monkeypatch, base)


@pytest.mark.parametrize("skip", [0, 1, 2])
def test_lost_responses_repeat_nothing(request_to_merge: Request, skip: int) -> None:
    """Where the response to a write is lost at each push, threads, replies and the summary are the same."""
    forge = request_to_merge.forge
    closed = Thread("main.tf", (INLINE, FIXED), forge.can_resolve)
    for text in (policy(APP, ANY), policy(APP), policy(APP, ANY)):
        forge.lose_response(skip)
        request_to_merge.push_text(text)
    assert forge.threads() == [closed, Thread("main.tf", (INLINE,), False)]
    assert request_to_merge.headline == "1 new problem"


def test_new_unchanged_moved_fixed_and_back(request_to_merge: Request) -> None:
    """There is one thread and one summary while the finding lasts, wherever it moves; when it is fixed, the thread gets
    one reply and is resolved where that is possible; when it is back, it has a second thread."""
    forge, push = request_to_merge.forge, request_to_merge.push_text
    opened = Thread("main.tf", (INLINE,), False)
    closed = Thread("main.tf", (INLINE, FIXED), forge.can_resolve)
    lines = "# Moved\n# by two lines.\n"

    assert push(policy(APP, ANY)) == 1
    assert forge.threads() == [opened]
    assert request_to_merge.headline == "1 new problem"

    assert push(policy(APP, ANY), readme="Other words.\n") == 1
    assert forge.threads() == [opened]
    assert request_to_merge.headline == "1 new problem"

    assert push(policy(APP, ANY, before=lines)) == 1
    assert forge.threads() == [opened]
    assert request_to_merge.headline == "1 new problem"
    assert "main.tf:8" in forge.comments()[0]

    assert push(policy(APP, before=lines)) == 0
    assert forge.threads() == [closed]
    assert request_to_merge.headline == "all fixed"

    assert push(policy(APP, ANY, before=lines)) == 1
    assert forge.threads() == [closed, opened]
    assert request_to_merge.headline == "1 new problem"
