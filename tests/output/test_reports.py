"""JUnit XML, GitHub workflow commands, and GitLab Code Quality reports."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import click
import pytest
from report_schemas import junit_cases

from passrole_checks import cli
from passrole_checks.checks import ALL
from passrole_checks.findings import Finding, Severity
from passrole_checks.output.findings_text import to_plain_text
from passrole_checks.output.github import scan_github
from passrole_checks.output.gitlab import scan_gitlab
from passrole_checks.output.junit import scan_junit
from passrole_checks.output.required import required_lines
from passrole_checks.output.required_policy import to_yaml as required_yaml
from passrole_checks.output.scan_formats import FORMATS
from passrole_checks.required.required_grants import Required
from passrole_checks.scan.scanner import ScanOptions, ScanResult, scan_paths
from passrole_checks.sources.model.configuration import Unreadable

MODULE = """\
resource "aws_iam_user_policy" "any" {
  user = "deployer"
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Action = ["iam:GetRole", "iam:PassRole"], Resource = "*" },
      {
        Effect   = "Allow"
        Action   = ["iam:GetRole", "iam:PassRole"]
        Resource = "arn:aws:iam::111122223333:role/app-*"
      },
    ]
  })
}

resource "aws_iam_user_policy" "silenced" {
  # passrole:skip=PASSROLE_002 break glass
  user   = "admin"
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Action = ["iam:GetRole", "iam:PassRole"], Resource = "arn:aws:iam::111122223333:role/x-*" },
    ]
  })
}
"""


def message_and_remedy(result: ScanResult, check_id: str) -> tuple[str, str]:
    """Return the texts of the first finding of a check, each on one line."""
    finding = next(finding for finding in result.findings if finding.check_id == check_id)
    return " ".join(finding.message.split()), " ".join(finding.remediation.split())


@pytest.fixture
def result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ScanResult:
    """Return a scan of the module above, beside an unreadable template and one without policies."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GITHUB_WORKSPACE", raising=False)
    monkeypatch.delenv("CI_PROJECT_DIR", raising=False)
    Path("app").mkdir()
    Path("app/main.tf").write_text(MODULE, "utf-8")
    Path("broken.yaml").write_text("Resources:\n  A:\n    Type: AWS::IAM::Policy\n   B: [\n", "utf-8")
    Path("topic.json").write_text('{"Resources": {"T": {"Type": "AWS::SNS::Topic"}}}', "utf-8")
    return scan_paths([Path(".")], ScanOptions())


def many(result: ScanResult, *severities: Severity) -> ScanResult:
    """Return one finding per severity given, all at the same location."""
    findings = tuple(
        replace(result.findings[0], severity=severity, fingerprint=f"{number:032x}", message=f"Number {number}.")
        for number, severity in enumerate(severities)
    )
    return replace(result, findings=findings, unreadable=())


def test_command_line_offers_all_formats() -> None:
    """scan offers each format that exists, and JSON lines, which need no whole report."""
    (option,) = (one for one in cli.cli.commands["scan"].params if one.name == "format")
    assert isinstance(option.type, click.Choice)
    assert tuple(one for one in option.type.choices if one != "jsonl") == FORMATS


# JUnit


def verdicts(document: str) -> dict[tuple[str, str], str]:
    """Return the content of the cases that have any."""
    return {key: child.tag for key, child in junit_cases(document).items() if child is not None}


def test_junit_has_a_case_for_each_check_and_file(result: ScanResult) -> None:
    """A check with findings fails, one without passes, an unreadable file is an error, and a file without PassRole
    grants has one case."""
    found = junit_cases(scan_junit(result, ALL))
    assert {name for file, name in found if file == "app/main.tf"} == {f"{check.id} {check.name}" for check in ALL}
    assert [key for key in found if key[0] != "app/main.tf"] == [
        ("broken.yaml", "can be read"),
        ("topic.json", "no PassRole grants"),
    ]
    assert verdicts(scan_junit(result, ALL)) == {
        ("app/main.tf", "PASSROLE_001 any-role"): "failure",
        ("app/main.tf", "PASSROLE_002 any-service"): "failure",
        ("broken.yaml", "can be read"): "error",
    }


