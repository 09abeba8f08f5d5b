"""PASSROLE_014 names what decides."""

from __future__ import annotations

from pathlib import Path

from passrole_checks.scan.scanner import ScanOptions, scan_paths

TEMPLATE = """\
Parameters:
  Prefix: {Type: String}
Resources:
  Deploy:
    Type: AWS::IAM::ManagedPolicy
    Properties:
      PolicyDocument:
        Version: "2012-10-17"
        Statement:
          Effect: Allow
          Action: iam:PassRole
          Resource: !Sub "arn:${AWS::Partition}:iam::${AWS::AccountId}:role/${Prefix}*"
          Condition: {StringEquals: {"iam:PassedToService": lambda.amazonaws.com}}
"""


def test_the_place_of_a_role_is_not_named_beside_what_decides(tmp_path: Path) -> None:
    """Where a prefix decides which roles are meant, the partition and the account are no news and are left out."""
    (tmp_path / "template.yaml").write_text(TEMPLATE, encoding="utf-8")
    (finding,) = scan_paths([tmp_path], ScanOptions()).findings
    assert "depends on Prefix (no default)." in finding.message


def test_an_operator_that_does_not_exist_is_named(tmp_path: Path) -> None:
    """Where no value is missing but the condition is malformed, the finding says what is wrong with it."""
    (tmp_path / "template.yaml").write_text(TEMPLATE.replace("StringEquals", "StringEqual"), encoding="utf-8")
    messages = [finding.message for finding in scan_paths([tmp_path], ScanOptions()).findings]
    assert any('"StringEqual" is not a condition operator' in message for message in messages)
    assert not any("depends on there" in message for message in messages)


def test_what_to_do_about_a_module_that_is_not_here(tmp_path: Path) -> None:
    """A value of a module that is not installed is known where it is."""
    (tmp_path / "main.tf").write_text(
        'module "node" {\n  source  = "acme/node/aws"\n  version = "1.0.0"\n}\n'
        'resource "aws_iam_user_policy" "p" {\n  user   = "bot"\n  policy = jsonencode({ Statement = [{\n'
        '    Effect = "Allow", Action = "iam:PassRole", Resource = module.node.role_arn\n  }] })\n}\n'
    )
    (found,) = scan_paths([tmp_path], ScanOptions(checks=frozenset({"PASSROLE_014"}))).findings
    assert "`terraform init`" in found.remediation


def test_what_to_do_about_a_value_that_nobody_gave(tmp_path: Path) -> None:
    """A parameter without a default may be given to the scan."""
    (tmp_path / "template.yaml").write_text(TEMPLATE, encoding="utf-8")
    (finding,) = scan_paths([tmp_path], ScanOptions()).findings
    assert "`--var-file`" in finding.remediation


def test_a_file_that_is_not_there_is_said_to_be_missing(tmp_path: Path) -> None:
    """A template that cannot be found asks for its file, not for bounds of its value."""
    (tmp_path / "main.tf").write_text(
        'resource "aws_iam_policy" "p" {\n  policy = templatefile("./repo/policy.json", {})\n}\n'
    )
    (found,) = scan_paths([tmp_path], ScanOptions(checks=frozenset({"PASSROLE_014"}))).findings
    assert found.message.endswith('depends on templatefile("./repo/policy.json", {}) (file not found).')
    assert found.remediation.startswith("The file does not exist: ")
