"""PASSROLE_008: a path is open only if its actions are allowed on resources of each type that a request has."""

from __future__ import annotations

import pytest
from principals_of_tests import allow, deny, findings, to

from passrole_checks.aws.required_resources import REQUIRED_RESOURCES

ID = "PASSROLE_008"
PASS = allow("iam:PassRole", "*", to("ec2.amazonaws.com"))
RUN = "ec2:RunInstances"
REQUIRED = ("image/*", "instance/*", "network-interface/*", "security-group/*", "subnet/*")


def ec2(*kinds: str, account: str = "111122223333") -> list[str]:
    """The ARNs of some kinds of EC2 resources."""
    return [f"arn:aws:ec2:*:{account}:{kind}" for kind in kinds]


@pytest.mark.parametrize("missing", REQUIRED)
def test_a_required_type_that_nothing_allows_closes_the_path(missing: str) -> None:
    """An instance needs an image, a subnet and more: a statement that lacks one of these starts none."""
    assert findings(ID, [[PASS], [allow(RUN, ec2(*(kind for kind in REQUIRED if kind != missing)))]]) == []
    assert findings(ID, [[PASS], [allow(RUN, ec2(missing))]]) == []


@pytest.mark.parametrize(
    "statements",
    [
        [allow(RUN, ec2(*REQUIRED))],
        [allow(RUN, kind) for kind in ec2(*REQUIRED)],
        [allow(RUN, ec2("instance/*")), allow("ec2:Run*", ec2("image/*", account="")),
         allow(RUN, ec2(*REQUIRED[2:]))],
        [allow(RUN, ec2("*"))],
        [allow(RUN, ec2("*/*"))],
        [allow(RUN, "arn:aws:ec2:*")],
        [allow(RUN, ["arn:aws:ec2:eu-west-1::image/ami-1", "arn:aws:ec2:eu-west-1:111122223333:subnet/subnet-1"]),
         allow(RUN, ec2("instance/*", "network-interface/*", "security-group/sg-1"))],
        [allow("ec2:*", ec2(*REQUIRED[:3])), {"Effect": "Allow", "NotAction": "s3:*", "Resource": ec2(*REQUIRED[3:])}],
        [allow(RUN, ec2(*REQUIRED), {"StringEquals": {"aws:RequestedRegion": "eu-west-1"}})],
        [allow(RUN, "arn:aws-cn:ec2:*:*:*")],
    ],
)  # fmt: skip
def test_statements_count_together(statements: list[dict[str, object]]) -> None:
    """The types may be allowed by several statements, by wildcards, and under conditions that a caller can meet."""
    (found,) = findings(ID, [[PASS], statements])
    assert "(path ec2-001" in found.message


def test_a_deny_of_a_required_type_closes_the_path() -> None:
    """A Deny of all subnets leaves no instance; one of some subnets leaves others."""
    assert findings(ID, [[PASS], [allow(RUN)], [deny(RUN, ec2("subnet/*", account="*"))]]) == []
    assert findings(ID, [[PASS], [allow(RUN)], [deny(RUN, ec2("subnet/subnet-1"))]])


@pytest.mark.parametrize("name", sorted(REQUIRED_RESOURCES))
def test_required_types_are_of_the_service(name: str) -> None:
    """Each pattern is an ARN with six fields of the service of its action."""
    assert REQUIRED_RESOURCES[name]
    for pattern in REQUIRED_RESOURCES[name]:
        fields = pattern.split(":", 5)
        assert len(fields) == 6 and fields[2] == name.partition(":")[0]
