"""Collections of unknown size: what is known of each element is kept; their number stays unknown."""

from __future__ import annotations

from pathlib import Path

import pytest
from path_conditions_of_tests import outcome_of

from passrole_checks.iam.values.nodes import Choice, Const, ListNode, Node, ObjectNode, StringNode, unresolved_in
from passrole_checks.sources.files.read_boundary import Boundary
from passrole_checks.sources.terraform.evaluation.to_plain import to_plain
from passrole_checks.sources.terraform.modules.folder import read_folder
from passrole_checks.sources.terraform.modules.module import Module, Run
from passrole_checks.sources.terraform.reading.files import Files

VARIABLES = "".join(f'variable "{name}" {{}}\n' for name in ("a", "e", "u"))
CONTEXT = f"""{VARIABLES}
variable "on" {{
  type = bool
}}
locals {{
  run  = [for s in var.u : merge(s, {{ k = "v" }})]
  same = [for s in var.u : "x"]
}}
resource "aws_iam_role" "r" {{
  name_prefix = "x"
}}
data "aws_iam_policy_document" "d" {{
  statement {{
    actions   = ["s3:*"]
    resources = ["*"]
  }}
}}
"""


def evaluated(root: Path, expression: str) -> Node:
    (root / "main.tf").write_text(f"{CONTEXT}\nlocals {{\n  found = {expression}\n}}\n", encoding="utf-8")
    folder = read_folder(root)
    module = Module(Run(Files(Boundary.around(root))), folder)
    attribute = folder.locals["found"]
    return to_plain(module.local("found", module.scope(attribute.source).position(attribute.span)))


def shown(node: Node) -> object:
    """Return a node as plain data: unresolved values as ``${...}``, choices as a dict below their condition."""
    if isinstance(node, StringNode):
        return str(node) + ("?" if node.optional else "")
    if isinstance(node, Const):
        return node.value
    if isinstance(node, ListNode):
        return [shown(item) for item in node.items]
    if isinstance(node, ObjectNode):
        return {str(entry.key): shown(entry.value) for entry in node.entries}
    if isinstance(node, Choice):
        return node.condition, {outcome_of(outcome): shown(option) for outcome, option in node.options}
    return "absent"


def some(node: object, what: str = "var.u") -> object:
    return f"{what} is not empty", {"true": node, "false": "absent"}


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("local.run[0].k", "v"),
        ("local.run[1]", "${local.run[1]}"),
        ("length(local.run)", "${length(local.run)}"),
        ("[for x in local.run : x.k]", ["v?"]),
        ("local.run[*].k", [some("v")]),
        ("flatten([for k, v in var.u : [for x in v.list : [{ n = x }] if var.a]])",
         [some(("var.u[*].list is not empty",
                {"true": ("var.a", {"true": {"n": "${var.u[*].list[*]}"}, "false": "absent"}), "false": "absent"}))]),
        ('[for s in concat(var.u, ["x"]) : { n = s }]', [some({"n": "${var.u}"}), {"n": "x"}]),
        ("merge([for s in var.u : { k = s }]...)", ("var.u is not empty", {"true": {"k": "${var.u[*]}"}, "false": {}})),
        ("[for s in var.u : s if var.a]", [("var.a", {"true": "${var.u[*]}?", "false": "absent"})]),
        ('formatlist("<%s>", [for s in var.u : s if var.a])',
         [("var.a", {"true": "<${var.u[*]}>?", "false": "absent"})]),
        ("one([for s in var.u : s if var.a])", ("var.a", {"true": "${var.u[*]}", "false": None})),
        ('[for x in [for s in var.u : "<${s}>" if var.a] : "(${x})"]',
         [("var.a", {"true": "(<${var.u[*]}>)?", "false": "absent"})]),
        ('join("", local.same)', "${x, joined}"),
        ("one(local.same)", "x"),
        ("local.same[1]", "${local.same[1]}"),
    ],
)  # fmt: skip
def test_unknown_elements_keep_what_is_known(tmp_path: Path, expression: str, expected: object) -> None:
    """Properties known of every element are kept; an index, a length or a joined string is unresolved."""
    assert shown(evaluated(tmp_path, expression)) == expected


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ('trimprefix(terraform.workspace, "x-")', "chosen at run time"),
        ('trimprefix(aws_iam_role.r.name, "x-")', "known after apply"),
        ("{ a = 1 }[aws_iam_role.r.unique_id] + sum([1, var.u])", "no default"),
        ("sum([1, var.u])", "no default"),
        ('jsondecode(var.u)["a"][format("%s-x", var.e)]', "no default"),
        ('{ a = ["b", var.u] } == { a = ["b", "c"] }', "no default"),
    ],
)
def test_unresolved_value_has_the_first_reason(tmp_path: Path, expression: str, reason: str) -> None:
    """A computed value has the reason of the first unresolved value in it, at any depth."""
    assert {hole.reason for hole in unresolved_in(evaluated(tmp_path, expression))} == {reason}


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ('distinct([var.u, "b"]) == ["a"]', "not known"),
        ('toset(["b", "a"]) == toset(["a", "b"])', True),
        ('setunion(local.same, ["b"]) == ["a", "c"]', "not known"),
        ('values({ (var.e) = "a", k = "b" }) == ["b", "a"]', "not known"),
        ('values({ (var.e) = "a", k = "b" }) == ["c"]', False),
        ('data.aws_iam_policy_document.d.json != null ? "y" : "n"', "y"),
        ('[var.on == true ? "t" : "f", "x"]', [("var.on", {"true": "t", "false": "f"}), "x"]),
        ('var.on != true ? "f" : (var.on ? "t" : "never")', ("var.on", {"true": "t", "false": "f"})),
        ('var.on == false ? (var.on ? "never" : "f") : "t"', ("!var.on", {"false": "f", "true": "t"})),
        ('var.a == true ? "t" : "f"', ("var.a == true", {"true": "t", "false": "f"})),
        ('can({ dev = 1 }[var.e]) ? "y" : "n"', ("var.e", {'"dev"': "y", 'not "dev"': "n"})),
        ('can({ dev = 1 }["dev"])', True),
    ],
)
def test_comparisons_of_partly_known_values(tmp_path: Path, expression: str, expected: object) -> None:
    """Unordered lists, documents and null, a bool compared with ``true``, and ``can``."""
    found = evaluated(tmp_path, expression)
    assert ("not known" if list(unresolved_in(found)) else shown(found)) == expected
