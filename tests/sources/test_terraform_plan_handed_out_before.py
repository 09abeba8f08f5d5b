"""Documents that leave the configuration are compared with their values before the plan, as all other policies."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from passrole_checks.findings import Severity
from passrole_checks.scan.scanner import ScanOptions, scan_paths

TYPE = "vault_aws_secret_backend_role"


def document(*roles: str) -> str:
    resources = [f"arn:aws:iam::111122223333:role/{role}" for role in roles]
    service = {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}}
    statement = {"Effect": "Allow", "Action": "iam:PassRole", "Resource": resources, "Condition": service}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def actions(before: Any, after: Any) -> list[str]:
    if before is None:
        return ["create"]
    return ["no-op"] if before == after else ["update"]


def of_resource(before: str | None, after: str, **more: Any) -> dict[str, Any]:
    values = [value and {"name": "deploy", "policy_document": value, **more} for value in (before, after)]
    resource = {"address": f"{TYPE}.deploy", "mode": "managed", "type": TYPE, "name": "deploy"}
    change = {"actions": actions(*values), "before": values[0], "after": values[1], "after_unknown": {}}
    return {
        "planned_values": {"root_module": {"resources": [{**resource, "values": values[1]}]}},
        "resource_changes": [{**resource, "change": change}],
    }


def of_output(before: str | None, after: str) -> dict[str, Any]:
    change = {"actions": actions(before, after), "before": before, "after": after, "after_unknown": False}
    return {"planned_values": {"root_module": {}}, "output_changes": {"policy": change}}


FORMS = {"resource": (of_resource, f"{TYPE}.deploy"), "output": (of_output, "output.policy")}


def new_access(folder: Path, plan: dict[str, Any], *, unchanged: bool = False) -> list[str]:
    """Return the resources that the scan of a plan says give new access."""
    head = {"format_version": "1.2", "terraform_version": "1.9.8", "configuration": {"root_module": {}}}
    (folder / "plan.json").write_text(json.dumps({**head, **plan}, indent=2))
    options = ScanOptions(minimum_severity=Severity.INFO, unchanged=unchanged, checks=frozenset({"PASSROLE_015"}))
    return [finding.resource.address for finding in scan_paths([folder / "plan.json"], options).findings]


@pytest.mark.parametrize("form", FORMS)
def test_created_document_is_new_access(tmp_path: Path, form: str) -> None:
    """It has no value before."""
    plan, address = FORMS[form]
    assert new_access(tmp_path, plan(None, document("app"))) == [address]


@pytest.mark.parametrize("form", FORMS)
def test_widened_document_is_new_access(tmp_path: Path, form: str) -> None:
    """Another role can be passed."""
    plan, address = FORMS[form]
    assert new_access(tmp_path, plan(document("app"), document("app", "admin"))) == [address]


@pytest.mark.parametrize("form", FORMS)
def test_narrowed_document_is_no_new_access(tmp_path: Path, form: str) -> None:
    """Neither is one that says the same in other words."""
    plan, _ = FORMS[form]
    assert new_access(tmp_path, plan(document("app", "admin"), document("app"))) == []
    assert new_access(tmp_path, plan(document("app", "admin"), document("admin", "app"))) == []


@pytest.mark.parametrize("form", FORMS)
def test_unchanged_document_is_no_new_access(tmp_path: Path, form: str) -> None:
    """With ``--unchanged`` it is judged, and compared with itself."""
    plan, _ = FORMS[form]
    assert new_access(tmp_path, plan(document("app"), document("app")), unchanged=True) == []


def test_managed_policy_that_was_handed_out_before_is_no_new_access(tmp_path: Path) -> None:
    """The change is about the document beside it."""
    administrator = ["arn:aws:iam::aws:policy/AdministratorAccess"]
    plan = of_resource(document("app", "admin"), document("app"), policy_arns=administrator)
    assert new_access(tmp_path, plan) == []


def test_resource_without_a_change_is_no_new_access(tmp_path: Path) -> None:
    """A plan with ``-target`` does not mention it."""
    plan = of_resource(document("app"), document("app"))
    other = of_resource(document("x"), document("x", "y"))
    change = {**other["resource_changes"][0], "address": f"{TYPE}.other", "name": "other"}
    resources = plan["planned_values"]["root_module"]["resources"]
    values = change["change"]["after"]
    resources.append({**resources[0], "address": f"{TYPE}.other", "name": "other", "values": values})
    plan["resource_changes"] = [change]
    assert new_access(tmp_path, plan, unchanged=True) == [f"{TYPE}.other"]
