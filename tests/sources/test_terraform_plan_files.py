"""Detection of plan and state files, and errors for similar ones."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from profiles import examples

from passrole_checks.errors import InputError
from passrole_checks.iam.values.nodes import StringNode
from passrole_checks.scan.scanner import ScanOptions, scan_paths
from passrole_checks.sources.model.addresses import without_key
from passrole_checks.sources.model.configuration import Configuration, Framework
from passrole_checks.sources.terraform_plan import load
from passrole_checks.sources.terraform_plan.model import call_instance_key

PASS_ANY = json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "iam:PassRole", "Resource": "*"}]}
)


def entry(address: str, after: Any, actions: list[str], **more: Any) -> dict[str, Any]:
    kind, name = address.split(".")[-2:]
    change = {"actions": actions, "before": None, "after": after, "after_unknown": {}}
    return {"address": address, "mode": "managed", "type": kind, "name": name, "change": change, **more}


def resource(address: str, **values: Any) -> dict[str, Any]:
    kind, name = address.split(".")[-2:]
    return {"address": address, "mode": "managed", "type": kind, "name": name, "values": values}


CREATED = entry("aws_iam_policy.x", {"name": "x", "policy": PASS_ANY}, ["create"])
STORED: dict[str, Any] = {
    "version": 4,
    "terraform_version": "1.9.8",
    "serial": 1,
    "lineage": "a-b-c",
    "outputs": {},
    "resources": [
        {
            "module": 'module.a["k"]',
            "mode": "managed",
            "type": "aws_iam_policy",
            "name": "x",
            "provider": 'provider["registry.terraform.io/hashicorp/aws"]',
            "instances": [
                {"index_key": 0, "schema_version": 0, "attributes": {"name": "x", "policy": PASS_ANY}},
                {"index_key": 1, "deposed": "00c0ffee", "attributes": {"name": "y", "policy": PASS_ANY}},
            ],
        },
        {
            "mode": "data",
            "type": "aws_caller_identity",
            "name": "me",
            "provider": 'provider["registry.terraform.io/hashicorp/aws"]',
            "instances": [{"attributes": {"account_id": "111122223333"}}],
        },
        {"mode": "managed", "type": "google_x", "name": "y", "instances": [{"attributes": {"policy": 1}}]},
    ],
    "check_results": None,
}


def read(document: Any, *, unchanged: bool = False) -> Configuration:
    content = document if isinstance(document, str) else json.dumps(document)
    return load(Path("plan.json"), content, unchanged=unchanged)


def addresses(found: Configuration) -> list[str]:
    return [policy.resource.address for policy in found.policies]


def scanned(path: Path) -> tuple[set[str], list[tuple[str, int | None]]]:
    """The resources of the findings in a file, and the reasons why it is unreadable."""
    result = scan_paths([path], ScanOptions())
    return {item.resource.address for item in result.findings}, [(item.reason, item.line) for item in result.unreadable]


@pytest.mark.parametrize("version", ["0.1", "0.2", "1.0", "1.2", "1.99", None])
def test_known_versions_are_read(tmp_path: Path, version: str | None) -> None:
    """Minor versions only add to the format; a plan without a version is read as well."""
    document: dict[str, Any] = {"terraform_version": "1.9.8", "resource_changes": [CREATED]}
    if version is not None:
        document = {"format_version": version, **document}
    (tmp_path / "plan.json").write_text(json.dumps(document))
    assert scanned(tmp_path) == ({"aws_iam_policy.x"}, [])


@pytest.mark.parametrize("version", ["2.0", 2, [1], {}, True])
def test_unknown_major_version_is_rejected(version: Any) -> None:
    """An unknown format is rejected with its version and line."""
    with pytest.raises(InputError, match=r"plan\.json:1: unsupported plan format version"):
        read({"format_version": version, "resource_changes": [CREATED]})


@pytest.mark.parametrize("order", [False, True])
def test_order_of_keys_does_not_matter(order: bool) -> None:
    """The order of the keys does not matter."""
    document = {
        "terraform_version": "1.9.8", "format_version": "1.2", "resource_changes": [CREATED],
        "prior_state": {"values": {"root_module": {"resources": [resource("aws_iam_policy.old", policy=PASS_ANY)]}}},
        "configuration": {"root_module": {}},
    }  # fmt: skip
    found = read(json.dumps(document, sort_keys=order), unchanged=True)
    assert sorted(addresses(found)) == ["aws_iam_policy.old", "aws_iam_policy.x"]


def test_byte_order_mark_is_ignored(tmp_path: Path) -> None:
    """A plan from a Windows tool may start with a byte order mark."""
    document = {"format_version": "1.2", "terraform_version": "1.9.8", "resource_changes": [CREATED]}
    (tmp_path / "plan.json").write_bytes(b"\xef\xbb\xbf" + json.dumps(document).encode())
    assert scanned(tmp_path) == ({"aws_iam_policy.x"}, [])


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (
            '{"@level":"info","@message":"Terraform 1.9.8","@module":"terraform.ui","type":"version","ui":"1.2"}\n'
            '{"@level":"info","@message":"x: Plan to create","@module":"terraform.ui","type":"planned_change"}\n',
            "log of `terraform plan -json`",
        ),
        (
            '{"@level":"info","@message":"OpenTofu 1.8.0","@module":"tofu.ui","type":"version"}\n',
            "log of `terraform plan -json`",
        ),
        (
            "\nTerraform used the selected providers to generate the following execution plan.\n\n"
            "Terraform will perform the following actions:\n\n  # aws_iam_policy.x will be created\n",
            "plan as text: run `terraform show -json`",
        ),
        (
            '{"serial":1,"lineage":"x","meta":{"key_provider.pbkdf2.k":"e30="},"encrypted_data":"AAAA",'
            '"encryption_version":"v0"}',
            "encrypted plan or state: run `tofu show -json out.json`",
        ),
        (
            '{"version": 3, "terraform_version": "0.11.14", "lineage": "x", "modules": []}',
            "unsupported state version 3",
        ),
    ],
)
def test_other_output_explains_what_to_run(tmp_path: Path, content: str, said: str) -> None:
    """The output of other commands is unreadable, and the error says how to create a plan."""
    (tmp_path / "out.json").write_text(content)
    found, complaints = scanned(tmp_path / "out.json")
    assert found == set()
    ((reason, _),) = complaints
    assert reason.startswith(said)


def test_log_in_folder_is_reported(tmp_path: Path) -> None:
    """A log in place of the plan is reported in a folder scan too."""
    (tmp_path / "plan.json").write_text('{"@level":"info","@module":"terraform.ui","type":"version"}\n')
    assert scanned(tmp_path)[1][0][0].startswith("log of `terraform plan -json`")


@pytest.mark.parametrize("indent", [None, 2])
def test_stored_state_equals_shown_state(tmp_path: Path, indent: int | None) -> None:
    """A stored state gives the same addresses, positions and account as ``terraform show``."""
    content = json.dumps(STORED, indent=indent)
    (tmp_path / "terraform.tfstate").write_text(content)
    assert scanned(tmp_path / "terraform.tfstate") == ({'module.a["k"].aws_iam_policy.x[0]'}, [])
    found = read(content)
    assert found.framework is Framework.TERRAFORM_PLAN
    assert addresses(found) == ['module.a["k"].aws_iam_policy.x[0]']
    assert found.account == "111122223333"
    document = found.policies[0].document
    assert isinstance(document, StringNode)
    lines = content.splitlines()
    assert lines[document.at.line - 1][document.at.column - 1 :].startswith(json.dumps(PASS_ANY))


def test_aliased_provider_is_not_the_account_of_state() -> None:
    """The caller identity of an aliased provider does not determine the account."""
    other = copy.deepcopy(STORED)
    other["resources"][1]["provider"] += ".audit"
    assert read(other).account is None


def test_state_beside_configuration_is_skipped(tmp_path: Path) -> None:
    """The state of a local backend beside the scanned configuration is skipped: it is already deployed."""
    (tmp_path / "terraform.tfstate").write_text(json.dumps(STORED))
    (tmp_path / "main.tf").write_text('resource "aws_iam_role" "x" {}\n')
    assert scanned(tmp_path) == (set(), [])


def test_empty_state_is_no_error(tmp_path: Path) -> None:
    """``terraform show -json`` without a state prints only a version: no findings, no error."""
    (tmp_path / "state.json").write_text('{"format_version":"1.0"}\n')
    result = scan_paths([tmp_path / "state.json"], ScanOptions())
    assert (result.findings, result.unreadable) == ((), ())
    assert len(result.files) == 1


def test_targeted_plan_leaves_others_unchanged() -> None:
    """Resources outside of ``-target`` are in the prior state: unchanged, unless deleted."""
    prior = [resource(f"aws_iam_policy.{name}", policy=PASS_ANY) for name in ("kept", "gone", "was")]
    document = {
        "format_version": "1.2",
        "resource_changes": [
            entry("aws_iam_policy.gone", None, ["delete"]),
            entry("aws_iam_policy.now", {"policy": PASS_ANY}, ["no-op"], previous_address="aws_iam_policy.was"),
        ],
        "prior_state": {"values": {"root_module": {"resources": prior}}},
    }
    assert addresses(read(document)) == []
    assert sorted(addresses(read(document, unchanged=True))) == ["aws_iam_policy.kept", "aws_iam_policy.now"]


def test_plan_that_only_deletes_reports_nothing() -> None:
    """If all changes are deletions, planned_values is not read as created resources."""
    document = {
        "format_version": "1.2",
        "planned_values": {"root_module": {"resources": [resource("aws_iam_policy.other", policy=PASS_ANY)]}},
        "resource_changes": [entry("aws_iam_policy.x", None, ["delete"])],
    }
    assert addresses(read(document)) == []


def test_drift_is_no_change() -> None:
    """Drift is not a change by the plan."""
    document = {
        "format_version": "1.2",
        "resource_drift": [entry("aws_iam_policy.x", {"policy": PASS_ANY}, ["update"])],
        "resource_changes": [entry("aws_iam_policy.y", {"policy": PASS_ANY}, ["no-op"])],
    }
    assert addresses(read(document)) == []


def test_refresh_only_plan_changes_nothing() -> None:
    """Terraform omits an empty list of changes: resources are in the prior state and unchanged."""
    document = {
        "format_version": "1.2",
        "planned_values": {"root_module": {}},
        "resource_drift": [entry("aws_iam_policy.x", {"policy": PASS_ANY}, ["update"])],
        "prior_state": {"values": {"root_module": {"resources": [resource("aws_iam_policy.x", policy=PASS_ANY)]}}},
    }
    assert addresses(read(document)) == []
    assert addresses(read(document, unchanged=True)) == ["aws_iam_policy.x"]


def test_redacted_plan_is_read(tmp_path: Path) -> None:
    """HCP Terraform's redacted plan has another version key and the same changes."""
    document = {"plan_format_version": "1.2", "resource_changes": [CREATED], "provider_schemas": {}}
    (tmp_path / "plan.json").write_text(json.dumps(document))
    assert scanned(tmp_path) == ({"aws_iam_policy.x"}, [])
    with pytest.raises(InputError, match=r"unsupported plan format version 2\.0"):
        read({**document, "plan_format_version": "2.0"})


