"""The context of a review from the environment of a pipeline."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from passrole_checks.errors import InputError
from passrole_checks.review.ci_context import Context, WorkflowRun, read_context

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


def test_context_is_empty_outside_of_pipelines() -> None:
    """Outside of a pipeline the context is empty, whatever tokens are set."""
    assert read_context({"GITHUB_TOKEN": "secret", "HOME": "/"}) == Context()


@pytest.mark.parametrize(
    ("variable", "token", "is_forgejo"),
    [("GITEA_ACTIONS", "GITEA_TOKEN", False), ("FORGEJO_ACTIONS", "FORGEJO_TOKEN", True), ("GITEA_ACTIONS", "", False)],
)
def test_gitea_pull_request(tmp_path: Path, variable: str, token: str, is_forgejo: bool) -> None:
    """Gitea and Forgejo set the variables of GitHub, and their runs are addressed by number. Without a token of theirs,
    GITHUB_TOKEN is used."""
    urls = {"GITHUB_SERVER_URL": "https://git.example.com", "GITHUB_API_URL": "https://git.example.com/api/v1"}
    more = {variable: "true", **urls, **({token: "theirs"} if token else {})}
    found = actions(tmp_path, "pull_request", PULL_REQUEST, GITHUB_SHA=HEAD, **more)
    assert (found.forge, found.is_forgejo, found.number, found.head_sha) == ("gitea", is_forgejo, 7, HEAD)
    assert (found.api_url, found.merge_sha, found.step_summary) == ("https://git.example.com/api/v1", "", "")
    assert found.run.url == "https://git.example.com/example/app/actions/runs/12"
    assert found.token == ("theirs" if token else "secret")


def test_github_pull_request(tmp_path: Path) -> None:
    """The context of a fork's pull request has its head, base, merge commit and run."""
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
        run=WorkflowRun(12, 2, "https://github.example.com/example/app/actions/runs/99"),
        api_url="https://github.example.com/api/v3",
        server_url="https://github.example.com",
        is_fork=True,
        token="secret",
    )
    assert found.can_be_commented
    assert "secret" not in repr(found)


def test_pull_request_target_has_no_merge_commit(tmp_path: Path) -> None:
    """With pull_request_target GITHUB_SHA is a commit of the base, not a test merge commit."""
    found = actions(tmp_path, "pull_request_target", PULL_REQUEST, GITHUB_SHA=BASE)
    assert (found.head_sha, found.merge_sha) == (HEAD, "")


def test_deleted_head_repository_is_a_fork(tmp_path: Path) -> None:
    """A head without a repository counts as a fork."""
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
def test_other_events_have_no_comments(
    tmp_path: Path, name: str, event: dict[str, Any], head: str, base: str, commented: bool
) -> None:
    """Events without a pull request have a head, some a base, and no comments."""
    found = actions(tmp_path, name, event, GITHUB_SHA=MERGE)
    assert (found.head_sha, found.base_sha, found.number, found.can_be_commented) == (head, base, 0, commented)


def test_workflow_run_has_the_scanning_run(tmp_path: Path) -> None:
    """With workflow_run the head, repository and run are those of the earlier run, without a pull request."""
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
    result = (found.number, found.head_sha, found.head_repository, found.head_branch, found.run.number)
    assert (*result, found.run.attempt) == (0, HEAD, "someone/app", "topic", 3, 4)
    assert (found.is_fork, found.can_be_commented) == (True, True)


@pytest.mark.parametrize(
    "event",
    [
        {"number": "7; rm", "pull_request": {"head": {"sha": "--output=x"}, "base": {"ref": "a\nb", "sha": 5}}},
        {"number": True, "pull_request": "no"},
        {"number": -1, "pull_request": {"head": {"sha": HEAD.upper()}, "base": {"ref": ["x"]}}},
    ],
)
def test_invalid_fields_are_empty(tmp_path: Path, event: dict[str, Any]) -> None:
    """Fields of an event that are not ids, numbers or names are empty."""
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
def test_unreadable_event_is_an_error(tmp_path: Path, content: bytes | None, reason: str) -> None:
    """An unreadable event file is named with the reason."""
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


def test_gitlab_merge_request() -> None:
    """The context of a merge request has its project, head and diff base; a job token is no token."""
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
        run=WorkflowRun(8, url="https://gitlab.example.com/group/sub/app/-/jobs/1"),
        api_url="https://gitlab.example.com/api/v4",
        server_url="https://gitlab.example.com",
    )
    assert found.can_be_commented and not found.has_token


def test_gitlab_merged_results() -> None:
    """In a merged results pipeline the head is that of the source branch, and the commit is the merge."""
    merged = {**GITLAB, **MERGE_REQUEST, "CI_COMMIT_SHA": MERGE, "CI_MERGE_REQUEST_SOURCE_BRANCH_SHA": HEAD}
    found = read_context({**merged, "CI_MERGE_REQUEST_SOURCE_PROJECT_ID": "9", "PASSROLE_GITLAB_TOKEN": " t\n"})
    assert (found.head_sha, found.merge_sha, found.is_fork, found.token) == (HEAD, MERGE, True, "t")


def test_gitlab_push() -> None:
    """A branch pipeline has the previous commit as its base, and no comments."""
    found = read_context({**GITLAB, "CI_PIPELINE_SOURCE": "push", "CI_COMMIT_BEFORE_SHA": BASE})
    assert (found.base_sha, found.number, found.can_be_commented) == (BASE, 0, False)
