"""CloudTrail events that pass a role.

The table was written by hand from API references and AWS's pages on logging with CloudTrail, independently of the
generator and its overlay.
"""

from __future__ import annotations

from typing import Any

import pytest
from trails.calls import CALLS, NOISE

from passrole_checks.aws.cloudtrail_events import TrailEvent, trail_event, trail_events, without_version
from passrole_checks.aws.passing_actions import passed_values
from passrole_checks.aws.service_principals import known_services
from tools.aws_facts import events
from tools.aws_facts.models import ServiceModel

# Source, event as CloudTrail calls it, path, kind, one of the services.
EVENTS = """
lambda CreateFunction20150331 role role lambda
lambda UpdateFunctionConfiguration20150331v2 role role lambda
ec2 RunInstances iamInstanceProfile/name instance_profile ec2
ec2 RunInstances iamInstanceProfile/arn instance_profile ec2
ec2 RunInstances launchTemplate launch_template ec2
ec2 CreateFleet launchTemplateConfigs/*/launchTemplateSpecification launch_template ec2
autoscaling CreateAutoScalingGroup serviceLinkedRoleARN role autoscaling
autoscaling CreateAutoScalingGroup launchTemplate launch_template ec2
rds CreateDBInstance monitoringRoleArn role monitoring.rds
rds ModifyDBInstance monitoringRoleArn role monitoring.rds
rds CreateDBInstanceReadReplica monitoringRoleArn role monitoring.rds
ecs RegisterTaskDefinition taskRoleArn role ecs-tasks
ecs RegisterTaskDefinition executionRoleArn role ecs-tasks
events PutTargets targets/*/roleArn role events
cloudformation CreateStack roleARN role cloudformation
s3 PutBucketReplication replicationConfiguration/role role s3
iam AddRoleToInstanceProfile roleName role ec2
codebuild UpdateProjectVisibility resourceAccessRole role codebuild
codebuild StartBuild serviceRoleOverride role codebuild
athena StartSession executionRole role athena
textract StartDocumentAnalysis notificationChannel/roleArn role textract
kinesisanalytics UpdateApplication serviceExecutionRoleUpdate role kinesisanalytics
rolesanywhere EnableProfile profile/roleArns/* role rolesanywhere
opsworks CreateStack serviceRoleArn role opsworks
opsworks CreateStack defaultInstanceProfileArn instance_profile ec2
opsworks CreateLayer customInstanceProfileArn instance_profile ec2
opsworks-cm CreateServer instanceProfileArn instance_profile ec2
robomaker CreateSimulationJob iamRole role robomaker
iotanalytics CreateDataset actions/*/containerAction/executionRoleArn role iotanalytics
iotevents CreateAlarmModel roleArn role iotevents
qldb ExportJournalToS3 roleArn role qldb
elastictranscoder CreatePipeline role role elastictranscoder
codestar CreateProject toolchain/roleArn role codestar
lookoutmetrics CreateAlert action/lambdaConfiguration/roleArn role lookoutmetrics
sms CreateReplicationJob roleName role sms
"""
ROWS = [tuple(line.split()) for line in EVENTS.strip().splitlines()]


@pytest.mark.parametrize(("source", "name", "path", "kind", "service"), ROWS)
def test_event_has_a_role_location(source: str, name: str, path: str, kind: str, service: str) -> None:
    """With its kind and service."""
    event = trail_event(f"{source}.amazonaws.com", name)
    assert event is not None
    places = {"/".join(place.path): place for place in event.places}
    assert places[path].kind == kind
    assert f"{service}.amazonaws.com" in places[path].services


@pytest.mark.parametrize("call", CALLS, ids=lambda call: f"{call.source.partition('.')[0]} {call.name}")
def test_the_calls_of_the_synthetic_logs_are_known(call: Any) -> None:
    """Every call that the tests' own logs are made of is known, with the services that it passes to."""
    event = trail_event(call.source, call.name)
    assert event is not None
    services = {service for place in event.places for service in place.services}
    assert {f"{service}.amazonaws.com" for _, service in call.passes} <= services


