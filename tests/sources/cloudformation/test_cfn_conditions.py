"""Conditions: combined outcomes, impossible ones, and the path conditions of findings."""

from __future__ import annotations

import itertools
import textwrap
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from path_conditions_of_tests import outcome_of, pairs
from profiles import examples

from passrole_checks.iam.documents.policy import Statement, parse_document
from passrole_checks.iam.partial_values import Absent, Choice, ListNode, Node, ObjectNode, StringNode
from passrole_checks.iam.path_conditions import PathCondition, consistent, one_of
from passrole_checks.scan.scanner import ScanOptions, scan_configurations
from passrole_checks.sources.cloudformation import load
from passrole_checks.sources.model.configuration import Configuration, Inputs

HEAD = """\
Parameters:
  Env: {Type: String, Default: dev, AllowedValues: [dev, stage, prod]}
  Free: {Type: String}
  Other: {Type: String}
  Boundary: {Type: String, Default: ""}
  Clash: {Type: String}
Mappings:
  Protected: {dev: {Is: "no"}, stage: {Is: "no"}, prod: {Is: "yes"}}
Conditions:
  IsProd: !Equals [!Ref Env, prod]
  IsDev: !Equals [dev, {Ref: Env}]
  NotProd: !Not [Condition: IsProd]
  Dear: {"Fn::Or": [{Condition: IsProd}, !Equals [!Ref Env, stage]]}
  Neither: !And [!Not [!Condition IsProd], !Not [!Condition IsDev]]
  Never: !And [!Condition IsProd, !Condition IsDev]
  Always: !Or [!Condition NotProd, !Condition IsProd]
  Unheard: !Equals [!Ref Env, nowhere]
  Literal: !Equals [a, a]
  Guarded: !Equals [!FindInMap [Protected, !Ref Env, Is], "yes"]
  HasBoundary: !Not [!Equals [!Ref Boundary, ""]]
  FreeX: !Equals [!Ref Free, x]
  Both: !And [!Condition IsProd, !Condition FreeX]
  UsEast: !Equals [!Ref AWS::Region, us-east-1]
  Same: !Equals [!Ref Free, !Ref Other]
  Prefixed: !Equals [!Sub "app-${Free}", app-x]
  Wrapped: !Equals [!Join ["-", [the, !Ref Env, one]], the-prod-one]
  Impossible: !Equals [!Sub "app-${Free}", web-x]
  Circle: !Not [!Condition Circle]
  Broken: !Equals [a]
  Clash: !Equals [!Ref Clash, "true"]
Resources:
"""
PROBE = """\
  Probe:
    Type: AWS::IAM::Policy
    Properties:
      PolicyDocument:
        Probe: {value}
"""
ALLOW = '{{Effect: Allow, Action: iam:PassRole, Resource: "{role}"}}'
ANY, ONE = ALLOW.format(role="*"), ALLOW.format(role="arn:aws:iam::111122223333:role/app")


def read(resources: str, head: str = HEAD, **parameters: str) -> Configuration:
    return load(
        Path("t.yaml"),
        head + textwrap.indent(textwrap.dedent(resources), "  "),
        inputs=Inputs(parameters=tuple(parameters.items())),
    )


def value(written: str, head: str = HEAD, **parameters: str) -> Node:
    configuration = read(PROBE.format(value=written), head, **parameters)
    document = configuration.policies[0].document
    assert isinstance(document, ObjectNode)
    found = document.get("Probe")
    assert found is not None
    return found


def spelled(node: Node) -> str:
    if isinstance(node, Choice):
        return (
            f"{node.condition}?("
            + " | ".join(f"{outcome_of(label)}={spelled(option)}" for label, option in node.options)
            + ")"
        )
    if isinstance(node, ListNode):
        return "[" + ", ".join(map(spelled, node.items)) + "]"
    return "-" if isinstance(node, Absent) else str(node)


