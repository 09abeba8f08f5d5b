"""``Fn::ForEach``: expanded if the collection is known, else read once with an unresolved variable."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest
from path_conditions_of_tests import pairs
from work import at_most

from passrole_checks.errors import InputError
from passrole_checks.iam.documents.policy import Statement, parse_document
from passrole_checks.iam.partial_values import Choice, ObjectNode, StringNode
from passrole_checks.sources.cloudformation import load
from passrole_checks.sources.model.configuration import Configuration, Inputs

HEAD = """\
Transform: AWS::LanguageExtensions
Parameters:
  Teams: {Type: CommaDelimitedList, Default: "red,blue"}
  Open: {Type: CommaDelimitedList}
Mappings:
  Lists: {known: {Names: [x, y]}}
"""


def read(text: str, **parameters: str) -> Configuration:
    return load(Path("t.yaml"), HEAD + textwrap.dedent(text), inputs=Inputs(parameters=tuple(parameters.items())))


def addresses(configuration: Configuration) -> list[str]:
    return [resource.address for resource in configuration.resources]


def statements(configuration: Configuration) -> dict[str, Statement]:
    return {policy.resource.address: parse_document(policy.document).statements[0] for policy in configuration.policies}


def resources(configuration: Configuration) -> list[str]:
    return [str(text) for one in statements(configuration).values() for text in one.resources or ()]


LOOP = """\
Resources:
  Fn::ForEach::Roles:
    - Team
    - {collection}
    - {key}:
        Type: AWS::IAM::Policy
        Properties:
          PolicyDocument:
            Statement: {{Effect: Allow, Action: iam:PassRole, Resource: {resource}}}
