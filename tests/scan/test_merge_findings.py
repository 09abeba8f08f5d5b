"""One cause, one finding."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

from passrole_checks.findings import Confidence, Severity
from passrole_checks.scan.baseline import BaselineEntry, apply
from passrole_checks.scan.fingerprint import digest
from passrole_checks.scan.scanner import ScanOptions, ScanResult, scan_paths

WIDE = """\
data "aws_iam_policy_document" "wide" {
  statement {
    actions   = ["iam:PassRole"]
    resources = ["*"]
  }
}
"""


def scan(folder: Path, files: dict[str, str]) -> ScanResult:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    return scan_paths([folder], ScanOptions())


def test_module_called_by_two_roots_is_reported_once(tmp_path: Path) -> None:
    """A statement of a module that two roots call is one finding, with the addresses of both as its uses."""
    policy = 'resource "aws_iam_policy" "p" {\n  policy = data.aws_iam_policy_document.wide.json\n}\n'
    result = scan(
        tmp_path,
        {
            "shared/main.tf": WIDE + policy,
            "one/main.tf": 'module "a" {\n  source = "../shared"\n}\n',
            "two/main.tf": 'module "b" {\n  source = "../shared"\n}\n',
            "three/main.tf": 'module "a" {\n  source = "../shared"\n}\n',
        },
    )
    (finding,) = result.findings
    assert finding.uses == ("module.a.aws_iam_policy.p", "module.b.aws_iam_policy.p")
    assert [grant.resource.address for grant in result.grants] == list(finding.uses)


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


def test_different_module_inputs_are_one_finding_with_the_values_of_both_roots(tmp_path: Path) -> None:
    """If two roots pass different values to a module, its statement is one finding, whose message has both values."""
    module = """\
variable "name" {}
resource "aws_iam_policy" "p" {
  policy = jsonencode({
    Statement = [{ Effect = "Allow", Action = "iam:PassRole", Resource = "arn:aws:iam::*:role/${var.name}-*" }]
  })
}
"""
    call = 'module "a" {\n  source = "../shared"\n  name   = "NAME"\n}\n'
    result = scan(
        tmp_path,
        {
            "shared/main.tf": module,
            "one/main.tf": call.replace("NAME", "app"),
            "two/main.tf": call.replace("NAME", "web"),
        },
    )
    (finding,) = result.findings
    assert "role/app-*" in finding.message
    assert "role/web-*" in finding.message


def test_statement_in_two_documents_is_reported_once(tmp_path: Path) -> None:
    """A statement is one finding wherever it stands in the documents that take it in."""
    policies = """\
data "aws_iam_policy_document" "more" {
  source_policy_documents = [data.aws_iam_policy_document.first.json, data.aws_iam_policy_document.wide.json]
}
data "aws_iam_policy_document" "first" {
  statement {
    actions   = ["s3:GetObject"]
    resources = ["*"]
  }
}
resource "aws_iam_policy" "one" {
  policy = data.aws_iam_policy_document.wide.json
}
resource "aws_iam_policy" "two" {
  policy = data.aws_iam_policy_document.more.json
}
"""
    (finding,) = scan(tmp_path, {"main.tf": WIDE + policies}).findings
    assert finding.uses == ("aws_iam_policy.one", "aws_iam_policy.two")


def test_policy_passed_to_missing_module_names_the_module(tmp_path: Path) -> None:
    """A finding on a document that is passed to a missing module names the module, at medium confidence."""
    call = """\
module "deploy" {
  source = "example.com/some/policy"
  policy = data.aws_iam_policy_document.wide.json
}
"""
    (finding,) = scan(tmp_path, {"main.tf": WIDE + call}).findings
    assert "module.deploy" in finding.message
    assert finding.confidence is Confidence.MEDIUM


def test_nested_module_called_under_other_names_is_reported_once(tmp_path: Path) -> None:
    """Dependencies of a statement are named as in its own module, so that two roots report the same finding."""
    module = """\
module "roles" {
  source = "example.com/roles/aws"
}
resource "aws_iam_policy" "p" {
  policy = jsonencode({
    Statement = {
      Effect    = "Allow"
      Action    = "iam:PassRole"
      Resource  = module.roles.arn
      Condition = { StringEquals = { "iam:PassedToService" = "lambda.amazonaws.com" } }
    }
  })
}
"""
    result = scan(
        tmp_path,
        {
            "shared/main.tf": module,
            "one/main.tf": 'module "a" {\n  source = "../shared"\n}\n',
            "two/main.tf": 'module "b" {\n  source = "../shared"\n}\n',
        },
    )
    (finding,) = result.findings
    assert finding.uses == ("module.a.aws_iam_policy.p", "module.b.aws_iam_policy.p")
    assert "depends on module.roles.arn (the module source is not available)" in finding.message


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


def test_statement_of_many_callers_is_one_finding_for_each_check_and_verdict(tmp_path: Path) -> None:
    """Twelve calls in three roots, each with its own roles: one finding per check, with all uses and principals; the
    message names three of the other callers with what differs, and counts the rest."""
    files = {"shared/main.tf": SHARED}
    for root in ("one", "two", "three"):
        calls = [
            f'module "m{number}" {{\n  source = "../shared"\n  name   = "{root}-{number}"\n}}\n' for number in range(4)
        ]
        files[f"{root}/main.tf"] = "".join(calls)
    findings = scan(tmp_path, files).findings
    assert sorted(finding.check_id[-3:] for finding in findings) == ["002", "007", "016"]
    assert len({finding.group for finding in findings}) == 1
    for finding in findings:
        assert len(finding.uses) == len(finding.principals) == 4
        assert finding.message.count("role/") == 4
        assert " and 8 more." in finding.message


def test_callers_with_different_verdicts_are_different_findings(tmp_path: Path) -> None:
    """Where the values of callers lead to different severities, each verdict is a finding with its own uses."""
    module = """\
variable "role" {}
resource "aws_iam_policy" "p" {
  policy = jsonencode({
    Statement = [{ Effect = "Allow", Action = "iam:PassRole", Resource = "arn:aws:iam::111122223333:role/${var.role}" }]
  })
}
"""
    calls = "".join(
        f'module "{name}" {{\n  source = "../shared"\n  role   = "{role}"\n}}\n'
        for name, role in (("a", "app-*"), ("b", "app"), ("c", "web-*"), ("d", "web"))
    )
    findings = scan(tmp_path, {"shared/main.tf": module, "root/main.tf": calls}).findings
    assert sorted((finding.severity.value, *(use.split(".")[1] for use in finding.uses)) for finding in findings) == [
        ("low", "b", "d"),
        ("medium", "a", "c"),
    ]


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
