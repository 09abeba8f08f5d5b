"""One item per group in outputs for people; one entry per finding in all others; and the same exit status in each."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from passrole_checks.cli import main

TEMPLATE = """\
Resources:
  Wide:
    Type: AWS::IAM::ManagedPolicy
    Properties:
      PolicyDocument:
        Version: '2012-10-17'
        Statement:
          - Effect: Allow
            Action: iam:Pass*
            Resource: arn:aws:iam::111122223333:role/app-*
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
