"""The action, as it is shipped and as the pages say to use it, run from end to end in act (nektos), without Docker.

GitHub is the stand-in of tests/helpers/github_fake; the actions of others are stand-ins that do the one thing needed
here. What is installed comes from the package index, in each run of ``test_a_scan_uploads_all_findings`` and once for
all others.
"""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from git_repositories import Repository
from gitea_fake import GiteaFake
from github_fake import GitHubFake
from github_fake.world import Pull
from pipelines import HOSTILE
from pipelines import OPEN_BASE as BASE
from pipelines import OPEN_HEAD as HEAD
from plans_of_tests import change as resource_change
from plans_of_tests import document, plan, statement
from readme_examples import ACTION, COMMIT, OURS, Example, examples, workflows

Tool = Callable[[str], str]
WIDENED = {"verdict": "findings", "new": "0", "worse": "1", "fixed": "0"}  # the outputs for the change below
SHORT, SIMPLE, TARGET, FIRST, SECOND, CODE_SCANNING, SCAN = workflows()

STAND_INS = {  # of the actions of others: what each does with its inputs
    "actions/setup-python": ('echo "python-path=$FIRST_PYTHON" >> "$GITHUB_OUTPUT"', ("python-path",)),
    "actions/upload-artifact": ('mkdir "$STAND_INS/$IN_NAME" && cp -- "$IN_PATH" "$STAND_INS/$IN_NAME"', ()),
    "github/codeql-action/upload-sarif": (
        'cp -- "$IN_SARIF_FILE" "$STAND_INS/$IN_CATEGORY.uploaded"\n'
        'echo "$IN_REF $IN_SHA" > "$STAND_INS/$IN_CATEGORY.commit"',
        (),
    ),
}
INPUTS = ("path", "name", "sarif_file", "category", "python-version", "update-environment", "retention-days")
INPUTS += ("ref", "sha", "checkout_path")


def stand_in(folder: Path, name: str) -> None:
    """An action that does what its namesake is used for here."""
    script, outputs = STAND_INS[name]
    folder.mkdir(parents=True)
    step = {
        "id": "step",
        "shell": "bash",
        "env": {f"IN_{one.upper()}": f"${{{{ inputs.{one} }}}}" for one in INPUTS},
        "run": script,
    }
    metadata = {
        "name": name,
        "description": "a stand-in",
        "inputs": {one: {"description": one} for one in INPUTS},
        "outputs": {one: {"description": one, "value": f"${{{{ steps.step.outputs.{one} }}}}"} for one in outputs},
        "runs": {"using": "composite", "steps": [step]},
    }
    (folder / "action.yml").write_text(json.dumps(metadata), "utf-8")  # JSON is YAML


@dataclass(frozen=True)
class Ran:
    """The result of a workflow run. ``log`` is its whole output."""

    succeeded: bool
    log: str
    trapped: bool

    @property
    def outputs(self) -> dict[str, str]:
        """The outputs of our action: those of its last step, which act repeats for the action itself."""
        found = re.findall(r"::set-output:: (verdict|new|worse|fixed|bundle|sarif)=(.*)", self.log)
        return {name: value for name, value in found if value}


