"""The files that a change can affect: a superset of the units whose reading opens a changed file."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import pytest
from sample_folders import FOLDERS, SAMPLES

from passrole_checks.diff.affected_files import select_affected
from passrole_checks.errors import InputError
from passrole_checks.files.access_log import FileAccessLog, recording_accesses
from passrole_checks.git_versions.git import FileChange
from passrole_checks.git_versions.selection import Selection
from passrole_checks.sources import detect

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


@pytest.mark.parametrize(
    "source", ["\\u002e./m", "../\\u006d", "..\\\\m", "../m", "./../m/", "../${var.name}", "${var.folder}/m"]
)
def test_unusual_spellings_of_sources(source: str) -> None:
    """Sources with escapes, and those that OpenTofu computes."""
    assert "a" in units({"a/main.tf": CALL % source, "m/main.tf": "#"}, "m/main.tf")


def test_module_that_a_computed_source_no_longer_names_is_affected() -> None:
    """It may be a root module in the other version."""
    files = {"a/main.tofu": CALL % "../mods/${var.name}", "a/terraform.tfvars": 'name = "m"', "mods/m/main.tf": "#"}
    assert units(files, "a/terraform.tfvars") == {"a", "mods/m"}


@pytest.mark.parametrize("path", ["m-p.json", "m-p/p.json"])
def test_paths_beside_the_folder_of_a_module(path: str) -> None:
    files = {"m/main.tf": f'locals {{ a = file("${{path.module}}{path[1:]}") }}', path: "{}"}
    assert units(files, path) == {"m"}


def test_data_source_that_reads_a_file() -> None:
    data = 'data "local_file" "p" {\n  filename = "${path.module}/p.json"\n}\n'
    assert units({"m/main.tf": data, "m/p.json": "{}", "n/p.json": "{}"}, "m/p.json") == {"m"}
    assert units({"m/main.tf": data, "m/p.json": "{}", "n/p.json": "{}"}, "n/p.json") == set()


@pytest.mark.parametrize("name", ["t.sh", "t.html", "t.tpl", "t"])
def test_templates_of_any_name_are_followed(name: str) -> None:
    """A file that Terraform uses as a template may read others, whatever its name is."""
    files = {"m/main.tf": f'locals {{ a = templatefile("{name}", {{}}) }}', f"m/{name}": '${file("q.json")}'}
    assert units({**files, "m/q.json": "{}"}, "m/q.json") - {f"m/{name}"} == {"m"}


def test_folder_that_reads_an_affected_template() -> None:
    files = {
        "a/main.tf": 'resource "aws_cloudformation_stack" "s" {\n  template_body = file("../t.yaml")\n}\n',
        "t.yaml": STACK % "leaf.yaml",
        "leaf.yaml": TEMPLATE,
    }
    assert units(files, "leaf.yaml") == {"t.yaml", "a"}


@pytest.mark.parametrize(
    ("name", "written"),
    [("caf\u00e9.yaml", '"caf\\u00e9.yaml"'), ("\u4e2d.yaml", '"\\u4e2d.yaml"'), ("it's.yaml", "'it''s.yaml'"),
     ("my child.yaml", "my\n   child.yaml")],
)  # fmt: skip
def test_unusual_names_of_templates(name: str, written: str) -> None:
    """Names in any spelling that JSON and YAML have."""
    files = {"main.yaml": STACK.replace("{Type", "{\n   Type") % written, name: TEMPLATE}
    assert units(files, name) == {"main.yaml"}


@pytest.mark.parametrize("name", ["child.yaml", "my child.yaml"])
def test_templates_that_a_changed_one_names_are_affected(name: str) -> None:
    """The change may be that it includes them no longer; then they are units of their own."""
    assert units({"main.yaml": STACK % f"v1/{name}", f"v1/{name}": TEMPLATE}, "main.yaml") == {f"v1/{name}"}


def test_units_of_services() -> None:
    """Files that a service includes by a computed name, and those that these include."""
    files = {
        "serverless.yml": "provider: {name: aws}\ncustom: ${file(./${opt:stage}.d/res)}\nx: ${file(s.tfstate)}\n",
        "s.tfstate": '{"a": "${file(b.json)}"}',
    }
    assert units({**files, "prod.d/res": "a: b"}, "prod.d/res") == {"serverless.yml"}
    assert units({**files, "b.json": "{}"}, "b.json") == {"s.tfstate", "serverless.yml"}
    resources = {"serverless.yml": "resources: ${file(r-${opt:stage}.yml)}", "r-prod.yml": TEMPLATE}

    def read(blobs: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        return ((blob, resources.get(blob, "").encode()) for blob in blobs)

    before = {path: path for path in resources}
    change = [FileChange("serverless.yml", "serverless.yml")]
    selection = select_affected(before, {**before, "serverless.yml": "new"}, change, read)
    assert selection is not None
    assert "r-prod.yml" in selection.units


def test_nested_stack_of_an_assembly() -> None:
    """A template that its parent names by a hash only."""
    names = ("St.template.json", "St.assets.json", "StN.nested.template.json")
    files = {f"cdk.out/{name}": "{}" for name in names}
    assert units(files, "cdk.out/StN.nested.template.json") == {f"cdk.out/{name}" for name in names[:2]}


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


def test_modules_of_terragrunt_are_affected_with_their_source() -> None:
    """Modules that an included file names, or a local value: they are root modules if nothing deploys them."""
    files = {
        "live/root.hcl": 'locals {\n  n = "b"\n}\nterraform {\n  source = "../modules/${local.n}"\n}\n',
        "live/a/terragrunt.hcl": 'include "root" {\n  path = find_in_parent_folders("root.hcl")\n}\n',
        "modules/b/main.tf": "#",
        "modules/c/main.tf": "#",
    }
    assert units(files, "live/root.hcl") == {"live/a/terragrunt.hcl", "modules/b"}
    files["live/root.hcl"] = 'terraform {\n  source = "../modules/c"\n}\n'
    assert units(files, "live/root.hcl") == {"live/a/terragrunt.hcl", "modules/c"}


@pytest.mark.parametrize(
    ("shared", "path"),
    [("live/env/app.hcl", '"../env/app.hcl"'), ("live/env/app", 'find_in_parent_folders("env/app")')],
)
def test_included_files_of_terragrunt_elsewhere(shared: str, path: str) -> None:
    """Files in other folders that a unit includes, with the module and the files that they name."""
    files = {
        shared: 'terraform {\n  source = "../../modules/a"\n}\ninputs = jsondecode(file("r.json"))\n',
        "live/env/r.json": "{}",
        "live/a/terragrunt.hcl": f'include "e" {{\n  path = {path}\n}}\n',
        "modules/a/main.tf": "#",
    }
    unit = "live/a/terragrunt.hcl"
    assert units(files, shared) == {unit, "modules/a"}
    assert units(files, "live/env/r.json") == {unit}
    assert units(files, "modules/a/main.tf") == {unit, "modules/a"}


def test_files_that_an_included_file_of_terragrunt_reads() -> None:
    """They are relative to the included file."""
    files = {
        "live/root.hcl": 'inputs = jsondecode(file("r.json"))\n',
        "live/a/terragrunt.hcl": 'include "root" {\n  path = find_in_parent_folders("root.hcl")\n}\n',
    }
    assert units({**files, "live/r.json": "{}"}, "live/r.json") == {"live/a/terragrunt.hcl"}


@pytest.mark.parametrize(
    "others",
    [{"a/main.tofu": "#"}, {"live/terragrunt.hcl": 'terraform {\n  source = "../a"\n}\n', "live/x/empty.hcl": ""}],
)
def test_value_files_of_folders_that_may_be_no_roots(others: dict[str, str]) -> None:
    """A file that OpenTofu reads in place of another, and a module that Terragrunt deploys."""
    files = {"a/main.tf": 'variable "r" {}', "a/envs/p.tfvars": "r = 1\n", "b/main.tf": 'variable "r" {}', **others}
    assert {"a", "b"} <= units(files, "a/envs/p.tfvars")


def test_value_files_in_a_new_root() -> None:
    """A folder with changes may be the nearest root in one version only."""
    files = dict.fromkeys(("a/main.tf", "a/envs/main.tf", "b/main.tf"), 'variable "r" {}')
    assert units({**files, "a/envs/p.tfvars": "r = 1\n"}, "a/envs/main.tf") == {"a", "a/envs"}


@pytest.mark.parametrize(
    "parameters",
    ["Parameters: {Stage: {Type: String}}", "\ufeffParameters:\n  Stage: {Type: String}", "'Parameters':\n  Stage: {}",
     "Parameters: &all\n\n# comment\n  Stage: {}", "X: &x\n  Stage: {}\nParameters: *x"],
)  # fmt: skip
def test_spellings_of_parameters(parameters: str) -> None:
    files = {
        "t.yaml": f"{parameters}\nResources: {{}}\n",
        "p.json": '[{"ParameterKey": "Stage", "ParameterValue": "x"}]',
    }
    selection = selected(files, "t.yaml")
    assert selection is not None
    assert selection.values == {"p.json"}


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


LINKED = {
    "iam/main.tf": 'terraform {\n  backend "s3" {\n    key = "iam"\n  }\n}\noutput "role" {}\n',
    "net/main.tf": 'terraform {\n  backend "s3" {\n    key = "net"\n  }\n}\noutput "role" {}\n',
    "app/main.tf": 'data "terraform_remote_state" "iam" {\n  config = { key = "iam" }\n}\n' + CALL % "../writer",
    "any/main.tf": 'data "terraform_remote_state" "iam" {\n  config = { key = "${var.x}" }\n}\n',
    "file/main.tf": 'data "terraform_remote_state" "iam" {\n  backend = "local"\n  config = { path = "../x" }\n}\n',
    "local/main.tf": 'output "role" {}\n',
    "writer/main.tf": 'resource "aws_ssm_parameter" "p" {}\n',
    "ssm/main.tf": 'data "aws_ssm_parameter" "p" {}\n',
    "role/main.tf": 'resource "aws_iam_role" "r" {\n  name = "shared"\n}\n',
    "named/main.tf": 'resource "aws_iam_role_policy" "r" {\n  role = "shared"\n}\n',
    "named.yaml": "Resources: {R: {X: 'arn:aws:iam::111122223333:role/shared'}}\n",
    "export.yaml": "Outputs: {R: {Export: {Name: r}}}\n",
    "import.yaml": "Resources: {R: {X: !ImportValue r}}\n",
    "stored.yaml": "Resources: {R: {X: '{{resolve:ssm:/p}}'}}\n",
}


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ("iam/main.tf", {"iam", "app", "any", "ssm", "stored.yaml"}),
        ("net/main.tf", {"net", "any"}),
        ("local/main.tf", {"local", "file"}),
        ("writer/main.tf", {"writer", "app", "ssm", "stored.yaml"}),
        ("role/main.tf", {"role", "named", "named.yaml"}),
        ("named/main.tf", {"named", "role", "named.yaml"}),
        ("export.yaml", {"import.yaml"}),
        ("import.yaml", set()),
    ],
)
def test_roots_that_read_values_of_others(changed: str, expected: set[str]) -> None:
    """The values of an affected root affect its readers, and their values the readers of these."""
    assert units(LINKED, changed) == expected


def test_roots_that_hand_over_values_are_written() -> None:
    """A reader needs them, although they are not affected."""
    selection = selected(LINKED, "app/main.tf")
    assert selection is not None
    assert "iam/main.tf" in selection.paths - selection.units
    assert "net/main.tf" not in selection.paths


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
