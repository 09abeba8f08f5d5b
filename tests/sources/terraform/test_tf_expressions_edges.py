"""Edge cases of operators, indexes, loops and templates: other types, partly known values, too many values."""

from __future__ import annotations

from pathlib import Path

import pytest
from terraform_values import evaluated, shown

from passrole_checks.iam.values.nodes import StringNode

NO_DEFAULT = "no default"

ANSWERED = [
    # attributes and indexes
    ("(var.u ? { a = 1 } : { a = 2 }).a", ("var.u", 1, 2)),
    ("{ (5) = 1 }", {"5": 1}),
    ("{ ([1]) = 1 }", {"${…}": 1}),
    ('concat([for x in ["a"] : x if var.u], ["b"])[0]', ("var.u", "a", "b")),
    ('(var.u ? "a" : null)[*]', ("var.u", ["a"], [])),
    # arithmetic and comparisons
    ("7 % 4", 3),
    ("1.0e14 + 0", 100000000000000),
    ("true == 1", False),
    ('"a" == 1', False),
    ("[1] == [1, 2]", False),
    ("[1, 2] == [1, 3]", False),
    ("[1, 2] == [1, 2]", True),
    ("{ a = 1 } == { a = 1 }", True),
    ("{ a = 1 } == { a = 2 }", False),
    ("{ a = 1 } == { b = 1 }", False),
    ("{ a = 1 } == [1]", False),
    ('"abc${var.u}" == "abd${var.v}"', False),
    ('"abc${local.name}" == "abc${local.name}"', True),
    ('toset(["b", "a"]) == toset(["a", "b"])', True),
    ("null == jsonencode(1)", False),
    ("null == [1]", False),
    ("null == (var.u ? null : 1)", ("var.u", True, False)),
    # what jsonencode writes
    ("jsonencode([null, 1.0, 2.5, true])", "[null,1,2.5,true]"),
    ("jsonencode({ a = var.u ? 1 : 2 })", '{"a":${var.u}}'),
    ('jsonencode(concat(["a"], var.u))', '["a",${var.u}]'),
    ("jsonencode({ (var.u) = 1 })", "{${var.u}}"),
    ('"${jsonencode(merge(var.u, { a = 1 }))}!"', '{"a":1,${var.u}}!'),
    ('"x${[1]}"', "x${…}"),
    # loops and templates
    ('[for x in (var.u ? ["a"] : null) : x]', ("var.u", ["a"], '${[for x in (var.u ? ["a"] : null) : x]}')),
    ('[for x in [for y in ["a", "b"] : y if y == "b" || var.u] : x]', [("var.u", "a", "absent"), "b"]),
    ('"%{ if true }a%{ else }b%{ endif }"', "a"),
    ('"%{ for x in 5 }a%{ endfor }"', "${5}"),
    ('"%{ for x in ["a", "b"] ~}\\n ${x} %{ endfor ~}"', "a b "),
    # JSON that a template makes
    ('jsondecode("[%{ for x in var.u }\\"${x}\\",%{ endfor }1]")', ["${${var.u}}"]),
    ('jsondecode("{\\"%{ for x in var.u }${x}%{ endfor }\\": 1}")', {"${var.u}": 1}),
    ('jsondecode("[${jsonencode({ a = 1 })}]")', [{"a": 1}]),
    ('jsondecode("[%{ if var.u }null,%{ endif }2]")', ("var.u", [None, 2], [2])),
    ('"x%{ for x in var.u }${jsonencode({ a = x })}%{ endfor }"', "x${var.u}"),
]


@pytest.mark.parametrize(("expression", "expected"), ANSWERED)
def test_unusual_operands_keep_what_is_known(tmp_path: Path, expression: str, expected: object) -> None:
    """Known parts of unusual operands are kept, unknown parts stay unresolved in place."""
    assert shown(evaluated(tmp_path, expression)) == expected


