"""Permissions of all policies of a principal combined.

Sources: IAM User Guide, "Policy evaluation logic", "Permissions boundaries for IAM entities", "IAM JSON policy
elements: Condition operators", "IAM and AWS STS condition context keys".
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from path_conditions_of_tests import assume

from passrole_checks.iam.documents.policy import Statement, parse_document
from passrole_checks.iam.permissions.extra_permissions import ExtraPermission, ExtraPermissions, PermissionComparison
from passrole_checks.iam.permissions.permissions import ContentClasses, Permissions
from passrole_checks.iam.values.nodes import (
    Const,
    ListNode,
    Node,
    ObjectEntry,
    ObjectNode,
    Position,
    StringNode,
    Ternary,
    Unresolved,
    UnresolvedKind,
    text,
)
from passrole_checks.iam.values.path_conditions import PathCondition

AT = Position("x.tf", 1)
UNKNOWN = Unresolved("var.x")


def node(value: Any) -> Node:
    """Return a JSON value as a node; ``Unresolved`` and ``(text, Unresolved, …)`` are unresolved values."""
    if isinstance(value, dict):
        return ObjectNode(tuple(ObjectEntry(text(key, AT), node(item)) for key, item in value.items()), AT)
    if isinstance(value, list):
        return ListNode(tuple(map(node, value)), AT)
    if isinstance(value, Unresolved):
        return StringNode((value,), AT)
    if isinstance(value, tuple):
        return StringNode(value, AT)
    return text(value, AT) if isinstance(value, str) else Const(value, AT)


def statements(*given: dict[str, Any] | Unresolved, when: PathCondition = ()) -> tuple[Statement, ...]:
    """Statements of one document, which holds under the facts ``when``."""
    document = node({"Version": "2012-10-17", "Statement": list(given)})
    return tuple(replace(item, when=when) for item in parse_document(document).statements)


def allow(action: Any, resource: Any = "*", condition: Any = None, **other: Any) -> dict[str, Any]:
    found = {"Effect": "Allow", "Action": action, "Resource": resource, **other}
    return found if condition is None else {**found, "Condition": condition}


def deny(action: Any, resource: Any = "*", condition: Any = None) -> dict[str, Any]:
    return {**allow(action, resource, condition), "Effect": "Deny"}


def without(found: dict[str, Any], *names: str, **other: Any) -> dict[str, Any]:
    return {**{key: value for key, value in found.items() if key not in names}, **other}


def certainty(found: Any) -> str:
    return {None: "no"}.get(found) or {Ternary.YES: "yes", Ternary.UNKNOWN: "unknown"}[found.certain]


CREATE = "lambda:CreateFunction"
ALL = allow("*")
REGION = {"StringNotEquals": {"aws:RequestedRegion": "eu-west-1"}}
FUNCTION = "arn:aws:lambda:eu-west-1:111122223333:function:"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ([], "no"),
        ([allow("lambda:createfunction")], "yes"),
        ([allow("lambda:Create*")], "yes"),
        ([allow("lambda:CreateFunctio?")], "yes"),
        ([allow("lambda:*")], "yes"),
        ([allow("*:*")], "yes"),
        ([allow("lambda:CreateFunction*", FUNCTION + "app-*")], "yes"),
        ([allow("s3:*")], "no"),
        ([allow("*:CreateFunction")], "unknown"),  # the effect of wildcards in the prefix is undocumented
        ([allow(("lambda:", UNKNOWN))], "unknown"),
        ([allow(("s3:", UNKNOWN))], "no"),
        ([without(ALL, "Action", NotAction="iam:*")], "yes"),
        ([without(ALL, "Action", NotAction=["s3:*", "lambda:*"])], "no"),
        ([without(ALL, "Action", NotAction=["s3:*", UNKNOWN])], "unknown"),
        # resources: an ARN of another service does nothing for the action
        ([allow([CREATE, "s3:GetObject"], "arn:aws:s3:::bucket/*")], "no"),
        ([allow("*", "arn:aws:s3:::bucket/*")], "no"),
        ([allow("*", "arn:aws:*:*:111122223333:*")], "yes"),
        ([allow("*", UNKNOWN)], "yes"),
        ([without(ALL, "Resource", NotResource="arn:aws:s3:::*")], "yes"),
        ([without(ALL, "Resource", NotResource="*")], "no"),
        # Deny
        ([ALL, deny(CREATE)], "no"),
        ([ALL, deny("Lambda:*")], "no"),
        ([ALL, deny("lambda:*", FUNCTION + "prod-*")], "yes"),
        ([allow(CREATE, FUNCTION + "prod-*"), deny("lambda:*", FUNCTION + "*")], "no"),
        ([ALL, without(deny("*"), "Action", NotAction="s3:*")], "no"),
        ([ALL, without(deny("*"), "Resource", NotResource=FUNCTION + "x")], "no"),
        ([allow(CREATE, FUNCTION + "x"), without(deny("*"), "Resource", NotResource=FUNCTION + "x")], "yes"),
        ([ALL, deny(("lambda:", UNKNOWN))], "unknown"),
        ([allow(CREATE, FUNCTION + "x"), deny(CREATE, UNKNOWN)], "unknown"),
        # conditions on a Deny: those one gets around, those one does not, and those that cannot be decided
        ([ALL, deny("*", "*", REGION)], "yes"),
        ([ALL, deny("*", "*", {"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}})], "yes"),
        ([ALL, deny("*", "*", {"Null": {"aws:RequestTag/team": "true"}})], "yes"),
        ([ALL, deny("*", "*", {"StringLike": {"aws:RequestedRegion": "*"}})], "unknown"),
        ([ALL, deny("*", "*", {"StringNotLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/Admin"}})], "unknown"),
        ([ALL, deny("*", "*", {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}})], "no-effect"),
        ([ALL, deny("*", "*", {"Null": {"iam:PassedToService": "true"}})], "no"),
        ([ALL, deny("*", "*", {})], "unknown"),
        ([ALL, deny("*", "*", UNKNOWN)], "unknown"),
        # conditions on an Allow
        ([allow("*", "*", {"StringEquals": {"aws:RequestedRegion": "eu-west-1"}})], "yes"),
        ([allow("*", "*", {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}})], "no"),
        ([allow("*", "*", {"StringEqualsIfExists": {"iam:PassedToService": "lambda.amazonaws.com"}})], "yes"),
        ([allow("*", "*", {"StringNotEquals": {"iam:PassedToService": "ec2.amazonaws.com"}})], "yes"),
        ([allow("*", "*", {"StringEquals": {"ec2:Region": "eu-west-1"}})], "unknown"),
        ([allow("*", "*", UNKNOWN)], "unknown"),
        ([allow("*", "*", {"StringEquals": {"aws:RequestedRegion": "us-east-1"}}), deny("*", "*", REGION)], "unknown"),
        ([allow("*", "*", {"StringEquals": {"aws:RequestedRegion": "eu-west-1"}}), deny("*", "*", REGION)], "yes"),
        # what is not known
        ([{**ALL, "Effect": UNKNOWN}], "unknown"),
        ([UNKNOWN], "no"),  # says nothing of this action more than of any other
    ],
)
def test_statements_are_evaluated_together(given: list[Any], expected: str) -> None:
    """One Allow that surely matches is enough, one Deny that surely matches takes it away, and what cannot be decided
    is neither."""
    found = Permissions(statements(*given)).allows(CREATE)
    assert certainty(found) == {"no-effect": "yes"}.get(expected, expected)


def test_condition_keys_to_meet_are_returned() -> None:
    """The keys of the Allow, and those by which one gets around a Deny, stand in the answer."""
    mfa = {"Bool": {"aws:MultiFactorAuthPresent": "true"}}
    found = Permissions(statements(allow("*", "*", mfa), deny("*", "*", REGION))).allows(CREATE)
    assert found is not None and found.conditions == ("aws:MultiFactorAuthPresent", "aws:RequestedRegion")
    open_too = Permissions(statements(allow("*", "*", mfa), allow("lambda:*"))).allows(CREATE)
    assert open_too is not None and open_too.conditions == ()


ROLE = "arn:aws:iam::111122223333:role/"


@pytest.mark.parametrize(
    ("resource", "asked", "account", "expected"),
    [
        ("*", ROLE + "app", None, "yes"),
        (ROLE + "app", ROLE + "app", None, "yes"),
        (ROLE + "app", ROLE + "App", None, "no"),
        (ROLE + "app-*", ROLE + "app", None, "no"),
        ("arn:aws:iam::*:role/a*", ROLE + "app", None, "yes"),
        ("arn:aws:iam", ROLE + "app", None, "yes"),  # fewer than six fields
        ("arn:aws:iam::*/app", ROLE + "app", None, "unknown"),  # and a wildcard that may run past colons
        ("arn:aws:*:role/app", ROLE + "app", None, "unknown"),
        ("arn:aws:iam::999999999999:role/app", ROLE + "app", None, "no"),
        (("arn:aws:iam::", Unresolved("id", UnresolvedKind.ACCOUNT_ID), ":role/app"), ROLE + "app", None, "unknown"),
        (
            ("arn:aws:iam::", Unresolved("id", UnresolvedKind.ACCOUNT_ID), ":role/app"),
            ROLE + "app",
            "111122223333",
            "yes",
        ),
        (("arn:", Unresolved("p", UnresolvedKind.PARTITION), ":iam::*:role/app"), ROLE + "app", None, "yes"),
        ("arn:aws:iam::${aws:PrincipalAccount}:role/app", ROLE + "app", "111122223333", "yes"),
        ("arn:aws:iam::111122223333:role/${aws:username}", ROLE + "app", None, "unknown"),
        (ROLE + "app", Unresolved("aws_iam_role.app.arn", known=(ROLE, "app")), None, "yes"),
        (Unresolved("aws_iam_role.app.arn"), Unresolved("aws_iam_role.app.arn"), None, "yes"),
        (Unresolved("var.role"), ROLE + "app", None, "unknown"),
        ("arn:aws:s3:::*", ROLE + "app", None, "no"),
    ],
)
def test_action_is_allowed_on_matching_resource(resource: Any, asked: Any, account: str | None, expected: str) -> None:
    """An action is allowed on a resource where the pattern matches its ARN, whatever the unresolved parts hold."""
    permissions = Permissions(statements(allow("iam:PutRolePolicy", resource)), account=account)
    found = node(asked)
    assert isinstance(found, StringNode)
    assert certainty(permissions.allows("iam:PutRolePolicy", (found,))) == expected


def test_deny_with_early_variable_is_uncertain() -> None:
    """IAM fills in no variable there, so such a Deny may take nothing away (IAM User Guide, "IAM policy elements:
    Variables and tags")."""
    denied = deny("iam:PutRolePolicy", "arn:aws:iam::${aws:PrincipalAccount}:role/*")
    permissions = Permissions(statements(ALL, denied), account="111122223333")
    assert certainty(permissions.allows("iam:PutRolePolicy", (StringNode((ROLE + "app",), AT),))) == "unknown"


@pytest.mark.parametrize(
    ("limit", "expected"),
    [
        ([ALL], "yes"),
        ([allow("lambda:*")], "yes"),
        ([allow("s3:*")], "no"),
        ([allow("lambda:*", FUNCTION + "x-*")], "yes"),
        ([ALL, deny("lambda:*")], "no"),
        ([without(ALL, "Action", NotAction="lambda:*")], "no"),
        ([allow("lambda:*", "*", {"StringEquals": {"aws:PrincipalTag/a": "b"}})], "yes"),
        ([UNKNOWN], "unknown"),
    ],
)
def test_boundary_has_to_allow_as_well(limit: list[Any], expected: str) -> None:
    """A permissions boundary allows nothing by itself, and denies what it does not allow."""
    permissions = Permissions(statements(ALL), (statements(*limit),))
    assert certainty(permissions.allows(CREATE)) == expected
    assert Permissions((), (statements(*limit),)).allows(CREATE) is None


def test_boundary_and_policies_must_share_a_resource() -> None:
    """An action that the policies and the boundary allow on different resources only is not allowed."""
    own, limit = statements(allow(CREATE, FUNCTION + "a-*")), statements(allow(CREATE, FUNCTION + "b-*"))
    assert Permissions(own, (limit,)).allows(CREATE) is None
    assert certainty(Permissions(own, (own, statements(allow("*", FUNCTION + "*")))).allows(CREATE)) == "yes"


PROD, DEV = (assume("var.env", '"prod"'),), (assume("var.env", 'not "prod"'),)


def test_exclusive_alternatives_are_never_combined() -> None:
    """Statements that exclude each other give two actions, but never both at once."""
    given = (*statements(allow("iam:PassRole"), when=PROD), *statements(allow(CREATE), when=DEV))
    permissions = Permissions(given)
    assert permissions.together([("iam:PassRole", ()), (CREATE, ())]) is None
    assert certainty(permissions.allows(CREATE, when=DEV)) == "yes"
    assert permissions.allows(CREATE, when=PROD) is None
    both = Permissions((*given, *statements(allow(CREATE), when=PROD))).together([("iam:PassRole", ()), (CREATE, ())])
    assert both is not None and both[1] == PROD


def test_conditional_deny_keeps_the_other_alternative() -> None:
    """A conditional Deny leaves the Allow under the opposite condition."""
    given = (*statements(ALL), *statements(deny("lambda:*"), when=PROD))
    found = Permissions(given).allows(CREATE)
    assert found is not None and (found.certain, found.when) == (Ternary.YES, DEV)
    assert Permissions((*statements(ALL, when=PROD), *given[1:])).allows(CREATE) is None


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ([ALL], True),
        ([allow("*:*"), deny("s3:*", "arn:aws:s3:::x")], True),
        ([allow("*"), deny("iam:*")], False),
        ([without(ALL, "Action", NotAction="iam:*")], False),
        ([without(ALL, "Action", NotAction="iam:*"), allow("iam:*")], True),
        ([allow("*", "*", {"Bool": {"aws:MultiFactorAuthPresent": "true"}})], False),
        ([allow("*", ROLE + "x")], False),
        ([ALL, deny("*", "*", REGION)], True),
        ([allow("iam:*")], False),
    ],
)
def test_administrator_is_allowed_everything(given: list[Any], expected: bool) -> None:
    """A principal allowed every action on every resource is an administrator, whatever a Deny excludes."""
    assert Permissions(statements(*given)).is_administrator_when(()) is expected


