"""PassRole permissions for a deployment: minimal statements, clean and sufficient by our own engine.

Source: IAM User Guide, "Grant a user permissions to pass a role to an AWS service".
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from passrole_checks.cli import main
from passrole_checks.findings import Severity
from passrole_checks.iam.documents.policy import parse_document
from passrole_checks.iam.grants.grant import PassRoleGrant
from passrole_checks.iam.grants.subtract_denials import grants_of
from passrole_checks.iam.roles.arn import matches
from passrole_checks.iam.values.nodes import Position, StringNode, Ternary, text
from passrole_checks.output.required import required_json
from passrole_checks.output.required_policy import statements_json, to_hcl, to_yaml
from passrole_checks.required.required_grants import Required, compute_required
from passrole_checks.scan.scanner import ScanOptions, read_paths, scan_paths

AT = Position("policy.json", 1)
SAMPLES = Path(__file__).resolve().parents[2] / "sample_templates" / "required"


def required(folder: Path, account: str | None = "111122223333") -> Required:
    read = read_paths([folder], ScanOptions())
    assert read.unreadable == ()
    return compute_required([configuration for _, configuration in read.units], account)


def of(tmp_path: Path, content: str, name: str = "main.tf", account: str | None = "111122223333") -> Required:
    (tmp_path / name).write_text(content, encoding="utf-8")
    return required(tmp_path, account)


def passes(found: Required) -> dict[str, list[str]]:
    """The resources of each PassRole statement by its services."""
    return {
        str(one["Condition"]["StringEquals"]["iam:PassedToService"]): one["Resource"]
        for one in statements_json(found)
        if one["Action"] == "iam:PassRole"
    }


def grants(document: str) -> tuple[PassRoleGrant, ...]:
    services = {"aws": frozenset({"ec2.amazonaws.com", "lambda.amazonaws.com"})}
    return tuple(grants_of(parse_document(text(document, AT)).statements, services, "111122223333"))


FUNCTION = """
resource "aws_iam_role" "app" {
  name               = "app"
  assume_role_policy = "{}"
}

