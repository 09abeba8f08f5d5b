"""Services derived from the actions that the holders of a statement are allowed.

Sources: IAM User Guide, "Policy evaluation logic", "Grant a user permissions to pass a role to an AWS service"; Service
Authorization Reference, tables "API operations".
"""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from principals_of_tests import allow, deny, document, written
from profiles import examples

from passrole_checks.access import derived_services
from passrole_checks.access.access_model import AccessModel
from passrole_checks.access.derived_services import (
    MOST_SERVICES,
    DerivedServices,
    OpenPointKind,
    derive_for_grant,
    derive_services,
)
from passrole_checks.aws.passing_actions import passed_values, values_of
from passrole_checks.iam.documents.policy import Statement, parse_document
from passrole_checks.iam.documents.trust import KnownRole
from passrole_checks.iam.permissions.permissions import Permissions
from passrole_checks.iam.permissions.principal import Principal, PrincipalKind
from passrole_checks.sources import cloudformation, terraform

PASS = allow("iam:PassRole", "arn:aws:iam::111122223333:role/app-*")


def statements(*items: dict[str, Any]) -> tuple[Statement, ...]:
    return parse_document(written(document(*items))).statements


def holder(
    *items: dict[str, Any],
    name: str = "deployer",
    limits: tuple[tuple[Statement, ...], ...] = (),
    complete: bool = True,
    kind: PrincipalKind = PrincipalKind.ROLE,
    unknown: tuple[str, ...] = (),
) -> Principal:
    return Principal(name, kind, Permissions(statements(PASS, *items), limits, complete), unknown)


def short(found: DerivedServices) -> list[str]:
    return [item.service.removesuffix(".amazonaws.com") for item in found.services]


def kinds(found: DerivedServices) -> list[OpenPointKind]:
    return [point.kind for point in found.open_points]


def named(*services: str) -> list[str]:
    return [f"{service}.amazonaws.com" for service in services]


def derive(*items: dict[str, Any]) -> DerivedServices:
    return derive_services([holder(*items)], partition="aws")


# -- from actions


def test_action_gives_all_of_its_values() -> None:
    """A pipeline passes roles to three services, and each names the action."""
    found = derive(allow("codepipeline:CreatePipeline"))
    assert short(found) == ["cloudformation", "codebuild", "codepipeline"]
    assert {item.actions for item in found.services} == {("codepipeline:CreatePipeline",)}
    assert found.is_complete


@pytest.mark.parametrize(
    ("action", "services"),
    [
        ("glue:*", ["glue", "redshift"]),
        ("events:Put*", ["events"]),
        ("datapipeline:*", ["datapipeline", "ec2", "elasticmapreduce"]),
        ("ecs:Describe*", []),
        ("ECS:runTask", ["ecs-tasks", "ecs"]),
    ],
)
def test_wildcard_gives_the_values_of_all_actions_that_it_matches(action: str, services: list[str]) -> None:
    """A wildcard over a service gives all values of its prefix."""
    assert short(derive(allow(action))) == services


_SERVICES_AND_TASKS = ["ecs:*Service", "ecs:*Task", "ecs:*Gateway"]


def test_denied_action_gives_nothing() -> None:
    """A Deny of the action on all resources takes its services away, one on some resources does not."""
    assert short(derive(allow("ecs:*"), deny("ecs:*Capacity*"), deny(_SERVICES_AND_TASKS))) == ["ecs-tasks"]
    part = deny("lambda:CreateFunction", "arn:aws:lambda:*:*:function:a-*")
    assert short(derive(allow("lambda:CreateFunction"), part)) == ["lambda"]


def test_boundary_and_conditions_limit_actions() -> None:
    """The boundary has to allow the action as well; a condition that the caller can meet does not forbid it."""
    boundary = statements(allow(["iam:PassRole", "lambda:*"]))
    one = holder(allow(["lambda:CreateFunction", "states:CreateStateMachine"]), limits=(boundary,))
    assert short(derive_services([one], partition="aws")) == ["lambda"]
    met = allow("lambda:CreateFunction", "*", {"StringEquals": {"aws:RequestedRegion": "eu-west-1"}})
    assert short(derive(met)) == ["lambda"]


