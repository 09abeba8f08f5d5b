"""PyGithub, a third-party client, uses the fake, which is not tailored to our own client. Run by ``.ci/prism.sh``,
which installs PyGithub; skipped elsewhere."""

from __future__ import annotations

from typing import Any

import pytest
from github_fake import GitHubFake

client = pytest.importorskip("github", reason="needs PyGithub: .ci/prism.sh")


def connected(fake: GitHubFake, token: str = "bot") -> Any:
    auth = client.Auth.Token(fake.tokens[token].value)
    return client.Github(auth=auth, base_url=fake.url, retry=None, seconds_between_writes=None)


def test_pygithub_reviews_a_pull_request(github: GitHubFake) -> None:
    """It finds the pull request, reads its files, comments, edits, reviews lines, replies, and sets a status."""
    repository = connected(github).get_repo("octo-org/infra")
    pull = repository.get_pull(7)
    assert (pull.head.sha, pull.user.login, pull.changed_files) == (github.pull.head_sha, "contributor", 1)
    [file] = pull.get_files()
    assert file.patch.splitlines()[-2:] == ['+  default = "*"', " }"]

    comment = pull.create_issue_comment("first")
    comment.edit("second")
    assert [each.body for each in github.comments()] == ["second"]
    assert [(each.body, each.user.login) for each in pull.get_issue_comments()] == [("second", "github-actions[bot]")]

    drafts = [{"path": "main.tf", "line": 2, "side": "RIGHT", "body": "here"}]
    review = pull.create_review(body="", event="COMMENT", comments=drafts)
    assert review.state == "COMMENTED"
    [posted] = pull.get_review_comments()
    assert (posted.body, posted.line, posted.path) == ("here", 2, "main.tf")
    reply = pull.create_review_comment_reply(posted.id, "there")
    assert reply.in_reply_to_id == posted.id
    assert [[each.body for each in thread.comments] for thread in github.threads()] == [["here", "there"]]

    run = repository.create_check_run("passrole", pull.head.sha, conclusion="success")
    assert [each.id for each in github.check_runs()] == [run.id]


def test_pygithub_follows_pages(github: GitHubFake) -> None:
    """It reads all pages by their links."""
    for number in range(65):
        github.comment(github.pull, f"comment {number}")
    pull = connected(github).get_repo("octo-org/infra").get_pull(7)
    assert [each.body for each in pull.get_issue_comments()] == [f"comment {number}" for number in range(65)]
    assert len(github.calls("GET", f"^/repositories/{github.repository.id}/issues/7/comments$")) == 2


def test_pygithub_raises_refusals(github: GitHubFake) -> None:
    """Refusals are those of GitHub: missing permission, not found, invalid."""
    with pytest.raises(client.GithubException) as refused:
        connected(github, "read_only").get_repo("octo-org/infra").get_pull(7).create_issue_comment("a")
    assert (refused.value.status, refused.value.data["message"]) == (403, "Resource not accessible by integration")
    repository = connected(github).get_repo("octo-org/infra")
    with pytest.raises(client.UnknownObjectException):
        repository.get_pull(99)
    drafts = [{"path": "main.tf", "line": 99, "side": "RIGHT", "body": "nowhere"}]
    with pytest.raises(client.GithubException) as invalid:
        repository.get_pull(7).create_review(body="", event="COMMENT", comments=drafts)
    assert (invalid.value.status, invalid.value.data["errors"]) == (422, ["Line could not be resolved"])