UNANSWERED = [
    ('"abc".x', "no attribute x"),
    ('"abc"[0]', "not a collection"),
    ('"x${var.u}"[0]', "not a collection"),
    ("local.name[0]", "known after apply"),
    ('[for x in ["a"] : x if var.u][var.v]', NO_DEFAULT),
    ("{ (var.u) = 1 }[var.v]", NO_DEFAULT),
    ("7 % 0", "no number"),
    ("1e308 * 10", "no number"),
    ('"a" < 1', ""),
    ("[1, var.u] == [1, 2]", NO_DEFAULT),
    ("{ a = 1 } == { a = var.u }", NO_DEFAULT),
    ("{ (var.u) = 1 } == { a = 1 }", NO_DEFAULT),
    ('"abc${var.u}" == "abc${var.u}"', NO_DEFAULT),
    ('"a${var.u}" == "${var.v}b"', NO_DEFAULT),
    ('concat(["a"], var.u) == distinct(["a", var.v])', NO_DEFAULT),
    ('[for x in "a" : x]', "'for' over a value that is no collection"),
    ('join(",", [for x in range(1024) : "${var.u}${x}${var.v}${local.name}${local.account}"])', "too long"),
    ("path.nope", "a path"),
]


@pytest.mark.parametrize(("expression", "reason"), UNANSWERED)
def test_unknown_expression_is_unresolved_with_a_reason(tmp_path: Path, expression: str, reason: str) -> None:
    """An unknown expression is unresolved, with its text and the reason."""
    found = evaluated(tmp_path, expression)
    assert isinstance(found, StringNode)
    assert found.only_unresolved is not None
    assert found.only_unresolved.reason == reason


DATA = """
variable "arn" {}
data "aws_service_principal" "ec2" { service_name = "ec2" }
data "aws_partition" "p" {}
data "aws_sqs_queue" "q" { name = "q" }
data "aws_iam_instance_profile" "i" { name = "i" }
data "aws_iam_roles" "all" {}
data "aws_iam_roles" "below" { path_prefix = "/team/" }
data "aws_iam_session_context" "s" { arn = var.arn }
data "aws_iam_role" "by_arn" { name = aws_iam_role.r.unique_id }
data "aws_organizations_organization" "o" {}
data "template_file" "t" {
  template = "a-$${n}"
  vars     = { n = "b" }
}
data "template_file" "empty" {}
data "local_file" "f" { filename = "f.json" }
data "local_file" "none" {}
"""


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("data.aws_service_principal.ec2.suffix", ("the partition is aws-cn", "amazonaws.com", "amazonaws.com.cn")),
        (
            "data.aws_service_principal.ec2.name",
            ("the partition is aws-cn", "ec2.amazonaws.com", "ec2.amazonaws.com.cn"),
        ),
        ("data.aws_service_principal.ec2.id", "${data.aws_service_principal.ec2.id}"),
        (
            "data.aws_partition.p.reverse_dns_prefix",
            ("the partition is aws-cn", "com.amazonaws", "cn.com.amazonaws"),
        ),
        ("data.aws_partition.p.other", "${data.aws_partition.p.other}"),
        ("data.aws_caller_identity.me.user_id", "${data.aws_caller_identity.me.user_id}"),
        ("data.aws_caller_identity.me.other", "${data.aws_caller_identity.me.other}"),
        ("data.aws_sqs_queue.q.arn", "${data.aws_sqs_queue.q.arn}"),
        ("data.aws_iam_instance_profile.i.path", "${data.aws_iam_instance_profile.i.path}"),
        ("data.aws_iam_roles.all.names", ["?${data.aws_iam_roles.all.names[*]}"]),
        ("data.aws_iam_roles.below.arns", ["?${data.aws_iam_roles.below.arns[*]}"]),
        ("data.aws_iam_roles.all.id", "${data.aws_iam_roles.all.id}"),
        ("data.aws_iam_session_context.s.arn", "${var.arn}"),
        ("data.aws_iam_role.by_arn.arn", "${data.aws_iam_role.by_arn.arn}"),
        ("data.aws_organizations_organization.o.master_account_id",
         "${data.aws_organizations_organization.o.master_account_id}"),
        ("data.aws_organizations_organization.o.arn", "${data.aws_organizations_organization.o.arn}"),
        ("data.template_file.t.rendered", "a-b"),
        ("data.template_file.t.id", "${data.template_file.t.id}"),
        ("data.template_file.empty.rendered", "${data.template_file.empty.rendered}"),
        ("data.local_file.f.content", '{"a": 1}\n'),
        ("data.local_file.f.id", "${data.local_file.f.id}"),
        ("data.local_file.none.content", "${data.local_file.none.content}"),
    ],
)  # fmt: skip
def test_data_source_attribute_is_known_as_far_as_possible(tmp_path: Path, expression: str, expected: object) -> None:
    """Attributes known by the type or the block have values; the others are unresolved."""
    assert shown(evaluated(tmp_path, expression, DATA)) == expected


