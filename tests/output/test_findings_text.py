"""Findings and grants as text."""

from __future__ import annotations

from pathlib import Path

import pytest

from passrole_checks.findings import Severity
from passrole_checks.output.findings_text import PIPED, grants_lines, scan_lines, text_width, to_plain_text
from passrole_checks.scan.baseline import Applied, BaselineEntry
from passrole_checks.scan.scanner import ScanOptions, ScanResult, scan_paths

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
    """Return a scan of the template above, including info findings."""
    monkeypatch.chdir(tmp_path)
    Path("iam.yaml").write_text(TEMPLATE, "utf-8")
    return scan_paths([Path("iam.yaml")], ScanOptions(minimum_severity=Severity.INFO))


def test_statement_is_shown_once_with_all_findings(result: ScanResult) -> None:
    """Location, resource and Sid; the source excerpt; each finding with its remedy; a summary."""
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
    assert lines[-1] == "2 findings on 1 statement: 1 medium, 1 info; 1 PassRole grant in 1 file"


@pytest.mark.parametrize("width", [60, PIPED, 100])
def test_prose_is_wrapped_at_the_width(result: ScanResult, width: int) -> None:
    """No line of a message exceeds the width, unless a single word does."""
    for line in to_plain_text(scan_lines(result, width=width)).splitlines():
        if line.startswith(" " * 10) and len(line.split()) > 1:
            assert len(line) <= width


def test_piped_output_has_a_fixed_width(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pipes have a fixed width; terminals their own, within limits."""
    monkeypatch.setenv("COLUMNS", "300")
    assert text_width(terminal=False) == PIPED
    assert text_width(terminal=True) == 100
    monkeypatch.setenv("COLUMNS", "20")
    assert text_width(terminal=True) == 60


def test_grants_are_listed_with_roles_services_and_principals(result: ScanResult) -> None:
    """Each statement that grants or denies, with its action, roles, services and principals."""
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
        "1 PassRole grant, 1 Deny statement in 1 file\n"
    )


def test_statement_of_several_resources_names_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the resources that share a statement, the first three others are named and the rest counted."""
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


def test_denied_ineffective_and_conditional_grants_are_marked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A denied grant, one without effect, and one with other conditions are marked as such."""
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
    assert "  Allow iam:PassRole  (denied by a Deny statement or a permissions boundary)" in lines
    assert "  Allow iam:PassRole  (no effect on PassRole)" in lines
    assert any(line.startswith("    if        ") for line in lines)
    assert lines[-1] == "0 PassRole grants, 1 Deny statement, 2 without effect in 1 file"
    assert to_plain_text(grants_lines(found, [])).endswith("no PassRole grants in 1 file\n")
    assert to_plain_text(grants_lines(found, [], quiet=True)) == ""


def test_baseline_notes_beyond_ten_are_counted(result: ScanResult) -> None:
    """Of the notes on a baseline, the first ten are shown and the rest counted, or with --verbose all are shown."""
    unused = tuple(BaselineEntry(f"{n}", "PASSROLE_001", "gone.tf", f"r{n}", Severity.HIGH) for n in range(12))
    baseline = Applied("baseline.json", (), result.findings, (), (), unused)
    lines = to_plain_text(scan_lines(result, baseline=baseline)).splitlines()
    assert sum("is no longer found" in line for line in lines) == 10
    assert "note: 2 more about the baseline (--verbose lists them)" in lines
    verbose = to_plain_text(scan_lines(result, baseline=baseline, verbose=True))
    assert verbose.count("is no longer found") == 12
