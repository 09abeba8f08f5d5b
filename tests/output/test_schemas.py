"""JSON output is valid under the schemas in ``docs/schema``, and contains no key that they do not describe."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import json_schemas
import pytest
from json_schemas import SCHEMAS
from reports_of_tests import ALL_KINDS

from passrole_checks.cli import main
from passrole_checks.review.report_json import to_json

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = sorted(path for path in (ROOT / "sample_templates").iterdir() if path.is_dir())
LOGS = ROOT / "sample_templates" / "evidence"


def errors(name: str, text: str) -> list[str]:
    """Return what in a JSON document violates a schema."""
    return json_schemas.errors(name, json.loads(text))


@pytest.fixture(autouse=True)
def at_the_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


@pytest.mark.parametrize("command", ["scan", "grants", "required"])
@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.name)
def test_output_for_every_sample_is_valid(sample: Path, command: str, capsys: pytest.CaptureFixture[str]) -> None:
    main([command, str(sample), "--format", "json", "--quiet", *(["--severity", "info"] if command == "scan" else [])])
    assert errors(command, capsys.readouterr().out) == []


def test_each_line_is_valid(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a scan with lines of each type but that of internal errors."""
    (tmp_path / "broken.tf").write_text('resource "a" {')
    (tmp_path / "pyproject.toml").write_text('[tool.passrole_checks]\nskip_check = ["009"]\nexclude = ["x.tf"]\n')
    (tmp_path / "x.tf").touch()
    text = 'resource "aws_iam_user" "u" {\n  # passrole:skip=PASSROLE_001 none\n  name = "u"\n}\n'
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "c.tf").write_text(text)
    paths = [str(ROOT / "sample_templates" / name) for name in ("missing-modules", "everyday")]
    monkeypatch.chdir(tmp_path)
    main(["scan", *paths, ".", "--format", "jsonl", "--no-cache"])
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [error for line in lines for error in json_schemas.errors("scan-lines", line)] == []
    types = {"finding", "unreadable", "not_evaluated", "excluded", "unused_suppression", "note", "summary"}
    assert {line["type"] for line in lines} == types


def test_suggestions_and_usage_are_valid(capsys: pytest.CaptureFixture[str]) -> None:
    code, logs = str(LOGS / "terraform"), str(LOGS / "logs")
    main(["suggest", code, "--format", "json", "--quiet", "--evidence", logs])
    assert errors("suggest", capsys.readouterr().out) == []
    main(["trail", logs, "--format", "json", "--quiet", "--events", "--against", code])
    assert errors("trail", capsys.readouterr().out) == []


@pytest.mark.slow
def test_differences_between_samples_are_valid(capsys: pytest.CaptureFixture[str]) -> None:
    for old, new in pairwise(SAMPLES):
        main(["diff", str(old), str(new), "--format", "json", "--quiet"])
        assert errors("diff", capsys.readouterr().out) == []


@pytest.mark.slow  # starts checkov and cfn-lint
def test_diagnosis_is_valid(capsys: pytest.CaptureFixture[str]) -> None:
    main(["doctor", "--format", "json"])
    assert errors("doctor", capsys.readouterr().out) == []


def test_review_report_is_valid() -> None:
    assert errors("review", to_json(ALL_KINDS)) == []


def test_every_command_with_json_has_a_schema() -> None:
    assert {path.stem for path in SCHEMAS.iterdir()} == {
        "diff", "doctor", "grants", "inventory", "required", "review", "scan", "scan-lines", "suggest", "trail",
    }  # fmt: skip
