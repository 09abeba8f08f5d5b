"""PASSROLE_011, and what other checks take from trust policies and from what receives a role."""

from __future__ import annotations

from pathlib import Path

import pytest
from principals_of_tests import allow, document, findings, to, trust

from passrole_checks.findings import Confidence, Severity
from passrole_checks.scan.scanner import ScanOptions, scan_paths

ID = "PASSROLE_011"
WORKER = "arn:aws:iam::111122223333:role/worker"
BATCH = "arn:aws:iam::111122223333:role/batch"


@pytest.mark.parametrize(
    ("trusted", "passed_to"),
    [
        ("ec2.amazonaws.com", "lambda.amazonaws.com"),
        ("ecs.amazonaws.com", "lambda.amazonaws.com"),
        ("events.amazonaws.com", "scheduler.amazonaws.com"),
    ],
)
def test_a_role_that_trusts_another_service(trusted: str, passed_to: str) -> None:
    """A role that can only be passed to a service that it does not trust is flagged, with both services."""
    (found,) = findings(ID, [[allow("iam:PassRole", WORKER, to(passed_to))]], roles={"worker": (trust(trusted), [])})
    assert found.severity is Severity.MEDIUM
    assert found.message.startswith(f"worker can be passed only to {passed_to}, but trusts {trusted}: ")


@pytest.mark.parametrize(
    ("trusted", "passed_to"),
    [
        ("lambda.amazonaws.com", "lambda.amazonaws.com"),
        ("credentials.iot.amazonaws.com", "iot.amazonaws.com"),  # passed by one name, assumed by another
        ("tasks.apprunner.amazonaws.com", "apprunner.amazonaws.com"),
        ("monitoring.rds.amazonaws.com", "rds.amazonaws.com"),
        ("logs.eu-west-1.amazonaws.com", "logs.amazonaws.com"),
        ("ec2.amazonaws.com.cn", "ec2.amazonaws.com"),
    ],
)
def test_names_of_one_service(trusted: str, passed_to: str) -> None:
    """A service may be passed a role by another name than it assumes it: that is no mismatch."""
    assert findings(ID, [[allow("iam:PassRole", WORKER, to(passed_to))]], roles={"worker": (trust(trusted), [])}) == []


def test_a_role_that_passes_itself_in_vain() -> None:
    """A role that may only pass itself, to a service that it does not trust, is low: nobody waits for it."""
    one = allow("iam:PassRole", WORKER, to("cognito-identity.amazonaws.com"))
    roles = {"worker": (trust("es.amazonaws.com"), [])}
    (found,) = findings(ID, [[one]], roles=roles, holder="worker")
    assert found.severity is Severity.LOW and found.message.endswith(": the statement does nothing.")
    (found,) = findings(ID, [[one]], roles=roles)
    assert found.severity is Severity.MEDIUM and found.confidence is Confidence.HIGH


def test_a_service_of_which_little_is_known() -> None:
    """Of a service of which it is not known who assumes the roles that it is passed, it is low, at low confidence."""
    one = allow("iam:PassRole", WORKER, to("nobody-knows.amazonaws.com"))
    (found,) = findings(ID, [[one]], roles={"worker": (trust("ec2.amazonaws.com"), [])})
    assert (found.severity, found.confidence) == (Severity.LOW, Confidence.LOW)


def test_a_name_with_the_same_unknown_is_the_same_name(tmp_path: Path) -> None:
    """A role whose name is made of a variable is the one that a Resource names by the same variable; with another one,
    with one that changes for each instance, or with a wildcard it is not."""

    def said(name: str, resource: str) -> int:
        (tmp_path / "main.tf").write_text(
            TERRAFORM.replace("NAME", name).replace("RESOURCE", resource), encoding="utf-8"
        )
        return len([item for item in scan_paths([tmp_path], ScanOptions()).findings if item.check_id == ID])

    assert said("app-${var.stage}", "app-${var.stage}") == 1
    assert said("app-${var.stage}", "app-${var.other}") == 0
    assert said("app-${var.stage}", "app-${var.stage}*") == 0
    assert said("app-${uuid()}", "app-${uuid()}") == 0


TERRAFORM = """\
variable "stage" {}
variable "other" {}
resource "aws_iam_role" "worker" {
  name               = "NAME"
  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "ec2.amazonaws.com" } }]
  })
}
resource "aws_iam_user_policy" "deploy" {
  user   = "deployer"
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "iam:PassRole"
      Resource  = "arn:aws:iam::111122223333:role/RESOURCE"
      Condition = { StringEquals = { "iam:PassedToService" = "lambda.amazonaws.com" } }
    }]
  })
}
"""


