"""Services that do their own work with a role, and roles that only such services can assume."""

from __future__ import annotations

from pathlib import Path

import pytest
from command_runs import run_command

from passrole_checks.access.service_trust import works_for_callers

SELF = """\
Resources:
  Delivery:
    Type: AWS::IAM::Role
    Properties:
      RoleName: delivery
      AssumeRolePolicyDocument:
        Statement: [{{Effect: {effect}, Principal: {{Service: !Sub "{service}"}}, Action: "sts:AssumeRole"}}]
  Own:
    Type: AWS::IAM::Policy
    Properties:
      PolicyName: own
      Roles: [!Ref Delivery]
      PolicyDocument:
        Statement: [{{Effect: Allow, Action: "iam:PassRole", Resource: !GetAtt Delivery.Arn}}]
"""


@pytest.mark.parametrize(
    "service",
    [
        "assets.marketplace.amazonaws.com",
        "resource-snapshot-job.partnercentral-selling.amazonaws.com",
        "application-autoscaling.amazonaws.com*",
        "dms.*.amazonaws.com",
    ],
)
def test_own_work(service: str) -> None:
    """Marketplace, Partner Central and AWS's patterns for Regions and suffixes."""
    assert not works_for_callers(service)


@pytest.mark.parametrize(
    "service",
    [
        "partnercentral-account-management.amazonaws.com",
        "agent.wellarchitected.amazonaws.com",
        "servicecatalog.amazonaws.com",
        "elasticbeanstalk.amazonaws.com",
        "dax.amazonaws.com",
        "es.amazonaws.com",
        "opensearchservice.amazonaws.com",
        "ec2.amazonaws.com*",
        "ec2.*",
        "s3*.amazonaws.com",
        "*.amazonaws.com",
        "*",
    ],
)
def test_work_for_callers(service: str) -> None:
    """Services that give roles to people, deploy or send what callers write, and wider patterns.

    Elastic Beanstalk Developer Guide, "Adding and customizing Elastic Beanstalk environment resources".
    """
    assert works_for_callers(service)


@pytest.mark.parametrize(
    ("service", "effect"),
    [
        ("logs.${AWS::Region}.amazonaws.com", "Allow"),
        ("firehose.amazonaws.com", "allow"),
        ("s3.amazonaws.com", "Allow"),
    ],
)
def test_a_role_that_delivers_logs_may_pass_itself(tmp_path: Path, service: str, effect: str) -> None:
    """Its trust policy says which services can receive it, with a Region that is unknown too."""
    (tmp_path / "a.yaml").write_text(SELF.format(service=service, effect=effect))
    done = run_command("scan", "a.yaml", "--check", "PASSROLE_016", "--severity", "medium", cwd=tmp_path)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("service", ["${Service}", "logs.${Region}.${Suffix}", "${Service}.amazonaws.com"])
def test_a_role_that_trusts_an_unknown_service_is_medium(tmp_path: Path, service: str) -> None:
    """An unresolved value that is not the Region may be any service."""
    parameters = "Parameters:\n" + "".join(f"  {name}: {{Type: String}}\n" for name in ("Service", "Region", "Suffix"))
    (tmp_path / "a.yaml").write_text(parameters + SELF.format(service=service, effect="Allow"))
    done = run_command("scan", "a.yaml", "--check", "PASSROLE_016", "--severity", "medium", cwd=tmp_path)
    assert done.returncode == 1, done.stdout + done.stderr
