"""Trees of expressions and templates written by hand from HCL's specification, required from both readers."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from passrole_checks.sources.terraform.reading import reader_python_hcl2, reader_tree_sitter
from passrole_checks.sources.terraform.reading.source import SourceText
from passrole_checks.sources.terraform.reading.syntax import (
    Binary,
    Call,
    Conditional,
    Expression,
    For,
    ForDirective,
    Fragment,
    GetAttribute,
    IfDirective,
    Index,
    Interpolation,
    Literal,
    Name,
    Object,
    ParsedFile,
    Splat,
    TemplateExpression,
    TemplatePart,
    Tuple,
    Unary,
    Unparsed,
)

Read = Callable[[SourceText], ParsedFile]
READERS = [
    pytest.param(reader_tree_sitter.read, id="tree-sitter"),
    pytest.param(reader_python_hcl2.read, id="python-hcl2", marks=pytest.mark.second_reader),
]


def shape(node: Expression | str) -> str:
    """A tree as text: prefix notation, literals in angle brackets, steps applied from the left."""
    if isinstance(node, str):
        return node
    if isinstance(node, Literal):
        return f"<{node.value}>"
    if isinstance(node, Name):
        return node.name
    if isinstance(node, GetAttribute):
        return f"attr({shape(node.target)} {node.name})"
    if isinstance(node, Index):
        return f"index({shape(node.target)} {shape(node.key)})"
    if isinstance(node, Splat):
        each = " ".join(shape(step) for step in node.each)
        return f"{'full' if node.full else 'splat'}({shape(node.target)} [{each}])"
    if isinstance(node, Call):
        return f"{node.name}({' '.join(map(shape, node.arguments))}{'...' if node.expand else ''})"
    if isinstance(node, Conditional):
        return f"if({shape(node.condition)} {shape(node.then)} {shape(node.otherwise)})"
    if isinstance(node, Unary):
        return f"({node.operator} {shape(node.operand)})"
    if isinstance(node, Binary):
        return f"({node.operator} {shape(node.left)} {shape(node.right)})"
    if isinstance(node, Tuple):
        return f"[{' '.join(map(shape, node.items))}]"
    if isinstance(node, Object):
        return "{" + " ".join(f"{shape(key)}={shape(value)}" for key, value in node.items) + "}"
    if isinstance(node, For):
        names = node.value if node.key is None else f"{node.key},{node.value}"
        key = "" if node.result_key is None else f"{shape(node.result_key)}=>"
        condition = "" if node.condition is None else f" if {shape(node.condition)}"
        dots = "..." if node.grouping else ""
        return f"for({names} in {shape(node.collection)} : {key}{shape(node.result)}{dots}{condition})"
    if isinstance(node, Unparsed):
        return f"?{node.reason}?"
    return "".join(map(piece, node.parts)) if node.parts else "''"


def piece(part: TemplatePart) -> str:
    if isinstance(part, Fragment):
        return repr(part.value)
    if isinstance(part, Interpolation):
        return f"${{{shape(part.expression)}}}"
    if isinstance(part, IfDirective):
        then, otherwise = ("".join(map(piece, parts)) for parts in (part.then, part.otherwise))
        return f"%if({shape(part.condition)} {then or '-'} {otherwise or '-'})"
    names = part.value if part.key is None else f"{part.key},{part.value}"
    return f"%for({names} in {shape(part.collection)} {''.join(map(piece, part.body))})"


def parsed(read: Read, text: str | bytes) -> ParsedFile:
    return read(SourceText.of("m.tf", text.encode() if isinstance(text, str) else text))


EXPRESSIONS = [
    # HCL specification, "Splat Operators": an index after .* is one of the result, after [*] one of each element
    ("x.*.arn[0]", "index(splat(x [arn]) <0>)"),
    ("x[*].arn[0]", "full(x [arn <0>])"),
    ("x.*.a.b[0].c", "attr(index(splat(x [a b]) <0>) c)"),
    ("x[*].a[*].b", "full(full(x [a]) [b])"),
    ("x.*", "splat(x [])"),
    ("x.*[0]", "index(splat(x []) <0>)"),
    ("x[*]", "full(x [])"),
    # legacy indexes
    ("a.0.b", "attr(index(a <0>) b)"),
    ("a.0.1", "index(index(a <0>) <1>)"),
    ("a.b.0", "index(attr(a b) <0>)"),
    ('a["b"].c[d.e]', "index(attr(index(a 'b') c) attr(d e))"),
    ("a.*.b.0", "index(splat(a [b]) <0>)"),
    # unary operators bind closer than any binary one, steps closer than those
    ("-1", "(- <1>)"),
    ("-a.b", "(- attr(a b))"),
    ("!a.b[0]", "(! index(attr(a b) <0>))"),
    ("-1 + 2", "(+ (- <1>) <2>)"),
    ("1 - -1", "(- <1> (- <1>))"),
    ("!a == b", "(== (! a) b)"),
    ("!a && b", "(&& (! a) b)"),
    ("-a * b", "(* (- a) b)"),
    ("a - b", "(- a b)"),
    ("a-b", "a-b"),
    ("5 -3", "(- <5> <3>)"),
    # precedence: * / %, + -, < <= > >=, == !=, &&, ||; equal ones group from the left
    ("1 + 2 * 3", "(+ <1> (* <2> <3>))"),
    ("1 * 2 + 3", "(+ (* <1> <2>) <3>)"),
    ("1 - 2 - 3", "(- (- <1> <2>) <3>)"),
    ("8 / 4 / 2", "(/ (/ <8> <4>) <2>)"),
    ("a % b * c", "(* (% a b) c)"),
    ("a < b == c", "(== (< a b) c)"),
    ("a == b != c", "(!= (== a b) c)"),
    ("a + b < c * d", "(< (+ a b) (* c d))"),
    ("a || b && c", "(|| a (&& b c))"),
    ("a && b || c", "(|| (&& a b) c)"),
    ("a == b && c != d", "(&& (== a b) (!= c d))"),
    ("(1 + 2) * 3", "(* (+ <1> <2>) <3>)"),
    ("a && b == c || !d", "(|| (&& a (== b c)) (! d))"),
    # the conditional binds loosest and groups from the right
    ("a ? b : c", "if(a b c)"),
    ("a ? b : c ? d : e", "if(a b if(c d e))"),
    ("a ? b ? c : d : e", "if(a if(b c d) e)"),
    ("a == b ? c + 1 : d || e", "if((== a b) (+ c <1>) (|| d e))"),
    ("(a ? b : c).d", "attr(if(a b c) d)"),
    ("a?b:c", "if(a b c)"),
    # line breaks and comments within brackets
    ("(\n  1\n  +\n  2\n)", "(+ <1> <2>)"),
    ("[\n  1, # one\n  // two\n  2,\n  /* three */ 3\n]", "[<1> <2> <3>]"),
    ("[ ]", "[]"),
    ("[1,]", "[<1>]"),
    ("f(\n  a,\n  b,\n)", "f(a b)"),
    ("f(a, b...)", "f(a b...)"),
    ("f()", "f()"),
    ("f(g(1)[0].h)", "f(attr(index(g(<1>) <0>) h))"),
    ("provider::aws::arn_parse(a)", "provider::aws::arn_parse(a)"),
    # objects: a bare name is a literal key; both separators, commas or line breaks
    ('{ a = 1, "b" = 2, (c) = 3, "d${e}" = 4 }', "{<a>=<1> 'b'=<2> c=<3> 'd'${e}=<4>}"),
    ("{\n  a : 1\n  b : 2,\n\n  c = 3\n}", "{<a>=<1> <b>=<2> <c>=<3>}"),
    ('{"a":1,"b":{"c":[]}}', "{'a'=<1> 'b'={'c'=[]}}"),
    ("{ true = 1, null = 2, 5 = 3 }", "{<true>=<1> <null>=<2> <5>=<3>}"),
    ('{ (a.b) = 1, ("c") = 2, (f(x)) = 3 }', "{attr(a b)=<1> 'c'=<2> f(x)=<3>}"),
    ("{\n  # nothing\n}", "{}"),
    # for
    ("[for x in y : x.z]", "for(x in y : attr(x z))"),
    ("[for k, v in y :\n  v\n  if k != null\n]", "for(k,v in y : v if (!= k <None>))"),
    ("{for k, v in m : k => v... if v}", "for(k,v in m : k=>v... if v)"),
    ("{ for x in [for y in z : y] : x => { a = x } }", "for(x in for(y in z : y) : x=>{<a>=x})"),
    # literals
    ("12345678901234567890", "<12345678901234567890>"),
    ("1.50", "<1.5>"),
    ("null", "<None>"),
    ("nullable", "nullable"),
]  # fmt: skip

TEMPLATES = [
    ('""', "''"),
    ('" "', "' '"),
    ('"  a  "', "'  a  '"),
    ('"${a}"', "${a}"),
    ('" ${a} ${b} "', "' '${a}' '${b}' '"),
    ('"a ${"b ${c} d"} e"', "'a '${'b '${c}' d'}' e'"),
    ('"${{ a = "}" }.a}"', "${attr({<a>='}'} a)}"),
    ('"$${a}"', "'${a}'"),
    ('"%%{ if a }"', "'%{ if a }'"),
    ('"$$ % $"', "'$$ % $'"),
    ('"\\"\\\\\\n\\t"', repr('"\\\n\t')),
    ('"\\u00e9\\U0001F600"', repr("é\U0001f600")),
    ('"# // /* <<E"', "'# // /* <<E'"),
    ('"%{ if a }b%{ else }c%{ endif }"', "%if(a 'b' 'c')"),
    ('"x %{ if a ~} y %{~ endif } z"', "'x '%if(a 'y' -)' z'"),
    ('"%{ for k, v in m }${k}=${v};%{ endfor }"', "%for(k,v in m ${k}'='${v}';')"),
    ("<<EOT\nEOT", "''"),
    ("<<EOT\n  a\n\n${b}\n\tEOT", "'  a\\n\\n'${b}'\\n'"),
    ("<<-EOT\n    a\n\n      ${b}\n    c\n  EOT", "'a\\n\\n  '${b}'\\nc\\n'"),
    ("<<-EOT\n  ${a}\n    b\n  EOT", "${a}'\\n  b\\n'"),
    ("<<-EOT\n    a\n  b\n  EOT", "'  a\\nb\\n'"),
    ("<<-EOT\n    a\n${b}\n  EOT", "'    a\\n'${b}'\\n'"),
    ("<<-EOT\n\ta\n\t\tb\n\tEOT", "'a\\n\\tb\\n'"),
    ('<<EOT\n"\\n" $${a} # no comment\nEOT', "'\"\\\\n\" ${a} # no comment\\n'"),
    ("<<EOT\nEOTX\n EOTX\nEOT", "'EOTX\\n EOTX\\n'"),
]  # fmt: skip
# valid HCL that python-hcl2 does not read
DEFAULT_ONLY = [
    ("!!b", "(! (! b))"),
    ("--1", "(- (- <1>))"),
    ("b -12", "(- b <12>)"),
    ('"x ${~ y ~} z"', "'x'${y}'z'"),
    ('"$${"', "'${'"),
    ('"%%{"', "'%{'"),
    ('"${\n  b\n}"', "${b}"),
    ('"$$${x}"', "'$$'${x}"),
    ("/* a */ b /* c */ + /* d */ e", "(+ b e)"),
    ("größe.名前", "attr(größe 名前)"),
    ("[for ä in é : ä]", "for(ä in é : ä)"),
]


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize(("text", "tree"), EXPRESSIONS + TEMPLATES)
@pytest.mark.parametrize("crlf", [False, True], ids=["LF", "CRLF"])
def test_both_readers_build_the_specified_tree(read: Read, text: str, tree: str, crlf: bool) -> None:
    """Both readers build the tree of the specification, for all line ends."""
    whole = f"x = {text}\n"
    found = parsed(read, whole.replace("\n", "\r\n") if crlf else whole)
    assert not found.problems
    assert shape(found.body.attributes[0].value).replace("\\r\\n", "\\n") == tree


@pytest.mark.parametrize(("text", "tree"), DEFAULT_ONLY)
def test_default_reader_builds_the_specified_tree(text: str, tree: str) -> None:
    """The default reader parses by the specification what python-hcl2 rejects."""
    found = parsed(reader_tree_sitter.read, f"x = {text}\n")
    assert not found.problems
    assert shape(found.body.attributes[0].value) == tree


@pytest.mark.parametrize("read", READERS)
def test_columns_are_characters(read: Read) -> None:
    """Characters of two, three and four bytes count as one column, in strings, comments and tabs before a value."""
    found = parsed(read, '/* é名😀 */ a = ["é名😀", b]\n\tc = 1\n')
    value = found.body.attributes[0].value
    assert isinstance(value, Tuple)
    assert [tuple(item.span) for item in value.items] == [(1, 16, 1, 21), (1, 23, 1, 24)]
    assert tuple(found.body.attributes[1].span) == (2, 2, 2, 7)


@pytest.mark.parametrize("read", READERS)
def test_byte_order_mark_moves_no_column(read: Read) -> None:
    """Columns of the first line count from after the mark."""
    assert tuple(parsed(read, b"\xef\xbb\xbfa = 1\n").body.attributes[0].span) == (1, 1, 1, 6)


@pytest.mark.parametrize("read", READERS)
def test_very_long_line_is_parsed(read: Read) -> None:
    """A list of two thousand strings on one line is parsed with all positions."""
    found = parsed(read, "a = [" + '"xxxx", ' * 2_000 + "b]\n").body.attributes[0].value
    assert isinstance(found, Tuple)
    assert len(found.items) == 2_001
    assert found.items[-1].span.column == 6 + 8 * 2_000


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize(
    "text",
    [
        "/* c */ b \"l\" { # c\n  // c\n  a = 1 # c\n  /* c\n } */ c = 2 // c\n  d { /* c */ }\n} # c\n# c",
        "b \"l\" {\n\n\n\ta\t=\t1\n\n  c=2\n  d {}\n\n}\n\n",
        "b l {\r\n  a = 1\r\n  c = 2\r\n  d {\r\n  }\r\n}\r\n",
    ],
    ids=["comments", "blanks", "CRLF"],
)  # fmt: skip
def test_comments_and_whitespace_change_only_positions(read: Read, text: str) -> None:
    """Text between tokens changes nothing but positions."""
    found = parsed(read, text)
    assert not found.problems
    block = found.body.blocks[0]
    assert (block.type, block.labels) == ("b", ("l",))
    assert [(one.name, shape(one.value)) for one in block.body.attributes] == [("a", "<1>"), ("c", "<2>")]
    assert [inner.type for inner in block.body.blocks] == ["d"]


@pytest.mark.parametrize("read", READERS)
def test_directives_in_heredocs_nest(read: Read) -> None:
    """A loop in a conditional in a loop, each on its own lines, with trims."""
    text = (
        "x = <<EOT\n%{ for a in b ~}\n%{ if a }\n${a}\n%{ else ~}\n"
        "%{ for c in a ~}${c}%{ endfor ~}\n%{ endif }\n%{ endfor }\nEOT\n"
    )
    value = parsed(read, text).body.attributes[0].value
    assert isinstance(value, TemplateExpression)
    loop = value.parts[0]
    assert isinstance(loop, ForDirective)
    assert shape(value) == r"%for(a in b %if(a '\n'${a}'\n' %for(c in a ${c}))'\n')'\n'"
