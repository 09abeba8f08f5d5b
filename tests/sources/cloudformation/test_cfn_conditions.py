"""Conditions: combined outcomes, impossible ones, and the path conditions of findings."""

from __future__ import annotations

import itertools
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from profiles import examples

from passrole_checks.iam.values.nodes import Choice, Node, ObjectNode, StringNode
from passrole_checks.iam.values.path_conditions import PathCondition, consistent, one_of
from passrole_checks.sources.cloudformation import load
from passrole_checks.sources.model.configuration import Inputs

PROBE = """\
  Probe:
    Type: AWS::IAM::Policy
    Properties:
      PolicyDocument:
        Probe: {value}
"""


def test_large_condition_is_known_by_its_name() -> None:
    """A condition over ten parameters is unresolved, and evaluated quickly."""
    names = [f"P{number}" for number in range(10)]
    template = "Parameters:\n" + "".join(f"  {name}: {{Type: String}}\n" for name in names) + "Conditions:\n"
    for number, name in enumerate(names):
        before = f", !Condition C{number - 1}" if number else ""
        function = "Or" if number % 2 else "And"
        template += (
            f"  C{number}: !{function} [!Equals [!Ref {name}, a], !Equals [!Ref {names[number - 9]}, b]{before}]\n"
        )
    template += "Resources:\n" + PROBE.format(value="!If [C9, a, b]")
    document = load(Path("t.yaml"), template).policies[0].document
    assert isinstance(document, ObjectNode)
    found = document.get("Probe")
    assert isinstance(found, Choice)


WORDS = ("dev", "stage", "prod")
EQUALS = st.tuples(st.sampled_from(["Env", "Free"]), st.sampled_from(WORDS)).map(
    lambda pair: "!Equals [!Ref {}, {}]".format(*pair)
)
CONDITIONS = st.recursive(
    EQUALS,
    lambda inner: st.one_of(
        inner.map("!Not [{}]".format),
        st.tuples(st.sampled_from(["And", "Or"]), st.lists(inner, min_size=2, max_size=3)).map(
            lambda pair: "!{} [{}]".format(pair[0], ", ".join(pair[1]))
        ),
    ),
    max_leaves=4,
)
VALUES = st.recursive(
    st.sampled_from(
        ["a", "b", "!Ref Env", "!Ref Free", "!FindInMap [Protected, !Ref Env, Is]", "!Sub 'x${Env}${Free}'"]
    ),
    lambda inner: st.one_of(
        st.tuples(st.sampled_from("ABC"), inner, inner).map(lambda row: "!If [{}, {}, {}]".format(*row)),
        st.lists(inner, min_size=1, max_size=3).map(lambda items: "!Join ['', [{}]]".format(", ".join(items))),
    ),
    max_leaves=6,
)


def decided(node: Node, facts: PathCondition) -> str:
    """Return the only variant of a value under a path condition."""
    while isinstance(node, Choice):
        (node,) = [option for outcome, option in node.options if consistent(facts, outcome)]
    assert isinstance(node, StringNode), node
    assert node.literal is not None or node.only_unresolved is None or not facts
    return str(node)


@settings(max_examples=examples(60))
@given(st.lists(CONDITIONS, min_size=3, max_size=3), VALUES)
def test_unresolved_value_agrees_with_every_given_value(conditions: list[str], written: str) -> None:
    """A value evaluated without parameters is consistent with the one evaluated with each of their values."""
    head = (
        "Parameters:\n  Env: {Type: String, AllowedValues: [dev, stage, prod]}\n"
        "  Free: {Type: String, AllowedValues: [dev, stage, prod]}\n"
        'Mappings:\n  Protected: {dev: {Is: "no"}, stage: {Is: "no"}, prod: {Is: "yes"}}\nConditions:\n'
    )
    head += "".join(f"  {name}: {text}\n" for name, text in zip("ABC", conditions, strict=True)) + "Resources:\n"
    template = head + PROBE.format(value=written)
    open_ = load(Path("t.yaml"), template).policies[0].document
    assert isinstance(open_, ObjectNode)
    for env, free in itertools.product(WORDS, WORDS):
        inputs = Inputs(parameters=(("Env", env), ("Free", free)))
        known = load(Path("t.yaml"), template, inputs=inputs).policies[0].document
        assert isinstance(known, ObjectNode)
        facts = (one_of("Env", [env]), one_of("Free", [free]))
        left, right = open_.get("Probe"), known.get("Probe")
        assert left is not None
        assert right is not None
        assert decided(left, facts) == decided(right, ())
