"""Refusals of GitHub that no permission changes: each is reported once, with its cause."""

from __future__ import annotations

import re
from dataclasses import replace
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest
from github_fake import GitHubFake
from reviews_on_github import BOT, Poster, give_files, item, report

from passrole_checks.review.http import ForgeError, RateLimited
from passrole_checks.review.refusals import refusal_cause

PERMISSIONS = re.compile(r"permission|: write|requires|scope", re.IGNORECASE)
HOUR = {"retry-after": "3600"}
LIMIT = {"message": "API rate limit exceeded for installation ID 1."}
SECONDARY = {"message": "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."}
ABUSE = {"message": "You have triggered an abuse detection mechanism. Please wait a few minutes before you try again."}
QUICK = {
    "message": "Validation Failed",
    "errors": ["was submitted too quickly"],
    "documentation_url": "https://docs.github.com/rest/pulls/reviews",
}


@pytest.fixture
def post(github: GitHubFake, tmp_path: Path) -> Poster:
    give_files(github)
    return Poster.on(github, tmp_path)


def until(github: GitHubFake, seconds: int) -> dict[str, str]:
    return {"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(int(github.clock.now()) + seconds)}


@pytest.mark.parametrize("call", [("GET", ""), ("POST", "^/repos/")])
@pytest.mark.parametrize(
    ("status", "body", "headers"),
    [(403, LIMIT, HOUR), (429, LIMIT, HOUR), (403, SECONDARY, HOUR), (403, ABUSE, HOUR), (422, QUICK, HOUR)],
)
def test_used_up_rate_limit_is_reported_once(
    github: GitHubFake, post: Poster, call: tuple[str, str], status: int, body: dict[str, Any], headers: dict[str, str]
) -> None:
    """A rate limit beyond our waiting time is reported once, with its end and no permission; nothing more is called."""
    github.fault(*call, status=status, body=body, headers=headers, times=1000)
    assert post.items(item(1), check_run=True).lost == ({item(1).key} if call[0] == "POST" else frozenset())
    (message,) = [message for message in post.messages if "Could not post" in message and "item" not in message]
    assert re.search(r" to GitHub: the rate limit is used up until [0-9-]{10} [0-9:]{8} UTC \(60 minutes\);", message)
    assert f"the answer was {status}: {body['message'].rstrip('.')}" in message
    assert not PERMISSIONS.search(" ".join(post.messages))
    assert len([each for each in github.calls(call[0], call[1]) if each.status == status]) == 1
    assert github.clock.slept == []


def test_quick_comment_is_a_rate_limit(github: GitHubFake, post: Poster) -> None:
    """For issue comments, GitHub's errors are objects."""
    error = {
        "resource": "IssueComment",
        "code": "unprocessable",
        "field": "data",
        "message": "was submitted too quickly",
    }
    body = {**QUICK, "errors": [error]}
    github.fault("POST", "/issues/7/comments$", status=422, body=body, headers=HOUR, times=1000)
    assert not post.items(item(1)).summary
    assert any("the rate limit is used up until" in message for message in post.messages)


def test_used_up_hourly_limit_names_its_end(github: GitHubFake, post: Poster) -> None:
    """The end of the hourly limit is that of ``x-ratelimit-reset``, and all that could not be written is named."""
    github.fault("POST", "^/repos/", status=403, body=LIMIT, headers=until(github, 1800), times=1000)
    post.items(item(1))
    assert any(
        message.startswith(
            "Could not post line comments, the summary and the commit status to GitHub: the rate limit is used up until"
        )
        and "(30 minutes)" in message
        for message in post.messages
    )


@pytest.mark.parametrize("kind", ["seconds", "date", "reset"])
def test_limit_within_the_waiting_time_is_waited_for(github: GitHubFake, post: Poster, kind: str) -> None:
    """A limit that ends within our waiting time is waited for, and everything is posted."""
    date = formatdate(github.clock.now() + 120, usegmt=True)
    headers = {"seconds": {"retry-after": "120"}, "date": {"retry-after": date}, "reset": until(github, 120)}[kind]
    github.fault("POST", "/reviews$", status=403, body=LIMIT, headers=headers)
    assert post.items(item(1)).summary
    assert 115 <= max(github.clock.slept) <= 121
    assert len(github.review_comments()) == 1


def test_graphql_limit_is_no_missing_permission(github: GitHubFake, post: Poster) -> None:
    """GraphQL's own limit, reported with status 200, leaves fixed threads unresolved, and the rest is posted."""
    post.items(item(1))
    body = {"errors": [{"type": "RATE_LIMITED", "message": "API rate limit exceeded for user ID 1."}]}
    github.fault("POST", "/graphql$", status=200, body=body, headers=until(github, 3600), times=1000)
    assert post(report(github), author=BOT).summary
    (message,) = [message for message in post.messages if message.startswith("Could not")]
    assert message.startswith("Could not resolve fixed threads: the rate limit is used up until ")
    assert not PERMISSIONS.search(message)
    assert len(github.review_comments()) == 2  # the reply


@pytest.mark.parametrize(
    ("message", "cause"),
    [
        ("Repository was archived so is read-only.", "archived"),
        (
            "Although you appear to have the correct authorization credentials, the `acme` organization has an IP allow"
            " list enabled, and your IP address is not permitted to access this resource.",
            "allow list",
        ),
        (
            "Resource protected by organization SAML enforcement. You must grant your OAuth token access to this"
            " organization.",
            "single sign-on",
        ),
        ("User is blocked", "the owner of the token is blocked"),
        ("403 Forbidden - Your account has been blocked.", "the owner of the token is blocked"),
        ("Repository access blocked", "access to the repository is blocked"),
        ("Sorry. Your account was suspended.", "suspended"),
        ("Interactions on this repository have been restricted to collaborators only.", "interactions"),
        ("Unable to create comment because issue is locked.", "the conversation is locked"),
        ("403 Forbidden - You (@x) must accept the Terms of Service in order to perform this action.", "terms"),
    ],
)
def test_other_refusals_have_their_cause(github: GitHubFake, post: Poster, message: str, cause: str) -> None:
    """A refusal that no permission changes is reported with its cause and GitHub's message, and names no permission."""
    github.fault("POST", "", status=403, body={"message": message}, times=1000)
    post.items(item(1), check_run=True)
    (said,) = [each for each in post.messages if each.startswith("Could not post line comments")]
    assert cause in said and f"(403: {message})" in said
    assert not any(each.startswith("warning: ") for each in post.messages)


def test_limit_without_an_end_is_unknown() -> None:
    """A limit whose end the forge does not name is reported so."""
    reason = refusal_cause(RateLimited("GET /x", "429: too many", None, 60))
    assert reason == "the rate limit is used up; how long is unknown; the answer was 429: too many"
    assert refusal_cause(ForgeError("GET /x", 403, "Resource not accessible by integration")) is None
    assert refusal_cause(ForgeError("GET /x", 502, "blocked")) is None


def test_rate_limited_viewer_is_not_another_user(github: GitHubFake, post: Poster) -> None:
    """If the owner of the token cannot be asked for, nothing is posted as another user."""
    github.fault("GET", "/user$", status=403, body=LIMIT, headers=HOUR, times=1000)
    context = replace(post.context(), event="pull_request")
    assert not post.items(item(1), context=context).summary
    assert (github.comments(), github.review_comments()) == ([], [])
