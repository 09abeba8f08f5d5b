"""Changes of a plan in PASSROLE_015: new access is found, moved or reworded access is not."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from passrole_checks.findings import Confidence, Finding, Severity
from passrole_checks.scan.scanner import ScanOptions, scan_paths
from passrole_checks.sources.model.configuration import Configuration
from passrole_checks.sources.terraform_plan.source import load

ACCOUNT = "111122223333"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/"
ONLY_015 = ScanOptions(checks=frozenset({"PASSROLE_015"}), minimum_severity=Severity.INFO)

Change = dict[str, Any]
Values = dict[str, Any]


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(*roles: str, service: str | list[str] | None = None) -> dict[str, Any]:
    statement: dict[str, Any] = {"Effect": "Allow", "Action": "iam:PassRole", "Resource": list(roles)}
    if service:
        statement["Condition"] = {"StringEquals": {"iam:PassedToService": service}}
    return statement


def deny(*roles: str) -> dict[str, Any]:
    return {"Effect": "Deny", "Action": "iam:PassRole", "Resource": list(roles)}


def change(address: str, before: Values | None, after: Values | None, *, actions: str = "", **more: Any) -> Change:
    """An entry of resource_changes; its action follows from its values by default."""
    if not actions:
        actions = (
            "create" if before is None else "delete" if after is None else "no-op" if before == after else "update"
        )
    kind, name = re.sub(r"\[[^\]]*\]", "", address).split(".")[-2:]
    unknown = more.pop("unknown", {})
    return {
        "address": address, "mode": more.pop("mode", "managed"), "type": kind, "name": name, **more,
        "change": {"actions": actions.split(), "before": before, "after": after, "after_unknown": unknown},
    }  # fmt: skip


def inline(role: str, *statements: dict[str, Any], name: str = "pass") -> Values:
    return {"name": name, "role": role, "id": f"{role}:{name}", "policy": document(*statements)}


def managed(name: str, *statements: dict[str, Any]) -> Values:
    return {"name": name, "path": "/", "arn": f"arn:aws:iam::{ACCOUNT}:policy/{name}", "policy": document(*statements)}


def role(name: str) -> Values:
    return {"name": name, "path": "/", "arn": f"{ROLE}{name}", "assume_role_policy": document()}


def attached(role_name: str, policy: str) -> Values:
    return {"role": role_name, "policy_arn": f"arn:aws:iam::{ACCOUNT}:policy/{policy}"}


def written(tmp_path: Path, changes: tuple[Change, ...], more: dict[str, Any]) -> Path:
    file = tmp_path / "plan.json"
    file.write_text(json.dumps({"format_version": "1.2", "resource_changes": list(changes), **more}, indent=1), "utf-8")
    return file


def new(tmp_path: Path, *changes: Change, **more: Any) -> list[Finding]:
    """The findings of PASSROLE_015 of a plan with these changes."""
    result = scan_paths([written(tmp_path, changes, more)], ONLY_015)
    assert result.unreadable == ()
    return list(result.findings)


DEV = change("aws_iam_role.dev", role("dev"), role("dev"))
INLINE = "aws_iam_role_policy.dev"


def test_wider_policy_is_new_access(tmp_path: Path) -> None:
    """From some roles to every role: high, with the principal, the former and the new access."""
    before, after = inline("dev", allow(ROLE + "app-*")), inline("dev", allow("*"))
    (finding,) = new(tmp_path, DEV, change(INLINE, before, after))
    assert finding.severity is Severity.HIGH and finding.confidence is Confidence.HIGH
    assert finding.resource.address == INLINE
    for value in ("aws_iam_role.dev", f"{ROLE}app-*"):
        assert value in finding.message


def test_additional_service_is_info(tmp_path: Path) -> None:
    """A change that no other check flags is new as well: info, with the service."""
    before = inline("dev", allow(ROLE + "app", service="lambda.amazonaws.com"))
    after = inline("dev", allow(ROLE + "app", service=["lambda.amazonaws.com", "ec2.amazonaws.com"]))
    (finding,) = new(tmp_path, DEV, change(INLINE, before, after))
    assert finding.severity is Severity.INFO
    for value in ("aws_iam_role.dev", f"{ROLE}app"):
        assert value in finding.message


A, B = allow(ROLE + "a*", service="lambda.amazonaws.com"), allow(ROLE + "b", service="ec2.amazonaws.com")
SAME = {
    "nothing": [change(INLINE, inline("dev", A), inline("dev", A))],
    "narrower": [change(INLINE, inline("dev", allow("*")), inline("dev", A))],
    "another order": [change(INLINE, inline("dev", A, B), inline("dev", B, A))],
    "other words": [
        change(INLINE, inline("dev", allow(ROLE + "*")), inline("dev", allow("arn:aws:iam::*:role/*")))
    ],
    "deleted": [change(INLINE, inline("dev", A), None)],
    "moved": [
        change("module.m.aws_iam_role_policy.dev", inline("dev", A), inline("dev", A), previous_address=INLINE)
    ],
    "split": [
        change(INLINE, inline("dev", A, B), inline("dev", A)),
        change("aws_iam_role_policy.second", None, inline("dev", B, name="second")),
    ],
    "under another address": [
        change(INLINE, inline("dev", A), None),
        change("aws_iam_role_policy.other", None, inline("dev", A)),
    ],
    "inline to managed": [
        change(INLINE, inline("dev", A), None),
        change("aws_iam_policy.dev", None, {"name": "dev", "path": "/", "policy": document(A)}, unknown={"arn": True}),
        change("aws_iam_role_policy_attachment.dev", None, attached("dev", "dev")),
    ],
    "managed to inline": [
        change("aws_iam_policy.dev", managed("dev", A), None),
        change("aws_iam_role_policy_attachment.dev", attached("dev", "dev"), None),
        change(INLINE, None, inline("dev", A)),
    ],
    "replaced": [change(INLINE, inline("dev", A), inline("dev", A, name="x"), actions="delete create")],
    "an attachment of another kind": [
        change("aws_iam_policy.dev", managed("dev", A), managed("dev", A)),
        change("aws_iam_role_policy_attachment.dev", attached("dev", "dev"), None),
        change("aws_iam_policy_attachment.dev", None,
               {"roles": ["dev"], "users": [], "groups": [], "policy_arn": f"arn:aws:iam::{ACCOUNT}:policy/dev"}),
    ],
    "a list of attachments": [
        change("aws_iam_policy.dev", managed("dev", A), managed("dev", A)),
        change("aws_iam_role_policy_attachment.dev", attached("dev", "dev"), None),
        change("aws_iam_role_policy_attachments_exclusive.dev", None,
               {"role_name": "dev", "policy_arns": [f"arn:aws:iam::{ACCOUNT}:policy/dev"]}),
    ],
    "a policy of a group": [
        change("aws_iam_group_policy.g", {"name": "g", "group": "ops", "policy": document(A)}, None),
        change('module.m["x"].aws_iam_group_policy.g[0]', None, {"name": "h", "group": "ops", "policy": document(A)}),
    ],
    "a replaced managed policy": [
        change("aws_iam_policy.dev", managed("dev", A), {"name": "dev2", "path": "/", "policy": document(A)},
               unknown={"arn": True}, actions="create delete"),
        change("aws_iam_role_policy_attachment.dev", attached("dev", "dev"), attached("dev", "dev2"),
               actions="create delete"),
    ],
    "detached": [
        change("aws_iam_policy.dev", managed("dev", A, B), managed("dev", B)),
        change("aws_iam_role_policy_attachment.dev", attached("dev", "dev"), None),
    ],
    "a policy that nobody here holds": [change("aws_iam_policy.dev", managed("dev", A), managed("dev", A, deny("*")))],
    "a policy under another address": [
        change("aws_iam_policy.old", managed("dev", A), None),
        change("aws_iam_policy.new", None, managed("dev", A)),
    ],
}  # fmt: skip


@pytest.mark.parametrize("changes", SAME.values(), ids=SAME.keys())
def test_existing_access_is_not_new(tmp_path: Path, changes: list[Change]) -> None:
    """Access that is only moved, renamed, reworded, split or narrowed is not new."""
    assert new(tmp_path, DEV, *changes) == []


def test_inline_block_moved_to_resource_is_not_new(tmp_path: Path) -> None:
    """An ``inline_policy`` block and an ``aws_iam_role_policy`` give a role the same access."""
    block = {**role("dev"), "inline_policy": [{"name": "pass", "policy": document(A)}]}
    to_resource = change("aws_iam_role.dev", block, {**role("dev"), "inline_policy": []}, actions="update")
    assert new(tmp_path, to_resource, change(INLINE, None, inline("dev", A))) == []
    to_block = change("aws_iam_role.dev", {**role("dev"), "inline_policy": []}, block, actions="update")
    assert new(tmp_path, to_block, change(INLINE, inline("dev", A), None)) == []
    assert len(new(tmp_path, to_block)) == 1


def test_stack_roles_match_planned_roles(tmp_path: Path) -> None:
    """A template in a plan has a role's name where the code refers to the role: access that moves between stack and
    resource is not new."""
    template = {"Resources": {"P": {"Type": "AWS::IAM::ManagedPolicy", "Properties": {
        "Roles": ["dev"], "PolicyDocument": json.loads(document(A))}}}}  # fmt: skip
    stack = {"name": "s", "template_body": json.dumps(template)}
    out = change("aws_cloudformation_stack.s", stack, None), change(INLINE, None, inline("dev", A))
    assert new(tmp_path, DEV, *out) == []
    back = change("aws_cloudformation_stack.s", None, stack), change(INLINE, inline("dev", A), None)
    assert new(tmp_path, DEV, *back) == []
    (found,) = new(tmp_path, DEV, back[0])
    assert found.message.startswith("aws_iam_role.dev ")
    elsewhere = change("aws_cloudformation_stack_set.s", None, stack)
    (there,) = new(tmp_path, DEV, elsewhere)
    assert there.message.startswith("aws_cloudformation_stack_set.s.dev ")


def test_unchanged_stack_members_are_not_new(tmp_path: Path) -> None:
    """A user whom a stack adds to a group before and after a plan does not join it."""
    template = {"Resources": {"M": {"Type": "AWS::IAM::UserToGroupAddition", "Properties": {
        "GroupName": "team", "Users": ["bob"]}}}}  # fmt: skip
    stack = {"name": "s", "template_body": json.dumps(template), "tags": {}}
    group = {"name": "pass", "group": "team", "policy": document(A)}
    old = change("aws_iam_group_policy.team", group, group)
    assert new(tmp_path, old, change("aws_cloudformation_stack.s", stack, {**stack, "tags": {"a": "b"}})) == []
    (found,) = new(tmp_path, old, change("aws_cloudformation_stack.s", None, stack))
    assert found.message.startswith("bob ")


def of_aws(policy: str) -> Values:
    return {"role": "dev", "policy_arn": f"arn:aws:iam::aws:policy/{policy}"}


def test_replaced_administrator_access_is_not_new(tmp_path: Path) -> None:
    """Access by AWS managed policies counts before and after: a narrower policy in place of one is not new."""
    admin, narrow = of_aws("AdministratorAccess"), change(INLINE, None, inline("dev", A))
    attached_to = "aws_iam_role_policy_attachment.dev"
    assert new(tmp_path, DEV, change(attached_to, admin, None), narrow) == []
    assert new(tmp_path, DEV, change(attached_to, admin, admin), narrow) == []
    (found,) = new(tmp_path, DEV, change(attached_to, of_aws("ReadOnlyAccess"), None), narrow)
    assert found.message.startswith("aws_iam_role.dev ")


def test_removed_aws_managed_deny_is_new_access(tmp_path: Path) -> None:
    """Removing an AWS managed policy with a Deny is new access."""
    stays = change(INLINE, inline("dev", A), inline("dev", A))
    (found,) = new(tmp_path, DEV, change("aws_iam_role_policy_attachment.dev", of_aws("AWSDenyAll"), None), stays)
    assert "Deny" in found.message


def test_untargeted_resources_count_before_and_after(tmp_path: Path) -> None:
    """With ``-target`` the other resources are in the prior state only, and count before and after."""
    guard = {"address": "aws_iam_role_policy.guard", "mode": "managed", "type": "aws_iam_role_policy", "name": "guard",
             "values": inline("dev", deny(ROLE + "admin"), name="guard")}  # fmt: skip
    had = {"address": "aws_iam_role_policy.had", "mode": "managed", "type": "aws_iam_role_policy", "name": "had",
           "values": inline("dev", A, name="had")}  # fmt: skip
    prior = {"prior_state": {"format_version": "1.0", "values": {"root_module": {"resources": [guard, had]}}}}
    assert new(tmp_path, DEV, change(INLINE, None, inline("dev", A, allow(ROLE + "admin"))), **prior) == []
    assert len(new(tmp_path, DEV, change(INLINE, None, inline("dev", A, allow(ROLE + "x"))), **prior)) == 1


def test_renamed_role_is_the_same(tmp_path: Path) -> None:
    """A role with a new address and no ``moved`` block keeps its access: it has the same name."""
    changes = [
        change("aws_iam_role.old", role("ops"), None),
        change("aws_iam_role.new", None, {"name": "ops", "path": "/"}, unknown={"arn": True}),
    ]
    policy = change(INLINE, inline("ops", A), inline("ops", A, allow(ROLE + "ab", service="lambda.amazonaws.com")))
    assert new(tmp_path, *changes, policy) == []


def test_additional_attachment_is_new_for_that_role(tmp_path: Path) -> None:
    """The policy is unchanged; the role that gains it is named, the one that had it is not."""
    ops = change("aws_iam_role.ops", role("ops"), role("ops"))
    policy = change("aws_iam_policy.p", managed("p", allow("*")), managed("p", allow("*")))
    had = change("aws_iam_role_policy_attachment.dev", attached("dev", "p"), attached("dev", "p"))
    gets = change("aws_iam_role_policy_attachment.ops", None, attached("ops", "p"))
    (finding,) = new(tmp_path, DEV, ops, policy, had, gets)
    assert finding.message.startswith("aws_iam_role.ops ")
    assert "aws_iam_role.dev" not in finding.message and finding.resource.address == "aws_iam_policy.p"


GROUP = {"name": "devs", "path": "/", "arn": f"arn:aws:iam::{ACCOUNT}:group/devs"}
USER = {"name": "bob", "path": "/", "arn": f"arn:aws:iam::{ACCOUNT}:user/bob"}
MEMBERSHIPS = [
    change("aws_iam_group_membership.m", {"group": "devs", "users": []}, {"group": "devs", "users": ["bob"]}),
    change("aws_iam_user_group_membership.m", None, {"user": "bob", "groups": ["devs"]}),
]


@pytest.mark.parametrize("joins", MEMBERSHIPS, ids=lambda joins: joins["type"])
def test_new_group_member_gains_access(tmp_path: Path, joins: Change) -> None:
    """Group and policy are unchanged: the user is named, unless another policy gave the same access."""
    group, user = change("aws_iam_group.devs", GROUP, GROUP), change("aws_iam_user.bob", USER, USER)
    policy = {"group": "devs", "name": "p", "policy": document(allow("*"))}
    unchanged = [group, user, change("aws_iam_group_policy.p", policy, policy)]
    (finding,) = new(tmp_path, *unchanged, joins)
    assert (finding.resource.address, finding.severity) == ("aws_iam_group_policy.p", Severity.HIGH)
    assert finding.message.startswith("aws_iam_user.bob ")
    own = {"user": "bob", "name": "p", "policy": document(allow("*"))}
    assert new(tmp_path, *unchanged, joins, change("aws_iam_user_policy.p", own, None)) == []
    stays = {**joins, "change": {**joins["change"], "actions": ["no-op"], "before": joins["change"]["after"]}}
    assert new(tmp_path, *unchanged, stays) == []


def test_group_access_is_reported_for_the_group(tmp_path: Path) -> None:
    """The users of a group gain with it and are not named separately."""
    group, user = change("aws_iam_group.devs", GROUP, GROUP), change("aws_iam_user.bob", USER, USER)
    members = {"group": "devs", "users": ["bob"]}
    policy = {"group": "devs", "name": "p", "policy": document(allow("*"))}
    (finding,) = new(
        tmp_path,
        group,
        user,
        change("aws_iam_group_membership.m", members, members),
        change("aws_iam_group_policy.p", None, policy),
    )
    assert finding.message.startswith("aws_iam_group.devs ") and "bob" not in finding.message


def bounded(policy: str | None) -> Values:
    boundary = f"arn:aws:iam::{ACCOUNT}:policy/{policy}" if policy else None
    return {**role("dev"), "permissions_boundary": boundary}


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("none", None, 1),
        ("some", None, 1),
        ("none", "all", 1),
        ("some", "all", 1),
        ("all", None, 0),
        (None, "none", 0),
        ("none", "none", 0),
        ("all", "some", 0),
        ("elsewhere", "elsewhere", 0),
    ],
)
def test_removed_or_wider_boundary_is_new_access(
    tmp_path: Path, before: str | None, after: str | None, expected: int
) -> None:
    """With unchanged policies, access that a permissions boundary no longer limits is new."""
    bounds = {
        "none": {**allow("*"), "Action": "s3:*"},
        "some": allow(ROLE + "app"),
        "all": {**allow("*"), "Action": "*"},
    }
    policies = [
        change(f"aws_iam_policy.{name}", managed(name, statement), managed(name, statement))
        for name, statement in bounds.items()
    ]
    wide = inline("dev", allow("*"))
    dev = change("aws_iam_role.dev", bounded(before), bounded(after), actions="no-op" if before == after else "update")
    found = new(tmp_path, dev, *policies, change(INLINE, wide, wide))
    assert [(item.resource.address, item.severity) for item in found] == [(INLINE, Severity.HIGH)] * expected
    assert all("permissions boundary" in item.message for item in found)


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("123456789012:policy/shared", None, (Severity.HIGH, Confidence.MEDIUM)),
        ("123456789012:policy/shared", "123456789012:policy/other", (Severity.INFO, Confidence.LOW)),
        ("123456789012:policy/shared", "123456789012:policy/shared", None),
        (None, "123456789012:policy/shared", None),
        ("aws:policy/PowerUserAccess", None, (Severity.HIGH, Confidence.HIGH)),
        ("aws:policy/PowerUserAccess", "123456789012:policy/shared", (Severity.HIGH, Confidence.MEDIUM)),
        ("aws:policy/AdministratorAccess", None, None),
    ],
)
def test_external_boundaries(
    tmp_path: Path, before: str | None, after: str | None, told: tuple[Severity, Confidence] | None
) -> None:
    """The limits of AWS managed boundaries are known; others may have limited anything."""
    bounds = ({**role("dev"), "permissions_boundary": one and f"arn:aws:iam::{one}"} for one in (before, after))
    wide = inline("dev", allow("*"))
    actions = "no-op" if before == after else "update"
    found = new(tmp_path, change("aws_iam_role.dev", *bounds, actions=actions), change(INLINE, wide, wide))
    assert [(one.severity, one.confidence) for one in found] == ([told] if told else [])


def test_aws_managed_boundary_limits_new_access(tmp_path: Path) -> None:
    """A policy that grants what such a boundary does not allow is no new access."""
    bounded = {**role("dev"), "permissions_boundary": "arn:aws:iam::aws:policy/PowerUserAccess"}
    dev = change("aws_iam_role.dev", bounded, bounded)
    assert new(tmp_path, dev, change(INLINE, None, inline("dev", allow("*")))) == []


def test_boundary_limits_new_access(tmp_path: Path) -> None:
    """A policy outside of the role's boundary is no new access; within the boundary it is."""
    statement = allow(ROLE + "app")
    policy = change("aws_iam_policy.some", managed("some", statement), managed("some", statement))
    dev = change("aws_iam_role.dev", bounded("some"), bounded("some"))
    assert new(tmp_path, dev, policy, change(INLINE, None, inline("dev", allow(ROLE + "admin")))) == []
    (finding,) = new(tmp_path, dev, policy, change(INLINE, None, inline("dev", allow(ROLE + "app"))))
    assert finding.resource.address == INLINE


