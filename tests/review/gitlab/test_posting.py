"""The summary on a merge request, and what is done where GitLab lets nothing be written."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from gitlab_fake import GitLabFake, Note
from reports_of_tests import ALL_KINDS
from reviews_on_gitlab import BOT, Poster, item, report

from passrole_checks.review.ci_context import Context
from passrole_checks.review.gitlab import Posted
from passrole_checks.review.markdown.markers import SUMMARY, CommentMarker, parse_marker
from passrole_checks.review.report import ReportNote as ReportNote

QUIET = {"max_inline": 0}


def headline(note: Note) -> str:
    return note.body.split("\n", 2)[1]


def test_one_note(gitlab: GitLabFake, post: Poster) -> None:
    """The first finding makes a note, with a marker in its first line; what has changed is written into it; when all is
    fixed it says so, and it stays."""
    posted = post.items(item(1), item(2, 30), **QUIET)
    assert posted == Posted(7, summary=True)
    (note,) = gitlab.notes()
    marker = parse_marker(note.body)
    assert marker == CommentMarker(SUMMARY, "default", gitlab.request.head_sha, 1)
    assert headline(note) == "## iam:PassRole: 2 new problems"
    post.items(item(1), **QUIET)
    assert headline(note) == "## iam:PassRole: 1 new problem"
    post.items(**QUIET)
    assert [headline(each) for each in gitlab.notes()] == ["## iam:PassRole: all fixed"]
    assert [call.method for call in gitlab.writes()] == ["POST", "PUT", "PUT"]


def test_links_are_those_of_gitlab(gitlab: GitLabFake, post: Poster) -> None:
    """Lines are linked as GitLab has them, in the project of the merge request."""
    post.items(item(1), **QUIET)
    assert f"{gitlab.root}/acme/platform/infra/-/blob/{gitlab.request.head_sha}/a.tf#L10" in gitlab.notes()[0].body


def test_nothing_to_tell(gitlab: GitLabFake, post: Poster) -> None:
    """Without a finding ever, there is no note, also where access grows of which nothing is flagged."""
    assert post.items() == Posted(7)
    assert post(report(gitlab, more=ALL_KINDS.more)) == Posted(7)
    assert gitlab.writes() == []


def test_what_is_not_evaluated_begins_a_note(gitlab: GitLabFake, post: Poster) -> None:
    """What has changed and is not evaluated is told, also where nothing new is found."""
    assert post(report(gitlab, not_evaluated=(ReportNote("a.tf", 3, "module x is not here"),))).summary
    assert "nothing new found, 1 item not evaluated" in gitlab.notes()[0].body


def test_equal_text(gitlab: GitLabFake, post: Poster) -> None:
    """A run that has the same to tell writes nothing."""
    post.items(item(1), **QUIET)
    gitlab.forget_calls()
    context = replace(post.context(), run_url=f"{gitlab.root}/acme/platform/infra/-/jobs/9001")
    assert post.items(item(1), context=context, **QUIET).summary
    assert gitlab.writes() == []


def test_note_on_the_second_page(gitlab: GitLabFake, post: Poster) -> None:
    """The note is found among hundreds, of people and of GitLab itself."""
    for number in range(130):
        gitlab.note(f"talk {number}")
    post.items(item(1), **QUIET)
    for number in range(130):
        gitlab.note(f"more {number}")
    post.items(item(1), item(2, 30), **QUIET)
    assert [headline(each) for each in gitlab.notes() if each.author.username == BOT] == [
        "## iam:PassRole: 2 new problems"
    ]


def test_forged_note(gitlab: GitLabFake, post: Poster) -> None:
    """A note with our marker by another author is left alone, and ours is written beside it."""
    gitlab.note(CommentMarker(SUMMARY, "default", gitlab.request.head_sha, 99).prepend_to("all fixed"))
    post.items(item(1), **QUIET)
    assert [each.author.username for each in gitlab.notes()] == ["somebody", BOT]
    assert gitlab.notes()[0].body.endswith("\nall fixed")


def test_older_run(gitlab: GitLabFake, post: Poster) -> None:
    """An older run does not write over a newer one about the same commit."""
    post.items(item(1), context=post.context(run=9), **QUIET)
    posted = post.items(item(1), item(2, 30), context=post.context(run=8), **QUIET)
    assert not posted.summary
    assert [headline(each) for each in gitlab.notes()] == ["## iam:PassRole: 1 new problem"]


def test_two_runs_at_the_same_time(gitlab: GitLabFake, post: Poster) -> None:
    """Two runs that both find no note leave one: the older note, with what the newer run says."""

    def of_another_run(fake: GitLabFake) -> None:
        fake.note(
            CommentMarker(SUMMARY, "default", fake.request.head_sha, 8).prepend_to("Wrong."),
            fake.tokens["project"].user,
        )

    gitlab.when("POST", "/notes$", of_another_run)
    post.items(item(1), context=post.context(run=9), **QUIET)
    (note,) = gitlab.notes()
    assert headline(note) == "## iam:PassRole: 1 new problem"


@pytest.mark.parametrize("status", [500, 502, 504])
def test_note_after_an_error(gitlab: GitLabFake, post: Poster, status: int) -> None:
    """A note that was written although the server failed is not written twice."""
    gitlab.fault("POST", "/notes$", status=status, after_effect=True)
    assert post.items(item(1), **QUIET).summary
    assert len(gitlab.notes()) == 1


def test_new_note_after_an_error(gitlab: GitLabFake, post: Poster) -> None:
    """That holds in the mode ``new`` too."""
    post.items(item(1), comment="new", **QUIET)
    gitlab.fault("POST", "/notes$", status=502, after_effect=True)
    post.items(item(1), item(2, 30), comment="new", **QUIET)
    assert [headline(each) for each in gitlab.notes()] == [
        "## iam:PassRole: 1 new problem",
        "## iam:PassRole: 2 new problems",
    ]


def test_equal_note_of_before(gitlab: GitLabFake, post: Poster) -> None:
    """There an older note that says the same is not taken for the one that the server failed to write."""
    for found in ((item(1),), (item(1), item(2, 30)), (item(1),)):
        gitlab.fault("POST", "/notes$", status=502)
        post.items(*found, comment="new", context=replace(post.context(), run_url=""), **QUIET)
    assert [headline(each).partition(": ")[2] for each in gitlab.notes()] == [
        "1 new problem",
        "2 new problems",
        "1 new problem",
    ]


@pytest.mark.parametrize("after_effect", [False, True])
def test_edit_after_an_error(gitlab: GitLabFake, post: Poster, after_effect: bool) -> None:
    """A note whose edit failed is edited once more, which is the same twice."""
    post.items(item(1), **QUIET)
    gitlab.fault("PUT", r"/notes/\d+$", status=502, after_effect=after_effect)
    assert post.items(item(1), item(2, 30), **QUIET).summary
    assert [headline(each) for each in gitlab.notes()] == ["## iam:PassRole: 2 new problems"]


def test_deleted_meanwhile(gitlab: GitLabFake, post: Poster) -> None:
    """A note that somebody deletes in the middle is written anew."""
    post.items(item(1), **QUIET)
    gitlab.when("PUT", r"/notes/\d+$", lambda fake: fake.request.discussions.clear())
    assert post.items(item(1), item(2, 30), **QUIET).summary
    assert len(gitlab.notes()) == 1


def test_new_notes(gitlab: GitLabFake, post: Poster) -> None:
    """In the mode ``new`` each change is a note of its own."""
    post.items(item(1), comment="new", **QUIET)
    post.items(item(1), item(2, 30), comment="new", **QUIET)
    assert [headline(each) for each in gitlab.notes()] == [
        "## iam:PassRole: 1 new problem",
        "## iam:PassRole: 2 new problems",
    ]


def test_hidden_notes(gitlab: GitLabFake, post: Poster) -> None:
    """In the mode ``hide-and-new`` the note before is folded, once, and stays ours."""
    post.items(item(1), comment="hide-and-new", **QUIET)
    post.items(item(1), item(2, 30), comment="hide-and-new", **QUIET)
    post.items(comment="hide-and-new", **QUIET)
    bodies = [each.body for each in gitlab.notes()]
    assert [body.count("<summary>Outdated: ") for body in bodies] == [1, 1, 0]
    assert [body.count("<details") == body.count("</details>") for body in bodies] == [True] * 3
    assert all(parse_marker(body) for body in bodies)


def test_long_summary(gitlab: GitLabFake, post: Poster) -> None:
    """Thousands of findings are one note within what GitLab takes."""
    found = [item(number, 10, file=f"{'folder' * 20}/{number}.tf") for number in range(3000)]
    assert post.items(*found, **QUIET).summary
    assert 500_000 < len(gitlab.notes()[0].body) <= 1_000_000


def test_unreadable(gitlab: GitLabFake, post: Poster) -> None:
    """What could not be read begins a note as well."""
    post(report(gitlab, unreadable=(ReportNote("a.tf", 3, "is no HCL"),)), **QUIET)
    assert "could not be read" in headline(gitlab.notes()[0])


def test_newer_commit(gitlab: GitLabFake, post: Poster) -> None:
    """Nothing is written about a commit that is not the head any more."""
    context, told = post.context(), report(gitlab, item(1))
    gitlab.push({**gitlab.request.head_files, "c.tf": "x\n"})
    assert post(told, context=context) == Posted()
    assert gitlab.writes() == []
    assert "newer commit" in post.said[0]


def test_closed(gitlab: GitLabFake, post: Poster) -> None:
    """Nor on a merge request that is closed or merged."""
    gitlab.request.state = "merged"
    assert post.items(item(1)) == Posted()
    assert (["not open" in words for words in post.said], gitlab.writes()) == ([True], [])


def test_another_commit(gitlab: GitLabFake, post: Poster) -> None:
    """A report about another commit than that of the pipeline is not told."""
    assert post(report(gitlab, item(1), head="c" * 40)) == Posted()
    assert gitlab.calls() == []


def test_no_token(gitlab: GitLabFake, post: Poster) -> None:
    """Without a token nothing is asked or written, and it is said which one would be needed, and why not the job's."""
    assert post.items(item(1), context=post.context(token="")) == Posted()
    assert gitlab.calls() == []
    (message,) = post.said
    assert ("PASSROLE_GITLAB_TOKEN" in message, "CI_JOB_TOKEN" in message) == (True, True)
    post.items(item(1), context=post.context(token="", is_fork=True))
    assert "pipelines in a fork" in post.said[0]


