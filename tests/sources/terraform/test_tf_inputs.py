"""Input variables of a root module: precedence of values, and conversion to their types."""

from __future__ import annotations

import os
import tempfile
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from profiles import examples

from passrole_checks.iam.documents.policy import parse_document
from passrole_checks.iam.partial_values import Const, ListNode, ObjectNode, StringNode, strings_in
from passrole_checks.sources.model.configuration import Configuration, Inputs
from passrole_checks.sources.terraform import load, undeclared_inputs

PASS = 'jsonencode({ Statement = [{ Effect = "Allow", Action = "iam:PassRole", Resource = %s }] })'


def written(root: Path, variables: str, expression: str) -> Path:
    root.mkdir(parents=True, exist_ok=True)
    policy = f'resource "aws_iam_policy" "p" {{\n  policy = {PASS % expression}\n}}\n'
    (root / "main.tf").write_text(f"{variables}\n{policy}", encoding="utf-8")
    return root


def texts(configuration: Configuration) -> list[StringNode]:
    (policy,) = configuration.policies
    document = parse_document(policy.document)
    assert not document.problems
    return [text for statement in document.statements for text in statement.resources or ()]


def read(root: Path, *var_files: Path, **variables: str) -> Configuration:
    return load(root, inputs=Inputs(var_files, tuple(variables.items())))


def test_later_values_take_precedence(tmp_path: Path) -> None:
    """Automatically loaded files, then given files in order, then single values."""
    root = written(
        tmp_path / "root", "".join(f'variable "{name}" {{}}\n' for name in "abcd"), "[var.a, var.b, var.c, var.d]"
    )
    (root / "terraform.tfvars").write_text('a = "auto"\nb = "auto"\nc = "auto"\nd = "auto"\n')
    (root / "z.auto.tfvars").write_text('b = "late"\nc = "late"\nd = "late"\n')
    first, second = tmp_path / "first.tfvars", tmp_path / "second.json"
    first.write_text('b = "first"\nc = "first"\nd = "first"\n')
    second.write_text('{"c": "second", "d": "second"}')
    found = texts(read(root, first, second, d="single"))
    assert [text.literal for text in found] == ["auto", "first", "second", "single"]
    assert [text.literal for text in texts(read(root, second, first))] == ["auto", "first", "first", "first"]


def test_environment_is_ignored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """TF_VAR_… changes nothing, so that a scan is reproducible."""
    monkeypatch.setenv("TF_VAR_a", "environment")
    (text,) = texts(read(written(tmp_path, 'variable "a" {\n  default = "default"\n}\n', "var.a")))
    assert text.literal == "default"


def test_only_defaults_are_marked_as_defaults(tmp_path: Path) -> None:
    """A given value is no default; the default of another variable still is."""
    root = written(tmp_path, 'variable "a" {\n  default = "*"\n}\n', "var.a")
    given = tmp_path / "given.tfvars"
    given.write_text('a = "*"\n')
    assert texts(read(root))[0].defaults == ("var.a",)
    assert texts(read(root, given))[0].defaults == ()
    assert texts(read(root, a="*"))[0].defaults == ()


@pytest.mark.parametrize(
    ("type_", "given", "expected"),
    [
        ("", "[x", "[x"),
        ("type = string", "[x", "[x"),
        ("type = string", "a = b = c", "a = b = c"),
        ("type = string", "", ""),
        ('type = "string"', "007", "007"),
        ("type = number", "007", "7"),
        ("type = bool", "true", "true"),
        ("type = any", '"x"', "x"),
        ("type = list(string)", '["a", "b"]', "a,b"),
        ('type = "list"', '["a", "b"]', "a,b"),
        ("type = set(string)", '["a", "a"]', "a"),
        ("type = list(string)", "[1, true]", "1,true"),
        ("type = tuple([string, bool])", '["a", false]', "a,false"),
    ],
)
def test_var_option_is_text_or_expression_by_type(tmp_path: Path, type_: str, given: str, expected: str) -> None:
    """Strings, numbers, booleans and untyped variables take the text literally, all others an expression."""
    root = written(tmp_path, f'variable "a" {{\n  {type_}\n}}\n', 'join(",", flatten([var.a]))')
    configuration = read(root, a=given)
    assert configuration.unreadable == ()
    assert texts(configuration)[0].literal == expected


