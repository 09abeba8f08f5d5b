"""The account as context (``--account-details``): roles, policies and attachments that the code only names."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from account_files import (
    ACCOUNT,
    EVERYTHING,
    LAMBDA,
    PASS_APPS,
    START,
    account_file,
    arn,
    attached,
    document,
    managed,
    role,
)
from command_runs import run_command

from passrole_checks.findings import Confidence, Finding, Severity
from passrole_checks.scan.for_hosts.host_results import scan_for_host
from passrole_checks.scan.scanner import ScanOptions, ScanResult, scan_paths
from passrole_checks.sources.model.configuration import NoteKind


def block(type_: str, **values: Any) -> str:
    written = (
        f"  {name} = jsonencode({json.dumps(value)})\n" if isinstance(value, dict) else f'  {name} = "{value}"\n'
        for name, value in values.items()
    )
    return f'resource "{type_}" "this" {{\n{"".join(written)}}}\n'


def role_policy(label: str, holder: str, *statements: dict[str, Any], name: str = "new") -> str:
    return (
        f'resource "aws_iam_role_policy" "{label}" {{\n  name = "{name}"\n  role = {holder}\n'
        f"  policy = jsonencode({json.dumps(document(*statements))})\n}}\n"
    )


@pytest.fixture
def code(tmp_path: Path) -> Path:
    folder = tmp_path / "code"
    folder.mkdir()
    return folder


def scan(code: Path, text: str, *files: Path, **fields: Any) -> ScanResult:
    (code / "main.tf").write_text(text, encoding="utf-8")
    return scan_paths([code], ScanOptions(account_details=files, minimum_severity=Severity.INFO, **fields))


def finding(result: ScanResult, check: str) -> Finding | None:
    return next((one for one in result.findings if one.check_id == f"PASSROLE_{check}"), None)


def test_other_policies_of_a_holder_count(code: Path, tmp_path: Path) -> None:
    """Permissions that a role has in the account count where the code gives it a policy by its name."""
    text = role_policy("p", '"deployer"', PASS_APPS)
    details = account_file(tmp_path / "a.json", RoleDetailList=[role("deployer", START), role("app-x", EVERYTHING)])
    assert finding(scan(code, text), "008") is None
    found = finding(scan(code, text, details), "008")
    assert found is not None
    assert (found.severity, found.confidence, found.principals) == (Severity.HIGH, Confidence.MEDIUM, ("deployer",))


def test_the_code_wins_for_a_policy_of_the_same_name(code: Path, tmp_path: Path) -> None:
    """An inline policy of the account is that of the code before this change, if both have one name."""
    details = account_file(tmp_path / "a.json", RoleDetailList=[role("deployer", START), role("app-x", EVERYTHING)])
    assert finding(scan(code, role_policy("p", '"deployer"', PASS_APPS, name="own"), details), "008") is None


def test_the_code_wins_for_a_role_of_the_same_name(code: Path, tmp_path: Path) -> None:
    """A role that the code declares has the trust policy of the code; its other policies are those of the account."""
    trust = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
    to_lambda = PASS_APPS | {"Condition": {"StringEquals": {"iam:PassedToService": LAMBDA}}}
    text = block("aws_iam_role", name="app-x", assume_role_policy=document(trust))
    text += role_policy("p", '"deployer"', to_lambda)
    details = account_file(tmp_path / "a.json", RoleDetailList=[role("deployer", START), role("app-x", EVERYTHING)])
    found = finding(scan(code, text, details), "008")
    assert found is not None and found.severity is Severity.INFO  # Lambda cannot assume the role of the code


def test_a_policy_of_the_code_is_attached_as_in_the_account(code: Path, tmp_path: Path) -> None:
    """A managed policy that the code does not attach has the principals that it is attached to in the account."""
    text = block("aws_iam_policy", name="Deploy", policy=document(PASS_APPS))
    details = account_file(
        tmp_path / "a.json",
        RoleDetailList=[role("ci", START, AttachedManagedPolicies=attached("deploy"))],
        Policies=[managed("deploy", EVERYTHING)],
    )
    result = scan(code, text, details)
    assert [grant.principals for grant in result.grants] == [(arn("role", "ci"),)]
    assert finding(result, "008") is not None


def test_an_attached_policy_of_the_account_is_known(code: Path, tmp_path: Path) -> None:
    """A customer managed policy that the code attaches by its ARN is the one of the account."""
    attachment = block("aws_iam_role_policy_attachment", role="deployer", policy_arn=arn("policy", "start"))
    text = role_policy("p", '"deployer"', PASS_APPS) + attachment
    details = account_file(tmp_path / "a.json", Policies=[managed("start", START)])
    assert any("policy not found" in note.reason for note in scan(code, text).not_evaluated)
    result = scan(code, text, details)
    assert not any("policy not found" in note.reason for note in result.not_evaluated)
    assert finding(result, "008") is not None


DEPLOY = arn("policy", "deploy")
LOOKED_UP = 'data "aws_iam_policy" "d" {\n  %s = "%s"\n}\n'
ATTACHED = {
    "role": block("aws_iam_role_policy_attachment", role="ci", policy_arn=DEPLOY),
    "user": block("aws_iam_user_policy_attachment", user="ci", policy_arn=DEPLOY),
    "group": block("aws_iam_group_policy_attachment", group="ci", policy_arn=DEPLOY),
    "several": block("aws_iam_policy_attachment", name="a", policy_arn=DEPLOY).replace("}\n", '  users = ["ci"]\n}\n'),
    "own": block("aws_iam_role", name="ci", assume_role_policy=document()).replace(
        "}\n", f'  managed_policy_arns = ["{DEPLOY}"]\n}}\n'
    ),
    "account id": 'data "aws_caller_identity" "c" {}\n'
    + block(
        "aws_iam_role_policy_attachment",
        role="ci",
        policy_arn=DEPLOY.replace(ACCOUNT, "${data.aws_caller_identity.c.account_id}"),
    ),
    "name": LOOKED_UP % ("name", "Deploy")
    + block("aws_iam_role_policy_attachment", role="ci", policy_arn="${data.aws_iam_policy.d.arn}"),
    "arn": LOOKED_UP % ("arn", DEPLOY)
    + block("aws_iam_role_policy_attachment", role="ci", policy_arn="${data.aws_iam_policy.d.arn}"),
    "template": "Resources:\n  ci:\n    Type: AWS::IAM::User\n    Properties:\n      ManagedPolicyArns:\n"
    "        - !Sub arn:${AWS::Partition}:iam::${AWS::AccountId}:policy/deploy\n",
    "literal in a template": "Resources:\n  ci:\n    Type: AWS::IAM::Group\n    Properties:\n"
    f"      ManagedPolicyArns: [{DEPLOY}]\n",
}


@pytest.mark.parametrize("text", ATTACHED.values(), ids=ATTACHED)
def test_an_attached_policy_of_the_account_is_a_grant_of_the_code(
    text: str, code: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the line of the attachment, as if the document stood there; also if the account attaches it already, and in
    both hosts. Without the file there is a note."""
    (code / ("template.yaml" if text.startswith("Resources:") else "main.tf")).write_text(text, encoding="utf-8")
    details = account_file(
        tmp_path / "a.json",
        RoleDetailList=[role("ci", AttachedManagedPolicies=attached("deploy"))],
        Policies=[managed("deploy", PASS_APPS | {"Resource": "*"}, START)],
    )
    result = scan_paths([code], ScanOptions())
    assert not result.findings and not result.grants
    assert [note.kind.value for note in result.not_evaluated if "policy not found" in note.reason] == [
        "defined_elsewhere"
    ]
    result = scan_paths([code], ScanOptions(account_details=(details,)))
    (grant,) = result.grants
    value = "resource" if "  arn =" in text else next(part for part in ("policy_arn", "policy/") if part in text)
    expected = text.count("\n", 0, text.index(value)) + 1  # a literal in a data source is none in the attachment
    assert (grant.origin, grant.account_policy, grant.grant.at.line) == ("account_policy", "deploy", expected)
    assert [name.rpartition(".")[2] in ("ci", "this") for name in grant.principals] == [True]
    assert [one.at.line for one in result.findings if one.check_id == "PASSROLE_001"] == [expected]
    assert not any("policy not found" in note.reason for note in result.not_evaluated)
    monkeypatch.setenv("PASSROLE_CHECKS_ACCOUNT_DETAILS", str(details))
    assert scan_for_host(str(next(code.iterdir()))).of("PASSROLE_001")


