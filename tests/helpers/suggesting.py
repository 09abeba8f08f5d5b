"""Suggestions for files that a test writes."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from passrole_checks.checks import ALL
from passrole_checks.findings import Severity
from passrole_checks.scan.scanner import ScanOptions, read_paths, scan_configurations
from passrole_checks.suggest.grade import Grade
from passrole_checks.suggest.suggest import Session
from passrole_checks.suggest.suggestion import Suggestion

TRUST = (
    'jsonencode({{ Version = "2012-10-17", Statement = [{{ Effect = "Allow", Action = "sts:AssumeRole",'
    ' Principal = {{ Service = "{service}.amazonaws.com" }} }}] }})'
)


def role(name: str, service: str, **more: str) -> str:
    """A role of Terraform that a service assumes, called as its block is."""
    extra = "".join(f"\n  {key} = {value}" for key, value in more.items())
    return (
        f'resource "aws_iam_role" "{name}" {{\n  name = "{name}"\n'
        f"  assume_role_policy = {TRUST.format(service=service)}{extra}\n}}\n"
    )


def task(name: str = "task") -> str:
    """A task definition that is given a role."""
    return (
        f'resource "aws_ecs_task_definition" "{name}" {{\n  family = "{name}"\n  container_definitions = "[]"\n'
        f"  task_role_arn = aws_iam_role.{name}.arn\n}}\n"
    )


def function(name: str = "function") -> str:
    """A function that is given a role."""
    return (
        f'resource "aws_lambda_function" "{name}" {{\n  function_name = "{name}"\n'
        f"  role = aws_iam_role.{name}.arn\n}}\n"
    )


USED = role("task", "ecs-tasks") + task() + role("function", "lambda") + function()
"""Two roles, one handed to a task, one to a function."""

USED_IN_TEMPLATE = """\
  Role:
    Type: AWS::IAM::Role
    Properties:
      RoleName: orders
      AssumeRolePolicyDocument:
        Statement: [{Effect: Allow, Principal: {Service: lambda.amazonaws.com}, Action: "sts:AssumeRole"}]
  Function:
    Type: AWS::Lambda::Function
    Properties: {Role: !GetAtt Role.Arn}
"""
"""Resources of a template: a role, and the function that it is handed to."""


def policy(*statements: str, name: str = "deploy") -> str:
    """A user's policy of these statements, in the words of HCL."""
    inner = "".join(textwrap.indent(f"{{\n{textwrap.indent(one, '  ')}\n}},\n", "      ") for one in statements)
    return (
        f'resource "aws_iam_user_policy" "{name}" {{\n  user   = "bot"\n  policy = jsonencode({{\n'
        f'    Version = "2012-10-17"\n    Statement = [\n{inner}    ]\n  }})\n}}\n'
    )


def allow(resource: str = '"*"', condition: str = "", action: str = '"iam:PassRole"') -> str:
    """The lines of a statement."""
    lines = ['Effect = "Allow"', f"Action = {action}", f"Resource = {resource}"]
    return "\n".join([*lines, *([f"Condition = {condition}"] if condition else [])])


def session(folder: Path, files: Mapping[str, str], severity: Severity = Severity.LOW) -> Session:
    """Scan these files, and suggest something for what is found; at severity info all checks are asked for by name."""
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content.encode("utf-8"))
    is_info = severity is Severity.INFO
    options = ScanOptions(
        minimum_severity=severity, checks=frozenset(one.id for one in ALL) if is_info else frozenset()
    )
    read = read_paths([folder], options)
    assert read.unreadable == ()
    result = scan_configurations([configuration for _, configuration in read.units], options)
    return Session(read, result.findings, options, include_info=is_info)


def checks(one: Suggestion) -> list[str]:
    """The numbers of the checks that a suggestion is about."""
    return [finding.check_id[-3:] for finding in one.findings]


_STRONGEST = (Grade.REPAIRING, Grade.OBSERVED, Grade.NARROWED, Grade.EQUIVALENT)


def only(found: Session) -> Suggestion:
    """The one suggestion that there is; of several with edits for one statement, that of the strongest grade."""
    edited = [one for one in found.suggestions if one.edits]
    if not edited:
        assert [checks(one) for one in found.suggestions[1:]] == []
        return found.suggestions[0]
    assert len({one.at for one in edited}) == 1
    one = min(edited, key=lambda each: _STRONGEST.index(each.grade or Grade.EQUIVALENT))
    assert [checks(left) for left in found.suggestions if not left.edits and left.at != one.at] == []
    return one


def graded(found: Session, grade: Grade) -> Suggestion:
    """The one suggestion of a grade."""
    (one,) = (one for one in found.suggestions if one.grade is grade)
    return one


def left_for_a_person(found: Session) -> tuple[str, ...]:
    """Return what needs manual review in the only suggestion, which has no edits."""
    one = only(found)
    assert one.edits == ()
    return one.missing


def suggest_options(*grades: str) -> dict[str, Any]:
    """Return the options of ``suggest`` by name, without values except for the grades and one process."""
    inputs = ("var_file", "var", "parameters", "account_details", "inventory", "evidence")
    return {
        **dict.fromkeys(("account", "source", "baseline")),
        **dict.fromkeys((*inputs, "exclude", "check", "skip_check"), ()),
        "grade": grades,
        "unchanged": False,
        "repository": "",
        "jobs": 1,
        "no_cache": True,
    }