@pytest.mark.parametrize(
    ("path", "value", "reason"),
    [
        (["variables"], [1], "variables is not an object"),
        (["configuration", "root_module"], 3, "configuration: root_module is not an object"),
        (["configuration", "root_module", "resources"], {}, "configuration: resources is not a list"),
        (["configuration", "root_module", "module_calls"], [1], "configuration: module_calls is not an object"),
        (["configuration", "root_module", "module_calls", "resources"], 1, "configuration: resources is not an object"),
        (
            ["configuration", "root_module", "module_calls", "m", "module"],
            "x",
            "configuration: module is not an object",
        ),
        (["resource_changes", 0, "change", "after_unknown"], "x", "aws_iam_policy.x: after_unknown is not an object"),
        (
            ["resource_changes", 0, "change", "before"],
            9,
            "aws_iam_policy.x: the values before the change are not an object",
        ),
    ],
)
def test_part_of_wrong_type_is_reported(path: list[Any], value: Any, reason: str) -> None:
    """A part of an unexpected type is reported with its line, and the rest is checked."""
    document = {
        "format_version": "1.2",
        "resource_changes": [copy.deepcopy(CREATED)],
        "configuration": {"root_module": {"resources": [], "module_calls": {"m": {"module": {}}}}},
        "variables": {},
    }
    assert read(document).notes.unreadable == ()
    place: Any = document
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    found = read(document)
    assert addresses(found) == ["aws_iam_policy.x"]
    assert [(item.reason, item.line) for item in found.notes.unreadable] == [(reason, 1)]


