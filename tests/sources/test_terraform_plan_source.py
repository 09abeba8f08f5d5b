"""Plans whose policies are completed from their configuration."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from path_conditions_of_tests import outcome_of
from profiles import examples

from passrole_checks.cli import main
from passrole_checks.errors import InputError
from passrole_checks.iam.values.nodes import Choice, ListNode, Node, ObjectNode, StringNode
from passrole_checks.scan.scanner import ScanOptions, ScanResult, scan_paths
from passrole_checks.sources.model.configuration import Configuration, Inputs
from passrole_checks.sources.terraform_plan import load

# the Sid is not known before apply, which makes the whole policy so
STATEMENT = '{ Sid = aws_iam_user.later.unique_id, Effect = "Allow", Action = "iam:PassRole", Resource = %s }'


def encoded(resource: str) -> str:
    return f'jsonencode({{ Version = "2012-10-17", Statement = [{STATEMENT % resource}] }})'


ANY = encoded('"*"')


def change(address: str, after: dict[str, Any], unknown: Any, actions: tuple[str, ...] = ("create",)) -> dict[str, Any]:
    module = address.rpartition(".aws_")[0] if address.startswith("module.") else ""
    rest = address.removeprefix(f"{module}.") if module else address
    kind, name = rest.removeprefix("data.").partition("[")[0].split(".")
    entry = {
        "address": address,
        "module_address": module or None,
        "mode": "data" if rest.startswith("data.") else "managed",
        "type": kind,
        "name": name,
        "change": {"actions": list(actions), "before": None, "after": after, "after_unknown": unknown},
    }
    if rest.endswith("]"):
        entry["index"] = json.loads(rest[rest.index("[") + 1 : -1])
    return {key: value for key, value in entry.items() if value is not None}


def plan(*changes: Any, variables: Any = None, root: Any = None) -> str:
    document = {
        "format_version": "1.2",
        "terraform_version": "1.9.8",
        "variables": {name: {"value": value} for name, value in (variables or {}).items()},
        "resource_changes": list(changes),
        "configuration": {"root_module": root or {}},
    }
    return json.dumps(document, indent=1)


def unknown(address: str, **known: Any) -> dict[str, Any]:
    """A policy that is known after apply."""
    return change(address, {"role": "r", **known}, {"policy": True})


def read(tmp_path: Path, content: str, code: str, **files: str) -> Configuration:
    """A plan with a configuration beside it; ``files`` are further files, with ``__`` for the slash."""
    source = tmp_path / "source"
    for name, text in {"main": code, **files}.items():
        path = source / f"{name.replace('__', '/')}.tf"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return load(tmp_path / "plan.json", content, inputs=Inputs(source=source))


def spelled(node: Node | None) -> Any:
    if isinstance(node, ObjectNode):
        return {spelled(entry.key): spelled(entry.value) for entry in node.entries}
    if isinstance(node, ListNode):
        return [spelled(item) for item in node.items]
    if isinstance(node, Choice):
        return {outcome_of(outcome): spelled(option) for outcome, option in node.options}
    if isinstance(node, StringNode):
        return "".join(
            part if isinstance(part, str) else f"${{{part.expression}{f' -> {part.role}' if part.role else ''}}}"
            for part in node.parts
        )
    return node


def resources(found: Configuration) -> dict[str, Any]:
    """The Resource of the one statement of each policy, by address; an unresolved document unchanged."""
    shown: dict[str, Any] = {}
    for policy in found.policies:
        if policy.path != "assume_role_policy":
            document = spelled(policy.document)
            shown[policy.resource.address] = (
                document["Statement"][0]["Resource"] if isinstance(document, dict) else document
            )
    return shown


def test_encoded_policy_comes_from_configuration(tmp_path: Path) -> None:
    """A ``jsonencode`` policy that is unknown in the plan comes from the configuration, with its position and the
    plan's variables."""
    code = f"""
variable "stage" {{ default = "test" }}
variable "names" {{ type = list(string) }}
locals {{ named = [for name in var.names : "arn:aws:iam::1:role/${{name}}-${{var.stage}}"] }}
resource "aws_iam_role" "x" {{ name = "x" }}
resource "aws_iam_role_policy" "p" {{
  role   = "r"
  policy = {encoded("concat([aws_iam_role.x.arn], local.named)")}
}}
"""
    content = plan(
        unknown("aws_iam_role_policy.p"), variables={"stage": "prod", "names": ["${a}", "b"], "other": {"x": [1, None]}}
    )
    found = read(tmp_path, content, code)
    assert resources(found) == {
        "aws_iam_role_policy.p": [
            "${aws_iam_role.x.arn -> aws_iam_role.x}", "arn:aws:iam::1:role/${a}-prod", "arn:aws:iam::1:role/b-prod"
        ]
    }  # fmt: skip
    (policy,) = found.policies
    assert policy.document.at.file == str(tmp_path / "source" / "main.tf")
    assert str(tmp_path / "source" / "main.tf") in found.files
    assert policy.resource.at.file == str(tmp_path / "plan.json")


