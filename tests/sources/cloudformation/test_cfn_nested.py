"""Nested stacks and applications: followed where their templates are local files, with their parameters and outputs."""

from __future__ import annotations

from pathlib import Path

import pytest
from path_conditions_of_tests import choice, outcome_of, pairs

from passrole_checks.findings import Severity
from passrole_checks.iam.partial_values import (
    Absent,
    Choice,
    Const,
    ListNode,
    Node,
    ObjectNode,
    Position,
    StringNode,
    Unresolved,
    UnresolvedKind,
)
from passrole_checks.scan.scanner import ScanOptions, ScanResult, scan_paths
from passrole_checks.sources.cloudformation import load, nested
from passrole_checks.sources.cloudformation.stack_values import to_nested, to_parent
from passrole_checks.sources.model.configuration import Configuration, Inputs
from tests.helpers.principals_of_tests import boundaries_of

AT = Position("t.yaml", 1)
PATTERN = "Parameters: {Pattern: {Type: String, Default: app-*}}\n"
PASS_PATTERN = '!Sub "arn:aws:iam::${AWS::AccountId}:role/${Pattern}"'


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def stack(name: str, url: str, parameters: str = "{}", condition: str = "", kind: str = "stack") -> str:
    type_, key = {
        "stack": ("AWS::CloudFormation::Stack", "TemplateURL"),
        "application": ("AWS::Serverless::Application", "Location"),
    }[kind]
    rest = f", Condition: {condition}" if condition else ""
    return f"  {name}: {{Type: {type_}{rest}, Properties: {{{key}: {url}, Parameters: {parameters}}}}}\n"


def policy(name: str, resource: str, more: str = "") -> str:
    statement = f"[{{Effect: Allow, Action: iam:PassRole, Resource: {resource}}}]"
    document = f'{{Version: "2012-10-17", Statement: {statement}}}'
    return f"  {name}: {{Type: AWS::IAM::ManagedPolicy, Properties: {{PolicyDocument: {document}{more}}}}}\n"


ROLE = (
    "  Role:\n    Type: AWS::IAM::Role\n    Properties:\n      AssumeRolePolicyDocument:\n"
    "        Statement: [{Effect: Allow, Principal: {Service: ec2.amazonaws.com}, Action: sts:AssumeRole}]\n"
)


def scan(*paths: Path, **inputs: str) -> ScanResult:
    options = ScanOptions(minimum_severity=Severity.INFO, inputs=Inputs(parameters=tuple(inputs.items())))
    return scan_paths(list(paths), options)


def said(result: ScanResult) -> set[tuple[str, str, str]]:
    """Check, file and resource of each use, but for 012."""
    return {
        (finding.check_id[-3:], Path(finding.at.file).name, use)
        for finding in result.findings
        if finding.check_id != "PASSROLE_012"
        for use in finding.uses
    }


def resources_of(result: ScanResult) -> dict[str, list[str]]:
    """Return the role patterns of each grant by resource."""
    found: dict[str, list[str]] = {}
    for item in result.grants:
        found.setdefault(item.resource.address, []).extend(str(role.pattern) for role in item.grant.roles)
    return found


def read(path: Path) -> Configuration:
    return load(path, path.read_text(encoding="utf-8"), boundary=path.parent)


@pytest.mark.parametrize("kind", ["stack", "application"])
def test_nested_template_gets_its_arguments(tmp_path: Path, kind: str) -> None:
    """Findings are in its own file, with addresses below the stack."""
    write(tmp_path, "main.yaml", "Resources:\n" + stack("Inner", "inner/t.yaml", '{Pattern: "*"}', kind=kind))
    write(tmp_path, "inner/t.yaml", f"{PATTERN}Resources:\n{policy('P', PASS_PATTERN)}")
    result = scan(tmp_path)
    assert said(result) == {("001", "t.yaml", "Inner.P")}
    (finding,) = (item for item in result.findings if item.check_id == "PASSROLE_001")
    assert (finding.at.line, "Using the default" in finding.message) == (3, False)
    assert (result.unreadable, result.not_evaluated) == ((), ())


BOUND = "  R: {Type: AWS::IAM::Role, Properties: {PermissionsBoundary: !Ref Edge}}\n"
SCOPED = "  R: {Type: AWS::IAM::Role, Properties: {PermissionsBoundary: !Sub 'arn:aws:iam::1:policy/${Edge}'}}\n"


