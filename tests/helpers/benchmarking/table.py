"""The results as a table of Markdown, and its place in the README."""

from __future__ import annotations

import re
from collections.abc import Iterable

from benchmarking.rows import Result, Row

_PLACE = re.compile(r"(?<=<!-- benchmark -->\n).*?(?=<!-- /benchmark -->)", re.DOTALL)
HEAD = "| what | | compared with | ratio | at most | met |\n|---|---|---|---|---|---|\n"


def table(results: Iterable[tuple[Row, Result]]) -> str:
    """The table, a line for each row in their order."""
    return HEAD + "".join(_line(row, result) for row, result in results)


def _line(row: Row, result: Result) -> str:
    ratio = "" if result.ratio is None else f"{result.ratio:.2f}"
    target = "" if row.target is None else f"{row.target:g}"
    return f"| {row.title} | {result.ours} | {result.theirs} | {ratio} | {target} | {row.met(result)} |\n"


def titles(page: str) -> list[str]:
    """The first cells of the lines of the table that a page shows."""
    (place,) = _PLACE.findall(page)
    return re.findall(r"^\| ([^|]+?) \|", place.partition("|---")[2], re.MULTILINE)


def placed(page: str, text: str) -> str:
    """The page with another text between its marks. Raises ValueError where it has none."""
    found, count = _PLACE.subn(lambda _: text, page)
    if count != 1:
        raise ValueError("there is no place for the benchmark in this page")
    return found
