"""Policies and boundaries attached under some conditions only: which are combined, and what the findings say.

Sources: AWS CloudFormation Template Reference, "Condition functions" (``Fn::If``, ``AWS::NoValue``); Terraform
documentation, "The count Meta-Argument" and "Conditional Expressions".
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from passrole_checks.findings import Confidence, Finding, Severity
from passrole_checks.scan.scanner import ScanOptions, scan_configurations, scan_paths
from passrole_checks.sources import cloudformation

ARN = "arn:aws:iam::111122223333:role/"
SERVICE = {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}}
PASS = {"Effect": "Allow", "Action": "iam:PassRole", "Resource": "*", "Condition": SERVICE}
START = {"Effect": "Allow", "Action": ["lambda:CreateFunction", "lambda:InvokeFunction"], "Resource": "*"}
STORAGE = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
NO_PASS = {"Effect": "Deny", "Action": "iam:PassRole", "Resource": "*"}
OPTIONS = ScanOptions(checks=frozenset({"PASSROLE_008"}), minimum_severity=Severity.INFO)


def document(*statements: object) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def managed(name: str, *statements: object) -> str:
    return f"  {name}: {{Type: AWS::IAM::ManagedPolicy, Properties: {{PolicyDocument: {document(*statements)}}}}}\n"


def template(role: str) -> str:
    return (
        "Parameters: {Env: {Type: String}, Two: {Type: String}}\n"
        "Conditions:\n  Prod: !Equals [!Ref Env, prod]\n  Dev: !Not [!Condition Prod]\n"
        "  Second: !Equals [!Ref Two, x]\n"
        f"Resources:\n{managed('A', PASS)}{managed('B', START)}{managed('X', STORAGE)}{managed('Y', NO_PASS)}"
        f"  R: {{Type: AWS::IAM::Role, Properties: {{{role}}}}}\n"
    )


def of_template(body: str, check: str = "PASSROLE_008") -> list[Finding]:
    options = replace(OPTIONS, checks=frozenset({check}))
    return list(scan_configurations([cloudformation.load(Path("t.yaml"), body)], options).findings)


def role(name: str, condition: str, service: str, *statements: object) -> str:
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": f"{service}.amazonaws.com"}}
    held = f"Policies: [{{PolicyName: p, PolicyDocument: {document(*statements)}}}]"
    there = f"Condition: {condition}, " if condition else ""
    properties = f"RoleName: app-{name}, AssumeRolePolicyDocument: {document(trust)}, {held}"
    return f"  {name}: {{Type: AWS::IAM::Role, {there}Properties: {{{properties}}}}}\n"


BOTH = "ManagedPolicyArns: [!Ref A, !Ref B]"


@pytest.mark.parametrize(
    ("role", "facts"),
    [
        ("ManagedPolicyArns: [!If [Prod, !Ref A, !Ref AWS::NoValue], !If [Prod, !Ref B, !Ref AWS::NoValue]]",
         'Applies when Env = "prod".'),
        ("ManagedPolicyArns: [!If [Prod, !Ref A, !Ref AWS::NoValue], !If [Second, !Ref B, !Ref AWS::NoValue]]",
         'Applies when Env = "prod" and Two = "x".'),
        ("ManagedPolicyArns: !If [Prod, [!Ref A, !Ref B], [!Ref A]]", 'Applies when Env = "prod".'),
        ("ManagedPolicyArns: [!Ref A, !Ref B, !If [Prod, !Ref Y, !Ref AWS::NoValue]]",
         'Applies when Env is not "prod".'),
        (f"{BOTH}, PermissionsBoundary: !If [Prod, !Ref X, !Ref AWS::NoValue]", 'Applies when Env is not "prod".'),
        (f"{BOTH}, PermissionsBoundary: !If [Prod, !Ref X, 'arn:aws:iam::aws:policy/AdministratorAccess']",
         'Applies when Env is not "prod".'),
    ],
)  # fmt: skip
def test_what_goes_together_is_told_with_its_facts(role: str, facts: str) -> None:
    """Policies that are attached, or not denied or bounded, under facts that go together are a way under these."""
    (found,) = of_template(template(role))
    assert found.message.endswith(facts)
    assert (found.severity, found.confidence, found.who) == (Severity.HIGH, Confidence.MEDIUM, ("R",))


@pytest.mark.parametrize(
    "role",
    [
        "ManagedPolicyArns: [!If [Prod, !Ref A, !Ref B]]",
        "ManagedPolicyArns: [!If [Prod, !Ref A, !Ref AWS::NoValue], !If [Dev, !Ref B, !Ref AWS::NoValue]]",
        "ManagedPolicyArns: [!If [Prod, !Ref A, !Ref AWS::NoValue], !Ref B, !If [Prod, !Ref Y, !Ref AWS::NoValue]]",
        "ManagedPolicyArns: [!If [Prod, !Ref A, !Ref AWS::NoValue], !Ref B],"
        " PermissionsBoundary: !If [Prod, !Ref X, !Ref AWS::NoValue]",
        f"{BOTH}, PermissionsBoundary: !If [Prod, !Ref X, 'arn:aws:iam::aws:policy/ReadOnlyAccess']",
    ],
)
def test_what_excludes_each_other_is_no_way(role: str) -> None:
    """The two halves of a way under facts that exclude each other, or denied wherever they are there, are none."""
    assert of_template(template(role)) == []


def test_policy_attached_in_both_branches_is_unconditional() -> None:
    """A policy that both branches of a conditional attach is always attached; the finding names no conditions."""
    (found,) = of_template(template("ManagedPolicyArns: [!If [Prod, !Ref A, !Ref A], !Ref B]"))
    assert "Applies" not in found.message and found.confidence is Confidence.HIGH


def test_unknown_boundary_lowers_confidence() -> None:
    """An unknown boundary lowers the confidence of a finding, at which it is at most medium; the message stays."""
    (found,) = of_template(template(f"{BOTH}, PermissionsBoundary: !ImportValue shared"))
    assert (found.severity, found.confidence) == (Severity.MEDIUM, Confidence.LOW)
    assert found.who == ("R",) and "shared" not in found.message


ROLE = """
variable "prod" { type = bool }
resource "aws_iam_role" "r" {
  name               = "r"
  assume_role_policy = "{}"
  %s
}
"""


def policies(*attachments: tuple[str, object, str]) -> str:
    return "".join(
        f'resource "aws_iam_policy" "{name}" {{\n  name = "{name}"\n  policy = jsonencode({document(statement)})\n}}\n'
        f'resource "aws_iam_role_policy_attachment" "{name}" {{\n  {count}\n  role = aws_iam_role.r.name\n'
        f"  policy_arn = aws_iam_policy.{name}.arn\n}}\n"
        for name, statement, count in attachments
    )


@pytest.mark.parametrize(
    ("bound", "first", "second", "facts"),
    [
        ("", "count = var.prod ? 1 : 0", "count = var.prod ? 0 : 1", None),
        ("", "count = var.prod ? 1 : 0", "count = var.prod ? 1 : 0", "Applies when var.prod is true."),
        ("", "", "count = var.prod ? 1 : 0", "Applies when var.prod is true."),
        ("permissions_boundary = var.prod ? aws_iam_policy.x.arn : null", "", "", "Applies when var.prod is false."),
        ("permissions_boundary = var.prod ? aws_iam_policy.x.arn : null", "count = var.prod ? 1 : 0", "", None),
    ],
)
def test_attachments_and_boundaries_of_terraform(
    tmp_path: Path, bound: str, first: str, second: str, facts: str | None
) -> None:
    """An attachment with a count that is not known, and a boundary that may be null, are there under facts as well."""
    code = ROLE % bound + policies(("a", PASS, first), ("b", START, second))
    code += f'resource "aws_iam_policy" "x" {{\n  name = "x"\n  policy = jsonencode({document(STORAGE)})\n}}\n'
    (tmp_path / "main.tf").write_text(code)
    found = scan_paths([tmp_path], OPTIONS).findings
    assert [one.message.endswith(facts or "") for one in found] == ([True] if facts else [])


NESTED = f"""
Parameters: {{Bound: {{Type: String, Default: ""}}}}
Conditions: {{Has: !Not [!Equals [!Ref Bound, ""]]}}
Resources:
  R:
    Type: AWS::IAM::Role
    Properties:
      PermissionsBoundary: !If [Has, !Ref Bound, !Ref AWS::NoValue]
      Policies: [{{PolicyName: p, PolicyDocument: {document(PASS, START)}}}]
