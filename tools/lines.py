"""Print the lines of code of each package and what makes them hard to change, and compare them with CONTRIBUTING.

Run as ``python -m tools.lines``. The table of CONTRIBUTING names packages; a file counts in the longest name that is a
folder around it, so that a new folder counts in the row above it. Exit status 1: a number is above its limit.

- Code: lines with a token that is neither a comment nor a docstring. Every line of a text that is no docstring counts.
- Complexity: 1, plus 1 for each ``if`` (also in an expression or comprehension), ``for``, ``while``, ``except``, and
  ``case``, and for each operand of ``and`` and ``or`` after the first. A function contains the functions in it.
- Fields: annotated names in the body of a class with a decorator whose name contains ``dataclass``.
- Called once: private functions whose name occurs once in their module, apart from the definition.
"""

from __future__ import annotations

import ast
import io
import re
import sys
import tokenize
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

MAX_COMPLEXITY = MAX_FIELDS = 20
ROW = re.compile(r"^\| `(?P<package>\w[\w/]*)` \| (?P<limits>[\d,]+ \| \d+ \| \d+) \|$", re.MULTILINE)
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_DOCUMENTED = (ast.Module, ast.ClassDef, *_FUNCTIONS)
_BRANCHES = (ast.If, ast.IfExp, ast.For, ast.AsyncFor, ast.While, ast.ExceptHandler, ast.match_case)
_NO_CODE = {
    tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER,
}  # fmt: skip


class Size(NamedTuple):
    """Numbers of files: lines of code, functions over the maximum complexity, dataclasses over the maximum number of
    fields, private functions that are called once."""

    code: int = 0
    complex_functions: int = 0
    large_dataclasses: int = 0
    called_once: int = 0


def measure(text: str) -> Size:
    """Return the size of the source text of a module. Raises SyntaxError."""
    nodes = list(ast.walk(ast.parse(text)))
    functions = [node for node in nodes if isinstance(node, _FUNCTIONS)]
    names = Counter(
        getattr(
            node, "id" if isinstance(node, ast.Name) else "attr" if isinstance(node, ast.Attribute) else "name", None
        )
        for node in nodes
        if isinstance(node, (ast.Name, ast.Attribute, ast.alias))
    )
    return Size(
        len(set(_token_lines(text)) - set(_docstring_lines(nodes))),
        sum(complexity(function) > MAX_COMPLEXITY for function in functions),
        sum(_fields(node) > MAX_FIELDS for node in nodes if isinstance(node, ast.ClassDef)),
        sum(re.match("_(?!_)", function.name) is not None and names[function.name] == 1 for function in functions),
    )


def complexity(function: ast.AST) -> int:
    """Return the cyclomatic complexity of a function."""
    total = 1
    for node in ast.walk(function):
        if isinstance(node, _BRANCHES):
            total += 1
        elif isinstance(node, ast.BoolOp):
            total += len(node.values) - 1
        elif isinstance(node, ast.comprehension):
            total += 1 + len(node.ifs)
    return total


def _token_lines(text: str) -> Iterator[int]:
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in _NO_CODE:
            yield from range(token.start[0], token.end[0] + 1)


def _docstring_lines(nodes: list[ast.AST]) -> Iterator[int]:
    for node in nodes:
        if isinstance(node, _DOCUMENTED) and ast.get_docstring(node, clean=False) is not None:
            yield from range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1)


def _fields(class_: ast.ClassDef) -> int:
    is_dataclass = any("dataclass" in ast.unparse(decorator) for decorator in class_.decorator_list)
    return sum(isinstance(statement, ast.AnnAssign) for statement in class_.body) if is_dataclass else 0


def total(sizes: Iterable[Size]) -> Size:
    """Return the sum of sizes."""
    return Size(*map(sum, zip(Size(), *sizes, strict=True)))


def report(root: Path) -> tuple[str, list[str]]:
    """Return the table of sizes below a folder, and a sentence for each number above its limit in CONTRIBUTING."""
    rows = ROW.finditer((root / "CONTRIBUTING.md").read_text("utf-8"))
    limits = {row["package"]: tuple(map(int, row["limits"].replace(",", "").split(" | "))) for row in rows}
    files: dict[str, list[Size]] = {package: [] for package in limits}
    for top in dict.fromkeys(package.split("/")[0] for package in limits):
        for file in (root / top).rglob("*.py"):
            folders = [folder.relative_to(root).as_posix() for folder in file.parents if folder.is_relative_to(root)]
            files[next(folder for folder in folders if folder in limits)].append(measure(file.read_text("utf-8")))
    titles = ("lines of code", f"complexity over {MAX_COMPLEXITY}", f"over {MAX_FIELDS} fields", "called once")
    lines, above = [f"{'':40}" + "".join(f"{title:>20}" for title in titles)], []
    for package, limit in limits.items():
        size = total(files[package])
        cells = [f"{number:,} of {most:,}" for number, most in zip(size, limit, strict=False)]
        lines.append(f"{package:40}" + "".join(f"{cell:>20}" for cell in (*cells, f"{size.called_once:,}")))
        checked = zip(size, limit, titles, strict=False)
        above += [
            f"{package}: {title}: {number:,}, at most {most:,}" for number, most, title in checked if number > most
        ]
    product = total(size for package in limits if package.startswith("passrole_checks") for size in files[package])
    lines.append(f"{'the product':40}" + "".join(f"{number:>20,}" for number in product))
    return "\n".join(lines), above


def main() -> int:
    """Print the table, and what is above its limit. Return 1 if anything is, else 0."""
    table, above = report(Path(__file__).resolve().parents[1])
    print(table)
    for sentence in above:
        print(sentence, file=sys.stderr)
    if above:
        print("Write less, or raise the limit in CONTRIBUTING.md in a commit of its own.", file=sys.stderr)
    return 1 if above else 0


if __name__ == "__main__":
    sys.exit(main())