WRITTEN = """
data "aws_caller_identity" "me" {}
resource "local_file" "f" {
  filename = "${path.module}/f.json"
  content  = templatefile("f.tpl", { account = data.aws_caller_identity.me.account_id })
}
resource "local_file" "g" {
  filename = "g.json"
  content  = "b"
}
resource "local_file" "h" {
  filename = "h.json"
  content  = var.u
}
"""


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ('file("g.json")', "b"),
        ("data.local_file.g.content", "b"),
        ('file("f.json")', ("local_file.f exists", "arn:${data.aws_caller_identity.me.account_id}:x", '{"a": 1}\n')),
        ('file("h.json")', '${file("h.json")}'),
    ],
)
def test_file_that_a_resource_writes_has_its_content(tmp_path: Path, expression: str, expected: object) -> None:
    """Functions are evaluated before resources write: until then a file that is in the folder counts."""
    (tmp_path / "f.tpl").write_text("arn:${account}:x")
    declared = WRITTEN + 'data "local_file" "g" { filename = "g.json" }\n'
    assert shown(evaluated(tmp_path, expression, declared)) == expected


def test_one_of_a_resource_with_count_is_its_instance(tmp_path: Path) -> None:
    """Its attributes are those of the instance, also without a splat."""
    declared = 'resource "aws_iam_role" "c" {\n  count = 1\n  name  = "c"\n}\n'
    assert shown(evaluated(tmp_path, "one(aws_iam_role.c).name", declared)) == "${aws_iam_role.c[0].name}"


MERGED = [
    ('source_policy_documents = ["", "{}", "[1]", jsonencode({ Statement = [[{ sid = "A" }]] })]',
     '[${…},[{"Sid":"A"}]]'),
    ("source_policy_documents = [jsonencode({ (var.u) = 1 })]", "[${Statement}]"),
    ('source_policy_documents = [jsonencode({ Version = "2012-10-17" })]', "[]"),
    ('source_policy_documents = [jsonencode(var.u ? { Statement = [] } : { Statement = [{ Sid = "X" }] })]',
     "[${var.u}]"),
    ('source_policy_documents = [jsonencode({ Statement = var.u ? [{ Sid = "A" }] : [] })]\n'
     '  override_policy_documents = [jsonencode({ Statement = [{ Sid = var.v }] })]',
     '[${var.u},{"Sid":${var.v}}]'),
    ('source_policy_documents = [jsonencode({ Statement = var.u ? [[{ Sid = "A" }], [{ Sid = "B" }]] : [] })]\n'
     '  override_policy_documents = [jsonencode({ Statement = [{ Sid = var.v }] })]',
     '[${var.u},{"Sid":${var.v}}]'),
    ('statement {\n    actions   = null\n    resources = ["&{aws:username}"]\n'
     '    principals {\n      type        = "*"\n      identifiers = ["*"]\n    }\n  }',
     '[{"Effect":"Allow","Principal":"*","Resource":["${aws:username}"]}]'),
    ('statement {\n    actions = ["a"]\n'
     '    principals {\n      type        = var.u\n      identifiers = ["x"]\n    }\n  }',
     '[{"Action":["a"],"Effect":"Allow","Principal":{${principals}}}]'),
]  # fmt: skip


