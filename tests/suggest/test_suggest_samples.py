"""Suggestions for the samples: the fix for each flagged statement, or the reason for manual review.

``python -m tools.regenerate`` writes what the command line prints for the sample of suggestions.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import expected_outputs
import pytest

from passrole_checks.findings import Severity
from passrole_checks.scan.scanner import ScanOptions, read_paths, scan_configurations
from passrole_checks.suggest.suggest import Session

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "sample_templates" / "suggestions"
FORMATS = ("terraform", "cloudformation")

MANUAL = "manual"
FIXED = "fixed"
LESS_SEVERE = ""  # no finding is resolved

Row = tuple[str, int, str, str]
"""The file, the line, the checks, and whether the suggestion has edits."""


def rows(folder: str) -> list[Row]:
    """Return the suggestions for the flagged Terraform and templates of a sample; 012 is asked for by name."""
    is_info = folder.startswith("012")
    options = ScanOptions(
        minimum_severity=Severity.INFO if is_info else Severity.LOW,
        checks=frozenset({"PASSROLE_012"}) if is_info else frozenset(),
    )
    places = [ROOT / "sample_templates" / folder / kind for kind in FORMATS]
    read = read_paths(places, options)
    result = scan_configurations([configuration for _, configuration in read.units], options)
    return [
        (
            Path(one.at.file).relative_to(ROOT / "sample_templates" / folder).as_posix(),
            one.at.line,
            " ".join(finding.check_id[-3:] for finding in one.findings),
            FIXED if one.edits else MANUAL,
        )
        for one in Session(read, result.findings, options).suggestions
    ]


@pytest.mark.parametrize(
    ("folder", "expected"),
    [
        (
            "001-any-role",
            [
                ("cloudformation/flagged.json", 11, "001", MANUAL),
                ("cloudformation/flagged.yaml", 22, LESS_SEVERE, FIXED),
                ("cloudformation/flagged.yaml", 22, "001", MANUAL),
                ("cloudformation/flagged.yaml", 36, "001", MANUAL),
                ("cloudformation/flagged.yaml", 50, "001", MANUAL),
                ("cloudformation/flagged.yaml", 64, "001", MANUAL),
                ("terraform/flagged/main.tf", 19, LESS_SEVERE, FIXED),
                ("terraform/flagged/main.tf", 19, "001", MANUAL),
                ("terraform/flagged/main.tf", 31, "001", MANUAL),
                ("terraform/flagged/main.tf", 51, "001", MANUAL),
                ("terraform/flagged/main.tf", 69, "001", MANUAL),
            ],
        ),
        (
            "002-any-service",
            [
                ("cloudformation/flagged.json", 10, "002", MANUAL),
                ("cloudformation/flagged.yaml", 14, "002", MANUAL),
                ("cloudformation/flagged.yaml", 18, "002", MANUAL),
                ("cloudformation/flagged.yaml", 32, "002", MANUAL),
                ("terraform/flagged/main.tf", 12, "002", MANUAL),
                ("terraform/flagged/main.tf", 18, "002", MANUAL),
                ("terraform/flagged/main.tf", 34, "002", MANUAL),
            ],
        ),
        (
            "003-ineffective-condition",
            [
                ("cloudformation/flagged.yaml", 14, "003", MANUAL),
                ("cloudformation/flagged.yaml", 21, "003", MANUAL),
                ("cloudformation/flagged.yaml", 28, "003", MANUAL),
                ("cloudformation/flagged.yaml", 35, "003", MANUAL),
                ("cloudformation/flagged.yaml", 42, "003", FIXED),
                ("cloudformation/flagged.yaml", 49, "003", FIXED),
                ("terraform/flagged/main.tf", 16, "003", MANUAL),
                ("terraform/flagged/main.tf", 23, "003", MANUAL),
                ("terraform/flagged/main.tf", 30, "003", MANUAL),
                ("terraform/flagged/main.tf", 37, "003", MANUAL),
                ("terraform/flagged/main.tf", 44, "003", FIXED),
                ("terraform/flagged/main.tf", 51, "003", FIXED),
                ("terraform/flagged/main.tf", 58, "003", FIXED),
            ],
        ),
        (
            "004-tag-condition",
            [
                ("cloudformation/flagged.yaml", 13, "004", MANUAL),
                ("cloudformation/flagged.yaml", 21, "004", MANUAL),
                ("terraform/flagged/main.tf", 7, "004", MANUAL),
                ("terraform/flagged/main.tf", 25, "004", MANUAL),
            ],
        ),
        (
            "012-get-role-missing",
            [
                ("cloudformation/flagged.yaml", 13, "012", FIXED),
                ("cloudformation/flagged.yaml", 27, "012", FIXED),
                ("terraform/flagged/main.tf", 11, "012", FIXED),
                ("terraform/flagged/main.tf", 27, "012", FIXED),
            ],
        ),
    ],
)
def test_flagged_statement_is_fixed_or_has_a_reason(folder: str, expected: list[Row]) -> None:
    """Each flagged statement is rewritten where its configuration tells how, and otherwise it says what is missing.

    No resource of these samples is given a role, so that mostly a person has to tell which ones are meant.
    """
    assert rows(folder) == expected


def printed(name: str) -> str:
    """Return the output of ``passrole-checks suggest sample_templates/suggestions/NAME``."""
    return expected_outputs.printed("suggest", f"sample_templates/suggestions/{name}", status=1)


@pytest.mark.parametrize("name", FORMATS)
def test_sample_prints_its_expected_output(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The changes, and what needs manual review, match the expected output exactly."""
    monkeypatch.chdir(ROOT)
    assert printed(name) == (FOLDER / f"{name}.txt").read_text(encoding="utf-8")


def outputs() -> Iterator[tuple[Path, str]]:
    """Yield the files beside the samples, with the text that the command prints now."""
    for name in FORMATS:
        yield FOLDER / f"{name}.txt", printed(name)
