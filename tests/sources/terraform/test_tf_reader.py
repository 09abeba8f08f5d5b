"""Tree-sitter reader: nodes, positions in characters, and the content kept after an error."""

from __future__ import annotations

import pytest

from passrole_checks.sources.terraform.reading.reader_tree_sitter import read, read_template
from passrole_checks.sources.terraform.reading.source import NotText, SourceText
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
    Tuple,
    Unary,
    Unparsed,
)


def parsed(text: str) -> ParsedFile:
    return read(SourceText.of("m.tf", text.encode()))


def value(expression: str) -> Expression:
    file = parsed(f"x = {expression}\n")
    assert not file.problems
    return file.body.attributes[0].value


def names(file: ParsedFile) -> list[str]:
    return [".".join((block.type, *block.labels)) for block in file.body.blocks]


def test_blocks_and_attributes_have_positions() -> None:
    """Blocks have quoted and unquoted labels; lines and columns count from one."""
    file = parsed('resource "aws_x" y {\n  a = 1\n  inner {\n    b = true\n  }\n}\n')
    block = file.body.blocks[0]
    assert (block.type, block.labels) == ("resource", ("aws_x", "y"))
    assert tuple(block.span) == (1, 1, 6, 2)
    assert tuple(block.body.attributes[0].span) == (2, 3, 2, 8)
    assert [inner.type for inner in block.body.all("inner")] == ["inner"]


def test_columns_count_characters_not_bytes() -> None:
    """A two-byte character before a value moves its column by one."""
    found = parsed('x = ["é", b]\n').body.attributes[0].value
    assert isinstance(found, Tuple)
    assert found.items[1].span.column == 11


def test_literals_are_parsed() -> None:
    """Numbers, booleans and null are literals; a minus is an operator."""
    assert isinstance(value("12"), Literal)
    assert [found.value for text in ("12", "1.5", "true", "null") if isinstance(found := value(text), Literal)] == [
        12,
        1.5,
        True,
        None,
    ]
    assert isinstance(value("-12"), Unary)


def test_references_are_parsed() -> None:
    """Attributes, both kinds of index and both kinds of splat are parsed."""
    found = value('a.b[0]["c"].1')
    assert isinstance(found, Index)
    assert isinstance(found.target, Index)
    full = value("a.b[*].c[0].d")
    assert isinstance(full, Splat)
    assert full.full
    assert [step if isinstance(step, str) else type(step).__name__ for step in full.each] == ["c", "Literal", "d"]


def test_index_after_attribute_splat_applies_to_result() -> None:
    """HCL's specification applies the index of ``x.*.arn[0]`` to the whole list."""
    found = value("x.*.arn[0]")
    assert isinstance(found, Index)
    assert isinstance(found.target, Splat)
    assert found.target.each == ("arn",)


def test_calls_conditionals_and_operators_are_parsed() -> None:
    """Precedence, double negation, an expanded last argument and names of provider functions."""
    found = value("a && b || !!c ? f(1, x...) : provider::aws::g()")
    assert isinstance(found, Conditional)
    assert isinstance(found.condition, Binary)
    assert found.condition.operator == "||"
    assert isinstance(found.then, Call)
    assert found.then.expand
    assert isinstance(found.otherwise, Call)
    assert found.otherwise.name == "provider::aws::g"


def test_conditionals_group_from_the_right() -> None:
    """``a ? b : c ? d : e`` chooses between ``b`` and the rest, unless parentheses group it."""
    found = value("a ? b : c ? d : e ? f : g")
    assert isinstance(found, Conditional)
    assert isinstance(found.condition, Name)
    assert isinstance(found.otherwise, Conditional)
    assert tuple(found.otherwise.span) == (1, 13, 1, 30)
    assert isinstance(found.otherwise.otherwise, Conditional)
    grouped = value("(a ? b : c) ? d : e")
    assert isinstance(grouped, Conditional)
    assert isinstance(grouped.condition, Conditional)


