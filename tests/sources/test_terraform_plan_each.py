"""``each`` and ``count`` in the references of a plan, and instances of modules."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from work import at_most

from passrole_checks.iam.values.nodes import ListNode, Node, ObjectNode, StringNode
from passrole_checks.sources.terraform_plan import load

DOCUMENT = "aws_iam_policy_document"


def change(address: str, after: Any, unknown: Any, **more: Any) -> dict[str, Any]:
    """A resource that is created, or a data source that is read, with the key of its address."""
    module, _, rest = address.rpartition("|")
    data = rest.startswith("data.")
    kind, name = rest.removeprefix("data.").partition("[")[0].split(".")
    entry: dict[str, Any] = {
        "address": f"{module}.{rest}" if module else rest,
        "mode": "data" if data else "managed",
        "type": kind,
        "name": name,
        "change": {"actions": ["read" if data else "create"], "before": None, "after": after, "after_unknown": unknown},
        **more,
    }
    if module:
        entry["module_address"] = module
    if rest.endswith("]"):
        entry["index"] = json.loads(rest[rest.index("[") + 1 : -1])
    return entry


def role(address: str) -> dict[str, Any]:
    return change(address, {"name": "n", "path": "/", "assume_role_policy": "{}"}, {"arn": True, "id": True})


def policy(address: str) -> dict[str, Any]:
    return change(address, {"name": "p", "role": "r"}, {"policy": True})


def reading(address: str, resources: Any = (None,), unknown: Any = (True,)) -> dict[str, Any]:
    """A data source with one statement that has unknown elements."""
    shown = None if resources is None else list(resources)
    statement = {"actions": ["iam:PassRole"], "resources": shown, "condition": [], "effect": None, "sid": None}
    missing = {"actions": [False], "resources": unknown if unknown is True else list(unknown), "condition": []}
    return change(address, {"statement": [statement]}, {"json": True, "statement": [missing]})


def refs(*names: str) -> dict[str, Any]:
    return {"references": list(names)}


def written(address: str, each: Any = None, **expressions: Any) -> dict[str, Any]:
    kind, name = address.removeprefix("data.").split(".")
    entry: dict[str, Any] = {"address": address, "type": kind, "name": name, "expressions": expressions}
    return entry if each is None else {**entry, "for_each_expression": each}


def document(name: str, *names: str, each: Any = None) -> dict[str, Any]:
    statement = {"actions": {"constant_value": ["iam:PassRole"]}, "resources": refs(*names)}
    return written(f"data.{DOCUMENT}.{name}", each, statement=[statement])


def spelled(node: Node | None) -> Any:
    if isinstance(node, ObjectNode):
        return {spelled(entry.key): spelled(entry.value) for entry in node.entries}
    if isinstance(node, ListNode):
        return [spelled(item) for item in node.items]
    if isinstance(node, StringNode):
        return "".join(
            part if isinstance(part, str) else f"${{{part.expression}{f' -> {part.role}' if part.role else ''}}}"
            for part in node.parts
        )
    return node


def documents(changes: list[Any], root: dict[str, Any]) -> dict[str, Any]:
    """The Resource of the statements of each policy by address, or an unresolved value."""
    content = {"format_version": "1.2", "resource_changes": changes, "configuration": {"root_module": root}}
    found = load(Path("plan.json"), json.dumps(content))
    shown: dict[str, Any] = {}
    for item in found.policies:
        if item.path == "policy":
            node = spelled(item.document)
            shown[item.resource.address] = (
                [statement if isinstance(statement, str) else statement["Resource"] for statement in node["Statement"]]
                if isinstance(node, dict)
                else node
            )
    assert found.notes.unreadable == ()
    return shown


def single(*names: str, changes: list[Any], each: Any = None) -> Any:
    """The Resource of the one statement of the instance ``["a"]`` of a document."""
    read = reading(f'data.{DOCUMENT}.d["a"]')
    owner = policy('aws_iam_role_policy.p["a"]')
    resources = [
        document("d", *names, each=each),
        written("aws_iam_role_policy.p", policy=refs(f"data.{DOCUMENT}.d", "each.key")),
    ]
    return documents([*changes, read, owner], {"resources": resources})['aws_iam_role_policy.p["a"]'][0]


A, B = role('aws_iam_role.x["a"]'), role('aws_iam_role.x["b"]')


def test_each_key_selects_instance() -> None:
    """``aws_iam_role.x[each.key].arn`` in the instance "a" is the role x["a"], with the known parts of its ARN."""
    assert single("aws_iam_role.x", "each.key", changes=[A, B]) == ['${aws_iam_role.x["a"].arn -> aws_iam_role.x["a"]}']


@pytest.mark.parametrize(
    "names",
    [
        ("aws_iam_role.x", "local.keys", "each.key"),  # another key may be looked up
        ("aws_iam_role.x",),  # a splat, perhaps
        ('aws_iam_role.x["b"].name', 'aws_iam_role.x["b"]', "aws_iam_role.x", "each.key"),
        ("aws_iam_role.other", "each.key"),
        ("aws_iam_role.x.arn", "aws_iam_role.x", "each.key"),
    ],
)
def test_other_references_beside_key_are_no_role(names: tuple[str, ...]) -> None:
    """If there are other references, or nothing selects an instance, no role is assumed."""
    (found,) = single(*names, changes=[A, B, role("aws_iam_role.other")])
    assert "->" not in found


def test_count_index_selects_instance() -> None:
    """``count.index`` is the number of the instance."""
    changes = [
        role("aws_iam_role.x[0]"), role("aws_iam_role.x[1]"), reading(f"data.{DOCUMENT}.d[1]"),
        policy("aws_iam_role_policy.p[1]"),
    ]  # fmt: skip
    resources = [
        document("d", "aws_iam_role.x", "count.index"),
        written("aws_iam_role_policy.p", policy=refs(f"data.{DOCUMENT}.d", "count.index")),
    ]
    assert documents(changes, {"resources": resources}) == {
        "aws_iam_role_policy.p[1]": [["${aws_iam_role.x[1].arn -> aws_iam_role.x[1]}"]]
    }


def test_each_value_is_followed_to_for_each() -> None:
    """``each.value`` is what the ``for_each`` of the same block refers to, if that is one name."""
    each = refs('aws_iam_role.x["b"].arn', 'aws_iam_role.x["b"]', "aws_iam_role.x")
    assert single("each.value", changes=[A, B], each=each) == ['${aws_iam_role.x["b"].arn -> aws_iam_role.x["b"]}']
    nested = single("each.value.arn", "each.value", changes=[A, B], each=each)
    assert nested == ['${aws_iam_role.x["b"].arn -> aws_iam_role.x["b"]}']


def test_each_value_of_several_roles_is_no_role() -> None:
    """With several roles in ``for_each`` the role of an instance is unknown: none is assumed."""
    each = refs('aws_iam_role.x["a"].arn', 'aws_iam_role.x["b"].arn')
    (found,) = single("each.value", changes=[A, B], each=each)
    assert found == '${aws_iam_role.x["a"].arn, aws_iam_role.x["b"].arn}'


def test_each_value_without_for_each_stays_a_name() -> None:
    """If ``for_each`` is not in the configuration, the unresolved part is named ``each.value``."""
    assert single("each.value", changes=[A]) == ["${each.value}"]


def test_each_key_of_module_call_is_the_modules_key() -> None:
    """``each.key`` in a module's argument is the module's key, not the resource's."""
    first, second = (reading(f'data.{DOCUMENT}.d["{key}"]', [f"arn:aws:iam::111122223333:role/{key}", None],
                             [False, True]) for key in ("m", "r"))  # fmt: skip
    inner = policy('module.x["m"]|aws_iam_role_policy.p["r"]')
    call = {
        "expressions": {"document": refs(f"data.{DOCUMENT}.d", "each.key")},
        "for_each_expression": refs("local.modules"),
        "module": {"resources": [written("aws_iam_role_policy.p", refs("local.x"), policy=refs("var.document"))]},
    }
    root = {"resources": [document("d", "local.y")], "module_calls": {"x": call}}
    assert documents([first, second, inner], root) == {
        'module.x["m"].aws_iam_role_policy.p["r"]': [["arn:aws:iam::111122223333:role/m", "${local.y}"]]
    }


