"""Published modules that are not available leave open only the services that they can pass roles to.

Source: Terraform Registry, modules of ``terraform-aws-modules``.
"""

from __future__ import annotations

import pytest

from passrole_checks.suggest.published_modules import services_of_missing_module


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