@pytest.mark.parametrize("given", ["[", "x", '["a"', '["a"]\nb = 1', 'file("x")', "a { }", '"a" "b"'])
def test_var_option_that_is_no_expression_is_reported(tmp_path: Path, given: str) -> None:
    """The error names the variable, which is unresolved: neither its default nor a guess."""
    root = written(tmp_path, 'variable "a" {\n  type = list(string)\n  default = ["default"]\n}\n', "var.a")
    configuration = read(root, a=given)
    assert [problem.file for problem in configuration.unreadable] == ["--var a"]
    assert [text.literal for text in texts(configuration)] == [None]


def test_var_option_has_the_position_of_its_declaration(tmp_path: Path) -> None:
    """A statement in a ``--var`` value is reported at the declaration of the variable."""
    root = tmp_path
    (root / "main.tf").write_text(
        '# values\nvariable "s" {\n  type = any\n}\nresource "aws_iam_policy" "p" {\n'
        "  policy = jsonencode({ Statement = [var.s] })\n}\n"
    )
    configuration = read(root, s='{ Effect = "Allow", Action = "iam:PassRole", Resource = "*" }')
    (statement,) = parse_document(configuration.policies[0].document).statements
    assert (statement.at.file, statement.at.line, statement.at.column) == (str(root / "main.tf"), 2, 1)


def test_variable_file_is_among_the_files(tmp_path: Path) -> None:
    """A statement in a variable file is reported there, and the file counts as read."""
    root = written(tmp_path / "root", 'variable "a" {}\n', "var.a")
    given = tmp_path / "given.tfvars"
    given.write_text('other = 1\na = "*"\n')
    configuration = read(root, given)
    assert (texts(configuration)[0].at.file, texts(configuration)[0].at.line) == (str(given), 2)
    assert str(given) in configuration.files


@pytest.mark.parametrize(
    ("name", "content", "line", "words"),
    [
        ("v.tfvars", b'a = "x"\nb = = 1\n', 2, "invalid HCL"),
        ("v.tfvars", b'a = "x"\nb = var.c\n', 2, "cannot refer to var"),
        ("v.tfvars", b'a = "x"\nb = [file("y")]\n', 2, "cannot call file()"),
        ("v.tfvars", b'a = "x"\nvariable "b" {}\n', 2, "variable block"),
        ("v.tfvars", b'a = "x"\nb = "\0"\n', 2, "NUL"),
        ("v.tfvars", b'a = "x"\nb = "\xff"\n', 2, "UTF-8"),
        ("v.json", b'{"a": "x",\n "b": }', 2, "not JSON"),
        ("v.json", b"[]", 1, "expected an object"),
        ("v.tfvars", None, None, "not found"),
    ],
)
def test_unreadable_variable_file_is_reported(
    tmp_path: Path, name: str, content: bytes | None, line: int | None, words: str
) -> None:
    """The error has file and line; the configuration is evaluated anyway."""
    root = written(tmp_path / "root", 'variable "a" {\n  default = "y"\n}\n', "var.a")
    given = tmp_path / name
    if content is not None:
        given.write_bytes(content)
    configuration = read(root, given)
    (problem,) = configuration.unreadable
    assert (problem.file, problem.line) == (str(given), line)
    assert words in problem.reason
    assert len(texts(configuration)) == 1


def test_broken_automatic_variable_file_is_reported(tmp_path: Path) -> None:
    """A broken terraform.tfvars is unreadable with its line, and its valid values are used."""
    root = written(tmp_path, 'variable "a" {}\n', "var.a")
    (root / "terraform.tfvars").write_text('b = [1,\n\n  2\na = "x"\n')
    (problem,) = read(root).unreadable
    assert (Path(problem.file).name, problem.line is not None) == ("terraform.tfvars", True)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the platform has no pipes")
