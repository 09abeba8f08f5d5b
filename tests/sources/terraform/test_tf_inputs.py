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
from passrole_checks.iam.values.nodes import StringNode, strings_in
from passrole_checks.sources.model.configuration import Configuration, Inputs
from passrole_checks.sources.terraform import load

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
    (problem,) = configuration.notes.unreadable
    assert (problem.file, problem.line) == (str(given), line)
    assert words in problem.reason
    assert len(texts(configuration)) == 1


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
        assert {problem.file for problem in configuration.notes.unreadable} <= {"--var a"}
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
            assert {problem.file for problem in read(root, given_).notes.unreadable} <= {str(given_)}
