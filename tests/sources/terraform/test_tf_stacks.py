"""Policies in the templates of CloudFormation stacks in a configuration or a plan.

Sources: Terraform documentation, ``aws_cloudformation_stack`` and ``aws_cloudformation_stack_set``; AWS CloudFormation
User Guide, "Working with AWS CloudFormation StackSets".
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from passrole_checks.escaping.terminal import display_path
from passrole_checks.scan.scanner import ScanOptions, ScanResult, scan_paths
from passrole_checks.sources import terraform_plan
from passrole_checks.sources.model.configuration import Configuration
from passrole_checks.sources.terraform import load
from tests.helpers.principals_of_tests import boundaries_of

TRUST = '{Statement: [{Effect: Allow, Principal: {Service: ec2.amazonaws.com}, Action: "sts:AssumeRole"}]}'
PASS = "{Statement: [{Effect: Allow, Action: iam:PassRole, Resource: '*'}]}"
ROLE = 'resource "aws_iam_role" "r" {\n  name = "app"\n  assume_role_policy = "{}"\n}\n'
MANAGED = f"Resources:\n  P:\n    Type: AWS::IAM::ManagedPolicy\n    Properties:\n      PolicyDocument: {PASS}\n"


def stack(template: str, more: str = "", type_: str = "aws_cloudformation_stack") -> str:
    """A stack whose template is a heredoc, indented by four spaces."""
    body = "".join(f"    {line}\n" for line in template.splitlines())
    return f'resource "{type_}" "s" {{\n  name = "s"\n{more}  template_body = <<-EOT\n{body}  EOT\n}}\n'


def loaded(folder: Path, text: str) -> Configuration:
    (folder / "main.tf").write_text(text, encoding="utf-8")
    found = load(folder)
    assert not found.unreadable
    return found


def scanned(folder: Path, **files: str) -> ScanResult:
    for name, text in files.items():
        (folder / name.replace("_", ".")).write_text(text, encoding="utf-8")
    return scan_paths([folder], ScanOptions())


def rows(result: ScanResult, folder: Path) -> list[tuple[str, str, int, str]]:
    """Check, file, line and resource of each finding."""
    return [
        (
            one.check_id,
            str(Path(display_path(one.at.file)).resolve().relative_to(folder)),
            one.at.line,
            one.resource.address,
        )
        for one in result.findings
    ]


def test_heredoc_statement_has_its_own_position(tmp_path: Path) -> None:
    """Each statement of a heredoc template has its own line and column in the Terraform file."""
    template = (
        "Resources:\n  P:\n    Type: AWS::IAM::ManagedPolicy\n    Properties:\n      PolicyDocument:\n"
        "        Statement:\n"
        "          - Effect: Allow\n            Action: iam:PassRole\n            Resource: '*'\n"
    )
    (one,) = scanned(tmp_path, main_tf=stack(template)).findings
    assert (one.at.line, one.at.column, one.at.end_line) == (10, 17, 12)
    assert one.statement_path == "template_body/Resources/P/Properties/PolicyDocument/Statement/0"


def test_encoded_statement_has_position_of_expression(tmp_path: Path) -> None:
    """Statements of a template from ``jsonencode`` have the positions of the expression."""
    text = (
        'resource "aws_cloudformation_stack" "s" {\n  template_body = jsonencode({\n    Resources = {\n      P = {\n'
        '        Type = "AWS::IAM::Role"\n        Properties = {\n          Policies = [\n            {\n'
        "              PolicyDocument = {\n                Statement = [\n"
        '                  { Effect = "Allow", Action = "iam:PassRole", Resource = "*" },\n'
        "                ]\n              }\n            },\n          ]\n        }\n      }\n    }\n  })\n}\n"
    )
    (one,) = scanned(tmp_path, main_tf=text).findings
    assert (one.check_id, one.at.line, one.at.column) == ("PASSROLE_001", 11, 19)


def test_interpolation_keeps_lines(tmp_path: Path) -> None:
    """An interpolated value does not change the lines of a template."""
    template = MANAGED.replace("'*'", "'arn:aws:iam::111122223333:role/${var.x}/*'")
    (one,) = scanned(tmp_path, main_tf='variable "x" {}\n' + stack(template)).findings
    assert (one.at.line, one.at.column) == (9, 1)


@pytest.mark.parametrize(
    ("written", "principal"),
    [
        ("Roles: [!Ref Own]", "aws_cloudformation_stack.s.Own"),
        ("Roles: [!Ref Given]", "aws_iam_role.r"),
        ("Roles: ['${aws_iam_role.r.name}']", "aws_iam_role.r"),
        ("Roles: [app]", "app"),
        ("Users: ['${var.user}']", "${var.user}"),
        ("Users: [!Ref Free]", "${aws_cloudformation_stack.s.Free}"),
        ("Users: [!Ref Outer]", "${var.user}"),
        ("Groups: [team]", "team"),
    ],
)
def test_principals_of_template_policies(tmp_path: Path, written: str, principal: str) -> None:
    """A principal is in the template, in the surrounding configuration, or identified by its name."""
    template = (
        "Parameters: {Given: {Type: String}, Free: {Type: String}, Outer: {Type: String}}\n"
        + MANAGED
        + f"      {written}\n  Own:\n    Type: AWS::IAM::Role\n"
        + f"    Properties: {{AssumeRolePolicyDocument: {TRUST}}}\n"
    )
    given = "  parameters = {\n    Given = aws_iam_role.r.name\n    Outer = var.user\n  }\n"
    found = loaded(tmp_path, 'variable "user" {}\n' + ROLE + stack(template, given))
    (policy,) = (one for one in found.policies if "PolicyDocument" in one.path and "P/" in one.path)
    assert policy.principals == (principal,)


def test_parameters_have_stack_values(tmp_path: Path) -> None:
    """A parameter has the value from the stack, else its default."""
    template = "Parameters: {R: {Type: String, Default: '*'}}\n" + MANAGED.replace("'*'", "!Ref R", 1)
    given = '  parameters = {\n    R = "arn:aws:iam::111122223333:role/one"\n  }\n'
    assert [one.check_id for one in scanned(tmp_path, main_tf=stack(template, given)).findings] == ["PASSROLE_002"]
    assert [one.check_id for one in scanned(tmp_path, main_tf=stack(template)).findings] == ["PASSROLE_001"]


def test_template_roles_are_roles_of_configuration(tmp_path: Path) -> None:
    """Findings cover what users of the configuration may do with a stack's role, and what that role can do."""
    template = (
        "Resources:\n  Admin:\n    Type: AWS::IAM::Role\n    Properties:\n      RoleName: boss\n"
        f"      AssumeRolePolicyDocument: {TRUST}\n"
        "      ManagedPolicyArns: ['arn:aws:iam::aws:policy/AdministratorAccess']\n"
    )
    user = (
        'resource "aws_iam_user_policy" "p" {\n  user = "bob"\n  policy = jsonencode({ Statement = [\n'
        '    { Effect = "Allow", Action = "ec2:*", Resource = "*" },\n'
        '    { Effect = "Allow", Action = "iam:PassRole", Resource = "arn:aws:iam::111122223333:role/boss",\n'
        '      Condition = { StringEquals = { "iam:PassedToService" = "ec2.amazonaws.com" } } }\n  ] })\n}\n'
    )
    result = scanned(tmp_path, main_tf=stack(template) + user)
    about = {one.check_id: one for one in result.findings}
    assert set(about) == {"PASSROLE_008", "PASSROLE_013"}
    assert "aws_cloudformation_stack.s.Admin" in about["PASSROLE_008"].message
    assert (about["PASSROLE_013"].resource.address, about["PASSROLE_013"].at.line) == ("aws_cloudformation_stack.s", 10)


