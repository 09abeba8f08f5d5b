"""Bare IAM policy documents are reviewed as ``scan`` reads them, on their own and where Terraform reads them."""

from __future__ import annotations

import json

from reviews_of_tests import Reviews

ROLES = "arn:aws:iam::111122223333:role/app-*"
READ = 'resource "aws_iam_role_policy" "x" {\n  role   = "deployer"\n  policy = file("${path.module}/pass.json")\n}\n'


def document(resource: str, *denied: str) -> str:
    allow = {"Effect": "Allow", "Action": "iam:PassRole", "Resource": resource}
    deny = [{"Effect": "Deny", "Action": "iam:PassRole", "Resource": one} for one in denied]
    return json.dumps({"Version": "2012-10-17", "Statement": [allow, *deny]}, indent=2)


def test_bare_document_is_compared(repository: Reviews) -> None:
    """A document that is new, changed, limited by a Deny or deleted is reviewed."""
    repository.commit({"README": ""})
    repository.commit({"pass.json": document(ROLES)})
    assert repository.review("HEAD^", "HEAD").items == [("new", "new", "pass.json:4", ["002", "015"])]
    repository.commit({"pass.json": document("*")})
    assert repository.review("HEAD^", "HEAD").items[0][1:] == ("widened", "pass.json:4", ["001", "015"])
    repository.commit({"pass.json": document("*", ROLES)})
    (less,) = repository.review("HEAD^", "HEAD").report.less
    assert less.cause is not None and (less.change, less.cause.file) == ("narrowed", "pass.json")
    repository.commit({"pass.json": None})
    report = repository.review("HEAD^", "HEAD").report
    assert ([fixed.check_id for fixed in report.fixed], [one.change for one in report.less]) == (
        ["PASSROLE_001"], ["removed"]
    )  # fmt: skip


def test_document_that_terraform_reads_is_compared(repository: Reviews) -> None:
    """A changed document is reviewed for the resource that reads it, and a new use of it is new access."""
    repository.commit({"pass.json": document(ROLES), "main.tf": ""})
    repository.commit({"main.tf": READ})
    result = repository.review("HEAD^", "HEAD")
    assert (result.status, [item[1:3] for item in result.items]) == (1, [("new", "pass.json:4")])
    repository.commit({"pass.json": document("*")})
    (item,) = repository.review("HEAD^", "HEAD").report.items
    assert (item.resource, item.change, item.at.file) == ("aws_iam_role_policy.x", "widened", "pass.json")
