"""Which resources of a configuration receive which role, in every way to write it.

Source: the argument references of the resource pages of the Terraform provider ``hashicorp/aws``.
"""

from __future__ import annotations

from pathlib import Path

import pytest

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
    """Of each value the role of this configuration that it is."""
    return [one.value.holes[0].role for one in found.received if isinstance(one.value, StringNode) and one.value.holes]


@pytest.mark.parametrize("reference", ["aws_iam_role.r.arn", "aws_iam_role.r.name", "aws_iam_role.r.id", "local.role"])
def test_a_reference_says_which_role_it_is(tmp_path: Path, reference: str) -> None:
    """An attribute of a role, directly or through a local, is that role; the place is where it is used."""
    locals_ = "locals {\n  role = aws_iam_role.r.arn\n}\n"
    found = loaded(tmp_path, f'{ROLE}{locals_}resource "aws_lambda_function" "f" {{\n  role = {reference}\n}}\n')
    assert roles(found) == ["aws_iam_role.r"]
    assert [(one.at.line, one.attribute) for one in found.received] == [(9, "role")]


def test_each_instance_receives_its_own(tmp_path: Path) -> None:
    """With for_each each instance is given the role under its own key."""
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


def test_none_of_no_instances_receives_anything(tmp_path: Path) -> None:
    """A count of 0 leaves nothing that could receive a role."""
    assert loaded(tmp_path, 'resource "aws_lambda_function" "f" {\n  count = 0\n  role = "x"\n}\n').received == ()


def test_nested_and_dynamic_blocks_are_read(tmp_path: Path) -> None:
    """A role in a nested block stands on its own line, also where ``dynamic`` makes the blocks."""
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


def test_a_resource_that_may_not_exist_receives_its_role_under_that_condition(tmp_path: Path) -> None:
    """What decides on the count decides on what is received."""
    found = loaded(
        tmp_path,
        'variable "on" {\n  type = bool\n}\nresource "aws_lambda_function" "f" {\n  count = var.on ? 1 : 0\n'
        '  role = "arn:aws:iam::111122223333:role/f"\n}\n',
    )
    (one,) = found.received
    assert isinstance(one.value, Choice)
    assert [(outcome, type(option).__name__) for outcome, option in one.value.options] == [
        ("true", "StringNode"),
        ("false", "Absent"),
    ]


def test_null_is_no_role(tmp_path: Path) -> None:
    """An attribute that is null, or left out, receives nothing."""
    assert loaded(tmp_path, 'resource "aws_ecs_task_definition" "t" {\n  task_role_arn = null\n}\n').received == ()


def test_a_module_passes_roles_in_and_out(tmp_path: Path) -> None:
    """A role that a module is given, and one that it gives out, is the role that it was where it was made."""
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


def test_an_instance_profile_is_known_with_its_role(tmp_path: Path) -> None:
    """A profile says what it is called and which role is in it."""
    found = loaded(
        tmp_path,
        ROLE + 'resource "aws_iam_instance_profile" "p" {\n  name = "hosts"\n  role = aws_iam_role.r.name\n}\n',
    )
    (profile,) = found.instance_profiles
    assert isinstance(profile.role, StringNode)
    assert (profile.address, str(profile.name), profile.role.holes[0].role) == (
        "aws_iam_instance_profile.p",
        "hosts",
        "aws_iam_role.r",
    )


def test_one_file_tells_only_of_itself(tmp_path: Path) -> None:
    """Where one file is asked for, what the resources of the others receive is left out."""
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
def test_roles_inside_other_values_are_found(tmp_path: Path, resource: str, expected: list[tuple[str, int]]) -> None:
    """A role in JSON, in YAML, in a setting, or in the state of another type is found, and which role it is."""
    found = loaded(tmp_path, ROLE + resource)
    assert [(one.attribute, one.at.line) for one in found.received] == expected
    assert roles(found) == ["aws_iam_role.r"] * len(expected)
