"""Values that depend on unknown conditions: every variant is kept with its condition."""

from __future__ import annotations

import re
from itertools import product
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from path_conditions_of_tests import assume, expression_of, outcome_of
from profiles import examples
from terraform_values import value_in
from work import at_most

from passrole_checks.iam.values.nodes import Absent, Choice, Const, ListNode, Node, ObjectNode, StringNode
from passrole_checks.iam.values.path_conditions import Assumption, PathCondition, Predicate, consistent
from passrole_checks.scan.scanner import ScanOptions, scan_paths

UNKNOWN = "".join(f'variable "{name}" {{}}\n' for name in ("a", "b", "e", "i", "n", "u"))
CONTEXT = f"""{UNKNOWN}
data "aws_caller_identity" "me" {{}}
locals {{
  arns   = {{ dev = "A", test = "A", prod = "*" }}
  nested = {{ dev = {{ role_arn = "D" }}, prod = {{ role_arn = "P" }} }}
  suffix = {{ dev-role = "D", prod-role = "P", other = "O" }}
  list   = ["x", "y", "x"]
  lists  = {{ dev = ["d"], prod = ["p", "q"] }}
  not_a  = !var.a
  doc    = jsonencode({{ a = {{ b = ["x"] }} }})
}}
resource "aws_iam_role" "one" {{}}
resource "aws_iam_role" "maybe" {{
  count = var.a ? 1 : 0
}}
resource "aws_iam_role" "count" {{
  count = var.n
}}
resource "aws_iam_role" "two" {{
  count = 2
}}
resource "aws_iam_role" "known" {{
  for_each = toset(["k"])
}}
resource "aws_iam_role" "each" {{
  for_each = var.u
}}
"""
ROLE = "${aws_iam_role.%s.arn}"


def evaluated(root: Path, expression: str, context: str = CONTEXT) -> Node:
    return value_in(root, f"{context}\nlocals {{\n  found = {expression}\n}}\n")


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
        return expression_of(node.options[0][0]), {
            outcome_of(outcome): shown(option) for outcome, option in node.options
        }
    return "absent"


def either(condition: str, yes: object, no: object) -> object:
    return condition, {"true": yes, "false": no}


