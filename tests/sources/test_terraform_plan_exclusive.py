"""Plans: a Deny that an exclusive resource does not list excludes nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from passrole_checks.scan.result import ScanOptions
from passrole_checks.scan.scanner import scan_paths


def document(effect: str) -> str:
    """Return a policy document about passing any role."""
    return json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": effect, "Action": "iam:PassRole", "Resource": "*"}]})  # fmt: skip


def change(address: str, after: dict[str, Any], unknown: Any = None, *, actions: tuple[str, ...] = ("create",)) -> Any:
    """Return an entry of ``resource_changes``."""
    kind, _, name = address.partition(".")
    before = after if actions == ("no-op",) else None
    return {
        "address": address, "mode": "managed", "type": kind, "name": name,
        "change": {"actions": list(actions), "before": before, "after": after, "after_unknown": unknown or {}},
    }  # fmt: skip


def checks_of(tmp_path: Path, *changes: Any, **fields: Any) -> tuple[list[str], int]:
    """Return the findings of a plan without 015, and the number of its notes."""
    plan = {"format_version": "1.2", "terraform_version": "1.9.0", "resource_changes": changes, **fields}
    (tmp_path / "plan.json").write_text(json.dumps(plan), encoding="utf-8")
    result = scan_paths([tmp_path / "plan.json"], ScanOptions())
    found = [finding.check_id for finding in result.findings if finding.check_id != "PASSROLE_015"]
    return found, sum("not counted" in entry.reason for entry in result.not_evaluated)


@pytest.mark.parametrize(
    ("listed", "unknown", "counts"),
    [
        (["allow"], None, False),
        ([], None, False),
        (["allow", "deny"], None, True),
        (None, {"policy_names": True}, False),
        ([None], {"policy_names": [True]}, False),
    ],
)
@pytest.mark.parametrize("actions", [("create",), ("no-op",)])
def test_inline_policy_that_is_not_listed(
    listed: Any, unknown: Any, counts: bool, actions: tuple[str, ...], tmp_path: Path
) -> None:
    """The deployment removes the policy, also one that the plan does not change; an unknown list does
    not surely contain it."""
    found = checks_of(
        tmp_path,
        change("aws_iam_user_policy.allow", {"name": "allow", "user": "dev", "policy": document("Allow")}),
        change(
            "aws_iam_user_policy.deny", {"name": "deny", "user": "dev", "policy": document("Deny")}, actions=actions
        ),
        change("aws_iam_user_policies_exclusive.only", {"user_name": "dev", "policy_names": listed}, unknown),
    )
    assert found == ([] if counts else ["PASSROLE_001"], 0 if counts or actions == ("no-op",) else 1)


@pytest.mark.parametrize(("listed", "counts"), [([], False), (["arn:aws:iam::111122223333:policy/deny"], True)])
def test_managed_policy_that_is_not_listed(listed: list[str], counts: bool, tmp_path: Path) -> None:
    """Managed policies are listed by their ARNs."""
    arn = "arn:aws:iam::111122223333:policy/deny"
    found, _ = checks_of(
        tmp_path,
        change("aws_iam_user_policy.allow", {"name": "allow", "user": "dev", "policy": document("Allow")}),
        change("aws_iam_policy.deny", {"name": "deny", "arn": arn, "policy": document("Deny")}),
        change("aws_iam_user_policy_attachment.deny", {"user": "dev", "policy_arn": arn}),
        change("aws_iam_user_policy_attachments_exclusive.only", {"user_name": "dev", "policy_arns": listed}),
    )
    assert found == ([] if counts else ["PASSROLE_001"])


DENY_ARN = "arn:aws:iam::111122223333:policy/deny"
ROLE = {"name": "app", "assume_role_policy": "{}"}
FIGHTS = [
    ("aws_iam_role.r", {**ROLE, "managed_policy_arns": []}, ["managed_policy_arns"], False),
    ("aws_iam_role.r", {**ROLE, "managed_policy_arns": [DENY_ARN]}, ["managed_policy_arns"], True),
    # a computed attribute that the code does not set
    ("aws_iam_role.r", {**ROLE, "managed_policy_arns": []}, [], True),
    ("aws_iam_role.r", {**ROLE, "inline_policy": [{"name": "", "policy": ""}]}, ["inline_policy"], True),
    ("aws_iam_policy_attachment.o", {"policy_arn": DENY_ARN, "roles": [], "users": ["dev"]}, [], False),
    ("aws_iam_policy_attachment.o", {"policy_arn": DENY_ARN, "roles": ["app"]}, [], True),
]


@pytest.mark.parametrize(("address", "values", "configured", "counts"), FIGHTS)
def test_deny_that_two_resources_fight_over(
    address: str, values: dict[str, Any], configured: list[str], counts: bool, tmp_path: Path
) -> None:
    """One attaches the managed policy to the role, the other detaches it."""
    kind, _, name = address.partition(".")
    written = {"address": address, "mode": "managed", "type": kind, "name": name,
               "expressions": {one: {} for one in configured}}  # fmt: skip
    role = [] if kind == "aws_iam_role" else [change("aws_iam_role.r", ROLE)]
    found = checks_of(
        tmp_path,
        change("aws_iam_role_policy.allow", {"name": "allow", "role": "app", "policy": document("Allow")}),
        change("aws_iam_policy.deny", {"name": "deny", "arn": DENY_ARN, "policy": document("Deny")}),
        change("aws_iam_role_policy_attachment.deny", {"role": "app", "policy_arn": DENY_ARN}),
        change(address, values),
        *role,
        configuration={"root_module": {"resources": [written]}},
    )
    assert found == (([], 0) if counts else (["PASSROLE_001"], 1))


@pytest.mark.parametrize(("policies", "counts"), [([{"name": "", "policy": ""}], False), ([], True)])
def test_inline_deny_that_the_role_removes(policies: list[Any], counts: bool, tmp_path: Path) -> None:
    """An empty block removes all inline policies that the role does not have itself."""
    written = {"address": "aws_iam_role.r", "mode": "managed", "type": "aws_iam_role", "name": "r",
               "expressions": {"inline_policy": [{}]} if policies else {}}  # fmt: skip
    found = checks_of(
        tmp_path,
        change("aws_iam_role.r", {**ROLE, "inline_policy": policies}),
        change("aws_iam_role_policy.allow", {"name": "allow", "role": "app", "policy": document("Allow")}),
        change("aws_iam_role_policy.deny", {"name": "deny", "role": "app", "policy": document("Deny")}),
        configuration={"root_module": {"resources": [written]}},
    )
    assert found == (([], 0) if counts else (["PASSROLE_001"], 1))
