"""PASSROLE_010: the severity of statements that grant nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from passrole_checks.scan.scanner import ScanOptions, scan_paths

USER = """Resources:
  Deployer:
    Type: AWS::IAM::User
    Properties:
      Policies:
        - PolicyName: deploy
          PolicyDocument:
            Statement:
              - {Effect: EFFECT, Action: [rum:*, iam:PassRole], Resource: "arn:aws:rum:*:*:appmonitor/*"}
              - {Effect: Allow, Action: iam:PassRole, Resource: "ROLES"}
"""


@pytest.mark.parametrize(
    ("effect", "roles", "severity"),
    [
        ("Allow", "*", "low"),
        ("Allow", "arn:aws:iam::111122223333:role/app", "medium"),
        ("Deny", "*", "medium"),
    ],
)
def test_a_statement_that_grants_nothing_is_low_if_another_grants_every_role(
    effect: str, roles: str, severity: str, tmp_path: Path
) -> None:
    (tmp_path / "user.yaml").write_text(USER.replace("EFFECT", effect).replace("ROLES", roles), "utf-8")
    found = scan_paths([tmp_path], ScanOptions(checks=frozenset({"PASSROLE_010"}))).findings
    assert [one.severity.value for one in found] == [severity]
