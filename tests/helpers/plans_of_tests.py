"""Terraform plans as ``terraform show -json`` writes them, made from values before and after."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

Values = Mapping[str, Any]


def statement(resource: str | Sequence[str], sid: str = "", service: str = "lambda.amazonaws.com") -> dict[str, Any]:
    """Return a statement that allows passing ``resource``, to a service unless that is empty."""
    condition = {"StringEquals": {"iam:PassedToService": service}}
    return {
        **({"Sid": sid} if sid else {}),
        "Action": "iam:PassRole",
        "Effect": "Allow",
        "Resource": resource,
        **({"Condition": condition} if service else {}),
    }


def document(*statements: Mapping[str, Any]) -> str:
    """Return a policy document as a provider writes it."""
    return json.dumps({"Statement": list(statements), "Version": "2012-10-17"}, separators=(",", ":"))


def change(address: str, before: Values | None, after: Values | None, unknown: Values | None = None) -> dict[str, Any]:
    """Return an entry of ``resource_changes``."""
    actions = ["create"] if before is None else ["delete"] if after is None else ["update"]
    module, _, own = address.rpartition("module.")
    module = f"{module}module.{own.split('.')[0]}" if own != address else ""
    type_, name = address.split(".")[-2:]
    return {
        "address": address,
        **({"module_address": module} if module else {}),
        "mode": "managed",
        "type": type_,
        "name": name.partition("[")[0],
        "change": {
            "actions": ["no-op"] if before == after else actions,
            "before": before,
            "after": after,
            "after_unknown": unknown or {},
        },
    }


def plan(*changes: dict[str, Any], blocks: Sequence[str] | None = None, **others: Any) -> str:
    """Return a plan. ``blocks``: addresses of the resources in its configuration, by default those that it changes in
    the root module; ``others``: further members."""
    if blocks is None:
        blocks = [entry["address"] for entry in changes if "module_address" not in entry]
    resources = [
        {"address": address, "mode": "managed", "type": address.split(".")[0], "name": address.split(".")[1]}
        for address in dict.fromkeys(address.partition("[")[0] for address in blocks)
    ]
    members = {
        "format_version": "1.2",
        "terraform_version": "1.11.0",
        "planned_values": {"root_module": {}},
        "resource_changes": list(changes),
        "configuration": {"root_module": {"resources": resources}},
        **others,
    }
    return json.dumps(members, indent=1)
