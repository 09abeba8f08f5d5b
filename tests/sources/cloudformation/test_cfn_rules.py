"""The Rules section: the values that its assertions leave to parameters."""

from __future__ import annotations

from pathlib import Path

import pytest

from passrole_checks.iam.partial_values import Choice, Node, ObjectNode, StringNode
from passrole_checks.sources.cloudformation import load


def value(rules: str, parameter: str = "Type: String") -> Node:
    """Return the value of a reference to a parameter under rules, given in YAML's flow style."""
    template = (
        f"Parameters: {{P: {{{parameter}}}, Q: {{Type: String}}}}\nRules: {rules}\nResources:\n"
        "  R: {Type: AWS::IAM::Policy, Properties: {PolicyDocument: {X: !Ref P}}}\n"
    )
    document = load(Path("t.yaml"), template).policies[0].document
    assert isinstance(document, ObjectNode)
    found = document.get("X")
    assert found is not None
    return found


def values(node: Node) -> list[str]:
    """The values that a reference can have; none where they are not known."""
    options = [option for _, option in node.options] if isinstance(node, Choice) else [node]
    return [option.literal for option in options if isinstance(option, StringNode) and option.literal is not None]


@pytest.mark.parametrize(
    ("assertion", "expected"),
    [
        ("Fn::Contains: [[a, b], !Ref P]", ["a", "b"]),
        ("Fn::Equals: [!Ref P, a]", ["a"]),
        ("Fn::Equals: [a, {Ref: P}]", ["a"]),
        ("Fn::And: [{Fn::Contains: [[a, b], !Ref P]}, {Fn::Contains: [[b, c], !Ref P]}]", ["b"]),
        ("Fn::Or: [{Fn::Equals: [!Ref P, a]}, {Fn::Equals: [!Ref P, c]}]", ["a", "c"]),
        ("Fn::Or: [{Fn::Equals: [!Ref P, a]}, {Fn::Equals: [!Ref Q, c]}]", []),
        ("Fn::Contains: [[a, !Ref Q], !Ref P]", []),
        ("Fn::Contains: [[a, b], !Ref Q]", []),
        ("Fn::EachMemberIn: [{Fn::ValueOfAll: ['AWS::EC2::VPC::Id', x]}, [a]]", []),
    ],
)
def test_assertion_restricts_values(assertion: str, expected: list[str]) -> None:
    """An assertion that lists the values of a parameter restricts it; others do not."""
    assert values(value(f"{{A: {{Assertions: [{{Assert: {{{assertion}}}}}]}}}}")) == expected


def test_rules_restrict_allowed_values() -> None:
    """Rules that leave no value are ignored."""
    rules = "{A: {Assertions: [{Assert: {Fn::Contains: [[a, b], !Ref P]}}]}}"
    assert values(value(rules, "Type: String, AllowedValues: [b, c]")) == ["b"]
    assert values(value(rules, "Type: String, AllowedValues: [c, d]")) == ["c", "d"]


def test_conditional_rule_is_ignored() -> None:
    """Under a RuleCondition an assertion says nothing in general."""
    rule = "RuleCondition: !Equals [!Ref Q, x], Assertions: [{Assert: {Fn::Equals: [!Ref P, a]}}]"
    assert values(value(f"{{A: {{{rule}}}}}")) == []


@pytest.mark.parametrize("rules", ["null", "[]", "{A: null}", "{A: {Assertions: x}}", "{A: {Assertions: [null, {}]}}"])
def test_malformed_rules_are_ignored(rules: str) -> None:
    """They restrict nothing."""
    assert values(value(rules)) == []
