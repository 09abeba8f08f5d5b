"""Resource patterns as sets of roles: the rows of the truth table, and unresolved parts."""

from __future__ import annotations

import pytest

from passrole_checks.iam.roles import arn
from passrole_checks.iam.roles.arn import Scope
from passrole_checks.iam.roles.role_search import Deployment
from passrole_checks.iam.values.nodes import Position, StringNode, Ternary, Unresolved, UnresolvedKind

A = "arn:aws:iam::111122223333:"
WORKER, APP_WORKER = f"{A}role/Worker", f"{A}role/app/Worker"
LINKED = f"{A}role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS"

ACCOUNT = Unresolved("AWS::AccountId", UnresolvedKind.ACCOUNT_ID)
PARTITION = Unresolved("AWS::Partition", UnresolvedKind.PARTITION)
REGION = Unresolved("AWS::Region", UnresolvedKind.REGION)
NAME = Unresolved("AWS::StackName", UnresolvedKind.NAME)
ANYTHING = Unresolved("var.x")
ROLE = Unresolved(
    "Role.Arn",
    role="Role",
    known=("arn:", PARTITION, ":iam::", ACCOUNT, ":role/", Unresolved("Role", UnresolvedKind.NAME)),
)
ROLE_NAME = Unresolved("Role", UnresolvedKind.NAME, role="Role")


def text(*parts: str | Unresolved) -> StringNode:
    return StringNode(parts, Position("policy.json", 1))


ROWS = [
    (9, f"{A}role/Worker", "W"),
    (10, f"{A}role/app/Worker", "P"),
    (11, f"{A}role/*", "WPS"),
    (12, f"{A}role/app/*", "P"),
    (12, f"{A}role/*/Worker", "P"),
    (12, f"{A}role/?pp/Worker", "P"),
    (13, f"{A}role/*Worker", "WP"),
    (14, f"{A}role/W?rker", "W"),
    (14, f"{A}role/Work*", "W"),
    (15, f"{A}role/worker", ""),
    (15, f"{A}role/Work", ""),
    (16, "arn:aws:iam::*:role/Worker", "W"),
    (16, "arn:aws:iam::11112222????:role/Worker", "W"),
    (17, "arn:aws:iam::999999999999:role/*", ""),
    (17, "arn:aws-cn:iam::*:role/*", ""),
    (18, "arn:*:iam::*:role/Worker", "W"),
    (19, f"{A}*", "WPS"),
    (19, "arn:aws:iam::*", "WPS"),
    (19, "arn:aws:iam", "WPS"),
    (20, "arn:aws:iam:::role/Worker", ""),
    (21, f"{A}instance-profile/*", ""),
    (21, "arn:aws:sts::111122223333:assumed-role/*", ""),
    (21, "arn:aws:s3:::*", ""),
    (23, f"{A}role/aws-service-role/*", "S"),
    (23, f"{A}role/aws-service-role/ECS.amazonaws.com/*", ""),
    (29, f"{A}role/Work${{*}}", ""),
]


@pytest.mark.parametrize(("row", "pattern", "matched"), ROWS)
def test_row_of_the_truth_table(row: int, pattern: str, matched: str) -> None:
    """A Resource matches exactly the roles of its row (W: Worker, P: app/Worker, S: service-linked)."""
    found = {
        letter
        for letter, role in (("W", WORKER), ("P", APP_WORKER), ("S", LINKED))
        if arn.matches(text(pattern), role) is Ternary.YES
    }
    assert found == set(matched), f"row {row}"


