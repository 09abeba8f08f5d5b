"""A review on GitHub as a whole: what is written, in which order, and what is said where GitHub refuses."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from github_fake import GitHubFake
from reports_of_tests import ALL_KINDS
from reviews_on_github import BOT, Poster, give_files, item, report

from passrole_checks.review.ci_context import Context
from passrole_checks.review.github import Posted
from passrole_checks.review.markdown.markers import parse_marker
from passrole_checks.review.report import Location, ReportNote
from passrole_checks.review.threads import file_mark


@pytest.fixture
def post(github: GitHubFake, tmp_path: Path) -> Poster:
    give_files(github)
    return Poster.on(github, tmp_path)


def test_three_writes(github: GitHubFake, post: Poster) -> None:
    """The first time there are three writes, a second apart: the comments at lines, the summary, the status."""
    found = [item(1, 10), item(2, 30), item(3, 49, 51)]
    posted = post.items(*found)
    assert [(call.method, call.path.split("/repos/octo-org/infra")[1]) for call in github.writes()] == [
        ("POST", "/pulls/7/reviews"),
        ("POST", "/issues/7/comments"),
        ("POST", f"/statuses/{github.pull.head_sha}"),
    ]
    github.assert_spaced(1.0)
    assert posted == Posted(7, frozenset(one.key for one in found), frozenset(), True)
    assert len(post.said) == 2


def test_second_run_writes_the_status_only(github: GitHubFake, post: Poster) -> None:
    """The same result once more: nothing is said twice, and the comment is not touched."""
    found = [item(1, 10), item(2, 30)]
    first = post.items(*found)
    github.forget_calls()
    assert post.items(*found) == first
    assert [call.path.rsplit("/", 1)[0] for call in github.writes()] == ["/repos/octo-org/infra/statuses"]


def test_nothing_to_tell(github: GitHubFake, post: Poster) -> None:
    """A pull request that never had a finding gets no comment, and a status that it is fine."""
    assert post(report(github, more=ALL_KINDS.more), status=False) == Posted(7)
    assert post.items() == Posted(7)
    assert (github.comments(), github.review_comments()) == ([], [])
    (status,) = github.statuses()
    assert (status.state, status.context, status.description) == (
        "success",
        "passrole-checks",
        "iam:PassRole: nothing new",
    )


def test_unreadable_is_told(github: GitHubFake, post: Poster) -> None:
    """What cannot be read is commented on although no finding is there, and the status is no success."""
    post(report(github, unreadable=(ReportNote("a.tf", 3, "no HCL"),)))
    (comment,) = github.comments()
    assert "could not be read" in comment.body
    (status,) = github.statuses()
    assert (status.state, status.description) == ("error", "iam:PassRole: result incomplete, 1 file could not be read")


@pytest.mark.parametrize("event", ["merge_group", "push", "workflow_dispatch"])
def test_no_pull_request(github: GitHubFake, post: Poster, event: str) -> None:
    """Where the event is of no pull request there is a status and no comment."""
    context = replace(post.context(), event=event, number=0)
    assert post.items(item(1), context=context) == Posted()
    assert (github.comments(), github.review_comments()) == ([], [])
    assert [status.state for status in github.statuses()] == ["failure"]


def test_no_token(github: GitHubFake, post: Poster) -> None:
    """Without a token nothing is called, and that is said."""
    assert post.items(item(1), context=post.context(token="")) == Posted()
    assert github.calls() == []
    assert ["GITHUB_TOKEN" in words for words in post.said] == [True]


def test_read_only_token(github: GitHubFake, post: Poster) -> None:
    """A token that only reads, as a fork's: one warning names all the permissions, nothing is raised, all is lost."""
    posted = post.items(item(1), context=post.context(token="read_only"), check_run=True)
    assert posted == Posted(7, frozenset(), frozenset({item(1).key}), False)
    (warning,) = [words for words in post.said if words.startswith("warning: ")]
    for words in ("403: Resource not accessible by integration", "pull-requests: write", "statuses: write"):
        assert words in warning
    assert (github.comments(), github.review_comments(), github.statuses(), github.check_runs()) == ([], [], [], [])


