"""The checks of access rate it by one table: by roles, services, what is launched, and who can use the holder."""

from __future__ import annotations

from itertools import product
from operator import gt
from typing import Any

import pytest
from principals_of_tests import Statement, allow, configuration, document, findings, to, trust

from passrole_checks.aws.managed_policies import managed_policy
from passrole_checks.findings import Severity
from passrole_checks.scan.scanner import ScanOptions, scan_configurations

ROLE = "arn:aws:iam::111122223333:role/"
APP = f"{ROLE}app-*"
SCALING = to("application-autoscaling.amazonaws.com")
LAMBDA = to("lambda.amazonaws.com")
START = allow(["lambda:CreateFunction", "lambda:InvokeFunction"])
TASK = allow("ecs:RunTask", "arn:aws:ecs:eu-west-1:111122223333:task-definition/report:*")
GITHUB = "token.actions.githubusercontent.com"


def workflows(*subjects: str, operator: str = "StringLike", key: str = "sub", **principal: str) -> object:
    """A trust policy for the workflows of an identity provider."""
    provider = {"Federated": f"arn:aws:iam::111122223333:oidc-provider/{GITHUB}", **principal}
    return document(
        {
            "Effect": "Allow",
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Principal": provider,
            "Condition": {operator: {f"{GITHUB}:{key}": list(subjects)}},
        }
    )


BATCH, EVENTS, STACKS = (trust(f"{name}.amazonaws.com") for name in ("batch", "events", "cloudformation"))
ANYONE = trust("lambda.amazonaws.com")


def severities(check: str, *policies: list[Statement], trusted: object = None, **more: Any) -> list[str]:
    """Return the severities of one check for a role with these policies."""
    roles = {"worker": (trusted or ANYONE, []), **more.pop("roles", {})}
    found = findings(f"PASSROLE_{check}", list(policies), holder="worker", roles=roles, **more)
    return [one.severity.value for one in found if one.at.line < 100]


@pytest.mark.parametrize("trusted", [ANYONE, BATCH, EVENTS, STACKS, workflows("repo:octo/app:*")])
@pytest.mark.parametrize(
    "name",
    [
        "AdministratorAccess",
        "IAMFullAccess",
        "AWSLambda_FullAccess",
        "AmazonDynamoDBFullAccess",
        "AmazonMSKFullAccess",
        "AmazonESCognitoAccess",
        "service-role/AWSBatchServiceRole",
        "service-role/AmazonElasticMapReduceRole",
    ],
)
def test_statement_has_one_severity_inline_and_in_managed_policy(name: str, trusted: object) -> None:
    """The worst 001 of the statements of an AWS managed policy is as severe as the 013 for its attachment."""
    policy = managed_policy(name.rpartition("/")[2])
    assert policy is not None
    inline = severities("001", policy.document["Statement"], trusted=trusted)
    assert {max(inline, key=list(Severity).index)} == set(severities("013", managed=[name], trusted=trusted))


@pytest.mark.parametrize(
    ("condition", "trusted", "severity"),
    [
        (None, ANYONE, "high"),
        (LAMBDA, ANYONE, "medium"),
        (SCALING, ANYONE, "low"),
        (None, BATCH, "low"),
        (LAMBDA, BATCH, "info"),
        (None, STACKS, "medium"),
        (LAMBDA, STACKS, "medium"),
        (SCALING, STACKS, "low"),
    ],
)
def test_any_role(condition: object, trusted: object, severity: str) -> None:
    """001 by the services, and by who can use the holder."""
    assert severities("001", [allow("iam:PassRole", "*", condition)], trusted=trusted) == [severity]


WIDER_ROLES = (f"{ROLE}app", APP, "*")
WIDER_SERVICES = (SCALING, LAMBDA, None)
WIDER_TRUST = (BATCH, STACKS, ANYONE)