@pytest.mark.parametrize(
    ("parts", "scope"),
    [
        (("arn:aws:iam::${aws:PrincipalAccount}:role/*",), Scope.ANY_ROLE),
        (("*",), Scope.ANY_ROLE),
        (("**",), Scope.ANY_ROLE),
        ((f"{A}role/*",), Scope.ANY_ROLE),
        ((f"{A}role/?*",), Scope.ANY_ROLE),
        ((f"{A}*",), Scope.ANY_ROLE),
        (("arn:*:iam::*:role/*",), Scope.ANY_ROLE),
        (("arn:aws:iam::??????????33:role/*",), Scope.ANY_ROLE),
        (("arn:", PARTITION, ":iam::", ACCOUNT, ":role/*"), Scope.ANY_ROLE),
        (("arn:aws:iam::", ANYTHING, ":role/*"), Scope.ANY_ROLE),
        ((ANYTHING, ":role/*"), Scope.ANY_ROLE),
        ((f"{A}role/app-*",), Scope.PREFIX),
        ((f"{A}role/*/Worker",), Scope.PREFIX),
        ((f"{A}role/", NAME, "*"), Scope.PREFIX),
        ((f"{A}role/app-", ANYTHING, "-*"), Scope.PREFIX),
        ((ROLE, "*"), Scope.PREFIX),
        ((WORKER,), Scope.EXACT),
        (("arn:aws:iam::*:role/Worker",), Scope.EXACT),
        ((f"{A}role/app-", ANYTHING), Scope.EXACT),
        ((f"{A}role/", NAME), Scope.EXACT),
        ((f"{A}role/${{aws:PrincipalTag/t}}",), Scope.PREFIX),
        ((f"{A}role/team/${{aws:username}}/app",), Scope.PREFIX),
        ((f"{A}role/${{aws:PrincipalTag/t, 'app'}}",), Scope.PREFIX),
        ((f"{A}role/${{aws:PrincipalTag/t}}-", ANYTHING), Scope.PREFIX),
        ((f"{A}role/a${{$}}{{b}}",), Scope.NOT_A_ROLE),
        (("arn:aws:iam::${aws:PrincipalAccount}:role/app",), Scope.EXACT),
        (("arn:", PARTITION, ":iam::", ACCOUNT, ":role/app-", ACCOUNT), Scope.EXACT),
        (("arn:", PARTITION, ":iam::", ACCOUNT, ":role/app-", REGION, "-", ACCOUNT, "-to-", ANYTHING), Scope.EXACT),
        (("arn:", PARTITION, ":iam::", ACCOUNT, ":role/", PARTITION, "-", ACCOUNT, "-*"), Scope.PREFIX),
        ((ROLE,), Scope.ROLE_IN_TEMPLATE),
        (("arn:aws:iam::", ACCOUNT, ":role/", ROLE_NAME), Scope.ROLE_IN_TEMPLATE),
        ((ANYTHING,), Scope.UNRESOLVED),
        ((f"{A}role/", ANYTHING), Scope.UNRESOLVED),
        ((f"{A}role/", ANYTHING, "*"), Scope.UNRESOLVED),
        (("arn:aws:iam::", ANYTHING), Scope.UNRESOLVED),
        (("arn:aws:*:role/Worker",), Scope.UNRESOLVED),
        (("arn:aws:s3:::*",), Scope.NOT_A_ROLE),
        (("arn:aws:s3:::", ANYTHING, "/*"), Scope.NOT_A_ROLE),
        ((f"{A}instance-profile/*",), Scope.NOT_A_ROLE),
        ((f"{A}user/*",), Scope.NOT_A_ROLE),
        (("arn:aws:iam:::role/Worker",), Scope.NOT_A_ROLE),
        (("arn:aws:iam::", REGION, ":role/Worker"), Scope.NOT_A_ROLE),
        ((ROLE_NAME,), Scope.NOT_A_ROLE),
        (("Worker",), Scope.NOT_A_ROLE),
        (("",), Scope.NOT_A_ROLE),
    ],
)
def test_scope(parts: tuple[str | Unresolved, ...], scope: Scope) -> None:
    """A pattern's scope is that of the set of roles it matches, however it is spelled."""
    assert arn.resource_scope(text(*parts)) is scope


def test_variables_are_literal_in_the_old_version() -> None:
    """Without Version 2012-10-17 a policy variable is plain text, which no role's name holds (row 27)."""
    assert arn.resource_scope(text(f"{A}role/${{aws:PrincipalTag/t}}"), variables=False) is Scope.NOT_A_ROLE
    assert arn.matches(text(f"{A}role/${{aws:PrincipalTag/t}}"), WORKER) is Ternary.UNKNOWN


def test_union_of_patterns_can_cover_every_role() -> None:
    """Two patterns, of which neither holds every role, can do so together."""
    one, two = text(f"{A}role/?"), text(f"{A}role/??*")
    assert arn.resource_scope(one) is Scope.PREFIX and arn.resource_scope(two) is Scope.PREFIX
    assert arn.union_scope([one, two]) is Scope.ANY_ROLE


def test_role_reference_counts_as_one_role_in_a_union() -> None:
    """A role of this configuration does not make a pattern beside it all roles, whatever its name turns out to be."""
    role = text(
        Unresolved(
            "r.arn",
            role="r",
            known=("arn:aws:iam::", Unresolved("id", UnresolvedKind.ACCOUNT_ID), ":role/", Unresolved("name")),
        )
    )
    assert arn.union_scope([role, text(f"{A}role/app-*")]) is Scope.PREFIX


@pytest.mark.parametrize(
    ("left_out", "scope"),
    [
        ((), Scope.ANY_ROLE),
        ((WORKER,), Scope.ANY_ROLE),
        ((f"{A}role/app-*",), Scope.ANY_ROLE),
        (("*",), Scope.NOT_A_ROLE),
        (("arn:aws:iam::*:role/*",), Scope.NOT_A_ROLE),
        ((f"{A}role/*",), Scope.ANY_ROLE),
    ],
)
def test_not_resource_is_any_role_unless_it_names_all(left_out: tuple[str, ...], scope: Scope) -> None:
    """NotResource lets any role through unless it leaves every role of every account out (row 24)."""
    assert arn.complement_scope([text(item) for item in left_out]) is scope