class Runner:
    """Runs workflows in act on a copy of a repository."""

    def __init__(self, act: str, folder: Path, released: Path, python: Path) -> None:
        self.act, self.folder, self.released, self.python = act, folder, released, python
        self.stand_ins = folder / "stand-ins"
        self.local = {f"{OURS}@{COMMIT}": released}
        texts = [ACTION.read_text("utf-8"), *(one.text for one in workflows())]
        for name, commit in sorted(set(re.findall(r"uses: (\S+)@([0-9a-f]{40}) #", "\n".join(texts)))):
            owner, repository, *below = name.split("/")
            if name in STAND_INS:
                place = self.stand_ins / repository
                stand_in(place.joinpath(*below), name)
                self.local[f"{owner}/{repository}@{commit}"] = place

    def run(self, example: Example, where: Path, event: str, payload: object, url: str, token: str, **more: str) -> Ran:
        """``where``: the clone that actions/checkout would make. ``more``: variables of the runner."""
        event_file, trap = self.folder / "event.json", self.folder / "trap"
        event_file.write_text(json.dumps(payload), "utf-8")
        workflow = self.folder / "workflows" / Path(example.name).name
        workflow.parent.mkdir(exist_ok=True)
        workflow.write_text(example.text, "utf-8")
        command = [self.act, event, "--directory", str(where), "--workflows", str(workflow)]
        command += ["--eventpath", str(event_file)]
        command += ["--platform", "ubuntu-latest=-self-hosted", "--action-offline-mode", "--pull=false"]
        command += ["--no-cache-server", "--secret", f"GITHUB_TOKEN={token}"]
        for repository, place in self.local.items():
            command += ["--local-repository", f"{repository}={place}"]
        environment = {
            "GITHUB_API_URL": url,
            "GITHUB_GRAPHQL_URL": f"{url}/graphql",
            "GITHUB_REPOSITORY": "octo-org/infra",
            "STAND_INS": str(self.stand_ins),
            "TRAP": str(trap),
            "FIRST_PYTHON": str(self.python),
            "PIP_CACHE_DIR": str(self.released.parent / "pip"),
            **more,
        }
        for name, value in environment.items():
            command += ["--env", f"{name}={value}"]
        home = {"HOME": str(self.folder), "XDG_CACHE_HOME": str(self.folder / "cache")}
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        done = subprocess.run(command, env={**kept, **home}, capture_output=True, text=True, check=False, timeout=300)
        log = re.sub(r".*(?:not located inside a|unable to get) git .*\n", "", done.stdout + done.stderr)
        return Ran(done.returncode == 0, log, trap.exists())


@pytest.fixture
def fake() -> Iterator[GitHubFake]:
    fake = GitHubFake()
    fake.start()
    yield fake
    fake.stop()
    fake.assert_described()


@pytest.fixture
def runner(tool: Tool, tmp_path: Path, released: Path, prepared_python: Path) -> Runner:
    folder = tmp_path / "runner"
    folder.mkdir()
    return Runner(tool("act"), folder, released, prepared_python / "python3")


@dataclass
class Change:
    """A pull request in a real repository: its commits are those that the stand-in for GitHub knows of."""

    fake: GitHubFake
    repository: Repository
    pull: Pull

    def push(self, files: dict[str, str | None]) -> None:
        """A new commit on the branch, and the merge that GitHub tries, which is what gets checked out."""
        self.repository.git("checkout", "--quiet", "change")
        sha = self.repository.commit(files)
        self.fake.push(self.pull, {**self.pull.head_files, **{k: v for k, v in files.items() if v is not None}}, sha)
        self.merge()

    def comes_from_a_fork(self) -> None:
        """The branch is one of another repository."""
        fork = self.fake.new_repository("contributor/infra", parent=self.fake.repository)
        fork.commits.add(self.pull.head_sha)
        self.pull.head_repository = fork

    def merge(self) -> None:
        self.repository.git("checkout", "--quiet", "--detach", "main")
        self.repository.git("merge", "--quiet", "--no-ff", "--message", "merge", "change")


@pytest.fixture
def change(fake: GitHubFake, repository: Repository) -> Change:
    """A change of one default, which lets any role be passed by a policy in another file, beside a number of traps."""
    base = repository.commit(dict(BASE))
    repository.git("checkout", "--quiet", "-b", "change")
    head = repository.commit({**HEAD, **HOSTILE})
    repository.git("checkout", "--quiet", "main")
    repository.commit({"README.md": "moved on\n"})
    fake.world.pulls.clear()
    fake.pull = fake.new_pull(dict(BASE), {**HEAD, **HOSTILE}, base_sha=base, head_sha=head)
    made = Change(fake, repository, fake.pull)
    made.merge()
    return made


def reviewed(runner: Runner, change: Change, example: Example = SHORT, token: str = "bot") -> Ran:
    payload = change.fake.payload(change.pull)
    value = change.fake.tokens[token].value
    return runner.run(example, change.repository.folder, "pull_request", payload, change.fake.url, value)


