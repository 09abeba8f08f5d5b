"""The access that principals gain by passing roles, as findings have it."""

from __future__ import annotations

from pathlib import Path

import pytest

from passrole_checks.findings import Escalation, Outcome
from passrole_checks.scan.scanner import ScanOptions, scan_paths

SAMPLES = Path(__file__).resolve().parents[2] / "sample_templates"
START = ("lambda:CreateFunction", "lambda:InvokeFunction")


def escalations(sample: str, check: str) -> set[Escalation]:
    result = scan_paths([SAMPLES / sample / "cloudformation" / "flagged.yaml"], ScanOptions())
    return {one for finding in result.findings if finding.check_id[-3:] == check for one in finding.details.escalations}


@pytest.mark.parametrize(
    ("sample", "expected"),
    [
        (
            "008-privilege-escalation",
            {
                Escalation("DeveloperRole", Outcome.ADMINISTRATOR, (), "", "lambda.amazonaws.com", START, "lambda-001"),
                Escalation(
                    "operators",
                    Outcome.ADMINISTRATOR,
                    ("AdminRole",),
                    "iam:AttachUserPolicy and iam:CreateUser",
                    "ec2.amazonaws.com",
                    ("ec2:RunInstances",),
                    "ec2-001",
                ),
            },
        ),
        (
            "009-stronger-role",
            {Escalation("DeployerRole", Outcome.ADMINISTRATOR, ("WorkerRole",), "iam:CreateAccessKey and dynamodb:*")},
        ),
        (
            "013-managed-policy",
            {
                Escalation("OperatorRole", Outcome.ADMINISTRATOR),
                Escalation("DeveloperRole", Outcome.ADMINISTRATOR, (), "", "lambda.amazonaws.com", START, "lambda-001"),
            },
        ),
    ],
)
def test_findings_say_what_principals_can_do_then(sample: str, expected: set[Escalation]) -> None:
    """The roles, their permissions and the launch, for known roles, any role, and administrators."""
    assert expected <= escalations(sample, sample[:3])


def test_administrators_need_no_role() -> None:
    """Any role by everything on everything is an administrator; any role by iam:PassRole alone is not."""
    found = escalations("001-any-role", "001")
    assert found and all(one.needs_no_role for one in found)
    assert {one.principal for one in found} == {"IdentityAdmins"}
