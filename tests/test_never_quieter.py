"""Surroundings of code may add findings; only a Deny, a permissions boundary or an SCP of theirs takes one away.

Samples are scanned alone and with generated surroundings: an account file, another root, or an inventory of that root.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
from account_files import ACCOUNT, EVERYTHING, LAMBDA, START, account_file, arn, attached, document, managed, role
from profiles import examples
from sample_folders import FOLDERS, SAMPLES, scan_options_of

from passrole_checks.findings import Severity
from passrole_checks.iam.values.nodes import Position
from passrole_checks.scan.scanner import ScanOptions, ScanResult, scan_paths

ANSWERED = {"PASSROLE_002", "PASSROLE_011", "PASSROLE_012", "PASSROLE_014", "PASSROLE_015"}
"""Checks of what code leaves open: surroundings with the trust, the statements, the value, or the access before it
answer them."""

PASS = {"Effect": "Allow", "Action": "iam:PassRole", "Resource": "*"}
READ = {"Effect": "Allow", "Action": ["s3:GetObject", "iam:GetRole"], "Resource": "*"}
DENY = {"Effect": "Deny", "Action": "iam:PassRole", "Resource": "*"}
_ENTITY = re.compile(r":(role|user|group|policy)/([\w+=,.@/*?-]+)")
_DECLARED = re.compile(
    r'^\s*"?(?:name|RoleName|UserName|role|user|Roles:)"?\s*[:=]\s*\[?"?([\w+=,.@-]+)"?\]?,?\s*$', re.M
)


def names_in(folder: Path) -> set[tuple[str, str]]:
    """Return kinds and names of the IAM entities that files name, with a letter in place of each wildcard."""
    texts = [path.read_text("utf-8", errors="replace") for path in folder.rglob("*") if path.is_file()]
    named = {(kind, name.rpartition("/")[2]) for text in texts for kind, name in _ENTITY.findall(text)}
    named |= {(kind, name) for text in texts for name in _DECLARED.findall(text) for kind in ("role", "user")}
    return {(kind, re.sub(r"[*?]", "x", name)[:60]) for kind, name in named if name}


def surroundings(folder: Path, random: Random, *, limits: bool) -> dict[str, list[dict[str, Any]]]:
    """Return the lists of an account with the entities that a sample names, with random statements.

    ``limits``: with statements that deny, and boundaries.
    """
    statements = [READ, START, PASS, EVERYTHING, *([DENY] if limits else [])]
    policies = [managed(f"around-{number}", statement) for number, statement in enumerate(statements)]
    lists: dict[str, list[dict[str, Any]]] = {"RoleDetailList": [], "UserDetailList": [], "Policies": policies}
    for kind, name in sorted(names_in(folder)):
        own = random.sample(statements, random.randint(0, 2))
        has = attached(*random.sample([policy["PolicyName"] for policy in policies], random.randint(0, 1)))
        bound = {"PermissionsBoundary": {"PermissionsBoundaryArn": arn("policy", "around-0")}}
        fields = bound if limits and random.random() < 0.3 else {}
        if kind == "role":
            service = random.choice([LAMBDA, "ec2.amazonaws.com", ""])
            lists["RoleDetailList"].append(role(name, *own, service=service, AttachedManagedPolicies=has, **fields))
        elif kind == "policy":
            policies.append(managed(name, *(own or [READ])))
        else:
            inline = [{"PolicyName": "own", "PolicyDocument": document(*own)}] if own else []
            lists["UserDetailList"].append(
                {
                    "UserName": name,
                    "Path": "/",
                    "Arn": arn("user", name),
                    "UserPolicyList": inline,
                    "AttachedManagedPolicies": has,
                    **fields,
                }
            )
    return lists


def as_terraform(lists: dict[str, list[dict[str, Any]]]) -> str:
    """Return a root that declares the entities of an account."""

    def blocks() -> Iterator[tuple[str, dict[str, Any]]]:
        for policy in lists["Policies"]:
            text = policy["PolicyVersionList"][0]["Document"]
            yield "aws_iam_policy", {"name": policy["PolicyName"], "policy": json.dumps(text)}
        for kind in ("Role", "User"):
            for entity in lists[f"{kind}DetailList"]:
                name, low = entity[f"{kind}Name"], kind.lower()
                values = {"name": name}
                if kind == "Role":
                    values["assume_role_policy"] = json.dumps(entity["AssumeRolePolicyDocument"])
                if "PermissionsBoundary" in entity:
                    values["permissions_boundary"] = entity["PermissionsBoundary"]["PermissionsBoundaryArn"]
                yield f"aws_iam_{low}", values
                for policy in entity.get(f"{kind}PolicyList", ()):
                    yield f"aws_iam_{low}_policy", {low: name, "policy": json.dumps(policy["PolicyDocument"])}
                for policy in entity["AttachedManagedPolicies"]:
                    yield f"aws_iam_{low}_policy_attachment", {low: name, "policy_arn": policy["PolicyArn"]}

    return "\n".join(
        f'resource "{type_}" "r{number}" {{\n'
        + "".join(f"  {key} = {json.dumps(value)}\n" for key, value in values.items())
        + "}\n"
        for number, (type_, values) in enumerate(blocks())
    )


Around = Callable[[Path, Path, dict[str, list[dict[str, Any]]], ScanOptions], ScanResult]


def in_an_account(top: Path, code: Path, lists: dict[str, list[dict[str, Any]]], options: ScanOptions) -> ScanResult:
    details = account_file(top / "account.json", **lists)
    return scan_paths([code], replace(options, account_details=(details,)))


def beside_a_root(top: Path, code: Path, lists: dict[str, list[dict[str, Any]]], options: ScanOptions) -> ScanResult:
    (top / "around").mkdir()
    (top / "around" / "main.tf").write_text(as_terraform(lists), "utf-8")
    return scan_paths([code, top / "around"], options)


def place(at: Position) -> tuple[str, int]:
    return str(Path(at.file).resolve()), at.line


def lost(alone: ScanResult, result: ScanResult, *, limits: bool = False) -> list[str]:
    """Return the findings on code that are not among those of a scan with its surroundings: of the same check, at the
    same statement, about the same principals. ``limits``: leave out those on statements that are denied there."""
    shown: dict[tuple[str, str, int], set[str]] = {}
    for one in result.findings:
        shown.setdefault((one.check_id, *place(one.at)), set()).update(one.principals)
    denied = {place(one.grant.at) for one in result.grants if one.grant.denied}
    missing = []
    for one in alone.findings:
        at = place(one.at)
        keys = [(check, *at) for check in (one.check_id, SUPERSEDING.get(one.check_id, ""))]
        is_shown = any(key in shown and shown[key].issuperset(one.principals) for key in keys)
        if not (is_shown or one.suppressed or one.check_id in ANSWERED or (limits and at in denied)):
            missing.append(f"{one.check_id} {at} {one.principals} {one.message}")
    return missing


SUPERSEDING = {"PASSROLE_009": "PASSROLE_008"}


@pytest.mark.parametrize("around", [in_an_account, beside_a_root])
@pytest.mark.parametrize("limits", [False, True])
@pytest.mark.parametrize("sample", FOLDERS)
def test_surroundings_take_no_finding_away_without_a_limit(
    sample: str, limits: bool, around: Around, tmp_path: Path
) -> None:
    """Each finding of a scan without context is one of the scan with it, but for what the context answers or denies."""
    code = tmp_path / "code"
    shutil.copytree(SAMPLES / sample, code)
    options = replace(
        scan_options_of(sample), minimum_severity=Severity.INFO, account_details=(), inventory=(), account=ACCOUNT
    )
    alone = scan_paths([code], options)
    for seed in range(examples(5)):
        top = tmp_path / str(seed)
        top.mkdir()
        result = around(top, code, surroundings(code, Random(f"{sample} {seed}"), limits=limits), options)
        assert not lost(alone, result, limits=limits), seed


ROLE = re.compile(r'^resource "aws_iam_role" "(\w+)" \{\n.*?^\}\n', re.M | re.S)
_NAME = re.compile(r'^  name\s+= "([\w+=,.@-]+)"$', re.M)


def split_in_two(text: str) -> tuple[str, str] | None:
    """Return a root without its roles, which it then names, and a root with these; None if none can be moved."""
    moved = []
    for block in ROLE.finditer(text):
        name = _NAME.search(block[0])
        if name is None or re.search(
            r"\b(?:aws_|data\.|local\.|var\.|module\.|each\.|count)", block[0].split("{", 1)[1]
        ):
            continue
        values = {"name": name[1], "id": name[1], "arn": arn("role", name[1])}
        text = text.replace(block[0], "")
        for attribute, value in values.items():
            reference = rf"aws_iam_role\.{block[1]}\.{attribute}\b"
            text = re.sub(rf"\$\{{{reference}\}}", value, text)
            text = re.sub(reference, f'"{value}"', text)
        moved.append(block[0])
    return (text, "\n".join(moved)) if moved else None


SPLIT = [
    (path, parts)
    for path in sorted(SAMPLES.glob("**/main.tf"))
    if (parts := split_in_two(path.read_text("utf-8"))) is not None
]


@pytest.mark.parametrize(("path", "parts"), SPLIT, ids=[str(path.parent.relative_to(SAMPLES)) for path, _ in SPLIT])
def test_roles_of_another_root_take_no_finding_away(path: Path, parts: tuple[str, str], tmp_path: Path) -> None:
    """A root that names roles has at least its findings when the root that declares these is scanned, too."""
    shutil.copytree(path.parent, tmp_path / "code")
    (tmp_path / "code" / "main.tf").write_text(parts[0], "utf-8")
    (tmp_path / "roles").mkdir()
    (tmp_path / "roles" / "main.tf").write_text(parts[1], "utf-8")
    options = ScanOptions(minimum_severity=Severity.INFO, account=ACCOUNT)
    code = tmp_path / "code"
    assert not lost(scan_paths([code], options), scan_paths([tmp_path], options))


IN_TERRAFORM = """\
resource "aws_iam_role" "r" {
  name               = "r"
  assume_role_policy = jsonencode({ Version = "2012-10-17", Statement = [
    { Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = TRUST } }
  ] })
}
resource "aws_iam_role_policy" "p" {
  role   = aws_iam_role.r.name
  policy = jsonencode({ Version = "2012-10-17", Statement = [{ EFFECT, ACTION, RESOURCE }, OTHER] })
}
"""
USUAL = {
    "TRUST": '"lambda.amazonaws.com"',
    "EFFECT": 'Effect = "Allow"',
    "ACTION": 'Action = "iam:PassRole"',
    "RESOURCE": 'Resource = "*"',
    "OTHER": "",
}
DENIED = '{ Effect = "Deny", Action = "iam:PassRole", Resource = "*" }'
INFERRED = [
    ("OTHER", DENIED.replace('"*"', "VALUE"), "*"),
    ("OTHER", DENIED.replace("*", "arn:aws:iam::*:role/${VALUE}"), "*"),
    ("OTHER", DENIED.replace('Resource = "*"', "NotResource = VALUE"), "arn:aws:iam::111122223333:role/x"),
    ("OTHER", DENIED.replace('"iam:PassRole"', "VALUE"), "iam:*"),
    ("OTHER", DENIED.replace('Action = "iam:PassRole"', "NotAction = VALUE"), "s3:*"),
    ("OTHER", DENIED.replace("}", 'Condition = { StringLike = { "iam:PassedToService" = VALUE } } }'), "*"),
    ("OTHER", DENIED.replace('"Deny"', "VALUE"), "Deny"),
    ("OTHER", "jsondecode(VALUE)", json.dumps(DENY)),
    ("EFFECT", "Effect = VALUE", "Deny"),
    ("ACTION", "NotAction = VALUE", "iam:*"),
    ("RESOURCE", "NotResource = VALUE", "*"),
    (
        "RESOURCE",
        'Resource = "*", Condition = { StringEquals = { "iam:PassedToService" = VALUE } }',
        "ec2.amazonaws.com",
    ),
    ("TRUST", "VALUE", "config.amazonaws.com"),
]
WRITER = """\
variable "stage" {{}}
terraform {{
  backend "s3" {{
    key = "some/key"
  }}
}}
output "value" {{
  value = {value}
}}
resource "aws_ssm_parameter" "p" {{
  name  = "/${{var.stage}}/value-1"
  type  = "String"
  value = {value}
}}
"""
READERS = {
    "data.terraform_remote_state.s.outputs.value": """