@pytest.mark.parametrize(
    ("inner", "passed", "grants"),
    [
        (BOUND, "!Ref M", False),
        (SCOPED, "edge", False),
        (BOUND, "!Sub 'arn:aws:iam::${AWS::AccountId}:policy/edge'", False),
        ("Globals: {Function: {PermissionsBoundary: !Ref Edge}}\nTransform: AWS::Serverless-2016-10-31\n"
         "Resources:\n  F: {Type: AWS::Serverless::Function, Properties: {}}\n", "!Ref M", False),
        (BOUND + stack("Deeper", "deeper.yaml", "{Edge: !Ref Edge}"), "!Ref M", False),
        (BOUND + stack("Deeper", "elsewhere.yaml", "{Edge: !Ref Edge}"), "!Ref M", True),
        (BOUND + "  U: {Type: AWS::IAM::User, Properties: {ManagedPolicyArns: [!Ref Edge]}}\n", "!Ref M", True),
        ("  U: {Type: AWS::IAM::User, Properties: {ManagedPolicyArns: [!Ref Edge]}}\n", "!Ref M", True),
        ("  B: {Type: AWS::S3::Bucket}\n", "!Ref M", True),
    ],
)  # fmt: skip
def test_managed_policy_used_as_a_nested_boundary_grants_nothing(
    tmp_path: Path, inner: str, passed: str, grants: bool
) -> None:
    """A managed policy that a nested stack uses only as a permissions boundary has no principals."""
    edge = policy("M", '"*"', ", ManagedPolicyName: edge")
    main = write(tmp_path, "main.yaml", "Resources:\n" + edge + stack("Inner", "t.yaml", f"{{Edge: {passed}}}"))
    header = "Parameters: {Edge: {Type: String}}\n"
    write(tmp_path, "t.yaml", header + (inner if "Resources:" in inner else "Resources:\n" + inner))
    write(tmp_path, "deeper.yaml", header + "Resources:\n" + BOUND)
    assert said(scan(main)) == ({("001", "main.yaml", "M")} if grants else set())


@pytest.mark.parametrize(
    ("inner", "outer", "grants"),
    [
        ("", "Role, Properties: {PermissionsBoundary: !GetAtt Inner.Outputs.M}", False),
        ("", "Role, Properties: {PermissionsBoundary: !Sub '${Inner.Outputs.M}'}", False),
        ("", "User, Properties: {ManagedPolicyArns: [!GetAtt Inner.Outputs.M]}", True),
        ("  R: {Type: AWS::IAM::Role, Properties: {PermissionsBoundary: !Ref M}}\n",
         "User, Properties: {ManagedPolicyArns: [!GetAtt Inner.Outputs.M]}", True),
        ("  R: {Type: AWS::IAM::Role, Properties: {PermissionsBoundary: !Ref M}}\n",
         "User, Properties: {UserName: !GetAtt Inner.Outputs.M}", True),
        ("  R: {Type: AWS::IAM::Role, Properties: {PermissionsBoundary: !Ref M}}\n", "User", False),
        ("  R: {Type: AWS::IAM::User, Properties: {ManagedPolicyArns: [!Ref M]}}\n",
         "Role, Properties: {PermissionsBoundary: !GetAtt Inner.Outputs.M}", True),
        ("  L: {Type: Custom::X, Properties: {A: !Ref M}}\n",
         "Role, Properties: {PermissionsBoundary: !GetAtt Inner.Outputs.M}", True),
    ],
)  # fmt: skip
def test_outer_stack_attaches_a_nested_managed_policy(tmp_path: Path, inner: str, outer: str, grants: bool) -> None:
    """A principal that gets it through an output has it; a boundary grants nothing."""
    main = write(tmp_path, "main.yaml", f"Resources:\n{stack('Inner', 't.yaml')}  X: {{Type: AWS::IAM::{outer}}}\n")
    outputs = "Outputs: {M: {Value: !Ref M}}\n"
    write(tmp_path, "t.yaml", "Resources:\n" + policy("M", '"*"') + inner + outputs)
    result = scan(main)
    assert said(result) == ({("001", "t.yaml", "Inner.M")} if grants else set())
    if "ManagedPolicyArns" in outer:
        assert [item.principals for item in result.grants] == [("X",)]


@pytest.mark.parametrize(
    ("outer", "grants"),
    [
        ("Role, Properties: {PermissionsBoundary: !GetAtt Middle.Outputs.M}", False),
        ("User, Properties: {ManagedPolicyArns: [!GetAtt Middle.Outputs.M]}", True),
    ],
)
def test_use_of_a_policy_two_nested_stacks_below(tmp_path: Path, outer: str, grants: bool) -> None:
    """An output of an output is an attachment or a permissions boundary, like an output."""
    main = write(tmp_path, "main.yaml", f"Resources:\n{stack('Middle', 'm.yaml')}  X: {{Type: AWS::IAM::{outer}}}\n")
    outputs = "Outputs: {M: {Value: !GetAtt Inner.Outputs.M}}\n"
    write(tmp_path, "m.yaml", "Resources:\n" + stack("Inner", "t.yaml") + outputs)
    write(tmp_path, "t.yaml", "Resources:\n" + policy("M", '"*"') + "Outputs: {M: {Value: !Ref M}}\n")
    result = scan(main)
    assert said(result) == ({("001", "t.yaml", "Middle.Inner.M")} if grants else set())
    assert [item.principals for item in result.grants] == [("X",) if grants else ()]