@pytest.mark.parametrize(("body", "statements"), MERGED)
def test_unusual_policy_document_data_sources_keep_statements(tmp_path: Path, body: str, statements: str) -> None:
    """Empty, invalid and unknown documents keep what is known of the statements."""
    found = evaluated(
        tmp_path, "data.aws_iam_policy_document.d.json", f'data "aws_iam_policy_document" "d" {{\n  {body}\n}}\n'
    )
    assert shown(found) == f'{{"Statement":{statements},"Version":"2012-10-17"}}'


TYPES = [
    (
        'object({ a = string, b = optional(number, 5), "c" = optional(bool) })',
        "{ a = 1 }",
        {"a": "1", "b": 5, "c": None},
    ),
    ("object({ (x) = string })", "{ a = 1 }", {}),
    ("object(1)", "{ a = 1 }", {"a": 1}),
    ("set(string)", '["a", "a", 1]', ["a", "1"]),
    ("set(list(string))", '[["a"], ["a"]]', [["a"], ["a"]]),
    ("tuple([string, number])", '[1, "2", true]', ["1", 2, True]),
    ("map(bool)", '{ a = "true", b = "x" }', {"a": True, "b": "x"}),
    ("list(" * 25 + "string" + ")" * 25, "[" * 25 + "1" + "]" * 25, 1),
]


@pytest.mark.parametrize(("type_", "default", "expected"), TYPES)
def test_unusual_types_convert_what_fits(tmp_path: Path, type_: str, default: str, expected: object) -> None:
    """A default is converted to its type; a value that does not fit, or is too deep, is not changed."""
    found = shown(evaluated(tmp_path, "var.t", f'variable "t" {{\n  type    = {type_}\n  default = {default}\n}}\n'))
    while isinstance(found, list) and type_.startswith("list(list("):
        (found,) = found
    assert found == expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("convert(var.u ? 1 : 2, string)", ("var.u", "1", "2")),
        ("convert({ (var.u) = 1 }, object({ a = string }))", {"${var.u}": 1}),
        ('"a%{ if var.u } %{ endif }b"', ("var.u", "a b", "ab")),
        ('"%{ if true ~} x %{ endif }y"', "x y"),
        ('"${""}%{ if false }a%{ endif }"', ""),
        ('jsondecode("[%{ for x in var.u }\\"a\\"],%{ endfor }[5]]")', ["${var.u}", [5]]),
        ('jsondecode("{\\"a\\": %{ if var.u }1%{ else }2%{ endif }}")', ("var.u", {"a": 1}, {"a": 2})),
        ('"a${jsonencode([1])}%{ for x in var.u }b%{ endfor }"', "a[1]${var.u}"),
    ],
)
def test_unusual_templates_keep_what_is_known(tmp_path: Path, expression: str, expected: object) -> None:
    """Directives and encoded values in templates keep the known parts of their text."""
    assert shown(evaluated(tmp_path, expression)) == expected


LONG = 'join("", [for x in range(201) : format("%1000s", "a")])'
PARTS = "${var.u}${var.v}${local.name}${local.account}x"
MANY = f'join("", [for x in range(800) : "{PARTS}"])'


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        (f"concat({', '.join(['range(1024)'] * 10)})", "too many elements"),
        ('merge([for i in range(11) : { for x in range(1000) : "${i}-${x}" => 1 }]...)', "too many entries"),
        (f'"%{{ for x in range(1024) }}{PARTS}%{{ endfor }}"', "too long"),
        (f"format(\"%s%s\", {MANY}, {MANY})", "too long"),
        ('csvdecode(join("\\n", [for x in range(1001) : "a,b,c,d,e,f,g,h,i,j"]))', "too many elements"),
        (f'regex("a", {LONG})', "the text is too long for a regular expression"),
        (f'replace({LONG}, "/a/", "b")', "the text is too long for a regular expression"),
        (f"yamldecode({LONG})", "too large"),
    ],
)  # fmt: skip
def test_oversized_values_are_unresolved(tmp_path: Path, expression: str, reason: str) -> None:
    """Collections and strings beyond the limits are not followed."""
    found = evaluated(tmp_path, expression)
    assert isinstance(found, StringNode)
    assert found.only_unresolved is not None
    assert found.only_unresolved.reason == reason
