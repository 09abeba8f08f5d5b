"""Values are followed along the paths of the receivers, in every format."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest
from path_conditions_of_tests import choice

from passrole_checks.aws.role_properties import EmbeddedReceiver, Receiver
from passrole_checks.iam.documents.json_document import parse_json
from passrole_checks.iam.values.nodes import Absent, ListNode, Node, ObjectNode, Position, StringNode, text
from passrole_checks.sources.collect import consumers
from passrole_checks.sources.model.configuration import Framework, ResourceDefinition

AT = Position("app.yaml", 1)
RESOURCE = ResourceDefinition("Thing", "AWS::Test::Thing", Framework.CLOUDFORMATION, AT)


def receiver(*path: str) -> Receiver:
    return Receiver(RESOURCE.type, path, "role", "passed", ("s.amazonaws.com",), ("s.amazonaws.com",), "documented")


def embedded(form: str, path: str, inside: str, **more: Any) -> EmbeddedReceiver:
    services = ("s.amazonaws.com",)
    way, within = (tuple(words.split("/")) if words else () for words in (path, inside))
    where, by = more.get("where", ()), more.get("by", "deployer")
    return EmbeddedReceiver(RESOURCE.type, way, form, where, within, "role", services, services, "documented", by)


def node(value: Any) -> Node:
    """Return JSON as a value; a text with ``|`` is a choice, null is absent."""
    if value is None:
        return Absent(AT)
    if isinstance(value, str):
        first, bar, second = value.partition("|")
        return choice("c", (("true", node(first)), ("false", node(second))), AT) if bar else text(value, AT)
    parsed = parse_json(text(json.dumps(value), AT))
    assert isinstance(parsed, (ListNode, ObjectNode))
    return parsed


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return the received roles of a resource as (attribute, value, by)."""

    def look(properties: dict[str, Node], *known: Receiver | EmbeddedReceiver) -> list[tuple[str, str, str]]:
        plain = tuple(one for one in known if isinstance(one, Receiver))
        inner = tuple(one for one in known if isinstance(one, EmbeddedReceiver))
        monkeypatch.setattr(consumers, "receivers_of", lambda _: plain)
        monkeypatch.setattr(consumers, "embedded_receivers_of", lambda _: inner)
        resource: Any = SimpleNamespace(definition=RESOURCE, names=lambda: properties, value=properties.get)
        return [
            (one.attribute, str(one.value) if isinstance(one.value, StringNode) else type(one.value).__name__, one.by)
            for one in consumers.find_received_roles(resource)
        ]

    return look


@pytest.mark.parametrize(
    ("value", "path", "expected"),
    [
        ("r", ("P",), [("P", "r")]),
        ({"Role": "r"}, ("P", "Role"), [("P/Role", "r")]),
        ({"Other": "r"}, ("P", "Role"), []),
        ([{"Role": "a"}, {}, {"Role": "b"}], ("P", "*", "Role"), [("P/0/Role", "a"), ("P/2/Role", "b")]),
        (["a", "b"], ("P", "*"), [("P/0", "a"), ("P/1", "b")]),
        ("a", ("P", "*"), [("P", "a")]),
        ({"x": {"Role": "a"}, "y": {"Role": "b"}}, ("P", "{}", "Role"), [("P/x/Role", "a"), ("P/y/Role", "b")]),
        ({"Role": "a"}, ("P", "*", "Role"), [("P/Role", "a")]),
        ([{"Role": "a"}], ("P", "Role"), [("P/0/Role", "a")]),
        ("", ("P",), []),
        (None, ("P",), []),
        ("a|b", ("P",), [("P", "Choice")]),
        ({"Role": 5}, ("P", "Role"), []),
        ({"Role": "a"}, ("{}", "Role"), [("P/Role", "a")]),
    ],
)
def test_a_path_leads_to_its_values(value: Any, path: tuple[str, ...], expected: list[Any], found: Any) -> None:
    """Lists, maps, single values in place of lists, and choices are followed; missing ones yield nothing."""
    assert found({"P": node(value)}, receiver(*path)) == [(*one, "deployer") for one in expected]


def test_all_variants_on_a_path_are_followed(found: Any) -> None:
    """Where a list is one of two, the roles in both are received."""
    either = choice("c", (("true", node([{"Role": "a"}])), ("false", node([{"Role": "b"}]))), AT)
    assert found({"P": either}, receiver("P", "*", "Role")) == [
        ("P/0/Role", "a", "deployer"),
        ("P/0/Role", "b", "deployer"),
    ]


def test_roles_inside_json_are_found(found: Any) -> None:
    """In a JSON text, or in the object itself, keys are found without regard to case, at any depth where it says so."""
    definition = {"properties": {"jobRoleArn": "a", "parts": [{"JobRoleArn": "b"}]}}
    known = embedded("json", "P", "**/jobRoleArn")
    expected = [("P/properties/jobRoleArn", "a", "deployer"), ("P/properties/parts/0/JobRoleArn", "b", "deployer")]
    assert found({"P": text(json.dumps(definition), AT)}, known) == expected
    assert found({"P": node(definition)}, known) == expected


def test_pair_matches_by_its_name(found: Any) -> None:
    """In a list of settings, the one whose name says that its value is a role."""
    settings = [{"Name": "Size", "Value": "r"}, {"Name": "servicerole", "Value": "a"}]
    known = embedded("pair", "P/*", "Value", where=(("Name", "ServiceRole"),), by="user")
    assert found({"P": node(settings)}, known) == [("P/1/Value", "a", "user")]


def test_properties_may_be_the_pair(found: Any) -> None:
    """A resource may receive a role depending on another of its properties."""
    known = embedded("pair", "", "Arn", where=(("Type", "EC2"),))
    assert found({"Type": node("EC2"), "Arn": node("a")}, known) == [("Arn", "a", "deployer")]
    assert found({"Type": node("STANDARD"), "Arn": node("a")}, known) == []
    assert found({"Arn": node("a")}, known) == []
