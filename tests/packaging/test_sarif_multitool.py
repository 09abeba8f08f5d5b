"""Our SARIF under SARIF's own schema and Microsoft's validator, which knows what code scanning asks for.

The validator is Microsoft's SARIF Multitool (npm: @microsoft/sarif-multitool-linux, MIT), in SARIF_MULTITOOL.
It always ends with exit status 0; what it says stands in the SARIF that it writes.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from git_repositories import Repository
from pipelines import BASE, HEAD
from readme_examples import ROOT

from passrole_checks.cli import main

Tool = Callable[[str], str]


@pytest.fixture(scope="module")
def multitool() -> Path:
    """The folder with the validator and the schema."""
    folder = os.environ.get("SARIF_MULTITOOL")
    if folder is None:
        pytest.skip("no SARIF_MULTITOOL; .ci/pipelines.sh installs it where npm is")
    return Path(folder)


def run(multitool: Path, *arguments: str) -> None:
    done = subprocess.run([str(multitool / "Sarif.Multitool"), *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def complaints(multitool: Path, sarif: Path) -> list[tuple[str, str]]:
    """The rule and the level of whatever the validator says of a file."""
    output = sarif.with_suffix(".said")
    run(multitool, "validate", str(sarif), "--rule-kind", "Sarif;Ghas", "--output", str(output), "--log=ForceOverwrite")
    found = json.loads(output.read_text("utf-8-sig"))["runs"][0]["results"]
    return [(one["ruleId"], one.get("level", "warning")) for one in found]


def fits_the_schema(tool: Tool, multitool: Path, sarif: Path) -> bool:
    schema = multitool / "sarif-2.1.0.json"
    command = [tool("check-jsonschema"), "--schemafile", str(schema), str(sarif)]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def scanned(folder: Path, name: str, *arguments: str) -> Path:
    sarif = folder / name
    main(["scan", *arguments, "--format=sarif", f"--output={sarif}"])
    return sarif


NO_ADDRESS = ("SARIF2005", "warning")  # the tool has no page on the web to name


def test_the_sarif_of_all_samples_is_valid(
    tool: Tool, multitool: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Findings of every sample, suppressions and what could not be read fit the schema and what GitHub asks for."""
    monkeypatch.chdir(ROOT)
    sarif = scanned(tmp_path, "samples.sarif", "sample_templates", "tests/unreadable", "--severity=info")
    assert fits_the_schema(tool, multitool, sarif)
    assert complaints(multitool, sarif) == [NO_ADDRESS]


def test_what_is_invalid_is_found(tool: Tool, multitool: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The schema and the validator do look: a level and a line that do not exist, a rule without a text for GitHub."""
    monkeypatch.chdir(ROOT)
    sarif = scanned(tmp_path, "samples.sarif", "sample_templates/001-any-role")
    content = json.loads(sarif.read_text("utf-8"))
    del content["runs"][0]["tool"]["driver"]["rules"][0]["fullDescription"]
    sarif.write_text(json.dumps(content), "utf-8")
    assert "GH2012" in dict(complaints(multitool, sarif))
    content["runs"][0]["results"][0]["level"] = "bad"
    sarif.write_text(json.dumps(content), "utf-8")
    assert not fits_the_schema(tool, multitool, sarif)


OTHERS = """\
resource "aws_iam_policy" "{name}" {{
  policy = jsonencode({{
    Version   = "2012-10-17"
    Statement = [{{ Effect = "Allow", Action = "iam:PassRole", Resource = "{role}" }}]
  }})
}}
"""
STAYS = OTHERS.format(name="stays", role="*")
GOES = OTHERS.format(name="goes", role="arn:aws:iam::111122223333:role/app-*")


def states(sarif: Path) -> list[tuple[str, str, str, int]]:
    """Return rule, state, file and line of each result. The tool calls a finding whose line moved updated."""
    found = json.loads(sarif.read_text("utf-8-sig"))["runs"][0]["results"]
    places = [one["locations"][0]["physicalLocation"] for one in found]
    return sorted(
        (
            one["ruleId"],
            "unchanged" if one["baselineState"] == "updated" else one["baselineState"],
            at["artifactLocation"]["uri"],
            at["region"]["startLine"],
        )
        for one, at in zip(found, places, strict=True)
    )


def test_what_is_new_and_gone_is_what_another_tool_finds(
    tool: Tool, multitool: Path, repository: Repository, tmp_path: Path
) -> None:
    """The SARIF of a review has the states that the SARIF Multitool computes from scans of both versions."""
    base = repository.commit({**BASE, "other.tf": STAYS + GOES})
    before = scanned(tmp_path, "base.sarif", ".", "--severity=info")
    head = repository.commit({**HEAD, "other.tf": "# moved\n\n" + STAYS})
    after = scanned(tmp_path, "head.sarif", ".", "--severity=info")
    theirs, ours = tmp_path / "theirs.sarif", tmp_path / "ours.sarif"
    matching = ("match-results-forward", str(after), "--previous", str(before))
    run(multitool, *matching, "--output-file-path", str(theirs))
    main(["review", base, head, "--severity=info", "--format=sarif", f"--output={ours}"])
    assert fits_the_schema(tool, multitool, ours)
    assert complaints(multitool, ours) == [NO_ADDRESS]
    assert {state for _, state, *_ in states(ours)} == {"new", "unchanged", "absent"}
    assert states(ours) == states(theirs)