CONDITIONAL = {
    "Parameters": {"Stage": {"Type": "String"}},
    "Conditions": {"Live": {"Fn::Equals": [{"Ref": "Stage"}, "live"]}},
    "Resources": {
        "P": {
            "Type": "AWS::IAM::ManagedPolicy",
            "Properties": {
                "PolicyDocument": {
                    "Statement": [
                        {
                            "Effect": "Allow",
                            "Action": "iam:PassRole",
                            "Resource": {
                                "Fn::If": [
                                    "Live",
                                    {"Fn::Sub": "arn:aws:iam::111122223333:role/${AWS::StackName}-x"},
                                    "*",
                                ]
                            },
                        }
                    ]
                }
            },
        }
    },
}


@pytest.mark.parametrize("written", ["text", "object"])
def test_template_conditions_name_the_stack(tmp_path: Path, written: str) -> None:
    """Both outcomes of a template's condition are checked; the condition is named with its stack."""
    template = json.dumps(CONDITIONAL, indent=1).replace("${", "$${")
    body = f"<<EOT\n{template}\nEOT" if written == "text" else f"jsonencode({template})"
    text = f'resource "aws_cloudformation_stack" "s" {{\n  name = "jobs"\n  template_body = {body}\n}}\n'
    found = {one.check_id: one for one in scanned(tmp_path, main_tf=text).findings}
    assert set(found) == {"PASSROLE_001", "PASSROLE_002"}
    assert "aws_cloudformation_stack.s.Stage" in found["PASSROLE_001"].message
    assert "role/jobs-x" in found["PASSROLE_002"].message
    effect = next(number for number, line in enumerate(text.splitlines(), 1) if '"Effect"' in line)
    assert {one.at.line for one in found.values()} == {effect - 1}


