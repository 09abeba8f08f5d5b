"""Plans and states as JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from profiles import examples

from passrole_checks.errors import InputError
from passrole_checks.iam.documents.json_document import parse_json
from passrole_checks.iam.values.nodes import ListNode, Node, ObjectNode, StringNode, Unresolved, UnresolvedKind
from passrole_checks.sources.model.configuration import Configuration, Framework, PolicyKind
from passrole_checks.sources.terraform_plan import load

PLAN = Path("plan.json")
PASS_ANY = json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "iam:PassRole", "Resource": "*"}]}
)


def change(
    address: str, after: dict[str, Any] | None, unknown: Any = None, actions: tuple[str, ...] = ("create",), **more: Any
) -> dict[str, Any]:
    """An entry of ``resource_changes`` as Terraform writes it."""
    parts = address.split(".")
    mode = "data" if "data" in parts else "managed"
    kind, name = parts[-2], parts[-1].partition("[")[0]
    entry = {
        "address": address,
        "mode": mode,
        "type": kind,
        "name": name,
        "provider_name": "registry.terraform.io/hashicorp/aws",
        "change": {
            "actions": list(actions),
            "before": None,
            "after": after,
            "after_unknown": unknown if unknown is not None else {"id": True},
            "before_sensitive": False,
            "after_sensitive": {},
        },
    }
    return {**entry, **more}


def plan(*changes: Any, resources: Any = (), indent: int | None = None, **more: Any) -> str:
    """A complete plan; ``resources`` are those of the configuration's root module."""
    document = {
        "format_version": "1.2",
        "terraform_version": "1.9.5",
        "planned_values": {"root_module": {}},
        "resource_changes": list(changes),
        "configuration": {"root_module": {"resources": list(resources)}},
        **more,
    }
    return json.dumps(document, indent=indent)


def written(address: str, **expressions: Any) -> dict[str, Any]:
    """A resource of the configuration."""
    kind, name = address.split(".")[-2:]
    mode = "data" if address.startswith("data.") else "managed"
    return {"address": address, "mode": mode, "type": kind, "name": name, "expressions": expressions}


def refs(*names: str) -> dict[str, Any]:
    return {"references": list(names)}


def const(value: Any) -> dict[str, Any]:
    return {"constant_value": value}


def read(content: str, *, unchanged: bool = False) -> Configuration:
    return load(PLAN, content, unchanged=unchanged)


def spelled(node: Node | None) -> Any:
    """A node as plain data, unresolved parts as ``${expression}``, with a role as ``${expression -> role}``."""
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


def statements(configuration: Configuration, number: int = 0) -> list[Any]:
    document = spelled(configuration.policies[number].document)
    assert document["Version"] == "2012-10-17"
    return list(document["Statement"])


ROLE = change(
    "aws_iam_role.task",
    {"name": "task", "path": "/app/", "assume_role_policy": "{}", "managed_policy_arns": None},
    {"arn": True, "id": True, "inline_policy": True, "managed_policy_arns": True},
)
PASS_TASK = change(
    "data.aws_iam_policy_document.pass",
    {
        "override_policy_documents": None,
        "source_policy_documents": None,
        "statement": [
            {
                "actions": ["iam:GetRole", "iam:PassRole"],
                "condition": [
                    {"test": "StringEquals", "values": ["ecs-tasks.amazonaws.com"], "variable": "iam:PassedToService"}
                ],
                "effect": None,
                "not_actions": None,
                "not_principals": [],
                "not_resources": None,
                "principals": [],
                "resources": [None],
                "sid": "PassTask",
            }
        ],
        "version": None,
    },
    {
        "id": True,
        "json": True,
        "minified_json": True,
        "statement": [
            {
                "actions": [False, False],
                "condition": [{"values": [False]}],
                "not_principals": [],
                "principals": [],
                "resources": [True],
            }
        ],
    },
    ("read",),
    action_reason="read_because_config_unknown",
)
PASS_TASK_WRITTEN = written(
    "data.aws_iam_policy_document.pass",
    statement=[
        {
            "actions": const(["iam:GetRole", "iam:PassRole"]),
            "condition": [
                {
                    "test": const("StringEquals"),
                    "values": const(["ecs-tasks.amazonaws.com"]),
                    "variable": const("iam:PassedToService"),
                }
            ],
            "resources": refs("aws_iam_role.task.arn", "aws_iam_role.task"),
            "sid": const("PassTask"),
        }
    ],
)
POLICY = change("aws_iam_policy.deploy", {"name": "deploy", "path": "/"}, {"arn": True, "id": True, "policy": True})
POLICY_WRITTEN = written(
    "aws_iam_policy.deploy", policy=refs("data.aws_iam_policy_document.pass.json", "data.aws_iam_policy_document.pass")
)
PASS_TASK_STATEMENT = {
    "Sid": "PassTask",
    "Effect": "Allow",
    "Action": ["iam:GetRole", "iam:PassRole"],
    "Resource": ["${aws_iam_role.task.arn -> aws_iam_role.task}"],
    "Condition": {"StringEquals": {"iam:PassedToService": ["ecs-tasks.amazonaws.com"]}},
}