def if_value(subject: str, value: str, yes: object, no: object) -> object:
    return subject, {f'"{value}"': yes, f'not "{value}"': no}


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("local.arns[var.e]", ("var.e", {'"dev" or "test"': "A", '"prod"': "*"})),
        ("lookup(local.arns, var.e)", ("var.e", {'"dev" or "test"': "A", '"prod"': "*"})),
        (
            'lookup(local.arns, var.e, "none")',
            ("var.e", {'"dev" or "test"': "A", '"prod"': "*", 'not "dev" or "prod" or "test"': "none"}),
        ),
        ("local.nested[var.e].role_arn", ("var.e", {'"dev"': "D", '"prod"': "P"})),
        ('local.suffix["${var.e}-role"]', ('"${var.e}-role"', {'"dev-role"': "D", '"prod-role"': "P"})),
        ('local.suffix["dev-${var.e}"]', "D"),
        ('local.arns["x${var.e}"]', '${local.arns["x${var.e}"]}'),
        ("local.list[var.i]", ("var.i", {'"0" or "2"': "x", '"1"': "y"})),
        ("element(local.list, var.i)", ("var.i % 3", {'"0" or "2"': "x", '"1"': "y"})),
        ('local.arns[var.a ? "dev" : "prod"]', either("var.a", "A", "*")),
        (
            'concat(["k"], local.lists[var.e])',
            [
                "k",
                ("var.e", {'"dev"': "d", 'not "dev"': "absent"}),
                ("var.e", {'"prod"': "p", 'not "prod"': "absent"}),
                ("var.e", {'"prod"': "q", 'not "prod"': "absent"}),
            ],
        ),
        (
            'try(local.nested[var.e].role_arn, "none")',
            ("var.e", {'"dev"': "D", '"prod"': "P", 'not "dev" or "prod"': "none"}),
        ),
        ('try(local.list[var.i], "none")', ("var.i", {'"0" or "2"': "x", '"1"': "y", 'not "0" or "1" or "2"': "none"})),
    ],
)
def test_unknown_key_gives_every_matching_entry(tmp_path: Path, expression: str, expected: object) -> None:
    """Each entry under its key, equal ones merged; a default only if it can be reached."""
    assert shown(evaluated(tmp_path, expression)) == expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ('"${local.arns[var.e]}${var.e == "prod" ? 1 : 0}"', ("var.e", {'"dev" or "test"': "A0", '"prod"': "*1"})),
        ('var.e == "prod" ? local.arns[var.e] : "x"', if_value("var.e", "prod", "*", "x")),
        ('"prod" == var.e ? local.arns[var.e] : "x"', if_value("var.e", "prod", "*", "x")),
        ('var.e != "prod" ? "x" : local.arns[var.e]', if_value("var.e", "prod", "*", "x")),
        (
            '"${var.e == "dev" ? "a" : "b"}${var.e == "prod" ? "c" : "d"}"',
            if_value("var.e", "dev", "ad", if_value("var.e", "prod", "bc", "bd")),
        ),
        ('"${local.not_a ? "n" : "y"}${var.a ? "y" : "n"}"', ("var.a", {"false": "nn", "true": "yy"})),
        ('var.a ? (var.a ? "x" : "never") : "y"', either("var.a", "x", "y")),
    ],
)
def test_variants_do_not_contradict_each_other(tmp_path: Path, expression: str, expected: object) -> None:
    """A comparison, a key and a negation of the same expression are not mixed."""
    assert shown(evaluated(tmp_path, expression)) == expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("aws_iam_role.one[*].arn", [ROLE % "one"]),
        ("aws_iam_role.maybe[*].arn", [either("var.a", ROLE % "maybe[0]", "absent")]),
        ("aws_iam_role.maybe.*.arn", [either("var.a", ROLE % "maybe[0]", "absent")]),
        ("[for r in aws_iam_role.maybe : r.arn]", [either("var.a", ROLE % "maybe[0]", "absent")]),
        ("aws_iam_role.maybe[0].arn", ROLE % "maybe[0]"),
        ("aws_iam_role.maybe.*.arn[0]", ROLE % "maybe[0]"),
        ("aws_iam_role.maybe.0.arn", ROLE % "maybe[0]"),
        ("one(aws_iam_role.maybe[*].arn)", either("var.a", ROLE % "maybe[0]", None)),
        ("try(aws_iam_role.maybe[0].arn, null)", either("var.a", ROLE % "maybe[0]", None)),
        ('coalesce(try(aws_iam_role.maybe[0].arn, ""), "*")', either("var.a", ROLE % "maybe[0]", "*")),
        ('coalesce(one(aws_iam_role.maybe[*].arn), "*")', either("var.a", ROLE % "maybe[0]", "*")),
        ('concat(aws_iam_role.maybe[*].arn, [""])[0]', either("var.a", ROLE % "maybe[0]", "")),
        ('element(concat(aws_iam_role.maybe.*.arn, [""]), 0)', either("var.a", ROLE % "maybe[0]", "")),
        ('join("", aws_iam_role.maybe[*].arn)', either("var.a", ROLE % "maybe[0]", "")),
        ("length(aws_iam_role.maybe)", either("var.a", 1, 0)),
        ('length(aws_iam_role.maybe) > 0 ? "y" : "n"', either("var.a", "y", "n")),
        ("aws_iam_role.count[*].arn", ["${aws_iam_role.count.arn}?"]),
        ("[for r in aws_iam_role.count : r.arn]", ["${aws_iam_role.count.arn}?"]),
        ('join("", aws_iam_role.count[*].arn)', either("aws_iam_role.count is not empty", ROLE % "count", "")),
        ("one(aws_iam_role.count[*].arn)", either("aws_iam_role.count is not empty", ROLE % "count", None)),
        ('try(aws_iam_role.count[0].arn, "*")', either("aws_iam_role.count[0] exists", ROLE % "count[0]", "*")),
        ('concat(aws_iam_role.count[*].arn, ["*"])[0]', either("aws_iam_role.count is not empty", ROLE % "count", "*")),
        ("aws_iam_role.two[*].arn", [ROLE % "two[0]", ROLE % "two[1]"]),
        ("aws_iam_role.two.*.arn[1]", ROLE % "two[1]"),
        ("values(aws_iam_role.known)[*].arn", [ROLE % 'known["k"]']),
        ("{ for k, r in aws_iam_role.known : k => r.arn }", {"k": ROLE % 'known["k"]'}),
        ("values(aws_iam_role.each)[*].arn", ["${aws_iam_role.each.arn}?"]),
        ("[for k, r in aws_iam_role.each : r.arn]", ["${aws_iam_role.each.arn}?"]),
        ("[for r in values(aws_iam_role.each) : r.arn]", ["${aws_iam_role.each.arn}?"]),
        ("aws_iam_role.each[var.e].arn", ROLE % "each[var.e]"),
    ],
)
def test_optional_instance_is_conditional(tmp_path: Path, expression: str, expected: object) -> None:
    """A role that may exist, or its replacement, by the condition of its ``count``."""
    found = evaluated(tmp_path, expression)
    assert shown(found) == expected
    pending, holes = [found], []
    while pending:
        node = pending.pop()
        if isinstance(node, Choice):
            pending.extend(option for _, option in node.options)
        elif isinstance(node, ListNode):
            pending.extend(node.items)
        elif isinstance(node, StringNode):
            holes.extend(node.unresolved_parts)
    assert all(hole.role is not None and hole.role.startswith("aws_iam_role.") for hole in holes)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ('var.u ? "a" : "a"', "a"),
        ('var.u ? ["a"] : ["a"]', ["a"]),
        ("false && var.u", False),
        ("var.u || true", True),
        ('data.aws_caller_identity.me.account_id == ""', False),
        ('data.aws_caller_identity.me.account_id == "*"', False),
        ("data.aws_caller_identity.me.account_id != null", True),
        (
            'data.aws_caller_identity.me.account_id == "111122223333"',
            '${data.aws_caller_identity.me.account_id == "111122223333"}',
        ),
        ('aws_iam_role.one.name == "*"', False),
        ('aws_iam_role.one.arn == "*"', False),
        ("aws_iam_role.one.arn == null", False),
        ("aws_iam_role.one != null", True),
        ('terraform.workspace == "a/b"', False),
        ('var.u == "*"', '${var.u == "*"}'),
        ('[for x in ["a", "b"] : x if var.u && x == "a"]', [either("var.u", "a", "absent")]),
        ('[for x in ["a", "b"] : [for y in ["c", var.u] : "${x}${y}"]]', [["ac", "a${var.u}"], ["bc", "b${var.u}"]]),
        ('{ for x in ["a", "b"] : var.u => x... }', {"${var.u}": ["a", "b"]}),
        ("null[*]", []),
        ('"one"[*]', ["one"]),
        ("var.u[*]", ["${var.u[*]}?"]),
        ("jsondecode(local.doc).a.b[0]", "x"),
        ("path.cwd", "${path.cwd}"),
        ("self.arn", "${self.arn}"),
        ("7 % 4 + 2 * 3", 9),
        ("1 + var.n", "${1 + var.n}"),
    ],
)
def test_decided_in_spite_of_unresolved_values(tmp_path: Path, expression: str, expected: object) -> None:
    """Equal operands, a deciding operand, and the kind of an unresolved value decide without its value."""
    assert shown(evaluated(tmp_path, expression)) == expected


