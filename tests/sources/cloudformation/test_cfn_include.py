"""``AWS::Include`` of local files: read if allowed, otherwise unresolved or reported."""

from __future__ import annotations

from pathlib import Path

import pytest

from passrole_checks.scan.scanner import ScanOptions, ScanResult, scan_paths
from passrole_checks.sources.cloudformation.include import MAX_BYTES
from passrole_checks.sources.model.configuration import NoteKind

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


@pytest.mark.parametrize(
    "document",
    [
        INCLUDE.format(location="parts/policy.yaml"),
        INCLUDE.format(location="./parts/policy.yaml"),
        "!Transform {Name: 'AWS::Include', Parameters: {Location: parts/policy.yaml}}",
        "{'Fn::Transform': [{Name: 'AWS::Include', Parameters: {Location: parts/policy.yaml}}], Version: '2012-10-17'}",
    ],
)
def test_local_file_is_included(document: str) -> None:
    """A statement in an included file is found, with its position in that file."""
    Path("stack/parts/policy.yaml").write_text(STATEMENT)
    result = scanned(POLICY.format(document=document))
    (finding,) = result.findings
    assert finding.check_id == "PASSROLE_001"
    assert (Path(finding.at.file).name, finding.at.line, finding.at.column) == ("policy.yaml", 3, 5)
    assert finding.resource.address == "P"
    assert Path(finding.resource.at.file).name == "t.yaml"
    assert {Path(file).name for file in result.files} == {"t.yaml", "policy.yaml"}
    assert not result.unreadable


def test_included_statement_has_the_position_of_its_file() -> None:
    """So does a statement that is nothing but an include."""
    Path("stack/parts/statement.yaml").write_text("# one\nEffect: Allow\nAction: iam:PassRole\nResource: '*'\n")
    include = INCLUDE.format(location="parts/statement.yaml")
    (finding,) = scanned(POLICY.format(document="{Version: '2012-10-17', Statement: [" + include + "]}")).findings
    at = finding.at
    assert (Path(at.file).name, at.line, at.column, at.end_line) == ("statement.yaml", 2, 1, 4)


def test_json_file_is_included() -> None:
    """Also with tabs."""
    Path("stack/parts/policy.json").write_text(
        '{\n\t"Statement": {"Effect": "Allow",\n\t"Action": "iam:PassRole", "Resource": "*"}}'
    )
    (finding,) = scanned(POLICY.format(document=INCLUDE.format(location="parts/policy.json"))).findings
    assert (Path(finding.at.file).name, finding.at.line) == ("policy.json", 2)


def test_resources_and_sections_are_included() -> None:
    """An include may add resources, or a section at the top of the template."""
    Path("stack/parts/roles.yaml").write_text(
        "Extra:\n  Type: AWS::IAM::Policy\n  Properties:\n    PolicyDocument:\n"
        "      Statement: {Effect: Allow, Action: '*', Resource: !FindInMap [M, a, b]}\n"
    )
    Path("stack/parts/maps.yaml").write_text("Mappings: {M: {a: {b: '*'}}}\n")
    result = scanned(
        "Transform:\n- {Name: 'AWS::Include', Parameters: {Location: parts/maps.yaml}}\n- AWS::Serverless-2016-10-31\n"
        "Resources:\n  Fn::Transform: {Name: 'AWS::Include', Parameters: {Location: parts/roles.yaml}}\n"
        "  Q: {Type: AWS::SQS::Queue}\n"
    )
    (finding,) = result.findings
    assert (finding.resource.address, finding.framework.value) == ("Extra", "sam")


@pytest.mark.parametrize(
    "location",
    [
        "../outside.yaml",
        "/etc/passwd",
        "!Ref Somewhere",
        "parts/link.yaml",
    ],
)
def test_include_outside_the_folder_is_unresolved(location: str) -> None:
    """So are links that lead outside."""
    Path("stack/parts/link.yaml").symlink_to(Path("outside.yaml").resolve())
    result = scanned(POLICY.format(document=INCLUDE.format(location=location)))
    (finding,) = result.findings
    assert finding.check_id == "PASSROLE_014"
    assert "AWS::Include" in finding.message
    assert not result.unreadable


