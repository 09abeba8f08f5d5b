"""``diff account.json .``: code beside the IAM entities of an account, as deployed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from deployed_account import Deployment
from made_accounts import ACCOUNT, MadeAccount, allow, arn, document, trust
from sample_folders import SAMPLES

from passrole_checks.diff import AccessDifference, compare_paths
from passrole_checks.scan.scanner import ScanOptions, read_paths

PASS = allow("iam:PassRole", arn("role", "app"))
CODE = """
resource "aws_iam_role" "deployer" {
  name               = "deployer"
  assume_role_policy = "{}"
}
resource "aws_iam_role_policy" "pass" {
  role   = aws_iam_role.deployer.id
  policy = jsonencode(POLICY)
}
"""


def account(folder: Path, made: MadeAccount) -> Path:
    (folder / "account.json").write_text(json.dumps(made.details, indent=1))
    return folder / "account.json"


def code(folder: Path, **files: str) -> Path:
    for name, content in files.items():
        path = folder / "code" / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        (path.parent / f"{path.name}.tf").write_text(content)
    return folder / "code"


def compare(old: Path, new: Path) -> AccessDifference:
    return compare_paths(old, new, ScanOptions())


def changes(difference: AccessDifference) -> dict[str, list[tuple[str, ...]]]:
    """Return the principals of the changes of each class."""
    found = {
        name: [change.grant.principals for change in getattr(difference, name)]
        for name in ("new", "widened", "narrowed", "removed")
    }
    return {name: principals for name, principals in found.items() if principals}


def deployer(*statements: dict[str, Any], **fields: Any) -> MadeAccount:
    made = MadeAccount.empty()
    made.principal("role", "deployer", list(statements), **fields)
    made.principal("role", "app", [], AssumeRolePolicyDocument=trust("lambda"))
    return made


def with_policy(*statements: dict[str, Any]) -> str:
    return CODE.replace("POLICY", json.dumps(document(*statements)))


@pytest.mark.parametrize(
    ("deployed", "declared", "expected"),
    [
        ([PASS], [PASS], {}),
        ([], [PASS], {"new": [("aws_iam_role.deployer",)]}),
        ([PASS], [], {"removed": [("aws_iam_role.deployer",)]}),
        ([PASS], [allow("iam:PassRole", arn("role", "*"))], {"widened": [("aws_iam_role.deployer",)]}),
        ([allow("iam:PassRole", arn("role", "a*"))], [PASS], {"narrowed": [("aws_iam_role.deployer",)]}),
    ],
)
def test_principals_are_paired_by_name(
    deployed: list[dict[str, Any]], declared: list[dict[str, Any]], expected: dict[str, Any], tmp_path: Path
) -> None:
    """Equal access is unchanged; the rest is what the code, or the account, gives in addition, in both directions."""
    files = account(tmp_path, deployer(*deployed)), code(tmp_path, main=with_policy(*declared))
    assert changes(compare(*files)) == expected
    swapped = {"new": "removed", "removed": "new", "widened": "narrowed", "narrowed": "widened"}
    assert changes(compare(*reversed(files))) == {swapped[name]: who for name, who in expected.items()}


def test_references_are_the_arns_of_the_account(tmp_path: Path) -> None:
    """A reference to a role, the account id and the partition are the values of the account."""
    declared = """
    data "aws_caller_identity" "me" {}
    data "aws_partition" "here" {}
    resource "aws_iam_role" "app" { name = "app" }
    resource "aws_iam_role_policy" "other" {
      role   = "deployer"
      policy = jsonencode({ Statement = [
        { Effect = "Allow", Action = "iam:PassRole", Resource = aws_iam_role.app.arn },
        { Effect = "Allow", Action = "iam:PassRole", Resource =
          "arn:${data.aws_partition.here.partition}:iam::${data.aws_caller_identity.me.account_id}:role/x-*" },
      ] })
    }
    """
    made = deployer(PASS, allow("iam:PassRole", arn("role", "x-*")))
    difference = compare(account(tmp_path, made), code(tmp_path, main=declared))
    assert (changes(difference), difference.unchanged) == ({}, 2)


def test_access_of_principals_that_the_code_does_not_declare_is_counted(tmp_path: Path) -> None:
    """It does not flood the output: one note says how many."""
    made = deployer(PASS)
    for number in range(5):
        made.principal("user", f"u{number}", [PASS])
    made.principal("user", "reader", [allow("s3:Get*")])
    difference = compare(account(tmp_path, made), code(tmp_path, main=with_policy(PASS)))
    assert changes(difference) == {}
    assert ["(5 can pass roles)" in note.reason for note in difference.not_evaluated] == [True]


def test_access_that_another_root_declares_is_not_removed(tmp_path: Path) -> None:
    """One root declares the role, and another one gives it a policy."""
    roots = {
        "a__main": 'resource "aws_iam_role" "d" { name = "deployer" }',
        "b__main": f"""
        resource "aws_iam_role_policy" "pass" {{
          role   = "deployer"
          policy = jsonencode({json.dumps(document(PASS))})
        }}""",
    }
    assert changes(compare(account(tmp_path, deployer(PASS)), code(tmp_path, **roots))) == {}
    made = deployer(PASS, allow("iam:PassRole", arn("role", "other")))
    difference = compare(account(tmp_path, made), code(tmp_path, **roots))
    assert [change.grant.statement_path for change in difference.removed] == [
        "RolePolicyList/1/PolicyDocument/Statement/0"
    ]


def test_deny_and_boundary_of_the_account_count(tmp_path: Path) -> None:
    """Access that is denied in the account is new if the code has no such Deny."""
    made = deployer(PASS, {**PASS, "Effect": "Deny"})
    assert changes(compare(account(tmp_path, made), code(tmp_path, main=with_policy(PASS)))) == {
        "widened": [("aws_iam_role.deployer",)]
    }


def test_managed_policy_that_the_code_attaches_to_nobody_is_paired_by_name(tmp_path: Path) -> None:
    """The account may attach it by other means."""
    made = MadeAccount.empty()
    made.principal("user", "alice", [], (made.policy("release", PASS),))
    declared = f"""resource "aws_iam_policy" "release" {{
      name   = "release"
      policy = jsonencode({json.dumps(document(PASS))})
    }}"""
    difference = compare(account(tmp_path, made), code(tmp_path, main=declared))
    assert (changes(difference), difference.unchanged) == ({}, 1)


@pytest.mark.parametrize("is_tagged", [True, False])
def test_generated_names_of_cloudformation_are_paired(is_tagged: bool, tmp_path: Path) -> None:
    """By the tags of the stack, else by the form of the name; a note says so."""
    tags = [
        {"Key": "aws:cloudformation:stack-name", "Value": "app"},
        {"Key": "aws:cloudformation:logical-id", "Value": "Deployer"},
    ]
    made = MadeAccount.empty()
    name = "x" if is_tagged else "app-Deployer-1A2B3C4D5E6F"
    made.principal("role", name, [PASS], Tags=tags if is_tagged else [])
    policy = {"PolicyName": "pass", "PolicyDocument": document(PASS)}
    role = {"AssumeRolePolicyDocument": trust("ec2"), "Policies": [policy]}
    template = {"Resources": {"Deployer": {"Type": "AWS::IAM::Role", "Properties": role}}}
    (tmp_path / "template.json").write_text(json.dumps(template))
    difference = compare(account(tmp_path, made), tmp_path / "template.json")
    assert (changes(difference), difference.unchanged) == ({}, 1)
    assert difference.renamed == ((arn("role", name), "Deployer"),)


def test_names_with_unknown_parts_are_paired_where_one_role_matches(tmp_path: Path) -> None:
    """A name that only one pattern matches is out of the question for the others."""
    declared = 'variable "env" {}\n' + "".join(
        f"""
        resource "aws_iam_role" "{name}" {{ name = "{name}-${{var.env}}" }}
        resource "aws_iam_role_policy" "{name}" {{
          role   = aws_iam_role.{name}.id
          policy = jsonencode({json.dumps(document(PASS))})
        }}"""
        for name in ("web", "web-sub")
    )
    made = MadeAccount.empty()
    for name in ("web-prod", "web-sub-prod"):
        made.principal("role", name, [PASS])
    difference = compare(account(tmp_path, made), code(tmp_path, main=declared))
    assert (changes(difference), difference.unchanged) == ({}, 2)


def test_pages_of_an_account_in_several_files_are_joined(tmp_path: Path) -> None:
    """A principal is on one page, and the managed policy that is attached to it on another one."""
    made = MadeAccount.empty()
    made.principal("role", "deployer", [], (made.policy("release", PASS),))
    (tmp_path / "pages").mkdir()
    for name in made.details:
        page = {**{key: [] for key in made.details}, name: made.details[name]}
        (tmp_path / "pages" / f"{name}.json").write_text(json.dumps(page))
    difference = compare(tmp_path / "pages", code(tmp_path, main=with_policy(PASS)))
    assert (changes(difference), difference.unchanged) == ({}, 1)


def test_other_accounts_are_not_compared(tmp_path: Path) -> None:
    """Code that is deployed to another account is named."""
    provider = 'provider "aws" { allowed_account_ids = ["444455556666"] }\n'
    difference = compare(account(tmp_path, deployer(PASS)), code(tmp_path, main=provider + with_policy(PASS)))
    assert changes(difference) == {}
    assert any("not compared" in note.reason for note in difference.not_evaluated)


@pytest.mark.parametrize("folder", ["001-any-role", "008-privilege-escalation", "002-any-service", "cdk"])
def test_samples_are_unchanged_once_they_are_deployed(folder: str, tmp_path: Path) -> None:
    """The account that a sample's code would be gives the same access as the code."""
    for place, configuration in read_paths([SAMPLES / folder], ScanOptions()).units:
        (tmp_path / "account.json").write_text(json.dumps(Deployment(configuration).details))
        difference = compare(tmp_path / "account.json", Path(place))
        assert changes(difference) == {}, place
    assert ACCOUNT in (tmp_path / "account.json").read_text()
