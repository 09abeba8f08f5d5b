"""Parameters: what is known of them, and the values that are given on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from path_conditions_of_tests import outcome_of

from passrole_checks.cli import main
from passrole_checks.errors import ConfigurationError, InputError
from passrole_checks.iam.partial_values import (
    Choice,
    ListNode,
    Node,
    ObjectNode,
    StringNode,
    Unresolved,
    UnresolvedKind,
)
from passrole_checks.sources.cloudformation import load
from passrole_checks.sources.cloudformation.parameter_values import MAX_BYTES, parse_parameter_options, read_parameters
from passrole_checks.sources.model.configuration import Inputs

EXACT = "arn:aws:iam::111122223333:role/app"
SHORTHAND = f"ParameterKey=Role,ParameterValue={EXACT}"
DEPLOY = "[default.deploy.parameters]\n"
TEMPLATE = """\
Parameters:
  Role:
    Type: String
    Default: "*"
  Env:
    Type: String
Resources:
  P:
    Type: AWS::IAM::Policy
    Properties:
      PolicyDocument:
        Statement:
          - {Effect: Allow, Action: ["iam:GetRole", "iam:PassRole"], Resource: !Ref Role}
"""


def value(parameter: str, **given: str) -> Node:
    """Return the value of a reference to a parameter."""
    template = f"Parameters: {{P: {{{parameter}}}}}\nResources:\n" + (
        "  R: {Type: AWS::IAM::Policy, Properties: {PolicyDocument: {X: !Ref P}}}\n"
    )
    document = load(Path("t.yaml"), template, inputs=Inputs(parameters=tuple(given.items()))).policies[0].document
    assert isinstance(document, ObjectNode)
    found = document.get("X")
    assert found is not None
    return found


def hole(node: Node) -> Unresolved:
    assert isinstance(node, StringNode)
    assert node.only_unresolved is not None
    return node.only_unresolved


@pytest.mark.parametrize(
    ("parameter", "kind"),
    [
        ("Type: String", UnresolvedKind.ANYTHING),
        ("Type: Number", UnresolvedKind.NAME),
        ("Type: AWS::EC2::VPC::Id", UnresolvedKind.NAME),
        (r"Type: String, AllowedPattern: '[0-9]{12}'", UnresolvedKind.ACCOUNT_ID),
        (r"Type: String, AllowedPattern: '^\d{12}$'", UnresolvedKind.ACCOUNT_ID),
        (r"Type: String, AllowedPattern: '[0-9]*', MinLength: 12, MaxLength: 12", UnresolvedKind.ACCOUNT_ID),
        (r"Type: String, AllowedPattern: '[0-9]*', MinLength: 1, MaxLength: 12", UnresolvedKind.NAME),
        (r"Type: String, AllowedPattern: '[0-9]*'", UnresolvedKind.ANYTHING),
        (r"Type: String, AllowedPattern: '[a-zA-Z][a-zA-Z0-9]*'", UnresolvedKind.NAME),
        (r"Type: String, AllowedPattern: '^[a-z][a-z0-9-]{0,30}[a-z0-9]$'", UnresolvedKind.NAME),
        (r"Type: String, AllowedPattern: '[\w+=,.@-]+'", UnresolvedKind.NAME),
        (r"Type: String, AllowedPattern: '[\w+=,.@-]*'", UnresolvedKind.ANYTHING),
        (r"Type: String, AllowedPattern: '.*'", UnresolvedKind.ANYTHING),
        (r"Type: String, AllowedPattern: '[a-z:]+'", UnresolvedKind.ANYTHING),
        (r"Type: String, AllowedPattern: '[a-z/]+'", UnresolvedKind.ANYTHING),
        (r"Type: String, AllowedPattern: '[a-z*]+'", UnresolvedKind.ANYTHING),
        (r"Type: String, AllowedPattern: '[^a-z]+'", UnresolvedKind.ANYTHING),
        (r"Type: String, AllowedPattern: '[ -~]+'", UnresolvedKind.ANYTHING),
        (r"Type: String, AllowedPattern: 'arn:.*'", UnresolvedKind.ANYTHING),
        ("Type: String, NoEcho: true", UnresolvedKind.ANYTHING),
        ("Type: 'AWS::SSM::Parameter::Value<String>', Default: /x", UnresolvedKind.ANYTHING),
    ],
)
def test_kind_of_a_parameter(parameter: str, kind: UnresolvedKind) -> None:
    """The type, pattern and length of a parameter determine its kind."""
    assert hole(value(parameter)).kind is kind


def test_pattern_of_words_lists_the_values() -> None:
    """A pattern that lists words allows these only."""
    for pattern in ("^(dev|prod)$", "dev|prod", "(?:dev|prod)"):
        found = value(f"Type: String, AllowedPattern: '{pattern}'")
        assert isinstance(found, Choice)
        assert [outcome_of(outcome) for outcome, _ in found.options] == ['"dev"', '"prod"']


def test_given_value_is_not_a_default() -> None:
    """It replaces the default."""
    assert value("Type: String, Default: x") == value("Type: String, Default: x", Other="y")
    for parameter in ("Type: String, Default: x", "Type: String", "Type: String, AllowedValues: [a, given]"):
        found = value(parameter, P="given")
        assert isinstance(found, StringNode)
        assert (found.literal, found.defaults) == ("given", ())
    found = value("Type: CommaDelimitedList, Default: x", P="a, b")
    assert isinstance(found, ListNode)
    assert [str(item) for item in found.items] == ["a", "b"]


def test_ssm_parameter_is_unresolved() -> None:
    """The given value is the name in the parameter store, not the value."""
    found = hole(value("Type: 'AWS::SSM::Parameter::Value<String>'", P="/role"))
    assert found.reason == "SSM parameter, resolved at deployment"


@pytest.mark.parametrize(
    "parameter",
    [
        "Type: String, Default: '{{resolve:ssm:/role}}'",
        "Type: String, AllowedValues: ['{{resolve:ssm:/role}}']",
        "Type: String",
        "Type: CommaDelimitedList, Default: '{{resolve:ssm:/role}}'",
    ],
)
def test_dynamic_reference_as_a_value_is_unresolved(parameter: str) -> None:
    """It is resolved where the parameter is used."""
    found = value(parameter, **({} if "resolve" in parameter else {"P": "{{resolve:ssm:/role}}"}))
    found = found.items[0] if isinstance(found, ListNode) else found
    assert hole(found).expression == "{{resolve:ssm:/role}}"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("cli.json", [{"ParameterKey": "Role", "ParameterValue": EXACT}, {"ParameterKey": "A", "UsePreviousValue": 1}]),
        ("pipeline.json", {"Parameters": {"Role": EXACT}, "Tags": {"a": "b"}}),
        ("plain.json", {"Role": EXACT}),
        ("deploy.json", [f"Role={EXACT}"]),
        ("samconfig.toml", f'version = 1\n{DEPLOY}parameter_overrides = "Env=\\"a b\\" Role={EXACT}"\n'),
        ("list.toml", f'{DEPLOY}parameter_overrides = ["Role={EXACT}"]\n'),
        ("global.toml", f'[default.global.parameters]\nparameter_overrides = "{SHORTHAND}"\n'),
    ],
)  # fmt: skip
def test_parameter_files(
    name: str, content: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each format of AWS's tools sets the value, so the finding no longer depends on the default."""
    monkeypatch.chdir(tmp_path)
    Path("t.yaml").write_text(TEMPLATE)
    Path(name).write_text(content if isinstance(content, str) else json.dumps(content))
    main(["scan", "--format", "json", "t.yaml"])
    (before,) = json.loads(capsys.readouterr().out)["findings"]
    assert before["check_id"] == "PASSROLE_001"
    assert "Using the default of `Role`." in before["message"]
    assert main(["scan", "--format", "json", "t.yaml", "--parameters", name]) == 0
    (after,) = json.loads(capsys.readouterr().out)["findings"]
    assert after["check_id"] == "PASSROLE_002"
    assert EXACT in after["message"]
    assert "By default" not in after["message"]


