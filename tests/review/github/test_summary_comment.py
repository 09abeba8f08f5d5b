"""The one comment: found again, kept true, never twice, and nobody else's."""

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
    """The comment begins with its marker: the review, the head, the number of the run and of its attempt."""
    post.items(item(1), context=post.context(run=12), **OFF)
    (body,) = bodies(github)
    assert parse_marker(body) == CommentMarker(SUMMARY, "default", github.pull.head_sha, 12, 1)
    assert body.split("\n")[1] == "## iam:PassRole: 1 new problem"


def test_updated_in_place(github: GitHubFake, post: Poster) -> None:
    """A later push with another result changes the text of the same comment."""
    post.items(item(1), **OFF)
    github.push(github.pull, github.pull.head_files)
    post.items(item(1), item(2), **OFF)
    (comment,) = github.comments()
    assert "2 new problems" in comment.body
    assert parse_marker(comment.body) == CommentMarker(SUMMARY, "default", github.pull.head_sha, 2, 1)
    assert [call.method for call in github.writes()] == ["POST", "PATCH"]


def test_all_fixed(github: GitHubFake, post: Poster) -> None:
    """When the last finding is gone the comment says so, and it is not taken away."""
    post.items(item(1), **OFF)
    post.items(**OFF)
    (body,) = bodies(github)
    assert body.split("\n")[1] == "## iam:PassRole: all fixed"


def test_never_clean_where_it_cannot_be_told(github: GitHubFake, post: Poster) -> None:
    """A head that cannot be read does not make the comment say that all is fixed."""
    post.items(item(1), **OFF)
    post(report(github, unreadable=(ReportNote("a.tf", 1, "no HCL"),)), **OFF)
    (body,) = bodies(github)
    assert body.split("\n")[1] == "## iam:PassRole: result incomplete, 1 file could not be read"


def test_found_on_the_second_page(github: GitHubFake, post: Poster) -> None:
    """The comment is found among more than a hundred."""
    for number in range(130):
        github.comment(github.pull, f"talk {number}")
    post.items(item(1), **OFF)
    post.items(item(2), **OFF)
    assert len(github.comments()) == 131
    assert len(github.calls("GET", "/issues/7/comments")) > 2


def test_forged_marker(github: GitHubFake, post: Poster) -> None:
    """A comment with our marker by somebody else is not ours: it is left as it is, and does not hold ours back."""
    forged = CommentMarker(SUMMARY, "default", github.pull.head_sha, 999_999, 0).prepend_to("All is fine.")
    github.comment(github.pull, forged, user="contributor")
    github.comment(github.pull, forged, user="other-app[bot]", app="other-app")
    post.items(item(1), **OFF)
    assert [comment.user.login for comment in github.comments()] == ["contributor", "other-app[bot]", BOT]
    assert bodies(github)[:2] == [forged, forged]


def test_marker_elsewhere(github: GitHubFake, post: Poster) -> None:
    """A marker that is not the first line, as in a quotation by another workflow with the same user, is none."""
    quoted = "Title:\n" + CommentMarker(SUMMARY).prepend_to("x")
    github.comment(github.pull, quoted, user=BOT)
    post.items(item(1), **OFF)
    assert len(github.comments()) == 2
    assert bodies(github)[0] == quoted


def test_reviews_with_keys(github: GitHubFake, post: Poster) -> None:
    """Two reviews of one pull request, told apart by their keys, have a comment each."""
    post.items(item(1), key="infra", **OFF)
    post.items(item(2), key="apps", **OFF)
    post.items(key="infra", **OFF)
    assert [body.split("\n")[1] for body in bodies(github)] == [
        "## iam:PassRole: all fixed",
        "## iam:PassRole: 1 new problem",
    ]


def test_other_line_breaks(github: GitHubFake, post: Poster) -> None:
    """A comment that comes back with other line breaks, or without the last one, is still the same text."""
    github.gives_back(lambda text: text.replace("\n", "\r\n").strip())
    post.items(item(1), **OFF)
    post.items(item(1), **OFF)
    assert [call.method for call in github.writes()] == ["POST"]


def test_older_run_after_newer(github: GitHubFake, post: Poster) -> None:
    """A run that began earlier, about the same commit, does not take back what a later one has written."""
    early, late = post.context(run=4), post.context(run=5)
    post.items(item(1), item(2), context=late, **OFF)
    posted = post.items(item(1), context=early, **OFF)
    assert "2 new problems" in bodies(github)[0]
    assert (posted.summary, ["newer run" in words for words in post.said]) == (False, [True])


def test_numbers_of_another_workflow(github: GitHubFake, post: Poster) -> None:
    """A workflow whose runs have smaller numbers still writes about a newer head."""
    post.items(item(1), context=post.context(run=5000), **OFF)
    github.push(github.pull, github.pull.head_files)
    post.items(item(1), item(2), context=post.context(run=3), **OFF)
    assert "2 new problems" in bodies(github)[0]


def of_another_run(github: GitHubFake, run: int, text: str) -> None:
    """Puts the comment of another run into the conversation."""
    github.comment(github.pull, CommentMarker(SUMMARY, "default", github.pull.head_sha, run).prepend_to(text), user=BOT)


