"""Terraform's JSON syntax: same blocks, expressions and positions as in HCL; errors are reported."""

from __future__ import annotations

import json

import pytest
from work import calls_of

from passrole_checks.sources.terraform.reading.reader_json import read
from passrole_checks.sources.terraform.reading.source import SourceText
from passrole_checks.sources.terraform.reading.syntax import (
    Binary,
    Block,
    Call,
    Expression,
    Fragment,
    GetAttribute,
    IfDirective,
    Interpolation,
    Literal,
    Name,
    Object,
    ParsedFile,
    TemplateExpression,
    Tuple,
)


def parsed(text: str, name: str = "m.tf.json") -> ParsedFile:
    return read(SourceText.of(name, text.encode()))


def value(block: Block, name: str) -> Expression:
    attribute = block.body.get(name)
    assert attribute is not None
    return attribute.value


def argument(text: str) -> Expression:
    """The value of an argument of a resource."""
    found = parsed(json.dumps({"resource": {"aws_x": {"y": {"a": text}}}}))
    assert not found.problems
    return value(found.body.blocks[0], "a")


def text_of(found: Expression) -> str:
    assert isinstance(found, TemplateExpression)
    return "".join(part.value if isinstance(part, Fragment) else "?" for part in found.parts)


def test_labels_are_nested_keys_and_blocks_are_objects_or_lists() -> None:
    """One key for each label; an object or a list of objects for the blocks, at every level."""
    found = parsed(
        """{
  "resource": {
    "aws_iam_role": {
      "a": {"name": "x"},
      "b": [{"name": "y"}]
    },
    "aws_iam_user": [{"c": {}}, {"d": {}}]
  },
  "data": [{"aws_iam_policy_document": {"e": {}}}],
  "module": {"f": {"source": "./m"}},
  "provider": {"aws": [{"region": "x"}, {"alias": "z"}]},
  "locals": {"g": 1}
}
"""
    )
    assert not found.problems
    assert [(block.type, *block.labels, block.span.line) for block in found.body.blocks] == [
        ("resource", "aws_iam_role", "a", 4),
        ("resource", "aws_iam_role", "b", 5),
        ("resource", "aws_iam_user", "c", 7),
        ("resource", "aws_iam_user", "d", 7),
        ("data", "aws_iam_policy_document", "e", 9),
        ("module", "f", 10),
        ("provider", "aws", 11),
        ("provider", "aws", 11),
        ("locals", 12),
    ]


def test_file_may_be_a_list_of_objects() -> None:
    """HCL's JSON specification accepts a list of objects for one body."""
    found = parsed('[{"locals": {"a": 1}},\n {"locals": {"b": 2}}]')
    assert not found.problems
    assert [block.span.line for block in found.body.blocks] == [1, 2]


def test_statements_in_a_list_are_blocks_with_their_lines() -> None:
    """Nested blocks have the positions of their objects."""
    found = parsed(
        """{"data": {"aws_iam_policy_document": {"d": {
  "statement": [
    {"actions": ["iam:PassRole"],
     "condition": [{"test": "StringEquals"}, {"test": "StringLike"}]},
    {"actions": ["*"], "principals": {"type": "AWS"}}
  ]
}}}}
"""
    )
    first, second = found.body.blocks[0].body.all("statement")
    assert [first.span.line, second.span.line] == [3, 5]
    assert [block.span.line for block in first.body.all("condition")] == [4, 4]
    assert [block.type for block in second.body.blocks] == ["principals"]
    actions = first.body.get("actions")
    assert actions is not None
    assert actions.span.line == 3


def test_dynamic_blocks_are_parsed() -> None:
    """The type of a dynamic block is a label; its iterator is a name, its elements an expression."""
    found = parsed(
        '{"data": {"aws_iam_policy_document": {"d": {"dynamic": {"statement": [{'
        '"for_each": "${var.x}", "iterator": "one", "content": {"actions": ["${one.value}"]}}]}}}}}'
    )
    dynamic = next(found.body.blocks[0].body.all("dynamic"))
    assert dynamic.labels == ("statement",)
    assert isinstance(value(dynamic, "for_each"), GetAttribute)
    iterator = value(dynamic, "iterator")
    assert isinstance(iterator, Name)
    assert iterator.name == "one"
    content = next(dynamic.body.all("content"))
    actions = value(content, "actions")
    assert isinstance(actions, Tuple)
    assert isinstance(actions.items[0], GetAttribute)


def test_locals_and_arguments_of_modules_are_never_blocks() -> None:
    """Locals and arguments may have any name, also that of a nested block."""
    found = parsed('{"locals": {"statement": {"a": 1}}, "module": {"m": {"source": "./m", "condition": [{"b": 1}]}}}')
    local, module = found.body.blocks
    assert isinstance(value(local, "statement"), Object)
    assert isinstance(value(module, "condition"), Tuple)
    assert not local.body.blocks
    assert not module.body.blocks


