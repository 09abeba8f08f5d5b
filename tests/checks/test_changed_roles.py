"""PASSROLE_016 and 009 on changes that IAM refuses or that gain nothing: service-linked roles and boundaries."""

from __future__ import annotations

from dataclasses import replace

import pytest
from principals_of_tests import allow, configuration, deny, findings, to, trust

from passrole_checks.findings import Confidence, Finding, Severity
from passrole_checks.iam.values.nodes import Position, StringNode, Unresolved, text
from passrole_checks.scan.scanner import ScanOptions, scan_configurations
from passrole_checks.sources.model.configuration import BoundaryUse

ID = "PASSROLE_016"
LINKED = "arn:aws:iam::111122223333:role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS*"
PASS_ONE = allow("iam:PassRole", "arn:aws:iam::111122223333:role/app", to("lambda.amazonaws.com"))
BOUNDARY_CHANGES = ["iam:PutRolePermissionsBoundary", "iam:DeleteRolePermissionsBoundary"]
ROLES = {"app": (trust("lambda.amazonaws.com"), [])}


def _with_boundary(policy: StringNode | None) -> list[Finding]:
    """Return the findings for a principal that can pass and change the boundary of a role with this boundary."""
    whole = configuration([[PASS_ONE], [allow(BOUNDARY_CHANGES, "arn:aws:iam::111122223333:role/*")]], roles=ROLES)
    uses = (BoundaryUse("app", policy),) if policy is not None else ()
    whole = replace(whole, attached=replace(whole.attached, boundaries=uses))
    options = ScanOptions(checks=frozenset({ID}), minimum_severity=Severity.INFO)
    return list(scan_configurations([whole], options).findings)


def test_changes_of_service_linked_roles_are_not_high_in_stronger_role() -> None:
    """A role that may only put policies on service-linked roles is not highly privileged (009)."""
    changes = ["iam:PutRolePolicy", "iam:AttachRolePolicy", "iam:UpdateAssumeRolePolicy"]
    roles = {"app": (trust("lambda.amazonaws.com"), [allow(changes, LINKED)])}
    assert findings("PASSROLE_009", [[PASS_ONE]], roles=roles) == []
    roles = {"app": (trust("lambda.amazonaws.com"), [allow("iam:*", LINKED)])}
    assert [one.severity for one in findings("PASSROLE_009", [[PASS_ONE]], roles=roles)] == [Severity.LOW]
    roles = {"app": (trust("lambda.amazonaws.com"), [allow(changes)])}
    assert [one.severity for one in findings("PASSROLE_009", [[PASS_ONE]], roles=roles)] == [Severity.HIGH]


def test_boundary_changes_count_for_roles_with_a_boundary() -> None:
    """To put a boundary on a role that has none, or to delete none, gives it nothing."""
    at = Position("main.tf", 5)
    assert _with_boundary(None) == []
    (found,) = _with_boundary(text("arn:aws:iam::111122223333:policy/limit", at))
    assert found.confidence is Confidence.HIGH and "iam:DeleteRolePermissionsBoundary" in found.message
    (found,) = _with_boundary(StringNode((Unresolved("var.boundary"),), at))
    assert found.confidence is Confidence.LOW


def test_role_that_is_created_with_a_boundary_has_one() -> None:
    """Where a condition requires a boundary for new roles, its removal widens them."""
    pattern = "arn:aws:iam::111122223333:role/app-*"
    required = {"StringEquals": {"iam:PermissionsBoundary": "arn:aws:iam::111122223333:policy/limit"}}
    grant = allow("iam:PassRole", pattern, to("lambda.amazonaws.com"))
    create = allow(["iam:CreateRole", "iam:PutRolePolicy"], pattern, required)
    assert findings(ID, [[grant], [create]]) == []
    (found,) = findings(ID, [[grant], [create, allow("iam:DeleteRolePermissionsBoundary", pattern)]])
    assert found.confidence is Confidence.HIGH
    (found,) = findings(ID, [[grant], [allow("iam:DeleteRolePermissionsBoundary", pattern)]])
    assert found.confidence is Confidence.LOW


