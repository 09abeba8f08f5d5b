"""The summary on a merge request, and missing permissions."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from gitlab_fake import GitLabFake, Note
from reports_of_tests import ALL_KINDS
from reviews_on_gitlab import BOT, Poster, item, report

from passrole_checks.review.ci_context import Context, WorkflowRun
from passrole_checks.review.markdown.markers import SUMMARY, CommentMarker, parse_marker
from passrole_checks.review.posting import Posted
from passrole_checks.review.report import ReportNote as ReportNote

QUIET = {"max_inline": 0}


def headline(note: Note) -> str:
    return note.body.split("\n", 2)[1]


def test_one_note_is_created_updated_and_kept(gitlab: GitLabFake, post: Poster) -> None:
    """The first finding creates a note with a marker; later results update it; when all is fixed it says so and is
    kept."""
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
    """Lines are linked in GitLab's format, in the project of the merge request."""
    post.items(item(1), **QUIET)
    assert f"{gitlab.root}/acme/platform/infra/-/blob/{gitlab.request.head_sha}/a.tf#L10" in gitlab.notes()[0].body


def test_clean_merge_request_gets_no_note(gitlab: GitLabFake, post: Poster) -> None:
    """Without any finding there is no note, also if access grows that no check flags."""
    assert post.items() == Posted(7)
    assert post(report(gitlab, more=ALL_KINDS.more)) == Posted(7)
    assert gitlab.writes() == []


def test_skipped_input_gets_a_note(gitlab: GitLabFake, post: Poster) -> None:
    """A change that is not evaluated gets a note without any new finding."""
    assert post(report(gitlab, not_evaluated=(ReportNote("a.tf", 3, "module x is not here", "other", True),))).summary
    assert "nothing new found, 1 item not evaluated" in gitlab.notes()[0].body


def test_equal_result_writes_nothing(gitlab: GitLabFake, post: Poster) -> None:
    """A run with an equal result writes nothing."""
    post.items(item(1), **QUIET)
    gitlab.forget_calls()
    context = replace(post.context(), run=WorkflowRun(url=f"{gitlab.root}/acme/platform/infra/-/jobs/9001"))
    assert post.items(item(1), context=context, **QUIET).summary
    assert gitlab.writes() == []


def test_note_is_found_on_the_second_page(gitlab: GitLabFake, post: Poster) -> None:
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


def test_forged_note_is_ignored(gitlab: GitLabFake, post: Poster) -> None:
    """A note of another author with our marker is left alone, and ours is created."""
    gitlab.note(CommentMarker(SUMMARY, "default", gitlab.request.head_sha, 99).prepend_to("all fixed"))
    post.items(item(1), **QUIET)
    assert [each.author.username for each in gitlab.notes()] == ["other-user", BOT]
    assert gitlab.notes()[0].body.endswith("\nall fixed")


def test_older_run_does_not_overwrite_a_newer_one(gitlab: GitLabFake, post: Poster) -> None:
    """An older run does not overwrite a newer one about the same commit."""
    post.items(item(1), context=post.context(run=9), **QUIET)
    posted = post.items(item(1), item(2, 30), context=post.context(run=8), **QUIET)
    assert not posted.summary
    assert [headline(each) for each in gitlab.notes()] == ["## iam:PassRole: 1 new problem"]


def test_two_concurrent_runs_leave_the_older_note(gitlab: GitLabFake, post: Poster) -> None:
    """Two runs that both find no note leave the older note, with the text of the newer run."""

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
def test_note_after_a_server_error_is_found(gitlab: GitLabFake, post: Poster, status: int) -> None:
    """A note that was created despite a server error is not created again."""
    gitlab.fault("POST", "/notes$", status=status, after_effect=True)
    assert post.items(item(1), **QUIET).summary
    assert len(gitlab.notes()) == 1


def test_note_after_a_server_error_is_found_in_mode_new(gitlab: GitLabFake, post: Poster) -> None:
    """The same in the mode ``new``."""
    post.items(item(1), comment="new", **QUIET)
    gitlab.fault("POST", "/notes$", status=502, after_effect=True)
    post.items(item(1), item(2, 30), comment="new", **QUIET)
    assert [headline(each) for each in gitlab.notes()] == [
        "## iam:PassRole: 1 new problem",
        "## iam:PassRole: 2 new problems",
    ]


def test_earlier_equal_note_is_not_the_failed_one(gitlab: GitLabFake, post: Poster) -> None:
    """In the mode ``new`` an older equal note is not taken for the one whose creation failed."""
    for found in ((item(1),), (item(1), item(2, 30)), (item(1),)):
        gitlab.fault("POST", "/notes$", status=502)
        post.items(*found, comment="new", context=replace(post.context(), run=WorkflowRun()), **QUIET)
    assert [headline(each).partition(": ")[2] for each in gitlab.notes()] == [
        "1 new problem",
        "2 new problems",
        "1 new problem",
    ]


