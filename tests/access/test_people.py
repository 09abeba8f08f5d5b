"""Administrators that only people can use gain nothing by passing roles, however that is attached."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from command_runs import run_command

SAML = {
    "Principal": {"Federated": {"Ref": "Provider"}},
    "Action": "sts:AssumeRoleWithSAML",
    "Condition": {"StringEquals": {"SAML:aud": "https://signin.aws.amazon.com/saml"}},
}
ACCOUNT = {"Principal": {"AWS": {"Fn::Sub": "arn:aws:iam::${Trusted}:root"}}, "Action": "sts:AssumeRole"}
USER = {"Principal": {"AWS": {"Fn::GetAtt": ["User", "Arn"]}}, "Action": "sts:AssumeRole"}
RESERVED = "arn:aws:iam::111122223333:role/aws-reserved/sso.amazonaws.com/eu-west-1/AWSReservedSSO_Admin_*"
SSO = {"Principal": {"AWS": RESERVED}, "Action": "sts:AssumeRole"}
UNKNOWN = {"Principal": {"AWS": {"Ref": "Trusted"}}, "Action": "sts:AssumeRole"}
PRESENT = "aws:MultiFactorAuthPresent"
MFA = {**UNKNOWN, "Condition": {"Bool": {PRESENT: "true"}}}
RECENT_MFA = {**UNKNOWN, "Condition": {"NumericLessThan": {"aws:MultiFactorAuthAge": "3600"}}}
SSO_OF_ACCOUNT = {**ACCOUNT, "Condition": {"ArnLike": {"aws:PrincipalArn": {"Fn::Sub": RESERVED.replace(
    "111122223333", "${AWS::AccountId}")}}}}  # fmt: skip
OWN_ACCOUNT = {"Principal": {"AWS": {"Ref": "AWS::AccountId"}}, "Action": "sts:AssumeRole"}
PEOPLE = {"saml": SAML, "PermissionSet": SSO, "SsoOfAccount": SSO_OF_ACCOUNT, "mfa": MFA, "RecentMfa": RECENT_MFA}
ACCOUNTS = {"account": ACCOUNT, "user": USER, "own": OWN_ACCOUNT}
OTHERS = {
    "everyone": {"Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"},
    "instances": {"Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"},
    "AccountAndInstances": {
        "Principal": {"AWS": "111122223333", "Service": "ec2.amazonaws.com"},
        "Action": "sts:AssumeRole",
    },
    "RoleOfAnotherAccount": {
        "Principal": {"AWS": "arn:aws:iam::111122223333:role/ci"},
        "Action": "sts:AssumeRole",
    },
    "ThirdParty": {**ACCOUNT, "Condition": {"StringEquals": {"sts:ExternalId": "abc"}}},
    "AnyToken": {"Principal": {"Federated": {"Ref": "Provider"}}, "Action": "sts:AssumeRoleWithWebIdentity"},
    "unknown": UNKNOWN,
    "MfaIfSent": {**UNKNOWN, "Condition": {"BoolIfExists": {PRESENT: "true"}}},
    "WithoutMfa": {**UNKNOWN, "Condition": {"Bool": {PRESENT: "false"}}},
    "AnyoneWithMfa": {**MFA, "Principal": {"AWS": "*"}},
    "ServiceWithMfa": {**MFA, "Principal": {"Service": "ec2.amazonaws.com"}},
}


def role(*trust: dict[str, Any], inline: bool = False) -> dict[str, Any]:
    """An administrator, by an AWS managed policy or by a statement of its own, that these may assume."""
    everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    own = [{"PolicyName": "admin", "PolicyDocument": {"Version": "2012-10-17", "Statement": [everything]}}]
    managed = ["arn:aws:iam::aws:policy/AdministratorAccess"]
    return {
        "Type": "AWS::IAM::Role",
        "Properties": {
            "AssumeRolePolicyDocument": {
                "Version": "2012-10-17",
                "Statement": [{"Effect": "Allow", **one} for one in trust],
            },
            **({"Policies": own} if inline else {"ManagedPolicyArns": managed}),
        },
    }


def scanned(folder: Path, **templates: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the items of the command line on templates with these roles, by name."""
    for name, roles in templates.items():
        parameters = {"Trusted": {"Type": "String"}, "Provider": {"Type": "String"}}
        content = {
            "AWSTemplateFormatVersion": "2010-09-09",
            "Parameters": parameters,
            "Resources": {**roles, "User": {"Type": "AWS::IAM::User"}},
        }
        (folder / f"{name}.json").write_text(json.dumps(content, indent=1))
    return items(folder)


def items(folder: Path) -> list[dict[str, Any]]:
    """Return the primary findings in a folder, with the places of all findings of their groups."""
    done = run_command("scan", ".", "--format", "json", cwd=folder)
    assert done.returncode in (0, 1), done.stderr
    findings = json.loads(done.stdout)["findings"]
    return [
        {
            **one,
            "places": [
                f"{other['file']}: {use}"
                for other in findings
                if other["group"] == one["group"]
                for use in other["uses"]
            ],
        }
        for one in findings
        if one["primary"]
    ]