def test_comments_only(github: GitHubFake, post: Poster) -> None:
    """A token that may comment and not set a status does what it may."""
    posted = post.items(item(1), context=post.context(token="comments_only"))
    assert (posted.summary, len(posted.at_lines), github.statuses()) == (True, 1, [])
    (warning,) = [words for words in post.said if words.startswith("warning: ")]
    assert "statuses: write (for the commit status)" in warning
    assert "pull-requests" not in warning


@pytest.mark.parametrize("status", [401, 404, 410, 500])
def test_forge_trouble(github: GitHubFake, post: Poster, status: int) -> None:
    """Whatever GitHub answers to everything: nothing is raised, and it is said what could not be written."""
    for method in ("GET", "POST", "PATCH"):
        github.fault(method, "", status=status, times=1000)
    assert post.items(item(1), check_run=True) == Posted()
    assert any("status" in words for words in post.said)
    assert github.token not in " ".join(post.said)


def test_no_connection(github: GitHubFake, post: Poster) -> None:
    """Without a connection it is said that there was no answer, and by whom; reads were tried three times."""
    github.fault("GET", "", drop=True, times=1000)
    github.fault("POST", "", drop=True, times=1000)
    assert post.items(item(1)) == Posted()
    assert len(github.calls("GET", "/pulls/7$")) == 3
    assert post.said[0].endswith("GET /repos/octo-org/infra/pulls/7: no response from 127.0.0.1 (ConnectionError)")


def test_locked(github: GitHubFake, post: Poster) -> None:
    """A locked conversation is told as that, and not as a missing permission."""
    github.pull.locked = True
    posted = post.items(item(1))
    assert (posted.summary, posted.lost) == (False, frozenset({item(1).key}))
    assert [words.split("octo-org/infra")[1] for words in post.said if "locked" in words] == [
        "/pulls/7/reviews: 403: Unable to create comment because issue is locked.",
        "/issues/7/comments: 403: Unable to create comment because issue is locked.",
    ]
    assert not any("warning" in words for words in post.said)


def test_closed(github: GitHubFake, post: Poster) -> None:
    """A closed pull request is left alone."""
    github.pull.state = "closed"
    assert post.items(item(1)) == Posted()
    assert any("closed" in words for words in post.said)
    assert (github.comments(), github.review_comments()) == ([], [])


def test_force_push(github: GitHubFake, post: Poster) -> None:
    """A run about a head that is no longer the head writes nothing on the pull request."""
    context, told = post.context(), report(github, item(1))
    github.push(github.pull, github.pull.head_files, sha="5" * 40, forced=True)
    assert post(told, context=context) == Posted()
    assert (github.comments(), github.review_comments()) == ([], [])
    assert f"newer commit than {told.head[:12]}" in post.said[0]


def test_push_in_the_middle(github: GitHubFake, post: Poster) -> None:
    """A push after the comments at lines keeps this run from writing the summary, which is for the next one."""
    github.when("POST", "/reviews$", lambda fake: fake.push(fake.pull, fake.pull.head_files, sha="5" * 40), after=True)
    posted = post.items(item(1))
    assert (posted.summary, len(posted.at_lines), github.comments()) == (False, 1, [])
    assert any("later run" in words for words in post.said)


def test_force_push_before_the_review(github: GitHubFake, post: Poster) -> None:
    """Where every place is refused because the head was replaced meanwhile, that is found out at once."""
    github.when("POST", "/reviews$", lambda fake: fake.push(fake.pull, fake.pull.head_files, sha="5" * 40, forced=True))
    found = [item(number, line) for number, line in enumerate((10, 30, 50, 70, 90), start=1)]
    posted = post.items(*found)
    assert posted.lost == {one.key for one in found}
    assert len(github.calls("POST", "/reviews$")) == 1
    assert any("newer commit" in words for words in post.said)


def test_other_commit(github: GitHubFake, post: Poster) -> None:
    """A report about another commit than the one that GitHub names is not written: a file can claim anything."""
    told = report(github, item(1), head="0123456789" * 4)
    assert post(told) == Posted()
    assert github.calls() == []
    named = replace(told, head="the working tree")
    assert post(named, context=replace(post.context(), event="workflow_run")) == Posted()
    assert github.calls() == []