def test_nested_template_is_checked_through_its_stack(tmp_path: Path) -> None:
    """A scanned nested template is not also checked alone, unless it is given by name."""
    main = write(tmp_path, "main.yaml", "Resources:\n" + stack("Inner", "t.yaml", "{Pattern: web-*}"))
    inner = write(tmp_path, "t.yaml", f"{PATTERN}Resources:\n{policy('P', PASS_PATTERN)}")
    assert said(scan(tmp_path)) == said(scan(main)) == said(scan(inner, main)) == {("002", "t.yaml", "Inner.P")}
    assert said(scan(inner)) == {("002", "t.yaml", "P")}
    assert scan(tmp_path).files == (str(main), str(inner))


def test_default_without_an_argument_is_certain(tmp_path: Path) -> None:
    """The default of a parameter without an argument cannot change at deployment."""
    write(tmp_path, "main.yaml", "Resources:\n" + stack("Inner", "t.yaml"))
    condition = 'Conditions: {Any: !Equals [!Ref Pattern, "*"]}\n'
    inner = policy("P", f"!If [Any, '*', {PASS_PATTERN}]")
    write(tmp_path, "t.yaml", f"{PATTERN}{condition}Resources:\n{inner}")
    result = scan(tmp_path)
    assert said(result) == {("002", "t.yaml", "Inner.P")}
    assert all("Using the default" not in finding.message for finding in result.findings)


def test_argument_keeps_the_default_of_the_outer_stack(tmp_path: Path) -> None:
    """An argument may be a default of the outer stack, and is named as such."""
    write(tmp_path, "main.yaml", "Parameters: {All: {Type: String, Default: '*'}}\n"
          "Resources:\n" + stack("Inner", "t.yaml", "{Pattern: !Ref All}"))  # fmt: skip
    write(tmp_path, "t.yaml", f"{PATTERN}Resources:\n{policy('P', PASS_PATTERN)}")
    (finding,) = (item for item in scan(tmp_path).findings if item.check_id == "PASSROLE_001")
    assert finding.message.endswith("Using the default of `All`.")
    assert said(scan(tmp_path, All="web-*")) == {("002", "t.yaml", "Inner.P")}


def test_no_value_argument_means_the_default(tmp_path: Path) -> None:
    """``AWS::NoValue`` passes no argument."""
    write(tmp_path, "main.yaml", "Parameters: {S: {Type: String}}\nConditions: {Prod: !Equals [!Ref S, prod]}\n"
          "Resources:\n" + stack("Inner", "t.yaml", "{Pattern: !If [Prod, web-1, !Ref 'AWS::NoValue']}"))  # fmt: skip
    write(tmp_path, "t.yaml", f"{PATTERN}Resources:\n{policy('P', PASS_PATTERN)}")
    result = scan(tmp_path)
    roles = ["arn:aws:iam::${AWS::AccountId}:role/app-*", "arn:aws:iam::${AWS::AccountId}:role/web-1"]
    assert resources_of(result) == {"Inner.P": roles}
    messages = {finding.check_id[-3:]: finding.message for finding in result.findings}
    assert messages["002"].endswith('Applies when S is not "prod".')
    assert "role/web-1" in messages["012"] and 'Applies when S = "prod".' in messages["012"]


@pytest.mark.parametrize("parameters", ["!Transform {Name: Values}", "{'Fn::Transform': {Name: Values}}"])
def test_arguments_of_a_macro_are_unknown(tmp_path: Path, parameters: str) -> None:
    """No default of the nested template applies then."""
    write(tmp_path, "main.yaml", "Resources:\n" + stack("Inner", "t.yaml", parameters))
    write(tmp_path, "t.yaml", f"{PATTERN}Resources:\n{policy('P', PASS_PATTERN)}")
    assert ("014", "t.yaml", "Inner.P") in said(scan(tmp_path))


def test_unresolved_argument_keeps_its_expression(tmp_path: Path) -> None:
    """It has the expression of the outer stack, not the parameter's name."""
    write(tmp_path, "main.yaml", "Parameters: {Given: {Type: String}}\n"
          "Resources:\n" + stack("Inner", "t.yaml", "{Pattern: !Ref Given}"))  # fmt: skip
    write(tmp_path, "t.yaml", f"{PATTERN}Resources:\n{policy('P', PASS_PATTERN)}")
    (finding,) = (item for item in scan(tmp_path).findings if item.check_id == "PASSROLE_014")
    assert "Given" in finding.message and "Pattern" not in finding.message


