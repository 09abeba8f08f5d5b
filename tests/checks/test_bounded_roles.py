"""Roles that a principal creates only within a permissions boundary: the pattern that AWS describes for delegation."""

from __future__ import annotations

import pytest
from principals_of_tests import Statement, allow, deny, findings, trust

APP = "arn:aws:iam::111122223333:role/app/*"
WITHIN = {"StringEquals": {"iam:PermissionsBoundary": "arn:aws:iam::111122223333:policy/boundary"}}
CREATE = allow(["iam:CreateRole", "iam:AttachRolePolicy", "iam:PutRolePolicy"], APP, WITHIN)
PASS = allow("iam:PassRole", APP)
START = allow("ec2:RunInstances")
ALL = allow(["iam:*", "ec2:*"])


def severities(*policy: Statement, boundary: list[Statement] | None = None) -> dict[str, str]:
    """Return the highest severity of each check of access that flags a principal with these statements."""
    roles = {"worker": (trust("lambda.amazonaws.com"), [])}
    found = {
        check: findings(f"PASSROLE_{check}", [list(policy)], holder="worker", roles=roles, boundary=boundary)
        for check in ("001", "002", "008")
    }
    return {
        check: max((one.severity for one in some), key=lambda severity: severity.rank).value
        for check, some in found.items()
        if some
    }


def test_roles_that_are_created_only_within_a_boundary_are_low() -> None:
    """By the statements of the principal, and by what a boundary leaves of wider ones."""
    assert severities(PASS, CREATE, START) == {"002": "low", "008": "low"}
    assert severities(ALL, boundary=[PASS, CREATE, START]) == {"001": "low", "008": "low"}


@pytest.mark.parametrize(
    "more",
    [
        [allow("iam:PutRolePolicy", APP)],
        [allow("iam:DeleteRolePermissionsBoundary", APP)],
        [allow("iam:UpdateAssumeRolePolicy", APP)],
        [allow("iam:CreatePolicyVersion")],
        [deny("iam:CreateRole", APP)],
        [allow("iam:PassRole", "arn:aws:iam::111122223333:role/other-*")],
    ],
)
def test_roles_that_may_have_no_boundary_are_medium(more: list[Statement]) -> None:
    """Without the condition on one of the actions, with a boundary that it can change, or roles that others create."""
    assert severities(PASS, CREATE, START, *more)["008"] == "medium"


def test_any_role_is_high() -> None:
    """Other roles are there already."""
    assert severities(allow("iam:PassRole"), CREATE, START) == {"001": "high", "008": "high"}
