"""Hidden grants are found, and policies that only look like grants are not flagged.

Each case is a whole configuration and the checks that flag it, classified by hand.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from passrole_checks.scan.scanner import ScanOptions, ScanResult, scan_paths

ROLES = "arn:aws:iam::111122223333:role"
TO_ECS = '{ StringEquals = { "iam:PassedToService" = "ecs-tasks.amazonaws.com" } }'
TRUST = 'assume_role_policy = jsonencode({ Statement = [{ Effect = "Allow", Action = "sts:AssumeRole" }] })'
READ = '"s3:Get"'
UNKNOWN = 'variable "x" {}\n'


def policy(document: str, *more: str, header: str = "") -> str:
    return f'resource "aws_iam_policy" "p" {{\n  {header}\n  policy = {document}\n}}\n' + "".join(more)


def statement(action: str = '"iam:PassRole"', resource: str = '"*"', condition: str = "") -> str:
    last = f", Condition = {condition}" if condition else ""
    return f'{{ Effect = "Allow", Action = {action}, Resource = {resource}{last} }}'


def encoded_policy(action: str = '"iam:PassRole"', resource: str = '"*"', condition: str = "") -> str:
    return f'jsonencode({{ Version = "2012-10-17", Statement = [{statement(action, resource, condition)}] }})'


def scan(root: Path, **files: str) -> ScanResult:
    for name, content in files.items():
        path = root / (name.replace("__", "/") + ".tf")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    return scan_paths([root], ScanOptions())


def flagged(result: ScanResult) -> list[str]:
    assert not result.unreadable
    return sorted(finding.check_id.removeprefix("PASSROLE_") for finding in result.findings)


HIDDEN = {
    "letters joined": (policy(encoded_policy('join("", ["iam:", strrev("ssaP"), title("role")])')), ["001"]),
    "an element of a split text": (policy(encoded_policy('element(split(",", "s3:Get,iam:PassRole"), 3)')), ["001"]),
    "a key of a grouped for": (
        policy(encoded_policy('[for k, v in { for p in [["iam", "PassRole"]] : p[0] => p[1]... } : "${k}:${v[0]}"]')),
        ["001"],
    ),
    "a workspace's lookup": (
        policy(encoded_policy('lookup({ prod = "s3:Get" }, terraform.workspace, "iam:PassRole")')),
        ["001"],
    ),
    "Base64": (
        policy(f"base64decode(base64encode({encoded_policy()}))"),
        ["001"],
    ),
    "the second argument of merge": (
        policy(f'jsonencode({{ Statement = [merge({{ Effect = "Deny" }}, {statement()})] }})'),
        ["001"],
    ),
    "the last of two equal keys": (
        policy(
            'jsonencode({ Statement = [{ Effect = "Allow", Action = "s3:Get", Action = "iam:P*", Resource = "*" }] })'
        ),
        ["001"],
    ),
    "the last of two equal operators, which drops the service": (
        policy(
            encoded_policy(
                resource=f'"{ROLES}/a-*"', condition=TO_ECS[:-1] + ', StringEquals = { "aws:RequestedRegion" = "x" } }'
            )
        ),
        ["002"],
    ),
    "a Statement that a variable may bring": (
        policy(f"jsonencode(merge({{ Statement = [{statement(chr(34) + 's3:Get' + chr(34))}] }}, var.x))", UNKNOWN),
        ["014"],
    ),
    "a condition that a variable may replace": (
        policy(encoded_policy(resource=f'"{ROLES}/a-*"', condition=f"merge({TO_ECS}, var.x)"), UNKNOWN),
        ["014"],
    ),
    "a service that a variable may replace": (
        policy(
            encoded_policy(
                resource=f'"{ROLES}/a-*"',
                condition='{ StringEquals = merge({ "iam:PassedToService" = "ecs-tasks.amazonaws.com" }, var.x) }',
            ),
            UNKNOWN,
        ),
        ["014"],
    ),
    "the output of terraform_data": (
        policy(
            encoded_policy(resource="terraform_data.d.output"),
            'resource "terraform_data" "d" {\n  input = "*"\n}\n',
        ),
        ["001"],
    ),
    "a text that is closed from inside": (
        policy(
            '<<EOT\n{"Statement": [{"Effect": "Allow", "Action": "s3:Get", "Resource": "${var.x}"}]}\nEOT',
            'variable "x" {\n  default = "*\\"}, {\\"Effect\\": \\"Allow\\", \\"Action\\": \\"iam:PassRole\\", '
            '\\"Resource\\": \\"*"\n}\n',
        ),
        ["001"],
    ),
    "a role's ARN cut before its name": (
        policy(
            encoded_policy(resource='"${split("/", aws_iam_role.r.arn)[0]}/*"'),
            f'resource "aws_iam_role" "r" {{\n  name = "r"\n  {TRUST}\n}}\n',
        ),
        ["001"],
    ),
    "a role with a name that is not known, beside a pattern": (
        policy(
            encoded_policy(resource=f'[aws_iam_role.r.arn, "{ROLES}/a-*"]'),
            f'resource "aws_iam_role" "r" {{\n  name = var.x\n  {TRUST}\n}}\n{UNKNOWN}',
        ),
        ["002"],
    ),
}

CLEAN = {
    "the other argument of merge": policy(
        f'jsonencode({{ Statement = [merge({statement()}, {{ Effect = "Deny" }})] }})'
    ),
    "a variable that is merged under": policy(
        encoded_policy(resource=f'"{ROLES}/a-*"', condition=f"merge(var.x, {TO_ECS})"), UNKNOWN
    ),
    "a document that is merged over a variable": policy(
        f"jsonencode(merge(var.x, {{ Statement = [{statement(READ)}] }}))", UNKNOWN
    ),
    "a resource that OpenTofu does not create": policy(
        encoded_policy(), header="lifecycle {\n    enabled = false\n  }"
    ),
    "no instances": policy(encoded_policy(), header="for_each = { for k, v in { a = false } : k => v if v }"),
    "an element that is taken away": policy(
        encoded_policy('setsubtract(["iam:PassRole", "s3:Get"], ["iam:PassRole"])')
    ),
    "another branch": policy(f"true ? {encoded_policy(READ)} : {encoded_policy()}"),
    "the words of a comment and a description": policy(
        encoded_policy('"s3:Get" # iam:PassRole\n'), header='description = "iam:PassRole on *"'
    ),
    "a bucket that is known by reference only": policy(
        encoded_policy('"*"', '"${aws_s3_bucket.b.arn}/*"'), 'resource "aws_s3_bucket" "b" {}\n'
    ),
    "a boundary through a local": policy(
        encoded_policy(),
        "locals {\n  boundary = aws_iam_policy.p.arn\n}\n",
        f'resource "aws_iam_role" "r" {{\n  {TRUST}\n  permissions_boundary = local.boundary\n}}\n',
    ),
}


@pytest.mark.parametrize("case", HIDDEN)
def test_hidden_grant_is_flagged(case: str, tmp_path: Path) -> None:
    """A grant is flagged however its action, resource or condition is computed."""
    configuration, checks = HIDDEN[case]
    assert flagged(scan(tmp_path, main=configuration)) == checks


@pytest.mark.parametrize("case", CLEAN)
def test_apparent_grant_is_not_flagged(case: str, tmp_path: Path) -> None:
    """A statement that does not exist or is denied is no finding."""
    assert flagged(scan(tmp_path, main=CLEAN[case])) == []


def test_duplicate_condition_operator_is_reported(tmp_path: Path) -> None:
    """A JSON document with a duplicate condition operator, of which only one applies, is reported."""
    twice = '{"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}, "StringEquals": {"a:b": "c"}}'
    words = f'"Effect": "Allow", "Action": "iam:PassRole", "Resource": "{ROLES}/a-*", "Condition": {twice}'
    document = f'{{"Statement": [{{{words}}}]}}'
    (problem,) = scan(tmp_path, main=policy(f"<<EOT\n{document}\nEOT")).unreadable
    assert (problem.line, problem.reason) == (4, "aws_iam_policy.p: duplicate StringEquals in a Condition")


STATEMENTS = """
variable "statements" {}
data "aws_iam_policy_document" "d" {
  dynamic "statement" {
    for_each = var.statements
    content {
      effect    = try(statement.value.effect, null)
      actions   = try(statement.value.actions, null)
      resources = %s
    }
  }
}
resource "aws_iam_policy" "p" {
  policy = data.aws_iam_policy_document.d.json
}
"""
CALL = """module "m" {
  source = "./m"
  statements = {
    read = { actions = ["s3:Get"], resources = ["*"] }
    pass = {
      actions   = ["iam:PassRole"]
      resources = ["*"]
    }
  }
}
"""


def test_finding_is_located_in_callers_argument(tmp_path: Path) -> None:
    """A finding on an element of a dynamic block's collection points at the element in the caller's file."""
    (finding,) = scan(tmp_path, main=CALL, m__main=STATEMENTS % "try(statement.value.resources, null)").findings
    assert (Path(finding.at.file).name, finding.at.line, finding.at.end_line) == ("main.tf", 5, 8)
    assert Path(finding.at.file).parent == tmp_path
    assert finding.resource.address == "module.m.aws_iam_policy.p"


def test_finding_is_located_at_block_with_actions(tmp_path: Path) -> None:
    """If only the resources come from the caller, the finding points at the block with the actions."""
    module = STATEMENTS.replace("try(statement.value.actions, null)", '["iam:PassRole"]')
    (finding,) = scan(tmp_path, main=CALL, m__main=module % "statement.value.resources").findings
    assert (Path(finding.at.file).parent.name, finding.at.line) == ("m", 6)


def test_suppression_in_callers_module_block_applies(tmp_path: Path) -> None:
    """A skip comment in the module block that contains the statement suppresses the finding."""
    call = CALL.replace("    pass = {\n", "    pass = { # passrole:skip=PASSROLE_001 known\n")
    (finding,) = scan(tmp_path, main=call, m__main=STATEMENTS % "try(statement.value.resources, null)").findings
    assert finding.suppressed is not None and finding.suppressed.reason == "known"


def test_registry_modules_are_followed_to_callers(tmp_path: Path) -> None:
    """With the manifest of ``terraform init`` the same applies to a module in ``.terraform``."""
    manifest = tmp_path / ".terraform" / "modules" / "modules.json"
    manifest.parent.mkdir(parents=True)
    record = {
        "Key": "m",
        "Source": "registry.terraform.io/acme/iam/aws",
        "Version": "1.2.0",
        "Dir": ".terraform/modules/m",
    }
    manifest.write_text(json.dumps({"Modules": [{"Key": "", "Source": "", "Dir": "."}, record]}), encoding="utf-8")
    (manifest.parent / "m").mkdir()
    (manifest.parent / "m" / "main.tf").write_text(
        STATEMENTS % "try(statement.value.resources, null)", encoding="utf-8"
    )
    call = CALL.replace('"./m"', '"acme/iam/aws"\n  version = "~> 1.0"')
    (finding,) = scan(tmp_path, main=call).findings
    assert (Path(finding.at.file).name, finding.at.line) == ("main.tf", 6)


@pytest.mark.parametrize(
    ("document", "said"),
    [
        (f"jsonencode({{ Statement = [for x in var.x : {statement()}] }})", "var.x is not empty"),
        (f"jsonencode(merge({{ Statement = [{statement()}] }}, var.x))", '"Statement"'),
        (f'var.x == "it exists" ? {encoded_policy(READ)} : {encoded_policy()}', 'var.x is not "it exists"'),
    ],
)
def test_condition_is_shown_as_sentence(document: str, said: str, tmp_path: Path) -> None:
    """The outcome of a condition in words is a sentence, that of an expression follows the expression."""
    messages = [finding.message for finding in scan(tmp_path, main=policy(document, UNKNOWN)).findings]
    assert said in messages[0]


def test_policy_variable_without_version_is_explained(tmp_path: Path) -> None:
    """A policy variable in a document without Version 2012-10-17 matches no role, and the finding explains that."""
    document = f"jsonencode({{ Statement = [{statement(resource=chr(34) + ROLES + '/$${aws:username}' + chr(34))}] }})"
    (finding,) = scan(tmp_path, main=policy(document)).findings
    assert finding.check_id == "PASSROLE_010"
    assert "2012-10-17" in finding.message


EPHEMERAL = f"""
variable "e" {{
  ephemeral = true
  default   = "{ROLES}/x"
}}
variable "n" {{
  ephemeral = false
  default   = "{ROLES}/x"
}}
locals {{
  nulled = ephemeralasnull(var.e)
}}
"""


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ('coalesce(ephemeralasnull(var.e), "*")', "001"),
        ('coalesce(local.nulled, "*")', "001"),
        ('local.nulled == null ? "*" : local.nulled', "001"),
        ('coalesce(one([for x in [ephemeralasnull(var.e)] : x if x != null]), "*")', "001"),
        ('coalesce(ephemeralasnull({ x = var.e }).x, "*")', "001"),
        ('element(ephemeralasnull([var.e]), 0) == null ? "*" : var.n', "001"),
        ('coalesce([for x in [var.e] : ephemeralasnull(x)][0], "*")', "001"),
        ('coalesce(ephemeralasnull(ephemeral.aws_ssm_parameter.p.value), "*")', "001"),
        ('coalesce(ephemeralasnull(var.n), "*")', "002"),
    ],
)
def test_an_ephemeral_value_may_be_null(expression: str, expected: str, tmp_path: Path) -> None:
    """``ephemeralasnull`` returns null for ephemeral values, and others unchanged (Terraform language documentation,
    "ephemeralasnull function")."""
    found = flagged(scan(tmp_path, main=policy(encoded_policy(resource=expression)) + EPHEMERAL))
    assert expected in found and ("001" in found) is (expected == "001")
