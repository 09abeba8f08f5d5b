"""PASSROLE_009: whose roles can do more than their passers, and how much that is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from principals_of_tests import allow, configuration, deny, document, findings, to, trust

from passrole_checks.findings import Confidence, Finding, Severity
from passrole_checks.scan.scanner import ScanOptions, scan_configurations
from passrole_checks.sources import terraform

ID = "PASSROLE_009"
WORKER = "arn:aws:iam::111122223333:role/worker"
PASS = allow("iam:PassRole", WORKER, to("lambda.amazonaws.com"))
LAMBDA = trust("lambda.amazonaws.com")


@pytest.mark.parametrize(
    ("statement", "severity", "words"),
    [
        (allow("*"), Severity.HIGH, "additional permissions: *)."),
        (allow("iam:*"), Severity.HIGH, "additional permissions: iam:*)."),
        (allow("sts:AssumeRole"), Severity.HIGH, "additional permissions: sts:AssumeRole)."),
        (
            allow("sts:AssumeRole", "arn:aws:iam::111122223333:role/other"),
            Severity.LOW,
            "additional permissions: sts:AssumeRole on ",
        ),
        (
            allow("iam:PassRole", "arn:aws:iam::111122223333:role/other"),
            Severity.LOW,
            "additional permissions: iam:PassRole on ",
        ),
        (allow("iam:PassRole"), Severity.MEDIUM, "additional permissions: iam:PassRole)."),
        (allow("dynamodb:*"), Severity.MEDIUM, "additional permissions: dynamodb:*)."),
        (allow("ssm:GetParameters"), Severity.LOW, "additional permissions: ssm:GetParameters)."),
        (allow("ssm:Get*"), Severity.MEDIUM, "additional permissions: ssm:Get*)."),
        (
            allow("secretsmanager:GetSecretValue"),
            Severity.MEDIUM,
            "additional permissions: secretsmanager:GetSecretValue).",
        ),
        (
            allow("s3:GetObject", "arn:aws:s3:::*"),
            Severity.MEDIUM,
            "additional permissions: s3:GetObject on arn:aws:s3:::*).",
        ),
        (
            allow("s3:*", "arn:aws:s3:::releases/*"),
            Severity.LOW,
            "additional permissions: s3:* on arn:aws:s3:::releases/*).",
        ),
        (allow("sns:Publish"), Severity.LOW, "additional permissions: sns:Publish)."),
        (
            allow("sns:Publish", "arn:aws:sns:eu-west-1:111122223333:orders"),
            Severity.INFO,
            "additional permissions: sns:Publish on ",
        ),
    ],
)
def test_severity_follows_the_additional_permissions(
    statement: dict[str, object], severity: Severity, words: str
) -> None:
    """Permissions management is high, account-wide wildcards medium, limited access low, named resources info."""
    (found,) = findings(ID, [[PASS]], roles={"worker": (LAMBDA, [statement])})
    assert found.severity is severity and found.confidence is Confidence.HIGH
    assert found.details.who == ("deployer",) and "worker" in found.message
    assert words in found.message


@pytest.mark.parametrize(
    "statement",
    [
        allow(["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents", "xray:PutTraceSegments"]),
        allow("s3:GetObject", "arn:aws:s3:::releases/*"),
        allow(["ec2:Describe*", "s3:ListAllMyBuckets"]),
    ],
)
def test_what_counts_for_nothing(statement: dict[str, object]) -> None:
    """A workload's own logs and traces, reading what is named, and reading no data are no excess."""
    assert findings(ID, [[PASS]], roles={"worker": (LAMBDA, [statement])}) == []


def test_what_the_principal_has_is_no_excess() -> None:
    """Wildcards of the principal cover what the role has, and a Deny of the principal uncovers it."""
    roles = {"worker": (LAMBDA, [allow(["s3:GetObject", "s3:PutObject"])])}
    assert findings(ID, [[PASS], [allow("s3:*")]], roles=roles) == []
    (found,) = findings(ID, [[PASS], [allow("s3:*"), deny("s3:PutObject")]], roles=roles)
    assert "s3:PutObject" in found.message


def test_what_privilege_escalation_says_is_not_said_again() -> None:
    """Where the principal can start what acts as the role, 008 names the role, and 009 is only said without it."""
    policies = [[PASS], [allow(["lambda:CreateFunction", "lambda:InvokeFunction"])]]
    known = configuration(policies, roles={"worker": (LAMBDA, [allow("iam:CreateAccessKey")])})
    both = scan_configurations([known], ScanOptions()).findings
    assert [(found.check_id, found.severity) for found in both] == [("PASSROLE_008", Severity.HIGH)]
    alone = scan_configurations([known], ScanOptions(skip_checks=frozenset({"PASSROLE_008"}))).findings
    assert [(found.check_id, found.severity) for found in alone] == [(ID, Severity.HIGH)]


