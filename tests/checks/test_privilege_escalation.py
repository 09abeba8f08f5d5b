"""PASSROLE_008: every published path, what closes it, and how severe it is."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from principals_of_tests import allow, configuration, deny, document, findings, to, trust

from passrole_checks.access import passable_roles
from passrole_checks.access.service_trust import all_paths
from passrole_checks.findings import Confidence, Severity
from passrole_checks.iam.permissions.escalation import PassedRolePath
from passrole_checks.scan.scanner import ScanOptions, scan_configurations
from passrole_checks.sources.model.configuration import UNKNOWN_BOUNDARY, Attachments, BoundaryUse

ID = "PASSROLE_008"
PUBLISHED = [way for way in all_paths() if not way.derived]
DERIVED = [way for way in all_paths() if way.derived]
OTHER = "mediaconvert.amazonaws.com"  # a service that no path needs
APP = "arn:aws:iam::111122223333:role/app-*"
START = allow(["lambda:CreateFunction", "lambda:InvokeFunction"])
LAMBDA = trust("lambda.amazonaws.com")


@pytest.fixture(params=PUBLISHED, ids=lambda way: way.id)
def path(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> PassedRolePath:
    """One published path, as if there were no other."""
    way: PassedRolePath = request.param
    monkeypatch.setattr(passable_roles, "all_paths", lambda: (way,))
    return way


def passes(way: PassedRolePath) -> dict[str, object]:
    """PassRole to the services of a path, on any role."""
    return allow("iam:PassRole", "*", to(*way.services))


def test_a_path_over_two_policies_is_found(path: PassedRolePath) -> None:
    """PassRole in one policy and the actions of a published path in another are that path, with its reference."""
    (found,) = findings(ID, [[passes(path)], [allow(list(path.actions))]])
    assert found.severity is Severity.HIGH and found.confidence is Confidence.HIGH
    assert found.principals == ("deployer",) and found.at.line == 1
    (escalation,) = found.details.escalations
    assert (escalation.path, escalation.actions) == (path.id, path.actions) and escalation.service in path.services
    assert path.url and path.url in found.message


def test_a_path_through_wildcards_is_found(path: PassedRolePath) -> None:
    """Wildcards give the actions of a path as their names do."""
    services = sorted({name.partition(":")[0] for name in path.actions})
    assert findings(ID, [[passes(path)], [allow([f"{service}:*" for service in services])]])


def test_a_path_with_an_action_missing_is_none(path: PassedRolePath) -> None:
    """Without any one of its actions, or without all of them, a path is closed."""
    assert findings(ID, [[passes(path)], []]) == []
    for name in path.actions:
        left = [other for other in path.actions if other != name]
        assert findings(ID, [[passes(path)], [allow([*left, "tag:GetResources"])]]) == []


def test_a_path_without_pass_role_is_none(path: PassedRolePath) -> None:
    """Without PassRole the actions of a path are no path."""
    assert findings(ID, [[allow("iam:GetRole")], [allow(list(path.actions))]]) == []


def test_a_path_that_is_denied_is_none(path: PassedRolePath) -> None:
    """A Deny of one of its actions, or of PassRole, in a third policy closes a path."""
    for name in (*path.actions, "iam:PassRole"):
        assert findings(ID, [[passes(path)], [allow(list(path.actions))], [deny(name)]]) == []


def test_a_path_is_closed_by_the_service_condition(path: PassedRolePath) -> None:
    """Where the condition names another service, or a Deny takes the path's services away, the path is closed."""
    assert findings(ID, [[allow("iam:PassRole", "*", to(OTHER))], [allow(list(path.actions))]]) == []
    taken = deny("iam:PassRole", "*", to(*path.services))
    assert findings(ID, [[allow("iam:PassRole")], [allow(list(path.actions))], [taken]]) == []


def test_a_path_outside_of_the_boundary_is_none(path: PassedRolePath) -> None:
    """A permissions boundary that leaves PassRole or an action of the path out closes it; one that has all does not."""
    policies = [[passes(path)], [allow(list(path.actions))]]
    assert findings(ID, policies, boundary=[allow(list(path.actions))]) == []
    assert findings(ID, policies, boundary=[allow(["iam:PassRole", *path.actions[1:]])]) == []
    assert findings(ID, policies, boundary=[allow("iam:PassRole", "*", to(OTHER)), allow(list(path.actions))]) == []
    assert findings(ID, policies, boundary=[allow("*")])