"""
STACK = "  S: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: ./inner.yaml%s}}\n"


def of_nested(folder: Path, outer: str, inner: str) -> list[Finding]:
    (folder / "outer.yaml").write_text(outer)
    (folder / "inner.yaml").write_text(inner)
    return list(scan_paths([folder], OPTIONS).findings)


def test_a_boundary_that_is_handed_to_a_nested_stack(tmp_path: Path) -> None:
    """A resource of the outer stack is never empty, so that the nested stack's optional boundary is there."""
    bound = f"Resources:\n{managed('B', STORAGE)}{STACK % ', Parameters: {Bound: !Ref B}'}"
    assert of_nested(tmp_path, bound, NESTED) == []
    (found,) = of_nested(tmp_path, f"Resources:\n{STACK % ''}", NESTED)
    assert found.who == ("S.R",)


def test_an_output_of_a_nested_stack_under_a_condition(tmp_path: Path) -> None:
    """A policy of a nested stack that a branch of a conditional attaches is attached where that branch holds."""
    inner = f"Resources:\n{managed('B', START)}Outputs: {{Arn: {{Value: !Ref B}}}}\n"
    outer = template("ManagedPolicyArns: [!If [Prod, !GetAtt S.Outputs.Arn, %s]]") + STACK % ""
    assert of_nested(tmp_path, outer % "!Ref A", inner) == []
    (found,) = of_nested(tmp_path, outer.replace("Arn, %s]]", "Arn, !Ref X], !Ref A]"), inner)
    assert found.who == ("R",) and found.message.endswith('Applies when Env = "prod".')


