"""Units of Terragrunt, and other files in HCL beside Terraform's."""

from __future__ import annotations

import gc
from pathlib import Path

import pytest

from passrole_checks.scan.scan_linked import scan_linked
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


def checks(result: ScanResult) -> list[str]:
    return sorted(finding.check_id[-3:] for finding in result.findings)


@pytest.mark.parametrize(
    "unit",
    [
        SOURCE + 'inputs = {\n  role = "*"\n}\n',
        SOURCE.replace("modules/app", "modules//app") + 'inputs = {\n  role = "*"\n}\n',
        SOURCE.replace('"../', '"${get_terragrunt_dir()}/../') + 'inputs = {\n  role = "*"\n}\n',
        SOURCE + 'locals {\n  r = "*"\n}\ninputs = merge({ role = local.r }, {})\n',
        'locals {\n  s = "../../modules/app"\n}\nterraform {\n  source = local.s\n}\ninputs = { role = "*" }\n',
        SOURCE + 'inputs = {\n  role = "*"\n  vpc = dependency.vpc.outputs.id\n}\n',
    ],
)
def test_inputs_are_values_of_the_local_module(tmp_path: Path, unit: str) -> None:
    """The module of a unit is judged with the inputs of the unit, in place of its defaults."""
    result = scan(tmp_path, {"live/app/terragrunt.hcl": unit})
    assert checks(result) == ["001"] and not result.not_evaluated and not result.unreadable
    assert result.findings[0].resource.address == "aws_iam_policy.p"


def test_each_unit_is_judged(tmp_path: Path) -> None:
    """Two units of one module are judged with their own inputs each, and the module not with its defaults."""
    result = scan(
        tmp_path,
        {
            "live/a/terragrunt.hcl": SOURCE + 'inputs = { role = "*" }\n',
            "live/b/terragrunt.hcl": SOURCE + 'inputs = { service = "*" }\n',
        },
    )
    assert checks(result) == ["001", "003"]


def test_unknown_input_is_unresolved(tmp_path: Path) -> None:
    """An output of a dependency is unresolved, and the default does not apply."""
    unit = SOURCE + "inputs = { role = dependency.role.outputs.arn }\n"
    assert checks(scan(tmp_path, {"live/app/terragrunt.hcl": unit})) == ["014"]


@pytest.mark.parametrize(
    ("include", "parent"),
    [
        ('include {\n  path = find_in_parent_folders("root.hcl")\n}\n', "live/root.hcl"),
        ('include "x" {\n  path = find_in_parent_folders()\n}\n', "root.hcl"),
        ('include "x" {\n  path = find_in_parent_folders()\n}\n', "live/terragrunt.hcl"),
        ('include "x" {\n  path = "../common.hcl"\n}\n', "live/common.hcl"),
    ],
)
def test_included_inputs(tmp_path: Path, include: str, parent: str) -> None:
    """Inputs of an included file apply, and those of the unit take precedence."""
    files = {
        parent: 'locals {\n  r = "*"\n}\ninputs = {\n  role = local.r\n  service = "*"\n}\n',
        "live/app/terragrunt.hcl": include + SOURCE + 'inputs = {\n  service = "lambda.amazonaws.com"\n}\n',
    }
    result = scan(tmp_path, files)
    assert checks(result) == ["001"] and not result.not_evaluated


def test_files_of_values_take_precedence(tmp_path: Path) -> None:
    """Inputs are environment variables for Terraform, over which files of values of the module take precedence."""
    files = {
        "live/app/terragrunt.hcl": SOURCE + 'inputs = { role = "*" }\n',
        "modules/app/terraform.tfvars": 'role = "arn:aws:iam::111122223333:role/app"\n',
    }
    assert checks(scan(tmp_path, files)) == []


def test_unit_in_the_folder_of_its_code(tmp_path: Path) -> None:
    """A unit without a source applies its inputs to the code in its own folder."""
    files = {"own/main.tf": MODULE, "own/terragrunt.hcl": 'inputs = { role = "*" }\n'}
    assert checks(scan(tmp_path, files)) == ["001"]


@pytest.mark.parametrize(
    "source",
    [
        '"tfr:///terraform-aws-modules/iam/aws?version=5.0.0"',
        '"git::https://example.com/modules.git//app?ref=v1"',
        '"../missing"',
        'get_env("SOURCE")',
        '"../../../../../../../../../../../../etc"',
    ],
)
def test_module_elsewhere_is_noted(tmp_path: Path, source: str) -> None:
    """A module that is not found is a note."""
    result = scan(tmp_path, {"live/app/terragrunt.hcl": f"terraform {{\n  source = {source}\n}}\n"})
    assert [note.file.endswith("terragrunt.hcl") for note in result.not_evaluated] == [True]