def test_module_instances_have_equal_addresses(tmp_path: Path) -> None:
    """A resource with a key in a module with a key finds its own document."""
    code = 'module "m" {\n  source = "./m"\n  for_each = toset(["a", "b"])\n  team = each.key\n}\n'
    inner = f"""
variable "team" {{}}
resource "aws_iam_role_policy" "p" {{
  count  = 2
  role   = "r"
  policy = {encoded('"arn:aws:iam::1:role/${var.team}-${count.index}"')}
}}
"""
    addresses = [f'module.m["{team}"].aws_iam_role_policy.p[{number}]' for team in "ab" for number in (0, 1)]
    found = read(tmp_path, plan(*map(unknown, addresses)), code, m__main=inner)
    assert resources(found) == {address: f"arn:aws:iam::1:role/{address[10]}-{address[-2]}" for address in addresses}


def test_unknown_keys_share_the_documents_of_the_block(tmp_path: Path) -> None:
    """If the configuration does not know the instances, the document of the block applies to each."""
    code = f"""
resource "aws_iam_role_policy" "p" {{
  for_each = data.aws_iam_roles.all.names
  role     = "r"
  policy   = {encoded('"arn:aws:iam::1:role/app/${each.key}"')}
}}
"""
    found = read(tmp_path, plan(unknown('aws_iam_role_policy.p["a"]')), code)
    assert resources(found) == {'aws_iam_role_policy.p["a"]': "arn:aws:iam::1:role/app/${each.key}"}


def test_unknown_address_is_unchanged(tmp_path: Path) -> None:
    """A resource that the configuration does not have is not completed."""
    other = f'resource "aws_iam_role_policy" "other" {{\n  role = "r"\n  policy = {ANY}\n}}\n'
    found = read(tmp_path, plan(unknown("aws_iam_role_policy.p")), other)
    assert resources(found) == {"aws_iam_role_policy.p": "${aws_iam_role_policy.p.policy}"}


def test_unconfigured_key_is_another_version(tmp_path: Path) -> None:
    """A key that the configuration does not have shows that it is of another version."""
    code = f"""
resource "aws_iam_role_policy" "p" {{
  for_each = toset(["b"])
  role     = "r"
  policy   = {encoded('"*"')}
}}
"""
    found = read(tmp_path, plan(unknown('aws_iam_role_policy.p["a"]')), code)
    assert resources(found) == {'aws_iam_role_policy.p["a"]': '${aws_iam_role_policy.p["a"].policy}'}


@pytest.mark.parametrize(("name", "taken"), [("now", True), ("before", False)])
def test_different_name_is_another_version(tmp_path: Path, name: str, taken: bool) -> None:
    """A resource with another name in the plan is of another version: the plan wins."""
    code = f'resource "aws_iam_role_policy" "p" {{\n  name   = "now"\n  role   = "r"\n  policy = {ANY}\n}}\n'
    found = read(tmp_path, plan(unknown("aws_iam_role_policy.p", name=name)), code)
    assert (resources(found) == {"aws_iam_role_policy.p": "*"}) is taken


def test_known_configured_policy_is_another_version(tmp_path: Path) -> None:
    """A completely known configured policy cannot be one that is known after apply."""
    known = 'jsonencode({ Version = "2012-10-17", Statement = { Effect = "Allow", Action = "*", Resource = "r" } })'
    code = f'resource "aws_iam_role_policy" "p" {{\n  role   = "r"\n  policy = {known}\n}}\n'
    found = read(tmp_path, plan(unknown("aws_iam_role_policy.p")), code)
    assert resources(found) == {"aws_iam_role_policy.p": "${aws_iam_role_policy.p.policy}"}


def test_inline_policies_match_by_name(tmp_path: Path) -> None:
    """The blocks of a role are a set in a plan: they match by name."""
    blocks = "".join(
        f'  inline_policy {{\n    name   = "{name}"\n    policy = {encoded(chr(34) + name + chr(34))}\n  }}\n'
        for name in "ab"
    )
    code = f'resource "aws_iam_role" "r" {{\n  assume_role_policy = "{{}}"\n{blocks}}}\n'
    role = change(
        "aws_iam_role.r",
        {"name": "r", "assume_role_policy": "{}", "inline_policy": [{"name": "b"}, {"name": "a"}]},
        {"inline_policy": [{"policy": True}, {"policy": True}]},
    )
    inline = [policy for policy in read(tmp_path, plan(role), code).policies if policy.path.startswith("inline")]
    assert [spelled(policy.document)["Statement"][0]["Resource"] for policy in inline] == ["b", "a"]


