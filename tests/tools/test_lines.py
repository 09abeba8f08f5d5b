"""The count of code, complexity, fields and calls, and the comparison with the limits in CONTRIBUTING."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.lines import MAX_COMPLEXITY, MAX_FIELDS, ROW, Size, measure, report

ROOT = Path(__file__).resolve().parents[2]
BRANCHES = "    if a and b or c: pass\n" * 6  # each adds 3
FIELDS = "".join(f"    f{number}: int = {number}\n" for number in range(MAX_FIELDS))


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ('"""Documented\n\nmodule."""\n\n# comment\nx = 1  # another\n', 1),
        ("x = (\n    1,\n\n    # comment\n    2,\n)\n", 4),
        ('x = """\n\n# part of the text\n"""\n', 4),
        ('def f() -> None:\n    """Return nothing."""\n', 1),
        ('class A:\n    """Have a\n    docstring."""\n    x = 1\n    """no docstring"""\n', 3),
        ('x = f"""{\n1}\n"""\n', 3),
        ("", 0),
    ],
)
def test_lines_without_code_are_not_counted(text: str, code: int) -> None:
    """Blank lines, comments and docstrings do not count; every line of another text does."""
    assert measure(text) == Size(code)


@pytest.mark.parametrize(
    ("more", "number"),
    [
        ("    return x if y else z\n", 0),
        ("    return [x for x in y]\n", 0),
        ("    return [x if x else y for x in y]\n", 1),
        ("    return [x for x in y if x]\n", 1),
        ("    def g(): return x if y else z if z else x\n", 1),
        ("    for x in y:\n        while x: pass\n", 1),
        ("    match x:\n        case 1 | 2: pass\n        case _: pass\n", 1),
        ("    try: pass\n    except A: pass\n    except B: pass\n", 1),
    ],
)
def test_function_over_the_maximum_complexity_is_counted(more: str, number: int) -> None:
    """A function has complexity 1, each branch adds 1, and so does each further operand of `and` and `or`."""
    assert measure(f"def f():\n{BRANCHES}{more}").complex_functions == number
    assert MAX_COMPLEXITY == 1 + 3 * 6 + 1


@pytest.mark.parametrize("decorator", ["@dataclass", "@dataclass(frozen=True)", "@dataclasses.dataclass"])
def test_dataclass_over_the_maximum_of_fields_is_counted(decorator: str) -> None:
    """A class with the decorator of dataclasses counts from one field above the maximum, any other class never."""
    class_ = f"class A:\n{FIELDS}"
    assert measure(f"{decorator}\n{class_}").large_dataclasses == 0
    assert measure(f"{decorator}\n{class_}    last: int = 0\n").large_dataclasses == 1
    assert measure(f"{class_}    last: int = 0\n").large_dataclasses == 0


@pytest.mark.parametrize(
    ("uses", "number"), [("", 0), ("_f()\n", 1), ("self._f\n", 1), ("_f()\n_f()\n", 0), ("from a import _f\n", 1)]
)
def test_private_function_whose_name_occurs_once_is_counted(uses: str, number: int) -> None:
    """The definition does not count as an occurrence."""
    assert measure(f"def _f(): pass\ndef f(): pass\nf()\n{uses}").called_once == number


def test_size_above_a_limit_is_reported(tmp_path: Path) -> None:
    """A file counts in the longest package around it, and each number above its limit is named."""
    (tmp_path / "CONTRIBUTING.md").write_text("| `p` | 1 | 0 | 0 |\n| `p/q` | 1,000 | 0 | 0 |\n", "utf-8")
    (tmp_path / "p/q/inner").mkdir(parents=True)
    (tmp_path / "p/other").mkdir()
    for file, text in (("p/a.py", "x = 1\n"), ("p/q/inner/a.py", "x = 1\n" * 1000), ("p/other/b.py", "")):
        (tmp_path / file).write_text(text, "utf-8")
    assert report(tmp_path)[1] == []
    (tmp_path / "p/other/b.py").write_text("x = 1\n", "utf-8")
    (tmp_path / "p/q/b.py").write_text(f"def f():\n{BRANCHES}    return x if y else z if z else x\n", "utf-8")
    table, above = report(tmp_path)
    assert [sentence.split(":")[0] for sentence in above] == ["p", "p/q", "p/q"]
    assert "1,008 of 1,000" in table


def test_every_package_has_a_limit() -> None:
    """Each folder below the product has a row of its own in CONTRIBUTING."""
    rows = {row["package"] for row in ROW.finditer((ROOT / "CONTRIBUTING.md").read_text("utf-8"))}
    packages = {file.parent.relative_to(ROOT).as_posix() for file in ROOT.glob("passrole_checks/*/__init__.py")}
    assert {"passrole_checks", "tests", "tools", *packages} <= rows
