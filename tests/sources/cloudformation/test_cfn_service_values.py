"""Variables of the Serverless Framework are resolved, or stay unresolved with a note."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from passrole_checks.scan.result import ScanResult
from passrole_checks.scan.scanner import ScanOptions, scan_paths
from passrole_checks.sources.cloudformation.service_values import MAX_VARIANTS

STATEMENT = "- {Effect: Allow, Action: iam:PassRole, Resource: RESOURCE}\n"
HEAD = "service: orders\nprovider:\n  name: aws\n  stage: ${opt:stage, 'dev'}\n  iamRoleStatements:\n    " + STATEMENT
ARN = "arn:aws:iam::111122223333:role/"


def scan(folder: Path, content: str, **files: str) -> ScanResult:
    for name, text in {"serverless.yml": content, **files}.items():
        path = folder / name.replace("__", "/").replace("_", ".")
        path.parent.mkdir(exist_ok=True)
        path.write_text(dedent(text))
    (folder / ".git").mkdir(exist_ok=True)
    return scan_paths([folder], ScanOptions())


def reasons(result: ScanResult) -> list[str]:
    return [note.reason for note in result.not_evaluated]


def test_too_many_variants_are_a_note(tmp_path: Path) -> None:
    """At most twenty values of a variable are evaluated."""
    stages = ", ".join(f"s{number}: '{ARN}{number}'" for number in range(MAX_VARIANTS + 5))
    result = scan(tmp_path, HEAD.replace("RESOURCE", '"${self:custom.${opt:x}}"') + f"custom: {{{stages}}}\n")
    assert str(MAX_VARIANTS) in reasons(result)[0]


@pytest.mark.parametrize(
    ("where", "reason"),
    [
        ("${file(roles.js)}", "is a program"),
        ("${file(roles.ts):x}", "is a program"),
        ("${file(gone.yml)}", "does not exist"),
        ("${file(../outside.yml)}", "is outside"),
        ("${file(/etc/hostname)}", "is outside"),
        ("${ssm:/x}", "known at deployment"),
        ("${self:custom.nothing}", "is not defined"),
        ("${file(${ssm:/x}.yml)}", "known at deployment"),
        ("${param:x}", "is not defined"),
        ("${opt:x}", "no default"),
    ],
)
@pytest.mark.parametrize(
    "content",
    [
        "provider: {name: aws, iam: {role: {statements: 'WHERE'}}}",
        "provider: {name: aws, iam: {role: {statements: ['WHERE']}}}",
        "provider: {name: aws, iam: {role: {managedPolicies: 'WHERE'}}}",
        "provider: {name: aws, iam: {role: 'WHERE'}}",
        "provider: {name: aws, iam: 'WHERE'}",
        "provider: 'WHERE'",
        "provider: {name: aws}\nfunctions: 'WHERE'",
        "provider: {name: aws}\nfunctions: ['WHERE']",
        "provider: {name: aws}\nresources: 'WHERE'",
        "provider: {name: aws}\nresources: ['WHERE']",
        "provider: {name: aws}\nresources: {Resources: 'WHERE'}",
        "provider: {name: aws}\nresources: {Resources: {A: 'WHERE', B: {Type: AWS::IAM::Role, Properties: {}}}}",
        "provider: {name: aws}\nresources: {extensions: 'WHERE'}",
    ],
)
def test_unresolved_section_is_a_note(tmp_path: Path, content: str, where: str, reason: str) -> None:
    """Beside other infrastructure code, too."""
    (tmp_path / "outside.yml").write_text("statements: []")
    folder = tmp_path / "repository"
    folder.mkdir()
    (folder / "main.tf").write_text('resource "aws_iam_role" "r" {}\n')
    found = reasons(scan(folder, f"service: a\n{content}\n".replace("WHERE", where)))
    expected = [text for text in found if where in text and reason in text]
    assert expected or ("managed" in content and found)


def test_program_is_never_run(tmp_path: Path) -> None:
    """Not even read."""
    marker = tmp_path / "ran"
    program = f"require('fs').writeFileSync('{marker}', 'x'); module.exports = {{}}"
    scan(tmp_path, HEAD.replace("RESOURCE", '"${file(a.js):x}"'), a_js=program)
    assert not marker.exists()


@pytest.mark.parametrize(
    "custom",
    [
        "{a: '${self:custom.a}${self:custom.a}'}",
        "{a: {b: '${self:custom.a}'}}",
        "{a: '${self:custom}'}",
        "{a: '${self:}'}",
        "{a: '${file(serverless.yml)}'}",
        "{" + ", ".join(f"a{n}: '${{self:custom.a{n + 1}}}${{self:custom.a{n + 1}}}'" for n in range(30)) + ", a30: x}",
    ],
)
def test_hostile_references_end(tmp_path: Path, custom: str) -> None:
    """Cycles and exponential growth."""
    name = "a0" if "a0" in custom else "a"
    content = HEAD.replace("RESOURCE", f'"${{self:custom.{name}}}"') + f"custom: {custom}\n"
    result = scan(tmp_path, content)
    assert not [entry for entry in result.unreadable if entry.fault]


def test_section_uses_one_stage(tmp_path: Path) -> None:
    """A note names the others."""
    files = {"r_dev_yml": "Resources: {}\n", "r_prod_yml": "Resources: {}\n"}
    content = "service: a\nprovider: {name: aws}\nresources: ${file(r.${sls:stage}.yml)}\n"
    (note,) = reasons(scan(tmp_path, content, **files))
    assert "dev" in note and "prod" in note
