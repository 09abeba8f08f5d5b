"""Edits of actions: iam:PassRole by name (007), and other actions freed from its condition (017).

Source: IAM User Guide, "IAM JSON policy elements: Condition operators".
"""

from __future__ import annotations

from pathlib import Path

import pytest
from suggesting import allow, checks, graded, only, policy, session

from passrole_checks.findings import Severity
from passrole_checks.iam.documents.action import matches_only_pass_role
from passrole_checks.suggest.edits import apply_edits
from passrole_checks.suggest.grade import Grade

ROLE = '"arn:aws:iam::111122223333:role/app"'
TEMPLATE = """\
Resources:
  Policy:
    Type: AWS::IAM::UserPolicy
    Properties:
      UserName: bot
      PolicyName: bot
      PolicyDocument:
        Statement:
"""
CONDITION = '{ StringEquals = { "iam:PassedToService" = "lambda.amazonaws.com" } }'


@pytest.mark.parametrize("pattern", ["iam:PassRole", "iam:Pass*", "IAM:passro*", "iam:Pas?Role", "iam:Pa*"])
def test_narrow_wildcards_match_only_pass_role(pattern: str) -> None:
    """No other action of IAM starts with Pa."""
    assert matches_only_pass_role(pattern)


@pytest.mark.parametrize("pattern", ["iam:*", "*", "iam:P*", "iam:*Role", "iam:PassRoles", "s3:Pa*", "*:PassRole"])
def test_other_patterns_match_more_or_nothing(pattern: str) -> None:
    """Patterns that match other actions too are not replaced."""
    assert not matches_only_pass_role(pattern)


def test_narrow_wildcard_becomes_the_name(tmp_path: Path) -> None:
    """Access does not change, so the edit is equivalent."""
    text = policy(allow(ROLE, CONDITION, '"iam:Pass*"'))
    found = session(tmp_path, {"main.tf": text})
    one = only(found)
    assert checks(one) == ["007"]
    assert one.grade is Grade.EQUIVALENT
    assert apply_edits(text, one.edits) == text.replace("iam:Pass*", "iam:PassRole")


def test_wildcard_for_other_actions_needs_manual_review(tmp_path: Path) -> None:
    """Which of the actions are needed is not known."""
    one = only(session(tmp_path, {"main.tf": policy(allow(ROLE, CONDITION, '"iam:*Role"'))}))
    assert one.edits == ()


def test_narrow_wildcard_is_split_like_the_name(tmp_path: Path) -> None:
    """A statement for iam:PassRole is added by name, also if it is granted by a wildcard."""
    text = policy(allow(action='["iam:Pass*", "lambda:CreateFunction"]'))
    one = graded(session(tmp_path, {"main.tf": text}), Grade.EQUIVALENT)
    after = apply_edits(text, one.edits)
    assert 'Action = ["lambda:CreateFunction"]' in after
    assert 'Action = ["iam:PassRole"]' in after
    assert "iam:Pass*" not in after


def test_disabled_actions_are_freed(tmp_path: Path) -> None:
    """The other actions stay without the condition, which adds access: the edit is not written without being asked."""
    before = """\
          - Sid: Deploy
            Effect: Allow
            Action:
              - iam:PassRole # the role
              - iam:GetRole
            Resource: arn:aws:iam::111122223333:role/app
            Condition:
              StringEquals:
                iam:PassedToService: lambda.amazonaws.com
              StringLike:
                aws:RequestedRegion: eu-*
"""
    after = """\
          - Sid: Deploy
            Effect: Allow
            Action:
              - iam:GetRole
            Resource: arn:aws:iam::111122223333:role/app
            Condition:
              StringLike:
                aws:RequestedRegion: eu-*
          - Sid: PassRolesToLambda
            Effect: Allow
            Action:
              - iam:PassRole # the role
            Resource: arn:aws:iam::111122223333:role/app
            Condition:
              StringEquals:
                iam:PassedToService: lambda.amazonaws.com
              StringLike:
                aws:RequestedRegion: eu-*
"""
    found = session(tmp_path, {"app.yaml": TEMPLATE + before})
    one = graded(found, Grade.REPAIRING)
    assert checks(one) == ["017"]
    assert apply_edits(TEMPLATE + before, one.edits) == TEMPLATE + after
    assert "iam:GetRole" in one.says
    unasked = found.combine(grades=(Grade.EQUIVALENT,))
    assert unasked.changed == {}