def test_more_access_is_never_less_severe() -> None:
    """The worst finding of all checks of access, for wider roles, services, holders, and with permissions to launch."""
    worst = {}
    options = ScanOptions(
        checks=frozenset(f"PASSROLE_{number}" for number in ("001", "002", "008", "009", "016")),
        minimum_severity=Severity.INFO,
    )
    for key in product(range(3), range(3), range(3), (False, True)):
        roles, services, trusted, launches = key
        statements = [allow("iam:PassRole", WIDER_ROLES[roles], WIDER_SERVICES[services]), *[START] * launches]
        whole = configuration([statements], holder="worker", roles={"worker": (WIDER_TRUST[trusted], [])})
        found = scan_configurations([whole], options).findings
        worst[key] = max((finding.severity.rank for finding in found), default=Severity.INFO.rank)
    for less, more in product(worst, worst):
        assert worst[less] <= worst[more] or any(map(gt, less, more)), (less, more)


def test_nearly_every_name_is_medium() -> None:
    """A pattern that matches nearly every name is medium, since it may leave out what matters."""
    assert severities("001", [allow("iam:PassRole", f"{ROLE}*-*")]) == ["medium"]


def test_least_restricted_holder_decides() -> None:
    """A policy of two roles counts as for the one that more can use, and one of no known principal as for anyone."""
    statement = allow("iam:PassRole", "*")
    assert severities("001", [statement], trusted=BATCH) == ["low"]
    assert [one.severity for one in findings("PASSROLE_001", [[statement]], holder="elsewhere")] == [Severity.HIGH]


@pytest.mark.parametrize(
    ("resource", "condition", "trusted", "severity"),
    [
        (APP, None, ANYONE, "medium"),
        (f"{ROLE}app", None, ANYONE, "low"),
        (APP, None, STACKS, "medium"),
        (APP, None, BATCH, "info"),
        (f"{ROLE}app", None, BATCH, "info"),
    ],
)
def test_any_service(resource: str, condition: object, trusted: object, severity: str) -> None:
    """002 by the roles, and by who can use the holder."""
    assert severities("002", [allow("iam:PassRole", resource, condition)], trusted=trusted) == [severity]


@pytest.mark.parametrize(
    ("trusted", "severity"), [(ANYONE, "high"), (STACKS, "medium"), (workflows("repo:octo/app:*"), "medium")]
)
def test_launch_with_any_role(trusted: object, severity: str) -> None:
    """008 is high for any role, and medium for roles that exist to deploy."""
    assert severities("008", [allow("iam:PassRole", "*", LAMBDA), START], trusted=trusted) == [severity]


@pytest.mark.parametrize(
    ("principal", "condition", "severity"),
    [
        ("lambda.amazonaws.com", None, "high"),
        ("lambda.amazonaws.com", LAMBDA, "high"),
        ("vpc-flow-logs.amazonaws.com", None, "low"),
    ],
)
def test_privileged_role(principal: str, condition: object, severity: str) -> None:
    """009 is low if only services that do their own work can receive the role."""
    roles = {"app-admin": (trust(principal), [allow("*")])}
    passed = allow("iam:PassRole", f"{ROLE}app-admin", condition)
    assert severities("009", [passed], roles=roles) == [severity]


def test_privileged_role_for_lower_holders() -> None:
    """The users of the holder lower 009 as any other check."""
    roles = {"app-admin": (ANYONE, [allow("*")])}
    passed = [allow("iam:PassRole", f"{ROLE}app-admin", LAMBDA)]
    assert severities("009", passed, roles=roles, trusted=BATCH) == ["low"]
    assert severities("009", passed, roles=roles, trusted=STACKS) == ["medium"]


@pytest.mark.parametrize(
    ("action", "condition", "trusted", "severity"),
    [
        ("iam:PutRolePolicy", LAMBDA, ANYONE, "medium"),
        ("iam:PutRolePolicy", SCALING, ANYONE, "low"),
        ("iam:UpdateAssumeRolePolicy", SCALING, ANYONE, "medium"),
        ("iam:PutRolePolicy", LAMBDA, BATCH, "info"),
        ("iam:PutRolePolicy", LAMBDA, STACKS, "medium"),
    ],
)
def test_roles_that_it_can_change(action: str, condition: object, trusted: object, severity: str) -> None:
    """016 by the services and the holder; with UpdateAssumeRolePolicy no service is needed."""
    statements = [allow("iam:PassRole", APP, condition), allow(action, APP)]
    assert severities("016", statements, trusted=trusted) == [severity]


