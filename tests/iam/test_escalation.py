"""Open escalation paths of a principal."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest
from path_conditions_of_tests import assume, pairs

from passrole_checks.iam.documents.policy import Statement, parse_document
from passrole_checks.iam.permissions.escalation import PassedRolePath, normalize_service, open_paths, service_family
from passrole_checks.iam.permissions.permissions import Permissions
from passrole_checks.iam.values.nodes import Position, StringNode, Ternary, Unresolved, text

AT = Position("policy.json", 1)
LAMBDA = "lambda.amazonaws.com"
WAY = PassedRolePath("x-001", "", ("x:Create", "x:Start"), (LAMBDA,), (LAMBDA,))


def statement(effect: str, action: str, resource: str = "*", services: Sequence[str] = ()) -> dict[str, object]:
    found: dict[str, object] = {"Effect": effect, "Action": action, "Resource": resource}
    if services:
        found["Condition"] = {"StringEquals": {"iam:PassedToService": list(services)}}
    return found


def parsed(*statements: dict[str, object]) -> tuple[Statement, ...]:
    document = {"Version": "2012-10-17", "Statement": list(statements)}
    return parse_document(text(json.dumps(document), AT)).statements


def test_path_needs_all_of_its_actions() -> None:
    """A way is open where every action is allowed, and surely so where nothing is open."""
    assert open_paths(Permissions(parsed(statement("Allow", "x:Create"))), [WAY]) == ()
    (found,) = open_paths(Permissions(parsed(statement("Allow", "x:C*"), statement("Allow", "x:S*"))), [WAY])
    assert found.certain is Ternary.YES and len(found.by) == 2


def test_unresolved_actions_alone_open_no_path() -> None:
    """One action from an unresolved part is a way that is unknown; actions that are nothing but an unresolved part are
    none."""
    hole = StringNode((Unresolved("var.actions"),), AT)
    (unknown,) = parsed(statement("Allow", "x:Nothing"))
    unknown = Statement("", AT, None, "Allow", (hole,), None, unknown.resources, None, None, True)
    assert open_paths(Permissions((unknown,)), [WAY]) == ()
    (found,) = open_paths(Permissions((unknown, *parsed(statement("Allow", "x:Create")))), [WAY])
    assert found.certain is Ternary.UNKNOWN


def test_resource_of_another_service_opens_no_path() -> None:
    """An action on ARNs of another service is no action of a way."""
    start = statement("Allow", "x:*", "arn:aws:s3:::releases/*")
    assert open_paths(Permissions(parsed(start)), [WAY]) == ()


def test_actions_must_share_a_resource() -> None:
    """Creating some functions and invoking others opens no path; different or unknown resource types may open one."""
    arn = "arn:aws:x:*:111122223333:"

    def opens(created: str, started: str, *more: str) -> bool:
        statements = [statement("Allow", "x:Create", created), statement("Allow", "x:Start", started)]
        statements += [statement("Allow", "x:Start", one) for one in more]
        return bool(open_paths(Permissions(parsed(*statements)), [WAY]))

    assert not opens(arn + "function:a-*", arn + "function:b-*")
    assert opens(arn + "function:a-*", arn + "function:*-x") and opens(arn + "function:a-*", "*")
    assert opens(arn + "function:a-*", arn + "mapping:b") and opens(arn + "function:a-*", arn + "*")
    assert opens(arn + "function:a-*", arn + "function:b-*", arn + "function:a-x")


def test_exclusive_alternatives_open_no_path() -> None:
    """Actions allowed only under mutually exclusive conditions open no path."""

    def reading(outcome: str, name: str) -> Statement:
        (one,) = parsed(statement("Allow", name))
        when = (assume("var.on", outcome),)
        return Statement("", AT, None, "Allow", one.actions, None, one.resources, None, None, True, when)

    assert open_paths(Permissions((reading("true", "x:Create"), reading("false", "x:Start"))), [WAY]) == ()
    (found,) = open_paths(Permissions((reading("true", "x:Create"), reading("true", "x:Start"))), [WAY])
    assert pairs(found.when) == (("var.on", "true"),)


@pytest.mark.parametrize(
    ("service", "plain", "of"),
    [
        ("monitoring.rds.amazonaws.com", "monitoring.rds.amazonaws.com", "rds"),
        ("logs.eu-west-1.amazonaws.com", "logs.amazonaws.com", "logs"),
        ("ec2.amazonaws.com.cn", "ec2.amazonaws.com", "ec2"),
    ],
)
def test_service_names_are_normalized(service: str, plain: str, of: str) -> None:
    """A service principal without Region and suffix, and the service that it belongs to."""
    assert (normalize_service(service), service_family(service)) == (plain, of)


def test_forgotten_answers_are_computed_again() -> None:
    permissions = Permissions(parsed(statement("Allow", "x:Create"), statement("Allow", "x:Start")))
    before = open_paths(permissions, [WAY])
    permissions.forget()
    assert open_paths(permissions, [WAY]) == before != ()
