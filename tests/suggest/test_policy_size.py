"""Edits of policies near AWS's size quota."""

from __future__ import annotations

from pathlib import Path

import pytest
from suggesting import allow, policy, role, session, task

from passrole_checks.scan.result import ScanOptions
from passrole_checks.scan.scanner import scan_paths
from passrole_checks.sources.model.configuration import NoteKind


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


@pytest.mark.parametrize(("distinct", "is_noted"), [(200, False), (400, True)])
def test_repeated_actions_of_a_statement_block_count_once(tmp_path: Path, distinct: int, is_noted: bool) -> None:
    """Lists of the data source are sets (documentation of the AWS provider), so repetitions are not deployed."""
    actions = ", ".join(f'"s3:Get{number % distinct:07}"' for number in range(400))
    document = (
        'data "aws_iam_policy_document" "d" {\n  statement {\n    actions   = [' + actions + "]\n"
        '    resources = ["*"]\n  }\n}\n'
        'resource "aws_iam_policy" "p" {\n  policy = data.aws_iam_policy_document.d.json\n}\n'
    )
    (tmp_path / "main.tf").write_text(document, "utf-8")
    notes = [note for note in scan_paths([tmp_path], ScanOptions()).not_evaluated if note.kind is NoteKind.TOO_LONG]
    assert bool(notes) is is_noted