def test_token_of_the_job(gitlab: GitLabFake, post: Poster) -> None:
    """The job's own token is not tried."""
    assert post.items(item(1), context=post.context(token="job")) == Posted()
    assert gitlab.calls() == []
    assert "CI_JOB_TOKEN" in post.said[0]


@pytest.mark.parametrize(
    ("token", "why"),
    [
        ("expired", "401: 401 Unauthorized"),
        ("read_only", "403: insufficient_scope"),
        ("stranger", "404: 404 Project Not Found"),
    ],
)
def test_token_that_may_not(gitlab: GitLabFake, post: Poster, token: str, why: str) -> None:
    """A token that may not write makes one warning, which says what GitLab says and what is needed, and no error."""
    posted = post.items(item(1), context=post.context(token=token))
    assert posted.at_lines == frozenset()
    assert not posted.summary
    warnings = [words for words in post.said if words.startswith("warning:")]
    assert len(warnings) == 1
    assert why in warnings[0]
    assert "scope api" in warnings[0]
    assert (gitlab.notes(), gitlab.threads()) == ([], [])


def test_too_many_calls(gitlab: GitLabFake, post: Poster) -> None:
    """A write beyond the limit is done when GitLab takes it again, and only once."""
    gitlab.writes_per_minute = 1
    posted = post.items(item(1, 10))
    assert posted.summary
    assert (len(gitlab.notes()), len(gitlab.threads())) == (1, 1)
    assert 429 in [call.status for call in gitlab.writes()]
    assert 30 in gitlab.clock.slept