def test_message_is_worded_for_one_and_for_several_principals() -> None:
    """Several roles that pass themselves each pass their own role."""
    statement = allow("iam:PassRole", "arn:aws:iam::111122223333:role/app-*", to("lambda.amazonaws.com"))
    service = trust("lambda.amazonaws.com")
    options = ScanOptions(checks=frozenset({ID}), minimum_severity=Severity.INFO)
    for holders, pronouns in ((("app-a",), {"its"}), (("app-a", "app-b"), {"their"})):
        whole = configuration([[statement]], roles={name: (service, []) for name in holders}, holder="app-a")
        whole = replace(whole, policies=tuple(replace(one, principals=holders) for one in whole.policies))
        (found,) = scan_configurations([whole], options).findings
        assert found.details.who == holders and {"its", "their"}.intersection(found.message.split()) == pronouns


@pytest.mark.parametrize(
    ("condition", "count"),
    [
        ({"StringNotEquals": {"iam:PermissionsBoundary": "arn:aws:iam::111122223333:policy/limit"}}, 0),
        ({"ArnNotLike": {"iam:PolicyARN": "arn:aws:iam::aws:policy/ReadOnly*"}}, 0),
        ({"Null": {"iam:PermissionsBoundary": "true"}}, 0),
        ({"ArnLike": {"iam:PolicyARN": "arn:aws:iam::aws:policy/AdministratorAccess"}}, 1),
    ],
)
def test_deny_that_requires_a_boundary_or_listed_policies(condition: object, count: int) -> None:
    """A Deny of everything but a boundary or listed policies acts like a condition of the Allow (IAM User Guide,
    "Permissions boundaries for IAM entities", delegation); a Deny of single policies leaves the others."""
    pattern = "arn:aws:iam::111122223333:role/app-*"
    grant = allow("iam:PassRole", pattern, to("lambda.amazonaws.com"))
    change = [allow(["iam:PutRolePolicy", "iam:AttachRolePolicy"], pattern)]
    assert (
        len(findings(ID, [[grant], change, [deny(["iam:PutRolePolicy", "iam:AttachRolePolicy"], "*", condition)]]))
        == count
    )


@pytest.mark.parametrize(
    ("boundary", "actions", "confidence"),
    [
        ("arn:aws:iam::aws:policy/ReadOnlyAccess", ["iam:PutRolePolicy"], None),
        ("arn:aws:iam::aws:policy/AdministratorAccess", ["iam:PutRolePolicy"], Confidence.HIGH),
        ("arn:aws:iam::aws:policy/AdministratorAccess", BOUNDARY_CHANGES, None),
        ("arn:aws:iam::aws:policy/IAMFullAccess", ["iam:PutRolePolicy"], Confidence.HIGH),
        ("arn:aws:iam::111122223333:policy/limit", ["iam:PutRolePolicy"], Confidence.LOW),
        ("arn:aws:iam::aws:policy/ReadOnlyAccess", ["iam:PutRolePolicy", *BOUNDARY_CHANGES], Confidence.HIGH),
        ("arn:aws:iam::aws:policy/ReadOnlyAccess", ["iam:UpdateAssumeRolePolicy"], Confidence.HIGH),
    ],
)
def test_new_policies_of_a_role_within_a_lasting_boundary(
    boundary: str, actions: list[str], confidence: Confidence | None
) -> None:
    """New policies do not exceed a boundary (IAM User Guide, "Permissions boundaries for IAM entities")."""
    whole = configuration([[PASS_ONE], [allow(actions, "arn:aws:iam::111122223333:role/*")]], roles=ROLES)
    use = BoundaryUse("app", text(boundary, Position("main.tf", 5)))
    whole = replace(whole, attached=replace(whole.attached, boundaries=(use,)))
    found = list(scan_configurations([whole], ScanOptions(checks=frozenset({ID}))).findings)
    assert [one.confidence for one in found] == ([confidence] if confidence is not None else [])


def test_boundary_changes_of_a_role_without_boundary_are_no_privilege() -> None:
    """A role that may only change the boundary of a role that has none is not more privileged (009)."""
    changes = [allow(BOUNDARY_CHANGES, "arn:aws:iam::111122223333:role/other")]
    roles = {"app": (trust("lambda.amazonaws.com"), changes), "other": (trust("ec2.amazonaws.com"), [])}
    assert findings("PASSROLE_009", [[PASS_ONE]], roles=roles, account="111122223333") == []
    del roles["other"]
    assert len(findings("PASSROLE_009", [[PASS_ONE]], roles=roles, account="111122223333")) == 1
