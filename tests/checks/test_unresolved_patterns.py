"""Severities that are right for every value of an unresolved part, and messages that name the values that are worse."""

from __future__ import annotations

from pathlib import Path

import pytest

from passrole_checks.findings import Confidence, Finding, Severity
from passrole_checks.scan.result import ScanOptions
from passrole_checks.scan.scanner import scan_paths

TERRAFORM = """\
variable "env" {
  type = string
  VARIABLE
}
resource "aws_iam_role" "app" {
  name = "NAME"
  assume_role_policy = jsonencode({ Version = "2012-10-17", Statement = [
    { Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "lambda.amazonaws.com" } }] })
}
resource "aws_iam_role_policy" "pass" {
  role   = aws_iam_role.app.id
  policy = jsonencode({ Version = "2012-10-17", Statement = [
    { Effect = "Allow", Action = ["iam:PassRole"ACTIONS], Resource = "RESOURCE" }] })
}
"""
ROLE = "arn:aws:iam::111122223333:role/"


def findings_of(path: Path) -> dict[str, Finding]:
    """Return the findings of a file by the last three digits of their check."""
    return {finding.check_id[-3:]: finding for finding in scan_paths([path], ScanOptions()).findings}


def scan(
    tmp_path: Path, resource: str, name: str = "other", variable: str = "", actions: str = ""
) -> dict[str, Finding]:
    """Return the findings of the configuration above."""
    path = tmp_path / "main.tf"
    content = TERRAFORM.replace("RESOURCE", resource).replace("NAME", name).replace("VARIABLE", variable)
    path.write_text(content.replace("ACTIONS", actions), encoding="utf-8")
    return findings_of(path)


@pytest.mark.parametrize(
    ("resource", "severity", "values"),
    [
        (f"{ROLE}${{var.env}}*", Severity.MEDIUM, "empty or a wildcard"),
        (f"{ROLE}*${{var.env}}", Severity.MEDIUM, "empty or a wildcard"),
        (f"{ROLE}${{var.env}}-*", Severity.MEDIUM, ""),
        (f"{ROLE}team/${{var.env}}/*", Severity.MEDIUM, ""),
        (f"{ROLE}${{var.env}}", Severity.LOW, "a wildcard"),
        ("${var.env}", Severity.LOW, ""),
    ],
)
def test_any_service_has_the_severity_of_the_narrowest_value(
    resource: str, severity: Severity, values: str, tmp_path: Path
) -> None:
    """A pattern is one whatever its unresolved part is; the message says which values make it any role."""
    finding = scan(tmp_path, resource)["002"]
    assert finding.severity is severity
    assert ("`var.env`" in finding.message, values in finding.message) == (bool(values), True)


def test_default_value_does_not_lower_the_severity(tmp_path: Path) -> None:
    """With a default, the severities are the same."""
    resource, name = f"{ROLE}${{var.env}}*", "${var.env}-deployer"
    unknown, known = scan(tmp_path, resource, name), scan(tmp_path, resource, name, 'default = "app"')
    assert {check: unknown[check].severity for check in ("002", "016")} == {
        check: finding.severity for check, finding in known.items()
    }
    assert unknown["016"].confidence is Confidence.MEDIUM and "014" in unknown


def test_role_that_only_some_values_cover_does_not_pass_itself(tmp_path: Path) -> None:
    """Self-pass needs a role that every value covers."""
    assert "016" not in scan(tmp_path, f"{ROLE}${{var.env}}*", "deployer")
    assert "016" not in scan(tmp_path, f"{ROLE}app-${{var.env}}*", "${var.env}-app")


@pytest.mark.parametrize("resource", [f"{ROLE}${{var.env}}*", "${var.env}"])
def test_role_that_the_principal_can_change_for_every_value(resource: str, tmp_path: Path) -> None:
    """The same pattern in both statements, or one that includes the other, covers the same roles for every value."""
    finding = scan(tmp_path, resource, "deployer", actions=', "iam:PutRolePolicy"')["016"]
    assert (finding.severity, finding.confidence) == (Severity.MEDIUM, Confidence.MEDIUM)


@pytest.mark.parametrize(
    ("parameter", "severity", "expected"),
    [
        ("{Type: String}", Severity.MEDIUM, True),
        ('{Type: String, AllowedPattern: "[a-z]+"}', Severity.MEDIUM, False),
    ],
)
def test_parameter_without_a_default(parameter: str, severity: Severity, expected: bool, tmp_path: Path) -> None:
    """A parameter is like a variable; one whose pattern excludes wildcards leaves no other scope."""
    path = tmp_path / "t.yaml"
    path.write_text(
        f"""\
Parameters:
  Env: {parameter}
Resources:
  P:
    Type: AWS::IAM::UserPolicy
    Properties:
      UserName: dev
      PolicyDocument:
        Statement: [{{Effect: Allow, Action: iam:PassRole, Resource: !Sub "{ROLE}${{Env}}*"}}]
""",
        encoding="utf-8",
    )
    finding = findings_of(path)["002"]
    assert (finding.severity, "a wildcard" in finding.message) == (severity, expected)