def test_a_conditional_attachment_is_a_grant_under_its_condition(code: Path, tmp_path: Path) -> None:
    """Of a resource with `count`; several principals of one attachment are those of one grant."""
    text = 'variable "on" {}\n' + ATTACHED["several"].replace("{\n", "{\n  count = var.on ? 1 : 0\n", 1).replace(
        '["ci"]', '["ann", "bob"]'
    )
    details = account_file(tmp_path / "a.json", Policies=[managed("deploy", PASS_APPS)])
    (grant,) = scan(code, text, details).grants
    assert (grant.principals, len(grant.when), grant.managed_in_words) == (
        ("ann", "bob"),
        1,
        "deploy (customer managed)",
    )


def test_a_document_of_the_account_that_denies_limits_whom_the_code_attaches_it_to(code: Path, tmp_path: Path) -> None:
    """It is named with certainty, and is a Deny of the code."""
    deny = PASS_APPS | {"Effect": "Deny"}
    text = role_policy("p", '"ci"', PASS_APPS) + ATTACHED["role"]
    details = account_file(tmp_path / "a.json", RoleDetailList=[role("ci")], Policies=[managed("deploy", deny)])
    result = scan(code, text, details)
    assert {(one.origin, one.effect_on_passrole) for one in result.grants} == {
        ("policy", "none"),
        ("account_policy", "deny"),
    }
    assert finding(result, "002") is None


PLANNED = """{
  "format_version": "1.2", "terraform_version": "1.9.8",
  "planned_values": {"root_module": {"resources": []}},
  "resource_changes": [{
    "address": "aws_iam_role_policy_attachment.a", "mode": "managed", "type": "aws_iam_role_policy_attachment",
    "name": "a", "provider_name": "registry.terraform.io/hashicorp/aws",
    "change": {"actions": [%s], "before": %s, "after": %s, "after_unknown": {}}
  }],
  "configuration": {"root_module": {"resources": []}}
}"""


@pytest.mark.parametrize(
    ("before", "unchanged", "expected"),
    [(False, False, {"001", "015"}), (True, False, set()), (True, True, {"001"})],
    ids=["new", "as before", "as before, asked for"],
)
def test_a_planned_attachment_of_a_policy_of_the_account_is_new_access(
    before: bool, unchanged: bool, expected: set[str], code: Path, tmp_path: Path
) -> None:
    """Only if the plan adds it, whatever the account attaches."""
    values = json.dumps({"role": "ci", "policy_arn": DEPLOY})
    text = PLANNED % ('"no-op"' if before else '"create"', values if before else "null", values)
    (code / "plan.json").write_text(text, encoding="utf-8")
    details = account_file(
        tmp_path / "a.json",
        RoleDetailList=[role("ci", AttachedManagedPolicies=attached("deploy"))],
        Policies=[managed("deploy", PASS_APPS | {"Resource": "*"})],
    )
    options = ScanOptions(account_details=(details,), unchanged=unchanged)
    assert {one.check_id[-3:] for one in scan_paths([code], options).findings} == expected


def test_a_boundary_of_the_account_limits(code: Path, tmp_path: Path) -> None:
    """The permissions boundary that a role has in the account limits what the code grants it."""
    limited = role("deployer", PermissionsBoundary={"PermissionsBoundaryArn": arn("policy", "limit")})
    details = account_file(
        tmp_path / "a.json",
        RoleDetailList=[limited],
        Policies=[managed("limit", {"Effect": "Allow", "Action": "s3:*", "Resource": "*"})],
    )
    text = role_policy("p", '"deployer"', PASS_APPS)
    assert finding(scan(code, text), "002") is not None
    assert not scan(code, text, details).findings


@pytest.mark.parametrize(
    ("own", "severity"),
    [
        ([EVERYTHING], Severity.LOW),  # an administrator
        ([{"Effect": "Allow", "Action": ["iam:*", "sqs:*"], "Resource": "*"}], Severity.LOW),
        ([EVERYTHING, {"Effect": "Deny", "Action": "iam:*", "Resource": "*"}], None),
        ([EVERYTHING, {"Effect": "Deny", "Action": "s3:*", "Resource": "*"}], Severity.LOW),
    ],
)
def test_what_a_holder_has_in_the_account_makes_a_finding_less_severe(
    code: Path, tmp_path: Path, own: list[dict[str, Any]], severity: Severity | None
) -> None:
    """The account can change without the code; only a Deny of PassRole takes the finding away."""
    trust = {"Effect": "Allow", "Principal": {"Service": LAMBDA}, "Action": "sts:AssumeRole"}
    text = block("aws_iam_role", name="app-x", assume_role_policy=document(trust))
    more = {"Effect": "Allow", "Action": ["iam:PutRolePolicy", "sqs:*"], "Resource": "*"}
    text += role_policy("x", "aws_iam_role.this.name", more, name="more")
    text += role_policy("p", '"deployer"', PASS_APPS | {"Resource": arn("role", "app-x")})
    details = account_file(tmp_path / "a.json", RoleDetailList=[role("deployer", *own)])
    alone = finding(scan(code, text), "009")
    assert alone is not None and alone.severity is Severity.HIGH
    found = finding(scan(code, text, details), "009")
    assert (found and found.severity) == severity


