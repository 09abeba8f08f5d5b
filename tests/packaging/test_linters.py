"""zizmor, actionlint and the schemas of GitHub and GitLab report nothing about the shipped pipelines."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from readme_examples import ACTION, COMMIT, ROOT, TEMPLATE, examples, workflows

Tool = Callable[[str], str]


GITHUB = ROOT / ".github"
OWN_WORKFLOWS = sorted((GITHUB / "workflows").glob("*.yml"))
ISSUE_FORMS = [path for path in sorted((GITHUB / "ISSUE_TEMPLATE").glob("*.yml")) if path.name != "config.yml"]


def written(folder: Path) -> list[Path]:
    """The shown workflows as files of a repository each, since two of a name are for different ones."""
    made = []
    for number, example in enumerate(workflows()):
        path = folder / str(number) / example.name
        path.parent.mkdir(parents=True)
        path.write_text(example.text, "utf-8")
        made.append(path)
    return made


def said(*command: str, folder: Path | None = None) -> tuple[int, str]:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


PEDANTIC = ("--offline", "--no-progress", "--persona=pedantic", "--min-severity=low")


def test_zizmor_finds_nothing(tool: Tool, tmp_path: Path) -> None:
    """zizmor's audits, the pedantic ones too, find nothing in the action, in an example, or in this repository."""
    for path in [ACTION, GITHUB, *written(tmp_path)]:
        status, output = said(tool("zizmor"), *PEDANTIC, "--", str(path))
        assert status == 0, output


def test_zizmor_has_to_ignore_two_triggers_only(tool: Tool, tmp_path: Path) -> None:
    """Comments in the examples suppress the triggers that the page justifies, and nothing else."""
    found = []
    for path in written(tmp_path):
        command = [tool("zizmor"), *PEDANTIC, "--no-ignores", "--format=json", "--", str(path)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        found += [(one["ident"], path.name) for one in json.loads(done.stdout)]
    assert found == [("dangerous-triggers", "passrole.yml"), ("dangerous-triggers", "passrole-comment.yml")]
    assert not [path for path in OWN_WORKFLOWS if "zizmor:" in path.read_text("utf-8")]


def test_zizmor_would_find_something(tool: Tool, tmp_path: Path) -> None:
    """An action that is named by a tag, and an expression in a script, are found: the audits do run."""
    text = workflows()[0].text.replace(COMMIT, "main")
    text += "      - run: echo ${{ github.event.pull_request.title }}\n"
    path = tmp_path / "workflow.yml"
    path.write_text(text, "utf-8")
    status, output = said(tool("zizmor"), "--offline", "--no-progress", "--", str(path))
    assert status > 10
    assert "unpinned-uses" in output and "template-injection" in output


def test_actionlint_finds_nothing(tool: Tool, tmp_path: Path) -> None:
    """actionlint has nothing to say about the examples and the workflows of this repository."""
    assert len(OWN_WORKFLOWS) == 4
    for path in [*OWN_WORKFLOWS, *written(tmp_path)]:
        assert said(tool("actionlint"), "-no-color", str(path)) == (0, "")


def test_actionlint_would_find_something(tool: Tool, tmp_path: Path) -> None:
    """A reference to a missing step and an unknown permission are reported."""
    text = workflows()[3].text.replace("steps.review.outputs.bundle", "steps.none.outputs.bundle")
    path = tmp_path / "workflow.yml"
    path.write_text(text.replace("contents: read", "content: read"), "utf-8")
    status, output = said(tool("actionlint"), "-no-color", str(path))
    assert status == 1
    assert 'property "none" is not defined' in output and 'unknown permission scope "content"' in output


def schema(tool: Tool, name: str, *paths: Path) -> tuple[int, str]:
    return said(tool("check-jsonschema"), "--builtin-schema", f"vendor.{name}", *map(str, paths))


def test_files_have_the_form_that_the_forges_ask_for(tool: Tool, tmp_path: Path) -> None:
    """The action, the workflows, the template and the configuration that includes it fit their schemas, and so do the
    files of this repository on GitHub."""
    include = tmp_path / ".gitlab-ci.yml"
    include.write_text(next(one.text for one in examples() if one.name == include.name), "utf-8")
    for name, paths in {
        "github-actions": [ACTION],
        "github-workflows": [*OWN_WORKFLOWS, *written(tmp_path)],
        "gitlab-ci": [TEMPLATE, include],
        "dependabot": [GITHUB / "dependabot.yml"],
        "github-issue-forms": ISSUE_FORMS,
        "github-issue-config": [GITHUB / "ISSUE_TEMPLATE" / "config.yml"],
    }.items():
        status, output = schema(tool, name, *paths)
        assert status == 0, output


@pytest.mark.parametrize(
    ("name", "path", "old", "new"),
    [
        ("github-actions", ACTION, "using: composite", "using: composed"),
        ("gitlab-ci", TEMPLATE, "when: always", "when: ever"),
        ("dependabot", GITHUB / "dependabot.yml", "interval: weekly", "interval: sometimes"),
        ("github-issue-forms", ISSUE_FORMS[0], "type: textarea", "type: text"),
        ("github-issue-config", GITHUB / "ISSUE_TEMPLATE" / "config.yml", "about:", "abort:"),
    ],
)
def test_a_wrong_form_would_be_found(tool: Tool, tmp_path: Path, name: str, path: Path, old: str, new: str) -> None:
    """The schemas do look at what they are given."""
    wrong = tmp_path / path.name
    wrong.write_text(path.read_text("utf-8").replace(old, new), "utf-8")
    assert schema(tool, name, wrong)[0] == 1
