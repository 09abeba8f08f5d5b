"""Instance profiles and launch templates stand for the roles in them, as far as the logs show it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("duckdb")

from passrole_checks.cloudtrail import LogSummary, Pass, UsageQuery, read_passes

ACCOUNT = "111122223333"
PROFILE = f"arn:aws:iam::{ACCOUNT}:instance-profile/web"


def event(
    source: str, name: str, request: Any, response: Any = None, *, region: str = "us-east-1", **more: Any
) -> dict[str, Any]:
    """An event; its time follows from its place in the log."""
    return {
        "eventSource": f"{source}.amazonaws.com",
        "eventName": name,
        "requestParameters": request,
        "responseElements": response,
        "userIdentity": {"type": "IAMUser", "arn": f"arn:aws:iam::{ACCOUNT}:user/alice", "accountId": ACCOUNT},
        "recipientAccountId": ACCOUNT,
        "awsRegion": region,
        **more,
    }


def add_role(role: str = "web-role", profile: str = "web") -> dict[str, Any]:
    """The event that puts a role into a profile."""
    return event("iam", "AddRoleToInstanceProfile", {"instanceProfileName": profile, "roleName": role})


def template(name: str = "web", data: Any = None, *, region: str = "us-east-1") -> dict[str, Any]:
    """The event that makes a launch template, as EC2 writes it."""
    data = {"ImageId": "ami-1", "IamInstanceProfile": {"Name": "web"}} if data is None else data
    return event(
        "ec2",
        "CreateLaunchTemplate",
        {"CreateLaunchTemplateRequest": {"LaunchTemplateName": name, "LaunchTemplateData": data}},
        {
            "CreateLaunchTemplateResponse": {
                "launchTemplate": {"launchTemplateId": f"lt-{name}", "latestVersionNumber": 1}
            }
        },
        region=region,
    )


def version(number: int, data: Any, source: str = "", name: str = "web") -> dict[str, Any]:
    """The event that makes a further version of it."""
    request: dict[str, Any] = {"LaunchTemplateId": f"lt-{name}", "LaunchTemplateData": data}
    if source:
        request["SourceVersion"] = source
    answer = {"launchTemplateVersion": {"launchTemplateId": f"lt-{name}", "versionNumber": number}}
    return event(
        "ec2",
        "CreateLaunchTemplateVersion",
        {"CreateLaunchTemplateVersionRequest": request},
        {"CreateLaunchTemplateVersionResponse": answer},
    )


def run(chosen: dict[str, Any] | None, **more: Any) -> dict[str, Any]:
    """The event that starts an instance from a template."""
    request: dict[str, Any] = {"instancesSet": {"items": [{"minCount": 1}]}}
    if chosen is not None:
        request["launchTemplate"] = chosen
    return event("ec2", "RunInstances", request, {"instancesSet": {"items": [{"instanceId": "i-1"}]}}, **more)


def told(tmp_path: Path, *events: dict[str, Any], of: str = "") -> list[Pass]:
    """The passes in events that follow each other; those of one event where ``of`` names it. In the file they stand the
    other way round."""
    timed = [
        {**one, "eventTime": f"2026-03-01T00:00:{number:02d}Z", "eventID": f"e{number}"}
        for number, one in enumerate(events)
    ]
    (tmp_path / "log.json").write_text(json.dumps({"Records": timed[::-1]}))
    with read_passes([tmp_path], UsageQuery(), LogSummary(), threads=1) as passes:
        return [one for one in passes if one.event == of or not of]


def test_instance_profile_is_resolved_to_its_role(tmp_path: Path) -> None:
    """If the log shows the role added to the profile, that role is passed to EC2."""
    started = event("ec2", "RunInstances", {"iamInstanceProfile": {"arn": PROFILE}})
    (one,) = told(tmp_path, add_role(), started, of="RunInstances")
    assert (one.role, one.instance_profile, one.services) == ("web-role", PROFILE, ("ec2.amazonaws.com",))


def test_unknown_profile_is_reported(tmp_path: Path) -> None:
    """Its role is not guessed from its name."""
    (one,) = told(tmp_path, event("ec2", "RunInstances", {"iamInstanceProfile": {"name": "web"}}))
    assert (one.role, one.instance_profile, one.passed) == ("", "web", "web")


def test_role_added_later_does_not_count(tmp_path: Path) -> None:
    """The role that a profile holds when it is used counts, not one before or after it."""
    started = event("ec2", "RunInstances", {"iamInstanceProfile": {"name": "web"}})
    removed = event("iam", "RemoveRoleFromInstanceProfile", {"instanceProfileName": "web", "roleName": "web-role"})
    roles = [one.role for one in told(tmp_path, started, add_role(), started, removed, started, of="RunInstances")]
    assert roles == ["", "web-role", ""]


def test_failed_addition_to_a_profile_does_not_count(tmp_path: Path) -> None:
    """An event that ended in an error changed nothing."""
    failed = {**add_role(), "errorCode": "LimitExceededException", "errorMessage": "one role at most"}
    started = event("ec2", "RunInstances", {"iamInstanceProfile": {"name": "web"}})
    (one,) = told(tmp_path, failed, started, of="RunInstances")
    assert one.role == ""


@pytest.mark.parametrize(
    "chosen",
    [
        {"launchTemplateId": "lt-web"},
        {"launchTemplateName": "web", "version": "1"},
        {"launchTemplateName": "web", "version": "$Latest"},
        {"launchTemplateId": "lt-web", "version": "$Default"},
    ],
)
def test_a_template_brings_its_profile(chosen: dict[str, str], tmp_path: Path) -> None:
    """Starting an instance from a template passes the role of its profile."""
    (one,) = told(tmp_path, add_role(), template(), run(chosen), of="RunInstances")
    assert (one.role, one.instance_profile, one.resource) == ("web-role", "web", "i-1")
    assert one.launch_template in ("web", "lt-web")


def test_making_a_template_passes_nothing(tmp_path: Path) -> None:
    """Only its use does (EC2 User Guide, "Control access to launch templates with IAM permissions")."""
    assert told(tmp_path, template(), version(2, {"IamInstanceProfile": {"Arn": PROFILE}})) == []


def test_versions_are_distinguished(tmp_path: Path) -> None:
    """The default stays the first one until it is set; the latest is the one with the highest number."""
    made = [template(), version(2, {"IamInstanceProfile": {"Name": "other"}})]
    default = event(
        "ec2",
        "ModifyLaunchTemplate",
        {"ModifyLaunchTemplateRequest": {"LaunchTemplateId": "lt-web", "SetDefaultVersion": 2}},
    )
    chosen = {"launchTemplateId": "lt-web"}
    uses = [run(chosen), run({**chosen, "version": "$Latest"}), default, run(chosen), run({**chosen, "version": "1"})]
    assert [one.instance_profile for one in told(tmp_path, *made, *uses)] == ["web", "other", "other", "web"]


def test_a_version_has_what_its_source_has(tmp_path: Path) -> None:
    """Unspecified values come from the source version; without one they are empty."""
    made = [template(), version(2, {"ImageId": "ami-2"}, source="1"), version(3, {"ImageId": "ami-3"})]
    chosen = {"launchTemplateId": "lt-web"}
    uses = [run({**chosen, "version": str(number)}) for number in (1, 2, 3)]
    assert [one.instance_profile for one in told(tmp_path, *made, *uses)] == ["web", "web"]


def test_a_template_made_again_under_its_name_is_another(tmp_path: Path) -> None:
    """The default version of a deleted template does not apply to a new one with its name."""
    again = template(data={"IamInstanceProfile": {"Name": "second"}})
    again["responseElements"]["CreateLaunchTemplateResponse"]["launchTemplate"]["launchTemplateId"] = "lt-again"
    default = event(
        "ec2",
        "ModifyLaunchTemplate",
        {"ModifyLaunchTemplateRequest": {"LaunchTemplateId": "lt-web", "SetDefaultVersion": 2}},
    )
    made = [template(), version(2, {"IamInstanceProfile": {"Name": "other"}}), default]
    uses = [run({"launchTemplateName": "web"}), again, run({"launchTemplateName": "web"})]
    assert [one.instance_profile for one in told(tmp_path, *made, *uses)] == ["other", "second"]


def test_regions_are_distinguished(tmp_path: Path) -> None:
    """A template of the same name in another Region is another one."""
    assert told(tmp_path, template(region="eu-central-1"), run({"launchTemplateName": "web"})) == []


def test_profile_in_the_request_takes_precedence(tmp_path: Path) -> None:
    """A profile in the request takes the place of the template's."""
    started = run({"launchTemplateId": "lt-web"})
    started["requestParameters"]["iamInstanceProfile"] = {"name": "own"}
    assert [one.instance_profile for one in told(tmp_path, template(), started)] == ["own"]