@pytest.mark.parametrize(
    ("attached", "ways"),
    [("[!If [Prod, !Ref A, !Ref B]]", 0), ("!If [Prod, [!Ref A, !Ref B], [!Ref A]]", 1), ("[!Ref A, !Ref B]", 1)],
)
def test_conditional_policies_of_a_sam_function(attached: str, ways: int) -> None:
    """A policy in a branch of a conditional is attached to the role that SAM creates if that branch applies."""
    function = f"{{Type: AWS::Serverless::Function, Properties: {{InlineCode: x, Policies: {attached}}}}}"
    body = template("Path: /").replace("Resources:", f"Resources:\n  F: {function}", 1)
    found = of_template("Transform: AWS::Serverless-2016-10-31\n" + body)
    assert [one.who for one in found] == [("FRole",)] * ways


@pytest.mark.parametrize(
    ("holder", "other", "stronger"),
    [("Prod", "Dev", False), ("Prod", "Prod", True), ("", "Dev", True), ("Prod", "", True)],
)
@pytest.mark.parametrize("check", ["PASSROLE_008", "PASSROLE_009"])
def test_roles_that_never_exist_together_are_not_compared(check: str, holder: str, other: str, stronger: bool) -> None:
    """A role that exists only if the passing role does not is no more privileged role."""
    can = {"PASSROLE_008": [PASS | {"Resource": f"{ARN}app-*"}, START], "PASSROLE_009": [PASS]}[check]
    body = template("Path: /") + role("H", holder, "codebuild", *can) + role("O", other, "lambda", STORAGE)
    found = [
        one for one in of_template(body, check) if one.who == ("H",) and re.search(r"\bO \(additional", one.message)
    ]
    assert bool(found) is stronger


def test_what_a_principal_has_wherever_it_is_there_is_its_own() -> None:
    """Policies of a role under a condition count in full where the role is there: it is an administrator, or can do
    as much as the role that it passes."""
    all_of_it = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    for own in (all_of_it, STORAGE):
        body = template("Path: /") + role("H", "Prod", "codebuild", PASS, own) + role("O", "", "lambda", STORAGE)
        assert not [one for one in of_template(body, "PASSROLE_009") if one.who == ("H",)]


ADMIN = {"Effect": "Allow", "Action": "iam:*", "Resource": "*"}
TRUST = {"Statement": {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}}
PASSER = """
resource "aws_iam_user_policy" "p" {
  count  = %s
  user   = "joe"
  policy = jsonencode({ Statement = [%s] })
}
"""