def test_a_path_needs_a_role_that_trusts_its_service(path: PassedRolePath) -> None:
    """Where every role in scope is known here and trusts another service, the path is closed."""
    one = allow("iam:PassRole", "arn:aws:iam::111122223333:role/worker", to(*path.services))
    policies = [[one], [allow(list(path.actions))]]
    everything = [allow("*")]
    assert findings(ID, policies, roles={"worker": (trust(OTHER), everything)}) == []
    trusted = path.trusted or path.services
    (found,) = findings(ID, policies, roles={"worker": (trust(*trusted), everything)})
    (escalation,) = found.details.escalations
    assert (found.severity, escalation.roles, escalation.gain) == (Severity.HIGH, ("worker",), "*")


@pytest.mark.parametrize("way", DERIVED, ids=lambda way: " ".join(way.actions))
def test_derived_ways_are_found_and_marked(way: PassedRolePath, monkeypatch: pytest.MonkeyPatch) -> None:
    """An action that hands a role to a service that runs the caller's code is a way, and is marked as derived."""
    monkeypatch.setattr(passable_roles, "all_paths", lambda: (way,))
    (found,) = findings(ID, [[passes(way)], [allow(list(way.actions))]])
    (escalation,) = found.details.escalations
    assert (escalation.path, escalation.actions) == (way.id, way.actions) and way.derived
    assert all(found.message.count(f"`{action}`") == 1 for action in way.actions) and "pathfinding" not in found.message


def test_the_launch_that_reaches_the_most_privileged_role_is_named() -> None:
    """Not the first one, where that reaches a less privileged role only."""
    starts = allow(["ec2:RunInstances", "lambda:CreateFunction", "lambda:InvokeFunction"])
    roles = {
        "app-reader": (trust("ec2.amazonaws.com"), [allow("dynamodb:GetItem")]),
        "app-admin": (LAMBDA, [allow("*")]),
    }
    passing = allow("iam:PassRole", [f"arn:aws:iam::111122223333:role/{name}" for name in roles])
    (found,) = findings(ID, [[passing], [starts]], roles=roles)
    (escalation,) = found.details.escalations
    assert escalation.roles == ("app-admin",)
    assert (escalation.service, escalation.path) == ("lambda.amazonaws.com", "lambda-001")
    assert escalation.actions == ("lambda:CreateFunction", "lambda:InvokeFunction")


def test_many_ways_are_one_finding() -> None:
    """Of many ways three ids are named and all are counted, and the reference is that of the first."""
    (found,) = findings(ID, [[allow("iam:PassRole")], [allow(["lambda:*", "ec2:*", "glue:*", "ecs:*"])]])
    (escalation,) = found.details.escalations
    assert escalation.path == "ec2-001" and "https://pathfinding.cloud/paths/ec2-001" in found.message
    ids = re.findall(r"\b(?:ec2|lambda|ecs|glue)-\d{3}\b", found.message)
    assert list(dict.fromkeys(ids)) == ["ec2-001", "lambda-001", "ecs-008"]


def test_administrators_are_said_once() -> None:
    """An administrator statement is any-role and no path besides; neither is what an administrator may pass."""
    assert findings(ID, [[allow("*")]]) == []
    assert findings(ID, [[allow("*")], [allow("iam:PassRole", APP)]]) == []


def test_the_severity_is_that_of_what_is_gained() -> None:
    """Roles of this configuration count by what they can do; a role that can do no more is no gain."""

    def said(statements: list[dict[str, object]], *beside: dict[str, object]) -> list[tuple[Severity, Confidence]]:
        roles = {"app-worker": (LAMBDA, statements)}
        one = allow("iam:PassRole", "arn:aws:iam::111122223333:role/app-worker", to("lambda.amazonaws.com"))
        return [(item.severity, item.confidence) for item in findings(ID, [[one], [START, *beside]], roles=roles)]

    assert said([allow("iam:PutRolePolicy")]) == [(Severity.HIGH, Confidence.HIGH)]
    assert said([allow("s3:*")]) == [(Severity.MEDIUM, Confidence.HIGH)]
    assert said([allow("dynamodb:*", "arn:aws:dynamodb:eu-west-1:111122223333:table/orders")]) == [
        (Severity.LOW, Confidence.HIGH)
    ]
    assert said([allow("sqs:SendMessage", "arn:aws:sqs:eu-west-1:111122223333:orders")]) == [
        (Severity.INFO, Confidence.HIGH)
    ]
    assert said([allow("s3:GetObject")], allow("s3:*")) == []
    assert said([allow(["logs:CreateLogStream", "logs:PutLogEvents"])]) == []