def statements(configuration: Configuration) -> list[Statement]:
    return [one for policy in configuration.policies for one in parse_document(policy.document).statements]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("!If [IsProd, a, b]", 'Env?("prod"=a | "dev" or "stage"=b)'),
        ("!If [NotProd, a, b]", 'Env?("dev" or "stage"=a | "prod"=b)'),
        ("!If [IsDev, a, b]", 'Env?("dev"=a | "prod" or "stage"=b)'),
        ("!If [Dear, a, b]", 'Env?("prod" or "stage"=a | "dev"=b)'),
        ("!If [Neither, a, b]", 'Env?("stage"=a | "dev" or "prod"=b)'),
        ("!If [Guarded, a, b]", 'Env?("prod"=a | "dev" or "stage"=b)'),
        ("!If [Never, a, b]", "b"),
        ("!If [Always, a, b]", "a"),
        ("!If [Unheard, a, b]", "b"),
        ("!If [Literal, a, b]", "a"),
        ("!If [HasBoundary, a, b]", 'Boundary?(not ""=a | ""=b)'),
        ("!If [FreeX, a, b]", 'Free?("x"=a | not "x"=b)'),
        ("!If [Both, a, b]", 'Env?("prod"=Free?("x"=a | not "x"=b) | "dev" or "stage"=b)'),
        ("!If [UsEast, a, b]", 'AWS::Region?("us-east-1"=a | not "us-east-1"=b)'),
        ("!If [Same, a, b]", "${Free} == ${Other}?(true=a | false=b)"),
        ("!If [Prefixed, a, b]", 'Free?("x"=a | not "x"=b)'),
        ("!If [Prefixed, !If [FreeX, a, b], c]", 'Free?("x"=a | not "x"=c)'),
        ("!If [Wrapped, !If [IsProd, a, b], c]", 'Env?("prod"=a | "dev" or "stage"=c)'),
        ("!If [Impossible, a, b]", "b"),
        ("!If [Circle, a, b]", "Circle?(true=b | false=a)"),
        ("!If [Broken, a, b]", "Broken?(true=a | false=b)"),
        ("!If [Undefined, a, b]", "Undefined?(true=a | false=b)"),
        ("!If [Clash, a, b]", 'Ref Clash?("true"=a | not "true"=b)'),
        # what is assumed decides what stands below it
        ("!If [IsProd, !If [IsDev, a, b], !If [NotProd, c, d]]", 'Env?("prod"=b | "dev" or "stage"=c)'),
        ("!If [IsProd, !Ref Env, x]", 'Env?("prod"=prod | "dev" or "stage"=x)'),
        ("!If [NotProd, x, !Sub 'in-${Env}']", 'Env?("dev" or "stage"=x | "prod"=in-prod)'),
        ("!If [Dear, !Ref Env, x]", 'Env?("prod" or "stage"=Env?("stage"=stage | "prod"=prod) | "dev"=x)'),
        ("!If [FreeX, !Ref Free, !Ref Free]", 'Free?("x"=x | not "x"=${Free})'),
        ("!If [HasBoundary, !Ref Boundary, x]", 'Boundary?(not ""=${Boundary} | ""=x)'),
        ("!If [UsEast, !Ref AWS::Region, x]", 'AWS::Region?("us-east-1"=us-east-1 | not "us-east-1"=x)'),
        # one text of several alternatives
        ("!Join ['', [!If [IsProd, a, b], !If [IsDev, c, d]]]",
         'Env?("prod"=ad | "dev" or "stage"=Env?("dev"=bc | "prod" or "stage"=bd))'),
        ("!Join ['', [!If [IsProd, a, b], !If [NotProd, c, d]]]", 'Env?("prod"=ad | "dev" or "stage"=bc)'),
    ],
)  # fmt: skip
def test_condition_becomes_parameter_values(written: str, expected: str) -> None:
    """Fn::If yields path conditions about the values that its condition compares, without impossible ones."""
    assert spelled(value(written)) == expected


