"""Any event is read without an exception, and everything reported about it is text."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from profiles import examples
from trails.calls import CALLS, filled

from passrole_checks.aws.cloudtrail_events import trail_events
from passrole_checks.cloudtrail.extract import PassExtractor, Row
from passrole_checks.cloudtrail.model import LogSummary, Pass
from passrole_checks.cloudtrail.struct_text import parse_structure

NAMES = {letter: f"{letter.lower()}-1" for letter in "AGXNQE"} | {
    "R": "arn:aws:iam::111122223333:role/r",
    "L": "arn:aws:iam::111122223333:role/aws-service-role/l",
    "P": "arn:aws:iam::111122223333:instance-profile/p",
}
WORDS = st.sampled_from(
    ["roleArn", "role", "items", "tag", "content", "launchTemplate", "launchTemplateId", "version", "arn", "name",
    "type",
     "iamInstanceProfile", "sessionContext", "sessionIssuer", "RunInstancesRequest", NAMES["R"], NAMES["P"], "$Latest",
     ""]
)  # fmt: skip
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | WORDS | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS | st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)
KEYS = st.sampled_from([*sorted(trail_events()), ("ec2.amazonaws.com", "CreateLaunchTemplate")])


def read(source: str, name: str, *structures: Any, error: str = "") -> list[Pass]:
    """The passes of an event with these parameters, answer and identity."""
    request, response, identity = (None if one is None else json.dumps(one) for one in structures)
    row = Row("e", "t", source, name, "r", "ip", "", error, "111122223333", identity, request, response, "f")
    return list(PassExtractor(LogSummary()).of(row))


def assert_text(passes: list[Pass]) -> None:
    """All facts are text, and something was passed."""
    for one in passes:
        assert one.passed
        facts = (one.role, one.instance_profile, one.resource, one.who.principal, one.who.arn, one.launch_template)
        assert all(isinstance(fact, str) for fact in facts)


@given(KEYS, VALUES, VALUES, VALUES)
@settings(max_examples=examples(400))
def test_any_parameters(key: tuple[str, str], request: Any, response: Any, identity: Any) -> None:
    """Any known event with any parameters."""
    assert_text(read(*key, request, response, identity))


@given(st.sampled_from(CALLS), st.data())
@settings(max_examples=examples(300))
def test_calls_with_something_replaced(call: Any, data: st.DataObject) -> None:
    """A call that passes a role, with one of its values replaced by anything."""
    request = filled(call.request, NAMES)
    node: Any = request
    while (isinstance(node, dict) and node) or (isinstance(node, list) and node):
        key = data.draw(st.sampled_from(sorted(node) if isinstance(node, dict) else list(range(len(node)))))
        if not isinstance(node[key], dict | list) or data.draw(st.booleans()):
            node[key] = data.draw(VALUES)
            break
        node = node[key]
    assert_text(read(call.source, call.name, request, call.response, {"arn": data.draw(VALUES)}))


@given(st.text(alphabet='{}[]=, ab:"\\', max_size=60))
@settings(max_examples=examples(400))
def test_any_structure_of_an_export(text: str) -> None:
    """Columns of exports hold anything."""
    parse_structure(text)


@given(st.text(max_size=80))
def test_any_error(text: str) -> None:
    """Messages are matched, and never taken for more than they are."""
    passes = read("lambda.amazonaws.com", "CreateFunction20150331", None, None, None, error=text)
    assert passes == [] or "iam:PassRole" in text
