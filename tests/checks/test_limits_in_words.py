"""Limits of a grant that a message names: role tags, boundaries of unknown names, and other partitions."""

from __future__ import annotations

from pathlib import Path

import pytest
from principals_of_tests import allow, findings

from passrole_checks.findings import Finding, Severity
from passrole_checks.scan.scanner import ScanOptions, scan_paths

TAGGED = allow(
    "iam:PassRole",
    "*",
    {
        "StringLike": {"iam:ResourceTag/SIDEKICK": "*"},
        "StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"},
    },
)


@pytest.mark.parametrize("check", ["PASSROLE_001", "PASSROLE_008"])
def test_role_tags_are_named(check: str) -> None:
    """The roles are those with the tag, which a message says, as it says that this is not reliable."""
    (found,) = findings(check, [[TAGGED], [allow("ecs:RunTask")]])
    assert "`iam:ResourceTag/SIDEKICK`" in found.message


PARTITIONS = """
Conditions:
  GovCloud: !Equals [!Ref AWS::Partition, aws-us-gov]
  Commercial: !Equals [!Ref AWS::Partition, aws]
Resources:
  Node:
    Type: AWS::IAM::ManagedPolicy
    Properties:
      PolicyDocument:
        Version: "2012-10-17"
        Statement:
          - Effect: Allow
            Action: iam:PassRole
            Resource: !Sub arn:${AWS::Partition}:iam::${AWS::AccountId}:role/app-worker
            Condition: {StringEquals: {iam:PassedToService: !If [CONDITION, FIRST, SECOND]}}
"""


def scan(folder: Path, content: str, check: str) -> list[Finding]:
    """Return the findings of one check in a template."""
    (folder / "t.yaml").write_text(content, encoding="utf-8")
    return list(scan_paths([folder], ScanOptions(checks=frozenset({check}))).findings)


@pytest.mark.parametrize(
    ("condition", "first", "second", "severity"),
    [
        ("GovCloud", "ec2.amazonaws-us-gov.com", "ec2.amazonaws.com", Severity.LOW),
        ("Commercial", "ec2.amazonaws.com", "ec2.amazonaws-us-gov.com", Severity.LOW),
        ("Commercial", "ec2.amazonaws-us-gov.com", "ec2.amazonaws.com", Severity.MEDIUM),
        ("GovCloud", "ec2.amazonaws.com", "ec2.amazonaws-us-gov.com", Severity.MEDIUM),
    ],
)
def test_a_dead_condition_in_another_partition_is_low(
    tmp_path: Path, condition: str, first: str, second: str, severity: Severity
) -> None:
    """A condition that never matches in GovCloud only is less than one that never matches in most Regions."""
    written = PARTITIONS.replace("CONDITION", condition).replace("FIRST", first).replace("SECOND", second)
    (found,) = scan(tmp_path, written, "PASSROLE_003")
    assert found.severity is severity


BOUNDARY = """
Parameters: {Own: {Type: String}, Staging: {Type: String}}
Resources:
  Limit:
    Type: AWS::IAM::ManagedPolicy
    Properties:
      PolicyDocument:
        Version: "2012-10-17"
        Statement: {Effect: Allow, Action: [iam:PassRole, "lambda:*"], Resource: [ALLOWED, "arn:aws:lambda:*"]}
  Deployer:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument: {Statement: {Effect: Allow, Principal: {Service: BUILD}, Action: sts:AssumeRole}}
      PermissionsBoundary: !Ref Limit
      Policies:
        - PolicyName: pass
          PolicyDocument:
            Version: "2012-10-17"
            Statement:
              - {Effect: Allow, Action: iam:PassRole, Resource: !Sub "arn:aws:iam::*:role/${Staging}-*"}
              - {Effect: Allow, Action: ["lambda:CreateFunction", "lambda:InvokeFunction"], Resource: "*"}
"""


@pytest.mark.parametrize("check", ["PASSROLE_002", "PASSROLE_008"])
@pytest.mark.parametrize(
    ("allowed", "severities"),
    [
        ('!Sub "arn:aws:iam::*:role/${Own}-*"', [Severity.LOW]),
        ('!Sub "arn:aws:iam::*:role/${Staging}-*"', [Severity.MEDIUM]),
        ('"arn:aws:iam::*:role/*"', [Severity.MEDIUM]),
        ('"arn:aws:iam::*:role/batch/*"', [Severity.LOW]),
        ('"arn:aws:s3:::bucket"', []),
    ],
)
def test_a_boundary_that_may_exclude_all_roles(
    tmp_path: Path, check: str, allowed: str, severities: list[Severity]
) -> None:
    """Roles with one unknown name, within a boundary that allows those with another, may be none at all."""
    written = BOUNDARY.replace("ALLOWED", allowed).replace("BUILD", "codebuild.amazonaws.com")
    assert [found.severity for found in scan(tmp_path, written, check)] == severities


@pytest.mark.parametrize(
    ("allowed", "severity"),
    [("${Own}", Severity.LOW), ("${Staging}", Severity.MEDIUM)],
)
def test_a_boundary_that_may_exclude_the_roles_that_can_be_changed(
    tmp_path: Path, allowed: str, severity: Severity
) -> None:
    """A principal that can change the roles that it passes, but for some values only: low, without the changes of
    boundaries that it may have for yet other roles."""
    action = "[iam:PassRole, iam:PutRolePolicy]"
    written = BOUNDARY.replace("ALLOWED", f'!Sub "arn:aws:iam::*:role/{allowed}-*"').replace("[iam:PassRole", "[iam:*")
    written = written.replace("Action: iam:PassRole,", f"Action: {action},").replace("BUILD", "codebuild.amazonaws.com")
    written += (
        "              - {Effect: Allow, Action: iam:DeleteRolePermissionsBoundary, "
        'Resource: !Sub "arn:aws:iam::*:role/${Own}-*"}\n'
    )
    (found,) = scan(tmp_path, written, "PASSROLE_016")
    assert found.severity is severity
    said, _, _ = found.message.partition(" The permissions boundary")  # of its own
    assert "DeleteRolePermissionsBoundary" not in said or severity is not Severity.LOW