def test_response_shows_the_profile_of_a_template(tmp_path: Path) -> None:
    """If the log does not show the template, the started instances show the profile."""
    started = run({"launchTemplateId": "lt-unknown"})
    started["responseElements"]["instancesSet"]["items"][0]["iamInstanceProfile"] = {"arn": PROFILE, "id": "AIPA"}
    (one,) = told(tmp_path, add_role(), started, of="RunInstances")
    assert (one.role, one.instance_profile, one.launch_template) == ("web-role", PROFILE, "lt-unknown")


@pytest.mark.parametrize(
    ("name", "request_"),
    [
        ("CreateAutoScalingGroup", {"launchTemplate": {"launchTemplateId": "lt-web", "version": "1"}}),
        ("UpdateAutoScalingGroup", {"mixedInstancesPolicy": {"launchTemplate": {
            "launchTemplateSpecification": {"launchTemplateName": "web"}}}}),
        ("CreateFleet", {"CreateFleetRequest": {"LaunchTemplateConfigs": {"tag": 1, "LaunchTemplateSpecification": {
            "LaunchTemplateId": "lt-web", "Version": 1}}}}),
    ],
)  # fmt: skip
def test_groups_and_fleets_use_templates_too(name: str, request_: dict[str, Any], tmp_path: Path) -> None:
    """Auto Scaling groups and fleets name templates in ways of their own."""
    source = "autoscaling" if "Auto" in name else "ec2"
    (one,) = told(tmp_path, add_role(), template(), event(source, name, request_), of=name)
    assert (one.role, one.services) == ("web-role", ("ec2.amazonaws.com",))