@pytest.mark.parametrize(("key", "shown"), [('a"b\\c', '["a\\"b\\\\c"]'), ("${a}%{b}$c", '["$${a}%%{b}$c"]')])
def test_instance_key_is_escaped_in_address(key: str, shown: str) -> None:
    """Quotes and template markers in a key are escaped, so that the key finds its instance."""
    stored = copy.deepcopy(STORED)
    stored["resources"][0]["instances"][0]["index_key"] = key
    assert addresses(read(stored)) == [f'module.a["k"].aws_iam_policy.x{shown}']


def test_sensitive_policy_is_read() -> None:
    """A sensitive policy is hidden from people, but not in the plan."""
    sensitive = copy.deepcopy(CREATED)
    sensitive["change"]["after_sensitive"] = {"policy": True}
    assert addresses(read({"format_version": "1.2", "resource_changes": [sensitive]})) == ["aws_iam_policy.x"]


@pytest.mark.parametrize(
    ("address", "whole"),
    [
        ("aws_iam_role.x", "aws_iam_role.x"),
        ('aws_iam_role.x["a.b[0]"]', "aws_iam_role.x"),
        ('module.m["k"].aws_iam_role.x[3]', 'module.m["k"].aws_iam_role.x'),
        ('module.m["k]"].data.aws_iam_policy_document.x["\\"]"]', 'module.m["k]"].data.aws_iam_policy_document.x'),
        ('module.m["k"].aws_iam_role.x', 'module.m["k"].aws_iam_role.x'),
    ],
)
def test_special_characters_in_keys(address: str, whole: str) -> None:
    """Brackets, dots and quotes in a key end neither the key nor the address."""
    assert without_key(address) == whole
    assert call_instance_key('module.a.module.b["x"]') == '["x"]'
    assert call_instance_key("module.a[0].module.b") == ""


