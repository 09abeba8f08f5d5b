"""Commands in a template that attach or create IAM policies."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from passrole_checks.sources import cloudformation

ATTACH = "aws iam attach-role-policy --role-name app --policy-arn arn:aws:iam::aws:policy/AdministratorAccess"
TEMPLATE = """\
Resources:
  Other:
    Type: AWS::S3::Bucket
  Instance:
    Type: AWS::EC2::Instance
    Properties:
      UserData:
        Fn::Base64: !Sub |
          #!/bin/sh
          COMMAND
"""


@pytest.mark.parametrize(
    ("command", "noted"),
    [
        (ATTACH, True),
        ("aws iam put-role-policy --role-name app --policy-name p --policy-document file://p.json", True),
        ("aws iam create-policy --policy-name p --policy-document file://p.json", True),
        (f"# {ATTACH}", False),
        (ATTACH.replace("attach", "detach"), False),
    ],
)
def test_command_in_a_template_is_noted(command: str, noted: bool) -> None:
    """A command that attaches or creates a policy is a note on its resource."""
    notes = cloudformation.load(Path("t.yaml"), TEMPLATE.replace("COMMAND", command)).not_evaluated
    assert [(note.line, note.reason.startswith("Instance runs")) for note in notes] == ([(10, True)] if noted else [])


def test_command_in_json_is_noted() -> None:
    """Commands in JSON templates are noted as well."""
    build = {"Type": "AWS::CodeBuild::Project", "Properties": {"Source": {"BuildSpec": f"build:\n - {ATTACH}\n"}}}
    content = json.dumps({"Resources": {"Build": build}}, indent=1)
    assert [note.reason.split()[0] for note in cloudformation.load(Path("t.json"), content).not_evaluated] == ["Build"]
