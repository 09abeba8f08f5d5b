"""The AWS managed policies."""

from __future__ import annotations

import subprocess
import sys

import pytest

from passrole_checks.aws.managed_policies import aws_managed_name, managed_policies, managed_policy


def test_a_policy_is_found_by_its_arn() -> None:
    """The ARN of AdministratorAccess leads to its whole document."""
    policy = managed_policy("arn:aws:iam::aws:policy/AdministratorAccess")
    assert policy is not None
    assert (policy.name, policy.version) == ("AdministratorAccess", "v1")
    assert policy.document == {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}],
    }


@pytest.mark.parametrize(
    "text",
    [
        "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole",
        "arn:aws-cn:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole",
        "arn:aws-us-gov:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole",
        "AWSLambdaBasicExecutionRole",
    ],
)
def test_partition_and_bare_name(text: str) -> None:
    """A policy is the same in every partition, and a bare name is enough."""
    policy = managed_policy(text)
    assert policy is not None
    assert policy.arn == "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"


@pytest.mark.parametrize(
    "text",
    [
        "arn:aws:iam::aws:policy/NoSuchPolicy",
        "arn:aws:iam::aws:policy/AWSLambdaBasicExecutionRole",
        "arn:aws:iam::111122223333:policy/AdministratorAccess",
        "arn:aws:s3:::AdministratorAccess",
        "NoSuchPolicy",
        "",
    ],
)
def test_other_policies_are_not_known(text: str) -> None:
    """A policy that does not exist, has another path, or is of a customer is none of AWS's."""
    assert managed_policy(text) is None


@pytest.mark.parametrize(
    ("arn", "name"),
    [
        ("arn:aws:iam::aws:policy/ReadOnlyAccess", "ReadOnlyAccess"),
        ("arn:aws-cn:iam::aws:policy/job-function/Billing", "Billing"),
        ("arn:aws:iam::aws:policy/aws-service-role/ToBeMadeNextYear", "ToBeMadeNextYear"),
        ("arn:aws:iam::111122223333:policy/Mine", None),
        ("arn:aws:iam::aws:role/ReadOnlyAccess", None),
        ("arn:aws:iam::aws:policy/", None),
        ("ReadOnlyAccess", None),
    ],
)
def test_the_name_in_an_arn(arn: str, name: str | None) -> None:
    """The name is read from the ARN of an AWS managed policy, whether the policy is known or not."""
    assert aws_managed_name(arn) == name


def test_all_managed_policies_are_included() -> None:
    """Each with its path and a document with statements."""
    assert len(managed_policies()) > 1500
    for name, policy in managed_policies().items():
        assert policy.arn.startswith("arn:aws:iam::aws:policy/") and policy.arn.endswith(name)
        assert "//" not in policy.arn
        assert policy.document["Statement"]


def test_power_users_may_not_pass_roles() -> None:
    """PowerUserAccess excludes IAM by NotAction, and the IAM actions that it adds are not PassRole."""
    policy = managed_policy("PowerUserAccess")
    assert policy is not None
    first, *others = policy.document["Statement"]
    assert "iam:*" in first["NotAction"]
    assert not any("PassRole" in action for statement in others for action in statement["Action"])


def test_data_is_loaded_lazily() -> None:
    """Importing the loader, and reading a name from an ARN, unpacks no policies."""
    code = (
        "import passrole_checks.aws.managed_policies as m; m.aws_managed_name('arn:aws:iam::aws:policy/X');"
        "m.managed_policy('arn:aws:iam::111122223333:policy/X'); print(m.managed_policies.cache_info().currsize)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "0\n"
