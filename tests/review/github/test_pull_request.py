"""Which pull request a review goes to, where the event names none, or a fork is behind it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from github_fake import GitHubFake
from reviews_on_github import Poster, give_files, item, report

from passrole_checks.review.github import Posted


@pytest.fixture
def post(github: GitHubFake, tmp_path: Path) -> Poster:
    give_files(github)
    return Poster.on(github, tmp_path)


@pytest.fixture
def fork(github: GitHubFake, post: Poster) -> GitHubFake:
    """The head of the pull request is in a fork."""
    github.pull.head_repository = github.new_repository("contributor/infra", parent=github.repository)
    github.push(github.pull, github.pull.head_files, sha="f0" * 20, forced=True)
    return github


def test_by_the_head(github: GitHubFake, post: Poster) -> None:
    """A ``workflow_run`` finds the pull request by the commit that GitHub says was scanned."""
    posted = post.items(item(1), context=post.context("workflow_run"))
    assert (posted.number, posted.summary, len(posted.at_lines)) == (7, True, 1)
    assert [status.state for status in github.statuses()] == ["failure"]


def test_fork(fork: GitHubFake, post: Poster) -> None:
    """The pull request of a fork, whose commits GitHub does not relate to it, is found by the owner and the branch."""
    posted = post.items(item(1), context=post.context("workflow_run"))
    assert (posted.number, posted.summary, len(posted.at_lines)) == (7, True, 1)


def test_no_gate_is_opened_by_a_fork(fork: GitHubFake, post: Poster) -> None:
    """A report that a fork's workflow made sets no status and no check run: it may claim anything."""
    post.items(context=post.context("workflow_run"), check_run=True)
    assert (fork.statuses(), fork.check_runs()) == ([], [])
    assert any("workflow of a fork" in words for words in post.said)


def test_fork_with_a_token_of_the_target(fork: GitHubFake, post: Poster) -> None:
    """Under ``pull_request_target`` the report is our own, and a fork's pull request gets all of it."""
    post.items(item(1), context=post.context("pull_request_target"))
    assert (len(fork.comments()), len(fork.review_comments()), len(fork.statuses())) == (1, 1, 1)


def test_not_another_fork(fork: GitHubFake, post: Poster) -> None:
    """A pull request with the same commit from another repository is not the one."""
    context = replace(post.context("workflow_run"), head_repository="attacker/infra")
    assert post.items(item(1), context=context) == Posted()
    assert fork.comments() == []
    assert any(f"commit {'f0' * 6}" in words for words in post.said)


def test_moved_on(fork: GitHubFake, post: Poster) -> None:
    """A head that was replaced since the scan is no head any more: nothing is written."""
    context, told = post.context("workflow_run"), report(fork, item(1))
    fork.push(fork.pull, fork.pull.head_files, sha="f1" * 20, forced=True)
    assert post(told, context=context) == Posted()
    assert fork.writes() == []


def test_claimed_number(fork: GitHubFake, post: Poster) -> None:
    """A report cannot choose a pull request: another one stays without comments."""
    other = fork.new_pull({"a.tf": "1\n"}, {"a.tf": "2\n"}, number=8, head_ref="other")
    post.items(item(1), context=post.context("workflow_run"))
    assert (len(fork.comments(fork.pull)), fork.comments(other)) == (1, [])


@pytest.mark.parametrize("change", ["base", "head", "sha", "state"])
def test_look_alikes(github: GitHubFake, post: Poster, change: str) -> None:
    """Of what GitHub relates to the commit, only an open pull request of this repository with this very head counts."""
    name = github.repository.full_name
    other = {
        "number": 99,
        "state": "closed" if change == "state" else "open",
        "head": {
            "sha": "0" * 40 if change == "sha" else github.pull.head_sha,
            "repo": {"full_name": "else/infra" if change == "head" else name},
        },
        "base": {"repo": {"full_name": "else/infra" if change == "base" else name}},
    }
    github.fault("GET", "/commits/", status=200, body=[other])
    assert post.items(item(1), context=post.context("workflow_run")).number == 7


def test_several(github: GitHubFake, post: Poster) -> None:
    """Where two pull requests have the same head, for two targets, nobody can tell which one was scanned."""
    pull = github.pull
    second = github.new_pull(pull.base_files, pull.head_files, number=8, head_sha=pull.head_sha)
    second.base_ref = "release"
    assert post.items(item(1), context=post.context("workflow_run")) == Posted()
    assert any("(7, 8)" in words for words in post.said)


def test_closed(github: GitHubFake, post: Poster) -> None:
    """A closed pull request is none."""
    github.pull.state = "closed"
    assert post.items(item(1), context=post.context("workflow_run")) == Posted()
    assert github.comments() == []


def test_relation_cannot_be_asked(github: GitHubFake, post: Poster) -> None:
    """A token that may not ask for the pull requests of a commit finds it by the branch."""
    github.fault("GET", "/commits/", status=403, times=5)
    assert post.items(item(1), context=post.context("workflow_run")).number == 7