# against a reference: the same expression with every value known

BOOLEAN = st.sampled_from(
    [
        "var.a",
        "var.b",
        '(var.e == "dev")',
        '(var.e != "prod")',
        "!var.a",
        "(var.a && var.b)",
        "(var.a || !var.b)",
        "true",
    ]
)
STRING = st.recursive(
    st.sampled_from(['"x"', '"y"', "var.e", '{ dev = "d", prod = "p" }[var.e]', 'lookup({ dev = "d" }, var.e, "o")']),
    lambda inner: st.one_of(
        st.builds("({} ? {} : {})".format, BOOLEAN, inner, inner),
        st.builds('"${{{}}}-${{{}}}"'.format, inner, inner),
        st.builds("upper({})".format, inner),
        st.builds('try({{ dev = {} }}[var.e], "none")'.format, inner),
    ),
    max_leaves=4,
)
LIST = st.recursive(
    st.one_of(
        st.builds("[{}]".format, STRING),
        st.builds("[{}, {}]".format, STRING, STRING),
        st.builds("{{ dev = [{}], prod = [] }}[var.e]".format, STRING),
    ),
    lambda inner: st.one_of(
        st.builds("concat({}, {})".format, inner, inner),
        st.builds("({} ? {} : [])".format, BOOLEAN, inner),
        st.builds('[for x in {} : "<${{x}}>" if {}]'.format, inner, BOOLEAN),
        st.builds("flatten([{}, [{}]])".format, inner, STRING),
        st.builds("compact({})".format, inner),
    ),
    max_leaves=3,
)
EXPRESSION = st.one_of(
    STRING,
    LIST,
    st.builds('concat({}, ["last"])[0]'.format, LIST),
    st.builds('join(",", {})'.format, LIST),
    st.builds('try({}[1], "none")'.format, LIST),
    st.builds("length({})".format, LIST),
    st.builds("merge({{ k = {} }}, {} ? {{ k = {} }} : {{}})".format, STRING, BOOLEAN, STRING),
)