def test_deny_in_other_policy_counts(tmp_path: Path) -> None:
    """A Deny in another policy of the role limits new access; deleting it is new access."""
    guard = inline("dev", deny(ROLE + "admin"), name="guard")
    kept = change("aws_iam_role_policy.guard", guard, guard)
    gone = change("aws_iam_role_policy.guard", guard, None)
    admin = allow(ROLE + "admin")
    assert new(tmp_path, DEV, kept, change(INLINE, None, inline("dev", admin))) == []
    (finding,) = new(tmp_path, DEV, gone, change(INLINE, inline("dev", admin), inline("dev", admin)))
    assert finding.resource.address == INLINE and "Deny" in finding.message


def test_access_uncovered_by_deny_is_reported_once(tmp_path: Path) -> None:
    """An unchanged policy has no other findings, even if a Deny beside it is removed."""
    guard = inline("dev", deny(ROLE + "admin"), name="guard")
    wide = inline("dev", allow("*"))
    file = written(tmp_path, (DEV, change("aws_iam_role_policy.guard", guard, None), change(INLINE, wide, wide)), {})
    result = scan_paths([file], ScanOptions())
    assert [(item.check_id, item.severity) for item in result.findings] == [("PASSROLE_015", Severity.HIGH)]


def test_unattached_policy_is_compared_with_itself(tmp_path: Path) -> None:
    """A policy without principals in the plan is compared with itself."""
    policy = change("aws_iam_policy.p", managed("p", allow(ROLE + "a")), managed("p", allow(ROLE + "a", ROLE + "b")))
    (finding,) = new(tmp_path, policy)
    assert f"{ROLE}b" in finding.message


