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
PASS = "{{Effect: Allow, Action: 'iam:PassRole', Resource: !Sub 'arn:aws:iam::${{AWS::AccountId}}:role/{}'}}"


@pytest.mark.parametrize(
    ("pattern", "is_found"),
    [
        ("${AWS::StackName}-Worker-*", True),
        ("${AWS::StackName}-Wor*", True),
        ("${AWS::StackName}-Other-*", False),
        ("octo-Worker-*", False),
    ],
)
def test_pattern_of_generated_names_names_the_roles(tmp_path: Path, pattern: str, is_found: bool) -> None:
    """The message on a pattern with the name of the stack names the roles of the template that it matches."""
    worker = ROLE.format(name="Worker", statements="{Effect: Allow, Action: 's3:*', Resource: '*'}")
    starter = ROLE.format(name="Starter", statements=f"{START}, {PASS.format(pattern)}")
    (tmp_path / "t.yaml").write_text(f"Resources:\n{worker}{starter}")
    found = {one.check_id: one.message for one in scan_paths([tmp_path], ScanOptions()).findings}
    assert ("these include Worker." in found["PASSROLE_008"]) is is_found
    assert ("not define" in found["PASSROLE_008"]) is not is_found