def test_a_role_that_is_looked_up_by_name_is_the_one_of_the_account(code: Path, tmp_path: Path) -> None:
    """Names are unique within an account, so a data source means the role of that name, at whatever path."""
    pass_known = PASS_APPS | {
        "Resource": "${data.aws_iam_role.known.arn}",
        "Condition": {"StringEquals": {"iam:PassedToService": LAMBDA}},
    }
    text = 'data "aws_iam_role" "known" {\n  name = "known"\n}\n' + role_policy("p", '"deployer"', pass_known)
    details = account_file(tmp_path / "a.json", RoleDetailList=[role("known", service="ec2.amazonaws.com", path="/x/")])
    assert finding(scan(code, text), "011") is None
    assert finding(scan(code, text, details), "011") is not None


def test_only_the_account_that_is_deployed_to_counts(code: Path, tmp_path: Path) -> None:
    """Files of other accounts are left out, which is noted; so are all of several if the account is unknown."""
    text = role_policy("p", '"deployer"', PASS_APPS)
    first = account_file(tmp_path / "a.json", RoleDetailList=[role("deployer", START)])
    second = account_file(tmp_path / "b.json", RoleDetailList=[role("other", account="444455556666")])
    assert finding(scan(code, text, first, second, account=ACCOUNT), "008") is not None
    for fields in ({}, {"account": "777788889999"}):
        result = scan(code, text, first, second, **fields)
        assert finding(result, "008") is None
        assert any("--account" in note.reason for note in result.not_evaluated)


def test_the_account_of_the_file_is_that_of_the_deployment(code: Path, tmp_path: Path) -> None:
    """Without another account, roles of other accounts than that of the file cannot be passed."""
    text = role_policy("p", '"deployer"', PASS_APPS | {"Resource": "arn:aws:iam::444455556666:role/app"})
    details = account_file(tmp_path / "a.json", RoleDetailList=[role("deployer")])
    assert finding(scan(code, text), "005") is None
    assert finding(scan(code, text, details), "005") is not None


def test_statements_of_the_account_are_not_reported(code: Path, tmp_path: Path) -> None:
    """Context only: findings and grants are those of the code."""
    details = account_file(tmp_path / "a.json", RoleDetailList=[role("deployer", EVERYTHING)])
    result = scan(code, 'resource "aws_iam_role" "r" {\n  name = "r"\n}\n', details)
    assert not result.findings and not result.grants
    assert result.files == (str(code / "main.tf"),)


@pytest.mark.parametrize("content", [None, "{}", '{"Roles": [{"RoleName": "a"}]}', "not json"])
def test_an_unusable_file_is_an_error(content: str | None, code: Path, tmp_path: Path) -> None:
    """A file that cannot be read, or is the output of another command, is unreadable; the code is scanned."""
    path = tmp_path / "a.json"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    result = scan(code, role_policy("p", '"deployer"', PASS_APPS), path)
    assert [entry.file for entry in result.unreadable] == [str(path)]
    assert finding(result, "002") is not None


def test_a_changed_file_is_read_again(code: Path, tmp_path: Path) -> None:
    """Nothing is remembered of a file that has changed."""
    text = role_policy("p", '"deployer"', PASS_APPS)
    path = account_file(tmp_path / "a.json", RoleDetailList=[role("deployer", START)])
    assert finding(scan(code, text, path), "008") is not None
    account_file(path, RoleDetailList=[role("deployer")])
    assert finding(scan(code, text, path), "008") is None


