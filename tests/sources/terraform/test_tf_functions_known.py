"""Every function of Terraform and OpenTofu on known values, as documented on its page."""

from __future__ import annotations

from pathlib import Path

import pytest

from passrole_checks.iam.values.nodes import Choice, Const, ListNode, Node, ObjectNode, StringNode, unresolved_in
from passrole_checks.sources.files.read_boundary import Boundary
from passrole_checks.sources.terraform.evaluation.to_plain import to_plain
from passrole_checks.sources.terraform.functions.call import BUILTIN_NAMES
from passrole_checks.sources.terraform.modules.folder import read_folder
from passrole_checks.sources.terraform.modules.module import Module
from passrole_checks.sources.terraform.modules.root_context import Run
from passrole_checks.sources.terraform.reading.files import Files

TERRAFORM = """
abs abspath alltrue anytrue base64decode base64encode base64gzip base64sha256 base64sha512 basename bcrypt can ceil
chomp chunklist cidrhost cidrnetmask cidrsubnet cidrsubnets coalesce coalescelist compact concat contains convert
csvdecode dirname distinct element endswith ephemeralasnull file filebase64 filebase64sha256 filebase64sha512
fileexists filemd5 fileset filesha1 filesha256 filesha512 flatten floor format formatdate formatlist indent index
issensitive join jsondecode jsonencode keys length list log lookup lower map matchkeys max md5 merge min nonsensitive
one parseint pathexpand plantimestamp pow range regex regexall replace reverse rsadecrypt sensitive setintersection
setproduct setsubtract setunion sha1 sha256 sha512 signum slice sort split startswith strcontains strrev substr sum
templatefile templatestring textdecodebase64 textencodebase64 timeadd timecmp timestamp title tobool tolist tomap
tonumber toset tostring transpose trim trimprefix trimspace trimsuffix try type upper urlencode uuid uuidv5 values
yamldecode yamlencode zipmap
"""
OPENTOFU = "base64gunzip cidrcontains flip_sensitive urldecode"


def evaluated(root: Path, expression: str) -> Node:
    (root / "main.tf").write_text(f'variable "u" {{}}\nlocals {{\n  found = {expression}\n}}\n', encoding="utf-8")
    folder = read_folder(root)
    assert [problem for parsed in folder.files for problem in parsed.problems] == []
    module = Module(Run(Files(Boundary.around(root))), folder)
    attribute = folder.locals["found"]
    return to_plain(module.local("found", module.scope(attribute.source).position(attribute.span)))


def shown(node: Node) -> object:
    if isinstance(node, StringNode):
        return str(node)
    if isinstance(node, Const):
        return node.value
    if isinstance(node, ListNode):
        return [shown(item) for item in node.items]
    if isinstance(node, ObjectNode):
        return {str(entry.key): shown(entry.value) for entry in node.entries}
    return node.condition if isinstance(node, Choice) else None


def test_function_names_match_documentation() -> None:
    """The names are those of Terraform's and OpenTofu's function references, and no others."""
    assert set(BUILTIN_NAMES) == set(TERRAFORM.split()) | set(OPENTOFU.split())