def test_limit_without_a_time(gitlab: GitLabFake, post: Poster) -> None:
    """Where GitLab does not say how long, it is a minute."""
    gitlab.fault("POST", "/notes$", status=429)
    assert post.items(item(1), **QUIET).summary
    assert max(gitlab.clock.slept) == 60


def test_read_that_fails(gitlab: GitLabFake, post: Poster) -> None:
    """A read that fails once is done again."""
    gitlab.fault("GET", "/merge_requests/7$", status=502)
    assert post.items(item(1)).summary


def test_threads_that_cannot_be_listed(gitlab: GitLabFake, post: Poster) -> None:
    """Where threads cannot be listed none is begun, which might be there already; the summary says so."""
    gitlab.fault("GET", "/discussions$", status=502, times=9)
    posted = post.items(item(1, 10))
    assert (gitlab.threads(), posted.lost) == ([], {item(1).key})
    assert "could not be posted as line comments" in gitlab.notes()[0].body


def test_token_is_not_told(gitlab: GitLabFake, post: Poster, capfd: pytest.CaptureFixture[str]) -> None:
    """Neither what is said nor what is printed nor what is written holds the token."""
    gitlab.fault("POST", "/discussions$", status=403)
    post.items(item(1))
    texts = [*post.said, *(json.dumps(call.json) for call in gitlab.writes()), *capfd.readouterr()]
    post.items(item(1), dry_run=True)
    assert gitlab.token not in "\n".join([*texts, *post.said, *post.printed])


