"""Principals: who holds what, in Terraform and in templates, and what is known of it.

Sources: Terraform Registry, provider ``hashicorp/aws``; AWS CloudFormation Template Reference; AWS SAM Developer Guide;
IAM User Guide, "Permissions boundaries for IAM entities"; AWS Organizations User Guide, "SCP evaluation".
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from principals_of_tests import boundaries_of

from passrole_checks.access.principals import Principals
from passrole_checks.iam.permissions.principal import PrincipalKind
from passrole_checks.sources import cloudformation, terraform
from passrole_checks.sources.model.configuration import Configuration

PASS = '{"Effect": "Allow", "Action": "iam:PassRole", "Resource": "*"}'
ROLE = 'resource "aws_iam_role" "r" {\n  name = "worker"\n  assume_role_policy = "{}"\n}\n'


def document(*statements: str) -> str:
    return f'{{"Version": "2012-10-17", "Statement": [{", ".join(statements)}]}}'


def read_terraform(folder: Path, code: str) -> Configuration:
    (folder / "main.tf").write_text(code)
    return terraform.load(folder)


def read_template(body: str) -> Configuration:
    return cloudformation.load(Path("t.yaml"), body)


def attached(configuration: Configuration) -> list[tuple[str, str, str]]:
    """Return principal, policy and path of each attachment of a policy outside of the configuration."""
    return [(one.holder, str(one.policy), one.path) for one in configuration.attached.managed_policies]


S3 = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
TERRAFORM_ATTACHMENTS = [
    (f'{ROLE}resource "aws_iam_role_policy_attachment" "a" {{\n  role = aws_iam_role.r.name\n  policy_arn = "{S3}"\n}}',
     [("aws_iam_role.r", S3, "policy_arn")]),
    (f'{ROLE}resource "aws_iam_role_policy_attachment" "a" {{\n  role = "worker"\n  policy_arn = "{S3}"\n}}',
     [("aws_iam_role.r", S3, "policy_arn")]),
    (f'resource "aws_iam_user_policy_attachment" "a" {{\n  user = "uma"\n  policy_arn = "{S3}"\n}}',
     [("uma", S3, "policy_arn")]),
    (f'resource "aws_iam_policy_attachment" "a" {{\n  users = ["uma"]\n  groups = ["devs"]\n  policy_arn = "{S3}"\n}}',
     [("uma", S3, "policy_arn"), ("devs", S3, "policy_arn")]),
    (f'resource "aws_iam_group_policy_attachments_exclusive" "a" {{\n  group_name = "devs"\n'
     f'  policy_arns = ["{S3}"]\n}}',
     [("devs", S3, "policy_arns")]),
    (ROLE.replace('"{}"', f'"{{}}"\n  managed_policy_arns = ["{S3}"]'),
     [("aws_iam_role.r", S3, "managed_policy_arns")]),
    (f'resource "awscc_iam_user" "u" {{\n  managed_policy_arns = ["{S3}"]\n}}',
     [("awscc_iam_user.u", S3, "managed_policy_arns")]),
    ('resource "aws_ssoadmin_permission_set" "p" {\n  name = "p"\n}\n'
     'resource "aws_ssoadmin_managed_policy_attachment" "a" {\n'
     f'  permission_set_arn = aws_ssoadmin_permission_set.p.arn\n  managed_policy_arn = "{S3}"\n}}',
     [("aws_ssoadmin_permission_set.p", S3, "managed_policy_arn")]),
    (f'{ROLE}resource "aws_iam_role_policy_attachment" "a" {{\n  for_each = toset(["A", "B"])\n'
     '  role = aws_iam_role.r.name\n  policy_arn = "arn:aws:iam::aws:policy/${each.key}"\n}',
     [("aws_iam_role.r", "arn:aws:iam::aws:policy/A", "policy_arn"),
      ("aws_iam_role.r", "arn:aws:iam::aws:policy/B", "policy_arn")]),
    (f'{ROLE}variable "arns" {{ type = list(string) }}\nresource "aws_iam_role_policy_attachment" "a" {{\n'
     '  count = 0\n  role = aws_iam_role.r.name\n  policy_arn = "x"\n}', []),
    ('data "aws_iam_policy" "d" {\n  arn = "' + S3 + '"\n}\nresource "aws_iam_user_policy_attachment" "a" {\n'
     '  user = "uma"\n  policy_arn = data.aws_iam_policy.d.arn\n}', [("uma", S3, "policy_arn")]),
]  # fmt: skip


@pytest.mark.parametrize(("code", "expected"), TERRAFORM_ATTACHMENTS)
def test_attachments_of_terraform(tmp_path: Path, code: str, expected: list[Any]) -> None:
    """Every kind of attachment tells who gets a managed policy that does not stand in the configuration."""
    assert attached(read_terraform(tmp_path, code)) == expected


def test_unattached_policy_is_its_own_principal(tmp_path: Path) -> None:
    """A policy without attachments is its own principal."""
    code = f'resource "aws_iam_policy" "p" {{\n  policy = jsonencode({document(PASS)})\n}}'
    configuration = read_terraform(tmp_path, code)
    (found,) = Principals(configuration, None).of(configuration.policies[0])
    assert (found.name, found.kind) == ("aws_iam_policy.p", PrincipalKind.POLICY)


def test_a_change_set(tmp_path: Path) -> None:
    """A change set tells attachments and boundaries as they will be, and both as they were."""
    from passrole_checks.sources import change_set

    after = {"Properties": {"AssumeRolePolicyDocument": {}, "ManagedPolicyArns": [S3], "RoleName": "worker"}}
    change = {"Action": "Add", "LogicalResourceId": "R", "ResourceType": "AWS::IAM::Role",
              "AfterContext": json.dumps(after)}  # fmt: skip
    content = {"ChangeSetName": "c", "StackName": "s", "Changes": [{"Type": "Resource", "ResourceChange": change}]}
    configuration = change_set.load(tmp_path / "c.json", json.dumps(content))
    assert attached(configuration) == [("R", S3, "ManagedPolicyArns/0")]


def test_statements_of_managed_policies_are_read_once() -> None:
    """Two roles with the same AWS managed policy share its statements, and only those that contain PassRole are
    evaluated."""
    roles = "".join(
        f"  R{number}:\n    Type: AWS::IAM::Role\n    Properties: {{AssumeRolePolicyDocument: {{}}, "
        f"ManagedPolicyArns: [{S3}]}}\n"
        for number in range(2)
    )
    principals = Principals(read_template(f"Resources:\n{roles}"), None)
    first, second = principals.role("R0"), principals.role("R1")
    assert first is not None and second is not None and not principals.managed
    assert first.permissions.statements[0] is second.permissions.statements[0]


def plan(values: dict[str, Any], *types: tuple[str, str, dict[str, Any]]) -> str:
    """A plan that creates resources: type, name, values."""
    changes = [
        {"address": f"{kind}.{name}", "mode": "managed", "type": kind, "name": name,
         "provider_name": "registry.terraform.io/hashicorp/aws",
         "change": {"actions": ["create"], "before": None, "after": after, "after_unknown": {}}}
        for kind, name, after in types
    ]  # fmt: skip
    return json.dumps({"format_version": "1.2", "terraform_version": "1.9.0", "resource_changes": changes, **values})


def test_attachments_of_a_plan(tmp_path: Path) -> None:
    """A plan tells attachments, groups and boundaries by the values that it knows."""
    from passrole_checks.sources import terraform_plan

    content = plan(
        {},
        ("aws_iam_role", "r", {"name": "worker", "assume_role_policy": "{}",
                               "permissions_boundary": "arn:aws:iam::aws:policy/PowerUserAccess"}),
        ("aws_iam_role_policy_attachment", "a", {"role": "worker", "policy_arn": S3}),
        ("aws_iam_user_group_membership", "m", {"user": "uma", "groups": ["devs"]}),
        ("aws_iam_group_policy_attachment", "g",
         {"group": "devs", "policy_arn": "arn:aws:iam::aws:policy/AdministratorAccess"}),
    )  # fmt: skip
    configuration = terraform_plan.load(tmp_path / "plan.json", content)
    assert attached(configuration) == [
        ("aws_iam_role.r", S3, "policy_arn"),
        ("devs", "arn:aws:iam::aws:policy/AdministratorAccess", "policy_arn"),
    ]
    assert configuration.attached.members == (("devs", "uma"),)
    assert [principal for principal, _, _ in boundaries_of(configuration)] == ["aws_iam_role.r"]
    principals = Principals(configuration, None)
    assert [(one.managed, one.principals) for one in principals.managed] == [("AdministratorAccess", ("devs",))]
    role, uma = principals.role("aws_iam_role.r"), principals.named("uma")
    assert role is not None and role.permissions.allows("s3:GetObject") is not None
    assert uma.permissions.is_administrator_when(()) and uma.kind is PrincipalKind.USER
