"""The users of a principal's permissions, as templates and configurations name them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from passrole_checks.findings import Severity
from passrole_checks.scan.scanner import ScanOptions, scan_paths


@pytest.mark.parametrize(
    ("services", "expected"),
    [
        (["codepipeline.amazonaws.com"], ["codepipeline.amazonaws.com"]),
        (["ec2.amazonaws.com", "lambda.amazonaws.com"], ["ec2.amazonaws.com", "lambda.amazonaws.com"]),
        (None, []),
    ],
)
def test_services_that_alone_assume_a_principal_are_named(
    tmp_path: Path, services: list[str] | None, expected: list[str]
) -> None:
    """The message says which services alone can assume the principal; of two principals, both, if both are such."""
    trusts = [{"Service": one} for one in services or ["ec2.amazonaws.com"]]
    trusts += [{"AWS": "111122223333"}] if services is None else []
    roles = {
        f"Role{number}": {
            "Type": "AWS::IAM::Role",
            "Properties": {
                "AssumeRolePolicyDocument": {
                    "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": trust}]
                }
            },
        }
        for number, trust in enumerate(trusts)
    }
    statement = {"Effect": "Allow", "Action": "iam:PassRole", "Resource": "*"}
    policy = {"PolicyDocument": {"Statement": [statement]}, "Roles": [{"Ref": name} for name in roles]}
    resources = {**roles, "Policy": {"Type": "AWS::IAM::ManagedPolicy", "Properties": policy}}
    (tmp_path / "template.json").write_text(
        json.dumps({"AWSTemplateFormatVersion": "2010-09-09", "Resources": resources})
    )
    options = ScanOptions(checks=frozenset({"PASSROLE_001"}))
    (found,) = scan_paths([tmp_path / "template.json"], options).findings
    assert found.severity is Severity.HIGH
    assert (" can assume the principal" in found.message) is bool(expected)
    assert all(name in found.message for name in expected)
