"""A document with many conditions has the same grants and findings in Terraform and in CloudFormation."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from command_runs import run_command

_ARN = "arn:aws:iam::111122223333:role/"


def _terraform(count: int, resource: str) -> str:
    variables = "".join(f'variable "C{number}" {{ type = bool }}\n' for number in range(count))
    return f"""{variables}
resource "aws_iam_user_policy" "P" {{
  user   = "deployer"
  policy = jsonencode({{
    Version   = "2012-10-17"
    Statement = [{{ Effect = "Allow", Action = "iam:PassRole", Resource = {resource} }}]
  }})
}}
"""


def _template(count: int, resource: Any) -> str:
    document = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "iam:PassRole", "Resource": resource}],
    }
    properties = {"UserName": "deployer", "PolicyName": "p", "PolicyDocument": document}
    names = [f"C{number}" for number in range(count)]
    return json.dumps(
        {
            "Parameters": {name: {"Type": "String"} for name in names},
            "Conditions": {name: {"Fn::Equals": [{"Ref": name}, "true"]} for name in names},
            "Resources": {"P": {"Type": "AWS::IAM::UserPolicy", "Properties": properties}},
        }
    )


def _facts(folder: Path, name: str, text: str) -> tuple[list[Any], list[Any]]:
    """Return findings and grants, with one name for the conditions of both formats."""
    folder.mkdir()
    (folder / name).write_text(text)

    def read(command: str, key: str) -> list[Any]:
        output = run_command(command, name, "--format", "json", cwd=folder).stdout
        entries: list[Any] = json.loads(re.sub(r"\b(?:var\.|Ref )(?=C\d)", "", output))[key]
        return entries

    findings = sorted((entry["check_id"], entry["severity"], entry["confidence"]) for entry in read("scan", "findings"))
    grants = [
        (entry["scope"], sorted((role["pattern"], role["scope"]) for role in entry["roles"]))
        for entry in read("grants", "grants")
    ]
    return findings, sorted(grants)


@pytest.mark.parametrize("count", [5, 6, 7])
def test_conditional_name_is_equal_in_both_formats(tmp_path: Path, count: int) -> None:
    """Up to 64 combinations are variants; a condition that exceeds them is an unresolved part of the ARN."""
    name = "".join(f'${{var.C{number} ? "a" : "*"}}' for number in range(count))
    choices = [{"Fn::If": [f"C{number}", "a", "*"]} for number in range(count)]
    written = _facts(tmp_path / "terraform", "main.tf", _terraform(count, f'"{_ARN}{name}"'))
    template = _template(count, {"Fn::Join": ["", [_ARN, *choices]]})
    assert written == _facts(tmp_path / "cloudformation", "template.json", template)
    assert ("PASSROLE_001" if count < 7 else "PASSROLE_014") in {check for check, *_ in written[0]}


@pytest.mark.parametrize("count", [6, 7])
def test_conditional_roles_are_equal_in_both_formats(tmp_path: Path, count: int) -> None:
    """Roles with a condition each are split into statements where there are more than 64 combinations of them."""
    roles = ", ".join(f'var.C{number} ? "{_ARN}r{number}" : "{_ARN}s{number}-*"' for number in range(count))
    choices = [{"Fn::If": [f"C{number}", f"{_ARN}r{number}", f"{_ARN}s{number}-*"]} for number in range(count)]
    written = _facts(tmp_path / "terraform", "main.tf", _terraform(count, f"[{roles}]"))
    assert written == _facts(tmp_path / "cloudformation", "template.json", _template(count, choices))
    assert len({role for _, listed in written[1] for role, _ in listed}) == 2 * count
