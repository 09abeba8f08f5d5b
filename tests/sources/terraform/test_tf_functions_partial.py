"""Functions on partially known values: known parts stay, results are given only if certain."""

from __future__ import annotations

from pathlib import Path

import pytest
from terraform_values import shown, value_in

from passrole_checks.iam.values.nodes import Node, StringNode, UnresolvedKind, unresolved_in

HEAD = """
variable "u" {}
variable "v" {}
data "aws_caller_identity" "me" {}
data "aws_region" "here" {}
resource "aws_iam_role" "r" {
  path = "/team/"
}
locals {
  account = data.aws_caller_identity.me.account_id
  region  = data.aws_region.here.name
  role    = aws_iam_role.r.arn
  name    = aws_iam_role.r.name
"""


def evaluated(root: Path, expression: str) -> Node:
    return value_in(root, f"{HEAD}  found = {expression}\n}}\n")


UNKNOWN = "unknown"
ACCOUNT, REGION, NAME = (
    "${data.aws_caller_identity.me.account_id}",
    "${data.aws_region.here.name}",
    "${aws_iam_role.r.name}",
)

TEXTS = [
    ('lower("Role-${var.u}")', "role-${lower(var.u)}"),
    ('lower("A:${local.account}:${local.region}")', f"a:{ACCOUNT}:{REGION}"),
    ('upper("a${local.region}")', "A${upper(data.aws_region.here.name)}"),
    ('replace("a_b_${var.u}", "_", "-")', 'a-b-${replace(var.u, "_", "-")}'),
    ('replace("role:${local.account}", ":", "/")', f"role/{ACCOUNT}"),
    ('replace("a:b:${local.name}", ":b", "/")', UNKNOWN),
    ('replace("a:b/${local.name}", ":b", "/")', f"a//{NAME}"),
    ('replace("ab${var.u}", "bc", "x")', UNKNOWN),
    ('replace("ab ${var.u}", "ab", "x")', 'x ${replace(var.u, "ab", "x")}'),
    ('replace("a${var.u}", "/a/", "b")', UNKNOWN),
    ('replace("a.b.c", ".", var.u)', "a${var.u}b${var.u}c"),
    ('split("/", "a/b/${local.name}/c")', ["a", "b", NAME, "c"]),
    ('split("/", "a/b/${var.u}")', ["a", "b", '?${split("/", "a/b/${var.u}")[*]}']),
    ('split("/", "a/b/${var.u}")[1]', "b"),
    ('split("/", "a/b/${var.u}")[2]', UNKNOWN),
    ('split(":", local.role)[4]', "${account id}"),
    ('split("/", local.role)[1]', "team"),
    ('split("-", local.region)[0]', UNKNOWN),
    ('substr("arn:aws:${var.u}", 0, 3)', "arn"),
    ('substr("arn:aws:${var.u}", 4, -1)', "aws:${var.u}"),
    ('substr("${var.u}-role", -4, -1)', "role"),
    ('substr("app-${var.u}", 0, 64)', 'app-${substr("app-${var.u}", 0, 64)}'),
    ("substr(var.u, 2, 3)", UNKNOWN),
    ('trimprefix("arn:${var.u}", "arn:")', "${var.u}"),
    ('trimprefix("x${var.u}", "arn:")', "x${var.u}"),
    ('trimprefix(var.u, "arn:")', UNKNOWN),
    ('trimsuffix("${var.u}.com", ".com")', "${var.u}"),
    ('trimsuffix("${local.name}", "/")', NAME),
    ('trimspace(" a ${var.u}:x ")', "a ${var.u}:x"),
    ('trimspace("a-${var.u}")', "a-${trimspace(var.u)}"),
    ('trimspace("a ${var.u}")', UNKNOWN),
    ('trim("/a/${local.name}/", "/")', f"a/{NAME}"),
    ('trim("-${var.u}", "-")', UNKNOWN),
    ('chomp("a${var.u}\\n")', UNKNOWN),
    ('chomp("a${local.name}\\n")', f"a{NAME}"),
    ('title("a-${var.u}")', UNKNOWN),
    ('indent(2, "a\\n${local.name}")', f"a\n  {NAME}"),
    ('urlencode("a b${local.name}")', "a+b${urlencode(aws_iam_role.r.name)}"),
    ('startswith("arn:${var.u}", "arn:")', True),
    ('startswith("arn:${var.u}", "arn:aws")', UNKNOWN),
    ('startswith("arn:${var.u}", "https")', False),
    ('startswith("${local.name}-x", "arn:")', UNKNOWN),
    ('startswith(local.account, "a")', False),
    ('startswith(local.role, "arn:")', True),
    ('startswith("", var.u)', UNKNOWN),
    ('endswith("${var.u}/x", "/x")', True),
    ('endswith("${var.u}/x", "/y")', False),
    ('endswith(var.u, "x")', UNKNOWN),
    ('strcontains("a${var.u}", "a")', True),
    ('strcontains("a${local.name}", ":")', False),
    ('strcontains("a${var.u}", ":")', UNKNOWN),
    ('format("%s-%d", var.u, 3)', "${var.u}-3"),
    ('format("%s/%05d", "a", var.u)', "a/${var.u}"),
    ('format("%-10s|", var.u)', '${format("%-10s|", var.u)}|'),
    ('format("arn:aws:iam::%s:role/%s", local.account, "x")', f"arn:aws:iam::{ACCOUNT}:role/x"),
    ('join(",", ["a", var.u])', "a,${var.u}"),
    ('join("-", ["a", local.name, "b"])', f"a-{NAME}-b"),
    ('jsonencode({ a = var.u, b = "x${var.u}" })', '{"a":${var.u},"b":"x${var.u}"}'),
    ('jsondecode("{\\"a\\": [\\"${var.u}\\", 1]}").a[1]', 1),
    ("yamldecode(\"a: ${var.u}\\nb: [x, '${var.u}']\")", {"a": "${var.u}", "b": ["x", "${var.u}"]}),
    ('yamldecode("role-${var.u}: {b: 1}")', {"role-${var.u}": {"b": 1}}),
    ("md5(var.u)", UNKNOWN),
    ('base64encode("a${var.u}")', UNKNOWN),
    ('regex("a", "a${var.u}")', UNKNOWN),
    ("provider::aws::arn_parse(local.role).resource", f"role/team/{NAME}"),
    ("provider::aws::trim_iam_role_path(local.role)", "arn:${partition}:iam::${account id}:role/" + NAME),
    ('provider::aws::arn_build("aws", "iam", "", local.account, "role/x")', f"arn:aws:iam::{ACCOUNT}:role/x"),
    ("provider::aws::arn_parse(var.u).resource", UNKNOWN),
]