def test_later_values_win() -> None:
    """The last value of a parameter counts; the shorthand of the AWS CLI is accepted."""
    assert dict(parse_parameter_options(["A=1", "B=x=y", "A=2", "ParameterKey=C,ParameterValue=a,b", "D="])) == {
        "A": "2", "B": "x=y", "C": "a,b", "D": "",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("none.json", None, "none.json: no such file"),
        ("broken.json", b"{\n  nope", "broken.json:2: not valid JSON: "),
        ("number.json", b"5", "number.json: contains no parameters: "),
        ("names.json", b'["a"]', "names.json: contains no parameters: "),
        ("object.json", b'{"A": {"b": 1}}', "object.json: the value of A is neither a string nor a list of strings"),
        ("deep.json", b"[" * 100_000, "deep.json: not valid JSON: "),
        ("binary.json", b"\xff\xfe", "binary.json:1: not UTF-8 text"),
        ("broken.toml", b"a = ", "broken.toml: not valid TOML: "),
        ("empty.toml", b"", "empty.toml: contains no parameter_overrides in default.deploy.parameters"),
        ("odd.toml", DEPLOY.encode() + b"parameter_overrides = 5", "odd.toml: parameter_overrides is not a string"),
        ("quote.toml", DEPLOY.encode() + b"parameter_overrides = 'A=\"x'", "quote.toml: parameter_overrides is no"),
    ],
)  # fmt: skip
def test_invalid_parameter_file_is_reported_in_one_line(
    name: str,
    content: bytes | None,
    expected: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The line on standard error starts with the file, and the exit status is 2."""
    monkeypatch.chdir(tmp_path)
    Path("t.yaml").write_text(TEMPLATE)
    if content is not None:
        Path(name).write_bytes(content)
    assert main(["scan", "t.yaml", "--parameters", name]) == 2
    error = capsys.readouterr().err
    assert error.startswith(expected)
    assert error.count("\n") == 1


def test_argument_that_is_neither_pair_nor_file_is_an_error() -> None:
    """A name that no parameter can have is a mistake in the options."""
    with pytest.raises(ConfigurationError, match="neither KEY=VALUE nor a file"):
        parse_parameter_options(["a b=x"])
    with pytest.raises(InputError, match="no such file"):
        parse_parameter_options(["nowhere"])


def test_undeclared_parameter_is_reported_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """However many templates there are; a declared one is not reported."""
    monkeypatch.chdir(tmp_path)
    Path("a.yaml").write_text(TEMPLATE)
    Path("b.yaml").write_text(TEMPLATE.replace("Env:", "Stage:"))
    main(["scan", "a.yaml", "b.yaml", "--parameters", "Rolle=x", "--parameters", "Env=dev", "--parameters", "Stage=x"])
    output = capsys.readouterr().out
    assert output.count("no scanned template declares the parameter") == 1
    assert "--parameters Rolle: " in output


def test_pyproject_sets_parameters(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """``parameters`` in pyproject.toml is the option's default."""
    monkeypatch.chdir(tmp_path)
    Path("t.yaml").write_text(TEMPLATE)
    Path("pyproject.toml").write_text(f'[tool.passrole_checks]\nparameters = ["Role={EXACT}"]\n')
    main(["scan", "--format", "json", "t.yaml"])
    (finding,) = json.loads(capsys.readouterr().out)["findings"]
    assert finding["check_id"] == "PASSROLE_002"


@pytest.mark.parametrize(
    ("values", "asked", "given"),
    [
        ("AllowedValues: [Yes, No], Default: No", "Yes", "Yes"),
        ("Default: off", "on", "On"),
        ("AllowedValues: [1.10, 1.20], Default: 1.20", "1.10", "1.10"),
        ("AllowedValues: ['Yes', 'No'], Default: 'No'", "'Yes'", "Yes"),
    ],
)
def test_unquoted_yaml_words_compare_equal_in_conditions(values: str, asked: str, given: str) -> None:
    """YAML's booleans and numbers mean the same as AllowedValues, default, given value and in ``Fn::Equals``."""
    statement = "{Effect: Allow, Action: 'iam:PassRole', Resource: '*'}"
    template = (
        f"Parameters: {{P: {{Type: String, {values}}}}}\nConditions: {{C: !Equals [!Ref P, {asked}]}}\nResources:\n"
        f"  R: {{Type: AWS::IAM::Policy, Condition: C, Properties: {{PolicyDocument: {{Statement: [{statement}]}}}}}}\n"
    )
    assert isinstance(load(Path("t.yaml"), template).policies[0].document, Choice)
    known = load(Path("t.yaml"), template, inputs=Inputs(parameters=(("P", given),)))
    assert isinstance(known.policies[0].document, ObjectNode)


@pytest.mark.parametrize("given", [(), (("P", "Yes"),)])
def test_unquoted_yaml_words_match_mapping_keys(
    given: tuple[tuple[str, str], ...],
) -> None:
    """A key ``Yes`` of a mapping matches a parameter whose default or given value is ``Yes``."""
    template = (
        "Parameters: {P: {Type: String, Default: Yes}}\nMappings: {M: {Yes: {Role: app-*}, No: {Role: web-*}}}\n"
        "Resources:\n  R: {Type: AWS::IAM::Policy, Properties: {PolicyDocument: {X: !FindInMap [M, !Ref P, Role]}}}\n"
    )
    document = load(Path("t.yaml"), template, inputs=Inputs(parameters=given)).policies[0].document
    assert isinstance(document, ObjectNode)
    assert str(document.get("X")) == "app-*"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("numbers.json", '{"Count": 2, "On": true, "Ids": ["a", 5]}'),
        ("keys.json", '[{"ParameterKey": "Count", "ParameterValue": 2}, "On=true", "Ids=a,5"]'),
        ("table.toml", f'{DEPLOY}parameter_overrides = {{ Count = 2, On = true, Ids = ["a", 5] }}'),
    ],
)
def test_file_values_of_other_types_become_strings(name: str, content: str, tmp_path: Path) -> None:
    """Numbers, booleans and lists become the strings that CloudFormation uses."""
    (tmp_path / name).write_text(content, encoding="utf-8")
    assert dict(read_parameters(tmp_path / name)) == {"Count": "2", "On": "true", "Ids": "a,5"}


def test_too_large_parameter_file_is_not_read(tmp_path: Path) -> None:
    """It is reported."""
    with (tmp_path / "large.json").open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    with pytest.raises(InputError, match="too large for a parameter file"):
        read_parameters(tmp_path / "large.json")


def test_duplicate_allowed_values_count_once() -> None:
    """A parameter with one allowed value, listed twice, has that value."""
    found = value("Type: String, AllowedValues: [dev, dev]")
    assert isinstance(found, StringNode)
    assert found.literal == "dev"