def test_not_resource_of_all_roles_of_the_known_account_is_nothing() -> None:
    """Where the account is known, leaving out all of its roles leaves none; another account's roles are no matter."""
    own = Deployment(account="111122223333")
    assert arn.complement_scope([text(f"{A}role/*")], where=own) is Scope.NOT_A_ROLE
    assert arn.complement_scope([text("arn:aws:iam::444455556666:role/*")], where=own) is Scope.ANY_ROLE
    assert arn.complement_scope([text("arn:aws:iam::", ANYTHING, ":role/*")]) is Scope.UNRESOLVED


@pytest.mark.parametrize(
    ("inner", "outer", "answer"),
    [
        ((WORKER,), ((f"{A}role/W*",),), Ternary.YES),
        ((f"{A}role/*",), ((f"{A}role/W*",),), Ternary.NO),
        ((f"{A}role/W*",), ((f"{A}role/*",),), Ternary.YES),
        ((ROLE,), (("*",),), Ternary.YES),
        ((ROLE,), ((ROLE,),), Ternary.YES),
        ((ROLE,), (("arn:", PARTITION, ":iam::", ACCOUNT, ":role/*"),), Ternary.YES),
        ((WORKER,), ((ANYTHING,),), Ternary.UNKNOWN),
        ((WORKER,), (("arn:aws:iam::", ANYTHING, ":role/*"),), Ternary.UNKNOWN),
        ((WORKER,), ((ANYTHING, ":role/*"),), Ternary.UNKNOWN),
        ((WORKER,), (("arn:", ANYTHING, ":iam::*:role/*"),), Ternary.UNKNOWN),
        ((f"{A}role/app-111122223333",), ((f"{A}role/app-", ACCOUNT),), Ternary.UNKNOWN),
        ((f"{A}role/app-x",), ((f"{A}role/app-", ACCOUNT),), Ternary.NO),
        ((f"{A}role/app-", ACCOUNT), ((f"{A}role/app-*",),), Ternary.YES),
        ((ANYTHING,), ((WORKER,),), Ternary.UNKNOWN),
        ((f"{A}role/ab",), ((f"{A}role/a?",), (f"{A}role/c*",)), Ternary.YES),
        ((f"{A}role/?",), ((f"{A}role/a",), (f"{A}role/b",)), Ternary.NO),
    ],
)
def test_inclusion(
    inner: tuple[str | Unresolved, ...], outer: tuple[tuple[str | Unresolved, ...], ...], answer: Ternary
) -> None:
    """A pattern is included if all its roles are matched by the others together, whatever the unresolved parts hold."""
    assert arn.included(text(*inner), [text(*item) for item in outer]) is answer


@pytest.mark.parametrize(
    ("pattern", "answer"),
    [
        (f"{A}role/aws-service-role/*", Ternary.YES),
        (f"{A}role/aws-*", Ternary.YES),
        (f"{A}role/aws-service-role/ecs.amazonaws.com/*", Ternary.YES),
        (LINKED, Ternary.NO),
        ("arn:aws:iam::*:role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS", Ternary.NO),
        (f"{A}role/*-deploy", Ternary.NO),
        (f"{A}role/app-*", Ternary.NO),
    ],
)
def test_service_linked_roles(pattern: str, answer: Ternary) -> None:
    """A wildcard over service-linked roles covers them; one named exactly, or a pattern about other roles, does not."""
    assert arn.covers_service_linked(text(pattern)) is answer


def test_account_and_partition_are_read_if_literal() -> None:
    """The account and the partition are returned only if they are literal."""
    assert arn.account_of(text(WORKER)) == "111122223333"
    assert arn.account_of(text("arn:aws:iam::*:role/Worker")) is None
    assert arn.account_of(text("arn:aws:iam::", ACCOUNT, ":role/Worker")) is None
    assert arn.partition_of(text("arn:aws-cn:iam::*:role/Worker")) == "aws-cn"
    assert arn.partition_of(text(ROLE)) is None


def test_exploding_patterns_are_unknown() -> None:
    """Patterns whose automaton would take gigabytes are unknown, soon and in little memory."""
    many = [text(f"arn:aws:iam::*:role/*{letters}*") for letters in (f"x{index}admin{index}y" for index in range(40))]
    assert arn.included(text("arn:aws:iam::*:role/app-*"), many) is not Ternary.YES


def test_a_pseudo_parameter_is_no_policy_variable_before_the_fifth_colon() -> None:
    """CloudFormation replaces ``${AWS::AccountId}`` at deployment; IAM substitutes no variable there."""
    assert not arn.excludes_no_role(text("arn:aws:iam::", ACCOUNT, ":role/", NAME))
    assert arn.excludes_no_role(text("arn:aws:iam::${aws:PrincipalAccount}:role/", NAME))