NEW_NAME = {
    "configuration": {"root_module": {"resources": [
        {"address": "aws_iam_role_policy.dev", "mode": "managed", "type": "aws_iam_role_policy", "name": "dev",
         "expressions": {"policy": {"references": ["data.aws_iam_policy_document.dev.json",
                                                   "data.aws_iam_policy_document.dev"]}}},
        {"address": "data.aws_iam_policy_document.dev", "mode": "data", "type": "aws_iam_policy_document",
         "name": "dev", "expressions": {"statement": [
             {"actions": {"constant_value": ["iam:PassRole"]},
              "resources": {"references": ["aws_iam_role.app.arn", "aws_iam_role.app"]}}]}},
    ]}},
}  # fmt: skip


def app_policy_after_apply(before: str) -> tuple[Change, Change]:
    """An inline policy on the ARN of aws_iam_role.app, known after apply; before it was on ``before``."""
    after = {"name": "pass", "role": "dev"}
    statement = {"effect": "Allow", "actions": ["iam:PassRole"], "resources": [None], "condition": [], "principals": []}
    return (
        change(INLINE, inline("dev", allow(before)), after, unknown={"policy": True}, actions="update"),
        change(
            "data.aws_iam_policy_document.dev", None, {"statement": [statement]}, actions="read", mode="data",
            unknown={"json": True, "statement": [{"resources": [True]}]},
        ),
    )  # fmt: skip


