"""Remedies in the syntax of the statement, such as a `statement` block or `jsonencode`."""

from __future__ import annotations

from pathlib import Path

import pytest
from principals_of_tests import allow, findings, to, trust

from passrole_checks.scan.scanner import ScanOptions, scan_paths

BLOCKS = """
data "aws_iam_policy_document" "deploy" {
  statement {
    actions   = ["iam:PassRole"]
    resources = [RESOURCE]
CONDITION  }
}
resource "aws_iam_policy" "deploy" {
  policy = data.aws_iam_policy_document.deploy.json
}
"""
OPEN = """    condition {
      test     = "StringLike"
      variable = "iam:PassedToService"
      values   = ["*"]
    }
"""
OBJECT = """
resource "aws_iam_policy" "deploy" {
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "iam:PassRole", Resource = "arn:aws:iam::*:role/app-*" }]
  })
}
"""
IN_BLOCK = 'test = "StringEquals", variable = "iam:PassedToService", values = ["SERVICE.amazonaws.com"]'


def remedies(folder: Path, configuration: str) -> dict[str, str]:
    (folder / "main.tf").write_text(configuration, encoding="utf-8")
    return {one.check_id: one.remediation for one in scan_paths([folder], ScanOptions()).findings}


@pytest.mark.parametrize(
    ("resource", "condition", "check_id", "said"),
    [
        ('"*"', "", "PASSROLE_001", "Restrict `resources = […]` to the role ARNs "),
        ('"arn:aws:iam::*:role/app-*"', "", "PASSROLE_002", f"Add a condition ({IN_BLOCK})"),
        ('"arn:aws:iam::*:role/app-*"', OPEN, "PASSROLE_003", f"Write {IN_BLOCK}"),
    ],
)
def test_a_statement_block_is_told_what_blocks_hold(
    tmp_path: Path, resource: str, condition: str, check_id: str, said: str
) -> None:
    """A ``statement`` block takes ``condition`` blocks of ``test``, ``variable`` and ``values``, not a Condition.

    Source: Terraform Registry, provider hashicorp/aws, data source ``aws_iam_policy_document``.
    """
    text = BLOCKS.replace("RESOURCE", resource).replace("CONDITION", condition)
    assert remedies(tmp_path, text)[check_id].startswith(said)


def test_a_block_in_several_readings_is_a_block(tmp_path: Path) -> None:
    """Alternatives and dynamic blocks leave a statement in the words that it is written in."""
    text = BLOCKS.replace("RESOURCE", 'var.a ? "arn:aws:iam::*:role/app-*" : "arn:aws:iam::*:role/web-*"').replace(
        "CONDITION", ""
    )
    assert remedies(tmp_path, f'variable "a" {{}}\n{text}')["PASSROLE_002"].startswith("Add a condition (")
    dynamic = BLOCKS.replace("  statement {", '  dynamic "statement" {\n    for_each = toset(["x"])\n    content {')
    dynamic = dynamic.replace("CONDITION  }", "  }\n  }").replace("RESOURCE", '"arn:aws:iam::*:role/app-*"')
    assert remedies(tmp_path, dynamic)["PASSROLE_002"].startswith("Add a condition (")


def test_an_object_is_told_what_a_document_holds(tmp_path: Path) -> None:
    """An object of HCL takes the keys of IAM, and JSON."""
    assert remedies(tmp_path, OBJECT)["PASSROLE_002"].startswith('Add "Condition": {"StringEquals": ')


EXECUTION = "arn:aws:iam::111122223333:role/execution"
NARROW = "Remove permissions that deployments do not need from the execution role"


@pytest.mark.parametrize("check", ["PASSROLE_008", "PASSROLE_009"])
@pytest.mark.parametrize(("service", "is_execution"), [("cloudformation", True), ("lambda", False)])
def test_role_that_cloudformation_deploys_with(check: str, service: str, is_execution: bool) -> None:
    """A role of deployments has to be privileged: it is narrowed and bound, and other roles are not passed instead."""
    start = allow(["cloudformation:CreateStack", "lambda:CreateFunction", "lambda:InvokeFunction"])
    roles = {"execution": (trust(f"{service}.amazonaws.com"), [allow("iam:*")])}
    (found,) = findings(check, [[allow("iam:PassRole", EXECUTION)], [start]], roles=roles)
    assert found.remediation.startswith(NARROW) is is_execution
    assert "`iam:PassedToService` condition" in found.remediation
    bound = allow("iam:PassRole", EXECUTION, to(f"{service}.amazonaws.com"))
    (found,) = findings(check, [[bound], [start]], roles=roles)
    assert found.remediation.startswith(NARROW) is is_execution and "condition" not in found.remediation


def test_named_roles_lack_the_condition_only() -> None:
    """Roles that are named and unknown here need their service; any role needs names as well."""
    start = allow(["lambda:CreateFunction", "lambda:InvokeFunction"])
    (found,) = findings("PASSROLE_008", [[allow("iam:PassRole", "arn:aws:iam::111122223333:role/app-*")], [start]])
    assert found.remediation.startswith("Add an `iam:PassedToService` condition")
    (found,) = findings("PASSROLE_008", [[allow("iam:PassRole")], [start]])
    assert found.remediation.startswith("Restrict `Resource`")


@pytest.mark.parametrize(("action", "is_said"), [("*", True), ("iam:*", False)])
def test_administrators_may_be_meant(action: str, is_said: bool) -> None:
    """A statement that allows everything is asked about first, as an AWS managed policy is."""
    (found,) = findings("PASSROLE_001", [[allow(action)]])
    assert ("must be an administrator" in found.remediation) is is_said
