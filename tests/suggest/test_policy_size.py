"""Edits of policies near AWS's size quota."""

from __future__ import annotations

from pathlib import Path

import pytest
from suggesting import allow, policy, role, session, task

from passrole_checks.scan.result import ScanOptions
from passrole_checks.scan.scanner import scan_paths


@pytest.mark.parametrize(("characters", "is_edited"), [(1_000, True), (1_880, False)])
def test_no_edit_exceeds_the_quota(tmp_path: Path, characters: int, is_edited: bool) -> None:
    """An edit after which IAM rejects the policy needs manual review (IAM User Guide, "IAM and AWS STS quotas")."""
    large = policy(allow(), allow(f'"arn:aws:s3:::{"x" * characters}"', action='"s3:GetObject"'))
    found = session(tmp_path, {"main.tf": large + role("task", "ecs-tasks") + task()})
    assert any(one.edits for one in found.suggestions) is is_edited
    asked = [phrase for one in found.suggestions for phrase in one.missing]
    assert any("characters, and AWS allows 2,048" in phrase for phrase in asked) is not is_edited


def test_the_length_of_a_document_in_blocks_is_that_of_its_json(tmp_path: Path) -> None:
    """Quotes and commas of JSON count, also where a block has none.

    Source: IAM Identity Center User Guide, "IAM Identity Center quotas".
    """
    actions = ", ".join(f'"s3:Get{number:07}"' for number in range(645))
    document = (
        'data "aws_iam_policy_document" "d" {\n  statement {\n    actions   = ["iam:PassRole"]\n'
        '    resources = ["*"]\n  }\n  statement {\n    actions   = [' + actions + ']\n    resources = ["*"]\n  }\n}\n'
        'resource "aws_ssoadmin_permission_set_inline_policy" "p" {\n  permission_set_arn = "p"\n'
        '  instance_arn = "i"\n  inline_policy = data.aws_iam_policy_document.d.json\n}\n'
    )
    (tmp_path / "main.tf").write_text(document, "utf-8")
    notes = scan_paths([tmp_path], ScanOptions()).not_evaluated
    assert any("exceeds AWS's limit of 10,240 characters" in note.reason for note in notes)
