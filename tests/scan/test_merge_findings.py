"""One cause, one finding."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

from passrole_checks.findings import Severity
from passrole_checks.scan.baseline import BaselineEntry, apply
from passrole_checks.scan.fingerprint import digest
from passrole_checks.scan.scanner import ScanOptions, ScanResult, scan_paths


def scan(folder: Path, files: dict[str, str]) -> ScanResult:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    return scan_paths([folder], ScanOptions())


def test_module_that_is_a_root_is_named_with_the_fingerprint_of_its_first_use(tmp_path: Path) -> None:
    """The example that calls it comes first in order: a baseline contains the fingerprint of that use."""
    policy = (
        'variable "roles" {\n  default = "*"\n}\nresource "aws_iam_policy" "p" {\n  policy = jsonencode({ Statement = ['
    )
    policy += '{ Effect = "Allow", Action = "iam:PassRole", Resource = var.roles }] })\n}\n'
    example = 'module "it" {\n  source = "../../modules/x"\n}\n'
    files = {"modules/x/main.tf": policy, "examples/basic/main.tf": example}
    (finding,) = scan(tmp_path, files).findings
    used = {"aws_iam_policy.p", "module.it.aws_iam_policy.p"}
    assert finding.resource.address == "aws_iam_policy.p" and set(finding.uses) == used
    identity = finding.grant.statement.identity if finding.grant is not None else ()
    assert finding.fingerprint == digest("PASSROLE_001", "terraform", "module.it.aws_iam_policy.p", *identity)


SHARED = """\
variable "name" {}
resource "aws_iam_role" "deployer" {
  name               = "${var.name}-deployer"
  assume_role_policy = jsonencode({
    Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { AWS = "111122223333" } }]
  })
}
resource "aws_iam_role_policy" "deploy" {
  role   = aws_iam_role.deployer.name
  policy = jsonencode({
    Statement = [{ Effect = "Allow", Action = "iam:*", Resource = "arn:aws:iam::111122223333:role/${var.name}-*" }]
  })
}
"""


def test_old_baseline_accepts_merged_findings(tmp_path: Path) -> None:
    """An entry of the same severity belongs to a merged finding, whatever the order of entries that were separate."""
    files = {"shared/main.tf": SHARED, "one/main.tf": 'module "m" {\n  source = "../shared"\n  name   = "one"\n}\n'}
    finding = next(one for one in scan(tmp_path, files).findings if one.check_id == "PASSROLE_002")
    low = replace(finding, severity=Severity.LOW, fingerprint=digest(finding.fingerprint, "2"))
    entries = [
        BaselineEntry(finding.fingerprint, finding.check_id, "f", "r", severity)
        for severity in (Severity.LOW, Severity.LOW, Severity.MEDIUM)
    ]
    for findings in ((low, finding), (finding, low)):
        applied = apply("b.json", entries, findings, lambda _: "f", lambda _: True, date(2026, 1, 1))
        assert not applied.worse
        assert len(applied.accepted) == 2