def test_replaced_role_with_same_name_is_not_new(tmp_path: Path) -> None:
    """Its ARN is known after apply; its name and account identify it."""
    app = change("aws_iam_role.app", role("app"), {"name": "app", "path": "/"}, unknown={"arn": True},
                 actions="delete create")  # fmt: skip
    assert new(tmp_path, DEV, app, *app_policy_after_apply(ROLE + "app"), **NEW_NAME) == []
    (finding,) = new(tmp_path, DEV, app, *app_policy_after_apply(ROLE + "other"), **NEW_NAME)
    assert finding.message.startswith("aws_iam_role.dev ")


def test_unknown_document_is_info_at_low_confidence(tmp_path: Path) -> None:
    """An unknown document may grant the former access or more: info at low confidence."""
    after = {"name": "pass", "role": "dev"}
    policy = change(INLINE, inline("dev", allow(ROLE + "a")), after, unknown={"policy": True}, actions="update")
    (finding,) = new(tmp_path, DEV, policy)
    assert (finding.severity, finding.confidence) == (Severity.INFO, Confidence.LOW)
    for value in ("aws_iam_role.dev",):
        assert value in finding.message
    (finding,) = new(tmp_path, DEV, change(INLINE, None, after, unknown={"policy": True}))
    assert (finding.severity, finding.confidence) == (Severity.INFO, Confidence.LOW)


