"""Intrinsic functions: known and unresolved values."""

from __future__ import annotations

from pathlib import Path

from passrole_checks.iam.values.nodes import Choice, Node, ObjectNode, StringNode, Unresolved, UnresolvedKind
from passrole_checks.sources.cloudformation import load

HEAD = """\
Parameters:
  Env: {Type: String, Default: dev}
  Arn: {Type: String}
  Word: {Type: String, AllowedPattern: "[A-Za-z0-9-]+"}
Mappings:
  M: {dev: {Role: arn:aws:iam::111122223333:role/dev}}
Resources:
  Probe:
    Type: AWS::IAM::Policy
    Properties:
      PolicyDocument:
        Probe: """


def value(yaml_text: str) -> Node:
    """Return a value as evaluated in a policy document."""
    configuration = load(Path("t.yaml"), HEAD + yaml_text + "\n")
    document = next(policy.document for policy in configuration.policies if policy.resource.address == "Probe")
    assert isinstance(document, ObjectNode)
    found = document.get("Probe")
    assert found is not None
    return found


def hole(yaml_text: str) -> Unresolved:
    """Return the only unresolved part of a value."""
    node = value(yaml_text)
    assert isinstance(node, StringNode)
    assert node.only_unresolved is not None, node
    return node.only_unresolved


def test_adjacent_literals_are_merged() -> None:
    """So a policy variable is never split."""
    node = value("!Sub 'role/${Env}-${!aws:username}-x'")
    assert isinstance(node, StringNode)
    assert node.parts == ("role/dev-${aws:username}-x",)


def test_placeholders_of_other_tools_are_unresolved_parts() -> None:
    """A variable of the Serverless Framework is unresolved; a policy variable is not."""
    node = value("'arn:aws:iam::${aws:accountId}:role/${opt:stage, self:x}-${aws:username}'")
    assert isinstance(node, StringNode)
    assert [hole.kind for hole in node.unresolved_parts] == [UnresolvedKind.ACCOUNT_ID, UnresolvedKind.ANYTHING]
    assert node.parts[-1] == "-${aws:username}"
    first = node.starts[0][1]
    assert [column - first for _, column in node.starts] == [0, 13, 29, 35, 55]


def test_too_many_map_values_are_unresolved() -> None:
    """A key that may be any of a hundred with different values is unresolved."""
    rows = "".join(f"    k{number}: {{V: v{number}}}\n" for number in range(100))
    template = HEAD.replace("Mappings:\n", f"Mappings:\n  Big:\n{rows}") + "!FindInMap [Big, !Ref Arn, V]\n"
    document = load(Path("t.yaml"), template).policies[-1].document
    assert isinstance(document, ObjectNode)
    found = document.get("Probe")
    assert isinstance(found, StringNode)
    assert found.only_unresolved is not None
    assert found.only_unresolved.reason == "too many different values"


def test_too_many_values_below_one_key_make_the_lookup_unresolved() -> None:
    """Not only the other rows count."""
    row = ", ".join(f"c{number}: v{number}" for number in range(100))
    template = HEAD.replace("Mappings:\n", f"Mappings:\n  Big:\n    a: {{{row}}}\n    b: {{V: one}}\n")
    document = load(Path("t.yaml"), template + "!FindInMap [Big, !Ref Arn, !Ref Word]\n").policies[-1].document
    assert isinstance(document, ObjectNode)
    found = document.get("Probe")
    assert isinstance(found, StringNode)
    assert found.only_unresolved is not None
    assert found.only_unresolved.reason == "too many different values"


def test_unresolved_value_has_a_reason() -> None:
    """It is a short phrase."""
    assert hole("!ImportValue x").reason == "exported by another stack"
    assert hole("!Ref Arn").reason == "no default"
    assert hole("!Ref Nowhere").reason == "not defined in this template"
    assert hole("!Rain::Embed x").reason == "unknown YAML tag"
    assert hole("!!binary aWFtOlBhc3NSb2xl").reason == "unknown YAML tag"
    assert hole("{'Fn::Foo': x}").reason == "unknown intrinsic function"
    assert hole("!GetAZs ''").reason == "Availability Zones of a Region"
    assert hole("!FindInMap [M, dev, Nope]").reason == "no such key in the mapping"
    assert hole("'${opt:role}'").reason == "placeholder of another tool"
    assert hole("'{{ account }}'").reason == "placeholder of another tool"
    assert hole("'{{resolve:ssm:/role:1}}'").reason == "dynamic reference, resolved at deployment"
    assert hole("!Sub '{{resolve:ssm:/${Arn}/x}}'").reason == "dynamic reference, resolved at deployment"
    assert hole("'{{changeSet:KNOWN_AFTER_APPLY}}'").reason == "known after the change set is executed"
    assert hole("!If [C, a]").reason == "malformed intrinsic function"


def test_too_many_variants_are_unresolved() -> None:
    """Twenty independent conditions in one text do not make a million variants."""
    parts = ", ".join(f"!If [C{n}, a, b]" for n in range(20))
    leaves, pending = 0, [value(f"!Join ['', [{parts}]]")]
    while pending:
        node = pending.pop()
        if isinstance(node, Choice):
            pending.extend(option for _, option in node.options)
        else:
            leaves += 1
            assert isinstance(node, StringNode)
            assert node.unresolved_parts
    assert leaves <= 64


def test_growing_text_is_unresolved() -> None:
    """Nested variables, each used twice, become unresolved when the text grows too long."""
    text = "x"
    for _ in range(30):
        text = f"!Sub ['${{v}}${{v}}', {{v: {text}}}]"
    node = value(text)
    assert isinstance(node, StringNode)
    assert 0 < len(node.parts) <= 5000
    assert {part.reason for part in node.unresolved_parts} == {"too long"}
