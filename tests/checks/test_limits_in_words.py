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


def scan(folder: Path, content: str, check: str) -> list[Finding]:
    """Return the findings of one check in a template."""
    (folder / "t.yaml").write_text(content, encoding="utf-8")
    return list(scan_paths([folder], ScanOptions(checks=frozenset({check}))).findings)


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


@pytest.mark.parametrize(("allowed", "severity"), [("${Own}", Severity.LOW), ("${Staging}", Severity.MEDIUM)])
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