@pytest.mark.parametrize(("each", "expected"), [("[aws_iam_user.later.arn]", ["*"]), ('["x"]', [])])
def test_dynamic_blocks_come_from_configuration(tmp_path: Path, each: str, expected: list[str]) -> None:
    """A ``dynamic`` block over unknown values is missing in the plan; over known values it is there."""
    policy = (
        'jsonencode({ Statement = [{ Effect = "Allow", Action = "iam:PassRole", Resource = ["*", each_.value] }] })'
    )
    code = f"""
resource "aws_iam_user" "later" {{ name = "later" }}
resource "aws_iam_role" "r" {{
  name               = "r"
  assume_role_policy = "{{}}"
  dynamic "inline_policy" {{
    for_each = {each}
    iterator = each_
    content {{
      name   = "p"
      policy = {policy}
    }}
  }}
}}
"""
    role = change("aws_iam_role.r", {"name": "r", "assume_role_policy": "{}"}, {"inline_policy": True, "arn": True})
    inline = [policy for policy in read(tmp_path, plan(role), code).policies if policy.path.startswith("inline")]
    assert [spelled(policy.document)["Statement"][0]["Resource"][0] for policy in inline] == expected


def test_unreferenced_role_is_another_version(tmp_path: Path) -> None:
    """A configured role that the plan's expression does not refer to shows another version."""
    code = f"""
resource "aws_iam_role" "new" {{ name = "new" }}
resource "aws_iam_role_policy" "p" {{
  role   = "r"
  policy = {encoded("aws_iam_role.new.arn")}
}}
"""

    def with_names(*names: str) -> Any:
        expressions = {"policy": {"references": list(names)}}
        written = {"address": "aws_iam_role_policy.p", "type": "aws_iam_role_policy", "expressions": expressions}
        content = plan(unknown("aws_iam_role_policy.p"), root={"resources": [written]})
        return resources(read(tmp_path, content, code))["aws_iam_role_policy.p"]

    assert with_names("aws_iam_role.old.arn", "aws_iam_role.old") == "${aws_iam_role.old.arn}"
    for names in (("aws_iam_role.new.arn", "aws_iam_role.new"), ("local.x",), ()):
        assert with_names(*names) == "${aws_iam_role.new.arn -> aws_iam_role.new}"


DOCUMENT = """
variable "services" { type = list(string) }
resource "aws_iam_role" "x" { name = "x" }
data "aws_iam_policy_document" "d" {
  statement {
    sid       = "Pass"
    actions   = ["iam:PassRole"]
    resources = [%s]
    condition {
      test     = "StringEquals"
      variable = "iam:PassedToService"
      values   = var.services
    }
  }
}
resource "aws_iam_role_policy" "p" {
  role   = "r"
  policy = data.aws_iam_policy_document.d.json
}
"""


def reading(resources: list[Any]) -> tuple[dict[str, Any], dict[str, Any], Any]:
    """A planned data source, a policy with it, and their configuration."""
    condition = {"test": "StringEquals", "variable": "iam:PassedToService", "values": ["ec2.amazonaws.com"]}
    statement = {"sid": "Pass", "actions": ["iam:PassRole"], "resources": resources, "condition": [condition]}
    missing = [item is None for item in resources]
    hidden = {
        "json": True,
        "statement": [{"actions": [False], "resources": missing, "condition": [{"values": [False]}]}],
    }
    data = change("data.aws_iam_policy_document.d", {"statement": [statement]}, hidden, ("read",))
    names = {"references": ["data.aws_iam_policy_document.d.json", "data.aws_iam_policy_document.d"]}
    written = {"address": "aws_iam_role_policy.p", "type": "aws_iam_role_policy", "expressions": {"policy": names}}
    return data, unknown("aws_iam_role_policy.p"), {"resources": [written]}


def test_planned_document_is_completed(tmp_path: Path) -> None:
    """A statement with one unknown element gets it from the configuration, with its position."""
    data, policy, root = reading(["arn:aws:iam::1:role/y", None])
    content = plan(data, policy, variables={"services": ["ec2.amazonaws.com"]}, root=root)
    found = read(tmp_path, content, DOCUMENT % '"arn:aws:iam::1:role/y", "${aws_iam_role.x.arn}"')
    assert resources(found) == {
        "aws_iam_role_policy.p": ["arn:aws:iam::1:role/y", "${aws_iam_role.x.arn -> aws_iam_role.x}"]
    }
    assert found.policies[0].document.at.file.endswith("main.tf")


