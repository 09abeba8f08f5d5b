"""Baselines: what was there before is counted, and what is new counts."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from passrole_checks.cli import main
from passrole_checks.escaping.terminal import display_path
from passrole_checks.findings import Finding, Severity
from passrole_checks.scan.baseline import BaselineEntry, apply, covered_by_scan, dump, load, renew_entries
from passrole_checks.scan.scanner import ScanOptions, scan_paths

FINGERPRINT = "0123456789abcdef0123456789abcdef"
TODAY = date(2026, 6, 15)
FILE = "accepted.json"


def policy(name: str, role: str, *, actions: str = '"iam:GetRole", "iam:PassRole"') -> str:
    return (
        f'resource "aws_iam_policy" "{name}" {{\n  policy = jsonencode({{ Version = "2012-10-17", Statement = [{{\n'
        f'    Effect = "Allow", Action = [{actions}]\n    Resource = "arn:aws:iam::111122223333:role/{role}"\n'
        "  }] })\n}\n"
    )


def put(name: str, content: str) -> None:
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    Path(name).write_text(content, "utf-8")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def entries() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(Path(FILE).read_text("utf-8"))["entries"]
    return found


def change(number: int, **values: str) -> None:
    """Write other values into an entry of the file."""
    changed = entries()
    changed[number] |= values
    Path(FILE).write_text(json.dumps({"version": 1, "entries": changed}), "utf-8")


def scanned(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, Any]]:
    """The exit status and the JSON of a scan of the folder."""
    capsys.readouterr()
    status = main(["scan", ".", "--format", "json", *arguments])
    return status, json.loads(capsys.readouterr().out)


def resources(document: dict[str, Any]) -> list[str]:
    return [finding["resource"] for finding in document["findings"]]


# the command line


def test_what_is_in_the_baseline_is_counted_and_does_not_fail(capsys: pytest.CaptureFixture[str]) -> None:
    """--write-baseline accepts all that there is; with --baseline only what came later is shown, and fails the run."""
    put("main.tf", policy("old", "*"))
    assert main(["scan", ".", "--write-baseline", FILE]) == 0
    assert capsys.readouterr().out == "no findings; 1 PassRole grant in 1 file; 1 in the baseline, not shown\n"
    assert scanned(capsys, "--baseline", FILE)[0] == 0
    put("other.tf", policy("new", "*"))
    status, document = scanned(capsys, "--baseline", FILE)
    assert (status, resources(document)) == (1, ["aws_iam_policy.new"])
    assert document["summary"]["in_baseline"] == 1
    assert document["baseline"] == {"file": FILE, "expired": [], "worse": [], "unused": []}
    assert scanned(capsys)[1]["baseline"] is None


def test_the_file_names_check_file_and_resource(capsys: pytest.CaptureFixture[str]) -> None:
    """The file is sorted JSON with a fingerprint and, for people, check, file, resource and severity."""
    put("b.tf", policy("b", "*"))
    put("a.tf", policy("a", "app-*"))
    main(["scan", ".", "--write-baseline", FILE])
    _, document = scanned(capsys)
    first, second = document["findings"]
    assert Path(FILE).read_text("utf-8") == (
        '{\n  "version": 1,\n  "entries": [\n'
        f'    {{\n      "fingerprint": "{first["fingerprint"]}",\n      "check_id": "PASSROLE_002",\n'
        '      "file": "a.tf",\n      "resource": "aws_iam_policy.a",\n      "severity": "medium"\n    },\n'
        f'    {{\n      "fingerprint": "{second["fingerprint"]}",\n      "check_id": "PASSROLE_001",\n'
        '      "file": "b.tf",\n      "resource": "aws_iam_policy.b",\n      "severity": "high"\n    }\n  ]\n}\n'
    )


def test_an_entry_follows_its_finding_to_other_lines_and_files(capsys: pytest.CaptureFixture[str]) -> None:
    """Lines above a statement, and another name of its file, change nothing."""
    put("main.tf", policy("old", "*"))
    main(["scan", ".", "--write-baseline", FILE])
    Path("main.tf").unlink()
    put("renamed.tf", "\n\n# a comment\n" + policy("old", "*"))
    status, document = scanned(capsys, "--baseline", FILE)
    assert (status, resources(document), document["baseline"]["unused"]) == (0, [], [])


def test_another_statement_is_not_in_the_baseline(capsys: pytest.CaptureFixture[str]) -> None:
    """A statement that is widened after it was accepted counts, and the entry of what it was is reported."""
    put("main.tf", policy("old", "app-*"))
    main(["scan", ".", "--write-baseline", FILE])
    put("main.tf", policy("old", "ap*"))
    status, document = scanned(capsys, "--baseline", FILE)
    assert (status, resources(document)) == (1, ["aws_iam_policy.old"])
    assert [entry["resource"] for entry in document["baseline"]["unused"]] == ["aws_iam_policy.old"]


def test_an_expired_entry_counts_again_and_is_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An entry holds until and with its last day; after it, the finding is shown and fails, and the text says why."""
    put("main.tf", policy("old", "*"))
    main(["scan", ".", "--write-baseline", FILE])
    change(0, expires="2999-12-31", reason="until the new pipeline is there")
    assert scanned(capsys, "--baseline", FILE)[0] == 0
    change(0, expires="2020-01-31")
    status, document = scanned(capsys, "--baseline", FILE)
    assert (status, resources(document)) == (1, ["aws_iam_policy.old"])
    assert document["baseline"]["expired"][0]["expires"] == "2020-01-31"
    assert main(["scan", ".", "--baseline", FILE]) == 1
    assert (
        f"{FILE}: note: PASSROLE_001 of aws_iam_policy.old in main.tf was accepted until 2020-01-31, and counts again\n"
        in capsys.readouterr().out
    )