@pytest.mark.parametrize(
    ("address", "attribute"),
    [
        ("aws_iam_policy.x", "policy"),
        ("aws_iam_role_policy.x", "policy"),
        ("aws_iam_user_policy.x", "policy"),
        ("aws_iam_group_policy.x", "policy"),
        ("aws_ssoadmin_permission_set_inline_policy.x", "inline_policy"),
    ],
)
def test_identity_policy_is_json_text(address: str, attribute: str) -> None:
    """The policy of each identity resource is the text in the plan."""
    found = read(plan(change(address, {attribute: PASS_ANY})))
    (policy,) = found.policies
    assert found.framework is Framework.TERRAFORM_PLAN
    assert (policy.resource.address, policy.path, policy.kind) == (address, attribute, PolicyKind.IDENTITY)
    assert isinstance(policy.document, StringNode)
    assert policy.document.literal == PASS_ANY
    assert found.notes.unreadable == ()


def test_role_has_inline_and_trust_policies() -> None:
    """A role has its inline policies as identity-based policies, and its trust policy."""
    role = change(
        "aws_iam_role.app",
        {
            "name": "app",
            "path": "/x/",
            "assume_role_policy": '{"Statement":[]}',
            "inline_policy": [{"name": "a", "policy": PASS_ANY}, {"name": "b", "policy": "{}"}],
        },
        {"arn": True, "inline_policy": [{}, {}]},
    )
    found = read(plan(role))
    assert [(policy.path, policy.kind, policy.principals) for policy in found.policies] == [
        ("assume_role_policy", PolicyKind.TRUST, ("aws_iam_role.app",)),
        ("inline_policy/0/policy", PolicyKind.IDENTITY, ("aws_iam_role.app",)),
        ("inline_policy/1/policy", PolicyKind.IDENTITY, ("aws_iam_role.app",)),
    ]
    (definition,) = found.roles
    assert (spelled(definition.name), spelled(definition.role_path)) == ("app", "/x/")
    assert spelled(definition.trust) == '{"Statement":[]}'


def test_computed_inline_policy_is_no_policy() -> None:
    """A computed inline_policy that is known after apply is no policy if none is configured."""
    found = read(plan(ROLE, resources=[written("aws_iam_role.task", name=const("task"))]))
    assert [policy.path for policy in found.policies] == ["assume_role_policy"]


def test_unknown_inline_policy_is_unresolved() -> None:
    """A configured inline policy that is known after apply is unresolved."""
    role = change("aws_iam_role.a", {"assume_role_policy": "{}", "inline_policy": [{"name": "x"}]}, {
        "inline_policy": [{"policy": True}]
    })  # fmt: skip
    block = {"name": const("x"), "policy": refs("aws_s3_bucket.b.arn", "aws_s3_bucket.b")}
    found = read(plan(role, resources=[written("aws_iam_role.a", inline_policy=[block])]))
    assert spelled(found.policies[1].document) == "${aws_s3_bucket.b.arn}"
    assert found.policies[1].path == "inline_policy/0/policy"


def test_resource_policies_are_distinguished() -> None:
    """A bucket or queue policy is a resource-based policy; a computed one is none."""
    found = read(
        plan(
            change("aws_s3_bucket_policy.b", {"policy": PASS_ANY}),
            change("aws_sqs_queue.q", {"name": "q"}, {"policy": True}),
            change("aws_cloudwatch_log_resource_policy.l", {"policy_document": PASS_ANY}),
            change("aws_kms_key.k", {}, {"policy": True}),
            resources=[written("aws_kms_key.k", policy=refs("data.aws_iam_policy_document.k.json"))],
        )
    )
    assert {(policy.resource.address, policy.kind) for policy in found.policies} == {
        ("aws_s3_bucket_policy.b", PolicyKind.RESOURCE),
        ("aws_cloudwatch_log_resource_policy.l", PolicyKind.RESOURCE),
        ("aws_kms_key.k", PolicyKind.RESOURCE),
    }


@pytest.mark.parametrize(
    ("actions", "judged", "with_unchanged"),
    [
        (("create",), True, True),
        (("update",), True, True),
        (("delete", "create"), True, True),
        (("create", "delete"), True, True),
        (("no-op",), False, True),
        (("delete",), False, False),
        (("forget",), False, False),
    ],
)
def test_only_changes_are_checked(actions: tuple[str, ...], judged: bool, with_unchanged: bool) -> None:
    """Created and changed policies are checked, unchanged ones on request, deleted ones never."""
    after = None if actions in (("delete",), ("forget",)) else {"policy": PASS_ANY}
    content = plan(change("aws_iam_policy.x", after, actions=actions))
    assert bool(read(content).policies) is judged
    assert bool(read(content, unchanged=True).policies) is with_unchanged


def test_newly_attached_policy_is_checked() -> None:
    """An unchanged managed policy is checked if the plan attaches it."""
    arn = "arn:aws:iam::111122223333:policy/x"
    found = read(
        plan(
            change("aws_iam_policy.x", {"policy": PASS_ANY, "arn": arn}, actions=("no-op",)),
            change("aws_iam_role.r", {"name": "r", "assume_role_policy": "{}"}, actions=("no-op",)),
            change("aws_iam_role_policy_attachment.a", {"role": "r", "policy_arn": arn}),
        )
    )
    (policy,) = found.policies
    assert policy.principals == ("aws_iam_role.r",)


