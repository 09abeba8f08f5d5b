"""The action: inputs become options, the result becomes outputs, and nothing of the pull request is imported or run."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import click
import pytest
import yaml
from github_fake import GitHubFake
from pipelines import POLICY, VARIABLE
from readme_examples import ACTION, ROOT
from reports_of_tests import EMPTY, NEW, WIDENED

from passrole_checks.cli import cli
from passrole_checks.review.report import Acceptance
from passrole_checks.review.report_json import to_json


def load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("action_of_passrole_checks", ROOT / ".ci" / "action.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


action = load()


def metadata() -> Any:
    return yaml.safe_load(ACTION.read_text("utf-8"))


def step(name: str) -> Any:
    (found,) = [step for step in metadata()["runs"]["steps"] if step["name"] == name]
    return found


def defaults() -> dict[str, str]:
    """The environment of the main step if a workflow gives no inputs."""
    inputs = {name: entry["default"] for name, entry in metadata()["inputs"].items()}
    return {action.variable(name): value for name, value in inputs.items() if "${{" not in value}


def options(**inputs: str) -> list[str]:
    given = {action.variable(name.replace("_", "-")): value for name, value in inputs.items()}
    return list(action.arguments({**defaults(), **given}, "bundle.json"))


def test_inputs_reach_scripts_by_the_environment_alone() -> None:
    """No script of the action has an expression in it, and each runs in a bash that stops at the first error."""
    scripts = [step for step in metadata()["runs"]["steps"] if "run" in step]
    assert len(scripts) == 3
    for script in scripts:
        assert "${{" not in script["run"]
        assert script["shell"] == "bash"  # GitHub runs it with -eo pipefail


def test_each_input_is_passed_to_the_review_step() -> None:
    """Every input is in the environment of the step that reads it, or is the token or the folder to run in."""
    review = step("Review")
    handed = {name: f"${{{{ inputs.{name} }}}}" for name in metadata()["inputs"]}
    read = {*action.SINGLE, *action.POSTING, *action.REPEATED, *action.FLAGS, "sarif-file", "bundle", "from-artifact"}
    read |= {"mode", "upload-sarif", *action.PLANS}
    assert read == set(handed) - {"token", "working-directory"}
    for name in read:
        assert review["env"][action.variable(name)] == handed[name]
    assert review["env"]["GITHUB_TOKEN"] == handed["token"]
    assert review["working-directory"] == handed["working-directory"]


def test_installing_steps_do_not_have_the_token() -> None:
    """Only the steps that ask GitHub for something have the token."""
    steps = metadata()["runs"]["steps"]
    assert [step["name"] for step in steps if "token" in json.dumps(step)] == ["Fetch what is missing", "Review"]


@pytest.mark.parametrize(("host", "known"), [("github.com", True), ("github.com.example.org", False)])
def test_git_gets_the_token_for_github_only(tmp_path: Path, host: str, known: bool) -> None:
    """The credential helper of the fetch returns the token to GitHub's host only."""
    fetch = step("Fetch what is missing")
    settings = {
        name: text.replace("${{ github.server_url }}", "https://github.com") for name, text in fetch["env"].items()
    }
    environment = {**os.environ, **settings, "TOKEN": "secret", "HOME": str(tmp_path), "GIT_CONFIG_NOSYSTEM": "1"}
    asked = f"protocol=https\nhost={host}\n\n"
    done = subprocess.run(
        ["git", "credential", "fill"], input=asked, env=environment, capture_output=True, text=True, check=False
    )
    answer = dict(line.split("=", 1) for line in done.stdout.splitlines())
    assert (answer.get("username"), answer.get("password")) == (("x-access-token", "secret") if known else (None, None))