@pytest.mark.parametrize(
    ("resource", "condition", "severity", "confidence"),
    [
        (APP, None, Severity.MEDIUM, Confidence.HIGH),
        (APP, to("lambda.amazonaws.com"), Severity.INFO, Confidence.LOW),
        ("arn:aws:iam::111122223333:role/app-x", None, Severity.INFO, Confidence.LOW),
        ("arn:aws:iam::111122223333:role/*", to("lambda.amazonaws.com"), Severity.HIGH, Confidence.HIGH),
    ],
)
def test_roles_that_are_not_known(resource: str, condition: object, severity: Severity, confidence: Confidence) -> None:
    """A pattern without a service is medium, what a deployment does is low, and any role is high."""
    (found,) = findings(ID, [[allow("iam:PassRole", resource, condition)], [START]])
    assert (found.severity, found.confidence) == (severity, confidence)


def test_an_aws_managed_policy_is_the_other_half() -> None:
    """The actions may come from an AWS managed policy, and PassRole as well; both from one are no 008."""
    one = [allow("iam:PassRole", APP)]
    (found,) = findings(ID, [one], managed=["AWSLambda_FullAccess"])
    assert [one.path for one in found.details.escalations] == ["lambda-001"] and found.at.line == 1
    (other,) = findings(ID, [[allow("ec2:RunInstances")]], managed=["AmazonElasticMapReduceFullAccess"])
    assert [one.path for one in other.details.escalations] == ["ec2-001"]
    assert other.at.line == 50 and other.details.managed == "AmazonElasticMapReduceFullAccess"
    assert findings(ID, [[]], managed=["AWSLambda_FullAccess"]) == []
    named = findings(ID, [[allow("ec2:RunInstances")]], managed=["AWSBatchFullAccess"])
    assert [item.severity for item in named] == [Severity.INFO]  # its roles are those that AWS names


def test_a_condition_on_the_actions_is_named() -> None:
    """A condition that the caller can satisfy leaves the path open, and the message names it."""
    region = {"StringEquals": {"aws:RequestedRegion": "eu-west-1"}}
    start = allow(["lambda:CreateFunction", "lambda:InvokeFunction"], "*", region)
    (found,) = findings(ID, [[allow("iam:PassRole")], [start]])
    assert "aws:RequestedRegion" in found.message


def test_a_condition_is_named_once() -> None:
    """A condition on the one statement that holds both halves is named once."""
    via = {"ForAnyValue:StringEquals": {"aws:CalledVia": "cloudformation.amazonaws.com"}}
    (found,) = findings(ID, [[allow(["iam:PassRole", "lambda:*"], "*", via)]])
    assert found.message.count("aws:CalledVia") == 1


def test_everything_under_a_condition_is_said_once() -> None:
    """All actions on all resources under a condition are any-role and no path besides; with the actions from somewhere
    else they are one."""
    mfa = {"Bool": {"aws:MultiFactorAuthPresent": "true"}}
    assert findings(ID, [[allow("*", "*", mfa)]]) == []
    assert len(findings(ID, [[allow("*", "*", mfa)], [START]])) == 1


@pytest.mark.parametrize("service", ["ecs.amazonaws.com", "batch.amazonaws.com", "autoscaling.amazonaws.com"])
def test_service_that_never_runs_caller_code_opens_no_path(service: str) -> None:
    """A caller gets no access to a role that a service uses for its own work only."""
    start = allow(["ecs:*", "batch:*", "autoscaling:*", "ec2:*"])
    assert findings(ID, [[allow("iam:PassRole", "*", to(service))], [start]]) == []


@pytest.mark.parametrize(
    "actions", [["CreateEnvironment"], ["AssociateEnvironmentOperationsRole", "UpdateEnvironment"]]
)
def test_operations_role_of_elastic_beanstalk_opens_a_path(actions: list[str]) -> None:
    """An environment creates the resources that its application declares with its operations role."""
    start = allow([f"elasticbeanstalk:{action}" for action in (*actions, "CreateApplicationVersion")])
    (found,) = findings(ID, [[allow("iam:PassRole", "*", to("elasticbeanstalk.amazonaws.com"))], [start]])
    assert found.severity is Severity.HIGH


def test_service_linked_roles_are_no_gain() -> None:
    """A service-linked role can be assumed by its own service only, so nothing is started with it."""
    linked = "arn:aws:iam::111122223333:role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS*"
    assert findings(ID, [[allow("iam:PassRole", linked)], [allow(["ecs:*", "lambda:*"])]]) == []
    (found,) = findings(ID, [[allow("iam:PassRole", [linked, APP])], [allow(["ecs:*", "lambda:*"])]])
    assert APP in found.message and linked not in found.message


