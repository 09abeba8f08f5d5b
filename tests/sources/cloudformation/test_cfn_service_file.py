"""Services of the Serverless Framework: the roles that it makes of their statements."""

from __future__ import annotations

from pathlib import Path

import pytest

from passrole_checks.sources.model.configuration import Framework
from passrole_checks.sources.recognize import recognize

STATEMENT = "{Effect: Allow, Action: iam:PassRole, Resource: RESOURCE}"
BEFORE = "provider:\n  name: aws\n  iamRoleStatements:\n    - " + STATEMENT + "\n"


@pytest.mark.parametrize(
    ("content", "framework"),
    [
        ("service: a\n" + BEFORE, Framework.CLOUDFORMATION),
        ("service: a\nprovider: {name: aws}\nfunctions: {f: {handler: a.b}}\n", None),
        ("service: a\nprovider: {name: aws}\nresources:\n  Resources: {B: {Type: AWS::S3::Bucket}}\n", None),
        ("services:\n  provider:\n    statements: []\n", None),
    ],
)
def test_service_without_policies_is_skipped(tmp_path: Path, content: str, framework: Framework | None) -> None:
    """A service without statements and IAM resources is not infrastructure code to check."""
    file = tmp_path / "serverless.yml"
    file.write_text(content)
    assert recognize(file).framework is framework
