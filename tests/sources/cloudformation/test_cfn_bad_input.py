"""Broken, hostile and odd templates through the command line: one clear line each, and the rest is scanned."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from work import at_most

from passrole_checks.cli import main

GOOD = """\
Resources:
  Good:
    Type: AWS::IAM::Policy
    Properties: {PolicyDocument: {Statement: {Effect: Allow, Action: iam:PassRole, Resource: "*"}}}
"""


def bomb() -> str:
    rows = ["x0: &x0 [a, a, a, a, a, a, a, a, a, a]"]
    rows += [f"x{n}: &x{n} [{', '.join([f'*x{n - 1}'] * 10)}]" for n in range(1, 12)]
    return "\n".join(rows) + "\n" + GOOD


def merge_bomb() -> str:
    rows = ["x0: &x0 {k: v}"]
    rows += [f"x{n}: &x{n} {{<<: [*x{n - 1}, *x{n - 1}], k{n}: v}}" for n in range(1, 40)]
    return "\n".join(rows) + "\n" + GOOD


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("good.yaml").write_text(GOOD)


def scanned(capsys: pytest.CaptureFixture[str], name: str, content: str | bytes) -> tuple[int, list[str], list[str]]:
    """The status, the addresses of the findings of 001, and the lines on standard error."""
    Path(name).write_bytes(content.encode() if isinstance(content, str) else content)
    with at_most(3_000_000):
        status = main(["scan", ".", "--format", "json", "--check", "001"])
    captured = capsys.readouterr()
    findings = json.loads(captured.out)["findings"]
    return status, sorted(item["resource"] for item in findings), captured.err.splitlines()


@pytest.mark.parametrize(
    ("name", "content", "line"),
    [
        ("t.yaml", GOOD + "  H: {Type: AWS::IAM::Role, Properties: {", "t.yaml:5: not valid YAML: "),
        ("t.yaml", GOOD + '  H:\n    Type: "AWS::IAM::Role\n', "t.yaml:7: not valid YAML: "),
        ("t.yaml", "Resources:\n\tH:\n\t\tType: AWS::IAM::Role\n", "t.yaml:2: not valid YAML: "),
        ("t.yaml", GOOD + "---\n" + GOOD, "t.yaml:5: not valid YAML: more than one document"),
        ("t.yaml", GOOD + '  N: "\0"\n', "t.yaml:5: not valid YAML: control character"),
        ("t.yaml", GOOD + "  H:key\n    Type: X::Y::Z\n", "t.yaml:5: not valid YAML: could not find expected ':'"),
        ("t.yaml", GOOD + "  H: %NAME%\n", "t.yaml:5: not valid YAML: a value cannot begin with %"),
        ("t.yaml", GOOD + "  H: @x\n", "t.yaml:5: not valid YAML: a value cannot begin with @"),
        ("t.yaml", GOOD + "  H:\n    N: {{resolve:ssm:name}} x\n", "t.yaml:6: not valid YAML: did not find expected"),
        ("t.yaml", GOOD.encode("utf-16"), "t.yaml:1: not UTF-8 text"),
        ("t.yaml", bomb(), "t.yaml:6: too large after expanding aliases"),
        ("t.yaml", merge_bomb(), "t.yaml:17: too large after expanding aliases"),
        ("t.yaml", "a: &a [*a]\n" + GOOD, "t.yaml:1: an alias contains itself"),
        ("t.yaml", GOOD + "  D: " + "[" * 20_000 + "]" * 20_000, "t.yaml:5: not valid YAML: exceeded maximum nesting"),
        ("t.yaml", GOOD + "".join(" " * (2 + n) + f"k{n}:\n" for n in range(300)), "t.yaml:205: nested too deeply"),
        ("t.json", '{"Resources": {"G": {"Type": "A::B::C", "Properties": ' + '{"a":' * 50_000,
         "t.json:1: not valid JSON: nested more than 400 levels deep"),
        ("t.yaml", "AWSTemplateFormatVersion: '2010-09-09'\nResources: []\n", "t.yaml:2: Resources is not a mapping"),
        ("t.yaml", "AWSTemplateFormatVersion: '2010-09-09'\nResources: x\n", "t.yaml:2: Resources is not a mapping"),
    ],
    ids=lambda value: value[-30:] if isinstance(value, str) else "",
)  # fmt: skip
def test_unreadable_template_is_reported_in_one_line(
    name: str, content: str | bytes, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The line starts with the file, the exit status is 2, and the other template is scanned."""
    status, found, errors = scanned(capsys, name, content)
    assert status == 2
    assert found == ["Good"]
    assert len(errors) == 1
    assert errors[0].startswith(line)


