"""The versions that a review in a pipeline compares."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from reviews_of_tests import ANY, APP, FROM_VARIABLE, OPEN, VARIABLE, ReviewResult, Reviews, policy

from passrole_checks.review.report import Anchor

MORE = {"other.tf": policy(OPEN, name="other")}


class Pipeline:
    """GitHub Actions, in a repository."""

    def __init__(self, repository: Reviews, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
        self._repository, self._set, self._folder = repository, monkeypatch.setenv, folder
        monkeypatch.setenv("GITHUB_ACTIONS", "true")
        monkeypatch.setenv("GITHUB_REPOSITORY", "example/app")

    def review(self, name: str, event: dict[str, Any], sha: str) -> ReviewResult:
        path = self._folder / "event.json"
        path.write_text(json.dumps({"repository": {"default_branch": "main"}, **event}), "utf-8")
        for variable, value in (("EVENT_NAME", name), ("EVENT_PATH", str(path)), ("SHA", sha)):
            self._set(f"GITHUB_{variable}", value)
        return self._repository.review("--post", "none")

    def pull_request(self, head: str, base: str, sha: str, name: str = "pull_request") -> ReviewResult:
        sides = {"head": {"sha": head, "ref": "topic"}, "base": {"sha": base, "ref": "main"}}
        return self.review(name, {"number": 7, "pull_request": sides}, sha)


@pytest.fixture
def pipeline(repository: Reviews, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Pipeline:
    return Pipeline(repository, monkeypatch, tmp_path)


def merged(repository: Reviews, base: str, head: str) -> str:
    """Return the test merge commit of a forge, and check the target out again."""
    repository.git("checkout", "--quiet", "--detach", base)
    repository.git("merge", "--quiet", "--no-ff", "--no-edit", head)
    made = repository.git("rev-parse", "HEAD")
    repository.git("checkout", "--quiet", "main")
    return made


def topic(repository: Reviews) -> tuple[str, str, str]:
    """A branch that widens a policy, while the target gets one of its own: where they part, the target, the head."""
    start = repository.commit({"main.tf": policy(APP)})
    repository.git("checkout", "--quiet", "-b", "topic")
    head = repository.commit({"main.tf": policy(ANY)})
    repository.git("checkout", "--quiet", "main")
    return start, repository.commit(MORE), head


def versions(said: ReviewResult) -> tuple[str, str]:
    return said.report.base, said.report.head


def test_pull_request_is_compared_with_its_merge_base(repository: Reviews, pipeline: Pipeline) -> None:
    """A pull request is compared with its merge base, without later changes of the target; with the target itself if
    there is a test merge commit."""
    start, target, head = topic(repository)
    for sha, base, notes in (
        (head, start, []),
        (
            merged(repository, target, head), target,
            [f"compared: the merge of {head[:12]} into main at {target[:12]}"],
        ),
    ):  # fmt: skip
        result = pipeline.pull_request(head, target, sha)
        assert versions(result) == (base, head)
        assert (result.items, result.report.fixed) == ([("new", "widened", "main.tf:5", ["001", "015"])], ())
        assert [note.reason for note in result.report.notes] == notes
        (item,) = result.report.items
        assert item.anchor is not None and (item.anchor.file, item.anchor.line) == ("main.tf", 5)


def test_access_that_only_the_merge_creates_is_found(repository: Reviews, pipeline: Pipeline) -> None:
    """Access that only the merge of both sides grants is found: the target widens a default that the head starts to
    use."""
    narrow, wide = (VARIABLE % role for role in ("arn:aws:iam::111122223333:role/app", "*"))
    repository.commit({"variables.tf": narrow})
    repository.git("checkout", "--quiet", "-b", "topic")
    head = repository.commit({"main.tf": policy(FROM_VARIABLE)})
    repository.git("checkout", "--quiet", "main")
    target = repository.commit({"variables.tf": wide})
    result = pipeline.pull_request(head, target, merged(repository, target, head))
    assert (versions(result), result.items) == ((target, head), [("new", "new", "main.tf:5", ["001", "015"])])
    assert pipeline.pull_request(head, target, head).items == []


def test_lines_that_differ_in_the_merge_have_no_anchor(repository: Reviews, pipeline: Pipeline) -> None:
    """If the target moved the lines of a file, comments are on the file, without suggestions or line links."""
    below = "".join(f"# line {number}\n" for number in range(20))
    repository.commit({"main.tf": below + policy(APP)})
    repository.git("checkout", "--quiet", "-b", "topic")
    head = repository.commit({"main.tf": below + policy(ANY)})
    repository.git("checkout", "--quiet", "main")
    target = repository.commit({"main.tf": "# first\n" + below + policy(APP)})
    report = pipeline.pull_request(head, target, merged(repository, target, head)).report
    (item,) = report.items
    assert (item.at.line, item.anchor, item.replacement) == (26, Anchor("main.tf", 0, 0), None)
    assert report.unlike_head == ("main.tf",)
    report = pipeline.pull_request(head, target, head).report
    (item,) = report.items
    assert (item.at.line, item.anchor, report.unlike_head) == (25, Anchor("main.tf", 25, 25), ())


def test_outdated_base_of_the_event_is_not_used(repository: Reviews, pipeline: Pipeline) -> None:
    """If the head has merged the target, the base of the event would attribute the target's changes to the head: the
    first parent of the merge commit, or else the fetched branch, is used."""
    start, target, _ = topic(repository)
    repository.git("checkout", "--quiet", "topic")
    repository.git("merge", "--quiet", "--no-edit", "main")
    head = repository.git("rev-parse", "HEAD")
    repository.git("checkout", "--quiet", "main")
    assert versions(pipeline.pull_request(head, start, merged(repository, target, head))) == (target, head)
    repository.git("update-ref", "refs/remotes/origin/main", target)
    assert versions(pipeline.pull_request(head, start, start)) == (target, head)


def test_rerun_after_the_merge_compares_the_pull_request(repository: Reviews, pipeline: Pipeline) -> None:
    """A re-run after the merge still compares what the pull request changes."""
    start, target, head = topic(repository)
    merge = merged(repository, target, head)
    repository.git("update-ref", "refs/remotes/origin/main", merge)
    assert versions(pipeline.pull_request(head, target, merge)) == (target, head)
    assert versions(pipeline.pull_request(head, target, head)) == (start, head)


def test_rebased_branch_is_compared_with_its_new_base(repository: Reviews, pipeline: Pipeline) -> None:
    """A rebased branch is compared with its new merge base."""
    _, target, _ = topic(repository)
    repository.git("checkout", "--quiet", "topic")
    repository.git("rebase", "--quiet", "main")
    head = repository.git("rev-parse", "HEAD")
    repository.git("checkout", "--quiet", "main")
    result = pipeline.pull_request(head, target, merged(repository, target, head))
    assert (versions(result), len(result.items)) == ((target, head), 1)


def test_pull_request_target_reads_the_head_as_objects(repository: Reviews, pipeline: Pipeline) -> None:
    """With pull_request_target the base is checked out and stays unchanged."""
    start, target, head = topic(repository)
    before = repository.state()
    result = pipeline.pull_request(head, target, target, "pull_request_target")
    assert (versions(result), len(result.items)) == ((start, head), 1)
    assert repository.state() == before


def test_one_of_several_merge_bases_is_used_and_noted(repository: Reviews, pipeline: Pipeline) -> None:
    """One of several merge bases is used, and a note says so."""
    repository.commit({"main.tf": policy(APP)})
    repository.git("checkout", "--quiet", "-b", "topic")
    one = repository.commit({"a.tf": policy(OPEN, name="a")})
    repository.git("checkout", "--quiet", "main")
    other = repository.commit({"b.tf": policy(OPEN, name="b")})
    repository.git("merge", "--quiet", "--no-edit", one)
    target = repository.git("rev-parse", "HEAD")
    repository.git("checkout", "--quiet", "topic")
    repository.git("merge", "--quiet", "--no-edit", other)
    head = repository.commit({"main.tf": policy(ANY)})
    result = pipeline.pull_request(head, target, target)
    (note,) = result.report.notes
    assert (
        note.reason == f"{head[:12]} and main have 2 merge bases; compared with the best one, {result.report.base[:12]}"
    )
    assert result.report.base in (one, other)


def test_shallow_clone_names_the_fetch_command(
    repository: Reviews, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a merge base in the clone the error names the command that fetches it."""
    _, target, head = topic(repository)
    origin = repository.folder
    repository.git("branch", "merge", merged(repository, target, head))
    clone = origin.parent / "clone"
    command = ["git", "clone", "--quiet", "--depth=1", "--branch=topic", f"file://{origin}", str(clone)]
    subprocess.run(command, check=True, capture_output=True)
    monkeypatch.chdir(clone)
    result = pipeline.pull_request(head, target, head)
    assert (result.status, result.out) == (2, "")
    assert result.err == (
        f"{head[:12]}: no merge base with main in this shallow clone: git fetch --unshallow origin, or fetch-depth: 0"
        " for actions/checkout\n"
    )