def test_what_became_worse_counts_again(capsys: pytest.CaptureFixture[str]) -> None:
    """An entry accepts its finding up to the severity that it had; one that is worse now is shown, with a note."""
    put("main.tf", policy("old", "*"))
    main(["scan", ".", "--write-baseline", FILE])
    change(0, severity="medium")
    status, document = scanned(capsys, "--baseline", FILE)
    assert (status, resources(document)) == (1, ["aws_iam_policy.old"])
    assert [entry["severity"] for entry in document["baseline"]["worse"]] == ["medium"]
    main(["scan", ".", "--baseline", FILE])
    assert "was accepted as medium, is high now, and counts again\n" in capsys.readouterr().out


def test_unused_entry_is_only_a_note(capsys: pytest.CaptureFixture[str]) -> None:
    """An entry that matches no finding is reported, unless nothing was scanned that it could apply to."""
    put("app/main.tf", policy("old", "*"))
    put("other/main.tf", policy("fine", "app", actions='"s3:GetObject"'))
    main(["scan", ".", "--write-baseline", FILE])
    put("app/main.tf", policy("old", "*", actions='"s3:GetObject"'))
    capsys.readouterr()
    note = f"{FILE}: note: PASSROLE_001 of aws_iam_policy.old in app/main.tf is no longer found"
    for arguments, told in (
        (["."], True),
        (["app"], True),
        (["app/main.tf"], True),
        (["other"], False),
        ([".", "--skip-check", "001"], False),
        ([".", "--check", "002"], False),
        ([".", "--quiet"], False),
    ):
        assert main(["scan", *arguments, "--baseline", FILE]) == 0
        assert (note in capsys.readouterr().out) is told, arguments
    put("broken.yaml", "Resources:\n  A:\n    Type: AWS::IAM::Policy\n   B: [\n")
    assert main(["scan", ".", "--baseline", FILE]) == 2  # what cannot be read may be where the finding is
    assert note not in capsys.readouterr().out


def test_the_options_of_what_is_shown_do_not_change_what_is_accepted(capsys: pytest.CaptureFixture[str]) -> None:
    """A baseline written under one --severity and read under another is about the same findings, and counts those that
    would be shown."""
    put("main.tf", policy("old", "*") + policy("bare", "app-*", actions='"iam:PassRole"'))
    main(["scan", ".", "--severity", "high", "--write-baseline", FILE])
    assert [entry["check_id"] for entry in entries()] == ["PASSROLE_001", "PASSROLE_002", "PASSROLE_012"]
    for severity, count in (("info", 3), ("low", 2), ("medium", 2), ("high", 1)):
        status, document = scanned(capsys, "--severity", severity, "--baseline", FILE)
        assert (status, document["findings"], document["summary"]["in_baseline"]) == (0, [], count)


def test_writing_again_keeps_reasons_and_drops_what_is_gone(capsys: pytest.CaptureFixture[str]) -> None:
    """The second writing keeps reason and last day of what is still there, and entries of what was not scanned."""
    put("app/main.tf", policy("old", "*") + policy("gone", "*"))
    put("other/main.tf", policy("other", "*"))
    main(["scan", ".", "--write-baseline", FILE])
    change(1, reason="break glass", expires="2999-12-31")
    put("app/main.tf", policy("old", "*") + policy("new", "*"))
    assert main(["scan", "app", "--write-baseline", FILE]) == 0
    assert [(entry["resource"], entry.get("reason")) for entry in entries()] == [
        ("aws_iam_policy.new", None),
        ("aws_iam_policy.old", "break glass"),
        ("aws_iam_policy.other", None),
    ]
    before = Path(FILE).read_bytes()
    assert main(["scan", ".", "--write-baseline", FILE]) == 0
    assert Path(FILE).read_bytes() == before