def test_synthetic_logs_cover_many_events() -> None:
    """At least forty events of twenty services."""
    assert len({(call.source, call.name) for call in CALLS}) >= 40
    assert len({call.source for call in CALLS}) >= 20
    passed = {(call.name.partition("2015")[0], *one) for call in CALLS for one in call.passes}
    assert {  # of the services that AWS's page on passing roles names
        ("CreateFunction", "R", "lambda"),
        ("RunInstances", "Q", "ec2"),
        ("CreateDBInstance", "R", "monitoring.rds"),
        ("CreateAutoScalingGroup", "L", "autoscaling"),  # its service-linked role
    } <= passed
    events_known = {(event.source, event.name) for event in trail_events().values()}
    assert len(events_known) >= 700
    assert len({source for source, _ in events_known}) >= 150


@pytest.mark.parametrize(
    ("source", "name"),
    [("sts", "AssumeRole"), ("iam", "CreateRole"), ("iam", "PassRole"), ("rds", "RemoveRoleFromDBCluster")],
)
def test_events_that_pass_nothing_are_absent(source: str, name: str) -> None:
    """Roles that are assumed, created or removed are not passed."""
    assert trail_event(f"{source}.amazonaws.com", name) is None


def test_every_event_is_of_an_action_that_passes_roles() -> None:
    """Events and actions do not contradict each other: each event has an action that passes a role, and is not a
    hint."""
    wrong = {event.action for event in trail_events().values() if event.action.lower() not in passed_values()}
    assert wrong == set()
    assert all(event.confidence in ("documented", "corroborated") for event in trail_events().values())


def test_services_of_events_are_known() -> None:
    """Nothing is said to be passed to a service principal that does not exist."""
    services = {service for event in trail_events().values() for place in event.places for service in place.services}
    assert services <= known_services()


def test_other_names_of_a_source_mean_the_same() -> None:
    """An event is found by the name that requests are signed for and by that of the endpoint."""
    assert trail_event("api.sagemaker.amazonaws.com", "CreateModel") is trail_event(
        "sagemaker.amazonaws.com", "CreateModel"
    )


@pytest.mark.parametrize(
    ("name", "without"),
    [
        ("CreateFunction20150331", "CreateFunction"),
        ("UpdateFunctionCode20150331v2", "UpdateFunctionCode"),
        ("CreateDistribution2020_05_31", "CreateDistribution"),
        ("CreateAutoMLJobV2", "CreateAutoMLJobV2"),
        ("RunInstances", "RunInstances"),
        ("", ""),
    ],
)
def test_versions_are_stripped(name: str, without: str) -> None:
    """A date at the end is a version; any other number belongs to the name."""
    assert without_version(name) == without


def _generated(
    operations: dict[str, Any], rows: dict[str, Any], values: dict[str, Any] | None = None, retired: Any = None
) -> dict[str, Any]:
    shapes = {
        "In": {"type": "structure", "required": ["ThingName"], "members": {
            "ThingName": {"shape": "S"}, "RoleArn": {"shape": "S"}, "IamInstanceProfile": {"shape": "P"}}},
        "P": {"type": "structure", "members": {"Name": {"shape": "S"}}},
        "Out": {"type": "structure", "members": {"ThingArn": {"shape": "S"}, "RoleArn": {"shape": "S"}}},
        "S": {"type": "string"},
    }  # fmt: skip
    known = {f"thing:{name}".lower(): f"thing:{name}" for name in ("CreateThing", "GetThing", "MoveThing")}
    metadata = {"endpointPrefix": "api.thing", "signingName": "thing"}
    models = [
        ServiceModel("thing", {"metadata": metadata, "operations": content, "shapes": shapes}, last)
        for content, last in ((operations, ""), (retired or {}, "1.2.3"))
    ]
    return events.collect_events(models, known, {}, events.PassingActions(rows, values or {}))


