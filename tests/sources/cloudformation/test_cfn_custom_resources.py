"""Policy documents passed to custom resources."""

from __future__ import annotations

import json
from base64 import b64encode
from pathlib import Path

import pytest

from passrole_checks.findings import Confidence
from passrole_checks.scan.scanner import ScanOptions, ScanResult, scan_configurations
from passrole_checks.sources.cloudformation import load
from passrole_checks.sources.model.configuration import HandedTo, PolicyKind

STATEMENT = '{Effect: Allow, Action: "iam:PassRole", Resource: "*"}'
ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"
TEXT = '{"Statement": [{"Effect": "Allow", "Action": "iam:PassRole", "Resource": "*"}]}'


def template(kind: str, properties: str) -> str:
    return f"Resources:\n  R:\n    Type: {kind}\n    Properties:\n      {properties}\n"


def scan(text: str) -> ScanResult:
    return scan_configurations([load(Path("t.yaml"), text)], ScanOptions())


@pytest.mark.parametrize("kind", ["Custom::Type", "AWS::CloudFormation::CustomResource"])
@pytest.mark.parametrize(
    ("properties", "path"),
    [
        (f"Iam: {{Version: '2012-10-17', Statement: [{STATEMENT}]}}", "Iam/Statement/0"),
        (
            f"Iam: {{Policies: [{{Document: {{Statement: {STATEMENT}}}}}]}}",
            "Iam/Policies/0/Document/Statement",
        ),
        (f"Iam: '{TEXT}'", "Iam/Statement/0"),
        (f"Iam: !Sub '{TEXT}'", "Iam/Statement/0"),
    ],
)
def test_passed_document_is_found_at_any_depth(kind: str, properties: str, path: str) -> None:
    """A document, or its text, is checked with medium confidence, and the message names the consumer."""
    found = scan(template(kind, properties)).findings
    assert [(item.check_id, item.statement_path, item.confidence) for item in found] == [
        ("PASSROLE_001", path, Confidence.MEDIUM)
    ]
    assert "The policy is handed to R (custom resource, " in found[0].message


def test_passed_document_keeps_its_condition() -> None:
    """A document under ``Fn::If`` has its path condition."""
    text = (
        "Parameters: {P: {Type: String}}\nConditions: {C: !Equals [!Ref P, x]}\n"
        + template("Custom::Type", f"Iam: !If [C, {{Statement: [{STATEMENT}]}}, !Ref AWS::NoValue]")
    )  # fmt: skip
    (found,) = scan(text).findings
    assert 'Applies when P = "x".' in found.message


@pytest.mark.parametrize(
    ("properties", "kind"),
    [
        ("Policy: {Statement: [{Effect: Allow, Principal: '*', Action: 'iam:*', Resource: '*'}]}", PolicyKind.RESOURCE),
        (f"PermissionsBoundary: {{Statement: [{STATEMENT}]}}", PolicyKind.BOUNDARY),
    ],
)
def test_passed_resource_policy_or_boundary_grants_nothing(properties: str, kind: PolicyKind) -> None:
    """A document with a Principal is a resource-based or trust policy, and a boundary only limits."""
    text = template("Custom::Type", properties)
    assert [policy.kind for policy in load(Path("t.yaml"), text).policies] == [kind]
    assert not scan(text).findings


@pytest.mark.parametrize(
    "properties",
    [
        "Rule: {Statement: {RateBasedStatement: {Limit: 1}}}",
        "Code: 'const policy = {\"Statement\": [] }'",
        'Create: \'{"action": "put", "parameters": {"Statement": 1}}\'',
        "Value: !GetAtt Other.Policy",
    ],
)
def test_other_values_are_not_documents(properties: str) -> None:
    """Statements of other languages, code and unresolved values are neither policy documents nor errors."""
    found = load(Path("t.yaml"), template("Custom::Type", properties))
    assert not found.policies
    assert not found.unreadable


@pytest.mark.parametrize("kind", ["AWS::SSM::Parameter", "MyOrg::IAM::Role"])
@pytest.mark.parametrize(
    ("properties", "path"),
    [
        (f"Rules: [{{Statement: [{STATEMENT}]}}]", "Rules/0/Statement/0"),
        (f"Statements: [{STATEMENT}, {{Effect: Allow, Action: 's3:*', Resource: '*'}}]", "Statements/Statement/0"),
        (f"Value: '{TEXT}'", "Value/Statement/0"),
        (f"Policy: !Base64 '{TEXT}'", "Policy/Fn::Base64/Statement/0"),
        (f"Policy: {b64encode(TEXT.encode()).decode()}", "Policy/Statement/0"),
    ],
)
def test_document_handed_to_any_type_is_judged(kind: str, properties: str, path: str) -> None:
    """A type that does not attach policies itself may hand a document on."""
    found = scan(template(kind, properties)).findings
    assert [(item.check_id, item.statement_path, item.confidence, item.handed_to) for item in found] == [
        ("PASSROLE_001", path, Confidence.MEDIUM, HandedTo.RESOURCE)
    ]


