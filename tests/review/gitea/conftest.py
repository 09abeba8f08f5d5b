"""The fake of Gitea that the tests here post to."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from gitea_fake import GiteaFake
from reviews_on_gitea import Poster


@pytest.fixture
def gitea() -> Iterator[GiteaFake]:
    """The repository ``acme/infra`` with pull request 7. A test fails for every exchange that does not fit Gitea's API
    description, by the client or by the fake."""
    fake = GiteaFake()
    fake.start()
    yield fake
    fake.stop()
    assert fake.violations == []


@pytest.fixture
def post(gitea: GiteaFake, tmp_path: Path) -> Poster:
    return Poster(gitea, tmp_path / "job")