def test_results_are_not_cached(code: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of an account is written to the cache."""
    cache = tmp_path / "cache"
    monkeypatch.setenv("PASSROLE_CHECKS_CACHE_DIR", str(cache))
    monkeypatch.chdir(code)
    (code / "main.tf").write_text(role_policy("p", '"deployer"', PASS_APPS), encoding="utf-8")
    details = account_file(tmp_path / "a.json", RoleDetailList=[role("deployer", START)])
    run_command("scan", ".", "--account-details", str(details))
    assert not cache.exists() or not [file for _, _, files in os.walk(cache) for file in files]


def test_hosts_take_the_files_from_the_environment(code: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The adapters report what the command line does, and fail closed without a file that they are to read."""
    (code / "main.tf").write_text(role_policy("p", '"deployer"', PASS_APPS), encoding="utf-8")
    details = account_file(tmp_path / "a.json", RoleDetailList=[role("deployer", START), role("app-x", EVERYTHING)])
    assert not scan_for_host(str(code / "main.tf")).of("PASSROLE_008")
    monkeypatch.setenv("PASSROLE_CHECKS_ACCOUNT_DETAILS", str(details))
    result = scan_for_host(str(code / "main.tf"))
    assert result.of("PASSROLE_008") and not result.problems
    monkeypatch.setenv("PASSROLE_CHECKS_ACCOUNT_DETAILS", os.pathsep.join((str(details), str(tmp_path / "none.json"))))
    assert [problem.file for problem in scan_for_host(str(code / "main.tf")).problems] == [str(tmp_path / "none.json")]


PLAN = """{
  "format_version": "1.2", "terraform_version": "1.9.8",
  "planned_values": {"root_module": {"resources": []}},
  "resource_changes": [{
    "address": "aws_iam_role_policy.p", "mode": "managed", "type": "aws_iam_role_policy", "name": "p",
    "provider_name": "registry.terraform.io/hashicorp/aws",
    "change": {"actions": ["update"], "before": %s, "after": %s, "after_unknown": {}}
  }],
  "configuration": {"root_module": {"resources": []}}
}"""


@pytest.mark.parametrize(
    ("deployed", "drift"),
    [
        ([PASS_APPS], []),
        ([PASS_APPS, START], ["the policy before this change differs from the account file of 2026-03-01"]),
        ([], ["the policy before this change is not in the account file of 2026-03-01"]),
    ],
)
def test_drift_is_named(deployed: list[dict[str, Any]], drift: list[str], code: Path, tmp_path: Path) -> None:
    """The previous state of a plan is compared with the account."""
    before, after = (
        {"name": "own", "role": "deployer", "policy": json.dumps(document(PASS_APPS | {"Resource": resource}))}
        for resource in (PASS_APPS["Resource"], arn("role", "app-other"))
    )
    (code / "plan.json").write_text(PLAN % (json.dumps(before), json.dumps(after)), encoding="utf-8")
    details = account_file(tmp_path / "a.json", RoleDetailList=[role("deployer", *deployed)])
    result = scan_paths([code], ScanOptions(account_details=(details,)))
    notes = [note.reason for note in result.not_evaluated if note.kind.value == "drift"]
    assert notes == [f"aws_iam_role_policy.p: {words}" for words in drift]
    assert [str(role.pattern) for grant in result.grants for role in grant.grant.roles] == [arn("role", "app-other")]


def test_a_group_of_the_code_has_the_users_of_the_account(code: Path, tmp_path: Path) -> None:
    """The members of a group that the code declares, and their other policies, are those of the account."""
    own = [{"PolicyName": "start", "PolicyDocument": document(START)}]
    ann = {"UserName": "ann", "Path": "/", "Arn": arn("user", "ann"), "GroupList": ["ops"], "UserPolicyList": own}
    ops = {"GroupName": "ops", "Path": "/", "Arn": arn("group", "ops")}
    details = account_file(
        tmp_path / "a.json", UserDetailList=[ann], GroupDetailList=[ops], RoleDetailList=[role("app-x", EVERYTHING)]
    )
    text = block("aws_iam_group", name="ops") + (
        'resource "aws_iam_group_policy" "p" {\n  group = aws_iam_group.this.name\n'
        f"  policy = jsonencode({json.dumps(document(PASS_APPS))})\n}}\n"
    )
    found = finding(scan(code, text, details), "008")
    assert found is not None and found.principals == (arn("user", "ann"),)
    template = {
        "Resources": {
            "Ops": {"Type": "AWS::IAM::Group", "Properties": {"GroupName": "ops", "Policies": [
                {"PolicyName": "pass", "PolicyDocument": document(PASS_APPS)}
            ]}}
        }
    }  # fmt: skip
    (code / "main.tf").unlink()
    (code / "template.json").write_text(json.dumps(template), encoding="utf-8")
    found = finding(scan_paths([code], ScanOptions(account_details=(details,))), "008")
    assert found is not None and found.principals == (arn("user", "ann"),)


LOOK_UP = 'data "aws_iam_policy" "deploy" {\n  %s = "%s"\n}\n'
USED = (
    'resource "aws_iam_role_policy" "p" {\n  role   = "ci"\n  policy = data.aws_iam_policy.deploy.policy\n}\n',
    'resource "aws_iam_role_policy" "p" {\n  role   = "ci"\n  policy = data.aws_iam_policy_document.d.json\n}\n'
    'data "aws_iam_policy_document" "d" {\n  source_policy_documents = [data.aws_iam_policy.deploy.policy]\n'
    '  statement {\n    actions   = ["s3:GetObject"]\n    resources = ["*"]\n  }\n}\n',
)


@pytest.mark.parametrize("used", USED)
@pytest.mark.parametrize(("by", "value"), [("name", "Deploy"), ("arn", arn("policy", "x/deploy"))])
def test_the_document_of_a_policy_that_is_looked_up_is_that_of_the_account(
    by: str, value: str, used: str, code: Path, tmp_path: Path
) -> None:
    """Findings are where the code uses it, and name the file. Without the file the statement is unresolved."""
    text = LOOK_UP % (by, value) + used
    details = account_file(tmp_path / "a.json", Policies=[managed("deploy", PASS_APPS)], RoleDetailList=[role("ci")])
    assert finding(scan(code, text), "002") is None
    result = scan(code, text, details)
    found = finding(result, "002")
    assert found is not None and "from the account file of 2026-03-01" in found.message
    assert found.at.file == str(code / "main.tf") and found.principals == ("ci",)
    assert finding(result, "014") is None


@pytest.mark.parametrize("value", ["other", "arn:aws:iam::444455556666:policy/deploy"])
def test_the_document_of_another_policy_stays_unknown(value: str, code: Path, tmp_path: Path) -> None:
    """A policy that the account does not have, or one of another account, is not guessed."""
    details = account_file(tmp_path / "a.json", Policies=[managed("deploy", PASS_APPS)], RoleDetailList=[role("ci")])
    result = scan(code, LOOK_UP % ("arn" if ":" in value else "name", value) + USED[0], details)
    assert [str(one.pattern) for grant in result.grants for one in grant.grant.roles] == [
        "${data.aws_iam_policy.deploy.policy}"
    ]


def test_a_statement_with_the_sid_of_one_that_is_looked_up_stays_unknown(code: Path, tmp_path: Path) -> None:
    """Which of both counts depends on their order in the code, which the document no longer has."""
    details = account_file(
        tmp_path / "a.json", Policies=[managed("deploy", {"Sid": "Pass", **PASS_APPS})], RoleDetailList=[role("ci")]
    )
    text = LOOK_UP % ("name", "deploy") + USED[1].replace("  statement {\n", '  statement {\n    sid = "Pass"\n')
    assert finding(scan(code, text, details), "002") is None


def test_the_code_wins_for_a_policy_that_is_looked_up(code: Path, tmp_path: Path) -> None:
    """A policy that the code declares has the document of the code, also where it is looked up by its name."""
    details = account_file(tmp_path / "a.json", Policies=[managed("deploy", EVERYTHING)], RoleDetailList=[role("ci")])
    text = LOOK_UP % ("name", "deploy") + USED[0] + block("aws_iam_policy", name="deploy", policy=document(PASS_APPS))
    found = finding(scan(code, text, details), "002")
    assert found is not None and "from the account file" not in found.message


def test_the_files_of_an_account_are_one(code: Path, tmp_path: Path) -> None:
    """Pages that are saved to separate files are one account: as context, and as what is scanned."""
    ann = {"UserName": "ann", "Path": "/", "Arn": arn("user", "ann"), "GroupList": ["ops"],
           "AttachedManagedPolicies": attached("start")}  # fmt: skip
    ops = {"GroupName": "ops", "Path": "/", "Arn": arn("group", "ops"),
           "GroupPolicyList": [{"PolicyName": "pass", "PolicyDocument": document(PASS_APPS)}]}  # fmt: skip
    pages = tmp_path / "pages"
    pages.mkdir()
    files = (
        account_file(pages / "1.json", UserDetailList=[ann]),
        account_file(pages / "2.json", GroupDetailList=[ops], Policies=[managed("start", START)]),
        account_file(pages / "3.json", RoleDetailList=[role("app-x", EVERYTHING)]),
    )
    files[0].write_text(json.dumps(json.loads(files[0].read_text()) | {"IsTruncated": True}), encoding="utf-8")
    other = account_file(pages / "other.json", RoleDetailList=[role("app-x", account="444455556666")])
    for result in (scan_paths([pages], ScanOptions()), scan_paths([*files, other], ScanOptions())):
        found = finding(result, "008")
        assert found is not None and found.principals == (arn("user", "ann"),)
        assert not result.not_evaluated
    assert len(scan_paths(files[:1], ScanOptions()).not_evaluated) == 3  # the page, the group and the policy
    text = block("aws_iam_user_policy", user="ann", policy=document(PASS_APPS))
    result = scan(code, text, *files)
    assert finding(result, "008") is not None and not result.not_evaluated


def test_a_file_that_cannot_be_read_does_not_affect_the_others(code: Path, tmp_path: Path) -> None:
    """Of several files of one account, the broken one is an error."""
    details = account_file(tmp_path / "a.json", RoleDetailList=[role("deployer", START), role("app-x", EVERYTHING)])
    broken = account_file(tmp_path / "b.json", RoleDetailList=[role("other")])
    broken.write_text(broken.read_text(encoding="utf-8")[:-20], encoding="utf-8")
    result = scan(code, role_policy("p", '"deployer"', PASS_APPS), details, broken, tmp_path / "none.json")
    assert finding(result, "008") is not None
    assert [entry.file for entry in result.unreadable] == [str(broken), str(tmp_path / "none.json")]


PARTIAL = """
variable "env" {}
resource "aws_iam_role" "ci" {
  name = "ci-${var.env}"
}
resource "aws_iam_role_policy" "ci" {
  %s
  role   = aws_iam_role.ci.id
  policy = jsonencode(%s)
}
"""


@pytest.mark.parametrize(
    ("name", "deployed"),
    [
        ('name = "pass-${var.env}"', "pass-prod"),
        ('name_prefix = "pass-"', "pass-20260301"),
        ("", "terraform-20260301120000000000000001"),
    ],
)
def test_a_name_with_unknown_parts_is_that_of_the_only_match(
    name: str, deployed: str, code: Path, tmp_path: Path
) -> None:
    """The code wins for a policy and a role whose names are not known, and a note says what is taken for them."""
    policies = [{"PolicyName": deployed, "PolicyDocument": document(EVERYTHING)},
                {"PolicyName": "start", "PolicyDocument": document(START)}]  # fmt: skip
    details = account_file(
        tmp_path / "a.json",
        RoleDetailList=[role("ci-prod", RolePolicyList=policies), role("app-x", EVERYTHING), role("pci-1")],
    )
    text = PARTIAL % (name, json.dumps(document(PASS_APPS)))
    assert finding(scan(code, text), "008") is None
    result = scan(code, text, details)
    found = finding(result, "008")
    assert found is not None and found.principals == ("aws_iam_role.ci",)  # not as administrator, and with `start`
    assert [(note.kind.value, note.line) for note in result.not_evaluated] == [
        ("inferred_name", 3),
        ("inferred_name", 6),
    ]
    assert arn("role", "ci-prod") in result.not_evaluated[0].reason and deployed in result.not_evaluated[1].reason
    more = account_file(tmp_path / "b.json", RoleDetailList=[role("ci-test")])
    result = scan(code, text, details, more)
    assert finding(result, "008") is None and not result.not_evaluated


@pytest.mark.parametrize(
    ("role_name", "policy_name"),
    [
        ("!Sub 'ci-${Env}'", "!Sub 'pass-${Env}'"),
        ("!Sub ['ci-${E}', {E: !Ref Env}]", "!Join ['-', [pass, !Ref Env]]"),
        ("!Join ['', [ci-, !Ref 'AWS::Region']]", "{'Fn::Sub': 'pass-${AWS::StackName}'}"),
        ("!Sub 'ci-${Stage}'", "!Sub 'pass-${Stage}'"),
        ("!If [Is, !Sub 'ci-${Env}', ci-x]", "!Sub 'pass-${Env}'"),
    ],
)
def test_names_of_templates_with_unknown_parts_are_those_of_the_only_match(
    role_name: str, policy_name: str, code: Path, tmp_path: Path
) -> None:
    """As for Terraform, with the same note; a name under a condition is not known, but for its policies."""
    policies = [{"PolicyName": "pass-prod", "PolicyDocument": document(EVERYTHING)},
                {"PolicyName": "start", "PolicyDocument": document(START)}]  # fmt: skip
    details = account_file(
        tmp_path / "a.json",
        RoleDetailList=[role("ci-prod", RolePolicyList=policies), role("app-x", EVERYTHING), role("pci-1")],
    )
    template = (
        "Parameters:\n  Env: {Type: String}\n  Stage: {Type: String, AllowedValues: [prod, test]}\n"
        "Conditions: {Is: !Equals [!Ref Env, prod]}\n"
        f"Resources:\n  Ci:\n    Type: AWS::IAM::Role\n    Properties:\n      RoleName: {role_name}\n"
        f"      AssumeRolePolicyDocument: {json.dumps(document())}\n      Policies:\n"
        f"      - PolicyName: {policy_name}\n        PolicyDocument: {json.dumps(document(PASS_APPS))}\n"
    )
    (code / "template.yaml").write_text(template, encoding="utf-8")
    assert finding(scan_paths([code], ScanOptions()), "008") is None
    result = scan_paths([code], ScanOptions(account_details=(details,)))
    found, notes = finding(result, "008"), [note for note in result.not_evaluated if note.kind.value == "inferred_name"]
    if "!If" in role_name:
        assert found is None and not notes
        return
    assert found is not None and found.principals == ("Ci",)  # not as administrator, and with `start`
    assert [note.line for note in notes] == [6, 6]
    assert arn("role", "ci-prod") in notes[0].reason and "pass-prod" in notes[1].reason


@pytest.mark.parametrize("is_tagged", [True, False])
def test_a_generated_name_of_cloudformation_is_recognized(is_tagged: bool, code: Path, tmp_path: Path) -> None:
    """By the tags of the stack, else by the form of the name: the role has its other policies of the account."""
    tags = [
        {"Key": "aws:cloudformation:stack-name", "Value": "app"},
        {"Key": "aws:cloudformation:logical-id", "Value": "Deployer"},
    ]
    name = "x" if is_tagged else "app-Deployer-1A2B3C4D5E6F"
    details = account_file(
        tmp_path / "a.json",
        RoleDetailList=[role(name, START, Tags=tags if is_tagged else []), role("app-x", EVERYTHING)],
    )
    own = {"PolicyName": "pass", "PolicyDocument": document(PASS_APPS)}
    properties = {"AssumeRolePolicyDocument": document(), "Policies": [own]}
    template = {"Resources": {"Deployer": {"Type": "AWS::IAM::Role", "Properties": properties}}}
    (code / "template.json").write_text(json.dumps(template), encoding="utf-8")
    assert finding(scan_paths([code], ScanOptions()), "008") is None
    found = finding(scan_paths([code], ScanOptions(account_details=(details,))), "008")
    assert found is not None and found.principals == ("Deployer",)


def test_a_managed_policy_with_unknown_parts_in_its_name_is_attached_as_in_the_account(
    code: Path, tmp_path: Path
) -> None:
    """The policy of the account is the one of the code before this change."""
    text = (
        'variable "env" {}\nresource "aws_iam_policy" "p" {\n  name = "deploy-${var.env}"\n'
        f"  policy = jsonencode({json.dumps(document(PASS_APPS))})\n}}\n"
    )
    details = account_file(
        tmp_path / "a.json",
        RoleDetailList=[role("ci", START, AttachedManagedPolicies=attached("deploy-prod")), role("app-x", EVERYTHING)],
        Policies=[managed("deploy-prod", EVERYTHING)],
    )
    result = scan(code, text, details)
    assert [grant.principals for grant in result.grants] == [(arn("role", "ci"),)]
    assert finding(result, "008") is not None
    properties = {"ManagedPolicyName": {"Fn::Sub": "deploy-${Env}"}, "PolicyDocument": document(PASS_APPS)}
    resources = {"P": {"Type": "AWS::IAM::ManagedPolicy", "Properties": properties}}
    template = {"Parameters": {"Env": {"Type": "String"}}, "Resources": resources}
    (code / "main.tf").unlink()
    (code / "template.json").write_text(json.dumps(template), encoding="utf-8")
    result = scan_paths([code], ScanOptions(account_details=(details,)))
    assert [grant.principals for grant in result.grants] == [(arn("role", "ci"),)]


@pytest.mark.parametrize("passed", ["*-prod", "app-prod", "app-${var.env}*"])
def test_a_role_with_an_inferred_name_is_covered_by_both_names(passed: str, code: Path, tmp_path: Path) -> None:
    """A pattern covers the role by its name in the account, and by the name with variables that it has in the code."""
    text = (PARTIAL % ("", json.dumps(document(EVERYTHING)))).replace("ci", "app")
    text += role_policy("p", '"deployer"', PASS_APPS | {"Resource": arn("role", passed)})
    app = role("app-prod", RolePolicyList=[{"PolicyName": "terraform-20", "PolicyDocument": document(START)}])
    details = account_file(tmp_path / "a.json", RoleDetailList=[role("deployer", START), app])
    found = [one for one in scan(code, text, details).findings if one.check_id == "PASSROLE_008"]
    assert [(one.severity, one.principals) for one in found] == [(Severity.HIGH, ("deployer",))]


def test_findings_that_depend_on_policies_of_the_account_say_so(code: Path, tmp_path: Path) -> None:
    """Also if the code declares the role that is passed, and if a holder only has a document of the account."""
    text = LOOK_UP % ("name", "start") + USED[0] + role_policy("p", '"ci"', PASS_APPS)
    text += block("aws_iam_role", name="app-x", assume_role_policy=document())
    details = account_file(
        tmp_path / "a.json", RoleDetailList=[role("app-x", EVERYTHING)], Policies=[managed("start", START)]
    )
    found = finding(scan(code, text, details), "008")
    assert found is not None and found.confidence is Confidence.MEDIUM
    assert "according to the account file of 2026-03-01" in found.message


def test_an_inline_policy_of_other_code_is_not_taken_for_one_without_a_name(code: Path, tmp_path: Path) -> None:
    """A role that the code only names has policies of other code, with generated names too."""
    policies = [{"PolicyName": "terraform-20260301", "PolicyDocument": document(START)}]
    details = account_file(
        tmp_path / "a.json", RoleDetailList=[role("ci", RolePolicyList=policies), role("app-x", EVERYTHING)]
    )
    text = (PARTIAL % ("", json.dumps(document(PASS_APPS)))).replace("aws_iam_role.ci.id", '"ci"')
    found = finding(scan(code, text, details), "008")
    assert found is not None and found.principals == ("ci",)


DENY = {"Effect": "Deny", "Action": "iam:PassRole", "Resource": "*"}
ANY_ROLE = PASS_APPS | {"Resource": "*"}
LEGACY = arn("role", "legacy-deployer")
VARIABLES = 'variable "team" {}\n'
DEPLOYER = (
    VARIABLES
    + block("aws_iam_role", name="${var.team}-deployer", assume_role_policy=document())
    + role_policy("p", "aws_iam_role.this.id", ANY_ROLE)
)


def generated(*statements: dict[str, Any]) -> str:
    """Return a template whose role has a generated name."""
    own = [{"PolicyName": "pass", "PolicyDocument": document(*statements)}]
    properties = {"AssumeRolePolicyDocument": document(), "Policies": own}
    return json.dumps({"Resources": {"Deployer": {"Type": "AWS::IAM::Role", "Properties": properties}}})


def user(name: str, **fields: Any) -> dict[str, Any]:
    return {"UserName": name, "Path": "/", "Arn": arn("user", name), **fields}


def inline(*statements: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"PolicyName": "limit", "PolicyDocument": document(*statements)}]