def test_junit_failure_lists_all_findings_of_a_check(result: ScanResult) -> None:
    """The text has each finding with its location and remedy; the message is that of the most severe one."""
    other_message, other_remedy = message_and_remedy(result, "PASSROLE_002")
    failure = junit_cases(scan_junit(result, ALL))["app/main.tf", "PASSROLE_002 any-service"]
    assert failure is not None
    assert failure.attrib == {"type": "medium", "message": other_message}
    assert failure.text == (
        "app/main.tf:7 aws_iam_user_policy.any (medium, high confidence)\n"
        + f"{other_message}\nInstead: {other_remedy}"
    )
    worse = many(result, Severity.LOW, Severity.HIGH, Severity.LOW)
    failure = junit_cases(scan_junit(worse, ALL))["app/main.tf", "PASSROLE_001 any-role"]
    assert failure is not None
    assert failure.attrib == {"type": "high", "message": "Number 1. (and 2 more)"}
    assert (failure.text or "").count("\n\n") == 2


def test_accepted_findings_are_skipped_with_a_reason(result: ScanResult) -> None:
    """A case is skipped if its findings are suppressed, in the baseline or below --severity."""
    silenced = [finding for finding in result.findings if finding.suppressed]
    (first, *_) = result.findings
    shown = replace(result, findings=tuple(silenced))
    by_reason: dict[str, tuple[Sequence[Finding], Sequence[Finding]]] = {
        "in the baseline": ([first], []),
        "below --severity": ([], [first]),
    }
    for reason, (accepted, not_shown) in by_reason.items():
        found = junit_cases(scan_junit(shown, ALL, accepted, not_shown))
        messages = {name: child.attrib["message"] for (_, name), child in found.items() if child is not None}
        assert messages.pop("can be read")
        assert messages == {"PASSROLE_001 any-role": reason, "PASSROLE_002 any-service": "break glass"}


def test_unevaluated_items_are_a_skipped_case(result: ScanResult) -> None:
    """A missing module makes a skipped case with every reason."""
    missing = (Unreadable("app/main.tf", "module x is not here", 7), Unreadable("app/main.tf", "module y is not", 9))
    child = junit_cases(scan_junit(replace(result, not_evaluated=missing), ALL))["app/main.tf", "is evaluated"]
    assert child is not None
    assert (child.tag, child.attrib["message"]) == ("skipped", "line 7: module x is not here")
    assert child.text == "line 7: module x is not here\nline 9: module y is not"


def test_junit_is_valid_for_any_name(result: ScanResult) -> None:
    """Names with XML markup, control characters and lone surrogates are text in an ASCII document."""
    odd = replace(result.findings[0], message="a ]]> <b> & \x1b \ud800 \ufffe é", sid="\"'")
    document = scan_junit(replace(result, findings=(odd,)), ALL)
    assert document.isascii()
    failure = junit_cases(document)["app/main.tf", "PASSROLE_001 any-role"]
    assert failure is not None
    assert failure.attrib["message"] == "a ]]> <b> & \\x1b \\ud800 \N{REPLACEMENT CHARACTER} é"


# GitHub


def test_github_commands_are_sorted_by_severity(result: ScanResult) -> None:
    """Unreadable files, then errors, warnings and notices; suppressed findings have no command."""
    message, remedy = message_and_remedy(result, "PASSROLE_001")
    other_message, other_remedy = message_and_remedy(result, "PASSROLE_002")
    reason = result.unreadable[0].reason
    assert scan_github(result) == (
        f"::error file=broken.yaml,line=4,title=could not be read::{reason}\n"
        "::error file=app/main.tf,line=6,title=PASSROLE_001 any-role (high)::aws_iam_user_policy.any: "
        f"{message}%0AInstead: {remedy}\n"
        "::warning file=app/main.tf,line=7,endLine=11,title=PASSROLE_002 any-service (medium)::"
        f"aws_iam_user_policy.any: {other_message}%0AInstead: {other_remedy}\n"
    )


def test_github_shows_ten_of_each_kind_and_counts_the_rest(result: ScanResult) -> None:
    """Of 12 high, 3 medium, 8 low and 5 info findings, ten are errors, three warnings, ten notices, low before info."""
    severities = [Severity.INFO] * 5 + [Severity.LOW] * 8 + [Severity.MEDIUM] * 3 + [Severity.HIGH] * 12
    lines = scan_github(many(result, *severities)).splitlines()
    kinds = [line.split(" ")[0] for line in lines[:-1]]
    assert kinds == ["::error"] * 10 + ["::warning"] * 3 + ["::notice"] * 10
    assert [line.count("(low)") for line in lines[13:23]] == [1] * 8 + [0] * 2
    assert lines[-1] == "5 more without an annotation: 2 high, 3 info"


