"""From files to findings: grouping, order, filters, suppressions."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from passrole_checks.checks import ALL
from passrole_checks.checks.base.check import Check, GrantContext
from passrole_checks.findings import Confidence, Finding, Severity, Verdict
from passrole_checks.iam import deadline
from passrole_checks.scan.scanner import ScanOptions, ScanResult, scan_paths
from passrole_checks.scan.suppressions import notes

ANY = '{ Effect = "Allow", Action = "iam:PassRole", Resource = "*" }'


def scan(folder: Path, files: dict[str, str], options: ScanOptions | None = None) -> ScanResult:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    return scan_paths([folder], options or ScanOptions())


def found(result: ScanResult) -> list[tuple[str, str, int]]:
    return [(item.check_id, item.resource.address, item.at.line) for item in result.findings]


def only(result: ScanResult) -> Finding:
    (finding,) = result.findings
    return finding


POLICY = f"""\
resource "aws_iam_policy" "wide" {{
  policy = jsonencode({{
    Version   = "2012-10-17"
    Statement = [{ANY}]
  }})
}}
"""


def test_default_values_are_named(tmp_path: Path) -> None:
    """A finding that stands on a default says so."""
    files = {"main.tf": 'variable "roles" {\n  default = "*"\n}\n' + POLICY.replace('"*"', "var.roles")}
    assert "Using the default of `var.roles`." in only(scan(tmp_path, files)).message


def test_role_of_another_account_is_one_finding(tmp_path: Path) -> None:
    """A grant on roles that cannot be passed is PASSROLE_005, not also a wide or open grant."""
    files = {"main.tf": POLICY.replace('"*"', '"arn:aws:iam::444455556666:role/*"')}
    assert only(scan(tmp_path, files, ScanOptions(account="111122223333"))).check_id == "PASSROLE_005"


def test_severity_confidence_and_checks_filter(tmp_path: Path) -> None:
    """Only what was asked for is shown."""
    files = {"main.tf": POLICY.replace('"*"', '"arn:aws:iam::111122223333:role/app-*"')}
    assert [item.check_id for item in scan(tmp_path, files).findings] == ["PASSROLE_002"]
    everything = scan(tmp_path, files, ScanOptions(minimum_severity=Severity.INFO)).findings
    assert [item.check_id for item in everything] == ["PASSROLE_002", "PASSROLE_012"]
    assert scan(tmp_path, files, ScanOptions(minimum_severity=Severity.HIGH)).findings == ()
    assert scan(tmp_path, files, ScanOptions(skip_checks=frozenset({"PASSROLE_002"}))).findings == ()
    assert scan(tmp_path, files, ScanOptions(checks=frozenset({"PASSROLE_001"}))).findings == ()
    assert len(scan(tmp_path, files, ScanOptions(minimum_confidence=Confidence.HIGH)).findings) == 1


def test_notes_on_suppressions_are_reported_once_a_run(tmp_path: Path) -> None:
    """Of a module that two roots call with several instances, and in a template that two stacks nest."""
    statement = '{Effect = "Allow", Action = "iam:PassRole", Resource = "*"}'
    skips = "  # passrole:skip=PASSROLE_001\n  # passrole:skip=PASSROLE_005\n"
    files = {
        "m/main.tf": f'resource "aws_iam_policy" "p" {{\n{skips}'
        f"  policy = jsonencode({{Statement = [{statement}]}})\n}}\n",
        "n/nested.yaml": "Resources:\n  P:\n    Type: AWS::IAM::ManagedPolicy\n"
        "    Metadata: {checkov: {skip: [{id: PASSROLE_001}]}}\n"
        "    Properties: {PolicyDocument: {Statement: [{Effect: Allow, Action: 'iam:PassRole', Resource: '*'}]}}\n",
    }
    for name in ("a", "b"):
        files[f"{name}/main.tf"] = 'module "m" {\n  source = "../m"\n  count  = 2\n}\n'
        stack = "{Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: nested.yaml}}"
        files[f"n/{name}.yaml"] = f"Resources:\n  One: {stack}\n  Two: {stack}\n"
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    result = scan_paths([tmp_path], ScanOptions())
    said = [(at.file, at.line) for at, _ in notes(result.findings, result.unused_suppressions)]
    paths = [(str(tmp_path / "m/main.tf"), 2), (str(tmp_path / "m/main.tf"), 3), (str(tmp_path / "n/nested.yaml"), 4)]
    assert sorted(said) == paths


def test_a_malformed_document_is_named_and_the_rest_is_judged(tmp_path: Path) -> None:
    """A document that AWS would refuse is unreadable at its place, with the resource's name."""
    broken = POLICY.replace("wide", "broken").replace('"Allow"', '"allow"')
    result = scan(tmp_path, {"main.tf": POLICY + broken})
    assert found(result) == [("PASSROLE_001", "aws_iam_policy.wide", 4)]
    (unreadable,) = result.unreadable
    assert unreadable.line == 10 and unreadable.reason.startswith("aws_iam_policy.broken: Effect is 'allow'")


def test_equal_statements_have_fingerprints_of_their_own(tmp_path: Path) -> None:
    """Two files with the same resource do not share a fingerprint."""
    result = scan(tmp_path, {"a/main.tf": POLICY, "b/main.tf": POLICY})
    assert len({item.fingerprint for item in result.findings}) == 2