@pytest.mark.parametrize("after_effect", [False, True])
def test_edit_is_retried(gitlab: GitLabFake, post: Poster, after_effect: bool) -> None:
    """A failed edit is repeated, which is idempotent."""
    post.items(item(1), **QUIET)
    gitlab.fault("PUT", r"/notes/\d+$", status=502, after_effect=after_effect)
    assert post.items(item(1), item(2, 30), **QUIET).summary
    assert [headline(each) for each in gitlab.notes()] == ["## iam:PassRole: 2 new problems"]


def test_deleted_note_is_created_again(gitlab: GitLabFake, post: Poster) -> None:
    """A note deleted meanwhile is created again."""
    post.items(item(1), **QUIET)
    gitlab.when("PUT", r"/notes/\d+$", lambda fake: fake.request.discussions.clear())
    assert post.items(item(1), item(2, 30), **QUIET).summary
    assert len(gitlab.notes()) == 1


def test_mode_new_adds_notes(gitlab: GitLabFake, post: Poster) -> None:
    """In the mode ``new`` each change is a new note."""
    post.items(item(1), comment="new", **QUIET)
    post.items(item(1), item(2, 30), comment="new", **QUIET)
    assert [headline(each) for each in gitlab.notes()] == [
        "## iam:PassRole: 1 new problem",
        "## iam:PassRole: 2 new problems",
    ]


def test_mode_hide_and_new_folds_the_earlier_note(gitlab: GitLabFake, post: Poster) -> None:
    """In the mode ``hide-and-new`` the earlier note is folded, once, and stays ours."""
    post.items(item(1), comment="hide-and-new", **QUIET)
    post.items(item(1), item(2, 30), comment="hide-and-new", **QUIET)
    post.items(comment="hide-and-new", **QUIET)
    bodies = [each.body for each in gitlab.notes()]
    assert [body.count("<summary>Outdated: ") for body in bodies] == [1, 1, 0]
    assert [body.count("<details") == body.count("</details>") for body in bodies] == [True] * 3
    assert all(parse_marker(body) for body in bodies)


def test_long_summary_fits_the_limit(gitlab: GitLabFake, post: Poster) -> None:
    """Thousands of findings fit into a note."""
    found = [item(number, 10, file=f"{'folder' * 20}/{number}.tf") for number in range(3000)]
    assert post.items(*found, **QUIET).summary
    assert 500_000 < len(gitlab.notes()[0].body) <= 1_000_000


def test_unreadable_file_gets_a_note(gitlab: GitLabFake, post: Poster) -> None:
    """An unreadable file gets a note."""
    post(report(gitlab, unreadable=(ReportNote("a.tf", 3, "is no HCL"),)), **QUIET)
    assert "could not be read" in headline(gitlab.notes()[0])


def test_replaced_head_gets_no_comments(gitlab: GitLabFake, post: Poster) -> None:
    """Nothing is written about a commit that is no longer the head."""
    context, result = post.context(), report(gitlab, item(1))
    gitlab.push({**gitlab.request.head_files, "c.tf": "x\n"})
    assert post(result, context=context) == Posted()
    assert gitlab.writes() == []
    assert "newer commit" in post.messages[0]


def test_closed_merge_request_gets_no_comments(gitlab: GitLabFake, post: Poster) -> None:
    """Nothing is written on a closed or merged merge request."""
    gitlab.request.state = "merged"
    assert post.items(item(1)) == Posted()
    assert (["not open" in message for message in post.messages], gitlab.writes()) == ([True], [])


def test_report_about_another_commit_is_not_posted(gitlab: GitLabFake, post: Poster) -> None:
    """A report about another commit than the pipeline's is not posted."""
    assert post(report(gitlab, item(1), head="c" * 40)) == Posted()
    assert gitlab.calls() == []


def test_missing_token_is_reported(gitlab: GitLabFake, post: Poster) -> None:
    """Without a token nothing is called, and the message names the token and why the job's is not used."""
    assert post.items(item(1), context=post.context(token="")) == Posted()
    assert gitlab.calls() == []
    (message,) = post.messages
    assert ("PASSROLE_GITLAB_TOKEN" in message, "CI_JOB_TOKEN" in message) == (True, True)
    post.items(item(1), context=post.context(token="", is_fork=True))
    assert "pipelines in a fork" in post.messages[0]


def test_job_token_is_not_used(gitlab: GitLabFake, post: Poster) -> None:
    """The job's token is not used."""
    assert post.items(item(1), context=post.context(token="job")) == Posted()
    assert gitlab.calls() == []
    assert "CI_JOB_TOKEN" in post.messages[0]


