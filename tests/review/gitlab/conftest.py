"""The fake of GitLab that the tests here post to."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from gitlab_fake import GitLabFake
from reviews_on_gitlab import Poster, give_files


@pytest.fixture
def gitlab() -> Iterator[GitLabFake]:
    """The project ``acme/platform/infra`` with merge request 7. A test fails if any of its texts acts as a quick
    action."""
    fake = GitLabFake()
    fake.start()
    yield fake
    fake.stop()
    assert fake.commands == []


@pytest.fixture
def post(gitlab: GitLabFake) -> Poster:
    give_files(gitlab)
    gitlab.forget_calls()
    return Poster(gitlab)
