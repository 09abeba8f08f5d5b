"""All values of ``iam:PassedToService`` that actions send."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest

from passrole_checks.aws.managed_policies import managed_policies
from passrole_checks.aws.passing_actions import names_in_partition, passed_values, services_sent, values_of
from passrole_checks.aws.passrole_actions import passing_actions
from passrole_checks.aws.service_principals import known_services
from passrole_checks.iam.patterns.glob import wildcard_match

# Written by hand from the tables "API operations" of the Service Authorization Reference, and from the pages and
# managed policies in passing.toml: action, all values, c(losed) or o(pen), key s(ent) or u(nknown).
ACTIONS = """
apprunner:CreateService                 apprunner,bullet                        c s
autoscaling:CreateAutoScalingGroup      autoscaling,ec2                         c s
autoscaling:PutLifecycleHook            autoscaling                             c s
backup:StartScanJob                     backup,malware-protection.guardduty     c s
batch:CreateComputeEnvironment          batch,ec2,ecs,spotfleet                 c s
batch:RegisterJobDefinition             ecs-tasks                               c s
batch:SubmitServiceJob                  sagemaker                               c s
cloudformation:ContinueUpdateRollback   cloudformation                          c s
cloudformation:CreateStack              cloudformation                          c s
cloudformation:RegisterType             resources.cloudformation                c s
codebuild:CreateFleet                   codebuild                               o u
codebuild:CreateProject                 codebuild                               c s
codebuild:StartBuild                    codebuild                               c s
codebuild:UpdateProjectVisibility       codebuild                               c s
codepipeline:CreatePipeline             cloudformation,codebuild,codepipeline   c s
codepipeline:UpdatePipeline             cloudformation,codebuild,codepipeline   c s
cognito-idp:CreateUserPool              cognito-idp                             o u
config:PutConfigurationRecorder         config                                  c s
config:PutConformancePack               ssm                                     o s
datapipeline:ActivatePipeline           datapipeline,ec2,elasticmapreduce       c s
datapipeline:PutPipelineDefinition      datapipeline,ec2,elasticmapreduce       c s
dms:CreateEndpoint                      dms,dms.*                               o s
ec2:RunInstances                        ec2                                     c s
ecs:CreateService                       ecs,ecs-tasks                           c s
ecs:RegisterTaskDefinition              ecs-tasks                               c s
ecs:RunTask                             ecs,ecs-tasks                           c s
eks:CreateAccessEntry                   ec2                                     c s
eks:CreateAddon                         eks                                     c s
elasticbeanstalk:CreateEnvironment      ec2,ecs,elasticbeanstalk,elasticloadbalancing  o s
elasticmapreduce:CreateStudio           elasticmapreduce                        c s
elasticmapreduce:RunJobFlow             application-autoscaling,ec2,elasticmapreduce   c s
emr-containers:StartJobRun              pods.eks                                c s
events:PutRule                          events                                  c s
events:PutTargets                       events                                  c s
glue:CreateConnection                   glue                                    c s
glue:CreateJob                          glue                                    c s
guardduty:StartMalwareScan              malware-protection.guardduty            c s
iam:AddRoleToInstanceProfile            ec2                                     c s
lambda:CreateFunction                   lambda                                  c s
lambda:RunMicrovm                       lambda                                  c s
logs:CreateImportTask                   cloudtrail,logs                         c s
logs:PutSubscriptionFilter              logs                                    c s
mgn:StartTest                           ec2                                     c s
rekognition:StartFaceDetection          rekognition                             c s
s3:CreateAccessGrantsLocation           access-grants.s3                        c s
s3:CreateJob                            batchoperations.s3                      o u
s3:PutReplicationConfiguration          s3                                      c s
scheduler:CreateSchedule                scheduler                               c s
sns:SetTopicAttributes                  sns                                     c s
ssm:SendCommand                         ssm                                     c s
ssm:StartAutomationExecution            ec2,ssm                                 o s
ssm:UpdateServiceSetting                ssm,ssm.integrations                    c s
states:CreateStateMachine               states                                  c s
workmail:PutEmailMonitoringConfiguration  events.workmail                       c s
"""
ROWS = [line.split() for line in ACTIONS.strip().splitlines()]

# The values that AWS's managed policies write and that do not follow from the actions that they allow.
UNCOVERED = {
    # The policies of roles that services assume: the services pass the roles of what they manage, by calls that
    # another policy of the same role allows.
    "AWSElasticBeanstalkRoleCore": ("ecs", "elasticbeanstalk", "elasticloadbalancing"),
    "AWSElasticBeanstalkServiceRolePolicy": ("elasticbeanstalk",),
    # Statements of a template or of a command name the role: `CREATE EXTERNAL SCHEMA … IAM_ROLE` in Redshift.
    "AmazonRedshiftAllCommandsFullAccess": ("athena", "glue", "redshift"),
    # The build of a project passes the roles of its templates to other builds: other policies of the role allow that.
    "AmazonSageMakerServiceCatalogProductsCodeBuildServiceRolePolicy": (
        "cloudformation", "codebuild", "codepipeline", "events",
    ),
    # DataZone and SageMaker Unified Studio give one list of services to all roles of a project, or to roles that pass
    # on what other policies of the same principal create.
    "AmazonDataZoneRedshiftGlueProvisioningPolicy": ("glue",),
    "AmazonDataZoneSageMakerEnvironmentRolePermissionsBoundary": ("bedrock", "lakeformation"),
    "AmazonDataZoneSageMakerProvisioningRolePolicy": ("lakeformation",),
    "SageMakerStudioProjectProvisioningRolePolicy": ("emr-serverless",),
    "SageMakerStudioProjectUserRolePolicy": ("access-grants.s3", "airflow-serverless", "sagemaker"),
    "SageMakerStudioUserIAMDefaultExecutionPolicy": ("lakeformation",),
    "SageMakerStudioUserIAMPermissiveExecutionPolicy": ("lakeformation",),
    # An SSM document attaches the role; ssm:SendCommand itself sends ssm.
    "AWSTransformInfrastructureExecutorAccessEC2": ("ec2",),
}  # fmt: skip


def _short(values: tuple[str, ...]) -> list[str]:
    return sorted(value.removesuffix(".amazonaws.com") for value in values)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_action_sends_the_values_of_the_table(row: list[str]) -> None:
    """An action has exactly the values of the table, which are closed and sent as the table says."""
    action, values, closed, key = row
    assert _short(values_of(action)) == sorted(values.split(","))
    known = passed_values()[action.lower()]
    assert (known.closed, known.key_sent) == (closed == "c", key == "s")


def test_every_value_of_a_closed_action_has_a_source() -> None:
    """A list of values is complete, and a key sent, only by a source."""
    for known in passed_values().values():
        if known.closed or known.key_sent:
            assert known.source, known.action
        assert known.key_sent or not known.closed, known.action
        assert known.values or not known.closed, known.action
        assert not (known.closed and any("*" in value for value in known.values)), known.action


def test_values_are_known_service_principals() -> None:
    """No value is misspelled."""
    known = known_services()
    for item in passed_values().values():
        for value in item.values:
            assert value in known or "*" in value, (item.action, value)


def test_values_contain_those_of_the_escalation_paths() -> None:
    """A service that runs the caller's code receives the role by one of the values of the action."""
    for name, action in passing_actions().items():
        if action.runs and action.confidence != "hint" and name in passed_values():
            assert set(action.services) & set(values_of(name)), name