"""


@pytest.mark.parametrize(
    ("collection", "names"),
    [
        ("[red, blue]", ["red", "blue"]),
        ("!Ref Teams", ["red", "blue"]),
        ("!FindInMap [Lists, known, Names]", ["x", "y"]),
        ("!Split [',', 'p,q']", ["p", "q"]),
        ("[red, red]", ["red"]),
        ("[1, two]", ["1", "two"]),
    ],
)
def test_loop_over_a_known_collection_is_expanded(collection: str, names: list[str]) -> None:
    """Each element adds a resource, with its name in keys, texts, references and functions."""
    for resource, expected in (
        ("'role/${Team}-*'", "role/{}-*"),
        ("!Sub 'role/${Team}-*'", "role/{}-*"),
        ("!Join ['', ['role/', !Ref Team, '-*']]", "role/{}-*"),
        ("{'Fn::Join': ['', ['role/', {Ref: Team}, '-*']]}", "role/{}-*"),
        ("!Sub ['role/${Name}-*', {Name: !Ref Team}]", "role/{}-*"),
    ):
        configuration = read(LOOP.format(collection=collection, key="Policy${Team}", resource=resource))
        assert not configuration.unreadable
        assert addresses(configuration) == [f"Policy{name}" for name in names]
        assert resources(configuration) == [expected.format(name) for name in names]


def test_ampersand_identifier_drops_other_characters() -> None:
    """``&{Identifier}`` omits characters that a logical id cannot contain; ``${Identifier}`` does not."""
    configuration = read(LOOP.format(collection="[a-team, 'b.x']", key="'P&{Team}'", resource="'role/${Team}/&{Team}'"))
    assert addresses(configuration) == ["Pateam", "Pbx"]
    assert resources(configuration) == ["role/a-team/ateam", "role/b.x/bx"]


def test_given_list_is_the_collection() -> None:
    """A list from the command line is looped over."""
    loop = LOOP.format(collection="!Ref Open", key="P${Team}", resource="'role/${Team}'")
    assert addresses(read(loop)) == ["P${Team}"]
    assert addresses(read(loop, Open="a,b")) == ["Pa", "Pb"]


@pytest.mark.parametrize(
    "resource", ["'role/${Team}-*'", "!Sub 'role/${Team}-*'", "!Join ['', ['role/', !Ref Team, '-*']]"]
)
def test_loop_over_an_unknown_collection_is_read_once(resource: str) -> None:
    """The resources appear once, with an unresolved loop variable."""
    configuration = read(LOOP.format(collection="!Ref Open", key="P${Team}", resource=resource))
    assert addresses(configuration) == ["P${Team}"]
    (statement,) = statements(configuration).values()
    ((text,),) = [statement.resources or ()]
    assert str(text) == "role/${Team}-*"
    assert [(hole.expression, hole.reason) for hole in text.unresolved_parts] == [
        ("Team", "the collection of its loop is unknown")
    ]


def test_nested_loops_are_expanded() -> None:
    """Inner collections may depend on the outer loop, and generated resources can be referenced."""
    configuration = read(
        """\
        Resources:
          Fn::ForEach::Outer:
            - A
            - [x, y]
            - Fn::ForEach::Inner:
                - B
                - [!Ref A, z]
                - Role${A}${B}: {Type: AWS::IAM::Role, Properties: {RoleName: !Sub "${A}-${B}"}}
          P:
            Type: AWS::IAM::Policy
            Properties:
              PolicyDocument:
                Statement: {Effect: Allow, Action: iam:PassRole, Resource: !GetAtt Rolexz.Arn}
        """
    )
    assert addresses(configuration) == ["Rolexx", "Rolexz", "Roleyy", "Roleyz", "P"]
    ((text,),) = [statements(configuration)["P"].resources or ()]
    assert isinstance(text, StringNode)
    assert text.only_unresolved is not None
    assert text.only_unresolved.role == "Rolexz"
    assert not configuration.unreadable


def test_loops_in_conditions_and_in_properties() -> None:
    """Conditions of a loop apply, and a loop in a property adds entries."""
    configuration = read(
        """\
        Conditions:
          Fn::ForEach::Each: [Team, [red, blue], {"Is${Team}": !Equals [!Ref AWS::Region, !Ref Team]}]
        Resources:
          P:
            Type: AWS::IAM::Policy
            Condition: Isred
            Properties:
              PolicyDocument:
                Statement:
                  Effect: Allow
                  Action: iam:PassRole
                  Resource: "*"
                  Condition:
                    Fn::ForEach::Operators:
                      - Operator
                      - [StringEquals, StringLike]
                      - ${Operator}: {iam:PassedToService: lambda.amazonaws.com}
        """
    )
    (statement,) = statements(configuration).values()
    assert pairs(statement.when) == (("AWS::Region", '"red"'),)
    assert isinstance(statement.condition, ObjectNode)
    assert [str(entry.key) for entry in statement.condition.entries] == ["StringEquals", "StringLike"]


def test_generated_statement_has_the_position_of_the_loop_body() -> None:
    """Also in a JSON text."""
    configuration = read(
        """\
        Resources:
          Fn::ForEach::Each:
            - Team
            - [red, blue]
            - P${Team}:
                Type: AWS::IAM::Policy
                Properties:
                  PolicyDocument: !Sub |
                    {"Statement": [
                      {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::${Team}"},
                      {"Effect": "Allow", "Action": "iam:PassRole", "Resource": "role/${Team}"}]}
        """
    )
    for policy in configuration.policies:
        found = parse_document(policy.document).statements
        first = len(HEAD.splitlines()) + 1
        assert [(one.at.line, one.at.column) for one in found] == [(first + 9, 15), (first + 10, 15)]


def test_duplicate_logical_id_from_a_loop_is_unreadable() -> None:
    """AWS rejects such a template."""
    configuration = read(LOOP.format(collection="[a, b]", key="Same", resource="'role/${Team}'"))
    assert [item.resource for item in configuration.unreadable] == ["Same"]


@pytest.mark.slow
def test_loop_expansion_is_bounded() -> None:
    """Eight nested loops of forty elements are read quickly: once, with unresolved variables."""
    body = '"P": {Type: AWS::IAM::Policy, Properties: {PolicyDocument: {Statement: !Sub "${V0}${V7}"}}}'
    for depth in range(8):
        words = ", ".join(f"w{number}" for number in range(40))
        body = f'"Fn::ForEach::L{depth}": [V{depth}, [{words}], {{{body}}}]'
    with at_most(20_000_000):
        try:
            configuration = read(f"Resources: {{{body}}}\n")
            assert configuration.resources
        except InputError as error:
            assert "too" in error.reason


def test_map_value_of_a_loop_element() -> None:
    """A value that a map has for an element is used for that element only."""
    configuration = read(
        """\
        Resources:
          Fn::ForEach::Each:
            - Team
            - [red, blue]
            - P${Team}:
                Type: AWS::IAM::Policy
                Properties: {PolicyDocument: {Statement: !If ["Is${Team}", a, b]}}
        """
    )
    for policy, name in zip(configuration.policies, ("Isred", "Isblue"), strict=True):
        assert isinstance(policy.document, ObjectNode)
        statement = policy.document.get("Statement")
        assert isinstance(statement, Choice)
        assert statement.condition == name


def test_string_is_a_collection_of_one_element() -> None:
    """A parameter with one name may be the collection."""
    loop = LOOP.format(collection="!Ref AWS::URLSuffix", key="P", resource="'role/${Team}'")
    assert resources(read(loop)) == ["role/amazonaws.com"]


@pytest.mark.parametrize("collection", ["[!Ref Open]", "{a: b}", "!If [C, [a], [b]]"])
def test_partly_unknown_collection_is_not_expanded(collection: str) -> None:
    """So is a value that is not a list."""
    loop = LOOP.format(collection=collection, key="P${Team}", resource="'role/${Team}'")
    assert addresses(read(loop)) == ["P${Team}"]


def test_unexpanded_loop_in_a_property_is_unresolved() -> None:
    """Also in a list."""
    configuration = read(
        """\
        Resources:
          Fn::ForEach::Known:
            - A
            - [x]
            - P${A}:
                Type: AWS::IAM::Policy
                Properties:
                  PolicyDocument:
                    Statement:
                      - Fn::ForEach::Open: [B, !Ref Open, {"${B}": b}]
                        Effect: Allow
                        Action: iam:PassRole
                        Resource: !Ref A
        """
    )
    assert addresses(configuration) == ["Px"]
    assert resources(configuration) == ["x"]
