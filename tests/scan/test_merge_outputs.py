"""A document that a caller attaches, and that is an output of a module judged as a root, is one finding."""

from __future__ import annotations

from pathlib import Path

from passrole_checks.findings import Confidence
from passrole_checks.scan.scanner import ScanOptions, ScanResult, scan_paths

MODULE = """\
variable "roles" {
  default = ["*"]
}
data "aws_iam_policy_document" "pass" {
  statement {
    actions   = ["iam:PassRole"]
    resources = var.roles
  }
}
output "policy" {
  value = data.aws_iam_policy_document.pass.json
}
"""
CALL = 'module "m" {\n  source = "../.."\n}\nresource "aws_iam_policy" "p" {\n  policy = module.m.policy\n}\n'


def scan(folder: Path, call: str) -> ScanResult:
    (folder / "examples" / "basic").mkdir(parents=True)
    (folder / "main.tf").write_text(MODULE)
    (folder / "examples" / "basic" / "main.tf").write_text(call)
    return scan_paths([folder], ScanOptions())


def test_attached_output_is_one_finding(tmp_path: Path) -> None:
    """It has the confidence of the attached document, and names the output."""
    (finding,) = scan(tmp_path, CALL).findings
    assert (finding.check_id, finding.confidence) == ("PASSROLE_001", Confidence.HIGH)
    assert finding.resource.address == "aws_iam_policy.p"
    assert finding.uses == ("aws_iam_policy.p", "output.policy")


def test_narrow_call_leaves_the_finding_of_the_output(tmp_path: Path) -> None:
    """The default is wide, and other callers may use it."""
    narrow = CALL.replace('"../.."\n', '"../.."\n  roles  = ["arn:aws:iam::111122223333:role/app"]\n')
    found = scan(tmp_path, narrow).findings
    assert [(one.check_id, one.resource.address) for one in found if one.check_id == "PASSROLE_001"] == [
        ("PASSROLE_001", "output.policy")
    ]