@pytest.mark.parametrize(
    ("type_", "who", "joined"),
    [
        ("aws_cloudformation_stack", "bob", True),
        ("aws_cloudformation_stack_set", "aws_cloudformation_stack_set.s.bob", False),
    ],
)
def test_stack_set_users_are_in_other_accounts(tmp_path: Path, type_: str, who: str, joined: bool) -> None:
    """A user that a stack set names is in its accounts, and distinct from the local user of that name."""
    user = (
        'resource "aws_iam_user_policy" "p" {\n  user = "bob"\n  policy = jsonencode({ Statement = [\n'
        '    { Effect = "Allow", Action = ["lambda:CreateFunction", "lambda:InvokeFunction"], Resource = "*" }\n'
        "  ] })\n}\n"
    )
    result = scanned(tmp_path, main_tf=stack(MANAGED + "      Users: [bob]\n", type_=type_) + user)
    assert ("PASSROLE_008" in {one.check_id for one in result.findings}) is joined
    assert [one.principals for one in result.grants if one.grant.roles] == [(who,)]


def test_each_instance_of_stack_is_read(tmp_path: Path) -> None:
    """The policies of each instance are read; those of a conditional instance are conditional."""
    found = loaded(tmp_path, stack(MANAGED, "  count = 2\n"))
    assert [one.resource.address for one in found.policies] == [
        "aws_cloudformation_stack.s[0]",
        "aws_cloudformation_stack.s[1]",
    ]
    assert [one.address for one in found.resources] == [one.resource.address for one in found.policies]
    assert loaded(tmp_path, stack(MANAGED, "  count = 0\n")).policies == ()
    maybe = scanned(tmp_path, main_tf='variable "x" {}\n' + stack(MANAGED, "  count = var.x ? 1 : 0\n"))
    assert "var.x" in maybe.findings[0].message


def test_template_file_is_read_through_its_stack(tmp_path: Path) -> None:
    """A template file that a stack uses is not scanned separately: each finding is reported once, at its own line."""
    text = (
        'resource "aws_cloudformation_stack" "s" {\n  template_body = file("${path.module}/t.yaml")\n'
        '  parameters = { R = "arn:aws:iam::111122223333:role/one" }\n}\n'
    )
    template = "Parameters: {R: {Type: String, Default: '*'}}\n" + MANAGED.replace("'*'", "!Ref R", 1)
    result = scanned(tmp_path, main_tf=text, t_yaml=template)
    assert rows(result, tmp_path) == [("PASSROLE_002", "t.yaml", 6, "aws_cloudformation_stack.s")]
    assert sorted(Path(file).name for file in result.files) == ["main.tf", "t.yaml"]
    (tmp_path / "main.tf").write_text("")
    assert rows(scan_paths([tmp_path], ScanOptions()), tmp_path) == [("PASSROLE_001", "t.yaml", 6, "P")]


@pytest.mark.parametrize("place", ["resource", "file"])
def test_template_suppressions_apply(tmp_path: Path, place: str) -> None:
    """A suppression in the template, for a resource or the file, applies to the stack's finding."""
    text = 'resource "aws_cloudformation_stack" "s" {\n  template_body = file("t.yaml")\n}\n'
    comment = "# passrole:skip=PASSROLE_001 wanted\n"
    template = comment + MANAGED
    if place == "resource":
        template = MANAGED.replace("    Type", f"    {comment}    Type") + MANAGED.partition("Resources:\n")[2].replace(
            "  P:", "  Q:"
        )
    result = scanned(tmp_path, main_tf=text.replace('"t.yaml"', '"${path.module}/t.yaml"'), t_yaml=template)
    told = [(one.at.line, one.suppressed.reason if one.suppressed else None) for one in result.findings]
    assert told == ([(6, "wanted"), (10, None)] if place == "resource" else [(6, "wanted")])


def test_stack_set_is_in_other_accounts(tmp_path: Path) -> None:
    """A literal account in its policies is no error, and its roles have no name in this account."""
    template = (
        MANAGED.replace("'*'", "'arn:aws:iam::444455556666:role/one'")
        + f"  R:\n    Type: AWS::IAM::Role\n    Properties: {{RoleName: n, AssumeRolePolicyDocument: {TRUST}}}\n"
    )
    provider = 'provider "aws" {\n  allowed_account_ids = ["111122223333"]\n}\n'
    checks = {
        type_: {one.check_id for one in scanned(tmp_path, main_tf=provider + stack(template, type_=type_)).findings}
        for type_ in ("aws_cloudformation_stack", "aws_cloudformation_stack_set")
    }
    assert checks["aws_cloudformation_stack"] - checks["aws_cloudformation_stack_set"] == {"PASSROLE_005"}
    found = loaded(tmp_path, stack(template, type_="aws_cloudformation_stack_set"))
    assert [role.name for role in found.roles] == [None]
    assert [str(role.name) for role in found.stack_roles] == ["n"]


