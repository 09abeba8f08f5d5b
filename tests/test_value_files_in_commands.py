"""``required``, ``suggest``, ``fix`` and ``trail`` evaluate value files that no option names, as ``scan`` does."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from passrole_checks import api
from passrole_checks.cli import main
from passrole_checks.cloudtrail.grant_usage import UsageComparison, match_grants
from passrole_checks.cloudtrail.model import RequestOutcome
from passrole_checks.cloudtrail.summary import Edge
from passrole_checks.iam.values.path_conditions import one_of
from passrole_checks.scan.scanner import ScanOptions, read_paths, scan_paths, scan_read
from passrole_checks.sources import detect
from passrole_checks.sources.model.configuration import Configuration

ARN = "arn:aws:iam::111122223333:role/"
LAMBDA = "lambda.amazonaws.com"
PROD = {"envs/prod.tfvars": f'fn_role = "{ARN}prod"\n'}
FUNCTION = f"""
variable "fn_role" {{ default = "{ARN}dev" }}
resource "aws_lambda_function" "f" {{
  function_name = "f"
  role          = var.fn_role
}}
"""
TEMPLATE = f"""
Parameters:
  Role: {{Type: String, Default: {ARN}dev}}
Resources:
  F:
    Type: AWS::Lambda::Function
    Properties:
      Role: !Ref Role