def test_other_providers_are_ignored() -> None:
    """Resources of other providers are neither policies nor errors."""
    found = read(plan(change("google_project_iam_policy.x", {"policy": 3}), change("random_id.x", {"byte_length": 4})))
    assert (found.policies, found.resources, found.notes.unreadable) == ((), (), ())


def test_document_is_built_from_planned_data_source() -> None:
    """A policy that is known after apply has its statements, with the new role in its place."""
    found = read(plan(ROLE, PASS_TASK, POLICY, resources=[PASS_TASK_WRITTEN, POLICY_WRITTEN]))
    assert statements(found, 1) == [PASS_TASK_STATEMENT]


def test_unknown_role_arn_has_known_parts() -> None:
    """The known name of a role is part of its unresolved ARN; so is the account if the plan has it."""
    found = read(plan(ROLE, PASS_TASK, POLICY, resources=[PASS_TASK_WRITTEN, POLICY_WRITTEN]))
    document = found.policies[1].document
    assert isinstance(document, ObjectNode)
    statement = document.get("Statement")
    assert isinstance(statement, ListNode)
    assert isinstance(statement.items[0], ObjectNode)
    resources = statement.items[0].get("Resource")
    assert isinstance(resources, ListNode)
    text = resources.items[0]
    assert isinstance(text, StringNode)
    (hole,) = text.unresolved_parts
    assert hole.reason == "known after apply"
    assert hole.known is not None
    kinds = [part if isinstance(part, str) else part.kind for part in hole.known]
    assert kinds == ["arn:", UnresolvedKind.PARTITION, ":iam::", UnresolvedKind.ACCOUNT_ID, ":role/app/task"]


def test_constant_expressions_replace_missing_data_source() -> None:
    """If the plan does not contain the data source, its constant expressions and references are used."""
    found = read(plan(ROLE, POLICY, resources=[PASS_TASK_WRITTEN, POLICY_WRITTEN]))
    assert statements(found, 1) == [PASS_TASK_STATEMENT]


def test_document_is_read_from_prior_state() -> None:
    """A data source with its JSON in prior_state has that JSON."""
    known = {"address": "data.aws_iam_policy_document.pass", "mode": "data", "type": "aws_iam_policy_document"}
    state = {"values": {"root_module": {"resources": [{**known, "values": {"json": PASS_ANY}}]}}}
    found = read(plan(POLICY, resources=[POLICY_WRITTEN], prior_state=state))
    assert spelled(found.policies[0].document) == PASS_ANY


def test_document_is_followed_through_module_variable() -> None:
    """A policy in a module variable is followed to the document of the caller."""
    address = 'module.policy["a"].aws_iam_policy.this'
    policy = change(address, {"name": "p"}, {"policy": True}, module_address='module.policy["a"]')
    call = {
        "expressions": {
            "document": refs("data.aws_iam_policy_document.pass.json", "data.aws_iam_policy_document.pass")
        },
        "module": {"resources": [written("aws_iam_policy.this", policy=refs("var.document"))]},
    }
    configuration = {"root_module": {"resources": [PASS_TASK_WRITTEN], "module_calls": {"policy": call}}}
    found = read(plan(ROLE, PASS_TASK, policy, configuration=configuration))
    assert statements(found, 1) == [PASS_TASK_STATEMENT]


def test_role_is_followed_through_module_output() -> None:
    """A role in a module output has its address in that module."""
    role = {**ROLE, "address": "module.roles.aws_iam_role.task[0]", "module_address": "module.roles", "index": 0}
    document = json.loads(json.dumps(PASS_TASK_WRITTEN))
    document["expressions"]["statement"][0]["resources"] = refs("module.roles.task_arn", "module.roles")
    output = refs("aws_iam_role.task[0].arn", "aws_iam_role.task[0]", "aws_iam_role.task")
    configuration = {
        "root_module": {
            "resources": [document, POLICY_WRITTEN],
            "module_calls": {"roles": {"module": {"outputs": {"task_arn": {"expression": output}}}}},
        }
    }
    found = read(plan(role, PASS_TASK, POLICY, configuration=configuration))
    (statement,) = statements(found, 1)
    assert statement["Resource"] == ["${aws_iam_role.task[0].arn -> module.roles.aws_iam_role.task[0]}"]


def with_resources(shown: list[Any] | None, unknown: Any, names: list[str]) -> Any:
    """The Resource of the statement, given what a plan shows of it and its references."""
    data = json.loads(json.dumps(PASS_TASK))
    data["change"]["after"]["statement"][0]["resources"] = shown
    data["change"]["after_unknown"]["statement"][0]["resources"] = unknown
    document = json.loads(json.dumps(PASS_TASK_WRITTEN))
    document["expressions"]["statement"][0]["resources"] = refs(*names)
    other = change("aws_iam_role.other", {"name": "other", "assume_role_policy": "{}"}, {"arn": True})
    found = read(plan(ROLE, other, data, POLICY, resources=[document, POLICY_WRITTEN]))
    (statement,) = statements(found, 2)
    return statement["Resource"]