BUCKET = "arn:aws:s3:::app/*"
YES, MAYBE = Ternary.YES, Ternary.UNKNOWN


def extra_permissions(role: Permissions, principal: Permissions) -> ExtraPermissions | None:
    """Return the permissions of a role that a principal lacks."""
    return PermissionComparison(principal, (), ContentClasses()).excess(role)


@pytest.mark.parametrize(
    ("role", "principal", "expected"),
    [
        ([allow("s3:GetObject", BUCKET)], [allow("s3:*")], []),
        ([allow("s3:GetObject", BUCKET)], [allow("s3:Get*", "arn:aws:s3:::*")], []),
        ([allow("s3:GetObject", BUCKET)], [ALL], []),
        ([allow("s3:GetObject", BUCKET)], [], [("s3:GetObject", BUCKET, YES)]),
        ([allow("s3:Get*", BUCKET)], [allow("s3:GetObject")], [("s3:Get*", BUCKET, YES)]),
        ([allow("s3:GetObject")], [allow("s3:GetObject", BUCKET)], [("s3:GetObject", "*", YES)]),
        ([ALL], [allow("s3:*")], [("*", "*", YES)]),
        ([allow(["s3:GetObject", "sqs:SendMessage"])], [allow("s3:*")], [("sqs:SendMessage", "*", YES)]),
        # partly covered: the rest is reported if it is a pattern
        ([ALL], [without(ALL, "Action", NotAction=["iam:*", "sts:*"])], [("iam:*", "*", YES), ("sts:*", "*", YES)]),
        ([ALL], [without(ALL, "Action", NotAction="iam:*"), allow("iam:*")], []),
        ([allow("s3:*")], [ALL, deny("s3:DeleteBucket")], [("s3:DeleteBucket", "*", YES)]),
        ([allow("s3:*", BUCKET)], [ALL, deny("s3:*", "arn:aws:s3:::other/*")], []),
        ([allow("s3:*")], [ALL, deny("s3:*", BUCKET)], [("s3:*", BUCKET, YES)]),
        ([allow("s3:GetObject", BUCKET)], [without(ALL, "Resource", NotResource="arn:aws:s3:::app/secret/*")],
         [("s3:GetObject", "arn:aws:s3:::app/secret/*", YES)]),
        # of the role: its Deny, actions that its resource is none for, a wildcard on one resource
        ([ALL, deny("iam:*")], [without(ALL, "Action", NotAction="iam:*")], []),
        ([allow(["s3:GetObject", "lambda:InvokeFunction"], BUCKET)], [allow("s3:*")], []),
        ([allow("*", BUCKET)], [allow("s3:*")], []),
        ([allow("*", BUCKET)], [allow("s3:Get*")], [("s3:*", BUCKET, YES)]),
        # conditions
        ([allow("s3:GetObject")], [allow("s3:*", "*", {"StringEquals": {"aws:PrincipalTag/a": "b"}})],
         [("s3:GetObject", "*", MAYBE)]),
        ([allow("s3:GetObject", "*", {"StringEquals": {"aws:RequestedRegion": "x"}})],
         [allow("s3:*", "*", {"StringEquals": {"aws:RequestedRegion": ["x", "y"]}})], []),
        ([allow("s3:GetObject")], [ALL, deny("*", "*", REGION)], [("s3:GetObject", "*", MAYBE)]),
        # unresolved values
        ([allow("s3:GetObject", ("arn:aws:s3:::", UNKNOWN))], [allow("s3:*", "arn:aws:s3:::*")], []),
        ([allow("s3:GetObject", ("arn:aws:s3:::", UNKNOWN))], [allow("s3:*", ("arn:aws:s3:::", UNKNOWN))], []),
        ([allow("s3:GetObject", ("arn:aws:s3:::", UNKNOWN))], [allow("s3:*", BUCKET)],
         [("s3:GetObject", "arn:aws:s3:::${var.x}", MAYBE)]),
        ([allow("s3:*", "arn:aws:s3:::${aws:username}")], [allow("s3:*", "arn:aws:s3:::${aws:username}")],
         [("s3:*", "arn:aws:s3:::${aws:username}", MAYBE)]),
        # iam:PassedToService is no condition on anything but iam:PassRole
        ([allow("iam:*", "*", {"StringEquals": {"iam:PassedToService": "x.amazonaws.com"}})], [],
         [("iam:passrole", "*", YES)]),
    ],
)  # fmt: skip
def test_extra_permissions_of_a_role(role: Any, principal: Any, expected: list[Any]) -> None:
    """Both are compared by what they let through, however it is written."""
    found = extra_permissions(Permissions(statements(*role)), Permissions(statements(*principal)))
    assert (list(found.pairs) if found is not None else []) == [ExtraPermission(*pair) for pair in expected]


def test_incomplete_principal_makes_extra_permissions_uncertain() -> None:
    """Where something is attached that is unknown, what the principal lacks is not certain."""
    role = Permissions(statements(allow("s3:*")))
    found = extra_permissions(role, Permissions((), complete=False))
    assert found is not None and found.pairs[0].certain is Ternary.UNKNOWN
    assert extra_permissions(role, Permissions(statements(ALL), complete=False)) is None


def test_boundaries_of_role_and_principal_count() -> None:
    """A permission that the role's boundary denies is not extra; one that the principal's boundary denies is."""
    limit = (statements(allow("s3:*")),)
    everything, storage = Permissions(statements(ALL), limit), Permissions(statements(allow("s3:*")))
    assert extra_permissions(everything, storage) is None
    found = extra_permissions(Permissions(statements(allow(["s3:*", "sqs:*"]))), everything)
    assert found is not None and found.pairs == (ExtraPermission("sqs:*", "*", Ternary.YES),)
