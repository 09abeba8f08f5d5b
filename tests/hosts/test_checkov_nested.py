"""Nested stacks in the real checkov, run as a process of its own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from checkov_runs import checkov_process

pytest.importorskip("checkov")

REPOSITORY = Path(__file__).resolve().parents[2]
LEAF = REPOSITORY / "passrole_checks" / "checkov_checks"

CHILD = """\
Parameters: {Role: {Type: String}, Stage: {Type: String, Default: test}}
Conditions: {Production: !Equals [!Ref Stage, production]}
Resources:
  P:
    Type: AWS::IAM::ManagedPolicy
    Properties:
      PolicyDocument:
        Statement:
          Effect: Allow
          Action: iam:PassRole
          Resource: !Ref Role
          Condition: {StringEquals: {"iam:PassedToService": lambda.amazonaws.com}}
"""
CONDITIONAL = CHILD.replace("ManagedPolicy\n", "ManagedPolicy\n    Condition: Production\n")


def stack(name: str, url: str, role: str) -> str:
    values = f"{{Role: '{role}', Stage: production}}"
    properties = f"{{TemplateURL: {url}, Parameters: {values}}}"
    return f"  {name}:\n    Type: AWS::CloudFormation::Stack\n    Properties: {properties}\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Stacks beside each other and in folders, without a repository around them."""
    folder = tmp_path_factory.mktemp("nested")
    exact, wide = "arn:aws:iam::111122223333:role/app", "*"
    files = {
        "clean/parent.yaml": "Resources:\n" + stack("A", "child.yaml", exact),
        "clean/child.yaml": CHILD,
        "wide/stacks/one.yaml": "Resources:\n" + stack("A", "../child.yaml", exact),
        "wide/stacks/two.yaml": "Resources:\n" + stack("B", "../child.yaml", wide),
        "wide/child.yaml": CHILD,
        "hidden/parent.yaml": "Resources:\n" + stack("A", "child.yaml", wide),
        "hidden/child.yaml": CONDITIONAL,
    }
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def records(folder: Path, *paths: str) -> set[tuple[str, str, str, str]]:
    """Each failed check: file, id, resource, and the address in the details."""
    command = (*paths, "--external-checks-dir", str(LEAF), "-c", "PASSROLE_*", "-o", "json")
    done = checkov_process(folder, *command, "--framework", "cloudformation", "--skip-download")
    report: dict[str, Any] = json.loads(done.stdout)
    failed = report["results"]["failed_checks"]
    assert done.returncode == bool(failed)
    return {
        (
            record["file_path"].lstrip("/"),
            record["check_id"],
            record["resource"].rpartition(".")[2],
            detail.rpartition(", ")[2].rstrip(")") if detail.endswith(".P)") else "",
        )
        for record in failed
        for detail in record["check_result"]["details"]
    }


def test_a_nested_template_is_judged_in_its_stacks(folder: Path) -> None:
    """With the parameters of its parents, the worst of which applies, at its own resource and nowhere else; what
    checkov leaves out of it is at the stack."""
    assert records(folder, "-d", ".") == {
        ("wide/child.yaml", "PASSROLE_001", "P", "B.P"),
        ("hidden/parent.yaml", "PASSROLE_001", "A", "A.P"),
    }


def test_files_given_one_by_one(folder: Path) -> None:
    """A parent that is given too counts, and one that is not does not."""
    assert records(folder, "-f", "clean/parent.yaml", "clean/child.yaml") == set()
    assert records(folder, "-f", "clean/child.yaml") == {("clean/child.yaml", "PASSROLE_014", "P", "")}
