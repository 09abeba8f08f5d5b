"""Edge cases of Terraform's functions: wrong types, limits, unusual forms of arguments."""

from __future__ import annotations

from pathlib import Path

import pytest
from terraform_values import evaluated, shown

from passrole_checks.iam.values.nodes import StringNode

FAMILY = "\N{MAN}\N{ZERO WIDTH JOINER}\N{WOMAN}\N{ZERO WIDTH JOINER}\N{GIRL}"  # one character of five code points
NO_DEFAULT = "no default"
NO_LIST = "argument 1 is not a list or a set"

ANSWERED = [
    # lists
    ("element(var.m, 0)", "${var.m[0]}"),
    ('element(["a", "b"], var.u)', ("var.u % 2", "a", "b")),
    ('coalescelist(null, ["a"])', ["a"]),
    ('distinct([for x in ["a", "b"] : [1]])', [[1]]),
    ('length([for x in ["a", "b"] : x if x == var.u])', ('var.u == "a"', 1, ('var.u == "b"', 1, 0))),
    ("length(aws_iam_role.each)", 2),
    ('length("äb")', 2),
    (f"flatten({'[' * 33}1{']' * 33})", ["${…}"]),
    ('toset(var.u ? ["b", "a"] : ["c"])', ("var.u", ["a", "b"], ["c"])),
    ("toset([3, 1, 2])", [1, 2, 3]),
    # maps
    ("merge(null, null)", None),
    ("keys(aws_iam_role.each)", ["a", "b"]),
    ("keys(var.u)", ["?${keys(var.u)}"]),
    ("values(var.u)", ["?${values(var.u)}"]),
    ("values(aws_iam_role.open)[*].name", ["?${aws_iam_role.open.name}"]),
    ('lookup(var.u, "a")', '${var.u["a"]}'),
    ('lookup(aws_iam_role.open, "a", "d")', '${aws_iam_role.open["a"]}'),
    # calls
    ('format("%s-%s", (var.u ? ["a", "b"] : ["c", "d"])...)', ("var.u", "a-b", "c-d")),
    ('try(jsonencode([{}.x]), "d")', "d"),
    ("can(jsonencode([{}.x]))", False),
    # format
    ('format("%q", "a${var.u}")', '"a${var.u}"'),
    ('format("%q", var.u)', '"${var.u}"'),
    ('format("%9q", var.u)', '${format("%9q", var.u)}'),
    ('format("%5q", "a")', '  "a"'),
    ('format("%t", var.u)', "${var.u}"),
    ('format("%08b|%-8b|% b|%+b", 5, 5, 5, 5)', "00000101|101     | 101|+101"),
    ('format("%g|%G|%g", 3, 3.5, 1e30)', "3|3.5|1e+30"),
    ('format("%.1s|%.2s", "x${var.u}", "xyz")', "x|xy"),
    ('format("%3s", "abc${var.u}")', "abc${var.u}"),
    ('formatlist(var.u, ["a"])', ['${formatlist(var.u, ["a"])}']),
    # patterns
    ('regex("\\\\x41[\\\\]a]\\\\n", "Aa\\n")', "Aa\n"),
    ('regex("[\\\\n]", "\\n")', "\n"),
    ('regex("(?i)[a-z]+", "ABC")', "ABC"),
    ('regex("(?i-s:A)", "a")', "a"),
    # times
    ('timeadd("2017-11-22T00:00:00Z", "0")', "2017-11-22T00:00:00Z"),
    ('formatdate("h aa HH AA Z ZZZ ZZZZZ", "2017-11-22T00:00:00Z")', "0 am 12 AM Z UTC +00:00"),
    ('formatdate("h aa HH AA Z ZZZ ZZZZZ", "2017-11-22T13:00:00+02:00")', "13 pm 01 PM +02:00 +0200 +02:00"),
    # ends of texts
    ('trimsuffix("${local.name}ab", "ab")', "${aws_iam_role.r.name}"),
    ('endswith("ab", "cab")', False),
    ('startswith("ab", "abc")', False),
    ("trimspace(jsonencode({ a = 1 }))", '{"a":1}'),
    ("trimspace(5)", "5"),
    ('trimspace("{a}  ")', "{a}"),
    ('trimspace(file("f.json"))', '{"a": 1}'),
    ('trimspace("    ")', ""),
    ('trimspace("{${var.u}")', "{${var.u}"),
    ('indent(2, file("f.json"))', '{"a": 1}\n'),
    ("indent(2, jsonencode({}))", "{}"),
    ("indent(2, 5)", 5),
    ('indent(2, "a\\n${var.u}")', "a\n  ${indent(var.u)}"),
    # texts
    ("upper(true)", "TRUE"),
    ('upper(jsonencode({ a = "b" }))', '{"A":"B"}'),
    ('replace("${local.account}bc", "ab", "x")', "${data.aws_caller_identity.me.account_id}bc"),
    ('split("::", "a:${var.u}")', ['?${split("::", "a:${var.u}")[*]}']),
    ('split("", "abc")', ["a", "b", "c"]),
    ('substr("ö${var.u}", 0, 1)', "ö"),
    ('substr("abc", 1, 0)', ""),
    ('strrev("äb")', "bä"),
    # ARNs
    (
        'provider::aws::trim_iam_role_path("arn:aws:iam::1:role/${local.name}")',
        "arn:aws:iam::1:role/${aws_iam_role.r.name}",
    ),
    # templates and files
    ('templatestring("$${a}-$${b}", merge(var.u, { a = 1 }))', "1-${var.u.b}"),
    ('templatestring("$${a}", var.m)', "${var.m.a}"),
    ('filebase64("f.json")', "eyJhIjogMX0K"),
    ('fileset(".", "[a-g].json")', ["f.json"]),
    ('fileset(".", "[!a-e]*.json")', ["f.json"]),
    ('fileset(".", "{f,[ ]}.json")', ["f.json"]),
    ('basename("")', "."),
    # YAML
    ('yamldecode("a: &x {b: 1, c: 2}\\nd: {<<: *x, b: 3}").d', {"b": 3, "c": 2}),
    ('yamldecode("a: &x {b: 1}\\nd: {<<: [*x, *x], c: 1}").d', {"c": 1, "b": 1}),
    ('yamldecode("? [a]\\n: b")', {"${…}": "b"}),
]


