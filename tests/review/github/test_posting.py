"""A whole review on GitHub: writes, their order, and messages about refusals."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from github_fake import GitHubFake
from reports_of_tests import ALL_KINDS
from reviews_on_github import BOT, Poster, give_files, item, report

from passrole_checks.review.ci_context import Context
from passrole_checks.review.markdown.markers import parse_marker
from passrole_checks.review.posting import Posted
from passrole_checks.review.report import Location, ReportNote
from passrole_checks.review.threads import file_mark


@pytest.fixture
def post(github: GitHubFake, tmp_path: Path) -> Poster:
    give_files(github)
    return Poster.on(github, tmp_path)


def test_first_run_makes_three_writes(github: GitHubFake, post: Poster) -> None:
    """The first run makes three writes, a second apart: line comments, summary, status."""
    found = [item(1, 10), item(2, 30), item(3, 49, 51)]
    posted = post.items(*found)
    assert [(call.method, call.path.split("/repos/octo-org/infra")[1]) for call in github.writes()] == [
        ("POST", "/pulls/7/reviews"),
        ("POST", "/issues/7/comments"),
        ("POST", f"/statuses/{github.pull.head_sha}"),
    ]
    github.assert_spaced(1.0)
    assert posted == Posted(7, frozenset(one.key for one in found), frozenset(), True)
    assert len(post.messages) == 2


def test_second_run_writes_the_status_only(github: GitHubFake, post: Poster) -> None:
    """With an equal result nothing is repeated, and the comment is not edited."""
    found = [item(1, 10), item(2, 30)]
    first = post.items(*found)
    github.forget_calls()
    assert post.items(*found) == first
    assert [call.path.rsplit("/", 1)[0] for call in github.writes()] == ["/repos/octo-org/infra/statuses"]


def test_clean_pull_request_gets_only_a_status(github: GitHubFake, post: Poster) -> None:
    """A pull request without any finding gets no comment, and a success status."""
    assert post(report(github, more=ALL_KINDS.more), status=False) == Posted(7)
    assert post.items() == Posted(7)
    assert (github.comments(), github.review_comments()) == ([], [])
    (status,) = github.statuses()
    assert (status.state, status.context, status.description) == (
        "success",
        "passrole-checks",
        "iam:PassRole: nothing new",
    )


def test_unreadable_file_gets_a_comment(github: GitHubFake, post: Poster) -> None:
    """An unreadable file gets a comment without any finding, and the status is an error."""
    post(report(github, unreadable=(ReportNote("a.tf", 3, "no HCL"),)))
    (comment,) = github.comments()
    assert "could not be read" in comment.body
    (status,) = github.statuses()
    assert (status.state, status.description) == ("error", "iam:PassRole: result incomplete, 1 file could not be read")


@pytest.mark.parametrize("event", ["merge_group", "push", "workflow_dispatch"])
def test_event_without_pull_request_gets_only_a_status(github: GitHubFake, post: Poster, event: str) -> None:
    """An event without a pull request gets a status and no comment."""
    context = replace(post.context(), event=event, number=0)
    assert post.items(item(1), context=context) == Posted()
    assert (github.comments(), github.review_comments()) == ([], [])
    assert [status.state for status in github.statuses()] == ["failure"]


def test_missing_token_is_reported(github: GitHubFake, post: Poster) -> None:
    """Without a token nothing is called, and a message says so."""
    assert post.items(item(1), context=post.context(token="")) == Posted()
    assert github.calls() == []
    assert ["GITHUB_TOKEN" in message for message in post.messages] == [True]


def test_read_only_token_names_all_permissions(github: GitHubFake, post: Poster) -> None:
    """With a read-only token, as a fork's, one warning names all missing permissions, and all items are lost."""
    posted = post.items(item(1), context=post.context(token="read_only"), check_run=True)
    assert posted == Posted(7, frozenset(), frozenset({item(1).key}), False)
    (warning,) = [message for message in post.messages if message.startswith("warning: ")]
    for words in ("403: Resource not accessible by integration", "pull-requests: write", "statuses: write"):
        assert words in warning
    assert (github.comments(), github.review_comments(), github.statuses(), github.check_runs()) == ([], [], [], [])


