"""Paths are followed through all forms in which CloudTrail writes parameters."""

from __future__ import annotations

from typing import Any

import pytest

from passrole_checks.cloudtrail.parameter_paths import strings_at, unwrap, values_at


@pytest.mark.parametrize(
    ("parameters", "path", "found"),
    [
        ({"role": "a"}, "role", ["a"]),
        ({"Role": "a"}, "role", ["a"]),
        ({"role": ""}, "role", []),
        ({"role": 5}, "role", []),
        ({"role": None}, "role", []),
        ({"list": ["a", "b"]}, "list/*", ["a", "b"]),
        ({"list": {"items": [{"role": "a"}, {"role": "b"}]}}, "list/*/role", ["a", "b"]),
        ({"List": {"tag": 1, "content": "a"}}, "list/*", ["a"]),
        ({"List": [{"tag": 1, "content": "a"}, {"tag": 2, "content": "b"}]}, "list/*", ["a", "b"]),
        ({"List": {"tag": 1, "Role": "a"}}, "list/*/role", ["a"]),
        ({"list": [{"role": "a"}]}, "list/role", ["a"]),
        ({"map": {"x": {"role": "a"}, "y": {"role": "b"}}}, "map/{}/role", ["a", "b"]),
        ({"attributes": {"LambdaSuccessFeedbackRoleArn": "a", "Other": "b"}}, "attributes/*FeedbackRoleArn", ["a"]),
        ({"parameters": '{"RoleArn": "a"}'}, "parameters/@json/RoleArn", ["a"]),
        ({"parameters": "no JSON"}, "parameters/@json/RoleArn", []),
        ({"parameters": {"RoleArn": "a"}}, "parameters/@json/RoleArn", []),
        (None, "role", []),
        ("text", "role", []),
        ([], "role", []),
        ({"role": {"deeper": "a"}}, "role", []),
    ],
)
def test_a_path_finds_its_texts(parameters: Any, path: str, found: list[str]) -> None:
    """Each of the table."""
    assert strings_at(parameters, path.split("/")) == found


def test_sibling_value_selects_the_match() -> None:
    """Only list options with the requested name match."""
    options = {"optionSettings": [{"optionName": "ServiceRole", "value": "a"}, {"optionName": "Other", "value": "b"}]}
    path = ("optionSettings", "*", "value")
    assert strings_at(options, path, (("optionName", "servicerole"),)) == ["a"]
    assert strings_at(options, path, (("optionName", "*"),)) == ["a", "b"]
    assert strings_at(options, path, (("missing", "*"),)) == []


def test_the_wrapping_of_a_request_is_taken_off() -> None:
    """Only where it is the event's own."""
    assert unwrap({"CreateFlowLogsRequest": {"A": 1}}, "CreateFlowLogs") == {"A": 1}
    assert unwrap({"CreateFlowLogsResponse": {"A": 1}}, "CreateFlowLogs", "Response") == {"A": 1}
    assert unwrap({"OtherRequest": {"A": 1}}, "CreateFlowLogs") == {"OtherRequest": {"A": 1}}
    assert unwrap(None, "CreateFlowLogs") is None


def test_endless_lists_end() -> None:
    """No more values than a request could hold are taken."""
    assert len(values_at({"list": ["a"] * 50_000}, ("list", "*"))) == 10_000
