"""The PassRole statements that a deployment needs: as JSON, as a Terraform policy document, as a CloudFormation
template.

Sources: AWS provider, data source ``aws_iam_policy_document``; AWS CloudFormation Template Reference,
AWS::IAM::ManagedPolicy.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from passrole_checks.escaping.terminal import display_path, sanitize
from passrole_checks.required.policy_statements import (
    ACCOUNT,
    PARTITION,
    Blank,
    Pattern,
    Policy,
    RequiredStatement,
    cloudformation_name,
    terraform_name,
)
from passrole_checks.required.required_grants import Required

PASSED_TO_SERVICE = "iam:PassedToService"


def statements_json(required: Required) -> list[dict[str, Any]]:
    """Return the statements of all policies; placeholders are written as ``${Name}``."""
    return [_statement(statement) for statement in required.statements]


def policies_json(required: Required, *, terraform: bool = False) -> list[dict[str, Any]]:
    """Return the policy documents, each within the size limit of a managed policy.

    ``terraform``: placeholders are Terraform expressions, as in a string of its language.
    """
    return [
        {"Version": "2012-10-17", "Statement": [_statement(statement, terraform) for statement in policy]}
        for policy in required.policies
    ]


def _statement(statement: RequiredStatement, terraform: bool = False) -> dict[str, Any]:
    resources = ["".join(_json_part(part, terraform) for part in pattern) for pattern in statement.resources]
    document: dict[str, Any] = {
        "Sid": statement.sid,
        "Effect": "Allow",
        "Action": statement.action,
        "Resource": resources,
    }
    if statement.services:
        services = statement.services[0] if len(statement.services) == 1 else list(statement.services)
        document["Condition"] = {"StringEquals": {PASSED_TO_SERVICE: services}}
    return document


def _json_part(part: str | Blank, terraform: bool) -> str:
    if isinstance(part, str):
        return part
    return "aws" if part == PARTITION else f"${{{placeholder_name(part, terraform=terraform)}}}"


def placeholder_name(blank: Blank, *, terraform: bool) -> str:
    """Return a placeholder without ``${}``, as CloudFormation or Terraform writes it."""
    if not terraform:
        return cloudformation_name(blank)
    if blank == ACCOUNT:
        return "data.aws_caller_identity.current.account_id"
    return "data.aws_partition.current.partition" if blank == PARTITION else f"var.{terraform_name(blank)}"


def describe_placeholder(blank: Blank) -> str:
    """Return what to fill in for a placeholder."""
    return f"{blank.description}, in {display_path(blank.file)}" if blank.file else blank.description


def to_hcl(required: Required, error: str = "") -> str:
    """Return a ``data "aws_iam_policy_document"`` for each policy, with the variables and data sources that it needs.

    ``error``: a summary of what was not read, for a comment at the top.
    """
    return "\n".join(_hcl(required, error)) + "\n"


def _hcl(required: Required, error: str) -> Iterator[str]:
    used = {part for statement in required.statements for pattern in statement.resources for part in pattern}
    yield from _comments(required, error)
    if PARTITION in used:
        yield 'data "aws_partition" "current" {}'
        yield ""
    if ACCOUNT in used:
        yield 'data "aws_caller_identity" "current" {}'
        yield ""
    for blank in required.blanks:
        yield f'variable "{terraform_name(blank)}" {{'
        yield "  type        = string"
        yield f"  description = {_description(blank)}"
        yield "}"
        yield ""
    for number, policy in enumerate(required.policies or ((),), 1):
        if number > 1:
            yield ""
        yield f'data "aws_iam_policy_document" "pass_roles{f"_{number}" if number > 1 else ""}" {{'
        yield from _hcl_statements(policy)
        yield "}"


def _hcl_statements(policy: Policy) -> Iterator[str]:
    for number, statement in enumerate(policy):
        if number:
            yield ""
        yield "  statement {"
        yield f'    sid       = "{statement.sid}"'
        yield f'    actions   = ["{statement.action}"]'
        yield "    resources = ["
        yield from (f"      {_hcl_arn(pattern)}," for pattern in statement.resources)
        yield "    ]"
        if statement.services:
            yield ""
            yield "    condition {"
            yield '      test     = "StringEquals"'
            yield f'      variable = "{PASSED_TO_SERVICE}"'
            yield f"      values   = [{', '.join(_quote(service) for service in statement.services)}]"
            yield "    }"
        yield "  }"


def _hcl_arn(pattern: Pattern) -> str:
    only = pattern[0]
    if len(pattern) == 1 and isinstance(only, Blank):
        return f"var.{terraform_name(only)}"
    # a text contains nothing that needs escaping
    names = (part if isinstance(part, str) else f"${{{placeholder_name(part, terraform=True)}}}" for part in pattern)
    return f'"{"".join(names)}"'


def _description(blank: Blank) -> str:
    """Return the description in quotes, without template syntax of HCL, which cfn-lint would report as a missing
    ``Fn::Sub``."""
    return _quote(re.sub(r"[$%]+\{", "{", describe_placeholder(blank)))


def _quote(value: str) -> str:
    """Return a text in double quotes, with escapes valid in both HCL and YAML; neither supports surrogate pairs."""
    return f'"{"".join(map(_escape, value))}"'


def _escape(character: str) -> str:
    if character in '"\\':
        return f"\\{character}"
    if character.isprintable():
        return character
    code = ord(character)
    if 0xD800 <= code < 0xE000:  # a lone surrogate, not encodable in a file
        return "\\ufffd"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _comments(required: Required, error: str) -> Iterator[str]:
    yield from [f"# {error}"] if error else []
    yield from (f"# {sanitize(' '.join(note.split()))}" for note in required.notes)


def to_yaml(required: Required, error: str = "") -> str:
    """Return a template with an ``AWS::IAM::ManagedPolicy`` for each policy; placeholders become parameters.

    ``error``: a summary of what was not read, for a comment at the top.
    """
    return "\n".join(_yaml(required, error)) + "\n"


def _yaml(required: Required, error: str) -> Iterator[str]:
    yield from _comments(required, error)
    yield 'AWSTemplateFormatVersion: "2010-09-09"'
    if required.blanks:
        yield "Parameters:"
        for blank in required.blanks:
            yield f"  {cloudformation_name(blank)}:"
            yield "    Type: String"
            yield f"    Description: {_description(blank)}"
    if not required.statements:
        yield "Resources: {}"
        return
    yield "Resources:"
    for number, policy in enumerate(required.policies, 1):
        yield f"  PassRoles{number if number > 1 else ''}:"
        yield "    Type: AWS::IAM::ManagedPolicy"
        yield "    Properties:"
        yield "      PolicyDocument:"
        yield '        Version: "2012-10-17"'
        yield "        Statement:"
        for statement in policy:
            yield f"          - Sid: {statement.sid}"
            yield "            Effect: Allow"
            yield f"            Action: {statement.action}"
            yield "            Resource:"
            yield from (f"              - {_yaml_arn(pattern)}" for pattern in statement.resources)
            if statement.services:
                yield "            Condition:"
                yield "              StringEquals:"
                yield f"                {PASSED_TO_SERVICE}:"
                yield from (f"                  - {service}" for service in statement.services)


def _yaml_arn(pattern: Pattern) -> str:
    only = pattern[0]
    if len(pattern) == 1 and isinstance(only, Blank):
        return f"!Ref {cloudformation_name(only)}"
    if not any(isinstance(part, Blank) for part in pattern):
        return _quote("".join(map(str, pattern)))
    parts = (
        part.replace("${", "${!") if isinstance(part, str) else f"${{{cloudformation_name(part)}}}" for part in pattern
    )
    return "!Sub " + _quote("".join(parts))
