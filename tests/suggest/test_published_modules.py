"""Published modules that are not available leave open only the services that they can pass roles to.

Source: Terraform Registry, modules of ``terraform-aws-modules``.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from suggesting import allow, function, left_for_a_person, only, policy, role, session

from passrole_checks.suggest.grade import Grade
from passrole_checks.suggest.published_modules import services_of_missing_module

TO_FUNCTIONS = '{ StringEquals = { "iam:PassedToService" = "lambda.amazonaws.com" } }'
FUNCTION = role("function", "lambda") + function()


def module(source: str) -> str:
    """A call of a module."""
    return f'module "more" {{\n  source = "{source}"\n}}\n'


@pytest.mark.parametrize(
    ("source", "services"),
    [
        ("terraform-aws-modules/ssm-parameter/aws", ()),
        ("terraform-aws-modules/iam/aws//modules/iam-policy", ()),
        ("registry.terraform.io/terraform-aws-modules/step-functions/aws", ("states.amazonaws.com",)),
        ("git::https://github.com/terraform-aws-modules/terraform-aws-kms.git?ref=v1.0.0", ()),
        ("github.com/terraform-aws-modules/terraform-aws-sns", ("sns.amazonaws.com",)),
        ("git@github.com:terraform-aws-modules/terraform-aws-lambda.git",
         ("edgelambda.amazonaws.com", "lambda.amazonaws.com")),
        ("git::github.com/terraform-aws-modules/terraform-aws-ec2-instance.git//modules/x?ref=v5",
         ("ec2.amazonaws.com",)),
        ("terraform-aws-modules/atlantis/aws", None),
        ("example/kms/aws", None),
        ("git::https://github.com/example/terraform-aws-kms.git", None),
    ],
)  # fmt: skip
def test_services_of_a_source(source: str, services: tuple[str, ...] | None) -> None:
    assert services_of_missing_module(f"module more ({source}) is not downloaded (run `terraform init`)") == services


@pytest.mark.parametrize("condition", [TO_FUNCTIONS, ""], ids=["condition", "allowed actions"])
def test_module_that_passes_no_role_to_the_service_is_no_caveat(tmp_path: Path, condition: str) -> None:
    actions = allow(action='"lambda:*"')
    sources = ("terraform-aws-modules/ssm-parameter/aws", "terraform-aws-modules/sns/aws")
    modules = "".join(module(source).replace('"more"', f'"more{number}"') for number, source in enumerate(sources))
    one = only(session(tmp_path, {"main.tf": policy(allow(condition=condition), actions) + FUNCTION + modules}))
    assert one.grade is Grade.NARROWED and "Resource = aws_iam_role.function.arn" in one.statement


@pytest.mark.parametrize("source", ["terraform-aws-modules/lambda/aws", "example/app/aws"])
def test_module_that_may_pass_roles_to_the_service_is_a_caveat(tmp_path: Path, source: str) -> None:
    files = {"main.tf": policy(allow(condition=TO_FUNCTIONS)) + FUNCTION + module(source)}
    assert any(source in phrase for phrase in left_for_a_person(session(tmp_path, files)))