def test_known_elements_stay_beside_unknown_ones() -> None:
    """One unknown element of a list does not change the known ones."""
    names = ["aws_iam_role.task.arn", "aws_iam_role.task"]
    arn = "arn:aws:iam::111122223333:role/x"
    assert with_resources([arn, None], [False, True], names) == [arn, "${aws_iam_role.task.arn -> aws_iam_role.task}"]


def test_two_unknown_roles_are_both_resolved() -> None:
    """Two unknown elements and two roles are those roles, also if a set shows them as one."""
    names = ["aws_iam_role.task.arn", "aws_iam_role.task", "aws_iam_role.other.arn", "aws_iam_role.other"]
    both = ["${aws_iam_role.task.arn -> aws_iam_role.task}", "${aws_iam_role.other.arn -> aws_iam_role.other}"]
    assert with_resources([None, None], [True, True], names) == both
    assert with_resources([None], [True], names) == both


def test_ambiguous_unknown_elements_are_no_role() -> None:
    """If the references are not exactly one role's ARN per element, no role is assumed."""
    names = ["aws_iam_role.task.arn", "aws_iam_role.task", "var.suffix"]
    assert with_resources([None], [True], names) == ["${aws_iam_role.task.arn, var.suffix}"]
    assert with_resources([None], [True], ["aws_iam_role.task.name", "aws_iam_role.task"]) == [
        "${aws_iam_role.task.name}"
    ]
    assert with_resources([None], [True], ["aws_iam_role.task", "each.key"]) == ["${aws_iam_role.task, each.key}"]
    assert (
        with_resources([None, None], [True, True], ["aws_iam_role.task.arn", "aws_iam_role.task"])
        == ["${aws_iam_role.task.arn}"] * 2
    )


def test_wholly_unknown_list_is_no_role() -> None:
    """A list of unknown length may contain more than the referenced role."""
    assert with_resources(None, True, ["aws_iam_role.task.arn", "aws_iam_role.task"]) == "${aws_iam_role.task.arn}"


def test_dynamic_statements_do_not_share_references() -> None:
    """If the blocks of configuration and plan differ, an unknown element is named after its position."""
    data = json.loads(json.dumps(PASS_TASK))
    data["change"]["after"]["statement"] *= 2
    data["change"]["after_unknown"]["statement"] *= 2
    found = read(plan(ROLE, data, POLICY, resources=[PASS_TASK_WRITTEN, POLICY_WRITTEN]))
    assert [statement["Resource"] for statement in statements(found, 1)] == [
        ["${data.aws_iam_policy_document.pass.statement[0].resources}"],
        ["${data.aws_iam_policy_document.pass.statement[1].resources}"],
    ]


def test_sources_and_overrides_are_merged_by_sid() -> None:
    """Source documents come first, overrides last; a statement replaces an earlier one of the same Sid."""
    base = {"Statement": [{"Sid": "PassTask", "Effect": "Deny"}, {"Sid": "Base", "Effect": "Allow"}]}
    over = {"Statement": {"Sid": "Base", "Effect": "Deny"}}
    data = json.loads(json.dumps(PASS_TASK))
    data["change"]["after"]["source_policy_documents"] = [json.dumps(base), None]
    data["change"]["after_unknown"]["source_policy_documents"] = [False, True]
    data["change"]["after"]["override_policy_documents"] = [json.dumps(over)]
    found = read(plan(ROLE, data, POLICY, resources=[PASS_TASK_WRITTEN, POLICY_WRITTEN]))
    assert statements(found, 1) == [
        PASS_TASK_STATEMENT,
        {"Sid": "Base", "Effect": "Deny"},
        "${data.aws_iam_policy_document.pass.source_policy_documents}",
    ]


def test_planned_source_document_is_included() -> None:
    """A source document that is known after apply contributes its statements."""
    outer = change(
        "data.aws_iam_policy_document.outer",
        {"statement": [], "source_policy_documents": [None]},
        {"json": True, "source_policy_documents": [True]},
        ("read",),
    )
    outer_written = written(
        "data.aws_iam_policy_document.outer",
        source_policy_documents=refs("data.aws_iam_policy_document.pass.json", "data.aws_iam_policy_document.pass"),
    )
    policy = written(
        "aws_iam_policy.deploy",
        policy=refs("data.aws_iam_policy_document.outer.json", "data.aws_iam_policy_document.outer"),
    )
    found = read(plan(ROLE, PASS_TASK, outer, POLICY, resources=[PASS_TASK_WRITTEN, outer_written, policy]))
    assert statements(found, 1) == [PASS_TASK_STATEMENT]


def test_policy_variables_are_converted() -> None:
    """The data source's ``&{...}`` is IAM's ``${...}``."""
    shown = with_resources(["arn:aws:iam::1:role/&{aws:username}"], [False], [])
    assert shown == ["arn:aws:iam::1:role/${aws:username}"]