def test_missing_head_names_the_fetch_command(repository: Reviews, pipeline: Pipeline) -> None:
    """If the head is not in the clone, the error names the command that fetches it."""
    start, target, _ = topic(repository)
    result = pipeline.pull_request("d" * 40, target, start)
    assert (result.status, result.err) == (
        2,
        f"{'d' * 12}: the head is not in this clone: git fetch origin pull/7/head\n",
    )


def test_unrelated_histories_are_not_compared(repository: Reviews, pipeline: Pipeline) -> None:
    """Unrelated histories are compared only on request."""
    target = repository.commit({"main.tf": policy(APP)})
    repository.git("checkout", "--quiet", "--orphan", "topic")
    head = repository.commit({"main.tf": policy(ANY)})
    result = pipeline.pull_request(head, target, target)
    assert result.status == 2
    assert result.err == (
        f"{head[:12]}: no merge base with main: they have no common history; compare them anyway:"
        " passrole-checks review BASE HEAD\n"
    )


def test_merge_group_is_compared_with_its_base(repository: Reviews, pipeline: Pipeline) -> None:
    """A merge group is compared with its base."""
    start = repository.commit({"main.tf": policy(APP)})
    middle = repository.commit({"other.tf": policy(OPEN, name="other")})
    head = repository.commit({"main.tf": policy(ANY)})
    assert versions(pipeline.review("merge_group", {"merge_group": {"head_sha": head, "base_sha": start}}, head)) == (
        start, head,
    )  # fmt: skip
    result = pipeline.review("merge_group", {"merge_group": {"head_sha": head, "base_sha": middle}}, head)
    assert (versions(result), result.status) == ((middle, head), 1)


