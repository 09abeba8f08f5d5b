"""Which versions a pipeline's review compares."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from reviews_of_tests import ANY, APP, FROM_VARIABLE, OPEN, VARIABLE, Reviews, Told, policy

from passrole_checks.review.report import Anchor

MORE = {"other.tf": policy(OPEN, name="other")}


class Pipeline:
    """GitHub Actions, in a repository."""

    def __init__(self, repository: Reviews, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
        self._repository, self._set, self._folder = repository, monkeypatch.setenv, folder
        monkeypatch.setenv("GITHUB_ACTIONS", "true")
        monkeypatch.setenv("GITHUB_REPOSITORY", "example/app")

    def review(self, name: str, event: dict[str, Any], sha: str) -> Told:
        path = self._folder / "event.json"
        path.write_text(json.dumps({"repository": {"default_branch": "main"}, **event}), "utf-8")
        for variable, value in (("EVENT_NAME", name), ("EVENT_PATH", str(path)), ("SHA", sha)):
            self._set(f"GITHUB_{variable}", value)
        return self._repository.review("--post", "none")

    def pull_request(self, head: str, base: str, sha: str, name: str = "pull_request") -> Told:
        sides = {"head": {"sha": head, "ref": "topic"}, "base": {"sha": base, "ref": "main"}}
        return self.review(name, {"number": 7, "pull_request": sides}, sha)


@pytest.fixture
def pipeline(repository: Reviews, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Pipeline:
    return Pipeline(repository, monkeypatch, tmp_path)


def merged(repository: Reviews, base: str, head: str) -> str:
    """The commit by which a forge tries the merge; the branch is the target's again afterwards."""
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


def versions(said: Told) -> tuple[str, str]:
    return said.report.base, said.report.head


def test_a_pull_request(repository: Reviews, pipeline: Pipeline) -> None:
    """A pull request is compared from the merge base of its target, and what the target got since is not its own; from
    the target itself where the commit that tries the merge is there."""
    start, target, head = topic(repository)
    for sha, base, notes in (
        (head, start, []),
        (
            merged(repository, target, head), target,
            [f"compared: the merge of {head[:12]} into main at {target[:12]}"],
        ),
    ):  # fmt: skip
        said = pipeline.pull_request(head, target, sha)
        assert versions(said) == (base, head)
        assert (said.items, said.report.fixed) == ([("new", "widened", "main.tf:5", ["015", "001"])], ())
        assert [note.reason for note in said.report.notes] == notes
        (item,) = said.report.items
        assert item.anchor is not None and (item.anchor.file, item.anchor.line) == ("main.tf", 5)


def test_what_only_the_merge_makes(repository: Reviews, pipeline: Pipeline) -> None:
    """What neither side gives alone is found in the merge: the target widens a default that the head comes to use."""
    narrow, wide = (VARIABLE % role for role in ("arn:aws:iam::111122223333:role/app", "*"))
    repository.commit({"variables.tf": narrow})
    repository.git("checkout", "--quiet", "-b", "topic")
    head = repository.commit({"main.tf": policy(FROM_VARIABLE)})
    repository.git("checkout", "--quiet", "main")
    target = repository.commit({"variables.tf": wide})
    said = pipeline.pull_request(head, target, merged(repository, target, head))
    assert (versions(said), said.items) == ((target, head), [("new", "new", "main.tf:5", ["015", "001"])])
    assert pipeline.pull_request(head, target, head).items == []


def test_lines_of_the_merge_are_not_those_of_the_head(repository: Reviews, pipeline: Pipeline) -> None:
    """Where the target has moved the lines of a file, a comment belongs to the file, nothing is suggested there, and a
    link leads to no line."""
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


def test_the_base_of_the_event_may_be_old(repository: Reviews, pipeline: Pipeline) -> None:
    """Where the head has merged the target since, the base that the event names would count the target's changes as
    the head's: the first parent of the merge commit, or else the fetched branch, is what counts."""
    start, target, _ = topic(repository)
    repository.git("checkout", "--quiet", "topic")
    repository.git("merge", "--quiet", "--no-edit", "main")
    head = repository.git("rev-parse", "HEAD")
    repository.git("checkout", "--quiet", "main")
    assert versions(pipeline.pull_request(head, start, merged(repository, target, head))) == (target, head)
    repository.git("update-ref", "refs/remotes/origin/main", target)
    assert versions(pipeline.pull_request(head, start, start)) == (target, head)


