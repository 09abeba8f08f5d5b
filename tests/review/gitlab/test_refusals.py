"""Refusals of GitLab that no permission changes."""

from __future__ import annotations

import pytest
from gitlab_fake import GitLabFake
from reviews_on_gitlab import Poster, item


def test_rate_limit_names_its_end(gitlab: GitLabFake, post: Poster) -> None:
    """GitLab's rate limit is reported with the time of ``RateLimit-Reset``, and names no scope or role."""
    headers = {"RateLimit-Remaining": "0", "RateLimit-Reset": str(int(gitlab.clock.now()) + 3600)}
    gitlab.fault("POST", "", status=429, body={"message": {"error": "Try again later."}}, headers=headers, times=99)
    assert post.items(item(1)).lost == {item(1).key}
    (message,) = [each for each in post.messages if "the summary" in each]
    assert message.startswith(
        "Could not post line comments and the summary to GitLab: the rate limit is used up until "
    )
    assert message.endswith("(60 minutes); the answer was 429: Try again later.")
    assert not any("scope" in each or "role" in each for each in post.messages)


def test_short_rate_limit_is_waited_for(gitlab: GitLabFake, post: Poster) -> None:
    """A limit that ends within our waiting time is waited for."""
    headers = {"RateLimit-Remaining": "0", "RateLimit-Reset": str(int(gitlab.clock.now()) + 30)}
    gitlab.fault("POST", "", status=429, headers=headers)
    assert post.items(item(1)).summary
    assert 30 <= max(gitlab.clock.slept) <= 31.5


def test_blocked_account_is_reported(gitlab: GitLabFake, post: Poster) -> None:
    """A blocked account is reported as such."""
    said = {"message": "403 Forbidden - Your account has been blocked."}
    gitlab.fault("POST", "", status=403, body=said, times=99)
    post.items(item(1))
    assert any("the owner of the token is blocked" in each for each in post.messages)
    assert not any("scope api" in each for each in post.messages)


@pytest.mark.parametrize(
    ("is_archived", "cause"),
    [
        (True, "the project is archived, hence read-only (403: 403 Forbidden)."),
        (False, "the discussion of the merge request is locked to members of the project (403: 403 Forbidden)."),
    ],
)
def test_archived_project_and_locked_discussion(
    gitlab: GitLabFake, post: Poster, is_archived: bool, cause: str
) -> None:
    """GitLab's refusals do not say that a project is archived or a discussion locked, so the project and the merge
    request are asked; no scope or role is named."""
    gitlab.world.is_archived, gitlab.request.is_locked = is_archived, not is_archived
    post.items(item(1), context=post.context(token="reporter"))
    assert f"Could not post line comments and the summary to GitLab: {cause}" in post.messages
    assert not any("scope" in each or "role" in each for each in post.messages)