def test_administrators_are_not_flagged() -> None:
    """An administrator passes no more privileged role, and neither does a role that passes itself."""
    roles = {"worker": (LAMBDA, [allow("*")])}
    assert findings(ID, [[PASS], [allow("*")]], roles=roles) == []
    assert findings(ID, [[PASS]], roles=roles, holder="worker") == []
    assert findings(ID, [[PASS]], roles=roles, managed=["AdministratorAccess"]) == []


def test_only_roles_that_can_be_passed_count() -> None:
    """A role that trusts another service, or nobody but accounts, and one that a Deny leaves out are not passed."""
    everything = [allow("*")]
    account = document({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "111122223333"}})
    for trusted in (trust("ec2.amazonaws.com"), account):
        assert findings(ID, [[PASS]], roles={"worker": (trusted, everything)}) == []
    roles = {"worker": (LAMBDA, everything)}
    assert findings(ID, [[PASS], [deny("iam:PassRole", WORKER)]], roles=roles) == []
    assert findings(ID, [[PASS]], roles=roles, boundary=[allow("iam:PassRole", "*", to("ec2.amazonaws.com"))]) == []


def test_roles_within_a_pattern_are_found() -> None:
    """A pattern reaches the roles whose names fit it, in the account that it names."""
    roles = {"app-a": (LAMBDA, [allow("*")]), "app-b": (LAMBDA, [allow("s3:*")]), "other": (LAMBDA, [allow("*")])}
    passes = allow("iam:PassRole", "arn:aws:iam::111122223333:role/app-*", to("lambda.amazonaws.com"))
    (found,) = findings(ID, [[passes]], roles=roles)
    assert "app-a (additional permissions: *); app-b (additional permissions: s3:*)." in found.message
    assert findings(ID, [[passes]], roles=roles, account="999999999999") == []


def test_what_is_not_known_of_the_principal() -> None:
    """Where something is attached to the principal that is not known, the finding is of low confidence and says so."""
    (found,) = findings(ID, [[PASS]], roles={"worker": (LAMBDA, [allow("*")])}, managed=["NobodyKnowsThis"])
    assert found.confidence is Confidence.LOW
    assert "arn:aws:iam::aws:policy/NobodyKnowsThis" in found.message


def test_a_policy_of_the_role_may_be_aws_managed() -> None:
    """Permissions from an AWS managed policy of the role count."""
    (found,) = findings(ID, [[PASS], [allow("lambda:*")]], roles={"worker": (LAMBDA, [allow("iam:PutUserPolicy")])})
    assert "iam:PutUserPolicy" in found.message


def test_unattached_policy_is_one_severity_lower() -> None:
    """An unattached policy, with other permissions unknown, is one severity lower, at low confidence."""

    def said(statement: dict[str, object]) -> list[tuple[Severity, Confidence]]:
        whole = configuration([[PASS]], roles={"worker": (LAMBDA, [statement])})
        alone = tuple(replace(item, principals=()) if item.path == "policy" else item for item in whole.policies)
        options = ScanOptions(checks=frozenset({ID}), minimum_severity=Severity.INFO)
        found = scan_configurations([replace(whole, policies=alone)], options).findings
        assert all(item.details.who == ("",) for item in found)
        return [(item.severity, item.confidence) for item in found]

    assert said(allow("*")) == [(Severity.MEDIUM, Confidence.LOW)]
    assert said(allow("dynamodb:*")) == [(Severity.INFO, Confidence.LOW)]


@pytest.mark.parametrize("check", [ID, "PASSROLE_008"])
def test_passing_role_that_only_a_service_can_assume_is_low(check: str) -> None:
    """Severity is at most low if only a service that never runs caller code can assume the passing role."""

    def said(trusted: object) -> list[tuple[Severity, bool]]:
        roles = {"passer": (trusted, [allow(["lambda:*"])]), "worker": (LAMBDA, [allow("*")])}
        found = findings(check, [[PASS]], holder="passer", roles=roles)
        return [(item.severity, "Only backup.amazonaws.com can use this" in item.message) for item in found]

    assert said(trust("backup.amazonaws.com")) == [(Severity.LOW, True)]
    assert said(trust("backup.amazonaws.com", "ec2.amazonaws.com")) == [(Severity.HIGH, False)]
    accounts = document({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {
        "AWS": "arn:aws:iam::111122223333:root", "Service": "backup.amazonaws.com"}})  # fmt: skip
    assert said(accounts) == [(Severity.HIGH, False)]


