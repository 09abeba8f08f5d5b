"""Roles that one principal can pass by one statement, after its Deny statements and limits."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest

from passrole_checks.iam.documents.policy import Statement, parse_document
from passrole_checks.iam.grants.effective_grant import EffectiveGrant
from passrole_checks.iam.grants.grant import raw_grants
from passrole_checks.iam.permissions.permissions import Permissions
from passrole_checks.iam.roles.arn import Scope
from passrole_checks.iam.values.nodes import Position, Ternary, text

AT = Position("policy.json", 1)
SERVICES = {"aws": ["ec2.amazonaws.com", "lambda.amazonaws.com"], "aws-cn": ["ec2.amazonaws.com.cn"]}
EC2, LAMBDA = SERVICES["aws"]
ROLE = "arn:aws:iam::111122223333:role/"


def statement(effect: str, action: str, resource: str = "*", services: Sequence[str] = ()) -> dict[str, object]:
    found: dict[str, object] = {"Effect": effect, "Action": action, "Resource": resource}
    if services:
        found["Condition"] = {"StringEquals": {"iam:PassedToService": list(services)}}
    return found


def parsed(*statements: dict[str, object]) -> tuple[Statement, ...]:
    document = {"Version": "2012-10-17", "Statement": list(statements)}
    return parse_document(text(json.dumps(document), AT)).statements


def passing(*statements: dict[str, object], limit: Sequence[dict[str, object]] = ()) -> EffectiveGrant:
    found = parsed(*statements)
    permissions = Permissions(found, (parsed(*limit),) if limit else ())
    (grant, *_) = raw_grants(found, {name: list(known) for name, known in SERVICES.items()})
    return EffectiveGrant(grant, permissions, SERVICES)


def roles(one: EffectiveGrant, service: str) -> list[str] | None:
    passed = one.for_service(service)
    return [str(role) for role in passed.roles] if passed is not None else None


def test_deny_applies_per_service() -> None:
    """A Deny for one service leaves the others, and one for a role leaves the other roles."""
    one = passing(statement("Allow", "iam:PassRole", ROLE + "app-*"),
                  statement("Deny", "iam:PassRole", "*", [EC2]))  # fmt: skip
    assert roles(one, EC2) is None and roles(one, LAMBDA) == [ROLE + "app-*"]
    two = passing(statement("Allow", "iam:PassRole", ROLE + "app-*"), statement("Deny", "iam:PassRole", ROLE + "app-x"))
    passed = two.for_service(LAMBDA)
    assert passed is not None and [str(role) for role in passed.denied] == [ROLE + "app-x"]


def test_boundary_intersects_roles_and_services() -> None:
    """Within a boundary the narrower pattern of both is left, for the services that both let through."""
    allow = statement("Allow", "iam:PassRole", "*")
    one = passing(allow, limit=[statement("Allow", "iam:*", ROLE + "app-*", [LAMBDA])])
    assert roles(one, LAMBDA) == [ROLE + "app-*"] and roles(one, EC2) is None
    passed = one.for_service(LAMBDA)
    assert passed is not None and (passed.scope, passed.certain) == (Scope.PREFIX, Ternary.YES)
    assert one.for_any_service is not None and one.for_any_service.scope is Scope.PREFIX
    assert passing(allow, limit=[statement("Allow", "s3:*")]).for_any_service is None


def test_boundary_with_not_resource_excludes_its_roles() -> None:
    """A boundary that leaves roles out by NotResource takes them away, and nothing else."""
    limit = {"Effect": "Allow", "Action": "iam:*", "NotResource": ROLE + "admin-*"}
    passed = passing(statement("Allow", "iam:PassRole", "*"), limit=[limit]).for_service(EC2)
    assert passed is not None and (passed.scope, passed.certain) == (Scope.ANY_ROLE, Ternary.YES)
    assert [str(role) for role in passed.denied] == [ROLE + "admin-*"]
    assert roles(passing(statement("Allow", "iam:PassRole", ROLE + "admin-x"), limit=[limit]), EC2) is None
    assert roles(passing(statement("Allow", "iam:PassRole", ROLE + "app"), limit=[limit]), EC2) == [ROLE + "app"]


def test_boundary_for_another_account_allows_nothing() -> None:
    """A boundary that allows all roles of another account or of another partition allows none here."""
    allow = statement("Allow", "iam:PassRole", ROLE + "app")
    for elsewhere in ("arn:aws:iam::999999999999:role/*", "arn:aws-cn:iam::*:role/*"):
        assert roles(passing(allow, limit=[statement("Allow", "iam:PassRole", elsewhere)]), EC2) is None
    assert roles(passing(allow, limit=[statement("Allow", "iam:PassRole", ROLE + "*")]), EC2) == [ROLE + "app"]


def test_boundary_with_undecidable_condition_is_uncertain() -> None:
    """Where a boundary surely allows one role, and any role under a condition that is not known, it is not sure that
    any role can be passed."""
    limit = [
        statement("Allow", "iam:PassRole", ROLE + "app"),
        {**statement("Allow", "iam:PassRole"), "Condition": {"StringEquals": {"aws:RequestedRegion": "eu-west-1"}}},
    ]
    passed = passing(statement("Allow", "iam:PassRole", "*"), limit=limit).for_service(EC2)
    assert passed is not None and passed.certain is Ternary.UNKNOWN


def test_not_resource_roles_stay_excluded_after_deny() -> None:
    """Where a Deny turns "all roles but these" into a list, these are not in it."""
    allow = {"Effect": "Allow", "Action": "iam:PassRole", "NotResource": ROLE + "app/admin"}
    deny = {"Effect": "Deny", "Action": "iam:PassRole", "NotResource": ROLE + "app/*"}
    passed = passing(allow, deny).for_service(EC2)
    assert passed is not None and [str(role) for role in passed.roles] == [ROLE + "app/*"]
    assert [str(role) for role in passed.denied] == [ROLE + "app/admin"]


def test_deny_with_not_resource_leaves_the_intersection() -> None:
    """Of two patterns the one within the other is left; where they cross, it is not sure that a role of either is."""
    deny = {"Effect": "Deny", "Action": "iam:PassRole", "NotResource": ROLE + "w?t/worker"}
    passed = passing(statement("Allow", "iam:PassRole", ROLE + "*er"), deny).for_service(EC2)
    assert passed is not None and ([str(role) for role in passed.roles], passed.certain) == (
        [ROLE + "w?t/worker"], Ternary.YES,
    )  # fmt: skip
    crossing = passing(statement("Allow", "iam:PassRole", ROLE + "wet/*"), deny).for_service(EC2)
    assert crossing is not None and crossing.certain is Ternary.UNKNOWN


def test_possible_deny_makes_the_grant_uncertain() -> None:
    """Where a policy variable in a Deny decides whether the role, or the service, is the one that is asked about, it is
    not sure that the role can be passed; of many roles of which it may take one it is."""
    variable = "${aws:PrincipalTag/team}"
    one = passing(statement("Allow", "iam:PassRole", ROLE + "app"), statement("Deny", "iam:PassRole", ROLE + variable))
    other = passing(
        statement("Allow", "iam:PassRole", ROLE + "app"),
        statement("Deny", "iam:PassRole", "*", [f"{variable}.amazonaws.com"]),
    )
    many = passing(statement("Allow", "iam:PassRole", "*"), statement("Deny", "iam:PassRole", ROLE + variable))
    found = [item.for_service(EC2) for item in (one, other, many)]
    assert [item.certain for item in found if item is not None] == [Ternary.UNKNOWN, Ternary.UNKNOWN, Ternary.YES]


@pytest.mark.parametrize(
    ("condition", "certain"),
    [
        ({"ArnNotLike": {"aws:ResourceArn": ROLE + "app*"}}, Ternary.YES),
        ({"ArnLike": {"aws:ResourceArn": ROLE + "other"}}, Ternary.YES),
        ({"StringNotEquals": {"aws:ResourceAccount": "${aws:PrincipalAccount}"}}, Ternary.YES),
        ({"ArnNotLike": {"aws:ResourceArn": ROLE + "other"}}, Ternary.UNKNOWN),
        ({"StringNotEquals": {"aws:ResourceArn": ROLE + "app*"}}, Ternary.UNKNOWN),
        ({"Bool": {"aws:ViaAWSService": "false"}}, Ternary.UNKNOWN),
    ],
)
def test_a_deny_does_not_limit_the_roles_that_its_condition_spares(condition: object, certain: Ternary) -> None:
    denial = {**statement("Deny", "iam:PassRole", "*"), "Condition": condition}
    passed = passing(statement("Allow", "iam:PassRole", ROLE + "app"), denial).for_service(EC2)
    assert passed is not None and passed.certain is certain


def test_policies_of_both_versions_are_comparable() -> None:
    """In each policy ``${`` means what it means by its own Version: a variable may take any role away, plain text does
    not name a role of this name."""
    old = parse_document(text(json.dumps({"Statement": [statement("Allow", "iam:PassRole", ROLE + "app")]}), AT))
    (grant,) = raw_grants(old.statements, {name: list(known) for name, known in SERVICES.items()})
    new = parsed(statement("Deny", "iam:PassRole", ROLE + "${aws:username}"))
    passed = EffectiveGrant(grant, Permissions((*old.statements, *new)), SERVICES).for_service(EC2)
    assert passed is not None and [str(role) for role in passed.denied] == [ROLE + "${aws:username}"]
    text_only = {"Statement": [statement("Deny", "iam:PassRole", ROLE + "${*}")]}
    plain = parse_document(text(json.dumps(text_only), AT)).statements
    (grant,) = raw_grants(parsed(statement("Allow", "iam:PassRole", ROLE + "app")), {"aws": SERVICES["aws"]})
    passed = EffectiveGrant(grant, Permissions((grant.statement, *plain)), SERVICES).for_service(EC2)
    assert passed is not None and [str(role) for role in passed.roles] == [ROLE + "app"]
    assert not passed.denied


def test_unknown_service_is_evaluated_by_name() -> None:
    """The condition is decided for whatever service a way names, known or not."""
    one = passing(statement("Allow", "iam:PassRole", "*", ["new.amazonaws.com"]))
    assert one.for_service("new.amazonaws.com") is not None and one.for_service("newer.amazonaws.com") is None


def test_china_services_have_two_names() -> None:
    """In China a service may send either of its two names, and only there."""
    chinese = statement("Allow", "iam:PassRole", "arn:aws-cn:iam::111122223333:role/x", ["ec2.amazonaws.com.cn"])
    assert passing(chinese).for_service(EC2) is not None
    assert passing(statement("Allow", "iam:PassRole", ROLE + "x", ["ec2.amazonaws.com.cn"])).for_service(EC2) is None