def test_holders_of_a_shared_statement_are_united() -> None:
    """The services of all holders count, and each names the actions of all."""
    first = holder(allow("lambda:CreateFunction"), name="first")
    second = holder(allow(["states:CreateStateMachine", "lambda:UpdateFunctionConfiguration"]), name="second")
    found = derive_services([first, second], partition="aws")
    assert short(found) == ["lambda", "states"] and found.holders == ("first", "second")
    assert found.services[0].actions == ("lambda:CreateFunction", "lambda:UpdateFunctionConfiguration")


# -- further services


def test_principals_with_equal_permissions_are_evaluated_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Their statements are copies at other positions; others are evaluated for the services that they allow."""
    derived_services._actions_by_content.clear()
    asked: list[str] = []
    evaluate = Permissions.ways_for

    def counted(permissions: Permissions, action: str, *others: Any) -> Any:
        asked.append(action)
        return evaluate(permissions, action, *others)

    monkeypatch.setattr(Permissions, "ways_for", counted)
    first, *same = [derive_services([holder(allow(["glue:*", "batch:*"]), name=f"r{number}")]) for number in range(9)]
    assert len(asked) == len(set(asked)) and {name.partition(":")[0] for name in asked} == {"batch", "glue", "iam"}
    assert {one.services for one in same} == {first.services}
    derive_services([holder(allow(["glue:*", "batch:*"]), deny("glue:CreateJob"))])
    assert len(asked) == 2 * len(set(asked))


def test_written_services_are_kept() -> None:
    """The author's value stays, also if no action sends it."""
    found = derive_services([holder(allow("lambda:CreateFunction"))], written=named("ec2", "lambda"), partition="aws")
    assert {item.service: (item.written, bool(item.actions)) for item in found.services} == {
        "ec2.amazonaws.com": (True, False),
        "lambda.amazonaws.com": (True, True),
    }


def test_trusted_services_come_first() -> None:
    """A derived service that a role in scope trusts is probably meant; then those that resources pass roles to."""
    found = derive_services(
        [holder(allow(["codepipeline:CreatePipeline", "lambda:CreateFunction"]))],
        passed=named("states"),
        written=named("events"),
        roles=[KnownRole("build", frozenset(named("codebuild")))],
        partition="aws",
    )
    assert short(found) == ["codebuild", "states", "events", "cloudformation", "codepipeline", "lambda"]
    assert [item.trusted for item in found.services] == [True, False, False, False, False, False]


def test_open_partition_adds_names_and_no_service() -> None:
    """In China, EC2 has two names, which are one service."""
    one = holder(allow("ec2:RunInstances"))
    assert short(derive_services([one], partition=None)) == ["ec2", "ec2.amazonaws.com.cn"]
    assert derive_services([one], partition=None).count == 1
    assert short(derive_services([one], partition="aws")) == ["ec2"]


# -- manual review


@pytest.mark.parametrize(
    ("holders", "kind"),
    [
        ([], OpenPointKind.HOLDER_UNKNOWN),
        ([holder(allow("lambda:*"), kind=PrincipalKind.POLICY)], OpenPointKind.HOLDER_UNKNOWN),
        ([holder(allow("lambda:*"), complete=False)], OpenPointKind.HOLDER_INCOMPLETE),
        ([holder(allow("ssm:StartAutomationExecution"))], OpenPointKind.OPEN_ACTION),
        ([holder(allow("elasticbeanstalk:CreateEnvironment"))], OpenPointKind.OPEN_ACTION),
        ([holder(allow("cognito-idp:CreateUserPool"))], OpenPointKind.KEY_UNKNOWN),
        ([holder(allow(["ecs:*", "glue:*", "ec2:*", "lambda:*"]))], OpenPointKind.TOO_MANY),
        ([holder(allow("s3:GetObject"))], OpenPointKind.NO_ACTION),
    ],
)
def test_statement_needs_manual_review(holders: list[Principal], kind: OpenPointKind) -> None:
    """Each reason is found."""
    assert kind in kinds(derive_services(holders, partition="aws"))


