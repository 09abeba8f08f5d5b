"""The python-hcl2 reader, the oracle of the default one, in its own environment.

python-hcl2 and checkov's fork install the same module, so these tests need an environment without checkov; elsewhere,
only the test that recognizes the fork runs.
"""

from __future__ import annotations

import importlib.util
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest

from passrole_checks.sources.terraform.reading import reader_python_hcl2, reader_tree_sitter
from passrole_checks.sources.terraform.reading.source import SourceText
from passrole_checks.sources.terraform.reading.syntax import Body, ParsedFile, TemplateExpression


def _installed(package: str) -> bool:
    try:
        return bool(version(package))
    except PackageNotFoundError:
        return False


FORK = _installed("bc-python-hcl2")


def both(text: str) -> tuple[ParsedFile, ParsedFile]:
    source = SourceText.of("m.tf", text.encode())
    return reader_tree_sitter.read(source), reader_python_hcl2.read(source)


def flat(body: Body) -> list[object]:
    """A body as plain values, everything built."""
    found: list[object] = [(one.name, one.span, one.value) for one in body.attributes]
    found.extend((block.type, block.labels, block.span, flat(block.body)) for block in body.blocks)
    return found


@pytest.mark.skipif(not FORK, reason="needs checkov's fork of python-hcl2")
def test_fork_of_checkov_is_recognized() -> None:
    """checkov's module of the same name is not used, and the reason names it."""
    assert importlib.util.find_spec("hcl2") is not None
    with pytest.raises(reader_python_hcl2.NotInstalled, match="bc-python-hcl2"):
        reader_python_hcl2.read(SourceText.of("m.tf", b"a = 1\n"))


ROOT = Path(__file__).parents[3] / "sample_templates"
FILES = sorted(path for suffix in ("tf", "tofu", "tfvars") for path in ROOT.rglob(f"*.{suffix}"))
SAMPLES = [
    "a = 1\nb = -12\nc = -1.5\n",
    "a = 1e5\nb = [-1E-3, 2.5e+3]\nc = \"1e5 ${1e2}\"\nd = x-1e5 + a1e5\n",
    'resource "aws_iam_role" r {\n  count = 2 # why\n\n  inner {\n    x = true\n  }\n}\n',
    'a = var.x[0].b["c"].*.d[0][*].e.0.f\n',
    "a = x ? y : z ? 1 : 2\nb = (x ? y : z) ? 1 : 2\n",
    "a = 1 + 2 * 3 - (4 - 5) % 6 >= 7 && !b || c != null\n",
    "a = f(1, [2, 3,], x...)\nb = provider::aws::g()\n",
    'a = { b = 1, (c) : 2, "d e" = [for x in y : x if x != null]\n  f = {for k, v in m : k => v...} }\n',
    'a = "x ${b} $${c} %{ if d ~} e %{ else }f%{ endif } %{for i, j in k}z%{endfor}%%{x} \\n\\"\\u00e9"\n',
    "a = <<EOT\n  x ${b}\n\n  ${f({ a = 1 })} $${c} %{ if d ~}\n  e\n  %{ endif ~}\nEOT\n",
    "b = <<-E\n    x\n      ${f({ a = \"}\" })}\n    E\n",
    'a = "é" == b\nc = ["ü", d]\n',
    'a "b" {\r\n  c = <<E\r\nx\r\nE\r\n}\r\n',
    "locals {}\na {\n}\n",
    'a = [\n  1, # one\n  2,\n  // two\n]\nb = {\n  c = 1,\n  /* d */ e = 2\n}\n',
    "a = x.y == null ? {} : {\n  b = c\n}\n",
]  # fmt: skip


@pytest.mark.second_reader
@pytest.mark.parametrize("text", SAMPLES)
def test_both_readers_build_the_same_tree(text: str) -> None:
    """Nodes, positions and text fragments are the same."""
    first, second = both(text)
    assert not first.problems
    assert not second.problems
    assert flat(first.body) == flat(second.body)


@pytest.mark.second_reader
@pytest.mark.parametrize("path", FILES, ids=[str(path.relative_to(ROOT)) for path in FILES])
def test_every_sample_gives_the_same_tree(path: Path) -> None:
    """Both readers agree on every Terraform sample; python-hcl2 rejects none of them."""
    source = SourceText.of("m.tf", path.read_bytes())
    first, second = reader_tree_sitter.read(source), reader_python_hcl2.read(source)
    assert [problem.line for problem in first.problems] == [problem.line for problem in second.problems]
    assert flat(first.body) == flat(second.body)


@pytest.mark.second_reader
def test_broken_block_hides_no_other() -> None:
    """The blocks around a broken one are kept, and the error has its line."""
    _, found = both('a "one" {\n}\nb "two" {\n  x = [1,\n}\nc "three" {\n}\n')
    assert [block.labels for block in found.body.blocks] == [("one",), ("three",)]
    assert len(found.problems) == 1
    assert 3 <= found.problems[0].line <= 6


@pytest.mark.second_reader
def test_template_files_are_the_same() -> None:
    """Both readers agree on the text of a template file."""
    source = SourceText("t.tpl", b'{"a": "\\n", ${x}\n%{ for a, b in c ~}\n  ${a["}"]}\n%{ endfor ~}\nend')
    first, second = reader_tree_sitter.read_template(source), reader_python_hcl2.read_template(source)
    assert isinstance(first, TemplateExpression)
    assert isinstance(second, TemplateExpression)
    assert first.parts == second.parts


@pytest.mark.second_reader
@pytest.mark.parametrize("value", ["[" * 120 + "]" * 120, "x" + ".y" * 120, "{ a = " * 120 + "1" + " }" * 120])
def test_too_deep_expression_is_unparsed(value: str) -> None:
    """Both readers report excessive nesting and steps, and parse the rest."""
    for found in both(f"a = {value}\nb = 1\n"):
        deep, beside = found.body.attributes
        assert "Unparsed" in repr(deep.value)
        assert beside.value == both("\nb = 1\n")[0].body.attributes[0].value