def test_the_scripts_are_scripts() -> None:
    """bash can read each script of the action and of the template."""
    job = yaml.safe_load((ROOT / ".gitlab" / "passrole-checks.gitlab-ci.yml").read_text("utf-8"))["passrole"]
    for script in [*(step["run"] for step in metadata()["runs"]["steps"] if "run" in step), *job["script"]]:
        done = subprocess.run(["bash", "-n"], input=script, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")


def test_python_never_looks_for_modules_in_the_working_directory() -> None:
    """Each call of Python is isolated: the working directory holds the pull request, which may have a json.py."""
    for text in (ACTION.read_text("utf-8"), (ROOT / ".gitlab" / "passrole-checks.gitlab-ci.yml").read_text("utf-8")):
        calls = re.findall(r"(?:\"\$(?:PYTHON|python|FOLDER/venv/bin/python)\"|\bpython3) +(\S+)", text)
        assert len(calls) >= 4 and set(calls) == {"-I"}


def test_without_inputs_the_defaults_are_those_of_the_command() -> None:
    """An input that is not given says the same as the option that is not given."""
    command = cli.commands["review"]
    inputs = metadata()["inputs"]
    for option in command.params:
        name = (option.name or "").replace("_", "-")
        if name in inputs and name in ("fail-on", "severity", "comment", "max-inline"):
            assert str(option.default) == inputs[name]["default"], name


def test_every_option_that_is_made_exists() -> None:
    """Any inputs yield a command line that ``review`` accepts."""
    command = cli.commands["review"]
    everything = options(
        **dict.fromkeys(("status", "check_run", "strict"), "true"),
        **{"baseline": "b.json", "account": "111122223333", "var_file": "a.tfvars\n\n b.tfvars ", "parameters": "A=B"},
        exclude="vendor/\n !vendor/ours/\n*.j2.tf",
        plan="/tmp/a.json=infra/a\n/tmp/b.json=infra/b",
        plan_before="/tmp/c.json=infra/a",
        sarif_file="out.sarif",
    )
    told = list(action.arguments(defaults() | {action.variable("status"): "false"}, "bundle.json", "bundle.zip"))
    for words in (everything, told):
        assert words[0] == "review"
        values, rest, _ = command.make_parser(click.Context(command)).parse_args(words[1:])
        assert rest == [] and values["format"][0] == "text"
    assert [word for word in everything if word.startswith("--exclude")] == [
        "--exclude=vendor/",
        "--exclude=!vendor/ours/",
        "--exclude=*.j2.tf",
    ]
    assert [word for word in everything if word.startswith("--plan")] == [
        "--plan=/tmp/a.json=infra/a",
        "--plan=/tmp/b.json=infra/b",
        "--plan-before=/tmp/c.json=infra/a",
    ]
    assert "--var-file=a.tfvars" in everything and "--var-file=b.tfvars" in everything
    assert "--offline-bundle=bundle.json" in everything and "--from-bundle=bundle.zip" in told
    assert "--status" in everything and "--no-status" in told


def test_a_scan_gets_the_options_that_scan_has() -> None:
    """Inputs that only a review uses are left out, with their defaults; the step summary is one of the outputs."""
    words = options(mode="scan", sarif_file="out.sarif", exclude="vendor/", var_file="a.tfvars", account="111122223333")
    command = cli.commands["scan"]
    values, rest, _ = command.make_parser(click.Context(command)).parse_args(words[1:])
    assert (words[0], rest, list(values["paths"])) == ("scan", [], ["."])
    assert values["format"] == ["text", "sarif"] and values["output"] == ["-", "out.sarif"]
    given = {**defaults(), action.variable("mode"): "scan", "GITHUB_STEP_SUMMARY": "summary.md"}
    assert "--output=summary.md" in action.arguments(given, "bundle.json")


@pytest.mark.parametrize("name", ["bundle", "from_artifact", "plan", "plan_before"])
def test_a_scan_has_neither_report_nor_plans(name: str) -> None:
    """Inputs about the two versions of a review, and its report, are refused."""
    with pytest.raises(ValueError, match=f"{name.replace('_', '-')}: needs mode review"):
        options(mode="scan", **{name: "x"})


def test_an_unknown_mode_is_refused() -> None:
    """Neither of the two is guessed."""
    with pytest.raises(ValueError, match="mode: 'Scan' is neither review nor scan"):
        options(mode="Scan")


@pytest.mark.parametrize("mode", ["review", "scan"])
def test_an_upload_needs_no_name_of_a_file(mode: str) -> None:
    """The file is outside the clone; a name that is given is used."""
    folder = {**defaults(), "FOLDER": "/tmp/of-this-run", action.variable("mode"): mode}
    wanted = {**folder, action.variable("upload-sarif"): "true"}
    assert "--output=/tmp/of-this-run/passrole.sarif" in action.arguments(wanted, "bundle.json")
    named = {**wanted, action.variable("sarif-file"): "own.sarif"}
    assert "--output=own.sarif" in action.arguments(named, "bundle.json")
    assert "sarif" not in action.arguments(folder, "bundle.json")


@pytest.mark.parametrize("hostile", ["--dry-run", "; rm -rf /", "$(id)", "medium --post=github"])
def test_a_value_stays_a_value(hostile: str) -> None:
    """A value that looks like an option, or like a command, is one word behind the name of its option."""
    assert f"--baseline={hostile}" in options(baseline=hostile)
    assert len(options(baseline=hostile)) == len(options(baseline="b.json"))


def test_a_flag_is_true_or_false() -> None:
    """Anything else is refused, since "yes" or "0" could be meant either way."""
    with pytest.raises(ValueError, match="check-run: 'yes' is neither true nor false"):
        options(check_run="yes")


# -- the artifact of another workflow


@pytest.fixture
def forge() -> Iterator[GitHubFake]:
    fake = GitHubFake()
    fake.start()
    yield fake
    fake.stop()
    fake.assert_described()


def download(forge: GitHubFake, into: Path, run: str = "9001") -> bytes:
    """Return the file that is written for the artifact "passrole" of a run."""
    token = forge.new_token("github-actions[bot]", {"actions": "read"}, app="github-actions")
    environment = {"GITHUB_API_URL": forge.url, "GITHUB_REPOSITORY": "octo-org/infra", "GITHUB_TOKEN": token.value}
    path = into / "bundle.zip"
    action.download({**environment, "RUN": run}, "passrole", path)
    return path.read_bytes()


def test_an_artifact_is_kept_as_it_is(forge: GitHubFake, tmp_path: Path) -> None:
    """The newest artifact of the name is written without being unpacked. The fake GitHub rejects requests that send a
    token to the host with the file."""
    forge.artifact(9001, "passrole", b"PK older")
    forge.artifact(9001, "passrole", b"PK newest")
    forge.artifact(9001, "passrole", b"PK expired").expired = True
    forge.artifact(9001, "passrole-of-others", b"PK other")
    forge.artifact(9002, "passrole", b"PK of another run")
    assert download(forge, tmp_path) == b"PK newest"


def test_an_artifact_that_is_too_large_is_not_taken(
    forge: GitHubFake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither one that says so, nor one that is larger than it said."""
    monkeypatch.setattr(action, "LARGEST_ARTIFACT", 1000)
    forge.artifact(9001, "passrole", b"x" * 1001)
    with pytest.raises(ValueError, match="larger than 1,000 bytes"):
        download(forge, tmp_path)
    assert not forge.calls("GET", r"/zip$")
    grows = forge.artifact(9001, "passrole", b"x")
    forge.when("GET", r"/zip$", lambda _: setattr(grows, "data", b"x" * 1001))
    with pytest.raises(ValueError, match="larger than 1,000 bytes"):
        download(forge, tmp_path)
    assert not (tmp_path / "bundle.zip").exists()


def test_an_artifact_that_is_not_there_is_named(forge: GitHubFake, tmp_path: Path) -> None:
    """A run without it, an answer that is none, and a workflow that no other one set off."""
    with pytest.raises(ValueError, match="run 9001 has no artifact 'passrole'"):
        download(forge, tmp_path)
    forge.fault("GET", r"/artifacts", status=403)
    with pytest.raises(OSError, match="403"):
        download(forge, tmp_path)
    with pytest.raises(ValueError, match="workflow_run"):
        download(forge, tmp_path, run="")


# -- outputs


def test_what_is_no_result_cannot_tell(tmp_path: Path) -> None:
    """Where nothing was written, or something else, the verdict is never clean."""
    assert action.outputs(tmp_path / "none.json", 0) == {"verdict": "cannot-tell"}
    (tmp_path / "other.json").write_text("[]")
    assert action.outputs(tmp_path / "other.json", 0) == {"verdict": "cannot-tell"}


def test_outputs_count_accepted_findings(tmp_path: Path) -> None:
    """A finding that an owner accepted is counted, and does not fail."""
    result = tmp_path / "result.json"
    items = tuple(replace(item, accepted=Acceptance("olive", "a lab")) for item in (WIDENED, NEW))
    result.write_text(to_json(replace(EMPTY, items=items)))
    written = action.outputs(result, 0)
    assert (written["verdict"], written["accepted"], written["new"]) == ("clean", "2", "1")


def test_outputs_trust_no_report_of_another_workflow(
    forge: GitHubFake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A report that a pull request may have written neither accepts its findings nor sets the severity that fails."""
    items = tuple(replace(item, accepted=Acceptance("olive", "a lab")) for item in (WIDENED, NEW))
    bundle = to_json(replace(EMPTY, items=items, fail_on=None)).encode()
    forge.artifact(9001, "passrole", bundle)
    token = forge.new_token("github-actions[bot]", {"actions": "read"}, app="github-actions").value
    for name in [name for name in os.environ if name.startswith(("GITHUB_", "CI_", "GITLAB_"))]:
        monkeypatch.delenv(name)
    of_job = {"GITHUB_API_URL": forge.url, "GITHUB_REPOSITORY": "octo-org/infra", "GITHUB_TOKEN": token, "RUN": "9001"}
    given = {action.variable(name): value for name, value in {"from-artifact": "passrole", "post": "none"}.items()}
    folders = {"FOLDER": str(tmp_path), "GITHUB_OUTPUT": str(tmp_path / "output")}
    for name, value in {**defaults(), **of_job, **given, **folders}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    assert action.run() == 0  # the other workflow fails
    assert (tmp_path / "output").read_text("utf-8") == "verdict=findings\nnew=1\nworse=1\nfixed=0\naccepted=0\n"


def test_code_scanning_is_given_what_is_to_be_shown(tmp_path: Path) -> None:
    """Code scanning ignores both properties, so fixed, suppressed and accepted results are removed."""
    results: list[dict[str, Any]] = [
        {"ruleId": "new", "baselineState": "new", "suppressions": []},
        {"ruleId": "old", "baselineState": "unchanged"},
        {"ruleId": "gone", "baselineState": "absent"},
        {"ruleId": "silenced", "baselineState": "unchanged", "suppressions": [{"kind": "inSource"}]},
        {"ruleId": "accepted", "baselineState": "unchanged", "suppressions": [{"kind": "external"}]},
    ]
    sarif = tmp_path / "passrole.sarif"
    sarif.write_text(json.dumps({"version": "2.1.0", "runs": [{"tool": {}, "results": results}]}), "utf-8")
    action.for_code_scanning(sarif)
    content = json.loads(sarif.read_text("utf-8"))
    assert content == {"version": "2.1.0", "runs": [{"tool": {}, "results": results[:2]}]}


@pytest.mark.parametrize(
    ("content", "status", "verdict"), [("*", 1, "findings"), ("app", 0, "clean"), (None, 2, "cannot-tell")]
)
def test_a_scan_says_what_it_found(
    content: str | None, status: int, verdict: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The outputs are the verdict and the SARIF file; a folder without infrastructure code is never clean."""
    (tmp_path / "clone").mkdir()
    monkeypatch.chdir(tmp_path / "clone")
    if content is not None:
        text = VARIABLE.replace("app-*", content) + POLICY
        Path("main.tf").write_text(text, "utf-8")
    for name in [name for name in os.environ if name.startswith(("GITHUB_", "CI_", "GITLAB_"))]:
        monkeypatch.delenv(name)
    folder, summary = tmp_path / "run", tmp_path / "summary.md"
    folder.mkdir()
    given = {"mode": "scan", "upload-sarif": "true"}
    environment = {**defaults(), **{action.variable(name): value for name, value in given.items()}}
    files = {"FOLDER": str(folder), "GITHUB_OUTPUT": str(tmp_path / "output"), "GITHUB_STEP_SUMMARY": str(summary)}
    for name, value in {**environment, **files}.items():
        monkeypatch.setenv(name, value)
    assert action.run() == status
    sarif = folder / "passrole.sarif"
    assert (tmp_path / "output").read_text("utf-8") == f"verdict={verdict}\nsarif={sarif}\n"
    results = json.loads(sarif.read_text("utf-8"))["runs"][0]["results"]
    assert [one["ruleId"] for one in results] == (["PASSROLE_001"] if status == 1 else [])
    assert summary.read_text("utf-8")


@pytest.mark.parametrize("planted", ["files", "links"])
def test_files_that_a_pull_request_planted_are_handed_on_to_nobody(
    planted: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the review fails before it writes, or may not write, files of these names are no result of it."""
    (tmp_path / "clone").mkdir()
    monkeypatch.chdir(tmp_path / "clone")
    foreign = tmp_path / "foreign.json"
    foreign.write_text(json.dumps({"version": "2.1.0", "runs": []}))
    for name in ("passrole.sarif", "bundle.json"):
        if planted == "links":
            Path(name).symlink_to(foreign)
        else:
            Path(name).write_bytes(foreign.read_bytes())
    for name in [name for name in os.environ if name.startswith(("GITHUB_", "CI_", "GITLAB_"))]:
        monkeypatch.delenv(name)
    for name, value in {**defaults(), "FOLDER": str(tmp_path), "GITHUB_OUTPUT": str(tmp_path / "output")}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv(action.variable("sarif-file"), "passrole.sarif")
    monkeypatch.setenv(action.variable("bundle"), "bundle.json")
    assert action.run() == 2
    assert (tmp_path / "output").read_text() == "verdict=cannot-tell\n"
    assert json.loads(foreign.read_text()) == {"version": "2.1.0", "runs": []}
