"""Policies that only a name says to be permissions boundaries or service control policies: low, and never silent."""

from __future__ import annotations

import json
from pathlib import Path
from textwrap import dedent

import pytest

from passrole_checks.findings import Confidence, Finding, Severity
from passrole_checks.scan.scanner import ScanOptions, scan_paths

ANY = '{ Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = "*", Resource = "*" }] }'
DOCUMENT = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})
PRESUMED = (Severity.LOW, Confidence.LOW)


def _verdicts(folder: Path) -> dict[str, tuple[Severity, Confidence]]:
    return {one.resource.address: (one.severity, one.confidence) for one in _findings(folder)}


def _findings(folder: Path) -> tuple[Finding, ...]:
    result = scan_paths([folder], ScanOptions(checks=frozenset({"PASSROLE_001"})))
    assert result.unreadable == ()
    return tuple(result.findings)


def _terraform(folder: Path, text: str) -> dict[str, tuple[Severity, Confidence]]:
    (folder / "main.tf").write_text(dedent(text).replace("ANY", ANY), encoding="utf-8")
    return _verdicts(folder)


def _template(folder: Path, text: str) -> dict[str, tuple[Severity, Confidence]]:
    (folder / "template.yaml").write_text(dedent(text).replace("ANY", DOCUMENT), encoding="utf-8")
    return _verdicts(folder)


@pytest.mark.parametrize(
    ("label", "arguments", "is_presumed"),
    [
        ("developer_boundary", 'name = "developers"', True),
        ("developers", 'name = "DeveloperBoundary"', True),
        ("developers", 'description = "Permissions boundary for developers"', True),
        ("developers", 'path = "/boundaries/"', True),
        ("developers", 'description = "Allows to create roles with the boundary"', False),
        ("developers", 'name = "developers"', False),
    ],
)
def test_name_or_description_of_an_unattached_policy(
    tmp_path: Path, label: str, arguments: str, is_presumed: bool
) -> None:
    """A policy that is a boundary by its name or description, and attached nowhere, is low and stays visible."""
    (verdict,) = _terraform(
        tmp_path, f'resource "aws_iam_policy" "{label}" {{\n  {arguments}\n  policy = jsonencode(ANY)\n}}\n'
    ).values()
    assert verdict == (PRESUMED if is_presumed else (Severity.HIGH, Confidence.HIGH))


def test_boundary_by_the_name_of_its_document(tmp_path: Path) -> None:
    """A data source or a file with such a name presumes a boundary or an SCP as well."""
    (tmp_path / "permissions-boundary.json").write_text(DOCUMENT, encoding="utf-8")
    verdicts = _terraform(
        tmp_path,
        """
        data "aws_iam_policy_document" "boundary" {
          statement {
            actions   = ["*"]
            resources = ["*"]
          }
        }
        data "aws_iam_policy_document" "root_scp" {
          statement {
            actions   = ["*"]
            resources = ["*"]
          }
        }
        resource "aws_iam_policy" "a" {
          policy = data.aws_iam_policy_document.boundary.json
        }
        resource "aws_iam_policy" "b" {
          policy = file("${path.module}/permissions-boundary.json")
        }
        output "json" {
          value = data.aws_iam_policy_document.root_scp.json
        }
        """,
    )
    assert verdicts == dict.fromkeys(("aws_iam_policy.a", "aws_iam_policy.b", "output.json"), PRESUMED)


def test_boundary_by_the_name_of_an_output(tmp_path: Path) -> None:
    """An output named after a boundary presumes one for the policy that it exports."""
    verdicts = _terraform(
        tmp_path,
        """
        resource "aws_iam_policy" "limit" {
          policy = jsonencode(ANY)
        }
        output "permissions_boundary_arn" {
          value = aws_iam_policy.limit.arn
        }
        """,
    )
    assert verdicts == {"aws_iam_policy.limit": PRESUMED}


