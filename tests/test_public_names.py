"""Public names have docstrings."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "passrole_checks"
# Their classes are used all over the package, and by those who build on it: each method has its own words, too.
SPOKEN_OF_IN_FULL = (
    "suggest/suggestion.py", "checks/", "doctor/diagnosis.py", "errors.py", "findings.py",
    "scan/for_hosts/host_results.py", "iam/", "api.py", "scan/scanner.py", "review/report.py",
    "sources/model/configuration.py",
)  # fmt: skip
_OF_HOSTS = ("checkov_checks", "cfnlint_rules")  # read by their hosts, and not importable without them

Named = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def modules() -> list[str]:
    """The modules, as paths below the package."""
    found = (path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py"))
    return sorted(path.as_posix() for path in found if path.parts[0] not in _OF_HOSTS)


def public(body: list[ast.stmt]) -> Iterator[Named]:
    """The functions and classes among the statements that have a name for others; of an overload, the last one."""
    for one in body:
        if isinstance(one, Named) and not one.name.startswith("_"):
            decorators = one.decorator_list
            if not any(isinstance(name, ast.Name) and name.id == "overload" for name in decorators):
                yield one


def undocumented(module: str) -> Iterator[str]:
    tree = ast.parse((PACKAGE / module).read_text("utf-8"))
    if not ast.get_docstring(tree):
        yield "the module itself"
    for one in public(tree.body):
        if not ast.get_docstring(one):
            yield one.name
        if isinstance(one, ast.ClassDef) and module.startswith(SPOKEN_OF_IN_FULL):
            yield from methods_without_words(module, one)


def methods_without_words(module: str, class_: ast.ClassDef) -> Iterator[str]:
    """The methods without a docstring of their own or of what they override."""
    name = ".".join(("passrole_checks", *Path(module).with_suffix("").parts)).removesuffix(".__init__")
    for method in public(class_.body):
        if not ast.get_docstring(method):
            made = getattr(import_module(name), class_.name)
            if not inspect.getdoc(inspect.getattr_static(made, method.name)) and not _inherited(made, method.name):
                yield f"{class_.name}.{method.name}"


def silent_about_errors(module: str) -> Iterator[str]:
    """Return public functions and methods that raise a named error without documenting it."""
    tree = ast.parse((PACKAGE / module).read_text("utf-8"))
    classes = [one for one in public(tree.body) if isinstance(one, ast.ClassDef)]
    for function in [*public(tree.body), *(method for one in classes for method in public(one.body))]:
        if isinstance(function, ast.ClassDef):
            continue
        raised = {
            ast.unparse(one.exc).split("(")[0] for one in ast.walk(function) if isinstance(one, ast.Raise) and one.exc
        }
        words = ast.get_docstring(function) or ""
        yield from (f"{function.name}: {error}" for error in sorted(raised) if error not in words)


def _inherited(class_: type, name: str) -> str | None:
    return next((doc for base in class_.__mro__[1:] if (doc := inspect.getdoc(base.__dict__.get(name)))), None)


@pytest.mark.parametrize("module", modules())
def test_public_names_are_documented(module: str) -> None:
    """Each module, and each public function and class in it, has a docstring; in what others build on, each method."""
    assert list(undocumented(module)) == []


@pytest.mark.parametrize("module", [one for one in modules() if one.startswith(SPOKEN_OF_IN_FULL)])
def test_errors_of_public_names_are_documented(module: str) -> None:
    """In what others build on, whatever a function raises itself stands in its docstring."""
    assert list(silent_about_errors(module)) == []


def test_a_missing_docstring_would_be_found() -> None:
    """The rules are about modules that there are, and about enough of them."""
    assert all(any(module.startswith(prefix) for module in modules()) for prefix in SPOKEN_OF_IN_FULL)
    assert len(modules()) > 200
    (function,) = public(ast.parse("def f(): ...\ndef _g(): ...\n@overload\ndef h(): ...").body)
    assert not ast.get_docstring(function)
