"""Edits of policies near AWS's size quota."""

from __future__ import annotations

from pathlib import Path

import pytest
from suggesting import allow, policy, role, session, task


@pytest.mark.parametrize(("characters", "is_edited"), [(1_000, True), (1_880, False)])
def test_no_edit_exceeds_the_quota(tmp_path: Path, characters: int, is_edited: bool) -> None:
    """An edit after which IAM rejects the policy needs manual review (IAM User Guide, "IAM and AWS STS quotas")."""
    large = policy(allow(), allow(f'"arn:aws:s3:::{"x" * characters}"', action='"s3:GetObject"'))
    found = session(tmp_path, {"main.tf": large + role("task", "ecs-tasks") + task()})
    assert any(one.edits for one in found.suggestions) is is_edited
    asked = [phrase for one in found.suggestions for phrase in one.missing]
    assert any("exceeds AWS's limit of 2,048 characters" in phrase for phrase in asked) is not is_edited
