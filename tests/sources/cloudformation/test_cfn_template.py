"""The text of a template: positions, limits, and unreadable texts."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from profiles import examples

from passrole_checks.errors import InputError
from passrole_checks.iam.values.nodes import Choice, ListNode, ObjectNode, StringNode
from passrole_checks.sources.cloudformation import load, looks_like_template
from passrole_checks.sources.cloudformation.json_text import compose_json
from passrole_checks.sources.cloudformation.template import Template, child

SAMPLE = """\
AWSTemplateFormatVersion: "2010-09-09"
Parameters:
  Env: {Type: String, Default: dev}
Conditions:
  IsProd: !Equals [!Ref Env, prod]
Resources:
  Deployer:
    Type: AWS::IAM::Role
    Metadata: {cfn-lint: {config: {ignore_checks: [E9501]}}}
    Properties:
      AssumeRolePolicyDocument: &trust
        Statement: {Effect: Allow, Principal: {Service: ec2.amazonaws.com}, Action: sts:AssumeRole}
      Policies:
        - PolicyName: pass  # checkov:skip=PASSROLE_002:known
          PolicyDocument:
            Version: 2012-10-17
            Statement:
              - Effect: Allow
                Action: iam:PassRole
                Resource:
                  - !Sub "arn:${AWS::Partition}:iam::${AWS::AccountId}:role/${Env}-*"
                  - !If [IsProd, "*", !Ref AWS::NoValue]
        - !If
          - IsProd
          - PolicyName: text
            PolicyDocument: !Sub |
              {"Statement": [
                {"Effect": "Allow", "Action": "iam:PassRole", "Resource": "${Deployer.Arn}"}
              ]}
          - !Ref AWS::NoValue
  Function:
    Type: AWS::Serverless::Function
    Properties:
      Policies: [{Statement: [{Effect: Deny, Action: "*", Resource: !Join ["", [!Select [0, !Split [":", "b:c"]]]]}]}]