@pytest.mark.parametrize("inline", [True, False])
def test_administrators_that_are_people_are_low(tmp_path: Path, inline: bool) -> None:
    """A statement of its own and an AWS managed policy alike; the message names whom the trust policy lets in."""
    found = scanned(tmp_path, a={f"R{name}": role(trust, inline=inline) for name, trust in PEOPLE.items()})
    assert sum(len(one["places"]) for one in found) == len(PEOPLE)
    assert {one["severity"] for one in found} == {"low"}
    assert all("can assume the principal" in one["message"] for one in found)


@pytest.mark.parametrize("inline", [True, False])
def test_administrators_that_may_be_workloads_are_medium(tmp_path: Path, inline: bool) -> None:
    """IAM users and accounts can be workloads, also beside people: the remedy is MFA."""
    alone = {f"R{name}": role(trust, inline=inline) for name, trust in ACCOUNTS.items()}
    beside = {f"S{name}": role(SAML, trust, inline=inline) for name, trust in ACCOUNTS.items()}
    found = scanned(tmp_path, a={**alone, **beside})
    assert sum(len(one["places"]) for one in found) == 2 * len(ACCOUNTS)
    assert {one["severity"] for one in found} == {"medium"}
    assert all("aws:MultiFactorAuthPresent" in one["remediation"] for one in found)


GROUP = {"Type": "AWS::IAM::Group"}
ALL = {"Effect": "Allow", "Action": "*", "Resource": "*"}


def attached(statement: dict[str, Any], *groups: str) -> dict[str, Any]:
    """A managed policy of groups."""
    document = {"Version": "2012-10-17", "Statement": [statement]}
    refs = [{"Ref": name} for name in groups]
    return {"Type": "AWS::IAM::ManagedPolicy", "Properties": {"PolicyDocument": document, "Groups": refs}}


def member(*statements: dict[str, Any]) -> dict[str, Any]:
    """A user in a group, with statements of its own."""
    own = [{"PolicyName": "own", "PolicyDocument": {"Version": "2012-10-17", "Statement": list(statements)}}]
    return {"Type": "AWS::IAM::User", "Properties": {"Groups": [{"Ref": "Admins"}], "Policies": own}}


def test_group_of_administrators_is_low(tmp_path: Path) -> None:
    """Also for a member with other policies; a developers' group that can become administrator stays high."""
    admins = {"Admins": GROUP, "Policy": attached(ALL, "Admins")}
    alice = member({"Effect": "Allow", "Action": "s3:*", "Resource": "*"})
    developers = {"Developers": GROUP, "Pass": attached(ALL | {"Action": ["iam:PassRole", "ec2:*"]}, "Developers")}
    found = scanned(tmp_path, a={**admins, "Alice": alice, **developers})
    assert {one["uses"][0]: one["severity"] for one in found} == {"Pass": "high", "Policy": "low"}


def test_group_of_users_with_access_keys_stays_high(tmp_path: Path) -> None:
    """A workload with access keys may be a member."""
    key = {"Type": "AWS::IAM::AccessKey", "Properties": {"UserName": {"Ref": "User"}}}
    (found,) = scanned(tmp_path, a={"Admins": GROUP, "Policy": attached(ALL, "Admins"), "Key": key})
    assert found["severity"] == "high"


def test_administrator_by_a_statement_that_requires_mfa_is_low(tmp_path: Path) -> None:
    """No workload meets the condition; one that applies only if the key is sent lets workloads in."""
    strict, lenient = ({"Condition": {operator: {PRESENT: "true"}}} for operator in ("Bool", "BoolIfExists"))
    found = scanned(tmp_path, a={"Strict": attached(ALL | strict), "Lenient": attached(ALL | lenient)})
    assert {one["uses"][0]: one["severity"] for one in found} == {"Lenient": "high", "Strict": "low"}


@pytest.mark.parametrize("inline", [True, False])
def test_other_administrators_stay_high(tmp_path: Path, inline: bool) -> None:
    """Other principals that can assume the role, alone or beside people, may be workloads or third parties."""
    alone = {f"R{name}": role(trust, inline=inline) for name, trust in OTHERS.items()}
    beside = {f"S{name}": role(SAML, trust, inline=inline) for name, trust in OTHERS.items()}
    found = scanned(tmp_path, a={**alone, **beside})
    assert {one["severity"] for one in found} == {"high"}
    assert sum(len(one["places"]) for one in found) == len(OTHERS) * 2


def test_equal_kind_of_people_is_one_finding_across_templates(tmp_path: Path) -> None:
    """The message distinguishes resources with one name by their files."""
    found = scanned(tmp_path, a={"Admin": role(SAML)}, b={"Admin": role(SAML)}, c={"Admin": role(ACCOUNT)})
    assert [one["places"] for one in found] == [["a.json: Admin", "b.json: Admin"], ["c.json: Admin"]]
    text = run_command("scan", ".", cwd=tmp_path).stdout
    assert "also Admin in b.json" in text and text.count("PASSROLE_013 managed-policy") == 2


