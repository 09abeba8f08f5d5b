"""The commit status and the check run: the verdict, whatever else could be written."""

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
def test_status(github: GitHubFake, post: Poster, changes: dict[str, Any], state: str, description: str) -> None:
    """The state follows from the verdict, and the description is the headline of the summary."""
    post(report(github, **changes), **OFF)
    (status,) = github.statuses()
    assert (status.state, status.description) == (state, description)
    assert status.target_url == "https://github.com/octo-org/infra/actions/runs/9001"


def test_status_of_a_key(github: GitHubFake, post: Poster) -> None:
    """Each of several reviews of a pull request has a status of its own."""
    post.items(item(1), key="infra", **OFF)
    post.items(**OFF)
    assert [status.context for status in github.statuses()] == ["passrole-checks (infra)", "passrole-checks"]


def test_status_without_an_answer(github: GitHubFake, post: Poster) -> None:
    """A status that the server failed at is set."""
    github.fault("POST", "/statuses/", status=502)
    post.items(**OFF)
    assert [status.state for status in github.statuses()] == ["success"]


def test_verdict_is_not_what_could_be_posted(github: GitHubFake, post: Poster) -> None:
    """A failing verdict fails though nothing could be said at its lines, and a good one is good all the same."""
    github.fault("POST", "/reviews$|/comments$", status=422, times=1000)
    post.items(item(1))
    assert [status.state for status in github.statuses()] == ["failure"]
    github.fault("POST", "/comments$", status=500, times=1000)
    post.items()
    assert [status.state for status in github.statuses()] == ["failure", "success"]


def test_check_run(github: GitHubFake, post: Poster) -> None:
    """A check run has the verdict, the summary, and the annotations, fifty a call."""
    post.items(*(item(number, 10) for number in range(1, 121)), **CHECK)
    (run,) = github.check_runs()
    assert (run.name, run.status, run.conclusion) == ("passrole-checks", "completed", "failure")
    assert run.title == "iam:PassRole: 120 new problems"
    assert run.summary is not None and run.summary.startswith("## iam:PassRole: 120 new problems")
    assert len(run.annotations) == 120
    assert [len(call.json["output"]["annotations"]) for call in github.writes()] == [50, 50, 20]
    github.assert_spaced(1.0)


def test_most_annotations(github: GitHubFake, post: Poster) -> None:
    """A thousand annotations are written, the worst ones, in twenty calls."""
    post.items(*(item(number % 900 + 1, 10) for number in range(1050)), **CHECK)
    assert (len(github.check_runs()[0].annotations), len(github.writes())) == (1000, 20)


@pytest.mark.parametrize(
    ("changes", "conclusion"), [({}, "success"), ({"unreadable": (ReportNote("a.tf", 1, "no HCL"),)}, "failure")]
)
def test_conclusion(github: GitHubFake, post: Poster, changes: dict[str, Any], conclusion: str) -> None:
    """What cannot be told is a failure, never a success."""
    post(report(github, **changes), **CHECK)
    assert [run.conclusion for run in github.check_runs()] == [conclusion]


def test_same_check_run_again(github: GitHubFake, post: Poster) -> None:
    """A second run about the same commit brings the same check run up to date, and adds no annotation twice."""
    post.items(item(1), **CHECK)
    post.items(item(1), **CHECK)
    (run,) = github.check_runs()
    assert len(run.annotations) == 1
    post.items(**CHECK)
    assert [run.conclusion for run in github.check_runs()] == ["success"]


def test_job_of_the_same_name(github: GitHubFake, post: Poster) -> None:
    """A job of a workflow is a check run too: one with the name of ours is left alone."""
    post.items(**CHECK)
    (ours,) = github.check_runs()
    job = replace(ours, id=github.world.next_id(), external_id="the job", conclusion="neutral")
    github.world.check_runs.append(job)
    post.items(item(1), **CHECK)
    assert (ours.conclusion, job.conclusion, len(github.check_runs())) == ("failure", "neutral", 2)


@pytest.mark.parametrize("after_effect", [True, False])
def test_check_run_without_an_answer(github: GitHubFake, post: Poster, after_effect: bool) -> None:
    """A check run that the server failed at is there once."""
    github.fault("POST", "/check-runs$", status=502, after_effect=after_effect)
    post.items(item(1), **CHECK)
    assert len(github.check_runs()) == 1


def test_check_run_of_a_person(github: GitHubFake, post: Poster) -> None:
    """The token of a person may not write check runs: the permission is named."""
    post.items(item(1), context=post.context(token="personal"), **CHECK)
    (warning,) = post.said
    assert "You must authenticate via a GitHub App" in warning
    assert "checks: write (for the check run)" in warning
