"""Documents of managed policies that the code attaches or looks up: those of the account, in both versions."""

from __future__ import annotations

from pathlib import Path

import pytest
from account_files import EVERYTHING, PASS_APPS, account_file, managed, role

from passrole_checks.diff import AccessDifference, compare_paths
from passrole_checks.scan.scanner import ScanOptions
from passrole_checks.sources.model.configuration import NoteKind

LOOK_UP = 'data "aws_iam_policy" "%s" {\n  name = "%s"\n}\n'
ROLE_POLICY = 'resource "aws_iam_role_policy" "p" {\n  name   = "p"\n  role   = "ci"\n  policy = %s\n}\n'
MERGED = (
    'data "aws_iam_policy_document" "d" {\n  source_policy_documents = [data.aws_iam_policy.deploy.policy]\n'
    '  statement {\n    actions   = ["s3:GetObject"]\n    resources = ["*"]\n  }\n}\n'
)
DEPLOY, ADMIN = LOOK_UP % ("deploy", "deploy"), LOOK_UP % ("admin", "admin")
USE_DEPLOY = ROLE_POLICY % "data.aws_iam_policy.deploy.policy"


@pytest.fixture
def details(tmp_path: Path) -> Path:
    policies = [managed("deploy", PASS_APPS), managed("admin", EVERYTHING)]
    return account_file(tmp_path / "account.json", Policies=policies, RoleDetailList=[role("ci")])


def compare(folder: Path, old: str, new: str, *files: Path) -> AccessDifference:
    for name, text in (("old", old), ("new", new)):
        (folder / name).mkdir(parents=True)
        (folder / name / "main.tf").write_text(text, encoding="utf-8")
    return compare_paths(folder / "old", folder / "new", ScanOptions(account_details=files))


@pytest.mark.parametrize(
    "used", [USE_DEPLOY, MERGED + ROLE_POLICY % "data.aws_iam_policy_document.d.json"], ids=["whole", "merged"]
)
def test_a_new_use_is_new_access_with_the_roles_of_the_document(used: str, details: Path, tmp_path: Path) -> None:
    """Where the code uses it, and not as an unresolved value."""
    found = compare(tmp_path, DEPLOY, DEPLOY + used, details)
    assert [[str(one.pattern) for one in change.grant.grant.roles] for change in found.new] == [
        ["arn:aws:iam::111122223333:role/app-*"]
    ]
    assert found.new[0].grant.principals == ("ci",)
    assert found.new[0].grant.grant.at.file == str(tmp_path / "new" / "main.tf")


def test_another_document_is_wider_access(details: Path, tmp_path: Path) -> None:
    """The code names another policy, which allows more."""
    found = compare(tmp_path, DEPLOY + USE_DEPLOY, ADMIN + USE_DEPLOY.replace("deploy.", "admin."), details)
    assert [str(one.pattern) for change in (*found.widened, *found.new) for one in change.grant.grant.roles] == ["*"]
    assert not found.removed


def test_equal_documents_are_unchanged(details: Path, tmp_path: Path) -> None:
    """A label of the data source changes nothing."""
    found = compare(
        tmp_path,
        DEPLOY + USE_DEPLOY,
        (DEPLOY + USE_DEPLOY).replace("aws_iam_policy.deploy", "aws_iam_policy.x").replace('"deploy" {', '"x" {'),
        details,
    )
    assert not (found.new or found.widened or found.narrowed or found.removed)
    assert found.unchanged == 1


ATTACH = 'resource "aws_iam_role_policy_attachment" "a" {\n  role       = "ci"\n  policy_arn = %s\n}\n'


@pytest.mark.parametrize("policy", ['"arn:aws:iam::111122223333:policy/deploy"', "data.aws_iam_policy.deploy.arn"])
def test_a_new_attachment_is_new_access(policy: str, tmp_path: Path) -> None:
    """Also if the account attaches the policy to the same role already: the code does not say so before."""
    attached = [{"PolicyName": "deploy", "PolicyArn": "arn:aws:iam::111122223333:policy/deploy"}]
    details = account_file(
        tmp_path / "account.json",
        Policies=[managed("deploy", PASS_APPS)],
        RoleDetailList=[role("ci", AttachedManagedPolicies=attached)],
    )
    found = compare(tmp_path, DEPLOY, DEPLOY + ATTACH % policy, details)
    assert [(change.grant.origin, change.grant.principals) for change in found.new] == [("account_policy", ("ci",))]
    assert found.new[0].grant.grant.at.line == 6
    found = compare(tmp_path / "again", DEPLOY + ATTACH % policy, DEPLOY + ATTACH % policy, details)
    assert not (found.new or found.widened or found.removed) and found.unchanged == 1


def test_an_attachment_is_compared_with_the_account(details: Path, tmp_path: Path) -> None:
    """An account that does not attach the policy lacks the access that the code gives, and no other."""
    (tmp_path / "main.tf").write_text(DEPLOY + ATTACH % "data.aws_iam_policy.deploy.arn", encoding="utf-8")
    for sides in ((details, tmp_path / "main.tf"), (tmp_path / "main.tf", details)):
        found = compare_paths(*sides, ScanOptions())
        changes = found.new if sides[0] is details else found.removed
        assert [change.grant.principals for change in changes] == [("ci",)]


def test_an_attachment_without_the_file_is_noted(tmp_path: Path) -> None:
    """Its permissions are unknown, which is said."""
    found = compare(tmp_path, DEPLOY, DEPLOY + ATTACH % "data.aws_iam_policy.deploy.arn")
    assert not found.new and ["policy not found" in note.reason for note in found.not_evaluated].count(True) == 1


OWNED = (
    'resource "aws_iam_policy_attachment" "only" {\n  name       = "only"\n'
    '  policy_arn = "%s"\n  roles      = ["%s"]\n}\n'
)


@pytest.mark.parametrize(("before", "after", "noted"), [("", "x", True), ("x", "x", False), ("", "ci", False)])
def test_a_limit_of_the_account_that_new_code_removes_is_noted(
    before: str, after: str, noted: bool, tmp_path: Path
) -> None:
    """The access that it limits is that of the code in both versions, so that it is unchanged."""
    deny = {"Effect": "Deny", "Action": "iam:PassRole", "Resource": "*"}
    limit = "arn:aws:iam::111122223333:policy/limit"
    details = account_file(
        tmp_path / "account.json",
        Policies=[managed("limit", deny)],
        RoleDetailList=[role("ci", AttachedManagedPolicies=[{"PolicyName": "limit", "PolicyArn": limit}])],
    )
    old, new = ("# code\n" + (OWNED % (limit, name) if name else "") for name in (before, after))
    found = compare(tmp_path, old, new, details)
    assert [note.kind for note in found.not_evaluated] == [NoteKind.LIMIT_NOT_COUNTED] * noted
