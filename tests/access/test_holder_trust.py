"""The users of a principal's permissions, as templates and configurations name them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from passrole_checks.findings import Severity
from passrole_checks.scan.scanner import ScanOptions, scan_paths


def severity(folder: Path, trust: dict[str, Any], resource: object) -> Severity:
    """Return the severity of 008 for a role with this trust policy that runs a task and passes roles by a pattern."""
    statements = [
        {"Effect": "Allow", "Action": "ecs:RunTask", "Resource": resource},
        {"Effect": "Allow", "Action": "iam:PassRole", "Resource": "arn:aws:iam::111122223333:role/app-*"},
    ]
    role = {
        "AssumeRolePolicyDocument": {"Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", **trust}]},
        "Policies": [{"PolicyName": "run", "PolicyDocument": {"Statement": statements}}],
    }
    resources = {
        "Role": {"Type": "AWS::IAM::Role", "Properties": role},
        "Task": {"Type": "AWS::ECS::TaskDefinition", "Properties": {}},
    }
    template = {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Parameters": {"Family": {"Type": "String"}},
        "Resources": resources,
    }
    (folder / "template.json").write_text(json.dumps(template))
    options = ScanOptions(checks=frozenset({"PASSROLE_008"}), minimum_severity=Severity.INFO)
    (found,) = scan_paths([folder / "template.json"], options).findings
    return found.severity


EVENTS = {"Principal": {"Service": "events.amazonaws.com"}}
ARN = "arn:aws:ecs:${AWS::Region}:${AWS::AccountId}:task-definition/"


@pytest.mark.parametrize(
    "resource",
    [
        {"Ref": "Task"},
        {"Fn::Sub": f"{ARN}report:*"},
        {"Fn::Sub": f"{ARN}report-*"},
        {"Fn::Sub": ARN + "${Family}:*"},
        [{"Ref": "Task"}, {"Fn::Sub": f"{ARN}report"}],
    ],
)
def test_named_task_definitions(tmp_path: Path, resource: object) -> None:
    """A reference, an ARN, all revisions, or a family by its beginning name task definitions."""
    assert severity(tmp_path, EVENTS, resource) is Severity.LOW


@pytest.mark.parametrize(
    "resource",
    ["*", {"Fn::Sub": f"{ARN}*"}, {"Fn::Sub": f"{ARN}?*"}, "arn:aws:ecs:*", [{"Ref": "Task"}, "*"]],
)
def test_any_task_definition(tmp_path: Path, resource: object) -> None:
    """A wildcard for the whole family lets EventBridge run any task."""
    assert severity(tmp_path, EVENTS, resource) is Severity.MEDIUM


def test_trust_of_an_account_is_anyone(tmp_path: Path) -> None:
    """An account beside EventBridge can use the role for itself."""
    both = {"Principal": {"Service": "events.amazonaws.com", "AWS": "arn:aws:iam::111122223333:root"}}
    assert severity(tmp_path, both, {"Ref": "Task"}) is Severity.MEDIUM
