"""Stacks and products that Terraform or CloudFormation deploys, assignments of QuickSight, groups elsewhere."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from passrole_checks.sources import cloudformation, terraform, terraform_plan
from passrole_checks.sources.model.configuration import Configuration

ADMIN = "arn:aws:iam::aws:policy/AdministratorAccess"
TEMPLATE: dict[str, Any] = {
    "Parameters": {"Role": {"Type": "String"}},
    "Resources": {
        "P": {
            "Type": "AWS::IAM::ManagedPolicy",
            "Properties": {
                "PolicyDocument": {
                    "Version": "2012-10-17",
                    "Statement": [{"Effect": "Allow", "Action": "iam:PassRole", "Resource": {"Ref": "Role"}}],
                }
            },
        }
    },
}


def of_terraform(folder: Path, resources: dict[str, dict[str, Any]]) -> Configuration:
    (folder / "main.tf.json").write_text(json.dumps({"resource": resources}), encoding="utf-8")
    return terraform.load(folder)


def of_plan(folder: Path, resources: dict[str, dict[str, Any]], actions: str = "create") -> Configuration:
    changes = [
        {
            "address": f"{kind}.{name}",
            "mode": "managed",
            "type": kind,
            "name": name,
            "change": {"actions": [actions], "before": None, "after": values, "after_unknown": {}},
        }
        for kind, named in resources.items()
        for name, values in named.items()
    ]
    content = json.dumps({"format_version": "1.2", "terraform_version": "1.9.0", "resource_changes": changes})
    return terraform_plan.load(folder / "plan.json", content)


BOTH = pytest.mark.parametrize("read", [of_terraform, of_plan])


@BOTH
@pytest.mark.parametrize(
    ("kind", "arguments"),
    [
        ("awscc_cloudformation_stack", {"stack_name": "s", "parameters": {"Role": "*"}}),
        (
            "awscc_cloudformation_stack_set",
            {"stack_set_name": "s", "parameters": [{"parameter_key": "Role", "parameter_value": "*"}]},
        ),
    ],
)
def test_template_of_cloud_control_stack_is_read_with_its_parameters(
    tmp_path: Path, read: Any, kind: str, arguments: dict[str, Any]
) -> None:
    """The template of a stack of the provider awscc is read with the parameters of the stack."""
    body = json.dumps(TEMPLATE)
    found = read(tmp_path, {kind: {"s": {**arguments, "template_body": body}}})
    (policy,) = found.policies
    assert policy.resource.address == f"{kind}.s"
    statement = policy.document.get("Statement").items[0]
    assert str(statement.get("Resource")) == "*"
    assert not found.notes.not_evaluated


@BOTH
@pytest.mark.parametrize(
    "kind",
    [
        "awscc_cloudformation_stack",
        "aws_serverlessapplicationrepository_cloudformation_stack",
        "aws_servicecatalog_product",
        "aws_servicecatalog_provisioned_product",
        "aws_servicecatalog_provisioning_artifact",
        "awscc_servicecatalog_cloudformation_product",
        "awscc_servicecatalog_cloudformation_provisioned_product",
    ],
)
def test_template_elsewhere_is_noted(tmp_path: Path, read: Any, kind: str) -> None:
    """A stack or product whose template is stored elsewhere is a note."""
    (note,) = read(tmp_path, {kind: {"x": {"name": "x"}}}).notes.not_evaluated
    assert f"{kind}.x" in note.reason and note.line


@pytest.mark.parametrize("kind", ["CloudFormationProduct", "CloudFormationProvisionedProduct"])
def test_product_in_a_template_is_noted(tmp_path: Path, kind: str) -> None:
    """A product of the Service Catalog in a template is a note."""
    content = f"Resources:\n  X:\n    Type: AWS::ServiceCatalog::{kind}\n    Properties: {{Name: x}}\n"
    (note,) = cloudformation.load(tmp_path / "t.yaml", content).notes.not_evaluated
    assert note.reason.startswith("X: ") and note.line == 4


@BOTH
@pytest.mark.parametrize(("status", "attached"), [("ENABLED", True), ("DISABLED", False), ("DRAFT", False)])
def test_assignment_of_quicksight_attaches_its_policy(tmp_path: Path, read: Any, status: str, attached: bool) -> None:
    """An enabled policy assignment of QuickSight attaches an AWS managed policy or one of the configuration."""
    own = json.dumps(TEMPLATE["Resources"]["P"]["Properties"]["PolicyDocument"])
    arn = "arn:aws:iam::111122223333:policy/own"
    assignment = {"assignment_name": "a", "assignment_status": status}
    found = read(
        tmp_path,
        {
            "aws_quicksight_iam_policy_assignment": {
                "a": {**assignment, "policy_arn": ADMIN},
                "b": {**assignment, "policy_arn": arn},
            },
            "aws_iam_policy": {"own": {"name": "own", "policy": own}},
        },
    )
    assert [str(one.policy) for one in found.attached.managed_policies] == ([ADMIN] if attached else [])
    (policy,) = found.policies
    assert policy.principals == (("aws_quicksight_iam_policy_assignment.b",) if attached else ())


MEMBERSHIPS: dict[str, dict[str, Any]] = {
    "aws_iam_user": {"ana": {"name": "ana"}},
    "aws_iam_group": {"known": {"name": "known"}},
    "aws_iam_user_group_membership": {"m": {"user": "ana", "groups": ["admins", "known"]}},
    "aws_iam_group_membership": {"n": {"name": "n", "group": "ops", "users": ["a", "b", "c", "d"]}},
}


@BOTH
def test_group_that_is_not_defined_is_noted(tmp_path: Path, read: Any) -> None:
    """A group that users join and that the configuration does not define is a note; one that it defines is none."""
    notes = read(tmp_path, MEMBERSHIPS).notes.not_evaluated
    assert ["admins" in notes[0].reason, "ops" in notes[1].reason, len(notes)] == [True, True, 2]
    assert "aws_iam_user.ana" in notes[0].reason and "and 1 more" in notes[1].reason


def test_unchanged_membership_is_not_noted(tmp_path: Path) -> None:
    """A membership that a plan leaves unchanged is no note."""
    assert not of_plan(tmp_path, MEMBERSHIPS, "no-op").notes.not_evaluated


def test_group_of_a_template_that_is_not_defined_is_noted(tmp_path: Path) -> None:
    """Users in a template that join other groups are noted, those of stack sets and stacks in Terraform too."""
    template = {
        "Resources": {
            "G": {"Type": "AWS::IAM::Group"},
            "U": {"Type": "AWS::IAM::User", "Properties": {"Groups": [{"Ref": "G"}, "admins"]}},
            "A": {"Type": "AWS::IAM::UserToGroupAddition", "Properties": {"GroupName": "ops", "Users": ["joe"]}},
        }
    }
    body = json.dumps(template)
    own = cloudformation.load(tmp_path / "t.json", body).notes.not_evaluated
    stacks = [
        of_terraform(
            tmp_path, {kind: {"s": {"template_body": body, "name": "s", "stack_set_name": "s"}}}
        ).notes.not_evaluated
        for kind in ("aws_cloudformation_stack", "awscc_cloudformation_stack_set")
    ]
    for notes in (own, *stacks):
        assert [name in note.reason for note, name in zip(notes, ("admins", "ops"), strict=True)] == [True, True]