def test_condition_on_many_values_of_a_free_parameter() -> None:
    """``Fn::Or`` of six values lists them, and its opposite is their complement."""
    values = '"a" or "b" or "c" or "d" or "e" or "f"'
    equals = ", ".join(f"!Equals [!Ref Free, {letter}]" for letter in "abcdef")
    head = HEAD.replace("Resources:", f"  Many: !Or [{equals}]\nResources:")
    assert spelled(value("!If [Many, in, out]", head)) == f"Free?({values}=in | not {values}=out)"
    assert spelled(value("!If [Many, !If [FreeX, never, in], out]", head)) == f"Free?({values}=in | not {values}=out)"


UNUSUAL = [
    # what is malformed intrinsic function says nothing
    ("!Condition [a]", "X?(true=a | false=b)"),
    ("!And [!Equals [a], !Condition IsProd]", "X?(true=a | false=b)"),
    ("!And [!Condition IsProd, !Equals [a]]", "X?(true=a | false=b)"),
    ("!Or x", "X?(true=a | false=b)"),
    ("IsProd", "X?(true=a | false=b)"),
    ("{Condition: IsProd, Other: x}", "X?(true=a | false=b)"),
    ("!Equals [[a], a]", "Fn::Equals a, a?(true=a | false=b)"),
    # two unknown texts, and one of which something is known
    ("!Equals [!Ref Free, !Ref Free]", "a"),
    ('!Equals [!Sub "${Free}-app", web]', "b"),
    ('!Equals [!Sub "${Free}-x", web]', "b"),
    ('!Equals [!Sub "${Free}${Other}", web]', '${Free}${Other}?("web"=a | not "web"=b)'),
    ('!Equals [!Ref AWS::Partition, ""]', "b"),
    ('!Equals [!GetAtt Probe.Arn, ""]', "b"),
    ("!Equals [!Ref Only, only]", "a"),
    ("!Equals [!Ref Only, other]", "b"),
    # decisions about the same value, which leave one answer or the other
    ("!Equals [!If [IsProd, a, b], !If [IsProd, a, b]]", "a"),
    ("!Equals [!If [FreeX, a, b], !If [FreeX, b, a]]", "b"),
    ("!And [!Not [!Condition FreeX], !Condition FreeX]", "b"),
    ("!Or [!Not [!Condition FreeX], !Condition FreeX]", "a"),
    ("!Or [!Condition Same, !Not [!Condition Same]]", "a"),
    ("!And [!Equals [!Ref Free, x], !Equals [!Ref Free, y]]", "b"),
    ("!Or [!Equals [!Ref Free, x], !Equals [!Ref Free, y]]", 'Free?("x" or "y"=a | not "x" or "y"=b)'),
    ("!And [!Condition FreeX, !Equals [!Ref Other, y], !Not [!Condition FreeX]]", "b"),
    (
        "!And [!Or [!Condition FreeX, !Condition IsProd], !Not [!Condition FreeX]]",
        'Free?("x"=b | not "x"=Env?("prod"=a | "dev" or "stage"=b))',
    ),
]


@pytest.mark.parametrize(("condition", "expected"), UNUSUAL)
def test_malformed_condition_is_unresolved(condition: str, expected: str) -> None:
    """A condition that cannot be evaluated is known by its name; one with a single outcome is decided."""
    head = HEAD.replace("Resources:\n", f"  X: {condition}\nResources:\n")
    head = head.replace("Parameters:\n", "Parameters:\n  Only: {Type: String, AllowedValues: [only]}\n")
    assert spelled(value("!If [X, a, b]", head)) == expected


def test_conditions_may_share_aliases() -> None:
    """A condition used through an alias is equal everywhere."""
    head = HEAD.replace("  Literal:", "  Here: &here !Equals [!Ref Env, stage]\n  There: *here\n  Literal:")
    assert spelled(value("!If [There, a, b]", head)) == 'Env?("stage"=a | "dev" or "prod"=b)'