@pytest.mark.parametrize("location", ["s3://bucket/policy.yaml", "https://example.com/policy.yaml"])
def test_policy_included_from_s3_is_a_note(location: str) -> None:
    """Nothing is known of it, and the included file is not part of the configuration."""
    result = scanned(POLICY.format(document=INCLUDE.format(location=location)))
    assert not result.findings and not result.unreadable
    (note,) = result.not_evaluated
    assert note.kind is NoteKind.DEFINED_ELSEWHERE and location in note.reason


def test_include_inside_the_repository_is_read() -> None:
    """Any file of the repository may be included."""
    Path(".git").mkdir()
    (finding,) = scanned(POLICY.format(document=INCLUDE.format(location="../outside.yaml"))).findings
    assert (finding.check_id, Path(finding.at.file).name) == ("PASSROLE_001", "outside.yaml")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "the included file parts/x.yaml cannot be opened: No such file or directory"),
        (b"a: [", "not valid YAML: "),
        (b"\xff", "not UTF-8 text"),
        (b"a: &a [*a]", "an alias contains itself"),
    ],
)
def test_unreadable_included_file_is_reported(content: bytes | None, reason: str) -> None:
    """In one line; the document stays unresolved and the rest is scanned."""
    if content is not None:
        Path("stack/parts/x.yaml").write_bytes(content)
    result = scanned(POLICY.format(document=INCLUDE.format(location="parts/x.yaml")))
    assert [item.reason.startswith(reason) for item in result.unreadable] == [True]
    assert [finding.check_id for finding in result.findings] == ["PASSROLE_014"]


def test_nested_include_is_not_followed() -> None:
    """An include in an included file is not followed, as in AWS."""
    Path("stack/parts/policy.yaml").write_text(INCLUDE.format(location="parts/policy.yaml"))
    result = scanned(POLICY.format(document=INCLUDE.format(location="parts/policy.yaml")))
    assert [finding.check_id for finding in result.findings] == ["PASSROLE_014"]


def test_positions_of_included_json_texts() -> None:
    """A policy written as text in an included file keeps its lines."""
    Path("stack/parts/policy.yaml").write_text(
        'PolicyDocument: |\n  {"Statement": [\n   {"Effect": "Allow", "Action": "iam:PassRole", "Resource": "*"}]}\n'
    )
    result = scanned(
        "Resources:\n  P:\n    Type: AWS::IAM::Policy\n    Properties:\n      Fn::Transform: "
        "{Name: 'AWS::Include', Parameters: {Location: parts/policy.yaml}}\n"
    )
    (finding,) = result.findings
    assert (Path(finding.at.file).name, finding.at.line, finding.at.column) == ("policy.yaml", 3, 4)


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


def test_included_folder_is_unreadable() -> None:
    """It is reported with the line of the template."""
    result = scanned(POLICY.format(document=INCLUDE.format(location="parts")))
    assert [one.reason for one in result.unreadable] == [
        "the included file parts cannot be opened: is not a regular file"
    ]


def test_comment_in_an_included_file_suppresses() -> None:
    """As in a template: in a resource for that resource, else in the whole file."""
    include = "AWSTemplateFormatVersion: '2010-09-09'\nResources: " + INCLUDE.format(location="parts/resources.yaml")
    resource = "{0}:\n  Type: AWS::IAM::Policy\n{1}  Properties: {{PolicyDocument: {2}}}\n"
    document = "{Statement: {Effect: Allow, Action: iam:PassRole, Resource: '*'}}"
    comment = "# passrole:skip=PASSROLE_001 reviewed\n"
    Path("stack/parts/resources.yaml").write_text(
        resource.format("P", f"  {comment}", document) + resource.format("Q", "", document)
    )
    result = scanned(include)
    assert {finding.resource.address: bool(finding.suppressed) for finding in result.findings} == {
        "P": True,
        "Q": False,
    }
    assert not result.unused_suppressions
    Path("stack/parts/policy.yaml").write_text(comment + STATEMENT)
    result = scanned(POLICY.format(document=INCLUDE.format(location="parts/policy.yaml")))
    assert [bool(finding.suppressed) for finding in result.findings] == [True]