def test_two_runs_at_the_same_time(github: GitHubFake, post: Poster) -> None:
    """Of two runs that both find no comment, one comment is left, the older one, with the text of the later run."""
    github.when("POST", "/issues/7/comments$", lambda fake: of_another_run(fake, 8, "Of an earlier run."))
    post.items(item(1), context=post.context(run=9), **OFF)
    (comment,) = github.comments()
    assert parse_marker(comment.body) == CommentMarker(SUMMARY, "default", github.pull.head_sha, 9, 1)
    assert "1 new problem" in comment.body
    assert [call.method for call in github.writes()] == ["POST", "DELETE", "PATCH"]


def test_two_runs_at_the_same_time_the_other_way(github: GitHubFake, post: Poster) -> None:
    """The same where the comment that came first is a later run's: it stays, and stays as it is."""
    github.when("POST", "/issues/7/comments$", lambda fake: of_another_run(fake, 9, "Of a later run."))
    post.items(item(1), context=post.context(run=8), **OFF)
    (comment,) = github.comments()
    assert comment.body.endswith("\nOf a later run.")
    assert [call.method for call in github.writes()] == ["POST", "DELETE"]


def test_really_at_the_same_time(github: GitHubFake, post: Poster) -> None:
    """Four runs in four threads leave one comment."""
    posters = [Poster.on(github, post.folder) for _ in range(4)]
    contexts = [post.context(run=number) for number in (1, 2, 3, 4)]
    told = report(github, item(1))
    threads = [
        threading.Thread(target=poster, args=(told,), kwargs={"context": context, **OFF})
        for poster, context in zip(posters, contexts, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(github.comments()) == 1


@pytest.mark.parametrize("fault", [{"status": 502}, {"status": 504}, {"drop": True}])
def test_created_without_an_answer(github: GitHubFake, post: Poster, fault: dict[str, object]) -> None:
    """A comment that was made although the server failed is found, and not made again."""
    github.fault("POST", "/issues/7/comments$", after_effect=True, **fault)
    assert post.items(item(1), **OFF).summary
    assert len(github.comments()) == 1
    assert len(github.calls("POST", "/issues/7/comments$")) == 1


def test_not_created(github: GitHubFake, post: Poster) -> None:
    """A comment that the server failed to make is made by a second try."""
    github.fault("POST", "/issues/7/comments$", status=502)
    assert post.items(item(1), **OFF).summary
    assert len(github.comments()) == 1


def test_edited_without_an_answer(github: GitHubFake, post: Poster) -> None:
    """A change that was not answered is made again, which changes nothing more."""
    post.items(item(1), **OFF)
    github.fault("PATCH", "/issues/comments/", status=502, after_effect=True)
    assert post.items(item(1), item(2), **OFF).summary
    assert "2 new problems" in bodies(github)[0]


def test_deleted_meanwhile(github: GitHubFake, post: Poster) -> None:
    """A comment that somebody deletes just before it is changed is written anew."""
    post.items(item(1), **OFF)
    github.when("PATCH", "/issues/comments/", lambda fake: fake.world.comments.clear())
    post.items(item(2), item(3), **OFF)
    assert ["2 new problems" in body for body in bodies(github)] == [True]


def test_mode_new(github: GitHubFake, post: Poster) -> None:
    """In the mode ``new`` each other result is a comment of its own; the same one is not said again."""
    for found in ([item(1)], [item(1)], [item(1), item(2)], []):
        post.items(*found, comment="new", **OFF)
    assert [body.split("\n")[1] for body in bodies(github)] == [
        "## iam:PassRole: 1 new problem",
        "## iam:PassRole: 2 new problems",
        "## iam:PassRole: all fixed",
    ]


def test_mode_hide_and_new(github: GitHubFake, post: Poster) -> None:
    """In the mode ``hide-and-new`` the comments before the last one are hidden as outdated."""
    for found in ([item(1)], [item(1), item(2)], [item(3)]):
        post.items(*found, comment="hide-and-new", **OFF)
    assert [comment.minimized is not None for comment in github.comments()] == [True, True, False]


def test_cannot_be_hidden(github: GitHubFake, post: Poster) -> None:
    """Where an earlier comment cannot be hidden the new one stands all the same, and that is said."""
    post.items(item(1), comment="hide-and-new", **OFF)
    github.fault("POST", "/graphql$", status=403, skip=1)  # the first asks whose token it is
    assert post.items(item(2), item(3), comment="hide-and-new", **OFF).summary
    assert ["could not be hidden" in words for words in post.said] == [True]


def test_mode_off(github: GitHubFake, post: Poster) -> None:
    """In the mode ``off`` there is no summary, and comments at lines all the same."""
    assert not post.items(item(1), comment="off").summary
    assert (github.comments(), len(github.review_comments())) == ([], 1)


def test_size(github: GitHubFake, post: Poster) -> None:
    """A thousand items with long names in other scripts make a comment that GitHub takes."""
    found = [replace(item(number), resource="\U0001f600" * 300) for number in range(1000)]
    assert post.items(*found, **OFF).summary
    assert len(github.comments()) == 1
