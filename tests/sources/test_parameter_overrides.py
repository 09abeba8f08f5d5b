"""Parameters of stack sets that some of their instances override.

Sources: AWS CloudFormation Template Reference, AWS::CloudFormation::StackSet StackInstances; Terraform documentation,
``aws_cloudformation_stack_set_instance`` and ``aws_cloudformation_stack_instances``.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from passrole_checks.diff import compare_paths
from passrole_checks.scan.scanner import ScanOptions, scan_paths

INNER = """\
Parameters:
  Role: {Type: String, Default: app}
Resources:
  P:
    Type: AWS::IAM::ManagedPolicy
    Properties:
      PolicyDocument:
        Statement:
          - Effect: Allow
            Action: iam:PassRole
            Resource: !Sub arn:aws:iam::111122223333:role/${Role}
            Condition: {StringEquals: {iam:PassedToService: lambda.amazonaws.com}}
"""


def template(groups: str, parameters: str = "") -> str:
    body = "".join(f"        {line}\n" for line in INNER.splitlines())
    return (
        "Parameters: {Outer: {Type: String}}\nResources:\n  Set:\n    Type: AWS::CloudFormation::StackSet\n"
        f"    Properties:\n{parameters}      StackInstancesGroup:\n{groups}      TemplateBody: |\n{body}"
    )


def override(value: str) -> str:
    return f"        - ParameterOverrides: [{{ParameterKey: Role, ParameterValue: {value}}}]\n"


def rows(folder: Path) -> list[tuple[str, str]]:
    """The checks and the values in the path conditions of the findings."""
    result = scan_paths([folder], ScanOptions())
    assert result.unreadable == ()
    return [
        (
            finding.check_id[-3:],
            ",".join(sorted({value for when in finding.when for one in when for value in one.values})),
        )
        for finding in result.findings
    ]


@pytest.mark.parametrize(
    ("groups", "parameters", "expected"),
    [
        (override("b"), "", []),
        (override("b") + override("'*'"), "", [("001", "1")]),
        ("        - Regions: [eu-west-1]\n" + override("'*'"), "", [("001", "1")]),
        (override("b"), "      Parameters: [{ParameterKey: Role, ParameterValue: '*'}]\n", [("001", "0")]),
        (override("!Ref Outer"), "", [("014", "0")]),
        ("        - ParameterOverrides: wrong\n", "", []),
        ("        - ParameterOverrides: [{ParameterKey: Other, ParameterValue: '*'}]\n", "", []),
    ],
)
def test_overrides_of_a_template(tmp_path: Path, groups: str, parameters: str, expected: list[tuple[str, str]]) -> None:
    """Each group of instances is a variant, and the value of the stack set is one as well."""
    (tmp_path / "set.yaml").write_text(template(groups, parameters))
    assert rows(tmp_path) == expected


def stack_set(more: str, parameters: str = 'parameters = { Role = "app" }') -> str:
    inner = "".join(f"    {line}\n" for line in INNER.replace("${", "$${").splitlines())
    return (
        f'resource "aws_cloudformation_stack_set" "s" {{\n  name = "s"\n  {parameters}\n'
        f"  template_body = <<-EOT\n{inner}  EOT\n}}\n{more}"
    )


def instance(values: str, name: str = "aws_cloudformation_stack_set.s.name", type_: str = "stack_set_instance") -> str:
    arguments = f"  stack_set_name = {name}\n  parameter_overrides = {values}\n"
    return f'resource "aws_cloudformation_{type_}" "i" {{\n{arguments}}}\n'


INSTANCE = "aws_cloudformation_stack_set_instance.i"


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        (instance('{ Role = "*" }'), [("001", INSTANCE)]),
        (instance('{ Role = "*" }', "aws_cloudformation_stack_set.s.id"), [("001", INSTANCE)]),
        (instance('{ Role = "*" }', '"s"'), [("001", INSTANCE)]),
        (instance('{ Role = "*" }', '"other"'), []),
        (instance('{ Role = "*" }', type_="stack_instances"), [("001", "aws_cloudformation_stack_instances.i")]),
        (instance('{ Role = "b" }'), []),
        (instance("{}"), []),
        (instance("var.missing"), []),
    ],
)
def test_overrides_of_terraform(tmp_path: Path, more: str, expected: list[tuple[str, str]]) -> None:
    """The instances of a stack set are found by a reference to it or by its name."""
    (tmp_path / "main.tf").write_text(stack_set(more))
    assert rows(tmp_path) == expected


def test_override_of_a_parameter_without_a_value(tmp_path: Path) -> None:
    """A stack set without ``parameters`` has the defaults of its template in the other instances."""
    (tmp_path / "main.tf").write_text(stack_set(instance('{ Role = "*" }'), ""))
    assert rows(tmp_path) == [("001", INSTANCE)]


def test_added_override_is_new_access(tmp_path: Path) -> None:
    """``diff`` compares the variants."""
    for name, more in (("old", ""), ("new", instance('{ Role = "*" }'))):
        (tmp_path / name).mkdir()
        (tmp_path / name / "main.tf").write_text(stack_set(more))
    difference = compare_paths(tmp_path / "old", tmp_path / "new", ScanOptions())
    assert len(difference.new) + len(difference.widened) == 1