@pytest.mark.parametrize(
    "document",
    [
        r'{"\u0053tatement": [{"Eff\u0065ct": "Allow", "Action": "iam:PassRole", "Resource": "*"}]}',
        r'{"\x53tatement": [{"\x45ffect": Allow, Action: "iam:PassRole", Resource: "*"}]}',
        '"'
        + TEXT.replace('"', r"\"").replace("Statem", "Stat\\\n        em").replace("Effe", "Eff\\\n        e")
        + '"',
    ],
)
def test_document_with_escaped_keys_is_found(document: str) -> None:
    """Words are searched in the text of a template only if it has no escape sequences of letters."""
    (found,) = scan(template("AWS::SSM::Parameter", f"Value: {document}")).findings
    assert found.check_id == "PASSROLE_001"


def test_document_in_an_included_file_is_found(tmp_path: Path) -> None:
    document = {"Statement": [{"Effect": "Allow", "Action": "iam:PassRole", "Resource": "*"}]}
    (tmp_path / "value.yaml").write_text(json.dumps({"Value": document}))
    inserted = "Fn::Transform: {Name: AWS::Include, Parameters: {Location: value.yaml}}"
    path = tmp_path / "t.yaml"
    path.write_text(template("AWS::SSM::Parameter", inserted))
    configuration = load(path, path.read_text(), boundary=tmp_path)
    (policy,) = configuration.policies
    assert policy.handed_to is HandedTo.RESOURCE


def test_statement_of_another_language_is_no_document() -> None:
    """AWS WAF has statements of its own."""
    text = template("AWS::WAFv2::WebACL", "Rules: [{Statement: {RateBasedStatement: {Limit: 100}}}]")
    found = load(Path("t.yaml"), text)
    assert not found.policies
    assert not found.unreadable


@pytest.mark.parametrize(
    ("kind", "properties", "expected"),
    [
        ("MyOrg::IAM::Role", f"PolicyArn: {ADMINISTRATOR}", 1),
        ("MyOrg::IAM::Role", f"ManagedPolicyArns: [{ADMINISTRATOR}]", 1),
        ("MyOrg::IAM::Role", f"PermissionsBoundary: {ADMINISTRATOR}", 0),
        ("MyOrg::IAM::Role", "PolicyArn: arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess", 0),
        (
            "Custom::AWS",
            f'Create: \'{{"action": "attachRolePolicy", "parameters": {{"PolicyArn": "{ADMINISTRATOR}"}}}}\'',
            1,
        ),
        (
            "Custom::AWS",
            f'Update: \'{{"action": "detachRolePolicy", "parameters": {{"PolicyArn": "{ADMINISTRATOR}"}}}}\'',
            0,
        ),
        ("AWS::SSM::Parameter", f"Value: {ADMINISTRATOR}", 0),
    ],
)
def test_managed_policy_handed_to_another_provider_is_flagged(kind: str, properties: str, expected: int) -> None:
    """Only a type of another provider, or a custom resource, may attach an AWS managed policy."""
    found = scan(template(kind, properties)).findings
    assert [(item.check_id, item.confidence) for item in found] == [("PASSROLE_013", Confidence.MEDIUM)] * expected


def test_document_in_an_output_is_judged() -> None:
    """Another stack or a script may attach what a template gives out; not what the template attaches itself."""
    output = f"Outputs:\n  Doc: {{Value: '{TEXT}'}}\n"
    (found,) = scan("Resources: {T: {Type: AWS::SNS::Topic}}\n" + output).findings
    assert (found.resource.address, found.handed_to) == ("Outputs.Doc", HandedTo.OUTPUT)
    (policy,) = load(Path("t.yaml"), template("Custom::Type", "A: b") + output).policies
    assert policy.handed_to is HandedTo.OUTPUT


def test_condition_that_is_never_true_gives_a_note() -> None:
    """A policy that no deployment creates is named, if it may allow PassRole."""
    wide = f"PolicyDocument: {{Version: '2012-10-17', Statement: [{STATEMENT}]}}"
    text = "Conditions: {Never: !Equals [a, b]}\n" + template("AWS::IAM::ManagedPolicy", wide)
    text = text.replace("    Properties", "    Condition: Never\n    Properties")
    assert [note.line for note in load(Path("t.yaml"), text).not_evaluated] == [3]
    assert not load(Path("t.yaml"), text.replace("iam:PassRole", "s3:GetObject")).not_evaluated


