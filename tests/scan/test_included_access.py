"""Access that a finding on the same principal includes is in its item."""

from __future__ import annotations

import functools
import json
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from command_runs import run_command
from hypothesis import given, settings
from hypothesis import strategies as st
from profiles import examples

from passrole_checks.findings import Confidence, Finding, Severity
from passrole_checks.scan.group_findings import group_findings
from passrole_checks.scan.included_access import ACCESS_CHECKS
from passrole_checks.scan.scanner import ScanOptions, scan_paths

ACCOUNT = "arn:aws:iam::111122223333"
BUILD = {"Service": "codebuild.amazonaws.com"}
LAMBDA = {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}}
EC2 = {"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}}
EC2_AND_LAMBDA = {"StringEquals": {"iam:PassedToService": ["ec2.amazonaws.com", "lambda.amazonaws.com"]}}
APP, APP_ONE = f"{ACCOUNT}:role/app-*", f"{ACCOUNT}:role/app-one-*"


def allow(resource: object = "*", condition: dict[str, Any] | None = None, action: str = "iam:PassRole") -> Any:
    statement = {"Effect": "Allow", "Action": action, "Resource": resource}
    return {**statement, "Condition": condition} if condition else statement


def document(*statements: Any) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def role(**properties: Any) -> dict[str, Any]:
    trust = document({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": BUILD})
    return {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": trust, **properties}}


def policy(roles: list[str], *statements: Any, **rest: Any) -> dict[str, Any]:
    properties = {
        "PolicyName": "p",
        "Roles": [{"Ref": name} for name in roles],
        "PolicyDocument": document(*statements),
    }
    return {"Type": "AWS::IAM::Policy", "Properties": properties, **rest}


def write(path: Path, sections: dict[str, Any] | None = None, **resources: Any) -> None:
    template = {"AWSTemplateFormatVersion": "2010-09-09", **(sections or {}), "Resources": resources}
    path.write_text(json.dumps(template, indent=1), encoding="utf-8")


def groups(folder: Path, *options: str, severity: str = "low") -> list[list[str]]:
    """Return the resources of the findings of each group, each once, that of the primary one first."""
    done = run_command("scan", ".", "--format", "json", "--severity", severity, *options, cwd=folder)
    assert done.returncode in (0, 1), done.stderr
    found: dict[str, list[tuple[bool, str]]] = {}
    for one in json.loads(done.stdout)["findings"]:
        if one["suppressed"] is None and one["check_id"] in ACCESS_CHECKS:
            found.setdefault(one["group"], []).append((not one["primary"], one["resource"]))
    return sorted(list(dict.fromkeys(name for _, name in sorted(members))) for members in found.values())


@pytest.mark.parametrize(
    ("wide", "narrow"),
    [
        pytest.param(allow(), allow("*", LAMBDA), id="fewer services"),
        pytest.param(allow(), allow(APP), id="fewer roles"),
        pytest.param(allow(APP), allow(APP_ONE), id="a pattern in a pattern"),
        pytest.param(allow("*", EC2_AND_LAMBDA), allow("*", LAMBDA), id="services by name"),
        pytest.param(allow(action="iam:*"), allow({"Fn::Sub": "arn:aws:iam::${AWS::AccountId}:role/app-*"}), id="any"),
        pytest.param(
            allow(condition={"StringEqualsIfExists": {"iamPassedToService": "ec2.amazonaws.com"}}),
            allow("*", LAMBDA),
            id="a condition without effect",
        ),
        pytest.param(
            allow({"Fn::Sub": "arn:aws:iam::${AWS::AccountId}:role/*"}), allow("*", LAMBDA), id="all of the account"
        ),
    ],
)
def test_included_access_is_in_the_item_of_the_wider_one(tmp_path: Path, wide: Any, narrow: Any) -> None:
    """The wider grant is primary, whichever comes first in the file."""
    write(tmp_path / "t.json", Role=role(), A=policy(["Role"], narrow), B=policy(["Role"], wide))
    assert groups(tmp_path, severity="info") == [["B", "A"]]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param(allow(APP), allow(f"{ACCOUNT}:role/batch-*"), id="other roles"),
        pytest.param(allow("*", LAMBDA), allow(APP), id="more services"),
        pytest.param(allow("*", LAMBDA), allow("*", EC2), id="other services"),
        pytest.param(allow({"Ref": "Arn"}), allow(APP), id="unknown roles"),
        pytest.param(allow(), allow(APP, action="iam:*"), id="all of IAM"),
        pytest.param(
            allow("*", {"StringEquals": {"aws:PrincipalTag/team": "a"}}), allow(APP_ONE), id="another condition"
        ),
        pytest.param(allow(f"{ACCOUNT}:role/*"), allow("arn:aws:iam::444455556666:role/app-*"), id="another account"),
    ],
)
def test_other_access_is_an_item(tmp_path: Path, one: Any, other: Any) -> None:
    """Access that the other statement may not include stands alone."""
    sections = {"Parameters": {"Arn": {"Type": "String"}}}
    write(tmp_path / "t.json", sections, Role=role(), A=policy(["Role"], one), B=policy(["Role"], other))
    assert groups(tmp_path) == [["A"], ["B"]]


def test_condition_of_the_wider_policy_keeps_both(tmp_path: Path) -> None:
    """A policy that exists only under a condition includes what exists under the same one."""
    sections = {
        "Parameters": {"Stage": {"Type": "String"}},
        "Conditions": {"Test": {"Fn::Equals": [{"Ref": "Stage"}, "t"]}},
    }
    wide, narrow = policy(["Role"], allow(), Condition="Test"), policy(["Role"], allow("*", LAMBDA))
    write(tmp_path / "t.json", sections, Role=role(), A=wide, B=narrow)
    assert groups(tmp_path) == [["A"], ["B"]]
    write(tmp_path / "t.json", sections, Role=role(), A=wide, B={**narrow, "Condition": "Test"})
    assert groups(tmp_path) == [["A", "B"]]


def test_all_principals_must_have_the_wider_access(tmp_path: Path) -> None:
    """A statement that another principal has as well stands alone."""
    wide, narrow = policy(["One"], allow()), policy(["One", "Two"], allow("*", LAMBDA))
    write(tmp_path / "t.json", One=role(), Two=role(), A=wide, B=narrow)
    assert groups(tmp_path) == [["A"], ["B"]]
    wide = policy(["One", "Two"], allow())
    write(tmp_path / "t.json", One=role(), Two=role(), A=wide, B=narrow)
    assert groups(tmp_path) == [["A", "B"]]


def test_managed_policy_is_in_the_item_of_the_wider_one(tmp_path: Path) -> None:
    """An AWS managed policy is listed, with its position, in text and Markdown; without the other it stands alone."""
    managed = "arn:aws:iam::aws:policy/AmazonECS_FullAccess"
    write(tmp_path / "t.json", Role=role(ManagedPolicyArns=[managed]), Wide=policy(["Role"], allow()))
    assert groups(tmp_path) == [["Wide", "Role"]]
    for form in ("text", "markdown"):
        shown = run_command("scan", ".", "--format", form, cwd=tmp_path).stdout
        assert shown.count("PASSROLE_013") == 1, form
    write(tmp_path / "t.json", Role=role(ManagedPolicyArns=[managed]))
    assert groups(tmp_path) == [["Role"]]


def test_narrower_access_joins_no_other_items(tmp_path: Path) -> None:
    """Two roles with one AWS managed policy keep an item each if both have wider access as well."""
    managed = ["arn:aws:iam::aws:policy/AmazonECS_FullAccess"]
    one, two = role(ManagedPolicyArns=managed), role(ManagedPolicyArns=managed)
    write(tmp_path / "t.json", One=one, Two=two, A=policy(["One"], allow()), B=policy(["Two"], allow()))
    assert groups(tmp_path) == [["A", "One"], ["B", "Two"]]


def test_templates_of_other_stacks_are_apart(tmp_path: Path) -> None:
    """Roles of one name in two templates are two principals."""
    write(tmp_path / "a.json", Role=role(), Wide=policy(["Role"], allow()))
    write(tmp_path / "b.json", Role=role(), Narrow=policy(["Role"], allow("*", LAMBDA)))
    assert groups(tmp_path) == [["Narrow"], ["Wide"]]


def test_files_of_one_configuration_count_together(tmp_path: Path) -> None:
    """Statements of one role in two files of a root module are one item."""
    trust = json.dumps(document({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": BUILD}))
    inline = 'resource "aws_iam_role_policy" "{}" {{\n  role = aws_iam_role.r.id\n  policy = jsonencode({})\n}}\n'
    role_block = f'resource "aws_iam_role" "r" {{\n  assume_role_policy = jsonencode({trust})\n}}\n'
    (tmp_path / "a.tf").write_text(role_block + inline.format("a", json.dumps(document(allow("*", LAMBDA)))), "utf-8")
    (tmp_path / "b.tf").write_text(inline.format("b", json.dumps(document(allow()))), "utf-8")
    assert groups(tmp_path) == [["aws_iam_role_policy.b", "aws_iam_role_policy.a"]]


def test_policies_of_one_module_argument_are_of_one_principal(tmp_path: Path) -> None:
    """A module that is not downloaded gives its role the policies of arguments such as policy_arns and policy_jsons."""
    administrator = '["arn:aws:iam::aws:policy/AdministratorAccess"]'
    statement = '  statement {\n    actions   = ["iam:PassRole"]\n    resources = ["*"]\n  }\n'
    data = f'data "aws_iam_policy_document" "d" {{\n{statement}}}\n'
    document = "[data.aws_iam_policy_document.d.json]"
    for argument, is_same in (("policy_jsons", True), ("other_policies", False)):
        arguments = f'  source = "example.com/role"\n  policy_arns = {administrator}\n  {argument} = {document}\n'
        (tmp_path / "main.tf").write_text(f'{data}module "role" {{\n{arguments}}}\n', "utf-8")
        assert ("+ PASSROLE_001" in run_command("scan", ".", cwd=tmp_path).stdout) is is_same


def test_output_of_a_module_names_its_only_policy(tmp_path: Path) -> None:
    """A user that has the policy which a module makes of the only document that it is given has wider access."""
    statement = '  statement {\n    actions   = ["iam:PassRole"]\n    resources = ["*"]\n  }\n'
    text = f'data "aws_iam_policy_document" "d" {{\n{statement}}}\nresource "aws_iam_user" "u" {{\n  name = "u"\n}}\n'
    text += 'module "policy" {\n  source = "example.com/policy"\n  policy = data.aws_iam_policy_document.d.json\n}\n'
    for name, arn in (("own", "module.policy.arn"), ("ecs", '"arn:aws:iam::aws:policy/AmazonECS_FullAccess"')):
        attachment = f"  user       = aws_iam_user.u.name\n  policy_arn = {arn}\n"
        text += f'resource "aws_iam_user_policy_attachment" "{name}" {{\n{attachment}}}\n'
    for attached, is_same in (("module.policy.arn", True), ("module.other.arn", False)):
        (tmp_path / "main.tf").write_text(text.replace("module.policy.arn", attached), "utf-8")
        assert ("+ PASSROLE_013" in run_command("scan", ".", cwd=tmp_path).stdout) is is_same


def test_suppressed_or_accepted_wider_access_includes_nothing(tmp_path: Path) -> None:
    """If the wider finding is suppressed or in a baseline, the narrower one is an item, and decides the exit status."""
    checks = [f"PASSROLE_{number}" for number in ("001", "002", "008")]
    skip = {"checkov": {"skip": [{"id": check, "comment": "reviewed"} for check in checks]}}
    narrow = policy(["Role"], allow("*", LAMBDA))
    write(tmp_path / "t.json", Role=role(), A=narrow, B=policy(["Role"], allow(), Metadata=skip))
    assert groups(tmp_path) == [["A"]]
    write(tmp_path / "t.json", Role=role(), B=policy(["Role"], allow()))
    run_command("scan", ".", "--write-baseline", "base.json", cwd=tmp_path)
    write(tmp_path / "t.json", Role=role(), A=narrow, B=policy(["Role"], allow()))
    assert groups(tmp_path, "--baseline", "base.json") == [["A"]]
    assert run_command("scan", ".", "--baseline", "base.json", cwd=tmp_path).returncode == 1


def test_each_finding_keeps_its_entry(tmp_path: Path) -> None:
    """Machine formats have the same findings and fingerprints with and without the wider one."""
    narrow = policy(["Role"], allow("*", LAMBDA))

    def entries() -> dict[str, Any]:
        done = run_command("scan", ".", "--format", "json", cwd=tmp_path)
        return {one["fingerprint"]: one for one in json.loads(done.stdout)["findings"] if one["resource"] == "A"}

    write(tmp_path / "t.json", Role=role(), A=narrow)
    alone = entries()
    write(tmp_path / "t.json", Role=role(), A=narrow, B=policy(["Role"], allow()))
    both = entries()
    assert alone.keys() == both.keys() and {one["primary"] for one in both.values()} == {False}
    assert {one["severity"] for one in alone.values()} == {one["severity"] for one in both.values()}


@functools.cache
def scanned() -> tuple[Finding, ...]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "t.json")
        write(path, Role=role(), A=policy(["Role"], allow("*", LAMBDA)), B=policy(["Role"], allow()))
        return scan_paths([path], ScanOptions(minimum_severity=Severity.LOW)).findings


@given(data=st.data())
@settings(max_examples=examples(200))
def test_included_access_is_never_worse_than_its_item(data: st.DataObject) -> None:
    """Findings of any severities on wide and narrow access: the first of an item is the most severe, and grouping again
    changes nothing."""
    rows = st.tuples(
        st.sampled_from(scanned()),
        st.sampled_from(sorted(ACCESS_CHECKS)),
        st.sampled_from(Severity),
        st.sampled_from(Confidence),
        st.lists(st.sampled_from("ab"), min_size=1, max_size=2, unique=True),
    )
    findings = tuple(
        replace(
            finding,
            check_id=check,
            severity=severity,
            confidence=confidence,
            principals=tuple(names),
            at=replace(finding.at, line=number),
            fingerprint=str(number),
            details=replace(
                finding.details, holders=tuple((name, finding.grant) for name in names if finding.grant is not None)
            ),
        )
        for number, (finding, check, severity, confidence, names) in enumerate(data.draw(st.lists(rows, max_size=10)))
    )
    grouped = group_findings(findings, across_positions=True)
    by_group: dict[str, list[Finding]] = {}
    for finding in grouped:
        by_group.setdefault(finding.group, []).append(finding)
    for group, members in by_group.items():
        (primary,) = (finding for finding in members if finding.primary)
        assert primary.fingerprint == group
        worst = max((finding.severity.rank, finding.confidence.rank) for finding in members)
        assert (primary.severity.rank, primary.confidence.rank) == worst
    assert group_findings(grouped, across_positions=True) == grouped
