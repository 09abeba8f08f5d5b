"""The PassRole statements that a deployment needs, as JSON, as a Terraform data document, as a CloudFormation template.

Sources: AWS provider, data source ``aws_iam_policy_document``; AWS CloudFormation Template Reference,
AWS::IAM::ManagedPolicy.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from passrole_checks.advise.required import ACCOUNT, PARTITION, Blank, Pattern, Required, Statement, camel, snake
from passrole_checks.output.paths import shown

PASSED_TO_SERVICE = "iam:PassedToService"


def statements_json(required: Required) -> list[dict[str, Any]]:
    """The statements of an identity policy; what has to be filled in stands there as ``${Name}``."""
    return [_statement(one, [_json_arn(pattern) for pattern in one.resources]) for one in required.statements]


def _statement(one: Statement, resources: Sequence[str]) -> dict[str, Any]:
    found: dict[str, Any] = {"Sid": one.sid, "Effect": "Allow", "Action": one.action, "Resource": list(resources)}
    if one.services:
        services = one.services[0] if len(one.services) == 1 else list(one.services)
        found["Condition"] = {"StringEquals": {PASSED_TO_SERVICE: services}}
    return found


def _json_arn(pattern: Pattern) -> str:
    return "".join(_json_part(part) for part in pattern)


def _json_part(part: str | Blank) -> str:
    if isinstance(part, str):
        return part
    return "aws" if part == PARTITION else f"${{{camel(part)}}}"


def in_words(blank: Blank) -> str:
    """What has to be filled in for a blank."""
    return f"{blank.about}, in {shown(blank.file)}" if blank.file else blank.about


def hcl(required: Required) -> str:
    """A ``data "aws_iam_policy_document"`` with the variables and data sources that it needs."""
    return "\n".join(_hcl(required)) + "\n"


def _hcl(required: Required) -> Iterator[str]:
    used = {part for one in required.statements for pattern in one.resources for part in pattern}
    for note in required.notes:
        yield f"# {' '.join(note.split())}"
    if PARTITION in used:
        yield 'data "aws_partition" "current" {}'
        yield ""
    if ACCOUNT in used:
        yield 'data "aws_caller_identity" "current" {}'
        yield ""
    for blank in required.blanks:
        yield f'variable "{snake(blank)}" {{'
        yield "  type        = string"
        yield f"  description = {_hcl_text(in_words(blank))}"
        yield "}"
        yield ""
    yield 'data "aws_iam_policy_document" "pass_roles" {'
    for number, one in enumerate(required.statements):
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
            yield f"      values   = [{', '.join(json.dumps(service) for service in one.services)}]"
            yield "    }"
        yield "  }"
    yield "}"


def _hcl_arn(pattern: Pattern) -> str:
    only = pattern[0]
    if len(pattern) == 1 and isinstance(only, Blank):
        return f"var.{snake(only)}"
    return f'"{"".join(map(_hcl_part, pattern))}"'


def _hcl_part(part: str | Blank) -> str:
    if isinstance(part, str):
        return _hcl_text(part)[1:-1]
    if part == ACCOUNT:
        return "${data.aws_caller_identity.current.account_id}"
    return "${data.aws_partition.current.partition}" if part == PARTITION else f"${{var.{snake(part)}}}"


def _hcl_text(value: str) -> str:
    return json.dumps(value).replace("${", "$${").replace("%{", "%%{")


def yaml(required: Required) -> str:
    """A template with an ``AWS::IAM::ManagedPolicy``; what has to be filled in are its parameters."""
    return "\n".join(_yaml(required)) + "\n"


def _yaml(required: Required) -> Iterator[str]:
    for note in required.notes:
        yield f"# {' '.join(note.split())}"
    yield 'AWSTemplateFormatVersion: "2010-09-09"'
    if required.blanks:
        yield "Parameters:"
        for blank in required.blanks:
            yield f"  {camel(blank)}:"
            yield "    Type: String"
            yield f"    Description: {json.dumps(in_words(blank))}"
    if not required.statements:
        yield "Resources: {}"
        return
    yield "Resources:"
    yield "  PassRoles:"
    yield "    Type: AWS::IAM::ManagedPolicy"
    yield "    Properties:"
    yield "      PolicyDocument:"
    yield '        Version: "2012-10-17"'
    yield "        Statement:"
    for one in required.statements:
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
        return f"!Ref {camel(only)}"
    if not any(isinstance(part, Blank) for part in pattern):
        return json.dumps("".join(map(str, pattern)))
    parts = (part.replace("${", "${!") if isinstance(part, str) else f"${{{camel(part)}}}" for part in pattern)
    return "!Sub " + json.dumps("".join(parts))
