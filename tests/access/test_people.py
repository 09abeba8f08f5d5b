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
    "RoleOfAnotherAccount": {"Principal": {"AWS": "arn:aws:iam::111122223333:role/ci"}, "Action": "sts:AssumeRole"},
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


@pytest.mark.parametrize("inline", [True, False])
def test_other_administrators_stay_high(tmp_path: Path, inline: bool) -> None:
    """Other principals that can assume the role, alone or beside people, may be workloads or third parties."""
    alone = {f"R{name}": role(trust, inline=inline) for name, trust in OTHERS.items()}
    beside = {f"S{name}": role(SAML, trust, inline=inline) for name, trust in OTHERS.items()}
    found = scanned(tmp_path, a={**alone, **beside})
    assert {one["severity"] for one in found} == {"high"}
    assert sum(len(one["places"]) for one in found) == len(OTHERS) * 2


def test_own_administrators_of_one_kind_are_one_finding(tmp_path: Path) -> None:
    """Everything on everything is one cause for equal kinds of people, as AdministratorAccess is."""
    own = {"Admin": role(USER, inline=True)}
    found = scanned(tmp_path, a=own, b=own, c={"Admin": role(SAML, inline=True)})
    assert [one["places"] for one in found] == [["a.json: Admin", "b.json: Admin"], ["c.json: Admin"]]
