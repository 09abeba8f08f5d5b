"""Roles that exist under conditions: only those that can exist together with the passing principal count."""

from __future__ import annotations

from pathlib import Path

import pytest

from passrole_checks.findings import Finding, Severity
from passrole_checks.scan.scanner import ScanOptions, scan_paths

TERRAFORM = """
variable "stage" {}
resource "aws_iam_role" "admin" {
  count              = var.stage == "prod" ? COUNT
  name               = "app-admin"
  assume_role_policy = jsonencode({ Statement = [
    { Effect = "Allow", Principal = { Service = "lambda.amazonaws.com" }, Action = "sts:AssumeRole" }
  ] })
  inline_policy {
    name   = "p"
    policy = jsonencode({ Statement = [{ Effect = "Allow", Action = "iam:Put*", Resource = "*" }] })
  }
}
resource "aws_iam_user_policy" "pass" {
  count  = var.stage == "prod" ? 1 : 0
  user   = "deployer"
  policy = jsonencode({ Statement = [
    { Effect = "Allow", Action = "iam:PassRole", Resource = "arn:aws:iam::111122223333:role/app-*",
      Condition = { StringEquals = { "iam:PassedToService" = "lambda.amazonaws.com" } } },
    { Effect = "Allow", Action = ["lambda:CreateFunction", "lambda:InvokeFunction"], Resource = "*" },
  ] })
}
"""


def escalation(folder: Path, name: str, content: str) -> list[Finding]:
    (folder / name).write_text(content, encoding="utf-8")
    options = ScanOptions(checks=frozenset({"PASSROLE_008"}), minimum_severity=Severity.INFO)
    return list(scan_paths([folder], options).findings)


@pytest.mark.parametrize(("count", "severity"), [("1 : 0", "high"), ("0 : 1", "info")])
def test_count_says_whether_a_role_is_there(tmp_path: Path, count: str, severity: str) -> None:
    """So does ``count``: where the passer is there the role is, or it is not."""
    (found,) = escalation(tmp_path, "main.tf", TERRAFORM.replace("COUNT", count))
    assert found.severity.value == severity
    assert ("aws_iam_role.admin" in found.message) is (severity == "high")
