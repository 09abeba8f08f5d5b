"""The stand-in for GitHub that the tests here post to."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from github_fake import GitHubFake


@pytest.fixture
def github() -> Iterator[GitHubFake]:
    """One repository, ``octo-org/infra``, with pull request 7. A test fails with whatever was not as GitHub describes
    its API, by the client or by the stand-in."""
    fake = GitHubFake()
    fake.start()
    yield fake
    fake.stop()
    fake.assert_described()