@pytest.mark.parametrize("pattern", ["iam:PassRole", "iam:Pass*", "IAM:PASSR?LE"])
def test_other_words_for_pass_role_are_no_excess(pattern: str) -> None:
    """A pattern that takes PassRole and no other action of IAM lets a role do no more than PassRole by its name."""
    passes = allow("iam:PassRole", "*", to("lambda.amazonaws.com"))
    worker = [allow(pattern, "*", to("lambda.amazonaws.com"))]
    assert not findings(ID, [[passes]], roles={"worker": (LAMBDA, worker)})
    assert findings(ID, [[passes]], roles={"worker": (LAMBDA, [allow("iam:P*")])})


@pytest.mark.parametrize(
    ("resource", "severity", "confidence", "words"),
    [
        ("aws_kms_key.k.arn", Severity.INFO, Confidence.HIGH, "kms:Decrypt on ${aws_kms_key.k.arn}."),
        ('"${aws_kms_key.k.arn}/x"', Severity.INFO, Confidence.HIGH, "kms:Decrypt on ${aws_kms_key.k.arn}/x."),
        ('"${var.key}/x"', Severity.INFO, Confidence.HIGH, "kms:Decrypt on ${var.key}/x."),
        ("var.key", Severity.MEDIUM, Confidence.LOW, "kms:Decrypt on ${var.key}."),
        ('"*"', Severity.MEDIUM, Confidence.HIGH, "kms:Decrypt."),
    ],
)
def test_reference_is_one_resource(
    tmp_path: Path, resource: str, severity: Severity, confidence: Confidence, words: str
) -> None:
    """A resource reference is the ARN of one resource, not a wildcard; a variable is unknown."""
    (found,) = in_terraform(tmp_path, f'{{ Effect = "Allow", Action = "kms:Decrypt", Resource = {resource} }}')
    assert (found.severity, found.confidence) == (severity, confidence)
    assert f"additional permissions: {words[:-1]})" in found.message


def test_unknown_boundary_does_not_change_the_resources(tmp_path: Path) -> None:
    """Under an unknown permissions boundary of the role, the resources are still those of its policies."""
    statement = '{ Effect = "Allow", Action = "ec2:TerminateInstances", Resource = "*" }'
    (found,) = in_terraform(tmp_path, statement, "permissions_boundary = var.key")
    assert found.confidence is Confidence.LOW
    assert "(additional permissions: ec2:TerminateInstances)" in found.message


def in_terraform(folder: Path, statement: str, more: str = "") -> tuple[Finding, ...]:
    """The findings about who may pass a role with a statement."""
    trusted = '{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "lambda.amazonaws.com" } }'
    (folder / "main.tf").write_text(f"""
variable "key" {{}}
resource "aws_kms_key" "k" {{}}
resource "aws_iam_role" "worker" {{
  name               = "worker"
  assume_role_policy = jsonencode({{ Statement = [{trusted}] }})
  {more}
}}
resource "aws_iam_role_policy" "worker" {{
  role   = aws_iam_role.worker.id
  policy = jsonencode({{ Statement = [{statement}] }})
}}
resource "aws_iam_user_policy" "joe" {{
  user   = "joe"
  policy = jsonencode({{ Statement = [{{ Effect = "Allow", Action = "iam:PassRole", Resource = "*" }}] }})
}}
""")
    options = ScanOptions(checks=frozenset({ID}), minimum_severity=Severity.INFO)
    return scan_configurations([terraform.load(folder)], options).findings


@pytest.mark.parametrize(
    ("left_out", "severity", "words"),
    [
        (["iam:*"], Severity.HIGH, "everything (except iam:*))."),
        (["iam:*", "sts:*", "organizations:*", "sso:*"], Severity.MEDIUM,
         "everything (except iam:*, sts:*, organizations:* and 1 more))."),
    ],
)  # fmt: skip
def test_what_a_not_action_leaves_out_is_said(left_out: list[str], severity: Severity, words: str) -> None:
    """A role with all actions but some can do everything but these, and what is left out makes it no stronger."""
    statement = {"Effect": "Allow", "NotAction": left_out, "Resource": "*"}
    (found,) = findings(ID, [[PASS]], roles={"worker": (LAMBDA, [statement])})
    assert (found.severity, words in found.message) == (severity, True)


def test_role_that_may_do_everything_is_named_first() -> None:
    """Of roles that are equally severe the one that may do everything is the first, whatever else it is allowed."""
    roles = {
        "app-a": (LAMBDA, [allow("iam:AttachUserPolicy")]),
        "app-z": (LAMBDA, [allow(["iam:AttachUserPolicy", "*", "s3:*"])]),
    }
    grant = allow("iam:PassRole", "arn:aws:iam::111122223333:role/app-*", to("lambda.amazonaws.com"))
    (found,) = findings(ID, [[grant]], roles=roles)
    assert found.message.index("app-z (additional permissions: *)") < found.message.index("app-a")
