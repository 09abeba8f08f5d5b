"""``explain`` has a page for each check, and a line for it in its list."""

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
    """What ``explain`` prints; it must end well and say nothing on standard error."""
    assert main(["explain", *words]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    return captured.out


@each_check
def test_a_check_has_a_page(check: type[Check], capsys: pytest.CaptureFixture[str]) -> None:
    """The page of each check tells its id, name and severity, what is wrong, what follows from it, how to mend it, and
    all of its examples, flagged and clean ones."""
    page = explained(capsys, check.id)
    heading, *paragraphs = page.split("\n\n")
    assert heading == f"{check.id} {check.name} ({check.severity.value})"
    words = [paragraph for paragraph in paragraphs if not paragraph.startswith(("Flagged: ", "Clean: "))]
    assert len(words) >= 3
    for kind, examples in (("Flagged", check.flagged), ("Clean", check.clean)):
        assert re.findall(rf"^{kind}: (.*)$", page, re.MULTILINE) == [one.title for one in examples]
        assert examples


@each_check
def test_the_examples_of_a_page_can_be_copied(check: type[Check], capsys: pytest.CaptureFixture[str]) -> None:
    """What a page shows as an example's statements is JSON, and that of the check."""
    shown = re.findall(r"^(?:Flagged|Clean): .*\n((?:    .*\n?)+)", explained(capsys, check.id), re.MULTILINE)
    examples = [*check.flagged, *check.clean]
    assert len(shown) == len(examples)
    for text, example in zip(shown, examples, strict=True):
        statements = json.loads(text)
        assert (statements if isinstance(statements, list) else [statements]) == list(example.statements)


@each_check
def test_a_page_is_found_by_each_name_of_its_check(check: type[Check], capsys: pytest.CaptureFixture[str]) -> None:
    """The id, its number, the name and the id that cfn-lint shows lead to the same page."""
    number = check.id[-3:]
    letter = {Severity.INFO: "I", Severity.HIGH: "E"}.get(check.severity, "W")
    pages = {explained(capsys, word) for word in (check.id, number, check.name, f"{letter}95{number[1:]}")}
    assert len(pages) == 1


def test_without_a_check_all_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    """Each check has a line with its id, severity and name, in the order of their numbers."""
    lines = explained(capsys).splitlines()
    assert [line.split()[:3] for line in lines] == [[one.id, one.severity.value, one.name] for one in ALL]
    assert [one.id for one in ALL] == sorted(one.id for one in ALL)