resource "aws_lambda_function" "app" {
  function_name = "app"
  role          = aws_iam_role.app.arn
}
"""


# statements


def test_without_an_account_its_place_is_named(tmp_path: Path) -> None:
    """Neither the account nor the partition is ever a wildcard: what is not known is a placeholder, told in a note."""
    found = of(tmp_path, FUNCTION, account=None)
    assert passes(found) == {"lambda.amazonaws.com": ["arn:aws:iam::${AWS::AccountId}:role/app"]}
    assert json.loads(required_json(found, (), ()))["notes"] == [
        "${AWS::AccountId}: account ID that is deployed to (fill in with --account ID)",
        "arn:aws: partition assumed, since no ARN in the code shows it",
    ]


@pytest.mark.parametrize(
    ("name", "content", "resource"),
    [
        ("main.tf", FUNCTION, "arn:aws:iam::${data.aws_caller_identity.current.account_id}:role/app"),
        (
            "main.tf",
            'variable "role_arn" {}\nresource "aws_lambda_function" "f" {\n  role = var.role_arn\n}\n',
            "${var.role_arn}",
        ),
        (
            "t.yaml",
            "Resources: {F: {Type: AWS::Lambda::Function, Properties: {Role: 'arn:aws:iam::111122223333:role/app'}}}",
            "arn:aws:iam::111122223333:role/app",
        ),
        (
            "t.yaml",
            "Resources: {F: {Type: AWS::Lambda::Function, Properties: {"
            'Role: !Sub "arn:aws:iam::${AWS::AccountId}:role/app"}}}',
            "arn:aws:iam::${AWS::AccountId}:role/app",
        ),
        (
            "t.yaml",
            "Parameters: {RoleArn: {Type: String}}\n"
            "Resources: {F: {Type: AWS::Lambda::Function, Properties: {Role: !Ref RoleArn}}}",
            "${RoleArn}",
        ),
    ],
)
def test_text_has_the_placeholders_of_the_language(
    name: str, content: str, resource: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Statements are pasted beside the code: those for Terraform have Terraform expressions."""
    (tmp_path / name).write_text(content, encoding="utf-8")
    assert main(["required", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    assert f'"{resource}"' in printed
    assert ("AWS::" in printed) == ("AWS::" in resource)


# which role


# templates


# output


def test_json_follows_the_contract(tmp_path: Path) -> None:
    """An entry says where a resource receives which role for which service, and how sure that is."""
    found = of(tmp_path, FUNCTION)
    document = json.loads(required_json(found, (), ()))
    entry = document["required"][0]
    lists = ["required", "statements", "policies", "notes", "unreadable", "faults", "not_evaluated", "excluded"]
    assert list(document) == ["version", *lists]
    assert document["version"] == 1
    assert entry.pop("file").endswith("main.tf")
    assert entry.pop("confidence") in ("high", "medium")
    assert entry == {
        "line": 9,
        "framework": "terraform",
        "resource": "aws_lambda_function.app",
        "type": "aws_lambda_function",
        "attribute": "role",
        "role": "aws_iam_role.app",
        "arn": "arn:${AWS::Partition}:iam::${AWS::AccountId}:role/app",
        "instance_profile": None,
        "services": ["lambda.amazonaws.com"],
        "passed": True,
        "how": "passed",
        "when": None,
    }


def test_command_exits_with_2_for_unreadable_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An unreadable file is reported, and the rest is still listed; no files at all is exit status 2 as well."""
    assert main(["required", str(tmp_path)]) == 2
    assert main(["required", str(tmp_path), "--allow-empty"]) == 0
    (tmp_path / "main.tf").write_text(FUNCTION, encoding="utf-8")
    (tmp_path / "broken.json").write_text('{"Resources": {"A": {"Type": "AWS::IAM::Role",}', encoding="utf-8")
    capsys.readouterr()
    assert main(["required", str(tmp_path)]) == 2
    printed = capsys.readouterr()
    assert "aws_lambda_function.app role" in printed.out
    assert "broken.json:1: " in printed.err
    malformed = 'resource "aws_iam_policy" "p" {\n  policy = jsonencode({ Statement = [{ Effect = "Maybe" }] })\n}\n'
    (tmp_path / "broken.json").write_text("{}", encoding="utf-8")
    (tmp_path / "policy.tf").write_text(malformed, encoding="utf-8")
    assert main(["required", str(tmp_path)]) == 2
    assert "policy.tf:2: aws_iam_policy.p: Effect is 'Maybe'; it must be Allow or Deny" in capsys.readouterr().err


# by our own engine


@pytest.mark.parametrize("sample", ["terraform", "plan", "cloudformation", "sam", "cdk"])
@pytest.mark.parametrize("form", ["main.tf", "policy.yaml"])
def test_the_statements_are_clean(tmp_path: Path, sample: str, form: str) -> None:
    """Our own checks find nothing in the statements, as HCL and as YAML, but a role that is wholly to be filled in."""
    found = required(SAMPLES / sample)
    if form == "main.tf":
        user = 'resource "aws_iam_policy" "p" {\n  policy = data.aws_iam_policy_document.pass_roles.json\n}\n'
        (tmp_path / form).write_text(to_hcl(found) + user, encoding="utf-8")
    else:
        (tmp_path / form).write_text(to_yaml(found), encoding="utf-8")
    result = scan_paths([tmp_path], ScanOptions(account="111122223333", minimum_severity=Severity.INFO))
    assert result.unreadable == ()
    assert len(result.grants) == sum(one.action == "iam:PassRole" for one in found.statements)
    unknown = any(len(pattern) == 1 and not isinstance(pattern[0], str) for pattern in _patterns(found))
    assert {finding.check_id for finding in result.findings} == ({"PASSROLE_014"} if unknown else set())


def _patterns(found: Required) -> list[tuple[Any, ...]]:
    return [pattern for one in found.statements for pattern in one.resources]


@pytest.mark.parametrize("sample", ["terraform", "plan", "cloudformation", "sam", "cdk"])
def test_the_statements_are_sufficient(sample: str) -> None:
    """Each role that is passed is let through to each of its services, whatever the generated part of its name is."""
    found = required(SAMPLES / sample)
    document = json.dumps({"Version": "2012-10-17", "Statement": statements_json(found)})
    document = re.sub(r"\$\{(\w+)\}", r"filled-in-\1", document)
    allowed = [
        ([role.pattern for role in grant.roles], grant.services.values)
        for grant in grants(document)
        if grant.effect == "Allow"
    ]
    passed = [one for one in found.received if one.how == "passed"]
    assert passed
    for one in passed:
        for service in one.services:
            arn = _concrete(one.arn)
            assert any(
                service in services and any(matches(pattern, arn) is Ternary.YES for pattern in patterns)
                for patterns, services in allowed
            ), (arn, service)


def _concrete(arn: StringNode | None) -> str:
    """Return the ARN with each unresolved value replaced by a concrete one, as the test fills in the blanks."""
    assert arn is not None
    values = {
        "AWS::AccountId": "111122223333", "account id": "111122223333", "the account id": "111122223333",
        "AWS::Partition": "aws", "partition": "aws", "generated": "ABC123", "AWS::StackName": "filled-in-StackName",
        "var.delivery_role_arn": "filled-in-DeliveryRoleArn", "PipelineRoleArn": "filled-in-PipelineRoleArn",
        "Stage": "filled-in-Stage", "data.aws_iam_role.execution.path": "filled-in-IamRoleExecutionPath",
    }  # fmt: skip
    return "".join(part if isinstance(part, str) else values[part.expression] for part in arn.parts)