def test_a_pull_request_is_reviewed_and_mended(runner: Runner, change: Change, fake: GitHubFake) -> None:
    """A widened default gets one summary, one comment with a suggestion at that line, and a failed status; the
    suggestion, applied, makes the next run say that all is fixed. Nothing of the pull request is run."""
    ran = reviewed(runner, change)
    assert not ran.succeeded and not ran.trapped, ran.log
    assert ran.outputs == WIDENED
    (summary,) = fake.comments()
    (comment,) = fake.review_comments()
    assert (comment.path, comment.line) == ("infra/variables.tf", 3)
    assert "```suggestion\n" in comment.body
    assert [status.state for status in fake.statuses()] == ["failure"]

    fake.apply_suggestion(comment)
    change.push({"infra/variables.tf": change.pull.head_files["infra/variables.tf"]})
    ran = reviewed(runner, change)
    assert ran.succeeded, ran.log
    assert ran.outputs["verdict"] == "clean"
    (again,) = fake.comments()
    assert again is summary and "fixed" in again.body
    assert [status.state for status in fake.statuses()][-1] == "success"


def test_a_fork_needs_neither_history_nor_a_token_that_writes(
    runner: Runner, change: Change, fake: GitHubFake, tmp_path: Path
) -> None:
    """Where the checkout has only the newest commit, as it is by default, the others are fetched; with the token of a
    fork nothing is written on GitHub, and the job fails all the same, with annotations."""
    change.comes_from_a_fork()
    shallow, source = tmp_path / "shallow", f"file://{change.repository.folder}"
    change.repository.git("branch", "--force", "merged", "HEAD")
    change.repository.git("clone", "--quiet", "--depth=1", "--branch=merged", "--single-branch", source, str(shallow))
    token = fake.tokens["read_only"].value
    ran = runner.run(SIMPLE, shallow, "pull_request", fake.payload(change.pull), fake.url, token)
    assert not ran.succeeded
    assert ran.outputs == WIDENED, ran.log
    assert not fake.comments() and not fake.review_comments() and not fake.statuses()
    assert "::error file=infra/variables.tf,line=3" in ran.log, ran.log


def test_a_fork_is_reviewed_without_its_checkout(
    runner: Runner, change: Change, fake: GitHubFake, tmp_path: Path
) -> None:
    """Under pull_request_target the clone is that of the target and stays so; the head is fetched as objects."""
    change.comes_from_a_fork()
    clone, origin = tmp_path / "clone", f"file://{change.repository.folder}"
    change.repository.git("clone", "--quiet", "--branch=main", "--single-branch", origin, str(clone))
    change.repository.git("update-ref", "refs/pull/7/head", change.pull.head_sha)
    change.repository.git("branch", "--quiet", "-D", "change")
    payload = fake.payload(change.pull, "pull_request_target")
    ran = runner.run(TARGET, clone, "pull_request_target", payload, fake.url, fake.token)
    assert not ran.succeeded and not ran.trapped
    assert ran.outputs == WIDENED, ran.log
    assert len(fake.comments()) == len(fake.review_comments()) == 1
    assert [status.state for status in fake.statuses()] == ["failure"]


def test_two_workflows_review_a_fork(runner: Runner, change: Change, fake: GitHubFake, tmp_path: Path) -> None:
    """The first may only read, and leaves its result as an artifact; the second has no clone, and comments."""
    change.comes_from_a_fork()
    ran = reviewed(runner, change, FIRST, "read_only")
    assert not ran.succeeded and not fake.writes(), ran.log
    (bundle,) = (runner.stand_ins / "passrole").iterdir()
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(bundle, bundle.name)  # as actions/upload-artifact does
    payload = fake.payload(change.pull, "workflow_run", run_id=9001)
    fake.artifact(9001, "passrole", packed.getvalue())
    empty = tmp_path / "empty"
    empty.mkdir()
    token = fake.new_token("github-actions[bot]", {"actions": "read", "pull-requests": "write"}, app="github-actions")
    ran = runner.run(SECOND, empty, "workflow_run", payload, fake.url, token.value)
    assert ran.succeeded, ran.log
    assert ran.outputs == WIDENED
    assert len(fake.comments()) == len(fake.review_comments()) == 1
    assert not fake.statuses()