def test_reasons_name_what_they_are_about() -> None:
    """The unknown policy, the open actions, and the action patterns that the holder is allowed."""
    one = holder(allow(["s3:Get*", "logs:PutLogEvents"]), complete=False, unknown=("arn:aws:iam::1:policy/x",))
    found = derive_services([one], partition="aws")
    assert [(point.kind, point.names) for point in found.open_points] == [
        (OpenPointKind.HOLDER_INCOMPLETE, ("arn:aws:iam::1:policy/x",)),
        (OpenPointKind.NO_ACTION, ("iam:PassRole", "s3:Get*", "logs:PutLogEvents")),
    ]
    opened = derive(allow(["ssm:StartAutomationExecution", "ssm:SendCommand"]))
    assert opened.open_points[0].names == ("ssm:StartAutomationExecution",)


def test_statement_without_the_name_of_the_action_is_left() -> None:
    """A wildcard over actions is no grant of PassRole that can be limited by itself."""
    found = derive_services([holder(allow("lambda:CreateFunction"))], by_name=False, partition="aws")
    assert kinds(found) == [OpenPointKind.NOT_BY_NAME]


@pytest.mark.parametrize(
    ("roles", "left"),
    [
        ([KnownRole("a", frozenset(named("ec2")))], True),
        ([KnownRole("a", frozenset(named("ec2"))), KnownRole("b", frozenset(named("lambda")))], False),
        ([KnownRole("a", None)], False),
        ([], False),
    ],
)
def test_roles_that_trust_no_derived_service_are_left(roles: list[KnownRole], left: bool) -> None:
    """If all known roles are for other services, what the statement is for is not known."""
    found = derive_services([holder(allow("lambda:CreateFunction"))], roles=roles, partition="aws")
    assert found.has(OpenPointKind.NOT_TRUSTED) is left


def test_pattern_of_a_region_is_no_service() -> None:
    """DMS has a name for each Region, which no list can contain."""
    found = derive(allow("dms:CreateReplicationInstance"))
    assert short(found) == ["dms"] and kinds(found) == [OpenPointKind.OPEN_ACTION]


# -- in a configuration

_TRUST = json.dumps(document({"Effect": "Allow", "Principal": {"Service": "SERVICE"}, "Action": "sts:AssumeRole"}))


def role(name: str, service: str) -> str:
    text = _TRUST.replace("SERVICE", f"{service}.amazonaws.com")
    return f'resource "aws_iam_role" "{name}" {{\n  name = "{name}"\n  assume_role_policy = {json.dumps(text)}\n}}\n'


def in_terraform(folder: Path, code: str) -> DerivedServices:
    (folder / "main.tf").write_text(code)
    return _only(AccessModel(terraform.load(folder)))


def _only(model: AccessModel) -> DerivedServices:
    for policy in model.configuration.policies:
        for grant in model.grants(policy):
            if grant.effect == "Allow":
                return derive_for_grant(model, [policy], grant)
    raise AssertionError("no grant")


def test_all_policies_of_the_holder_count(tmp_path: Path) -> None:
    """Its other inline policies, attached AWS managed ones, and the roles that resources receive."""
    pass_role = json.dumps(document(allow("iam:PassRole", "arn:aws:iam::111122223333:role/app-*")))
    other = json.dumps(document(allow("states:CreateStateMachine")))
    policies = "".join(
        f'resource "aws_iam_role_policy" "{name}" {{\n  role = aws_iam_role.ci.id\n  policy = {json.dumps(text)}\n}}\n'
        for name, text in (("p", pass_role), ("q", other))
    )
    found = in_terraform(
        tmp_path,
        role("ci", "codebuild") + role("app-fn", "lambda") + policies
        + 'resource "aws_iam_role_policy_attachment" "a" {\n  role = aws_iam_role.ci.name\n'
        '  policy_arn = "arn:aws:iam::aws:policy/AWSLambda_FullAccess"\n}\n'
        'resource "aws_lambda_function" "f" {\n  function_name = "f"\n  role = aws_iam_role.app-fn.arn\n}\n',
    )  # fmt: skip
    assert found.holders == ("aws_iam_role.ci",)
    by_name = {item.service.partition(".")[0]: item for item in found.services}
    assert short(found)[0] == "lambda" and by_name["lambda"].trusted and by_name["lambda"].passed
    assert by_name["states"].actions == ("states:CreateStateMachine",)