def test_no_value_properties_are_empty() -> None:
    """``Ref AWS::NoValue`` in place of all properties equals none."""
    found = load(Path("t.yaml"), "Resources:\n  R: {Type: AWS::IAM::Role, Properties: !Ref AWS::NoValue}\n")
    assert not found.unreadable
    assert [role.resource.address for role in found.roles] == ["R"]


@pytest.mark.parametrize("short", [True, False])
def test_conditional_properties_give_two_variants(short: bool) -> None:
    """``Fn::If`` in place of all properties gives two variants, each with its condition."""
    words = "!If [" if short else "{Fn::If: ["
    policies = [
        f"{{PolicyDocument: {{Statement: [{STATEMENT.replace('*', role)}]}}}}" for role in ("*", "arn:aws:s3:::b")
    ]
    text = (
        "Parameters: {P: {Type: String}}\nConditions: {C: !Equals [!Ref P, x]}\n"
        f"Resources:\n  R:\n    Type: AWS::IAM::Policy\n    Properties: {words}C, {', '.join(policies)}]"
        + ("" if short else "}")
    )
    result = scan(text)
    assert not result.unreadable
    assert not result.not_evaluated
    assert [(item.check_id, item.message.rpartition(". ")[2]) for item in result.findings] == [
        ("PASSROLE_001", 'Applies when P = "x".'),
        ("PASSROLE_010", 'Applies when P is not "x".'),
    ]


def test_list_of_properties_is_unreadable() -> None:
    """It is reported with its line."""
    result = scan("Resources:\n  R:\n    Type: AWS::IAM::Policy\n    Properties:\n      - PolicyDocument: x\n")
    assert [(item.line, item.reason) for item in result.unreadable] == [(5, "R: Properties is not a mapping")]


@pytest.mark.parametrize(
    ("properties", "paths"),
    [
        (f"A: !If [C, !If [D, {{Statement: [{STATEMENT}]}}, text], {{a: b}}]", ["A/Fn::If/1/Fn::If/1"]),
        (f"A: {{Statement: !If [C, [{STATEMENT}], !Ref X]}}", ["A"]),
        ("A: !If [C, !Ref X, {Statement: 1}]", []),
        (f"A: {{B: {{C: {{D: {{E: {{F: {{G: {{H: {{Statement: [{STATEMENT}]}}}}}}}}}}}}}}}}", []),
        ("A: 3", []),
    ],
)
def test_document_is_found_in_one_variant_within_the_depth_limit(properties: str, paths: list[str]) -> None:
    """A document in one variant is found; one nested too deeply is not."""
    conditions = "Conditions: {C: !Equals [!Ref AWS::Region, x], D: !Equals [!Ref AWS::AccountId, x]}\n"
    found = load(Path("t.yaml"), conditions + template("Custom::Type", properties))
    assert [policy.path for policy in found.policies] == paths


CALL = json.dumps({"action": "putRolePolicy", "parameters": {"PolicyDocument": TEXT}})


@pytest.mark.parametrize(
    ("properties", "path"),
    [
        (f"Create: '{CALL}'", "Create/parameters/PolicyDocument/Statement/0"),
        (f"Create: {{'Fn::Join': ['', ['{CALL[:-3]}', '\"}}}}']]}}", "Create/parameters/PolicyDocument/Statement/0"),
        (f"Calls: ['{json.dumps([1, json.loads(TEXT)])}']", "Calls/0/1/Statement/0"),
    ],
)
def test_document_inside_json_text_is_found(properties: str, path: str) -> None:
    """A document in the JSON text of an API call, as text or as an object, is checked. Source: AWS CDK API Reference,
    AwsCustomResource (``onCreate`` is synthesized as JSON text)."""
    (found,) = scan(template("Custom::AWS", properties)).findings
    assert (found.check_id, found.statement_path) == ("PASSROLE_001", path)
    trust = CALL.replace("Resource", "Principal")
    assert not scan(template("Custom::AWS", f"Create: '{trust}'")).findings


@pytest.mark.parametrize(
    ("inside", "told"),
    [
        (f"{{Statement: [{STATEMENT}]}}", True),
        (f"[{{Rest: [1, {{Statement: [{STATEMENT}]}}]}}]", True),
        (f"'{TEXT}'", True),
        ("{Rest: [{Other: text}]}", False),
    ],
)
def test_possible_document_beyond_the_depth_limit_is_not_evaluated(inside: str, told: bool) -> None:
    """The position is reported for possible policy documents only."""
    text = template("Custom::Type", f"A:\n        B: {{C: {{D: {{E: {{F: {{G: {{H: {inside}}}}}}}}}}}}}")
    result = scan(text)
    place = "R: A/B/C/D/E/F/G: nested too deeply to search for policy documents"
    assert [(one.line, one.reason) for one in result.not_evaluated] == ([(6, place)] if told else [])