def test_a_run_that_is_repeated_after_the_merge(repository: Reviews, pipeline: Pipeline) -> None:
    """Once the target has the head there is no difference between them; a run that is repeated still compares what the
    pull request changes."""
    start, target, head = topic(repository)
    merge = merged(repository, target, head)
    repository.git("update-ref", "refs/remotes/origin/main", merge)
    assert versions(pipeline.pull_request(head, target, merge)) == (target, head)
    assert versions(pipeline.pull_request(head, target, head)) == (start, head)


def test_a_force_push(repository: Reviews, pipeline: Pipeline) -> None:
    """A branch that was rewritten and rebased is compared from where it begins now."""
    _, target, _ = topic(repository)
    repository.git("checkout", "--quiet", "topic")
    repository.git("rebase", "--quiet", "main")
    head = repository.git("rev-parse", "HEAD")
    repository.git("checkout", "--quiet", "main")
    said = pipeline.pull_request(head, target, merged(repository, target, head))
    assert (versions(said), len(said.items)) == ((target, head), 1)


def test_pull_request_target_reads_the_head_as_objects(repository: Reviews, pipeline: Pipeline) -> None:
    """With pull_request_target the base is checked out, and stays as it is."""
    start, target, head = topic(repository)
    before = repository.state()
    said = pipeline.pull_request(head, target, target, "pull_request_target")
    assert (versions(said), len(said.items)) == ((start, head), 1)
    assert repository.state() == before


def test_several_merge_bases(repository: Reviews, pipeline: Pipeline) -> None:
    """Of several merge bases one is taken, and that is told."""
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
    said = pipeline.pull_request(head, target, target)
    (note,) = said.report.notes
    assert (
        note.reason == f"{head[:12]} and main have 2 merge bases; compared with the best one, {said.report.base[:12]}"
    )
    assert said.report.base in (one, other)