ODD: list[Any] = [None, True, 3, 1e400, "x", [], {}, [None], [3], {"x": None}, [[]], {"resources": 3}, {"a": [{}]}]


def paths_of(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path] if path else []
    for key, item in value.items() if isinstance(value, dict) else enumerate(value if isinstance(value, list) else ()):
        found += paths_of(item, (*path, key))
    return found


WHOLE: dict[str, Any] = {
    "format_version": "1.2",
    "terraform_version": "1.9.8",
    "variables": {"a": {"value": ["x"]}},
    "planned_values": {"root_module": {"resources": [resource("aws_iam_policy.x", policy=PASS_ANY)]}},
    "resource_drift": [CREATED],
    "resource_changes": [
        CREATED,
        entry('module.m["a"].aws_iam_policy.y', {"name": "y"}, ["create"], index="a", module_address='module.m["a"]'),
        entry("aws_iam_role.z", {"name": "z", "inline_policy": [{"name": "i", "policy": PASS_ANY}]}, ["no-op"]),
    ],
    "deferred_changes": [{"reason": "unknown", "resource_change": CREATED}],
    "prior_state": {
        "format_version": "1.0",
        "values": {
            "root_module": {
                "resources": [resource("aws_iam_policy.old", policy=PASS_ANY)],
                "child_modules": [
                    {
                        "address": "module.m",
                        "resources": [
                            {"address": "module.m.data.aws_caller_identity.c", "mode": "data", "name": "c",
                             "type": "aws_caller_identity", "values": {"account_id": "111122223333"}},
                            {"address": "module.m.data.aws_iam_policy_document.d", "mode": "data", "name": "d",
                             "type": "aws_iam_policy_document", "values": {"json": PASS_ANY}},
                        ],
                        "child_modules": [{"resources": [resource("module.m.module.n.aws_iam_policy.q")]}],
                    }
                ],
            }
        },
    },
    "configuration": {
        "provider_config": {"aws": {"name": "aws", "expressions": {}}},
        "root_module": {
            "module_calls": {
                "m": {
                    "expressions": {"document": {"references": ["local.x"]}},
                    "for_each_expression": {"references": ["var.a"]},
                    "module": {
                        "resources": [
                            {"address": "aws_iam_policy.y", "type": "aws_iam_policy", "mode": "managed", "name": "y",
                             "expressions": {"policy": {"references": ["var.document", "each.value"]}},
                             "for_each_expression": {"references": ["var.a"]}}
                        ],
                        "outputs": {"o": {"expression": {"references": ["aws_iam_policy.y"]}}},
                    },
                }
            }
        },
    },
}  # fmt: skip