@pytest.mark.parametrize("principal", ["events", "scheduler", "pipes"])
def test_role_for_scheduled_tasks_is_low(principal: str) -> None:
    """The role that AWS describes for scheduled tasks: only EventBridge can assume it, and it runs one definition."""
    trusted = trust(f"{principal}.amazonaws.com")
    assert severities("008", [TASK, allow("iam:PassRole", APP)], trusted=trusted) == ["low"]
    assert severities("002", [TASK, allow("iam:PassRole", APP)], trusted=trusted) == ["info"]


@pytest.mark.parametrize(
    ("statements", "trusted", "severity"),
    [
        ([TASK, allow("iam:PassRole", APP)], ANYONE, "medium"),
        ([TASK, allow("iam:PassRole", APP)], trust("events.amazonaws.com", "lambda.amazonaws.com"), "medium"),
        ([allow("ecs:RunTask"), allow("iam:PassRole", APP)], EVENTS, "low"),
        ([TASK, allow("ecs:R*", "*"), allow("iam:PassRole", APP)], EVENTS, "medium"),
        ([TASK, START, allow("iam:PassRole", APP)], EVENTS, "medium"),
        ([TASK, allow("iam:PassRole", "*")], EVENTS, "low"),
    ],
)
def test_other_roles_of_eventbridge(statements: list[Statement], trusted: object, severity: str) -> None:
    """Any task, another workload, or another service that can assume the role is more than AWS describes; for any role,
    a target's input can choose the role of the task."""
    assert severities("008", statements, trusted=trusted) == [severity]


@pytest.mark.parametrize(
    "trusted",
    [
        STACKS,
        workflows("repo:octo/app:ref:refs/heads/main", operator="StringEquals"),
        workflows("repo:octo/app:*", "repo:octo/web:*"),
        workflows("project_path:group/sub/project:ref_type:branch:ref:main"),
        workflows("repo:octo/app:*", operator="ForAnyValue:StringLike"),
        workflows("organization:octo:project:*:workspace:app:run_phase:*"),
        workflows("organization:octo:pipeline:app:*"),
        workflows("org/0a1b/project/2c3d/user/*"),
        workflows('repo:${regex("(a?):*", local.project)[0]}:*'),
        trust("servicecatalog.amazonaws.com"),
        trust("fis.amazonaws.com"),
    ],
)
def test_role_that_exists_to_deploy_is_medium(trusted: object) -> None:
    """An administrator that only services which act for those who pass it, or named repositories, can assume."""
    (found,) = findings("PASSROLE_013", [], managed=["AdministratorAccess"], holder="worker",
                        roles={"worker": (trusted, [])})  # fmt: skip
    assert found.severity is Severity.MEDIUM
    assert "Only " in found.message and any(
        name in found.message for name in ("cloudformation", "servicecatalog", "fis", "app", "project")
    )


@pytest.mark.parametrize(
    "trusted",
    [
        trust("cloudformation.amazonaws.com", "ec2.amazonaws.com"),
        workflows("repo:octo/*"),
        workflows("repo:*"),
        workflows("organization:octo:project:app:workspace:*:run_phase:*"),
        workflows("org/0a1b/project/*"),
        workflows("repo:octo/*:ref:refs/heads/main"),
        workflows("repo:octo/app:*", "*"),
        workflows("repo:octo/app:*", operator="StringLikeIfExists"),
        workflows("repo:octo/app:*", operator="ForAllValues:StringLike"),
        workflows("repo:octo/app:*", operator="StringNotLike"),
        workflows("sts.amazonaws.com", key="aud"),
        workflows("repo:octo/app:*", AWS="arn:aws:iam::111122223333:root"),
    ],
)
def test_role_that_others_can_assume_is_high(trusted: object) -> None:
    """A condition that does not name repositories, or another principal, leaves an administrator high."""
    assert severities("013", managed=["AdministratorAccess"], trusted=trusted) == ["high"]


EVERYTHING = allow("iam:*")


@pytest.mark.parametrize("check", ["008", "009", "016"])
def test_holder_that_can_grant_itself_everything_is_any_role_alone(check: str) -> None:
    """For `iam:*` on `*`, any-role says everything: no role is more privileged, and none has to be launched."""
    roles = {"app-admin": (ANYONE, [allow("*")])}
    statements = [EVERYTHING, START, allow("iam:PassRole", f"{ROLE}app-admin", LAMBDA)]
    assert severities("001", statements, roles=roles) == ["high"]
    assert severities(check, statements, roles=roles) == []