def test_push_is_compared_with_the_previous_push(repository: Reviews, pipeline: Pipeline) -> None:
    """A push is compared with the previous push; a new branch, or one whose previous commit is gone, with the default
    branch."""
    start, target, head = topic(repository)
    assert versions(pipeline.review("push", {"before": start, "after": target}, target)) == (start, target)
    for before in ("0" * 40, "d" * 40):
        assert versions(pipeline.review("push", {"before": before, "after": head}, head)) == (start, head)


def test_a_push_to_the_default_branch(repository: Reviews, pipeline: Pipeline) -> None:
    """A push to the default branch whose previous commit is gone is an error, not clean; the first push of all is
    compared with nothing; a new branch at the same commit has no changes."""
    head = repository.commit({"main.tf": policy(ANY)})
    result = pipeline.review("push", {"before": "d" * 40, "after": head, "ref": "refs/heads/main"}, head)
    assert (result.status, result.out, result.err) == (
        2,
        "",
        f"{head[:12]}: the previous push, dddddddddddd, is not in this clone: git fetch origin {'d' * 40}\n",
    )
    first = pipeline.review("push", {"before": "0" * 40, "after": head, "ref": "refs/heads/main"}, head)
    assert (first.status, first.items) == (1, [("new", "new", "main.tf:5", ["001", "015"])])
    new = pipeline.review("push", {"before": "0" * 40, "after": head, "ref": "refs/heads/topic"}, head)
    assert (versions(new), new.status) == ((head, head), 0)


def test_manual_run_is_compared_with_the_default_branch(repository: Reviews, pipeline: Pipeline) -> None:
    """A manual run is compared with the default branch; on that branch nothing differs."""
    start, target, head = topic(repository)
    assert versions(pipeline.review("workflow_dispatch", {}, head)) == (start, head)
    result = pipeline.review("workflow_dispatch", {}, target)
    assert (versions(result), result.items, result.status) == ((target, target), [], 0)


def test_merge_request_on_gitlab(repository: Reviews, monkeypatch: pytest.MonkeyPatch) -> None:
    """A merge request is compared with GitLab's base, and errors use GitLab's terms."""
    start, _, head = topic(repository)
    variables = {
        "GITLAB_CI": "true", "CI_COMMIT_SHA": head, "CI_MERGE_REQUEST_IID": "4",
        "CI_MERGE_REQUEST_DIFF_BASE_SHA": start, "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main",
    }  # fmt: skip
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    result = repository.review("--post", "none")
    assert (versions(result), result.status) == ((start, head), 1)
    monkeypatch.setenv("CI_COMMIT_SHA", "d" * 40)
    assert repository.review("--post", "none").err == (
        f"{'d' * 12}: the head is not in this clone: git fetch origin merge-requests/4/head\n"
    )


def test_versions_are_required_outside_of_a_pipeline(repository: Reviews) -> None:
    """Outside of a pipeline the versions are required."""
    repository.commit({"main.tf": policy(APP)})
    result = repository.review()
    assert (result.status, result.err.startswith("review: not in a pipeline")) == (2, True)


def test_folder_outside_of_a_repository_is_an_error(pipeline: Pipeline, repository: Reviews) -> None:
    """A folder outside of a repository is an error that says so."""
    shutil.rmtree(repository.folder / ".git")
    result = pipeline.review("push", {"before": "a" * 40, "after": "b" * 40}, "b" * 40)
    assert result.status == 2
    assert result.err == f"{repository.folder}: not in a git repository; check it out first, with its history\n"


def test_everything_is_new_against_the_empty_tree(repository: Reviews) -> None:
    """Against the empty tree everything is new."""
    repository.commit({"main.tf": policy(ANY)})
    empty = repository.git("hash-object", "-t", "tree", "/dev/null")
    assert repository.review(empty, "HEAD").items == [("new", "new", "main.tf:5", ["001", "015"])]
