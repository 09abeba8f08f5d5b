"""Grants, and what a Deny denies."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passrole_checks.aws.service_principals import known_services
from passrole_checks.iam.conditions.passed_to_service import Constraint
from passrole_checks.iam.documents.policy import parse_document
from passrole_checks.iam.grants.grant import PassRoleGrant
from passrole_checks.iam.grants.subtract_denials import grants_of
from passrole_checks.iam.roles.arn import Scope
from passrole_checks.iam.values.nodes import Position, StringNode, Ternary

A = "arn:aws:iam::111122223333:role/"
EC2, LAMBDA = "ec2.amazonaws.com", "lambda.amazonaws.com"
SERVICES = {name: known_services(name) for name in ("aws", "aws-cn")}


def grants(*statements: dict[str, Any], account: str | None = None) -> list[PassRoleGrant]:
    document = StringNode(
        (json.dumps({"Version": "2012-10-17", "Statement": list(statements)}),), Position("p.json", 1)
    )
    parsed = parse_document(document)
    assert parsed.problems == ()
    return list(grants_of(parsed.statements, SERVICES, account))


def allow(resource: Any = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": "iam:PassRole", "Resource": resource, **more}


def deny(resource: Any = "*", **more: Any) -> dict[str, Any]:
    return allow(resource, **more) | {"Effect": "Deny"}


def to(*services: str, operator: str = "StringEquals") -> dict[str, Any]:
    return {"Condition": {operator: {"iam:PassedToService": list(services)}}}


def test_statement_without_passrole_is_not_a_grant() -> None:
    """A statement whose actions leave PassRole out gives nothing."""
    assert grants({"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}) == []
    assert grants({"Effect": "Allow", "Action": ["s3:*", "iam:Get*"], "Resource": "*"}) == []


def test_deny_on_one_role_keeps_grants_of_other_roles() -> None:
    """Of two roles the denied one goes, the other stays."""
    allowed, _ = grants(allow([f"{A}a", f"{A}b"]), deny(f"{A}a"))
    assert [str(role.pattern) for role in allowed.roles] == [f"{A}b"]
    assert not allowed.denied


def test_deny_on_all_roles_denies_the_grant() -> None:
    """Row 8 of the truth table: a Deny by NotAction takes every role away."""
    allowed, _ = grants(allow(), {"Effect": "Deny", "NotAction": "iam:GetRole", "Resource": "*"})
    assert allowed.denied


def test_deny_with_not_resource_keeps_its_roles() -> None:
    """Row 25: what a Deny with NotResource leaves out is what stays allowed."""
    allowed, _ = grants(allow(), {"Effect": "Deny", "Action": "iam:PassRole", "NotResource": f"{A}app/*"})
    assert [str(role.pattern) for role in allowed.roles] == [f"{A}app/*"]
    assert allowed.scope is Scope.PREFIX


def test_deny_on_one_role_keeps_any_role_scope() -> None:
    """Every role but one is still any role."""
    allowed, _ = grants(allow(), deny(f"{A}admin"))
    assert allowed.scope is Scope.ANY_ROLE and not allowed.denied


def test_not_resource_and_deny_on_the_rest_leave_nothing() -> None:
    """A Deny of every role that NotResource allows leaves no grant."""
    allowed, _ = grants(
        {"Effect": "Allow", "Action": "iam:PassRole", "NotResource": f"{A}a"},
        {"Effect": "Deny", "Action": "iam:PassRole", "NotResource": f"{A}a"},
    )
    assert allowed.denied


@pytest.mark.parametrize(
    ("guard", "constraint", "values"),
    [
        (to(EC2, operator="StringNotEquals"), Constraint.EXACT, (EC2,)),
        (to(EC2, operator="StringNotEqualsIfExists"), Constraint.EXACT, (EC2,)),
        (to(EC2, operator="ForAnyValue:StringNotEquals"), Constraint.EXACT_IF_PRESENT, (EC2,)),
        (to(EC2), Constraint.PATTERN, ()),
    ],
)
def test_deny_of_other_services_limits_the_services(
    guard: dict[str, Any], constraint: Constraint, values: tuple[str, ...]
) -> None:
    """Rows 59 to 61: a Deny on the service narrows the services of the Allow."""
    allowed, _ = grants(allow(f"{A}app"), deny(**guard))
    assert allowed.services.constraint is constraint
    assert allowed.services.values == values


def test_deny_applies_to_pairs_of_service_and_role() -> None:
    """A Deny of one role for one service leaves that role for the others and the other roles for that one."""
    allowed, _ = grants(allow([f"{A}a", f"{A}b"], **to(EC2, LAMBDA)), deny(f"{A}a", **to(EC2)))
    assert [str(role.pattern) for role in allowed.roles] == [f"{A}a", f"{A}b"]
    assert allowed.services.constraint is Constraint.EXACT
    (left, _) = grants(allow(f"{A}a", **to(EC2, LAMBDA)), deny(f"{A}a", **to(EC2)))
    assert left.services.values == (LAMBDA,)


@pytest.mark.parametrize(
    "condition",
    [
        {"Bool": {"aws:MultiFactorAuthPresent": "false"}},
        {"StringEquals": {"iam:ResourceTag/x": "y"}},
        {"ArnLike": {"iam:AssociatedResourceArn": "arn:aws:ec2:*:*:instance/*"}},
    ],
)
def test_undecidable_deny_is_ignored(condition: dict[str, Any]) -> None:
    """A Deny under a condition that depends on the request takes no grant away."""
    allowed, _ = grants(allow(), deny(Condition=condition))
    assert not allowed.denied and allowed.scope is Scope.ANY_ROLE


def test_deny_with_negated_operator_of_another_type_is_ignored() -> None:
    """A Deny that asks that the service is not some number may be met by every service, or by none."""
    (left, _) = grants(allow(), deny(Condition={"NumericNotEquals": {"iam:PassedToService": "5"}}))
    assert not left.denied and left.scope is Scope.ANY_ROLE


def test_deny_with_early_policy_variable_is_ignored() -> None:
    """IAM fills in no policy variable there (IAM User Guide, "IAM policy elements: Variables and tags")."""
    (left, _) = grants(allow(), deny("arn:aws:iam::${aws:PrincipalAccount}:role/*"))
    assert not left.denied and left.scope is Scope.ANY_ROLE


def test_partition_determines_known_services() -> None:
    """A pattern over ``.amazonaws.com`` leaves no service of ``aws`` out, but some of ``aws-cn``."""
    (usual,) = grants(allow(f"{A}app-*", **to("*.amazonaws.com", operator="StringLike")))
    assert usual.services.constraint is Constraint.INEFFECTIVE
    china = "arn:aws-cn:iam::111122223333:role/app-*"
    (cn,) = grants(allow(china, **to("*.amazonaws.com", operator="StringLike")))
    assert cn.services.constraint is Constraint.PATTERN


def test_deny_in_the_named_partition_denies_the_grant() -> None:
    """A document that names ``aws`` is for that partition: all of its roles denied is all roles denied."""
    allowed, _ = grants(allow(), deny("arn:aws:iam::*:role/*"))
    assert allowed.denied


def test_deny_in_one_partition_keeps_the_others() -> None:
    """A document that names two partitions is meant for both: a Deny on all roles of one leaves those of the other."""
    all_but_one = {"Effect": "Allow", "Action": "iam:PassRole", "NotResource": "arn:aws:iam::*:role/x"}
    (left, *_) = grants(all_but_one, deny("arn:aws-cn:iam::*:role/*"))
    assert not left.denied and left.scope is Scope.ANY_ROLE
    (left, *_) = grants(allow(), deny(["arn:aws-cn:iam::*:role/*", "arn:aws:iam::*:role/*"]))
    assert left.denied


def test_deny_on_the_known_account_denies_the_grant() -> None:
    """Roles are passed within their account, so denying all of its roles leaves none."""
    assert not grants(allow(), deny(f"{A}*"))[0].denied
    assert grants(allow(), deny(f"{A}*"), account="111122223333")[0].denied


@pytest.mark.parametrize("condition", [{}, {"StringEquals": {}}, None])
def test_deny_with_empty_condition_is_ignored(condition: Any) -> None:
    """AWS's pages differ on what an empty condition does, so such a Deny is not relied on."""
    allowed, _ = grants(allow(), deny(Condition=condition))
    assert not allowed.denied