def test_modules_that_are_not_there(tmp_path: Path) -> None:
    """The arguments of published modules say whom their roles trust, in each root; others may trust anyone."""
    module = """
      module "{name}" {{
        source              = "terraform-aws-modules/iam/aws//modules/iam-assumable-role"
        attach_admin_policy = true
        trusted_role_arns   = ["{trusted}"]
        policy_arns         = ["arn:aws:iam::aws:policy/AdministratorAccess"]
        {more}
      }}
    """
    sets = """
      module "sets" {
        source          = "cloudposse/sso/aws//modules/permission-sets"
        permission_sets = [{ name = "Admin", policy_attachments = ["arn:aws:iam::aws:policy/AdministratorAccess"] }]
      }
    """
    account, role_arn = "arn:aws:iam::${var.account}:root", "arn:aws:iam::111122223333:role/ci"
    services = 'trusted_role_services = ["ec2.amazonaws.com"]'
    accounts = module.format(name="people", trusted=account, more="")
    others = module.format(name="role", trusted=role_arn, more="") + module.format(
        name="services", trusted=account, more=services
    )
    for root in ("a", "b"):
        (tmp_path / root).mkdir()
        (tmp_path / root / "main.tf").write_text(accounts + (sets + others if root == "a" else ""))
    found = {one["uses"][0]: one for one in items(tmp_path)}
    severities = {name: one["severity"] for name, one in found.items()}
    people = {"module.people": "medium", "module.sets": "low"}
    assert severities == {**people, "module.role": "high", "module.services": "high"}
    assert found["module.people"]["places"] == ["a/main.tf: module.people", "b/main.tf: module.people"]


@pytest.mark.parametrize(
    ("source", "argument", "is_known"),
    [
        ("terraform-aws-modules/iam/aws//modules/iam-github-oidc-role", 'subjects = ["octo/app:*"]', True),
        ("terraform-aws-modules/iam/aws//modules/iam-github-oidc-role", 'subjects = ["repo:octo/${var.name}:*"]', True),
        ("unfunco/oidc-github/aws", 'github_repositories = ["octo/app", "octo/web:ref:refs/heads/main"]', True),
        ("terraform-aws-modules/iam/aws//modules/iam-github-oidc-role", 'subjects = ["octo/*"]', False),
        ("terraform-aws-modules/iam/aws//modules/iam-github-oidc-role", "subjects = var.subjects", False),
        ("terraform-aws-modules/iam/aws//modules/iam-role", 'subjects = ["octo/app:*"]', False),
    ],
)
def test_repositories_in_the_arguments_of_modules(tmp_path: Path, source: str, argument: str, is_known: bool) -> None:
    """The role of a published module that is not downloaded is rated as one with the same trust policy in this code."""
    arns = 'policies = { Admin = "arn:aws:iam::aws:policy/AdministratorAccess" }'
    (tmp_path / "main.tf").write_text(f'module "ci" {{\n  source = "{source}"\n  {argument}\n  {arns}\n}}\n')
    (found,) = items(tmp_path)
    assert (found["check_id"], found["severity"]) == ("PASSROLE_013", "medium" if is_known else "high")


def test_a_statement_of_people_and_of_others_is_one_finding(tmp_path: Path) -> None:
    """A statement that a module gives to both is rated by the others, with the position and fingerprint as before."""
    (tmp_path / "role").mkdir()
    (tmp_path / "role/main.tf").write_text(
        """
        variable "trust" {}
        resource "aws_iam_role" "it" {
          assume_role_policy = jsonencode({ Statement = [
            { Effect = "Allow", Action = "sts:AssumeRole", Principal = var.trust }
          ] })
        }
        resource "aws_iam_role_policy" "it" {
          role   = aws_iam_role.it.name
          policy = jsonencode({ Statement = [{ Effect = "Allow", Action = "iam:PassRole", Resource = "*" }] })
        }
        """
    )
    (tmp_path / "main.tf").write_text(
        """
        module "people" {
          source = "./role"
          trust  = { AWS = "111122223333" }
        }
        module "workload" {
          source = "./role"
          trust  = { Service = "ec2.amazonaws.com" }
        }
        """
    )
    done = run_command("scan", ".", "--format", "json", cwd=tmp_path)
    (found,) = json.loads(done.stdout)["findings"]
    assert found["severity"] == "high" and "named accounts" not in found["message"]
    assert found["uses"] == ["module.people.aws_iam_role_policy.it", "module.workload.aws_iam_role_policy.it"]


def test_own_administrators_of_one_kind_are_one_finding(tmp_path: Path) -> None:
    """Everything on everything is one cause for equal kinds of people, as AdministratorAccess is."""
    own = {"Admin": role(USER, inline=True)}
    found = scanned(tmp_path, a=own, b=own, c={"Admin": role(SAML, inline=True)})
    assert [one["places"] for one in found] == [["a.json: Admin", "b.json: Admin"], ["c.json: Admin"]]
