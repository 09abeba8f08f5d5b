"""Reviews with the details of the account: what a change lets a principal do together with what is deployed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from reviews_of_tests import APP, Reviews, policy

LAMBDA = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
START = {"Effect": "Allow", "Action": ["lambda:CreateFunction", "lambda:InvokeFunction"], "Resource": "*"}


def details(*roles: str) -> str:
    """Return the details of an account whose roles may start functions."""
    entities = [
        {
            "RoleName": name,
            "Path": "/",
            "Arn": f"arn:aws:iam::111122223333:role/{name}",
            "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [LAMBDA]},
            "RolePolicyList": [
                {"PolicyName": "start", "PolicyDocument": {"Version": "2012-10-17", "Statement": [START]}}
            ],
        }
        for name in roles
    ]
    return json.dumps({"UserDetailList": [], "GroupDetailList": [], "RoleDetailList": entities, "Policies": []})


def checks(repository: Reviews, *arguments: str) -> list[list[str]]:
    return [numbers for _, _, _, numbers in repository.review("HEAD^", "HEAD", *arguments).items]


def test_a_file_outside_of_the_repository_is_read(repository: Reviews, tmp_path: Path) -> None:
    """The job names the file."""
    outside = tmp_path / "outside.json"
    outside.write_text(details("deployer"), encoding="utf-8")
    repository.commit({"main.tf": "# nothing\n"})
    repository.commit({"main.tf": policy(APP)})
    assert checks(repository, "--severity", "info") == [["012", "015"]]
    assert checks(repository, "--severity", "info", "--account-details", str(outside)) == [["008", "012", "015"]]


def test_a_file_of_the_repository_is_that_of_base(repository: Reviews) -> None:
    """A change cannot replace the account that it is judged by."""
    repository.commit({"main.tf": "# nothing\n", "account.json": details("deployer")})
    repository.commit({"main.tf": policy(APP), "account.json": details("other")})
    assert checks(repository, "--severity", "info", "--account-details", "account.json") == [["008", "012", "015"]]


def test_a_file_that_only_head_has_is_an_error(repository: Reviews) -> None:
    """Account details from HEAD are not used."""
    repository.commit({"main.tf": "# nothing\n"})
    repository.commit({"main.tf": policy(APP), "account.json": details("deployer")})
    result = repository.review("HEAD^", "HEAD", "--account-details", "account.json")
    assert result.status == 2
    assert result.err.startswith("account.json: not read")


def test_the_configuration_of_base_names_the_file(repository: Reviews) -> None:
    """The key ``account_details`` is read from BASE, like the file."""
    settings = '[tool.passrole_checks]\naccount_details = ["account.json"]\nseverity = "info"\n'
    repository.commit({"main.tf": "# nothing\n", "account.json": details("deployer"), "pyproject.toml": settings})
    repository.commit({"main.tf": policy(APP), "pyproject.toml": "# nothing\n"})
    assert checks(repository) == [["008", "012", "015"]]


@pytest.mark.parametrize("content", [None, "{}"])
def test_an_unusable_file_fails_the_review(content: str | None, repository: Reviews, tmp_path: Path) -> None:
    """A file that cannot be read is no part of both versions that stays as it was: exit status 2."""
    path = tmp_path / "outside.json"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    repository.commit({"main.tf": policy(APP, name="first")})
    repository.commit({"main.tf": policy(APP, name="first") + policy(APP, name="second", role="other")})
    result = repository.review("HEAD^", "HEAD", "--account-details", str(path))
    assert result.status == 2
    assert ["outside.json" in note.reason for note in result.report.unreadable] == [True]


def test_an_unusable_file_of_base_fails_the_review(repository: Reviews) -> None:
    """A file of BASE that the change leaves as it is fails the review, too: nothing is compared without it."""
    repository.commit({"main.tf": policy(APP, name="first"), "account.json": "{}"})
    repository.commit({"main.tf": policy(APP, name="first") + policy(APP, name="second", role="other")})
    result = repository.review("HEAD^", "HEAD", "--account-details", "account.json")
    assert result.status == 2
    assert [note.file for note in result.report.unreadable] == ["account.json"]


def test_a_policy_of_the_account_is_not_unknown(repository: Reviews, tmp_path: Path) -> None:
    """Neither the notes nor the findings say that a policy which the account has is unknown."""
    outside = tmp_path / "outside.json"
    document = {"Version": "2012-10-17", "Statement": [START]}
    versions = [{"VersionId": "v1", "IsDefaultVersion": True, "Document": document}]
    start = {"PolicyName": "start", "Path": "/", "Arn": "arn:aws:iam::111122223333:policy/start"}
    account = json.loads(details()) | {"Policies": [start | {"PolicyVersionList": versions}]}
    outside.write_text(json.dumps(account), encoding="utf-8")
    attachment = (
        f'resource "aws_iam_role_policy_attachment" "a" {{\n  role = "deployer"\n  policy_arn = "{start["Arn"]}"\n}}\n'
    )
    repository.commit({"main.tf": "# nothing\n"})
    repository.commit({"main.tf": policy(APP) + attachment})
    assert repository.review("HEAD^", "HEAD", "--severity", "info").report.not_evaluated
    result = repository.review("HEAD^", "HEAD", "--severity", "info", "--account-details", str(outside))
    assert not result.report.not_evaluated
    assert [numbers for _, _, _, numbers in result.items] == [["008", "012", "015"]]


DEPLOY = "arn:aws:iam::111122223333:policy/deploy"
ATTACHED = (
    f'resource "aws_iam_user_policy_attachment" "a" {{\n  user       = "ann"\n  policy_arn = "{DEPLOY}"\n}}\n',
    f"Resources:\n  Ann:\n    Type: AWS::IAM::User\n    Properties:\n      ManagedPolicyArns: [{DEPLOY}]\n",
)
ANY = {"Effect": "Allow", "Action": "iam:PassRole", "Resource": "*"}


@pytest.mark.parametrize(("name", "text"), [("main.tf", ATTACHED[0]), ("t.yaml", ATTACHED[1])])
def test_a_new_attachment_of_a_policy_of_the_account_is_reported(
    name: str, text: str, repository: Reviews, tmp_path: Path
) -> None:
    """At the attachment, with all checks; without the file, a note says that the policy is unknown."""
    version = {"VersionId": "v1", "IsDefaultVersion": True, "Document": {"Version": "2012-10-17", "Statement": [ANY]}}
    policies = [{"PolicyName": "deploy", "Arn": DEPLOY, "PolicyVersionList": [version]}]
    outside = tmp_path / "outside.json"
    outside.write_text(json.dumps({**json.loads(details()), "Policies": policies}), encoding="utf-8")
    repository.commit({"main.tf": "# nothing\n"})
    repository.commit({name: text})
    assert checks(repository, "--account-details", str(outside)) == [["001", "015"]]
    result = repository.review("HEAD^", "HEAD")
    assert result.items == [] and "policy not found" in str(result.report.not_evaluated)


def test_a_new_attachment_of_a_policy_of_another_root_is_reported(repository: Reviews) -> None:
    """The root that declares the policy is not changed."""
    document = json.dumps({"Statement": [ANY]})
    declared = f'resource "aws_iam_policy" "p" {{\n  name   = "deploy"\n  policy = jsonencode({document})\n}}\n'
    repository.commit({"policies/main.tf": declared, "app/main.tf": "# nothing\n"})
    repository.commit({"app/main.tf": ATTACHED[0]})
    assert checks(repository) == [["001", "015"]]
