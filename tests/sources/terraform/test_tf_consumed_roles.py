"""Roles that resources of a configuration receive, in every syntax.

Source: the argument references of the resource pages of the Terraform provider ``hashicorp/aws``.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from path_conditions_of_tests import outcome_of

from passrole_checks.iam.partial_values import Choice, StringNode
from passrole_checks.sources.model.configuration import Configuration
from passrole_checks.sources.terraform import load

ROLE = 'resource "aws_iam_role" "r" {\n  name               = "app"\n  assume_role_policy = "{}"\n}\n'


def loaded(root: Path, text: str) -> Configuration:
    (root / "main.tf").write_text(text, encoding="utf-8")
    found = load(root)
    assert not found.unreadable
    return found


def rows(found: Configuration) -> list[tuple[str, str, str, int]]:
    """Resource, attribute, value and line."""
    return [(one.resource.address, one.attribute, str(one.value), one.at.line) for one in found.received]


def roles(found: Configuration) -> list[str | None]:
    """The role of this configuration that each value is."""
    return [
        one.value.unresolved_parts[0].role
        for one in found.received
        if isinstance(one.value, StringNode) and one.value.unresolved_parts
    ]


@pytest.mark.parametrize("reference", ["aws_iam_role.r.arn", "aws_iam_role.r.name", "aws_iam_role.r.id", "local.role"])
def test_reference_is_resolved_to_role(tmp_path: Path, reference: str) -> None:
    """A direct or indirect reference to a role is that role, at the position of its use."""
    locals_ = "locals {\n  role = aws_iam_role.r.arn\n}\n"
    found = loaded(tmp_path, f'{ROLE}{locals_}resource "aws_lambda_function" "f" {{\n  role = {reference}\n}}\n')
    assert roles(found) == ["aws_iam_role.r"]
    assert [(one.at.line, one.attribute) for one in found.received] == [(9, "role")]


def test_each_instance_receives_its_own_role(tmp_path: Path) -> None:
    """With for_each, each instance receives the role of its key."""
    found = loaded(
        tmp_path,
        'resource "aws_iam_role" "r" {\n  for_each = toset(["a", "b"])\n  assume_role_policy = "{}"\n}\n'
        'resource "aws_lambda_function" "f" {\n  for_each = toset(["a", "b"])\n'
        "  role = aws_iam_role.r[each.key].arn\n}\n",
    )
    assert [one.resource.address for one in found.received] == [
        'aws_lambda_function.f["a"]',
        'aws_lambda_function.f["b"]',
    ]
    assert roles(found) == ['aws_iam_role.r["a"]', 'aws_iam_role.r["b"]']


def test_no_instance_receives_no_role(tmp_path: Path) -> None:
    """With a count of 0, no role is received."""
    assert loaded(tmp_path, 'resource "aws_lambda_function" "f" {\n  count = 0\n  role = "x"\n}\n').received == ()


def test_nested_and_dynamic_blocks_are_read(tmp_path: Path) -> None:
    """A role in a nested block is at its own line, also in a ``dynamic`` block."""
    found = loaded(
        tmp_path,
        """