def test_equal_parameter_names_are_distinguished(tmp_path: Path) -> None:
    """A parameter of the outer stack is not mixed up with one of the same name in the nested one."""
    write(tmp_path, "main.yaml", "Parameters: {S: {Type: String, AllowedValues: [a, b]}}\n"
          "Conditions: {A: !Equals [!Ref S, a]}\nResources:\n"
          + stack("Inner", "t.yaml", "{S: x, Up: !If [A, '*', app]}"))  # fmt: skip
    inner = policy("P", '!If [X, !Sub "arn:aws:iam::111122223333:role/${Up}", "arn:aws:iam::111122223333:role/no"]')
    write(tmp_path, "t.yaml", "Parameters: {S: {Type: String, AllowedValues: [x, y]}, Up: {Type: String}}\n"
          f"Conditions: {{X: !Equals [!Ref S, x]}}\nResources:\n{inner}")  # fmt: skip
    messages = {finding.check_id[-3:]: finding.message for finding in scan(tmp_path).findings}
    assert messages["001"].endswith('Applies when S = "a".')
    assert "role/no" not in str(resources_of(scan(tmp_path)))


def test_conditions_on_one_value_agree_across_stacks(tmp_path: Path) -> None:
    """An argument decides the inner and the outer conditions alike."""
    write(tmp_path, "main.yaml", "Parameters: {S: {Type: String, AllowedValues: [a, b]}}\n"
          "Conditions: {A: !Equals [!Ref S, a]}\nResources:\n"
          + stack("Inner", "t.yaml", "{S: !Ref S}", condition="A"))  # fmt: skip
    inner = policy("P", '!If [B, "*", "arn:aws:iam::111122223333:role/a"]')
    write(tmp_path, "t.yaml", "Parameters: {S: {Type: String}}\nConditions: {B: !Equals [!Ref S, b]}\n"
          f"Resources:\n{inner}")  # fmt: skip
    assert said(scan(tmp_path)) == {("002", "t.yaml", "Inner.P")}


def test_output_refers_to_the_nested_role(tmp_path: Path) -> None:
    """``Fn::GetAtt Inner.Outputs.Arn`` is the role of the nested stack, with its trust policy, also in a third
    stack."""
    write(tmp_path, "main.yaml", "Resources:\n" + stack("Inner", "roles.yaml")
          + stack("Third", "t.yaml", "{Arn: !GetAtt Inner.Outputs.Arn}")
          + policy("P", "!GetAtt Inner.Outputs.Arn"))  # fmt: skip
    write(tmp_path, "roles.yaml", f"Resources:\n{ROLE}Outputs: {{Arn: {{Value: !GetAtt Role.Arn}}}}\n")
    write(tmp_path, "t.yaml", f"Parameters: {{Arn: {{Type: String}}}}\nResources:\n{policy('Q', '!Ref Arn')}")
    result = scan(tmp_path)
    assert said(result) == {("002", "main.yaml", "P"), ("002", "t.yaml", "Third.Q")}
    findings = [finding for finding in result.findings if finding.check_id == "PASSROLE_002"]
    assert {finding.severity for finding in findings} == {Severity.INFO}  # the trust policy decides
    assert all("${Inner.Role.Arn}" in finding.message for finding in findings)


def test_unknown_outputs_are_unresolved(tmp_path: Path) -> None:
    """Outputs of a stack that is not read, missing ones and circular ones are unresolved."""
    write(tmp_path, "main.yaml", "Resources:\n" + stack("Remote", "https://example.com/t.yaml")
          + stack("Inner", "t.yaml", "{Pattern: !GetAtt Inner.Outputs.Own}")
          + policy("P", "!GetAtt Remote.Outputs.Arn") + policy("Q", "!GetAtt Inner.Outputs.No")
          + policy("R", "!GetAtt Inner.Outputs.Own"))  # fmt: skip
    write(tmp_path, "t.yaml", f"{PATTERN}Resources: {{}}\nOutputs: {{Own: {{Value: !Ref Pattern}}}}\n"
          "AWSTemplateFormatVersion: 2010-09-09\n")  # fmt: skip
    result = scan(tmp_path)
    assert {("014", "main.yaml", name) for name in "PQR"} <= said(result)
    assert [note.reason.split(":")[0] for note in result.not_evaluated] == ["Remote"]


def test_principals_are_resolved_across_stacks(tmp_path: Path) -> None:
    """Names of roles passed down or up are principals of the attached policies."""
    up, down = ", Roles: [!GetAtt Inner.Outputs.Name]", ", Roles: [!Ref Name]"
    write(tmp_path, "main.yaml", "Resources:\n" + ROLE.replace("Role:\n", "Outer:\n", 1)
          + stack("Inner", "t.yaml", "{Name: !Ref Outer}") + policy("P", "'*'", up))  # fmt: skip
    write(tmp_path, "t.yaml", f"Parameters: {{Name: {{Type: String}}}}\nResources:\n{ROLE}{policy('Q', '*', down)}"
          .replace("Resource: *", "Resource: '*'") + "Outputs: {Name: {Value: !Ref Role}}\n")  # fmt: skip
    found = {item.resource.address: item.principals for item in read(tmp_path / "main.yaml").policies}
    assert found["P"] == ("Inner.Role",)
    assert found["Inner.Q"] == ("Outer",)