def test_one_fitting_role_or_service_is_enough() -> None:
    """As long as one role in scope trusts one service that the condition allows, the statement is of use."""
    passes = allow("iam:PassRole", [WORKER, BATCH], to("lambda.amazonaws.com", "states.amazonaws.com"))
    fitting = {"worker": (trust("ec2.amazonaws.com"), []), "batch": (trust("states.amazonaws.com"), [])}
    assert findings(ID, [[passes]], roles=fitting) == []
    none = {"worker": (trust("ec2.amazonaws.com"), []), "batch": (trust("glue.amazonaws.com"), [])}
    (found,) = findings(ID, [[passes]], roles=none)
    assert "but they trust only ec2.amazonaws.com, glue.amazonaws.com" in found.message


def test_what_cannot_be_told_is_no_mismatch() -> None:
    """Unknown roles, unknown trust, no condition, or a request without the key: nothing is said."""
    one = allow("iam:PassRole", WORKER, to("lambda.amazonaws.com"))
    other = trust("ec2.amazonaws.com")
    assert findings(ID, [[one]]) == []
    everybody = document({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": "*"})
    assert findings(ID, [[one]], roles={"worker": (everybody, [])}) == []
    assert findings(ID, [[allow("iam:PassRole", WORKER)]], roles={"worker": (other, [])}) == []
    perhaps = {"StringEqualsIfExists": {"iam:PassedToService": "lambda.amazonaws.com"}}
    assert findings(ID, [[allow("iam:PassRole", WORKER, perhaps)]], roles={"worker": (other, [])}) == []
    assert findings(ID, [[one]], roles={"worker": (other, [])}, account="999999999999") == []


def test_accounts_and_identity_providers_are_no_services() -> None:
    """A role that only accounts may assume is of no use to a service; one of an identity provider is to those that
    work with such roles."""
    accounts = document({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "111122223333"}})
    provider = document({"Effect": "Allow", "Action": "sts:AssumeRoleWithWebIdentity",
                         "Principal": {"Federated": "cognito-identity.amazonaws.com"}})  # fmt: skip
    lambda_ = allow("iam:PassRole", WORKER, to("lambda.amazonaws.com"))
    (found,) = findings(ID, [[lambda_]], roles={"worker": (accounts, [])})
    assert "trusts no service at all" in found.message
    cognito = allow("iam:PassRole", WORKER, to("cognito-identity.amazonaws.com"))
    assert findings(ID, [[cognito]], roles={"worker": (provider, [])}) == []
    assert len(findings(ID, [[lambda_]], roles={"worker": (provider, [])})) == 1


TEMPLATE = """\
Parameters:
  Service: {Type: String}
Resources:
  Worker:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Statement: {Effect: Allow, Action: sts:AssumeRole, Principal: {Service: [TRUSTED]}}
  Function:
    Type: AWS::Lambda::Function
    Properties: {Code: {ZipFile: x}, Role: !GetAtt Worker.Arn}
  Deploy:
    Type: AWS::IAM::ManagedPolicy
    Properties:
      PolicyDocument:
        Version: "2012-10-17"
        Statement:
          Effect: Allow
          Action: [iam:PassRole]
          Resource: !GetAtt Worker.Arn
"""
BOTH = "ec2.amazonaws.com, lambda.amazonaws.com"


def remedies(folder: Path, template: str, check_id: str) -> list[str]:
    (folder / "template.yaml").write_text(template, encoding="utf-8")
    return [item.remediation for item in scan_paths([folder], ScanOptions()).findings if item.check_id == check_id]


def test_the_remedy_of_002_names_the_service_that_receives_the_role(tmp_path: Path) -> None:
    """Where a resource is given the role, its service is the one to write, whatever else the role trusts."""
    (said,) = remedies(tmp_path, TEMPLATE.replace("TRUSTED", BOTH), "PASSROLE_002")
    assert said == 'Add "Condition": {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}}.'


def test_the_remedy_of_002_names_the_services_that_the_role_trusts(tmp_path: Path) -> None:
    """Where nothing here is given the role, its trust policy says what to write."""
    template = TEMPLATE.replace("TRUSTED", BOTH).replace("Role: !GetAtt Worker.Arn", "Handler: a.b")
    (said,) = remedies(tmp_path, template, "PASSROLE_002")
    assert '{"iam:PassedToService": ["ec2.amazonaws.com", "lambda.amazonaws.com"]}' in said


def test_the_remedy_of_014_names_the_service(tmp_path: Path) -> None:
    """Where it is the service that is not known, the one that receives the role is named."""
    condition = "          Condition: {StringEquals: {'iam:PassedToService': !Ref Service}}\n"
    (said,) = remedies(tmp_path, TEMPLATE.replace("TRUSTED", BOTH) + condition, "PASSROLE_014")
    assert said.startswith('Write "Condition": {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}}, or ')


def test_002_of_service_linked_roles_is_information() -> None:
    """A service-linked role can be assumed by its own service only, so that no condition has to say which."""
    linked = "arn:aws:iam::*:role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS*"
    (found,) = findings("PASSROLE_002", [[allow("iam:PassRole", linked)]])
    assert found.severity is Severity.INFO
    assert "As service-linked roles they can be assumed by ecs.amazonaws.com only." in found.message
    assert '{"iam:PassedToService": "ecs.amazonaws.com"}' in found.remediation
    (found,) = findings("PASSROLE_002", [[allow("iam:PassRole", linked.replace("ECS*", "ECS"))]])
    assert "As a service-linked role it can be assumed by ecs.amazonaws.com only." in found.message
    (found,) = findings("PASSROLE_002", [[allow("iam:PassRole", [linked, "arn:aws:iam::*:role/app-*"])]])
    assert found.severity is Severity.MEDIUM


@pytest.mark.parametrize(
    ("services", "written"),
    [
        ("ec2.amazonaws.com", 'Write "StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}.'),
        ("acm.amazonaws.com", '"acm.amazonaws.com"}, unless `acm.amazonaws.com` does not send the key.'),
        (["ec2.amazonaws.com", "ec2.amazonaws.com.cn"], '["ec2.amazonaws.com", "ec2.amazonaws.com.cn"]}.'),
        ("ec2.amazonaws.com*", '"SERVICE.amazonaws.com"}'),
    ],
)
def test_remedy_of_003_keeps_the_named_services(services: str | list[str], written: str) -> None:
    """If the condition names services and also allows requests without the key, the remedy repeats these services."""
    condition = {"StringLikeIfExists": {"iam:PassedToService": services}}
    (found,) = findings("PASSROLE_003", [[allow("iam:PassRole", "arn:aws:iam::*:role/app-a", condition)]])
    assert written in found.remediation


@pytest.mark.parametrize(
    ("condition", "flagged"),
    [
        ({"StringLikeIfExists": {"iam:PassedToService": "ec2.*"}}, True),
        ({"ForAllValues:StringLike": {"iam:PassedToService": "ec2.*"}}, True),
        ({"StringLikeIfExists": {"iam:PassedToService": "ec2.*"}, "Null": {"iam:PassedToService": "false"}}, False),
        ({"StringLike": {"iam:PassedToService": "ec2.*"}}, False),
    ],
)
def test_003_of_patterns_that_let_a_request_without_the_key_through(
    condition: dict[str, object], flagged: bool
) -> None:
    """Also where the services are named by a pattern, a request without the key passes under IfExists and ForAllValues,
    unless another operator or a Deny asks for the key."""
    grant = allow("iam:PassRole", "arn:aws:iam::*:role/app-a", condition)
    assert bool(findings("PASSROLE_003", [[grant]])) is flagged
    keyless = {"Null": {"iam:PassedToService": "true"}}
    denied = {"Effect": "Deny", "Action": "iam:PassRole", "Resource": "*", "Condition": keyless}
    assert not findings("PASSROLE_003", [[grant, denied]])


@pytest.mark.parametrize(
    ("trusted", "received"),
    [
        ("credentials.iot.amazonaws.com", "iot.amazonaws.com"),
        ("tasks.apprunner.amazonaws.com", "bullet.amazonaws.com"),
        ("build.apprunner.amazonaws.com", "apprunner.amazonaws.com"),
        ("credentials.deadline.amazonaws.com", "deadline.amazonaws.com"),
        ("airflow-env.amazonaws.com", "airflow.amazonaws.com"),
        ("application.qbusiness.amazonaws.com", "qbusiness.amazonaws.com"),
    ],
)
def test_a_condition_that_names_the_trusted_principal_is_reported(trusted: str, received: str) -> None:
    """No page says that requests carry the principal that assumes the role, so the grant is neither dead nor surely
    limited."""
    role = {"worker": (trust(trusted), [])}

    def flagged(*services: str, operator: str = "StringEquals") -> list[tuple[Severity, Confidence]]:
        condition = {operator: {"iam:PassedToService": list(services)}}
        found = findings("PASSROLE_003", [[allow("iam:PassRole", WORKER, condition)]], roles=role)
        assert all(f"`{received}`" in one.message for one in found if one.confidence is Confidence.LOW)
        return [(one.severity, one.confidence) for one in found]

    assert flagged(trusted) == flagged(trusted, "lambda.amazonaws.com") == [(Severity.LOW, Confidence.LOW)]
    assert flagged(received) == flagged(received, trusted) == []
    assert flagged(trusted, operator="StringEqualsIfExists") == [(Severity.LOW, Confidence.HIGH)]