NOT_KNOWN = "(not known)"
ANY_NUMBER = "(any number of elements)"


def agrees(value: object, expected: object) -> bool:
    """True if the known parts of a value equal the expected one."""
    if isinstance(value, str) and NOT_KNOWN in value:
        pattern = ".*".join(map(re.escape, value.split(NOT_KNOWN)))
        return value == NOT_KNOWN or (isinstance(expected, str) and re.fullmatch(pattern, expected) is not None)
    if isinstance(value, list) and isinstance(expected, list):
        if ANY_NUMBER in value:
            start, end = value.index(ANY_NUMBER), value[::-1].index(ANY_NUMBER)
            return len(value) - value.count(ANY_NUMBER) <= len(expected) and all(
                map(
                    agrees,
                    [*value[:start], *value[len(value) - end :]],
                    [*expected[:start], *expected[len(expected) - end :]],
                )
            )
        return len(value) == len(expected) and all(map(agrees, value, expected))
    if isinstance(value, dict) and isinstance(expected, dict):
        return value.keys() == expected.keys() and all(agrees(value[key], expected[key]) for key in value)
    return value == expected


def resolved(node: Node, world: dict[str, str]) -> object:
    """Return a node with the outcomes for these values of the variables."""
    if isinstance(node, Choice):
        facts = tuple(assume(f"var.{name}", f'"{value}"' if name == "e" else value) for name, value in world.items())
        options = [option for outcome, option in node.options if holds(outcome, world, facts)]
        assert len(options) == 1, [outcome for outcome, _ in node.options]
        return resolved(options[0], world)
    if isinstance(node, ListNode):
        return [value for item in node.items if (value := resolved(item, world)) != "absent"]
    if isinstance(node, ObjectNode):
        return {str(entry.key): resolved(entry.value, world) for entry in node.entries}
    if isinstance(node, StringNode):
        if node.optional:
            return ANY_NUMBER
        words = [part if isinstance(part, str) else world.get(part.expression[4:], NOT_KNOWN) for part in node.parts]
        return "".join(words)
    return "absent" if isinstance(node, Absent) else shown(node)


def holds(assumption: Assumption, world: dict[str, str], facts: PathCondition) -> bool:
    if assumption.predicate in (Predicate.NOT_EMPTY, Predicate.EVALUABLE):
        return not assumption.negated
    if "&&" in assumption.subject or "||" in assumption.subject:
        a, b = world["a"] == "true", world["b"] == "true"
        value = (a and b) if "&&" in assumption.subject else (a or not b)
        return value is not assumption.negated
    return consistent(facts, assumption)