def test_token_without_statuses_posts_comments(github: GitHubFake, post: Poster) -> None:
    """A token that may comment but not set a status posts the comments."""
    posted = post.items(item(1), context=post.context(token="comments_only"))
    assert (posted.summary, len(posted.at_lines), github.statuses()) == (True, 1, [])
    (warning,) = [message for message in post.messages if message.startswith("warning: ")]
    assert "statuses: write (for the commit status)" in warning
    assert "pull-requests" not in warning


@pytest.mark.parametrize("status", [401, 404, 410, 500])
def test_errors_of_github_are_reported(github: GitHubFake, post: Poster, status: int) -> None:
    """Errors of GitHub raise nothing, and messages name what could not be written."""
    for method in ("GET", "POST", "PATCH"):
        github.fault(method, "", status=status, times=1000)
    assert post.items(item(1), check_run=True) == Posted()
    assert any("status" in message for message in post.messages)
    assert github.token not in " ".join(post.messages)


def test_missing_connection_is_reported(github: GitHubFake, post: Poster) -> None:
    """Without a connection the message names the host; reads were tried three times."""
    github.fault("GET", "", drop=True, times=1000)
    github.fault("POST", "", drop=True, times=1000)
    assert post.items(item(1)) == Posted()
    assert len(github.calls("GET", "/pulls/7$")) == 3
    assert post.messages[0].endswith("GET /repos/octo-org/infra/pulls/7: no response from 127.0.0.1 (ConnectionError)")


def test_locked_conversation_is_reported(github: GitHubFake, post: Poster) -> None:
    """A locked conversation is reported as such, not as a missing permission."""
    github.pull.locked = True
    posted = post.items(item(1))
    assert (posted.summary, posted.lost) == (False, frozenset({item(1).key}))
    assert [message for message in post.messages if "Could not post line comments" in message] == [
        "Could not post line comments and the summary to GitHub: the conversation is locked (403: Unable to create"
        " comment because issue is locked.)."
    ]
    assert not any("warning" in message for message in post.messages)


def test_closed_pull_request_gets_no_comments(github: GitHubFake, post: Poster) -> None:
    """A closed pull request gets no comments."""
    github.pull.state = "closed"
    assert post.items(item(1)) == Posted()
    assert any("closed" in message for message in post.messages)
    assert (github.comments(), github.review_comments()) == ([], [])


def test_replaced_head_gets_no_comments(github: GitHubFake, post: Poster) -> None:
    """A run about a head that was replaced writes nothing on the pull request."""
    context, result = post.context(), report(github, item(1))
    github.push(github.pull, github.pull.head_files, sha="5" * 40, forced=True)
    assert post(result, context=context) == Posted()
    assert (github.comments(), github.review_comments()) == ([], [])
    assert f"newer commit than {result.head[:12]}" in post.messages[0]


def test_push_during_the_run_leaves_the_summary_to_the_next(github: GitHubFake, post: Poster) -> None:
    """After a push during the line comments, the summary is left to the next run."""
    github.when("POST", "/reviews$", lambda fake: fake.push(fake.pull, fake.pull.head_files, sha="5" * 40), after=True)
    posted = post.items(item(1))
    assert (posted.summary, len(posted.at_lines), github.comments()) == (False, 1, [])
    assert any("later run" in message for message in post.messages)


def test_force_push_stops_after_the_first_refusal(github: GitHubFake, post: Poster) -> None:
    """If every position is refused because the head was replaced, posting stops at once."""
    github.when("POST", "/reviews$", lambda fake: fake.push(fake.pull, fake.pull.head_files, sha="5" * 40, forced=True))
    found = [item(number, line) for number, line in enumerate((10, 30, 50, 70, 90), start=1)]
    posted = post.items(*found)
    assert posted.lost == {one.key for one in found}
    assert len(github.calls("POST", "/reviews$")) == 1
    assert any("newer commit" in message for message in post.messages)


def test_report_about_another_commit_is_not_posted(github: GitHubFake, post: Poster) -> None:
    """A report about another commit than the run's is not posted, since a file can claim anything."""
    result = report(github, item(1), head="0123456789" * 4)
    assert post(result) == Posted()
    assert github.calls() == []
    named = replace(result, head="the working tree")
    assert post(named, context=replace(post.context(), event="workflow_run")) == Posted()
    assert github.calls() == []


