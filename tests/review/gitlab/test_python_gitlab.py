"""python-gitlab, a third-party client, uses the fake, which is not tailored to our own client."""

from __future__ import annotations

from typing import Any

import gitlab as client
import pytest
from gitlab_fake import GitLabFake
from reviews_on_gitlab import BOT, Poster, item, places

from passrole_checks.review.markdown.markers import parse_marker


def request_of(fake: GitLabFake, token: str = "project") -> Any:
    connected = client.Gitlab(fake.root, private_token=fake.tokens[token].value, retry_transient_errors=False)
    return connected.projects.get("acme/platform/infra").mergerequests.get(7)


def test_python_gitlab_writes_a_review(gitlab: GitLabFake, post: Poster) -> None:
    """It reads versions and diffs, creates and edits a note, starts a thread, replies, and resolves it."""
    request = request_of(gitlab)
    assert (request.state, request.sha) == ("opened", gitlab.request.head_sha)
    version = request.diffs.get(request.diffs.list(get_all=False)[0].id)
    paths = [(each["old_path"], each["new_path"]) for each in version.diffs]
    assert ("there.tf", "here.tf") in paths

    note = request.notes.create({"body": "first"})
    note.body = "second"
    note.save()
    assert [each.body for each in gitlab.notes()] == ["second"]

    position = {
        "position_type": "text",
        "base_sha": version.base_commit_sha,
        "start_sha": version.start_commit_sha,
        "head_sha": version.head_commit_sha,
        "old_path": "a.tf",
        "new_path": "a.tf",
        "new_line": 10,
    }
    discussion = request.discussions.create({"body": "here", "position": position})
    discussion.notes.create({"body": "there"})
    discussion.resolved = True
    discussion.save()
    (thread,) = gitlab.threads()
    assert ([each.body for each in thread.notes], places(gitlab)) == (["here", "there"], [("a.tf", None, 10)])
    assert thread.resolved_by is not None and thread.resolved_by.username == BOT


def test_python_gitlab_reads_our_review(gitlab: GitLabFake, post: Poster) -> None:
    """It finds what our client wrote, on all pages."""
    for number in range(25):
        gitlab.note(f"talk {number}")
    post.items(item(1, 10), item(2, 28))
    request = request_of(gitlab)
    notes = [note for note in request.notes.list(iterator=True) if parse_marker(note.body)]
    assert [note.author["username"] for note in notes] == [BOT] * 3
    threads = [each for each in request.discussions.list(iterator=True) if not each.attributes["individual_note"]]
    lines = [each.attributes["notes"][0]["position"] for each in threads]
    assert [(line["new_line"], line.get("old_line")) for line in lines] == [(10, None), (28, 26)]


def test_python_gitlab_raises_refusals(gitlab: GitLabFake, post: Poster) -> None:
    """Refusals are those of GitLab: an invalid token, a missing scope, not found, a bad position."""
    with pytest.raises(client.GitlabAuthenticationError):
        request_of(gitlab, "expired")
    with pytest.raises(client.GitlabGetError) as missing:
        request_of(gitlab, "stranger")
    assert missing.value.response_code == 404
    with pytest.raises(client.GitlabCreateError) as refused:
        request_of(gitlab, "read_only").notes.create({"body": "x"})
    assert refused.value.response_code == 403
    version = gitlab.request.versions[0]
    shas = {"base_sha": version.base_sha, "start_sha": version.start_sha, "head_sha": version.head_sha}
    bad = {"position_type": "text", **shas, "old_path": "a.tf", "new_path": "a.tf", "new_line": 28}
    with pytest.raises(client.GitlabCreateError) as place:
        request_of(gitlab).discussions.create({"body": "x", "position": bad})
    assert (place.value.response_code, "line_code" in place.value.error_message) == (400, True)


def test_quick_actions_are_executed(gitlab: GitLabFake, post: Poster) -> None:
    """The fake executes quick actions in texts, so that a test detects them."""
    request_of(gitlab).notes.create({"body": "please\n/close\n"})
    assert (gitlab.commands, gitlab.request.state) == (["/close"], "closed")
    gitlab.commands.clear()
