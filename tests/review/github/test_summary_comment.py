"""The summary comment: found again, updated, never duplicated, never another author's."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import pytest
from github_fake import GitHubFake
from reviews_on_github import BOT, Poster, give_files, item, report

from passrole_checks.review.markdown.markers import SUMMARY, CommentMarker, parse_marker
from passrole_checks.review.report import ReportNote

OFF = {"max_inline": 0, "status": False}


@pytest.fixture
def post(github: GitHubFake, tmp_path: Path) -> Poster:
    give_files(github)
    return Poster.on(github, tmp_path)


def bodies(github: GitHubFake) -> list[str]:
    return [comment.body for comment in github.comments()]


def test_marker_is_the_first_line(github: GitHubFake, post: Poster) -> None:
    """The comment starts with its marker: the review, head, run number and attempt."""
    post.items(item(1), context=post.context(run=12), **OFF)
    (body,) = bodies(github)
    assert parse_marker(body) == CommentMarker(SUMMARY, "default", github.pull.head_sha, 12, 1)
    assert body.split("\n")[1] == "## iam:PassRole: 1 new problem"


def test_comment_is_updated_in_place(github: GitHubFake, post: Poster) -> None:
    """A later push with another result updates the same comment."""
    post.items(item(1), **OFF)
    github.push(github.pull, github.pull.head_files)
    post.items(item(1), item(2), **OFF)
    (comment,) = github.comments()
    assert "2 new problems" in comment.body
    assert parse_marker(comment.body) == CommentMarker(SUMMARY, "default", github.pull.head_sha, 2, 1)
    assert [call.method for call in github.writes()] == ["POST", "PATCH"]


def test_fixed_comment_is_kept(github: GitHubFake, post: Poster) -> None:
    """When the last finding is fixed, the comment says so and is kept."""
    post.items(item(1), **OFF)
    post.items(**OFF)
    (body,) = bodies(github)
    assert body.split("\n")[1] == "## iam:PassRole: all fixed"


def test_unreadable_head_is_not_all_fixed(github: GitHubFake, post: Poster) -> None:
    """With an unreadable head the comment does not say that everything is fixed."""
    post.items(item(1), **OFF)
    post(report(github, unreadable=(ReportNote("a.tf", 1, "no HCL"),)), **OFF)
    (body,) = bodies(github)
    assert body.split("\n")[1] == "## iam:PassRole: result incomplete, 1 file could not be read"


def test_comment_is_found_on_the_second_page(github: GitHubFake, post: Poster) -> None:
    """The comment is found among more than a hundred."""
    for number in range(130):
        github.comment(github.pull, f"talk {number}")
    post.items(item(1), **OFF)
    post.items(item(2), **OFF)
    assert len(github.comments()) == 131
    assert len(github.calls("GET", "/issues/7/comments")) > 2


def test_forged_marker_is_ignored(github: GitHubFake, post: Poster) -> None:
    """A comment of another author with our marker is left alone, and ours is created."""
    forged = CommentMarker(SUMMARY, "default", github.pull.head_sha, 999_999, 0).prepend_to("All is fine.")
    github.comment(github.pull, forged, user="contributor")
    github.comment(github.pull, forged, user="other-app[bot]", app="other-app")
    post.items(item(1), **OFF)
    assert [comment.user.login for comment in github.comments()] == ["contributor", "other-app[bot]", BOT]
    assert bodies(github)[:2] == [forged, forged]


def test_marker_must_be_the_first_line(github: GitHubFake, post: Poster) -> None:
    """A marker after the first line, as in a quote by the same user, does not count."""
    quoted = "Title:\n" + CommentMarker(SUMMARY).prepend_to("x")
    github.comment(github.pull, quoted, user=BOT)
    post.items(item(1), **OFF)
    assert len(github.comments()) == 2
    assert bodies(github)[0] == quoted


def test_each_key_has_its_own_comment(github: GitHubFake, post: Poster) -> None:
    """Two reviews with different keys have a comment each."""
    post.items(item(1), key="infra", **OFF)
    post.items(item(2), key="apps", **OFF)
    post.items(key="infra", **OFF)
    assert [body.split("\n")[1] for body in bodies(github)] == [
        "## iam:PassRole: all fixed",
        "## iam:PassRole: 1 new problem",
    ]


def test_normalized_text_counts_as_equal(github: GitHubFake, post: Poster) -> None:
    """A comment returned with other line endings, or without the last one, is unchanged."""
    github.gives_back(lambda text: text.replace("\n", "\r\n").strip())
    post.items(item(1), **OFF)
    post.items(item(1), **OFF)
    assert [call.method for call in github.writes()] == ["POST"]


def test_older_run_does_not_overwrite_a_newer_one(github: GitHubFake, post: Poster) -> None:
    """A run that started earlier, about the same commit, does not overwrite a later one."""
    early, late = post.context(run=4), post.context(run=5)
    post.items(item(1), item(2), context=late, **OFF)
    posted = post.items(item(1), context=early, **OFF)
    assert "2 new problems" in bodies(github)[0]
    assert (posted.summary, ["newer run" in message for message in post.messages]) == (False, [True])


def test_run_numbers_count_only_for_the_same_commit(github: GitHubFake, post: Poster) -> None:
    """A workflow with smaller run numbers still writes about a newer head."""
    post.items(item(1), context=post.context(run=5000), **OFF)
    github.push(github.pull, github.pull.head_files)
    post.items(item(1), item(2), context=post.context(run=3), **OFF)
    assert "2 new problems" in bodies(github)[0]


def of_another_run(github: GitHubFake, run: int, text: str) -> None:
    """Add the comment of another run."""
    github.comment(github.pull, CommentMarker(SUMMARY, "default", github.pull.head_sha, run).prepend_to(text), user=BOT)


def test_two_concurrent_runs_leave_the_older_comment(github: GitHubFake, post: Poster) -> None:
    """Of two runs that both find no comment, the older comment remains, with the text of the later run."""
    github.when("POST", "/issues/7/comments$", lambda fake: of_another_run(fake, 8, "Of an earlier run."))
    post.items(item(1), context=post.context(run=9), **OFF)
    (comment,) = github.comments()
    assert parse_marker(comment.body) == CommentMarker(SUMMARY, "default", github.pull.head_sha, 9, 1)
    assert "1 new problem" in comment.body
    assert [call.method for call in github.writes()] == ["POST", "DELETE", "PATCH"]


def test_older_comment_of_a_later_run_is_unchanged(github: GitHubFake, post: Poster) -> None:
    """An older comment that belongs to a later run remains unchanged."""
    github.when("POST", "/issues/7/comments$", lambda fake: of_another_run(fake, 9, "Of a later run."))
    post.items(item(1), context=post.context(run=8), **OFF)
    (comment,) = github.comments()
    assert comment.body.endswith("\nOf a later run.")
    assert [call.method for call in github.writes()] == ["POST", "DELETE"]


def test_four_concurrent_runs_leave_one_comment(github: GitHubFake, post: Poster) -> None:
    """Four runs in four threads leave one comment."""
    posters = [Poster.on(github, post.folder) for _ in range(4)]
    contexts = [post.context(run=number) for number in (1, 2, 3, 4)]
    result = report(github, item(1))
    threads = [
        threading.Thread(target=poster, args=(result,), kwargs={"context": context, **OFF})
        for poster, context in zip(posters, contexts, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(github.comments()) == 1


@pytest.mark.parametrize("fault", [{"status": 502}, {"status": 504}, {"drop": True}])
def test_comment_after_a_server_error_is_found(github: GitHubFake, post: Poster, fault: dict[str, object]) -> None:
    """A comment that was created despite a server error is not created again."""
    github.fault("POST", "/issues/7/comments$", after_effect=True, **fault)
    assert post.items(item(1), **OFF).summary
    assert len(github.comments()) == 1
    assert len(github.calls("POST", "/issues/7/comments$")) == 1


def test_comment_creation_is_retried(github: GitHubFake, post: Poster) -> None:
    """A comment that was not created is created by a second call."""
    github.fault("POST", "/issues/7/comments$", status=502)
    assert post.items(item(1), **OFF).summary
    assert len(github.comments()) == 1


def test_edit_is_retried(github: GitHubFake, post: Poster) -> None:
    """An edit without a response is repeated, which is idempotent."""
    post.items(item(1), **OFF)
    github.fault("PATCH", "/issues/comments/", status=502, after_effect=True)
    assert post.items(item(1), item(2), **OFF).summary
    assert "2 new problems" in bodies(github)[0]


def test_deleted_comment_is_created_again(github: GitHubFake, post: Poster) -> None:
    """A comment deleted just before its edit is created again."""
    post.items(item(1), **OFF)
    github.when("PATCH", "/issues/comments/", lambda fake: fake.world.comments.clear())
    post.items(item(2), item(3), **OFF)
    assert ["2 new problems" in body for body in bodies(github)] == [True]


def test_mode_new_adds_comments(github: GitHubFake, post: Poster) -> None:
    """In the mode ``new`` each different result is a new comment."""
    for found in ([item(1)], [item(1)], [item(1), item(2)], []):
        post.items(*found, comment="new", **OFF)
    assert [body.split("\n")[1] for body in bodies(github)] == [
        "## iam:PassRole: 1 new problem",
        "## iam:PassRole: 2 new problems",
        "## iam:PassRole: all fixed",
    ]


def test_mode_hide_and_new_hides_earlier_comments(github: GitHubFake, post: Poster) -> None:
    """In the mode ``hide-and-new`` earlier comments are hidden as outdated."""
    for found in ([item(1)], [item(1), item(2)], [item(3)]):
        post.items(*found, comment="hide-and-new", **OFF)
    assert [comment.minimized is not None for comment in github.comments()] == [True, True, False]


def test_comment_that_cannot_be_hidden_is_reported(github: GitHubFake, post: Poster) -> None:
    """If an earlier comment cannot be hidden, the new one is posted, and a message says so."""
    post.items(item(1), comment="hide-and-new", **OFF)
    github.fault("POST", "/graphql$", status=403, skip=1)  # the first asks whose token it is
    assert post.items(item(2), item(3), comment="hide-and-new", **OFF).summary
    assert ["could not be hidden" in message for message in post.messages] == [True]


def test_mode_off_posts_line_comments_only(github: GitHubFake, post: Poster) -> None:
    """In the mode ``off`` there is no summary, but line comments."""
    assert not post.items(item(1), comment="off").summary
    assert (github.comments(), len(github.review_comments())) == ([], 1)


def test_large_summary_fits_the_limit(github: GitHubFake, post: Poster) -> None:
    """A thousand items with long names in other scripts fit into a comment."""
    found = [replace(item(number), resource="\U0001f600" * 300) for number in range(1000)]
    assert post.items(*found, **OFF).summary
    assert len(github.comments()) == 1