def test_dry_run(github: GitHubFake, post: Poster) -> None:
    """A dry run prints what would be written, reads what is there, and writes nothing."""
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
    assert post.said[0].startswith("dry run: ")


def test_dry_run_without_token(github: GitHubFake, post: Poster) -> None:
    """Without a token a dry run prints the same, of an empty pull request, and calls nothing."""
    post.items(item(1), dry_run=True, check_run=True, context=post.context(token=""))
    assert [json.loads(line)["method"] for line in post.printed] == ["POST"] * 4
    assert github.calls() == []


def test_token_is_never_told(github: GitHubFake, post: Poster, capfd: pytest.CaptureFixture[str]) -> None:
    """Neither what is said nor what is printed nor what is written holds the token, whatever GitHub says back."""
    github.fault("POST", "/reviews$", status=403, body={"message": "no"})
    post.items(item(1))
    post.items(item(2), dry_run=True)
    texts = [*post.said, *post.printed, *(json.dumps(call.json) for call in github.writes()), *capfd.readouterr()]
    assert github.token not in "\n".join(texts)


def test_renamed_repository(github: GitHubFake, post: Poster) -> None:
    """A repository that was renamed since the event is found where it is now."""
    context = post.context()
    github.rename(github.repository, "renamed")
    assert post.items(item(1), context=context).summary
    assert len(github.comments()) == 1


def test_secondary_limit(github: GitHubFake, post: Poster) -> None:
    """A write beyond the limit is done when GitHub takes it again, and only once."""
    github.limits.writes_per_minute = 1
    assert post.items(item(1)).summary
    assert (len(github.comments()), len(github.review_comments()), len(github.statuses())) == (1, 1, 1)
    assert [call.status for call in github.writes()] == [200, 403, 201, 403, 201]
    assert max(github.clock.slept) == 60


def test_whose_token(github: GitHubFake, post: Poster) -> None:
    """Comments are looked for under the user that the token belongs to; another user's comment is not ours."""
    post.items(item(1))
    post.items(item(1), context=post.context(token="personal"))
    assert [comment.user.login for comment in github.comments()] == [BOT, "passrole-bot"]


def test_author_that_was_told(github: GitHubFake, post: Poster) -> None:
    """Where it is told whose comments are ours, nobody is asked."""
    post.items(item(1))
    github.forget_calls()
    post.items(item(1), author="GitHub-Actions[bot]")
    assert github.calls("GET", "/user$") == []
    assert len(github.comments()) == 1


def test_context_without_repository() -> None:
    """A place that is not known is said, and nothing is called."""
    from passrole_checks.review.ci_context import PostOptions
    from passrole_checks.review.github import post as bare

    said: list[str] = []
    from reports_of_tests import EMPTY

    assert bare(EMPTY, Context(token="x"), PostOptions(), said.append) == Posted()
    assert ["GITHUB_REPOSITORY" in words for words in said] == [True]


@pytest.mark.parametrize(
    "told",
    [
        {"not_evaluated": (ReportNote("a.tf", 3, "module x is not here"),)},
        {"notes": (ReportNote("pyproject.toml", 0, "differs from that of main, which is used"),)},
    ],
)
def test_what_is_not_known_begins_a_comment(github: GitHubFake, post: Poster, told: dict[str, object]) -> None:
    """What has changed and is not evaluated, or is not used, is told, also where nothing new is found."""
    assert post(report(github, **told), status=False).summary
    assert len(github.comments()) == 1


def test_markers_tell_the_attempt_and_the_files(github: GitHubFake, post: Poster) -> None:
    """A marker holds the attempt of the run, and short marks of the files that the statements stand in."""
    context = replace(post.context(run=5), run_attempt=3)
    at_cause = replace(item(1, 10), at=Location("main.tf", 4, 4))
    post.items(at_cause, context=context, comment="off", status=False)
    marker = parse_marker(github.review_comments()[0].body)
    assert marker is not None
    assert (marker.order, marker.items, marker.files) == ((5, 3), (at_cause.key,), (file_mark("main.tf"),))