def test_values_pass_through_every_nesting_level(tmp_path: Path) -> None:
    """Addresses name each stack on the way."""
    write(tmp_path, "main.yaml", "Resources:\n" + ROLE + stack("A", "a/t.yaml", "{Arn: !GetAtt Role.Arn}")
          + policy("P", "!GetAtt A.Outputs.Up"))  # fmt: skip
    write(tmp_path, "a/t.yaml", "Parameters: {Arn: {Type: String}}\nResources:\n"
          + stack("B", "../b.yaml", "{Arn: !Ref Arn}") + "Outputs: {Up: {Value: !GetAtt B.Outputs.Own}}\n")  # fmt: skip
    write(tmp_path, "b.yaml", f"Parameters: {{Arn: {{Type: String}}}}\nResources:\n{ROLE}{policy('Q', '!Ref Arn')}"
          "Outputs: {Own: {Value: !GetAtt Role.Arn}}\n")  # fmt: skip
    result = scan(tmp_path)
    assert said(result) == {("002", "main.yaml", "P"), ("002", "b.yaml", "A.B.Q")}
    by_resource = {item.resource.address: item.message for item in result.findings if item.check_id == "PASSROLE_002"}
    assert "${A.B.Role.Arn}" in by_resource["P"] and "${Role.Arn}" in by_resource["A.B.Q"]


def test_conditional_nested_stack_grants_conditionally(tmp_path: Path) -> None:
    """Its findings name the stack's condition."""
    write(tmp_path, "main.yaml", "Parameters: {S: {Type: String}}\nConditions: {Prod: !Equals [!Ref S, prod]}\n"
          "Resources:\n" + stack("Inner", "t.yaml", condition="Prod"))  # fmt: skip
    write(tmp_path, "t.yaml", "Resources:\n" + policy("P", "'*'"))
    (finding,) = (item for item in scan(tmp_path).findings if item.check_id == "PASSROLE_001")
    assert finding.message.endswith('Applies when S = "prod".')


def test_suppressions_in_a_nested_template(tmp_path: Path) -> None:
    """A suppression in a nested template applies to its resource in each stack, and counts as used."""
    write(tmp_path, "main.yaml", "Resources:\n" + stack("A", "t.yaml") + stack("B", "t.yaml"))
    skip = "    # passrole:skip=PASSROLE_001 administrators\n"
    rest = policy("P", "'*'").partition("Properties:")[2].removesuffix("}\n")
    write(tmp_path, "t.yaml", f"Resources:\n  P:\n{skip}    Type: AWS::IAM::ManagedPolicy\n    Properties:{rest}\n")
    result = scan(tmp_path)
    (finding,) = (item for item in result.findings if item.check_id == "PASSROLE_001")
    assert finding.suppressed is not None and finding.uses == ("A.P", "B.P")
    assert result.unused_suppressions == ()


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://example.com/t.yaml", ""),
        ("s3://bucket/t.yaml", ""),
        ('!Sub "https://${AWS::Region}.example.com/t.yaml"', ""),
        ("'{{resolve:ssm:/templates/t}}'", ""),
        ("gone.yaml", "gone.yaml"),
        ("../outside.yaml", "../outside.yaml"),
        ("/etc/hostname", "/etc/hostname"),
        ("folder", "folder"),
        ("notes.yaml", "notes.yaml"),
        ("main.yaml", "main.yaml"),
    ],
)
def test_unreadable_nested_template_is_not_evaluated(tmp_path: Path, url: str, shown: str) -> None:
    """A nested stack that cannot be read is reported once, with file, line and template; it is not an error."""
    write(tmp_path, "outside.yaml", "Resources:\n" + policy("P", "'*'"))
    folder = tmp_path / "scanned"
    (folder / "folder").mkdir(parents=True)
    write(folder, "notes.yaml", "words: no template\n")
    main = write(folder, "main.yaml", "Resources:\n" + stack("Inner", url))
    result = scan(folder)
    ((file, reason),) = [(note.file, note.reason) for note in result.not_evaluated]
    assert file == str(main)
    assert reason.startswith("Inner: ") and shown in reason
    assert (result.findings, result.unreadable) == ((), ())


def test_malformed_nested_template_is_unreadable_once(tmp_path: Path) -> None:
    """It is reported with its own file, and the rest is checked."""
    write(tmp_path, "main.yaml", "Resources:\n" + stack("Inner", "t.yaml") + policy("P", "'*'"))
    broken = write(tmp_path, "t.yaml", "Resources:\n  P: {Type: AWS::IAM::Policy\n")
    result = scan(tmp_path)
    assert [item.file for item in result.unreadable] == [str(broken)]
    assert said(result) == {("001", "main.yaml", "P")}
    write(tmp_path, "main.yaml", "Resources:\n" + stack("Inner", "t.yaml") + stack("Other", "t.yaml"))
    (entry,) = scan(tmp_path / "main.yaml").unreadable
    assert (entry.file, entry.resource) == (str(broken), "")  # it concerns both stacks