def test_permission_set_is_identified_by_arn(tmp_path: Path) -> None:
    """An inline policy names its permission set by ARN, which identifies the principal before and after."""
    arn = "arn:aws:sso:::permissionSet/ssoins-1/ps-1"
    permission_set = {"name": "dev", "arn": arn, "instance_arn": "arn:aws:sso:::instance/ssoins-1"}

    def policy(*statements: dict[str, Any]) -> Values:
        return {"permission_set_arn": arn, "inline_policy": document(*statements)}

    address = "aws_ssoadmin_permission_set_inline_policy.dev"
    holder = change("aws_ssoadmin_permission_set.dev", permission_set, permission_set)
    assert new(tmp_path, holder, change(address, policy(A, B), policy(B, A))) == []
    (finding,) = new(tmp_path, holder, change(address, policy(A), policy(A, allow("*"))))
    assert "any role" in finding.message


def test_state_has_no_new_access(tmp_path: Path) -> None:
    """A state has no changes, so nothing in it is new."""
    file = tmp_path / "state.json"
    resources = [{"address": INLINE, "mode": "managed", "type": "aws_iam_role_policy", "name": "dev",
                  "values": inline("dev", allow("*"))}]  # fmt: skip
    file.write_text(json.dumps({"format_version": "1.0", "values": {"root_module": {"resources": resources}}}), "utf-8")
    assert scan_paths([file], ONLY_015).findings == ()
    assert read(file).change.before is None


