"""SARIF 2.1.0, checked against the parts of its schema that we use."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from report_schemas import conforming_run

from passrole_checks import __version__
from passrole_checks.checks import ALL
from passrole_checks.findings import Severity
from passrole_checks.output.sarif import scan_sarif
from passrole_checks.scan.baseline import Applied, BaselineEntry
from passrole_checks.scan.scanner import ScanOptions, scan_paths

MODULE = """\
resource "aws_iam_user_policy" "any" {
  user   = "deployer"
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = ["iam:GetRole", "iam:PassRole"], Resource = "*" }]
  })
}

resource "aws_iam_user_policy" "silenced" {
  # passrole:skip=PASSROLE_001 break glass
  user   = "admin"
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = ["iam:GetRole", "iam:PassRole"], Resource = "*" }]
  })
}
"""


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Return the run of a scan of the module above, beside an unreadable template."""
    monkeypatch.chdir(tmp_path)
    Path("my app").mkdir()
    Path("my app/main.tf").write_text(MODULE, "utf-8")
    Path("broken.yaml").write_text("Resources:\n  A:\n    Type: AWS::IAM::Policy\n   B: [\n", "utf-8")
    result = scan_paths([Path(".")], ScanOptions(minimum_severity=Severity.INFO))
    return conforming_run(json.loads(scan_sarif(result, ALL)))


def test_each_check_is_a_rule_with_its_documentation(run: dict[str, Any]) -> None:
    """Each rule has the check's documentation, a level, and a score that code scanning ranks by."""
    driver = run["tool"]["driver"]
    assert (driver["name"], driver["semanticVersion"]) == ("passrole_checks", __version__)
    assert [rule["id"] for rule in driver["rules"]] == [check.id for check in ALL]
    levels = {Severity.HIGH: "error", Severity.MEDIUM: "warning", Severity.LOW: "note", Severity.INFO: "note"}
    for rule, checked in zip(driver["rules"], ALL, strict=True):
        assert rule["help"]["text"] == checked.documentation()
        assert rule["defaultConfiguration"]["level"] == levels[checked.severity]
        assert 0 < float(rule["properties"]["security-severity"]) <= 10


def test_result_location_is_relative_to_the_working_directory(run: dict[str, Any]) -> None:
    """The URI is relative and encoded, the region is the statement's, the resource is a logical location."""
    first = run["results"][0]
    assert (first["ruleId"], first["level"], first["suppressions"]) == ("PASSROLE_001", "error", [])
    (location,) = first["locations"]
    physical = location["physicalLocation"]
    assert physical["artifactLocation"] == {"uri": "my%20app/main.tf", "uriBaseId": "SRCROOT"}
    assert (physical["region"]["startLine"], physical["region"]["startColumn"]) == (5, 18)
    assert location["logicalLocations"] == [{"fullyQualifiedName": "aws_iam_user_policy.any", "kind": "resource"}]
    assert "baselineState" not in first


def test_suppressed_result_has_its_reason(run: dict[str, Any]) -> None:
    """A suppression in the source is included, with its justification and location."""
    (suppression,) = run["results"][1]["suppressions"]
    assert suppression["justification"] == "break glass"
    assert suppression["location"]["physicalLocation"]["region"]["startLine"] == 10


def test_results_have_a_state_with_a_baseline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Findings accepted by the baseline are unchanged and suppressed externally, with the entry's reason; others are
    new."""
    monkeypatch.chdir(tmp_path)
    Path("main.tf").write_text(MODULE.replace("  # passrole:skip=PASSROLE_001 break glass\n", ""), "utf-8")
    result = scan_paths([Path("main.tf")], ScanOptions())
    old, new = result.findings
    entry = BaselineEntry(
        old.fingerprint, old.check_id, "main.tf", old.resource.address, Severity.HIGH, "known since May"
    )
    gone = BaselineEntry("0" * 32, "PASSROLE_002", "main.tf", "aws_iam_policy.gone", Severity.LOW)
    applied = Applied("accepted.json", ((old, entry),), (new,), (), (), (gone,))
    run = conforming_run(json.loads(scan_sarif(replace(result, findings=(new,)), ALL, applied)))
    assert [
        (one["baselineState"], one["suppressions"], one["partialFingerprints"]["passroleFinding/v1"])
        for one in run["results"]
    ] == [
        ("new", [], new.fingerprint),
        ("unchanged", [{"kind": "external", "justification": "In the baseline: known since May"}], old.fingerprint),
    ]
    (notification,) = run["invocations"][0]["toolExecutionNotifications"]
    assert (notification["level"], notification["message"]["text"]) == ("note", applied.notes()[0])


def test_message_contains_no_link_from_the_scanned_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SARIF viewers render [text](target) as a link; a role of that name stays text."""
    monkeypatch.chdir(tmp_path)
    role = "arn:aws:iam::111122223333:role/[x](https://evil.example)*"
    Path("main.tf").write_text(MODULE.replace('Resource = "*"', f'Resource = "{role}"'), "utf-8")
    run = conforming_run(json.loads(scan_sarif(scan_paths([Path("main.tf")], ScanOptions()), ALL)))
    texts = [result["message"]["text"] for result in run["results"]]
    assert any("role/[x] (https://evil.example)*" in text for text in texts)
    assert not any("](" in text for text in texts)


def test_unreadable_file_is_a_notification(run: dict[str, Any]) -> None:
    """A run with an unreadable file is unsuccessful, and names the file and the line."""
    (invocation,) = run["invocations"]
    assert (invocation["executionSuccessful"], invocation["exitCode"]) == (False, 2)
    (notification,) = invocation["toolExecutionNotifications"]
    assert notification["level"] == "error"
    (location,) = notification["locations"]
    assert location["physicalLocation"]["artifactLocation"]["uri"] == "broken.yaml"


def test_location_without_an_end_has_no_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A region whose end is unknown has none."""
    monkeypatch.chdir(tmp_path)
    Path("main.tf").write_text(MODULE, "utf-8")
    result = scan_paths([Path("main.tf")], ScanOptions())
    open_ended = tuple(replace(one, at=replace(one.at, end_line=0, end_column=0)) for one in result.findings)
    run = conforming_run(json.loads(scan_sarif(replace(result, findings=open_ended), ALL)))
    assert all("endLine" not in one["locations"][0]["physicalLocation"]["region"] for one in run["results"])
