"""The cases in ``cases/``: what is written, what is wished, and what is written then.

``python -m tools.regenerate`` writes what comes out.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from edits_of_tests import Workshop, change, framed, unframed

CASES = Path(__file__).parent / "cases"
_CASE = re.compile(
    r"^## (?P<title>[^\n]+)\n\n(?P<words>(?:(?!```|## )[^\n]*\n)*?)`(?P<name>[\w.]+)`, change `(?P<change>[^`]+)`\n\n"
    r"```\w*\n(?P<before>.*?)^```\n\n(?:```\w*\n(?P<after>.*?)^```\n|> (?P<reason>[^\n]*)\n)",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True)
class Case:
    title: str
    name: str
    change: str
    before: str
    after: str | None
    reason: str | None


def _cases(file: Path) -> list[Case]:
    text = file.read_text(encoding="utf-8")
    found = [
        Case(one["title"], one["name"], one["change"], one["before"], one["after"], one["reason"])
        for one in _CASE.finditer(text)
    ]
    assert len(found) == text.count("\n## ")
    return found


ALL = [pytest.param(one, id=f"{file.stem}: {one.title}") for file in sorted(CASES.glob("*.md")) for one in _cases(file)]


def _file_of(name: str) -> str:
    return name if name.endswith((".tf", ".tf.json", ".tfvars")) else "template" + Path(name).suffix


@pytest.mark.parametrize("case", ALL)
def test_only_the_statement_changes(case: Case, tmp_path: Path) -> None:
    """The edits turn the text before into the text after, or the reason is returned; a second run makes no edits."""
    out = Workshop(tmp_path).edited(_file_of(case.name), framed(case.name, case.before), change(case.change))
    if case.reason is not None:
        assert out == case.reason
    else:
        assert unframed(case.name, out) == case.after


@pytest.mark.parametrize("case", [one for one in ALL if one.values[0].after is not None])
def test_line_breaks_of_windows_and_a_byte_order_mark_are_kept(case: Case, tmp_path: Path) -> None:
    """In a file with a byte order mark and CR LF the same edits are made, with CR LF."""
    assert case.after is not None
    before, after = framed(case.name, case.before), framed(case.name, case.after)
    out = Workshop(tmp_path).edited(_file_of(case.name), "\ufeff" + before.replace("\n", "\r\n"), change(case.change))
    assert out == "\ufeff" + after.replace("\n", "\r\n")


def outputs() -> Iterator[tuple[Path, str]]:
    """Yield the files of cases, with the text that the edits produce now."""
    for file in sorted(CASES.glob("*.md")):
        text = file.read_text(encoding="utf-8")

        def result(found: re.Match[str]) -> str:
            name, before = found["name"], found["before"]
            with tempfile.TemporaryDirectory() as folder:
                try:
                    out = Workshop(Path(folder)).edited(_file_of(name), framed(name, before), change(found["change"]))
                except AssertionError as error:
                    out = f"FAILED {error}".replace("\n", " ")[:3000]
            head = found[0][: found.start("before") - found.start()] + before + "```\n\n"
            language = found[0][found[0].index("```") :].partition("\n")[0]
            if "\n" not in out:
                return f"{head}> {out}\n"
            return f"{head}{language}\n{unframed(name, out)}```\n"

        yield file, _CASE.sub(result, text)
