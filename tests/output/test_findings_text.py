"""Findings and grants as people read them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from passrole_checks.findings import Severity
from passrole_checks.output.findings_text import PIPED, grants_lines, scan_lines, text_width, to_plain_text
from passrole_checks.scan.baseline import Applied, BaselineEntry
from passrole_checks.scan.scanner import ScanOptions, ScanResult, scan_paths
from passrole_checks.sources.model.configuration import Unreadable

TEMPLATE = """\
Resources:
  Deploy:
    Type: AWS::IAM::ManagedPolicy
    Properties:
      Roles: [deployer]
      PolicyDocument:
        Version: '2012-10-17'
        Statement:
          - Sid: Pass
            Effect: Allow
            Action:
              - iam:PassRole
            Resource: arn:aws:iam::111122223333:role/app-*
          - Sid: Guard
            Effect: Deny
            Action: iam:PassRole
            Resource: arn:aws:iam::111122223333:role/admin
"""


@pytest.fixture
def result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ScanResult:
    """A scan of the template above, infos included."""
    monkeypatch.chdir(tmp_path)
    Path("iam.yaml").write_text(TEMPLATE, "utf-8")
    return scan_paths([Path("iam.yaml")], ScanOptions(minimum_severity=Severity.INFO))


def test_a_statement_is_shown_once_with_all_that_is_wrong_with_it(result: ScanResult) -> None:
    """Place, resource and Sid; the statement's words; then each finding with what to write instead; a summary."""
    lines = to_plain_text(scan_lines(result)).splitlines()
    assert lines[:4] == [
        "iam.yaml:9  Deploy  Pass",
        "  │ Action:",
        "  │   - iam:PassRole",
        "  │ Resource: arn:aws:iam::111122223333:role/app-*",
    ]
    assert [line for line in lines if "PASSROLE_" in line] == [
        "  medium  PASSROLE_002 any-service",
        "  info    PASSROLE_012 get-role-missing",
    ]
    assert sum("Instead: " in line for line in lines) == 2
    assert lines[-1] == "2 findings: 1 medium, 1 info; 1 PassRole grant in 1 file"


@pytest.mark.parametrize("width", [60, PIPED, 100])
def test_prose_keeps_to_the_width(result: ScanResult, width: int) -> None:
    """No line of a message is longer than asked for, unless one word is."""
    for line in to_plain_text(scan_lines(result, width=width)).splitlines():
        if line.startswith(" " * 10) and len(line.split()) > 1:
            assert len(line) <= width


def test_piped_output_has_one_width(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pipe's width is fixed; a terminal's is its own, within what is pleasant to read."""
    monkeypatch.setenv("COLUMNS", "300")
    assert text_width(terminal=False) == PIPED
    assert text_width(terminal=True) == 100
    monkeypatch.setenv("COLUMNS", "20")
    assert text_width(terminal=True) == 60


def test_grants_are_listed_with_roles_services_and_holders(result: ScanResult) -> None:
    """Each statement that grants or denies: what, on which roles, to which services, for whom."""
    assert to_plain_text(grants_lines(result, result.grants)) == (
        "iam.yaml:9  Deploy  Pass\n"
        "  Allow iam:PassRole\n"
        "    roles     arn:aws:iam::111122223333:role/app-*  prefix\n"
        "    services  any service\n"
        "    who       deployer\n"
        "\n"
        "iam.yaml:14  Deploy  Guard\n"
        "  Deny iam:PassRole\n"
        "    roles     arn:aws:iam::111122223333:role/admin  exact\n"
        "    services  any service\n"
        "    who       deployer\n"
        "\n"
        "1 PassRole grant, 1 denied in 1 file\n"
    )


def test_a_statement_of_several_resources_names_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where one statement is used by many resources, the first three others are named and the rest is counted."""
    monkeypatch.chdir(tmp_path)
    statement = '  statement {\n    actions   = ["iam:PassRole"]\n    resources = ["*"]\n  }\n'
    document = f'data "aws_iam_policy_document" "x" {{\n{statement}}}\n'
    users = "".join(
        f'resource "aws_iam_user_policy" "u{number}" {{\n  user   = "u{number}"\n'
        "  policy = data.aws_iam_policy_document.x.json\n}\n"
        for number in range(6)
    )
    Path("main.tf").write_text(document + users, "utf-8")
    lines = to_plain_text(scan_lines(scan_paths([Path("main.tf")], ScanOptions()))).splitlines()
    assert lines[0] == "main.tf:2  aws_iam_user_policy.u0"
    assert lines[1] == "  also aws_iam_user_policy.u1, aws_iam_user_policy.u2, aws_iam_user_policy.u3 and 2 more"


def test_many_notes_of_a_kind_are_counted(result: ScanResult) -> None:
    """Of what was not evaluated the first ten are named and the rest counted, so that findings are not buried."""
    missing = tuple(Unreadable("main.tf", f"module m{number} (x) is not here", number) for number in range(1, 15))
    text = to_plain_text(scan_lines(replace(result, not_evaluated=missing)))
    assert "module m10 (x) is not here" in text
    assert "module m11 (x) is not here" not in text
    assert "note: 4 more like these are not evaluated (--format json names them all)" in text


def test_grants_with_all_that_is_said_of_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A grant that is taken away, one without effect, and one under other conditions are told as such."""
    monkeypatch.chdir(tmp_path)
    text = TEMPLATE.replace("role/app-*", "role/admin").replace(
        "            Resource: arn:aws:iam::111122223333:role/admin\n          - Sid: Guard",
        "            Resource: arn:aws:iam::111122223333:role/admin\n"
        "            Condition: {StringEquals: {aws:SourceIp: 10.0.0.1}}\n          - Sid: Guard",
    )
    trust = "  Key:\n    Type: AWS::S3::BucketPolicy\n    Properties:\n      PolicyDocument:\n" + (
        "        Statement: {Effect: Allow, Principal: '*', Action: iam:PassRole, Resource: '*'}\n"
    )
    Path("iam.yaml").write_text(text + trust, "utf-8")
    found = scan_paths([Path("iam.yaml")], ScanOptions())
    lines = to_plain_text(grants_lines(found, found.grants)).splitlines()
    assert "  Allow iam:PassRole  (denied: a Deny or a permissions boundary takes it away)" in lines
    assert "  Allow iam:PassRole  (no effect on PassRole here)" in lines
    assert any(line.startswith("    if        ") for line in lines)
    assert lines[-1] == "0 PassRole grants, 1 denied, 2 without effect in 1 file"
    assert to_plain_text(grants_lines(found, [])).endswith("no PassRole grants in 1 file\n")
    assert to_plain_text(grants_lines(found, [], quiet=True)) == ""


def test_of_many_notes_of_a_baseline_the_first_are_told(result: ScanResult) -> None:
    """More notes than are worth reading are counted."""
    unused = tuple(BaselineEntry(f"{n}", "PASSROLE_001", "gone.tf", f"r{n}", Severity.HIGH) for n in range(12))
    lines = to_plain_text(
        scan_lines(result, baseline=Applied("baseline.json", (), result.findings, (), (), unused))
    ).splitlines()
    assert sum("is no longer found" in line for line in lines) == 10
    assert "note: 2 more like these (--format json names them all)" in lines
