"""Static search for policy documents: which arguments are not evaluated."""

from __future__ import annotations

from pathlib import Path

import pytest

from passrole_checks.sources.terraform import load
from passrole_checks.sources.terraform.modules.module import Module
from passrole_checks.sources.terraform.policies.expression_search import SourceTexts
from passrole_checks.sources.terraform.policies.may_contain_policy import PolicyDetector

MAIN = """
locals {
  settings = jsondecode(file("${path.module}/settings.json"))
  role     = aws_iam_role.r
  roles    = aws_iam_role.each
  stored   = jsondecode(data.aws_secretsmanager_secret_version.s.secret_string)
}
data "aws_secretsmanager_secret_version" "s" {
  secret_id = "s"
}
resource "aws_iam_role" "r" {
  name               = "r"
  assume_role_policy = jsonencode({ Statement = [] })
}
resource "aws_iam_role" "each" {
  for_each           = { a = "x" }
  name               = "r"
  assume_role_policy = jsonencode({ Statement = [] })
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
        detector, block = PolicyDetector(SourceTexts()), root.folder.modules["m"]
        names.extend(one.name for one in detector.candidate_arguments(root, block, frozenset({"source"})))

    (folder / name).write_text(main.replace("EXPRESSION", expression), encoding="utf-8")
    load(folder, inspect=inspect)
    (folder / name).unlink()
    return names


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("local.settings.plain", False),
        ("local.settings.list[0]", False),
        ("local.settings", True),
        ("local.settings.policy", True),
        ("local.settings.text", True),
        ('{ for key in keys(local.settings.policy) : key => "x" }', True),
        ('{ for key in keys(local.settings.plain) : key => "x" }', False),
        ("local.stored.url", False),
        ("local.stored", False),
        ("local.role.name", False),
        ("local.role.assume_role_policy", True),
        ("local.role", True),
        ('local.roles["a"].name', False),
        ('local.roles["a"].assume_role_policy', True),
        ("[for role in local.roles : role.arn]", False),
        ("[for role in local.roles : role]", True),
        ("local.roles[*].name", True),
    ],
)
def test_only_what_may_contain_a_document_is_evaluated(tmp_path: Path, expression: str, expected: bool) -> None:
    """An attribute of a resource, or a value in a decoded file, is searched alone."""
    (tmp_path / "settings.json").write_text(
        '{"plain": {"a": "x"}, "list": ["y"], "text": "\\"", "policy": {"Statement": []}}', encoding="utf-8"
    )
    assert evaluated_arguments(tmp_path, expression) == ["x"] * expected


def test_answer_for_a_text_is_not_that_for_the_same_text_in_json(tmp_path: Path) -> None:
    """In JSON, a text is a template in an argument, and a literal in a default."""
    main = (
        '{"variable": {"a": {"default": "EXPRESSION"}}, '
        '"module": {"m": {"source": "./nowhere", "default": "EXPRESSION", "x": "${var.a}"}}}'
    )
    assert evaluated_arguments(tmp_path, "${jsonencode(1)}", "main.tf.json", main) == ["default"]