@pytest.mark.parametrize(
    "use",
    [
        'resource "aws_iam_user_policy_attachment" "a" {\n user = "bob"\n policy_arn = aws_iam_policy.boundary.arn\n}',
        'module "roles" {\n source = "example/roles/aws"\n policy_arns = [aws_iam_policy.boundary.arn]\n}',
        'resource "aws_iam_user_policy_attachment" "a" {\n user = "bob"\n policy_arn = var.arn\n}\nvariable "arn" {}',
    ],
)
def test_attached_policy_stays_high_whatever_its_name(tmp_path: Path, use: str) -> None:
    """A policy that is attached, or that may be, grants what it allows."""
    verdicts = _terraform(
        tmp_path,
        f'resource "aws_iam_policy" "boundary" {{\n  name = "boundary"\n  policy = jsonencode(ANY)\n}}\n{use}\n',
    )
    assert verdicts["aws_iam_policy.boundary"] == (Severity.HIGH, Confidence.HIGH)


def test_every_check_and_the_message(tmp_path: Path) -> None:
    """The other checks are lowered as well, and the message states why."""
    policy = (
        '{ Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = "iam:PassRole", Resource = '
        '"arn:aws:iam::*:role/app-*" }, { Effect = "Allow", Action = "lambda:*", Resource = "*" }] }'
    )
    (tmp_path / "main.tf").write_text(
        f'resource "aws_iam_policy" "b" {{\n  name = "ci-boundary"\n  policy = jsonencode({policy})\n}}\n',
        encoding="utf-8",
    )
    found = scan_paths([tmp_path], ScanOptions()).findings
    assert {one.check_id for one in found} == {"PASSROLE_002", "PASSROLE_008"}
    assert {(one.severity, one.confidence) for one in found} == {PRESUMED}
    assert all("attached nowhere" in one.message for one in found)


def test_modules_that_make_service_control_policies(tmp_path: Path) -> None:
    """Published modules that make SCPs grant nothing; a module that only a name presumes to is low."""
    verdicts = _terraform(
        tmp_path,
        """
        module "guardrails" {
          source = "cloudposse/service-control-policies/aws"
          service_control_policy_statements = [{ effect = "Allow", actions = ["*"], resources = ["*"] }]
        }
        module "git" {
          source = "git::https://github.com/cloudposse/terraform-aws-service-control-policies.git?ref=0.15.0"
          service_control_policy_statements = [{ effect = "Allow", actions = ["*"], resources = ["*"] }]
        }
        module "other" {
          source = "aws-ia/scp/aws"
          policy = jsonencode(ANY)
        }
        module "typed" {
          source = "example/policies/aws"
          type   = "SERVICE_CONTROL_POLICY"
          policy = jsonencode(ANY)
        }
        module "root_scp" {
          source = "example/policies/aws"
          policy = jsonencode(ANY)
        }
        module "internal" {
          source = "git::ssh://git@example.com/platform/policies.git//modules/scp?ref=v1"
          policy = jsonencode(ANY)
        }
        module "plain" {
          source = "example/policies/aws"
          policy = jsonencode(ANY)
        }
        """,
    )
    assert verdicts == {
        "module.root_scp": PRESUMED,
        "module.internal": PRESUMED,
        "module.plain": (Severity.HIGH, Confidence.MEDIUM),
    }


def test_modules_whose_policy_is_used_as_a_boundary(tmp_path: Path) -> None:
    """A policy module whose outputs are used as a permissions boundary only makes one; of another module it is
    presumed; a use as anything else may attach it."""
    verdicts = _terraform(
        tmp_path,
        """
        locals {
          boundary = module.known.arn
        }
        module "known" {
          source = "terraform-aws-modules/iam/aws//modules/iam-policy"
          policy = jsonencode(ANY)
        }
        module "unknown" {
          source = "example/policies/aws"
          policy = jsonencode(ANY)
        }
        module "developer_boundary" {
          source = "terraform-aws-modules/iam/aws//modules/iam-policy"
          name   = "developer-boundary"
          policy = jsonencode(ANY)
        }
        resource "aws_iam_role" "a" {
          assume_role_policy   = "{}"
          permissions_boundary = local.boundary
        }
        resource "aws_iam_role" "b" {
          assume_role_policy   = "{}"
          permissions_boundary = module.unknown.arn
        }
        resource "aws_iam_role_policy_attachment" "c" {
          role       = "c"
          policy_arn = module.developer_boundary.arn
        }
        """,
    )
    assert verdicts == {
        "module.unknown": PRESUMED,
        "module.developer_boundary": (Severity.HIGH, Confidence.MEDIUM),
    }


