"""PASSROLE_010: the severity of statements that grant nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from principals_of_tests import allow, configuration, deny

from passrole_checks.scan.scanner import ScanOptions, scan_configurations, scan_paths

A = "arn:aws:iam::111122223333:"

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


def verdicts(*policies: list[Any], account: str | None = None) -> list[tuple[str, str, str, str]]:
    """Return the effect of the statement, check, severity and confidence of each finding that is not info."""
    result = scan_configurations([configuration(list(policies))], ScanOptions(account=account))
    found = [finding for finding in result.findings if finding.grant is not None]
    return [
        (one.grant.effect, one.check_id[-3:], one.severity.value, one.confidence.value) for one in found if one.grant
    ]


@pytest.mark.parametrize(
    ("resource", "confidence"),
    [
        ("arn:aws:iam:*:role/x", "medium"),  # completed to arn:aws:iam:*:role/x:*; a "*" may also cross colons
        ("arn:aws:*:role/x", "medium"),
        ("arn:aws:iam::*role/x", "medium"),
        ("arn:aws:iam::${aws:PrincipalAccount}:role/x", "medium"),  # no variable before the fifth colon
        ("arn:aws:iam::role/x", "high"),
        ("arn:aws:iam:::role/x", "high"),
        ("arn:aws:iam::12345:role/x", "high"),
        ("arn:aws:iam:us-east-1:111122223333:role/x", "high"),
        (f"{A}Role/x", "high"),
        (f"{A}role/x/", "high"),
        (f"{A}role:x", "high"),
        (f"{A}instance-profile/x", "high"),
        (f"{A}user/*", "high"),
        ("arn:aws:sts::111122223333:assumed-role/x/*", "high"),
        ("role/x", "high"),
    ],
)
def test_a_deny_that_excludes_no_role_is_reported_and_changes_nothing(resource: str, confidence: str) -> None:
    """It does not limit the Allow, in its own policy or another, and another Deny beside it is not affected."""
    alone = verdicts([allow("iam:PassRole")])
    reported = ("Deny", "010", "medium", confidence)
    assert verdicts([allow("iam:PassRole"), deny("iam:PassRole", resource)]) == [*alone, reported]
    assert verdicts([allow("iam:PassRole")], [deny("iam:PassRole", resource)]) == [*alone, reported]
    assert verdicts([allow("iam:PassRole"), {**deny("iam:*"), "Resource": resource}]) == alone
    result = scan_configurations(
        [configuration([[allow("iam:PassRole"), deny("iam:PassRole", resource)]])], ScanOptions()
    )
    assert "except" not in result.findings[0].message
    assert [(one.grant.effect, one.effect_on_passrole) for one in result.grants] == [
        ("Allow", "allow"),
        ("Deny", "none"),
    ]


def test_a_deny_that_leaves_out_every_role_or_names_another_account_excludes_none() -> None:
    every = {"Effect": "Deny", "Action": "iam:PassRole", "NotResource": "*"}
    alone = verdicts([allow("iam:PassRole")])
    assert verdicts([allow("iam:PassRole"), every]) == [*alone, ("Deny", "010", "medium", "high")]
    foreign = [allow("iam:PassRole"), deny("iam:PassRole", "arn:aws:iam::444455556666:role/x")]
    assert verdicts(foreign, account="111122223333") == [*alone, ("Deny", "010", "low", "high")]
    assert verdicts(foreign) == alone


@pytest.mark.parametrize("resource", ["arn:aws:iam::*:role/x", "arn:*:iam::*:role/x", "arn:aws:iam:*:*:role/x", "*"])
def test_a_deny_of_a_role_is_not_reported(resource: str) -> None:
    found = verdicts([allow("iam:PassRole"), deny("iam:PassRole", resource)])
    assert not [check for _, check, _, _ in found if check == "010"]


@pytest.mark.parametrize("beside", [True, False])
def test_a_deny_does_not_hide_an_allow_that_names_no_role(beside: bool) -> None:
    """Neither a Deny in the same policy nor one in another takes anything from it."""
    own, other = allow("iam:PassRole", f"{A}instance-profile/x"), deny("iam:PassRole", f"{A}role/y")
    policies = [[own, other]] if beside else [[own], [other]]
    assert verdicts(*policies) == [("Allow", "010", "medium", "high")]
    result = scan_configurations([configuration(policies)], ScanOptions())
    assert [(one.grant.effect, one.grant.denied) for one in result.grants] == [("Allow", False), ("Deny", False)]
