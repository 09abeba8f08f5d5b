"""Policies that leave the configuration, in plans and states."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from passrole_checks.findings import Confidence, Finding
from passrole_checks.scan.scanner import ScanOptions, scan_configurations
from passrole_checks.sources.model.configuration import HandedTo
from passrole_checks.sources.terraform_plan import load

WIDE = json.dumps({"Statement": [{"Effect": "Allow", "Action": "iam:PassRole", "Resource": "*"}]})
ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"


def change(type_: str, after: dict[str, Any], before: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    actions = ["create"] if before is None else ["update"]
    values = {"actions": actions, "before": before, "after": after, "after_unknown": {}, **more}
    return {"address": f"{type_}.r", "mode": "managed", "type": type_, "name": "r", "change": values}


def found(*changes: dict[str, Any], **more: Any) -> tuple[Finding, ...]:
    plan = {"format_version": "1.2", "resource_changes": list(changes), "configuration": {}, **more}
    return scan_configurations([load(Path("plan.json"), json.dumps(plan, indent=1))], ScanOptions()).findings


@pytest.mark.parametrize(
    ("type_", "values"),
    [
        ("vault_aws_secret_backend_role", {"policy_document": WIDE}),
        ("aws_ssm_parameter", {"value": WIDE}),
        ("acme_role", {"inline": [{"policies": {"a": WIDE}}]}),
        ("kubernetes_manifest", {"manifest": {"spec": {"policy": json.loads(WIDE)}}}),
    ],
)
def test_document_in_a_resource_of_another_type_is_judged(type_: str, values: dict[str, Any]) -> None:
    """At medium confidence, at any depth, also for other providers."""
    findings = found(change(type_, values))
    assert [(item.check_id, item.confidence, item.details.handed_to) for item in findings] == [
        ("PASSROLE_001", Confidence.MEDIUM, HandedTo.RESOURCE),
        ("PASSROLE_015", Confidence.MEDIUM, HandedTo.RESOURCE),
    ]


def test_managed_policy_in_a_resource_of_another_provider_is_flagged() -> None:
    """Types of AWS that attach managed policies are known."""
    values = {"policy_arns": [ADMINISTRATOR]}
    checks = [item.check_id for item in found(change("vault_aws_secret_backend_role", values))]
    assert checks == ["PASSROLE_013", "PASSROLE_015"]
    assert not found(change("aws_ssm_parameter", values))


def test_document_that_is_attached_too_is_judged_once() -> None:
    """A plan repeats the text of a document wherever it is used."""
    findings = found(change("aws_iam_policy", {"policy": WIDE}), change("aws_ssm_parameter", {"value": WIDE}))
    assert {item.resource.address for item in findings} == {"aws_iam_policy.r"}


@pytest.mark.parametrize(("actions", "expected"), [(["create"], 1), (["update"], 1), (["no-op"], 0), (["delete"], 0)])
def test_document_in_a_changed_output_is_judged(actions: list[str], expected: int) -> None:
    """Like resources, outputs that a plan leaves as they are are not judged."""
    findings = found(output_changes={"policy": {"actions": actions, "before": None, "after": WIDE}})
    assert [(item.check_id, item.details.handed_to) for item in findings] == [
        ("PASSROLE_001", HandedTo.OUTPUT),
        ("PASSROLE_015", HandedTo.OUTPUT),
    ][: 2 * expected]


def test_document_in_an_output_of_a_state_is_judged() -> None:
    """A state is judged as a whole."""
    state = {"format_version": "1.0", "values": {"outputs": {"policy": {"value": WIDE}}, "root_module": {}}}
    configuration = load(Path("state.json"), json.dumps(state, indent=1))
    assert [policy.handed_to for policy in configuration.policies] == [HandedTo.OUTPUT]


def test_changed_parameter_gives_nobody_new_access() -> None:
    """It has the same document before and after."""
    findings = found(change("aws_ssm_parameter", {"value": WIDE, "tier": "b"}, {"value": WIDE, "tier": "a"}))
    assert [item.check_id for item in findings] == ["PASSROLE_001"]