def test_instances_find_their_own_document() -> None:
    """A policy with an instance key uses the document with the same key."""
    first, second = json.loads(json.dumps(PASS_TASK)), json.loads(json.dumps(PASS_TASK))
    for number, data in enumerate((first, second)):
        data.update(address=f"data.aws_iam_policy_document.pass[{number}]", index=number, name="pass")
        data["change"]["after"]["statement"][0]["sid"] = f"S{number}"
    policy = change("aws_iam_policy.deploy[1]", {"name": "deploy"}, {"policy": True}, index=1)
    policy_written = written("aws_iam_policy.deploy", policy=refs("data.aws_iam_policy_document.pass", "count.index"))
    found = read(plan(ROLE, first, second, policy, resources=[PASS_TASK_WRITTEN, policy_written]))
    assert [statement["Sid"] for statement in statements(found, 1)] == ["S1"]


def test_ambiguous_document_instance_is_unresolved() -> None:
    """If nothing selects one of several instances, the document is unresolved."""
    first, second = json.loads(json.dumps(PASS_TASK)), json.loads(json.dumps(PASS_TASK))
    first["address"] += '["a"]'
    second["address"] += '["b"]'
    policy_written = written("aws_iam_policy.deploy", policy=refs("data.aws_iam_policy_document.pass"))
    found = read(plan(ROLE, first, second, POLICY, resources=[PASS_TASK_WRITTEN, policy_written]))
    assert spelled(found.policies[1].document) == "${data.aws_iam_policy_document.pass}"


def test_encoded_policy_is_unresolved_without_role() -> None:
    """``jsonencode`` with a new role's ARN is an unresolved document, not the ARN."""
    policy = written("aws_iam_policy.deploy", policy=refs("aws_iam_role.task.arn", "aws_iam_role.task"))
    found = read(plan(ROLE, POLICY, resources=[policy]))
    document = found.policies[1].document
    assert isinstance(document, StringNode)
    assert document.only_unresolved == Unresolved("aws_iam_role.task.arn", reason="known after apply")


def test_unknown_policy_without_configuration_is_unresolved() -> None:
    """A reduced plan without configuration still has the unresolved policy."""
    for content in (plan(POLICY), plan(POLICY, configuration=None), plan(change("aws_iam_policy.deploy", {}))):
        (policy,) = read(content).policies
        assert spelled(policy.document) == "${aws_iam_policy.deploy.policy}"


def test_principals_are_addresses_or_names() -> None:
    """A role is found by its name, or by the configuration if that is unknown; else the name is used."""
    generated = change("aws_iam_role.gen", {"assume_role_policy": "{}"}, {"name": True})
    found = read(
        plan(
            ROLE,
            generated,
            change("aws_iam_role_policy.a", {"role": "task", "policy": PASS_ANY}),
            change("aws_iam_role_policy.b", {"role": "elsewhere", "policy": PASS_ANY}),
            change("aws_iam_role_policy.c", {"policy": PASS_ANY}, {"role": True}),
            resources=[written("aws_iam_role_policy.c", role=refs("aws_iam_role.gen.id", "aws_iam_role.gen"))],
        )
    )
    holders = {policy.resource.address: policy.principals for policy in found.policies}
    assert holders["aws_iam_role_policy.a"] == ("aws_iam_role.task",)
    assert holders["aws_iam_role_policy.b"] == ("elsewhere",)
    assert holders["aws_iam_role_policy.c"] == ("aws_iam_role.gen",)


def test_new_managed_policy_is_attached_by_reference() -> None:
    """An attachment of a policy to be created is found by reference, for roles, users and groups."""
    arn = refs("aws_iam_policy.deploy.arn", "aws_iam_policy.deploy")
    found = read(
        plan(
            ROLE,
            change("aws_iam_policy.deploy", {"policy": PASS_ANY}, {"arn": True}),
            change("aws_iam_role_policy_attachment.a", {"role": "task"}, {"policy_arn": True}),
            change("aws_iam_policy_attachment.b", {"users": ["u"], "groups": ["g"]}, {"policy_arn": True}),
            change(
                "aws_iam_user_policy_attachments_exclusive.c",
                {"user_name": "v", "policy_arns": [None]},
                {"policy_arns": [True]},
            ),
            resources=[
                written("aws_iam_role_policy_attachment.a", policy_arn=arn),
                written("aws_iam_policy_attachment.b", policy_arn=arn),
                written("aws_iam_user_policy_attachments_exclusive.c", policy_arns=arn),
            ],
        )
    )
    policy = next(policy for policy in found.policies if policy.resource.address == "aws_iam_policy.deploy")
    assert policy.principals == ("aws_iam_role.task", "u", "g", "v")


