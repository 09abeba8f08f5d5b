"""What the environment of a pipeline says of a review."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from passrole_checks.errors import InputError
from passrole_checks.review.ci_context import Context, read_context

HEAD, BASE, MERGE = ("a" * 40, "b" * 40, "c" * 40)
REPOSITORY = {"default_branch": "main"}
PULL_REQUEST = {
    "number": 7,
    "repository": REPOSITORY,
    "pull_request": {
        "number": 7,
        "head": {"sha": HEAD, "ref": "topic", "repo": {"full_name": "someone/app"}},
        "base": {"sha": BASE, "ref": "main"},
    },
}
ACTIONS = {
    "GITHUB_ACTIONS": "true",
    "GITHUB_REPOSITORY": "example/app",
    "GITHUB_SERVER_URL": "https://github.example.com/",
    "GITHUB_API_URL": "https://github.example.com/api/v3",
    "GITHUB_RUN_ID": "99",
    "GITHUB_RUN_NUMBER": "12",
    "GITHUB_RUN_ATTEMPT": "2",
    "GITHUB_TOKEN": "secret",
}


def actions(folder: Path, name: str, event: Any, **more: str) -> Context:
    path = folder / "event.json"
    path.write_text(json.dumps(event), "utf-8")
    return read_context({**ACTIONS, "GITHUB_EVENT_NAME": name, "GITHUB_EVENT_PATH": str(path), **more})


def test_nothing_is_known_outside_of_pipelines() -> None:
    """Outside of a pipeline the context is empty, whatever token there is."""
    assert read_context({"GITHUB_TOKEN": "secret", "HOME": "/"}) == Context()


def test_a_pull_request_on_github(tmp_path: Path) -> None:
    """A pull request from a fork is told with its head, its base, the merge commit and the run."""
    found = actions(tmp_path, "pull_request", PULL_REQUEST, GITHUB_SHA=MERGE)
    assert found == Context(
        forge="github",
        repository="example/app",
        number=7,
        head_sha=HEAD,
        base_sha=BASE,
        merge_sha=MERGE,
        base_branch="main",
        default_branch="main",
        head_repository="someone/app",
        head_branch="topic",
        event="pull_request",
        run_number=12,
        run_attempt=2,
        run_id=99,
        run_url="https://github.example.com/example/app/actions/runs/99",
        api_url="https://github.example.com/api/v3",
        server_url="https://github.example.com",
        is_fork=True,
        token="secret",
    )
    assert found.can_be_commented
    assert "secret" not in repr(found)


def test_the_commit_of_pull_request_target_is_no_merge(tmp_path: Path) -> None:
    """With pull_request_target GITHUB_SHA is a commit of the base, and not one that tries the merge."""
    found = actions(tmp_path, "pull_request_target", PULL_REQUEST, GITHUB_SHA=BASE)
    assert (found.head_sha, found.merge_sha) == (HEAD, "")


def test_a_fork_that_was_deleted(tmp_path: Path) -> None:
    """A head without a repository is a fork's."""
    event = {**PULL_REQUEST, "pull_request": {"head": {"sha": HEAD, "repo": None}, "base": {}}}
    found = actions(tmp_path, "pull_request", event)
    assert (found.is_fork, found.head_repository, found.number) == (True, "", 7)


@pytest.mark.parametrize(
    ("name", "event", "head", "base", "commented"),
    [
        ("merge_group", {"merge_group": {"head_sha": HEAD, "base_sha": BASE}}, HEAD, BASE, False),
        ("push", {"before": BASE, "after": HEAD}, HEAD, BASE, False),
        ("push", {"before": "0" * 40, "after": HEAD}, HEAD, "", False),
        ("workflow_dispatch", {"inputs": {}}, MERGE, "", False),
        ("schedule", {}, MERGE, "", False),
    ],
)
def test_other_events(tmp_path: Path, name: str, event: dict[str, Any], head: str, base: str, commented: bool) -> None:
    """Events that are of no pull request have a head, some a base, and take no comments."""
    found = actions(tmp_path, name, event, GITHUB_SHA=MERGE)
    assert (found.head_sha, found.base_sha, found.number, found.can_be_commented) == (head, base, 0, commented)


def test_a_run_after_another_workflow(tmp_path: Path) -> None:
    """With workflow_run head, repository and run are those of the run before, and no pull request is named."""
    event = {
        "workflow_run": {
            "id": 5,
            "run_number": 3,
            "run_attempt": 4,
            "head_sha": HEAD,
            "head_branch": "topic",
            "html_url": "https://github.example.com/example/app/actions/runs/5",
            "head_repository": {"full_name": "someone/app"},
            "pull_requests": [{"number": 1000}],
        }
    }
    found = actions(tmp_path, "workflow_run", event, GITHUB_SHA=MERGE)
    told = (found.number, found.head_sha, found.head_repository, found.head_branch, found.run_number, found.run_id)
    assert (*told, found.run_attempt) == (0, HEAD, "someone/app", "topic", 3, 5, 4)
    assert (found.is_fork, found.can_be_commented) == (True, True)


