"""Files with values that no option names: a note on each, and what their values add."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from passrole_checks.findings import Finding
from passrole_checks.output.json_output import scan_json
from passrole_checks.scan.cache.cached_scan import scan_with_cache
from passrole_checks.scan.cache.keys import program
from passrole_checks.scan.cache.store import ResultStore
from passrole_checks.scan.scanner import ScanOptions, ScanResult, scan_paths
from passrole_checks.sources.files import path_states
from passrole_checks.sources.model.configuration import Inputs

POLICY = """
variable "roles" { default = ["arn:aws:iam::111122223333:role/app"] }
variable "size" { default = 1 }
resource "aws_iam_policy" "p" {
  policy = jsonencode({ Statement = [{
    Effect = "Allow", Action = "iam:PassRole", Resource = var.roles
    Condition = { StringEquals = { "iam:PassedToService" = "lambda.amazonaws.com" } }
  }] })
}
"""
TEMPLATE = """
Parameters:
  Role: {Type: String, Default: app}
  Size: {Type: Number, Default: 1}
Resources:
  P:
    Type: AWS::IAM::ManagedPolicy
    Properties:
      PolicyDocument:
        Statement:
          - Effect: Allow
            Action: iam:PassRole
            Resource: !Sub arn:aws:iam::111122223333:role/${Role}
            Condition: {StringEquals: {iam:PassedToService: lambda.amazonaws.com}}
"""
WIDE = 'roles = ["*"]\n'
PAIRS = '[{"ParameterKey": "Role", "ParameterValue": "*"}]'


@pytest.fixture(autouse=True)
def _working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def write(files: Mapping[str, str]) -> None:
    for name, text in files.items():
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(text, encoding="utf-8")


def scan(files: Mapping[str, str], path: str = ".", **inputs: Any) -> ScanResult:
    write(files)
    return scan_paths([Path(path)], ScanOptions(inputs=Inputs(**inputs)))


def rows(result: ScanResult) -> list[tuple[str, str, str]]:
    return [(finding.check_id[-3:], finding.severity.value, files_of(finding)) for finding in result.findings]


def files_of(finding: Finding) -> str:
    """The files in the path condition of a finding."""
    return ", ".join(sorted({value for when in finding.when for part in when for value in part.values}))


def notes(result: ScanResult) -> dict[str, str]:
    return {Path(note.file).relative_to(Path.cwd()).as_posix(): note.reason for note in result.not_evaluated}


def test_at_most_twenty_variants_are_evaluated() -> None:
    """Further files are in the notes only."""
    files = {f"envs/{number:02}.tfvars": 'roles = ["x"]\n' for number in range(20)}
    result = scan({"main.tf": POLICY, **files, "envs/99.tfvars": WIDE})
    assert "001" not in {row[0] for row in rows(result)}
    assert "20 other files" in notes(result)["envs/99.tfvars"]


def test_values_are_not_printed() -> None:
    """The value of a variable that is no part of what is flagged is in no output."""
    result = scan({"main.tf": POLICY, "a.tfvars": WIDE + 'password = "hunter2"\nsize = 77777\n'})
    output = scan_json(result)
    assert result.findings and "hunter2" not in output and "77777" not in output


def test_cached_scan_depends_on_the_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A changed, added or removed file of values changes the result, whatever is cached."""
    for name in ("_FINE", "_COARSE"):
        monkeypatch.setattr(path_states, name, 0)
    store = ResultStore(str(tmp_path / "kept"), program())
    write({"s/x/main.tf": POLICY, "s/y/t.yaml": TEMPLATE, "s/x/a.tfvars": "size = 2\n", "s/y/p.json": '{"Size": "2"}'})

    def scanned() -> list[tuple[str, str, str]]:
        result = scan_with_cache([Path("s")], ScanOptions(), store)
        assert rows(result) == rows(scan_with_cache([Path("s")], ScanOptions(), store))
        assert rows(result) == rows(scan_paths([Path("s")], ScanOptions()))
        return rows(result)

    assert scanned() == []
    write({"s/x/a.tfvars": WIDE})
    assert scanned() == [("001", "medium", "s/x/a.tfvars")]
    write({"s/y/p.json": PAIRS})
    assert len(scanned()) == 2
    write({"s/x/b.tfvars": WIDE})
    assert ("001", "medium", "s/x/a.tfvars, s/x/b.tfvars") in scanned()
    Path("s/x/a.tfvars").unlink()
    Path("s/y/p.json").unlink()
    assert scanned() == [("001", "medium", "s/x/b.tfvars")]
