"""Units of Terragrunt, and other files in HCL beside Terraform's."""

from __future__ import annotations

import gc
from pathlib import Path

import pytest

from passrole_checks.scan.scan_linked import LinkedScan, connected
from passrole_checks.scan.scanner import ScanOptions, ScanResult, scan_paths, scan_sequentially
from passrole_checks.sources.detect import discover
from passrole_checks.sources.files.read_boundary import Boundary
from passrole_checks.sources.model.configuration import NoteKind
from passrole_checks.sources.terraform.modules.module import Module

MODULE = """\
variable "role" {
  default = "arn:aws:iam::111122223333:role/app"
}
variable "service" {
  default = "lambda.amazonaws.com"
}
resource "aws_iam_policy" "p" {
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{
      Effect = "Allow", Action = "iam:PassRole", Resource = var.role
      Condition = { StringEquals = { "iam:PassedToService" = var.service } }
    }]
  })
}
"""
SOURCE = 'terraform {\n  source = "../../modules/app"\n}\n'


def scan(folder: Path, files: dict[str, str]) -> ScanResult:
    for name, content in {"modules/app/main.tf": MODULE, **files}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    return scan_paths([folder], ScanOptions())


@pytest.mark.parametrize(
    "name",
    ["a.tftest.hcl", "a.tofutest.hcl", "a.tftest.json", "a.tfdeploy.hcl", "a.tfcomponent.hcl", "terragrunt.stack.hcl"],
)
def test_tests_and_stacks_are_noted(tmp_path: Path, name: str) -> None:
    """Files of tests and Stacks are a note, one for each folder, also if they are given by name."""
    result = scan(tmp_path, {f"tests/{name}": "{}", f"tests/b{name}": "{}"})
    assert len(result.not_evaluated) == 1
    assert [note.file for note in discover([tmp_path / "tests" / name]).not_evaluated] == [
        str(tmp_path / "tests" / name)
    ]


DEPENDENCY = 'dependency "shared" {\n  config_path = "../shared"\n}\n'


def test_output_of_a_dependency_is_named_as_one(tmp_path: Path) -> None:
    """It is no resource that is not declared."""
    unit = SOURCE + DEPENDENCY + "inputs = { role = dependency.shared.outputs.arn }\n"
    (finding,) = scan(tmp_path, {"live/app/terragrunt.hcl": unit}).findings
    assert finding.grant is not None
    (role,) = finding.grant.roles
    assert [(part.expression, part.reason) for part in role.pattern.unresolved_parts] == [
        ("dependency.shared.outputs.arn", "output of a Terragrunt dependency")
    ]


def test_a_unit_is_freed_once_it_is_read(tmp_path: Path) -> None:
    """Nothing of a unit is left in reference cycles: memory does not grow with the number of units."""
    put = {"root.hcl": 'locals {\n  name = "x"\n}\n'}
    for number in range(20):
        put[f"u{number}/terragrunt.hcl"] = (
            'include "root" {\n  path = find_in_parent_folders("root.hcl")\n}\n'
            f'locals {{\n  name = "u{number}"\n}}\n'
            'terraform {\n  source = "git::https://example.com/${local.name}.git"\n}\n'
            "inputs = {\n  name = local.name\n}\n"
        )
    gc.collect()
    gc.disable()
    try:
        before = sum(isinstance(one, Module) for one in gc.get_objects())
        result = scan(tmp_path, put)
        after = sum(isinstance(one, Module) for one in gc.get_objects())
    finally:
        gc.enable()
    assert sum(note.kind is NoteKind.OTHER_TOOL for note in result.not_evaluated) == 20
    assert after == before


def test_units_without_terraform_beside_them_are_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A search without a root does not read which modules units deploy; a result keeps no list of accessed files."""
    opened: list[str] = []

    def recorded(self: Boundary, path: str | Path, most: int) -> bytes:
        opened.append(str(path))
        return read(self, path, most)

    read = Boundary.read
    monkeypatch.setattr(Boundary, "read", recorded)
    text = 'terraform {\n  source = "git::https://example.invalid/modules.git//vpc?ref=v1"\n}\n'
    files = [tmp_path / "live" / name / "terragrunt.hcl" for name in ("a", "b", "c")]
    for file in files:
        file.parent.mkdir(parents=True)
        file.write_text(text, encoding="utf-8")
    discovery = discover([tmp_path])
    scan = LinkedScan(discovery.units, ScanOptions(), scan_sequentially)
    connected(discovery, ScanOptions(), scan=scan)
    results = scan.results()
    assert sorted(name for name in opened if name.endswith("terragrunt.hcl")) == list(map(str, files))
    assert [result.analysis is not None and len(result.analysis.not_evaluated) for result in results] == [1, 1, 1]
    assert [result.accesses for result in results] == [None, None, None]