@pytest.mark.parametrize(
    "event",
    [
        {"number": "7; rm", "pull_request": {"head": {"sha": "--output=x"}, "base": {"ref": "a\nb", "sha": 5}}},
        {"number": True, "pull_request": "no"},
        {"number": -1, "pull_request": {"head": {"sha": HEAD.upper()}, "base": {"ref": ["x"]}}},
    ],
)
def test_what_is_of_another_shape_is_not_known(tmp_path: Path, event: dict[str, Any]) -> None:
    """Whatever of an event is not an id, a number or a name is left out."""
    found = actions(tmp_path, "pull_request", event)
    assert (found.number, found.head_sha, found.base_sha, found.base_branch) == (0, "", "", "")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"{", "the event is not JSON"),
        (b"[" * 100_000, "the event is not JSON"),
        (b"[]", "the event is not a JSON object"),
        (None, "cannot read the event: No such file or directory"),
    ],
)
def test_an_event_that_cannot_be_read(tmp_path: Path, content: bytes | None, reason: str) -> None:
    """A file of an event that is none is named, with the reason."""
    path = tmp_path / "event.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError) as error:
        read_context({**ACTIONS, "GITHUB_EVENT_NAME": "push", "GITHUB_EVENT_PATH": str(path)})
    assert str(error.value) == f"{path}: {reason}"


GITLAB = {
    "GITLAB_CI": "true",
    "CI_API_V4_URL": "https://gitlab.example.com/api/v4",
    "CI_SERVER_URL": "https://gitlab.example.com",
    "CI_PROJECT_ID": "3",
    "CI_PROJECT_PATH": "group/sub/app",
    "CI_COMMIT_SHA": HEAD,
    "CI_PIPELINE_IID": "8",
    "CI_PIPELINE_ID": "800",
    "CI_JOB_URL": "https://gitlab.example.com/group/sub/app/-/jobs/1",
    "CI_DEFAULT_BRANCH": "main",
    "CI_PIPELINE_SOURCE": "merge_request_event",
}
MERGE_REQUEST = {
    "CI_MERGE_REQUEST_IID": "4",
    "CI_MERGE_REQUEST_PROJECT_ID": "3",
    "CI_MERGE_REQUEST_PROJECT_PATH": "group/sub/app",
    "CI_MERGE_REQUEST_SOURCE_PROJECT_ID": "3",
    "CI_MERGE_REQUEST_SOURCE_PROJECT_PATH": "group/sub/app",
    "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main",
    "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME": "topic",
    "CI_MERGE_REQUEST_DIFF_BASE_SHA": BASE,
}


def test_a_merge_request_on_gitlab() -> None:
    """A merge request is told with its project, its head and the base of its difference; no token of the job is one."""
    found = read_context({**GITLAB, **MERGE_REQUEST, "CI_JOB_TOKEN": "job"})
    assert found == Context(
        forge="gitlab",
        repository="group/sub/app",
        project_id=3,
        number=4,
        head_sha=HEAD,
        base_sha=BASE,
        base_branch="main",
        default_branch="main",
        head_repository="group/sub/app",
        head_branch="topic",
        event="merge_request_event",
        run_number=8,
        run_id=800,
        run_url="https://gitlab.example.com/group/sub/app/-/jobs/1",
        api_url="https://gitlab.example.com/api/v4",
        server_url="https://gitlab.example.com",
    )
    assert found.can_be_commented and not found.has_token


def test_merged_results_on_gitlab() -> None:
    """In a pipeline of merged results the head is that of the source branch, and the commit is the merge."""
    merged = {**GITLAB, **MERGE_REQUEST, "CI_COMMIT_SHA": MERGE, "CI_MERGE_REQUEST_SOURCE_BRANCH_SHA": HEAD}
    found = read_context({**merged, "CI_MERGE_REQUEST_SOURCE_PROJECT_ID": "9", "PASSROLE_GITLAB_TOKEN": " t\n"})
    assert (found.head_sha, found.merge_sha, found.is_fork, found.token) == (HEAD, MERGE, True, "t")


def test_a_push_on_gitlab() -> None:
    """A pipeline of a branch has what was there before as its base, and takes no comments."""
    found = read_context({**GITLAB, "CI_PIPELINE_SOURCE": "push", "CI_COMMIT_BEFORE_SHA": BASE})
    assert (found.base_sha, found.number, found.can_be_commented) == (BASE, 0, False)