@pytest.mark.parametrize(
    "content",
    [
        "\ufeff" + GOOD.replace("\n", "\r\n"),
        "# a comment\n" + GOOD.replace("Good:", "Good: # another"),
        GOOD + "  Long:\n    Type: AWS::SSM::Parameter\n    Properties: {Value: '" + "x" * 200_000 + "'}\n",
        GOOD + "Metadata: &m {a: b}\nMappings: {M: {k: {v: w}}}\n"
        "Rules:\n  R: {Assertions: [{Assert: !Equals [!Ref X, y]}]}\n",
        "x-policy: &policy\n  PolicyDocument: {Statement: {Effect: Allow, Action: iam:PassRole, Resource: '*'}}\n"
        "Resources:\n  Good:\n    Type: AWS::IAM::Policy\n    Properties:\n      <<: *policy\n      PolicyName: n\n",
        GOOD + "OrganizationBindings: {B: !Ref Somewhere, C: !Foreach {x: !AWSAccount y}}\n",
        "{\n\t\"Resources\": {\n\t\t\"Good\": {\"Type\": \"AWS::IAM::Policy\", \"Properties\": {\"PolicyDocument\": "
        "{\"Statement\": [{\"Effect\": \"Allow\", \"Action\": \"iam:PassRole\", \"Resource\": \"*\"}]}}}}}",
        GOOD + "Conditions: {A: !Condition B, B: !Not [!Condition A], C: !Or [], D: !Not x, E: !Equals {}}\n",
        GOOD + "Parameters:\nConditions:\nMappings:\n",
        GOOD.replace("Type:", "Condition: {a: b}\n    Type:"),
    ],
)  # fmt: skip
def test_unusual_but_valid_templates_are_read(content: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Line ends, byte order marks, comments, long lines, and tags and sections of other tools are accepted."""
    Path("good.yaml").unlink()
    status, found, errors = scanned(capsys, "t.yaml", content)
    assert (status, found, errors) == (1, ["Good"], [])


def test_template_over_cloudformation_limits_is_read(capsys: pytest.CaptureFixture[str]) -> None:
    """A template over CloudFormation's limits of size and resource count is still read."""
    rows = GOOD.split("\n", 1)
    content = rows[0] + "\n" + "".join(rows[1].replace("Good", f"Good{number}") for number in range(600))
    content += "Metadata:\n" + "".join(f'  m{number}: "{"x" * 100}"\n' for number in range(10_000))
    assert len(content) > 1_000_000
    status, found, errors = scanned(capsys, "t.yaml", content)
    assert (status, len(found), errors) == (1, 601, [])


def test_conditional_statements_are_checked_separately(capsys: pytest.CaptureFixture[str]) -> None:
    """Forty statements under their own conditions do not become two to the power of forty documents."""
    count = 40
    parameters = ", ".join(f"P{number}: {{Type: String}}" for number in range(count))
    conditions = ", ".join(f"C{number}: !Equals [!Ref P{number}, x]" for number in range(count))
    statement = "{Effect: Allow, Action: iam:PassRole, Resource: '*'}"
    optional = ", ".join(f"!If [C{number}, {statement}, !Ref AWS::NoValue]" for number in range(count))
    status, found, errors = scanned(
        capsys,
        "t.yaml",
        f"Parameters: {{{parameters}}}\nConditions: {{{conditions}}}\nResources:\n"
        f"  H: {{Type: AWS::IAM::Policy, Properties: {{PolicyDocument: {{Statement: [{optional}]}}}}}}\n",
    )
    assert (status, found, errors) == (1, ["Good", *["H"] * count], [])


def test_long_chain_of_conditions_is_read(capsys: pytest.CaptureFixture[str]) -> None:
    """Nine hundred conditions, each using the previous one, are read; those that grow too large stay unresolved."""
    chain = ", ".join(
        f"C{number}: !Or [!And [!Condition C{number - 1}, !Equals [!Ref P{number % 4}, x]],"
        f" !Not [!Condition C{number - 1}]]"
        for number in range(1, 900)
    )
    status, found, errors = scanned(
        capsys,
        "t.yaml",
        "Parameters: {P0: {Type: String}, P1: {Type: String}, P2: {Type: String}, P3: {Type: String}}\n"
        f"Conditions: {{C0: !Equals [!Ref P0, x], {chain}}}\n" + GOOD.replace("Type:", "Condition: C899\n    Type:"),
    )
    assert (status, found, errors) == (1, ["Good", "Good"], [])