def test_parentheses_group_operands() -> None:
    """Parentheses decide the operands of an operator and the target of a step."""
    found = value("(1 + 2) * 3")
    assert isinstance(found, Binary)
    assert found.operator == "*"
    stepped = value("(a ? b : c).d")
    assert isinstance(stepped, GetAttribute)
    assert isinstance(stepped.target, Conditional)


def test_object_keys_are_literals_or_expressions() -> None:
    """A bare name is a literal key, a name in parentheses an expression; both separators are accepted."""
    found = value('{ a = 1, (b) : 2, "c d" = 3, true = 4, 5 = 6 }')
    assert isinstance(found, Object)
    assert [type(key) for key, _ in found.items] == [Literal, Name, TemplateExpression, Literal, Literal]


def test_for_expressions_are_parsed() -> None:
    """Lists and objects, with key, condition and grouping."""
    found = value("{for k, v in m : k => v... if v != null}")
    assert isinstance(found, For)
    assert (found.key, found.value, found.grouping) == ("k", "v", True)
    assert found.result_key is not None
    assert found.condition is not None


def test_whitespace_in_templates_is_kept() -> None:
    """Whitespace around an interpolation belongs to the text, even if the text has nothing else."""
    assert value('" "') == TemplateExpression((Fragment(" ", 1, 6),), value('" "').span)
    found = value('" ${a} ${b} "')
    assert isinstance(found, TemplateExpression)
    assert [part.value if isinstance(part, Fragment) else "$" for part in found.parts] == [" ", "$", " ", "$", " "]


def test_escapes_are_resolved() -> None:
    """Escapes are resolved, doubled signs become single, and such text is not exact."""
    found = value(r'"a\n\"\u00e9$${b}%%{c}"')
    assert isinstance(found, TemplateExpression)
    assert found.parts == (Fragment('a\n"é${b}%{c}', 1, 6, exact=False),)


def test_directives_nest_and_trims_remove_whitespace() -> None:
    """Directives nest, ``~`` removes whitespace, and the remaining text has its own position."""
    found = value('"a ${~ b ~}  c%{ if d ~}  e%{ else }f%{ endif }%{ for k, v in g }h%{ endfor }"')
    assert isinstance(found, TemplateExpression)
    first, middle, last, condition, loop = found.parts
    assert first == Fragment("a", 1, 6)
    assert isinstance(middle, Interpolation)
    assert last == Fragment("c", 1, 18)
    assert isinstance(condition, IfDirective)
    assert [part.value for part in (*condition.then, *condition.otherwise) if isinstance(part, Fragment)] == ["e", "f"]
    assert isinstance(loop, ForDirective)
    assert (loop.key, loop.value) == ("k", "v")


def test_heredocs_keep_their_lines() -> None:
    """A heredoc keeps whitespace and line breaks, and starts on the line after its marker."""
    found = value("<<EOT\n  {\n    ${a}\n  }\nEOT")
    assert isinstance(found, TemplateExpression)
    assert found.heredoc
    assert found.parts[0] == Fragment("  {\n    ", 2, 1)
    assert found.parts[2] == Fragment("\n  }\n", 3, 9)


def test_indented_heredoc_loses_smallest_indentation() -> None:
    """``<<-`` removes the smallest indentation from every line that is not blank."""
    found = value("<<-EOT\n    a\n\n      b\n    EOT")
    assert isinstance(found, TemplateExpression)
    assert found.indent == 4
    assert "".join(part.value for part in found.parts if isinstance(part, Fragment)) == "a\n\n  b\n"


def test_trim_in_heredoc_ends_with_its_line() -> None:
    """HCL reads heredocs line by line: ``~}`` removes the line break, but not the next line's indentation."""
    found = value("<<EOT\n%{ if a ~}\n  b\n%{ endif ~}\nc\nEOT")
    assert isinstance(found, TemplateExpression)
    condition = found.parts[0]
    assert isinstance(condition, IfDirective)
    assert [part.value for part in condition.then if isinstance(part, Fragment)] == ["  b\n"]
    assert found.parts[1] == Fragment("c\n", 5, 1)