EXAMPLES = [
    # numbers
    ("abs(-23)", 23),
    ("abs(-12.4)", 12.4),
    ("ceil(5.1)", 6),
    ("floor(-1.1)", -2),
    ("log(50, 10)", 1.6989700043360185),
    ("log(16, 2)", 4),
    ("pow(3, 2)", 9),
    ("pow(4, 0)", 1),
    ("signum(-13)", -1),
    ("signum(0)", 0),
    ("max(5, 12, 9)", 12),
    ("max([12, 54, 3]...)", 54),
    ("min(12, 54, 3)", 3),
    ("sum([10, 13, 6, 4.5])", 33.5),
    ('parseint("FF", 16)', 255),
    ('parseint("-10", 2)', -2),
    ('parseint("1011111011101111", 2)', 48879),
    ('parseint("aA", 62)', 656),
    # strings
    ('chomp("hello\\r\\n\\n")', "hello"),
    ('chomp(" hello ")', " hello "),
    ('endswith("hello world", "world")', True),
    ('format("There are %d lights", 4)', "There are 4 lights"),
    ('format("%05.1f|%x|%b|%o", 3.14159, 255, 5, 8)', "003.1|ff|101|10"),
    ('format("%-5s|%5s|%05s", "ab", "cd", "e")', "ab   |   cd|0000e"),
    ('format("%#v", "hello")', '"hello"'),
    ('format("%v %v %v", 1, true, null)', "1 true null"),
    ('format("%q", "a\\"b")', '"a\\"b"'),
    ('format("%.2s", "hello")', "he"),
    ('format("%v", [1, "a"])', '[1,"a"]'),
    ('format("%e", 1234.5)', "1.234500e+03"),
    ('format("%+d % d", 3, 4)', "+3  4"),
    ('format("%t %s", "true", 12)', "true 12"),
    ('format("%d%%", "7")', "7%"),
    ('format("%[2]s-%[1]s", "a", "b")', "b-a"),
    ('formatlist("Hello, %s!", ["Valentina", "Ander"])', ["Hello, Valentina!", "Hello, Ander!"]),
    ('formatlist("%s, %s!", "Salutations", ["Ava", "Bo"])', ["Salutations, Ava!", "Salutations, Bo!"]),
    ('formatlist("one %s", "x")', ["one x"]),
    ('formatlist("%s", [])', []),
    ('indent(2, "a\\nb\\nc")', "a\n  b\n  c"),
    ('join(", ", ["foo"])', "foo"),
    ('join("-", ["a"], ["b", "c"])', "a-b-c"),
    ('join("-", [])', ""),
    ('join("", [1, true])', "1true"),
    ('lower("АЛЛО!")', "алло!"),
    ('upper("hello")', "HELLO"),
    ('title("hello world-wide it\'s_ok")', "Hello World-Wide It'S_ok"),
    ('regex("[a-z]+", "53453453.345345aaabbbccc23454")', "aaabbbccc"),
    ('regex("(\\\\d\\\\d\\\\d\\\\d)-(\\\\d\\\\d)-(\\\\d\\\\d)", "2019-02-01")', ["2019", "02", "01"]),
    (
        'regex("^(?:(?P<scheme>[^:/?#]+):)?(?://(?P<authority>[^/?#]*))?", "https://terraform.io/docs/")',
        {"scheme": "https", "authority": "terraform.io"},
    ),
    ('regexall("[a-z]+", "1234abcd5678efgh9")', ["abcd", "efgh"]),
    ('length(regexall("[a-z]+", "123456789"))', 0),
    ('regex("(a)|(b)", "b")', [None, "b"]),
    ('replace("1 + 2 + 3", "+", "-")', "1 - 2 - 3"),
    ('replace("hello world", "/w.*d/", "everybody")', "hello everybody"),
    ('replace("ab12", "/([a-z]+)(\\\\d+)/", "$2$1")', "12ab"),
    ('replace("aab", "/(?P<x>a)/", "<$${x}>")', "<a><a>b"),
    ('replace("abc", "", "-")', "-a-b-c-"),
    ('replace("a.b", "/$/", "!")', "a.b!"),
    ('replace("x", "/x/", "$$")', "$"),
    ('split(",", "foo")', ["foo"]),
    ('split(",", "")', [""]),
    ('split("", "abc")', ["a", "b", "c"]),
    ('startswith("hello world", "hello")', True),
    ('strcontains("hello world", "wor")', True),
    ('strcontains("hello world", "wod")', False),
    ('strrev("hello")', "olleh"),
    ('strrev("a ☃")', "☃ a"),
    ('substr("hello world", 1, 4)', "ello"),
    ('substr("hello world", -5, -1)', "world"),
    ('substr("hello", 6, 10)', ""),
    ('substr("hello", -9, 2)', "he"),
    ('substr("hello", 1, 0)', ""),
    ('trim("?!hello?!", "!?")', "hello"),
    ('trim("foobar", "far")', "oob"),
    ('trimprefix("helloworld", "cat")', "helloworld"),
    ('trimsuffix("helloworld", "world")', "hello"),
    ('trimspace("  hello\\n\\n")', "hello"),
    ('length("hello")', 5),
    ('length("")', 0),
    # collections
    ('alltrue(["true", true])', True),
    ("alltrue([true, null])", False),
    ("alltrue([])", True),
    ("anytrue([])", False),
    ('anytrue([false, "true"])', True),
    ('chunklist(["a", "b", "c", "d", "e"], 2)', [["a", "b"], ["c", "d"], ["e"]]),
    ('chunklist(["a", "b"], 0)', [["a", "b"]]),
    ('coalesce("", "b")', "b"),
    ('coalesce(["", "b"]...)', "b"),
    ("coalesce(null, 2)", 2),
    ('coalescelist([], ["c", "d"])', ["c", "d"]),
    ('compact(["a", "", "b", null, "c"])', ["a", "b", "c"]),
    ('concat(["a", ""], ["b", "c"])', ["a", "", "b", "c"]),
    ('contains(["a", "b", "c"], "d")', False),
    ('distinct(["a", "b", "a", "c", "d", "b"])', ["a", "b", "c", "d"]),
    ('element(["a", "b", "c"], 4)', "b"),
    ('element(["a", "b", "c"], -1)', "c"),
    ('flatten([["a", "b"], [], ["c"]])', ["a", "b", "c"]),
    ('index(["a", "b", "c"], "b")', 1),
    ("keys({a=1, c=2, d=3})", ["a", "c", "d"]),
    ('length({"a" = "b"})', 1),
    ("length([])", 0),
    ('lookup({a="ay", b="bee"}, "c", "what?")', "what?"),
    ('matchkeys(["i-123", "i-abc", "i-def"], ["us-west", "us-east", "us-east"], ["us-east"])', ["i-abc", "i-def"]),
    ('matchkeys(["a", "b"], [1, 2], ["2"])', ["b"]),
    ('merge({a="b", c="d"}, {e="f", c="z"})', {"a": "b", "e": "f", "c": "z"}),
    ("merge(null, { a = 1 })", {"a": 1}),
    ("merge()", {}),
    ('one(["a"])', "a"),
    ("one([])", None),
    ("range(3)", [0, 1, 2]),
    ("range(1, 4)", [1, 2, 3]),
    ("range(1, 8, 2)", [1, 3, 5, 7]),
    ("range(1, 4, 0.5)", [1, 1.5, 2, 2.5, 3, 3.5]),
    ("range(4, 1)", [4, 3, 2]),
    ("range(-2)", [0, -1]),
    ("range(10, 5, -2)", [10, 8, 6]),
    ("range(0)", []),
    ("reverse([1, 2, 3])", [3, 2, 1]),
    ('setintersection(["a", "b"], ["b", "c"], ["b", "d"])', ["b"]),
    (
        'setproduct(["development", "production"], ["app1", "app2"])',
        [["development", "app1"], ["development", "app2"], ["production", "app1"], ["production", "app2"]],
    ),
    ('setproduct(["a"], [])', []),
    ('setsubtract(["a", "b", "c"], ["a", "c"])', ["b"]),
    ('setunion(["b", "a"], ["b", "c"], ["d"])', ["a", "b", "c", "d"]),
    ('slice(["a", "b", "c", "d"], 1, 3)', ["b", "c"]),
    ('sort(["e", "d", "a", "x"])', ["a", "d", "e", "x"]),
    ('transpose({"a" = ["1", "2"], "b" = ["2", "3"]})', {"1": ["a"], "2": ["a", "b"], "3": ["b"]}),
    ("values({a=3, c=2, d=1})", [3, 2, 1]),
    ('zipmap(["a", "b"], [1, 2])', {"a": 1, "b": 2}),
    ('toset(["c", "b", "b"])', ["b", "c"]),
    ('tolist(toset(["b", "a"]))[0]', "a"),
    ("tolist([1, 2])", [1, 2]),
    ('tomap({"a" = 1})', {"a": 1}),
    ('tobool("true")', True),
    ("tobool(null)", None),
    ("tostring(true)", "true"),
    ("tostring(1.5)", "1.5"),
    ('tonumber("1.5e2")', 150),
    ("sensitive(1)", 1),
    ("nonsensitive(sensitive(1))", 1),
    ('ephemeralasnull("a")', "a"),
    ('list("a", "b")', ["a", "b"]),
    ('map("a", 1)', {"a": 1}),
    ('convert("5", number)', 5),
    # encoding and hashes
    ('base64encode("Hello World")', "SGVsbG8gV29ybGQ="),
    ('base64decode("SGVsbG8gV29ybGQ=")', "Hello World"),
    ('base64gunzip("H4sIAAAAAAACA8tIzcnJBwCGphA2BQAAAA==")', "hello"),
    ('textencodebase64("Hello World", "UTF-16LE")', "SABlAGwAbABvACAAVwBvAHIAbABkAA=="),
    ('textdecodebase64("SABlAGwAbABvACAAVwBvAHIAbABkAA==", "UTF-16LE")', "Hello World"),
    ('urlencode("Hello World!")', "Hello+World%21"),
    ('urlencode("☃")', "%E2%98%83"),
    ('urldecode("Hello+World%21")', "Hello World!"),
    ('csvdecode("a,b\\n1,2\\n3,4\\n")', [{"a": "1", "b": "2"}, {"a": "3", "b": "4"}]),
    ('jsondecode("{\\"hello\\": \\"world\\"}")', {"hello": "world"}),
    ('jsondecode("true")', True),
    ('yamldecode("hello: world")', {"hello": "world"}),
    ('yamldecode("a: &x {b: 1}\\nc: {<<: *x, d: \\"2\\"}")', {"a": {"b": 1}, "c": {"d": "2", "b": 1}}),
    ('yamldecode("[1, 1.5, ~, yes, 0x1]")', [1, 1.5, None, "yes", "0x1"]),
    ("yamldecode(yamlencode({ a = [1] })).a[0]", 1),
    ('md5("hello world")', "5eb63bbbe01eeed093cb22bb8f5acdc3"),
    ('sha1("hello world")', "2aae6c35c94fcfb415dbe95f408b9ce91ee846ed"),
    ('sha256("hello world")', "b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9"),
    ('base64sha256("hello world")', "uU0nuZNNPgilLlLX2n2r+sSE7+N6U4DukIj3rOLvzek="),
    ('substr(sha512("hello world"), 0, 10)', "309ecc489c"),
    ('substr(base64sha512("test"), 0, 8)', "7iaw3Ur3"),
    ('uuidv5("dns", "www.terraform.io")', "a5008fae-b28c-5ba5-96cd-82b4c53552d6"),
    # times
    ('timeadd("2017-11-22T00:00:00Z", "10m")', "2017-11-22T00:10:00Z"),
    ('timeadd("2017-11-22T00:00:00Z", "-1h30m")', "2017-11-21T22:30:00Z"),
    ('timecmp("2017-11-22T00:00:00Z", "2017-11-22T01:00:00+01:00")', 0),
    ('timecmp("2017-11-22T01:00:00Z", "2017-11-22T00:00:00Z")', 1),
    ('formatdate("DD MMM YYYY hh:mm ZZZ", "2018-01-02T23:12:01Z")', "02 Jan 2018 23:12 UTC"),
    ('formatdate("EEEE, DD-MMM-YY hh:mm:ss ZZZ", "2018-01-02T23:12:01-08:00")', "Tuesday, 02-Jan-18 23:12:01 -0800"),
    ('formatdate("h\'h\'mm", "2018-01-02T23:12:01Z")', "23h12"),
    # choosing
    ('try("a", "b")', "a"),
    ("try({ a = [{}.x] }, 2)", 2),
    ('can("a")', True),
    ("can([][0])", False),
    ('core::upper("a")', "A"),
    # the AWS provider's
    (
        'provider::aws::arn_parse("arn:aws:iam::444455556666:role/a/b")',
        {"partition": "aws", "service": "iam", "region": "", "account_id": "444455556666", "resource": "role/a/b"},
    ),
    ('provider::aws::arn_build("aws", "iam", "", "444455556666", "role/a")', "arn:aws:iam::444455556666:role/a"),
    ('provider::aws::trim_iam_role_path("arn:aws:iam::444455556666:role/x/y/a")', "arn:aws:iam::444455556666:role/a"),
]


