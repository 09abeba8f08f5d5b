"""A Terraform folder as resources, policies and roles: what `tests/cases/terraform-configuration` cannot show."""

from __future__ import annotations

import gc
import weakref
from pathlib import Path

import pytest

from passrole_checks.iam.documents.policy import parse_document
from passrole_checks.sources.files.file_types import is_terraform_file
from passrole_checks.sources.terraform import called_folders, load
from passrole_checks.sources.terraform.modules.module import Module


def folder(root: Path, **files: str) -> Path:
    for name, text in files.items():
        path = root / (name.replace("__", "/") + ".tf")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root


@pytest.mark.parametrize(
    ("document", "columns"),
    [
        ('jsonencode({ Statement = [\n      { Effect = "Deny", Action = "*", Resource = "*" },\n  ] })', (7, 56)),
        ('<<-EOT\n  {"Statement": [\n    {"Effect": "Deny", "Action": "${var.x}", "Resource": "*"}]}\n  EOT', (5, 62)),
    ],
)
def test_statement_has_its_columns(tmp_path: Path, document: str, columns: tuple[int, int]) -> None:
    """An HCL object has the columns of its braces; JSON in a heredoc those in the file, also after interpolations."""
    text = f'variable "x" {{}}\nresource "aws_iam_policy" "p" {{\n  policy = {document}\n}}\n'
    (statement,) = parse_document(load(folder(tmp_path, main=text)).policies[0].document).statements
    assert (statement.at.column, statement.at.end_column) == columns


def test_resources_have_the_position_of_their_block(tmp_path: Path) -> None:
    """A resource has the position of its block, header included."""
    at = load(folder(tmp_path, main='\nresource "aws_x" "y" {\n  a = 1\n}\n')).resources[0].at
    assert (at.line, at.column, at.end_line, at.end_column) == (2, 1, 4, 2)


def test_terraform_files_are_recognized_by_suffix() -> None:
    """HCL and JSON files of Terraform and OpenTofu."""
    names = {"a.tf": True, "a.tofu": True, "a.tf.json": True, "a.tofu.json": True, "a.tfvars": False, "a.json": False}
    assert {name: is_terraform_file(Path(name)) for name in names} == names


def test_called_folders_are_local_sources(tmp_path: Path) -> None:
    """Local sources are resolved; registry sources are not."""
    root = folder(
        tmp_path,
        env__main='module "a" {\n  source = "../modules/a"\n}\nmodule "b" {\n  source = "./b"\n}\n'
        'module "c" {\n  source = "terraform-aws-modules/vpc/aws"\n}\n',
    )
    assert called_folders(root / "env") == {root.resolve() / "modules/a", root.resolve() / "env/b"}


def test_elements_of_an_unknown_list_are_optional(tmp_path: Path) -> None:
    """The placeholder for elements of an unknown list is marked optional."""
    document = """jsonencode({ Statement = {
      Effect = "Allow", Action = "iam:PassRole", Resource = concat(["*"], var.list[*].arn) } })"""
    text = f'variable "list" {{}}\nresource "aws_iam_policy" "p" {{\n  policy = {document}\n}}\n'
    (statement,) = parse_document(load(folder(tmp_path, main=text)).policies[0].document).statements
    assert [text.optional for text in statement.resources or ()] == [False, True]


def test_evaluated_modules_are_freed_without_garbage_collection(tmp_path: Path) -> None:
    """A closure that refers to itself, or an unread entry, must not keep a module alive: a scan collects rarely."""
    call = """
    module "child" {
      for_each = toset(["a", "b"])
      source   = "./child"
      settings = { names = [for name in ["x", "y"] : upper(name)], unread = [each.key], on = var.on }
    }
    variable "on" {}
    output "result" { value = { for key, value in module.child : key => value.result } }
    """
    child = """
    variable "settings" { type = object({ names = list(string), unread = list(string), on = optional(any, true) }) }
    data "aws_iam_policy_document" "pass" {
      dynamic "statement" {
        for_each = var.settings.on ? var.settings.names : []
        content {
          actions   = ["iam:PassRole"]
          resources = ["arn:aws:iam::*:role/${statement.value}%{if !var.settings.on}-off%{endif}"]
        }
      }
    }
    resource "aws_iam_role_policy" "pass" {
      count  = var.settings.on == "yes" ? 1 : 0
      role   = "app"
      policy = data.aws_iam_policy_document.pass.json
    }
    output "result" { value = try(aws_iam_role_policy.pass[0].id, templatestring("$${name}", { name = "none" })) }
    """
    modules: list[weakref.ref[Module]] = []

    def inspect(root: Module) -> None:
        modules.extend(weakref.ref(module) for module in root.walk())

    was_enabled = gc.isenabled()
    gc.disable()
    try:
        configuration = load(folder(tmp_path, main=call, child__main=child), inspect=inspect)
        alive = [module for module in modules if module() is not None]
    finally:
        if was_enabled:
            gc.enable()
    assert len(configuration.policies) == 2
    assert len(modules) == 3
    assert not alive