FACTS = ["d-", [], "thing", "thing", [], []]


def test_an_operation_becomes_an_event() -> None:
    """Source, name without a version, locations spelled like CloudTrail, and the name of the resource."""
    operation = {"input": {"shape": "In"}, "output": {"shape": "Out"}}
    found = _generated({"CreateThing20200101": operation}, {"thing": {"CreateThing": FACTS}})
    places = [["iamInstanceProfile/name", "i", "thing"], ["roleArn", "r", "thing"]]
    assert found["events"] == {"thing CreateThing": ["thing:CreateThing", "d", places, [">thingArn", "<thingName"]]}
    assert found["aliases"] == {"api.thing": "thing"}


def test_operations_that_do_not_pass_roles_are_omitted() -> None:
    """Reading operations, actions that pass nothing, and hints."""
    operation = {"input": {"shape": "In"}}
    assert _generated({"GetThing": operation}, {"thing": {"GetThing": FACTS}})["events"] == {}
    assert _generated({"CreateThing": operation}, {})["events"] == {}
    hint = ["h-", [], "thing", "thing", [], []]
    assert _generated({"CreateThing": operation}, {"thing": {"CreateThing": hint}})["events"] == {}


def test_hint_becomes_an_event_if_a_source_shows_the_service() -> None:
    """A model with a role and a source for iam:PassedToService corroborate each other; a pattern is no service."""
    operation = {"CreateThing": {"input": {"shape": "In"}}}
    hint = {"thing": {"CreateThing": ["h-", [], "thing", "thing", [], []]}}
    (row,) = _generated(operation, hint, {"thing": {"CreateThing": ["cs", "x,x.*", 0]}})["events"].values()
    assert (row[1], {place[2] for place in row[2]}) == ("c", {"x"})
    assert _generated(operation, hint, {"thing": {"CreateThing": ["ou", "x", 0]}})["events"] == {}


def test_event_of_a_retired_operation_names_the_last_release() -> None:
    """An operation that is still there under another date is not retired."""
    operation = {"input": {"shape": "In"}}
    passing = {"thing": {"CreateThing": FACTS, "MoveThing": FACTS}}
    retired = {"MoveThing": operation, "CreateThing2019_01_01": operation}
    found = _generated({"CreateThing": operation}, passing, retired=retired)["events"]
    assert {key: row[4:] for key, row in found.items()} == {"thing CreateThing": [], "thing MoveThing": ["1.2.3"]}


def test_retired_services_stay_known() -> None:
    """The releases are those in which each service was last: the next one has no model of it."""
    retired = {(one.source.partition(".")[0], one.retired) for one in trail_events().values() if one.retired}
    assert {
        ("opsworks", "1.40.18"), ("opsworks-cm", "1.40.18"), ("robomaker", "1.40.60"), ("qldb", "1.40.60"),
        ("lookoutmetrics", "1.40.60"), ("iotanalytics", "1.42.50"), ("elastictranscoder", "1.42.17"),
        ("codestar", "1.35.2"), ("nimble", "1.35.47"), ("sms", "1.40.30"), ("iotevents", "1.43.37"),
        ("panorama", "1.43.37"), ("simspaceweaver", "1.43.37"),
    } == retired  # fmt: skip
    assert trail_events()["lambda.amazonaws.com", "CreateFunction"].retired == ""


def test_every_rule_has_a_source_and_does_something() -> None:
    """Every hand-maintained rule names its source and has an effect."""
    for rule in events.rules():
        assert rule["source"], rule
        assert {"exclude", "services", "add", "action", "resource"} & rule.keys(), rule
    assert events.find_unused_rules({"events": {}}) != []


def test_other_events_of_the_logs_pass_nothing() -> None:
    """Other events in the synthetic logs pass nothing by their parameters."""
    known: list[TrailEvent | None] = [trail_event(f"{source}.amazonaws.com", name) for source, name, _ in NOISE]
    assert any(known)
    assert not all(known)
