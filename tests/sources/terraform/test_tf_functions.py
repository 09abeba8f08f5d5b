"""Terraform's functions on known, partially known and unknown values."""

from __future__ import annotations

from pathlib import Path

import pytest
from terraform_values import value_in

from passrole_checks.iam.values.nodes import Choice, Const, ListNode, Node, ObjectNode, StringNode


def evaluated(root: Path, expression: str) -> Node:
    text = f'variable "u" {{}}\nvariable "v" {{}}\nlocals {{\n  found = {expression}\n}}\n'
    return value_in(root, text)


def shown(node: Node) -> object:
    """A node as plain data: unresolved values as ``${...}``, alternatives as tuples."""
    if isinstance(node, StringNode):
        return str(node)
    if isinstance(node, Const):
        return node.value
    if isinstance(node, ListNode):
        return [shown(item) for item in node.items]
    if isinstance(node, ObjectNode):
        return {str(entry.key): shown(entry.value) for entry in node.entries}
    if isinstance(node, Choice):
        return (node.condition, *(shown(option) for _, option in node.options))
    return "absent"


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ('concat(["a"], ["b"])', ["a", "b"]),
        ('concat(["a"], var.u, ["b"])', ["a", "${var.u}", "b"]),
        ('flatten([["a", ["b"]], "c"])', ["a", "b", "c"]),
        ('flatten([["a"], var.u])', ["a", "${var.u}"]),
        ('compact(["a", "", null])', ["a"]),
        ('compact([var.u ? "a" : ""])', [("var.u", "a", "absent")]),
        ('distinct(["a", "b", "a"])', ["a", "b"]),
        ('toset(["a", "a"])', ["a"]),
        ('setunion(["a"], ["a", "b"])', ["a", "b"]),
        ('setsubtract(["a", "b"], ["a"])', ["b"]),
        ("merge({ a = 1, b = 2 }, { b = 3 })", {"a": 1, "b": 3}),
        ("merge(var.u, { a = 1 }).a", 1),
        ("merge({ a = 1 }, var.u).a", ('var.u holds "a"', '${var.u["a"]}', 1)),
        ("merge([{ a = 1 }, { b = 2 }]...)", {"a": 1, "b": 2}),
        ("keys({ b = 1, a = 2 })", ["a", "b"]),
        ("values({ b = 1, a = 2 })", [2, 1]),
        ('length(["a", "b"])', 2),
        ('length(concat(["a"], var.u))', '${length(concat(["a"], var.u))}'),
        ('element(["a", "b"], 3)', "b"),
        ('concat(["a"], var.u)[0]', "a"),
        ('concat(var.u, ["a"])[1]', '${concat(var.u, ["a"])[1]}'),
        ('lookup({ a = 1 }, "b", 2)', 2),
        ('lookup({ a = 1 }, "a", 2)', 1),
        ("one([])", None),
        ('contains(["a"], "a")', True),
        ('contains([var.u], "a")', '${contains([var.u], "a")}'),
        ('reverse(["a", "b"])', ["b", "a"]),
        ('sort(["b", "a"])', ["a", "b"]),
        ('slice(["a", "b", "c"], 1, 2)', ["b"]),
        ('zipmap(["a"], [1])', {"a": 1}),
        ("range(3)", [0, 1, 2]),
        ('setproduct(["a", "b"], ["c"])', [["a", "c"], ["b", "c"]]),
        ("anytrue([var.u, true])", True),
        ("alltrue([true, false])", False),
        ('chunklist(["a", "b", "c"], 2)', [["a", "b"], ["c"]]),
        ('coalescelist([], ["a"])', ["a"]),
    ],
)
def test_collections_keep_known_elements(tmp_path: Path, expression: str, expected: object) -> None:
    """Known elements survive beside unknown ones; a result that depends on an unresolved value is unresolved."""
    assert shown(evaluated(tmp_path, expression)) == expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ('join("-", ["a", "b"])', "a-b"),
        ('join("-", ["a", "b", var.u])', "a-b-${var.u}"),
        ('format("%s/%d%%", "a", 2)', "a/2%"),
        ('format("%s/%s", "a", var.u)', "a/${var.u}"),
        ('format("%03d", 7)', "007"),
        ('format("%[2]s%[1]s", "a", "b")', "ba"),
        ('formatlist("%s-x", ["a", "b"])', ["a-x", "b-x"]),
        ('formatlist("role/%s", var.u)', ["role/${var.u}"]),
        ('lower("AbC")', "abc"),
        ('upper("a${var.u}")', "A${upper(var.u)}"),
        ('replace("a.b", ".", "-")', "a-b"),
        ('replace("a1b2", "/[0-9]/", "")', "ab"),
        ('split("/", "a/b")', ["a", "b"]),
        ('substr("hello", 1, 3)', "ell"),
        ('trimprefix("app-x", "app-")', "x"),
        ('trimsuffix("x/${var.u}/end", "/end")', "x/${var.u}"),
        ('trimspace("  a ")', "a"),
        ('title("hello world")', "Hello World"),
        ('startswith("arn:${var.u}", "arn")', True),
        ('startswith("arn:${var.u}", "x")', False),
        ("tostring(12)", "12"),
        ('tonumber("12")', 12),
        ('base64decode("aGk=")', "hi"),
        ("max(1, 3, 2)", 3),
        ('jsondecode("{\\"a\\": [1]}").a[0]', 1),
        ('jsonencode({ a = ["b", 1, true, null] })', '{"a":["b",1,true,null]}'),
        ('"x${jsonencode([var.u])}"', "x[${var.u}]"),
        ('jsondecode(jsonencode({ a = "b" })).a', "b"),
        ('yamldecode("a: [x, 1, true, ~]")', {"a": ["x", 1, True, None]}),
    ],
)
def test_strings_keep_known_parts(tmp_path: Path, expression: str, expected: object) -> None:
    """Known parts of strings survive beside unresolved parts."""
    assert shown(evaluated(tmp_path, expression)) == expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ('try({ a = 1 }.b, "d")', "d"),
        ('try({ a = 1 }.a, "d")', 1),
        ('try(var.u.a.b, "d")', ("var.u.a.b can be evaluated", "${var.u.a.b}", "d")),
        ("can({ a = 1 }.b)", False),
        ('coalesce(null, "", "a")', "a"),
        ('coalesce("x${var.u}", "a")', "x${var.u}"),
        ('coalesce(var.u, "a")', ("var.u is set", "${var.u}", "a")),
    ],
)
def test_undecidable_arguments_keep_both_alternatives(tmp_path: Path, expression: str, expected: object) -> None:
    """If it is undecidable whether an argument is usable, both alternatives are kept."""
    assert shown(evaluated(tmp_path, expression)) == expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("1 + 2 * 3 - 4 / 2", 5),
        ("7 % 3 == 1", True),
        ("-(2)", -2),
        ("var.u && false", False),
        ("var.u || true", True),
        ("true && var.u", "${var.u}"),
        ("var.u == var.v", "${var.u == var.v}"),
        ('"a" == "a"', True),
        ('"a${var.u}" == "b"', False),
        ("null == null", True),
        ("[1, 2] == [1, 2]", True),
        ('"1" == 1', False),
        ("1 / 0", "${1 / 0}"),
    ],
)
def test_operators_decide_despite_unresolved_operands(tmp_path: Path, expression: str, expected: object) -> None:
    """An operator is evaluated if an unresolved operand cannot change its result."""
    assert shown(evaluated(tmp_path, expression)) == expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ('[for x in ["a", "b"] : "${x}!"]', ["a!", "b!"]),
        ('[for i, x in ["a"] : i]', [0]),
        ('[for x in ["a", "b"] : x if x != "a"]', ["b"]),
        ('{ for k, v in { a = 1 } : "${k}x" => v }', {"ax": 1}),
        ('{ for x in ["a", "b"] : "k" => x... }', {"k": ["a", "b"]}),
        ('[for x in var.u : "role/${x}"]', ["role/${var.u[*]}"]),
        ("[for x in var.u : { r = x }]", [("var.u is not empty", {"r": "${var.u[*]}"}, "absent")]),
        ('[for x in ["a"] : x if var.u]', [("var.u", "a", "absent")]),
        ("[{ a = 1 }, { a = 2 }][*].a", [1, 2]),
        ("var.u[*].a", ["${var.u[*].a}"]),
        ('"one"[*]', ["one"]),
        ("null[*]", []),
    ],
)
def test_loop_over_unknown_collection_yields_one_element(tmp_path: Path, expression: str, expected: object) -> None:
    """A loop over an unknown collection yields one element of the right form."""
    assert shown(evaluated(tmp_path, expression)) == expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ('"a%{ if true }b%{ else }c%{ endif }"', "ab"),
        ('"%{ for x in ["a", "b"] }<${x}>%{ endfor }"', "<a><b>"),
        ('"a%{ if var.u }b%{ endif }"', ("var.u", "ab", "a")),
        ('"a%{ for x in var.u }b%{ endfor }"', "a${var.u}"),
        ('"${var.u}"', "${var.u}"),
        ('"${[1]}"', [1]),
        ('"${true}!"', "true!"),
        ('"${var.u ? "a" : "b"}${var.u ? "c" : "d"}"', ("var.u", "ac", "bd")),
    ],
)
def test_template_directives(tmp_path: Path, expression: str, expected: object) -> None:
    """Known directives are evaluated; equal conditions have one outcome."""
    assert shown(evaluated(tmp_path, expression)) == expected


def test_too_many_alternatives_are_unresolved(tmp_path: Path) -> None:
    """Many independent conditions in one string give an unresolved value with a reason, not a long run time."""
    pieces = "".join(f'${{var.u == {number} ? "a" : "b"}}' for number in range(40))
    texts = [evaluated(tmp_path, f'"{pieces}"')]
    reasons = set()
    while texts:
        node = texts.pop()
        if isinstance(node, Choice):
            texts.extend(option for _, option in node.options)
        elif isinstance(node, StringNode):
            reasons |= {hole.reason for hole in node.unresolved_parts}
    assert "too many alternatives" in reasons


def test_replacements_of_replacements_stay_short(tmp_path: Path) -> None:
    """Each names the one before twice, beyond the depth that is evaluated: no expression doubles with each."""
    chain = "\n".join(f'  l{i + 1} = replace(local.l{i}, "x", local.l{i})' for i in range(110))
    value = value_in(tmp_path, f'locals {{\n  l0 = "x"\n{chain}\n  found = local.l110\n}}\n')
    assert isinstance(value, StringNode) and value.unresolved_parts
    assert max(len(part.expression) for part in value.unresolved_parts) < 20_000
