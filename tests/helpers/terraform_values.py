"""Values of expressions in a small configuration, for tests of what Terraform's functions and operators give."""

from __future__ import annotations

from pathlib import Path

from passrole_checks.iam.values.nodes import Choice, Const, ListNode, Node, ObjectNode, StringNode
from passrole_checks.sources.files.read_boundary import Boundary
from passrole_checks.sources.terraform.evaluation.to_plain import to_plain
from passrole_checks.sources.terraform.modules.folder import read_folder
from passrole_checks.sources.terraform.modules.module import Module
from passrole_checks.sources.terraform.modules.root_context import Run
from passrole_checks.sources.terraform.reading.files import Files

HEAD = """
variable "u" {}
variable "v" {}
variable "m" { type = map(string) }
data "aws_caller_identity" "me" {}
data "aws_region" "here" {}
resource "aws_iam_role" "r" {
  path = "/team/"
}
resource "aws_iam_role" "each" {
  for_each = { b = 1, a = 2 }
  name     = each.key
}
resource "aws_iam_role" "open" {
  for_each = var.u
  name     = each.key
}
locals {
  account = data.aws_caller_identity.me.account_id
  region  = data.aws_region.here.name
  name    = aws_iam_role.r.name
"""


def value_in(root: Path, text: str) -> Node:
    """The value of ``local.found`` in a configuration of one file."""
    (root / "main.tf").write_text(text, encoding="utf-8")
    folder = read_folder(root)
    assert [problem for parsed in folder.files for problem in parsed.problems] == []
    module = Module(Run(Files(Boundary.around(root))), folder)
    attribute = folder.locals["found"]
    return to_plain(module.local("found", module.scope(attribute.source).position(attribute.span)))


def evaluated(root: Path, expression: str, before: str = "") -> Node:
    """The value of an expression in a configuration of its own, which ``before`` adds blocks to."""
    (root / "f.json").write_text('{"a": 1}\n', encoding="utf-8")
    return value_in(root, f"{before}{HEAD}  found = {expression}\n}}\n")


def shown(node: Node) -> object:
    """A node as plain data: unresolved values as ``${...}``, optional elements behind a question mark, alternatives as
    tuples."""
    if isinstance(node, StringNode):
        return f"?{node}" if node.optional else str(node)
    if isinstance(node, Const):
        return node.value
    if isinstance(node, ListNode):
        return [shown(item) for item in node.items]
    if isinstance(node, ObjectNode):
        return {str(entry.key): shown(entry.value) for entry in node.entries}
    if isinstance(node, Choice):
        return (node.condition, *(shown(option) for _, option in node.options))
    return "absent"