def test_a_baseline_can_be_written_from_another_one(capsys: pytest.CaptureFixture[str]) -> None:
    """--baseline is read and --write-baseline written, and the first stays as it is."""
    put("main.tf", policy("old", "*"))
    main(["scan", ".", "--write-baseline", FILE])
    change(0, reason="known")
    before = Path(FILE).read_bytes()
    assert main(["scan", ".", "--baseline", FILE, "--write-baseline", "next.json"]) == 0
    assert Path(FILE).read_bytes() == before
    assert load("next.json")[0].reason == "known"


def test_suppressed_findings_are_not_written(capsys: pytest.CaptureFixture[str]) -> None:
    """A finding suppressed in the code needs no entry, and an entry for it is not reported as unused."""
    put("main.tf", policy("old", "*"))
    main(["scan", ".", "--write-baseline", FILE])
    silenced = policy("old", "*").replace("{\n", "{\n  # passrole:skip=PASSROLE_001 known\n", 1)
    put("main.tf", silenced)
    status, document = scanned(capsys, "--baseline", FILE)
    assert (status, document["summary"]["suppressed"], document["summary"]["in_baseline"]) == (0, 1, 0)
    assert document["baseline"]["unused"] == []
    main(["scan", ".", "--write-baseline", FILE])
    assert entries() == []


def test_of_equal_findings_the_one_in_another_file_is_new(capsys: pytest.CaptureFixture[str]) -> None:
    """Two folders with the same module have equal fingerprints; a third is new, wherever it stands in the order, and
    one that is gone is unused."""
    for name in ("b", "c"):
        put(f"{name}/main.tf", policy("p", "*"))
    main(["scan", ".", "--write-baseline", FILE])
    assert len({entry["fingerprint"] for entry in entries()}) == 1
    put("a/main.tf", policy("p", "*"))
    status, document = scanned(capsys, "--baseline", FILE)
    assert (status, [finding["file"] for finding in document["findings"]]) == (1, ["a/main.tf"])
    for name in ("a", "b"):
        Path(name, "main.tf").unlink()
    status, document = scanned(capsys, "--baseline", FILE)
    assert (status, [entry["file"] for entry in document["baseline"]["unused"]]) == (0, ["b/main.tf"])


def test_the_configuration_names_the_baseline(capsys: pytest.CaptureFixture[str]) -> None:
    """`baseline` in pyproject.toml is the option; other commands do not mind it; no configuration writes a baseline."""
    put("main.tf", policy("old", "*"))
    main(["scan", ".", "--write-baseline", FILE])
    put("pyproject.toml", f'[tool.passrole_checks]\nbaseline = "{FILE}"\n')
    assert main(["scan", "."]) == 0
    assert main(["grants", "."]) == 0
    put("pyproject.toml", f'[tool.passrole_checks]\nwrite_baseline = "{FILE}"\n')
    capsys.readouterr()
    assert main(["scan", "."]) == 2
    assert capsys.readouterr().err.startswith("pyproject.toml: [tool.passrole_checks] write_baseline ")