def test_service_linked_roles_are_passed_to_their_service() -> None:
    """The service of a service-linked role is known: any-service names the other roles, or if there are none, that
    service."""
    linked = "arn:aws:iam::111122223333:role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS"
    (found,) = findings("PASSROLE_002", [[allow("iam:PassRole", [APP, linked])]])
    assert APP in found.message and linked not in found.message
    (found,) = findings("PASSROLE_002", [[allow("iam:PassRole", linked)]])
    assert linked in found.message and "ecs.amazonaws.com only" in found.message


def test_an_unknown_boundary_is_not_what_is_passed() -> None:
    """A permissions boundary of which nothing is known leaves the roles as they are, at low confidence."""
    whole = configuration([[allow(["iam:PassRole", "lambda:*"])]])
    unknown = replace(whole, attached=Attachments(boundaries=(BoundaryUse("deployer", UNKNOWN_BOUNDARY),)))
    (found,) = scan_configurations([unknown], ScanOptions(checks=frozenset({ID}))).findings
    assert found.details.who == ("deployer",) and found.confidence is Confidence.LOW
    assert [one.service for one in found.details.escalations] == ["lambda.amazonaws.com"]


def test_trust_of_identity_providers_and_accounts_is_no_service() -> None:
    """A role that only accounts or identity providers may assume cannot be acted as through a service."""
    for principal in (
        {"AWS": "arn:aws:iam::111122223333:root"},
        {"Federated": "arn:aws:iam::111122223333:saml-provider/x"},
    ):
        other = document({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": principal})
        one = allow("iam:PassRole", "arn:aws:iam::111122223333:role/app-worker", to("lambda.amazonaws.com"))
        assert findings(ID, [[one], [START]], roles={"app-worker": (other, [allow("*")])}) == []


FUNCTION = "arn:aws:lambda:%s:111122223333:function:%s"


@pytest.mark.parametrize(
    ("statements", "expected"),
    [
        ([allow("lambda:CreateFunction", FUNCTION % ("*", "a-*")),
          allow("lambda:InvokeFunction", FUNCTION % ("*", "b-*"))], 0),
        ([allow("lambda:CreateFunction", FUNCTION % ("eu-west-1", "*")),
          allow("lambda:InvokeFunction", FUNCTION % ("us-east-1", "*"))], 0),
        ([allow("lambda:CreateFunction", FUNCTION % ("*", "a-*")), allow("lambda:InvokeFunction"),
          deny("lambda:InvokeFunction", FUNCTION % ("*", "a-*"))], 0),
        ([allow("lambda:CreateFunction", FUNCTION % ("*", "a-*")), allow("lambda:InvokeFunction"),
          deny("lambda:InvokeFunction", FUNCTION % ("*", "a-secret-*"))], 1),
        ([allow("lambda:CreateFunction", FUNCTION % ("*", "a-*")),
          allow("lambda:CreateFunction", FUNCTION % ("*", "b-*")),
          allow("lambda:InvokeFunction", FUNCTION % ("*", "b-*"))], 1),
        ([allow("lambda:CreateFunction", FUNCTION % ("*", "a-*")),
          allow("lambda:InvokeFunction", FUNCTION % ("eu-west-1", "a-b"))], 1),
        ([allow("lambda:CreateFunction", FUNCTION % ("*", "a-*")),
          allow("lambda:CreateEventSourceMapping", "arn:aws:lambda:*:*:event-source-mapping:*")], 1),
    ],
)  # fmt: skip
def test_what_is_made_has_to_be_what_is_started(statements: list[dict[str, object]], expected: int) -> None:
    """Two actions on resources of one kind are a way where both are allowed on one resource, Deny and Region included;
    any of the statements may be the one."""
    found = findings(ID, [[allow("iam:PassRole", "*", to("lambda.amazonaws.com"))], statements])
    assert len(found) == expected


@pytest.mark.parametrize(
    ("actions", "count"), [(["ecs:UpdateService"], 1), (["ecs:UpdateService", "ecs:CreateTaskSet"], 2)]
)
def test_inferred_paths_that_are_not_named_are_counted(actions: list[str], count: int) -> None:
    """Of paths without a published technique one is named; the others are counted apart from that phrase."""
    start = allow(["ecs:RegisterTaskDefinition", *actions])
    (found,) = findings(ID, [[allow("iam:PassRole", "*", to("ecs-tasks.amazonaws.com"))], [start]])
    assert re.search(rf"technique; {count} more", found.message)