resource "aws_codepipeline" "p" {
  role_arn = "arn:aws:iam::111122223333:role/p"

  stage {
    action {
      role_arn = "arn:aws:iam::111122223333:role/a"
    }
  }

  dynamic "stage" {
    for_each = ["x", "y"]
    content {
      action {
        role_arn = "arn:aws:iam::111122223333:role/${stage.value}"
      }
    }
  }
}
""",
    )
    assert [row[1:] for row in rows(found)] == [
        ("role_arn", "arn:aws:iam::111122223333:role/p", 3),
        ("stage/0/action/0/role_arn", "arn:aws:iam::111122223333:role/a", 7),
        ("stage/1/action/0/role_arn", "arn:aws:iam::111122223333:role/x", 15),
        ("stage/2/action/0/role_arn", "arn:aws:iam::111122223333:role/y", 15),
    ]


def test_conditional_resource_receives_role_conditionally(tmp_path: Path) -> None:
    """The condition of a count is the condition of the received role."""
    found = loaded(
        tmp_path,
        'variable "on" {\n  type = bool\n}\nresource "aws_lambda_function" "f" {\n  count = var.on ? 1 : 0\n'
        '  role = "arn:aws:iam::111122223333:role/f"\n}\n',
    )
    (one,) = found.received
    assert isinstance(one.value, Choice)
    assert [(outcome_of(outcome), type(option).__name__) for outcome, option in one.value.options] == [
        ("true", "StringNode"),
        ("false", "Absent"),
    ]


def test_null_is_no_role(tmp_path: Path) -> None:
    """A null or missing attribute receives nothing."""
    assert loaded(tmp_path, 'resource "aws_ecs_task_definition" "t" {\n  task_role_arn = null\n}\n').received == ()


def test_role_passes_through_module(tmp_path: Path) -> None:
    """A role in an argument or an output of a module is resolved to its resource."""
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "main.tf").write_text(
        ROLE.replace('"r"', '"own"')
        + 'variable "role" {}\nresource "aws_lambda_function" "f" {\n  role = var.role\n}\n'
        + 'output "arn" {\n  value = aws_iam_role.own.arn\n}\n',
        encoding="utf-8",
    )
    found = loaded(
        tmp_path,
        ROLE
        + 'module "inner" {\n  source = "./inner"\n  role = aws_iam_role.r.arn\n}\n'
        + 'resource "aws_lambda_function" "g" {\n  role = module.inner.arn\n}\n',
    )
    assert {one.resource.address for one in found.received} == {
        "module.inner.aws_lambda_function.f",
        "aws_lambda_function.g",
    }
    assert set(roles(found)) == {"aws_iam_role.r", "module.inner.aws_iam_role.own"}


def test_instance_profile_has_name_and_role(tmp_path: Path) -> None:
    """An instance profile has its name and its role."""
    found = loaded(
        tmp_path,
        ROLE + 'resource "aws_iam_instance_profile" "p" {\n  name = "hosts"\n  role = aws_iam_role.r.name\n}\n',
    )
    (profile,) = found.instance_profiles
    assert isinstance(profile.role, StringNode)
    assert (profile.address, str(profile.name), profile.role.unresolved_parts[0].role) == (
        "aws_iam_instance_profile.p",
        "hosts",
        "aws_iam_role.r",
    )


def test_single_file_reports_its_own_resources_only(tmp_path: Path) -> None:
    """If one file is scanned, roles that resources of other files receive are omitted."""
    (tmp_path / "other.tf").write_text('resource "aws_lambda_function" "o" {\n  role = "o"\n}\n', encoding="utf-8")
    (tmp_path / "main.tf").write_text('resource "aws_lambda_function" "m" {\n  role = "m"\n}\n', encoding="utf-8")
    assert [one.resource.address for one in load(tmp_path, only=tmp_path / "main.tf").received] == [
        "aws_lambda_function.m"
    ]


@pytest.mark.parametrize(
    ("resource", "expected"),
    [
        (
            """resource "aws_batch_job_definition" "j" {
  container_properties = jsonencode({
    image      = "x"
    jobRoleArn = aws_iam_role.r.arn
  })
}
""",
            [("container_properties/jobRoleArn", 8)],
        ),
        (
            """resource "aws_elastic_beanstalk_environment" "e" {
  setting {
    namespace = "aws:elasticbeanstalk:environment"
    name      = "ServiceRole"
    value     = aws_iam_role.r.name
  }
  setting {
    namespace = "aws:elasticbeanstalk:environment"
    name      = "EnvironmentType"
    value     = "SingleInstance"
  }
}
""",
            [("setting/0/value", 9)],
        ),
        (
            """resource "aws_api_gateway_rest_api" "a" {
  body = <<-EOT
    paths:
      /:
        get:
          x-amazon-apigateway-integration:
            credentials: ${aws_iam_role.r.arn}
  EOT
}
""",
            [("body/paths///get/x-amazon-apigateway-integration/credentials", 11)],
        ),
        (
            """resource "aws_eks_access_entry" "e" {
  type          = "EC2_LINUX"
  principal_arn = aws_iam_role.r.arn
}
""",
            [("principal_arn", 7)],
        ),
        ('resource "aws_eks_access_entry" "e" {\n  principal_arn = aws_iam_role.r.arn\n}\n', []),
        (
            """resource "aws_cloudcontrolapi_resource" "c" {
  type_name     = "AWS::Lambda::Function"
  desired_state = jsonencode({ Role = aws_iam_role.r.arn })
}
""",
            [("desired_state/Role", 7)],
        ),
    ],
)
def test_roles_in_nested_values_are_found(tmp_path: Path, resource: str, expected: list[tuple[str, int]]) -> None:
    """Roles in JSON, YAML, settings and the state of another type are found."""
    found = loaded(tmp_path, ROLE + resource)
    assert [(one.attribute, one.at.line) for one in found.received] == expected
    assert roles(found) == ["aws_iam_role.r"] * len(expected)
