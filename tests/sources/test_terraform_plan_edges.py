"""Edge cases of plans and states: unknown parts, entries of wrong types, rare attributes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from passrole_checks.iam.values.nodes import ListNode, Node, ObjectNode, StringNode
from passrole_checks.sources.model.configuration import Configuration
from passrole_checks.sources.terraform_plan import load

ANY = json.dumps({"Statement": [{"Effect": "Allow", "Action": "iam:PassRole", "Resource": "*"}]})
DOCUMENT = "data.aws_iam_policy_document.pass"


def change(address: str, after: Any, unknown: Any = None, actions: tuple[str, ...] = ("create",)) -> dict[str, Any]:
    """An entry of ``resource_changes``."""
    type_, name = address.removeprefix("data.").split(".")
    mode = "data" if address.startswith("data.") else "managed"
    body = {"actions": list(actions), "before": None, "after": after, "after_unknown": unknown or {}}
    return {"address": address, "mode": mode, "type": type_, "name": name, "change": body}


def written(address: str, **expressions: Any) -> dict[str, Any]:
    """A resource of the configuration."""
    type_, name = address.removeprefix("data.").split(".")
    mode = "data" if address.startswith("data.") else "managed"
    return {"address": address, "mode": mode, "type": type_, "name": name, "expressions": expressions}


def read(*changes: Any, resources: Any = (), **more: Any) -> Configuration:
    document = {
        "format_version": "1.2",
        "resource_changes": list(changes),
        "configuration": {"root_module": {"resources": list(resources)}},
        **more,
    }
    return load(Path("plan.json"), json.dumps(document))


def spelled(node: Node | None) -> Any:
    if isinstance(node, ObjectNode):
        return {spelled(entry.key): spelled(entry.value) for entry in node.entries}
    if isinstance(node, ListNode):
        return [spelled(item) for item in node.items]
    return str(node) if isinstance(node, StringNode) else node


def document_of(values: Any, unknown: Any, **expressions: Any) -> Any:
    """The document of a policy with a planned data source."""
    data = change(DOCUMENT, values, {"json": True, **unknown}, ("read",))
    policy = change("aws_iam_policy.deploy", {"name": "deploy"}, {"policy": True})
    code = [
        written(DOCUMENT, **expressions),
        written("aws_iam_policy.deploy", policy={"references": [f"{DOCUMENT}.json"]}),
    ]
    found = read(data, policy, resources=code)
    assert not found.notes.unreadable
    return spelled(found.policies[0].document)


def statement_of(value: Any, unknown: Any) -> Any:
    (statement,) = document_of({"statement": [value]}, {"statement": [unknown]})["Statement"]
    return statement


PASS: dict[str, Any] = {"actions": ["iam:PassRole"], "resources": ["*"]}
ALLOWED = {"Effect": "Allow", "Action": ["iam:PassRole"], "Resource": ["*"]}
LABEL = f"{DOCUMENT}.statement[0]"


@pytest.mark.parametrize(
    ("value", "unknown", "expected"),
    [
        ({**PASS, "sid": None}, {"sid": True}, {"Sid": f"${{{LABEL}.sid}}", **ALLOWED}),
        (
            {**PASS, "principals": [{"type": "AWS", "identifiers": ["1"]}, {"type": None}]},
            {},
            {"Effect": "Allow", "Principal": {"AWS": ["1"]}, "Action": ["iam:PassRole"], "Resource": ["*"]},
        ),
        (
            {**PASS, "not_principals": [{"type": "*", "identifiers": ["*"]}]},
            {},
            {"Effect": "Allow", "NotPrincipal": "*", "Action": ["iam:PassRole"], "Resource": ["*"]},
        ),
        (
            PASS,
            {"principals": True},
            {"Effect": "Allow", "Principal": f"${{{LABEL}.principals}}", "Action": ["iam:PassRole"], "Resource": ["*"]},
        ),
        ({**PASS, "principals": [{"type": None}]}, {}, ALLOWED),
        (PASS, {"condition": True}, {**ALLOWED, "Condition": f"${{{LABEL}.condition}}"}),
        (
            {**PASS, "condition": [{"test": "Bool", "variable": "a"}, {"test": "Bool", "variable": "b", "values": []}]},
            {"condition": [{"values": True}, {}]},
            {**ALLOWED, "Condition": {"Bool": {"a": [f"${{{LABEL}.condition[0].values}}"], "b": []}}},
        ),
    ],
)
def test_partially_unknown_statement(value: Any, unknown: Any, expected: Any) -> None:
    """Each part of a statement is its planned value, or unresolved."""
    assert statement_of(value, unknown) == expected


@pytest.mark.parametrize(
    ("values", "unknown", "expected"),
    [
        ({}, {"statement": True}, [f"${{{DOCUMENT}.statement}}"]),
        ({"statement": [None, PASS]}, {"statement": [True]}, [f"${{{LABEL}}}", ALLOWED]),
        (
            {"statement": [PASS]},
            {"source_policy_documents": True},
            [f"${{{DOCUMENT}.source_policy_documents}}", ALLOWED],
        ),
        ({"statement": [PASS], "override_policy_documents": ["", "{}", "{"]}, {}, [ALLOWED, "${{}"]),
        (
            {"source_policy_documents": ['{"Statement": {"Sid": "a"}}', None]},
            {"source_policy_documents": [False, True]},
            [{"Sid": "a"}, f"${{{DOCUMENT}.source_policy_documents}}"],
        ),
    ],
)  # fmt: skip
def test_partially_unknown_document(values: Any, unknown: Any, expected: Any) -> None:
    """Unknown statements are unresolved among known ones; empty strings give none."""
    assert document_of(values, unknown)["Statement"] == expected


def test_element_of_wrong_type_is_reported() -> None:
    """A number in a list of actions is reported, and the other actions stay."""
    data = change(DOCUMENT, {"statement": [{**PASS, "actions": ["iam:PassRole", 7]}]}, {"json": True}, ("read",))
    policy = change("aws_iam_policy.deploy", {}, {"policy": True})
    code = [written(DOCUMENT), written("aws_iam_policy.deploy", policy={"references": [f"{DOCUMENT}.json"]})]
    found = read(data, policy, resources=code)
    assert spelled(found.policies[0].document)["Statement"] == [ALLOWED]
    assert {one.reason for one in found.notes.unreadable} == {f"{LABEL}.actions: an element is not a string"}


def test_unconfigured_document_is_unresolved() -> None:
    """A data source without statements in the configuration that was not read is unresolved."""
    code = [
        written(DOCUMENT, version={"constant_value": "2012-10-17"}),
        written("aws_iam_policy.deploy", policy={"references": [f"{DOCUMENT}.json", DOCUMENT]}),
    ]
    found = read(change("aws_iam_policy.deploy", {}, {"policy": True}), resources=code)
    assert spelled(found.policies[0].document) == f"${{{DOCUMENT}.json}}"


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        (change("aws_iam_policy.x", {}, actions=()), "aws_iam_policy.x: the change has no actions"),
        (change("aws_iam_policy.x", "text"), "aws_iam_policy.x: the values of the change are not an object"),
        (change("aws_iam_role.x", {"inline_policy": 7}), "aws_iam_role.x: inline_policy is not a list"),
        (
            change("aws_iam_role.x", {"inline_policy": [{"name": "a", "policy": 7}]}),
            "aws_iam_role.x: inline_policy[0].policy is not a string",
        ),
    ],
)
def test_entry_of_wrong_type_is_reported(entry: Any, reason: str) -> None:
    """A value that should be a string, list or object is reported with its address."""
    assert reason in [one.reason for one in read(entry).notes.unreadable]


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        ({"resources": {}}, "resources is not a list"),
        ({"resources": [{"mode": "managed"}]}, "an entry of resources has no type or name"),
        ({"resources": [{"type": "aws_iam_policy", "name": "x"}]}, "aws_iam_policy.x: instances is not a list"),
        (
            {"resources": [{"type": "aws_iam_policy", "name": "x", "instances": [{"attributes_flat": {}}]}]},
            "aws_iam_policy.x: no readable attributes; use `terraform show -json`",
        ),
    ],
)
def test_stored_state_of_wrong_type_is_reported(state: Any, reason: str) -> None:
    """Unreadable parts of a state are reported; keys may have any order."""
    for content in ({"version": 4, "serial": 1, **state}, {"outputs": {}, "lineage": "a", "version": 4, **state}):
        found = load(Path("terraform.tfstate"), json.dumps(content))
        assert [one.reason for one in found.notes.unreadable] == [reason]


def test_invalid_prior_state_values_are_ignored() -> None:
    """An invalid account id, an empty document and a resource without values are ignored."""
    prior = {
        "values": {
            "root_module": {
                "resources": [
                    {"address": "data.aws_caller_identity.me", "mode": "data", "type": "aws_caller_identity",
                     "values": {"account_id": "unknown"}},
                    {"address": DOCUMENT, "mode": "data", "type": "aws_iam_policy_document", "values": {"json": ""}},
                    {"address": "data.aws_region.here", "mode": "data", "type": "aws_region", "values": {}},
                    {"address": "aws_iam_policy.odd", "type": "aws_iam_policy", "values": []},
                ]
            }
        }
    }  # fmt: skip
    found = read(change("aws_iam_policy.x", {"policy": ANY}), prior_state=prior)
    assert [policy.resource.address for policy in found.policies] == ["aws_iam_policy.x"]
    assert (found.account, found.notes.unreadable) == (None, ())


def test_caller_identity_with_unknown_provider_is_ignored() -> None:
    """A caller identity in a module with an unknown provider may be of another account."""
    caller = {"address": "module.m.data.aws_caller_identity.me", "mode": "data", "type": "aws_caller_identity",
              "values": {"account_id": "111122223333"}}  # fmt: skip
    prior = {"values": {"root_module": {"child_modules": [{"address": "module.m", "resources": [caller]}]}}}
    module = {"module": {"resources": [written("data.aws_caller_identity.me")]}}
    for calls, account in (({}, None), ({"m": module}, None)):
        root = {"root_module": {"module_calls": calls}}
        found = read(change("aws_iam_policy.x", {"policy": ANY}), prior_state=prior, configuration=root)
        assert found.account == account