def test_excluding_one_service_keeps_other_services_open() -> None:
    """A Deny of one service narrows nothing that one can rely on: all others are let through."""
    allowed, _ = grants(allow(f"{A}app-*"), deny(**to(EC2)))
    assert allowed.open_to_other_services
    narrow, _ = grants(allow(f"{A}app-*", **to("ec2.*", operator="StringLike")), deny(**to(EC2)))
    assert not narrow.open_to_other_services


roles = st.sampled_from([f"{A}a", f"{A}b", f"{A}a*", f"{A}*", "*", f"{A}app/*", f"{A}?"])
services = st.lists(st.sampled_from([EC2, LAMBDA, "ecs-tasks.amazonaws.com"]), min_size=1, unique=True)
world = [f"{A}{name}" for name in ("a", "b", "ab", "app/x", "other/y")]


@given(st.lists(roles, min_size=1, max_size=2), services, st.lists(st.tuples(roles, services), max_size=2))
def test_denied_grant_allows_no_request(
    resources: list[str], allowed: list[str], denials: list[tuple[str, list[str]]]
) -> None:
    """A grant is wholly denied only if each request of a small world is denied; what is left keeps its services."""
    from passrole_checks.iam.roles import arn

    def text(value: str) -> StringNode:
        return StringNode((value,), Position("p.json", 1))

    def is_in(role: str, pattern: str) -> bool:
        return arn.matches(text(pattern), role) is Ternary.YES

    grant = grants(allow(resources, **to(*allowed)), *(deny(role, **to(*names)) for role, names in denials))[0]
    left = {
        (role, service)
        for role in world
        for service in allowed
        if any(is_in(role, item) for item in resources)
        and not any(is_in(role, denied) and service in names for denied, names in denials)
    }
    if grant.denied:
        assert not left
    for role, service in left:
        assert service in grant.services.values
        assert any(is_in(role, str(item.pattern)) for item in grant.roles)