data "terraform_remote_state" "s" {
  backend = "s3"
  config = {
    bucket = "b"
    key    = "some/key"
  }
}
""",
    "data.aws_ssm_parameter.p.value": '\ndata "aws_ssm_parameter" "p" {\n  name = "/prod/value-1"\n}\n',
}


@pytest.mark.parametrize("reference", READERS)
@pytest.mark.parametrize(("part", "written", "value"), INFERRED)
def test_a_value_that_is_inferred_takes_no_finding_away(
    part: str, written: str, value: str, reference: str, tmp_path: Path
) -> None:
    """Another root passes a value under a name that fits as a pattern only."""
    text = IN_TERRAFORM
    for name, usual in {**USUAL, part: written}.items():
        text = text.replace(name, usual)
    text = text.replace("VALUE", reference) + READERS[reference]
    roots = {"code": text, "other": WRITER.format(value=json.dumps(value))}
    for name, content in roots.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "main.tf").write_text(content, "utf-8")
    options = ScanOptions(minimum_severity=Severity.INFO)
    alone = scan_paths([tmp_path / "code"], options)
    both = scan_paths([tmp_path], options)
    assert alone.findings
    assert not lost(alone, both)
    severities = [{(one.check_id, one.severity) for one in result.findings} for result in (alone, both)]
    assert {pair for pair in severities[0] if pair[0] not in ANSWERED} <= severities[1]