def test_a_shallow_clone(repository: Reviews, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a merge base in the clone nothing is compared, and the message says what gets it."""
    _, target, head = topic(repository)
    origin = repository.folder
    repository.git("branch", "merge", merged(repository, target, head))
    clone = origin.parent / "clone"
    command = ["git", "clone", "--quiet", "--depth=1", "--branch=topic", f"file://{origin}", str(clone)]
    subprocess.run(command, check=True, capture_output=True)
    monkeypatch.chdir(clone)
    said = pipeline.pull_request(head, target, head)
    assert (said.status, said.out) == (2, "")
    assert said.err == (
        f"{head[:12]}: no merge base with main in this shallow clone: git fetch --unshallow origin, or fetch-depth: 0"
        " for actions/checkout\n"
    )


def test_a_head_that_is_not_in_the_clone(repository: Reviews, pipeline: Pipeline) -> None:
    """Where the head is not in the clone the message says how to fetch it."""
    start, target, _ = topic(repository)
    said = pipeline.pull_request("d" * 40, target, start)
    assert (said.status, said.err) == (2, f"{'d' * 12}: the head is not in this clone: git fetch origin pull/7/head\n")


def test_no_history_in_common(repository: Reviews, pipeline: Pipeline) -> None:
    """Two histories that have nothing in common are not compared unasked."""
    target = repository.commit({"main.tf": policy(APP)})
    repository.git("checkout", "--quiet", "--orphan", "topic")
    head = repository.commit({"main.tf": policy(ANY)})
    said = pipeline.pull_request(head, target, target)
    assert said.status == 2
    assert said.err == (
        f"{head[:12]}: no merge base with main: they have no common history; compare them anyway:"
        " passrole-checks review BASE HEAD\n"
    )


def test_a_merge_group(repository: Reviews, pipeline: Pipeline) -> None:
    """A merge group is compared with the base that it is to be merged into."""
    start = repository.commit({"main.tf": policy(APP)})
    middle = repository.commit({"other.tf": policy(OPEN, name="other")})
    head = repository.commit({"main.tf": policy(ANY)})
    assert versions(pipeline.review("merge_group", {"merge_group": {"head_sha": head, "base_sha": start}}, head)) == (
        start, head,
    )  # fmt: skip
    said = pipeline.review("merge_group", {"merge_group": {"head_sha": head, "base_sha": middle}}, head)
    assert (versions(said), said.status) == ((middle, head), 1)


def test_a_push(repository: Reviews, pipeline: Pipeline) -> None:
    """A push is compared with what was there before; a new branch, or one whose earlier commit is gone, from the
    default branch."""
    start, target, head = topic(repository)
    assert versions(pipeline.review("push", {"before": start, "after": target}, target)) == (start, target)
    for before in ("0" * 40, "d" * 40):
        assert versions(pipeline.review("push", {"before": before, "after": head}, head)) == (start, head)


def test_a_push_to_the_default_branch(repository: Reviews, pipeline: Pipeline) -> None:
    """Of a push to the default branch itself, whose earlier commit is gone, it is not said that nothing is new; the
    first push of all is compared with nothing; and a new branch at the same commit brings nothing."""
    head = repository.commit({"main.tf": policy(ANY)})
    said = pipeline.review("push", {"before": "d" * 40, "after": head, "ref": "refs/heads/main"}, head)
    assert (said.status, said.out, said.err) == (
        2,
        "",
        f"{head[:12]}: the previous push, dddddddddddd, is not in this clone: git fetch origin {'d' * 40}\n",
    )
    first = pipeline.review("push", {"before": "0" * 40, "after": head, "ref": "refs/heads/main"}, head)
    assert (first.status, first.items) == (1, [("new", "new", "main.tf:5", ["015", "001"])])
    new = pipeline.review("push", {"before": "0" * 40, "after": head, "ref": "refs/heads/topic"}, head)
    assert (versions(new), new.status) == ((head, head), 0)


def test_a_run_by_hand(repository: Reviews, pipeline: Pipeline) -> None:
    """A workflow that is run by hand is compared from the default branch; on that branch itself nothing differs."""
    start, target, head = topic(repository)
    assert versions(pipeline.review("workflow_dispatch", {}, head)) == (start, head)
    said = pipeline.review("workflow_dispatch", {}, target)
    assert (versions(said), said.items, said.status) == ((target, target), [], 0)


def test_gitlab(repository: Reviews, monkeypatch: pytest.MonkeyPatch) -> None:
    """A merge request on GitLab is compared from the base that GitLab names, and names what is missing in its words."""
    start, _, head = topic(repository)
    variables = {
        "GITLAB_CI": "true", "CI_COMMIT_SHA": head, "CI_MERGE_REQUEST_IID": "4",
        "CI_MERGE_REQUEST_DIFF_BASE_SHA": start, "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main",
    }  # fmt: skip
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    said = repository.review("--post", "none")
    assert (versions(said), said.status) == ((start, head), 1)
    monkeypatch.setenv("CI_COMMIT_SHA", "d" * 40)
    assert repository.review("--post", "none").err == (
        f"{'d' * 12}: the head is not in this clone: git fetch origin merge-requests/4/head\n"
    )


def test_nothing_named_and_no_pipeline(repository: Reviews) -> None:
    """Outside of a pipeline the versions have to be named."""
    repository.commit({"main.tf": policy(APP)})
    said = repository.review()
    assert (said.status, said.err.startswith("review: not in a pipeline")) == (
        2,
        True,
    )


def test_no_repository(pipeline: Pipeline, repository: Reviews) -> None:
    """In a folder that is in no repository that is said."""
    shutil.rmtree(repository.folder / ".git")
    said = pipeline.review("push", {"before": "a" * 40, "after": "b" * 40}, "b" * 40)
    assert said.status == 2
    assert said.err == f"{repository.folder}: not in a git repository; check it out first, with its history\n"


def test_the_first_commit(repository: Reviews) -> None:
    """Against the tree without files everything is new."""
    repository.commit({"main.tf": policy(ANY)})
    empty = repository.git("hash-object", "-t", "tree", "/dev/null")
    assert repository.review(empty, "HEAD").items == [("new", "new", "main.tf:5", ["015", "001"])]