def read(file: Path, *, unchanged: bool = False) -> Configuration:
    return load(file, file.read_text("utf-8"), unchanged=unchanged)


def test_policies_before_keep_text_and_account(tmp_path: Path) -> None:
    """Policies before have the old text at the new address, with their account; unchanged ones too."""
    other = inline("dev", B, name="other")
    file = written(
        tmp_path,
        (
            DEV,
            change("aws_iam_role_policy.new", inline("dev", A), inline("dev", B), previous_address=INLINE),
            change("aws_iam_role_policy.other", other, other),
            change("aws_iam_role_policy.left", inline("dev", A), None, actions="delete", deposed="abc"),
        ),
        {},
    )
    found = read(file)
    assert (
        found.change.before is not None
        and found.change.home.account == ACCOUNT
        and found.change.home.partitions == ("aws",)
    )
    assert [(item.resource.address, item.principals) for item in found.change.before if item.path == "policy"] == [
        ("aws_iam_role_policy.new", ("aws_iam_role.dev",)),
        ("aws_iam_role_policy.other", ("aws_iam_role.dev",)),
    ]
    assert str(found.change.before[0].document) == document(A)
    assert [item.resource.address for item in found.change.unchanged if item.path == "policy"] == [
        "aws_iam_role_policy.other"
    ]
    assert read(file, unchanged=True).change.unchanged == ()


@pytest.mark.parametrize("value", [1, "text", [], [1], True, {"policy": 1, "role": [2]}, {"policy": "{", "role": None}])
def test_before_of_wrong_type_never_crashes(tmp_path: Path, value: Any) -> None:
    """Any value of ``before`` is accepted: unreadable ones are reported and count as absent."""
    policy = change(INLINE, {}, inline("dev", A), actions="update")
    policy["change"]["before"] = value
    result = scan_paths([written(tmp_path, (DEV, policy), {})], ONLY_015)
    (finding,) = result.findings
    assert finding.severity is Severity.INFO
    assert len(result.unreadable) == (not isinstance(value, dict))
