"""``explain`` lists all checks, and has a page for each."""

from __future__ import annotations

import json
import re

import pytest

from passrole_checks.checks import ALL
from passrole_checks.checks.base.check import Check
from passrole_checks.cli import main
from passrole_checks.findings import Severity

each_check = pytest.mark.parametrize("check", ALL, ids=[check.id for check in ALL])


def explained(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """Return the output of ``explain``, which must exit with 0 and print nothing to standard error."""
    assert main(["explain", *words]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    return captured.out


@each_check
def test_each_check_has_a_page(check: type[Check], capsys: pytest.CaptureFixture[str]) -> None:
    """The page shows id, name, severity, problem, risk, fix, and all flagged and clean examples."""
    page = explained(capsys, check.id)
    heading, *paragraphs = page.split("\n\n")
    assert heading == f"{check.id} {check.name} ({check.severity.value})"
    words = [paragraph for paragraph in paragraphs if not paragraph.startswith(("Flagged: ", "Clean: "))]
    assert len(words) >= 3
    for kind, examples in (("Flagged", check.flagged), ("Clean", check.clean)):
        assert re.findall(rf"^{kind}: (.*)$", page, re.MULTILINE) == [one.title for one in examples]
        assert examples


@each_check
def test_examples_are_valid_json(check: type[Check], capsys: pytest.CaptureFixture[str]) -> None:
    """The statements of an example are valid JSON, and equal to those of the check."""
    shown = re.findall(r"^(?:Flagged|Clean): .*\n((?:    .*\n?)+)", explained(capsys, check.id), re.MULTILINE)
    examples = [*check.flagged, *check.clean]
    assert len(shown) == len(examples)
    for text, example in zip(shown, examples, strict=True):
        statements = json.loads(text)
        assert (statements if isinstance(statements, list) else [statements]) == list(example.statements)


@each_check
def test_check_is_found_by_id_number_name_and_cfn_lint_id(
    check: type[Check], capsys: pytest.CaptureFixture[str]
) -> None:
    """Id, number, name and cfn-lint rule id lead to the same page."""
    number = check.id[-3:]
    letter = {Severity.INFO: "I", Severity.HIGH: "E"}.get(check.severity, "W")
    pages = {
        explained(capsys, word) for word in (check.id, number, str(int(number)), check.name, f"{letter}95{number[1:]}")
    }
    assert len(pages) == 1


def test_all_checks_are_listed_without_an_argument(capsys: pytest.CaptureFixture[str]) -> None:
    """Each check has a line with its id, severity and name, in order of numbers."""
    lines = explained(capsys).splitlines()
    assert [line.split()[:3] for line in lines] == [[one.id, one.severity.value, one.name] for one in ALL]
    assert [one.id for one in ALL] == sorted(one.id for one in ALL)