def test_template_names_descriptions_and_outputs(tmp_path: Path) -> None:
    """In a template a logical id, a description and the name of an export presume a boundary."""
    verdicts = _template(
        tmp_path,
        """
        Resources:
          DeveloperBoundary: {Type: AWS::IAM::ManagedPolicy, Properties: {PolicyDocument: ANY}}
          Described:
            Type: AWS::IAM::ManagedPolicy
            Properties: {Description: The permissions boundary of CI roles, PolicyDocument: ANY}
          Exported: {Type: AWS::IAM::ManagedPolicy, Properties: {PolicyDocument: ANY}}
          AttachedBoundary: {Type: AWS::IAM::ManagedPolicy, Properties: {PolicyDocument: ANY}}
          User: {Type: AWS::IAM::User, Properties: {ManagedPolicyArns: [!Ref AttachedBoundary]}}
        Outputs:
          Arn: {Value: !Ref Exported, Export: {Name: ci-permissions-boundary}}
        """,
    )
    assert verdicts.pop("AttachedBoundary") == (Severity.HIGH, Confidence.HIGH)
    assert verdicts == dict.fromkeys(("DeveloperBoundary", "Described", "Exported"), PRESUMED)


def test_custom_resources_of_organization_policies(tmp_path: Path) -> None:
    """A custom resource that states the type of an organization policy grants nothing (AWS Organizations,
    CreatePolicy); one with such a name is low."""
    verdicts = _template(
        tmp_path,
        """
        Resources:
          Typed: {Type: Custom::Policy, Properties: {PolicyType: SERVICE_CONTROL_POLICY, Content: ANY}}
          RootScp: {Type: Custom::Policy, Properties: {Content: ANY}}
          Plain: {Type: Custom::Policy, Properties: {Content: ANY}}
        """,
    )
    assert verdicts == {"RootScp": PRESUMED, "Plain": (Severity.HIGH, Confidence.MEDIUM)}


def test_plan_names(tmp_path: Path) -> None:
    """In a plan the name of an unattached policy presumes a boundary."""
    changes = [
        {"address": f"aws_iam_policy.{label}", "mode": "managed", "type": "aws_iam_policy", "name": label,
         "provider_name": "registry.terraform.io/hashicorp/aws",
         "change": {"actions": ["create"], "before": None, "after": {"name": name, "policy": DOCUMENT},
                    "after_unknown": {"arn": True, "id": True}}}
        for label, name in (("dev", "developer-boundary"), ("plain", "plain"))
    ]  # fmt: skip
    plan = {
        "format_version": "1.2",
        "terraform_version": "1.9.0",
        "planned_values": {"root_module": {}},
        "resource_changes": changes,
        "configuration": {"root_module": {}},
    }
    (tmp_path / "plan.json").write_text(json.dumps(plan), encoding="utf-8")
    assert _verdicts(tmp_path) == {
        "aws_iam_policy.dev": PRESUMED,
        "aws_iam_policy.plain": (Severity.HIGH, Confidence.HIGH),
    }


def test_bare_documents_in_a_folder_of_boundaries(tmp_path: Path) -> None:
    """The path of a bare document presumes a boundary."""
    for name in ("permission-boundaries/developer.json", "policies/developer.json"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text(DOCUMENT, encoding="utf-8")
    found = {Path(one.at.file).parent.name: (one.severity, one.confidence) for one in _findings(tmp_path)}
    assert found == {"permission-boundaries": PRESUMED, "policies": (Severity.HIGH, Confidence.MEDIUM)}


def test_resource_control_policy_limits_no_pass_role(tmp_path: Path) -> None:
    """RCPs do not apply to IAM (AWS Organizations User Guide, "Resource control policies (RCPs)"), SCPs do."""
    template = """
        Resources:
          Limit:
            Type: AWS::Organizations::Policy
            Properties:
              Name: limit
              Type: KIND
              TargetIds: ["111122223333"]
              Content: {Version: "2012-10-17", Statement: [{Effect: Deny, Action: "*", Resource: "*"}]}
          User: {Type: AWS::IAM::User, Properties: {Policies: [{PolicyName: x, PolicyDocument: ANY}]}}
        """
    options = ScanOptions(checks=frozenset({"PASSROLE_001"}), account="111122223333")
    for kind, count in (("SERVICE_CONTROL_POLICY", 0), ("RESOURCE_CONTROL_POLICY", 1)):
        _template(tmp_path, template.replace("KIND", kind))
        assert len(scan_paths([tmp_path], options).findings) == count