@pytest.mark.parametrize(
    ("check", "more", "severity"),
    [("PASSROLE_009", "", Severity.HIGH), ("PASSROLE_008", json.dumps(START) + ",", Severity.HIGH)],
)
@pytest.mark.parametrize(
    ("count", "facts"),
    [("1", "Applies when var.prod is true."), ("var.prod ? 1 : 0", "Applies when var.prod is true."),
     ("var.prod ? 0 : 1", None)],
)  # fmt: skip
def test_conditional_permissions_of_the_passed_role(
    tmp_path: Path, check: str, more: str, severity: Severity, count: str, facts: str | None
) -> None:
    """Conditional extra permissions are reported with their conditions, unless these exclude passing the role."""
    code = ROLE.replace('"{}"', f"jsonencode({json.dumps(TRUST)})") % "" + policies(
        ("a", ADMIN, "count = var.prod ? 1 : 0")
    )
    code += PASSER % (count, more + '{ Effect = "Allow", Action = "iam:PassRole", Resource = aws_iam_role.r.arn }')
    (tmp_path / "main.tf").write_text(code)
    found = scan_paths([tmp_path], ScanOptions(checks=frozenset({check}))).findings
    assert [(one.severity, one.confidence, one.message.endswith(facts or "")) for one in found] == (
        [(severity, Confidence.MEDIUM, True)] if facts else []
    )


def test_a_way_that_is_open_in_any_case_is_told_before_one_under_facts(tmp_path: Path) -> None:
    """Of several ways to act as the same roles those count that are open under the fewest facts."""
    other = {"Effect": "Allow", "Action": "ec2:RunInstances", "Resource": "*"}
    code = ROLE % "" + policies(("b", START, ""), ("c", other, "count = var.prod ? 1 : 0"))
    code += policies(("a", {"Effect": "Allow", "Action": "iam:PassRole", "Resource": "*"}, ""))
    (tmp_path / "main.tf").write_text(code)
    (found,) = scan_paths([tmp_path], OPTIONS).findings
    assert "`lambda.amazonaws.com` with `lambda:CreateFunction`" in found.message
    assert "ec2" not in found.message and "Applies" not in found.message and found.confidence is Confidence.HIGH


def test_whoever_is_an_administrator_under_facts(tmp_path: Path) -> None:
    """A statement that allows everything is any-role, and no way to act as a role, in the one case as in any."""
    everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    code = ROLE % "" + policies(("a", everything, "count = var.prod ? 1 : 0"), ("b", START, ""))
    (tmp_path / "main.tf").write_text(code)
    assert [one.check_id for one in scan_paths([tmp_path], ScanOptions()).findings] == ["PASSROLE_001"]


def test_a_change_of_what_is_passed_under_facts(tmp_path: Path) -> None:
    """Where the right to change a role is there under facts only, self-pass says so."""
    passing = {"Effect": "Allow", "Action": "iam:PassRole", "Resource": "arn:aws:iam::111122223333:role/app-*"}
    change = {"Effect": "Allow", "Action": "iam:PutRolePolicy", "Resource": "*"}
    code = ROLE % "" + policies(("a", passing, ""), ("b", change, "count = var.prod ? 1 : 0"))
    (tmp_path / "main.tf").write_text(code)
    (found,) = scan_paths([tmp_path], ScanOptions(checks=frozenset({"PASSROLE_016"}))).findings
    assert found.message.endswith("`iam:PutRolePolicy`. Applies when var.prod is true.")
    assert found.confidence is Confidence.MEDIUM


def test_what_an_administrator_under_facts_could_do_anyway(tmp_path: Path) -> None:
    """Where facts make somebody an administrator, passing roles gains them nothing, and neither does changing them."""
    code = ROLE % "" + policies(("a", {**PASS, "Resource": "arn:aws:iam::111122223333:role/app-*"}, ""))
    code += (
        'resource "aws_iam_role_policy_attachment" "x" {\n  count = var.prod ? 1 : 0\n  role = aws_iam_role.r.name\n'
        '  policy_arn = "arn:aws:iam::aws:policy/AdministratorAccess"\n}\n'
    )
    (tmp_path / "main.tf").write_text(code)
    assert [one.check_id for one in scan_paths([tmp_path], ScanOptions()).findings] == ["PASSROLE_013"]
