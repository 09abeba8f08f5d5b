"""The pipelines that README and site show can be used as they stand, and allow no more than they need."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml
from documentation_pages import PAGES
from readme_examples import ACTION, OURS, ROOT, TAG, TEMPLATE, Example, examples, page_text, workflows

from passrole_checks.review.report_json import ZIP_MEMBER

_PINNED = re.compile(r"[\w-]+/[\w/.-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+\b")
_USED = re.compile(r"^ *(?:- )?uses: (.*)$", re.MULTILINE)
MOST = {  # permissions that an example may give, and what for
    "actions": "read",  # the artifact of another workflow
    "contents": "read",
    "pull-requests": "write",
    "security-events": "write",
    "statuses": "write",
}
every_workflow = pytest.mark.parametrize("example", workflows(), ids=lambda one: f"{one.page}:{one.name}")


def used(text: str) -> list[str]:
    """Return the values of ``uses:`` with their comments, in a workflow or an action."""
    return _USED.findall(text)


def test_the_patterns_that_the_readme_promises_are_there() -> None:
    """There are examples for pull requests, merge queues, pushes, forks in both ways, code scanning, GitLab, Gitea and
    pre-commit."""
    assert [(example.name, *example.triggers) for example in workflows()] == [
        (".github/workflows/passrole.yml", "pull_request"),
        (".github/workflows/passrole.yml", "pull_request", "merge_group", "push"),
        (".github/workflows/passrole.yml", "pull_request_target"),
        (".github/workflows/passrole.yml", "pull_request"),
        (".github/workflows/passrole-comment.yml", "workflow_run"),
        (".github/workflows/passrole.yml", "pull_request", "push"),
        (".github/workflows/passrole-scan.yml", "push", "schedule"),
    ]
    assert [example.name for example in examples() if not example.is_workflow] == [
        ".gitlab-ci.yml",
        ".gitea/workflows/passrole.yml",
        ".pre-commit-config.yaml",
    ]


def test_actions_of_others_are_named_by_the_hash_of_a_release() -> None:
    """Actions of others are pinned to a commit, with the release in a comment, and to the same one everywhere."""
    own = [path.read_text("utf-8") for path in (ACTION, *sorted((ROOT / ".github" / "workflows").glob("*.yml")))]
    found = [one for text in (*own, *(example.text for example in workflows())) for one in used(text)]
    others = [one for one in found if not one.startswith((OURS, "$/"))]
    assert others and all(_PINNED.match(one) for one in others)
    hashes = {}
    for one in others:
        name, _, commit = one.split()[0].partition("@")
        assert hashes.setdefault(name.split("/")[0:2][1], commit) == commit


def test_the_action_is_used_by_the_tag_of_this_version() -> None:
    """A reader who copies an example gets the version whose page it is."""
    text = "".join(map(page_text, PAGES))
    references = re.findall(rf"uses: \S*{OURS}@(\S+)", text)
    assert set(references) == {TAG}


@every_workflow
def test_a_workflow_has_no_more_permissions_than_it_needs(example: Example) -> None:
    """Nothing is permitted to a workflow as a whole, and to its job only what an example may have."""
    assert example.content["permissions"] == {}
    for job in example.content["jobs"].values():
        for name, access in job["permissions"].items():
            assert access in ("read", MOST[name])


@every_workflow
def test_a_newer_run_ends_an_older_one(example: Example) -> None:
    """Of one pull request only the newest run goes on, and no run ends that of another commit of a branch."""
    concurrency = example.content["concurrency"]
    assert concurrency["cancel-in-progress"] is True
    number = "pull_request.number" in concurrency["group"] or "workflow_run.head_branch" in concurrency["group"]
    assert number is not {"push", "schedule"}.issuperset(example.triggers)
    assert "github.ref" not in concurrency["group"]


@every_workflow
def test_the_head_is_never_checked_out_where_there_is_a_token_that_writes(example: Example) -> None:
    """No checkout names a commit, none keeps the token in the clone, and a workflow on a run has none at all. Only a
    scan needs no history."""
    checkouts = [step for step in example.steps() if step.get("uses", "").startswith("actions/checkout@")]
    history: dict[str, Any] = {} if "mode: scan" in example.text else {"fetch-depth": 0}
    assert [step["with"] for step in checkouts] == [{**history, "persist-credentials": False}] * len(checkouts)
    assert bool(checkouts) is ("workflow_run" not in example.triggers)


@every_workflow
def test_no_expression_reaches_a_script(example: Example) -> None:
    """The examples have no scripts of their own that something of a pull request could get into."""
    assert not any("run" in step for step in example.steps())


@every_workflow
def test_inputs_and_outputs_that_are_used_exist(example: Example) -> None:
    """Examples use only inputs and outputs that the action has."""
    action = yaml.safe_load(ACTION.read_text("utf-8"))
    (own,) = [step for step in example.steps() if step.get("uses", "").startswith(f"{OURS}@")]
    assert set(own.get("with", {})) <= set(action["inputs"])
    assert set(re.findall(r"steps\.review\.outputs\.([\w-]+)", example.text)) <= set(action["outputs"])


def test_both_workflows_for_forks_speak_of_the_same_things() -> None:
    """The second workflow is triggered by the name of the first, and downloads its artifact."""
    first, second = workflows()[3:5]
    assert second.triggers["workflow_run"] == {"workflows": [first.content["name"]], "types": ["completed"]}
    review, upload = (step["with"] for step in first.steps()[-2:])
    assert review["bundle"] == f"${{{{ runner.temp }}}}/{ZIP_MEMBER}"
    (told,) = second.steps()
    assert upload["name"] == told["with"]["from-artifact"]
    assert told["with"]["status"] == "false"  # a fork can forge the report, so it decides nothing
    assert set(second.content["jobs"]["comment"]["permissions"]) == {"actions", "pull-requests"}


def test_the_tables_of_the_readme_name_each_input_and_output() -> None:
    """The page of GitHub lists exactly the inputs and outputs of the action."""
    action = yaml.safe_load(ACTION.read_text("utf-8"))
    section = (ROOT / "docs" / "ci" / "github.md").read_text("utf-8")
    rows = re.findall(r"^\| (`.*?) \|", section.partition("\n| input | |\n")[2], re.MULTILINE)
    assert {name for row in rows for name in re.findall(r"`([\w-]+)`", row)} == set(action["inputs"])
    outputs = re.search(r"^Outputs: (.*?)\. It", section, re.MULTILINE | re.DOTALL)
    assert outputs is not None
    assert set(re.findall(r"`([\w-]+)`", re.sub(r"\(.*?\)", "", outputs[1]))) == set(action["outputs"])


def template() -> Any:
    return yaml.safe_load(TEMPLATE.read_text("utf-8"))


def test_the_include_of_gitlab_leads_to_the_template() -> None:
    """The file that the example includes is there, and its job needs the variables that the example gives."""
    (example,) = [one for one in examples() if one.name == ".gitlab-ci.yml"]
    (include,) = example.content["include"]
    assert ROOT / include["file"].removeprefix("/") == TEMPLATE
    script = "\n".join(template()["passrole"]["script"])
    assert set(re.findall(r"\$\{(PASSROLE_[A-Z]+):\?", script)) == set(example.content["variables"])
    assert include["ref"] == example.content["variables"]["PASSROLE_COMMIT"]


def test_hooks_that_are_shown_exist() -> None:
    """The ids of hooks in the shown configurations of pre-commit are those of the file of hooks."""
    hooks = {hook["id"]: hook for hook in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text("utf-8"))}
    (example,) = [one for one in examples() if one.name == ".pre-commit-config.yaml"]
    shown = [hook["id"] for repository in example.content["repos"] for hook in repository["hooks"]]
    assert shown == ["passrole-checks", "passrole-checks-diff"]
    assert set(hooks) == {"passrole-checks", "passrole-checks-diff"}
    assert hooks["passrole-checks-diff"]["pass_filenames"] is False  # it compares versions, not files