def test_action_without_roles_sends_nothing() -> None:
    """An action that passes no role has no values."""
    assert values_of("s3:GetObject") == () and "s3:getobject" not in passed_values()
    assert values_of("datazone:CreateConnection") == ()


def test_codebuild_sends_the_key() -> None:
    """CodeBuild, which the IAM User Guide of 2021 called unsupported, sends its name (Service Authorization Reference,
    CodeBuild: CreateProject)."""
    assert "codebuild.amazonaws.com" in services_sent()
    assert "cognito-idp.amazonaws.com" not in services_sent()


@pytest.mark.parametrize(
    ("partition", "expected"),
    [
        ("aws", ["cognito-identity", "ec2"]),
        ("aws-cn", ["cognito-identity", "ec2", "ec2.amazonaws.com.cn"]),
        ("aws-us-gov", ["cognito-identity", "cognito-identity-us-gov", "ec2"]),
        (None, ["cognito-identity", "cognito-identity-us-gov", "ec2", "ec2.amazonaws.com.cn"]),
    ],
)
def test_partition_adds_its_names(partition: str | None, expected: list[str]) -> None:
    """In an open partition, the names of all partitions are possible."""
    values = ("ec2.amazonaws.com", "cognito-identity.amazonaws.com")
    assert _short(names_in_partition(values, partition)) == expected


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


@cache
def _matching(pattern: str) -> frozenset[str]:
    """Return iam:PassRole, and the actions that pass a role, if a pattern matches them."""
    service = pattern.partition(":")[0]
    names = ("iam:passrole", *passed_values())
    near = names if {"*", "?"} & set(service) else [name for name in names if name.startswith(f"{service}:")]
    return frozenset(name for name in near if wildcard_match(pattern, name))


def _allowed(statement: Any) -> frozenset[str]:
    listed = _listed(statement.get("NotAction", statement.get("Action", [])))
    matching = frozenset[str]().union(*(_matching(str(pattern).lower()) for pattern in listed))
    return _matching("*") - matching if "NotAction" in statement else matching


def _written(statements: list[Any]) -> Iterator[str]:
    """Yield the values of ``iam:PassedToService`` in statements that allow ``iam:PassRole``."""
    for statement in statements:
        if "iam:passrole" in _allowed(statement):
            for block in statement.get("Condition", {}).values():
                for key, values in block.items():
                    if key.lower() == "iam:passedtoservice":
                        yield from _listed(values)


def test_allowed_actions_give_the_services_that_aws_writes() -> None:
    """At least 95 % of the services in AWS's own conditions on PassRole follow from the actions that the policy allows,
    and each of the others has a reason."""
    written = 0
    uncovered: dict[str, list[str]] = {}
    for name, policy in managed_policies().items():
        statements = [item for item in _listed(policy.document["Statement"]) if item["Effect"] == "Allow"]
        values = sorted(set(_written(statements)))
        if not values:
            continue
        written += len(values)
        granted = frozenset[str]().union(*map(_allowed, statements))
        allowed = [item for action, item in passed_values().items() if action in granted]
        derived = names_in_partition((value for item in allowed for value in item.values), None)
        missing = [value for value in values if not any(wildcard_match(value, name) for name in derived)]
        if missing:
            uncovered[name] = missing
    assert {name: tuple(_short(tuple(values))) for name, values in uncovered.items()} == UNCOVERED
    assert written >= 446
    assert sum(map(len, uncovered.values())) <= 0.05 * written