def test_the_linked_role_of_a_group_counts_only_where_it_is_named(tmp_path: Path) -> None:
    """AWS's page: PassRole is needed for a service-linked role only where the request names it."""
    linked = f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling_x"
    named = event(
        "autoscaling", "CreateAutoScalingGroup", {"autoScalingGroupName": "a", "serviceLinkedRoleARN": linked}
    )
    silent = event("autoscaling", "CreateAutoScalingGroup", {"autoScalingGroupName": "b"})
    (one,) = told(tmp_path, named, silent)
    assert (one.role, one.services, one.resource) == (linked, ("autoscaling.amazonaws.com",), "a")


def test_role_created_in_the_logs_is_reported_by_arn(tmp_path: Path) -> None:
    """A role name alone has no path; if the logs show the creation of the role, its ARN is reported."""
    arn = f"arn:aws:iam::{ACCOUNT}:role/service/web-role"
    made = event("iam", "CreateRole", {"roleName": "web-role", "path": "/service/"}, {"role": {"arn": arn}})
    failed = {**made, "errorCode": "EntityAlreadyExistsException", "responseElements": None}
    job = event("glue", "CreateJob", {"name": "j", "role": "web-role"})
    started = event("ec2", "RunInstances", {"iamInstanceProfile": {"name": "web"}})
    found = told(tmp_path, job, failed, made, job, add_role(), started)
    assert [(one.event, one.role) for one in found] == [
        ("CreateJob", "web-role"),
        ("CreateJob", arn),
        ("AddRoleToInstanceProfile", arn),
        ("RunInstances", arn),
    ]
