"""Statements that moved between Terraform roots, modules, templates and resources, in reviews."""

from __future__ import annotations

import json
from typing import Any

import pytest
from reviews_of_tests import ReviewResult, Reviews

TRUST = (
    '{ Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "ec2.amazonaws.com" } }] }'
)
APP = '"arn:aws:iam::111122223333:role/app-*"'
OTHER_APP = '"arn:aws:iam::444455556666:role/app-*"'
TOPIC = 'resource "aws_sns_topic" "topic" {}\n'
PROFILE = 'provider "aws" {\n  profile = "%s"\n}\n'
ASSUMED = 'provider "aws" {\n  assume_role {\n    role_arn = "arn:aws:iam::%s:role/deploy"\n  }\n}\n'
ACCOUNT = 'provider "aws" {\n  allowed_account_ids = ["%s"]\n}\n'


def role(name: str = "deployer", in_aws: str = "") -> str:
    own = f'  name = "{in_aws}"\n' if in_aws else ""
    return f'resource "aws_iam_role" "{name}" {{\n{own}  assume_role_policy = jsonencode({TRUST})\n}}\n'


def grant(roles: str = APP, holder: str = "deployer", name: str = "pass") -> str:
    statement = f'{{ Effect = "Allow", Action = "iam:PassRole", Resource = {roles} }}'
    return (
        f'resource "aws_iam_role_policy" "{name}" {{\n  role = aws_iam_role.{holder}.id\n'
        f"  policy = jsonencode({{\n    Statement = [\n      {statement}\n    ]\n  }})\n}}\n"
    )


def template(**roles: Any) -> str:
    """Return a template with roles that can pass the given roles."""
    resources: dict[str, Any] = {"Topic": {"Type": "AWS::SNS::Topic"}}
    for name, roles_to_pass in roles.items():
        statement = {"Effect": "Allow", "Action": "iam:PassRole", "Resource": roles_to_pass}
        policy = {"PolicyName": "p", "PolicyDocument": {"Version": "2012-10-17", "Statement": [statement]}}
        trust = {"Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "x.com"}}]}
        properties = {"AssumeRolePolicyDocument": trust, "Policies": [policy]}
        resources[name] = {"Type": "AWS::IAM::Role", "Properties": properties}
    return json.dumps({"Resources": resources}, indent=1)


def of_alias(profile: str) -> str:
    """Return the role with a provider of its own."""
    return (
        role().replace("{\n", "{\n  provider = aws.other\n", 1)
        + PROFILE.replace("{\n", '{\n  alias = "other"\n') % profile
    )


def two_roots(repository: Reviews, before: str, after: str, *, left: str = "", present: str = "") -> ReviewResult:
    """Review a change that takes ``before`` out of the root "a", leaves ``left``, and adds ``after`` to the root "b"
    beside ``present``."""
    return repository.between(
        {"a/main.tf": TOPIC + before, "b/main.tf": TOPIC + present},
        {"a/main.tf": TOPIC + left, "b/main.tf": TOPIC + present + after},
    )


def is_silent(result: ReviewResult) -> bool:
    report = result.report
    return not (report.items or report.fixed or report.less or report.more or report.unreadable)


VARIABLE = 'variable "app" {}\n'


@pytest.mark.parametrize(
    ("statement", "caveat"),
    [
        (role() + grant(), False),
        (role(in_aws="deployer") + grant(), False),
        (role() + role("task") + grant("aws_iam_role.task.arn"), False),
        (VARIABLE + role() + grant('"arn:aws:iam::111122223333:role/${var.app}"'), True),
        (VARIABLE + role(in_aws="${var.app}") + grant(), True),
        (VARIABLE + grant().replace("aws_iam_role.deployer.id", "var.app"), True),
        (
            role() + grant().replace("aws_iam_role_policy", "aws_iam_policy").replace("  role =", "  description ="),
            False,
        ),
    ],
)
def test_a_statement_moves_to_another_root(repository: Reviews, statement: str, caveat: bool) -> None:
    """It is no item, neither less access nor fixed; a note says where it was, and if that depends on a value."""
    result = two_roots(repository, statement, statement)
    assert is_silent(result) and result.status == 0
    (note,) = result.report.moved
    assert (result.json["counts"]["moved"], result.report.warrants_comment) == (1, False)
    assert note.file == "b/main.tf" and " from a/main.tf:" in note.reason
    assert ("${var.app}" in note.reason) is caveat


def test_a_moved_statement_that_is_wider_is_worse(repository: Reviews) -> None:
    """Its access before is that of its old place; its own lines are the change, so that no other line is its cause."""
    result = two_roots(repository, role() + grant(), role() + grant('"*"'))
    (item,) = result.report.items
    assert (item.group, item.change, item.cause) == ("worse", "widened", None)
    assert item.before is not None and item.before.roles == ("arn:aws:iam::111122223333:role/app-*",)
    assert (result.report.fixed, result.report.less) == ((), ())
    (message,) = (remark.message for remark in item.remarks if remark.check_id == "PASSROLE_015")
    assert "had no PassRole access" not in message


def test_a_copy_is_new(repository: Reviews) -> None:
    result = two_roots(repository, role() + grant(), role() + grant(), left=role() + grant())
    (item,) = result.report.items
    assert (item.group, item.change, item.at.file, result.report.less) == ("new", "new", "b/main.tf", ())


def test_one_of_two_copies_has_moved(repository: Reviews) -> None:
    statement = role() + grant()
    result = repository.between(
        {"a/main.tf": TOPIC + statement, "b/main.tf": TOPIC, "c/main.tf": TOPIC},
        {"a/main.tf": TOPIC, "b/main.tf": TOPIC + statement, "c/main.tf": TOPIC + statement},
    )
    (item,) = result.report.items
    assert (item.group, item.at.file) == ("new", "c/main.tf")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (role() + grant(), role("operator") + grant(holder="operator")),
        (role(in_aws="deployer") + grant(), role(in_aws="operator") + grant()),
        (ACCOUNT % "111122223333" + role() + grant(), ACCOUNT % "444455556666" + role() + grant(OTHER_APP)),
        (PROFILE % "dev" + role() + grant(), PROFILE % "prod" + role() + grant()),
        (ASSUMED % "111122223333" + role() + grant(), ASSUMED % "444455556666" + role() + grant()),
        (ACCOUNT % "111122223333" + role() + grant('"*"'), ACCOUNT % "444455556666" + role() + grant('"*"')),
        (role() + grant(), PROFILE % "prod" + role() + grant()),
        (of_alias("dev") + grant(), of_alias("prod") + grant()),
    ],
)
def test_another_principal_or_account_has_new_access(repository: Reviews, before: str, after: str) -> None:
    """It is new, not worse, though the resource has the same address; and gone where it was."""
    result = two_roots(repository, before, after)
    (item,) = result.report.items
    assert (item.group, item.change, item.before, item.cause) == ("new", "new", None, None)
    assert [reduced.change for reduced in result.report.less] == ["removed"]