def test_hostile_name_starts_no_command(result: ScanResult) -> None:
    """Colons, commas, percent signs and line breaks in names stay within their command."""
    _, remedy = message_and_remedy(result, "PASSROLE_001")
    odd = replace(result.findings[0], message="a\n::stop-commands::x%0Ab")
    odd = replace(odd, at=replace(odd.at, file="x,title=y::z%.tf"))
    text = scan_github(replace(result, findings=(odd,), unreadable=()))
    assert text == (
        "::error file=x%2Ctitle=y%3A%3Az%25.tf,line=6,title=PASSROLE_001 any-role (high)::aws_iam_user_policy.any: a%0A"
        f"\\x3a:stop-commands::x%250Ab%0AInstead: {remedy}\n"
    )


def test_paths_are_relative_to_the_repository(result: ScanResult, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the program runs in a subfolder, GitHub and GitLab get paths relative to the repository's root."""
    root = str(Path.cwd())
    monkeypatch.chdir("app")
    inside = scan_paths([Path("main.tf")], ScanOptions())
    assert scan_github(inside, root).startswith("::error file=app/main.tf,line=6,")
    assert json.loads(scan_gitlab(inside, root))[0]["location"]["path"] == "app/main.tf"
    assert json.loads(scan_gitlab(inside, "/somewhere/else"))[0]["location"]["path"] == "main.tf"
    assert json.loads(scan_gitlab(inside))[0]["location"]["path"] == "main.tf"


# GitLab


def test_gitlab_report_has_the_documented_keys(result: ScanResult) -> None:
    """An unreadable file is an issue too; suppressed findings are not."""
    message, remedy = message_and_remedy(result, "PASSROLE_001")
    broken, first, second = json.loads(scan_gitlab(result))
    assert first == {
        "description": f"aws_iam_user_policy.any: {message} Instead: {remedy}",
        "check_name": "PASSROLE_001 any-role",
        "fingerprint": result.findings[0].fingerprint,
        "severity": "critical",
        "location": {"path": "app/main.tf", "lines": {"begin": 6}},
    }
    assert (second["check_name"], second["severity"]) == ("PASSROLE_002 any-service", "major")
    assert (broken["check_name"], broken["severity"]) == ("unreadable", "blocker")
    assert broken["location"] == {"path": "broken.yaml", "lines": {"begin": 4}}
    assert len({one["fingerprint"] for one in (broken, first, second)}) == 3


def test_gitlab_report_of_a_clean_scan_is_an_empty_list(result: ScanResult) -> None:
    """GitLab needs the empty list to detect fixed issues."""
    assert scan_gitlab(many(result)) == "[]\n"


def test_gitlab_severities(result: ScanResult) -> None:
    """high, medium, low and info are critical, major, minor and info."""
    entries = json.loads(scan_gitlab(many(result, *reversed(Severity))))
    assert [entry["severity"] for entry in entries] == ["critical", "major", "minor", "info"]


def test_gitlab_fingerprints_are_unique(result: ScanResult) -> None:
    """The same template twice gives two issues; GitLab would merge equal fingerprints."""
    for name in ("a", "b"):
        Path(name).mkdir()
        Path(name, "main.tf").write_text(MODULE, "utf-8")
    entries = json.loads(scan_gitlab(scan_paths([Path("a"), Path("b")], ScanOptions())))
    assert len({entry["fingerprint"] for entry in entries}) == len(entries) == 4


def test_github_counts_unreadable_files(result: ScanResult) -> None:
    """Ten unreadable files are named, and the others counted."""
    entries = tuple(replace(result.unreadable[0], line=number) for number in range(1, 14))
    lines = scan_github(replace(result, findings=(), unreadable=entries)).splitlines()
    assert [line.split(" ")[0] for line in lines[:-1]] == ["::error"] * 10
    assert lines[-1].endswith("3 could not be read")


def test_required_counts_items_not_evaluated(result: ScanResult) -> None:
    """Several items not evaluated are counted; with --quiet, none is, nor any note."""
    nothing = Required((), (), (), ("a note",))
    skipped = tuple(replace(result.unreadable[0], reason=f"reason {number}") for number in range(12))
    rows = to_plain_text(required_lines(nothing, 1, "", skipped)).splitlines()
    assert rows[0] == "note: a note"
    assert any("12 items" in row for row in rows)
    assert rows[-1] == "no roles are passed in 1 file"
    assert to_plain_text(required_lines(nothing, 1, "", skipped, quiet=True)) == ""
    assert required_yaml(nothing) == '# a note\nAWSTemplateFormatVersion: "2010-09-09"\nResources: {}\n'