def test_given_value_decides_a_condition() -> None:
    """A value from the command line leaves one outcome."""
    assert spelled(value("!If [IsProd, a, b]", Env="prod")) == "a"
    assert spelled(value("!If [IsProd, a, b]", Env="dev")) == "b"
    assert spelled(value("!If [HasBoundary, !Ref Boundary, b]", Boundary="x")) == "x"
    assert spelled(value("!If [Both, a, b]", Env="prod")) == 'Free?("x"=a | not "x"=b)'


def test_contradictory_variants_are_not_combined() -> None:
    """Two elements of a statement under conditions on one parameter give no impossible variant."""
    configuration = read(
        """\
          P:
            Type: AWS::IAM::Policy
            Properties:
              PolicyDocument:
                Statement:
                  Effect: !If [IsProd, Allow, Deny]
                  Action: !If [NotProd, a, b]
                  Resource: !If [IsDev, c, d]
        """
    )
    found = {
        (one.effect, str((one.actions or ())[0]), str((one.resources or ())[0])) for one in statements(configuration)
    }
    assert found == {("Allow", "b", "d"), ("Deny", "a", "c"), ("Deny", "a", "d")}


def test_conditional_resource_has_path_conditions() -> None:
    """The statements of a conditional resource have its condition; a resource that never exists has none."""
    policy = f"Type: AWS::IAM::Policy, Properties: {{PolicyDocument: {{Statement: {ANY}}}}}"
    configuration = read(
        f"""\
          A: {{Condition: IsProd, {policy}}}
          B: {{Condition: Never, {policy}}}
          C: {{Condition: Always, {policy}}}
        """
    )
    assert [policy.resource.address for policy in configuration.policies] == ["A", "B", "C"]
    assert [pairs(one.when) for one in statements(configuration)] == [(("Env", '"prod"'),), ()]
    result = scan_configurations([configuration], ScanOptions(checks=frozenset({"PASSROLE_001"})))
    assert ["Applies when Env" in finding.message for finding in result.findings] == [True, False]


def test_condition_false_by_default_is_checked() -> None:
    """A default is one of several values: findings of another value name that value."""
    configuration = read(
        f"  A: {{Type: AWS::IAM::Policy, Properties: {{PolicyDocument: {{Statement: [!If [IsProd, {ANY}, {ONE}]]}}}}}}"
    )
    result = scan_configurations([configuration], ScanOptions(checks=frozenset({"PASSROLE_001"})))
    (finding,) = result.findings
    assert 'Applies when Env = "prod".' in finding.message
    assert "Using the default" not in finding.message


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


@pytest.mark.parametrize(
    "denied",
    [
        '"*"',
        '!If [IsProd, "*", "arn:aws:iam::*:role/*"]',
        "!FindInMap [Roles, !Ref Kind, All]",
        '!If [Dear, "*", !Sub "arn:aws:iam::*:${Kind}/*"]',
    ],
)
def test_denies_under_all_values_are_unconditional(denied: str) -> None:
    """A Deny under each allowed value of a parameter always applies."""
    mapping = 'Roles: {role: {All: "*"}, "*": {All: "arn:aws:iam::*:role/*"}}'
    head = HEAD.replace("  Protected:", f"  {mapping}\n  Protected:", 1).replace(", Default: dev", "")
    head = head.replace("  Free: ", "  Kind: {Type: String, AllowedValues: [role, '*']}\n  Free: ", 1)
    template = f"""\
  P:
    Type: AWS::IAM::Policy
    Properties:
      PolicyDocument:
        Statement:
          - {ANY}
          - {{Effect: Deny, Action: iam:PassRole, Resource: {denied}}}
"""
    result = scan_configurations([load(Path("t.yaml"), head + template)], ScanOptions())
    assert [(finding.check_id, finding.message) for finding in result.findings] == []