def test_pipe_is_read_once(tmp_path: Path) -> None:
    """Values can come from a process (``--var-file <(…)``), also for several root modules."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=lambda: pipe.write_text('a = "secret"\n'))
    writer.start()
    for name in ("one", "two"):
        root = written(tmp_path / name, 'variable "a" {}\n', "var.a")
        assert texts(read(root, pipe))[0].literal == "secret"
    writer.join()


def test_undeclared_variables_are_reported(tmp_path: Path) -> None:
    """A value is reported, with its position, only if no root module declares its variable."""
    one = written(tmp_path / "one", 'variable "a" {}\n', "var.a")
    two = written(tmp_path / "two", 'variable "b" {}\n', "var.b")
    given = tmp_path / "v.tfvars"
    given.write_text('a = "x"\nslip = "y"\n')
    inputs = Inputs((given,), (("b", "x"), ("slop", "z")))
    found = undeclared_inputs((one, two), inputs)
    assert [(Path(note.file).name, note.line) for note in found] == [("v.tfvars", 2), ("--var slop", None)]
    assert "slip" in found[0].reason
    assert load(one, inputs=inputs).unreadable == ()


# types


def value_of(root: Path, variables: str, expression: str, **given: str) -> StringNode:
    (text,) = texts(read(written(root, variables, expression), **given))
    return text


def test_optional_attributes_get_defaults_at_any_depth(tmp_path: Path) -> None:
    """``optional`` applies to objects inside lists inside maps, and to null."""
    variables = (
        'variable "a" {\n  type = map(object({\n'
        '    rules = optional(list(object({ role = optional(string, "none"), on = optional(bool, true) })), [{}])\n'
        "    note = optional(string)\n  }))\n}\n"
    )
    given = '{ x = {}, y = { rules = [{ role = null }, { role = "r", on = "false" }] } }'
    assert value_of(tmp_path, variables, "var.a.x.rules[0].role", a=given).literal == "none"
    assert value_of(tmp_path, variables, "var.a.y.rules[0].role", a=given).literal == "none"
    assert value_of(tmp_path, variables, "var.a.y.rules[1].role", a=given).literal == "r"
    assert value_of(tmp_path, variables, 'var.a.y.rules[1].on ? "on" : "off"', a=given).literal == "off"
    assert value_of(tmp_path, variables, 'coalesce(var.a.x.note, "nothing")', a=given).literal == "nothing"


@pytest.mark.parametrize("mark", ["sensitive = true", "ephemeral = true", 'description = "x"', "validation {\n  }"])
def test_sensitive_values_are_used(tmp_path: Path, mark: str) -> None:
    """A value is used even if Terraform would not print it."""
    assert value_of(tmp_path, f'variable "a" {{\n  {mark}\n}}\n', "var.a", a="*").literal == "*"
    assert value_of(tmp_path, f'variable "a" {{\n  {mark}\n  default = "x"\n}}\n', "var.a").literal == "x"


def test_null_for_non_nullable_variable_is_the_default(tmp_path: Path) -> None:
    """``nullable = false`` replaces null with the default, also under a condition."""
    child = tmp_path / "child"
    child.mkdir()
    (child / "main.tf").write_text(
        'variable "r" {\n  default  = "default"\n  nullable = false\n}\noutput "r" {\n  value = var.r\n}\n'
    )
    call = 'variable "x" {}\nmodule "m" {\n  source = "./child"\n  r = %s\n}\n'
    assert value_of(tmp_path, call % "null", "module.m.r").literal == "default"
    found = texts(read(written(tmp_path, call % 'var.x ? "given" : null', "module.m.r")))
    assert [text.literal for text in found] == ["given", "default"]


def test_value_of_wrong_type_is_kept(tmp_path: Path) -> None:
    """Terraform rejects such a value; here it is kept, so that no policy in it is lost."""
    assert value_of(tmp_path, 'variable "a" {\n  type = any\n}\n', "var.a", a='"*"').literal == "*"
    (tmp_path / "terraform.tfvars").write_text('a = "*"\n')
    assert value_of(tmp_path, 'variable "a" {\n  type = list(string)\n}\n', "var.a").literal == "*"
    assert value_of(tmp_path, 'variable "a" {\n  type = number\n}\n', "var.a").literal == "*"


def test_numbers_booleans_and_strings_are_converted(tmp_path: Path) -> None:
    """A number becomes a string for a string variable, a string a boolean for a bool variable."""
    (tmp_path / "terraform.tfvars").write_text('account = 111122223333\non = "true"\nids = [1, 2]\n')
    variables = (
        'variable "account" {\n  type = string\n}\nvariable "on" {\n  type = bool\n}\n'
        'variable "ids" {\n  type = set(string)\n}\n'
    )
    wanted = 'var.on == true ? "arn:aws:iam::${var.account}:role/${join("", var.ids)}" : "off"'
    assert value_of(tmp_path, variables, wanted).literal == "arn:aws:iam::111122223333:role/12"


def test_variable_files_do_not_apply_to_child_modules(tmp_path: Path) -> None:
    """A child module's variable of the same name gets the argument of the call."""
    child = tmp_path / "child"
    child.mkdir()
    (child / "main.tf").write_text('variable "a" {\n  default = "own"\n}\noutput "a" {\n  value = var.a\n}\n')
    variables = 'variable "a" {}\nmodule "m" {\n  source = "./child"\n}\n'
    assert value_of(tmp_path, variables, "module.m.a", a="root").literal == "own"