def test_modules_are_followed_at_any_depth() -> None:
    """A role three modules away is found through outputs and variables."""
    root = {
        "module_calls": {
            "roles": {
                "module": {
                    "outputs": {"arn": {"expression": refs("module.deep.arn", "module.deep")}},
                    "module_calls": {
                        "deep": {
                            "module": {"outputs": {"arn": {"expression": refs("aws_iam_role.x.arn", "aws_iam_role.x")}}}
                        }
                    },
                }
            },
            "use": {
                "expressions": {"role": refs("module.roles.arn", "module.roles")},
                "module": {
                    "resources": [
                        document("d", "var.role"),
                        written("aws_iam_role_policy.p", policy=refs(f"data.{DOCUMENT}.d.json", f"data.{DOCUMENT}.d")),
                    ]
                },
            },
        }
    }
    changes = [
        role("module.roles.module.deep|aws_iam_role.x"), reading(f"module.use|data.{DOCUMENT}.d"),
        policy("module.use|aws_iam_role_policy.p"),
    ]  # fmt: skip
    assert documents(changes, root) == {
        "module.use.aws_iam_role_policy.p": [["${aws_iam_role.x.arn -> module.roles.module.deep.aws_iam_role.x}"]]
    }


def test_circular_references_end() -> None:
    """A variable that refers to itself stays a name and does not loop."""
    call = {"expressions": {"v": refs("module.m.o", "module.m")},
            "module": {"outputs": {"o": {"expression": refs("var.v")}},
                       "resources": [written("aws_iam_role_policy.p", policy=refs("var.v"))]}}  # fmt: skip
    found = documents([policy("module.m|aws_iam_role_policy.p")], {"module_calls": {"m": call}})
    assert found == {"module.m.aws_iam_role_policy.p": "${module.m.o}"}