def test_policy_used_only_as_boundary() -> None:
    """A managed policy that is only a boundary grants nothing; if it is attached too, it grants."""
    boundary = written("aws_iam_role.r", permissions_boundary=refs("aws_iam_policy.b.arn", "aws_iam_policy.b"))
    role = change("aws_iam_role.r", {"name": "r", "assume_role_policy": "{}"}, {"permissions_boundary": True})
    policy = change("aws_iam_policy.b", {"policy": PASS_ANY}, {"arn": True})
    attached = change("aws_iam_role_policy_attachment.a", {"role": "r"}, {"policy_arn": True})
    attachment = written("aws_iam_role_policy_attachment.a", policy_arn=refs("aws_iam_policy.b.arn"))

    def kind(content: str) -> PolicyKind:
        return next(item.kind for item in read(content).policies if item.resource.address == "aws_iam_policy.b")

    assert kind(plan(role, policy, resources=[boundary])) is PolicyKind.BOUNDARY
    assert kind(plan(role, policy, attached, resources=[boundary, attachment])) is PolicyKind.IDENTITY


def test_existing_boundary() -> None:
    """A boundary policy with a known ARN is not used by its own ``arn`` and ``id``."""
    arn = "arn:aws:iam::111122223333:policy/b"
    role = change("aws_iam_role.r", {"name": "r", "assume_role_policy": "{}", "permissions_boundary": arn})
    policy = change("aws_iam_policy.b", {"name": "b", "arn": arn, "id": arn, "policy": PASS_ANY}, actions=("update",))
    (found,) = [item for item in read(plan(role, policy)).policies if item.resource.address == "aws_iam_policy.b"]
    assert found.kind is PolicyKind.BOUNDARY


@pytest.mark.parametrize(
    ("other", "configured", "kind"),
    [
        (
            change("aws_iam_role_policy_attachment.a", {"policy_arn": "arn:aws:iam::111122223333:policy/b"}, {}),
            written("aws_iam_role_policy_attachment.a"),
            "identity",
        ),
        (
            change("aws_ssoadmin_customer_managed_policy_attachment.a",
                   {"customer_managed_policy_reference": [{"name": "b"}]}, {}),
            written("aws_ssoadmin_customer_managed_policy_attachment.a"),
            "identity",
        ),
        (
            change("awscc_iam_role.a", {}, {"managed_policy_arns": True}),
            written("awscc_iam_role.a", managed_policy_arns=refs("aws_iam_policy.b.arn", "aws_iam_policy.b")),
            "identity",
        ),
        (
            change("aws_ssoadmin_permissions_boundary_attachment.a", {}, {"permissions_boundary": True}),
            written("aws_ssoadmin_permissions_boundary_attachment.a",
                    permissions_boundary=[{"name": refs("aws_iam_policy.b.name", "aws_iam_policy.b")}]),
            "boundary",
        ),
        (
            change("aws_iam_user.a", {"name": "b"}),
            written("aws_iam_user.a", name=const("b")),
            "boundary",
        ),
    ],
)  # fmt: skip
def test_otherwise_used_boundary_grants(other: Any, configured: Any, kind: str) -> None:
    """A boundary that is also named by ARN, name or reference may be attached."""
    boundary = written("aws_iam_role.r", permissions_boundary=refs("aws_iam_policy.b.arn", "aws_iam_policy.b"))
    role = change("aws_iam_role.r", {"name": "r", "assume_role_policy": "{}"}, {"permissions_boundary": True})
    policy = change("aws_iam_policy.b", {"name": "b", "path": "/", "policy": PASS_ANY}, {"arn": True})
    configuration = read(plan(role, policy, other, resources=[boundary, configured]))
    found = {item.resource.address: item.kind.value for item in configuration.policies}
    assert found["aws_iam_policy.b"] == kind


@pytest.mark.parametrize(("key", "account"), [("aws", "111122223333"), ("aws.other", None)])
def test_account_is_that_of_default_provider(key: str, account: str | None) -> None:
    """An aliased caller identity or provider does not determine the account."""
    caller = {"address": "data.aws_caller_identity.c", "mode": "data", "type": "aws_caller_identity"}
    state = {"values": {"root_module": {"resources": [{**caller, "values": {"account_id": "111122223333"}}]}}}
    resources = [{**caller, "name": "c", "provider_config_key": key}]
    assert read(plan(prior_state=state, resources=resources)).account == account
    allowed = {"allowed_account_ids": const(["111122223333"])}
    alias = {"alias": "other"} if key != "aws" else {}
    providers = {key: {"name": "aws", **alias, "expressions": allowed}}
    assert read(plan(configuration={"provider_config": providers})).account == account


def test_unread_stacks_are_reported() -> None:
    """A CloudFormation stack with an unknown template is reported."""
    configuration = read(plan(change("aws_cloudformation_stack.s", {"template_body": "{}"})))
    (note,) = configuration.notes.not_evaluated
    assert note.reason.startswith("aws_cloudformation_stack.s: ")


def test_account_of_plan() -> None:
    """The account comes from the caller identity, else from a provider that allows one only; two are none."""

    def caller(*accounts: str) -> dict[str, Any]:
        resources = [
            {
                "address": f"data.aws_caller_identity.c{number}",
                "mode": "data",
                "type": "aws_caller_identity",
                "values": {"account_id": account},
            }
            for number, account in enumerate(accounts)
        ]
        child = {"address": "module.a", "resources": resources}
        return {"values": {"root_module": {"child_modules": [child]}}}

    assert read(plan(prior_state=caller("111122223333"))).account == "111122223333"
    assert read(plan(prior_state=caller("111122223333", "444455556666"))).account is None
    provider = {"aws": {"name": "aws", "expressions": {"allowed_account_ids": const(["111122223333"])}}}
    assert read(plan(configuration={"provider_config": provider})).account == "111122223333"
    assert read(plan()).account is None


