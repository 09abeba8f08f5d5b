"""Limits that their holder can remove do not hide what it can pass.

Sources: Service Authorization Reference, "Actions, resources, and condition keys for AWS Identity and Access Management
(IAM)"; IAM User Guide, "Permissions boundaries for IAM entities".
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from passrole_checks.findings import Finding, Severity
from passrole_checks.iam.grants.grant import PassRoleGrant
from passrole_checks.iam.roles.arn import Scope
from passrole_checks.scan.scanner import ScanOptions, ScanResult, scan_configurations, scan_paths
from passrole_checks.sources import cloudformation

ARN = "arn:aws:iam::111122223333:"
USER, GROUP, ROLE, POLICY = f"{ARN}user/u", f"{ARN}group/g", f"{ARN}role/r", f"{ARN}policy/limit"
PASS = {"Effect": "Allow", "Action": "iam:PassRole", "Resource": "*"}
NO_PASS = {"Effect": "Deny", "Action": "iam:PassRole", "Resource": "*"}
S3 = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
TRUST = {"Statement": {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}}


def allow(action: str | list[str], resource: Any = "*", **condition: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource} | (
        {"Condition": {operator: {key: value} for operator, (key, value) in condition.items()}} if condition else {}
    )


def deny(action: str | list[str], resource: Any = "*", **condition: Any) -> dict[str, Any]:
    return allow(action, resource, **condition) | {"Effect": "Deny"}


def document(*statements: Any) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def inline(name: str, *statements: Any) -> dict[str, Any]:
    return {"PolicyName": name, "PolicyDocument": document(*statements)}


def managed(name: str, *statements: Any, **to: Any) -> dict[str, Any]:
    return {
        "Type": "AWS::IAM::ManagedPolicy",
        "Properties": {"ManagedPolicyName": name, "PolicyDocument": document(*statements), **to},
    }


def user(*policies: Any, **properties: Any) -> dict[str, Any]:
    return {"Type": "AWS::IAM::User", "Properties": {"UserName": "u", "Policies": list(policies), **properties}}


def role(*policies: Any, **properties: Any) -> dict[str, Any]:
    return {
        "Type": "AWS::IAM::Role",
        "Properties": {"AssumeRolePolicyDocument": TRUST, "Policies": list(policies), **properties},
    }


def group(*policies: Any) -> dict[str, Any]:
    return {"Type": "AWS::IAM::Group", "Properties": {"GroupName": "g", "Policies": list(policies)}}


def scan(account: str | None = "111122223333", **resources: Any) -> ScanResult:
    text = json.dumps({"Resources": resources})
    return scan_configurations([cloudformation.load(Path("t.json"), text)], ScanOptions(account=account))


def any_role(result: ScanResult) -> list[Finding]:
    return [finding for finding in result.findings if finding.check_id == "PASSROLE_001"]


def allowed(result: ScanResult) -> list[PassRoleGrant]:
    """Return the grants, without those of boundaries and those of no role."""
    grants = (one.grant for one in result.grants if one.resource.address != "B")
    return [grant for grant in grants if grant.effect == "Allow" and grant.scope is not Scope.NOT_A_ROLE]


def beside(*statements: Any) -> dict[str, Any]:
    """A user with a Deny in an inline policy of its own."""
    return {"U": user(inline("a", PASS, *statements), inline("deny", NO_PASS))}


def by_managed(*statements: Any) -> dict[str, Any]:
    """A user with a Deny in a managed policy."""
    return {"U": user(inline("a", PASS, *statements)), "M": managed("limit", NO_PASS, Users=[{"Ref": "U"}])}


def by_group(*statements: Any) -> dict[str, Any]:
    """A user with a Deny in an inline policy of its group."""
    return {"U": user(inline("a", PASS, *statements), Groups=[{"Ref": "G"}]), "G": group(inline("deny", NO_PASS))}


def bounded(*statements: Any, limit: tuple[Any, ...] = (allow("iam:Get*"),)) -> dict[str, Any]:
    """A role within a permissions boundary."""
    return {
        "R": role(inline("a", PASS, *statements), RoleName="r", PermissionsBoundary={"Ref": "B"}),
        "B": managed("limit", *limit),
    }


WITHOUT_PASSING = (allow("iam:*"), NO_PASS)
REMOVED = [
    ({"U": user(inline("a", allow("iam:*"), NO_PASS))}, "iam:PutUserPolicy"),
    ({"U": user(inline("a", PASS, NO_PASS, allow("iam:PutUserPolicy", USER)))}, "iam:PutUserPolicy"),
    ({"R": role(inline("a", PASS, NO_PASS, allow("iam:*", {"Fn::GetAtt": ["R", "Arn"]})))}, "iam:PutRolePolicy"),
    ({"G": group(inline("a", allow("iam:*"), NO_PASS))}, "iam:PutGroupPolicy"),
    ({"M": managed("limit", allow("iam:*"), NO_PASS)}, "iam:CreatePolicyVersion"),
    (beside(allow("iam:DeleteUserPolicy", USER)), "iam:DeleteUserPolicy"),
    (beside(allow("iam:PutUserPolicy", f"{ARN}user/*")), "iam:PutUserPolicy"),
    (beside(allow("iam:DeleteUserPolicy", "*", Bool=("aws:MultiFactorAuthPresent", "true"))), "iam:DeleteUserPolicy"),
    (by_managed(allow("iam:DetachUserPolicy", USER)), "iam:DetachUserPolicy"),
    (by_managed(allow("iam:DetachUserPolicy", "*", ArnEquals=("iam:PolicyARN", POLICY))), "iam:DetachUserPolicy"),
    (by_managed(allow("iam:CreatePolicyVersion", POLICY)), "iam:CreatePolicyVersion"),
    (by_managed(allow("iam:SetDefaultPolicyVersion", {"Ref": "M"})), "iam:SetDefaultPolicyVersion"),
    (by_group(allow("iam:RemoveUserFromGroup", GROUP)), "iam:RemoveUserFromGroup"),
    (by_group(allow("iam:DeleteGroupPolicy", GROUP)), "iam:DeleteGroupPolicy"),
    (by_group(allow("iam:PutGroupPolicy", {"Fn::GetAtt": ["G", "Arn"]})), "iam:PutGroupPolicy"),
    (bounded(allow("iam:*"), limit=(allow("iam:*Boundary", ROLE),)), "iam:DeleteRolePermissionsBoundary"),
    (bounded(allow("iam:PutRole*"), limit=WITHOUT_PASSING), "iam:PutRolePermissionsBoundary"),
    (bounded(allow("iam:CreatePolicyVersion"), limit=WITHOUT_PASSING), "iam:CreatePolicyVersion"),
    # one limit after the other: the second Deny protects the first, and nothing protects it
    (
        {
            "U": user(
                inline("a", PASS, allow("iam:*")),
                inline("deny", NO_PASS),
                inline("more", deny(["iam:DeleteUserPolicy", "iam:PutUserPolicy"], f"{ARN}user/other")),
            )
        },
        "iam:DeleteUserPolicy",
    ),
]


@pytest.mark.parametrize(("resources", "action"), REMOVED)
def test_limit_that_its_holder_can_remove_hides_nothing(resources: dict[str, Any], action: str) -> None:
    """The finding stays, is low, and names the action; the grant is not denied."""
    result = scan(**resources)
    found = any_role(result)
    assert found and all(one.severity is Severity.LOW and f"`{action}`" in one.message for one in found)
    assert allowed(result) and not any(grant.denied for grant in allowed(result))


@pytest.mark.parametrize("action", ["iam:*", "iam:PutUserPolicy"])
def test_resource_that_is_unresolved_perhaps_is_the_holder(action: str) -> None:
    """Neither an unresolved ARN of the holder, nor an unresolved resource of the action, takes the finding away."""
    unknown = {"Ref": "Unknown"}
    named = user(inline("a", PASS, NO_PASS, allow(action, unknown)))
    text = json.dumps({"Parameters": {"Unknown": {"Type": "String"}}, "Resources": {"U": named}})
    for written in (text, text.replace('"UserName": "u", ', "").replace('{"Ref": "Unknown"}', f'"{ARN}user/app-*"')):
        result = scan_configurations([cloudformation.load(Path("t.json"), written)], ScanOptions())
        (finding,) = any_role(result)
        assert finding.severity is Severity.LOW and "`iam:PutUserPolicy`" in finding.message


@pytest.mark.parametrize("other", [f"{ARN}user/x/u", "arn:aws:iam::*:user/x/u", "arn:aws:iam::999999999999:user/u"])
def test_other_arn_with_the_name_of_the_holder_hides_nothing(other: str) -> None:
    """An ARN of another path or account does not replace that of the holder, whichever a policy names first."""
    allowances = (deny("iam:TagUser", other), allow("iam:PutUserPolicy", USER))
    for statements in (allowances, allowances[::-1]):
        (finding,) = any_role(scan(U=user(inline("a", PASS, NO_PASS, *statements))))
        assert finding.severity is Severity.LOW and "`iam:PutUserPolicy`" in finding.message


def protected_at(*arns: str) -> dict[str, Any]:
    """A user and a role with a Deny that protects principals of their names."""
    statements = (PASS, allow("iam:*"), NO_PASS, *(deny("iam:*", arn) for arn in arns))
    return {"U": user(inline("a", *statements)), "R": role(inline("a", *statements), RoleName="r")}


@pytest.mark.parametrize(
    ("account", "others", "count"),
    [
        ("111122223333", ["111122223333"], 0),
        ("111122223333", ["444455556666"], 2),
        ("111122223333", ["444455556666", "111122223333"], 0),
        (None, ["111122223333"], 0),  # no other account appears
        (None, ["111122223333", "444455556666"], 2),
    ],
)
def test_arn_of_the_holder_has_its_account(account: str | None, others: list[str], count: int) -> None:
    """A Deny that names the principal of this name in another account does not protect the holder."""
    arns = [f"arn:aws:iam::{other}:{name}" for other in others for name in ("user/u", "role/r")]
    for resources in (protected_at(*arns), protected_at(*arns[::-1])):
        found = any_role(scan(account, **resources))
        assert len({name for one in found for name in one.principals}) == count
        assert {one.severity for one in found} <= {Severity.LOW}


@pytest.mark.parametrize(("resource", "count"), [(f"{ARN}role/team/*", 0), (f"{ARN}role/app-*", 1)])
def test_unresolved_name_of_a_role_contains_no_slash(resource: str, count: int) -> None:
    """A pattern with a path does not match a role of the path ``/``."""
    named = role(inline("a", PASS, NO_PASS, allow("iam:PutRolePolicy", resource)), RoleName={"Ref": "Name"})
    text = json.dumps({"Parameters": {"Name": {"Type": "String"}}, "Resources": {"R": named}})
    result = scan_configurations([cloudformation.load(Path("t.json"), text)], ScanOptions(account="111122223333"))
    assert len(any_role(result)) == count


KEPT = [
    # not the action of this limit, or not on this principal
    beside(allow("iam:DetachUserPolicy")),
    beside(allow("iam:PutUserPolicy", f"{ARN}user/other")),
    beside(allow(["iam:DeleteRolePolicy", "iam:RemoveUserFromGroup"])),
    by_managed(allow(["iam:PutUserPolicy", "iam:DeleteUserPolicy", "iam:AttachUserPolicy"])),
    by_managed(allow("iam:CreatePolicyVersion", f"{ARN}policy/other")),
    by_managed(allow("iam:DetachUserPolicy", "*", ArnEquals=("iam:PolicyARN", f"{ARN}policy/other"))),
    by_group(allow("iam:*", USER)),
    bounded(allow("iam:*"), limit=(S3,)),
    bounded(allow("iam:*"), limit=(allow("iam:*Boundary", f"{ARN}role/other"),)),
    # the removal takes the Allow away as well
    {"U": user(inline("a", PASS, NO_PASS, allow("iam:DeleteUserPolicy")))},
    {"U": user(Groups=[{"Ref": "G"}]), "G": group(inline("a", PASS, NO_PASS, allow("iam:RemoveUserFromGroup")))},
    {"M": managed("limit", PASS, NO_PASS, allow("iam:Detach*"))},
    # the limit, or another one, does not allow the removal
    {"U": user(inline("a", allow("iam:*"), deny(["iam:PassRole", "iam:*UserPolicy"])))},
    {"U": user(inline("a", allow("*")), inline("deny", deny("iam:*")))},
    by_managed(allow("iam:*"), deny("iam:DetachUserPolicy", "*", ArnEquals=("iam:PolicyARN", POLICY)),
               deny("iam:*Version", {"Ref": "M"}), deny("iam:*", USER)),
    bounded(
        allow("iam:*"),
        limit=(allow("iam:*"), NO_PASS, deny("iam:*PermissionsBoundary"), deny("iam:*Version", {"Ref": "B"})),
    ),
    # two limits that protect each other
    {"U": user(inline("a", PASS, allow("iam:*")), inline("deny", NO_PASS, deny("iam:DetachUserPolicy"))),
     "M": managed("limit", deny(["iam:PutUserPolicy", "iam:DeleteUserPolicy"]), deny("iam:*Version"),
                  Users=[{"Ref": "U"}])},
    # a boundary that only the same boundary replaces
    bounded(allow("iam:PutRole*", "*", StringEquals=("iam:PermissionsBoundary", POLICY)), limit=WITHOUT_PASSING),
]  # fmt: skip


@pytest.mark.parametrize("resources", KEPT)
def test_limit_that_its_holder_cannot_remove_counts(resources: dict[str, Any]) -> None:
    """There is no finding, and the grant is denied."""
    result = scan(**resources)
    assert any_role(result) == []
    assert allowed(result) and all(grant.denied for grant in allowed(result))


def test_limit_on_some_roles_does_not_change_the_severity() -> None:
    """An administrator within a Deny of some roles is what it is without the Deny, and no more."""
    some = NO_PASS | {"Resource": f"{ARN}role/admin-*"}
    alone, limited = (any_role(scan(U=user(inline("a", allow("*"), *more)))) for more in ((), (some,)))
    assert [one.severity for one in alone] == [one.severity for one in limited] == [Severity.HIGH]
    only = {"Effect": "Deny", "Action": "iam:PassRole", "NotResource": f"{ARN}role/app-*"}
    found = {one.check_id: one.severity for one in scan(U=user(inline("a", allow("*"), only))).findings}
    assert found["PASSROLE_001"] is Severity.LOW and found["PASSROLE_002"] is Severity.MEDIUM


def test_limit_on_something_else_changes_nothing() -> None:
    """A Deny that has no bearing on a finding is not named, also where it changes the remediation."""
    for limited in (deny("s3:DeleteBucket"), deny("ec2:RunInstances", Bool=("aws:MultiFactorAuthPresent", "false"))):
        for action in ("*", "iam:*"):
            (finding,) = any_role(scan(U=user(inline("a", allow(action), limited))))
            assert finding.severity is Severity.HIGH and "iam:PutUserPolicy" not in finding.message


def test_scp_counts(tmp_path: Path) -> None:
    """A principal cannot remove a service control policy, and cannot remove what that protects."""
    scp = '{Effect="Deny", Action=["%s"], Resource="*"}'
    code = (
        'data "aws_caller_identity" "me" {}\n'
        'resource "aws_iam_user_policy" "p" {\n  user = "u"\n  policy = jsonencode({Version="2012-10-17",Statement=['
        '{Effect="Allow",Action="iam:*",Resource="*"},{Effect="Deny",Action="iam:PassRole",Resource="*"}]})\n}\n'
        'resource "aws_organizations_policy" "s" {\n  name = "s"\n  content = jsonencode({Version="2012-10-17",'
        f"Statement=[{scp}]}})\n}}\n"
        'resource "aws_organizations_policy_attachment" "a" {\n  policy_id = aws_organizations_policy.s.id\n'
        '  target_id = "111122223333"\n}\n'
    )
    for action, count in (("iam:PassRole", 0), ("iam:PutUserPolicy", 0), ("iam:PutRolePolicy", 1)):
        (tmp_path / "main.tf").write_text(code % action)
        result = scan_paths([tmp_path], ScanOptions(account="111122223333"))
        assert len(any_role(result)) == count, action
    assert re.search("iam:PutUserPolicy", any_role(result)[0].message)