def test_strings_are_templates() -> None:
    """A single interpolation is its expression; otherwise it is part of a string; directives and escapes apply."""
    assert isinstance(argument("${a.b}"), GetAttribute)
    assert isinstance(argument("${f(1)}"), Call)
    assert isinstance(argument("${a + 1}"), Binary)
    mixed = argument("x ${a} y")
    assert isinstance(mixed, TemplateExpression)
    assert [type(part) for part in mixed.parts] == [Fragment, Interpolation, Fragment]
    directive = argument("%{ if a }b%{ endif }")
    assert isinstance(directive, TemplateExpression)
    assert isinstance(directive.parts[0], IfDirective)
    assert text_of(argument("$${a} %%{b}")) == "${a} %{b}"


@pytest.mark.parametrize("text", ['a\n  "b"\n', "<<EOT\nx\nEOT\n", "back\\slash \t é 😀", "a = 1 # no comment", " "])
def test_strings_keep_their_text(text: str) -> None:
    """Line breaks, quotes, backslashes and heredoc markers are text, also beside an interpolation."""
    assert text_of(argument(text)) == text
    assert text_of(argument(f"{text}${{a}}")) == f"{text}?"


def test_types_references_and_defaults_are_no_templates() -> None:
    """Types are expressions, references are references, and defaults are literal."""
    found = parsed(
        '{"variable": {"v": {"type": "list(string)", "default": "${not.evaluated}"}},'
        ' "resource": {"aws_x": {"y": {"provider": "aws.z", "depends_on": ["aws_x.w"]}}},'
        ' "module": {"m": {"source": "./${m}", "providers": {"aws": "aws.z"}}}}'
    )
    variable, resource, module = found.body.blocks
    assert isinstance(value(variable, "type"), Call)
    assert text_of(value(variable, "default")) == "${not.evaluated}"
    assert isinstance(value(resource, "provider"), GetAttribute)
    depends = value(resource, "depends_on")
    assert isinstance(depends, Tuple)
    assert isinstance(depends.items[0], GetAttribute)
    assert text_of(value(module, "source")) == "./${m}"
    providers = value(module, "providers")
    assert isinstance(providers, Object)
    assert isinstance(providers.items[0][1], GetAttribute)


def test_comments_are_ignored() -> None:
    """The key // is a comment in every body, and between labels; in a value it is a key."""
    found = parsed(
        '{"//": "c", "resource": {"//": "c", "aws_x": {"//": "c", "y": {"//": {"cdktf": 1}, "a": {"//": "kept"}}}}}'
    )
    assert not found.problems
    body = found.body.blocks[0].body
    assert [attribute.name for attribute in body.attributes] == ["a"]
    kept = body.attributes[0].value
    assert isinstance(kept, Object)
    assert len(kept.items) == 1


def test_null_block_is_no_block() -> None:
    """A block that is null is none; an argument that is null is one."""
    found = parsed('{"resource": null, "data": {"a": {"b": {"c": null}}}}')
    assert not found.problems
    literal = value(found.body.blocks[0], "c")
    assert isinstance(literal, Literal)
    assert literal.value is None


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("", 1, "not JSON"),
        ("{", 1, "not JSON"),
        ('{\n  // why\n  "resource": {}\n}', 2, "not JSON"),
        ('{\n  "resource": {\n    "a": {,}\n  }\n}', 3, "not JSON"),
        ('{"resource": {}}\nmore', 2, "not JSON"),
        ("7", 1, "not Terraform"),
        ('[{},\n "x"]', 2, "not Terraform"),
        ('{\n"resource": "x"}', 2, "not Terraform JSON: resource is not an object"),
        ('{"resource": {"aws_x":\n [7]}}', 2, "not Terraform JSON: resource.aws_x is not an object"),
        ('{"locals":\n\n true}', 3, "not Terraform JSON: locals is not an object"),
        ("[" * 100_000, 1, "not JSON"),
    ],
)
def test_invalid_json_is_reported(text: str, line: int, reason: str) -> None:
    """Invalid JSON, and other values instead of a block, are reported with their line."""
    found = parsed(text)
    assert [problem.line for problem in found.problems] == [line]
    assert found.problems[0].reason.startswith(reason)


def test_one_wrong_type_hides_no_other_block() -> None:
    """The blocks beside a wrong value are parsed, and every wrong value is reported."""
    found = parsed('{"resource": {"aws_x": {"a": {}, "b": 1, "c": {}, "d": "e"}}}')
    assert [block.labels[1] for block in found.body.blocks] == ["a", "c"]
    assert len(found.problems) == 2


def test_work_is_linear_in_the_file_size() -> None:
    """Four times the blocks take at most about four times as many calls."""

    def calls(count: int) -> int:
        roles = {f"r{number}": {"name": "x", "tags": {"a": "b"}} for number in range(count)}
        text = json.dumps({"resource": {"aws_iam_role": roles}}, indent=1)
        found: list[ParsedFile] = []
        taken = calls_of(lambda: found.append(parsed(text)))
        assert len(found[0].body.blocks) == count
        return taken

    assert calls(2000) < 4.2 * calls(500)