@pytest.mark.parametrize(
    ("contents", "noted"),
    [
        ('"provider \\"aws\\" {}"', False),
        ('<<EOT\nterraform {\n  backend "s3" {}\n}\nEOT', False),
        ('<<EOT\nresource "aws_iam_user" "x" {}\nEOT', True),
        ('file("x.tf")', True),
    ],
)
def test_generated_files_are_noted(tmp_path: Path, contents: str, noted: bool) -> None:
    """A generated file is a note, unless it has settings of providers and the backend only."""
    unit = f'{SOURCE}generate "x" {{\n  path = "x.tf"\n  contents = {contents}\n}}\n'
    assert bool(scan(tmp_path, {"live/app/terragrunt.hcl": unit}).not_evaluated) is noted


def test_syntax_error_is_reported(tmp_path: Path) -> None:
    """A unit with a syntax error is unreadable."""
    result = scan(tmp_path, {"live/app/terragrunt.hcl": SOURCE + "inputs = {\n"})
    assert [entry.file.endswith("terragrunt.hcl") for entry in result.unreadable] == [True]


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


def test_other_hcl_is_ignored(tmp_path: Path) -> None:
    """Files of Packer and Nomad are no infrastructure code here."""
    result = scan(tmp_path, {"a.pkr.hcl": "source {}\n", "b.nomad.hcl": "job {}\n"})
    assert not result.not_evaluated and not result.unreadable


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


def test_policy_of_a_dependency_is_a_note(tmp_path: Path) -> None:
    """Nothing says that it is about PassRole; the note is at the block of the dependency."""
    module = 'variable "document" {}\nresource "aws_iam_policy" "d" {\n  policy = var.document\n}\n'
    unit = SOURCE + DEPENDENCY + "inputs = { document = dependency.shared.outputs.policy }\n"
    result = scan(tmp_path, {"modules/app/main.tf": module, "live/app/terragrunt.hcl": unit})
    assert not result.findings
    (note,) = result.not_evaluated
    assert (note.kind, note.line) == (NoteKind.DEFINED_ELSEWHERE, 4)


def test_include_of_an_included_file_is_a_note(tmp_path: Path) -> None:
    """Terragrunt accepts one level of includes, so the file that it names is not read."""
    files = {
        "live/app/terragrunt.hcl": SOURCE + 'include "root" {\n  path = find_in_parent_folders("root.hcl")\n}\n',
        "live/root.hcl": 'include "account" {\n  path = find_in_parent_folders("account.hcl")\n}\n',
        "account.hcl": 'inputs = { role = "*" }\n',
    }
    result = scan(tmp_path, files)
    assert not result.findings
    (note,) = result.not_evaluated
    assert (Path(note.file).name, note.line, note.kind) == ("root.hcl", 1, NoteKind.OTHER_TOOL)


@pytest.mark.parametrize(
    ("unit", "reason"),
    [
        (SOURCE + "inputs = get_env()\n", "Terragrunt: inputs cannot be evaluated"),
        ("terraform {\n  source = get_env()\n}\n", "Terragrunt: module with an unknown source is not available"),
        ('terraform {\n  source = "${get_repo_root()}/x"\n}\n', "Terragrunt: module with an unknown source"),
    ],
)
def test_unknown_parts_of_a_unit_are_noted(tmp_path: Path, unit: str, reason: str) -> None:
    """Inputs and sources that only Terragrunt can evaluate; the module itself is judged with its defaults."""
    result = scan(tmp_path, {"live/app/terragrunt.hcl": unit})
    assert any(entry.reason.startswith(reason) for entry in result.not_evaluated) and not checks(result)


@pytest.mark.parametrize(
    "include",
    [
        'path = "missing.hcl"',
        'path = "../../../outside.hcl"',
        "path = get_env()",
        'path = find_in_parent_folders("missing.hcl")',
        'path = "terragrunt.hcl"',
        "expose = true",
    ],
)
def test_include_that_names_no_other_file_changes_nothing(tmp_path: Path, include: str) -> None:
    """A missing file, one outside of what is scanned, an unknown path, and the file itself."""
    (tmp_path / "outside.hcl").write_text('inputs = { role = "*" }\n', "utf-8")
    unit = f'include "x" {{\n  {include}\n}}\n{SOURCE}inputs = {{\n  (get_env()) = "*"\n  service = "*"\n}}\n'
    result = scan(tmp_path / "tree", {"live/app/terragrunt.hcl": unit, ".git/HEAD": "ref: x\n"})
    assert not result.unreadable and "001" not in checks(result)


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
    _, results = scan_linked([tmp_path], ScanOptions(), scan_sequentially, None)
    assert sorted(name for name in opened if name.endswith("terragrunt.hcl")) == list(map(str, files))
    assert [result.analysis is not None and len(result.analysis.not_evaluated) for result in results] == [1, 1, 1]
    assert [result.accesses for result in results] == [None, None, None]
