"""Roles without a name have one that CloudFormation makes of the stack's name and the logical id."""

from __future__ import annotations

from pathlib import Path

import pytest

from passrole_checks.scan.scanner import ScanOptions, scan_paths

ROLE = """\
  {name}:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Statement: [{{Effect: Allow, Principal: {{Service: ec2.amazonaws.com}}, Action: "sts:AssumeRole"}}]
      Policies:
        - PolicyName: own
          PolicyDocument:
            Statement: [{statements}]
"""
START = "{Effect: Allow, Action: 'ec2:RunInstances', Resource: '*'}"


@pytest.mark.parametrize(
    ("pattern", "is_found"),
    [
        ("${AWS::StackName}-Worker-*", True),
        ("${AWS::StackName}-*", True),
        ("${AWS::StackName}-Wor*", True),
        ("${AWS::StackName}-Other-*", False),
        ("octo-Worker-*", False),
    ],
)
def test_pattern_of_generated_names_finds_the_role(tmp_path: Path, pattern: str, is_found: bool) -> None:
    """A pattern with the name of the stack is about the roles of the template."""
    passing = (
        f"{{Effect: Allow, Action: 'iam:PassRole', Resource: !Sub 'arn:aws:iam::${{AWS::AccountId}}:role/{pattern}'}}"
    )
    worker = ROLE.format(name="Worker", statements="{Effect: Allow, Action: 's3:*', Resource: '*'}")
    starter = ROLE.format(name="Starter", statements=f"{START}, {passing}")
    (tmp_path / "t.yaml").write_text(f"Resources:\n{worker}{starter}")
    found = {one.check_id: one.message for one in scan_paths([tmp_path], ScanOptions()).findings}
    assert ("Worker, which has s3:*" in found["PASSROLE_008"]) is is_found
    assert ("not in this code" in found["PASSROLE_008"]) is not is_found
