"""SARIF 2.1.0, checked against the parts of its schema that we use."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

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

# The parts of the OASIS schema that our output uses: for each object the keys that it must have and those that it may
# have. `additionalProperties` is false throughout the schema (but for property bags), so an unknown key is an error.
SCHEMA: dict[str, tuple[set[str], set[str]]] = {
    "log": ({"version", "runs"}, {"$schema"}),
    "run": ({"tool"}, {"automationDetails", "columnKind", "originalUriBaseIds", "invocations", "results"}),
    "driver": ({"name"}, {"semanticVersion", "rules"}),
    "rule": (
        {"id"},
        {"name", "shortDescription", "fullDescription", "help", "helpUri", "defaultConfiguration", "properties"},
    ),
    "message": ({"text"}, {"markdown"}),
    "invocation": ({"executionSuccessful"}, {"exitCode", "toolExecutionNotifications"}),
    "notification": ({"message"}, {"level", "locations"}),
    "result": (
        {"message"},
        {"ruleId", "ruleIndex", "level", "locations", "partialFingerprints", "suppressions", "properties"}
        | {"baselineState"},
    ),
    "location": (set(), {"physicalLocation", "logicalLocations"}),
    "physicalLocation": ({"artifactLocation"}, {"region"}),
    "artifactLocation": ({"uri"}, {"uriBaseId"}),
    "logicalLocation": (set(), {"fullyQualifiedName", "kind"}),
    "region": ({"startLine"}, {"startColumn", "endLine", "endColumn"}),
    "automationDetails": ({"id"}, set()),
    "suppression": ({"kind"}, {"justification", "location"}),
}
LEVELS = {"none", "note", "warning", "error"}


def conforms(kind: str, value: dict[str, Any]) -> dict[str, Any]:
    required, optional = SCHEMA[kind]
    assert required <= set(value), f"{kind} lacks {required - set(value)}"
    assert set(value) <= required | optional, f"{kind} has {set(value) - required - optional}"
    return value


def check_location(value: dict[str, Any], base_ids: set[str]) -> None:
    physical = conforms("physicalLocation", conforms("location", value)["physicalLocation"])
    artifact = conforms("artifactLocation", physical["artifactLocation"])
    assert re.fullmatch(r"[A-Za-z0-9\-._~:/%]+", artifact["uri"])
    assert artifact.get("uriBaseId") in {None, *base_ids}
    if "region" in physical:
        region = conforms("region", physical["region"])
        assert all(isinstance(number, int) and number >= 1 for number in region.values())
        assert (region["startLine"], region.get("startColumn", 1)) < (
            region.get("endLine", region["startLine"] + 1),
            region.get("endColumn", 1),
        )
    for logical in value.get("logicalLocations", ()):
        conforms("logicalLocation", logical)


def check(log: dict[str, Any]) -> dict[str, Any]:
    """Return the only run of a log that conforms to the schema."""
    assert conforms("log", log)["version"] == "2.1.0"
    (run,) = log["runs"]
    conforms("run", run)
    assert conforms("automationDetails", run["automationDetails"])["id"] == "passrole-checks/"
    base_ids = set(run["originalUriBaseIds"])
    rules = conforms("driver", run["tool"]["driver"])["rules"]
    for rule in rules:
        conforms("rule", rule)
        assert rule["defaultConfiguration"]["level"] in LEVELS
        for key in ("shortDescription", "fullDescription", "help"):
            assert 0 < len(conforms("message", rule[key])["text"]) <= (1024 if key != "help" else 30_000)
    for invocation in run["invocations"]:
        for notification in conforms("invocation", invocation)["toolExecutionNotifications"]:
            conforms("message", conforms("notification", notification)["message"])
            for location in notification["locations"]:
                check_location(location, base_ids)
    for result in run["results"]:
        conforms("message", conforms("result", result)["message"])
        assert result["level"] in LEVELS
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert all(isinstance(value, str) for value in result["partialFingerprints"].values())
        for location in result["locations"]:
            check_location(location, base_ids)
        for suppression in result["suppressions"]:
            assert conforms("suppression", suppression)["kind"] in {"inSource", "external"}
            if suppression["kind"] == "inSource":
                check_location(suppression["location"], base_ids)
        assert result.get("baselineState", "new") in {"new", "unchanged", "updated", "absent"}
    fingerprints = [result["partialFingerprints"]["passroleFinding/v1"] for result in run["results"]]
    assert len(fingerprints) == len(set(fingerprints))
    return run


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Return the run of a scan of the module above, beside an unreadable template."""
    monkeypatch.chdir(tmp_path)
    Path("my app").mkdir()
    Path("my app/main.tf").write_text(MODULE, "utf-8")
    Path("broken.yaml").write_text("Resources:\n  A:\n    Type: AWS::IAM::Policy\n   B: [\n", "utf-8")
    result = scan_paths([Path(".")], ScanOptions(minimum_severity=Severity.INFO))
    return check(json.loads(scan_sarif(result, ALL)))


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
    run = check(json.loads(scan_sarif(replace(result, findings=(new,)), ALL, applied)))
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
    run = check(json.loads(scan_sarif(scan_paths([Path("main.tf")], ScanOptions()), ALL)))
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
    run = check(json.loads(scan_sarif(replace(result, findings=open_ended), ALL)))
    assert all("endLine" not in one["locations"][0]["physicalLocation"]["region"] for one in run["results"])