def lists(**values: Any) -> dict[str, Any]:
    return values


TAGS = [
    {"Key": "aws:cloudformation:stack-name", "Value": "app"},
    {"Key": "aws:cloudformation:logical-id", "Value": "Deployer"},
]
PASSES_LEGACY = role_policy("p", '"other"', PASS_APPS | {"Resource": LEGACY})
GUARD = block("aws_iam_policy", name="${var.team}-guard", policy=document(DENY))
DEPLOYER_USER = block("aws_iam_user", name="${var.team}-deployer") + (
    'resource "aws_iam_user_policy" "p" {\n  user = aws_iam_user.this.name\n'
    f"  policy = jsonencode({json.dumps(document(ANY_ROLE))})\n}}\n"
)
GUESSES = {
    "inline policy of a role": (DEPLOYER, lists(RoleDetailList=[role("legacy-deployer", DENY)])),
    "managed policy of a role": (
        DEPLOYER,
        lists(
            RoleDetailList=[role("legacy-deployer", AttachedManagedPolicies=attached("limit"))],
            Policies=[managed("limit", DENY)],
        ),
    ),
    "AWS managed policy of a role": (
        DEPLOYER,
        lists(
            RoleDetailList=[
                role(
                    "legacy-deployer",
                    AttachedManagedPolicies=[{"PolicyName": "x", "PolicyArn": "arn:aws:iam::aws:policy/AWSDenyAll"}],
                )
            ]
        ),
    ),
    "managed policy that the code declares": (
        DEPLOYER + block("aws_iam_policy", name="limit", policy=document(DENY)).replace('"this"', '"limit"'),
        lists(
            RoleDetailList=[role("legacy-deployer", AttachedManagedPolicies=attached("limit"))],
            Policies=[managed("limit", START)],
        ),
    ),
    "boundary of a role": (
        DEPLOYER,
        lists(
            RoleDetailList=[
                role("legacy-deployer", PermissionsBoundary={"PermissionsBoundaryArn": arn("policy", "limit")})
            ],
            Policies=[managed("limit", START)],
        ),
    ),
    "generated name": (generated(ANY_ROLE), lists(RoleDetailList=[role("app-Deployer-1A2B3C4D5E6F", DENY)])),
    "tags of a stack": (generated(ANY_ROLE), lists(RoleDetailList=[role("x", DENY, Tags=TAGS)])),
    "group of a user": (
        VARIABLES + DEPLOYER_USER,
        lists(
            UserDetailList=[user("legacy-deployer", GroupList=["limited"])],
            GroupDetailList=[
                {"GroupName": "limited", "Path": "/", "Arn": arn("group", "limited"), "GroupPolicyList": inline(DENY)}
            ],
        ),
    ),
    "group of the code": (
        VARIABLES
        + block("aws_iam_group", name="${var.team}-limited")
        + 'resource "aws_iam_group_policy" "p" {\n  group = aws_iam_group.this.name\n'
        + f"  policy = jsonencode({json.dumps(document(DENY))})\n}}\n"
        + 'resource "aws_iam_user_policy" "p" {\n  user = "ann"\n'
        + f"  policy = jsonencode({json.dumps(document(ANY_ROLE))})\n}}\n",
        lists(
            UserDetailList=[user("ann", GroupList=["legacy-limited"])],
            GroupDetailList=[{"GroupName": "legacy-limited", "Path": "/", "Arn": arn("group", "legacy-limited")}],
        ),
    ),
    "policy of the code": (
        VARIABLES + GUARD + role_policy("p", '"ci"', ANY_ROLE),
        lists(
            RoleDetailList=[role("ci", AttachedManagedPolicies=attached("legacy-guard"))],
            Policies=[managed("legacy-guard", START)],
        ),
    ),
    "principal of a policy of the code": (
        VARIABLES + block("aws_iam_policy", name="${var.team}-deploy", policy=document(ANY_ROLE)),
        lists(
            RoleDetailList=[role("ci", DENY, AttachedManagedPolicies=attached("legacy-deploy"))],
            Policies=[managed("legacy-deploy", START)],
        ),
    ),
    "boundary of the code": (
        VARIABLES
        + GUARD.replace('"Deny"', '"Allow"').replace("iam:PassRole", "s3:GetObject")
        + block("aws_iam_role", name="ci", assume_role_policy=document()).replace(
            "}\n", f'  permissions_boundary = "{arn("policy", "legacy-guard")}"\n}}\n'
        )
        + role_policy("p", "aws_iam_role.this.id", ANY_ROLE),
        lists(Policies=[managed("legacy-guard", EVERYTHING)]),
    ),
    "document of the code": (
        VARIABLES
        + GUARD.replace('"this"', '"guard"').replace('"Deny"', '"Allow"').replace("iam:PassRole", "s3:GetObject")
        + LOOKED_UP % ("name", "legacy-guard")
        + block("aws_iam_user_policy", user="ann").replace("}\n", "  policy = data.aws_iam_policy.d.policy\n}\n"),
        lists(Policies=[managed("legacy-guard", ANY_ROLE)]),
    ),
    "trust policy of a role": (
        VARIABLES
        + block(
            "aws_iam_role",
            name="${var.team}-deployer",
            assume_role_policy=document(
                {"Effect": "Allow", "Principal": {"Service": "kafka.amazonaws.com"}, "Action": "sts:AssumeRole"}
            ),
        )
        + PASSES_LEGACY,
        lists(RoleDetailList=[role("legacy-deployer", AssumeRolePolicyDocument=document(
            {"Effect": "Allow", "Principal": {"Service": [LAMBDA, "ec2.amazonaws.com"]}, "Action": "sts:AssumeRole"}
        ))]),
    ),
    "administrator": (
        VARIABLES
        + block("aws_iam_role", name="${var.team}-deployer", assume_role_policy=document())
        + role_policy("p", "aws_iam_role.this.id", PASS_APPS, START)
        + block("aws_iam_role", name="app-x", assume_role_policy=document(
            {"Effect": "Allow", "Principal": {"Service": LAMBDA}, "Action": "sts:AssumeRole"}
        )).replace('"this"', '"app"')
        + role_policy("app", "aws_iam_role.app.id", EVERYTHING),
        lists(RoleDetailList=[role("legacy-deployer", EVERYTHING)]),
    ),
}  # fmt: skip


