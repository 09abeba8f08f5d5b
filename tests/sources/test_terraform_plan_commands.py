"""Commands that a plan runs and that attach or create IAM policies."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from passrole_checks.sources import terraform_plan
from passrole_checks.sources.model.configuration import COMMAND, Configuration

ADMIN = "arn:aws:iam::aws:policy/AdministratorAccess"
ATTACH = f"aws iam attach-role-policy --role-name app --policy-arn {ADMIN}"
DOCUMENT = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "iam:PassRole", "Resource": "*"}]}'
PUT = f"aws iam put-role-policy --role-name app --policy-name p --policy-document '{DOCUMENT}'"


def change(kind: str, name: str, after: dict[str, Any], actions: list[str], module: str = "") -> dict[str, Any]:
    return {
        "address": f"{module}{kind}.{name}",
        "mode": "managed",
        "type": kind,
        "name": name,
        "change": {"actions": actions, "before": None, "after": after, "after_unknown": {}},
    }


def read(*changes: dict[str, Any], resources: list[dict[str, Any]] | None = None, call: str = "") -> Configuration:
    module: dict[str, Any] = {"resources": resources or []}
    role = change("aws_iam_role", "r", {"name": "app", "assume_role_policy": "{}"}, ["create"])
    plan = {
        "format_version": "1.2",
        "terraform_version": "1.9.0",
        "resource_changes": [role, *changes],
        "configuration": {"root_module": {"module_calls": {call: {"module": module}}} if call else module},
    }
    return terraform_plan.load(Path("plan.json"), json.dumps(plan, indent=1))


def provisioned(command: Any, kind: str = "local-exec", attribute: str = "command") -> dict[str, Any]:
    expressions = {attribute: {"constant_value": command}}
    return {
        "address": "null_resource.x",
        "mode": "managed",
        "type": "null_resource",
        "name": "x",
        "provisioners": [{"type": kind, "expressions": expressions}],
    }


@pytest.mark.parametrize(
    "resource", [provisioned(ATTACH), provisioned(["set -e", ATTACH], "remote-exec", "inline")], ids=["local", "remote"]
)
@pytest.mark.parametrize("call", ["", "m"])
def test_provisioner_of_a_created_resource(resource: dict[str, Any], call: str) -> None:
    """A command of a resource that the plan creates attaches its policy, and is noted."""
    module = f'module.{call}["a"].' if call else ""
    found = read(change("null_resource", "x", {}, ["create"], module), resources=[resource], call=call)
    (attachment,) = found.attached.managed_policies
    assert (attachment.holder, str(attachment.policy), attachment.resource.type) == ("aws_iam_role.r", ADMIN, COMMAND)
    assert attachment.resource.address == (f"module.{call}." if call else "") + "null_resource.x"
    assert len(found.not_evaluated) == 1 and attachment.at.line > 1


@pytest.mark.parametrize("actions", [["no-op"], ["delete"], ["update"]])
def test_provisioner_that_does_not_run(actions: list[str]) -> None:
    """A provisioner runs only when its resource is created."""
    found = read(change("null_resource", "x", {}, actions), resources=[provisioned(ATTACH)])
    assert not found.attached.managed_policies and not found.not_evaluated


def test_document_in_a_provisioner() -> None:
    """A document in a command is a policy of the principal that the command names."""
    found = read(change("null_resource", "x", {}, ["create"]), resources=[provisioned(PUT)])
    (policy,) = (policy for policy in found.policies if policy.resource.type == COMMAND)
    assert (policy.principals, policy.path) == (("aws_iam_role.r",), "provisioner/0/command")


def test_script_of_a_plan() -> None:
    """The commands of a script that the plan creates or updates are read."""
    script = {"lifecycle_commands": [{"create": PUT, "delete": "true"}]}
    for actions, count in ((["create"], 1), (["update"], 1), (["no-op"], 0)):
        found = read(change("shell_script", "s", script, actions))
        assert len([policy for policy in found.policies if policy.resource.address == "shell_script.s"]) == count


def test_external_data_source_of_a_plan() -> None:
    """The program of an external data source is read if it is constant."""
    data = {
        "address": "data.external.e",
        "mode": "data",
        "type": "external",
        "name": "e",
        "expressions": {"program": {"constant_value": ["sh", "-c", ATTACH]}},
    }
    found = read(resources=[data])
    assert [attachment.resource.address for attachment in found.attached.managed_policies] == ["data.external.e"]


def test_expression_with_references_is_not_read() -> None:
    """A command of which the plan has references only is unknown."""
    resource = provisioned(ATTACH)
    resource["provisioners"][0]["expressions"] = {"command": {"references": ["aws_iam_role.r.name"]}}
    found = read(change("null_resource", "x", {}, ["create"]), resources=[resource])
    assert not found.attached.managed_policies
