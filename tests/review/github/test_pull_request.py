"""The pull request that a review is posted on, without one in the event, or for a fork."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from github_fake import GitHubFake
from reviews_on_github import Poster, give_files, item, report

from passrole_checks.review.posting import Posted


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


def test_workflow_run_finds_the_pull_request_by_its_head(github: GitHubFake, post: Poster) -> None:
    """A ``workflow_run`` finds the pull request by the commit that GitHub says was scanned."""
    posted = post.items(item(1), context=post.context("workflow_run"))
    assert (posted.number, posted.summary, len(posted.at_lines)) == (7, True, 1)
    assert [status.state for status in github.statuses()] == ["failure"]


def test_fork_is_found_by_owner_and_branch(fork: GitHubFake, post: Poster) -> None:
    """A fork's pull request, whose commits GitHub does not associate, is found by owner and branch."""
    posted = post.items(item(1), context=post.context("workflow_run"))
    assert (posted.number, posted.summary, len(posted.at_lines)) == (7, True, 1)


def test_report_of_a_fork_sets_no_status(fork: GitHubFake, post: Poster) -> None:
    """A report of a fork's workflow sets no status and no check run, since it may claim anything."""
    post.items(context=post.context("workflow_run"), check_run=True)
    assert (fork.statuses(), fork.check_runs()) == ([], [])
    assert any("workflow of a fork" in message for message in post.messages)


def test_pull_request_target_posts_for_a_fork(fork: GitHubFake, post: Poster) -> None:
    """Under ``pull_request_target`` the report is trusted, and a fork's pull request gets everything."""
    post.items(item(1), context=post.context("pull_request_target"))
    assert (len(fork.comments()), len(fork.review_comments()), len(fork.statuses())) == (1, 1, 1)


def test_same_commit_of_another_fork_is_not_used(fork: GitHubFake, post: Poster) -> None:
    """A pull request with the same commit from another repository is not used."""
    context = replace(post.context("workflow_run"), head_repository="attacker/infra")
    assert post.items(item(1), context=context) == Posted()
    assert fork.comments() == []
    assert any(f"commit {'f0' * 6}" in message for message in post.messages)


def test_replaced_head_is_not_found(fork: GitHubFake, post: Poster) -> None:
    """A head replaced since the scan is not found."""
    context, result = post.context("workflow_run"), report(fork, item(1))
    fork.push(fork.pull, fork.pull.head_files, sha="f1" * 20, forced=True)
    assert post(result, context=context) == Posted()
    assert fork.writes() == []


def test_report_cannot_choose_the_pull_request(fork: GitHubFake, post: Poster) -> None:
    """A report cannot choose a pull request."""
    other = fork.new_pull({"a.tf": "1\n"}, {"a.tf": "2\n"}, number=8, head_ref="other")
    post.items(item(1), context=post.context("workflow_run"))
    assert (len(fork.comments(fork.pull)), fork.comments(other)) == (1, [])


@pytest.mark.parametrize("change", ["base", "head", "sha", "state"])
def test_only_an_open_pull_request_with_this_head_counts(github: GitHubFake, post: Poster, change: str) -> None:
    """Only an open pull request of this repository with this head counts."""
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


def test_two_pull_requests_with_the_same_head_are_ambiguous(github: GitHubFake, post: Poster) -> None:
    """Of two pull requests with the same head, for two targets, neither is used."""
    pull = github.pull
    second = github.new_pull(pull.base_files, pull.head_files, number=8, head_sha=pull.head_sha)
    second.base_ref = "release"
    assert post.items(item(1), context=post.context("workflow_run")) == Posted()
    assert any("(7, 8)" in message for message in post.messages)


def test_closed_pull_request_is_not_found(github: GitHubFake, post: Poster) -> None:
    """A closed pull request is not found."""
    github.pull.state = "closed"
    assert post.items(item(1), context=post.context("workflow_run")) == Posted()
    assert github.comments() == []


def test_pull_request_is_found_by_branch_without_permission(github: GitHubFake, post: Poster) -> None:
    """Without permission to list a commit's pull requests, the branch is used."""
    github.fault("GET", "/commits/", status=403, times=5)
    assert post.items(item(1), context=post.context("workflow_run")).number == 7