@pytest.mark.parametrize(("expression", "expected"), ANSWERED)
def test_edge_case_has_value(tmp_path: Path, expression: str, expected: object) -> None:
    """Unusual forms of arguments are evaluated where that is possible."""
    assert shown(evaluated(tmp_path, expression)) == expected


UNANSWERED = [
    # lists
    ('element("x", 1)', NO_LIST),
    ('compact("a-${var.u}")', NO_LIST),
    ('contains({ a = 1 }, "a")', NO_LIST),
    ("one({ a = 1 })", NO_LIST),
    ("setproduct(5)", NO_LIST),
    *((f"{call}", NO_DEFAULT) for call in (
        "one(var.u)", "reverse(var.u)", "alltrue(var.u)", "sum(var.u)", 'index(var.u, "a")', "slice(var.u, 0, 1)",
        'index(distinct(["a", var.u]), "a")', 'slice(distinct(["a", var.u]), 0, 1)', 'slice(["a"], 0, var.u)',
        'matchkeys(var.u, ["a"], ["b"])', 'matchkeys(["a"], distinct(["a", var.u]), ["b"])',
    )),
    ('coalescelist([for x in ["a"] : x if var.u], ["b"])', ""),
    ('length([for name, role in aws_iam_role.open : name])', ""),
    ("matchkeys(range(999), [for x in range(999) : [x]], [for x in range(999) : [x]])", "too much to evaluate"),
    # maps
    ('lookup("x${var.u}", "a")', "argument 1 is not a map or an object"),
    ('zipmap(["a", "b"], ["c"])', "lists of different lengths"),
    *((f"{call}", NO_DEFAULT) for call in (
        "zipmap(var.u, [1])", 'zipmap(distinct(["a", var.u]), ["b", "c"])', "transpose(var.u)",
        'transpose({ (var.u) = ["a"] })', "transpose({ a = var.u })",
    )),
    # calls
    ('format("%s-%s", (var.u ? ["a", "b"] : ["c"])...)', ""),
    ('format("%s", null...)', ""),
    # format
    ("format(var.u, 1)", NO_DEFAULT),
    ('format("%s", [1])', "an argument is a collection"),
    ('format("%t", "x")', "not a bool"),
    ('format("%b", 1.5)', "not a whole number"),
    ('format("%d", "a${var.u}")', ""),
    ('format("%.9s", "x${var.u}")', ""),
    ('format("%5s", "a${var.u}")', ""),
    ('formatlist("%d-%s", "a", var.u)', "not a number"),
    ('formatlist("%s-%s", ["a", "b"], distinct(["a", var.u]))', NO_DEFAULT),
    ('formatlist("%s-%s", ["a"], var.u[*])', NO_DEFAULT),
    # patterns
    ('regex(var.u, "a")', NO_DEFAULT),
    ('regex("(?P<a>x)(y)", "xy")', "named and unnamed groups are mixed"),
    ('regex("(?", "a")', "invalid regular expression: invalid group syntax"),
    ('regex("(?=a)", "a")', "invalid regular expression: invalid group syntax"),
    ('regex("(?-i-s:A)", "a")', "invalid regular expression: invalid group syntax"),
    ('regex("(?:){3}a", "a")', "repetition of an empty match in a regular expression"),
    ('regex("(?i)[ä-ö]+", "ä")', "case-insensitive non-ASCII letters in a regular expression"),
    # times
    ('timeadd(var.u, "1h")', NO_DEFAULT),
    ('timeadd("2017-11-22T00:00:00Z", "1.5s")', ""),
    ('timeadd("9999-11-22T00:00:00Z", "999999999999h")', "the time is out of range"),
    ('timecmp(var.u, "2017-11-22T00:00:00Z")', NO_DEFAULT),
    ('timecmp("x", "2017-11-22T00:00:00Z")', "not a time"),
    ('formatdate(var.u, "2017-11-22T00:00:00Z")', NO_DEFAULT),
    ('formatdate("YYYY", "x")', "not a time"),
    ("formatdate(\"'YYYY\", \"2017-11-22T00:00:00Z\")", "unterminated quote"),
    ('formatdate("X", "2017-11-22T00:00:00Z")', "'X' is not a date format"),
    # texts and their ends
    ("trimprefix(var.u, var.v)", NO_DEFAULT),
    ('trimsuffix("a", var.v)', NO_DEFAULT),
    ('trimprefix("ab${local.name}", "abc")', ""),
    ('indent(-1, "a")', "a negative number of spaces"),
    ('indent(2000, "a")', "too wide"),
    ('join(",", distinct(["a", var.u]))', NO_DEFAULT),
    ('replace("x", var.v, "x")', NO_DEFAULT),
    ('replace("${var.u}bc", "ab", "x")', NO_DEFAULT),
    ('split(var.u, "a")', NO_DEFAULT),
    ('substr("abc", -2, 0)', ""),
    (f'substr("{FAMILY}", 0, 1)', ""),
    (f'substr("${{var.u}}{FAMILY}", -1, 1)', NO_DEFAULT),
    ('substr("${var.u}abc", -9, 1)', NO_DEFAULT),
    ('substr("a${var.u}", 3, 1)', NO_DEFAULT),
    (f'strrev("{FAMILY}")', ""),
    (f'length("{FAMILY}")', ""),
    ("title(yamlencode({}))", ""),
    # ARNs
    ('provider::aws::arn_parse("x")', "not an ARN"),
    ("provider::aws::arn_parse(5)", "not an ARN"),
    ('provider::aws::trim_iam_role_path("x")', "not an ARN"),
    ("provider::aws::trim_iam_role_path(var.u)", NO_DEFAULT),
    ('provider::aws::trim_iam_role_path("arn:aws:iam::1:user/x")', "not a role ARN"),
    ('provider::aws::trim_iam_role_path("arn:aws:s3:::role/x")', "not a role ARN"),
    ('provider::aws::trim_iam_role_path("arn:aws:iam::1:role/${var.u}")', NO_DEFAULT),
    ('provider::aws::trim_iam_role_path("arn:aws:iam::1:${local.name}")', ""),
    ('provider::aws::trim_iam_role_path("arn:aws:${local.region}:::role/x")', "known after apply"),
    # templates and files
    ('templatestring("x${var.u}", {})', "the template is unknown"),
    ("templatestring(jsonencode({ a = 1 }), {})", ""),
    ('templatestring("$${templatestring(\\"a\\", {})}", {})', "a template within a template"),
    ('templatestring("$${templatefile(\\"f.json\\", {})}", {})', "a template within a template"),
    ("filemd5(var.u)", "the file name is unknown"),
    ('filemd5("none")', "file not found"),
    ("fileexists(var.u)", "the file name is unknown"),
    ('fileset(var.u, "*")', "the folder name is unknown"),
    ('fileset(".", var.u)', ""),
    ('fileset("/etc", "*")', "file outside the scanned folder"),
    ('fileset(".", "[a b]*")', "unsupported file pattern"),
    ('fileset(".", "[z-a]*")', "unsupported file pattern"),
    ("dirname(var.u)", NO_DEFAULT),
    ("dirname(path.module)", "a path"),
    ("abspath(var.u)", NO_DEFAULT),
    ("pathexpand(var.u)", NO_DEFAULT),
    ('pathexpand("~/x")', "depends on the user who runs Terraform"),
    # encodings and numbers
    ("yamldecode(var.u)", NO_DEFAULT),
    ('yamldecode("\\ue000 ${local.name}")', "the text contains private-use characters"),
    ('yamldecode("[${local.name}")', "the known part is not YAML"),
    ("jsondecode(5)", ""),
    ("csvdecode(var.u)", NO_DEFAULT),
    ("pow(10, 400)", "not a finite number"),
    ("pow(var.u, 2)", NO_DEFAULT),
    ('parseint("10", var.u)', NO_DEFAULT),
]  # fmt: skip


@pytest.mark.parametrize(("expression", "reason"), UNANSWERED)
def test_edge_case_is_unresolved(tmp_path: Path, expression: str, reason: str) -> None:
    """A call that cannot be evaluated is unresolved, with its source text and a reason."""
    found = evaluated(tmp_path, expression)
    assert isinstance(found, StringNode)
    assert found.only_unresolved is not None
    assert found.only_unresolved.reason == reason
