"""Which files are plans and states, and what is said of those that are not quite."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from passrole_checks.errors import InputError
from passrole_checks.iam.partial_values import StringNode
from passrole_checks.scan.scanner import ScanOptions, scan_paths
from passrole_checks.sources.model.configuration import Configuration, Framework
from passrole_checks.sources.terraform_plan import load
from passrole_checks.sources.terraform_plan.model import key_of, without_key

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
    """The resources of the findings in a file, and what is said of it."""
    result = scan_paths([path], ScanOptions())
    return {item.resource.address for item in result.findings}, [(item.reason, item.line) for item in result.unreadable]


@pytest.mark.parametrize("version", ["0.1", "0.2", "1.0", "1.2", "1.99", None])
def test_every_version_that_is_known_is_read(tmp_path: Path, version: str | None) -> None:
    """Minor versions only add to the format, and a plan that a tool has stripped of its version is read as well."""
    document: dict[str, Any] = {"terraform_version": "1.9.8", "resource_changes": [CREATED]}
    if version is not None:
        document = {"format_version": version, **document}
    (tmp_path / "plan.json").write_text(json.dumps(document))
    assert scanned(tmp_path) == ({"aws_iam_policy.x"}, [])


@pytest.mark.parametrize("version", ["2.0", 2, [1], {}, True])
def test_another_major_version_is_refused(version: Any) -> None:
    """Of a format that is not known nothing is guessed; the error names the version and its line."""
    with pytest.raises(InputError, match=r"plan\.json:1: plan format version .* is not supported"):
        read({"format_version": version, "resource_changes": [CREATED]})


@pytest.mark.parametrize("order", [False, True])
def test_plan_of_a_tool_that_sorts_keys_is_the_same(order: bool) -> None:
    """The order of the keys makes no difference."""
    document = {
        "terraform_version": "1.9.8", "format_version": "1.2", "resource_changes": [CREATED],
        "prior_state": {"values": {"root_module": {"resources": [resource("aws_iam_policy.old", policy=PASS_ANY)]}}},
        "configuration": {"root_module": {}},
    }  # fmt: skip
    found = read(json.dumps(document, sort_keys=order), unchanged=True)
    assert sorted(addresses(found)) == ["aws_iam_policy.old", "aws_iam_policy.x"]


def test_byte_order_mark_makes_no_difference(tmp_path: Path) -> None:
    """A plan that was piped through a tool of Windows begins with a mark."""
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
        ('{"version": 3, "terraform_version": "0.11.14", "lineage": "x", "modules": []}', "a state of version 3"),
    ],
)
def test_other_output_says_what_to_run(tmp_path: Path, content: str, said: str) -> None:
    """What other commands write is unreadable in one line that says how to get a plan."""
    (tmp_path / "out.json").write_text(content)
    found, complaints = scanned(tmp_path / "out.json")
    assert found == set()
    ((reason, _),) = complaints
    assert reason.startswith(said)


def test_log_is_named_on_a_walk_too(tmp_path: Path) -> None:
    """A log that lies where the plan should be is not passed over."""
    (tmp_path / "plan.json").write_text('{"@level":"info","@module":"terraform.ui","type":"version"}\n')
    assert scanned(tmp_path)[1][0][0].startswith("log of `terraform plan -json`")


@pytest.mark.parametrize("indent", [None, 2])
def test_stored_state_is_read_by_its_instances(tmp_path: Path, indent: int | None) -> None:
    """A state as it is stored gives the same as one that is shown: addresses with keys, places, the account."""
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


def test_account_of_another_provider_is_not_the_state_s() -> None:
    """The identity of a provider with an alias says nothing of the account of everything else."""
    other = copy.deepcopy(STORED)
    other["resources"][1]["provider"] += ".audit"
    assert read(other).account is None


def test_state_beside_its_configuration_is_passed_over_on_a_walk(tmp_path: Path) -> None:
    """The state of a local backend lies beside the configuration that is scanned, and is what is deployed already."""
    (tmp_path / "terraform.tfstate").write_text(json.dumps(STORED))
    (tmp_path / "main.tf").write_text('resource "aws_iam_role" "x" {}\n')
    assert scanned(tmp_path) == (set(), [])


def test_empty_state_holds_nothing(tmp_path: Path) -> None:
    """``terraform show -json`` without a state prints a version and no more: nothing to report, and no error."""
    (tmp_path / "state.json").write_text('{"format_version":"1.0"}\n')
    result = scan_paths([tmp_path / "state.json"], ScanOptions())
    assert (result.findings, result.unreadable) == ((), ())
    assert len(result.files) == 1


def test_plan_for_some_resources_leaves_the_others_as_they_are() -> None:
    """What a limited plan (-target) says nothing of stands in the prior state: unchanged, and not what is deleted."""
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
    """Where all changes are deletions, planned_values is not taken for what the plan creates."""
    document = {
        "format_version": "1.2",
        "planned_values": {"root_module": {"resources": [resource("aws_iam_policy.other", policy=PASS_ANY)]}},
        "resource_changes": [entry("aws_iam_policy.x", None, ["delete"])],
    }
    assert addresses(read(document)) == []


def test_drift_is_no_change_of_the_plan() -> None:
    """What changed outside of Terraform is not what the plan does."""
    document = {
        "format_version": "1.2",
        "resource_drift": [entry("aws_iam_policy.x", {"policy": PASS_ANY}, ["update"])],
        "resource_changes": [entry("aws_iam_policy.y", {"policy": PASS_ANY}, ["no-op"])],
    }
    assert addresses(read(document)) == []


def test_plan_that_only_refreshes_leaves_everything_as_it_is() -> None:
    """Terraform leaves an empty list of changes out: what stands is in the prior state, and nothing of it is new."""
    document = {
        "format_version": "1.2",
        "planned_values": {"root_module": {}},
        "resource_drift": [entry("aws_iam_policy.x", {"policy": PASS_ANY}, ["update"])],
        "prior_state": {"values": {"root_module": {"resources": [resource("aws_iam_policy.x", policy=PASS_ANY)]}}},
    }
    assert addresses(read(document)) == []
    assert addresses(read(document, unchanged=True)) == ["aws_iam_policy.x"]


def test_redacted_plan_is_read(tmp_path: Path) -> None:
    """HCP Terraform's redacted plan names its version in its own way and holds the changes all the same."""
    document = {"plan_format_version": "1.2", "resource_changes": [CREATED], "provider_schemas": {}}
    (tmp_path / "plan.json").write_text(json.dumps(document))
    assert scanned(tmp_path) == ({"aws_iam_policy.x"}, [])
    with pytest.raises(InputError, match=r"plan format version 2\.0 is not supported"):
        read({**document, "plan_format_version": "2.0"})