@pytest.mark.parametrize(
    ("token", "why"),
    [
        ("expired", "401: 401 Unauthorized"),
        ("read_only", "403: insufficient_scope"),
        ("stranger", "404: 404 Project Not Found"),
    ],
)
def test_missing_permission_is_one_warning(gitlab: GitLabFake, post: Poster, token: str, why: str) -> None:
    """A token without permission results in one warning with GitLab's message and the requirements."""
    posted = post.items(item(1), context=post.context(token=token))
    assert posted.at_lines == frozenset()
    assert not posted.summary
    warnings = [message for message in post.messages if message.startswith("warning:")]
    assert len(warnings) == 1
    assert why in warnings[0]
    assert "scope api" in warnings[0]
    assert (gitlab.notes(), gitlab.threads()) == ([], [])


def test_rate_limited_write_is_made_once(gitlab: GitLabFake, post: Poster) -> None:
    """A write beyond the rate limit is made once GitLab accepts it, and only once."""
    gitlab.writes_per_minute = 1
    posted = post.items(item(1, 10))
    assert posted.summary
    assert (len(gitlab.notes()), len(gitlab.threads())) == (1, 1)
    assert 429 in [call.status for call in gitlab.writes()]
    assert 30 in gitlab.clock.slept


def test_rate_limit_without_a_time_waits_a_minute(gitlab: GitLabFake, post: Poster) -> None:
    """Without a given time the wait is a minute."""
    gitlab.fault("POST", "/notes$", status=429)
    assert post.items(item(1), **QUIET).summary
    assert max(gitlab.clock.slept) == 60


def test_reads_are_retried(gitlab: GitLabFake, post: Poster) -> None:
    """A read that fails once is repeated."""
    gitlab.fault("GET", "/merge_requests/7$", status=502)
    assert post.items(item(1)).summary


def test_unlisted_threads_are_not_duplicated(gitlab: GitLabFake, post: Poster) -> None:
    """If threads cannot be listed, none is started, since it may exist; the summary says so."""
    gitlab.fault("GET", "/discussions$", status=502, times=9)
    posted = post.items(item(1, 10))
    assert (gitlab.threads(), posted.lost) == ([], {item(1).key})
    assert "could not be posted as line comments" in gitlab.notes()[0].body


def test_token_is_never_output(gitlab: GitLabFake, post: Poster, capfd: pytest.CaptureFixture[str]) -> None:
    """Messages, output and notes never contain the token."""
    gitlab.fault("POST", "/discussions$", status=403)
    post.items(item(1))
    texts = [*post.messages, *(json.dumps(call.json) for call in gitlab.writes()), *capfd.readouterr()]
    post.items(item(1), dry_run=True)
    assert gitlab.token not in "\n".join([*texts, *post.messages, *post.printed])


def test_dry_run_prints_writes(gitlab: GitLabFake, post: Poster) -> None:
    """A dry run reads, prints the writes, and makes none."""
    post.items(item(1, 10), dry_run=True)
    calls = [json.loads(line) for line in post.printed]
    path = "/projects/42/merge_requests/7"
    assert [(call["method"], call["path"]) for call in calls] == [
        ("POST", f"{path}/discussions"),
        ("POST", f"{path}/notes"),
    ]
    assert calls[0]["body"]["position"]["new_line"] == 10
    assert gitlab.writes() == []


def test_dry_run_without_token(gitlab: GitLabFake, post: Poster) -> None:
    """Without a token a dry run calls nothing, and prints the writes of a first run."""
    post.items(item(1, 10), context=post.context(token=""), dry_run=True)
    assert (len(post.printed), gitlab.calls()) == (2, [])


def test_each_key_has_its_own_comments(gitlab: GitLabFake, post: Poster) -> None:
    """Reviews with different keys have their own notes and threads."""
    post.items(item(1, 10))
    post.items(item(1, 10), key="other")
    assert (len(gitlab.notes()), len(gitlab.threads())) == (2, 2)


def test_branch_pipeline_posts_nothing(gitlab: GitLabFake, post: Poster) -> None:
    """In a branch pipeline nothing is called, written or reported."""
    context = replace(post.context(token=""), number=0, event="push")
    assert (post.items(item(1), context=context), post.messages, gitlab.calls()) == (Posted(), [], [])


def test_project_path_replaces_an_unknown_number(gitlab: GitLabFake, post: Poster) -> None:
    """Without the project number its path is used."""
    assert post.items(item(1), context=replace(post.context(), project_id=0)).summary


def test_unknown_project_is_reported(gitlab: GitLabFake, post: Poster) -> None:
    """An unknown project is reported, and nothing is called."""
    context = Context("gitlab", number=7, head_sha=gitlab.request.head_sha, token="x", event="merge_request_event")
    assert post.items(item(1), context=context) == Posted()
    assert ["CI_PROJECT_ID" in message for message in post.messages] == [True]


def test_check_run_option_is_reported(gitlab: GitLabFake, post: Poster) -> None:
    """The check run option is reported as unsupported on GitLab."""
    post.items(check_run=True)
    assert "check runs" in post.messages[0]
