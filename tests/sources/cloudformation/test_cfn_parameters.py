"""Parameters: what is known of them, and the values that are given on the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from passrole_checks.cli import main
from passrole_checks.errors import ConfigurationError, InputError
from passrole_checks.iam.values.nodes import ObjectNode, StringNode, Unresolved, UnresolvedKind
from passrole_checks.sources.cloudformation import load
from passrole_checks.sources.cloudformation.parameter_values import MAX_BYTES, parse_parameter_options, read_parameters

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


def hole(parameter: str) -> Unresolved:
    """Return the unresolved value of a reference to a parameter."""
    template = f"Parameters: {{P: {{{parameter}}}}}\nResources:\n" + (
        "  R: {Type: AWS::IAM::Policy, Properties: {PolicyDocument: {X: !Ref P}}}\n"
    )
    document = load(Path("t.yaml"), template).policies[0].document
    assert isinstance(document, ObjectNode)
    found = document.get("X")
    assert isinstance(found, StringNode)
    assert found.only_unresolved is not None
    return found.only_unresolved


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
    assert hole(parameter).kind is kind


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
