"""The workflows of this repository run all that is promised, with no more permissions than they need."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from readme_examples import ROOT

from tools import release

PATHS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
WRITES = {  # jobs with permissions to write
    ("docs", "deploy"): {"pages", "id-token"},
    ("image", "image"): {"packages", "id-token", "attestations"},
    ("release", "pypi"): {"id-token"},
    ("release", "github"): {"contents", "id-token", "attestations"},
    ("release", "image"): {"packages", "id-token", "attestations"},
}
every_workflow = pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)


def load(path: Path) -> dict[Any, Any]:
    return dict(yaml.safe_load(path.read_text("utf-8")))


def jobs(name: str) -> dict[str, Any]:
    return dict(load(ROOT / ".github" / "workflows" / f"{name}.yml")["jobs"])


def constant(name: str) -> Any:
    """A constant of noxfile.py, which cannot be imported without nox."""
    for node in ast.parse((ROOT / "noxfile.py").read_text("utf-8")).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == name:
            return ast.literal_eval(node.value)
    raise KeyError(name)


@every_workflow
def test_permissions_are_those_of_the_job(path: Path) -> None:
    """A workflow has none; a job reads the contents, and writes only what it publishes."""
    workflow = load(path)
    assert workflow["permissions"] == {}
    for name, job in workflow["jobs"].items():
        written = {scope for scope, access in job["permissions"].items() if access == "write"}
        assert written == WRITES.get((path.stem, name), set())
        assert {scope for scope, access in job["permissions"].items() if access != "write"} <= {"contents"}


@every_workflow
def test_jobs_end_and_keep_no_token(path: Path) -> None:
    """Each job has a time limit, and no checkout leaves a token in the clone."""
    workflow = load(path)
    assert workflow["concurrency"]
    for job in workflow["jobs"].values():
        assert "uses" in job or job["timeout-minutes"] <= 120
        for step in job.get("steps", ()):
            if step.get("uses", "").startswith("actions/checkout@"):
                assert step["with"]["persist-credentials"] is False


def test_every_supported_version_is_tested() -> None:
    """The matrix is that of noxfile.py; macOS and Windows have its first and last Python."""
    pythons, hosts, ci = constant("PYTHONS"), constant("HOSTS"), jobs("ci")
    assert ci["tests"]["strategy"]["matrix"] == {"python": pythons, "hosts": list(hosts)}
    assert ci["wheel"]["strategy"]["matrix"] == {"python": pythons}
    assert ci["core"]["strategy"]["matrix"]["python"] == [pythons[0], pythons[-1]]
    assert {"bash .ci/run"} <= {step.get("run") for step in ci["change"]["steps"]}


def test_sessions_and_areas_exist() -> None:
    """Workflows start sessions of noxfile.py, and these run folders and files of the tests."""
    sessions = set(re.findall(r"^def (\w+)\(session:", (ROOT / "noxfile.py").read_text("utf-8"), re.MULTILINE))
    text = "\n".join(path.read_text("utf-8") for path in PATHS)
    for words in re.findall(r"nox [^\n]*--session ([^\n]*)", text):
        named = re.sub(r"--python.*|\(.*?\)", "", words).replace('"', "").replace("-$PYTHON", "").split()
        assert named and set(named) <= sessions, words
    for area in (*constant("PORTABLE"), *constant("POSIX")):
        assert (ROOT / "tests" / area).exists()
    for name in re.findall(r"\.ci/requirements-\w+\.txt", text):
        assert (ROOT / name).is_file()


def test_nothing_is_published_before_all_checks_passed() -> None:
    """The tag is checked first; PyPI and images wait for CI and the build, the release for both."""
    needs = {name: job.get("needs", []) for name, job in jobs("release").items()}
    assert needs == {
        "check": [], "ci": "check", "build": "check", "pypi": ["ci", "build"], "image": ["ci", "build"],
        "github": ["pypi", "image"],
    }  # fmt: skip
    assert jobs("release")["check"]["steps"][-1]["run"] == 'python3 -m tools.release --tag "$GITHUB_REF_NAME"'
    assert jobs("release")["pypi"]["environment"]["name"] == "pypi"
    assert load(ROOT / ".github" / "workflows" / "release.yml")[True] == {"push": {"tags": ["v*"]}}


def test_images_have_tags_only_in_a_release() -> None:
    """They are pushed by digest, and a tag needs the input that only a release gives."""
    steps = jobs("image")["image"]["steps"]
    (build,) = [step["with"] for step in steps if step.get("uses", "").startswith("docker/build-push-action@")]
    assert "push-by-digest=true" in build["outputs"] and "tags" not in build
    assert (build["provenance"], build["sbom"]) == ("mode=max", True)
    assert steps[-1]["if"] == "inputs.tag != ''" and "imagetools create --tag" in steps[-1]["run"]
    targets = re.findall(r"^FROM \S+ AS (\S+)$", (ROOT / "Dockerfile").read_text("utf-8"), re.MULTILINE)
    assert {one["target"] for one in jobs("image")["image"]["strategy"]["matrix"]["include"]} <= set(targets)


def test_the_page_on_releases_names_every_job_and_the_command() -> None:
    """RELEASING.md has a row for each job."""
    page = (ROOT / "RELEASING.md").read_text("utf-8")
    rows = re.findall(r"^\| (\w+) \|", page, re.MULTILINE)
    assert sorted(set(rows) - {"job"}) == sorted(jobs("release"))
    assert "python -m tools.release --tag v" in page and release.main([]) == 0


def test_updates_cover_every_kind_of_pinned_dependency() -> None:
    """Each with a cooldown, grouped, in a folder that has such files."""
    updates = load(ROOT / ".github" / "dependabot.yml")["updates"]
    found = {update["package-ecosystem"]: update["directory"].strip("/") for update in updates}
    assert found == {"pip": ".ci", "github-actions": "", "docker": "", "npm": ".ci/prism"}
    assert all(update["groups"] and update["cooldown"]["default-days"] >= 7 for update in updates)
    assert (ROOT / ".ci" / "prism" / "package-lock.json").exists() and (ROOT / "Dockerfile").exists()