"""

JSON_POLICY = """{
\t"Resources": {
\t\t"P": {
\t\t\t"Type": "AWS::IAM::Policy",
\t\t\t"Properties": {
\t\t\t\t"PolicyName": "\\ud83d\\ude00\\/",
\t\t\t\t"PolicyDocument": {"Statement": [
\t\t\t\t\t{"Effect": "Allow"},
\t\t\t\t\t{"Effect": "Deny"}
\t\t\t\t]}
\t\t\t}
\t\t}
\t}
}
"""


def statements(document: object) -> list[ObjectNode]:
    assert isinstance(document, ObjectNode)
    found = document.get("Statement")
    assert isinstance(found, ListNode)
    return [item for item in found.items if isinstance(item, ObjectNode)]


def test_positions_of_yaml_statements() -> None:
    """A statement spans from its first key to the end of its last value, not to the next token."""
    content = (
        "Resources:\n  P:\n    Type: AWS::IAM::Policy\n    Properties:\n      PolicyDocument:\n        Statement:\n"
        "        - Effect: Allow\n          Resource: '*'\n\n        # a comment\n        - Effect: Deny\n\n\n"
        "Outputs: {}\n"
    )
    configuration = load(Path("a/b.yaml"), content)
    first, second = statements(configuration.policies[0].document)
    assert (first.at.file, first.at.line, first.at.column, first.at.end_line, first.at.end_column) == (
        "a/b.yaml", 7, 11, 8, 24,
    )  # fmt: skip
    assert (second.at.line, second.at.column, second.at.end_line, second.at.end_column) == (11, 11, 11, 23)
    assert (configuration.resources[0].at.line, configuration.resources[0].at.end_line) == (2, 11)


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_positions_of_json_that_yaml_rejects(newline: str) -> None:
    """Tab-indented JSON with surrogate pairs has the position of every statement."""
    configuration = load(Path("t.json"), JSON_POLICY.replace("\n", newline))
    first, second = statements(configuration.policies[0].document)
    assert (first.at.line, first.at.column, first.at.end_column) == (8, 6, 25)
    assert (second.at.line, second.at.column) == (9, 6)


def test_json_composer_gives_the_nodes_and_marks_of_yaml() -> None:
    """The JSON reader and PyYAML agree on tags, values and places."""
    text = '{"a": [1, -2.5, true, null, "x\\n\\u00e9"],\n "b": {}, "c": [], "d": {"e": "f"}}'

    def flat(node: yaml.Node) -> object:
        place = (node.start_mark.line, node.start_mark.column, node.end_mark.line, node.end_mark.column)
        if isinstance(node, yaml.ScalarNode):
            return node.tag, node.value, place
        if isinstance(node, yaml.SequenceNode):
            return node.tag, [flat(item) for item in node.value], place
        return node.tag, [(flat(key), flat(value)) for key, value in node.value], place

    composed = yaml.compose(text, Loader=yaml.SafeLoader)
    assert composed is not None
    assert flat(compose_json(text)) == flat(composed)


@pytest.mark.parametrize("text", ["{", '{"a" 1}', '{"a": 1,}', "[1 2]", '{"a": }', '{"a": 1} x', "[" * 1000, ""])
def test_json_composer_rejects_invalid_json(text: str) -> None:
    """An error has a position."""
    with pytest.raises(json.JSONDecodeError):
        compose_json(text)


def test_positions_of_a_json_text_in_a_block_scalar() -> None:
    """Each part of an Fn::Sub text has its position, so that the JSON inside keeps its lines."""
    configuration = load(Path("t.yaml"), SAMPLE)
    policy = next(policy for policy in configuration.policies if policy.path == "Policies/1/Fn::If/1/PolicyDocument")
    assert isinstance(policy.document, Choice)
    (_, text), _ = policy.document.options
    assert isinstance(text, StringNode)
    lines = SAMPLE.splitlines()
    assert text.indent == 14
    assert len(text.starts) == len(text.parts) == 3
    for (line, column), beginning in zip(text.starts, ('{"Statement"', "${Deployer.Arn}", '"}'), strict=True):
        assert lines[line - 1][column - 1 :].startswith(beginning)


@pytest.mark.parametrize(
    ("scalar", "expected"),
    [
        ("plain", (1, 4, 0)),
        ("'quoted'", (1, 5, 0)),
        ('"double"', (1, 5, 0)),
        ('!Sub "tagged"', (1, 10, 0)),
        ("&anchor !Sub x", (1, 17, 0)),
        ("!Sub\n  next", (2, 3, 0)),
        ("|\n   a\n    b", (2, 4, 3)),
        ("|2\n    a\n   b", (2, 3, 2)),
        ("!Sub | # why\n\n  a\n", (2, 3, 2)),
        (">\n  a\n", (2, 3, 2)),
        (">\n  a\n  b", None),
        ('"a\\tb"', None),
        ("'it''s'", None),
        ("a\n  b", None),
    ],
)
def test_layout(scalar: str, expected: tuple[int, int, int] | None) -> None:
    """A scalar has a layout only if it is stored verbatim in the file."""
    template = Template("t.yaml", f"a: {scalar}")
    node = child(template.root, "a")
    assert isinstance(node, yaml.ScalarNode)
    assert template.layout(node) == expected


@pytest.mark.parametrize(
    ("content", "line", "reason"),
    [
        ("Resources:\n  A: [\n", 3, "not valid YAML"),
        ("a: 1\n---\nb: 2\n", 2, "more than one document"),
        ("", 1, "empty"),
        ("# only a comment\n", 1, "empty"),
        ("\n- a\n", 2, "not a mapping"),
        ("a: b\nc: \x07\n", 2, "control character"),
        ("a: &x [*x]\n", 1, "an alias contains itself"),
        ("a: *nowhere\n", 1, "undefined alias"),
        ("{" + '"a":{' * 2000, None, "not valid YAML"),
        ("a: " + "[" * 200 + "]" * 200, 1, "too deeply"),
        ("a: \ud800", None, "invalid characters"),
    ],
)
def test_unreadable_template_has_a_line(content: str, line: int | None, reason: str) -> None:
    """A file that cannot be read as a whole is an InputError with file, line and reason."""
    with pytest.raises(InputError) as raised:
        load(Path("x.yaml"), content)
    assert reason in raised.value.reason
    assert raised.value.file == "x.yaml"
    if line is not None:
        assert raised.value.line == line


def test_broken_json_is_reported_as_json() -> None:
    """A .json file gets the words of a JSON parser."""
    with pytest.raises(InputError, match=r"x\.json:2: not valid JSON"):
        load(Path("x.json"), '{"Resources": {},\n "a" "b"}')


def test_alias_bomb_is_rejected() -> None:
    """Before it is expanded."""
    levels = [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    with pytest.raises(InputError, match="too large after expanding aliases"):
        load(Path("x.yaml"), "a0: &a0 [x]\n" + "\n".join(levels))


def test_no_mutation_of_a_template_crashes() -> None:
    """Slices taken out, doubled and mixed give a configuration or an InputError, in YAML and in JSON."""
    rng = random.Random(7)
    outcomes = set()
    for source in (SAMPLE, JSON_POLICY):
        for _ in range(400):
            text = source
            for _ in range(rng.randint(1, 3)):
                start = rng.randrange(len(text) + 1)
                end = min(len(text), start + rng.randint(0, 40))
                where = rng.randrange(len(text) + 1)
                text = rng.choice(
                    [text[:start] + text[end:], text[:where] + text[start:end] + text[where:], text[:start]]
                )
            looks_like_template(text)
            try:
                load(Path("m.yaml"), text)
                outcomes.add("read")
            except InputError as error:
                outcomes.add("refused" if str(error).startswith("m.yaml") else str(error))
    assert outcomes == {"read", "refused"}


@settings(max_examples=examples(150))
@given(st.text(alphabet=st.sampled_from(list("{}[]:,-!&*<>|#'\"\\ \n\taR0$%@`?=")), max_size=60))
def test_no_text_crashes(text: str) -> None:
    """Any text of YAML's own signs is read or refused."""
    for content in (text, "Resources:\n  A:\n    Type: AWS::IAM::Role\n    Properties: " + text):
        looks_like_template(content)
        try:
            load(Path("m.yaml"), content)
        except InputError:
            continue


def test_positions_agree_with_cfn_lint() -> None:
    """cfn-lint's decoder, an independent reader, has the same lines and columns for every mapping of a policy."""
    decoder = pytest.importorskip("cfnlint.decode.cfn_yaml")
    decoded = decoder.loads(SAMPLE)
    configuration = load(Path("t.yaml"), SAMPLE)
    policy = next(policy for policy in configuration.policies if policy.path == "Policies/0/PolicyDocument")
    theirs = decoded["Resources"]["Deployer"]["Properties"]["Policies"][0]["PolicyDocument"]
    (statement,) = statements(policy.document)
    assert isinstance(policy.document, ObjectNode)
    for ours, other in ((policy.document, theirs), (statement, theirs["Statement"][0])):
        assert (ours.at.line, ours.at.column) == (other.start_mark.line + 1, other.start_mark.column + 1)
        for entry, key in zip(ours.entries, other, strict=True):
            assert entry.key.literal == str(key)
            assert (entry.key.at.line, entry.key.at.column) == (key.start_mark.line + 1, key.start_mark.column + 1)
