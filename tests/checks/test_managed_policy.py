"""PASSROLE_013: AWS managed policies that are attached."""

from __future__ import annotations

from pathlib import Path

import pytest
from principals_of_tests import allow, configuration, deny, document, findings, to, trust

from passrole_checks.findings import Severity
from passrole_checks.scan.scanner import ScanOptions, scan_configurations
from passrole_checks.sources import cloudformation

ID = "PASSROLE_013"


@pytest.mark.parametrize(
    ("name", "severity", "words"),
    [
        ("AdministratorAccess", Severity.HIGH, "to any service: granted by AWS managed policy AdministratorAccess"),
        ("IAMFullAccess", Severity.HIGH, '`Action: "iam:*"`'),
        ("AWSLambda_FullAccess", Severity.MEDIUM, "to lambda.amazonaws.com only"),
        ("AmazonDynamoDBFullAccess", Severity.LOW, "The services that can receive the roles never run caller code."),
        ("AmazonMSKFullAccess", Severity.LOW, "to kafka.amazonaws.com only"),
        ("AmazonESCognitoAccess", Severity.MEDIUM, "to cognito-identity.amazonaws.com, "),
    ],
)
def test_any_role(name: str, severity: Severity, words: str) -> None:
    """A policy that lets any role be passed is flagged where it is attached, medium where it names the service, and low
    where that runs nothing of its callers'."""
    (found,) = findings(ID, [], managed=[name])
    assert found.severity is severity and words in found.message
    assert found.at.line == 50 and found.statement_path == "policy_arn" and found.managed == name
    assert found.principals == ("deployer",) and found.message.startswith("deployer can pass any role in the account")


@pytest.mark.parametrize(
    "name", ["ReadOnlyAccess", "PowerUserAccess", "AmazonEC2FullAccess", "AWSGlueConsoleFullAccess"]
)
def test_no_role_or_few_roles(name: str) -> None:
    """Policies that do not grant PassRole, or limit it to roles with a prefix, are silent."""
    assert findings(ID, [], managed=[name]) == []


BATCH = trust("batch.amazonaws.com")
OUR_BATCH = document(
    {"Effect": "Allow", "Action": "sts:AssumeRole",
     "Principal": {"Service": "batch.amazonaws.com", "AWS": "arn:aws:iam::111122223333:root"}}
)  # fmt: skip


@pytest.mark.parametrize(
    ("name", "trusted", "severity"),
    [
        ("service-role/AWSBatchServiceRole", BATCH, Severity.INFO),
        ("AmazonEKSComputePolicy", trust("eks.amazonaws.com"), Severity.INFO),
        ("AmazonEKSComputePolicy", trust("pods.eks.amazonaws.com"), Severity.MEDIUM),
        ("AdministratorAccess", trust("capabilities.eks.amazonaws.com"), Severity.HIGH),
        ("service-role/AmazonElasticMapReduceRole", trust("elasticmapreduce.amazonaws.com"), Severity.LOW),
        ("service-role/AWSBatchServiceRole", OUR_BATCH, Severity.MEDIUM),
        ("service-role/AWSBatchServiceRole", trust("batch.amazonaws.com", "lambda.amazonaws.com"), Severity.MEDIUM),
        ("service-role/AmazonElasticMapReduceRole", trust("ec2.amazonaws.com"), Severity.HIGH),
    ],
)
def test_role_that_only_a_service_can_assume(name: str, trusted: object, severity: Severity) -> None:
    """If only a service that never runs caller code can assume the role, it is low, or info with a condition."""
    (found,) = findings(ID, [], managed=[name], holder="worker", roles={"worker": (trusted, [])})
    assert found.severity is severity
    said = "can use this, and it never runs caller code." in found.message
    assert said == (severity.rank <= Severity.LOW.rank)


def test_what_is_taken_away_is_silent() -> None:
    """A Deny in another policy, or a permissions boundary, takes PassRole away, unless its holder can remove it."""
    assert findings(ID, [[deny("iam:*")]], managed=["AdministratorAccess"]) == []
    (removable,) = findings(ID, [[deny("iam:PassRole")]], managed=["AdministratorAccess"])
    assert removable.severity is Severity.LOW and "`iam:DeleteRolePolicy`" in removable.message
    assert findings(ID, [], managed=["AdministratorAccess"], boundary=[allow("s3:*")]) == []
    role = "arn:aws:iam::111122223333:role/app-*"
    limited = [allow("iam:PassRole", role, to("lambda.amazonaws.com"))]
    assert findings(ID, [], managed=["AdministratorAccess"], boundary=limited) == []


def test_one_policy_is_one_finding() -> None:
    """A policy with several such statements is one finding of each severity, and each attachment one of its own."""
    found = findings(ID, [], managed=["AWSLambda_FullAccess", "AdministratorAccess", "AdministratorAccess-Amplify"])
    assert len(found) == len({(item.managed, item.severity) for item in found})
    assert {item.managed for item in found} >= {"AWSLambda_FullAccess", "AdministratorAccess"}


def test_only_013_speaks_of_a_managed_policy() -> None:
    """The other checks are about policies that one can change: of an AWS managed one only 013 speaks."""
    result = scan_configurations([configuration([], managed=["AdministratorAccess"])], ScanOptions())
    assert [item.check_id for item in result.findings] == [ID]


def test_a_policy_that_is_not_known_is_named_once() -> None:
    """A managed policy that stands neither here nor among those of AWS that are known is a note, and no finding."""
    result = scan_configurations(
        [configuration([[allow("s3:GetObject")]], managed=["NobodyKnowsThis"] * 2)], ScanOptions()
    )
    assert result.findings == ()
    (note,) = result.not_evaluated
    assert note.line == 50 and "NobodyKnowsThis, attached to deployer" in note.reason


@pytest.mark.parametrize("attached", ["[!Ref P]", "!Split [',', !Ref P]"])
def test_a_default_is_named(attached: str) -> None:
    """A managed policy that only the default of a parameter attaches is attached by default."""
    body = (
        "Parameters: {P: {Type: String, Default: 'arn:aws:iam::aws:policy/IAMFullAccess'}}\n"
        f"Resources:\n  R:\n    Type: AWS::IAM::Role\n    Properties: {{ManagedPolicyArns: {attached}}}\n"
    )
    (found,) = scan_configurations([cloudformation.load(Path("t.yaml"), body)], ScanOptions()).findings
    assert found.check_id == ID and found.message.endswith("Using the default of `P`.")
