"""The files that a change can affect: a superset of the units whose reading opens a changed file."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import pytest
from sample_folders import FOLDERS, SAMPLES

from passrole_checks.diff.affected_files import select_affected
from passrole_checks.errors import InputError
from passrole_checks.git_versions.git import FileChange
from passrole_checks.git_versions.selection import Selection
from passrole_checks.sources import detect
from passrole_checks.sources.files.access_log import FileAccessLog, recording_accesses

CALL = 'module "m" {\n  source = "%s"\n}\n'
STACK = "Resources:\n  S: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: %s}}\n"
TEMPLATE = "Parameters:\n  Stage: {Type: String}\nResources: {}\n"


def selected(files: Mapping[str, str], changed: str, *, added: bool = False) -> Selection | None:
    """Return the selection for a file of a repository that has changed, or was ``added`` to it."""
    after = {path: path for path in (*files, changed)}
    before = {path: f"old {path}" if path == changed else path for path in files}

    def read(blobs: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        texts = ((blob, files.get(blob.removeprefix("old "), "")) for blob in blobs)
        return ((blob, text.encode("utf-8", "surrogateescape")) for blob, text in texts)

    return select_affected(before, after, [FileChange(None if added else changed, changed)], read)


def units(files: Mapping[str, str], changed: str) -> set[str]:
    """Return the selected units other than the changed file."""
    selection = selected(files, changed)
    assert selection is not None
    return set(selection.units) - {changed}


TERRAFORM = {
    "prod/main.tf": CALL % "../modules/app",
    "test/main.tf": CALL % "../modules/app",
    "other/main.tf": 'locals { a = file("${path.module}/a.json") }',
    "root/main.tf": CALL % "../modules/reads",
    "modules/app/main.tf": CALL % "../base",
    "modules/base/main.tf": 'variable "x" {}',
    "modules/reads/main.tf": 'locals { a = file("policies/p.json") }',
    "any/main.tf": "locals { a = file(var.name) }",
    "ending/main.tf": 'locals { a = file("${path.module}/${var.name}.tpl") }',
    "set/main.tf": 'locals { a = fileset(path.module, "*/x.json") }',
    "text/main.tf": 'locals { a = templatefile("${path.module}/t.tftpl", {}) }',
    "text/t.tftpl": '${file("../far/deep.json")}',
}


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ("modules/base/main.tf", {"modules/base", "modules/app", "prod", "test"}),
        ("modules/app/new.tf", {"modules/app", "prod", "test"}),
        ("prod/terraform.tfvars", {"prod"}),
        ("prod/README.md", set()),
        ("other/a.json", {"other"}),
        ("root/policies/p.json", {"root"}),
        ("modules/reads/policies/p.json", {"modules/reads", "root"}),
        ("far/x.tpl", {"ending"}),
        ("set/deep/x.json", {"set"}),
        ("text/t.tftpl", {"text"}),
        ("far/deep.json", {"text", "text/t.tftpl"}),
    ],
)
def test_units_of_terraform(changed: str, expected: set[str]) -> None:
    """Folders that contain a changed file or may read it, and those that call them."""
    assert units(TERRAFORM, changed) == {"any", *expected}


@pytest.mark.parametrize(
    "hidden",
    ['file /* x */ ("../far/p.json")', 'file("${path.module}/../far/${"p"}.json")', 'file("\\u002e./far/p.json")',
     'file(join("/", ["..", "far", "p.json"]))', 'templatefile(\n    "../far/p.json", {})'],
)  # fmt: skip
def test_unusual_spellings_count_as_reads(hidden: str) -> None:
    """A path that the text does not state may be that of any file."""
    assert units({"a/main.tf": f"locals {{\n  x = {hidden}\n}}", "far/p.json": "{}"}, "far/p.json") == {"a"}


@pytest.mark.parametrize("source", ["\\u002e./m", "..\\\\m", "../m", "./../m/"])
def test_unusual_spellings_of_sources(source: str) -> None:
    """Sources with escapes may be those of any local module."""
    assert "a" in units({"a/main.tf": CALL % source, "m/main.tf": "#"}, "m/main.tf")


def test_units_of_templates() -> None:
    """Templates that may include a changed file, at any depth."""
    files = {
        "a/outer.yaml": STACK % "../b/middle.yaml",
        "b/middle.yaml": STACK % '"inner\\x2eyaml"',
        "b/inner.yaml": TEMPLATE,
        "c/other.yaml": TEMPLATE,
        "s/serverless.yml": "provider: {name: aws}\ncustom: ${file(./config/${opt:stage}.yml)}\n",
    }
    assert units(files, "b/inner.yaml") == {"b/middle.yaml", "a/outer.yaml"}
    assert units(files, "c/other.yaml") == set()
    assert units(files, "s/config/prod.yml") == {"s/serverless.yml"}


def test_units_of_terragrunt() -> None:
    """Units whose own or inherited files, or whose module, changed."""
    unit = 'include "root" {\n  path = find_in_parent_folders()\n}\nterraform {\n  source = "%s"\n}\n'
    files = {
        "live/terragrunt.hcl": 'locals {\n  a = "b"\n}\n',
        "live/a/terragrunt.hcl": unit % "../../modules/a",
        "live/b/terragrunt.hcl": unit % "${get_terragrunt_dir()}/../../modules//b",
        "live/c/terragrunt.hcl": unit % "git::https://example.com/c.git",
        "modules/a/main.tf": "#",
        "modules/b/main.tf": "#",
    }
    everyone = {f"live/{name}/terragrunt.hcl" for name in "abc"}
    assert units(files, "live/terragrunt.hcl") == everyone
    assert units(files, "modules/a/main.tf") == {"modules/a", "live/a/terragrunt.hcl"}
    assert units(files, "modules/b/main.tf") == {"modules/b", "live/b/terragrunt.hcl"}


def test_value_files_bring_what_they_may_be_for() -> None:
    """A file with values that no option names is for the nearest root that declares them, else for any that does."""
    variables = 'variable "stage" {}\nvariable "size" {}\n'
    files = {
        "a/main.tf": variables,
        "a/envs/prod.tfvars": 'stage = "prod"\n',
        "b/main.tf": variables,
        "c/main.tf": 'variable "other" {}',
        "t/template.yaml": TEMPLATE,
        "t/prod.json": '[{"ParameterKey": "Stage", "ParameterValue": "prod"}]',
    }
    assert units(files, "a/envs/prod.tfvars") == {"a"}
    assert units(files, "t/prod.json") == {"t/template.yaml"}
    files["values/all.tfvars"] = "size = 1\n"
    assert units(files, "values/all.tfvars") == {"a", "b"}
    selection = selected(files, "a/main.tf")
    assert selection is not None
    assert selection.values == {"a/envs/prod.tfvars", "values/all.tfvars"}
    assert selection.units == {"a/main.tf", "a", "b"}  # b too, because the second file may be for it


def test_shared_modules_are_named() -> None:
    """Modules that other roots call too may contain statements of both."""
    selection = selected(TERRAFORM, "prod/main.tf")
    assert selection is not None
    assert selection.shared == {"modules/app", "modules/base"}


@pytest.mark.parametrize(
    "path", [".terraform/modules/x/main.tf", "a/.external_modules/x/main.tf", "cdk.out/asset.1/t.json"]
)
def test_installed_modules_and_assets_select_everything(path: str) -> None:
    assert selected({**TERRAFORM, path: "#"}, "prod/main.tf") is None


@pytest.mark.parametrize("folder", FOLDERS)
def test_files_that_samples_read_are_followed(folder: str) -> None:
    """A change to any file that reading a unit opens or looks for affects the unit."""
    top = SAMPLES / folder
    files = {
        path.relative_to(top).as_posix(): path.read_bytes().decode("utf-8", "surrogateescape")
        for path in top.rglob("*")
        if path.is_file()
    }
    known: dict[str, Selection | None] = {}
    for unit, accesses in _accesses(top):
        for path in sorted(accesses.files):
            if not path.startswith(f"{top}/") or os.path.isdir(path) or os.path.basename(path).startswith("."):
                continue
            name = os.path.relpath(path, top)
            if name not in known:
                known[name] = selected(files, name, added=name not in files)
            selection = known[name]
            assert selection is None or unit in selection.units, (unit, name)


def _accesses(top: Path) -> Iterator[tuple[str, FileAccessLog]]:
    """Yield the units below a folder with the files that reading them accesses."""
    for unit in detect.discover([top]).units:
        with recording_accesses() as accesses:
            try:
                detect.load(unit)
            except InputError:
                continue
        yield os.path.relpath(unit.path, top), accesses