@pytest.mark.parametrize("output_format", ["text", "github", "markdown"])
def test_each_summary_counts_the_baseline(output_format: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Formats with a summary say how many findings of the baseline are not shown, and show none of them."""
    put("main.tf", policy("old", "*"))
    main(["scan", ".", "--write-baseline", FILE])
    capsys.readouterr()
    assert main(["scan", ".", "--baseline", FILE, "--format", output_format]) == 0
    out = capsys.readouterr().out
    assert "1 in the baseline, not shown" in out
    assert "PASSROLE_001" not in out


# the file

GOOD = {
    "fingerprint": FINGERPRINT,
    "check_id": "PASSROLE_001",
    "file": "main.tf",
    "resource": "aws_iam_policy.p",
    "severity": "high",
}


def document(**changed: object) -> str:
    return json.dumps({"version": 1, "entries": [GOOD | changed]})


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", ":1: not valid JSON"),
        ('{"version": 1,\n', ":2: not valid JSON"),
        ("[]", ": not a baseline"),
        ('{"version": 1}', ": not a baseline"),
        ('{"entries": []}', ": not a baseline"),
        ('{"version": 2, "entries": []}', ": a baseline of version 2, only 1 is known"),
        ('{"version": true, "entries": []}', ": a baseline of version True"),
        ('{"version": 1, "entries": {}}', ": entries must be a list"),
        ('{"version": 1, "entries": [1]}', ": entry 1 must be an object"),
        ('{"version": 1, "entries": [{}]}', ": entry 1: fingerprint is missing"),
        (document(expire="2027-01-31"), ": entry 1: unknown key 'expire'"),
        (document(file=1), ": entry 1: file must be a text"),
        (document(fingerprint="abc"), ": entry 1: fingerprint must be 32 hexadecimal digits, not 'abc'"),
        (document(check_id="001"), ": entry 1: check_id must be the id of a check"),
        (document(severity="grave"), ": entry 1: severity must be one of info, low, medium, high"),
        (document(expires="31.1.2027"), ": entry 1: expires must be a day, as 2027-01-31"),
        (document(expires="2027-02-30"), ": entry 1: expires: there is no day 2027-02-30"),
        ("[" * 100_000, ": not a baseline"),
        (b"\xff\xfe", ": not UTF-8"),
        (None, ": cannot be read: No such file or directory"),
    ],
)
def test_a_broken_baseline_is_one_line(
    content: str | bytes | None, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The line starts with the file, and the exit status is 2."""
    put("main.tf", policy("p", "*"))
    if content is not None:
        Path(FILE).write_bytes(content if isinstance(content, bytes) else content.encode())
    assert main(["scan", ".", "--baseline", FILE]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"{FILE}{words}")
    assert error.count("\n") == 1


def test_a_broken_baseline_is_not_overwritten(capsys: pytest.CaptureFixture[str]) -> None:
    """Where the file of --write-baseline is there and cannot be used, it stays."""
    put("main.tf", policy("p", "*"))
    put(FILE, "{")
    assert main(["scan", ".", "--write-baseline", FILE]) == 2
    assert Path(FILE).read_text("utf-8") == "{"
    assert main(["scan", ".", "--write-baseline", "no/such/folder.json"]) == 2
    assert capsys.readouterr().err.splitlines()[-1].startswith("no/such/folder.json: cannot be written")


def test_what_is_written_is_what_is_read() -> None:
    """Entries survive being written and read, whatever their order and names."""
    one = BaselineEntry(FINGERPRINT, "PASSROLE_001", "b.tf", "aws_iam_policy.é\ud800", Severity.HIGH)
    two = BaselineEntry(FINGERPRINT, "PASSROLE_001", "a.tf", "x", Severity.LOW, "a reason", date(2027, 1, 31))
    put(FILE, dump([one, two]))
    assert load(FILE) == (two, one)
    assert dump([two, one]) == dump([one, two])
    Path(FILE).write_bytes(b"\xef\xbb\xbf" + Path(FILE).read_bytes())
    assert load(FILE) == (two, one)


# the matching


def found() -> tuple[Finding, ...]:
    return scan_paths([Path(".")], ScanOptions()).findings


def test_the_last_day_counts() -> None:
    """An entry holds on its last day, and not on the next."""
    put("main.tf", policy("p", "*"))
    concerns = covered_by_scan(["."], (), (), complete=True)
    (entry,) = renew_entries((), found(), display_path, concerns)
    for expires, open_findings in ((date(2026, 6, 14), 1), (TODAY, 0), (date(2026, 6, 16), 0)):
        old = BaselineEntry(entry.fingerprint, entry.check_id, entry.file, entry.resource, entry.severity, "", expires)
        applied = apply(FILE, [old], found(), display_path, concerns, TODAY)
        assert (len(applied.open), len(applied.accepted), len(applied.expired)) == (
            open_findings,
            1 - open_findings,
            open_findings,
        )


def test_a_fingerprint_of_a_report_is_one_of_a_baseline() -> None:
    """A numbered fingerprint, as JSON and SARIF give the second of two equal findings, stands for that one too."""
    for name in ("a", "b"):
        put(f"{name}/main.tf", policy("p", "*"))
    first, second = found()
    assert first.fingerprint != second.fingerprint
    entry = BaselineEntry(second.fingerprint, second.check_id, "b/main.tf", second.resource.address, second.severity)
    applied = apply(FILE, [entry], found(), display_path, covered_by_scan(["."], (), (), complete=True), TODAY)
    assert [display_path(finding.at.file) for finding in applied.open] == ["a/main.tf"]