def test_windows_line_ends_change_nothing() -> None:
    """A file with CRLF has the same blocks on the same lines."""
    file = parsed('a "b" {\r\n  c = <<E\r\nx\r\nE\r\n}\r\n\r\nd {\r\n}\r\n')
    assert names(file) == ["a.b", "d"]
    assert file.body.blocks[1].span.line == 7
    assert not file.problems


def test_byte_order_mark_is_skipped() -> None:
    """A byte order mark changes nothing."""
    file = read(SourceText.of("m.tf", b"\xef\xbb\xbfa {\n}\n"))
    assert names(file) == ["a"]
    assert file.body.blocks[0].span.column == 1


@pytest.mark.parametrize(
    ("words", "number"), [("1e5", 1e5), ("1E-3", 1e-3), ("2e+3", 2e3), ("2.5e3", 2.5e3), ("12", 12), ("0", 0)]
)
def test_numbers_may_have_an_exponent(words: str, number: float) -> None:
    """A number may have an exponent with or without a fraction; similar names and texts are no numbers."""
    assert value(words).value == number
    (text, name, first) = value(f'["{words}", x-{words.replace(".", "")}, {words}]').items
    assert text.parts[0].value == words
    assert getattr(first, "value", None) == number
    assert not isinstance(name, Literal)


@pytest.mark.parametrize(("data", "line"), [(b"a = 1\n\xff\n", 2), (b"a\n\n\0", 3)])
def test_invalid_encoding_is_an_error_with_its_line(data: bytes, line: int) -> None:
    """Bytes that are not UTF-8, and NUL, are an error with a line."""
    with pytest.raises(NotText) as error:
        SourceText.of("m.tf", data)
    assert error.value.line == line


def test_blocks_around_a_broken_one_are_kept() -> None:
    """A broken block is reported with its line; the blocks before and after it are parsed."""
    file = parsed('a "one" {\n}\n\nb "two" {\n  x = [1,\n}\n\nc "three" {\n  y = 1\n}\n')
    assert names(file) == ["a.one", "c.three"]
    assert [problem.line for problem in file.problems] == [5]


def test_unclosed_block_hides_no_other() -> None:
    """An unclosed block is reported at its header; the next block, which tree-sitter would swallow, is parsed."""
    file = parsed('a "one" {\n  x = 1\n\nb "two" {\n  y = 1\n}\n')
    assert names(file) == ["b.two"]
    assert [problem.line for problem in file.problems] == [1]


def test_every_error_is_reported() -> None:
    """Two broken blocks are two problems, each with a line of its block."""
    file = parsed("a {\n  x = \n}\nb {\n}\nc {\n  = 3\n}\nd {\n}\n")
    assert names(file) == ["b", "d"]
    first, second = (problem.line for problem in file.problems)
    assert 1 <= first <= 3
    assert 6 <= second <= 8


def test_prose_is_a_problem() -> None:
    """Prose is a problem without blocks."""
    file = parsed("Dear all,\n\nthis is not HCL!\n")
    assert not file.body.blocks
    assert file.problems[0].line == 1


def test_deep_nesting_ends_in_unparsed_node() -> None:
    """Expressions are parsed up to a limit of nesting."""
    found: Expression = value("[" * 500 + "]" * 500)
    for _ in range(200):
        if not isinstance(found, Tuple):
            break
        found = found.items[0]
    assert isinstance(found, Unparsed)
    assert "deep" in found.reason


def test_template_file_keeps_its_lines() -> None:
    """The text of a template file has no markers, and its backslashes are literal."""
    found = read_template(SourceText("t.tpl", b'{"a": "\\n",\n "b": ${c}}'))
    assert isinstance(found, TemplateExpression)
    assert found.parts[0] == Fragment('{"a": "\\n",\n "b": ', 1, 1)
    assert isinstance(found.parts[1], Interpolation)
    assert tuple(found.parts[1].span) == (2, 7, 2, 11)
    assert found.parts[2] == Fragment("}", 2, 11)