@settings(max_examples=examples(60), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(expression=EXPRESSION)
@example(expression='concat(["x"], (var.a ? ["y"] : []), (var.b ? [] : ["z"]))[1]')
@example(expression='try(([var.a ? "x" : "y"])[1], "none")')
@example(
    expression='join(",", [for x in [try({ dev = { dev = "d", prod = "p" }[var.e] }[var.e], "none"), (var.a ? '
    '{ dev = "d", prod = "p" }[var.e] : try({ dev = { dev = "d", prod = "p" }[var.e] }[var.e], "none"))] : '
    '"<${x}>" if var.b])'
)
@example(expression='concat([for x in flatten([["x"], [var.e]]) : "<${x}>" if var.a], ["last"])[0]')
@example(expression='join(",", concat((var.a ? ["x"] : []), flatten([["x"], [var.e]])))')
def test_variants_equal_evaluation_with_each_value(tmp_path: Path, expression: str) -> None:
    """For each value of a variable, the variant equals the evaluation with that value known."""
    unknown = evaluated(tmp_path, expression, UNKNOWN)
    for a, b, e in product(("true", "false"), ("true", "false"), ("dev", "prod")):
        known = f'variable "a" {{\n  default = {a}\n}}\nvariable "b" {{\n  default = {b}\n}}\n'
        known += f'variable "e" {{\n  default = "{e}"\n}}\n'
        expected = resolved(evaluated(tmp_path, expression, known), {})
        if NOT_KNOWN not in str(expected):  # that is an error of Terraform, such as an index beyond the end
            assert agrees(resolved(unknown, {"a": a, "b": b, "e": e}), expected)


# what it costs

USE = 'resource "aws_iam_policy" "p" {\n  policy = jsonencode({ Statement = local.found })\n}\n'
PASS = '{ Effect = "Allow", Action = "iam:PassRole", Resource = %s }'


@pytest.mark.parametrize(
    "found",
    [
        "[" + ", ".join(f"var.u == {n} ? {PASS} : null" % f"var.i == {n} ? 1 : 2" for n in range(40)) + "]",
        "concat(" + ", ".join(f"var.u == {n} ? [{PASS}] : []" % n for n in range(60)) + ")",
        "merge(" + ", ".join(f"var.u == {n} ? {{ k{n} = {n} }} : {{}}" for n in range(40)) + ")",
        '"' + "".join(f"%{{ if var.u == {n} }}a%{{ else }}b%{{ endif }}" for n in range(60)) + '"',
        "[for x in range(900) : x if var.u == x]",
        pytest.param("[for x in range(120) : [for y in range(120) : y if var.u == x]]", marks=pytest.mark.slow),
        " + ".join(f"(var.u == {n} ? 1 : 2)" for n in range(60)),
        'concat(var.u ? ["a"] : [], ' + ", ".join(f"var.u == {n} ? [{n}] : []" for n in range(60)) + ")[30]",
        "{ " + ", ".join(f'k{n} = "v{n}"' for n in range(2000)) + " }[var.u]",
    ],
    ids=["statements", "concat", "merge", "template", "for", "nested", "sum", "index", "map"],
)
def test_independent_conditions_do_not_multiply(tmp_path: Path, found: str) -> None:
    """Many independent conditions do not multiply the work."""
    (tmp_path / "main.tf").write_text(f"{UNKNOWN}locals {{\n  found = {found}\n}}\n{USE}", encoding="utf-8")
    with at_most(3_000_000):
        result = scan_paths([tmp_path], ScanOptions())
    assert result.files and not [item for item in result.unreadable if "grows" in item.reason]


def test_too_many_conditions_become_unresolved(tmp_path: Path) -> None:
    """A string of many independent conditions follows the first few and keeps the rest of the text."""
    pieces = "".join(f'${{var.u == {number} ? "a" : "b"}}|' for number in range(40))
    node = evaluated(tmp_path, f'"{"".join(pieces)}"')
    while isinstance(node, Choice):
        node = node.options[0][1]
    assert isinstance(node, StringNode)
    assert str(node).startswith("a|") and str(node).count("|") == 40
    assert {hole.reason for hole in node.unresolved_parts} == {"too many alternatives"}
    # the value of an alternative is not that of the condition that it hangs on
    assert {hole.expression.partition(" ? ")[2] for hole in node.unresolved_parts} == {"… : …"}


def test_too_many_entries_keep_their_common_text(tmp_path: Path) -> None:
    """One of fifty ARNs of one path is a string with that path and one unresolved value."""
    entries = ", ".join(f'k{number} = "arn:aws:iam::111122223333:role/app/r{number}-x"' for number in range(50))
    node = evaluated(tmp_path, f"{{ {entries} }}[var.u]")
    assert isinstance(node, StringNode)
    assert str(node).startswith("arn:aws:iam::111122223333:role/app/r${") and str(node).endswith("}-x")


# in findings


def messages(root: Path, text: str) -> list[str]:
    (root / "main.tf").write_text(UNKNOWN + text, encoding="utf-8")
    return [f"{item.check_id[-3:]} {item.message}" for item in scan_paths([root], ScanOptions()).findings]


def policy(statements: str) -> str:
    return f'resource "aws_iam_policy" "p" {{\n  policy = jsonencode({{ Statement = [{statements}] }})\n}}\n'


def test_finding_in_every_variant_names_no_condition(tmp_path: Path) -> None:
    """Two wide variants are one finding without a condition."""
    (message,) = messages(tmp_path, policy(PASS % 'var.a ? "*" : "arn:aws:iam::*:role/*"'))
    assert "Applies" not in message


def test_conditional_statements_are_evaluated_separately(tmp_path: Path) -> None:
    """Each optional statement is evaluated on its own: every wide one is found, none is unresolved."""
    roles = '{ dev = "arn:aws:s3:::x", test = "arn:aws:s3:::y", prod = "*" }'
    text = "".join(f'variable "{kind}{n}" {{}}\n' for n in range(10) for kind in ("e", "on"))
    statements = ",\n".join(f"var.on{n} ? {PASS} : null" % f"{roles}[var.e{n}]" for n in range(10))
    with at_most(3_000_000):
        found = [item for item in messages(tmp_path, text + policy(f"\n{statements}\n")) if not item.startswith("010")]
    assert [item[:3] for item in found] == ["001"] * 10
    assert all(f"var.on{n} is true" in item and f'var.e{n} = "prod"' in item for n, item in enumerate(found))