def test_condition_right_after_the_actions_is_removed_with_them(tmp_path: Path) -> None:
    """Both removals include the line break between them."""
    before = """\
          - Effect: Allow
            Action:
              - iam:GetRole
              - iam:PassRole
            Condition:
              StringEquals:
                iam:PassedToService: lambda.amazonaws.com
            Resource: arn:aws:iam::111122223333:role/app
"""
    after = """\
          - Effect: Allow
            Action:
              - iam:GetRole
            Resource: arn:aws:iam::111122223333:role/app
          - Effect: Allow
            Action:
              - iam:PassRole
            Condition:
              StringEquals:
                iam:PassedToService: lambda.amazonaws.com
            Resource: arn:aws:iam::111122223333:role/app
"""
    one = graded(session(tmp_path, {"app.yaml": TEMPLATE + before}), Grade.REPAIRING)
    assert apply_edits(TEMPLATE + before, one.edits) == TEMPLATE + after


@pytest.mark.parametrize(
    "actions", ['["iam:PassRole", "iam:GetRole"]', '["iam:GetRole", "iam:PassRole"]', '["iam:Pass*", "iam:GetRole"]']
)
def test_disabled_actions_are_freed_in_terraform(actions: str, tmp_path: Path) -> None:
    """The statement without the condition comes first."""
    text = policy(allow(ROLE, CONDITION, actions))
    one = graded(session(tmp_path, {"main.tf": text}), Grade.REPAIRING)
    after = apply_edits(text, one.edits)
    others, _, passing = after.partition("},")
    assert '["iam:GetRole"]' in others and "Condition" not in others
    assert '["iam:PassRole"]' in passing and "Condition" in passing


def test_disabled_actions_of_a_block_are_freed(tmp_path: Path) -> None:
    """The condition block moves with iam:PassRole."""
    text = """\
data "aws_iam_policy_document" "deploy" {
  statement {
    actions   = ["iam:PassRole", "iam:GetRole"]
    resources = ["arn:aws:iam::111122223333:role/app"]

    condition {
      test     = "StringEquals"
      variable = "iam:PassedToService"
      values   = ["lambda.amazonaws.com"]
    }
  }
}

resource "aws_iam_user_policy" "deploy" {
  user   = "bot"
  policy = data.aws_iam_policy_document.deploy.json
}
"""
    one = graded(session(tmp_path, {"main.tf": text}), Grade.REPAIRING)
    assert apply_edits(text, one.edits) == text.replace(
        """\
    actions   = ["iam:PassRole", "iam:GetRole"]
""",
        """\
    actions   = ["iam:GetRole"]
    resources = ["arn:aws:iam::111122223333:role/app"]
  }

  statement {
    actions   = ["iam:PassRole"]
""",
    )


def test_freed_actions_that_are_risky_need_manual_review(tmp_path: Path) -> None:
    """A freed action that starts code with the role would be a new finding."""
    text = policy(allow('"*"', CONDITION, '["iam:PassRole", "lambda:CreateFunction", "lambda:InvokeFunction"]'))
    found = session(tmp_path, {"main.tf": text})
    assert any("017" in checks(one) for one in found.suggestions)
    assert not any("017" in checks(one) and one.edits for one in found.suggestions)


def test_get_role_is_added_on_request_only(tmp_path: Path) -> None:
    """Check 012 adds a permission, so that it must be named."""
    text = policy(allow(ROLE, CONDITION))
    for severity, asked in ((Severity.LOW, False), (Severity.INFO, True)):
        found = session(tmp_path, {"main.tf": text}, severity)
        assert any("012" in checks(one) and one.edits for one in found.suggestions) is asked
