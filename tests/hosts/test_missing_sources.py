"""Policies of modules that are not downloaded: hosts show no notes, so one resource for each module fails 014.

The other resources have no record of any check that the missing content could decide.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from checkov_runs import REPOSITORY, Run, run_checkov

from passrole_checks.checks import ALL
from passrole_checks.checks.base.check import Element

UNRESOLVED = "PASSROLE_014"
MODULES = """\
module "policies" {
  source = "acme/policies/aws"
}
module "others" {
  source = "acme/others/aws"
}
"""
POLICY = 'resource "aws_iam_policy" "{name}" {{\n  policy = {value}\n}}\n'
KNOWN = """\
resource "aws_iam_policy" "clean" {
  policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = "s3:*", Resource = "*" }] })
}
"""
TEMPLATE = """\
AWSTemplateFormatVersion: "2010-09-09"
Resources:
  Shared:
    Type: AWS::CloudFormation::Stack
    Properties:
      TemplateURL: https://bucket.s3.amazonaws.com/policies.yaml
  First:
    Type: AWS::IAM::ManagedPolicy
    Properties:
      PolicyDocument: !GetAtt Shared.Outputs.First
  Second:
    Type: AWS::IAM::ManagedPolicy
    Properties:
      PolicyDocument: !GetAtt Shared.Outputs.Second
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "main.tf").write_text(
        MODULES
        + POLICY.format(name="first", value="module.policies.first")
        + POLICY.format(name="second", value="module.policies.second")
        + POLICY.format(name="other", value="module.others.json")
        + KNOWN
    )
    return tmp_path


def decided_by_content(run: Run) -> set[str]:
    """Return the resources that passed a check which the content of their policies can decide."""
    decidable = {check.id for check in ALL if not frozenset(Element) <= check.independent_of}
    passed = run.records["passed"].items()
    return {resource for check, records in passed if check in decidable for _, resource in records}


def test_checkov_fails_014_once_for_each_module(root: Path) -> None:
    """The record counts the other resources."""
    run = run_checkov(root, frameworks=["terraform"])
    failed = run.where("failed", UNRESOLVED)
    assert failed == {("/main.tf", "aws_iam_policy.first"), ("/main.tf", "aws_iam_policy.other")}
    details = run.records["failed"][UNRESOLVED]["/main.tf", "aws_iam_policy.first"]["details"]
    assert "1 other resource" in " ".join(details)
    assert run.status == 1


def test_checkov_has_no_passed_record_of_a_policy_without_content(root: Path) -> None:
    """A missing module could decide every check that 014 does not leave out."""
    run = run_checkov(root, frameworks=["terraform"])
    assert decided_by_content(run) == {"aws_iam_policy.clean"}


def test_checkov_fails_the_first_resource_that_it_shows(root: Path) -> None:
    """Of files given one by one, only those are shown."""
    (root / "a.tf").write_text(POLICY.format(name="earlier", value="module.policies.earlier"))
    run = run_checkov(root, frameworks=["terraform"], files=["main.tf"])
    assert ("/main.tf", "aws_iam_policy.first") in run.where("failed", UNRESOLVED)


def test_checkov_fails_the_next_resource_if_the_first_is_suppressed(root: Path) -> None:
    """A suppression accepts one resource and not the others."""
    text = (root / "main.tf").read_text()
    first = 'resource "aws_iam_policy" "first" {\n'
    (root / "main.tf").write_text(text.replace(first, f"{first}  # checkov:skip=PASSROLE_014:reviewed\n"))
    run = run_checkov(root, frameworks=["terraform"])
    assert run.where("skipped", UNRESOLVED) == {("/main.tf", "aws_iam_policy.first")}
    assert ("/main.tf", "aws_iam_policy.second") in run.where("failed", UNRESOLVED)


def test_checkov_fails_014_once_in_terraform_json(tmp_path: Path) -> None:
    """The runner of Terraform in JSON shows no graph of blocks."""
    (tmp_path / "main.tf.json").write_text(
        '{"module": {"policies": {"source": "acme/policies/aws"}}, "resource": {"aws_iam_policy": {'
        '"first": {"policy": "${module.policies.first}"}, "second": {"policy": "${module.policies.second}"}}}}'
    )
    run = run_checkov(tmp_path, frameworks=["terraform_json"])
    assert run.where("failed", UNRESOLVED) == {("/main.tf.json", "resource.first")}
    assert not decided_by_content(run)


def test_checkov_fails_014_once_for_each_nested_stack(tmp_path: Path) -> None:
    """A template elsewhere is to CloudFormation what a module is to Terraform."""
    (tmp_path / "template.yaml").write_text(TEMPLATE)
    run = run_checkov(tmp_path, frameworks=["cloudformation"])
    assert run.where("failed", UNRESOLVED) == {("/template.yaml", "AWS::IAM::ManagedPolicy.First")}
    assert decided_by_content(run) == {"AWS::CloudFormation::Stack.Shared"}


def test_cfn_lint_reports_014_once_for_each_nested_stack(tmp_path: Path) -> None:
    """The match counts the other resources."""
    (tmp_path / "template.yaml").write_text(TEMPLATE)
    rules = str(REPOSITORY / "passrole_checks" / "cfnlint_rules")
    done = subprocess.run(
        [sys.executable, "-m", "cfnlint.runner.cli", "-a", rules, "--format", "json", "template.yaml"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        check=False,
    )
    (match,) = [match for match in json.loads(done.stdout) if match["Rule"]["Id"] == "W9514"]
    assert match["Location"]["Start"]["LineNumber"] == 10
    assert "1 other resource" in match["Message"]
    assert done.returncode != 0