@pytest.mark.parametrize(("text", "entities"), GUESSES.values(), ids=GUESSES)
def test_an_inferred_name_takes_nothing_away(
    text: str, entities: dict[str, Any], code: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither a finding nor its severity, in `scan` and the hosts; nor a grant. The note says what is inferred."""
    file = code / ("template.json" if text.startswith("{") else "main.tf")
    file.write_text(text, encoding="utf-8")
    details = account_file(tmp_path / "a.json", **entities)
    before, after = (
        scan_paths([code], ScanOptions(account_details=files, minimum_severity=Severity.INFO))
        for files in ((), (details,))
    )
    assert [note for note in after.not_evaluated if note.kind.value == "inferred_name"]
    severities = {(one.check_id, one.at.line): one.severity for one in after.findings}
    lost = {
        (one.check_id, one.at.line)
        for one in before.findings
        if one.check_id not in ("PASSROLE_012", "PASSROLE_014")
        and one.severity.rank > severities.get((one.check_id, one.at.line), Severity.INFO).rank
    }
    assert not lost and after.findings
    allowed = [one for one in after.grants if one.effect_on_passrole == "allow"]
    assert len(allowed) >= len([one for one in before.grants if one.effect_on_passrole == "allow"]) > 0
    assert not any(one.grant.denied for one in allowed)
    monkeypatch.setenv("PASSROLE_CHECKS_ACCOUNT_DETAILS", str(details))
    for check, line in severities:
        assert line in {one.at.line for one in scan_for_host(str(file)).of(check)}


def test_a_known_name_takes_access_away(code: Path, tmp_path: Path) -> None:
    """With the value of the variable, the role is that of the account, with what its policies deny."""
    text = DEPLOYER.replace('"team" {}', '"team" {\n  default = "legacy"\n}')
    details = account_file(tmp_path / "a.json", RoleDetailList=[role("legacy-deployer", DENY)])
    assert finding(scan(code, text), "001") is not None
    assert finding(scan(code, text, details), "001") is None


NO_PASS = {"Effect": "Deny", "Action": "iam:PassRole", "Resource": "*"}
OWN = 'resource "aws_iam_role" "r" {\n  name = "deployer"\n  assume_role_policy = "{}"\n  ARGUMENT\n}\n'
ALLOW = role_policy("p", '"deployer"', {**PASS_APPS, "Resource": "*"}, name="allow")
OWNERS = {
    "inline": [
        'resource "aws_iam_role_policies_exclusive" "o" {\n  role_name = "deployer"\n  policy_names = LIST\n}\n',
        OWN.replace("ARGUMENT", 'inline_policy {\n    name = "allow"\n    policy = "{}"\n  }'),
        OWN.replace("ARGUMENT", "inline_policy {}"),
    ],
    "managed": [
        'resource "aws_iam_role_policy_attachments_exclusive" "o" {\n  role_name = "deployer"\n'
        "  policy_arns = LIST\n}\n",
        OWN.replace("ARGUMENT", "managed_policy_arns = LIST"),
        f'resource "aws_iam_policy_attachment" "o" {{\n  name = "o"\n  policy_arn = "{arn("policy", "deny")}"\n'
        '  users = ["other"]\n}\n',
    ],
}
IN_ACCOUNT = {
    "inline": {"RolePolicyList": [{"PolicyName": "deny", "PolicyDocument": document(NO_PASS)}]},
    "managed": {"AttachedManagedPolicies": attached("deny")},
}


@pytest.mark.parametrize("listed", ["[]", '["arn:aws:iam::aws:policy/ReadOnlyAccess", "allow"]', "var.unknown"])
@pytest.mark.parametrize(("kind", "owner"), [(kind, owner) for kind, owners in OWNERS.items() for owner in owners])
def test_deny_of_the_account_that_the_code_removes(
    code: Path, tmp_path: Path, kind: str, owner: str, listed: str
) -> None:
    """It takes nothing away, and a note says so; a Deny of the other kind stays, and so does one that is listed."""
    text = ALLOW + 'variable "unknown" {}\n' + owner.replace("LIST", listed)
    results = {}
    for number, (name, held) in enumerate(IN_ACCOUNT.items()):
        details = account_file(
            tmp_path / f"{number}.json", RoleDetailList=[role("deployer", **held)], Policies=[managed("deny", NO_PASS)]
        )
        results[name] = scan(code, text, details)
    for name, result in results.items():
        notes = [note.reason for note in result.not_evaluated if note.kind is NoteKind.LIMIT_NOT_COUNTED]
        assert (finding(result, "001") is not None, len(notes)) == ((True, 1) if name == kind else (False, 0))


@pytest.mark.parametrize(
    ("kind", "owner", "listed"),
    [
        ("inline", OWNERS["inline"][0], '["deny"]'),
        ("managed", OWNERS["managed"][0], f'["{arn("policy", "deny")}"]'),
        ("managed", OWNERS["managed"][1], '["arn:aws:iam::${data.aws_caller_identity.me.account_id}:policy/deny"]'),
        ("managed", OWNERS["managed"][2].replace('users = ["other"]', 'roles = ["deployer"]'), ""),
        ("managed", OWN.replace("ARGUMENT", "managed_policy_arns = null"), ""),
    ],
)
def test_deny_of_the_account_that_the_code_lists(
    code: Path, tmp_path: Path, kind: str, owner: str, listed: str
) -> None:
    """It counts."""
    details = account_file(
        tmp_path / "a.json", RoleDetailList=[role("deployer", **IN_ACCOUNT[kind])], Policies=[managed("deny", NO_PASS)]
    )
    text = ALLOW + 'data "aws_caller_identity" "me" {}\n' + owner.replace("LIST", listed)
    assert finding(scan(code, text, details), "001") is None


def test_aws_managed_deny_that_the_code_removes(code: Path, tmp_path: Path) -> None:
    """AWSDenyAll in the account is detached by an exclusive list without it."""
    deny_all = [{"PolicyName": "AWSDenyAll", "PolicyArn": "arn:aws:iam::aws:policy/AWSDenyAll"}]
    details = account_file(tmp_path / "a.json", RoleDetailList=[role("deployer", AttachedManagedPolicies=deny_all)])
    assert finding(scan(code, ALLOW, details), "001") is None
    assert finding(scan(code, ALLOW + OWNERS["managed"][0].replace("LIST", "[]"), details), "001") is not None
    listed = OWNERS["managed"][0].replace("LIST", '["arn:aws:iam::aws:policy/AWSDenyAll"]')
    assert finding(scan(code, ALLOW + listed, details), "001") is None


@pytest.mark.parametrize("listed", ["allow", "deny"])
def test_attached_deny_of_the_account_that_the_code_fights_over(code: Path, tmp_path: Path, listed: str) -> None:
    """One resource attaches it, and another one detaches what it does not list: it does not count, with a note."""
    arns = f'managed_policy_arns = ["{arn("policy", listed)}"]'
    attachment = block("aws_iam_role_policy_attachment", role="deployer", policy_arn=arn("policy", "deny"))
    details = account_file(tmp_path / "a.json", Policies=[managed("deny", NO_PASS), managed("allow", START)])
    result = scan(code, ALLOW + OWN.replace("ARGUMENT", arns) + attachment, details)
    notes = [note for note in result.not_evaluated if note.kind is NoteKind.LIMIT_NOT_COUNTED]
    assert (finding(result, "001") is not None, len(notes)) == ((True, 1) if listed == "allow" else (False, 0))