def test_results_do_not_depend_on_the_order_of_paths(tmp_path: Path) -> None:
    """The same files give the same result, however they are named and how often."""
    files = {"a/main.tf": POLICY, "b/main.tf": POLICY}
    result = scan(tmp_path, files)
    again = scan_paths([tmp_path / "b", tmp_path / "a", tmp_path / "a" / ".." / "b"], ScanOptions())
    assert found(again) == found(result)


def test_what_takes_too_long_is_not_judged_and_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the time for one configuration is over in the middle of a policy, that one and those that are left are
    unreadable; what was found before, and other configurations, are kept."""
    seconds = iter(range(10**9))
    monkeypatch.setattr(deadline.time, "monotonic", lambda: float(next(seconds)))  # each look takes a second
    monkeypatch.setattr(deadline.time, "thread_time", lambda: float(next(seconds)))
    monkeypatch.setattr(deadline, "_CALLS_PER_CLOCK_READ", 1)
    monkeypatch.setattr(deadline, "SECONDS", 400)
    monkeypatch.setattr(deadline, "_OVERDRAFT", 1000)  # here the time of all units is not the question
    monkeypatch.setattr(deadline, "_MIN_SHARE", 400)
    role = "arn:aws:iam::111122223333:role/"
    kinds = (("Allow", ""), ("Deny", "*"))
    statements = [
        {"Effect": effect, "Action": "iam:PassRole", "Resource": f"{role}{before}{number}*"}
        for number in range(300)
        for effect, before in kinds
    ]
    document = f"<<EOT\n{json.dumps({'Version': '2012-10-17', 'Statement': statements})}\nEOT"
    files = {
        "main.tf": POLICY.replace("wide", "p0")
        + f'resource "aws_iam_policy" "p1" {{\n  policy = {document}\n}}\n'
        + POLICY.replace("wide", "p2"),
        "other/main.tf": POLICY,
    }
    result = scan(tmp_path, files)
    assert [finding.resource.address for finding in result.findings] == ["aws_iam_policy.p0", "aws_iam_policy.wide"]
    line = POLICY.count("\n") + 1
    assert [(entry.file, entry.line) for entry in result.unreadable] == [(str(tmp_path / "main.tf"), line)]
    assert "aws_iam_policy.p1" in result.unreadable[0].reason


def test_what_takes_too_long_to_read_is_unreadable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the time is over while a configuration is evaluated, it is unreadable, and the others are scanned."""
    seconds = iter(range(10**9))
    monkeypatch.setattr(deadline.time, "monotonic", lambda: float(next(seconds)))
    monkeypatch.setattr(deadline.time, "thread_time", lambda: float(next(seconds)))
    monkeypatch.setattr(deadline, "_OVERDRAFT", 1000)
    monkeypatch.setattr(deadline, "_MIN_SHARE", 15)
    nested = "[for a in range(60) : [for b in range(60) : [for c in range(60) : a]]]"
    files = {"other/main.tf": POLICY}
    files["main.tf"] = f'resource "aws_iam_policy" "p" {{\n  policy = jsonencode(flatten({nested}))\n}}\n'
    result = scan(tmp_path, files)
    assert [finding.resource.address for finding in result.findings] == ["aws_iam_policy.wide"]
    assert [entry.file for entry in result.unreadable] == [str(tmp_path)]


def test_units_that_take_long_together_are_unreadable_from_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Units share the time of a run: after some that take long, the others are unreadable, each by its name."""
    seconds = iter(range(10**9))
    monkeypatch.setattr(deadline.time, "monotonic", lambda: float(next(seconds)))  # each look takes a second
    monkeypatch.setattr(deadline.time, "thread_time", lambda: float(next(seconds)))
    monkeypatch.setattr(deadline, "_CALLS_PER_CLOCK_READ", 1)
    monkeypatch.setattr(deadline, "SECONDS", 400)
    files = {f"u{number:02}/main.tf": POLICY for number in range(60)}
    result = scan(tmp_path, files)
    found = {finding.at.file for finding in result.findings}
    lost = {entry.file for entry in result.unreadable}
    folders = {str(tmp_path / file).removesuffix("/main.tf") for file in files}
    assert found and lost
    assert {file.removesuffix("/main.tf") for file in found | lost} == folders
    assert str(tmp_path / "u00/main.tf") in found and str(tmp_path / "u59") in lost


def test_a_policy_that_is_too_long_for_aws_is_judged_and_noted(tmp_path: Path) -> None:
    """A managed policy of more than 6,144 characters, white space not counted, is judged, with a note.

    Source: IAM User Guide, "IAM and AWS STS quotas".
    """
    role = "arn:aws:iam::111122223333:role/" + "a" * 6_100 + "/*"
    long = POLICY.replace('"*"', f'"{role}"')
    assert long != POLICY
    result = scan(tmp_path, {"main.tf": long, "other/main.tf": POLICY.replace("wide", "wide   ")})
    assert len(result.grants) == 2 and not result.unreadable
    assert [(note.file, "6,144" in note.reason) for note in result.not_evaluated] == [(str(tmp_path / "main.tf"), True)]


def test_each_check_is_evaluated_once_for_a_grant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    evaluated: list[str] = []

    def counting(check: type[Check]) -> None:
        evaluate = check.evaluate

        def counted(self: Check, subject: GrantContext) -> Iterator[Verdict]:
            evaluated.append(check.id)
            return evaluate(self, subject)

        monkeypatch.setattr(check, "evaluate", counted)

    for check in ALL:
        counting(check)
    scan(tmp_path, {"main.tf": POLICY})
    assert sorted(evaluated) == sorted(check.id for check in ALL)