def test_a_role_that_stays_is_not_the_one_of_the_other_root(repository: Reviews) -> None:
    """A reference that means another role there may be wider access, and is never silent."""
    result = two_roots(
        repository,
        role() + role("task") + grant("aws_iam_role.task.arn"),
        role() + grant("aws_iam_role.task.arn"),
        left=role("task"),
        present=role("task"),
    )
    assert result.report.more and not result.report.moved


def test_other_credentials_are_noted(repository: Reviews) -> None:
    """The same code in another account may be new access there."""
    code = role() + grant()
    result = repository.between({"main.tf": PROFILE % "dev" + code}, {"main.tf": PROFILE % "prod" + code})
    (note,) = result.report.not_evaluated
    assert (note.file, note.line) == ("main.tf", 2) and "profile = prod" in note.reason


def test_other_provider_is_noted(repository: Reviews) -> None:
    """A resource that another provider creates now, or a root that states credentials now, is not silent."""
    both = "".join(PROFILE.replace("{\n", f'{{\n  alias = "{name}"\n') % name for name in ("dev", "prod"))
    both += "".join(role(f"of_{name}").replace("{\n", f"{{\n  provider = aws.{name}\n", 1) for name in ("dev", "prod"))
    moved = role().replace("{\n", "{\n  provider = aws.%s\n", 1) + grant()
    for before, after, says in (
        (
            both + moved % "dev",
            both + moved % "prod",
            "aws_iam_role.deployer has another provider now (profile = prod)",
        ),
        (both + role() + grant(), both + moved % "prod", "aws_iam_role.deployer has another provider now"),
        (role() + grant(), PROFILE % "prod" + role() + grant(), "profile = prod"),
    ):
        (note,) = repository.between({"main.tf": before}, {"main.tf": after}).report.not_evaluated
        assert says in note.reason


def test_roles_change_places(repository: Reviews) -> None:
    """Two templates that exchange roles lose and gain nothing."""
    roles = {"First": "arn:aws:iam::111122223333:role/a-*", "Second": "arn:aws:iam::111122223333:role/b-*"}
    first, second = (template(**{name: passed}) for name, passed in roles.items())
    result = repository.between({"a.json": first, "b.json": second}, {"a.json": second, "b.json": first})
    assert is_silent(result) and len(result.report.moved) in (0, 2)