def test_documents_in_variable_files_are_evaluated(tmp_path: Path) -> None:
    """A policy document given as an object in a file has its position there."""
    (tmp_path / "main.tf").write_text(
        'variable "p" {\n  type = any\n}\nresource "aws_iam_policy" "p" {\n  policy = jsonencode(var.p)\n}\n'
    )
    (tmp_path / "p.auto.tfvars.json").write_text(
        '{"p": {\n  "Statement": [\n    {"Effect": "Allow", "Action": "iam:PassRole", "Resource": "*"}\n  ]\n}}'
    )
    document = load(tmp_path).policies[0].document
    assert isinstance(document, ObjectNode)
    statements = document.get("Statement")
    assert isinstance(statements, ListNode)
    assert not isinstance(statements.items[0], Const)
    assert (Path(statements.items[0].at.file).name, statements.items[0].at.line) == ("p.auto.tfvars.json", 3)


def test_broken_value_is_unresolved_by_its_variable(tmp_path: Path) -> None:
    """A broken value is unresolved with the variable's name and the reason; a missing file is not among the files."""
    root = written(tmp_path, 'variable "a" {\n  type = any\n}\n', "var.a")
    configuration = read(root, tmp_path / "gone.tfvars", a="[")
    hole = texts(configuration)[0].only_unresolved
    assert hole is not None
    assert (hole.expression, hole.reason) == ("var.a", "the value of --var is not an HCL expression")
    assert str(tmp_path / "gone.tfvars") not in configuration.files


@given(
    value=st.one_of(st.text(max_size=12), st.text(alphabet='[]{}"=,$%()\\n\\\\a1 <#*/', max_size=12)),
    type_=st.sampled_from(["string", "any", "list(string)", "map(object({ a = optional(string) }))", "bool"]),
)
@settings(max_examples=examples(100))
def test_any_value_is_used_or_reported(value: str, type_: str) -> None:
    """For any text, the value is used or the one error is about it; nothing is raised."""
    with tempfile.TemporaryDirectory() as folder:
        root = written(Path(folder), f'variable "a" {{\n  type = {type_}\n}}\n', '["arn:aws:iam::*:role/x", var.a]')
        configuration = read(root, a=value)
        assert {problem.file for problem in configuration.unreadable} <= {"--var a"}
        (policy,) = configuration.policies
        assert "arn:aws:iam::*:role/x" in {text.literal for text in strings_in(policy.document)}


@given(content=st.one_of(st.binary(max_size=40), st.text(alphabet='[]{}"=,$%()\\n\\\\a1 <#*/', max_size=40)))
@settings(max_examples=examples(100))
def test_any_variable_file_is_read_or_reported(content: bytes | str) -> None:
    """For any content of a variable file, errors are about that file; nothing is raised."""
    with tempfile.TemporaryDirectory() as folder:
        root = written(Path(folder, "root"), 'variable "b" {}\n', "var.b")
        for name in ("v.tfvars", "v.json"):
            given_ = Path(folder, name)
            given_.write_bytes(content if isinstance(content, bytes) else content.encode())
            assert {problem.file for problem in read(root, given_).unreadable} <= {str(given_)}