def test_lines_are_those_of_the_file() -> None:
    """In a formatted plan a resource has the line of its entry, a policy that of its attribute."""
    content = plan(change("aws_iam_policy.x", {"name": "x", "policy": PASS_ANY}), indent=2)
    (policy,) = read(content).policies
    lines = content.splitlines()
    assert lines[policy.resource.at.line].strip() == '"address": "aws_iam_policy.x",'
    assert lines[policy.document.at.line - 1].strip().startswith('"policy": ')
    assert lines[policy.document.at.line - 1][policy.document.at.column - 1] == '"'
    assert policy.resource.at.end_line > policy.document.at.line


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("inner", [None, 1])
def test_statements_have_their_own_columns(indent: int | None, inner: int | None) -> None:
    """Each statement has its own column in the string that contains the document, with escapes."""
    statements = [
        {"Sid": 'Ae\u0301\U0001f600 "quoted" \\ \n', "Effect": "Allow", "Action": "iam:PassRole", "Resource": "*"},
        {"Sid": "B", "Effect": "Allow", "Action": "iam:PassRole", "Resource": "*"},
    ]
    document = json.dumps({"Statement": statements}, indent=inner)
    content = plan(
        change("aws_iam_policy.x", {"policy": document}),
        change("aws_iam_role.r", {"inline_policy": [{"name": "n", "policy": document}], "assume_role_policy": "{}"}),
        indent=indent,
    )
    lines = content.splitlines()
    found = [policy for policy in read(content).policies if policy.kind is PolicyKind.IDENTITY]
    assert len(found) == 2
    for policy in found:
        assert isinstance(policy.document, StringNode)
        assert policy.document.literal == document
        tree = parse_json(policy.document)
        assert isinstance(tree, ObjectNode)
        listed = tree.get("Statement")
        assert isinstance(listed, ListNode)
        for item, statement in zip(listed.items, statements, strict=True):
            at = item.at
            assert at.line == at.end_line == policy.document.at.line
            shown = lines[at.line - 1][at.column - 1 : at.end_column - 1]
            assert json.loads(json.loads(f'"{shown}"')) == statement


def test_positions_beyond_limit_are_those_of_strings() -> None:
    """Beyond the memory limit, a statement has the position of its document."""
    changes = [change(f"aws_iam_policy.p{number}", {"policy": PASS_ANY}) for number in range(6_000)]
    found = read(plan(*changes)).policies
    assert all(isinstance(policy.document, StringNode) and policy.document.literal == PASS_ANY for policy in found)
    assert isinstance(found[-1].document, StringNode)
    assert found[-1].document.starts == ()


def test_built_statement_has_line_of_data_source() -> None:
    """A built statement is located at its data source in the plan."""
    content = plan(ROLE, PASS_TASK, POLICY, resources=[PASS_TASK_WRITTEN, POLICY_WRITTEN], indent=2)
    document = read(content).policies[1].document
    assert isinstance(document, ObjectNode)
    statement = document.get("Statement")
    assert isinstance(statement, ListNode)
    at = statement.items[0].at
    shown = "\n".join(content.splitlines()[at.line - 1 : at.end_line])
    assert '"sid": "PassTask"' in shown
    assert shown.lstrip().startswith("{")


def test_one_line_plan_has_line_one() -> None:
    """A plan on one line gives line one, with a column."""
    (policy,) = read(plan(change("aws_iam_policy.x", {"policy": PASS_ANY}))).policies
    assert policy.document.at.line == 1
    assert policy.document.at.column > 1


def test_state_is_read_completely() -> None:
    """A state has no changes, so everything in it is checked, modules included."""
    resource = {
        "address": "module.a.aws_iam_policy.x",
        "mode": "managed",
        "type": "aws_iam_policy",
        "name": "x",
        "values": {"policy": PASS_ANY},
    }
    root = {"child_modules": [{"address": "module.a", "resources": [resource]}]}
    content = json.dumps({"format_version": "1.0", "values": {"root_module": root}}, indent=1)
    (policy,) = read(content).policies
    assert spelled(policy.document) == PASS_ANY
    assert '"policy"' in content.splitlines()[policy.document.at.line - 1]


def test_plan_without_changes_is_read_by_values() -> None:
    """A plan that a tool reduced to planned_values is checked by those."""
    resource = {"address": "aws_iam_policy.x", "type": "aws_iam_policy", "name": "x", "values": {"policy": PASS_ANY}}
    content = json.dumps({"format_version": "1.0", "planned_values": {"root_module": {"resources": [resource]}}})
    assert [policy.resource.address for policy in read(content).policies] == ["aws_iam_policy.x"]


def test_deferred_changes_are_checked() -> None:
    """Resources whose change is deferred will be created too."""
    entry = {"reason": "resource_config_unknown", "resource_change": change("aws_iam_policy.x", {"policy": PASS_ANY})}
    found = read(plan(deferred_changes=[entry]))
    assert [policy.resource.address for policy in found.policies] == ["aws_iam_policy.x"]


