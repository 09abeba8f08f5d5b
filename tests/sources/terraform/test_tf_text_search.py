"""Static search for policy documents: which arguments are not evaluated."""

from __future__ import annotations

from pathlib import Path

import pytest

from passrole_checks.sources.terraform import load
from passrole_checks.sources.terraform.modules.module import Module
from passrole_checks.sources.terraform.policies.text_search import document_search, each_text

MAIN = r"""
locals {
  settings = jsondecode(file("${path.module}/settings.json"))
  role     = aws_iam_role.r
  names    = ["a", "b"]
  stored   = jsondecode(data.aws_secretsmanager_secret_version.s.secret_string)
}
data "aws_secretsmanager_secret_version" "s" {
  secret_id = "s"
}
resource "aws_iam_role" "r" {
  name               = "r"
  assume_role_policy = jsonencode({ Statement = [] })
}
resource "aws_iam_role" "by_key" {
  for_each           = { a = "x" }
  name               = "r"
  assume_role_policy = jsonencode({ Statement = [] })
}
resource "aws_iam_role" "many" {
  count              = 2
  name               = "r"
  assume_role_policy = jsonencode({ Statement = [] })
}
variable "policy" {
  default = "{\"Statement\": []}"
}
variable "plain" {
  default = "x"
}
module "m" {
  source = "./nowhere"
  x      = EXPRESSION
}
"""


def evaluated_arguments(folder: Path, expression: str, name: str = "main.tf", main: str = MAIN) -> list[str]:
    """Return the arguments of a module that is not available that are evaluated."""
    names: list[str] = []

    def inspect(root: Module) -> None:
        search, block = document_search(), root.folder.modules["m"]
        texts = {argument.name: argument.source_bytes for argument in block.body.attributes}
        each = each_text(block)
        names.extend(name for name, text in texts.items() if name != "for_each" and search.may_lead(root, text, each))

    (folder / name).write_text(main.replace("EXPRESSION", expression), encoding="utf-8")
    load(folder, inspect=inspect)
    (folder / name).unlink()
    return names


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("local.settings", True),
        ("local.settings.plain", True),
        ("local.stored", False),
        ("local.stored.url", False),
        ("local.role", True),
        ("local.names", False),
        ("aws_iam_role.r.name", False),
        ("aws_iam_role.r.arn", False),
        ("aws_iam_role.r.assume_role_policy", True),
        ("aws_iam_role.many[*].name", False),
        ("aws_iam_role.by_key.a.assume_role_policy", True),
        ('aws_iam_role.by_key["a"].name', False),
        ('{ a = local.names, b = format("%s", local.names) }', False),
        ('format("%#v", local.names)', True),
        ("{ (local.names) = 1 }", True),
        ("var.policy", True),
        ("var.plain", False),
    ],
)
def test_only_what_may_lead_to_a_document_is_evaluated(tmp_path: Path, expression: str, expected: bool) -> None:
    """The text of an argument, and of what it refers to, decides."""
    (tmp_path / "settings.json").write_text('{"plain": {"a": "x"}}', encoding="utf-8")
    assert evaluated_arguments(tmp_path, expression) == ["x"] * expected


@pytest.mark.parametrize(("elements", "expected"), [('["a"]', False), ("[var.plain]", False), ("[var.policy]", True)])
def test_each_leads_to_the_elements(tmp_path: Path, elements: str, expected: bool) -> None:
    """``each`` is what ``for_each`` refers to."""
    expression = f"each.value\n  for_each = toset({elements})"
    assert evaluated_arguments(tmp_path, expression) == ["x"] * expected


def test_answer_for_a_text_is_not_that_for_the_same_text_in_json(tmp_path: Path) -> None:
    """In JSON, a text is a template in an argument."""
    main = '{"module": {"m": {"source": "./nowhere", "default": "EXPRESSION", "x": "jsonencode"}}}'
    assert evaluated_arguments(tmp_path, "${jsonencode(1)}", "main.tf.json", main) == ["default"]