def test_partition_of_the_template_is_open() -> None:
    """``AWS::Partition`` leaves the partition open, a literal ARN does not."""
    body = {
        "Resources": {
            "R": {
                "Type": "AWS::IAM::Role",
                "Properties": {
                    "AssumeRolePolicyDocument": json.loads(_TRUST.replace("SERVICE", "codebuild.amazonaws.com")),
                    "Policies": [
                        {
                            "PolicyName": "p",
                            "PolicyDocument": document(
                                allow("iam:PassRole", {"Fn::Sub": "arn:${AWS::Partition}:iam::*:role/x"}),
                                allow("ec2:RunInstances"),
                            ),
                        }
                    ],
                },
            }
        }
    }
    text = json.dumps(body)
    opened = _only(AccessModel(cloudformation.load(Path("t.json"), text)))
    assert short(opened) == ["ec2", "ec2.amazonaws.com.cn"]
    stated = text.replace("${AWS::Partition}", "aws")
    assert short(_only(AccessModel(cloudformation.load(Path("t.json"), stated)))) == ["ec2"]


@pytest.mark.parametrize(
    ("condition", "services", "allowed"),
    [
        (None, ["lambda", "states"], ["lambda", "states"]),
        ({"StringEqualsIfExists": {"iam:PassedToService": "lambda.amazonaws.com"}}, ["lambda", "states"], ["lambda"]),
        ({"StringLike": {"iam:PassedToService": "*"}}, ["lambda", "states"], ["lambda", "states"]),
        ({"StringNotEquals": {"iam:PassedToService": "ec2.amazonaws.com"}}, ["lambda", "states"], ["lambda", "states"]),
        ({"StringLike": {"iam:PassedToService": "l*"}}, ["l*", "lambda", "states"], ["l*", "lambda"]),
        ({"StringEquals": {"iam:PassedToService": "lambda"}}, ["lambda", "states"], ["lambda", "states"]),
        ({"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}}, ["ec2", "lambda", "states"], ["ec2"]),
    ],
)
def test_condition_tells_which_services_add_access(
    condition: object, services: list[str], allowed: list[str], tmp_path: Path
) -> None:
    """Services that the condition excludes today are marked; what it names stays, except for what is no service."""
    body = json.dumps(
        document(
            allow("iam:PassRole", "arn:aws:iam::111122223333:role/app-*", condition),
            allow(["lambda:CreateFunction", "states:CreateStateMachine"]),
        )
    )
    policy = f'resource "aws_iam_role_policy" "p" {{\n  role = aws_iam_role.ci.id\n  policy = {json.dumps(body)}\n}}\n'
    found = in_terraform(tmp_path, role("ci", "codebuild") + policy)
    assert sorted(short(found)) == services
    assert sorted(item.service.removesuffix(".amazonaws.com") for item in found.services if item.allowed) == allowed


def test_policy_that_is_attached_nowhere_is_left(tmp_path: Path) -> None:
    """Its holder is unknown."""
    body = json.dumps(document(allow("iam:PassRole", "*"), allow("lambda:*")))
    found = in_terraform(tmp_path, f'resource "aws_iam_policy" "p" {{\n  policy = {json.dumps(body)}\n}}\n')
    assert found.has(OpenPointKind.HOLDER_UNKNOWN)


# -- against a slow and obvious reference: every action, every statement

_PREFIXES = ("codepipeline", "ecs", "lambda", "ssm", "cognito-idp", "datapipeline")
_ACTIONS = [item.action for name, item in sorted(passed_values().items()) if name.partition(":")[0] in _PREFIXES]
_PATTERNS = st.one_of(
    st.sampled_from(_ACTIONS),
    st.sampled_from([f"{prefix}:*" for prefix in _PREFIXES]),
    st.sampled_from(["ecs:Create*", "ecs:*Task*", "lambda:Update*", "s3:Get*", "codepipeline:?pdate*", "*"]),
)
_ITEMS = st.builds(
    lambda effect, key, patterns: {"Effect": effect, key: patterns, "Resource": "*"},
    st.sampled_from(["Allow", "Allow", "Deny"]),
    st.sampled_from(["Action", "Action", "Action", "NotAction"]),
    st.lists(_PATTERNS, min_size=1, max_size=3),
)
_POLICIES = st.lists(_ITEMS, max_size=4)


_EVERY = frozenset(item.action for item in passed_values().values())


@cache
def _matching(pattern: str) -> frozenset[str]:
    regex = re.compile(re.escape(pattern).replace(r"\*", ".*").replace(r"\?", "."), re.IGNORECASE)
    return frozenset(action for action in _EVERY if regex.fullmatch(action))


@cache
def _senders(service: str) -> frozenset[str]:
    return frozenset(action for action in _EVERY if service in values_of(action))


def _covered(items: list[dict[str, Any]], effect: str) -> frozenset[str]:
    """Return the actions in the statements with an effect."""
    found: set[str] = set()
    for item in items:
        if item["Effect"] == effect:
            patterns = frozenset[str]().union(*map(_matching, item.get("Action") or item["NotAction"]))
            found |= patterns if "Action" in item else _EVERY - patterns
    return frozenset(found)


def _allowed(items: list[dict[str, Any]], limit: list[dict[str, Any]] | None) -> frozenset[str]:
    """Return the actions that the policies allow, the boundary allows, and nothing denies."""
    allowed = _covered(items, "Allow") - _covered(items, "Deny")
    return allowed if limit is None else (allowed & _covered(limit, "Allow")) - _covered(limit, "Deny")


@given(
    st.lists(st.tuples(_POLICIES, st.one_of(st.none(), _POLICIES)), min_size=1, max_size=3),
    st.lists(st.sampled_from(named("ec2", "lambda", "states")), max_size=2),
)
@settings(max_examples=examples(100), deadline=None)
def test_services_are_those_of_the_reference(
    policies: list[tuple[list[dict[str, Any]], list[dict[str, Any]] | None]], authored: list[str]
) -> None:
    """The services are the values of each action that any holder is allowed, and those that the author wrote."""
    holders = [
        Principal(
            f"holder{number}",
            PrincipalKind.ROLE,
            Permissions(statements(*items), () if limit is None else (statements(*limit),)),
        )
        for number, (items, limit) in enumerate(policies)
    ]
    found = derive_services(holders, written=authored, partition="aws")
    allowed = frozenset[str]().union(*(_allowed(items, limit) for items, limit in policies))
    expected = {value for action in allowed for value in values_of(action) if "*" not in value} | set(authored)
    assert {item.service for item in found.services} == expected
    for item in found.services:
        assert set(item.actions) == allowed & _senders(item.service)
        assert item.written is (item.service in authored)
    values = passed_values()
    assert found.has(OpenPointKind.NO_ACTION) is (not allowed)
    assert found.has(OpenPointKind.KEY_UNKNOWN) is any(not values[a.lower()].key_sent for a in allowed)
    assert found.has(OpenPointKind.OPEN_ACTION) is any(
        values[a.lower()].key_sent and not values[a.lower()].closed for a in allowed
    )
    assert found.has(OpenPointKind.TOO_MANY) is (len(expected) > MOST_SERVICES)
    order = [(item.rank, item.service) for item in found.services]
    assert order == sorted(order)


@given(_POLICIES, _ITEMS)
@settings(max_examples=examples(40), deadline=None)
def test_more_access_gives_no_fewer_services(items: list[dict[str, Any]], more: dict[str, Any]) -> None:
    """An Allow more never removes a service, a Deny more never adds one."""
    before = {item.service for item in derive(*items).services}
    after = {item.service for item in derive(*items, more).services}
    assert before <= after if more["Effect"] == "Allow" else after <= before