def test_dry_run_prints_writes(github: GitHubFake, post: Poster) -> None:
    """A dry run prints the writes, reads existing comments, and writes nothing."""
    github.comment(github.pull, "hello")
    post.items(item(1), dry_run=True)
    calls = [json.loads(line) for line in post.printed]
    assert [(call["method"], call["path"]) for call in calls] == [
        ("POST", "/repos/octo-org/infra/pulls/7/reviews"),
        ("POST", "/repos/octo-org/infra/issues/7/comments"),
        ("POST", f"/repos/octo-org/infra/statuses/{github.pull.head_sha}"),
    ]
    assert [(one["path"], one["line"]) for one in calls[0]["body"]["comments"]] == [("a.tf", 10)]
    assert github.writes() == []
    assert github.calls("GET", "/issues/7/comments") != []


def test_dry_run_without_token(github: GitHubFake, post: Poster) -> None:
    """Without a token a dry run prints the writes for an empty pull request, and calls nothing."""
    post.items(item(1), dry_run=True, check_run=True, context=post.context(token=""))
    assert [json.loads(line)["method"] for line in post.printed] == ["POST"] * 4
    assert github.calls() == []


def test_token_is_never_output(github: GitHubFake, post: Poster, capfd: pytest.CaptureFixture[str]) -> None:
    """Messages, output and comments never contain the token."""
    github.fault("POST", "/reviews$", status=403, body={"message": "no"})
    post.items(item(1))
    post.items(item(2), dry_run=True)
    texts = [*post.messages, *post.printed, *(json.dumps(call.json) for call in github.writes()), *capfd.readouterr()]
    assert github.token not in "\n".join(texts)


def test_renamed_repository_is_followed(github: GitHubFake, post: Poster) -> None:
    """A repository renamed since the event is found."""
    context = post.context()
    github.rename(github.repository, "renamed")
    assert post.items(item(1), context=context).summary
    assert len(github.comments()) == 1


def test_rate_limited_write_is_made_once(github: GitHubFake, post: Poster) -> None:
    """A write beyond the rate limit is made once GitHub accepts it, and only once."""
    github.limits.writes_per_minute = 1
    assert post.items(item(1)).summary
    assert (len(github.comments()), len(github.review_comments()), len(github.statuses())) == (1, 1, 1)
    assert [call.status for call in github.writes()] == [200, 403, 201, 403, 201]
    assert max(github.clock.slept) == 60


def test_comments_belong_to_the_owner_of_the_token(github: GitHubFake, post: Poster) -> None:
    """Only comments by the owner of the token are ours."""
    post.items(item(1))
    post.items(item(1), context=post.context(token="personal"))
    assert [comment.user.login for comment in github.comments()] == [BOT, "passrole-bot"]


def test_author_option_replaces_the_viewer(github: GitHubFake, post: Poster) -> None:
    """With the option ``author`` the viewer is not queried."""
    post.items(item(1))
    github.forget_calls()
    post.items(item(1), author="GitHub-Actions[bot]")
    assert github.calls("GET", "/user$") == []
    assert len(github.comments()) == 1


def test_unknown_repository_is_reported() -> None:
    """An unknown repository is reported, and nothing is called."""
    from passrole_checks.review.ci_context import PostOptions
    from passrole_checks.review.github import post as bare

    result: list[str] = []
    from reports_of_tests import EMPTY

    assert bare(EMPTY, Context(token="x"), PostOptions(), result.append) == Posted()
    assert ["GITHUB_REPOSITORY" in words for words in result] == [True]


@pytest.mark.parametrize(
    "told",
    [
        {"not_evaluated": (ReportNote("a.tf", 3, "module x is not here", "other", True),)},
        {"notes": (ReportNote("pyproject.toml", 0, "differs from that of main, which is used", "other", True),)},
    ],
)
def test_skipped_input_gets_a_comment(github: GitHubFake, post: Poster, told: dict[str, object]) -> None:
    """A change that is not evaluated, or not used, gets a comment without any new finding."""
    assert post(report(github, **told), status=False).summary
    assert len(github.comments()) == 1


def test_marker_contains_the_attempt_and_the_files(github: GitHubFake, post: Poster) -> None:
    """A marker contains the attempt of the run, and the marks of the statements' files."""
    context = post.context(run=5)
    context = replace(context, run=replace(context.run, attempt=3))
    at_cause = replace(item(1, 10), at=Location("main.tf", 4, 4))
    post.items(at_cause, context=context, comment="off", status=False)
    marker = parse_marker(github.review_comments()[0].body)
    assert marker is not None
    assert (marker.order, marker.items, marker.files) == ((5, 3), (at_cause.key,), (file_mark("main.tf"),))
