"""Limits where AWS does not document that each request of an allowed action carries ``iam:PassedToService``."""

from __future__ import annotations

from pathlib import Path

from suggesting import allow, checks, only, policy, session

from passrole_checks.suggest.grade import Grade

APP = '"arn:aws:iam::111122223333:role/app-*"'
SERVICES = '"iam:PassedToService" = '


def other(*actions: str) -> str:
    """A statement that allows other actions."""
    return allow(action=f"[{', '.join(f'{chr(34)}{one}{chr(34)}' for one in actions)}]")


def test_undocumented_actions_of_a_wildcard_are_left_out(tmp_path: Path) -> None:
    """The edit is not equivalent, and names the actions."""
    one = only(session(tmp_path, {"main.tf": policy(allow(APP), other("s3:*"))}))
    assert one.grade is Grade.NARROWED and checks(one) == ["002"]
    assert f'{SERVICES}["access-grants.s3.amazonaws.com", "s3.amazonaws.com"]' in one.statement
    assert "leaves out s3:CreateJob" in one.says and "test " not in one.says


def test_undocumented_action_that_is_named_keeps_its_service(tmp_path: Path) -> None:
    one = only(session(tmp_path, {"main.tf": policy(allow(APP), other("s3:CreateJob", "glue:CreateJob"))}))
    assert one.grade is Grade.NARROWED
    assert f'{SERVICES}["batchoperations.s3.amazonaws.com", "glue.amazonaws.com"]' in one.statement
    assert "test s3:CreateJob first" in one.says and "leaves out" not in one.says


def test_undocumented_action_without_a_known_service_needs_manual_review(tmp_path: Path) -> None:
    actions = ("s3:UpdateBucketMetadataAnnotationTableConfiguration", "glue:CreateJob")
    one = only(session(tmp_path, {"main.tf": policy(allow(APP), other(*actions))}))
    assert not one.edits and any(actions[0] in phrase for phrase in one.missing)


def test_only_undocumented_actions_need_manual_review(tmp_path: Path) -> None:
    """A wildcard whose actions are all undocumented leaves no service to name."""
    one = only(session(tmp_path, {"main.tf": policy(allow(APP), other("s3:CreateJ*"))}))
    assert not one.edits and any("s3:CreateJob" in phrase for phrase in one.missing)