NOT_READ = {
    "a URL": '  template_url = "https://example.com/t.yaml"\n',
    "not known": "  template_body = var.x\n",
    "no template": '  template_body = "just words"\n',
    "several": f"  template_body = var.x ? jsonencode({{ Resources = {{}} }}) : <<EOT\n{MANAGED}EOT\n",
    "broken": "  template_body = <<EOT\nResources:\n  P: {Type: 'AWS::IAM::Role'\nAWSTemplateFormatVersion: 1\nEOT\n",
}


@pytest.mark.parametrize("written", NOT_READ.values(), ids=NOT_READ.keys())
def test_unread_stack_is_reported_once(tmp_path: Path, written: str) -> None:
    """A stack with an unknown template is reported once for all of its instances."""
    text = f'variable "x" {{}}\nresource "aws_cloudformation_stack" "s" {{\n  count = 2\n{written}}}\n'
    found = loaded(tmp_path, text)
    assert found.policies == ()
    (note,) = found.not_evaluated
    assert note.line == 2
    assert note.reason.startswith("aws_cloudformation_stack.s: ")


def test_unevaluated_parts_of_template_are_reported(tmp_path: Path) -> None:
    """Unevaluated and unreadable parts of a template are reported at their lines."""
    template = MANAGED + "  N:\n    Type: AWS::CloudFormation::Stack\n    Properties: {TemplateURL: 'https://x/y'}\n"
    reasons = {(one.line, one.reason) for one in loaded(tmp_path, stack(template + "  M: 5\n")).not_evaluated}
    assert any(line == 11 and reason.startswith("aws_cloudformation_stack.s: N: ") for line, reason in reasons)
    assert any(line == 12 and "M is not a mapping" in reason for line, reason in reasons)


def test_template_groups_and_boundaries(tmp_path: Path) -> None:
    """Groups with their users, and external permissions boundaries."""
    template = (
        "Resources:\n  U:\n    Type: AWS::IAM::User\n    Properties:\n      UserName: bob\n      Groups: [!Ref G]\n"
        "      PermissionsBoundary: arn:aws:iam::111122223333:policy/limit\n  G:\n    Type: AWS::IAM::Group\n"
    )
    found = loaded(tmp_path, stack(template))
    assert found.attached.members == (("aws_cloudformation_stack.s.G", "aws_cloudformation_stack.s.U"),)
    assert boundaries_of(found) == [("aws_cloudformation_stack.s.U", "?", ())]
    assert [(address, str(name)) for address, name in found.users] == [("aws_cloudformation_stack.s.U", "bob")]


def plan(after: dict[str, Any], before: dict[str, Any] | None) -> str:
    names = {
        "address": "aws_cloudformation_stack.s",
        "mode": "managed",
        "type": "aws_cloudformation_stack",
        "name": "s",
    }
    change = {
        "actions": ["create" if before is None else "update"], "before": before, "after": after, "after_unknown": {},
    }  # fmt: skip
    return json.dumps({
        "format_version": "1.2",
        "planned_values": {"root_module": {"resources": [{**names, "values": after}]}},
        "resource_changes": [{**names, "change": change}],
    })  # fmt: skip


def test_planned_stack_is_read(tmp_path: Path) -> None:
    """The template of a planned stack is read, and so is the previous one."""
    users = MANAGED + "      Users: [bob]\n"
    narrow = users.replace("'*'", "'arn:aws:iam::111122223333:role/one'")
    for before, new in ((None, True), (narrow, True), (users, False)):
        values = {"name": "s", "template_body": users}
        text = plan(values, None if before is None else {**values, "template_body": before})
        found = terraform_plan.load(tmp_path / "plan.json", text)
        assert [one.principals for one in found.policies] == [("bob",)]
        assert found.not_evaluated == ()
        (tmp_path / "plan.json").write_text(text)
        checks = {one.check_id for one in scan_paths([tmp_path], ScanOptions()).findings}
        assert ("PASSROLE_015" in checks) is new
    unread = terraform_plan.load(tmp_path / "plan.json", plan({"template_url": "https://x/y"}, None))
    assert [one.reason.split(":")[0] for one in unread.not_evaluated] == ["aws_cloudformation_stack.s"]
