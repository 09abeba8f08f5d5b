"""Characters that the program uses between the parts of keys, in every name and value of what is scanned.

A principal, a resource or a policy may be named with any of them, in JSON and in HCL's quoted texts (``\\u0000``).
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from passrole_checks.cli import main
from passrole_checks.diff import difference_of
from passrole_checks.required.required_grants import required_by
from passrole_checks.scan.fingerprint import digest
from passrole_checks.scan.scanner import ScanOptions, read_paths, scan_paths
from passrole_checks.sources.model.principal_names import bare_name, kind_and_name, literal_principal, rename_principal

CHARACTERS = ["\0", "\0role", "\1", "\ud800", "::"]
_DOCUMENT = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Sid": "Pass", "Effect": "Allow", "Action": ["iam:PassRole", "lambda:CreateFunction"],
            "Resource": "arn:aws:iam::111122223333:role/app-*",
            "Condition": {"StringLike": {"iam:PassedToService": "lambda.amazonaws.com"}},
        }
    ],
}  # fmt: skip
TEMPLATE: dict[str, Any] = {
    "AWSTemplateFormatVersion": "2010-09-09",
    "Resources": {
        "Role": {
            "Type": "AWS::IAM::Role",
            "Properties": {
                "RoleName": "app-role",
                "AssumeRolePolicyDocument": {
                    "Statement": [
                        {
                            "Effect": "Allow", "Action": "sts:AssumeRole",
                            "Principal": {"Service": "lambda.amazonaws.com"},
                        }
                    ]
                },
                "ManagedPolicyArns": ["arn:aws:iam::aws:policy/AdministratorAccess"],
                "PermissionsBoundary": "arn:aws:iam::aws:policy/PowerUserAccess",
            },
        },
        "Group": {"Type": "AWS::IAM::Group", "Properties": {"GroupName": "staff"}},
        "Member": {"Type": "AWS::IAM::UserToGroupAddition", "Properties": {"GroupName": "staff", "Users": ["bob"]}},
        "Policy": {
            "Type": "AWS::IAM::ManagedPolicy",
            "Properties": {
                "Roles": ["deployer"], "Users": ["bob"], "Groups": ["staff"], "PolicyDocument": _DOCUMENT,
            },
        },
        "Function": {
            "Type": "AWS::Lambda::Function",
            "Properties": {"FunctionName": "f", "Role": {"Fn::GetAtt": ["Role", "Arn"]}, "Code": {"ZipFile": "x"}},
        },
    },
}  # fmt: skip
TERRAFORM: dict[str, Any] = {
    "resource": {
        "aws_iam_role": {
            "app": {"name": "app-role", "assume_role_policy": "{}", "permissions_boundary": "arn:aws:iam::aws:policy/x"}
        },
        "aws_iam_role_policy": {
            "one": {"name": "p", "role": "deployer", "policy": json.dumps(_DOCUMENT)},
            "two": {"for_each": "${toset([\"k\"])}", "role": "${each.key}", "policy": json.dumps(_DOCUMENT)},
        },
        "aws_iam_user_group_membership": {"m": {"user": "bob", "groups": ["staff"]}},
        "aws_iam_policy_attachment": {
            "a": {
                "name": "a", "users": ["bob"], "groups": ["staff"], "roles": ["deployer"],
                "policy_arn": "arn:aws:iam::aws:policy/AdministratorAccess",
            }
        },
        "aws_lambda_function": {"f": {"function_name": "f", "role": "${aws_iam_role.app.arn}"}},
    }
}  # fmt: skip


def plan(terraform: dict[str, Any]) -> dict[str, Any]:
    """A plan that creates these resources."""
    changes = [
        {
            "address": f"{type_}.{name}", "mode": "managed", "type": type_, "name": name,
            "provider_name": "registry.terraform.io/hashicorp/aws",
            "change": {
                "actions": ["create"], "before": None, "after_unknown": {},
                "after": {key: value for key, value in body.items() if "${" not in str(value)},
            },
        }
        for type_, named in terraform["resource"].items()
        for name, body in named.items()
    ]  # fmt: skip
    return {"format_version": "1.2", "terraform_version": "1.9.0", "planned_values": {}, "resource_changes": changes}


FORMS = {"template.json": TEMPLATE, "main.tf.json": TERRAFORM, "plan.json": plan(TERRAFORM)}


def variants(document: Any, character: str) -> Iterator[Any]:
    """The document once for each of its texts and keys, with the character in it."""
    for path, is_key in list(_texts(document, ())):
        changed = copy.deepcopy(document)
        at = changed
        for step in path[:-1]:
            at = at[step]
        last = path[-1]
        if is_key:
            at[f"{last}{character}b"] = at.pop(last)
        else:
            at[last] = f"{at[last]}{character}b"
        yield changed


def _texts(value: Any, path: tuple[Any, ...]) -> Iterator[tuple[tuple[Any, ...], bool]]:
    if isinstance(value, str):
        yield path, False
    for key, one in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        if isinstance(key, str) and path:
            yield (*path, key), True
        yield from _texts(one, (*path, key))


@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize("character", CHARACTERS)
def test_any_text_may_contain_any_separator(name: str, character: str, tmp_path: Path) -> None:
    """Scanned, compared with the version without it, and asked what it needs: no fault, whatever is found."""
    whole, other = tmp_path / "whole", tmp_path / "other"
    whole.mkdir()
    other.mkdir()
    (whole / name).write_text(json.dumps(FORMS[name]), "utf-8")
    for number, document in enumerate(variants(FORMS[name], character)):
        (other / name).write_text(json.dumps(document), "utf-8")
        scanned = scan_paths([other], ScanOptions())
        assert not scanned.faults, (number, scanned.faults)
        if character == CHARACTERS[0] and number % 3 == 0:
            assert not [one for one in difference_of(whole, other, ScanOptions()).unreadable if one.fault]
            read = read_paths([other], ScanOptions())
            assert not read.faults
            required_by([configuration for _, configuration in read.units])


@pytest.mark.parametrize(
    ("name", "content"),
    [
        (
            "main.tf",
            'resource "aws_iam_role_policy" "p" {\n  role = "a\\u0000b"\n  policy = jsonencode({ Statement ='
            ' [{ Effect = "Allow", Action = "iam:PassRole", Resource = "*" }] })\n}\n',
        ),
        (
            "t.json",
            json.dumps(
                {
                    "Resources": {
                        "P": {
                            "Type": "AWS::IAM::Policy",
                            "Properties": {
                                "PolicyName": "p", "Roles": ["a\0b"],
                                "PolicyDocument": {
                                    "Statement": [{"Effect": "Allow", "Action": "iam:PassRole", "Resource": "*"}]
                                },
                            },
                        }
                    }
                }
            ),
        ),
    ],
)  # fmt: skip
def test_nul_in_the_name_of_a_principal_loses_no_finding(
    name: str, content: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path(name).write_text(content, "utf-8")
    assert main(["scan", ".", "--format", "json", "--no-cache"]) == 1
    (finding,) = json.loads(capsys.readouterr().out)["findings"]
    assert (finding["check_id"], finding["principal"]) == ("PASSROLE_001", "a\\0b")


def test_literal_principals_keep_their_names_and_kinds() -> None:
    """The mark before the kind is the only NUL, and no address is taken for a literal."""
    known = literal_principal("user", "a\0role")
    assert kind_and_name(known) == ("user", "a\\0role")
    assert bare_name(known) == "a\\0role"
    assert kind_and_name(rename_principal(known, str.upper)) == ("user", "A\\0ROLE")
    for address in ("Role", "role", "a\0b", 'aws_iam_role.r["\0"]'):
        assert kind_and_name(address) is None
        assert bare_name(address) == address
        assert rename_principal(address, lambda name: f"x.{name}") == f"x.{address}"


def test_digests_of_different_parts_differ() -> None:
    parts = [("a", "b"), ("a\0b",), ("a\1", "b"), ("a\1\0b",), ("a", "\1b"), ("a\0", "b"), ("a", "\0b"), ("", "a", "b")]
    assert len({digest(*one) for one in parts}) == len(parts)
