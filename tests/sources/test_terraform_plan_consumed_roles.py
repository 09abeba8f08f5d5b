"""Roles that resources of a plan receive, also if known after apply only.

Source: Terraform documentation, "JSON Output Format".
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from passrole_checks.iam.values.nodes import Choice, Node, StringNode
from passrole_checks.sources.model.configuration import Configuration, Inputs
from passrole_checks.sources.terraform_plan import load

ROLE = {"name": "app", "path": "/", "assume_role_policy": "{}"}
AFTER = {"arn": True, "id": True}


def change(address: str, after: Any, unknown: Any, *actions: str) -> dict[str, Any]:
    kind, name = address.partition("[")[0].split(".")
    index = {"index": json.loads(address[address.index("[") + 1 : -1])} if address.endswith("]") else {}
    return {
        "address": address, "mode": "managed", "type": kind, "name": name, **index,
        "change": {"actions": list(actions or ("create",)), "before": None, "after": after, "after_unknown": unknown},
    }  # fmt: skip


def refs(*names: str) -> dict[str, Any]:
    return {"references": list(names)}


def written(address: str, expressions: Any, **more: Any) -> dict[str, Any]:
    kind, name = address.split(".")
    return {"address": address, "mode": "managed", "type": kind, "name": name, "expressions": expressions, **more}


def plan(changes: list[Any], resources: Any = (), *, unchanged: bool = False) -> Configuration:
    content = {
        "format_version": "1.2",
        "resource_changes": changes,
        "configuration": {"root_module": {"resources": list(resources)}},
    }
    found = load(Path("plan.json"), json.dumps(content), unchanged=unchanged)
    assert not found.notes.unreadable
    return found


def role_or_expression(value: Node) -> Any:
    """The role that a value is, else its expression; a list for alternatives."""
    if isinstance(value, Choice):
        return [role_or_expression(option) for _, option in value.options]
    assert isinstance(value, StringNode)
    only = value.only_unresolved
    return only.role or only.expression if only is not None else str(value)


def rows(found: Configuration) -> list[tuple[str, str, Any]]:
    return [(one.resource.address, one.attribute, role_or_expression(one.value)) for one in found.received]


def test_known_value_has_its_position() -> None:
    """A known ARN is received unchanged, at its own line."""
    arn = "arn:aws:iam::111122223333:role/app"
    content = json.dumps({"resource_changes": [change("aws_lambda_function.f", {"role": arn}, {})]}, indent=1)
    found = load(Path("plan.json"), content)
    line = next(number for number, text in enumerate(content.splitlines(), 1) if arn in text)
    assert [(one.at.line, role_or_expression(one.value)) for one in found.received] == [(line, arn)]


@pytest.mark.parametrize("name", ["aws_iam_role.r.arn", "aws_iam_role.r.name", "aws_iam_role.r.id", "aws_iam_role.r"])
def test_unknown_value_is_the_referenced_role(name: str) -> None:
    """An unknown value that refers to one role is that role, whatever else it refers to."""
    found = plan(
        [change("aws_iam_role.r", ROLE, AFTER), change("aws_lambda_function.f", {}, {"role": True})],
        [written("aws_lambda_function.f", {"role": refs("var.own", name, "aws_iam_role.r")})],
    )
    assert rows(found) == [("aws_lambda_function.f", "role", "aws_iam_role.r")]


def test_unknown_value_with_two_roles_has_alternatives() -> None:
    """Of a conditional a plan has the references only: each role is an alternative."""
    found = plan(
        [
            change("aws_iam_role.a", ROLE, AFTER),
            change("aws_iam_role.b", ROLE, AFTER),
            change("aws_lambda_function.f", {}, {"role": True}),
        ],
        [written("aws_lambda_function.f", {"role": refs("var.x", "aws_iam_role.a.arn", "aws_iam_role.b.arn")})],
    )
    assert rows(found) == [("aws_lambda_function.f", "role", ["aws_iam_role.a", "aws_iam_role.b"])]


def test_instance_key_selects_role() -> None:
    """``each.key`` beside a role refers to the role with the same key."""
    each = {"for_each_expression": refs("local.all")}
    found = plan(
        [
            *(change(f'aws_iam_role.r["{key}"]', ROLE, AFTER) for key in "ab"),
            *(change(f'aws_lambda_function.f["{key}"]', {}, {"role": True}) for key in "ab"),
        ],
        [written("aws_lambda_function.f", {"role": refs("aws_iam_role.r", "each.key")}, **each)],
    )
    assert rows(found) == [
        ('aws_lambda_function.f["a"]', "role", 'aws_iam_role.r["a"]'),
        ('aws_lambda_function.f["b"]', "role", 'aws_iam_role.r["b"]'),
    ]


def test_nested_blocks_are_read() -> None:
    """A role in a block is found by the block in the configuration, also if all blocks are unknown."""
    target = [{"role_arn": refs("aws_iam_role.r.arn"), "arn": {"constant_value": "x"}}]
    for after, unknown in (({"target": [{"arn": "x"}]}, {"target": [{"role_arn": True}]}), ({}, {"target": True})):
        found = plan(
            [change("aws_iam_role.r", ROLE, AFTER), change("aws_scheduler_schedule.s", after, unknown)],
            [written("aws_scheduler_schedule.s", {"target": target})],
        )
        assert rows(found) == [("aws_scheduler_schedule.s", "target/0/role_arn", "aws_iam_role.r")]


def test_value_without_role_is_unresolved() -> None:
    """A value whose references determine no role is unresolved and named after them."""
    found = plan(
        [change("aws_lambda_function.f", {}, {"role": True})],
        [written("aws_lambda_function.f", {"role": refs("module.roles.arn", "module.roles")})],
    )
    assert rows(found) == [("aws_lambda_function.f", "role", "module.roles.arn")]


def test_instance_profile_has_its_role() -> None:
    """An instance profile to be created has the role that its expression refers to."""
    found = plan(
        [
            change("aws_iam_role.r", ROLE, AFTER),
            change("aws_iam_instance_profile.p", {"name": "hosts"}, {"role": True}),
            change("aws_instance.i", {}, {"iam_instance_profile": True}),
        ],
        [
            written("aws_iam_instance_profile.p", {"role": refs("aws_iam_role.r.name")}),
            written("aws_instance.i", {"iam_instance_profile": refs("aws_iam_instance_profile.p.name")}),
        ],
    )
    (profile,) = found.instance_profiles
    assert profile.role is not None
    assert (profile.address, str(profile.name), role_or_expression(profile.role)) == (
        "aws_iam_instance_profile.p",
        "hosts",
        "aws_iam_role.r",
    )
    assert rows(found)[-1] == ("aws_instance.i", "iam_instance_profile", "aws_iam_instance_profile.p.name")


@pytest.mark.parametrize(
    ("actions", "unchanged", "by"),
    [
        (("create",), False, "deployer"),
        (("update",), False, "deployer"),
        (("no-op",), False, "unchanged"),
        (("no-op",), True, "deployer"),
    ],
)
def test_unchanged_resource_needs_no_passing(actions: tuple[str, ...], unchanged: bool, by: str) -> None:
    """An unchanged resource keeps its role; ``--unchanged`` treats it as created."""
    found = plan([change("aws_lambda_function.f", {"role": "r"}, {}, *actions)], unchanged=unchanged)
    assert [one.by for one in found.received] == [by]


def test_deleted_resource_receives_nothing() -> None:
    """A deleted resource needs no role."""
    entry = change("aws_lambda_function.f", None, {}, "delete")
    entry["change"]["before"] = {"role": "r"}
    assert plan([entry]).received == ()


def test_name_prefix_is_known() -> None:
    """The name of a role with ``name_prefix`` is known up to its prefix."""
    unknown = {**AFTER, "name": True}
    found = plan([change("aws_iam_role.r", {"name_prefix": "app-", "path": "/"}, unknown)])
    assert [str(role.name) for role in found.roles] == ["app-${generated}"]


ALTERNATIVES = [
    change("aws_iam_role.a", {**ROLE, "name": "a"}, AFTER),
    change("aws_iam_role.b", {**ROLE, "name": "b"}, AFTER),
    change("aws_lambda_function.f", {}, {"role": True}),
]
SOURCE = """
variable "second" {}
resource "aws_iam_role" "a" {
  name = "a"
}
resource "aws_iam_role" "b" {
  name = "b"
}
resource "aws_lambda_function" "f" {
  role = ROLE
}
"""


@pytest.mark.parametrize(
    ("role", "expected"),
    [
        ("var.second ? aws_iam_role.b.arn : aws_iam_role.a.arn", "aws_iam_role.b"),
        ("var.other ? aws_iam_role.b.arn : aws_iam_role.a.arn", ["aws_iam_role.a", "aws_iam_role.b"]),
        ("aws_iam_role.c.arn", ["aws_iam_role.a", "aws_iam_role.b"]),
        ("local.unknown", ["aws_iam_role.a", "aws_iam_role.b"]),
    ],
)
def test_source_configuration_selects_role(tmp_path: Path, role: str, expected: Any) -> None:
    """The configuration with the plan's variables selects one of two referenced roles; if it cannot, or is of another
    version, both remain."""
    (tmp_path / "main.tf").write_text(SOURCE.replace("ROLE", role), encoding="utf-8")
    content = {
        "format_version": "1.2",
        "variables": {"second": {"value": True}},
        "resource_changes": ALTERNATIVES,
        "configuration": {
            "root_module": {
                "resources": [
                    written("aws_lambda_function.f", {"role": refs("var.second", "aws_iam_role.a", "aws_iam_role.b")})
                ]
            }
        },
    }
    found = load(Path("plan.json"), json.dumps(content), inputs=Inputs(source=tmp_path))
    assert rows(found) == [("aws_lambda_function.f", "role", expected)]
