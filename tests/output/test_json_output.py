"""JSON of ``scan`` and ``grants``, whose keys are a stable interface."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from passrole_checks.findings import Severity
from passrole_checks.output.json_output import grants_json, scan_json
from passrole_checks.scan.scanner import ScanOptions, ScanResult, scan_paths
from passrole_checks.sources.model.configuration import Unreadable

FINDING = str.split(
    "check_id name severity confidence message file line end_line framework resource uses principal statement_path sid "
    "grant fingerprint suppressed remediation"
)
GRANT = str.split(
    "file line end_line framework resource statement_path sid effect granted_by principals scope roles services "
    "associated_resource_arn resource_tag other_conditions"
)
TEMPLATE = """\
Resources:
  Deploy:
    Type: AWS::IAM::ManagedPolicy
    Properties:
      Roles: [deployer]
      PolicyDocument:
        Version: '2012-10-17'
        Statement:
          - Effect: Allow
            Action: s3:*
            Resource: '*'
          - Sid: Pass
            Effect: Allow
            Action: iam:PassRole
            Resource: !Sub arn:${AWS::Partition}:iam::${AWS::AccountId}:role/app-*
            Condition:
              StringEquals: {'iam:PassedToService': lambda.amazonaws.com}
              Bool: {'aws:MultiFactorAuthPresent': 'true'}
  Bucket:
    Type: AWS::S3::Bucket
"""


@pytest.fixture
def result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ScanResult:
    """Return a scan of the template above, including info findings, from the folder above it."""
    monkeypatch.chdir(tmp_path)
    Path("app").mkdir()
    Path("app/iam.yaml").write_text(TEMPLATE, "utf-8")
    return scan_paths([Path("app")], ScanOptions(minimum_severity=Severity.INFO))


def test_grant_has_the_documented_keys_and_values(result: ScanResult) -> None:
    """An entry of ``grants`` describes the statement as documented."""
    document = json.loads(grants_json(result, result.grants))
    assert document["version"] == 2
    assert document["unreadable"] == []
    (grant,) = document["grants"]
    assert set(GRANT) <= set(grant)
    pattern = "arn:${AWS::Partition}:iam::${AWS::AccountId}:role/app-*"
    assert {key: grant[key] for key in GRANT} == {
        "file": "app/iam.yaml",
        "line": 12,
        "end_line": grant["end_line"],
        "framework": "cloudformation",
        "resource": "Deploy",
        "statement_path": "PolicyDocument/Statement/1",
        "sid": "Pass",
        "effect": "Allow",
        "granted_by": "iam:PassRole",
        "principals": ["deployer"],
        "scope": "prefix",
        "roles": [{"pattern": pattern, "scope": "prefix"}],
        "services": {"constraint": "exact", "values": ["lambda.amazonaws.com"]},
        "associated_resource_arn": False,
        "resource_tag": False,
        "other_conditions": ["aws:MultiFactorAuthPresent"],
    }
    assert 17 <= grant["end_line"] <= 18


def test_finding_has_the_documented_keys_and_values(result: ScanResult) -> None:
    """An entry of ``scan`` has the finding, its location and its grant."""
    document = json.loads(scan_json(result))
    assert document["version"] == 1
    (finding,) = document["findings"]
    assert set(FINDING) <= set(finding)
    assert (finding["check_id"], finding["name"], finding["severity"]) == ("PASSROLE_012", "get-role-missing", "info")
    assert (finding["file"], finding["line"], finding["resource"]) == ("app/iam.yaml", 12, "Deploy")
    assert (finding["uses"], finding["principal"], finding["sid"]) == (["Deploy"], "deployer", "Pass")
    assert set(GRANT) <= set(finding["grant"])
    assert finding["suppressed"] is None
    assert finding["message"]
    assert finding["remediation"]
    assert finding["fingerprint"]
    assert (finding["group"], finding["primary"]) == (finding["fingerprint"], True)
    assert document["summary"] == {
        "files": 1,
        "grants": 1,
        "findings": 1,
        "statements": 1,
        "groups": 1,
        "suppressed": 0,
        "not_shown": 0,
        "in_baseline": 0,
        "by_severity": {"high": 0, "medium": 0, "low": 0, "info": 1},
    }


def test_unreadable_files_are_listed(result: ScanResult, tmp_path: Path) -> None:
    """Both documents list unreadable files relative to the working directory, with line and reason."""
    unreadable = Unreadable(str(tmp_path / "broken.yaml"), "mapping values are not allowed here", 3)
    broken = ScanResult((), (), (unreadable,), (), (), ())
    expected: list[dict[str, Any]] = [
        {"file": "broken.yaml", "line": 3, "reason": "mapping values are not allowed here"}
    ]
    assert json.loads(scan_json(broken))["unreadable"] == expected
    assert json.loads(grants_json(broken, []))["unreadable"] == expected


def test_output_is_deterministic(result: ScanResult) -> None:
    """A second scan prints the same bytes."""
    again = scan_paths([Path("app")], ScanOptions(minimum_severity=Severity.INFO))
    assert scan_json(again) == scan_json(result)
    assert grants_json(again, again.grants) == grants_json(result, result.grants)


def test_output_is_ascii(result: ScanResult) -> None:
    """JSON is safe for every terminal and encoding."""
    assert scan_json(result).isascii()
