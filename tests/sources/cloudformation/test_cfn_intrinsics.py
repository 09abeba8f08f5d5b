"""Intrinsic functions: known and unresolved values."""

from __future__ import annotations

from pathlib import Path

import pytest
from path_conditions_of_tests import outcome_of

from passrole_checks.iam.partial_values import (
    Absent,
    Choice,
    Const,
    ListNode,
    Node,
    ObjectNode,
    StringNode,
    Unresolved,
    UnresolvedKind,
)
from passrole_checks.sources.cloudformation import load

HEAD = """\
Transform: AWS::Serverless-2016-10-31
Parameters:
  Env: {Type: String, Default: dev}
  Empty: {Type: String, Default: ""}
  Arn: {Type: String}
  Stage: {Type: String, AllowedValues: [blue, green]}
  Account: {Type: String, AllowedPattern: "^[0-9]{12}$"}
  Word: {Type: String, AllowedPattern: "[A-Za-z0-9-]+"}
  Loose: {Type: String, AllowedPattern: "[A-Za-z0-9:/*-]+"}
  Names: {Type: CommaDelimitedList, Default: "a, b"}
  Ssm: {Type: "AWS::SSM::Parameter::Value<String>", Default: /x/y}
Mappings:
  M:
    dev: {Role: arn:aws:iam::111122223333:role/dev, List: [x, y]}
    blue: {Role: b}
    green: {Role: g}
  R:
    us-east-1: {Role: one}
    us-west-2: {Role: one}
    eu-west-1: {Role: two}
    default: {Role: three}
Resources:
  Named: {Type: AWS::IAM::Role, Properties: {RoleName: !Sub "${Env}-x", Path: /app/}}
  Plain: {Type: AWS::IAM::Role}
  Loop: {Type: AWS::IAM::Role, Properties: {RoleName: !Ref Loop}}
  User: {Type: AWS::IAM::User}
  Topic: {Type: AWS::SNS::Topic}
  Bucket: {Type: AWS::S3::Bucket}
  Queue: {Type: AWS::SQS::Queue}
  Stack: {Type: AWS::CloudFormation::Stack}
  Custom: {Type: Custom::Thing}
  Fn: {Type: AWS::Serverless::Function}
  Managed: {Type: AWS::IAM::ManagedPolicy, Properties: {ManagedPolicyName: m, PolicyDocument: {}}}
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


def spelled(node: Node) -> str:
    """A value on one line, for comparison."""
    if isinstance(node, StringNode):
        return str(node)
    if isinstance(node, Const):
        return repr(node.value)
    if isinstance(node, ListNode):
        return "[" + ", ".join(map(spelled, node.items)) + "]"
    if isinstance(node, Choice):
        return (
            f"{node.condition}?("
            + " | ".join(f"{outcome_of(label)}={spelled(option)}" for label, option in node.options)
            + ")"
        )
    if isinstance(node, Absent):
        return "-"
    return "{" + ", ".join(f"{entry.key}: {spelled(entry.value)}" for entry in node.entries) + "}"


def known(hole: Unresolved) -> str:
    """Return the known text of an unresolved value, with the kinds of its unresolved parts."""
    assert hole.known is not None
    return "".join(part if isinstance(part, str) else f"<{part.kind.name}>" for part in hole.known)


def hole(yaml_text: str) -> Unresolved:
    """Return the only unresolved part of a value."""
    node = value(yaml_text)
    assert isinstance(node, StringNode)
    assert node.only_unresolved is not None, node
    return node.only_unresolved


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("plain", "plain"),
        ("!Ref Env", "dev"),
        ("{Ref: Env}", "dev"),
        ("!Ref AWS::AccountId", "${AWS::AccountId}"),
        ("!Ref AWS::NoValue", "-"),
        ("!Ref AWS::URLSuffix", "amazonaws.com"),
        ("!Ref Arn", "${Arn}"),
        ("!Ref Nowhere", "${Nowhere}"),
        ("!Ref Empty", "${Empty}"),
        ("!Sub 'x${Empty}y'", "xy"),
        ("!Ref Stage", 'Stage?("blue"=blue | "green"=green)'),
        ("!Ref Names", "[a, b]"),
        ("!Ref Ssm", "${Ssm}"),
        ("!GetAtt Plain.Arn", "${Plain.Arn}"),
        ("!GetAtt [Plain, Arn]", "${Plain.Arn}"),
        ("{'Fn::GetAtt': [Plain, Arn]}", "${Plain.Arn}"),
        ("!Sub 'arn:${AWS::Partition}:iam::${AWS::AccountId}:role/${Env}-*'",
         "arn:${AWS::Partition}:iam::${AWS::AccountId}:role/dev-*"),
        ("!Sub ['${A}/${B}', {A: !Ref Env, B: c}]", "dev/c"),
        ("!Sub ['${Env}', {Env: shadow}]", "shadow"),
        ("!Sub '${!Literal} ${!aws:username} ${aws:PrincipalTag/x}'",
         "${Literal} ${aws:username} ${aws:PrincipalTag/x}"),
        ("!Sub 'a ${unclosed'", "a ${unclosed"),
        ("!Sub '${Plain.Arn}/x'", "${Plain.Arn}/x"),
        ("!Sub 'x-${Stage}'", 'Stage?("blue"=x-blue | "green"=x-green)'),
        ("!Join ['-', [a, !Ref Env, 1, true]]", "a-dev-1-true"),
        ("!Join [',', !Ref Names]", "a,b"),
        ("!Join ['', [a, !Ref AWS::NoValue, b]]", "ab"),
        ("!Join ['', [a, !Ref Arn]]", "a${Arn}"),
        ("!Join [':', !Ref Arn]", '${Fn::Join ":", ${Arn}}'),
        ("!If [C, a, !Ref AWS::NoValue]", "C?(true=a | false=-)"),
        ("!If [C, [a, b], c]", "C?(true=[a, b] | false=c)"),
        ("!If [C, !If [C, a, b], !If [D, c, d]]", "C?(true=a | false=D?(true=c | false=d))"),
        ("!Sub ['${A}${B}', {A: !If [C, 1, 2], B: !If [C, 3, 4]}]", "C?(true=13 | false=24)"),
        ("!Join ['', [!If [C, a, b], !If [D, !If [C, x, y], z]]]",
         "C?(true=D?(true=ax | false=az) | false=D?(true=by | false=bz))"),
        ("[a, !If [C, b, c], !Ref Arn]", "[a, C?(true=b | false=c), ${Arn}]"),
        ("!Select [1, [a, b]]", "b"),
        ("!Select ['0', !Split ['/', 'x/y']]", "x"),
        ("!Select [9, [a]]", "${Fn::Select 9, a}"),
        ("!Split [':', !Sub 'a:${AWS::Region}:b']", "[a, ${AWS::Region}, b]"),
        ("!Split ['-', !Ref AWS::Region]", '${Fn::Split "-", ${AWS::Region}}'),
        ("!Select [5, !Split [':', !GetAtt Named.Arn]]", "role/app/dev-x"),
        ("!FindInMap [M, !Ref Env, Role]", "arn:aws:iam::111122223333:role/dev"),
        ("!FindInMap [M, dev, List]", "[x, y]"),
        ("!FindInMap [M, !Ref Stage, Role]", 'Stage?("blue"=b | "green"=g)'),
        ("!FindInMap [M, !Ref AWS::Region, Role]", "${Fn::FindInMap M, ${AWS::Region}, Role}"),
        ("!FindInMap [M, nowhere, Role, {DefaultValue: d}]", "d"),
        ("!ImportValue shared-role", "${Fn::ImportValue shared-role}"),
        ("!ImportValue {'Fn::Sub': '${Env}-role'}", "${Fn::ImportValue ${Env}-role}"),
        ("!GetAZs ''", '${Fn::GetAZs ""}'),
        ("!Something {a: b}", "${!Something a: b}"),
        ("{'Fn::Foo': x}", "${Fn::Foo x}"),
        ("!FindInMap [M, !Ref Arn, Role]",
         'Arn?("dev"=arn:aws:iam::111122223333:role/dev | "blue"=b | "green"=g)'),
        ("!FindInMap [M, !Ref Arn, Role, {DefaultValue: d}]",
         'Arn?("dev"=arn:aws:iam::111122223333:role/dev | "blue"=b | "green"=g | not "blue" or "dev" or "green"=d)'),
        ("!FindInMap [M, !Ref Account, Role]", "${Fn::FindInMap M, ${Account}, Role}"),
        ("!FindInMap [M, !Sub 'b${Word}', Role]", "b"),
        ("!FindInMap [M, !Ref Arn, List]", "[x, y]"),
        ("!FindInMap [M, !If [C, dev, nowhere], Role]", "arn:aws:iam::111122223333:role/dev"),
        ("!FindInMap [R, !Ref AWS::Region, Role]", 'AWS::Region?(not "eu-west-1"=one | "eu-west-1"=two)'),
        ("!FindInMap [!Ref Arn, dev, Role]", "${Fn::FindInMap ${Arn}, dev, Role}"),
        ("!Select [!Ref Word, [a, b]]", 'Word?("0"=a | "1"=b)'),
        ("!Select [1, [!If [C, a, b], c]]", "c"),
        ("!Select [0, [!If [C, a, !Ref AWS::NoValue], c]]", "C?(true=a | false=c)"),
        ("!Select [1, [!If [C, a, !Ref AWS::NoValue], c]]", "c"),
        ("!Length [a, b]", "2"),
        ("{'Fn::Length': {Ref: Names}}", "2"),
        ("!Length [a, !If [C, b, !Ref AWS::NoValue]]", "${Fn::Length a, Fn::If C, b, ${AWS::NoValue}}"),
        ("!Base64 abc", "YWJj"),
        ("{'Fn::Base64': !Sub 'a${Arn}'}", "${Fn::Base64 a${Arn}}"),
        ("!Cidr [10.0.0.0/16, 2, 8]", "${Fn::Cidr 10.0.0.0/16, 2, 8}"),
        ("!Select [0, !GetAZs x]", "${Fn::Select 0, Fn::GetAZs x}"),
        ("!ToJsonString [1, x]", "[1, x]"),
        ("{'Fn::ToJsonString': !If [C, {a: 1}, {a: 2}]}", "C?(true={a: 1} | false={a: 2})"),
        ("!Equals [a, b]", "${Fn::Equals a, b}"),
        ("'${self:custom.role}/${aws:username}'", "${self:custom.role}/${aws:username}"),
        ("'{{ account }}-x'", "{{ account }}-x"),
        ("'{{resolve:ssm:/role:1}}'", "{{resolve:ssm:/role:1}}"),
        ("'a-{{resolve:ssm:/x}}-b'", "a-{{resolve:ssm:/x}}-b"),
        ("!Sub '{{resolve:ssm:/${Arn}/x}}!'", "{{resolve:ssm:/${Arn}/x}}!"),
        ("'{{resolve:ssm'", "{{resolve:ssm"),
        ("{'Fn::ToJsonString': {a: !Ref Env}}", "{a: dev}"),
        ("!Sub [1]", "${Fn::Sub 1}"),
        ("!If [C, a]", "${Fn::If C, a}"),
        ("!GetAtt Plain", "${Fn::GetAtt Plain}"),
        ("2012-10-17", "2012-10-17"),
        ("[1, 1.5, true, ~, 0x10, '1', !!str 2]", "[1, 1.5, True, None, 16, 1, 2]"),
        # what is malformed intrinsic function
        ("!Join [!Ref Arn, [a]]", "${Fn::Join ${Arn}, a}"),
        ("!Join [a]", "${Fn::Join a}"),
        ("!If [!Ref Arn, a, b]", "${Fn::If ${Arn}, a, b}"),
        ("!Select [a]", "${Fn::Select a}"),
        ("!Select [[a], [a, b]]", "${Fn::Select a, a, b}"),
        ("!Select [!Ref Word, []]", "${Fn::Select ${Word},}"),
        ("!Split [a]", "${Fn::Split a}"),
        ("!Split ['', a-b]", '${Fn::Split "", a-b}'),
        ("!FindInMap [M, dev]", "${Fn::FindInMap M, dev}"),
        ("!Ref [a]", "${Ref a}"),
        ("!GetAtt [Plain, !Ref Arn]", "${Fn::GetAtt Plain, ${Arn}}"),
        ("!Sub ['${A}', {A: [a]}]", "${${A}}"),
        ("!Sub 'x-${Names}'", "x-${Names}"),
        ("!Sub 'x-${AWS::NoValue}'", "x-${AWS::NoValue}"),
        ("[!!int x, !!float x, !!binary eA==]", "[x, x, ${!!binary eA==}]"),
        ("!GetAtt Fn.Alias.Arn", "${Fn.Alias.Arn}"),
        ("!Sub '${Fn.Alias} ${Topic.Alias}'", "${Fn.Alias} ${Topic.Alias}"),
        ("!GetAtt Stack.Outputs.X", "${Stack.Outputs.X}"),
    ],
)  # fmt: skip
def test_intrinsic_function_value(written: str, expected: str) -> None:
    """Each function has a value as far as the template determines it, otherwise an unresolved one with its
    expression."""
    assert spelled(value(written)) == expected


@pytest.mark.parametrize(
    ("written", "kind"),
    [
        ("!Ref AWS::AccountId", UnresolvedKind.ACCOUNT_ID),
        ("!Ref AWS::Partition", UnresolvedKind.PARTITION),
        ("!Ref AWS::Region", UnresolvedKind.REGION),
        ("!Ref AWS::StackName", UnresolvedKind.NAME),
        ("!Ref Arn", UnresolvedKind.ANYTHING),
        ("!Ref Account", UnresolvedKind.ACCOUNT_ID),
        ("!Ref Word", UnresolvedKind.NAME),
        ("!Ref Loose", UnresolvedKind.ANYTHING),
        ("!Ref Plain", UnresolvedKind.NAME),
        ("!Ref Bucket", UnresolvedKind.NAME),
        ("!Ref Custom", UnresolvedKind.ANYTHING),
        ("!GetAtt Custom.Arn", UnresolvedKind.ANYTHING),
        ("!GetAtt Stack.Outputs.RoleArn", UnresolvedKind.ANYTHING),
        ("!GetAtt Plain.RoleId", UnresolvedKind.NAME),
        ("!ImportValue x", UnresolvedKind.ANYTHING),
    ],
)
def test_kind_of_unresolved_value(written: str, kind: UnresolvedKind) -> None:
    """An unresolved value has a kind."""
    found = hole(written)
    assert found.kind is kind
    assert found.known is None


@pytest.mark.parametrize(
    ("written", "role", "expected"),
    [
        ("!GetAtt Plain.Arn", "Plain", "arn:<PARTITION>:iam::<ACCOUNT_ID>:role/<NAME>"),
        ("!GetAtt Named.Arn", "Named", "arn:<PARTITION>:iam::<ACCOUNT_ID>:role/app/dev-x"),
        ("!Ref Named", "Named", "dev-x"),
        ("!GetAtt FnRole.Arn", "FnRole", "arn:<PARTITION>:iam::<ACCOUNT_ID>:role/<NAME>"),
        ("!GetAtt User.Arn", None, "arn:<PARTITION>:iam::<ACCOUNT_ID>:user/<NAME>"),
        ("!Ref Managed", None, "arn:<PARTITION>:iam::<ACCOUNT_ID>:policy/m"),
        ("!Ref Topic", None, "arn:<PARTITION>:sns:<ANYTHING>"),
        ("!GetAtt Fn.Arn", None, "arn:<PARTITION>:lambda:<ANYTHING>"),
        ("!Ref Fn.Version", None, "arn:<PARTITION>:lambda:<ANYTHING>"),
        ("!Ref Queue", None, "https://<ANYTHING>"),
    ],
)
def test_reference_to_a_resource(written: str, role: str | None, expected: str) -> None:
    """It names its role, or is an ARN that is not a role's."""
    found = hole(written)
    assert found.role == role
    assert known(found) == expected


def test_circular_name_is_unresolved() -> None:
    """A name that refers to itself is unresolved."""
    found = hole("!GetAtt Loop.Arn")
    assert found.role == "Loop"
    assert known(found).startswith("arn:<PARTITION>:iam::<ACCOUNT_ID>:role/")


def test_defaults_are_recorded() -> None:
    """A value that depends on parameters' defaults names them, also through names of roles and maps."""
    for written in ("!Ref Env", "!Sub 'a${Env}'", "!GetAtt Named.Arn", "!FindInMap [M, !Ref Env, Role]"):
        node = value(written)
        assert isinstance(node, StringNode)
        assert node.defaults == ("Env",), written


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
