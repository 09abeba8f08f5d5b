"""PASSROLE_008: the roles that a message names trust a service that it names."""

from __future__ import annotations

from pathlib import Path

import pytest
from principals_of_tests import allow, findings, to, trust

from passrole_checks.findings import Severity
from passrole_checks.scan.scanner import ScanOptions, scan_paths

ID = "PASSROLE_008"
ACCOUNT = "arn:aws:iam::111122223333:role/"
PODS = allow(["eks:CreatePodIdentityAssociation", "eks:CreateAccessEntry", "eks:AssociateAccessPolicy"])


@pytest.mark.parametrize("trusted", ["eks.amazonaws.com", "ec2.amazonaws.com", "capabilities.eks.amazonaws.com"])
def test_a_role_of_another_principal_of_the_family_is_no_path(trusted: str) -> None:
    """A cluster's role trusts `eks.amazonaws.com`: no pod can use it."""
    roles = {"app-cluster": (trust(trusted), [allow("s3:*")])}
    passing = allow("iam:PassRole", ACCOUNT + "app-cluster")
    assert findings(ID, [[passing], [PODS]], roles=roles) == []
    assert findings(ID, [[passing], [PODS]], roles={"app-cluster": (trust("pods.eks.amazonaws.com"), [allow("s3:*")])})


def test_an_unknown_principal_of_the_family_may_be_a_path() -> None:
    """It is unknown what a principal that no document names assumes roles for."""
    roles = {"app-cluster": (trust("new.eks.amazonaws.com"), [allow("s3:*")])}
    assert findings(ID, [[allow("iam:PassRole", ACCOUNT + "app-cluster")], [PODS]], roles=roles)


def test_a_path_to_the_most_privileged_role_is_named() -> None:
    """Of many paths, those that the message names are open to the roles that it names."""
    roles = {
        "app-admin": (trust("glue.amazonaws.com"), [allow("*")]),
        "app-reader": (trust("lambda.amazonaws.com"), [allow("s3:Get*")]),
        "app-other": (trust("mediaconvert.amazonaws.com"), [allow("*")]),
    }
    starting = allow(["lambda:*", "ec2:*", "ecs:*", "codebuild:*", "cloudformation:*", "glue:*"])
    (found,) = findings(ID, [[allow("iam:PassRole", ACCOUNT + "app-*")], [starting]], roles=roles)
    assert found.severity is Severity.HIGH and "`glue.amazonaws.com`" in found.message
    assert "app-admin" in found.message and "app-other" not in found.message


def test_the_principal_that_assumes_the_role_is_named() -> None:
    """A role of nodes is passed to EKS and trusts EC2."""
    roles = {"app-node": (trust("ec2.amazonaws.com"), [allow("s3:*")])}
    statements = [[allow("iam:PassRole", ACCOUNT + "app-node", to("eks.amazonaws.com"))], [allow(["eks:*", "ec2:*"])]]
    (found,) = findings(ID, statements, roles=roles)
    assert "`eks.amazonaws.com` (assumed by `ec2.amazonaws.com`)" in found.message


TERRAFORM = """
data "aws_partition" "current" {}
resource "aws_iam_role" "bastion" {
  name = "app-bastion"
  assume_role_policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = "sts:AssumeRole",
    Principal = { Service = "SERVICE", AWS = "arn:aws:iam::111122223333:root" } }] })
}
resource "aws_iam_role_policy" "bastion" {
  role   = aws_iam_role.bastion.id
  policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = "s3:*", Resource = "*" }] })
}
resource "aws_iam_user_policy" "deployer" {
  user   = "deployer"
  policy = jsonencode({ Version = "2012-10-17", Statement = [
    { Effect = "Allow", Action = "eks:*", Resource = "*" },
    { Effect = "Allow", Action = "iam:PassRole", Resource = aws_iam_role.bastion.arn }] })
}
"""


@pytest.mark.parametrize(
    ("service", "flagged"),
    [
        ("ec2.${data.aws_partition.current.dns_suffix}", False),
        ("pods.eks.${data.aws_partition.current.dns_suffix}", True),
        ("${var.unknown}", True),
    ],
)
def test_suffix_of_a_partition_in_a_trust_policy(tmp_path: Path, service: str, flagged: bool) -> None:
    """A trust policy that differs between partitions names the same services in each."""
    (tmp_path / "main.tf").write_text(
        TERRAFORM.replace("SERVICE", service) + 'variable "unknown" {}\n', encoding="utf-8"
    )
    found = scan_paths([tmp_path], ScanOptions(checks=frozenset({ID}))).findings
    assert bool(found) is flagged
