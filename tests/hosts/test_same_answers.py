"""One table: every sample, in every host that reads it, has the findings that the command line has."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from passrole_checks.checks import ALL

pytest.importorskip("checkov")
pytest.importorskip("cfnlint")

REPOSITORY = Path(__file__).resolve().parents[2]
SAMPLES = REPOSITORY / "sample_templates"
LEAVES = REPOSITORY / "passrole_checks"
ACCOUNT = "111122223333"

# The sources of the samples, by the folder that holds them, and the hosts that read them.
CHECKOV = {
    "terraform": "terraform",
    "plan": "terraform_plan",
    "cloudformation": "cloudformation",
    "sam": "cloudformation",
}
CFN_LINT = ("cloudformation", "sam")


class Answer(NamedTuple):
    """One finding: the check, the file and the line of the statement, the resource, and whether it is suppressed."""

    check_id: str
    file: str
    line: int
    resource: str
    suppressed: bool = False


# What a host does not offer to its checks, of the samples: (host, file, resource), with the reason.
NOT_OFFERED: dict[tuple[str, str, str], str] = {}

_STATEMENT = '{"Effect": "Allow", "Action": "iam:PassRole", "Resource": "*"}'
_DOCUMENT = '{"Version": "2012-10-17", "Statement": [' + _STATEMENT + "]}"

# And in general: what is not offered, the checkov framework, the file's name and its text, and the resource.
FORMS = [
    pytest.param(
        "terraform",
        "main.tofu",
        f'resource "aws_iam_policy" "p" {{\n  policy = jsonencode({_DOCUMENT})\n}}\n',
        "aws_iam_policy.p",
        id="files of OpenTofu",
    ),
    pytest.param(
        "cloudformation",
        "template.yaml",
        "Parameters: {Stage: {Type: String, Default: test}}\n"
        "Conditions: {InProduction: !Equals [!Ref Stage, production]}\n"
        "Resources:\n"
        "  P:\n    Type: AWS::IAM::ManagedPolicy\n    Condition: InProduction\n"
        f"    Properties: {{PolicyDocument: {_DOCUMENT}}}\n",
        "P",
        id="resources under a condition that defaults make false",
    ),
    pytest.param(
        "cloudformation",
        "template.yaml",
        "Transform: AWS::Serverless-2016-10-31\n"
        f"Globals: {{Function: {{Policies: [{_DOCUMENT}]}}}}\n"
        "Resources: {F: {Type: AWS::Serverless::Function, Properties: {Handler: a.b}}}\n",
        "Globals",
        id="policies in the Globals of SAM",
    ),
]


def samples() -> list[Path]:
    """Every template and plan, and every folder of Terraform."""
    files = [path for path in SAMPLES.rglob("*") if path.suffix in (".yaml", ".json", ".tf")]
    found = {path.parent if path.suffix == ".tf" else path for path in files}
    return sorted(path for path in found if len(path.relative_to(SAMPLES).parts) > 2)


def test_every_sample_is_in_the_table() -> None:
    """Each sample belongs to a source that the table knows, and what is not offered names samples that exist."""
    assert {sample.relative_to(SAMPLES).parts[1] for sample in samples()} == set(CHECKOV)
    assert all((SAMPLES / file).is_file() for _, file, _ in NOT_OFFERED)


def test_every_check_speaks() -> None:
    """The samples make every check speak, so that equal answers are answers."""
    assert {answer.check_id for answer in command_line()} == {check.id for check in ALL}


@pytest.mark.parametrize("sample", [pytest.param(path, id=str(path.relative_to(SAMPLES))) for path in samples()])
def test_same_answers(sample: Path) -> None:
    """A sample has the same set of (check, file, resource) in each host, on the same lines."""
    source = sample.relative_to(SAMPLES).parts[1]
    assert offered("checkov", only(sample, checkov(CHECKOV[source]))) == offered(
        "checkov", only(sample, command_line())
    )
    if source in CFN_LINT:
        # cfn-lint shows no suppressed matches
        open_answers = {answer for answer in only(sample, command_line()) if not answer.suppressed}
        assert offered("cfn-lint", only(sample, cfn_lint())) == offered("cfn-lint", open_answers)


def only(sample: Path, answers: Iterable[Answer]) -> set[Answer]:
    return {
        answer for answer in answers if (SAMPLES / answer.file) == sample or (SAMPLES / answer.file).parent == sample
    }


def offered(host: str, answers: Iterable[Answer]) -> set[Answer]:
    return {answer for answer in answers if (host, answer.file, answer.resource) not in NOT_OFFERED}


@pytest.mark.parametrize(("framework", "name", "text", "resource"), FORMS)
def test_what_checkov_does_not_offer(tmp_path: Path, framework: str, name: str, text: str, resource: str) -> None:
    """The command line has a finding that checkov shows no resource for; where that changes, the table is outdated."""
    (tmp_path / name).write_text(text)
    assert ("PASSROLE_001", resource) in {(answer.check_id, answer.resource) for answer in command_line(tmp_path)}
    assert not checkov(framework, tmp_path)


def run(*command: str, folder: Path) -> str:
    asked = {"PASSROLE_CHECKS_SEVERITY": "info", "PASSROLE_CHECKS_ACCOUNT": ACCOUNT, "PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=folder,
        env={**os.environ, **asked},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.strip(), done.stderr
    return done.stdout


@cache
def command_line(folder: Path = SAMPLES) -> frozenset[Answer]:
    output = run(
        "passrole_checks", "scan", ".", "--format", "json", "--severity", "info", "--account", ACCOUNT, folder=folder
    )
    return frozenset(
        Answer(finding["check_id"], finding["file"], finding["line"], resource, finding["suppressed"] is not None)
        for finding in json.loads(output)["findings"]
        for resource in finding["uses"]
    )


@cache
def checkov(framework: str, folder: Path = SAMPLES) -> frozenset[Answer]:
    leaf = str(LEAVES / "checkov_checks")
    output = run(
        *("checkov.main", "-d", ".", "--external-checks-dir", leaf, "-c", "PASSROLE_*", "--framework", framework),
        *("--skip-download", "-o", "json"),
        folder=folder,
    )
    return frozenset(
        Answer(record["check_id"], file, line, address(record["resource"], framework), outcome == "skipped")
        for outcome in ("failed", "skipped")
        for record in json.loads(output).get("results", {}).get(f"{outcome}_checks", ())
        for file, line in places(record)
    )


def address(resource: str, framework: str) -> str:
    """checkov writes ``AWS::IAM::Policy.LogicalId``."""
    return resource.partition(".")[2] if framework == "cloudformation" else resource


def places(record: dict[str, Any]) -> list[tuple[str, int]]:
    """The (file, line) of each finding in a record, which its details end with."""
    found = [re.search(r"\(([^()]+):(\d+)\)$", detail) for detail in record["check_result"]["details"]]
    assert all(found), record["check_result"]["details"]
    return [(match[1], int(match[2])) for match in found if match]


@cache
def cfn_lint() -> frozenset[Answer]:
    templates = [str(path.relative_to(SAMPLES)) for path in samples() if path.relative_to(SAMPLES).parts[1] in CFN_LINT]
    output = run(
        *("cfnlint.runner.cli", "-a", str(LEAVES / "cfnlint_rules"), "-c", "I95", "--format", "json", "-t", *templates),
        folder=SAMPLES,
    )
    return frozenset(
        Answer(
            f"PASSROLE_0{match['Rule']['Id'][-2:]}",
            match["Filename"],
            match["Location"]["Start"]["LineNumber"],
            match["Location"]["Path"][1],
        )
        for match in json.loads(output)
        if re.fullmatch(r"[EWI]95\d\d", match["Rule"]["Id"])
    )
