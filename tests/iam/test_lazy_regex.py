"""Regular expressions that are compiled at first use behave like compiled ones, and all of the package are valid."""

import re
from importlib import import_module
from pathlib import Path

import pytest

import passrole_checks
from passrole_checks.iam.lazy_regex import lazy_regex

_LAZY = lazy_regex("")
_PACKAGE = Path(passrole_checks.__file__).parent


def test_methods_and_attributes_are_those_of_the_compiled_expression() -> None:
    word = lazy_regex(r"(?P<name>\w+)", re.IGNORECASE)
    found = word.match("role-1")
    assert found is not None
    assert found["name"] == "role"
    assert word.sub("x", "a-b") == "x-x"
    assert word.pattern == r"(?P<name>\w+)"
    assert word.groups == 1
    assert lazy_regex(rb"\d").findall(b"1a2") == [b"1", b"2"]


def test_expression_is_compiled_at_first_use() -> None:
    wrong = lazy_regex("(")
    with pytest.raises(re.error):
        wrong.match("a")


def test_method_is_looked_up_once() -> None:
    word = lazy_regex("a")
    assert word.match is word.match


def test_every_expression_is_valid() -> None:
    files = [path for path in _PACKAGE.rglob("*.py") if "import lazy_regex" in path.read_text(encoding="utf-8")]
    names = [".".join(path.relative_to(_PACKAGE.parent).with_suffix("").parts) for path in files]
    modules = [import_module(name.removesuffix(".__init__")) for name in names]
    expressions = [value for module in modules for value in vars(module).values() if type(value) is type(_LAZY)]
    assert len(expressions) > len(modules)
    assert all(one.pattern for one in expressions)