@pytest.mark.parametrize(("expression", "expected"), EXAMPLES, ids=[example[0] for example in EXAMPLES])
def test_known_arguments_give_known_value(tmp_path: Path, expression: str, expected: object) -> None:
    """A function of known values is evaluated as Terraform does."""
    assert shown(evaluated(tmp_path, expression)) == expected


@pytest.mark.parametrize(
    "expression",
    [
        "upper()",
        'upper("a", "b")',
        "upper(null)",
        "upper([])",
        "upper({})",
        'concat("a")',
        "concat({})",
        "keys([])",
        "merge([])",
        "length(1)",
        "length(null)",
        "element([], 0)",
        'element(["a"], 0.5)',
        'index(["a"], "b")',
        'slice(["a"], 0, 2)',
        'slice(["a"], 1, 0)',
        "range(1, 2, 0)",
        "range(1, 2, -1)",
        "range(2000)",
        'zipmap(["a"], [])',
        'regex("b", "a")',
        'regex("(", "a")',
        'regex("(?=a)", "a")',
        'regex("a**", "a")',
        'regex("(a)\\\\1", "aa")',
        'replace("a", "/(/", "")',
        'jsondecode("{")',
        'yamldecode("a: b: c")',
        'csvdecode("a,b\\n1")',
        'base64decode("?")',
        'urldecode("%zz")',
        'format("%d", "a")',
        'format("%s")',
        'format("%s", null)',
        'format("%z", 1)',
        'format("a", 1)',
        'formatlist("%s%s", ["a"], ["b", "c"])',
        'join(",", [["a"]])',
        'join(",", [null])',
        'tonumber("a")',
        'tobool("yes")',
        "tobool(1)",
        "tostring([])",
        'tomap(["a"])',
        'toset("a")',
        "one([1, 2])",
        "sum([])",
        "max()",
        'parseint("12", 2)',
        'parseint("1", 99)',
        'lookup({}, "a")',
        "coalescelist([])",
        'timeadd("now", "1h")',
        'timecmp("a", "b")',
        'formatdate("QQ", "2018-01-02T23:12:01Z")',
        'matchkeys(["a"], [], ["b"])',
        'provider::aws::arn_parse("a:b")',
        'provider::aws::trim_iam_role_path("arn:aws:s3:::a")',
        'file("none.json")',
        'templatefile("none.json", {})',
        'uuidv5("none", "a")',
        "chunklist([1], -1)",
        'map("a")',
    ],
)
def test_invalid_arguments_fail(tmp_path: Path, expression: str) -> None:
    """An evaluation error of Terraform is caught by ``try`` and ``can``, and otherwise unresolved with a reason."""
    assert shown(evaluated(tmp_path, f'try({expression}, "caught")')) == "caught"
    assert shown(evaluated(tmp_path, f"can({expression})")) is False
    assert all(hole.reason for hole in unresolved_in(evaluated(tmp_path, expression)))


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("timestamp()", "known at apply only"),
        ("plantimestamp()", "known at apply only"),
        ("uuid()", "known at apply only"),
        ('bcrypt("a")', "known at apply only"),
        ('cidrhost("10.0.0.0/8", 1)', "CIDR functions are not evaluated"),
        ('cidrcontains("10.0.0.0/8", "10.0.0.1")', "CIDR functions are not evaluated"),
        ("issensitive(1)", "sensitivity is not tracked"),
        ('rsadecrypt("a", "b")', "a secret"),
        ('base64gzip("a")', "the bytes depend on the compressor"),
        ('nonsense("a")', "unknown function nonsense"),
        ('provider::time::rfc3339_parse("a")', "provider::time::rfc3339_parse is a provider function"),
        ('provider::aws::user_agent("a", "b", "c")', "provider::aws::user_agent is a provider function"),
        ('pathexpand("~/a.json")', "depends on the user who runs Terraform"),
        ('file("~/a.json")', "the file name is unknown"),
        ('file("/etc/hostname")', "file outside the scanned folder"),
        ('regex("\\\\p{Greek}", "a")', "Unicode class in a regular expression"),
        ('file("${path.cwd}/a.json")', "the file name is unknown"),
    ],
)
def test_unevaluated_function_has_reason(tmp_path: Path, expression: str, reason: str) -> None:
    """Clock, random values, secrets, networks, other providers and unknown functions are unresolved with a reason."""
    found = evaluated(tmp_path, expression)
    assert [hole.reason for hole in unresolved_in(found)] == [reason]
