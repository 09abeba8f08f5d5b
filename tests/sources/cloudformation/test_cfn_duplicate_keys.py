"""Duplicate keys in a template: the last value counts, as in CloudFormation, and a note names the place."""

from __future__ import annotations

from pathlib import Path

from passrole_checks.scan.scanner import ScanOptions, scan_paths
from passrole_checks.sources.cloudformation import load
from passrole_checks.sources.model.configuration import Configuration, NoteKind


def _notes(configuration: Configuration) -> list[int | None]:
    assert configuration.unreadable == ()
    return [note.line for note in configuration.not_evaluated if note.kind is NoteKind.DUPLICATE_KEY]


def test_parameter_with_two_types_has_the_last_one(tmp_path: Path) -> None:
    """JSON parsers take the last of two equal keys (RFC 8259), and so does CloudFormation."""
    template = """{
        "Parameters": {"Pass": {
            "Type": "String",
            "Default": "s3:*",
            "Type": "CommaDelimitedList",
            "Default": "iam:PassRole,lambda:CreateFunction"}},
        "Resources": {"P": {"Type": "AWS::IAM::ManagedPolicy", "Properties": {"PolicyDocument": {"Statement": [
            {"Effect": "Allow", "Action": {"Ref": "Pass"}, "Resource": "*"}]}}}}}"""
    (tmp_path / "template.json").write_text(template, encoding="utf-8")
    assert _notes(load(tmp_path / "template.json", template)) == [5, 6]
    result = scan_paths([tmp_path], ScanOptions(checks=frozenset({"PASSROLE_001"})))
    assert result.unreadable == () and len(result.findings) == 1


def test_last_element_of_a_statement_counts(tmp_path: Path) -> None:
    """A duplicate Effect, Action, Resource, Condition or operator is noted, and the statement is evaluated with the
    last one."""
    statement = """
        Resources:
          P:
            Type: AWS::IAM::ManagedPolicy
            Properties:
              PolicyDocument:
                Statement:
                  - Effect: Deny
                    Action: "*"
                    Resource: arn:aws:iam::*:role/a
                    Condition: {Bool: {x: y}}
                    Effect: Allow
                    Action: iam:PassRole
                    Resource: "*"
                    Condition: {StringEquals: {a: b}, StringEquals: {iam:PassedToService: ec2.amazonaws.com}}
    """
    (tmp_path / "template.yaml").write_text(statement, encoding="utf-8")
    assert _notes(load(tmp_path / "template.yaml", statement)) == [12, 13, 14, 15, 15]
    (grant,) = scan_paths([tmp_path], ScanOptions()).grants
    assert grant.grant.effect == "Allow" and grant.grant.services.values == ("ec2.amazonaws.com",)


def test_last_of_equal_sections_resources_and_properties_counts() -> None:
    """A value that a later equal key replaces is not read, and is noted."""
    configuration = load(
        Path("x.yaml"),
        """Resources:
  P: {Type: AWS::IAM::User}
Resources:
  P:
    Type: AWS::IAM::Policy
    Type: AWS::IAM::ManagedPolicy
    Properties:
      PolicyDocument: {Statement: []}
      PolicyDocument: {Statement: {}}
  U: {Type: AWS::IAM::User, Properties: {Policies: [{PolicyDocument: {}, PolicyDocument: {Statement: []}}]}}
  U: {Type: AWS::IAM::Group, Properties: {Policies: [{PolicyDocument: {}, PolicyDocument: {Statement: []}}]}}
""",
    )
    assert sorted(filter(None, _notes(configuration))) == [3, 6, 9, 11, 11]
    assert [(one.address, one.type) for one in configuration.resources] == [
        ("P", "AWS::IAM::ManagedPolicy"),
        ("U", "AWS::IAM::Group"),
    ]


def test_duplicate_key_in_a_bare_policy_document_is_an_error(tmp_path: Path) -> None:
    """IAM rejects such a document: "Individual elements must not contain multiple instances of the same key" (IAM User
    Guide, "Grammar of the IAM JSON policy language")."""
    statement = '{"Effect": "Allow", "Action": "s3:*", "Action": "iam:PassRole", "Resource": "*"}'
    (tmp_path / "policy.json").write_text(f'{{"Version": "2012-10-17", "Statement": [{statement}]}}', encoding="utf-8")
    result = scan_paths([tmp_path], ScanOptions())
    assert [one.line for one in result.unreadable] == [1] and result.findings == ()