@pytest.mark.parametrize(
    ("path", "value", "reason"),
    [
        (["variables"], [1], "variables is no object"),
        (["configuration", "root_module"], 3, "configuration: root_module is no object"),
        (["configuration", "root_module", "resources"], {}, "configuration: resources is no list"),
        (["configuration", "root_module", "module_calls"], [1], "configuration: module_calls is no object"),
        (["configuration", "root_module", "module_calls", "resources"], 1, "configuration: resources is no object"),
        (["configuration", "root_module", "module_calls", "m", "module"], "x", "configuration: module is no object"),
        (["resource_changes", 0, "change", "after_unknown"], "x", "aws_iam_policy.x: after_unknown is no object"),
        (
            ["resource_changes", 0, "change", "before"],
            9,
            "aws_iam_policy.x: the values before the change are no object",
        ),
    ],
)
def test_part_of_another_type_is_named(path: list[Any], value: Any, reason: str) -> None:
    """A part that has not the type that the format gives it is named with its line, and the rest is judged."""
    document = {
        "format_version": "1.2",
        "resource_changes": [copy.deepcopy(CREATED)],
        "configuration": {"root_module": {"resources": [], "module_calls": {"m": {"module": {}}}}},
        "variables": {},
    }
    assert read(document).unreadable == ()
    place: Any = document
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    found = read(document)
    assert addresses(found) == ["aws_iam_policy.x"]
    assert [(item.reason, item.line) for item in found.unreadable] == [(reason, 1)]


@pytest.mark.parametrize(("key", "shown"), [('a"b\\c', '["a\\"b\\\\c"]'), ("${a}%{b}$c", '["$${a}%%{b}$c"]')])
def test_key_stands_in_an_address_as_terraform_writes_it(key: str, shown: str) -> None:
    """What would end the text or begin a template in it is escaped, so that a key finds its instance."""
    stored = copy.deepcopy(STORED)
    stored["resources"][0]["instances"][0]["index_key"] = key
    assert addresses(read(stored)) == [f'module.a["k"].aws_iam_policy.x{shown}']


def test_sensitive_policy_is_read() -> None:
    """That a policy is marked sensitive hides it from people, not from the plan."""
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
def test_keys_are_told_from_what_they_hold(address: str, whole: str) -> None:
    """Brackets, dots and quotes inside a key end neither the key nor the address."""
    assert without_key(address) == whole
    assert key_of('module.a.module.b["x"]') == '["x"]'
    assert key_of("module.a[0].module.b") == ""


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
    """The document with a few nodes replaced by others, or gone."""
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


@settings(max_examples=250, deadline=None)
@given(st.data())
def test_no_change_of_a_plan_crashes(data: st.DataObject) -> None:
    """Any nodes of another type, or gone, in any places: the plan is read or refused in one clear line."""
    try:
        found = read(changed(WHOLE, data), unchanged=data.draw(st.booleans()))
    except InputError as error:
        assert str(error).startswith("plan.json:")
        assert "\n" not in str(error)
    else:
        assert all(problem.file == "plan.json" and "\n" not in problem.reason for problem in found.unreadable)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_no_change_of_a_stored_state_crashes(data: st.DataObject) -> None:
    """The same holds for a state as it is stored."""
    try:
        found = read(changed(STORED, data))
    except InputError as error:
        assert str(error).startswith("plan.json:")
    else:
        assert all(problem.file == "plan.json" for problem in found.unreadable)


@settings(max_examples=100, deadline=None)
@given(st.sampled_from([WHOLE, STORED]), st.data())
def test_what_is_cut_off_is_refused(document: Any, data: st.DataObject) -> None:
    """A plan or a state of which the end is missing is refused with the line where it ends."""
    content = json.dumps(document, indent=1)
    cut = content[: data.draw(st.integers(1, len(content) - 1))]
    with pytest.raises(InputError, match=r"^plan\.json:\d+: "):
        read(cut)
