"""Nested stacks and applications: followed where their templates are local files, with their parameters and outputs."""

from __future__ import annotations

from pathlib import Path

import pytest
from path_conditions_of_tests import choice, pairs
from principals_of_tests import boundaries_of

from passrole_checks.findings import Severity
from passrole_checks.iam.values.nodes import Choice, Position, StringNode, Unresolved, UnresolvedKind
from passrole_checks.scan.scanner import ScanOptions, ScanResult, scan_paths
from passrole_checks.sources.cloudformation import load, nested
from passrole_checks.sources.cloudformation.stack_values import to_nested, to_parent
from passrole_checks.sources.model.configuration import Configuration, Inputs

AT = Position("t.yaml", 1)


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


def read(path: Path) -> Configuration:
    return load(path, path.read_text(encoding="utf-8"), boundary=path.parent)


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
    assert found.notes.not_evaluated


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


def test_too_large_nested_template_is_not_read(tmp_path: Path) -> None:
    """A file that no template can be is not read."""
    with write(tmp_path, "inner.yaml", "Resources: {}\n").open("ab") as file:
        file.truncate(nested.MAX_BYTES + 1)
    found = read(write(tmp_path, "main.yaml", "Resources:\n" + stack("Inner", "inner.yaml")))
    assert [(Path(one.file).name, one.reason) for one in found.notes.unreadable] == [
        ("inner.yaml", "too large for a nested template")
    ]
