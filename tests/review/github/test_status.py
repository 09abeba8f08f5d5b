"""The commit status and the check run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from github_fake import GitHubFake
from reviews_on_github import Poster, give_files, item, report

from passrole_checks.findings import Severity
from passrole_checks.review.report import ReportNote

OFF: dict[str, Any] = {"comment": "off", "max_inline": 0}
CHECK: dict[str, Any] = {**OFF, "status": False, "check_run": True}


@pytest.fixture
def post(github: GitHubFake, tmp_path: Path) -> Poster:
    give_files(github)
    return Poster.on(github, tmp_path)


@pytest.mark.parametrize(
    ("changes", "state", "description"),
    [
        ({}, "success", "iam:PassRole: nothing new"),
        ({"items": (item(1), item(2))}, "failure", "iam:PassRole: 2 new problems"),
        ({"items": (item(1),), "fail_on": Severity.HIGH}, "success", "iam:PassRole: 1 new problem"),
        (
            {"items": (replace(item(1), group="worse"),), "fail_on": None},
            "success",
            "iam:PassRole: 1 problem got worse",
        ),
        (
            {"unreadable": (ReportNote("a.tf", 1, "no HCL"),)},
            "error",
            "iam:PassRole: result incomplete, 1 file could not be read",
        ),
    ],
)
def test_status_follows_the_verdict(
    github: GitHubFake, post: Poster, changes: dict[str, Any], state: str, description: str
) -> None:
    """The state follows the verdict, and the description is the headline."""
    post(report(github, **changes), **OFF)
    (status,) = github.statuses()
    assert (status.state, status.description) == (state, description)
    assert status.target_url == "https://github.com/octo-org/infra/actions/runs/9001"


def test_each_key_has_its_own_status(github: GitHubFake, post: Poster) -> None:
    """Each of several reviews has its own status."""
    post.items(item(1), key="infra", **OFF)
    post.items(**OFF)
    assert [status.context for status in github.statuses()] == ["passrole-checks (infra)", "passrole-checks"]


def test_status_is_retried(github: GitHubFake, post: Poster) -> None:
    """A status is set again after a server error."""
    github.fault("POST", "/statuses/", status=502)
    post.items(**OFF)
    assert [status.state for status in github.statuses()] == ["success"]


def test_verdict_does_not_depend_on_posting(github: GitHubFake, post: Poster) -> None:
    """The state is the verdict, even if nothing else could be posted."""
    github.fault("POST", "/reviews$|/comments$", status=422, times=1000)
    post.items(item(1))
    assert [status.state for status in github.statuses()] == ["failure"]
    github.fault("POST", "/comments$", status=500, times=1000)
    post.items()
    assert [status.state for status in github.statuses()] == ["failure", "success"]


def test_check_run_has_all_annotations(github: GitHubFake, post: Poster) -> None:
    """A check run has the verdict, the summary, and the annotations, fifty per call."""
    post.items(*(item(number, 10) for number in range(1, 121)), **CHECK)
    (run,) = github.check_runs()
    assert (run.name, run.status, run.conclusion) == ("passrole-checks", "completed", "failure")
    assert run.title == "iam:PassRole: 120 new problems"
    assert run.summary is not None and run.summary.startswith("## iam:PassRole: 120 new problems")
    assert len(run.annotations) == 120
    assert [len(call.json["output"]["annotations"]) for call in github.writes()] == [50, 50, 20]
    github.assert_spaced(1.0)


def test_annotations_are_limited(github: GitHubFake, post: Poster) -> None:
    """At most a thousand annotations are written, the worst, in twenty calls."""
    post.items(*(item(number % 900 + 1, 10) for number in range(1050)), **CHECK)
    assert (len(github.check_runs()[0].annotations), len(github.writes())) == (1000, 20)


@pytest.mark.parametrize(
    ("changes", "conclusion"), [({}, "success"), ({"unreadable": (ReportNote("a.tf", 1, "no HCL"),)}, "failure")]
)
def test_undetermined_verdict_is_a_failure(
    github: GitHubFake, post: Poster, changes: dict[str, Any], conclusion: str
) -> None:
    """An undetermined verdict is a failure, never a success."""
    post(report(github, **changes), **CHECK)
    assert [run.conclusion for run in github.check_runs()] == [conclusion]


def test_second_run_updates_the_check_run(github: GitHubFake, post: Poster) -> None:
    """A second run about the same commit updates the check run, and repeats no annotation."""
    post.items(item(1), **CHECK)
    post.items(item(1), **CHECK)
    (run,) = github.check_runs()
    assert len(run.annotations) == 1
    post.items(**CHECK)
    assert [run.conclusion for run in github.check_runs()] == ["success"]


def test_job_with_the_same_name_is_left_alone(github: GitHubFake, post: Poster) -> None:
    """A workflow job is a check run too: one with our name is left alone."""
    post.items(**CHECK)
    (ours,) = github.check_runs()
    job = replace(ours, id=github.world.next_id(), external_id="the job", conclusion="neutral")
    github.world.check_runs.append(job)
    post.items(item(1), **CHECK)
    assert (ours.conclusion, job.conclusion, len(github.check_runs())) == ("failure", "neutral", 2)


@pytest.mark.parametrize("after_effect", [True, False])
def test_check_run_after_a_server_error_exists_once(github: GitHubFake, post: Poster, after_effect: bool) -> None:
    """After a server error the check run exists once."""
    github.fault("POST", "/check-runs$", status=502, after_effect=after_effect)
    post.items(item(1), **CHECK)
    assert len(github.check_runs()) == 1


def test_personal_token_cannot_write_check_runs(github: GitHubFake, post: Poster) -> None:
    """A personal token may not write check runs, and the permission is named."""
    post.items(item(1), context=post.context(token="personal"), **CHECK)
    (warning,) = post.messages
    assert "You must authenticate via a GitHub App" in warning
    assert "checks: write (for the check run)" in warning