COLLECTIONS = [
    ('contains(["a", "b"], var.u)', UNKNOWN),
    ('contains(["arn:a", "arn:b"], "x${var.u}")', False),
    ('contains(concat(["a"], var.u), "a")', True),
    ('contains(concat(["a"], var.u), "b")', UNKNOWN),
    ("contains(var.u, 1)", UNKNOWN),
    ('length(concat(["a"], var.u))', UNKNOWN),
    ('length(distinct(["a", var.u]))', UNKNOWN),
    ('length(toset(["a", "a"]))', 1),
    ('coalesce(local.name, "x")', NAME),
    ('coalesce("", local.account)', ACCOUNT),
    ('index(["a", var.u, "b"], "a")', 0),
    ('index(["a", var.u, "b"], "b")', UNKNOWN),
    ('sort(["b", var.u, "a"])', ["a", "b", "${var.u}"]),
    ('sort(["b", var.u, "a"])[0]', UNKNOWN),
    ("keys(merge(var.u, { b = 1 }))", ["b", "?${var.u}"]),
    ("keys(merge(var.u, { b = 1 }))[0]", UNKNOWN),
    ('element(["a", var.u], 2)', "a"),
    ('reverse(["a", var.u])', ["${var.u}", "a"]),
    ('slice(concat(["a", "b"], var.u), 0, 2)', ["a", "b"]),
    ('slice(concat(["a"], var.u), 0, 2)', UNKNOWN),
    ('setsubtract(["a", "b"], ["a", var.u])', [('setsubtract(["a", "b"], ["a", var.u]) holds "b"', "b", "absent")]),
    ('setintersection(["a", "x${var.u}"], ["a", "b"])', ["a"]),
    ('setintersection(var.u, ["a"])', [('setintersection(var.u, ["a"]) holds "a"', "a", "absent")]),
    ('setunion(["b", "a"], var.u)', ["a", "b", "?${var.u}"]),
    ('setproduct(["a"], var.u)', [("var.u is not empty", ["a", "${var.u[*]}"], "absent")]),
    ('[for p in setproduct(["a"], var.u) : p[0]]', [("var.u is not empty", "a", "absent")]),
    (
        'matchkeys(["a", "b"], ["x", "y"], ["x", var.u])',
        ["a", ('matchkeys(["a", "b"], ["x", "y"], ["x", var.u]) looks for "y"', "b", "absent")],
    ),
    ('lookup(var.u, "a", "d")', ('var.u holds "a"', '${var.u["a"]}', "d")),
    ('lookup(merge(var.u, { b = 1 }), "a", "d")', ('var.u holds "a"', '${var.u["a"]}', "d")),
    ('lookup(merge(var.u, { b = 1 }), "b", "d")', 1),
    ("merge({ a = { b = var.u } }, { c = 1 }).a.b", "${var.u}"),
    ('zipmap(["a", "b"], [var.u, 2])', {"a": "${var.u}", "b": 2}),
    ('zipmap(concat(["a"], var.u), [1])', UNKNOWN),
    ("transpose({ a = [var.u] })", UNKNOWN),
    ("one(var.u[*])", "${var.u[*]}"),
    ('one([for x in ["a"] : x if var.u])', ("var.u", "a", None)),
    ("anytrue([var.u, true])", True),
    ("anytrue([var.u, false])", UNKNOWN),
    ("alltrue([var.u, false])", False),
    ("alltrue(concat([true], var.u))", UNKNOWN),
    ('compact(["a", var.u ? "" : "b"])', ["a", ("var.u", "absent", "b")]),
    ('coalescelist(var.u, ["a"])', UNKNOWN),
    ('coalescelist(concat(["a"], var.u), ["b"])', ["a", "?${var.u}"]),
    ('formatlist("%s-x", ["a", var.u])', ["a-x", "${var.u}-x"]),
    ('formatlist("%s/%s", "a", var.u)', ["?a/${var.u}"]),
    ('formatlist("%s-x", concat(["a"], var.u))', ["a-x", "?${var.u}-x"]),
    ('formatlist("%s-x", [for x in ["a"] : x if var.u])', [("var.u", "a-x", "absent")]),
    (
        'flatten([["a"], [for x in var.u : ["b", x]]])',
        ["a", ("var.u is not empty", "b", "absent"), ("var.u is not empty", "?${var.u[*]}", "absent")],
    ),
    ("tolist(var.u)", "${var.u}"),
    ("chunklist(var.u, 2)", UNKNOWN),
    ("sum([1, var.u])", UNKNOWN),
    ("max(1, var.u)", UNKNOWN),
    ("range(var.u)", UNKNOWN),
    ('try({}["x"], "d")', "d"),
    ('try("role-${{}.x}", "d")', "d"),
    ('try([{}.x], ["d"])', ["d"]),
    ("sensitive(var.u)", "${var.u}"),
    ('upper(var.u ? "a" : "b")', ("var.u", "A", "B")),
]