def uploaded(runner: Runner) -> tuple[list[tuple[str, str | None]], list[str]]:
    """Return the results that were uploaded, and the reference and commit that they are for."""
    sarif = json.loads((runner.stand_ins / "passrole.uploaded").read_text("utf-8"))
    results = [(one["ruleId"], one.get("baselineState")) for one in sarif["runs"][0]["results"]]
    return results, (runner.stand_ins / "passrole.commit").read_text("utf-8").split()


def test_code_scanning_is_given_all_findings(runner: Runner, change: Change, fake: GitHubFake) -> None:
    """The uploaded SARIF is for the head commit and marks what is new; code scanning comments at lines, the action does
    not."""
    ran = reviewed(runner, change, CODE_SCANNING)
    assert not ran.succeeded
    pull = change.pull
    assert uploaded(runner) == ([("PASSROLE_001", "new")], [f"refs/pull/{pull.number}/head", pull.head_sha])
    assert len(fake.comments()) == 1 and not fake.review_comments()


@pytest.fixture
def gitea() -> Iterator[GiteaFake]:
    fake = GiteaFake()
    fake.start()
    yield fake
    fake.stop()
    assert fake.violations == []


def test_the_action_comments_on_gitea(runner: Runner, change: Change, gitea: GiteaFake, tmp_path: Path) -> None:
    """The same action, used as the page of Gitea says, comments there and sets no status. act knows no addresses of
    actions, which Gitea's runner resolves."""
    (example,) = [each for each in examples() if each.name.startswith(".gitea/")]
    here = Example(example.name, re.sub(r"https://[\w.]+/", "", example.text), example.page)
    gitea.pull.base_sha, gitea.pull.head_sha = change.pull.base_sha, change.pull.head_sha
    variables = gitea.environment(tmp_path / "job")
    payload = json.loads(Path(variables["GITHUB_EVENT_PATH"]).read_text("utf-8"))
    names = ("GITEA_ACTIONS", "GITHUB_SERVER_URL", "GITHUB_REPOSITORY")
    more = {name: variables[name] for name in names} | {"GITEA_TOKEN": "of the job", "FORGEJO_TOKEN": "of the job"}
    token = gitea.tokens["comments_only"].value
    ran = runner.run(here, change.repository.folder, "pull_request", payload, gitea.url, token, **more)
    assert not ran.succeeded and not ran.trapped, ran.log
    assert ran.outputs == WIDENED
    assert [(each.path, each.line) for each in gitea.code_comments()] == [("infra/variables.tf", 3)]
    assert (len(gitea.comments), gitea.statuses) == (1, [])


def test_a_plan_is_commented_at_its_source(runner: Runner, change: Change, fake: GitHubFake, tmp_path: Path) -> None:
    """The plan widens more than the source shows; its comment is at the changed line."""
    values = [{"name": "deploy", "policy": document(statement(roles, service=""))} for roles in ("app", "*")]
    (tmp_path / "plan.json").write_text(plan(resource_change("aws_iam_policy.deploy", *values)), "utf-8")
    inputs = f"        with:\n          plan: {tmp_path}/plan.json=infra\n"
    ran = reviewed(runner, change, replace(SIMPLE, text=SIMPLE.text + inputs))
    assert not ran.succeeded and ran.outputs["verdict"] == "findings", ran.log
    (comment,) = fake.review_comments()
    assert (comment.path, comment.line) == ("infra/variables.tf", 3)
    assert "from plan" in fake.comments()[0].body


def test_a_scan_uploads_all_findings(runner: Runner, change: Change, fake: GitHubFake) -> None:
    """Without a pull request, the findings of the checked-out commit are uploaded for it, and nothing is posted."""
    runner.python = Path(sys.executable)
    payload = {"ref": "refs/heads/main", "repository": {"full_name": "octo-org/infra"}}
    token = fake.tokens["read_only"].value
    ran = runner.run(SCAN, change.repository.folder, "push", payload, fake.url, token)
    assert ran.succeeded and not ran.trapped, ran.log
    assert ran.outputs["verdict"] == "clean"  # by `fail-on: never`
    assert uploaded(runner) == ([("PASSROLE_001", None)], [])
    assert not fake.writes()
