"""Closing of threads whose items are gone."""

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


def test_fixed_thread_gets_a_reply_and_is_resolved(github: GitHubFake, post: Poster) -> None:
    """A thread whose item is gone gets a reply and is resolved; the other thread is left alone."""
    post.items(item(1, 10), item(2, 30), context=post.context(token="resolver"), **OFF)
    github.forget_calls()
    post.items(item(2, 30), context=post.context(token="resolver"), **OFF)
    (reply,) = replies(github)
    marker = parse_marker(reply)
    assert marker is not None and marker.kind == FIXED
    assert "no longer found" in reply
    assert resolved(github) == ["github-actions[bot]", ""]
    github.assert_spaced(1.0)


def test_token_that_cannot_resolve_replies_once(github: GitHubFake, post: Poster) -> None:
    """If the token may not resolve, only one reply is written, also by later runs."""
    post.items(item(1, 10), **OFF)
    post.items(**OFF)
    assert len(post.messages) == 2
    assert "Resource not accessible by integration" in post.messages[1]
    assert "contents: write" in post.messages[1]
    github.forget_calls()
    post.items(**OFF)
    assert (len(replies(github)), resolved(github), github.writes()) == (1, [""], [])


def test_reply_without_graphql(github: GitHubFake, post: Poster) -> None:
    """If GraphQL is refused, the reply is still written."""
    post.items(item(1, 10), **OFF)
    github.fault("POST", "/graphql$", status=403, times=5)
    post.items(**OFF)
    assert len(replies(github)) == 1


def test_returning_item_gets_a_new_thread(github: GitHubFake, post: Poster) -> None:
    """An item that returns after it was fixed gets a new thread."""
    for found in ([item(1, 10)], [], [item(1, 10)], [item(1, 10)], [], []):
        post.items(*found, context=post.context(token="resolver"), **OFF)
    assert [len(thread.comments) for thread in github.threads()] == [2, 2]
    assert resolved(github) == ["github-actions[bot]"] * 2


def test_thread_resolved_by_a_person_gets_no_reply(github: GitHubFake, post: Poster) -> None:
    """A thread that a person resolved before gets no reply."""
    post.items(item(1, 10), **OFF)
    github.resolve(github.review_comments()[0])
    github.forget_calls()
    post.items(**OFF)
    assert (replies(github), github.writes()) == ([], [])


def test_thread_with_replies_is_closed_and_kept(github: GitHubFake, post: Poster) -> None:
    """A thread with replies of people is closed, and nothing is deleted."""
    post.items(item(1, 10), **OFF)
    first = github.review_comments()[0]
    github.reply(first, "But why?")
    post.items(**OFF)
    assert [each.user.login for each in github.threads()[0].comments] == [
        "github-actions[bot]",
        "other-user",
        "github-actions[bot]",
    ]
    assert github.calls("DELETE", "") == []


def test_threads_of_others_are_not_touched(github: GitHubFake, post: Poster) -> None:
    """Threads of others are not touched, even with replies of ours."""
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
def test_unread_item_is_not_fixed(github: GitHubFake, post: Poster, changes: dict[str, object], is_fixed: bool) -> None:
    """An item that could not be read or evaluated is not fixed."""
    post.items(item(1, 10), **OFF)
    post(report(github, **changes), **OFF)
    assert len(replies(github)) == is_fixed


def test_thread_with_remaining_items_stays_open(github: GitHubFake, post: Poster) -> None:
    """A comment about several items is closed when all of them are gone."""
    same = [item(number, 10, rule="PASSROLE_001") for number in (1, 2)]
    post.items(*same, **OFF)
    assert len(github.review_comments()) == 1
    post.items(same[1], **OFF)
    assert replies(github) == []
    post.items(**OFF)
    assert len(replies(github)) == 1


@pytest.mark.parametrize("after_effect", [True, False])
def test_reply_after_a_server_error_is_written_once(github: GitHubFake, post: Poster, after_effect: bool) -> None:
    """After a server error the reply exists once, whether the failed call wrote it or not."""
    post.items(item(1, 10), **OFF)
    github.fault("POST", "/replies$", status=502, after_effect=after_effect)
    post.items(**OFF)
    assert len(replies(github)) == 1


def test_resolving_is_retried(github: GitHubFake, post: Poster) -> None:
    """A thread that failed to be resolved is resolved by a second call."""
    post.items(item(1, 10), context=post.context(token="resolver"), **OFF)
    github.fault("POST", "/graphql$", status=502, skip=2)  # behind whose token it is, and the threads
    post.items(context=post.context(token="resolver"), **OFF)
    assert (len(replies(github)), resolved(github)) == (1, ["github-actions[bot]"])


def test_thread_is_found_among_many(github: GitHubFake, post: Poster) -> None:
    """The thread is found among more than a hundred."""
    for number in range(110):
        github.review_comment(github.pull, "a.tf", 10, f"talk {number}")
    post.items(item(1, 10), context=post.context(token="resolver"), **OFF)
    post.items(context=post.context(token="resolver"), **OFF)
    assert [login for login in resolved(github) if login] == ["github-actions[bot]"]


def test_deleted_thread_is_ignored(github: GitHubFake, post: Poster) -> None:
    """A thread that was deleted meanwhile is no error."""
    post.items(item(1, 10), **OFF)
    github.when("POST", "/replies$", lambda fake: fake.world.threads.clear())
    post.items(**OFF)
    assert (github.review_comments(), [message for message in post.messages if "warning" in message]) == ([], [])


@pytest.mark.parametrize(("file", "is_fixed"), [("main.tf", False), ("other.tf", True)])
def test_thread_at_a_cause_needs_the_file_of_the_statement(
    github: GitHubFake, post: Poster, file: str, is_fixed: bool
) -> None:
    """A thread at the cause, in another file, stays open while the statement's file is not evaluated."""
    post.items(replace(item(1, 10), at=Location("main.tf", 4, 4)), **OFF)
    post(report(github, not_evaluated=(ReportNote(file, 7, "the module is not here"),)), **OFF)
    assert len(replies(github)) == is_fixed
