"""``AWS::Include`` of local files: read if allowed, otherwise unresolved or reported."""

from __future__ import annotations

from pathlib import Path

import pytest

from passrole_checks.scan.scanner import ScanOptions, ScanResult, scan_paths
from passrole_checks.sources.cloudformation.include import MAX_BYTES

STATEMENT = """\
Statement:
  - {Effect: Allow, Action: s3:GetObject, Resource: "*"}
  - {Effect: Allow, Action: iam:PassRole, Resource: "*"}
"""
POLICY = """\
Resources:
  P:
    Type: AWS::IAM::Policy
    Properties:
      PolicyDocument:
        {document}
"""
INCLUDE = "{{'Fn::Transform': {{Name: 'AWS::Include', Parameters: {{Location: {location}}}}}}}"


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "stack" / "parts").mkdir(parents=True)
    (tmp_path / "outside.yaml").write_text(STATEMENT)
    monkeypatch.chdir(tmp_path)


def scanned(template: str) -> ScanResult:
    Path("stack/t.yaml").write_text(template)
    return scan_paths([Path("stack")], ScanOptions(checks=frozenset({"PASSROLE_001", "PASSROLE_014"})))


def test_include_inside_the_repository_is_read() -> None:
    """Any file of the repository may be included."""
    Path(".git").mkdir()
    (finding,) = scanned(POLICY.format(document=INCLUDE.format(location="../outside.yaml"))).findings
    assert (finding.check_id, Path(finding.at.file).name) == ("PASSROLE_001", "outside.yaml")


def test_included_file_is_read_once_and_bounded() -> None:
    """A file larger than any template is reported."""
    Path("stack/parts/policy.yaml").write_text(STATEMENT)
    with Path("stack/parts/large.yaml").open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    policy, large = (INCLUDE.format(location=f"parts/{name}.yaml") for name in ("policy", "large"))
    others = "".join(
        f"  {name}: {{Type: AWS::IAM::Policy, Properties: {{PolicyDocument: {document}}}}}\n"
        for name, document in (("Q", f"&same {policy}"), ("R", "*same"), ("L", large))
    )
    result = scanned(POLICY.format(document=policy) + others)
    (finding,) = (one for one in result.findings if one.check_id == "PASSROLE_001")
    assert finding.uses == ("P", "Q", "R")
    assert [(Path(one.file).name, one.reason) for one in result.unreadable] == [
        ("large.yaml", "too large for an included file")
    ]


def test_included_file_that_is_not_utf_8_is_unreadable() -> None:
    """The document stays unresolved."""
    Path("stack/parts/x.yaml").write_bytes(b"\xff")
    result = scanned(POLICY.format(document=INCLUDE.format(location="parts/x.yaml")))
    assert [entry.reason.startswith("not UTF-8 text") for entry in result.unreadable] == [True]
    assert [finding.check_id for finding in result.findings] == ["PASSROLE_014"]