def test_different_planned_document_wins(tmp_path: Path) -> None:
    """If a known element differs, the plan's document is unchanged."""
    data, policy, root = reading(["arn:aws:iam::1:role/y", None])
    content = plan(data, policy, variables={"services": ["ec2.amazonaws.com"]}, root=root)
    found = read(tmp_path, content, DOCUMENT % '"arn:aws:iam::1:role/narrow", aws_iam_role.x.arn')
    (shown,) = resources(found).values()
    assert shown[0] == "arn:aws:iam::1:role/y"
    assert found.policies[0].document.at.file.endswith("plan.json")


def test_known_planned_policy_is_unchanged(tmp_path: Path) -> None:
    """A policy that is completely known in the plan is checked as it is there."""
    code = f'resource "aws_iam_role_policy" "p" {{\n  role = "r"\n  policy = {ANY}\n}}\n'
    whole = change("aws_iam_role_policy.p", {"role": "r", "policy": '{"Statement":[]}'}, {})
    (policy,) = read(tmp_path, plan(whole), code).policies
    assert spelled(policy.document) == '{"Statement":[]}'


def scan(tmp_path: Path, code: str, **options: Any) -> ScanResult:
    source = tmp_path / "source"
    source.mkdir(exist_ok=True)
    (source / "main.tf").write_text(code)
    (tmp_path / "plan.json").write_text(plan(unknown("aws_iam_role_policy.p")))
    return scan_paths([tmp_path / "plan.json"], ScanOptions(inputs=Inputs(source=source), **options))


def test_configured_suppressions_apply(tmp_path: Path) -> None:
    """A finding of the plan is suppressed by the comment in the block that it comes from."""
    code = f"""
resource "aws_iam_role_policy" "p" {{
  # passrole:skip=PASSROLE_001 wanted here
  role   = "r"
  policy = {encoded('"*"')}
}}
resource "aws_iam_role_policy" "elsewhere" {{
  # passrole:skip=PASSROLE_001 of no use in this plan, which does not change it
  role   = "r"
  policy = {encoded('"*"')}
}}
"""
    result = scan(tmp_path, code)
    assert [finding.suppressed is not None for finding in result.findings if finding.check_id == "PASSROLE_001"] == [
        True
    ]
    assert result.unused_suppressions == ()


def test_broken_configuration_is_reported(tmp_path: Path) -> None:
    """A broken or missing configuration is unreadable, and the plan is still checked."""
    result = scan(tmp_path, 'resource "aws_iam_role_policy" "p" {\n')
    assert [item.file for item in result.unreadable] == [str(tmp_path / "source" / "main.tf")]
    assert {finding.check_id for finding in result.findings} >= {"PASSROLE_014"}
    for folder, reason in (("gone", "folder not found"), (".", "no Terraform configuration")):
        inputs = Inputs(source=tmp_path / folder)
        (problem,) = scan_paths([tmp_path / "plan.json"], ScanOptions(inputs=inputs)).unreadable
        assert reason in problem.reason


def test_command_line_takes_the_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """``--source`` completes a plan in both commands."""
    scan(tmp_path, f'resource "aws_iam_role_policy" "p" {{\n  role = "r"\n  policy = {ANY}\n}}\n')
    paths = [str(tmp_path / "plan.json"), "--source", str(tmp_path / "source")]
    assert main(["scan", *paths]) == 1
    assert "PASSROLE_001" in capsys.readouterr().out
    assert main(["grants", *paths, "--format", "json"]) == 0
    (grant,) = json.loads(capsys.readouterr().out)["grants"]
    assert (grant["scope"], Path(grant["file"]).name) == ("any_role", "main.tf")


def nodes(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path] if path else []
    for key, item in value.items() if isinstance(value, dict) else enumerate(value if isinstance(value, list) else ()):
        found += nodes(item, (*path, key))
    return found


SOURCE = Path(__file__).resolve().parents[2] / "sample_templates" / "plan-source"
SAMPLE = json.loads((SOURCE / "plan" / "plan.json").read_text(encoding="utf-8"))


@settings(max_examples=examples(60))
@given(st.sampled_from(nodes(SAMPLE)), st.sampled_from([None, 3, "x", [], {}, [None], {"value": {"x": [[]]}}]))
def test_mutated_plan_with_configuration_never_crashes(path: tuple[Any, ...], value: Any) -> None:
    """Any value of any node of a plan is read beside the configuration without a crash."""
    document = json.loads(json.dumps(SAMPLE))
    place = document
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    try:
        load(Path("plan.json"), json.dumps(document), inputs=Inputs(source=SOURCE / "source"))
    except InputError as error:
        assert str(error).startswith("plan.json:")
