"""Policies in the templates of CloudFormation stacks in a configuration or a plan.

Sources: Terraform documentation, ``aws_cloudformation_stack`` and ``aws_cloudformation_stack_set``; AWS CloudFormation
User Guide, "Working with AWS CloudFormation StackSets".
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from principals_of_tests import boundaries_of

from passrole_checks.scan.scanner import ScanOptions, ScanResult, scan_paths
from passrole_checks.sources import terraform_plan
from passrole_checks.sources.model.configuration import Configuration
from passrole_checks.sources.terraform import load

TRUST = '{Statement: [{Effect: Allow, Principal: {Service: ec2.amazonaws.com}, Action: "sts:AssumeRole"}]}'
PASS = "{Statement: [{Effect: Allow, Action: iam:PassRole, Resource: '*'}]}"
MANAGED = f"Resources:\n  P:\n    Type: AWS::IAM::ManagedPolicy\n    Properties:\n      PolicyDocument: {PASS}\n"


def stack(template: str, more: str = "", type_: str = "aws_cloudformation_stack") -> str:
    """A stack whose template is a heredoc, indented by four spaces."""
    body = "".join(f"    {line}\n" for line in template.splitlines())
    return f'resource "{type_}" "s" {{\n  name = "s"\n{more}  template_body = <<-EOT\n{body}  EOT\n}}\n'


def loaded(folder: Path, text: str) -> Configuration:
    (folder / "main.tf").write_text(text, encoding="utf-8")
    found = load(folder)
    assert not found.notes.unreadable
    return found


def scanned(folder: Path, **files: str) -> ScanResult:
    for name, text in files.items():
        (folder / name.replace("_", ".")).write_text(text, encoding="utf-8")
    return scan_paths([folder], ScanOptions())


def test_heredoc_statement_has_its_own_position(tmp_path: Path) -> None:
    """Each statement of a heredoc template has its own line and column in the Terraform file."""
    template = (
        "Resources:\n  P:\n    Type: AWS::IAM::ManagedPolicy\n    Properties:\n      PolicyDocument:\n"
        "        Statement:\n"
        "          - Effect: Allow\n            Action: iam:PassRole\n            Resource: '*'\n"
    )
    (one,) = scanned(tmp_path, main_tf=stack(template)).findings
    assert (one.at.line, one.at.column, one.at.end_line) == (10, 17, 12)
    assert one.statement_path == "template_body/Resources/P/Properties/PolicyDocument/Statement/0"


def test_encoded_statement_has_position_of_expression(tmp_path: Path) -> None:
    """Statements of a template from ``jsonencode`` have the positions of the expression."""
    text = (
        'resource "aws_cloudformation_stack" "s" {\n  template_body = jsonencode({\n    Resources = {\n      P = {\n'
        '        Type = "AWS::IAM::Role"\n        Properties = {\n          Policies = [\n            {\n'
        "              PolicyDocument = {\n                Statement = [\n"
        '                  { Effect = "Allow", Action = "iam:PassRole", Resource = "*" },\n'
        "                ]\n              }\n            },\n          ]\n        }\n      }\n    }\n  })\n}\n"
    )
    (one,) = scanned(tmp_path, main_tf=text).findings
    assert (one.check_id, one.at.line, one.at.column) == ("PASSROLE_001", 11, 19)


def test_stack_set_is_in_other_accounts(tmp_path: Path) -> None:
    """A literal account in its policies is no error, and its roles have no name in this account."""
    template = (
        MANAGED.replace("'*'", "'arn:aws:iam::444455556666:role/one'")
        + f"  R:\n    Type: AWS::IAM::Role\n    Properties: {{RoleName: n, AssumeRolePolicyDocument: {TRUST}}}\n"
    )
    provider = 'provider "aws" {\n  allowed_account_ids = ["111122223333"]\n}\n'
    checks = {
        type_: {one.check_id for one in scanned(tmp_path, main_tf=provider + stack(template, type_=type_)).findings}
        for type_ in ("aws_cloudformation_stack", "aws_cloudformation_stack_set")
    }
    assert checks["aws_cloudformation_stack"] - checks["aws_cloudformation_stack_set"] == {"PASSROLE_005"}
    found = loaded(tmp_path, stack(template, type_="aws_cloudformation_stack_set"))
    assert [role.name for role in found.roles] == [None]
    assert [str(role.name) for role in found.stack_roles] == ["n"]


def test_template_groups_and_boundaries(tmp_path: Path) -> None:
    """Groups with their users, and external permissions boundaries."""
    template = (
        "Resources:\n  U:\n    Type: AWS::IAM::User\n    Properties:\n      UserName: bob\n      Groups: [!Ref G]\n"
        "      PermissionsBoundary: arn:aws:iam::111122223333:policy/limit\n  G:\n    Type: AWS::IAM::Group\n"
    )
    found = loaded(tmp_path, stack(template))
    assert found.attached.members == (("aws_cloudformation_stack.s.G", "aws_cloudformation_stack.s.U"),)
    assert boundaries_of(found) == [("aws_cloudformation_stack.s.U", "?", ())]
    assert [(address, str(name)) for address, name in found.users] == [("aws_cloudformation_stack.s.U", "bob")]


def plan(after: dict[str, Any], before: dict[str, Any] | None) -> str:
    names = {
        "address": "aws_cloudformation_stack.s",
        "mode": "managed",
        "type": "aws_cloudformation_stack",
        "name": "s",
    }
    change = {
        "actions": ["create" if before is None else "update"], "before": before, "after": after, "after_unknown": {},
    }  # fmt: skip
    return json.dumps({
        "format_version": "1.2",
        "planned_values": {"root_module": {"resources": [{**names, "values": after}]}},
        "resource_changes": [{**names, "change": change}],
    })  # fmt: skip


def test_planned_stack_is_read(tmp_path: Path) -> None:
    """The template of a planned stack is read, and so is the previous one."""
    users = MANAGED + "      Users: [bob]\n"
    narrow = users.replace("'*'", "'arn:aws:iam::111122223333:role/one'")
    for before, new in ((None, True), (narrow, True), (users, False)):
        values = {"name": "s", "template_body": users}
        text = plan(values, None if before is None else {**values, "template_body": before})
        found = terraform_plan.load(tmp_path / "plan.json", text)
        assert [one.principals for one in found.policies] == [("bob",)]
        assert found.notes.not_evaluated == ()
        (tmp_path / "plan.json").write_text(text)
        checks = {one.check_id for one in scan_paths([tmp_path], ScanOptions()).findings}
        assert ("PASSROLE_015" in checks) is new
    unread = terraform_plan.load(tmp_path / "plan.json", plan({"template_url": "https://x/y"}, None))
    assert [one.reason.split(":")[0] for one in unread.notes.not_evaluated] == ["aws_cloudformation_stack.s"]
