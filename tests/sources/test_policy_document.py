"""Bare IAM policy documents: JSON files, and templates of JSON, that no code reads."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from passrole_checks.findings import Confidence, Severity
from passrole_checks.iam.documents.policy import parse_document
from passrole_checks.iam.values.nodes import StringNode
from passrole_checks.scan.scanner import ScanOptions, ScanResult, scan_paths
from passrole_checks.sources import policy_document
from passrole_checks.sources.detect import discover
from passrole_checks.sources.model.configuration import Framework, PolicyKind
from passrole_checks.sources.policy_document import looks_like_policy_document

ANY_ROLE = '{"Effect": "Allow", "Action": "iam:PassRole", "Resource": "*"}'
DOCUMENT = f'{{"Version": "2012-10-17", "Statement": [{ANY_ROLE}]}}'


def scan(folder: Path, **files: str) -> ScanResult:
    for name, content in files.items():
        path = folder / name.replace("__", "/").replace("_0", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    return scan_paths([folder], ScanOptions())


@pytest.mark.parametrize("name", ["p_0json", "p_0json_0tpl", "p_0tmpl", "p_0tftpl", "p_0json_0j2", "p", "p_0policy"])
def test_document_is_judged_whatever_its_name(tmp_path: Path, name: str) -> None:
    """A file that is a policy document is judged at medium confidence."""
    result = scan(tmp_path, **{name: DOCUMENT})
    (finding,) = result.findings
    assert (finding.check_id, finding.confidence) == ("PASSROLE_001", Confidence.MEDIUM)
    assert (finding.at.line, finding.statement_path) == (1, "Statement/0")


def test_placeholders_of_a_document_to_fill_in_are_low(tmp_path: Path) -> None:
    """Nobody attaches it as it is; in code that is deployed, the same text is a mistake."""
    form = DOCUMENT.replace('"*"', '"arn:aws:iam::<ACCOUNT>:role/<ROLE NAME>"')
    (finding,) = scan(tmp_path / "form", p_0json=form).findings
    assert (finding.check_id, finding.severity) == ("PASSROLE_010", Severity.LOW)
    code = f'resource "aws_iam_policy" "p" {{\n  policy = <<-EOT\n{form}\nEOT\n}}\n'
    (finding,) = scan(tmp_path / "code", main_0tf=code).findings
    assert (finding.check_id, finding.severity) == ("PASSROLE_010", Severity.MEDIUM)


@pytest.mark.parametrize(
    "content",
    [
        '{"Statement": []}',
        '{"Version": "2012-10-17"}',
        f'{{"Version": "2012-10-17", "Statement": [{ANY_ROLE}], "Other": 1}}',
        f'{{"PolicyDocument": {DOCUMENT}}}',
        f"[{DOCUMENT}]",
        '{"Version": 1, "Statement": "Effect"}',
        '{"Statement": [{"Sid": "x", "Action": "iam:PassRole"}], "Version": "\\"Effect\\":"}',
    ],
)
def test_other_json_is_no_document(content: str) -> None:
    """JSON that is not a policy and nothing else is not infrastructure code."""
    assert not looks_like_policy_document(content)


@pytest.mark.parametrize("read", ['file("p.json")', 'templatefile("p.json", {})', "local.x"])
def test_document_that_a_root_reads_is_not_judged_again(tmp_path: Path, read: str) -> None:
    """A document that Terraform reads is judged where it is used, and only there."""
    root = f'locals {{\n  x = file("p.json")\n}}\nresource "aws_iam_policy" "p" {{\n  policy = {read}\n}}\n'
    result = scan(tmp_path, main_0tf=root, p_0json=DOCUMENT)
    assert [finding.resource.address for finding in result.findings] == ["aws_iam_policy.p"]


def test_document_that_a_root_does_not_read_is_judged_beside_it(tmp_path: Path) -> None:
    """A document beside Terraform that nothing reads is judged."""
    result = scan(tmp_path, main_0tf="locals {}\n", policies__p_0json=DOCUMENT)
    assert [finding.resource.address for finding in result.findings] == ["p.json"]


@pytest.mark.parametrize(
    ("path", "content", "kind"),
    [
        ("p.json", DOCUMENT, PolicyKind.IDENTITY),
        ("permissions-boundary.json", DOCUMENT, PolicyKind.BOUNDARY),
        ("boundaries/p.json", DOCUMENT, PolicyKind.IDENTITY),
        ("scp/full.json", DOCUMENT, PolicyKind.SCP),
        ("policies/scps/deny/root.json", DOCUMENT, PolicyKind.SCP),
        ("service_control_policies/p.json", DOCUMENT, PolicyKind.SCP),
        ("organizations/p.json", DOCUMENT, PolicyKind.SCP),
        ("policies/FullAWSAccess.json", DOCUMENT, PolicyKind.SCP),
        ("scpt/p.json", DOCUMENT, PolicyKind.IDENTITY),
        ("p.json", DOCUMENT.replace('"Effect"', '"Principal": "*", "Effect"'), PolicyKind.RESOURCE),
    ],
)
def test_kind_of_a_document(path: str, content: str, kind: PolicyKind) -> None:
    """A Principal shows a trust or resource-based policy, the path a boundary or a policy of an organization."""
    read = policy_document.load(Path("/scp/boundary", path), content, Path("/scp/boundary"))
    (policy,) = read.policies
    assert policy.kind is kind
    assert bool(read.notes.not_evaluated) is (kind in (PolicyKind.BOUNDARY, PolicyKind.SCP))


def resource_of(content: str) -> StringNode:
    (policy,) = policy_document.load(Path("/x/p.json"), content).policies
    (statement,) = parse_document(policy.document).statements
    assert statement.resources is not None
    return statement.resources[0]


@pytest.mark.parametrize(
    ("written", "unresolved"),
    [
        ('"${role_arn}"', ["role_arn"]),
        ('"arn:aws:iam::${account}:role/${env}-*"', ["account", "env"]),
        ('"arn:aws:iam::{{ account }}:role/x"', ["account"]),
        ("${jsonencode(roles)}", ["jsonencode(roles)"]),
        ('"${join(",", x)}"', ['join(",", x)']),
        ('"arn:aws:iam::1:role/${aws:username}"', []),
        ('"arn:aws:iam::1:role/$${aws:username}"', []),
        ("\"arn:aws:iam::1:role/${aws:PrincipalTag/team, 'x'}\"", []),
        ('"arn:aws:iam::1:role/${*}"', []),
    ],
)
def test_placeholders_of_templates_are_unresolved(written: str, unresolved: list[str]) -> None:
    """Placeholders are unresolved values; policy variables stay as they are."""
    resource = resource_of(DOCUMENT.replace('"*"', written))
    assert [part.expression for part in resource.parts if not isinstance(part, str)] == unresolved
    assert "$$" not in str(resource)


def test_positions_after_placeholders() -> None:
    """Positions are those in the file, on lines with placeholders too."""
    content = '{\n "Version": "${v}",\n "Statement": [\n  ' + ANY_ROLE.replace('"*"', '"${a}:${b}"') + "\n ]\n}\n"
    at = resource_of(content).at
    assert (at.line, content.splitlines()[3][at.column - 1 :][:5]) == (4, '"${a}')


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (DOCUMENT.replace("]", ",]"), 1),
        (DOCUMENT.replace("[", "[\n"), None),
        (DOCUMENT.replace("[", '[\n  "'), 2),
        (DOCUMENT.replace("[", "[%{ if x }").replace("]", "%{ endif }]"), 1),
        (DOCUMENT.replace("[", "[{% if x %}").replace("]", "{% endif %}]"), 1),
    ],
)
def test_document_that_cannot_be_parsed_is_noted(tmp_path: Path, content: str, line: int | None) -> None:
    """A malformed document, and one with directives, is a note and no error."""
    result = scan(tmp_path, p_0json=content)
    assert not result.unreadable
    assert [note.line for note in result.not_evaluated] == ([line] if line is not None else [])
    assert bool(result.findings) is (line is None)


def test_document_given_by_name_is_judged(tmp_path: Path) -> None:
    """A document that is given by name, as a pre-commit hook does, is judged."""
    path = tmp_path / "p.json"
    path.write_text(DOCUMENT, encoding="utf-8")
    (unit,) = discover([path]).units
    assert unit.framework is Framework.POLICY_DOCUMENT


def test_large_json_is_no_document() -> None:
    """A text that is far too long for a policy is not parsed."""
    statements = ",".join([ANY_ROLE] * 20_000)
    assert not looks_like_policy_document(json.dumps(json.loads(f'{{"Statement": [{statements}]}}')))


@pytest.mark.parametrize(
    ("name", "severity"),
    [
        ("tests__integration__p_0json", Severity.LOW),
        ("Fixtures__p_0json", Severity.LOW),
        ("examples__p_0json", Severity.HIGH),
        ("test_0json", Severity.HIGH),
        ("contest__p_0json", Severity.HIGH),
    ],
)
def test_document_in_a_folder_of_tests_is_low(tmp_path: Path, name: str, severity: Severity) -> None:
    """Nothing that is scanned attaches it, and its folder says that nothing deploys it; examples are copied."""
    (finding,) = scan(tmp_path / "tests", **{name: DOCUMENT}).findings
    assert finding.severity is severity
    assert ("which is in a folder of tests" in finding.message) == (severity is Severity.LOW)


def test_template_in_a_folder_of_tests_keeps_its_severity(tmp_path: Path) -> None:
    """Templates and configurations of tests are deployed to an account."""
    policy = f'{{"Type": "AWS::IAM::ManagedPolicy", "Properties": {{"PolicyDocument": {DOCUMENT}}}}}'
    template = f'{{"Resources": {{"P": {policy}}}}}'
    (finding,) = scan(tmp_path, tests__t_0json=template).findings
    assert finding.severity is Severity.HIGH