def test_a_statement_moves_with_some_of_its_principals(repository: Reviews) -> None:
    """One that several had moves with each of them; who no longer has it has less access."""
    attach = (
        'resource "aws_iam_role_policy" "%s" {\n  role   = "%s"\n  policy = jsonencode({ Statement = '
        '[{ Effect = "Allow", Action = "iam:PassRole", Resource = "arn:aws:iam::111122223333:role/app-*" }] })\n}\n'
    )
    document = f'jsonencode({{ Statement = [{{ Effect = "Allow", Action = "iam:PassRole", Resource = {APP} }}] }})'
    policy = f'resource "aws_iam_policy" "pass" {{\n  policy = {document}\n}}\n'
    policy += (
        'resource "aws_iam_policy_attachment" "pass" {\n  name       = "pass"\n'
        '  roles      = ["one", "two", "three"]\n  policy_arn = aws_iam_policy.pass.arn\n}\n'
    )
    result = repository.between(
        {"a/main.tf": TOPIC + policy, "b/main.tf": TOPIC, "c/main.tf": TOPIC},
        {
            "a/main.tf": TOPIC,
            "b/main.tf": TOPIC + attach % ("first", "one"),
            "c/main.tf": TOPIC + attach % ("second", "two"),
        },
    )
    assert (result.items, len(result.report.moved)) == ([], 2)
    assert [reduced.before.principals for reduced in result.report.less] == [("three",)]


MOVED = "moved {\n  from = aws_iam_role.deployer\n  to   = aws_iam_role.operator\n}\n"


MOVED_IN_JSON = '{"moved": [{"from": "aws_iam_role.deployer", "to": "aws_iam_role.operator"}]}'


@pytest.mark.parametrize(
    ("declared", "items"),
    [
        ({"moved.tf": MOVED}, [("worse", "widened")]),
        ({"moved.tf.json": MOVED_IN_JSON}, [("worse", "widened")]),
        ({}, [("worse", "new")]),
    ],
    ids=["declared", "declared in JSON", "undeclared"],
)
def test_a_declared_move_is_the_same_role(
    repository: Reviews, declared: dict[str, str], items: list[tuple[str, str]]
) -> None:
    """Without a ``moved`` block, a role with another name in the code is another one."""
    after = role("operator") + grant('"*"', holder="operator")
    result = repository.between({"main.tf": role() + grant()}, {"main.tf": after, **declared})
    assert [(item.group, item.change) for item in result.report.items] == items


@pytest.mark.parametrize(("roles", "items"), [(APP, []), ('"*"', [("worse", "widened")])])
def test_a_statement_moves_to_another_module(repository: Reviews, roles: str, items: list[tuple[str, str]]) -> None:
    result = repository.between(
        {"main.tf": 'module "a" {\n  source = "./m"\n}\n', "m/main.tf": role() + grant()},
        {
            "main.tf": 'module "b" {\n  source = "./n"\n}\n',
            "m/main.tf": None,
            "n/main.tf": TOPIC + role() + grant(roles),
        },
    )
    assert [(item.group, item.change) for item in result.report.items] == items
    assert (result.report.fixed, result.report.less) == ((), ())


@pytest.mark.parametrize(("roles", "items"), [(APP, []), ('"*"', [("worse", "widened")])])
def test_a_statement_moves_to_another_resource_and_file(
    repository: Reviews, roles: str, items: list[tuple[str, str]]
) -> None:
    managed = grant(roles, name="other").replace("aws_iam_role_policy", "aws_iam_policy")
    managed = managed.replace("  role = aws_iam_role.deployer.id\n", "")
    attachment = (
        'resource "aws_iam_role_policy_attachment" "other" {\n'
        "  role = aws_iam_role.deployer.name\n  policy_arn = aws_iam_policy.other.arn\n}\n"
    )
    result = repository.between(
        {"main.tf": role() + grant()}, {"main.tf": role(), "policies.tf": TOPIC + managed + attachment}
    )
    assert [(item.group, item.change) for item in result.report.items] == items
    assert (result.report.fixed, result.report.less) == ((), ())


@pytest.mark.parametrize(("roles", "items"), [("arn:aws:iam::111122223333:role/app-*", []), ("*", ["worse"])])
def test_a_role_moves_to_another_template(repository: Reviews, roles: str, items: list[str]) -> None:
    before = {"a.json": template(Deployer="arn:aws:iam::111122223333:role/app-*"), "b.json": template()}
    result = repository.between(before, {"a.json": template(), "b.json": template(Deployer=roles)})
    assert [item.group for item in result.report.items] == items
    assert (result.report.fixed, result.report.less) == ((), ())


def test_stack_sets_do_not_move(repository: Reviews) -> None:
    """A stack set may be deployed to other accounts in another template."""
    inner = template(Deployer="arn:aws:iam::*:role/app-*").replace("\n", "\n        ")
    alone = "Resources:\n  Topic:\n    Type: AWS::SNS::Topic\n"
    both = f"{alone}  Set:\n    Type: AWS::CloudFormation::StackSet\n    Properties:\n      StackSetName: set\n"
    both += f"      TemplateBody: |\n        {inner}\n"
    result = repository.between({"a.yaml": both, "b.yaml": alone}, {"a.yaml": alone, "b.yaml": both})
    assert (len(result.report.moved), len(result.report.less)) == (0, 1)