def test_templates_that_nest_each_other_are_checked(tmp_path: Path) -> None:
    """Each template is checked, and the recursive nested stack is not evaluated."""
    for name, other in (("a", "b"), ("b", "a")):
        write(tmp_path, f"{name}.yaml", "Resources:\n" + stack("Inner", f"{other}.yaml") + policy("P", "'*'"))
    result = scan(tmp_path)
    assert said(result) >= {("001", "a.yaml", "P"), ("001", "b.yaml", "P")}
    assert any("a.yaml" in note.reason for note in result.not_evaluated)


def test_stacks_beyond_the_nesting_limit_are_checked_separately(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stacks beyond the limit are not evaluated; a template that no stack reaches is checked by itself."""
    monkeypatch.setattr(nested, "MAX_DEPTH", 2)
    for number in range(4):
        body = stack("Inner", f"t{number + 1}.yaml") + policy("P", "'*'")
        write(tmp_path, f"t{number}.yaml", "Resources:\n" + body)
    write(tmp_path, "t4.yaml", "Resources:\n" + policy("P", "'*'"))
    result = scan(tmp_path)
    assert {(file, use) for _, file, use in said(result)} == {
        ("t0.yaml", "P"), ("t1.yaml", "Inner.P"), ("t2.yaml", "Inner.Inner.P"),
        ("t3.yaml", "P"), ("t4.yaml", "Inner.P"),
    }  # fmt: skip
    assert any("t3.yaml" in note.reason for note in result.not_evaluated)


def test_number_of_nested_stacks_is_limited(tmp_path: Path) -> None:
    """Templates that nest the next one many times are read a bounded number of times in all."""
    for number in range(9):
        body = "".join(stack(f"S{copy}", f"t{number + 1}.yaml") for copy in range(6))
        write(tmp_path, f"t{number}.yaml", "Resources:\n" + body)
    write(tmp_path, "t9.yaml", "Resources:\n" + policy("P", "'*'"))
    found = read(tmp_path / "t0.yaml")
    assert len(found.resources) <= 7 * (nested.MAX_STACKS + 1)
    assert found.not_evaluated


def test_growing_values_become_unresolved_between_stacks(tmp_path: Path) -> None:
    """A value that each stack makes a hundred times longer becomes unresolved, up and down."""
    many, again = "${V}" * 100, "${Inner.Outputs.Up}" * 100
    for number in range(8):
        passed = f'{{V: !Sub "{many}"}}' if number else "{V: aa}"
        write(tmp_path, f"t{number}.yaml", "Parameters: {V: {Type: String, Default: a}}\nResources:\n"
              + stack("Inner", f"t{number + 1}.yaml", passed)
              + f'Outputs: {{Up: {{Value: !Sub "{again}"}}}}\n')  # fmt: skip
    write(tmp_path, "t8.yaml", "Parameters: {V: {Type: String}}\nResources:\n" + policy("P", "!Ref V")
          + 'Outputs: {Up: {Value: "aa"}}\n')  # fmt: skip
    write(tmp_path, "main.yaml", "Resources:\n" + stack("Inner", "t0.yaml") + policy("P", "!GetAtt Inner.Outputs.Up"))
    assert {("014", "main.yaml", "P"), ("014", "t8.yaml", "Inner." * 9 + "P")} <= said(scan(tmp_path))


def test_output_respects_conditions_of_the_outer_stack(tmp_path: Path) -> None:
    """A condition about a parameter rules out its default in the output."""
    role = '!Sub "arn:aws:iam::111122223333:role/${Stage}"'
    write(tmp_path, "main.yaml", "Parameters: {S: {Type: String, AllowedValues: [dev, prod], Default: dev}}\n"
          "Conditions: {Prod: !Equals [!Ref S, prod]}\nResources:\n" + stack("Inner", "t.yaml", "{Stage: !Ref S}")
          + policy("P", "!GetAtt Inner.Outputs.Arn").replace("Policy,", "Policy, Condition: Prod,")
          + policy("Q", "!GetAtt Inner.Outputs.Arn"))  # fmt: skip
    write(tmp_path, "t.yaml", "AWSTemplateFormatVersion: 2010-09-09\nParameters: {Stage: {Type: String}}\n"
          f"Outputs: {{Arn: {{Value: {role}}}}}\n")  # fmt: skip
    found = resources_of(scan(tmp_path))
    assert found["Q"] == ["arn:aws:iam::111122223333:role/dev"]
    assert found["P"] == ["arn:aws:iam::111122223333:role/${S}"]


def test_names_survive_a_round_trip_between_stacks() -> None:
    """A value passed down and up again is equal; one of the nested stack gets its prefix."""
    role = Unresolved("Role.Arn", role="Role", known=("arn:", Unresolved("Role", UnresolvedKind.NAME, "Role")))
    outer = choice("S", (('"a"', StringNode((role,), AT, defaults=("D", "AWS::URLSuffix"))),), AT)
    region = choice(
        "AWS::Region", (('"x"', StringNode((Unresolved("{{resolve:ssm:x}}"), Unresolved("AWS::AccountId")), AT)),), AT
    )
    assert to_parent(to_nested(outer), "Inner") == outer
    assert to_nested(region) == to_parent(region, "Inner") == region
    found = to_parent(outer, "Inner")
    assert isinstance(found, Choice) and found.condition == "Inner.S"
    text = found.options[0][1]
    assert isinstance(text, StringNode) and text.defaults == ("Inner.D", "AWS::URLSuffix")
    assert (text.unresolved_parts[0].expression, text.unresolved_parts[0].role) == ("Inner.Role.Arn", "Inner.Role")


HOLDERS = """\
Parameters: {Edge: {Type: String}, Stage: {Type: String}}
Conditions: {IsProd: !Equals [!Ref Stage, prod]}
Resources:
  Own: {Type: AWS::IAM::ManagedPolicy, Properties: {PolicyDocument: {Statement: []}}}
  G: {Type: AWS::IAM::Group, Properties: {ManagedPolicyArns: ["arn:aws:iam::aws:policy/ReadOnlyAccess"]}}
  A:
    Type: AWS::IAM::User
    Properties:
      Groups: [!Ref G]
      ManagedPolicyArns: [!If [IsProd, !Ref Edge, "arn:aws:iam::aws:policy/IAMFullAccess"]]
      PermissionsBoundary: !If [IsProd, !Ref Own, !Ref AWS::NoValue]
  B: {Type: AWS::IAM::User, Properties: {PermissionsBoundary: !If [IsProd, !Ref Edge, !ImportValue shared]}}
  C: {Type: AWS::IAM::User, Properties: {ManagedPolicyArns: [!Ref Edge], PermissionsBoundary: !Ref Own}}
  D: {Type: AWS::IAM::User, Properties: {PermissionsBoundary: !ImportValue shared}}
"""
HOLDING_STACK = """\
Parameters: {Stage: {Type: String}, Team: {Type: String}}
Conditions: {Ours: !Equals [!Ref Team, ours]}
Resources:
  M:
    Type: AWS::IAM::ManagedPolicy
    Properties: {PolicyDocument: {Statement: []}, Users: !If [Ours, [someone], !Ref AWS::NoValue]}
"""


def test_nested_principals_keep_groups_policies_and_boundaries(tmp_path: Path) -> None:
    """With the path conditions of the outer stack."""
    write(tmp_path, "inner.yaml", HOLDERS)
    nested_stack = stack("Inner", "inner.yaml", "{Edge: !Ref M, Stage: !Ref Stage}")
    found = read(write(tmp_path, "main.yaml", HOLDING_STACK + nested_stack))
    prod, not_prod = (("Stage", '"prod"'),), (("Stage", 'not "prod"'),)
    assert found.attached.members == (("Inner.G", "Inner.A"),)
    assert [(one.holder, str(one.policy), pairs(one.when)) for one in found.attached.managed_policies] == [
        ("Inner.G", "arn:aws:iam::aws:policy/ReadOnlyAccess", ()),
        ("Inner.A", "arn:aws:iam::aws:policy/IAMFullAccess", not_prod),
    ]
    given = found.policies[0]
    assert given.principals == ("someone", "Inner.A", "Inner.C")
    assert [(holder, pairs(when)) for holder, when in given.conditional_principals] == [
        ("someone", (("Team", '"ours"'),)),
        ("Inner.A", prod),
    ]
    assert sorted(boundaries_of(found), key=lambda boundary: boundary[0]) == [
        ("Inner.A", "Inner.Own", prod),
        ("Inner.A", None, not_prod),
        ("Inner.B", "M", prod),
        ("Inner.B", "${Fn::ImportValue shared}", not_prod),
        ("Inner.C", "Inner.Own", ()),
        ("Inner.D", "${Fn::ImportValue shared}", ()),
    ]


def test_unclear_nested_boundary_is_unknown(tmp_path: Path) -> None:
    """A boundary that is a list in one variant is unknown; a value that is not a string is attached to no principal."""
    write(tmp_path, "inner.yaml", HOLDERS + """\
  E:
    Type: AWS::IAM::User
    Properties:
      ManagedPolicyArns: [{a: b}, 7]
      PermissionsBoundary: !If [IsProd, [x], !ImportValue shared]
""")  # fmt: skip
    nested_stack = stack("Inner", "inner.yaml", "{Edge: !Ref M, Stage: !Ref Stage}")
    found = read(write(tmp_path, "main.yaml", HOLDING_STACK + nested_stack))
    assert ("Inner.E", "?", ()) in boundaries_of(found)
    assert not any(one.holder == "Inner.E" for one in found.attached.managed_policies)


LISTS = [
    ("'a,b'", "[a, b]"),
    ("[a, b]", "[a, b]"),
    ("!Split ['-', a-b]", "[a, b]"),
    ("!Sub 'a,${Free}'", "${Inner.P}"),
    ("!Ref Free", "${Free}"),
    ("{a: b}", "${Inner.P}"),
    ("!Ref AWS::NoValue", "[d, e]"),
    ("!If [IsX, 'a,b', !Ref AWS::NoValue]", 'Free?("x"=[a, b] | not "x"=[d, e])'),
]
OUTPUTS = [
    ("{Value: [a, b]}", "[a, b]"),
    ("{Value: 7}", "7"),
    ("{Value: !If [IsX, [a, b], c]}", 'P?("x"=[a, b] | not "x"=c)'),
    ("{Value: a, Condition: IsX}", 'P?("x"=a | not "x"=-)'),
]
OF_ONE = "Conditions: {IsX: !Equals [!Ref %s, x]}\nResources:\n  M:\n    Type: AWS::IAM::ManagedPolicy\n"


def spelled(node: Node | None) -> str:
    if isinstance(node, Choice):
        return (
            f"{node.condition}?("
            + " | ".join(f"{outcome_of(label)}={spelled(option)}" for label, option in node.options)
            + ")"
        )
    if isinstance(node, ListNode):
        return "[" + ", ".join(map(spelled, node.items)) + "]"
    return "-" if isinstance(node, Absent) else str(node.value if isinstance(node, Const) else node)


def probed(configuration: Configuration) -> str:
    document = configuration.policies[0].document
    assert isinstance(document, ObjectNode)
    return spelled(document.get("Probe"))


@pytest.mark.parametrize(("passed", "expected"), LISTS)
def test_list_argument(tmp_path: Path, passed: str, expected: str) -> None:
    """A list is passed as a list or as text with commas; without one the default applies."""
    head = "Parameters: {P: {Type: CommaDelimitedList, Default: 'd,e'}}\n" + OF_ONE % "P"
    write(tmp_path, "inner.yaml", head + "    Properties: {PolicyDocument: {Probe: !Ref P}}\n")
    main = (
        "Parameters: {Free: {Type: String}}\n" + OF_ONE % "Free" + "    Properties: {PolicyDocument: {Statement: []}}\n"
    )
    found = read(write(tmp_path, "main.yaml", main + stack("Inner", "inner.yaml", f"{{P: {passed}}}")))
    (inner,) = (policy for policy in found.policies if policy.resource.address == "Inner.M")
    assert isinstance(inner.document, ObjectNode)
    assert spelled(inner.document.get("Probe")) == expected


def test_stack_without_parameters_uses_defaults(tmp_path: Path) -> None:
    """A stack without Parameters leaves the nested template its defaults."""
    head = "Parameters: {P: {Type: CommaDelimitedList, Default: 'd,e'}}\n" + OF_ONE % "P"
    write(tmp_path, "inner.yaml", head + "    Properties: {PolicyDocument: {Probe: !Ref P}}\n")
    inner = "Resources:\n  Inner: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: inner.yaml}}\n"
    assert probed(read(write(tmp_path, "main.yaml", inner))) == "[d, e]"


@pytest.mark.parametrize(("output", "expected"), OUTPUTS)
def test_output_may_be_a_list_number_or_choice(tmp_path: Path, output: str, expected: str) -> None:
    """Lists, numbers and alternatives come up as they are."""
    head = "Parameters: {P: {Type: String}}\n" + OF_ONE % "P"
    rest = f"    Properties: {{PolicyDocument: {{Statement: []}}}}\nOutputs: {{O: {output}}}\n"
    write(tmp_path, "inner.yaml", head + rest)
    main = "Parameters: {P: {Type: String}}\n" + OF_ONE % "P"
    main += "    Properties: {PolicyDocument: {Probe: !GetAtt Inner.Outputs.O}}\n"
    assert probed(read(write(tmp_path, "main.yaml", main + stack("Inner", "inner.yaml", "{P: !Ref P}")))) == expected


def test_too_large_nested_template_is_not_read(tmp_path: Path) -> None:
    """A file that no template can be is not read."""
    with write(tmp_path, "inner.yaml", "Resources: {}\n").open("ab") as file:
        file.truncate(nested.MAX_BYTES + 1)
    found = read(write(tmp_path, "main.yaml", "Resources:\n" + stack("Inner", "inner.yaml")))
    assert [(Path(one.file).name, one.reason) for one in found.unreadable] == [
        ("inner.yaml", "too large for a nested template")
    ]
