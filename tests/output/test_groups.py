"""One item per group in outputs for people; one entry per finding in all others; and the same exit status in each."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from sample_folders import FOLDERS, ROOT, scan_options_of

from passrole_checks.cli import main
from passrole_checks.escaping.terminal import display_path
from passrole_checks.findings import Severity
from passrole_checks.output.finding_items import GROUPINGS, statements_of
from passrole_checks.output.findings_markdown import scan_markdown
from passrole_checks.output.findings_text import scan_lines, to_plain_text
from passrole_checks.output.grants_html import grants_html
from passrole_checks.output.grants_markdown import grants_markdown
from passrole_checks.scan.scanner import ScanOptions, ScanResult, scan_paths

TEMPLATE = """\
Resources:
  Narrow:
    Type: AWS::IAM::ManagedPolicy
    Properties:
      PolicyDocument:
        Version: '2012-10-17'
        Statement:
          - Effect: Allow
            Action: iam:Pass*
            Resource: arn:aws:iam::111122223333:role/app-*
  Wide:
    Type: AWS::IAM::ManagedPolicy
    Properties:
      PolicyDocument:
        Version: '2012-10-17'
        Statement:
          - Effect: Allow
            Action: [iam:GetRole, iam:PassRole]
            Resource: '*'
"""


@pytest.fixture(autouse=True)
def template(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("iam.yaml").write_text(TEMPLATE, "utf-8")


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    status = main(["scan", "iam.yaml", *arguments])
    return status, capsys.readouterr().out


def findings(capsys: pytest.CaptureFixture[str], *arguments: str) -> Sequence[dict[str, Any]]:
    document = json.loads(printed(capsys, "--format", "json", *arguments)[1])
    shown: Sequence[dict[str, Any]] = document["findings"]
    assert document["summary"]["groups"] == len({one["group"] for one in shown})
    assert document["summary"]["statements"] == len({one["line"] for one in shown})
    return shown


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((), {"PASSROLE_001": "001", "PASSROLE_002": "002", "PASSROLE_007": "002"}),
        (("--skip-check", "002"), {"PASSROLE_001": "001", "PASSROLE_007": "007"}),
        (("--severity", "medium"), {"PASSROLE_001": "001", "PASSROLE_002": "002"}),
    ],
)
def test_json_has_each_finding_with_its_group(
    capsys: pytest.CaptureFixture[str], arguments: Sequence[str], expected: dict[str, str]
) -> None:
    """Each finding has an entry, and names the primary finding among those that are shown."""
    shown = findings(capsys, *arguments)
    checks = {one["fingerprint"]: one["check_id"] for one in shown}
    assert {one["check_id"]: checks[one["group"]][-3:] for one in shown} == expected
    assert all(one["primary"] is (one["group"] == one["fingerprint"]) for one in shown)


def test_primary_is_not_in_the_baseline(capsys: pytest.CaptureFixture[str]) -> None:
    """If the baseline accepts the primary finding, the next one is primary."""
    printed(capsys, "--check", "002", "--write-baseline", "accepted.json")
    shown = findings(capsys, "--baseline", "accepted.json")
    assert {one["check_id"]: one["primary"] for one in shown} == {"PASSROLE_001": True, "PASSROLE_007": True}


def test_sarif_and_junit_have_the_group(capsys: pytest.CaptureFixture[str]) -> None:
    """SARIF has the group as properties, JUnit as a line of text."""
    (run,) = json.loads(printed(capsys, "--format", "sarif")[1])["runs"]
    properties = {one["ruleId"]: one["properties"] for one in run["results"]}
    assert properties["PASSROLE_007"]["group"] == properties["PASSROLE_002"]["group"]
    assert (properties["PASSROLE_007"]["primary"], properties["PASSROLE_002"]["primary"]) == (False, True)
    document = ElementTree.fromstring(printed(capsys, "--format", "junit")[1])
    failures = [failure.text or "" for failure in document.iter("failure")]
    assert [text.splitlines()[-1] for text in failures if "Same cause" in text] == [
        "Same cause as PASSROLE_002 any-service."
    ]


def test_text_has_one_item_per_group(capsys: pytest.CaptureFixture[str]) -> None:
    """The primary finding is shown in full with its remediation, the other ones of its group in one line."""
    status, text = printed(capsys, "--no-color")
    assert status == 1
    lines = [line for line in text.splitlines() if "PASSROLE_" in line]
    assert [line.split(":")[0].strip() for line in lines] == [
        "high    PASSROLE_001 any-role",
        "medium  PASSROLE_002 any-service",
        "+ PASSROLE_007 implicit-grant (low)",
    ]
    assert text.count("Instead:") == 2


@pytest.mark.parametrize("folder", FOLDERS)
def test_pages_name_the_checks_of_all_findings(folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Markdown and HTML have one item per group, and name the check of each of its findings."""
    monkeypatch.chdir(ROOT)
    result = sample(folder)
    shown = [finding for finding in result.findings if not finding.suppressed]
    groups = {finding.group for finding in shown}
    for page in (scan_markdown(result), grants_markdown(result, result.grants)):
        lines = [line for line in page.splitlines() if line.startswith("- **PASSROLE_")]
        assert len(lines) == len(groups)
        named = [check for line in lines for check in re.findall(r"(?:- \*\*|<br>\+ `?)(PASSROLE_\d{3})", line)]
        assert sorted(named) == sorted(finding.check_id for finding in shown)
    html = grants_html(result, result.grants)
    assert {finding.check_id for finding in shown} <= set(re.findall(r"PASSROLE_\d{3}", html))


