"""The results as a table of Markdown, and its place on a page."""

from __future__ import annotations

import re
from collections.abc import Iterable

from benchmarking.rows import Result, Row

HEAD = "| what | | compared with | ratio | at most | met |\n|---|---|---|---|---|---|\n"
MARK_OF_TRAIL = "benchmark of trail"


def table(results: Iterable[tuple[Row, Result]]) -> str:
    """The table, a line for each row in their order."""
    return HEAD + "".join(_line(row, result) for row, result in results)


def _line(row: Row, result: Result) -> str:
    ratio = "" if result.ratio is None else f"{result.ratio:.2f}"
    target = "" if row.target is None else f"{row.target:g}"
    return f"| {row.title} | {result.ours} | {result.theirs} | {ratio} | {target} | {row.met(result)} |\n"


def grown(half: tuple[float, float, float], whole: tuple[float, float, float]) -> str:
    """A table of what half of the events and all of them took: how many, seconds of the processor, MB of memory."""
    head = f"| | {half[0]:,.0f} events | {whole[0]:,.0f} events | ratio |\n|---|---|---|---|\n"
    rows = (("processor time", half[1], whole[1], "s"), ("memory", half[2], whole[2], "MB"))
    return head + "".join(
        f"| {what} | {one:.0f} {unit} | {two:.0f} {unit} | {two / one:.2f} |\n" for what, one, two, unit in rows
    )


def titles(page: str) -> list[str]:
    """The first cells of the lines of the table that a page shows."""
    (place,) = _place("benchmark").findall(page)
    return re.findall(r"^\| ([^|]+?) \|", place.partition("|---")[2], re.MULTILINE)


def placed(page: str, text: str, mark: str = "benchmark") -> str:
    """The page with another text between the comments of a mark. Raises ValueError where it has none."""
    found, count = _place(mark).subn(lambda _: text, page)
    if count != 1:
        raise ValueError(f"there is no place for the {mark} in this page")
    return found


def _place(mark: str) -> re.Pattern[str]:
    return re.compile(rf"(?<=<!-- {mark} -->\n).*?(?=<!-- /{mark} -->)", re.DOTALL)
