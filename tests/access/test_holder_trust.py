"""The users of a principal's permissions, as templates and configurations name them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from passrole_checks.findings import Severity
from passrole_checks.scan.scanner import ScanOptions, scan_paths


def severity(
    folder: Path,
    trust: dict[str, Any],
    resource: object,
    *more: dict[str, Any],
    roles: str = "arn:aws:iam::111122223333:role/app-*",
) -> Severity:
    """Return the highest severity of 008 for a role with this trust policy that runs a task and passes roles by a
    pattern, or as ``roles`` names them.
    """
    statements = [
        {"Effect": "Allow", "Action": "ecs:RunTask", "Resource": resource},
        {"Effect": "Allow", "Action": "iam:PassRole", "Resource": roles},
        *more,
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
    found = scan_paths([folder / "template.json"], options).findings
    return max((one.severity for one in found), key=lambda severity: severity.rank)


EVENTS = {"Principal": {"Service": "events.amazonaws.com"}}
ARN = "arn:aws:ecs:${AWS::Region}:${AWS::AccountId}:task-definition/"


@pytest.mark.parametrize(
    "resource",
    [{"Ref": "Task"}, {"Fn::Sub": ARN + "${Family}:*"}, "*", "arn:aws:ecs:*", [{"Ref": "Task"}, "*"]],
)
def test_task_definitions_that_events_run(tmp_path: Path, resource: object) -> None:
    """Events run named or any task definitions that exist; AWS's own policy for them allows any."""
    assert severity(tmp_path, EVENTS, resource) is Severity.LOW


def test_trust_of_an_account_is_anyone(tmp_path: Path) -> None:
    """An account beside EventBridge can use the role for itself."""
    both = {"Principal": {"Service": "events.amazonaws.com", "AWS": "arn:aws:iam::111122223333:root"}}
    assert severity(tmp_path, both, {"Ref": "Task"}) is Severity.MEDIUM


def targets(rule: str) -> dict[str, Any]:
    """A statement that allows changing the targets of a rule."""
    resource = f"arn:aws:events:eu-west-1:111122223333:{rule}"
    return {"Effect": "Allow", "Action": ["events:PutTargets", "events:PutRule"], "Resource": resource}


STATES = {"Principal": {"Service": "states.amazonaws.com"}}


@pytest.mark.parametrize("rule", ["rule/StepFunctionsGetEventsForECSTaskRule", "managed-rule/*"])
def test_state_machines_that_run_named_tasks(tmp_path: Path, rule: str) -> None:
    """Step Functions starts tasks as EventBridge does, and changes only its own rules to learn when they end."""
    assert severity(tmp_path, STATES, {"Ref": "Task"}, targets(rule)) is Severity.LOW


def test_state_machines_that_change_any_rule(tmp_path: Path) -> None:
    """A target of any rule can be given any of the roles."""
    assert severity(tmp_path, STATES, {"Ref": "Task"}, targets("rule/*")) is Severity.MEDIUM


@pytest.mark.parametrize("service", ["events", "scheduler", "pipes", "states"])
def test_any_task_with_any_role(tmp_path: Path, service: str) -> None:
    """A copy of AmazonEC2ContainerServiceEventsRole for a service that starts existing tasks is medium at most."""
    trust = {"Principal": {"Service": f"{service}.amazonaws.com"}}
    assert severity(tmp_path, trust, "*", roles="*") is Severity.LOW


def test_any_task_with_any_role_for_others(tmp_path: Path) -> None:
    """A function can start tasks with any of the roles, too, and runs code."""
    both = {"Principal": {"Service": ["events.amazonaws.com", "lambda.amazonaws.com"]}}
    assert severity(tmp_path, both, "*", roles="*") is Severity.HIGH


@pytest.mark.parametrize(
    ("services", "expected"),
    [
        (["codepipeline.amazonaws.com"], ["codepipeline.amazonaws.com"]),
        (["ec2.amazonaws.com", "lambda.amazonaws.com"], ["ec2.amazonaws.com", "lambda.amazonaws.com"]),
        (None, []),
    ],
)
def test_services_that_alone_assume_a_principal_are_named(
    tmp_path: Path, services: list[str] | None, expected: list[str]
) -> None:
    """The message says which services alone can assume the principal; of two principals, both, if both are such."""
    trusts = [{"Service": one} for one in services or ["ec2.amazonaws.com"]]
    trusts += [{"AWS": "111122223333"}] if services is None else []
    roles = {
        f"Role{number}": {
            "Type": "AWS::IAM::Role",
            "Properties": {
                "AssumeRolePolicyDocument": {
                    "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": trust}]
                }
            },
        }
        for number, trust in enumerate(trusts)
    }
    statement = {"Effect": "Allow", "Action": "iam:PassRole", "Resource": "*"}
    policy = {"PolicyDocument": {"Statement": [statement]}, "Roles": [{"Ref": name} for name in roles]}
    resources = {**roles, "Policy": {"Type": "AWS::IAM::ManagedPolicy", "Properties": policy}}
    (tmp_path / "template.json").write_text(
        json.dumps({"AWSTemplateFormatVersion": "2010-09-09", "Resources": resources})
    )
    options = ScanOptions(checks=frozenset({"PASSROLE_001"}))
    (found,) = scan_paths([tmp_path / "template.json"], options).findings
    assert found.severity is Severity.HIGH
    assert (" can assume the principal" in found.message) is bool(expected)
    assert all(name in found.message for name in expected)