def test_exponential_references_end_in_time() -> None:
    """Outputs that each refer to two others, twenty levels deep, end within the step limit."""

    def level(number: int) -> dict[str, Any]:
        if number == 0:
            return {"outputs": {name: {"expression": refs(f"local.{name}")} for name in "ab"}}
        both = refs("module.m.a", "module.m.b", "module.m")
        return {
            "outputs": {name: {"expression": both} for name in "ab"},
            "module_calls": {"m": {"module": level(number - 1)}},
        }

    root = level(20) | {"resources": [written("aws_iam_role_policy.p", policy=refs("module.m.a"))]}
    with at_most(3_000_000):
        found = documents([policy("aws_iam_role_policy.p")], root)
    assert found["aws_iam_role_policy.p"].startswith("${local.a, local.b")


def test_configured_document_keeps_unknown_overrides() -> None:
    """Unknown sources and overrides of a document that is only configured are unresolved."""
    configured = written(
        f"data.{DOCUMENT}.d",
        source_policy_documents=refs("local.base"),
        statement=[{"actions": {"constant_value": ["iam:PassRole"]}, "resources": {"constant_value": ["*"]}}],
        override_policy_documents=refs("var.override"),
    )
    used = written("aws_iam_role_policy.p", policy=refs(f"data.{DOCUMENT}.d.json", f"data.{DOCUMENT}.d"))
    found = documents([policy("aws_iam_role_policy.p")], {"resources": [configured, used]})
    assert found == {"aws_iam_role_policy.p": ["${local.base}", ["*"], "${var.override}"]}