@pytest.mark.parametrize(("expression", "expected"), [*TEXTS, *COLLECTIONS])
def test_partially_known_arguments(tmp_path: Path, expression: str, expected: object) -> None:
    """Known parts survive, certain results are given; all else is unresolved with the call's source text."""
    found = evaluated(tmp_path, expression)
    if expected is UNKNOWN:
        assert isinstance(found, StringNode)
        assert found.only_unresolved is not None
        assert found.only_unresolved.kind is UnresolvedKind.ANYTHING
    else:
        assert shown(found) == expected


def test_part_of_name_is_still_a_name(tmp_path: Path) -> None:
    """A part of a name contains no wildcard, so a pattern made with it still matches one role."""
    found = evaluated(tmp_path, 'substr("app-${local.name}", 0, 64)')
    assert [hole.kind for hole in unresolved_in(found)] == [UnresolvedKind.NAME]


def test_reason_survives_functions(tmp_path: Path) -> None:
    """The reason of an unresolved value is kept when functions are applied to it."""
    for expression in (
        'lower("A${var.u}")',
        'replace("a_${var.u}", "_", "-")',
        'split("/", "a/${var.u}")',
        "upper(var.u)",
    ):
        assert {hole.reason for hole in unresolved_in(evaluated(tmp_path, expression))} == {"no default"}
