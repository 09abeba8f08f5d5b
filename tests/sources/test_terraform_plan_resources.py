"""Every resource type that contains, attaches or limits policies, in a plan."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from passrole_checks.scan.scanner import ScanOptions, scan_configurations
from passrole_checks.sources.collect.terraform_tables import (
    HOLDERS,
    IDENTITY_POLICIES,
    NESTED_POLICIES,
    ORGANIZATION_POLICIES,
    RESOURCE_POLICIES,
)
from passrole_checks.sources.model.configuration import AttachedPolicy, Configuration, PolicyKind
from passrole_checks.sources.terraform_plan import load

ANY = json.dumps({"Statement": [{"Effect": "Allow", "Action": "iam:PassRole", "Resource": "*"}]})
ONLY = frozenset({"PASSROLE_001"})  # a plan that creates a policy also has new access
ARN = "arn:aws:iam::111122223333:policy/deploy"


def change(address: str, after: dict[str, Any], unknown: Any = None, mode: str = "managed") -> dict[str, Any]:
    """An entry of ``resource_changes`` that creates a resource or reads a data source."""
    type_, name = address.removeprefix("data.").split(".")
    actions = ["create"] if mode == "managed" else ["read"]
    body = {"actions": actions, "before": None, "after": after, "after_unknown": unknown or {}}
    return {"address": address, "mode": mode, "type": type_, "name": name, "change": body}


def written(address: str, **expressions: Any) -> dict[str, Any]:
    """A resource of the configuration."""
    type_, name = address.removeprefix("data.").split(".")
    mode = "data" if address.startswith("data.") else "managed"
    return {"address": address, "mode": mode, "type": type_, "name": name, "expressions": expressions}


def read(*changes: dict[str, Any], resources: tuple[dict[str, Any], ...] = ()) -> Configuration:
    document = {
        "format_version": "1.2",
        "terraform_version": "1.9.5",
        "resource_changes": list(changes),
        "configuration": {"root_module": {"resources": list(resources)}},
    }
    found = load(Path("plan.json"), json.dumps(document))
    assert not found.notes.unreadable
    return found


def policy(found: Configuration, address: str) -> AttachedPolicy:
    return next(item for item in found.policies if item.resource.address == address)


@pytest.mark.parametrize("type_", sorted(IDENTITY_POLICIES))
def test_every_identity_policy_type_is_flagged(type_: str) -> None:
    """Each resource type with an identity-based policy has a finding."""
    found = read(change(f"{type_}.x", {IDENTITY_POLICIES[type_]: ANY}))
    assert [item.kind for item in found.policies] == [PolicyKind.IDENTITY]
    assert [item.check_id for item in scan_configurations([found], ScanOptions(checks=ONLY)).findings] == [
        "PASSROLE_001"
    ]


@pytest.mark.parametrize("type_", sorted({*RESOURCE_POLICIES, *ORGANIZATION_POLICIES}))
def test_other_policy_types_are_not_flagged(type_: str) -> None:
    """Resource, endpoint, session and organization policies are listed as of no effect, and never flagged."""
    attribute = RESOURCE_POLICIES.get(type_) or ORGANIZATION_POLICIES[type_]
    result = scan_configurations([read(change(f"{type_}.x", {attribute: ANY}))], ScanOptions())
    assert result.findings == ()
    assert [item.effect_on_passrole for item in result.grants] == ["none"]


def test_tag_policy_is_ignored() -> None:
    """An organization policy of a type without statements is ignored."""
    assert read(change("aws_organizations_policy.x", {"type": "TAG_POLICY", "content": "{}"})).policies == ()


@pytest.mark.parametrize(
    ("given", "names", "limited"),
    [
        (None, ["aws_organizations_policy.p.id", "aws_organizations_policy.p"], ["aws_organizations_policy.p"]),
        ("p-known", ["var.on", "aws_organizations_policy.q.id"], ["aws_organizations_policy.p"]),
        ("p-elsewhere", ["var.on", "aws_organizations_policy.p.id"], []),
        (None, ["var.on", "aws_organizations_policy.p.id", "aws_organizations_policy.q.id"], []),
    ],
)
def test_attached_service_control_policy(given: str | None, names: list[str], limited: list[str]) -> None:
    """A known id identifies the policy; else its expression does, if it refers to one only."""
    content = {"type": "SERVICE_CONTROL_POLICY", "content": ANY}
    found = read(
        change("aws_organizations_policy.p", {**content, "id": "p-known"}),
        change("aws_organizations_policy.q", content, {"id": True}),
        change(
            "aws_organizations_policy_attachment.a",
            {"target_id": "111122223333", **({"policy_id": given} if given else {})},
            {} if given else {"policy_id": True},
        ),
        resources=(
            written("aws_organizations_policy.p", content={}),
            written("aws_organizations_policy.q", content={}),
            written("aws_organizations_policy_attachment.a", policy_id={"references": names}),
        ),
    )
    assert [one.resource.address for _, _, one in found.attached.targets] == limited


@pytest.mark.parametrize("type_", sorted(NESTED_POLICIES))
def test_inline_policies_belong_to_principal(type_: str) -> None:
    """Each inline policy of a role, user or group has it as its principal."""
    attribute, key = NESTED_POLICIES[type_]
    trust = {"assume_role_policy": "{}", "assume_role_policy_document": "{}"}
    found = read(change(f"{type_}.x", {attribute: [{key: ANY}, {key: ANY}], **trust}))
    assert [(item.path, item.principals) for item in found.policies if item.kind is PolicyKind.IDENTITY] == [
        (f"{attribute}/0/{key}", (f"{type_}.x",)),
        (f"{attribute}/1/{key}", (f"{type_}.x",)),
    ]


def test_unknown_inline_policies_are_unresolved() -> None:
    """A list with known references only is one unresolved policy."""
    found = read(
        change("awscc_iam_user.x", {}, {"policies": True}),
        resources=(written("awscc_iam_user.x", policies={"references": ["var.p"]}),),
    )
    assert [(item.path, item.principals) for item in found.policies] == [
        ("policies/0/policy_document", ("awscc_iam_user.x",))
    ]
    result = scan_configurations([found], ScanOptions())
    assert [item.check_id for item in result.findings] == ["PASSROLE_014"]


@pytest.mark.parametrize("type_", sorted(HOLDERS))
def test_principals_of_policy(type_: str) -> None:
    """Each attribute that names a principal is read."""
    for attribute in HOLDERS[type_]:
        value = ["n"] if attribute.endswith("s") else "n"
        found = read(change(f"{type_}.x", {IDENTITY_POLICIES[type_]: ANY, attribute: value}))
        assert found.policies[0].principals == ("n",)


@pytest.mark.parametrize(
    ("type_", "after", "principal"),
    [
        ("aws_iam_role_policy_attachment", {"role": "app", "policy_arn": ARN}, "awscc_iam_role.r"),
        ("aws_iam_role_policy_attachments_exclusive", {"role_name": "app", "policy_arns": [ARN]}, "awscc_iam_role.r"),
        ("aws_ssoadmin_managed_policy_attachment", {"permission_set_arn": "ps", "managed_policy_arn": ARN},
         "aws_ssoadmin_permission_set.s"),
        ("aws_ssoadmin_managed_policy_attachments_exclusive",
         {"permission_set_arn": "ps", "managed_policy_arns": [ARN]}, "aws_ssoadmin_permission_set.s"),
        ("aws_ssoadmin_customer_managed_policy_attachments_exclusive",
         {"permission_set_arn": "ps", "customer_managed_policy_reference": [{"name": "deploy"}]},
         "aws_ssoadmin_permission_set.s"),
        ("awscc_iam_user", {"managed_policy_arns": [ARN]}, "awscc_iam_user.x"),
        ("awscc_iam_group", {"managed_policy_arns": [ARN]}, "awscc_iam_group.x"),
        ("awscc_sso_permission_set", {"customer_managed_policy_references": [{"name": "deploy"}]},
         "awscc_sso_permission_set.x"),
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    ("managed", "own"),
    [
        ("aws_iam_policy", {"name": "deploy", "path": "/", "policy": ANY}),
        ("aws_iam_policy", {"name": "deploy", "arn": ARN, "policy": ANY}),
        ("awscc_iam_managed_policy", {"managed_policy_name": "deploy", "policy_document": ANY}),
        ("awscc_iam_managed_policy", {"managed_policy_name": "deploy", "policy_arn": ARN, "policy_document": ANY}),
    ],
)
def test_attachments_add_principals(
    managed: str, own: dict[str, Any], type_: str, after: dict[str, Any], principal: str
) -> None:
    """Each attachment names its policy by ARN or by name, and adds a principal."""
    found = read(
        change("awscc_iam_role.r", {"role_name": "app", "assume_role_policy_document": "{}"}),
        change("aws_ssoadmin_permission_set.s", {"name": "s", "arn": "ps"}),
        change(f"{managed}.p", own),
        change(f"{type_}.x", after),
    )
    assert policy(found, f"{managed}.p").principals == (principal,)


@pytest.mark.parametrize(
    ("type_", "value"),
    [
        ("awscc_iam_role", ARN),
        ("awscc_iam_user", ARN),
        ("aws_iam_user", ARN),
        ("aws_ssoadmin_permissions_boundary_attachment", [{"managed_policy_arn": None,
         "customer_managed_policy_reference": [{"name": "deploy", "path": "/"}]}]),
        ("awscc_sso_permission_set", {"customer_managed_policy_reference": {"name": "deploy"}}),
    ],
)  # fmt: skip
def test_boundary_policies_grant_nothing(type_: str, value: Any) -> None:
    """A managed policy that is only a boundary of a role, user or permission set grants nothing."""
    found = read(
        change("aws_iam_policy.p", {"name": "deploy", "path": "/", "policy": ANY}),
        change(f"{type_}.x", {"permissions_boundary": value, "assume_role_policy_document": "{}"}),
    )
    assert policy(found, "aws_iam_policy.p").kind is PolicyKind.BOUNDARY


def test_demanded_boundary_grants_nothing() -> None:
    """A managed policy that a document only names in a condition grants nothing."""
    condition = {"StringEquals": {"iam:PermissionsBoundary": ARN}}
    document = {"Statement": [{"Effect": "Allow", "Action": "iam:*", "Resource": "x", "Condition": condition}]}
    managed = change("aws_iam_policy.p", {"name": "deploy", "path": "/", "policy": ANY}, {"arn": True})
    known = change("aws_iam_user_policy.u", {"user": "u", "policy": json.dumps(document)})
    assert policy(read(managed, known), "aws_iam_policy.p").kind is PolicyKind.BOUNDARY
    data = change(
        "data.aws_iam_policy_document.d",
        {"statement": [{"actions": ["iam:*"], "resources": ["x"], "condition": [
            {"test": "StringEquals", "variable": "iam:PermissionsBoundary"}]}]},
        {"statement": [{"condition": [{"values": [True]}]}]},
        "data",
    )  # fmt: skip
    expressions = written(
        "data.aws_iam_policy_document.d",
        statement=[
            {
                "condition": [
                    {
                        "variable": {"constant_value": "iam:PermissionsBoundary"},
                        "values": {"references": ["aws_iam_policy.p.arn", "aws_iam_policy.p"]},
                    }
                ]
            }
        ],
    )
    assert policy(read(managed, data, resources=(expressions,)), "aws_iam_policy.p").kind is PolicyKind.BOUNDARY


def test_awscc_roles_have_names_and_trust() -> None:
    """A role of ``awscc`` is a role of the configuration."""
    after = {"role_name": "n", "path": "/p/", "assume_role_policy_document": "{}"}
    (role,) = read(change("awscc_iam_role.r", after)).roles
    assert (str(role.name), str(role.role_path), role.trust is not None) == ("n", "/p/", True)


def test_unread_stacks_are_reported() -> None:
    """A CloudFormation stack, and a Cloud Control resource that may contain policies, are reported as not evaluated."""
    found = read(
        change("aws_cloudformation_stack.s", {"template_body": "{}"}),
        change("aws_cloudcontrolapi_resource.role", {"type_name": "AWS::IAM::Role"}),
        change("aws_cloudcontrolapi_resource.cluster", {"type_name": "AWS::ECS::Cluster"}),
    )
    assert [item.reason.split(":")[0] for item in found.notes.not_evaluated] == [
        "aws_cloudformation_stack.s",
        "aws_cloudcontrolapi_resource.role",
    ]
