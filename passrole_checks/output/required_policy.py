"""The PassRole statements that a deployment needs, as JSON, as a Terraform data document, as a CloudFormation template.

Sources: AWS provider, data source ``aws_iam_policy_document``; AWS CloudFormation Template Reference,
AWS::IAM::ManagedPolicy.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from passrole_checks.escaping.terminal import harmless, shown
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
    """The statements of all policies; what has to be filled in stands there as ``${Name}``."""
    return [_statement(one) for one in required.statements]


def policies_json(required: Required) -> list[dict[str, Any]]:
    """The documents of the policies, each short enough for a managed policy."""
    return [{"Version": "2012-10-17", "Statement": [_statement(one) for one in policy]} for policy in required.policies]


def _statement(one: RequiredStatement) -> dict[str, Any]:
    resources = [_json_arn(pattern) for pattern in one.resources]
    found: dict[str, Any] = {"Sid": one.sid, "Effect": "Allow", "Action": one.action, "Resource": resources}
    if one.services:
        services = one.services[0] if len(one.services) == 1 else list(one.services)
        found["Condition"] = {"StringEquals": {PASSED_TO_SERVICE: services}}
    return found


def _json_arn(pattern: Pattern) -> str:
    return "".join(_json_part(part) for part in pattern)


def _json_part(part: str | Blank) -> str:
    if isinstance(part, str):
        return part
    return "aws" if part == PARTITION else f"${{{cloudformation_name(part)}}}"


def in_words(blank: Blank) -> str:
    """What has to be filled in for a blank."""
    return f"{blank.about}, in {shown(blank.file)}" if blank.file else blank.about


def hcl(required: Required, error: str = "") -> str:
    """A ``data "aws_iam_policy_document"`` for each policy, with the variables and data sources that they need.
    ``error``: what was not read, as a comment at the top."""
    return "\n".join([*_error(error), *_hcl(required)]) + "\n"


def _error(error: str) -> list[str]:
    return [f"# {error}"] if error else []


def _hcl(required: Required) -> Iterator[str]:
    used = {part for one in required.statements for pattern in one.resources for part in pattern}
    yield from _comments(required)
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
    for number, one in enumerate(policy):
        if number:
            yield ""
        yield "  statement {"
        yield f'    sid       = "{one.sid}"'
        yield f'    actions   = ["{one.action}"]'
        yield "    resources = ["
        yield from (f"      {_hcl_arn(pattern)}," for pattern in one.resources)
        yield "    ]"
        if one.services:
            yield ""
            yield "    condition {"
            yield '      test     = "StringEquals"'
            yield f'      variable = "{PASSED_TO_SERVICE}"'
            yield f"      values   = [{', '.join(_quoted(service) for service in one.services)}]"
            yield "    }"
        yield "  }"


def _hcl_arn(pattern: Pattern) -> str:
    only = pattern[0]
    if len(pattern) == 1 and isinstance(only, Blank):
        return f"var.{terraform_name(only)}"
    return f'"{"".join(map(_hcl_part, pattern))}"'


def _hcl_part(part: str | Blank) -> str:
    if isinstance(part, str):
        return part  # which has nothing in it that would have to be escaped
    if part == ACCOUNT:
        return "${data.aws_caller_identity.current.account_id}"
    return "${data.aws_partition.current.partition}" if part == PARTITION else f"${{var.{terraform_name(part)}}}"


def _description(blank: Blank) -> str:
    """In quotes, without what HCL takes for a template, and cfn-lint for a forgotten ``Fn::Sub``."""
    return _quoted(re.sub(r"[$%]+\{", "{", in_words(blank)))


def _quoted(value: str) -> str:
    """A text in double quotes, with escapes that HCL and YAML have in common: neither knows surrogate pairs."""
    return f'"{"".join(map(_escaped, value))}"'


def _escaped(character: str) -> str:
    if character in '"\\':
        return f"\\{character}"
    if character.isprintable():
        return character
    code = ord(character)
    if 0xD800 <= code < 0xE000:  # half of a pair, which no file can hold
        return "\\ufffd"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _comments(required: Required) -> Iterator[str]:
    return (f"# {harmless(' '.join(note.split()))}" for note in required.notes)


def yaml(required: Required, error: str = "") -> str:
    """A template with an ``AWS::IAM::ManagedPolicy``; what has to be filled in are its parameters. ``error``: what was
    not read, as a comment at the top."""
    return "\n".join([*_error(error), *_yaml(required)]) + "\n"


def _yaml(required: Required) -> Iterator[str]:
    yield from _comments(required)
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
        for one in policy:
            yield f"          - Sid: {one.sid}"
            yield "            Effect: Allow"
            yield f"            Action: {one.action}"
            yield "            Resource:"
            yield from (f"              - {_yaml_arn(pattern)}" for pattern in one.resources)
            if one.services:
                yield "            Condition:"
                yield "              StringEquals:"
                yield f"                {PASSED_TO_SERVICE}:"
                yield from (f"                  - {service}" for service in one.services)


def _yaml_arn(pattern: Pattern) -> str:
    only = pattern[0]
    if len(pattern) == 1 and isinstance(only, Blank):
        return f"!Ref {cloudformation_name(only)}"
    if not any(isinstance(part, Blank) for part in pattern):
        return _quoted("".join(map(str, pattern)))
    parts = (
        part.replace("${", "${!") if isinstance(part, str) else f"${{{cloudformation_name(part)}}}" for part in pattern
    )
    return "!Sub " + _quoted("".join(parts))