def changed(document: Any, data: st.DataObject) -> Any:
    """The document with a few nodes replaced or removed."""
    document = copy.deepcopy(document)
    for _ in range(data.draw(st.integers(1, 3))):
        path = data.draw(st.sampled_from(paths_of(document)))
        place = document
        for key in path[:-1]:
            place = place[key]
        if data.draw(st.booleans()):
            del place[path[-1]]
        else:
            place[path[-1]] = copy.deepcopy(data.draw(st.sampled_from(ODD)))
        if not paths_of(document):
            break
    return document


@settings(max_examples=examples(250))
@given(st.data())
def test_mutated_plan_never_crashes(data: st.DataObject) -> None:
    """A plan with any nodes replaced or removed is read, or rejected with one error."""
    try:
        found = read(changed(WHOLE, data), unchanged=data.draw(st.booleans()))
    except InputError as error:
        assert str(error).startswith("plan.json:")
        assert "\n" not in str(error)
    else:
        assert all(problem.file == "plan.json" and "\n" not in problem.reason for problem in found.notes.unreadable)


@settings(max_examples=examples(150))
@given(st.data())
def test_mutated_state_never_crashes(data: st.DataObject) -> None:
    """The same for a stored state."""
    try:
        found = read(changed(STORED, data))
    except InputError as error:
        assert str(error).startswith("plan.json:")
    else:
        assert all(problem.file == "plan.json" for problem in found.notes.unreadable)


@settings(max_examples=examples(100))
@given(st.sampled_from([WHOLE, STORED]), st.data())
def test_truncated_file_is_rejected(document: Any, data: st.DataObject) -> None:
    """A truncated plan or state is rejected with the line where it ends."""
    content = json.dumps(document, indent=1)
    cut = content[: data.draw(st.integers(1, len(content) - 1))]
    with pytest.raises(InputError, match=r"^plan\.json:\d+: "):
        read(cut)