@pytest.mark.parametrize(
    "statement",
    [
        allow(["iam:PassRole", "iam:PutUserPolicy"]),
        allow(["iam:PassRole", "iam:PutRolePolicy"], APP),
        allow("iam:*", "*", {"Bool": {"aws:MultiFactorAuthPresent": "true"}}),
    ],
)
def test_holder_that_may_not_grant_itself_everything_keeps_its_findings(statement: Statement) -> None:
    """Policies of other principals, some roles only, or a condition: a privileged role is more."""
    roles = {"app-admin": (ANYONE, [allow("*")])}
    statements = [statement, allow("iam:PassRole", f"{ROLE}app-admin", LAMBDA)]
    assert "high" in severities("009", statements, roles=roles)


def test_boundary_keeps_holder_from_granting_itself_everything() -> None:
    """A boundary limits all policies that it attaches to itself."""
    roles = {"app-admin": (ANYONE, [allow("*")])}
    statements = [EVERYTHING, allow("iam:PassRole", f"{ROLE}app-admin", LAMBDA)]
    assert "high" in severities("009", statements, roles=roles, boundary=[allow("iam:*")])


def test_service_order_is_that_of_attackers() -> None:
    """A holder that can launch anything: the services that attackers use most are named first, in the ids as well."""
    everything = allow(["ec2:*", "lambda:*", "apprunner:*", "braket:*", "glue:*", "iam:PassRole"])
    (found,) = findings("PASSROLE_008", [[everything]])
    names = [found.message.find(f"`{name}.amazonaws.com`") for name in ("ec2", "lambda", "glue")]
    assert -1 not in names and names == sorted(names)
    assert "bullet" not in found.message and "ec2-001, lambda-001, glue-001" in found.message


SERVICE_CATALOG = to("servicecatalog.amazonaws.com")


def test_roles_that_exist_for_one_service_are_low() -> None:
    """Only launch roles trust Service Catalog: any of them is low inline and in a managed policy, beside others not."""
    both = to("servicecatalog.amazonaws.com", "lambda.amazonaws.com")
    assert severities("001", [allow("iam:PassRole", condition=SERVICE_CATALOG)]) == ["low"]
    assert severities("001", [allow("iam:PassRole", condition=both)]) == ["medium"]
    assert severities("013", managed=["AWSServiceCatalogAdminFullAccess"]) == ["low"]


@pytest.mark.parametrize("check", ["008", "009"])
@pytest.mark.parametrize(
    ("trusted", "resource", "services", "severity"),
    [
        (ANYONE, "app-worker", ["ec2.amazonaws.com"], "low"),
        (ANYONE, "app-worker", ["ec2.amazonaws.com", "lambda.amazonaws.com"], "medium"),
        (ANYONE, "app-*", ["ec2.amazonaws.com"], "medium"),
        (document({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "*"}}), "app-worker",
         ["ec2.amazonaws.com"], "medium"),
    ],
)  # fmt: skip
def test_service_that_hands_a_role_to_the_one_that_uses_it_is_low(
    check: str, trusted: object, resource: str, services: list[str], severity: str
) -> None:
    """A workload that passes one role, named exactly, to the one service that can assume it does what it exists for."""
    roles = {"app-worker": (trust(*services), [allow("s3:*")])}
    launch = [allow("ec2:RunInstances")] if check == "008" else []
    policies = [[allow("iam:PassRole", f"{ROLE}{resource}"), *launch]]
    assert severities(check, *policies, trusted=trusted, roles=roles) == [severity]


def test_role_that_reaches_iam_is_high_however_it_is_handed_over() -> None:
    """Passing an administrator to the one service that can assume it stays an escalation."""
    roles = {"app-worker": (trust("ec2.amazonaws.com"), [allow("*")])}
    policies = [[allow("iam:PassRole", f"{ROLE}app-worker"), allow("ec2:RunInstances")]]
    assert severities("008", *policies, roles=roles) == ["high"]