@pytest.mark.parametrize("severity", ["info", "medium"])
def test_exit_status_does_not_depend_on_groups(capsys: pytest.CaptureFixture[str], severity: str) -> None:
    """The status is 1 if any finding is at or above ``--fail-on``, whether it is primary or not."""
    for threshold in ("info", "low", "medium", "high", "never"):
        for selection in ((), ("--check", "007"), ("--skip-check", "001"), ("--skip-check", "001,002")):
            arguments = ("--severity", severity, "--fail-on", threshold, *selection)
            statuses = {printed(capsys, "--group-by", value, *arguments)[0] for value in GROUPINGS}
            shown = findings(capsys, "--severity", "info", *selection)
            ranks = [Severity(one["severity"]).rank for one in shown]
            fails = threshold != "never" and max(ranks) >= Severity(threshold).rank
            assert statuses == {int(fails)}, arguments


@pytest.mark.parametrize("group_by", GROUPINGS)
@pytest.mark.parametrize("folder", FOLDERS)
def test_text_names_the_checks_of_all_findings(folder: str, group_by: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each finding of a sample is in the text, and each statement with the checks that JSON has for it."""
    monkeypatch.chdir(ROOT)
    result = sample(folder)
    expected: dict[str, set[str]] = {}
    for finding in result.findings:
        if not finding.suppressed:
            location = f"{display_path(finding.at.file)}:{finding.at.line}"
            expected.setdefault(location, set()).add(finding.check_id)
    found: dict[str, set[str]] = {}
    headers: list[str] = []
    for line in to_plain_text(scan_lines(result, group_by=group_by, quiet=True)).splitlines():
        checks = re.findall(r"^(?:  \w+ +|          \+ )(PASSROLE_\d{3})", line)
        if checks:
            for header in headers:
                found.setdefault(header, set()).update(checks)
        elif not line:
            headers = []
        elif not line.startswith(" "):
            headers.append(line.split("  ")[0])
    assert found == expected


@functools.cache
def sample(folder: str) -> ScanResult:
    return scan_paths([Path("sample_templates", folder)], scan_options_of(folder))


def test_statements_are_sorted_worst_first(tmp_path: Path) -> None:
    """Files are sorted by their worst finding, then by name; so are the statements of a file, then by line."""
    wide = TEMPLATE.replace("'*'", "arn:aws:iam::111122223333:role/web-*")
    for name, text in {"a.yaml": wide, "b.yaml": TEMPLATE, "c.yaml": TEMPLATE}.items():
        (tmp_path / name).write_text(text, "utf-8")
    Path("iam.yaml").unlink()
    statements = statements_of(scan_paths([tmp_path], ScanOptions()).findings)
    places = [(Path(one.first.at.file).name, one.first.at.line) for one in statements]
    assert places == [("b.yaml", 17), ("b.yaml", 8), ("c.yaml", 17), ("c.yaml", 8), ("a.yaml", 8), ("a.yaml", 17)]


def test_group_by_is_an_option_of_the_configuration(capsys: pytest.CaptureFixture[str]) -> None:
    """``group_by`` in pyproject.toml sets the headings; the command line takes precedence."""
    Path("pyproject.toml").write_text('[tool.passrole_checks]\ngroup_by = "severity"\n', "utf-8")
    assert [line for line in printed(capsys)[1].splitlines() if line.endswith(": 1 statement")] == [
        "high: 1 statement",
        "medium: 1 statement",
    ]
    assert printed(capsys, "--group-by", "check")[1].startswith("PASSROLE_001 any-role: 1 statement\n")
    assert printed(capsys, "--group-by", "file")[1].startswith("iam.yaml:17  Wide\n")
