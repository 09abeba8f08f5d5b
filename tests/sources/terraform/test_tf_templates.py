"""Templates: directives, heredocs, template files, loops over unknown collections, and positions of statements."""

from __future__ import annotations

from pathlib import Path

import pytest
from terraform_values import shown

from passrole_checks.iam.values.nodes import Node, StringNode
from passrole_checks.sources.terraform import load

HEAD = """
variable "u" {}
variable "flag" {}
locals {
  roles = ["a", "b"]
}
"""


def document(root: Path, expression: str, boundary: Path | None = None) -> Node:
    """Return the policy of an expression."""
    text = f'{HEAD}\nresource "aws_iam_policy" "p" {{\n  policy = {expression}\n}}\n'
    (root / "main.tf").write_text(text, encoding="utf-8")
    found = load(root, boundary=boundary)
    assert not found.notes.unreadable
    return found.policies[0].document


def template(root: Path, text: str, variables: str = "{ roles = local.roles, u = var.u, flag = var.flag }") -> Node:
    (root / "p.tftpl").write_text(text, encoding="utf-8")
    return document(root, f'templatefile("${{path.module}}/p.tftpl", {variables})')


def test_iteration_under_a_condition_is_conditional_text(tmp_path: Path) -> None:
    """A list element that exists under a condition appears in the text under that condition."""
    found = template(tmp_path, "<%{ for r in rs }${r}%{ endfor }>", '{ rs = [for r in ["a"] : r if var.flag] }')
    assert shown(found) == ("var.flag", "<a>", "<>")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$${a} %%{ if b } ${u}", "${a} %{ if b } ${var.u}"),
        ("a %{~ if true ~} b %{~ else ~} c %{~ endif ~} d", "abd"),
        ("%{ if flag }a%{ else }b%{ endif }", ("flag", "a", "b")),
        ("%{ for k, v in { x = 1 } }${k}=${v};%{ endfor }", "x=1;"),
        ("${[for r in roles : upper(r)][1]}", "B"),
        ('%{ if length(roles) > 1 }${join("/", roles)}%{ endif }', "a/b"),
        ('%{ for r in roles ~}\n  %{ if r != "a" }${r}%{ endif ~}\n%{ endfor ~}\n', "b"),
    ],
)
def test_directives_and_escapes_are_evaluated(tmp_path: Path, text: str, expected: object) -> None:
    """Directives, trims and doubled signs in a template file are evaluated."""
    found = shown(template(tmp_path, text))
    if isinstance(found, tuple):
        found = (str(found[0]).split(" ")[0].removeprefix("var."), *found[1:])
    assert str(found).strip() == expected if isinstance(expected, str) else found == expected


def test_indented_heredoc_keeps_indentation_of_interpolated_text(tmp_path: Path) -> None:
    """``<<-`` removes the smallest indentation, but not that of interpolated text."""
    found = document(tmp_path, '<<-EOT\n      a\n        ${"b\\n c"}\n    d\n  EOT')
    assert shown(found) == "  a\n    b\n c\nd\n"


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ('file("${path.module}/none.json")', "file not found"),
        ('templatefile("${path.root}/none.json", {})', "file not found"),
        ('file("${path.module}/../outside.json")', "file outside the scanned folder"),
        ('file("/etc/passwd")', "file outside the scanned folder"),
        ('file("${path.module}/link.json")', "file outside the scanned folder"),
        ('file("${path.cwd}/p.json")', "the file name is unknown"),
        ('file("${path.module}/${var.u}.json")', "the file name is unknown"),
        ('file("${path.module}/nul.json")', "binary file"),
        ('templatefile("${path.module}/broken.tftpl", {})', "invalid template"),
        ('templatefile("${path.module}/self.tftpl", { n = 1 })', "a template within a template"),
    ],
)
def test_unread_file_is_unresolved_with_a_reason(tmp_path: Path, expression: str, reason: str) -> None:
    """Missing, outside, unnamed and unreadable files are unresolved with a reason; no link leads out of the folder."""
    root = tmp_path / "root"
    root.mkdir()
    (tmp_path / "outside.json").write_text("{}", encoding="utf-8")
    (root / "link.json").symlink_to(tmp_path / "outside.json")
    (root / "nul.json").write_bytes(b"{\0}")
    (root / "broken.tftpl").write_text("%{ if }", encoding="utf-8")
    (root / "self.tftpl").write_text('${templatefile("self.tftpl", { n = n })}', encoding="utf-8")
    for _ in range(2):
        found = document(root, expression, root)
        assert isinstance(found, StringNode)
        assert {hole.reason for hole in found.unresolved_parts} == {reason}