def test_deposed_objects_are_ignored() -> None:
    """A deposed object will be destroyed."""
    assert read(plan(change("aws_iam_policy.x", {"policy": PASS_ANY}, deposed="ab12"))).policies == ()


def test_incomplete_plan_says_so() -> None:
    """A plan that ended in an error is incomplete and listed as not evaluated."""
    (missing,) = read(plan(errored=True)).notes.not_evaluated
    assert (missing.file, missing.line) == ("plan.json", None)


@pytest.mark.parametrize(
    ("content", "reason", "line"),
    [
        ('{"format_version": "1.2",\n "resource_changes": [{"address": "a', "ends in the middle", 2),
        ('{"format_version": "1.2",\n\n "planned_values": {', "ends in the middle", 3),
        ('{"format_version": "1.2",\n "planned_values": {} "x": 1}', "not JSON", 2),
        ('{"format_version": "1.2"}\n{"format_version": "1.2"}', "more text", 2),
        ('{"format_version": "2.0"}', "version 2.0", 1),
        ("[]", "not a Terraform plan", 1),
        ("", "ends in the middle", 1),
        ('{"format_version": "1.2", "planned_values": ' + "[" * 200_000, "nested too deeply", 1),
        ('{"format_version": "1.2", "planned_values": ' + "1" * 9_000 + "}", "too long", 1),
    ],
)
def test_unreadable_plan_is_an_error_with_line(content: str, reason: str, line: int) -> None:
    """A truncated or broken plan is one error that starts with the file."""
    with pytest.raises(InputError) as caught:
        read(content)
    assert str(caught.value).startswith(f"plan.json:{line}: ")
    assert reason in caught.value.reason


def test_lone_surrogate_is_replaced() -> None:
    """A lone surrogate is replaced; pairs and escaped backslashes are kept, and positions stay."""
    content = plan(change("aws_iam_policy.x", {"policy": "@ \\ud800"})).replace("@", "\\ud83d\\ude00 \\udc00")
    (found,) = read(content).policies
    assert spelled(found.document) == "\U0001f600 \ufffd \\ud800"


BROKEN: list[Any] = [None, True, 3, "x", [], {}, [None], [3], {"x": None}, [[]], {"resources": 3}]


@pytest.mark.parametrize("value", BROKEN, ids=repr)
@pytest.mark.parametrize(
    "part",
    [
        "resource_changes", "deferred_changes", "planned_values", "configuration", "prior_state", "values",
        "format_version", "errored",
    ],
)  # fmt: skip
def test_part_of_wrong_type_is_skipped(part: str, value: Any) -> None:
    """A part of an unexpected type is skipped, and the rest is read."""
    if part == "format_version":
        value = "1.0"
    read(plan(**{part: value}))


def _paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path] if path else []
    if isinstance(value, dict):
        for key, item in value.items():
            found += _paths(item, (*path, key))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            found += _paths(item, (*path, number))
    return found


FULL = json.loads(
    plan(
        ROLE,
        PASS_TASK,
        POLICY,
        change("aws_iam_role_policy_attachment.a", {"role": "task"}, {"policy_arn": True}),
        change("aws_iam_role.i", {"assume_role_policy": "{}", "inline_policy": [{"policy": PASS_ANY}]}),
        resources=[
            PASS_TASK_WRITTEN,
            POLICY_WRITTEN,
            written("aws_iam_role_policy_attachment.a", policy_arn=refs("aws_iam_policy.deploy.arn")),
        ],
        prior_state={"values": {"root_module": {"resources": [{"address": "data.x", "mode": "data", "values": {}}]}}},
    )
)


@settings(max_examples=examples(300))
@given(st.sampled_from(_paths(FULL)), st.sampled_from(BROKEN))
def test_wrong_type_never_crashes(path: tuple[Any, ...], value: Any) -> None:
    """Any value in any place of a plan is read or rejected with one error."""
    document = json.loads(json.dumps(FULL))
    place = document
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    try:
        found = read(json.dumps(document))
    except InputError as error:
        assert path == ("format_version",), error
    else:
        assert all(problem.file == "plan.json" for problem in found.notes.unreadable)


def test_broken_change_is_reported() -> None:
    """An invalid change is reported with its position; the other policies are checked."""
    content = plan(
        3, change("aws_iam_policy.x", {"policy": PASS_ANY}), change("aws_iam_policy.y", {"policy": 7}), indent=1
    )
    found = read(content)
    assert [policy.resource.address for policy in found.policies] == ["aws_iam_policy.x", "aws_iam_policy.y"]
    assert spelled(found.policies[1].document) == "${aws_iam_policy.y.policy}"
    reasons = [(problem.line, problem.reason) for problem in found.notes.unreadable]
    assert reasons[0][1].startswith("an entry of resource_changes")
    assert reasons[0][0] is not None
    assert content.splitlines()[reasons[0][0] - 1].strip() == "3,"
    assert reasons[1][1] == "aws_iam_policy.y: policy is not a string"
