"""Plans of tens of megabytes: time and memory."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from work import calls_of

from passrole_checks.sources.recognize import recognize
from passrole_checks.sources.terraform_plan import load

AWS = "registry.terraform.io/hashicorp/aws"
PASS_ANY = json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "iam:PassRole", "Resource": "*"}]}
)
MODULES = 20


def attributes(number: int) -> dict[str, Any]:
    """The values of a resource that is not an IAM resource."""
    return {
        "name": f"r{number}",
        "tags": {f"tag{k}": f"value-{number}-{k}" for k in range(8)},
        "block_device": [{"device_name": f"/dev/sd{k}", "key": f"{number}-{k}", "encrypted": True} for k in range(3)],
        "user_data": "x" * 300,
        "security_groups": [f"sg-{number}-{k}" for k in range(4)],
    }


def resources(count: int, policies: int) -> Iterator[tuple[str, str, Any, Any, Any]]:
    """Address, action, values, unknown values and expressions: at a fixed interval a role, a document that passes it, a
    policy with that document, and its attachment."""
    for number in range(count):
        module = f"module.m{number % MODULES}."
        kind = "aws_instance" if number % 2 else "google_compute_instance"
        written = {key: {"references": [f"var.{key}", "each.key"]} for key in attributes(0)}
        action = "no-op" if number % 3 else "create"
        yield f"{module}{kind}.r{number}", action, attributes(number), {"id": True, "tags": {}}, written
        if number % (count // policies) == 0:
            role, read = f"aws_iam_role.r{number}", f"data.aws_iam_policy_document.r{number}"
            policy = f"aws_iam_policy.r{number}"
            statement = {"actions": ["iam:PassRole"], "resources": [None], "condition": []}
            missing = {"actions": [False], "resources": [True], "condition": []}
            names = {"name": f"r{number}", "path": "/"}
            yield f"{module}{role}", "create", {**names, "assume_role_policy": "{}"}, {"arn": True}, {}
            yield f"{module}{read}", "read", {"statement": [statement]}, {"json": True, "statement": [missing]}, {
                "statement": [{"resources": {"references": [f"{role}.arn", role]}}]
            }  # fmt: skip
            yield f"{module}{policy}", "create", names, {"arn": True, "policy": True}, {
                "policy": {"references": [f"{read}.json", read]}
            }  # fmt: skip
            attached = {"policy_arn": {"references": [f"{policy}.arn", policy]}}
            yield f"{module}aws_iam_role_policy_attachment.r{number}", "create", {"role": "x"}, {
                "policy_arn": True
            }, attached  # fmt: skip


def generated(count: int, policies: int) -> str:
    """A plan with each resource in all parts of a real plan."""
    changes: list[Any] = []
    values: dict[str, list[Any]] = {}
    prior: dict[str, list[Any]] = {}
    written: dict[str, list[Any]] = {}
    for address, action, after, unknown, expressions in resources(count, policies):
        module, _, rest = address.partition(".")[2].partition(".")
        mode = "data" if rest.startswith("data.") else "managed"
        kind, name = rest.removeprefix("data.").split(".")
        names = {"address": address, "mode": mode, "type": kind, "name": name, "provider_name": AWS}
        before = after if action == "no-op" else None
        change = {"actions": [action], "before": before, "after": after, "after_unknown": unknown}
        changes.append({**names, "module_address": f"module.{module}", "change": change})
        values.setdefault(f"module.{module}", []).append({**names, "schema_version": 0, "values": after})
        if before is not None:
            prior.setdefault(f"module.{module}", []).append({**names, "schema_version": 0, "values": after})
        own = {**names, "address": rest, "provider_config_key": "aws", "expressions": expressions}
        written.setdefault(module, []).append(own)

    def modules(found: dict[str, list[Any]]) -> dict[str, Any]:
        return {"root_module": {"child_modules": [{"address": key, "resources": own} for key, own in found.items()]}}

    calls = {key: {"source": "./m", "module": {"resources": own}} for key, own in written.items()}
    return json.dumps(
        {
            "format_version": "1.2",
            "terraform_version": "1.9.8",
            "planned_values": modules(values),
            "resource_changes": changes,
            "prior_state": {"format_version": "1.0", "values": modules(prior)},
            "configuration": {"root_module": {"module_calls": calls}},
        }
    )


def read(content: str, policies: int) -> None:
    found = load(Path("plan.json"), content)
    assert sum(policy.resource.type == "aws_iam_policy" for policy in found.policies) == policies
    assert found.notes.unreadable == ()


def test_memory_is_a_small_multiple_of_the_plan(tmp_path: Path) -> None:
    """A plan is read in a small multiple of its size: it is never in memory as a whole tree."""
    content = generated(1_600, 50)
    path = tmp_path / "plan.json"
    path.write_text(content)
    size = path.stat().st_size
    assert size > 5_000_000
    tracemalloc.start()
    try:
        recognize(path)
        read(path.read_text(), 50)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 6 * size


def test_run_time_is_linear() -> None:
    """Four times the plan, with four times the policies, takes about four times as many calls."""

    def calls(count: int) -> int:
        content = generated(count, count // 4)
        return calls_of(lambda: read(content, count // 4))

    assert calls(2_000) < 4.4 * calls(500)