"""


def policy(resource: str, name: str = "p") -> str:
    """Return a user policy that allows passing roles to Lambda."""
    condition = f'{{ StringEquals = {{ "iam:PassedToService" = "{LAMBDA}" }} }}'
    statement = f'Effect = "Allow", Action = "iam:PassRole", Resource = {resource}, Condition = {condition}'
    return (
        f'resource "aws_iam_user_policy" "{name}" {{\n  user = "deploy"\n'
        f"  policy = jsonencode({{ Statement = [{{ {statement} }}] }})\n}}\n"
    )


@pytest.fixture(autouse=True)
def _working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def write(files: Mapping[str, str]) -> None:
    for name, text in files.items():
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(text, encoding="utf-8")


def required(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """Return the JSON of ``required``."""
    assert main(["required", ".", "--format", "json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_required_lists_roles_that_only_a_value_file_passes(capsys: pytest.CaptureFixture[str]) -> None:
    """The entry names the file in ``when``, and the statement has both roles."""
    write({"main.tf": FUNCTION, **PROD})
    found = required(capsys)
    assert {(entry["role"], entry["when"]) for entry in found["required"]} == {
        (f"{ARN}dev", None),
        (f"{ARN}prod", 'value file is "envs/prod.tfvars"'),
    }
    assert found["statements"][0]["Resource"] == [f"{ARN}dev", f"{ARN}prod"]
    assert [note["kind"] for note in found["not_evaluated"]] == ["value_file"]


def test_required_lists_services_that_only_a_value_file_passes_to(capsys: pytest.CaptureFixture[str]) -> None:
    """A resource without an instance by default passes a known role to another service."""
    task = (
        'variable "tasks" { default = 0 }\nresource "aws_ecs_task_definition" "t" {\n  count = var.tasks\n'
        "  execution_role_arn = var.fn_role\n}\n"
    )
    write({"main.tf": FUNCTION + task, "envs/prod.tfvars": "tasks = 1\n"})
    services = {service for entry in required(capsys)["required"] for service in entry["services"]}
    assert services == {LAMBDA, "ecs-tasks.amazonaws.com"}


def test_required_names_all_files_of_one_role(capsys: pytest.CaptureFixture[str]) -> None:
    """One entry for each role and place."""
    write({"main.tf": FUNCTION, "envs/a.tfvars": PROD["envs/prod.tfvars"], "envs/b.tfvars": PROD["envs/prod.tfvars"]})
    roles = [(entry["role"], entry["when"]) for entry in required(capsys)["required"]]
    assert roles == [(f"{ARN}dev", None), (f"{ARN}prod", 'value file is "envs/a.tfvars" or "envs/b.tfvars"')]


def test_required_shares_placeholders_with_value_files(capsys: pytest.CaptureFixture[str]) -> None:
    """An unresolved value of the root module has one placeholder, also if a file adds a role that uses it."""
    code = FUNCTION.replace(f'"{ARN}dev"', '"one"').replace("= var.fn_role", '= "${var.prefix}-${var.fn_role}"')
    write({"main.tf": 'variable "prefix" {}\n' + code, "envs/prod.tfvars": 'fn_role = "two"\n'})
    resources = required(capsys)["statements"][0]["Resource"]
    assert resources == [f"arn:aws:iam::${{AWS::AccountId}}:role/${{Prefix}}-{name}" for name in ("one", "two")]


def test_required_reads_parameter_files(capsys: pytest.CaptureFixture[str]) -> None:
    """Of CloudFormation, too."""
    values = json.dumps([{"ParameterKey": "Role", "ParameterValue": f"{ARN}prod"}])
    write({"template.yaml": TEMPLATE, "params/prod.json": values})
    found = required(capsys)
    assert {entry["role"]: entry["when"] for entry in found["required"]} == {
        f"{ARN}dev": None,
        f"{ARN}prod": 'value file is "params/prod.json"',
    }


def test_suggested_reference_holds_with_every_file() -> None:
    """The edit names the variable, whose value each file sets."""
    write({"main.tf": FUNCTION + policy('"*"'), **PROD})
    [suggestion] = api.suggest(".").suggestions
    assert [edit.text for edit in suggestion.edits] == ["var.fn_role"]


def test_no_edit_that_takes_a_role_of_a_value_file_away() -> None:
    """Of the roles, one is passed with the values of a file alone; the proposed statement names both."""
    more = (
        'variable "jobs" { default = {} }\nresource "aws_lambda_function" "j" {\n  for_each = var.jobs\n'
        "  function_name = each.key\n  role = each.value\n}\n"
    )
    write({"main.tf": FUNCTION + more + policy('"*"'), "envs/prod.tfvars": f'jobs = {{ a = "{ARN}prod" }}\n'})
    [suggestion] = api.suggest(".").suggestions
    assert suggestion.edits == ()
    assert f"{ARN}prod" in suggestion.statement and "var.fn_role" in suggestion.statement
    assert any("envs/prod.tfvars" in missing for missing in suggestion.missing)


def test_finding_of_a_value_file_has_a_suggestion() -> None:
    """The finding is listed; an edit is not offered, since the base needs none."""
    write({"main.tf": FUNCTION + 'variable "wide" { default = "' + ARN + 'dev" }\n' + policy("var.wide"),
           "envs/prod.tfvars": 'wide = "*"\n'})  # fmt: skip
    suggested = api.suggest(".")
    scanned = scan_paths([Path()], ScanOptions())
    assert suggested.findings == scanned.findings
    assert [finding.check_id for finding in suggested.findings] == ["PASSROLE_001"]
    assert [suggestion.edits for suggestion in suggested.suggestions] == [()]


def test_fix_writes_what_holds_with_every_file(capsys: pytest.CaptureFixture[str]) -> None:
    """After the fix, no value file has a finding left."""
    write({"main.tf": FUNCTION + policy('"*"'), **PROD})
    main(["fix", ".", "--grade", "narrowed"])
    capsys.readouterr()
    assert "Resource = var.fn_role" in Path("main.tf").read_text()
    assert scan_paths([Path()], ScanOptions(checks=frozenset({"PASSROLE_001"}))).findings == ()


def test_edit_that_leaves_the_finding_with_a_file_is_not_offered() -> None:
    """With the values of the file, the reference is any role."""
    write({"main.tf": FUNCTION + policy('"*"'), "envs/prod.tfvars": f'fn_role = "{ARN}*"\n'})
    [suggestion] = api.suggest(".").suggestions
    assert suggestion.edits == ()


def compare(*edges: Edge) -> UsageComparison:
    """Compare edges with the configuration in the working directory."""
    read = read_paths([Path()], ScanOptions())
    return match_grants(edges, [unit for _, unit in read.units], None, read.variants_of)


def edge(role: str) -> Edge:
    """Return an edge of one request that passed a role to Lambda."""
    counts = Counter({RequestOutcome.PASSED: 1})
    made = Edge("arn:aws:iam::111122223333:user/deploy", f"{ARN}{role}", "", (LAMBDA,), LAMBDA, counts, "", "")
    made.accounts.add("111122223333")
    return made


def test_trail_compares_with_grants_of_value_files() -> None:
    """A pass that only the values of a file allow is no pass without a grant."""
    write({"main.tf": f'variable "fn_role" {{ default = "{ARN}dev" }}\n' + policy("var.fn_role"), **PROD})
    found = compare(edge("prod"))
    [used] = found.used
    assert used.when == ((one_of("value file", ["envs/prod.tfvars"]),),)
    assert [usage.when for usage in found.unused] == [()]
    assert found.elsewhere == ()


def test_trail_counts_a_pass_once_for_several_files() -> None:
    """Two files with the same values are one grant."""
    write({"main.tf": f'variable "fn_role" {{ default = "{ARN}dev" }}\n' + policy("var.fn_role"), **PROD,
           "envs/live.tfvars": PROD["envs/prod.tfvars"]})  # fmt: skip
    [used] = compare(edge("prod")).used
    assert len(used.surely) == len(used.ways) == 1
    assert used.when == ((one_of("value file", ["envs/live.tfvars", "envs/prod.tfvars"]),),)


def test_trail_adds_no_entry_for_equal_grants() -> None:
    """Values that change no grant add none."""
    write({"main.tf": 'variable "size" {}\n' + policy(f'"{ARN}app"'), "envs/prod.tfvars": "size = 2\n"})
    found = compare(edge("app"))
    assert (len(found.used), len(found.unused)) == (1, 0)


def test_fault_with_one_file_does_not_affect_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every variant is a unit of its own."""
    write({"main.tf": FUNCTION + policy("var.fn_role"), "envs/a.tfvars": 'fn_role = "*"\n', **PROD})
    load = detect.load

    def failing(unit: detect.Unit, **options: Any) -> Configuration:
        if unit.values.path.endswith("a.tfvars"):
            raise ValueError("broken")
        return load(unit, **options)

    monkeypatch.delenv("PASSROLE_CHECKS_DEBUG", raising=False)
    monkeypatch.setattr(detect, "load", failing)
    read = read_paths([Path()], ScanOptions())
    scanned = scan_paths([Path()], ScanOptions())
    assert [(note.fault, "broken" in note.reason) for note in read.unreadable] == [(True, True)]
    assert [(note.fault, "broken" in note.reason) for note in scanned.unreadable] == [(True, True)]
    assert {Path(file).name for file in read.used_values} == {"prod.tfvars"}


def test_read_configurations_give_the_findings_of_a_scan() -> None:
    """Both evaluate the same variants."""
    write({"main.tf": FUNCTION + policy("var.fn_role"), "envs/prod.tfvars": 'fn_role = "*"\n'})
    scanned = scan_paths([Path()], ScanOptions())
    read = scan_read(read_paths([Path()], ScanOptions()), ScanOptions())
    assert [finding.check_id for finding in scanned.findings] == ["PASSROLE_001"]
    assert (read.findings, read.grants) == (scanned.findings, scanned.grants)
