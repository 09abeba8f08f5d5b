"""What becomes of a thread at lines when its items are gone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from github_fake import GitHubFake
from reviews_on_github import Poster, give_files, item, report

from passrole_checks.review.markdown.markers import FIXED, parse_marker
from passrole_checks.review.report import Location, ReportNote

OFF = {"comment": "off", "status": False}


@pytest.fixture
def post(github: GitHubFake, tmp_path: Path) -> Poster:
    give_files(github)
    return Poster.on(github, tmp_path)


def replies(github: GitHubFake) -> list[str]:
    return [each.body for thread in github.threads() for each in thread.comments[1:]]


def resolved(github: GitHubFake) -> list[str]:
    return [thread.resolved_by.login if thread.resolved_by else "" for thread in github.threads()]


def test_reply_and_resolve(github: GitHubFake, post: Poster) -> None:
    """A thread whose item is gone gets a reply that says so, and is resolved; the other thread is left alone."""
    post.items(item(1, 10), item(2, 30), context=post.context(token="resolver"), **OFF)
    github.forget_calls()
    post.items(item(2, 30), context=post.context(token="resolver"), **OFF)
    (reply,) = replies(github)
    marker = parse_marker(reply)
    assert marker is not None and marker.kind == FIXED
    assert "no longer found" in reply
    assert resolved(github) == ["github-actions[bot]", ""]
    github.assert_spaced(1.0)


def test_not_allowed_to_resolve(github: GitHubFake, post: Poster) -> None:
    """Where the token may not resolve, the reply stands alone, and is not repeated by later runs."""
    post.items(item(1, 10), **OFF)
    post.items(**OFF)
    assert len(post.said) == 2
    assert "Resource not accessible by integration" in post.said[1]
    assert "contents: write" in post.said[1]
    github.forget_calls()
    post.items(**OFF)
    assert (len(replies(github)), resolved(github), github.writes()) == (1, [""], [])


def test_threads_cannot_be_read(github: GitHubFake, post: Poster) -> None:
    """Where GraphQL is refused the reply is written all the same."""
    post.items(item(1, 10), **OFF)
    github.fault("POST", "/graphql$", status=403, times=5)
    post.items(**OFF)
    assert len(replies(github)) == 1


def test_back_again(github: GitHubFake, post: Poster) -> None:
    """What comes back after it was said to be fixed is a new thread, which has its own end."""
    for found in ([item(1, 10)], [], [item(1, 10)], [item(1, 10)], [], []):
        post.items(*found, context=post.context(token="resolver"), **OFF)
    assert [len(thread.comments) for thread in github.threads()] == [2, 2]
    assert resolved(github) == ["github-actions[bot]"] * 2


def test_resolved_by_a_person(github: GitHubFake, post: Poster) -> None:
    """Nothing is added to a thread that a person has resolved before it was fixed."""
    post.items(item(1, 10), **OFF)
    github.resolve(github.review_comments()[0])
    github.forget_calls()
    post.items(**OFF)
    assert (replies(github), github.writes()) == ([], [])


def test_replies_of_people(github: GitHubFake, post: Poster) -> None:
    """A thread in which people have answered is ended like any other, and all of it stays."""
    post.items(item(1, 10), **OFF)
    first = github.review_comments()[0]
    github.reply(first, "But why?")
    post.items(**OFF)
    assert [each.user.login for each in github.threads()[0].comments] == [
        "github-actions[bot]",
        "somebody",
        "github-actions[bot]",
    ]
    assert github.calls("DELETE", "") == []


def test_threads_of_others(github: GitHubFake, post: Poster) -> None:
    """Threads that others began are never touched, though we have answered in them."""
    theirs = github.review_comment(github.pull, "a.tf", 10, "Is this wise?")
    github.reply(theirs, "Yes.", user="github-actions[bot]")
    post.items(**OFF)
    assert (len(replies(github)), resolved(github)) == (1, [""])


@pytest.mark.parametrize(
    ("changes", "is_fixed"),
    [
        ({"unreadable": (ReportNote("b.tf", 1, "no HCL"),)}, False),
        ({"not_evaluated": (ReportNote("b.tf", 0, "too large"),)}, False),
        ({"not_evaluated": (ReportNote("a.tf", 7, "the module is not here"),)}, False),
        ({"not_evaluated": (ReportNote("b.tf", 7, "the module is not here"),)}, True),
    ],
)
def test_not_known_to_be_fixed(github: GitHubFake, post: Poster, changes: dict[str, object], is_fixed: bool) -> None:
    """What is not found because it could not be read, or its file was not evaluated, is not said to be fixed."""
    post.items(item(1, 10), **OFF)
    post(report(github, **changes), **OFF)
    assert len(replies(github)) == is_fixed


def test_some_of_a_comment(github: GitHubFake, post: Poster) -> None:
    """A comment about several items is ended when all of them are gone."""
    same = [item(number, 10, rule="PASSROLE_001") for number in (1, 2)]
    post.items(*same, **OFF)
    assert len(github.review_comments()) == 1
    post.items(same[1], **OFF)
    assert replies(github) == []
    post.items(**OFF)
    assert len(replies(github)) == 1


@pytest.mark.parametrize("after_effect", [True, False])
def test_reply_without_an_answer(github: GitHubFake, post: Poster, after_effect: bool) -> None:
    """A reply that the server failed at is there once, whether the failed call had made it or not."""
    post.items(item(1, 10), **OFF)
    github.fault("POST", "/replies$", status=502, after_effect=after_effect)
    post.items(**OFF)
    assert len(replies(github)) == 1


def test_resolved_without_an_answer(github: GitHubFake, post: Poster) -> None:
    """A thread that the server failed to resolve is resolved by a second try."""
    post.items(item(1, 10), context=post.context(token="resolver"), **OFF)
    github.fault("POST", "/graphql$", status=502, skip=2)  # behind whose token it is, and the threads
    post.items(context=post.context(token="resolver"), **OFF)
    assert (len(replies(github)), resolved(github)) == (1, ["github-actions[bot]"])


def test_many_threads(github: GitHubFake, post: Poster) -> None:
    """The thread is found among more than a hundred."""
    for number in range(110):
        github.review_comment(github.pull, "a.tf", 10, f"talk {number}")
    post.items(item(1, 10), context=post.context(token="resolver"), **OFF)
    post.items(context=post.context(token="resolver"), **OFF)
    assert [login for login in resolved(github) if login] == ["github-actions[bot]"]


def test_deleted_thread(github: GitHubFake, post: Poster) -> None:
    """A thread that somebody deletes meanwhile is no trouble."""
    post.items(item(1, 10), **OFF)
    github.when("POST", "/replies$", lambda fake: fake.world.threads.clear())
    post.items(**OFF)
    assert (github.review_comments(), [words for words in post.said if "warning" in words]) == ([], [])


@pytest.mark.parametrize(("file", "is_fixed"), [("main.tf", False), ("other.tf", True)])
def test_at_a_cause(github: GitHubFake, post: Poster, file: str, is_fixed: bool) -> None:
    """A thread at the cause, in another file, is not ended while the statement's file was not evaluated."""
    post.items(replace(item(1, 10), at=Location("main.tf", 4, 4)), **OFF)
    post(report(github, not_evaluated=(ReportNote(file, 7, "the module is not here"),)), **OFF)
    assert len(replies(github)) == is_fixed