def test_dry_run(gitlab: GitLabFake, post: Poster) -> None:
    """A dry run reads, prints each call that would write, and makes none."""
    post.items(item(1, 10), dry_run=True)
    calls = [json.loads(line) for line in post.printed]
    path = "/projects/42/merge_requests/7"
    assert [(call["method"], call["path"]) for call in calls] == [
        ("POST", f"{path}/discussions"),
        ("POST", f"{path}/notes"),
    ]
    assert calls[0]["body"]["position"]["new_line"] == 10
    assert gitlab.writes() == []


def test_dry_run_without_a_token(gitlab: GitLabFake, post: Poster) -> None:
    """Without a token a dry run asks nothing, and tells what it would write at first."""
    post.items(item(1, 10), context=post.context(token=""), dry_run=True)
    assert (len(post.printed), gitlab.calls()) == (2, [])


def test_another_review(gitlab: GitLabFake, post: Poster) -> None:
    """Reviews with different keys have notes and threads of their own."""
    post.items(item(1, 10))
    post.items(item(1, 10), key="other")
    assert (len(gitlab.notes()), len(gitlab.threads())) == (2, 2)


def test_other_events(gitlab: GitLabFake, post: Poster) -> None:
    """In a pipeline of a branch nothing is asked, written or said."""
    context = replace(post.context(token=""), number=0, event="push")
    assert (post.items(item(1), context=context), post.said, gitlab.calls()) == (Posted(), [], [])


def test_project_by_its_path(gitlab: GitLabFake, post: Poster) -> None:
    """Where the number of the project is not known, its path is as good."""
    assert post.items(item(1), context=replace(post.context(), project_id=0)).summary


def test_unknown_project(gitlab: GitLabFake, post: Poster) -> None:
    """A project that is not known is said, and nothing is called."""
    context = Context("gitlab", number=7, head_sha=gitlab.request.head_sha, token="x", event="merge_request_event")
    assert post.items(item(1), context=context) == Posted()
    assert ["CI_PROJECT_ID" in words for words in post.said] == [True]


def test_check_run(gitlab: GitLabFake, post: Poster) -> None:
    """A check run, which GitLab has not, is told to be the status of the job."""
    post.items(check_run=True)
    assert "check runs" in post.said[0]
