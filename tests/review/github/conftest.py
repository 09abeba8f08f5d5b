"""The fake of GitHub that the tests here post to."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from github_fake import GitHubFake


@pytest.fixture
def github() -> Iterator[GitHubFake]:
    """The repository ``octo-org/infra`` with pull request 7. A test fails for every exchange that does not fit GitHub's
    API description, by the client or by the fake."""
    fake = GitHubFake()
    fake.start()
    yield fake
    fake.stop()
    fake.assert_described()
